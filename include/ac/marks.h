/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * marks.h - the dialect as acc reads it: every keyword and operator becomes
 * ordinary C that clang can check and whose place in the syntax tree acc
 * recognises. Never seen by a C compiler; included by ac.h.
 *
 * async     a calling convention, so that it is part of a function's type
 * await     __extension__, a prefix operator that keeps its operand's type
 * handles   pointers into address spaces of their own, so that clang tells
 *           kinds and result types apart
 * operators ((void)(operands), value of the right type named ac__op_NAME)
 *
 * Where an operand is a handle and not a call, acc replaces the last letter
 * of the operator's name by an underscore, and `await` by `*`, before it
 * parses again: the result's type is then that of what the handle yields. */
#ifndef AC_MARKS_H
#define AC_MARKS_H

#define _Async __attribute__((swiftcall))
#define _Await __extension__

struct ac_scope;
struct ac_task_group;
struct ac_generator;
struct ac_cancellation;

extern const volatile int ac__op_defer;
#define _Defer while (ac__op_defer)
extern int ac__op_timeout(double seconds);
#define ac_timeout(...) while (ac__op_timeout(__VA_ARGS__))
extern int ac__op_scope(struct ac_scope *scope);
#define ac_scope(...) while (ac__op_scope(__VA_ARGS__))
extern int ac__op_task_group(struct ac_task_group *group);
#define ac_task_group(...) while (ac__op_task_group(__VA_ARGS__))
extern int ac__op_closing(struct ac_generator *generator);
#define ac_closing(...) while (ac__op_closing(__VA_ARGS__))

#define ac_task(T)                                                             \
  __typeof__(__typeof__(T) __attribute__((address_space(0xAC01))) *)
#define ac_future(T)                                                           \
  __typeof__(__typeof__(T) __attribute__((address_space(0xAC02))) *)
#define ac_coro(T)                                                             \
  __typeof__(__typeof__(T) __attribute__((address_space(0xAC03))) *)
#define ac_yields(T) __typeof__(T) __attribute__((address_space(0xAC04))) *

/* The type that a handle yields, free of its address space. */
#define AC__YIELD(handle) __typeof__(((void)0, *(handle)))
#define AC__OP(type, name, ...) ((void)(__VA_ARGS__), (type)ac__op_##name)
#define AC__OP_VALUE(type, name, ...)                                          \
  ((void)(__VA_ARGS__), *(__typeof__(type) *)ac__op_##name)

extern void *const ac__op_create_task;
#define ac_create_task(...)                                                    \
  AC__OP(ac_task(__typeof__(__VA_ARGS__)), create_task, __VA_ARGS__)
#define ac_create_tas_(c) AC__OP(ac_task(AC__YIELD(c)), create_task, c)

extern void *const ac__op_coroutine;
#define ac_coroutine(...)                                                      \
  AC__OP(ac_coro(__typeof__(__VA_ARGS__)), coroutine, __VA_ARGS__)

extern void *const ac__op_run;
#define ac_run(...) AC__OP_VALUE(__typeof__(__VA_ARGS__), run, __VA_ARGS__)
#define ac_ru_(c) AC__OP_VALUE(AC__YIELD(c), run, c)

extern void *const ac__op_gather;
#define ac_gather(...) AC__OP(void, gather, __VA_ARGS__)

extern const int ac__op_select, ac__op_select_in_order;
#define ac_select(...) ((void)(__VA_ARGS__), ac__op_select)
#define ac_select_in_order(...) ((void)(__VA_ARGS__), ac__op_select_in_order)

extern void *const ac__op_wait_for;
#define ac_wait_for(x, ...)                                                    \
  AC__OP_VALUE(__typeof__(x), wait_for, x, (double)(__VA_ARGS__))
#define ac_wait_fo_(x, ...)                                                    \
  AC__OP_VALUE(AC__YIELD(x), wait_for, x, (double)(__VA_ARGS__))

extern void *const ac__op_shield;
#define ac_shield(...)                                                         \
  AC__OP_VALUE(__typeof__(__VA_ARGS__), shield, __VA_ARGS__)
#define ac_shiel_(x) AC__OP_VALUE(AC__YIELD(x), shield, x)

extern const int ac__op_try;
#define ac_try(...) ((void)(__VA_ARGS__), ac__op_try)

extern void *ac__op_future_new(size_t bytes);
#define ac_future_new(T) ((ac_future(T))ac__op_future_new(sizeof(T)))

extern const int ac__op_future_set;
#define AC__SET_VOID(f) ((void)(f), ac__op_future_set)
#define AC__SET(f, ...) ((void)(*(f) = (__VA_ARGS__)), ac__op_future_set)
#define AC__PICK(a, b, c, d, e, f, g, h, n, ...) n
#define ac_future_set(...)                                                     \
  AC__PICK(__VA_ARGS__, AC__SET, AC__SET, AC__SET, AC__SET, AC__SET, AC__SET,  \
           AC__SET, AC__SET_VOID, 0)                                           \
  (__VA_ARGS__)

/* Functions that take a handle of any kind. */
#define AC__HANDLE(h) ((const volatile void *)(h))
#define ac_release(h) (ac_release)(AC__HANDLE(h))
#define ac_done(h) (ac_done)(AC__HANDLE(h))
#define ac_error(h) (ac_error)(AC__HANDLE(h))
#define ac_cancelled(h) (ac_cancelled)(AC__HANDLE(h))
#define ac_cancel(h) (ac_cancel)(AC__HANDLE(h))
#define ac_cancel_because(h, why) (ac_cancel_at)(AC__HANDLE(h), why, 0, 0)
#define ac_cancellation(h, c) (ac_cancellation)(AC__HANDLE(h), c)
#define ac_name(h) (ac_name)(AC__HANDLE(h))
#define ac_task_group_start(g, h) (ac_task_group_start)(g, AC__HANDLE(h))
#define ac_task_group_add(g, h) (ac_task_group_add)(g, AC__HANDLE(h))
#define ac_cancelling(h) (ac_cancelling)(AC__HANDLE(h))
#define ac_uncancel(h) (ac_uncancel)(AC__HANDLE(h))
#define ac_set_name(h, name) (ac_set_name)(AC__HANDLE(h), name)
#define ac_on_done(h, fn, arg) (ac_on_done)(AC__HANDLE(h), fn, arg)
#define ac_future_fail(h, code) (ac_future_fail)(AC__HANDLE(h), code)
#define ac_start_in(loop, coro, future)                                        \
  (ac_start_in)(loop, AC__HANDLE(coro), AC__HANDLE(future))
#define ac_generator_begin(g, c) (ac_generator_begin)(g, AC__HANDLE(c))
#define ac_coro_drop(h) (ac_coro_drop)(AC__HANDLE(h))

#endif
