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

/* The loop's clock is virtual from now on. On its thread. */
void aci_stall_virtual(ac_loop *loop);

/* What a loop that leaves its poll has to do for the thread, which else keeps
 * the loops' `moment`. */
enum aci_stall_mode {
  ACI_STALL_WATCHING, /* nothing */
  ACI_STALL_ASLEEP,   /* nobody looks at the loops: wake it */
  ACI_STALL_OFF       /* there is none, or it is to look at none */
};
extern atomic_int aci_stall_mode;
void aci_stall_left_poll(ac_loop *loop);
static inline void aci_stall_running(ac_loop *loop) {
  if (AC_UNLIKELY(atomic_load(&aci_stall_mode)))
    aci_stall_left_poll(loop);
}

#pragma GCC visibility pop
#endif
