/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * A plain C file that shares the header, for two-files.ac. */
#include "shared.h"

int plain_function(int n) { return n * 3; }
