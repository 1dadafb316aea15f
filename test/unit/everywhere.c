/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One scenario that uses most of the runtime, run again and again: with the
 * nth allocation failing, and with the nth suspension cancelled, for every n.
 * Each run ends, with an error or not, and leaves nothing behind. */
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

/* ---- functions that make their frame when they suspend ------------------- */

/* Yields arg times, then gives arg. Closes what it opened on every path. */
static int open_count;
struct lazy {
  ac_frame frame;
  int arg, i;
};
static ac_frame *lazy_resume(ac_frame *self, ac_frame *status);
static const struct ac_point lazy_points[] = {{1}};
static const struct ac_desc lazy_desc = {
    lazy_resume, "lazy", "test.ac", lazy_points, 1, sizeof(struct lazy), 8};
static ac_frame *lazy_body(int *ret, struct lazy *f, ac_frame *status, int arg,
                           int i) {
  if (f)
    goto resumed;
  open_count++;
  for (; i < arg; i++) {
    status = ac_yield__ac(NULL);
    if (aci_suspended(status)) {
      if (!f)
        f = (void *)ac_frame_suspend(&lazy_desc, &status, NULL);
      if (f) {
        f->arg = arg;
        f->i = i;
        return ac_suspend(&f->frame, 1, status, NULL);
      resumed:
        arg = f->arg;
        i = f->i;
      }
    }
    if (status == AC_RAISED)
      goto out;
  }
  *(f ? (int *)f->frame.ret : ret) = arg;
  status = NULL;
out:
  open_count--;
  if (f)
    ac_frame_free(&f->frame);
  return status;
}
static ac_frame *lazy_resume(ac_frame *self, ac_frame *status) {
  return lazy_body(NULL, (void *)self, status, 0, 0);
}
static ac_frame *lazy__ac(int *ret, int arg) {
  return lazy_body(ret, NULL, NULL, arg, 0);
}

/* twice lazy; catches the error, and awaits in its cleanup */
struct lazier {
  ac_frame frame;
  int arg, v, error;
};
static ac_frame *lazier_resume(ac_frame *self, ac_frame *status);
static const struct ac_desc lazier_desc = {
    lazier_resume,         "lazier", "test.ac", lazy_points, 1,
    sizeof(struct lazier), 8};
static ac_frame *lazier_body(int *ret, struct lazier *f, ac_frame *status,
                             int arg) {
  int v = 0, error = 0;
  if (f) {
    arg = f->arg;
    error = f->error;
    if (f->frame.state == 1)
      goto first;
    goto second;
  }
  open_count++;
  status = lazy__ac(&v, arg);
  if (aci_suspended(status)) {
    f = (void *)ac_frame_suspend(&lazier_desc, &status, &v);
    if (f) {
      f->arg = arg;
      f->error = 0;
      return ac_suspend(&f->frame, 1, status, &f->v);
    first:
      v = f->v;
    }
  }
  if (status == AC_RAISED)
    error = ac_take_error();
  status = ac_yield__ac(NULL);
  if (aci_suspended(status)) {
    if (!f)
      f = (void *)ac_frame_suspend(&lazier_desc, &status, NULL);
    if (f) {
      f->arg = arg;
      f->v = v;
      f->error = error;
      return ac_suspend(&f->frame, 2, status, NULL);
    second:
      v = f->v;
    }
  }
  open_count--;
  if (error || status == AC_RAISED) {
    if (status == AC_RAISED)
      error = ac_take_error();
    status = ac_raise_error(error);
  } else {
    *(f ? (int *)f->frame.ret : ret) = v + arg;
  }
  if (f)
    ac_frame_free(&f->frame);
  return status;
}
static ac_frame *lazier_resume(ac_frame *self, ac_frame *status) {
  return lazier_body(NULL, (void *)self, status, 0);
}
static ac_frame *lazier_start(void *ret, void *args) {
  return lazier_body(ret, NULL, NULL, *(int *)args);
}
static const struct ac_thunk lazier_thunk = {
    lazier_start, "lazier", sizeof(int), sizeof(int), _Alignof(int)};

/* ---- the scenario -------------------------------------------------------- */

static int fds[2] = {-1, -1};
static void note(void *arg) { ++*(int *)arg; }

/* Each part in a task of its own, so that one's failure is not the end. */
struct part {
  ac_frame frame;
  int arg;
  struct ac_future *t[3];
  struct ac_scope scope;
  ssize_t n;
  size_t done;
  int e, v, called;
  char b[16];
};
static void drop(struct ac_future **t, int count) {
  for (int i = 0; i < count; i++) {
    ac_release(t[i]);
    t[i] = NULL;
  }
}
ASYNC(part, int, int) {
  BEGIN(part);
  memset(f->t, 0, sizeof f->t);
  f->e = 0;
  if (f->arg == 0) {
    for (int i = 0; i < 3; i++)
      f->t[i] = ac_spawn(&lazier_thunk, &i);
    TRY(f->e, 1, ac_gather_handles(NULL, f->t, 3), NULL);
    drop(f->t, 3);
  } else if (f->arg == 1) {
    for (int i = 0; i < 3; i++)
      f->t[i] = ac_spawn_eager(&lazier_thunk, &i);
    TRY(f->e, 2, ac_gather_children(NULL, f->t, 3), NULL);
    if (!f->e)
      drop(f->t, 3);
  } else if (f->arg == 2) {
    int i = 2;
    TRY(f->e, 3, ac_wait_for_future(&f->v, ac_spawn(&lazier_thunk, &i), 0.5, 1),
        &f->v);
  } else if (f->arg == 3) {
    int i = 1;
    f->t[0] = ac_spawn(&lazier_thunk, &i);
    if (f->t[0] && ac_on_done(f->t[0], note, &f->called) == 0 &&
        ac_set_name(f->t[0], "named") == 0) {
      TRY(f->e, 4, ac_wait__ac(&f->done, f->t, 1, AC_ALL_COMPLETED, 0.001),
          &f->done);
      if (!ac_done(f->t[0])) {
        TRY(f->v, 5, ac_shield_future(&f->v, f->t[0], 0), &f->v);
      }
      if (f->v) /* f->called goes with this frame */
        ac_cancel(f->t[0]);
      while (!ac_done(f->t[0])) {
        TRY(f->v, 6, ac_yield__ac(NULL), NULL);
      }
      TRY(f->v, 7, ac_yield__ac(NULL), NULL);
      TRY(f->v, 8, ac_yield__ac(NULL), NULL);
    } else if (f->t[0]) {
      ac_cancel(f->t[0]);
      while (!ac_done(f->t[0])) {
        TRY(f->v, 12, ac_yield__ac(NULL), NULL);
      }
      TRY(f->v, 13, ac_yield__ac(NULL), NULL);
    }
    drop(f->t, 1);
  } else if (f->arg == 4) {
    f->e = ac_timeout_enter(&f->scope, 0.002);
    if (!f->e) {
      TRY(f->e, 9, ac_read__ac(&f->n, fds[0], f->b, 16), &f->n);
      f->e = ac_timeout_exit(&f->scope, f->e);
    }
  } else if (f->arg == 5) {
    TRY(f->e, 10, ac_write_all__ac(NULL, fds[1], "abc", 3), NULL);
    if (!f->e) {
      TRY(f->e, 11, ac_read__ac(&f->n, fds[0], f->b, 16), &f->n);
    }
  } else {
    int i = 2;
    struct ac_coro *coro = ac_coro_new(&lazier_thunk, &i);
    TRY(f->e, 14, ac_await_coro(&f->v, coro), &f->v);
    if (!f->e) {
      i = 3;
      TRY(f->e, 15,
          ac_await_future_owned(&f->v,
                                ac_spawn_coro(ac_coro_new(&lazier_thunk, &i))),
          &f->v);
      CHECK(f->e || f->v == 6);
    }
  }
  if (f->e)
    RAISE(f->e);
  RETURN(int, 1);
  END;
}

struct scenario {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  int i, e, v, sum;
};
ASYNC(scenario, int, none) {
  BEGIN(scenario);
  f->sum = 0;
  for (f->i = 0; f->i < 7; f->i++) {
    TRY(f->e, 1, ac_await_future_owned(&f->v, part_spawn(f->i)), &f->v);
    if (!f->e)
      f->sum += f->v;
    else if (f->e == AC_ECANCELED)
      RAISE(f->e);
  }
  RETURN(int, f->sum);
  END;
}

/* ---- running it ---------------------------------------------------------- */

static int run_once(int *sum) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  none arg = NONE;
  *sum = -1;
  int code = RUN(scenario, &arg, sum);
  close(fds[0]);
  close(fds[1]);
  CHECK(open_count == 0);
  CHECK(aci_sys_alloc_live() == 0);
  return code;
}

/* Cancels the main task once it has been suspended n times. */
static int cancel_at, steps;
static void watch(void *arg) {
  ac_loop *loop = aci_thread.loop;
  if (++steps == cancel_at)
    ac_cancel(loop->main);
  if (!ac_done(loop->main) && steps < cancel_at)
    ac_call_soon(watch, arg);
}
struct watched {
  ac_frame frame;
  none arg;
  int v;
};
ASYNC(watched, int, none) {
  BEGIN(watched);
  ac_call_soon(watch, NULL);
  AWAIT(1, scenario__ac(&f->v, NONE), &f->v);
  RETURN(int, f->v);
  END;
}

int main(void) {
  ac_set_error_handler(on_report, NULL);
  int sum;
  CHECK(run_once(&sum) == 0 && sum == 6); /* one times out */

  /* out of memory at every allocation */
  int failed_runs = 0;
  for (long n = 1;; n++) {
    aci_sys_fail_alloc(n);
    int code = run_once(&sum);
    long count = aci_sys_alloc_count();
    aci_sys_fail_alloc(-1);
    CHECK(code == 0 || code == AC_ENOMEM);
    failed_runs += code != 0 || sum != 6;
    if (count < n) {
      CHECK(code == 0 && sum == 6 && n > 50 && failed_runs > 30);
      break;
    }
  }

  /* cancelled at every suspension */
  for (cancel_at = 1;; cancel_at++) {
    steps = 0;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    none arg = NONE;
    int code = RUN(watched, &arg, &sum);
    close(fds[0]);
    close(fds[1]);
    CHECK(open_count == 0);
    CHECK(aci_sys_alloc_live() == 0);
    if (steps < cancel_at) {
      CHECK(code == 0 && sum == 6 && cancel_at > 30);
      break;
    }
    CHECK(code == AC_ECANCELED || (code == 0 && sum == 6));
  }
  return 0;
}
