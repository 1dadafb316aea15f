/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * timeout.c - the ac_timeout statement: a scope in a frame whose deadline
 * cancels the task. Leaving the scope takes that request back and turns the
 * cancellation into AC_ETIMEDOUT, unless the task was cancelled by others
 * too: then theirs stands. */
#include "internal.h"

#include <math.h>

enum { ARMED = 1, EXPIRED = 2 };

_Static_assert(sizeof(struct aci_node) <=
                   sizeof(((struct ac_timeout_scope *)0)->link),
               "the scope's node lies in its links");

static struct aci_node *node_of(struct ac_timeout_scope *scope) {
  return (struct aci_node *)(void *)scope->link;
}

void ac_timeout_enter(struct ac_timeout_scope *scope, double seconds) {
  ac_loop *loop = aci_thread.loop;
  struct ac_future *task = ac_running;
  struct aci_node *node = node_of(scope);
  memset(scope, 0, sizeof *scope);
  scope->task = task;
  scope->cancel_count = task->node.extra & ACI_CANCEL_COUNT;
  /* A request still to be delivered will come inside of the scope. */
  if ((task->node.flags & ACI_CANCEL) && scope->cancel_count)
    scope->cancel_count -= ACI_CANCEL_ONE;
  scope->deadline_ns = INT64_MAX;
  if (isinf(seconds) && seconds > 0)
    return;
  scope->state |= ARMED;
  scope->deadline_ns = aci_deadline(loop, seconds);
  node->flags = ACI_SCOPE;
  node->when_ns = scope->deadline_ns;
  aci_wheel_add(&loop->wheel, node);
  if (!(seconds > 0))
    loop->budget = ACI_HURRY; /* look at the clock before the next turn */
}

void aci_scope_expired(struct aci_node *node) {
  struct ac_timeout_scope *scope = (struct ac_timeout_scope *)(void *)node;
  scope->state = (scope->state & ~(uint32_t)ARMED) | EXPIRED;
  aci_cancel(scope->task);
}

int ac_timeout_exit(struct ac_timeout_scope *scope, int error) {
  struct ac_future *task = scope->task;
  if (scope->state & ARMED)
    aci_wheel_remove(&aci_thread.loop->wheel, node_of(scope));
  uint32_t state = scope->state;
  scope->state = 0;
  if (!(state & EXPIRED))
    return error;
  aci_uncancel(task);
  if ((task->node.extra & ACI_CANCEL_COUNT) > scope->cancel_count)
    return error;
  /* Nobody else's: what of it has not been delivered is void. */
  task->node.flags &= ~ACI_CANCEL;
  return error == AC_ECANCELED ? AC_ETIMEDOUT : error;
}
