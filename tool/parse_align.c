/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * libclang tells the alignment of types, and not of variables: what a local's
 * declaration says of its alignment is said of a struct's member, behind the
 * end of the text, and that struct asked for. */
#include "parse_parts.h"

#include "buf.h"

#include <stdlib.h>
#include <string.h>

#define STEM "ac__align_"

struct align_visit {
  struct arena *arena;
  VECTOR(struct local *) locals; /* by the number of their struct */
};

static void find_locals(struct align_visit *visit, const struct unit *unit) {
  for (size_t i = 0; i < unit->functions.count; i++) {
    const struct function *function = unit->functions.items[i];
    for (size_t j = 0; j < function->locals.count; j++)
      if (function->locals.items[j]->align < 0)
        vector_push(visit->arena, &visit->locals, function->locals.items[j]);
  }
}

static enum CXChildVisitResult take_alignment(CXCursor cursor, CXCursor parent,
                                              CXClientData data) {
  (void)parent;
  struct align_visit *visit = data;
  if (clang_getCursorKind(cursor) != CXCursor_StructDecl)
    return CXChildVisit_Continue;
  const char *name = parsed_text(visit->arena, clang_getCursorSpelling(cursor));
  if (strncmp(name, STEM, strlen(STEM)) != 0)
    return CXChildVisit_Continue;
  size_t number = strtoul(name + strlen(STEM), NULL, 10);
  long long align = clang_Type_getAlignOf(clang_getCursorType(cursor));
  if (number < visit->locals.count && align > 0)
    visit->locals.items[number]->align = align;
  return CXChildVisit_Continue;
}

void parse_alignments(const struct parsed *parsed, const struct unit *unit,
                      const struct options *options) {
  struct align_visit visit = {.arena = unit->arena};
  struct buf text = {0};
  find_locals(&visit, unit);
  if (!visit.locals.count)
    return;
  buf_add(&text, parsed->source->text, parsed->source->bytes);
  for (size_t i = 0; i < visit.locals.count; i++)
    buf_printf(&text, "\nstruct " STEM "%zu { %s char member; };", i,
               visit.locals.items[i]->align_text);
  buf_puts(&text, "\n");
  struct CXUnsavedFile unsaved = {parse_name(options), text.text, text.length};
  CXTranslationUnit tu =
      parse_text(parsed->index, options, unit->arena, &unsaved,
                 CXTranslationUnit_SkipFunctionBodies);
  if (tu) {
    clang_visitChildren(clang_getTranslationUnitCursor(tu), take_alignment,
                        &visit);
    clang_disposeTranslationUnit(tu);
  }
  buf_free(&text);
}
