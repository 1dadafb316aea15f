/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * scratch.c - a fixed table, so that the signal handler finds it whole at any
 * moment: an entry is complete before the count includes it. The one mutable
 * global of the tool, since a signal has no other way to reach its data. */
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCRATCH_MOST = 64 };

static struct {
  char *volatile paths[SCRATCH_MOST]; /* NULL: kept */
  volatile sig_atomic_t count;
  volatile pid_t child;
  bool handles;
} scratch;

static void remove_path(const char *path) {
  if (path && unlink(path) != 0)
    rmdir(path);
}

static void on_signal(int number) {
  /* While it lives it may write again what is removed here. */
  if (scratch.child > 0 && kill(scratch.child, number) == 0)
    while (waitpid(scratch.child, NULL, 0) < 0 && errno == EINTR)
      ;
  for (int i = scratch.count; i-- > 0;)
    remove_path(scratch.paths[i]);
  /* The default action, once the handler returns. */
  signal(number, SIG_DFL);
  raise(number);
}

/* A signal that was ignored when acc started stays so. */
static void handle(int number) {
  struct sigaction action = {.sa_handler = on_signal}, old;
  sigemptyset(&action.sa_mask);
  if (sigaction(number, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
    sigaction(number, &action, NULL);
}

static void handle_all(void) {
  if (scratch.handles)
    return;
  scratch.handles = true;
  handle(SIGINT);
  handle(SIGTERM);
  handle(SIGHUP);
}

bool scratch_add(const char *path) {
  int count = scratch.count;
  char *copy = strdup(path);
  if (!copy || count == SCRATCH_MOST) {
    free(copy);
    return false;
  }
  handle_all();
  scratch.paths[count] = copy;
  scratch.count = count + 1;
  return true;
}

unsigned scratch_mark(void) { return (unsigned)scratch.count; }

void scratch_remove_to(unsigned mark) {
  while ((unsigned)scratch.count > mark) {
    int last = scratch.count - 1;
    char *path = scratch.paths[last];
    remove_path(path);
    scratch.count = last;
    free(path);
  }
}

void scratch_keep(const char *path) {
  for (int i = 0; i < scratch.count; i++)
    if (scratch.paths[i] && strcmp(scratch.paths[i], path) == 0) {
      char *kept = scratch.paths[i];
      scratch.paths[i] = NULL;
      free(kept);
    }
}

void scratch_set_child(pid_t child) {
  handle_all();
  scratch.child = child;
}
