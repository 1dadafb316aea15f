/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Expressions. What C leaves to the stack across a call must be in named
 * storage across a suspension: operands to the left of an await are captured
 * in temporaries, in order. An lvalue is not captured but stabilised: its
 * pointers and subscripts are, so that it is evaluated once and read, by
 * `op=`, after the await. */
#include "hoist_parts.h"

static void find_changed(struct hoist *h, const struct expr *e) {
  if (!e)
    return;
  if ((e->kind == EX_ASSIGN || e->kind == EX_OPASSIGN ||
       e->kind == EX_INCDEC) &&
      e->kids.count) {
    const struct expr *place = e->kids.items[0].expr;
    while ((place->kind == EX_PAREN || place->kind == EX_DOT ||
            place->kind == EX_INDEX || place->kind == EX_PURE) &&
           place->kids.count)
      place = place->kids.items[0].expr;
    if (place->kind == EX_VAR)
      vector_push(h->arena, &h->changed, place->local);
  }
  for (size_t i = 0; i < e->hidden.count; i++)
    vector_push(h->arena, &h->changed, e->hidden.items[i]);
  for (size_t i = 0; i < e->kids.count; i++)
    find_changed(h, e->kids.items[i].expr);
  if (e->kind == EX_STMT_EXPR)
    for (size_t i = 0; i < h->function->locals.count; i++)
      vector_push(h->arena, &h->changed, h->function->locals.items[i]);
}

static bool is_changed(const struct hoist *h, const struct local *local) {
  for (size_t i = 0; i < h->changed.count; i++)
    if (h->changed.items[i] == local && !local->is_temp)
      return true;
  return false;
}

static bool is_fixed_place(const struct expr *e) {
  while ((e->kind == EX_PAREN || e->kind == EX_DOT) && e->kids.count)
    e = e->kids.items[0].expr;
  return e->kind == EX_VAR || e->kind == EX_CONST ||
         (e->kind == EX_TEXT && !e->kids.count && !e->hidden.count);
}

/* Would evaluating it later, after other operands, give the same? */
static bool is_stable(const struct hoist *h, const struct expr *e) {
  switch (e->kind) {
  case EX_CONST:
  case EX_ASYNC:
  case EX_UNEVALUATED:
    return true;
  case EX_VAR:
    return e->local->type->is_array ||
           (!e->local->address_taken && !e->local->is_volatile &&
            !is_changed(h, e->local));
  case EX_ADDR:
    return e->kids.count && is_fixed_place(e->kids.items[0].expr);
  case EX_DOT:
  case EX_PURE:
  case EX_PAREN:
    for (size_t i = 0; i < e->kids.count; i++)
      if (!is_stable(h, e->kids.items[i].expr))
        return false;
    return e->kids.count > 0;
  default:
    return false;
  }
}

/* How many temporaries it reads: one of its own does for several. */
static size_t temporaries(const struct expr *e) {
  size_t count = e->kind == EX_VAR && e->local->is_temp;
  for (size_t i = 0; i < e->kids.count && count < 2; i++)
    count += temporaries(e->kids.items[i].expr);
  return count;
}

static struct expr *capture(struct hoist *h, struct expr *e) {
  if ((is_stable(h, e) && temporaries(e) < 2) || !e->type ||
      e->type->is_array || e->type->is_function)
    return e;
  if (e->type->is_void) {
    put_effect(h, e);
    return make_no_value(h, e->range);
  }
  struct local *local = make_temp(h, e);
  put_set(h, local, e, e->range);
  struct expr *value = make_use(h, local, e->range);
  value->type = e->type;
  return value;
}

static bool is_operand(const struct expr *kid) {
  return kid->kind != EX_UNEVALUATED;
}

static struct expr *capture_all(struct hoist *h, struct expr *e);

/* Captures an operand that is no single value: an initializer list, or a call
 * that an operator takes, by its parts. */
static struct expr *capture_operand(struct hoist *h, struct expr *e) {
  if (e->kind == EX_INIT_LIST || expr_is_async_call(e))
    return capture_all(h, e);
  return capture(h, e);
}

static struct expr *capture_all(struct hoist *h, struct expr *e) {
  struct expr *copy = make_copy(h, e);
  for (size_t i = 0; i < copy->kids.count; i++)
    if (is_operand(copy->kids.items[i].expr))
      copy->kids.items[i].expr = capture_operand(h, copy->kids.items[i].expr);
  return copy;
}

struct expr *hoist_operands(struct hoist *h, struct expr *e) {
  struct expr *copy = make_copy(h, e);
  size_t last = 0;
  for (size_t i = 0; i < e->kids.count; i++)
    if (e->kids.items[i].expr->suspends)
      last = i;
  for (size_t i = 0; i <= last && i < e->kids.count; i++) {
    struct expr *kid = e->kids.items[i].expr;
    if (!is_operand(kid))
      continue;
    if (kid->kind == EX_INIT_LIST || expr_is_async_call(kid))
      kid = kid->suspends ? hoist_operands(h, kid) : kid;
    else
      kid = hoist_expr(h, kid);
    copy->kids.items[i].expr = i < last ? capture_operand(h, kid) : kid;
  }
  return copy;
}

/* lhs = rhs, lhs op= rhs, lhs++ */
static struct expr *hoist_assignment(struct hoist *h, struct expr *e) {
  struct expr *copy = make_copy(h, e);
  bool right = e->kids.count > 1 && e->kids.items[1].expr->suspends;
  copy->kids.items[0].expr = hoist_place(h, e->kids.items[0].expr, right);
  if (right)
    copy->kids.items[1].expr = hoist_expr(h, e->kids.items[1].expr);
  return copy;
}

/* What is no place at all, but a record that an expression yields. */
static bool is_record_value(const struct expr *e) {
  switch (e->kind) {
  case EX_VAR:
  case EX_CONST:
  case EX_TEXT: /* a variable of the file's, or an opaque macro */
  case EX_COMPOUND:
  case EX_GENERIC:
    return false;
  default:
    return e->type && e->type->is_record && !e->local;
  }
}

struct expr *hoist_place(struct hoist *h, struct expr *e, bool keep) {
  if (!e->suspends && !keep)
    return e;
  struct expr *copy;
  switch (e->kind) {
  case EX_PAREN:
  case EX_DOT:
  case EX_PURE:
    copy = make_copy(h, e);
    for (size_t i = 0; i < copy->kids.count; i++)
      if (is_operand(copy->kids.items[i].expr))
        copy->kids.items[i].expr =
            hoist_place(h, copy->kids.items[i].expr, keep);
    return copy;
  case EX_ARROW:
  case EX_DEREF:
    copy = make_copy(h, e);
    copy->kids.items[0].expr = hoist_expr(h, e->kids.items[0].expr);
    if (keep)
      copy->kids.items[0].expr = capture(h, copy->kids.items[0].expr);
    return copy;
  case EX_INDEX: {
    copy = make_copy(h, e);
    struct expr *base = e->kids.items[0].expr, *index = e->kids.items[1].expr;
    bool later = index->suspends || keep;
    bool is_place =
        base->type && (base->type->is_array || base->type->is_vector);
    base = is_place ? hoist_place(h, base, later) : hoist_expr(h, base);
    copy->kids.items[0].expr = is_place || !later ? base : capture(h, base);
    index = hoist_expr(h, index);
    copy->kids.items[1].expr = keep ? capture(h, index) : index;
    return copy;
  }
  default:
    e = e->suspends ? hoist_expr(h, e) : e;
    return keep && is_record_value(e) ? capture(h, e) : e;
  }
}

/* Statements inside an expression, whose own full expressions begin and end
 * while the one around them is at work. */
static void lower_inner(struct hoist *h, struct stmt *s) {
  local_list changed = h->changed;
  h->changed = (local_list){0};
  lower_stmt(h, s);
  h->changed = changed;
}

static struct expr *hoist_stmt_expr(struct hoist *h, struct expr *e) {
  struct local *value = NULL;
  if (!e->type || e->type->is_void) {
    lower_inner(h, e->body);
    return make_no_value(h, e->range);
  }
  value = make_temp(h, e);
  struct stmt *body = ARENA_NEW(h->arena, struct stmt);
  *body = *e->body;
  body->kids.items = NULL;
  body->kids.count = body->kids.capacity = 0;
  for (size_t i = 0; i < e->body->kids.count; i++) {
    struct stmt *kid = e->body->kids.items[i];
    if (i + 1 == e->body->kids.count && kid->kind == ST_EXPR) {
      struct stmt *set = make_stmt(h, ST_SET, kid->range);
      set->local = value;
      set->expr = kid->expr;
      kid = set;
    }
    vector_push(h->arena, &body->kids, kid);
  }
  lower_inner(h, body);
  struct expr *result = make_use(h, value, e->range);
  result->type = e->type;
  return result;
}

static struct expr *hoist_try(struct hoist *h, struct expr *e) {
  struct local *code = make_local(h, "error", made_type(TYPE_INT));
  put_number(h, code, 0, e->range);
  struct target here = {.kind = TARGET_RAISE,
                        .label = make_label(h, "caught"),
                        .caught = code,
                        .cleanups = h->cleanups};
  struct target *outer = h->handler;
  h->handler = &here;
  for (size_t i = 0; i < e->kids.count; i++)
    lower_effect(h, e->kids.items[i].expr);
  h->handler = outer;
  put_mark(h, here.label, e->range);
  return make_use(h, code, e->range);
}

static struct expr *hoist_raise(struct hoist *h, struct expr *e) {
  struct expr *code = e->kids.items[e->kids.count - 1].expr;
  code = hoist_expr(h, code);
  struct stmt *s = make_stmt(h, ST_RAISED, e->range);
  if (!h->handler && !h->cleanups) {
    s->expr = code;
    put(h, s);
  } else {
    put_effect(h, make_wrapped(h, "ac_raise_error(\1)", code));
    route_error(h, NULL, e->range);
  }
  return make_no_value(h, e->range);
}

/* A record that is pointed into: it goes to its place in the frame. */
static struct expr *hoist_kept(struct hoist *h, struct expr *e) {
  struct local *place = e->local;
  if (e->kind == EX_AWAIT) {
    lower_await(h, e, place, true);
  } else {
    struct expr *copy = make_copy(h, e);
    copy->local = NULL;
    copy->suspends = true;
    put_set(h, place, hoist_expr(h, copy), e->range);
  }
  struct expr *result = make_use(h, place, e->range);
  result->type = e->type;
  return result;
}

struct expr *hoist_expr(struct hoist *h, struct expr *e) {
  if (!e->suspends)
    return e;
  if (e->local && e->kind != EX_COMPOUND)
    return hoist_kept(h, e);
  switch (e->kind) {
  case EX_AWAIT: {
    struct local *value = lower_await(h, e, NULL, true);
    if (!value)
      return make_no_value(h, e->range);
    struct expr *result = make_use(h, value, e->range);
    result->type = e->type;
    return result;
  }
  case EX_RAISE:
    return hoist_raise(h, e);
  case EX_OP:
    return e->op == OP_TRY ? hoist_try(h, e) : hoist_operands(h, e);
  case EX_ASSIGN:
  case EX_OPASSIGN:
  case EX_INCDEC:
    return hoist_assignment(h, e);
  case EX_LAND:
  case EX_LOR:
    return hoist_logic(h, e);
  case EX_COND:
    return hoist_choice(h, e);
  case EX_ELVIS:
    return hoist_elvis(h, e);
  case EX_COMMA: {
    if (!e->kids.items[1].expr->suspends) {
      struct expr *copy = make_copy(h, e);
      copy->kids.items[0].expr = hoist_expr(h, e->kids.items[0].expr);
      return copy;
    }
    lower_effect(h, e->kids.items[0].expr);
    return hoist_expr(h, e->kids.items[1].expr);
  }
  case EX_ADDR: {
    struct expr *copy = make_copy(h, e);
    copy->kids.items[0].expr = hoist_place(h, e->kids.items[0].expr, false);
    return copy;
  }
  case EX_INDEX:
  case EX_DOT:
    return hoist_place(h, e, false);
  case EX_STMT_EXPR:
    return hoist_stmt_expr(h, e);
  default:
    return hoist_operands(h, e);
  }
}

void lower_effect(struct hoist *h, struct expr *e) {
  if (!e->suspends) {
    if (e->kind != EX_CONST)
      put_effect(h, e);
    return;
  }
  switch (e->kind) {
  case EX_PAREN:
    lower_effect(h, e->kids.items[0].expr);
    return;
  case EX_AWAIT:
    lower_await(h, e, NULL, false);
    return;
  case EX_ASSIGN: {
    struct expr *place = hoist_bare(e->kids.items[0].expr);
    struct expr *value = hoist_bare(e->kids.items[1].expr);
    if (place->kind == EX_VAR && value->kind == EX_AWAIT &&
        !value->type->is_void) {
      lower_await(h, value, place->local, true);
      return;
    }
    break;
  }
  case EX_PURE:
    if (e->type && e->type->is_void) {
      for (size_t i = 0; i < e->kids.count; i++)
        if (is_operand(e->kids.items[i].expr))
          lower_effect(h, e->kids.items[i].expr);
      return;
    }
    break;
  case EX_COMMA:
    lower_effect(h, e->kids.items[0].expr);
    lower_effect(h, e->kids.items[1].expr);
    return;
  case EX_LAND:
  case EX_LOR:
  case EX_COND:
    lower_choice(h, e);
    return;
  case EX_STMT_EXPR:
    lower_inner(h, e->body);
    return;
  default:
    break;
  }
  struct expr *rest = hoist_expr(h, e);
  if (rest->kind != EX_CONST && !(rest->kind == EX_VAR && rest->local->is_temp))
    put_effect(h, rest);
}

void hoist_begin(struct hoist *h, const struct expr *e) {
  h->changed.count = 0;
  find_changed(h, e);
}

struct expr *hoist_full(struct hoist *h, struct expr *e) {
  if (!e || !e->suspends)
    return e;
  hoist_begin(h, e);
  return hoist_expr(h, e);
}
