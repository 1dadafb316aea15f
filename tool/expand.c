/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * libclang does not give the text of an expansion, so the compiler itself is
 * asked: each invocation is put between two marks in a copy of the file, the
 * copy preprocessed once, and the text between the marks taken out. With
 * __ACC_EXPAND__ defined the dialect's own words are no macros and stay. */
#include "expand.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int by_begin(const void *a, const void *b) {
  const struct range *x = a, *y = b;
  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return x->end > y->end ? -1 : x->end < y->end;
}

/* Original ranges, sorted, the nested ones left out. */
static size_t outermost(const struct source *source, const struct range *ranges,
                        size_t count, struct range *result) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (source_is_spliced(source, ranges[i].begin))
      continue;
    result[kept++] = (struct range){source_original(source, ranges[i].begin),
                                    source_original(source, ranges[i].end)};
  }
  qsort(result, kept, sizeof *result, by_begin);
  size_t last = 0;
  for (size_t i = 1; i < kept; i++)
    if (result[i].begin >= result[last].end)
      result[++last] = result[i];
  return kept ? last + 1 : 0;
}

static int marked_copy(const struct source *source, const struct range *ranges,
                       size_t count) {
  struct buf text = {0};
  buf_printf(&text, "#line 1 \"");
  for (const char *c = source->name; *c; c++)
    buf_printf(&text, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
  buf_puts(&text, "\"\n");
  uint32_t at = 0;
  for (size_t i = 0; i < count; i++) {
    buf_add(&text, source->original + at, ranges[i].begin - at);
    buf_printf(&text, " __acc_begin_%zu__ ", i);
    buf_add(&text, source->original + ranges[i].begin,
            ranges[i].end - ranges[i].begin);
    buf_printf(&text, " __acc_end_%zu__ ", i);
    at = ranges[i].end;
  }
  buf_add(&text, source->original + at, source->original_bytes - at);
  const char *dir = getenv("TMPDIR");
  char path[4096];
  snprintf(path, sizeof path, "%s/acc-XXXXXX", dir && *dir ? dir : "/tmp");
  int fd = mkstemp(path);
  if (fd >= 0) {
    unlink(path);
    for (size_t done = 0; done < text.length;) {
      ssize_t put = write(fd, text.text + done, text.length - done);
      if (put < 0 && errno == EINTR)
        continue;
      if (put < 0) {
        close(fd);
        fd = -1;
        break;
      }
      done += (size_t)put;
    }
    if (fd >= 0)
      lseek(fd, 0, SEEK_SET);
  }
  buf_free(&text);
  return fd;
}

/* Headers offer another text to each version of gcc: what clang has parsed,
 * and will parse again, is the one for the version that clang claims to be. */
static const char *const clang_version[] = {
    "-U__GNUC__",         "-D__GNUC__=4",          "-U__GNUC_MINOR__",
    "-D__GNUC_MINOR__=2", "-U__GNUC_PATCHLEVEL__", "-D__GNUC_PATCHLEVEL__=1"};

static const char **command(struct arena *arena, const struct options *options,
                            bool as_clang) {
  VECTOR(const char *) words = {0};
  for (size_t i = 0; i < options->cc_command.count; i++)
    vector_push(arena, &words, options->cc_command.items[i]);
  vector_push(arena, &words, "-E");
  vector_push(arena, &words, "-P");
  vector_push(arena, &words, "-dD");
  vector_push(arena, &words, "-w");
  size_t count = sizeof clang_version / sizeof *clang_version;
  for (size_t i = 0; as_clang && i < count; i++)
    vector_push(arena, &words, clang_version[i]);
  for (size_t i = 0; i < options->cc_args.count; i++)
    vector_push(arena, &words, options->cc_args.items[i]);
  vector_push(arena, &words, "-D__ACC__=1");
  vector_push(arena, &words, "-D__ACC_EXPAND__=1");
  vector_push(arena, &words, "-x");
  vector_push(arena, &words, "c");
  vector_push(arena, &words, "-");
  vector_push(arena, &words, NULL);
  return words.items;
}

static bool run(const char **words, int input, struct buf *output) {
  int out[2];
  if (pipe(out) != 0)
    return false;
  pid_t child = fork();
  if (child == 0) {
    dup2(input, STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    close(out[0]);
    close(out[1]);
    close(input);
    execvp(words[0], (char *const *)(void *)words);
    _exit(127);
  }
  close(out[1]);
  bool ok = child > 0 && buf_read_fd(output, out[0]) == 0;
  close(out[0]);
  int status = 0;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  return ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One line, but for the directives that _Pragma brings. */
static const char *tidy(struct arena *arena, const char *text, size_t bytes) {
  struct buf out = {0};
  bool directive = false, line_start = true;
  buf_puts(&out, "");
  for (size_t i = 0; i < bytes; i++) {
    if (text[i] == '\n') {
      if (directive)
        buf_add(&out, "\n", 1);
      else if (out.length && out.text[out.length - 1] != ' ')
        buf_add(&out, " ", 1);
      directive = false;
      line_start = true;
      continue;
    }
    if (line_start && text[i] == '#') {
      directive = true;
      if (!out.length || out.text[out.length - 1] != '\n')
        buf_add(&out, "\n", 1);
    }
    if (text[i] != ' ')
      line_start = false;
    buf_add(&out, &text[i], 1);
  }
  const char *copy = arena_copy(arena, out.text, out.length);
  buf_free(&out);
  return copy;
}

static bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

static size_t word_length(const char *text) {
  size_t length = 0;
  while (is_word(text[length]))
    length++;
  return length;
}

/* The length of the literal that begins here, or 0. */
static size_t literal_length(const char *text) {
  if (*text != '"' && *text != '\'')
    return 0;
  size_t at = 1;
  while (text[at] && text[at] != *text)
    at += text[at] == '\\' && text[at + 1] ? 2 : 1;
  return text[at] ? at + 1 : at;
}

/* The names of the function-like macros there are, sorted; each ends with the
 * parenthesis that follows it. */
struct macros {
  VECTOR(const char *) names;
};

static int by_name(const void *a, const void *b) {
  const char *x = *(const char *const *)a, *y = *(const char *const *)b;
  while (*x == *y && *x != '(')
    x++, y++;
  return (unsigned char)*x - (unsigned char)*y;
}

/* -dD has their definitions, each a line. */
static void find_macros(struct macros *macros, struct arena *arena,
                        const char *preprocessed) {
  static const char define[] = "#define ";
  for (const char *line = preprocessed; *line; line++) {
    if (!strncmp(line, define, sizeof define - 1)) {
      line += sizeof define - 1;
      if (line[word_length(line)] == '(')
        vector_push(arena, &macros->names, line);
    }
    line += strcspn(line, "\n");
    if (!*line)
      break;
  }
  if (macros->names.count)
    qsort(macros->names.items, macros->names.count,
          sizeof *macros->names.items, by_name);
}

static bool is_macro(const struct macros *macros, struct arena *arena,
                     const char *name, size_t length) {
  const char *key = arena_printf(arena, "%.*s(", (int)length, name);
  return macros->names.count &&
         bsearch(&key, macros->names.items, macros->names.count,
                 sizeof *macros->names.items, by_name);
}

/* A macro's own name in its expansion is no macro; nor is it to be one when
 * the expansion is read again: `name (` becomes `(name) (`. */
static const char *protect(struct arena *arena, const struct macros *macros,
                           const char *text) {
  struct buf out = {0};
  buf_puts(&out, "");
  while (*text) {
    size_t length = literal_length(text);
    if (!length && is_word(*text)) {
      length = word_length(text);
      const char *after = text + length + strspn(text + length, " ");
      if (*after == '(' && is_macro(macros, arena, text, length)) {
        buf_puts(&out, "(");
        buf_add(&out, text, length);
        buf_puts(&out, ")");
        text += length;
        continue;
      }
    }
    length = length ? length : 1;
    buf_add(&out, text, length);
    text += length;
  }
  const char *copy = arena_copy(arena, out.text, out.length);
  buf_free(&out);
  return copy;
}

void expand_macros(struct source *source, const struct range *ranges,
                   size_t count, struct arena *arena,
                   const struct options *options, struct diags *diags) {
  struct range *outer = arena_alloc(arena, count * sizeof *outer);
  count = outermost(source, ranges, count, outer);
  int input = marked_copy(source, outer, count);
  if (input < 0) {
    diag_plain(diags, "cannot write a temporary file: %s", strerror(errno));
    return;
  }
  struct buf output = {0};
  const char **words = command(arena, options, true);
  bool ok = run(words, input, &output);
  if (!ok) {
    /* A header that refuses so old a compiler. */
    buf_free(&output);
    output = (struct buf){0};
    lseek(input, 0, SEEK_SET);
    words = command(arena, options, false);
    ok = run(words, input, &output);
  }
  close(input);
  if (!ok) {
    diag_plain(diags,
               "'%s -E' failed; it is needed to expand macros that "
               "hold an await",
               words[0]);
    buf_free(&output);
    return;
  }
  struct macros macros = {0};
  find_macros(&macros, arena, output.text);
  const char *rest = output.text; /* they come in order */
  for (size_t i = 0; i < count; i++) {
    char begin[64], end[64];
    snprintf(begin, sizeof begin, "__acc_begin_%zu__", i);
    snprintf(end, sizeof end, "__acc_end_%zu__", i);
    const char *from = strstr(rest, begin);
    const char *to = from ? strstr(from, end) : NULL;
    if (!to) {
      diag_at(diags, source, SEVERITY_ERROR, outer[i].begin,
              "cannot expand this macro");
      continue;
    }
    rest = to;
    from += strlen(begin);
    const char *text = tidy(arena, from, (size_t)(to - from));
    source_replace(source, outer[i].begin, outer[i].end,
                   protect(arena, &macros, text));
  }
  buf_free(&output);
}
