/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * model.h - the one intermediate form: a unit, its async functions, their
 * locals, statements and expressions. Made by `build` from clang's cursors,
 * rewritten by `hoist` into the lowered form, read by all that follows. Every
 * node lives in the arena of the input.
 *
 * An expression is a stretch of the legible text with holes: what stands
 * between the holes is printed as it was written, each hole as the expression
 * in it. So most of C needs no knowledge of its own here; kinds exist only
 * where evaluation order, lvalues or the dialect matter. */
#ifndef ACC_MODEL_H
#define ACC_MODEL_H

#include "arena.h"
#include "attributes.h"
#include "source.h"

#include <stdbool.h>
#include <stdint.h>

enum handle_kind {
  HANDLE_NONE,
  HANDLE_TASK,
  HANDLE_FUTURE,
  HANDLE_CORO,
  HANDLE_YIELDS /* a generator's consumer: cannot be awaited */
};

/* A C type as printed text: `before` NAME `after` declares, and the two
 * together name it. Marks of the dialect are printed as the user's words;
 * calling conventions and address spaces never appear. */
struct type {
  const char *before, *after;
  int64_t size, align; /* as clang lays it out; < 0 where it has none */
  bool file_scope;     /* may be named outside the function */
  bool nameless;       /* cannot be named at all */
  bool is_void, is_bool, is_array, is_vector, is_record, is_function, is_scalar;
  bool is_object_pointer;
  bool is_const;          /* at the top */
  bool has_const_member;  /* cannot be assigned as a whole */
  bool is_variable;       /* variably modified */
  enum handle_kind handle;
  const struct type *yield; /* a handle's result, a function's result */
  VECTOR(const struct type *) params; /* a function's */
  bool variadic, prototyped, is_async; /* a function's */
};

enum local_class {
  LOCAL_PLAIN,   /* never across a suspension: an ordinary C local */
  LOCAL_SPILLED, /* a C local, stored in the frame while suspended */
  LOCAL_FRAME    /* lives in the frame: its address may be known */
};

/* An automatic variable or parameter of an async function, or a temporary. */
struct local {
  uint32_t id;
  const char *name;      /* as the user wrote it, or made for a temporary */
  const char *out_name;  /* unique where it must be; the frame member too */
  const struct type *type;
  uint32_t name_offset;  /* of its declaration; identifies it */
  const struct type *bare;  /* the type without qualifiers at its top */
  const char *member;       /* its name in the frame */
  bool is_param, is_temp;
  bool is_static;           /* no automatic variable: only its name counts */
  bool raw;                 /* its frame member is bytes */
  bool address_taken;    /* or an array, or bound to memory otherwise */
  bool is_volatile;
  bool renamed;          /* out_name differs from name */
  bool used;             /* a temporary that something reads */
  const char *align_text; /* of all its _Alignas and aligned(), or NULL */
  int64_t align; /* what they say; 0: nothing, -1: more than a number */
  struct expr *cleanup;  /* of the cleanup attribute: the function */
  const struct expr *like; /* a temporary of a type that has no name */
  /* The suspension points inside the scope that declares it, as an interval
   * of their ids; empty: none. */
  uint32_t scope_first, scope_end;
  enum local_class class;
};

enum expr_kind {
  EX_TEXT,     /* anything else: text with holes, evaluated left to right */
  EX_CONST,    /* has no effect and one value: literals, functions, sizeof */
  EX_VAR,      /* an automatic local */
  EX_ASYNC,    /* an async function named as a value */
  EX_CALL,     /* kid 0: callee, then arguments */
  EX_ASSIGN,   /* lhs = rhs */
  EX_OPASSIGN, /* lhs op= rhs */
  EX_INCDEC,
  EX_LAND,
  EX_LOR,
  EX_COND,
  EX_ELVIS, /* a ?: b */
  EX_COMMA,
  EX_INDEX,
  EX_DOT,
  EX_ARROW,
  EX_DEREF,
  EX_ADDR,
  EX_PURE, /* an operator without effect: its value is that of its operands */
  EX_PAREN,
  EX_INIT_LIST,
  EX_COMPOUND,  /* a compound literal; kid 0: its initializer */
  EX_STMT_EXPR, /* ({ ... }) */
  EX_UNEVALUATED, /* sizeof and its like, a type that holds expressions */
  EX_GENERIC,     /* _Generic */
  /* the dialect */
  EX_AWAIT, /* kid 0: EX_CALL, EX_OP, or a handle */
  EX_OP,    /* an operator: `op` */
  EX_RAISE  /* kid 0: the code */
};

enum operator{OP_CREATE_TASK, OP_COROUTINE, OP_RUN,        OP_GATHER,
              OP_SELECT,      OP_SELECT_IN_ORDER,
              OP_WAIT_FOR,    OP_SHIELD,    OP_FUTURE_SET, OP_TRY};

struct hole {
  struct range range;
  struct expr *expr;
};

struct expr {
  enum expr_kind kind;
  enum operator op;
  struct range range;
  const struct type *type;  /* of its value where it stands, converted */
  VECTOR(struct hole) kids; /* in source order */
  struct local *local;      /* EX_VAR; of a compound literal, or a record that
                               a pointer goes into: its place in the frame */
  struct function *callee;  /* EX_ASYNC; EX_CALL of a known async function */
  struct stmt *body;        /* EX_STMT_EXPR */
  VECTOR(struct local *) hidden; /* locals used inside an opaque macro */
  VECTOR(const char *) hidden_calls; /* functions named inside one */
  bool suspends;  /* holds an await or another thing of control flow */
  bool special;   /* holds a word of the dialect: at file level, a piece */
  bool broken;    /* clang did not understand something in it */
  bool is_bitfield;
  bool decided;   /* EX_GENERIC: all operands but the selected one are
                     EX_UNEVALUATED */
  bool discarded; /* its value is not used */
  bool decays;    /* an array whose value is a pointer to it */
  /* Made by the lowering: printed instead of the source, each \1 in it as the
   * next kid, \2 as the type, \3 as a pointer to it. */
  const char *text;
  const struct thunk *thunk; /* EX_OP on a call */
};

/* ST_SCOPE: the statement ac_timeout (seconds), ac_scope (&scope), or
 * ac_task_group (&group), ac_closing (&generator). */
enum scope_kind {
  SCOPE_TIMEOUT,
  SCOPE_CANCEL,
  SCOPE_GROUP,
  SCOPE_CLOSING,
  SCOPE_KINDS
};

extern const char *const scope_words[SCOPE_KINDS];

enum stmt_kind {
  ST_EXPR,
  ST_DECL,
  ST_NULL,
  ST_BLOCK,
  ST_IF,
  ST_WHILE,
  ST_DO,
  ST_FOR,
  ST_SWITCH,
  ST_CASE, /* a case or default label, and what it labels */
  ST_LABEL,
  ST_GOTO,
  ST_COMPUTED_GOTO,
  ST_BREAK,
  ST_CONTINUE,
  ST_RETURN,
  ST_VERBATIM, /* asm, static assertions, opaque macros: as written */
  ST_DEFER,
  ST_SCOPE,
  /* lowered */
  ST_SET,    /* `local` = `expr` */
  ST_AWAIT,  /* a suspension point: `await` */
  ST_MARK,   /* the label `name`: */
  ST_JUMP,   /* goto `name` */
  ST_FINISH, /* return with a value, or none: `expr` */
  ST_RAISED, /* return AC_RAISED; the code is `expr`, or in the task */
  ST_CATCH   /* `local` = the code just raised */
};

struct declarator {
  struct local *local;     /* NULL: static, extern, a function, a type */
  struct range range;      /* from its declaration's begin to its end */
  struct range name;
  struct expr *init;       /* or NULL */
  const struct type *type; /* NULL for a tag or typedef */
  struct range tag;        /* a tag defined in this declaration */
  bool anonymous_tag;
  const char *function_name; /* a function is declared here, of `type` */
  VECTOR(struct local *) names; /* typedefs, enumerators, functions: as if
                                   they were static variables */
};

enum await_form {
  AWAIT_CALL,          /* expr: a call of an async function */
  AWAIT_HANDLE,        /* expr: a handle */
  AWAIT_OWNED,         /* expr: a handle that nobody else sees */
  AWAIT_WAIT_FOR,      /* expr: a handle; seconds; owned: it was a call */
  AWAIT_SHIELD,
  AWAIT_GATHER,       /* expr, second: handles, count */
  AWAIT_GATHER_OWNED, /* handles: temporaries */
  AWAIT_SELECT,       /* handles: temporaries; owned: in order */
  AWAIT_SCOPE_EXIT    /* expr, second: what `scope` holds, the error it is
                         left with */
};

struct await {
  uint32_t id; /* from 0, in the order of the lowered text; state id + 1 */
  enum await_form form;
  enum scope_kind scope;
  struct expr *expr;    /* the awaited call, operator or handle; no awaits */
  struct expr *second;
  bool owned;
  VECTOR(struct local *) handles;
  struct local *result; /* NULL: void or unused */
  const struct type *type; /* of the awaited value */
  uint32_t offset;
  struct stmt *raised; /* what to do when it raised: a block */
  struct local **live; /* spilled here, set by `frame` */
  uint32_t live_count;
  bool slot;           /* the frame has a member ac_r<state> for its result */
};

struct stmt {
  enum stmt_kind kind;
  struct range range;
  struct range head; /* ST_CASE: its label up to the colon */
  struct expr *expr; /* condition, value, step's home: see kind */
  struct expr *step; /* ST_FOR */
  struct stmt *init; /* ST_FOR */
  VECTOR(struct stmt *) kids; /* ST_BLOCK: all; else body, then else-part */
  VECTOR(struct declarator) declarators;
  const char *name;    /* of a label, or a goto's */
  struct local *local; /* ST_SET, ST_CATCH */
  struct await *await;
  struct cleanup *cleanup; /* ST_DEFER, ST_SCOPE, a declaration's */
  enum scope_kind scope;   /* ST_SCOPE */
  bool is_default;         /* ST_CASE */
  bool lowered;            /* made or changed by `hoist`: print by structure */
  bool transparent;        /* ST_BLOCK: no scope of the user's */
  bool split;              /* ST_DECL: one declarator of several, or parted from
                              its initializer */
};

/* The lowered body's scratch: what `build` found of a function. */
struct function {
  const char *name;
  const struct type *type;   /* of the function */
  const struct type *result; /* unqualified */
  uint32_t decl_offset;      /* of the name in the first declaration seen */
  struct attributes attributes;
  struct range range;        /* of the definition */
  bool is_static, is_defined, is_main, in_main_file;
  bool declared;             /* its lowered prototype has been printed */
  bool is_inline, has_label_values;
  bool has_macros; /* some macro invocation with arguments was left */
  struct stmt *body;
  VECTOR(struct local *) locals;
  VECTOR(struct local *) params;
  VECTOR(const char *) tags; /* of types declared in the body */
  VECTOR(struct await *) awaits;
  VECTOR(struct function *) calls; /* the async functions it names */
  uint32_t mark;                   /* of a walk over calls */
  struct function *next_in_bucket; /* of build's table of names */
  /* from frame */
  VECTOR(struct slot) slots;
  bool frame_on_entry;
  bool is_recursive; /* on a cycle of calls within the file */
  bool may_recurse; /* looks at the stack on entry, and can restart */
  int64_t frame_bytes, frame_align;
};

/* A frame member, or several whose lifetimes are disjoint. */
struct member {
  const char *name;
  const struct type *type;
  struct local *local;   /* or NULL: the result of `await` */
  struct await *await;
  bool raw;              /* bytes: the type has no name outside */
  bool start;            /* an argument, kept until the body begins */
};
struct slot {
  VECTOR(struct member) members;
  uint64_t *occupied; /* awaits at which one of them is needed */
  int64_t size, align, offset;
};

/* A thunk to be printed before the declaration that uses it. */
struct thunk {
  uint32_t id;
  struct function *callee;      /* or NULL: through a pointer of `type` */
  const struct type *type;
};

/* A stretch at file level that is not printed as written. */
struct piece {
  uint32_t anchor; /* where the declaration around it begins */
  struct range range;
  struct function *function; /* a definition, to be replaced */
  struct range tag;          /* a type defined in its head, or empty */
  struct expr *expr;         /* else: text with holes */
  bool drop;                 /* a static prototype */
  VECTOR(struct function *) needs; /* lowered prototypes to print before */
  VECTOR(const struct thunk *) thunks;
};

struct unit {
  struct arena *arena;
  struct source *source;
  VECTOR(struct function *) functions;
  VECTOR(struct piece *) pieces;
  VECTOR(struct range) directives; /* #define, #undef, #pragma inside bodies */
  VECTOR(struct range) conditionals; /* #if, #else, #endif ... lines */
  VECTOR(struct range) skipped;      /* text that they leave out */
  VECTOR(uint32_t) await_words; /* where `await` stands in plain text */
  VECTOR(const struct thunk *) thunks;
  uint32_t thunk_count;
  uint32_t label_count;
};

/* ---- questions that several stages ask ----------------------------------- */

/* Without parentheses. */
const struct expr *expr_bare(const struct expr *expr);
/* The function type of a function or of a pointer to one, else NULL. */
const struct type *type_function(const struct type *type);
/* Is it so of one of a statement's own expressions: its condition or value, its
 * step, the initializers that it declares with? */
bool stmt_holds(const struct stmt *stmt, bool (*test)(const struct expr *));
bool expr_suspends(const struct expr *expr);
bool expr_is_special(const struct expr *expr);
/* Is it so of a statement, or of one below it? */
bool stmt_any(const struct stmt *stmt,
              bool (*test)(const struct stmt *, const void *),
              const void *context);
/* A call of an async function, by name or through a pointer. */
bool expr_is_async_call(const struct expr *expr);

#endif
