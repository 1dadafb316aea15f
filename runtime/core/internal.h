/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * internal.h - what the runtime's files share and users never see, in
 * sections headed by the file that defines them.
 *
 * Everything that can wait or be queued has a node (list.h). A task's node
 * doubles as its place in the ready queue, in the timer wheel, or in the ring
 * of a future's waiters: a task waits for one thing at a time. */
#ifndef ACI_INTERNAL_H
#define ACI_INTERNAL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <ac/ac.h>

#include "calls.h"
#include "driver.h"
#include "list.h"
#include "sys.h"

#pragma GCC visibility push(hidden)

/* ---- flags of a node ----------------------------------------------------- */

/* What the node is part of. */
enum aci_kind {
  ACI_FREE, /* an unused block of the objects' pool: must be 0 */
  ACI_TASK,
  ACI_FUTURE,
  ACI_CORO,
  ACI_USED_CORO,
  ACI_CALL,        /* struct aci_call, of ac_call_soon or ac_on_done */
  ACI_TIMER,       /* struct ac_timer */
  ACI_MEMBER,      /* struct aci_member, one handle of a group */
  ACI_SCOPE,       /* the deadline of a struct ac_scope */
  ACI_GROUP_TIMER, /* the deadline of a struct aci_group */
  ACI_WATCH,       /* struct ac_watch */
  ACI_EXTRA,       /* struct aci_extra, the first in its task's ring */
  ACI_CREW,        /* a member of a task group, in its task's ring */
  ACI_END,         /* the loop, in the ring of its main task */
  ACI_HELD_BY,     /* struct ac_held, in the ring of the task that holds it */
  ACI_COMPLETION   /* one handle of an ac_as_completed */
};

/* What a task is suspended on; the flags' field ACI_WAIT. None while it is
 * running, ready, new or done. */
enum aci_wait {
  ACI_WAIT_NONE,
  ACI_WAIT_TIMER,
  ACI_WAIT_FUTURE,
  ACI_WAIT_SHIELDED, /* a future that is not to be cancelled */
  ACI_WAIT_FD,
  ACI_WAIT_GROUP,
  ACI_WAIT_LINE, /* an event, a lock: sync/line.c */
  ACI_WAIT_OPERATION
};

#define ACI_KIND 0xfu /* enum aci_kind */
#define ACI_SPECIAL                                                            \
  (1u << 4)                    /* in the ready queue: not a task, or one that  \
                                */
#define ACI_SCOPED ACI_SPECIAL /* ... is in a scope that was cancelled */
#define ACI_NEW (1u << 5)      /* a task that has not begun */
#define ACI_CANCEL (1u << 6)   /* a cancellation is to be delivered */
#define ACI_FAILURE (1u << 7)  /* to be woken with the error in the node */
#define ACI_BARE (1u << 8)     /* a task whose only frame is its leaf */
#define ACI_DONE (1u << 9)     /* a value, or an error */
#define ACI_FAILED (1u << 10)  /* done, with the error in the node */
#define ACI_SEEN (1u << 11)    /* somebody has received its error */
#define ACI_HELD (1u << 12)    /* the user's handle */
#define ACI_OWNED (1u << 13)   /* the await releases what it waits for */
#define ACI_GRANTED ACI_OWNED  /* ready: the line that the node still names    \
                                  has handed it something */
#define ACI_ENDING (1u << 14)  /* cancelled because the loop ends */
#define ACI_BIG (1u << 15)     /* the block has a struct aci_big in front */
#define ACI_TIMED (1u << 16)   /* a timer that is in the wheel */
#define ACI_BELOW                                                              \
  (1u << 16) /* a task that runs below another one that it                     \
                has begun on its C stack */
#define ACI_READER                                                             \
  (1u << 17)                  /* waits for input of a descriptor, or is ready  \
                                 to receive from it ... */
#define ACI_WRITER (1u << 18) /* ... for output */
#define ACI_WAIT_SHIFT 19     /* 3 bits: enum aci_wait */
#define ACI_ALIGN_SHIFT 22    /* 4 bits: log2 of the payload's alignment - 3 */
#define ACI_SIZE_SHIFT 26     /* 6 bits: an object's size class, unless big */
#define ACI_WAIT (7u << ACI_WAIT_SHIFT)
#define ACI_ALIGN (15u << ACI_ALIGN_SHIFT)

/* What takes a node of the ready queue off the straight path. */
#define ACI_SLOW                                                               \
  (ACI_SPECIAL | ACI_NEW | ACI_CANCEL | ACI_FAILURE | ACI_BARE | ACI_GRANTED | \
   ACI_READER)

static inline enum aci_kind aci_kind(const struct aci_node *node) {
  return (enum aci_kind)(node->flags & ACI_KIND);
}

static inline enum aci_wait aci_wait(const struct aci_node *node) {
  return (enum aci_wait)((node->flags & ACI_WAIT) >> ACI_WAIT_SHIFT);
}

/* ---- tasks, futures and coroutine objects -------------------------------- */

/* All three are this. A task holds a frame of its own, the leaf: what every
 * primitive operation returns when it suspends, since only one can be
 * suspended in a task at a time. So sleeping or awaiting allocates nothing,
 * and waking resumes leaf.parent. The leaf's members desc, state and since
 * are free for other use, for callers touch parent and ret alone. */
struct ac_future {
  union {
    ac_frame leaf;
    struct {
      struct aci_node *waiters; /* ring, in order of registration */
      union {
        ac_frame *unused_parent;
        uint32_t bare_since; /* ACI_BARE: in the place of the frame's `since` */
      };
      union {
        void *unused_ret;
        const struct ac_thunk *thunk; /* not begun: what to call */
        const char *function;         /* done: for messages */
      };
      struct aci_node node;
    };
  };
  /* The payload follows, aligned: first the arguments, then the result. */
};

_Static_assert(offsetof(struct ac_future, leaf.parent) ==
                   offsetof(struct ac_future, unused_parent),
               "the leaf's links lie where a frame has them");
_Static_assert(offsetof(struct ac_future, node) ==
                   offsetof(struct ac_future, leaf.state),
               "the node begins where nobody looks at the leaf");

/* node.extra: size of the value, requests to cancel, and what else keeps a
 * done object from being freed. The counts saturate. */
#define ACI_VALUE_BYTES 0x3ffu /* 0x3ff: see struct aci_big */
#define ACI_CANCEL_ONE (1u << 10)
#define ACI_CANCEL_COUNT (0xfffu << 10)
#define ACI_PIN_ONE (1u << 22)
#define ACI_PINS (0x3ffu << 22)

/* The thread's own variables; with ac_running, the task. */
struct aci_thread {
  ac_loop *loop;                               /* NULL outside of ac_run */
  int error;                                   /* raised, not yet taken */
  int run_error;                               /* how the last ac_run ended */
  int virtual_clock;                           /* wanted for the next loop */
  const struct aci_driver_class *driver_class; /* likewise; or NULL */
  ac_error_handler *error_handler;             /* NULL: the default */
  void *error_arg;
};

#if defined(__PIC__) && !defined(__PIE__)
#define ACI_TLS __attribute__((tls_model("initial-exec")))
#else
#define ACI_TLS
#endif
extern _Thread_local struct aci_thread aci_thread ACI_TLS;

static inline struct ac_future *aci_of_node(struct aci_node *node) {
  return (struct ac_future *)(void *)((char *)node -
                                      offsetof(struct ac_future, node));
}

/* Where an object's payload begins, by its flags. */
static inline size_t aci_payload_offset(uint32_t flags) {
  if (AC_LIKELY(!(flags & ACI_ALIGN)))
    return sizeof(struct ac_future);
  size_t align = (size_t)8 << ((flags & ACI_ALIGN) >> ACI_ALIGN_SHIFT);
  return (sizeof(struct ac_future) + align - 1) & (0 - align);
}

static inline void *aci_payload(const struct ac_future *object) {
  return (char *)(uintptr_t)object + aci_payload_offset(object->node.flags);
}

static inline ac_frame *aci_raise(int code) {
  aci_thread.error = code;
  return AC_RAISED;
}

static inline int aci_suspended(const ac_frame *frame) {
  return (uintptr_t)frame > (uintptr_t)AC_RAISED;
}

static inline void aci_copy(void *to, const void *from, size_t bytes) {
  if (bytes == 8)
    memcpy(to, from, 8);
  else if (bytes == 4)
    memcpy(to, from, 4);
  else if (bytes)
    memcpy(to, from, bytes);
}

/* ---- frame.c ------------------------------------------------------------- */

/* Free lists of blocks of one size each, carved from chunks that live as long
 * as the loop. Block sizes are multiples of 8 up to ACI_BLOCK_LIMIT; a block
 * whose size is a multiple of a power of two is aligned to that, as chunks
 * begin at page boundaries. Larger ones are allocated one by one. */
#define ACI_BLOCK_LIMIT 4096
#define ACI_ROUND_UP(bytes) (((bytes) + 7) & ~(size_t)7)
/* Objects, whose size class has few bits. */
#define ACI_OBJECT_LIMIT (63 * 8)

struct aci_chunk {
  struct aci_chunk *next; /* older, of the same size class */
  char *begin, *unused, *end;
};

/* In front of a block that was allocated by itself. */
struct aci_big {
  struct aci_big *next, *prev; /* a ring through pool->big, or by itself */
  void *memory;                /* what to free */
  size_t value_bytes;
};

struct aci_pool {
  /* Blocks above it are allocated one by one. 0 under AddressSanitizer, which
   * then sees each block's end, and when allocations are made to fail. */
  size_t limit;
  void *free[ACI_BLOCK_LIMIT / 8 + 1];
  struct aci_chunk *chunks[ACI_BLOCK_LIMIT / 8 + 1];
  struct aci_big big;
};

void aci_pool_init(struct aci_pool *pool, size_t limit);
void aci_pool_close(struct aci_pool *pool);
/* More free blocks for the size; NULL or one block, taken off the list. */
void *aci_pool_refill(struct aci_pool *pool, size_t bytes);
/* A block by itself. pool NULL: one that outlives every loop. */
void *aci_big_new(struct aci_pool *pool, size_t bytes, size_t align);
/* The pool's close frees it from now on, if no other's does. */
void aci_big_adopt(struct aci_pool *pool, void *block);
void aci_big_free(void *block);

static inline struct aci_big *aci_big(const void *block) {
  return (struct aci_big *)(uintptr_t)block - 1;
}

/* The free list for blocks of that size, a multiple of 8. */
static inline void **aci_pool_list(struct aci_pool *pool, size_t bytes) {
  return (void **)(void *)((char *)pool->free + bytes);
}

/* A block of `bytes`, a multiple of 8 and at most pool->limit. */
static inline void *aci_pool_take(struct aci_pool *pool, size_t bytes) {
  void **list = aci_pool_list(pool, bytes);
  void *block = *list;
  if (AC_UNLIKELY(!block))
    return aci_pool_refill(pool, bytes);
  *list = *(void **)block;
  return block;
}

static inline void aci_pool_give(struct aci_pool *pool, void *block,
                                 size_t bytes) {
  void **list = aci_pool_list(pool, bytes);
  *(void **)block = *list;
  *list = block;
}

/* Memory from the current loop for whatever is not an object or a frame. */
void *aci_block_new(size_t bytes);
void aci_block_free(void *block, size_t bytes);

/* Calls visit for every object (task, future, coroutine object) of the loop.
 * visit may free any of them, and make others. */
void aci_each_object(ac_loop *loop,
                     void (*visit)(struct ac_future *object, void *arg),
                     void *arg);
/* A number by which listings call the object; changes only when others are
 * made. */
size_t aci_object_number(ac_loop *loop, const struct ac_future *object);

/* ---- timer.c ------------------------------------------------------------- */

/* A hierarchical timing wheel in nanoseconds: level n has a slot for each
 * value of the nth digit of a deadline, in base 4096. A node is at the level of
 * the highest digit in which its deadline differs from time_ns. */
#define ACI_LEVELS 6
#define ACI_DIGIT_BITS 12
#define ACI_DIGITS (1 << ACI_DIGIT_BITS)

struct aci_wheel {
  uint64_t time_ns; /* all earlier deadlines have been met */
  uint32_t levels;  /* bit n: some slot of level n is occupied */
  struct {
    uint64_t words; /* bit n: the nth word is not 0 */
    uint64_t occupied[ACI_DIGITS / 64];
    struct aci_node *slots[ACI_DIGITS]; /* rings */
  } level[ACI_LEVELS];
};

/* node->when_ns is the deadline. */
void aci_wheel_add(struct aci_wheel *wheel, struct aci_node *node);
void aci_wheel_remove(struct aci_wheel *wheel, struct aci_node *node);
/* Lets everything up to now_ns expire, in order of deadlines. */
void aci_wheel_advance(ac_loop *loop, int64_t now_ns);
/* When to advance next; not later than the next deadline. -1: no timer. */
int64_t aci_wheel_next(const struct aci_wheel *wheel);

/* The loop's clock, read afresh. */
int64_t aci_clock(const ac_loop *loop);
/* The clock's reading that many seconds from now. */
int64_t aci_deadline(const ac_loop *loop, double seconds);

/* ---- stall.c ------------------------------------------------------------- */

/* A loop that is watched. The stall thread's, but for what is set once. */
struct aci_stall {
  struct aci_stall *next;
  ac_loop *loop;
  struct ac_future *const *running; /* the thread's ac_running */
  clockid_t processor;              /* how long the thread has run */
  int thread_id;
  uintptr_t stack;    /* an address in the frame that opened the loop */
  uint64_t progress;  /* the loop's when it was last looked at ... */
  int64_t used_ns;    /* ... and the thread's clock */
  int64_t since_ns;   /* when it was there first */
  int64_t stalled_ns; /* what counts of that */
  int reported;
  int is_virtual;  /* the loop keeps its `moment` itself */
  char title[128]; /* of the task that is reported */
};

/* ---- loop.c -------------------------------------------------------------- */

/* What another thread or a signal handler asks of the loop: bits. */
#define ACI_POSTED 1
#define ACI_INTERRUPTED 2
#define ACI_DUMP 4
#define ACI_PARTS 8

#define ACI_HURRY 1

struct ac_loop {
  struct aci_queue ready;
  /* Steps until the loop looks at clock, descriptors and other threads, even
   * if tasks are ready all the time. It does so at the end of a turn that
   * leaves ACI_HURRY or less. */
  int budget;
  unsigned turns;   /* how often it has done so */
  int turns_budget; /* what it begins with */
  uint64_t shuffle; /* ready tasks run in an order drawn from it; 0: FIFO */
  /* Operations on descriptors that may succeed at once until then. */
  int io_budget;
  int stop;        /* leave the loop when the current batch is done */
  int interrupted; /* by SIGINT */
  int closing;     /* the main task is done, the others are cancelled */
  int stuck;       /* by a deadlock that nobody can be told of */
  size_t ending;   /* tasks that were cancelled for that and are not done */
  int failures;    /* some task or future has failed */
  size_t live;     /* tasks that are not done */
  uint64_t random; /* of ac_select's choices */
  struct ac_future *main;
  struct aci_node main_end; /* waits for it */

  struct aci_wheel wheel;
  int virtual_clock;
  int64_t virtual_ns;
  int deadlocks; /* how often the main task was woken by one */

  /* guest.c: another loop drives it */
  int guest;
  int stepping;
  int64_t idle_ns; /* when something was last ready */

  /* fd.c, io.c */
  struct aci_fd *fds;
  int fd_count;
  unsigned made_nonblocking; /* bits: of the first ACI_SHARED_FDS */
  int waiting_fds;     /* tasks that wait, each side counted, and watches */
  int waiting_outside; /* tasks in operations that end from outside */
  int working;         /* those that do so by themselves: virtual time waits */
  int unverified;      /* some entry is */
  int unattended;      /* a descriptor whose connections nobody asks for; -1 */
  struct aci_node *starved; /* accepts that are out of descriptors */
  struct aci_driver driver;

  /* call.c, signal.c: for other threads */
  atomic_int attention;
  atomic_int blocked; /* in the driver, or about to be */
  atomic_long holds;
  int exposed;          /* its address is known to the program */
  int has_jobs;         /* in other loops: remote.c */
  struct aci_end *ends; /* to be called when it ends, last first */
  struct aci_queue posted;
  ac_loop *next_loop;
  const struct aci_layout_entry *layout; /* so that it is linked */
  /* The clock as tasks that begin to wait take it down: aci_moment's, at most
   * a twentieth of a second ago. The stall thread writes it too. */
  atomic_uint moment;

  struct aci_part *parts;  /* part.c */
  struct aci_trace *trace; /* trace.c; mostly NULL */
  struct aci_stall stall;  /* stall.c */

  struct aci_pool objects;
  struct aci_pool frames;
};

/* A reading of the clock in the few bits that there are for it in a task that
 * waits: 17 ms are one, and what has lasted for more than two years has begun
 * later. */
#define ACI_MOMENT_SHIFT 24
static inline uint32_t aci_moment(int64_t clock_ns) {
  return (uint32_t)((uint64_t)clock_ns >> ACI_MOMENT_SHIFT);
}
static inline void aci_note_moment(ac_loop *loop, int64_t clock_ns) {
  atomic_store_explicit(&loop->moment, aci_moment(clock_ns),
                        memory_order_relaxed);
}
static inline uint32_t aci_last_moment(const ac_loop *loop) {
  return atomic_load_explicit(&loop->moment, memory_order_relaxed);
}

static inline void aci_ready(ac_loop *loop, struct aci_node *node) {
  aci_queue_push(&loop->ready, node);
}

/* Has the loop stop soon. */
static inline void aci_stop(ac_loop *loop) {
  loop->stop = 1;
  loop->budget = ACI_HURRY;
}

/* Runs the loop until it is stopped, or can never wake again. */
void aci_loop_run(ac_loop *loop);
/* Waits for whatever comes from outside, and runs no task. */
void aci_loop_wait(ac_loop *loop);
/* Takes what has come from outside, and lets what is ready run for a while. */
void aci_loop_step(ac_loop *loop);
int aci_loop_open(ac_loop **result);
/* Cancels every task that is left, once each. */
void aci_loop_cancel(ac_loop *loop);
/* The same, and runs them to their end. */
void aci_loop_end_tasks(ac_loop *loop);
/* The memory of tasks that have not ended goes with it. */
void aci_loop_close(ac_loop *loop);
/* Wakes it from any thread or signal handler, to look at the bits. */
void aci_loop_attend(ac_loop *loop, int bits);

/* ---- shuffle.c ----------------------------------------------------------- */

/* state: of the random numbers, not 0. */
void aci_shuffle(struct aci_queue *ready, uint64_t *state);

/* ---- part.c -------------------------------------------------------------- */

struct aci_part;
struct aci_part_class {
  size_t bytes; /* of the struct that begins with an aci_part; zeroed */
  /* Another thread has set ACI_PARTS. Runs no task; may be NULL. */
  void (*attend)(struct aci_part *part);
  /* The loop goes, its tasks are done. */
  void (*close)(struct aci_part *part);
};
struct aci_part {
  const struct aci_part_class *class;
  ac_loop *loop;
  struct aci_part *next;
};

/* The loop's part of that class, made if need be; NULL: out of memory. */
struct aci_part *aci_part_get(ac_loop *loop,
                              const struct aci_part_class *class);
struct aci_part *aci_part_find(const ac_loop *loop,
                               const struct aci_part_class *class);
void aci_parts_attend(ac_loop *loop);
void aci_parts_close(ac_loop *loop);

/* ---- task.c -------------------------------------------------------------- */

/* An object with value and arguments; NULL when out of memory. */
struct ac_future *aci_object_new(ac_loop *loop, uint32_t flags,
                                 size_t payload_bytes, size_t align,
                                 size_t value_bytes);
void aci_object_free(struct ac_future *object);
/* Frees a done object that has no handle any more, unless it is pinned. */
void aci_drop(struct ac_future *object);

/* The task goes on at its leaf, with the flags that say how. */
void aci_task_resume(struct ac_future *task);
/* Makes a coroutine object a task, and runs it at once until it suspends. */
void aci_begin_now(struct ac_future *coro);
/* Has the suspended task run again; the caller has taken it out of whatever
 * container it was in. */
static inline void aci_wake(ac_loop *loop, struct ac_future *task) {
  task->node.flags &= ~ACI_WAIT;
  aci_ready(loop, &task->node);
}
static inline void aci_wake_error(ac_loop *loop, struct ac_future *task,
                                  int code) {
  task->node.flags |= ACI_FAILURE;
  task->node.error = code;
  aci_wake(loop, task);
}
/* The task ended, status as a lowered function's; function: its name. */
void aci_task_end(ac_loop *loop, struct ac_future *task, ac_frame *status,
                  const char *function);

/* The task has begun to wait. It has frames. */
static inline void aci_note_since(const ac_loop *loop, struct ac_future *task) {
  task->leaf.parent->since = aci_last_moment(loop);
}
/* After the step of a task that has frames. */
static inline void aci_task_suspended(ac_loop *loop, struct ac_future *task) {
  if (!(task->node.flags & ACI_WAIT))
    aci_ready(loop, &task->node);
  else
    aci_note_since(loop, task);
}

/* Takes what the task's function returned from its first call. */
static inline void aci_task_begun(ac_loop *loop, struct ac_future *task,
                                  ac_frame *status, void *payload,
                                  const struct ac_thunk *thunk) {
  if (!aci_suspended(status)) {
    uint32_t flags = task->node.flags;
    if (AC_LIKELY(!status && !task->waiters &&
                  (flags & (ACI_CANCEL | ACI_HELD)) == ACI_HELD)) {
      /* Nobody waits yet: aci_task_end in short. */
      task->node.flags = flags | ACI_DONE;
      if (AC_UNLIKELY(!--loop->live))
        aci_stop(loop);
    } else {
      aci_task_end(loop, task, status, thunk->name);
    }
    return;
  }
  status->parent = NULL;
  status->ret = payload;
  if (AC_LIKELY(status != &task->leaf)) {
    aci_task_suspended(loop, task);
    return;
  }
  task->node.flags |= ACI_BARE;
  if (!(task->node.flags & ACI_WAIT))
    aci_ready(loop, &task->node);
  else
    task->bare_since = aci_last_moment(loop);
}

/* The trampoline: after `frame` returned status, which was not suspended,
 * whoever awaits it goes on, outwards. The C stack does not grow with the
 * chain. desc: of the frame that has ended. */
void aci_run_outwards(ac_loop *loop, struct ac_future *task, ac_frame *parent,
                      ac_frame *status, const struct ac_desc *desc);

/* Marks the current task as suspended on `wait`. Returns its leaf, which the
 * operation is to return. A task that returns its leaf without a wait, as
 * ac_yield does, becomes ready when its step is over: not before, so that
 * nobody is in the ready queue while it runs. */
static inline ac_frame *aci_leaf(struct ac_future *task, enum aci_wait wait) {
  task->node.flags |= (uint32_t)wait << ACI_WAIT_SHIFT;
  return &task->leaf;
}
/* For the case that the current task was woken before its step is over. */
static inline void aci_not_yet_ready(ac_loop *loop, struct ac_future *task) {
  if (!(task->node.flags & ACI_WAIT))
    aci_queue_remove(&loop->ready, &task->node);
}

const char *aci_task_name(const struct ac_future *task);

/* ---- future.c ------------------------------------------------------------ */

size_t aci_value_bytes(const struct ac_future *object);
/* The object is done (its flags say so): wakes those that wait. */
void aci_notify_all(ac_loop *loop, struct ac_future *object);
void aci_future_end(struct ac_future *future, int code);
/* The result of a done object as a lowered function gives it. */
ac_frame *aci_result(void *ret, struct ac_future *object);
/* Drops the user's handle. */
void aci_release(struct ac_future *object);
/* Frees the object if it is done, or can never be, and nobody has it. */
void aci_settle(struct ac_future *object);

static inline void aci_pin(struct ac_future *object) {
  if ((object->node.extra & ACI_PINS) != ACI_PINS)
    object->node.extra += ACI_PIN_ONE;
}
static inline void aci_unpin(struct ac_future *object) {
  /* A saturated count no longer knows: the object stays until the loop
   * closes. */
  if ((object->node.extra & ACI_PINS) != ACI_PINS)
    object->node.extra -= ACI_PIN_ONE;
}

static inline void aci_notify(ac_loop *loop, struct ac_future *object) {
  struct aci_node *node = object->waiters;
  /* Mostly there is one task, and a small value. */
  if (AC_UNLIKELY(node->next != node || aci_kind(node) != ACI_TASK ||
                  (object->node.flags & (ACI_FAILED | ACI_ALIGN)))) {
    aci_notify_all(loop, object);
    return;
  }
  struct ac_future *task = aci_of_node(node);
  object->waiters = NULL;
  aci_copy(task->leaf.ret, object + 1, aci_value_bytes(object));
  if (node->flags & ACI_OWNED)
    object->node.flags &= ~ACI_HELD;
  node->flags &= ~(ACI_WAIT | ACI_OWNED);
  aci_ready(loop, node);
}

/* ---- extra.c: what only some tasks have -----------------------------------
 */

/* A value for a key, and those that were there before; shared by tasks. */
struct aci_binding {
  struct aci_binding *next;
  const struct ac_local *key;
  void *value;
  size_t users;
};

struct aci_extra {
  struct aci_node node;
  char *name; /* a block of its own, or NULL */
  struct aci_binding *bindings;
  struct ac_scope *scope;              /* the innermost, or NULL */
  struct ac_cancellation cancellation; /* the last request; aci_canceller */
  int has_cancellation;
  int held_back; /* a request that a shield keeps, or one that came on top of
                    a cancelled scope: delivered when the scope is left */
};

static inline struct aci_extra *aci_extra(const struct ac_future *object) {
  struct aci_node *first = object->waiters;
  return AC_UNLIKELY(first && aci_kind(first) == ACI_EXTRA)
             ? (struct aci_extra *)(void *)first
             : NULL;
}
/* Makes it; NULL when out of memory, or no task. */
struct aci_extra *aci_extra_make(struct ac_future *task);
void aci_extra_free(struct aci_extra *extra);
/* Who cancels, the current task or nobody, as `by` of an ac_cancellation that
 * is inside of the library. */
size_t aci_canceller(void);
/* A new task has the bindings of the one that makes it. */
void aci_extra_inherit(struct ac_future *task, const struct aci_extra *from);

/* ---- cancel.c ------------------------------------------------------------ */

int aci_cancel(struct ac_future *object);
/* Has AC_ECANCELED raised where the task is suspended, or will be next;
 * counts as a request only with those that it awaits. */
void aci_cancel_deliver(struct ac_future *task);
/* A cancellation that was due is being delivered. */
static inline void aci_cancel_taken(struct ac_future *task) {
  task->node.flags &= ~ACI_CANCEL;
  if (AC_UNLIKELY(task->waiters && aci_extra(task)))
    aci_extra(task)->held_back = 0;
}
/* Takes the suspended task out of whatever it waits in; it neither is ready
 * then nor waits. False: an operation that cannot be taken back at once; the
 * task waits on, and is woken when the operation has ended. */
int aci_withdraw(struct ac_future *task);
/* The same; waits, with the whole loop, for one that cannot. */
void aci_withdraw_now(struct ac_future *task);
int aci_uncancel(struct ac_future *task);

/* ---- operation.c --------------------------------------------------------- */

/* Takes the operation of a waiting task back. False: not at once. */
int aci_operation_withdraw(struct ac_future *task);

/* ---- sync/line.c: tasks that wait as their own nodes ------------------ */

/* A line is a ring of the nodes of tasks, in an object that is known by the
 * line's kind. A task that waits in one needs no frame for that. */
enum aci_line_kind {
  ACI_LINE_EVENT,
  ACI_LINE_LOCK,
  ACI_LINE_LOCK_AGAIN, /* to come back from a condition */
  ACI_LINE_CONDITION
};
#define ACI_LINE_KIND 3u /* in the low bits of node.line */

struct aci_line_class {
  const char *what;
  /* What the task was handed goes to the next: it was cancelled before it has
   * run. NULL: it was handed nothing, or keeps it. */
  void (*pass_on)(struct aci_node **ring);
  /* The task that has to do something first. May be NULL. */
  struct ac_future *(*blocker)(struct aci_node **ring);
  int stays; /* cancelled, it waits on, and is told when it has been woken */
};
extern const struct aci_line_class aci_line_classes[];

static inline struct aci_node **aci_line_ring(const struct aci_node *node) {
  return (struct aci_node **)(node->line & ~(uintptr_t)ACI_LINE_KIND);
}
static inline const struct aci_line_class *
aci_line_class(const struct aci_node *node) {
  return &aci_line_classes[node->line & ACI_LINE_KIND];
}
/* The current task waits at the end of the line. */
static inline ac_frame *aci_line_wait(struct aci_node **ring,
                                      enum aci_line_kind kind) {
  struct ac_future *task = ac_running;
  if (AC_UNLIKELY(task->node.flags & ACI_CANCEL) &&
      !aci_line_classes[kind].stays)
    return &task->leaf;
  task->node.line = (uintptr_t)ring | kind;
  aci_ring_append(ring, &task->node);
  return aci_leaf(task, ACI_WAIT_LINE);
}
/* The first of those that wait goes on; granted: ACI_GRANTED, or 0. */
static inline void aci_line_wake(struct aci_node **ring, uint32_t granted) {
  struct aci_node *node = *ring;
  aci_ring_remove(ring, node);
  node->flags = (node->flags & ~ACI_WAIT) | granted;
  aci_ready(aci_thread.loop, node);
}
/* All of them, with an error. */
void aci_line_fail(struct aci_node **ring, int code);
/* Takes the waiting task out; false: it stays. */
int aci_line_withdraw(struct ac_future *task);
/* The task, which is ready, does not go on with what it may have been handed.
 */
void aci_line_forgo(struct ac_future *task);

/* ---- held.c -------------------------------------------------------------- */

static inline struct aci_node *aci_held_node(struct ac_held *held) {
  return (struct aci_node *)(void *)held->link;
}
/* From one task to another. */
static inline void aci_held_hand_over(struct ac_held *held,
                                      struct ac_future *task) {
  aci_ring_remove(&held->task->waiters, aci_held_node(held));
  held->task = task;
  aci_ring_append(&task->waiters, aci_held_node(held));
}
/* The task has ended, and holds it still. */
void aci_held_orphaned(struct aci_node *node);

/* ---- layout.c ------------------------------------------------------------ */

struct aci_layout_entry {
  char name[28];
  uint32_t value;
};
extern const struct aci_layout_entry aci_layout[];

/* ---- call.c -------------------------------------------------------------- */

struct aci_call {
  struct aci_node node; /* future: what to unpin, or NULL */
  void (*fn)(void *arg);
  void *arg;
  /* Called in its place, with the same, when the loop ends first; or NULL. */
  void (*dropped)(void *arg);
};

struct ac_timer {
  struct aci_node node;
  void (*fn)(void *arg);
  void *arg;
};

/* As ac_call_soon_threadsafe and ac_on_done, with `dropped`. */
int aci_post(ac_loop *loop, void (*fn)(void *arg), void (*dropped)(void *arg),
             void *arg);
int aci_on_done(struct ac_future *object, void (*fn)(void *arg),
                void (*dropped)(void *arg), void *arg);
/* Runs a call or timer that was in the ready queue, and frees it. */
void aci_call_run(struct aci_node *node);
/* What was registered for the loop's end. */
void aci_call_ends(ac_loop *loop);
/* Queues what other threads have posted. */
void aci_call_collect(ac_loop *loop);
extern ac_loop *aci_loops;
/* From when the loop can be posted to, until when. */
void aci_call_open(ac_loop *loop);
void aci_call_close(ac_loop *loop);

/* ---- group.c: what gather, wait and wait_for have in common -------------- */

enum aci_group_mode {
  ACI_GATHER_HANDLES,
  ACI_GATHER_CHILDREN,
  ACI_WAIT_MANY,
  ACI_WAIT_FOR,
  ACI_SELECT
};

/* One handle among those that a group waits for. */
struct aci_member {
  struct aci_node node;     /* group; in the ring of the future's waiters;
                               ACI_SELECT: extra: it was a call */
  struct ac_future *future; /* NULL: not linked, it is done or was left */
};

/* The frame of a task that waits for several futures. */
struct aci_group {
  ac_frame frame;
  struct ac_future *task;
  struct aci_member *members;
  size_t count;
  size_t pending; /* members that are not done */
  size_t winner;  /* ACI_SELECT: the first that was; count: none yet */
  enum aci_group_mode mode;
  int wait_mode;         /* AC_FIRST_COMPLETED ... */
  int error;             /* the first */
  int cancelled;         /* the task's cancellation was passed on */
  int cancelling;        /* it is being passed on */
  int expired;           /* the deadline was met */
  int owned;             /* releases its members in the end */
  uint32_t cancel_count; /* the task's requests at the start */
  struct aci_node timer;
  struct aci_member one; /* members points here when there is one */
};

/* Links no member to its future yet. */
struct aci_group *aci_group_make(const struct ac_desc *desc,
                                 enum aci_group_mode mode,
                                 struct ac_future *const *handles,
                                 size_t count);
void aci_group_link(struct aci_group *group, struct aci_member *member);
/* ACI_SELECT: leaves the handles, cancels the calls that still run; only these
 * are pending then. */
void aci_group_withdraw(struct aci_group *group);
struct aci_group *aci_group_new(const struct ac_desc *desc,
                                enum aci_group_mode mode,
                                struct ac_future *const *handles, size_t count);
/* Puts the current task to sleep until the group wakes it. */
ac_frame *aci_group_suspend(struct aci_group *group);
void aci_group_set_timer(struct aci_group *group, int64_t when_ns);
void aci_group_member_done(struct aci_member *member, struct ac_future *future);
void aci_group_expired(struct aci_group *group);
void aci_group_cancel(struct aci_group *group);
void aci_group_cancel_members(struct aci_group *group);
/* Leaves what is still pending, frees all. */
void aci_group_free(struct aci_group *group);

/* ---- scope.c ------------------------------------------------------------- */

void aci_scope_expired(struct aci_node *node);
/* A shield of the task is between it and whoever cancels it. */
int aci_scope_shields(const struct ac_future *task);

/* ---- task_group.c -------------------------------------------------------- */

/* True while the task, which waits to leave a group, has the group's tasks
 * cancelled: one that awaits the task itself is where a circle ends, for the
 * task must stay as long as they do. */
int aci_task_group_passes_on(const struct ac_future *task);
/* Whose group it is in, of whose members the node is one; *leaving: that waits
 * for them. */
const struct ac_future *aci_task_group_task(const struct aci_node *node,
                                            int *leaving);
void aci_task_group_member_done(struct aci_node *node,
                                struct ac_future *object);

/* ---- generator.c --------------------------------------------------------- */

/* The innermost frame of the generator that the frame waits for, or NULL. */
const ac_frame *aci_generator_inner(const ac_frame *frame);
/* Out of memory for the frame of a function that has seen `callee` suspend. If
 * that is for a generator to hand a value over, it is not handed over: true,
 * and the innermost frame that waits in the callee, or NULL: the callee is what
 * is waited for. */
int aci_generator_unyield(const ac_frame *callee, ac_frame **innermost);

/* ---- completed.c --------------------------------------------------------- */

void aci_completion_done(struct aci_node *node);

/* ---- fd.c ---------------------------------------------------------------- */

#define ACI_FD_ARMED 1u       /* with the driver */
#define ACI_FD_ALWAYS 2u      /* a file: always ready, cannot be armed */
#define ACI_FD_STREAM 4u      /* SOCK_STREAM: a short read empties it */
#define ACI_FD_DRAINED 8u     /* nothing to read until the next event */
#define ACI_FD_CLOSING 16u    /* its end was seen: no event may come any more */
#define ACI_FD_UNVERIFIED 32u /* a wait has trusted the entry */
#define ACI_FD_NOT_SOCKET 64u /* recv and send do not work */
#define ACI_FD_NO_INLET 128u  /* it is not of a kind that can have one */
#define ACI_FD_RECEIVE 256u   /* its reader waits to receive */
/* A stream without an inlet, armed, not closing: recv and send are called
 * straight (calls.h). */
#define ACI_FD_STRAIGHT 512u
/* There may be a writer, watches, or a request. */
#define ACI_FD_OTHERS 1024u
/* Its reader waits to receive, with no flags, from a straight one; and has
 * been woken, whatever else is to come. */
#define ACI_FD_SWIFT 2048u
#define ACI_FD_WOKEN 4096u

/* What the loop knows of one descriptor. */
struct aci_fd {
  /* Waiting, or, to receive, ready; may be the same. */
  struct ac_future *reader, *writer;
  uint32_t tag; /* changes when the number is closed */
  uint32_t flags;
  struct ac_watch *watches;
  struct aci_inlet *inlet;     /* or NULL */
  struct aci_request *request; /* of the one who writes, or NULL */
  /* What the reader is to receive, with the flags in its node. */
  void *buffer;
  size_t bytes;
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct aci_fd) == 64,
               "one line of the cache each");

#define ACI_SHARED_FDS 3
int aci_io_open(ac_loop *loop);
/* Lets the kernel see all that was asked of the driver. */
void aci_io_settle(ac_loop *loop);
void aci_io_close(ac_loop *loop);
/* Somebody waits for a descriptor that the driver does not simulate. */
int aci_io_waits_outside(const ac_loop *loop);
static inline int aci_is_simulated(const ac_loop *loop) {
  return loop->driver.class->next_event != NULL;
}
/* Looks for ready descriptors, waiting for them until when_ns (-1: for ever;
 * 0: not at all). */
void aci_io_poll(ac_loop *loop, int64_t when_ns);
/* The task no longer waits for its descriptor, or is ready to receive and is
 * not to. */
void aci_io_withdraw(ac_loop *loop, struct ac_future *task);
void aci_io_forgo(ac_loop *loop, struct ac_future *task);

/* Room in the table. */
int aci_fd_grow(ac_loop *loop, int fd);
static inline int aci_fd_find(ac_loop *loop, int fd, struct aci_fd **entry) {
  if (AC_UNLIKELY((unsigned)fd >= (unsigned)loop->fd_count)) {
    int code = aci_fd_grow(loop, fd);
    if (code)
      return code;
  }
  *entry = &loop->fds[fd];
  return 0;
}

/* sides: ACI_READER, ACI_WRITER. */
static inline int aci_fd_is_busy(const struct aci_fd *entry, uint32_t sides) {
  return (sides & ACI_READER && entry->reader) ||
         (sides & ACI_WRITER && (entry->writer || entry->request));
}

static inline void aci_fd_reader_left(struct aci_fd *entry) {
  entry->reader = NULL;
  /* Whatever it was woken for may still be there. */
  if (entry->flags & ACI_FD_WOKEN)
    entry->flags &= ~ACI_FD_DRAINED;
  entry->flags &= ~(ACI_FD_RECEIVE | ACI_FD_SWIFT | ACI_FD_WOKEN);
}

/* Something is in its inlet, whatever poll(2) says. */
static inline int aci_fd_holds_input(const struct aci_fd *entry) {
  return AC_UNLIKELY(entry->inlet != NULL) &&
         (entry->inlet->count || entry->inlet->error);
}

static inline void aci_fd_note_read(struct aci_fd *entry, size_t got,
                                    size_t wanted) {
  if (got < wanted &&
      (entry->flags & (ACI_FD_STREAM | ACI_FD_CLOSING)) == ACI_FD_STREAM)
    entry->flags |= ACI_FD_DRAINED;
}

/* When the loop has been idle for so long, it makes sure of entries that were
 * trusted. */
#define ACI_IDLE_NS 10000000
void aci_fd_verify(ac_loop *loop);

/* Takes the descriptor up with the driver, afresh if it is known. */
int aci_fd_arm(ac_loop *loop, struct aci_fd *entry, int fd);
/* The current task is suspended until the descriptor is ready, by way of an
 * inlet of that kind if it can have one. Negative: an error. 1: it turns out
 * to be always ready. */
int aci_fd_wait(ac_loop *loop, struct aci_fd *entry, int fd, uint32_t sides,
                enum aci_inlet_kind kind);
/* What is in the inlet; ACI_TRY when that knows nothing. */
ssize_t aci_fd_take(ac_loop *loop, struct aci_fd *entry, void *buffer,
                    size_t bytes, int flags);
/* Has the driver do it; `done` is called later, and has to call
 * aci_fd_answered. False: do it otherwise. */
int aci_fd_request(ac_loop *loop, struct aci_fd *entry,
                   struct aci_request *request);
void aci_fd_answered(ac_loop *loop, const struct aci_request *request);
/* The number is closed, or means another file from now on. */
void aci_fd_forget(ac_loop *loop, int fd);

/* ---- net.c --------------------------------------------------------------- */

/* The task, which is ready and has ACI_READER set, receives. got: what the
 * call has returned, or ACI_TRY. 1: it goes on, with the value in its place or
 * an error in its node; 0: it waits. */
int aci_receive_resume(ac_loop *loop, struct ac_future *task, ssize_t got);
/* The same where all goes as it mostly does: the value is there. Else ACI_TRY
 * or -errno, and nothing has been done. */
static inline ssize_t aci_receive_swiftly(ac_loop *loop,
                                          struct ac_future *task) {
  struct aci_fd *entry = &loop->fds[task->node.fd];
  uint32_t flags = entry->flags;
  if (AC_UNLIKELY(!(flags & ACI_FD_SWIFT)))
    return ACI_TRY;
  size_t bytes = entry->bytes;
  ssize_t got =
      aci_call_recv(task->node.fd, entry->buffer, bytes, MSG_DONTWAIT);
  if (AC_UNLIKELY(got < 0))
    return got;
  flags &= ~(ACI_FD_RECEIVE | ACI_FD_SWIFT | ACI_FD_WOKEN | ACI_FD_DRAINED);
  entry->flags = (size_t)got < bytes ? flags | ACI_FD_DRAINED : flags;
  entry->reader = NULL;
  task->node.flags &= ~ACI_READER;
  *(ssize_t *)task->leaf.ret = got;
  return got;
}

/* ---- watch.c ------------------------------------------------------------- */

/* The descriptor may be ready for one of these. */
void aci_watch_notify(ac_loop *loop, struct aci_fd *entry, uint32_t events);
void aci_watch_run(struct aci_node *node);

/* ---- signal.c ------------------------------------------------------------ */

/* SIGINT interrupts the loop from now on, if nobody else wants it. */
int aci_signal_open(ac_loop *loop);
void aci_signal_close(ac_loop *loop);
/* True when the action is one of a loop's that is gone: what should be in its
 * place is the default. */
int aci_signal_is_stale(int signal_number, const struct sigaction *action);
/* The loop no longer listens to any signal. */
void aci_signal_forget(ac_loop *loop);

/* ---- error.c ------------------------------------------------------------- */

void aci_report(const char *what, const char *task_name, int code);
/* A done object is about to go: reports its error if nobody has seen it. */
void aci_report_unseen(struct ac_future *object);

#pragma GCC visibility pop

/* The lowered form of the async functions in ac.h, and of one argument less
 * public ones. Results: as declared there. */
AC_API ac_frame *ac_sleep__ac(void *ret, double seconds);
AC_API ac_frame *ac_sleep_until__ac(void *ret, int64_t deadline_ns);
AC_API ac_frame *ac_wait__ac(size_t *ret, const void *handles, size_t count,
                             int mode, double timeout);
AC_API ac_frame *ac_read__ac(ssize_t *ret, int fd, void *buffer, size_t bytes);
AC_API ac_frame *ac_write__ac(ssize_t *ret, int fd, const void *buffer,
                              size_t bytes);
AC_API ac_frame *ac_recv__ac(ssize_t *ret, int fd, void *buffer, size_t bytes,
                             int flags);
AC_API ac_frame *ac_send__ac(ssize_t *ret, int fd, const void *buffer,
                             size_t bytes, int flags);
AC_API ac_frame *ac_write_all__ac(void *ret, int fd, const void *buffer,
                                  size_t bytes);
AC_API ac_frame *ac_accept__ac(int *ret, int fd, struct sockaddr *address,
                               socklen_t *bytes);
AC_API ac_frame *ac_connect__ac(void *ret, int fd,
                                const struct sockaddr *address,
                                socklen_t bytes);
AC_API ac_frame *ac_poll_fd__ac(int *ret, int fd, int events);

/* ---- stack.c ------------------------------------------------------------- */

/* Sets and clears ac_stack_limit for this thread. */
void aci_stack_begin(void);
void aci_stack_end(void);

#endif
