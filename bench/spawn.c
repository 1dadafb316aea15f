// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Creates N tasks, all alive at once, runs and joins them: straight through,
// or with one yield in each. A task is 64 bytes from a free list.
#include "ready.h"

enum { TASK_BYTES = 64, CHUNK = 1024 };

union task {
  struct {
    struct machine machine;
    long value;
    int begun, done;
  };
  union task *free;
  char bytes[TASK_BYTES];
};

static union task *free_tasks;

static union task *task_new(void) {
  if (!free_tasks) {
    union task *chunk = malloc(CHUNK * sizeof *chunk);
    if (!chunk)
      abort();
    for (int i = 0; i < CHUNK; i++) {
      chunk[i].free = free_tasks;
      free_tasks = &chunk[i];
    }
  }
  union task *task = free_tasks;
  free_tasks = task->free;
  return task;
}

static void task_free(union task *task) {
  task->free = free_tasks;
  free_tasks = task;
}

static void straight_step(struct machine *machine) {
  union task *self = (union task *)machine;
  self->value++;
  self->done = 1;
}

static void yielding_step(struct machine *machine) {
  union task *self = (union task *)machine;
  if (!self->begun) {
    self->begun = 1;
    ready_push(machine);
    return;
  }
  self->value++;
  self->done = 1;
}

static long tasks(long n, void (*step)(struct machine *)) {
  union task **all = malloc((size_t)n * sizeof *all);
  if (!all)
    abort();
  for (long i = 0; i < n; i++) {
    all[i] = task_new();
    all[i]->machine.step = step;
    all[i]->value = i;
    all[i]->begun = all[i]->done = 0;
    ready_push(&all[i]->machine);
  }
  ready_run();
  long sum = 0;
  for (long i = 0; i < n; i++) {
    sum += all[i]->done ? all[i]->value : 0;
    task_free(all[i]);
  }
  free(all);
  return sum;
}

int main(int argc, char **argv) {
  bench_check(argc);
  long n = atol(argv[2]);
  if (bench_is(argv, "straight"))
    return bench_show(tasks(n, straight_step));
  if (bench_is(argv, "yielding"))
    return bench_show(tasks(n, yielding_step));
  return bench_unknown(argv);
}
