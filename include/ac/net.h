/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * net.h - connections, servers, Unix sockets and datagrams, included by ac.h.
 * All of it belongs to the loop's thread. */
#ifndef AC_NET_H
#define AC_NET_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <ac/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- addresses ----------------------------------------------------------- */

struct ac_address {
  socklen_t bytes;
  struct sockaddr_storage to;
};

/* A numeric IPv4 or IPv6 address ("127.0.0.1", "::1", "fe80::1%eth0"; NULL:
 * every one of this machine, IPv6 with IPv4). AC_EINVAL when it is none. */
AC_API int ac_address_ip(struct ac_address *address, const char *text,
                         unsigned port);
/* A Unix socket's: a path, or with "@" in front a name in the abstract
 * namespace. -ENAMETOOLONG. */
AC_API int ac_address_unix(struct ac_address *address, const char *path);
/* "127.0.0.1:80", "[::1]:80", "/run/x", "@name", into text, cut at `bytes`;
 * returns text. */
AC_API char *ac_address_text(const struct ac_address *address, char *text,
                             size_t bytes);
/* The port of an IP address, else 0. */
AC_API unsigned ac_address_port(const struct ac_address *address);
/* Those of a socket's two ends. 0 or -errno. */
AC_API int ac_local_address(int fd, struct ac_address *address);
AC_API int ac_peer_address(int fd, struct ac_address *address);

/* ---- clients ------------------------------------------------------------- */

struct ac_connect_options {
  const struct ac_address *local; /* to bind to; NULL: any */
  /* Seconds before the next address is tried beside the ones under way; 0:
   * 0.25, as RFC 8305 says; negative: one after another. */
  double stagger;
  int keep_delay; /* without TCP_NODELAY, which is set otherwise */
  int keepalive;  /* seconds of silence before the peer is probed; 0: never */
  /* Makes one connection, instead of socket(2) and connect(2): returns a
   * descriptor, which is ac_connect's to close. For proxies, and tests. */
  _Async int (*attempt)(const struct ac_address *address, void *arg);
  void *attempt_arg;
};

/* A stream connection to whichever of the addresses answers first: they are
 * tried in the order in which they stand, IPv6 and IPv4 by turns, each while
 * those before may still be under way; a failure begins the next at once (happy
 * eyeballs, RFC 8305). The others are closed. Raises, when all have failed, the
 * error of the one that failed first. options may be NULL. Returns the
 * descriptor. */
_Async int ac_connect_any(const struct ac_address *addresses, size_t count,
                          const struct ac_connect_options *options);

/* The same as a stream, to a port of a host. */
_Async ac_stream *ac_stream_connect(const char *host, unsigned port,
                                    const struct ac_connect_options *options);
_Async ac_stream *ac_stream_connect_unix(const char *path);

/* ---- servers ------------------------------------------------------------- */

typedef struct ac_server ac_server;

/* Serves one connection. The server closes the stream when it returns, sending
 * what is queued, and aborts it when it raises. */
typedef _Async void ac_server_handler(ac_stream *stream, void *arg);

struct ac_server_options {
  int backlog;        /* 0: SOMAXCONN */
  int reuse_port;     /* several sockets, as a rule of several loops, share
                       * the port and its connections */
  int keep_delay;     /* as above */
  int keepalive;      /* as above */
  size_t connections; /* at a time; more wait in the backlog. 0: no limit */
  /* What a handler raised; the default is the loop's error handler. Never
   * called for one that was cancelled by ac_server_stop, or whose peer has
   * vanished (ECONNRESET, EPIPE). */
  void (*on_error)(int error, void *arg);
  /* Makes the stream of a new connection, instead of ac_stream_open. Runs in
   * the connection's task. Closes fd where it raises. */
  _Async ac_stream *(*open)(int fd, void *arg);
  void *open_arg;
};

/* NULL when out of memory. options may be NULL; they are copied. arg: the
 * handler's and on_error's. */
AC_API ac_server *ac_server_new(ac_server_handler *handler, void *arg,
                                const struct ac_server_options *options);
/* Listens at one more address, and accepts from now on. bound: where that is,
 * which tells the port that the kernel has picked for 0; may be NULL. A Unix
 * path that a server has left behind is replaced. 0, AC_ENOMEM or -errno. */
AC_API int ac_server_listen(ac_server *server, const struct ac_address *address,
                            struct ac_address *bound);
/* A socket that listens already; the server owns it then. */
AC_API int ac_server_listen_fd(ac_server *server, int fd);

/* Waits until the server is stopped. Raises the error with which a listening
 * socket has failed; the others go on. A server that nobody waits for serves
 * all the same. */
_Async void ac_server_wait(ac_server *server);

/* Closes the listening sockets, gives the handlers that many seconds to end
 * (negative: as long as they like), cancels those that are left, and waits for
 * them. Cancelled itself: cancels them at once. */
_Async void ac_server_stop(ac_server *server, double seconds);
AC_API size_t ac_server_connections(const ac_server *server);

/* To be called when it has been stopped, or never listened. A server is to be
 * stopped before its loop ends: `defer await ac_server_stop(server, 1);`. NULL
 * is allowed. AC_EBUSY otherwise. */
AC_API int ac_server_free(ac_server *server);

/* ---- descriptors over Unix sockets --------------------------------------- */

enum { AC_FDS_MAX = 253 }; /* the kernel's limit for one message */

/* Sends bytes (at least one on a stream socket) with descriptors, which stay
 * the caller's. Returns how many bytes went; the descriptors went with the
 * first. */
_Async size_t ac_send_fds(int fd, const void *data, size_t bytes,
                          const int *fds, size_t count);
/* Receives bytes, and up to *count descriptors, close-on-exec, which are the
 * caller's then; *count: how many there are. Raises -EMSGSIZE when there were
 * more, and none is left open. 0: the end. */
_Async size_t ac_recv_fds(int fd, void *buffer, size_t bytes, int *fds,
                          size_t *count);

/* ---- datagrams ----------------------------------------------------------- */

/* A non-blocking datagram socket bound to the address, of the address's family
 * (UDP or Unix); its errors, ICMP's too, are raised by the calls below. Connect
 * it with connect(2) if it has one peer only. The descriptor, or -errno. */
AC_API int ac_datagram_open(const struct ac_address *address);

struct ac_datagram {
  struct ac_address peer; /* bytes 0: a connected socket's */
  void *data;
  size_t bytes;  /* sent; received: the room before, what came after */
  int truncated; /* received: there was more than the room */
};

/* Sends them in order, many with one system call. Returns how many went, at
 * least one; raises what the first of them met with: -EMSGSIZE, it is too long;
 * -ECONNREFUSED, an earlier one has met with nobody. */
_Async size_t ac_datagrams_send(int fd, struct ac_datagram *datagrams,
                                size_t count);
/* Waits for one, and takes those that are there, up to count. */
_Async size_t ac_datagrams_recv(int fd, struct ac_datagram *datagrams,
                                size_t count);

#ifdef __cplusplus
}
#endif
#endif
