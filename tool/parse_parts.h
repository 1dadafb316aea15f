/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * parse_parts.h - what the files of the parser share beyond parse.h. */
#ifndef ACC_PARSE_PARTS_H
#define ACC_PARSE_PARTS_H

#include "parse.h"

/* ---- parse.c ------------------------------------------------------------- */

/* The name that clang knows the input by. */
const char *parse_name(const struct options *options);
/* Has clang read one text, with the arguments of the command line. NULL: it
 * will not. */
CXTranslationUnit parse_text(CXIndex index, const struct options *options,
                             struct arena *arena, struct CXUnsavedFile *unsaved,
                             unsigned flags);

/* ---- parse_cursor.c ------------------------------------------------------ */

bool is_marks_header(CXFile file);
bool is_deref(const struct parsed *parsed, uint32_t offset);
bool is_awaitable(CXType type);
CXCursor first_child(CXCursor cursor);

/* ---- parse_survey.c ------------------------------------------------------ */

/* Looks for what cannot be lowered where it is, and changes the text so that
 * it can. False: there is nothing, or there was an error. */
bool survey_text(struct parsed *parsed, struct arena *arena,
                 const struct options *options, struct diags *diags);

/* ---- parse_report.c ------------------------------------------------------ */

/* Returns whether there was an error of clang's. */
bool add_diagnostics(struct parsed *parsed, struct diags *diags);
/* The keywords reach into headers that are included after ac/async.h: told of
 * system headers always, of others where clang did not understand the file. */
void add_pollution(const struct parsed *parsed, struct diags *diags,
                   bool failed);
/* Clang has refused the command line. It does not tell why, but two kinds of
 * words can do that: the language, and the machine. */
void add_refusal(const struct source *source, const struct options *options,
                 struct diags *diags);

#endif
