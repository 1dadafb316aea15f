/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * pq.h - PostgreSQL through libpq, awaited: component pq, acc::pq. The types
 * and what one does with results are libpq's own; each function here is the
 * libpq function of the same name that would block. One task at a time uses a
 * connection. */
#ifndef AC_PQ_H
#define AC_PQ_H

#include <libpq-fe.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- connections --------------------------------------------------------- */

/* As PQconnectdb: never NULL; PQstatus tells whether it is connected, and
 * PQerrorMessage why not. The connection is non-blocking. To be ended with
 * ac_pq_finish. Raises AC_ENOMEM. A host's name is looked up by libpq, which
 * blocks: give hostaddr, or a Unix socket. connect_timeout is not heeded, use
 * ac_timeout. */
_Async PGconn *ac_pq_connect(const char *conninfo);
/* As PQreset: the same connection anew. Its status tells. */
_Async void ac_pq_reset(PGconn *conn);
/* PQfinish, which the loop hears of. NULL is allowed. */
AC_API void ac_pq_finish(PGconn *conn);

/* ---- queries ------------------------------------------------------------- */

/* As PQexec and so on: the result of the last command, an error result where
 * it failed, NULL when it could not be sent (PQerrorMessage). To be freed with
 * PQclear. A server that goes away is an error result with PQstatus
 * CONNECTION_BAD.
 * Cancelled, the query is cancelled in the server (PQcancel) and its results
 * are taken in, so that the connection can be used at once; as with PQcancel it
 * may have been executed before that. If the server does not answer within
 * some seconds, the connection is shut down: its status becomes
 * CONNECTION_BAD. */
_Async PGresult *ac_pq_exec(PGconn *conn, const char *command);
_Async PGresult *ac_pq_exec_params(PGconn *conn, const char *command, int count,
                                   const Oid *types, const char *const *values,
                                   const int *lengths, const int *formats,
                                   int result_format);
_Async PGresult *ac_pq_prepare(PGconn *conn, const char *name,
                               const char *command, int count,
                               const Oid *types);
_Async PGresult *ac_pq_exec_prepared(PGconn *conn, const char *name, int count,
                                     const char *const *values,
                                     const int *lengths, const int *formats,
                                     int result_format);

/* ---- results one by one -------------------------------------------------- */

/* As PQgetResult, after PQsendQuery and so on: for single-row mode, pipeline
 * mode and several commands at once. Sends what is still to be sent.
 * Cancelled, it has not happened: the next call gives the same result. */
_Async PGresult *ac_pq_get_result(PGconn *conn);
/* Sends all that is to be sent, taking in what comes meanwhile. Raises
 * -ECONNRESET when the connection has failed. */
_Async void ac_pq_flush(PGconn *conn);
/* What a cancelled ac_pq_exec does, for queries sent otherwise. Itself not to
 * be cancelled; takes a few seconds at most. Not for pipeline mode. */
_Async void ac_pq_cancel(PGconn *conn);

/* ---- COPY ---------------------------------------------------------------- */

/* As PQputCopyData, and waits while the socket is full: 1, or -1 on an error.
 * After the end ac_pq_get_result has the outcome. */
_Async int ac_pq_put_copy_data(PGconn *conn, const char *buffer, int bytes);
_Async int ac_pq_put_copy_end(PGconn *conn, const char *error);
/* As PQgetCopyData: the length of a row, which is to be freed with PQfreemem,
 * -1 at the end, -2 on an error. */
_Async int ac_pq_get_copy_data(PGconn *conn, char **buffer);

/* ---- LISTEN and NOTIFY --------------------------------------------------- */

/* The next notification, to be freed with PQfreemem; also one that has come
 * with a query's results. Raises -ECONNRESET when the connection is lost.
 * Cancelled, none is lost. */
_Async PGnotify *ac_pq_notify(PGconn *conn);

/* ---- a pool of connections ----------------------------------------------- */

/* Connections of one loop that tasks borrow. */
struct ac_pq_pool_options {
  const char *conninfo;
  int limit; /* connections at most; 0: 10 */
  /* How long acquiring tries to connect, again and again, before it raises:
   * a server that restarts is waited for. Seconds; 0: 10. */
  double patience;
  /* A connection that has been idle for so long is asked for a sign of life
   * before it is lent out; 0: 30 seconds. One that the server has closed is
   * found out in any case. */
  double check_after;
};
typedef struct ac_pq_pool ac_pq_pool;

/* NULL when out of memory. Connections are made when they are needed. */
AC_API ac_pq_pool *ac_pq_pool_open(const struct ac_pq_pool_options *options);
/* Closes the connections, those that are lent out when they are given back;
 * tasks that wait for one get AC_ECANCELED. */
AC_API void ac_pq_pool_close(ac_pq_pool *pool);

/* Lends a connection that works, outside of any transaction; when all are lent
 * out, in the order of asking. Raises -ECONNREFUSED when none could be made in
 * time (ac_pq_pool_error has the text), AC_EINVAL when the pool is closed.
 * To be given back with ac_pq_release, in whatever state it is then: a
 * transaction that is open is rolled back, a connection that is lost, or in
 * the middle of something, is replaced. */
_Async PGconn *ac_pq_acquire(ac_pq_pool *pool);
AC_API void ac_pq_release(ac_pq_pool *pool, PGconn *conn);

/* libpq's text for the last connection that failed; "" at first. */
AC_API const char *ac_pq_pool_error(const ac_pq_pool *pool);
/* Connections that there are, idle and lent out. */
AC_API int ac_pq_pool_size(const ac_pq_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
