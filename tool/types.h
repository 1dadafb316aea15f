/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * types.h - clang's types as the model's: printed text, layout, and the few
 * properties that the lowering asks for. */
#ifndef ACC_TYPES_H
#define ACC_TYPES_H

#include "model.h"

#include <clang-c/Index.h>

const struct type *type_of(struct arena *arena, CXType type);
/* The same without qualifiers at the top. */
const struct type *type_unqualified(struct arena *arena, CXType type);

/* The same, volatile at the top. */
const struct type *type_volatile(struct arena *arena, const struct type *type);

/* Appends a declaration of `name`, or the type's name for "". */
struct buf;
void type_declare(struct buf *out, const struct type *type, const char *name);

#endif
