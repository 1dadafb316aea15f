/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * task.c - a task's life, from the call that begins it to the value or error
 * that ends it; and coroutine objects, which are tasks not yet scheduled.
 *
 *   ac_coro_new             ac_spawn                     ac_spawn_eager
 *       |                      |                               |
 *       v     ac_spawn_coro    v     loop: begin            |
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
 *        freed by aci_drop, when no handle and no pin is left
 *
 * New and ready tasks are in the ready queue; a waiting one is where its
 * ACI_WAIT says. */
#include "internal.h"

_Thread_local struct aci_thread aci_thread;
__thread struct ac_future *ac_running;

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
  struct ac_future *object =
      aci_big_new(loop ? &loop->objects : NULL, bytes, align > 8 ? align : 8);
  if (!object)
    return NULL;
  aci_big(object)->value_bytes = value_bytes;
  object->node.flags = flags | ACI_BIG;
  object->node.extra = ACI_VALUE_BYTES;
  object->waiters = NULL;
  object->unused_parent = NULL; /* for stall_stack.c */
  return object;
}

/* The block's size and the flags that go with it. */
static struct ac_future *__attribute__((noinline))
aligned_object(ac_loop *loop, uint32_t flags, size_t payload_bytes,
               size_t align, size_t value_bytes) {
  unsigned field = align_field(align);
  align = (size_t)8 << field;
  flags |= field << ACI_ALIGN_SHIFT;
  size_t bytes =
      aci_payload_offset(flags) + ((payload_bytes + align - 1) & (0 - align));
  if (!loop || bytes > loop->objects.limit)
    return big_object(loop, flags, bytes, align, value_bytes);
  struct ac_future *object = aci_pool_take(&loop->objects, bytes);
  if (!object)
    return NULL;
  object->node.flags = flags | (uint32_t)(bytes / 8) << ACI_SIZE_SHIFT;
  object->node.extra = (uint32_t)value_bytes;
  object->waiters = NULL;
  object->unused_parent = NULL; /* for stall_stack.c */
  return object;
}

struct ac_future *aci_object_new(ac_loop *loop, uint32_t flags,
                                 size_t payload_bytes, size_t align,
                                 size_t value_bytes) {
  size_t bytes = ACI_ROUND_UP(sizeof(struct ac_future) + payload_bytes);
  if (AC_UNLIKELY(!loop || align > 8 || bytes > loop->objects.limit))
    return aligned_object(loop, flags, payload_bytes, align, value_bytes);
  struct ac_future *object = aci_pool_take(&loop->objects, bytes);
  if (AC_UNLIKELY(!object))
    return NULL;
  object->node.flags = flags | (uint32_t)bytes << (ACI_SIZE_SHIFT - 3);
  object->node.extra = (uint32_t)value_bytes;
  object->waiters = NULL;
  object->unused_parent = NULL; /* for stall_stack.c */
  return object;
}

static void __attribute__((noinline))
free_unusual(struct ac_future *object, uint32_t flags) {
  struct aci_extra *extra = aci_extra(object);
  if (extra)
    aci_extra_free(extra);
  if (flags & ACI_BIG)
    aci_big_free(object);
  else
    aci_pool_give(&aci_thread.loop->objects, object,
                  (flags >> ACI_SIZE_SHIFT) * 8);
}

void aci_object_free(struct ac_future *object) {
  uint32_t flags = object->node.flags;
  object->node.flags = ACI_FREE;
  if (AC_UNLIKELY(object->waiters || (flags & ACI_BIG)))
    free_unusual(object, flags);
  else
    aci_pool_give(&aci_thread.loop->objects, object,
                  (flags >> ACI_SIZE_SHIFT) * 8);
}

void aci_drop(struct ac_future *object) {
  if (AC_UNLIKELY(object->node.extra & ACI_PINS))
    return;
  if (AC_UNLIKELY(object->node.flags & ACI_FAILED))
    aci_report_unseen(object);
  aci_object_free(object);
}

/* ---- beginning ----------------------------------------------------------- */

static size_t payload_bytes(const struct ac_thunk *thunk) {
  /* Arguments and result share their place: the arguments are copied before
   * the body begins. */
  return thunk->args_bytes > thunk->result_bytes ? thunk->args_bytes
                                                 : thunk->result_bytes;
}

static inline void schedule(ac_loop *loop, struct ac_future *task) {
  const struct ac_future *maker = ac_running;
  if (AC_UNLIKELY(maker && maker->waiters && aci_extra(maker)))
    aci_extra_inherit(task, aci_extra(maker));
  loop->live++;
  aci_ready(loop, &task->node);
}

static void __attribute__((noinline))
copy_args(void *to, const void *from, size_t bytes) {
  char *target = to;
  const char *source = from;
  for (; bytes >= 8; bytes -= 8, target += 8, source += 8)
    memcpy(target, source, 8);
  if (bytes >= 4) {
    memcpy(target, source, 4);
    bytes -= 4, target += 4, source += 4;
  }
  for (; bytes; bytes--)
    *target++ = *source++;
}

#define SPAWNED (ACI_TASK | ACI_NEW | ACI_HELD)

static struct ac_future *__attribute__((noinline))
spawn_slowly(const struct ac_thunk *thunk, const void *args) {
  ac_loop *loop = aci_thread.loop;
  if (!loop)
    return NULL;
  struct ac_future *task = aci_object_new(loop, SPAWNED, payload_bytes(thunk),
                                          thunk->align, thunk->result_bytes);
  if (!task)
    return NULL;
  task->thunk = thunk;
  copy_args(aci_payload(task), args, thunk->args_bytes);
  schedule(loop, task);
  return task;
}

struct ac_future *ac_spawn(const struct ac_thunk *thunk, const void *args) {
  ac_loop *loop = aci_thread.loop;
  size_t bytes = ACI_ROUND_UP(sizeof(struct ac_future) + payload_bytes(thunk));
  if (AC_UNLIKELY(!loop || thunk->align > 8 || bytes > loop->objects.limit))
    return spawn_slowly(thunk, args);
  void **list = aci_pool_list(&loop->objects, bytes);
  struct ac_future *task = *list;
  if (AC_UNLIKELY(!task))
    return spawn_slowly(thunk, args);
  *list = *(void **)task;
  task->waiters = NULL;
  task->thunk = thunk;
  task->node.flags = SPAWNED | (uint32_t)bytes << (ACI_SIZE_SHIFT - 3);
  task->node.extra = thunk->result_bytes;
  switch (thunk->args_bytes) {
  case 0:
    break;
  case 4:
    memcpy(task + 1, args, 4);
    break;
  case 8:
    memcpy(task + 1, args, 8);
    break;
  case 16:
    memcpy(task + 1, args, 16);
    break;
  default:
    copy_args(task + 1, args, thunk->args_bytes);
  }
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

/* Runs the task's first step on the stack of the one that is running, or of
 * who prepares a loop. A generator that runs does not run for it. */
static void begin_below(ac_loop *loop, struct ac_future *task,
                        const struct ac_thunk *thunk, void *args) {
  struct ac_future *starter = ac_running;
  struct ac_generator *generating = ac_generating;
  if (starter) {
    if (AC_UNLIKELY(starter->waiters && aci_extra(starter)))
      aci_extra_inherit(task, aci_extra(starter));
    starter->node.flags |= ACI_BELOW;
  }
  ac_running = task;
  ac_generating = NULL;
  void *payload = aci_payload(task);
  ac_frame *status = thunk->start(payload, args);
  aci_task_begun(loop, task, status, payload, thunk);
  ac_running = starter;
  ac_generating = generating;
  if (starter)
    starter->node.flags &= ~ACI_BELOW;
}

struct ac_future *ac_spawn_eager(const struct ac_thunk *thunk,
                                 const void *args) {
  ac_loop *loop = aci_thread.loop;
  if (AC_UNLIKELY(!loop))
    return NULL;
  struct ac_future *task =
      aci_object_new(loop, ACI_TASK | ACI_HELD, thunk->result_bytes,
                     thunk->align, thunk->result_bytes);
  if (AC_UNLIKELY(!task))
    return NULL;
  loop->live++;
  /* The arguments are only read. */
  begin_below(loop, task, thunk, (void *)(uintptr_t)args);
  return task;
}

void aci_begin_now(struct ac_future *task) {
  ac_loop *loop = aci_thread.loop;
  task->node.flags = (task->node.flags & ~ACI_KIND) | ACI_TASK | ACI_HELD;
  if (task->node.flags & ACI_BIG)
    aci_big_adopt(&loop->objects, task);
  const struct ac_thunk *thunk = task->thunk;
  loop->live++;
  begin_below(loop, task, thunk, aci_payload(task));
}

/* ---- coroutine objects --------------------------------------------------- */

struct ac_coro *ac_coro_new(const struct ac_thunk *thunk, const void *args) {
  struct ac_future *object =
      aci_object_new(aci_thread.loop, ACI_CORO, payload_bytes(thunk),
                     thunk->align, thunk->result_bytes);
  if (!object)
    return NULL;
  object->thunk = thunk;
  copy_args(aci_payload(object), args, thunk->args_bytes);
  return (struct ac_coro *)(void *)object;
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
  ac_running = task;
  ac_frame *status = NULL;
  if (AC_UNLIKELY(flags & ACI_GRANTED)) {
    if (flags & ACI_CANCEL)
      aci_line_forgo(task);
    task->node.flags &= ~ACI_GRANTED;
  }
  if (AC_UNLIKELY((flags & ACI_CANCEL) && task->waiters))
    aci_cancel_taken(task);
  /* In a cancelled scope each suspension raises. */
  if (AC_UNLIKELY(flags & ACI_SCOPED))
    task->node.flags |= ACI_CANCEL;
  /* A cancellation takes the place of whatever else happened in the turn. */
  if (flags & ACI_CANCEL)
    status = aci_raise(AC_ECANCELED);
  else if (flags & ACI_FAILURE)
    status = aci_raise(task->node.error);
  if (flags & ACI_BARE) {
    aci_task_end(aci_thread.loop, task, status, "(operation)");
    return;
  }
  ac_frame *frame = task->leaf.parent;
  ac_frame *parent = frame->parent;
  const struct ac_desc *desc = frame->desc;
  status = desc->resume(frame, status);
  if (aci_suspended(status))
    aci_task_suspended(aci_thread.loop, task);
  else
    aci_run_outwards(aci_thread.loop, task, parent, status, desc);
}

void aci_run_outwards(ac_loop *loop, struct ac_future *task, ac_frame *parent,
                      ac_frame *status, const struct ac_desc *desc) {
  while (parent) {
    ac_frame *frame = parent;
    parent = frame->parent;
    desc = frame->desc;
    status = desc->resume(frame, status);
    if (aci_suspended(status)) {
      aci_task_suspended(loop, task);
      return;
    }
  }
  aci_task_end(loop, task, status, desc->name);
}

ac_frame *ac_raise_error(int code) {
  return aci_raise(code ? code : AC_EINVAL);
}

int ac_take_error(void) {
  int code = aci_thread.error;
  aci_thread.error = 0;
  return code;
}

struct ac_future *ac_current_task(void) {
  return ac_running;
}

/* ---- ending -------------------------------------------------------------- */

static void __attribute__((noinline))
end_awaited(ac_loop *loop, struct ac_future *task) {
  aci_notify(loop, task);
  if (!(task->node.flags & ACI_HELD))
    aci_drop(task);
}

void aci_task_end(ac_loop *loop, struct ac_future *task, ac_frame *status,
                  const char *function) {
  uint32_t flags = task->node.flags | ACI_DONE;
  /* A task that cancelled itself and returned before anything could deliver
   * that has its value dropped. */
  if (AC_UNLIKELY(status == AC_RAISED || (flags & ACI_CANCEL))) {
    flags |= ACI_FAILED;
    loop->failures = 1;
    task->node.error = status == AC_RAISED ? aci_thread.error : AC_ECANCELED;
    aci_thread.error = 0;
    task->function = function;
  }
  task->node.flags = flags & ~(ACI_BARE | ACI_CANCEL);
  if (AC_UNLIKELY(flags & ACI_ENDING) && !--loop->ending)
    aci_stop(loop);
  if (AC_UNLIKELY(!--loop->live))
    aci_stop(loop);
  if (task->waiters)
    end_awaited(loop, task);
  else if (!(flags & ACI_HELD))
    aci_drop(task);
}
