/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The wheel against a sorted list; sleeping, timers, the clock, ac_timeout. */
#include <math.h>
#include <time.h>

#include "check.h"

/* ---- the wheel ----------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;
static uint64_t random_next(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

enum { TIMERS = 2000 };
static struct {
  ac_timer *timer;
  int64_t when_ns;
  int order;
} armed[TIMERS];
static int fired_count, next_order;
static int64_t last_ns;
static int last_order;

static void on_timer(void *arg) {
  int i = (int)(intptr_t)arg;
  int64_t when_ns = armed[i].when_ns;
  CHECK(armed[i].timer);
  CHECK(when_ns <= aci_thread.loop->virtual_ns);
  CHECK(when_ns > last_ns ||
        (when_ns == last_ns && armed[i].order > last_order));
  last_ns = when_ns;
  last_order = armed[i].order;
  armed[i].timer = NULL;
  fired_count++;
}

static int64_t random_delay(void) {
  uint64_t delay = random_next() >> (random_next() % 62 + 1);
  if (random_next() % 16 == 0) /* hours */
    return (int64_t)(delay % ((uint64_t)1 << 45)) + 1;
  return (int64_t)(random_next() % 4 ? delay % 5000 : delay % (1u << 30)) + 1;
}

static void arm(int i) {
  armed[i].when_ns = aci_thread.loop->virtual_ns + random_delay();
  armed[i].order = next_order++;
  armed[i].timer = ac_call_at(armed[i].when_ns, on_timer, (void *)(intptr_t)i);
  CHECK(armed[i].timer);
}

struct wheel {
  ac_frame frame;
  none arg;
  int round, cancelled;
};
ASYNC(wheel, none, none) {
  BEGIN(wheel);
  ac_use_virtual_clock();
  f->cancelled = 0;
  for (f->round = 0; f->round < 300; f->round++) {
    for (int k = 0; k < 40; k++) {
      int i = (int)(random_next() % TIMERS);
      if (!armed[i].timer) {
        arm(i);
      } else if (random_next() % 2) {
        ac_timer_cancel(armed[i].timer);
        armed[i].timer = NULL;
        f->cancelled++;
      }
    }
    /* time jumps ahead, beyond some of them, as when the loop was busy */
    aci_thread.loop->virtual_ns += random_delay() / 64;
    AWAIT(1, ac_sleep__ac(NULL, (double)random_delay() * 1e-9), NULL);
  }
  AWAIT(2, ac_sleep__ac(NULL, 1e6), NULL);
  int left = 0;
  for (int i = 0; i < TIMERS; i++)
    left += armed[i].timer != NULL;
  CHECK(left == 0 && next_order == fired_count + f->cancelled);
  CHECK(!aci_thread.loop->wheel.levels);
  END;
}

/* ---- sleeping ------------------------------------------------------------ */

static int64_t real_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

struct napper {
  ac_frame frame;
  int arg;
};
ASYNC(napper, none, int) {
  BEGIN(napper);
  AWAIT(1, ac_sleep__ac(NULL, 0.01), NULL);
  log_number(f->arg); /* L2: equal deadlines in order */
  END;
}

static void note(void *arg) { log_add(arg); }
static void stop(void *arg) { ac_timer_cancel(arg); }

struct sleeps {
  ac_frame frame;
  none arg;
  struct ac_future *t[20];
  int64_t start;
  int i, e;
};
ASYNC(sleeps, none, none) {
  BEGIN(sleeps);
  /* never early, by the real clock, and not much too late */
  for (f->i = 0; f->i < 20; f->i++) {
    f->start = real_now();
    AWAIT(1, ac_sleep__ac(NULL, 0.0005 * f->i), NULL);
    CHECK(real_now() - f->start >= 500000 * f->i);
  }
  f->start = ac_now();
  AWAIT(2, ac_sleep_until__ac(NULL, f->start + 3000000), NULL);
  CHECK(ac_now() >= f->start + 3000000);
  AWAIT(3, ac_sleep_until__ac(NULL, 5), NULL);
  TRY(f->e, 4, ac_sleep__ac(NULL, nan("")), NULL);
  CHECK(f->e == AC_EINVAL);
  for (f->i = 0; f->i < 20; f->i++)
    f->t[f->i] = napper_spawn(f->i);
  AWAIT(5, ac_gather_handles(NULL, f->t, 20), NULL);
  CHECK_LOG("0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19");
  for (f->i = 0; f->i < 20; f->i++)
    ac_release(f->t[f->i]);
  /* L4: a sleep of nothing is one turn */
  ac_call_soon(note, "a");
  AWAIT(6, ac_sleep__ac(NULL, 0), NULL);
  log_add("b");
  AWAIT(7, ac_sleep__ac(NULL, -3), NULL);
  CHECK_LOG("a b");
  /* timers in order of time, then of arming; cancelled ones never */
  ac_call_later(0.003, note, "3");
  ac_call_later(0.001, note, "1");
  ac_timer_cancel(ac_call_later(0.002, note, "x"));
  ac_call_at(ac_now() + 2000000, note, "2");
  ac_call_later(0, note, "0");
  ac_timer *timer = ac_call_at(1, note, "y");
  ac_timer_cancel(timer); /* due already, but not yet called */
  ac_call_later(0.001, stop, ac_call_later(0.0015, note, "z"));
  AWAIT(8, ac_sleep__ac(NULL, 0.006), NULL);
  CHECK_LOG("0 1 2 3");
  END;
}

struct virtual {
  ac_frame frame;
  none arg;
  int64_t start;
  struct ac_future *t;
};
ASYNC(virtual, int, none) {
  BEGIN(virtual);
  f->start = ac_now();
  CHECK(f->start == 0);
  f->t = napper_spawn(1);
  AWAIT(1, ac_sleep__ac(NULL, 3600), NULL);
  CHECK(ac_now() == (int64_t)3600 * 1000000000);
  CHECK_LOG("1");
  ac_release(f->t);
  AWAIT(2, ac_sleep__ac(NULL, 0.001), NULL);
  CHECK(ac_now() == (int64_t)3600 * 1000000000 + 1000000);
  RETURN(int, 1);
  END;
}

/* ---- ac_timeout ---------------------------------------------------------- */

struct scoped {
  ac_frame frame;
  int arg;
  struct ac_scope outer, inner;
  int e, e2;
};
ASYNC(scoped, int, int) {
  BEGIN(scoped);
  switch (f->arg) {
  case 0: /* the deadline is met */
    ac_timeout_enter(&f->outer, 0.001);
    goto wait_outer;
  case 1: /* TO2: done in time; the next await is not hurt */
    ac_timeout_enter(&f->outer, 100);
    CHECK(ac_timeout_exit(&f->outer, 0) == 0);
    RETURN(int, 0);
  case 2: /* an error of its own */
    ac_timeout_enter(&f->outer, 100);
    RETURN(int, ac_timeout_exit(&f->outer, 77));
  case 3: /* TO4: in the past: the next turn */
    ac_timeout_enter(&f->outer, -1);
    goto wait_outer;
  case 4: /* TO3: the outer deadline is first */
    ac_timeout_enter(&f->outer, 0.001);
    ac_timeout_enter(&f->inner, 100);
    goto wait_inner;
  case 5: /* the inner one */
    ac_timeout_enter(&f->outer, 100);
    ac_timeout_enter(&f->inner, 0.001);
    goto wait_inner;
  case 6: /* both at once: the outer one reports */
    ac_timeout_enter(&f->outer, 0);
    ac_timeout_enter(&f->inner, 0);
    goto wait_inner;
  case 7: /* no deadline */
    ac_timeout_enter(&f->outer, INFINITY);
    CHECK(ac_timeout_exit(&f->outer, 0) == 0);
    RETURN(int, 0);
  case 8: /* in a task that was cancelled before: still a timeout */
    goto cancelled_before;
  default: /* 9: somebody else cancels in the same turn: theirs stands */
    ac_timeout_enter(&f->outer, 0.001);
    goto wait_outer;
  }
cancelled_before:
  ac_cancel(ac_current_task());
  TRY(f->e, 1, ac_yield__ac(NULL), NULL);
  CHECK(f->e == AC_ECANCELED);
  ac_timeout_enter(&f->outer, 0.001);
wait_outer:
  TRY(f->e, 2, ac_sleep__ac(NULL, 1000), NULL);
  CHECK(f->e == AC_ECANCELED);
  f->e = ac_timeout_exit(&f->outer, f->e);
  /* afterwards awaits work as ever */
  AWAIT(3, ac_yield__ac(NULL), NULL);
  RETURN(int, f->e);
wait_inner:
  TRY(f->e, 4, ac_sleep__ac(NULL, 1000), NULL);
  CHECK(f->e == AC_ECANCELED);
  f->e = ac_timeout_exit(&f->inner, f->e);
  f->e2 = ac_timeout_exit(&f->outer, f->e);
  AWAIT(5, ac_yield__ac(NULL), NULL);
  RETURN(int, f->e * 1000 + f->e2);
  END;
}
struct scopes {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  int v;
};
ASYNC(scopes, none, none) {
  BEGIN(scopes);
#define SCOPED(number, kind, expected)                                         \
  AWAIT(number, ac_await_future_owned(&f->v, scoped_spawn(kind)), &f->v);      \
  CHECK(f->v == (expected))
  SCOPED(1, 0, AC_ETIMEDOUT);
  SCOPED(2, 1, 0);
  SCOPED(3, 2, 77);
  SCOPED(4, 3, AC_ETIMEDOUT);
  SCOPED(5, 4, AC_ECANCELED * 1000 + AC_ETIMEDOUT);
  SCOPED(6, 5, AC_ETIMEDOUT * 1000 + AC_ETIMEDOUT);
  SCOPED(7, 6, AC_ECANCELED * 1000 + AC_ETIMEDOUT);
  SCOPED(8, 7, 0);
  SCOPED(9, 8, AC_ETIMEDOUT);
  /* TO1 */
  f->t = scoped_spawn(9);
  AWAIT(10, ac_yield__ac(NULL), NULL);
  while (ac_cancelling(f->t) == 0) { /* until the deadline has cancelled it */
    AWAIT(11, ac_yield__ac(NULL), NULL);
    if (ac_done(f->t))
      break;
    if (ac_cancelling(f->t))
      ac_cancel(f->t);
  }
  AWAIT(12, ac_await_future(&f->v, f->t), &f->v);
  CHECK(f->v == AC_ECANCELED || f->v == AC_ETIMEDOUT);
  ac_release(f->t);
  CHECK(!aci_thread.loop->wheel.levels);
  END;
}

int main(void) {
  none arg = NONE;
  CHECK(RUN(wheel, &arg, NULL) == 0);
  CHECK(RUN(sleeps, &arg, NULL) == 0);
  int v = 0;
  ac_use_virtual_clock();
  CHECK(RUN(virtual, &arg, &v) == 0 && v == 1);
  CHECK(RUN(scopes, &arg, NULL) == 0);
  CHECK(aci_sys_alloc_live() == 0);
  return 0;
}
