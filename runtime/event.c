/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * event.c - a flag that tasks wait for. */
#include "internal.h"

void ac_event_set(struct ac_event *event) {
  event->is_set = 1;
  struct aci_node *node = event->waiters;
  if (!node)
    return;
  ac_loop *loop = aci_thread.loop;
  event->waiters = NULL;
  struct aci_node *last = node->prev;
  for (;;) {
    struct aci_node *next = node->next;
    aci_wake(loop, aci_of_node(node));
    if (node == last)
      return;
    node = next;
  }
}

void ac_event_clear(struct ac_event *event) { event->is_set = 0; }

ac_frame *ac_event_wait__ac(void *ret, struct ac_event *event) {
  if (event->is_set)
    return NULL;
  struct ac_future *task = ac_running;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL))
    return ac_yield__ac(ret);
  task->node.ring = &event->waiters;
  aci_ring_append(&event->waiters, &task->node);
  return aci_leaf(task, ACI_WAIT_EVENT);
}
