/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * signal.c - SIGINT cancels the main task of ac_run_main, once; the next has
 * its default effect again. A signal of the user's choice has the tasks
 * printed. A handler does nothing but set a bit in a loop and wake it. */
#include "internal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

enum { SLOT_COUNT = 64 };

/* Which loop a signal goes to. A slot is claimed by writing its loop; the
 * handler sees a loop only while `entered` says that one is in a handler, and
 * a loop does not go before none is. */
static _Atomic(ac_loop *) interrupt_loop;
static _Atomic(ac_loop *) dump_loops[SLOT_COUNT];
static atomic_int entered;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&entered, 1);
  ac_loop *loop = atomic_load(&interrupt_loop);
  if (loop)
    aci_loop_attend(loop, ACI_INTERRUPTED);
  atomic_fetch_sub(&entered, 1);
}

static void on_dump(int signal_number) {
  (void)signal_number;
  atomic_fetch_add(&entered, 1);
  for (int i = 0; i < SLOT_COUNT; i++) {
    ac_loop *loop = atomic_load(&dump_loops[i]);
    if (loop)
      aci_loop_attend(loop, ACI_DUMP);
  }
  atomic_fetch_sub(&entered, 1);
}

/* A handler may be running on another thread. */
static void wait_for_handlers(void) {
  while (atomic_load(&entered))
    sched_yield();
}

int aci_signal_open(ac_loop *loop) {
  struct sigaction before;
  if (sigaction(SIGINT, NULL, &before) < 0)
    return -errno;
  if (before.sa_handler != SIG_DFL || (before.sa_flags & SA_SIGINFO))
    return AC_OK;
  ac_loop *none = NULL;
  if (!atomic_compare_exchange_strong(&interrupt_loop, &none, loop))
    return AC_OK;
  struct sigaction action = {.sa_handler = on_interrupt,
                             .sa_flags = (int)SA_RESETHAND | SA_RESTART};
  sigemptyset(&action.sa_mask);
  return sigaction(SIGINT, &action, NULL) < 0 ? -errno : AC_OK;
}

void aci_signal_close(ac_loop *loop) {
  ac_loop *mine = loop;
  if (!atomic_compare_exchange_strong(&interrupt_loop, &mine, NULL))
    return;
  struct sigaction now;
  if (sigaction(SIGINT, NULL, &now) == 0 && now.sa_handler == on_interrupt) {
    now = (struct sigaction){.sa_handler = SIG_DFL};
    sigemptyset(&now.sa_mask);
    sigaction(SIGINT, &now, NULL);
  }
  wait_for_handlers();
}

int aci_signal_is_stale(int signal_number, const struct sigaction *action) {
  return signal_number == SIGINT && !(action->sa_flags & SA_SIGINFO) &&
         action->sa_handler == on_interrupt && !atomic_load(&interrupt_loop);
}

int ac_dump_on_signal(int signal_number) {
  ac_loop *loop = aci_thread.loop;
  if (!loop)
    return AC_EINVAL;
  int slot = 0;
  for (; slot < SLOT_COUNT; slot++) {
    ac_loop *none = NULL;
    if (atomic_load(&dump_loops[slot]) == loop ||
        atomic_compare_exchange_strong(&dump_loops[slot], &none, loop))
      break;
  }
  if (slot == SLOT_COUNT)
    return AC_EBUSY;
  struct sigaction action = {.sa_handler = on_dump, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  return sigaction(signal_number, &action, NULL) < 0 ? -errno : AC_OK;
}

void aci_signal_forget(ac_loop *loop) {
  int found = 0;
  for (int i = 0; i < SLOT_COUNT; i++) {
    ac_loop *mine = loop;
    found |= atomic_compare_exchange_strong(&dump_loops[i], &mine, NULL);
  }
  if (found)
    wait_for_handlers();
}
