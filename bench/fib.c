// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursion: fib(N), every call a call. Not looked through, as compilers turn
// the recursion of plain C into loops.
#include "bench.h"

static BENCH_APART long fib(long n) {
  if (n < 2)
    return n;
  long a = fib(n - 1);
  return a + fib(n - 2);
}

int main(int argc, char **argv) {
  bench_check(argc);
  return bench_show(fib(atol(argv[2])));
}
