/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * work.h - a piece of work for the pool of threads, as work.c runs it and
 * thread.ac awaits it. */
#ifndef ACI_WORK_H
#define ACI_WORK_H

#include <ac/ac.h>

enum aci_work_state {
  ACI_WORK_NEW,
  ACI_WORK_QUEUED,
  ACI_WORK_RUNNING,
  ACI_WORK_DONE,     /* result is there, the task is to be woken */
  ACI_WORK_ABANDONED /* runs, and nobody waits: the thread frees it */
};

/* A task that waits for it: lives in a frame, as the work may outlive that. */
struct aci_work_wait {
  struct ac_operation operation; /* first */
  struct aci_work *work;
};

struct aci_work {
  struct aci_work_wait *wait;
  struct ac_thread_class *thread_class;
  int (*fn)(void *arg);
  void *arg;
  void **owner;              /* abandonable: where the caller has arg */
  void (*drop)(void *arg);   /* and what becomes of it */
  struct aci_work *next;     /* in its class's queue, or among those done */
  struct aci_offload *home;  /* of its loop */
  enum aci_work_state state; /* under the pool's lock, as all of this */
  int cancelled;             /* atomic */
  int result;
};

#pragma GCC visibility push(hidden)

/* One that can be abandoned: a block of its own. */
struct aci_work *aci_work_new(struct ac_thread_class *thread_class,
                              int (*fn)(void *arg), void **arg,
                              void (*drop)(void *arg));
void aci_work_free(struct aci_work *work);
/* After an await of the work that ended with an error: true if the work has
 * run all the same. */
int aci_work_is_done(const struct aci_work *work);
/* The task was cancelled while the work ran, and still is. */
int aci_work_was_cancelled(const struct aci_work *work);
/* For how long a thread waits for more work; for tests. */
extern int64_t aci_work_idle_ns;

#pragma GCC visibility pop

/* Queues the work, and waits until it has run. */
_Async void aci_work_run(struct aci_work_wait *wait, struct aci_work *work);

#endif
