/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * broadcast.h - values that each of several tasks is to see, included by ac.h:
 * every one of them (ac_broadcast), or the latest (ac_latest). Between the
 * tasks of one loop, and on its thread; another thread has the loop send for it
 * (ac_call_soon_threadsafe), or gives it to a task by an ac_channel. Who sends
 * never waits. */
#ifndef AC_BROADCAST_H
#define AC_BROADCAST_H

#include <ac/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- broadcast: each value to everybody -----------------------------------
 *
 *     static ac_broadcast(struct event) events = {{.capacity = 16}};
 *
 *     ac_broadcast_send(&events, event);
 *
 *     struct ac_subscription mine = ac_subscribe(&events);
 *     size_t missed = await ac_broadcast_receive(&events, &mine, &event);
 *
 * The last `capacity` values are kept. Zeroed, it is ready for use; nobody may
 * be waiting when it goes. tokio's broadcast. */
struct ac_broadcast {
  size_t capacity; /* values; 0: AC_QUEUE_CAPACITY. Set before it is used. */
  /* The rest is the library's. */
  uint64_t sent;
  char *items;
  int closed;
  struct ac_lot waiters;
};

/* Where a receiver stands; nothing has to be given back. */
struct ac_subscription {
  uint64_t next; /* the number of the value that comes next */
};

/* A type: name it (typedef ac_broadcast(int) int_broadcast) to pass it on. */
#define ac_broadcast(T)                                                        \
  union {                                                                      \
    struct ac_broadcast broadcast;                                             \
    T *item_type;                                                              \
  }

/* Sees every value that is sent from now on. */
#define ac_subscribe(b) ((struct ac_subscription){(b)->broadcast.sent})
/* Gives the value to everybody who has subscribed; the oldest one goes when
 * there is no room, whether all have seen it or not. 0, AC_ECLOSED, or, the
 * first time, AC_ENOMEM. */
#define ac_broadcast_send(b, ...)                                              \
  ac_broadcast_send_item(&(b)->broadcast,                                      \
                         (__typeof__(*(b)->item_type)[1]){__VA_ARGS__},        \
                         sizeof *(b)->item_type)
/* Waits for the next value, and gives how many were missed before it since the
 * last one received, because this receiver was too slow: 0 mostly. A value is
 * never missed without being counted. One that is cancelled has received
 * nothing. Raises AC_ECLOSED when it is closed and all have been received. */
#define ac_broadcast_receive(b, subscription, to)                              \
  ac_broadcast_receive_item(&(b)->broadcast, (subscription),                   \
                            AC_QUEUE_ITEM(b, to), sizeof *(b)->item_type)
/* The same without waiting: 0, AC_EAGAIN, AC_ECLOSED; missed may be NULL. */
#define ac_broadcast_receive_now(b, subscription, to, missed)                  \
  ac_broadcast_receive_item_now(&(b)->broadcast, (subscription),               \
                                AC_QUEUE_ITEM(b, to), sizeof *(b)->item_type,  \
                                (missed))
/* Nothing is sent any more. */
#define ac_broadcast_close(b) ac_broadcast_shut(&(b)->broadcast)
/* Gives the memory back, and makes it as new but for the capacity. */
#define ac_broadcast_free(b) ac_broadcast_clear(&(b)->broadcast)

/* What the macros call. */
AC_API int ac_broadcast_send_item(struct ac_broadcast *broadcast,
                                  const void *item, size_t bytes);
_Async size_t ac_broadcast_receive_item(struct ac_broadcast *broadcast,
                                        struct ac_subscription *subscription,
                                        void *item, size_t bytes);
AC_API int ac_broadcast_receive_item_now(struct ac_broadcast *broadcast,
                                         struct ac_subscription *subscription,
                                         void *item, size_t bytes,
                                         size_t *missed);
AC_API void ac_broadcast_shut(struct ac_broadcast *broadcast);
AC_API void ac_broadcast_clear(struct ac_broadcast *broadcast);

/* ---- latest: a value that changes ------------------------------------------
 *
 *     static ac_latest(struct config) config;
 *
 *     ac_latest_set(&config, {.limit = 5});
 *
 *     uint64_t seen = 0;
 *     for (;;) {
 *       await ac_latest_wait(&config, &seen, &now);
 *       ...
 *     }
 *
 * Who waits sees the newest value, and not each on the way there. Allocates
 * nothing. tokio's watch. */
struct ac_latest {
  uint64_t version; /* how often it was set */
  int closed;
  struct ac_lot waiters;
};

#define ac_latest(T)                                                           \
  struct {                                                                     \
    struct ac_latest latest;                                                   \
    T value;                                                                   \
  }

/* Sets the value, and wakes all who wait. 0 or AC_ECLOSED. */
#define ac_latest_set(l, ...)                                                  \
  ac_latest_store(&(l)->latest, &(l)->value,                                   \
                  (__typeof__((l)->value)[1]){__VA_ARGS__}, sizeof(l)->value)
/* Waits until the value is another than the one seen last (the uint64_t
 * `seen`, 0: none), and copies it. Raises AC_ECLOSED when there is none to
 * come; the last one is still seen. One that is cancelled has seen nothing. */
#define ac_latest_wait(l, seen, to)                                            \
  ac_latest_await(&(l)->latest, &(l)->value, (seen), (1 ? (to) : &(l)->value), \
                  sizeof(l)->value)
/* True when there is a value that has not been seen. */
#define ac_latest_changed(l, seen) ((l)->latest.version != *(seen))
/* The value does not change any more. */
#define ac_latest_close(l) ac_latest_shut(&(l)->latest)

/* What the macros call. */
AC_API int ac_latest_store(struct ac_latest *latest, void *value,
                           const void *item, size_t bytes);
_Async void ac_latest_await(struct ac_latest *latest, const void *value,
                            uint64_t *seen, void *item, size_t bytes);
AC_API void ac_latest_shut(struct ac_latest *latest);

#ifdef __cplusplus
}
#endif
#endif
