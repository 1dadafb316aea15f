/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * words.h - the dialect at the level of words: clang's messages put into the
 * user's terms, and guesses that need no parser. */
#ifndef ACC_WORDS_H
#define ACC_WORDS_H

#include "arena.h"
#include "source.h"

#include <stdbool.h>

#define WORDS_NO_PROTOTYPE                                                     \
  "an async function needs a prototype: write (void) for no parameters"

/* A message of clang's, with the marks of the dialect turned back into
 * `async` and `ac_task(int)`. */
const char *words_of_user(struct arena *arena, const char *message);
/* A note that speaks of ac/marks.h alone. */
bool words_is_mark_note(const char *message);

/* A warning of clang's, in the user's words, that breaks the dialect. */
bool words_is_violation(const char *message, const char *flag);

/* `await` followed by a name, subscripts and members, and no call: its operand
 * can only be a handle, so it is read as `*` from the first. */
bool words_guess_handles(struct source *source);

/* Has the file the lower-case keywords? */
bool words_has_keywords(const struct source *source);

/* Does `async` stand between the offsets? For main, whose calling convention
 * clang ignores. */
bool words_async_main(const struct source *source, uint32_t begin,
                      uint32_t name);

#endif
