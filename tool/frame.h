/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * frame.h - which locals are spilled where, which live in the frame, and the
 * frame's layout. */
#ifndef ACC_FRAME_H
#define ACC_FRAME_H

#include "diag.h"
#include "live.h"
#include "model.h"

/* Needs: liveness of the lowered function. Gives: each local's class and
 * names, each await's live locals, the slots. */
void frame_layout(struct function *function, const struct liveness *live,
                  const struct unit *unit, struct diags *diags);

/* The report of --print-frames, on stdout. */
void frame_print(const struct unit *unit, const struct function *function);

#endif
