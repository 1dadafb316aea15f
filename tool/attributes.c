/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * clang prints a declaration with all that it has read of it, whatever macros
 * and headers it came through; so the attributes are taken from there and not
 * from the source. */
#include "attributes.h"

#include <stdbool.h>
#include <string.h>

static const struct {
  const char *name;
  enum attribute_fate fate;
} fates[] = {
    {"aligned", ATTRIBUTE_ENTRY},
    {"externally_visible", ATTRIBUTE_ENTRY},
    {"noinline", ATTRIBUTE_ENTRY},
    {"retain", ATTRIBUTE_ENTRY},
    {"unused", ATTRIBUTE_ENTRY},
    {"used", ATTRIBUTE_ENTRY},
    {"visibility", ATTRIBUTE_ENTRY},
    {"weak", ATTRIBUTE_ENTRY},

    {"cold", ATTRIBUTE_CODE},
    {"hot", ATTRIBUTE_CODE},
    {"minsize", ATTRIBUTE_CODE},
    {"no_instrument_function", ATTRIBUTE_CODE},
    {"no_profile_instrument_function", ATTRIBUTE_CODE},
    {"no_sanitize", ATTRIBUTE_CODE},
    {"no_stack_protector", ATTRIBUTE_CODE},
    {"section", ATTRIBUTE_CODE},
    {"target", ATTRIBUTE_CODE},

    {"access", ATTRIBUTE_DROPPED},
    {"address_space", ATTRIBUTE_DROPPED},
    {"alloc_align", ATTRIBUTE_DROPPED},
    {"alloc_size", ATTRIBUTE_DROPPED},
    {"always_inline", ATTRIBUTE_DROPPED},
    {"annotate", ATTRIBUTE_DROPPED},
    {"artificial", ATTRIBUTE_DROPPED},
    {"assume_aligned", ATTRIBUTE_DROPPED},
    {"availability", ATTRIBUTE_DROPPED},
    {"const", ATTRIBUTE_DROPPED},
    {"deprecated", ATTRIBUTE_DROPPED},
    {"diagnose_if", ATTRIBUTE_DROPPED},
    {"error", ATTRIBUTE_DROPPED},
    {"ext_vector_type", ATTRIBUTE_DROPPED},
    {"flatten", ATTRIBUTE_DROPPED},
    {"format", ATTRIBUTE_DROPPED},
    {"format_arg", ATTRIBUTE_DROPPED},
    {"leaf", ATTRIBUTE_DROPPED},
    {"malloc", ATTRIBUTE_DROPPED},
    {"maybe_unused", ATTRIBUTE_DROPPED},
    {"mode", ATTRIBUTE_DROPPED},
    {"nodiscard", ATTRIBUTE_DROPPED},
    {"nonnull", ATTRIBUTE_DROPPED},
    {"noreturn", ATTRIBUTE_DROPPED},
    {"nothrow", ATTRIBUTE_DROPPED},
    {"pure", ATTRIBUTE_DROPPED},
    {"returns_nonnull", ATTRIBUTE_DROPPED},
    {"sentinel", ATTRIBUTE_DROPPED},
    {"swiftcall", ATTRIBUTE_DROPPED},
    {"unavailable", ATTRIBUTE_DROPPED},
    {"vector_size", ATTRIBUTE_DROPPED},
    {"warn_unused_result", ATTRIBUTE_DROPPED},
    {"warning", ATTRIBUTE_DROPPED},

    {"alias", ATTRIBUTE_REFUSED},
    {"constructor", ATTRIBUTE_REFUSED},
    {"cpu_dispatch", ATTRIBUTE_REFUSED},
    {"cpu_specific", ATTRIBUTE_REFUSED},
    {"destructor", ATTRIBUTE_REFUSED},
    {"gnu_inline", ATTRIBUTE_REFUSED},
    {"ifunc", ATTRIBUTE_REFUSED},
    {"interrupt", ATTRIBUTE_REFUSED},
    {"naked", ATTRIBUTE_REFUSED},
    {"optnone", ATTRIBUTE_REFUSED},
    {"overloadable", ATTRIBUTE_REFUSED},
    {"returns_twice", ATTRIBUTE_REFUSED},
    {"signal", ATTRIBUTE_REFUSED},
    {"target_clones", ATTRIBUTE_REFUSED},
    {"target_version", ATTRIBUTE_REFUSED},
    {"weakref", ATTRIBUTE_REFUSED},
};

static bool starts(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Behind the bracket that closes the one at `text`, or the text's end. */
static const char *behind(const char *text) {
  int depth = 0;
  for (; *text; text++) {
    if (*text == '"' || *text == '\'') {
      char quote = *text++;
      while (*text && *text != quote)
        text += *text == '\\' && text[1] ? 2 : 1;
      if (!*text)
        break;
    } else if (*text == '(' || *text == '[') {
      depth++;
    } else if ((*text == ')' || *text == ']') && --depth == 0) {
      return text + 1;
    }
  }
  return text;
}

/* "gnu::__weak__(x)" is {"weak", "weak(x)"}. */
static struct attribute read_one(struct arena *arena, const char *text,
                                 size_t bytes) {
  const char *copy = arena_copy(arena, text, bytes);
  const char *scope = strstr(copy, "::");
  size_t length = strcspn(copy, "(");
  if (scope && (size_t)(scope - copy) < length) {
    copy = scope + 2;
    length = strcspn(copy, "(");
  }
  const char *arguments = copy + length;
  if (length > 4 && starts(copy, "__") && starts(copy + length - 2, "__")) {
    copy += 2;
    length -= 4;
  }
  struct attribute attribute = {.name = arena_copy(arena, copy, length),
                                .fate = ATTRIBUTE_UNKNOWN};
  attribute.text = arena_printf(arena, "%s%s", attribute.name, arguments);
  for (size_t i = 0; i < sizeof fates / sizeof *fates; i++)
    if (!strcmp(fates[i].name, attribute.name))
      attribute.fate = fates[i].fate;
  return attribute;
}

attribute_list attributes_find(struct arena *arena, const char *declaration,
                               const char **label) {
  attribute_list list = {0};
  for (const char *at = declaration; *at && *at != '{';) {
    static const char word[] = "__attribute__(";
    const char *open = starts(at, word)   ? at + sizeof word - 2
                       : starts(at, "[[") ? at
                                          : NULL;
    if (open) {
      const char *end = behind(open);
      if (end - open > 4)
        vector_push(arena, &list,
                    read_one(arena, open + 2, (size_t)(end - open) - 4));
      at = end;
    } else if (starts(at, "asm(")) {
      const char *end = behind(at + 3);
      *label = arena_printf(arena, "__asm__%.*s", (int)(end - (at + 3)),
                            at + 3);
      at = end;
    } else {
      at = *at == '(' ? behind(at) : at + 1;
    }
  }
  return list;
}

void attributes_add(struct arena *arena, struct attributes *attributes,
                    const struct attribute *attribute) {
  const char **to = attribute->fate == ATTRIBUTE_CODE ? &attributes->code
                                                      : &attributes->entry;
  const char *text =
      arena_printf(arena, "__attribute__((%s)) ", attribute->text);
  if (!strstr(*to, text))
    *to = arena_printf(arena, "%s%s", *to, text);
}
