// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

task<long> other(long x);

static BENCH_APART task<long> same(long x) { co_return x + 1; }

static BENCH_APART task<long> might(long x) {
  if (x < 0)
    co_await yield{};
  co_return x + 1;
}

static task<long> loop_same(long n) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += co_await same(i);
  co_return sum;
}

static task<long> loop_other(long n) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += co_await other(i);
  co_return sum;
}

static task<long> loop_pointer(long n, task<long> (*get)(long)) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += co_await get(i);
  co_return sum;
}

static task<long> loop_might(long n) {
  long sum = 0;
  for (long i = 0; i < n; i++)
    sum += co_await might(i);
  co_return sum;
}

static job<int> start(char **argv) {
  long n = atol(argv[2]);
  if (bench_is(argv, "same"))
    co_return bench_show(co_await loop_same(n));
  if (bench_is(argv, "other"))
    co_return bench_show(co_await loop_other(n));
  if (bench_is(argv, "pointer"))
    co_return bench_show(co_await loop_pointer(n, other));
  if (bench_is(argv, "might"))
    co_return bench_show(co_await loop_might(n));
  co_return bench_unknown(argv);
}

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argv));
}
