/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * build.h - walks clang's cursors once and fills the model. The last stage
 * that knows of libclang. */
#ifndef ACC_BUILD_H
#define ACC_BUILD_H

#include "diag.h"
#include "model.h"
#include "parse.h"

/* Needs: a legible parse without errors. Gives: the unit, with its async
 * functions as the user wrote them, and the pieces of the rest that are not
 * printed as written. Reports forms it cannot represent. */
struct unit *build(struct parsed *parsed, struct arena *arena,
                   struct diags *diags);

#endif
