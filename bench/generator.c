// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same as C does it: a function that is called for each value, which the
// compiler does not look through.
#include "bench.h"

typedef void consumer(void *self, long value);

static BENCH_APART void add(void *sum, long value) { *(long *)sum += value; }

static BENCH_APART void numbers(consumer *to, void *self, long n) {
  for (long i = 0; i < n; i++)
    to(self, i);
}

struct next {
  consumer *to;
  void *self;
};

static BENCH_APART void twice(void *self, long value) {
  struct next *next = self;
  next->to(next->self, 2 * value);
}

int main(int argc, char **argv) {
  bench_check(argc);
  long n = atol(argv[2]), sum = 0;
  if (bench_is(argv, "value"))
    numbers(add, &sum, n);
  else if (bench_is(argv, "nested"))
    numbers(twice, &(struct next){add, &sum}, n);
  else
    return bench_unknown(argv);
  return bench_show(sum);
}
