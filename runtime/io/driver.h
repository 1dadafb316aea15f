/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver.h - the contract that an I/O backend fulfils. It reports readiness:
 * buffers stay with the operations in io.c, and a backend never sees them.
 *
 * Readiness is edge-triggered: a descriptor is armed once, and an event comes
 * whenever it becomes readable or writable after that (once at the start if
 * it is so already). Events may come that turn out to be nothing. */
#ifndef ACI_DRIVER_H
#define ACI_DRIVER_H

#include <stdint.h>

struct aci_driver;

/* events: POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLRDHUP. tag: as it
 * was armed with. */
typedef void aci_driver_event(void *context, int fd, uint32_t tag,
                              uint32_t events);

/* All return 0 or a negative errno. */
struct aci_driver_class {
  const char *name;
  int (*open)(struct aci_driver *driver);
  /* Watches a descriptor for everything. -EPERM: it is always ready and
   * cannot be watched. Arming it again has its readiness reported afresh, and
   * takes up a number that now means another file. */
  int (*arm)(struct aci_driver *driver, int fd, uint32_t tag);
  int (*disarm)(struct aci_driver *driver, int fd);
  /* Reports what has happened, waiting for that up to timeout_ns; negative:
   * for ever. Returns early for a wake and for a signal. */
  int (*poll)(struct aci_driver *driver, int64_t timeout_ns,
              aci_driver_event *event, void *context);
  /* Ends a poll, or the next one. From any thread or signal handler. */
  void (*wake)(struct aci_driver *driver);
  void (*close)(struct aci_driver *driver);
};

struct aci_driver {
  const struct aci_driver_class *class;
  int fd;
  int wake_fd;
};

#pragma GCC visibility push(hidden)
extern const struct aci_driver_class aci_driver_epoll;
#pragma GCC visibility pop

#endif
