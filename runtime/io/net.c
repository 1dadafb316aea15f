/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * net.c - recv and send, which most of a server's time goes through: io.c's
 * way of trying first, with nothing that they do not need. Where a connection
 * has an inlet, what has come is there, and a send is a request to the
 * driver. */
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

/* What the inlet has, or ACI_TRY. Urgent data does not go through it, and a
 * call for nothing has the kernel's answer. */
static inline ssize_t take(ac_loop *loop, struct aci_fd *entry, void *buffer,
                           size_t bytes, int flags) {
  if (!entry->inlet || entry->inlet->kind != ACI_BYTES || !bytes ||
      flags & (MSG_OOB | MSG_ERRQUEUE))
    return ACI_TRY;
  return aci_fd_take(loop, entry, buffer, bytes, flags);
}

static ssize_t attempt(struct transfer *transfer) {
  ac_loop *loop = aci_thread.loop;
  ssize_t got = ACI_TRY;
  if (is_recv(transfer))
    got = take(loop, &loop->fds[transfer->fd], transfer->buffer,
               transfer->bytes, transfer->flags);
  if (got != ACI_TRY)
    return got;
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

static enum aci_inlet_kind inlet_kind(const struct transfer *transfer) {
  return is_recv(transfer) && transfer->bytes &&
                 !(transfer->flags & (MSG_OOB | MSG_ERRQUEUE))
             ? ACI_BYTES
             : ACI_NO_INLET;
}

/* Suspends the task until the descriptor is ready. */
static ac_frame *wait_ready(ac_loop *loop, struct transfer *transfer) {
  struct ac_future *task = ac_running;
  transfer->frame.state = 1;
  task->leaf.parent = &transfer->frame;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return &transfer->frame;
  int code = aci_fd_wait(loop, &loop->fds[transfer->fd], transfer->fd,
                         is_recv(transfer) ? ACI_READER : ACI_WRITER,
                         inlet_kind(transfer));
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
  struct aci_fd *entry = &aci_thread.loop->fds[transfer->fd];
  if (entry->inlet)
    return retry(transfer);
  ssize_t got = recv(transfer->fd, transfer->buffer, transfer->bytes,
                     transfer->flags | MSG_DONTWAIT);
  if (AC_UNLIKELY(got < 0))
    return failed(transfer);
  if (!transfer->flags)
    aci_fd_note_read(entry, (size_t)got, transfer->bytes);
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

/* ---- by the driver ------------------------------------------------------- */

static ac_frame *recv_inlet(ac_loop *loop, ssize_t *ret, int fd, void *buffer,
                            size_t bytes, int flags) {
  ssize_t got = ACI_TRY;
  if (AC_LIKELY(--loop->io_budget >= 0))
    got = take(loop, &loop->fds[fd], buffer, bytes, flags);
  if (AC_LIKELY(got >= 0)) {
    *ret = got;
    return NULL;
  }
  if (got == ACI_TRY)
    return suspend(&recv_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  if (got == -EAGAIN)
    return suspend(&recv_desc, ret, fd, buffer, bytes, flags, WOULD_BLOCK);
  return aci_raise((int)got);
}

/* A send that the driver makes; the buffer is the kernel's until it is done,
 * and so the frame stays, cancelled or not. */
struct sending {
  ac_frame frame;
  struct ac_operation operation;
  struct aci_request request;
  ssize_t result;
  int cancelled;
};

static int sending_withdraw(struct ac_operation *operation) {
  struct sending *sending =
      (struct sending *)(void *)((char *)operation -
                                 offsetof(struct sending, operation));
  ac_loop *loop = aci_thread.loop;
  if (!sending->cancelled)
    loop->driver.class->cancel(&loop->driver, &sending->request);
  sending->cancelled = 1;
  return 0;
}

static void sending_describe(const struct ac_operation *operation, FILE *out) {
  const struct sending *sending =
      (const struct sending *)(const void *)((const char *)operation -
                                             offsetof(struct sending,
                                                      operation));
  fprintf(out, " %d", sending->request.fd);
}

static const struct ac_operation_class sending_class = {
    .what = "waits for a send on descriptor",
    .withdraw = sending_withdraw,
    .describe = sending_describe,
    .outside = 1};

static void sending_done(struct aci_request *request, ssize_t result) {
  struct sending *sending =
      (struct sending *)(void *)((char *)request -
                                 offsetof(struct sending, request));
  aci_fd_answered(aci_thread.loop, request);
  /* Nobody has cancelled it: it was closed. */
  if (result == -ECANCELED)
    result = sending->cancelled ? AC_ECANCELED : AC_EBADF;
  sending->result = result;
  ac_operation_wake(&sending->operation,
                    result < 0 && result != -EAGAIN ? (int)result : 0);
}

/* It has happened, whatever has come over the task: the cancellation, if any,
 * is delivered next time. */
static ac_frame *sent(struct sending *sending, ac_frame *status) {
  int error = status == AC_RAISED ? ac_take_error() : 0;
  if (AC_UNLIKELY(sending->cancelled || error == AC_ECANCELED))
    ac_cancel_later();
  *(ssize_t *)sending->frame.ret = sending->result;
  ac_frame_free(&sending->frame);
  return NULL;
}

static ac_frame *sending_resume(ac_frame *self, ac_frame *status) {
  struct sending *sending = (struct sending *)(void *)self;
  if (AC_LIKELY(sending->result >= 0))
    return sent(sending, status);
  struct aci_request request = sending->request;
  ssize_t *ret = self->ret;
  ac_frame *parent = self->parent;
  ac_frame_free(self);
  if (status == AC_RAISED)
    return AC_RAISED;
  /* The driver could not: by a system call, then. */
  ac_frame *frame = suspend(&send_desc, ret, request.fd, request.data,
                            request.bytes, request.flags, UNTRIED);
  if (aci_suspended(frame))
    frame->parent = parent;
  return frame;
}

static const struct ac_desc sending_desc = {
    .resume = sending_resume,
    .name = "ac_send",
    .frame_bytes = sizeof(struct sending),
    .frame_align = _Alignof(struct sending)};

/* NULL: it is to be sent by a system call. */
static ac_frame *send_by_driver(ac_loop *loop, ssize_t *ret, int fd,
                                const void *buffer, size_t bytes, int flags) {
  struct aci_fd *entry = &loop->fds[fd];
  if (AC_UNLIKELY(entry->inlet->kind != ACI_BYTES || !bytes ||
                  ac_cancel_is_due()))
    return NULL;
  if (AC_UNLIKELY(aci_fd_is_busy(entry, ACI_WRITER)))
    return aci_raise(AC_EBUSY);
  struct sending *sending =
      (struct sending *)(void *)ac_frame_new(&sending_desc);
  if (AC_UNLIKELY(!sending))
    return aci_raise(AC_ENOMEM);
  sending->frame.ret = ret;
  sending->cancelled = 0;
  sending->result = -EINPROGRESS;
  sending->operation.class = &sending_class;
  sending->request =
      (struct aci_request){.kind = ACI_SEND,
                           .fd = fd,
                           .flags = (flags & ~MSG_DONTWAIT) | MSG_NOSIGNAL,
                           .data = buffer,
                           .bytes = bytes,
                           .done = sending_done};
  if (AC_UNLIKELY(!aci_fd_request(loop, entry, &sending->request))) {
    ac_frame_free(&sending->frame);
    return NULL;
  }
  return ac_suspend(&sending->frame, 1,
                    ac_operation_suspend(&sending->operation), NULL);
}

/* ---- the public operations ----------------------------------------------- */

ac_frame *ac_recv__ac(ssize_t *ret, int fd, void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count ||
                  loop->fds[fd].reader))
    return suspend(&recv_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  if (loop->fds[fd].inlet)
    return recv_inlet(loop, ret, fd, buffer, bytes, flags);
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
                  loop->fds[fd].writer))
    return suspend(&send_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  if (loop->fds[fd].inlet) {
    ac_frame *status = send_by_driver(loop, ret, fd, buffer, bytes, flags);
    if (status)
      return status;
  }
  if (AC_UNLIKELY(--loop->io_budget < 0))
    return suspend(&send_desc, ret, fd, buffer, bytes, flags, UNTRIED);
  ssize_t sent = send(fd, buffer, bytes, flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (AC_UNLIKELY(sent < 0))
    return suspend_failed(&send_desc, ret, fd, buffer, bytes, flags);
  *ret = sent;
  return NULL;
}
