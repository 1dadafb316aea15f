/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * select.c - await ac_select(x = f(), g(), t): the first of several. Calls
 * belong to the select: they are begun one after the other, from a random one
 * on, until one has ended; if none has, the first that ends wins. The others
 * are then withdrawn: those not begun never begin, the rest are cancelled and
 * waited for. Handles are only looked at.
 *
 * Once there is a winner the select has happened: a cancellation that comes
 * later is delivered where the task suspends next, and its value is not lost. */
#include "internal.h"

static int is_call(const struct ac_future *object) {
  return object && aci_kind(&object->node) == ACI_CORO;
}

/* The lowered function releases the calls when it has their values. */
static void release_calls(struct aci_group *group) {
  for (size_t i = 0; i < group->count; i++) {
    struct aci_member *member = &group->members[i];
    if (member->node.extra)
      aci_release(member->future);
  }
}

static ac_frame *finish(struct aci_group *group, int *ret, int error) {
  size_t winner = group->winner;
  if (winner < group->count) {
    struct ac_future *future = group->members[winner].future;
    if (error)
      ac_cancel_later();
    future->node.flags |= ACI_SEEN;
    error = future->node.flags & ACI_FAILED ? future->node.error : AC_OK;
  }
  if (error)
    release_calls(group);
  else
    *ret = (int)winner;
  aci_group_free(group);
  return error ? aci_raise(error) : NULL;
}

static ac_frame *resume(ac_frame *self, ac_frame *status) {
  struct aci_group *group = (struct aci_group *)(void *)self;
  int error = group->cancelled ? AC_ECANCELED : AC_OK;
  if (status == AC_RAISED)
    error = ac_take_error();
  if (error && group->winner == group->count)
    aci_group_withdraw(group);
  return finish(group, self->ret, error);
}

static const struct ac_desc select_desc = {
    .resume = resume,
    .name = "ac_select",
    .frame_bytes = sizeof(struct aci_group),
    .frame_align = _Alignof(struct aci_group)};

static size_t random_below(ac_loop *loop, size_t count) {
  uint64_t x = loop->random ? loop->random : 0x9e3779b97f4a7c15u;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  loop->random = x;
  return (size_t)(x % count);
}

/* The objects of calls that will not be begun. */
static void drop_calls(struct ac_future *const *handles, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (is_call(handles[i]))
      aci_object_free(handles[i]);
}

static int lacks(struct ac_future *const *handles, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!handles[i])
      return AC_ENOMEM;
    if (handles[i] == ac_running)
      return AC_EDEADLK;
    enum aci_kind kind = aci_kind(&handles[i]->node);
    if (kind != ACI_CORO && kind != ACI_TASK && kind != ACI_FUTURE)
      return AC_EINVAL;
  }
  return AC_OK;
}

/* Begins calls until something has ended. */
static void begin(struct aci_group *group, size_t from) {
  for (size_t k = 0; k < group->count; k++) {
    size_t i = (from + k) % group->count;
    struct aci_member *member = &group->members[i];
    struct ac_future *object = member->future;
    if (is_call(object))
      aci_begin_now(object);
    if (object->node.flags & ACI_DONE) {
      group->winner = i;
      return;
    }
    aci_group_link(group, member);
  }
}

ac_frame *ac_select_handles(int *ret, struct ac_future *const *handles,
                            size_t count, int in_order) {
  ac_loop *loop = aci_thread.loop;
  int code = lacks(handles, count);
  struct aci_group *group =
      code ? NULL : aci_group_make(&select_desc, ACI_SELECT, handles, count);
  if (!group) {
    drop_calls(handles, count);
    return aci_raise(code ? code : AC_ENOMEM);
  }
  group->winner = count;
  for (size_t i = 0; i < count; i++)
    group->members[i].node.extra = is_call(handles[i]) ? 1 : 0;
  begin(group, in_order || count < 2 ? 0 : random_below(loop, count));
  if (group->winner < count)
    aci_group_withdraw(group);
  if (group->winner == count || group->pending)
    return aci_group_suspend(group);
  return finish(group, ret, AC_OK);
}
