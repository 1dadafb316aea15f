/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Three layers: expressions, statements, declarations at file level. Implicit
 * nodes vanish here; what they convert to is the type of the node below. A
 * macro invocation that was left as it is (see parse.c) is one opaque leaf
 * that lists the locals it mentions. */
#include "build.h"

#include "buf.h"
#include "types.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>

enum { TYPE_CACHE = 4096, NAME_BUCKETS = 1024 };

struct cached_type {
  const void *key;
  bool unqualified;
  const struct type *type;
};

struct builder {
  struct parsed *parsed;
  struct arena *arena;
  struct diags *diags;
  struct unit *unit;
  struct function *function; /* the async function being built, or NULL */
  struct cached_type cache[TYPE_CACHE];
  struct function *by_name[NAME_BUCKETS];
  struct range last_tag; /* the type last defined at file level */
};

static struct expr *build_expr(struct builder *b, CXCursor cursor);
static struct expr *build_node(struct builder *b, CXCursor cursor);
static struct expr *build_selection(struct builder *b, CXCursor cursor);
static struct stmt *build_stmt(struct builder *b, CXCursor cursor);

/* ---- helpers ------------------------------------------------------------- */

static const struct type *get_type(struct builder *b, CXType type,
                                   bool unqualified) {
  if (type.kind == CXType_Invalid)
    return NULL;
  size_t slot = ((uintptr_t)type.data[0] >> 4) * 2 + unqualified;
  struct cached_type *entry = &b->cache[slot % TYPE_CACHE];
  if (entry->key != type.data[0] || entry->unqualified != unqualified ||
      !entry->type) {
    entry->key = type.data[0];
    entry->unqualified = unqualified;
    entry->type = unqualified ? type_unqualified(b->arena, type)
                              : type_of(b->arena, type);
  }
  return entry->type;
}

static const char *spelling(struct builder *b, CXCursor cursor) {
  CXString string = clang_getCursorSpelling(cursor);
  const char *text = clang_getCString(string);
  char *copy = arena_copy(b->arena, text ? text : "", text ? strlen(text) : 0);
  clang_disposeString(string);
  return copy;
}

static struct children children_of(struct builder *b, CXCursor cursor) {
  return parsed_children(b->arena, cursor);
}

static bool same_range(struct range a, struct range b) {
  return a.begin == b.begin && a.end == b.end;
}

static struct local *find_local(struct builder *b, CXCursor declaration) {
  if (!b->function)
    return NULL;
  enum CXCursorKind kind = clang_getCursorKind(declaration);
  if (kind != CXCursor_VarDecl && kind != CXCursor_ParmDecl)
    return NULL;
  uint32_t offset =
      parsed_offset(b->parsed, clang_getCursorLocation(declaration));
  if (parsed_macro_at(b->parsed, offset))
    return NULL;
  for (size_t i = b->function->locals.count; i-- > 0;)
    if (b->function->locals.items[i]->name_offset == offset)
      return b->function->locals.items[i]->is_static
                 ? NULL
                 : b->function->locals.items[i];
  return NULL;
}

/* The unit's entry for an async function, made at first sight. */
static struct function *get_function(struct builder *b, CXCursor cursor) {
  const char *name = spelling(b, cursor);
  uint32_t hash = 2166136261;
  for (const char *c = name; *c; c++)
    hash = (hash ^ (unsigned char)*c) * 16777619;
  struct function **bucket = &b->by_name[hash % NAME_BUCKETS];
  for (struct function *f = *bucket; f; f = f->next_in_bucket)
    if (!strcmp(f->name, name))
      return f;
  struct function *function = ARENA_NEW(b->arena, struct function);
  function->next_in_bucket = *bucket;
  *bucket = function;
  function->name = name;
  function->type = get_type(b, clang_getCursorType(cursor), false);
  function->result = function->type->yield;
  function->attributes = (struct attributes){"", "", NULL};
  function->is_static =
      clang_Cursor_getStorageClass(cursor) == CX_SC_Static;
  vector_push(b->arena, &b->unit->functions, function);
  return function;
}

/* ---- expressions --------------------------------------------------------- */

static struct expr *new_expr(struct builder *b, enum expr_kind kind,
                             CXCursor cursor) {
  struct expr *expr = ARENA_NEW(b->arena, struct expr);
  expr->kind = kind;
  expr->range = parsed_range(b->parsed, cursor);
  expr->type = get_type(b, clang_getCursorType(cursor), true);
  return expr;
}

static bool is_control(const struct expr *expr) {
  return expr->kind == EX_AWAIT || expr->kind == EX_RAISE ||
         (expr->kind == EX_OP &&
          (expr->op == OP_TRY || expr->op == OP_GATHER ||
           expr->op == OP_SELECT || expr->op == OP_SELECT_IN_ORDER));
}

static void add_kid(struct builder *b, struct expr *expr, struct expr *kid) {
  if (!kid)
    return;
  struct hole hole = {kid->range, kid};
  /* Source order; a node that clang shows twice counts once. */
  size_t at = expr->kids.count;
  while (at > 0 && expr->kids.items[at - 1].range.begin > hole.range.begin)
    at--;
  if (at > 0 && expr->kids.items[at - 1].range.end > hole.range.begin)
    return;
  vector_push(b->arena, &expr->kids, hole);
  for (size_t i = expr->kids.count - 1; i > at; i--)
    expr->kids.items[i] = expr->kids.items[i - 1];
  expr->kids.items[at] = hole;
  /* Where an operand's end is that of a mark in another mark's argument. */
  if (expr->range.end < hole.range.end)
    expr->range.end = hole.range.end;
  expr->suspends |= kid->suspends;
  expr->special |= kid->special;
}

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

/* The statement whose value a statement expression has, or NULL. */
static struct stmt *last_of(const struct stmt *body) {
  const struct stmt *stmt = body;
  while (stmt && (stmt == body || stmt->kind == ST_LABEL))
    stmt = stmt->kids.count ? stmt->kids.items[stmt->kids.count - 1] : NULL;
  return stmt && stmt->kind == ST_EXPR ? (struct stmt *)(uintptr_t)stmt : NULL;
}

/* Notes whether somebody uses the value. */
static void set_discarded(struct expr *expr, bool discarded) {
  expr->discarded = discarded;
  size_t count = expr->kids.count;
  bool is_cast = expr->kind == EX_PURE && expr->type && expr->type->is_void;
  if (count && (expr->kind == EX_PAREN || expr->kind == EX_COMMA || is_cast))
    set_discarded(expr->kids.items[count - 1].expr, discarded || is_cast);
  struct stmt *last = expr->kind == EX_STMT_EXPR ? last_of(expr->body) : NULL;
  if (last)
    set_discarded(last->expr, discarded);
}

static struct expr *opaque(struct builder *b, CXCursor cursor) {
  struct range range = parsed_range(b->parsed, cursor);
  if (b->function &&
      b->parsed->source->text[source_word_end(b->parsed->source,
                                              range.begin)] == '(')
    b->function->has_macros = true;
  struct expr *expr = new_expr(
      b, is_constant_tree(b, cursor) ? EX_CONST : EX_TEXT, cursor);
  add_hidden(b, expr, cursor);
  return expr;
}

static struct expr *generic(struct builder *b, enum expr_kind kind,
                            CXCursor cursor) {
  struct expr *expr = new_expr(b, kind, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    if (clang_isExpression(clang_getCursorKind(children.items[i])) &&
        clang_getCursorKind(children.items[i]) != CXCursor_MemberRef)
      add_kid(b, expr, build_expr(b, children.items[i]));
  return expr;
}

/* The offset of the parenthesis that closes the one at `open`. */
static uint32_t closing(const struct source *source, uint32_t open) {
  int depth = 0;
  for (uint32_t at = open; at < source->bytes;) {
    uint32_t next = source_skip_space(source, at);
    if (next > at) {
      at = next;
      continue;
    }
    char c = source->text[at];
    if (c == '"' || c == '\'') {
      for (at++; at < source->bytes && source->text[at] != c; at++)
        at += source->text[at] == '\\';
    }
    depth += c == '(';
    depth -= c == ')';
    if (!depth)
      return at;
    at++;
  }
  return open;
}

/* NAME(...): for a mark inside another mark's argument, clang gives no end. */
static void set_mark_end(const struct source *source, struct range *range) {
  uint32_t open =
      source_skip_space(source, source_word_end(source, range->begin));
  if (open < source->bytes && source->text[open] == '(')
    range->end = closing(source, open) + 1;
}

/* A mark brings parentheses, which clang may have taken for those of the
 * statement or call around it: `if ac_try(await f())`. Then no operator of the
 * dialect was recognised above this. */
static void check_parentheses(struct builder *b, CXCursor target,
                              struct range word) {
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

static struct expr *build_reference(struct builder *b, CXCursor cursor) {
  CXCursor target = clang_getCursorReferenced(cursor);
  struct expr *expr = new_expr(b, EX_TEXT, cursor);
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
    return opaque(b, cursor);
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
    bool decayed = type && expr->type && type->is_array &&
                   !expr->type->is_array;
    if (expr->kind != EX_ASYNC && expr->kind != EX_AWAIT &&
        expr->kind != EX_OP && !handles && !decayed)
      expr->type = type;
    return expr;
  }
  if (b->parsed->source->text[range.begin] == '.' ||
      b->parsed->source->text[range.begin] == '[')
    return generic(b, EX_INIT_LIST, cursor); /* .member = value */
  CXCursor last = children.items[children.count - 1];
  struct range first_range = parsed_range(b->parsed, children.items[0]);
  struct range last_range = parsed_range(b->parsed, last);
  if (children.count >= 2 && last_range.begin > first_range.end &&
      first_range.begin == range.begin && last_range.end == range.end &&
      text_between_has(b, first_range.end, last_range.begin, '?')) {
    struct expr *expr = new_expr(b, EX_ELVIS, cursor);
    add_kid(b, expr, build_expr(b, children.items[0]));
    add_kid(b, expr, build_expr(b, last));
    return expr;
  }
  return generic(b, EX_TEXT, cursor);
}

static struct expr *build_unary(struct builder *b, CXCursor cursor) {
  int await = parsed_await(b->parsed, cursor);
  if (await) {
    struct expr *expr = generic(b, EX_AWAIT, cursor);
    expr->suspends = expr->special = true;
    return expr;
  }
  switch (clang_getCursorUnaryOperatorKind(cursor)) {
  case CXUnaryOperator_PostInc:
  case CXUnaryOperator_PostDec:
  case CXUnaryOperator_PreInc:
  case CXUnaryOperator_PreDec:
    return generic(b, EX_INCDEC, cursor);
  case CXUnaryOperator_AddrOf: {
    struct expr *expr = generic(b, EX_ADDR, cursor);
    if (expr->kids.count)
      keep_literal(b, expr->kids.items[0].expr);
    return expr;
  }
  case CXUnaryOperator_Deref:
    return generic(b, EX_DEREF, cursor);
  default:
    return generic(b, EX_PURE, cursor);
  }
}

static struct expr *build_binary(struct builder *b, CXCursor cursor) {
  switch (clang_getCursorBinaryOperatorKind(cursor)) {
  case CXBinaryOperator_Assign:
    return generic(b, EX_ASSIGN, cursor);
  case CXBinaryOperator_LAnd:
    return generic(b, EX_LAND, cursor);
  case CXBinaryOperator_LOr:
    return generic(b, EX_LOR, cursor);
  case CXBinaryOperator_Comma: {
    struct expr *expr = generic(b, EX_COMMA, cursor);
    if (expr->kids.count)
      set_discarded(expr->kids.items[0].expr, true);
    return expr;
  }
  default:
    return generic(b, EX_PURE, cursor);
  }
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

/* A function that is called through a mark: ac_done(h). */
static struct expr *build_marked_call(struct builder *b, CXCursor cursor,
                                      struct children children) {
  struct expr *expr = new_expr(b, EX_CALL, cursor);
  set_mark_end(b->parsed->source, &expr->range);
  struct expr *callee = new_expr(b, EX_CONST, children.items[0]);
  callee->range.end = source_word_end(b->parsed->source, callee->range.begin);
  add_kid(b, expr, callee);
  for (size_t i = 1; i < children.count; i++)
    add_kid(b, expr,
            build_expr(b, unwrap_mark(b, children.items[i],
                                      expr->range.begin)));
  return expr;
}

/* Builtins that look at an expression, and do not evaluate it. */
static bool only_looks(const char *name) {
  static const char *const names[] = {"__builtin_constant_p",
                                      "__builtin_classify_type",
                                      "__builtin_object_size",
                                      "__builtin_dynamic_object_size"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(name, names[i]))
      return true;
  return false;
}

static struct expr *unevaluated(struct builder *b, CXCursor cursor) {
  struct expr *expr = new_expr(b, EX_UNEVALUATED, cursor);
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
  struct expr *expr = new_expr(b, EX_GENERIC, cursor);
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
  struct expr *expr = generic(b, EX_CALL, cursor);
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
  struct expr *expr = generic(b, EX_DOT, cursor);
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
  struct expr *expr = new_expr(b, kind, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    if (!clang_isExpression(clang_getCursorKind(children.items[i])))
      continue;
    struct expr *kid = build_expr(b, children.items[i]);
    if (i + 1 < children.count) {
      struct expr *wrapped = new_expr(b, EX_UNEVALUATED, children.items[i]);
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
  struct expr *expr = new_expr(b, EX_STMT_EXPR, cursor);
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
  if ((stmt->expr && stmt->expr->suspends) ||
      (stmt->step && stmt->step->suspends) || must_take_apart(stmt->init, inside))
    return true;
  for (size_t i = 0; i < stmt->declarators.count; i++)
    if (stmt->declarators.items[i].init &&
        stmt->declarators.items[i].init->suspends)
      return true;
  for (size_t i = 0; i < stmt->kids.count; i++)
    if (must_take_apart(stmt->kids.items[i], inside))
      return true;
  return false;
}

/* Does a statement hold a word of the dialect? */
static bool is_special(const struct stmt *stmt) {
  if (!stmt)
    return false;
  if ((stmt->expr && stmt->expr->special) ||
      (stmt->step && stmt->step->special) || is_special(stmt->init))
    return true;
  for (size_t i = 0; i < stmt->declarators.count; i++)
    if (stmt->declarators.items[i].init &&
        stmt->declarators.items[i].init->special)
      return true;
  for (size_t i = 0; i < stmt->kids.count; i++)
    if (is_special(stmt->kids.items[i]))
      return true;
  return false;
}

static enum operator operator_of(const char *name) {
  static const char *const names[] = {
      [OP_CREATE_TASK] = "create_task", [OP_COROUTINE] = "coroutine",
      [OP_RUN] = "run",                 [OP_GATHER] = "gather",
      [OP_SELECT] = "select",           [OP_SELECT_IN_ORDER] = "select_in_order",
      [OP_WAIT_FOR] = "wait_for",       [OP_SHIELD] = "shield",
      [OP_FUTURE_SET] = "future_set",   [OP_TRY] = "try"};
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
  add_kid(b, expr,
          build_expr(b, unwrap_mark(b, bare, expr->range.begin)));
}

static struct expr *build_operator(struct builder *b, CXCursor cursor,
                                   const char *name, CXCursor operands) {
  struct expr *expr = new_expr(b, EX_OP, cursor);
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

static struct expr *strip_mark_parens(struct builder *b, CXCursor cursor,
                                      struct range range) {
  /* A parenthesis of a mark's own: its text is not in the file. */
  struct children children = children_of(b, cursor);
  (void)range;
  return build_expr(b, children.items[0]);
}

static struct expr *build_paren(struct builder *b, CXCursor cursor) {
  CXCursor operands;
  const char *name = parsed_operator(b->arena, cursor, &operands);
  if (name)
    return build_operator(b, cursor, name, operands);
  struct range range = parsed_range(b->parsed, cursor);
  if (range.begin < b->parsed->source->bytes &&
      b->parsed->source->text[range.begin] != '(')
    return strip_mark_parens(b, cursor, range);
  return generic(b, EX_PAREN, cursor);
}

/* An array that is only subscripted keeps its address to itself. */
static struct expr *build_index(struct builder *b, CXCursor cursor) {
  struct expr *expr = new_expr(b, EX_INDEX, cursor);
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

static struct expr *build_expr(struct builder *b, CXCursor cursor) {
  struct expr *expr = build_node(b, cursor);
  fix_decayed(expr);
  return expr;
}

static struct expr *build_node(struct builder *b, CXCursor cursor) {
  struct range range = parsed_range(b->parsed, cursor);
  const struct macro_use *macro = parsed_macro_at(b->parsed, range.begin);
  if (macro && range.end <= macro->range.end)
    return opaque(b, cursor);
  struct expr *expr;
  switch (clang_getCursorKind(cursor)) {
  case CXCursor_IntegerLiteral:
  case CXCursor_FloatingLiteral:
  case CXCursor_ImaginaryLiteral:
  case CXCursor_CharacterLiteral:
  case CXCursor_StringLiteral:
    return new_expr(b, EX_CONST, cursor);
  case CXCursor_AddrLabelExpr:
    if (b->function)
      b->function->has_label_values = true;
    return new_expr(b, EX_CONST, cursor);
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
    return generic(b, EX_OPASSIGN, cursor);
  case CXCursor_ConditionalOperator:
    return generic(b, EX_COND, cursor);
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
    return generic(b, EX_INIT_LIST, cursor);
  case CXCursor_StmtExpr:
    expr = build_stmt_expr(b, cursor);
    expr->suspends = must_take_apart(expr->body, (struct inside){0});
    expr->special = expr->suspends || is_special(expr->body);
    return expr;
  case CXCursor_UnaryExpr:
    expr = generic(b, EX_UNEVALUATED, cursor);
    expr->suspends = false;
    return expr;
  case CXCursor_GenericSelectionExpr:
    return build_selection(b, cursor);
  default:
    return generic(b, EX_TEXT, cursor);
  }
}

/* ---- declarations in functions ------------------------------------------- */

/* The number in the parentheses, or -1. */
static int64_t alignment(const char *text) {
  const char *at = text + strcspn(text, "(");
  while (*at == '(' || *at == ' ')
    at++;
  if (*at < '0' || *at > '9')
    return -1;
  char *end;
  long long value = strtoll(at, &end, 0);
  end += strspn(end, "uUlL");
  end += strspn(end, ") ");
  return *end ? -1 : value;
}

/* Of several the strictest counts. Numbers are all that is kept of numbers:
 * the text might name what the frame's struct cannot see. */
static void add_alignment(struct builder *b, struct local *local,
                          const char *text) {
  int64_t value = alignment(text);
  const char *before = local->align_text ? local->align_text : "";
  if (value >= 0 && local->align >= 0) {
    local->align = value > local->align ? value : local->align;
    if (local->align)
      local->align_text = arena_printf(b->arena, "__attribute__((aligned(%lld)))",
                                       (long long)local->align);
    return;
  }
  local->align = -1;
  bool is_specifier =
      !strncmp(text, "_Alignas", 8) || !strncmp(text, "alignas", 7);
  local->align_text =
      is_specifier ? arena_printf(b->arena, "%s %s", before, text)
                   : arena_printf(b->arena, "%s __attribute__((%s))", before,
                                  text);
}

static bool is_declared_here(const struct function *function,
                             const char *name) {
  for (size_t i = 0; i < function->locals.count; i++)
    if (!strcmp(function->locals.items[i]->name, name))
      return true;
  for (size_t i = 0; i < function->tags.count; i++)
    if (!strcmp(function->tags.items[i], name))
      return true;
  return false;
}

/* An alignment that is no number stands in the frame's struct as it is written
 * here, and that is outside the function. */
static void check_alignment(struct builder *b, const struct local *local,
                            struct range range) {
  const struct source *source = b->parsed->source;
  if (local->align >= 0)
    return;
  uint32_t operand = source_word_end(source, range.begin);
  for (uint32_t at = operand; at < range.end;) {
    at = source_skip_space(source, at);
    uint32_t end = source_word_end(source, at);
    if (end > at && is_declared_here(b->function,
                                     arena_copy(b->arena, source->text + at,
                                                end - at))) {
      diag_at(b->diags, source, SEVERITY_ERROR, at,
              "the alignment of '%s' needs '%.*s', which is declared in this "
              "async function; declare it outside, or write a number",
              local->name, (int)(end - at), source->text + at);
      return;
    }
    at = end > at ? end : at + 1;
  }
}

static void read_attributes(struct builder *b, struct declarator *declarator,
                            CXCursor cursor) {
  const struct source *source = b->parsed->source;
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    enum CXCursorKind kind = clang_getCursorKind(children.items[i]);
    if (kind != CXCursor_AlignedAttr && kind != CXCursor_UnexposedAttr)
      continue;
    struct range range = parsed_range(b->parsed, children.items[i]);
    if (range.begin == UINT32_MAX)
      continue;
    uint32_t open_at =
        source_skip_space(source, source_word_end(source, range.begin));
    if (source->text[open_at] == '(')
      range.end = closing(source, open_at) + 1;
    const char *text =
        arena_copy(b->arena, source->text + range.begin,
                   range.end - range.begin);
    if (kind == CXCursor_AlignedAttr) {
      add_alignment(b, declarator->local, text);
      check_alignment(b, declarator->local, range);
      continue;
    }
    const char *name = text;
    while (*name == '_')
      name++;
    if (strncmp(name, "cleanup", 7) != 0)
      continue;
    const char *open = strchr(text, '(');
    if (!open)
      continue;
    uint32_t begin =
        source_skip_space(source, range.begin + (uint32_t)(open - text) + 1);
    struct expr *callee = ARENA_NEW(b->arena, struct expr);
    callee->kind = EX_CONST;
    callee->range = (struct range){begin, source_word_end(source, begin)};
    declarator->local->cleanup = callee;
    declarator->local->address_taken = true;
  }
}

/* Names in a body that the lowering declares itself. */
static bool is_generated_name(const char *name) {
  static const char *const names[] = {
      "self",   "state",  "resumed", "status", "ret",   "r",     "callee",
      "head",   "left",   "known",   "value",  "next",  "error", "t",
      "result", "task",   "timeout", "arg_",   "p",     "type_", "literal_",
      "thunk_", "image_", "resume_", "caught_", "cleanup_", "break_",
      "continue_", "chosen_", "endif_"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i]);
    if (!strncmp(name + 3, names[i], length) &&
        (strspn(name + 3 + length, "0123456789") == strlen(name + 3 + length) ||
         !strcmp(names[i], "image_")))
      return true;
  }
  return false;
}

static void check_name(struct builder *b, const char *name, uint32_t offset) {
  if (!strncmp(name, "ac_", 3) && offset != UINT32_MAX &&
      is_generated_name(name))
    diag_at(b->diags, b->parsed->source, SEVERITY_ERROR, offset,
            "'%s' is a name of acc's own in an async function", name);
}

static struct local *new_local(struct builder *b, CXCursor cursor,
                               bool is_param) {
  struct local *local = ARENA_NEW(b->arena, struct local);
  CXType type = clang_getCursorType(cursor);
  local->id = (uint32_t)b->function->locals.count;
  local->name = local->out_name = spelling(b, cursor);
  local->type = get_type(b, type, false);
  local->bare = get_type(b, type, true);
  local->name_offset =
      parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  local->is_param = is_param;
  check_name(b, local->name, local->name_offset);
  local->is_volatile =
      clang_isVolatileQualifiedType(clang_getCanonicalType(type)) != 0;
  if (local->is_volatile && !local->bare->is_array)
    local->bare = type_volatile(b->arena, local->bare);
  local->address_taken = local->type->is_array;
  vector_push(b->arena, &b->function->locals, local);
  return local;
}

/* Names other than variables' that a declaration brings into its scope. */
static void add_names(struct builder *b, struct declarator *declarator,
                      CXCursor cursor) {
  struct children children = children_of(b, cursor);
  switch (clang_getCursorKind(cursor)) {
  case CXCursor_TypedefDecl:
  case CXCursor_FunctionDecl:
  case CXCursor_EnumConstantDecl: {
    struct local *local = new_local(b, cursor, false);
    local->is_static = true;
    local->address_taken = false;
    vector_push(b->arena, &declarator->names, local);
    return;
  }
  case CXCursor_EnumDecl:
  case CXCursor_StructDecl:
  case CXCursor_UnionDecl:
    vector_push(b->arena, &b->function->tags, spelling(b, cursor));
    for (size_t i = 0; i < children.count; i++)
      add_names(b, declarator, children.items[i]);
    return;
  default:
    return;
  }
}

static void build_declarator(struct builder *b, struct stmt *stmt,
                             CXCursor cursor) {
  struct declarator declarator = {.range = parsed_range(b->parsed, cursor)};
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (kind != CXCursor_VarDecl) {
    declarator.tag = declarator.range;
    declarator.anonymous_tag =
        clang_Cursor_isAnonymous(cursor) || !*spelling(b, cursor) ||
        strchr(spelling(b, cursor), '(');
    if (kind == CXCursor_TypedefDecl || kind == CXCursor_FunctionDecl ||
        kind == CXCursor_StaticAssert)
      declarator.tag = (struct range){0, 0};
    if (kind == CXCursor_FunctionDecl) {
      declarator.type = get_type(b, clang_getCursorType(cursor), false);
      declarator.function_name = spelling(b, cursor);
    }
    if (b->function)
      add_names(b, &declarator, cursor);
    vector_push(b->arena, &stmt->declarators, declarator);
    return;
  }
  uint32_t name = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  declarator.name =
      (struct range){name, source_word_end(b->parsed->source, name)};
  enum CX_StorageClass storage = clang_Cursor_getStorageClass(cursor);
  declarator.type = get_type(b, clang_getCursorType(cursor), false);
  bool automatic = storage == CX_SC_None || storage == CX_SC_Auto ||
                   storage == CX_SC_Register;
  if (b->function) {
    declarator.local = new_local(b, cursor, false);
    declarator.local->is_static = !automatic;
    if (automatic)
      read_attributes(b, &declarator, cursor);
    else
      declarator.local->address_taken = false;
  }
  /* Expressions in the type: bounds and typeof. */
  CXCursor init = clang_Cursor_getVarDeclInitializer(cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    if (!clang_isExpression(clang_getCursorKind(children.items[i])) ||
        (!clang_Cursor_isNull(init) &&
         clang_equalCursors(children.items[i], init)))
      continue;
    struct expr *kid = build_expr(b, children.items[i]);
    if (!stmt->expr) {
      stmt->expr = ARENA_NEW(b->arena, struct expr);
      stmt->expr->kind = EX_UNEVALUATED;
      stmt->expr->range = stmt->range;
    }
    add_kid(b, stmt->expr, kid);
    stmt->expr->suspends = false;
  }
  if (!clang_Cursor_isNull(init))
    declarator.init = build_expr(b, init);
  vector_push(b->arena, &stmt->declarators, declarator);
}

/* ---- statements ---------------------------------------------------------- */

static struct stmt *new_stmt(struct builder *b, enum stmt_kind kind,
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

static struct stmt *build_block(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = new_stmt(b, ST_BLOCK, cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    add_stmt(b, stmt, children.items[i]);
  return stmt;
}

static struct stmt *build_if(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = new_stmt(b, ST_IF, cursor);
  struct children children = children_of(b, cursor);
  if (children.count < 2)
    return stmt;
  stmt->expr = build_expr(b, children.items[0]);
  for (size_t i = 1; i < children.count; i++)
    add_stmt(b, stmt, children.items[i]);
  return stmt;
}

static bool is_mark(struct builder *b, CXCursor condition, const char *mark) {
  CXCursor bare = parsed_strip(condition);
  enum CXCursorKind kind = clang_getCursorKind(bare);
  return (kind == CXCursor_DeclRefExpr || kind == CXCursor_CallExpr) &&
         !strcmp(spelling(b, bare), mark);
}

static const char *const scope_words[SCOPE_KINDS] = {
    [SCOPE_TIMEOUT] = "ac_timeout",
    [SCOPE_CANCEL] = "ac_scope",
    [SCOPE_GROUP] = "ac_task_group",
    [SCOPE_CLOSING] = "ac_closing"};

/* SCOPE_KINDS: it is none. */
static enum scope_kind scope_mark(struct builder *b, CXCursor condition) {
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

/* A defer or scope in plain code is an error. */
static void check_async_only(struct builder *b, CXCursor cursor,
                             CXCursor condition) {
  enum scope_kind scope = scope_mark(b, condition);
  bool is_defer = is_mark(b, condition, "ac__op_defer");
  if (!b->function && (is_defer || scope != SCOPE_KINDS))
    diag_at(b->diags, b->parsed->source, SEVERITY_ERROR,
            parsed_range(b->parsed, cursor).begin,
            "'%s' is only supported in an async function",
            is_defer ? "defer" : scope_words[scope]);
}

static struct stmt *build_while(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = new_stmt(b, ST_WHILE, cursor);
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
  struct stmt *stmt = new_stmt(b, ST_DO, cursor);
  struct children children = children_of(b, cursor);
  if (children.count < 2)
    return stmt;
  add_stmt(b, stmt, children.items[0]);
  stmt->expr = build_expr(b, children.items[1]);
  return stmt;
}

/* The offset of the n-th `;` at the top level of a for statement's head. */
static uint32_t head_semicolon(const struct source *source, uint32_t at,
                               int n) {
  int depth = 0;
  while (at < source->bytes) {
    uint32_t next = source_skip_space(source, at);
    if (next > at) {
      at = next;
      continue;
    }
    char c = source->text[at];
    if (c == '"' || c == '\'') {
      for (at++; at < source->bytes && source->text[at] != c; at++)
        at += source->text[at] == '\\';
    } else if (c == '(' || c == '[' || c == '{') {
      depth++;
    } else if (c == ')' || c == ']' || c == '}') {
      depth--;
    } else if (c == ';' && depth == 1 && n-- == 0) {
      return at;
    }
    at++;
  }
  return UINT32_MAX;
}

static struct stmt *build_for(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = new_stmt(b, ST_FOR, cursor);
  struct children children = children_of(b, cursor);
  const struct source *source = b->parsed->source;
  uint32_t first = head_semicolon(source, stmt->range.begin, 0);
  uint32_t second = head_semicolon(source, stmt->range.begin, 1);
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
  struct stmt *stmt = new_stmt(b, ST_SWITCH, cursor);
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
  struct stmt *stmt = new_stmt(b, kind, cursor);
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
  struct stmt *stmt = new_stmt(b, ST_GOTO, cursor);
  struct children children = children_of(b, cursor);
  if (children.count)
    stmt->name = spelling(b, children.items[0]);
  return stmt;
}

static struct stmt *build_with_expr(struct builder *b, enum stmt_kind kind,
                                    CXCursor cursor) {
  struct stmt *stmt = new_stmt(b, kind, cursor);
  struct children children = children_of(b, cursor);
  if (children.count)
    stmt->expr = build_expr(b, children.items[0]);
  return stmt;
}

static struct stmt *build_declaration(struct builder *b, CXCursor cursor) {
  struct stmt *stmt = new_stmt(b, ST_DECL, cursor);
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
  struct stmt *stmt = new_stmt(b, ST_VERBATIM, cursor);
  if (b->function && is_asm_goto(b->parsed->source, stmt->range))
    b->function->has_label_values = true;
  stmt->expr = generic(b, EX_TEXT, cursor);
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
  struct stmt *stmt = new_stmt(b, ST_VERBATIM, cursor);
  stmt->expr = opaque(b, cursor);
  stmt->expr->kind = EX_TEXT;
  return stmt;
}

static struct stmt *build_stmt(struct builder *b, CXCursor cursor) {
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
    return new_stmt(b, ST_BREAK, cursor);
  case CXCursor_ContinueStmt:
    return new_stmt(b, ST_CONTINUE, cursor);
  case CXCursor_ReturnStmt:
    return build_with_expr(b, ST_RETURN, cursor);
  case CXCursor_NullStmt:
    return new_stmt(b, ST_NULL, cursor);
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
    struct stmt *stmt = new_stmt(b, ST_EXPR, cursor);
    stmt->expr = build_expr(b, cursor);
    set_discarded(stmt->expr, true);
    return stmt;
  }
  if (clang_isStatement(kind))
    diag_at(b->diags, b->parsed->source, SEVERITY_ERROR, range.begin,
            "this statement is not supported in an async function");
  return NULL;
}

/* ---- at file level ------------------------------------------------------- */

static void add_pieces(struct builder *b, const struct expr *expr,
                       uint32_t anchor);

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
    return at < head_semicolon(source, begin, 0) ||
           at > head_semicolon(source, begin, 1);
  }
  default:
    return false;
  }
}

/* Plain code: only what is of the dialect in it matters. */
static void walk_plain(struct builder *b, CXCursor cursor, uint32_t anchor,
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

/* int f(a, b) int a, b; { ... } */
static void check_prototype(struct builder *b, CXCursor cursor) {
  const struct source *source = b->parsed->source;
  uint32_t name = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  uint32_t open = source_skip_space(source, source_word_end(source, name));
  if (clang_Cursor_getNumArguments(cursor) < 1 || open >= source->bytes ||
      source->text[open] != '(')
    return;
  uint32_t after = source_skip_space(source, closing(source, open) + 1);
  CXCursor last = clang_Cursor_getArgument(
      cursor, (unsigned)clang_Cursor_getNumArguments(cursor) - 1);
  if (parsed_offset(b->parsed, clang_getCursorLocation(last)) >= after)
    diag_at(b->diags, source, SEVERITY_ERROR, name,
            "an async function needs a prototype: write the types of its "
            "parameters in the parentheses");
}

static void build_definition(struct builder *b, struct function *function,
                             CXCursor cursor) {
  function->range = parsed_range(b->parsed, cursor);
  function->is_defined = function->in_main_file = true;
  function->is_inline = clang_Cursor_isFunctionInlined(cursor) != 0;
  check_prototype(b, cursor);
  b->function = function;
  struct children children = children_of(b, cursor);
  CXCursor body = clang_getNullCursor();
  for (size_t i = 0; i < children.count; i++)
    if (clang_getCursorKind(children.items[i]) == CXCursor_CompoundStmt)
      body = children.items[i];
  for (int i = 0; i < clang_Cursor_getNumArguments(cursor); i++) {
    struct local *local =
        new_local(b, clang_Cursor_getArgument(cursor, (unsigned)i), true);
    if (local->type->is_array || local->type->is_function) {
      CXType adjusted = clang_getArgType(
          clang_getCanonicalType(clang_getCursorType(cursor)), (unsigned)i);
      local->type = get_type(b, adjusted, false);
      local->bare = get_type(b, adjusted, true);
      local->address_taken = false;
    }
    if (!*local->name)
      local->name = local->out_name = arena_printf(b->arena, "ac_arg_%d", i);
    vector_push(b->arena, &function->params, local);
  }
  if (!clang_Cursor_isNull(body))
    function->body = build_block(b, body);
  b->function = NULL;
  struct piece *piece = ARENA_NEW(b->arena, struct piece);
  piece->anchor = function->range.begin;
  piece->range = function->range;
  piece->function = function;
  if (b->last_tag.begin >= piece->range.begin && b->last_tag.end > 0)
    piece->tag = b->last_tag; /* struct s { ... } *f(void) */
  vector_push(b->arena, &b->unit->pieces, piece);
}

static bool is_async_function(struct builder *b, CXCursor cursor) {
  return parsed_is_async(clang_getCursorType(cursor)) ||
         words_async_main(b->parsed->source,
                          parsed_range(b->parsed, cursor).begin,
                          parsed_offset(b->parsed,
                                        clang_getCursorLocation(cursor)));
}

static void drop_prototype(struct builder *b, CXCursor cursor) {
  struct piece *piece = ARENA_NEW(b->arena, struct piece);
  piece->range = parsed_range(b->parsed, cursor);
  piece->anchor = piece->range.begin;
  piece->drop = true;
  vector_push(b->arena, &b->unit->pieces, piece);
}

/* clang lets a later declaration inherit the convention in silence. */
static void check_says_async(struct builder *b, CXCursor cursor) {
  const struct source *source = b->parsed->source;
  uint32_t begin = parsed_range(b->parsed, cursor).begin, at = begin;
  uint32_t name = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  uint32_t after =
      source_skip_space(source, source_word_end(source, name));
  if (at >= name || source->text[after] != '(' ||
      parsed_macro_at(b->parsed, at) || parsed_macro_at(b->parsed, name))
    return;
  while (at < name) {
    at = source_skip_space(source, at);
    if (source_word_is(source, at, "async") ||
        source_word_is(source, at, "_Async"))
      return;
    uint32_t end = source_word_end(source, at);
    at = end > at ? end : at + 1;
  }
  diag_at(b->diags, source, SEVERITY_ERROR, name,
          "'%s' was declared async before; this declaration must say 'async' "
          "too",
          spelling(b, cursor));
  diag_insert(b->diags, source, begin,
              words_has_keywords(source) ? "async " : "_Async ");
}

static const char *printed(struct builder *b, CXCursor cursor) {
  CXPrintingPolicy policy = clang_getCursorPrintingPolicy(cursor);
  clang_PrintingPolicy_setProperty(policy, CXPrintingPolicy_TerseOutput, 1);
  CXString string = clang_getCursorPrettyPrinted(cursor, policy);
  const char *text = clang_getCString(string);
  char *copy = arena_copy(b->arena, text ? text : "", text ? strlen(text) : 0);
  clang_disposeString(string);
  clang_PrintingPolicy_dispose(policy);
  return copy;
}

/* What a pragma around the declaration has said; the command line says it to
 * the C compiler too. */
static const char *visibility(struct builder *b, CXCursor cursor) {
  static const struct {
    enum CXVisibilityKind kind;
    const char *name;
  } names[] = {{CXVisibility_Default, "default"},
               {CXVisibility_Protected, "protected"},
               {CXVisibility_Hidden, "hidden"}};
  static const char option[] = "-fvisibility=";
  const struct strings *args = &b->diags->options->parse_args;
  const char *usual = "default";
  for (size_t i = 0; i < args->count; i++)
    if (!strncmp(args->items[i], option, sizeof option - 1))
      usual = args->items[i] + sizeof option - 1;
  enum CXVisibilityKind kind = clang_getCursorVisibility(cursor);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].kind == kind && strcmp(names[i].name, usual) != 0)
      return names[i].name;
  return NULL;
}

/* At the name of a function, or in the header that declares it. */
static void complain(struct builder *b, CXCursor cursor,
                     enum severity severity, const char *text) {
  uint32_t at = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  if (at != UINT32_MAX) {
    diag_at(b->diags, b->parsed->source, severity, at, "%s", text);
  } else if (severity == SEVERITY_ERROR) {
    CXFile file;
    unsigned line;
    clang_getFileLocation(clang_getCursorLocation(cursor), &file, &line, NULL,
                          NULL);
    CXString path = clang_getFileName(file);
    diag_plain(b->diags, "%s:%u: %s", clang_getCString(path), line, text);
    clang_disposeString(path);
  }
}

static void read_function_attributes(struct builder *b,
                                     struct function *function,
                                     CXCursor cursor) {
  struct attributes *attributes = &function->attributes;
  bool is_visibility_said = false;
  attribute_list list =
      attributes_find(b->arena, printed(b, cursor), &attributes->label);
  for (size_t i = 0; i < list.count; i++) {
    const struct attribute *attribute = &list.items[i];
    is_visibility_said |= !strcmp(attribute->name, "visibility");
    if (attribute->fate == ATTRIBUTE_ENTRY || attribute->fate == ATTRIBUTE_CODE)
      attributes_add(b->arena, attributes, attribute);
    else if (attribute->fate == ATTRIBUTE_REFUSED)
      complain(b, cursor, SEVERITY_ERROR,
               arena_printf(b->arena,
                            "attribute '%s' is not supported on the async "
                            "function '%s'",
                            attribute->name, function->name));
    else if (attribute->fate == ATTRIBUTE_UNKNOWN)
      complain(b, cursor, SEVERITY_WARNING,
               arena_printf(b->arena,
                            "attribute '%s' has no effect on the async "
                            "function '%s'",
                            attribute->name, function->name));
  }
  const char *implied = is_visibility_said || function->is_static
                            ? NULL
                            : visibility(b, cursor);
  if (implied && !strstr(attributes->entry, "((visibility(")) {
    const struct attribute attribute = {
        "visibility", arena_printf(b->arena, "visibility(\"%s\")", implied),
        ATTRIBUTE_ENTRY};
    attributes_add(b->arena, attributes, &attribute);
  }
}

/* An async function that a header declares: only where there is something to
 * be read. */
static void build_declared(struct builder *b, CXCursor cursor) {
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    if (clang_isAttribute(clang_getCursorKind(children.items[i]))) {
      read_function_attributes(b, get_function(b, cursor), cursor);
      return;
    }
}

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
    function->is_static |=
        clang_Cursor_getStorageClass(cursor) == CX_SC_Static;
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
    CXFile file;
    unsigned line;
    clang_getFileLocation(clang_getCursorLocation(cursor), &file, &line, NULL,
                          NULL);
    CXString path = clang_getFileName(file);
    diag_plain(b->diags,
               "%s:%u: async function '%s' is defined in a header; declare it "
               "there and define it in a .ac file",
               clang_getCString(path), line, spelling(b, cursor));
    clang_disposeString(path);
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

static bool is_conditional(const struct source *source, uint32_t word) {
  static const char *const names[] = {"if",   "ifdef",   "ifndef",   "elif",
                                      "else", "elifdef", "elifndef", "endif"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (source_word_is(source, word, names[i]))
      return true;
  return false;
}

/* #define, #undef and #pragma lines that take effect, wherever they stand. */
static void find_directives(struct builder *b) {
  const struct source *source = b->parsed->source;
  CXSourceRangeList *skipped =
      clang_getSkippedRanges(b->parsed->tu, b->parsed->file);
  bool line_start = true;
  for (uint32_t at = 0; at < source->bytes; at++) {
    char c = source->text[at];
    if (c == '\n') {
      line_start = true;
      continue;
    }
    if (c == ' ' || c == '\t')
      continue;
    bool first = line_start;
    line_start = false;
    if (c != '#' || !first)
      continue;
    uint32_t end = at;
    while (end < source->bytes && source->text[end] != '\n')
      end += source->text[end] == '\\' ? 2 : 1;
    uint32_t word = source_skip_space(source, at + 1);
    bool wanted = source_word_is(source, word, "define") ||
                  source_word_is(source, word, "undef") ||
                  source_word_is(source, word, "pragma") ||
                  source_word_is(source, word, "include");
    for (unsigned i = 0; skipped && i < skipped->count && wanted; i++) {
      uint32_t from = parsed_offset(
          b->parsed, clang_getRangeStart(skipped->ranges[i]));
      uint32_t to =
          parsed_offset(b->parsed, clang_getRangeEnd(skipped->ranges[i]));
      if (at > from && at < to)
        wanted = false;
    }
    struct range range = {at, end < source->bytes ? end : source->bytes};
    if (wanted)
      vector_push(b->arena, &b->unit->directives, range);
    else if (is_conditional(source, word))
      vector_push(b->arena, &b->unit->conditionals, range);
    at = range.end;
    line_start = true;
  }
  for (unsigned i = 0; skipped && i < skipped->count; i++) {
    struct range range = {
        parsed_offset(b->parsed, clang_getRangeStart(skipped->ranges[i])),
        parsed_offset(b->parsed, clang_getRangeEnd(skipped->ranges[i]))};
    if (range.begin != UINT32_MAX && range.end != UINT32_MAX)
      vector_push(b->arena, &b->unit->skipped, range);
  }
  clang_disposeSourceRangeList(skipped);
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
