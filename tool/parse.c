/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * In: the file's bytes. Out: clang's translation unit of a legible text.
 *
 * The text is parsed as it stands first. A survey of the tree then finds what
 * cannot be lowered where it is, and changes the text (parse_survey.c). That is
 * parsed again, until the survey finds nothing. */
#include "parse_parts.h"
#include "words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS = 24 };

static bool is_dialect_macro(CXCursor use, const char *name) {
  static const char *const words[] = {"async",  "await",  "defer",
                                      "_Async", "_Await", "_Defer"};
  bool candidate = !strncmp(name, "ac_", 3);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    candidate = candidate || !strcmp(name, words[i]);
  if (!candidate)
    return false;
  CXCursor definition = clang_getCursorReferenced(use);
  CXFile file;
  clang_getSpellingLocation(clang_getCursorLocation(definition), &file, NULL,
                            NULL, NULL);
  if (!file)
    return false;
  CXString path = clang_getFileName(file);
  const char *text = clang_getCString(path);
  size_t length = text ? strlen(text) : 0;
  static const char *const headers[] = {"ac/marks.h", "ac/async.h", "ac/ac.h"};
  bool ours = false;
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    size_t tail = strlen(headers[i]);
    ours =
        ours || (length >= tail && !strcmp(text + length - tail, headers[i]));
  }
  clang_disposeString(path);
  return ours;
}

struct macro_visit {
  struct parsed *parsed;
  struct arena *arena;
};

/* async, await or defer as a macro in a header other than ours. */
static void note_pollution(struct macro_visit *visit, CXCursor cursor) {
  CXString name = clang_getCursorSpelling(cursor);
  const char *word = clang_getCString(name);
  bool ours = !strcmp(word, "async") || !strcmp(word, "await") ||
              !strcmp(word, "defer");
  if (ours && is_dialect_macro(cursor, word)) {
    struct pollution pollution = {arena_copy(visit->arena, word, strlen(word)),
                                  clang_getCursorLocation(cursor)};
    vector_push(visit->arena, &visit->parsed->pollution, pollution);
  }
  clang_disposeString(name);
}

/* The preprocessing record comes first among the unit's children. */
static enum CXChildVisitResult add_macro(CXCursor cursor, CXCursor parent,
                                         CXClientData data) {
  (void)parent;
  struct macro_visit *visit = data;
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (kind == CXCursor_MacroDefinition || kind == CXCursor_InclusionDirective)
    return CXChildVisit_Continue;
  if (kind != CXCursor_MacroExpansion)
    return CXChildVisit_Break;
  struct range range = parsed_range(visit->parsed, cursor);
  if (range.begin == UINT32_MAX || range.end == UINT32_MAX) {
    note_pollution(visit, cursor);
    return CXChildVisit_Continue;
  }
  CXString name = clang_getCursorSpelling(cursor);
  struct macro_use use = {range,
                          is_dialect_macro(cursor, clang_getCString(name))};
  const char *word = clang_getCString(name);
  if (use.transparent && (!strcmp(word, "await") || !strcmp(word, "_Await")))
    vector_push(visit->arena, &visit->parsed->await_words, range.begin);
  clang_disposeString(name);
  vector_push(visit->arena, &visit->parsed->macros, use);
  return CXChildVisit_Continue;
}

static int by_begin(const void *a, const void *b) {
  const struct macro_use *x = a, *y = b;
  if (x->range.begin != y->range.begin)
    return x->range.begin < y->range.begin ? -1 : 1;
  return x->range.end > y->range.end ? -1 : x->range.end < y->range.end;
}

static void collect_macros(struct parsed *parsed, struct arena *arena) {
  parsed->macros.count = parsed->await_words.count = 0;
  parsed->outermost.count = 0;
  parsed->pollution.count = 0;
  struct macro_visit visit = {parsed, arena};
  clang_visitChildren(clang_getTranslationUnitCursor(parsed->tu), add_macro,
                      &visit);
  if (parsed->macros.count)
    qsort(parsed->macros.items, parsed->macros.count,
          sizeof *parsed->macros.items, by_begin);
  parsed->foreign.count = 0;
  uint32_t end = 0;
  for (size_t i = 0; i < parsed->macros.count; i++) {
    const struct macro_use *use = &parsed->macros.items[i];
    if (use->range.begin < end)
      continue;
    end = use->range.end;
    vector_push(arena, &parsed->outermost, (uint32_t)i);
  }
  end = 0;
  for (size_t i = 0; i < parsed->macros.count; i++) {
    const struct macro_use *use = &parsed->macros.items[i];
    if (use->transparent || use->range.begin < end)
      continue;
    end = use->range.end;
    vector_push(arena, &parsed->foreign, use);
  }
}

/* libclang does not everywhere find its own headers by itself; the build knows
 * where they were. */
#define CLANG_STDDEF ACC_CLANG_HEADERS "/include/stddef.h"

static bool has_clang_headers(void) {
  return access(CLANG_STDDEF, R_OK) == 0;
}

CXTranslationUnit parse_text(CXIndex index, const struct options *options,
                             struct arena *arena, struct CXUnsavedFile *unsaved,
                             unsigned flags) {
  VECTOR(const char *) args = {0};
  bool has_std = false;
  vector_push(arena, &args, "-xc");
  vector_push(arena, &args, "-D__ACC__=1");
  vector_push(arena, &args, "-ferror-limit=0");
  if (has_clang_headers()) {
    vector_push(arena, &args, "-resource-dir");
    vector_push(arena, &args, ACC_CLANG_HEADERS);
  }
  vector_push(arena, &args, "-Wno-gnu-statement-expression");
  for (size_t i = 0; i < options->parse_args.count; i++) {
    vector_push(arena, &args, options->parse_args.items[i]);
    has_std |= !strncmp(options->parse_args.items[i], "-std", 4);
  }
  if (!has_std)
    vector_push(arena, &args, "-std=gnu17");
  CXTranslationUnit unit = NULL;
  if (clang_parseTranslationUnit2(index, unsaved->Filename, args.items,
                                  (int)args.count, unsaved, 1, flags,
                                  &unit) != CXError_Success)
    return NULL;
  return unit;
}

const char *parse_name(const struct options *options) {
  return strcmp(options->input, "-") ? options->input : "<stdin>";
}

static bool parse_once(struct parsed *parsed, struct arena *arena,
                       const struct options *options) {
  struct source *source = parsed->source;
  struct CXUnsavedFile unsaved = {parse_name(options), source->text,
                                  source->bytes};
  if (!parsed->tu) {
    parsed->tu = parse_text(parsed->index, options, arena, &unsaved,
                            CXTranslationUnit_DetailedPreprocessingRecord |
                                CXTranslationUnit_KeepGoing);
  } else if (clang_reparseTranslationUnit(parsed->tu, 1, &unsaved, 0) != 0) {
    clang_disposeTranslationUnit(parsed->tu);
    parsed->tu = NULL;
  }
  if (!parsed->tu)
    return false;
  parsed->file = clang_getFile(parsed->tu, unsaved.Filename);
  parsed->memos = arena_alloc(arena, RANGE_MEMOS * sizeof *parsed->memos);
  collect_macros(parsed, arena);
  return true;
}

/* Where the awaits of handles are now: each `*` followed by what `await` left
 * of itself, found through the splices. */
static void find_derefs(struct parsed *parsed, struct arena *arena) {
  parsed->derefs.count = 0;
  const struct source *source = parsed->source;
  for (size_t i = 0; i < source->splices.count; i++) {
    const struct splice *splice = &source->splices.items[i];
    for (uint32_t at = 0; at + 5 <= splice->bytes; at++)
      if (!memcmp(splice->text + at, "*    ", 5))
        vector_push(arena, &parsed->derefs, splice->at + at);
  }
}

struct include_visit {
  struct parsed *parsed;
  struct arena *arena;
};

static void add_include(CXFile file, CXSourceLocation *stack, unsigned depth,
                        CXClientData data) {
  (void)stack;
  struct include_visit *visit = data;
  if (depth > 0)
    vector_push(visit->arena, &visit->parsed->includes,
                parsed_text(visit->arena, clang_getFileName(file)));
}

bool parse(struct parsed *parsed, struct source *source, struct arena *arena,
           const struct options *options, struct diags *diags) {
  *parsed = (struct parsed){.source = source};
  parsed->index = clang_createIndex(0, 0);
  bool guessed = words_guess_handles(source);
  unsigned errors = 0;
  for (int round = 0; round < ROUNDS; round++) {
    find_derefs(parsed, arena);
    if (!parse_once(parsed, arena, options)) {
      add_refusal(source, options, diags);
      return false;
    }
    errors = 0;
    for (unsigned i = 0; i < clang_getNumDiagnostics(parsed->tu); i++) {
      CXDiagnostic diagnostic = clang_getDiagnostic(parsed->tu, i);
      errors += clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error;
      clang_disposeDiagnostic(diagnostic);
    }
    if (survey_text(parsed, arena, options, diags))
      continue;
    if (diags->errors || !guessed || !errors)
      break;
    /* The guess may be what clang objects to. */
    guessed = false;
    source->splices.count = 0;
    source_apply(source);
  }
  struct include_visit visit = {parsed, arena};
  clang_getInclusions(parsed->tu, add_include, &visit);
  add_pollution(parsed, diags, add_diagnostics(parsed, diags));
  return true;
}

void parse_dispose(struct parsed *parsed) {
  if (parsed->tu)
    clang_disposeTranslationUnit(parsed->tu);
  if (parsed->index)
    clang_disposeIndex(parsed->index);
}
