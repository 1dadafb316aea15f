/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Tasks: order of beginning, results, awaiting, errors, handles. */
#include "check.h"

/* T1: bodies begin in order of creation, in the next turn. */
struct once {
  ac_frame frame;
  int arg;
};
ASYNC(once, int, int) {
  BEGIN(once);
  log_number(f->arg);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  log_number(10 + f->arg);
  RETURN(int, f->arg * 100);
  END;
}

struct fifo {
  ac_frame frame;
  none arg;
  struct ac_future *t[3];
  int v[3];
};
ASYNC(fifo, int, none) {
  BEGIN(fifo);
  for (int i = 0; i < 3; i++)
    f->t[i] = once_spawn(i);
  log_add("main");
  AWAIT(1, ac_await_future(&f->v[0], f->t[0]), &f->v[0]);
  AWAIT(2, ac_await_future(&f->v[1], f->t[1]), &f->v[1]);
  AWAIT(3, ac_await_future(&f->v[2], f->t[2]), &f->v[2]);
  CHECK_LOG("main 0 1 2 10 11 12");
  CHECK(f->v[0] == 0 && f->v[1] == 100 && f->v[2] == 200);
  /* T8: awaiting what is done does not suspend, and gives the value again */
  AWAIT(4, ac_await_future(&f->v[0], f->t[2]), &f->v[0]);
  CHECK(f->v[0] == 200);
  for (int i = 0; i < 3; i++)
    ac_release(f->t[i]);
  RETURN(int, 7);
  END;
}

/* Errors pass through awaits; an error caught is gone. */
struct thrower {
  ac_frame frame;
  int arg;
};
ASYNC(thrower, int, int) {
  BEGIN(thrower);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  RAISE(f->arg);
  END;
}
struct middle {
  ac_frame frame;
  int arg, v;
};
ASYNC(middle, int, int) {
  BEGIN(middle);
  AWAIT(1, thrower__ac(&f->v, f->arg), &f->v);
  CHECK(0);
  END;
}
struct catcher {
  ac_frame frame;
  none arg;
  int v, e;
  struct ac_future *t;
};
ASYNC(catcher, none, none) {
  BEGIN(catcher);
  TRY(f->e, 1, middle__ac(&f->v, 77), &f->v);
  CHECK(f->e == 77);
  f->t = middle_spawn(-5);
  TRY(f->e, 2, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == -5 && ac_done(f->t) && ac_error(f->t) == -5);
  TRY(f->e, 3, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->e == -5);
  ac_release(f->t);
  TRY(f->e, 4, ac_await_future_owned(&f->v, middle_spawn(0)), &f->v);
  CHECK(f->e == AC_EINVAL);
  TRY(f->e, 5, ac_await_future(&f->v, NULL), &f->v);
  CHECK(f->e == AC_ENOMEM);
  /* T8: a task cannot await itself */
  TRY(f->e, 6, ac_await_future(NULL, ac_current_task()), NULL);
  CHECK(f->e == AC_EDEADLK);
  END;
}

/* F3: errors that nobody receives are reported, each once. */
struct stray {
  ac_frame frame;
  none arg;
  struct ac_future *t;
};
ASYNC(stray, none, none) {
  BEGIN(stray);
  int code = 5;
  ac_spawn_detached(&thrower_thunk, &code);
  f->t = thrower_spawn(6);
  ac_release(f->t);
  f->t = thrower_spawn(7); /* ac_error retrieves it */
  AWAIT(1, ac_yield__ac(NULL), NULL);
  CHECK(reported_count == 0);
  AWAIT(2, ac_yield__ac(NULL), NULL);
  CHECK(reported_count == 2);
  CHECK(ac_error(f->t) == 7);
  ac_release(f->t);
  CHECK(reported_count == 2);
  f->t = thrower_spawn(8); /* held, never asked: reported in the end */
  AWAIT(3, ac_yield__ac(NULL), NULL);
  AWAIT(4, ac_yield__ac(NULL), NULL);
  CHECK(ac_done(f->t));
  END;
}

/* R2: what is left is cancelled and run to its end. */
static int cleaned;
struct sleeper {
  ac_frame frame;
  double arg;
  int e;
};
ASYNC(sleeper, int, double) {
  BEGIN(sleeper);
  TRY(f->e, 1, ac_sleep__ac(NULL, f->arg), NULL);
  if (f->e) {
    CHECK(f->e == AC_ECANCELED);
    AWAIT(2, ac_yield__ac(NULL), NULL);
    cleaned++;
    RAISE(AC_ECANCELED);
  }
  RETURN(int, 1);
  END;
}
struct leaver {
  ac_frame frame;
  none arg;
};
ASYNC(leaver, int, none) {
  BEGIN(leaver);
  sleeper_spawn(1000);
  ac_release(sleeper_spawn(1000));
  AWAIT(1, ac_yield__ac(NULL), NULL);
  sleeper_spawn(1000); /* never begins */
  RETURN(int, 3);
  END;
}

/* Eager tasks run at once, on the stack, until they suspend. */
struct eager {
  ac_frame frame;
  none arg;
  struct ac_future *t[2];
  int v;
};
ASYNC(eager, none, none) {
  BEGIN(eager);
  struct ac_future *me = ac_current_task();
  int i = 1;
  f->t[0] = ac_spawn_eager(&once_thunk, &i);
  log_add("after");
  CHECK(ac_current_task() == me);
  AWAIT(1, ac_await_future(&f->v, f->t[0]), &f->v);
  CHECK(f->v == 100);
  CHECK_LOG("1 after 11");
  ac_release(f->t[0]);
  END;
}

/* Coroutine objects. */
struct objects {
  ac_frame frame;
  none arg;
  struct ac_coro *c;
  struct ac_future *t;
  int v, e;
};
ASYNC(objects, none, none) {
  BEGIN(objects);
  int i = 4;
  f->c = ac_coro_new(&once_thunk, &i);
  log_add("made");
  AWAIT(1, ac_await_coro(&f->v, f->c), &f->v);
  CHECK(f->v == 400);
  CHECK_LOG("made 4 14");
  TRY(f->e, 2, ac_await_coro(&f->v, f->c), &f->v);
  CHECK(f->e == AC_EINVAL); /* T8: a second time */
  i = 5;
  f->t = ac_spawn_coro(ac_coro_new(&once_thunk, &i));
  AWAIT(3, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->v == 500);
  ac_release(f->t);
  (ac_coro_drop)(ac_coro_new(&once_thunk, &i));
  log_clear();
  END;
}

/* R1: no loop within a loop. */
struct nested {
  ac_frame frame;
  none arg;
};
ASYNC(nested, none, none) {
  BEGIN(nested);
  int v = 9, i = 1;
  CHECK(RUN(once, &i, &v) == AC_EINVAL && v == 0);
  CHECK(ac_run_error() == AC_EINVAL);
  END;
}

/* Awaits down to a depth, waking up again: the C stack must not grow. */
struct deep {
  ac_frame frame;
  int arg, v;
};
ASYNC(deep, int, int) {
  BEGIN(deep);
  if (f->arg == 0) {
    AWAIT(1, ac_yield__ac(NULL), NULL);
    RETURN(int, 0);
  }
  AWAIT(2, deep__ac(&f->v, f->arg - 1), &f->v);
  RETURN(int, f->v + 1);
  END;
}

int main(void) {
  none arg = NONE;
  int v = 0;
  CHECK(RUN(fifo, &arg, &v) == 0 && v == 7 && ac_run_error() == 0);
  CHECK(RUN(catcher, &arg, NULL) == 0);
  v = 3;
  int code = 42;
  CHECK(RUN(middle, &code, &v) == 42 && v == 0 && ac_run_error() == 42);
  ac_set_error_handler(on_report, NULL);
  CHECK(RUN(stray, &arg, NULL) == 0);
  CHECK(reported_count == 3 && reported_code == 8);
  CHECK(RUN(leaver, &arg, &v) == 0 && v == 3 && cleaned == 2);
  CHECK(reported_count == 3);
  CHECK(RUN(eager, &arg, NULL) == 0);
  CHECK(RUN(objects, &arg, NULL) == 0);
  CHECK(RUN(nested, &arg, NULL) == 0);
  int depth = 1000;
  CHECK(RUN(deep, &depth, &v) == 0 && v == 1000);
  int i = 3;
  struct ac_coro *coro = ac_coro_new(&once_thunk, &i);
  CHECK(ac_run_coro(coro, &v) == 0 && v == 300);
  coro = ac_coro_new(&once_thunk, &i);
  (ac_coro_drop)(coro);
  CHECK(ac_current_task() == NULL && ac_current_loop() == NULL);
  CHECK(ac_raise_error(3) == AC_RAISED && ac_take_error() == 3);
  CHECK(aci_sys_alloc_live() == 0);
  return 0;
}
