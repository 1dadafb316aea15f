/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Lines of the preprocessor that stand inside functions. */
#include "build_parts.h"

static bool is_conditional(const struct source *source, uint32_t word) {
  static const char *const names[] = {"if",   "ifdef",   "ifndef",   "elif",
                                      "else", "elifdef", "elifndef", "endif"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (source_word_is(source, word, names[i]))
      return true;
  return false;
}

void find_directives(struct builder *b) {
  const struct source *source = b->parsed->source;
  CXSourceRangeList *skipped =
      clang_getSkippedRanges(b->parsed->tu, b->parsed->file);
  bool line_start = true;
  for (uint32_t at = 0; at < source->bytes; at++) {
    char c = source->text[at];
    if (c == '\n') {
      line_start = true;
      continue;
    }
    if (c == ' ' || c == '\t')
      continue;
    bool first = line_start;
    line_start = false;
    if (c != '#' || !first)
      continue;
    uint32_t end = at;
    while (end < source->bytes && source->text[end] != '\n')
      end += source->text[end] == '\\' ? 2 : 1;
    uint32_t word = source_skip_space(source, at + 1);
    bool wanted = source_word_is(source, word, "define") ||
                  source_word_is(source, word, "undef") ||
                  source_word_is(source, word, "pragma") ||
                  source_word_is(source, word, "include");
    for (unsigned i = 0; skipped && i < skipped->count && wanted; i++) {
      uint32_t from =
          parsed_offset(b->parsed, clang_getRangeStart(skipped->ranges[i]));
      uint32_t to =
          parsed_offset(b->parsed, clang_getRangeEnd(skipped->ranges[i]));
      if (at > from && at < to)
        wanted = false;
    }
    struct range range = {at, end < source->bytes ? end : source->bytes};
    if (wanted)
      vector_push(b->arena, &b->unit->directives, range);
    else if (is_conditional(source, word))
      vector_push(b->arena, &b->unit->conditionals, range);
    at = range.end;
    line_start = true;
  }
  for (unsigned i = 0; skipped && i < skipped->count; i++) {
    struct range range = {
        parsed_offset(b->parsed, clang_getRangeStart(skipped->ranges[i])),
        parsed_offset(b->parsed, clang_getRangeEnd(skipped->ranges[i]))};
    if (range.begin != UINT32_MAX && range.end != UINT32_MAX)
      vector_push(b->arena, &b->unit->skipped, range);
  }
  clang_disposeSourceRangeList(skipped);
}
