/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "process.h"

#include "scratch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* argv as exec takes it; the strings stay where they are. */
static char **argv_of(const struct strings *command) {
  char **argv = malloc((command->count + 1) * sizeof *argv);
  if (!argv)
    return NULL;
  for (size_t i = 0; i < command->count; i++)
    argv[i] = (char *)(uintptr_t)command->items[i];
  argv[command->count] = NULL;
  return argv;
}

static int start(const struct strings *command,
                 const posix_spawn_file_actions_t *actions, pid_t *child) {
  char **argv = argv_of(command);
  if (!argv)
    return ENOMEM;
  assert(argv[0]);
  /* Until the child is known, a signal waits: else the child would be left. */
  sigset_t all, old;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &old);
  posix_spawnattr_t attributes;
  int error = posix_spawnattr_init(&attributes);
  if (error == 0) {
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &old);
    error = posix_spawnp(child, argv[0], actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
  }
  if (error == 0)
    scratch_set_child(*child);
  sigprocmask(SIG_SETMASK, &old, NULL);
  free(argv);
  return error;
}

static int finish(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) {
      status = -1;
      break;
    }
  scratch_set_child(0);
  return status;
}

int process_run(const struct strings *command) {
  pid_t child;
  fflush(NULL);
  int error = start(command, NULL, &child);
  if (error) {
    fprintf(stderr, "acc: error: cannot run '%s': %s\n", command->items[0],
            strerror(error));
    return 1;
  }
  int status = finish(child);
  if (status >= 0 && WIFEXITED(status))
    return WEXITSTATUS(status);
  if (status >= 0 && WIFSIGNALED(status))
    fprintf(stderr, "acc: error: '%s' was ended by signal %d (%s)\n",
            command->items[0], WTERMSIG(status), strsignal(WTERMSIG(status)));
  return 1;
}

int process_read_errors(const struct strings *command, struct buf *errors) {
  int ends[2];
  pid_t child;
  if (pipe(ends) != 0)
    return 1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  int error = start(command, &actions, &child);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (error == 0)
    error = buf_read_fd(errors, ends[0]);
  else
    child = -1;
  close(ends[0]);
  if (child < 0)
    return 1;
  int status = finish(child);
  return !error && status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void process_print(const struct strings *command) {
  for (size_t i = 0; i < command->count; i++) {
    const char *word = command->items[i];
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                                "UVWXYZ0123456789_-+=./,:@%";
    fputc(' ', stderr);
    if (*word && !word[strspn(word, plain)]) {
      fputs(word, stderr);
      continue;
    }
    fputc('\'', stderr);
    for (; *word; word++)
      fputs(*word == '\'' ? "'\\''" : (const char[]){*word, 0}, stderr);
    fputc('\'', stderr);
  }
  fputc('\n', stderr);
}
