/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * held.c - what a task holds and has to give back. It stands in the ring of
 * those that wait for the task's end, which finds it there: no allocation, and
 * nothing to look through for tasks that hold nothing. */
#include "internal.h"

_Static_assert(sizeof(((struct ac_held *)0)->link) >= sizeof(struct aci_node),
               "a node fits");

void ac_held_by(struct ac_held *held, struct ac_future *task) {
  struct aci_node *node = aci_held_node(held);
  if (held->task)
    aci_ring_remove(&held->task->waiters, node);
  held->task = task;
  if (!task)
    return;
  node->flags = ACI_HELD_BY;
  aci_ring_append(&task->waiters, node);
}

void aci_held_orphaned(struct aci_node *node) {
  struct ac_held *held =
      (struct ac_held *)(void *)((char *)node - offsetof(struct ac_held, link));
  held->task = NULL;
  held->orphaned(held);
}
