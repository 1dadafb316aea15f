/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * file_whole.c - reading and replacing whole files, on one thread in one go.
 * Both look now and then whether anybody still wants it. */
#define _GNU_SOURCE
#include "file.h"

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20, FIRST_ROOM = 4096, NAME_TRIES = 100 };

/* ---- reading ------------------------------------------------------------- */

/* Room to read into, and one byte more. */
struct content {
  char *data;
  size_t bytes, room;
};

static int grow(struct content *content, size_t room) {
  char *data = aci_sys_alloc(room + 1, 1);
  if (!data)
    return AC_ENOMEM;
  if (content->bytes)
    memcpy(data, content->data, content->bytes);
  aci_sys_free(content->data);
  content->data = data;
  content->room = room;
  return 0;
}

/* What the file is expected to have, and one more to see its end. */
static size_t first_room(int fd, size_t limit) {
  struct stat status;
  if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
      status.st_size <= 0 || (uintmax_t)status.st_size >= SIZE_MAX / 4)
    return FIRST_ROOM;
  size_t bytes = (size_t)status.st_size + 1;
  return limit < SIZE_MAX && bytes > limit + 1 ? limit + 1 : bytes;
}

/* 1: there may be more; 0: the end. */
static int read_some(int fd, struct content *content, size_t limit) {
  if (ac_thread_cancelled())
    return AC_ECANCELED;
  if (content->bytes == content->room) {
    if (content->room > SIZE_MAX / 4)
      return AC_ENOMEM;
    int code = grow(content, content->room * 2);
    if (code)
      return code;
  }
  size_t bytes = content->room - content->bytes;
  ssize_t got =
      read(fd, content->data + content->bytes, bytes < STEP ? bytes : STEP);
  if (got < 0)
    return errno == EINTR ? 1 : -errno;
  content->bytes += (size_t)got;
  if (content->bytes > limit)
    return -EFBIG;
  return got > 0;
}

static int open_retrying(const char *path, int flags, mode_t mode) {
  int fd;
  do
    fd = open(path, flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  return fd < 0 ? -errno : fd;
}

ssize_t aci_file_load(struct aci_file_request *request) {
  size_t limit = request->bytes;
  struct content content = {NULL, 0, 0};
  int fd = open_retrying(request->path, O_RDONLY, 0);
  if (fd < 0)
    return fd;
  int code = grow(&content, first_room(fd, limit));
  if (!code)
    do
      code = read_some(fd, &content, limit);
    while (code > 0);
  close(fd);
  if (code < 0) {
    aci_sys_free(content.data);
    return code;
  }
  content.data[content.bytes] = 0;
  request->buffer = aci_sys_give(content.data);
  request->bytes = content.bytes;
  return 0;
}

/* ---- replacing ----------------------------------------------------------- */

static int write_all(int fd, const char *data, size_t bytes) {
  while (bytes) {
    if (ac_thread_cancelled())
      return AC_ECANCELED;
    ssize_t written = write(fd, data, bytes < STEP ? bytes : STEP);
    if (written < 0 && errno != EINTR)
      return -errno;
    if (written > 0) {
      data += written;
      bytes -= (size_t)written;
    }
  }
  return 0;
}

/* A new file beside the one to be replaced. name: what it is called. */
static int open_beside(const char *path, size_t directory, char *name,
                       mode_t mode) {
  for (int i = 0; i < NAME_TRIES; i++) {
    uint64_t random;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
      random = (uint64_t)aci_sys_now() * 0x9e3779b97f4a7c15u + (uint64_t)i;
    memcpy(name, path, directory);
    snprintf(name + directory, 32, ".ac-%016llx", (unsigned long long)random);
    int fd = open_retrying(name, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd != -EEXIST)
      return fd;
  }
  return -EEXIST;
}

/* So that the new name is there after a crash. A directory that may be written
 * but not read cannot be opened for that. */
static int sync_directory(const char *path, size_t directory, char *name) {
  if (directory) {
    memcpy(name, path, directory);
    name[directory] = 0;
  } else {
    memcpy(name, ".", 2);
  }
  int fd = open_retrying(name, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0)
    return fd == -EACCES ? 0 : fd;
  int code = fsync(fd) < 0 ? -errno : 0;
  close(fd);
  return code == -EINVAL || code == -EROFS ? 0 : code;
}

static int fill(int fd, const struct aci_file_request *request,
                const struct stat *before) {
  int code = write_all(fd, request->data, request->bytes);
  if (!code && before && fchmod(fd, before->st_mode & 07777) < 0)
    code = -errno;
  if (!code && fsync(fd) < 0)
    code = -errno;
  /* An error here is one of writing. */
  if (close(fd) < 0 && !code && errno != EINTR)
    code = -errno;
  if (!code && ac_thread_cancelled())
    code = AC_ECANCELED;
  return code;
}

static ssize_t replace(struct aci_file_request *request, const char *path) {
  char name[PATH_MAX + 32];
  const char *slash = strrchr(path, '/');
  size_t directory = slash ? (size_t)(slash - path) + 1 : 0;
  struct stat before;
  int exists = stat(path, &before) == 0;
  if (exists && !S_ISREG(before.st_mode))
    return S_ISDIR(before.st_mode) ? -EISDIR : -EINVAL;
  int fd = open_beside(path, directory, name, request->mode);
  if (fd < 0)
    return fd;
  int code = fill(fd, request, exists ? &before : NULL);
  if (!code && rename(name, path) < 0)
    code = -errno;
  if (code) {
    unlink(name);
    return code;
  }
  return sync_directory(path, directory, name);
}

/* A symbolic link stays: what it points to is replaced. */
ssize_t aci_file_save(struct aci_file_request *request) {
  char target[PATH_MAX];
  struct stat status;
  if (lstat(request->path, &status) == 0 && S_ISLNK(status.st_mode) &&
      realpath(request->path, target))
    return replace(request, target);
  if (strlen(request->path) >= PATH_MAX)
    return -ENAMETOOLONG;
  return replace(request, request->path);
}
