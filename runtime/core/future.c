/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * future.c - a result that arrives once, and the ring of those that wait for
 * it: tasks, callbacks (call.c) and members of groups (group.c).
 *
 * A waiting task gets the value as soon as it is there, straight into its
 * result slot, and runs in a later turn; so nobody needs the future after it
 * is done, except through the user's handle. */
#include "internal.h"

#include <assert.h>

size_t aci_value_bytes(const struct ac_future *object) {
  size_t bytes = object->node.extra & ACI_VALUE_BYTES;
  return AC_LIKELY(bytes != ACI_VALUE_BYTES) ? bytes
                                             : aci_big(object)->value_bytes;
}

static void wake_task(ac_loop *loop, struct ac_future *object,
                      struct ac_future *task) {
  if (AC_UNLIKELY(object->node.flags & ACI_FAILED)) {
    object->node.flags |= ACI_SEEN;
    task->node.flags |= ACI_FAILURE;
    task->node.error = object->node.error;
  } else {
    aci_copy(task->leaf.ret, aci_payload(object), aci_value_bytes(object));
  }
  if (task->node.flags & ACI_OWNED) {
    task->node.flags &= ~ACI_OWNED;
    object->node.flags &= ~ACI_HELD;
  }
  aci_wake(loop, task);
}

void aci_notify_all(ac_loop *loop, struct ac_future *object) {
  struct aci_node *extra = NULL;
  for (struct aci_node *node; (node = object->waiters);) {
    aci_ring_remove(&object->waiters, node);
    switch (aci_kind(node)) {
    case ACI_TASK:
      wake_task(loop, object, aci_of_node(node));
      break;
    case ACI_MEMBER:
      aci_group_member_done((struct aci_member *)(void *)node, object);
      break;
    case ACI_CALL: /* has pinned the object */
      aci_ready(loop, node);
      break;
    case ACI_CREW:
      aci_task_group_member_done(node, object);
      break;
    case ACI_COMPLETION:
      aci_completion_done(node);
      break;
    case ACI_END:
      aci_stop(loop);
      break;
    case ACI_HELD_BY:
      aci_held_orphaned(node);
      break;
    default:
      assert(aci_kind(node) == ACI_EXTRA);
      extra = node;
    }
  }
  if (extra)
    aci_ring_append(&object->waiters, extra);
}

/* ---- awaiting ------------------------------------------------------------ */

ac_frame *aci_result(void *ret, struct ac_future *object) {
  if (AC_UNLIKELY(object->node.flags & ACI_FAILED)) {
    object->node.flags |= ACI_SEEN;
    return aci_raise(object->node.error);
  }
  aci_copy(ret, aci_payload(object), aci_value_bytes(object));
  return NULL;
}

static ac_frame *await_pending(struct ac_future *object, enum aci_wait wait,
                               uint32_t owned) {
  struct ac_future *task = ac_running;
  if (AC_UNLIKELY(object == task))
    return aci_raise(AC_EDEADLK);
  task->node.future = object;
  aci_ring_append(&object->waiters, &task->node);
  task->node.flags |= owned;
  ac_frame *leaf = aci_leaf(task, wait);
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL)) {
    /* The request that was waiting for an await goes where any other would. */
    aci_cancel_taken(task);
    aci_cancel_deliver(task);
    aci_not_yet_ready(aci_thread.loop, task);
  }
  return leaf;
}

static int awaitable(const struct ac_future *object) {
  enum aci_kind kind = aci_kind(&object->node);
  return kind == ACI_TASK || kind == ACI_FUTURE;
}

static ac_frame *__attribute__((noinline))
await_slowly(void *ret, struct ac_future *future) {
  if (!future)
    return aci_raise(AC_ENOMEM);
  if (future->node.flags & ACI_DONE)
    return aci_result(ret, future);
  if (!awaitable(future))
    return aci_raise(AC_EINVAL);
  return await_pending(future, ACI_WAIT_FUTURE, 0);
}

ac_frame *ac_await_future(void *ret, struct ac_future *future) {
  if (AC_UNLIKELY(!future || (future->node.flags &
                              (ACI_DONE | ACI_FAILED | ACI_ALIGN)) != ACI_DONE))
    return await_slowly(ret, future);
  switch (future->node.extra & ACI_VALUE_BYTES) {
  case 0:
    return NULL;
  case 4:
    memcpy(ret, future + 1, 4);
    return NULL;
  case 8:
    memcpy(ret, future + 1, 8);
    return NULL;
  default:
    return await_slowly(ret, future);
  }
}

static ac_frame *await_owned(void *ret, struct ac_future *future,
                             enum aci_wait wait) {
  if (AC_UNLIKELY(!future))
    return aci_raise(AC_ENOMEM);
  if (future->node.flags & ACI_DONE) {
    ac_frame *status = aci_result(ret, future);
    aci_release(future);
    return status;
  }
  return await_pending(future, wait, ACI_OWNED);
}

ac_frame *ac_await_future_owned(void *ret, struct ac_future *future) {
  return await_owned(ret, future, ACI_WAIT_FUTURE);
}

ac_frame *ac_shield_future(void *ret, struct ac_future *future, int owned) {
  if (owned)
    return await_owned(ret, future, ACI_WAIT_SHIELDED);
  if (AC_UNLIKELY(!future))
    return aci_raise(AC_ENOMEM);
  if (future->node.flags & ACI_DONE)
    return aci_result(ret, future);
  if (AC_UNLIKELY(!awaitable(future)))
    return aci_raise(AC_EINVAL);
  return await_pending(future, ACI_WAIT_SHIELDED, 0);
}

/* ---- making and ending --------------------------------------------------- */

static struct ac_future *__attribute__((noinline))
create_slowly(size_t value_bytes) {
  /* The type's alignment divides its size. */
  size_t align = value_bytes & (0 - value_bytes);
  return aci_object_new(aci_thread.loop, ACI_FUTURE | ACI_HELD, value_bytes,
                        align < 256 ? align : 256, value_bytes);
}

struct ac_future *ac_future_create(size_t value_bytes) {
  ac_loop *loop = aci_thread.loop;
  size_t bytes = sizeof(struct ac_future) + 8;
  if (AC_UNLIKELY(value_bytes > 8 || !loop || bytes > loop->objects.limit))
    return create_slowly(value_bytes);
  void **list = aci_pool_list(&loop->objects, bytes);
  struct ac_future *future = *list;
  if (AC_UNLIKELY(!future))
    return create_slowly(value_bytes);
  *list = *(void **)future;
  future->waiters = NULL;
  future->node.flags =
      ACI_FUTURE | ACI_HELD | (uint32_t)bytes << (ACI_SIZE_SHIFT - 3);
  future->node.extra = (uint32_t)value_bytes;
  return future;
}

static inline void end(struct ac_future *future, uint32_t flags) {
  future->node.flags |= flags;
  if (AC_LIKELY(future->waiters != NULL))
    aci_notify(aci_thread.loop, future);
  if (!(future->node.flags & ACI_HELD))
    aci_drop(future);
}

void aci_future_end(struct ac_future *future, int code) {
  if (aci_thread.loop)
    aci_thread.loop->failures = 1;
  future->node.error = code;
  future->function = NULL;
  end(future, ACI_DONE | ACI_FAILED);
}

static int settable(const struct ac_future *future) {
  return future && (future->node.flags & (ACI_KIND | ACI_DONE)) == ACI_FUTURE;
}

int ac_future_set_value(struct ac_future *future, const void *value) {
  if (AC_UNLIKELY(!settable(future)))
    return AC_EINVAL;
  if (value)
    aci_copy(aci_payload(future), value, aci_value_bytes(future));
  end(future, ACI_DONE);
  return AC_OK;
}

/* ---- the user's handle --------------------------------------------------- */

/* Handles come in as whatever AC_HANDLE is. */
static struct ac_future *object_of(AC_HANDLE handle) {
  return (struct ac_future *)(uintptr_t)handle;
}

int(ac_future_fail)(AC_HANDLE handle, int code) {
  struct ac_future *future = object_of(handle);
  if (!settable(future))
    return AC_EINVAL;
  aci_future_end(future, code ? code : AC_EINVAL);
  return AC_OK;
}

const void *ac_future_value(const struct ac_future *future) {
  return aci_payload(future);
}

void aci_settle(struct ac_future *object) {
  uint32_t flags = object->node.flags;
  if (flags & ACI_HELD)
    return;
  if (AC_LIKELY(flags & ACI_DONE))
    aci_drop(object);
  else if (aci_kind(&object->node) == ACI_FUTURE && !object->waiters &&
           !(object->node.extra & ACI_PINS))
    aci_object_free(object);
}

void aci_release(struct ac_future *object) {
  object->node.flags &= ~ACI_HELD;
  aci_settle(object);
}

static void __attribute__((noinline)) release_slowly(struct ac_future *object) {
  if (!object)
    return;
  if (aci_kind(&object->node) == ACI_CORO)
    aci_object_free(object);
  else
    aci_release(object);
}

void(ac_release)(AC_HANDLE handle) {
  struct ac_future *object = object_of(handle);
  if (AC_UNLIKELY(!object))
    return;
  uint32_t flags = object->node.flags;
  /* Most are done, with a value, in a block of the pool, and without a name. */
  if (AC_UNLIKELY((flags & (ACI_DONE | ACI_FAILED | ACI_BIG)) != ACI_DONE ||
                  (object->node.extra & ACI_PINS) || object->waiters)) {
    release_slowly(object);
    return;
  }
  object->node.flags = ACI_FREE;
  aci_pool_give(&aci_thread.loop->objects, object,
                flags >> ACI_SIZE_SHIFT << 3);
}

int(ac_done)(AC_HANDLE handle) {
  const struct ac_future *object = object_of(handle);
  return object && (object->node.flags & ACI_DONE) != 0;
}

int(ac_error)(AC_HANDLE handle) {
  struct ac_future *object = object_of(handle);
  if (!object)
    return AC_ENOMEM;
  if (!(object->node.flags & ACI_DONE))
    return AC_EAGAIN;
  if (!(object->node.flags & ACI_FAILED))
    return AC_OK;
  object->node.flags |= ACI_SEEN;
  return object->node.error;
}

int(ac_cancelled)(AC_HANDLE handle) {
  const struct ac_future *object = object_of(handle);
  return object && (object->node.flags & ACI_FAILED) &&
         object->node.error == AC_ECANCELED;
}

int(ac_cancel)(AC_HANDLE handle) {
  struct ac_future *object = object_of(handle);
  return object ? aci_cancel(object) : 0;
}

int(ac_cancelling)(AC_HANDLE handle) {
  const struct ac_future *object = object_of(handle);
  if (!object)
    return 0;
  return (int)((object->node.extra & ACI_CANCEL_COUNT) / ACI_CANCEL_ONE);
}

int(ac_uncancel)(AC_HANDLE handle) {
  struct ac_future *object = object_of(handle);
  return object ? aci_uncancel(object) : 0;
}
