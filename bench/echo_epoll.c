/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * echo_epoll.c - what echo.ac does, by hand on epoll: edge-triggered, one
 * receive and one send a message, no second receive after a short one. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <unistd.h>

#include "echo.h"

enum { EVENT_COUNT = 256 };

struct connection {
  int fd;
  size_t got, sent;
  char data[ECHO_BUFFER_BYTES];
};

static void end(struct connection *c) {
  close(c->fd);
  free(c);
  echo_live--;
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
      echo_bytes += n;
      if (c->sent == c->got && c->got < ECHO_BUFFER_BYTES) {
        c->got = c->sent = 0;
        return; /* it was a short one */
      }
    }
    c->got = c->sent = 0;
    ssize_t n = recv(c->fd, c->data, ECHO_BUFFER_BYTES, MSG_DONTWAIT);
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
    echo_accepted(fd);
    c->fd = fd;
    c->got = c->sent = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data.ptr = c};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  }
}

int main(int argc, char **argv) {
  int server = echo_listen(SOCK_NONBLOCK);
  int poll = epoll_create1(EPOLL_CLOEXEC), begun = 0;
  struct epoll_event events[EVENT_COUNT] = {{.events = EPOLLIN}};
  epoll_ctl(poll, EPOLL_CTL_ADD, server, &events[0]);
  while (echo_live || !begun) {
    int count = epoll_wait(poll, events, EVENT_COUNT, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr)
        serve(events[i].data.ptr);
      else
        accept_all(server, poll);
    }
    begun |= echo_live > 0;
  }
  return echo_end(argc, argv);
}
