/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "model.h"

const char *const scope_words[SCOPE_KINDS] = {
    [SCOPE_TIMEOUT] = "ac_timeout",
    [SCOPE_CANCEL] = "ac_scope",
    [SCOPE_GROUP] = "ac_task_group",
    [SCOPE_CLOSING] = "ac_closing"};

const struct expr *expr_bare(const struct expr *expr) {
  while (expr->kind == EX_PAREN && expr->kids.count)
    expr = expr->kids.items[0].expr;
  return expr;
}

const struct type *type_function(const struct type *type) {
  if (!type || type->is_function)
    return type;
  return type->yield && type->yield->is_function ? type->yield : NULL;
}

bool expr_is_async_call(const struct expr *expr) {
  if (expr->kind != EX_CALL || !expr->kids.count)
    return false;
  const struct type *type = type_function(expr->kids.items[0].expr->type);
  return expr->callee || (type && type->is_async);
}

bool expr_suspends(const struct expr *expr) { return expr->suspends; }

bool expr_is_special(const struct expr *expr) { return expr->special; }

bool stmt_holds(const struct stmt *stmt, bool (*test)(const struct expr *)) {
  if ((stmt->expr && test(stmt->expr)) || (stmt->step && test(stmt->step)))
    return true;
  for (size_t i = 0; i < stmt->declarators.count; i++)
    if (stmt->declarators.items[i].init &&
        test(stmt->declarators.items[i].init))
      return true;
  return false;
}

bool stmt_any(const struct stmt *stmt,
              bool (*test)(const struct stmt *, const void *),
              const void *context) {
  if (!stmt)
    return false;
  if (test(stmt, context) || stmt_any(stmt->init, test, context))
    return true;
  for (size_t i = 0; i < stmt->kids.count; i++)
    if (stmt_any(stmt->kids.items[i], test, context))
      return true;
  return false;
}
