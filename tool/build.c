/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Walks what stands at file level, each in the file for its kind: expressions,
 * statements, declarations, functions. */
#include "build_parts.h"

#include <stdlib.h>
#include <string.h>

static void build_top(struct builder *b, CXCursor cursor) {
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  uint32_t anchor = parsed_range(b->parsed, cursor).begin;
  if (kind == CXCursor_StructDecl || kind == CXCursor_UnionDecl ||
      kind == CXCursor_EnumDecl)
    b->last_tag = parsed_range(b->parsed, cursor);
  if (kind == CXCursor_FunctionDecl && is_async_function(b, cursor)) {
    struct function *function = get_function(b, cursor);
    check_says_async(b, cursor);
    function->is_main = !strcmp(function->name, "main");
    function->is_static |= clang_Cursor_getStorageClass(cursor) == CX_SC_Static;
    read_function_attributes(b, function, cursor);
    if (clang_isCursorDefinition(cursor)) {
      build_definition(b, function, cursor);
    } else if (function->is_static) {
      drop_prototype(b, cursor);
    }
    return;
  }
  walk_plain(b, cursor, anchor, false);
}

static enum CXChildVisitResult visit_top(CXCursor cursor, CXCursor parent,
                                         CXClientData data) {
  (void)parent;
  struct builder *b = data;
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (clang_isPreprocessing(kind))
    return CXChildVisit_Continue;
  if (parsed_offset(b->parsed, clang_getCursorLocation(cursor)) != UINT32_MAX) {
    build_top(b, cursor);
  } else if (kind == CXCursor_FunctionDecl &&
             clang_isCursorDefinition(cursor) &&
             parsed_is_async(clang_getCursorType(cursor))) {
    complain(b, cursor, SEVERITY_ERROR,
             arena_printf(b->arena,
                          "async function '%s' is defined in a header; declare "
                          "it there and define it in a .ac file",
                          spelling(b, cursor)));
  } else if (kind == CXCursor_FunctionDecl &&
             parsed_is_async(clang_getCursorType(cursor))) {
    build_declared(b, cursor);
  }
  return CXChildVisit_Continue;
}

static int by_begin(const void *a, const void *b) {
  const struct piece *x = *(struct piece *const *)a;
  const struct piece *y = *(struct piece *const *)b;
  return x->range.begin < y->range.begin ? -1 : x->range.begin > y->range.begin;
}

struct unit *build(struct parsed *parsed, struct arena *arena,
                   struct diags *diags) {
  struct builder *b = calloc(1, sizeof *b);
  struct unit *unit = ARENA_NEW(arena, struct unit);
  unit->arena = arena;
  unit->source = parsed->source;
  if (!b)
    return unit;
  b->parsed = parsed;
  b->arena = arena;
  b->diags = diags;
  b->unit = unit;
  clang_visitChildren(clang_getTranslationUnitCursor(parsed->tu), visit_top, b);
  find_directives(b);
  for (size_t i = 0; i < parsed->await_words.count; i++) {
    uint32_t at = parsed->await_words.items[i];
    if (!parsed_macro_at(parsed, at))
      vector_push(arena, &unit->await_words, at);
  }
  if (unit->pieces.count)
    qsort(unit->pieces.items, unit->pieces.count, sizeof *unit->pieces.items,
          by_begin);
  free(b);
  return unit;
}
