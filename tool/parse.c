/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * In: the file's bytes. Out: clang's translation unit of a legible text.
 *
 * The text is parsed as it stands first. A survey of the tree then finds what
 * cannot be lowered where it is:
 *   - macro invocations that bring or hold an await, an operator, a jump, or
 *     a local that the lowering may have to rename: the C preprocessor is
 *     asked for the expansion of exactly those, which is put in their place;
 *   - an `await` whose operand is a handle: it becomes `*`, so that the
 *     expression has the handle's result type;
 *   - an operator with a handle for a call: its name's last letter becomes
 *     `_`, which is the form for handles (see ac/marks.h).
 * The changed text is parsed again, until the survey finds nothing. */
#include "parse.h"

#include "buf.h"
#include "expand.h"
#include "words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 24 };

/* ---- questions about cursors -------------------------------------------- */

uint32_t parsed_offset(const struct parsed *parsed, CXSourceLocation location) {
  CXFile file;
  unsigned offset;
  clang_getFileLocation(location, &file, NULL, NULL, &offset);
  return file && clang_File_isEqual(file, parsed->file) ? offset : UINT32_MAX;
}

/* The outermost invocation that holds the offset: an index; or the count. */
static size_t outermost_at(const struct parsed *parsed, uint32_t offset) {
  size_t low = 0, high = parsed->outermost.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    uint32_t at = parsed->outermost.items[middle];
    if (parsed->macros.items[at].range.end <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == parsed->outermost.count)
    return parsed->macros.count;
  uint32_t at = parsed->outermost.items[low];
  return parsed->macros.items[at].range.begin <= offset ? at
                                                        : parsed->macros.count;
}

static struct range raw_range(const struct parsed *parsed, CXCursor cursor) {
  CXSourceRange range = clang_getCursorExtent(cursor);
  return (struct range){parsed_offset(parsed, clang_getRangeStart(range)),
                        parsed_offset(parsed, clang_getRangeEnd(range))};
}

/* libclang has what ends within a macro's expansion, where that macro stands in
 * an argument of another one, end where the macro's name begins: it ends with
 * the invocation. */
static struct range find_range(const struct parsed *parsed, CXCursor cursor) {
  struct range range = raw_range(parsed, cursor);
  size_t outer = outermost_at(parsed, range.begin);
  if (outer == parsed->macros.count ||
      range.begin == parsed->macros.items[outer].range.begin ||
      range.end < range.begin)
    return range;
  /* A block may truly end there. */
  if (range.end > range.begin && parsed->source->text[range.end - 1] == '}')
    return range;
  for (size_t i = outer + 1; i < parsed->macros.count; i++) {
    struct range inner = parsed->macros.items[i].range;
    if (inner.begin > range.end)
      break;
    if (inner.begin == range.end) {
      range.end = inner.end;
      break;
    }
  }
  return range;
}

/* A cursor's data is opaque, but two of one kind with the same second word in
 * one unit are the same expression or statement; declarations and references
 * are not remembered. */
struct range parsed_range(const struct parsed *parsed, CXCursor cursor) {
  if (!clang_isExpression(cursor.kind) && !clang_isStatement(cursor.kind))
    return find_range(parsed, cursor);
  const void *node = cursor.data[1];
  struct range_memo *memo =
      &parsed->memos[((uintptr_t)node >> 3) % RANGE_MEMOS];
  if (!node || memo->node != node || memo->kind != (int)cursor.kind) {
    memo->range = find_range(parsed, cursor);
    memo->node = node;
    memo->kind = (int)cursor.kind;
  }
  return memo->range;
}

const struct macro_use *parsed_macro_at(const struct parsed *parsed,
                                        uint32_t offset) {
  size_t low = 0, high = parsed->foreign.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (parsed->foreign.items[middle]->range.end <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low < parsed->foreign.count &&
                 parsed->foreign.items[low]->range.begin <= offset
             ? parsed->foreign.items[low]
             : NULL;
}

static bool is_marks_header(CXFile file) {
  if (!file)
    return false;
  CXString name = clang_getFileName(file);
  const char *text = clang_getCString(name);
  size_t length = text ? strlen(text) : 0;
  bool found = length >= 10 && !strcmp(text + length - 10, "ac/marks.h");
  clang_disposeString(name);
  return found;
}

static bool in_marks_header(CXSourceLocation location) {
  CXFile file;
  clang_getSpellingLocation(location, &file, NULL, NULL, NULL);
  return is_marks_header(file);
}

static bool is_deref(const struct parsed *parsed, uint32_t offset) {
  size_t low = 0, high = parsed->derefs.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (parsed->derefs.items[middle] < offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low < parsed->derefs.count && parsed->derefs.items[low] == offset;
}

int parsed_await(const struct parsed *parsed, CXCursor cursor) {
  if (clang_getCursorKind(cursor) != CXCursor_UnaryOperator)
    return 0;
  CXSourceLocation begin =
      clang_getRangeStart(clang_getCursorExtent(cursor));
  enum CXUnaryOperatorKind kind = clang_getCursorUnaryOperatorKind(cursor);
  if (kind == CXUnaryOperator_Extension)
    return in_marks_header(begin) ? 1 : 0;
  if (kind != CXUnaryOperator_Deref)
    return 0;
  uint32_t offset = parsed_offset(parsed, begin);
  return is_deref(parsed, offset) ? 2 : 0;
}

enum handle_kind parsed_handle(CXType type) {
  CXType canonical = clang_getCanonicalType(type);
  if (canonical.kind != CXType_Pointer)
    return HANDLE_NONE;
  switch (clang_getAddressSpace(clang_getPointeeType(canonical))) {
  case 0xAC01:
    return HANDLE_TASK;
  case 0xAC02:
    return HANDLE_FUTURE;
  case 0xAC03:
    return HANDLE_CORO;
  case 0xAC04:
    return HANDLE_YIELDS;
  default:
    return HANDLE_NONE;
  }
}

static bool is_awaitable(CXType type) {
  enum handle_kind kind = parsed_handle(type);
  return kind != HANDLE_NONE && kind != HANDLE_YIELDS;
}

bool parsed_is_async(CXType function) {
  CXType canonical = clang_getCanonicalType(function);
  if (canonical.kind == CXType_Pointer)
    canonical = clang_getPointeeType(canonical);
  return canonical.kind == CXType_FunctionProto
             ? clang_getFunctionTypeCallingConv(canonical) ==
                   CXCallingConv_Swift
         : canonical.kind == CXType_FunctionNoProto
             ? clang_getFunctionTypeCallingConv(canonical) ==
                   CXCallingConv_Swift
             : false;
}

struct child_list {
  struct arena *arena;
  VECTOR(CXCursor) cursors;
};

static enum CXChildVisitResult add_child(CXCursor cursor, CXCursor parent,
                                         CXClientData data) {
  (void)parent;
  struct child_list *list = data;
  vector_push(list->arena, &list->cursors, cursor);
  return CXChildVisit_Continue;
}

struct children parsed_children(struct arena *arena, CXCursor cursor) {
  struct child_list list = {.arena = arena};
  clang_visitChildren(cursor, add_child, &list);
  return (struct children){list.cursors.items, list.cursors.count};
}

static enum CXChildVisitResult keep_first(CXCursor cursor, CXCursor parent,
                                          CXClientData data) {
  (void)parent;
  *(CXCursor *)data = cursor;
  return CXChildVisit_Break;
}

static enum CXChildVisitResult keep_last(CXCursor cursor, CXCursor parent,
                                         CXClientData data) {
  (void)parent;
  *(CXCursor *)data = cursor;
  return CXChildVisit_Continue;
}

static CXCursor first_child(CXCursor cursor) {
  CXCursor child = clang_getNullCursor();
  clang_visitChildren(cursor, keep_first, &child);
  return child;
}

static CXCursor last_child(CXCursor cursor) {
  CXCursor child = clang_getNullCursor();
  clang_visitChildren(cursor, keep_last, &child);
  return child;
}

CXCursor parsed_strip(CXCursor cursor) {
  for (;;) {
    enum CXCursorKind kind = clang_getCursorKind(cursor);
    if (kind != CXCursor_ParenExpr && kind != CXCursor_UnexposedExpr)
      return cursor;
    CXCursor child = first_child(cursor);
    if (clang_Cursor_isNull(child))
      return cursor;
    cursor = child;
  }
}

/* ((void)(operands), ... ac__op_NAME) */
const char *parsed_operator(struct arena *arena, CXCursor cursor,
                            CXCursor *operands) {
  if (clang_getCursorKind(cursor) != CXCursor_ParenExpr)
    return NULL;
  CXCursor comma = first_child(cursor);
  while (clang_getCursorKind(comma) == CXCursor_UnexposedExpr)
    comma = first_child(comma);
  if (clang_getCursorKind(comma) != CXCursor_BinaryOperator ||
      clang_getCursorBinaryOperatorKind(comma) != CXBinaryOperator_Comma)
    return NULL;
  CXCursor mark = last_child(comma);
  for (;;) {
    enum CXCursorKind kind = clang_getCursorKind(mark);
    if (kind == CXCursor_DeclRefExpr)
      break;
    if (kind != CXCursor_UnexposedExpr && kind != CXCursor_CStyleCastExpr &&
        kind != CXCursor_UnaryOperator)
      return NULL;
    mark = last_child(mark);
  }
  CXString name = clang_getCursorSpelling(mark);
  const char *text = clang_getCString(name), *found = NULL;
  if (text && !strncmp(text, "ac__op_", 7))
    found = arena_copy(arena, text + 7, strlen(text + 7));
  clang_disposeString(name);
  if (!found)
    return NULL;
  CXCursor cast = first_child(comma);
  *operands = first_child(cast); /* (operands) */
  if (clang_getCursorKind(*operands) == CXCursor_ParenExpr)
    *operands = first_child(*operands);
  return found;
}

/* ---- one parse ----------------------------------------------------------- */

static bool is_dialect_macro(CXCursor use, const char *name) {
  static const char *const words[] = {"async",  "await",  "defer",
                                      "_Async", "_Await", "_Defer"};
  bool candidate = !strncmp(name, "ac_", 3);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    candidate = candidate || !strcmp(name, words[i]);
  if (!candidate)
    return false;
  CXCursor definition = clang_getCursorReferenced(use);
  CXFile file;
  clang_getSpellingLocation(clang_getCursorLocation(definition), &file, NULL,
                            NULL, NULL);
  if (!file)
    return false;
  CXString path = clang_getFileName(file);
  const char *text = clang_getCString(path);
  size_t length = text ? strlen(text) : 0;
  static const char *const headers[] = {"ac/marks.h", "ac/async.h", "ac/ac.h"};
  bool ours = false;
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
    size_t tail = strlen(headers[i]);
    ours = ours || (length >= tail && !strcmp(text + length - tail, headers[i]));
  }
  clang_disposeString(path);
  return ours;
}

struct macro_visit {
  struct parsed *parsed;
  struct arena *arena;
};

/* async, await or defer as a macro in a header other than ours. */
static void note_pollution(struct macro_visit *visit, CXCursor cursor) {
  CXString name = clang_getCursorSpelling(cursor);
  const char *word = clang_getCString(name);
  bool ours = !strcmp(word, "async") || !strcmp(word, "await") ||
              !strcmp(word, "defer");
  if (ours && is_dialect_macro(cursor, word)) {
    struct pollution pollution = {
        arena_copy(visit->arena, word, strlen(word)),
        clang_getCursorLocation(cursor)};
    vector_push(visit->arena, &visit->parsed->pollution, pollution);
  }
  clang_disposeString(name);
}

/* The preprocessing record comes first among the unit's children. */
static enum CXChildVisitResult add_macro(CXCursor cursor, CXCursor parent,
                                         CXClientData data) {
  (void)parent;
  struct macro_visit *visit = data;
  enum CXCursorKind kind = clang_getCursorKind(cursor);
  if (kind == CXCursor_MacroDefinition || kind == CXCursor_InclusionDirective)
    return CXChildVisit_Continue;
  if (kind != CXCursor_MacroExpansion)
    return CXChildVisit_Break;
  struct range range = parsed_range(visit->parsed, cursor);
  if (range.begin == UINT32_MAX || range.end == UINT32_MAX) {
    note_pollution(visit, cursor);
    return CXChildVisit_Continue;
  }
  CXString name = clang_getCursorSpelling(cursor);
  struct macro_use use = {range,
                          is_dialect_macro(cursor, clang_getCString(name))};
  const char *word = clang_getCString(name);
  if (use.transparent && (!strcmp(word, "await") || !strcmp(word, "_Await")))
    vector_push(visit->arena, &visit->parsed->await_words, range.begin);
  clang_disposeString(name);
  vector_push(visit->arena, &visit->parsed->macros, use);
  return CXChildVisit_Continue;
}

static int by_begin(const void *a, const void *b) {
  const struct macro_use *x = a, *y = b;
  if (x->range.begin != y->range.begin)
    return x->range.begin < y->range.begin ? -1 : 1;
  return x->range.end > y->range.end ? -1 : x->range.end < y->range.end;
}

static void collect_macros(struct parsed *parsed, struct arena *arena) {
  parsed->macros.count = parsed->await_words.count = 0;
  parsed->outermost.count = 0;
  parsed->pollution.count = 0;
  struct macro_visit visit = {parsed, arena};
  clang_visitChildren(clang_getTranslationUnitCursor(parsed->tu), add_macro,
                      &visit);
  if (parsed->macros.count)
    qsort(parsed->macros.items, parsed->macros.count,
          sizeof *parsed->macros.items, by_begin);
  parsed->foreign.count = 0;
  uint32_t end = 0;
  for (size_t i = 0; i < parsed->macros.count; i++) {
    const struct macro_use *use = &parsed->macros.items[i];
    if (use->range.begin < end)
      continue;
    end = use->range.end;
    vector_push(arena, &parsed->outermost, (uint32_t)i);
  }
  end = 0;
  for (size_t i = 0; i < parsed->macros.count; i++) {
    const struct macro_use *use = &parsed->macros.items[i];
    if (use->transparent || use->range.begin < end)
      continue;
    end = use->range.end;
    vector_push(arena, &parsed->foreign, use);
  }
}

static bool parse_once(struct parsed *parsed, struct arena *arena,
                       const struct options *options) {
  struct source *source = parsed->source;
  struct CXUnsavedFile unsaved = {options->input, source->text, source->bytes};
  if (!strcmp(options->input, "-"))
    unsaved.Filename = "<stdin>";
  unsigned flags = CXTranslationUnit_DetailedPreprocessingRecord |
                   CXTranslationUnit_KeepGoing;
  if (parsed->tu) {
    if (clang_reparseTranslationUnit(parsed->tu, 1, &unsaved, 0) != 0) {
      clang_disposeTranslationUnit(parsed->tu);
      parsed->tu = NULL;
    }
  } else {
    VECTOR(const char *) args = {0};
    bool has_std = false;
    vector_push(arena, &args, "-xc");
    vector_push(arena, &args, "-D__ACC__=1");
    vector_push(arena, &args, "-ferror-limit=0");
    vector_push(arena, &args, "-Wno-gnu-statement-expression");
    for (size_t i = 0; i < options->parse_args.count; i++) {
      vector_push(arena, &args, options->parse_args.items[i]);
      has_std |= !strncmp(options->parse_args.items[i], "-std", 4);
    }
    if (!has_std)
      vector_push(arena, &args, "-std=gnu17");
    if (clang_parseTranslationUnit2(parsed->index, unsaved.Filename, args.items,
                                    (int)args.count, &unsaved, 1, flags,
                                    &parsed->tu) != CXError_Success)
      parsed->tu = NULL;
  }
  if (!parsed->tu)
    return false;
  parsed->file = clang_getFile(parsed->tu, unsaved.Filename);
  parsed->memos =
      arena_alloc(arena, RANGE_MEMOS * sizeof *parsed->memos);
  collect_macros(parsed, arena);
  return true;
}

/* ---- the survey ---------------------------------------------------------- */

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
        survey->parsed,
        parsed_range(survey->parsed, children.items[i]).begin);
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
    else if (clang_getCursorUnaryOperatorKind(cursor) ==
             CXUnaryOperator_AddrOf)
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
       words_async_main(survey->parsed->source,
                        parsed_range(survey->parsed, cursor).begin,
                        parsed_offset(survey->parsed,
                                      clang_getCursorLocation(cursor))));
  survey->has_macros = holds_foreign_macro(
      survey->parsed, parsed_range(survey->parsed, cursor));
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

/* Edits are of equal length and keep every offset true; they are made first.
 * Returns whether anything changed. */
static bool apply_survey(struct survey *survey, const struct options *options,
                         struct diags *diags) {
  struct source *source = survey->parsed->source;
  if (!survey->edits.count && !survey->expand.count)
    return false;
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

/* Where the awaits of handles are now: each `*` followed by what `await` left
 * of itself, found through the splices. */
static void find_derefs(struct parsed *parsed, struct arena *arena) {
  parsed->derefs.count = 0;
  const struct source *source = parsed->source;
  for (size_t i = 0; i < source->splices.count; i++) {
    const struct splice *splice = &source->splices.items[i];
    for (uint32_t at = 0; at + 5 <= splice->bytes; at++)
      if (!memcmp(splice->text + at, "*    ", 5))
        vector_push(arena, &parsed->derefs, splice->at + at);
  }
}

/* ---- clang's diagnostics ------------------------------------------------- */

static const char *taken(struct arena *arena, CXString string) {
  const char *text = clang_getCString(string);
  char *copy = arena_copy(arena, text ? text : "", text ? strlen(text) : 0);
  clang_disposeString(string);
  return copy;
}

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
static const char *mark_before(const struct parsed *parsed,
                               struct arena *arena, uint32_t offset) {
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
        taken(arena, clang_getDiagnosticFixIt(diagnostic, i, &range));
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

/* The fix-its of messages that clang does not know the cure for. */
static void add_cure(const struct parsed *parsed, struct diags *diags,
                     struct diag *diag, uint32_t offset) {
  static const char *const includes[][2] = {
      {"unknown type name 'async'", "#include <ac/async.h>\n"},
      {"unknown type name '_Async'", "#include <ac/ac.h>\n"}};
  if (!strcmp(diag->text, WORDS_NO_PROTOTYPE))
    offer_void(parsed->source, diags->arena, diag, offset);
  for (size_t i = 0; i < sizeof includes / sizeof *includes; i++) {
    if (strncmp(diag->text, includes[i][0], strlen(includes[i][0])) != 0)
      continue;
    bool told = false;
    for (size_t j = 0; j < diags->items.count; j++)
      told |= !strcmp(diags->items.items[j].text, diag->text);
    if (!told)
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
      taken(arena, clang_getDiagnosticOption(diagnostic, NULL));
  CXFile file;
  unsigned line, column, offset;
  clang_getFileLocation(clang_getDiagnosticLocation(diagnostic), &file, &line,
                        &column, &offset);
  const struct source *source = parsed->source;
  bool in_main = file && clang_File_isEqual(file, parsed->file);
  if (is_artifact(parsed, in_main ? offset : UINT32_MAX, flag))
    return;
  const char *text =
      words_of_user(arena, taken(arena, clang_getDiagnosticSpelling(diagnostic)));
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
    diag.line_text = line_in(arena, source->original, source->original_bytes,
                             original);
    add_ranges(parsed, arena, diagnostic, &diag);
    add_cure(parsed, diags, &diag, offset);
  } else if (file) {
    diag.file = taken(arena, clang_getFileName(file));
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

/* Returns whether there was an error of clang's. */
static bool add_diagnostics(struct parsed *parsed, struct diags *diags) {
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

/* The keywords reach into headers that are included after ac/async.h: told of
 * system headers always, of others where clang did not understand the file. */
static void add_pollution(const struct parsed *parsed, struct diags *diags,
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
                 .file = taken(diags->arena, clang_getFileName(file)),
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

struct include_visit {
  struct parsed *parsed;
  struct arena *arena;
};

static void add_include(CXFile file, CXSourceLocation *stack, unsigned depth,
                        CXClientData data) {
  (void)stack;
  struct include_visit *visit = data;
  if (depth > 0)
    vector_push(visit->arena, &visit->parsed->includes,
                taken(visit->arena, clang_getFileName(file)));
}

/* Clang has refused the command line. It does not tell why, but two kinds of
 * words can do that: the language, and the machine. */
static void add_refusal(const struct source *source,
                        const struct options *options, struct diags *diags) {
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
    diag_plain(diags, strncmp(word, "-std=", 5)
                          ? "no C for the target '%s'"
                          : "'%s' is no standard of C that clang knows",
               value);
    told = true;
  }
  if (!told)
    diag_plain(diags, "libclang could not parse '%s'", source->name);
}

bool parse(struct parsed *parsed, struct source *source, struct arena *arena,
           const struct options *options, struct diags *diags) {
  *parsed = (struct parsed){.source = source};
  parsed->index = clang_createIndex(0, 0);
  bool guessed = words_guess_handles(source);
  unsigned errors = 0;
  for (int round = 0; round < ROUNDS; round++) {
    find_derefs(parsed, arena);
    if (!parse_once(parsed, arena, options)) {
      add_refusal(source, options, diags);
      return false;
    }
    errors = 0;
    for (unsigned i = 0; i < clang_getNumDiagnostics(parsed->tu); i++) {
      CXDiagnostic diagnostic = clang_getDiagnostic(parsed->tu, i);
      errors += clang_getDiagnosticSeverity(diagnostic) >= CXDiagnostic_Error;
      clang_disposeDiagnostic(diagnostic);
    }
    struct survey survey = {.parsed = parsed, .arena = arena};
    clang_visitChildren(clang_getTranslationUnitCursor(parsed->tu), survey_top,
                        &survey);
    if (diags->errors)
      break;
    if (apply_survey(&survey, options, diags))
      continue;
    if (!guessed || !errors)
      break;
    /* The guess may be what clang objects to. */
    guessed = false;
    source->splices.count = 0;
    source_apply(source);
  }
  struct include_visit visit = {parsed, arena};
  clang_getInclusions(parsed->tu, add_include, &visit);
  add_pollution(parsed, diags, add_diagnostics(parsed, diags));
  return true;
}

void parse_dispose(struct parsed *parsed) {
  if (parsed->tu)
    clang_disposeTranslationUnit(parsed->tu);
  if (parsed->index)
    clang_disposeIndex(parsed->index);
}
