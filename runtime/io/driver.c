/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver.c - which driver a loop takes: what AC_DRIVER in the environment
 * names, else what the program has asked for, else the best there is; before
 * all that, what this thread's next loop was to have. One that is not linked
 * in, or that the kernel does not let be, is said once, and epoll does in its
 * place. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

enum { CLASS_LIMIT = 4 };

/* Set by constructors, before anybody reads it. */
static const struct aci_driver_class *registered[CLASS_LIMIT];
static int registered_count;
static const struct aci_driver_class *best; /* NULL: epoll */

static _Atomic(const char *) wanted; /* by the program; NULL: the best */
static atomic_flag said = ATOMIC_FLAG_INIT;

const struct aci_driver_class *
aci_driver_register(const struct aci_driver_class *driver_class,
                    int preferred) {
  if (registered_count < CLASS_LIMIT)
    registered[registered_count++] = driver_class;
  if (preferred)
    best = driver_class;
  return &aci_driver_epoll;
}

/* Of that name, which may go on after a colon with what the driver is to
 * know. NULL: there is none. */
static const struct aci_driver_class *find(const char *name) {
  size_t length = strcspn(name, ":");
  for (int i = -1; i < registered_count; i++) {
    const struct aci_driver_class *at =
        i < 0 ? &aci_driver_epoll : registered[i];
    if (strncmp(name, at->name, length) == 0 && !at->name[length])
      return at;
  }
  return NULL;
}

static int is_component(const char *name) {
  size_t length = strcspn(name, ":");
  return strncmp(name, "uring", length) == 0 ||
         strncmp(name, "sim", length) == 0;
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
  const struct aci_driver_class *choice = name ? find(name) : best;
  if (aci_thread.driver_class)
    choice = aci_thread.driver_class;
  aci_thread.driver_class = NULL;
  if (!choice && name)
    say(name, is_component(name) ? "it is not linked in"
                                 : "there is none of that name");
  if (choice && choice != &aci_driver_epoll) {
    int code = open_class(driver, choice);
    if (!code)
      return 0;
    if (choice->next_event) /* epoll would be another world */
      return code;
    if (name)
      say(name, ac_strerror(code));
  }
  return open_class(driver, &aci_driver_epoll);
}

void aci_driver_use_next(const struct aci_driver_class *driver_class) {
  aci_thread.driver_class = driver_class;
}

int ac_use_driver(const char *name) {
  const struct aci_driver_class *choice = name ? find(name) : NULL;
  if (name && !choice)
    return is_component(name) ? -ENOSYS : AC_EINVAL;
  if (choice && strcmp(name, choice->name) != 0)
    return AC_EINVAL;
  if (choice && choice != &aci_driver_epoll) {
    int code = probe(choice);
    if (code)
      return code;
  }
  atomic_store(&wanted, choice ? choice->name : NULL);
  return AC_OK;
}

const char *ac_driver(void) {
  return aci_thread.loop ? aci_thread.loop->driver.class->name : NULL;
}
