/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * redis.h - Redis through hiredis, awaited: component redis, acc::redis. */
#ifndef AC_REDIS_H
#define AC_REDIS_H

#include <hiredis/hiredis.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- connections -----------------------------------------------------------
 */

typedef struct ac_redis ac_redis;

/* Raise -errno when there is nobody, AC_ENOMEM. A host's name is looked up by
 * hiredis, which blocks: give an address. */
_Async ac_redis *ac_redis_connect(const char *host, int port);
_Async ac_redis *ac_redis_connect_unix(const char *path);
/* Whoever waits for a reply gets -ECONNRESET. NULL is allowed. */
AC_API void ac_redis_close(ac_redis *redis);
/* False once the connection has been lost; it does not come back. */
AC_API int ac_redis_connected(const ac_redis *redis);

/* ---- commands --------------------------------------------------------------
 */

/* redisReply *reply = await ac_redis_command(redis, "SET %s %b", key, p, n);
 *
 * hiredis' formats. The reply is to be freed with freeReplyObject; what Redis
 * refuses is a reply of the type REDIS_REPLY_ERROR. Any number of tasks may use
 * a connection: their commands are pipelined, and go out in the order in which
 * they were awaited. Raises -ECONNRESET when the connection is lost, with the
 * command executed or not, AC_EINVAL for a format that is none, AC_ENOMEM.
 * Cancelled, the await ends at once. The command may be executed all the same;
 * its reply is dropped, and the connection goes on. (A command that blocks in
 * the server holds the connection up: give it one of its own, and close that.)
 */
#define ac_redis_command(redis, ...)                                           \
  ac_redis_reply((redis), ac_redis_format((redis), __VA_ARGS__))

/* What that is made of: formats a command, which the connection keeps until it
 * is awaited; and sends it and waits. */
struct ac_redis_text;
AC_API struct ac_redis_text *ac_redis_format(ac_redis *redis,
                                             const char *format, ...);
_Async redisReply *ac_redis_reply(ac_redis *redis, struct ac_redis_text *text);

/* ---- publish and subscribe -------------------------------------------------
 */

/* A connection that has subscribed takes no other commands until it has
 * unsubscribed from everything. These return when the server has confirmed. */
_Async void ac_redis_subscribe(ac_redis *redis, const char *channel);
_Async void ac_redis_unsubscribe(ac_redis *redis, const char *channel);
_Async void ac_redis_psubscribe(ac_redis *redis, const char *pattern);
_Async void ac_redis_punsubscribe(ac_redis *redis, const char *pattern);

/* The next message: an array of "message", channel and text, or of "pmessage",
 * pattern, channel and text; to be freed. Cancelled, none is lost. After 1024
 * that nobody has taken the connection is not read from until half of them
 * have been. Raises -ECONNRESET when the connection is lost and all messages
 * have been taken. */
_Async redisReply *ac_redis_message(ac_redis *redis);

#ifdef __cplusplus
}
#endif
#endif
