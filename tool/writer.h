/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * writer.h - text with line markers: whoever prints says which source line
 * the next output line belongs to, and a marker is written where the C
 * compiler would count otherwise. */
#ifndef ACC_WRITER_H
#define ACC_WRITER_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct writer {
  struct buf *out;
  const char *file;   /* as markers name it */
  bool markers;
  bool quiet;         /* mark lines as a system header's: no warnings */
  bool quiet_now;     /* what the last marker said */
  uint32_t line;      /* what the compiler takes the current line for; 0: no
                         idea */
  bool line_start;
  uint32_t pinned;    /* every line belongs to this one, where not 0 */
};

/* Ends the current line if there is something on it. */
void writer_newline(struct writer *writer);
/* Begins a line that belongs to that source line. */
void writer_line(struct writer *writer, uint32_t line);
/* Text may hold newlines; each counts as the next source line. */
void writer_add(struct writer *writer, const char *text, size_t bytes);
void writer_puts(struct writer *writer, const char *text);
void writer_printf(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
