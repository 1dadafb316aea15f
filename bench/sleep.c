// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// N tasks that sleep for a random time below a second, all at once. 'real': by
// the clock. 'virtual': the clock jumps. A task is 64 bytes, the timers are a
// binary heap.
#define _GNU_SOURCE
#include "ready.h"

#include <time.h>

enum { TASK_BYTES = 64 };

union task {
  struct {
    struct machine machine;
    int done;
  };
  char bytes[TASK_BYTES];
};

struct timer {
  int64_t when_ns;
  union task *task;
};

static struct timer *heap;
static size_t heap_count;
static int is_virtual;
static int64_t virtual_ns;

static int64_t now_ns(void) {
  if (is_virtual)
    return virtual_ns;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void heap_push(struct timer timer) {
  size_t at = heap_count++;
  for (; at && heap[(at - 1) / 2].when_ns > timer.when_ns; at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = timer;
}

static union task *heap_pop(void) {
  union task *first = heap[0].task;
  struct timer last = heap[--heap_count];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < heap_count; at = child) {
    if (child + 1 < heap_count &&
        heap[child + 1].when_ns < heap[child].when_ns)
      child++;
    if (heap[child].when_ns >= last.when_ns)
      break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  return first;
}

static void wait_until(int64_t when_ns) {
  if (is_virtual) {
    virtual_ns = when_ns;
    return;
  }
  const struct timespec when = {when_ns / 1000000000, when_ns % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void run_timers(void) {
  while (heap_count) {
    int64_t now = now_ns();
    if (heap[0].when_ns > now)
      wait_until(heap[0].when_ns);
    while (heap_count && heap[0].when_ns <= now)
      ready_push(&heap_pop()->machine);
    ready_run();
  }
}

static void sleeper_step(struct machine *machine) {
  union task *self = (union task *)machine;
  self->done = 1;
}

int main(int argc, char **argv) {
  bench_check(argc);
  size_t n = (size_t)atol(argv[2]);
  is_virtual = bench_is(argv, "virtual");
  if (!is_virtual && !bench_is(argv, "real"))
    return bench_unknown(argv);
  union task *all = malloc(n * sizeof *all);
  heap = malloc(n * sizeof *heap);
  if (!all || !heap)
    abort();
  uint64_t random = 88172645463325252u;
  for (size_t i = 0; i < n; i++) {
    all[i].machine.step = sleeper_step;
    all[i].done = 0;
    random = bench_random(random);
    double seconds = (double)(random % 1000000000) / 1e9;
    heap_push((struct timer){now_ns() + (int64_t)(seconds * 1e9), &all[i]});
  }
  run_timers();
  long sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += all[i].done;
  return bench_show(sum);
}
