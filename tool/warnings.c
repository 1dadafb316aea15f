/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "warnings.h"

#include <string.h>

static const char *const flags[WARNING_COUNT] = {
    [WARNING_KEYWORD_IN_HEADER] = "-Wasync-keyword-in-header",
    [WARNING_LOCK_ACROSS_AWAIT] = "-Wlock-across-await",
    [WARNING_DANGLING_TASK_ARGUMENT] = "-Wdangling-task-argument"};

const char *warning_flag(enum warning warning) { return flags[warning]; }

static enum warning named(const char *name) {
  enum warning warning = 0;
  while (warning < WARNING_COUNT &&
         strcmp(flags[warning] + strlen("-W"), name) != 0)
    warning++;
  return warning;
}

enum warning warning_of_flag(const char *flag) {
  return flag && !strncmp(flag, "-W", 2) ? named(flag + 2) : WARNING_COUNT;
}

/* The name after a prefix of a word; "": it does not begin so. */
static const char *after(const char *word, const char *prefix) {
  size_t length = strlen(prefix);
  return strncmp(word, prefix, length) ? "" : word + length;
}

bool warnings_read(struct warning_state states[WARNING_COUNT],
                   const char *word) {
  static const struct {
    const char *prefix;
    struct warning_state keeps, sets; /* what stays of it, what is new */
  } forms[] = {{"-Wno-error=", {true, false, true}, {false, false, true}},
               {"-Werror=", {false, true, false}, {false, true, false}},
               {"-Wno-", {true, true, true}, {true, false, false}},
               {"-W", {false, true, true}, {false, false, false}}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    enum warning warning = named(after(word, forms[i].prefix));
    if (warning == WARNING_COUNT)
      continue;
    struct warning_state *state = &states[warning];
    state->off = (state->off && forms[i].keeps.off) || forms[i].sets.off;
    state->error =
        (state->error && forms[i].keeps.error) || forms[i].sets.error;
    state->never_error = (state->never_error && forms[i].keeps.never_error) ||
                         forms[i].sets.never_error;
    return true;
  }
  return false;
}
