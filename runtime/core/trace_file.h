/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * trace_file.h - the file that AC_TRACE names: a JSON array of events, written
 * by several threads, that is complete after each event. Knows nothing of
 * tasks. */
#ifndef ACI_TRACE_FILE_H
#define ACI_TRACE_FILE_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* True when a trace is wanted and can be written; the first call opens it. A
 * forked child has none; another program that finds the file in use, as a child
 * that inherits AC_TRACE does, writes to FILE.PID. */
int aci_trace_file_open(void);

/* A piece of the file, of one thread. Zeroed to begin with. */
struct aci_trace_piece {
  char *begin, *at, *end;
};

/* Text of an event as it is put together. */
struct aci_trace_event {
  size_t bytes;
  int has_args;
  char text[1200];
};

/* ph: the kind of event, of the Trace Event Format. */
void aci_event_begin(struct aci_trace_event *event, char ph, const char *name,
                     const char *category, int process, uint64_t thread,
                     int64_t when_ns);
/* More members of the same object; those from aci_event_args on are members of
 * its `args`. */
void aci_event_args(struct aci_trace_event *event);
void aci_event_text(struct aci_trace_event *event, const char *key,
                    const char *value);
void aci_event_number(struct aci_trace_event *event, const char *key,
                      uint64_t value);
void aci_event_time(struct aci_trace_event *event, const char *key,
                    int64_t time_ns);
/* Ends it and writes it. False: the trace cannot be written any more, which
 * has been said. */
int aci_event_end(struct aci_trace_event *event, struct aci_trace_piece *piece);
void aci_trace_piece_close(struct aci_trace_piece *piece);

#pragma GCC visibility pop
#endif
