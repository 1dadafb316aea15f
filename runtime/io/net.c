/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * net.c - recv and send, which most of a server's time goes through: io.c's
 * way of trying first, with nothing that they do not need. Where a connection
 * has an inlet, what has come is there, and a send is a request to the
 * driver.
 *
 * A receive that waits has no frame: what is wanted stands in the
 * descriptor's entry, and the task waits as its leaf. When woken it is ready,
 * with ACI_READER set, and the loop receives when it is its turn: then the
 * value is there, and whoever awaits it goes on. */
#include "internal.h"

#include "request.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- recv ---------------------------------------------------------------- */

/* What the inlet has, or ACI_TRY. Urgent data does not go through it, and a
 * call for nothing has the kernel's answer. */
static inline ssize_t take(ac_loop *loop, struct aci_fd *entry,
                           const struct aci_receive *receive) {
  if (!entry->inlet || entry->inlet->kind != ACI_BYTES || !receive->bytes ||
      receive->flags & (MSG_OOB | MSG_ERRQUEUE))
    return ACI_TRY;
  return aci_fd_take(loop, entry, receive->buffer, receive->bytes,
                     receive->flags);
}

/* As recv(2), or -errno. */
static ssize_t receive(ac_loop *loop, int fd, struct aci_receive wanted) {
  struct aci_fd *entry = &loop->fds[fd];
  ssize_t got = take(loop, entry, &wanted);
  if (got != ACI_TRY)
    return got;
  do
    got = recv(fd, wanted.buffer, wanted.bytes, wanted.flags | MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  if (got < 0)
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  if (!wanted.flags && !entry->inlet)
    aci_fd_note_read(entry, (size_t)got, wanted.bytes);
  return got;
}

/* The current task is suspended until there is something to receive. Else the
 * result, or an error. */
static ssize_t receive_wait(ac_loop *loop, struct aci_fd *entry, int fd,
                            struct aci_receive wanted) {
  enum aci_inlet_kind kind =
      wanted.bytes && !(wanted.flags & (MSG_OOB | MSG_ERRQUEUE)) ? ACI_BYTES
                                                                 : ACI_NO_INLET;
  int code = aci_fd_wait(loop, entry, fd, ACI_READER, kind);
  if (AC_UNLIKELY(code))
    return code < 0 ? code : receive(loop, fd, wanted);
  entry->receive = wanted;
  entry->flags |= ACI_FD_RECEIVE;
  return 0;
}

/* Not tried yet, or interrupted, or it would block. As aci_receive_resume. */
static int __attribute__((noinline))
receive_again(ac_loop *loop, struct ac_future *task, ssize_t got) {
  int fd = task->node.fd;
  struct aci_fd *entry = &loop->fds[fd];
  struct aci_receive wanted = entry->receive;
  if (got == ACI_TRY)
    got = receive(loop, fd, wanted);
  if (got == -EAGAIN) {
    ac_running = task;
    got = receive_wait(loop, entry, fd, wanted);
    if (task->node.flags & ACI_WAIT)
      return 0;
  }
  if (got >= 0) {
    *(ssize_t *)task->leaf.ret = got;
  } else {
    task->node.flags |= ACI_FAILURE;
    task->node.error = (int)got;
  }
  return 1;
}

int aci_receive_resume(ac_loop *loop, struct ac_future *task) {
  struct aci_fd *entry = &loop->fds[task->node.fd];
  uint32_t flags = task->node.flags;
  entry->reader = NULL;
  task->node.flags = flags & ~ACI_READER;
  if (AC_UNLIKELY(flags & ACI_CANCEL))
    return 1;
  if (AC_UNLIKELY(entry->inlet != NULL))
    return receive_again(loop, task, ACI_TRY);
  ssize_t got = recv(task->node.fd, entry->receive.buffer, entry->receive.bytes,
                     entry->receive.flags | MSG_DONTWAIT);
  if (AC_UNLIKELY(got < 0))
    return receive_again(loop, task, errno == EINTR ? ACI_TRY : -errno);
  if (!entry->receive.flags)
    aci_fd_note_read(entry, (size_t)got, entry->receive.bytes);
  *(ssize_t *)task->leaf.ret = got;
  return 1;
}

static ac_frame *received(ssize_t *ret, ssize_t got) {
  if (AC_UNLIKELY(got < 0))
    return aci_raise((int)got);
  *ret = got;
  return NULL;
}

/* It would block, or is certain to. */
static ac_frame *__attribute__((noinline))
receive_later(ssize_t *ret, int fd, void *buffer, size_t bytes, int flags) {
  ac_loop *loop = aci_thread.loop;
  struct ac_future *task = ac_running;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return &task->leaf;
  ssize_t got = receive_wait(loop, &loop->fds[fd], fd,
                             (struct aci_receive){buffer, bytes, flags});
  return task->node.flags & ACI_WAIT ? &task->leaf : received(ret, got);
}

/* The same, aci_fd_wait in short, where nothing can go wrong. */
static inline ac_frame *wait_armed(ac_loop *loop, struct aci_fd *entry, int fd,
                                   void *buffer, size_t bytes, int flags) {
  struct ac_future *task = ac_running;
  entry->receive.buffer = buffer;
  entry->receive.bytes = bytes;
  entry->receive.flags = flags;
  entry->flags |= ACI_FD_RECEIVE | ACI_FD_UNVERIFIED;
  entry->reader = task;
  loop->unverified = 1;
  loop->waiting_fds++;
  task->node.fd = fd;
  task->node.flags |= ACI_READER | (uint32_t)ACI_WAIT_FD << ACI_WAIT_SHIFT;
  return &task->leaf;
}

/* The task is ready, and receives when it is its turn: a descriptor that is
 * always ready must not keep others from running. */
static ac_frame *receive_in_turn(ac_loop *loop, struct aci_fd *entry, int fd,
                                 struct aci_receive wanted) {
  struct ac_future *task = ac_running;
  entry->receive = wanted;
  entry->flags |= ACI_FD_RECEIVE;
  entry->reader = task;
  task->node.fd = fd;
  task->node.flags |= ACI_READER;
  loop->budget = ACI_HURRY;
  return &task->leaf;
}

/* Whatever is not straightforward; not tried yet. */
static ac_frame *__attribute__((noinline))
receive_slowly(ssize_t *ret, int fd, void *buffer, size_t bytes, int flags) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  int code = aci_fd_find(loop, fd, &entry);
  if (code)
    return aci_raise(code);
  if (entry->reader)
    return aci_raise(AC_EBUSY);
  const struct aci_receive wanted = {buffer, bytes, flags};
  if ((entry->flags & ACI_FD_DRAINED) && !entry->inlet)
    return receive_later(ret, fd, buffer, bytes, flags);
  if (AC_UNLIKELY(--loop->io_budget < 0))
    return receive_in_turn(loop, entry, fd, wanted);
  ssize_t got = receive(loop, fd, wanted);
  return got == -EAGAIN ? receive_later(ret, fd, buffer, bytes, flags)
                        : received(ret, got);
}

static ac_frame *__attribute__((noinline))
receive_failed(ssize_t *ret, int fd, void *buffer, size_t bytes, int flags) {
  switch (errno) {
  case EAGAIN:
    return receive_later(ret, fd, buffer, bytes, flags);
  case EINTR:
    return receive_slowly(ret, fd, buffer, bytes, flags);
  default:
    return aci_raise(-errno);
  }
}

/* There may be something. */
static ac_frame *__attribute__((noinline))
receive_now(ssize_t *ret, int fd, void *buffer, size_t bytes, int flags) {
  ac_loop *loop = aci_thread.loop;
  ssize_t got = recv(fd, buffer, bytes, flags | MSG_DONTWAIT);
  if (AC_UNLIKELY(got < 0))
    return receive_failed(ret, fd, buffer, bytes, flags);
  if (!flags)
    aci_fd_note_read(&loop->fds[fd], (size_t)got, bytes);
  *ret = got;
  return NULL;
}

ac_frame *ac_recv__ac(ssize_t *ret, int fd, void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count))
    return receive_slowly(ret, fd, buffer, bytes, flags);
  struct aci_fd *entry = &loop->fds[fd];
  if (AC_UNLIKELY(entry->reader || entry->inlet ||
                  (ac_running->node.flags & ACI_CANCEL)))
    return receive_slowly(ret, fd, buffer, bytes, flags);
  const uint32_t drained = ACI_FD_DRAINED | ACI_FD_ARMED;
  if ((entry->flags & drained) == drained)
    return wait_armed(loop, entry, fd, buffer, bytes, flags);
  if (AC_UNLIKELY(loop->io_budget <= 0))
    return receive_slowly(ret, fd, buffer, bytes, flags);
  loop->io_budget--;
  return receive_now(ret, fd, buffer, bytes, flags);
}

/* ---- send ---------------------------------------------------------------- */

struct transfer {
  ac_frame frame;
  const void *data;
  size_t bytes;
  int fd;
  int flags;
};

static ac_frame *transfer_resume(ac_frame *self, ac_frame *status);

static const struct ac_desc transfer_desc = {
    .resume = transfer_resume,
    .name = "ac_send",
    .frame_bytes = sizeof(struct transfer),
    .frame_align = _Alignof(struct transfer)};

static ac_frame *finish(struct transfer *transfer, ssize_t result) {
  void *ret = transfer->frame.ret;
  ac_frame_free(&transfer->frame);
  if (result < 0)
    return aci_raise((int)result);
  *(ssize_t *)ret = result;
  return NULL;
}

static ssize_t attempt(const struct transfer *transfer) {
  ssize_t sent;
  do
    sent = send(transfer->fd, transfer->data, transfer->bytes,
                transfer->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0)
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  return sent;
}

/* Suspends the task until there is room. */
static ac_frame *wait_for_room(ac_loop *loop, struct transfer *transfer) {
  struct ac_future *task = ac_running;
  transfer->frame.state = 1;
  task->leaf.parent = &transfer->frame;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return &transfer->frame;
  int code = aci_fd_wait(loop, &loop->fds[transfer->fd], transfer->fd,
                         ACI_WRITER, ACI_NO_INLET);
  if (AC_LIKELY(!code))
    return &transfer->frame;
  return finish(transfer, code < 0 ? code : attempt(transfer));
}

static ac_frame *retry(struct transfer *transfer) {
  ssize_t sent = attempt(transfer);
  return sent == -EAGAIN ? wait_for_room(aci_thread.loop, transfer)
                         : finish(transfer, sent);
}

static ac_frame *transfer_resume(ac_frame *self, ac_frame *status) {
  if (AC_UNLIKELY(status == AC_RAISED)) {
    ac_frame_free(self);
    return AC_RAISED;
  }
  return retry((struct transfer *)(void *)self);
}

struct send_args {
  const void *data;
  size_t bytes;
  int fd;
  int flags;
};

/* untried: not tried yet, or interrupted; else it would block. */
static ac_frame *__attribute__((noinline))
send_later(ssize_t *ret, const struct send_args *args, int untried) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  int code = aci_fd_find(loop, args->fd, &entry);
  if (AC_UNLIKELY(code))
    return aci_raise(code);
  if (AC_UNLIKELY(aci_fd_is_busy(entry, ACI_WRITER)))
    return aci_raise(AC_EBUSY);
  struct transfer *transfer =
      (struct transfer *)(void *)ac_frame_new(&transfer_desc);
  if (AC_UNLIKELY(!transfer))
    return aci_raise(AC_ENOMEM);
  transfer->frame.ret = ret;
  transfer->data = args->data;
  transfer->bytes = args->bytes;
  transfer->fd = args->fd;
  transfer->flags = args->flags;
  if (!untried)
    return wait_for_room(loop, transfer);
  if (loop->io_budget >= 0)
    return retry(transfer);
  /* A descriptor that is always ready must not keep others from running. */
  loop->budget = ACI_HURRY;
  return ac_suspend(&transfer->frame, 1, ac_yield__ac(NULL), NULL);
}

/* ---- by the driver ------------------------------------------------------- */

/* A send that the driver makes; the buffer is the kernel's until it is done,
 * and so the frame stays, cancelled or not. */
struct sending {
  ac_frame frame;
  struct aci_submission submission;
};

/* It has happened, whatever has come over the task: the cancellation, if any,
 * is delivered next time. */
static ac_frame *sent(struct sending *sending, ac_frame *status) {
  int error = status == AC_RAISED ? ac_take_error() : 0;
  if (AC_UNLIKELY(sending->submission.cancelled || error == AC_ECANCELED))
    ac_cancel_later();
  *(ssize_t *)sending->frame.ret = sending->submission.result;
  ac_frame_free(&sending->frame);
  return NULL;
}

static ac_frame *sending_resume(ac_frame *self, ac_frame *status) {
  struct sending *sending = (struct sending *)(void *)self;
  if (AC_LIKELY(sending->submission.result >= 0))
    return sent(sending, status);
  struct aci_request request = sending->submission.request;
  ssize_t *ret = self->ret;
  ac_frame *parent = self->parent;
  ac_frame_free(self);
  if (status == AC_RAISED)
    return AC_RAISED;
  /* The driver could not: by a system call, then. */
  const struct send_args args = {request.data, request.bytes, request.fd,
                                 request.flags};
  ac_frame *frame = send_later(ret, &args, 1);
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
static ac_frame *__attribute__((noinline))
send_by_driver(ac_loop *loop, ssize_t *ret, const struct send_args *args) {
  if (AC_UNLIKELY(!args->bytes || ac_cancel_is_due()))
    return NULL;
  if (AC_UNLIKELY(aci_fd_is_busy(&loop->fds[args->fd], ACI_WRITER)))
    return aci_raise(AC_EBUSY);
  struct sending *sending =
      (struct sending *)(void *)ac_frame_new(&sending_desc);
  if (AC_UNLIKELY(!sending))
    return aci_raise(AC_ENOMEM);
  sending->frame.ret = ret;
  sending->submission.request = (struct aci_request){
      .kind = ACI_SEND,
      .fd = args->fd,
      .flags = (args->flags & ~MSG_DONTWAIT) | MSG_NOSIGNAL,
      .data = args->data,
      .bytes = args->bytes};
  if (AC_UNLIKELY(!aci_submission_begin_write(&sending->submission))) {
    ac_frame_free(&sending->frame);
    return NULL;
  }
  return ac_suspend(&sending->frame, 1,
                    ac_operation_suspend(&sending->submission.operation), NULL);
}

/* There is no room, or a signal came. */
static ac_frame *__attribute__((noinline))
send_failed(ssize_t *ret, const struct send_args *args) {
  ac_loop *loop = aci_thread.loop;
  ac_frame *status = NULL;
  switch (errno) {
  case EAGAIN:
    if (loop->driver.class->submit && args->fd < loop->fd_count)
      status = send_by_driver(loop, ret, args);
    return status ? status : send_later(ret, args, 0);
  case EINTR:
    return send_later(ret, args, 1);
  default:
    return aci_raise(-errno);
  }
}

/* ---- the public operation ------------------------------------------------ */

static ac_frame *send_now(ssize_t *ret, const struct send_args *args) {
  ssize_t sent = send(args->fd, args->data, args->bytes,
                      args->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
  if (AC_UNLIKELY(sent < 0))
    return send_failed(ret, args);
  *ret = sent;
  return NULL;
}

/* Whatever is not straightforward. */
static ac_frame *__attribute__((noinline))
send_slowly(ssize_t *ret, int fd, const void *buffer, size_t bytes, int flags) {
  ac_loop *loop = aci_thread.loop;
  const struct send_args args = {buffer, bytes, fd, flags};
  if ((unsigned)fd >= (unsigned)loop->fd_count || loop->fds[fd].writer)
    return send_later(ret, &args, 1);
  if (loop->fds[fd].inlet && loop->fds[fd].inlet->kind == ACI_BYTES) {
    ac_frame *status = send_by_driver(loop, ret, &args);
    if (status)
      return status;
  }
  if (--loop->io_budget < 0)
    return send_later(ret, &args, 1);
  return send_now(ret, &args);
}

ac_frame *ac_send__ac(ssize_t *ret, int fd, const void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count))
    return send_slowly(ret, fd, buffer, bytes, flags);
  const struct aci_fd *entry = &loop->fds[fd];
  if (AC_UNLIKELY(entry->writer || entry->inlet || loop->io_budget <= 0))
    return send_slowly(ret, fd, buffer, bytes, flags);
  loop->io_budget--;
  /* In memory, where only a send that fails reads them again. */
  const struct send_args args = {buffer, bytes, fd, flags};
  return send_now(ret, &args);
}
