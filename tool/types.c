/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Types are printed here and not by clang, because clang's spelling is no
 * declaration, and shows the marks of the dialect. A declarator is built from
 * the inside out around a place for the name. */
#include "types.h"

#include "buf.h"
#include "parse.h"

#include <string.h>

#define NAME "\001"

struct printer {
  struct arena *arena;
  bool local;       /* names something declared inside a function */
  bool nameless;    /* holds a type without a name */
  bool variable;    /* variably modified */
  unsigned pending; /* qualifiers of an array, which are its elements' */
};

static const char *print(struct printer *printer, CXType type,
                         const char *inner);

static const char *spelling(struct arena *arena, CXString string) {
  const char *text = clang_getCString(string);
  char *copy = arena_copy(arena, text ? text : "", text ? strlen(text) : 0);
  clang_disposeString(string);
  return copy;
}

static unsigned qualifier_set(CXType type) {
  return (clang_isConstQualifiedType(type) ? 1u : 0u) |
         (clang_isVolatileQualifiedType(type) ? 2u : 0u) |
         (clang_isRestrictQualifiedType(type) ? 4u : 0u);
}

static const char *qualifiers(struct printer *printer, CXType type, bool *any) {
  static const char *const names[] = {"",
                                      "const ",
                                      "volatile ",
                                      "const volatile ",
                                      "restrict ",
                                      "const restrict ",
                                      "volatile restrict ",
                                      "const volatile restrict "};
  unsigned set = qualifier_set(type) | printer->pending;
  printer->pending = 0;
  *any = set != 0;
  return names[set];
}

static bool is_declared_at_file_level(CXCursor declaration) {
  CXCursor parent = clang_getCursorSemanticParent(declaration);
  enum CXCursorKind kind = clang_getCursorKind(parent);
  if (kind == CXCursor_StructDecl || kind == CXCursor_UnionDecl)
    return is_declared_at_file_level(parent);
  return kind == CXCursor_TranslationUnit || clang_Cursor_isNull(parent) ||
         clang_isInvalid(kind);
}

static const char *join(struct printer *printer, const char *left,
                        const char *inner) {
  return arena_printf(printer->arena, "%s%s%s", left, *inner ? " " : "", inner);
}

/* `struct tag`, a typedef's name, or what there is for a type without one. */
static const char *print_named(struct printer *printer, CXType type,
                               const char *inner) {
  struct arena *arena = printer->arena;
  bool any;
  const char *quals = qualifiers(printer, type, &any);
  CXCursor declaration = clang_getTypeDeclaration(type);
  if (!is_declared_at_file_level(declaration))
    printer->local = true;
  enum CXCursorKind kind = clang_getCursorKind(declaration);
  const char *name;
  if (kind == CXCursor_TypedefDecl) {
    name = spelling(arena, clang_getCursorSpelling(declaration));
    CXType canonical = clang_getCanonicalType(type);
    if (canonical.kind == CXType_VariableArray)
      printer->variable = true;
  } else {
    const char *tag = kind == CXCursor_UnionDecl  ? "union "
                      : kind == CXCursor_EnumDecl ? "enum "
                                                  : "struct ";
    CXType plain = clang_getCursorType(declaration);
    name = spelling(arena, clang_getTypeSpelling(plain));
    if (!strcmp(name, "struct __va_list_tag")) { /* no name of it in C */
      name = "__typeof__(**(__builtin_va_list *)0)";
    } else if (clang_Cursor_isAnonymous(declaration) || strchr(name, '(')) {
      CXFile file;
      unsigned offset;
      clang_getFileLocation(clang_getCursorLocation(declaration), &file, NULL,
                            NULL, &offset);
      name = arena_printf(arena, "%sac_unnamed_%u", tag, offset);
      printer->nameless = true;
    }
  }
  return join(printer, arena_printf(arena, "%s%s", quals, name), inner);
}

static const char *print_pointer(struct printer *printer, CXType type,
                                 const char *inner) {
  struct arena *arena = printer->arena;
  CXType pointee = clang_getPointeeType(type);
  bool any;
  const char *quals = qualifiers(printer, type, &any);
  enum handle_kind handle = parsed_handle(type);
  if (handle != HANDLE_NONE) {
    static const char *const words[] = {"", "ac_task", "ac_future", "ac_coro",
                                        "ac_yields"};
    const char *yield = print(printer, clang_getUnqualifiedType(pointee), "");
    return join(printer,
                arena_printf(arena, "%s%s(%s)", quals, words[handle], yield),
                inner);
  }
  const char *star = any ? arena_printf(arena, "*%s%s", quals, inner)
                         : arena_printf(arena, "*%s", inner);
  CXType shape = pointee;
  while (shape.kind == CXType_Unexposed || shape.kind == CXType_Attributed) {
    CXType next = shape.kind == CXType_Attributed
                      ? clang_Type_getModifiedType(shape)
                      : clang_getCanonicalType(shape);
    if (next.kind == shape.kind)
      break;
    shape = next;
  }
  switch (shape.kind) {
  case CXType_ConstantArray:
  case CXType_IncompleteArray:
  case CXType_VariableArray:
  case CXType_FunctionProto:
  case CXType_FunctionNoProto:
    return print(printer, pointee, arena_printf(arena, "(%s)", star));
  default:
    return print(printer, pointee, star);
  }
}

static const char *print_function(struct printer *printer, CXType type,
                                  const char *inner) {
  struct buf params = {0};
  int count = clang_getNumArgTypes(type);
  buf_puts(&params, "(");
  for (int i = 0; i < count; i++)
    buf_printf(&params, "%s%s", i ? ", " : "",
               print(printer, clang_getArgType(type, (unsigned)i), ""));
  if (clang_isFunctionTypeVariadic(type) && count)
    buf_puts(&params, ", ...");
  else if (!count && type.kind == CXType_FunctionProto)
    buf_puts(&params, "void");
  buf_puts(&params, ")");
  const char *declarator =
      arena_printf(printer->arena, "%s%s", inner, params.text);
  buf_free(&params);
  return print(printer, clang_getResultType(type), declarator);
}

static const char *print(struct printer *printer, CXType type,
                         const char *inner) {
  struct arena *arena = printer->arena;
  switch (type.kind) {
  case CXType_Pointer:
    return print_pointer(printer, type, inner);
  case CXType_ConstantArray:
    printer->pending |= qualifier_set(type);
    return print(
        printer, clang_getArrayElementType(type),
        arena_printf(arena, "%s[%lld]", inner, clang_getArraySize(type)));
  case CXType_IncompleteArray:
    printer->pending |= qualifier_set(type);
    return print(printer, clang_getArrayElementType(type),
                 arena_printf(arena, "%s[]", inner));
  case CXType_VariableArray:
    printer->variable = true;
    return print(printer, clang_getArrayElementType(type),
                 arena_printf(arena, "%s[]", inner));
  case CXType_FunctionProto:
  case CXType_FunctionNoProto:
    return print_function(printer, type, inner);
  case CXType_Elaborated: {
    CXType named = clang_Type_getNamedType(type);
    bool any;
    const char *quals = qualifiers(printer, type, &any);
    if (any && !clang_isConstQualifiedType(named) &&
        !clang_isVolatileQualifiedType(named) &&
        !clang_isRestrictQualifiedType(named)) {
      const char *bare = print(printer, named, "");
      return join(printer, arena_printf(arena, "%s%s", quals, bare), inner);
    }
    return print(printer, named, inner);
  }
  case CXType_Typedef:
  case CXType_Record:
  case CXType_Enum:
    return print_named(printer, type, inner);
  case CXType_Attributed: {
    CXType modified = clang_Type_getModifiedType(type);
    if (modified.kind != CXType_Invalid)
      return print(printer, modified, inner);
    break;
  }
  case CXType_Unexposed: {
    CXType canonical = clang_getCanonicalType(type);
    if (canonical.kind != CXType_Unexposed)
      return print(printer, canonical, inner);
    break;
  }
  case CXType_Atomic: {
    const char *value = print(printer, clang_Type_getValueType(type), "");
    return join(printer, arena_printf(arena, "_Atomic(%s)", value), inner);
  }
  default:
    break;
  }
  bool is_builtin =
      type.kind >= CXType_FirstBuiltin && type.kind <= CXType_LastBuiltin;
  CXType canonical = clang_getCanonicalType(type);
  if (!is_builtin && canonical.kind != type.kind &&
      canonical.kind != CXType_Unexposed)
    return print(printer, canonical, inner);
  if (printer->pending) {
    bool any;
    const char *quals = qualifiers(printer, type, &any);
    return join(
        printer,
        arena_printf(arena, "%s%s", quals,
                     spelling(arena, clang_getTypeSpelling(
                                         clang_getUnqualifiedType(type)))),
        inner);
  }
  return join(printer, spelling(arena, clang_getTypeSpelling(type)), inner);
}

static bool type_has_const_member(CXType type);

static enum CXVisitorResult find_const_field(CXCursor field,
                                             CXClientData data) {
  CXType type = clang_getCanonicalType(clang_getCursorType(field));
  while (clang_getArrayElementType(type).kind != CXType_Invalid)
    type = clang_getCanonicalType(clang_getArrayElementType(type));
  if (!clang_isConstQualifiedType(type) && !type_has_const_member(type))
    return CXVisit_Continue;
  *(bool *)data = true;
  return CXVisit_Break;
}

/* Has a member that is const, at any depth: it cannot be assigned. */
static bool type_has_const_member(CXType type) {
  bool found = false;
  type = clang_getCanonicalType(type);
  if (type.kind == CXType_Record)
    clang_Type_visitFields(type, find_const_field, &found);
  return found;
}

static bool is_scalar(enum CXTypeKind kind) {
  return (kind >= CXType_FirstBuiltin && kind <= CXType_LastBuiltin &&
          kind != CXType_Void) ||
         kind == CXType_Pointer || kind == CXType_Enum ||
         kind == CXType_Complex || kind == CXType_Atomic;
}

static void set_text(struct arena *arena, struct type *out,
                     struct printer *printer, CXType type) {
  const char *text = print(printer, type, NAME);
  const char *place = strstr(text, NAME);
  out->before = arena_copy(arena, text, (size_t)(place - text));
  out->after = place + 1;
}

static void set_function(struct arena *arena, struct type *out, CXType type) {
  out->is_function = true;
  out->prototyped = type.kind == CXType_FunctionProto;
  out->variadic = clang_isFunctionTypeVariadic(type) != 0 && out->prototyped;
  out->is_async = parsed_is_async(type);
  out->yield = type_unqualified(arena, clang_getResultType(type));
  int count = clang_getNumArgTypes(type);
  for (int i = 0; i < count; i++)
    vector_push(arena, &out->params,
                type_unqualified(arena, clang_getArgType(type, (unsigned)i)));
}

const struct type *type_of(struct arena *arena, CXType type) {
  struct type *out = ARENA_NEW(arena, struct type);
  struct printer printer = {.arena = arena};
  CXType canonical = clang_getCanonicalType(type);
  set_text(arena, out, &printer, type);
  if (printer.local || printer.nameless) {
    /* What hides a usable name may be sugar: a local typedef of int. */
    struct printer bare = {.arena = arena};
    struct type other = *out;
    set_text(arena, &other, &bare, canonical);
    if (!bare.local && !bare.nameless) {
      *out = other;
      printer = bare;
    }
  }
  out->file_scope = !printer.local && !printer.nameless && !printer.variable;
  out->nameless = printer.nameless;
  out->is_variable = printer.variable;
  out->is_void = canonical.kind == CXType_Void;
  out->is_bool = canonical.kind == CXType_Bool;
  out->is_record = canonical.kind == CXType_Record;
  out->has_const_member = out->is_record && type_has_const_member(canonical);
  out->is_scalar = is_scalar(canonical.kind);
  out->is_object_pointer =
      canonical.kind == CXType_Pointer &&
      clang_getPointeeType(canonical).kind != CXType_FunctionProto &&
      clang_getPointeeType(canonical).kind != CXType_FunctionNoProto;
  out->is_array = canonical.kind == CXType_ConstantArray ||
                  canonical.kind == CXType_IncompleteArray ||
                  canonical.kind == CXType_VariableArray;
  out->is_vector =
      canonical.kind == CXType_Vector || canonical.kind == CXType_ExtVector;
  out->is_const = clang_isConstQualifiedType(canonical) != 0;
  if (out->is_array) {
    CXType element = canonical;
    while (clang_getArrayElementType(element).kind != CXType_Invalid)
      element = clang_getCanonicalType(clang_getArrayElementType(element));
    out->is_const = clang_isConstQualifiedType(element) != 0;
  }
  /* libclang cannot measure its own placeholders, such as a builtin's. */
  bool measurable = canonical.kind != CXType_Unexposed;
  out->size = out->is_void ? 0
              : measurable ? clang_Type_getSizeOf(canonical)
                           : -1;
  out->align = out->is_void ? 1 : measurable ? clang_Type_getAlignOf(type) : 1;
  out->handle = parsed_handle(type);
  if (out->handle != HANDLE_NONE)
    out->yield = type_unqualified(
        arena, clang_getUnqualifiedType(clang_getPointeeType(canonical)));
  CXType function = canonical.kind == CXType_Pointer
                        ? clang_getPointeeType(canonical)
                        : canonical;
  if (canonical.kind == CXType_FunctionProto ||
      canonical.kind == CXType_FunctionNoProto)
    set_function(arena, out, canonical);
  else if (function.kind == CXType_FunctionProto ||
           function.kind == CXType_FunctionNoProto)
    out->yield = type_of(arena, function);
  return out;
}

const struct type *type_unqualified(struct arena *arena, CXType type) {
  CXType bare = clang_getUnqualifiedType(type);
  CXType canonical = clang_getCanonicalType(bare);
  /* A qualifier inside a typedef stays; its canonical type has none. */
  if (clang_isConstQualifiedType(canonical) ||
      clang_isVolatileQualifiedType(canonical))
    bare = clang_getUnqualifiedType(canonical);
  CXType element = canonical;
  bool is_array = false;
  while (clang_getArrayElementType(element).kind != CXType_Invalid) {
    element = clang_getCanonicalType(clang_getArrayElementType(element));
    is_array = true;
  }
  const struct type *result = type_of(arena, bare);
  if (is_array && clang_isConstQualifiedType(element) &&
      !strncmp(result->before, "const ", 6)) {
    struct type *copy = ARENA_NEW(arena, struct type);
    *copy = *result;
    copy->before += 6;
    result = copy;
  }
  return result;
}

const struct type *type_volatile(struct arena *arena, const struct type *type) {
  struct type *copy = ARENA_NEW(arena, struct type);
  size_t length = strlen(type->before);
  bool apart = length && type->before[length - 1] != ' ' &&
               type->before[length - 1] != '*';
  *copy = *type;
  copy->before =
      arena_printf(arena, "%s%svolatile ", type->before, apart ? " " : "");
  return copy;
}

void type_declare(struct buf *out, const struct type *type, const char *name) {
  size_t length = strlen(type->before);
  const char *before = type->before;
  /* "int " NAME, "char *" NAME; as a bare name without the blank. */
  if (!*name && length && before[length - 1] == ' ')
    length--;
  buf_add(out, before, length);
  buf_puts(out, name);
  buf_puts(out, type->after);
}
