/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * abi.h - what generated code may touch, and nothing more.
 *
 * An async function `_Async T f(P p)` is lowered to
 *
 *     ac_frame *f__ac(T *ret, P p);
 *
 * which runs on the C stack like any function, under the current task, and
 * returns
 *   NULL       it is done, and *ret holds its value (ret is unused for void);
 *   AC_RAISED  it ended with an error, whose code is kept in the current task;
 *   else       it is suspended, and this is its frame: the caller stores what
 *              it needs in a frame of its own, links the callee's frame to it
 *              (ac_suspend) and returns its own frame in turn.
 *
 * When what the innermost frame waits for happens, the loop calls
 * desc->resume of that frame's parent, and so on outwards while frames finish:
 * see docs/abi.md. */
#ifndef AC_ABI_H
#define AC_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Generated code and library must agree on this number. */
#define AC_ABI_VERSION 1

#if defined(__GNUC__) && !defined(AC_STATIC_ONLY)
#define AC_API __attribute__((visibility("default")))
#else
#define AC_API
#endif

#define AC_LIKELY(x) __builtin_expect(!!(x), 1)
#define AC_UNLIKELY(x) __builtin_expect(!!(x), 0)

typedef struct ac_frame ac_frame;
struct ac_future;
struct ac_coro;

/* The lowered function ended with an error. */
#define AC_RAISED ((ac_frame *)1)

/* The body of an async function, which both f__ac and f__resume call: inlined
 * into either when optimising, one function for the debugger otherwise; and
 * always one where its labels have addresses. */
#if defined(__OPTIMIZE__)
#define AC_BODY static inline __attribute__((always_inline))
#else
#define AC_BODY static
#endif
#if defined(__clang__)
#define AC_BODY_ONCE static __attribute__((noinline))
#define AC_BODY_BEGIN
#define AC_BODY_END
#else
#define AC_BODY_ONCE static __attribute__((noinline, noclone))
/* What is live is stored whether every way has set it or not; a resumption
 * enters blocks whose variables' addresses gcc takes for those of others. */
#if defined(__GNUC__) && __GNUC__ >= 12
#define AC_IGNORE_DANGLING                                                     \
  _Pragma("GCC diagnostic ignored \"-Wdangling-pointer\"")
#else
#define AC_IGNORE_DANGLING
#endif
#define AC_BODY_BEGIN                                                          \
  _Pragma("GCC diagnostic push") AC_IGNORE_DANGLING _Pragma(                   \
      "GCC diagnostic ignored \"-Wmaybe-uninitialized\"")                      \
      _Pragma("GCC diagnostic ignored \"-Wuninitialized\"")                    \
          _Pragma("GCC diagnostic ignored \"-Wnonnull\"")
#define AC_BODY_END _Pragma("GCC diagnostic pop")
#endif

/* One suspension point of an async function. */
struct ac_point {
  uint32_t line;
};

/* What is known of an async function at compile time; one static constant
 * each. State s (from 1) of a frame is suspended at points[s - 1]. */
struct ac_desc {
  /* Goes on after the suspension point `self->state`, in the task that is
   * current. status: NULL, the callee's value is at the result slot, or
   * AC_RAISED. Returns as f__ac does; a frame that ends frees itself. */
  ac_frame *(*resume)(ac_frame *self, ac_frame *status);
  const char *name;
  const char *file;
  const struct ac_point *points;
  uint32_t point_count;
  uint32_t frame_bytes; /* size of the whole frame, header included */
  uint32_t frame_align; /* at least alignof(ac_frame) */
};

/* The header of every frame. */
struct ac_frame {
  const struct ac_desc *desc;
  ac_frame *parent; /* who awaits this frame; NULL: a task's outermost frame */
  void *ret;        /* where the value goes */
  uint32_t state;   /* the suspension point, from 1; 0 while it first runs */
  uint32_t since;   /* the library's, in the innermost frame of a chain */
};

/* Allocates a frame from the current loop's free lists: desc set, state 0,
 * parent and ret NULL, the rest indeterminate. NULL when out of memory. */
AC_API ac_frame *ac_frame_new(const struct ac_desc *desc);

/* The same for a function that has just seen *callee suspend. Out of memory:
 * the callee is driven to its end, AC_ENOMEM raised at each of its suspension
 * points, with its value going to ret; *callee becomes NULL or AC_RAISED, and
 * NULL is returned. */
AC_API ac_frame *ac_frame_suspend(const struct ac_desc *desc, ac_frame **callee,
                                  void *ret);

/* In generated code: true when the function has a frame to be suspended in,
 * making it the first time. */
#define AC_MAKE_FRAME(name, ret)                                               \
  (ac_resumed || ac_self || __extension__({                                    \
     ac_frame *ac_left = ac_callee;                                            \
     ac_self = (struct name##__frame *)ac_frame_suspend(&name##__desc,         \
                                                        &ac_left, (ret));      \
     ac_callee = ac_left;                                                      \
     ac_self != NULL;                                                          \
   }))

/* In generated code: the end of a body, NULL or AC_RAISED. ac_resumed, which
 * is a constant wherever the body is inlined, says that it has run in a frame
 * from the first, which it gives back. */
#define AC_END(status)                                                         \
  (ac_resumed ? ac_frame_end(&ac_self->ac_head, (status)) : (status))
/* Frees the frame and returns the status. */
AC_API ac_frame *ac_frame_end(ac_frame *frame, ac_frame *status);

/* The address below which this thread's C stack is nearly used up. A function
 * that may recurse looks at it on entry: instead of going deeper it makes its
 * frame, keeps its arguments there, and goes on from the loop's own stack
 * once its callers have unwound. 0 outside of ac_run: no check. */
extern AC_API __thread uintptr_t ac_stack_limit
#if !defined(__APPLE__)
    __attribute__((tls_model("initial-exec")))
#endif
    ;
#define AC_STACK_LOW() AC_UNLIKELY(ac_stack_pointer() < ac_stack_limit)
static inline uintptr_t ac_stack_pointer(void) {
  uintptr_t here;
  /* __builtin_frame_address would cost every function a frame pointer. */
#if defined(__x86_64__)
  __asm__("mov %%rsp, %0" : "=r"(here));
#elif defined(__aarch64__)
  __asm__("mov %0, sp" : "=r"(here));
#else
  here = (uintptr_t)__builtin_frame_address(0);
#endif
  return here;
}

/* Suspends a frame that has not begun, state 0, until the loop's next turn.
 * Returns it. */
AC_API ac_frame *ac_frame_restart(ac_frame *frame);

/* Gives a frame back to the current loop. */
AC_API void ac_frame_free(ac_frame *frame);

/* frame, of which the compiler then knows that it is neither NULL nor
 * AC_RAISED. */
#define AC_KNOWN_FRAME(frame)                                                  \
  __extension__({                                                              \
    void *ac_known = __builtin_assume_aligned((frame), sizeof(void *));        \
    if (!ac_known || ac_known == (void *)AC_RAISED)                            \
      __builtin_unreachable();                                                 \
    (ac_frame *)ac_known;                                                      \
  })

/* A pointer of which the compiler knows nothing; not to be read. */
static inline void *ac_some_pointer(void) {
  void *pointer;
  __asm__("" : "=r"(pointer));
  return pointer;
}

/* Links a suspended callee below self; its value will go to ret, which nobody
 * looks at for void. Returns self, for the caller to return. */
static inline ac_frame *ac_suspend(ac_frame *self, uint32_t state,
                                   ac_frame *callee, void *ret) {
  self->state = state;
  callee->parent = self;
  if (!__builtin_constant_p(ret == NULL) || ret)
    callee->ret = ret;
  return AC_KNOWN_FRAME(self);
}

/* The same where a function has one suspension point and its frame is never
 * resumed elsewhere: resumed says that it has been there, and the state is
 * right. */
static inline ac_frame *ac_suspend_again(ac_frame *self, int resumed,
                                         ac_frame *callee, void *ret) {
  if (!resumed)
    self->state = 1;
  callee->parent = self;
  if (!__builtin_constant_p(ret == NULL) || ret)
    callee->ret = ret;
  return AC_KNOWN_FRAME(self);
}

/* The running task of this thread, or NULL; for the inline functions below,
 * not to be written. It begins with a frame of its own, its leaf: what an
 * operation returns that suspends the task itself. */
#define AC_TLS __attribute__((tls_model("initial-exec")))
AC_API extern __thread struct ac_future *ac_running AC_TLS;

/* Lets every other ready task run once. The lowered form of ac_yield, which
 * also exists as a function; inline, for it does nothing: a task that returns
 * its leaf and has not arranged to be woken is ready again. */
AC_API ac_frame *ac_yield__ac(void *ret);
static inline ac_frame *ac_yield_now(void *ret) {
  (void)ret;
  return AC_KNOWN_FRAME(ac_running); /* only tasks run async functions */
}
#define ac_yield__ac(ret) ac_yield_now(ret)

/* Keeps the error code in the current task (0 counts as AC_EINVAL) and
 * returns AC_RAISED. */
AC_API ac_frame *ac_raise_error(int code);

/* The code of the error just raised in the current task, which is thereby
 * caught. */
AC_API int ac_take_error(void);

/* ---- operations ---- */

/* What a task is suspended on beside the library's own: whoever binds another
 * library embeds one of these in a frame or an object of its own. It begins
 * when the task suspends on it and ends with ac_operation_wake, or when it is
 * withdrawn. All on the loop's thread. */
struct ac_operation;
struct ac_operation_class {
  const char *what; /* for listings: "waits for a lock" */
  /* The task is cancelled. 1: the operation has been taken back, it has not
   * happened and will not. 0: it cannot be, or not at once; it goes on, and
   * ends with ac_operation_wake as if nobody had asked. If it has happened
   * then, the function that made it calls ac_cancel_later(). */
  int (*withdraw)(struct ac_operation *operation);
  /* More about it, after `what`; may be NULL. */
  void (*describe)(const struct ac_operation *operation, FILE *out);
  /* The task that has to do something first, where one is known: circles are
   * found so. May be NULL, and give NULL. */
  struct ac_future *(*blocker)(const struct ac_operation *operation);
  /* It is ended from outside of the loop's tasks (a thread, a descriptor of
   * another library): while it lasts the loop does not count as stuck. */
  int outside;
};
struct ac_operation {
  const struct ac_operation_class *kind;
  struct ac_future *task; /* NULL: not under way */
};

/* Suspends the current task on it; the kind has been set. Returns the leaf,
 * for the lowered function to return or to link a frame of its own to. */
AC_API ac_frame *ac_operation_suspend(struct ac_operation *operation);
/* It has ended: the task goes on in a later turn, with the error `code`, or
 * with success (0). */
AC_API void ac_operation_wake(struct ac_operation *operation, int code);
/* True when a cancellation will be delivered to the current task as soon as it
 * suspends: operations that cannot be taken back are not to be begun then. */
AC_API int ac_cancel_is_due(void);
/* For an operation that happened although the current task was cancelled: the
 * cancellation is delivered where the task suspends next. */
AC_API void ac_cancel_later(void);

/* ---- fairness ---- */

/* How many more operations may succeed on this thread without a wait before
 * the task has to let others run. An awaitable operation that need not wait
 * asks ac_budget_use(); 0: it is to await ac_budget_wait() first. The loop
 * gives a new budget whenever it has looked at descriptors and the clock. */
AC_API extern __thread int ac_budget AC_TLS;
static inline int ac_budget_use(void) { return --ac_budget >= 0; }

/* How to begin an async call later: made by acc where an operator takes a
 * call, from the callee's prototype alone. */
struct ac_thunk {
  /* Calls the function with the arguments stored at args. They are copied
   * before the body begins, so args may go away then. */
  ac_frame *(*start)(void *ret, void *args);
  const char *name; /* of the function, for listings */
  uint32_t args_bytes;
  uint32_t result_bytes; /* 0 for void */
  uint32_t align;        /* the larger alignment of arguments and result */
};

/* Operators on calls, as generated code spells them. args is copied.
 * NULL: out of memory; a NULL handle awaited raises AC_ENOMEM. */

/* ac_create_task(call): scheduled, begins in the loop's next turn. */
AC_API struct ac_future *ac_spawn(const struct ac_thunk *thunk,
                                  const void *args);
/* The same, with the handle dropped at once: the task frees itself. Out of
 * memory is reported to the loop's error handler. */
AC_API void ac_spawn_detached(const struct ac_thunk *thunk, const void *args);
/* ac_gather(x = call, ...): runs at once under a task of its own, on the C
 * stack, until it first suspends. */
AC_API struct ac_future *ac_spawn_eager(const struct ac_thunk *thunk,
                                        const void *args);
/* ac_coroutine(call). */
AC_API struct ac_coro *ac_coro_new(const struct ac_thunk *thunk,
                                   const void *args);
/* ac_create_task(coroutine object), which is used up. */
AC_API struct ac_future *ac_spawn_coro(struct ac_coro *coro);
AC_API void ac_spawn_coro_detached(struct ac_coro *coro);
/* ac_run(call): a new loop on this thread runs the call to its end. result:
 * result_bytes, zeroed when it fails. Returns 0 or the error code, which
 * ac_run_error() gives again. */
AC_API int ac_run_thunk(const struct ac_thunk *thunk, const void *args,
                        void *result);
AC_API int ac_run_coro(struct ac_coro *coro, void *result);
/* async main: runs it as ac_run does, reports an error on stderr. Returns the
 * exit status: *result, or 1 on an error, or 130 when SIGINT cancelled it. */
AC_API int ac_run_main(const struct ac_thunk *thunk, const void *args,
                       int *result);

/* await handle. ret: the handle's result size. */
AC_API ac_frame *ac_await_future(void *ret, struct ac_future *future);
/* The same, and the handle is released when the await ends: for a handle
 * that only the await itself sees, as in `await ac_create_task(f())`. */
AC_API ac_frame *ac_await_future_owned(void *ret, struct ac_future *future);
AC_API ac_frame *ac_await_coro(void *ret, struct ac_coro *coro);

/* await ac_gather(handles, count): until all have ended; the first error or
 * cancellation is raised at once, the others run on (asyncio.gather). The
 * array is copied when it suspends. */
AC_API ac_frame *ac_gather_handles(void *ret, struct ac_future *const *handles,
                                   size_t count);
/* await ac_gather(x = call, ...): the gather owns its children. On an error
 * or when cancelled itself, it cancels those that are left, waits for them,
 * releases all, and then raises. On success the caller reads the results and
 * releases the handles. */
AC_API ac_frame *ac_gather_children(void *ret, struct ac_future *const *handles,
                                    size_t count);
/* await ac_select(x = call, handle, ...): handles are coroutine objects, which
 * are calls that belong to the select, and others. ret: which was first. When
 * it raises it has released the calls; else the caller does, after it has read
 * the values of those that ended with one (ac_error is 0). */
AC_API ac_frame *ac_select_handles(int *ret, struct ac_future *const *handles,
                                   size_t count, int in_order);
/* The value of a handle that ended with one. */
AC_API const void *ac_future_value(const struct ac_future *future);

/* await ac_wait_for(x, seconds), await ac_shield(x). owned: x was a call, so
 * the task belongs to the operator, which releases it. For a coroutine call
 * with a timeout <= 0, begun is never (pass the task as ac_spawn gave it). */
AC_API ac_frame *ac_wait_for_future(void *ret, struct ac_future *future,
                                    double seconds, int owned);
AC_API ac_frame *ac_shield_future(void *ret, struct ac_future *future,
                                  int owned);

/* ac_future_set(f, v). value may be NULL for void. Returns 0, or AC_EINVAL
 * when the future has ended already. */
AC_API int ac_future_set_value(struct ac_future *future, const void *value);

#ifdef __cplusplus
}
#endif
#endif
