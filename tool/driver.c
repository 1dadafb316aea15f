/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver.c - a command line with .ac inputs as a list of commands: each .ac
 * file is translated and compiled on its own, since each has a directory of
 * its own for quoted includes; what is left is one command of the C compiler
 * with the objects in place of the .ac files.
 *
 * The C text stands in a directory of its own beside the result, x.o.acc/, for
 * as long as the compiler reads it. There a quoted include finds nothing by
 * accident, and the name is the same in every build: it goes into debug
 * information, and into a compiler cache's key. */
#include "driver.h"

#include "process.h"
#include "scratch.h"
#include "translate.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what, const char *path) {
  fprintf(stderr, "acc: error: cannot %s '%s': %s\n", what, path,
          strerror(errno));
  return 1;
}

int driver_exec(const struct options *options) {
  assert(options->launched && options->launched[0]);
  if (options->verbose) {
    struct strings command = {0};
    for (char **word = options->launched; *word; word++)
      strings_add(&command, *word);
    process_print(&command);
    strings_free(&command);
  }
  if (options->dry_run)
    return 0;
  execvp(options->launched[0], options->launched);
  return fail("run", options->launched[0]);
}

/* ---- where things go ---------------------------------------------------- */

/* Is C text written, for the C compiler to read? */
static bool makes_c(const struct options *options) {
  return options->stage != 's' && options->stage != 'M';
}

/* The result to put a scratch directory beside; NULL when there is none on
 * disk. */
static const char *neighbour(const struct options *options,
                             const char *result) {
  struct stat info;
  if (!result || strcmp(result, "-") == 0 || options->stage == 'E' ||
      !makes_c(options))
    return NULL;
  if (stat(result, &info) == 0 && !S_ISREG(info.st_mode))
    return NULL;
  return result;
}

/* Makes the scratch directory, which scratch.c will remove. NULL: failed, and
 * said so. One left over from a run that was killed is used again. */
static const char *make_directory(struct options *options, const char *result) {
  const char *beside = neighbour(options, result);
  if (beside) {
    const char *path = options_printf(options, "%s.acc", beside);
    if (options->dry_run)
      return path;
    if ((mkdir(path, 0777) == 0 || errno == EEXIST) && scratch_add(path))
      return path;
  }
  const char *temporary = getenv("TMPDIR");
  char *path = options_printf(options, "%s/acc-XXXXXX",
                              temporary && *temporary ? temporary : "/tmp");
  if (options->dry_run)
    return path;
  if (!mkdtemp(path) || !scratch_add(path)) {
    fail("make a directory", path);
    return NULL;
  }
  return path;
}

/* What one .ac input goes through. */
struct unit {
  const char *input;
  const char *c_file; /* in the scratch directory */
  const char *result; /* of the compiler; NULL: standard output */
  const char *depend_file;
  const char *depend_target;
};

static const char *stem(struct options *options, const char *input,
                        const char *suffix) {
  return path_with_suffix(options, path_base(input), suffix);
}

static bool is_named_before(const struct unit *units, size_t count,
                            const char *c_file) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(units[i].c_file, c_file) == 0)
      return true;
  return false;
}

static void name_result(struct options *options, struct unit *unit) {
  const char *made = options->result;
  switch (options->stage) {
  case 'l':
    unit->result = path_with_suffix(options, unit->c_file, ".o");
    unit->depend_target = stem(options, unit->input, ".o");
    unit->depend_file = options_printf(options, "%s-%s", made ? made : "a",
                                       stem(options, unit->input, ".d"));
    return;
  case 'c':
  case 'S':
    if (!made)
      made = stem(options, unit->input, options->stage == 'c' ? ".o" : ".s");
    break;
  default:
    break;
  }
  unit->result = made;
  unit->depend_target = made ? made : stem(options, unit->input, ".o");
  unit->depend_file = made && strcmp(made, "-") != 0
                          ? path_with_suffix(options, made, ".d")
                          : stem(options, unit->input, ".d");
  if (options->stage == 'M')
    unit->depend_file = "-";
}

static void name_unit(struct options *options, const char *directory,
                      struct unit *units, size_t index) {
  struct unit *unit = &units[index];
  const char *name = stem(options, unit->input, "");
  unit->c_file = options_printf(options, "%s/%s.ac.c", directory, name);
  if (is_named_before(units, index, unit->c_file))
    unit->c_file =
        options_printf(options, "%s/%s-%zu.ac.c", directory, name, index);
  name_result(options, unit);
}

/* ---- commands ----------------------------------------------------------- */

static void add_word(struct strings *command, const struct word *word) {
  strings_add(command, word->text);
  if (word->argument)
    strings_add(command, word->argument);
}

static void add_words(struct strings *command, const struct strings *more) {
  for (size_t i = 0; i < more->count; i++)
    strings_add(command, more->items[i]);
}

static const char *stage_word(const struct options *options) {
  switch (options->stage) {
  case 'S':
    return "-S";
  case 'E':
    return "-E";
  case 's':
    return "-fsyntax-only";
  default:
    return "-c";
  }
}

static int run(const struct options *options, const struct strings *command) {
  if (options->verbose)
    process_print(command);
  return options->dry_run ? 0 : process_run(command);
}

/* What acc writes is GNU C; the file itself clang has checked. */
static void allow_extensions(const struct options *options,
                             struct strings *command) {
  for (size_t i = 0; i < options->words.count; i++) {
    const char *text = options->words.items[i].text;
    if (strcmp(text, "-Wpedantic") == 0 || strncmp(text, "-pedantic", 9) == 0 ||
        strcmp(text, "-Weverything") == 0) {
      strings_add(command, "-Wno-pedantic");
      return;
    }
  }
}

static int compile(struct options *options, const struct unit *unit) {
  struct strings command = {0};
  add_words(&command, &options->cc_command);
  strings_add(&command, "-iquote");
  strings_add(&command, path_directory(options, unit->input));
  for (size_t i = 0; i < options->words.count; i++) {
    const struct word *word = &options->words.items[i];
    if (word->role == ROLE_BOTH || word->role == ROLE_COMPILE)
      add_word(&command, word);
  }
  allow_extensions(options, &command);
  strings_add(&command, stage_word(options));
  if (unit->result) {
    strings_add(&command, "-o");
    strings_add(&command, unit->result);
  }
  strings_add(&command, unit->c_file);
  int status = run(options, &command);
  strings_free(&command);
  return status;
}

/* The C text as a file to look at: x.acc.c beside the result. */
static void save(struct options *options, const struct unit *unit) {
  const char *beside = options->result ? options->result : "";
  const char *kept =
      options_printf(options, "%.*s%s", (int)(path_base(beside) - beside),
                     beside, stem(options, unit->c_file, ".acc.c"));
  if (rename(unit->c_file, kept) != 0)
    fail("keep the translation as", kept);
}

static void print_translation(const struct options *options) {
  const char *words[] = {"acc", options->input, "-o", options->output};
  struct strings command = {.items = words, .count = options->output ? 4 : 2};
  process_print(&command);
}

static int translate_unit(struct options *options, const struct unit *unit) {
  struct options one = *options;
  options_set_input(&one, unit->input);
  one.output = makes_c(options) ? unit->c_file : NULL;
  one.mode = makes_c(options) ? options->mode : MODE_CHECK;
  struct strings targets = {0};
  if (!one.depend_file)
    one.depend_file = unit->depend_file;
  if (!one.depend_targets.count) {
    strings_add(&targets, make_quoted(&one, unit->depend_target));
    one.depend_targets = targets;
  }
  if (options->verbose)
    print_translation(&one);
  int status = options->dry_run ? 0 : translate(&one);
  options->owned = one.owned;
  strings_free(&targets);
  return status;
}

/* Translates and compiles one .ac file. Its C text goes when that is done. */
static int make_unit(struct options *options, const struct unit *unit) {
  unsigned mark = scratch_mark();
  if (!options->dry_run && makes_c(options) && !scratch_add(unit->c_file))
    return fail("note for removal", unit->c_file);
  int status = translate_unit(options, unit);
  if (status == 0 && makes_c(options))
    status = compile(options, unit);
  if (options->save_temps && !options->dry_run && makes_c(options))
    save(options, unit);
  scratch_remove_to(mark);
  return status;
}

/* ---- what is left ------------------------------------------------------- */

static bool is_runtime(const struct word *word) {
  if (word->role == ROLE_LINK)
    return strcmp(word->text, "-lac") == 0 ||
           (strcmp(word->text, "-l") == 0 && strcmp(word->argument, "ac") == 0);
  return word->role == ROLE_INPUT &&
         (strcmp(path_base(word->text), "libac.a") == 0 ||
          strncmp(path_base(word->text), "libac.so", 8) == 0);
}

/* A shared library leaves the runtime to the program: one copy a process. */
static bool needs_runtime(const struct options *options) {
  if (!options->link_runtime || options->stage != 'l')
    return false;
  for (size_t i = 0; i < options->words.count; i++) {
    const struct word *word = &options->words.items[i];
    if (is_runtime(word) ||
        (word->role == ROLE_LINK && strcmp(word->text, "-shared") == 0))
      return false;
  }
  return true;
}

/* The other inputs, each under the -x that stands before it. */
struct rest {
  size_t compiled, linked; /* how many the command has of each */
  const char *language;
};

static void add_input(struct strings *command, struct rest *rest,
                      const char *language, const char *path) {
  if (strcmp(language, rest->language) != 0) {
    strings_add(command, "-x");
    strings_add(command, language);
    rest->language = language;
  }
  strings_add(command, path);
}

static struct rest add_inputs(const struct options *options,
                              const struct unit *units,
                              struct strings *command) {
  struct rest rest = {.language = "none"};
  const char *language = "none";
  bool links = options->stage == 'l';
  for (size_t i = 0, next = 0; i < options->words.count; i++) {
    const struct word *word = &options->words.items[i];
    if (word->role == ROLE_STAGE && strncmp(word->text, "-x", 2) == 0) {
      language = word->argument ? word->argument : word->text + 2;
    } else if (word->role == ROLE_LINK && links) {
      add_word(command, word);
    } else if (word->role == ROLE_INPUT && word->is_ac) {
      if (links)
        add_input(command, &rest, "none", units[next].result);
      rest.linked++;
      next++;
    } else if (word->role == ROLE_INPUT) {
      add_input(command, &rest, language, word->text);
      if (is_object_name(word->text))
        rest.linked++;
      else
        rest.compiled++;
    }
  }
  return rest;
}

static void add_runtime(const struct options *options,
                        struct strings *command) {
  if (!needs_runtime(options))
    return;
  strings_add(command, options->runtime ? options->runtime : "-lac");
  strings_add(command, "-pthread");
}

static int run_rest(struct options *options, const struct unit *units) {
  struct strings command = {0}, inputs = {0};
  struct rest rest = add_inputs(options, units, &inputs);
  bool links = options->stage == 'l';
  int status = 0;
  if (links || rest.compiled) {
    add_words(&command, &options->cc_command);
    for (size_t i = 0; i < options->words.count; i++) {
      const struct word *word = &options->words.items[i];
      if (word->role == ROLE_BOTH ||
          (rest.compiled &&
           (word->role == ROLE_COMPILE || word->role == ROLE_DEPEND)))
        add_word(&command, word);
    }
    if (!links && options->stage != 'M') /* -M is among the words */
      strings_add(&command, stage_word(options));
    if (options->result) {
      strings_add(&command, "-o");
      strings_add(&command, options->result);
    }
    add_words(&command, &inputs);
    add_runtime(options, &command);
    status = run(options, &command);
  }
  strings_free(&inputs);
  strings_free(&command);
  return status;
}

/* ---- the whole ---------------------------------------------------------- */

static size_t list_units(const struct options *options, struct unit *units) {
  size_t count = 0;
  for (size_t i = 0; i < options->words.count; i++)
    if (options->words.items[i].is_ac)
      units[count++].input = options->words.items[i].text;
  return count;
}

/* What the scratch directory is to stand beside. */
static const char *result_name(struct options *options,
                               const struct unit *first) {
  if (options->result)
    return options->result;
  return options->stage == 'l' ? "a.out" : stem(options, first->input, ".o");
}

int driver_run(struct options *options) {
  struct unit *units = calloc(options->words.count, sizeof *units);
  if (!units)
    return fail("find memory for", "the inputs");
  size_t count = list_units(options, units);
  const char *directory = NULL;
  int status = 0;
  if (count) {
    directory = make_directory(options, result_name(options, &units[0]));
    status = !directory;
  }
  for (size_t i = 0; directory && i < count; i++) {
    name_unit(options, directory, units, i);
    if (options->stage == 'l' && !options->dry_run)
      scratch_add(units[i].result);
    int made = make_unit(options, &units[i]);
    status = status ? status : made;
  }
  if (status == 0)
    status = run_rest(options, units);
  scratch_remove_to(0);
  free(units);
  return status;
}
