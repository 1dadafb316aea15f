/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * generator.h - async functions that give many values, one at a time, to a loop
 * that awaits them; included by ac.h.
 *
 *     async void lines(ac_yields(const char *) out, int fd)
 *     {
 *         ...
 *             await ac_yield_value(out, line);
 *     }
 *
 *     ac_for_each (const char *, line, lines(ac_out, fd)) {
 *         puts(line);
 *     }
 *
 * A generator is an async function like any other, whose parameter says whom it
 * gives values to: so it may be static, recursive, declared in a header or
 * called through a pointer. It runs in the task of whoever asks for its next
 * value, until it has one: a value goes from one to the other directly, not by
 * the loop, and allocates nothing. All of it belongs to the loop's thread. */
#ifndef AC_GENERATOR_H
#define AC_GENERATOR_H

#include <ac/abi.h>

#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ac_scope;

/* A generator at work; zeroed, it is none. It does not move. */
struct ac_generator {
  /* All of it is the library's. */
  ac_frame next;  /* in which the consumer waits for the generator */
  ac_frame yield; /* in which the generator waits for the consumer */
  void *coro;     /* what to begin */
  ac_frame *inner;
  void *to;
  struct ac_generator *below;
  int state, closing, error, over;
  int refusing; /* it may not hand over: not 0 */
};

/* A generator of values of that type, held in a variable. */
#define ac_generator(T)                                                        \
  union {                                                                      \
    struct ac_generator generator;                                             \
    T *item_type;                                                              \
  }

/* ac_yields(T) is the type of the parameter by which a generator knows its
 * consumer: a handle, which does not mix with those of other types. */

/* Hands a value over, and goes on when the consumer wants the next one. Raises
 * AC_ECLOSED, then and ever after, when the consumer has left: the generator is
 * to tidy up and end, as its `defer` blocks do by themselves. Raises AC_EINVAL
 * where the generator does not run for this consumer (in a task of its own, or
 * in another generator), and in a scope (ac_timeout, ac_task_group...) that was
 * entered since the consumer asked: the consumer is not to run in it. */
#define ac_yield_value(out, ...)                                               \
  ac_generator_yield((const volatile void *)(out),                             \
                     (__typeof__(((void)0, *(out)))[1]){__VA_ARGS__},          \
                     sizeof(__typeof__(((void)0, *(out)))))

/* A loop over the values of a generator, in a variable `v` of type T that it
 * declares. `ac_out` is the consumer in the call's arguments. It may be left in
 * any way: the generator is then closed before control goes on (see
 * ac_generator_close). An error that ends the generator is raised here. While
 * the consumer waits for the next value its cancellation is the generator's. */
#define ac_for_each(T, v, ...)                                                 \
  for (ac_generator(T) ac_generating = {{0}};                                  \
       !ac_generating.generator.over &&                                        \
       (ac_generate(T, &ac_generating, __VA_ARGS__), 1);                       \
       ac_generating.generator.over = 1)                                       \
  ac_closing(                                                                  \
      &ac_generating.generator) for (T v; _Await ac_next(&ac_generating, &v);)

/* ---- step by step ---------------------------------------------------------
 *
 *     ac_generator(int) numbers;
 *     ac_generate(int, &numbers, count(ac_out, 10));
 *     ac_closing (&numbers.generator) {
 *       int n;
 *       while (await ac_next(&numbers, &n))
 *         ...
 *     }
 */

/* Sets the generator up; the arguments are evaluated now, the body begins with
 * the first ac_next. 0 or AC_ENOMEM, which ac_next raises too. */
#define ac_generate(T, g, ...)                                                 \
  ac_generator_begin(&(g)->generator, __extension__({                          \
    ac_yields(T) ac_out =                                                      \
        (ac_yields(T))(1 ? (void *)&(g)->generator : (g)->item_type);          \
    ac_coroutine(__VA_ARGS__);                                                 \
  }))

/* 1, and the next value is in *to; 0: there is none any more. Raises what the
 * generator ends with, once; AC_EBUSY while somebody is in it already;
 * AC_EINVAL before ac_generate. */
#define ac_next(g, to)                                                         \
  ac_generator_next(&(g)->generator, (1 ? (to) : (g)->item_type))

/* Ends the generator: where it waits to hand a value over AC_ECLOSED is raised;
 * its `defer` blocks run, and are waited for. An error that they raise is
 * raised here. One that has ended already, or never begun, is closed at once.
 * Whatever was begun has to be closed. */
#define ac_generator_close(g) ac_generator_end(&(g)->generator)

/* ac_closing (&g.generator) {...}: a statement after which the generator is
 * closed, in whichever way it is left. */

/* What the macros, and acc for ac_closing, call. */
AC_API extern __thread struct ac_generator *ac_generating AC_TLS;
_Async int ac_generator_next(struct ac_generator *generator, void *to);
_Async void ac_generator_end(struct ac_generator *generator);
_Async void ac_generator_yield(const volatile void *out, const void *item,
                               size_t bytes);
AC_API int(ac_generator_begin)(struct ac_generator *generator,
                               AC_CORO_HANDLE coro);
AC_API int ac_generator_enter(struct ac_generator *generator);
AC_API ac_frame *ac_generator_exit(int *ret, struct ac_generator *generator,
                                   int error);

/* The lowered forms of asking and handing over, which also exist as functions:
 * inline while nothing else happens. The macros take a prototype, too. */
AC_API ac_frame *ac_generator_next__ac(int *ret, struct ac_generator *generator,
                                       void *to);
AC_API ac_frame *ac_generator_yield__ac(void *ret, const volatile void *out,
                                        const void *item, size_t bytes);
/* ac_generator_next, after the frame that was to hand over has not. */
AC_API ac_frame *ac_generator_left(int *ret, struct ac_generator *generator,
                                   ac_frame *parent, ac_frame *status);
static inline ac_frame *
ac_generator_ask(int *ret, struct ac_generator *generator, void *to) {
  ac_frame *frame = generator->yield.parent; /* while it can go on */
  if (AC_UNLIKELY(!frame))
    return ac_generator_next__ac(ret, generator, to);
  ac_frame *parent = frame->parent;
  generator->yield.parent = NULL;
  generator->to = to;
  generator->below = ac_generating;
  ac_generating = generator;
  ac_frame *status = frame->desc->resume(frame, NULL);
  if (AC_UNLIKELY(!generator->yield.parent))
    return ac_generator_left(ret, generator, parent, status);
  ac_generating = generator->below;
  *ret = 1;
  return NULL;
}
static inline ac_frame *ac_generator_hand(void *ret, const volatile void *out,
                                          const void *item, size_t bytes) {
  struct ac_generator *generator = (struct ac_generator *)(uintptr_t)out;
  if (AC_UNLIKELY(generator != ac_generating || generator->refusing))
    return ac_generator_yield__ac(ret, out, item, bytes);
  memcpy(generator->to, item, bytes);
  return AC_KNOWN_FRAME(&generator->yield);
}
#define ac_generator_next__ac(ret, generator, to)                              \
  ac_generator_ask(ret, generator, to)
#define ac_generator_yield__ac(ret, out, item, bytes)                          \
  ac_generator_hand(ret, out, item, bytes)

#ifdef __cplusplus
}
#endif
#endif
