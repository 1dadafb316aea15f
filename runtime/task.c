/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * task.c - a task's life, from the call that begins it to the value or error
 * that ends it; and coroutine objects, which are tasks not yet scheduled.
 *
 *   ac_coro_new             ac_spawn                     ac_spawn_eager
 *       |                      |                               |
 *       v     ac_spawn_coro    v     loop: aci_task_begin      |
 *     CORO ---------------->  NEW ------------------------>  running
 *       | ac_await_coro        | cancelled first              |  ^ loop:
 *       v                      |       leaf operation returns |  | aci_task_
 *   USED_CORO                  |       aci_leaf               v  | resume
 *   (freed when it has begun)  |                     aci_wake    |
 *                              |            waiting --------> ready
 *                              v            aci_cancel
 *                             DONE <------- aci_task_end: the outermost
 *                              |            frame ended
 *                              v
 *        freed by aci_drop_unneeded, when no handle and no pin is left
 *
 * New and ready tasks are in the ready queue; a waiting one is where its
 * ACI_WAIT says. */
#include "internal.h"

_Thread_local struct aci_thread aci_thread;

/* ---- objects ------------------------------------------------------------- */

static unsigned align_field(size_t align) {
  unsigned field = 0;
  while (((size_t)8 << field) < align && field < 15)
    field++;
  return field;
}

static struct ac_future *__attribute__((noinline))
big_object(ac_loop *loop, uint32_t flags, size_t bytes, size_t align,
           size_t value_bytes) {
  struct ac_future *object = aci_big_new(loop ? &loop->objects : NULL, bytes,
                                         align > 8 ? align : 8);
  if (!object)
    return NULL;
  aci_big(object)->value_bytes = value_bytes;
  object->node.flags = flags | ACI_BIG;
  object->node.extra = ACI_VALUE_BYTES;
  object->waiters = NULL;
  return object;
}

struct ac_future *aci_object_new(ac_loop *loop, uint32_t flags,
                                 size_t payload_bytes, size_t align,
                                 size_t value_bytes) {
  size_t offset = sizeof(struct ac_future);
  if (AC_UNLIKELY(align > 8)) {
    unsigned field = align_field(align);
    flags |= field << ACI_ALIGN_SHIFT;
    align = (size_t)8 << field;
    offset = (offset + align - 1) & (0 - align);
    payload_bytes = (payload_bytes + align - 1) & (0 - align);
  }
  size_t bytes = (offset + payload_bytes + 7) & ~(size_t)7;
  if (AC_UNLIKELY(!loop || bytes > ACI_OBJECT_LIMIT ||
                  bytes > loop->objects.limit))
    return big_object(loop, flags, bytes, align, value_bytes);
  struct ac_future *object = aci_pool_take(&loop->objects, bytes);
  if (AC_UNLIKELY(!object))
    return NULL;
  object->node.flags = flags | (uint32_t)(bytes / 8) << ACI_SIZE_SHIFT;
  object->node.extra = (uint32_t)value_bytes;
  object->waiters = NULL;
  return object;
}

void aci_object_free(struct ac_future *object) {
  /* What is left in the ring of a done object is its name. */
  struct aci_node *node = object->waiters;
  if (AC_UNLIKELY(node != NULL)) {
    struct aci_name *name = (struct aci_name *)(void *)node;
    aci_block_free(name, name->bytes);
  }
  uint32_t flags = object->node.flags;
  object->node.flags = ACI_FREE;
  if (AC_UNLIKELY(flags & ACI_BIG))
    aci_big_free(object);
  else
    aci_pool_give(&aci_thread.loop->objects, object,
                  (flags >> ACI_SIZE_SHIFT) * 8);
}

void aci_drop_unneeded(struct ac_future *object) {
  if ((object->node.flags & ACI_HELD) || (object->node.extra & ACI_PINS))
    return;
  if (object->node.flags & ACI_FAILED)
    aci_report_unseen(object);
  aci_object_free(object);
}

/* ---- beginning ----------------------------------------------------------- */

static struct ac_future *call_new(ac_loop *loop, uint32_t flags,
                                  const struct ac_thunk *thunk,
                                  const void *args) {
  /* Arguments and result share their place: the arguments are copied before
   * the body begins. */
  size_t payload_bytes = thunk->args_bytes > thunk->result_bytes
                             ? thunk->args_bytes
                             : thunk->result_bytes;
  struct ac_future *object = aci_object_new(loop, flags, payload_bytes,
                                            thunk->align, thunk->result_bytes);
  if (AC_UNLIKELY(!object))
    return NULL;
  object->thunk = thunk;
  aci_copy(aci_payload(object), args, thunk->args_bytes);
  return object;
}

static void schedule(ac_loop *loop, struct ac_future *task) {
  loop->live++;
  aci_ready(loop, &task->node);
}

struct ac_future *ac_spawn(const struct ac_thunk *thunk, const void *args) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY(!loop))
    return NULL;
  struct ac_future *task =
      call_new(loop, ACI_TASK | ACI_NEW | ACI_HELD, thunk, args);
  if (AC_LIKELY(task != NULL))
    schedule(loop, task);
  return task;
}

void ac_spawn_detached(const struct ac_thunk *thunk, const void *args) {
  struct ac_future *task = ac_spawn(thunk, args);
  if (AC_LIKELY(task != NULL))
    task->node.flags &= ~ACI_HELD;
  else
    aci_report("a task could not be created", thunk->name, AC_ENOMEM);
}

/* Takes what the task's function returned. */
static void first_return(struct ac_future *task, ac_frame *status,
                         const struct ac_thunk *thunk) {
  if (!aci_suspended(status)) {
    aci_task_end(task, status, thunk->name);
    return;
  }
  status->parent = NULL;
  status->ret = aci_payload(task);
  if (AC_UNLIKELY(status == &task->leaf))
    task->node.flags |= ACI_BARE;
}

void aci_task_begin(struct ac_future *task) {
  const struct ac_thunk *thunk = task->thunk;
  uint32_t flags = task->node.flags;
  task->node.flags = flags & ~(ACI_NEW | ACI_CANCEL);
  aci_thread.task = task;
  ac_frame *status;
  if (AC_UNLIKELY(flags & ACI_CANCEL)) {
    status = aci_raise(AC_ECANCELED);
  } else {
    void *payload = aci_payload(task);
    status = thunk->start(payload, payload);
  }
  first_return(task, status, thunk);
}

struct ac_future *ac_spawn_eager(const struct ac_thunk *thunk,
                                 const void *args) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY(!loop))
    return NULL;
  struct ac_future *task = aci_object_new(
      loop, ACI_TASK | ACI_HELD, thunk->result_bytes, thunk->align,
      thunk->result_bytes);
  if (AC_UNLIKELY(!task))
    return NULL;
  loop->live++;
  struct ac_future *starter = aci_thread.task;
  if (starter)
    starter->node.flags |= ACI_BELOW;
  aci_thread.task = task;
  /* The arguments are only read. */
  ac_frame *status =
      thunk->start(aci_payload(task), (void *)(uintptr_t)args);
  first_return(task, status, thunk);
  aci_thread.task = starter;
  if (starter)
    starter->node.flags &= ~ACI_BELOW;
  return task;
}

/* ---- coroutine objects --------------------------------------------------- */

struct ac_coro *ac_coro_new(const struct ac_thunk *thunk, const void *args) {
  return (struct ac_coro *)(void *)call_new(aci_thread.loop, ACI_CORO, thunk,
                                            args);
}

struct ac_future *ac_spawn_coro(struct ac_coro *coro) {
  ac_loop *loop = aci_thread.loop;
  struct ac_future *task = (struct ac_future *)(void *)coro;
  if (!task || !loop || aci_kind(&task->node) != ACI_CORO)
    return NULL;
  task->node.flags =
      (task->node.flags & ~ACI_KIND) | ACI_TASK | ACI_NEW | ACI_HELD;
  if (task->node.flags & ACI_BIG)
    aci_big_adopt(&loop->objects, task);
  schedule(loop, task);
  return task;
}

void ac_spawn_coro_detached(struct ac_coro *coro) {
  struct ac_future *task = ac_spawn_coro(coro);
  if (task)
    task->node.flags &= ~ACI_HELD;
  else
    aci_report("a task could not be created", NULL,
               coro ? AC_EINVAL : AC_ENOMEM);
}

/* Where each block is one allocation it stays until the loop closes, so that
 * a second await finds the object used up and not an unmapped address. */
static void retire(struct ac_future *object) {
  ac_loop *loop = aci_thread.loop;
  if (loop->objects.limit == 0)
    aci_big_adopt(&loop->objects, object);
  else
    aci_object_free(object);
}

ac_frame *ac_await_coro(void *ret, struct ac_coro *coro) {
  struct ac_future *object = (struct ac_future *)(void *)coro;
  if (!object)
    return aci_raise(AC_ENOMEM);
  if (aci_kind(&object->node) != ACI_CORO)
    return aci_raise(AC_EINVAL);
  object->node.flags = (object->node.flags & ~ACI_KIND) | ACI_USED_CORO;
  ac_frame *status = object->thunk->start(ret, aci_payload(object));
  retire(object);
  return status;
}

void(ac_coro_drop)(AC_CORO_HANDLE coro) {
  struct ac_future *object = (struct ac_future *)(uintptr_t)coro;
  if (object && aci_kind(&object->node) == ACI_CORO)
    aci_object_free(object);
}

/* ---- going on ------------------------------------------------------------ */

void aci_task_resume(struct ac_future *task) {
  uint32_t flags = task->node.flags;
  task->node.flags = flags & ~(ACI_CANCEL | ACI_FAILURE);
  aci_thread.task = task;
  ac_frame *status = NULL;
  /* A cancellation takes the place of whatever else happened in the turn. */
  if (flags & ACI_CANCEL)
    status = aci_raise(AC_ECANCELED);
  else if (flags & ACI_FAILURE)
    status = aci_raise(task->node.error);
  if (flags & ACI_BARE) {
    aci_task_end(task, status, "(operation)");
    return;
  }
  aci_run_frames(task, task->leaf.parent, status);
}

ac_frame *aci_leaf_cancelled(struct ac_future *task) {
  aci_ready(aci_thread.loop, &task->node);
  return &task->leaf;
}

ac_frame *ac_raise_error(int code) {
  return aci_raise(code ? code : AC_EINVAL);
}

int ac_take_error(void) {
  int code = aci_thread.error;
  aci_thread.error = 0;
  return code;
}

struct ac_future *ac_current_task(void) { return aci_thread.task; }

/* ---- ending -------------------------------------------------------------- */

void aci_task_end(struct ac_future *task, ac_frame *status,
                  const char *function) {
  ac_loop *loop = aci_thread.loop;
  uint32_t flags = task->node.flags & ~(ACI_BARE | ACI_CANCEL);
  if (AC_UNLIKELY(status == AC_RAISED)) {
    flags |= ACI_DONE | ACI_FAILED;
    task->node.error = aci_thread.error;
    aci_thread.error = 0;
    task->function = function;
  } else if (AC_UNLIKELY(task->node.flags & ACI_CANCEL)) {
    /* It cancelled itself and returned before anything could deliver that:
     * the value is dropped. */
    flags |= ACI_DONE | ACI_FAILED;
    task->node.error = AC_ECANCELED;
    task->function = function;
  } else {
    flags |= ACI_DONE;
  }
  task->node.flags = flags;
  loop->live--;
  if (AC_UNLIKELY(task == loop->main || (loop->closing && !loop->live)))
    loop->stop = 1, loop->budget = 0;
  if (task->waiters)
    aci_notify(loop, task);
  aci_drop_unneeded(task);
}
