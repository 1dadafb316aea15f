/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * group.c - a task waiting for several futures, perhaps with a deadline: what
 * gather, wait and wait_for have in common. The group is the frame of that
 * operation; each future has a member of it in its ring of waiters. */
#include "internal.h"

struct aci_group *aci_group_make(const struct ac_desc *desc,
                                 enum aci_group_mode mode,
                                 struct ac_future *const *handles,
                                 size_t count) {
  struct aci_group *group = (struct aci_group *)(void *)ac_frame_new(desc);
  if (!group)
    return NULL;
  memset((char *)group + sizeof(ac_frame), 0, sizeof *group - sizeof(ac_frame));
  group->task = ac_running;
  group->mode = mode;
  group->count = count;
  group->members = &group->one;
  if (count > 1) {
    group->members = count <= PTRDIFF_MAX / sizeof *group->members
                         ? aci_block_new(count * sizeof *group->members)
                         : NULL;
    if (!group->members) {
      ac_frame_free(&group->frame);
      return NULL;
    }
  }
  for (size_t i = 0; i < count; i++) {
    struct aci_member *member = &group->members[i];
    member->future = handles[i];
    member->node.flags = ACI_MEMBER;
    member->node.extra = 0;
    member->node.next = NULL;
    member->node.group = group;
  }
  return group;
}

void aci_group_link(struct aci_group *group, struct aci_member *member) {
  aci_ring_append(&member->future->waiters, &member->node);
  group->pending++;
}

struct aci_group *aci_group_new(const struct ac_desc *desc,
                                enum aci_group_mode mode,
                                struct ac_future *const *handles,
                                size_t count) {
  struct aci_group *group = aci_group_make(desc, mode, handles, count);
  for (size_t i = 0; group && i < count; i++)
    if (handles[i] && !(handles[i]->node.flags & ACI_DONE))
      aci_group_link(group, &group->members[i]);
  return group;
}

ac_frame *aci_group_suspend(struct aci_group *group) {
  struct ac_future *task = group->task;
  task->node.group = group;
  ac_frame *leaf = aci_leaf(task, ACI_WAIT_GROUP);
  ac_suspend(&group->frame, 1, leaf, NULL);
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL)) {
    aci_cancel_taken(task);
    aci_group_cancel(group);
    aci_not_yet_ready(aci_thread.loop, task);
  }
  return &group->frame;
}

void aci_group_set_timer(struct aci_group *group, int64_t when_ns) {
  group->timer.flags = ACI_GROUP_TIMER | ACI_TIMED;
  group->timer.when_ns = when_ns;
  aci_wheel_add(&aci_thread.loop->wheel, &group->timer);
}

static void stop_timer(struct aci_group *group) {
  if (!(group->timer.flags & ACI_TIMED))
    return;
  group->timer.flags &= ~ACI_TIMED;
  aci_wheel_remove(&aci_thread.loop->wheel, &group->timer);
}

/* Has no effect when something else has woken the task already. */
static void wake(struct aci_group *group) {
  if (aci_wait(&group->task->node) != ACI_WAIT_GROUP)
    return;
  stop_timer(group);
  aci_wake(aci_thread.loop, group->task);
}

void aci_group_cancel_members(struct aci_group *group) {
  for (size_t i = 0; i < group->count; i++)
    if (group->members[i].node.next)
      aci_cancel(group->members[i].future);
}

void aci_group_member_done(struct aci_member *member,
                           struct ac_future *future) {
  struct aci_group *group = member->node.group;
  int code = future->node.flags & ACI_FAILED ? future->node.error : 0;
  int first = code && !group->error;
  if (first)
    group->error = code;
  member->node.next = NULL;
  group->pending--;
  int enough = !group->pending;
  switch (group->mode) {
  case ACI_GATHER_HANDLES:
    /* The first error is raised at once, but a gather that was cancelled
     * waits for all that it has cancelled. */
    enough |= first && !group->cancelled;
    break;
  case ACI_GATHER_CHILDREN:
    if (first && !group->cancelled)
      aci_group_cancel_members(group);
    enough = !group->pending;
    break;
  case ACI_WAIT_MANY:
    enough |=
        group->wait_mode == AC_FIRST_COMPLETED ||
        (group->wait_mode == AC_FIRST_ERROR && code && code != AC_ECANCELED);
    break;
  case ACI_WAIT_FOR:
    break;
  case ACI_SELECT:
    if (group->winner == group->count && !group->cancelled) {
      group->winner = (size_t)(member - group->members);
      aci_group_withdraw(group);
    }
    enough = !group->pending;
    break;
  }
  if (group->mode != ACI_WAIT_MANY)
    future->node.flags |= ACI_SEEN;
  if (enough)
    wake(group);
}

void aci_group_expired(struct aci_group *group) {
  group->timer.flags &= ~ACI_TIMED;
  group->expired = 1;
  if (group->mode == ACI_WAIT_MANY)
    wake(group);
  else
    aci_group_cancel_members(group);
}

/* Only the task itself is woken. */
static void interrupt(struct aci_group *group) {
  if (aci_wait(&group->task->node) != ACI_WAIT_GROUP)
    return;
  stop_timer(group);
  aci_withdraw(group->task);
  aci_wake_error(aci_thread.loop, group->task, AC_ECANCELED);
}

void aci_group_withdraw(struct aci_group *group) {
  for (size_t i = 0; i < group->count; i++) {
    struct aci_member *member = &group->members[i];
    if (!member->node.next || member->node.extra)
      continue;
    aci_ring_remove(&member->future->waiters, &member->node);
    member->node.next = NULL;
    group->pending--;
    aci_settle(member->future);
  }
  for (size_t i = 0; i < group->count; i++)
    if (group->members[i].node.next)
      aci_cancel(group->members[i].future);
}

/* Some member waits to leave a task group that the group's task is in. */
static int is_within_member(const struct aci_group *group) {
  for (size_t i = 0; i < group->count; i++)
    if (group->members[i].node.next &&
        aci_task_group_passes_on(group->members[i].future))
      return 1;
  return 0;
}

void aci_group_cancel(struct aci_group *group) {
  /* A request that has come round in a circle of tasks stops here. */
  if (group->mode == ACI_WAIT_MANY || group->cancelling ||
      is_within_member(group)) {
    interrupt(group);
    return;
  }
  group->cancelled = 1;
  group->cancelling = 1;
  if (group->mode == ACI_SELECT)
    aci_group_withdraw(group);
  else
    aci_group_cancel_members(group);
  group->cancelling = 0;
  if (!group->pending)
    interrupt(group);
}

void aci_group_free(struct aci_group *group) {
  stop_timer(group);
  for (size_t i = 0; i < group->count; i++) {
    struct aci_member *member = &group->members[i];
    if (!member->node.next)
      continue;
    aci_ring_remove(&member->future->waiters, &member->node);
    aci_settle(member->future);
  }
  if (group->members != &group->one)
    aci_block_free(group->members, group->count * sizeof *group->members);
  ac_frame_free(&group->frame);
}
