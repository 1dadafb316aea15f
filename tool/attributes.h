/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * attributes.h - which attributes of an async function its lowered functions
 * carry. */
#ifndef ACC_ATTRIBUTES_H
#define ACC_ATTRIBUTES_H

#include "arena.h"

/* Text to be printed as it is, each ending with a space; "" for none. */
struct attributes {
  const char *entry; /* of f__ac alone: "__attribute__((weak)) " */
  const char *code;  /* of f__ac and of whatever holds code of the body */
  const char *label; /* asm("name"), behind f__ac's declarator, or NULL */
};

enum attribute_fate {
  ATTRIBUTE_DROPPED, /* speaks of f's value, arguments or callers: clang, which
                        has checked the calls of f, has used it up */
  ATTRIBUTE_ENTRY,
  ATTRIBUTE_CODE,
  ATTRIBUTE_REFUSED, /* would be lost, and the program means it */
  ATTRIBUTE_UNKNOWN
};

struct attribute {
  const char *name; /* without underscores or a scope */
  const char *text; /* name and arguments */
  enum attribute_fate fate;
};

/* The attributes of a declaration as clang prints it, those of its parameters
 * left out. *label is set where there is an asm label. */
typedef VECTOR(struct attribute) attribute_list;
attribute_list attributes_find(struct arena *arena, const char *declaration,
                               const char **label);
/* Adds one that is kept, once. */
void attributes_add(struct arena *arena, struct attributes *attributes,
                    const struct attribute *attribute);

#endif
