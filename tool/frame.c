/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A member occupies the frame at the awaits across which it is needed: a
 * spilled local where it is live, a local that lives in the frame throughout
 * its scope, the callee's result at its own await. Two members may share a
 * slot when they occupy no await in common; slots are filled first-fit, the
 * largest members first. */
#include "frame.h"

#include "buf.h"
#include "types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_BYTES = 32, LARGE_BYTES = 256, GUESSED_ALIGN = 64 };

static bool scope_suspends(const struct local *local) {
  return local->scope_first < local->scope_end;
}

static bool is_live_anywhere(const struct function *function,
                             const struct liveness *live, uint32_t local) {
  for (uint32_t i = 0; i < function->awaits.count; i++)
    if (live_at(live, i, local))
      return true;
  return false;
}

static void classify(struct function *function, const struct liveness *live) {
  for (uint32_t i = 0; i < function->locals.count; i++) {
    struct local *local = function->locals.items[i];
    local->class = LOCAL_PLAIN;
    if (local->is_static)
      continue;
    if (local->address_taken) {
      if (scope_suspends(local))
        local->class = LOCAL_FRAME;
    } else if (is_live_anywhere(function, live, i)) {
      bool whole = local->bare->size <= LARGE_BYTES &&
                   !local->type->has_const_member;
      local->class =
          whole || local->is_temp ? LOCAL_SPILLED : LOCAL_FRAME;
    }
    local->raw = local->class != LOCAL_PLAIN && !local->bare->file_scope;
    function->frame_on_entry |= local->class == LOCAL_FRAME;
  }
}

static bool is_name_taken(const struct function *function, const char *name) {
  for (size_t i = 0; i < function->locals.count; i++) {
    const struct local *local = function->locals.items[i];
    if (!strcmp(local->out_name, name) ||
        (local->member && !strcmp(local->member, name)))
      return true;
  }
  return false;
}

static const char *fresh_name(struct arena *arena,
                              const struct function *function,
                              const char *stem) {
  for (unsigned n = 2;; n++) {
    const char *name = arena_printf(arena, "%s__%u", stem, n);
    if (!is_name_taken(function, name))
      return name;
  }
}

static void rename_local(struct arena *arena, struct function *function,
                         struct local *local) {
  local->out_name = fresh_name(arena, function, local->name);
  local->renamed = true;
}

/* At an await inside the scope of an inner variable of the same name, the
 * outer one could not be stored or loaded by its name. */
static void part_twins(struct arena *arena, struct function *function) {
  for (size_t i = 0; i < function->locals.count; i++) {
    struct local *outer = function->locals.items[i];
    if (outer->class != LOCAL_SPILLED || outer->is_temp)
      continue;
    for (size_t j = 0; j < function->locals.count; j++) {
      struct local *inner = function->locals.items[j];
      if (i == j || inner->renamed || strcmp(inner->name, outer->name) != 0 ||
          !scope_suspends(inner) || inner->is_temp ||
          inner->scope_first < outer->scope_first ||
          inner->scope_end > outer->scope_end)
        continue;
      if (inner->is_static || j < i)
        rename_local(arena, function, outer);
      else
        rename_local(arena, function, inner);
    }
  }
}

static void name_members(struct arena *arena, struct function *function) {
  for (size_t i = 0; i < function->locals.count; i++) {
    struct local *local = function->locals.items[i];
    if (local->class == LOCAL_PLAIN)
      continue;
    const char *name = local->out_name;
    for (size_t j = 0; j < i && name; j++)
      if (function->locals.items[j]->member &&
          !strcmp(function->locals.items[j]->member, name))
        name = NULL;
    local->member = name ? name : fresh_name(arena, function, local->out_name);
  }
}

static void set_live_lists(struct arena *arena, struct function *function,
                           const struct liveness *live) {
  for (uint32_t i = 0; i < function->awaits.count; i++) {
    struct await *await = function->awaits.items[i];
    VECTOR(struct local *) list = {0};
    for (uint32_t l = 0; l < function->locals.count; l++)
      if (function->locals.items[l]->class == LOCAL_SPILLED &&
          live_at(live, i, l))
        vector_push(arena, &list, function->locals.items[l]);
    await->live = list.items;
    await->live_count = (uint32_t)list.count;
    await->slot = !await->type->is_void;
  }
}

/* The awaits at which a member is needed; the last bit: before the body. */
static uint64_t *occupancy(struct arena *arena,
                           const struct function *function,
                           const struct liveness *live,
                           const struct member *member) {
  uint32_t count = (uint32_t)function->awaits.count;
  uint64_t *set = arena_alloc(arena, (count / 64 + 1) * sizeof *set);
  for (uint32_t i = 0; i <= count; i++) {
    bool needed;
    if (member->start || i == count)
      needed = member->start && i == count;
    else if (member->await)
      needed = member->await->id == i;
    else if (member->local->class == LOCAL_FRAME)
      needed = member->local->scope_first <= i && i < member->local->scope_end;
    else
      needed = live_at(live, i, member->local->id);
    if (needed)
      set[i / 64] |= (uint64_t)1 << (i % 64);
  }
  return set;
}

static int64_t member_align(const struct member *member) {
  int64_t align = member->type->align > 0 ? member->type->align : 1;
  int64_t said = member->local ? member->local->align : 0;
  if (said < 0)
    said = GUESSED_ALIGN;
  return said > align && !member->start ? said : align;
}

static void place_member(struct arena *arena, struct function *function,
                         const struct liveness *live, struct member member) {
  int64_t align = member_align(&member);
  size_t words = function->awaits.count / 64 + 1;
  uint64_t *needed = occupancy(arena, function, live, &member);
  for (size_t i = 0; i < function->slots.count; i++) {
    struct slot *slot = &function->slots.items[i];
    bool fits = member.type->size <= slot->size && align <= slot->align;
    for (size_t w = 0; w < words && fits; w++)
      fits = !(slot->occupied[w] & needed[w]);
    if (!fits)
      continue;
    for (size_t w = 0; w < words; w++)
      slot->occupied[w] |= needed[w];
    vector_push(arena, &slot->members, member);
    return;
  }
  struct slot slot = {
      .size = member.type->size, .align = align, .occupied = needed};
  vector_push(arena, &slot.members, member);
  vector_push(arena, &function->slots, slot);
}

static int larger_first(const void *a, const void *b) {
  const struct member *x = a, *y = b;
  if (x->type->size != y->type->size)
    return x->type->size > y->type->size ? -1 : 1;
  if (member_align(x) != member_align(y))
    return member_align(x) > member_align(y) ? -1 : 1;
  return strcmp(x->name, y->name);
}

static int stricter_first(const void *a, const void *b) {
  const struct slot *x = a, *y = b;
  if (x->align != y->align)
    return x->align > y->align ? -1 : 1;
  bool x_array = x->members.items[0].type->is_array;
  bool y_array = y->members.items[0].type->is_array;
  if (x_array != y_array) /* a trailing array is no longer bounds-checked */
    return x_array ? -1 : 1;
  if (x->size != y->size)
    return x->size < y->size ? -1 : 1;
  return strcmp(x->members.items[0].name, y->members.items[0].name);
}

static void make_slots(struct arena *arena, struct function *function,
                       const struct liveness *live) {
  VECTOR(struct member) members = {0};
  for (size_t i = 0; i < function->locals.count; i++) {
    struct local *local = function->locals.items[i];
    struct member member = {local->member, local->bare, local, NULL,
                            local->raw, false};
    if (local->class != LOCAL_PLAIN)
      vector_push(arena, &members, member);
  }
  for (size_t i = 0; i < function->awaits.count; i++) {
    struct await *await = function->awaits.items[i];
    struct member member = {arena_printf(arena, "ac_r%u", await->id + 1),
                            await->type, NULL, await,
                            !await->type->file_scope, false};
    if (await->slot)
      vector_push(arena, &members, member);
  }
  for (size_t i = 0; function->may_recurse && i < function->params.count;
       i++) {
    struct local *param = function->params.items[i];
    struct member member = {arena_printf(arena, "ac_p%zu", i), param->bare,
                            param, NULL, false, true};
    vector_push(arena, &members, member);
  }
  if (members.count)
    qsort(members.items, members.count, sizeof *members.items, larger_first);
  for (size_t i = 0; i < members.count; i++)
    place_member(arena, function, live, members.items[i]);
  if (function->slots.count)
    qsort(function->slots.items, function->slots.count,
          sizeof *function->slots.items, stricter_first);
}

static int64_t round_up(int64_t value, int64_t align) {
  return (value + align - 1) / align * align;
}

static void set_offsets(struct function *function) {
  int64_t at = HEADER_BYTES, align = 8;
  for (size_t i = 0; i < function->slots.count; i++) {
    struct slot *slot = &function->slots.items[i];
    slot->offset = at = round_up(at, slot->align);
    /* Several members are a union, and end as one. */
    at += slot->members.count > 1 ? round_up(slot->size, slot->align)
                                  : slot->size;
    if (slot->align > align)
      align = slot->align;
  }
  function->frame_bytes = round_up(at, align);
  function->frame_align = align;
}

static void check_types(const struct function *function,
                        const struct unit *unit, struct diags *diags) {
  for (size_t i = 0; i < function->locals.count; i++) {
    const struct local *local = function->locals.items[i];
    if (local->is_static || local->is_temp || !scope_suspends(local))
      continue;
    if (local->type->is_variable)
      diag_at(diags, unit->source, SEVERITY_ERROR, local->name_offset,
              "'%s' has a variable length array type, and its scope holds an "
              "await: not supported",
              local->name);
  }
}

/* On a cycle of calls, as far as this file shows: through functions defined
 * in it, through a pointer, or out of the file and back. */
static bool may_recurse(const struct function *function) {
  if (function->is_recursive)
    return true;
  for (size_t i = 0; i < function->awaits.count; i++) {
    const struct await *await = function->awaits.items[i];
    if (await->form != AWAIT_CALL)
      continue;
    const struct function *callee = await->expr->callee;
    if (!callee ||
        (!callee->is_defined && strncmp(callee->name, "ac_", 3) != 0))
      return true;
  }
  return false;
}

void frame_layout(struct function *function, const struct liveness *live,
                  const struct unit *unit, struct diags *diags) {
  struct arena *arena = unit->arena;
  check_types(function, unit, diags);
  function->may_recurse = may_recurse(function);
  classify(function, live);
  part_twins(arena, function);
  name_members(arena, function);
  set_live_lists(arena, function, live);
  make_slots(arena, function, live);
  set_offsets(function);
}

static void print_awaits(const struct unit *unit,
                         const struct function *function,
                         const struct member *member) {
  if (member->start) {
    printf("argument, until the body begins");
    return;
  }
  const char *lead = member->await ? "result of the await at line"
                     : member->local->class == LOCAL_FRAME
                         ? "lives here, awaits at line"
                         : "kept across the await at line";
  printf("%s", lead);
  for (size_t i = 0; i < function->awaits.count; i++) {
    const struct await *await = function->awaits.items[i];
    bool kept = member->await == await;
    if (member->local && member->local->class == LOCAL_FRAME)
      kept = member->local->scope_first <= i && i < member->local->scope_end;
    else if (member->local)
      for (uint32_t l = 0; l < await->live_count; l++)
        kept |= await->live[l] == member->local;
    if (kept)
      printf(" %u", source_line_at(unit->source, await->offset));
  }
}

/* Is there an alignment that only the C compiler knows? */
static bool is_guessed(const struct function *function) {
  for (size_t i = 0; i < function->locals.count; i++)
    if (function->locals.items[i]->class != LOCAL_PLAIN &&
        function->locals.items[i]->align < 0)
      return true;
  return false;
}

void frame_print(const struct unit *unit, const struct function *function) {
  printf("%s: %s%lld bytes%s\n", function->name,
         is_guessed(function) ? "about " : "",
         (long long)(function->awaits.count ? function->frame_bytes : 0),
         !function->awaits.count     ? ", no frame"
         : function->frame_on_entry ? ", made on entry"
                                    : ", made when it first suspends");
  if (!function->awaits.count)
    return;
  printf("  %5d %5d  (header)\n", 0, HEADER_BYTES);
  for (size_t i = 0; i < function->slots.count; i++) {
    const struct slot *slot = &function->slots.items[i];
    for (size_t j = 0; j < slot->members.count; j++) {
      const struct member *member = &slot->members.items[j];
      struct buf text = {0};
      type_declare(&text, member->type, member->name);
      printf("  %5lld %5lld  %s: ", (long long)slot->offset,
             (long long)member->type->size, text.text);
      print_awaits(unit, function, member);
      printf("\n");
      buf_free(&text);
    }
  }
}
