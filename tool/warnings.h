/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * warnings.h - acc's own warnings, by the names under which -W and -Wno- know
 * them. Clang's are clang's affair. */
#ifndef ACC_WARNINGS_H
#define ACC_WARNINGS_H

#include <stdbool.h>

enum warning {
  WARNING_KEYWORD_IN_HEADER,
  WARNING_LOCK_ACROSS_AWAIT,
  WARNING_DANGLING_TASK_ARGUMENT,
  WARNING_COUNT
};

struct warning_state {
  bool off;          /* -Wno-NAME */
  bool error;        /* -Werror=NAME */
  bool never_error;  /* -Wno-error=NAME */
};

/* The flag of a diagnostic: "-Wlock-across-await". */
const char *warning_flag(enum warning warning);
/* The warning whose flag that is; WARNING_COUNT: none of these. */
enum warning warning_of_flag(const char *flag);
/* Takes a word of the command line that is about one of them; false: it is
 * not. The later of two words counts. */
bool warnings_read(struct warning_state states[WARNING_COUNT],
                   const char *word);

#endif
