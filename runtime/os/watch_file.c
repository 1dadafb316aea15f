/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * watch_file.c - inotify: opening, closing, and taking apart what was read. */
#define _GNU_SOURCE
#include "watch_file.h"

#include "internal.h"

#include <errno.h>
#include <sys/inotify.h>

int ac_file_watch_open(struct ac_file_watch *watch) {
  watch->at = watch->end = 0;
  watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (watch->fd < 0)
    return -errno;
  if (aci_thread.loop)
    aci_fd_forget(aci_thread.loop, watch->fd);
  return AC_OK;
}

int ac_file_watch_remove(struct ac_file_watch *watch, int number) {
  return inotify_rm_watch(watch->fd, number) < 0 ? -errno : AC_OK;
}

void ac_file_watch_close(struct ac_file_watch *watch) {
  if (watch->fd >= 0)
    ac_close(watch->fd);
  watch->fd = -1;
}

const struct ac_file_event *aci_watch_take(struct ac_file_watch *watch) {
  if (watch->at >= watch->end)
    return NULL;
  const char *at = watch->buffer.bytes + watch->at;
  const struct inotify_event *event = (const void *)at;
  watch->at += sizeof *event + event->len;
  watch->event =
      (struct ac_file_event){.watch = event->wd,
                             .events = event->mask,
                             .cookie = event->cookie,
                             .name = event->len ? event->name : NULL};
  return &watch->event;
}
