/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stall.h - what a loop tells of itself so that its stalls are noticed. */
#ifndef ACI_STALL_H
#define ACI_STALL_H

#include "internal.h"

#pragma GCC visibility push(hidden)

/* From when the loop is watched, until when. On its thread. */
void aci_stall_open(ac_loop *loop);
void aci_stall_close(ac_loop *loop);

/* Nobody looks at the loops: one that begins to run wakes the thread. */
extern atomic_int aci_stall_asleep;
void aci_stall_wake(void);
static inline void aci_stall_running(void) {
  if (AC_UNLIKELY(atomic_load(&aci_stall_asleep)))
    aci_stall_wake();
}

#pragma GCC visibility pop
#endif
