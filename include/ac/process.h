/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * process.h - child processes, included by ac.h.
 *
 *   const char *const words[] = {"sort", "-n", NULL};
 *   struct ac_process_options options = {.words = words, .in = AC_PIPE,
 *                                        .out = AC_PIPE};
 *   struct ac_process_result result = {0};
 *   defer ac_process_result_free(&result);
 *   await ac_process_run(&options, text, strlen(text), 1 << 20, &result);
 *
 * A child never outlives its object: ac_process_close, or the loop's end, ends
 * it, and leaves no zombie. */
#ifndef AC_PROCESS_H
#define AC_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a child's standard descriptor is; a positive number: that descriptor of
 * this process. */
enum {
  AC_INHERIT = 0, /* this process's own */
  AC_PIPE = -1,   /* a pipe to or from this process */
  AC_DEVNULL = -2,
  AC_TO_OUT = -3 /* `err` alone: what `out` is */
};

struct ac_process_options {
  /* The program and its arguments, and NULL. A name without a slash is looked
   * for in this process's PATH. */
  const char *const *words;
  const char *const *environment; /* NAME=value ..., NULL; NULL: inherited */
  const char *directory;          /* to run in; NULL: inherited */
  int in, out, err;
  int group;     /* lead a process group of its own, which is killed whole */
  int keep_open; /* let it have descriptors above 2 that are not
                    close-on-exec; else it gets none */
  double grace;  /* seconds from SIGTERM to SIGKILL; 0: 5 */
};

struct ac_process {
  pid_t pid;
  int in, out, err; /* this end of each pipe, or -1; non-blocking */
  int status;       /* of one that has ended: see ac_process_wait */
};

/* Raises what fork, chdir or exec fail with, -ENOENT for a program that is not
 * there; nothing is left then. Signals have their default action in the child
 * where they are caught here, SIGPIPE always; its mask is this thread's. */
_Async struct ac_process *
ac_process_start(const struct ac_process_options *options);

/* Waits for its end: the exit status, or minus the signal that killed it. Any
 * number of tasks may wait, any number of times. Cancelled, the child goes on.
 * Raises -ECHILD when somebody else has waited for it (or SIGCHLD is ignored).
 */
_Async int ac_process_wait(struct ac_process *process);

/* Sends a signal, to its whole group if it leads one. -ESRCH when it has
 * ended. Never hits another process that has got the number since. */
AC_API int ac_process_kill(struct ac_process *process, int signal_number);

/* SIGTERM, and SIGKILL when it has not ended that many seconds later (or when
 * this is cancelled); waits for its end, and gives the status. */
_Async int ac_process_stop(struct ac_process *process, double grace);

/* Closes the pipes, stops it with its grace period if it runs, and frees the
 * object. For `defer`; completes whatever happens. NULL is allowed. */
_Async void ac_process_close(struct ac_process *process);

/* ---- all at once --------------------------------------------------------- */

struct ac_process_result {
  int status;
  char *out, *err; /* what came through pipes, with a NUL after it; or NULL */
  size_t out_bytes, err_bytes;
};
AC_API void ac_process_result_free(struct ac_process_result *result);

/* Writes the input to its pipe and closes that, reads the others to their end,
 * all at the same time, and waits. A child that does not read all of its input
 * is no error. -EMSGSIZE when more than limit bytes come through one pipe. */
_Async void ac_process_communicate(struct ac_process *process,
                                   const void *input, size_t input_bytes,
                                   size_t limit,
                                   struct ac_process_result *result);
/* Start, communicate, close; on an error or a cancellation (a deadline's) the
 * child is stopped. */
_Async void ac_process_run(const struct ac_process_options *options,
                           const void *input, size_t input_bytes, size_t limit,
                           struct ac_process_result *result);

#ifdef __cplusplus
}
#endif
#endif
