/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * remote.c - a coroutine object begun as a task of another loop. Its arguments
 * go there in a job, its value comes back in the same; the loops share nothing
 * else. Who sends a message counts as one that needs the job, and so does the
 * origin until it has the answer and knows that its future is done.
 *
 *   origin: ac_start_in --> begin_there --> task --> ended_there :target
 *              finish <------------------------------------'
 *           future done before that --> cancel_there */
#include "internal.h"

struct job {
  atomic_int users;
  ac_loop *origin, *target;
  const struct ac_thunk *thunk;
  int code; /* what the task ended with */
  /* The target's. */
  struct ac_future *task;
  /* The origin's. */
  struct job *next, *prev;  /* ring of its jobs */
  struct ac_future *future; /* NULL: done */
  int waits_for_future, ended;
  _Alignas(max_align_t) char payload[]; /* arguments, then the value */
};

static void leave(struct job *job) {
  if (atomic_fetch_sub(&job->users, 1) == 1)
    aci_sys_free(job);
}

/* ---- messages ------------------------------------------------------------ */

/* Sends it for whom the caller has counted; false: the loop has closed. */
static int post(struct job *job, ac_loop *loop, void (*fn)(void *),
                void (*dropped)(void *)) {
  return aci_post(loop, fn, dropped, job) == AC_OK;
}

static void drop(void *job) { leave(job); }

/* ---- in the origin ------------------------------------------------------- */

static _Thread_local struct job *jobs; /* of this thread's loop */

static void take_out(struct job *job) {
  job->prev->next = job->next;
  job->next->prev = job->prev;
  if (jobs == job)
    jobs = job->next == job ? NULL : job->next;
  leave(job);
}

static void take_out_if_over(struct job *job) {
  if (job->ended && !job->waits_for_future)
    take_out(job);
}

static void finish(void *arg) {
  struct job *job = arg;
  if (job->future && job->code)
    (ac_future_fail)(job->future, job->code);
  else if (job->future)
    ac_future_set_value(job->future, job->payload);
  job->ended = 1;
  take_out_if_over(job);
  leave(job);
}

static void cancel_there(void *arg) {
  struct job *job = arg;
  if (job->task)
    (ac_cancel)(job->task);
  leave(job);
}

static void cancel(struct job *job) {
  atomic_fetch_add(&job->users, 1);
  if (!post(job, job->target, cancel_there, drop))
    leave(job);
}

static void future_done(void *arg) {
  struct job *job = arg;
  job->future = NULL;
  job->waits_for_future = 0;
  if (!job->ended)
    cancel(job);
  take_out_if_over(job);
}

static void leave_all(void *arg) {
  (void)arg;
  while (jobs) {
    if (!jobs->ended)
      cancel(jobs);
    take_out(jobs);
  }
}

/* ---- in the target ------------------------------------------------------- */

static void answer(struct job *job, int code) {
  job->code = code;
  if (!post(job, job->origin, finish, drop))
    leave(job);
}

static void ended_there(void *arg) {
  struct job *job = arg;
  struct ac_future *task = job->task;
  int code = (ac_error)(task);
  if (!code && job->thunk->result_bytes)
    memcpy(job->payload, ac_future_value(task), job->thunk->result_bytes);
  job->task = NULL;
  (ac_release)(task);
  answer(job, code);
}

static void begin_there(void *arg) {
  struct job *job = arg;
  job->task = ac_spawn(job->thunk, job->payload);
  if (!job->task) {
    answer(job, AC_ENOMEM);
    return;
  }
  if (aci_on_done(job->task, ended_there, ended_there, job)) {
    (ac_cancel)(job->task);
    (ac_release)(job->task);
    job->task = NULL;
    answer(job, AC_ENOMEM);
  }
}

static void target_closed(void *job) { answer(job, AC_ECANCELED); }

/* ---- from one to the other ----------------------------------------------- */

static int start(ac_loop *loop, struct ac_future *coro,
                 struct ac_future *future) {
  const struct ac_thunk *thunk = coro->thunk;
  if (aci_kind(&future->node) != ACI_FUTURE ||
      aci_value_bytes(future) != thunk->result_bytes)
    return AC_EINVAL;
  size_t bytes = thunk->args_bytes > thunk->result_bytes ? thunk->args_bytes
                                                         : thunk->result_bytes;
  struct job *job = aci_sys_alloc(sizeof *job + bytes, _Alignof(struct job));
  if (!job)
    return AC_ENOMEM;
  memset(job, 0, sizeof *job);
  memcpy(job->payload, aci_payload(coro), thunk->args_bytes);
  atomic_init(&job->users, 2); /* the message, and this loop */
  job->origin = ac_current_loop();
  job->target = loop;
  job->thunk = thunk;
  job->future = future;
  int code = job->origin->has_jobs ? AC_OK : ac_on_loop_end(leave_all, NULL);
  job->origin->has_jobs |= !code;
  if (!code)
    code = (ac_on_done)(future, future_done, job);
  if (code) {
    aci_sys_free(job);
    return code;
  }
  job->waits_for_future = 1;
  job->next = job->prev = job;
  if (jobs) {
    job->next = jobs;
    job->prev = jobs->prev;
    job->prev->next = job->next->prev = job;
  }
  jobs = job;
  if (!post(job, loop, begin_there, target_closed)) {
    job->ended = 1;
    leave(job);
    (ac_future_fail)(future, AC_ECANCELED);
  }
  return AC_OK;
}

int(ac_start_in)(ac_loop *loop, AC_CORO_HANDLE coro, AC_HANDLE future) {
  struct ac_future *object = (struct ac_future *)(uintptr_t)coro;
  struct ac_future *result = (struct ac_future *)(uintptr_t)future;
  if (!aci_thread.loop)
    return AC_EINVAL;
  if (!object || !result)
    return AC_ENOMEM;
  if (aci_kind(&object->node) != ACI_CORO)
    return AC_EINVAL;
  int code = start(loop, object, result);
  (ac_coro_drop)(object);
  return code;
}
