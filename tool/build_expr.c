/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Expressions. Implicit nodes vanish here; what they convert to is the type of
 * the node below. A macro invocation that was left as it is (see parse.c) is
 * one opaque leaf that lists the locals it mentions. */
#include "build_parts.h"

#include <string.h>

static struct expr *build_node(struct builder *b, CXCursor cursor);
static struct expr *build_selection(struct builder *b, CXCursor cursor);

static void add_hidden(struct builder *b, struct expr *expr, CXCursor cursor) {
  if (clang_getCursorKind(cursor) == CXCursor_DeclRefExpr) {
    CXCursor target = clang_getCursorReferenced(cursor);
    if (clang_getCursorKind(target) == CXCursor_FunctionDecl)
      vector_push(b->arena, &expr->hidden_calls, spelling(b, target));
    struct local *local = find_local(b, target);
    if (local)
      vector_push(b->arena, &expr->hidden, local);
  }
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    add_hidden(b, expr, children.items[i]);
}

static bool is_constant_tree(struct builder *b, CXCursor cursor) {
  switch (clang_getCursorKind(cursor)) {
  case CXCursor_IntegerLiteral:
  case CXCursor_FloatingLiteral:
  case CXCursor_CharacterLiteral:
  case CXCursor_StringLiteral:
    return true;
  case CXCursor_DeclRefExpr: {
    enum CXCursorKind kind =
        clang_getCursorKind(clang_getCursorReferenced(cursor));
    return kind == CXCursor_EnumConstantDecl || kind == CXCursor_FunctionDecl;
  }
  case CXCursor_ParenExpr:
  case CXCursor_UnexposedExpr:
  case CXCursor_CStyleCastExpr:
  case CXCursor_BinaryOperator:
  case CXCursor_ConditionalOperator: {
    struct children children = children_of(b, cursor);
    for (size_t i = 0; i < children.count; i++)
      if (clang_isExpression(clang_getCursorKind(children.items[i])) &&
          !is_constant_tree(b, children.items[i]))
        return false;
    return children.count > 0;
  }
  case CXCursor_UnaryOperator: {
    enum CXUnaryOperatorKind op = clang_getCursorUnaryOperatorKind(cursor);
    struct children children = children_of(b, cursor);
    return (op == CXUnaryOperator_Minus || op == CXUnaryOperator_Not ||
            op == CXUnaryOperator_LNot || op == CXUnaryOperator_Plus) &&
           children.count == 1 && is_constant_tree(b, children.items[0]);
  }
  default:
    return false;
  }
}

struct expr *build_opaque(struct builder *b, CXCursor cursor) {
  struct range range = parsed_range(b->parsed, cursor);
  if (b->function &&
      b->parsed->source
              ->text[source_word_end(b->parsed->source, range.begin)] == '(')
    b->function->has_macros = true;
  struct expr *expr =
      begin_expr(b, is_constant_tree(b, cursor) ? EX_CONST : EX_TEXT, cursor);
  add_hidden(b, expr, cursor);
  return expr;
}

/* The operands below a cursor. What stands nowhere in the text, as what clang
 * before 19 adds around `.member = value` of an anonymous union, is gone
 * through: what it holds may stand somewhere. */
static void add_operands(struct builder *b, struct expr *expr,
                         CXCursor cursor) {
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    CXCursor child = children.items[i];
    enum CXCursorKind kind = clang_getCursorKind(child);
    if (!clang_isExpression(kind) || kind == CXCursor_MemberRef)
      continue;
    if (clang_equalLocations(clang_getCursorLocation(child),
                             clang_getNullLocation()))
      add_operands(b, expr, child);
    else
      add_kid(b, expr, build_expr(b, child));
  }
}

struct expr *build_generic(struct builder *b, enum expr_kind kind,
                           CXCursor cursor) {
  struct expr *expr = begin_expr(b, kind, cursor);
  add_operands(b, expr, cursor);
  return expr;
}

static struct expr *build_reference(struct builder *b, CXCursor cursor) {
  CXCursor target = clang_getCursorReferenced(cursor);
  struct expr *expr = begin_expr(b, EX_TEXT, cursor);
  check_parentheses(b, target, expr->range);
  struct local *local = find_local(b, target);
  enum CXCursorKind kind = clang_getCursorKind(target);
  if (local) {
    expr->kind = EX_VAR;
    expr->local = local;
  } else if (kind == CXCursor_FunctionDecl) {
    expr->kind = EX_CONST;
    if (parsed_is_async(clang_getCursorType(target))) {
      expr->kind = EX_ASYNC;
      expr->callee = get_function(b, target);
      expr->special = true;
      if (b->function)
        vector_push(b->arena, &b->function->calls, expr->callee);
    }
  } else if (kind == CXCursor_EnumConstantDecl ||
             (expr->type && expr->type->is_array)) {
    expr->kind = EX_CONST;
  }
  return expr;
}

static bool text_between_has(struct builder *b, uint32_t begin, uint32_t end,
                             char c) {
  const struct source *source = b->parsed->source;
  for (uint32_t at = begin; at < end && at < source->bytes; at++)
    if (source->text[at] == c)
      return true;
  return false;
}

/* A record that an expression yields is no object with a name, but lives to
 * the end of the full expression: a pointer into it may be used till then. */
static bool is_record_value(const struct expr *expr) {
  switch (expr->kind) {
  case EX_CALL:
  case EX_ASSIGN:
  case EX_COND:
  case EX_COMMA:
  case EX_ELVIS:
  case EX_STMT_EXPR:
  case EX_AWAIT:
  case EX_OP:
    return expr->type && expr->type->is_record;
  default:
    return false;
  }
}

/* A compound literal whose address is taken outlives its full expression. */
static void keep_literal(struct builder *b, struct expr *expr) {
  while (expr->kind == EX_PAREN || expr->kind == EX_DOT ||
         expr->kind == EX_INDEX)
    expr = expr->kids.items[0].expr;
  if (expr->kind == EX_VAR) {
    expr->local->address_taken = true;
    return;
  }
  bool is_value = is_record_value(expr);
  if ((expr->kind != EX_COMPOUND && !is_value) || !b->function || expr->local)
    return;
  struct local *local = ARENA_NEW(b->arena, struct local);
  if (is_value)
    local->like = expr;
  local->id = (uint32_t)b->function->locals.count;
  local->name = local->out_name =
      arena_printf(b->arena, "ac_literal_%u", local->id);
  local->type = local->bare = expr->type;
  local->name_offset = UINT32_MAX;
  local->is_temp = local->address_taken = true;
  vector_push(b->arena, &b->function->locals, local);
  expr->local = local;
}

/* Implicit conversions, `a ?: b`, and what libclang has no kind for. */
static struct expr *build_unexposed(struct builder *b, CXCursor cursor) {
  struct range range = parsed_range(b->parsed, cursor);
  struct children children = children_of(b, cursor);
  if (children.count == 0)
    return build_opaque(b, cursor);
  if (source_word_is(b->parsed->source, range.begin, "__builtin_choose_expr") &&
      children.count == 3)
    return build_selection(b, cursor);
  if (children.count == 1 &&
      same_range(parsed_range(b->parsed, children.items[0]), range)) {
    struct expr *expr = build_expr(b, children.items[0]);
    const struct type *type = get_type(b, clang_getCursorType(cursor), true);
    if (type && expr->type && expr->type->is_array && !type->is_array) {
      keep_literal(b, expr);
      expr->decays = true;
    }
    bool handles = type && expr->type && type->handle != HANDLE_NONE &&
                   expr->type->handle != HANDLE_NONE;
    bool decayed =
        type && expr->type && type->is_array && !expr->type->is_array;
    if (expr->kind != EX_ASYNC && expr->kind != EX_AWAIT &&
        expr->kind != EX_OP && !handles && !decayed)
      expr->type = type;
    return expr;
  }
  if (b->parsed->source->text[range.begin] == '.' ||
      b->parsed->source->text[range.begin] == '[')
    return build_generic(b, EX_INIT_LIST, cursor); /* .member = value */
  CXCursor last = children.items[children.count - 1];
  struct range first_range = parsed_range(b->parsed, children.items[0]);
  struct range last_range = parsed_range(b->parsed, last);
  if (children.count >= 2 && last_range.begin > first_range.end &&
      first_range.begin == range.begin && last_range.end == range.end &&
      text_between_has(b, first_range.end, last_range.begin, '?')) {
    struct expr *expr = begin_expr(b, EX_ELVIS, cursor);
    add_kid(b, expr, build_expr(b, children.items[0]));
    add_kid(b, expr, build_expr(b, last));
    return expr;
  }
  return build_generic(b, EX_TEXT, cursor);
}

static struct expr *build_unary(struct builder *b, CXCursor cursor) {
  int await = parsed_await(b->parsed, cursor);
  if (await) {
    struct expr *expr = build_generic(b, EX_AWAIT, cursor);
    expr->suspends = expr->special = true;
    return expr;
  }
  switch (clang_getCursorUnaryOperatorKind(cursor)) {
  case CXUnaryOperator_PostInc:
  case CXUnaryOperator_PostDec:
  case CXUnaryOperator_PreInc:
  case CXUnaryOperator_PreDec:
    return build_generic(b, EX_INCDEC, cursor);
  case CXUnaryOperator_AddrOf: {
    struct expr *expr = build_generic(b, EX_ADDR, cursor);
    if (expr->kids.count)
      keep_literal(b, expr->kids.items[0].expr);
    return expr;
  }
  case CXUnaryOperator_Deref:
    return build_generic(b, EX_DEREF, cursor);
  default:
    return build_generic(b, EX_PURE, cursor);
  }
}

static struct expr *build_binary(struct builder *b, CXCursor cursor) {
  switch (clang_getCursorBinaryOperatorKind(cursor)) {
  case CXBinaryOperator_Assign:
    return build_generic(b, EX_ASSIGN, cursor);
  case CXBinaryOperator_LAnd:
    return build_generic(b, EX_LAND, cursor);
  case CXBinaryOperator_LOr:
    return build_generic(b, EX_LOR, cursor);
  case CXBinaryOperator_Comma: {
    struct expr *expr = build_generic(b, EX_COMMA, cursor);
    if (expr->kids.count)
      set_discarded(expr->kids.items[0].expr, true);
    return expr;
  }
  default:
    return build_generic(b, EX_PURE, cursor);
  }
}

/* Builtins that look at an expression, and do not evaluate it. */
static bool only_looks(const char *name) {
  static const char *const names[] = {
      "__builtin_constant_p", "__builtin_classify_type",
      "__builtin_object_size", "__builtin_dynamic_object_size"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(name, names[i]))
      return true;
  return false;
}

static struct expr *unevaluated(struct builder *b, CXCursor cursor) {
  struct expr *expr = begin_expr(b, EX_UNEVALUATED, cursor);
  add_kid(b, expr, build_expr(b, cursor));
  expr->suspends = false;
  return expr;
}

/* Which of its two operands __builtin_choose_expr takes: 1, 2, 0 unknown. */
static size_t chosen(CXCursor condition) {
  CXEvalResult result = clang_Cursor_Evaluate(condition);
  size_t choice = 0;
  if (result && clang_EvalResult_getKind(result) == CXEval_Int)
    choice = clang_EvalResult_getAsLongLong(result) ? 1 : 2;
  if (result)
    clang_EvalResult_dispose(result);
  return choice;
}

/* _Generic, of whose operands only clang knows which counts, and
 * __builtin_choose_expr. */
static struct expr *build_selection(struct builder *b, CXCursor cursor) {
  struct expr *expr = begin_expr(b, EX_GENERIC, cursor);
  struct children children = children_of(b, cursor);
  size_t choice = 0, index = 0;
  if (clang_getCursorKind(cursor) != CXCursor_GenericSelectionExpr)
    choice = chosen(children.items[0]);
  expr->decided = choice > 0;
  for (size_t i = 0; i < children.count; i++) {
    if (!clang_isExpression(clang_getCursorKind(children.items[i])))
      continue;
    bool counts = index > 0 && (!choice || index == choice);
    add_kid(b, expr,
            counts ? build_expr(b, children.items[i])
                   : unevaluated(b, children.items[i]));
    index++;
  }
  return expr;
}

static struct expr *build_call(struct builder *b, CXCursor cursor) {
  struct children children = children_of(b, cursor);
  struct range whole = parsed_range(b->parsed, cursor);
  if (children.count > 1 &&
      same_range(parsed_range(b->parsed, children.items[0]), whole))
    return build_marked_call(b, cursor, children);
  struct expr *expr = build_generic(b, EX_CALL, cursor);
  struct expr *callee = expr->kids.count ? expr->kids.items[0].expr : NULL;
  while (callee && callee->kids.count == 1 &&
         (callee->kind == EX_PAREN || callee->kind == EX_DEREF ||
          callee->kind == EX_ADDR))
    callee = callee->kids.items[0].expr;
  if (callee && callee->kind == EX_ASYNC)
    expr->callee = callee->callee;
  if (callee && callee->kind == EX_CONST && only_looks(spelling(b, cursor))) {
    expr->kind = EX_UNEVALUATED;
    expr->suspends = false;
  }
  if (callee && callee->range.end - callee->range.begin == 8 &&
      source_word_is(b->parsed->source, callee->range.begin, "ac_raise")) {
    expr->kind = EX_RAISE;
    expr->suspends = expr->special = true;
  }
  return expr;
}

static struct expr *build_member(struct builder *b, CXCursor cursor) {
  struct expr *expr = build_generic(b, EX_DOT, cursor);
  CXCursor field = clang_getCursorReferenced(cursor);
  expr->is_bitfield = clang_Cursor_isBitField(field) != 0;
  struct children children = children_of(b, cursor);
  if (children.count &&
      clang_getCanonicalType(clang_getCursorType(children.items[0])).kind ==
          CXType_Pointer)
    expr->kind = EX_ARROW;
  return expr;
}

/* Its last child is what is converted; others belong to the type. A value cast
 * to void is used by nobody. */
static struct expr *build_cast(struct builder *b, enum expr_kind kind,
                               CXCursor cursor) {
  struct expr *expr = begin_expr(b, kind, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    if (!clang_isExpression(clang_getCursorKind(children.items[i])))
      continue;
    struct expr *kid = build_expr(b, children.items[i]);
    if (i + 1 < children.count) {
      struct expr *wrapped = begin_expr(b, EX_UNEVALUATED, children.items[i]);
      add_kid(b, wrapped, kid);
      wrapped->suspends = false;
      kid = wrapped;
    }
    add_kid(b, expr, kid);
  }
  if (kind == EX_PURE)
    set_discarded(expr, false);
  return expr;
}

static struct expr *build_stmt_expr(struct builder *b, CXCursor cursor) {
  struct expr *expr = begin_expr(b, EX_STMT_EXPR, cursor);
  struct children children = children_of(b, cursor);
  if (!children.count)
    return expr;
  expr->body = build_stmt(b, children.items[0]);
  /* ac_try({ ... }): the parentheses are those of the mark. */
  if (expr->range.begin < b->parsed->source->bytes &&
      b->parsed->source->text[expr->range.begin] != '(')
    expr->range = expr->body->range;
  struct stmt *last = last_of(expr->body);
  if (last)
    set_discarded(last->expr, false);
  return expr;
}

/* Which jumps stay inside a statement expression. */
struct inside {
  bool loop, breakable;
};

/* Only a statement expression that must be taken apart counts: one with an
 * await, or a jump out of it, which the lowering may have to route and whose
 * way it has to know. */
static bool must_take_apart(const struct stmt *stmt, struct inside inside) {
  if (!stmt)
    return false;
  switch (stmt->kind) {
  case ST_RETURN:
  case ST_DEFER:
  case ST_SCOPE:
  case ST_GOTO:
  case ST_COMPUTED_GOTO:
    return true;
  case ST_BREAK:
    return !inside.breakable;
  case ST_CONTINUE:
    return !inside.loop;
  case ST_WHILE:
  case ST_DO:
  case ST_FOR:
    inside.loop = inside.breakable = true;
    break;
  case ST_SWITCH:
    inside.breakable = true;
    break;
  default:
    break;
  }
  if (stmt_holds(stmt, expr_suspends) || must_take_apart(stmt->init, inside))
    return true;
  for (size_t i = 0; i < stmt->kids.count; i++)
    if (must_take_apart(stmt->kids.items[i], inside))
      return true;
  return false;
}

/* Does a statement hold a word of the dialect? */
static bool is_special(const struct stmt *stmt, const void *context) {
  (void)context;
  return stmt_holds(stmt, expr_is_special);
}

static struct expr *build_paren(struct builder *b, CXCursor cursor) {
  CXCursor operands;
  const char *name = parsed_operator(b->arena, cursor, &operands);
  if (name)
    return build_operator(b, cursor, name, operands);
  struct range range = parsed_range(b->parsed, cursor);
  /* A parenthesis of a mark's own: its text is not in the file. */
  if (range.begin < b->parsed->source->bytes &&
      b->parsed->source->text[range.begin] != '(')
    return build_expr(b, children_of(b, cursor).items[0]);
  return build_generic(b, EX_PAREN, cursor);
}

/* An array that is only subscripted keeps its address to itself. */
static struct expr *build_index(struct builder *b, CXCursor cursor) {
  struct expr *expr = begin_expr(b, EX_INDEX, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    CXCursor kid = children.items[i];
    struct children below = children_of(b, kid);
    if (clang_getCursorKind(kid) == CXCursor_UnexposedExpr &&
        below.count == 1 &&
        clang_getArrayElementType(
            clang_getCanonicalType(clang_getCursorType(below.items[0])))
                .kind != CXType_Invalid)
      kid = below.items[0];
    add_kid(b, expr, build_expr(b, kid));
  }
  return expr;
}

/* A parameter `int a[2]` is a pointer. libclang calls its type, and that of
 * every expression that has the same, the array that was written. */
static void fix_decayed(struct expr *expr) {
  const struct expr *like = NULL;
  size_t count = expr->kids.count;
  if (!expr->type || !expr->type->is_array)
    return;
  switch (expr->kind) {
  case EX_VAR:
    if (expr->local->is_param)
      expr->type = expr->local->bare;
    return;
  case EX_PAREN:
  case EX_ASSIGN:
  case EX_OPASSIGN:
  case EX_INCDEC:
    like = count ? expr->kids.items[0].expr : NULL;
    break;
  case EX_COND:
  case EX_COMMA:
  case EX_ELVIS:
    like = count > 1 ? expr->kids.items[1].expr : NULL;
    break;
  case EX_STMT_EXPR:
    if (expr->body && expr->body->kids.count)
      like = expr->body->kids.items[expr->body->kids.count - 1]->expr;
    break;
  case EX_PURE: /* a + 1, 1 + a */
    for (size_t i = 0; i < count && !like; i++)
      if (expr->kids.items[i].expr->type &&
          strchr(expr->kids.items[i].expr->type->before, '*'))
        like = expr->kids.items[i].expr;
    break;
  default:
    return;
  }
  if (like && like->type && !like->type->is_array)
    expr->type = like->type;
}

struct expr *build_expr(struct builder *b, CXCursor cursor) {
  struct expr *expr = build_node(b, cursor);
  fix_decayed(expr);
  return expr;
}

static struct expr *build_node(struct builder *b, CXCursor cursor) {
  struct range range = parsed_range(b->parsed, cursor);
  const struct macro_use *macro = parsed_macro_at(b->parsed, range.begin);
  if (macro && range.end <= macro->range.end)
    return build_opaque(b, cursor);
  struct expr *expr;
  switch (clang_getCursorKind(cursor)) {
  case CXCursor_IntegerLiteral:
  case CXCursor_FloatingLiteral:
  case CXCursor_ImaginaryLiteral:
  case CXCursor_CharacterLiteral:
  case CXCursor_StringLiteral:
    return begin_expr(b, EX_CONST, cursor);
  case CXCursor_AddrLabelExpr:
    if (b->function)
      b->function->has_label_values = true;
    return begin_expr(b, EX_CONST, cursor);
  case CXCursor_DeclRefExpr:
    return build_reference(b, cursor);
  case CXCursor_UnexposedExpr:
    return build_unexposed(b, cursor);
  case CXCursor_ParenExpr:
    return build_paren(b, cursor);
  case CXCursor_UnaryOperator:
    return build_unary(b, cursor);
  case CXCursor_BinaryOperator:
    return build_binary(b, cursor);
  case CXCursor_CompoundAssignOperator:
    return build_generic(b, EX_OPASSIGN, cursor);
  case CXCursor_ConditionalOperator:
    return build_generic(b, EX_COND, cursor);
  case CXCursor_CallExpr:
    return build_call(b, cursor);
  case CXCursor_ArraySubscriptExpr:
    return build_index(b, cursor);
  case CXCursor_MemberRefExpr:
    return build_member(b, cursor);
  case CXCursor_CStyleCastExpr:
    return build_cast(b, EX_PURE, cursor);
  case CXCursor_CompoundLiteralExpr:
    return build_cast(b, EX_COMPOUND, cursor);
  case CXCursor_InitListExpr:
    return build_generic(b, EX_INIT_LIST, cursor);
  case CXCursor_StmtExpr:
    expr = build_stmt_expr(b, cursor);
    expr->suspends = must_take_apart(expr->body, (struct inside){0});
    expr->special = expr->suspends || stmt_any(expr->body, is_special, NULL);
    return expr;
  case CXCursor_UnaryExpr:
    expr = build_generic(b, EX_UNEVALUATED, cursor);
    expr->suspends = false;
    return expr;
  case CXCursor_GenericSelectionExpr:
    return build_selection(b, cursor);
  default:
    return build_generic(b, EX_TEXT, cursor);
  }
}
