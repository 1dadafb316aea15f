/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Stretches of the source, with edits: what stands between them is printed
 * byte for byte. */
#include "emit_parts.h"

#include <stdlib.h>

bool is_kept(const struct expr *x) {
  return x->kind != EX_VAR && x->local && x->local->class == LOCAL_FRAME;
}

static bool is_as_written(const struct expr *x) {
  if (is_kept(x))
    return false;
  switch (x->kind) {
  case EX_VAR:
    return !x->local->is_temp && !x->local->renamed &&
           x->local->class != LOCAL_FRAME;
  case EX_ASYNC:
  case EX_OP:
  case EX_AWAIT:
    return false;
  default:
    return x->text == NULL;
  }
}

void collect_hole(struct emitter *e, const struct hole *hole,
                  edit_list *edits) {
  const struct expr *x = hole->expr;
  bool moved =
      x->range.begin != hole->range.begin || x->range.end != hole->range.end;
  bool decayed = e->unevaluated && expr_is_async_call(x);
  if (moved || decayed || !is_as_written(x) || x->kind == EX_UNEVALUATED ||
      (x->kind == EX_ADDR && x->kids.count &&
       x->kids.items[0].expr->kind == EX_ASYNC)) {
    struct edit edit = {hole->range, x, NULL};
    vector_push(e->arena, edits, edit);
    return;
  }
  if (x->kind == EX_STMT_EXPR) {
    collect_stmt(e, x->body, edits);
    return;
  }
  for (size_t i = 0; i < x->kids.count; i++)
    collect_hole(e, &x->kids.items[i], edits);
}

void collect_expr(struct emitter *e, const struct expr *x, edit_list *edits) {
  if (!x)
    return;
  struct hole hole = {x->range, (struct expr *)(uintptr_t)x};
  if (x->kind == EX_UNEVALUATED || x->kind == EX_TEXT) {
    for (size_t i = 0; i < x->kids.count; i++)
      collect_hole(e, &x->kids.items[i], edits);
    return;
  }
  collect_hole(e, &hole, edits);
}

void collect_stmt(struct emitter *e, const struct stmt *s, edit_list *edits) {
  if (!s)
    return;
  collect_expr(e, s->expr, edits);
  collect_expr(e, s->step, edits);
  collect_stmt(e, s->init, edits);
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *d = &s->declarators.items[i];
    if (d->local && d->local->renamed) {
      struct edit edit = {d->name, NULL, d->local->out_name};
      vector_push(e->arena, edits, edit);
    }
    collect_expr(e, d->init, edits);
  }
  for (size_t i = 0; i < s->kids.count; i++)
    collect_stmt(e, s->kids.items[i], edits);
}

static int edit_order(const void *a, const void *b) {
  const struct edit *x = a, *y = b;
  if (x->range.begin != y->range.begin)
    return x->range.begin < y->range.begin ? -1 : 1;
  return x->range.end > y->range.end ? -1 : x->range.end < y->range.end;
}

/* The end of what is left out of a function at this offset, or 0: lines of
 * conditional compilation, which may reach out of the statement that is
 * printed, and what they skip. */
static uint32_t left_out(const struct unit *unit, uint32_t at) {
  for (size_t i = 0; i < unit->skipped.count; i++)
    if (at >= unit->skipped.items[i].begin && at < unit->skipped.items[i].end)
      return unit->skipped.items[i].end;
  for (size_t i = 0; i < unit->conditionals.count; i++)
    if (at >= unit->conditionals.items[i].begin &&
        at < unit->conditionals.items[i].end)
      return unit->conditionals.items[i].end;
  return 0;
}

void copy_source(struct emitter *e, uint32_t begin, uint32_t end) {
  uint32_t from = begin;
  for (uint32_t at = begin; at < end && e->function; at++) {
    uint32_t skip = e->source->text[at] == '#' ? left_out(e->unit, at) : 0;
    if (!skip)
      continue;
    writer_add(&e->w, e->source->text + from, at - from);
    for (; at < skip && at < end; at++)
      if (e->source->text[at] == '\n')
        writer_puts(&e->w, "\n");
    from = at;
  }
  if (from < end)
    writer_add(&e->w, e->source->text + from, end - from);
}

void print_range(struct emitter *e, struct range range, edit_list *edits) {
  if (edits->count)
    qsort(edits->items, edits->count, sizeof *edits->items, edit_order);
  uint32_t at = range.begin;
  for (size_t i = 0; i < edits->count; i++) {
    const struct edit *edit = &edits->items[i];
    if (edit->range.begin < at || edit->range.end > range.end)
      continue;
    copy_source(e, at, edit->range.begin);
    if (edit->text)
      writer_puts(&e->w, edit->text);
    else
      print_expr(e, edit->expr);
    at = edit->range.end;
  }
  copy_source(e, at, range.end);
}

void indent(struct emitter *e) {
  for (int i = 0; i < e->depth && i < 40; i++)
    writer_puts(&e->w, "  ");
}

void begin_line(struct emitter *e, uint32_t offset) {
  writer_line(&e->w, source_line_at(e->source, offset));
  indent(e);
}
