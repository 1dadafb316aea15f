/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * editor.h - the dialect for clangd: keywords and operators erased, so that
 * the file reads as the blocking program it looks like. A C compiler is
 * stopped by the assembler directive, which parsers do not mind. */
#ifndef AC_EDITOR_H
#define AC_EDITOR_H

/* Warnings about what a macro's text does are of no use to its user. */
#pragma GCC system_header

__asm__(".error \"compile this file with acc\"");

/* _Async stays nothing: a header read before this one has used it so. */
#define _Await
extern const volatile int ac__op_defer;
#define _Defer while (ac__op_defer)
#undef ac_cancel
#undef ac_cancel_because
#define ac_timeout(seconds) while ((seconds) > ac__op_defer)
#define ac_scope(scope) while ((scope)->shield > ac__op_defer)
#define ac_task_group(group) while ((group)->error > ac__op_defer)
#define ac_closing(generator) while ((generator)->state > ac__op_defer)
#define ac_generator_begin(g, c) ((void)(g), (void)(c), 0)
#define ac_task_group_start(group, h) ((void)(group), (void)(h), 0)
#define ac_task_group_add(group, h) ((void)(group), (void)(h), 0)
#define ac_cancel_because(h, why) ((void)(h), (void)(why), 0)
#define ac_cancellation(h, c) ((void)(h), (void)(c), 0)
#define ac_name(h) ((void)(h), (const char *)"")

/* A handle is the value that it yields, or an int for void. */
#undef ac_task
#undef ac_future
#undef ac_coro
#undef ac_future_new
#define AC__ERASED(T)                                                          \
  __typeof__(*_Generic((__typeof__(T) *)0, void *: (int *)0,                   \
                       default: (__typeof__(T) *)0))
#define ac_task(T) AC__ERASED(T)
#define ac_future(T) AC__ERASED(T)
#define ac_coro(T) AC__ERASED(T)
extern void *const ac__op_erased;
#define AC__ERASE(...)                                                         \
  ((void)(__VA_ARGS__),                                                        \
   *(AC__ERASED(__typeof__(__VA_ARGS__)) *)ac__op_erased)
#define ac_create_task(...) AC__ERASE(__VA_ARGS__)
#define ac_coroutine(...) AC__ERASE(__VA_ARGS__)
#define ac_shield(...) (__VA_ARGS__)
#define ac_run(...) (__VA_ARGS__)
#define ac_wait_for(x, ...) (x)
#define ac_gather(x, ...) ((void)((void)(x), ##__VA_ARGS__))
#define ac_select(...) ((void)(__VA_ARGS__), 0)
#define ac_select_in_order(...) ((void)(__VA_ARGS__), 0)
#define ac_try(...) ((void)(__VA_ARGS__), 0)
#define ac_future_new(T) (*(AC__ERASED(T) *)ac__op_erased)
#define ac_future_set(f, ...) ((void)((void)(f), ##__VA_ARGS__), 0)
#define ac_release(h) ((void)(h))
#define ac_done(h) ((void)(h), 0)
#define ac_error(h) ((void)(h), 0)
#define ac_cancelled(h) ((void)(h), 0)
#define ac_cancel(h) ((void)(h), 0)
#define ac_cancelling(h) ((void)(h), 0)
#define ac_uncancel(h) ((void)(h), 0)
#define ac_set_name(h, name) ((void)(h), (void)(name), 0)
#define ac_on_done(h, fn, arg) ((void)(h), (fn)(arg), 0)
#define ac_future_fail(h, code) ((void)(h), (void)(code), 0)
#define ac_start_in(loop, c, f) ((void)(loop), (void)(c), (void)(f), 0)
#define ac_coro_drop(h) ((void)(h))

#endif
