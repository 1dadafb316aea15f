/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * arena.h - memory that lives as long as one input. Nothing is freed by
 * itself; arena_free drops the whole. Out of memory ends the program with a
 * message: a compiler has nothing better to do. */
#ifndef ACC_ARENA_H
#define ACC_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena {
  struct arena_block *blocks;
};

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t bytes);
char *arena_copy(struct arena *arena, const char *text, size_t bytes);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void arena_free(struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* A growing array of pointers or other items, in an arena:
 *   VECTOR(struct stmt *) kids;   vector_push(arena, &kids, s); */
#define VECTOR(type)                                                           \
  struct {                                                                     \
    type *items;                                                               \
    size_t count, capacity;                                                    \
  }
void *arena_grow(struct arena *arena, void *items, size_t count,
                 size_t *capacity, size_t item_bytes);
#define vector_push(arena, vector, item)                                       \
  ((vector)->items =                                                           \
       (vector)->count < (vector)->capacity                                    \
           ? (vector)->items                                                   \
           : arena_grow((arena), (vector)->items, (vector)->count,             \
                        &(vector)->capacity, sizeof *(vector)->items),         \
   (vector)->items[(vector)->count++] = (item))

#endif
