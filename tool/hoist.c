/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Expressions. What C leaves to the stack across a call must be in named
 * storage across a suspension: operands to the left of an await are captured
 * in temporaries, in order; `&&`, `||` and `?:` with an await to the right of
 * the first operand become if statements. An lvalue is not captured but
 * stabilised: its pointers and subscripts are, so that it is evaluated once
 * and read, by `op=`, after the await.
 *
 * Cleanups. A `defer` is one copy of its statement, at the end of its block,
 * behind a label. Whoever leaves the block another way sets the cleanup's
 * `next` to a number for where it is going and jumps there; behind the
 * statement stands a chain of ifs that goes on: to the next cleanup outwards,
 * or to the place. An error on its way out is kept in the cleanup's `error`. */
#include "hoist.h"

#include <string.h>

enum target_kind { TARGET_LABEL, TARGET_RETURN, TARGET_RAISE };

/* A place outside that a jump goes to. */
struct target {
  enum target_kind kind;
  const char *label;        /* TARGET_LABEL, and where an ac_try goes on */
  struct local *caught;     /* TARGET_RAISE to an ac_try: takes the code */
  struct cleanup *cleanups; /* active there */
};

enum cleanup_kind { CLEANUP_DEFER, CLEANUP_VARIABLE, CLEANUP_SCOPE };

struct cleanup {
  enum cleanup_kind kind;
  enum scope_kind scope;
  struct cleanup *outer;
  struct stmt *body;      /* CLEANUP_DEFER */
  struct local *variable; /* the variable, or the scope, or its address */
  struct local *next, *error;
  const char *label;
  VECTOR(struct target) exits;
};

struct loop {
  struct loop *outer;
  bool is_switch;
  struct cleanup *cleanups;
  const char *break_label, *continue_label; /* made when first needed */
  bool continue_by_label;
};

struct label {
  const char *name;
  struct cleanup *cleanups;
};

typedef VECTOR(struct stmt *) stmt_list;
typedef VECTOR(struct local *) local_list;

struct hoist {
  struct arena *arena;
  struct unit *unit;
  struct function *function;
  struct diags *diags;
  stmt_list *out; /* where lowered statements go */
  struct cleanup *cleanups;
  struct target *handler; /* of the innermost ac_try, or NULL */
  struct loop *loop;
  VECTOR(struct label) labels;
  struct local *result;   /* a value on its way through cleanups */
  bool has_cleanups;
  const char *cleanup_word; /* the first of them, for a message */
  local_list changed; /* in the full expression at work */
};

static struct expr *hoist_expr(struct hoist *h, struct expr *e);
static struct expr *hoist_place(struct hoist *h, struct expr *e, bool keep);
static void lower_stmt(struct hoist *h, struct stmt *s);
static void lower_effect(struct hoist *h, struct expr *e);
static struct local *lower_await(struct hoist *h, struct expr *e,
                                 struct local *into, bool wanted);

/* ---- making nodes -------------------------------------------------------- */

static struct stmt *new_stmt(struct hoist *h, enum stmt_kind kind,
                             struct range range) {
  struct stmt *s = ARENA_NEW(h->arena, struct stmt);
  s->kind = kind;
  s->range = range;
  s->lowered = true;
  return s;
}

static void emit(struct hoist *h, struct stmt *s) {
  vector_push(h->arena, h->out, s);
}

static struct expr *new_text(struct hoist *h, const char *text,
                             struct range range, const struct type *type) {
  struct expr *e = ARENA_NEW(h->arena, struct expr);
  e->kind = EX_TEXT;
  e->text = text;
  e->range = range;
  e->type = type;
  return e;
}

static struct expr *wrap(struct hoist *h, const char *text, struct expr *kid) {
  struct expr *e = new_text(h, text, kid->range, kid->type);
  struct hole hole = {kid->range, kid};
  e->kind = EX_PURE;
  vector_push(h->arena, &e->kids, hole);
  return e;
}

static const struct type *int_type(struct hoist *h) {
  static const struct type type = {.before = "int ",
                                   .after = "",
                                   .size = 4,
                                   .align = 4,
                                   .file_scope = true,
                                   .is_scalar = true};
  (void)h;
  return &type;
}

static const struct type *handle_type(void) {
  static const struct type type = {.before = "struct ac_future *",
                                   .after = "",
                                   .size = sizeof(void *),
                                   .align = sizeof(void *),
                                   .file_scope = true,
                                   .is_scalar = true};
  return &type;
}

static struct local *new_local(struct hoist *h, const char *stem,
                               const struct type *type) {
  struct local *local = ARENA_NEW(h->arena, struct local);
  local->id = (uint32_t)h->function->locals.count;
  local->name = local->out_name =
      arena_printf(h->arena, "ac_%s%u", stem, local->id);
  local->type = local->bare = type;
  local->name_offset = UINT32_MAX;
  local->is_temp = true;
  vector_push(h->arena, &h->function->locals, local);
  return local;
}

static struct expr *use(struct hoist *h, struct local *local,
                        struct range range) {
  struct expr *e = ARENA_NEW(h->arena, struct expr);
  e->kind = EX_VAR;
  e->local = local;
  e->range = range;
  e->type = local->type;
  local->used = true;
  return e;
}

static const char *new_label(struct hoist *h, const char *stem) {
  return arena_printf(h->arena, "ac_%s_%u", stem, h->unit->label_count++);
}

static void emit_set(struct hoist *h, struct local *local, struct expr *value,
                     struct range range) {
  struct stmt *s = new_stmt(h, ST_SET, range);
  s->local = local;
  s->expr = value;
  emit(h, s);
}

static void emit_set_number(struct hoist *h, struct local *local,
                            unsigned number, struct range range) {
  emit_set(h, local,
           new_text(h, arena_printf(h->arena, "%u", number), range,
                    int_type(h)),
           range);
}

static void emit_mark(struct hoist *h, const char *label, struct range range) {
  struct stmt *s = new_stmt(h, ST_MARK, range);
  s->name = label;
  emit(h, s);
}

static void emit_jump(struct hoist *h, const char *label, struct range range) {
  struct stmt *s = new_stmt(h, ST_JUMP, range);
  s->name = label;
  emit(h, s);
}

static void emit_effect(struct hoist *h, struct expr *e) {
  struct stmt *s = new_stmt(h, ST_EXPR, e->range);
  s->expr = e;
  emit(h, s);
}

/* A temporary whose type can only be written as typeof of an expression is
 * declared where it is first set. */
static struct local *temp_like(struct hoist *h, struct expr *e) {
  struct local *local = new_local(h, "t", e->type);
  if (!e->type->file_scope) {
    local->like = e;
    struct stmt *s = new_stmt(h, ST_DECL, e->range);
    struct declarator declarator = {.local = local, .type = e->type};
    vector_push(h->arena, &s->declarators, declarator);
    s->split = true;
    emit(h, s);
  }
  return local;
}

/* Collects what lowering puts out into a block of its own. */
struct section {
  stmt_list list;
  stmt_list *outer;
};

static void open_section(struct hoist *h, struct section *section) {
  *section = (struct section){.outer = h->out};
  h->out = &section->list;
}

static struct stmt *close_section(struct hoist *h, struct section *section,
                                  struct range range) {
  struct stmt *s = new_stmt(h, ST_BLOCK, range);
  for (size_t i = 0; i < section->list.count; i++)
    vector_push(h->arena, &s->kids, section->list.items[i]);
  s->transparent = true;
  h->out = section->outer;
  return s;
}

/* ---- routes through cleanups --------------------------------------------- */

static unsigned add_exit(struct hoist *h, struct cleanup *cleanup,
                         const struct target *target) {
  for (size_t i = 0; i < cleanup->exits.count; i++) {
    const struct target *other = &cleanup->exits.items[i];
    if (other->kind == target->kind && other->label == target->label &&
        other->caught == target->caught)
      return (unsigned)i + 1;
  }
  vector_push(h->arena, &cleanup->exits, *target);
  return (unsigned)cleanup->exits.count;
}

/* error: where the code is that a TARGET_RAISE carries; NULL: in the task. */
static void arrive(struct hoist *h, const struct target *target,
                   struct local *error, struct range range) {
  if (target->kind == TARGET_LABEL) {
    emit_jump(h, target->label, range);
  } else if (target->kind == TARGET_RETURN) {
    struct stmt *s = new_stmt(h, ST_FINISH, range);
    if (h->result)
      s->expr = use(h, h->result, range);
    emit(h, s);
  } else if (target->caught) {
    struct stmt *s = new_stmt(h, error ? ST_SET : ST_CATCH, range);
    s->local = target->caught;
    if (error)
      s->expr = use(h, error, range);
    emit(h, s);
    emit_jump(h, target->label, range);
  } else {
    struct stmt *s = new_stmt(h, ST_RAISED, range);
    if (error)
      s->expr = use(h, error, range);
    emit(h, s);
  }
}

static void route(struct hoist *h, struct cleanup *from,
                  const struct target *target, struct local *error,
                  struct range range) {
  if (from == target->cleanups) {
    arrive(h, target, error, range);
    return;
  }
  unsigned number = add_exit(h, from, target);
  if (target->kind == TARGET_RAISE) {
    struct stmt *s = new_stmt(h, error ? ST_SET : ST_CATCH, range);
    s->local = from->error;
    if (error)
      s->expr = use(h, error, range);
    emit(h, s);
  } else if (from->kind == CLEANUP_SCOPE) {
    emit_set_number(h, from->error, 0, range);
  }
  emit_set_number(h, from->next, number, range);
  emit_jump(h, from->label, range);
}

static void route_error(struct hoist *h, struct local *error,
                        struct range range) {
  struct target target = {.kind = TARGET_RAISE};
  if (h->handler)
    target = *h->handler;
  route(h, h->cleanups, &target, error, range);
}

/* ---- expressions --------------------------------------------------------- */

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

static struct expr *no_value(struct hoist *h, struct range range) {
  static const struct type nothing = {.before = "void ",
                                      .after = "",
                                      .align = 1,
                                      .file_scope = true,
                                      .is_void = true};
  struct expr *e = new_text(h, "((void)0)", range, &nothing);
  e->kind = EX_CONST;
  return e;
}

/* How many temporaries it reads: one of its own does for several. */
static size_t temporaries(const struct expr *e) {
  size_t count = e->kind == EX_VAR && e->local->is_temp;
  for (size_t i = 0; i < e->kids.count && count < 2; i++)
    count += temporaries(e->kids.items[i].expr);
  return count;
}

static struct expr *capture(struct hoist *h, struct expr *e) {
  if ((is_stable(h, e) && temporaries(e) < 2) || !e->type || e->type->is_array || e->type->is_function)
    return e;
  if (e->type->is_void) {
    emit_effect(h, e);
    return no_value(h, e->range);
  }
  struct local *local = temp_like(h, e);
  emit_set(h, local, e, e->range);
  struct expr *value = use(h, local, e->range);
  value->type = e->type;
  return value;
}

static struct expr *copy_expr(struct hoist *h, const struct expr *e) {
  struct expr *copy = ARENA_NEW(h->arena, struct expr);
  *copy = *e;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  for (size_t i = 0; i < e->kids.count; i++)
    vector_push(h->arena, &copy->kids, e->kids.items[i]);
  copy->suspends = false;
  return copy;
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
  struct expr *copy = copy_expr(h, e);
  for (size_t i = 0; i < copy->kids.count; i++)
    if (is_operand(copy->kids.items[i].expr))
      copy->kids.items[i].expr = capture_operand(h, copy->kids.items[i].expr);
  return copy;
}

/* Evaluates operands from left to right up to the last that suspends. */
static struct expr *hoist_operands(struct hoist *h, struct expr *e) {
  struct expr *copy = copy_expr(h, e);
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
  struct expr *copy = copy_expr(h, e);
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

/* An lvalue. keep: it must name the same object after a suspension, so its
 * pointers and subscripts are captured. */
static struct expr *hoist_place(struct hoist *h, struct expr *e, bool keep) {
  if (!e->suspends && !keep)
    return e;
  struct expr *copy;
  switch (e->kind) {
  case EX_PAREN:
  case EX_DOT:
  case EX_PURE:
    copy = copy_expr(h, e);
    for (size_t i = 0; i < copy->kids.count; i++)
      if (is_operand(copy->kids.items[i].expr))
        copy->kids.items[i].expr =
            hoist_place(h, copy->kids.items[i].expr, keep);
    return copy;
  case EX_ARROW:
  case EX_DEREF:
    copy = copy_expr(h, e);
    copy->kids.items[0].expr = hoist_expr(h, e->kids.items[0].expr);
    if (keep)
      copy->kids.items[0].expr = capture(h, copy->kids.items[0].expr);
    return copy;
  case EX_INDEX: {
    copy = copy_expr(h, e);
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

static struct stmt *make_if(struct hoist *h, struct expr *condition,
                            struct stmt *then_part, struct stmt *else_part,
                            struct range range) {
  struct stmt *s = new_stmt(h, ST_IF, range);
  s->expr = condition;
  vector_push(h->arena, &s->kids, then_part);
  if (else_part)
    vector_push(h->arena, &s->kids, else_part);
  return s;
}

/* a && b, a || b with an await in b */
static struct expr *hoist_logic(struct hoist *h, struct expr *e) {
  struct expr *left = e->kids.items[0].expr, *right = e->kids.items[1].expr;
  if (!right->suspends) {
    struct expr *copy = copy_expr(h, e);
    copy->kids.items[0].expr = hoist_expr(h, left);
    return copy;
  }
  struct local *value = new_local(h, "t", int_type(h));
  left = hoist_expr(h, left);
  emit_set(h, value, wrap(h, "(\1) ? 1 : 0", left), e->range);
  struct section section;
  open_section(h, &section);
  right = hoist_expr(h, right);
  emit_set(h, value, wrap(h, "(\1) ? 1 : 0", right), e->range);
  struct stmt *then_part = close_section(h, &section, right->range);
  struct expr *test = use(h, value, e->range);
  emit(h, make_if(h, e->kind == EX_LAND ? test : wrap(h, "!\1", test),
                  then_part, NULL, e->range));
  struct expr *result = use(h, value, e->range);
  result->type = e->type;
  return result;
}

static struct stmt *arm(struct hoist *h, struct expr *e, struct local *value) {
  struct section section;
  open_section(h, &section);
  if (!value) {
    lower_effect(h, e);
  } else {
    struct expr *result = hoist_expr(h, e);
    emit_set(h, value, result, e->range);
  }
  return close_section(h, &section, e->range);
}

/* Chains of else ifs, and of ?:, are no nesting to who writes them. Compilers
 * give up on braces some 256 deep, so longer ones than this are laid out flat:
 * each part ends with a jump behind the last. */
enum { LONGEST_NESTED = 32 };

static bool same_type(const struct type *a, const struct type *b) {
  return a == b || (a && b && !strcmp(a->before, b->before) &&
                    !strcmp(a->after, b->after));
}

/* The next link of a chain of `kind`, its value converted to nothing else. */
static struct expr *next_link(const struct expr *e) {
  struct expr *last = e->kids.items[e->kids.count - 1].expr;
  struct expr *next = (struct expr *)(uintptr_t)expr_bare(last);
  return next->kind == e->kind && next->suspends && !next->local &&
                 same_type(next->type, e->type) &&
                 same_type(last->type, e->type)
             ? next
             : NULL;
}

static bool is_long_chain(const struct expr *e) {
  size_t length = 0;
  for (; e && length <= LONGEST_NESTED; e = next_link(e))
    length++;
  return length > LONGEST_NESTED;
}

/* if (test) { value = e; goto label; } */
static void emit_link(struct hoist *h, struct expr *test, struct expr *e,
                      struct local *value, const char *label) {
  struct section section;
  open_section(h, &section);
  emit(h, arm(h, e, value));
  emit_jump(h, label, e->range);
  struct stmt *then_part = close_section(h, &section, e->range);
  emit(h, make_if(h, test, then_part, NULL, e->range));
}

/* c ? a : d ? b : ..., value: NULL when it is void or not wanted. */
static void hoist_long_choice(struct hoist *h, struct expr *e,
                              struct local *value) {
  const char *label = new_label(h, "chosen");
  struct range range = e->range;
  for (struct expr *next; (next = next_link(e)); e = next)
    emit_link(h, hoist_expr(h, e->kids.items[0].expr), e->kids.items[1].expr,
              value, label);
  emit_link(h, hoist_expr(h, e->kids.items[0].expr), e->kids.items[1].expr,
            value, label);
  emit(h, arm(h, e->kids.items[2].expr, value));
  emit_mark(h, label, range);
}

/* c ? a : b with an await in an arm */
static struct expr *hoist_choice(struct hoist *h, struct expr *e) {
  struct expr *test = e->kids.items[0].expr;
  struct expr *yes = e->kids.items[1].expr, *no = e->kids.items[2].expr;
  if (!yes->suspends && !no->suspends) {
    struct expr *copy = copy_expr(h, e);
    copy->kids.items[0].expr = hoist_expr(h, test);
    return copy;
  }
  bool is_void = e->type->is_void;
  struct local *value = is_void ? NULL : temp_like(h, e);
  if (is_long_chain(e)) {
    hoist_long_choice(h, e, value);
  } else {
    test = hoist_expr(h, test);
    struct stmt *then_part = arm(h, yes, value);
    struct stmt *else_part = arm(h, no, value);
    emit(h, make_if(h, test, then_part, else_part, e->range));
  }
  if (is_void)
    return no_value(h, e->range);
  struct expr *result = use(h, value, e->range);
  result->type = e->type;
  return result;
}

/* a ?: b ?: ... */
static struct expr *hoist_long_elvis(struct hoist *h, struct expr *e) {
  const char *label = new_label(h, "chosen");
  struct range range = e->range;
  struct local *value = temp_like(h, e);
  struct expr *next = e;
  do {
    e = next;
    struct expr *first = hoist_expr(h, e->kids.items[0].expr);
    struct local *kept = temp_like(h, first);
    emit_set(h, kept, first, first->range);
    emit_link(h, use(h, kept, first->range), use(h, kept, first->range), value,
              label);
  } while ((next = next_link(e)));
  emit(h, arm(h, e->kids.items[1].expr, value));
  emit_mark(h, label, range);
  return use(h, value, range);
}

/* a ?: b */
static struct expr *hoist_elvis(struct hoist *h, struct expr *e) {
  if (is_long_chain(e))
    return hoist_long_elvis(h, e);

  struct expr *first = e->kids.items[0].expr, *second = e->kids.items[1].expr;
  first = hoist_expr(h, first);
  if (!second->suspends) {
    struct expr *copy = copy_expr(h, e);
    copy->kids.items[0].expr = first;
    return copy;
  }
  struct local *kept = temp_like(h, first);
  emit_set(h, kept, first, first->range);
  struct local *value = temp_like(h, e);
  struct section section;
  open_section(h, &section);
  emit_set(h, value, use(h, kept, first->range), e->range);
  struct stmt *then_part = close_section(h, &section, e->range);
  struct stmt *else_part = arm(h, second, value);
  emit(h, make_if(h, use(h, kept, e->range), then_part, else_part, e->range));
  return use(h, value, e->range);
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
    return no_value(h, e->range);
  }
  value = temp_like(h, e);
  struct stmt *body = ARENA_NEW(h->arena, struct stmt);
  *body = *e->body;
  body->kids.items = NULL;
  body->kids.count = body->kids.capacity = 0;
  for (size_t i = 0; i < e->body->kids.count; i++) {
    struct stmt *kid = e->body->kids.items[i];
    if (i + 1 == e->body->kids.count && kid->kind == ST_EXPR) {
      struct stmt *set = new_stmt(h, ST_SET, kid->range);
      set->local = value;
      set->expr = kid->expr;
      kid = set;
    }
    vector_push(h->arena, &body->kids, kid);
  }
  lower_inner(h, body);
  struct expr *result = use(h, value, e->range);
  result->type = e->type;
  return result;
}

static struct expr *hoist_try(struct hoist *h, struct expr *e) {
  struct local *code = new_local(h, "error", int_type(h));
  emit_set_number(h, code, 0, e->range);
  struct target here = {.kind = TARGET_RAISE,
                        .label = new_label(h, "caught"),
                        .caught = code,
                        .cleanups = h->cleanups};
  struct target *outer = h->handler;
  h->handler = &here;
  for (size_t i = 0; i < e->kids.count; i++)
    lower_effect(h, e->kids.items[i].expr);
  h->handler = outer;
  emit_mark(h, here.label, e->range);
  return use(h, code, e->range);
}

static struct expr *hoist_raise(struct hoist *h, struct expr *e) {
  struct expr *code = e->kids.items[e->kids.count - 1].expr;
  code = hoist_expr(h, code);
  struct stmt *s = new_stmt(h, ST_RAISED, e->range);
  if (!h->handler && !h->cleanups) {
    s->expr = code;
    emit(h, s);
  } else {
    emit_effect(h, wrap(h, "ac_raise_error(\1)", code));
    route_error(h, NULL, e->range);
  }
  return no_value(h, e->range);
}

/* A record that is pointed into: it goes to its place in the frame. */
static struct expr *hoist_kept(struct hoist *h, struct expr *e) {
  struct local *place = e->local;
  if (e->kind == EX_AWAIT) {
    lower_await(h, e, place, true);
  } else {
    struct expr *copy = copy_expr(h, e);
    copy->local = NULL;
    copy->suspends = true;
    emit_set(h, place, hoist_expr(h, copy), e->range);
  }
  struct expr *result = use(h, place, e->range);
  result->type = e->type;
  return result;
}

static struct expr *hoist_expr(struct hoist *h, struct expr *e) {
  if (!e->suspends)
    return e;
  if (e->local && e->kind != EX_COMPOUND)
    return hoist_kept(h, e);
  switch (e->kind) {
  case EX_AWAIT: {
    struct local *value = lower_await(h, e, NULL, true);
    if (!value)
      return no_value(h, e->range);
    struct expr *result = use(h, value, e->range);
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
      struct expr *copy = copy_expr(h, e);
      copy->kids.items[0].expr = hoist_expr(h, e->kids.items[0].expr);
      return copy;
    }
    lower_effect(h, e->kids.items[0].expr);
    return hoist_expr(h, e->kids.items[1].expr);
  }
  case EX_ADDR: {
    struct expr *copy = copy_expr(h, e);
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

/* ---- awaits -------------------------------------------------------------- */

static struct expr *bare(struct expr *e) {
  return (struct expr *)(uintptr_t)expr_bare(e);
}

/* A child of ac_gather(x = f(), g()): begun now; its value is stored after. */
struct gathered {
  struct expr *place; /* or NULL */
  struct local *handle;
  const struct type *type; /* NULL: of a handle */
};
typedef VECTOR(struct gathered) gathered_list;

/* op: OP_GATHER, it is begun now; OP_SELECT, an object to be begun. */
static struct expr *child_of(struct hoist *h, enum operator op,
                             struct expr *call) {
  struct expr *e = ARENA_NEW(h->arena, struct expr);
  e->kind = EX_OP;
  e->op = op;
  e->range = call->range;
  e->type = handle_type();
  struct hole hole = {call->range, call};
  vector_push(h->arena, &e->kids, hole);
  return e;
}

static struct await *new_await(struct hoist *h, enum await_form form,
                               struct expr *expr, const struct type *type) {
  struct await *await = ARENA_NEW(h->arena, struct await);
  await->form = form;
  await->expr = expr;
  await->type = type;
  return await;
}

static void emit_await(struct hoist *h, struct await *await,
                       struct range range) {
  struct stmt *s = new_stmt(h, ST_AWAIT, range);
  s->await = await;
  await->offset = range.begin;
  struct section section;
  open_section(h, &section);
  route_error(h, NULL, range);
  await->raised = close_section(h, &section, range);
  emit(h, s);
}

/* The operands of gather or select: handles for `await`, in temporaries. */
static void begin_children(struct hoist *h, struct expr *op,
                           struct await *await, gathered_list *children) {
  enum operator kind = op->op == OP_GATHER ? OP_GATHER : OP_SELECT;
  for (size_t i = 0; i < op->kids.count; i++) {
    struct expr *kid = bare(op->kids.items[i].expr);
    struct gathered child = {0};
    if (kid->kind == EX_ASSIGN) {
      child.place = hoist_place(h, kid->kids.items[0].expr, true);
      kid = bare(kid->kids.items[1].expr);
    }
    child.handle = new_local(h, "task", handle_type());
    if (expr_is_async_call(kid)) {
      struct expr *call = kid->suspends ? hoist_operands(h, kid) : kid;
      child.type = type_function(kid->kids.items[0].expr->type)->yield;
      emit_set(h, child.handle, child_of(h, kind, call), kid->range);
    } else {
      emit_set(h, child.handle, hoist_expr(h, kid), kid->range);
    }
    vector_push(h->arena, children, child);
    vector_push(h->arena, &await->handles, child.handle);
  }
}

static void store_value(struct hoist *h, struct gathered *child,
                        struct range range) {
  struct expr *store =
      new_text(h, "\1 = *(\3)ac_future_value(\1)", range, child->type);
  struct hole holes[] = {{child->place->range, child->place},
                         {range, use(h, child->handle, range)}};
  vector_push(h->arena, &store->kids, holes[0]);
  vector_push(h->arena, &store->kids, holes[1]);
  store->kind = EX_ASSIGN;
  emit_effect(h, store);
}

static void gather_children(struct hoist *h, struct expr *op) {
  gathered_list children = {0};
  struct await *await =
      new_await(h, AWAIT_GATHER_OWNED, NULL, no_value(h, op->range)->type);
  begin_children(h, op, await, &children);
  emit_await(h, await, op->range);
  for (size_t i = 0; i < children.count; i++) {
    struct gathered *child = &children.items[i];
    if (child->place)
      store_value(h, child, op->range);
    emit_effect(h,
                wrap(h, "ac_release(\1)", use(h, child->handle, op->range)));
  }
}

/* Gives which was first. A loser may have a value too: it could not be taken
 * back any more. */
static struct local *select_children(struct hoist *h, struct expr *op,
                                     struct local *into) {
  gathered_list children = {0};
  struct await *await = new_await(h, AWAIT_SELECT, NULL, int_type(h));
  await->owned = op->op == OP_SELECT_IN_ORDER;
  begin_children(h, op, await, &children);
  await->result = into ? into : new_local(h, "first", int_type(h));
  emit_await(h, await, op->range);
  for (size_t i = 0; i < children.count; i++) {
    struct gathered *child = &children.items[i];
    if (!child->type)
      continue;
    if (child->place) {
      struct section section;
      open_section(h, &section);
      store_value(h, child, op->range);
      struct stmt *then_part = close_section(h, &section, op->range);
      emit(h, make_if(h, wrap(h, "!ac_error(\1)",
                              use(h, child->handle, op->range)),
                      then_part, NULL, op->range));
    }
    emit_effect(h,
                wrap(h, "ac_release(\1)", use(h, child->handle, op->range)));
  }
  return await->result;
}

static struct await *await_operator(struct hoist *h, struct expr *op,
                                    const struct type *type) {
  struct expr *copy = op->suspends ? hoist_operands(h, op) : op;
  struct expr *first = bare(copy->kids.items[0].expr);
  bool is_call = expr_is_async_call(first);
  switch (op->op) {
  case OP_GATHER: {
    struct await *await = new_await(h, AWAIT_GATHER, first, type);
    await->second = copy->kids.items[1].expr;
    return await;
  }
  case OP_WAIT_FOR:
  case OP_SHIELD: {
    struct await *await =
        new_await(h, op->op == OP_SHIELD ? AWAIT_SHIELD : AWAIT_WAIT_FOR,
                  first, type);
    bool is_coro = first->type && first->type->handle == HANDLE_CORO;
    await->owned = is_call || is_coro;
    if (copy->kids.count > 1)
      await->second = copy->kids.items[1].expr;
    if (is_call || is_coro) {
      struct expr *spawn = ARENA_NEW(h->arena, struct expr);
      spawn->kind = EX_OP;
      spawn->op = OP_CREATE_TASK;
      spawn->range = first->range;
      spawn->type = handle_type();
      struct hole hole = {first->range, first};
      vector_push(h->arena, &spawn->kids, hole);
      await->expr = spawn;
    }
    return await;
  }
  case OP_CREATE_TASK:
    return new_await(h, AWAIT_OWNED, copy, type);
  default:
    return new_await(h, AWAIT_HANDLE, copy, type);
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

/* Puts out one await. Its value goes to `into`, or to a temporary when it is
 * wanted; returns which, NULL for none. */
static struct local *lower_await(struct hoist *h, struct expr *e,
                                 struct local *into, bool wanted) {
  struct expr *operand = bare(e->kids.items[0].expr);
  if (gathers_children(operand)) {
    gather_children(h, operand);
    return NULL;
  }
  if (operand->kind == EX_OP &&
      (operand->op == OP_SELECT || operand->op == OP_SELECT_IN_ORDER))
    return select_children(h, operand, into);
  struct await *await;
  if (expr_is_async_call(operand))
    await = new_await(h, AWAIT_CALL,
                      operand->suspends ? hoist_operands(h, operand) : operand,
                      e->type);
  else if (operand->kind == EX_OP)
    await = await_operator(h, operand, e->type);
  else
    await = new_await(h, AWAIT_HANDLE, hoist_expr(h, operand), e->type);
  if (!e->type->is_void) {
    if (into)
      await->result = into;
    else if (wanted)
      await->result = temp_like(h, e);
  }
  emit_await(h, await, e->range);
  return await->result;
}

/* Evaluates an expression for its effects. */
static void lower_effect(struct hoist *h, struct expr *e) {
  if (!e->suspends) {
    if (e->kind != EX_CONST)
      emit_effect(h, e);
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
    struct expr *place = bare(e->kids.items[0].expr);
    struct expr *value = bare(e->kids.items[1].expr);
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
  case EX_LOR: {
    struct expr *left = hoist_expr(h, e->kids.items[0].expr);
    struct stmt *then_part = arm(h, e->kids.items[1].expr, NULL);
    emit(h, make_if(h, e->kind == EX_LAND ? left : wrap(h, "!(\1)", left),
                    then_part, NULL, e->range));
    return;
  }
  case EX_COND: {
    if (is_long_chain(e)) {
      hoist_long_choice(h, e, NULL);
      return;
    }
    struct expr *test = hoist_expr(h, e->kids.items[0].expr);
    struct stmt *then_part = arm(h, e->kids.items[1].expr, NULL);
    struct stmt *else_part = arm(h, e->kids.items[2].expr, NULL);
    emit(h, make_if(h, test, then_part, else_part, e->range));
    return;
  }
  case EX_STMT_EXPR:
    lower_inner(h, e->body);
    return;
  default:
    break;
  }
  struct expr *rest = hoist_expr(h, e);
  if (rest->kind != EX_CONST && !(rest->kind == EX_VAR && rest->local->is_temp))
    emit_effect(h, rest);
}

/* ---- statements ---------------------------------------------------------- */

static void begin_full_expression(struct hoist *h, const struct expr *e) {
  h->changed.count = 0;
  find_changed(h, e);
}

static struct expr *full(struct hoist *h, struct expr *e) {
  if (!e || !e->suspends)
    return e;
  begin_full_expression(h, e);
  return hoist_expr(h, e);
}

static bool continues_by_label(const struct loop *loop) {
  for (; loop; loop = loop->outer)
    if (loop->continue_by_label)
      return true;
  return false;
}

/* Must this statement be looked into at all? */
static bool is_touched(const struct hoist *h, const struct stmt *s) {
  if (!s)
    return false;
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
    break;
  }
  if ((s->expr && s->expr->suspends) || (s->step && s->step->suspends) ||
      is_touched(h, s->init) || s->cleanup)
    return true;
  for (size_t i = 0; i < s->declarators.count; i++)
    if (s->declarators.items[i].init &&
        s->declarators.items[i].init->suspends)
      return true;
  for (size_t i = 0; i < s->kids.count; i++)
    if (is_touched(h, s->kids.items[i]))
      return true;
  return false;
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

/* text with a hole for each of the two. */
static struct expr *of_two(struct hoist *h, const char *text, struct expr *a,
                           struct expr *b, struct range range,
                           const struct type *type) {
  struct expr *e = new_text(h, text, range, type);
  struct hole holes[] = {{range, a}, {range, b}};
  vector_push(h->arena, &e->kids, holes[0]);
  vector_push(h->arena, &e->kids, holes[1]);
  return e;
}

static void leave_scope(struct hoist *h, struct cleanup *cleanup,
                        struct range range) {
  struct expr *variable = use(h, cleanup->variable, range);
  struct expr *error = use(h, cleanup->error, range);
  if (cleanup->scope == SCOPE_GROUP || cleanup->scope == SCOPE_CLOSING) {
    struct await *await = new_await(h, AWAIT_SCOPE_EXIT, variable, int_type(h));
    await->scope = cleanup->scope;
    await->second = error;
    await->result = cleanup->error;
    cleanup->error->used = true;
    emit_await(h, await, range);
    return;
  }
  const char *text = cleanup->scope == SCOPE_TIMEOUT
                         ? "ac_timeout_exit(&\1, \1)"
                         : "ac_scope_exit(\1, \1)";
  emit_set(h, cleanup->error,
           of_two(h, text, variable, error, range, int_type(h)), range);
}

static void run_cleanup(struct hoist *h, struct cleanup *cleanup,
                        struct range range) {
  if (cleanup->kind == CLEANUP_DEFER) {
    struct loop *loop = h->loop;
    h->loop = NULL;
    lower_stmt(h, cleanup->body);
    h->loop = loop;
  } else if (cleanup->kind == CLEANUP_VARIABLE) {
    struct expr *call = new_text(h, "\1(&\1)", range, NULL);
    struct expr *variable = use(h, cleanup->variable, range);
    struct hole holes[] = {
        {range, cleanup->variable->cleanup}, {range, variable}};
    vector_push(h->arena, &call->kids, holes[0]);
    vector_push(h->arena, &call->kids, holes[1]);
    emit_effect(h, call);
  } else {
    leave_scope(h, cleanup, range);
  }
}

static void raise_if(struct hoist *h, struct local *error, struct range range) {
  struct section section;
  open_section(h, &section);
  route_error(h, error, range);
  struct stmt *then_part = close_section(h, &section, range);
  emit(h, make_if(h, use(h, error, range), then_part, NULL, range));
}

/* At the end of its block: the cleanup itself, and whither afterwards. A scope
 * decides itself whether an error passes. */
static void close_cleanup(struct hoist *h, struct cleanup *cleanup,
                          struct range range) {
  emit_set_number(h, cleanup->next, 0, range);
  if (cleanup->kind == CLEANUP_SCOPE)
    emit_set_number(h, cleanup->error, 0, range);
  emit_mark(h, cleanup->label, range);
  h->cleanups = cleanup->outer;
  run_cleanup(h, cleanup, range);
  if (cleanup->kind == CLEANUP_SCOPE)
    raise_if(h, cleanup->error, range);
  for (size_t i = 0; i < cleanup->exits.count; i++) {
    const struct target *target = &cleanup->exits.items[i];
    if (cleanup->kind == CLEANUP_SCOPE && target->kind == TARGET_RAISE)
      continue;
    struct section section;
    open_section(h, &section);
    route(h, cleanup->outer, target,
          target->kind == TARGET_RAISE ? cleanup->error : NULL, range);
    struct stmt *then_part = close_section(h, &section, range);
    struct expr *test = wrap(
        h, arena_printf(h->arena, "\1 == %zu", i + 1),
        use(h, cleanup->next, range));
    emit(h, make_if(h, test, then_part, NULL, range));
  }
}

static void lower_block(struct hoist *h, struct stmt *s) {
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
  emit(h, block);
}

static void name_cleanup(struct hoist *h, struct cleanup *cleanup) {
  cleanup->label = new_label(h, "cleanup");
  cleanup->next = new_local(h, "next", int_type(h));
  cleanup->error = new_local(h, "error", int_type(h));
}

static void begin_cleanup(struct hoist *h, struct stmt *s) {
  name_cleanup(h, s->cleanup);
  h->cleanups = s->cleanup;
}

static void declare(struct hoist *h, struct local *local, struct range range) {
  struct stmt *s = new_stmt(h, ST_DECL, range);
  struct declarator declarator = {.local = local, .type = local->type};
  vector_push(h->arena, &s->declarators, declarator);
  s->split = true;
  emit(h, s);
}

/* The scope itself is the user's, or, of ac_timeout, a local made for it. */
static struct expr *enter_scope(struct hoist *h, struct stmt *s) {
  static const struct type scope = {.before = "struct ac_scope ",
                                    .after = "",
                                    .size = 104,
                                    .align = 8,
                                    .file_scope = true,
                                    .is_record = true};
  static const struct type scope_pointer = {.before = "struct ac_scope *",
                                            .after = "",
                                            .size = 8,
                                            .align = 8,
                                            .file_scope = true,
                                            .is_scalar = true};
  static const struct type group_pointer = {.before = "struct ac_task_group *",
                                            .after = "",
                                            .size = 8,
                                            .align = 8,
                                            .file_scope = true,
                                            .is_scalar = true};
  static const struct type generator_pointer = {
      .before = "struct ac_generator *",
      .after = "",
      .size = 8,
      .align = 8,
      .file_scope = true,
      .is_scalar = true};
  static const struct {
    const char *name, *enter;
    const struct type *type;
  } held[SCOPE_KINDS] = {
      [SCOPE_CANCEL] = {"scope", "ac_scope_enter(\1)", &scope_pointer},
      [SCOPE_GROUP] = {"group", "ac_task_group_enter(\1)", &group_pointer},
      [SCOPE_CLOSING] = {"generator", "ac_generator_enter(\1)",
                         &generator_pointer}};
  struct cleanup *cleanup = s->cleanup;
  struct expr *operand = full(h, s->expr);
  if (s->scope == SCOPE_TIMEOUT) {
    cleanup->variable = new_local(h, "timeout", &scope);
    cleanup->variable->address_taken = true;
    declare(h, cleanup->variable, s->range);
    return of_two(h, "ac_timeout_enter(&\1, \1)",
                  use(h, cleanup->variable, s->range), operand, s->range,
                  int_type(h));
  }
  cleanup->variable = new_local(h, held[s->scope].name, held[s->scope].type);
  emit_set(h, cleanup->variable, operand, s->range);
  return wrap(h, held[s->scope].enter, use(h, cleanup->variable, s->range));
}

static void lower_scope(struct hoist *h, struct stmt *s) {
  struct section section;
  open_section(h, &section);
  struct cleanup *cleanup = s->cleanup;
  struct cleanup *outer = h->cleanups;
  name_cleanup(h, cleanup);
  emit_set(h, cleanup->error, enter_scope(h, s), s->range);
  raise_if(h, cleanup->error, s->range);
  h->cleanups = cleanup;
  lower_stmt(h, s->kids.items[0]);
  struct range end = {s->range.end ? s->range.end - 1 : 0, s->range.end};
  while (h->cleanups != outer)
    close_cleanup(h, h->cleanups, end);
  struct stmt *block = close_section(h, &section, s->range);
  block->transparent = false;
  emit(h, block);
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

static struct stmt *copy_without_kids(struct hoist *h, const struct stmt *s) {
  struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
  *copy = *s;
  copy->lowered = true;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  return copy;
}

/* if (a) b else if (c) d else ... */
static void lower_long_if(struct hoist *h, struct stmt *s) {
  const char *label = new_label(h, "endif");
  struct range range = s->range;
  while (s->kind == ST_IF && s->kids.count > 1) {
    struct stmt *copy = copy_without_kids(h, s);
    copy->expr = full(h, s->expr);
    struct section section;
    open_section(h, &section);
    emit(h, lower_part(h, s->kids.items[0]));
    emit_jump(h, label, s->kids.items[0]->range);
    vector_push(h->arena, &copy->kids,
                close_section(h, &section, s->kids.items[0]->range));
    emit(h, copy);
    s = s->kids.items[1];
  }
  emit(h, lower_part(h, s));
  emit_mark(h, label, range);
}

static void lower_if(struct hoist *h, struct stmt *s) {
  if (is_long_if(h, s)) {
    lower_long_if(h, s);
    return;
  }
  struct stmt *copy = copy_without_kids(h, s);
  copy->expr = full(h, s->expr);
  for (size_t i = 0; i < s->kids.count; i++)
    vector_push(h->arena, &copy->kids, lower_part(h, s->kids.items[i]));
  emit(h, copy);
}

static struct stmt *loop_body(struct hoist *h, struct stmt *s,
                              struct loop *loop) {
  struct section section;
  loop->outer = h->loop;
  loop->cleanups = h->cleanups;
  h->loop = loop;
  open_section(h, &section);
  lower_stmt(h, s);
  if (loop->continue_label)
    emit_mark(h, loop->continue_label, s->range);
  h->loop = loop->outer;
  return close_section(h, &section, s->range);
}

static void emit_leave_unless(struct hoist *h, struct expr *test) {
  struct section section;
  open_section(h, &section);
  emit(h, new_stmt(h, ST_BREAK, test->range));
  struct stmt *leave = close_section(h, &section, test->range);
  emit(h, make_if(h, wrap(h, "!(\1)", test), leave, NULL, test->range));
}

/* while, do, for: the head stays where it holds no await. */
static void lower_loop(struct hoist *h, struct stmt *s) {
  bool test_suspends = s->expr && s->expr->suspends;
  bool step_suspends = s->step && s->step->suspends;
  struct loop loop = {.continue_by_label = step_suspends ||
                                           (s->kind == ST_DO && test_suspends)};
  struct cleanup *outer = h->cleanups;
  struct section outside;
  open_section(h, &outside);
  struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
  *copy = *s;
  copy->lowered = true;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  bool has_scope = s->init != NULL;
  if (s->init && is_touched(h, s->init)) {
    lower_stmt(h, s->init);
    copy->init = NULL;
  } else if (s->init && s->init->kind == ST_DECL) {
    emit(h, s->init); /* the scope is the block around the loop */
    copy->init = NULL;
  }
  struct section section;
  open_section(h, &section);
  if (test_suspends && s->kind != ST_DO)
    emit_leave_unless(h, full(h, s->expr));
  struct stmt *body = loop_body(h, s->kids.items[0], &loop);
  if (test_suspends || step_suspends) {
    copy->kind = ST_FOR;
    copy->expr = test_suspends ? NULL : s->expr;
    for (size_t i = 0; i < body->kids.count; i++)
      emit(h, body->kids.items[i]);
    if (step_suspends) {
      begin_full_expression(h, s->step);
      lower_effect(h, s->step);
      copy->step = NULL;
    }
    if (test_suspends && s->kind == ST_DO)
      emit_leave_unless(h, full(h, s->expr));
    body = close_section(h, &section, s->range);
    /* The body's scope is the user's block inside of this one. */
  } else {
    close_section(h, &section, s->range);
  }
  vector_push(h->arena, &copy->kids, body);
  emit(h, copy);
  if (loop.break_label)
    emit_mark(h, loop.break_label, s->range);
  struct range end = {s->range.end ? s->range.end - 1 : 0, s->range.end};
  while (h->cleanups != outer)
    close_cleanup(h, h->cleanups, end);
  struct stmt *block = close_section(h, &outside, s->range);
  block->transparent = !has_scope;
  if (block->kids.count == 1)
    emit(h, block->kids.items[0]);
  else
    emit(h, block);
}

static void lower_switch(struct hoist *h, struct stmt *s) {
  struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
  *copy = *s;
  copy->lowered = true;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  copy->expr = full(h, s->expr);
  struct loop loop = {.is_switch = true, .outer = h->loop,
                      .cleanups = h->cleanups};
  h->loop = &loop;
  struct section section;
  open_section(h, &section);
  lower_stmt(h, s->kids.items[0]);
  struct stmt *body = close_section(h, &section, s->range);
  h->loop = loop.outer;
  if (body->kids.count == 1)
    body = body->kids.items[0];
  vector_push(h->arena, &copy->kids, body);
  emit(h, copy);
  if (loop.break_label)
    emit_mark(h, loop.break_label, s->range);
}

static void lower_labelled(struct hoist *h, struct stmt *s) {
  struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
  *copy = *s;
  copy->lowered = true;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  emit(h, copy); /* the label alone; what it labels follows */
  for (size_t i = 0; i < s->kids.count; i++)
    lower_stmt(h, s->kids.items[i]);
}

static void lower_break(struct hoist *h, struct stmt *s) {
  struct loop *loop = h->loop;
  if (!loop || loop->cleanups == h->cleanups) {
    emit(h, s);
    return;
  }
  if (!loop->break_label)
    loop->break_label = new_label(h, "break");
  struct target target = {.kind = TARGET_LABEL,
                          .label = loop->break_label,
                          .cleanups = loop->cleanups};
  route(h, h->cleanups, &target, NULL, s->range);
}

static void lower_continue(struct hoist *h, struct stmt *s) {
  struct loop *loop = h->loop;
  while (loop && loop->is_switch)
    loop = loop->outer;
  if (!loop || (loop->cleanups == h->cleanups && !loop->continue_by_label)) {
    emit(h, s);
    return;
  }
  if (!loop->continue_label)
    loop->continue_label = new_label(h, "continue");
  struct target target = {.kind = TARGET_LABEL,
                          .label = loop->continue_label,
                          .cleanups = loop->cleanups};
  route(h, h->cleanups, &target, NULL, s->range);
}

static bool is_outside(const struct cleanup *outer,
                       const struct cleanup *inner) {
  for (; inner; inner = inner->outer)
    if (inner == outer)
      return true;
  return outer == NULL;
}

static void lower_goto(struct hoist *h, struct stmt *s) {
  for (size_t i = 0; i < h->labels.count; i++) {
    const struct label *label = &h->labels.items[i];
    if (!s->name || strcmp(label->name, s->name) != 0)
      continue;
    if (label->cleanups == h->cleanups)
      break;
    if (!is_outside(label->cleanups, h->cleanups)) {
      diag_at(h->diags, h->unit->source, SEVERITY_ERROR, s->range.begin,
              label->cleanups->kind == CLEANUP_SCOPE
                  ? "'goto %s' jumps into a scope"
                  : "'goto %s' jumps over a 'defer' or a variable with a "
                    "cleanup",
              s->name);
      return;
    }
    struct target target = {.kind = TARGET_LABEL,
                            .label = label->name,
                            .cleanups = label->cleanups};
    route(h, h->cleanups, &target, NULL, s->range);
    return;
  }
  emit(h, s);
}

static void lower_return(struct hoist *h, struct stmt *s) {
  struct expr *value = full(h, s->expr);
  if (!h->cleanups) {
    struct stmt *finish = new_stmt(h, ST_FINISH, s->range);
    finish->expr = value;
    emit(h, finish);
    return;
  }
  if (value && value->type && value->type->is_void) {
    emit_effect(h, value);
  } else if (value) {
    if (!h->result)
      h->result = new_local(h, "result", h->function->result);
    emit_set(h, h->result, value, s->range);
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
    emit(h, one_declarator(h, s, &declarator));
    return;
  }
  begin_full_expression(h, declarator.init);
  if (!is_assignable(&declarator)) {
    declarator.init = declarator.init->kind == EX_INIT_LIST
                          ? hoist_operands(h, declarator.init)
                          : hoist_expr(h, declarator.init);
    emit(h, one_declarator(h, s, &declarator));
    return;
  }
  struct expr *init = declarator.init;
  declarator.init = NULL;
  emit(h, one_declarator(h, s, &declarator));
  struct expr *value = bare(init);
  if (value->kind == EX_AWAIT) {
    lower_await(h, value, declarator.local, true);
  } else if (init->kind == EX_INIT_LIST) {
    struct expr *literal = wrap(h, "(\2)\1", hoist_operands(h, init));
    literal->type = declarator.local->type;
    emit_set(h, declarator.local, literal, init->range);
  } else {
    value = hoist_expr(h, init);
    emit_set(h, declarator.local, value, init->range);
  }
}

static void lower_declaration(struct hoist *h, struct stmt *s) {
  bool touched = false;
  for (size_t i = 0; i < s->declarators.count; i++)
    touched |= s->declarators.items[i].init &&
               s->declarators.items[i].init->suspends;
  size_t unnamed = 0;
  for (size_t i = 0; i < s->declarators.count; i++)
    unnamed += s->declarators.items[i].local &&
               s->declarators.items[i].local->type->nameless;
  if (touched && unnamed > 1)
    diag_at(h->diags, h->unit->source, SEVERITY_ERROR, s->range.begin,
            "several variables of an unnamed type, and an await in an "
            "initializer: give the type a tag");
  if (!touched) {
    emit(h, s);
  } else {
    for (size_t i = 0; i < s->declarators.count; i++)
      lower_declarator(h, s, s->declarators.items[i]);
  }
  if (s->cleanup)
    begin_cleanup(h, s);
}

static void lower_stmt(struct hoist *h, struct stmt *s) {
  if (!is_touched(h, s)) {
    emit(h, s);
    return;
  }
  switch (s->kind) {
  case ST_BLOCK:
    lower_block(h, s);
    break;
  case ST_EXPR:
    begin_full_expression(h, s->expr);
    lower_effect(h, s->expr);
    break;
  case ST_SET: {
    struct expr *value = full(h, s->expr);
    emit_set(h, s->local, value, s->range);
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
    copy->expr = full(h, s->expr);
    emit(h, copy);
    break;
  }
  }
}

/* ---- which cleanups are active where ------------------------------------- */

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

static bool suspends(const struct stmt *s) {
  if (!s)
    return false;
  if (s->kind == ST_DEFER || s->kind == ST_SCOPE ||
      (s->expr && s->expr->suspends) || (s->step && s->step->suspends) ||
      suspends(s->init))
    return true;
  for (size_t i = 0; i < s->declarators.count; i++)
    if (s->declarators.items[i].init &&
        s->declarators.items[i].init->suspends)
      return true;
  for (size_t i = 0; i < s->kids.count; i++)
    if (suspends(s->kids.items[i]))
      return true;
  return false;
}

static struct cleanup *scan(struct hoist *h, struct stmt *s,
                            struct cleanup *active,
                            struct cleanup *at_switch, bool block_suspends);

static void scan_expr(struct hoist *h, struct expr *e, struct cleanup *active) {
  if (!e)
    return;
  if (e->kind == EX_STMT_EXPR && e->suspends)
    scan(h, e->body, active, active, false);
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
    s->cleanup = new_cleanup(h, CLEANUP_VARIABLE, active,
                             "a variable with a cleanup");
    s->cleanup->variable = declarator->local;
    active = s->cleanup;
  }
  return active;
}

static const char *const scope_words[SCOPE_KINDS] = {
    [SCOPE_TIMEOUT] = "'ac_timeout'",
    [SCOPE_CANCEL] = "'ac_scope'",
    [SCOPE_GROUP] = "'ac_task_group'"};

/* Returns the cleanups active after the statement, in its block. */
static struct cleanup *scan(struct hoist *h, struct stmt *s,
                            struct cleanup *active,
                            struct cleanup *at_switch, bool block_suspends) {
  if (!s)
    return active;
  /* A loop's own variables: their scope ends with it. */
  struct cleanup *around = active;
  active = scan(h, s->init, active, at_switch, suspends(s));
  scan_expr(h, s->expr, active);
  scan_expr(h, s->step, active);
  switch (s->kind) {
  case ST_BLOCK: {
    struct cleanup *inner = active;
    bool inner_suspends = suspends(s);
    for (size_t i = 0; i < s->kids.count; i++)
      inner = scan(h, s->kids.items[i], inner, at_switch, inner_suspends);
    return active;
  }
  case ST_DEFER:
    s->cleanup = new_cleanup(h, CLEANUP_DEFER, active, "'defer'");
    s->cleanup->body = s->kids.items[0];
    /* A switch outside has no labels in it. */
    scan(h, s->kids.items[0], active, s->cleanup, false);
    return s->cleanup;
  case ST_SCOPE:
    s->cleanup = new_cleanup(h, CLEANUP_SCOPE, active, scope_words[s->scope]);
    s->cleanup->scope = s->scope;
    scan(h, s->kids.items[0], s->cleanup, at_switch, true);
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
      active = scan(h, s->kids.items[i], active, at_switch, block_suspends);
    return active;
  }
  for (size_t i = 0; i < s->kids.count; i++)
    scan(h, s->kids.items[i], active, at_switch, suspends(s->kids.items[i]));
  return around;
}

/* ---- awaits in the order of the text, and the scopes around them --------- */

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
  struct hoist h = {.arena = unit->arena,
                    .unit = unit,
                    .function = function,
                    .diags = diags};
  scan(&h, function->body, NULL, NULL, false);
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
