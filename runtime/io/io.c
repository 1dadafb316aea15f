/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * io.c - awaitable operations on descriptors; recv and send are in net.c,
 * and connecting by a request in connect.c.
 *
 * An operation is tried first, and waits for the descriptor when it would
 * block; when woken it is tried again. So a cancelled operation has not
 * happened, and nothing depends on every event meaning something. After a
 * short read of a stream the next one would block for certain, and waits at
 * once: that saves every second system call of a server. */
#define _GNU_SOURCE
#include "internal.h"

#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE_NS 100000000
#define CONNECT_PAUSE_NS 10000000

/* ---- one operation ------------------------------------------------------- */

enum kind { READ, WRITE, WRITE_ALL, ACCEPT, CONNECT, POLL };

struct operation {
  enum kind kind;
  int fd;
  int events;  /* POLL */
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
  if (flags & O_NONBLOCK)
    return 0;
  if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
    return -errno;
  if (fd < ACI_SHARED_FDS)
    aci_thread.loop->made_nonblocking |= 1u << fd;
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

static ssize_t try_read(ac_loop *loop, struct aci_fd *entry,
                        const struct operation *op) {
  if (!op->bytes)
    return result_of(read(op->fd, op->buffer, 0));
  if (entry->inlet && entry->inlet->kind == ACI_BYTES) {
    ssize_t result = aci_fd_take(loop, entry, op->buffer, op->bytes, 0);
    if (result != ACI_TRY)
      return result;
  }
  if (!(entry->flags & ACI_FD_NOT_SOCKET)) {
    ssize_t result =
        result_of(recv(op->fd, op->buffer, op->bytes, MSG_DONTWAIT));
    if (result != -ENOTSOCK)
      return result;
    entry->flags |= ACI_FD_NOT_SOCKET;
  }
  int code = make_nonblocking(op->fd);
  return code ? code : result_of(read(op->fd, op->buffer, op->bytes));
}

static ssize_t try_write(struct aci_fd *entry, const struct operation *op) {
  if (!(entry->flags & ACI_FD_NOT_SOCKET)) {
    ssize_t result = result_of(
        send(op->fd, op->data, op->bytes, MSG_DONTWAIT | MSG_NOSIGNAL));
    if (result != -ENOTSOCK)
      return result;
    entry->flags |= ACI_FD_NOT_SOCKET;
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

/* A connection from the inlet. Those that were reset before anybody learnt
 * who it is are as if aborted. */
static ssize_t take_connection(ac_loop *loop, struct aci_fd *entry,
                               struct operation *op) {
  for (;;) {
    ssize_t fd = aci_fd_take(loop, entry, NULL, 0, 0);
    if (fd < 0 || !op->address)
      return fd;
    if (getpeername((int)fd, op->address, op->address_bytes) == 0)
      return fd;
    close((int)fd);
  }
}

static int is_connections_own(int code) {
  switch (code) {
  case ECONNABORTED: /* as accept(2) says */
  case ENETDOWN:
  case EPROTO:
  case ENOPROTOOPT:
  case EHOSTDOWN:
  case ENONET:
  case EHOSTUNREACH:
  case ENETUNREACH:
    return 1;
  default:
    return 0;
  }
}

static ssize_t try_accept(ac_loop *loop, struct aci_fd *entry,
                          struct operation *op) {
  for (;;) {
    if (entry->inlet && entry->inlet->kind == ACI_CONNECTIONS) {
      ssize_t result = take_connection(loop, entry, op);
      if (result < 0 && is_connections_own((int)-result))
        continue;
      if (result != ACI_TRY)
        return result;
    }
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
    if (!is_connections_own(code))
      return code == EWOULDBLOCK ? WOULD_BLOCK : -code;
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

static ssize_t try_poll(const struct aci_fd *entry,
                        const struct operation *op) {
  struct pollfd poll_fd = {.fd = op->fd, .events = (short)op->events};
  int count = poll(&poll_fd, 1, 0);
  if (count < 0)
    return errno == EINTR ? WOULD_BLOCK : -errno;
  if (poll_fd.revents & POLLNVAL)
    return -EBADF;
  int events = poll_fd.revents;
  if (op->events & POLLIN && aci_fd_holds_input(entry))
    events |= POLLIN;
  return events ? events : WOULD_BLOCK;
}

static ssize_t try_once(ac_loop *loop, struct aci_fd *entry,
                        struct operation *op) {
  switch (op->kind) {
  case READ:
    return try_read(loop, entry, op);
  case WRITE:
    return try_write(entry, op);
  case WRITE_ALL:
    return try_write_all(entry, op);
  case ACCEPT:
    return try_accept(loop, entry, op);
  case CONNECT:
    return try_connect(op);
  default:
    return try_poll(entry, op);
  }
}

/* The result, or WOULD_BLOCK. */
static ssize_t attempt(ac_loop *loop, struct aci_fd *entry,
                       struct operation *op) {
  ssize_t result;
  do
    result = try_once(loop, entry, op);
  while (AC_UNLIKELY(result == -EINTR));
  if (op->kind == READ && result > 0 && !entry->inlet)
    aci_fd_note_read(entry, (size_t)result, op->bytes);
  /* The kernel has just given out the number: what was known of it is old. */
  if (AC_UNLIKELY(op->kind == ACCEPT && result >= 0))
    aci_fd_forget(loop, (int)result);
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
  case READ:
  case ACCEPT:
    return ACI_READER;
  case POLL:
    return (op->events & (POLLIN | POLLPRI | POLLRDHUP) ? ACI_READER : 0) |
           (op->events & POLLOUT ? ACI_WRITER : 0);
  default:
    return ACI_WRITER;
  }
}

/* Who wants to know from whom a connection comes gets it by accept, for the
 * inlet does not tell. */
static enum aci_inlet_kind inlet_kind(const struct operation *op) {
  if (op->kind == READ)
    return ACI_BYTES;
  return op->kind == ACCEPT && !op->address ? ACI_CONNECTIONS : ACI_NO_INLET;
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
    return aci_fd_wait(loop, entry, op->fd, sides(op), inlet_kind(op));
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
    aci_thread.loop->budget = ACI_HURRY;
    return ac_suspend(&io->frame, 1, ac_yield__ac(NULL), NULL);
  }
  return go_on(io, result);
}

static inline ac_frame *perform(void *ret, struct operation *op) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  int code = aci_fd_find(loop, op->fd, &entry);
  if (AC_UNLIKELY(code))
    return aci_raise(code);
  uint32_t wanted = sides(op);
  if (AC_UNLIKELY(aci_fd_is_busy(entry, wanted)))
    return aci_raise(AC_EBUSY);
  if (wanted == ACI_READER && (entry->flags & ACI_FD_DRAINED) &&
      !entry->inlet && op->bytes)
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

ac_frame *aci_connect_polling(int fd, const struct sockaddr *address,
                              socklen_t bytes) {
  struct operation op = {
      .kind = CONNECT, .fd = fd, .peer = address, .peer_bytes = bytes};
  return perform(NULL, &op);
}

ac_frame *ac_poll_fd__ac(int *ret, int fd, int events) {
  struct operation op = {.kind = POLL, .fd = fd, .events = events};
  if (!(events & (POLLIN | POLLPRI | POLLRDHUP | POLLOUT)))
    return aci_raise(AC_EINVAL);
  return perform(ret, &op);
}

int ac_close(int fd) {
  ac_loop *loop = aci_thread.loop;
  if (loop)
    aci_fd_forget(loop, fd);
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
