/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Awaits: one statement each, whose value goes to a variable. Those that begin
 * children, gather and select, begin them before it and take their values
 * after it. */
#include "hoist_parts.h"

/* A child of ac_gather(x = f(), g()): begun now; its value is stored after. */
struct gathered {
  struct expr *place; /* or NULL */
  struct local *handle;
  const struct type *type; /* NULL: of a handle */
};
typedef VECTOR(struct gathered) gathered_list;

/* op: OP_GATHER or OP_CREATE_TASK, it is begun now; OP_SELECT, an object to
 * be begun. */
static struct expr *child_of(struct hoist *h, enum operator op,
                             struct expr *call) {
  struct expr *e = ARENA_NEW(h->arena, struct expr);
  e->kind = EX_OP;
  e->op = op;
  e->range = call->range;
  e->type = made_type(TYPE_HANDLE);
  struct hole hole = {call->range, call};
  vector_push(h->arena, &e->kids, hole);
  return e;
}

struct await *make_await(struct hoist *h, enum await_form form,
                         struct expr *expr, const struct type *type) {
  struct await *await = ARENA_NEW(h->arena, struct await);
  await->form = form;
  await->expr = expr;
  await->type = type;
  return await;
}

void put_await(struct hoist *h, struct await *await, struct range range) {
  struct stmt *s = make_stmt(h, ST_AWAIT, range);
  s->await = await;
  await->offset = range.begin;
  struct section section;
  open_section(h, &section);
  route_error(h, NULL, range);
  await->raised = close_section(h, &section, range);
  put(h, s);
}

/* The operands of gather or select: handles for `await`, in temporaries. */
static void begin_children(struct hoist *h, struct expr *op,
                           struct await *await, gathered_list *children) {
  enum operator kind = op->op == OP_GATHER ? OP_GATHER : OP_SELECT;
  for (size_t i = 0; i < op->kids.count; i++) {
    struct expr *kid = hoist_bare(op->kids.items[i].expr);
    struct gathered child = {0};
    if (kid->kind == EX_ASSIGN) {
      child.place = hoist_place(h, kid->kids.items[0].expr, true);
      kid = hoist_bare(kid->kids.items[1].expr);
    }
    child.handle = make_local(h, "task", made_type(TYPE_HANDLE));
    if (expr_is_async_call(kid)) {
      struct expr *call = kid->suspends ? hoist_operands(h, kid) : kid;
      child.type = type_function(kid->kids.items[0].expr->type)->yield;
      put_set(h, child.handle, child_of(h, kind, call), kid->range);
    } else {
      put_set(h, child.handle, hoist_expr(h, kid), kid->range);
    }
    vector_push(h->arena, children, child);
    vector_push(h->arena, &await->handles, child.handle);
  }
}

static void store_value(struct hoist *h, struct gathered *child,
                        struct range range) {
  struct expr *store =
      make_text(h, "\1 = *(\3)ac_future_value(\1)", range, child->type);
  struct hole holes[] = {{child->place->range, child->place},
                         {range, make_use(h, child->handle, range)}};
  vector_push(h->arena, &store->kids, holes[0]);
  vector_push(h->arena, &store->kids, holes[1]);
  store->kind = EX_ASSIGN;
  put_effect(h, store);
}

static void gather_children(struct hoist *h, struct expr *op) {
  gathered_list children = {0};
  struct await *await =
      make_await(h, AWAIT_GATHER_OWNED, NULL, made_type(TYPE_VOID));
  begin_children(h, op, await, &children);
  put_await(h, await, op->range);
  for (size_t i = 0; i < children.count; i++) {
    struct gathered *child = &children.items[i];
    if (child->place)
      store_value(h, child, op->range);
    put_effect(h, make_wrapped(h, "ac_release(\1)",
                               make_use(h, child->handle, op->range)));
  }
}

/* Gives which was first. A loser may have a value too: it could not be taken
 * back any more. */
static struct local *select_children(struct hoist *h, struct expr *op,
                                     struct local *into) {
  gathered_list children = {0};
  struct await *await = make_await(h, AWAIT_SELECT, NULL, made_type(TYPE_INT));
  await->owned = op->op == OP_SELECT_IN_ORDER;
  begin_children(h, op, await, &children);
  await->result = into ? into : make_local(h, "first", made_type(TYPE_INT));
  put_await(h, await, op->range);
  for (size_t i = 0; i < children.count; i++) {
    struct gathered *child = &children.items[i];
    if (!child->type)
      continue;
    if (child->place) {
      struct section section;
      open_section(h, &section);
      store_value(h, child, op->range);
      struct stmt *then_part = close_section(h, &section, op->range);
      put(h, make_if(h,
                     make_wrapped(h, "!ac_error(\1)",
                                  make_use(h, child->handle, op->range)),
                     then_part, NULL, op->range));
    }
    put_effect(h, make_wrapped(h, "ac_release(\1)",
                               make_use(h, child->handle, op->range)));
  }
  return await->result;
}

static struct await *await_operator(struct hoist *h, struct expr *op,
                                    const struct type *type) {
  struct expr *copy = op->suspends ? hoist_operands(h, op) : op;
  struct expr *first = hoist_bare(copy->kids.items[0].expr);
  bool is_call = expr_is_async_call(first);
  switch (op->op) {
  case OP_GATHER: {
    struct await *await = make_await(h, AWAIT_GATHER, first, type);
    await->second = copy->kids.items[1].expr;
    return await;
  }
  case OP_WAIT_FOR:
  case OP_SHIELD: {
    struct await *await = make_await(
        h, op->op == OP_SHIELD ? AWAIT_SHIELD : AWAIT_WAIT_FOR, first, type);
    bool is_coro = first->type && first->type->handle == HANDLE_CORO;
    await->owned = is_call || is_coro;
    if (copy->kids.count > 1)
      await->second = copy->kids.items[1].expr;
    if (await->owned) {
      await->expr = child_of(h, OP_CREATE_TASK, first);
    }
    return await;
  }
  case OP_CREATE_TASK:
    return make_await(h, AWAIT_OWNED, copy, type);
  default:
    return make_await(h, AWAIT_HANDLE, copy, type);
  }
}

static bool gathers_children(const struct expr *op) {
  if (op->kind != EX_OP || op->op != OP_GATHER)
    return false;
  const struct expr *first = op->kids.count ? op->kids.items[0].expr : NULL;
  while (first && first->kind == EX_PAREN)
    first = first->kids.items[0].expr;
  return first && (first->kind == EX_ASSIGN || expr_is_async_call(first));
}

struct local *lower_await(struct hoist *h, struct expr *e, struct local *into,
                          bool wanted) {
  struct expr *operand = hoist_bare(e->kids.items[0].expr);
  if (gathers_children(operand)) {
    gather_children(h, operand);
    return NULL;
  }
  if (operand->kind == EX_OP &&
      (operand->op == OP_SELECT || operand->op == OP_SELECT_IN_ORDER))
    return select_children(h, operand, into);
  struct await *await;
  if (expr_is_async_call(operand))
    await = make_await(h, AWAIT_CALL,
                       operand->suspends ? hoist_operands(h, operand) : operand,
                       e->type);
  else if (operand->kind == EX_OP)
    await = await_operator(h, operand, e->type);
  else
    await = make_await(h, AWAIT_HANDLE, hoist_expr(h, operand), e->type);
  if (!e->type->is_void) {
    if (into)
      await->result = into;
    else if (wanted)
      await->result = make_temp(h, e);
  }
  put_await(h, await, e->range);
  return await->result;
}
