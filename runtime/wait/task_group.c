/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * task_group.c - tasks that a statement waits for: its scope, and a member for
 * each task in the task's ring of waiters. Leaving is an operation that is
 * never taken back: who cancels the waiting task cancels the group's tasks,
 * and the wait ends with the last of them.
 *
 *   enter --> OPEN -- the body ends --> OPEN | LEAVING -- no task left --> 0
 *               |                              |
 *               +---- an error: FAILED --------+
 *                     (the scope and all tasks are cancelled)
 *
 * Rules TG1 to TG3 of asyncio; what is better here: a cancellation from
 * outside that meets an error of a task is not lost. */
#include "internal.h"

enum {
  OPEN = 1,
  LEAVING = 2,
  FAILED = 4,
  ASKED = 8,
  CANCELLED = 16,
  BUSY = 32
};

struct member {
  struct aci_node node; /* in the task's ring of waiters */
  struct member *next, *prev;
  struct ac_future *task;
  struct ac_task_group *group;
};

static struct member *first_of(const struct ac_task_group *group) {
  return (struct member *)(void *)group->members;
}

/* A ring, in the order in which they were started. */
static void link_member(struct ac_task_group *group, struct member *member) {
  struct member *first = first_of(group);
  if (first) {
    member->next = first;
    member->prev = first->prev;
    first->prev->next = member;
    first->prev = member;
  } else {
    member->next = member->prev = member;
    group->members = &member->node;
  }
  group->pending++;
}

static void unlink_member(struct member *member) {
  struct ac_task_group *group = member->group;
  member->next->prev = member->prev;
  member->prev->next = member->next;
  if (first_of(group) == member)
    group->members = member->next == member ? NULL : &member->next->node;
  group->pending--;
}

static uint32_t requests(const struct ac_task_group *group) {
  return group->scope.task->node.extra & ACI_CANCEL_COUNT;
}

/* Once for each request: their cleanup is not to be interrupted by the next
 * wait that raises in a cancelled scope. Tasks end in turns of their own: no
 * member goes meanwhile. */
static void cancel_members(struct ac_task_group *group) {
  if ((group->state & CANCELLED) && requests(group) <= group->requests)
    return;
  group->state |= CANCELLED | BUSY;
  group->requests = requests(group);
  struct member *at = first_of(group);
  for (size_t count = group->pending; count; count--, at = at->next)
    aci_cancel(at->task);
  group->state &= ~BUSY;
}

static void fail(struct ac_task_group *group, int code) {
  if (group->error_count < AC_GROUP_ERRORS)
    group->errors[group->error_count] = code;
  group->error_count++;
  if (group->state & FAILED)
    return;
  group->state |= FAILED;
  group->error = code;
  ac_scope_cancel_at(&group->scope, "a task of its group failed", NULL, 0);
  cancel_members(group);
}

/* ---- leaving ------------------------------------------------------------- */

static int withdraw(struct ac_operation *operation) {
  struct ac_task_group *group =
      (struct ac_task_group *)(void *)((char *)operation -
                                       offsetof(struct ac_task_group, leaving));
  group->state |= ASKED;
  /* It goes on waiting, and what comes round in a circle has to see that. */
  operation->task->node.flags |= (uint32_t)ACI_WAIT_OPERATION << ACI_WAIT_SHIFT;
  if (!(group->state & BUSY))
    cancel_members(group);
  return 0;
}

static void describe(const struct ac_operation *operation, FILE *out) {
  const struct ac_task_group *group =
      (const struct ac_task_group *)(const void *)((const char *)operation -
                                                   offsetof(
                                                       struct ac_task_group,
                                                       leaving));
  fprintf(out, "%zu task%s of a group", group->pending,
          group->pending == 1 ? "" : "s");
}

static const struct ac_operation_class leaving_class = {
    .what = "waits for", .withdraw = withdraw, .describe = describe};

/* The operation's group, if a task waits to leave one. */
static const struct ac_task_group *left_by(const struct ac_future *task) {
  const struct ac_operation *operation = task->node.operation;
  if (aci_kind(&task->node) != ACI_TASK ||
      aci_wait(&task->node) != ACI_WAIT_OPERATION ||
      operation->kind != &leaving_class)
    return NULL;
  return (
      const struct ac_task_group *)(const void *)((const char *)operation -
                                                  offsetof(struct ac_task_group,
                                                           leaving));
}

int aci_task_group_passes_on(const struct ac_future *task) {
  const struct ac_task_group *group = left_by(task);
  return group && (group->state & BUSY);
}

/* The code to go on with; error: what the body ended with. */
static int finish(struct ac_task_group *group, int error) {
  struct ac_scope *scope = &group->scope;
  int was_asked = (group->state & ASKED) != 0;
  group->state = 0;
  int interrupted = was_asked || error || group->error;
  int code = ac_scope_exit(scope, interrupted ? AC_ECANCELED : AC_OK);
  if (group->error && !code)
    return group->error;
  /* Nobody has cancelled the task: it was taken for stuck. */
  if (was_asked && code && !error && !ac_scope_cancelled(scope) &&
      requests(group) <= scope->requests &&
      !(scope->task->node.flags & ACI_SCOPED))
    return AC_EDEADLK;
  return code;
}

int ac_task_group_enter(struct ac_task_group *group) {
  struct ac_scope scope = group->scope;
  memset(group, 0, sizeof *group);
  group->scope = scope;
  group->leaving.kind = &leaving_class;
  int code = ac_scope_enter(&group->scope);
  if (!code)
    group->state = OPEN;
  return code;
}

ac_frame *ac_task_group_exit(int *ret, struct ac_task_group *group, int error) {
  if (!(group->state & OPEN)) {
    *ret = error;
    return NULL;
  }
  if (error && error != AC_ECANCELED)
    fail(group, error);
  else if (error)
    cancel_members(group);
  if (!group->pending) {
    *ret = finish(group, error);
    return NULL;
  }
  group->state |= LEAVING | (error ? ASKED : 0);
  return ac_operation_suspend(&group->leaving);
}

const struct ac_future *aci_task_group_task(const struct aci_node *node,
                                            int *leaving) {
  const struct ac_task_group *group =
      ((const struct member *)(const void *)node)->group;
  *leaving = (group->state & LEAVING) != 0;
  return group->scope.task;
}

void aci_task_group_member_done(struct aci_node *node,
                                struct ac_future *object) {
  struct member *member = (struct member *)(void *)node;
  struct ac_task_group *group = member->group;
  unlink_member(member);
  aci_block_free(member, sizeof *member);
  object->node.flags |= ACI_SEEN;
  if ((object->node.flags & ACI_FAILED) && object->node.error != AC_ECANCELED)
    fail(group, object->node.error);
  if (group->pending || !(group->state & LEAVING))
    return;
  struct ac_future *task = group->leaving.task;
  int *ret = task->leaf.ret;
  ac_operation_wake(&group->leaving, 0);
  *ret = finish(group, group->state & ASKED ? AC_ECANCELED : AC_OK);
}

/* ---- tasks --------------------------------------------------------------- */

int(ac_task_group_add)(struct ac_task_group *group, AC_HANDLE handle) {
  struct ac_future *task = (struct ac_future *)(uintptr_t)handle;
  if (!task)
    return AC_ENOMEM;
  if ((group->state & (OPEN | FAILED)) != OPEN ||
      aci_kind(&task->node) != ACI_TASK)
    return AC_EINVAL;
  if (task->node.flags & ACI_DONE) {
    int failed = task->node.flags & ACI_FAILED;
    task->node.flags |= ACI_SEEN;
    if (failed && task->node.error != AC_ECANCELED)
      fail(group, task->node.error);
    return AC_OK;
  }
  struct member *member = aci_block_new(sizeof *member);
  if (!member)
    return AC_ENOMEM;
  member->node.flags = ACI_CREW;
  member->task = task;
  member->group = group;
  aci_ring_append(&task->waiters, &member->node);
  link_member(group, member);
  return AC_OK;
}

int(ac_task_group_start)(struct ac_task_group *group, AC_HANDLE handle) {
  int code = (ac_task_group_add)(group, handle);
  struct ac_future *task = (struct ac_future *)(uintptr_t)handle;
  if (!task)
    return code;
  if (code)
    aci_cancel(task); /* it has not begun */
  aci_release(task);
  return code;
}
