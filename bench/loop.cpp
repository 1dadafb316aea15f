// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop in an async function: with a rare await in it, and with an inner loop
// free of awaits.
#include "task.hpp"

enum { TURNS = 1 << 20, TABLE = 1024 };

static task<long> rare(unsigned long n, const uint32_t *table) {
  long sum = 0;
  for (unsigned long i = 0; i < n; i++) {
    sum += table[i % TABLE] ^ (uint32_t)i;
    if (i % TURNS == TURNS - 1)
      co_await yield{};
  }
  co_return sum;
}

static task<long> inner(long n) {
  uint64_t x = 88172645463325252u, sum = 0;
  for (long i = 0; i < n; i += TURNS) {
    for (long j = 0; j < TURNS; j++) {
      x = bench_random(x);
      sum += x;
    }
    co_await yield{};
  }
  co_return (long)sum;
}

static job<int> start(char **argv) {
  static uint32_t table[TABLE];
  for (uint32_t i = 0; i < TABLE; i++)
    table[i] = i * 2654435761u;
  long n = atol(argv[2]);
  if (bench_is(argv, "rare"))
    co_return bench_show(co_await rare((unsigned long)n, table));
  if (bench_is(argv, "inner"))
    co_return bench_show(co_await inner(n));
  co_return bench_unknown(argv);
}

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argv));
}
