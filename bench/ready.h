/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * ready.h - the least that C can do: a task is a state machine by hand, a
 * struct with a function, and a list of those that are ready. */
#ifndef READY_H
#define READY_H

#include "bench.h"

struct machine {
  struct machine *next;
  void (*step)(struct machine *);
};

static struct machine *ready_first, **ready_last = &ready_first;

static inline void ready_push(struct machine *machine) {
  machine->next = NULL;
  *ready_last = machine;
  ready_last = &machine->next;
}

static inline void ready_run(void) {
  for (struct machine *machine; (machine = ready_first);) {
    ready_first = machine->next;
    if (!ready_first)
      ready_last = &ready_first;
    machine->step(machine);
  }
}

#endif
