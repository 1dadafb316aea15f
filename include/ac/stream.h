/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stream.h - buffered streams of bytes, included by ac.h: asyncio's
 * StreamReader and StreamWriter in one, over a socket, a pipe, a terminal, or
 * any other transport.
 *
 * A stream has one reader at a time (AC_EBUSY is raised in a second); any task
 * may write. Cancelled means that nothing was taken from the stream, and
 * nothing lost. All of it belongs to the loop's thread. */
#ifndef AC_STREAM_H
#define AC_STREAM_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ac_stream ac_stream;

/* ---- making one ---------------------------------------------------------- */

/* A stream over a descriptor, which it owns from then on: ac_stream_close
 * closes it. NULL when out of memory, and the descriptor is still the
 * caller's. */
AC_API ac_stream *ac_stream_open(int fd);

/* What a stream moves its bytes through. One read and one write are under way
 * at a time, both with memory that stays until they have ended; what is
 * cancelled must not have happened. */
struct ac_transport {
  const char *what; /* "socket" */
  /* Between 1 and `bytes` bytes, 0 at the end of the stream. */
  _Async ssize_t (*read)(void *self, void *buffer, size_t bytes);
  /* At least one byte. */
  _Async ssize_t (*write)(void *self, const void *data, size_t bytes);
  /* No more will be written; reading goes on. */
  _Async void (*shut)(void *self);
  /* Ends an orderly stream: called once, with nothing under way any more that
   * it does not wake with an error. The object is the transport's to free. */
  _Async void (*close)(void *self);
  /* The same in no time, and so that the peer can tell (a TCP reset). */
  void (*abort)(void *self);
  /* The descriptor below, or -1; may be NULL. */
  int (*fd)(const void *self);
  /* Waits until the system has all that was written; NULL: it has when write
   * returns. */
  _Async void (*flush)(void *self);
};

/* NULL when out of memory, and `self` is still the caller's. */
AC_API ac_stream *ac_stream_over(const struct ac_transport *transport,
                                 void *self);

/* ---- reading ------------------------------------------------------------- */

/* Waits for at least one byte; returns how many there are, up to `bytes`; 0 at
 * the end. */
_Async size_t ac_stream_read(ac_stream *stream, void *buffer, size_t bytes);

/* Waits for all of them. Returns fewer only where the stream ended before. */
_Async size_t ac_stream_read_exactly(ac_stream *stream, void *buffer,
                                     size_t bytes);

/* Waits for the separator. *data: what came up to it and with it, inside the
 * stream's buffer, until the stream is next read or closed. Returns its length;
 * 0 where the stream has ended. Raises, and takes nothing: -EMSGSIZE, there is
 * no separator in as many bytes as the limit says; -ENODATA, the stream ended
 * without one, and what is left can be read otherwise. */
_Async size_t ac_stream_read_until(ac_stream *stream, const void *separator,
                                   size_t separator_bytes, const char **data);

/* The same with "\n", but the last line of the stream may lack it. */
_Async size_t ac_stream_read_line(ac_stream *stream, const char **line);

/* Waits until at least that many bytes are buffered (at most the limit, else
 * -EMSGSIZE), shows all that are, and takes none. Fewer: the stream ended. */
_Async size_t ac_stream_peek(ac_stream *stream, size_t least,
                             const char **data);
/* Takes bytes that a peek has shown. AC_EINVAL: there are not that many. */
AC_API int ac_stream_consume(ac_stream *stream, size_t bytes);
/* Puts bytes back in front. AC_ENOMEM; AC_EBUSY while a task reads. */
AC_API int ac_stream_unread(ac_stream *stream, const void *data, size_t bytes);

/* True when the peer has ended the stream and everything has been read. */
AC_API int ac_stream_at_eof(const ac_stream *stream);

/* How long a line, or what ends with a separator, or is peeked at, may be.
 * Initially 64 KiB. */
AC_API void ac_stream_set_read_limit(ac_stream *stream, size_t bytes);

/* ---- writing ------------------------------------------------------------- */

/* Queues all of the bytes, a copy; they are sent from the next turn on, in
 * order, those of one turn together. 0; AC_ENOMEM, and nothing is queued; or
 * what ended writing: the error of the connection, -EPIPE after
 * ac_stream_write_eof. A task that writes much awaits ac_stream_drain between
 * its writes, which is the back-pressure. */
AC_API int ac_stream_write(ac_stream *stream, const void *data, size_t bytes);
AC_API int ac_stream_writev(ac_stream *stream, const struct iovec *pieces,
                            int count);

/* Returns at once unless more than the high mark is queued; waits then until
 * no more than the low mark is. Raises what ended writing. */
_Async void ac_stream_drain(ac_stream *stream);
/* Waits until nothing is queued: all has been handed to the system. */
_Async void ac_stream_flush(ac_stream *stream);
/* Writes and drains in turn, so that no more than the high mark is copied. A
 * cancellation part-way loses track of how many. */
_Async void ac_stream_write_all(ac_stream *stream, const void *data,
                                size_t bytes);

AC_API size_t ac_stream_queued(const ac_stream *stream);
/* Initially 64 and 16 KiB. AC_EINVAL when low > high. */
AC_API int ac_stream_set_marks(ac_stream *stream, size_t high, size_t low);

/* Half-close: ends writing when all that is queued has been sent. Reading goes
 * on. Once more is no error. */
AC_API int ac_stream_write_eof(ac_stream *stream);

/* ---- the end ------------------------------------------------------------- */

/* Sends what is queued, then closes; the stream is gone when it returns or
 * raises, and who waits for it gets AC_EBADF. NULL is allowed. Returns 0, or
 * the error with which bytes that were queued have been lost. Cancelled:
 * aborts. */
_Async int ac_stream_close(ac_stream *stream);
/* Closes at once, drops what is queued; a TCP peer sees a reset. NULL is
 * allowed. */
AC_API void ac_stream_abort(ac_stream *stream);

/* The error that ended reading or writing, or 0. After one of reading the
 * stream is neither readable nor writable; after one of writing what the peer
 * sent can still be read. */
AC_API int ac_stream_error(const ac_stream *stream);
/* The descriptor below, for getpeername and the like; -1: there is none. */
AC_API int ac_stream_fd(const ac_stream *stream);
/* The object of a stream over that transport, still the stream's; NULL: the
 * stream is over another one. */
AC_API void *ac_stream_object(const ac_stream *stream,
                              const struct ac_transport *transport);

/* Copies both ways until both ends have ended, passing each half-close on, and
 * neither direction before the other. An error ends both directions and is
 * raised. counts: bytes from a to b, and from b to a; may be NULL. */
_Async void ac_copy_bidirectional(ac_stream *a, ac_stream *b,
                                  unsigned long long counts[2]);

#ifdef __cplusplus
}
#endif
#endif
