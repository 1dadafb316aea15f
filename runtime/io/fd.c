/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * fd.c - what the loop knows of each descriptor, and who waits for it;
 * against driver.h only.
 *
 * Descriptors are armed once. A program that closes one with close(2) instead
 * of ac_close leaves an entry behind that says "armed" of a number which may
 * come back as another file. A wait that trusted its entry is unverified:
 * when the loop has been idle for ACI_IDLE_NS, all of these are armed again. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* ---- the table ----------------------------------------------------------- */

int aci_io_open(ac_loop *loop) { return aci_driver_open(&loop->driver); }

void aci_io_settle(ac_loop *loop) {
  if (loop->driver.asked)
    loop->driver.class->settle(&loop->driver);
}

int aci_io_waits_outside(const ac_loop *loop) {
  if (!aci_is_simulated(loop))
    return loop->waiting_fds != 0;
  for (int fd = 0; loop->waiting_fds && fd < loop->fd_count; fd++) {
    const struct aci_fd *entry = &loop->fds[fd];
    if ((entry->reader || entry->writer || entry->watches) &&
        !loop->driver.class->simulates(&loop->driver, fd))
      return 1;
  }
  return 0;
}

/* Standard input and its like are mostly shared with others, a shell, who do
 * not expect it. */
static void make_blocking_again(ac_loop *loop) {
  for (int fd = 0; fd < ACI_SHARED_FDS; fd++) {
    int flags = loop->made_nonblocking & 1u << fd ? fcntl(fd, F_GETFL) : -1;
    if (flags >= 0)
      fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

void aci_io_close(ac_loop *loop) {
  make_blocking_again(loop);
  for (int fd = 0; fd < loop->fd_count; fd++)
    if (loop->fds[fd].inlet)
      loop->driver.class->inlet_drop(&loop->driver, loop->fds[fd].inlet);
  loop->driver.class->close(&loop->driver);
  aci_sys_free(loop->fds);
}

int aci_fd_grow(ac_loop *loop, int fd) {
  if (fd < 0)
    return AC_EBADF;
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

/* ---- waiting ------------------------------------------------------------- */

static int can_be_straight(const ac_loop *loop, const struct aci_fd *entry) {
  return (entry->flags & (ACI_FD_STREAM | ACI_FD_CLOSING)) == ACI_FD_STREAM &&
         !entry->inlet && !aci_is_simulated(loop) &&
         aci_calls_may_be_straight();
}

int aci_fd_arm(ac_loop *loop, struct aci_fd *entry, int fd) {
  int code = loop->driver.class->arm(&loop->driver, fd, entry->tag);
  if (code == -EPERM) {
    entry->flags |= ACI_FD_ALWAYS;
    return 0;
  }
  if (code)
    return code;
  int type = 0;
  socklen_t bytes = sizeof type;
  entry->flags &=
      ~(ACI_FD_STREAM | ACI_FD_ALWAYS | ACI_FD_STRAIGHT | ACI_FD_SWIFT);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 &&
      type == SOCK_STREAM)
    entry->flags |= ACI_FD_STREAM;
  entry->flags |= ACI_FD_ARMED;
  if (can_be_straight(loop, entry))
    entry->flags |= ACI_FD_STRAIGHT;
  return 0;
}

/* ---- inlets -------------------------------------------------------------- */

static int option(int fd, int name) {
  int value = -1;
  socklen_t bytes = sizeof value;
  return getsockopt(fd, SOL_SOCKET, name, &value, &bytes) == 0 ? value : -1;
}

/* Bytes are taken in from TCP alone: from a Unix socket somebody may want the
 * descriptors that come with them. Connections are from any socket. */
static int can_have_inlet(int fd, enum aci_inlet_kind kind) {
  if (kind == ACI_CONNECTIONS)
    return option(fd, SO_ACCEPTCONN) == 1;
  int domain = option(fd, SO_DOMAIN);
  return (domain == AF_INET || domain == AF_INET6) &&
         option(fd, SO_PROTOCOL) == IPPROTO_TCP &&
         option(fd, SO_ACCEPTCONN) == 0;
}

static int inlet_make(ac_loop *loop, struct aci_fd *entry, int fd,
                      enum aci_inlet_kind kind) {
  struct stat status;
  if (fstat(fd, &status) < 0)
    return -errno;
  if (!can_have_inlet(fd, kind)) {
    entry->flags |= ACI_FD_NO_INLET;
    return -EOPNOTSUPP;
  }
  struct aci_inlet *inlet =
      loop->driver.class->inlet_new(&loop->driver, kind, fd, entry->tag);
  if (!inlet)
    return AC_ENOMEM;
  inlet->device = status.st_dev;
  inlet->inode = status.st_ino;
  entry->inlet = inlet;
  entry->flags &= ~ACI_FD_STRAIGHT;
  return 0;
}

/* -EOPNOTSUPP: there is to be none. */
static int inlet_arm(ac_loop *loop, struct aci_fd *entry, int fd,
                     enum aci_inlet_kind kind) {
  if (!kind || !loop->driver.class->inlet_new ||
      (entry->flags & ACI_FD_NO_INLET))
    return -EOPNOTSUPP;
  if (!entry->inlet) {
    int code = inlet_make(loop, entry, fd, kind);
    if (code)
      return code;
  }
  if (entry->inlet->kind != kind)
    return -EOPNOTSUPP;
  return entry->inlet->live
             ? 0
             : loop->driver.class->inlet_start(&loop->driver, entry->inlet);
}

static void inlet_drop(ac_loop *loop, struct aci_fd *entry) {
  if (!entry->inlet)
    return;
  loop->driver.class->inlet_drop(&loop->driver, entry->inlet);
  entry->inlet = NULL;
}

ssize_t aci_fd_take(ac_loop *loop, struct aci_fd *entry, void *buffer,
                    size_t bytes, int flags) {
  struct aci_inlet *inlet = entry->inlet;
  if (!inlet->count && !inlet->live) {
    int code = inlet->error;
    inlet->error = 0;
    return code ? code : ACI_TRY;
  }
  return loop->driver.class->inlet_take(&loop->driver, inlet, buffer, bytes,
                                        flags);
}

/* The number may mean another file by now, or none. 0: it does not. */
static int inlet_verify(ac_loop *loop, struct aci_fd *entry, int fd) {
  struct aci_inlet *inlet = entry->inlet;
  struct stat status;
  int code = fstat(fd, &status) < 0 ? -errno : 0;
  if (code || status.st_ino != inlet->inode || status.st_dev != inlet->device) {
    inlet_drop(loop, entry);
    return code ? code : 1;
  }
  /* Nobody asks any more: whoever closes it with close(2) means that. */
  if (!entry->reader && inlet->live)
    loop->driver.class->inlet_stop(&loop->driver, inlet);
  return 0;
}

/* ---- requests ------------------------------------------------------------ */

int aci_fd_request(ac_loop *loop, struct aci_fd *entry,
                   struct aci_request *request) {
  if (loop->driver.class->submit(&loop->driver, request))
    return 0;
  entry->request = request;
  entry->flags |= ACI_FD_OTHERS;
  return 1;
}

void aci_fd_answered(ac_loop *loop, const struct aci_request *request) {
  struct aci_fd *entry = &loop->fds[request->fd];
  if (entry->request == request)
    entry->request = NULL;
}

/* ---- waiting, again ------------------------------------------------------ */

int aci_fd_wait(ac_loop *loop, struct aci_fd *entry, int fd, uint32_t sides,
                enum aci_inlet_kind kind) {
  struct ac_future *task = ac_running;
  if (aci_fd_is_busy(entry, sides))
    return AC_EBUSY;
  int by_inlet = inlet_arm(loop, entry, fd, kind);
  if (AC_UNLIKELY(by_inlet && by_inlet != -EOPNOTSUPP))
    return by_inlet;
  if (AC_LIKELY(!by_inlet || (entry->flags & ACI_FD_ARMED))) {
    entry->flags |= ACI_FD_UNVERIFIED;
    loop->unverified = 1;
  } else {
    int code = aci_fd_arm(loop, entry, fd);
    if (code)
      return code;
    if (entry->flags & ACI_FD_ALWAYS)
      return 1;
  }
  if (sides & ACI_READER) {
    entry->reader = task;
    loop->waiting_fds++;
  }
  if (sides & ACI_WRITER) {
    entry->writer = task;
    entry->flags |= ACI_FD_OTHERS;
    loop->waiting_fds++;
  }
  task->node.fd = fd;
  task->node.flags |= sides;
  aci_leaf(task, ACI_WAIT_FD);
  return 0;
}

/* Nobody asks for connections: they stay with the kernel, where another
 * process may take them, and where nothing is accepted that is not wanted. Who
 * goes on to ask does so before the loop polls. */
static void inlet_attend(ac_loop *loop) {
  struct aci_fd *entry = &loop->fds[loop->unattended];
  loop->unattended = -1;
  if (!entry->reader && entry->inlet && entry->inlet->live)
    loop->driver.class->inlet_stop(&loop->driver, entry->inlet);
}

static void __attribute__((noinline))
inlet_left(ac_loop *loop, struct aci_fd *entry) {
  int fd = (int)(entry - loop->fds);
  if (entry->inlet->kind != ACI_CONNECTIONS || loop->unattended == fd)
    return;
  if (loop->unattended >= 0)
    inlet_attend(loop);
  loop->unattended = fd;
}

/* Takes the task out of the entry. */
static inline void leave(ac_loop *loop, struct aci_fd *entry,
                         struct ac_future *task) {
  if (task->node.flags & ACI_READER) {
    aci_fd_reader_left(entry);
    loop->waiting_fds--;
    if (AC_UNLIKELY(entry->inlet != NULL))
      inlet_left(loop, entry);
  }
  if (task->node.flags & ACI_WRITER) {
    entry->writer = NULL;
    loop->waiting_fds--;
  }
  task->node.flags &= ~(ACI_READER | ACI_WRITER);
}

void aci_io_withdraw(ac_loop *loop, struct ac_future *task) {
  leave(loop, &loop->fds[task->node.fd], task);
}

void aci_io_forgo(ac_loop *loop, struct ac_future *task) {
  aci_fd_reader_left(&loop->fds[task->node.fd]);
  task->node.flags &= ~ACI_READER;
}

static inline void wake_reader(ac_loop *loop, struct aci_fd *entry) {
  struct ac_future *task = entry->reader;
  if (!(entry->flags & ACI_FD_RECEIVE)) {
    leave(loop, entry, task);
    aci_wake(loop, task);
  } else if (task->node.flags & ACI_WAIT) {
    loop->waiting_fds--; /* it stays the reader until it has received */
    entry->flags |= ACI_FD_WOKEN;
    aci_wake(loop, task);
  }
}

static inline void wake(ac_loop *loop, struct aci_fd *entry,
                        struct ac_future *task) {
  leave(loop, entry, task);
  aci_wake(loop, task);
}

static void wake_error(ac_loop *loop, struct aci_fd *entry,
                       struct ac_future *task, int code) {
  if (!(task->node.flags & ACI_WAIT)) { /* ready to receive */
    aci_io_forgo(loop, task);
    task->node.flags |= ACI_FAILURE;
    task->node.error = code;
    return;
  }
  leave(loop, entry, task);
  aci_wake_error(loop, task, code);
}

static void fail_waiters(ac_loop *loop, struct aci_fd *entry, int code) {
  if (entry->reader)
    wake_error(loop, entry, entry->reader, code);
  if (entry->writer)
    wake_error(loop, entry, entry->writer, code);
}

void aci_fd_forget(ac_loop *loop, int fd) {
  if (AC_UNLIKELY(loop->driver.names_fds))
    aci_io_settle(loop);
  if ((unsigned)fd >= (unsigned)loop->fd_count)
    return;
  struct aci_fd *entry = &loop->fds[fd];
  fail_waiters(loop, entry, AC_EBADF);
  int in_use = (entry->inlet && entry->inlet->live) || entry->request;
  inlet_drop(loop, entry);
  if (entry->request)
    loop->driver.class->cancel(&loop->driver, entry->request);
  entry->request = NULL;
  entry->flags = 0;
  entry->tag++;
  /* What the kernel still does with it ends before it is closed. */
  if (AC_UNLIKELY(in_use))
    aci_io_settle(loop);
  if (AC_UNLIKELY(entry->watches != NULL))
    aci_watch_notify(loop, entry, POLLNVAL);
}

void ac_forget_fd(int fd) {
  if (aci_thread.loop)
    aci_fd_forget(aci_thread.loop, fd);
}

/* ---- events -------------------------------------------------------------- */

static void __attribute__((noinline))
on_other_event(ac_loop *loop, struct aci_fd *entry, uint32_t events) {
  if (events & (POLLRDHUP | POLLHUP | POLLERR | POLLPRI))
    entry->flags &= ~(ACI_FD_STRAIGHT | ACI_FD_SWIFT);
  /* A receive ends before urgent data, and there may be more. */
  if (events & POLLPRI)
    entry->flags &= ~ACI_FD_STREAM;
  if (events & (POLLRDHUP | POLLHUP | POLLERR)) {
    entry->flags |= ACI_FD_CLOSING;
    events |= POLLIN | (events & (POLLHUP | POLLERR) ? POLLOUT : 0);
  }
  if (events & (POLLIN | POLLPRI)) {
    entry->flags &= ~ACI_FD_DRAINED;
    if (entry->reader)
      wake_reader(loop, entry);
  }
  if (events & POLLOUT && entry->writer)
    wake(loop, entry, entry->writer);
  if (entry->watches)
    aci_watch_notify(loop, entry, events);
  else if (!entry->writer && !entry->request)
    entry->flags &= ~ACI_FD_OTHERS;
}

static void on_event(void *context, int fd, uint32_t tag, uint32_t events) {
  ac_loop *loop = context;
  struct aci_fd *entry = &loop->fds[fd];
  if (AC_UNLIKELY(entry->tag != tag))
    return;
  /* Mostly there is something to receive, and nobody who waits for more. */
  uint32_t flags = entry->flags;
  if (AC_UNLIKELY((flags & (ACI_FD_SWIFT | ACI_FD_WOKEN | ACI_FD_OTHERS)) !=
                      ACI_FD_SWIFT ||
                  (events & ~(uint32_t)POLLOUT) != POLLIN)) {
    on_other_event(loop, entry, events);
    return;
  }
  entry->flags = flags | ACI_FD_WOKEN;
  loop->waiting_fds--; /* it stays the reader until it has received */
  aci_wake(loop, entry->reader);
}

void aci_fd_verify(ac_loop *loop) {
  loop->unverified = 0;
  for (int fd = 0; fd < loop->fd_count; fd++) {
    struct aci_fd *entry = &loop->fds[fd];
    if (!(entry->flags & ACI_FD_UNVERIFIED))
      continue;
    entry->flags &= ~(uint32_t)ACI_FD_UNVERIFIED;
    int code = entry->inlet ? inlet_verify(loop, entry, fd) : 1;
    if (!entry->reader && !entry->writer && !entry->watches)
      continue;
    /* An inlet reports what is there to be read, and nothing else. */
    if (code == 0 && !(entry->flags & ACI_FD_ARMED))
      continue;
    if (code >= 0)
      code = aci_fd_arm(loop, entry, fd);
    if (code) {
      fail_waiters(loop, entry, code);
      aci_watch_notify(loop, entry, POLLNVAL);
    } else if (entry->flags & ACI_FD_ALWAYS) {
      on_event(loop, fd, entry->tag, POLLIN | POLLOUT);
    }
  }
}

static void poll_driver(ac_loop *loop, int64_t timeout_ns) {
  if (AC_UNLIKELY(loop->unattended >= 0))
    inlet_attend(loop);
  loop->driver.class->poll(&loop->driver, timeout_ns, on_event, loop);
}

void aci_io_poll(ac_loop *loop, int64_t when_ns) {
  int64_t timeout_ns = when_ns;
  if (when_ns > 0) {
    timeout_ns = when_ns - aci_sys_now();
    if (timeout_ns < 0)
      timeout_ns = 0;
  }
  if (!loop->unverified || (timeout_ns >= 0 && timeout_ns <= ACI_IDLE_NS)) {
    /* Virtual time may jump now: whatever is ready has to be known. */
    if (loop->unverified && loop->virtual_clock && !when_ns)
      aci_fd_verify(loop);
    poll_driver(loop, timeout_ns);
    return;
  }
  poll_driver(loop, ACI_IDLE_NS);
  if (aci_queue_is_empty(&loop->ready) && !atomic_load(&loop->attention))
    aci_fd_verify(loop);
}
