/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * emit_parts.h - what the files of the printer share. Each prints one kind of
 * thing to the writer at work. */
#ifndef ACC_EMIT_PARTS_H
#define ACC_EMIT_PARTS_H

#include "emit.h"
#include "writer.h"

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
  int depth; /* of indentation */
  bool unevaluated;
  size_t next_directive;      /* of those inside the function at work */
  VECTOR(const char *) names; /* declared in its body, sorted */
  VECTOR(const struct type *) aliases; /* of types that such a name hides */
  unsigned first_alias;
};

/* What must stand before the declaration at work. */
struct needs {
  struct emitter *e;
  VECTOR(struct function *) functions;
  VECTOR(struct thunk *) thunks;
};

/* ---- emit_name.c --------------------------------------------------------- */

bool is_word(char c);
/* Notes the names that the function declares: they may hide a type's. */
void find_names(struct emitter *e, const struct function *f);
const char *type_text(struct emitter *e, const struct type *type,
                      const char *name);
const char *type_name(struct emitter *e, const struct type *type);
/* f__ac with a given name's place: "ac_frame *NAME(int *, long)". */
const char *lowered_type(struct emitter *e, const struct type *function,
                         const char *name);
/* typeof(x), for a type without a name. */
const char *typeof_text(struct emitter *e, const struct expr *x);
const char *local_text(struct emitter *e, const struct local *local);

/* ---- emit_text.c --------------------------------------------------------- */

/* A compound literal, or another record that is pointed into. */
bool is_kept(const struct expr *x);
void collect_hole(struct emitter *e, const struct hole *hole, edit_list *edits);
void collect_expr(struct emitter *e, const struct expr *x, edit_list *edits);
void collect_stmt(struct emitter *e, const struct stmt *s, edit_list *edits);
void copy_source(struct emitter *e, uint32_t begin, uint32_t end);
void print_range(struct emitter *e, struct range range, edit_list *edits);
void indent(struct emitter *e);
/* Begins an indented line that belongs to where the offset is. */
void begin_line(struct emitter *e, uint32_t offset);

/* ---- emit_expr.c --------------------------------------------------------- */

/* The arguments of a call, each after a comma, or separated by commas. */
void print_arguments(struct emitter *e, const struct expr *call,
                     const char *first);
const struct type *callee_type(const struct expr *call);
void print_expr(struct emitter *e, const struct expr *x);
/* An expression where a comma would end it. */
void print_one(struct emitter *e, const struct expr *x);
/* to = value, also where C forbids it for a member's sake. */
void print_assign(struct emitter *e, const char *to, const struct type *type,
                  const struct expr *value);
void print_copy(struct emitter *e, const char *to, const char *from,
                const struct type *type, bool raw);

/* ---- emit_await.c -------------------------------------------------------- */

void print_await(struct emitter *e, const struct await *await);

/* ---- emit_decl.c --------------------------------------------------------- */

/* May it be printed as it was written? */
bool is_plain_declaration(const struct stmt *s);
void print_declaration(struct emitter *e, const struct stmt *s);

/* ---- emit_stmt.c --------------------------------------------------------- */

void skip_directives(struct emitter *e, uint32_t end);
void print_directives(struct emitter *e, uint32_t end);
/* How a body returns that is done, or raised: see AC_END. */
const char *ending(const struct emitter *e, bool raised);
void print_stmt(struct emitter *e, const struct stmt *s);

/* ---- emit_frame.c -------------------------------------------------------- */

void print_frame(struct emitter *e, const struct function *f);
void print_descriptor(struct emitter *e, const struct function *f);

/* ---- emit_function.c ----------------------------------------------------- */

const char *storage(const struct function *function);
/* Printed again where it turns out to need aliases, which stand before it. */
void print_function(struct emitter *e, struct function *f);

/* ---- emit_needs.c -------------------------------------------------------- */

void print_needs(struct emitter *e, struct needs *n, uint32_t offset);
/* All pieces of one declaration share their anchor. */
void gather_needs(struct emitter *e, size_t first, struct needs *n);

#endif
