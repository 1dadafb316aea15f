/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * crossing.h - waiting for another thread: what a task or a thread that waits
 * at a channel has in the channel's ring. */
#ifndef ACI_CROSSING_H
#define ACI_CROSSING_H

#include <ac/ac.h>

#pragma GCC visibility push(hidden)

struct aci_inbox;

/* Lives in the frame, or on the stack, of who waits. */
struct aci_crossing {
  struct ac_operation operation; /* a task's */
  struct aci_crossing *next, *prev;
  struct aci_crossing **ring; /* the one it is in, or NULL */
  struct ac_channel *channel;
  struct aci_inbox *inbox; /* the loop's; NULL: a thread, which waits for ... */
  pthread_cond_t *condition;
  void *item;  /* what to send, or where to receive */
  int granted; /* that has been done */
  int code;    /* what it is woken with */
};

/* Tries, and where that would block (AC_EAGAIN) waits in the channel's ring:
 * then the operation is to be awaited. */
int aci_channel_begin_send(struct aci_crossing *crossing,
                           struct ac_channel *channel, const void *item,
                           size_t bytes);
int aci_channel_begin_receive(struct aci_crossing *crossing,
                              struct ac_channel *channel, void *item,
                              size_t bytes);

#pragma GCC visibility pop
#endif
