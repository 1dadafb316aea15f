/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stall_stack.h - what a stalled thread is doing, seen from another one. */
#ifndef ACI_STALL_STACK_H
#define ACI_STALL_STACK_H

#include "internal.h"

#pragma GCC visibility push(hidden)

struct aci_thread_state {
  int sleeps;            /* in the kernel; else it runs, or could */
  long call;             /* the system call in which it does; -1: none */
  uintptr_t third;       /* its fourth argument: a futex's timeout */
  uintptr_t stack, code; /* its stack pointer and place, when it sleeps */
};
void aci_thread_state_read(struct aci_thread_state *state, int thread_id);

/* To stderr: the task that the loop is in, its chain of awaits, the C stack. */
void aci_stall_report(struct aci_stall *stall,
                      const struct aci_thread_state *state, int64_t ns);
void aci_stall_report_end(struct aci_stall *stall, int64_t ns);

#pragma GCC visibility pop
#endif
