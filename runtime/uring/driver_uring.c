/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver_uring.c - the driver on io_uring(7), by liburing: one ring a loop,
 * entered once a turn to submit, wait and collect at the same time.
 *
 * Inlets are multishot accepts, and multishot receives into buffers that the
 * ring picks from those it was given. Readiness is epoll's, whose descriptor
 * the ring polls: an armed poll of the ring's own would keep a file open that
 * the program closes with close(2). */
#define _GNU_SOURCE
#include "driver.h"
#include "statx.h"

#include <ac/uring.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <liburing.h>

enum {
  QUEUE_LENGTH = 512,
  COMPLETION_COUNT = 4096,
  BUFFER_COUNT = 1024, /* a power of two */
  BUFFER_BYTES = 4096,
  BUFFER_GROUP = 1,
  BYTES_LIMIT = 65536, /* of one inlet: nobody seems to read */
  CONNECTION_LIMIT = 16,
  SETTLE_LIMIT = 16,
  INLINE_BYTES = 65536, /* of a read, which a turn may copy */
  WORKER_LIMIT = 16     /* of the kernel's threads, for what blocks */
};

/* The kernel's own codes from here on say how to go on with what a signal has
 * interrupted; some operations give them away. */
enum { RESTART = -512 };

/* user_data: a pointer, and what it points to. */
enum { NOTHING, EPOLL, INLET, REQUEST, KIND_MASK = 7 };

/* What a buffer holds, and the next of the same inlet. */
struct piece {
  uint32_t bytes;
  int next; /* -1: the last */
};

struct inlet {
  struct aci_inlet base;
  struct inlet *next, *prev; /* in the ring of all */
  int dropped;
  int first, last; /* ACI_BYTES: buffers; -1: none */
  uint32_t offset; /* in the first one */
  int *fds;        /* ACI_CONNECTIONS */
  uint32_t fds_begin, fds_size;
};

struct uring {
  struct io_uring ring;
  struct aci_driver epoll;
  int epoll_polled; /* by the ring */
  int epoll_ready;
  struct io_uring_buf_ring *buffers;
  char *memory; /* the buffers, and the ring of them behind */
  struct piece pieces[BUFFER_COUNT];
  struct inlet inlets; /* anchor of the ring */
  uint32_t known;      /* kinds of requests, by bits */
};

static const struct aci_driver_class *epoll_class;

static inline struct uring *uring_of(const struct aci_driver *driver) {
  return driver->state;
}

/* ---- submitting ---------------------------------------------------------- */

static struct io_uring_sqe *entry_new(struct aci_driver *driver) {
  struct uring *uring = uring_of(driver);
  struct io_uring_sqe *sqe = io_uring_get_sqe(&uring->ring);
  if (!sqe) {
    io_uring_submit(&uring->ring);
    sqe = io_uring_get_sqe(&uring->ring);
  }
  if (sqe)
    driver->asked = 1;
  return sqe;
}

static void tag_entry(struct io_uring_sqe *sqe, const void *pointer,
                      uint64_t kind) {
  io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)pointer | kind);
}

/* Has the operation with that user_data end; whether it does is seen from its
 * own completion. */
static void cancel_tagged(struct aci_driver *driver, const void *pointer,
                          uint64_t kind) {
  uint64_t data = (uint64_t)(uintptr_t)pointer | kind;
  struct io_uring_sqe *sqe = entry_new(driver);
  if (sqe) {
    io_uring_prep_cancel64(sqe, data, 0);
    tag_entry(sqe, NULL, NOTHING);
    return;
  }
  struct io_uring_sync_cancel_reg cancel = {
      .addr = data, .fd = -1, .timeout = {.tv_sec = -1, .tv_nsec = -1}};
  io_uring_register_sync_cancel(&uring_of(driver)->ring, &cancel);
}

/* ---- buffers ------------------------------------------------------------- */

static char *buffer_at(const struct uring *uring, int id) {
  return uring->memory + (size_t)id * BUFFER_BYTES;
}

static void buffer_give(struct uring *uring, int id) {
  io_uring_buf_ring_add(uring->buffers, buffer_at(uring, id), BUFFER_BYTES,
                        (unsigned short)id,
                        io_uring_buf_ring_mask(BUFFER_COUNT), 0);
  io_uring_buf_ring_advance(uring->buffers, 1);
}

static size_t buffers_bytes(void) {
  return (size_t)BUFFER_COUNT * (BUFFER_BYTES + sizeof(struct io_uring_buf));
}

static int buffers_open(struct uring *uring) {
  void *memory = mmap(NULL, buffers_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return -errno;
  uring->memory = memory;
  uring->buffers =
      (struct io_uring_buf_ring *)(void *)(uring->memory +
                                           (size_t)BUFFER_COUNT * BUFFER_BYTES);
  struct io_uring_buf_reg ring = {.ring_addr =
                                      (uint64_t)(uintptr_t)uring->buffers,
                                  .ring_entries = BUFFER_COUNT,
                                  .bgid = BUFFER_GROUP};
  int code = io_uring_register_buf_ring(&uring->ring, &ring, 0);
  if (code) {
    munmap(uring->memory, buffers_bytes());
    return code;
  }
  io_uring_buf_ring_init(uring->buffers);
  for (int id = 0; id < BUFFER_COUNT; id++)
    buffer_give(uring, id);
  return 0;
}

/* ---- inlets -------------------------------------------------------------- */

static struct inlet *inlet_of(struct aci_inlet *base) {
  return (struct inlet *)(void *)base;
}

static struct aci_inlet *uring_inlet_new(struct aci_driver *driver,
                                         enum aci_inlet_kind kind, int fd,
                                         uint32_t tag) {
  struct inlet *anchor = &uring_of(driver)->inlets;
  struct inlet *inlet = calloc(1, sizeof *inlet);
  if (!inlet)
    return NULL;
  inlet->base = (struct aci_inlet){.kind = kind, .fd = fd, .tag = tag};
  inlet->first = inlet->last = -1;
  inlet->next = anchor;
  inlet->prev = anchor->prev;
  anchor->prev->next = inlet;
  anchor->prev = inlet;
  return &inlet->base;
}

static int uring_inlet_start(struct aci_driver *driver,
                             struct aci_inlet *base) {
  struct io_uring_sqe *sqe = entry_new(driver);
  if (!sqe)
    return -EAGAIN;
  if (base->kind == ACI_BYTES) {
    io_uring_prep_recv_multishot(sqe, base->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
  } else {
    io_uring_prep_multishot_accept(sqe, base->fd, NULL, NULL,
                                   SOCK_CLOEXEC | SOCK_NONBLOCK);
  }
  tag_entry(sqe, base, INLET);
  base->live = 1;
  base->stopped = 0;
  return 0;
}

static void uring_inlet_stop(struct aci_driver *driver,
                             struct aci_inlet *base) {
  if (!base->live || base->stopped)
    return;
  base->stopped = 1;
  cancel_tagged(driver, base, INLET);
}

/* The first buffer has been read. */
static void piece_drop(struct uring *uring, struct inlet *inlet) {
  int id = inlet->first;
  inlet->first = uring->pieces[id].next;
  if (inlet->first < 0)
    inlet->last = -1;
  inlet->offset = 0;
  buffer_give(uring, id);
}

static ssize_t take_bytes(struct uring *uring, struct inlet *inlet,
                          char *buffer, size_t bytes, int flags) {
  size_t done = 0;
  uint32_t offset = inlet->offset;
  for (int id = inlet->first; id >= 0 && done < bytes;) {
    const struct piece *piece = &uring->pieces[id];
    size_t part = piece->bytes - offset;
    if (part > bytes - done)
      part = bytes - done;
    if (!(flags & MSG_TRUNC))
      memcpy(buffer + done, buffer_at(uring, id) + offset, part);
    done += part;
    offset += (uint32_t)part;
    int is_empty = offset == piece->bytes;
    id = is_empty ? piece->next : id;
    if (is_empty)
      offset = 0;
    if (flags & MSG_PEEK)
      continue;
    inlet->base.count -= (uint32_t)part;
    if (is_empty)
      piece_drop(uring, inlet);
    else
      inlet->offset = offset;
  }
  return (ssize_t)done;
}

static int take_connection(struct inlet *inlet) {
  int fd = inlet->fds[inlet->fds_begin++];
  if (!--inlet->base.count)
    inlet->fds_begin = 0;
  return fd;
}

static ssize_t uring_inlet_take(struct aci_driver *driver,
                                struct aci_inlet *base, void *buffer,
                                size_t bytes, int flags) {
  struct inlet *inlet = inlet_of(base);
  if (!base->count)
    return -EAGAIN;
  if (base->kind == ACI_CONNECTIONS)
    return take_connection(inlet);
  return take_bytes(uring_of(driver), inlet, buffer, bytes, flags);
}

static void inlet_empty(struct uring *uring, struct inlet *inlet) {
  while (inlet->first >= 0)
    piece_drop(uring, inlet);
  while (inlet->base.kind == ACI_CONNECTIONS && inlet->base.count)
    close(take_connection(inlet));
  inlet->base.count = 0;
}

static void inlet_free(struct inlet *inlet) {
  inlet->next->prev = inlet->prev;
  inlet->prev->next = inlet->next;
  free(inlet->fds);
  free(inlet);
}

static void uring_inlet_drop(struct aci_driver *driver,
                             struct aci_inlet *base) {
  struct inlet *inlet = inlet_of(base);
  inlet_empty(uring_of(driver), inlet);
  inlet->dropped = 1;
  if (base->live)
    uring_inlet_stop(driver, base);
  else
    inlet_free(inlet);
}

/* ---- what an inlet receives ---------------------------------------------- */

static void add_bytes(struct aci_driver *driver, struct inlet *inlet, int id,
                      uint32_t bytes) {
  struct uring *uring = uring_of(driver);
  if (inlet->dropped || !bytes) {
    buffer_give(uring, id);
    return;
  }
  uring->pieces[id] = (struct piece){.bytes = bytes, .next = -1};
  if (inlet->last >= 0)
    uring->pieces[inlet->last].next = id;
  else
    inlet->first = id;
  inlet->last = id;
  inlet->base.count += bytes;
  if (inlet->base.count >= BYTES_LIMIT)
    uring_inlet_stop(driver, &inlet->base);
}

/* Room for one more. */
static int fds_grow(struct inlet *inlet) {
  uint32_t size = inlet->fds_size ? inlet->fds_size * 2 : CONNECTION_LIMIT;
  int *fds = realloc(inlet->fds, size * sizeof *fds);
  if (!fds)
    return 0;
  inlet->fds = fds;
  inlet->fds_size = size;
  return 1;
}

static void add_connection(struct aci_driver *driver, struct inlet *inlet,
                           int fd) {
  uint32_t end = inlet->fds_begin + inlet->base.count;
  if (inlet->dropped || (end == inlet->fds_size && !fds_grow(inlet))) {
    close(fd);
    return;
  }
  inlet->fds[end] = fd;
  if (++inlet->base.count >= CONNECTION_LIMIT)
    uring_inlet_stop(driver, &inlet->base);
}

/* Ends that say nothing of the descriptor: it was stopped, or there was no
 * buffer or no room for a completion; a system call goes on. */
static int is_end_alone(int result) {
  return result == -ECANCELED || result == -ENOBUFS || result == -EAGAIN ||
         result == -EINTR || result == -EOVERFLOW;
}

static void inlet_complete(struct aci_driver *driver, struct inlet *inlet,
                           int result, uint32_t flags, aci_driver_event *event,
                           void *context) {
  struct aci_inlet *base = &inlet->base;
  if (base->kind == ACI_BYTES) {
    if (flags & IORING_CQE_F_BUFFER)
      add_bytes(driver, inlet, (int)(flags >> IORING_CQE_BUFFER_SHIFT),
                result > 0 ? (uint32_t)result : 0);
  } else if (result >= 0) {
    add_connection(driver, inlet, result);
  }
  if (result < 0 && !is_end_alone(result))
    base->error = result;
  if (!(flags & IORING_CQE_F_MORE))
    base->live = base->stopped = 0;
  if (!inlet->dropped && event)
    event(context, base->fd, base->tag, POLLIN);
  else if (inlet->dropped && !base->live)
    inlet_free(inlet);
}

/* ---- requests ------------------------------------------------------------ */

/* Newer than liburing's header may be; the numbers are the kernel's. */
enum { OP_FTRUNCATE = 55 };

static const uint8_t opcodes[ACI_REQUEST_KINDS] = {
    [ACI_SEND] = IORING_OP_SEND,    [ACI_CONNECT] = IORING_OP_CONNECT,
    [ACI_OPEN] = IORING_OP_OPENAT,  [ACI_CLOSE] = IORING_OP_CLOSE,
    [ACI_READ] = IORING_OP_READ,    [ACI_WRITE] = IORING_OP_WRITE,
    [ACI_FSYNC] = IORING_OP_FSYNC,  [ACI_TRUNCATE] = OP_FTRUNCATE,
    [ACI_STAT] = IORING_OP_STATX,   [ACI_RENAME] = IORING_OP_RENAMEAT,
    [ACI_LINK] = IORING_OP_LINKAT,  [ACI_UNLINK] = IORING_OP_UNLINKAT,
    [ACI_MKDIR] = IORING_OP_MKDIRAT};

/* A bit for each kind of request. */
static uint32_t known_kinds(const struct io_uring_probe *probe) {
  uint32_t known = 0;
  for (unsigned kind = 0; kind < ACI_REQUEST_KINDS; kind++)
    if (io_uring_opcode_supported(probe, opcodes[kind]))
      known |= 1u << kind;
  return known;
}

/* What the kernel takes at a time. */
static unsigned length(const struct aci_request *request) {
  return request->bytes < INT_MAX ? (unsigned)request->bytes : INT_MAX;
}

/* On a thread of the kernel's: this one must not copy for long, nor get a
 * signal for a file's limit or a broken pipe; and what it tries first it tries
 * without waiting, by which a FIFO would be opened before it has a peer. */
static void elsewhere(struct io_uring_sqe *sqe) { sqe->flags |= IOSQE_ASYNC; }

static void prepare_read(struct io_uring_sqe *sqe,
                         const struct aci_request *request) {
  io_uring_prep_read(sqe, request->fd, request->buffer, length(request),
                     (uint64_t)request->offset);
  if (request->bytes > INLINE_BYTES)
    elsewhere(sqe);
}

static void prepare_write(struct io_uring_sqe *sqe,
                          const struct aci_request *request) {
  io_uring_prep_write(sqe, request->fd, request->data, length(request),
                      (uint64_t)request->offset);
  elsewhere(sqe);
}

_Static_assert(sizeof(struct statx) == sizeof(struct aci_statx) &&
                   offsetof(struct statx, stx_dev_minor) ==
                       offsetof(struct aci_statx, stx_dev_minor),
               "the kernel's layout");

static void prepare_stat(struct io_uring_sqe *sqe,
                         const struct aci_request *request) {
  int by_name = request->path != NULL;
  io_uring_prep_statx(
      sqe, by_name ? AT_FDCWD : request->fd, by_name ? request->path : "",
      request->flags | (by_name ? 0 : AT_EMPTY_PATH), STATX_BASIC_STATS,
      (struct statx *)(void *)request->status);
}

static void prepare(struct io_uring_sqe *sqe,
                    const struct aci_request *request) {
  switch (request->kind) {
  case ACI_SEND:
    io_uring_prep_send(sqe, request->fd, request->data, length(request),
                       request->flags);
    break;
  case ACI_CONNECT:
    io_uring_prep_connect(sqe, request->fd, request->data,
                          (socklen_t)request->bytes);
    break;
  case ACI_OPEN:
    io_uring_prep_openat(sqe, AT_FDCWD, request->path, request->flags,
                         request->mode);
    elsewhere(sqe);
    break;
  case ACI_CLOSE:
    io_uring_prep_close(sqe, request->fd);
    break;
  case ACI_READ:
    prepare_read(sqe, request);
    break;
  case ACI_WRITE:
    prepare_write(sqe, request);
    break;
  case ACI_FSYNC:
    io_uring_prep_fsync(sqe, request->fd,
                        request->flags ? IORING_FSYNC_DATASYNC : 0);
    break;
  case ACI_TRUNCATE:
    io_uring_prep_rw(OP_FTRUNCATE, sqe, request->fd, NULL, 0,
                     (uint64_t)request->offset);
    break;
  case ACI_STAT:
    prepare_stat(sqe, request);
    break;
  case ACI_RENAME:
    io_uring_prep_renameat(sqe, AT_FDCWD, request->path, AT_FDCWD, request->to,
                           0);
    break;
  case ACI_LINK:
    io_uring_prep_linkat(sqe, AT_FDCWD, request->path, AT_FDCWD, request->to,
                         0);
    break;
  case ACI_UNLINK:
    io_uring_prep_unlinkat(sqe, AT_FDCWD, request->path, request->flags);
    break;
  default:
    io_uring_prep_mkdirat(sqe, AT_FDCWD, request->path, request->mode);
  }
}

static int uring_submit(struct aci_driver *driver,
                        struct aci_request *request) {
  if (!(uring_of(driver)->known & 1u << request->kind))
    return -ENOSYS;
  struct io_uring_sqe *sqe = entry_new(driver);
  if (!sqe)
    return -EAGAIN;
  prepare(sqe, request);
  tag_entry(sqe, request, REQUEST);
  driver->under_way++;
  driver->names_fds |= request->kind > ACI_CONNECT;
  return 0;
}

static void uring_cancel(struct aci_driver *driver,
                         struct aci_request *request) {
  cancel_tagged(driver, request, REQUEST);
}

/* ---- polling ------------------------------------------------------------- */

static void complete(struct aci_driver *driver, const struct io_uring_cqe *cqe,
                     aci_driver_event *event, void *context) {
  uint64_t data = cqe->user_data;
  void *pointer = (void *)(uintptr_t)(data & ~(uint64_t)KIND_MASK);
  switch (data & KIND_MASK) {
  case EPOLL:
    uring_of(driver)->epoll_ready = 1;
    if (!(cqe->flags & IORING_CQE_F_MORE))
      uring_of(driver)->epoll_polled = 0;
    break;
  case INLET:
    inlet_complete(driver, pointer, cqe->res, cqe->flags, event, context);
    break;
  case REQUEST: {
    struct aci_request *request = pointer;
    int result = cqe->res;
    driver->under_way--;
    if (AC_UNLIKELY(result <= RESTART))
      result = -EINTR;
    if (event)
      request->done(request, result);
    break;
  }
  default:
    break;
  }
}

/* event NULL: it all ends, nobody is told. */
static unsigned collect(struct aci_driver *driver, aci_driver_event *event,
                        void *context) {
  struct io_uring *ring = &uring_of(driver)->ring;
  struct io_uring_cqe *cqe;
  unsigned head, count = 0;
  io_uring_for_each_cqe(ring, head, cqe) {
    complete(driver, cqe, event, context);
    count++;
  }
  io_uring_cq_advance(ring, count);
  return count;
}

static int must_enter(const struct aci_driver *driver) {
  unsigned flags =
      __atomic_load_n(uring_of(driver)->ring.sq.kflags, __ATOMIC_RELAXED);
  return driver->asked || (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

static void uring_settle(struct aci_driver *driver) {
  io_uring_submit_and_get_events(&uring_of(driver)->ring);
  driver->asked = driver->names_fds = 0;
}

static void wait_events(struct aci_driver *driver, int64_t timeout_ns) {
  struct io_uring *ring = &uring_of(driver)->ring;
  if (timeout_ns < 0) {
    io_uring_submit_and_wait(ring, 1);
  } else {
    struct __kernel_timespec timeout = {.tv_sec = timeout_ns / 1000000000,
                                        .tv_nsec = timeout_ns % 1000000000};
    struct io_uring_cqe *cqe;
    io_uring_submit_and_wait_timeout(ring, &cqe, 1, &timeout, NULL);
  }
  driver->asked = driver->names_fds = 0;
}

static void poll_epoll(struct aci_driver *driver) {
  struct uring *uring = uring_of(driver);
  if (uring->epoll_polled)
    return;
  struct io_uring_sqe *sqe = entry_new(driver);
  if (!sqe)
    return;
  io_uring_prep_poll_multishot(sqe, uring->epoll.fd, POLLIN);
  tag_entry(sqe, NULL, EPOLL);
  uring->epoll_polled = 1;
}

static int uring_poll(struct aci_driver *driver, int64_t timeout_ns,
                      aci_driver_event *event, void *context) {
  struct uring *uring = uring_of(driver);
  poll_epoll(driver);
  if (timeout_ns && !io_uring_cq_ready(&uring->ring))
    wait_events(driver, timeout_ns);
  else if (must_enter(driver))
    uring_settle(driver);
  collect(driver, event, context);
  if (!uring->epoll_ready)
    return 0;
  uring->epoll_ready = 0;
  return epoll_class->poll(&uring->epoll, 0, event, context);
}

static void uring_wake(struct aci_driver *driver) {
  epoll_class->wake(&uring_of(driver)->epoll);
}

static int uring_arm(struct aci_driver *driver, int fd, uint32_t tag) {
  return epoll_class->arm(&uring_of(driver)->epoll, fd, tag);
}

static int uring_disarm(struct aci_driver *driver, int fd) {
  return epoll_class->disarm(&uring_of(driver)->epoll, fd);
}

/* ---- from beginning to end ----------------------------------------------- */

/* Completions run when the loop enters, and on nobody else's time; without
 * what older kernels do not know. */
static int ring_open(struct io_uring *ring) {
  static const unsigned flags[] = {
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
          IORING_SETUP_TASKRUN_FLAG,
      IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, 0};
  int code = -EINVAL;
  for (size_t i = 0; code == -EINVAL && i < sizeof flags / sizeof *flags; i++) {
    struct io_uring_params parameters = {
        .flags = flags[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
        .cq_entries = COMPLETION_COUNT};
    code = io_uring_queue_init_params(QUEUE_LENGTH, ring, &parameters);
  }
  return code;
}

/* Multishot receives came with Linux 6.0, as this operation did, by which it
 * can be told. */
static int look_at_kernel(struct uring *uring) {
  struct io_uring_probe *probe = io_uring_get_probe_ring(&uring->ring);
  if (!probe)
    return -ENOSYS;
  int is_new_enough = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
  uring->known = known_kinds(probe);
  io_uring_free_probe(probe);
  unsigned workers[2] = {WORKER_LIMIT, 0};
  io_uring_register_iowq_max_workers(&uring->ring, workers);
  return is_new_enough ? 0 : -ENOSYS;
}

static int uring_open(struct aci_driver *driver) {
  struct uring *uring = calloc(1, sizeof *uring);
  if (!uring)
    return -ENOMEM;
  uring->inlets.next = uring->inlets.prev = &uring->inlets;
  uring->epoll.class = epoll_class;
  int code = ring_open(&uring->ring);
  if (code)
    goto fail;
  code = look_at_kernel(uring);
  if (!code)
    code = buffers_open(uring);
  if (code)
    goto fail_ring;
  code = epoll_class->open(&uring->epoll);
  if (code)
    goto fail_buffers;
  driver->state = uring;
  driver->fd = uring->ring.ring_fd;
  driver->wake_fd = uring->epoll.wake_fd;
  return 0;

fail_buffers:
  munmap(uring->memory, buffers_bytes());
fail_ring:
  io_uring_queue_exit(&uring->ring);
fail:
  free(uring);
  return code;
}

/* Ends what is under way, and waits for that: its files are closed then, and
 * its memory is the program's. */
static void uring_close(struct aci_driver *driver) {
  struct uring *uring = uring_of(driver);
  uring_settle(driver);
  struct io_uring_sync_cancel_reg cancel = {
      .fd = -1,
      .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
      .timeout = {.tv_sec = -1, .tv_nsec = -1}};
  io_uring_register_sync_cancel(&uring->ring, &cancel);
  for (int round = 0; round < SETTLE_LIMIT; round++) {
    uring_settle(driver);
    if (!collect(driver, NULL, NULL))
      break;
  }
  io_uring_queue_exit(&uring->ring);
  while (uring->inlets.next != &uring->inlets)
    inlet_free(uring->inlets.next);
  munmap(uring->memory, buffers_bytes());
  epoll_class->close(&uring->epoll);
  free(uring);
  driver->state = NULL;
  driver->fd = driver->wake_fd = -1;
}

static const struct aci_driver_class uring_class = {
    .name = "uring",
    .open = uring_open,
    .arm = uring_arm,
    .disarm = uring_disarm,
    .poll = uring_poll,
    .wake = uring_wake,
    .close = uring_close,
    .inlet_new = uring_inlet_new,
    .inlet_start = uring_inlet_start,
    .inlet_take = uring_inlet_take,
    .inlet_stop = uring_inlet_stop,
    .inlet_drop = uring_inlet_drop,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .settle = uring_settle};

/* What a link names, to have this file: it takes part by itself. */
AC_API extern const int ac_driver_uring;
const int ac_driver_uring = 1;

__attribute__((constructor)) static void register_driver(void) {
  epoll_class = aci_driver_register(&uring_class, 1);
}

int ac_uring_is_usable(void) {
  struct aci_driver driver = {.class = &uring_class};
  if (uring_open(&driver) != 0)
    return 0;
  uring_close(&driver);
  return 1;
}
