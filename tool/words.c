/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "words.h"

#include "buf.h"

#include <ctype.h>
#include <string.h>

static bool starts(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "typeof(X)" or "typeof (X)" to "X", as often as it stands there. */
static const char *without_typeof(struct arena *arena, const char *text) {
  for (;;) {
    const char *inner = text;
    if (starts(inner, "__"))
      inner += 2;
    if (!starts(inner, "typeof"))
      return text;
    inner += 6;
    if (starts(inner, "__"))
      inner += 2;
    while (*inner == ' ')
      inner++;
    size_t length = strlen(inner);
    if (*inner != '(' || length < 2 || inner[length - 1] != ')')
      return text;
    text = arena_copy(arena, inner + 1, length - 2);
  }
}

/* Reads `__attribute__((address_space(N))) T *` at *at; writes `ac_task(T)`. */
static bool take_handle(struct arena *arena, struct buf *out,
                        const char **at) {
  static const struct {
    const char *mark, *word;
  } kinds[] = {{"__attribute__((address_space(44033))) ", "ac_task"},
               {"__attribute__((address_space(44034))) ", "ac_future"},
               {"__attribute__((address_space(44035))) ", "ac_coro"},
               {"__attribute__((address_space(44036))) ", "ac_yields"}};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!starts(*at, kinds[i].mark))
      continue;
    const char *type = *at + strlen(kinds[i].mark), *end = type;
    int depth = 0;
    while (*end && *end != '\'' && !(depth == 0 && *end == '*')) {
      depth += *end == '(';
      depth -= *end == ')';
      end++;
    }
    if (*end != '*') { /* the lvalue that a handle yields */
      *at = type;
      return true;
    }
    const char *last = end;
    while (last > type && last[-1] == ' ')
      last--;
    const char *name = without_typeof(
        arena, arena_copy(arena, type, (size_t)(last - type)));
    buf_printf(out, "%s(%s)", kinds[i].word, name);
    *at = end + 1;
    return true;
  }
  return false;
}

static const char *const reworded[][2] = {
    {"function with no prototype cannot use", WORDS_NO_PROTOTYPE},
    {"variadic function cannot use",
     "a variadic function cannot be async"},
    {"'async' attribute only applies to",
     "'async' applies only to functions and to pointers to them"},
    {"'async' only applies to",
     "'async' applies only to functions and to pointers to them"},
    {"function type may not be qualified with an address space",
     "a handle yields a value, and a function is none; call it"},
    {"unknown type name 'async'",
     "unknown type name 'async'; include <ac/async.h>, last"},
    {"unknown type name '_Async'",
     "unknown type name '_Async'; include <ac/ac.h>"}};

/* "'ac_task(typeof (f()))' (aka 'ac_task(int)')": the second says it all. */
static void prefer_aka(char *text) {
  static const char *const words[] = {"'ac_task(", "'ac_future(", "'ac_coro(",
                                      "'ac_yields("};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    for (char *type = strstr(text, words[i]); type;
         type = strstr(type + 1, words[i])) {
      char *close = strchr(type + 1, '\'');
      char *aka = close && starts(close + 1, " (aka '") ? close + 7 : NULL;
      char *end = aka ? strchr(aka + 1, '\'') : NULL;
      if (!end || end[1] != ')')
        continue;
      memmove(end + 1, end + 2, strlen(end + 2) + 1);
      memmove(type, aka, strlen(aka) + 1);
    }
}

const char *words_of_user(struct arena *arena, const char *message) {
  static const char convention[] = " __attribute__((swiftcall))";
  struct buf out = {0};
  const char *at = message;
  size_t quote = 0; /* in out, after the ' that opened the current type */
  bool open = false;
  buf_puts(&out, "");
  while (*at) {
    if (take_handle(arena, &out, &at))
      continue;
    if (starts(at, convention)) {
      at += sizeof convention - 1;
      if (open && strncmp(out.text + quote, "async ", 6) != 0) {
        const char *type = arena_copy(arena, out.text + quote,
                                      out.length - quote);
        out.length = quote;
        buf_puts(&out, "async ");
        buf_puts(&out, type);
      }
      continue;
    }
    if (starts(at, "__attribute__((swiftcall))")) {
      buf_puts(&out, "async");
      at += strlen("__attribute__((swiftcall))");
      continue;
    }
    if (starts(at, "swiftcall")) {
      buf_puts(&out, "async");
      at += strlen("swiftcall");
      continue;
    }
    if (starts(at, "_Async ")) {
      buf_puts(&out, "async ");
      at += 7;
      continue;
    }
    if (starts(at, "without calling convention")) {
      buf_puts(&out, "without 'async'");
      at += strlen("without calling convention");
      continue;
    }
    buf_add(&out, at, 1);
    if (*at == '\'') {
      open = !open;
      quote = out.length;
    }
    at++;
  }
  char *text = arena_copy(arena, out.text, out.length);
  buf_free(&out);
  for (size_t i = 0; i < sizeof reworded / sizeof *reworded; i++)
    if (strstr(text, reworded[i][0]))
      return reworded[i][1];
  prefer_aka(text);
  /* "'T' (aka 'T')" says nothing. */
  for (char *aka = strstr(text, " (aka '"); aka; aka = strstr(aka, " (aka '")) {
    char *close = strchr(aka + 7, '\'');
    size_t length = close ? (size_t)(close - (aka + 7)) : 0;
    if (close && close[1] == ')' && aka > text && aka[-1] == '\'' &&
        (size_t)(aka - text) >= length + 2 &&
        !strncmp(aka - 1 - length, aka + 7, length) &&
        aka[-2 - (ptrdiff_t)length] == '\'')
      memmove(aka, close + 2, strlen(close + 2) + 1);
    else
      aka++;
  }
  return text;
}

bool words_is_mark_note(const char *message) {
  static const char *const macros[] = {"'ac_",   "'AC__",   "'async'",
                                       "'await", "'defer'", "'_A", "'_Defer"};
  if (!starts(message, "expanded from macro "))
    return false;
  for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
    if (starts(message + strlen("expanded from macro "), macros[i]))
      return true;
  return false;
}

bool words_is_violation(const char *message, const char *flag) {
  if (!strcmp(flag, "-Wignored-attributes"))
    return strstr(message, "'async' applies only") != NULL;
  if (!strncmp(flag, "-Wincompatible-pointer-types", 28) ||
      !strcmp(flag, "-Wint-conversion"))
    return strstr(message, "'ac_task(") || strstr(message, "'ac_future(") ||
           strstr(message, "'ac_coro(") || strstr(message, "'ac_yields(");
  return false;
}

/* The offset after a comment, literal or directive at `at`, or `at`. */
static uint32_t skip_opaque(const struct source *source, uint32_t at,
                            bool line_start) {
  const char *text = source->text;
  uint32_t end = source->bytes;
  if (text[at] == '"' || text[at] == '\'') {
    char quote = text[at++];
    while (at < end && text[at] != quote && text[at] != '\n')
      at += text[at] == '\\' ? 2 : 1;
    return at < end ? at + 1 : end;
  }
  if (text[at] == '#' && line_start) {
    while (at < end && text[at] != '\n') {
      if (text[at] == '/' && at + 1 < end && text[at + 1] == '*')
        at = source_skip_space(source, at);
      else
        at += text[at] == '\\' ? 2 : 1;
    }
    return at < end ? at : end;
  }
  return at;
}

/* The end of NAME ( [..] | .NAME | ->NAME )*, or 0. */
static uint32_t handle_path(const struct source *source, uint32_t at) {
  const char *text = source->text;
  uint32_t end = source_word_end(source, at);
  if (end == at || isdigit((unsigned char)text[at]))
    return 0;
  for (;;) {
    at = source_skip_space(source, end);
    if (at < source->bytes && text[at] == '[') {
      int depth = 0;
      do {
        depth += text[at] == '[';
        depth -= text[at] == ']';
        at++;
      } while (at < source->bytes && depth && text[at] != ';');
      if (depth)
        return 0;
      end = at;
    } else if (at + 1 < source->bytes &&
               (text[at] == '.' || (text[at] == '-' && text[at + 1] == '>'))) {
      at = source_skip_space(source, at + (text[at] == '.' ? 1 : 2));
      end = source_word_end(source, at);
      if (end == at)
        return 0;
    } else {
      return text[at] == '(' || source_word_end(source, at) != at ? 0 : end;
    }
  }
}

bool words_guess_handles(struct source *source) {
  bool guessed = false, line_start = true;
  const char *text = source->text;
  for (uint32_t at = 0; at < source->bytes;) {
    uint32_t next = skip_opaque(source, at, line_start);
    if (next == at && text[at] == '/')
      next = source_skip_space(source, at);
    if (next > at) {
      at = next;
      continue;
    }
    uint32_t end = source_word_end(source, at);
    if (end == at) {
      line_start = text[at] == '\n' ||
                   (line_start && (text[at] == ' ' || text[at] == '\t'));
      at++;
      continue;
    }
    line_start = false;
    if (source_word_is(source, at, "await") &&
        handle_path(source, source_skip_space(source, end))) {
      source_splice(source, at, end, "*    ");
      guessed = true;
    }
    at = end;
  }
  if (guessed)
    source_apply(source);
  return guessed;
}

bool words_async_main(const struct source *source, uint32_t begin,
                      uint32_t name) {
  if (begin == UINT32_MAX || name == UINT32_MAX || begin >= name)
    return false;
  if (!source_word_is(source, name, "main"))
    return false;
  for (uint32_t at = begin; at < name;) {
    at = source_skip_space(source, at);
    uint32_t end = source_word_end(source, at);
    if (source_word_is(source, at, "async") ||
        source_word_is(source, at, "_Async"))
      return true;
    at = end > at ? end : at + 1;
  }
  return false;
}

bool words_has_keywords(const struct source *source) {
  return strstr(source->original, "ac/async.h") != NULL;
}
