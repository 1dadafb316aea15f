/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * loop.c - create, run, end. A turn runs what was ready when it began; what
 * becomes ready meanwhile runs in the next. Between turns, when nothing is
 * ready or BUDGET steps have been made, the loop looks at requests from
 * outside, at the clock and at descriptors, in this order. */
#include "internal.h"
#include "stall.h"
#include "step.h"
#include "trace.h"

__thread int ac_budget;

enum {
  BUDGET = 61, /* tokio's event interval */
  ONE_TURN = ACI_HURRY + 1,
  IO_BUDGET = 256,
  OPERATION_BUDGET = 128,
  /* The main task may catch a deadlock's error and go on; but not for ever. */
  DEADLOCK_LIMIT = 100,
  /* How often tasks may make others while the loop ends, or swallow their
   * cancellation and get stuck, to no end. */
  END_ROUND_LIMIT = 100
};

/* ---- one turn ------------------------------------------------------------ */

/* The address of ac_running, which the compiler then keeps rather than finds
 * again for each step. */
static inline struct ac_future **running_place(void) {
  struct ac_future **place = &ac_running;
  __asm__("" : "+r"(place));
  return place;
}

/* Whether the task goes straight on, with what it has been handed if there is
 * anything. */
static inline int goes_on(struct aci_node *node) {
  if (AC_LIKELY(!(node->flags & ACI_SLOW)))
    return 1;
  if ((node->flags & ACI_SLOW) != ACI_GRANTED)
    return 0;
  node->flags &= ~ACI_GRANTED;
  return 1;
}

/* Steps while one task alone is ready: as long as it yields it does not go
 * through the queue. The budget is at least 1. */
static inline void run_alone(ac_loop *loop, struct aci_node *node,
                             struct ac_future **running) {
  struct ac_future *task = aci_of_node(node);
  *running = task;
  loop->budget--;
  for (;;) {
    ac_frame *frame = task->leaf.parent;
    ac_frame *parent = frame->parent;
    const struct ac_desc *desc = frame->desc;
    ac_frame *status = desc->resume(frame, NULL);
    if (AC_UNLIKELY(!aci_suspended(status))) {
      aci_run_outwards(loop, task, parent, status, desc);
      return;
    }
    if ((node->flags & (ACI_WAIT | ACI_SLOW)) || --loop->budget == 0 ||
        !aci_queue_is_empty(&loop->ready))
      break;
  }
  /* What is needed from here on is not to be in registers in the loop. */
  __asm__ __volatile__("" ::: "memory");
  aci_task_suspended(loop, task);
}

/* Steps of all that is ready, of which `node` is the first. */
static inline void run_all(ac_loop *loop, struct aci_node *node,
                           struct ac_future **running) {
  loop->ready.last->next = NULL;
  aci_queue_init(&loop->ready);
  do {
    struct aci_node *next = node->next;
    loop->budget--;
    if (AC_UNLIKELY(node->flags & ACI_SLOW)) {
      /* What that needs is not to be in registers here. */
      __asm__("" : "+r"(node));
      aci_special_step(loop, node);
    } else {
      aci_step(loop, node, running);
    }
    node = next;
  } while (node);
  __asm__("" : "+m"(loop->budget)); /* likewise */
}

/* Runs turns until nothing is ready or the budget is used up. */
static void run_ready(ac_loop *loop) {
  struct ac_future **running = running_place();
  do {
    /* An empty queue's anchor, which is special, is its own next. */
    struct aci_node *node = loop->ready.anchor.next;
    if (node == loop->ready.last && goes_on(node)) {
      aci_queue_init(&loop->ready);
      run_alone(loop, node, running);
    } else if (node != &loop->ready.anchor) {
      run_all(loop, node, running);
    } else {
      return;
    }
  } while (loop->budget > ACI_HURRY);
}

static void attend(ac_loop *loop) {
  int bits = atomic_exchange(&loop->attention, 0);
  if (bits & ACI_POSTED)
    aci_call_collect(loop);
  if (bits & ACI_INTERRUPTED) {
    loop->interrupted = 1;
    aci_cancel(loop->main);
  }
  if (bits & ACI_PARTS)
    aci_parts_attend(loop);
  if (bits & ACI_DUMP)
    ac_dump_tasks(stderr);
}

void aci_loop_attend(ac_loop *loop, int bits) {
  atomic_fetch_or(&loop->attention, bits);
  if (atomic_load(&loop->blocked))
    loop->driver.class->wake(&loop->driver);
}

/* Nothing is ready and nothing will be. Ends the main task with AC_EDEADLK,
 * so that it tidies up. */
static void deadlock(ac_loop *loop) {
  if (atomic_load(&loop->attention))
    return;
  if (!loop->closing && !loop->deadlocks)
    aci_report("the loop can never wake again: nothing is ready, and no "
               "timer, descriptor or thread is waited for",
               NULL, AC_EDEADLK);
  if (loop->closing || ++loop->deadlocks > DEADLOCK_LIMIT) {
    loop->stuck = 1;
    loop->stop = 1;
    return;
  }
  struct ac_future *task = loop->main;
  if (aci_withdraw(task))
    aci_wake_error(loop, task, AC_EDEADLK);
}

static void block(ac_loop *loop, int64_t when_ns) {
  atomic_store(&loop->blocked, 1);
  /* What was asked before that gets no wake. */
  aci_io_poll(loop, atomic_load(&loop->attention) ? 0 : when_ns);
  atomic_store(&loop->blocked, 0);
  aci_stall_running(loop);
}

static int has_news(const ac_loop *loop) {
  return !aci_queue_is_empty(&loop->ready) || atomic_load(&loop->attention);
}

/* Nothing that the loop knows of will wake it. False: nor will anything else,
 * as it is not held, and there are no other threads that may know it. To count
 * those takes longer than most waits for them, so it waits a little before. */
static int can_be_woken(ac_loop *loop) {
  if (atomic_load(&loop->holds) > 0)
    return 1;
  if (!loop->exposed)
    return 0;
  if (!loop->virtual_clock)
    block(loop, aci_sys_now() + ACI_IDLE_NS);
  return has_news(loop) || aci_sys_thread_count() > 1;
}

void aci_loop_wait(ac_loop *loop) {
  block(loop, -1);
  attend(loop);
}

/* When something will be due by itself; -1: never. Nobody lives to see the
 * end of time. */
static int64_t next_due(const ac_loop *loop) {
  int64_t next_ns = aci_wheel_next(&loop->wheel);
  if (!loop->virtual_clock)
    return next_ns;
  if (next_ns == INT64_MAX)
    next_ns = -1;
  if (!aci_is_simulated(loop))
    return next_ns;
  int64_t event_ns = loop->driver.class->next_event(&loop->driver);
  return event_ns >= 0 && (next_ns < 0 || event_ns < next_ns) ? event_ns
                                                              : next_ns;
}

static void set_virtual_clock(ac_loop *loop, int64_t clock_ns) {
  if (clock_ns <= loop->virtual_ns)
    return;
  loop->virtual_ns = clock_ns;
  aci_note_moment(loop, clock_ns);
}

/* In the usual loop and in that which is traced, so that neither calls it. */
#define PART_OF_BOTH static inline __attribute__((always_inline))

PART_OF_BOTH void wait_for_something(ac_loop *loop) {
  int64_t next_ns = next_due(loop);
  if (next_ns < 0 && !aci_io_waits_outside(loop) && !loop->waiting_outside &&
      !can_be_woken(loop)) {
    deadlock(loop);
    return;
  }
  if (!aci_queue_is_empty(&loop->ready))
    return;
  if (loop->virtual_clock && loop->working) {
    block(loop, -1);
    return;
  }
  if (!loop->virtual_clock || next_ns < 0) {
    block(loop, next_ns);
    return;
  }
  aci_io_poll(loop, 0);
  if (aci_is_simulated(loop))
    next_ns = next_due(loop); /* the poll may have begun something */
  if (!has_news(loop))
    set_virtual_clock(loop, next_ns);
}

static inline void look_at_clock(ac_loop *loop) {
  ac_running = NULL;
  loop->turns++;
  loop->budget = loop->turns_budget;
  loop->io_budget = IO_BUDGET;
  ac_budget = OPERATION_BUDGET;
  if (atomic_load_explicit(&loop->attention, memory_order_relaxed))
    attend(loop);
  if (loop->wheel.levels) {
    int64_t now_ns = aci_clock(loop);
    aci_note_moment(loop, now_ns);
    aci_wheel_advance(loop, now_ns);
  }
}

PART_OF_BOTH void poll_between_turns(ac_loop *loop) {
  if (aci_queue_is_empty(&loop->ready))
    wait_for_something(loop);
  else if (loop->waiting_fds || loop->driver.under_way || loop->driver.asked) {
    aci_io_poll(loop, 0);
    aci_stall_running(loop);
  }
}

static inline void shuffle(ac_loop *loop) {
  if (AC_UNLIKELY(loop->shuffle != 0))
    aci_shuffle(&loop->ready, &loop->shuffle);
}

static void between_turns(ac_loop *loop) {
  look_at_clock(loop);
  if (loop->stop)
    return;
  poll_between_turns(loop);
  shuffle(loop);
}

static void __attribute__((cold)) between_turns_traced(ac_loop *loop) {
  aci_trace_between_begin(loop->trace, "requests and timers");
  look_at_clock(loop);
  aci_trace_between_end(loop->trace);
  if (loop->stop)
    return;
  aci_trace_between_begin(loop->trace, "poll");
  poll_between_turns(loop);
  aci_trace_between_end(loop->trace);
  shuffle(loop);
}

/* One look around, without blocking, and a budget's worth of steps. */
void aci_loop_step(ac_loop *loop) {
  int64_t now_ns = aci_sys_now();
  look_at_clock(loop);
  aci_io_poll(loop, 0);
  if (!aci_queue_is_empty(&loop->ready)) {
    loop->idle_ns = now_ns;
  } else if (loop->unverified && now_ns - loop->idle_ns >= ACI_IDLE_NS) {
    loop->idle_ns = now_ns;
    aci_fd_verify(loop);
  }
  int64_t next_ns = next_due(loop);
  if (loop->virtual_clock && aci_queue_is_empty(&loop->ready) &&
      !atomic_load(&loop->attention) && next_ns >= 0 && next_ns != INT64_MAX) {
    set_virtual_clock(loop, next_ns);
    aci_wheel_advance(loop, aci_clock(loop));
  }
  if (loop->trace)
    aci_trace_run_ready(loop);
  else
    run_ready(loop);
  /* The host waits for the descriptor alone. */
  aci_io_settle(loop);
  ac_running = NULL;
}

static void __attribute__((cold)) run_traced(ac_loop *loop) {
  do {
    aci_trace_run_ready(loop);
    between_turns_traced(loop);
  } while (!loop->stop);
}

void aci_loop_run(ac_loop *loop) {
  loop->stop = 0;
  if (loop->trace)
    run_traced(loop);
  while (!loop->stop) {
    run_ready(loop);
    between_turns(loop);
  }
  ac_running = NULL;
}

/* ---- from beginning to end ----------------------------------------------- */

static void be_simulated(ac_loop *loop) {
  loop->virtual_clock = 1;
  loop->random = loop->driver.random;
  loop->shuffle = loop->driver.shuffle;
  if (loop->shuffle)
    loop->turns_budget = loop->budget = ONE_TURN;
}

int aci_loop_open(ac_loop **result) {
  ac_loop *loop = aci_sys_alloc_zeroed(sizeof *loop);
  if (!loop)
    return AC_ENOMEM;
  loop->ready.anchor.flags = ACI_SPECIAL;
  aci_queue_init(&loop->ready);
  aci_queue_init(&loop->posted);
  loop->budget = loop->turns_budget = BUDGET;
  loop->io_budget = IO_BUDGET;
  ac_budget = OPERATION_BUDGET;
  loop->unattended = -1;
  int code = aci_io_open(loop);
  if (code) {
    aci_sys_free(loop);
    return code;
  }
  aci_pool_init(&loop->objects, ACI_OBJECT_LIMIT);
  aci_pool_init(&loop->frames, ACI_BLOCK_LIMIT);
  loop->virtual_clock = aci_thread.virtual_clock;
  aci_thread.virtual_clock = 0;
  if (aci_is_simulated(loop))
    be_simulated(loop);
  int64_t now_ns = aci_clock(loop);
  loop->wheel.time_ns = (uint64_t)now_ns;
  aci_note_moment(loop, now_ns);
  aci_call_open(loop);
  aci_thread.loop = loop;
  loop->trace = aci_trace_open(loop);
  aci_stall_open(loop);
  *result = loop;
  return AC_OK;
}

static void report_left(struct ac_future *object, void *arg) {
  (void)arg;
  if ((object->node.flags & (ACI_DONE | ACI_FAILED)) == (ACI_DONE | ACI_FAILED))
    aci_report_unseen(object);
}

void aci_loop_close(ac_loop *loop) {
  aci_stall_close(loop);
  aci_call_ends(loop);
  aci_parts_close(loop);
  aci_signal_forget(loop);
  aci_call_close(loop);
  if (loop->failures)
    aci_each_object(loop, report_left, NULL);
  aci_io_close(loop);
  aci_trace_close(loop->trace);
  aci_pool_close(&loop->frames);
  aci_pool_close(&loop->objects);
  aci_thread.loop = NULL;
  ac_running = NULL;
  aci_sys_free(loop);
}

static void end_task(struct ac_future *object, void *arg) {
  ac_loop *loop = arg;
  uint32_t flags = object->node.flags;
  if (aci_kind(&object->node) != ACI_TASK || (flags & ACI_DONE) ||
      ((flags & ACI_ENDING) && !loop->stuck))
    return;
  if (!(flags & ACI_ENDING))
    loop->ending++;
  object->node.flags |= ACI_ENDING;
  aci_cancel(object);
}

void aci_loop_cancel(ac_loop *loop) {
  aci_each_object(loop, end_task, loop);
  loop->stuck = 0;
}

/* Cancels what is left and runs it to its end. What that creates meanwhile may
 * be needed for it, so it runs; what is left of that then is next. Tasks that
 * have swallowed their cancellation and now wait for what will never be are
 * cancelled once more. */
void aci_loop_end_tasks(ac_loop *loop) {
  loop->closing = 1;
  size_t fewest = loop->live;
  for (int round = 0; loop->live; round++) {
    if (loop->live < fewest) {
      fewest = loop->live;
      round = 0;
    }
    if (round > END_ROUND_LIMIT) {
      aci_report("the loop ended with tasks that cannot be ended", NULL,
                 AC_EDEADLK);
      return;
    }
    aci_loop_cancel(loop);
    aci_loop_run(loop);
  }
}

static int take_result(struct ac_future *main, void *result, size_t bytes) {
  if (!(main->node.flags & ACI_DONE))
    return AC_EDEADLK;
  main->node.flags |= ACI_SEEN;
  if (main->node.flags & ACI_FAILED)
    return main->node.error;
  if (result)
    aci_copy(result, aci_payload(main), bytes);
  return AC_OK;
}

/* What to run: a call, or a coroutine object. */
struct entry {
  const struct ac_thunk *thunk;
  const void *args;
  struct ac_coro *coro;
  int with_signals;
};

static int run(const struct entry *entry, void *result, size_t result_bytes,
               int *interrupted) {
  ac_loop *loop;
  int code = aci_thread.loop ? AC_EINVAL : aci_loop_open(&loop);
  if (!code) {
    aci_stack_begin();
    loop->main = entry->coro ? ac_spawn_coro(entry->coro)
                             : ac_spawn(entry->thunk, entry->args);
    code = loop->main ? AC_OK : entry->coro ? AC_EINVAL : AC_ENOMEM;
    if (!code && entry->with_signals)
      code = aci_signal_open(loop);
    if (!code) {
      loop->main_end.flags = ACI_END;
      aci_ring_append(&loop->main->waiters, &loop->main_end);
      aci_loop_run(loop);
      code = take_result(loop->main, result, result_bytes);
    }
    if (entry->with_signals)
      aci_signal_close(loop);
    if (loop->main)
      aci_loop_end_tasks(loop);
    if (interrupted)
      *interrupted = loop->interrupted;
    aci_loop_close(loop);
    aci_stack_end();
  }
  if (code && result)
    memset(result, 0, result_bytes);
  aci_thread.run_error = code;
  return code;
}

int ac_run_thunk(const struct ac_thunk *thunk, const void *args, void *result) {
  const struct entry entry = {.thunk = thunk, .args = args};
  return run(&entry, result, thunk->result_bytes, NULL);
}

int ac_run_coro(struct ac_coro *coro, void *result) {
  struct ac_future *object = (struct ac_future *)(void *)coro;
  if (!object) {
    aci_thread.run_error = AC_ENOMEM;
    return AC_ENOMEM;
  }
  const struct entry entry = {.coro = coro};
  return run(&entry, result, aci_value_bytes(object), NULL);
}

int ac_run_main(const struct ac_thunk *thunk, const void *args, int *result) {
  const struct entry entry = {.thunk = thunk, .args = args, .with_signals = 1};
  int interrupted = 0;
  int code = run(&entry, result, thunk->result_bytes, &interrupted);
  if (code == AC_ECANCELED && interrupted)
    return 130;
  if (code) {
    fprintf(stderr, "%s: ended with error %d (%s)\n", thunk->name, code,
            ac_strerror(code));
    return 1;
  }
  return thunk->result_bytes ? *result : 0;
}

int ac_run_error(void) { return aci_thread.run_error; }
