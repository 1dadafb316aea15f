/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * live.h - for each await, the locals whose values are needed after it. */
#ifndef ACC_LIVE_H
#define ACC_LIVE_H

#include "model.h"

/* Sets of locals by id, one for each await by id. */
struct liveness {
  size_t words; /* of each set */
  uint64_t *sets;
};

static inline bool live_at(const struct liveness *live, uint32_t await,
                           uint32_t local) {
  return live->sets[await * live->words + local / 64] >> (local % 64) & 1;
}

/* Needs: a lowered function. Gives: what is live across each await: read on
 * some way from there before it is written as a whole, and in scope. Locals
 * in memory (address_taken) are left out. Invalid after: any change of the
 * body. */
struct liveness liveness(const struct function *function, struct arena *arena);

#endif
