/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * adapt.h - what other libraries are bound with, and how the loop lives inside
 * another one; included by ac.h. docs/adapters.md has the whole picture. All of
 * it belongs to the loop's thread. */
#ifndef AC_ADAPT_H
#define AC_ADAPT_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- descriptors that another library drives ----------------------------- */

/* A descriptor that a callback looks after, as libraries want it that bring
 * their own state machine and no loop. Level-triggered, like poll(2): as long
 * as the descriptor is ready for one of `events` (POLLIN, POLLOUT, POLLPRI),
 * fn is called once a turn, with what it is ready for, POLLERR and POLLHUP
 * included. fn runs like a callback of ac_call_soon and may change or stop its
 * watch. Any number of watches and tasks may share a descriptor.
 *
 * The descriptor need not be told of when it is closed: fn gets POLLNVAL once
 * (or, if the number means another file by then, what that one is ready for),
 * and no more after POLLNVAL until the watch is changed. A loop that watches
 * something counts as able to wake. */
typedef struct ac_watch ac_watch;
typedef void ac_watch_callback(int fd, int events, void *arg);

/* NULL when out of memory or outside of a loop, or when the descriptor cannot
 * be watched. events 0: dormant. The watch is valid until it is stopped, or
 * its loop ends. */
AC_API ac_watch *ac_watch_fd(int fd, int events, ac_watch_callback *fn,
                             void *arg);
AC_API void ac_watch_change(ac_watch *watch, int events);
/* fn is not called any more; the descriptor may be closed before or after.
 * NULL is allowed. */
AC_API void ac_watch_stop(ac_watch *watch);

/* A descriptor that a library is about to close, or has closed without a word:
 * what is known of the number is forgotten, and tasks that wait for it get
 * AC_EBADF. ac_close does this by itself. */
AC_API void ac_forget_fd(int fd);

/* ---- operations ---------------------------------------------------------- */

/* Suspends the task on an operation whose kind has been set, until that is
 * woken (ac_operation_wake) or withdrawn: see abi.h. Raises the code that it
 * is woken with. */
_Async void ac_operation_wait(struct ac_operation *operation);
/* Lets all others run, and the loop look at descriptors and timers; for
 * operations of which ac_budget_use() says that it is time. */
_Async void ac_budget_wait(void);

/* ---- errors -------------------------------------------------------------- */

/* The codes of a library, from first to last, which ac_strerror is to know:
 * name gives a text in static storage, or NULL. Those that are known already
 * are never asked for. The struct stays where it is for good, and is added
 * once. Any thread. */
struct ac_error_names {
  int first, last;
  const char *(*name)(int code);
  struct ac_error_names *next; /* the runtime's */
};
AC_API void ac_add_error_names(struct ac_error_names *names);

/* ---- the end of the loop ------------------------------------------------- */

/* fn(arg) when this thread's loop ends: its tasks have ended then, and no
 * callback will run; what fn was registered last is called first. For a
 * library's own state that is kept for each loop. 0, AC_ENOMEM, or AC_EINVAL
 * outside of a loop. */
AC_API int ac_on_loop_end(void (*fn)(void *arg), void *arg);

/* ---- the loop as a guest of another one ---------------------------------- */

/* A loop that does not run by itself: another loop (libuv's, GLib's, a game's)
 * lets it make one step at a time, on one thread. Between the steps tasks can
 * be created, futures set, callbacks queued from the host's own callbacks, as
 * they can inside of a loop. In the host, each time before it blocks:
 *
 *     wait until ac_loop_fd() is readable or ac_loop_timeout() has passed
 *     ac_loop_step()
 *
 * <ac/uv.h> and <ac/glib.h> do that for libuv and GLib. */

/* Makes the thread's loop. NULL: there is one already, or out of memory or
 * descriptors; ac_run_error() tells. */
AC_API struct ac_loop *ac_loop_open(void);

/* A descriptor that is readable when a descriptor that the loop waits for is
 * ready, or another thread has asked for something. For poll and its like. */
AC_API int ac_loop_fd(const struct ac_loop *loop);

/* How long the host may block in nanoseconds: 0, there is something to do; -1,
 * for ever. What the host's callbacks do to tasks changes it. */
AC_API int64_t ac_loop_timeout(const struct ac_loop *loop);

/* How many tasks of it are not done. */
AC_API int ac_loop_tasks(const struct ac_loop *loop);

/* Takes what has come from outside, without blocking, and lets everything that
 * is ready run once. Returns the number of tasks that are not done; AC_EBUSY
 * when a step of this loop is under way (a task that runs its host inside of
 * itself), AC_EINVAL for a loop that is not this thread's guest. */
AC_API int ac_loop_step(struct ac_loop *loop);

/* Cancels every task that is left; the steps that follow bring them to their
 * end, while the host runs. The number of tasks, or as ac_loop_step. */
AC_API int ac_loop_cancel(struct ac_loop *loop);

/* Ends the loop: cancels what is left and runs it to its end here, without the
 * host. AC_EBUSY and AC_EINVAL as above. A guest that is left open when its
 * thread or the program ends is reported to the error handler, with the tasks
 * that it had. */
AC_API int ac_loop_close(struct ac_loop *loop);

#ifdef __cplusplus
}
#endif
#endif
