/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * socket.h - options of connections, for clients and servers. */
#ifndef ACI_SOCKET_H
#define ACI_SOCKET_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* What cannot be set on such a socket (a Unix one has no TCP) is left. */
static inline void aci_socket_tune(int fd, int nodelay, int keepalive) {
  const int on = 1;
  if (nodelay)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (keepalive <= 0)
    return;
  const int interval = keepalive < 10 ? 1 : keepalive / 10, count = 5;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive, sizeof keepalive);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

#endif
