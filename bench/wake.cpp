// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

static task<long> leaf(long n) {
  while (n > 0) {
    n--;
    co_await yield{};
  }
  co_return n;
}

static task<long> down(long depth, long n) {
  if (depth > 1)
    co_return co_await down(depth - 1, n) + 1;
  co_return n - co_await leaf(n) + 1;
}

static job<int> start(long depth, long n) {
  co_return bench_show(co_await down(depth, n));
}

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argc > 3 ? atol(argv[3]) : 1, atol(argv[2])));
}
