/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * ac.h - all that a program may call. The names and their meaning are those
 * of Python's asyncio (docs.python.org/3/library/asyncio.html) unless
 * docs/runtime.md says otherwise.
 *
 * The header reads in three ways: for acc itself (__ACC__ defined), where the
 * keywords and operators become marks in clang's syntax tree; for a C compiler
 * (plain C, and what acc writes), where an async declaration is an unused
 * prototype and every handle a plain pointer; and, through <ac/async.h>, for
 * editors.
 *
 * Unless it says otherwise a function is to be called on the thread of the
 * loop concerned. Errors are negative codes, AC_E*, 0 is success. */
#ifndef AC_AC_H
#define AC_AC_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <ac/abi.h>

#if defined(__ACC__) && !defined(__ACC_EXPAND__)
#include <ac/marks.h>
#elif !defined(__ACC__)
#define _Async
#define ac_task(T) __typeof__(struct ac_future *)
#define ac_future(T) __typeof__(struct ac_future *)
#define ac_coro(T) __typeof__(struct ac_coro *)
#define ac_yields(T) __typeof__(T) *
#if defined(__cplusplus)
#define ac_future_new(T) ac_future_create(sizeof(T))
#else
/* void has no value, whatever sizeof says of it. */
#define ac_future_new(T)                                                       \
  ac_future_create(sizeof(*_Generic((__typeof__(T) *)0,                        \
                                    void *: __extension__(char(*)[0]) 0,       \
                                    default: (__typeof__(T) *)0)))
#endif
#endif

#if defined(__ACC__)
/* Handles of any kind and type may be passed where this is a parameter. */
#define AC_HANDLE const volatile void *
#define AC_CORO_HANDLE const volatile void *
#else
#define AC_HANDLE struct ac_future *
#define AC_CORO_HANDLE void *
#endif

#include <ac/scope.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors ------------------------------------------------------------ */

/* Codes are negative errno values; a program may raise any other non-zero
 * code of its own. */
enum {
  AC_OK = 0,
  AC_EINTR = -4,
  AC_EBADF = -9,
  AC_EAGAIN = -11,
  AC_ENOMEM = -12,
  AC_EBUSY = -16,
  AC_EINVAL = -22,
  AC_EDEADLK = -35,    /* the loop can never wake again; await on itself */
  AC_EABORTED = -103,  /* what was waited for has been called off */
  AC_ECLOSED = -108,   /* a queue or channel that has been shut down */
  AC_ETIMEDOUT = -110, /* a deadline passed */
  AC_ECANCELED = -125, /* the task was cancelled */
  AC_EOWNERDEAD = -130 /* the task that held it has ended */
};

/* A name for a code, static storage; never NULL. Any thread. */
AC_API const char *ac_strerror(int code);

/* Ends the calling async function with an error (0 counts as AC_EINVAL):
 * passes up through every await, running `defer` blocks, until an ac_try.
 * Only in async functions, where acc replaces it. */
#ifdef __cplusplus
[[noreturn]] void ac_raise(int code);
#else
_Noreturn void ac_raise(int code);
#endif

/* The code with which this thread's last ac_run ended, 0 for a value. */
AC_API int ac_run_error(void);

/* ---- tasks and futures ------------------------------------------------- */

/* A handle is valid until it is released. A task that nobody holds runs on
 * and frees itself at its end. What is still held when the loop ends goes
 * with the loop. */

/* Drops the handle; NULL is allowed. */
AC_API void(ac_release)(AC_HANDLE handle);

/* True when it has a result: a value, an error or a cancellation. */
AC_API int(ac_done)(AC_HANDLE handle);

/* The error code it ended with, 0 for a value; AC_EAGAIN while it runs. A
 * task's error counts as retrieved then. */
AC_API int(ac_error)(AC_HANDLE handle);

/* True when it ended cancelled. */
AC_API int(ac_cancelled)(AC_HANDLE handle);

/* Requests cancellation: AC_ECANCELED is raised in the task where it is
 * suspended, a task that has not begun never begins, and a future ends
 * cancelled. False when it is done already. asyncio Task.cancel. The second
 * says why: text in static storage, for ac_cancellation and listings. */
AC_API int(ac_cancel)(AC_HANDLE handle);
AC_API int(ac_cancel_at)(AC_HANDLE handle, const char *why, const char *file,
                         int line);
#if !defined(__ACC__)
#define ac_cancel(handle) ac_cancel_at((handle), NULL, __FILE__, __LINE__)
#define ac_cancel_because(handle, why)                                         \
  ac_cancel_at((handle), (why), __FILE__, __LINE__)
#endif
/* Who asked last for the task's cancellation. False: nobody has, or there was
 * no memory to remember it. */
AC_API int(ac_cancellation)(AC_HANDLE task,
                            struct ac_cancellation *cancellation);

/* Cancellation requests not taken back, and taking one back: asyncio
 * Task.cancelling, Task.uncancel. */
AC_API int(ac_cancelling)(AC_HANDLE handle);
AC_API int(ac_uncancel)(AC_HANDLE handle);

/* The running task, NULL outside of one. The handle is borrowed. */
AC_API struct ac_future *ac_current_task(void);

/* Names a task for listings; the name is copied, NULL removes it. */
AC_API int(ac_set_name)(AC_HANDLE handle, const char *name);
/* Its name, or NULL; good until it is set again or the task goes. */
AC_API const char *(ac_name)(AC_HANDLE handle);

/* Runs fn(arg) in a later turn of the loop, once the handle is done, in order
 * of registration; at once-in-the-next-turn when it is done already. The
 * handle is kept until then. asyncio Future.add_done_callback. */
AC_API int(ac_on_done)(AC_HANDLE handle, void (*fn)(void *arg), void *arg);

/* A future whose value has that many bytes: ac_future_new(T). NULL when out
 * of memory. */
AC_API struct ac_future *ac_future_create(size_t value_bytes);

/* Ends a future with an error. AC_EINVAL when it has ended already. */
AC_API int(ac_future_fail)(AC_HANDLE future, int code);

/* Drops a coroutine object that will not be awaited. */
AC_API void(ac_coro_drop)(AC_CORO_HANDLE coro);

/* ---- time -------------------------------------------------------------- */

/* The loop's clock in nanoseconds: CLOCK_MONOTONIC, read afresh, or the virtual
 * clock. */
AC_API int64_t ac_now(void);

/* Suspends for that many seconds; <= 0 yields for one turn. asyncio.sleep. */
_Async void ac_sleep(double seconds);

/* Suspends until the clock reads deadline_ns; the past is allowed. */
_Async void ac_sleep_until(int64_t deadline_ns);

/* Lets every other ready task run once: asyncio.sleep(0). */
_Async void ac_yield(void);

/* Switches this thread's loop to virtual time: the clock stands still, and
 * jumps to the next timer when nothing else is left to do. For tests. */
AC_API void ac_use_virtual_clock(void);

/* ---- the I/O driver ---------------------------------------------------- */

/* Which one loops take from now on: "epoll", "uring" (when acc's component of
 * that name is linked in), or NULL, the best there is, which is what they do
 * by themselves. AC_DRIVER in the environment comes before it. 0, AC_EINVAL, or
 * why that driver cannot be used here: -ENOSYS, -EPERM, ... */
AC_API int ac_use_driver(const char *name);

/* The running loop's; NULL outside of one. */
AC_API const char *ac_driver(void);

/* ---- callbacks --------------------------------------------------------- */

typedef struct ac_loop ac_loop;
typedef struct ac_timer ac_timer;

/* The loop that runs on this thread, or NULL. */
AC_API ac_loop *ac_current_loop(void);

/* fn(arg) in the loop's next turn, after what is queued already. 0 or
 * AC_ENOMEM. asyncio loop.call_soon. */
AC_API int ac_call_soon(void (*fn)(void *arg), void *arg);

/* The same from any thread. AC_EINVAL when the loop has closed; what it has not
 * called when it closes is not called. */
AC_API int ac_call_soon_threadsafe(ac_loop *loop, void (*fn)(void *arg),
                                   void *arg);

/* Begins a coroutine object as a task of another thread's loop; its value, its
 * error, or AC_ECANCELED when that loop ends first, ends the future, which
 * belongs to this loop. When the future ends otherwise (it is cancelled, or set
 * by somebody else), the task is cancelled. The object is used up; arguments
 * and value are copied. AC_EINVAL when the future does not yield what the
 * object does; AC_ENOMEM, also for NULL. */
AC_API int(ac_start_in)(ac_loop *loop, AC_CORO_HANDLE coro, AC_HANDLE future);

/* fn(arg) after some seconds, or when the clock reads when_ns. The timer is
 * valid until fn has been called or it is cancelled; NULL: out of memory. */
AC_API ac_timer *ac_call_later(double seconds, void (*fn)(void *arg),
                               void *arg);
AC_API ac_timer *ac_call_at(int64_t when_ns, void (*fn)(void *arg), void *arg);
AC_API void ac_timer_cancel(ac_timer *timer);

/* While a loop is held, it waits even when nothing that it knows of can wake
 * it any more, instead of ending with AC_EDEADLK: for a program that waits for
 * a signal, or for a thread yet to be made. (Threads that exist already and
 * can know the loop, since ac_current_loop() has told of it, are taken into
 * account as it is.) Any thread. AC_EINVAL when the loop has closed. */
AC_API int ac_hold(ac_loop *loop);
AC_API void ac_unhold(ac_loop *loop);

/* Called with errors that nobody can receive: a detached task's, or that of a
 * task released unawaited. what: a short description. The default handler
 * prints to stderr. NULL restores it. asyncio set_exception_handler. */
typedef void ac_error_handler(const char *what, const char *task_name,
                              int code, void *arg);
AC_API void ac_set_error_handler(ac_error_handler *handler, void *arg);

/* ---- waiting for many -------------------------------------------------- */

enum { AC_FIRST_COMPLETED = 1, AC_FIRST_ERROR, AC_ALL_COMPLETED };

/* Waits for some or all of `count` handles (an array of ac_task(T) or
 * ac_future(T)). timeout in seconds, < 0: none. Returns how many are done;
 * ac_done tells which. Never raises their errors, never cancels them. Raises
 * AC_EINVAL for count 0. asyncio.wait. */
_Async size_t ac_wait(const void *handles, size_t count, int mode,
                      double timeout);

#include <ac/adapt.h>
#include <ac/completed.h>
#include <ac/sync.h>
#include <ac/channel.h>
#include <ac/broadcast.h>
#include <ac/generator.h>

/* ---- events ------------------------------------------------------------ */

/* asyncio.Event: zeroed, it is clear and nobody waits. Lives wherever the
 * program wants; nobody may be waiting when it goes. */
struct aci_node;
struct ac_event {
  struct aci_node *waiters;
  int is_set;
};

/* Returns when the event is set. */
_Async void ac_event_wait(struct ac_event *event);

/* For the inline functions: wakes all, and waits. */
AC_API void ac_event_wake(struct ac_event *event);
AC_API ac_frame *ac_event_block(struct ac_event *event);

/* Wakes everyone who waits now, even if it is cleared at once. */
static inline void ac_event_set(struct ac_event *event) {
  event->is_set = 1;
  if (event->waiters)
    ac_event_wake(event);
}

static inline void ac_event_clear(struct ac_event *event) {
  event->is_set = 0;
}

/* The lowered form of ac_event_wait, which also exists as a function. */
AC_API ac_frame *ac_event_wait__ac(void *ret, struct ac_event *event);
static inline ac_frame *ac_event_wait_now(void *ret, struct ac_event *event) {
  (void)ret;
  return event->is_set ? NULL : AC_KNOWN_FRAME(ac_event_block(event));
}
#define ac_event_wait__ac(ret, event) ac_event_wait_now(ret, event)

/* ---- input and output -------------------------------------------------- */

/* All raise -errno where the system call fails. Cancelled means that it did
 * not happen: no byte was taken or sent, no connection accepted. The
 * descriptor is made non-blocking. A descriptor has at most one reader and
 * one writer at a time (AC_EBUSY is raised). */

_Async ssize_t ac_read(int fd, void *buffer, size_t bytes);
_Async ssize_t ac_write(int fd, const void *buffer, size_t bytes);
_Async ssize_t ac_recv(int fd, void *buffer, size_t bytes, int flags);
_Async ssize_t ac_send(int fd, const void *buffer, size_t bytes, int flags);
/* Loops until all bytes are written; a cancellation part-way loses track of
 * how many. */
_Async void ac_write_all(int fd, const void *buffer, size_t bytes);
/* The new connection's descriptor, close-on-exec. Out of descriptors (EMFILE,
 * ENFILE): waits for an ac_close, or 100 ms, and tries again. */
_Async int ac_accept(int fd, struct sockaddr *address, socklen_t *bytes);
_Async void ac_connect(int fd, const struct sockaddr *address, socklen_t bytes);
/* Waits until the descriptor is ready for one of POLLIN, POLLOUT; returns
 * what it is ready for, POLLERR and POLLHUP included. */
_Async int ac_poll_fd(int fd, int events);
/* close(2), waking whoever waits on the descriptor with -EBADF first. */
AC_API int ac_close(int fd);

#include <ac/dns.h>
#include <ac/file.h>
#include <ac/input.h>
#include <ac/net.h>
#include <ac/process.h>
#include <ac/signals.h>
#include <ac/stream.h>
#include <ac/thread.h>
#include <ac/watch.h>

/* ---- seeing what happens ----------------------------------------------- */

/* Prints the tasks of this thread's loop as a tree, below each one those that
 * it waits for or that are in its groups: name, what it waits for, and its
 * chain of awaits as `function file:line`; and the circles of tasks that wait
 * for each other. Also on SIGUSR1 when asked for by
 * ac_dump_on_signal(SIGUSR1). */
AC_API void ac_dump_tasks(FILE *out);
AC_API int ac_dump_on_signal(int signal_number);

/* A task that keeps its loop from going on for so long, while others wait, is
 * reported on stderr, with its chain of awaits and its C stack, and again when
 * the loop goes on. For the whole program; 0: nothing is, and where that is
 * said before the first loop there is no thread that looks. By default 0.1 s,
 * or AC_STALL of the environment, which is in milliseconds. From any thread. */
AC_API void ac_set_stall_limit(double seconds);

#ifdef __cplusplus
}
#endif

#endif
