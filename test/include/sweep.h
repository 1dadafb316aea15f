/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sweep.h - runs a scenario with everything going wrong in turn: the nth
 * allocation fails; the scenario, or one of its tasks, is cancelled at the nth
 * turn; for every n. Each run ends by itself (a lost wakeup would be a
 * deadlock), leaves nothing behind, and what `intact` says is true after it.
 *
 *   static async void scenario(void)
 *   {
 *       sweep_begin();              // this task may be cancelled
 *       ... sweep_victim(task);     // so may that one, while it is held
 *       sweep_forget();             // before handles are released
 *   }
 *   static void run(void) { ac_run(scenario()); }
 *   static int intact(void) { return put == got + left; }
 *   int main(void) { return sweep(run, intact); } */
#ifndef AC_SWEEP_H
#define AC_SWEEP_H

#include "faults.h"

/* Turns without a wait that a scenario may take. */
#ifndef SWEEP_BURST
#define SWEEP_BURST 30
#endif

enum { SWEEP_VICTIMS = 20, SWEEP_TURNS = 4000 };

static struct {
  int ticks, target; /* target < 0: nobody is cancelled */
  int victim;
  struct ac_future *victims[SWEEP_VICTIMS];
  int count;
  int most; /* victims that there were */
} sweep_state = {.target = -1};

static inline void sweep_tick(void *unused) {
  (void)unused;
  if (sweep_state.ticks++ == sweep_state.target) {
    if (sweep_state.victim < sweep_state.count)
      (ac_cancel)(sweep_state.victims[sweep_state.victim]);
    return;
  }
  /* Each turn, as long as tasks may be ready; then virtual time has to pass,
   * which it does only while nothing is. */
  if (sweep_state.ticks % SWEEP_BURST == 0)
    (void)ac_call_later(0.001, sweep_tick, NULL);
  else
    (void)ac_call_soon(sweep_tick, NULL);
}

static inline void sweep_add(struct ac_future *task) {
  if (!task || sweep_state.count == SWEEP_VICTIMS)
    return;
  sweep_state.victims[sweep_state.count++] = task;
  if (sweep_state.count > sweep_state.most)
    sweep_state.most = sweep_state.count;
}
#define sweep_victim(task) sweep_add((struct ac_future *)(task))

static inline void sweep_begin(void) {
  sweep_state.ticks = sweep_state.count = 0;
  sweep_add((struct ac_future *)(ac_current_task)());
  if (sweep_state.target >= 0)
    sweep_tick(NULL);
}

static inline void sweep_forget(void) { sweep_state.count = 0; }

static inline int sweep_one(void (*run)(void), int (*intact)(void),
                            struct faults_before before, const char *what,
                            long n) {
  if (sweep_state.target >= 0 || strcmp(what, "as it is") == 0)
    ac_use_virtual_clock();
  run();
  aci_sys_fail_alloc(-1);
  sweep_forget();
  int good = 1;
  if (ac_run_error() == AC_EDEADLK) {
    fprintf(stderr, "%s %ld: a deadlock\n", what, n);
    good = 0;
  }
  if (!intact()) {
    fprintf(stderr, "%s %ld: not intact\n", what, n);
    good = 0;
  }
  return faults_end(before, what, n) && good;
}

static inline int sweep_failures(void (*run)(void), int (*intact)(void),
                                 struct faults_before before) {
  int good = 1;
  long failed = 0;
  for (long n = 1, count;; n++) {
    ac_use_virtual_clock();
    aci_sys_fail_alloc(n);
    run();
    count = aci_sys_alloc_count();
    int error = ac_run_error();
    aci_sys_fail_alloc(-1);
    if (error == AC_EDEADLK) {
      fprintf(stderr, "failed allocation %ld: a deadlock\n", n);
      good = 0;
    }
    if (!intact()) {
      fprintf(stderr, "failed allocation %ld: not intact\n", n);
      good = 0;
    }
    good &= faults_end(before, "failed allocation", n);
    if (n > count)
      break;
    failed = n;
  }
  printf("allocations %d\n", failed > 3);
  return good;
}

static inline int sweep_cancellations(void (*run)(void), int (*intact)(void),
                                      struct faults_before before) {
  int good = 1, turns = 0;
  for (int victim = 0; victim < sweep_state.most; victim++) {
    sweep_state.victim = victim;
    for (int n = 0; n < SWEEP_TURNS; n++) {
      sweep_state.target = n;
      good &= sweep_one(run, intact, before, "cancelled at turn", n);
      turns++;
      if (sweep_state.ticks <= n)
        break; /* it had ended */
      if (n + 1 == SWEEP_TURNS)
        good = !fprintf(stderr, "the scenario does not end\n");
    }
  }
  sweep_state.target = -1;
  printf("cancellations %d, tasks %d\n", turns > 5, sweep_state.most);
  return good;
}

static inline void sweep_ignore(const char *what, const char *task, int code,
                                void *arg) {
  (void)what, (void)task, (void)code, (void)arg;
}

/* main's value. */
static inline int sweep(void (*run)(void), int (*intact)(void)) {
  ac_set_error_handler(sweep_ignore, NULL);
  ac_use_virtual_clock();
  run(); /* what is made once and stays */
  struct faults_before before = faults_begin();
  int good = sweep_one(run, intact, before, "as it is", 0);
  if (ac_run_error())
    good = !fprintf(stderr, "as it is: error %d\n", ac_run_error());
  good &= sweep_failures(run, intact, before);
  good &= sweep_cancellations(run, intact, before);
  printf("clean %d\n", good);
  return !good;
}

#endif
