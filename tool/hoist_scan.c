/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Before the lowering: which cleanups are active where. */
#include "hoist_parts.h"

static struct cleanup *new_cleanup(struct hoist *h, enum cleanup_kind kind,
                                   struct cleanup *outer, const char *word) {
  struct cleanup *cleanup = ARENA_NEW(h->arena, struct cleanup);
  cleanup->kind = kind;
  cleanup->outer = outer;
  if (!h->has_cleanups)
    h->cleanup_word = word;
  h->has_cleanups = true;
  return cleanup;
}

static bool is_lowered_here(const struct stmt *s, const void *context) {
  (void)context;
  return s->kind == ST_DEFER || s->kind == ST_SCOPE ||
         stmt_holds(s, expr_suspends);
}

static bool suspends(const struct stmt *s) {
  return stmt_any(s, is_lowered_here, NULL);
}

static void scan_expr(struct hoist *h, struct expr *e, struct cleanup *active) {
  if (!e)
    return;
  if (e->kind == EX_STMT_EXPR && e->suspends)
    hoist_scan(h, e->body, active, active, false);
  for (size_t i = 0; i < e->kids.count; i++)
    scan_expr(h, e->kids.items[i].expr, active);
}

static struct cleanup *scan_declaration(struct hoist *h, struct stmt *s,
                                        struct cleanup *active,
                                        bool block_suspends) {
  for (size_t i = 0; i < s->declarators.count; i++) {
    struct declarator *declarator = &s->declarators.items[i];
    scan_expr(h, declarator->init, active);
    if (!declarator->local || !declarator->local->cleanup || !block_suspends)
      continue;
    if (s->declarators.count > 1) {
      diag_at(h->diags, h->unit->source, SEVERITY_ERROR, s->range.begin,
              "declare a variable with a cleanup on its own in a scope that "
              "holds an await");
      continue;
    }
    s->cleanup =
        new_cleanup(h, CLEANUP_VARIABLE, active, "a variable with a cleanup");
    s->cleanup->variable = declarator->local;
    active = s->cleanup;
  }
  return active;
}

struct cleanup *hoist_scan(struct hoist *h, struct stmt *s,
                           struct cleanup *active, struct cleanup *at_switch,
                           bool block_suspends) {
  if (!s)
    return active;
  /* A loop's own variables: their scope ends with it. */
  struct cleanup *around = active;
  active = hoist_scan(h, s->init, active, at_switch, suspends(s));
  scan_expr(h, s->expr, active);
  scan_expr(h, s->step, active);
  switch (s->kind) {
  case ST_BLOCK: {
    struct cleanup *inner = active;
    bool inner_suspends = suspends(s);
    for (size_t i = 0; i < s->kids.count; i++)
      inner = hoist_scan(h, s->kids.items[i], inner, at_switch, inner_suspends);
    return active;
  }
  case ST_DEFER:
    s->cleanup = new_cleanup(h, CLEANUP_DEFER, active, "'defer'");
    s->cleanup->body = s->kids.items[0];
    /* A switch outside has no labels in it. */
    hoist_scan(h, s->kids.items[0], active, s->cleanup, false);
    return s->cleanup;
  case ST_SCOPE:
    s->cleanup =
        new_cleanup(h, CLEANUP_SCOPE, active,
                    arena_printf(h->arena, "'%s'", scope_words[s->scope]));
    s->cleanup->scope = s->scope;
    hoist_scan(h, s->kids.items[0], s->cleanup, at_switch, true);
    return active;
  case ST_DECL:
    return scan_declaration(h, s, active, block_suspends);
  case ST_LABEL: {
    struct label label = {s->name, active};
    vector_push(h->arena, &h->labels, label);
    break;
  }
  case ST_CASE:
    if (active != at_switch)
      diag_at(h->diags, h->unit->source, SEVERITY_ERROR, s->range.begin,
              active && active->kind == CLEANUP_SCOPE
                  ? "this label lets the switch jump into a scope"
              : at_switch && at_switch->outer == active
                  ? "this label lets the switch jump into a 'defer' block"
                  : "this label lets the switch jump over a 'defer' or a "
                    "variable with a cleanup");
    break;
  case ST_SWITCH:
    at_switch = active;
    break;
  default:
    break;
  }
  if (s->kind == ST_LABEL || s->kind == ST_CASE) {
    for (size_t i = 0; i < s->kids.count; i++)
      active =
          hoist_scan(h, s->kids.items[i], active, at_switch, block_suspends);
    return active;
  }
  for (size_t i = 0; i < s->kids.count; i++)
    hoist_scan(h, s->kids.items[i], active, at_switch,
               suspends(s->kids.items[i]));
  return around;
}
