/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include <ac/ac.h>
static inline _Async int in_header(int n) { return n + 1; }
