/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * toolchain.h - lets clang read a file as another compiler will. */
#ifndef ACC_TOOLCHAIN_H
#define ACC_TOOLCHAIN_H

#include "options.h"

/* Adds the C compiler's target and system include directories to parse_args,
 * where they differ from clang's own. Asks the compiler only when it does not
 * look like the system's: that costs a process. A compiler that does not
 * answer leaves clang's defaults in place. */
void toolchain_adapt(struct options *options);

#endif
