/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * lot.c - a queue of waiting tasks, the base of all that tasks synchronise
 * with. Who wakes takes the waiter out: so a wakeup belongs to one task, and
 * is not lost when that task is cancelled before it runs (waiter->woken). */
#include "internal.h"

AC_API ac_frame *ac_lot_wait__ac(void *ret, struct ac_lot *lot,
                                 struct ac_waiter *waiter,
                                 const struct ac_operation_class *kind);

static void append(struct ac_lot *lot, struct ac_waiter *waiter) {
  struct ac_waiter *first = lot->first;
  if (!first) {
    waiter->next = waiter->prev = waiter;
    lot->first = waiter;
    return;
  }
  struct ac_waiter *last = first->prev;
  waiter->next = first;
  waiter->prev = last;
  last->next = waiter;
  first->prev = waiter;
}

static void take_out(struct ac_waiter *waiter) {
  struct ac_lot *lot = waiter->lot;
  struct ac_waiter *next = waiter->next;
  if (next == waiter) {
    lot->first = NULL;
    return;
  }
  next->prev = waiter->prev;
  waiter->prev->next = next;
  if (lot->first == waiter)
    lot->first = next;
}

int ac_lot_withdraw(struct ac_operation *operation) {
  /* The operation is the waiter's first member. */
  take_out((struct ac_waiter *)(void *)operation);
  return 1;
}

ac_frame *ac_lot_wait__ac(void *ret, struct ac_lot *lot,
                          struct ac_waiter *waiter,
                          const struct ac_operation_class *kind) {
  (void)ret;
  waiter->operation.kind = kind;
  waiter->lot = lot;
  waiter->woken = 0;
  append(lot, waiter);
  return ac_operation_suspend(&waiter->operation);
}

void ac_waiter_wake(struct ac_waiter *waiter) {
  take_out(waiter);
  waiter->woken = 1;
  ac_operation_wake(&waiter->operation, 0);
}

void ac_lot_wake(struct ac_lot *lot) {
  if (lot->first)
    ac_waiter_wake(lot->first);
}

void ac_lot_wake_all(struct ac_lot *lot) {
  while (lot->first)
    ac_waiter_wake(lot->first);
}

void ac_lot_fail(struct ac_lot *lot, int code) {
  for (struct ac_waiter *waiter; (waiter = lot->first);) {
    take_out(waiter);
    waiter->woken = 1;
    ac_operation_wake(&waiter->operation, code);
  }
}
