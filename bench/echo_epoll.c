/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * echo_epoll.c - what echo.ac does, by hand on epoll: edge-triggered, one
 * receive and one send a message, no second receive after a short one. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENT_COUNT = 256, BUFFER_BYTES = 65536 };

struct connection {
  int fd;
  size_t got, sent;
  char data[BUFFER_BYTES];
};

static long long bytes_echoed;
static long live;

static void end(struct connection *c) {
  close(c->fd);
  free(c);
  live--;
}

/* Whatever can be done without a wait. */
static void serve(struct connection *c) {
  for (;;) {
    while (c->sent < c->got) {
      ssize_t n = send(c->fd, c->data + c->sent, c->got - c->sent,
                       MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0)
        return;
      c->sent += (size_t)n;
      bytes_echoed += n;
      if (c->sent == c->got && c->got < BUFFER_BYTES) {
        c->got = c->sent = 0;
        return; /* it was a short one */
      }
    }
    c->got = c->sent = 0;
    ssize_t n = recv(c->fd, c->data, BUFFER_BYTES, MSG_DONTWAIT);
    if (n == 0)
      end(c);
    if (n <= 0)
      return;
    c->got = (size_t)n;
  }
}

static void accept_all(int server, int poll) {
  int fd;
  while ((fd = accept4(server, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >=
         0) {
    struct connection *c = malloc(sizeof *c);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->fd = fd;
    c->got = c->sent = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
    live++;
  }
}

int main(int argc, char **argv) {
  long message_bytes = argc > 1 ? atol(argv[1]) : 64;
  int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t bytes = sizeof address;
  if (bind(server, (void *)&address, bytes) < 0 || listen(server, 1024) < 0 ||
      getsockname(server, (void *)&address, &bytes) < 0)
    return 1;
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int poll = epoll_create1(EPOLL_CLOEXEC), begun = 0;
  struct epoll_event events[EVENT_COUNT] = {{.events = EPOLLIN}};
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &events[0]);
  while (live || !begun) {
    int count = epoll_wait(poll, events, EVENT_COUNT, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr)
        serve(events[i].data.ptr);
      else
        accept_all(server, poll);
    }
    begun |= live > 0;
  }
  printf("%lld\n", bytes_echoed / message_bytes);
  return 0;
}
