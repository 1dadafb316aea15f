/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * echo_uring.c - what echo.ac does, by hand on io_uring: multishot accept and
 * receive, buffers picked by the ring, what is to be sent back kept in memory
 * of the connection's own, one entry of the kernel a turn. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <liburing.h>

#include "echo.h"

enum { BUFFERS = 1024, BUFFER_BYTES = 4096, QUEUE_BYTES = ECHO_BUFFER_BYTES };

struct connection {
  int fd;
  size_t got, sent;
  int sending, ended;
  char data[QUEUE_BYTES];
};

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char *memory;

static struct io_uring_sqe *entry(void) {
  struct io_uring_sqe *sqe;
  while (!(sqe = io_uring_get_sqe(&ring)))
    io_uring_submit(&ring);
  return sqe;
}

static void receive(struct connection *c) {
  struct io_uring_sqe *sqe = entry();
  io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = 1;
  io_uring_sqe_set_data(sqe, c);
}

static void send_rest(struct connection *c) {
  struct io_uring_sqe *sqe = entry();
  io_uring_prep_send(sqe, c->fd, c->data + c->sent, c->got - c->sent,
                     MSG_NOSIGNAL);
  io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)c | 1);
  c->sending = 1;
}

static void give(int id) {
  io_uring_buf_ring_add(buffers, memory + (size_t)id * BUFFER_BYTES,
                        BUFFER_BYTES, (unsigned short)id,
                        io_uring_buf_ring_mask(BUFFERS), 0);
  io_uring_buf_ring_advance(buffers, 1);
}

static void end(struct connection *c) {
  if (c->sending)
    return;
  close(c->fd);
  free(c);
  echo_live--;
}

static void accepted(int fd) {
  struct connection *c = malloc(sizeof *c);
  echo_accepted(fd);
  c->fd = fd;
  c->got = c->sent = 0;
  c->sending = c->ended = 0;
  receive(c);
}

static void received(struct connection *c, const struct io_uring_cqe *cqe) {
  if (cqe->flags & IORING_CQE_F_BUFFER) {
    int id = (int)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
    if (c->got + (size_t)cqe->res > QUEUE_BYTES)
      abort(); /* the load never has so much under way */
    memcpy(c->data + c->got, memory + (size_t)id * BUFFER_BYTES,
           (size_t)cqe->res);
    c->got += (size_t)cqe->res;
    give(id);
    if (!c->sending)
      send_rest(c);
  }
  if (cqe->flags & IORING_CQE_F_MORE)
    return;
  if (cqe->res > 0 || cqe->res == -ENOBUFS) {
    receive(c);
    return;
  }
  c->ended = 1;
  end(c);
}

static void was_sent(struct connection *c, int result) {
  c->sending = 0;
  if (result > 0) {
    c->sent += (size_t)result;
    echo_bytes += result;
  }
  if (c->ended || result <= 0) {
    if (c->ended)
      end(c);
  } else if (c->sent < c->got) {
    send_rest(c);
  } else {
    c->got = c->sent = 0;
  }
}

int main(int argc, char **argv) {
  int server = echo_listen(0);
  struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER |
                                                IORING_SETUP_DEFER_TASKRUN |
                                                IORING_SETUP_CQSIZE,
                                       .cq_entries = 4096};
  if (io_uring_queue_init_params(512, &ring, &parameters) < 0)
    return 1;
  size_t size = (size_t)BUFFERS * (BUFFER_BYTES + sizeof(struct io_uring_buf));
  memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
  buffers = (void *)(memory + (size_t)BUFFERS * BUFFER_BYTES);
  struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)buffers,
                                 .ring_entries = BUFFERS,
                                 .bgid = 1};
  if (io_uring_register_buf_ring(&ring, &reg, 0) < 0)
    return 1;
  io_uring_buf_ring_init(buffers);
  for (int id = 0; id < BUFFERS; id++)
    give(id);
  struct io_uring_sqe *sqe = entry();
  io_uring_prep_multishot_accept(sqe, server, NULL, NULL,
                                 SOCK_CLOEXEC | SOCK_NONBLOCK);
  io_uring_sqe_set_data(sqe, NULL);
  int begun = 0;
  while (echo_live || !begun) {
    io_uring_submit_and_wait(&ring, 1);
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      uint64_t data = cqe->user_data;
      struct connection *c = (void *)(uintptr_t)(data & ~(uint64_t)1);
      if (!c) {
        if (cqe->res >= 0)
          accepted(cqe->res);
      } else if (data & 1) {
        was_sent(c, cqe->res);
      } else {
        received(c, cqe);
      }
      count++;
    }
    io_uring_cq_advance(&ring, count);
    begun |= echo_live > 0;
  }
  return echo_end(argc, argv);
}
