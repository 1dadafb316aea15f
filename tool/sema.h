/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sema.h - the rules of the dialect that the source alone decides. */
#ifndef ACC_SEMA_H
#define ACC_SEMA_H

#include "diag.h"
#include "model.h"

/* Needs: a unit fresh from `build`; the text that could not be read, for
 * declarations that hold some of it are left out. Reports every violation; changes
 * nothing. docs/language.md lists the rules. */
void sema(const struct unit *unit, const struct range *errors,
          size_t error_count, struct diags *diags);

#endif
