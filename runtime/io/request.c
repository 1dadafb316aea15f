/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * request.c - waiting for a request that the driver carries out: on a file, or
 * on a descriptor's writing side. A request cannot be taken back, for the
 * kernel may be at it: a task that is cancelled has it cancelled, and waits for
 * what becomes of it. */
#include "request.h"

#include "internal.h"

#include <errno.h>

static int withdraw(struct ac_operation *operation) {
  struct aci_submission *submission = (struct aci_submission *)operation;
  struct aci_driver *driver = &aci_thread.loop->driver;
  if (!submission->cancelled && !submission->unstopped)
    driver->class->cancel(driver, &submission->request);
  submission->cancelled = 1;
  return 0;
}

static void describe(const struct ac_operation *operation, FILE *out) {
  fprintf(out, " %d", ((const struct aci_submission *)operation)->request.fd);
}

static const struct ac_operation_class
    file_class = {.what = "waits for a file",
                  .withdraw = withdraw,
                  .outside = 1},
    send_class = {.what = "waits for a send on descriptor",
                  .withdraw = withdraw,
                  .describe = describe,
                  .outside = 1},
    connect_class = {.what = "waits for the connection of descriptor",
                     .withdraw = withdraw,
                     .describe = describe,
                     .outside = 1};

/* What the request's result means to whoever waits. -EAGAIN: nothing has
 * happened, and it is to be done otherwise. */
static ssize_t meaning(const struct aci_submission *submission,
                       ssize_t result) {
  if (AC_LIKELY(result != -EINTR && result != -ECANCELED))
    return result;
  if (result == -EINTR && submission->request.kind == ACI_CLOSE)
    return 0; /* it is closed all the same */
  if (submission->cancelled && !submission->unstopped)
    return AC_ECANCELED;
  /* Nobody has cancelled it: it was closed. */
  return submission->on_fd && result == -ECANCELED ? AC_EBADF : -EAGAIN;
}

static void done(struct aci_request *request, ssize_t result) {
  struct aci_submission *submission =
      (struct aci_submission *)(void *)((char *)request -
                                        offsetof(struct aci_submission,
                                                 request));
  if (submission->on_fd)
    aci_fd_answered(aci_thread.loop, request);
  else
    aci_thread.loop->working--;
  result = meaning(submission, result);
  submission->result = result;
  int raises = submission->on_fd ? result < 0 && result != -EAGAIN
                                 : result == AC_ECANCELED;
  ac_operation_wake(&submission->operation, raises ? (int)result : 0);
}

static inline void prepare(struct aci_submission *submission,
                           const struct ac_operation_class *class) {
  submission->operation.kind = class;
  submission->request.done = done;
  submission->result = -EINPROGRESS;
  submission->cancelled = submission->unstopped = submission->on_fd = 0;
}

int aci_submission_begin(struct aci_submission *submission) {
  struct aci_driver *driver = &aci_thread.loop->driver;
  prepare(submission, &file_class);
  if (!driver->class->submit ||
      driver->class->submit(driver, &submission->request))
    return 0;
  aci_thread.loop->working++;
  return 1;
}

int aci_submission_begin_write(struct aci_submission *submission) {
  ac_loop *loop = aci_thread.loop;
  int is_send = submission->request.kind == ACI_SEND;
  prepare(submission, is_send ? &send_class : &connect_class);
  submission->on_fd = 1;
  return aci_fd_request(loop, &loop->fds[submission->request.fd],
                        &submission->request);
}

int aci_submission_owes_cancel(const struct aci_submission *submission,
                               int error) {
  return error == AC_ECANCELED ||
         (submission->cancelled && (ac_cancelling)(ac_running) > 0);
}

AC_API ac_frame *aci_submission_wait__ac(void *ret,
                                         struct aci_submission *submission);
ac_frame *aci_submission_wait__ac(void *ret,
                                  struct aci_submission *submission) {
  (void)ret;
  return ac_operation_suspend(&submission->operation);
}
