/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * cancel.c - requesting cancellation. A request goes along the chain of tasks
 * that await each other to the innermost one, and takes that out of what it
 * waits in: it runs again in a later turn and finds AC_ECANCELED raised. What
 * its waiters then receive is up to it. */
#include "internal.h"

static void count_request(struct ac_future *task) {
  if ((task->node.extra & ACI_CANCEL_COUNT) != ACI_CANCEL_COUNT)
    task->node.extra += ACI_CANCEL_ONE;
}

int aci_uncancel(struct ac_future *task) {
  if (task->node.extra & ACI_CANCEL_COUNT)
    task->node.extra -= ACI_CANCEL_ONE;
  /* What has not been delivered is taken back with the last request. */
  if (!(task->node.extra & ACI_CANCEL_COUNT)) {
    if (!(task->node.flags & ACI_SCOPED))
      task->node.flags &= ~ACI_CANCEL;
    if (aci_extra(task))
      aci_extra(task)->held_back = 0;
  }
  return (int)((task->node.extra & ACI_CANCEL_COUNT) / ACI_CANCEL_ONE);
}

static void leave_future(struct ac_future *task, enum aci_wait wait) {
  struct ac_future *future = task->node.future;
  aci_ring_remove(&future->waiters, &task->node);
  if (task->node.flags & ACI_OWNED) {
    task->node.flags &= ~ACI_OWNED;
    /* Nobody else will ever ask for it; only a shield lets it run on. */
    aci_pin(future);
    if (wait == ACI_WAIT_FUTURE)
      aci_cancel(future);
    aci_unpin(future);
    aci_release(future);
    return;
  }
  aci_settle(future);
}

int aci_withdraw(struct ac_future *task) {
  ac_loop *loop = aci_thread.loop;
  enum aci_wait wait = aci_wait(&task->node);
  task->node.flags &= ~ACI_WAIT;
  switch (wait) {
  case ACI_WAIT_NONE:
    /* It is the current task, about to yield. */
    task->node.flags &= ~ACI_FAILURE;
    if (task->node.flags & ACI_READER)
      aci_io_forgo(loop, task);
    break;
  case ACI_WAIT_TIMER:
    aci_wheel_remove(&loop->wheel, &task->node);
    break;
  case ACI_WAIT_FUTURE:
  case ACI_WAIT_SHIELDED:
    leave_future(task, wait);
    break;
  case ACI_WAIT_FD:
    aci_io_withdraw(loop, task);
    break;
  case ACI_WAIT_LINE:
    return aci_line_withdraw(task);
  case ACI_WAIT_GROUP:
    /* Its frame tidies up when it is resumed with an error. */
    break;
  case ACI_WAIT_OPERATION:
    return aci_operation_withdraw(task);
  }
  return 1;
}

void aci_withdraw_now(struct ac_future *task) {
  ac_loop *loop = aci_thread.loop;
  if (aci_withdraw(task))
    return;
  while (aci_wait(&task->node))
    aci_loop_wait(loop);
  aci_queue_remove(&loop->ready, &task->node);
  task->node.flags &= ~ACI_FAILURE;
}

static void interrupt(struct ac_future *task) {
  if (aci_withdraw(task))
    aci_wake_error(aci_thread.loop, task, AC_ECANCELED);
}

/* True when following the awaited futures from `task` comes back to it. */
static int awaits_itself(const struct ac_future *task) {
  const struct ac_future *mark = task;
  size_t steps = 0, limit = 1;
  for (const struct ac_future *at = task;
       aci_wait(&at->node) == ACI_WAIT_FUTURE;) {
    at = at->node.future;
    if (at == mark)
      return 1;
    if (++steps == limit) { /* Brent: a cycle may not include the start */
      mark = at;
      limit *= 2;
      steps = 0;
    }
  }
  return 0;
}

/* True when a shield holds the request back until it is left. A loop that
 * ends, and that nothing can wake any more, takes no notice of shields: what
 * is waited for in them will never be. */
static int hold_back(struct ac_future *task) {
  struct aci_extra *extra = aci_extra(task);
  if (AC_LIKELY(!extra || !extra->scope) || aci_thread.loop->stuck)
    return 0;
  extra->held_back = 1;
  return aci_scope_shields(task);
}

/* The request goes on from `task`, which it has been counted for. */
static void deliver(struct ac_future *task) {
  if (aci_wait(&task->node) == ACI_WAIT_FUTURE && awaits_itself(task)) {
    interrupt(task);
    return;
  }
  for (;;) {
    switch (aci_wait(&task->node)) {
    case ACI_WAIT_NONE:
      task->node.flags |= ACI_CANCEL;
      return;
    case ACI_WAIT_FUTURE:
      if (AC_UNLIKELY(aci_task_group_passes_on(task->node.future))) {
        interrupt(task);
        return;
      }
      task = task->node.future;
      if (aci_kind(&task->node) == ACI_FUTURE) {
        aci_future_end(task, AC_ECANCELED);
        return;
      }
      count_request(task);
      if (hold_back(task))
        return;
      break;
    case ACI_WAIT_GROUP:
      aci_group_cancel(task->node.group);
      return;
    default:
      interrupt(task);
      return;
    }
  }
}

void aci_cancel_deliver(struct ac_future *task) { deliver(task); }

static int cancel_task(struct ac_future *task) {
  count_request(task);
  if (!hold_back(task))
    deliver(task);
  return 1;
}

int aci_cancel(struct ac_future *object) {
  if (object->node.flags & ACI_DONE)
    return 0;
  switch (aci_kind(&object->node)) {
  case ACI_TASK:
    return cancel_task(object);
  case ACI_FUTURE:
    aci_future_end(object, AC_ECANCELED);
    return 1;
  default:
    return 0;
  }
}
