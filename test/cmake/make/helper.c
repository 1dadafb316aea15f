/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "helper.h"
int helper(void) { return 5; }
