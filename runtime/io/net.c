/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * net.c - recv and send, which most of a server's time goes through: io.c's
 * way of trying first, with nothing that they do not need. */
#include "internal.h"

#include <errno.h>
#include <sys/socket.h>

struct transfer {
  ac_frame frame;
  int fd;
  int flags;
  union {
    void *buffer;
    const void *data;
  };
  size_t bytes;
};

static ac_frame *recv_resume(ac_frame *self, ac_frame *status);
static ac_frame *send_resume(ac_frame *self, ac_frame *status);

static const struct ac_desc recv_desc = {.resume = recv_resume,
                                         .name = "ac_recv",
                                         .frame_bytes = sizeof(struct transfer),
                                         .frame_align =
                                             _Alignof(struct transfer)};
static const struct ac_desc send_desc = {.resume = send_resume,
                                         .name = "ac_send",
                                         .frame_bytes = sizeof(struct transfer),
                                         .frame_align =
                                             _Alignof(struct transfer)};

static int is_recv(const struct transfer *transfer) {
  return transfer->frame.desc == &recv_desc;
}

static ssize_t attempt(struct transfer *transfer) {
  ssize_t got;
  do
    got = is_recv(transfer)
              ? recv(transfer->fd, transfer->buffer, transfer->bytes,
                     transfer->flags | MSG_DONTWAIT)
              : send(transfer->fd, transfer->data, transfer->bytes,
                     transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  while (got < 0 && errno == EINTR);
  return got < 0 ? -errno : got;
}

static ac_frame *finish(struct transfer *transfer, ssize_t result) {
  void *ret = transfer->frame.ret;
  ac_frame_free(&transfer->frame);
  if (result < 0)
    return aci_raise((int)result);
  *(ssize_t *)ret = result;
  return NULL;
}

/* Suspends the task until the descriptor is ready. */
static ac_frame *wait_ready(ac_loop *loop, struct transfer *transfer) {
  struct ac_future *task = ac_running;
  transfer->frame.state = 1;
  task->leaf.parent = &transfer->frame;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return &transfer->frame;
  int code = aci_fd_wait(loop, &loop->fds[transfer->fd], transfer->fd,
                         is_recv(transfer) ? ACI_READER : ACI_WRITER);
  if (AC_LIKELY(!code))
    return &transfer->frame;
  return finish(transfer, code < 0 ? code : attempt(transfer));
}

static ac_frame *go_on(struct transfer *transfer, ssize_t result) {
  return result == -EAGAIN || result == -EWOULDBLOCK
             ? wait_ready(aci_thread.loop, transfer)
             : finish(transfer, result);
}

static ac_frame *__attribute__((noinline)) retry(struct transfer *transfer) {
  return go_on(transfer, attempt(transfer));
}

/* The system call has failed with errno, which it may say only once. */
static ac_frame *__attribute__((noinline)) failed(struct transfer *transfer) {
  return errno == EINTR ? retry(transfer) : go_on(transfer, -errno);
}

static ac_frame *recv_resume(ac_frame *self, ac_frame *status) {
  struct transfer *transfer = (struct transfer *)(void *)self;
  if (AC_UNLIKELY(status == AC_RAISED)) {
    ac_frame_free(self);
    return AC_RAISED;
  }
  ssize_t got = recv(transfer->fd, transfer->buffer, transfer->bytes,
                     transfer->flags | MSG_DONTWAIT);
  if (AC_UNLIKELY(got < 0))
    return failed(transfer);
  if (!transfer->flags)
    aci_fd_note_read(&aci_thread.loop->fds[transfer->fd], (size_t)got,
                     transfer->bytes);
  *(ssize_t *)self->ret = got;
  ac_frame_free(self);
  return NULL;
}

static ac_frame *send_resume(ac_frame *self, ac_frame *status) {
  if (AC_UNLIKELY(status == AC_RAISED)) {
    ac_frame_free(self);
    return AC_RAISED;
  }
  return retry((struct transfer *)(void *)self);
}

/* Why the fast way below did not come to an end. */
enum reason {
  UNTRIED,     /* not tried yet, or interrupted */
  WOULD_BLOCK, /* or certain to */
};

static ac_frame *__attribute__((noinline))
suspend(const struct ac_desc *desc, ssize_t *ret, int fd, const void *data,
        size_t bytes, int flags, enum reason reason) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  int code = aci_fd_find(loop, fd, &entry);
  if (AC_UNLIKELY(code))
    return aci_raise(code);
  uint32_t side = desc == &recv_desc ? ACI_READER : ACI_WRITER;
  if (AC_UNLIKELY(aci_fd_is_busy(entry, side)))
    return aci_raise(AC_EBUSY);
  struct transfer *transfer = (struct transfer *)(void *)ac_frame_new(desc);
  if (AC_UNLIKELY(!transfer))
    return aci_raise(AC_ENOMEM);
  transfer->frame.ret = ret;
  transfer->fd = fd;
  transfer->flags = flags;
  transfer->data = data;
  transfer->bytes = bytes;
  if (AC_LIKELY(reason == WOULD_BLOCK))
    return wait_ready(loop, transfer);
  if (loop->io_budget >= 0)
    return retry(transfer);
  /* A descriptor that is always ready must not keep others from running. */
  loop->budget = ACI_HURRY;
  return ac_suspend(&transfer->frame, 1, ac_yield__ac(NULL), NULL);
}

static ac_frame *__attribute__((noinline))
suspend_failed(const struct ac_desc *desc, ssize_t *ret, int fd,
               const void *data, size_t bytes, int flags) {
  switch (errno) {
  case EAGAIN:
    return suspend(desc, ret, fd, data, bytes, flags, WOULD_BLOCK);
  case EINTR:
    return suspend(desc, ret, fd, data, bytes, flags, UNTRIED);
  default:
    return aci_raise(-errno);
  }
}

ac_frame *ac_recv__ac(ssize_t *ret, int fd, void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count ||
                  loop->fds[fd].reader))
    return suspend(&recv_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  if (loop->fds[fd].flags & ACI_FD_DRAINED)
    return suspend(&recv_desc, ret, fd, buffer, bytes, flags, WOULD_BLOCK);
  if (AC_UNLIKELY(--loop->io_budget < 0))
    return suspend(&recv_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  ssize_t got = recv(fd, buffer, bytes, flags | MSG_DONTWAIT);
  if (AC_UNLIKELY(got < 0))
    return suspend_failed(&recv_desc, ret, fd, buffer, bytes, flags);
  if (!flags)
    aci_fd_note_read(&loop->fds[fd], (size_t)got, bytes);
  *ret = got;
  return NULL;
}

ac_frame *ac_send__ac(ssize_t *ret, int fd, const void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count ||
                  loop->fds[fd].writer || --loop->io_budget < 0))
    return suspend(&send_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  ssize_t sent = send(fd, buffer, bytes, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (AC_UNLIKELY(sent < 0))
    return suspend_failed(&send_desc, ret, fd, buffer, bytes, flags);
  *ret = sent;
  return NULL;
}
