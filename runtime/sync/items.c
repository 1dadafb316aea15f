/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * items.c - a ring of items that grows, and a heap of them. */
#include "items.h"
#include "internal.h"

enum { FIRST_ROOM = 8 };

static size_t place(const struct ac_queue *queue, size_t index) {
  size_t at = queue->first + index;
  return at < queue->room ? at : at - queue->room;
}

static char *item_at(const struct ac_queue *queue, size_t index, size_t bytes) {
  return queue->items + place(queue, index) * bytes;
}

static void copy(void *to, const void *from, size_t bytes) {
  switch (bytes) {
  case 4:
    memcpy(to, from, 4);
    break;
  case 8:
    memcpy(to, from, 8);
    break;
  case 16:
    memcpy(to, from, 16);
    break;
  default:
    memcpy(to, from, bytes);
  }
}

static size_t capacity(const struct ac_queue *queue) {
  return queue->capacity ? queue->capacity : AC_QUEUE_CAPACITY;
}

static size_t next_room(const struct ac_queue *queue) {
  size_t room = queue->room ? queue->room * 2 : FIRST_ROOM;
  return room < capacity(queue) ? room : capacity(queue);
}

static int __attribute__((noinline))
grow(struct ac_queue *queue, size_t bytes) {
  size_t room = next_room(queue);
  if (room > PTRDIFF_MAX / (bytes + sizeof *queue->order))
    return AC_ENOMEM;
  char *items = aci_sys_alloc(room * bytes, _Alignof(max_align_t));
  uint64_t *order = NULL;
  if (items && queue->kind == AC_PRIORITY) {
    order = aci_sys_alloc(room * sizeof *order, _Alignof(uint64_t));
    if (!order) {
      aci_sys_free(items);
      items = NULL;
    }
  }
  if (!items)
    return AC_ENOMEM;
  for (size_t i = 0; i < queue->count; i++)
    memcpy(items + i * bytes, item_at(queue, i, bytes), bytes);
  if (order && queue->count)
    memcpy(order, queue->order, queue->count * sizeof *order);
  aci_items_free(queue);
  queue->items = items;
  queue->order = order;
  queue->room = room;
  return AC_OK;
}

int aci_items_make_room(struct ac_queue *queue, size_t bytes) {
  return AC_LIKELY(queue->count < queue->room) ? AC_OK : grow(queue, bytes);
}

/* ---- heap: its root is item 0, and it does not wrap -------------------------
 */

static int comes_before(const struct ac_queue *queue, size_t a, size_t b,
                        size_t bytes) {
  const char *left = queue->items + a * bytes;
  const char *right = queue->items + b * bytes;
  if (queue->before(left, right))
    return 1;
  return !queue->before(right, left) && queue->order[a] < queue->order[b];
}

static void swap(struct ac_queue *queue, size_t a, size_t b, size_t bytes) {
  char *left = queue->items + a * bytes;
  char *right = queue->items + b * bytes;
  for (size_t i = 0; i < bytes; i++) {
    char byte = left[i];
    left[i] = right[i];
    right[i] = byte;
  }
  uint64_t order = queue->order[a];
  queue->order[a] = queue->order[b];
  queue->order[b] = order;
}

static void rise(struct ac_queue *queue, size_t at, size_t bytes) {
  while (at && comes_before(queue, at, (at - 1) / 2, bytes)) {
    swap(queue, at, (at - 1) / 2, bytes);
    at = (at - 1) / 2;
  }
}

static void sink(struct ac_queue *queue, size_t at, size_t bytes) {
  for (;;) {
    size_t least = at;
    for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count;
         child++)
      if (comes_before(queue, child, least, bytes))
        least = child;
    if (least == at)
      return;
    swap(queue, at, least, bytes);
    at = least;
  }
}

static void heap_take(struct ac_queue *queue, void *item, size_t bytes) {
  size_t last = --queue->count;
  copy(item, queue->items, bytes);
  if (!last)
    return;
  memcpy(queue->items, queue->items + last * bytes, bytes);
  queue->order[0] = queue->order[last];
  sink(queue, 0, bytes);
}

/* ---- both ------------------------------------------------------------------
 */

void aci_items_put(struct ac_queue *queue, const void *item, size_t bytes) {
  copy(item_at(queue, queue->count, bytes), item, bytes);
  queue->count++;
  if (queue->kind != AC_PRIORITY)
    return;
  queue->order[queue->count - 1] = queue->puts++;
  rise(queue, queue->count - 1, bytes);
}

/* Those in front move up by one. */
static void ring_take(struct ac_queue *queue, void *item, size_t bytes,
                      size_t index) {
  copy(item, item_at(queue, index, bytes), bytes);
  for (; index; index--)
    memcpy(item_at(queue, index, bytes), item_at(queue, index - 1, bytes),
           bytes);
  queue->first = place(queue, 1);
  queue->count--;
}

void aci_items_take(struct ac_queue *queue, void *item, size_t bytes,
                    size_t skipped) {
  if (queue->kind == AC_FIFO) {
    ring_take(queue, item, bytes, skipped);
  } else if (queue->kind == AC_LIFO) {
    queue->count--;
    copy(item, item_at(queue, queue->count, bytes), bytes);
  } else {
    heap_take(queue, item, bytes);
  }
}

void aci_items_free(struct ac_queue *queue) {
  aci_sys_free(queue->items);
  aci_sys_free(queue->order);
  queue->items = NULL;
  queue->order = NULL;
  queue->room = queue->first = 0;
}
