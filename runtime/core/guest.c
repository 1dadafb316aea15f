/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * guest.c - a loop that another loop's thread drives, a step at a time. It is
 * the thread's loop from open to close, so that everything works between the
 * steps as it does in them. Between the steps it counts as blocked: requests
 * of other threads make its descriptor readable.
 *
 *   ac_loop_open --> open <--> ac_loop_step
 *                     |
 *                     +--> ac_loop_close
 *                     +--> the thread or the program ends: abandoned */
#include "internal.h"
#include "stall.h"

/* ---- abandoned ----------------------------------------------------------- */

static void abandon(ac_loop *loop) {
  if (loop->live) {
    aci_report("a guest loop was left open, with tasks that have not ended",
               NULL, AC_ECANCELED);
    ac_dump_tasks(stderr);
  } else {
    aci_report("a guest loop was left open", NULL, AC_ECANCELED);
  }
  aci_loop_close(loop);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

/* The thread ends, or, of the one that ends the program, the program. */
static void on_thread_end(void *loop) {
  if (aci_thread.loop == loop)
    abandon(loop);
}

static void make_key(void) {
  key_error = pthread_key_create(&key, on_thread_end);
}

__attribute__((destructor)) static void on_program_end(void) {
  ac_loop *loop = aci_thread.loop;
  if (loop && loop->guest)
    abandon(loop);
}

/* ---- a step -------------------------------------------------------------- */

static int check(const ac_loop *loop) {
  if (!loop || loop != aci_thread.loop || !loop->guest)
    return AC_EINVAL;
  return loop->stepping ? AC_EBUSY : AC_OK;
}

int ac_loop_tasks(const struct ac_loop *loop) {
  return loop->live < INT32_MAX ? (int)loop->live : INT32_MAX;
}

int ac_loop_fd(const struct ac_loop *loop) { return loop->driver.fd; }

static int64_t until(const ac_loop *loop, int64_t when_ns) {
  if (loop->virtual_clock)
    return when_ns == INT64_MAX ? -1 : 0;
  int64_t left_ns = when_ns - aci_sys_now();
  return left_ns > 0 ? left_ns : 0;
}

int64_t ac_loop_timeout(const struct ac_loop *loop) {
  if (!aci_queue_is_empty(&loop->ready) || atomic_load(&loop->attention))
    return 0;
  int64_t when_ns = aci_wheel_next(&loop->wheel);
  int64_t timeout_ns = when_ns < 0 ? -1 : until(loop, when_ns);
  if (loop->unverified && (timeout_ns < 0 || timeout_ns > ACI_IDLE_NS))
    return ACI_IDLE_NS;
  return timeout_ns;
}

int ac_loop_step(struct ac_loop *loop) {
  int code = check(loop);
  if (code)
    return code;
  loop->stepping = 1;
  atomic_store(&loop->blocked, 0);
  aci_stall_running(loop);
  aci_loop_step(loop);
  atomic_store(&loop->blocked, 1);
  loop->stepping = 0;
  return ac_loop_tasks(loop);
}

int ac_loop_cancel(struct ac_loop *loop) {
  int code = check(loop);
  if (code)
    return code;
  aci_loop_cancel(loop);
  return ac_loop_tasks(loop);
}

/* ---- from beginning to end ----------------------------------------------- */

struct ac_loop *ac_loop_open(void) {
  ac_loop *loop = NULL;
  pthread_once(&once, make_key);
  int code = aci_thread.loop ? AC_EINVAL : key_error ? -key_error : AC_OK;
  if (!code)
    code = aci_loop_open(&loop);
  aci_thread.run_error = code;
  if (code)
    return NULL;
  if (pthread_setspecific(key, loop) != 0) {
    aci_thread.run_error = AC_ENOMEM;
    aci_loop_close(loop);
    return NULL;
  }
  loop->guest = 1;
  loop->exposed = 1;
  atomic_store(&loop->blocked, 1);
  aci_stack_begin();
  return loop;
}

int ac_loop_close(struct ac_loop *loop) {
  int code = check(loop);
  if (code)
    return code;
  loop->stepping = 1;
  atomic_store(&loop->blocked, 0);
  aci_loop_end_tasks(loop);
  pthread_setspecific(key, NULL);
  aci_loop_close(loop);
  aci_stack_end();
  return AC_OK;
}
