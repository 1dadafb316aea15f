/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * flags.h - the compiler options that acc knows: how each is spelled, and who
 * is to see it. */
#ifndef ACC_FLAGS_H
#define ACC_FLAGS_H

#include "options.h"

#include <stdbool.h>

/* What an option means to acc itself. */
enum flag_id {
  FLAG_PASS, /* nothing: it is for clang, the C compiler or both */
  /* acc's own */
  FLAG_HELP,
  FLAG_VERSION,
  FLAG_CC,
  FLAG_NO_LINE,
  FLAG_DUMP,
  FLAG_STOP_AFTER,
  FLAG_PRINT_FRAMES,
  FLAG_MAX_FRAME,
  FLAG_COLOR,
  FLAG_PLAIN,
  FLAG_FIXITS,
  FLAG_ERROR_LIMIT,
  /* shared with the C compiler */
  FLAG_MAX_ERRORS,
  FLAG_OUTPUT,
  FLAG_STAGE,
  FLAG_LANGUAGE,
  FLAG_NO_WARNINGS,
  FLAG_WERROR,
  FLAG_VERBOSE,
  FLAG_DRY_RUN,
  FLAG_SAVE_TEMPS,
  FLAG_NO_RUNTIME, /* -nostdlib and the like: a link without libac */
  FLAG_MD,
  FLAG_MMD,
  FLAG_M,
  FLAG_MM,
  FLAG_MF,
  FLAG_MT,
  FLAG_MQ,
  FLAG_MP,
  FLAG_WP /* -Wp,... */
};

/* How an option takes its argument. */
enum flag_form {
  FORM_ALONE,   /* -c */
  FORM_JOINED,  /* -std=c11, -O2: the rest of the word */
  FORM_EITHER,  /* -Idir, -I dir */
  FORM_SEPARATE /* -include file */
};

struct flag {
  const char *name;
  enum flag_form form;
  enum flag_id id;
  enum role role;
  bool parse; /* clang gets it too, to read the file as the compiler will */
  bool own;   /* no C compiler knows it */
};

/* The option that a word begins, or NULL for one that acc does not know (and
 * that a C compiler may). The longest name wins. */
const struct flag *flag_find(const char *word);

/* The option that an unknown word is likely to be a misspelling of, or NULL.
 * Of the families -f -m -W, which are open, only acc's own are considered. */
const char *flag_nearest(const char *word);

#endif
