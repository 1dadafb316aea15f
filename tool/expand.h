/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * expand.h - has the C preprocessor expand chosen macro invocations. */
#ifndef ACC_EXPAND_H
#define ACC_EXPAND_H

#include "arena.h"
#include "diag.h"
#include "options.h"
#include "source.h"

/* Replaces the invocations at these legible ranges of the source (disjoint or
 * nested; the outermost count) by their expansion, as new splices. The text
 * is to be applied by the caller. */
void expand_macros(struct source *source, const struct range *ranges,
                   size_t count, struct arena *arena,
                   const struct options *options, struct diags *diags);

#endif
