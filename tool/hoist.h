/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * hoist.h - takes each await out of its expression, and each exit through a
 * cleanup: afterwards a body is statements that C can jump into. */
#ifndef ACC_HOIST_H
#define ACC_HOIST_H

#include "diag.h"
#include "model.h"

/* Needs: a unit that `sema` accepts. Gives: function->body lowered, its
 * awaits numbered in the order of the text, temporaries among its locals.
 * Reports jumps across `defer`. */
void hoist(struct unit *unit, struct function *function, struct diags *diags);

#endif
