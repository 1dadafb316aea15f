/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * input.h - standard input, between input.c and input.ac. */
#ifndef ACI_INPUT_H
#define ACI_INPUT_H

#include <ac/ac.h>

enum aci_input_kind {
  ACI_INPUT_AWAIT, /* fd by ac_read */
  ACI_INPUT_POLL,  /* wait until it is readable, and read on a thread */
  ACI_INPUT_FILE   /* read on a thread */
};

struct aci_input {
  enum aci_input_kind kind;
  int fd;
  char *data; /* read ahead: from begin to end */
  size_t begin, end, room;
};

#pragma GCC visibility push(hidden)

/* The one there is, claimed; NULL: somebody else is reading. */
struct aci_input *aci_input_claim(int *error);
void aci_input_release(void);
/* Moves some of what was read ahead to the buffer. */
size_t aci_input_take(struct aci_input *input, void *buffer, size_t bytes);
/* A line that is there, or the rest if `end`; NULL: there is none, or *error.
 */
char *aci_input_line(struct aci_input *input, size_t limit, int end,
                     int *error);
/* Room behind what was read ahead. */
int aci_input_reserve(struct aci_input *input);

#pragma GCC visibility pop
#endif
