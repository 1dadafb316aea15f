/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Descriptors: sockets, pipes, files; cancelled, closed, reused, short of. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static int pair[2];
static void make_pair(void) {
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
}

/* One operation in a task of its own. */
enum { READ, RECV, POLL, ACCEPT, WRITE_ALL, POLL_BOTH };
struct op {
  ac_frame frame;
  struct {
    int kind, fd;
  } arg;
  char buffer[64];
  ssize_t n;
  int v;
};
typedef __typeof__(((struct op *)0)->arg) op_arg;
static char big[1 << 20];
ASYNC(op, int, op_arg) {
  BEGIN(op);
  if (f->arg.kind == READ) {
    AWAIT(1, ac_read__ac(&f->n, f->arg.fd, f->buffer, sizeof f->buffer), &f->n);
  } else if (f->arg.kind == RECV) {
    AWAIT(2, ac_recv__ac(&f->n, f->arg.fd, f->buffer, sizeof f->buffer, 0),
          &f->n);
  } else if (f->arg.kind == ACCEPT) {
    AWAIT(3, ac_accept__ac(&f->v, f->arg.fd, NULL, NULL), &f->v);
    f->n = f->v;
  } else if (f->arg.kind == WRITE_ALL) {
    AWAIT(4, ac_write_all__ac(NULL, f->arg.fd, big, sizeof big), NULL);
    f->n = sizeof big;
  } else {
    AWAIT(5,
          ac_poll_fd__ac(&f->v, f->arg.fd,
                         f->arg.kind == POLL ? POLLIN : POLLIN | POLLOUT),
          &f->v);
    f->n = f->v;
  }
  RETURN(int, (int)f->n);
  END;
}
static struct ac_future *start_op(int kind, int fd) {
  return op_spawn((op_arg){kind, fd});
}

struct basics {
  ac_frame frame;
  none arg;
  struct ac_future *t, *u;
  ssize_t n;
  int v, e, i, fd;
  char b[100];
};
ASYNC(basics, none, none) {
  BEGIN(basics);
  make_pair();
  /* a reader waits for what is written later */
  f->t = start_op(READ, pair[0]);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  CHECK(!ac_done(f->t));
  AWAIT(2, ac_write__ac(&f->n, pair[1], "hello", 5), &f->n);
  CHECK(f->n == 5);
  AWAIT(3, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->v == 5);
  /* again, after a short read; many times */
  for (f->i = 0; f->i < 50; f->i++) {
    f->t = start_op(f->i % 2 ? READ : RECV, pair[0]);
    if (f->i % 3) {
      AWAIT(4, ac_yield__ac(NULL), NULL);
    }
    AWAIT(5, ac_send__ac(&f->n, pair[1], "abc", 3, 0), &f->n);
    AWAIT(6, ac_await_future_owned(&f->v, f->t), &f->v);
    CHECK(f->v == 3);
  }
  /* at most one reader */
  f->t = start_op(READ, pair[0]);
  AWAIT(7, ac_yield__ac(NULL), NULL);
  TRY(f->e, 8, ac_read__ac(&f->n, pair[0], f->b, 1), &f->n);
  CHECK(f->e == AC_EBUSY);
  /* a cancelled read has taken nothing, even if there is something */
  AWAIT(9, ac_write__ac(&f->n, pair[1], "xy", 2), &f->n);
  AWAIT(10, ac_sleep__ac(NULL, 0.001), NULL); /* it is woken, has read */
  AWAIT(11, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->v == 2);
  f->t = start_op(READ, pair[0]);
  AWAIT(12, ac_yield__ac(NULL), NULL);
  AWAIT(13, ac_write__ac(&f->n, pair[1], "xyz", 3), &f->n);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 14, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED);
  AWAIT(15, ac_read__ac(&f->n, pair[0], f->b, 100), &f->n);
  CHECK(f->n == 3 && memcmp(f->b, "xyz", 3) == 0);
  CHECK(aci_thread.loop->waiting_fds == 0);
  /* readiness */
  f->t = start_op(POLL, pair[0]);
  AWAIT(16, ac_yield__ac(NULL), NULL);
  AWAIT(17, ac_write__ac(&f->n, pair[1], "q", 1), &f->n);
  AWAIT(18, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->v == POLLIN);
  AWAIT(19, ac_poll_fd__ac(&f->v, pair[0], POLLOUT), &f->v);
  CHECK(f->v == POLLOUT);
  /* closing wakes the waiters */
  AWAIT(20, ac_read__ac(&f->n, pair[0], f->b, 100), &f->n);
  f->t = start_op(READ, pair[0]);
  AWAIT(21, ac_yield__ac(NULL), NULL);
  CHECK(ac_close(pair[0]) == 0);
  TRY(f->e, 22, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->e == AC_EBADF);
  /* the other end sees it, and writing is an error, not a signal */
  AWAIT(23, ac_read__ac(&f->n, pair[1], f->b, 100), &f->n);
  CHECK(f->n == 0);
  TRY(f->e, 24, ac_write__ac(&f->n, pair[1], "a", 1), &f->n);
  CHECK(f->e == -EPIPE);
  TRY(f->e, 25, ac_send__ac(&f->n, pair[1], "a", 1, 0), &f->n);
  CHECK(f->e == -EPIPE);
  CHECK(ac_close(pair[1]) == 0 && ac_close(pair[1]) == -EBADF);
  TRY(f->e, 26, ac_read__ac(&f->n, -1, f->b, 1), &f->n);
  CHECK(f->e == AC_EBADF);
  TRY(f->e, 27, ac_read__ac(&f->n, 900, f->b, 1), &f->n);
  CHECK(f->e == AC_EBADF);
  TRY(f->e, 28, ac_poll_fd__ac(&f->v, 900, POLLIN), &f->v);
  CHECK(f->e == AC_EBADF);
  END;
}

/* What is closed behind the loop's back, and comes back as another file. */
struct reuse {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  ssize_t n;
  int v, e, i, fd, pipe[2];
  char b[8];
};
ASYNC(reuse, none, none) {
  BEGIN(reuse);
  for (f->i = 0; f->i < 4; f->i++) {
    make_pair();
    f->t = start_op(READ, pair[0]);
    AWAIT(1, ac_yield__ac(NULL), NULL);
    AWAIT(2, ac_write__ac(&f->n, pair[1], "abc", 3), &f->n);
    AWAIT(3, ac_await_future_owned(&f->v, f->t), &f->v);
    f->fd = pair[0];
    if (f->i % 2) {
      close(pair[0]);
      close(pair[1]);
    } else {
      ac_close(pair[0]);
      ac_close(pair[1]);
    }
    /* the same numbers: a pipe */
    CHECK(pipe(f->pipe) == 0 && f->pipe[0] == f->fd);
    f->t = start_op(READ, f->pipe[0]);
    AWAIT(4, ac_yield__ac(NULL), NULL);
    AWAIT(5, ac_write__ac(&f->n, f->pipe[1], "de", 2), &f->n);
    AWAIT(6, ac_await_future_owned(&f->v, f->t), &f->v);
    CHECK(f->v == 2);
    /* closed under a waiter */
    f->t = start_op(READ, f->pipe[0]);
    AWAIT(7, ac_yield__ac(NULL), NULL);
    close(f->pipe[0]);
    TRY(f->e, 8, ac_await_future_owned(&f->v, f->t), &f->v);
    CHECK(f->e == AC_EBADF);
    TRY(f->e, 9, ac_write__ac(&f->n, f->pipe[1], "de", 2), &f->n);
    CHECK(f->e == -EPIPE);
    close(f->pipe[1]);
    CHECK(aci_thread.loop->waiting_fds == 0);
  }
  END;
}

/* A full pipe and a full socket; a file. */
struct full {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  ssize_t n;
  size_t sum;
  int v, i, pipe[2], fd;
  char b[60000];
};
ASYNC(full, none, none) {
  BEGIN(full);
  for (f->i = 0; f->i < 2; f->i++) {
    if (f->i) {
      make_pair();
      f->pipe[0] = pair[0];
      f->pipe[1] = pair[1];
    } else {
      CHECK(pipe(f->pipe) == 0);
    }
    for (size_t k = 0; k < sizeof big; k++)
      big[k] = (char)(k % 251);
    f->t = start_op(WRITE_ALL, f->pipe[1]);
    for (f->sum = 0; f->sum < sizeof big; f->sum += (size_t)f->n) {
      AWAIT(1, ac_read__ac(&f->n, f->pipe[0], f->b, sizeof f->b), &f->n);
      for (ssize_t k = 0; k < f->n; k++)
        CHECK(f->b[k] == (char)((f->sum + (size_t)k) % 251));
    }
    AWAIT(2, ac_await_future_owned(&f->v, f->t), &f->v);
    CHECK(f->v == (int)sizeof big);
    ac_close(f->pipe[0]);
    ac_close(f->pipe[1]);
  }
  f->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  AWAIT(3, ac_read__ac(&f->n, f->fd, f->b, 4), &f->n);
  CHECK(f->n == 4 && memcmp(f->b, "\177ELF", 4) == 0);
  AWAIT(4, ac_poll_fd__ac(&f->v, f->fd, POLLIN), &f->v);
  CHECK(f->v == POLLIN);
  ac_close(f->fd);
  END;
}

/* TCP: accept, connect, refused, reset, and running out of descriptors. */
static struct sockaddr_in address;
static int listener(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  address = (struct sockaddr_in){.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t bytes = sizeof address;
  CHECK(fd >= 0 && bind(fd, (void *)&address, bytes) == 0);
  CHECK(listen(fd, 64) == 0);
  CHECK(getsockname(fd, (void *)&address, &bytes) == 0);
  return fd;
}
struct tcp {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  struct rlimit limit;
  ssize_t n;
  int server, client, peer, v, e, i, fds[64];
  int64_t start;
  char b[8];
};
ASYNC(tcp, none, none) {
  BEGIN(tcp);
  f->server = listener();
  f->t = start_op(ACCEPT, f->server);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  f->client = socket(AF_INET, SOCK_STREAM, 0);
  AWAIT(2, ac_connect__ac(NULL, f->client, (void *)&address, sizeof address),
        NULL);
  AWAIT(3, ac_await_future_owned(&f->peer, f->t), &f->peer);
  CHECK(fcntl(f->peer, F_GETFD) & FD_CLOEXEC);
  f->t = start_op(RECV, f->peer);
  AWAIT(4, ac_yield__ac(NULL), NULL);
  AWAIT(5, ac_send__ac(&f->n, f->client, "12345", 5, 0), &f->n);
  AWAIT(6, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->v == 5);
  /* reset by the peer */
  f->t = start_op(RECV, f->client);
  AWAIT(7, ac_yield__ac(NULL), NULL);
  {
    struct linger hard = {1, 0};
    setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    ac_close(f->peer);
  }
  TRY(f->e, 8, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->e == -ECONNRESET);
  ac_close(f->client);
  /* out of descriptors: waits for an ac_close, not for 100 ms */
  CHECK(getrlimit(RLIMIT_NOFILE, &f->limit) == 0);
  f->client = socket(AF_INET, SOCK_STREAM, 0);
  AWAIT(9, ac_connect__ac(NULL, f->client, (void *)&address, sizeof address),
        NULL);
  {
    struct rlimit low = {64, f->limit.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
  }
  for (f->i = 0; (f->fds[f->i] = dup(0)) >= 0; f->i++)
    ;
  CHECK(errno == EMFILE && f->i > 1);
  f->t = start_op(ACCEPT, f->server);
  AWAIT(10, ac_sleep__ac(NULL, 0.005), NULL);
  CHECK(!ac_done(f->t));
  f->start = ac_now();
  ac_close(f->fds[--f->i]);
  AWAIT(11, ac_await_future_owned(&f->peer, f->t), &f->peer);
  CHECK(f->peer >= 0 && ac_now() - f->start < 50000000);
  /* closed behind its back: after 100 ms; and cancelled meanwhile */
  ac_close(f->client);
  f->client = socket(AF_INET, SOCK_STREAM, 0);
  AWAIT(12, ac_connect__ac(NULL, f->client, (void *)&address, sizeof address),
        NULL);
  f->t = start_op(ACCEPT, f->server);
  AWAIT(13, ac_sleep__ac(NULL, 0.005), NULL);
  close(f->peer);
  AWAIT(14, ac_await_future_owned(&f->peer, f->t), &f->peer);
  f->t = start_op(ACCEPT, f->server);
  AWAIT(15, ac_sleep__ac(NULL, 0.005), NULL);
  CHECK(ac_cancel(f->t));
  TRY(f->e, 16, ac_await_future_owned(&f->v, f->t), &f->v);
  CHECK(f->e == AC_ECANCELED && !aci_thread.loop->starved);
  while (f->i > 0)
    ac_close(f->fds[--f->i]);
  CHECK(setrlimit(RLIMIT_NOFILE, &f->limit) == 0);
  ac_close(f->client);
  ac_close(f->peer);
  /* refused */
  ac_close(f->server);
  f->client = socket(AF_INET, SOCK_STREAM, 0);
  TRY(f->e, 17,
      ac_connect__ac(NULL, f->client, (void *)&address, sizeof address), NULL);
  CHECK(f->e == -ECONNREFUSED);
  ac_close(f->client);
  END;
}

/* Datagrams: a short read does not mean that there are no more. */
struct udp {
  ac_frame frame;
  none arg;
  ssize_t n;
  int fds[2], i;
  struct ac_future *t;
  char b[64];
  int v;
};
ASYNC(udp, none, none) {
  BEGIN(udp);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, f->fds) == 0);
  f->t = start_op(RECV, f->fds[0]);
  AWAIT(1, ac_yield__ac(NULL), NULL);
  for (int i = 0; i < 5; i++)
    CHECK(send(f->fds[1], "abcd", 4, 0) == 4);
  AWAIT(2, ac_await_future_owned(&f->v, f->t), &f->v);
  for (f->i = 0; f->i < 4; f->i++) {
    AWAIT(3, ac_recv__ac(&f->n, f->fds[0], f->b, 64, 0), &f->n);
    CHECK(f->n == 4);
  }
  ac_close(f->fds[0]);
  ac_close(f->fds[1]);
  END;
}

/* B12: an always-ready descriptor does not keep others from running. */
static int greedy_stop, greedy_count;
struct greedy {
  ac_frame frame;
  int arg;
  ssize_t n;
  char b[4];
};
ASYNC(greedy, none, int) {
  BEGIN(greedy);
  while (!greedy_stop) {
    AWAIT(1, ac_read__ac(&f->n, f->arg, f->b, 4), &f->n);
    greedy_count++;
  }
  END;
}
struct fair {
  ac_frame frame;
  none arg;
  struct ac_future *t;
  int fd, i;
};
ASYNC(fair, none, none) {
  BEGIN(fair);
  f->fd = open("/dev/zero", O_RDONLY);
  greedy_stop = 0;
  f->t = greedy_spawn(f->fd);
  AWAIT(1, ac_sleep__ac(NULL, 0.01), NULL);
  CHECK(greedy_count > 100);
  greedy_stop = 1;
  AWAIT(2, ac_await_future_owned(NULL, f->t), NULL);
  ac_close(f->fd);
  /* and tasks that are always ready do not keep descriptors waiting */
  make_pair();
  f->t = start_op(READ, pair[0]);
  AWAIT(3, ac_yield__ac(NULL), NULL);
  CHECK(write(pair[1], "a", 1) == 1);
  for (f->i = 0; !ac_done(f->t); f->i++) {
    AWAIT(4, ac_yield__ac(NULL), NULL);
  }
  CHECK(f->i < 200);
  ac_release(f->t);
  ac_close(pair[0]);
  ac_close(pair[1]);
  END;
}

int main(void) {
  none arg = NONE;
  CHECK(RUN(basics, &arg, NULL) == 0);
  CHECK(RUN(reuse, &arg, NULL) == 0);
  CHECK(RUN(full, &arg, NULL) == 0);
  CHECK(RUN(tcp, &arg, NULL) == 0);
  CHECK(RUN(udp, &arg, NULL) == 0);
  CHECK(RUN(fair, &arg, NULL) == 0);
  CHECK(aci_sys_alloc_live() == 0);
  return 0;
}
