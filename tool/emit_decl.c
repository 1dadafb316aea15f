/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Declarations. Those whose variables live in the frame become stores to it;
 * types that cannot be named keep the source's own words. */
#include "emit_parts.h"

static bool needs_own_declaration(const struct declarator *d) {
  return d->local && !d->local->is_static &&
         (d->local->class == LOCAL_FRAME ||
          (d->local->class == LOCAL_SPILLED && d->local->type->is_const));
}

bool is_plain_declaration(const struct stmt *s) {
  if (s->split)
    return false;
  for (size_t i = 0; i < s->declarators.count; i++)
    if (needs_own_declaration(&s->declarators.items[i]))
      return false;
  return true;
}

static bool is_zero_list(struct emitter *e, const struct expr *init) {
  if (init->kind != EX_INIT_LIST)
    return false;
  if (!init->kids.count)
    return true;
  const struct range range = init->kids.items[0].range;
  return init->kids.count == 1 && range.end - range.begin == 1 &&
         e->source->text[range.begin] == '0';
}

/* The source's own words for a declarator, without its initializer, its name
 * replaced: for types that cannot be named. */
static void print_source_declarator(struct emitter *e,
                                    const struct declarator *d,
                                    const char *name) {
  edit_list edits = {0};
  struct edit edit = {d->name, NULL, name};
  vector_push(e->arena, &edits, edit);
  struct range range = d->range;
  if (d->init) {
    uint32_t end = d->init->range.begin;
    while (end > d->name.end && e->source->text[end] != '=')
      end--;
    if (e->source->text[end] == '=')
      range.end = end;
  }
  print_range(e, range, &edits);
}

static void print_declarator_as(struct emitter *e, const struct declarator *d,
                                const char *name, bool bare_type) {
  const struct local *local = d->local;
  if (local->like) {
    writer_printf(&e->w, "%s %s", typeof_text(e, local->like), name);
    return;
  }
  const struct type *type = bare_type ? local->bare : local->type;
  if (type->nameless || type->is_variable) {
    print_source_declarator(e, d, name);
    return;
  }
  if (local->align_text)
    writer_printf(&e->w, "%s ", local->align_text);
  writer_puts(&e->w, type_text(e, type, name));
}

static void print_frame_declarator(struct emitter *e,
                                   const struct declarator *d,
                                   uint32_t offset) {
  const struct local *local = d->local;
  if (!d->init && !local->raw)
    return;
  begin_line(e, offset);
  if (d->init && !local->raw && is_zero_list(e, d->init)) {
    writer_printf(&e->w, "__builtin_memset(&ac_self->%s, 0, %lld);",
                  local->member, (long long)local->bare->size);
    return;
  }
  const char *image = arena_printf(e->arena, "ac_image_%s", local->out_name);
  if (!local->raw)
    writer_puts(&e->w, "{ ");
  else
    writer_puts(&e->w, "__attribute__((unused)) ");
  print_declarator_as(e, d, image, !local->raw);
  if (d->init) {
    writer_puts(&e->w, " = ");
    print_expr(e, d->init);
  }
  writer_puts(&e->w, "; ");
  if (d->init)
    writer_printf(&e->w, "__builtin_memcpy(&ac_self->%s, &%s, %lld);",
                  local->member, image, (long long)local->bare->size);
  if (!local->raw)
    writer_puts(&e->w, " }");
}

static void print_declarator(struct emitter *e, const struct declarator *d,
                             uint32_t offset) {
  if (d->local && d->local->is_static) {
    begin_line(e, offset);
    edit_list edits = {0};
    collect_expr(e, d->init, &edits);
    print_range(e, d->range, &edits);
    writer_puts(&e->w, ";");
    return;
  }
  if (d->function_name) {
    begin_line(e, offset);
    writer_printf(&e->w, "%s;", type_text(e, d->type, d->function_name));
    return;
  }
  if (!d->local) {
    if (d->tag.end > d->tag.begin || d->range.end > d->range.begin) {
      begin_line(e, offset);
      copy_source(e, d->range.begin, d->range.end);
      writer_puts(&e->w, ";");
    }
    return;
  }
  if (d->local->class == LOCAL_FRAME) {
    print_frame_declarator(e, d, offset);
    return;
  }
  begin_line(e, offset);
  print_declarator_as(e, d, d->local->out_name,
                      d->local->class == LOCAL_SPILLED || !d->init);
  if (d->init) {
    writer_puts(&e->w, " = ");
    print_expr(e, d->init);
  }
  writer_puts(&e->w, ";");
}

/* Several variables of a type without a name: one declaration, in which those
 * that live in the frame are images of themselves. */
static bool is_unnamed_group(const struct stmt *s) {
  size_t variables = 0;
  bool nameless = false;
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct local *local = s->declarators.items[i].local;
    variables += local != NULL;
    nameless |= local && local->type->nameless;
  }
  return variables > 1 && nameless && !s->split;
}

static void print_unnamed_group(struct emitter *e, const struct stmt *s) {
  edit_list edits = {0};
  begin_line(e, s->range.begin);
  writer_puts(&e->w, "__attribute__((unused)) ");
  collect_stmt(e, s, &edits);
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *d = &s->declarators.items[i];
    if (!d->local || d->local->class != LOCAL_FRAME)
      continue;
    struct edit edit = {
        d->name, NULL,
        arena_printf(e->arena, "ac_image_%s", d->local->out_name)};
    vector_push(e->arena, &edits, edit);
  }
  print_range(e, s->range, &edits);
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *d = &s->declarators.items[i];
    if (!d->local || d->local->class != LOCAL_FRAME || !d->init)
      continue;
    begin_line(e, s->range.begin);
    writer_printf(&e->w, "__builtin_memcpy(&ac_self->%s, &ac_image_%s, %lld);",
                  d->local->member, d->local->out_name,
                  (long long)d->local->bare->size);
  }
}

void print_declaration(struct emitter *e, const struct stmt *s) {
  if (is_plain_declaration(s)) {
    edit_list edits = {0};
    begin_line(e, s->range.begin);
    collect_stmt(e, s, &edits);
    print_range(e, s->range, &edits);
    return;
  }
  if (is_unnamed_group(s)) {
    print_unnamed_group(e, s);
    return;
  }
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *d = &s->declarators.items[i];
    /* An unnamed tag is defined by the words of its first variable. */
    if (!d->local && d->anonymous_tag)
      continue;
    print_declarator(e, d, s->range.begin);
  }
}
