/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stream.c - simulated connections. What one end sends arrives at the other
 * later, in order; what an end may send is bounded by what the other has read,
 * of which it learns later too. The meaning of errors is Linux': what had
 * arrived before a reset can be read, then the error comes once, then the end.
 */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define CONNECT_TIMEOUT_NS 127000000000 /* tcp_syn_retries 6 */
#define SEND_TIMEOUT_NS 924000000000    /* tcp_retries2 15 */
#define RETRY_NS 1000000000             /* of a connect to a full queue */

enum { BACKLOG_LIMIT = 4096 };

/* ---- sending events ------------------------------------------------------ */

/* To the other end, behind all that was sent before. */
static void send_event(struct sim_world *world, struct sim_event *event) {
  struct sim_socket *from = event->from;
  int64_t when_ns = sim_arrival(world);
  if (when_ns < from->last_when_ns)
    when_ns = from->last_when_ns;
  from->last_when_ns = when_ns;
  sim_event_add(world, event, when_ns);
}

/* False: out of memory. */
static int send_to_peer(struct sim_world *world, struct sim_socket *from,
                        enum sim_event_kind kind) {
  struct sim_event *event =
      from->peer ? sim_event_new(world, kind, from, from->peer) : NULL;
  if (!event)
    return 0;
  send_event(world, event);
  return 1;
}

/* ---- ends ---------------------------------------------------------------- */

static void die(struct sim_world *world, struct sim_socket *socket, int error) {
  if (socket->state == SIM_DEAD)
    return;
  sim_trace_socket(world, socket, "dies of", error);
  socket->state = SIM_DEAD;
  socket->error = error;
  sim_socket_mark(world, socket);
}

void sim_stream_break(struct sim_world *world, struct sim_socket *socket) {
  world->report.resets++;
  send_to_peer(world, socket, SIM_RST);
  if (socket->fd >= 0)
    die(world, socket, ECONNRESET);
}

/* Ends keep each other as long as one of them can learn of the other. */
static void part(struct sim_socket *socket) {
  struct sim_socket *peer = socket->peer;
  socket->closed = 1;
  if (!peer || !peer->closed)
    return;
  socket->peer = peer->peer = NULL;
  sim_socket_release(peer);
  sim_socket_release(socket);
}

static void drop_queue(struct sim_world *world, struct sim_socket *socket) {
  for (struct sim_socket *s; (s = socket->queue);) {
    socket->queue = s->queue;
    send_to_peer(world, s, SIM_RST);
    s->state = SIM_DEAD;
    part(s);
    sim_socket_release(s);
  }
  socket->queued = 0;
}

void sim_stream_close(struct sim_world *world, struct sim_socket *socket) {
  if (socket->state == SIM_LISTENING)
    drop_queue(world, socket);
  if (socket->state == SIM_OPEN) {
    /* Unread bytes are lost, and the peer is told. */
    if (socket->held || socket->abortive) {
      world->report.resets++;
      send_to_peer(world, socket, SIM_RST);
      socket->state = SIM_DEAD;
    } else if (!socket->fin_sent) {
      send_to_peer(world, socket, SIM_FIN);
      socket->fin_sent = 1;
    }
  } else {
    socket->state = SIM_DEAD;
  }
  sim_pieces_free(socket);
  part(socket);
}

/* ---- calls: connections -------------------------------------------------- */

int sim_listen(struct sim_socket *socket, int backlog) {
  struct sim_world *world = sim_world;
  if (socket->kind != SIM_STREAM)
    return -EOPNOTSUPP;
  if (socket->state != SIM_FRESH && socket->state != SIM_LISTENING)
    return -EINVAL;
  int code = sim_socket_bind_any(world, socket);
  if (code)
    return -code;
  socket->state = SIM_LISTENING;
  socket->backlog = backlog < 1               ? 1
                    : backlog > BACKLOG_LIMIT ? BACKLOG_LIMIT
                                              : backlog;
  sim_trace_socket(world, socket, "listens at", socket->local.port);
  return 0;
}

int sim_accept(struct sim_socket *socket, struct sockaddr *address,
               socklen_t *bytes, int flags) {
  struct sim_world *world = sim_world;
  if (socket->kind != SIM_STREAM)
    return -EOPNOTSUPP;
  if (socket->state != SIM_LISTENING)
    return -EINVAL;
  struct sim_socket *accepted = socket->queue;
  if (!accepted)
    return -EAGAIN;
  if (sim_happens(world, world->options.would_block)) {
    sim_socket_mark(world, socket);
    return -EAGAIN;
  }
  int fd = sim_socket_name(world, accepted, flags);
  if (fd < 0)
    return fd;
  socket->queue = accepted->queue;
  accepted->queue = NULL;
  if (!--socket->queued)
    socket->queue_last = NULL;
  sim_trace_socket(world, accepted, "accepted by", (long long)socket->id);
  sim_place_write(&accepted->remote, accepted->family, address, bytes);
  return fd;
}

/* The address that those on that way see. */
static void choose_local(struct sim_socket *socket,
                         const struct sim_host *target) {
  int is_v4 = IN6_IS_ADDR_V4MAPPED(&socket->remote.ip);
  socket->local.ip =
      target == socket->host
          ? socket->remote.ip
          : sim_host_ip(socket->host, is_v4 ? AF_INET : AF_INET6);
}

static int begin_connect(struct sim_world *world, struct sim_socket *socket) {
  struct sim_host *target =
      sim_host_at(world, socket->host, &socket->remote.ip);
  int code = sim_socket_bind_any(world, socket);
  if (code)
    return code;
  int is_refused = sim_happens(world, world->options.refuse);
  struct sim_event *event =
      sim_event_new(world, is_refused ? SIM_REFUSED : SIM_CONNECT,
                    is_refused ? NULL : socket, is_refused ? socket : NULL);
  struct sim_event *timeout =
      event ? sim_event_new(world, SIM_CONNECT_TIMEOUT, NULL, socket) : NULL;
  if (!timeout) {
    if (event)
      sim_event_free(world, event);
    return ENOMEM;
  }
  if (target)
    choose_local(socket, target);
  event->to_host = is_refused ? NULL : target;
  event->target = socket->remote;
  socket->state = SIM_CONNECTING;
  /* Nobody answers for an address that no host has. */
  if (target || is_refused)
    sim_event_add(world, event, sim_arrival(world));
  else
    sim_event_free(world, event);
  sim_event_add(world, timeout, sim_now(world) + CONNECT_TIMEOUT_NS);
  return 0;
}

int sim_connect(struct sim_socket *socket, const struct sockaddr *address,
                socklen_t bytes) {
  struct sim_world *world = sim_world;
  switch (socket->state) {
  case SIM_CONNECTING:
    return -EALREADY;
  case SIM_OPEN:
    return -EISCONN;
  case SIM_LISTENING:
    return -EOPNOTSUPP;
  case SIM_DEAD:
    return -ECONNABORTED;
  default:
    break;
  }
  int code = sim_place_read(&socket->remote, socket->family, address, bytes);
  if (!code)
    code = begin_connect(world, socket);
  sim_trace_socket(world, socket, "connects to", socket->remote.port);
  return code ? -code : -EINPROGRESS;
}

int sim_shutdown(struct sim_socket *socket, int how) {
  struct sim_world *world = sim_world;
  if (socket->kind != SIM_STREAM || socket->state != SIM_OPEN)
    return -ENOTCONN;
  sim_trace_socket(world, socket, "shut", how);
  if (how != SHUT_WR)
    socket->read_shut = 1;
  if (how != SHUT_RD && !socket->fin_sent) {
    if (!send_to_peer(world, socket, SIM_FIN))
      return -ENOMEM;
    socket->fin_sent = 1;
  }
  sim_socket_mark(world, socket);
  return 0;
}

/* ---- calls: bytes -------------------------------------------------------- */

static int take_error(struct sim_socket *socket) {
  int error = socket->error;
  socket->error = 0;
  return error;
}

/* errno, or 0: bytes can be sent. */
static int why_not_sendable(struct sim_world *world,
                            struct sim_socket *socket) {
  int error = take_error(socket);
  if (error)
    return error;
  if (socket->state == SIM_CONNECTING)
    return EAGAIN;
  if (socket->state == SIM_FRESH || socket->state == SIM_LISTENING)
    return ENOTCONN;
  if (socket->state == SIM_DEAD || socket->fin_sent)
    return EPIPE;
  if (sim_happens(world, world->options.reset)) {
    sim_stream_break(world, socket);
    return take_error(socket);
  }
  if (!socket->credit)
    return EAGAIN;
  if (!sim_happens(world, world->options.would_block))
    return 0;
  sim_socket_mark(world, socket);
  return EAGAIN;
}

ssize_t sim_stream_send(struct sim_socket *socket, const struct iovec *pieces,
                        size_t count) {
  struct sim_world *world = sim_world;
  int error = why_not_sendable(world, socket);
  size_t bytes = sim_bytes_of(pieces, count);
  if (error || !bytes)
    return -error;
  if (bytes > socket->credit)
    bytes = socket->credit;
  if (bytes > 1 && sim_happens(world, world->options.short_io)) {
    bytes = sim_some(world, bytes);
    sim_socket_mark(world, socket);
  }
  struct sim_event *event =
      sim_event_new(world, SIM_DATA, socket, socket->peer);
  if (event && !(event->piece = sim_piece_new(pieces, count, bytes))) {
    sim_event_free(world, event);
    event = NULL;
  }
  if (!event)
    return -ENOBUFS;
  send_event(world, event);
  socket->credit -= bytes;
  sim_trace_socket(world, socket, "sends", (long long)bytes);
  return (ssize_t)bytes;
}

/* Tells the peer that there is room again. */
static void grant(struct sim_world *world, struct sim_socket *socket,
                  size_t bytes) {
  socket->to_grant += bytes;
  if (socket->to_grant && !socket->granting && socket->state == SIM_OPEN &&
      socket->peer)
    socket->granting = send_to_peer(world, socket, SIM_GRANT);
}

static void drop_first(struct sim_socket *socket) {
  struct sim_piece *piece = socket->first;
  socket->first = piece->next;
  if (!socket->first)
    socket->last = NULL;
  free(piece);
}

/* Copies up to `limit` bytes; takes them, unless they are to be peeked at. */
static size_t copy_out(struct sim_socket *socket, const struct iovec *pieces,
                       size_t count, size_t limit, int flags) {
  size_t done = 0, slot = 0, at = 0;
  struct sim_piece *piece = socket->first;
  size_t start = piece ? piece->start : 0;
  while (piece && done < limit && slot < count) {
    size_t part = piece->bytes - start;
    if (part > limit - done)
      part = limit - done;
    if (part > pieces[slot].iov_len - at)
      part = pieces[slot].iov_len - at;
    if (part && !(flags & MSG_TRUNC))
      memcpy((char *)pieces[slot].iov_base + at, piece->data + start, part);
    done += part;
    start += part;
    at += part;
    if (at == pieces[slot].iov_len) {
      slot++;
      at = 0;
    }
    int is_empty = start == piece->bytes;
    if (!(flags & MSG_PEEK)) {
      piece->start = start;
      socket->held -= part;
    }
    if (is_empty) {
      piece = piece->next;
      start = piece ? piece->start : 0;
      if (!(flags & MSG_PEEK))
        drop_first(socket);
    }
  }
  return done;
}

/* Nothing is there: errno, or 0 for the end. */
static int why_empty(struct sim_socket *socket) {
  int error = take_error(socket);
  if (error)
    return error;
  if (socket->state == SIM_FRESH || socket->state == SIM_LISTENING)
    return ENOTCONN;
  int ended =
      socket->state == SIM_DEAD || socket->fin_came || socket->read_shut;
  return ended ? 0 : EAGAIN;
}

ssize_t sim_stream_recv(struct sim_socket *socket, const struct iovec *pieces,
                        size_t count, int flags) {
  struct sim_world *world = sim_world;
  size_t limit = sim_bytes_of(pieces, count);
  if (flags & MSG_OOB)
    return -EINVAL;
  if (!socket->held) {
    int error = why_empty(socket);
    if (error != EAGAIN)
      sim_trace_socket(world, socket, "receives the end", error);
    return -error;
  }
  if (sim_happens(world, world->options.would_block)) {
    sim_socket_mark(world, socket);
    return -EAGAIN;
  }
  if (limit > socket->held)
    limit = socket->held;
  if (!(flags & MSG_WAITALL) && sim_happens(world, world->options.short_io))
    limit = sim_some(world, limit);
  size_t done = copy_out(socket, pieces, count, limit, flags);
  /* A short read has not emptied it. */
  if (socket->held)
    sim_socket_mark(world, socket);
  if (!(flags & MSG_PEEK))
    grant(world, socket, done);
  sim_trace_socket(world, socket, flags & MSG_PEEK ? "peeks" : "receives",
                   (long long)done);
  return (ssize_t)done;
}

/* ---- arriving ------------------------------------------------------------ */

static void tie(struct sim_socket *a, struct sim_socket *b) {
  a->peer = b;
  b->peer = a;
  sim_socket_hold(a);
  sim_socket_hold(b);
}

/* Its new end at the server, in the queue of who listens; NULL: out of memory.
 */
static struct sim_socket *answer(struct sim_world *world,
                                 struct sim_socket *listener,
                                 struct sim_socket *client) {
  struct sim_socket *socket =
      sim_socket_new(world, SIM_STREAM, listener->family, listener->host);
  if (!socket)
    return NULL;
  socket->state = SIM_OPEN;
  socket->local = client->remote;
  socket->remote = client->local;
  tie(socket, client);
  if (listener->queued++)
    listener->queue_last->queue = socket;
  else
    listener->queue = socket;
  listener->queue_last = socket;
  sim_socket_mark(world, listener);
  return socket;
}

static void try_again(struct sim_world *world, const struct sim_event *event) {
  struct sim_event *again =
      sim_event_new(world, SIM_CONNECT, event->from, NULL);
  if (!again)
    return;
  again->to_host = event->to_host;
  again->target = event->target;
  sim_event_add(world, again, sim_now(world) + RETRY_NS);
}

static void connect_arrives(struct sim_world *world, struct sim_event *event) {
  struct sim_socket *client = event->from;
  if (client->state != SIM_CONNECTING)
    return;
  struct sim_socket *listener =
      sim_socket_at(world, event->to_host, &event->target, SIM_STREAM);
  if (listener && listener->queued >= listener->backlog) {
    try_again(world, event);
    return;
  }
  struct sim_socket *server = listener ? answer(world, listener, client) : NULL;
  if (server) {
    sim_trace_socket(world, server, "has the other end of",
                     (long long)client->id);
    send_to_peer(world, server, SIM_ACCEPTED);
    return;
  }
  struct sim_event *refusal = sim_event_new(world, SIM_REFUSED, NULL, client);
  if (!refusal)
    return;
  refusal->from_host = event->to_host;
  sim_event_add(world, refusal, sim_arrival(world));
}

/* The client learns of it; or has gone meanwhile, and the server learns that.
 */
static void accepted_arrives(struct sim_world *world,
                             struct sim_socket *client) {
  if (client->state != SIM_CONNECTING) {
    send_to_peer(world, client, SIM_RST);
    return;
  }
  client->state = SIM_OPEN;
  sim_trace_socket(world, client, "is connected to",
                   (long long)client->peer->id);
  sim_socket_mark(world, client);
}

static void data_arrives(struct sim_world *world, struct sim_socket *to,
                         struct sim_event *event) {
  size_t bytes = event->piece->bytes;
  world->report.bytes += bytes;
  /* To an end that is closed. */
  if (to->closed)
    to->state = SIM_DEAD;
  if (to->state != SIM_OPEN) {
    send_to_peer(world, to, SIM_RST);
    return;
  }
  if (to->read_shut) {
    grant(world, to, bytes);
    return;
  }
  if (to->last)
    to->last->next = event->piece;
  else
    to->first = event->piece;
  to->last = event->piece;
  to->held += bytes;
  event->piece = NULL;
  sim_socket_mark(world, to);
}

static void fin_arrives(struct sim_world *world, struct sim_socket *to) {
  to->fin_came = 1;
  sim_socket_mark(world, to);
}

static void grant_arrives(struct sim_world *world, struct sim_socket *from,
                          struct sim_socket *to) {
  to->credit += from->to_grant;
  from->to_grant = 0;
  from->granting = 0;
  sim_socket_mark(world, to);
}

static void send_timeout(struct sim_world *world, struct sim_event *event) {
  struct sim_socket *from = event->to;
  if (from->held_up && from->held_since == event->number &&
      from->state == SIM_OPEN)
    die(world, from, ETIMEDOUT);
}

void sim_stream_watch(struct sim_world *world, struct sim_socket *from) {
  if (from->held_up)
    return;
  from->held_up = 1;
  from->held_since++;
  struct sim_event *event = sim_event_new(world, SIM_SEND_TIMEOUT, NULL, from);
  if (!event)
    return;
  event->number = from->held_since;
  sim_event_add(world, event, sim_now(world) + SEND_TIMEOUT_NS);
}

void sim_stream_arrive(struct sim_world *world, struct sim_event *event) {
  struct sim_socket *to = event->to;
  switch (event->kind) {
  case SIM_CONNECT:
    connect_arrives(world, event);
    break;
  case SIM_ACCEPTED:
    accepted_arrives(world, to);
    break;
  case SIM_REFUSED:
    if (to->state == SIM_CONNECTING)
      die(world, to, ECONNREFUSED);
    break;
  case SIM_DATA:
    data_arrives(world, to, event);
    break;
  case SIM_FIN:
    fin_arrives(world, to);
    break;
  case SIM_RST:
    if (to->state == SIM_OPEN)
      die(world, to, to->fin_came ? EPIPE : ECONNRESET);
    break;
  case SIM_GRANT:
    grant_arrives(world, event->from, to);
    break;
  case SIM_CONNECT_TIMEOUT:
    if (to->state == SIM_CONNECTING)
      die(world, to, ETIMEDOUT);
    break;
  default:
    send_timeout(world, event);
  }
}
