/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * call.c - the interface of sockets by the system's names, which a link finds
 * here before it looks into the C library. What is not simulated is passed on
 * to the next definition of the name: the C library's, or a sanitizer's. */
#define _GNU_SOURCE
#undef _FORTIFY_SOURCE /* it defines some of these itself */
#include "sim.h"

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* With _GNU_SOURCE glibc declares addresses as a transparent union of pointers,
 * of which `struct sockaddr *` is one. */
#pragma GCC diagnostic ignored "-Wpedantic"

#define EXPORT __attribute__((visibility("default"), used))

/* The system's function of that name, of the same type, looked up once. */
#define SYSTEM(name)                                                           \
  __extension__({                                                              \
    static _Atomic(void *) known;                                              \
    void *address_ = atomic_load_explicit(&known, memory_order_relaxed);       \
    if (AC_UNLIKELY(!address_)) {                                              \
      address_ = look_up(#name);                                               \
      atomic_store_explicit(&known, address_, memory_order_relaxed);           \
    }                                                                          \
    union {                                                                    \
      void *address;                                                           \
      __typeof__(&name) function;                                              \
    } as_ = {.address = address_};                                             \
    as_.function;                                                              \
  })

static void *look_up(const char *name) {
  void *address = dlsym(RTLD_NEXT, name);
  if (!address) {
    fprintf(stderr, "ac: the system has no %s\n", name);
    abort();
  }
  return address;
}

/* As system calls return: -1, and errno. */
static ssize_t returned(ssize_t result) {
  if (result >= 0)
    return result;
  errno = (int)-result;
  return -1;
}

int sim_system_close(int fd) { return SYSTEM(close)(fd); }

/* ---- life ---------------------------------------------------------------- */

EXPORT int socket(int family, int type, int protocol) {
  int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  int is_ours = (family == AF_INET || family == AF_INET6) &&
                (kind == SOCK_STREAM || kind == SOCK_DGRAM);
  struct sim_world *world = is_ours ? sim_world_wanted() : NULL;
  if (!world)
    return SYSTEM(socket)(family, type, protocol);
  struct sim_socket *made =
      sim_socket_new(world, kind == SOCK_STREAM ? SIM_STREAM : SIM_DATAGRAM,
                     family, sim_host_current(world));
  if (!made)
    return (int)returned(-ENOMEM);
  int fd = sim_socket_name(world, made, type);
  if (fd < 0)
    sim_socket_release(made);
  return (int)returned(fd);
}

EXPORT int close(int fd) {
  struct sim_socket *s = sim_socket_of(fd);
  if (s)
    sim_close(s);
  return SYSTEM(close)(fd);
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_bind(s, address, bytes))
           : SYSTEM(bind)(fd, address, bytes);
}

EXPORT int listen(int fd, int backlog) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_listen(s, backlog))
           : SYSTEM(listen)(fd, backlog);
}

EXPORT int accept4(int fd, struct sockaddr *address, socklen_t *bytes,
                   int flags) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_accept(s, address, bytes, flags))
           : SYSTEM(accept4)(fd, address, bytes, flags);
}

EXPORT int accept(int fd, struct sockaddr *address, socklen_t *bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_accept(s, address, bytes, 0))
           : SYSTEM(accept)(fd, address, bytes);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(connect)(fd, address, bytes);
  return (int)returned(s->kind == SIM_STREAM
                           ? sim_connect(s, address, bytes)
                           : sim_datagram_connect(s, address, bytes));
}

EXPORT int shutdown(int fd, int how) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_shutdown(s, how)) : SYSTEM(shutdown)(fd, how);
}

/* ---- names and options --------------------------------------------------- */

EXPORT int getsockname(int fd, struct sockaddr *address, socklen_t *bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(getsockname)(fd, address, bytes);
  sim_place_write(&s->local, s->family, address, bytes);
  return 0;
}

EXPORT int getpeername(int fd, struct sockaddr *address, socklen_t *bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(getpeername)(fd, address, bytes);
  if (s->state != SIM_OPEN)
    return (int)returned(-ENOTCONN);
  sim_place_write(&s->remote, s->family, address, bytes);
  return 0;
}

EXPORT int getsockopt(int fd, int level, int name, void *value,
                      socklen_t *bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_getsockopt(s, level, name, value, bytes))
           : SYSTEM(getsockopt)(fd, level, name, value, bytes);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value,
                      socklen_t bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? (int)returned(sim_setsockopt(s, level, name, value, bytes))
           : SYSTEM(setsockopt)(fd, level, name, value, bytes);
}

/* ---- sending ------------------------------------------------------------- */

static ssize_t send_pieces(struct sim_socket *s, const struct iovec *pieces,
                           size_t count, const struct sockaddr *address,
                           socklen_t bytes) {
  return returned(s->kind == SIM_STREAM
                      ? sim_stream_send(s, pieces, count)
                      : sim_datagram_send(s, pieces, count, address, bytes));
}

EXPORT ssize_t sendto(int fd, const void *data, size_t bytes, int flags,
                      const struct sockaddr *address, socklen_t address_bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(sendto)(fd, data, bytes, flags, address, address_bytes);
  const struct iovec piece = {(void *)(uintptr_t)data, bytes};
  return send_pieces(s, &piece, 1, address, address_bytes);
}

EXPORT ssize_t send(int fd, const void *data, size_t bytes, int flags) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(send)(fd, data, bytes, flags);
  const struct iovec piece = {(void *)(uintptr_t)data, bytes};
  return send_pieces(s, &piece, 1, NULL, 0);
}

EXPORT ssize_t write(int fd, const void *data, size_t bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(write)(fd, data, bytes);
  const struct iovec piece = {(void *)(uintptr_t)data, bytes};
  return send_pieces(s, &piece, 1, NULL, 0);
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int count) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? send_pieces(s, pieces, (size_t)count, NULL, 0)
           : SYSTEM(writev)(fd, pieces, count);
}

static ssize_t send_message(struct sim_socket *s,
                            const struct msghdr *message) {
  return send_pieces(s, message->msg_iov, message->msg_iovlen,
                     message->msg_name, message->msg_namelen);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? send_message(s, message) : SYSTEM(sendmsg)(fd, message, flags);
}

EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                    int flags) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(sendmmsg)(fd, messages, count, flags);
  for (unsigned i = 0; i < count; i++) {
    ssize_t sent = send_message(s, &messages[i].msg_hdr);
    if (sent < 0)
      return i ? (int)i : -1;
    messages[i].msg_len = (unsigned)sent;
  }
  return (int)count;
}

/* ---- receiving ----------------------------------------------------------- */

static ssize_t recv_pieces(struct sim_socket *s, const struct iovec *pieces,
                           size_t count, struct sockaddr *address,
                           socklen_t *bytes, int flags, int *message_flags) {
  if (s->kind == SIM_DATAGRAM)
    return returned(sim_datagram_recv(s, pieces, count, address, bytes, flags,
                                      message_flags));
  if (message_flags)
    *message_flags = 0;
  return returned(sim_stream_recv(s, pieces, count, flags));
}

EXPORT ssize_t recvfrom(int fd, void *restrict buffer, size_t bytes, int flags,
                        struct sockaddr *restrict address,
                        socklen_t *restrict address_bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(recvfrom)(fd, buffer, bytes, flags, address, address_bytes);
  const struct iovec piece = {buffer, bytes};
  return recv_pieces(s, &piece, 1, address, address_bytes, flags, NULL);
}

EXPORT ssize_t recv(int fd, void *buffer, size_t bytes, int flags) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(recv)(fd, buffer, bytes, flags);
  const struct iovec piece = {buffer, bytes};
  return recv_pieces(s, &piece, 1, NULL, NULL, flags, NULL);
}

EXPORT ssize_t read(int fd, void *buffer, size_t bytes) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(read)(fd, buffer, bytes);
  const struct iovec piece = {buffer, bytes};
  return recv_pieces(s, &piece, 1, NULL, NULL, 0, NULL);
}

EXPORT ssize_t readv(int fd, const struct iovec *pieces, int count) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? recv_pieces(s, pieces, (size_t)count, NULL, NULL, 0, NULL)
           : SYSTEM(readv)(fd, pieces, count);
}

static ssize_t recv_message(struct sim_socket *s, struct msghdr *message,
                            int flags) {
  message->msg_controllen = 0;
  ssize_t got =
      recv_pieces(s, message->msg_iov, message->msg_iovlen, message->msg_name,
                  &message->msg_namelen, flags, &message->msg_flags);
  if (s->kind == SIM_STREAM)
    message->msg_namelen = 0;
  return got;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  struct sim_socket *s = sim_socket_of(fd);
  return s ? recv_message(s, message, flags)
           : SYSTEM(recvmsg)(fd, message, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                    struct timespec *timeout) {
  struct sim_socket *s = sim_socket_of(fd);
  if (!s)
    return SYSTEM(recvmmsg)(fd, messages, count, flags, timeout);
  for (unsigned i = 0; i < count; i++) {
    ssize_t got = recv_message(s, &messages[i].msg_hdr, flags);
    if (got < 0)
      return i ? (int)i : -1;
    messages[i].msg_len = (unsigned)got;
  }
  return (int)count;
}

/* ---- by programs that were compiled with _FORTIFY_SOURCE ----------------- */

EXPORT ssize_t __recv_chk(int fd, void *buffer, size_t bytes, size_t room,
                          int flags);
EXPORT ssize_t __recvfrom_chk(int fd, void *buffer, size_t bytes, size_t room,
                              int flags, struct sockaddr *address,
                              socklen_t *address_bytes);
EXPORT ssize_t __read_chk(int fd, void *buffer, size_t bytes, size_t room);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t count, int timeout,
                      size_t room);

static void check(size_t bytes, size_t room) {
  if (bytes > room)
    abort();
}

ssize_t __recv_chk(int fd, void *buffer, size_t bytes, size_t room, int flags) {
  check(bytes, room);
  return recv(fd, buffer, bytes, flags);
}

ssize_t __recvfrom_chk(int fd, void *buffer, size_t bytes, size_t room,
                       int flags, struct sockaddr *address,
                       socklen_t *address_bytes) {
  check(bytes, room);
  return recvfrom(fd, buffer, bytes, flags, address, address_bytes);
}

ssize_t __read_chk(int fd, void *buffer, size_t bytes, size_t room) {
  check(bytes, room);
  return read(fd, buffer, bytes);
}

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t room) {
  check(count * sizeof *fds, room);
  return poll(fds, count, timeout);
}

/* ---- poll ---------------------------------------------------------------- */

static int poll_simulated(struct pollfd *fds, nfds_t count, int *others) {
  int ready = 0;
  *others = 0;
  for (nfds_t i = 0; i < count; i++) {
    const struct sim_socket *s = sim_socket_of(fds[i].fd);
    fds[i].revents = 0;
    if (s)
      fds[i].revents =
          (short)(sim_socket_ready(s) & (fds[i].events | POLLERR | POLLHUP));
    else
      ++*others;
    ready += fds[i].revents != 0;
  }
  return ready;
}

/* Those that are the system's; the events of the others stay. */
static int poll_others(struct pollfd *fds, nfds_t count) {
  int ready = 0;
  for (nfds_t i = 0; i < count; i++) {
    if (sim_socket_of(fds[i].fd))
      continue;
    int now = SYSTEM(poll)(&fds[i], 1, 0);
    if (now < 0)
      return -1;
    ready += now;
  }
  return ready;
}

/* Whoever blocks in poll holds up the simulation: as if the time had passed. */
EXPORT int poll(struct pollfd *fds, nfds_t count, int timeout) {
  int others = 1;
  int ready = sim_world ? poll_simulated(fds, count, &others) : 0;
  if (!sim_world || others == (int)count)
    return SYSTEM(poll)(fds, count, timeout);
  int more = poll_others(fds, count);
  return more < 0 ? -1 : ready + more;
}

/* ---- names of hosts ------------------------------------------------------ */

static struct addrinfo *found(const struct sim_place *place, int family,
                              int type) {
  /* As the C library's, one block, so that freeaddrinfo can free it. */
  struct sockaddr_storage *address;
  struct addrinfo *info = calloc(1, sizeof *info + sizeof *address);
  if (!info)
    return NULL;
  address = (struct sockaddr_storage *)(void *)(info + 1);
  info->ai_family = family;
  info->ai_socktype = type;
  info->ai_protocol = type == SOCK_DGRAM    ? IPPROTO_UDP
                      : type == SOCK_STREAM ? IPPROTO_TCP
                                            : 0;
  info->ai_addr = (struct sockaddr *)address;
  info->ai_addrlen = sizeof *address;
  sim_place_write(place, family, info->ai_addr, &info->ai_addrlen);
  return info;
}

static int list_addresses(const struct sim_host *host, uint16_t port,
                          const struct addrinfo *hints,
                          struct addrinfo **list) {
  static const int families[] = {AF_INET6, AF_INET};
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
  *list = NULL;
  struct addrinfo **end = list;
  for (int i = 0; i < 4; i++) {
    int family = families[i / 2], type = types[i % 2];
    if ((hints && hints->ai_family && hints->ai_family != family) ||
        (hints && hints->ai_socktype && hints->ai_socktype != type))
      continue;
    const struct sim_place place = {sim_host_ip(host, family), port};
    *end = found(&place, family, type);
    if (!*end) {
      if (*list)
        freeaddrinfo(*list);
      return EAI_MEMORY;
    }
    end = &(*end)->ai_next;
  }
  return *list ? 0 : EAI_FAMILY;
}

/* A simulated host's name is known at once, also to who asks for numbers only:
 * so nobody goes to a thread for it. */
EXPORT int getaddrinfo(const char *restrict name, const char *restrict service,
                       const struct addrinfo *restrict hints,
                       struct addrinfo **restrict list) {
  char *end = NULL;
  unsigned long port = service ? strtoul(service, &end, 10) : 0;
  int is_port = !service || (*service && !*end && port < 65536);
  const struct sim_host *host =
      sim_world && name && is_port && strcmp(name, "localhost") != 0
          ? sim_host_find(sim_world, name)
          : NULL;
  return host ? list_addresses(host, (uint16_t)port, hints, list)
              : SYSTEM(getaddrinfo)(name, service, hints, list);
}
