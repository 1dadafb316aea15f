/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Cancellation: delivery, forwarding, counting, and what it may not lose. */
#include "check.h"

static struct ac_future *shared;
static struct ac_event event;

/* Awaits one of many things, and tells how that ended. */
enum { SLEEP, YIELD, FUTURE, EVENT, SHIELD, TASK };
struct waiter {
  ac_frame frame;
  int arg, e, v;
};
static const struct ac_thunk waiter_thunk;
ASYNC(waiter, int, int) {
  BEGIN(waiter);
  log_add("in");
  f->e = 0;
  if (f->arg == SLEEP) {
    TRY(f->e, 1, ac_sleep__ac(NULL, 1000), NULL);
  } else if (f->arg == YIELD) {
    TRY(f->e, 2, ac_yield__ac(NULL), NULL);
  } else if (f->arg == FUTURE) {
    TRY(f->e, 3, ac_await_future(&f->v, shared), &f->v);
  } else if (f->arg == EVENT) {
    TRY(f->e, 4, ac_event_wait__ac(NULL, &event), NULL);
  } else if (f->arg == SHIELD) {
    TRY(f->e, 5, ac_shield_future(&f->v, shared, 0), &f->v);
  } else if (f->arg == TASK) {
    int inner = SLEEP;
    TRY(f->e, 6, ac_await_future_owned(&f->v, ac_spawn(&waiter_thunk, &inner)),
        &f->v);
  }
  log_add(f->e == AC_ECANCELED ? "cancelled" : f->e ? "error" : "done");
  if (f->e)
    RAISE(f->e);
  RETURN(int, f->v);
  END;
}

struct every {
  ac_frame frame;
  none arg;
  struct ac_future *t, *u;
  int e, v;
};

/* T2: cancelled before it begins, the body never runs. */
ASYNC(every, none, none) {
  BEGIN(every);
  f->t = waiter_spawn(SLEEP);
  CHECK(ac_cancel(f->t) && ac_cancelling(f->t) == 1 && !ac_done(f->t));
  TRY(f->e, 1, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED && ac_cancelled(f->t) && ac_done(f->t));
  CHECK(!ac_cancel(f->t)); /* T3 */
  ac_release(f->t);
  CHECK_LOG("");

  /* T3: two requests in a turn are delivered once and counted twice */
  f->t = waiter_spawn(SLEEP);
  AWAIT(2, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t) && ac_cancel(f->t));
  TRY(f->e, 3, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED && ac_cancelling(f->t) == 2);
  ac_release(f->t);
  CHECK_LOG("in cancelled");

  /* T4: forwarded to the future, which ends cancelled */
  shared = ac_future_create(sizeof(int));
  f->t = waiter_spawn(FUTURE);
  AWAIT(4, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t) && ac_cancelled(shared));
  CHECK(ac_future_set_value(shared, &f->v) == AC_EINVAL); /* F1 */
  TRY(f->e, 5, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED);
  ac_release(f->t);
  ac_release(shared);
  CHECK_LOG("in cancelled");

  /* forwarded to the innermost task; both counted */
  f->t = waiter_spawn(TASK);
  AWAIT(6, ac_yield__ac(NULL), NULL);
  AWAIT(7, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 8, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED);
  ac_release(f->t);
  CHECK_LOG("in in cancelled cancelled");

  /* T9: a value and a cancellation in one turn: cancellation wins */
  shared = ac_future_create(sizeof(int));
  f->t = waiter_spawn(FUTURE);
  AWAIT(9, ac_yield__ac(NULL), NULL);
  f->v = 3;
  CHECK(ac_future_set_value(shared, &f->v) == 0 && ac_cancel(f->t));
  TRY(f->e, 10, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED && !ac_cancelled(shared));
  ac_release(f->t);
  ac_release(shared);
  CHECK_LOG("in cancelled");

  /* S1: a shield keeps the future; the waiter goes */
  shared = ac_future_create(sizeof(int));
  f->t = waiter_spawn(SHIELD);
  f->u = waiter_spawn(EVENT);
  AWAIT(11, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t) && !ac_done(shared) && ac_cancel(f->u));
  TRY(f->e, 12, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED && !ac_done(shared));
  CHECK(!shared->waiters);
  TRY(f->e, 13, ac_await_future(&f->v, f->u), &f->v);
  CHECK(f->e == AC_ECANCELED && !event.waiters);
  ac_release(f->t);
  ac_release(f->u);
  ac_release(shared);
  log_clear();

  /* inner cancelled: the shield's waiter is cancelled */
  shared = ac_future_create(sizeof(int));
  f->t = waiter_spawn(SHIELD);
  AWAIT(14, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(shared));
  TRY(f->e, 15, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED);
  ac_release(f->t);
  ac_release(shared);
  CHECK_LOG("in cancelled");

  /* T5: cancels itself and returns: cancelled, the value dropped */
  f->t = waiter_spawn(YIELD);
  AWAIT(16, ac_yield__ac(NULL), NULL);
  AWAIT(17, ac_await_future(&f->v, f->t), &f->v);
  ac_release(f->t);
  log_clear();
  END;
}

struct self {
  ac_frame frame;
  int arg, e;
};
ASYNC(self, int, int) {
  BEGIN(self);
  ac_cancel(ac_current_task());
  if (f->arg == 0)
    RETURN(int, 1);  /* T5 */
  if (f->arg == 1) { /* the flag is consumed by the next await */
    TRY(f->e, 1, ac_sleep__ac(NULL, 1000), NULL);
  } else if (f->arg == 2) {
    TRY(f->e, 2, ac_await_future(NULL, shared), NULL);
  } else if (f->arg == 3) {
    TRY(f->e, 3, ac_gather_handles(NULL, &shared, 1), NULL);
  } else if (f->arg == 4) { /* uncancel takes an undelivered one back */
    CHECK(ac_uncancel(ac_current_task()) == 0);
    TRY(f->e, 4, ac_yield__ac(NULL), NULL);
    CHECK(f->e == 0);
    RETURN(int, 5);
  }
  CHECK(f->e == AC_ECANCELED);
  /* T6: an await in the cleanup works */
  TRY(f->e, 5, ac_yield__ac(NULL), NULL);
  CHECK(f->e == 0);
  /* T7: it swallowed the cancellation: a normal end, still counted */
  CHECK(ac_cancelling(ac_current_task()) == 1);
  RETURN(int, 6);
  END;
}

/* T6: a second request interrupts the cleanup. */
struct cleaner {
  ac_frame frame;
  none arg;
  int e;
};
ASYNC(cleaner, none, none) {
  BEGIN(cleaner);
  TRY(f->e, 1, ac_sleep__ac(NULL, 1000), NULL);
  CHECK(f->e == AC_ECANCELED);
  log_add("first");
  TRY(f->e, 2, ac_sleep__ac(NULL, 1000), NULL);
  CHECK(f->e == AC_ECANCELED);
  log_add("second");
  RAISE(AC_ECANCELED);
  END;
}

/* Two tasks that await each other can still be cancelled. */
static struct ac_future *circle[2];
struct circular {
  ac_frame frame;
  int arg, e;
};
ASYNC(circular, none, int) {
  BEGIN(circular);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  if (f->arg < 2) {
    AWAIT(2, ac_await_future(NULL, circle[!f->arg]), NULL);
  } else {
    AWAIT(3, ac_gather_handles(NULL, &circle[f->arg == 2], 1), NULL);
  }
  END;
}

struct selves {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  int e, v, i;
};
ASYNC(selves, none, none) {
  BEGIN(selves);
  TRY(f->e, 1, ac_await_future_owned(&f->v, self_spawn(0)), &f->v);
  CHECK(f->e == AC_ECANCELED);
  TRY(f->e, 2, ac_await_future_owned(&f->v, self_spawn(1)), &f->v);
  CHECK(f->e == 0 && f->v == 6);
  shared = ac_future_create(0);
  TRY(f->e, 3, ac_await_future_owned(&f->v, self_spawn(2)), &f->v);
  CHECK(f->e == 0 && f->v == 6 && ac_cancelled(shared));
  ac_release(shared);
  shared = ac_future_create(0);
  TRY(f->e, 4, ac_await_future_owned(&f->v, self_spawn(3)), &f->v);
  CHECK(f->e == 0 && f->v == 6 && ac_cancelled(shared));
  ac_release(shared);
  TRY(f->e, 5, ac_await_future_owned(&f->v, self_spawn(4)), &f->v);
  CHECK(f->e == 0 && f->v == 5);
  f->t = cleaner_spawn(NONE);
  AWAIT(6, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  AWAIT(7, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 8, ac_await_future(NULL, f->t), NULL);
  CHECK(f->e == AC_ECANCELED);
  CHECK_LOG("first second");
  ac_release(f->t);
  for (f->i = 0; f->i < 4; f->i += 2) {
    circle[0] = circular_spawn(f->i);
    circle[1] = circular_spawn(f->i + 1);
    AWAIT(9, ac_yield__ac(NULL), NULL);
    AWAIT(10, ac_yield__ac(NULL), NULL);
    AWAIT(11, ac_yield__ac(NULL), NULL);
    CHECK(ac_cancel(circle[0]));
    TRY(f->e, 12, ac_await_future(NULL, circle[0]), NULL);
    CHECK(f->e == AC_ECANCELED);
    TRY(f->e, 13, ac_await_future(NULL, circle[1]), NULL);
    CHECK(f->e == AC_ECANCELED);
    ac_release(circle[0]);
    ac_release(circle[1]);
  }
  END;
}

/* A chain of tasks, each awaiting the next: one request, no recursion. */
struct chain {
  ac_frame frame;
  int arg, v;
};
static const struct ac_thunk chain_thunk;
ASYNC(chain, int, int) {
  BEGIN(chain);
  if (f->arg == 0) {
    AWAIT(1, ac_sleep__ac(NULL, 1000), NULL);
    RETURN(int, 0);
  }
  int less = f->arg - 1;
  AWAIT(2, ac_await_future_owned(&f->v, ac_spawn(&chain_thunk, &less)), &f->v);
  RETURN(int, f->v);
  END;
}
struct chains {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  int e, v, i;
};
ASYNC(chains, none, none) {
  BEGIN(chains);
  f->t = chain_spawn(20000);
  for (f->i = 0; f->i < 20005; f->i++) {
    AWAIT(1, ac_yield__ac(NULL), NULL);
  }
  CHECK(ac_cancel(f->t));
  TRY(f->e, 2, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED);
  ac_release(f->t);
  END;
}

int main(void) {
  none arg = NONE;
  ac_set_error_handler(on_report, NULL);
  CHECK(RUN(every, &arg, NULL) == 0);
  CHECK(RUN(selves, &arg, NULL) == 0);
  CHECK(RUN(chains, &arg, NULL) == 0);
  CHECK(reported_count == 0);
  CHECK(aci_sys_alloc_live() == 0);
  return 0;
}
