// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A loop in an async function: with a rare await in it, and with an inner loop
// free of awaits.
#include "bench.h"

static BENCH_APART void pause_now(void) { __asm__ volatile("" ::: "memory"); }

enum { TURNS = 1 << 20, TABLE = 1024 };

static BENCH_APART long rare(unsigned long n, const uint32_t *table) {
  long sum = 0;
  for (unsigned long i = 0; i < n; i++) {
    sum += table[i % TABLE] ^ (uint32_t)i;
    if (i % TURNS == TURNS - 1)
      pause_now();
  }
  return sum;
}

static BENCH_APART long inner(long n) {
  uint64_t x = 88172645463325252u, sum = 0;
  for (long i = 0; i < n; i += TURNS) {
    for (long j = 0; j < TURNS; j++) {
      x = bench_random(x);
      sum += x;
    }
    pause_now();
  }
  return (long)sum;
}

int main(int argc, char **argv) {
  bench_check(argc);
  static uint32_t table[TABLE];
  for (uint32_t i = 0; i < TABLE; i++)
    table[i] = i * 2654435761u;
  long n = atol(argv[2]);
  if (bench_is(argv, "rare"))
    return bench_show(rare((unsigned long)n, table));
  if (bench_is(argv, "inner"))
    return bench_show(inner(n));
  return bench_unknown(argv);
}
