/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * dangling.h - is a task given the address of a variable that it may outlive?
 * Where nothing in the variable's scope waits for the task. */
#ifndef ACC_DANGLING_H
#define ACC_DANGLING_H

#include "diag.h"
#include "model.h"

/* Needs: the function as `build` made it. Changes nothing. */
void dangling_check(const struct unit *unit, const struct function *function,
                    struct diags *diags);

#endif
