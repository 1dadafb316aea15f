/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * `&&`, `||`, `?:` and `a ?: b` with an await to the right of the first
 * operand become if statements. */
#include "hoist_parts.h"

#include <string.h>

struct expr *hoist_logic(struct hoist *h, struct expr *e) {
  struct expr *left = e->kids.items[0].expr, *right = e->kids.items[1].expr;
  if (!right->suspends) {
    struct expr *copy = make_copy(h, e);
    copy->kids.items[0].expr = hoist_expr(h, left);
    return copy;
  }
  struct local *value = make_local(h, "t", made_type(TYPE_INT));
  left = hoist_expr(h, left);
  put_set(h, value, make_wrapped(h, "(\1) ? 1 : 0", left), e->range);
  struct section section;
  open_section(h, &section);
  right = hoist_expr(h, right);
  put_set(h, value, make_wrapped(h, "(\1) ? 1 : 0", right), e->range);
  struct stmt *then_part = close_section(h, &section, right->range);
  struct expr *test = make_use(h, value, e->range);
  put(h, make_if(h, e->kind == EX_LAND ? test : make_wrapped(h, "!\1", test),
                 then_part, NULL, e->range));
  struct expr *result = make_use(h, value, e->range);
  result->type = e->type;
  return result;
}

static struct stmt *arm(struct hoist *h, struct expr *e, struct local *value) {
  struct section section;
  open_section(h, &section);
  if (!value) {
    lower_effect(h, e);
  } else {
    struct expr *result = hoist_expr(h, e);
    put_set(h, value, result, e->range);
  }
  return close_section(h, &section, e->range);
}

static bool same_type(const struct type *a, const struct type *b) {
  return a == b || (a && b && !strcmp(a->before, b->before) &&
                    !strcmp(a->after, b->after));
}

/* The next link of a chain of `kind`, its value converted to nothing else. */
static struct expr *next_link(const struct expr *e) {
  struct expr *last = e->kids.items[e->kids.count - 1].expr;
  struct expr *next = (struct expr *)(uintptr_t)expr_bare(last);
  return next->kind == e->kind && next->suspends && !next->local &&
                 same_type(next->type, e->type) &&
                 same_type(last->type, e->type)
             ? next
             : NULL;
}

static bool is_long_chain(const struct expr *e) {
  size_t length = 0;
  for (; e && length <= LONGEST_NESTED; e = next_link(e))
    length++;
  return length > LONGEST_NESTED;
}

/* if (test) { value = e; goto label; } */
static void put_link(struct hoist *h, struct expr *test, struct expr *e,
                     struct local *value, const char *label) {
  struct section section;
  open_section(h, &section);
  put(h, arm(h, e, value));
  put_jump(h, label, e->range);
  struct stmt *then_part = close_section(h, &section, e->range);
  put(h, make_if(h, test, then_part, NULL, e->range));
}

/* c ? a : d ? b : ..., value: NULL when it is void or not wanted. */
static void hoist_long_choice(struct hoist *h, struct expr *e,
                              struct local *value) {
  const char *label = make_label(h, "chosen");
  struct range range = e->range;
  for (struct expr *next; (next = next_link(e)); e = next)
    put_link(h, hoist_expr(h, e->kids.items[0].expr), e->kids.items[1].expr,
             value, label);
  put_link(h, hoist_expr(h, e->kids.items[0].expr), e->kids.items[1].expr,
           value, label);
  put(h, arm(h, e->kids.items[2].expr, value));
  put_mark(h, label, range);
}

struct expr *hoist_choice(struct hoist *h, struct expr *e) {
  struct expr *test = e->kids.items[0].expr;
  struct expr *yes = e->kids.items[1].expr, *no = e->kids.items[2].expr;
  if (!yes->suspends && !no->suspends) {
    struct expr *copy = make_copy(h, e);
    copy->kids.items[0].expr = hoist_expr(h, test);
    return copy;
  }
  bool is_void = e->type->is_void;
  struct local *value = is_void ? NULL : make_temp(h, e);
  if (is_long_chain(e)) {
    hoist_long_choice(h, e, value);
  } else {
    test = hoist_expr(h, test);
    struct stmt *then_part = arm(h, yes, value);
    struct stmt *else_part = arm(h, no, value);
    put(h, make_if(h, test, then_part, else_part, e->range));
  }
  if (is_void)
    return make_no_value(h, e->range);
  struct expr *result = make_use(h, value, e->range);
  result->type = e->type;
  return result;
}

/* a ?: b ?: ... */
static struct expr *hoist_long_elvis(struct hoist *h, struct expr *e) {
  const char *label = make_label(h, "chosen");
  struct range range = e->range;
  struct local *value = make_temp(h, e);
  struct expr *next = e;
  do {
    e = next;
    struct expr *first = hoist_expr(h, e->kids.items[0].expr);
    struct local *kept = make_temp(h, first);
    put_set(h, kept, first, first->range);
    put_link(h, make_use(h, kept, first->range),
             make_use(h, kept, first->range), value, label);
  } while ((next = next_link(e)));
  put(h, arm(h, e->kids.items[1].expr, value));
  put_mark(h, label, range);
  return make_use(h, value, range);
}

struct expr *hoist_elvis(struct hoist *h, struct expr *e) {
  if (is_long_chain(e))
    return hoist_long_elvis(h, e);

  struct expr *first = e->kids.items[0].expr, *second = e->kids.items[1].expr;
  first = hoist_expr(h, first);
  if (!second->suspends) {
    struct expr *copy = make_copy(h, e);
    copy->kids.items[0].expr = first;
    return copy;
  }
  struct local *kept = make_temp(h, first);
  put_set(h, kept, first, first->range);
  struct local *value = make_temp(h, e);
  struct section section;
  open_section(h, &section);
  put_set(h, value, make_use(h, kept, first->range), e->range);
  struct stmt *then_part = close_section(h, &section, e->range);
  struct stmt *else_part = arm(h, second, value);
  put(h,
      make_if(h, make_use(h, kept, e->range), then_part, else_part, e->range));
  return make_use(h, value, e->range);
}

void lower_choice(struct hoist *h, struct expr *e) {
  struct expr *first = e->kids.items[0].expr;
  if (e->kind != EX_COND) {
    struct expr *left = hoist_expr(h, first);
    struct stmt *then_part = arm(h, e->kids.items[1].expr, NULL);
    put(h,
        make_if(h, e->kind == EX_LAND ? left : make_wrapped(h, "!(\1)", left),
                then_part, NULL, e->range));
    return;
  }
  if (is_long_chain(e)) {
    hoist_long_choice(h, e, NULL);
    return;
  }
  struct expr *test = hoist_expr(h, first);
  struct stmt *then_part = arm(h, e->kids.items[1].expr, NULL);
  struct stmt *else_part = arm(h, e->kids.items[2].expr, NULL);
  put(h, make_if(h, test, then_part, else_part, e->range));
}
