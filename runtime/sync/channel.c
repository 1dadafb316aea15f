/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * channel.c - items between threads, in which none is lost and nobody gets
 * ahead. What is handed over is handed over under the channel's lock, straight
 * into or out of the variable of who waits: so the order is the same for
 * everybody, and a waiter that is cancelled after that has succeeded.
 *
 * Who is woken belongs to another loop, which must not go before it has been
 * told: it cannot, for the task waits. So a waiter is moved, under the
 * channel's lock, to the inbox of its loop, whose lock is held until the loop
 * has been called; the loop takes it out on its own thread.
 *
 *   channel's ring --another thread--> inbox --its loop--> the task is ready
 *        '--------- cancelled: taken out ----'
 *
 * Locks: channel, then inbox. */
#include "crossing.h"
#include "internal.h"
#include "items.h"

#include <errno.h>
#include <time.h>

/* ---- rings of waiters ---------------------------------------------------- */

static void append(struct aci_crossing **ring, struct aci_crossing *crossing) {
  struct aci_crossing *first = *ring;
  crossing->ring = ring;
  if (!first) {
    *ring = crossing->next = crossing->prev = crossing;
    return;
  }
  crossing->next = first;
  crossing->prev = first->prev;
  first->prev->next = crossing;
  first->prev = crossing;
}

static void take_out(struct aci_crossing *crossing) {
  struct aci_crossing **ring = crossing->ring;
  crossing->ring = NULL;
  crossing->next->prev = crossing->prev;
  crossing->prev->next = crossing->next;
  if (*ring == crossing)
    *ring = crossing->next == crossing ? NULL : crossing->next;
}

/* ---- a loop's inbox ------------------------------------------------------ */

/* A channel that the loop has joined. */
struct end {
  struct end *next;
  struct ac_channel *channel;
  size_t bytes;
  int ends;
};

struct aci_inbox {
  struct aci_part part;
  pthread_mutex_t lock;
  struct aci_crossing *woken; /* a ring */
  struct end *joined;         /* the loop's thread alone */
};

static void inbox_attend(struct aci_part *part) {
  struct aci_inbox *inbox = (struct aci_inbox *)(void *)part;
  for (;;) {
    pthread_mutex_lock(&inbox->lock);
    struct aci_crossing *crossing = inbox->woken;
    if (crossing)
      take_out(crossing);
    pthread_mutex_unlock(&inbox->lock);
    if (!crossing)
      return;
    ac_operation_wake(&crossing->operation, crossing->code);
  }
}

static int leave(struct ac_channel *channel, size_t bytes, int ends);

static void inbox_close(struct aci_part *part) {
  struct aci_inbox *inbox = (struct aci_inbox *)(void *)part;
  for (struct end *end; (end = inbox->joined);) {
    inbox->joined = end->next;
    leave(end->channel, end->bytes, end->ends);
    aci_sys_free(end);
  }
  pthread_mutex_destroy(&inbox->lock);
}

static const struct aci_part_class inbox_class = {.bytes =
                                                      sizeof(struct aci_inbox),
                                                  .attend = inbox_attend,
                                                  .close = inbox_close};

static struct aci_inbox *inbox_get(void) {
  ac_loop *loop = aci_thread.loop;
  struct aci_part *part = aci_part_find(loop, &inbox_class);
  if (part)
    return (struct aci_inbox *)(void *)part;
  struct aci_inbox *inbox =
      (struct aci_inbox *)(void *)aci_part_get(loop, &inbox_class);
  if (inbox)
    pthread_mutex_init(&inbox->lock, NULL);
  return inbox;
}

/* It is in no ring any more. Under the channel's lock. */
static void wake(struct aci_crossing *crossing, int code) {
  struct aci_inbox *inbox = crossing->inbox;
  crossing->code = code;
  if (!inbox) {
    pthread_cond_signal(crossing->condition);
    return;
  }
  if (inbox->part.loop == aci_thread.loop) {
    ac_operation_wake(&crossing->operation, code);
    return;
  }
  pthread_mutex_lock(&inbox->lock);
  append(&inbox->woken, crossing);
  aci_loop_attend(inbox->part.loop, ACI_PARTS);
  pthread_mutex_unlock(&inbox->lock);
}

static void fail_all(struct aci_crossing **ring, int code) {
  for (struct aci_crossing *crossing; (crossing = *ring);) {
    take_out(crossing);
    wake(crossing, code);
  }
}

static void grant(struct aci_crossing *crossing) {
  take_out(crossing);
  crossing->granted = 1;
  wake(crossing, AC_OK);
}

static int withdraw(struct ac_operation *operation) {
  struct aci_crossing *crossing = (struct aci_crossing *)(void *)operation;
  struct ac_channel *channel = crossing->channel;
  pthread_mutex_lock(&channel->lock);
  struct aci_inbox *inbox = crossing->inbox;
  pthread_mutex_lock(&inbox->lock);
  if (crossing->ring)
    take_out(crossing);
  pthread_mutex_unlock(&inbox->lock);
  pthread_mutex_unlock(&channel->lock);
  return 1;
}

/* ---- items, under the channel's lock ------------------------------------- */

/* Receivers wait only while it is empty, senders only while it is full. */
static int put_in(struct ac_channel *channel, const void *item, size_t bytes) {
  struct ac_queue *items = &channel->items;
  struct aci_crossing *receiver = channel->receivers;
  if (channel->closed)
    return AC_ECLOSED;
  if (receiver) {
    memcpy(receiver->item, item, bytes);
    grant(receiver);
    return AC_OK;
  }
  items->capacity = channel->capacity ? channel->capacity : AC_QUEUE_CAPACITY;
  if (items->count >= items->capacity)
    return AC_EAGAIN;
  int error = aci_items_make_room(items, bytes);
  if (!error)
    aci_items_put(items, item, bytes);
  return error;
}

static int next_item(struct ac_channel *channel, void *item, size_t bytes) {
  struct ac_queue *items = &channel->items;
  struct aci_crossing *sender = channel->senders;
  if (!items->count)
    return channel->closed ? AC_ECLOSED : AC_EAGAIN;
  aci_items_take(items, item, bytes, 0);
  if (sender) {
    aci_items_put(items, sender->item, bytes);
    grant(sender);
  }
  return AC_OK;
}

/* ---- tasks --------------------------------------------------------------- */

static const struct ac_operation_class receive_class = {
    .what = "waits for an item of a channel", .withdraw = withdraw};
static const struct ac_operation_class send_class = {
    .what = "waits for room in a channel", .withdraw = withdraw};

static int prepare(struct aci_crossing *crossing, struct ac_channel *channel,
                   const struct ac_operation_class *kind) {
  *crossing = (struct aci_crossing){
      .operation.kind = kind, .channel = channel, .inbox = inbox_get()};
  /* Other threads know the loop from now on, if there are any. */
  aci_thread.loop->exposed = 1;
  return crossing->inbox ? AC_OK : AC_ENOMEM;
}

int aci_channel_begin_send(struct aci_crossing *crossing,
                           struct ac_channel *channel, const void *item,
                           size_t bytes) {
  int error = prepare(crossing, channel, &send_class);
  if (error)
    return error;
  crossing->item = (void *)(uintptr_t)item;
  pthread_mutex_lock(&channel->lock);
  error = put_in(channel, item, bytes);
  if (error == AC_EAGAIN)
    append(&channel->senders, crossing);
  pthread_mutex_unlock(&channel->lock);
  return error;
}

int aci_channel_begin_receive(struct aci_crossing *crossing,
                              struct ac_channel *channel, void *item,
                              size_t bytes) {
  int error = prepare(crossing, channel, &receive_class);
  if (error)
    return error;
  crossing->item = item;
  pthread_mutex_lock(&channel->lock);
  error = next_item(channel, item, bytes);
  if (error == AC_EAGAIN)
    append(&channel->receivers, crossing);
  pthread_mutex_unlock(&channel->lock);
  return error;
}

/* ---- any thread ---------------------------------------------------------- */

int ac_channel_send_item_now(struct ac_channel *channel, const void *item,
                             size_t bytes) {
  pthread_mutex_lock(&channel->lock);
  int error = put_in(channel, item, bytes);
  pthread_mutex_unlock(&channel->lock);
  return error;
}

int ac_channel_receive_item_now(struct ac_channel *channel, void *item,
                                size_t bytes) {
  pthread_mutex_lock(&channel->lock);
  int error = next_item(channel, item, bytes);
  pthread_mutex_unlock(&channel->lock);
  return error;
}

size_t ac_channel_item_count(struct ac_channel *channel) {
  pthread_mutex_lock(&channel->lock);
  size_t count = channel->items.count;
  pthread_mutex_unlock(&channel->lock);
  return count;
}

/* ---- threads that block -------------------------------------------------- */

static struct timespec when(double seconds) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  double most = 1e9; /* of seconds: it fits, and nobody sees the end of it */
  double wait = seconds < most ? seconds : most;
  time.tv_sec += (time_t)wait;
  time.tv_nsec += (long)((wait - (double)(time_t)wait) * 1e9);
  if (time.tv_nsec >= 1000000000) {
    time.tv_nsec -= 1000000000;
    time.tv_sec++;
  }
  return time;
}

/* Waits in the ring, under the channel's lock. Gives what it was woken with,
 * or AC_ETIMEDOUT. */
static int block(struct aci_crossing *crossing, struct aci_crossing **ring,
                 double seconds) {
  struct ac_channel *channel = crossing->channel;
  pthread_cond_t condition;
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&condition, &attributes);
  pthread_condattr_destroy(&attributes);
  struct timespec until = when(seconds < 0 ? 0 : seconds);
  crossing->condition = &condition;
  append(ring, crossing);
  int late = 0;
  while (crossing->ring && !late) {
    if (seconds < 0)
      pthread_cond_wait(&condition, &channel->lock);
    else
      late = pthread_cond_timedwait(&condition, &channel->lock, &until) ==
             ETIMEDOUT;
  }
  pthread_cond_destroy(&condition);
  if (!crossing->ring)
    return crossing->code;
  take_out(crossing);
  return AC_ETIMEDOUT;
}

int ac_channel_send_item_blocking(struct ac_channel *channel, const void *item,
                                  size_t bytes, double seconds) {
  struct aci_crossing crossing = {.channel = channel,
                                  .item = (void *)(uintptr_t)item};
  if (aci_thread.loop)
    return AC_EDEADLK;
  pthread_mutex_lock(&channel->lock);
  int error = put_in(channel, item, bytes);
  if (error == AC_EAGAIN)
    error = block(&crossing, &channel->senders, seconds);
  pthread_mutex_unlock(&channel->lock);
  return error;
}

int ac_channel_receive_item_blocking(struct ac_channel *channel, void *item,
                                     size_t bytes, double seconds) {
  struct aci_crossing crossing = {.channel = channel, .item = item};
  if (aci_thread.loop)
    return AC_EDEADLK;
  pthread_mutex_lock(&channel->lock);
  int error = next_item(channel, item, bytes);
  if (error == AC_EAGAIN)
    error = block(&crossing, &channel->receivers, seconds);
  pthread_mutex_unlock(&channel->lock);
  return error;
}

/* ---- the end ------------------------------------------------------------- */

/* Under the lock: what is left, for the caller to drop without it. */
static struct ac_queue empty(struct ac_channel *channel) {
  struct ac_queue left = channel->items;
  channel->items = (struct ac_queue){.capacity = left.capacity};
  return left;
}

static void drop(const struct ac_channel *channel, struct ac_queue *left,
                 size_t bytes) {
  for (size_t i = 0; channel->drop && i < left->count; i++) {
    size_t at = left->first + i;
    channel->drop(left->items +
                  (at < left->room ? at : at - left->room) * bytes);
  }
  aci_items_free(left);
}

/* Under the lock. */
static void shut(struct ac_channel *channel) {
  channel->closed = 1;
  fail_all(&channel->senders, AC_ECLOSED);
  fail_all(&channel->receivers, AC_ECLOSED);
}

void ac_channel_shut(struct ac_channel *channel, size_t bytes, int now) {
  struct ac_queue left = {.count = 0};
  pthread_mutex_lock(&channel->lock);
  if (now)
    left = empty(channel);
  shut(channel);
  pthread_mutex_unlock(&channel->lock);
  drop(channel, &left, bytes);
}

void ac_channel_clear(struct ac_channel *channel, size_t bytes) {
  struct ac_queue left = empty(channel);
  channel->closed = 0;
  channel->receiving = channel->sending = 0;
  drop(channel, &left, bytes);
}

static int leave(struct ac_channel *channel, size_t bytes, int ends) {
  struct ac_queue left = {.count = 0};
  size_t receivers = (ends & AC_RECEIVER) != 0;
  size_t senders = (ends & AC_SENDER) != 0;
  pthread_mutex_lock(&channel->lock);
  int has = channel->receiving >= receivers && channel->sending >= senders;
  if (has) {
    channel->receiving -= receivers;
    channel->sending -= senders;
    int abandoned = receivers && !channel->receiving;
    if (abandoned)
      left = empty(channel);
    if (abandoned || (senders && !channel->sending))
      shut(channel);
  }
  pthread_mutex_unlock(&channel->lock);
  drop(channel, &left, bytes);
  return has ? AC_OK : AC_EINVAL;
}

static int are_ends(int ends) {
  return ends && !(ends & ~(AC_RECEIVER | AC_SENDER));
}

int ac_channel_join_ends(struct ac_channel *channel, size_t bytes, int ends) {
  if (!are_ends(ends))
    return AC_EINVAL;
  struct aci_inbox *inbox = aci_thread.loop ? inbox_get() : NULL;
  struct end *end = NULL;
  if (aci_thread.loop) {
    end = inbox ? aci_sys_alloc(sizeof *end, _Alignof(struct end)) : NULL;
    if (!end)
      return AC_ENOMEM;
  }
  pthread_mutex_lock(&channel->lock);
  int closed = channel->closed;
  if (!closed) {
    channel->receiving += (ends & AC_RECEIVER) != 0;
    channel->sending += (ends & AC_SENDER) != 0;
  }
  pthread_mutex_unlock(&channel->lock);
  if (closed) {
    aci_sys_free(end);
    return AC_ECLOSED;
  }
  if (end) {
    *end = (struct end){inbox->joined, channel, bytes, ends};
    inbox->joined = end;
  }
  return AC_OK;
}

/* The loop leaves these ends, of whatever it has joined with. */
static int forget(struct aci_inbox *inbox, const struct ac_channel *channel,
                  int ends) {
  int left = ends;
  for (struct end *end = inbox->joined; end && left; end = end->next)
    if (end->channel == channel)
      left &= ~end->ends;
  if (left)
    return AC_EINVAL;
  for (struct end **at = &inbox->joined; *at && ends;) {
    struct end *end = *at;
    if (end->channel == channel) {
      int both = end->ends & ends;
      end->ends &= ~both;
      ends &= ~both;
    }
    if (end->ends) {
      at = &end->next;
      continue;
    }
    *at = end->next;
    aci_sys_free(end);
  }
  return AC_OK;
}

int ac_channel_leave_ends(struct ac_channel *channel, size_t bytes, int ends) {
  if (!are_ends(ends))
    return AC_EINVAL;
  if (aci_thread.loop) {
    struct aci_part *part = aci_part_find(aci_thread.loop, &inbox_class);
    int error = part ? forget((struct aci_inbox *)(void *)part, channel, ends)
                     : AC_EINVAL;
    if (error)
      return error;
  }
  return leave(channel, bytes, ends);
}
