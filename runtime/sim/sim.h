/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sim.h - the simulated world, for the files of this folder. A world belongs
 * to a thread, and lasts from ac_use_simulation to the end of the loop.
 *
 *   call.c      the system's names; passes on what is not simulated
 *   socket.c    what is common to all sockets: names, options, readiness
 *   stream.c    connections
 *   datagram.c  datagrams
 *   world.c     hosts, wires, random numbers, the trace; ac/sim.h
 *   event.c     what is under way, in the order in which it arrives
 *   driver_sim.c  the loop's view of it
 *
 * A simulated socket has a descriptor of the system's, an eventfd that stands
 * for its number: so numbers are as small, as distinct and as scarce as always.
 */
#ifndef ACI_SIM_INTERNAL_H
#define ACI_SIM_INTERNAL_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <ac/sim.h>

#include "driver.h"

#pragma GCC visibility push(hidden)

struct sim_host {
  struct sim_host *next;
  unsigned number; /* from 1: the last part of its addresses */
  uint16_t last_port;
  char name[];
};

/* One end; IPv4 as ::ffff:a.b.c.d. */
struct sim_place {
  struct in6_addr ip;
  uint16_t port; /* in the machine's order; 0: not bound */
};

/* ---- sockets ------------------------------------------------------------- */

enum sim_kind { SIM_DATAGRAM, SIM_STREAM };
enum sim_state {
  SIM_FRESH,
  SIM_LISTENING,
  SIM_CONNECTING,
  SIM_OPEN, /* a datagram socket: it has a peer */
  SIM_DEAD  /* it was reset, refused or given up */
};

/* A datagram, or what has come over a connection at once. */
struct sim_piece {
  struct sim_piece *next;
  struct sim_place from;
  size_t start, bytes;
  char data[];
};

struct sim_socket {
  struct sim_socket *next, *prev; /* in the ring of all */
  uint64_t id;                    /* in the order of their making: for traces */
  int references; /* its descriptor, its peer, and events that have it */
  int fd;         /* -1: none yet, or closed */
  enum sim_kind kind;
  enum sim_state state;
  int family;
  struct sim_host *host;
  struct sim_place local, remote;
  int reuse_port, v6_only;
  int abortive; /* SO_LINGER of 0 seconds */
  int error;    /* errno, to be told once */

  /* The driver's. */
  int armed, marked; /* its readiness is to be reported */
  uint32_t tag;

  /* What can be read. */
  struct sim_piece *first, *last;
  size_t held; /* bytes of it */

  /* A connection: this end sends to the peer. */
  struct sim_socket *peer;
  size_t credit;        /* bytes that may be sent */
  size_t to_grant;      /* bytes read, of which the peer has not been told */
  int granting;         /* an event is under way to tell it */
  int64_t last_when_ns; /* when the last that was sent arrives */
  int fin_came, fin_sent, read_shut;
  int closed;          /* nobody has it, and nobody will accept it */
  int held_up;         /* events of this end that a cut wire holds up */
  uint64_t held_since; /* which time that is */

  /* Listening: connections to be accepted, by sim_socket.queue. */
  struct sim_socket *queue, *queue_last;
  int queued, backlog;
};

/* ---- events -------------------------------------------------------------- */

enum sim_event_kind {
  SIM_CONNECT, /* from: who connects */
  SIM_ACCEPTED,
  SIM_REFUSED,
  SIM_DATA,
  SIM_FIN,
  SIM_RST,
  SIM_GRANT,     /* bytes have been read */
  SIM_MESSAGE,   /* a datagram */
  SIM_NOT_THERE, /* ICMP, of one */
  SIM_CONNECT_TIMEOUT,
  SIM_SEND_TIMEOUT
};

struct sim_event {
  int64_t when_ns;
  uint64_t order; /* among equal times */
  enum sim_event_kind kind;
  struct sim_socket *from, *to; /* either may be NULL; references */
  struct sim_host *from_host, *to_host;
  struct sim_place source, target;
  struct sim_piece *piece;
  uint64_t number;
};

struct sim_wire {
  struct sim_wire *next;
  const struct sim_host *a, *b; /* b NULL: every other */
};

struct sim_world {
  struct ac_simulation options;
  uint64_t random;
  struct ac_sim_report report;
  uint64_t event_order, socket_order;
  struct sim_host *hosts, *home; /* home: of what is on none */
  unsigned host_count;
  struct sim_wire *cuts;
  /* Both arrays have room for every event that there is. */
  struct sim_event **heap, **held; /* held: by cut wires, in order */
  size_t heap_count, held_count, event_count, event_size;
  struct sim_socket sockets; /* anchor */
  struct sim_socket **by_fd;
  int by_fd_size;
  struct sim_socket **marked; /* has room for each number of by_fd */
  size_t marked_count;
  struct aci_driver epoll; /* of the system's descriptors */
  int is_running;          /* a loop has it */
};

/* This thread's, or NULL. */
extern _Thread_local struct sim_world *sim_world;

/* The world that AC_DRIVER asks for, made when the first socket is. */
struct sim_world *sim_world_wanted(void);
int sim_world_new(const struct ac_simulation *options);
void sim_world_end(struct sim_world *world);
int64_t sim_now(const struct sim_world *world);

/* ---- world.c ------------------------------------------------------------- */

uint64_t sim_draw(struct sim_world *world);
/* True with that probability. */
int sim_happens(struct sim_world *world, double probability);
/* From 1 to `limit`. */
size_t sim_some(struct sim_world *world, size_t limit);
/* When what is sent now arrives. */
int64_t sim_arrival(struct sim_world *world);
struct sim_host *sim_host_named(struct sim_world *world, const char *name);
struct sim_host *sim_host_find(const struct sim_world *world, const char *name);
/* The one with that address, seen from `from`; NULL: there is none. */
struct sim_host *sim_host_at(const struct sim_world *world,
                             struct sim_host *from, const struct in6_addr *ip);
struct in6_addr sim_host_ip(const struct sim_host *host, int family);
struct sim_host *sim_host_current(struct sim_world *world);
int sim_is_cut(const struct sim_world *world, const struct sim_host *a,
               const struct sim_host *b);
void sim_trace(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* As sim_trace, with the socket before it. */
void sim_trace_socket(struct sim_world *world, const struct sim_socket *socket,
                      const char *what, long long number);

/* ---- event.c ------------------------------------------------------------- */

/* NULL: out of memory. The event has references to its sockets. */
struct sim_event *sim_event_new(struct sim_world *world,
                                enum sim_event_kind kind,
                                struct sim_socket *from, struct sim_socket *to);
void sim_event_add(struct sim_world *world, struct sim_event *event,
                   int64_t when_ns);
void sim_event_free(struct sim_world *world, struct sim_event *event);
/* Lets all arrive that is due. */
void sim_events_run(struct sim_world *world);
/* Negative: nothing is under way. */
int64_t sim_event_next(const struct sim_world *world);
/* A wire was mended: what it held up goes on. */
void sim_events_release(struct sim_world *world);
void sim_events_end(struct sim_world *world);

/* ---- socket.c ------------------------------------------------------------ */

/* Of a descriptor; NULL: it is none of the simulation's. */
static inline struct sim_socket *sim_socket_of(int fd) {
  struct sim_world *world = sim_world;
  return world && (unsigned)fd < (unsigned)world->by_fd_size ? world->by_fd[fd]
                                                             : NULL;
}

/* A socket without descriptor; NULL: out of memory. */
struct sim_socket *sim_socket_new(struct sim_world *world, enum sim_kind kind,
                                  int family, struct sim_host *host);
/* Gives it one: the number, or -errno. */
int sim_socket_name(struct sim_world *world, struct sim_socket *socket,
                    int flags);
void sim_socket_hold(struct sim_socket *socket);
void sim_socket_release(struct sim_socket *socket);
/* Its readiness may have changed. */
void sim_socket_mark(struct sim_world *world, struct sim_socket *socket);
/* poll(2)'s. */
int sim_socket_ready(const struct sim_socket *socket);
/* Binds it to a free port of its host, if it is not bound yet. 0 or errno. */
int sim_socket_bind_any(struct sim_world *world, struct sim_socket *socket);
/* The one of that kind at that place of that host; NULL: nobody. */
struct sim_socket *sim_socket_at(struct sim_world *world,
                                 const struct sim_host *host,
                                 const struct sim_place *place,
                                 enum sim_kind kind);
/* 0 or errno. */
int sim_place_read(struct sim_place *place, int family,
                   const struct sockaddr *address, socklen_t bytes);
/* As getsockname does: cut at *bytes, which becomes what there is. */
void sim_place_write(const struct sim_place *place, int family,
                     struct sockaddr *address, socklen_t *bytes);
struct sim_piece *sim_piece_new(const struct iovec *pieces, size_t count,
                                size_t bytes);
size_t sim_bytes_of(const struct iovec *pieces, size_t count);
void sim_pieces_free(struct sim_socket *socket);

/* The calls: as the system's, but -errno. */
int sim_bind(struct sim_socket *socket, const struct sockaddr *address,
             socklen_t bytes);
int sim_getsockopt(struct sim_socket *socket, int level, int name, void *value,
                   socklen_t *bytes);
int sim_setsockopt(struct sim_socket *socket, int level, int name,
                   const void *value, socklen_t bytes);
void sim_close(struct sim_socket *socket);

/* ---- stream.c ------------------------------------------------------------ */

int sim_listen(struct sim_socket *socket, int backlog);
int sim_accept(struct sim_socket *socket, struct sockaddr *address,
               socklen_t *bytes, int flags);
int sim_connect(struct sim_socket *socket, const struct sockaddr *address,
                socklen_t bytes);
int sim_shutdown(struct sim_socket *socket, int how);
ssize_t sim_stream_send(struct sim_socket *socket, const struct iovec *pieces,
                        size_t count);
ssize_t sim_stream_recv(struct sim_socket *socket, const struct iovec *pieces,
                        size_t count, int flags);
/* It is closed: tells the peer. */
void sim_stream_close(struct sim_world *world, struct sim_socket *socket);
void sim_stream_arrive(struct sim_world *world, struct sim_event *event);
/* Both ends learn of a reset. */
void sim_stream_break(struct sim_world *world, struct sim_socket *socket);
/* Nothing of what this end has sent has come through for too long. */
void sim_stream_watch(struct sim_world *world, struct sim_socket *from);

/* ---- datagram.c ---------------------------------------------------------- */

int sim_datagram_connect(struct sim_socket *socket,
                         const struct sockaddr *address, socklen_t bytes);
/* address NULL: to the peer. */
ssize_t sim_datagram_send(struct sim_socket *socket, const struct iovec *pieces,
                          size_t count, const struct sockaddr *address,
                          socklen_t bytes);
/* *message_flags: MSG_TRUNC where it was cut. */
ssize_t sim_datagram_recv(struct sim_socket *socket, const struct iovec *pieces,
                          size_t count, struct sockaddr *address,
                          socklen_t *bytes, int flags, int *message_flags);
void sim_datagram_arrive(struct sim_world *world, struct sim_event *event);

/* ---- call.c -------------------------------------------------------------- */

/* The system's own. */
int sim_system_close(int fd);

/* ---- driver_sim.c -------------------------------------------------------- */

extern const struct aci_driver_class sim_driver_class;

#pragma GCC visibility pop

#endif
