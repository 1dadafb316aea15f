/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void reserve(struct buf *buf, size_t more) {
  if (buf->length + more + 1 <= buf->capacity)
    return;
  size_t capacity = buf->capacity ? buf->capacity : 256;
  while (capacity < buf->length + more + 1)
    capacity *= 2;
  char *text = realloc(buf->text, capacity);
  if (!text) {
    fputs("acc: error: out of memory\n", stderr);
    exit(1);
  }
  buf->text = text;
  buf->capacity = capacity;
}

void buf_add(struct buf *buf, const char *text, size_t bytes) {
  reserve(buf, bytes);
  if (bytes)
    memcpy(buf->text + buf->length, text, bytes);
  buf->length += bytes;
  buf->text[buf->length] = '\0';
}

void buf_puts(struct buf *buf, const char *text) {
  buf_add(buf, text, strlen(text));
}

void buf_vprintf(struct buf *buf, const char *format, va_list args) {
  va_list again;
  va_copy(again, args);
  reserve(buf, 120); /* enough for most, so that most are formatted once */
  size_t room = buf->capacity - buf->length;
  size_t length =
      (size_t)vsnprintf(buf->text + buf->length, room, format, args);
  if (length >= room) {
    reserve(buf, length);
    vsnprintf(buf->text + buf->length, length + 1, format, again);
  }
  va_end(again);
  buf->length += length;
}

void buf_printf(struct buf *buf, const char *format, ...) {
  va_list args;
  va_start(args, format);
  buf_vprintf(buf, format, args);
  va_end(args);
}

int buf_read_fd(struct buf *buf, int fd) {
  for (;;) {
    reserve(buf, 65536);
    ssize_t got = read(fd, buf->text + buf->length,
                       buf->capacity - buf->length - 1);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return errno;
    if (got == 0)
      break;
    buf->length += (size_t)got;
  }
  buf->text[buf->length] = '\0';
  return 0;
}

int buf_read_file(struct buf *buf, const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return errno;
  int error = buf_read_fd(buf, fd);
  close(fd);
  return error;
}

void buf_free(struct buf *buf) {
  free(buf->text);
  *buf = (struct buf){0};
}
