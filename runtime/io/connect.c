/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * connect.c - connecting: a request where the driver takes such, and else as
 * io.c does it. A Unix socket's queue may be full, which io.c waits out, and a
 * ring would by keeping one of the kernel's threads. */
#include "internal.h"

#include "request.h"

#include <errno.h>
#include <sys/socket.h>

struct connecting {
  ac_frame frame;
  struct aci_submission submission;
};

/* Over, well or not; or it is to be done otherwise. */
static ac_frame *connecting_resume(ac_frame *self, ac_frame *status) {
  struct aci_submission submission =
      ((struct connecting *)(void *)self)->submission;
  ac_frame *parent = self->parent;
  ac_frame_free(self);
  if (submission.result == 0) {
    int error = status == AC_RAISED ? ac_take_error() : 0;
    if (aci_submission_owes_cancel(&submission, error))
      ac_cancel_later();
    return NULL;
  }
  if (status == AC_RAISED)
    return AC_RAISED;
  ac_frame *frame =
      aci_connect_polling(submission.request.fd, submission.request.data,
                          (socklen_t)submission.request.bytes);
  if (aci_suspended(frame))
    frame->parent = parent;
  return frame;
}

static const struct ac_desc connecting_desc = {
    .resume = connecting_resume,
    .name = "ac_connect",
    .frame_bytes = sizeof(struct connecting),
    .frame_align = _Alignof(struct connecting)};

/* NULL: not by the driver. */
static ac_frame *by_driver(ac_loop *loop, int fd,
                           const struct sockaddr *address, socklen_t bytes) {
  struct aci_fd *entry;
  int code = aci_fd_find(loop, fd, &entry);
  if (AC_UNLIKELY(code))
    return aci_raise(code);
  if (AC_UNLIKELY(aci_fd_is_busy(entry, ACI_WRITER)))
    return aci_raise(AC_EBUSY);
  struct connecting *connecting =
      (struct connecting *)(void *)ac_frame_new(&connecting_desc);
  if (AC_UNLIKELY(!connecting))
    return aci_raise(AC_ENOMEM);
  connecting->submission.request = (struct aci_request){
      .kind = ACI_CONNECT, .fd = fd, .data = address, .bytes = bytes};
  if (AC_UNLIKELY(!aci_submission_begin_write(&connecting->submission))) {
    ac_frame_free(&connecting->frame);
    return NULL;
  }
  return ac_suspend(&connecting->frame, 1,
                    ac_operation_suspend(&connecting->submission.operation),
                    NULL);
}

ac_frame *ac_connect__ac(void *ret, int fd, const struct sockaddr *address,
                         socklen_t bytes) {
  ac_loop *loop = aci_thread.loop;
  (void)ret;
  if (loop->driver.class->submit && !ac_cancel_is_due() &&
      (address->sa_family == AF_INET || address->sa_family == AF_INET6)) {
    ac_frame *status = by_driver(loop, fd, address, bytes);
    if (status)
      return status;
  }
  return aci_connect_polling(fd, address, bytes);
}
