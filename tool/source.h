/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * source.h - the bytes of a file as the user wrote them, and the legible text
 * that clang reads instead: the same with some stretches replaced (macro
 * invocations by their expansion, the `await` of a handle by a dereference).
 * Positions are byte offsets; everything after `parse` holds offsets into the
 * legible text, and this file alone turns them back into lines and columns. */
#ifndef ACC_SOURCE_H
#define ACC_SOURCE_H

#include "arena.h"

#include <stdbool.h>
#include <stdint.h>

struct range {
  uint32_t begin, end;
};

/* [begin, end) of the original text is replaced by `text`. */
struct splice {
  uint32_t begin, end;
  const char *text;
  uint32_t bytes;
  uint32_t at; /* where it begins in the legible text: set by source_apply */
};

struct source {
  struct arena *arena;
  const char *name; /* as diagnostics and #line print it */
  const char *original;
  uint32_t original_bytes;
  VECTOR(uint32_t) lines; /* offset of each line's first byte */

  const char *text; /* the legible text */
  uint32_t bytes;
  VECTOR(struct splice) splices; /* sorted, disjoint */
};

void source_init(struct source *source, struct arena *arena, const char *name,
                 const char *text, size_t bytes);

/* Adds a replacement of original text; false if it overlaps one that is there.
 * Takes effect with source_apply. */
bool source_splice(struct source *source, uint32_t begin, uint32_t end,
                   const char *text);
void source_apply(struct source *source);
/* The same, taking the place of whatever replacements lie inside. */
void source_replace(struct source *source, uint32_t begin, uint32_t end,
                    const char *text);

/* Legible to original. Inside replaced text: the replaced stretch's begin. */
uint32_t source_original(const struct source *source, uint32_t offset);
/* The splice that brought the text at this legible offset, or NULL. */
const struct splice *source_splice_at(const struct source *source,
                                      uint32_t offset);
/* Is this legible offset inside text that a splice brought? */
bool source_is_spliced(const struct source *source, uint32_t offset);

/* Line and column, from 1, of an original offset. */
uint32_t source_line(const struct source *source, uint32_t original);
uint32_t source_column(const struct source *source, uint32_t original);
/* Line of a legible offset. */
uint32_t source_line_at(const struct source *source, uint32_t offset);

/* Lexing helpers on the legible text: the offset after white space, comments
 * and line splices; the end of the identifier or number at offset. */
/* Where a word stands between two legible offsets; UINT32_MAX: nowhere. */
uint32_t source_find_word(const struct source *source, uint32_t begin,
                          uint32_t end, const char *word);
uint32_t source_skip_space(const struct source *source, uint32_t offset);
/* In code: the parenthesis that closes the one at `open`; the n-th semicolon,
 * from 0, in the head of the for statement at `at`, or UINT32_MAX. */
uint32_t source_closing(const struct source *source, uint32_t open);
uint32_t source_semicolon(const struct source *source, uint32_t at, int n);
uint32_t source_word_end(const struct source *source, uint32_t offset);
bool source_word_is(const struct source *source, uint32_t offset,
                    const char *word);

#endif
