/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * trace.h - what a loop does, as events of a trace (AC_TRACE). A loop that is
 * traced runs its steps between calls of these; others know nothing of it. */
#ifndef ACI_TRACE_H
#define ACI_TRACE_H

#include "internal.h"

#pragma GCC visibility push(hidden)

struct aci_trace;

/* NULL: no trace is wanted, or none can be written. */
struct aci_trace *aci_trace_open(ac_loop *loop);
void aci_trace_close(struct aci_trace *trace);

/* Runs turns until nothing is ready or the budget is used up. */
void aci_trace_run_ready(ac_loop *loop);

/* Around what the loop does between turns; `what` is a constant. */
void aci_trace_between_begin(struct aci_trace *trace, const char *what);
void aci_trace_between_end(struct aci_trace *trace);

#pragma GCC visibility pop
#endif
