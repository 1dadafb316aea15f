/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * process.h - a child process, between process.c and process.ac. */
#ifndef ACI_PROCESS_H
#define ACI_PROCESS_H

#include <ac/ac.h>
#include <signal.h>

struct aci_process {
  struct ac_process public; /* first */
  int pidfd;                /* -1: not to be had */
  int group;
  int reaped; /* status is there, the number may be another's */
  int gone;   /* reaped, by somebody else */
  double grace;
  struct ac_lock wait;      /* held by the task that waits for the end */
  struct aci_process *next; /* of its loop */
};

/* A start, on a thread. */
struct aci_launch {
  const struct ac_process_options *options;
  sigset_t mask;
  pid_t pid;
  int pidfd;
  int ends[3]; /* of this process, or -1 */
  int error;   /* 0, or -errno: nothing is left */
};

#pragma GCC visibility push(hidden)

/* For a thread; arg: struct aci_launch. */
int aci_launch_run(void *arg);
/* The object, of this loop; out of memory, the child has been killed. */
struct ac_process *aci_process_new(struct aci_launch *launch, int *error);
/* Looks whether it has ended, and takes its status. True: it has. */
int aci_process_reap(struct aci_process *process);
/* The same without taking the status. */
int aci_process_has_ended(const struct aci_process *process);
void aci_process_close_pipe(int *fd);
/* A process that has been reaped. */
void aci_process_free(struct aci_process *process);

/* Blocks until the process *arg (pid_t) has ended. */
int aci_process_block(void *arg);
void *aci_process_block_new(pid_t pid);
void aci_process_block_free(void *arg);
extern struct ac_thread_class aci_process_threads;

/* A growing text. */
struct aci_text {
  char *data;
  size_t bytes, room;
};
/* Room for more, and a NUL. */
int aci_text_reserve(struct aci_text *text);
void aci_text_free(struct aci_text *text);
/* Gives it to the program. */
char *aci_text_give(struct aci_text *text, size_t *bytes);

#pragma GCC visibility pop

static inline struct aci_process *aci_process_of(struct ac_process *process) {
  return (struct aci_process *)(void *)process;
}

#endif
