/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * extra.c - what only some tasks have: a name, task-local values, scopes, and
 * who cancelled it. It stands first in the task's ring of waiters, so the
 * other tasks need no room for it. */
#include "internal.h"

struct aci_extra *aci_extra_make(struct ac_future *task) {
  struct aci_extra *extra = aci_extra(task);
  if (extra || aci_kind(&task->node) != ACI_TASK)
    return extra;
  extra = aci_block_new(sizeof *extra);
  if (!extra)
    return NULL;
  memset(extra, 0, sizeof *extra);
  extra->node.flags = ACI_EXTRA;
  aci_ring_append(&task->waiters, &extra->node);
  task->waiters = &extra->node;
  return extra;
}

static void set_name(struct aci_extra *extra, char *name) {
  if (extra->name)
    aci_block_free(extra->name, strlen(extra->name) + 1);
  extra->name = name;
}

static void leave(struct aci_binding *binding) {
  while (binding && !--binding->users) {
    struct aci_binding *next = binding->next;
    aci_block_free(binding, sizeof *binding);
    binding = next;
  }
}

void aci_extra_free(struct aci_extra *extra) {
  set_name(extra, NULL);
  leave(extra->bindings);
  aci_block_free(extra, sizeof *extra);
}

/* Without memory the task does without: a value that is missing is a case
 * that users of task-local values have anyway. */
void aci_extra_inherit(struct ac_future *task, const struct aci_extra *from) {
  if (!from->bindings)
    return;
  struct aci_extra *extra = aci_extra_make(task);
  if (!extra)
    return;
  extra->bindings = from->bindings;
  extra->bindings->users++;
}

/* ---- names --------------------------------------------------------------- */

const char *aci_task_name(const struct ac_future *task) {
  const struct aci_extra *extra = aci_extra(task);
  if (extra && extra->name)
    return extra->name;
  return task->node.flags & ACI_FAILED ? task->function : NULL;
}

int(ac_set_name)(AC_HANDLE handle, const char *text) {
  struct ac_future *task = (struct ac_future *)(uintptr_t)handle;
  if (!aci_thread.loop || !task || aci_kind(&task->node) != ACI_TASK)
    return AC_EINVAL;
  struct aci_extra *extra = aci_extra_make(task);
  char *name = NULL;
  if (!extra)
    return AC_ENOMEM;
  if (text) {
    name = aci_block_new(strlen(text) + 1);
    if (!name)
      return AC_ENOMEM;
    memcpy(name, text, strlen(text) + 1);
  }
  set_name(extra, name);
  return AC_OK;
}

const char *(ac_name)(AC_HANDLE handle) {
  const struct ac_future *task = (const struct ac_future *)handle;
  const struct aci_extra *extra = task ? aci_extra(task) : NULL;
  return extra ? extra->name : NULL;
}

/* ---- task-local values --------------------------------------------------- */

void *ac_local_get(const struct ac_local *key) {
  const struct aci_extra *extra = ac_running ? aci_extra(ac_running) : NULL;
  if (!extra)
    return NULL;
  for (const struct aci_binding *binding = extra->bindings; binding;
       binding = binding->next)
    if (binding->key == key)
      return binding->value;
  return NULL;
}

/* The list from `first` on with `key` having `value`: those in front of it are
 * copied, the rest is shared. NULL: out of memory. */
static struct aci_binding *with(struct aci_binding *first,
                                const struct ac_local *key, void *value) {
  struct aci_binding *result = NULL;
  struct aci_binding **link = &result;
  struct aci_binding *at = first;
  const struct aci_binding *found = first;
  while (found && found->key != key)
    found = found->next;
  for (;;) {
    struct aci_binding *copy = aci_block_new(sizeof *copy);
    if (!copy) {
      leave(result);
      return NULL;
    }
    *copy = (struct aci_binding){.key = key, .value = value, .users = 1};
    *link = copy;
    link = &copy->next;
    if (!found || at == found)
      break;
    copy->key = at->key;
    copy->value = at->value;
    at = at->next;
  }
  *link = found ? found->next : first;
  if (*link)
    (*link)->users++;
  return result;
}

int ac_local_set(const struct ac_local *key, void *value) {
  if (!ac_running)
    return AC_EINVAL;
  struct aci_extra *extra = aci_extra_make(ac_running);
  if (!extra)
    return AC_ENOMEM;
  for (struct aci_binding *own = extra->bindings; own && own->users == 1;
       own = own->next) {
    if (own->key != key)
      continue;
    own->value = value;
    return AC_OK;
  }
  struct aci_binding *bindings = with(extra->bindings, key, value);
  if (!bindings)
    return AC_ENOMEM;
  leave(extra->bindings);
  extra->bindings = bindings;
  return AC_OK;
}

/* ---- who cancelled it ---------------------------------------------------- */

/* A task by its address, which is even, for its number is looked up among all
 * objects: when somebody wants to know, not at each of many requests. A block
 * by itself may be gone by then, so its number is taken down, made odd. */
size_t aci_canceller(void) {
  const struct ac_future *task = ac_running;
  if (!task)
    return 0;
  if (task->node.flags & ACI_BIG)
    return 2 * aci_object_number(aci_thread.loop, task) + 1;
  return (size_t)(uintptr_t)task;
}

static size_t number_of(size_t canceller) {
  if (!canceller || canceller & 1)
    return canceller / 2;
  return aci_object_number(aci_thread.loop,
                           (const struct ac_future *)(uintptr_t)canceller);
}

int(ac_cancel_at)(AC_HANDLE handle, const char *why, const char *file,
                  int line) {
  struct ac_future *object = (struct ac_future *)(uintptr_t)handle;
  if (!object)
    return 0;
  if (aci_kind(&object->node) == ACI_TASK && !(object->node.flags & ACI_DONE)) {
    struct aci_extra *extra = aci_extra_make(object);
    if (extra) {
      extra->cancellation = (struct ac_cancellation){
          .why = why, .file = file, .line = line, .by = aci_canceller()};
      extra->has_cancellation = 1;
    }
  }
  return aci_cancel(object);
}

int(ac_cancellation)(AC_HANDLE handle, struct ac_cancellation *cancellation) {
  const struct ac_future *task = (const struct ac_future *)handle;
  const struct aci_extra *extra = task ? aci_extra(task) : NULL;
  if (!extra || !extra->has_cancellation)
    return 0;
  *cancellation = extra->cancellation;
  cancellation->by = number_of(cancellation->by);
  return 1;
}
