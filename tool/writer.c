/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "writer.h"

#include <stdarg.h>
#include <string.h>

void writer_newline(struct writer *writer) {
  if (!writer->line_start)
    writer_add(writer, "\n", 1);
}

static void marker(struct writer *writer, uint32_t line) {
  char digits[16];
  size_t at = sizeof digits;
  do
    digits[--at] = (char)('0' + line % 10);
  while (line /= 10);
  buf_add(writer->out, "# ", 2);
  buf_add(writer->out, digits + at, sizeof digits - at);
  buf_add(writer->out, " \"", 2);
  for (const char *c = writer->file; *c;) {
    size_t plain = strcspn(c, "\"\\");
    buf_add(writer->out, c, plain);
    c += plain;
    if (*c) {
      buf_add(writer->out, "\\", 1);
      buf_add(writer->out, c++, 1);
    }
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

/* A new line has begun while all lines are pinned. */
static void pin(struct writer *writer) {
  if (writer->markers)
    marker(writer, writer->pinned);
  writer->line = writer->pinned;
}

void writer_add(struct writer *writer, const char *text, size_t bytes) {
  if (!bytes)
    return;
  while (writer->pinned) {
    const char *newline = memchr(text, '\n', bytes);
    size_t part = newline ? (size_t)(newline - text) + 1 : bytes;
    if (part == bytes)
      break;
    buf_add(writer->out, text, part);
    pin(writer);
    text += part;
    bytes -= part;
  }
  buf_add(writer->out, text, bytes);
  for (size_t i = 0; i < bytes; i++)
    writer->line += text[i] == '\n';
  writer->line_start = text[bytes - 1] == '\n';
  if (writer->line_start && writer->pinned)
    pin(writer);
}

void writer_puts(struct writer *writer, const char *text) {
  writer_add(writer, text, strlen(text));
}

void writer_printf(struct writer *writer, const char *format, ...) {
  struct buf *out = writer->out;
  size_t before = out->length;
  va_list args;
  va_start(args, format);
  if (writer->pinned) {
    struct buf text = {0};
    buf_vprintf(&text, format, args);
    va_end(args);
    writer_add(writer, text.text, text.length);
    buf_free(&text);
    return;
  }
  buf_vprintf(out, format, args);
  va_end(args);
  for (size_t i = before; i < out->length; i++)
    writer->line += out->text[i] == '\n';
  if (out->length > before)
    writer->line_start = out->text[out->length - 1] == '\n';
}
