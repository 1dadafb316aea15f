/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Statements other than jumps, each by a function of its own. What holds
 * nothing to be lowered is left alone, and printed as it was written. */
#include "hoist_parts.h"

static bool is_touched_here(const struct stmt *s, const void *context) {
  const struct hoist *h = context;
  switch (s->kind) {
  case ST_RETURN:
  case ST_DEFER:
  case ST_SCOPE:
  case ST_SET:
    return true;
  case ST_BREAK:
  case ST_CONTINUE:
  case ST_GOTO:
    return h->has_cleanups || continues_by_label(h->loop);
  default:
    return s->cleanup || stmt_holds(s, expr_suspends);
  }
}

bool is_touched(const struct hoist *h, const struct stmt *s) {
  return stmt_any(s, is_touched_here, h);
}

static struct stmt *lower_part(struct hoist *h, struct stmt *s) {
  if (!is_touched(h, s))
    return s;
  struct section section;
  open_section(h, &section);
  lower_stmt(h, s);
  struct stmt *block = close_section(h, &section, s->range);
  if (block->kids.count == 1 && block->kids.items[0]->kind == ST_BLOCK)
    return block->kids.items[0];
  return block;
}

void lower_block(struct hoist *h, struct stmt *s) {
  struct cleanup *outer = h->cleanups;
  struct section section;
  open_section(h, &section);
  for (size_t i = 0; i < s->kids.count; i++)
    lower_stmt(h, s->kids.items[i]);
  struct range end = {s->range.end ? s->range.end - 1 : 0, s->range.end};
  while (h->cleanups != outer)
    close_cleanup(h, h->cleanups, end);
  struct stmt *block = close_section(h, &section, s->range);
  block->transparent = s->transparent;
  put(h, block);
}

static bool is_long_if(const struct hoist *h, const struct stmt *s) {
  size_t length = 0;
  while (s->kind == ST_IF && s->kids.count > 1 && length <= LONGEST_NESTED &&
         is_touched(h, s->kids.items[1])) {
    s = s->kids.items[1];
    length++;
  }
  return length > LONGEST_NESTED;
}

/* if (a) b else if (c) d else ... */
static void lower_long_if(struct hoist *h, struct stmt *s) {
  const char *label = make_label(h, "endif");
  struct range range = s->range;
  while (s->kind == ST_IF && s->kids.count > 1) {
    struct stmt *copy = make_childless(h, s);
    copy->expr = hoist_full(h, s->expr);
    struct section section;
    open_section(h, &section);
    put(h, lower_part(h, s->kids.items[0]));
    put_jump(h, label, s->kids.items[0]->range);
    vector_push(h->arena, &copy->kids,
                close_section(h, &section, s->kids.items[0]->range));
    put(h, copy);
    s = s->kids.items[1];
  }
  put(h, lower_part(h, s));
  put_mark(h, label, range);
}

static void lower_if(struct hoist *h, struct stmt *s) {
  if (is_long_if(h, s)) {
    lower_long_if(h, s);
    return;
  }
  struct stmt *copy = make_childless(h, s);
  copy->expr = hoist_full(h, s->expr);
  for (size_t i = 0; i < s->kids.count; i++)
    vector_push(h->arena, &copy->kids, lower_part(h, s->kids.items[i]));
  put(h, copy);
}

static void lower_return(struct hoist *h, struct stmt *s) {
  struct expr *value = hoist_full(h, s->expr);
  if (!h->cleanups) {
    struct stmt *finish = make_stmt(h, ST_FINISH, s->range);
    finish->expr = value;
    put(h, finish);
    return;
  }
  if (value && value->type && value->type->is_void) {
    put_effect(h, value);
  } else if (value) {
    if (!h->result)
      h->result = make_local(h, "result", h->function->result);
    put_set(h, h->result, value, s->range);
  }
  struct target target = {.kind = TARGET_RETURN};
  route(h, h->cleanups, &target, NULL, s->range);
}

static struct stmt *one_declarator(struct hoist *h, const struct stmt *s,
                                   const struct declarator *declarator) {
  struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
  *copy = *s;
  copy->lowered = copy->split = true;
  copy->declarators.items = NULL;
  copy->declarators.count = copy->declarators.capacity = 0;
  vector_push(h->arena, &copy->declarators, *declarator);
  return copy;
}

/* May be declared first and assigned later. */
static bool is_assignable(const struct declarator *declarator) {
  const struct type *type = declarator->type;
  return declarator->local && (type->is_scalar || type->is_record) &&
         !type->has_const_member &&
         (declarator->init->kind != EX_INIT_LIST || type->file_scope);
}

static void lower_declarator(struct hoist *h, const struct stmt *s,
                             struct declarator declarator) {
  if (!declarator.init || !declarator.init->suspends) {
    put(h, one_declarator(h, s, &declarator));
    return;
  }
  hoist_begin(h, declarator.init);
  if (!is_assignable(&declarator)) {
    declarator.init = declarator.init->kind == EX_INIT_LIST
                          ? hoist_operands(h, declarator.init)
                          : hoist_expr(h, declarator.init);
    put(h, one_declarator(h, s, &declarator));
    return;
  }
  struct expr *init = declarator.init;
  declarator.init = NULL;
  put(h, one_declarator(h, s, &declarator));
  struct expr *value = hoist_bare(init);
  if (value->kind == EX_AWAIT) {
    lower_await(h, value, declarator.local, true);
  } else if (init->kind == EX_INIT_LIST) {
    struct expr *literal = make_wrapped(h, "(\2)\1", hoist_operands(h, init));
    literal->type = declarator.local->type;
    put_set(h, declarator.local, literal, init->range);
  } else {
    value = hoist_expr(h, init);
    put_set(h, declarator.local, value, init->range);
  }
}

static void lower_declaration(struct hoist *h, struct stmt *s) {
  bool touched = false;
  for (size_t i = 0; i < s->declarators.count; i++)
    touched |=
        s->declarators.items[i].init && s->declarators.items[i].init->suspends;
  size_t unnamed = 0;
  for (size_t i = 0; i < s->declarators.count; i++)
    unnamed += s->declarators.items[i].local &&
               s->declarators.items[i].local->type->nameless;
  if (touched && unnamed > 1)
    diag_at(h->diags, h->unit->source, SEVERITY_ERROR, s->range.begin,
            "several variables of an unnamed type, and an await in an "
            "initializer: give the type a tag");
  if (!touched) {
    put(h, s);
  } else {
    for (size_t i = 0; i < s->declarators.count; i++)
      lower_declarator(h, s, s->declarators.items[i]);
  }
  if (s->cleanup)
    begin_cleanup(h, s);
}

void lower_stmt(struct hoist *h, struct stmt *s) {
  if (!is_touched(h, s)) {
    put(h, s);
    return;
  }
  switch (s->kind) {
  case ST_BLOCK:
    lower_block(h, s);
    break;
  case ST_EXPR:
    hoist_begin(h, s->expr);
    lower_effect(h, s->expr);
    break;
  case ST_SET: {
    struct expr *value = hoist_full(h, s->expr);
    put_set(h, s->local, value, s->range);
    break;
  }
  case ST_DECL:
    lower_declaration(h, s);
    break;
  case ST_IF:
    lower_if(h, s);
    break;
  case ST_WHILE:
  case ST_DO:
  case ST_FOR:
    lower_loop(h, s);
    break;
  case ST_SWITCH:
    lower_switch(h, s);
    break;
  case ST_CASE:
  case ST_LABEL:
    lower_labelled(h, s);
    break;
  case ST_BREAK:
    lower_break(h, s);
    break;
  case ST_CONTINUE:
    lower_continue(h, s);
    break;
  case ST_GOTO:
    lower_goto(h, s);
    break;
  case ST_RETURN:
    lower_return(h, s);
    break;
  case ST_DEFER:
    begin_cleanup(h, s);
    break;
  case ST_SCOPE:
    lower_scope(h, s);
    break;
  default: {
    struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
    *copy = *s;
    copy->expr = hoist_full(h, s->expr);
    put(h, copy);
    break;
  }
  }
}
