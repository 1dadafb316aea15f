/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * line.c - waiting without a frame: the task's own node stands in the ring of
 * those that wait, and says in what kind of object that is. Who wakes takes
 * the node out. What a task is handed then is its own from that moment; until
 * it has run it is ready with ACI_GRANTED set, so that what was handed goes to
 * the next if it is cancelled before. */
#include "lock.h"

const struct aci_line_class aci_line_classes[] = {
    [ACI_LINE_EVENT] = {.what = "waits for an event"},
    [ACI_LINE_LOCK] = {.what = "waits for a lock",
                       .pass_on = aci_lock_pass_on,
                       .blocker = aci_lock_owner},
    [ACI_LINE_LOCK_AGAIN] = {.what =
                                 "waits for a lock, notified of a condition",
                             .blocker = aci_lock_owner,
                             .stays = 1},
    [ACI_LINE_CONDITION] = {.what = "waits for a condition",
                            .pass_on = aci_condition_pass_on}};

void aci_line_fail(struct aci_node **ring, int code) {
  for (struct aci_node *node; (node = *ring);) {
    if (aci_line_class(node)->stays)
      node->flags &= ~ACI_CANCEL; /* it cannot have what it stays for */
    aci_ring_remove(ring, node);
    aci_wake_error(aci_thread.loop, aci_of_node(node), code);
  }
}

int aci_line_withdraw(struct ac_future *task) {
  if (aci_line_class(&task->node)->stays) {
    task->node.flags |= ACI_CANCEL | (uint32_t)ACI_WAIT_LINE << ACI_WAIT_SHIFT;
    return 0;
  }
  aci_ring_remove(aci_line_ring(&task->node), &task->node);
  return 1;
}

void aci_line_forgo(struct ac_future *task) {
  if (!(task->node.flags & ACI_GRANTED))
    return;
  task->node.flags &= ~ACI_GRANTED;
  const struct aci_line_class *class = aci_line_class(&task->node);
  if (class->pass_on)
    class->pass_on(aci_line_ring(&task->node));
}
