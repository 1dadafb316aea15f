/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "shared.h"
int plain(void) { return FOR_C; }
