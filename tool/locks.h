/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * locks.h - is a thread's lock held across an await? Then whoever wants it
 * next blocks the thread, and with it the task that is to give it back. */
#ifndef ACC_LOCKS_H
#define ACC_LOCKS_H

#include "diag.h"
#include "model.h"

/* Needs: the function as `build` made it. Changes nothing. */
void locks_check(const struct unit *unit, const struct function *function,
                 struct diags *diags);

#endif
