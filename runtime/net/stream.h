/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stream.h - a stream, for the files of this folder.
 *
 * Reading: one buffer, filled by the task that reads. Writing: `pending`
 * collects what is written while a task of the stream's own, its writer, sends
 * `sending`; then they change places. So bytes never move while the system has
 * their address, and small writes of one turn become one send. */
#ifndef ACI_STREAM_H
#define ACI_STREAM_H

#include <ac/ac.h>

struct aci_buffer {
  char *data;
  size_t start, end; /* what it holds */
  size_t bytes;      /* allocated */
};

struct ac_stream {
  const struct ac_transport *transport;
  void *self;
  int holds; /* the owner, the writer, and every call that may be suspended */

  struct aci_buffer in;
  size_t read_limit;
  int reading; /* a task is in a call that reads */
  int eof;
  int read_error;

  struct aci_buffer pending, sending;
  size_t high, low;
  struct ac_lot drains;  /* tasks that wait for less to be queued */
  struct ac_lot writers; /* the writer while it has nothing to do */
  ac_task(void) writer;
  int writer_runs; /* it has begun, and not ended */
  int paused;      /* was above the high mark, and is not at the low one yet */
  int shut;        /* asked for: 1, done: 2 */
  int write_error;
  int lost; /* bytes that were queued have been dropped */
  int closed;
};

#pragma GCC visibility push(hidden)

void aci_buffer_free(struct aci_buffer *buffer);
/* Makes room for that many bytes after `end`. AC_ENOMEM: nothing changed. */
int aci_buffer_reserve(struct aci_buffer *buffer, size_t bytes);
/* Nothing is left: the next byte goes to the beginning, and memory that a
 * burst has needed is given back. */
void aci_buffer_reset(struct aci_buffer *buffer);

static inline size_t aci_buffer_held(const struct aci_buffer *buffer) {
  return buffer->end - buffer->start;
}

static inline void aci_stream_hold(ac_stream *stream) { stream->holds++; }
void aci_stream_release(ac_stream *stream);

/* An error that is not the connection's: the next call may do better. */
static inline int aci_is_passing(int error) {
  return error == AC_ECANCELED || error == AC_ENOMEM || error == AC_EBUSY;
}

#pragma GCC visibility pop

#endif
