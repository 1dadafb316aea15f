/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver_sim.c - the driver on a simulated network. Descriptors that are the
 * system's are looked after by epoll, and never waited for as long as
 * something is to happen in virtual time. */
#include "sim.h"

#include <errno.h>
#include <string.h>

static const struct aci_driver_class *epoll_class;

static struct sim_world *world_of(const struct aci_driver *driver) {
  return driver->state;
}

static int driver_open(struct aci_driver *driver) {
  struct sim_world *world = sim_world_wanted();
  if (!world) {
    const struct ac_simulation options = {.seed = 1};
    int code = sim_world_new(&options);
    if (code)
      return code;
    world = sim_world;
  }
  world->epoll.class = epoll_class;
  int code = epoll_class->open(&world->epoll);
  if (code) {
    sim_world_end(world);
    return code;
  }
  world->is_running = 1;
  driver->state = world;
  driver->fd = world->epoll.fd;
  driver->wake_fd = world->epoll.wake_fd;
  driver->random = sim_draw(world) | 1;
  driver->shuffle = world->options.orderly ? 0 : sim_draw(world) | 1;
  return 0;
}

static int driver_arm(struct aci_driver *driver, int fd, uint32_t tag) {
  struct sim_world *world = world_of(driver);
  struct sim_socket *socket = sim_socket_of(fd);
  if (!socket)
    return epoll_class->arm(&world->epoll, fd, tag);
  socket->armed = 1;
  socket->tag = tag;
  sim_socket_mark(world, socket);
  return 0;
}

static int driver_disarm(struct aci_driver *driver, int fd) {
  struct sim_socket *socket = sim_socket_of(fd);
  if (!socket)
    return epoll_class->disarm(&world_of(driver)->epoll, fd);
  socket->armed = 0;
  return 0;
}

/* Any of those that are marked, and no more. */
static struct sim_socket *take_marked(struct sim_world *world) {
  size_t at =
      world->options.orderly ? 0 : sim_some(world, world->marked_count) - 1;
  struct sim_socket *socket = world->marked[at];
  world->marked_count--;
  if (world->options.orderly)
    memmove(&world->marked[at], &world->marked[at + 1],
            (world->marked_count - at) * sizeof *world->marked);
  else
    world->marked[at] = world->marked[world->marked_count];
  socket->marked = 0;
  return socket;
}

static int driver_poll(struct aci_driver *driver, int64_t timeout_ns,
                       aci_driver_event *event, void *context) {
  struct sim_world *world = world_of(driver);
  sim_events_run(world);
  int is_busy = world->marked_count != 0;
  while (world->marked_count) {
    const struct sim_socket *socket = take_marked(world);
    int events = sim_socket_ready(socket);
    if (socket->armed && events)
      event(context, socket->fd, socket->tag, (uint32_t)events);
  }
  return epoll_class->poll(&world->epoll, is_busy ? 0 : timeout_ns, event,
                           context);
}

static void driver_wake(struct aci_driver *driver) {
  epoll_class->wake(&world_of(driver)->epoll);
}

static void driver_close(struct aci_driver *driver) {
  struct sim_world *world = world_of(driver);
  epoll_class->close(&world->epoll);
  world->is_running = 0;
  sim_world_end(world);
  driver->state = NULL;
  driver->fd = driver->wake_fd = -1;
}

static int64_t driver_next_event(const struct aci_driver *driver) {
  const struct sim_world *world = world_of(driver);
  return world->marked_count ? sim_now(world) : sim_event_next(world);
}

static int driver_simulates(const struct aci_driver *driver, int fd) {
  (void)driver;
  return sim_socket_of(fd) != NULL;
}

const struct aci_driver_class sim_driver_class = {
    .name = "sim",
    .open = driver_open,
    .arm = driver_arm,
    .disarm = driver_disarm,
    .poll = driver_poll,
    .wake = driver_wake,
    .close = driver_close,
    .next_event = driver_next_event,
    .simulates = driver_simulates};

/* What a link names, to have this file, and with it the calls. */
AC_API extern const int ac_driver_sim;
const int ac_driver_sim = 1;

__attribute__((constructor)) static void register_driver(void) {
  epoll_class = aci_driver_register(&sim_driver_class, 0);
}
