/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The file is copied from front to back; at each piece the copy stops, and
 * what stands for it is printed. An async function becomes its frame's struct,
 * its descriptor, its body as one C function that can be entered at each
 * suspension point, and two callers of that body: f__ac begins it on the C
 * stack, without a frame; f__resume goes on in the frame. Both inline it when
 * optimising, so that the first holds no trace of states or frames until it
 * suspends. */
#include "emit.h"

#include "types.h"
#include "writer.h"

#include <stdlib.h>
#include <string.h>

struct edit {
  struct range range;
  const struct expr *expr; /* printed in its place */
  const char *text;        /* or this */
};

typedef VECTOR(struct edit) edit_list;

struct emitter {
  struct unit *unit;
  struct arena *arena;
  const struct source *source;
  const struct options *options;
  struct writer w;
  struct function *function;
  int depth;              /* of indentation */
  bool unevaluated;
  size_t next_directive;  /* of those inside the function at work */
  VECTOR(const char *) names; /* declared in its body, sorted */
  VECTOR(const struct type *) aliases; /* of types that such a name hides */
  unsigned first_alias;
};

static void print_expr(struct emitter *e, const struct expr *x);
static void print_one(struct emitter *e, const struct expr *x);
static void print_stmt(struct emitter *e, const struct stmt *s);

/* ---- types and names ----------------------------------------------------- */

static bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Does a name in this text mean something else in the function at work? */
static bool is_hidden(const struct emitter *e, const char *text) {
  while (*text) {
    size_t length = 0;
    while (is_word(text[length]))
      length++;
    if (!length) {
      text++;
      continue;
    }
    const char *word = arena_copy(e->arena, text, length);
    if (bsearch(&word, e->names.items, e->names.count, sizeof word, by_text))
      return true;
    text += length;
  }
  return false;
}

/* A name for a type whose own is hidden somewhere in the function. */
static const char *alias(struct emitter *e, const struct type *type) {
  size_t i = 0;
  while (i < e->aliases.count &&
         (strcmp(e->aliases.items[i]->before, type->before) != 0 ||
          strcmp(e->aliases.items[i]->after, type->after) != 0))
    i++;
  if (i == e->aliases.count)
    vector_push(e->arena, &e->aliases, type);
  return arena_printf(e->arena, "ac_type_%u", e->first_alias + (unsigned)i);
}

static const char *declare(struct emitter *e, const struct type *type,
                           const char *name) {
  struct buf text = {0};
  if (e->names.count && type->file_scope &&
      (is_hidden(e, type->before) || is_hidden(e, type->after)))
    return arena_printf(e->arena, "%s%s%s", alias(e, type), *name ? " " : "",
                        name);
  type_declare(&text, type, name);
  const char *copy = arena_copy(e->arena, text.text, text.length);
  buf_free(&text);
  return copy;
}

static const char *type_name(struct emitter *e, const struct type *type) {
  return declare(e, type, "");
}

/* f__ac with a given name's place: "ac_frame *NAME(int *, long)". */
static const char *lowered_type(struct emitter *e, const struct type *function,
                                const char *name) {
  struct buf text = {0};
  buf_printf(&text, "ac_frame *%s(%s", name,
             declare(e, function->yield, function->yield->is_void ? "*" : "*"));
  for (size_t i = 0; i < function->params.count; i++)
    buf_printf(&text, ", %s", type_name(e, function->params.items[i]));
  buf_puts(&text, ")");
  const char *copy = arena_copy(e->arena, text.text, text.length);
  buf_free(&text);
  return copy;
}

/* typeof(x), for a type without a name. */
static const char *typeof_text(struct emitter *e, const struct expr *x) {
  struct buf text = {0};
  struct writer writer = e->w;
  bool outer = e->unevaluated;
  e->w = (struct writer){.out = &text};
  e->unevaluated = true;
  writer_puts(&e->w, "__typeof__(");
  print_expr(e, x);
  writer_puts(&e->w, ")");
  e->unevaluated = outer;
  e->w = writer;
  const char *copy = arena_copy(e->arena, text.text, text.length);
  buf_free(&text);
  return copy;
}

static const char *local_text(struct emitter *e, const struct local *local) {
  if (local->class != LOCAL_FRAME)
    return local->out_name;
  if (local->raw && local->like)
    return arena_printf(e->arena, "(*(%s *)ac_self->%s)",
                        typeof_text(e, local->like), local->member);
  if (local->raw)
    return arena_printf(e->arena, "(*(__typeof__(ac_image_%s) *)ac_self->%s)",
                        local->out_name, local->member);
  return arena_printf(e->arena, "ac_self->%s", local->member);
}

/* ---- text with edits ----------------------------------------------------- */

static void collect_stmt(struct emitter *e, const struct stmt *s,
                         edit_list *edits);

/* A compound literal, or another record that is pointed into. */
static bool is_kept(const struct expr *x) {
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

static void collect_hole(struct emitter *e, const struct hole *hole,
                         edit_list *edits) {
  const struct expr *x = hole->expr;
  bool moved = x->range.begin != hole->range.begin ||
               x->range.end != hole->range.end;
  bool decayed = e->unevaluated && 
                 expr_is_async_call(x);
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

static void collect_expr(struct emitter *e, const struct expr *x,
                         edit_list *edits) {
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

static void collect_stmt(struct emitter *e, const struct stmt *s,
                         edit_list *edits) {
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

static void copy_source(struct emitter *e, uint32_t begin, uint32_t end) {
  uint32_t from = begin;
  for (uint32_t at = begin; at < end && e->function; at++) {
    uint32_t skip =
        e->source->text[at] == '#' ? left_out(e->unit, at) : 0;
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

static void print_range(struct emitter *e, struct range range,
                        edit_list *edits) {
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

/* ---- expressions --------------------------------------------------------- */

static void print_template(struct emitter *e, const struct expr *x) {
  size_t kid = 0;
  for (const char *c = x->text; *c; c++) {
    if (*c == '\2' || *c == '\3')
      writer_puts(&e->w, declare(e, x->type, *c == '\3' ? "*" : ""));
    else if (*c != '\1')
      writer_add(&e->w, c, 1);
    else if (kid < x->kids.count)
      print_expr(e, x->kids.items[kid++].expr);
  }
}

/* The lowered function as a value of the type it was declared with. */
static void print_function_value(struct emitter *e, const struct expr *x) {
  writer_printf(&e->w, "((%s)(void (*)(void))%s__ac)",
                declare(e, x->callee->type, "(*)"), x->callee->name);
}

/* The arguments of a call, each after a comma, or separated by commas. */
static void print_arguments(struct emitter *e, const struct expr *call,
                            const char *first) {
  for (size_t i = 1; i < call->kids.count; i++) {
    writer_puts(&e->w, i == 1 ? first : ", ");
    print_expr(e, call->kids.items[i].expr);
  }
}

static const struct type *callee_type(const struct expr *call) {
  return call->callee ? call->callee->type
                      : type_function(call->kids.items[0].expr->type);
}

/* &thunk, &(struct thunk_args){...} */
static void print_thunk_use(struct emitter *e, const struct expr *op,
                            const struct expr *call) {
  const struct thunk *thunk = op->thunk;
  writer_printf(&e->w, "&ac_thunk_%u, ", thunk->id);
  if (thunk->callee && thunk->type->params.count == 0) {
    writer_puts(&e->w, "NULL");
    return;
  }
  writer_printf(&e->w, "&(struct ac_thunk_%u_args){", thunk->id);
  if (!thunk->callee) {
    writer_printf(&e->w, "(%s)(void (*)(void))",
                  lowered_type(e, thunk->type, "(*)"));
    writer_puts(&e->w, "(");
    print_expr(e, call->kids.items[0].expr);
    writer_puts(&e->w, ")");
  }
  print_arguments(e, call, thunk->callee ? "" : ", ");
  writer_puts(&e->w, "}");
}

static void print_run(struct emitter *e, const struct expr *x,
                      const struct expr *operand) {
  bool is_void = x->type->is_void, unused = is_void || x->discarded;
  writer_puts(&e->w, "__extension__({ ");
  if (!is_void)
    writer_printf(&e->w, "%s; ", declare(e, x->type, "ac_value"));
  if (expr_is_async_call(operand)) {
    writer_puts(&e->w, "ac_run_thunk(");
    print_thunk_use(e, x, operand);
  } else {
    writer_puts(&e->w, "ac_run_coro(");
    print_expr(e, operand);
  }
  writer_puts(&e->w, is_void ? ", NULL)" : ", &ac_value)");
  writer_puts(&e->w, unused ? "; (void)0; })" : "; ac_value; })");
}

static void print_future_set(struct emitter *e, const struct expr *x) {
  writer_puts(&e->w, "ac_future_set_value(");
  print_expr(e, x->kids.items[0].expr);
  if (x->kids.count > 1) {
    const struct type *type = x->kids.items[0].expr->type->yield;
    const struct expr *value = expr_bare(x->kids.items[1].expr);
    writer_printf(&e->w, ", (%s){", declare(e, type, "[1]"));
    print_expr(e, value);
    writer_puts(&e->w, "})");
  } else {
    writer_puts(&e->w, ", NULL)");
  }
}

static void print_operator(struct emitter *e, const struct expr *x) {
  const struct expr *operand =
      x->kids.count ? expr_bare(x->kids.items[0].expr) : NULL;
  bool is_call = operand && expr_is_async_call(operand);
  switch (x->op) {
  case OP_CREATE_TASK:
    if (is_call) {
      writer_puts(&e->w, x->discarded ? "ac_spawn_detached(" : "ac_spawn(");
      print_thunk_use(e, x, operand);
    } else {
      writer_puts(&e->w,
                  x->discarded ? "ac_spawn_coro_detached(" : "ac_spawn_coro(");
      print_expr(e, operand);
    }
    break;
  case OP_COROUTINE:
    writer_puts(&e->w, "ac_coro_new(");
    print_thunk_use(e, x, operand);
    break;
  case OP_GATHER: /* one child of it: see hoist */
    writer_puts(&e->w, "ac_spawn_eager(");
    print_thunk_use(e, x, operand);
    break;
  case OP_SELECT: /* one child of it: see hoist */
    writer_puts(&e->w, "(struct ac_future *)(void *)ac_coro_new(");
    print_thunk_use(e, x, operand);
    break;
  case OP_RUN:
    print_run(e, x, operand);
    return;
  case OP_FUTURE_SET:
    print_future_set(e, x);
    return;
  default:
    return;
  }
  writer_puts(&e->w, ")");
}

/* The same for a record value: its array of one is the lvalue to copy from. */
static void print_kept_value(struct emitter *e, const struct expr *x) {
  struct expr value = *x;
  value.local = NULL;
  if (x->local->raw) {
    const char *type = typeof_text(e, x);
    writer_printf(&e->w,
                  "(*(%s *)__builtin_memcpy(ac_self->%s, (%s[1]){", type,
                  x->local->member, type);
  } else {
    writer_printf(&e->w, "(*(%s)__builtin_memcpy(&ac_self->%s, (%s){",
                  declare(e, x->local->bare, "(*)"), x->local->member,
                  declare(e, x->local->bare, "[1]"));
  }
  print_one(e, &value);
  writer_printf(&e->w, "}, %lld))", (long long)x->local->bare->size);
}

/* A compound literal whose address outlives the expression: copied into the
 * frame, and its place there is the lvalue. */
static void print_kept_literal(struct emitter *e, const struct expr *x) {
  edit_list edits = {0};
  const char *type = declare(e, x->local->bare, "(*)");
  if (x->local->raw)
    writer_printf(&e->w,
                  "(*(__typeof__(%.*s) *)__builtin_memcpy(ac_self->%s, &",
                  (int)(x->range.end - x->range.begin),
                  e->source->text + x->range.begin, x->local->member);
  else
    writer_printf(&e->w, "(*(%s)__builtin_memcpy(&ac_self->%s, &", type,
                  x->local->member);
  for (size_t i = 0; i < x->kids.count; i++)
    collect_hole(e, &x->kids.items[i], &edits);
  print_range(e, x->range, &edits);
  writer_printf(&e->w, ", %lld))", (long long)x->local->bare->size);
}

static void print_expr(struct emitter *e, const struct expr *x) {
  if (x->text) {
    print_template(e, x);
    return;
  }
  if (is_kept(x) && !e->unevaluated) {
    if (x->kind == EX_COMPOUND)
      print_kept_literal(e, x);
    else
      print_kept_value(e, x);
    return;
  }
  switch (x->kind) {
  case EX_VAR:
    writer_puts(&e->w, local_text(e, x->local));
    return;
  case EX_ASYNC:
    print_function_value(e, x);
    return;
  case EX_ADDR:
    if (x->kids.count && expr_bare(x->kids.items[0].expr)->kind == EX_ASYNC) {
      print_expr(e, x->kids.items[0].expr);
      return;
    }
    break;
  case EX_OP:
    print_operator(e, x);
    return;
  case EX_AWAIT: /* in an operand that is not evaluated */
    if (x->type->is_void)
      writer_puts(&e->w, "((void)0)");
    else
      writer_printf(&e->w, "(*(%s)0)", declare(e, x->type, "(*)"));
    return;
  case EX_CALL:
    if (e->unevaluated && expr_is_async_call(x)) {
      writer_printf(&e->w, "(*(%s)0)", declare(e, x->type, "(*)"));
      return;
    }
    break;
  default:
    break;
  }
  edit_list edits = {0};
  bool outer = e->unevaluated;
  e->unevaluated |= x->kind == EX_UNEVALUATED;
  for (size_t i = 0; i < x->kids.count; i++)
    collect_hole(e, &x->kids.items[i], &edits);
  if (x->kind == EX_STMT_EXPR)
    collect_stmt(e, x->body, &edits);
  print_range(e, x->range, &edits);
  e->unevaluated = outer;
}

/* ---- spills -------------------------------------------------------------- */

/* An expression where a comma would end it. */
static void print_one(struct emitter *e, const struct expr *x) {
  bool comma = x->kind == EX_COMMA && !x->text;
  writer_puts(&e->w, comma ? "(" : "");
  print_expr(e, x);
  writer_puts(&e->w, comma ? ")" : "");
}

/* to = value, also where C forbids it for a member's sake. */
static void print_assign(struct emitter *e, const char *to,
                         const struct type *type, const struct expr *value) {
  if (!type->has_const_member) {
    writer_printf(&e->w, "%s = ", to);
    print_one(e, value);
    return;
  }
  writer_printf(&e->w, "__builtin_memcpy(&%s, (%s){", to,
                declare(e, type, "[1]"));
  print_one(e, value);
  writer_printf(&e->w, "}, %lld)", (long long)type->size);
}

static void print_copy(struct emitter *e, const char *to, const char *from,
                       const struct type *type, bool raw) {
  if (raw || type->is_bool || type->has_const_member)
    writer_printf(&e->w, "__builtin_memcpy(&%s, &%s, %lld);", to, from,
                  (long long)type->size);
  else
    writer_printf(&e->w, "%s = %s;", to, from);
}

static void indent(struct emitter *e) {
  for (int i = 0; i < e->depth && i < 40; i++)
    writer_puts(&e->w, "  ");
}

static void line(struct emitter *e, uint32_t offset) {
  writer_line(&e->w, source_line_at(e->source, offset));
  indent(e);
}

static void print_spill(struct emitter *e, const struct await *await,
                        bool store) {
  for (uint32_t i = 0; i < await->live_count; i++) {
    const struct local *local = await->live[i];
    const char *member =
        arena_printf(e->arena, "ac_self->%s", local->member);
    line(e, await->offset);
    if (store)
      print_copy(e, member, local->out_name, local->bare, local->raw);
    else
      print_copy(e, local->out_name, member, local->bare, local->raw);
  }
}

/* ---- awaits -------------------------------------------------------------- */

static void print_awaited_call(struct emitter *e, const struct expr *call,
                               const char *result) {
  if (call->callee)
    writer_printf(&e->w, "%s__ac(%s", call->callee->name, result);
  else {
    writer_printf(&e->w, "((%s)(void (*)(void))(",
                  lowered_type(e, callee_type(call), "(*)"));
    print_expr(e, call->kids.items[0].expr);
    writer_printf(&e->w, "))(%s", result);
  }
  print_arguments(e, call, ", ");
  writer_puts(&e->w, ")");
}

static void print_awaited(struct emitter *e, const struct await *await,
                          const char *result) {
  switch (await->form) {
  case AWAIT_CALL:
    print_awaited_call(e, await->expr, result);
    return;
  case AWAIT_HANDLE:
    writer_printf(&e->w, "%s(%s, ",
                  await->expr->type && await->expr->type->handle == HANDLE_CORO
                      ? "ac_await_coro"
                      : "ac_await_future",
                  result);
    print_expr(e, await->expr);
    break;
  case AWAIT_OWNED:
    writer_printf(&e->w, "ac_await_future_owned(%s, ", result);
    print_expr(e, await->expr);
    break;
  case AWAIT_WAIT_FOR:
    writer_printf(&e->w, "ac_wait_for_future(%s, ", result);
    print_expr(e, await->expr);
    writer_puts(&e->w, ", ");
    print_expr(e, await->second);
    writer_printf(&e->w, ", %d", await->owned);
    break;
  case AWAIT_SHIELD:
    writer_printf(&e->w, "ac_shield_future(%s, ", result);
    print_expr(e, await->expr);
    writer_printf(&e->w, ", %d", await->owned);
    break;
  case AWAIT_GATHER:
    writer_puts(&e->w, "ac_gather_handles(NULL, ");
    print_expr(e, await->expr);
    writer_puts(&e->w, ", (size_t)(");
    print_expr(e, await->second);
    writer_puts(&e->w, ")");
    break;
  case AWAIT_GATHER_OWNED:
    writer_puts(&e->w,
                "ac_gather_children(NULL, (struct ac_future *const[]){");
    for (size_t i = 0; i < await->handles.count; i++)
      writer_printf(&e->w, "%s%s", i ? ", " : "",
                    await->handles.items[i]->out_name);
    writer_printf(&e->w, "}, %zu", await->handles.count);
    break;
  case AWAIT_SELECT:
    writer_printf(&e->w, "ac_select_handles(%s, (struct ac_future *const[]){",
                  result);
    for (size_t i = 0; i < await->handles.count; i++)
      writer_printf(&e->w, "%s%s", i ? ", " : "",
                    await->handles.items[i]->out_name);
    writer_printf(&e->w, "}, %zu, %d", await->handles.count, await->owned);
    break;
  case AWAIT_SCOPE_EXIT:
    writer_printf(&e->w, "%s(%s, ",
                  await->scope == SCOPE_GROUP ? "ac_task_group_exit"
                                              : "ac_generator_exit",
                  result);
    print_expr(e, await->expr);
    writer_puts(&e->w, ", ");
    print_expr(e, await->second);
    break;
  }
  writer_puts(&e->w, ")");
}

static const char *result_type_text(struct emitter *e,
                                    const struct await *await,
                                    const char *name) {
  const struct type *type = await->type;
  if (!type->nameless)
    return declare(e, type, name);
  if (await->result)
    return arena_printf(e->arena, "__typeof__(%s) %s",
                        local_text(e, await->result), name);
  return arena_printf(e->arena,
                      "struct { _Alignas(%lld) unsigned char bytes[%lld]; } %s",
                      (long long)type->align, (long long)type->size, name);
}

static void print_raised(struct emitter *e, const struct await *await) {
  writer_puts(&e->w, "if (AC_UNLIKELY(ac_callee))");
  e->depth++;
  const struct stmt *raised = await->raised;
  if (raised->kids.count == 1) {
    print_stmt(e, raised->kids.items[0]);
  } else {
    e->depth--;
    print_stmt(e, raised);
    e->depth++;
  }
  e->depth--;
}

static void print_await(struct emitter *e, const struct await *await) {
  const char *name = e->function->name;
  uint32_t state = await->id + 1, at = await->offset;
  bool is_void = await->type->is_void;
  line(e, at);
  writer_puts(&e->w, "{");
  e->depth++;
  if (!is_void) {
    line(e, at);
    writer_printf(&e->w, "%s;", result_type_text(e, await, "ac_r"));
  }
  line(e, at);
  writer_puts(&e->w, "ac_frame *ac_callee = ");
  print_awaited(e, await, is_void ? "NULL" : "&ac_r");
  writer_puts(&e->w, ";");
  line(e, at);
  writer_puts(&e->w, "if (AC_UNLIKELY(ac_callee != NULL)) {");
  e->depth++;
  line(e, at);
  if (e->function->frame_on_entry)
    writer_puts(&e->w, "if (ac_callee != AC_RAISED) {");
  else
    writer_printf(&e->w,
                  "if (ac_callee != AC_RAISED && AC_MAKE_FRAME(%s, %s)) {",
                  name, is_void ? "NULL" : "&ac_r");
  e->depth++;
  print_spill(e, await, true);
  line(e, at);
  writer_printf(&e->w,
                "return ac_suspend(&ac_self->ac_head, %u, ac_callee, ", state);
  if (is_void)
    writer_puts(&e->w, "NULL);");
  else
    writer_printf(&e->w, "&ac_self->ac_r%u);", state);
  line(e, at);
  writer_printf(&e->w, "ac_resume_%u:;", state);
  print_spill(e, await, false);
  if (!is_void) {
    line(e, at);
    print_copy(e, "ac_r", arena_printf(e->arena, "ac_self->ac_r%u", state),
               await->type, !await->type->file_scope);
  }
  line(e, at);
  writer_puts(&e->w, "ac_callee = ac_status;");
  e->depth--;
  line(e, at);
  writer_puts(&e->w, "}");
  line(e, at);
  print_raised(e, await);
  e->depth--;
  line(e, at);
  writer_puts(&e->w, "}");
  if (await->result) {
    line(e, at);
    if (await->type->has_const_member)
      print_copy(e, local_text(e, await->result), "ac_r", await->type, true);
    else
      writer_printf(&e->w, "%s = ac_r;", local_text(e, await->result));
  }
  e->depth--;
  line(e, at);
  writer_puts(&e->w, "}");
}

/* ---- declarations -------------------------------------------------------- */

static bool needs_own_declaration(const struct declarator *d) {
  return d->local && !d->local->is_static &&
         (d->local->class == LOCAL_FRAME ||
          (d->local->class == LOCAL_SPILLED && d->local->type->is_const));
}

static bool is_plain_declaration(const struct stmt *s) {
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
  writer_puts(&e->w, declare(e, type, name));
}

static void print_frame_declarator(struct emitter *e,
                                   const struct declarator *d,
                                   uint32_t offset) {
  const struct local *local = d->local;
  if (!d->init && !local->raw)
    return;
  line(e, offset);
  if (d->init && !local->raw && is_zero_list(e, d->init)) {
    writer_printf(&e->w, "__builtin_memset(&ac_self->%s, 0, %lld);",
                  local->member, (long long)local->bare->size);
    return;
  }
  const char *image =
      arena_printf(e->arena, "ac_image_%s", local->out_name);
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
    line(e, offset);
    edit_list edits = {0};
    collect_expr(e, d->init, &edits);
    print_range(e, d->range, &edits);
    writer_puts(&e->w, ";");
    return;
  }
  if (d->function_name) {
    line(e, offset);
    writer_printf(&e->w, "%s;", declare(e, d->type, d->function_name));
    return;
  }
  if (!d->local) {
    if (d->tag.end > d->tag.begin || d->range.end > d->range.begin) {
      line(e, offset);
      copy_source(e, d->range.begin, d->range.end);
      writer_puts(&e->w, ";");
    }
    return;
  }
  if (d->local->class == LOCAL_FRAME) {
    print_frame_declarator(e, d, offset);
    return;
  }
  line(e, offset);
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
  line(e, s->range.begin);
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
    line(e, s->range.begin);
    writer_printf(&e->w, "__builtin_memcpy(&ac_self->%s, &ac_image_%s, %lld);",
                  d->local->member, d->local->out_name,
                  (long long)d->local->bare->size);
  }
}

static void print_declaration(struct emitter *e, const struct stmt *s) {
  if (is_plain_declaration(s)) {
    edit_list edits = {0};
    line(e, s->range.begin);
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

/* ---- statements ---------------------------------------------------------- */

static void print_directives(struct emitter *e, uint32_t end);

static void skip_directives(struct emitter *e, uint32_t end) {
  while (e->next_directive < e->unit->directives.count &&
         e->unit->directives.items[e->next_directive].begin < end)
    e->next_directive++;
}

/* Directives that must stand directly before a loop. */
static bool is_for_loop(const struct source *source, uint32_t at) {
  static const char *const words[] = {"unroll", "nounroll", "ivdep", "loop",
                                      "novector"};
  at = source_skip_space(source, at + 1);
  if (!source_word_is(source, at, "pragma"))
    return false;
  at = source_skip_space(source, source_word_end(source, at));
  if (source_word_is(source, at, "GCC") || source_word_is(source, at, "clang"))
    at = source_skip_space(source, source_word_end(source, at));
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (source_word_is(source, at, words[i]))
      return true;
  return false;
}

/* A loop that is taken apart loses those. */
static void drop_loop_directives(struct emitter *e, const struct stmt *s) {
  const struct unit *unit = e->unit;
  size_t last = e->next_directive;
  if (s->kind == ST_WHILE || s->kind == ST_DO || s->kind == ST_FOR)
    return;
  while (last < unit->directives.count &&
         unit->directives.items[last].begin < s->range.begin)
    last++;
  size_t first = last;
  while (first > e->next_directive &&
         is_for_loop(e->source, unit->directives.items[first - 1].begin))
    first--;
  if (first == last)
    return;
  print_directives(e, unit->directives.items[first].begin);
  e->next_directive = last;
}

static void print_directives(struct emitter *e, uint32_t end) {
  while (e->next_directive < e->unit->directives.count &&
         e->unit->directives.items[e->next_directive].begin < end) {
    struct range range = e->unit->directives.items[e->next_directive++];
    writer_line(&e->w, source_line_at(e->source, range.begin));
    copy_source(e, range.begin, range.end);
    writer_newline(&e->w);
  }
}

static bool is_verbatim(const struct stmt *s) {
  if (s->lowered)
    return false;
  if (s->kind == ST_DECL && !is_plain_declaration(s))
    return false;
  if (s->init && !is_verbatim(s->init))
    return false;
  for (size_t i = 0; i < s->kids.count; i++)
    if (!is_verbatim(s->kids.items[i]))
      return false;
  return true;
}

static bool ends_itself(const struct stmt *s) {
  switch (s->kind) {
  case ST_BLOCK:
  case ST_DECL:
  case ST_NULL:
    return true;
  case ST_IF:
  case ST_WHILE:
  case ST_FOR:
  case ST_SWITCH:
  case ST_CASE:
  case ST_LABEL:
    return s->kids.count ? ends_itself(s->kids.items[s->kids.count - 1])
                         : true;
  default:
    return false;
  }
}

static void print_verbatim(struct emitter *e, const struct stmt *s) {
  edit_list edits = {0};
  line(e, s->range.begin);
  collect_stmt(e, s, &edits);
  struct range range = s->range;
  if (s->kind == ST_NULL || s->kind == ST_VERBATIM) {
    /* whether the range takes in the `;` depends on clang's mood */
    while (range.end > range.begin && e->source->text[range.end - 1] == ';')
      range.end--;
  }
  print_range(e, range, &edits);
  skip_directives(e, s->range.end);
  if (!ends_itself(s) || s->kind == ST_NULL || s->kind == ST_VERBATIM)
    writer_puts(&e->w, ";");
}

/* A part of a control statement, in braces. */
static void print_part(struct emitter *e, const struct stmt *s) {
  writer_puts(&e->w, " {");
  e->depth++;
  if (s->kind == ST_BLOCK)
    for (size_t i = 0; i < s->kids.count; i++)
      print_stmt(e, s->kids.items[i]);
  else
    print_stmt(e, s);
  e->depth--;
  line(e, s->range.end ? s->range.end - 1 : 0);
  writer_puts(&e->w, "}");
}

/* Chains of else if stay chains: compilers limit how deep braces nest. */
static void print_else(struct emitter *e, const struct stmt *s) {
  const struct stmt *only = s;
  if (s->kind == ST_BLOCK && s->transparent && s->kids.count == 1)
    only = s->kids.items[0];
  bool directive = e->next_directive < e->unit->directives.count &&
                   e->unit->directives.items[e->next_directive].begin <
                       only->range.begin;
  writer_puts(&e->w, " else");
  if (only->kind == ST_IF && !directive)
    print_stmt(e, only);
  else
    print_part(e, s);
}

static void print_condition(struct emitter *e, const char *word,
                            const struct expr *x) {
  writer_printf(&e->w, "%s (", word);
  if (x)
    print_expr(e, x);
  writer_puts(&e->w, ")");
}

static void print_for(struct emitter *e, const struct stmt *s) {
  writer_puts(&e->w, "for (");
  if (s->init) {
    edit_list edits = {0};
    struct range range = s->init->range;
    collect_stmt(e, s->init, &edits);
    print_range(e, range, &edits);
    if (s->init->kind != ST_DECL)
      writer_puts(&e->w, ";");
  } else {
    writer_puts(&e->w, ";");
  }
  writer_puts(&e->w, " ");
  if (s->expr)
    print_expr(e, s->expr);
  writer_puts(&e->w, "; ");
  if (s->step)
    print_expr(e, s->step);
  writer_puts(&e->w, ")");
  print_part(e, s->kids.items[0]);
}

/* How a body returns that is done, or raised: see AC_END. */
static const char *ending(const struct emitter *e, bool raised) {
  if (!e->function->awaits.count)
    return raised ? "AC_RAISED" : "(ac_frame *)0";
  return raised ? "AC_END(AC_RAISED)" : "AC_END((ac_frame *)0)";
}

static void print_finish(struct emitter *e, const struct stmt *s) {
  if (!s->expr) {
    writer_printf(&e->w, "return %s;", ending(e, false));
    return;
  }
  if (e->function->result->is_void) {
    writer_puts(&e->w, "return (void)(");
    print_expr(e, s->expr);
    writer_printf(&e->w, "), %s;", ending(e, false));
    return;
  }
  writer_puts(&e->w, "return ");
  print_assign(e, "*ac_ret", e->function->result, s->expr);
  writer_printf(&e->w, ", %s;", ending(e, false));
}

static void print_stmt(struct emitter *e, const struct stmt *s) {
  bool verbatim = is_verbatim(s);
  if (!verbatim)
    drop_loop_directives(e, s);
  print_directives(e, s->range.begin);
  if (verbatim) {
    print_verbatim(e, s);
    return;
  }
  if (s->kind == ST_DECL) {
    print_declaration(e, s);
    return;
  }
  if (s->kind == ST_AWAIT) {
    print_await(e, s->await);
    return;
  }
  line(e, s->range.begin);
  switch (s->kind) {
  case ST_BLOCK:
    writer_puts(&e->w, "{");
    e->depth++;
    for (size_t i = 0; i < s->kids.count; i++)
      print_stmt(e, s->kids.items[i]);
    e->depth--;
    line(e, s->range.end ? s->range.end - 1 : 0);
    writer_puts(&e->w, "}");
    break;
  case ST_EXPR:
  case ST_VERBATIM:
    print_expr(e, s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_SET:
    print_assign(e, local_text(e, s->local), s->local->bare, s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_CATCH:
    writer_printf(&e->w, "%s = ac_take_error();", local_text(e, s->local));
    break;
  case ST_IF:
    print_condition(e, "if", s->expr);
    print_part(e, s->kids.items[0]);
    if (s->kids.count > 1)
      print_else(e, s->kids.items[1]);
    break;
  case ST_WHILE:
    print_condition(e, "while", s->expr);
    print_part(e, s->kids.items[0]);
    break;
  case ST_DO:
    writer_puts(&e->w, "do");
    print_part(e, s->kids.items[0]);
    print_condition(e, " while", s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_FOR:
    print_for(e, s);
    break;
  case ST_SWITCH:
    print_condition(e, "switch", s->expr);
    print_part(e, s->kids.items[0]);
    break;
  case ST_CASE:
  case ST_LABEL:
    copy_source(e, s->head.begin, s->head.end);
    writer_puts(&e->w, ";");
    for (size_t i = 0; i < s->kids.count; i++)
      print_stmt(e, s->kids.items[i]);
    break;
  case ST_MARK:
    writer_printf(&e->w, "%s:;", s->name);
    break;
  case ST_GOTO:
  case ST_JUMP:
    writer_printf(&e->w, "goto %s;", s->name);
    break;
  case ST_COMPUTED_GOTO:
    writer_puts(&e->w, "goto *");
    print_expr(e, s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_BREAK:
    writer_puts(&e->w, "break;");
    break;
  case ST_CONTINUE:
    writer_puts(&e->w, "continue;");
    break;
  case ST_FINISH:
    print_finish(e, s);
    break;
  case ST_RAISED:
    if (s->expr) {
      bool framed = e->function->awaits.count > 0;
      writer_puts(&e->w, framed ? "return AC_END(ac_raise_error("
                                : "return ac_raise_error(");
      print_expr(e, s->expr);
      writer_puts(&e->w, framed ? "));" : ");");
    } else {
      writer_printf(&e->w, "return %s;", ending(e, true));
    }
    break;
  default:
    break;
  }
}

/* ---- functions ----------------------------------------------------------- */

static const char *storage(const struct function *function) {
  return function->is_static ? "static " : "";
}

static void print_member(struct emitter *e, const struct member *member,
                         int depth) {
  e->depth = depth;
  writer_newline(&e->w);
  indent(e);
  if (member->local && member->local->align_text)
    writer_printf(&e->w, "%s ", member->local->align_text);
  if (member->raw) {
    writer_printf(&e->w, "_Alignas(%lld) unsigned char %s[%lld];",
                  (long long)(member->type->align > 0 ? member->type->align : 1),
                  member->name, (long long)member->type->size);
    return;
  }
  writer_printf(&e->w, "%s;", declare(e, member->type, member->name));
}

/* A #pragma pack is for the user's structs. */
static bool is_packed(const struct emitter *e, uint32_t at) {
  for (size_t i = 0; i < e->unit->directives.count; i++) {
    uint32_t begin = e->unit->directives.items[i].begin;
    uint32_t word = source_skip_space(e->source, begin + 1);
    if (begin < at && source_word_is(e->source, word, "pragma") &&
        source_word_is(e->source,
                       source_skip_space(e->source,
                                         source_word_end(e->source, word)),
                       "pack"))
      return true;
  }
  return false;
}

static void print_frame(struct emitter *e, const struct function *f) {
  bool packed = is_packed(e, f->range.begin);
  if (packed)
    writer_puts(&e->w, "#pragma pack(push)\n#pragma pack()\n");
  writer_printf(&e->w, "struct %s__frame {\n  ac_frame ac_head;", f->name);
  for (size_t i = 0; i < f->slots.count; i++) {
    const struct slot *slot = &f->slots.items[i];
    if (slot->members.count == 1) {
      print_member(e, &slot->members.items[0], 1);
      continue;
    }
    writer_puts(&e->w, "\n  union {");
    for (size_t j = 0; j < slot->members.count; j++)
      print_member(e, &slot->members.items[j], 2);
    writer_puts(&e->w, "\n  };");
  }
  writer_puts(&e->w, "\n};\n");
  if (packed)
    writer_puts(&e->w, "#pragma pack(pop)\n");
}

static void print_string(struct emitter *e, const char *text) {
  writer_puts(&e->w, "\"");
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\')
      writer_puts(&e->w, "\\");
    writer_add(&e->w, c, 1);
  }
  writer_puts(&e->w, "\"");
}

static void print_descriptor(struct emitter *e, const struct function *f) {
  writer_printf(&e->w, "static const struct ac_point %s__points[] = {",
                f->name);
  for (size_t i = 0; i < f->awaits.count; i++)
    writer_printf(&e->w, "%s{%u}", i ? ", " : "",
                  source_line_at(e->source, f->awaits.items[i]->offset));
  writer_printf(&e->w,
                "};\n%sstatic ac_frame *%s__resume(ac_frame *ac_head, ac_frame "
                "*ac_status);\nstatic const struct ac_desc %s__desc = {\n"
                "  %s__resume, \"%s\", ",
                f->attributes.code, f->name, f->name, f->name, f->name);
  print_string(e, e->source->name);
  writer_printf(&e->w,
                ", %s__points, %zu,\n  sizeof(struct %s__frame), "
                "_Alignof(struct %s__frame)};\n",
                f->name, f->awaits.count, f->name, f->name);
}

static void print_params(struct emitter *e, const struct function *f) {
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", %s",
                  declare(e, f->params.items[i]->bare,
                          f->params.items[i]->out_name));
}

/* `int *ac_ret`, `void *ac_ret`, `char **ac_ret` */
static const char *ret_param(struct emitter *e, const struct function *f) {
  return declare(e, f->result,
                 f->result->before[0] && *f->result->after == ')'
                     ? "*ac_ret"
                     : "*ac_ret");
}

static bool mentions(struct emitter *e, const struct function *f,
                     const char *const *words, size_t count) {
  const struct source *source = e->source;
  bool in_word = false;
  for (uint32_t at = f->range.begin; at < f->range.end; at++) {
    bool begins = !in_word && is_word(source->text[at]);
    in_word = is_word(source->text[at]);
    for (size_t i = 0; begins && i < count; i++)
      if (source_word_is(source, at, words[i]))
        return true;
  }
  return false;
}

static bool mentions_function_name(struct emitter *e,
                                   const struct function *f) {
  static const char *const names[] = {"__func__", "__FUNCTION__",
                                      "__PRETTY_FUNCTION__"};
  return f->has_macros || mentions(e, f, names, sizeof names / sizeof *names);
}

/* A body that must not be inlined, or that gcc refuses to inline. */
static bool stands_alone(struct emitter *e, const struct function *f) {
  static const char *const words[] = {"va_end", "__builtin_va_end"};
  return f->has_label_values ||
         mentions(e, f, words, sizeof words / sizeof *words);
}

/* __func__ inside is the user's name of the function. */
static void print_name_macros(struct emitter *e, const struct function *f,
                              bool define) {
  static const char *const names[] = {"__func__", "__FUNCTION__",
                                      "__PRETTY_FUNCTION__"};
  writer_newline(&e->w);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (define)
      writer_printf(&e->w, "#define %s \"%s\"\n", names[i], f->name);
    else
      writer_printf(&e->w, "#undef %s\n", names[i]);
}

static void print_temporaries(struct emitter *e, const struct function *f) {
  for (size_t i = 0; i < f->locals.count; i++) {
    const struct local *local = f->locals.items[i];
    if (!local->is_temp || local->class == LOCAL_FRAME || local->like ||
        local->address_taken || !local->type->file_scope)
      continue;
    line(e, f->body->range.begin);
    writer_printf(&e->w, "%s = %s;", declare(e, local->bare, local->out_name),
                  local->type->is_scalar ? "0" : "{0}");
  }
}

static void print_dispatch(struct emitter *e, const struct function *f) {
  uint32_t at = f->body->range.begin;
  if (!f->awaits.count)
    return;
  line(e, at);
  writer_puts(&e->w, "switch (ac_state) {");
  line(e, at);
  writer_puts(&e->w, "case 0: break;");
  for (size_t i = 0; i < f->awaits.count; i++) {
    line(e, at);
    writer_printf(&e->w, "case %zu: goto ac_resume_%zu;", i + 1, i + 1);
  }
  line(e, at);
  writer_puts(&e->w, "default: __builtin_unreachable();");
  line(e, at);
  writer_puts(&e->w, "}");
}

static void print_body(struct emitter *e, struct function *f) {
  print_temporaries(e, f);
  print_dispatch(e, f);
  for (size_t i = 0; i < f->params.count; i++) {
    const struct local *param = f->params.items[i];
    if (param->class != LOCAL_FRAME)
      continue;
    line(e, f->body->range.begin);
    print_copy(e, arena_printf(e->arena, "ac_self->%s", param->member),
               param->out_name, param->bare, false);
  }
  print_stmt(e, f->body);
  line(e, f->range.end - 1);
  if (f->is_main && !f->result->is_void)
    writer_puts(&e->w, "*ac_ret = 0;");
  line(e, f->range.end - 1);
  writer_printf(&e->w, "return %s;", ending(e, false));
}

/* It is cold already, and must not be hot besides. */
static const char *restart_attributes(struct emitter *e,
                                      const struct function *f) {
  static const char hot[] = "__attribute__((hot)) ";
  const char *code = f->attributes.code;
  const char *at = strstr(code, hot);
  return at ? arena_printf(e->arena, "%.*s%s", (int)(at - code), code,
                           at + sizeof hot - 1)
            : code;
}

/* A start that was put off for want of stack. */
static void print_restart(struct emitter *e, const struct function *f) {
  writer_printf(&e->w,
                "__attribute__((noinline, cold)) %sstatic ac_frame "
                "*%s__restart(ac_frame *ac_head, ac_frame *ac_status) {\n"
                "  struct %s__frame *ac_self = (struct %s__frame *)ac_head;\n"
                "  if (ac_status) return ac_frame_end(ac_head, ac_status);\n"
                "  return %s__body(ac_self, 0, 1, NULL, ac_head->ret",
                restart_attributes(e, f), f->name, f->name, f->name, f->name);
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", ac_self->ac_p%zu", i);
  writer_puts(&e->w, ");\n}\n");
}

static void print_put_off(struct emitter *e, const struct function *f) {
  writer_printf(&e->w,
                "  if (AC_STACK_LOW()) {\n"
                "    struct %s__frame *ac_later = (struct %s__frame "
                "*)ac_frame_new(&%s__desc);\n"
                "    if (!ac_later) return ac_raise_error(-12);\n",
                f->name, f->name, f->name);
  for (size_t i = 0; i < f->params.count; i++) {
    writer_puts(&e->w, "    ");
    print_copy(e, arena_printf(e->arena, "ac_later->ac_p%zu", i),
               f->params.items[i]->out_name, f->params.items[i]->bare, false);
    writer_puts(&e->w, "\n");
  }
  writer_puts(&e->w,
              "    return ac_frame_restart(&ac_later->ac_head);\n  }\n");
}

static void print_resume(struct emitter *e, const struct function *f) {
  writer_printf(&e->w,
                "static ac_frame *%s__resume(ac_frame *ac_head, ac_frame "
                "*ac_status) {\n"
                "  if (AC_UNLIKELY(ac_head->state == 0)) %s\n"
                "  return %s__body((struct %s__frame *)ac_head, "
                "ac_head->state, 1, ac_status, ac_head->ret",
                f->name,
                f->may_recurse
                    ? arena_printf(e->arena,
                                   "return %s__restart(ac_head, ac_status);",
                                   f->name)
                    : "__builtin_unreachable();",
                f->name, f->name);
  /* What is stored in the frame before it is read. The compiler is not to see
   * that pointers are NULL, for it would warn of their uses. */
  for (size_t i = 0; i < f->params.count; i++) {
    const struct type *type = f->params.items[i]->bare;
    writer_printf(&e->w,
                  type->is_object_pointer ? ", (%s)ac_some_pointer()"
                                          : ", (%s){0}",
                  type_name(e, type));
  }
  writer_puts(&e->w, ");\n}\n");
}

static void print_begin(struct emitter *e, const struct function *f) {
  writer_printf(&e->w, "%sac_frame *%s__ac(%s", storage(f), f->name,
                ret_param(e, f));
  print_params(e, f);
  writer_puts(&e->w, ") {\n");
  if (f->may_recurse)
    print_put_off(e, f);
  if (f->frame_on_entry)
    writer_printf(&e->w,
                  "  struct %s__frame *ac_self = (struct %s__frame "
                  "*)ac_frame_new(&%s__desc);\n"
                  "  if (AC_UNLIKELY(!ac_self)) return "
                  "ac_raise_error(-12);\n",
                  f->name, f->name, f->name);
  writer_printf(&e->w, "  return %s__body(%s, NULL, ac_ret", f->name,
                f->frame_on_entry ? "ac_self, 0, 1" : "NULL, 0, 0");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", %s", f->params.items[i]->out_name);
  writer_puts(&e->w, ");\n}\n");
}

static void print_main(struct emitter *e, const struct function *f) {
  writer_puts(&e->w, "struct main__args {");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, " %s;",
                  declare(e, f->params.items[i]->bare,
                          arena_printf(e->arena, "p%zu", i)));
  writer_puts(&e->w, f->params.count ? " };\n" : " char none; };\n");
  writer_puts(&e->w,
              "static ac_frame *main__start(void *ac_ret, void *ac_args) {\n"
              "  struct main__args *ac_a = ac_args;\n  (void)ac_a;\n"
              "  return main__ac(ac_ret");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", ac_a->p%zu", i);
  writer_puts(&e->w,
              ");\n}\nint main(");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, "%s%s", i ? ", " : "",
                  declare(e, f->params.items[i]->bare,
                          arena_printf(e->arena, "p%zu", i)));
  writer_puts(&e->w, f->params.count ? "" : "void");
  writer_puts(&e->w,
              ") {\n  static const struct ac_thunk ac_thunk = {main__start, "
              "\"main\", sizeof(struct main__args), sizeof(int), "
              "_Alignof(struct main__args)};\n"
              "  struct main__args ac_args = {");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, "%sp%zu", i ? ", " : "", i);
  writer_puts(&e->w,
              f->params.count ? "" : "0");
  writer_puts(&e->w, "};\n  int ac_result = 0;\n"
                     "  return ac_run_main(&ac_thunk, &ac_args, "
                     "&ac_result);\n}\n");
}

static void print_signature(struct emitter *e, const struct function *f,
                            bool has_frame) {
  if (has_frame) {
    writer_printf(&e->w,
                  "%s%s ac_frame *%s__body(struct %s__frame *ac_self, uint32_t "
                  "ac_state, int ac_resumed, ac_frame *ac_status, %s",
                  f->attributes.code,
                  stands_alone(e, f) ? "AC_BODY_ONCE" : "AC_BODY", f->name,
                  f->name, ret_param(e, f));
  } else {
    writer_printf(&e->w, "%sac_frame *%s__ac(%s", storage(f), f->name,
                  ret_param(e, f));
  }
  print_params(e, f);
  writer_puts(&e->w, ") {");
}

static void find_names(struct emitter *e, const struct function *f) {
  e->names.count = 0;
  for (size_t i = 0; i < f->locals.count; i++)
    if (!f->locals.items[i]->is_temp)
      vector_push(e->arena, &e->names, f->locals.items[i]->name);
  for (size_t i = 0; i < f->tags.count; i++)
    vector_push(e->arena, &e->names, f->tags.items[i]);
  if (e->names.count)
    qsort(e->names.items, e->names.count, sizeof *e->names.items, by_text);
}

static void print_aliases(struct emitter *e, const struct function *f) {
  uint32_t first = source_line_at(e->source, f->range.begin);
  e->w.quiet = true;
  e->names.count = 0;
  for (size_t i = 0; i < e->aliases.count; i++) {
    writer_line(&e->w, first);
    writer_printf(
        &e->w, "typedef %s;",
        declare(e, e->aliases.items[i],
                arena_printf(e->arena, "ac_type_%u",
                             e->first_alias + (unsigned)i)));
  }
  writer_newline(&e->w);
  find_names(e, f);
}

static void print_lowered(struct emitter *e, struct function *f);

/* Printed again where it turns out to need aliases, which stand before it. */
static void print_function(struct emitter *e, struct function *f) {
  struct writer start = e->w;
  size_t length = e->w.out->length;
  e->first_alias += (unsigned)e->aliases.count;
  e->aliases.count = 0;
  find_names(e, f);
  print_lowered(e, f);
  if (e->aliases.count) {
    e->w = start;
    e->w.out->length = length;
    print_aliases(e, f);
    print_lowered(e, f);
  }
  e->names.count = 0;
}

static void print_lowered(struct emitter *e, struct function *f) {
  bool has_frame = f->awaits.count > 0;
  e->function = f;
  e->depth = 0;
  e->w.quiet = true;
  e->next_directive = 0;
  skip_directives(e, f->range.begin);
  uint32_t first = source_line_at(e->source, f->range.begin);
  bool names = mentions_function_name(e, f);
  writer_line(&e->w, first);
  if (has_frame) {
    print_frame(e, f);
    writer_line(&e->w, first);
    print_descriptor(e, f);
  }
  if (names)
    print_name_macros(e, f, true);
  writer_line(&e->w, first);
  if (has_frame) {
    writer_puts(&e->w, "AC_BODY_BEGIN\n");
    writer_line(&e->w, first);
  }
  print_signature(e, f, has_frame);
  e->depth = 1;
  print_body(e, f);
  e->depth = 0;
  line(e, f->range.end - 1);
  writer_puts(&e->w, "}\n");
  print_directives(e, f->range.end);
  if (names)
    print_name_macros(e, f, false);
  writer_line(&e->w, first);
  e->w.pinned = first;
  if (has_frame) {
    print_begin(e, f);
    writer_line(&e->w, first);
    if (f->may_recurse) {
      print_restart(e, f);
      writer_line(&e->w, first);
    }
    print_resume(e, f);
    writer_puts(&e->w, "AC_BODY_END\n");
  }
  if (f->is_main) {
    writer_line(&e->w, first);
    print_main(e, f);
  }
  e->w.pinned = 0;
  e->w.line = 0;
  e->w.quiet = false;
  e->function = NULL;
}

/* ---- what must stand before a declaration -------------------------------- */

struct needs {
  struct emitter *e;
  VECTOR(struct function *) functions;
  VECTOR(struct thunk *) thunks;
};

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
                    declare(e, type->params.items[i],
                            arena_printf(e->arena, "p%zu", i)));
    writer_puts(&e->w, " };\n");
  }
  writer_printf(&e->w,
                "static ac_frame *ac_thunk_%u_start(void *ac_ret, void "
                "*ac_args) {\n",
                t->id);
  if (has_args)
    writer_printf(&e->w, "  struct ac_thunk_%u_args *ac_a = ac_args;\n",
                  t->id);
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

static void print_needs(struct emitter *e, struct needs *n, uint32_t offset) {
  if (!n->functions.count && !n->thunks.count)
    return;
  uint32_t source_line = source_line_at(e->source, offset);
  e->w.quiet = true;
  for (size_t i = 0; i < n->functions.count; i++) {
    const struct function *f = n->functions.items[i];
    writer_line(&e->w, source_line);
    writer_printf(&e->w, "%s%s%s%s%s%s;", f->attributes.entry,
                  f->attributes.code, storage(f),
                  lowered_type(e, f->type,
                               arena_printf(e->arena, "%s__ac", f->name)),
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

/* ---- the unit ------------------------------------------------------------ */

/* All pieces of one declaration share their anchor. */
static void gather_needs(struct emitter *e, size_t first, struct needs *n) {
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

/* Conditionals that begin or end inside a replaced stretch, and not both:
 * they are kept, behind what replaces it. */
static void print_open_conditionals(struct emitter *e, struct range range) {
  const struct source *source = e->source;
  VECTOR(struct range) open = {0};
  size_t depth = 0; /* of those in `open` that are an #if */
  for (size_t i = 0; i < e->unit->conditionals.count; i++) {
    struct range line = e->unit->conditionals.items[i];
    if (line.begin < range.begin || line.begin >= range.end)
      continue;
    uint32_t word = source_skip_space(source, line.begin + 1);
    bool begins = source_word_is(source, word, "if") ||
                  source_word_is(source, word, "ifdef") ||
                  source_word_is(source, word, "ifndef");
    if (begins) {
      depth++;
      vector_push(e->arena, &open, line);
    } else if (depth && source_word_is(source, word, "endif")) {
      depth--;
      do {
        open.count--;
        word = source_skip_space(source,
                                 open.items[open.count].begin + 1);
      } while (source->text[word] != 'i'); /* back to its #if */
    } else {
      vector_push(e->arena, &open, line);
    }
  }
  for (size_t i = 0; i < open.count; i++) {
    writer_newline(&e->w);
    writer_add(&e->w, source->text + open.items[i].begin,
               open.items[i].end - open.items[i].begin);
    writer_newline(&e->w);
    e->w.line = 0;
  }
}

/* User text from one offset to another, under the user's own lines. */
static void copy_user(struct emitter *e, uint32_t begin, uint32_t end) {
  if (begin >= end)
    return;
  if (e->w.line_start || e->w.quiet_now)
    writer_line(&e->w, source_line_at(e->source, begin));
  copy_source(e, begin, end);
}

static void print_prologue(struct emitter *e) {
  buf_printf(e->w.out,
             "/* Made by acc from %s. What it generates is the user's own. "
             "*/\n#define AC_GENERATED 1\n",
             e->source->name);
  /* A function with code before the first line marker: without one, binutils
   * name this file and not the source for every line of it. */
  if (e->w.markers)
    buf_puts(e->w.out, "__attribute__((used)) static void ac_unit_begin(void) "
                       "{}\n");
}

void emit_unit(struct unit *unit, const struct options *options,
               struct buf *out) {
  struct emitter e = {.unit = unit,
                      .arena = unit->arena,
                      .source = unit->source,
                      .options = options,
                      .w = {.out = out,
                            .file = unit->source->name,
                            .markers = options->line_directives,
                            .line_start = true}};
  print_prologue(&e);
  uint32_t at = 0;
  uint32_t anchor = UINT32_MAX;
  for (size_t i = 0; i < unit->pieces.count; i++) {
    struct piece *piece = unit->pieces.items[i];
    if (piece->anchor != anchor) {
      struct needs needs;
      anchor = piece->anchor;
      gather_needs(&e, i, &needs);
      copy_user(&e, at, anchor);
      at = anchor;
      if (piece->tag.end) {
        copy_user(&e, piece->tag.begin, piece->tag.end);
        writer_puts(&e.w, ";\n");
      }
      print_needs(&e, &needs, anchor);
    }
    if (piece->range.begin < at)
      continue;
    copy_user(&e, at, piece->range.begin);
    at = piece->range.end;
    if (piece->function) {
      writer_newline(&e.w);
      print_function(&e, piece->function);
      print_open_conditionals(&e, piece->range);
    } else if (piece->expr) {
      print_expr(&e, piece->expr);
    } else if (piece->drop) {
      at = source_skip_space(unit->source, at);
      at += at < unit->source->bytes && unit->source->text[at] == ';';
    }
  }
  copy_user(&e, at, unit->source->bytes);
  writer_newline(&e.w);
}
