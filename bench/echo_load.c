/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * echo_load.c - arguments: PORT CONNECTIONS BYTES MESSAGES. Keeps one message
 * under way on every connection until so many have come back, and prints the
 * messages, and the 50th and 99th percentile of their round trips in us. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENT_COUNT = 256 };

struct connection {
  int fd;
  size_t got;
  double begun;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void send_all(int fd, const char *data, size_t bytes) {
  while (bytes) {
    ssize_t n = send(fd, data, bytes, MSG_NOSIGNAL);
    if (n < 0)
      fail("send");
    data += n;
    bytes -= (size_t)n;
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 5)
    return 2;
  int count = atoi(argv[2]);
  size_t bytes = (size_t)atol(argv[3]);
  long messages = atol(argv[4]), begun = 0, done = 0;
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(argv[1])),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct connection *connections = calloc((size_t)count, sizeof *connections);
  double *times = calloc((size_t)messages, sizeof *times);
  char *data = calloc(1, bytes), *back = malloc(bytes);
  int poll = epoll_create1(EPOLL_CLOEXEC);
  if (!connections || !times || !data || !back || poll < 0)
    fail("setting up");
  for (int i = 0; i < count; i++) {
    struct connection *c = &connections[i];
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address) < 0)
      fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &event) < 0)
      fail("epoll_ctl");
  }
  for (int i = 0; i < count && begun < messages; i++, begun++) {
    connections[i].begun = now();
    send_all(connections[i].fd, data, bytes);
  }
  while (done < messages) {
    struct epoll_event events[EVENT_COUNT];
    int ready = epoll_wait(poll, events, EVENT_COUNT, 10000);
    if (ready <= 0)
      fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      ssize_t n = recv(c->fd, back, bytes - c->got, MSG_DONTWAIT);
      if (n <= 0)
        fail("recv");
      c->got += (size_t)n;
      if (c->got < bytes)
        continue;
      c->got = 0;
      times[done++] = now() - c->begun;
      if (begun == messages)
        continue;
      begun++;
      c->begun = now();
      send_all(c->fd, data, bytes);
    }
  }
  qsort(times, (size_t)done, sizeof *times, compare);
  printf("%ld %.1f %.1f\n", done, times[done / 2], times[done * 99 / 100]);
  return 0;
}
