// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "task.hpp"

#include <ctime>
#include <queue>
#include <vector>

static bool is_virtual;
static int64_t virtual_ns;

static int64_t now_ns() {
  if (is_virtual)
    return virtual_ns;
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

struct timer {
  int64_t when_ns;
  ready_node *node;
  bool operator<(const timer &other) const { return when_ns > other.when_ns; }
};

struct timer_heap : std::priority_queue<timer> {
  void reserve(size_t count) { c.reserve(count); }
};
static timer_heap timers;

struct sleep_for : ready_node {
  double seconds;
  explicit sleep_for(double time) : seconds(time) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> self) {
    handle = self;
    timers.push({now_ns() + int64_t(seconds * 1e9), this});
  }
  void await_resume() const noexcept {}
};

static void run_timers() {
  ready.run();
  while (!timers.empty()) {
    int64_t now = now_ns(), when = timers.top().when_ns;
    if (when > now && is_virtual) {
      virtual_ns = when;
    } else if (when > now) {
      const timespec until = {when / 1000000000, when % 1000000000};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    }
    while (!timers.empty() && timers.top().when_ns <= now) {
      ready.push(timers.top().node);
      timers.pop();
    }
    ready.run();
  }
}

static job<long> sleeper(double seconds) {
  co_await sleep_for(seconds);
  co_return 1;
}

static job<int> start(size_t n) {
  std::vector<job<long>> all;
  all.reserve(n);
  timers.reserve(n);
  uint64_t random = 88172645463325252u;
  for (size_t i = 0; i < n; i++) {
    random = bench_random(random);
    double seconds = double(random % 1000000000) / 1e9;
    all.push_back(sleeper(seconds));
  }
  long sum = 0;
  for (auto &one : all) {
    sum += co_await one;
    one = job<long>(nullptr);
  }
  co_return bench_show(sum);
}

int main(int argc, char **argv) {
  bench_check(argc);
  is_virtual = bench_is(argv, "virtual");
  if (!is_virtual && !bench_is(argv, "real"))
    return bench_unknown(argv);
  job<int> main = start(size_t(atol(argv[2])));
  run_timers();
  return main.handle.promise().value;
}
