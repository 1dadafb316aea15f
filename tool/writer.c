/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void writer_newline(struct writer *writer) {
  if (!writer->line_start)
    writer_add(writer, "\n", 1);
}

static void marker(struct writer *writer, uint32_t line) {
  buf_printf(writer->out, "# %u \"", line);
  for (const char *c = writer->file; *c; c++) {
    if (*c == '"' || *c == '\\')
      buf_add(writer->out, "\\", 1);
    buf_add(writer->out, c, 1);
  }
  buf_puts(writer->out, writer->quiet ? "\" 3\n" : "\"\n");
}

void writer_line(struct writer *writer, uint32_t line) {
  writer_newline(writer);
  if (writer->markers &&
      (writer->line != line || writer->quiet != writer->quiet_now))
    marker(writer, line);
  writer->quiet_now = writer->quiet;
  writer->line = line;
}

void writer_add(struct writer *writer, const char *text, size_t bytes) {
  if (!bytes)
    return;
  buf_add(writer->out, text, bytes);
  for (size_t i = 0; i < bytes; i++)
    writer->line += text[i] == '\n';
  writer->line_start = text[bytes - 1] == '\n';
}

void writer_puts(struct writer *writer, const char *text) {
  writer_add(writer, text, strlen(text));
}

void writer_printf(struct writer *writer, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = malloc((size_t)length + 1);
  if (!text)
    abort();
  va_start(args, format);
  vsnprintf(text, (size_t)length + 1, format, args);
  va_end(args);
  writer_add(writer, text, (size_t)length);
  free(text);
}
