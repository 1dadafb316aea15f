/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * scope.h - structured concurrency, included by ac.h: stretches of a task that
 * can be cancelled by themselves, and groups of tasks that none of them
 * outlives. */
#ifndef AC_SCOPE_H
#define AC_SCOPE_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct aci_node;

/* Who asked for a cancellation, where, and why. */
struct ac_cancellation {
  const char *why;  /* in the words of who asked; NULL: did not say */
  const char *file; /* where it was asked for; NULL: a deadline, the loop */
  int line;
  size_t by; /* the number in listings of the task that asked; 0: no task */
};

/* ---- scopes --------------------------------------------------------------
 *
 *     struct ac_scope scope = {0};
 *     ac_scope_set_deadline(&scope, 2.5);
 *     ac_scope (&scope) {
 *       ...
 *     }
 *     if (ac_scope_caught(&scope))
 *       ...
 *
 * A statement, which anybody can cancel while it runs: then every await in it
 * that has to wait raises AC_ECANCELED, those in `defer` blocks too, until it
 * is left. It is zeroed before it is entered. The scope keeps that error to itself, and the program goes on after
 * it; unless the task itself, or a scope around it, is cancelled too. trio's
 * CancelScope. On the loop's thread. */
struct ac_scope {
  void *link[4];
  struct ac_scope *outer;
  struct ac_future *task;
  int64_t deadline_ns; /* the loop's clock; 0, INT64_MAX: none */
  uint32_t requests;
  uint32_t state;
  /* What is around it does not reach in: neither scopes that are cancelled nor
   * ac_cancel, which is delivered when it is left. For cleanup that has to
   * wait; give it a deadline. */
  int shield;
  int expired; /* it was cancelled by its deadline */
  struct ac_cancellation cancellation;
};

/* Both may be called before the scope is entered and while it runs, and take
 * effect at once. seconds from now; INFINITY: none. */
AC_API void ac_scope_set_deadline(struct ac_scope *scope, double seconds);
AC_API void ac_scope_set_shield(struct ac_scope *scope, int shield);
/* Before the scope is entered too: then its first wait raises. False when it
 * was cancelled already. why: static storage, or NULL. */
#define ac_scope_cancel(scope, why)                                            \
  ac_scope_cancel_at((scope), (why), __FILE__, __LINE__)
AC_API int ac_scope_cancel_at(struct ac_scope *scope, const char *why,
                              const char *file, int line);
AC_API int ac_scope_cancelled(const struct ac_scope *scope);
/* It was left by its own cancellation. */
AC_API int ac_scope_caught(const struct ac_scope *scope);

/* What acc makes of the statements ac_scope and ac_timeout. Entering gives 0,
 * or AC_ENOMEM. error: the code with which it is being left, or 0; leaving
 * gives the code to go on with. */
AC_API int ac_scope_enter(struct ac_scope *scope);
AC_API int ac_scope_exit(struct ac_scope *scope, int error);
AC_API int ac_timeout_enter(struct ac_scope *scope, double seconds);
AC_API int ac_timeout_exit(struct ac_scope *scope, int error);

/* ---- task groups ---------------------------------------------------------
 *
 *     struct ac_task_group group = {0};
 *     ac_task_group (&group) {
 *       ac_start(&group, fetch(a));
 *       ac_start(&group, fetch(b));
 *     }
 *
 * A statement that ends when all tasks started in the group have ended. The
 * first error, of a task or of the statement itself, cancels all the others,
 * and is raised when they have ended; the statement's body is a scope that is
 * cancelled then. Tasks may be started from anywhere while it is open: the
 * body, the tasks themselves, code that was given the group. A task that was
 * cancelled by itself is no error. asyncio.TaskGroup. */
enum { AC_GROUP_ERRORS = 8 };

struct ac_task_group {
  struct ac_scope scope;
  struct ac_operation leaving;
  struct aci_node *members;
  size_t pending;           /* tasks that have not ended */
  int error;                /* the first, 0: none */
  /* The errors of its tasks in the order in which they came, the first of
   * them; error_count counts all. */
  int errors[AC_GROUP_ERRORS];
  size_t error_count;
  uint32_t requests;
  int state;
};

/* ac_start(&group, call): creates the task; nobody else holds it. 0, or
 * AC_EINVAL when the group is not open any more or has an error: then the call
 * is not begun; or AC_ENOMEM. */
#define ac_start(group, ...)                                                   \
  ac_task_group_start((group), ac_create_task(__VA_ARGS__))
AC_API int(ac_task_group_start)(struct ac_task_group *group, AC_HANDLE task);
/* The same for a task that the program goes on holding; what is not taken is
 * left alone. */
AC_API int(ac_task_group_add)(struct ac_task_group *group, AC_HANDLE task);

/* What acc makes of the statement. */
AC_API int ac_task_group_enter(struct ac_task_group *group);
AC_API ac_frame *ac_task_group_exit(int *ret, struct ac_task_group *group,
                                    int error);

/* ---- task-local values --------------------------------------------------- */

/* A key: its address counts. Tasks have the values that their creator had when
 * it created them; setting one does not change those of others. What a value
 * points to belongs to the program. Python's contextvars. */
struct ac_local {
  const char *name; /* for listings; may be NULL */
};
/* Of the running task; NULL when it has none. */
AC_API void *ac_local_get(const struct ac_local *key);
/* 0, AC_ENOMEM, or AC_EINVAL outside of tasks. */
AC_API int ac_local_set(const struct ac_local *key, void *value);

#ifdef __cplusplus
}
#endif
#endif
