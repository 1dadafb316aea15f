// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

#include <vector>

enum { MANY = 100 };

static job<long> yielder(long n) {
  while (n > 0) {
    n--;
    co_await yield{};
  }
  co_return n;
}

static task<long> yields(int count, long n) {
  std::vector<job<long>> jobs;
  for (int i = 0; i < count; i++)
    jobs.push_back(yielder(n / count));
  long sum = 0;
  for (auto &job : jobs)
    sum += n / count - co_await job;
  co_return sum;
}

struct player {
  future turn;
  player *other;
  long end, sum;
};

static job<int> by_futures(player &self) {
  for (;;) {
    long value = co_await self.turn;
    self.sum += value;
    self.turn = future{};
    if (value >= self.end - 1) {
      if (value < self.end)
        self.other->turn.set(value + 1);
      co_return 0;
    }
    self.other->turn.set(value + 1);
  }
}

static task<long> futures(long n) {
  player a = {{}, nullptr, n, 0};
  player b = {{}, &a, n, 0};
  a.other = &b;
  a.turn.set(0);
  auto first = by_futures(a), second = by_futures(b);
  co_await first;
  co_await second;
  co_return a.sum + b.sum;
}

struct runner {
  event turn;
  runner *other;
  long end, value, sum;
};

static job<int> by_events(runner &self) {
  for (;;) {
    co_await self.turn;
    self.turn.clear();
    long value = self.value;
    self.sum += value;
    self.other->value = value + 1;
    if (value >= self.end - 1) {
      if (value < self.end)
        self.other->turn.set();
      co_return 0;
    }
    self.other->turn.set();
  }
}

static task<long> events(long n) {
  runner a = {{}, nullptr, n, 0, 0};
  runner b = {{}, &a, n, 0, 0};
  a.other = &b;
  a.turn.set();
  auto first = by_events(a), second = by_events(b);
  co_await first;
  co_await second;
  co_return a.sum + b.sum;
}

static job<int> start(char **argv) {
  long n = atol(argv[2]);
  if (bench_is(argv, "alone"))
    co_return bench_show(co_await yields(1, n));
  if (bench_is(argv, "many"))
    co_return bench_show(co_await yields(MANY, n));
  if (bench_is(argv, "futures"))
    co_return bench_show(co_await futures(n));
  if (bench_is(argv, "events"))
    co_return bench_show(co_await events(n));
  co_return bench_unknown(argv);
}

int main(int argc, char **argv) {
  bench_check(argc);
  return run(start(argv));
}
