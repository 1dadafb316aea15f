/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * signals.h - a stream of signals, between signals.c and signals.ac. */
#ifndef ACI_SIGNALS_H
#define ACI_SIGNALS_H

#include <ac/ac.h>

struct aci_signal_stream {
  struct aci_signal_stream *next; /* of all; atomic, as the next two */
  uint64_t listens;               /* a bit for each signal, from 1 */
  uint64_t arrived;
  ac_loop *loop;
  struct ac_lot waiters;
};

#pragma GCC visibility push(hidden)
/* One that has arrived, or 0. */
int aci_signals_take(struct aci_signal_stream *stream);
#pragma GCC visibility pop

#endif
