/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * toolchain.c - `cc -E -v`, as gcc and clang both answer it: a line with the
 * target, and the list of directories searched for <...>. The idea is clangd's
 * --query-driver. */
#include "toolchain.h"

#include "process.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool begins(const char *text, const char *with) {
  return strncmp(text, with, strlen(with)) == 0;
}

/* gcc, gcc-12, clang-19.1: the name and perhaps a version. */
static bool is_versioned(const char *name, const char *plain) {
  if (!begins(name, plain))
    return false;
  const char *rest = name + strlen(plain);
  if (!*rest)
    return true;
  return *rest == '-' && isdigit((unsigned char)rest[1]) &&
         !rest[1 + strspn(rest + 1, "0123456789.")];
}

static bool is_system_directory(const char *cc) {
  static const char *const directories[] = {"/usr/bin/", "/bin/",
                                            "/usr/lib/ccache/"};
  const char *base = path_base(cc);
  size_t length = (size_t)(base - cc);
  if (!length || begins(cc, "/usr/lib/llvm-"))
    return true;
  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
    if (strlen(directories[i]) == length && begins(cc, directories[i]))
      return true;
  return false;
}

static bool is_system_compiler(const char *cc) {
  static const char *const names[] = {"cc", "c89", "c99", "gcc", "clang"};
  if (!is_system_directory(cc))
    return false;
  const char *name = path_base(cc);
  if (*ACC_HOST_TRIPLE && begins(name, ACC_HOST_TRIPLE "-"))
    name += strlen(ACC_HOST_TRIPLE "-");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (is_versioned(name, names[i]))
      return true;
  return false;
}

static bool has_target(const struct options *options) {
  for (size_t i = 0; i < options->parse_args.count; i++) {
    const char *word = options->parse_args.items[i];
    if (begins(word, "--target=") || strcmp(word, "-target") == 0)
      return true;
  }
  return false;
}

/* gcc's and clang's own headers: clang brings its own. A cross compiler's
 * libc may be given by a way that leads through there and out again. */
static bool is_compiler_directory(const char *directory) {
  char *real = realpath(directory, NULL);
  const char *path = real ? real : directory;
  bool is = strstr(path, "/lib/gcc/") || strstr(path, "/lib/gcc-") ||
            strstr(path, "/lib/clang/");
  free(real);
  return is;
}

/* One line of the answer. inside: within the list of directories. */
static void read_line(struct options *options, const char *line, bool *inside) {
  if (begins(line, "Target: ")) {
    strings_add(&options->parse_args,
                options_printf(options, "--target=%s", line + 8));
  } else if (begins(line, "#include <...>")) {
    *inside = true;
    strings_add(&options->parse_args, "-nostdlibinc");
  } else if (begins(line, "End of search list")) {
    *inside = false;
  } else if (*inside && *line == ' ' &&
             !is_compiler_directory(line + 1)) {
    strings_add(&options->parse_args, "-idirafter");
    strings_add(&options->parse_args, options_printf(options, "%s", line + 1));
  }
}

void toolchain_adapt(struct options *options) {
  const struct strings *cc = &options->cc_command;
  if (is_system_compiler(cc->items[cc->count - 1]) || has_target(options))
    return;
  struct strings command = {0};
  for (size_t i = 0; i < cc->count; i++)
    strings_add(&command, cc->items[i]);
  /* -m32 and --sysroot= decide the directories too; -D and the like do not
   * matter to an empty file. */
  for (size_t i = 0; i < options->words.count; i++) {
    const struct word *word = &options->words.items[i];
    if (word->role != ROLE_BOTH)
      continue;
    strings_add(&command, word->text);
    if (word->argument)
      strings_add(&command, word->argument);
  }
  const char *const query[] = {"-E", "-v", "-x", "c", "/dev/null"};
  for (size_t i = 0; i < sizeof query / sizeof *query; i++)
    strings_add(&command, query[i]);
  struct buf answer = {0};
  if (process_read_errors(&command, &answer) == 0) {
    bool inside = false;
    char *line = answer.text;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
      *end = 0;
      read_line(options, line, &inside);
    }
  }
  buf_free(&answer);
  strings_free(&command);
}
