/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Expressions. */
#include "emit_parts.h"

static void print_template(struct emitter *e, const struct expr *x) {
  size_t kid = 0;
  for (const char *c = x->text; *c; c++) {
    if (*c == '\2' || *c == '\3')
      writer_puts(&e->w, type_text(e, x->type, *c == '\3' ? "*" : ""));
    else if (*c != '\1')
      writer_add(&e->w, c, 1);
    else if (kid < x->kids.count)
      print_expr(e, x->kids.items[kid++].expr);
  }
}

/* The lowered function as a value of the type it was declared with. */
static void print_function_value(struct emitter *e, const struct expr *x) {
  writer_printf(&e->w, "((%s)(void (*)(void))%s__ac)",
                type_text(e, x->callee->type, "(*)"), x->callee->name);
}

void print_arguments(struct emitter *e, const struct expr *call,
                     const char *first) {
  for (size_t i = 1; i < call->kids.count; i++) {
    writer_puts(&e->w, i == 1 ? first : ", ");
    print_expr(e, call->kids.items[i].expr);
  }
}

const struct type *callee_type(const struct expr *call) {
  return call->callee ? call->callee->type
                      : type_function(call->kids.items[0].expr->type);
}

/* &thunk, &(struct thunk_args){...} */
static void print_thunk_use(struct emitter *e, const struct expr *op,
                            const struct expr *call) {
  const struct thunk *thunk = op->thunk;
  writer_printf(&e->w, "&ac_thunk_%u, ", thunk->id);
  if (thunk->callee && thunk->type->params.count == 0) {
    writer_puts(&e->w, "NULL");
    return;
  }
  writer_printf(&e->w, "&(struct ac_thunk_%u_args){", thunk->id);
  if (!thunk->callee) {
    writer_printf(&e->w, "(%s)(void (*)(void))",
                  lowered_type(e, thunk->type, "(*)"));
    writer_puts(&e->w, "(");
    print_expr(e, call->kids.items[0].expr);
    writer_puts(&e->w, ")");
  }
  print_arguments(e, call, thunk->callee ? "" : ", ");
  writer_puts(&e->w, "}");
}

static void print_run(struct emitter *e, const struct expr *x,
                      const struct expr *operand) {
  bool is_void = x->type->is_void, unused = is_void || x->discarded;
  writer_puts(&e->w, "__extension__({ ");
  if (!is_void)
    writer_printf(&e->w, "%s; ", type_text(e, x->type, "ac_value"));
  if (expr_is_async_call(operand)) {
    writer_puts(&e->w, "ac_run_thunk(");
    print_thunk_use(e, x, operand);
  } else {
    writer_puts(&e->w, "ac_run_coro(");
    print_expr(e, operand);
  }
  writer_puts(&e->w, is_void ? ", NULL)" : ", &ac_value)");
  writer_puts(&e->w, unused ? "; (void)0; })" : "; ac_value; })");
}

static void print_future_set(struct emitter *e, const struct expr *x) {
  writer_puts(&e->w, "ac_future_set_value(");
  print_expr(e, x->kids.items[0].expr);
  if (x->kids.count > 1) {
    const struct type *type = x->kids.items[0].expr->type->yield;
    const struct expr *value = expr_bare(x->kids.items[1].expr);
    writer_printf(&e->w, ", (%s){", type_text(e, type, "[1]"));
    print_expr(e, value);
    writer_puts(&e->w, "})");
  } else {
    writer_puts(&e->w, ", NULL)");
  }
}

static void print_operator(struct emitter *e, const struct expr *x) {
  const struct expr *operand =
      x->kids.count ? expr_bare(x->kids.items[0].expr) : NULL;
  bool is_call = operand && expr_is_async_call(operand);
  switch (x->op) {
  case OP_CREATE_TASK:
    if (is_call) {
      writer_puts(&e->w, x->discarded ? "ac_spawn_detached(" : "ac_spawn(");
      print_thunk_use(e, x, operand);
    } else {
      writer_puts(&e->w,
                  x->discarded ? "ac_spawn_coro_detached(" : "ac_spawn_coro(");
      print_expr(e, operand);
    }
    break;
  case OP_COROUTINE:
    writer_puts(&e->w, "ac_coro_new(");
    print_thunk_use(e, x, operand);
    break;
  case OP_GATHER: /* one child of it: see hoist */
    writer_puts(&e->w, "ac_spawn_eager(");
    print_thunk_use(e, x, operand);
    break;
  case OP_SELECT: /* one child of it: see hoist */
    writer_puts(&e->w, "(struct ac_future *)(void *)ac_coro_new(");
    print_thunk_use(e, x, operand);
    break;
  case OP_RUN:
    print_run(e, x, operand);
    return;
  case OP_FUTURE_SET:
    print_future_set(e, x);
    return;
  default:
    return;
  }
  writer_puts(&e->w, ")");
}

/* The same for a record value: its array of one is the lvalue to copy from. */
static void print_kept_value(struct emitter *e, const struct expr *x) {
  struct expr value = *x;
  value.local = NULL;
  if (x->local->raw) {
    const char *type = typeof_text(e, x);
    writer_printf(&e->w, "(*(%s *)__builtin_memcpy(ac_self->%s, (%s[1]){", type,
                  x->local->member, type);
  } else {
    writer_printf(&e->w, "(*(%s)__builtin_memcpy(&ac_self->%s, (%s){",
                  type_text(e, x->local->bare, "(*)"), x->local->member,
                  type_text(e, x->local->bare, "[1]"));
  }
  print_one(e, &value);
  writer_printf(&e->w, "}, %lld))", (long long)x->local->bare->size);
}

/* A compound literal whose address outlives the expression: copied into the
 * frame, and its place there is the lvalue. */
static void print_kept_literal(struct emitter *e, const struct expr *x) {
  edit_list edits = {0};
  const char *type = type_text(e, x->local->bare, "(*)");
  if (x->local->raw)
    writer_printf(&e->w,
                  "(*(__typeof__(%.*s) *)__builtin_memcpy(ac_self->%s, &",
                  (int)(x->range.end - x->range.begin),
                  e->source->text + x->range.begin, x->local->member);
  else
    writer_printf(&e->w, "(*(%s)__builtin_memcpy(&ac_self->%s, &", type,
                  x->local->member);
  for (size_t i = 0; i < x->kids.count; i++)
    collect_hole(e, &x->kids.items[i], &edits);
  print_range(e, x->range, &edits);
  writer_printf(&e->w, ", %lld))", (long long)x->local->bare->size);
}

void print_expr(struct emitter *e, const struct expr *x) {
  if (x->text) {
    print_template(e, x);
    return;
  }
  if (is_kept(x) && !e->unevaluated) {
    if (x->kind == EX_COMPOUND)
      print_kept_literal(e, x);
    else
      print_kept_value(e, x);
    return;
  }
  switch (x->kind) {
  case EX_VAR:
    writer_puts(&e->w, local_text(e, x->local));
    return;
  case EX_ASYNC:
    print_function_value(e, x);
    return;
  case EX_ADDR:
    if (x->kids.count && expr_bare(x->kids.items[0].expr)->kind == EX_ASYNC) {
      print_expr(e, x->kids.items[0].expr);
      return;
    }
    break;
  case EX_OP:
    print_operator(e, x);
    return;
  case EX_AWAIT: /* in an operand that is not evaluated */
    if (x->type->is_void)
      writer_puts(&e->w, "((void)0)");
    else
      writer_printf(&e->w, "(*(%s)0)", type_text(e, x->type, "(*)"));
    return;
  case EX_CALL:
    if (e->unevaluated && expr_is_async_call(x)) {
      writer_printf(&e->w, "(*(%s)0)", type_text(e, x->type, "(*)"));
      return;
    }
    break;
  default:
    break;
  }
  edit_list edits = {0};
  bool outer = e->unevaluated;
  e->unevaluated |= x->kind == EX_UNEVALUATED;
  for (size_t i = 0; i < x->kids.count; i++)
    collect_hole(e, &x->kids.items[i], &edits);
  if (x->kind == EX_STMT_EXPR)
    collect_stmt(e, x->body, &edits);
  print_range(e, x->range, &edits);
  e->unevaluated = outer;
}

void print_one(struct emitter *e, const struct expr *x) {
  bool comma = x->kind == EX_COMMA && !x->text;
  writer_puts(&e->w, comma ? "(" : "");
  print_expr(e, x);
  writer_puts(&e->w, comma ? ")" : "");
}

void print_assign(struct emitter *e, const char *to, const struct type *type,
                  const struct expr *value) {
  if (!type->has_const_member) {
    writer_printf(&e->w, "%s = ", to);
    print_one(e, value);
    return;
  }
  writer_printf(&e->w, "__builtin_memcpy(&%s, (%s){", to,
                type_text(e, type, "[1]"));
  print_one(e, value);
  writer_printf(&e->w, "}, %lld)", (long long)type->size);
}

void print_copy(struct emitter *e, const char *to, const char *from,
                const struct type *type, bool raw) {
  if (raw || type->is_bool || type->has_const_member)
    writer_printf(&e->w, "__builtin_memcpy(&%s, &%s, %lld);", to, from,
                  (long long)type->size);
  else
    writer_printf(&e->w, "%s = %s;", to, from);
}
