/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * address.c - addresses of sockets, from text and to text. Names of hosts are
 * not looked up here. */
#define _GNU_SOURCE
#include <ac/ac.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static void any_address(struct ac_address *address, unsigned port) {
  struct sockaddr_in6 any = {.sin6_family = AF_INET6,
                             .sin6_port = htons((in_port_t)port)};
  memcpy(&address->to, &any, sizeof any);
  address->bytes = sizeof any;
}

static int scoped(struct ac_address *address, const char *text, unsigned port) {
  const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                                 .ai_family = AF_INET6,
                                 .ai_socktype = SOCK_STREAM};
  struct addrinfo *found;
  int code = getaddrinfo(text, NULL, &hints, &found);
  if (code)
    return code == EAI_MEMORY ? AC_ENOMEM : AC_EINVAL;
  struct sockaddr_in6 to;
  memcpy(&to, found->ai_addr, sizeof to);
  freeaddrinfo(found);
  to.sin6_port = htons((in_port_t)port);
  memcpy(&address->to, &to, sizeof to);
  address->bytes = sizeof to;
  return AC_OK;
}

int ac_address_ip(struct ac_address *address, const char *text, unsigned port) {
  *address = (struct ac_address){0};
  if (port > 65535)
    return AC_EINVAL;
  if (!text) {
    any_address(address, port);
    return AC_OK;
  }
  struct sockaddr_in v4 = {.sin_family = AF_INET,
                           .sin_port = htons((in_port_t)port)};
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
    memcpy(&address->to, &v4, sizeof v4);
    address->bytes = sizeof v4;
    return AC_OK;
  }
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                            .sin6_port = htons((in_port_t)port)};
  if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
    memcpy(&address->to, &v6, sizeof v6);
    address->bytes = sizeof v6;
    return AC_OK;
  }
  return strchr(text, '%') ? scoped(address, text, port) : AC_EINVAL;
}

int ac_address_unix(struct ac_address *address, const char *path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  size_t length = strlen(path);
  *address = (struct ac_address){0};
  if (!length)
    return AC_EINVAL;
  if (length >= sizeof to.sun_path)
    return -ENAMETOOLONG;
  memcpy(to.sun_path, path, length);
  size_t bytes = offsetof(struct sockaddr_un, sun_path) + length;
  if (*path == '@')
    to.sun_path[0] = 0; /* the name ends with the address */
  else
    bytes++;
  memcpy(&address->to, &to, sizeof to);
  address->bytes = (socklen_t)bytes;
  return AC_OK;
}

unsigned ac_address_port(const struct ac_address *address) {
  struct sockaddr_in v4;
  struct sockaddr_in6 v6;
  switch (address->to.ss_family) {
  case AF_INET:
    memcpy(&v4, &address->to, sizeof v4);
    return ntohs(v4.sin_port);
  case AF_INET6:
    memcpy(&v6, &address->to, sizeof v6);
    return ntohs(v6.sin6_port);
  default:
    return 0;
  }
}

static void unix_text(const struct ac_address *address, char *text,
                      size_t bytes) {
  struct sockaddr_un at;
  memcpy(&at, &address->to, sizeof at);
  size_t head = offsetof(struct sockaddr_un, sun_path);
  size_t length = address->bytes > head ? address->bytes - head : 0;
  if (length && !at.sun_path[0])
    at.sun_path[0] = '@';
  else
    length = strnlen(at.sun_path, length);
  snprintf(text, bytes, "%.*s", (int)length, at.sun_path);
}

char *ac_address_text(const struct ac_address *address, char *text,
                      size_t bytes) {
  char host[INET6_ADDRSTRLEN + 64] = "?";
  int family = address->to.ss_family;
  if (family == AF_UNIX) {
    unix_text(address, text, bytes);
    return text;
  }
  if (getnameinfo((const struct sockaddr *)&address->to, address->bytes, host,
                  sizeof host, NULL, 0, NI_NUMERICHOST))
    family = AF_UNSPEC;
  snprintf(text, bytes, family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
           ac_address_port(address));
  return text;
}

int ac_local_address(int fd, struct ac_address *address) {
  *address = (struct ac_address){.bytes = sizeof address->to};
  return getsockname(fd, (struct sockaddr *)&address->to, &address->bytes) < 0
             ? -errno
             : AC_OK;
}

int ac_peer_address(int fd, struct ac_address *address) {
  *address = (struct ac_address){.bytes = sizeof address->to};
  return getpeername(fd, (struct sockaddr *)&address->to, &address->bytes) < 0
             ? -errno
             : AC_OK;
}
