/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * io.c - awaitable operations on descriptors, against driver.h only.
 *
 * An operation is tried first, and waits for the descriptor when it would
 * block; when woken it is tried again. So a cancelled operation has not
 * happened, and nothing depends on every event meaning something. After a
 * short read of a stream the next one would block for certain, and waits at
 * once: that saves every second system call of a server.
 *
 * Descriptors are armed once. A program that closes one with close(2) instead
 * of ac_close leaves an entry behind that says "armed" of a number which may
 * come back as another file. A wait that trusted such an entry is unverified:
 * when the loop has been idle for IDLE_NS, all of these are armed again. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_NS 10000000
#define ACCEPT_PAUSE_NS 100000000
#define CONNECT_PAUSE_NS 10000000

enum {
  FD_ARMED = 1,
  FD_ALWAYS = 2,      /* a file: always ready */
  FD_STREAM = 4,      /* SOCK_STREAM, so that a short read empties it */
  FD_DRAINED = 8,     /* nothing to read until the next event */
  FD_CLOSING = 16,    /* the end was seen: no event may come any more */
  FD_UNVERIFIED = 32, /* somebody waits and nobody has looked whether the
                         entry is right */
  FD_NOT_SOCKET = 64
};

/* What the loop knows of one descriptor. */
struct aci_fd {
  struct ac_future *reader, *writer; /* waiting; may be the same */
  uint32_t tag;                      /* changes when the number is closed */
  uint32_t flags;
};

/* ---- the table of descriptors -------------------------------------------- */

int aci_io_open(ac_loop *loop) {
  loop->driver.class = &aci_driver_epoll;
  return loop->driver.class->open(&loop->driver);
}

void aci_io_close(ac_loop *loop) {
  loop->driver.class->close(&loop->driver);
  aci_sys_free(loop->fds);
}

static int __attribute__((noinline)) grow(ac_loop *loop, int fd) {
  if (fd < 0)
    return -EBADF;
  int count = loop->fd_count ? loop->fd_count : 32;
  while (count <= fd)
    count = count > (1 << 29) ? INT32_MAX : count * 2;
  struct aci_fd *fds =
      aci_sys_alloc((size_t)count * sizeof *fds, _Alignof(struct aci_fd));
  if (!fds)
    return AC_ENOMEM;
  if (loop->fd_count)
    memcpy(fds, loop->fds, (size_t)loop->fd_count * sizeof *fds);
  memset(fds + loop->fd_count, 0,
         (size_t)(count - loop->fd_count) * sizeof *fds);
  aci_sys_free(loop->fds);
  loop->fds = fds;
  loop->fd_count = count;
  return 0;
}

static int find(ac_loop *loop, int fd, struct aci_fd **entry) {
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count)) {
    int code = grow(loop, fd);
    if (code)
      return code;
  }
  *entry = &loop->fds[fd];
  return 0;
}

static void no_longer_unverified(ac_loop *loop, struct aci_fd *entry) {
  if (!(entry->flags & FD_UNVERIFIED) || entry->reader || entry->writer)
    return;
  entry->flags &= ~(uint32_t)FD_UNVERIFIED;
  loop->unverified_fds--;
}

/* Takes the task out of the entry. */
static void leave(ac_loop *loop, struct aci_fd *entry, struct ac_future *task) {
  if (task->node.flags & ACI_READER) {
    entry->reader = NULL;
    loop->waiting_fds--;
  }
  if (task->node.flags & ACI_WRITER) {
    entry->writer = NULL;
    loop->waiting_fds--;
  }
  task->node.flags &= ~(ACI_READER | ACI_WRITER);
  no_longer_unverified(loop, entry);
}

void aci_io_withdraw(ac_loop *loop, struct ac_future *task) {
  leave(loop, &loop->fds[task->node.fd], task);
}

static void wake(ac_loop *loop, struct aci_fd *entry, struct ac_future *task,
                 int code) {
  leave(loop, entry, task);
  if (code)
    aci_wake_error(loop, task, code);
  else
    aci_wake(loop, task);
}

static void wake_both(ac_loop *loop, struct aci_fd *entry, int code) {
  if (entry->reader)
    wake(loop, entry, entry->reader, code);
  if (entry->writer)
    wake(loop, entry, entry->writer, code);
}

/* ---- events -------------------------------------------------------------- */

static void on_event(void *context, int fd, uint32_t tag, uint32_t events) {
  ac_loop *loop = context;
  struct aci_fd *entry = &loop->fds[fd];
  if (entry->tag != tag)
    return;
  if (events & (POLLRDHUP | POLLHUP | POLLERR))
    entry->flags |= FD_CLOSING;
  if (events & (POLLIN | POLLPRI | POLLRDHUP | POLLHUP | POLLERR)) {
    entry->flags &= ~(uint32_t)FD_DRAINED;
    if (entry->reader)
      wake(loop, entry, entry->reader, 0);
  }
  if (events & (POLLOUT | POLLHUP | POLLERR) && entry->writer)
    wake(loop, entry, entry->writer, 0);
}

static int arm(ac_loop *loop, struct aci_fd *entry, int fd) {
  int code = loop->driver.class->arm(&loop->driver, fd, entry->tag);
  if (code == -EPERM) {
    entry->flags |= FD_ALWAYS;
    return 0;
  }
  if (code)
    return code;
  int type = 0;
  socklen_t bytes = sizeof type;
  entry->flags &= ~(uint32_t)(FD_STREAM | FD_ALWAYS);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 &&
      type == SOCK_STREAM)
    entry->flags |= FD_STREAM;
  entry->flags |= FD_ARMED;
  return 0;
}

static void verify(ac_loop *loop) {
  for (int fd = 0; fd < loop->fd_count && loop->unverified_fds; fd++) {
    struct aci_fd *entry = &loop->fds[fd];
    if (!(entry->flags & FD_UNVERIFIED))
      continue;
    entry->flags &= ~(uint32_t)FD_UNVERIFIED;
    loop->unverified_fds--;
    int code = arm(loop, entry, fd);
    if (code)
      wake_both(loop, entry, code);
    else if (entry->flags & FD_ALWAYS)
      wake_both(loop, entry, 0);
  }
}

static void poll_driver(ac_loop *loop, int64_t timeout_ns) {
  loop->driver.class->poll(&loop->driver, timeout_ns, on_event, loop);
}

void aci_io_poll(ac_loop *loop, int64_t when_ns) {
  if (!when_ns) {
    if (loop->virtual_clock && loop->unverified_fds)
      verify(loop);
    poll_driver(loop, 0);
    return;
  }
  int64_t timeout_ns = -1;
  if (when_ns > 0) {
    timeout_ns = when_ns - aci_sys_now();
    if (timeout_ns < 0)
      timeout_ns = 0;
  }
  if (!loop->unverified_fds) {
    poll_driver(loop, timeout_ns);
    return;
  }
  if (timeout_ns >= 0 && timeout_ns <= IDLE_NS) {
    poll_driver(loop, timeout_ns);
    return;
  }
  poll_driver(loop, IDLE_NS);
  if (aci_queue_is_empty(&loop->ready) && !atomic_load(&loop->attention))
    verify(loop);
}

/* ---- one operation ------------------------------------------------------- */

enum kind { RECV, SEND, READ, WRITE, WRITE_ALL, ACCEPT, CONNECT, POLL };

struct operation {
  enum kind kind;
  int fd;
  int flags;   /* of recv and send, or the events of poll */
  int started; /* CONNECT: is under way */
  union {
    void *buffer;
    const void *data;
    struct sockaddr *address;
    const struct sockaddr *peer;
  };
  union {
    size_t bytes;
    socklen_t *address_bytes;
    socklen_t peer_bytes;
  };
};

struct io_frame {
  ac_frame frame;
  struct operation op;
  /* ACCEPT, out of descriptors: in the ring loop->starved while the task
   * sleeps. */
  struct aci_node starved;
  struct ac_future *task;
};

#define WOULD_BLOCK (-EAGAIN)

static ssize_t result_of(ssize_t result) {
  if (AC_LIKELY(result >= 0))
    return result;
  return errno == EWOULDBLOCK ? WOULD_BLOCK : -errno;
}

/* A read or write is made on descriptors that are not sockets, which have no
 * flag for a single call; the number may mean another file than last time. */
static int make_nonblocking(int fd) {
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0)
    return -errno;
  if (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return -errno;
  return 0;
}

/* A broken pipe is an error of this call, not a signal to the process. */
static ssize_t write_quietly(int fd, const void *data, size_t bytes) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  ssize_t result = result_of(write(fd, data, bytes));
  if (result == -EPIPE && !sigismember(&before, SIGPIPE)) {
    const struct timespec none = {0, 0};
    while (sigtimedwait(&pipe_signal, NULL, &none) < 0 && errno == EINTR)
      ;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return result;
}

static ssize_t try_read(struct aci_fd *entry, const struct operation *op) {
  if (!op->bytes)
    return result_of(read(op->fd, op->buffer, 0));
  if (!(entry->flags & FD_NOT_SOCKET)) {
    ssize_t result =
        result_of(recv(op->fd, op->buffer, op->bytes, MSG_DONTWAIT));
    if (result != -ENOTSOCK)
      return result;
    entry->flags |= FD_NOT_SOCKET;
  }
  int code = make_nonblocking(op->fd);
  return code ? code : result_of(read(op->fd, op->buffer, op->bytes));
}

static ssize_t try_write(struct aci_fd *entry, const struct operation *op) {
  if (!(entry->flags & FD_NOT_SOCKET)) {
    ssize_t result = result_of(
        send(op->fd, op->data, op->bytes, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (result != -ENOTSOCK)
      return result;
    entry->flags |= FD_NOT_SOCKET;
  }
  int code = make_nonblocking(op->fd);
  return code ? code : write_quietly(op->fd, op->data, op->bytes);
}

static ssize_t try_write_all(struct aci_fd *entry, struct operation *op) {
  while (op->bytes) {
    ssize_t result = try_write(entry, op);
    if (result < 0)
      return result;
    op->data = (const char *)op->data + result;
    op->bytes -= (size_t)result;
  }
  return 0;
}

static ssize_t try_accept(struct operation *op) {
  for (;;) {
    /* Another thread or process may accept from the same socket: it must not
     * block. */
    if (!op->started) {
      int code = make_nonblocking(op->fd);
      if (code)
        return code;
      op->started = 1;
    }
    socklen_t before = op->address_bytes ? *op->address_bytes : 0;
    int fd = accept4(op->fd, op->address, op->address_bytes,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
      return fd;
    int code = errno;
    if (op->address_bytes)
      *op->address_bytes = before;
    switch (code) {
    case ECONNABORTED: /* that connection's error, as accept(2) says */
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case ENETUNREACH:
      continue;
    default:
      return code == EWOULDBLOCK ? WOULD_BLOCK : -code;
    }
  }
}

static ssize_t try_connect(struct operation *op) {
  if (!op->started) {
    int code = make_nonblocking(op->fd);
    if (code)
      return code;
    if (connect(op->fd, op->peer, op->peer_bytes) == 0)
      return 0;
    if (errno != EINPROGRESS && errno != EINTR)
      return -errno; /* EAGAIN: a Unix socket's queue is full */
    op->started = 1;
    return WOULD_BLOCK;
  }
  struct pollfd poll_fd = {.fd = op->fd, .events = POLLOUT};
  if (poll(&poll_fd, 1, 0) == 0)
    return WOULD_BLOCK;
  int code = 0;
  socklen_t bytes = sizeof code;
  if (getsockopt(op->fd, SOL_SOCKET, SO_ERROR, &code, &bytes) < 0)
    return -errno;
  return -code;
}

static ssize_t try_poll(const struct operation *op) {
  struct pollfd poll_fd = {.fd = op->fd, .events = (short)op->flags};
  int count = poll(&poll_fd, 1, 0);
  if (count < 0)
    return errno == EINTR ? WOULD_BLOCK : -errno;
  if (poll_fd.revents & POLLNVAL)
    return -EBADF;
  return count ? poll_fd.revents : WOULD_BLOCK;
}

static ssize_t try_once(struct aci_fd *entry, struct operation *op) {
  switch (op->kind) {
  case RECV:
    return result_of(
        recv(op->fd, op->buffer, op->bytes, op->flags | MSG_DONTWAIT));
  case SEND:
    return result_of(send(op->fd, op->data, op->bytes,
                          op->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
  case READ:
    return try_read(entry, op);
  case WRITE:
    return try_write(entry, op);
  case WRITE_ALL:
    return try_write_all(entry, op);
  case ACCEPT:
    return try_accept(op);
  case CONNECT:
    return try_connect(op);
  default:
    return try_poll(op);
  }
}

/* The result, or WOULD_BLOCK. */
static ssize_t attempt(ac_loop *loop, struct aci_fd *entry,
                       struct operation *op) {
  ssize_t result;
  do
    result = try_once(entry, op);
  while (AC_UNLIKELY(result == -EINTR));
  if ((op->kind == RECV || op->kind == READ) && result > 0 &&
      (size_t)result < op->bytes && (entry->flags & FD_STREAM) &&
      !(entry->flags & FD_CLOSING) && !op->flags)
    entry->flags |= FD_DRAINED;
  if (AC_UNLIKELY(op->kind == ACCEPT && result >= 0)) {
    /* The kernel has just given out the number: what was known is old. */
    struct aci_fd *fresh;
    if (find(loop, (int)result, &fresh) == 0) {
      wake_both(loop, fresh, -EBADF);
      fresh->flags = 0;
      fresh->tag++;
    }
  }
  return result;
}

static ac_frame *deliver(void *ret, const struct operation *op,
                         ssize_t result) {
  if (AC_UNLIKELY(result < 0))
    return aci_raise((int)result);
  switch (op->kind) {
  case ACCEPT:
  case POLL:
    *(int *)ret = (int)result;
    break;
  case WRITE_ALL:
  case CONNECT:
    break;
  default:
    *(ssize_t *)ret = result;
  }
  return NULL;
}

/* ---- waiting ------------------------------------------------------------- */

static uint32_t sides(const struct operation *op) {
  switch (op->kind) {
  case RECV:
  case READ:
  case ACCEPT:
    return ACI_READER;
  case POLL:
    return (op->flags & (POLLIN | POLLPRI | POLLRDHUP) ? ACI_READER : 0) |
           (op->flags & POLLOUT ? ACI_WRITER : 0);
  default:
    return ACI_WRITER;
  }
}

static int is_busy(const struct aci_fd *entry, uint32_t wanted) {
  return (wanted & ACI_READER && entry->reader) ||
         (wanted & ACI_WRITER && entry->writer);
}

/* The current task waits for the descriptor. Negative: an error. 1: it turns
 * out to be always ready. */
static int wait_for_fd(ac_loop *loop, struct aci_fd *entry, int fd,
                       uint32_t wanted) {
  struct ac_future *task = ac_running;
  if (is_busy(entry, wanted))
    return AC_EBUSY;
  if (!(entry->flags & FD_ARMED)) {
    int code = arm(loop, entry, fd);
    if (code)
      return code;
    if (entry->flags & FD_ALWAYS)
      return 1;
  } else if (!(entry->flags & FD_UNVERIFIED)) {
    entry->flags |= FD_UNVERIFIED;
    loop->unverified_fds++;
  }
  if (wanted & ACI_READER) {
    entry->reader = task;
    loop->waiting_fds++;
  }
  if (wanted & ACI_WRITER) {
    entry->writer = task;
    loop->waiting_fds++;
  }
  task->node.fd = fd;
  task->node.flags |= wanted;
  aci_leaf(task, ACI_WAIT_FD);
  return 0;
}

static void starve(ac_loop *loop, struct io_frame *io) {
  io->task = ac_running;
  aci_ring_append(&loop->starved, &io->starved);
  io->starved.flags = 1;
}

static void feed(ac_loop *loop, struct io_frame *io) {
  if (!io->starved.flags)
    return;
  aci_ring_remove(&loop->starved, &io->starved);
  io->starved.flags = 0;
}

static int is_shortage(const struct operation *op, ssize_t result) {
  if (op->kind == CONNECT)
    return result == -EAGAIN && !op->started;
  return op->kind == ACCEPT && (result == -EMFILE || result == -ENFILE ||
                                result == -ENOBUFS || result == -ENOMEM);
}

/* Puts the task to sleep until the operation is worth another try. */
static int wait_for_retry(ac_loop *loop, struct io_frame *io, ssize_t result) {
  struct ac_future *task = ac_running;
  struct operation *op = &io->op;
  ac_suspend(&io->frame, 1, &task->leaf, NULL);
  if (task->node.flags & ACI_CANCEL) {
    ac_yield__ac(NULL);
    return 0;
  }
  if (!is_shortage(op, result)) {
    struct aci_fd *entry = &loop->fds[op->fd];
    return wait_for_fd(loop, entry, op->fd, sides(op));
  }
  if (op->kind == ACCEPT)
    starve(loop, io);
  task->node.when_ns =
      aci_clock(loop) +
      (op->kind == ACCEPT ? ACCEPT_PAUSE_NS : CONNECT_PAUSE_NS);
  aci_wheel_add(&loop->wheel, &task->node);
  aci_leaf(task, ACI_WAIT_TIMER);
  return 0;
}

/* Waits if the result says so; otherwise it is the end of the operation, and
 * of its frame. */
static ac_frame *go_on(struct io_frame *io, ssize_t result) {
  ac_loop *loop = aci_thread.loop;
  if (result == WOULD_BLOCK || is_shortage(&io->op, result)) {
    int code = wait_for_retry(loop, io, result);
    if (code == 0)
      return &io->frame;
    result = code < 0 ? code : attempt(loop, &loop->fds[io->op.fd], &io->op);
  }
  ac_frame *status = deliver(io->frame.ret, &io->op, result);
  ac_frame_free(&io->frame);
  return status;
}

static ac_frame *resume(ac_frame *self, ac_frame *status) {
  struct io_frame *io = (struct io_frame *)(void *)self;
  ac_loop *loop = aci_thread.loop;
  feed(loop, io);
  if (AC_UNLIKELY(status == AC_RAISED)) {
    ac_frame_free(self);
    return AC_RAISED;
  }
  return go_on(io, attempt(loop, &loop->fds[io->op.fd], &io->op));
}

static const struct ac_desc descs[] = {
#define DESC(text)                                                             \
  {                                                                            \
    .resume = resume, .name = text, .frame_bytes = sizeof(struct io_frame),    \
    .frame_align = _Alignof(struct io_frame)                                   \
  }
    [RECV] = DESC("ac_recv"),           [SEND] = DESC("ac_send"),
    [READ] = DESC("ac_read"),           [WRITE] = DESC("ac_write"),
    [WRITE_ALL] = DESC("ac_write_all"), [ACCEPT] = DESC("ac_accept"),
    [CONNECT] = DESC("ac_connect"),     [POLL] = DESC("ac_poll_fd")};

/* Suspends: result is WOULD_BLOCK or a shortage, or 0 to let others run
 * before the first try. */
static ac_frame *__attribute__((noinline))
suspend(void *ret, const struct operation *op, ssize_t result) {
  struct io_frame *io =
      (struct io_frame *)(void *)ac_frame_new(&descs[op->kind]);
  if (!io)
    return aci_raise(AC_ENOMEM);
  io->op = *op;
  io->starved.flags = 0;
  io->frame.ret = ret;
  if (result == 0) {
    aci_thread.loop->budget = 0;
    return ac_suspend(&io->frame, 1, ac_yield__ac(NULL), NULL);
  }
  return go_on(io, result);
}

static inline ac_frame *perform(void *ret, struct operation *op) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  int code = find(loop, op->fd, &entry);
  if (AC_UNLIKELY(code))
    return aci_raise(code);
  uint32_t wanted = sides(op);
  if (AC_UNLIKELY(is_busy(entry, wanted)))
    return aci_raise(AC_EBUSY);
  if (wanted == ACI_READER && (entry->flags & FD_DRAINED) && op->bytes)
    return suspend(ret, op, WOULD_BLOCK);
  /* A descriptor that is always ready must not keep others from running. */
  if (AC_UNLIKELY(loop->io_budget-- <= 0))
    return suspend(ret, op, 0);
  ssize_t result = attempt(loop, entry, op);
  if (AC_UNLIKELY(result == WOULD_BLOCK || is_shortage(op, result)))
    return suspend(ret, op, result);
  return deliver(ret, op, result);
}

/* ---- the public operations ----------------------------------------------- */

ac_frame *ac_read__ac(ssize_t *ret, int fd, void *buffer, size_t bytes) {
  struct operation op = {
      .kind = READ, .fd = fd, .buffer = buffer, .bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_write__ac(ssize_t *ret, int fd, const void *buffer, size_t bytes) {
  struct operation op = {
      .kind = WRITE, .fd = fd, .data = buffer, .bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_recv__ac(ssize_t *ret, int fd, void *buffer, size_t bytes,
                      int flags) {
  struct operation op = {
      .kind = RECV, .fd = fd, .flags = flags, .buffer = buffer, .bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_send__ac(ssize_t *ret, int fd, const void *buffer, size_t bytes,
                      int flags) {
  struct operation op = {
      .kind = SEND, .fd = fd, .flags = flags, .data = buffer, .bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_write_all__ac(void *ret, int fd, const void *buffer,
                           size_t bytes) {
  struct operation op = {
      .kind = WRITE_ALL, .fd = fd, .data = buffer, .bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_accept__ac(int *ret, int fd, struct sockaddr *address,
                        socklen_t *bytes) {
  struct operation op = {
      .kind = ACCEPT, .fd = fd, .address = address, .address_bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_connect__ac(void *ret, int fd, const struct sockaddr *address,
                         socklen_t bytes) {
  struct operation op = {
      .kind = CONNECT, .fd = fd, .peer = address, .peer_bytes = bytes};
  return perform(ret, &op);
}

ac_frame *ac_poll_fd__ac(int *ret, int fd, int events) {
  struct operation op = {.kind = POLL, .fd = fd, .flags = events};
  if (!(events & (POLLIN | POLLPRI | POLLRDHUP | POLLOUT)))
    return aci_raise(AC_EINVAL);
  return perform(ret, &op);
}

int ac_close(int fd) {
  ac_loop *loop = aci_thread.loop;
  if (loop && (unsigned)fd < (unsigned)loop->fd_count) {
    struct aci_fd *entry = &loop->fds[fd];
    wake_both(loop, entry, -EBADF);
    entry->flags = 0;
    entry->tag++;
  }
  /* After EINTR the descriptor is closed all the same. */
  if (close(fd) < 0 && errno != EINTR)
    return -errno;
  if (loop) {
    for (struct aci_node *node; (node = loop->starved);) {
      struct io_frame *io =
          (struct io_frame *)(void *)((char *)node -
                                      offsetof(struct io_frame, starved));
      feed(loop, io);
      if (aci_wait(&io->task->node) != ACI_WAIT_TIMER)
        continue; /* it has been woken already */
      aci_withdraw(io->task);
      aci_wake(loop, io->task);
    }
  }
  return AC_OK;
}
