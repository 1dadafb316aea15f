/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * event.c - a flag that tasks wait for. What needs no wait is in ac.h. */
#include "internal.h"

static void __attribute__((noinline))
wake_ring(ac_loop *loop, struct aci_node *first) {
  struct aci_node *last = first->prev;
  for (struct aci_node *node = first;;) {
    struct aci_node *next = node->next;
    node->flags &= ~ACI_WAIT;
    aci_ready(loop, node);
    if (node == last)
      return;
    node = next;
  }
}

void ac_event_wake(struct ac_event *event) {
  ac_loop *loop = aci_thread.loop;
  struct aci_node *node = event->waiters;
  event->waiters = NULL;
  if (AC_UNLIKELY(node->next != node)) {
    wake_ring(loop, node);
    return;
  }
  node->flags &= ~ACI_WAIT;
  aci_ready(loop, node);
}

ac_frame *ac_event_block(struct ac_event *event) {
  return aci_line_wait(&event->waiters, ACI_LINE_EVENT);
}

ac_frame *(ac_event_wait__ac)(void *ret, struct ac_event *event) {
  return ac_event_wait_now(ret, event);
}
