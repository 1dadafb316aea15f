/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The struct that a function's frame is, and the descriptor that names it. */
#include "emit_parts.h"

static void print_member(struct emitter *e, const struct member *member,
                         int depth) {
  e->depth = depth;
  writer_newline(&e->w);
  indent(e);
  if (member->local && member->local->align_text)
    writer_printf(&e->w, "%s ", member->local->align_text);
  if (member->raw) {
    writer_printf(
        &e->w, "_Alignas(%lld) unsigned char %s[%lld];",
        (long long)(member->type->align > 0 ? member->type->align : 1),
        member->name, (long long)member->type->size);
    return;
  }
  writer_printf(&e->w, "%s;", type_text(e, member->type, member->name));
}

/* A #pragma pack is for the user's structs. */
static bool is_packed(const struct emitter *e, uint32_t at) {
  for (size_t i = 0; i < e->unit->directives.count; i++) {
    uint32_t begin = e->unit->directives.items[i].begin;
    uint32_t word = source_skip_space(e->source, begin + 1);
    if (begin < at && source_word_is(e->source, word, "pragma") &&
        source_word_is(
            e->source,
            source_skip_space(e->source, source_word_end(e->source, word)),
            "pack"))
      return true;
  }
  return false;
}

void print_frame(struct emitter *e, const struct function *f) {
  bool packed = is_packed(e, f->range.begin);
  if (packed)
    writer_puts(&e->w, "#pragma pack(push)\n#pragma pack()\n");
  writer_printf(&e->w, "struct %s__frame {\n  ac_frame ac_head;", f->name);
  for (size_t i = 0; i < f->slots.count; i++) {
    const struct slot *slot = &f->slots.items[i];
    if (slot->members.count == 1) {
      print_member(e, &slot->members.items[0], 1);
      continue;
    }
    writer_puts(&e->w, "\n  union {");
    for (size_t j = 0; j < slot->members.count; j++)
      print_member(e, &slot->members.items[j], 2);
    writer_puts(&e->w, "\n  };");
  }
  writer_puts(&e->w, "\n};\n");
  if (packed)
    writer_puts(&e->w, "#pragma pack(pop)\n");
}

static void print_string(struct emitter *e, const char *text) {
  writer_puts(&e->w, "\"");
  for (const char *c = text; *c; c++) {
    if (*c == '"' || *c == '\\')
      writer_puts(&e->w, "\\");
    writer_add(&e->w, c, 1);
  }
  writer_puts(&e->w, "\"");
}

void print_descriptor(struct emitter *e, const struct function *f) {
  writer_printf(&e->w, "static const struct ac_point %s__points[] = {",
                f->name);
  for (size_t i = 0; i < f->awaits.count; i++)
    writer_printf(&e->w, "%s{%u}", i ? ", " : "",
                  source_line_at(e->source, f->awaits.items[i]->offset));
  writer_printf(&e->w,
                "};\n%sstatic ac_frame *%s__resume(ac_frame *ac_head, ac_frame "
                "*ac_status);\nstatic const struct ac_desc %s__desc = {\n"
                "  %s__resume, \"%s\", ",
                f->attributes.code, f->name, f->name, f->name, f->name);
  print_string(e, e->source->name);
  writer_printf(&e->w,
                ", %s__points, %zu,\n  sizeof(struct %s__frame), "
                "_Alignof(struct %s__frame)};\n",
                f->name, f->awaits.count, f->name, f->name);
}
