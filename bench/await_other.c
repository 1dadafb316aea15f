// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#define BENCH_PLAIN
#include "await.h"

long other(long x) { return x + 1; }

void suspend(void) { abort(); }
