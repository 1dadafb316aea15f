/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * request.c - waiting for a request that the driver carries out, on files
 * above all. A request cannot be taken back, for the kernel may be at it: a
 * task that is cancelled has it cancelled, and waits for what becomes of it. */
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

static const struct ac_operation_class file_class = {
    .what = "waits for a file", .withdraw = withdraw, .outside = 1};

/* What the request's result means to whoever waits. -EAGAIN: nothing has
 * happened, and it is to be done otherwise. */
static ssize_t meaning(const struct aci_submission *submission,
                       ssize_t result) {
  if (result != -EINTR && result != -ECANCELED)
    return result;
  if (result == -EINTR && submission->request.kind == ACI_CLOSE)
    return 0; /* it is closed all the same */
  return submission->cancelled && !submission->unstopped ? AC_ECANCELED
                                                         : -EAGAIN;
}

static void done(struct aci_request *request, ssize_t result) {
  struct aci_submission *submission =
      (struct aci_submission *)(void *)((char *)request -
                                        offsetof(struct aci_submission,
                                                 request));
  aci_thread.loop->working--;
  submission->result = meaning(submission, result);
  ac_operation_wake(&submission->operation,
                    submission->result == AC_ECANCELED ? AC_ECANCELED : 0);
}

int aci_submission_begin(struct aci_submission *submission) {
  struct aci_driver *driver = &aci_thread.loop->driver;
  submission->operation.kind = &file_class;
  submission->request.done = done;
  submission->result = -EINPROGRESS;
  submission->cancelled = submission->unstopped = 0;
  if (!driver->class->submit ||
      driver->class->submit(driver, &submission->request))
    return 0;
  aci_thread.loop->working++;
  return 1;
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
