/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Clang's diagnostics, in the user's words and at the user's places. */
#include "parse_parts.h"
#include "words.h"

#include <string.h>

static const char *line_in(struct arena *arena, const char *text, size_t bytes,
                           size_t offset) {
  if (!text || offset > bytes)
    return NULL;
  size_t begin = offset, end = offset;
  while (begin > 0 && text[begin - 1] != '\n')
    begin--;
  while (end < bytes && text[end] != '\n' && text[end] != '\r')
    end++;
  return arena_copy(arena, text + begin, end - begin);
}

/* A warning that only the dialect's marks provoke. */
static bool is_artifact(const struct parsed *parsed, uint32_t offset,
                        const char *flag) {
  if (offset == UINT32_MAX)
    return false;
  if (!strcmp(flag, "-Wvoid-ptr-dereference") ||
      !strcmp(flag, "-Wmain-return-type"))
    return true;
  bool split = !strcmp(flag, "-Wcompound-token-split-by-macro");
  if (!split && strcmp(flag, "-Wunused-value") &&
      strcmp(flag, "-Wunused-comparison"))
    return false;
  if (!split && is_deref(parsed, offset))
    return true;
  for (size_t i = 0; i < parsed->macros.count; i++) {
    const struct macro_use *use = &parsed->macros.items[i];
    if (use->transparent && offset >= use->range.begin &&
        offset < use->range.end && use->range.end - use->range.begin > 8)
      return true;
  }
  return false;
}

/* The mark of the dialect that ends before this offset, blanks apart: its
 * name; or NULL. */
static const char *mark_before(const struct parsed *parsed, struct arena *arena,
                               uint32_t offset) {
  const struct source *source = parsed->source;
  for (size_t i = 0; i < parsed->macros.count; i++) {
    const struct macro_use *use = &parsed->macros.items[i];
    if (!use->transparent || use->range.end > offset ||
        source_skip_space(source, use->range.end) != offset)
      continue;
    uint32_t begin = use->range.begin;
    return arena_copy(arena, source->text + begin,
                      source_word_end(source, begin) - begin);
  }
  return NULL;
}

/* ac_timeout (1); and its like are no loops. */
static const char *reword_empty_body(const struct parsed *parsed,
                                     struct arena *arena, const char *text,
                                     uint32_t offset) {
  if (strcmp(text, "while loop has empty body") != 0)
    return text;
  const char *mark = mark_before(parsed, arena, offset);
  return mark ? arena_printf(arena, "'%s' has an empty body", mark) : text;
}

/* What clang underlines, and what it would write instead. Text that came with a
 * macro's expansion or that speaks of a mark cannot be told. */
static void add_ranges(const struct parsed *parsed, struct arena *arena,
                       CXDiagnostic diagnostic, struct diag *diag) {
  const struct source *source = parsed->source;
  for (unsigned i = 0; i < clang_getDiagnosticNumRanges(diagnostic); i++) {
    CXSourceRange range = clang_getDiagnosticRange(diagnostic, i);
    uint32_t begin = parsed_offset(parsed, clang_getRangeStart(range));
    uint32_t end = parsed_offset(parsed, clang_getRangeEnd(range));
    if (begin == UINT32_MAX || end == UINT32_MAX || begin >= end)
      continue;
    struct range original = {source_original(source, begin),
                             source_original(source, end)};
    vector_push(arena, &diag->underlined, original);
  }
  for (unsigned i = 0; i < clang_getDiagnosticNumFixIts(diagnostic); i++) {
    CXSourceRange range;
    const char *text =
        parsed_text(arena, clang_getDiagnosticFixIt(diagnostic, i, &range));
    struct range legible = {parsed_offset(parsed, clang_getRangeStart(range)),
                            parsed_offset(parsed, clang_getRangeEnd(range))};
    diag->no_fixits |= strstr(text, "swiftcall") || strstr(text, "ac__");
    diag_fix(arena, diag, source, legible, text);
  }
}

/* f() lacks its void: where the parentheses of the declaration that says
 * `async` here are empty. */
static void offer_void(const struct source *source, struct arena *arena,
                       struct diag *diag, uint32_t offset) {
  for (uint32_t at = offset; at < source->bytes; at++) {
    char c = source->text[at];
    if (c == ';' || c == '{')
      return;
    if (c != '(' || source->text[source_skip_space(source, at + 1)] != ')')
      continue;
    diag_fix(arena, diag, source, (struct range){at + 1, at + 1}, "void");
    return;
  }
}

static bool is_include(const struct source *source, uint32_t at) {
  const char *text = source->original;
  while (text[at] == ' ' || text[at] == '\t')
    at++;
  if (text[at++] != '#')
    return false;
  while (text[at] == ' ' || text[at] == '\t')
    at++;
  return !strncmp(text + at, "include", 7);
}

/* A word without its header: after the includes before this line. */
static void offer_include(const struct source *source, struct arena *arena,
                          struct diag *diag, const char *include) {
  uint32_t at = 0;
  for (uint32_t line = 1; line < diag->line; line++)
    if (is_include(source, source->lines.items[line - 1]))
      at = source->lines.items[line];
  struct fixit fixit = {{at, at}, include};
  vector_push(arena, &diag->fixits, fixit);
}

static bool is_told(const struct diags *diags, const char *beginning) {
  for (size_t i = 0; i < diags->items.count; i++)
    if (!strncmp(diags->items.items[i].text, beginning, strlen(beginning)))
      return true;
  return false;
}

/* The fix-its of messages that clang does not know the cure for. */
static void add_cure(const struct parsed *parsed, struct diags *diags,
                     struct diag *diag, uint32_t offset) {
  static const char *const includes[][2] = {
      {"unknown type name 'async'", "#include <ac/async.h>\n"},
      {"unknown type name '_Async'", "#include <ac/ac.h>\n"}};
  /* Without the words, clang's guesses are about another language. */
  for (size_t i = 0; i < sizeof includes / sizeof *includes; i++)
    diag->no_fixits |= is_told(diags, includes[i][0]);
  if (!strcmp(diag->text, WORDS_NO_PROTOTYPE))
    offer_void(parsed->source, diags->arena, diag, offset);
  for (size_t i = 0; i < sizeof includes / sizeof *includes; i++) {
    if (strncmp(diag->text, includes[i][0], strlen(includes[i][0])) != 0)
      continue;
    if (!is_told(diags, includes[i][0]))
      offer_include(parsed->source, diags->arena, diag, includes[i][1]);
  }
}

static void add_clang(const struct parsed *parsed, struct diags *diags,
                      CXDiagnostic diagnostic, bool is_note) {
  struct arena *arena = diags->arena;
  enum CXDiagnosticSeverity severity = clang_getDiagnosticSeverity(diagnostic);
  if (severity == CXDiagnostic_Ignored)
    return;
  const char *flag =
      parsed_text(arena, clang_getDiagnosticOption(diagnostic, NULL));
  CXFile file;
  unsigned line, column, offset;
  clang_getFileLocation(clang_getDiagnosticLocation(diagnostic), &file, &line,
                        &column, &offset);
  const struct source *source = parsed->source;
  bool in_main = file && clang_File_isEqual(file, parsed->file);
  if (is_artifact(parsed, in_main ? offset : UINT32_MAX, flag))
    return;
  const char *text = words_of_user(
      arena, parsed_text(arena, clang_getDiagnosticSpelling(diagnostic)));
  if (in_main)
    text = reword_empty_body(parsed, arena, text, offset);
  /* How a word of the dialect is spelled for clang is nobody's business. */
  if (is_note && (words_is_mark_note(text) || is_marks_header(file)))
    return;
  struct diag diag = {
      .severity = is_note || severity == CXDiagnostic_Note ? SEVERITY_NOTE
                  : severity == CXDiagnostic_Warning       ? SEVERITY_WARNING
                                                           : SEVERITY_ERROR,
      .text = text,
      .flag = *flag && severity != CXDiagnostic_Note ? flag : NULL};
  if (diag.severity == SEVERITY_NOTE)
    diag.flag = NULL;
  if (diag.severity == SEVERITY_WARNING && words_is_violation(text, flag)) {
    diag.severity = SEVERITY_ERROR;
    diag.flag = NULL;
  }
  if (in_main) {
    uint32_t original = source_original(source, offset);
    diag.file = source->name;
    diag.source = source;
    diag.line = source_line(source, original);
    diag.column = source_column(source, original);
    diag.line_text =
        line_in(arena, source->original, source->original_bytes, original);
    add_ranges(parsed, arena, diagnostic, &diag);
    add_cure(parsed, diags, &diag, offset);
  } else if (file) {
    diag.file = parsed_text(arena, clang_getFileName(file));
    diag.line = line;
    diag.column = column;
    size_t bytes;
    const char *contents = clang_getFileContents(parsed->tu, file, &bytes);
    diag.line_text = line_in(arena, contents, bytes, offset);
  }
  diag_add(diags, diag);
  CXDiagnosticSet notes = clang_getChildDiagnostics(diagnostic);
  for (unsigned i = 0; i < clang_getNumDiagnosticsInSet(notes); i++) {
    CXDiagnostic note = clang_getDiagnosticInSet(notes, i);
    add_clang(parsed, diags, note, true);
    clang_disposeDiagnostic(note);
  }
}

bool add_diagnostics(struct parsed *parsed, struct diags *diags) {
  bool failed = false;
  for (unsigned i = 0; i < clang_getNumDiagnostics(parsed->tu); i++) {
    CXDiagnostic diagnostic = clang_getDiagnostic(parsed->tu, i);
    if (clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error) {
      failed = true;
      uint32_t offset =
          parsed_offset(parsed, clang_getDiagnosticLocation(diagnostic));
      struct range place = {offset, offset == UINT32_MAX ? offset : offset + 1};
      vector_push(diags->arena, &parsed->errors, place);
    }
    add_clang(parsed, diags, diagnostic, false);
    clang_disposeDiagnostic(diagnostic);
  }
  return failed;
}

void add_pollution(const struct parsed *parsed, struct diags *diags,
                   bool failed) {
  CXFile last = NULL;
  if (!diag_warns(diags, WARNING_KEYWORD_IN_HEADER))
    return;
  for (size_t i = 0; i < parsed->pollution.count; i++) {
    const struct pollution *pollution = &parsed->pollution.items[i];
    CXFile file;
    unsigned line, column, offset;
    clang_getFileLocation(pollution->location, &file, &line, &column, &offset);
    if (!file || (last && clang_File_isEqual(file, last)) ||
        (!failed && !clang_Location_isInSystemHeader(pollution->location)))
      continue;
    last = file;
    size_t bytes;
    const char *contents = clang_getFileContents(parsed->tu, file, &bytes);
    diag_add(diags,
             (struct diag){
                 .severity = SEVERITY_WARNING,
                 .file = parsed_text(diags->arena, clang_getFileName(file)),
                 .line = line,
                 .column = column,
                 .line_text = line_in(diags->arena, contents, bytes, offset),
                 .flag = warning_flag(WARNING_KEYWORD_IN_HEADER),
                 .text = arena_printf(
                     diags->arena,
                     "the keyword '%s' of <ac/async.h> is read in this header; "
                     "include <ac/async.h> last",
                     pollution->word)});
  }
}

void add_refusal(const struct source *source, const struct options *options,
                 struct diags *diags) {
  bool told = false;
  for (size_t i = 0; i < options->parse_args.count; i++) {
    const char *word = options->parse_args.items[i];
    bool separate = !strcmp(word, "-target") || !strcmp(word, "--target");
    const char *value = NULL;
    if (separate && i + 1 < options->parse_args.count)
      value = options->parse_args.items[++i];
    else if (!strncmp(word, "-std=", 5) || !strncmp(word, "--target=", 9))
      value = strchr(word, '=') + 1;
    if (!value)
      continue;
    diag_plain(diags,
               strncmp(word, "-std=", 5)
                   ? "no C for the target '%s'"
                   : "'%s' is no standard of C that clang knows",
               value);
    told = true;
  }
  if (!told)
    diag_plain(diags, "libclang could not parse '%s'", source->name);
}
