/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * thread.h - blocking work on other threads, included by ac.h: asyncio's
 * to_thread. One pool of threads serves all loops of the process. Threads are
 * started when there is work for them, and end when they have had none for a
 * while; the process's end does not wait for them. They block all signals.
 *
 * Work belongs to a class, whose limit says how much of it runs at a time, so
 * that what is slow in one class does not hold up another. What is above the
 * limit is queued, in order.
 *
 * A child made by fork() has no threads; the pool begins anew there. Work that
 * was under way at that moment is the parent's: a loop that the child has
 * inherited never sees its end. */
#ifndef AC_THREAD_H
#define AC_THREAD_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A program may have classes of its own, of static storage duration:
 *
 *   static struct ac_thread_class hashing = AC_THREAD_CLASS("hashing", 4); */
struct ac_thread_class {
  const char *name; /* for listings: static storage */
  int limit;
  /* The pool's. */
  int running, queued, known;
  struct aci_work *first, *last;
  struct ac_thread_class *next, *next_known;
};
#define AC_THREAD_CLASS(name, limit)                                           \
  { (name), (limit), 0, 0, 0, NULL, NULL, NULL, NULL }

/* The library's own: ac_to_thread, 32 at a time; files, 16; names (DNS), 16.
 */
extern AC_API struct ac_thread_class ac_threads;
extern AC_API struct ac_thread_class ac_file_threads;
extern AC_API struct ac_thread_class ac_dns_threads;

/* Changes a class's limit; what runs already goes on. Any thread. AC_EINVAL
 * for less than 1. */
AC_API int ac_thread_limit(struct ac_thread_class *thread_class, int limit);

/* Runs fn(arg), as thrd_create does, on a thread of the pool, and gives what
 * it returns. Cancelled while it is queued, it has not run and will not. Once
 * it runs it cannot be cancelled: the await goes on until it has ended, gives
 * its value, and the cancellation comes at the task's next await. */
_Async int ac_to_thread(int (*fn)(void *arg), void *arg);
_Async int ac_to_thread_of(struct ac_thread_class *thread_class,
                           int (*fn)(void *arg), void *arg);

/* The same, but a cancelled await ends at once, whatever fn is doing. fn then
 * goes on with *arg as its own: the caller's *arg is made NULL, and when fn
 * has ended, drop(arg) is called on the pool's thread. It keeps its place
 * under the limit until then. In all other cases *arg stays the caller's. */
_Async int ac_to_thread_abandonable(struct ac_thread_class *thread_class,
                                    int (*fn)(void *arg), void **arg,
                                    void (*drop)(void *arg));

/* For fn: true when the task that waits for it has been cancelled, so that
 * long work may end early. False on other threads. */
AC_API int ac_thread_cancelled(void);

#ifdef __cplusplus
}
#endif
#endif
