/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * options_parts.h - what the files that read the command line share. */
#ifndef ACC_OPTIONS_PARTS_H
#define ACC_OPTIONS_PARTS_H

#include "options.h"

void words_add(struct words *words, struct word word);
/* realloc to so many; ends the program where there is no memory. */
void *options_resized(void *memory, size_t count, size_t bytes);
/* Takes over text from malloc: freed with the options. */
const char *options_own(struct options *options, char *text);

bool ends_with(const char *text, const char *end);

#endif
