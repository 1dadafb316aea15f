// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A yield to the loop and back, alone and among a hundred tasks; ping-pong of
// two tasks, by futures and by events. N round trips, or hand-overs, in all.
#include "ready.h"

enum { MANY = 100 };

struct yielder {
  struct machine machine;
  long left;
};

static void yielder_step(struct machine *machine) {
  struct yielder *self = (struct yielder *)machine;
  if (self->left == 0)
    return;
  self->left--;
  ready_push(machine);
}

static long yields(int count, long n) {
  static struct yielder yielders[MANY];
  for (int i = 0; i < count; i++) {
    yielders[i] = (struct yielder){{NULL, yielder_step}, n / count};
    ready_push(&yielders[i].machine);
  }
  ready_run();
  long sum = 0;
  for (int i = 0; i < count; i++)
    sum += n / count - yielders[i].left;
  return sum;
}

/* Two who wake one another with a number. */
struct player {
  struct machine machine;
  struct player *other;
  long value, sum;
};

static long players_end;

static void player_step(struct machine *machine) {
  struct player *self = (struct player *)machine;
  self->sum += self->value;
  if (self->value == players_end)
    return;
  self->other->value = self->value + 1;
  ready_push(&self->other->machine);
}

static long ping_pong(long n) {
  static struct player a, b;
  a = (struct player){{NULL, player_step}, &b, 0, 0};
  b = (struct player){{NULL, player_step}, &a, 0, 0};
  players_end = n;
  ready_push(&a.machine);
  ready_run();
  return a.sum + b.sum;
}

int main(int argc, char **argv) {
  bench_check(argc);
  long n = atol(argv[2]);
  if (bench_is(argv, "alone"))
    return bench_show(yields(1, n));
  if (bench_is(argv, "many"))
    return bench_show(yields(MANY, n));
  if (bench_is(argv, "futures") || bench_is(argv, "events"))
    return bench_show(ping_pong(n));
  return bench_unknown(argv);
}
