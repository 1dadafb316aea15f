/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Declarations inside functions: locals, their attributes, and their names. */
#include "build_parts.h"
#include "types.h"

#include <stdlib.h>
#include <string.h>

/* The number in the parentheses, or -1. */
static int64_t alignment(const char *text) {
  const char *at = text + strcspn(text, "(");
  while (*at == '(' || *at == ' ')
    at++;
  if (*at < '0' || *at > '9')
    return -1;
  char *end;
  long long value = strtoll(at, &end, 0);
  end += strspn(end, "uUlL");
  end += strspn(end, ") ");
  return *end ? -1 : value;
}

/* Of several the strictest counts. Numbers are all that is kept of numbers:
 * the text might name what the frame's struct cannot see. */
static void add_alignment(struct builder *b, struct local *local,
                          const char *text) {
  int64_t value = alignment(text);
  const char *before = local->align_text ? local->align_text : "";
  if (value >= 0 && local->align >= 0) {
    local->align = value > local->align ? value : local->align;
    if (local->align)
      local->align_text = arena_printf(
          b->arena, "__attribute__((aligned(%lld)))", (long long)local->align);
    return;
  }
  local->align = -1;
  bool is_specifier =
      !strncmp(text, "_Alignas", 8) || !strncmp(text, "alignas", 7);
  local->align_text =
      is_specifier
          ? arena_printf(b->arena, "%s %s", before, text)
          : arena_printf(b->arena, "%s __attribute__((%s))", before, text);
}

static bool is_declared_here(const struct function *function,
                             const char *name) {
  for (size_t i = 0; i < function->locals.count; i++)
    if (!strcmp(function->locals.items[i]->name, name))
      return true;
  for (size_t i = 0; i < function->tags.count; i++)
    if (!strcmp(function->tags.items[i], name))
      return true;
  return false;
}

/* An alignment that is no number stands in the frame's struct as it is written
 * here, and that is outside the function. */
static void check_alignment(struct builder *b, const struct local *local,
                            struct range range) {
  const struct source *source = b->parsed->source;
  if (local->align >= 0)
    return;
  uint32_t operand = source_word_end(source, range.begin);
  for (uint32_t at = operand; at < range.end;) {
    at = source_skip_space(source, at);
    uint32_t end = source_word_end(source, at);
    if (end > at &&
        is_declared_here(b->function,
                         arena_copy(b->arena, source->text + at, end - at))) {
      diag_at(b->diags, source, SEVERITY_ERROR, at,
              "the alignment of '%s' needs '%.*s', which is declared in this "
              "async function; declare it outside, or write a number",
              local->name, (int)(end - at), source->text + at);
      return;
    }
    at = end > at ? end : at + 1;
  }
}

static void read_attributes(struct builder *b, struct declarator *declarator,
                            CXCursor cursor) {
  const struct source *source = b->parsed->source;
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    enum CXCursorKind kind = clang_getCursorKind(children.items[i]);
    if (kind != CXCursor_AlignedAttr && kind != CXCursor_UnexposedAttr)
      continue;
    struct range range = parsed_range(b->parsed, children.items[i]);
    if (range.begin == UINT32_MAX)
      continue;
    uint32_t open_at =
        source_skip_space(source, source_word_end(source, range.begin));
    if (source->text[open_at] == '(')
      range.end = source_closing(source, open_at) + 1;
    const char *text = arena_copy(b->arena, source->text + range.begin,
                                  range.end - range.begin);
    if (kind == CXCursor_AlignedAttr) {
      add_alignment(b, declarator->local, text);
      check_alignment(b, declarator->local, range);
      continue;
    }
    const char *name = text;
    while (*name == '_')
      name++;
    if (strncmp(name, "cleanup", 7) != 0)
      continue;
    const char *open = strchr(text, '(');
    if (!open)
      continue;
    uint32_t begin =
        source_skip_space(source, range.begin + (uint32_t)(open - text) + 1);
    struct expr *callee = ARENA_NEW(b->arena, struct expr);
    callee->kind = EX_CONST;
    callee->range = (struct range){begin, source_word_end(source, begin)};
    declarator->local->cleanup = callee;
    declarator->local->address_taken = true;
  }
}

/* Names in a body that the lowering declares itself. */
static bool is_generated_name(const char *name) {
  static const char *const names[] = {
      "self",    "state",    "resumed",  "status",    "ret",     "r",
      "callee",  "head",     "left",     "known",     "value",   "next",
      "error",   "t",        "result",   "task",      "timeout", "arg_",
      "p",       "type_",    "literal_", "thunk_",    "image_",  "resume_",
      "caught_", "cleanup_", "break_",   "continue_", "chosen_", "endif_"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    size_t length = strlen(names[i]);
    if (!strncmp(name + 3, names[i], length) &&
        (strspn(name + 3 + length, "0123456789") == strlen(name + 3 + length) ||
         !strcmp(names[i], "image_")))
      return true;
  }
  return false;
}

void check_name(struct builder *b, const char *name, uint32_t offset) {
  if (!strncmp(name, "ac_", 3) && offset != UINT32_MAX &&
      is_generated_name(name))
    diag_at(b->diags, b->parsed->source, SEVERITY_ERROR, offset,
            "'%s' is a name of acc's own in an async function", name);
}

struct local *begin_local(struct builder *b, CXCursor cursor, bool is_param) {
  struct local *local = ARENA_NEW(b->arena, struct local);
  CXType type = clang_getCursorType(cursor);
  local->id = (uint32_t)b->function->locals.count;
  local->name = local->out_name = spelling(b, cursor);
  local->type = get_type(b, type, false);
  local->bare = get_type(b, type, true);
  local->name_offset =
      parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  local->is_param = is_param;
  check_name(b, local->name, local->name_offset);
  local->is_volatile =
      clang_isVolatileQualifiedType(clang_getCanonicalType(type)) != 0;
  if (local->is_volatile && !local->bare->is_array)
    local->bare = type_volatile(b->arena, local->bare);
  local->address_taken = local->type->is_array;
  vector_push(b->arena, &b->function->locals, local);
  return local;
}

/* Names other than variables' that a declaration brings into its scope. */
static void add_names(struct builder *b, struct declarator *declarator,
                      CXCursor cursor) {
  struct children children = children_of(b, cursor);
  switch (clang_getCursorKind(cursor)) {
  case CXCursor_TypedefDecl:
  case CXCursor_FunctionDecl:
  case CXCursor_EnumConstantDecl: {
    struct local *local = begin_local(b, cursor, false);
    local->is_static = true;
    local->address_taken = false;
    vector_push(b->arena, &declarator->names, local);
    return;
  }
  case CXCursor_EnumDecl:
  case CXCursor_StructDecl:
  case CXCursor_UnionDecl:
    vector_push(b->arena, &b->function->tags, spelling(b, cursor));
    for (size_t i = 0; i < children.count; i++)
      add_names(b, declarator, children.items[i]);
    return;
  default:
    return;
  }
}

void build_declarator(struct builder *b, struct stmt *stmt, CXCursor cursor) {
  struct declarator declarator = {.range = parsed_range(b->parsed, cursor)};
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (kind != CXCursor_VarDecl) {
    declarator.tag = declarator.range;
    declarator.anonymous_tag = clang_Cursor_isAnonymous(cursor) ||
                               !*spelling(b, cursor) ||
                               strchr(spelling(b, cursor), '(');
    if (kind == CXCursor_TypedefDecl || kind == CXCursor_FunctionDecl ||
        kind == CXCursor_StaticAssert)
      declarator.tag = (struct range){0, 0};
    if (kind == CXCursor_FunctionDecl) {
      declarator.type = get_type(b, clang_getCursorType(cursor), false);
      declarator.function_name = spelling(b, cursor);
    }
    if (b->function)
      add_names(b, &declarator, cursor);
    vector_push(b->arena, &stmt->declarators, declarator);
    return;
  }
  uint32_t name = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  declarator.name =
      (struct range){name, source_word_end(b->parsed->source, name)};
  enum CX_StorageClass storage = clang_Cursor_getStorageClass(cursor);
  declarator.type = get_type(b, clang_getCursorType(cursor), false);
  bool automatic = storage == CX_SC_None || storage == CX_SC_Auto ||
                   storage == CX_SC_Register;
  if (b->function) {
    declarator.local = begin_local(b, cursor, false);
    declarator.local->is_static = !automatic;
    if (automatic)
      read_attributes(b, &declarator, cursor);
    else
      declarator.local->address_taken = false;
  }
  /* Expressions in the type: bounds and typeof. */
  CXCursor init = clang_Cursor_getVarDeclInitializer(cursor);
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++) {
    if (!clang_isExpression(clang_getCursorKind(children.items[i])) ||
        (!clang_Cursor_isNull(init) &&
         clang_equalCursors(children.items[i], init)))
      continue;
    struct expr *kid = build_expr(b, children.items[i]);
    if (!stmt->expr) {
      stmt->expr = ARENA_NEW(b->arena, struct expr);
      stmt->expr->kind = EX_UNEVALUATED;
      stmt->expr->range = stmt->range;
    }
    add_kid(b, stmt->expr, kid);
    stmt->expr->suspends = false;
  }
  if (!clang_Cursor_isNull(init))
    declarator.init = build_expr(b, init);
  vector_push(b->arena, &stmt->declarators, declarator);
}
