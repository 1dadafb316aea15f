/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * version.h - --version. */
#ifndef ACC_VERSION_H
#define ACC_VERSION_H

#include <stdio.h>

/* acc's version, and that of the libclang that it runs on. */
void version_print(FILE *out);

#endif
