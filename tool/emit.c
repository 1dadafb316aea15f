/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The file is copied from front to back; at each piece the copy stops, and what
 * stands for it is printed. */
#include "emit_parts.h"

/* Conditionals that begin or end inside a replaced stretch, and not both:
 * they are kept, behind what replaces it. */
static void print_open_conditionals(struct emitter *e, struct range range) {
  const struct source *source = e->source;
  VECTOR(struct range) open = {0};
  size_t depth = 0; /* of those in `open` that are an #if */
  for (size_t i = 0; i < e->unit->conditionals.count; i++) {
    struct range line = e->unit->conditionals.items[i];
    if (line.begin < range.begin || line.begin >= range.end)
      continue;
    uint32_t word = source_skip_space(source, line.begin + 1);
    bool begins = source_word_is(source, word, "if") ||
                  source_word_is(source, word, "ifdef") ||
                  source_word_is(source, word, "ifndef");
    if (begins) {
      depth++;
      vector_push(e->arena, &open, line);
    } else if (depth && source_word_is(source, word, "endif")) {
      depth--;
      do {
        open.count--;
        word = source_skip_space(source, open.items[open.count].begin + 1);
      } while (source->text[word] != 'i'); /* back to its #if */
    } else {
      vector_push(e->arena, &open, line);
    }
  }
  for (size_t i = 0; i < open.count; i++) {
    writer_newline(&e->w);
    writer_add(&e->w, source->text + open.items[i].begin,
               open.items[i].end - open.items[i].begin);
    writer_newline(&e->w);
    e->w.line = 0;
  }
}

/* User text from one offset to another, under the user's own lines. */
static void copy_user(struct emitter *e, uint32_t begin, uint32_t end) {
  if (begin >= end)
    return;
  if (e->w.line_start || e->w.quiet_now)
    writer_line(&e->w, source_line_at(e->source, begin));
  copy_source(e, begin, end);
}

static void print_prologue(struct emitter *e) {
  buf_printf(e->w.out,
             "/* Made by acc from %s. What it generates is the user's own. "
             "*/\n#define AC_GENERATED 1\n",
             e->source->name);
  /* A function with code before the first line marker: without one, binutils
   * name this file and not the source for every line of it. */
  if (e->w.markers)
    buf_puts(e->w.out, "__attribute__((used)) static void ac_unit_begin(void) "
                       "{}\n");
}

void emit_unit(struct unit *unit, const struct options *options,
               struct buf *out) {
  struct emitter e = {.unit = unit,
                      .arena = unit->arena,
                      .source = unit->source,
                      .options = options,
                      .w = {.out = out,
                            .file = unit->source->name,
                            .markers = options->line_directives,
                            .line_start = true}};
  print_prologue(&e);
  uint32_t at = 0;
  uint32_t anchor = UINT32_MAX;
  for (size_t i = 0; i < unit->pieces.count; i++) {
    struct piece *piece = unit->pieces.items[i];
    if (piece->anchor != anchor) {
      struct needs needs;
      anchor = piece->anchor;
      gather_needs(&e, i, &needs);
      copy_user(&e, at, anchor);
      at = anchor;
      if (piece->tag.end) {
        copy_user(&e, piece->tag.begin, piece->tag.end);
        writer_puts(&e.w, ";\n");
      }
      print_needs(&e, &needs, anchor);
    }
    if (piece->range.begin < at)
      continue;
    copy_user(&e, at, piece->range.begin);
    at = piece->range.end;
    if (piece->function) {
      writer_newline(&e.w);
      print_function(&e, piece->function);
      print_open_conditionals(&e, piece->range);
    } else if (piece->expr) {
      print_expr(&e, piece->expr);
    } else if (piece->drop) {
      at = source_skip_space(unit->source, at);
      at += at < unit->source->bytes && unit->source->text[at] == ';';
    }
  }
  copy_user(&e, at, unit->source->bytes);
  writer_newline(&e.w);
}
