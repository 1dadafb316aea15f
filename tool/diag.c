/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is a warning with this flag an error? */
static bool is_error(const struct options *options, const char *flag) {
  enum warning warning = warning_of_flag(flag);
  if (warning == WARNING_COUNT)
    return options->werror;
  const struct warning_state *state = &options->warnings[warning];
  return !state->never_error && (state->error || options->werror);
}

void diag_add(struct diags *diags, struct diag diag) {
  if (diag.severity == SEVERITY_WARNING &&
      is_error(diags->options, diag.flag)) {
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

/* One at a legible offset, with nothing said yet. */
static struct diag placed(struct diags *diags, const struct source *source,
                          uint32_t offset) {
  uint32_t original = source_original(source, offset);
  uint32_t line = source_line(source, original);
  return (struct diag){.file = source->name,
                       .line = line,
                       .column = source_column(source, original),
                       .line_text = line_of(diags, source, line),
                       .source = source};
}

struct diag *diag_at(struct diags *diags, const struct source *source,
                     enum severity severity, uint32_t offset,
                     const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = arena_vprintf(diags->arena, format, args);
  va_end(args);
  struct diag diag = placed(diags, source, offset);
  diag.severity = severity;
  diag.text = text;
  diag_add(diags, diag);
  return &diags->items.items[diags->items.count - 1];
}

bool diag_warns(const struct diags *diags, enum warning warning) {
  return !diags->options->warnings[warning].off;
}

void diag_warn(struct diags *diags, const struct source *source,
               enum warning warning, uint32_t offset, const char *text) {
  struct diag diag = placed(diags, source, offset);
  diag.severity = SEVERITY_WARNING;
  diag.text = text;
  diag.flag = warning_flag(warning);
  diag_add(diags, diag);
}

void diag_fix(struct arena *arena, struct diag *diag,
              const struct source *source, struct range range,
              const char *text) {
  uint32_t last = range.end > range.begin ? range.end - 1 : range.end;
  if (range.begin == UINT32_MAX || range.end == UINT32_MAX ||
      source_is_spliced(source, range.begin) ||
      source_is_spliced(source, last)) {
    diag->no_fixits = true;
    return;
  }
  uint32_t end = source_original(source, last);
  struct fixit fixit = {{source_original(source, range.begin),
                         range.end > range.begin ? end + 1 : end},
                        text};
  vector_push(arena, &diag->fixits, fixit);
}

void diag_replace(struct diags *diags, const struct source *source,
                  struct range range, const char *text) {
  if (diags->items.count)
    diag_fix(diags->arena, &diags->items.items[diags->items.count - 1], source,
             range, text);
}

void diag_insert(struct diags *diags, const struct source *source,
                 uint32_t offset, const char *text) {
  diag_replace(diags, source, (struct range){offset, offset}, text);
}

void diag_remove(struct diags *diags, const struct source *source,
                 struct range range) {
  while (range.end < source->bytes &&
         (source->text[range.end] == ' ' || source->text[range.end] == '\t'))
    range.end++;
  diag_replace(diags, source, range, "");
}

void diag_plain(struct diags *diags, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const char *text = arena_vprintf(diags->arena, format, args);
  va_end(args);
  diag_add(diags, (struct diag){.severity = SEVERITY_ERROR, .text = text});
}

static bool use_color(const struct options *options) {
  if (options->color == COLOR_AUTO) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  }
  return options->color == COLOR_ALWAYS;
}

enum { MARKS = 512 };

/* A line below the source's, as wide as wanted: blanks, and tabs under tabs. */
struct marks {
  char text[MARKS + 1];
  size_t length;
};

static bool marks_reach(struct marks *marks, const char *line, size_t column) {
  size_t length = strlen(line);
  if (column >= MARKS)
    return false;
  for (; marks->length < column; marks->length++)
    marks->text[marks->length] =
        marks->length < length && line[marks->length] == '\t' ? '\t' : ' ';
  return true;
}

static void marks_put(struct marks *marks, const char *line, size_t column,
                      char c) {
  if (!marks_reach(marks, line, column + 1))
    return;
  if (marks->text[column] != '\t')
    marks->text[column] = c;
}

static void marks_print(struct marks *marks, bool color) {
  while (marks->length && (marks->text[marks->length - 1] == ' ' ||
                           marks->text[marks->length - 1] == '\t'))
    marks->length--;
  if (marks->length)
    fprintf(stderr, color ? "\033[0;1;32m%.*s\033[0m\n" : "%.*s\n",
            (int)marks->length, marks->text);
}

/* The part of an original range on the diagnostic's line: columns from 0. */
static struct range on_line(const struct diag *diag, struct range range) {
  uint32_t begin = diag->source->lines.items[diag->line - 1];
  uint32_t end = begin + (uint32_t)strlen(diag->line_text);
  struct range columns = {range.begin > begin ? range.begin : begin,
                          range.end < end ? range.end : end};
  if (columns.begin >= columns.end)
    return (struct range){0, 0};
  return (struct range){columns.begin - begin, columns.end - begin};
}

/* The source line, and below it the caret and what it is about. */
static void print_line(const struct diag *diag, bool color) {
  fprintf(stderr, "%s\n", diag->line_text);
  struct marks marks = {.length = 0};
  for (size_t i = 0; diag->source && i < diag->underlined.count; i++) {
    struct range columns = on_line(diag, diag->underlined.items[i]);
    for (uint32_t at = columns.begin; at < columns.end; at++)
      marks_put(&marks, diag->line_text, at, '~');
  }
  if (diag->column)
    marks_put(&marks, diag->line_text, diag->column - 1, '^');
  marks_print(&marks, color);
}

/* What to write, below the place; a second text moves to the right of the
 * first. */
static void print_fixits(const struct diag *diag, bool color) {
  struct marks marks = {.length = 0};
  for (size_t i = 0; i < diag->fixits.count; i++) {
    const struct fixit *fixit = &diag->fixits.items[i];
    if (source_line(diag->source, fixit->range.begin) != diag->line ||
        strchr(fixit->text, '\n'))
      continue;
    size_t column = source_column(diag->source, fixit->range.begin) - 1;
    if (marks.length > column && marks.length)
      column = marks.length + 1;
    size_t length = strlen(fixit->text);
    if (!length || !marks_reach(&marks, diag->line_text, column) ||
        column + length > MARKS)
      continue;
    memcpy(marks.text + column, fixit->text, length);
    marks.length = column + length;
  }
  marks_print(&marks, color);
}

static void print_escaped(const char *text) {
  for (; *text; text++)
    if (*text == '\n')
      fputs("\\n", stderr);
    else if (*text == '\t')
      fputs("\\t", stderr);
    else if (*text == '"' || *text == '\\')
      fprintf(stderr, "\\%c", *text);
    else
      fputc(*text, stderr);
}

static void print_parseable(const struct diag *diag) {
  const struct source *source = diag->source;
  for (size_t i = 0; i < diag->fixits.count; i++) {
    const struct fixit *fixit = &diag->fixits.items[i];
    fputs("fix-it:\"", stderr);
    print_escaped(source->name);
    fprintf(stderr, "\":{%u:%u-%u:%u}:\"",
            source_line(source, fixit->range.begin),
            source_column(source, fixit->range.begin),
            source_line(source, fixit->range.end),
            source_column(source, fixit->range.end));
    print_escaped(fixit->text);
    fputs("\"\n", stderr);
  }
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
  if (diag->no_fixits || !diag->source)
    return;
  if (diag->line_text)
    print_fixits(diag, color);
  if (options->parseable_fixits)
    print_parseable(diag);
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
