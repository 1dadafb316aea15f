/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * echo.h - what the echo servers share. Each is called as
 *
 *     server BYTES [HOW]
 *
 * listens at a port of the kernel's choice, which it prints, ends when the
 * last connection has, and prints how many messages of that many bytes it has
 * sent back. */
#ifndef ECHO_H
#define ECHO_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Larger than a message, as servers have it: a short read says that nothing is
 * left. */
enum { ECHO_BUFFER_BYTES = 65536 };

static long long echo_bytes; /* sent back */
static long echo_live;       /* connections */

/* flags: of the socket, SOCK_NONBLOCK or 0. */
static inline int echo_listen(int flags) {
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t bytes = sizeof address;
  if (bind(server, (struct sockaddr *)&address, bytes) < 0 ||
      listen(server, 4096) < 0 ||
      getsockname(server, (struct sockaddr *)&address, &bytes) < 0)
    exit(1);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return server;
}

static inline void echo_accepted(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  echo_live++;
}

static inline int echo_end(int argc, char **argv) {
  long message_bytes = argc > 1 ? atol(argv[1]) : 64;
  printf("%lld\n", echo_bytes / message_bytes);
  return 0;
}

#endif
