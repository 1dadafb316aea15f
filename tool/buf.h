/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * buf.h - growable text on the heap, always NUL-terminated once written to.
 * Owned by whoever declared it: buf_free. */
#ifndef ACC_BUF_H
#define ACC_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
  char *text;
  size_t length, capacity;
};

void buf_add(struct buf *buf, const char *text, size_t bytes);
void buf_puts(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Reads a whole stream or file. Returns 0 or an errno value. */
int buf_read_file(struct buf *buf, const char *path);
int buf_read_fd(struct buf *buf, int fd);
void buf_free(struct buf *buf);

#endif
