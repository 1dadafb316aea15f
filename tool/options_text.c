/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The text that options own, the words of a command line, and what is derived
 * from names of files. */
#include "options_parts.h"

#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------- */

void *options_resized(void *memory, size_t count, size_t bytes) {
  void *larger = realloc(memory, count * bytes);
  if (!larger) {
    fputs("acc: error: out of memory\n", stderr);
    exit(1);
  }
  return larger;
}

void strings_add(struct strings *strings, const char *text) {
  if (strings->count == strings->capacity) {
    strings->capacity = strings->capacity ? 2 * strings->capacity : 16;
    strings->items = options_resized(strings->items, strings->capacity,
                                     sizeof *strings->items);
  }
  strings->items[strings->count++] = text;
}

void strings_free(struct strings *strings) {
  free(strings->items);
  *strings = (struct strings){0};
}

const char *options_own(struct options *options, char *text) {
  strings_add(&options->owned, text);
  return text;
}

char *options_printf(struct options *options, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  size_t bytes = (size_t)vsnprintf(NULL, 0, format, again) + 1;
  va_end(again);
  char *text = options_resized(NULL, bytes, 1);
  vsnprintf(text, bytes, format, args);
  va_end(args);
  strings_add(&options->owned, text);
  return text;
}

void words_add(struct words *words, struct word word) {
  if (words->count == words->capacity) {
    words->capacity = words->capacity ? 2 * words->capacity : 16;
    words->items =
        options_resized(words->items, words->capacity, sizeof *words->items);
  }
  words->items[words->count++] = word;
}

void options_free(struct options *options) {
  for (size_t i = 0; i < options->owned.count; i++)
    free((void *)(uintptr_t)options->owned.items[i]);
  strings_free(&options->owned);
  strings_free(&options->parse_args);
  strings_free(&options->cc_args);
  strings_free(&options->cc_command);
  strings_free(&options->depend_targets);
  free(options->words.items);
}

/* ---- names -------------------------------------------------------------- */

bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length > end_length && strcmp(text + length - end_length, end) == 0;
}

bool is_ac_name(const char *path) {
  return ends_with(path, ".ac") || ends_with(path, ".ac.c");
}

bool is_object_name(const char *path) {
  return ends_with(path, ".o") || ends_with(path, ".a") ||
         ends_with(path, ".so") || strstr(path_base(path), ".so.");
}

const char *path_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

const char *path_directory(struct options *options, const char *path) {
  const char *base = path_base(path);
  if (base == path)
    return ".";
  if (base == path + 1)
    return "/";
  return options_printf(options, "%.*s", (int)(base - path - 1), path);
}

const char *path_with_suffix(struct options *options, const char *path,
                             const char *suffix) {
  const char *base = path_base(path), *dot = strrchr(base, '.');
  size_t length = dot && dot != base ? (size_t)(dot - path) : strlen(path);
  if (ends_with(base, ".ac.c"))
    length = strlen(path) - strlen(".ac.c");
  return options_printf(options, "%.*s%s", (int)length, path, suffix);
}

const char *make_quoted(struct options *options, const char *target) {
  struct buf buf = {0};
  for (const char *c = target; *c; c++) {
    if (*c == '$')
      buf_puts(&buf, "$");
    if (*c == '#')
      buf_puts(&buf, "\\");
    if (*c == ' ' || *c == '\t') {
      /* Make halves the backslashes before a space, and only those. */
      for (const char *b = c; b > target && b[-1] == '\\'; b--)
        buf_puts(&buf, "\\");
      buf_puts(&buf, "\\");
    }
    buf_add(&buf, c, 1);
  }
  return options_own(options, buf.text);
}
