/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * waits.h - who waits for whom among the tasks of a loop, taken down at one
 * moment: as a tree, and its circles. */
#ifndef ACI_WAITS_H
#define ACI_WAITS_H

#include "internal.h"

#pragma GCC visibility push(hidden)

struct aci_waits;
/* NULL: out of memory. It is of no use after the loop has gone on. */
struct aci_waits *aci_waits_new(ac_loop *loop);
void aci_waits_free(struct aci_waits *waits);

/* Visits each task that is not done once: after one those below it, which it
 * waits for or whose group it is in, at the next depth. */
void aci_waits_tree(struct aci_waits *waits,
                    void (*visit)(const struct ac_future *task, size_t depth,
                                  void *arg),
                    void *arg);

/* Visits some circles in which each task waits for the next, and the last for
 * the first: one at least where there is one, and no task twice. */
void aci_waits_circles(struct aci_waits *waits,
                       void (*visit)(const struct ac_future *const *tasks,
                                     size_t count, void *arg),
                       void *arg);

#pragma GCC visibility pop
#endif
