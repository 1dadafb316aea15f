/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * dump.h - a stable text form of the stages, for people and tests:
 * --dump=text,model,lower,live,frame on stdout. */
#ifndef ACC_DUMP_H
#define ACC_DUMP_H

#include "live.h"
#include "model.h"
#include "options.h"

bool dump_wanted(const struct options *options, const char *stage);
void dump_model(const struct unit *unit);
/* What hoist, live and frame made of a function, as far as wanted. */
void dump_function(const struct unit *unit, const struct function *function,
                   const struct liveness *live, const struct options *options);

#endif
