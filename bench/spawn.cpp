// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

#include <vector>

static job<long> straight(long i) { co_return i + 1; }

static job<long> yielding(long i) {
  co_await yield{};
  co_return i + 1;
}

static job<int> start(char **argv) {
  long n = atol(argv[2]);
  bool with_yield = bench_is(argv, "yielding");
  if (!with_yield && !bench_is(argv, "straight"))
    co_return bench_unknown(argv);
  std::vector<job<long>> all;
  all.reserve(n);
  for (long i = 0; i < n; i++)
    all.push_back(with_yield ? yielding(i) : straight(i));
  long sum = 0;
  for (auto &one : all) {
    sum += co_await one;
    one = job<long>(nullptr);
  }
  co_return bench_show(sum);
}

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argv));
}
