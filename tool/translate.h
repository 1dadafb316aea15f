/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * translate.h - one .ac file to C: the whole pipeline as one call. */
#ifndef ACC_TRANSLATE_H
#define ACC_TRANSLATE_H

#include "options.h"

/* Translates options->input to options->output, writes the dependency file,
 * prints diagnostics, dumps and the frame report. On an error nothing is left
 * at the output. Returns the exit status: 0 or 1. */
int translate(const struct options *options);

#endif
