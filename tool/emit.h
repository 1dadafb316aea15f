/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * emit.h - prints C. */
#ifndef ACC_EMIT_H
#define ACC_EMIT_H

#include "buf.h"
#include "model.h"
#include "options.h"

/* Needs: a unit whose functions are laid out. Gives: the C file's text: the
 * user's, byte for byte, with async functions and operators replaced. */
void emit_unit(struct unit *unit, const struct options *options,
               struct buf *out);

#endif
