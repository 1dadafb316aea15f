/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * completed.h - handles in the order in which they end, included by ac.h. */
#ifndef AC_COMPLETED_H
#define AC_COMPLETED_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loop: its body runs once for each of `count` handles (an array of
 * ac_task(T) or ac_future(T)), with `i`, a size_t that the statement declares,
 * the handle's place in the array, as soon as that one is done.
 *
 *     ac_as_completed (i, tasks, count) {
 *       int value = await tasks[i];
 *       ...
 *     }
 *
 * They come in the order in which they end; those that are done already come
 * first, in the array's order. A handle that stands in the array twice comes
 * once, with its first place. The loop looks on, as ac_wait does: it raises no
 * child's error and cancels nobody, and may be left in any way at any time:
 * the handles run on, and can be waited for again. A handle may be released
 * once it has come. For a deadline put an ac_timeout around it. Raises
 * AC_EINVAL for what cannot be awaited, AC_ENOMEM. asyncio.as_completed. */
#define ac_as_completed(i, handles, count)                                     \
  for (struct ac_completions ac_completing                                     \
       __attribute__((cleanup(ac_completions_end))) =                          \
           ac_completions_of((handles), (count));                              \
       !ac_completing.over; ac_completing.over = 1)                            \
    for (size_t i;                                                             \
         (i = _Await ac_completions_next(&ac_completing)) != SIZE_MAX;)

/* What the loop is made of, for loops of another form. */
struct aci_completions;
struct ac_completions {
  struct ac_operation waiting;
  const void *handles;
  size_t count;
  int over;                      /* the statement's */
  struct aci_completions *state; /* NULL: not begun, or ended */
};

/* The array stays where it is until the end. Begins nothing. */
static inline struct ac_completions ac_completions_of(const void *handles,
                                                      size_t count) {
  struct ac_completions completions = {{NULL, NULL}, handles, count, 0, NULL};
  return completions;
}

/* Waits for the next one, and gives its place; SIZE_MAX: all have come. One
 * task at a time (AC_EBUSY). One that is cancelled has taken nothing. */
_Async size_t ac_completions_next(struct ac_completions *completions);
/* Leaves the handles, and gives the memory back. Nobody may be waiting. */
AC_API void ac_completions_end(struct ac_completions *completions);

#ifdef __cplusplus
}
#endif
#endif
