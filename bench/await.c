// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The call of a function that does not suspend, in plain C.
#define BENCH_PLAIN
#include "await.h"

static BENCH_APART long same(long x) { return x + 1; }

static BENCH_APART long might(long x) {
  if (x < 0)
    suspend();
  return x + 1;
}

static BENCH_APART long loop_same(long n) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += same(i);
  return sum;
}

static BENCH_APART long loop_other(long n) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += other(i);
  return sum;
}

static BENCH_APART long loop_pointer(long n, long (*get)(long)) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += get(i);
  return sum;
}

static BENCH_APART long loop_might(long n) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += might(i);
  return sum;
}

int main(int argc, char **argv) {
  bench_check(argc);
  long n = atol(argv[2]);
  if (bench_is(argv, "same"))
    return bench_show(loop_same(n));
  if (bench_is(argv, "other"))
    return bench_show(loop_other(n));
  if (bench_is(argv, "pointer"))
    return bench_show(loop_pointer(n, other));
  if (bench_is(argv, "might"))
    return bench_show(loop_might(n));
  return bench_unknown(argv);
}
