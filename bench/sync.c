// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What sync.ac does, by hand: state machines, a ring of items, a binary heap.
#include "ready.h"

/* ---- items between two --------------------------------------------------- */

enum { ROOM = 64 };

static struct {
  long items[ROOM];
  unsigned long first, count, capacity;
  struct machine *getter, *putter; /* who waits */
} ring;

struct worker {
  struct machine machine;
  long done, end, sum;
};

static void wake(struct machine **waiter) {
  if (!*waiter)
    return;
  ready_push(*waiter);
  *waiter = NULL;
}

static void produce(struct machine *machine) {
  struct worker *self = (struct worker *)machine;
  while (self->done < self->end) {
    if (ring.count == ring.capacity) {
      ring.putter = machine;
      return;
    }
    ring.items[(ring.first + ring.count++) % ROOM] = ++self->done;
    wake(&ring.getter);
  }
}

static void consume(struct machine *machine) {
  struct worker *self = (struct worker *)machine;
  while (self->done < self->end) {
    if (!ring.count) {
      ring.getter = machine;
      return;
    }
    self->sum += ring.items[ring.first++ % ROOM];
    ring.count--;
    self->done++;
    wake(&ring.putter);
  }
}

static long pass(unsigned long capacity, long n) {
  static struct worker producer, consumer;
  producer = (struct worker){{NULL, produce}, 0, n, 0};
  consumer = (struct worker){{NULL, consume}, 0, n, 0};
  ring.capacity = capacity;
  ready_push(&producer.machine);
  ready_push(&consumer.machine);
  ready_run();
  return consumer.sum;
}

/* ---- a lock -------------------------------------------------------------- */

static struct {
  struct machine *owner, *waiter;
} lock;
static long shared;

static void contend(struct machine *machine) {
  struct worker *self = (struct worker *)machine;
  for (;;) {
    if (lock.owner && lock.owner != machine) {
      lock.waiter = machine;
      return;
    }
    lock.owner = machine;
    if (!shared && !lock.waiter) {
      ready_push(machine);
      return;
    }
    self->sum += ++shared;
    lock.owner = lock.waiter;
    lock.waiter = NULL;
    if (lock.owner)
      ready_push(lock.owner);
    if (++self->done == self->end)
      return;
  }
}

static long hand_over(long n) {
  static struct worker a, b;
  a = (struct worker){{NULL, contend}, 0, n / 2, 0};
  b = (struct worker){{NULL, contend}, 0, n / 2, 0};
  ready_push(&a.machine);
  ready_push(&b.machine);
  ready_run();
  return a.sum + b.sum;
}

/* ---- timers -------------------------------------------------------------- */

enum { UNDER_WAY = 1000, CHILDREN = 1000 };

struct timer {
  int64_t when_ns;
  size_t place;
};

static struct timer *heap[UNDER_WAY + 1];
static size_t heap_count;

static void put(struct timer *timer, size_t at) {
  heap[at] = timer;
  timer->place = at;
}

static void rise(struct timer *timer, size_t at) {
  for (; at && heap[(at - 1) / 2]->when_ns > timer->when_ns; at = (at - 1) / 2)
    put(heap[(at - 1) / 2], at);
  put(timer, at);
}

static void sink(struct timer *timer, size_t at) {
  for (size_t child; (child = 2 * at + 1) < heap_count; at = child) {
    if (child + 1 < heap_count &&
        heap[child + 1]->when_ns < heap[child]->when_ns)
      child++;
    if (heap[child]->when_ns >= timer->when_ns)
      break;
    put(heap[child], at);
  }
  put(timer, at);
}

static struct timer *set(int64_t when_ns) {
  struct timer *timer = malloc(sizeof *timer);
  timer->when_ns = when_ns;
  rise(timer, heap_count++);
  return timer;
}

static void cancel(struct timer *timer) {
  struct timer *last = heap[--heap_count];
  if (last != timer) {
    size_t at = timer->place;
    if (at && heap[(at - 1) / 2]->when_ns > last->when_ns)
      rise(last, at);
    else
      sink(last, at);
  }
  free(timer);
}

static long timers(long n) {
  static struct timer *others[UNDER_WAY];
  uint64_t random = 1;
  long sum = 0;
  for (int i = 0; i < UNDER_WAY; i++) {
    random = bench_random(random);
    others[i] = set((int64_t)(random % 1000) * 1000000000);
  }
  for (long i = 0; i < n; i++) {
    random = bench_random(random);
    struct timer *timer = set((int64_t)(random % 1000) * 1000000000);
    sum += timer != NULL;
    cancel(timer);
  }
  for (int i = 0; i < UNDER_WAY; i++)
    cancel(others[i]);
  return sum;
}

/* ---- gather -------------------------------------------------------------- */

struct child {
  struct machine machine;
  long value;
  int suspended;
};

static long gathered;

static void child_step(struct machine *machine) {
  struct child *self = (struct child *)machine;
  if (!self->suspended++) {
    ready_push(machine);
    return;
  }
  gathered += self->value;
  free(self);
}

static long gather(long n) {
  for (long i = 0; i < n;) {
    for (int k = 0; k < CHILDREN; k++) {
      struct child *child = malloc(sizeof *child);
      *child = (struct child){{NULL, child_step}, ++i, 0};
      ready_push(&child->machine);
    }
    ready_run();
  }
  return gathered;
}

int main(int argc, char **argv) {
  bench_check(argc);
  long n = atol(argv[2]);
  if (bench_is(argv, "queue"))
    return bench_show(pass(64, n));
  if (bench_is(argv, "hop"))
    return bench_show(pass(1, n));
  if (bench_is(argv, "lock"))
    return bench_show(hand_over(n));
  if (bench_is(argv, "timers"))
    return bench_show(timers(n));
  if (bench_is(argv, "gather"))
    return bench_show(gather(n));
  return bench_unknown(argv);
}
