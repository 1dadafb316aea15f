/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * datagram.c - simulated datagrams: each takes its own time, may get lost, and
 * may come twice. */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

enum { DATAGRAM_LIMIT = 65507 };

/* ---- sending ------------------------------------------------------------- */

static int take_error(struct sim_socket *socket) {
  int error = socket->error;
  socket->error = 0;
  return error;
}

/* The address that the receiver sees. */
static struct sim_place source_of(const struct sim_socket *socket,
                                  const struct sim_host *target,
                                  const struct in6_addr *to) {
  struct sim_place source = socket->local;
  if (target == socket->host)
    source.ip = *to;
  else
    source.ip = sim_host_ip(socket->host,
                            IN6_IS_ADDR_V4MAPPED(to) ? AF_INET : AF_INET6);
  return source;
}

int sim_datagram_connect(struct sim_socket *socket,
                         const struct sockaddr *address, socklen_t bytes) {
  if (bytes >= sizeof address->sa_family && address->sa_family == AF_UNSPEC) {
    socket->state = SIM_FRESH;
    return 0;
  }
  int code = sim_place_read(&socket->remote, socket->family, address, bytes);
  if (!code)
    code = sim_socket_bind_any(sim_world, socket);
  if (!code)
    socket->state = SIM_OPEN;
  return -code;
}

static int post(struct sim_world *world, struct sim_socket *socket,
                struct sim_host *target, const struct sim_place *place,
                const struct iovec *pieces, size_t count, size_t bytes) {
  struct sim_event *event = sim_event_new(world, SIM_MESSAGE, socket, NULL);
  if (!event)
    return ENOBUFS;
  event->piece = sim_piece_new(pieces, count, bytes);
  if (!event->piece) {
    sim_event_free(world, event);
    return ENOBUFS;
  }
  event->to_host = target;
  event->target = *place;
  event->source = source_of(socket, target, &place->ip);
  event->piece->from = event->source;
  sim_event_add(world, event, sim_arrival(world));
  return 0;
}

ssize_t sim_datagram_send(struct sim_socket *socket, const struct iovec *pieces,
                          size_t count, const struct sockaddr *address,
                          socklen_t bytes) {
  struct sim_world *world = sim_world;
  struct sim_place place = socket->remote;
  size_t size = sim_bytes_of(pieces, count);
  int code = take_error(socket);
  if (!code && address)
    code = sim_place_read(&place, socket->family, address, bytes);
  else if (!code && socket->state != SIM_OPEN)
    code = EDESTADDRREQ;
  if (!code && size > DATAGRAM_LIMIT)
    code = EMSGSIZE;
  if (!code)
    code = sim_socket_bind_any(world, socket);
  if (code)
    return -code;
  if (sim_happens(world, world->options.would_block)) {
    sim_socket_mark(world, socket);
    return -EAGAIN;
  }
  struct sim_host *target = sim_host_at(world, socket->host, &place.ip);
  sim_trace_socket(world, socket, "sends a datagram of", (long long)size);
  if (!target || sim_happens(world, world->options.loss)) {
    world->report.losses++;
    return (ssize_t)size;
  }
  int copies = 1 + sim_happens(world, world->options.duplicate);
  for (int i = 0; i < copies && !code; i++)
    code = post(world, socket, target, &place, pieces, count, size);
  return code ? -code : (ssize_t)size;
}

/* ---- receiving ----------------------------------------------------------- */

static size_t scatter(const struct sim_piece *piece, const struct iovec *pieces,
                      size_t count) {
  size_t done = 0;
  for (size_t i = 0; i < count && done < piece->bytes; i++) {
    size_t part = piece->bytes - done;
    if (part > pieces[i].iov_len)
      part = pieces[i].iov_len;
    if (part)
      memcpy(pieces[i].iov_base, piece->data + done, part);
    done += part;
  }
  return done;
}

ssize_t sim_datagram_recv(struct sim_socket *socket, const struct iovec *pieces,
                          size_t count, struct sockaddr *address,
                          socklen_t *bytes, int flags, int *message_flags) {
  struct sim_world *world = sim_world;
  int code = take_error(socket);
  struct sim_piece *piece = socket->first;
  if (code)
    return -code;
  if (!piece)
    return -EAGAIN;
  if (sim_happens(world, world->options.would_block)) {
    sim_socket_mark(world, socket);
    return -EAGAIN;
  }
  size_t size = piece->bytes;
  size_t done = scatter(piece, pieces, count);
  sim_place_write(&piece->from, socket->family, address, bytes);
  if (message_flags)
    *message_flags = done < size ? MSG_TRUNC : 0;
  if (!(flags & MSG_PEEK)) {
    socket->first = piece->next;
    if (!socket->first)
      socket->last = NULL;
    socket->held -= size;
    free(piece);
  }
  if (socket->first)
    sim_socket_mark(world, socket);
  sim_trace_socket(world, socket, "receives a datagram of", (long long)size);
  return (ssize_t)(flags & MSG_TRUNC ? size : done);
}

/* ---- arriving ------------------------------------------------------------ */

static int is_wanted(const struct sim_socket *socket,
                     const struct sim_place *from) {
  return socket->state != SIM_OPEN ||
         (socket->remote.port == from->port &&
          IN6_ARE_ADDR_EQUAL(&socket->remote.ip, &from->ip));
}

static void say_not_there(struct sim_world *world,
                          const struct sim_event *event) {
  if (event->from->fd < 0 || event->from->state != SIM_OPEN)
    return;
  struct sim_event *icmp =
      sim_event_new(world, SIM_NOT_THERE, NULL, event->from);
  if (!icmp)
    return;
  icmp->from_host = event->to_host;
  sim_event_add(world, icmp, sim_arrival(world));
}

static void message_arrives(struct sim_world *world, struct sim_event *event) {
  struct sim_socket *to =
      sim_socket_at(world, event->to_host, &event->target, SIM_DATAGRAM);
  if (!to) {
    say_not_there(world, event);
    return;
  }
  if (!is_wanted(to, &event->source) ||
      to->held + event->piece->bytes > world->options.buffer_bytes) {
    world->report.losses++;
    return;
  }
  if (to->last)
    to->last->next = event->piece;
  else
    to->first = event->piece;
  to->last = event->piece;
  to->held += event->piece->bytes;
  event->piece = NULL;
  sim_socket_mark(world, to);
}

void sim_datagram_arrive(struct sim_world *world, struct sim_event *event) {
  if (event->kind == SIM_MESSAGE) {
    message_arrives(world, event);
  } else if (event->to->fd >= 0) {
    event->to->error = ECONNREFUSED;
    sim_socket_mark(world, event->to);
  }
}
