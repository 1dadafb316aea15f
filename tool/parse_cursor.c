/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Questions about cursors: where they stand in the legible text, and which of
 * the dialect's marks they are. */
#include "parse_parts.h"

#include <string.h>

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

bool is_marks_header(CXFile file) {
  if (!file)
    return false;
  CXString name = clang_getFileName(file);
  const char *text = clang_getCString(name);
  size_t length = text ? strlen(text) : 0;
  bool found = length >= 10 && !strcmp(text + length - 10, "ac/marks.h");
  clang_disposeString(name);
  return found;
}

/* Whether it is what the macro `await` expands to. libclang before 19 gives the
 * place of the invocation for where a token of a macro is spelled. */
static bool is_await_macro(const struct parsed *parsed,
                           CXSourceLocation location) {
  CXFile file;
  clang_getSpellingLocation(location, &file, NULL, NULL, NULL);
  if (is_marks_header(file))
    return true;
  uint32_t offset = parsed_offset(parsed, location);
  return offset != UINT32_MAX &&
         (source_word_is(parsed->source, offset, "await") ||
          source_word_is(parsed->source, offset, "_Await"));
}

bool is_deref(const struct parsed *parsed, uint32_t offset) {
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
  CXSourceLocation begin = clang_getRangeStart(clang_getCursorExtent(cursor));
  enum CXUnaryOperatorKind kind = clang_getCursorUnaryOperatorKind(cursor);
  if (kind == CXUnaryOperator_Extension)
    return is_await_macro(parsed, begin) ? 1 : 0;
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

bool is_awaitable(CXType type) {
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

const char *parsed_text(struct arena *arena, CXString string) {
  const char *text = clang_getCString(string);
  char *copy = arena_copy(arena, text ? text : "", text ? strlen(text) : 0);
  clang_disposeString(string);
  return copy;
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

CXCursor first_child(CXCursor cursor) {
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
