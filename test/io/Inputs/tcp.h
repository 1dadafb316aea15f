/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Connections over the loopback interface, made by plain system calls. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPECT(condition)                                                      \
  ((condition) ? (void)0                                                       \
               : (void)printf("%s:%d: %s\n", __FILE__, __LINE__, #condition))

static inline int tcp_listen(struct sockaddr_in *address, int backlog) {
  socklen_t bytes = sizeof *address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  *address = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || bind(fd, (struct sockaddr *)address, bytes) < 0 ||
      listen(fd, backlog) < 0 ||
      getsockname(fd, (struct sockaddr *)address, &bytes) < 0)
    abort();
  return fd;
}

static inline int tcp_connect(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 ||
      connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
    abort();
  return fd;
}

/* fds[0]: for the runtime; fds[1]: its peer, for plain calls. */
static inline void tcp_pair(int *fds) {
  struct sockaddr_in address;
  int server = tcp_listen(&address, 1);
  fds[1] = tcp_connect(&address);
  fds[0] = accept(server, NULL, NULL);
  if (fds[0] < 0)
    abort();
  close(server);
}

/* Whether the peer sees the end within a second. */
static inline int sees_end(int fd) {
  char byte;
  struct pollfd wait = {.fd = fd, .events = POLLIN};
  return poll(&wait, 1, 1000) == 1 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}
