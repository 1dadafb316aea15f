/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Types and names as text. A type whose name a local of the function hides is
 * called by an alias, which is printed before the function. */
#include "emit_parts.h"
#include "types.h"

#include <stdlib.h>
#include <string.h>

bool is_word(char c) {
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

const char *type_text(struct emitter *e, const struct type *type,
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

const char *type_name(struct emitter *e, const struct type *type) {
  return type_text(e, type, "");
}

const char *lowered_type(struct emitter *e, const struct type *function,
                         const char *name) {
  struct buf text = {0};
  buf_printf(&text, "ac_frame *%s(%s", name,
             type_text(e, function->yield, "*"));
  for (size_t i = 0; i < function->params.count; i++)
    buf_printf(&text, ", %s", type_name(e, function->params.items[i]));
  buf_puts(&text, ")");
  const char *copy = arena_copy(e->arena, text.text, text.length);
  buf_free(&text);
  return copy;
}

const char *typeof_text(struct emitter *e, const struct expr *x) {
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

const char *local_text(struct emitter *e, const struct local *local) {
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

void find_names(struct emitter *e, const struct function *f) {
  e->names.count = 0;
  for (size_t i = 0; i < f->locals.count; i++)
    if (!f->locals.items[i]->is_temp)
      vector_push(e->arena, &e->names, f->locals.items[i]->name);
  for (size_t i = 0; i < f->tags.count; i++)
    vector_push(e->arena, &e->names, f->tags.items[i]);
  if (e->names.count)
    qsort(e->names.items, e->names.count, sizeof *e->names.items, by_text);
}
