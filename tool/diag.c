/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void diag_add(struct diags *diags, struct diag diag) {
  if (diag.severity == SEVERITY_WARNING && diags->options->werror) {
    diag.severity = SEVERITY_ERROR;
    diag.flag = diag.flag ? arena_printf(diags->arena, "-Werror,%s", diag.flag)
                          : "-Werror";
  }
  if (diag.severity == SEVERITY_ERROR)
    diags->errors++;
  vector_push(diags->arena, &diags->items, diag);
}

static const char *line_of(struct diags *diags, const struct source *source,
                           uint32_t line) {
  uint32_t begin = source->lines.items[line - 1], end = begin;
  while (end < source->original_bytes && source->original[end] != '\n' &&
         source->original[end] != '\r')
    end++;
  return arena_copy(diags->arena, source->original + begin, end - begin);
}

struct diag *diag_at(struct diags *diags, const struct source *source,
                     enum severity severity, uint32_t offset,
                     const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = arena_alloc(diags->arena, (size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  uint32_t original = source_original(source, offset);
  uint32_t line = source_line(source, original);
  diag_add(diags, (struct diag){.severity = severity,
                                .file = source->name,
                                .line = line,
                                .column = source_column(source, original),
                                .line_text = line_of(diags, source, line),
                                .text = text,
                                .source = source});
  return &diags->items.items[diags->items.count - 1];
}

void diag_insert(struct diags *diags, const struct source *source,
                 uint32_t offset, const char *text) {
  if (!diags->items.count || source_is_spliced(source, offset))
    return;
  struct diag *diag = &diags->items.items[diags->items.count - 1];
  uint32_t original = source_original(source, offset);
  diag->has_fixit = true;
  diag->fixit = (struct fixit){original, original, text};
}

void diag_plain(struct diags *diags, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = arena_alloc(diags->arena, (size_t)length + 1);
  vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  diag_add(diags, (struct diag){.severity = SEVERITY_ERROR, .text = text});
}

static bool use_color(const struct options *options) {
  if (options->color == COLOR_AUTO) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  }
  return options->color == COLOR_ALWAYS;
}

/* The source line, tabs as they are, and below it the caret. */
static void print_line(const struct diag *diag, bool color) {
  fprintf(stderr, "%s\n", diag->line_text);
  struct {
    char text[512];
  } marks;
  size_t length = strlen(diag->line_text), at = 0;
  for (; at + 1 < diag->column && at < sizeof marks.text - 1; at++)
    marks.text[at] = at < length && diag->line_text[at] == '\t' ? '\t' : ' ';
  if (at >= sizeof marks.text - 1)
    return;
  marks.text[at++] = '^';
  for (uint32_t i = 1; i < diag->underline && at < sizeof marks.text - 1 &&
                       at < length;
       i++)
    marks.text[at++] = '~';
  marks.text[at] = '\0';
  fprintf(stderr, color ? "\033[0;1;32m%s\033[0m\n" : "%s\n", marks.text);
}

static void print_fixit(const struct diag *diag, const struct options *options) {
  uint32_t column = source_column(diag->source, diag->fixit.begin);
  uint32_t line = source_line(diag->source, diag->fixit.begin);
  if (diag->line_text && line == diag->line) {
    for (uint32_t i = 1; i < column; i++)
      fputc(i <= strlen(diag->line_text) && diag->line_text[i - 1] == '\t'
                ? '\t'
                : ' ',
            stderr);
    fprintf(stderr, "%s\n", diag->fixit.text);
  }
  if (options->parseable_fixits)
    fprintf(stderr, "fix-it:\"%s\":{%u:%u-%u:%u}:\"%s\"\n", diag->source->name,
            line, column, line,
            column + (diag->fixit.end - diag->fixit.begin), diag->fixit.text);
}

static void print_one(const struct diag *diag, const struct options *options,
                      bool color) {
  static const char *const names[] = {"note", "warning", "error"};
  static const char *const colors[] = {"\033[0;1;30m", "\033[0;1;35m",
                                       "\033[0;1;31m"};
  if (color)
    fputs("\033[1m", stderr);
  if (diag->file && diag->line)
    fprintf(stderr, "%s:%u:%u: ", diag->file, diag->line, diag->column);
  else
    fprintf(stderr, "%s: ", diag->file ? diag->file : "acc");
  if (color)
    fprintf(stderr, "%s%s: \033[0m\033[1m", colors[diag->severity],
            names[diag->severity]);
  else
    fprintf(stderr, "%s: ", names[diag->severity]);
  fputs(diag->text, stderr);
  if (diag->flag)
    fprintf(stderr, " [%s]", diag->flag);
  fputs(color ? "\033[0m\n" : "\n", stderr);
  if (diag->line_text)
    print_line(diag, color);
  if (diag->has_fixit)
    print_fixit(diag, options);
}

static void print_count(unsigned errors, unsigned warnings) {
  if (warnings && errors)
    fprintf(stderr, "%u warning%s and ", warnings, warnings > 1 ? "s" : "");
  else if (warnings)
    fprintf(stderr, "%u warning%s", warnings, warnings > 1 ? "s" : "");
  if (errors)
    fprintf(stderr, "%u error%s", errors, errors > 1 ? "s" : "");
  if (errors || warnings)
    fputs(" generated.\n", stderr);
}

static bool comes_before(const struct diag *a, const struct diag *b) {
  if (!a->source || !b->source || a->source != b->source)
    return false;
  return a->line != b->line ? a->line < b->line : a->column < b->column;
}

/* By place in the file, what was told with each after it. */
static void sort(struct diags *diags) {
  struct diag *items = diags->items.items;
  size_t count = diags->items.count;
  struct diag *sorted = arena_alloc(diags->arena, (count + 1) * sizeof *sorted);
  size_t done = 0;
  for (size_t i = 0; i < count;) {
    size_t end = i + 1;
    while (end < count && items[end].severity == SEVERITY_NOTE)
      end++;
    size_t at = done;
    while (at > 0 && (sorted[at - 1].severity == SEVERITY_NOTE ||
                      comes_before(&items[i], &sorted[at - 1])))
      at--;
    /* not between a message and its notes */
    while (at < done && (sorted[at].severity == SEVERITY_NOTE ||
                         !comes_before(&items[i], &sorted[at])))
      at++;
    memmove(sorted + at + (end - i), sorted + at, (done - at) * sizeof *sorted);
    memcpy(sorted + at, items + i, (end - i) * sizeof *sorted);
    done += end - i;
    i = end;
  }
  diags->items.items = sorted;
}

void diag_print(struct diags *diags) {
  sort(diags);
  const struct options *options = diags->options;
  bool color = use_color(options), muted = false;
  unsigned errors = 0, warnings = 0;
  for (size_t i = 0; i < diags->items.count; i++) {
    const struct diag *diag = &diags->items.items[i];
    if (diag->severity != SEVERITY_NOTE)
      muted = diag->severity == SEVERITY_WARNING && options->warnings_off;
    if (muted)
      continue;
    if (diag->severity == SEVERITY_ERROR && options->error_limit &&
        errors == options->error_limit) {
      fputs("acc: error: too many errors emitted, stopping now "
            "[-ferror-limit=]\n",
            stderr);
      break;
    }
    errors += diag->severity == SEVERITY_ERROR;
    warnings += diag->severity == SEVERITY_WARNING;
    print_one(diag, options, color);
  }
  print_count(errors, warnings);
}
