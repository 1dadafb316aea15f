/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Cleanups. A `defer` is one copy of its statement, at the end of its block,
 * behind a label. Whoever leaves the block another way sets the cleanup's
 * `next` to a number for where it is going and jumps there; behind the
 * statement stands a chain of ifs that goes on: to the next cleanup outwards,
 * or to the place. An error on its way out is kept in the cleanup's `error`. */
#include "hoist_parts.h"

static unsigned add_exit(struct hoist *h, struct cleanup *cleanup,
                         const struct target *target) {
  for (size_t i = 0; i < cleanup->exits.count; i++) {
    const struct target *other = &cleanup->exits.items[i];
    if (other->kind == target->kind && other->label == target->label &&
        other->caught == target->caught)
      return (unsigned)i + 1;
  }
  vector_push(h->arena, &cleanup->exits, *target);
  return (unsigned)cleanup->exits.count;
}

/* error: where the code is that a TARGET_RAISE carries; NULL: in the task. */
static void arrive(struct hoist *h, const struct target *target,
                   struct local *error, struct range range) {
  if (target->kind == TARGET_LABEL) {
    put_jump(h, target->label, range);
  } else if (target->kind == TARGET_RETURN) {
    struct stmt *s = make_stmt(h, ST_FINISH, range);
    if (h->result)
      s->expr = make_use(h, h->result, range);
    put(h, s);
  } else if (target->caught) {
    struct stmt *s = make_stmt(h, error ? ST_SET : ST_CATCH, range);
    s->local = target->caught;
    if (error)
      s->expr = make_use(h, error, range);
    put(h, s);
    put_jump(h, target->label, range);
  } else {
    struct stmt *s = make_stmt(h, ST_RAISED, range);
    if (error)
      s->expr = make_use(h, error, range);
    put(h, s);
  }
}

void route(struct hoist *h, struct cleanup *from, const struct target *target,
           struct local *error, struct range range) {
  if (from == target->cleanups) {
    arrive(h, target, error, range);
    return;
  }
  unsigned number = add_exit(h, from, target);
  if (target->kind == TARGET_RAISE) {
    struct stmt *s = make_stmt(h, error ? ST_SET : ST_CATCH, range);
    s->local = from->error;
    if (error)
      s->expr = make_use(h, error, range);
    put(h, s);
  } else if (from->kind == CLEANUP_SCOPE) {
    put_number(h, from->error, 0, range);
  }
  put_number(h, from->next, number, range);
  put_jump(h, from->label, range);
}

void route_error(struct hoist *h, struct local *error, struct range range) {
  struct target target = {.kind = TARGET_RAISE};
  if (h->handler)
    target = *h->handler;
  route(h, h->cleanups, &target, error, range);
}

static void run_cleanup(struct hoist *h, struct cleanup *cleanup,
                        struct range range) {
  if (cleanup->kind == CLEANUP_DEFER) {
    struct loop *loop = h->loop;
    h->loop = NULL;
    lower_stmt(h, cleanup->body);
    h->loop = loop;
  } else if (cleanup->kind == CLEANUP_VARIABLE) {
    struct expr *call = make_text(h, "\1(&\1)", range, NULL);
    struct expr *variable = make_use(h, cleanup->variable, range);
    struct hole holes[] = {{range, cleanup->variable->cleanup},
                           {range, variable}};
    vector_push(h->arena, &call->kids, holes[0]);
    vector_push(h->arena, &call->kids, holes[1]);
    put_effect(h, call);
  } else {
    leave_scope(h, cleanup, range);
  }
}

void raise_if(struct hoist *h, struct local *error, struct range range) {
  struct section section;
  open_section(h, &section);
  route_error(h, error, range);
  struct stmt *then_part = close_section(h, &section, range);
  put(h, make_if(h, make_use(h, error, range), then_part, NULL, range));
}

void close_cleanup(struct hoist *h, struct cleanup *cleanup,
                   struct range range) {
  put_number(h, cleanup->next, 0, range);
  if (cleanup->kind == CLEANUP_SCOPE)
    put_number(h, cleanup->error, 0, range);
  put_mark(h, cleanup->label, range);
  h->cleanups = cleanup->outer;
  run_cleanup(h, cleanup, range);
  if (cleanup->kind == CLEANUP_SCOPE)
    raise_if(h, cleanup->error, range);
  for (size_t i = 0; i < cleanup->exits.count; i++) {
    const struct target *target = &cleanup->exits.items[i];
    if (cleanup->kind == CLEANUP_SCOPE && target->kind == TARGET_RAISE)
      continue;
    struct section section;
    open_section(h, &section);
    route(h, cleanup->outer, target,
          target->kind == TARGET_RAISE ? cleanup->error : NULL, range);
    struct stmt *then_part = close_section(h, &section, range);
    struct expr *test =
        make_wrapped(h, arena_printf(h->arena, "\1 == %zu", i + 1),
                     make_use(h, cleanup->next, range));
    put(h, make_if(h, test, then_part, NULL, range));
  }
}

void name_cleanup(struct hoist *h, struct cleanup *cleanup) {
  cleanup->label = make_label(h, "cleanup");
  cleanup->next = make_local(h, "next", made_type(TYPE_INT));
  cleanup->error = make_local(h, "error", made_type(TYPE_INT));
}

void begin_cleanup(struct hoist *h, struct stmt *s) {
  name_cleanup(h, s->cleanup);
  h->cleanups = s->cleanup;
}
