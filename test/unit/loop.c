/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The loop: callbacks, futures, other threads, deadlock, listings, SIGINT. */
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static void note(void *arg) { log_add(arg); }

struct get {
  ac_frame frame;
  struct ac_future *arg;
  int e, v;
};
ASYNC(get, none, struct ac_future *) {
  BEGIN(get);
  TRY(f->e, 1, ac_await_future(&f->v, f->arg), &f->v);
  if (f->e)
    log_add("error");
  else
    log_number(f->v);
  END;
}

/* F1, F2, L1 */
struct futures {
  ac_frame frame;
  none arg;
  struct ac_future *f1, *t[3];
  int v, e, i;
};
ASYNC(futures, none, none) {
  BEGIN(futures);
  f->f1 = ac_future_create(sizeof(int));
  CHECK(!ac_done(f->f1) && ac_error(f->f1) == AC_EAGAIN);
  /* callbacks and waiters in order of registration, none inside of set */
  f->t[0] = get_spawn(f->f1);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  CHECK(ac_on_done(f->f1, note, "cb1") == 0);
  f->t[1] = get_spawn(f->f1);
  AWAIT(2, ac_yield__ac(NULL), NULL);
  CHECK(ac_on_done(f->f1, note, "cb2") == 0);
  f->v = 42;
  CHECK(ac_future_set_value(f->f1, &f->v) == 0);
  CHECK(ac_future_set_value(f->f1, &f->v) == AC_EINVAL);
  CHECK(ac_future_fail(f->f1, 3) == AC_EINVAL && !ac_cancel(f->f1));
  CHECK_LOG("");
  CHECK(ac_on_done(f->f1, note, "cb3") == 0); /* done already */
  ac_release(f->f1);                          /* kept for the callbacks */
  AWAIT(3, ac_yield__ac(NULL), NULL);
  CHECK_LOG("42 cb1 42 cb2 cb3");
  CHECK(ac_future_set_value(f->t[0], &f->v) == AC_EINVAL); /* a task's not */
  ac_release(f->t[0]);
  ac_release(f->t[1]);
  /* an error, received by one: not reported */
  f->f1 = ac_future_create(sizeof(int));
  f->t[0] = get_spawn(f->f1);
  AWAIT(4, ac_yield__ac(NULL), NULL);
  CHECK(ac_future_fail(f->f1, 7) == 0);
  ac_release(f->f1);
  AWAIT(5, ac_yield__ac(NULL), NULL);
  CHECK_LOG("error");
  ac_release(f->t[0]);
  CHECK(reported_count == 0);
  f->f1 = ac_future_create(0);
  ac_future_fail(f->f1, 7);
  ac_release(f->f1);
  CHECK(reported_count == 1);
  reported_count = 0;
  ac_release(ac_future_create(100)); /* never done */
  ac_release(NULL);
  /* a waiter of a future that nobody can set any more, cancelled */
  f->f1 = ac_future_create(sizeof(int));
  f->t[0] = get_spawn(f->f1);
  AWAIT(6, ac_yield__ac(NULL), NULL);
  ac_release(f->f1);
  ac_cancel(f->t[0]);
  AWAIT(7, ac_await_future_owned(NULL, f->t[0]), NULL);
  CHECK_LOG("error");
  /* values of any size and alignment */
  static _Alignas(64) char from[2048], to[2048];
  for (f->i = 0; f->i < 2048; f->i += 64) {
    for (int k = 0; k < f->i; k++)
      from[k] = (char)(k * 7 + f->i);
    memset(to, 0, sizeof to);
    struct ac_future *future = ac_future_create((size_t)f->i);
    const char *value = ac_future_value(future);
    CHECK(((uintptr_t)value & 63) == 0 || f->i == 0);
    ac_future_set_value(future, from);
    CHECK(ac_await_future(to, future) == NULL);
    CHECK(memcmp(from, to, (size_t)f->i) == 0 && to[f->i] == 0);
    ac_release(future);
  }
  END;
}

/* Callbacks: order; from a callback; the current task in them. */
static void again(void *arg) {
  CHECK(ac_current_task() == NULL);
  log_add("again");
  ac_call_soon(note, arg);
}
struct calls {
  ac_frame frame;
  none arg;
};
ASYNC(calls, none, none) {
  BEGIN(calls);
  CHECK(ac_call_soon(note, "1") == 0);
  CHECK(ac_call_soon(again, "4") == 0);
  CHECK(ac_call_soon(note, "2") == 0);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  CHECK_LOG("1 again 2");
  AWAIT(2, ac_yield__ac(NULL), NULL);
  CHECK_LOG("4");
  END;
}

/* Threads. */
enum { THREADS = 4, POSTS = 2000 };
struct poster {
  ac_loop *loop;
  struct ac_future *future;
  long sum;
  int left;
};
static struct poster poster;
static void on_post(void *arg) {
  poster.sum += (long)(intptr_t)arg;
  if (!--poster.left)
    ac_future_set_value(poster.future, &poster.sum);
}
static void *post(void *arg) {
  for (long i = 0; i < POSTS; i++) {
    CHECK(ac_call_soon_threadsafe(poster.loop, on_post, (void *)i) == 0);
    if (i % 100 == 0) {
      struct timespec nap = {0, 50000};
      nanosleep(&nap, NULL);
    }
  }
  return arg;
}
static void *release_hold(void *arg) {
  struct timespec nap = {0, 5000000};
  nanosleep(&nap, NULL);
  CHECK(ac_call_soon_threadsafe(arg, on_post, NULL) == 0);
  ac_unhold(arg);
  return NULL;
}
struct threads {
  ac_frame frame;
  none arg;
  pthread_t threads[THREADS];
  long sum;
  int e;
};
ASYNC(threads, none, none) {
  BEGIN(threads);
  poster = (struct poster){.loop = ac_current_loop(),
                           .future = ac_future_create(sizeof(long)),
                           .left = THREADS * POSTS};
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&f->threads[i], NULL, post, NULL) == 0);
  AWAIT(1, ac_await_future_owned(&f->sum, poster.future), &f->sum);
  CHECK(f->sum == (long)THREADS * POSTS * (POSTS - 1) / 2);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_join(f->threads[i], NULL) == 0);
  poster.future = ac_future_create(sizeof(long));
  poster.left = 1;
  CHECK(ac_hold(poster.loop) == 0);
  CHECK(pthread_create(&f->threads[0], NULL, release_hold, poster.loop) == 0);
  AWAIT(2, ac_await_future_owned(&f->sum, poster.future), &f->sum);
  CHECK(pthread_join(f->threads[0], NULL) == 0);
  END;
}

/* Loops on several threads at once. */
struct busy {
  ac_frame frame;
  int arg;
  struct ac_future *t[8];
  int i, k, v;
};
struct nap {
  ac_frame frame;
  int arg;
};
ASYNC(nap, int, int) {
  BEGIN(nap);
  AWAIT(1, ac_sleep__ac(NULL, 0.0001 * f->arg), NULL);
  RETURN(int, f->arg);
  END;
}
ASYNC(busy, int, int) {
  BEGIN(busy);
  for (f->k = 0; f->k < 20; f->k++) {
    for (f->i = 0; f->i < 8; f->i++)
      f->t[f->i] = nap_spawn(f->i);
    AWAIT(1, ac_gather_handles(NULL, f->t, 8), NULL);
    for (f->i = 0; f->i < 8; f->i++)
      ac_release(f->t[f->i]);
  }
  RETURN(int, f->arg);
  END;
}
static void *run_busy(void *arg) {
  int number = (int)(intptr_t)arg, v = -1;
  CHECK(RUN(busy, &number, &v) == 0 && v == number);
  return NULL;
}

/* Deadlock: the main task is woken with the error and tidies up. */
struct stuck {
  ac_frame frame;
  int arg;
  struct ac_future *future;
  int e, v;
};
ASYNC(stuck, int, int) {
  BEGIN(stuck);
  f->future = ac_future_create(sizeof(int));
  if (f->arg == 1) {
    AWAIT(1, ac_await_future_owned(NULL, get_spawn(f->future)), NULL);
  }
  if (f->arg == 2) {
    struct ac_future *t[2] = {get_spawn(f->future), get_spawn(f->future)};
    AWAIT(2, ac_gather_children(NULL, t, 2), NULL);
  }
  if (f->arg == 3) {
    size_t done;
    AWAIT(4, ac_wait__ac(&done, &f->future, 1, AC_ALL_COMPLETED, -1), &f->e);
  }
  TRY(f->e, 3, ac_await_future(&f->v, f->future), &f->v);
  CHECK(f->e == AC_EDEADLK);
  log_add("tidied");
  ac_release(f->future);
  if (f->arg == 4)
    RETURN(int, 5); /* caught: a normal end */
  RAISE(f->e);
  END;
}

/* Listing. */
struct leaf {
  ac_frame frame;
  int arg, v;
};
ASYNC(leaf, none, int) {
  BEGIN(leaf);
  if (f->arg == 0) {
    AWAIT(1, ac_sleep__ac(NULL, 2), NULL);
  } else {
    AWAIT(2, ac_poll_fd__ac(&f->v, 0, 4), &f->v);
  }
  END;
}
struct branch {
  ac_frame frame;
  int arg;
};
ASYNC(branch, none, int) {
  BEGIN(branch);
  AWAIT(3, leaf__ac(NULL, f->arg), NULL);
  END;
}
struct lister {
  ac_frame frame;
  none arg;
  struct ac_future *t, *u, *g;
  int e;
};
static char *listing_of(void) {
  static char text[4000];
  memset(text, 0, sizeof text);
  FILE *out = fmemopen(text, sizeof text - 1, "w");
  ac_dump_tasks(out);
  fclose(out);
  return text;
}
#define CONTAINS(text, part)                                                   \
  do {                                                                         \
    if (!strstr(text, part)) {                                                 \
      fprintf(stderr, "%s:%d: '%s' is missing in:\n%s", __FILE__, __LINE__,    \
              part, text);                                                     \
      abort();                                                                 \
    }                                                                          \
  } while (0)
ASYNC(lister, none, none) {
  BEGIN(lister);
  ac_use_virtual_clock();
  f->t = branch_spawn(0);
  CHECK(ac_set_name(f->t, "first") == 0 && ac_set_name(f->t, "sleepy") == 0);
  f->g = ac_future_create(0);
  f->u = get_spawn(f->g);
  char *text = listing_of();
  CONTAINS(text, " 'sleepy': not begun\n    branch\n");
  CONTAINS(text, "(main): running\n");
  CONTAINS(text, "3 tasks\n");
  AWAIT(1, ac_yield__ac(NULL), NULL);
  text = listing_of();
  CONTAINS(text, " 'sleepy': sleeps for another 2.000 s\n"
                 "    leaf test.ac:101\n    branch test.ac:103\n");
  CONTAINS(text, ": awaits future ");
  CONTAINS(text, "\n    get test.ac:101\n");
  ac_cancel(f->t);
  CONTAINS(listing_of(),
           " 'sleepy': ready, being cancelled (cancelled by task 1 at ");
  CHECK(ac_set_name(f->t, NULL) == 0);
  ac_cancel(f->u);
  TRY(f->e, 2, ac_await_future_owned(NULL, f->t), NULL);
  TRY(f->e, 3, ac_await_future_owned(NULL, f->u), NULL);
  ac_release(f->g);
  log_clear();
  END;
}

/* SIGINT, once and for a main that absorbs it. */
struct interrupted {
  ac_frame frame;
  int arg;
  int e;
};
ASYNC(interrupted, int, int) {
  BEGIN(interrupted);
  CHECK(ac_dump_on_signal(SIGUSR2) == 0);
  raise(SIGINT);
  TRY(f->e, 1, ac_sleep__ac(NULL, 1000), NULL);
  CHECK(f->e == AC_ECANCELED);
  struct sigaction now;
  sigaction(SIGINT, NULL, &now);
  CHECK(now.sa_handler == SIG_DFL); /* the next one kills */
  if (f->arg)
    RETURN(int, 7);
  RAISE(f->e);
  END;
}

int main(void) {
  none arg = NONE;
  int v = 0;
  ac_set_error_handler(on_report, NULL);
  CHECK(RUN(futures, &arg, NULL) == 0);
  CHECK(RUN(calls, &arg, NULL) == 0);
  CHECK(RUN(threads, &arg, NULL) == 0);
  CHECK(ac_call_soon_threadsafe(poster.loop, note, NULL) == AC_EINVAL);
  CHECK(ac_hold(poster.loop) == AC_EINVAL);
  CHECK(ac_call_soon(note, NULL) == AC_EINVAL);

  pthread_t threads[THREADS];
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_create(&threads[i], NULL, run_busy, (void *)(intptr_t)i) ==
          0);
  for (int i = 0; i < THREADS; i++)
    CHECK(pthread_join(threads[i], NULL) == 0);

  log_clear();
  CHECK(reported_count == 0);
  for (int kind = 0; kind < 4; kind++) {
    v = 1;
    CHECK(RUN(stuck, &kind, &v) == AC_EDEADLK && v == 0);
    CHECK(reported_count == 1 && reported_code == AC_EDEADLK);
    reported_count = 0;
    log_clear();
  }
  int kind = 4;
  CHECK(RUN(stuck, &kind, &v) == 0 && v == 5);
  CHECK_LOG("tidied");
  reported_count = 0;
  CHECK(RUN(lister, &arg, NULL) == 0);
  kind = 0;
  CHECK(ac_run_main(&interrupted_thunk, &kind, &v) == 130);
  kind = 1;
  CHECK(ac_run_main(&interrupted_thunk, &kind, &v) == 7);
  struct sigaction now;
  sigaction(SIGINT, NULL, &now);
  CHECK(now.sa_handler == SIG_DFL);
  raise(SIGUSR2); /* no loop: nothing happens */
  CHECK(reported_count == 0);
  CHECK(strcmp(ac_strerror(AC_ECANCELED), "cancelled") == 0);
  CHECK(ac_strerror(-2) && ac_strerror(12345) && ac_strerror(-99999));
  CHECK(aci_sys_alloc_live() == 0);
  return 0;
}
