/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * flags.c - one table of options, searched by name. clang refuses a word that
 * it does not know, and gcc has many of those, so of -f only what can change
 * the meaning of a file is listed for clang, and of -m all but what is known
 * to be gcc's alone. */
#include "flags.h"

#include <string.h>

#define OWN(name, form, id)                                                    \
  { name, form, id, ROLE_STAGE, false, true }
#define STAGE(name, form, id)                                                  \
  { name, form, id, ROLE_STAGE, false, false }
#define DEPEND(name, form, id)                                                 \
  { name, form, id, ROLE_DEPEND, false, false }
#define PARSE(name, form)                                                      \
  { name, form, FLAG_PASS, ROLE_COMPILE, true, false }
#define TARGET(name, form)                                                     \
  { name, form, FLAG_PASS, ROLE_BOTH, true, false }
#define DROP(name, form)                                                       \
  { name, form, FLAG_PASS, ROLE_BOTH, false, false }
#define LINK(name, form)                                                       \
  { name, form, FLAG_PASS, ROLE_LINK, false, false }
#define OF(name) TARGET("-f" name, FORM_ALONE), TARGET("-fno-" name, FORM_ALONE)

static const struct flag flags[] = {
    OWN("--help", FORM_ALONE, FLAG_HELP),
    OWN("--version", FORM_ALONE, FLAG_VERSION),
    OWN("--cc=", FORM_JOINED, FLAG_CC),
    OWN("--no-line", FORM_ALONE, FLAG_NO_LINE),
    OWN("--dump=", FORM_JOINED, FLAG_DUMP),
    OWN("--stop-after=", FORM_JOINED, FLAG_STOP_AFTER),
    OWN("--print-frames", FORM_ALONE, FLAG_PRINT_FRAMES),
    OWN("--max-frame=", FORM_JOINED, FLAG_MAX_FRAME),

    STAGE("-o", FORM_EITHER, FLAG_OUTPUT),
    STAGE("-c", FORM_ALONE, FLAG_STAGE),
    STAGE("-S", FORM_ALONE, FLAG_STAGE),
    STAGE("-E", FORM_ALONE, FLAG_STAGE),
    STAGE("-fsyntax-only", FORM_ALONE, FLAG_STAGE),
    STAGE("-x", FORM_EITHER, FLAG_LANGUAGE),
    STAGE("-###", FORM_ALONE, FLAG_DRY_RUN),

    DEPEND("-MD", FORM_ALONE, FLAG_MD),
    DEPEND("-MMD", FORM_ALONE, FLAG_MMD),
    DEPEND("-M", FORM_ALONE, FLAG_M),
    DEPEND("-MM", FORM_ALONE, FLAG_MM),
    DEPEND("-MF", FORM_EITHER, FLAG_MF),
    DEPEND("-MT", FORM_EITHER, FLAG_MT),
    DEPEND("-MQ", FORM_EITHER, FLAG_MQ),
    DEPEND("-MP", FORM_ALONE, FLAG_MP),
    DEPEND("-MG", FORM_ALONE, FLAG_PASS),
    DEPEND("-MV", FORM_ALONE, FLAG_PASS),
    STAGE("-Wp,", FORM_JOINED, FLAG_WP),

    {"-v", FORM_ALONE, FLAG_VERBOSE, ROLE_BOTH, false, false},
    {"-save-temps", FORM_ALONE, FLAG_SAVE_TEMPS, ROLE_BOTH, false, false},
    {"-save-temps=", FORM_JOINED, FLAG_SAVE_TEMPS, ROLE_BOTH, false, false},
    {"--save-temps", FORM_ALONE, FLAG_SAVE_TEMPS, ROLE_BOTH, false, false},
    {"--save-temps=", FORM_JOINED, FLAG_SAVE_TEMPS, ROLE_BOTH, false, false},

    {"-w", FORM_ALONE, FLAG_NO_WARNINGS, ROLE_BOTH, true, false},
    {"-Werror", FORM_ALONE, FLAG_WERROR, ROLE_BOTH, true, false},
    {"-fdiagnostics-color=", FORM_JOINED, FLAG_COLOR, ROLE_BOTH, false, false},
    {"-fdiagnostics-color", FORM_ALONE, FLAG_COLOR, ROLE_BOTH, false, false},
    {"-fcolor-diagnostics", FORM_ALONE, FLAG_COLOR, ROLE_BOTH, false, false},
    {"-fno-diagnostics-color", FORM_ALONE, FLAG_PLAIN, ROLE_BOTH, false, false},
    {"-fno-color-diagnostics", FORM_ALONE, FLAG_PLAIN, ROLE_BOTH, false, false},
    {"-fdiagnostics-parseable-fixits", FORM_ALONE, FLAG_FIXITS, ROLE_BOTH,
     false, false},
    {"-ferror-limit=", FORM_JOINED, FLAG_ERROR_LIMIT, ROLE_BOTH, false, false},
    {"-fmax-errors=", FORM_JOINED, FLAG_MAX_ERRORS, ROLE_BOTH, false, false},

    /* What decides how a file reads. */
    PARSE("-I", FORM_EITHER),
    PARSE("-D", FORM_EITHER),
    PARSE("-U", FORM_EITHER),
    PARSE("-isystem", FORM_EITHER),
    PARSE("-iquote", FORM_EITHER),
    PARSE("-idirafter", FORM_EITHER),
    PARSE("-iprefix", FORM_EITHER),
    PARSE("-iwithprefix", FORM_EITHER),
    PARSE("-iwithprefixbefore", FORM_EITHER),
    PARSE("-include", FORM_EITHER),
    PARSE("-imacros", FORM_EITHER),
    PARSE("-include-pch", FORM_SEPARATE),
    PARSE("-undef", FORM_ALONE),
    PARSE("-nostdinc", FORM_ALONE),
    PARSE("-nostdlibinc", FORM_ALONE),
    PARSE("-trigraphs", FORM_ALONE),
    PARSE("-ansi", FORM_ALONE),
    PARSE("-pedantic", FORM_ALONE),
    PARSE("-pedantic-errors", FORM_ALONE),
    PARSE("--std=", FORM_JOINED),
    TARGET("-std=", FORM_JOINED),
    TARGET("-isysroot", FORM_EITHER),
    TARGET("--sysroot=", FORM_JOINED),
    TARGET("--sysroot", FORM_SEPARATE),
    TARGET("--target=", FORM_JOINED),
    TARGET("-target", FORM_SEPARATE),
    TARGET("-arch", FORM_SEPARATE),
    TARGET("--gcc-toolchain=", FORM_JOINED),
    TARGET("-pthread", FORM_ALONE),
    TARGET("-fopenmp", FORM_ALONE),
    TARGET("-fopenmp=", FORM_JOINED),
    TARGET("-fopenmp-simd", FORM_ALONE),
    TARGET("-O", FORM_JOINED),
    PARSE("-W", FORM_JOINED),

    TARGET("-fvisibility=", FORM_JOINED),
    OF("short-enums"),
    OF("short-wchar"),
    OF("signed-char"),
    OF("unsigned-char"),
    OF("ms-extensions"),
    OF("ms-compatibility"),
    OF("declspec"),
    OF("gnu89-inline"),
    OF("gnu-keywords"),
    OF("asm"),
    OF("builtin"),
    TARGET("-fno-builtin-", FORM_JOINED),
    TARGET("-ffreestanding", FORM_ALONE),
    TARGET("-fhosted", FORM_ALONE),
    OF("exceptions"),
    OF("blocks"),
    OF("fast-math"),
    OF("finite-math-only"),
    OF("math-errno"),
    OF("signed-zeros"),
    OF("associative-math"),
    OF("reciprocal-math"),
    OF("unsafe-math-optimizations"),
    OF("wrapv"),
    TARGET("-ftrapv", FORM_ALONE),
    OF("strict-aliasing"),
    OF("dollars-in-identifiers"),
    OF("pascal-strings"),
    OF("trigraphs"),
    OF("lax-vector-conversions"),
    TARGET("-fpack-struct", FORM_ALONE),
    TARGET("-fpack-struct=", FORM_JOINED),
    TARGET("-fstrict-flex-arrays=", FORM_JOINED),
    TARGET("-fms-compatibility-version=", FORM_JOINED),
    TARGET("-fPIC", FORM_ALONE),
    TARGET("-fpic", FORM_ALONE),
    TARGET("-fPIE", FORM_ALONE),
    TARGET("-fpie", FORM_ALONE),
    TARGET("-fno-PIC", FORM_ALONE),
    TARGET("-fno-pic", FORM_ALONE),
    TARGET("-fno-PIE", FORM_ALONE),
    TARGET("-fno-pie", FORM_ALONE),
    OF("stack-protector"),
    TARGET("-fstack-protector-all", FORM_ALONE),
    TARGET("-fstack-protector-strong", FORM_ALONE),
    TARGET("-fmacro-prefix-map=", FORM_JOINED),
    TARGET("-ffile-prefix-map=", FORM_JOINED),
    TARGET("-fbracket-depth=", FORM_JOINED),
    TARGET("-fconstexpr-steps=", FORM_JOINED),

    TARGET("-m", FORM_JOINED),
    DROP("-mtune=", FORM_JOINED),
    DROP("-mtls-dialect=", FORM_JOINED),
    DROP("-mno-fancy-math-387", FORM_ALONE),
    DROP("-mfancy-math-387", FORM_ALONE),
    DROP("-mpreferred-stack-boundary=", FORM_JOINED),
    DROP("-mincoming-stack-boundary=", FORM_JOINED),
    DROP("-maccumulate-outgoing-args", FORM_ALONE),
    DROP("-mno-accumulate-outgoing-args", FORM_ALONE),
    DROP("-mindirect-branch", FORM_JOINED),
    DROP("-mfunction-return=", FORM_JOINED),
    DROP("-mbranch-cost=", FORM_JOINED),
    DROP("-mharden-sls=", FORM_JOINED),
    DROP("-mrecord-", FORM_JOINED),
    DROP("-mno-record-", FORM_JOINED),
    DROP("-mnop-mcount", FORM_ALONE),
    DROP("-minline-", FORM_JOINED),
    DROP("-mno-inline-", FORM_JOINED),
    DROP("-mno-align-stringops", FORM_ALONE),
    DROP("-mstringop-strategy=", FORM_JOINED),
    DROP("-mmemcpy-strategy=", FORM_JOINED),
    DROP("-mmemset-strategy=", FORM_JOINED),
    DROP("-mprefer-avx128", FORM_ALONE),
    DROP("-mdump-tune-features", FORM_ALONE),
    DROP("-mavx256-split-", FORM_JOINED),
    DROP("-mno-avx256-split-", FORM_JOINED),
    DROP("-msse2avx", FORM_ALONE),
    DROP("-mcld", FORM_ALONE),
    DROP("-mieee-fp", FORM_ALONE),
    DROP("-mno-ieee-fp", FORM_ALONE),
    DROP("-mpush-args", FORM_ALONE),
    DROP("-mno-push-args", FORM_ALONE),
    DROP("-mno-sched-", FORM_JOINED),
    DROP("-msched-", FORM_JOINED),
    DROP("-mfpmath=", FORM_JOINED),
    DROP("-masm=", FORM_JOINED),
    DROP("-mlow-precision-", FORM_JOINED),
    DROP("-mpc-relative-literal-loads", FORM_ALONE),
    DROP("-mtp=", FORM_JOINED),
    DROP("-mslow-flash-data", FORM_ALONE),
    DROP("-mexplicit-relocs", FORM_JOINED),
    DROP("-mvzeroupper", FORM_ALONE),

    /* For the C compiler alone. */
    DROP("--param", FORM_SEPARATE),
    DROP("--param=", FORM_JOINED),
    DROP("-B", FORM_EITHER),
    DROP("-pipe", FORM_ALONE),
    DROP("-p", FORM_ALONE),
    DROP("-pg", FORM_ALONE),
    DROP("--coverage", FORM_ALONE),
    DROP("-coverage", FORM_ALONE),
    DROP("-specs=", FORM_JOINED),
    DROP("-wrapper", FORM_SEPARATE),
    DROP("-Xpreprocessor", FORM_SEPARATE),
    DROP("-Xassembler", FORM_SEPARATE),
    DROP("-Xclang", FORM_SEPARATE),
    DROP("-mllvm", FORM_SEPARATE),
    DROP("-Wa,", FORM_JOINED),
    DROP("-aux-info", FORM_SEPARATE),
    DROP("-dumpbase", FORM_SEPARATE),
    DROP("-dumpbase-ext", FORM_SEPARATE),
    DROP("-dumpdir", FORM_SEPARATE),
    DROP("-A", FORM_EITHER),
    DROP("-P", FORM_ALONE),
    DROP("-C", FORM_ALONE),
    DROP("-CC", FORM_ALONE),
    DROP("-H", FORM_ALONE),
    DROP("-Q", FORM_ALONE),
    DROP("-time", FORM_ALONE),
    DROP("-no-canonical-prefixes", FORM_ALONE),
    DROP("-no-integrated-cpp", FORM_ALONE),
    DROP("-fplugin=", FORM_JOINED),
    DROP("-f", FORM_JOINED),
    DROP("-g", FORM_JOINED),
    DROP("-d", FORM_JOINED),

    LINK("-l", FORM_EITHER),
    LINK("-L", FORM_EITHER),
    LINK("-Wl,", FORM_JOINED),
    LINK("-Xlinker", FORM_SEPARATE),
    LINK("-T", FORM_EITHER),
    LINK("-z", FORM_EITHER),
    LINK("-u", FORM_EITHER),
    LINK("-e", FORM_SEPARATE),
    LINK("--entry=", FORM_JOINED),
    LINK("-s", FORM_ALONE),
    LINK("-rdynamic", FORM_ALONE),
    LINK("-shared", FORM_ALONE),
    LINK("-static", FORM_ALONE),
    LINK("-static-pie", FORM_ALONE),
    LINK("-static-libgcc", FORM_ALONE),
    LINK("-static-libasan", FORM_ALONE),
    LINK("-shared-libgcc", FORM_ALONE),
    LINK("-pie", FORM_ALONE),
    LINK("-no-pie", FORM_ALONE),
    LINK("-nopie", FORM_ALONE),
    LINK("-nostartfiles", FORM_ALONE),
    LINK("-fuse-ld=", FORM_JOINED),
    LINK("-rtlib=", FORM_JOINED),
    LINK("--rtlib=", FORM_JOINED),
    {"-nostdlib", FORM_ALONE, FLAG_NO_RUNTIME, ROLE_LINK, false, false},
    {"-nolibc", FORM_ALONE, FLAG_NO_RUNTIME, ROLE_LINK, false, false},
    {"-nodefaultlibs", FORM_ALONE, FLAG_NO_RUNTIME, ROLE_LINK, false, false},
    {"-r", FORM_ALONE, FLAG_NO_RUNTIME, ROLE_LINK, false, false},
};

enum { FLAG_COUNT = sizeof flags / sizeof *flags };

static bool matches(const struct flag *flag, const char *word, size_t length) {
  if (flag->form == FORM_ALONE || flag->form == FORM_SEPARATE)
    return strcmp(word, flag->name) == 0;
  return strncmp(word, flag->name, length) == 0;
}

const struct flag *flag_find(const char *word) {
  const struct flag *best = NULL;
  size_t best_length = 0;
  for (size_t i = 0; i < FLAG_COUNT; i++) {
    size_t length = strlen(flags[i].name);
    if (length > best_length && matches(&flags[i], word, length)) {
      best = &flags[i];
      best_length = length;
    }
  }
  return best;
}

/* A C compiler may know more words that begin so than the table does. */
static bool is_family(const char *word) {
  return word[0] == '-' && word[1] && strchr("fmWOgd", word[1]);
}

/* Levenshtein distance of two short words; too long counts as far. */
static size_t distance(const char *a, const char *b, size_t b_length) {
  enum { LONGEST = 63 };
  size_t row[LONGEST + 1], a_length = strlen(a);
  if (a_length > LONGEST || b_length > LONGEST)
    return LONGEST;
  for (size_t j = 0; j <= b_length; j++)
    row[j] = j;
  for (size_t i = 1; i <= a_length; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b_length; j++) {
      size_t change = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      size_t insert = row[j - 1] + 1, erase = row[j] + 1;
      size_t least = insert < erase ? insert : erase;
      row[j] = change < least ? change : least;
    }
  }
  return row[b_length];
}

const char *flag_nearest(const char *word) {
  const char *best = NULL;
  size_t best_distance = 3, length = strlen(word);
  bool family = is_family(word);
  const char *equals = strchr(word, '=');
  size_t word_length = equals ? (size_t)(equals - word) + 1 : length;
  if (word_length > 63)
    return NULL;
  char head[64];
  memcpy(head, word, word_length);
  head[word_length] = 0;
  for (size_t i = 0; i < FLAG_COUNT; i++) {
    size_t name_length = strlen(flags[i].name);
    if (name_length < 4 || (family && flags[i].id == FLAG_PASS))
      continue;
    size_t d = distance(head, flags[i].name, name_length);
    if (d < best_distance && d * 3 < name_length) {
      best = flags[i].name;
      best_distance = d;
    }
  }
  return best;
}
