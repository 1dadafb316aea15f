/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * output.h - the files that a translation leaves: all of one or nothing. */
#ifndef ACC_OUTPUT_H
#define ACC_OUTPUT_H

#include "buf.h"
#include "diag.h"
#include "options.h"
#include "parse.h"

/* Writes beside the path and renames; "-" is stdout. Missing directories are
 * made. On failure an error is added and nothing is left. */
void output_write(const char *path, const struct buf *text,
                  struct diags *diags);
/* Removes what an earlier run left at a path whose translation failed. */
void output_discard(const char *path);
/* The dependency file in make's form. */
void output_depend(const struct parsed *parsed, const struct options *options,
                   struct diags *diags);

#endif
