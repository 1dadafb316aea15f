/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Plain code at file level. Only what is of the dialect in it matters, each
 * topmost word a piece that is not printed as written. */
#include "build_parts.h"

static void add_piece(struct builder *b, struct expr *expr, uint32_t anchor) {
  struct piece *piece = ARENA_NEW(b->arena, struct piece);
  piece->anchor = anchor;
  piece->range = expr->range;
  piece->expr = expr;
  vector_push(b->arena, &b->unit->pieces, piece);
}

/* The topmost words of the dialect below a plain declaration. */
static void add_pieces(struct builder *b, const struct expr *expr,
                       uint32_t anchor) {
  for (size_t i = 0; i < expr->kids.count; i++) {
    struct expr *kid = expr->kids.items[i].expr;
    if (!kid->special)
      continue;
    if (kid->kind == EX_ASYNC || kid->kind == EX_OP || kid->kind == EX_AWAIT ||
        kid->kind == EX_RAISE || kid->kind == EX_UNEVALUATED ||
        kid->kind == EX_STMT_EXPR || (kid->kind == EX_CALL && kid->callee) ||
        (kid->kind == EX_ADDR && kid->kids.count &&
         kid->kids.items[0].expr->kind == EX_ASYNC))
      add_piece(b, kid, anchor);
    else
      add_pieces(b, kid, anchor);
  }
}

/* Is this child of a statement of plain code a statement too, or evaluated
 * like one, its value unused? */
static bool is_statement(struct builder *b, CXCursor cursor,
                         struct children children, size_t index) {
  switch (clang_getCursorKind(cursor)) {
  case CXCursor_CompoundStmt:
    return true;
  case CXCursor_IfStmt:
    return index > 0;
  case CXCursor_DoStmt:
    return index == 0;
  case CXCursor_WhileStmt:
  case CXCursor_SwitchStmt:
  case CXCursor_CaseStmt:
  case CXCursor_DefaultStmt:
  case CXCursor_LabelStmt:
    return index + 1 == children.count;
  case CXCursor_ForStmt: {
    const struct source *source = b->parsed->source;
    uint32_t begin = parsed_range(b->parsed, cursor).begin;
    uint32_t at = parsed_range(b->parsed, children.items[index]).begin;
    return at < source_semicolon(source, begin, 0) ||
           at > source_semicolon(source, begin, 1);
  }
  default:
    return false;
  }
}

void walk_plain(struct builder *b, CXCursor cursor, uint32_t anchor,
                bool discarded) {
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (clang_isExpression(kind)) {
    struct expr *holder = ARENA_NEW(b->arena, struct expr);
    struct expr *expr = build_expr(b, cursor);
    if (discarded)
      set_discarded(expr, true);
    add_kid(b, holder, expr);
    add_pieces(b, holder, anchor);
    return;
  }
  struct children children = children_of(b, cursor);
  if (kind == CXCursor_WhileStmt && children.count)
    check_async_only(b, cursor, children.items[0]);
  for (size_t i = 0; i < children.count; i++)
    walk_plain(b, children.items[i], anchor,
               is_statement(b, cursor, children, i));
}
