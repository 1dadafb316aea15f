/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * spawn.c - starting a child, on a thread of the pool: posix_spawn holds up its
 * caller until the child has made its exec, which may come from a slow disk.
 * That also tells of an exec that fails, and leaves no child then. */
#define _GNU_SOURCE
#include "process.h"

#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The child's ends, each above 2, so that putting one in its place does not
 * overwrite another. */
struct ends {
  int child[3];
};

static void close_all(int *fds) {
  for (int i = 0; i < 3; i++)
    aci_process_close_pipe(&fds[i]);
}

/* The same file under a number above 2; takes the first one over. */
static int move_up(int fd) {
  if (fd > 2)
    return fd;
  int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  int error = errno;
  close(fd);
  errno = error;
  return moved;
}

static int open_pipe(int *child, int *parent, int child_reads) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0)
    return -errno;
  *child = move_up(fds[!child_reads]);
  int code = *child < 0 ? -errno : 0;
  *parent = move_up(fds[child_reads]);
  if (*parent < 0)
    return code ? code : -errno;
  /* This end alone: the other has flags of its own. */
  if (!code && fcntl(*parent, F_SETFL, O_NONBLOCK) < 0)
    code = -errno;
  return code;
}

static int prepare_end(int i, int what, int *child, int *parent) {
  switch (what) {
  case AC_INHERIT:
    return 0;
  case AC_TO_OUT:
    return i == 2 ? 0 : AC_EINVAL;
  case AC_PIPE:
    return open_pipe(child, parent, i == 0);
  case AC_DEVNULL: {
    int fd = open("/dev/null", (i == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
    *child = fd < 0 ? fd : move_up(fd);
    break;
  }
  default:
    if (what < 0)
      return AC_EINVAL;
    *child = fcntl(what, F_DUPFD_CLOEXEC, 3);
  }
  return *child < 0 ? -errno : 0;
}

#if defined(__GLIBC__)
#define CLOSES_FROM __GLIBC_PREREQ(2, 34)
#else
#define CLOSES_FROM 0
#endif

#if CLOSES_FROM
static int close_others(posix_spawn_file_actions_t *files) {
  return posix_spawn_file_actions_addclosefrom_np(files, 3);
}
#else
/* Those that are there now, and would be left open by the exec. One that
 * another thread opens meanwhile without O_CLOEXEC, the child has. */
static int close_others(posix_spawn_file_actions_t *files) {
  int code = 0;
  DIR *open_ones = opendir("/proc/self/fd");
  if (!open_ones)
    return errno;
  for (struct dirent *entry; !code && (entry = readdir(open_ones));) {
    int fd = atoi(entry->d_name);
    if (fd < 3 || fd == dirfd(open_ones))
      continue;
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC))
      code = posix_spawn_file_actions_addclose(files, fd);
  }
  closedir(open_ones);
  return code;
}
#endif

static int add_files(posix_spawn_file_actions_t *files,
                     const struct ac_process_options *options,
                     const struct ends *ends) {
  int code = 0;
  for (int i = 0; i < 3 && !code; i++)
    if (ends->child[i] >= 0)
      code = posix_spawn_file_actions_adddup2(files, ends->child[i], i);
  if (!code && options->err == AC_TO_OUT)
    code = posix_spawn_file_actions_adddup2(files, 1, 2);
  if (!code && !options->keep_open)
    code = close_others(files);
  if (!code && options->directory)
    code = posix_spawn_file_actions_addchdir_np(files, options->directory);
  return code;
}

static int set_attributes(posix_spawnattr_t *attributes,
                          const struct aci_launch *launch) {
  sigset_t defaults;
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  sigaddset(&defaults, SIGXFSZ);
  int code = posix_spawnattr_setsigdefault(attributes, &defaults);
  if (!code)
    code = posix_spawnattr_setsigmask(attributes, &launch->mask);
  if (launch->options->group) {
    flags |= POSIX_SPAWN_SETPGROUP;
    if (!code)
      code = posix_spawnattr_setpgroup(attributes, 0);
  }
  return code ? code : posix_spawnattr_setflags(attributes, flags);
}

static int spawn(struct aci_launch *launch, const struct ends *ends) {
  const struct ac_process_options *options = launch->options;
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  int code = posix_spawn_file_actions_init(&files);
  if (code)
    return -code;
  code = posix_spawnattr_init(&attributes);
  if (!code) {
    code = add_files(&files, options, ends);
    if (!code)
      code = set_attributes(&attributes, launch);
    char *const *words = (char *const *)(uintptr_t)options->words;
    char *const *environment =
        options->environment ? (char *const *)(uintptr_t)options->environment
                             : environ;
    if (!code)
      code = posix_spawnp(&launch->pid, words[0], &files, &attributes, words,
                          environment);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&files);
  return -code;
}

static int open_pidfd(pid_t pid) {
#ifdef SYS_pidfd_open
  if (!getenv("AC_NO_PIDFD"))
    return (int)syscall(SYS_pidfd_open, pid, 0);
#endif
  (void)pid;
  errno = ENOSYS;
  return -1;
}

int aci_launch_run(void *arg) {
  struct aci_launch *launch = arg;
  const struct ac_process_options *options = launch->options;
  const int what[3] = {options->in, options->out, options->err};
  struct ends ends = {{-1, -1, -1}};
  for (int i = 0; i < 3 && !launch->error; i++)
    launch->error = prepare_end(i, what[i], &ends.child[i], &launch->ends[i]);
  if (!launch->error)
    launch->error = spawn(launch, &ends);
  close_all(ends.child);
  if (launch->error) {
    close_all(launch->ends);
    return 0;
  }
  launch->pidfd = open_pidfd(launch->pid);
  /* Where there are no more descriptors, a thread waits instead. */
  return 0;
}
