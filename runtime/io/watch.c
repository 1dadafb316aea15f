/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * watch.c - descriptors that a callback looks after, for libraries that bring
 * a state machine of their own. They expect what poll(2) says, while a driver
 * reports edges: so a watch that has seen one asks poll each time before it
 * calls, and goes on asking, once a turn, until that says no. What poll says
 * is true whatever has become of the descriptor meanwhile. */
#define _GNU_SOURCE
#include "internal.h"

#include <errno.h>
#include <poll.h>

#define ALWAYS_REPORTED (POLLERR | POLLHUP | POLLNVAL)

struct ac_watch {
  struct aci_node node;  /* in the ready queue while `queued` */
  struct ac_watch *next; /* of the same descriptor */
  int fd;
  int events; /* 0: dormant */
  int queued;
  ac_watch_callback
      *fn; /* NULL: stopped, to be freed when it leaves the queue */
  void *arg;
};

static void enqueue(ac_loop *loop, struct ac_watch *watch) {
  if (watch->queued)
    return;
  watch->queued = 1;
  aci_ready(loop, &watch->node);
}

void aci_watch_notify(ac_loop *loop, struct aci_fd *entry, uint32_t events) {
  for (struct ac_watch *watch = entry->watches; watch; watch = watch->next)
    if (watch->events && (uint32_t)(watch->events | ALWAYS_REPORTED) & events)
      enqueue(loop, watch);
}

static void set_events(ac_loop *loop, struct ac_watch *watch, int events) {
  loop->waiting_fds += (events != 0) - (watch->events != 0);
  watch->events = events;
  /* What is ready already is no edge any more. */
  if (events)
    enqueue(loop, watch);
}

ac_watch *ac_watch_fd(int fd, int events, ac_watch_callback *fn, void *arg) {
  ac_loop *loop = aci_thread.loop;
  struct aci_fd *entry;
  if (!loop || aci_fd_find(loop, fd, &entry))
    return NULL;
  struct ac_watch *watch = aci_block_new(sizeof *watch);
  if (!watch)
    return NULL;
  /* Armed already, the number may nevertheless mean another file by now. */
  if (aci_fd_arm(loop, entry, fd)) {
    aci_block_free(watch, sizeof *watch);
    return NULL;
  }
  *watch = (struct ac_watch){.node.flags = ACI_WATCH | ACI_SPECIAL,
                             .next = entry->watches,
                             .fd = fd,
                             .fn = fn,
                             .arg = arg};
  entry->watches = watch;
  entry->flags |= ACI_FD_OTHERS;
  set_events(loop, watch, events);
  return watch;
}

void ac_watch_change(ac_watch *watch, int events) {
  set_events(aci_thread.loop, watch, events);
}

void ac_watch_stop(ac_watch *watch) {
  if (!watch)
    return;
  ac_loop *loop = aci_thread.loop;
  struct ac_watch **link = &loop->fds[watch->fd].watches;
  while (*link != watch)
    link = &(*link)->next;
  *link = watch->next;
  set_events(loop, watch, 0);
  watch->fn = NULL;
  if (!watch->queued)
    aci_block_free(watch, sizeof *watch);
}

static int ready_events(const struct aci_fd *entry,
                        const struct ac_watch *watch) {
  struct pollfd asked = {.fd = watch->fd, .events = (short)watch->events};
  int count;
  do
    count = poll(&asked, 1, 0);
  while (count < 0 && errno == EINTR);
  int events = count > 0 ? asked.revents : 0;
  if (watch->events & POLLIN && aci_fd_holds_input(entry))
    events |= POLLIN;
  return events;
}

/* Its turn in the ready queue. */
void aci_watch_run(struct aci_node *node) {
  ac_loop *loop = aci_thread.loop;
  struct ac_watch *watch = (struct ac_watch *)(void *)node;
  watch->queued = 0;
  if (!watch->fn) {
    aci_block_free(watch, sizeof *watch);
    return;
  }
  if (!watch->events)
    return;
  struct aci_fd *entry = &loop->fds[watch->fd];
  int events = ready_events(entry, watch);
  if (!events) {
    entry->flags |= ACI_FD_UNVERIFIED;
    loop->unverified = 1;
    return;
  }
  if (events & POLLNVAL)
    set_events(loop, watch, 0);
  else
    enqueue(loop, watch); /* asks again in the next turn */
  watch->fn(watch->fd, events, watch->arg);
}
