/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGN = 16 };

struct arena_block {
  struct arena_block *next;
  size_t used, bytes;
  _Alignas(ALIGN) char data[];
};

static struct arena_block *new_block(struct arena *arena, size_t bytes) {
  struct arena_block *block = malloc(sizeof *block + bytes);
  if (!block) {
    fputs("acc: error: out of memory\n", stderr);
    exit(1);
  }
  block->next = arena->blocks;
  block->used = 0;
  block->bytes = bytes;
  arena->blocks = block;
  return block;
}

void *arena_alloc(struct arena *arena, size_t bytes) {
  size_t need = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
  struct arena_block *block = arena->blocks;
  if (!block || block->bytes - block->used < need)
    block = new_block(arena, need > BLOCK_BYTES ? need : BLOCK_BYTES);
  void *result = block->data + block->used;
  block->used += need;
  return memset(result, 0, bytes);
}

char *arena_copy(struct arena *arena, const char *text, size_t bytes) {
  char *copy = arena_alloc(arena, bytes + 1);
  if (bytes)
    memcpy(copy, text, bytes);
  return copy;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  size_t bytes = (size_t)vsnprintf(NULL, 0, format, again) + 1;
  va_end(again);
  char *text = arena_alloc(arena, bytes);
  vsnprintf(text, bytes, format, args);
  return text;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *text = arena_vprintf(arena, format, args);
  va_end(args);
  return text;
}

void *arena_grow(struct arena *arena, void *items, size_t count,
                 size_t *capacity, size_t item_bytes) {
  size_t bigger = *capacity ? *capacity * 2 : 8;
  void *copy = arena_alloc(arena, bigger * item_bytes);
  if (count)
    memcpy(copy, items, count * item_bytes);
  *capacity = bigger;
  return copy;
}

void arena_free(struct arena *arena) {
  for (struct arena_block *block = arena->blocks; block;) {
    struct arena_block *next = block->next;
    free(block);
    block = next;
  }
  arena->blocks = NULL;
}
