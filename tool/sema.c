/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * One walk over each function's statements and expressions, carrying where it
 * is: in an operand that is not evaluated, in a defer, in which loops. */
#include "sema.h"

#include "buf.h"
#include "types.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct place {
  const char *unevaluated; /* what kind of operand, or NULL */
  bool selected;           /* or it may be evaluated: no macro may hold it */
  bool consumed;           /* an await or operator takes this call */
  bool in_async;
};

/* Of the statement around: what may be left from here. */
struct around {
  bool in_defer;
  const struct stmt *defer; /* the innermost */
  bool in_loop, in_switch; /* of the defer's own, when in one */
  /* In the condition or step of a loop, in a switch's operand: not of a
   * statement inside that. */
  bool in_head, in_loop_head;
  const struct stmt *scope; /* the innermost that a consumer must not run in */
};

struct label {
  const char *name;
  const struct stmt *defer; /* the innermost around it */
};

struct sema {
  const struct unit *unit;
  const struct source *source;
  struct diags *diags;
  struct arena *arena;
  const struct function *function; /* NULL: plain code */
  VECTOR(struct label) labels;     /* of the function */
  struct around around;            /* of the statement at work */
  VECTOR(uint32_t) awaits;         /* offsets of all that were found */
  const struct range *errors;      /* where clang found some */
  size_t error_count;
  VECTOR(const char *) unknown; /* names whose declarations have one */
};

static void check_expr(struct sema *s, const struct expr *e,
                       struct place place);
static void check_stmt(struct sema *s, const struct stmt *stmt,
                       struct around around);

static void error(struct sema *s, uint32_t offset, const char *text) {
  diag_at(s->diags, s->source, SEVERITY_ERROR, offset, "%s", text);
}

static const char *type_text(struct sema *s, const struct type *type) {
  struct buf text = {0};
  type_declare(&text, type, "");
  const char *copy = arena_copy(s->arena, text.text, text.length);
  buf_free(&text);
  return copy;
}

static const char *text_of(struct sema *s, const struct expr *e) {
  uint32_t length = e->range.end - e->range.begin;
  return arena_copy(s->arena, s->source->text + e->range.begin,
                    length < 60 ? length : 60);
}

static void check_kids(struct sema *s, const struct expr *e,
                       struct place place) {
  place.consumed = false;
  for (size_t i = 0; i < e->kids.count; i++)
    check_expr(s, e->kids.items[i].expr, place);
}

/* Does .x, ->x, [x] or a call follow? They bind closer than await. */
static bool has_postfix(const struct sema *s, uint32_t end) {
  uint32_t at = source_skip_space(s->source, end);
  if (at + 1 >= s->source->bytes)
    return false;
  const char *text = s->source->text + at;
  return *text == '.' || *text == '[' || *text == '(' ||
         (*text == '-' && text[1] == '>');
}

/* The fix-it of an expression that lacks its await. */
static void offer_await(struct sema *s, const struct expr *e,
                        struct place place) {
  if (!place.in_async || place.unevaluated)
    return;
  bool postfix = has_postfix(s, e->range.end);
  diag_insert(s->diags, s->source, e->range.begin,
              postfix ? "(await " : "await ");
  if (postfix)
    diag_insert(s->diags, s->source, e->range.end, ")");
}

/* The fix-it of an await that is one too many. */
static void offer_no_await(struct sema *s, const struct expr *e) {
  if (e->kind == EX_AWAIT && e->kids.count)
    diag_replace(s->diags, s->source,
                 (struct range){e->range.begin,
                                e->kids.items[0].expr->range.begin},
                 "");
}

static void note_declared(struct sema *s, const struct function *f) {
  if (f && f->is_defined)
    diag_at(s->diags, s->source, SEVERITY_NOTE, f->range.begin,
            "'%s' is declared async here", f->name);
}

/* Functions that an async function must not call. */
static const char *refusal(const char *name) {
  static const char *const refused[][2] = {
      {"alloca", "memory from 'alloca' does not outlive a suspension; use an "
                 "array or malloc"},
      {"__builtin_alloca", "memory from 'alloca' does not outlive a "
                           "suspension; use an array or malloc"},
      {"setjmp", "'setjmp' cannot be used in an async function: the stack it "
                 "returns to is gone after a suspension"},
      {"_setjmp", "'setjmp' cannot be used in an async function: the stack it "
                  "returns to is gone after a suspension"},
      {"sigsetjmp", "'sigsetjmp' cannot be used in an async function: the "
                    "stack it returns to is gone after a suspension"},
      {"__sigsetjmp", "'sigsetjmp' cannot be used in an async function: the "
                      "stack it returns to is gone after a suspension"},
      {"longjmp", "'longjmp' cannot be used in an async function: it would "
                  "leave frames and 'defer' blocks behind; use ac_raise"},
      {"siglongjmp", "'siglongjmp' cannot be used in an async function: it "
                     "would leave frames and 'defer' blocks behind; use "
                     "ac_raise"},
      {"vfork", "'vfork' cannot be used in an async function"}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (!strcmp(name, refused[i][0]))
      return refused[i][1];
  return NULL;
}

/* The macro that is, or holds, what stands here: `whole`, when nothing else
 * came of it. NULL: none. */
static const char *macro_of(const struct sema *s, const struct expr *e,
                            bool *whole) {
  const struct source *source = s->source;
  const struct splice *splice = source_splice_at(source, e->range.begin);
  if (!splice)
    return NULL;
  uint32_t first = source_skip_space(source, splice->at);
  uint32_t after = source_skip_space(source, e->range.end);
  *whole = first == e->range.begin && after >= splice->at + splice->bytes;
  const char *text = source->original + splice->begin;
  size_t length = 0;
  while (isalnum((unsigned char)text[length]) || text[length] == '_')
    length++;
  return length ? arena_copy(s->arena, text, length) : NULL;
}

/* The fix-it of a call that a macro brought, as a whole. */
static void offer_await_of_macro(struct sema *s, const struct expr *e,
                                 struct place place) {
  const struct splice *splice = source_splice_at(s->source, e->range.begin);
  if (!place.in_async || place.unevaluated ||
      has_postfix(s, splice->at + splice->bytes))
    return;
  struct fixit fixit = {{splice->begin, splice->begin}, "await "};
  vector_push(s->arena, &s->diags->items.items[s->diags->items.count - 1].fixits,
              fixit);
}

/* The call is named by what the user wrote: a macro that is all of it. */
static void never_awaited(struct sema *s, const struct expr *e,
                          struct place place) {
  bool whole = false;
  const char *macro = macro_of(s, e, &whole);
  const char *name = macro && whole ? macro : e->callee->name;
  const char *in = macro && !whole
                       ? arena_printf(s->arena, " in macro '%s'", macro)
                       : "";
  diag_at(s->diags, s->source, SEVERITY_ERROR, e->range.begin,
          "call of async function '%s'%s is never awaited", name, in);
  if (macro && whole)
    offer_await_of_macro(s, e, place);
  else
    offer_await(s, e, place);
  note_declared(s, e->callee);
}

static void check_call(struct sema *s, const struct expr *e,
                       struct place place) {
  const struct expr *callee = expr_bare(e->kids.items[0].expr);
  const char *why =
      s->function && callee->kind == EX_CONST
          ? refusal(arena_copy(s->arena, s->source->text + callee->range.begin,
                               source_word_end(s->source,
                                               callee->range.begin) -
                                   callee->range.begin))
          : NULL;
  if (why)
    error(s, e->range.begin, why);
  if (!expr_is_async_call(e))
    return;
  const struct type *type = type_function(e->kids.items[0].expr->type);
  if (!e->callee && !type->prototyped)
    diag_at(s->diags, s->source, SEVERITY_ERROR, e->range.begin,
            "the type of async function pointer '%s' needs a prototype: write "
            "its parameters, or (void) for none",
            text_of(s, callee));
  if (place.consumed)
    return;
  if (place.unevaluated && source_is_spliced(s->source, e->range.begin))
    return;
  if (e->callee) {
    never_awaited(s, e, place);
    return;
  }
  diag_at(s->diags, s->source, SEVERITY_ERROR, e->range.begin,
          "call through async function pointer '%s' is never awaited",
          text_of(s, callee));
  offer_await(s, e, place);
}

static bool is_awaitable_operator(const struct expr *e) {
  return e->kind == EX_OP &&
         (e->op == OP_GATHER || e->op == OP_SELECT ||
          e->op == OP_SELECT_IN_ORDER || e->op == OP_WAIT_FOR || e->op == OP_SHIELD ||
          e->op == OP_CREATE_TASK || e->op == OP_COROUTINE);
}

/* A handle that has a result. */
static bool is_awaitable(const struct type *type) {
  return type && type->handle != HANDLE_NONE && type->handle != HANDLE_YIELDS;
}

static const char *scope_name(enum scope_kind kind) {
  static const char *const names[SCOPE_KINDS] = {
      [SCOPE_TIMEOUT] = "ac_timeout",
      [SCOPE_CANCEL] = "ac_scope",
      [SCOPE_GROUP] = "ac_task_group",
      [SCOPE_CLOSING] = "ac_closing"};
  return names[kind];
}

/* A value goes to a consumer that is outside of the scope, and would run in
 * it until it asks for the next. */
static void check_yield(struct sema *s, const struct expr *call) {
  const struct stmt *scope = s->around.scope;
  if (!scope || !call->callee ||
      strcmp(call->callee->name, "ac_generator_yield") != 0)
    return;
  const char *name = scope_name(scope->scope);
  diag_at(s->diags, s->source, SEVERITY_ERROR, call->range.begin,
          "a value cannot be yielded in '%s': the consumer would run in it",
          name);
  diag_at(s->diags, s->source, SEVERITY_NOTE, scope->range.begin,
          "'%s' is entered here; leave it before the value is yielded", name);
}

static void check_await(struct sema *s, const struct expr *e,
                        struct place place) {
  uint32_t at = e->range.begin;
  vector_push(s->arena, &s->awaits, at);
  const struct expr *operand =
      e->kids.count ? expr_bare(e->kids.items[0].expr) : NULL;
  struct place inner = place;
  inner.consumed = true;
  if (place.unevaluated) {
    if (place.selected || !source_is_spliced(s->source, at))
      diag_at(s->diags, s->source, SEVERITY_ERROR, at,
              "'await' is not allowed in %s", place.unevaluated);
    inner.in_async = true;
  } else if (!place.in_async) {
    diag_at(s->diags, s->source, SEVERITY_ERROR, at,
            "'await' is not allowed outside an async function");
  }
  if (!operand)
    return;
  if (operand->kind == EX_AWAIT && !is_awaitable(operand->type)) {
    diag_at(s->diags, s->source, SEVERITY_ERROR, at,
            "the operand of 'await' is already awaited");
    offer_no_await(s, e);
    check_expr(s, operand, place);
    return;
  }
  const struct expr *target = operand;
  while ((target->kind == EX_ADDR || target->kind == EX_DEREF ||
          target->kind == EX_PAREN) &&
         target->kids.count)
    target = target->kids.items[0].expr;
  const struct type *type = operand->type;
  if (expr_is_async_call(operand) || is_awaitable_operator(operand) ||
      is_awaitable(type)) {
    if (operand->kind == EX_CALL)
      check_yield(s, operand);
    check_expr(s, operand, inner);
  } else if (target->kind == EX_ASYNC) {
    diag_at(s->diags, s->source, SEVERITY_ERROR, at,
            "'await %s' awaits the function itself; call it",
            target->callee->name);
    if (!target->callee->type->params.count && operand->kind == EX_ASYNC)
      diag_insert(s->diags, s->source, operand->range.end, "()");
  } else {
    if (operand->kind == EX_CALL)
      diag_at(s->diags, s->source, SEVERITY_ERROR, at,
              "'await' needs a call of an async function or a handle; '%s' is "
              "not async",
              text_of(s, operand->kids.items[0].expr));
    else
      diag_at(s->diags, s->source, SEVERITY_ERROR, at,
              "'await' needs a call of an async function or a handle, not "
              "'%s'",
              type ? type_text(s, type) : "this");
    offer_no_await(s, e);
    check_expr(s, operand, place);
  }
}

static const char *operator_name(enum operator op) {
  static const char *const names[] = {
      [OP_CREATE_TASK] = "ac_create_task", [OP_COROUTINE] = "ac_coroutine",
      [OP_RUN] = "ac_run",                 [OP_GATHER] = "ac_gather",
      [OP_SELECT] = "ac_select",
      [OP_SELECT_IN_ORDER] = "ac_select_in_order",
      [OP_WAIT_FOR] = "ac_wait_for",       [OP_SHIELD] = "ac_shield",
      [OP_FUTURE_SET] = "ac_future_set",   [OP_TRY] = "ac_try"};
  return names[op];
}

/* ac_start(&group, call) creates a task too. */
static const char *word_written(const struct sema *s, const struct expr *e) {
  static const char start[] = "ac_start";
  const char *text =
      s->source->original + source_original(s->source, e->range.begin);
  return strncmp(text, start, sizeof start - 1) ? operator_name(e->op) : start;
}

static bool takes_handle(enum operator op, enum handle_kind handle) {
  switch (op) {
  case OP_CREATE_TASK:
  case OP_RUN:
    return handle == HANDLE_CORO;
  case OP_WAIT_FOR:
  case OP_SHIELD:
    return handle != HANDLE_NONE && handle != HANDLE_YIELDS;
  case OP_FUTURE_SET:
    return handle == HANDLE_FUTURE;
  default:
    return false;
  }
}

/* A call that an operator could take, were it not awaited. */
static bool is_awaited_call(const struct expr *e) {
  return e->kind == EX_AWAIT && e->kids.count &&
         expr_is_async_call(expr_bare(e->kids.items[0].expr));
}

/* Calls, or assignments of calls; for select also handles. */
static void check_children(struct sema *s, const struct expr *e,
                           struct place place) {
  bool is_select = e->op != OP_GATHER;
  for (size_t i = 0; i < e->kids.count; i++) {
    const struct expr *kid = expr_bare(e->kids.items[i].expr);
    const struct expr *call =
        kid->kind == EX_ASSIGN ? expr_bare(kid->kids.items[1].expr) : kid;
    if (is_select && kid->type && (kid->type->handle == HANDLE_TASK ||
                                   kid->type->handle == HANDLE_FUTURE)) {
      check_expr(s, kid, place);
      continue;
    }
    if (!expr_is_async_call(call)) {
      diag_at(s->diags, s->source, SEVERITY_ERROR, kid->range.begin,
              "an operand of '%s' must be a call of an async function, %s",
              operator_name(e->op),
              is_select ? "an assignment of one, or a task or future"
                        : "or an assignment of one");
      if (is_awaited_call(call))
        offer_no_await(s, call);
      check_expr(s, kid, place);
      continue;
    }
    if (kid->kind == EX_ASSIGN)
      check_expr(s, kid->kids.items[0].expr, place);
    struct place taken = place;
    taken.consumed = true;
    check_expr(s, call, taken);
  }
}

static void must_be_awaited(struct sema *s, const struct expr *e,
                            struct place place) {
  diag_at(s->diags, s->source, SEVERITY_ERROR, e->range.begin,
          "'%s' must be awaited", operator_name(e->op));
  offer_await(s, e, place);
}

static void check_select(struct sema *s, const struct expr *e,
                         struct place place) {
  if (!place.consumed)
    must_be_awaited(s, e, place);
  place.consumed = false;
  check_children(s, e, place);
}

static void check_gather(struct sema *s, const struct expr *e,
                         struct place place) {
  if (!place.consumed)
    must_be_awaited(s, e, place);
  place.consumed = false;
  const struct expr *first = e->kids.count ? expr_bare(e->kids.items[0].expr) : NULL;
  if (e->kids.count == 2 && first && first->kind != EX_ASSIGN &&
      !expr_is_async_call(first)) {
    if (first->type && first->type->handle)
      error(s, first->range.begin,
            "'ac_gather' takes an array of handles and their number, or calls "
            "of async functions; this is a handle");
    else if (!strstr(first->type ? first->type->before : "", "ac_task(") &&
             !strstr(first->type ? first->type->before : "", "ac_future("))
      error(s, first->range.begin,
            "'ac_gather' needs an array of handles and their number, or calls "
            "of async functions");
    check_kids(s, e, place);
    return;
  }
  check_children(s, e, place);
}

/* ac_try({ ... }) takes a block; to the others it would be no operand. */
static void check_blocks(struct sema *s, const struct expr *e) {
  for (size_t i = 0; i < e->kids.count; i++) {
    const struct expr *kid = e->kids.items[i].expr;
    if (kid->kind != EX_STMT_EXPR || s->source->text[kid->range.begin] != '{')
      continue;
    diag_at(s->diags, s->source, SEVERITY_ERROR, kid->range.begin,
            "a block is no operand of '%s'; write ({ ... })",
            word_written(s, e));
    diag_insert(s->diags, s->source, kid->range.begin, "(");
    diag_insert(s->diags, s->source, kid->range.end, ")");
  }
}

static void check_operator(struct sema *s, const struct expr *e,
                           struct place place) {
  const struct expr *first = e->kids.count ? expr_bare(e->kids.items[0].expr) : NULL;
  if (place.unevaluated && !source_is_spliced(s->source, e->range.begin))
    diag_at(s->diags, s->source, SEVERITY_ERROR, e->range.begin,
            "'%s' is not allowed in %s", operator_name(e->op),
            place.unevaluated);
  if (e->op != OP_TRY)
    check_blocks(s, e);
  if (e->op == OP_GATHER) {
    check_gather(s, e, place);
    return;
  }
  if (e->op == OP_SELECT || e->op == OP_SELECT_IN_ORDER) {
    check_select(s, e, place);
    return;
  }
  if (e->op == OP_TRY) {
    if (!place.in_async)
      error(s, e->range.begin,
            "'ac_try' is not allowed outside an async function");
    else if (!e->kids.count || !first->suspends)
      error(s, e->range.begin, "nothing in this 'ac_try' can raise an error");
    check_kids(s, e, place);
    return;
  }
  if ((e->op == OP_WAIT_FOR || e->op == OP_SHIELD) && !place.consumed)
    must_be_awaited(s, e, place);
  if (first && !expr_is_async_call(first) &&
      !(first->type && takes_handle(e->op, first->type->handle)))
    diag_at(s->diags, s->source, SEVERITY_ERROR, first->range.begin,
            e->op == OP_FUTURE_SET
                ? "'%s' needs a future"
                : "'%s' needs a call of an async function",
            word_written(s, e));
  if (first && e->op != OP_FUTURE_SET && is_awaited_call(first))
    offer_no_await(s, first);
  for (size_t i = 0; i < e->kids.count; i++) {
    struct place inner = place;
    inner.consumed = i == 0;
    const struct expr *kid = e->kids.items[i].expr;
    check_expr(s, i == 0 ? expr_bare(kid) : kid, inner);
  }
}

static const char *operand_kind(const struct sema *s, const struct expr *e) {
  static const char *const words[][2] = {
      {"sizeof", "the operand of sizeof"},
      {"_Alignof", "the operand of _Alignof"},
      {"alignof", "the operand of alignof"},
      {"__alignof__", "the operand of __alignof__"},
      {"__alignof", "the operand of __alignof"},
      {"__builtin_constant_p", "the operand of __builtin_constant_p"},
      {"__builtin_classify_type", "the operand of __builtin_classify_type"},
      {"__builtin_object_size", "the operand of __builtin_object_size"},
      {"__builtin_dynamic_object_size",
       "the operand of __builtin_dynamic_object_size"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (source_word_is(s->source, e->range.begin, words[i][0]))
      return words[i][1];
  return "an array bound or the operand of typeof";
}

/* To clang a handle that yields void converts to any other. */
static void check_handles(struct sema *s, const struct type *to,
                          const struct expr *from) {
  const struct type *type = !from                   ? NULL
                            : from->kind == EX_VAR ? from->local->type
                                                   : from->type;
  if (!to || !type || to->handle == HANDLE_NONE || type->handle != to->handle ||
      to->yield->is_void == type->yield->is_void)
    return;
  diag_at(s->diags, s->source, SEVERITY_ERROR, from->range.begin,
          "incompatible handle types: '%s' is needed, and this is '%s'",
          type_text(s, to), type_text(s, type));
}

static void check_arguments(struct sema *s, const struct expr *call) {
  const struct type *function = type_function(call->kids.items[0].expr->type);
  for (size_t i = 1; function && i < call->kids.count; i++)
    if (i <= function->params.count)
      check_handles(s, function->params.items[i - 1],
                    call->kids.items[i].expr);
}

/* Only the operand that is selected would be evaluated. */
static void check_selection(struct sema *s, const struct expr *e,
                            struct place place) {
  bool is_generic = source_word_is(s->source, e->range.begin, "_Generic");
  place.consumed = false;
  for (size_t i = 0; i < e->kids.count; i++) {
    const struct expr *kid = e->kids.items[i].expr;
    struct place inner = place;
    if (!inner.unevaluated && (kid->suspends || kid->kind == EX_UNEVALUATED))
      inner.unevaluated = is_generic ? "a _Generic selection"
                                     : "an operand of __builtin_choose_expr";
    if (e->decided && kid->kind != EX_UNEVALUATED)
      inner.unevaluated = place.unevaluated;
    else
      inner.selected |= kid->suspends;
    check_expr(s, kid, inner);
  }
}

static void check_expr(struct sema *s, const struct expr *e,
                       struct place place) {
  if (!e)
    return;
  if (e->kind == EX_ASSIGN && e->kids.count > 1)
    check_handles(s, e->kids.items[0].expr->type, e->kids.items[1].expr);
  for (size_t i = 0; s->function && i < e->hidden_calls.count; i++)
    if (refusal(e->hidden_calls.items[i]))
      error(s, e->range.begin, refusal(e->hidden_calls.items[i]));
  switch (e->kind) {
  case EX_AWAIT:
    check_await(s, e, place);
    return;
  case EX_OP:
    check_operator(s, e, place);
    return;
  case EX_RAISE:
    if (!place.in_async)
      error(s, e->range.begin,
            "'ac_raise' is not allowed outside an async function");
    check_kids(s, e, place);
    return;
  case EX_CALL:
    check_arguments(s, e);
    check_call(s, e, place);
    check_kids(s, e, place);
    return;
  case EX_UNEVALUATED:
    if (!place.unevaluated)
      place.unevaluated = operand_kind(s, e);
    check_kids(s, e, place);
    return;
  case EX_GENERIC:
    check_selection(s, e, place);
    return;
  case EX_STMT_EXPR: {
    struct around around = s->around;
    check_stmt(s, e->body, around);
    s->around = around;
    return;
  }
  default:
    check_kids(s, e, place);
  }
}

/* ---- what clang did not understand --------------------------------------- */

static bool holds_error(const struct sema *s, struct range range) {
  for (size_t i = 0; i < s->error_count; i++)
    if (s->errors[i].begin == UINT32_MAX ||
        (s->errors[i].end > range.begin && s->errors[i].begin < range.end))
      return true;
  return false;
}

/* Was all of it understood? What is not is clang's to tell: the rules might be
 * broken by what it was read as. */
static bool is_sound(const struct sema *s, const struct expr *e) {
  if (!s->error_count)
    return true;
  if (e->broken || holds_error(s, e->range))
    return false;
  for (size_t i = 0; i < s->unknown.count; i++)
    if (source_find_word(s->source, e->range.begin, e->range.end,
                         s->unknown.items[i]) != UINT32_MAX)
      return false;
  return true;
}

static void check_sound(struct sema *s, const struct expr *e,
                        struct place place) {
  if (e && is_sound(s, e))
    check_expr(s, e, place);
}

/* How many braces are open there? */
static int depth_at(const struct source *source, uint32_t offset) {
  int depth = 0;
  for (uint32_t at = 0; at < offset;) {
    uint32_t next = source_skip_space(source, at);
    if (next > at) {
      at = next;
      continue;
    }
    char c = source->text[at];
    if (c == '"' || c == '\'')
      for (at++; at < offset && source->text[at] != c && source->text[at] != '\n';
           at++)
        at += source->text[at] == '\\';
    depth += (c == '{') - (c == '}');
    at++;
  }
  return depth;
}

/* The names that a declaration at file level declares, an error being in it: the
 * words before an opening bracket, a comma, an end. */
static void add_unknown(struct sema *s, uint32_t error) {
  const struct source *source = s->source;
  uint32_t at = error, begin, end;
  while (at > 0 && !strchr(";{}", source->text[at - 1]))
    at--;
  for (begin = at; begin < source->bytes; begin = end) {
    begin = source_skip_space(source, begin);
    if (begin >= source->bytes || (begin >= error &&
                                   strchr(";{", source->text[begin])))
      return;
    end = source_word_end(source, begin);
    uint32_t after = source_skip_space(source, end);
    if (end == begin)
      end++;
    else if (after < source->bytes && strchr("([,;=", source->text[after]))
      vector_push(s->arena, &s->unknown,
                  (const char *)arena_copy(s->arena, source->text + begin, end - begin));
  }
}

static void find_unknown(struct sema *s) {
  for (size_t i = 0; i < s->error_count; i++)
    if (s->errors[i].begin < s->source->bytes &&
        depth_at(s->source, s->errors[i].begin) == 0)
      add_unknown(s, s->errors[i].begin);
}

/* ---- statements ---------------------------------------------------------- */

static bool stays_in_defer(const struct sema *s, const struct stmt *jump,
                           struct around around) {
  for (size_t i = 0; i < s->labels.count; i++)
    if (jump->name && !strcmp(s->labels.items[i].name, jump->name))
      return s->labels.items[i].defer == around.defer;
  return true;
}

static void find_labels(struct sema *s, const struct stmt *stmt,
                        const struct stmt *defer) {
  if (!stmt)
    return;
  if (stmt->kind == ST_LABEL) {
    struct label label = {stmt->name, defer};
    vector_push(s->arena, &s->labels, label);
  }
  if (stmt->kind == ST_DEFER)
    defer = stmt;
  for (size_t i = 0; i < stmt->kids.count; i++)
    find_labels(s, stmt->kids.items[i], defer);
}

static void check_jump(struct sema *s, const struct stmt *stmt,
                       struct around around) {
  if (stmt->kind == ST_GOTO && !around.in_defer &&
      !stays_in_defer(s, stmt, around))
    error(s, stmt->range.begin, "'goto' must not enter a 'defer' block");
  if (!around.in_defer)
    return;
  const char *word = NULL;
  if (stmt->kind == ST_RETURN)
    word = "return";
  else if (stmt->kind == ST_COMPUTED_GOTO ||
           (stmt->kind == ST_GOTO && !stays_in_defer(s, stmt, around)))
    word = "goto";
  else if (stmt->kind == ST_BREAK && !around.in_loop && !around.in_switch)
    word = "break";
  else if (stmt->kind == ST_CONTINUE && !around.in_loop)
    word = "continue";
  if (word)
    diag_at(s->diags, s->source, SEVERITY_ERROR, stmt->range.begin,
            "'%s' must not leave a 'defer' block", word);
}

/* ac_timeout reads as a loop to clang, which it is not. */
static void check_loop_jump(struct sema *s, const struct stmt *stmt,
                            struct around around) {
  if ((stmt->kind == ST_BREAK && around.in_head) ||
      (stmt->kind == ST_CONTINUE && around.in_loop_head)) {
    diag_at(s->diags, s->source, SEVERITY_ERROR, stmt->range.begin,
            "'%s' stands in the head of a loop or switch: compilers differ on "
            "what it belongs to",
            stmt->kind == ST_BREAK ? "break" : "continue");
    return;
  }
  bool ok = around.in_loop || (stmt->kind == ST_BREAK && around.in_switch);
  if ((stmt->kind == ST_BREAK || stmt->kind == ST_CONTINUE) && !ok &&
      !around.in_defer)
    diag_at(s->diags, s->source, SEVERITY_ERROR, stmt->range.begin,
            "'%s' statement not in a loop%s statement",
            stmt->kind == ST_BREAK ? "break" : "continue",
            stmt->kind == ST_BREAK ? " or switch" : "");
}

static void check_declarator(struct sema *s,
                             const struct declarator *declarator,
                             struct around around) {
  struct place here = {.in_async = s->function != NULL};
  if (!declarator->init || holds_error(s, declarator->range) ||
      !is_sound(s, declarator->init))
    return;
  check_handles(s, declarator->type, declarator->init);
  s->around = around;
  check_expr(s, declarator->init, here);
}

/* Of plain code only what stands in statement expressions comes here. */
static void check_stmt(struct sema *s, const struct stmt *stmt,
                       struct around around) {
  if (!stmt)
    return;
  struct place here = {.in_async = s->function != NULL};
  struct around outside = around, head = around;
  if (s->function) {
    check_jump(s, stmt, around);
    check_loop_jump(s, stmt, around);
  }
  switch (stmt->kind) {
  case ST_DEFER:
    around = head = (struct around){
        .in_defer = true, .defer = stmt, .scope = around.scope};
    break;
  case ST_SCOPE:
    if (stmt->scope != SCOPE_CLOSING)
      around.scope = stmt;
    break;
  case ST_WHILE:
  case ST_DO:
  case ST_FOR:
    around.in_loop = true;
    around.in_head = around.in_loop_head = false;
    head.in_head = head.in_loop_head = true;
    break;
  case ST_SWITCH:
    around.in_switch = true;
    around.in_head = false;
    head.in_head = true;
    break;
  case ST_VERBATIM:
    if (stmt->expr && stmt->expr->suspends)
      here.unevaluated = "an operand of asm";
    break;
  default:
    break;
  }
  s->around = head;
  if (stmt->kind == ST_RETURN && stmt->expr && s->function &&
      is_sound(s, stmt->expr))
    check_handles(s, s->function->result, stmt->expr);
  check_sound(s, stmt->expr, here);
  check_sound(s, stmt->step, here);
  check_stmt(s, stmt->init, outside);
  for (size_t i = 0; i < stmt->declarators.count; i++)
    check_declarator(s, &stmt->declarators.items[i], around);
  for (size_t i = 0; i < stmt->kids.count; i++)
    check_stmt(s, stmt->kids.items[i], around);
}

static void refuse_static(struct sema *s, const struct function *f) {
  error(s, f->range.begin, "async 'main' cannot be static");
  uint32_t at =
      source_find_word(s->source, f->range.begin, f->range.end, "static");
  if (at != UINT32_MAX)
    diag_remove(s->diags, s->source, (struct range){at, at + 6});
}

static void check_head(struct sema *s, const struct function *f) {
  if (!f->type->prototyped)
    diag_at(s->diags, s->source, SEVERITY_ERROR, f->range.begin,
            "async function '%s' needs a prototype: write (void) for no "
            "parameters",
            f->name);
  if (f->type->variadic)
    diag_at(s->diags, s->source, SEVERITY_ERROR, f->range.begin,
            "async function '%s' cannot take variable arguments", f->name);
  if (f->is_main && f->is_static)
    refuse_static(s, f);
  if (f->is_main && strcmp(type_text(s, f->result), "int") != 0)
    error(s, f->range.begin, "'main' must return 'int'");
}

static void check_function(struct sema *s, const struct function *f) {
  uint32_t body = f->body ? f->body->range.begin : f->range.end;
  if (!holds_error(s, (struct range){f->range.begin, body}))
    check_head(s, f);
  s->function = f;
  s->labels.count = 0;
  find_labels(s, f->body, NULL);
  check_stmt(s, f->body, (struct around){0});
  s->function = NULL;
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

/* `await` words that clang read as something else: before a declaration. */
static void check_stray_awaits(struct sema *s) {
  if (s->awaits.count)
    qsort(s->awaits.items, s->awaits.count, sizeof *s->awaits.items, by_value);
  for (size_t i = 0; i < s->unit->await_words.count; i++) {
    uint32_t at = s->unit->await_words.items[i];
    if (s->awaits.count && bsearch(&at, s->awaits.items, s->awaits.count,
                                   sizeof *s->awaits.items, by_value))
      continue;
    diag_at(s->diags, s->source, SEVERITY_ERROR, at,
            "'await' is an operator: it needs an expression, and cannot "
            "begin a declaration");
    diag_remove(s->diags, s->source,
                (struct range){at, source_word_end(s->source, at)});
  }
}

void sema(const struct unit *unit, const struct range *errors,
          size_t error_count, struct diags *diags) {
  struct sema s = {.unit = unit,
                   .source = unit->source,
                   .diags = diags,
                   .arena = unit->arena,
                   .errors = errors,
                   .error_count = error_count};
  for (size_t i = 0; i < error_count; i++)
    if (errors[i].begin == UINT32_MAX) /* nobody knows what it has spoilt */
      return;
  find_unknown(&s);
  for (size_t i = 0; i < unit->pieces.count; i++) {
    const struct piece *piece = unit->pieces.items[i];
    if (piece->function)
      check_function(&s, piece->function);
    else if (piece->expr)
      check_sound(&s, piece->expr, (struct place){0});
  }
  if (!error_count)
    check_stray_awaits(&s);
}
