/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * diag.h - errors, warnings and notes, collected as values and printed in
 * clang's format. The only writer to stderr once an input is open. */
#ifndef ACC_DIAG_H
#define ACC_DIAG_H

#include "arena.h"
#include "options.h"
#include "source.h"

#include <stdbool.h>
#include <stdint.h>

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* Original text that is to be replaced; an empty range: an insertion. */
struct fixit {
  struct range range;
  const char *text;
};

struct diag {
  enum severity severity;
  const char *file; /* NULL: no place */
  uint32_t line, column;
  const char *line_text; /* without its newline; NULL: not shown */
  VECTOR(struct range) underlined; /* original text to mark with ~ */
  const char *text;
  const char *flag; /* of a warning: "-Wunused" */
  VECTOR(struct fixit) fixits;
  bool no_fixits; /* one of them cannot be told, so none is */
  const struct source *source; /* of underlined text and fix-its */
};

struct diags {
  struct arena *arena;
  const struct options *options;
  VECTOR(struct diag) items; /* notes follow what they belong to */
  unsigned errors;
};

/* Adds one at a legible offset of the source. */
struct diag *diag_at(struct diags *diags, const struct source *source,
                     enum severity severity, uint32_t offset,
                     const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Is it asked for? And one of acc's own warnings, which is. */
bool diag_warns(const struct diags *diags, enum warning warning);
void diag_warn(struct diags *diags, const struct source *source,
               enum warning warning, uint32_t offset, const char *text);
/* Gives one a fix-it: legible text is replaced. What a macro brought cannot be
 * edited: the diagnostic has no fix-it then. */
void diag_fix(struct arena *arena, struct diag *diag,
              const struct source *source, struct range range,
              const char *text);
/* The same for the last one: legible text is replaced, or text inserted at a
 * legible offset, or removed with the blanks that follow. */
void diag_replace(struct diags *diags, const struct source *source,
                  struct range range, const char *text);
void diag_insert(struct diags *diags, const struct source *source,
                 uint32_t offset, const char *text);
void diag_remove(struct diags *diags, const struct source *source,
                 struct range range);
/* An error about no place: "acc: error: ...". */
void diag_plain(struct diags *diags, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Adds one made elsewhere. */
void diag_add(struct diags *diags, struct diag diag);
void diag_print(struct diags *diags);

#endif
