/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver.h - the C compiler's commands, with .ac files translated first. */
#ifndef ACC_DRIVER_H
#define ACC_DRIVER_H

#include "options.h"

/* Carries out MODE_COMPILE or MODE_LAUNCH. Returns the exit status: that of
 * the first command that fails, or 0. */
int driver_run(struct options *options);

/* Becomes the command options->launched. Returns only when that fails. */
int driver_exec(const struct options *options);

#endif
