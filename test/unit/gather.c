/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * gather, wait, wait_for: the rules G, W and WF of asyncio, and what is done
 * better (a gather of calls owns its children). */
#include "check.h"

/* Ends after `turns` turns with value or error; tells of a cancellation,
 * taking `cleanup` turns for that, or swallows it. */
struct plan {
  int turns, value, error, cleanup, swallow;
};
struct child {
  ac_frame frame;
  struct plan arg;
  int e, i;
};
ASYNC(child, int, struct plan) {
  BEGIN(child);
  for (f->i = 0; f->i < f->arg.turns; f->i++) {
    TRY(f->e, 1, ac_yield__ac(NULL), NULL);
    if (f->e)
      goto cancelled;
  }
  log_number(f->arg.value);
  if (f->arg.error)
    RAISE(f->arg.error);
  RETURN(int, f->arg.value);
cancelled:
  CHECK(f->e == AC_ECANCELED);
  log_number(-f->arg.value);
  for (f->i = 0; f->i < f->arg.cleanup; f->i++) {
    AWAIT(2, ac_yield__ac(NULL), NULL);
  }
  if (f->arg.swallow)
    RETURN(int, f->arg.swallow);
  if (f->arg.error)
    RAISE(f->arg.error);
  RAISE(AC_ECANCELED);
  END;
}
static struct ac_future *spawn(int turns, int value, int error) {
  return child_spawn((struct plan){turns, value, error, 0, 0});
}
static void release(struct ac_future **t, int count) {
  for (int i = 0; i < count; i++)
    ac_release(t[i]);
}

struct gathers {
  ac_frame frame;
  none arg;
  struct ac_future *t[4];
  int e, v;
};
ASYNC(gathers, none, none) {
  BEGIN(gathers);
  AWAIT(1, ac_gather_handles(NULL, f->t, 0), NULL); /* G1: of nothing */
  f->t[0] = spawn(3, 1, 0);
  f->t[1] = spawn(1, 2, 0);
  f->t[2] = f->t[0]; /* G1: a duplicate runs once */
  AWAIT(2, ac_gather_handles(NULL, f->t, 3), NULL);
  CHECK_LOG("2 1");
  CHECK(*(const int *)ac_future_value(f->t[0]) == 1);
  AWAIT(3, ac_gather_handles(NULL, f->t, 3), NULL); /* all done: at once */
  release(f->t, 2);

  /* G2: the first error at once, the others run on */
  f->t[0] = spawn(3, 1, 0);
  f->t[1] = spawn(1, 2, 55);
  f->t[2] = spawn(2, 3, 56);
  TRY(f->e, 4, ac_gather_handles(NULL, f->t, 3), NULL);
  CHECK(f->e == 55 && !ac_done(f->t[0]));
  TRY(f->e, 5, ac_gather_handles(NULL, f->t, 3), NULL);
  CHECK(f->e == 55);
  AWAIT(6, ac_await_future(&f->v, f->t[0]), &f->v);
  CHECK(f->v == 1);
  CHECK_LOG("2 3 1");
  release(f->t, 3);

  /* G5: a cancelled child cancels the waiter only */
  f->t[0] = spawn(3, 1, 0);
  f->t[1] = spawn(3, 2, 0);
  AWAIT(7, ac_yield__ac(NULL), NULL);
  ac_cancel(f->t[1]);
  TRY(f->e, 8, ac_gather_handles(NULL, f->t, 2), NULL);
  CHECK(f->e == AC_ECANCELED && !ac_done(f->t[0]));
  AWAIT(9, ac_await_future(&f->v, f->t[0]), &f->v);
  release(f->t, 2);
  log_clear();
  CHECK(reported_count == 0);

  /* no memory for a child, or oneself among them */
  f->t[0] = NULL;
  TRY(f->e, 10, ac_gather_handles(NULL, f->t, 1), NULL);
  CHECK(f->e == AC_ENOMEM);
  f->t[0] = ac_current_task();
  TRY(f->e, 11, ac_gather_handles(NULL, f->t, 1), NULL);
  CHECK(f->e == AC_EDEADLK);

  /* children: in order, eager, released by the caller */
  {
    struct plan a = {1, 1, 0, 0, 0}, b = {0, 2, 0, 0, 0};
    f->t[0] = ac_spawn_eager(&child_thunk, &a);
    f->t[1] = ac_spawn_eager(&child_thunk, &b);
  }
  CHECK_LOG("2");
  AWAIT(12, ac_gather_children(NULL, f->t, 2), NULL);
  CHECK_LOG("1");
  CHECK(*(const int *)ac_future_value(f->t[1]) == 2);
  release(f->t, 2);

  /* B8: an error cancels the siblings and waits for them */
  f->t[0] = child_spawn((struct plan){9, 1, 0, 2, 0});
  f->t[1] = spawn(1, 2, 57);
  f->t[2] = child_spawn((struct plan){9, 3, 58, 1, 0});
  TRY(f->e, 13, ac_gather_children(NULL, f->t, 3), NULL);
  CHECK(f->e == 57 && reported_count == 0);
  CHECK_LOG("2 -3 -1");
  /* an error there already */
  f->t[0] = child_spawn((struct plan){9, 1, 0, 0, 0});
  f->t[1] = NULL;
  TRY(f->e, 14, ac_gather_children(NULL, f->t, 2), NULL);
  CHECK(f->e == AC_ENOMEM);
  CHECK_LOG("");
  CHECK(aci_thread.loop->live == 1);
  END;
}

/* A gather in a task of its own, to be cancelled. */
static struct ac_future *held[3];
struct gatherer {
  ac_frame frame;
  int arg;
};
ASYNC(gatherer, none, int) {
  BEGIN(gatherer);
  if (f->arg == 0) {
    AWAIT(1, ac_gather_handles(NULL, held, 3), NULL);
  } else if (f->arg == 1) {
    AWAIT(2, ac_gather_children(NULL, held, 3), NULL);
  } else if (f->arg == 2) {
    AWAIT(3, ac_wait__ac((size_t *)self->ret, held, 3, AC_ALL_COMPLETED, -1),
          NULL);
  } else {
    AWAIT(4, ac_wait_for_future(NULL, held[0], 100, f->arg == 4), NULL);
  }
  log_add("end");
  END;
}
struct cancels {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  int e;
};
ASYNC(cancels, none, none) {
  BEGIN(cancels);
  /* G4: cancels all, waits for all, even if one swallows it */
  held[0] = child_spawn((struct plan){9, 1, 0, 3, 0});
  held[1] = child_spawn((struct plan){9, 2, 0, 1, 5});
  held[2] = child_spawn((struct plan){9, 3, 0, 0, 0});
  f->t = gatherer_spawn(0);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  AWAIT(2, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 3, ac_await_future(NULL, f->t), NULL);
  CHECK(f->e == AC_ECANCELED && ac_done(held[0]) && ac_done(held[1]));
  CHECK(!ac_cancelled(held[1]) && ac_cancelled(held[2]));
  CHECK_LOG("-1 -2 -3");
  release(held, 3);
  ac_release(f->t);

  /* the same of children, which are released */
  held[0] = child_spawn((struct plan){9, 1, 0, 3, 0});
  held[1] = child_spawn((struct plan){9, 2, 0, 1, 5});
  held[2] = child_spawn((struct plan){9, 3, 0, 0, 0});
  f->t = gatherer_spawn(1);
  AWAIT(4, ac_yield__ac(NULL), NULL);
  AWAIT(5, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 6, ac_await_future(NULL, f->t), NULL);
  CHECK(f->e == AC_ECANCELED && aci_thread.loop->live == 1);
  CHECK_LOG("-1 -2 -3");
  ac_release(f->t);

  /* B4: a child's error and a cancellation: the cancellation stands */
  held[0] = child_spawn((struct plan){2, 1, 60, 0, 0});
  held[1] = child_spawn((struct plan){9, 2, 0, 2, 0});
  held[2] = child_spawn((struct plan){9, 3, 0, 0, 0});
  f->t = gatherer_spawn(1);
  AWAIT(7, ac_yield__ac(NULL), NULL);
  AWAIT(8, ac_yield__ac(NULL), NULL);
  AWAIT(9, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 10, ac_await_future(NULL, f->t), NULL);
  CHECK(f->e == AC_ECANCELED && aci_thread.loop->live == 1);
  ac_release(f->t);
  log_clear();
  END;
}

/* W */
struct waits {
  ac_frame frame;
  none arg;
  struct ac_future *t[3], *u;
  size_t done;
  int e;
};
ASYNC(waits, none, none) {
  BEGIN(waits);
  TRY(f->e, 1, ac_wait__ac(&f->done, f->t, 0, AC_ALL_COMPLETED, -1), &f->done);
  CHECK(f->e == AC_EINVAL); /* W3 */
  f->t[0] = spawn(3, 1, 0);
  f->t[1] = spawn(1, 2, 0);
  f->t[2] = spawn(1, 3, 44);
  AWAIT(2, ac_wait__ac(&f->done, f->t, 3, AC_FIRST_COMPLETED, -1), &f->done);
  CHECK(f->done == 2); /* W4: the late finisher counts */
  AWAIT(3, ac_wait__ac(&f->done, f->t, 3, AC_ALL_COMPLETED, -1), &f->done);
  CHECK(f->done == 3);
  CHECK_LOG("2 3 1");
  CHECK(reported_count == 0); /* W1: not received */
  release(f->t, 3);
  CHECK(reported_count == 1);
  /* W2: a cancelled one is no error */
  f->t[0] = spawn(2, 1, 0);
  f->t[1] = spawn(3, 2, 45);
  f->t[2] = spawn(9, 3, 0);
  ac_cancel(f->t[0]);
  AWAIT(4, ac_wait__ac(&f->done, f->t, 3, AC_FIRST_ERROR, -1), &f->done);
  CHECK(f->done == 2 && ac_error(f->t[1]) == 45 && !ac_done(f->t[2]));
  /* a timeout just returns */
  AWAIT(5, ac_wait__ac(&f->done, f->t, 3, AC_ALL_COMPLETED, 0), &f->done);
  CHECK(f->done == 2 && !ac_done(f->t[2]));
  release(f->t, 3);
  AWAIT(6, ac_sleep__ac(NULL, 0.001), NULL);
  log_clear();
  /* W1: cancelled, it leaves the others alone */
  held[0] = spawn(5, 1, 0);
  held[1] = spawn(5, 2, 0);
  held[2] = spawn(5, 3, 0);
  f->u = gatherer_spawn(2);
  AWAIT(7, ac_yield__ac(NULL), NULL);
  AWAIT(8, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->u));
  TRY(f->e, 9, ac_await_future(NULL, f->u), NULL);
  CHECK(f->e == AC_ECANCELED && !ac_done(held[0]));
  AWAIT(10, ac_wait__ac(&f->done, held, 3, AC_ALL_COMPLETED, 1), &f->done);
  CHECK(f->done == 3);
  CHECK_LOG("1 2 3");
  release(held, 3);
  ac_release(f->u);
  reported_count = 0;
  END;
}

/* WF */
struct wait_fors {
  ac_frame frame;
  none arg;
  struct ac_future *t, *u;
  int e, v;
};
ASYNC(wait_fors, none, none) {
  BEGIN(wait_fors);
  AWAIT(1, ac_wait_for_future(&f->v, spawn(2, 5, 0), 10, 1), &f->v);
  CHECK(f->v == 5);
  TRY(f->e, 2, ac_wait_for_future(&f->v, spawn(2, 6, 61), 10, 1), &f->v);
  CHECK(f->e == 61);
  log_clear();
  /* WF1: <= 0 and not done: never begun */
  TRY(f->e, 3, ac_wait_for_future(&f->v, spawn(2, 6, 0), 0, 1), &f->v);
  CHECK(f->e == AC_ETIMEDOUT);
  CHECK_LOG("");
  f->t = ac_future_create(sizeof(int));
  TRY(f->e, 4, ac_wait_for_future(&f->v, f->t, -1, 0), &f->v);
  CHECK(f->e == AC_ETIMEDOUT && ac_cancelled(f->t));
  ac_release(f->t);
  f->t = ac_future_create(sizeof(int));
  f->v = 9;
  ac_future_set_value(f->t, &f->v);
  AWAIT(5, ac_wait_for_future(&f->v, f->t, 0, 0), &f->v);
  CHECK(f->v == 9);
  ac_release(f->t);
  /* WF2: waits for the cleanup; a swallowed cancellation's value wins */
  TRY(f->e, 6,
      ac_wait_for_future(&f->v, child_spawn((struct plan){1 << 30, 7, 0, 3, 0}),
                         0.001, 1),
      &f->v);
  CHECK(f->e == AC_ETIMEDOUT && aci_thread.loop->live == 1);
  TRY(f->e, 7,
      ac_wait_for_future(
          &f->v, child_spawn((struct plan){1 << 30, 7, 0, 3, 70}), 0.001, 1),
      &f->v);
  CHECK(f->e == 0 && f->v == 70);
  TRY(f->e, 8,
      ac_wait_for_future(
          &f->v, child_spawn((struct plan){1 << 30, 7, 71, 3, 0}), 0.001, 1),
      &f->v);
  CHECK(f->e == 71);
  log_clear();
  /* WF3: cancelled from outside: cancels the child, waits for its cleanup */
  held[0] = child_spawn((struct plan){9, 1, 0, 2, 0});
  f->t = gatherer_spawn(4);
  AWAIT(9, ac_yield__ac(NULL), NULL);
  AWAIT(10, ac_yield__ac(NULL), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 11, ac_await_future(NULL, f->t), NULL);
  CHECK(f->e == AC_ECANCELED && aci_thread.loop->live == 1);
  CHECK_LOG("-1");
  ac_release(f->t);
  /* B1: cancelled in the turn in which the future completes */
  held[0] = ac_future_create(0);
  f->t = gatherer_spawn(3);
  AWAIT(12, ac_yield__ac(NULL), NULL);
  ac_future_set_value(held[0], NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 13, ac_await_future(NULL, f->t), NULL);
  CHECK(f->e == AC_ECANCELED);
  ac_release(f->t);
  ac_release(held[0]);
  CHECK_LOG("");
  /* infinity is no deadline */
  AWAIT(14, ac_wait_for_future(&f->v, spawn(2, 5, 0), 1e300 * 1e300, 1), &f->v);
  log_clear();
  END;
}

int main(void) {
  none arg = NONE;
  ac_set_error_handler(on_report, NULL);
  CHECK(RUN(gathers, &arg, NULL) == 0);
  CHECK(RUN(cancels, &arg, NULL) == 0);
  CHECK(RUN(waits, &arg, NULL) == 0);
  CHECK(RUN(wait_fors, &arg, NULL) == 0);
  CHECK(reported_count == 0);
  CHECK(aci_sys_alloc_live() == 0);
  return 0;
}
