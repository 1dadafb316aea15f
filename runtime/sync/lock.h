/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * lock.h - what lock.c has for lock.ac, and for the line in which its tasks
 * wait (line.c). */
#ifndef ACI_LOCK_H
#define ACI_LOCK_H

#include "internal.h"

#pragma GCC visibility push(hidden)

void aci_lock_pass_on(struct aci_node **ring);
struct ac_future *aci_lock_owner(struct aci_node **ring);
void aci_condition_pass_on(struct aci_node **ring);

/* ac_lock_acquire when the budget is used up: lock.ac. */
ac_frame *aci_lock_acquire_in_turn__ac(void *ret, struct ac_lock *lock);
/* Acquires it, by waiting if need be, whatever the budget. */
ac_frame *aci_lock_enter__ac(void *ret, struct ac_lock *lock);
/* The same for who comes back to it from a condition, and is not taken out. */
ac_frame *aci_lock_return__ac(void *ret, struct ac_lock *lock);
/* Waits to be notified. */
ac_frame *aci_condition_enter__ac(void *ret, struct ac_condition *condition);

#pragma GCC visibility pop
#endif
