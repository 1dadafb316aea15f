/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver_epoll.c - the driver on epoll(7), edge-triggered: one system call to
 * register a descriptor in its life, and one per wait of the loop. */
#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(EPOLLIN == POLLIN && EPOLLOUT == POLLOUT &&
                   EPOLLPRI == POLLPRI && EPOLLERR == POLLERR &&
                   EPOLLHUP == POLLHUP && EPOLLRDHUP == POLLRDHUP,
               "epoll's events are poll's");

enum { EVENT_COUNT = 256, POLL_LIMIT = 16 };

#define WAKE_DATA UINT64_MAX

static int control(struct aci_driver *driver, int operation, int fd,
                   uint64_t data) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLPRI |
                                        EPOLLRDHUP | EPOLLET,
                              .data.u64 = data};
  return epoll_ctl(driver->fd, operation, fd, &event) == 0 ? 0 : -errno;
}

static void epoll_close(struct aci_driver *driver) {
  if (driver->wake_fd >= 0)
    close(driver->wake_fd);
  if (driver->fd >= 0)
    close(driver->fd);
  driver->fd = driver->wake_fd = -1;
}

static int epoll_open(struct aci_driver *driver) {
  driver->wake_fd = -1;
  driver->fd = epoll_create1(EPOLL_CLOEXEC);
  if (driver->fd < 0)
    return -errno;
  driver->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  int code = driver->wake_fd < 0 ? -errno : 0;
  /* Edge-triggered too: every write is an event, and nobody reads. */
  if (!code)
    code = control(driver, EPOLL_CTL_ADD, driver->wake_fd, WAKE_DATA);
  if (code)
    epoll_close(driver);
  return code;
}

static int epoll_arm(struct aci_driver *driver, int fd, uint32_t tag) {
  uint64_t data = (uint64_t)tag << 32 | (uint32_t)fd;
  int code = control(driver, EPOLL_CTL_ADD, fd, data);
  return code == -EEXIST ? control(driver, EPOLL_CTL_MOD, fd, data) : code;
}

static int epoll_disarm(struct aci_driver *driver, int fd) {
  return control(driver, EPOLL_CTL_DEL, fd, 0);
}

static int wait_milliseconds(int fd, struct epoll_event *events,
                             int64_t timeout_ns) {
  int64_t timeout = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
  return epoll_wait(fd, events, EVENT_COUNT,
                    timeout > INT_MAX ? INT_MAX : (int)timeout);
}

/* epoll_wait counts in milliseconds; epoll_pwait2 (Linux 5.11) does not. */
static int wait_events(int fd, struct epoll_event *events, int64_t timeout_ns) {
#ifdef SYS_epoll_pwait2
  static atomic_int missing;
  if (timeout_ns > 0 && !atomic_load_explicit(&missing, memory_order_relaxed)) {
    struct timespec timeout = {.tv_sec = (time_t)(timeout_ns / 1000000000),
                               .tv_nsec = (long)(timeout_ns % 1000000000)};
    long count = syscall(SYS_epoll_pwait2, fd, events, EVENT_COUNT, &timeout,
                         NULL, (size_t)0);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM))
      return (int)count;
    atomic_store(&missing, 1);
  }
#endif
  return wait_milliseconds(fd, events, timeout_ns);
}

static int epoll_poll(struct aci_driver *driver, int64_t timeout_ns,
                      aci_driver_event *event, void *context) {
  struct epoll_event events[EVENT_COUNT];
  int count = wait_events(driver->fd, events, timeout_ns);
  for (int round = 1;; round++) {
    if (count < 0)
      return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
      uint64_t data = events[i].data.u64;
      if (data != WAKE_DATA)
        event(context, (int)(uint32_t)data, (uint32_t)(data >> 32),
              events[i].events);
    }
    /* A full array: there may be more. */
    if (count < EVENT_COUNT || round == POLL_LIMIT)
      return 0;
    count = wait_events(driver->fd, events, 0);
  }
}

static void epoll_wake(struct aci_driver *driver) {
  const uint64_t one = 1;
  int saved = errno;
  ssize_t written = write(driver->wake_fd, &one, sizeof one);
  (void)written; /* a full counter has been an event already */
  errno = saved;
}

const struct aci_driver_class aci_driver_epoll = {.name = "epoll",
                                                  .open = epoll_open,
                                                  .arm = epoll_arm,
                                                  .disarm = epoll_disarm,
                                                  .poll = epoll_poll,
                                                  .wake = epoll_wake,
                                                  .close = epoll_close};
