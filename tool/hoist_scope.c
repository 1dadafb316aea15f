/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * ac_timeout, ac_scope, ac_task_group and ac_closing: statements that are
 * entered, and left like a block with a `defer`. */
#include "hoist_parts.h"

void leave_scope(struct hoist *h, struct cleanup *cleanup, struct range range) {
  struct expr *variable = make_use(h, cleanup->variable, range);
  struct expr *error = make_use(h, cleanup->error, range);
  if (cleanup->scope == SCOPE_GROUP || cleanup->scope == SCOPE_CLOSING) {
    struct await *await =
        make_await(h, AWAIT_SCOPE_EXIT, variable, made_type(TYPE_INT));
    await->scope = cleanup->scope;
    await->second = error;
    await->result = cleanup->error;
    cleanup->error->used = true;
    put_await(h, await, range);
    return;
  }
  const char *text = cleanup->scope == SCOPE_TIMEOUT
                         ? "ac_timeout_exit(&\1, \1)"
                         : "ac_scope_exit(\1, \1)";
  put_set(h, cleanup->error,
          make_of_two(h, text, variable, error, range, made_type(TYPE_INT)),
          range);
}

static void put_declaration(struct hoist *h, struct local *local,
                            struct range range) {
  struct stmt *s = make_stmt(h, ST_DECL, range);
  struct declarator declarator = {.local = local, .type = local->type};
  vector_push(h->arena, &s->declarators, declarator);
  s->split = true;
  put(h, s);
}

/* The scope itself is the user's, or, of ac_timeout, a local made for it. */
static struct expr *enter_scope(struct hoist *h, struct stmt *s) {
  static const struct {
    const char *name, *enter;
    enum made_type type;
  } held[SCOPE_KINDS] = {
      [SCOPE_CANCEL] = {"scope", "ac_scope_enter(\1)", TYPE_SCOPE_POINTER},
      [SCOPE_GROUP] = {"group", "ac_task_group_enter(\1)", TYPE_GROUP_POINTER},
      [SCOPE_CLOSING] = {"generator", "ac_generator_enter(\1)",
                         TYPE_GENERATOR_POINTER}};
  struct cleanup *cleanup = s->cleanup;
  struct expr *operand = hoist_full(h, s->expr);
  if (s->scope == SCOPE_TIMEOUT) {
    cleanup->variable = make_local(h, "timeout", made_type(TYPE_SCOPE));
    cleanup->variable->address_taken = true;
    put_declaration(h, cleanup->variable, s->range);
    return make_of_two(h, "ac_timeout_enter(&\1, \1)",
                       make_use(h, cleanup->variable, s->range), operand,
                       s->range, made_type(TYPE_INT));
  }
  cleanup->variable =
      make_local(h, held[s->scope].name, made_type(held[s->scope].type));
  put_set(h, cleanup->variable, operand, s->range);
  return make_wrapped(h, held[s->scope].enter,
                      make_use(h, cleanup->variable, s->range));
}

void lower_scope(struct hoist *h, struct stmt *s) {
  struct section section;
  open_section(h, &section);
  struct cleanup *cleanup = s->cleanup;
  struct cleanup *outer = h->cleanups;
  name_cleanup(h, cleanup);
  put_set(h, cleanup->error, enter_scope(h, s), s->range);
  raise_if(h, cleanup->error, s->range);
  h->cleanups = cleanup;
  lower_stmt(h, s->kids.items[0]);
  struct range end = {s->range.end ? s->range.end - 1 : 0, s->range.end};
  while (h->cleanups != outer)
    close_cleanup(h, h->cleanups, end);
  struct stmt *block = close_section(h, &section, s->range);
  block->transparent = false;
  put(h, block);
}
