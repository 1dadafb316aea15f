/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Loops, switches and labels, and the jumps between them. A loop keeps its
 * head where that holds no await; a jump keeps its form where it leaves no
 * cleanup. */
#include "hoist_parts.h"

#include <string.h>

bool continues_by_label(const struct loop *loop) {
  for (; loop; loop = loop->outer)
    if (loop->continue_by_label)
      return true;
  return false;
}

static struct stmt *loop_body(struct hoist *h, struct stmt *s,
                              struct loop *loop) {
  struct section section;
  loop->outer = h->loop;
  loop->cleanups = h->cleanups;
  h->loop = loop;
  open_section(h, &section);
  lower_stmt(h, s);
  if (loop->continue_label)
    put_mark(h, loop->continue_label, s->range);
  h->loop = loop->outer;
  return close_section(h, &section, s->range);
}

static void put_leave_unless(struct hoist *h, struct expr *test) {
  struct section section;
  open_section(h, &section);
  put(h, make_stmt(h, ST_BREAK, test->range));
  struct stmt *leave = close_section(h, &section, test->range);
  put(h, make_if(h, make_wrapped(h, "!(\1)", test), leave, NULL, test->range));
}

void lower_loop(struct hoist *h, struct stmt *s) {
  bool test_suspends = s->expr && s->expr->suspends;
  bool step_suspends = s->step && s->step->suspends;
  struct loop loop = {.continue_by_label =
                          step_suspends || (s->kind == ST_DO && test_suspends)};
  struct cleanup *outer = h->cleanups;
  struct section outside;
  open_section(h, &outside);
  struct stmt *copy = make_childless(h, s);
  bool has_scope = s->init != NULL;
  if (s->init && is_touched(h, s->init)) {
    lower_stmt(h, s->init);
    copy->init = NULL;
  } else if (s->init && s->init->kind == ST_DECL) {
    put(h, s->init); /* the scope is the block around the loop */
    copy->init = NULL;
  }
  struct section section;
  open_section(h, &section);
  if (test_suspends && s->kind != ST_DO)
    put_leave_unless(h, hoist_full(h, s->expr));
  struct stmt *body = loop_body(h, s->kids.items[0], &loop);
  if (test_suspends || step_suspends) {
    copy->kind = ST_FOR;
    copy->expr = test_suspends ? NULL : s->expr;
    for (size_t i = 0; i < body->kids.count; i++)
      put(h, body->kids.items[i]);
    if (step_suspends) {
      hoist_begin(h, s->step);
      lower_effect(h, s->step);
      copy->step = NULL;
    }
    if (test_suspends && s->kind == ST_DO)
      put_leave_unless(h, hoist_full(h, s->expr));
    body = close_section(h, &section, s->range);
    /* The body's scope is the user's block inside of this one. */
  } else {
    close_section(h, &section, s->range);
  }
  vector_push(h->arena, &copy->kids, body);
  put(h, copy);
  if (loop.break_label)
    put_mark(h, loop.break_label, s->range);
  struct range end = {s->range.end ? s->range.end - 1 : 0, s->range.end};
  while (h->cleanups != outer)
    close_cleanup(h, h->cleanups, end);
  struct stmt *block = close_section(h, &outside, s->range);
  block->transparent = !has_scope;
  if (block->kids.count == 1)
    put(h, block->kids.items[0]);
  else
    put(h, block);
}

void lower_switch(struct hoist *h, struct stmt *s) {
  struct stmt *copy = make_childless(h, s);
  copy->expr = hoist_full(h, s->expr);
  struct loop loop = {
      .is_switch = true, .outer = h->loop, .cleanups = h->cleanups};
  h->loop = &loop;
  struct section section;
  open_section(h, &section);
  lower_stmt(h, s->kids.items[0]);
  struct stmt *body = close_section(h, &section, s->range);
  h->loop = loop.outer;
  if (body->kids.count == 1)
    body = body->kids.items[0];
  vector_push(h->arena, &copy->kids, body);
  put(h, copy);
  if (loop.break_label)
    put_mark(h, loop.break_label, s->range);
}

void lower_labelled(struct hoist *h, struct stmt *s) {
  struct stmt *copy = make_childless(h, s);
  put(h, copy); /* the label alone; what it labels follows */
  for (size_t i = 0; i < s->kids.count; i++)
    lower_stmt(h, s->kids.items[i]);
}

/* To a label of the loop's, which is made when it is first needed. */
static void jump_out(struct hoist *h, const struct loop *loop,
                     const char **label, const char *stem, struct range range) {
  if (!*label)
    *label = make_label(h, stem);
  struct target target = {
      .kind = TARGET_LABEL, .label = *label, .cleanups = loop->cleanups};
  route(h, h->cleanups, &target, NULL, range);
}

void lower_break(struct hoist *h, struct stmt *s) {
  struct loop *loop = h->loop;
  if (!loop || loop->cleanups == h->cleanups) {
    put(h, s);
    return;
  }
  jump_out(h, loop, &loop->break_label, "break", s->range);
}

void lower_continue(struct hoist *h, struct stmt *s) {
  struct loop *loop = h->loop;
  while (loop && loop->is_switch)
    loop = loop->outer;
  if (!loop || (loop->cleanups == h->cleanups && !loop->continue_by_label)) {
    put(h, s);
    return;
  }
  jump_out(h, loop, &loop->continue_label, "continue", s->range);
}

static bool is_outside(const struct cleanup *outer,
                       const struct cleanup *inner) {
  for (; inner; inner = inner->outer)
    if (inner == outer)
      return true;
  return outer == NULL;
}

void lower_goto(struct hoist *h, struct stmt *s) {
  for (size_t i = 0; i < h->labels.count; i++) {
    const struct label *label = &h->labels.items[i];
    if (!s->name || strcmp(label->name, s->name) != 0)
      continue;
    if (label->cleanups == h->cleanups)
      break;
    if (!is_outside(label->cleanups, h->cleanups)) {
      diag_at(h->diags, h->unit->source, SEVERITY_ERROR, s->range.begin,
              label->cleanups->kind == CLEANUP_SCOPE
                  ? "'goto %s' jumps into a scope"
                  : "'goto %s' jumps over a 'defer' or a variable with a "
                    "cleanup",
              s->name);
      return;
    }
    struct target target = {.kind = TARGET_LABEL,
                            .label = label->name,
                            .cleanups = label->cleanups};
    route(h, h->cleanups, &target, NULL, s->range);
    return;
  }
  put(h, s);
}
