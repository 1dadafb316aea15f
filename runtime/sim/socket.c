/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * socket.c - what is common to all simulated sockets: life, names, options,
 * readiness. */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

enum { FIRST_PORT = 32768, LAST_PORT = 60999 }; /* as Linux does */

/* ---- life ---------------------------------------------------------------- */

struct sim_socket *sim_socket_new(struct sim_world *world, enum sim_kind kind,
                                  int family, struct sim_host *host) {
  struct sim_socket *socket = calloc(1, sizeof *socket);
  if (!socket)
    return NULL;
  socket->id = ++world->socket_order;
  socket->references = 1;
  socket->fd = -1;
  socket->kind = kind;
  socket->family = family;
  socket->host = host;
  if (family == AF_INET) /* ::ffff:0.0.0.0 */
    socket->local.ip.s6_addr[10] = socket->local.ip.s6_addr[11] = 0xff;
  socket->remote = socket->local;
  socket->credit = world->options.buffer_bytes;
  struct sim_socket *anchor = &world->sockets;
  socket->next = anchor;
  socket->prev = anchor->prev;
  anchor->prev->next = socket;
  anchor->prev = socket;
  return socket;
}

void sim_socket_hold(struct sim_socket *socket) { socket->references++; }

void sim_pieces_free(struct sim_socket *socket) {
  for (struct sim_piece *piece; (piece = socket->first);) {
    socket->first = piece->next;
    free(piece);
  }
  socket->last = NULL;
  socket->held = 0;
}

void sim_socket_release(struct sim_socket *socket) {
  if (--socket->references)
    return;
  socket->next->prev = socket->prev;
  socket->prev->next = socket->next;
  sim_pieces_free(socket);
  free(socket);
}

static int grow(struct sim_world *world, int fd) {
  if (fd < world->by_fd_size)
    return 0;
  int size = world->by_fd_size ? world->by_fd_size : 64;
  while (size <= fd)
    size *= 2;
  struct sim_socket **by_fd =
      realloc(world->by_fd, (size_t)size * sizeof(struct sim_socket *));
  if (!by_fd)
    return ENOMEM;
  memset(by_fd + world->by_fd_size, 0,
         (size_t)(size - world->by_fd_size) * sizeof(struct sim_socket *));
  world->by_fd = by_fd;
  struct sim_socket **marked =
      realloc(world->marked, (size_t)size * sizeof(struct sim_socket *));
  if (!marked)
    return ENOMEM;
  world->marked = marked;
  world->by_fd_size = size;
  return 0;
}

int sim_socket_name(struct sim_world *world, struct sim_socket *socket,
                    int flags) {
  int fd = eventfd(0, (flags & SOCK_CLOEXEC ? EFD_CLOEXEC : 0) |
                          (flags & SOCK_NONBLOCK ? EFD_NONBLOCK : 0));
  if (fd < 0)
    return -errno;
  if (grow(world, fd)) {
    sim_system_close(fd);
    return -ENOMEM;
  }
  /* The number's last socket may have been closed behind our back. */
  if (world->by_fd[fd])
    sim_close(world->by_fd[fd]);
  world->by_fd[fd] = socket;
  world->report.open++;
  socket->fd = fd;
  return fd;
}

static void unmark(struct sim_world *world, struct sim_socket *socket) {
  if (!socket->marked)
    return;
  socket->marked = 0;
  size_t at = 0;
  while (world->marked[at] != socket)
    at++;
  world->marked_count--;
  memmove(&world->marked[at], &world->marked[at + 1],
          (world->marked_count - at) * sizeof *world->marked);
}

void sim_close(struct sim_socket *socket) {
  struct sim_world *world = sim_world;
  sim_trace_socket(world, socket, "close", (long long)socket->held);
  unmark(world, socket);
  world->by_fd[socket->fd] = NULL;
  world->report.open--;
  socket->fd = -1;
  socket->armed = 0;
  if (socket->kind == SIM_STREAM)
    sim_stream_close(world, socket);
  sim_socket_release(socket);
}

/* ---- readiness ----------------------------------------------------------- */

void sim_socket_mark(struct sim_world *world, struct sim_socket *socket) {
  if (!socket->armed || socket->marked)
    return;
  socket->marked = 1;
  world->marked[world->marked_count++] = socket;
}

static int connection_ready(const struct sim_socket *socket) {
  int events = 0;
  if (socket->held || socket->fin_came || socket->read_shut)
    events |= POLLIN;
  if (socket->fin_came || socket->read_shut)
    events |= POLLRDHUP;
  if (socket->credit || socket->fin_sent)
    events |= POLLOUT;
  if (socket->fin_came && socket->fin_sent)
    events |= POLLHUP;
  return events;
}

static int stream_ready(const struct sim_socket *socket) {
  switch (socket->state) {
  case SIM_FRESH:
    return POLLOUT | POLLHUP;
  case SIM_LISTENING:
    return socket->queued ? POLLIN : 0;
  case SIM_CONNECTING:
    return 0;
  case SIM_OPEN:
    return connection_ready(socket);
  default:
    return POLLIN | POLLOUT | POLLHUP | POLLRDHUP;
  }
}

int sim_socket_ready(const struct sim_socket *socket) {
  int events = socket->kind == SIM_STREAM
                   ? stream_ready(socket)
                   : POLLOUT | (socket->first ? POLLIN : 0);
  return socket->error ? events | POLLERR | POLLIN : events;
}

/* ---- names --------------------------------------------------------------- */

int sim_place_read(struct sim_place *place, int family,
                   const struct sockaddr *address, socklen_t bytes) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  *place = (struct sim_place){.port = 0};
  if (bytes < sizeof address->sa_family)
    return EINVAL;
  if (address->sa_family != family)
    return EAFNOSUPPORT;
  if (family == AF_INET6) {
    if (bytes < sizeof v6)
      return EINVAL;
    memcpy(&v6, address, sizeof v6);
    place->ip = v6.sin6_addr;
    place->port = ntohs(v6.sin6_port);
    return 0;
  }
  if (bytes < sizeof v4)
    return EINVAL;
  memcpy(&v4, address, sizeof v4);
  place->ip.s6_addr[10] = place->ip.s6_addr[11] = 0xff;
  memcpy(&place->ip.s6_addr[12], &v4.sin_addr, sizeof v4.sin_addr);
  place->port = ntohs(v4.sin_port);
  return 0;
}

static void write_cut(struct sockaddr *address, socklen_t *bytes,
                      const void *whole, socklen_t whole_bytes) {
  memcpy(address, whole, *bytes < whole_bytes ? *bytes : whole_bytes);
  *bytes = whole_bytes;
}

void sim_place_write(const struct sim_place *place, int family,
                     struct sockaddr *address, socklen_t *bytes) {
  if (!address || !bytes)
    return;
  if (family == AF_INET6) {
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                    .sin6_port = htons(place->port),
                                    .sin6_addr = place->ip};
    write_cut(address, bytes, &v6, sizeof v6);
    return;
  }
  struct sockaddr_in v4 = {.sin_family = AF_INET,
                           .sin_port = htons(place->port)};
  memcpy(&v4.sin_addr, &place->ip.s6_addr[12], sizeof v4.sin_addr);
  write_cut(address, bytes, &v4, sizeof v4);
}

static int is_any(const struct in6_addr *ip) {
  return IN6_IS_ADDR_UNSPECIFIED(ip) ||
         (IN6_IS_ADDR_V4MAPPED(ip) && !ip->s6_addr32[3]);
}

/* Bound there, what comes for that address is its. */
static int takes(const struct sim_socket *socket, const struct in6_addr *ip) {
  if (!is_any(&socket->local.ip))
    return IN6_ARE_ADDR_EQUAL(&socket->local.ip, ip);
  int is_v4 = IN6_IS_ADDR_V4MAPPED(ip);
  return socket->family == AF_INET ? is_v4 : !is_v4 || !socket->v6_only;
}

/* Has the port to itself, or for those who connect. */
static int occupies(const struct sim_socket *socket) {
  return socket->local.port && socket->fd >= 0 &&
         (socket->kind == SIM_DATAGRAM || socket->state == SIM_FRESH ||
          socket->state == SIM_LISTENING);
}

static int collide(const struct sim_socket *a, const struct sim_place *place,
                   const struct sim_socket *b) {
  if (a->host != b->host || a->kind != b->kind || a == b || !occupies(b) ||
      b->local.port != place->port || (a->reuse_port && b->reuse_port))
    return 0;
  if (a->family != b->family &&
      (a->family == AF_INET6 ? a->v6_only : b->v6_only))
    return 0;
  return is_any(&place->ip) || is_any(&b->local.ip) ||
         IN6_ARE_ADDR_EQUAL(&place->ip, &b->local.ip);
}

static int is_taken(struct sim_world *world, const struct sim_socket *socket,
                    const struct sim_place *place) {
  for (struct sim_socket *s = world->sockets.next; s != &world->sockets;
       s = s->next)
    if (collide(socket, place, s))
      return 1;
  return 0;
}

static int bind_to(struct sim_world *world, struct sim_socket *socket,
                   struct sim_place place) {
  if (place.port) {
    if (is_taken(world, socket, &place))
      return EADDRINUSE;
    socket->local = place;
    return 0;
  }
  for (int i = FIRST_PORT; i <= LAST_PORT; i++) {
    uint16_t *last = &socket->host->last_port;
    *last = *last >= LAST_PORT ? FIRST_PORT : (uint16_t)(*last + 1);
    place.port = *last;
    if (is_taken(world, socket, &place))
      continue;
    socket->local = place;
    return 0;
  }
  return EADDRINUSE;
}

int sim_socket_bind_any(struct sim_world *world, struct sim_socket *socket) {
  return socket->local.port ? 0 : bind_to(world, socket, socket->local);
}

int sim_bind(struct sim_socket *socket, const struct sockaddr *address,
             socklen_t bytes) {
  struct sim_world *world = sim_world;
  struct sim_place place;
  int code = sim_place_read(&place, socket->family, address, bytes);
  if (code)
    return -code;
  if (socket->local.port)
    return -EINVAL;
  if (!is_any(&place.ip) &&
      sim_host_at(world, socket->host, &place.ip) != socket->host)
    return -EADDRNOTAVAIL;
  code = bind_to(world, socket, place);
  sim_trace_socket(world, socket, code ? "bind fails" : "bind",
                   code ? code : socket->local.port);
  return -code;
}

static int is_at(const struct sim_socket *socket, const struct sim_host *host,
                 const struct sim_place *place, enum sim_kind kind) {
  return socket->host == host && socket->kind == kind && socket->fd >= 0 &&
         socket->local.port == place->port &&
         (kind == SIM_DATAGRAM || socket->state == SIM_LISTENING) &&
         takes(socket, &place->ip);
}

/* Of several, by SO_REUSEPORT, any. */
struct sim_socket *sim_socket_at(struct sim_world *world,
                                 const struct sim_host *host,
                                 const struct sim_place *place,
                                 enum sim_kind kind) {
  struct sim_socket *anchor = &world->sockets, *found = NULL;
  size_t count = 0;
  for (struct sim_socket *s = anchor->next; s != anchor; s = s->next) {
    if (!is_at(s, host, place, kind))
      continue;
    count++;
    if (!found || sim_some(world, count) == 1)
      found = s;
  }
  return found;
}

/* ---- options ------------------------------------------------------------- */

static int socket_option(struct sim_socket *socket, int name) {
  int value = 0;
  switch (name) {
  case SO_TYPE:
    return socket->kind == SIM_STREAM ? SOCK_STREAM : SOCK_DGRAM;
  case SO_DOMAIN:
    return socket->family;
  case SO_PROTOCOL:
    return socket->kind == SIM_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  case SO_ACCEPTCONN:
    return socket->state == SIM_LISTENING;
  case SO_REUSEPORT:
    return socket->reuse_port;
  case SO_SNDBUF:
  case SO_RCVBUF:
    return (int)sim_world->options.buffer_bytes;
  case SO_ERROR:
    value = socket->error;
    socket->error = 0;
    return value;
  default:
    return 0;
  }
}

int sim_getsockopt(struct sim_socket *socket, int level, int name, void *value,
                   socklen_t *bytes) {
  int number = level == SOL_SOCKET ? socket_option(socket, name) : 0;
  memset(value, 0, *bytes);
  if (*bytes > sizeof number && !(level == SOL_SOCKET && name == SO_LINGER))
    *bytes = sizeof number;
  memcpy(value, &number, *bytes < sizeof number ? *bytes : sizeof number);
  return 0;
}

/* What has no meaning here is set all the same. */
int sim_setsockopt(struct sim_socket *socket, int level, int name,
                   const void *value, socklen_t bytes) {
  int number = 0;
  memcpy(&number, value, bytes < sizeof number ? bytes : sizeof number);
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY)
    socket->v6_only = number != 0;
  if (level != SOL_SOCKET)
    return 0;
  if (name == SO_REUSEPORT)
    socket->reuse_port = number != 0;
  struct linger linger;
  if (name == SO_LINGER && bytes >= sizeof linger) {
    memcpy(&linger, value, sizeof linger);
    socket->abortive = linger.l_onoff && !linger.l_linger;
  }
  return 0;
}

/* ---- bytes --------------------------------------------------------------- */

size_t sim_bytes_of(const struct iovec *pieces, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++)
    bytes += pieces[i].iov_len;
  return bytes;
}

/* The first `bytes` of them. */
struct sim_piece *sim_piece_new(const struct iovec *pieces, size_t count,
                                size_t bytes) {
  struct sim_piece *piece = calloc(1, sizeof *piece + bytes);
  if (!piece)
    return NULL;
  for (size_t i = 0; i < count && piece->bytes < bytes; i++) {
    size_t part = pieces[i].iov_len;
    if (part > bytes - piece->bytes)
      part = bytes - piece->bytes;
    if (part)
      memcpy(piece->data + piece->bytes, pieces[i].iov_base, part);
    piece->bytes += part;
  }
  return piece;
}
