/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * scope.c - cancel scopes: stretches of a task that can be cancelled by
 * themselves, by a deadline or by anybody. While a task is in a cancelled
 * scope every suspension raises AC_ECANCELED (level-triggered, as in trio), so
 * that no cleanup in it can hang; leaving the scope ends that. A shield keeps
 * what is around it out.
 *
 *   enter --> ACTIVE -- deadline, ac_scope_cancel --> CANCELLED
 *               |                                         |
 *               v                                         v
 *            exit: as it is           exit: AC_ECANCELED becomes "caught",
 *                                     unless somebody else wants it too
 *
 * A task's scopes are a list from the innermost outwards, in its extra. The
 * task has ACI_SCOPED while some scope in force is cancelled. */
#include "internal.h"

#include <math.h>

enum { ACTIVE = 1, ARMED = 2, CANCELLED = 4, CAUGHT = 8 };

_Static_assert(sizeof(struct aci_node) <= sizeof(((struct ac_scope *)0)->link),
               "the deadline's node lies in the scope's links");

static struct aci_node *node_of(struct ac_scope *scope) {
  return (struct aci_node *)(void *)scope->link;
}

/* True when a scope around where the task is has been cancelled. */
static int in_force(const struct ac_scope *scope) {
  for (; scope; scope = scope->outer) {
    if (scope->state & CANCELLED)
      return 1;
    if (scope->shield)
      return 0;
  }
  return 0;
}

int aci_scope_shields(const struct ac_future *task) {
  const struct aci_extra *extra = aci_extra(task);
  for (const struct ac_scope *scope = extra->scope; scope; scope = scope->outer)
    if (scope->shield)
      return 1;
  return 0;
}

/* Scopes or shields of the task have changed. */
static void update(struct ac_future *task, struct aci_extra *extra) {
  if (task->node.flags & ACI_DONE)
    return;
  int before = (task->node.flags & ACI_SCOPED) != 0;
  int now = in_force(extra->scope);
  if (now) {
    task->node.flags |= ACI_SCOPED;
    /* Where it waits now, or will next. */
    if (!before)
      aci_cancel_deliver(task);
    return;
  }
  task->node.flags &= ~ACI_SCOPED;
  if (before)
    task->node.flags &= ~ACI_CANCEL;
  if (extra->held_back && !aci_scope_shields(task)) {
    if (aci_wait(&task->node) == ACI_WAIT_NONE) {
      task->node.flags |= ACI_CANCEL;
    } else {
      extra->held_back = 0;
      aci_cancel_deliver(task);
    }
  }
}

static void disarm(struct ac_scope *scope) {
  if (!(scope->state & ARMED))
    return;
  scope->state &= ~(uint32_t)ARMED;
  aci_wheel_remove(&aci_thread.loop->wheel, node_of(scope));
}

static void arm(struct ac_scope *scope) {
  ac_loop *loop = aci_thread.loop;
  struct aci_node *node = node_of(scope);
  if (!scope->deadline_ns || scope->deadline_ns == INT64_MAX)
    return;
  scope->state |= ARMED;
  node->flags = ACI_SCOPE;
  node->when_ns = scope->deadline_ns;
  aci_wheel_add(&loop->wheel, node);
  if (scope->deadline_ns <= aci_clock(loop))
    loop->budget = ACI_HURRY; /* look at the clock before the next turn */
}

static void cancel(struct ac_scope *scope, const char *why, const char *file,
                   int line, size_t by) {
  disarm(scope);
  if (scope->state & CANCELLED)
    return;
  scope->state |= CANCELLED;
  scope->cancellation = (struct ac_cancellation){why, file, line, by};
  if (!(scope->state & ACTIVE))
    return;
  struct aci_extra *extra = aci_extra(scope->task);
  extra->cancellation = scope->cancellation;
  extra->has_cancellation = 1;
  update(scope->task, extra);
}

void aci_scope_expired(struct aci_node *node) {
  struct ac_scope *scope = (struct ac_scope *)(void *)node;
  scope->state &= ~(uint32_t)ARMED;
  scope->expired = 1;
  cancel(scope, "its deadline passed", NULL, 0, 0);
}

/* ---- entering and leaving ------------------------------------------------ */

/* A generator hands nothing over in a scope of its own: its consumer would run
 * in it. */
static void refuse_values(int by) {
  if (ac_generating)
    ac_generating->refusing += by;
}

int ac_scope_enter(struct ac_scope *scope) {
  struct ac_future *task = ac_running;
  struct aci_extra *extra = aci_extra_make(task);
  scope->task = task;
  scope->requests = task->node.extra & ACI_CANCEL_COUNT;
  scope->outer = extra ? extra->scope : NULL;
  scope->state = (scope->state & CANCELLED) | (extra ? ACTIVE : 0);
  if (!extra)
    return AC_ENOMEM;
  /* A request still to be delivered will come inside of the scope. */
  if ((task->node.flags & (ACI_CANCEL | ACI_SCOPED)) == ACI_CANCEL)
    extra->held_back = 1;
  if (extra->held_back && scope->requests)
    scope->requests -= ACI_CANCEL_ONE;
  extra->scope = scope;
  refuse_values(1);
  if (!(scope->state & CANCELLED))
    arm(scope);
  update(task, extra);
  return AC_OK;
}

/* Somebody wants the task itself cancelled since the scope was entered. */
static int is_wanted_outside(const struct ac_scope *scope,
                             const struct aci_extra *extra) {
  return (scope->task->node.extra & ACI_CANCEL_COUNT) > scope->requests ||
         in_force(extra->scope);
}

int ac_scope_exit(struct ac_scope *scope, int error) {
  if (!(scope->state & ACTIVE))
    return error;
  struct ac_future *task = scope->task;
  struct aci_extra *extra = aci_extra(task);
  disarm(scope);
  refuse_values(-1);
  scope->state &= ~(uint32_t)ACTIVE;
  if (AC_UNLIKELY(extra->scope != scope)) {
    aci_report("a scope was left before one inside it", aci_task_name(task),
               AC_EINVAL);
    /* Those inside go with it. */
    while (extra->scope && extra->scope != scope) {
      disarm(extra->scope);
      refuse_values(-1);
      extra->scope->state &= ~(uint32_t)ACTIVE;
      extra->scope = extra->scope->outer;
    }
  }
  extra->scope = scope->outer;
  int taken = error == AC_ECANCELED && extra->held_back;
  if (taken && (scope->state & CANCELLED))
    extra->held_back = 0; /* it is on its way already */
  update(task, extra);
  if (error != AC_ECANCELED || !(scope->state & CANCELLED) ||
      is_wanted_outside(scope, extra))
    return error;
  scope->state |= CAUGHT;
  return AC_OK;
}

int ac_scope_cancel_at(struct ac_scope *scope, const char *why,
                       const char *file, int line) {
  if (scope->state & CANCELLED)
    return 0;
  cancel(scope, why, file, line, aci_canceller());
  return 1;
}

int ac_scope_cancelled(const struct ac_scope *scope) {
  return (scope->state & CANCELLED) != 0;
}

int ac_scope_caught(const struct ac_scope *scope) {
  return (scope->state & CAUGHT) != 0;
}

void ac_scope_set_deadline(struct ac_scope *scope, double seconds) {
  scope->deadline_ns = isinf(seconds) && seconds > 0
                           ? INT64_MAX
                           : aci_deadline(aci_thread.loop, seconds);
  if (!(scope->state & ACTIVE) || (scope->state & CANCELLED))
    return;
  disarm(scope);
  arm(scope);
}

void ac_scope_set_shield(struct ac_scope *scope, int shield) {
  scope->shield = shield;
  if (scope->state & ACTIVE)
    update(scope->task, aci_extra(scope->task));
}

/* ---- ac_timeout ---------------------------------------------------------- */

int ac_timeout_enter(struct ac_scope *scope, double seconds) {
  memset(scope, 0, sizeof *scope);
  ac_scope_set_deadline(scope, seconds);
  return ac_scope_enter(scope);
}

int ac_timeout_exit(struct ac_scope *scope, int error) {
  int left_with = ac_scope_exit(scope, error);
  return scope->state & CAUGHT ? AC_ETIMEDOUT : left_with;
}
