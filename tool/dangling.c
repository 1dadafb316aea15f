/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Two walks over a function. The first notes where variables live, what is
 * awaited, and which other ways a handle takes. The second looks at each task
 * that is created with the address of a variable, and asks who could wait for
 * it while the variable is there: an await, later in the variable's scope, that
 * names the handle, or the variable itself, through which the two may well have
 * agreed. A handle that goes other ways is not judged. */
#include "dangling.h"

#include <ctype.h>
#include <string.h>

/* A variable and the statement that is its scope. */
struct home {
  const struct local *local;
  const struct stmt *scope;
};

/* Something that waits: an await, the head of a scope. */
struct wait {
  struct range range;
  bool deferred; /* in a `defer`: it comes last, wherever it stands */
};

/* What becomes of a task where it is created. */
enum fate {
  FATE_UNKNOWN,
  FATE_LOOKED_AT, /* it is compared, named, cancelled */
  FATE_DROPPED,  /* the statement ends, or it is released */
  FATE_RETURNED,
  FATE_STORED,   /* `to` */
  FATE_GROUP     /* `to`: the group */
};

struct use {
  enum fate fate;
  const struct expr *to;
  const struct local *local; /* stored in the variable of a declaration */
};

/* A handle whose value goes to another place, reached from that name. */
struct copy {
  const struct local *from;
  const char *to;
  const struct local *local; /* or NULL: it is none of the function's */
};

struct walk {
  const struct unit *unit;
  const struct function *function;
  struct diags *diags;
  struct arena *arena;
  VECTOR(struct home) homes;
  VECTOR(struct wait) waits;
  VECTOR(struct copy) copies;
  VECTOR(const struct local *) escaped; /* handles that go ways not known */
  VECTOR(const struct stmt *) around;   /* statements, outermost first */
  bool has_labels;                      /* text order says little */
  bool judging;                         /* the second walk */
  bool in_await;
};

static void walk_expr(struct walk *w, const struct expr *e, struct use use);
static void walk_stmt(struct walk *w, const struct stmt *s);

static const struct use unknown = {FATE_UNKNOWN, NULL, NULL};

/* ---- what an expression points to ---------------------------------------- */

/* The variable or compound literal that this is, or is a part of. */
static const struct expr *object_of(const struct expr *e) {
  while ((e->kind == EX_PAREN || e->kind == EX_DOT ||
          (e->kind == EX_INDEX && e->kids.items[0].expr->type &&
           e->kids.items[0].expr->type->is_array)) &&
         e->kids.count)
    e = e->kids.items[0].expr;
  return (e->kind == EX_VAR && !e->local->is_static) || e->kind == EX_COMPOUND
             ? e
             : NULL;
}

/* The first object whose address may be in the value; NULL: none is seen. */
static const struct expr *pointed_to(const struct expr *e) {
  const struct expr *found = NULL;
  size_t first = 0, count = e->kids.count;
  if (e->decays)
    return object_of(e);
  switch (e->kind) {
  case EX_ADDR:
    return count ? object_of(e->kids.items[0].expr) : NULL;
  case EX_PURE: /* a cast, or arithmetic */
    if (!e->type || !e->type->is_object_pointer)
      return NULL;
    break;
  case EX_COND:
  case EX_ASSIGN:
    first = 1;
    break;
  case EX_COMMA:
    first = count ? count - 1 : 0;
    break;
  case EX_PAREN:
  case EX_ELVIS:
  case EX_COMPOUND:
  case EX_INIT_LIST:
    break;
  default:
    return NULL;
  }
  for (size_t i = first; i < count && !found; i++)
    found = pointed_to(e->kids.items[i].expr);
  return found;
}

/* ---- scopes -------------------------------------------------------------- */

static bool is_loop(const struct stmt *s) {
  return s->kind == ST_WHILE || s->kind == ST_DO || s->kind == ST_FOR;
}

/* The scope around the statement at work. */
static const struct stmt *scope_here(const struct walk *w) {
  for (size_t i = w->around.count; i-- > 0;)
    if (w->around.items[i]->kind == ST_BLOCK ||
        w->around.items[i]->kind == ST_FOR)
      return w->around.items[i];
  return w->function->body;
}

static const struct stmt *home_of(const struct walk *w,
                                  const struct expr *object) {
  for (size_t i = 0; object->kind == EX_VAR && i < w->homes.count; i++)
    if (w->homes.items[i].local == object->local)
      return w->homes.items[i].scope;
  return object->kind == EX_VAR ? w->function->body : scope_here(w);
}

static bool lies_in(struct range inner, struct range outer) {
  return inner.begin >= outer.begin && inner.end <= outer.end;
}

/* The loop inside the scope that comes by here again. */
static const struct stmt *loop_in(const struct walk *w,
                                  const struct stmt *scope) {
  for (size_t i = 0; i < w->around.count; i++) {
    const struct stmt *s = w->around.items[i];
    if (is_loop(s) && s != scope && lies_in(s->range, scope->range))
      return s;
  }
  return NULL;
}

/* Does something wait in that scope, after this place, and name this? */
static bool is_awaited(const struct walk *w, const char *name,
                       const struct stmt *scope, uint32_t after) {
  const struct stmt *loop = loop_in(w, scope);
  for (size_t i = 0; i < w->waits.count; i++) {
    const struct wait *wait = &w->waits.items[i];
    bool comes = wait->deferred || w->has_labels || wait->range.begin >= after ||
                 (loop && lies_in(wait->range, loop->range));
    if (comes && lies_in(wait->range, scope->range) &&
        source_find_word(w->unit->source, wait->range.begin, wait->range.end,
                         name) != UINT32_MAX)
      return true;
  }
  return false;
}

/* ---- judging ------------------------------------------------------------- */

static const char *word_at(struct walk *w, const struct expr *e) {
  uint32_t begin = e->range.begin;
  return arena_copy(w->arena, w->unit->source->text + begin,
                    source_word_end(w->unit->source, begin) - begin);
}

/* The variable that a place in memory is reached from: `s` of s->tasks[i]. */
static const struct expr *root_of(const struct expr *e) {
  while (e->kids.count && (e->kind == EX_PAREN || e->kind == EX_DOT ||
                           e->kind == EX_ARROW || e->kind == EX_INDEX ||
                           e->kind == EX_DEREF || e->kind == EX_ADDR))
    e = e->kids.items[0].expr;
  return e;
}

static bool has_escaped(const struct walk *w, const struct local *local) {
  for (size_t i = 0; i < w->escaped.count; i++)
    if (w->escaped.items[i] == local)
      return true;
  return false;
}

/* Can it be that something waits for the handle that is there? */
static bool is_waited_for(const struct walk *w, const char *name,
                          const struct local *local, const struct stmt *scope,
                          uint32_t after, int depth) {
  if (is_awaited(w, name, scope, after) || (local && has_escaped(w, local)) ||
      !depth)
    return true;
  for (size_t i = 0; local && i < w->copies.count; i++) {
    const struct copy *copy = &w->copies.items[i];
    if (copy->from == local && copy->local != local &&
        is_waited_for(w, copy->to, copy->local, scope, after, depth - 1))
      return true;
  }
  return false;
}

/* Text without blanks is the same? */
static bool same_text(const struct walk *w, struct range a, struct range b) {
  const char *text = w->unit->source->text;
  for (;;) {
    while (a.begin < a.end && isspace((unsigned char)text[a.begin]))
      a.begin++;
    while (b.begin < b.end && isspace((unsigned char)text[b.begin]))
      b.begin++;
    if (a.begin == a.end || b.begin == b.end)
      return a.begin == a.end && b.begin == b.end;
    if (text[a.begin++] != text[b.begin++])
      return false;
  }
}

/* The statement ac_task_group around us with that group; NULL: none. */
static const struct stmt *group_around(const struct walk *w,
                                       const struct expr *group) {
  for (size_t i = w->around.count; i-- > 0;) {
    const struct stmt *s = w->around.items[i];
    if (s->kind == ST_SCOPE && s->scope == SCOPE_GROUP && s->expr &&
        same_text(w, expr_bare(s->expr)->range, expr_bare(group)->range))
      return s;
  }
  return NULL;
}

/* May the task run on when the scope is left? */
static bool may_outlive(struct walk *w, const struct use *use,
                        const struct stmt *scope, uint32_t after) {
  switch (use->fate) {
  case FATE_DROPPED:
  case FATE_RETURNED:
    return true;
  case FATE_GROUP: {
    const struct stmt *group = group_around(w, use->to);
    return group && lies_in(scope->range, group->range);
  }
  case FATE_STORED: {
    const struct expr *root = use->local ? NULL : root_of(use->to);
    const struct local *local = use->local                ? use->local
                                : root->kind == EX_VAR ? root->local
                                                       : NULL;
    if (!local && root->kind != EX_TEXT && root->kind != EX_CONST)
      return false;
    enum { COPIES_IN_A_ROW = 4 };
    return !is_waited_for(w, local ? local->name : word_at(w, root), local,
                          scope, after, COPIES_IN_A_ROW);
  }
  default:
    return false;
  }
}

static void tell(struct walk *w, const struct expr *task,
                 const struct expr *argument, const struct expr *object) {
  const struct source *source = w->unit->source;
  bool named = object->kind == EX_VAR;
  const char *what =
      named ? arena_printf(w->arena, "'%s'", object->local->name)
            : "the compound literal";
  diag_warn(w->diags, source, WARNING_DANGLING_TASK_ARGUMENT,
            argument->range.begin,
            arena_printf(w->arena,
                         "the task may outlive %s, whose address it is given",
                         what));
  uint32_t declared = named ? object->local->name_offset : object->range.begin;
  if (declared != UINT32_MAX)
    diag_at(w->diags, source, SEVERITY_NOTE, declared,
            "%s goes when its scope is left, and nothing waits for the task "
            "there",
            what);
  diag_at(w->diags, source, SEVERITY_NOTE, task->range.begin,
          "await the task in that scope, start it in an 'ac_task_group' inside "
          "it, or give the task memory of its own");
}

static void judge(struct walk *w, const struct expr *task,
                  const struct use *use) {
  const struct expr *call =
      task->kids.count ? expr_bare(task->kids.items[0].expr) : NULL;
  if (!call || !expr_is_async_call(call) || use->fate == FATE_UNKNOWN)
    return;
  for (size_t i = 1; i < call->kids.count; i++) {
    const struct expr *argument = call->kids.items[i].expr;
    const struct expr *object = pointed_to(argument);
    if (!object)
      continue;
    const struct stmt *scope = home_of(w, object);
    uint32_t after = task->range.end;
    if (object->kind == EX_VAR && use->fate != FATE_RETURNED &&
        is_awaited(w, object->local->name, scope, after))
      continue;
    if (may_outlive(w, use, scope, after))
      tell(w, task, argument, object);
  }
}

/* ---- walking ------------------------------------------------------------- */

static void walk_kids(struct walk *w, const struct expr *e, size_t first,
                      struct use use) {
  for (size_t i = first; i < e->kids.count; i++)
    walk_expr(w, e->kids.items[i].expr, use);
}

/* Functions that are given a handle and neither wait for it nor keep it. */
static bool only_looks(const char *name) {
  static const char *const names[] = {
      "ac_cancel", "ac_cancel_at", "ac_cancel_because", "ac_cancellation",
      "ac_cancelled", "ac_cancelling", "ac_done", "ac_error", "ac_name",
      "ac_release", "ac_set_name", "ac_uncancel"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(names[i], name))
      return true;
  return false;
}

static void walk_call(struct walk *w, const struct expr *e) {
  const char *name = word_at(w, e->kids.items[0].expr);
  struct use use = unknown;
  if (only_looks(name)) {
    use.fate = strcmp(name, "ac_release") ? FATE_LOOKED_AT : FATE_DROPPED;
  } else if ((!strcmp(name, "ac_start") ||
              !strcmp(name, "ac_task_group_start")) &&
             e->kids.count == 3) {
    use = (struct use){FATE_GROUP, e->kids.items[1].expr, NULL};
  }
  walk_kids(w, e, 0, use);
}

/* s->task = t: then the handle is where s leads; other copies are lost sight
 * of. */
static void walk_assignment(struct walk *w, const struct expr *e) {
  const struct expr *to = e->kids.items[0].expr, *root = root_of(to);
  if (root->kind != EX_VAR)
    walk_expr(w, to, unknown);
  if (e->kids.count > 1)
    walk_expr(w, e->kids.items[1].expr,
              (struct use){FATE_STORED, to, NULL});
}

static void note_value(struct walk *w, const struct local *local,
                       const struct use *use) {
  if (w->judging || w->in_await || use->fate == FATE_LOOKED_AT ||
      use->fate == FATE_RETURNED || use->fate == FATE_DROPPED)
    return;
  if (use->fate != FATE_STORED) {
    vector_push(w->arena, &w->escaped, local);
    return;
  }
  const struct expr *root = use->local ? NULL : root_of(use->to);
  struct copy copy = {.from = local, .local = use->local};
  if (root && root->kind == EX_VAR)
    copy.local = root->local;
  copy.to = copy.local ? copy.local->name : word_at(w, root);
  vector_push(w->arena, &w->copies, copy);
}

static void note_wait(struct walk *w, struct range range) {
  bool deferred = false;
  for (size_t i = 0; i < w->around.count; i++)
    deferred |= w->around.items[i]->kind == ST_DEFER;
  struct wait wait = {range, deferred};
  if (!w->judging)
    vector_push(w->arena, &w->waits, wait);
}

static void walk_expr(struct walk *w, const struct expr *e, struct use use) {
  if (!e || e->kind == EX_UNEVALUATED)
    return;
  switch (e->kind) {
  case EX_PAREN:
  case EX_INIT_LIST:
    walk_kids(w, e, 0, use);
    return;
  case EX_VAR:
    note_value(w, e->local, &use);
    return;
  case EX_AWAIT: {
    bool in_await = w->in_await;
    note_wait(w, e->range);
    w->in_await = true;
    walk_kids(w, e, 0, unknown);
    w->in_await = in_await;
    return;
  }
  case EX_PURE:
    if (e->type && e->type->is_scalar && !e->type->is_object_pointer)
      use.fate = FATE_LOOKED_AT;
    else if (e->kids.count != 1)
      use.fate = FATE_UNKNOWN;
    walk_kids(w, e, 0, use);
    return;
  case EX_LAND:
  case EX_LOR:
    use.fate = FATE_LOOKED_AT;
    walk_kids(w, e, 0, use);
    return;
  case EX_ASSIGN:
    walk_assignment(w, e);
    return;
  case EX_CALL:
    if (e->kids.count)
      walk_call(w, e);
    return;
  case EX_OP:
    if (w->judging && e->op == OP_CREATE_TASK) {
      if (e->discarded)
        use.fate = FATE_DROPPED;
      judge(w, e, &use);
    }
    walk_kids(w, e, 0, unknown);
    return;
  case EX_STMT_EXPR:
    walk_stmt(w, e->body);
    return;
  default:
    walk_kids(w, e, 0, unknown);
  }
}

static void walk_declaration(struct walk *w, const struct stmt *s) {
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *declarator = &s->declarators.items[i];
    struct home home = {declarator->local, scope_here(w)};
    if (declarator->local && !w->judging)
      vector_push(w->arena, &w->homes, home);
    struct use use = {FATE_STORED, NULL, declarator->local};
    walk_expr(w, declarator->init, declarator->local ? use : unknown);
  }
}

static void walk_stmt(struct walk *w, const struct stmt *s) {
  if (!s)
    return;
  vector_push(w->arena, &w->around, s);
  if (s->kind == ST_LABEL)
    w->has_labels = true;
  if (s->kind == ST_SCOPE && s->expr)
    note_wait(w, s->expr->range);
  if (s->kind == ST_DECL)
    walk_declaration(w, s);
  struct use use = {s->kind == ST_RETURN ? FATE_RETURNED : FATE_LOOKED_AT,
                    NULL, NULL};
  walk_stmt(w, s->init);
  walk_expr(w, s->expr, use);
  walk_expr(w, s->step, unknown);
  for (size_t i = 0; i < s->kids.count; i++)
    walk_stmt(w, s->kids.items[i]);
  w->around.count--;
}

void dangling_check(const struct unit *unit, const struct function *function,
                    struct diags *diags) {
  if (!function->body || !diag_warns(diags, WARNING_DANGLING_TASK_ARGUMENT))
    return;
  struct walk walk = {.unit = unit,
                      .function = function,
                      .diags = diags,
                      .arena = unit->arena};
  walk_stmt(&walk, function->body);
  walk.judging = true;
  walk_stmt(&walk, function->body);
}
