/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * options.c - argv in, struct options out: expand @files, sort each word by
 * what flags.c knows of it, then decide the mode and derive the names that
 * were not given. */
#include "options_parts.h"

#include "buf.h"
#include "flags.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- errors ------------------------------------------------------------- */

static bool fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("acc: error: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return false;
}

static bool fail_unknown(const char *word) {
  const char *nearest = flag_nearest(word);
  if (nearest)
    return fail("unknown option '%s'; did you mean '%s'?", word, nearest);
  return fail("unknown option '%s'", word);
}

/* ---- @files ------------------------------------------------------------- */

/* One word of a response file: blanks separate, quotes group, a backslash
 * takes the next character as it is. */
static const char *response_word(struct options *options, const char **cursor) {
  const char *c = *cursor;
  struct buf buf = {0};
  char quote = 0;
  buf_add(&buf, "", 0);
  for (; *c && (quote || !isspace((unsigned char)*c)); c++) {
    if (*c == '\\' && c[1])
      buf_add(&buf, ++c, 1);
    else if (quote ? *c == quote : *c == '"' || *c == '\'')
      quote = (char)(quote ? 0 : *c);
    else
      buf_add(&buf, c, 1);
  }
  *cursor = c;
  return options_own(options, buf.text);
}

enum { RESPONSE_DEPTH = 16 };

static bool expand(struct options *options, const char *word,
                   struct strings *to, int depth) {
  struct buf file = {0};
  if (word[0] != '@' || buf_read_file(&file, word + 1) != 0) {
    buf_free(&file);
    strings_add(to, word);
    return true;
  }
  if (depth == RESPONSE_DEPTH) {
    buf_free(&file);
    return fail("response files are nested too deeply at '%s'", word);
  }
  bool ok = true;
  const char *c = file.text ? file.text : "";
  while (ok) {
    while (isspace((unsigned char)*c))
      c++;
    if (!*c)
      break;
    ok = expand(options, response_word(options, &c), to, depth + 1);
  }
  buf_free(&file);
  return ok;
}

/* ---- reading ------------------------------------------------------------ */

struct reader {
  struct options *options;
  struct strings args; /* expanded */
  size_t next;
  bool as_compiler; /* acc-cc, --launch: unknown words are the compiler's */
  bool has_stage, print_depends;
  const char *depend_option; /* the last of -MF -MT -MQ -MP */
  const char *output;
  struct strings targets; /* -MT, -MQ */
};

static bool read_number(const char *word, const char *digits, size_t *value) {
  char *end;
  errno = 0;
  unsigned long number = strtoul(digits, &end, 10);
  if (errno || *end || !isdigit((unsigned char)*digits))
    return fail("'%s' needs a number", word);
  *value = number;
  return true;
}

/* One of the stages of --dump= or --stop-after=, or several of them. */
static bool check_stages(const char *option, const char *const *stages,
                         bool several, const char *value) {
  for (const char *at = value; *at || at == value;) {
    size_t length = several ? strcspn(at, ",") : strlen(at);
    const char *const *stage = stages;
    while (*stage &&
           (strlen(*stage) != length || strncmp(*stage, at, length) != 0))
      stage++;
    if (!*stage) {
      struct buf known = {0};
      for (stage = stages; *stage; stage++)
        buf_printf(&known, "%s%s", stage == stages ? "" : ", ", *stage);
      fail("'%s' has no stage '%.*s'; it knows: %s", option, (int)length, at,
           known.text);
      buf_free(&known);
      return false;
    }
    at += length + (at[length] == ',');
  }
  return true;
}

static bool check_dump(const char *value) {
  static const char *const stages[] = {"text", "model", "lower", "live",
                                       "frame", "all", NULL};
  return check_stages("--dump=", stages, true, value);
}

static bool check_stop(const char *value) {
  static const char *const stages[] = {"parse", "build", "sema", "frame", NULL};
  return check_stages("--stop-after=", stages, false, value);
}

static bool read_color(struct options *options, const char *value) {
  if (!*value || strcmp(value, "always") == 0)
    options->color = COLOR_ALWAYS;
  else if (strcmp(value, "never") == 0)
    options->color = COLOR_NEVER;
  else if (strcmp(value, "auto") == 0)
    options->color = COLOR_AUTO;
  else
    return fail("-fdiagnostics-color= takes auto, always or never, not '%s'",
                value);
  return true;
}

static void read_depends(struct reader *reader, enum flag_id id) {
  struct options *options = reader->options;
  options->depend = true;
  if (id == FLAG_MD || id == FLAG_M)
    options->depend_system = true;
  if (id == FLAG_M || id == FLAG_MM)
    reader->print_depends = true;
}

/* -Wp,-DX=1,-MMD,file: words for the preprocessor, commas between them. */
static void read_preprocessor(struct reader *reader, const char *list) {
  struct options *options = reader->options;
  while (*list) {
    size_t length = strcspn(list, ",");
    const char *word = options_printf(options, "%.*s", (int)length, list);
    list += length + (list[length] == ',');
    if (strcmp(word, "-MD") == 0 || strcmp(word, "-MMD") == 0) {
      read_depends(reader, strcmp(word, "-MD") ? FLAG_MMD : FLAG_MD);
      length = strcspn(list, ",");
      if (length)
        options->depend_file =
            options_printf(options, "%.*s", (int)length, list);
      list += length + (list[length] == ',');
    } else {
      strings_add(&options->parse_args, word);
      word = options_printf(options, "-Wp,%s", word);
      strings_add(&options->cc_args, word);
      words_add(&options->words,
                (struct word){.role = ROLE_COMPILE, .text = word});
    }
  }
}

static bool read_own(struct reader *reader, const struct flag *flag,
                     const char *word, const char *value) {
  struct options *options = reader->options;
  size_t number = 0;
  switch (flag->id) {
  case FLAG_HELP:
    options->mode = MODE_HELP;
    return true;
  case FLAG_VERSION:
    options->mode = MODE_VERSION;
    return true;
  case FLAG_CC:
    options->cc_command.count = 0;
    strings_add(&options->cc_command, value);
    return *value || fail("'--cc=' needs the name of a C compiler");
  case FLAG_NO_LINE:
    options->line_directives = false;
    return true;
  case FLAG_DUMP:
    options->dump = value;
    return check_dump(value);
  case FLAG_STOP_AFTER:
    options->stop_after = value;
    return check_stop(value);
  case FLAG_PRINT_FRAMES:
    options->print_frames = true;
    return true;
  case FLAG_MAX_FRAME:
    if (!read_number(word, value, &number))
      return false;
    options->max_frame_bytes = number;
    return true;
  default:
    return true;
  }
}

/* What a word shared with the compiler means to acc. */
static bool read_shared(struct reader *reader, const struct flag *flag,
                        const char *word, const char *value) {
  struct options *options = reader->options;
  size_t number = 0;
  switch (flag->id) {
  case FLAG_OUTPUT:
    if (reader->output)
      return fail("more than one -o");
    reader->output = value;
    return true;
  case FLAG_STAGE: {
    /* The earliest stage wins, as in the compilers. */
    char stage = (char)(word[1] == 'f' ? 's' : word[1]);
    if (!reader->has_stage ||
        strchr("Escl", stage) < strchr("Escl", options->stage))
      options->stage = stage;
    reader->has_stage = true;
    return true;
  }
  case FLAG_COLOR:
    return read_color(options, value);
  case FLAG_PLAIN:
    options->color = COLOR_NEVER;
    return true;
  case FLAG_FIXITS:
    options->parseable_fixits = true;
    return true;
  case FLAG_ERROR_LIMIT:
  case FLAG_MAX_ERRORS:
    if (!read_number(word, value, &number))
      return false;
    options->error_limit = (unsigned)number;
    return true;
  case FLAG_NO_WARNINGS:
    options->warnings_off = true;
    return true;
  case FLAG_WERROR:
    options->werror = true;
    return true;
  case FLAG_VERBOSE:
    options->verbose = true;
    return true;
  case FLAG_DRY_RUN:
    options->dry_run = options->verbose = true;
    return true;
  case FLAG_SAVE_TEMPS:
    options->save_temps = true;
    return true;
  case FLAG_NO_RUNTIME:
    options->link_runtime = false;
    return true;
  case FLAG_MD:
  case FLAG_MMD:
  case FLAG_M:
  case FLAG_MM:
    read_depends(reader, flag->id);
    return true;
  case FLAG_MF:
    options->depend_file = value;
    reader->depend_option = word;
    return true;
  case FLAG_MT:
  case FLAG_MQ:
    strings_add(&reader->targets,
                flag->id == FLAG_MT ? value : make_quoted(options, value));
    reader->depend_option = word;
    return true;
  case FLAG_MP:
    options->depend_phony = true;
    reader->depend_option = word;
    return true;
  case FLAG_WP:
    read_preprocessor(reader, value);
    return true;
  default:
    return read_own(reader, flag, word, value);
  }
}

/* Splits the argument off the word, or takes the next one. */
static bool argument_of(struct reader *reader, const struct flag *flag,
                        const char *word, const char **joined,
                        const char **next) {
  size_t length = strlen(flag->name);
  *joined = *next = NULL;
  if (flag->form == FORM_JOINED || (flag->form == FORM_EITHER && word[length]))
    *joined = word + length;
  else if (flag->form != FORM_ALONE) {
    if (reader->next == reader->args.count)
      return fail("argument to '%s' is missing", word);
    *next = reader->args.items[reader->next++];
  }
  return true;
}

static void add_both(struct options *options, bool parse, const char *word,
                     const char *argument) {
  strings_add(&options->cc_args, word);
  if (argument)
    strings_add(&options->cc_args, argument);
  if (!parse)
    return;
  strings_add(&options->parse_args, word);
  if (argument)
    strings_add(&options->parse_args, argument);
}

static void read_input(struct reader *reader, const char *word) {
  words_add(&reader->options->words, (struct word){.role = ROLE_INPUT,
                                                   .text = word,
                                                   .is_ac = is_ac_name(word)});
}

static bool read_word(struct reader *reader) {
  struct options *options = reader->options;
  const char *word = reader->args.items[reader->next++];
  if (word[0] != '-' || !word[1]) {
    read_input(reader, word);
    return true;
  }
  if (warnings_read(options->warnings, word))
    return true;
  const struct flag *flag = flag_find(word);
  bool vague = !flag || strcmp(flag->name, "-f") == 0;
  if (vague && !reader->as_compiler && (!flag || flag_nearest(word)))
    return fail_unknown(word);
  if (!flag) {
    words_add(&options->words, (struct word){.role = ROLE_BOTH, .text = word});
    return true;
  }
  const char *joined, *next;
  if (!argument_of(reader, flag, word, &joined, &next))
    return false;
  if (!read_shared(reader, flag, word, joined ? joined : next ? next : ""))
    return false;
  if (flag->own || flag->id == FLAG_WP)
    return true;
  if (flag->role == ROLE_BOTH || flag->role == ROLE_COMPILE)
    add_both(options, flag->parse, word, next);
  words_add(&options->words,
            (struct word){.role = flag->role, .text = word, .argument = next});
  return true;
}

/* ---- the input ---------------------------------------------------------- */

/* The generated text stands in another directory, or nowhere: quoted includes
 * begin with the directory of the file itself. */
static void reserve_input(struct options *options) {
  strings_add(&options->cc_args, "-iquote");
  strings_add(&options->cc_args, ".");
}

void options_set_input(struct options *options, const char *input) {
  options->input = input;
  options->cc_args.items[1] = path_directory(options, input);
}

/* ---- deciding ----------------------------------------------------------- */

/* -o names C text: the command translates and does not go on to link. */
static bool names_c(const char *output) {
  return strcmp(output, "-") == 0 || ends_with(output, ".c") ||
         strncmp(output, "/dev/", strlen("/dev/")) == 0;
}

struct inputs {
  size_t count, ac_count;
  const char *first;
};

static struct inputs count_inputs(const struct words *words) {
  struct inputs inputs = {0};
  for (size_t i = 0; i < words->count; i++) {
    if (words->items[i].role != ROLE_INPUT)
      continue;
    if (!inputs.count++)
      inputs.first = words->items[i].text;
    inputs.ac_count += words->items[i].is_ac;
  }
  return inputs;
}

static bool has_link_words(const struct words *words) {
  for (size_t i = 0; i < words->count; i++)
    if (words->items[i].role == ROLE_LINK)
      return true;
  return false;
}

/* acc, not acc-cc: does the command line ask for C text? */
static bool wants_c(const struct reader *reader, struct inputs inputs) {
  if (reader->has_stage || inputs.count != 1)
    return false;
  if (strcmp(inputs.first, "-") == 0)
    return true;
  if (is_object_name(inputs.first) || has_link_words(&reader->options->words))
    return false;
  return !reader->output || names_c(reader->output);
}

/* The dependency file and its targets, for a translation whose result (an
 * object, or the C file itself) is called `made`. */
static void derive_depends(struct reader *reader, const char *made) {
  struct options *options = reader->options;
  options->depend_targets.count = 0;
  for (size_t i = 0; i < reader->targets.count; i++)
    strings_add(&options->depend_targets, reader->targets.items[i]);
  if (!reader->targets.count)
    strings_add(&options->depend_targets, make_quoted(options, made));
  if (!options->depend_file)
    options->depend_file = reader->print_depends
                               ? reader->output ? reader->output : "-"
                               : path_with_suffix(options, made, ".d");
}

static bool decide_translate(struct reader *reader, const char *input) {
  struct options *options = reader->options;
  bool report = options->dump || options->print_frames;
  options->mode = options->stage == 's' ? MODE_CHECK : MODE_TRANSLATE;
  options_set_input(options, input);
  options->output = reader->output ? reader->output : report ? NULL : "-";
  if (options->mode == MODE_CHECK || reader->print_depends)
    options->output = NULL;
  if (options->depend) {
    bool named = options->output && strcmp(options->output, "-") != 0;
    derive_depends(reader,
                   named ? options->output
                         : path_with_suffix(options, path_base(input), ".o"));
  }
  return true;
}

static bool decide_compile(struct reader *reader, struct inputs inputs) {
  struct options *options = reader->options;
  if (reader->output && inputs.count > 1 && options->stage != 'l')
    return fail("-o does not go with -c, -S, -E or -M and several inputs");
  if (options->depend_file && inputs.ac_count > 1)
    return fail("-MF does not go with several .ac inputs");
  options->result = reader->output;
  for (size_t i = 0; i < reader->targets.count; i++)
    strings_add(&options->depend_targets, reader->targets.items[i]);
  return true;
}

static bool is_same_file(const char *path, const char *input) {
  struct stat a, b;
  return strcmp(path, "-") != 0 && stat(path, &a) == 0 &&
         stat(input, &b) == 0 && S_ISREG(a.st_mode) && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

/* Nothing that is written may fall on what is read: not even an error, which
 * removes its output. */
static bool keeps_inputs(const struct reader *reader) {
  const struct options *options = reader->options;
  const char *written[] = {reader->output, options->depend_file};
  for (size_t i = 0; i < options->words.count; i++)
    for (size_t j = 0; j < sizeof written / sizeof *written; j++) {
      const struct word *word = &options->words.items[i];
      if (word->role == ROLE_INPUT && written[j] &&
          is_same_file(written[j], word->text))
        return fail("the input '%s' is the output too", word->text);
    }
  return true;
}

/* -x before a .ac file: C it is, and nothing else. */
static bool languages_fit(const struct words *words) {
  const char *language = "none";
  for (size_t i = 0; i < words->count; i++) {
    const struct word *word = &words->items[i];
    if (word->role == ROLE_STAGE && strncmp(word->text, "-x", 2) == 0)
      language = word->argument ? word->argument : word->text + 2;
    else if (word->is_ac && strcmp(language, "c") != 0 &&
             strcmp(language, "none") != 0)
      return fail("'%s' is C with async and await; '-x %s' does not go with it",
                  word->text, language);
  }
  return true;
}

static bool decide(struct reader *reader) {
  struct options *options = reader->options;
  struct inputs inputs = count_inputs(&options->words);
  if (reader->depend_option && !options->depend)
    return fail("'%s' needs one of -MD, -MMD, -M, -MM", reader->depend_option);
  if (options->mode == MODE_HELP || options->mode == MODE_VERSION)
    return true;
  if (!inputs.count)
    return fail("no input files");
  if (!keeps_inputs(reader) || !languages_fit(&options->words))
    return false;
  bool is_own = options->mode != MODE_LAUNCH && !reader->as_compiler;
  bool check = (options->stage == 's' || reader->print_depends) &&
               inputs.count == 1 && (inputs.ac_count == 1 || is_own);
  if (check || (is_own && wants_c(reader, inputs)))
    return decide_translate(reader, inputs.first);
  if (reader->print_depends)
    options->stage = 'M';
  if (options->dump || options->print_frames || options->stop_after)
    if (inputs.ac_count > 1)
      return fail("--dump, --stop-after and --print-frames take one file");
  return decide_compile(reader, inputs);
}

/* ---- where acc is ------------------------------------------------------- */

/* An installed acc, and one in its build tree, finds the headers and the
 * library beside itself, so that a prefix that the C compiler does not search
 * works without options. The compiler's own directories come first. */
static void find_prefix(struct options *options) {
  static const char *const includes[] = {"/../include", "/../../include"};
  static const char *const libraries[] = {"/" ACC_LIBRARY_FROM_BIN "/libac.a",
                                          "/../lib/libac.a",
                                          "/../../lib/libac.a"};
  char self[4096];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0)
    return;
  self[length] = 0;
  const char *bin = path_directory(options, self);
  for (size_t i = 0; i < sizeof includes / sizeof *includes; i++) {
    const char *include = options_printf(options, "%s%s", bin, includes[i]);
    const char *probe = options_printf(options, "%s/ac/ac.h", include);
    if (access(probe, R_OK) != 0)
      continue;
    add_both(options, true, "-idirafter", include);
    words_add(&options->words, (struct word){.role = ROLE_COMPILE,
                                             .text = "-idirafter",
                                             .argument = include});
    break;
  }
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    const char *library = options_printf(options, "%s%s", bin, libraries[i]);
    if (access(library, R_OK) == 0) {
      options->runtime = library;
      break;
    }
  }
}

/* ---- the entry ---------------------------------------------------------- */

static bool is_own_word(const char *word) {
  const struct flag *flag = *word == '-' ? flag_find(word) : NULL;
  return flag && flag->own && flag->id != FLAG_HELP && flag->id != FLAG_VERSION;
}

/* acc-cc without an .ac file is the compiler. */
static void pass_on(struct options *options, char **words) {
  const struct strings *command = &options->cc_command;
  size_t count = 0, next = command->count;
  while (words[count])
    count++;
  char **argv = options_resized(NULL, next + count + 1, sizeof *argv);
  options_own(options, (char *)argv);
  for (size_t i = 0; i < next; i++)
    argv[i] = (char *)(uintptr_t)command->items[i];
  for (; *words; words++)
    if (!is_own_word(*words))
      argv[next++] = *words;
  argv[next] = NULL;
  options->mode = MODE_COMPILE;
  options->launched = argv;
}

/* Can a command line hold a .ac input? Response files may. */
static bool may_name_ac(char **argv) {
  for (; *argv; argv++)
    if (**argv == '@' || is_ac_name(*argv))
      return true;
  return false;
}

static bool has_ac_input(const struct words *words) {
  return count_inputs(words).ac_count != 0;
}

static bool read_all(struct reader *reader) {
  while (reader->next < reader->args.count)
    if (!read_word(reader))
      return false;
  return true;
}

static bool expand_all(struct reader *reader, char **argv) {
  for (; *argv; argv++)
    if (!expand(reader->options, *argv, &reader->args, 0))
      return false;
  return true;
}

/* acc [options of its own] --launch cc ... */
static bool read_launch(struct reader *reader, char **command) {
  struct options *options = reader->options;
  options->mode = MODE_LAUNCH;
  reader->as_compiler = true;
  reader->args.count = reader->next = 0;
  if (!*command)
    return fail("'--launch' needs a C compiler's command line");
  if (!may_name_ac(command)) {
    options->launched = command;
    return true;
  }
  options->cc_command.count = 0;
  if (!expand_all(reader, command))
    return false;
  /* ccache cc: what stands before the first option or .ac file. */
  while (reader->next < reader->args.count) {
    const char *word = reader->args.items[reader->next];
    if (reader->next && (word[0] == '-' || is_ac_name(word)))
      break;
    strings_add(&options->cc_command, word);
    reader->next++;
  }
  if (!read_all(reader))
    return false;
  if (!has_ac_input(&options->words)) {
    options->launched = command;
    return true;
  }
  return decide(reader);
}

/* acc-cc ...: a C compiler's command line. */
static bool read_compiler(struct reader *reader, char **argv) {
  struct options *options = reader->options;
  options->mode = MODE_COMPILE;
  reader->as_compiler = true;
  if (!expand_all(reader, argv + 1) || !read_all(reader))
    return false;
  struct inputs inputs = count_inputs(&options->words);
  if (!inputs.ac_count && (options->stage != 'l' || !inputs.count)) {
    pass_on(options, argv + 1);
    return true;
  }
  options->link_runtime &= options->stage == 'l';
  find_prefix(options);
  return decide(reader);
}

static bool read_acc(struct reader *reader, char **argv) {
  struct options *options = reader->options;
  char **launch = argv + 1;
  while (*launch && strcmp(*launch, "--launch") != 0)
    launch++;
  char *stop = *launch;
  *launch = NULL;
  bool ok = expand_all(reader, argv + 1) && read_all(reader);
  *launch = stop;
  if (!ok)
    return false;
  if (stop) {
    if (options->words.count)
      return fail("only acc's own options may stand before --launch, not '%s'",
                  options->words.items[0].text);
    return read_launch(reader, launch + 1);
  }
  find_prefix(options);
  return decide(reader);
}

/* clang takes warning options that only gcc knows as a warning of its own. */
static void finish_parse_args(struct options *options) {
  strings_add(&options->parse_args, "-Wno-unknown-warning-option");
}

bool options_read(struct options *options, int argc, char **argv) {
  *options = (struct options){.mode = MODE_COMPILE,
                              .stage = 'l',
                              .line_directives = true,
                              .link_runtime = true};
  struct reader reader = {.options = options};
  reserve_input(options);
  const char *cc = getenv("ACC_CC");
  strings_add(&options->cc_command, cc && *cc ? cc : "cc");
  const char *name = argc > 0 ? path_base(argv[0]) : "acc";
  bool ok = strcmp(name, "acc-cc") == 0 ? read_compiler(&reader, argv)
                                        : read_acc(&reader, argv);
  finish_parse_args(options);
  strings_free(&reader.args);
  strings_free(&reader.targets);
  return ok;
}
