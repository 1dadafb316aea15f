/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * signals.h - signals as something to await, included by ac.h.
 *
 *   struct ac_signals signals = {0};
 *   defer ac_signals_close(&signals);
 *   ac_signals_add(&signals, SIGTERM);
 *   ac_signals_add(&signals, SIGHUP);
 *   for (;;)
 *     if (await ac_signals_next(&signals) == SIGTERM)
 *       break;
 *
 * From ac_signals_add on the signal does nothing but arrive here, and is kept
 * until somebody asks for it; several of one number are one, as ever. Any
 * number of loops may listen to one signal: each is told. When nobody does any
 * more, what the process did with the signal before is back in force.
 *
 * A program that listens to SIGINT has it instead of the cancellation of its
 * main task. */
#ifndef AC_SIGNALS_H
#define AC_SIGNALS_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zeroed, it listens to nothing. It belongs to its loop, at whose end it is
 * closed. */
struct ac_signals {
  struct aci_signal_stream *stream;
};

/* AC_EINVAL for signals that cannot be caught or returned from. */
AC_API int ac_signals_add(struct ac_signals *signals, int signal_number);
AC_API int ac_signals_remove(struct ac_signals *signals, int signal_number);
/* The next that has arrived, lowest number first. Each is given to one of
 * those who wait. Cancelled, it has taken none. Raises AC_EINVAL when it
 * listens to nothing, AC_EBADF when it is closed meanwhile. */
_Async int ac_signals_next(struct ac_signals *signals);
AC_API void ac_signals_close(struct ac_signals *signals);

/* Waits for the signal to arrive from now on, once. */
_Async void ac_signal_wait(int signal_number);

#ifdef __cplusplus
}
#endif
#endif
