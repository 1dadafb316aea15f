/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * build_parts.h - what the files that build the model share: a function for
 * each kind of cursor, which gives the model's node for it. */
#ifndef ACC_BUILD_PARTS_H
#define ACC_BUILD_PARTS_H

#include "build.h"

enum { TYPE_CACHE = 4096, NAME_BUCKETS = 1024 };

struct cached_type {
  const void *key;
  bool unqualified;
  const struct type *type;
};

struct builder {
  struct parsed *parsed;
  struct arena *arena;
  struct diags *diags;
  struct unit *unit;
  struct function *function; /* the async function being built, or NULL */
  struct cached_type cache[TYPE_CACHE];
  struct function *by_name[NAME_BUCKETS];
  struct range last_tag; /* the type last defined at file level */
};

/* ---- build_node.c -------------------------------------------------------- */

const struct type *get_type(struct builder *b, CXType type, bool unqualified);
const char *spelling(struct builder *b, CXCursor cursor);
struct children children_of(struct builder *b, CXCursor cursor);
bool same_range(struct range a, struct range b);
struct local *find_local(struct builder *b, CXCursor declaration);
/* The unit's entry for an async function, made at first sight. */
struct function *get_function(struct builder *b, CXCursor cursor);
struct expr *begin_expr(struct builder *b, enum expr_kind kind,
                        CXCursor cursor);
void add_kid(struct builder *b, struct expr *expr, struct expr *kid);
/* The statement whose value a statement expression has, or NULL. */
struct stmt *last_of(const struct stmt *body);
/* Notes whether somebody uses the value. */
void set_discarded(struct expr *expr, bool discarded);

/* ---- build_mark.c -------------------------------------------------------- */

/* A mark brings parentheses, which clang may have taken for those of the
 * statement or call around it: `if ac_try(await f())`. Then no operator of the
 * dialect was recognised above this. */
void check_parentheses(struct builder *b, CXCursor target, struct range word);
/* A function that is called through a mark: ac_done(h). */
struct expr *build_marked_call(struct builder *b, CXCursor cursor,
                               struct children children);
struct expr *build_operator(struct builder *b, CXCursor cursor,
                            const char *name, CXCursor operands);
bool is_mark(struct builder *b, CXCursor condition, const char *mark);
/* SCOPE_KINDS: it is none. */
enum scope_kind scope_mark(struct builder *b, CXCursor condition);
/* A defer or scope in plain code is an error. */
void check_async_only(struct builder *b, CXCursor cursor, CXCursor condition);

/* ---- build_expr.c -------------------------------------------------------- */

struct expr *build_opaque(struct builder *b, CXCursor cursor);
struct expr *build_generic(struct builder *b, enum expr_kind kind,
                           CXCursor cursor);
struct expr *build_expr(struct builder *b, CXCursor cursor);

/* ---- build_decl.c -------------------------------------------------------- */

void check_name(struct builder *b, const char *name, uint32_t offset);
struct local *begin_local(struct builder *b, CXCursor cursor, bool is_param);
void build_declarator(struct builder *b, struct stmt *stmt, CXCursor cursor);

/* ---- build_stmt.c -------------------------------------------------------- */

struct stmt *build_block(struct builder *b, CXCursor cursor);
struct stmt *build_stmt(struct builder *b, CXCursor cursor);

/* ---- build_plain.c ------------------------------------------------------- */

/* Plain code: only what is of the dialect in it matters. */
void walk_plain(struct builder *b, CXCursor cursor, uint32_t anchor,
                bool discarded);

/* ---- build_function.c ---------------------------------------------------- */

void build_definition(struct builder *b, struct function *function,
                      CXCursor cursor);
bool is_async_function(struct builder *b, CXCursor cursor);
void drop_prototype(struct builder *b, CXCursor cursor);
/* At the name of a function; an error also where a header declares it. */
void complain(struct builder *b, CXCursor cursor, enum severity severity,
              const char *text);
/* clang lets a later declaration inherit the convention in silence. */
void check_says_async(struct builder *b, CXCursor cursor);
void read_function_attributes(struct builder *b, struct function *function,
                              CXCursor cursor);
/* An async function that a header declares: only where there is something to
 * be read. */
void build_declared(struct builder *b, CXCursor cursor);

/* ---- build_directive.c --------------------------------------------------- */

/* #define, #undef and #pragma lines that take effect, wherever they stand. */
void find_directives(struct builder *b);

#endif
