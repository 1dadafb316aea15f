/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * An async function becomes its frame's struct, its descriptor, its body as one
 * C function that can be entered at each suspension point, and two callers of
 * that body: f__ac begins it on the C stack, without a frame; f__resume goes on
 * in the frame. Both inline it when optimising, so that the first holds no
 * trace of states or frames until it suspends. */
#include "emit_parts.h"

#include <stdlib.h>
#include <string.h>

const char *storage(const struct function *function) {
  return function->is_static ? "static " : "";
}

static void print_params(struct emitter *e, const struct function *f) {
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(
        &e->w, ", %s",
        type_text(e, f->params.items[i]->bare, f->params.items[i]->out_name));
}

/* `int *ac_ret`, `void *ac_ret`, `char **ac_ret` */
static const char *ret_param(struct emitter *e, const struct function *f) {
  return type_text(e, f->result, "*ac_ret");
}

static bool mentions(struct emitter *e, const struct function *f,
                     const char *const *words, size_t count) {
  const struct source *source = e->source;
  bool in_word = false;
  for (uint32_t at = f->range.begin; at < f->range.end; at++) {
    bool begins = !in_word && is_word(source->text[at]);
    in_word = is_word(source->text[at]);
    for (size_t i = 0; begins && i < count; i++)
      if (source_word_is(source, at, words[i]))
        return true;
  }
  return false;
}

static bool mentions_function_name(struct emitter *e,
                                   const struct function *f) {
  static const char *const names[] = {"__func__", "__FUNCTION__",
                                      "__PRETTY_FUNCTION__"};
  return f->has_macros || mentions(e, f, names, sizeof names / sizeof *names);
}

/* A body that must not be inlined, or that gcc refuses to inline. */
static bool stands_alone(struct emitter *e, const struct function *f) {
  static const char *const words[] = {"va_end", "__builtin_va_end"};
  return f->has_label_values ||
         mentions(e, f, words, sizeof words / sizeof *words);
}

/* __func__ inside is the user's name of the function. */
static void print_name_macros(struct emitter *e, const struct function *f,
                              bool define) {
  static const char *const names[] = {"__func__", "__FUNCTION__",
                                      "__PRETTY_FUNCTION__"};
  writer_newline(&e->w);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (define)
      writer_printf(&e->w, "#define %s \"%s\"\n", names[i], f->name);
    else
      writer_printf(&e->w, "#undef %s\n", names[i]);
}

static void print_temporaries(struct emitter *e, const struct function *f) {
  for (size_t i = 0; i < f->locals.count; i++) {
    const struct local *local = f->locals.items[i];
    if (!local->is_temp || local->class == LOCAL_FRAME || local->like ||
        local->address_taken || !local->type->file_scope)
      continue;
    begin_line(e, f->body->range.begin);
    writer_printf(&e->w, "%s = %s;", type_text(e, local->bare, local->out_name),
                  local->type->is_scalar ? "0" : "{0}");
  }
}

static void print_dispatch(struct emitter *e, const struct function *f) {
  uint32_t at = f->body->range.begin;
  if (!f->awaits.count)
    return;
  begin_line(e, at);
  writer_puts(&e->w, "switch (ac_state) {");
  begin_line(e, at);
  writer_puts(&e->w, "case 0: break;");
  for (size_t i = 0; i < f->awaits.count; i++) {
    begin_line(e, at);
    writer_printf(&e->w, "case %zu: goto ac_resume_%zu;", i + 1, i + 1);
  }
  begin_line(e, at);
  writer_puts(&e->w, "default: __builtin_unreachable();");
  begin_line(e, at);
  writer_puts(&e->w, "}");
}

static void print_body(struct emitter *e, struct function *f) {
  print_temporaries(e, f);
  print_dispatch(e, f);
  for (size_t i = 0; i < f->params.count; i++) {
    const struct local *param = f->params.items[i];
    if (param->class != LOCAL_FRAME)
      continue;
    begin_line(e, f->body->range.begin);
    print_copy(e, arena_printf(e->arena, "ac_self->%s", param->member),
               param->out_name, param->bare, false);
  }
  print_stmt(e, f->body);
  begin_line(e, f->range.end - 1);
  if (f->is_main && !f->result->is_void)
    writer_puts(&e->w, "*ac_ret = 0;");
  begin_line(e, f->range.end - 1);
  writer_printf(&e->w, "return %s;", ending(e, false));
}

/* It is cold already, and must not be hot besides. */
static const char *restart_attributes(struct emitter *e,
                                      const struct function *f) {
  static const char hot[] = "__attribute__((hot)) ";
  const char *code = f->attributes.code;
  const char *at = strstr(code, hot);
  return at ? arena_printf(e->arena, "%.*s%s", (int)(at - code), code,
                           at + sizeof hot - 1)
            : code;
}

/* A start that was put off for want of stack. */
static void print_restart(struct emitter *e, const struct function *f) {
  writer_printf(&e->w,
                "__attribute__((noinline, cold)) %sstatic ac_frame "
                "*%s__restart(ac_frame *ac_head, ac_frame *ac_status) {\n"
                "  struct %s__frame *ac_self = (struct %s__frame *)ac_head;\n"
                "  if (ac_status) return ac_frame_end(ac_head, ac_status);\n"
                "  return %s__body(ac_self, 0, 1, NULL, ac_head->ret",
                restart_attributes(e, f), f->name, f->name, f->name, f->name);
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", ac_self->ac_p%zu", i);
  writer_puts(&e->w, ");\n}\n");
}

static void print_put_off(struct emitter *e, const struct function *f) {
  writer_printf(&e->w,
                "  if (AC_STACK_LOW()) {\n"
                "    struct %s__frame *ac_later = (struct %s__frame "
                "*)ac_frame_new(&%s__desc);\n"
                "    if (!ac_later) return ac_raise_error(-12);\n",
                f->name, f->name, f->name);
  for (size_t i = 0; i < f->params.count; i++) {
    writer_puts(&e->w, "    ");
    print_copy(e, arena_printf(e->arena, "ac_later->ac_p%zu", i),
               f->params.items[i]->out_name, f->params.items[i]->bare, false);
    writer_puts(&e->w, "\n");
  }
  writer_puts(&e->w, "    return ac_frame_restart(&ac_later->ac_head);\n  }\n");
}

static void print_resume(struct emitter *e, const struct function *f) {
  writer_printf(&e->w,
                "static ac_frame *%s__resume(ac_frame *ac_head, ac_frame "
                "*ac_status) {\n"
                "  if (AC_UNLIKELY(ac_head->state == 0)) %s\n"
                "  return %s__body((struct %s__frame *)ac_head, "
                "ac_head->state, 1, ac_status, ac_head->ret",
                f->name,
                f->may_recurse
                    ? arena_printf(e->arena,
                                   "return %s__restart(ac_head, ac_status);",
                                   f->name)
                    : "__builtin_unreachable();",
                f->name, f->name);
  /* What is stored in the frame before it is read. The compiler is not to see
   * that pointers are NULL, for it would warn of their uses. */
  for (size_t i = 0; i < f->params.count; i++) {
    const struct type *type = f->params.items[i]->bare;
    writer_printf(&e->w,
                  type->is_object_pointer ? ", (%s)ac_some_pointer()"
                                          : ", (%s){0}",
                  type_name(e, type));
  }
  writer_puts(&e->w, ");\n}\n");
}

static void print_begin(struct emitter *e, const struct function *f) {
  writer_printf(&e->w, "%sac_frame *%s__ac(%s", storage(f), f->name,
                ret_param(e, f));
  print_params(e, f);
  writer_puts(&e->w, ") {\n");
  if (f->may_recurse)
    print_put_off(e, f);
  if (f->frame_on_entry)
    writer_printf(&e->w,
                  "  struct %s__frame *ac_self = (struct %s__frame "
                  "*)ac_frame_new(&%s__desc);\n"
                  "  if (AC_UNLIKELY(!ac_self)) return "
                  "ac_raise_error(-12);\n",
                  f->name, f->name, f->name);
  writer_printf(&e->w, "  return %s__body(%s, NULL, ac_ret", f->name,
                f->frame_on_entry ? "ac_self, 0, 1" : "NULL, 0, 0");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", %s", f->params.items[i]->out_name);
  writer_puts(&e->w, ");\n}\n");
}

static void print_main(struct emitter *e, const struct function *f) {
  writer_puts(&e->w, "struct main__args {");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, " %s;",
                  type_text(e, f->params.items[i]->bare,
                            arena_printf(e->arena, "p%zu", i)));
  writer_puts(&e->w, f->params.count ? " };\n" : " char none; };\n");
  writer_puts(&e->w,
              "static ac_frame *main__start(void *ac_ret, void *ac_args) {\n"
              "  struct main__args *ac_a = ac_args;\n  (void)ac_a;\n"
              "  return main__ac(ac_ret");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, ", ac_a->p%zu", i);
  writer_puts(&e->w, ");\n}\nint main(");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, "%s%s", i ? ", " : "",
                  type_text(e, f->params.items[i]->bare,
                            arena_printf(e->arena, "p%zu", i)));
  writer_puts(&e->w, f->params.count ? "" : "void");
  writer_puts(&e->w,
              ") {\n  static const struct ac_thunk ac_thunk = {main__start, "
              "\"main\", sizeof(struct main__args), sizeof(int), "
              "_Alignof(struct main__args)};\n"
              "  struct main__args ac_args = {");
  for (size_t i = 0; i < f->params.count; i++)
    writer_printf(&e->w, "%sp%zu", i ? ", " : "", i);
  writer_puts(&e->w, f->params.count ? "" : "0");
  writer_puts(&e->w, "};\n  int ac_result = 0;\n"
                     "  return ac_run_main(&ac_thunk, &ac_args, "
                     "&ac_result);\n}\n");
}

static void print_signature(struct emitter *e, const struct function *f,
                            bool has_frame) {
  if (has_frame) {
    writer_printf(&e->w,
                  "%s%s ac_frame *%s__body(struct %s__frame *ac_self, uint32_t "
                  "ac_state, int ac_resumed, ac_frame *ac_status, %s",
                  f->attributes.code,
                  stands_alone(e, f) ? "AC_BODY_ONCE" : "AC_BODY", f->name,
                  f->name, ret_param(e, f));
  } else {
    writer_printf(&e->w, "%sac_frame *%s__ac(%s", storage(f), f->name,
                  ret_param(e, f));
  }
  print_params(e, f);
  writer_puts(&e->w, ") {");
}

static void print_aliases(struct emitter *e, const struct function *f) {
  uint32_t first = source_line_at(e->source, f->range.begin);
  e->w.quiet = true;
  e->names.count = 0;
  for (size_t i = 0; i < e->aliases.count; i++) {
    writer_line(&e->w, first);
    writer_printf(&e->w, "typedef %s;",
                  type_text(e, e->aliases.items[i],
                            arena_printf(e->arena, "ac_type_%u",
                                         e->first_alias + (unsigned)i)));
  }
  writer_newline(&e->w);
  find_names(e, f);
}

static void print_lowered(struct emitter *e, struct function *f);

static void print_lowered(struct emitter *e, struct function *f);

void print_function(struct emitter *e, struct function *f) {
  struct writer start = e->w;
  size_t length = e->w.out->length;
  e->first_alias += (unsigned)e->aliases.count;
  e->aliases.count = 0;
  find_names(e, f);
  print_lowered(e, f);
  if (e->aliases.count) {
    e->w = start;
    e->w.out->length = length;
    print_aliases(e, f);
    print_lowered(e, f);
  }
  e->names.count = 0;
}

static void print_lowered(struct emitter *e, struct function *f) {
  bool has_frame = f->awaits.count > 0;
  e->function = f;
  e->depth = 0;
  e->w.quiet = true;
  e->next_directive = 0;
  skip_directives(e, f->range.begin);
  uint32_t first = source_line_at(e->source, f->range.begin);
  bool names = mentions_function_name(e, f);
  writer_line(&e->w, first);
  if (has_frame) {
    print_frame(e, f);
    writer_line(&e->w, first);
    print_descriptor(e, f);
  }
  if (names)
    print_name_macros(e, f, true);
  writer_line(&e->w, first);
  if (has_frame) {
    writer_puts(&e->w, "AC_BODY_BEGIN\n");
    writer_line(&e->w, first);
  }
  print_signature(e, f, has_frame);
  e->depth = 1;
  print_body(e, f);
  e->depth = 0;
  begin_line(e, f->range.end - 1);
  writer_puts(&e->w, "}\n");
  print_directives(e, f->range.end);
  if (names)
    print_name_macros(e, f, false);
  writer_line(&e->w, first);
  e->w.pinned = first;
  if (has_frame) {
    print_begin(e, f);
    writer_line(&e->w, first);
    if (f->may_recurse) {
      print_restart(e, f);
      writer_line(&e->w, first);
    }
    print_resume(e, f);
    writer_puts(&e->w, "AC_BODY_END\n");
  }
  if (f->is_main) {
    writer_line(&e->w, first);
    print_main(e, f);
  }
  e->w.pinned = 0;
  e->w.line = 0;
  e->w.quiet = false;
  e->function = NULL;
}
