/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "dump.h"

#include "frame.h"

#include <stdio.h>
#include <string.h>

bool dump_wanted(const struct options *options, const char *stage) {
  const char *list = options->dump;
  size_t length = strlen(stage);
  while (list && *list) {
    size_t word = strcspn(list, ",");
    if ((word == length && !strncmp(list, stage, length)) ||
        (word == 3 && !strncmp(list, "all", 3)))
      return true;
    list += word + (list[word] == ',');
  }
  return false;
}

static const char *const stmt_names[] = {
    [ST_EXPR] = "expr",         [ST_DECL] = "decl",
    [ST_NULL] = "null",         [ST_BLOCK] = "block",
    [ST_IF] = "if",             [ST_WHILE] = "while",
    [ST_DO] = "do",             [ST_FOR] = "for",
    [ST_SWITCH] = "switch",     [ST_CASE] = "case",
    [ST_LABEL] = "label",       [ST_GOTO] = "goto",
    [ST_COMPUTED_GOTO] = "goto*", [ST_BREAK] = "break",
    [ST_CONTINUE] = "continue", [ST_RETURN] = "return",
    [ST_VERBATIM] = "verbatim", [ST_DEFER] = "defer",
    [ST_SCOPE] = "scope",       [ST_SET] = "set",
    [ST_AWAIT] = "await",       [ST_MARK] = "mark",
    [ST_JUMP] = "jump",         [ST_FINISH] = "finish",
    [ST_RAISED] = "raised",     [ST_CATCH] = "catch"};

static const char *const expr_names[] = {
    [EX_TEXT] = "text",           [EX_CONST] = "const",
    [EX_VAR] = "var",             [EX_ASYNC] = "async",
    [EX_CALL] = "call",           [EX_ASSIGN] = "assign",
    [EX_OPASSIGN] = "opassign",   [EX_INCDEC] = "incdec",
    [EX_LAND] = "and",            [EX_LOR] = "or",
    [EX_COND] = "choice",         [EX_ELVIS] = "elvis",
    [EX_COMMA] = "comma",         [EX_INDEX] = "index",
    [EX_DOT] = "dot",             [EX_ARROW] = "arrow",
    [EX_DEREF] = "deref",         [EX_ADDR] = "addr",
    [EX_PURE] = "pure",           [EX_PAREN] = "paren",
    [EX_INIT_LIST] = "list",      [EX_COMPOUND] = "literal",
    [EX_STMT_EXPR] = "stmt-expr", [EX_UNEVALUATED] = "unevaluated",
    [EX_GENERIC] = "generic",     [EX_AWAIT] = "await",
    [EX_OP] = "operator",         [EX_RAISE] = "raise"};

static void print_expr(const struct unit *unit, const struct expr *e) {
  if (e->kind == EX_VAR) {
    printf("%s", e->local->name);
    return;
  }
  if (e->text) {
    printf("{");
    for (const char *c = e->text; *c; c++)
      putchar(*c < '\4' ? '_' : *c);
    printf("}");
  }
  printf("(%s", expr_names[e->kind]);
  if (!e->kids.count && !e->text)
    printf(" `%.*s`", (int)(e->range.end - e->range.begin),
           unit->source->text + e->range.begin);
  for (size_t i = 0; i < e->kids.count; i++) {
    printf(" ");
    print_expr(unit, e->kids.items[i].expr);
  }
  printf(")");
}

static void print_stmt(const struct unit *unit, const struct stmt *s,
                       int depth) {
  printf("%*s%s", depth * 2, "", stmt_names[s->kind]);
  if (s->name)
    printf(" %s", s->name);
  if (s->local)
    printf(" %s =", s->local->name);
  for (size_t i = 0; i < s->declarators.count; i++) {
    const struct declarator *d = &s->declarators.items[i];
    printf(" %s", d->local ? d->local->name : "-");
    if (d->init) {
      printf(" = ");
      print_expr(unit, d->init);
    }
  }
  if (s->expr) {
    printf(" ");
    print_expr(unit, s->expr);
  }
  if (s->await) {
    printf(" #%u ", s->await->id + 1);
    if (s->await->expr)
      print_expr(unit, s->await->expr);
    if (s->await->result)
      printf(" -> %s", s->await->result->name);
  }
  printf("\n");
  if (s->init)
    print_stmt(unit, s->init, depth + 1);
  if (s->step) {
    printf("%*sstep ", depth * 2 + 2, "");
    print_expr(unit, s->step);
    printf("\n");
  }
  for (size_t i = 0; i < s->kids.count; i++)
    print_stmt(unit, s->kids.items[i], depth + 1);
}

void dump_model(const struct unit *unit) {
  for (size_t i = 0; i < unit->pieces.count; i++) {
    const struct function *function = unit->pieces.items[i]->function;
    if (!function || !function->body)
      continue;
    printf("model of %s:\n", function->name);
    print_stmt(unit, function->body, 1);
  }
}

void dump_function(const struct unit *unit, const struct function *function,
                   const struct liveness *live,
                   const struct options *options) {
  if (dump_wanted(options, "lower")) {
    printf("lowered %s:\n", function->name);
    print_stmt(unit, function->body, 1);
  }
  for (uint32_t i = 0;
       dump_wanted(options, "live") && i < function->awaits.count; i++) {
    printf("live in %s across #%u, line %u:", function->name, i + 1,
           source_line_at(unit->source, function->awaits.items[i]->offset));
    for (uint32_t l = 0; l < function->locals.count; l++)
      if (live_at(live, i, l))
        printf(" %s", function->locals.items[l]->name);
    printf("\n");
  }
  if (dump_wanted(options, "frame"))
    frame_print(unit, function);
}
