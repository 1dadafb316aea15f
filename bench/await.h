/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * await.h - the function in the other file. */
#ifndef AWAIT_H
#define AWAIT_H

#include "bench.h"

#if defined(BENCH_PLAIN)
long other(long x);
void suspend(void);
#else
#include <ac/ac.h>
_Async long other(long x);
#endif

#endif
