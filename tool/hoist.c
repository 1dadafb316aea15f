/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * In: a body as it was written. Out: the lowered one, its awaits in the order
 * of the text, and for each local the awaits inside its scope. */
#include "hoist_parts.h"

struct scope {
  struct scope *outer;
  VECTOR(struct local *) locals;
};

static void scope_exprs(struct arena *arena, struct scope *scope,
                        struct expr *e) {
  if (!e)
    return;
  if (e->local && (e->kind == EX_COMPOUND || e->local->like))
    vector_push(arena, &scope->locals, e->local);
  for (size_t i = 0; i < e->kids.count; i++)
    scope_exprs(arena, scope, e->kids.items[i].expr);
}

static void number(struct arena *arena, struct function *function,
                   struct stmt *s, struct scope *scope) {
  if (!s)
    return;
  struct scope own = {.outer = scope};
  bool opens = (s->kind == ST_BLOCK && !s->transparent) ||
               (s->kind == ST_FOR && s->init);
  uint32_t first = (uint32_t)function->awaits.count;
  if (opens)
    scope = &own;
  scope_exprs(arena, scope, s->expr);
  scope_exprs(arena, scope, s->step);
  number(arena, function, s->init, scope);
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *declarator = &s->declarators.items[i];
    if (declarator->local)
      vector_push(arena, &scope->locals, declarator->local);
    for (size_t j = 0; j < declarator->names.count; j++)
      vector_push(arena, &scope->locals, declarator->names.items[j]);
    scope_exprs(arena, scope, s->declarators.items[i].init);
  }
  if (s->local && s->local->address_taken)
    vector_push(arena, &scope->locals, s->local);
  if (s->await) {
    if (s->await->result && s->await->result->like)
      vector_push(arena, &scope->locals, s->await->result);
    scope_exprs(arena, scope, s->await->expr);
    scope_exprs(arena, scope, s->await->second);
    s->await->id = (uint32_t)function->awaits.count;
    vector_push(arena, &function->awaits, s->await);
    number(arena, function, s->await->raised, scope);
  }
  for (size_t i = 0; i < s->kids.count; i++)
    number(arena, function, s->kids.items[i], scope);
  for (size_t i = 0; i < own.locals.count; i++) {
    own.locals.items[i]->scope_first = first;
    own.locals.items[i]->scope_end = (uint32_t)function->awaits.count;
  }
}

void hoist(struct unit *unit, struct function *function, struct diags *diags) {
  struct hoist h = {
      .arena = unit->arena, .unit = unit, .function = function, .diags = diags};
  hoist_scan(&h, function->body, NULL, NULL, false);
  if (h.has_cleanups && function->has_label_values)
    diag_at(diags, unit->source, SEVERITY_ERROR, function->range.begin,
            "%s and computed goto (or asm goto) cannot be used in the same "
            "async function",
            h.cleanup_word);
  stmt_list list = {0};
  h.out = &list;
  lower_block(&h, function->body);
  function->body = list.items[0];
  for (size_t i = 0; i < function->params.count; i++)
    function->params.items[i]->scope_end = 0;
  struct scope top = {0};
  number(unit->arena, function, function->body, &top);
  for (size_t i = 0; i < function->params.count; i++)
    function->params.items[i]->scope_end = (uint32_t)function->awaits.count;
}
