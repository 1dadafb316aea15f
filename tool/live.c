/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The control-flow graph has a node for each statement or condition, built
 * backwards: a statement's node is made once that of what follows is known.
 * Liveness is the usual backward dataflow over it (Aho, Lam, Sethi, Ullman,
 * 9.2.5), iterated until nothing changes. */
#include "live.h"

#include <string.h>

struct node {
  uint64_t *use, *def, *in;
  VECTOR(struct node *) next;
  const struct await *await; /* the suspension itself */
};

struct place {
  const char *name;
  struct node *node;
  bool user; /* a label of the user's: a computed goto may go there */
};

struct graph {
  struct arena *arena;
  const struct function *function;
  size_t words;
  VECTOR(struct node *) nodes;
  VECTOR(struct place) places;
  VECTOR(struct node *) computed;
  struct node *break_to, *continue_to;
  struct node *switch_node;
  bool has_default;
};

static struct node *build(struct graph *g, const struct stmt *s,
                          struct node *next);

static struct node *new_node(struct graph *g, struct node *next) {
  struct node *node = ARENA_NEW(g->arena, struct node);
  node->use = arena_alloc(g->arena, g->words * sizeof(uint64_t));
  node->def = arena_alloc(g->arena, g->words * sizeof(uint64_t));
  node->in = arena_alloc(g->arena, g->words * sizeof(uint64_t));
  if (next)
    vector_push(g->arena, &node->next, next);
  vector_push(g->arena, &g->nodes, node);
  return node;
}

static void add(uint64_t *set, const struct local *local) {
  set[local->id / 64] |= (uint64_t)1 << (local->id % 64);
}

static bool has(const uint64_t *set, const struct local *local) {
  return set[local->id / 64] >> (local->id % 64) & 1;
}

static bool is_tracked(const struct local *local) {
  return !local->address_taken && !local->is_static;
}

/* ---- what an expression reads and writes --------------------------------- */

static void reads_stmt(struct node *node, const struct stmt *s);

static void read_local(struct node *node, const struct local *local) {
  if (is_tracked(local) && !has(node->def, local))
    add(node->use, local);
}

static void reads(struct node *node, const struct expr *e, bool sure);

/* The target of a plain assignment: only its subscripts and pointers are
 * read. */
static void reads_target(struct node *node, const struct expr *e, bool sure) {
  switch (e->kind) {
  case EX_VAR:
    return;
  case EX_PAREN:
  case EX_DOT:
    if (e->kids.count)
      reads_target(node, e->kids.items[0].expr, sure);
    return;
  case EX_INDEX:
    if (e->kids.items[0].expr->type && (e->kids.items[0].expr->type->is_array ||
                                        e->kids.items[0].expr->type->is_vector))
      reads_target(node, e->kids.items[0].expr, sure);
    else
      reads(node, e->kids.items[0].expr, sure);
    reads(node, e->kids.items[1].expr, sure);
    return;
  default:
    reads(node, e, sure);
  }
}

/* sure: it is certainly evaluated, so that a write in it counts. */
static void reads(struct node *node, const struct expr *e, bool sure) {
  if (!e)
    return;
  for (size_t i = 0; i < e->hidden.count; i++)
    read_local(node, e->hidden.items[i]);
  switch (e->kind) {
  case EX_UNEVALUATED:
    return;
  case EX_VAR:
    read_local(node, e->local);
    return;
  case EX_ASSIGN: {
    const struct expr *target = expr_bare(e->kids.items[0].expr);
    if (e->kids.count > 1)
      reads(node, e->kids.items[1].expr, sure);
    reads_target(node, target, sure);
    if (target->kind == EX_VAR && is_tracked(target->local) && sure)
      add(node->def, target->local);
    return;
  }
  case EX_LAND:
  case EX_LOR:
  case EX_COND:
  case EX_ELVIS:
    for (size_t i = 0; i < e->kids.count; i++)
      reads(node, e->kids.items[i].expr, sure && i == 0);
    return;
  case EX_STMT_EXPR:
    reads_stmt(node, e->body);
    return;
  case EX_TEXT: /* __builtin_choose_expr, asm operands, ... */
  case EX_GENERIC:
  case EX_INIT_LIST: /* an initializer may be overridden by a later one */
    sure = false;
    break;
  default:
    break;
  }
  for (size_t i = 0; i < e->kids.count; i++)
    reads(node, e->kids.items[i].expr, sure);
}

static void reads_stmt(struct node *node, const struct stmt *s) {
  if (!s)
    return;
  reads(node, s->expr, false);
  reads(node, s->step, false);
  reads_stmt(node, s->init);
  for (size_t i = 0; i < s->declarators.count; i++)
    reads(node, s->declarators.items[i].init, false);
  for (size_t i = 0; i < s->kids.count; i++)
    reads_stmt(node, s->kids.items[i]);
}

/* ---- the graph ----------------------------------------------------------- */

static struct node *expr_node(struct graph *g, const struct expr *e,
                              struct node *next) {
  if (!e)
    return next;
  struct node *node = new_node(g, next);
  reads(node, e, true);
  return node;
}

static struct node *set_node(struct graph *g, const struct local *local,
                             const struct expr *value, struct node *next) {
  struct node *node = new_node(g, next);
  reads(node, value, true);
  if (is_tracked(local))
    add(node->def, local);
  return node;
}

static struct node *place(struct graph *g, const char *name, bool user) {
  for (size_t i = 0; i < g->places.count; i++)
    if (!strcmp(g->places.items[i].name, name)) {
      g->places.items[i].user |= user;
      return g->places.items[i].node;
    }
  struct place new = {name, new_node(g, NULL), user};
  vector_push(g->arena, &g->places, new);
  return new.node;
}

static struct node *build_kids(struct graph *g, const struct stmt *s,
                               struct node *next) {
  for (size_t i = s->kids.count; i-- > 0;)
    next = build(g, s->kids.items[i], next);
  return next;
}

static struct node *build_declaration(struct graph *g, const struct stmt *s,
                                      struct node *next) {
  for (size_t i = s->declarators.count; i-- > 0;) {
    const struct declarator *declarator = &s->declarators.items[i];
    if (declarator->local)
      next = set_node(g, declarator->local, declarator->init, next);
  }
  return next;
}

static struct node *build_await(struct graph *g, const struct await *await,
                                struct node *next) {
  struct node *after = new_node(g, next);
  if (await->result && is_tracked(await->result))
    add(after->def, await->result);
  struct node *suspended = new_node(g, after);
  suspended->await = await;
  vector_push(g->arena, &suspended->next, build(g, await->raised, NULL));
  struct node *before = new_node(g, suspended);
  reads(before, await->expr, true);
  reads(before, await->second, true);
  for (size_t i = 0; i < await->handles.count; i++)
    read_local(before, await->handles.items[i]);
  return before;
}

static struct node *build_if(struct graph *g, const struct stmt *s,
                             struct node *next) {
  struct node *node = new_node(g, NULL);
  reads(node, s->expr, true);
  struct node *yes = s->kids.count ? build(g, s->kids.items[0], next) : next;
  struct node *no = s->kids.count > 1 ? build(g, s->kids.items[1], next) : next;
  if (yes)
    vector_push(g->arena, &node->next, yes);
  if (no)
    vector_push(g->arena, &node->next, no);
  return node;
}

/* for (init; test; step) body; a while loop is one without the others. */
static struct node *build_loop(struct graph *g, const struct stmt *s,
                               struct node *next) {
  struct node *break_to = g->break_to, *continue_to = g->continue_to;
  struct node *test = new_node(g, NULL);
  reads(test, s->expr, true);
  struct node *step = expr_node(g, s->step, test);
  g->break_to = next;
  g->continue_to = step;
  struct node *body = build_kids(g, s, step);
  g->break_to = break_to;
  g->continue_to = continue_to;
  vector_push(g->arena, &test->next, body);
  if (s->expr && next)
    vector_push(g->arena, &test->next, next);
  struct node *entry = s->kind == ST_DO ? body : test;
  return s->init ? build(g, s->init, entry) : entry;
}

static struct node *build_switch(struct graph *g, const struct stmt *s,
                                 struct node *next) {
  struct node *break_to = g->break_to, *outer = g->switch_node;
  bool had_default = g->has_default;
  struct node *node = new_node(g, NULL);
  reads(node, s->expr, true);
  g->switch_node = node;
  g->break_to = next;
  g->has_default = false;
  build_kids(g, s, next);
  if (!g->has_default && next)
    vector_push(g->arena, &node->next, next);
  g->switch_node = outer;
  g->break_to = break_to;
  g->has_default = had_default;
  return node;
}

static struct node *build_label(struct graph *g, const struct stmt *s,
                                struct node *next) {
  struct node *node = place(g, s->name, s->kind == ST_LABEL);
  struct node *body = build_kids(g, s, next);
  if (body)
    vector_push(g->arena, &node->next, body);
  return node;
}

static struct node *build_case(struct graph *g, const struct stmt *s,
                               struct node *next) {
  struct node *node = new_node(g, build_kids(g, s, next));
  if (g->switch_node)
    vector_push(g->arena, &g->switch_node->next, node);
  g->has_default |= s->is_default;
  return node;
}

static struct node *build(struct graph *g, const struct stmt *s,
                          struct node *next) {
  switch (s->kind) {
  case ST_BLOCK:
    return build_kids(g, s, next);
  case ST_VERBATIM: {
    struct node *node = expr_node(g, s->expr, next);
    if (g->function->has_label_values && node != next)
      vector_push(g->arena, &g->computed, node); /* asm goto */
    return node;
  }
  case ST_EXPR:
    return expr_node(g, s->expr, next);
  case ST_NULL:
    return next;
  case ST_DECL:
    return build_declaration(g, s, next);
  case ST_SET:
    return set_node(g, s->local, s->expr, next);
  case ST_CATCH:
    return set_node(g, s->local, NULL, next);
  case ST_AWAIT:
    return build_await(g, s->await, next);
  case ST_IF:
    return build_if(g, s, next);
  case ST_WHILE:
  case ST_DO:
  case ST_FOR:
    return build_loop(g, s, next);
  case ST_SWITCH:
    return build_switch(g, s, next);
  case ST_CASE:
    return build_case(g, s, next);
  case ST_LABEL:
  case ST_MARK:
    return build_label(g, s, next);
  case ST_GOTO:
  case ST_JUMP:
    return place(g, s->name, false);
  case ST_COMPUTED_GOTO: {
    struct node *node = expr_node(g, s->expr, NULL);
    vector_push(g->arena, &g->computed, node);
    return node;
  }
  case ST_BREAK:
    return g->break_to;
  case ST_CONTINUE:
    return g->continue_to;
  case ST_RETURN:
  case ST_FINISH:
  case ST_RAISED: {
    struct node *node = new_node(g, NULL);
    reads(node, s->expr, true);
    return node;
  }
  case ST_DEFER:
  case ST_SCOPE:
    break; /* gone after hoist */
  }
  return next;
}

static bool update(struct graph *g, struct node *node) {
  bool changed = false;
  for (size_t w = 0; w < g->words; w++) {
    uint64_t out = 0;
    for (size_t i = 0; i < node->next.count; i++)
      if (node->next.items[i])
        out |= node->next.items[i]->in[w];
    uint64_t in = (out & ~node->def[w]) | node->use[w];
    changed |= in != node->in[w];
    node->in[w] = in;
  }
  return changed;
}

static bool in_scope(const struct local *local, uint32_t await) {
  return local->is_temp ||
         (local->scope_first <= await && await < local->scope_end);
}

struct liveness liveness(const struct function *function, struct arena *arena) {
  struct graph g = {.arena = arena,
                    .function = function,
                    .words = function->locals.count / 64 + 1};
  struct node *end = new_node(&g, NULL);
  build(&g, function->body, end);
  for (size_t i = 0; i < g.computed.count; i++)
    for (size_t j = 0; j < g.places.count; j++)
      if (g.places.items[j].user)
        vector_push(arena, &g.computed.items[i]->next, g.places.items[j].node);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < g.nodes.count; i++)
      changed |= update(&g, g.nodes.items[i]);
  }
  struct liveness live = {.words = g.words};
  live.sets = arena_alloc(arena, (function->awaits.count + 1) * g.words *
                                     sizeof(uint64_t));
  for (size_t i = 0; i < g.nodes.count; i++) {
    const struct node *node = g.nodes.items[i];
    if (!node->await)
      continue;
    uint64_t *set = live.sets + node->await->id * g.words;
    for (size_t l = 0; l < function->locals.count; l++) {
      const struct local *local = function->locals.items[l];
      if (has(node->in, local) && in_scope(local, node->await->id))
        add(set, local);
    }
  }
  return live;
}
