/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Statements. */
#include "build_parts.h"

static struct stmt *begin_stmt(struct builder *b, enum stmt_kind kind,
                               CXCursor cursor) {
  struct stmt *stmt = ARENA_NEW(b->arena, struct stmt);
  stmt->kind = kind;
  stmt->range = parsed_range(b->parsed, cursor);
  return stmt;
}

static void add_stmt(struct builder *b, struct stmt *stmt, CXCursor cursor) {
  struct stmt *kid = build_stmt(b, cursor);
  if (kid)
    vector_push(b->arena, &stmt->kids, kid);
}

struct stmt *build_block(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_BLOCK, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    add_stmt(b, stmt, children.items[i]);
  return stmt;
}

static struct stmt *build_if(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_IF, cursor);
  struct children children = children_of(b, cursor);
  if (children.count < 2)
    return stmt;
  stmt->expr = build_expr(b, children.items[0]);
  for (size_t i = 1; i < children.count; i++)
    add_stmt(b, stmt, children.items[i]);
  return stmt;
}

static struct stmt *build_while(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_WHILE, cursor);
  struct children children = children_of(b, cursor);
  if (children.count < 2)
    return stmt;
  CXCursor condition = children.items[0];
  check_async_only(b, cursor, condition);
  if (is_mark(b, condition, "ac__op_defer")) {
    stmt->kind = ST_DEFER;
  } else if (scope_mark(b, condition) != SCOPE_KINDS) {
    stmt->kind = ST_SCOPE;
    stmt->scope = scope_mark(b, condition);
    struct children parts = children_of(b, parsed_strip(condition));
    if (parts.count)
      stmt->expr = build_expr(b, parts.items[parts.count - 1]);
  } else {
    stmt->expr = build_expr(b, condition);
  }
  add_stmt(b, stmt, children.items[children.count - 1]);
  return stmt;
}

static struct stmt *build_do(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_DO, cursor);
  struct children children = children_of(b, cursor);
  if (children.count < 2)
    return stmt;
  add_stmt(b, stmt, children.items[0]);
  stmt->expr = build_expr(b, children.items[1]);
  return stmt;
}

static struct stmt *build_for(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_FOR, cursor);
  struct children children = children_of(b, cursor);
  const struct source *source = b->parsed->source;
  uint32_t first = source_semicolon(source, stmt->range.begin, 0);
  uint32_t second = source_semicolon(source, stmt->range.begin, 1);
  if (!children.count)
    return stmt;
  for (size_t i = 0; i + 1 < children.count; i++) {
    uint32_t begin = parsed_range(b->parsed, children.items[i]).begin;
    if (begin < first)
      stmt->init = build_stmt(b, children.items[i]);
    else if (begin < second)
      stmt->expr = build_expr(b, children.items[i]);
    else
      set_discarded(stmt->step = build_expr(b, children.items[i]), true);
  }
  add_stmt(b, stmt, children.items[children.count - 1]);
  return stmt;
}

static struct stmt *build_switch(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_SWITCH, cursor);
  struct children children = children_of(b, cursor);
  if (children.count < 2)
    return stmt;
  stmt->expr = build_expr(b, children.items[0]);
  add_stmt(b, stmt, children.items[children.count - 1]);
  return stmt;
}

/* case x: S, default: S, name: S. The head ends after the colon. */
static struct stmt *build_labelled(struct builder *b, enum stmt_kind kind,
                                   CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, kind, cursor);
  struct children children = children_of(b, cursor);
  stmt->is_default = clang_getCursorKind(cursor) == CXCursor_DefaultStmt;
  if (kind == ST_LABEL) {
    stmt->name = spelling(b, cursor);
    check_name(b, stmt->name, stmt->range.begin);
  }
  if (!children.count) {
    stmt->head = stmt->range;
    return stmt;
  }
  CXCursor last = children.items[children.count - 1];
  struct range body = parsed_range(b->parsed, last);
  const struct source *source = b->parsed->source;
  uint32_t end = body.begin;
  while (end > stmt->range.begin && source->text[end - 1] != ':')
    end--;
  stmt->head = (struct range){stmt->range.begin, end};
  add_stmt(b, stmt, last);
  return stmt;
}

static struct stmt *build_goto(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_GOTO, cursor);
  struct children children = children_of(b, cursor);
  if (children.count)
    stmt->name = spelling(b, children.items[0]);
  return stmt;
}

static struct stmt *build_with_expr(struct builder *b, enum stmt_kind kind,
                                    CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, kind, cursor);
  struct children children = children_of(b, cursor);
  if (children.count)
    stmt->expr = build_expr(b, children.items[0]);
  return stmt;
}

static struct stmt *build_declaration(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_DECL, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    build_declarator(b, stmt, children.items[i]);
  /* clang begins a variable after the tag that its declaration defines. */
  bool first = true;
  for (size_t i = 0; i < stmt->declarators.count; i++) {
    struct declarator *declarator = &stmt->declarators.items[i];
    if (declarator->local && first)
      declarator->range.begin = stmt->range.begin;
    first = first && !declarator->local;
  }
  return stmt;
}

/* asm goto: libclang does not tell of its labels. */
static bool is_asm_goto(const struct source *source, struct range range) {
  uint32_t at = range.begin;
  while (at < range.end && source->text[at] != '(') {
    if (source_word_is(source, at, "goto"))
      return true;
    at = source_skip_space(source, source_word_end(source, at));
  }
  return false;
}

static struct stmt *build_verbatim(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_VERBATIM, cursor);
  if (b->function && is_asm_goto(b->parsed->source, stmt->range))
    b->function->has_label_values = true;
  stmt->expr = build_generic(b, EX_TEXT, cursor);
  return stmt;
}

/* An attribute in front of a statement. */
static struct stmt *build_attributed(struct builder *b, CXCursor cursor) {
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    enum CXCursorKind kind = clang_getCursorKind(children.items[i]);
    if (clang_isStatement(kind) && kind != CXCursor_NullStmt)
      return build_stmt(b, children.items[i]);
    if (clang_isExpression(kind))
      return build_stmt(b, children.items[i]);
  }
  return build_verbatim(b, cursor);
}

static struct stmt *opaque_stmt(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = begin_stmt(b, ST_VERBATIM, cursor);
  stmt->expr = build_opaque(b, cursor);
  stmt->expr->kind = EX_TEXT;
  return stmt;
}

struct stmt *build_stmt(struct builder *b, CXCursor cursor) {
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  struct range range = parsed_range(b->parsed, cursor);
  const struct macro_use *macro = parsed_macro_at(b->parsed, range.begin);
  if (macro && range.end <= macro->range.end && kind != CXCursor_DeclStmt &&
      kind != CXCursor_NullStmt)
    return opaque_stmt(b, cursor);
  switch (kind) {
  case CXCursor_CompoundStmt:
    return build_block(b, cursor);
  case CXCursor_IfStmt:
    return build_if(b, cursor);
  case CXCursor_WhileStmt:
    return build_while(b, cursor);
  case CXCursor_DoStmt:
    return build_do(b, cursor);
  case CXCursor_ForStmt:
    return build_for(b, cursor);
  case CXCursor_SwitchStmt:
    return build_switch(b, cursor);
  case CXCursor_CaseStmt:
  case CXCursor_DefaultStmt:
    return build_labelled(b, ST_CASE, cursor);
  case CXCursor_LabelStmt:
    return build_labelled(b, ST_LABEL, cursor);
  case CXCursor_GotoStmt:
    return build_goto(b, cursor);
  case CXCursor_IndirectGotoStmt:
    if (b->function)
      b->function->has_label_values = true;
    return build_with_expr(b, ST_COMPUTED_GOTO, cursor);
  case CXCursor_BreakStmt:
    return begin_stmt(b, ST_BREAK, cursor);
  case CXCursor_ContinueStmt:
    return begin_stmt(b, ST_CONTINUE, cursor);
  case CXCursor_ReturnStmt:
    return build_with_expr(b, ST_RETURN, cursor);
  case CXCursor_NullStmt:
    return begin_stmt(b, ST_NULL, cursor);
  case CXCursor_DeclStmt:
    return build_declaration(b, cursor);
  case CXCursor_GCCAsmStmt:
  case CXCursor_MSAsmStmt:
    return build_verbatim(b, cursor);
  case CXCursor_UnexposedStmt:
    return build_attributed(b, cursor);
  default:
    break;
  }
  if (clang_isExpression(kind)) {
    struct stmt *stmt = begin_stmt(b, ST_EXPR, cursor);
    stmt->expr = build_expr(b, cursor);
    set_discarded(stmt->expr, true);
    return stmt;
  }
  if (clang_isStatement(kind))
    diag_at(b->diags, b->parsed->source, SEVERITY_ERROR, range.begin,
            "this statement is not supported in an async function");
  return NULL;
}
