/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sync.h - what tasks of one loop synchronise with, included by ac.h. Every
 * object here lives wherever the program wants, and is ready for use when it is
 * zeroed; nobody may be waiting for it when it goes. Waiters are served in the
 * order in which they came, and are handed what they wait for directly: nobody
 * who comes later gets ahead of them. A wait that is cancelled has not
 * happened. All of it belongs to the loop's thread. */
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

/* Waits at the end of the lot. class: what listings say; its `withdraw` is
 * ac_lot_withdraw. A task that is cancelled after
 * it was woken and before it has run has the cancellation raised, with
 * waiter->woken set: it is to pass on what it was handed. */
_Async void ac_lot_wait(struct ac_lot *lot, struct ac_waiter *waiter,
                        const struct ac_operation_class *class);

AC_API int ac_lot_withdraw(struct ac_operation *operation);

/* Wakes the first, or one in particular; it runs in a later turn. */
AC_API void ac_lot_wake(struct ac_lot *lot);
AC_API void ac_waiter_wake(struct ac_waiter *waiter);
/* Raises an error in everyone who waits. */
AC_API void ac_lot_fail(struct ac_lot *lot, int code);

/* ---- lock ---------------------------------------------------------------- */

/* Mutual exclusion between tasks: asyncio.Lock. */
struct ac_lock {
  struct ac_future *owner; /* the task that holds it */
  struct ac_lot waiters;
};

/* Raises AC_EDEADLK when the task holds it already. */
_Async void ac_lock_acquire(struct ac_lock *lock);
/* Hands it to the first who waits. AC_EINVAL when the task does not hold it. */
AC_API int ac_lock_release(struct ac_lock *lock);

#ifdef __cplusplus
}
#endif
#endif
