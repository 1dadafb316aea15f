/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * watch.h - being told of changes to files and directories (inotify(7)),
 * included by ac.h.
 *
 *   struct ac_file_watch watch;
 *   int error = ac_file_watch_open(&watch);
 *   ...
 *   defer ac_file_watch_close(&watch);
 *   await ac_file_watch_add(&watch, "/etc", IN_CREATE | IN_MODIFY);
 *   for (;;) {
 *     const struct ac_file_event *event = await ac_file_watch_next(&watch);
 *     if (event->events & IN_Q_OVERFLOW)
 *       look_at_everything();
 *   } */
#ifndef AC_WATCH_H
#define AC_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ac_file_event {
  int watch;        /* as ac_file_watch_add gave it; -1: of no one watch */
  uint32_t events;  /* IN_CREATE, IN_MODIFY ... of <sys/inotify.h> */
  uint32_t cookie;  /* the same for both names of a rename */
  const char *name; /* in the watched directory; NULL: the watched file */
};

struct ac_file_watch {
  int fd;
  struct ac_file_event event;
  size_t at, end; /* what has been read */
  union {
    char bytes[4096];
    uint32_t align;
  } buffer;
};

/* 0, or -errno (EMFILE: too many of them, or of descriptors). */
AC_API int ac_file_watch_open(struct ac_file_watch *watch);
/* Watches a file, or what is directly in a directory, for some events; gives
 * its number. On the pool's threads: looking up a path may take long. */
_Async int ac_file_watch_add(struct ac_file_watch *watch, const char *path,
                             uint32_t events);
/* Its last event is IN_IGNORED. */
AC_API int ac_file_watch_remove(struct ac_file_watch *watch, int number);
/* The next event; it holds until the next call. When more happened than the
 * kernel keeps, one of them is IN_Q_OVERFLOW: then anything may have changed.
 * Cancelled, no event is lost. One task at a time. */
_Async const struct ac_file_event *
ac_file_watch_next(struct ac_file_watch *watch);
AC_API void ac_file_watch_close(struct ac_file_watch *watch);

#ifdef __cplusplus
}
#endif
#endif
