/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The nodes that the lowering makes, and the list they go to. */
#include "hoist_parts.h"

struct stmt *make_stmt(struct hoist *h, enum stmt_kind kind,
                       struct range range) {
  struct stmt *s = ARENA_NEW(h->arena, struct stmt);
  s->kind = kind;
  s->range = range;
  s->lowered = true;
  return s;
}

void put(struct hoist *h, struct stmt *s) { vector_push(h->arena, h->out, s); }

struct expr *make_text(struct hoist *h, const char *text, struct range range,
                       const struct type *type) {
  struct expr *e = ARENA_NEW(h->arena, struct expr);
  e->kind = EX_TEXT;
  e->text = text;
  e->range = range;
  e->type = type;
  return e;
}

struct expr *make_wrapped(struct hoist *h, const char *text, struct expr *kid) {
  struct expr *e = make_text(h, text, kid->range, kid->type);
  struct hole hole = {kid->range, kid};
  e->kind = EX_PURE;
  vector_push(h->arena, &e->kids, hole);
  return e;
}

#define SCALAR(text, bytes)                                                    \
  {                                                                            \
    .before = text, .after = "", .size = bytes, .align = bytes,                \
    .file_scope = true, .is_scalar = true                                      \
  }

const struct type *made_type(enum made_type type) {
  static const struct type types[] = {
      [TYPE_VOID] = {.before = "void ",
                     .after = "",
                     .align = 1,
                     .file_scope = true,
                     .is_void = true},
      [TYPE_INT] = SCALAR("int ", 4),
      [TYPE_HANDLE] = SCALAR("struct ac_future *", sizeof(void *)),
      [TYPE_SCOPE] = {.before = "struct ac_scope ",
                      .after = "",
                      .size = 104,
                      .align = 8,
                      .file_scope = true,
                      .is_record = true},
      [TYPE_SCOPE_POINTER] = SCALAR("struct ac_scope *", 8),
      [TYPE_GROUP_POINTER] = SCALAR("struct ac_task_group *", 8),
      [TYPE_GENERATOR_POINTER] = SCALAR("struct ac_generator *", 8)};
  return &types[type];
}

struct local *make_local(struct hoist *h, const char *stem,
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

struct expr *make_use(struct hoist *h, struct local *local,
                      struct range range) {
  struct expr *e = ARENA_NEW(h->arena, struct expr);
  e->kind = EX_VAR;
  e->local = local;
  e->range = range;
  e->type = local->type;
  local->used = true;
  return e;
}

const char *make_label(struct hoist *h, const char *stem) {
  return arena_printf(h->arena, "ac_%s_%u", stem, h->unit->label_count++);
}

void put_set(struct hoist *h, struct local *local, struct expr *value,
             struct range range) {
  struct stmt *s = make_stmt(h, ST_SET, range);
  s->local = local;
  s->expr = value;
  put(h, s);
}

void put_number(struct hoist *h, struct local *local, unsigned number,
                struct range range) {
  put_set(h, local,
          make_text(h, arena_printf(h->arena, "%u", number), range,
                    made_type(TYPE_INT)),
          range);
}

void put_mark(struct hoist *h, const char *label, struct range range) {
  struct stmt *s = make_stmt(h, ST_MARK, range);
  s->name = label;
  put(h, s);
}

void put_jump(struct hoist *h, const char *label, struct range range) {
  struct stmt *s = make_stmt(h, ST_JUMP, range);
  s->name = label;
  put(h, s);
}

void put_effect(struct hoist *h, struct expr *e) {
  struct stmt *s = make_stmt(h, ST_EXPR, e->range);
  s->expr = e;
  put(h, s);
}

struct local *make_temp(struct hoist *h, struct expr *e) {
  struct local *local = make_local(h, "t", e->type);
  if (!e->type->file_scope) {
    local->like = e;
    struct stmt *s = make_stmt(h, ST_DECL, e->range);
    struct declarator declarator = {.local = local, .type = e->type};
    vector_push(h->arena, &s->declarators, declarator);
    s->split = true;
    put(h, s);
  }
  return local;
}

void open_section(struct hoist *h, struct section *section) {
  *section = (struct section){.outer = h->out};
  h->out = &section->list;
}

struct stmt *close_section(struct hoist *h, struct section *section,
                           struct range range) {
  struct stmt *s = make_stmt(h, ST_BLOCK, range);
  for (size_t i = 0; i < section->list.count; i++)
    vector_push(h->arena, &s->kids, section->list.items[i]);
  s->transparent = true;
  h->out = section->outer;
  return s;
}

struct expr *make_no_value(struct hoist *h, struct range range) {
  struct expr *e = make_text(h, "((void)0)", range, made_type(TYPE_VOID));
  e->kind = EX_CONST;
  return e;
}

struct expr *make_copy(struct hoist *h, const struct expr *e) {
  struct expr *copy = ARENA_NEW(h->arena, struct expr);
  *copy = *e;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  for (size_t i = 0; i < e->kids.count; i++)
    vector_push(h->arena, &copy->kids, e->kids.items[i]);
  copy->suspends = false;
  return copy;
}

struct stmt *make_if(struct hoist *h, struct expr *condition,
                     struct stmt *then_part, struct stmt *else_part,
                     struct range range) {
  struct stmt *s = make_stmt(h, ST_IF, range);
  s->expr = condition;
  vector_push(h->arena, &s->kids, then_part);
  if (else_part)
    vector_push(h->arena, &s->kids, else_part);
  return s;
}

struct expr *hoist_bare(struct expr *e) {
  return (struct expr *)(uintptr_t)expr_bare(e);
}

struct expr *make_of_two(struct hoist *h, const char *text, struct expr *a,
                         struct expr *b, struct range range,
                         const struct type *type) {
  struct expr *e = make_text(h, text, range, type);
  struct hole holes[] = {{range, a}, {range, b}};
  vector_push(h->arena, &e->kids, holes[0]);
  vector_push(h->arena, &e->kids, holes[1]);
  return e;
}

struct stmt *make_childless(struct hoist *h, const struct stmt *s) {
  struct stmt *copy = ARENA_NEW(h->arena, struct stmt);
  *copy = *s;
  copy->lowered = true;
  copy->kids.items = NULL;
  copy->kids.count = copy->kids.capacity = 0;
  return copy;
}
