/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * lock.c - mutual exclusion between tasks. The lock is handed over by who
 * releases it, so nobody gets in between, and a waiter that is cancelled after
 * it was handed the lock passes it on. It knows its owner, and learns when that
 * ends. Here too is how a condition's waiters are woken; how they come back
 * for the lock is in lock.ac. */
#include "lock.h"

#define LOCK_OF(pointer, member)                                               \
  ((struct ac_lock *)(void *)((char *)(pointer)-offsetof(struct ac_lock,       \
                                                         member)))

static void orphaned(struct ac_held *held) {
  struct ac_lock *lock = LOCK_OF(held, held);
  lock->orphaned = 1;
  aci_line_fail(&lock->waiters.first, AC_EOWNERDEAD);
}

static inline void own(struct ac_lock *lock, struct ac_future *task) {
  lock->held.orphaned = orphaned;
  ac_held_by(&lock->held, task);
}

static inline void hand_over(struct ac_lock *lock) {
  struct aci_node *node = lock->waiters.first;
  if (!node) {
    own(lock, NULL);
    return;
  }
  aci_held_hand_over(&lock->held, aci_of_node(node));
  aci_line_wake(&lock->waiters.first, ACI_GRANTED);
}

void aci_lock_pass_on(struct aci_node **ring) {
  hand_over(LOCK_OF(ring, waiters.first));
}

struct ac_future *aci_lock_owner(struct aci_node **ring) {
  return LOCK_OF(ring, waiters.first)->held.task;
}

int ac_lock_try(struct ac_lock *lock) {
  struct ac_future *task = ac_running;
  if (lock->held.task)
    return lock->held.task == task ? AC_EDEADLK : AC_EBUSY;
  if (lock->orphaned)
    return AC_EOWNERDEAD;
  own(lock, task);
  return AC_OK;
}

/* It is free, or can never be had. */
static ac_frame *__attribute__((noinline)) take(struct ac_lock *lock) {
  int error = ac_lock_try(lock);
  return AC_LIKELY(!error) ? NULL : aci_raise(error);
}

static inline ac_frame *enter(struct ac_lock *lock, enum aci_line_kind kind) {
  struct ac_future *owner = lock->held.task;
  return owner && owner != ac_running
             ? aci_line_wait(&lock->waiters.first, kind)
             : take(lock);
}

ac_frame *aci_lock_enter__ac(void *ret, struct ac_lock *lock) {
  (void)ret;
  return enter(lock, ACI_LINE_LOCK);
}

ac_frame *aci_lock_return__ac(void *ret, struct ac_lock *lock) {
  (void)ret;
  return enter(lock, ACI_LINE_LOCK_AGAIN);
}

AC_API ac_frame *ac_lock_acquire__ac(void *ret, struct ac_lock *lock);
ac_frame *ac_lock_acquire__ac(void *ret, struct ac_lock *lock) {
  if (AC_UNLIKELY(!ac_budget_use()))
    return aci_lock_acquire_in_turn__ac(ret, lock);
  return enter(lock, ACI_LINE_LOCK);
}

int ac_lock_release(struct ac_lock *lock) {
  if (AC_UNLIKELY(!lock->held.task || lock->held.task != ac_running))
    return AC_EINVAL;
  hand_over(lock);
  return AC_OK;
}

void ac_lock_recover(struct ac_lock *lock) { lock->orphaned = 0; }

/* ---- condition ----------------------------------------------------------- */

ac_frame *aci_condition_enter__ac(void *ret, struct ac_condition *condition) {
  (void)ret;
  return aci_line_wait(&condition->waiters.first, ACI_LINE_CONDITION);
}

void ac_condition_notify(struct ac_condition *condition, size_t count) {
  while (count-- && condition->waiters.first)
    aci_line_wake(&condition->waiters.first, ACI_GRANTED);
}

void ac_condition_notify_all(struct ac_condition *condition) {
  while (condition->waiters.first)
    aci_line_wake(&condition->waiters.first, ACI_GRANTED);
}

void aci_condition_pass_on(struct aci_node **ring) {
  if (*ring)
    aci_line_wake(ring, ACI_GRANTED);
}
