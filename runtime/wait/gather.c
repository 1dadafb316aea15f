/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * gather.c - await ac_gather(...), in its two forms: of handles, which the
 * program goes on holding, so that the others run on after an error; and of
 * calls, whose tasks belong to the gather and never outlive it. */
#include "internal.h"

/* The error that a gather of these begins with: of one that is done, or
 * missing for lack of memory, or the current task itself. */
static int error_at_start(struct ac_future *const *handles, size_t count,
                          size_t *pending) {
  int error = 0;
  *pending = 0;
  for (size_t i = 0; i < count; i++) {
    struct ac_future *future = handles[i];
    int code = 0;
    if (!future)
      code = AC_ENOMEM;
    else if (future == ac_running)
      code = AC_EDEADLK;
    else if (future->node.flags & ACI_FAILED)
      code = future->node.error;
    else if (!(future->node.flags & ACI_DONE))
      ++*pending;
    if (future)
      future->node.flags |= ACI_SEEN;
    if (!error)
      error = code;
  }
  return error;
}

enum { FAIL_LIMIT = 1000 };

/* Brings a child to its end without waiting: AC_ENOMEM is raised wherever it
 * suspends. Its caller's variables, which it may know, are about to go. */
static void fail_child(struct ac_future *task) {
  struct ac_future *running = ac_running;
  struct ac_generator *generating = ac_generating;
  ac_generating = NULL;
  for (int i = 0; i < FAIL_LIMIT && !(task->node.flags & ACI_DONE); i++) {
    if (aci_wait(&task->node)) {
      aci_withdraw_now(task);
    } else if (!aci_queue_remove(&aci_thread.loop->ready, &task->node)) {
      aci_cancel(task); /* it runs in this turn, and cannot be taken out */
      break;
    }
    aci_line_forgo(task);
    task->node.flags |= ACI_FAILURE;
    task->node.error = AC_ENOMEM;
    aci_task_resume(task);
  }
  ac_running = running;
  ac_generating = generating;
  task->node.flags |= ACI_SEEN;
}

static void release_all(struct ac_future *const *handles, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!handles[i])
      continue;
    fail_child(handles[i]);
    aci_release(handles[i]);
  }
}

static ac_frame *resume(ac_frame *self, ac_frame *status) {
  struct aci_group *group = (struct aci_group *)(void *)self;
  int error = group->error;
  if (status == AC_RAISED)
    error = ac_take_error();
  else if (group->cancelled)
    error = AC_ECANCELED;
  if (group->mode == ACI_GATHER_CHILDREN && error) {
    for (size_t i = 0; i < group->count; i++) {
      struct aci_member *member = &group->members[i];
      if (!member->future)
        continue;
      if (member->node.next) { /* broken off */
        aci_ring_remove(&member->future->waiters, &member->node);
        member->node.next = NULL;
        /* Its caller, which gets no frame, and whose variables go now; or in
         * a later turn, when what a child waits for may need others to run. */
        if (error == AC_ENOMEM)
          fail_child(member->future);
        else
          aci_cancel(member->future);
      }
      aci_release(member->future);
    }
  }
  aci_group_free(group);
  return error ? aci_raise(error) : NULL;
}

static const struct ac_desc gather_desc = {
    .resume = resume,
    .name = "ac_gather",
    .frame_bytes = sizeof(struct aci_group),
    .frame_align = _Alignof(struct aci_group)};

ac_frame *ac_gather_handles(void *ret, struct ac_future *const *handles,
                            size_t count) {
  (void)ret;
  size_t pending;
  int error = error_at_start(handles, count, &pending);
  if (error)
    return aci_raise(error);
  if (!pending)
    return NULL;
  struct aci_group *group =
      aci_group_new(&gather_desc, ACI_GATHER_HANDLES, handles, count);
  return group ? aci_group_suspend(group) : aci_raise(AC_ENOMEM);
}

ac_frame *ac_gather_children(void *ret, struct ac_future *const *handles,
                             size_t count) {
  (void)ret;
  size_t pending;
  int error = error_at_start(handles, count, &pending);
  if (!pending && !error)
    return NULL;
  struct aci_group *group =
      pending ? aci_group_new(&gather_desc, ACI_GATHER_CHILDREN, handles, count)
              : NULL;
  if (!group) {
    release_all(handles, count);
    return aci_raise(error ? error : AC_ENOMEM);
  }
  if (error) {
    group->error = error;
    aci_group_cancel_members(group);
    if (!group->pending)
      return resume(&group->frame, NULL);
  }
  return aci_group_suspend(group);
}
