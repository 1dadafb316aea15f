/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * parse.h - runs libclang on a .ac file until its text is legible: every
 * await stands in plain text, none inside a macro, and reads as C of the
 * right type. Passes on clang's own diagnostics in the user's words. */
#ifndef ACC_PARSE_H
#define ACC_PARSE_H

#include "arena.h"
#include "diag.h"
#include "model.h"
#include "options.h"
#include "source.h"

#include <clang-c/Index.h>

/* A macro invocation in the main file, legible offsets. */
struct macro_use {
  struct range range;
  bool transparent; /* one of the dialect's own: its arguments are code */
};

/* A keyword of the dialect read as a macro in some header. */
struct pollution {
  const char *word;
  CXSourceLocation location;
};

/* The range of an expression or statement that was asked for before. */
struct range_memo {
  const void *node;
  int kind;
  struct range range;
};
enum { RANGE_MEMOS = 4096 };

struct parsed {
  struct source *source;
  CXIndex index;
  CXTranslationUnit tu;
  CXFile file;
  struct range_memo *memos;        /* RANGE_MEMOS of them, by hash */
  VECTOR(struct macro_use) macros; /* sorted by begin */
  VECTOR(uint32_t) outermost;      /* of all macros: indices */
  VECTOR(const struct macro_use *)
  foreign;                      /* the outermost that are not the
                                   dialect's: sorted, disjoint */
  VECTOR(uint32_t) await_words; /* `await` in plain text */
  VECTOR(uint32_t) derefs;      /* legible offsets of `*` that are awaits */
  VECTOR(struct pollution) pollution;
  VECTOR(struct range) errors;   /* text that could not be read */
  bool unexpanded; /* macros that hold an await, for want of a header */
  VECTOR(const char *) includes; /* files read, for the dependency file */
};

/* Parses source->original. Clang's messages are added to the diagnostics, and
 * the places of its errors kept in parsed->errors. False when there is no
 * syntax tree at all. `parsed` is to be disposed of in either case. */
bool parse(struct parsed *parsed, struct source *source, struct arena *arena,
           const struct options *options, struct diags *diags);
/* Gives the locals whose alignment is more than a number (local->align < 0) the
 * number that it is. Costs another parse where there are some. */
void parse_alignments(const struct parsed *parsed, const struct unit *unit,
                      const struct options *options);
void parse_dispose(struct parsed *parsed);

/* What both this stage and `build` ask of cursors. Offsets are legible ones,
 * in the main file; UINT32_MAX elsewhere. */
uint32_t parsed_offset(const struct parsed *parsed, CXSourceLocation location);
struct range parsed_range(const struct parsed *parsed, CXCursor cursor);
/* The outermost invocation of a foreign macro that holds the offset. */
const struct macro_use *parsed_macro_at(const struct parsed *parsed,
                                        uint32_t offset);
/* Is this cursor an await: 1 on a call or operator, 2 on a handle, else 0? */
int parsed_await(const struct parsed *parsed, CXCursor cursor);
/* The dialect's operator that this cursor is (its name without ac__op_), or
 * NULL; *operands is then the cursor of its operands. */
const char *parsed_operator(struct arena *arena, CXCursor cursor,
                            CXCursor *operands);
bool parsed_is_async(CXType function);
enum handle_kind parsed_handle(CXType type);
CXCursor parsed_strip(CXCursor expression); /* implicit nodes, parentheses */

/* A copy of clang's string, which is disposed of; "" for none. */
const char *parsed_text(struct arena *arena, CXString string);

struct children {
  CXCursor *items;
  size_t count;
};
struct children parsed_children(struct arena *arena, CXCursor cursor);

#endif
