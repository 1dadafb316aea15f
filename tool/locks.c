/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A forward walk over a function's statements, with the set of locks that are
 * certainly held. Where ways meet, a lock is held that is held on each: a
 * program that locks and unlocks under one condition is not accused. The heads
 * of loops and labels keep what they were reached with, and the function is
 * walked until that stays the same (Kildall's algorithm on the tree).
 *
 * A lock is known by the text of its argument. What may release it in a way
 * that is not seen, does: a call that is given it, one with `unlock` in its
 * name, the unlocking of something else of its kind. */
#include "locks.h"

#include <ctype.h>
#include <string.h>

typedef uint64_t held;             /* a bit for each place that locks */
enum { PLACES = 63 };              /* as many as are looked at */
static const held NOWHERE = ~(held)0; /* not reached at all */

struct family {
  const char *lock, *unlock, *instead;
  bool may_fail; /* it has to be looked at whether it was got */
};

static const struct family families[] = {
    {"pthread_mutex_lock", "pthread_mutex_unlock", "ac_lock", false},
    {"pthread_mutex_trylock", "pthread_mutex_unlock", "ac_lock", true},
    {"pthread_mutex_timedlock", "pthread_mutex_unlock", "ac_lock", true},
    {"pthread_mutex_clocklock", "pthread_mutex_unlock", "ac_lock", true},
    {"pthread_spin_lock", "pthread_spin_unlock", "ac_lock", false},
    {"pthread_spin_trylock", "pthread_spin_unlock", "ac_lock", true},
    {"pthread_rwlock_rdlock", "pthread_rwlock_unlock", "ac_rwlock", false},
    {"pthread_rwlock_wrlock", "pthread_rwlock_unlock", "ac_rwlock", false},
    {"pthread_rwlock_tryrdlock", "pthread_rwlock_unlock", "ac_rwlock", true},
    {"pthread_rwlock_trywrlock", "pthread_rwlock_unlock", "ac_rwlock", true},
    {"mtx_lock", "mtx_unlock", "ac_lock", false},
    {"mtx_trylock", "mtx_unlock", "ac_lock", true},
    {"mtx_timedlock", "mtx_unlock", "ac_lock", true},
    {"flockfile", "funlockfile", "ac_lock", false},
    {"ftrylockfile", "funlockfile", "ac_lock", true},
    {"g_mutex_lock", "g_mutex_unlock", "ac_lock", false},
    {"g_rec_mutex_lock", "g_rec_mutex_unlock", "ac_lock", false},
    {"g_rw_lock_reader_lock", "g_rw_lock_reader_unlock", "ac_rwlock", false},
    {"g_rw_lock_writer_lock", "g_rw_lock_writer_unlock", "ac_rwlock", false},
    {"uv_mutex_lock", "uv_mutex_unlock", "ac_lock", false},
    {"uv_mutex_trylock", "uv_mutex_unlock", "ac_lock", true},
    {"uv_rwlock_rdlock", "uv_rwlock_rdunlock", "ac_rwlock", false},
    {"uv_rwlock_wrlock", "uv_rwlock_wrunlock", "ac_rwlock", false}};
enum { FAMILIES = sizeof families / sizeof *families };

/* A call that locks. */
struct place {
  const struct expr *call;
  const struct family *family;
  const char *argument;        /* NULL: not seen, inside a macro */
  const struct local *result;  /* the variable that says whether it was got */
  held alike;                  /* the places that lock the same */
  bool told;
};

/* The head of a loop, or a label: what it is reached with. */
struct joint {
  const struct stmt *loop;
  const char *label;
  held held;
};

struct ways {
  held yes, no;
};

struct walk {
  const struct unit *unit;
  struct diags *diags;
  struct arena *arena;
  VECTOR(struct place) places;
  VECTOR(struct joint) joints;
  VECTOR(const struct stmt *) defers; /* passed, and not yet run */
  bool changed, telling;
  /* Where control goes from here, and how many defers are around that. */
  held at_break, at_continue, at_catch, at_switch;
  size_t break_depth, continue_depth, catch_depth;
  bool has_default, catches;
};

static held walk_stmt(struct walk *w, const struct stmt *s, held now);
static held walk_expr(struct walk *w, const struct expr *e, held now);
static struct ways walk_condition(struct walk *w, const struct expr *e,
                                  held now);

/* ---- sets ---------------------------------------------------------------- */

static held meet(const struct walk *w, held a, held b) {
  if (a == NOWHERE || b == NOWHERE)
    return a == NOWHERE ? b : a;
  held both = 0;
  for (size_t i = 0; i < w->places.count; i++) {
    held alike = w->places.items[i].alike;
    if (a & alike && b & alike)
      both |= (a | b) & alike;
  }
  return both;
}

static held without(held now, held gone) {
  return now == NOWHERE ? now : now & ~gone;
}

/* Control comes to a joint: what is held there from now on. */
static held arrive(struct walk *w, const struct stmt *loop, const char *label,
                   held now) {
  for (size_t i = 0; i < w->joints.count; i++) {
    struct joint *joint = &w->joints.items[i];
    if (joint->loop != loop || (label && strcmp(joint->label, label)))
      continue;
    held before = joint->held;
    joint->held = meet(w, before, now);
    w->changed |= joint->held != before;
    return joint->held;
  }
  struct joint joint = {loop, label, now};
  vector_push(w->arena, &w->joints, joint);
  w->changed = true;
  return now;
}

/* ---- names --------------------------------------------------------------- */

/* A stretch of the text without blanks and the parentheses around it. */
static const char *squeezed(struct walk *w, const struct expr *e) {
  const struct expr *bare = expr_bare(e);
  const char *text = w->unit->source->text;
  char *copy = arena_alloc(w->arena, bare->range.end - bare->range.begin + 1);
  size_t length = 0;
  for (uint32_t at = bare->range.begin; at < bare->range.end; at++)
    if (!isspace((unsigned char)text[at]))
      copy[length++] = text[at];
  return copy;
}

/* The function that is called by name; "" for others. */
static const char *called(struct walk *w, const struct expr *call) {
  const struct expr *callee = expr_bare(call->kids.items[0].expr);
  if (callee->hidden_calls.count)
    return callee->hidden_calls.items[0];
  if (callee->kind == EX_ASYNC)
    return callee->callee->name;
  if (callee->kind != EX_CONST)
    return "";
  const struct source *source = w->unit->source;
  uint32_t begin = callee->range.begin, end = source_word_end(source, begin);
  return arena_copy(w->arena, source->text + begin, end - begin);
}

static const struct family *family_of(const char *name) {
  for (size_t i = 0; i < FAMILIES; i++)
    if (!strcmp(families[i].lock, name))
      return &families[i];
  return NULL;
}

static bool unlocks(const char *name) {
  for (size_t i = 0; i < FAMILIES; i++)
    if (!strcmp(families[i].unlock, name))
      return true;
  return false;
}

static bool never_returns(const char *name) {
  static const char *const names[] = {
      "__assert_fail", "__assert", "__assert_rtn", "abort",
      "exit", "_exit", "_Exit", "quick_exit",
      "__builtin_unreachable", "__builtin_trap", "g_assertion_message_expr"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(names[i], name))
      return true;
  return false;
}

/* ---- locking and unlocking ----------------------------------------------- */

static size_t place_of(struct walk *w, const struct expr *call,
                       const struct family *family, const char *argument) {
  for (size_t i = 0; i < w->places.count; i++)
    if (w->places.items[i].call == call)
      return i;
  size_t at = w->places.count;
  if (at == PLACES)
    return at;
  struct place place = {.call = call,
                        .family = family,
                        .argument = argument,
                        .alike = (held)1 << at};
  for (size_t i = 0; i < at; i++) {
    struct place *other = &w->places.items[i];
    if (!argument || !other->argument || strcmp(other->argument, argument))
      continue;
    other->alike |= (held)1 << at;
    place.alike |= other->alike;
  }
  vector_push(w->arena, &w->places, place);
  return at;
}

static held lock(struct walk *w, const struct expr *call,
                 const struct family *family, const char *argument,
                 const struct local *result, held now) {
  size_t at = place_of(w, call, family, argument);
  if (at == PLACES || now == NOWHERE)
    return now;
  w->places.items[at].result = result;
  return now | (held)1 << at;
}

/* argument: NULL when a macro hides it. */
static held unlock(const struct walk *w, const char *name, const char *argument,
                   held now) {
  held same = 0, kind = 0;
  for (size_t i = 0; i < w->places.count; i++) {
    const struct place *place = &w->places.items[i];
    if (strcmp(place->family->unlock, name) != 0)
      continue;
    kind |= (held)1 << i;
    if (argument && place->argument && !strcmp(place->argument, argument))
      same |= (held)1 << i;
  }
  return without(now, same ? same : kind);
}

/* Waiting for a condition gives the lock back only for as long as it lasts. */
static bool keeps_its_lock(const char *name) {
  return strstr(name, "cond_") || strstr(name, "cnd_");
}

/* Is it all of the argument, or named in it? */
static bool is_named(const char *argument, const char *lock) {
  size_t length = strlen(lock);
  for (const char *at = argument; (at = strstr(at, lock)); at++)
    if (!isalnum((unsigned char)at[length]) && at[length] != '_')
      return true;
  return false;
}

/* A function that is given the lock may unlock it. */
static held hand_over(struct walk *w, const struct expr *call, const char *name,
                      held now) {
  if (strstr(name, "unlock") || strstr(name, "UNLOCK"))
    return without(now, ~(held)0);
  if (keeps_its_lock(name))
    return now;
  for (size_t i = 1; i < call->kids.count; i++) {
    const char *argument = squeezed(w, call->kids.items[i].expr);
    for (size_t j = 0; j < w->places.count; j++) {
      const struct place *place = &w->places.items[j];
      /* A stream is given to whatever reads or writes it. */
      bool is_stream = !strcmp(place->family->unlock, "funlockfile");
      if (!is_stream && place->argument && is_named(argument, place->argument))
        now = without(now, (held)1 << j);
    }
  }
  return now;
}

/* Calls in a macro that was left as it is: their arguments are not seen. */
static held walk_hidden(struct walk *w, const struct expr *e, bool is_statement,
                        held now) {
  for (size_t i = 0; i < e->hidden_calls.count; i++) {
    const char *name = e->hidden_calls.items[i];
    const struct family *family = family_of(name);
    if (family && is_statement && !family->may_fail)
      now = lock(w, e, family, NULL, NULL, now);
    else if (unlocks(name))
      now = unlock(w, name, NULL, now);
    else if (!family && strstr(name, "unlock"))
      now = without(now, ~(held)0);
  }
  return now;
}

static held walk_call(struct walk *w, const struct expr *e,
                      const struct local *result, held now) {
  for (size_t i = 0; i < e->kids.count; i++)
    now = walk_expr(w, e->kids.items[i].expr, now);
  const char *name = called(w, e);
  if (never_returns(name))
    return NOWHERE;
  const char *argument =
      e->kids.count > 1 ? squeezed(w, e->kids.items[1].expr) : NULL;
  const struct family *family = family_of(name);
  if (family && !family->may_fail && (e->discarded || result))
    return lock(w, e, family, argument, result, now);
  if (family)
    return now;
  return unlocks(name) ? unlock(w, name, argument, now)
                       : hand_over(w, e, name, now);
}

/* ---- suspensions --------------------------------------------------------- */

/* Runs the defers that are left on the way to where `depth` are around. */
static held unwind(struct walk *w, size_t depth, held now) {
  size_t count = w->defers.count, bytes = count * sizeof *w->defers.items;
  const struct stmt **kept = NULL;
  if (count > depth)
    kept = memcpy(arena_alloc(w->arena, bytes), w->defers.items, bytes);
  while (w->defers.count > depth) {
    const struct stmt *defer = w->defers.items[--w->defers.count];
    now = defer->kind == ST_DEFER
              ? walk_stmt(w, defer->kids.items[0], now)
              : without(now, ~(held)0); /* a cleanup may do anything */
  }
  /* The defers of a defer have stood in their place. */
  if (kept)
    memcpy(w->defers.items, kept, bytes);
  w->defers.count = count;
  return now;
}

/* An error may be raised here, which an ac_try or ac_scope around takes. */
static void raise(struct walk *w, held now) {
  if (!w->catches)
    return;
  bool catches = w->catches;
  size_t depth = w->catch_depth;
  w->catches = false; /* what a defer raises comes from where it stands */
  held there = unwind(w, depth, now);
  w->catches = catches;
  w->at_catch = meet(w, w->at_catch, there);
}

static void suspend(struct walk *w, uint32_t offset, held now) {
  const struct source *source = w->unit->source;
  raise(w, now);
  for (size_t i = 0; w->telling && now != NOWHERE && i < w->places.count; i++) {
    struct place *place = &w->places.items[i];
    if (!(now >> i & 1) || place->told)
      continue;
    place->told = true;
    diag_warn(w->diags, source, WARNING_LOCK_ACROSS_AWAIT,
              place->call->range.begin,
              arena_printf(w->arena,
                           "the lock that '%s' takes is held across an await",
                           place->family->lock));
    diag_at(w->diags, source, SEVERITY_NOTE, offset,
            "the task may be suspended here, and whoever wants the lock then "
            "blocks the thread");
    diag_at(w->diags, source, SEVERITY_NOTE, place->call->range.begin,
            "unlock it before the await, or use an '%s', for which tasks wait",
            place->family->instead);
  }
}

/* ---- expressions --------------------------------------------------------- */

static held walk_kids(struct walk *w, const struct expr *e, held now) {
  for (size_t i = 0; i < e->kids.count; i++)
    now = walk_expr(w, e->kids.items[i].expr, now);
  return now;
}

/* What an ac_try or a scope takes goes on behind it. */
struct catcher {
  held at_catch;
  size_t depth;
  bool catches;
};

static struct catcher catch_begin(struct walk *w) {
  struct catcher outer = {w->at_catch, w->catch_depth, w->catches};
  w->at_catch = NOWHERE;
  w->catch_depth = w->defers.count;
  w->catches = true;
  return outer;
}

static held catch_end(struct walk *w, struct catcher outer, held now) {
  now = meet(w, now, w->at_catch);
  w->at_catch = outer.at_catch;
  w->catch_depth = outer.depth;
  w->catches = outer.catches;
  return now;
}

static held walk_assignment(struct walk *w, const struct expr *e, held now) {
  const struct expr *to = expr_bare(e->kids.items[0].expr);
  const struct expr *value =
      e->kids.count > 1 ? expr_bare(e->kids.items[1].expr) : NULL;
  if (value && value->kind == EX_CALL && to->kind == EX_VAR)
    return walk_call(w, value, to->local, now);
  return walk_kids(w, e, now);
}

static held walk_expr(struct walk *w, const struct expr *e, held now) {
  if (!e || e->kind == EX_UNEVALUATED)
    return now;
  now = walk_hidden(w, e, e->discarded, now);
  switch (e->kind) {
  case EX_CALL:
    return e->kids.count ? walk_call(w, e, NULL, now) : now;
  case EX_ASSIGN:
    return walk_assignment(w, e, now);
  case EX_AWAIT:
    now = walk_kids(w, e, now);
    suspend(w, e->range.begin, now);
    return now;
  case EX_RAISE:
    raise(w, walk_kids(w, e, now));
    return NOWHERE;
  case EX_OP: {
    if (e->op != OP_TRY)
      return walk_kids(w, e, now);
    struct catcher outer = catch_begin(w);
    return catch_end(w, outer, walk_kids(w, e, now));
  }
  case EX_LAND:
  case EX_LOR: {
    struct ways ways = walk_condition(w, e, now);
    return meet(w, ways.yes, ways.no);
  }
  case EX_COND: {
    if (e->kids.count < 3)
      return walk_kids(w, e, now);
    struct ways ways = walk_condition(w, e->kids.items[0].expr, now);
    return meet(w, walk_expr(w, e->kids.items[1].expr, ways.yes),
                walk_expr(w, e->kids.items[2].expr, ways.no));
  }
  case EX_STMT_EXPR:
    return walk_stmt(w, e->body, now);
  default:
    return walk_kids(w, e, now);
  }
}

/* ---- conditions ---------------------------------------------------------- */

static bool is_zero(const struct walk *w, const struct expr *e) {
  const char *text = w->unit->source->text + e->range.begin;
  size_t length = e->range.end - e->range.begin;
  return (length == 1 && *text == '0') ||
         (length == 12 && !strncmp(text, "thrd_success", length));
}

/* The comparison of two operands with zero: 1 for ==, -1 for !=, 0: none. The
 * other operand is stored. */
static int zero_test(const struct walk *w, const struct expr *e,
                     const struct expr **other) {
  if (e->kind != EX_PURE || e->kids.count != 2)
    return 0;
  const struct hole *a = &e->kids.items[0], *b = &e->kids.items[1];
  const char *text = w->unit->source->text;
  uint32_t at = source_skip_space(w->unit->source, a->range.end);
  if (at + 1 >= b->range.begin || text[at + 1] != '=' ||
      (text[at] != '=' && text[at] != '!'))
    return 0;
  if (is_zero(w, b->expr))
    *other = a->expr;
  else if (is_zero(w, a->expr))
    *other = b->expr;
  else
    return 0;
  return text[at] == '=' ? 1 : -1;
}

static struct ways swapped(struct ways ways) {
  return (struct ways){ways.no, ways.yes};
}

/* The places whose outcome is in this variable. */
static held places_of(const struct walk *w, const struct local *result) {
  held places = 0;
  for (size_t i = 0; i < w->places.count; i++)
    if (w->places.items[i].result == result)
      places |= (held)1 << i;
  return places;
}

/* Is there a test of an outcome in it, of a form that is not understood? */
static held tested(const struct walk *w, const struct expr *e) {
  held places = e->kind == EX_VAR ? places_of(w, e->local) : 0;
  for (size_t i = 0; i < e->kids.count; i++)
    places |= tested(w, e->kids.items[i].expr);
  return places;
}

/* Locking gives 0 when it was got. */
static struct ways walk_outcome(struct walk *w, const struct expr *call,
                                const struct local *result, held now) {
  held failed = walk_call(w, call, NULL, now);
  const struct family *family = family_of(called(w, call));
  const char *argument = call->kids.count > 1
                             ? squeezed(w, call->kids.items[1].expr)
                             : NULL;
  held got = lock(w, call, family, argument, result, failed);
  return (struct ways){failed, got};
}

static bool is_locking(struct walk *w, const struct expr *e) {
  return e->kind == EX_CALL && e->kids.count && family_of(called(w, e));
}

static struct ways walk_condition(struct walk *w, const struct expr *e,
                                  held now) {
  if (!e)
    return (struct ways){now, NOWHERE};
  e = expr_bare(e);
  const struct expr *first = e->kids.count ? e->kids.items[0].expr : NULL;
  const struct expr *other;
  int test = zero_test(w, e, &other);
  if (test) {
    struct ways ways = walk_condition(w, other, now);
    return test > 0 ? swapped(ways) : ways;
  }
  if (e->kind == EX_LAND && e->kids.count == 2) {
    struct ways a = walk_condition(w, first, now);
    struct ways b = walk_condition(w, e->kids.items[1].expr, a.yes);
    return (struct ways){b.yes, meet(w, a.no, b.no)};
  }
  if (e->kind == EX_LOR && e->kids.count == 2) {
    struct ways a = walk_condition(w, first, now);
    struct ways b = walk_condition(w, e->kids.items[1].expr, a.no);
    return (struct ways){meet(w, a.yes, b.yes), b.no};
  }
  if (e->kind == EX_PURE && e->kids.count == 1 &&
      w->unit->source->text[e->range.begin] == '!')
    return swapped(walk_condition(w, first, now));
  if (is_locking(w, e))
    return walk_outcome(w, e, NULL, now);
  if (e->kind == EX_ASSIGN && e->kids.count == 2 &&
      is_locking(w, expr_bare(e->kids.items[1].expr)) &&
      expr_bare(first)->kind == EX_VAR)
    return walk_outcome(w, expr_bare(e->kids.items[1].expr),
                        expr_bare(first)->local, now);
  if (e->kind == EX_VAR)
    return (struct ways){without(now, places_of(w, e->local)), now};
  now = without(walk_expr(w, e, now), tested(w, e));
  if (e->kind == EX_CONST && e->range.end - e->range.begin == 1)
    return is_zero(w, e) ? (struct ways){NOWHERE, now}
                         : (struct ways){now, NOWHERE};
  return (struct ways){now, now};
}

/* ---- statements ---------------------------------------------------------- */

static held walk_block(struct walk *w, const struct stmt *s, held now) {
  size_t depth = w->defers.count;
  for (size_t i = 0; i < s->kids.count; i++)
    now = walk_stmt(w, s->kids.items[i], now);
  now = unwind(w, depth, now);
  w->defers.count = depth;
  return now;
}

static held walk_declaration(struct walk *w, const struct stmt *s, held now) {
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *declarator = &s->declarators.items[i];
    const struct expr *init =
        declarator->init ? expr_bare(declarator->init) : NULL;
    now = init && init->kind == EX_CALL && init->kids.count
              ? walk_call(w, init, declarator->local, now)
              : walk_expr(w, init, now);
    if (declarator->local && declarator->local->cleanup)
      vector_push(w->arena, &w->defers, s);
  }
  return now;
}

static held walk_if(struct walk *w, const struct stmt *s, held now) {
  struct ways ways = walk_condition(w, s->expr, now);
  held yes = s->kids.count ? walk_stmt(w, s->kids.items[0], ways.yes) : ways.yes;
  held no =
      s->kids.count > 1 ? walk_stmt(w, s->kids.items[1], ways.no) : ways.no;
  return meet(w, yes, no);
}

/* What a loop or switch keeps of the one around it. */
struct outer {
  held at_break, at_continue;
  size_t break_depth, continue_depth;
};

static struct outer enter(struct walk *w, bool is_loop) {
  struct outer outer = {w->at_break, w->at_continue, w->break_depth,
                        w->continue_depth};
  w->at_break = NOWHERE;
  w->break_depth = w->defers.count;
  if (is_loop) {
    w->at_continue = NOWHERE;
    w->continue_depth = w->defers.count;
  }
  return outer;
}

/* The held of who breaks out of it. */
static held leave(struct walk *w, struct outer outer, bool is_loop) {
  held at_break = w->at_break;
  w->at_break = outer.at_break;
  w->break_depth = outer.break_depth;
  if (is_loop) {
    w->at_continue = outer.at_continue;
    w->continue_depth = outer.continue_depth;
  }
  return at_break;
}

static held walk_loop(struct walk *w, const struct stmt *s, held now) {
  struct outer outer = enter(w, true);
  now = walk_stmt(w, s->init, now);
  now = arrive(w, s, NULL, now);
  const struct stmt *body = s->kids.count ? s->kids.items[0] : NULL;
  struct ways ways;
  if (s->kind == ST_DO) {
    held end = meet(w, walk_stmt(w, body, now), w->at_continue);
    ways = walk_condition(w, s->expr, end);
    arrive(w, s, NULL, ways.yes);
  } else {
    ways = walk_condition(w, s->expr, now);
    held end = meet(w, walk_stmt(w, body, ways.yes), w->at_continue);
    arrive(w, s, NULL, walk_expr(w, s->step, end));
  }
  return meet(w, ways.no, leave(w, outer, true));
}

static held walk_switch(struct walk *w, const struct stmt *s, held now) {
  now = walk_expr(w, s->expr, now);
  now = without(now, tested(w, s->expr));
  held at_switch = w->at_switch;
  bool has_default = w->has_default;
  struct outer outer = enter(w, false);
  w->at_switch = now;
  w->has_default = false;
  held end = s->kids.count ? walk_stmt(w, s->kids.items[0], NOWHERE) : now;
  if (!w->has_default)
    end = meet(w, end, now);
  w->at_switch = at_switch;
  w->has_default = has_default;
  return meet(w, end, leave(w, outer, false));
}

/* A scope that is cancelled goes on behind it; a group and a generator are
 * waited for at its end. */
static held walk_scope(struct walk *w, const struct stmt *s, held now) {
  now = walk_expr(w, s->expr, now);
  struct catcher outer = {0};
  if (s->scope == SCOPE_CANCEL)
    outer = catch_begin(w);
  now = s->kids.count ? walk_stmt(w, s->kids.items[0], now) : now;
  if (s->scope == SCOPE_CANCEL)
    return catch_end(w, outer, now);
  if (s->scope == SCOPE_GROUP || s->scope == SCOPE_CLOSING)
    suspend(w, s->range.begin, now);
  return now;
}

static held walk_stmt(struct walk *w, const struct stmt *s, held now) {
  if (!s)
    return now;
  switch (s->kind) {
  case ST_BLOCK:
    return walk_block(w, s, now);
  case ST_DECL:
    return walk_declaration(w, s, now);
  case ST_IF:
    return walk_if(w, s, now);
  case ST_WHILE:
  case ST_DO:
  case ST_FOR:
    return walk_loop(w, s, now);
  case ST_SWITCH:
    return walk_switch(w, s, now);
  case ST_CASE:
    w->has_default |= s->is_default;
    now = meet(w, now, w->at_switch);
    return s->kids.count ? walk_stmt(w, s->kids.items[0], now) : now;
  case ST_LABEL:
    now = arrive(w, NULL, s->name, now);
    return s->kids.count ? walk_stmt(w, s->kids.items[0], now) : now;
  case ST_GOTO:
    if (s->name)
      arrive(w, NULL, s->name, unwind(w, 0, now));
    return NOWHERE;
  case ST_BREAK:
    w->at_break = meet(w, w->at_break, unwind(w, w->break_depth, now));
    return NOWHERE;
  case ST_CONTINUE:
    w->at_continue = meet(w, w->at_continue, unwind(w, w->continue_depth, now));
    return NOWHERE;
  case ST_RETURN:
    unwind(w, 0, walk_expr(w, s->expr, now));
    return NOWHERE;
  case ST_DEFER:
    if (s->kids.count)
      vector_push(w->arena, &w->defers, s);
    return now;
  case ST_SCOPE:
    return walk_scope(w, s, now);
  case ST_VERBATIM:
    return s->expr ? walk_hidden(w, s->expr, true, now) : now;
  default:
    return walk_expr(w, s->expr, now);
  }
}

/* ---- the function -------------------------------------------------------- */

/* Most functions lock nothing. */
static bool names_lock(const struct source *source, struct range range) {
  for (uint32_t at = range.begin; at + 4 <= range.end; at++)
    if (!strncmp(source->text + at, "lock", 4) ||
        !strncmp(source->text + at, "LOCK", 4))
      return true;
  return false;
}

static void pass(struct walk *w, const struct function *function) {
  w->changed = false;
  w->at_break = w->at_continue = w->at_switch = NOWHERE;
  unwind(w, 0, walk_stmt(w, function->body, 0));
}

void locks_check(const struct unit *unit, const struct function *function,
                 struct diags *diags) {
  if (!function->body || function->has_label_values ||
      !diag_warns(diags, WARNING_LOCK_ACROSS_AWAIT) ||
      !names_lock(unit->source, function->range))
    return;
  struct walk walk = {.unit = unit, .diags = diags, .arena = unit->arena};
  do
    pass(&walk, function);
  while (walk.changed);
  walk.telling = true;
  pass(&walk, function);
}
