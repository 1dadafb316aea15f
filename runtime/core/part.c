/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * part.c - what higher layers keep for each loop. A part is made when it is
 * first needed, is asked to look around when another thread or a signal
 * handler says so, and goes with the loop. */
#include "internal.h"

struct aci_part *aci_part_find(const ac_loop *loop,
                               const struct aci_part_class *class) {
  struct aci_part *part = loop->parts;
  while (part && part->class != class)
    part = part->next;
  return part;
}

struct aci_part *aci_part_get(ac_loop *loop,
                              const struct aci_part_class *class) {
  struct aci_part *part = aci_part_find(loop, class);
  if (part)
    return part;
  part = aci_sys_alloc(class->bytes, _Alignof(max_align_t));
  if (!part)
    return NULL;
  memset(part, 0, class->bytes);
  part->class = class;
  part->loop = loop;
  part->next = loop->parts;
  loop->parts = part;
  return part;
}

void aci_parts_attend(ac_loop *loop) {
  for (struct aci_part *part = loop->parts; part; part = part->next)
    if (part->class->attend)
      part->class->attend(part);
}

void aci_parts_close(ac_loop *loop) {
  for (struct aci_part *part; (part = loop->parts);) {
    loop->parts = part->next;
    part->class->close(part);
    aci_sys_free(part);
  }
}
