// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// N wakes of a leaf. In plain C whoever is DEPTH calls above it is not there
// any more: only the result is added up along the way back.
#include "ready.h"

struct leaf {
  struct machine machine;
  long left;
};

static void leaf_step(struct machine *machine) {
  struct leaf *self = (struct leaf *)machine;
  if (self->left == 0)
    return;
  self->left--;
  ready_push(machine);
}

static long down(long depth, long n) {
  if (depth > 1)
    return down(depth - 1, n) + 1;
  static struct leaf leaf;
  leaf = (struct leaf){{NULL, leaf_step}, n};
  ready_push(&leaf.machine);
  ready_run();
  return n - leaf.left + 1;
}

int main(int argc, char **argv) {
  bench_check(argc);
  return bench_show(down(argc > 3 ? atol(argv[3]) : 1, atol(argv[2])));
}
