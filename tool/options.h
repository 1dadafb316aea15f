/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * options.h - the command line as one value. Nobody else looks at argv or at
 * the environment. */
#ifndef ACC_OPTIONS_H
#define ACC_OPTIONS_H

#include "warnings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum mode {
  MODE_TRANSLATE, /* acc x.ac -o x.c */
  MODE_COMPILE,   /* acc -c x.ac -o x.o, and linking: drives the C compiler */
  MODE_LAUNCH,    /* acc --launch cc ...: a C compiler command */
  MODE_CHECK,     /* acc -fsyntax-only x.ac */
  MODE_HELP,
  MODE_VERSION
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* A growing list of strings; the strings belong to the options or to argv. */
struct strings {
  const char **items;
  size_t count, capacity;
};

/* What a word of the command line is to the C compiler's commands. */
enum role {
  ROLE_BOTH,    /* belongs to compiling and to linking: -O2 -fsanitize= */
  ROLE_COMPILE, /* to compiling alone: -I -D -include */
  ROLE_LINK,    /* to linking alone: -l -L -Wl, */
  ROLE_DEPEND,  /* -MD -MF ...: acc's own business for .ac inputs */
  ROLE_STAGE,   /* -c -S -E -o -x: each command gets its own */
  ROLE_INPUT,   /* a file */
};

struct word {
  enum role role;
  bool is_ac; /* an input to be translated */
  const char *text;
  const char *argument; /* the next word, when it belongs to this one */
};

struct words {
  struct word *items;
  size_t count, capacity;
};

struct options {
  enum mode mode;
  /* The .ac file of this translation, "-" for stdin. */
  const char *input;
  /* The C file, "-" for stdout. NULL: no C is written (MODE_CHECK, -M, and
   * --dump or --print-frames without -o). */
  const char *output;

  /* For clang: -I -isystem -iquote -D -U -include -std= --target= -f... -m...
   * -W..., in order, as the user gave them; without what clang refuses. */
  struct strings parse_args;
  /* The same flags in full, for the C compiler's preprocessor (cc -E); begins
   * with -iquote and the input's directory. */
  struct strings cc_args;
  /* The words that start the C compiler: "cc", or "ccache" "cc". */
  struct strings cc_command;

  /* Dependencies */
  bool depend;                   /* -MD or -MMD, -M or -MM */
  bool depend_system;            /* -MD: system headers too */
  bool depend_phony;             /* -MP */
  const char *depend_file;       /* -MF, or derived; "-" for stdout */
  struct strings depend_targets; /* as they stand in the file: quoted; >= 1 */

  /* Diagnostics */
  enum color color;      /* -fdiagnostics-color= */
  bool parseable_fixits; /* -fdiagnostics-parseable-fixits */
  bool warnings_off;     /* -w */
  bool werror;           /* -Werror */
  struct warning_state warnings[WARNING_COUNT]; /* acc's own */
  unsigned error_limit;  /* -ferror-limit=, 0: none */

  /* What to print and how */
  bool line_directives;   /* off with --no-line */
  const char *dump;       /* --dump=STAGE[,STAGE]... */
  const char *stop_after; /* --stop-after=STAGE */
  bool print_frames;      /* --print-frames */
  size_t max_frame_bytes; /* --max-frame=, 0: none */

  /* For the driver: MODE_COMPILE, MODE_LAUNCH */
  struct words words; /* the compiler's command line, after cc_command */
  char stage;         /* 'c', 'S', 'E', 's' (-fsyntax-only), 'M' (-M, -MM),
                         'l': link */
  const char *result; /* -o of the command; NULL: the compiler's default */
  bool verbose, dry_run, save_temps;
  bool link_runtime;   /* acc drives: a link gets the runtime library */
  const char *runtime; /* libac.a beside this acc; NULL: -lac */
  char **launched;     /* argv of a command without .ac input, to exec */

  struct strings owned; /* strings made while reading */
};

/* Reads argv (and @files in it). On an error it has printed it on stderr in
 * the form `acc: error: ...` and returns false. The result lives until
 * options_free. */
bool options_read(struct options *options, int argc, char **argv);
void options_free(struct options *options);

/* --help */
void options_print_help(FILE *out);

/* Names the file of the next translation; keeps cc_args in step. */
void options_set_input(struct options *options, const char *input);

void strings_add(struct strings *strings, const char *text);
void strings_free(struct strings *strings);

/* The path with its last suffix (.ac.c is one) replaced. */
const char *path_with_suffix(struct options *options, const char *path,
                             const char *suffix);

/* A printf whose result lives as long as the options. */
char *options_printf(struct options *options, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True for the names of files that acc translates: x.ac, x.ac.c; and for what
 * only a linker reads. */
bool is_ac_name(const char *path);
bool is_object_name(const char *path);

/* The directory part of a path, "." when it has none; and the part after. */
const char *path_directory(struct options *options, const char *path);
const char *path_base(const char *path);

/* Escapes what Make would read otherwise, as -MQ does. */
const char *make_quoted(struct options *options, const char *target);

#endif
