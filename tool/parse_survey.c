/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A survey of the tree finds what cannot be lowered where it is:
 *   - macro invocations that bring or hold an await, an operator, a jump, or
 *     a local that the lowering may have to rename: the C preprocessor is
 *     asked for the expansion of exactly those, which is put in their place;
 *   - an `await` whose operand is a handle: it becomes `*`, so that the
 *     expression has the handle's result type;
 *   - an operator with a handle for a call: its name's last letter becomes
 *     `_`, which is the form for handles (see ac/marks.h). */
#include "expand.h"
#include "parse_parts.h"
#include "words.h"

#include <string.h>

/* What is known of a local while the survey runs. */
struct survey_local {
  uint32_t offset;
  const char *name;
  bool may_rename; /* an array, const, its address taken, or a twin's name */
};

struct survey_use {
  const struct macro_use *macro;
  uint32_t local;
};

struct edit {
  struct range range;
  const char *text;
  bool deref;
};

struct survey {
  struct parsed *parsed;
  struct arena *arena;
  bool in_async;       /* inside an async function's body */
  bool has_macros;     /* some foreign macro is used in this declaration */
  unsigned own_blocks; /* blocks that a foreign macro brought, around here */
  VECTOR(struct survey_local) locals;
  VECTOR(struct survey_use) uses;
  VECTOR(const struct macro_use *) expand;
  VECTOR(struct edit) edits;
};

static void want_expanded(struct survey *survey,
                          const struct macro_use *macro) {
  for (size_t i = 0; i < survey->expand.count; i++)
    if (survey->expand.items[i] == macro)
      return;
  vector_push(survey->arena, &survey->expand, macro);
}

static uint32_t local_index(struct survey *survey, CXCursor declaration) {
  uint32_t offset =
      parsed_offset(survey->parsed, clang_getCursorLocation(declaration));
  for (size_t i = 0; i < survey->locals.count; i++)
    if (survey->locals.items[i].offset == offset)
      return (uint32_t)i;
  return UINT32_MAX;
}

static void survey_declaration(struct survey *survey, CXCursor cursor) {
  uint32_t offset =
      parsed_offset(survey->parsed, clang_getCursorLocation(cursor));
  const struct macro_use *macro = parsed_macro_at(survey->parsed, offset);
  struct children children = parsed_children(survey->arena, cursor);
  for (size_t i = 0; !macro && i < children.count; i++) {
    enum CXCursorKind kind = clang_getCursorKind(children.items[i]);
    const struct macro_use *attribute = parsed_macro_at(
        survey->parsed, parsed_range(survey->parsed, children.items[i]).begin);
    if (attribute &&
        (kind == CXCursor_UnexposedAttr || kind == CXCursor_AlignedAttr))
      want_expanded(survey, attribute);
  }
  if (macro) {
    if (!survey->own_blocks)
      want_expanded(survey, macro);
    return;
  }
  CXType type = clang_getCanonicalType(clang_getCursorType(cursor));
  CXString name = clang_getCursorSpelling(cursor);
  struct survey_local local = {
      .offset = offset,
      .name = arena_copy(survey->arena, clang_getCString(name),
                         strlen(clang_getCString(name))),
      .may_rename = clang_isConstQualifiedType(type) ||
                    clang_getArrayElementType(type).kind != CXType_Invalid ||
                    clang_Type_getSizeOf(type) > 64};
  clang_disposeString(name);
  for (size_t i = 0; i < survey->locals.count; i++)
    if (!strcmp(survey->locals.items[i].name, local.name))
      survey->locals.items[i].may_rename = local.may_rename = true;
  vector_push(survey->arena, &survey->locals, local);
}

/* A name that is no variable's, but may hide one. */
static void survey_name(struct survey *survey, CXCursor cursor) {
  CXString name = clang_getCursorSpelling(cursor);
  for (size_t i = 0; i < survey->locals.count; i++)
    if (!strcmp(survey->locals.items[i].name, clang_getCString(name)))
      survey->locals.items[i].may_rename = true;
  clang_disposeString(name);
}

static void survey_address(struct survey *survey, CXCursor operand) {
  for (;;) {
    operand = parsed_strip(operand);
    enum CXCursorKind kind = clang_getCursorKind(operand);
    if (kind == CXCursor_MemberRefExpr)
      operand = first_child(operand);
    else
      break;
    if (clang_Cursor_isNull(operand))
      return;
  }
  if (clang_getCursorKind(operand) != CXCursor_DeclRefExpr)
    return;
  uint32_t index = local_index(survey, clang_getCursorReferenced(operand));
  if (index != UINT32_MAX)
    survey->locals.items[index].may_rename = true;
}

static void survey_reference(struct survey *survey, CXCursor cursor,
                             const struct macro_use *macro) {
  if (!macro)
    return;
  CXCursor target = clang_getCursorReferenced(cursor);
  enum CXCursorKind kind = clang_getCursorKind(target);
  if (kind == CXCursor_FunctionDecl &&
      parsed_is_async(clang_getCursorType(target)))
    want_expanded(survey, macro);
  CXString name = clang_getCursorSpelling(cursor);
  if (!strncmp(clang_getCString(name), "ac__op_", 7) ||
      !strcmp(clang_getCString(name), "ac_raise"))
    want_expanded(survey, macro);
  clang_disposeString(name);
  if (kind == CXCursor_VarDecl || kind == CXCursor_ParmDecl) {
    uint32_t index = local_index(survey, target);
    struct survey_use use = {macro, index};
    if (index != UINT32_MAX && survey->in_async)
      vector_push(survey->arena, &survey->uses, use);
  }
}

static void edit_text(struct survey *survey, uint32_t begin, uint32_t end,
                      const char *text, bool deref) {
  struct edit edit = {{begin, end}, text, deref};
  for (size_t i = 0; i < survey->edits.count; i++)
    if (survey->edits.items[i].range.begin == begin)
      return;
  vector_push(survey->arena, &survey->edits, edit);
}

static void survey_await(struct survey *survey, CXCursor cursor,
                         const struct macro_use *macro) {
  if (macro) {
    want_expanded(survey, macro);
    return;
  }
  if (parsed_await(survey->parsed, cursor) == 2)
    return;
  CXCursor operand = first_child(cursor), operands;
  while (clang_getCursorKind(operand) == CXCursor_UnexposedExpr)
    operand = first_child(operand);
  const char *name = parsed_operator(survey->arena, operand, &operands);
  if (name && (!strcmp(name, "wait_for") || !strcmp(name, "shield")))
    return; /* it awaits its operand itself */
  operand = parsed_strip(operand);
  if (clang_getCursorKind(operand) == CXCursor_CallExpr &&
      parsed_is_async(clang_getCursorType(first_child(operand))))
    return; /* the call is awaited; what it yields is another matter */
  if (!is_awaitable(clang_getCursorType(operand)))
    return;
  uint32_t begin = parsed_range(survey->parsed, cursor).begin;
  uint32_t end = source_word_end(survey->parsed->source, begin);
  if (begin != UINT32_MAX && end - begin >= 5)
    edit_text(survey, begin, end, end - begin == 5 ? "*    " : "*     ", true);
}

static void survey_operator(struct survey *survey, CXCursor cursor,
                            const char *name, CXCursor operands) {
  if (strcmp(name, "create_task") && strcmp(name, "run") &&
      strcmp(name, "wait_for") && strcmp(name, "shield"))
    return;
  CXCursor first = operands;
  if (!strcmp(name, "wait_for"))
    first = first_child(operands);
  if (!is_awaitable(clang_getCursorType(parsed_strip(first))))
    return;
  uint32_t begin = parsed_range(survey->parsed, cursor).begin;
  if (begin == UINT32_MAX)
    return;
  const struct source *source = survey->parsed->source;
  uint32_t end = source_word_end(source, begin);
  if (end == begin || source->text[end - 1] == '_')
    return;
  edit_text(survey, end - 1, end, "_", false);
}

static bool reaches_out(const struct parsed *parsed, CXCursor cursor,
                        const struct macro_use *macro) {
  struct range range = parsed_range(parsed, cursor);
  return range.end == UINT32_MAX || range.end > macro->range.end ||
         range.begin < macro->range.begin;
}

static bool is_jump(enum CXCursorKind kind) {
  switch (kind) {
  case CXCursor_ReturnStmt:
  case CXCursor_GotoStmt:
  case CXCursor_IndirectGotoStmt:
  case CXCursor_LabelStmt:
  case CXCursor_CaseStmt:
  case CXCursor_DefaultStmt:
  case CXCursor_BreakStmt:
  case CXCursor_ContinueStmt:
    return true;
  default:
    return false;
  }
}

static bool is_structure(enum CXCursorKind kind) {
  switch (kind) {
  case CXCursor_IfStmt:
  case CXCursor_WhileStmt:
  case CXCursor_DoStmt:
  case CXCursor_ForStmt:
  case CXCursor_SwitchStmt:
  case CXCursor_CompoundStmt:
    return true;
  default:
    return false;
  }
}

static enum CXChildVisitResult survey_cursor(CXCursor cursor, CXCursor parent,
                                             CXClientData data) {
  (void)parent;
  struct survey *survey = data;
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (!survey->has_macros && kind != CXCursor_UnaryOperator &&
      kind != CXCursor_ParenExpr)
    return CXChildVisit_Recurse;
  const struct macro_use *macro = NULL;
  if (survey->has_macros) {
    uint32_t begin = parsed_range(survey->parsed, cursor).begin;
    if (begin != UINT32_MAX)
      macro = parsed_macro_at(survey->parsed, begin);
  }
  bool own_block = false;
  CXCursor operands;
  const char *operator_name;
  if (kind == CXCursor_DeclRefExpr) {
    survey_reference(survey, cursor, macro);
  } else if (survey->in_async &&
             (kind == CXCursor_VarDecl || kind == CXCursor_ParmDecl)) {
    survey_declaration(survey, cursor);
  } else if (survey->in_async && (kind == CXCursor_TypedefDecl ||
                                  kind == CXCursor_EnumConstantDecl ||
                                  kind == CXCursor_FunctionDecl)) {
    survey_name(survey, cursor);
  } else if (kind == CXCursor_UnaryOperator) {
    if (parsed_await(survey->parsed, cursor))
      survey_await(survey, cursor, macro);
    else if (clang_getCursorUnaryOperatorKind(cursor) == CXUnaryOperator_AddrOf)
      survey_address(survey, first_child(cursor));
  } else if (kind == CXCursor_ParenExpr &&
             (operator_name =
                  parsed_operator(survey->arena, cursor, &operands))) {
    if (macro)
      want_expanded(survey, macro);
    else
      survey_operator(survey, cursor, operator_name, operands);
  } else if (survey->in_async && macro && is_jump(kind)) {
    want_expanded(survey, macro);
  } else if (survey->in_async && macro && is_structure(kind)) {
    if (reaches_out(survey->parsed, cursor, macro))
      want_expanded(survey, macro);
    else
      own_block = kind == CXCursor_CompoundStmt;
  }
  if (!own_block)
    return CXChildVisit_Recurse;
  survey->own_blocks++;
  clang_visitChildren(cursor, survey_cursor, survey);
  survey->own_blocks--;
  return CXChildVisit_Continue;
}

static bool holds_foreign_macro(const struct parsed *parsed,
                                struct range range) {
  size_t low = 0, high = parsed->foreign.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (parsed->foreign.items[middle]->range.end <= range.begin)
      low = middle + 1;
    else
      high = middle;
  }
  return range.begin == UINT32_MAX ||
         (low < parsed->foreign.count &&
          parsed->foreign.items[low]->range.begin < range.end);
}

static enum CXChildVisitResult survey_top(CXCursor cursor, CXCursor parent,
                                          CXClientData data) {
  (void)parent;
  struct survey *survey = data;
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (clang_isPreprocessing(kind))
    return CXChildVisit_Continue;
  if (parsed_offset(survey->parsed, clang_getCursorLocation(cursor)) ==
      UINT32_MAX)
    return CXChildVisit_Continue;
  survey->in_async =
      kind == CXCursor_FunctionDecl && clang_isCursorDefinition(cursor) &&
      (parsed_is_async(clang_getCursorType(cursor)) ||
       words_async_main(
           survey->parsed->source, parsed_range(survey->parsed, cursor).begin,
           parsed_offset(survey->parsed, clang_getCursorLocation(cursor))));
  survey->has_macros =
      holds_foreign_macro(survey->parsed, parsed_range(survey->parsed, cursor));
  survey->locals.count = survey->uses.count = 0;
  survey->own_blocks = 0;
  clang_visitChildren(cursor, survey_cursor, survey);
  for (size_t i = 0; i < survey->uses.count; i++)
    if (survey->locals.items[survey->uses.items[i].local].may_rename)
      want_expanded(survey, survey->uses.items[i].macro);
  return CXChildVisit_Continue;
}

/* Replaces legible text by as much: a splice of the original, or a change
 * inside one. */
static void edit_source(struct source *source, struct range range,
                        const char *text) {
  if (!source_is_spliced(source, range.begin)) {
    uint32_t begin = source_original(source, range.begin);
    source_splice(source, begin, begin + (range.end - range.begin), text);
    return;
  }
  for (size_t i = 0; i < source->splices.count; i++) {
    struct splice *splice = &source->splices.items[i];
    if (range.begin < splice->at || range.begin >= splice->at + splice->bytes)
      continue;
    size_t at = range.begin - splice->at, length = range.end - range.begin;
    char *copy = arena_copy(source->arena, splice->text, splice->bytes);
    memcpy(copy + at, text, length);
    splice->text = copy;
    return;
  }
}

/* A header that is not there, an #error: the preprocessor fails at it, too. */
static bool preprocessor_fails(const struct parsed *parsed) {
  bool found = false;
  for (unsigned i = 0; i < clang_getNumDiagnostics(parsed->tu) && !found; i++) {
    CXDiagnostic diagnostic = clang_getDiagnostic(parsed->tu, i);
    CXString category = clang_getDiagnosticCategoryText(diagnostic);
    found = clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error &&
            strstr(clang_getCString(category), "Preprocessor");
    clang_disposeString(category);
    clang_disposeDiagnostic(diagnostic);
  }
  return found;
}

/* Edits are of equal length and keep every offset true; they are made first.
 * Returns whether anything changed. */
static bool apply_survey(struct survey *survey, const struct options *options,
                         struct diags *diags) {
  struct source *source = survey->parsed->source;
  if (!survey->edits.count && !survey->expand.count)
    return false;
  if (survey->expand.count && preprocessor_fails(survey->parsed)) {
    survey->parsed->unexpanded = true;
    return false;
  }
  for (size_t i = 0; i < survey->edits.count; i++) {
    struct edit *edit = &survey->edits.items[i];
    edit_source(source, edit->range, edit->text);
  }
  source_apply(source);
  VECTOR(struct range) wanted = {0};
  for (size_t i = 0; i < survey->expand.count; i++)
    vector_push(survey->arena, &wanted, survey->expand.items[i]->range);
  if (wanted.count)
    expand_macros(source, wanted.items, wanted.count, survey->arena, options,
                  diags);
  source_apply(source);
  return true;
}

bool survey_text(struct parsed *parsed, struct arena *arena,
                 const struct options *options, struct diags *diags) {
  struct survey survey = {.parsed = parsed, .arena = arena};
  clang_visitChildren(clang_getTranslationUnitCursor(parsed->tu), survey_top,
                      &survey);
  return !diags->errors && apply_survey(&survey, options, diags);
}
