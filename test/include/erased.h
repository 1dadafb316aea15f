/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * erased.h - makes a test plain C: async and await are nothing, a handle is
 * the value that it yields, and an operator on calls runs them where it
 * stands. Include it before everything else (cc -include erased.h), or define
 * AC_TEST_ERASED. `defer` needs gcc's nested functions, and braces. */
#ifndef AC_TEST_ERASED_H
#define AC_TEST_ERASED_H

#ifndef AC_TEST_ERASED
#define AC_TEST_ERASED 1
#endif

/* The real headers are not to be read. */
#define AC_ABI_H
#define AC_AC_H
#define AC_ASYNC_H

#include <stddef.h>

#define _Async
#define _Await
#define async
#define await

#define AC_ERASED_CAT_(a, b) a##b
#define AC_ERASED_CAT(a, b) AC_ERASED_CAT_(a, b)
#define AC_ERASED_DEFER(f)                                                     \
  auto void f(int *);                                                          \
  __attribute__((cleanup(f))) int AC_ERASED_CAT(f, _guard) = 0;                \
  void f(int *AC_ERASED_CAT(f, _argument) __attribute__((unused)))
#if !defined(__clang__)
#define _Defer AC_ERASED_DEFER(AC_ERASED_CAT(ac_defer_, __COUNTER__))
#define defer _Defer
#endif

#define ac_task(T) __typeof__(T)
#define ac_future(T) __typeof__(T)
#define ac_coro(T) __typeof__(T)
#define ac_create_task(...) (__VA_ARGS__)
#define ac_coroutine(...) (__VA_ARGS__)
#define ac_shield(...) (__VA_ARGS__)
#define ac_wait_for(x, ...) (x)
#define ac_gather(...) ((void)(__VA_ARGS__))
#define ac_try(...) ((void)(__VA_ARGS__), 0)
#define ac_release(h) ((void)(h))

static inline void ac_yield(void) {}
static inline void ac_sleep(double seconds) { (void)seconds; }

#endif
