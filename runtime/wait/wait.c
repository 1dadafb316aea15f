/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * wait.c - ac_wait, which leaves what it waits for alone, and ac_wait_for,
 * which cancels it at the deadline and waits for that to end. (ac_shield is an
 * await that passes no cancellation on: future.c.) */
#include "internal.h"

#include <math.h>

/* ---- ac_wait ------------------------------------------------------------- */

static size_t done_count(const struct aci_group *group) {
  return group->count - group->pending;
}

static ac_frame *wait_resume(ac_frame *self, ac_frame *status) {
  struct aci_group *group = (struct aci_group *)(void *)self;
  if (status != AC_RAISED)
    *(size_t *)self->ret = done_count(group);
  aci_group_free(group);
  return status;
}

static const struct ac_desc wait_desc = {
    .resume = wait_resume,
    .name = "ac_wait",
    .frame_bytes = sizeof(struct aci_group),
    .frame_align = _Alignof(struct aci_group)};

/* The code to raise where it cannot be waited for. */
static int lacks(const struct ac_future *future) {
  if (!future)
    return AC_ENOMEM;
  if (future == ac_running)
    return AC_EDEADLK;
  enum aci_kind kind = aci_kind(&future->node);
  return kind == ACI_TASK || kind == ACI_FUTURE ? AC_OK : AC_EINVAL;
}

ac_frame *ac_wait__ac(size_t *ret, const void *handles, size_t count, int mode,
                      double timeout) {
  struct ac_future *const *futures = handles;
  if (!count || mode < AC_FIRST_COMPLETED || mode > AC_ALL_COMPLETED)
    return aci_raise(AC_EINVAL);
  size_t done = 0;
  int enough = 0;
  for (size_t i = 0; i < count; i++) {
    int code = lacks(futures[i]);
    if (code)
      return aci_raise(code);
    uint32_t flags = futures[i]->node.flags;
    if (!(flags & ACI_DONE))
      continue;
    done++;
    enough |= mode == AC_FIRST_COMPLETED ||
              (mode == AC_FIRST_ERROR && (flags & ACI_FAILED) &&
               futures[i]->node.error != AC_ECANCELED);
  }
  if (enough || done == count) {
    *ret = done;
    return NULL;
  }
  struct aci_group *group =
      aci_group_new(&wait_desc, ACI_WAIT_MANY, futures, count);
  if (!group)
    return aci_raise(AC_ENOMEM);
  group->wait_mode = mode;
  if (timeout >= 0 && !isinf(timeout))
    aci_group_set_timer(group, aci_deadline(aci_thread.loop, timeout));
  if (timeout == 0)
    /* Look at the clock before the next turn. */
    aci_thread.loop->budget = ACI_HURRY;
  return aci_group_suspend(group);
}

/* ---- ac_wait_for --------------------------------------------------------- */

/* What a wait whose future is done comes to. */
static ac_frame *wait_for_result(struct aci_group *group, void *ret) {
  struct ac_future *future = group->one.future;
  if (group->cancelled)
    return aci_raise(AC_ECANCELED);
  ac_frame *status = aci_result(ret, future);
  /* The deadline's cancellation becomes a timeout, unless somebody else
   * wanted the task cancelled meanwhile. */
  if (status == AC_RAISED && aci_thread.error == AC_ECANCELED &&
      group->expired &&
      (group->task->node.extra & ACI_CANCEL_COUNT) <= group->cancel_count)
    return aci_raise(AC_ETIMEDOUT);
  return status;
}

static ac_frame *wait_for_resume(ac_frame *self, ac_frame *status) {
  struct aci_group *group = (struct aci_group *)(void *)self;
  struct ac_future *future = group->one.future;
  int owned = group->owned;
  if (status != AC_RAISED)
    status = wait_for_result(group, self->ret);
  int code = aci_thread.error;
  int pending = group->one.node.next != NULL;
  aci_group_free(group);
  if (owned && pending)
    aci_cancel(future);
  aci_unpin(future);
  if (owned)
    aci_release(future);
  else
    aci_settle(future);
  return status == AC_RAISED ? aci_raise(code) : NULL;
}

static const struct ac_desc wait_for_desc = {
    .resume = wait_for_resume,
    .name = "ac_wait_for",
    .frame_bytes = sizeof(struct aci_group),
    .frame_align = _Alignof(struct aci_group)};

ac_frame *ac_wait_for_future(void *ret, struct ac_future *future,
                             double seconds, int owned) {
  if (!future)
    return aci_raise(AC_ENOMEM);
  if ((future->node.flags & ACI_DONE) || future == ac_running ||
      (isinf(seconds) && seconds > 0))
    return owned ? ac_await_future_owned(ret, future)
                 : ac_await_future(ret, future);
  struct aci_group *group =
      aci_group_new(&wait_for_desc, ACI_WAIT_FOR, &future, 1);
  if (!group) {
    if (owned) {
      aci_pin(future);
      aci_cancel(future);
      aci_unpin(future);
      aci_release(future);
    }
    return aci_raise(AC_ENOMEM);
  }
  group->owned = owned;
  group->cancel_count = group->task->node.extra & ACI_CANCEL_COUNT;
  aci_pin(future);
  if (seconds > 0) {
    aci_group_set_timer(group, aci_deadline(aci_thread.loop, seconds));
    return aci_group_suspend(group);
  }
  group->expired = 1;
  aci_group_cancel_members(group);
  if (!group->pending) { /* a future ends at once */
    group->frame.ret = ret;
    return wait_for_resume(&group->frame, NULL);
  }
  return aci_group_suspend(group);
}
