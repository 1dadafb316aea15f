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

/* A recv(2). */
struct wanted {
  void *buffer;
  size_t bytes;
  int flags;
};

/* What the inlet has, or ACI_TRY. Urgent data does not go through it, and a
 * call for nothing has the kernel's answer. */
static inline ssize_t take(ac_loop *loop, struct aci_fd *entry,
                           const struct wanted *wanted) {
  if (!entry->inlet || entry->inlet->kind != ACI_BYTES || !wanted->bytes ||
      wanted->flags & (MSG_OOB | MSG_ERRQUEUE))
    return ACI_TRY;
  return aci_fd_take(loop, entry, wanted->buffer, wanted->bytes, wanted->flags);
}

static ssize_t call_recv(const struct aci_fd *entry, int fd,
                         const struct wanted *wanted) {
  int flags = wanted->flags | MSG_DONTWAIT;
  if (AC_LIKELY(entry->flags & ACI_FD_STRAIGHT))
    return aci_call_recv(fd, wanted->buffer, wanted->bytes, flags);
  ssize_t got = recv(fd, wanted->buffer, wanted->bytes, flags);
  return got < 0 ? -errno : got;
}

/* As recv(2), or -errno. */
static ssize_t receive(ac_loop *loop, int fd, const struct wanted *wanted) {
  struct aci_fd *entry = &loop->fds[fd];
  ssize_t got = take(loop, entry, wanted);
  if (got != ACI_TRY)
    return got;
  do
    got = call_recv(entry, fd, wanted);
  while (got == -EINTR);
  if (got < 0)
    return got == -EWOULDBLOCK ? -EAGAIN : got;
  if (!wanted->flags && !entry->inlet)
    aci_fd_note_read(entry, (size_t)got, wanted->bytes);
  return got;
}

/* It is to be received by the task when it goes on. */
static inline void note_wanted(struct aci_fd *entry, struct ac_future *task,
                               const struct wanted *wanted) {
  entry->buffer = wanted->buffer;
  entry->bytes = wanted->bytes;
  entry->flags |= ACI_FD_RECEIVE;
  task->node.receive_flags = wanted->flags;
}

/* The current task is suspended until there is something to receive. Else the
 * result, or an error. */
static ssize_t receive_wait(ac_loop *loop, int fd,
                            const struct wanted *wanted) {
  struct aci_fd *entry = &loop->fds[fd];
  enum aci_inlet_kind kind =
      wanted->bytes && !(wanted->flags & (MSG_OOB | MSG_ERRQUEUE))
          ? ACI_BYTES
          : ACI_NO_INLET;
  int code = aci_fd_wait(loop, entry, fd, ACI_READER, kind);
  if (AC_UNLIKELY(code))
    return code < 0 ? code : receive(loop, fd, wanted);
  note_wanted(entry, ac_running, wanted);
  if (!wanted->flags && entry->flags & ACI_FD_STRAIGHT)
    entry->flags |= ACI_FD_SWIFT;
  return 0;
}

int aci_receive_resume(ac_loop *loop, struct ac_future *task, ssize_t got) {
  int fd = task->node.fd;
  struct aci_fd *entry = &loop->fds[fd];
  const struct wanted wanted = {entry->buffer, entry->bytes,
                                task->node.receive_flags};
  aci_fd_reader_left(entry);
  task->node.flags &= ~ACI_READER;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return 1;
  if (got == ACI_TRY || got == -EINTR)
    got = receive(loop, fd, &wanted);
  if (got == -EAGAIN) {
    ac_running = task;
    got = receive_wait(loop, fd, &wanted);
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

static ac_frame *received(ssize_t *ret, ssize_t got) {
  if (AC_UNLIKELY(got < 0))
    return aci_raise((int)got);
  *ret = got;
  return NULL;
}

/* It would block, or is certain to. */
static ac_frame *receive_later(ssize_t *ret, int fd,
                               const struct wanted *wanted) {
  struct ac_future *task = ac_running;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return &task->leaf;
  ssize_t got = receive_wait(aci_thread.loop, fd, wanted);
  return task->node.flags & ACI_WAIT ? &task->leaf : received(ret, got);
}

/* The same, aci_fd_wait in short, where nothing can go wrong. */
static inline ac_frame *wait_swiftly(ac_loop *loop, struct aci_fd *entry,
                                     int fd, void *buffer, size_t bytes) {
  struct ac_future *task = ac_running;
  entry->buffer = buffer;
  entry->bytes = bytes;
  entry->flags |= ACI_FD_RECEIVE | ACI_FD_SWIFT | ACI_FD_UNVERIFIED;
  entry->reader = task;
  loop->unverified = 1;
  loop->waiting_fds++;
  task->node.fd = fd;
  task->node.receive_flags = 0;
  task->node.flags |= ACI_READER | (uint32_t)ACI_WAIT_FD << ACI_WAIT_SHIFT;
  return &task->leaf;
}

/* The task is ready, and receives when it is its turn: a descriptor that is
 * always ready must not keep others from running. */
static ac_frame *receive_in_turn(ac_loop *loop, int fd,
                                 const struct wanted *wanted) {
  struct ac_future *task = ac_running;
  struct aci_fd *entry = &loop->fds[fd];
  note_wanted(entry, task, wanted);
  entry->reader = task;
  task->node.fd = fd;
  task->node.flags |= ACI_READER;
  loop->budget = ACI_HURRY;
  return &task->leaf;
}

/* There may be something, or it is not straightforward. */
static ac_frame *__attribute__((noinline))
receive_now(ssize_t *ret, int fd, void *buffer, size_t bytes, int flags) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  int code = aci_fd_find(loop, fd, &entry);
  if (code)
    return aci_raise(code);
  if (entry->reader)
    return aci_raise(AC_EBUSY);
  const struct wanted wanted = {buffer, bytes, flags};
  if ((entry->flags & ACI_FD_DRAINED) && !entry->inlet)
    return receive_later(ret, fd, &wanted);
  if (AC_UNLIKELY(--loop->io_budget < 0))
    return receive_in_turn(loop, fd, &wanted);
  ssize_t got = receive(loop, fd, &wanted);
  return got == -EAGAIN ? receive_later(ret, fd, &wanted) : received(ret, got);
}

ac_frame *ac_recv__ac(ssize_t *ret, int fd, void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count))
    return receive_now(ret, fd, buffer, bytes, flags);
  struct aci_fd *entry = &loop->fds[fd];
  const uint32_t swift = ACI_FD_STRAIGHT | ACI_FD_DRAINED;
  if (AC_UNLIKELY((entry->flags & swift) != swift || entry->reader || flags ||
                  (ac_running->node.flags & ACI_CANCEL)))
    return receive_now(ret, fd, buffer, bytes, flags);
  return wait_swiftly(loop, entry, fd, buffer, bytes);
}

/* ---- send ---------------------------------------------------------------- */

struct send_args {
  const void *data;
  size_t bytes;
  int fd;
  int flags;
};

struct transfer {
  ac_frame frame;
  struct send_args args;
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

/* As send(2), or -errno. */
static ssize_t call_send(const struct aci_fd *entry,
                         const struct send_args *args) {
  int flags = args->flags | MSG_DONTWAIT | MSG_NOSIGNAL;
  ssize_t sent;
  do {
    if (AC_LIKELY(entry->flags & ACI_FD_STRAIGHT)) {
      sent = aci_call_send(args->fd, args->data, args->bytes, flags);
    } else {
      sent = send(args->fd, args->data, args->bytes, flags);
      sent = sent < 0 ? -errno : sent;
    }
  } while (sent == -EINTR);
  return sent == -EWOULDBLOCK ? -EAGAIN : sent;
}

static ssize_t attempt(const struct transfer *transfer) {
  const struct send_args *args = &transfer->args;
  return call_send(&aci_thread.loop->fds[args->fd], args);
}

/* Suspends the task until there is room. */
static ac_frame *wait_for_room(ac_loop *loop, struct transfer *transfer) {
  struct ac_future *task = ac_running;
  transfer->frame.state = 1;
  task->leaf.parent = &transfer->frame;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return &transfer->frame;
  int fd = transfer->args.fd;
  int code = aci_fd_wait(loop, &loop->fds[fd], fd, ACI_WRITER, ACI_NO_INLET);
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

/* untried: not tried yet; else it would block. */
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
  transfer->args = *args;
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

/* ---- the public operation ------------------------------------------------ */

/* There is no room. */
static ac_frame *send_when_room(ssize_t *ret, const struct send_args *args) {
  ac_loop *loop = aci_thread.loop;
  ac_frame *status = NULL;
  if (loop->driver.class->submit)
    status = send_by_driver(loop, ret, args);
  return status ? status : send_later(ret, args, 0);
}

static ac_frame *sent_now(ssize_t *ret, const struct send_args *args,
                          ssize_t sent) {
  if (AC_LIKELY(sent >= 0)) {
    *ret = sent;
    return NULL;
  }
  return sent == -EAGAIN ? send_when_room(ret, args) : aci_raise((int)sent);
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
  return sent_now(ret, &args, call_send(&loop->fds[fd], &args));
}

static ac_frame *__attribute__((noinline))
send_failed(ssize_t *ret, int fd, const void *buffer, size_t bytes, int flags,
            ssize_t sent) {
  const struct send_args args = {buffer, bytes, fd, flags};
  return sent_now(ret, &args,
                  sent == -EINTR ? call_send(&aci_thread.loop->fds[fd], &args)
                                 : sent);
}

ac_frame *ac_send__ac(ssize_t *ret, int fd, const void *buffer, size_t bytes,
                      int flags) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count))
    return send_slowly(ret, fd, buffer, bytes, flags);
  const struct aci_fd *entry = &loop->fds[fd];
  const uint32_t looked_at = ACI_FD_STRAIGHT | ACI_FD_OTHERS;
  if (AC_UNLIKELY((entry->flags & looked_at) != ACI_FD_STRAIGHT ||
                  loop->io_budget <= 0))
    return send_slowly(ret, fd, buffer, bytes, flags);
  loop->io_budget--;
  flags |= MSG_DONTWAIT | MSG_NOSIGNAL;
  ssize_t sent = aci_call_send(fd, buffer, bytes, flags);
  if (AC_UNLIKELY(sent < 0))
    return send_failed(ret, fd, buffer, bytes, flags, sent);
  *ret = sent;
  return NULL;
}
