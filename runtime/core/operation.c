/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * operation.c - what a task can be suspended on beside timers, futures and
 * descriptors: an object that knows how to be taken back. Locks and queues are
 * built on it, and so are bindings of other libraries. */
#include "internal.h"

ac_frame *ac_operation_suspend(struct ac_operation *operation) {
  struct ac_future *task = ac_running;
  operation->task = task;
  if (operation->kind->outside)
    aci_thread.loop->waiting_outside++;
  task->node.operation = operation;
  ac_frame *leaf = aci_leaf(task, ACI_WAIT_OPERATION);
  /* Taken back at once, the task is ready, and finds the request still due. */
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL) &&
      !aci_operation_withdraw(task))
    aci_cancel_taken(task);
  return leaf;
}

AC_API ac_frame *ac_operation_wait__ac(void *ret,
                                       struct ac_operation *operation);
ac_frame *ac_operation_wait__ac(void *ret, struct ac_operation *operation) {
  (void)ret;
  return ac_operation_suspend(operation);
}

AC_API ac_frame *ac_budget_wait__ac(void *ret);
ac_frame *ac_budget_wait__ac(void *ret) {
  if (aci_thread.loop->budget > ACI_HURRY)
    aci_thread.loop->budget = ACI_HURRY + 1; /* this step is not counted yet */
  return ac_yield__ac(ret);
}

static void end(struct ac_operation *operation) {
  if (operation->kind->outside)
    aci_thread.loop->waiting_outside--;
  operation->task = NULL;
}

int aci_operation_withdraw(struct ac_future *task) {
  struct ac_operation *operation = task->node.operation;
  if (!operation->kind->withdraw(operation)) {
    task->node.flags |= (uint32_t)ACI_WAIT_OPERATION << ACI_WAIT_SHIFT;
    return 0;
  }
  task->node.flags &= ~ACI_WAIT;
  end(operation);
  return 1;
}

void ac_operation_wake(struct ac_operation *operation, int code) {
  struct ac_future *task = operation->task;
  end(operation);
  if (code)
    aci_wake_error(aci_thread.loop, task, code);
  else
    aci_wake(aci_thread.loop, task);
}

int ac_cancel_is_due(void) {
  return (ac_running->node.flags & ACI_CANCEL) != 0;
}

void ac_cancel_later(void) { ac_running->node.flags |= ACI_CANCEL; }
