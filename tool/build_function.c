/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Async functions at file level: definitions, prototypes, and what their
 * attributes become. */
#include "build_parts.h"
#include "words.h"

#include <string.h>

/* int f(a, b) int a, b; { ... } */
static void check_prototype(struct builder *b, CXCursor cursor) {
  const struct source *source = b->parsed->source;
  uint32_t name = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  uint32_t open = source_skip_space(source, source_word_end(source, name));
  if (clang_Cursor_getNumArguments(cursor) < 1 || open >= source->bytes ||
      source->text[open] != '(')
    return;
  uint32_t after = source_skip_space(source, source_closing(source, open) + 1);
  CXCursor last = clang_Cursor_getArgument(
      cursor, (unsigned)clang_Cursor_getNumArguments(cursor) - 1);
  if (parsed_offset(b->parsed, clang_getCursorLocation(last)) >= after)
    diag_at(b->diags, source, SEVERITY_ERROR, name,
            "an async function needs a prototype: write the types of its "
            "parameters in the parentheses");
}

void build_definition(struct builder *b, struct function *function,
                      CXCursor cursor) {
  function->range = parsed_range(b->parsed, cursor);
  function->is_defined = function->in_main_file = true;
  function->is_inline = clang_Cursor_isFunctionInlined(cursor) != 0;
  check_prototype(b, cursor);
  b->function = function;
  struct children children = children_of(b, cursor);
  CXCursor body = clang_getNullCursor();
  for (size_t i = 0; i < children.count; i++)
    if (clang_getCursorKind(children.items[i]) == CXCursor_CompoundStmt)
      body = children.items[i];
  for (int i = 0; i < clang_Cursor_getNumArguments(cursor); i++) {
    struct local *local =
        begin_local(b, clang_Cursor_getArgument(cursor, (unsigned)i), true);
    if (local->type->is_array || local->type->is_function) {
      CXType adjusted = clang_getArgType(
          clang_getCanonicalType(clang_getCursorType(cursor)), (unsigned)i);
      local->type = get_type(b, adjusted, false);
      local->bare = get_type(b, adjusted, true);
      local->address_taken = false;
    }
    if (!*local->name)
      local->name = local->out_name = arena_printf(b->arena, "ac_arg_%d", i);
    vector_push(b->arena, &function->params, local);
  }
  if (!clang_Cursor_isNull(body))
    function->body = build_block(b, body);
  b->function = NULL;
  struct piece *piece = ARENA_NEW(b->arena, struct piece);
  piece->anchor = function->range.begin;
  piece->range = function->range;
  piece->function = function;
  if (b->last_tag.begin >= piece->range.begin && b->last_tag.end > 0)
    piece->tag = b->last_tag; /* struct s { ... } *f(void) */
  vector_push(b->arena, &b->unit->pieces, piece);
}

bool is_async_function(struct builder *b, CXCursor cursor) {
  return parsed_is_async(clang_getCursorType(cursor)) ||
         words_async_main(
             b->parsed->source, parsed_range(b->parsed, cursor).begin,
             parsed_offset(b->parsed, clang_getCursorLocation(cursor)));
}

void drop_prototype(struct builder *b, CXCursor cursor) {
  struct piece *piece = ARENA_NEW(b->arena, struct piece);
  piece->range = parsed_range(b->parsed, cursor);
  piece->anchor = piece->range.begin;
  piece->drop = true;
  vector_push(b->arena, &b->unit->pieces, piece);
}

void check_says_async(struct builder *b, CXCursor cursor) {
  const struct source *source = b->parsed->source;
  uint32_t begin = parsed_range(b->parsed, cursor).begin, at = begin;
  uint32_t name = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  uint32_t after = source_skip_space(source, source_word_end(source, name));
  if (at >= name || source->text[after] != '(' ||
      parsed_macro_at(b->parsed, at) || parsed_macro_at(b->parsed, name))
    return;
  while (at < name) {
    at = source_skip_space(source, at);
    if (source_word_is(source, at, "async") ||
        source_word_is(source, at, "_Async"))
      return;
    uint32_t end = source_word_end(source, at);
    at = end > at ? end : at + 1;
  }
  diag_at(b->diags, source, SEVERITY_ERROR, name,
          "'%s' was declared async before; this declaration must say 'async' "
          "too",
          spelling(b, cursor));
  diag_insert(b->diags, source, begin,
              words_has_keywords(source) ? "async " : "_Async ");
}

static const char *printed(struct builder *b, CXCursor cursor) {
  CXPrintingPolicy policy = clang_getCursorPrintingPolicy(cursor);
  clang_PrintingPolicy_setProperty(policy, CXPrintingPolicy_TerseOutput, 1);
  const char *text =
      parsed_text(b->arena, clang_getCursorPrettyPrinted(cursor, policy));
  clang_PrintingPolicy_dispose(policy);
  return text;
}

/* What a pragma around the declaration has said; the command line says it to
 * the C compiler too. */
static const char *visibility(struct builder *b, CXCursor cursor) {
  static const struct {
    enum CXVisibilityKind kind;
    const char *name;
  } names[] = {{CXVisibility_Default, "default"},
               {CXVisibility_Protected, "protected"},
               {CXVisibility_Hidden, "hidden"}};
  static const char option[] = "-fvisibility=";
  const struct strings *args = &b->diags->options->parse_args;
  const char *usual = "default";
  for (size_t i = 0; i < args->count; i++)
    if (!strncmp(args->items[i], option, sizeof option - 1))
      usual = args->items[i] + sizeof option - 1;
  enum CXVisibilityKind kind = clang_getCursorVisibility(cursor);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].kind == kind && strcmp(names[i].name, usual) != 0)
      return names[i].name;
  return NULL;
}

void complain(struct builder *b, CXCursor cursor, enum severity severity,
              const char *text) {
  uint32_t at = parsed_offset(b->parsed, clang_getCursorLocation(cursor));
  if (at != UINT32_MAX) {
    diag_at(b->diags, b->parsed->source, severity, at, "%s", text);
  } else if (severity == SEVERITY_ERROR) {
    CXFile file;
    unsigned line;
    clang_getFileLocation(clang_getCursorLocation(cursor), &file, &line, NULL,
                          NULL);
    CXString path = clang_getFileName(file);
    diag_plain(b->diags, "%s:%u: %s", clang_getCString(path), line, text);
    clang_disposeString(path);
  }
}

void read_function_attributes(struct builder *b, struct function *function,
                              CXCursor cursor) {
  struct attributes *attributes = &function->attributes;
  bool is_visibility_said = false;
  attribute_list list =
      attributes_find(b->arena, printed(b, cursor), &attributes->label);
  for (size_t i = 0; i < list.count; i++) {
    const struct attribute *attribute = &list.items[i];
    is_visibility_said |= !strcmp(attribute->name, "visibility");
    if (attribute->fate == ATTRIBUTE_ENTRY || attribute->fate == ATTRIBUTE_CODE)
      attributes_add(b->arena, attributes, attribute);
    else if (attribute->fate == ATTRIBUTE_REFUSED)
      complain(b, cursor, SEVERITY_ERROR,
               arena_printf(b->arena,
                            "attribute '%s' is not supported on the async "
                            "function '%s'",
                            attribute->name, function->name));
    else if (attribute->fate == ATTRIBUTE_UNKNOWN)
      complain(b, cursor, SEVERITY_WARNING,
               arena_printf(b->arena,
                            "attribute '%s' has no effect on the async "
                            "function '%s'",
                            attribute->name, function->name));
  }
  const char *implied =
      is_visibility_said || function->is_static ? NULL : visibility(b, cursor);
  if (implied && !strstr(attributes->entry, "((visibility(")) {
    const struct attribute attribute = {
        "visibility", arena_printf(b->arena, "visibility(\"%s\")", implied),
        ATTRIBUTE_ENTRY};
    attributes_add(b->arena, attributes, &attribute);
  }
}

void build_declared(struct builder *b, CXCursor cursor) {
  struct children children = children_of(b, cursor);
  for (size_t i = 0; i < children.count; i++)
    if (clang_isAttribute(clang_getCursorKind(children.items[i]))) {
      read_function_attributes(b, get_function(b, cursor), cursor);
      return;
    }
}
