/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stall.c - a thread that notices when a task keeps its loop from going on,
 * and says which, where it was awaited and where it is.
 *
 * Loops do nothing for it but count their turns. The thread looks at them now
 * and then; a loop that is where it was, and not in its poll, has stalled for
 * as long as its thread has used the processor, or slept in a system call,
 * since. Time in which the thread was not let run, by a debugger, a stopped
 * process or a busy machine, does not count. While every loop is in its poll
 * the thread sleeps until one leaves it. While it is awake it keeps the loops'
 * `moment`, so that they need not read the clock for that.
 *
 * What is asked of the loop's thread is its C stack alone, by SIGURG, which
 * nobody uses and which has no effect by default; the handler is there for as
 * long as that takes. A thread that sleeps in a system call that a signal would
 * end is left alone: what its stack holds is read from outside. */
#define _GNU_SOURCE
#include "stall.h"
#include "stall_stack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* asyncio's slow_callback_duration: what a person notices. */
enum { LIMIT_NS = 100 * 1000 * 1000, UNSET = -1, TICK_NS = 50 * 1000 * 1000 };

atomic_int aci_stall_mode = ACI_STALL_OFF;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_t watcher;
static int started, quit;
static struct aci_stall *watched; /* a list */
static _Atomic int64_t limit_ns = UNSET;

/* ---- what is to be seen of a loop ---------------------------------------- */

/* Another thread writes it, and nothing follows from when that is seen. */
#define PEEK(lvalue) (*(const volatile __typeof__(lvalue) *)&(lvalue))

static __attribute__((no_sanitize("thread"))) uint64_t
progress_of(const ac_loop *loop) {
  return (uint64_t)PEEK(loop->turns) << 32 | (uint32_t)PEEK(loop->budget);
}

/* A loop on which nobody else waits is not kept from anything. */
static __attribute__((no_sanitize("thread"))) int
somebody_waits(const ac_loop *loop) {
  return PEEK(loop->live) > 1 || PEEK(loop->wheel.levels) ||
         PEEK(loop->waiting_fds) || PEEK(loop->waiting_outside) ||
         atomic_load(&loop->attention);
}

static int64_t processor_ns(const struct aci_stall *stall) {
  struct timespec used;
  if (clock_gettime(stall->processor, &used) < 0)
    return stall->used_ns;
  return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* ---- noticing ------------------------------------------------------------ */

static void begin_anew(struct aci_stall *stall, uint64_t progress,
                       int64_t now_ns) {
  if (stall->reported)
    aci_stall_report_end(stall, now_ns - stall->since_ns);
  stall->reported = 0;
  stall->progress = progress;
  stall->since_ns = now_ns;
  stall->stalled_ns = 0;
  stall->used_ns = processor_ns(stall);
}

static void look_at(struct aci_stall *stall, int64_t now_ns, int64_t passed_ns,
                    int late, int64_t limit) {
  ac_loop *loop = stall->loop;
  uint64_t progress = progress_of(loop);
  if (atomic_load(&loop->blocked) || progress != stall->progress) {
    begin_anew(stall, progress, now_ns);
    return;
  }
  struct aci_thread_state state;
  aci_thread_state_read(&state, stall->thread_id);
  int64_t used_ns = processor_ns(stall);
  int64_t counted_ns = !state.sleeps ? used_ns - stall->used_ns
                       : late        ? 0
                                     : passed_ns;
  stall->used_ns = used_ns;
  stall->stalled_ns += counted_ns;
  if (late)
    stall->since_ns += passed_ns - counted_ns;
  if (stall->reported || stall->stalled_ns < limit || !somebody_waits(loop))
    return;
  stall->reported = 1;
  aci_stall_report(stall, &state, now_ns - stall->since_ns);
}

static int somebody_runs(void) {
  for (const struct aci_stall *stall = watched; stall; stall = stall->next)
    if (!atomic_load(&stall->loop->blocked))
      return 1;
  return 0;
}

static void rest_until(int64_t when_ns) {
  const struct timespec until = {.tv_sec = (time_t)(when_ns / 1000000000),
                                 .tv_nsec = (long)(when_ns % 1000000000)};
  int code = 0;
  while (!quit && !code)
    code = pthread_cond_timedwait(&changed, &lock, &until);
}

/* Until a loop leaves its poll, which asks for the mode then, or until there
 * is a limit again. */
static void sleep_while_idle(void) {
  int is_off = atomic_load(&limit_ns) <= 0;
  atomic_store(&aci_stall_mode, is_off ? ACI_STALL_OFF : ACI_STALL_ASLEEP);
  while (!quit && (is_off || !somebody_runs()) &&
         atomic_load(&aci_stall_mode) != ACI_STALL_WATCHING)
    pthread_cond_wait(&changed, &lock);
  atomic_store(&aci_stall_mode, ACI_STALL_WATCHING);
}

static void keep_moments(int64_t now_ns) {
  for (const struct aci_stall *stall = watched; stall; stall = stall->next)
    if (!stall->is_virtual)
      aci_note_moment(stall->loop, now_ns);
}

static void *watch(void *arg) {
  int idle = 0;
  (void)arg;
  pthread_mutex_lock(&lock);
  while (!quit) {
    int64_t limit = atomic_load(&limit_ns);
    idle = limit > 0 && somebody_runs() ? 0 : idle + 1;
    if (idle > 1 || limit <= 0) {
      sleep_while_idle();
      idle = 0;
      limit = atomic_load(&limit_ns);
      if (limit <= 0)
        continue;
    }
    int64_t before_ns = aci_sys_now();
    keep_moments(before_ns);
    rest_until(before_ns + (limit / 2 < TICK_NS ? limit / 2 : TICK_NS));
    int64_t now_ns = aci_sys_now();
    int64_t passed_ns = now_ns - before_ns;
    /* Not woken for so long: nor were others. */
    int late = passed_ns > 2 * limit;
    for (struct aci_stall *stall = watched; stall; stall = stall->next)
      look_at(stall, now_ns, passed_ns, late, limit);
  }
  pthread_mutex_unlock(&lock);
  return NULL;
}

/* ---- the thread ---------------------------------------------------------- */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

static void make_condition(void) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&changed, &attributes);
  pthread_condattr_destroy(&attributes);
}

/* The child has the loop of the thread that forked, and no other thread. */
static void in_child(void) {
  pthread_mutex_init(&lock, NULL);
  make_condition();
  if (started)
    aci_sys_idle(-1);
  started = 0;
  watched = NULL;
  atomic_store(&aci_stall_mode, ACI_STALL_OFF);
}

static void read_limit(void) {
  const char *text = getenv("AC_STALL");
  char *end;
  int64_t ns = LIMIT_NS;
  int64_t unset = UNSET;
  if (text && *text) {
    double ms = strtod(text, &end);
    ns = *end || !(ms >= 0) ? LIMIT_NS : ms < 1e12 ? (int64_t)(ms * 1e6) : 0;
  }
  atomic_compare_exchange_strong(&limit_ns, &unset, ns);
}

static void prepare(void) {
  make_condition();
  read_limit();
  pthread_atfork(before_fork, after_fork, in_child);
}

/* With every signal blocked: they are the program's. The lock is held. */
static void start(void) {
  enum { STACK_BYTES = 256 * 1024 };
  sigset_t all, before;
  pthread_attr_t attributes;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  started = pthread_create(&watcher, &attributes, watch, NULL) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (!started)
    return;
  pthread_setname_np(watcher, "ac-stall");
  aci_sys_idle(1); /* it wakes nobody */
  atomic_store(&aci_stall_mode, ACI_STALL_WATCHING);
}

__attribute__((destructor)) static void stop(void) {
  pthread_mutex_lock(&lock);
  int was_started = started;
  quit = 1;
  started = 0;
  if (was_started)
    pthread_cond_signal(&changed);
  pthread_mutex_unlock(&lock);
  if (was_started)
    pthread_join(watcher, NULL);
}

/* The lock is held. */
static void wake(void) {
  int mode = ACI_STALL_ASLEEP;
  if (atomic_compare_exchange_strong(&aci_stall_mode, &mode,
                                     ACI_STALL_WATCHING))
    pthread_cond_signal(&changed);
}

void aci_stall_left_poll(ac_loop *loop) {
  if (!loop->virtual_clock)
    aci_note_moment(loop, aci_sys_now());
  if (atomic_load(&aci_stall_mode) != ACI_STALL_ASLEEP)
    return;
  pthread_mutex_lock(&lock);
  wake();
  pthread_mutex_unlock(&lock);
}

void ac_set_stall_limit(double seconds) {
  pthread_once(&once, prepare);
  int64_t ns = seconds > 0 ? seconds < 1e9 ? (int64_t)(seconds * 1e9) : 0 : 0;
  atomic_store(&limit_ns, ns);
  pthread_mutex_lock(&lock);
  if (ns > 0 && watched && !started && !quit)
    start();
  if (started) {
    atomic_store(&aci_stall_mode, ACI_STALL_WATCHING);
    pthread_cond_signal(&changed);
  }
  pthread_mutex_unlock(&lock);
}

/* ---- loops --------------------------------------------------------------- */

void aci_stall_open(ac_loop *loop) {
  struct aci_stall *stall = &loop->stall;
  pthread_once(&once, prepare);
  stall->loop = loop;
  stall->is_virtual = loop->virtual_clock;
  stall->running = &ac_running;
  stall->thread_id = (int)syscall(SYS_gettid);
  stall->stack = (uintptr_t)__builtin_frame_address(0);
  if (pthread_getcpuclockid(pthread_self(), &stall->processor) != 0)
    stall->processor = CLOCK_MONOTONIC;
  pthread_mutex_lock(&lock);
  stall->next = watched;
  watched = stall;
  begin_anew(stall, 0, aci_sys_now());
  if (atomic_load(&limit_ns) > 0 && !started && !quit)
    start();
  else if (!atomic_load(&loop->blocked))
    wake();
  pthread_mutex_unlock(&lock);
}

/* Under the lock: the thread, which may be writing `moment`, has done so. */
void aci_stall_virtual(ac_loop *loop) {
  pthread_mutex_lock(&lock);
  loop->stall.is_virtual = 1;
  pthread_mutex_unlock(&lock);
  aci_note_moment(loop, loop->virtual_ns);
}

void aci_stall_close(ac_loop *loop) {
  pthread_mutex_lock(&lock);
  struct aci_stall **link = &watched;
  while (*link && *link != &loop->stall)
    link = &(*link)->next;
  if (*link) {
    *link = loop->stall.next;
    if (loop->stall.reported)
      aci_stall_report_end(&loop->stall, aci_sys_now() - loop->stall.since_ns);
  }
  pthread_mutex_unlock(&lock);
}
