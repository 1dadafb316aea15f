/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What must stand before a declaration: prototypes of the lowered functions
 * that it names, and thunks for the calls that it has begun later. */
#include "emit_parts.h"

static void need_function(struct needs *n, struct function *f) {
  if (f->declared)
    return;
  f->declared = true;
  vector_push(n->e->arena, &n->functions, f);
}

static void need_thunk(struct needs *n, struct expr *op,
                       const struct expr *call) {
  struct unit *unit = n->e->unit;
  for (size_t i = 0; call->callee && i < unit->thunks.count; i++)
    if (unit->thunks.items[i]->callee == call->callee) {
      op->thunk = unit->thunks.items[i];
      return;
    }
  struct thunk *thunk = ARENA_NEW(n->e->arena, struct thunk);
  vector_push(n->e->arena, &unit->thunks, thunk);
  thunk->id = n->e->unit->thunk_count++;
  thunk->callee = call->callee;
  thunk->type = callee_type(call);
  op->thunk = thunk;
  if (call->callee)
    need_function(n, call->callee);
  vector_push(n->e->arena, &n->thunks, thunk);
}

static void needs_stmt(struct needs *n, struct stmt *s);

static void needs_stmt(struct needs *n, struct stmt *s);

static void needs_expr(struct needs *n, struct expr *x) {
  if (!x)
    return;
  if (x->callee)
    need_function(n, x->callee);
  if (x->kind == EX_OP && x->kids.count && !x->thunk) {
    const struct expr *operand = expr_bare(x->kids.items[0].expr);
    if (expr_is_async_call(operand))
      need_thunk(n, x, operand);
  }
  for (size_t i = 0; i < x->kids.count; i++)
    needs_expr(n, x->kids.items[i].expr);
  if (x->kind == EX_STMT_EXPR)
    needs_stmt(n, x->body);
}

static void needs_stmt(struct needs *n, struct stmt *s) {
  if (!s)
    return;
  needs_expr(n, s->expr);
  needs_expr(n, s->step);
  needs_stmt(n, s->init);
  if (s->await) {
    needs_expr(n, s->await->expr);
    needs_expr(n, s->await->second);
    needs_stmt(n, s->await->raised);
  }
  for (size_t i = 0; i < s->declarators.count; i++)
    needs_expr(n, s->declarators.items[i].init);
  for (size_t i = 0; i < s->kids.count; i++)
    needs_stmt(n, s->kids.items[i]);
}

static void print_thunk(struct emitter *e, const struct thunk *t) {
  const struct type *type = t->type;
  const char *result =
      type->yield->is_void
          ? "0"
          : arena_printf(e->arena, "sizeof(%s)", type_name(e, type->yield));
  bool has_args = !t->callee || type->params.count;
  writer_newline(&e->w);
  if (has_args) {
    writer_printf(&e->w, "struct ac_thunk_%u_args {", t->id);
    if (!t->callee)
      writer_printf(&e->w, " %s;", lowered_type(e, type, "(*callee)"));
    for (size_t i = 0; i < type->params.count; i++)
      writer_printf(&e->w, " %s;",
                    type_text(e, type->params.items[i],
                              arena_printf(e->arena, "p%zu", i)));
    writer_puts(&e->w, " };\n");
  }
  writer_printf(&e->w,
                "static ac_frame *ac_thunk_%u_start(void *ac_ret, void "
                "*ac_args) {\n",
                t->id);
  if (has_args)
    writer_printf(&e->w, "  struct ac_thunk_%u_args *ac_a = ac_args;\n", t->id);
  else
    writer_puts(&e->w, "  (void)ac_args;\n");
  if (t->callee)
    writer_printf(&e->w, "  return %s__ac(ac_ret", t->callee->name);
  else
    writer_puts(&e->w, "  return ac_a->callee(ac_ret");
  for (size_t i = 0; i < type->params.count; i++)
    writer_printf(&e->w, ", ac_a->p%zu", i);
  writer_printf(&e->w,
                ");\n}\nstatic const struct ac_thunk ac_thunk_%u = "
                "{ac_thunk_%u_start, \"%s\", ",
                t->id, t->id, t->callee ? t->callee->name : "(pointer)");
  if (has_args)
    writer_printf(&e->w, "sizeof(struct ac_thunk_%u_args), %s, ", t->id,
                  result);
  else
    writer_printf(&e->w, "0, %s, ", result);
  const char *args_align =
      has_args
          ? arena_printf(e->arena, "_Alignof(struct ac_thunk_%u_args)", t->id)
          : "1";
  if (type->yield->is_void)
    writer_printf(&e->w, "%s};\n", args_align);
  else
    writer_printf(&e->w, "%s > _Alignof(%s) ? %s : _Alignof(%s)};\n",
                  args_align, type_name(e, type->yield), args_align,
                  type_name(e, type->yield));
}

void print_needs(struct emitter *e, struct needs *n, uint32_t offset) {
  if (!n->functions.count && !n->thunks.count)
    return;
  uint32_t source_line = source_line_at(e->source, offset);
  e->w.quiet = true;
  for (size_t i = 0; i < n->functions.count; i++) {
    const struct function *f = n->functions.items[i];
    writer_line(&e->w, source_line);
    writer_printf(
        &e->w, "%s%s%s%s%s%s;", f->attributes.entry, f->attributes.code,
        storage(f),
        lowered_type(e, f->type, arena_printf(e->arena, "%s__ac", f->name)),
        f->attributes.label ? " " : "",
        f->attributes.label ? f->attributes.label : "");
  }
  e->w.pinned = source_line;
  for (size_t i = 0; i < n->thunks.count; i++) {
    writer_line(&e->w, source_line);
    print_thunk(e, n->thunks.items[i]);
  }
  e->w.pinned = 0;
  e->w.line = 0;
  e->w.quiet = false;
}

void gather_needs(struct emitter *e, size_t first, struct needs *n) {
  struct unit *unit = e->unit;
  uint32_t anchor = unit->pieces.items[first]->anchor;
  *n = (struct needs){.e = e};
  for (size_t i = first; i < unit->pieces.count; i++) {
    struct piece *piece = unit->pieces.items[i];
    if (piece->anchor != anchor)
      break;
    if (piece->function) {
      need_function(n, piece->function);
      needs_stmt(n, piece->function->body);
    } else if (piece->expr) {
      needs_expr(n, piece->expr);
    }
  }
}
