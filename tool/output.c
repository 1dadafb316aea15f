/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "output.h"

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const struct buf *text) {
  for (size_t done = 0; done < text->length;) {
    ssize_t put = write(fd, text->text + done, text->length - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    done += (size_t)put;
  }
  return true;
}

static void make_parents(const char *path) {
  char copy[PATH_MAX];
  if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
    return;
  for (char *slash = strchr(copy + 1, '/'); slash;
       slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(copy, 0777);
    *slash = '/';
  }
}

/* A device, a pipe: written to as it is. */
static bool is_special(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

/* A new file, whole or not at all. */
static bool write_new(const char *path, const struct buf *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0)
    return false;
  /* Past a limit on the size of files write is to fail, not to kill. */
  void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
  bool ok = write_all(fd, text);
  int error = errno;
  signal(SIGXFSZ, old);
  if (close(fd) == 0 && ok)
    return true;
  if (!ok)
    errno = error;
  return false;
}

static bool write_beside(const char *path, const struct buf *text) {
  char beside[PATH_MAX];
  if (is_special(path)) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write_all(fd, text);
    return fd >= 0 && close(fd) == 0 && ok;
  }
  if (snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid()) >=
      (int)sizeof beside) {
    errno = ENAMETOOLONG;
    return false;
  }
  unsigned mark = scratch_mark();
  if (!scratch_add(beside)) {
    errno = ENOMEM;
    return false;
  }
  bool ok = write_new(beside, text) && rename(beside, path) == 0;
  int error = errno;
  scratch_remove_to(mark);
  errno = error;
  return ok;
}

void output_write(const char *path, const struct buf *text,
                  struct diags *diags) {
  bool ok;
  if (!strcmp(path, "-")) {
    ok = write_all(STDOUT_FILENO, text);
  } else {
    make_parents(path);
    ok = write_beside(path, text);
  }
  if (!ok)
    diag_plain(diags, "cannot write '%s': %s", path, strerror(errno));
}

void output_discard(const char *path) {
  if (strcmp(path, "-") != 0 && !is_special(path))
    unlink(path);
}

static void add_name(struct buf *out, const char *name) {
  while (name[0] == '.' && name[1] == '/')
    name += 2;
  for (; *name; name++) {
    if (*name == ' ' || *name == '#')
      buf_puts(out, "\\");
    if (*name == '$')
      buf_puts(out, "$");
    buf_add(out, name, 1);
  }
}

/* clang's own headers, which stand in for those of the C compiler. */
static bool is_stand_in(const char *path) {
  return strstr(path, "/clang/") && strstr(path, "/include/");
}

static bool is_system(const char *path) {
  return !strncmp(path, "/usr/include/", 13) ||
         !strncmp(path, "/usr/lib/", 9) ||
         !strncmp(path, "/usr/local/include/", 19);
}

void output_depend(const struct parsed *parsed, const struct options *options,
                   struct diags *diags) {
  struct buf out = {0};
  for (size_t i = 0; i < options->depend_targets.count; i++)
    buf_printf(&out, "%s%s", i ? " " : "", options->depend_targets.items[i]);
  buf_puts(&out, ":");
  if (strcmp(options->input, "-") != 0) {
    buf_puts(&out, " ");
    add_name(&out, options->input);
  }
  for (size_t i = 0; i < parsed->includes.count; i++) {
    const char *path = parsed->includes.items[i];
    if (is_stand_in(path) || (!options->depend_system && is_system(path)))
      continue;
    buf_puts(&out, " \\\n  ");
    add_name(&out, path);
  }
  buf_puts(&out, "\n");
  for (size_t i = 0; options->depend_phony && i < parsed->includes.count; i++) {
    const char *path = parsed->includes.items[i];
    if (is_stand_in(path) || (!options->depend_system && is_system(path)))
      continue;
    buf_puts(&out, "\n");
    add_name(&out, path);
    buf_puts(&out, ":\n");
  }
  output_write(options->depend_file ? options->depend_file : "-", &out, diags);
  buf_free(&out);
}
