/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * work.c - the pool of threads that run what would block a loop.
 *
 *   NEW --> QUEUED --> RUNNING --> DONE --> the task is woken
 *             |           |
 *             v           v withdrawn, if it is abandonable
 *         withdrawn    ABANDONED --> the thread drops and frees it
 *
 * One lock guards everything. A thread that idles is counted as soon as it is
 * created, so that work to be taken and threads to take it can be compared at
 * any time: a thread is made when there are fewer of these than of those. What
 * has been done is handed to the loop's part, and the loop woken, under the
 * lock, which a loop that closes takes too. */
#define _GNU_SOURCE
#include "work.h"

#include "internal.h"

#include <signal.h>
#include <time.h>

int64_t aci_work_idle_ns = 5000000000;

struct ac_thread_class ac_threads = AC_THREAD_CLASS("a thread", 32);
struct ac_thread_class ac_file_threads = AC_THREAD_CLASS("a file", 16);
struct ac_thread_class ac_dns_threads = AC_THREAD_CLASS("a name", 16);

/* The loop's end of it. */
struct aci_offload {
  struct aci_part part;
  struct aci_work *first_done, *last_done;
  int in_flight; /* queued or running, and not abandoned */
  unsigned generation;
};

static struct {
  pthread_mutex_t lock;
  pthread_cond_t work, finished;
  int idle, threads;
  struct ac_thread_class *first, *last; /* with queued work, in turns */
  struct ac_thread_class *known;        /* all that ever had some */
  unsigned generation;                  /* counts forks */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .finished = PTHREAD_COND_INITIALIZER};

static _Thread_local struct aci_work *current;

/* ---- the queues ---------------------------------------------------------- */

static void list_class(struct ac_thread_class *class) {
  class->next = NULL;
  if (pool.first)
    pool.last->next = class;
  else
    pool.first = class;
  pool.last = class;
}

static void unlist_class(struct ac_thread_class *class) {
  struct ac_thread_class *before = NULL;
  for (struct ac_thread_class *at = pool.first; at != class; at = at->next)
    before = at;
  if (before)
    before->next = class->next;
  else
    pool.first = class->next;
  if (pool.last == class)
    pool.last = before;
}

static void push(struct aci_work *work) {
  struct ac_thread_class *class = work->thread_class;
  work->state = ACI_WORK_QUEUED;
  work->next = NULL;
  if (class->queued++) {
    class->last->next = work;
    class->last = work;
    return;
  }
  class->first = class->last = work;
  list_class(class);
  if (!class->known) {
    class->known = 1;
    class->next_known = pool.known;
    pool.known = class;
  }
}

static void take_out(struct aci_work *work, struct aci_work *before) {
  struct ac_thread_class *class = work->thread_class;
  if (before)
    before->next = work->next;
  else
    class->first = work->next;
  if (class->last == work)
    class->last = before;
  if (!--class->queued)
    unlist_class(class);
}

static void remove_queued(struct aci_work *work) {
  struct aci_work *before = NULL;
  for (struct aci_work *at = work->thread_class->first; at != work;
       at = at->next)
    before = at;
  take_out(work, before);
}

static int room(const struct ac_thread_class *class) {
  int left = class->limit - class->running;
  return left < class->queued ? left : class->queued;
}

/* How many pieces of work could be taken now. */
static int takable(void) {
  int count = 0;
  for (const struct ac_thread_class *at = pool.first; at; at = at->next)
    if (room(at) > 0)
      count += room(at);
  return count;
}

/* The next piece, classes taking turns. */
static struct aci_work *take(void) {
  struct ac_thread_class *class = pool.first;
  while (class && room(class) <= 0)
    class = class->next;
  if (!class)
    return NULL;
  struct aci_work *work = class->first;
  take_out(work, NULL);
  if (class->queued) {
    unlist_class(class);
    list_class(class);
  }
  class->running++;
  work->state = ACI_WORK_RUNNING;
  return work;
}

/* ---- threads ------------------------------------------------------------- */

static void finish(struct aci_work *work, int result) {
  struct aci_offload *home = work->home;
  work->thread_class->running--;
  if (work->state == ACI_WORK_ABANDONED) {
    pthread_mutex_unlock(&pool.lock);
    if (work->drop)
      work->drop(work->arg);
    aci_sys_free(work);
    pthread_mutex_lock(&pool.lock);
    return;
  }
  work->result = result;
  work->state = ACI_WORK_DONE;
  work->next = NULL;
  if (home->first_done)
    home->last_done->next = work;
  else
    home->first_done = work;
  home->last_done = work;
  home->in_flight--;
  aci_loop_attend(home->part.loop, ACI_PARTS);
  pthread_cond_broadcast(&pool.finished);
}

static void run(struct aci_work *work) {
  pthread_mutex_unlock(&pool.lock);
  current = work;
  int result = work->fn(work->arg);
  current = NULL;
  pthread_mutex_lock(&pool.lock);
  finish(work, result);
}

static void change_idle(int by) {
  pool.idle += by;
  aci_sys_idle(by);
}

static struct timespec idle_until(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  int64_t ns = (int64_t)time.tv_nsec + aci_work_idle_ns;
  time.tv_sec += (time_t)(ns / 1000000000);
  time.tv_nsec = (long)(ns % 1000000000);
  return time;
}

/* Work, or NULL when there was none for long. The thread counts as idle before
 * and, unless it ends, not after. */
static struct aci_work *wait_for_work(void) {
  const struct timespec until = idle_until();
  struct aci_work *work = take();
  int code = 0;
  while (!work && code == 0) {
    code = pthread_cond_timedwait(&pool.work, &pool.lock, &until);
    work = take();
  }
  change_idle(-1);
  return work;
}

static void *thread_main(void *unused) {
  (void)unused;
  pthread_setname_np(pthread_self(), "ac pool");
  pthread_mutex_lock(&pool.lock);
  for (struct aci_work *work; (work = wait_for_work());) {
    do
      run(work);
    while ((work = take()));
    change_idle(1);
  }
  pool.threads--;
  pthread_mutex_unlock(&pool.lock);
  return NULL;
}

static int start_thread(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, before;
  int code = pthread_attr_init(&attributes);
  if (code)
    return -code;
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  code = pthread_create(&thread, &attributes, thread_main, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (code)
    return -code;
  pool.threads++;
  change_idle(1);
  return 0;
}

/* There may be more to be taken than before: enough threads are to be there, or
 * on their way. Fails only when there is none at all. */
static int rouse(void) {
  int wanted = takable();
  while (wanted > pool.idle) {
    int code = start_thread();
    if (code)
      return pool.threads ? 0 : code;
  }
  for (int i = 0; i < wanted && i < pool.idle; i++)
    pthread_cond_signal(&pool.work);
  return 0;
}

/* ---- fork ---------------------------------------------------------------- */

static void before_fork(void) { pthread_mutex_lock(&pool.lock); }

static void after_fork(void) { pthread_mutex_unlock(&pool.lock); }

static void init_conditions(void) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&pool.work, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_cond_init(&pool.finished, NULL);
}

static void after_fork_in_child(void) {
  aci_sys_idle(-pool.idle);
  pool.idle = pool.threads = 0;
  pool.first = pool.last = NULL;
  pool.generation++;
  for (struct ac_thread_class *at = pool.known; at; at = at->next_known) {
    at->running = at->queued = 0;
    at->first = at->last = NULL;
  }
  init_conditions();
  pthread_mutex_unlock(&pool.lock);
}

static void init(void) {
  init_conditions();
  pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

/* ---- the loop's end ------------------------------------------------------ */

static void attend(struct aci_part *part) {
  struct aci_offload *home = (struct aci_offload *)(void *)part;
  pthread_mutex_lock(&pool.lock);
  struct aci_work *work = home->first_done;
  home->first_done = NULL;
  pthread_mutex_unlock(&pool.lock);
  while (work) {
    struct aci_work *next = work->next;
    part->loop->working--;
    ac_operation_wake(&work->wait->operation, 0);
    work = next;
  }
}

static void drop_queued(const struct aci_offload *home) {
  for (struct ac_thread_class *at = pool.known; at; at = at->next_known)
    for (struct aci_work *work = at->first, *next; work; work = next) {
      next = work->next;
      if (work->home == home)
        remove_queued(work);
    }
}

/* The tasks are done, and so is their work; unless some could not be ended, and
 * the buffers that threads still write to are about to go. */
static void close_home(struct aci_part *part) {
  struct aci_offload *home = (struct aci_offload *)(void *)part;
  pthread_mutex_lock(&pool.lock);
  if (home->in_flight && home->generation == pool.generation) {
    int queued = 0;
    for (struct ac_thread_class *at = pool.known; at; at = at->next_known)
      for (struct aci_work *work = at->first; work; work = work->next)
        queued += work->home == home;
    drop_queued(home);
    home->in_flight -= queued;
    while (home->in_flight)
      pthread_cond_wait(&pool.finished, &pool.lock);
  }
  pthread_mutex_unlock(&pool.lock);
}

static const struct aci_part_class offload_class = {
    .bytes = sizeof(struct aci_offload), .attend = attend, .close = close_home};

static struct aci_offload *find_home(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, init);
  return (struct aci_offload *)(void *)aci_part_get(aci_thread.loop,
                                                    &offload_class);
}

/* ---- the operation ------------------------------------------------------- */

/* Under the lock. Queued, it is taken back; done, or running and bound to its
 * task, it is not; else the thread goes on with it alone. */
static int withdraw_locked(struct aci_work *work) {
  switch (work->state) {
  case ACI_WORK_QUEUED:
    remove_queued(work);
    work->state = ACI_WORK_NEW;
    break;
  case ACI_WORK_RUNNING:
    if (work->owner) {
      *work->owner = NULL;
      work->state = ACI_WORK_ABANDONED;
      break;
    }
    __atomic_store_n(&work->cancelled, 1, __ATOMIC_RELAXED);
    return 0;
  default:
    __atomic_store_n(&work->cancelled, 1, __ATOMIC_RELAXED);
    return 0;
  }
  __atomic_store_n(&work->cancelled, 1, __ATOMIC_RELAXED);
  work->home->in_flight--;
  return 1;
}

static struct aci_work *work_of(const struct ac_operation *operation) {
  return ((const struct aci_work_wait *)(const void *)operation)->work;
}

static int withdraw(struct ac_operation *operation) {
  struct aci_work *work = work_of(operation);
  pthread_mutex_lock(&pool.lock);
  int code = withdraw_locked(work);
  pthread_mutex_unlock(&pool.lock);
  aci_thread.loop->working -= code;
  return code;
}

static void describe(const struct ac_operation *operation, FILE *out) {
  const struct aci_work *work = work_of(operation);
  pthread_mutex_lock(&pool.lock);
  fprintf(out, "for %s, %s", work->thread_class->name,
          work->state == ACI_WORK_QUEUED ? "queued" : "running");
  pthread_mutex_unlock(&pool.lock);
}

static const struct ac_operation_class work_class = {
    .what = "waits", .withdraw = withdraw, .describe = describe, .outside = 1};

/* A simulated loop must not depend on when threads run. */
static void run_here(struct aci_work *work) {
  struct aci_work *before = current;
  work->state = ACI_WORK_RUNNING;
  work->thread_class->running++;
  work->home->in_flight++;
  run(work);
  current = before;
}

static int submit(struct aci_work *work) {
  struct aci_offload *home = find_home();
  if (!home)
    return AC_ENOMEM;
  work->home = home;
  pthread_mutex_lock(&pool.lock);
  if (home->generation != pool.generation) {
    home->generation = pool.generation;
    home->in_flight = 0;
  }
  int code = 0;
  if (aci_is_simulated(aci_thread.loop)) {
    run_here(work);
  } else {
    push(work);
    code = rouse();
    if (code)
      remove_queued(work);
    else
      home->in_flight++;
  }
  pthread_mutex_unlock(&pool.lock);
  return code;
}

AC_API ac_frame *aci_work_run__ac(void *ret, struct aci_work_wait *wait,
                                  struct aci_work *work);
ac_frame *aci_work_run__ac(void *ret, struct aci_work_wait *wait,
                           struct aci_work *work) {
  (void)ret;
  wait->operation.kind = &work_class;
  wait->work = work;
  work->wait = wait;
  int code = work->thread_class->limit > 0 ? submit(work) : AC_EINVAL;
  if (code)
    return aci_raise(code);
  aci_thread.loop->working++;
  return ac_operation_suspend(&wait->operation);
}

struct aci_work *aci_work_new(struct ac_thread_class *thread_class,
                              int (*fn)(void *arg), void **arg,
                              void (*drop)(void *arg)) {
  struct aci_work *work =
      aci_sys_alloc(sizeof *work, _Alignof(struct aci_work));
  if (!work)
    return NULL;
  *work = (struct aci_work){.thread_class = thread_class,
                            .fn = fn,
                            .arg = *arg,
                            .owner = arg,
                            .drop = drop};
  return work;
}

void aci_work_free(struct aci_work *work) { aci_sys_free(work); }

int aci_work_is_done(const struct aci_work *work) {
  return work->state == ACI_WORK_DONE;
}

int aci_work_was_cancelled(const struct aci_work *work) {
  return __atomic_load_n(&work->cancelled, __ATOMIC_RELAXED) &&
         (ac_cancelling)(ac_running) > 0;
}

int ac_thread_cancelled(void) {
  return current && __atomic_load_n(&current->cancelled, __ATOMIC_RELAXED);
}

int ac_thread_limit(struct ac_thread_class *thread_class, int limit) {
  if (limit < 1)
    return AC_EINVAL;
  pthread_mutex_lock(&pool.lock);
  thread_class->limit = limit;
  rouse();
  pthread_mutex_unlock(&pool.lock);
  return AC_OK;
}
