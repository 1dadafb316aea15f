/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * process.c - a running child: its signals, its end, its object. Its number is
 * its own until its status is taken ("reaped"), which happens here alone. */
#define _GNU_SOURCE
#include "process.h"

#include "internal.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct ac_thread_class aci_process_threads =
    AC_THREAD_CLASS("a child process", 4096);

/* ---- the loop's children ------------------------------------------------- */

struct children {
  struct aci_part part;
  struct aci_process *first;
};

void aci_process_close_pipe(int *fd) {
  if (*fd >= 0)
    ac_close(*fd);
  *fd = -1;
}

static void close_fds(struct aci_process *process) {
  aci_process_close_pipe(&process->public.in);
  aci_process_close_pipe(&process->public.out);
  aci_process_close_pipe(&process->public.err);
  aci_process_close_pipe(&process->pidfd);
}

/* For a child that nobody can wait for any more. */
static void end_now(pid_t pid, int group) {
  kill(group ? -pid : pid, SIGKILL);
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

static void close_children(struct aci_part *part) {
  struct children *children = (struct children *)(void *)part;
  for (struct aci_process *process; (process = children->first);) {
    children->first = process->next;
    if (!process->reaped)
      end_now(process->public.pid, process->group);
    close_fds(process);
    aci_sys_free(process);
  }
}

static const struct aci_part_class children_class = {
    .bytes = sizeof(struct children), .close = close_children};

static struct aci_process *allocate(const struct aci_launch *launch) {
  struct children *children =
      (struct children *)(void *)aci_part_get(aci_thread.loop, &children_class);
  if (!children)
    return NULL;
  struct aci_process *process =
      aci_sys_alloc(sizeof *process, _Alignof(struct aci_process));
  if (!process)
    return NULL;
  const struct ac_process_options *options = launch->options;
  *process =
      (struct aci_process){.public = {.pid = launch->pid,
                                      .in = launch->ends[0],
                                      .out = launch->ends[1],
                                      .err = launch->ends[2]},
                           .pidfd = launch->pidfd,
                           .group = options->group,
                           .grace = options->grace > 0 ? options->grace : 5,
                           .next = children->first};
  children->first = process;
  return process;
}

struct ac_process *aci_process_new(struct aci_launch *launch, int *error) {
  if (launch->error) {
    *error = launch->error;
    return NULL;
  }
  for (int i = 0; i < 3; i++)
    if (launch->ends[i] >= 0)
      aci_fd_forget(aci_thread.loop, launch->ends[i]);
  if (launch->pidfd >= 0)
    aci_fd_forget(aci_thread.loop, launch->pidfd);
  struct aci_process *process = allocate(launch);
  if (process)
    return &process->public;
  *error = AC_ENOMEM;
  end_now(launch->pid, launch->options->group);
  for (int i = 0; i < 3; i++)
    aci_process_close_pipe(&launch->ends[i]);
  aci_process_close_pipe(&launch->pidfd);
  return NULL;
}

void aci_process_free(struct aci_process *process) {
  struct children *children = (struct children *)(void *)aci_part_find(
      aci_thread.loop, &children_class);
  struct aci_process **link = &children->first;
  while (*link != process)
    link = &(*link)->next;
  *link = process->next;
  close_fds(process);
  aci_sys_free(process);
}

/* ---- its end ------------------------------------------------------------- */

int aci_process_has_ended(const struct aci_process *process) {
  siginfo_t info = {.si_pid = 0};
  if (process->reaped)
    return 1;
  if (waitid(P_PID, (id_t)process->public.pid, &info,
             WEXITED | WNOHANG | WNOWAIT) < 0)
    return errno == ECHILD;
  return info.si_pid != 0;
}

int aci_process_reap(struct aci_process *process) {
  int status;
  if (process->reaped)
    return 1;
  pid_t got = waitpid(process->public.pid, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno != ECHILD))
    return 0;
  process->reaped = 1;
  process->gone = got < 0;
  process->public.status = got < 0               ? -ECHILD
                           : WIFSIGNALED(status) ? -WTERMSIG(status)
                                                 : WEXITSTATUS(status);
  return 1;
}

int ac_process_kill(struct ac_process *public, int signal_number) {
  struct aci_process *process = aci_process_of(public);
  if (process->reaped)
    return -ESRCH;
  pid_t pid = public->pid;
  int code;
#ifdef SYS_pidfd_send_signal
  if (!process->group && process->pidfd >= 0) {
    code = (int)syscall(SYS_pidfd_send_signal, process->pidfd, signal_number,
                        NULL, 0);
    return code < 0 ? -errno : AC_OK;
  }
#endif
  /* Somebody else may have waited for it. */
  if (aci_process_has_ended(process) && aci_process_reap(process) &&
      process->gone)
    return -ESRCH;
  code = kill(process->group ? -pid : pid, signal_number);
  return code < 0 ? -errno : AC_OK;
}

/* ---- without pidfd_open -------------------------------------------------- */

int aci_process_block(void *arg) {
  siginfo_t info;
  while (waitid(P_PID, (id_t) * (pid_t *)arg, &info, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR)
    ;
  return 0;
}

void *aci_process_block_new(pid_t pid) {
  pid_t *copy = aci_sys_alloc(sizeof *copy, _Alignof(pid_t));
  if (copy)
    *copy = pid;
  return copy;
}

void aci_process_block_free(void *arg) { aci_sys_free(arg); }

/* ---- what it says -------------------------------------------------------- */

int aci_text_reserve(struct aci_text *text) {
  if (text->room - text->bytes > 1024)
    return 0;
  if (text->room > SIZE_MAX / 4)
    return AC_ENOMEM;
  size_t room = text->room ? text->room * 2 : 4096;
  char *data = aci_sys_alloc(room, 1);
  if (!data)
    return AC_ENOMEM;
  if (text->bytes)
    memcpy(data, text->data, text->bytes);
  aci_sys_free(text->data);
  text->data = data;
  text->room = room;
  return 0;
}

void aci_text_free(struct aci_text *text) {
  aci_sys_free(text->data);
  *text = (struct aci_text){NULL, 0, 0};
}

char *aci_text_give(struct aci_text *text, size_t *bytes) {
  char *data = aci_sys_give(text->data);
  if (data)
    data[text->bytes] = 0;
  *bytes = text->bytes;
  *text = (struct aci_text){NULL, 0, 0};
  return data;
}

void ac_process_result_free(struct ac_process_result *result) {
  free(result->out);
  free(result->err);
  *result = (struct ac_process_result){.status = result->status};
}
