/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * hoist_parts.h - what the files of the lowering share. An expression is
 * lowered into what is left of it once its awaits stand before it; a statement
 * into statements, which go to the list at work. */
#ifndef ACC_HOIST_PARTS_H
#define ACC_HOIST_PARTS_H

#include "hoist.h"

enum target_kind { TARGET_LABEL, TARGET_RETURN, TARGET_RAISE };

/* A place outside that a jump goes to. */
struct target {
  enum target_kind kind;
  const char *label;        /* TARGET_LABEL, and where an ac_try goes on */
  struct local *caught;     /* TARGET_RAISE to an ac_try: takes the code */
  struct cleanup *cleanups; /* active there */
};

enum cleanup_kind { CLEANUP_DEFER, CLEANUP_VARIABLE, CLEANUP_SCOPE };

struct cleanup {
  enum cleanup_kind kind;
  enum scope_kind scope;
  struct cleanup *outer;
  struct stmt *body;      /* CLEANUP_DEFER */
  struct local *variable; /* the variable, or the scope, or its address */
  struct local *next, *error;
  const char *label;
  VECTOR(struct target) exits;
};

struct loop {
  struct loop *outer;
  bool is_switch;
  struct cleanup *cleanups;
  const char *break_label, *continue_label; /* made when first needed */
  bool continue_by_label;
};

struct label {
  const char *name;
  struct cleanup *cleanups;
};

typedef VECTOR(struct stmt *) stmt_list;
typedef VECTOR(struct local *) local_list;

struct hoist {
  struct arena *arena;
  struct unit *unit;
  struct function *function;
  struct diags *diags;
  stmt_list *out; /* where lowered statements go */
  struct cleanup *cleanups;
  struct target *handler; /* of the innermost ac_try, or NULL */
  struct loop *loop;
  VECTOR(struct label) labels;
  struct local *result; /* a value on its way through cleanups */
  bool has_cleanups;
  const char *cleanup_word; /* the first of them, for a message */
  local_list changed;       /* in the full expression at work */
};

enum made_type {
  TYPE_VOID,
  TYPE_INT,
  TYPE_HANDLE,
  TYPE_SCOPE,
  TYPE_SCOPE_POINTER,
  TYPE_GROUP_POINTER,
  TYPE_GENERATOR_POINTER
};

/* Collects what lowering puts out into a block of its own. */
struct section {
  stmt_list list;
  stmt_list *outer;
};

/* Chains of else ifs, and of ?:, are no nesting to who writes them. Compilers
 * give up on braces some 256 deep, so longer ones than this are laid out flat:
 * each part ends with a jump behind the last. */
enum { LONGEST_NESTED = 32 };

/* ---- hoist_node.c -------------------------------------------------------- */

struct stmt *make_stmt(struct hoist *h, enum stmt_kind kind,
                       struct range range);
void put(struct hoist *h, struct stmt *s);
struct expr *make_text(struct hoist *h, const char *text, struct range range,
                       const struct type *type);
struct expr *make_wrapped(struct hoist *h, const char *text, struct expr *kid);
/* The types of what the lowering makes of itself. */
const struct type *made_type(enum made_type type);
struct local *make_local(struct hoist *h, const char *stem,
                         const struct type *type);
struct expr *make_use(struct hoist *h, struct local *local, struct range range);
const char *make_label(struct hoist *h, const char *stem);
void put_set(struct hoist *h, struct local *local, struct expr *value,
             struct range range);
void put_number(struct hoist *h, struct local *local, unsigned number,
                struct range range);
void put_mark(struct hoist *h, const char *label, struct range range);
void put_jump(struct hoist *h, const char *label, struct range range);
void put_effect(struct hoist *h, struct expr *e);
/* A temporary whose type can only be written as typeof of an expression is
 * declared where it is first set. */
struct local *make_temp(struct hoist *h, struct expr *e);
void open_section(struct hoist *h, struct section *section);
struct stmt *close_section(struct hoist *h, struct section *section,
                           struct range range);
struct expr *make_no_value(struct hoist *h, struct range range);
struct expr *make_copy(struct hoist *h, const struct expr *e);
struct stmt *make_if(struct hoist *h, struct expr *condition,
                     struct stmt *then_part, struct stmt *else_part,
                     struct range range);
struct expr *hoist_bare(struct expr *e);
/* text with a hole for each of the two. */
struct expr *make_of_two(struct hoist *h, const char *text, struct expr *a,
                         struct expr *b, struct range range,
                         const struct type *type);
struct stmt *make_childless(struct hoist *h, const struct stmt *s);

/* ---- hoist_expr.c -------------------------------------------------------- */

/* Evaluates operands from left to right up to the last that suspends. */
struct expr *hoist_operands(struct hoist *h, struct expr *e);
/* An lvalue. keep: it must name the same object after a suspension, so its
 * pointers and subscripts are captured. */
struct expr *hoist_place(struct hoist *h, struct expr *e, bool keep);
struct expr *hoist_expr(struct hoist *h, struct expr *e);
/* Evaluates an expression for its effects. */
void lower_effect(struct hoist *h, struct expr *e);
void hoist_begin(struct hoist *h, const struct expr *e);
struct expr *hoist_full(struct hoist *h, struct expr *e);

/* ---- hoist_choice.c ------------------------------------------------------ */

/* a && b, a || b with an await in b */
struct expr *hoist_logic(struct hoist *h, struct expr *e);
/* c ? a : b with an await in an arm */
struct expr *hoist_choice(struct hoist *h, struct expr *e);
/* a ?: b */
struct expr *hoist_elvis(struct hoist *h, struct expr *e);
/* The same for &&, || and ?: whose value is not wanted. */
void lower_choice(struct hoist *h, struct expr *e);

/* ---- hoist_await.c ------------------------------------------------------- */

struct await *make_await(struct hoist *h, enum await_form form,
                         struct expr *expr, const struct type *type);
void put_await(struct hoist *h, struct await *await, struct range range);
/* Puts out one await. Its value goes to `into`, or to a temporary when it is
 * wanted; returns which, NULL for none. */
struct local *lower_await(struct hoist *h, struct expr *e, struct local *into,
                          bool wanted);

/* ---- hoist_cleanup.c ----------------------------------------------------- */

void route(struct hoist *h, struct cleanup *from, const struct target *target,
           struct local *error, struct range range);
void route_error(struct hoist *h, struct local *error, struct range range);
void raise_if(struct hoist *h, struct local *error, struct range range);
/* At the end of its block: the cleanup itself, and whither afterwards. A scope
 * decides itself whether an error passes. */
void close_cleanup(struct hoist *h, struct cleanup *cleanup,
                   struct range range);
void name_cleanup(struct hoist *h, struct cleanup *cleanup);
void begin_cleanup(struct hoist *h, struct stmt *s);

/* ---- hoist_scope.c ------------------------------------------------------- */

void leave_scope(struct hoist *h, struct cleanup *cleanup, struct range range);
void lower_scope(struct hoist *h, struct stmt *s);

/* ---- hoist_jump.c -------------------------------------------------------- */

bool continues_by_label(const struct loop *loop);
/* while, do, for: the head stays where it holds no await. */
void lower_loop(struct hoist *h, struct stmt *s);
void lower_switch(struct hoist *h, struct stmt *s);
void lower_labelled(struct hoist *h, struct stmt *s);
void lower_break(struct hoist *h, struct stmt *s);
void lower_continue(struct hoist *h, struct stmt *s);
void lower_goto(struct hoist *h, struct stmt *s);

/* ---- hoist_stmt.c -------------------------------------------------------- */

/* Must this statement be looked into at all? */
bool is_touched(const struct hoist *h, const struct stmt *s);
void lower_block(struct hoist *h, struct stmt *s);
void lower_stmt(struct hoist *h, struct stmt *s);

/* ---- hoist_scan.c -------------------------------------------------------- */

/* Returns the cleanups active after the statement, in its block. */
struct cleanup *hoist_scan(struct hoist *h, struct stmt *s,
                           struct cleanup *active, struct cleanup *at_switch,
                           bool block_suspends);

#endif
