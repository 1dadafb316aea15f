/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * request.h - a task's wait for a request that the driver carries out. */
#ifndef ACI_REQUEST_H
#define ACI_REQUEST_H

#include <sys/socket.h>

#include <ac/ac.h>

#include "driver.h"

/* In the frame of whoever awaits it, which stays until the request is done,
 * cancelled or not: till then its memory is the kernel's. */
struct aci_submission {
  struct ac_operation operation; /* first */
  struct aci_request request;
  /* As of the request; AC_ECANCELED: it was cancelled, and has not happened. */
  ssize_t result;
  int cancelled; /* the task was, before the request was done */
  int unstopped; /* and the request goes on in spite of that */
  int on_fd;     /* its descriptor is busy with it, and ends it when closed */
};

#pragma GCC visibility push(hidden)

/* Hands the request to the driver; what is its own (kind and operands) is
 * set. True: the task has to wait for it now, and for nothing else. False:
 * it is to be done otherwise. */
int aci_submission_begin(struct aci_submission *submission);
/* The same for the writing side of a descriptor, which nobody uses now. */
int aci_submission_begin_write(struct aci_submission *submission);
/* After the wait, which ended with that error: a cancellation is to come at
 * the task's next await, since the request has happened all the same. */
int aci_submission_owes_cancel(const struct aci_submission *submission,
                               int error);

/* io.c's way to connect: tried, and waited for as long as it would block. */
ac_frame *aci_connect_polling(int fd, const struct sockaddr *address,
                              socklen_t bytes);

#pragma GCC visibility pop

/* Raises AC_ECANCELED and what else has come over the task meanwhile; what has
 * become of the request stands in `result`. */
_Async void aci_submission_wait(struct aci_submission *submission);

#endif
