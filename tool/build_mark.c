/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The marks that stand for the dialect's words (ac/marks.h): operators, scopes
 * and defer. A mark brings text that is not in the file, so ranges are found in
 * the source. */
#include "build_parts.h"

#include <string.h>

static bool is_control(const struct expr *expr) {
  return expr->kind == EX_AWAIT || expr->kind == EX_RAISE ||
         (expr->kind == EX_OP &&
          (expr->op == OP_TRY || expr->op == OP_GATHER ||
           expr->op == OP_SELECT || expr->op == OP_SELECT_IN_ORDER));
}

/* NAME(...): for a mark inside another mark's argument, clang gives no end. */
static void set_mark_end(const struct source *source, struct range *range) {
  uint32_t open =
      source_skip_space(source, source_word_end(source, range->begin));
  if (open < source->bytes && source->text[open] == '(')
    range->end = source_closing(source, open) + 1;
}

void check_parentheses(struct builder *b, CXCursor target, struct range word) {
  if (word.begin == UINT32_MAX ||
      clang_getCursorKind(target) != CXCursor_VarDecl ||
      strncmp(spelling(b, target), "ac__op_", 7) != 0)
    return;
  const struct source *source = b->parsed->source;
  word.end = source_word_end(source, word.begin);
  diag_at(b->diags, source, SEVERITY_ERROR, word.begin,
          "'%.*s' needs parentheses around it here",
          (int)(word.end - word.begin), source->text + word.begin);
  set_mark_end(source, &word);
  diag_insert(b->diags, source, word.begin, "(");
  diag_insert(b->diags, source, word.end, ")");
  /* What it was read as breaks rules that it does not break. */
  vector_push(b->arena, &b->parsed->errors, word);
}

/* Below what a mark of the dialect wraps around an operand: its tokens stand
 * where the mark's name stands. */
static CXCursor unwrap_mark(struct builder *b, CXCursor cursor,
                            uint32_t begin) {
  while (parsed_range(b->parsed, cursor).begin == begin &&
         clang_getCursorKind(cursor) != CXCursor_StmtExpr) {
    struct children children = children_of(b, cursor);
    if (!children.count)
      break;
    cursor = children.items[children.count - 1];
  }
  return cursor;
}

struct expr *build_marked_call(struct builder *b, CXCursor cursor,
                               struct children children) {
  struct expr *expr = begin_expr(b, EX_CALL, cursor);
  set_mark_end(b->parsed->source, &expr->range);
  struct expr *callee = begin_expr(b, EX_CONST, children.items[0]);
  callee->range.end = source_word_end(b->parsed->source, callee->range.begin);
  add_kid(b, expr, callee);
  for (size_t i = 1; i < children.count; i++)
    add_kid(
        b, expr,
        build_expr(b, unwrap_mark(b, children.items[i], expr->range.begin)));
  return expr;
}

static enum operator operator_of(const char *name) {
  static const char *const names[] = {[OP_CREATE_TASK] = "create_task",
                                      [OP_COROUTINE] = "coroutine",
                                      [OP_RUN] = "run",
                                      [OP_GATHER] = "gather",
                                      [OP_SELECT] = "select",
                                      [OP_SELECT_IN_ORDER] = "select_in_order",
                                      [OP_WAIT_FOR] = "wait_for",
                                      [OP_SHIELD] = "shield",
                                      [OP_FUTURE_SET] = "future_set",
                                      [OP_TRY] = "try"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(names[i], name))
      return (enum operator)i;
  return OP_TRY;
}

/* The operands, split where commas separate them at the top. */
static void add_operands(struct builder *b, struct expr *expr,
                         CXCursor cursor) {
  CXCursor bare = cursor;
  while (clang_getCursorKind(bare) == CXCursor_UnexposedExpr) {
    struct children children = children_of(b, bare);
    if (children.count != 1)
      break;
    bare = children.items[0];
  }
  if (clang_getCursorKind(bare) == CXCursor_BinaryOperator &&
      clang_getCursorBinaryOperatorKind(bare) == CXBinaryOperator_Comma) {
    struct children children = children_of(b, bare);
    add_operands(b, expr, children.items[0]);
    add_kid(b, expr,
            build_expr(b, unwrap_mark(b, children.items[children.count - 1],
                                      expr->range.begin)));
    return;
  }
  add_kid(b, expr, build_expr(b, unwrap_mark(b, bare, expr->range.begin)));
}

struct expr *build_operator(struct builder *b, CXCursor cursor,
                            const char *name, CXCursor operands) {
  struct expr *expr = begin_expr(b, EX_OP, cursor);
  set_mark_end(b->parsed->source, &expr->range);
  expr->op = operator_of(name);
  expr->special = true;
  if (expr->op == OP_FUTURE_SET &&
      clang_getCursorKind(operands) == CXCursor_BinaryOperator) {
    /* *(future) = (value), of which the star is the mark's */
    struct children sides = children_of(b, operands);
    struct children place = children_of(b, parsed_strip(sides.items[0]));
    add_kid(b, expr, build_expr(b, parsed_strip(place.items[0])));
    add_kid(b, expr, build_expr(b, sides.items[1]));
  } else {
    add_operands(b, expr, operands);
  }
  expr->special = true;
  if (is_control(expr))
    expr->suspends = true;
  return expr;
}

bool is_mark(struct builder *b, CXCursor condition, const char *mark) {
  CXCursor bare = parsed_strip(condition);
  enum CXCursorKind kind = clang_getCursorKind(bare);
  return (kind == CXCursor_DeclRefExpr || kind == CXCursor_CallExpr) &&
         !strcmp(spelling(b, bare), mark);
}

enum scope_kind scope_mark(struct builder *b, CXCursor condition) {
  static const char *const marks[SCOPE_KINDS] = {
      [SCOPE_TIMEOUT] = "ac__op_timeout",
      [SCOPE_CANCEL] = "ac__op_scope",
      [SCOPE_GROUP] = "ac__op_task_group",
      [SCOPE_CLOSING] = "ac__op_closing"};
  enum scope_kind kind = 0;
  while (kind < SCOPE_KINDS && !is_mark(b, condition, marks[kind]))
    kind++;
  return kind;
}

void check_async_only(struct builder *b, CXCursor cursor, CXCursor condition) {
  enum scope_kind scope = scope_mark(b, condition);
  bool is_defer = is_mark(b, condition, "ac__op_defer");
  if (!b->function && (is_defer || scope != SCOPE_KINDS))
    diag_at(b->diags, b->parsed->source, SEVERITY_ERROR,
            parsed_range(b->parsed, cursor).begin,
            "'%s' is only supported in an async function",
            is_defer ? "defer" : scope_words[scope]);
}
