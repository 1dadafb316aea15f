// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

static task<long> fib(long n) {
  if (n < 2)
    co_return n;
  long a = co_await fib(n - 1);
  co_return a + co_await fib(n - 2);
}

static job<int> start(char **argv) {
  co_return bench_show(co_await fib(atol(argv[2])));
}

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argv));
}
