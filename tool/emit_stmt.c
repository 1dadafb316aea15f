/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Statements, and the lines of the preprocessor between them. */
#include "emit_parts.h"

void skip_directives(struct emitter *e, uint32_t end) {
  while (e->next_directive < e->unit->directives.count &&
         e->unit->directives.items[e->next_directive].begin < end)
    e->next_directive++;
}

/* Directives that must stand directly before a loop. */
static bool is_for_loop(const struct source *source, uint32_t at) {
  static const char *const words[] = {"unroll", "nounroll", "ivdep", "loop",
                                      "novector"};
  at = source_skip_space(source, at + 1);
  if (!source_word_is(source, at, "pragma"))
    return false;
  at = source_skip_space(source, source_word_end(source, at));
  if (source_word_is(source, at, "GCC") || source_word_is(source, at, "clang"))
    at = source_skip_space(source, source_word_end(source, at));
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (source_word_is(source, at, words[i]))
      return true;
  return false;
}

/* A loop that is taken apart loses those. */
static void drop_loop_directives(struct emitter *e, const struct stmt *s) {
  const struct unit *unit = e->unit;
  size_t last = e->next_directive;
  if (s->kind == ST_WHILE || s->kind == ST_DO || s->kind == ST_FOR)
    return;
  while (last < unit->directives.count &&
         unit->directives.items[last].begin < s->range.begin)
    last++;
  size_t first = last;
  while (first > e->next_directive &&
         is_for_loop(e->source, unit->directives.items[first - 1].begin))
    first--;
  if (first == last)
    return;
  print_directives(e, unit->directives.items[first].begin);
  e->next_directive = last;
}

void print_directives(struct emitter *e, uint32_t end) {
  while (e->next_directive < e->unit->directives.count &&
         e->unit->directives.items[e->next_directive].begin < end) {
    struct range range = e->unit->directives.items[e->next_directive++];
    writer_line(&e->w, source_line_at(e->source, range.begin));
    copy_source(e, range.begin, range.end);
    writer_newline(&e->w);
  }
}

static bool is_verbatim(const struct stmt *s) {
  if (s->lowered)
    return false;
  if (s->kind == ST_DECL && !is_plain_declaration(s))
    return false;
  if (s->init && !is_verbatim(s->init))
    return false;
  for (size_t i = 0; i < s->kids.count; i++)
    if (!is_verbatim(s->kids.items[i]))
      return false;
  return true;
}

static bool ends_itself(const struct stmt *s) {
  switch (s->kind) {
  case ST_BLOCK:
  case ST_DECL:
  case ST_NULL:
    return true;
  case ST_IF:
  case ST_WHILE:
  case ST_FOR:
  case ST_SWITCH:
  case ST_CASE:
  case ST_LABEL:
    return s->kids.count ? ends_itself(s->kids.items[s->kids.count - 1]) : true;
  default:
    return false;
  }
}

static void print_verbatim(struct emitter *e, const struct stmt *s) {
  edit_list edits = {0};
  begin_line(e, s->range.begin);
  collect_stmt(e, s, &edits);
  struct range range = s->range;
  if (s->kind == ST_NULL || s->kind == ST_VERBATIM) {
    /* whether the range takes in the `;` depends on clang's mood */
    while (range.end > range.begin && e->source->text[range.end - 1] == ';')
      range.end--;
  }
  print_range(e, range, &edits);
  skip_directives(e, s->range.end);
  if (!ends_itself(s) || s->kind == ST_NULL || s->kind == ST_VERBATIM)
    writer_puts(&e->w, ";");
}

/* A part of a control statement, in braces. */
static void print_part(struct emitter *e, const struct stmt *s) {
  writer_puts(&e->w, " {");
  e->depth++;
  if (s->kind == ST_BLOCK)
    for (size_t i = 0; i < s->kids.count; i++)
      print_stmt(e, s->kids.items[i]);
  else
    print_stmt(e, s);
  e->depth--;
  begin_line(e, s->range.end ? s->range.end - 1 : 0);
  writer_puts(&e->w, "}");
}

/* Chains of else if stay chains: compilers limit how deep braces nest. */
static void print_else(struct emitter *e, const struct stmt *s) {
  const struct stmt *only = s;
  if (s->kind == ST_BLOCK && s->transparent && s->kids.count == 1)
    only = s->kids.items[0];
  bool directive =
      e->next_directive < e->unit->directives.count &&
      e->unit->directives.items[e->next_directive].begin < only->range.begin;
  writer_puts(&e->w, " else");
  if (only->kind == ST_IF && !directive)
    print_stmt(e, only);
  else
    print_part(e, s);
}

static void print_condition(struct emitter *e, const char *word,
                            const struct expr *x) {
  writer_printf(&e->w, "%s (", word);
  if (x)
    print_expr(e, x);
  writer_puts(&e->w, ")");
}

static void print_for(struct emitter *e, const struct stmt *s) {
  writer_puts(&e->w, "for (");
  if (s->init) {
    edit_list edits = {0};
    struct range range = s->init->range;
    collect_stmt(e, s->init, &edits);
    print_range(e, range, &edits);
    if (s->init->kind != ST_DECL)
      writer_puts(&e->w, ";");
  } else {
    writer_puts(&e->w, ";");
  }
  writer_puts(&e->w, " ");
  if (s->expr)
    print_expr(e, s->expr);
  writer_puts(&e->w, "; ");
  if (s->step)
    print_expr(e, s->step);
  writer_puts(&e->w, ")");
  print_part(e, s->kids.items[0]);
}

const char *ending(const struct emitter *e, bool raised) {
  if (!e->function->awaits.count)
    return raised ? "AC_RAISED" : "(ac_frame *)0";
  return raised ? "AC_END(AC_RAISED)" : "AC_END((ac_frame *)0)";
}

static void print_finish(struct emitter *e, const struct stmt *s) {
  if (!s->expr) {
    writer_printf(&e->w, "return %s;", ending(e, false));
    return;
  }
  if (e->function->result->is_void) {
    writer_puts(&e->w, "return (void)(");
    print_expr(e, s->expr);
    writer_printf(&e->w, "), %s;", ending(e, false));
    return;
  }
  writer_puts(&e->w, "return ");
  print_assign(e, "*ac_ret", e->function->result, s->expr);
  writer_printf(&e->w, ", %s;", ending(e, false));
}

void print_stmt(struct emitter *e, const struct stmt *s) {
  bool verbatim = is_verbatim(s);
  if (!verbatim)
    drop_loop_directives(e, s);
  print_directives(e, s->range.begin);
  if (verbatim) {
    print_verbatim(e, s);
    return;
  }
  if (s->kind == ST_DECL) {
    print_declaration(e, s);
    return;
  }
  if (s->kind == ST_AWAIT) {
    print_await(e, s->await);
    return;
  }
  begin_line(e, s->range.begin);
  switch (s->kind) {
  case ST_BLOCK:
    writer_puts(&e->w, "{");
    e->depth++;
    for (size_t i = 0; i < s->kids.count; i++)
      print_stmt(e, s->kids.items[i]);
    e->depth--;
    begin_line(e, s->range.end ? s->range.end - 1 : 0);
    writer_puts(&e->w, "}");
    break;
  case ST_EXPR:
  case ST_VERBATIM:
    print_expr(e, s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_SET:
    print_assign(e, local_text(e, s->local), s->local->bare, s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_CATCH:
    writer_printf(&e->w, "%s = ac_take_error();", local_text(e, s->local));
    break;
  case ST_IF:
    print_condition(e, "if", s->expr);
    print_part(e, s->kids.items[0]);
    if (s->kids.count > 1)
      print_else(e, s->kids.items[1]);
    break;
  case ST_WHILE:
    print_condition(e, "while", s->expr);
    print_part(e, s->kids.items[0]);
    break;
  case ST_DO:
    writer_puts(&e->w, "do");
    print_part(e, s->kids.items[0]);
    print_condition(e, " while", s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_FOR:
    print_for(e, s);
    break;
  case ST_SWITCH:
    print_condition(e, "switch", s->expr);
    print_part(e, s->kids.items[0]);
    break;
  case ST_CASE:
  case ST_LABEL:
    copy_source(e, s->head.begin, s->head.end);
    writer_puts(&e->w, ";");
    for (size_t i = 0; i < s->kids.count; i++)
      print_stmt(e, s->kids.items[i]);
    break;
  case ST_MARK:
    writer_printf(&e->w, "%s:;", s->name);
    break;
  case ST_GOTO:
  case ST_JUMP:
    writer_printf(&e->w, "goto %s;", s->name);
    break;
  case ST_COMPUTED_GOTO:
    writer_puts(&e->w, "goto *");
    print_expr(e, s->expr);
    writer_puts(&e->w, ";");
    break;
  case ST_BREAK:
    writer_puts(&e->w, "break;");
    break;
  case ST_CONTINUE:
    writer_puts(&e->w, "continue;");
    break;
  case ST_FINISH:
    print_finish(e, s);
    break;
  case ST_RAISED:
    if (s->expr) {
      bool framed = e->function->awaits.count > 0;
      writer_puts(&e->w, framed ? "return AC_END(ac_raise_error("
                                : "return ac_raise_error(");
      print_expr(e, s->expr);
      writer_puts(&e->w, framed ? "));" : ");");
    } else {
      writer_printf(&e->w, "return %s;", ending(e, true));
    }
    break;
  default:
    break;
  }
}
