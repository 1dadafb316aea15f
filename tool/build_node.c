/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What every kind of node needs: its type, names, the local or function that
 * it names, and operands in the order of the source. */
#include "build_parts.h"
#include "types.h"

#include <string.h>

const struct type *get_type(struct builder *b, CXType type, bool unqualified) {
  if (type.kind == CXType_Invalid)
    return NULL;
  size_t slot = ((uintptr_t)type.data[0] >> 4) * 2 + unqualified;
  struct cached_type *entry = &b->cache[slot % TYPE_CACHE];
  if (entry->key != type.data[0] || entry->unqualified != unqualified ||
      !entry->type) {
    entry->key = type.data[0];
    entry->unqualified = unqualified;
    entry->type = unqualified ? type_unqualified(b->arena, type)
                              : type_of(b->arena, type);
  }
  return entry->type;
}

const char *spelling(struct builder *b, CXCursor cursor) {
  return parsed_text(b->arena, clang_getCursorSpelling(cursor));
}

struct children children_of(struct builder *b, CXCursor cursor) {
  return parsed_children(b->arena, cursor);
}

bool same_range(struct range a, struct range b) {
  return a.begin == b.begin && a.end == b.end;
}

struct local *find_local(struct builder *b, CXCursor declaration) {
  if (!b->function)
    return NULL;
  enum CXCursorKind kind = clang_getCursorKind(declaration);
  if (kind != CXCursor_VarDecl && kind != CXCursor_ParmDecl)
    return NULL;
  uint32_t offset =
      parsed_offset(b->parsed, clang_getCursorLocation(declaration));
  if (parsed_macro_at(b->parsed, offset))
    return NULL;
  for (size_t i = b->function->locals.count; i-- > 0;)
    if (b->function->locals.items[i]->name_offset == offset)
      return b->function->locals.items[i]->is_static
                 ? NULL
                 : b->function->locals.items[i];
  return NULL;
}

struct function *get_function(struct builder *b, CXCursor cursor) {
  const char *name = spelling(b, cursor);
  uint32_t hash = 2166136261;
  for (const char *c = name; *c; c++)
    hash = (hash ^ (unsigned char)*c) * 16777619;
  struct function **bucket = &b->by_name[hash % NAME_BUCKETS];
  for (struct function *f = *bucket; f; f = f->next_in_bucket)
    if (!strcmp(f->name, name))
      return f;
  struct function *function = ARENA_NEW(b->arena, struct function);
  function->next_in_bucket = *bucket;
  *bucket = function;
  function->name = name;
  function->type = get_type(b, clang_getCursorType(cursor), false);
  function->result = function->type->yield;
  function->attributes = (struct attributes){"", "", NULL};
  function->is_static = clang_Cursor_getStorageClass(cursor) == CX_SC_Static;
  vector_push(b->arena, &b->unit->functions, function);
  return function;
}

struct expr *begin_expr(struct builder *b, enum expr_kind kind,
                        CXCursor cursor) {
  struct expr *expr = ARENA_NEW(b->arena, struct expr);
  expr->kind = kind;
  expr->range = parsed_range(b->parsed, cursor);
  expr->type = get_type(b, clang_getCursorType(cursor), true);
  expr->broken = clang_getCursorType(cursor).kind == CXType_Dependent;
  return expr;
}

void add_kid(struct builder *b, struct expr *expr, struct expr *kid) {
  if (!kid)
    return;
  struct hole hole = {kid->range, kid};
  /* Source order; a node that clang shows twice counts once. */
  size_t at = expr->kids.count;
  while (at > 0 && expr->kids.items[at - 1].range.begin > hole.range.begin)
    at--;
  if (at > 0 && expr->kids.items[at - 1].range.end > hole.range.begin)
    return;
  vector_push(b->arena, &expr->kids, hole);
  for (size_t i = expr->kids.count - 1; i > at; i--)
    expr->kids.items[i] = expr->kids.items[i - 1];
  expr->kids.items[at] = hole;
  /* Where an operand's end is that of a mark in another mark's argument. */
  if (expr->range.end < hole.range.end)
    expr->range.end = hole.range.end;
  expr->suspends |= kid->suspends;
  expr->special |= kid->special;
  expr->broken |= kid->broken;
}

struct stmt *last_of(const struct stmt *body) {
  const struct stmt *stmt = body;
  while (stmt && (stmt == body || stmt->kind == ST_LABEL))
    stmt = stmt->kids.count ? stmt->kids.items[stmt->kids.count - 1] : NULL;
  return stmt && stmt->kind == ST_EXPR ? (struct stmt *)(uintptr_t)stmt : NULL;
}

void set_discarded(struct expr *expr, bool discarded) {
  expr->discarded = discarded;
  size_t count = expr->kids.count;
  bool is_cast = expr->kind == EX_PURE && expr->type && expr->type->is_void;
  if (count && (expr->kind == EX_PAREN || expr->kind == EX_COMMA || is_cast))
    set_discarded(expr->kids.items[count - 1].expr, discarded || is_cast);
  struct stmt *last = expr->kind == EX_STMT_EXPR ? last_of(expr->body) : NULL;
  if (last)
    set_discarded(last->expr, discarded);
}
