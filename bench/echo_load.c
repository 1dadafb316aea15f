/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * echo_load.c - arguments: PORT CONNECTIONS BYTES MESSAGES [RATE]. Sends so
 * many messages, at most one under way on each connection, and prints the
 * messages, the seconds they took, and the 50th and 99th percentile of their
 * round trips in us.
 *
 * Without a rate a connection's next message follows the answer. With one,
 * that many messages are due each second, one connection after the other; a
 * message counts from when it was due, so that a server that falls behind is
 * charged with every message that had to wait for it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENT_COUNT = 256, PATIENCE_MS = 10000 };

struct connection {
  int fd;
  int busy; /* a message is under way */
  size_t got;
  double begun; /* or when it was due */
  long waiting; /* messages that are due, and cannot be sent yet */
  double due;   /* the first of those */
};

static struct connection *connections;
static int count, poll_fd, timer_fd;
static size_t bytes;
static long messages, begun, done;
static double interval; /* us between messages; 0: no rate */
static double start;
static double *times;
static char *data, *back;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void send_message(struct connection *c, double since) {
  c->begun = since;
  c->busy = 1;
  for (size_t sent = 0; sent < bytes;) {
    ssize_t n = send(c->fd, data + sent, bytes - sent, MSG_NOSIGNAL);
    if (n < 0)
      fail("send");
    sent += (size_t)n;
  }
}

/* ---- messages by the clock ------------------------------------------------
 */

static double due_at(long message) {
  return start + interval * (double)message;
}

/* For the next message; off after the last. */
static void set_timer(void) {
  struct itimerspec time = {0};
  if (begun < messages) {
    long long at_ns = (long long)(due_at(begun) * 1e3);
    time.it_value.tv_sec = (time_t)(at_ns / 1000000000);
    time.it_value.tv_nsec = (long)(at_ns % 1000000000);
  }
  if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &time, NULL) < 0)
    fail("timerfd_settime");
}

static void send_what_is_due(void) {
  for (; begun < messages && due_at(begun) <= now(); begun++) {
    struct connection *c = &connections[begun % count];
    if (!c->busy)
      send_message(c, due_at(begun));
    else if (!c->waiting++)
      c->due = due_at(begun);
  }
  set_timer();
}

static void send_what_waited(struct connection *c) {
  if (!c->waiting)
    return;
  send_message(c, c->due);
  c->waiting--;
  c->due += interval * count;
}

/* ---- the load --------------------------------------------------------------
 */

static void watch(int fd, void *pointer) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = pointer};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
    fail("epoll_ctl");
}

static void connect_all(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < count; i++) {
    struct connection *c = &connections[i];
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address) < 0)
      fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    watch(c->fd, c);
  }
}

static void begin(void) {
  start = now();
  if (interval > 0) {
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer_fd < 0)
      fail("timerfd_create");
    watch(timer_fd, NULL);
    send_what_is_due();
    return;
  }
  for (; begun < count && begun < messages; begun++)
    send_message(&connections[begun], now());
}

static void receive(struct connection *c) {
  ssize_t n = recv(c->fd, back, bytes - c->got, MSG_DONTWAIT);
  if (n <= 0)
    fail("recv");
  c->got += (size_t)n;
  if (c->got < bytes)
    return;
  c->got = 0;
  c->busy = 0;
  times[done++] = now() - c->begun;
  if (interval > 0) {
    send_what_waited(c);
  } else if (begun < messages) {
    begun++;
    send_message(c, now());
  }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 5)
    return 2;
  count = atoi(argv[2]);
  bytes = (size_t)atol(argv[3]);
  messages = atol(argv[4]);
  interval = argc > 5 && atof(argv[5]) > 0 ? 1e6 / atof(argv[5]) : 0;
  connections = calloc((size_t)count, sizeof *connections);
  times = calloc((size_t)messages, sizeof *times);
  data = calloc(1, bytes);
  back = malloc(bytes);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (!connections || !times || !data || !back || poll_fd < 0)
    fail("setting up");
  prctl(PR_SET_TIMERSLACK, 1);
  connect_all(atoi(argv[1]));
  begin();
  while (done < messages) {
    struct epoll_event events[EVENT_COUNT];
    int ready = epoll_wait(poll_fd, events, EVENT_COUNT, PATIENCE_MS);
    if (ready <= 0)
      fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr)
        receive(events[i].data.ptr);
      else
        send_what_is_due();
    }
  }
  double seconds = (now() - start) / 1e6;
  qsort(times, (size_t)done, sizeof *times, compare);
  printf("%ld %.6f %.1f %.1f\n", done, seconds, times[done / 2],
         times[done * 99 / 100]);
  return 0;
}
