/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver.c - which driver a loop takes: what AC_DRIVER in the environment
 * names, else what the program has asked for, else the best there is. One that
 * is not linked in, or that the kernel does not let be, is said once, and epoll
 * does in its place. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

/* Set by constructors, before anybody reads it. */
static const struct aci_driver_class *registered;
static _Atomic(const char *) wanted; /* by the program; NULL: the best */
static atomic_flag said = ATOMIC_FLAG_INIT;

static int is_registered(const char *name) {
  return registered && strcmp(name, registered->name) == 0;
}

static int is_epoll(const char *name) {
  return strcmp(name, aci_driver_epoll.name) == 0;
}

const struct aci_driver_class *
aci_driver_register(const struct aci_driver_class *driver_class) {
  registered = driver_class;
  return &aci_driver_epoll;
}

static void say(const char *name, const char *why) {
  if (!atomic_flag_test_and_set(&said))
    fprintf(stderr, "ac: no I/O driver '%s', epoll is used: %s\n", name, why);
}

static int open_class(struct aci_driver *driver,
                      const struct aci_driver_class *driver_class) {
  *driver = (struct aci_driver){.class = driver_class, .fd = -1, .wake_fd = -1};
  return driver_class->open(driver);
}

/* Works it in this process? */
static int probe(const struct aci_driver_class *driver_class) {
  struct aci_driver driver;
  int code = open_class(&driver, driver_class);
  if (!code)
    driver_class->close(&driver);
  return code;
}

int aci_driver_open(struct aci_driver *driver) {
  const char *name = getenv("AC_DRIVER");
  if (!name || !*name)
    name = atomic_load(&wanted);
  if (name && !is_registered(name)) {
    if (!is_epoll(name))
      say(name, strcmp(name, "uring") == 0 ? "it is not linked in"
                                           : "there is none of that name");
  } else if (registered) {
    int code = open_class(driver, registered);
    if (!code)
      return 0;
    if (name)
      say(name, ac_strerror(code));
  }
  return open_class(driver, &aci_driver_epoll);
}

int ac_use_driver(const char *name) {
  const char *choice = NULL;
  if (name && is_epoll(name)) {
    choice = aci_driver_epoll.name;
  } else if (name && is_registered(name)) {
    int code = probe(registered);
    if (code)
      return code;
    choice = registered->name;
  } else if (name) {
    return strcmp(name, "uring") == 0 ? -ENOSYS : AC_EINVAL;
  }
  atomic_store(&wanted, choice);
  return AC_OK;
}

const char *ac_driver(void) {
  return aci_thread.loop ? aci_thread.loop->driver.class->name : NULL;
}
