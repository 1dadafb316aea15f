/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stall_names.h - which addresses are code or constants of the program and its
 * libraries, and what the code there is called. */
#ifndef ACI_STALL_NAMES_H
#define ACI_STALL_NAMES_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Takes down what is loaded; of one thread at a time. */
void aci_names_open(void);
void aci_names_close(void);

int aci_is_code(uintptr_t address);
/* In a segment that comes from a file. */
int aci_is_constant(uintptr_t address);

struct aci_code_name {
  char function[96]; /* "": unknown */
  char object[96];   /* the program, or a library */
  size_t offset;     /* of the address in that, for addr2line */
};
void aci_code_name(struct aci_code_name *name, uintptr_t address);

#pragma GCC visibility pop
#endif
