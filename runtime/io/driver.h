/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * driver.h - the contract that an I/O backend fulfils. Every one reports
 * readiness; one that can carries out operations as well: it takes in what
 * arrives at a descriptor (inlets), and completes requests. fd.c, io.c, net.c
 * and request.c use both, and nobody else does.
 *
 * Readiness is edge-triggered: a descriptor is armed once, and an event comes
 * whenever it becomes readable or writable after that (once at the start if
 * it is so already). Events may come that turn out to be nothing. */
#ifndef ACI_DRIVER_H
#define ACI_DRIVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ac/abi.h>

struct aci_driver;

/* ---- inlets ---------------------------------------------------------------
 *
 * What a driver takes in ahead of whoever asks for it, until it is stopped or
 * has enough: bytes of a connection, or connections of a listening socket.
 * They stay in the inlet until they are taken, so a task that no longer waits
 * has lost nothing. When something has come, or the driver has ceased, it
 * reports POLLIN. */

enum aci_inlet_kind { ACI_NO_INLET, ACI_BYTES, ACI_CONNECTIONS };

struct aci_inlet {
  enum aci_inlet_kind kind;
  int fd;
  uint32_t tag;
  int live;       /* the kernel may put more in, even if it is being stopped */
  int stopped;    /* has been asked to cease */
  uint32_t count; /* bytes or connections in it */
  int error;      /* -errno, after those; given once */
  /* Which file it is of: st_dev, st_ino. */
  dev_t device;
  ino_t inode;
};

/* From take: it is not live, and has nothing; a system call is to be tried. */
#define ACI_TRY (-4096)

/* ---- requests -------------------------------------------------------------
 *
 * An operation that the driver carries out from beginning to end; memory it
 * points to is the kernel's until `done` is called. Adding a kind takes a line
 * in a driver; those a driver does not know, or the kernel does not, are
 * refused, and done otherwise. */

enum aci_request_kind {
  ACI_SEND,     /* fd data bytes; flags: MSG_* */
  ACI_CONNECT,  /* fd data bytes: the address */
  ACI_OPEN,     /* path flags mode -> descriptor */
  ACI_CLOSE,    /* fd */
  ACI_READ,     /* fd buffer bytes; offset, -1: where the file stands */
  ACI_WRITE,    /* fd data bytes; offset, likewise */
  ACI_FSYNC,    /* fd; flags 1: the data alone */
  ACI_TRUNCATE, /* fd offset */
  ACI_STAT,     /* fd, or path; flags: AT_*; status */
  ACI_RENAME,   /* path to */
  ACI_LINK,     /* path to */
  ACI_UNLINK,   /* path; flags: AT_REMOVEDIR */
  ACI_MKDIR,    /* path mode */
  ACI_REQUEST_KINDS
};

struct aci_statx; /* statx.h */

struct aci_request {
  enum aci_request_kind kind;
  int fd;
  int flags;
  mode_t mode;
  union {
    const void *data;
    void *buffer;
    const char *path;
  };
  union {
    size_t bytes;
    const char *to;
    struct aci_statx *status;
  };
  off_t offset;
  /* result: as of the system call, or -errno; -ECANCELED: it was cancelled
   * and has not happened. On the loop's thread, within poll. */
  void (*done)(struct aci_request *request, ssize_t result);
};

/* ---- the driver -----------------------------------------------------------
 */

/* events: POLLIN, POLLPRI, POLLOUT, POLLERR, POLLHUP, POLLRDHUP. tag: as it
 * was armed with. */
typedef void aci_driver_event(void *context, int fd, uint32_t tag,
                              uint32_t events);

/* All return 0 or a negative errno, if anything. */
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
  /* What is under way is over then; `done` is called no more. */
  void (*close)(struct aci_driver *driver);

  /* The rest is NULL in a driver that reports readiness alone. */

  /* A new inlet, not yet live. NULL: out of memory. */
  struct aci_inlet *(*inlet_new)(struct aci_driver *driver,
                                 enum aci_inlet_kind kind, int fd,
                                 uint32_t tag);
  /* Makes it live. */
  int (*inlet_start)(struct aci_driver *driver, struct aci_inlet *inlet);
  /* Moves bytes to the buffer (flags: MSG_PEEK, MSG_TRUNC as in recv), or
   * gives a connection's descriptor. -EAGAIN: there may be some later. Other
   * errors are those of the descriptor, each given once. */
  ssize_t (*inlet_take)(struct aci_driver *driver, struct aci_inlet *inlet,
                        void *buffer, size_t bytes, int flags);
  /* Asks it to cease; POLLIN is reported when it has. */
  void (*inlet_stop)(struct aci_driver *driver, struct aci_inlet *inlet);
  /* Its descriptor is about to be closed, or is closed: what is in it goes. */
  void (*inlet_drop)(struct aci_driver *driver, struct aci_inlet *inlet);
  /* -EAGAIN: no room; -ENOSYS: not that kind. */
  int (*submit)(struct aci_driver *driver, struct aci_request *request);
  /* Asks it to end soon; `done` is called, with what has become of it. */
  void (*cancel)(struct aci_driver *driver, struct aci_request *request);
  /* Lets the kernel see all that was asked of the driver, and lets go of what
   * was dropped; reports nothing. */
  void (*settle)(struct aci_driver *driver);

  /* The rest is NULL but in a driver that simulates what it reports: its loop
   * has virtual time, and its threads' work is done in the loop. */

  /* The loop's time at which it will report something; negative: never. */
  int64_t (*next_event)(const struct aci_driver *driver);
  /* False: it reports what the system says of the descriptor. */
  int (*simulates)(const struct aci_driver *driver, int fd);
};

struct aci_driver {
  const struct aci_driver_class *class;
  int fd; /* readable when poll has something to report */
  int wake_fd;
  int asked;     /* the kernel has not seen everything yet */
  int under_way; /* requests */
  /* Requests name descriptors that the kernel has not seen yet: before a
   * number is closed, and may mean another file, it has to. */
  int names_fds;
  /* Set by open, where it simulates: of ac_select's choices, and of the order
   * in which ready tasks run, if that is not to be the one in which they
   * became so; not 0. */
  uint64_t random, shuffle;
  void *state; /* the class's */
};

/* For libraries that bring a driver, from a constructor. `preferred`: it is
 * the first choice from now on; else it has to be asked for. Returns the
 * driver on epoll, to build upon. */
AC_API const struct aci_driver_class *
aci_driver_register(const struct aci_driver_class *driver_class, int preferred);
/* This thread's next loop has it, whatever is asked for otherwise. */
AC_API void aci_driver_use_next(const struct aci_driver_class *driver_class);

#pragma GCC visibility push(hidden)
extern const struct aci_driver_class aci_driver_epoll;
/* Opens the driver that is asked for, or the best there is. */
int aci_driver_open(struct aci_driver *driver);
#pragma GCC visibility pop

#endif
