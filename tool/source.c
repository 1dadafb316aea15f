/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "source.h"

#include "buf.h"

#include <ctype.h>
#include <string.h>

void source_init(struct source *source, struct arena *arena, const char *name,
                 const char *text, size_t bytes) {
  *source = (struct source){.arena = arena,
                            .name = name,
                            .original = text,
                            .original_bytes = (uint32_t)bytes,
                            .text = text,
                            .bytes = (uint32_t)bytes};
  vector_push(arena, &source->lines, 0);
  for (uint32_t i = 0; i < bytes; i++)
    if (text[i] == '\n')
      vector_push(arena, &source->lines, i + 1);
}

bool source_splice(struct source *source, uint32_t begin, uint32_t end,
                   const char *text) {
  size_t at = source->splices.count; /* they mostly come in order */
  while (at > 0 && source->splices.items[at - 1].begin >= begin)
    at--;
  if (at > 0 && source->splices.items[at - 1].end > begin)
    return false;
  if (at < source->splices.count && source->splices.items[at].begin < end)
    return false;
  struct splice splice = {begin, end, text, (uint32_t)strlen(text), begin};
  vector_push(source->arena, &source->splices, splice);
  for (size_t i = source->splices.count - 1; i > at; i--)
    source->splices.items[i] = source->splices.items[i - 1];
  source->splices.items[at] = splice;
  return true;
}

void source_replace(struct source *source, uint32_t begin, uint32_t end,
                    const char *text) {
  size_t kept = 0;
  for (size_t i = 0; i < source->splices.count; i++) {
    const struct splice *splice = &source->splices.items[i];
    if (splice->begin < begin || splice->end > end)
      source->splices.items[kept++] = *splice;
  }
  source->splices.count = kept;
  source_splice(source, begin, end, text);
}

void source_apply(struct source *source) {
  struct buf text = {0};
  uint32_t at = 0;
  for (size_t i = 0; i < source->splices.count; i++) {
    struct splice *splice = &source->splices.items[i];
    buf_add(&text, source->original + at, splice->begin - at);
    splice->at = (uint32_t)text.length;
    buf_add(&text, splice->text, splice->bytes);
    at = splice->end;
  }
  buf_add(&text, source->original + at, source->original_bytes - at);
  source->text = arena_copy(source->arena, text.text, text.length);
  source->bytes = (uint32_t)text.length;
  buf_free(&text);
}

/* The last splice that begins at or before a legible offset, or NULL. */
static const struct splice *splice_before(const struct source *source,
                                          uint32_t offset) {
  size_t low = 0, high = source->splices.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (source->splices.items[middle].at <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low ? &source->splices.items[low - 1] : NULL;
}

const struct splice *source_splice_at(const struct source *source,
                                      uint32_t offset) {
  const struct splice *splice = splice_before(source, offset);
  return splice && offset < splice->at + splice->bytes ? splice : NULL;
}

uint32_t source_original(const struct source *source, uint32_t offset) {
  const struct splice *splice = splice_before(source, offset);
  if (!splice)
    return offset;
  return offset < splice->at + splice->bytes
             ? splice->begin
             : splice->end + (offset - splice->at - splice->bytes);
}

bool source_is_spliced(const struct source *source, uint32_t offset) {
  return source_splice_at(source, offset) != NULL;
}

uint32_t source_line(const struct source *source, uint32_t original) {
  size_t low = 0, high = source->lines.count;
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    if (source->lines.items[middle] <= original)
      low = middle;
    else
      high = middle;
  }
  return (uint32_t)low + 1;
}

uint32_t source_column(const struct source *source, uint32_t original) {
  uint32_t line = source_line(source, original);
  return original - source->lines.items[line - 1] + 1;
}

uint32_t source_line_at(const struct source *source, uint32_t offset) {
  return source_line(source, source_original(source, offset));
}

uint32_t source_skip_space(const struct source *source, uint32_t offset) {
  const char *text = source->text;
  while (offset < source->bytes) {
    if (isspace((unsigned char)text[offset])) {
      offset++;
    } else if (text[offset] == '\\' && offset + 1 < source->bytes &&
               text[offset + 1] == '\n') {
      offset += 2;
    } else if (text[offset] == '/' && offset + 1 < source->bytes &&
               text[offset + 1] == '*') {
      const char *close = strstr(text + offset + 2, "*/");
      offset = close ? (uint32_t)(close - text) + 2 : source->bytes;
    } else if (text[offset] == '/' && offset + 1 < source->bytes &&
               text[offset + 1] == '/') {
      while (offset < source->bytes && text[offset] != '\n')
        offset += text[offset] == '\\' ? 2 : 1;
    } else {
      break;
    }
  }
  return offset < source->bytes ? offset : source->bytes;
}

uint32_t source_word_end(const struct source *source, uint32_t offset) {
  while (offset < source->bytes &&
         (isalnum((unsigned char)source->text[offset]) ||
          source->text[offset] == '_' || source->text[offset] == '$' ||
          (unsigned char)source->text[offset] >= 0x80))
    offset++;
  return offset;
}

bool source_word_is(const struct source *source, uint32_t offset,
                    const char *word) {
  size_t length = strlen(word);
  return source_word_end(source, offset) - offset == length &&
         strncmp(source->text + offset, word, length) == 0;
}

uint32_t source_find_word(const struct source *source, uint32_t begin,
                          uint32_t end, const char *word) {
  for (uint32_t at = begin; at < end;) {
    at = source_skip_space(source, at);
    if (at < end && source_word_is(source, at, word))
      return at;
    uint32_t after = source_word_end(source, at);
    at = after > at ? after : at + 1;
  }
  return UINT32_MAX;
}

/* Goes on to what is neither blank nor in a comment, a string or a character
 * constant. False: the text has ended. */
static bool find_code(const struct source *source, uint32_t *at) {
  for (;;) {
    *at = source_skip_space(source, *at);
    if (*at >= source->bytes)
      return false;
    char quote = source->text[*at];
    if (quote != '"' && quote != '\'')
      return true;
    for (++*at; *at < source->bytes && source->text[*at] != quote; ++*at)
      *at += source->text[*at] == '\\';
    ++*at;
  }
}

uint32_t source_closing(const struct source *source, uint32_t open) {
  int depth = 0;
  for (uint32_t at = open; find_code(source, &at); at++) {
    depth += source->text[at] == '(';
    depth -= source->text[at] == ')';
    if (!depth)
      return at;
  }
  return open;
}

uint32_t source_semicolon(const struct source *source, uint32_t at, int n) {
  int depth = 0;
  for (; find_code(source, &at); at++) {
    char c = source->text[at];
    if (strchr("([{", c))
      depth++;
    else if (strchr(")]}", c))
      depth--;
    else if (c == ';' && depth == 1 && n-- == 0)
      return at;
  }
  return UINT32_MAX;
}
