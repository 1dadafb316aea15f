/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "model.h"

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
