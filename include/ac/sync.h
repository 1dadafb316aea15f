/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sync.h - what tasks of one loop synchronise with, included by ac.h. Every
 * object here lives wherever the program wants, and is ready for use when it is
 * zeroed, or has the one member set that is named below; nobody may hold it or
 * wait for it when it goes. Waiters are served in the order in which they came,
 * and are handed what they wait for directly: nobody who comes later gets ahead
 * of them. A wait that is cancelled has not happened, and what its task had
 * been handed already goes to the next. What need not wait gives way to others
 * now and then (ac_budget). All of it belongs to the loop's thread. */
#ifndef AC_SYNC_H
#define AC_SYNC_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- lot: what the others are built on ---------------------------------- */

/* A queue of tasks that wait to be woken (a parking lot). Programs build
 * synchronisation of their own on it. */
struct ac_lot {
  struct ac_waiter *first; /* in the order in which they came */
};

/* A waiting task; lives in the frame of who waits. What is handed over can be
 * put into a struct that begins with it. */
struct ac_waiter {
  struct ac_operation operation;
  struct ac_waiter *next, *prev;
  struct ac_lot *lot;
  int woken; /* by ac_lot_wake or ac_lot_fail; not when it was cancelled */
};

/* Waits at the end of the lot. kind: what listings say; its `withdraw` is
 * ac_lot_withdraw. A task that is cancelled after
 * it was woken and before it has run has the cancellation raised, with
 * waiter->woken set: it is to pass on what it was handed. */
_Async void ac_lot_wait(struct ac_lot *lot, struct ac_waiter *waiter,
                        const struct ac_operation_class *kind);

AC_API int ac_lot_withdraw(struct ac_operation *operation);

/* Wakes the first, or one in particular; it runs in a later turn. */
AC_API void ac_lot_wake(struct ac_lot *lot);
AC_API void ac_waiter_wake(struct ac_waiter *waiter);
/* Wakes everyone who waits now. */
AC_API void ac_lot_wake_all(struct ac_lot *lot);
/* Raises an error in everyone who waits. */
AC_API void ac_lot_fail(struct ac_lot *lot, int code);

/* What those wait in that need nothing but to be woken: they have no frame. */
struct aci_node;
struct ac_line {
  struct aci_node *first; /* in the order in which they came */
};

/* ---- what a task holds --------------------------------------------------- */

/* Something that belongs to a task until it is given back. When the task ends
 * before, `orphaned` is called. */
struct ac_held {
  struct ac_future *task; /* NULL: nobody's */
  void (*orphaned)(struct ac_held *held);
  void *link[4];
};

/* It is the task's from now on; NULL: nobody's. */
AC_API void ac_held_by(struct ac_held *held, struct ac_future *task);

/* ---- lock ---------------------------------------------------------------- */

/* Mutual exclusion between tasks: asyncio.Lock. */
struct ac_lock {
  struct ac_held held; /* held.task: who has it */
  struct ac_line waiters;
  int orphaned; /* a task ended with it: see ac_lock_recover */
};

/* Raises AC_EDEADLK when the task holds it already, and AC_EOWNERDEAD when the
 * task that held it has ended without giving it back, in those that wait then
 * and in everyone who comes later. */
_Async void ac_lock_acquire(struct ac_lock *lock);
/* The same without waiting: AC_EBUSY when somebody has it or waits for it. */
AC_API int ac_lock_try(struct ac_lock *lock);
/* Hands it to the first who waits. AC_EINVAL when the task does not hold it. */
AC_API int ac_lock_release(struct ac_lock *lock);
/* What the lock protects is in order again after an AC_EOWNERDEAD. */
AC_API void ac_lock_recover(struct ac_lock *lock);

/* ---- lock for reading and writing ---------------------------------------- */

/* Many readers or one writer, in the order in which they come: a reader waits
 * behind a writer that waits, so neither starves. The readers that are next to
 * each other get it together. */
struct ac_rwlock {
  struct ac_held writer;
  struct ac_lot waiters;
  size_t readers; /* that have it */
  int orphaned;   /* a writer ended with it */
};

/* As ac_lock_acquire. A task that reads and reads again may wait for a writer
 * that waits for it. */
_Async void ac_rwlock_read(struct ac_rwlock *lock);
_Async void ac_rwlock_write(struct ac_rwlock *lock);
/* Gives back either. AC_EINVAL when there is nothing to give back. */
AC_API int ac_rwlock_release(struct ac_rwlock *lock);
AC_API void ac_rwlock_recover(struct ac_rwlock *lock);

/* ---- semaphore ----------------------------------------------------------- */

/* Permits that anybody may take and give: asyncio.Semaphore, by any number at
 * a time. Who wants many is not overtaken by those that want few. */
struct ac_semaphore {
  size_t available; /* set to begin with */
  struct ac_lot waiters;
};

_Async void ac_semaphore_acquire_many(struct ac_semaphore *semaphore,
                                      size_t count);
_Async void ac_semaphore_acquire(struct ac_semaphore *semaphore);
/* Without waiting: AC_EBUSY when too few are there or somebody waits. */
AC_API int ac_semaphore_try(struct ac_semaphore *semaphore, size_t count);
AC_API void ac_semaphore_release_many(struct ac_semaphore *semaphore,
                                      size_t count);
AC_API void ac_semaphore_release(struct ac_semaphore *semaphore);

/* ---- limiter ------------------------------------------------------------- */

/* A semaphore whose tokens are known by who has them, and whose total can be
 * changed at any time: trio.CapacityLimiter. */
struct ac_limiter {
  size_t total;    /* set to begin with; later ac_limiter_set_total */
  size_t borrowed; /* may exceed a total that was lowered */
  struct ac_lot waiters;
};

/* A borrower, zeroed: usually a variable of the function that borrows. */
struct ac_token {
  struct ac_limiter *limiter; /* NULL: not borrowed */
};

/* Raises AC_EINVAL when this borrower has one already. */
_Async void ac_limiter_acquire(struct ac_limiter *limiter,
                               struct ac_token *token);
/* AC_EINVAL when it has none. */
AC_API int ac_limiter_release(struct ac_token *token);
AC_API void ac_limiter_set_total(struct ac_limiter *limiter, size_t total);

/* ---- condition ----------------------------------------------------------- */

/* asyncio.Condition, with the lock given at each wait. */
struct ac_condition {
  struct ac_line waiters;
};

/* Gives the lock back, waits to be notified, and has the lock again however it
 * ends: by an error or a cancellation too, which waits for the lock as long as
 * it takes. (But not after AC_EOWNERDEAD, when nobody can have the lock.)
 * Raises AC_EINVAL, at once, when the task does not hold the lock. */
_Async void ac_condition_wait(struct ac_condition *condition,
                              struct ac_lock *lock);
/* Wakes the first `count` that wait; what one of them that is cancelled cannot
 * use goes to the next. */
AC_API void ac_condition_notify(struct ac_condition *condition, size_t count);
AC_API void ac_condition_notify_all(struct ac_condition *condition);

/* ---- barrier ------------------------------------------------------------- */

/* Lets `parties` tasks go on when as many have come: asyncio.Barrier. */
struct ac_barrier {
  size_t parties; /* set to begin with */
  size_t waiting;
  struct ac_lot waiters;
  int aborted;
};

/* Returns a number from 0 to parties - 1, another for each. Raises AC_EABORTED
 * when the barrier is reset meanwhile, or aborted. A task that is cancelled has
 * not come; the others go on waiting. */
_Async size_t ac_barrier_wait(struct ac_barrier *barrier);
/* Those that wait get AC_EABORTED; the barrier is as new. Those that have been
 * let go already are not concerned. */
AC_API void ac_barrier_reset(struct ac_barrier *barrier);
/* Those that wait, and all that come, get AC_EABORTED, until a reset. */
AC_API void ac_barrier_abort(struct ac_barrier *barrier);

/* ---- once ---------------------------------------------------------------- */

/* Something to be done once. */
struct ac_once {
  int done;
  struct ac_future *runner;
  struct ac_lot waiters;
};

#if defined(__ACC__)
typedef _Async void ac_once_function(void *arg);
#else
typedef ac_frame *ac_once_function(void *ret, void *arg);
#endif
/* Awaits fn(arg), unless that has been done; who comes meanwhile waits. If fn
 * ends with an error or is cancelled, its caller gets that, and the next one
 * that waits tries. Raises AC_EDEADLK when fn itself comes back. */
_Async void ac_once_run(struct ac_once *once, ac_once_function *fn, void *arg);

/* ---- notify -------------------------------------------------------------- */

/* A wakeup for one task that is kept until somebody takes it: tokio's Notify.
 */
struct ac_notify {
  int kept;
  struct ac_lot waiters;
};

_Async void ac_notify_wait(struct ac_notify *notify);
/* Wakes the first who waits, or lets the next wait return at once. */
AC_API void ac_notify_one(struct ac_notify *notify);
/* Wakes those that wait now; keeps nothing. */
AC_API void ac_notify_all(struct ac_notify *notify);

#ifdef __cplusplus
}
#endif
#endif
