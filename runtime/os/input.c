/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * input.c - what standard input is, and what has been read ahead of it. It is
 * the process's, so this is the one thing here that all loops have in common.
 */
#define _GNU_SOURCE
#include "input.h"

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 4096 };

static struct aci_input input = {.fd = -1};
static struct stat known; /* what it was opened for */
static atomic_int claimed;

int ac_reopen(int fd) {
  char path[32];
  int access = fcntl(fd, F_GETFL);
  if (access < 0)
    return -errno;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int reopened = open(path, (access & O_ACCMODE) | O_NONBLOCK | O_NOCTTY |
                                O_CLOEXEC | (access & O_APPEND));
  if (reopened < 0)
    return -errno;
  if (aci_thread.loop)
    aci_fd_forget(aci_thread.loop, reopened);
  return reopened;
}

static void forget(void) {
  if (input.fd > STDIN_FILENO)
    ac_close(input.fd);
  aci_sys_free(input.data);
  input = (struct aci_input){.fd = -1};
}

static void recognise(const struct stat *status) {
  input.fd = STDIN_FILENO;
  known = *status;
  if (S_ISSOCK(status->st_mode)) {
    input.kind = ACI_INPUT_AWAIT;
  } else if (S_ISFIFO(status->st_mode) || isatty(STDIN_FILENO)) {
    /* It may belong to somebody else by now: then it has to do as it is. */
    int fd = ac_reopen(STDIN_FILENO);
    input.kind = fd >= 0 ? ACI_INPUT_AWAIT : ACI_INPUT_POLL;
    if (fd >= 0)
      input.fd = fd;
  } else {
    input.kind = ACI_INPUT_FILE;
  }
}

struct aci_input *aci_input_claim(int *error) {
  struct stat status;
  *error = AC_EBUSY;
  if (atomic_exchange(&claimed, 1))
    return NULL;
  if (fstat(STDIN_FILENO, &status) < 0) {
    *error = -errno;
    atomic_store(&claimed, 0);
    return NULL;
  }
  /* Something else may have been put in its place. */
  if (input.fd >= 0 &&
      (status.st_dev != known.st_dev || status.st_ino != known.st_ino))
    forget();
  if (input.fd < 0)
    recognise(&status);
  return &input;
}

void aci_input_release(void) {
  /* At rest it holds no memory. */
  if (input.begin == input.end) {
    aci_sys_free(input.data);
    input.data = NULL;
    input.begin = input.end = input.room = 0;
  }
  atomic_store(&claimed, 0);
}

size_t aci_input_take(struct aci_input *in, void *buffer, size_t bytes) {
  size_t have = in->end - in->begin;
  if (bytes > have)
    bytes = have;
  if (bytes)
    memcpy(buffer, in->data + in->begin, bytes);
  in->begin += bytes;
  return bytes;
}

static char *take_line(struct aci_input *in, size_t length, size_t newline,
                       int *error) {
  char *line = aci_sys_alloc(length + 1, 1);
  if (!line) {
    *error = AC_ENOMEM;
    return NULL;
  }
  aci_input_take(in, line, length);
  in->begin += newline;
  line[length] = 0;
  return aci_sys_give(line);
}

char *aci_input_line(struct aci_input *in, size_t limit, int end, int *error) {
  size_t have = in->end - in->begin;
  const char *from = in->data + in->begin;
  const char *newline = have ? memchr(from, '\n', have) : NULL;
  size_t length = newline ? (size_t)(newline - from) : have;
  if (length > limit) {
    *error = -EMSGSIZE;
    return NULL;
  }
  if (newline)
    return take_line(in, length, 1, error);
  return end && have ? take_line(in, length, 0, error) : NULL;
}

int aci_input_reserve(struct aci_input *in) {
  size_t have = in->end - in->begin;
  if (in->room - in->end >= STEP)
    return 0;
  if (have > SIZE_MAX / 4)
    return AC_ENOMEM;
  size_t room = have * 2 + STEP;
  char *data = aci_sys_alloc(room, 1);
  if (!data)
    return AC_ENOMEM;
  if (have)
    memcpy(data, in->data + in->begin, have);
  aci_sys_free(in->data);
  in->data = data;
  in->room = room;
  in->begin = 0;
  in->end = have;
  return 0;
}
