/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * frame.c - memory for frames and objects: per-loop free lists by size. What
 * is freed is reused by the next of its size, still in cache; everything goes
 * back to the system when the loop closes. */
#include "internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define ONE_BY_ONE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ONE_BY_ONE 1
#endif
#endif
#ifndef ONE_BY_ONE
#define ONE_BY_ONE 0
#endif

enum {
  PAGE_BYTES = 4096,
  FIRST_CHUNK_BYTES = 2 * PAGE_BYTES,
  /* One huge page, taken when as much as that is in use: a million tasks have
   * fewer page faults, and fewer misses in the processor's page table cache. */
  LAST_CHUNK_BYTES = 512 * PAGE_BYTES
};

static size_t chunk_bytes(const struct aci_chunk *chunk) {
  return (size_t)((const char *)(chunk + 1) - chunk->begin);
}

void aci_pool_init(struct aci_pool *pool, size_t limit) {
  memset(pool, 0, sizeof *pool);
  pool->limit = ONE_BY_ONE || aci_sys_fails() ? 0 : limit;
  pool->big.next = pool->big.prev = &pool->big;
}

void aci_pool_close(struct aci_pool *pool) {
  for (size_t i = 0; i < sizeof pool->chunks / sizeof *pool->chunks; i++) {
    for (struct aci_chunk *chunk = pool->chunks[i], *next; chunk;
         chunk = next) {
      next = chunk->next;
      aci_sys_free(chunk->begin);
    }
  }
  while (pool->big.next != &pool->big)
    aci_big_free(pool->big.next + 1);
}

/* The header stands at the end, so that blocks begin at a page boundary. */
static struct aci_chunk *chunk_new(size_t bytes, struct aci_chunk *older) {
  int is_huge = bytes == LAST_CHUNK_BYTES;
  char *begin = aci_sys_alloc(bytes, is_huge ? bytes : PAGE_BYTES);
  if (!begin)
    return NULL;
  if (is_huge)
    aci_sys_huge_page(begin, bytes);
  struct aci_chunk *chunk =
      (struct aci_chunk *)(void *)(begin + bytes - sizeof *chunk);
  chunk->next = older;
  chunk->begin = chunk->unused = begin;
  chunk->end = (char *)chunk;
  return chunk;
}

void *aci_pool_refill(struct aci_pool *pool, size_t bytes) {
  size_t class = bytes / 8;
  size_t block_bytes = bytes;
  struct aci_chunk *chunk = pool->chunks[class];
  if (!chunk || (size_t)(chunk->end - chunk->unused) < block_bytes) {
    size_t size = chunk ? chunk_bytes(chunk) * 2 : FIRST_CHUNK_BYTES;
    chunk = chunk_new(size < LAST_CHUNK_BYTES ? size : LAST_CHUNK_BYTES, chunk);
    if (!chunk)
      return NULL;
    pool->chunks[class] = chunk;
  }
  /* A page at a time, so that no memory is touched long before its use. */
  char *block = chunk->unused;
  char *end = chunk->end;
  if (end - block > PAGE_BYTES)
    end = block + (block_bytes > PAGE_BYTES / 2 ? block_bytes : PAGE_BYTES);
  char *last = block + ((size_t)(end - block) / block_bytes - 1) * block_bytes;
  int objects = block_bytes >= sizeof(struct ac_future);
  for (char *at = block; at != last; at += block_bytes) {
    *(void **)(void *)at = at + block_bytes;
    if (objects) /* for aci_each_object; to frames it does not matter */
      ((struct ac_future *)(void *)at)->node.flags = ACI_FREE;
  }
  *(void **)(void *)last = NULL;
  if (objects)
    ((struct ac_future *)(void *)last)->node.flags = ACI_FREE;
  chunk->unused = last + block_bytes;
  pool->free[class] = *(void **)(void *)block;
  return block;
}

static void link_before(struct aci_big *next, struct aci_big *big) {
  big->prev = next->prev;
  big->next = next;
  big->prev->next = next->prev = big;
}

static void unlink_big(struct aci_big *big) {
  big->prev->next = big->next;
  big->next->prev = big->prev;
}

void aci_big_adopt(struct aci_pool *pool, void *block) {
  struct aci_big *big = aci_big(block);
  if (big->next == big)
    link_before(&pool->big, big);
}

void *aci_big_new(struct aci_pool *pool, size_t bytes, size_t align) {
  if (align < _Alignof(struct aci_big))
    align = _Alignof(struct aci_big);
  size_t offset = (sizeof(struct aci_big) + align - 1) & (0 - align);
  if (bytes > (size_t)PTRDIFF_MAX - offset)
    return NULL;
  char *memory = aci_sys_alloc(offset + bytes, align);
  if (!memory)
    return NULL;
  struct aci_big *big = aci_big(memory + offset);
  big->memory = memory;
  big->value_bytes = 0;
  big->next = big->prev = big;
  if (pool)
    aci_big_adopt(pool, memory + offset);
  return memory + offset;
}

void aci_big_free(void *block) {
  struct aci_big *big = aci_big(block);
  unlink_big(big);
  aci_sys_free(big->memory);
}

void *aci_block_new(size_t bytes) {
  struct aci_pool *pool = &aci_thread.loop->frames;
  bytes = ACI_ROUND_UP(bytes);
  return AC_LIKELY(bytes <= pool->limit) ? aci_pool_take(pool, bytes)
                                         : aci_big_new(pool, bytes, 8);
}

void aci_block_free(void *block, size_t bytes) {
  struct aci_pool *pool = &aci_thread.loop->frames;
  bytes = ACI_ROUND_UP(bytes);
  if (AC_LIKELY(bytes <= pool->limit))
    aci_pool_give(pool, block, bytes);
  else
    aci_big_free(block);
}

static ac_frame *__attribute__((noinline))
big_frame(struct aci_pool *pool, const struct ac_desc *desc) {
  return aci_big_new(pool, desc->frame_bytes, desc->frame_align);
}

ac_frame *ac_frame_new(const struct ac_desc *desc) {
  struct aci_pool *pool = &aci_thread.loop->frames;
  size_t bytes = ACI_ROUND_UP(desc->frame_bytes);
  ac_frame *frame = AC_LIKELY(bytes <= pool->limit) ? aci_pool_take(pool, bytes)
                                                    : big_frame(pool, desc);
  if (AC_UNLIKELY(!frame))
    return NULL;
  frame->desc = desc;
  frame->parent = NULL;
  frame->ret = NULL;
  frame->state = 0;
  return frame;
}

void ac_frame_free(ac_frame *frame) {
  struct aci_pool *pool = &aci_thread.loop->frames;
  size_t bytes = ACI_ROUND_UP(frame->desc->frame_bytes);
  if (AC_LIKELY(bytes <= pool->limit))
    aci_pool_give(pool, frame, bytes);
  else
    aci_big_free(frame);
}

/* Takes back what the current task was about to wait for in `callee`. Returns
 * the innermost frame that waits for it; NULL: the callee is what it waits for.
 */
static ac_frame *withdraw(const ac_frame *callee) {
  ac_frame *innermost;
  if (aci_generator_unyield(callee, &innermost))
    return innermost;
  aci_withdraw_now(ac_running);
  ac_frame *leaf = &ac_running->leaf;
  return callee == leaf ? NULL : leaf->parent;
}

/* Raises AC_ENOMEM in the suspended function `callee` of the current task,
 * and goes on with it until it ends or suspends again. */
static ac_frame *fail_callee(ac_frame *callee, void *ret) {
  ac_frame *frame = withdraw(callee);
  ac_frame *status = aci_raise(AC_ENOMEM);
  if (!frame)
    return status;
  callee->parent = NULL;
  callee->ret = ret;
  for (ac_frame *parent; frame; frame = parent) {
    parent = frame->parent;
    status = frame->desc->resume(frame, status);
    /* Those around it are suspended still. */
    if (aci_suspended(status))
      return parent ? callee : status;
  }
  return status;
}

ac_frame *ac_frame_suspend(const struct ac_desc *desc, ac_frame **callee,
                           void *ret) {
  ac_frame *frame = ac_frame_new(desc);
  /* What ended may have left memory behind: try again each time. */
  while (AC_UNLIKELY(!frame)) {
    *callee = fail_callee(*callee, ret);
    if (!aci_suspended(*callee))
      return NULL;
    frame = ac_frame_new(desc);
  }
  return frame;
}

/* The place in the ring is kept by a node of its own, whose memory is NULL, for
 * visit may free any object. */
static void each_big(struct aci_pool *pool,
                     void (*visit)(struct ac_future *object, void *arg),
                     void *arg) {
  struct aci_big place = {.memory = NULL};
  for (struct aci_big *big = pool->big.next; big != &pool->big;) {
    link_before(big->next, &place);
    if (big->memory)
      visit((struct ac_future *)(void *)(big + 1), arg);
    big = place.next;
    unlink_big(&place);
  }
}

void aci_each_object(ac_loop *loop,
                     void (*visit)(struct ac_future *object, void *arg),
                     void *arg) {
  struct aci_pool *pool = &loop->objects;
  for (size_t class = 0; class < sizeof pool->chunks / sizeof *pool->chunks;
       class ++) {
    for (struct aci_chunk *chunk = pool->chunks[class]; chunk;
         chunk = chunk->next) {
      for (char *at = chunk->begin; at < chunk->unused; at += class * 8) {
        struct ac_future *object = (struct ac_future *)(void *)at;
        if (aci_kind(&object->node) != ACI_FREE)
          visit(object, arg);
      }
    }
  }
  each_big(pool, visit, arg);
}

size_t aci_object_number(ac_loop *loop, const struct ac_future *object) {
  const struct aci_pool *pool = &loop->objects;
  uintptr_t address = (uintptr_t)object;
  size_t number = 1;
  for (size_t class = 0; class < sizeof pool->chunks / sizeof *pool->chunks;
       class ++) {
    for (struct aci_chunk *chunk = pool->chunks[class]; chunk;
         chunk = chunk->next) {
      uintptr_t begin = (uintptr_t)chunk->begin;
      if (address >= begin && address < (uintptr_t)chunk->unused)
        return number + (address - begin) / (class * 8);
      number += (size_t)(chunk->unused - chunk->begin) / (class * 8);
    }
  }
  for (const struct aci_big *big = pool->big.next; big != &pool->big;
       big = big->next) {
    if ((const void *)(big + 1) == object)
      break;
    number += big->memory != NULL;
  }
  return number;
}

ac_frame *ac_frame_end(ac_frame *frame, ac_frame *status) {
  ac_frame_free(frame);
  return status;
}
