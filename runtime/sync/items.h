/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * items.h - the items of a queue: a ring, of which a LIFO uses the end, or a
 * heap, which grow as far as the capacity. Knows nothing of tasks. */
#ifndef ACI_ITEMS_H
#define ACI_ITEMS_H

#include <ac/ac.h>

#pragma GCC visibility push(hidden)

/* Room for one more. 0 or AC_ENOMEM. */
int aci_items_make_room(struct ac_queue *queue, size_t bytes);
/* There is room. */
void aci_items_put(struct ac_queue *queue, const void *item, size_t bytes);
/* Takes out the item that is to come next but for `skipped` others; a LIFO and
 * a priority queue skip none. There are that many. */
void aci_items_take(struct ac_queue *queue, void *item, size_t bytes,
                    size_t skipped);
void aci_items_free(struct ac_queue *queue);

#pragma GCC visibility pop
#endif
