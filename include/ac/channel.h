/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * channel.h - queues of items between the tasks of one loop, and channels
 * between those of several, and threads; included by ac.h.
 *
 *     ac_queue(struct job) jobs = {{.capacity = 100}};
 *
 *     await ac_queue_put(&jobs, job);
 *     await ac_queue_get(&jobs, &job);
 *
 * A queue is of one type of items, which are copied in and out; the macros
 * below check the types. Zeroed, it is ready for use. */
#ifndef AC_CHANNEL_H
#define AC_CHANNEL_H

#include <pthread.h>
#include <string.h>

#include <ac/sync.h>

#ifdef __cplusplus
extern "C" {
#endif

enum ac_queue_kind {
  AC_FIFO,
  AC_LIFO,
  AC_PRIORITY /* what comes `before` the others; equal ones in order */
};

enum {
  AC_QUEUE_CAPACITY = 64 /* when none is given */
};
#define AC_UNBOUNDED SIZE_MAX

/* What the queues of all types have in common. The first three members are set
 * by the program, before anything is put. */
struct ac_queue {
  size_t capacity; /* items; 0: AC_QUEUE_CAPACITY; AC_UNBOUNDED */
  enum ac_queue_kind kind;
  /* AC_PRIORITY: true when item a is to come out before item b. */
  int (*before)(const void *a, const void *b);
  size_t count; /* items in it */
  /* The rest is the library's. */
  char *items;
  uint64_t *order; /* AC_PRIORITY: when each was put */
  uint64_t puts;
  size_t room, first;
  size_t promised;   /* items that are kept for getters that were woken */
  size_t unfinished; /* items that ac_queue_task_done was not called for */
  int shut;
  struct ac_lot getters, putters, joiners;
};

/* A type: name it (typedef ac_queue(int) int_queue) to pass it around. */
#define ac_queue(T)                                                            \
  union {                                                                      \
    struct ac_queue queue;                                                     \
    T *item_type;                                                              \
  }

/* Waits while the queue is full. Raises AC_ECLOSED when it is shut down, then
 * or meanwhile, and AC_ENOMEM. A put that is cancelled has not put anything; if
 * the item has been taken before the cancellation came, the put succeeds, and
 * the cancellation comes at the task's next await. */
#define ac_queue_put(q, ...)                                                   \
  ac_queue_put_item(&(q)->queue,                                               \
                    (__typeof__(*(q)->item_type)[1]){__VA_ARGS__},             \
                    sizeof *(q)->item_type)
/* Waits while it is empty. Raises AC_ECLOSED when it is empty and shut down.
 * A get that is cancelled has taken nothing: the item stays where it is. */
#define ac_queue_get(q, to)                                                    \
  ac_queue_get_item(&(q)->queue, AC_QUEUE_ITEM(q, to), sizeof *(q)->item_type)
/* Without waiting: 0, AC_EAGAIN when it is full or empty (or what is there
 * belongs to others, that wait already), AC_ECLOSED, AC_ENOMEM. */
#define ac_queue_put_now(q, ...)                                               \
  ac_queue_put_item_now(&(q)->queue,                                           \
                        (__typeof__(*(q)->item_type)[1]){__VA_ARGS__},         \
                        sizeof *(q)->item_type)
#define ac_queue_get_now(q, to)                                                \
  ac_queue_get_item_now(&(q)->queue, AC_QUEUE_ITEM(q, to),                     \
                        sizeof *(q)->item_type)
#define ac_queue_count(q) ((q)->queue.count)
/* An item that was got has been dealt with. AC_EINVAL: more often than items
 * were put. */
#define ac_queue_task_done(q) ac_queue_item_done(&(q)->queue)
/* Waits until each item that was put has been dealt with. */
#define ac_queue_join(q) ac_queue_join_items(&(q)->queue)
/* Nothing can be put any more: putters that wait get AC_ECLOSED, getters what
 * is left and then AC_ECLOSED. now: what is left is dropped, and counts as
 * dealt with. */
#define ac_queue_shutdown(q, now) ac_queue_shut(&(q)->queue, (now))
/* Gives the memory back. The queue is empty then, and as new but for its first
 * three members. Nobody may be waiting. */
#define ac_queue_free(q) ac_queue_clear(&(q)->queue)

/* What the macros call. */
#define AC_QUEUE_ITEM(q, to) (1 ? (to) : (q)->item_type)
_Async void ac_queue_put_item(struct ac_queue *queue, const void *item,
                              size_t bytes);
_Async void ac_queue_get_item(struct ac_queue *queue, void *item, size_t bytes);
AC_API int ac_queue_put_item_now(struct ac_queue *queue, const void *item,
                                 size_t bytes);
AC_API int ac_queue_get_item_now(struct ac_queue *queue, void *item,
                                 size_t bytes);
AC_API int ac_queue_item_done(struct ac_queue *queue);
_Async void ac_queue_join_items(struct ac_queue *queue);
AC_API void ac_queue_shut(struct ac_queue *queue, int now);
AC_API void ac_queue_clear(struct ac_queue *queue);

/* The lowered forms of the two, which also exist as functions: inline where
 * nobody waits and the item has its place, of a size that is known here. The
 * macros take a prototype, too. */
AC_API ac_frame *ac_queue_put_item__ac(void *ret, struct ac_queue *queue,
                                       const void *item, size_t bytes);
AC_API ac_frame *ac_queue_get_item__ac(void *ret, struct ac_queue *queue,
                                       void *item, size_t bytes);
static inline ac_frame *ac_queue_put_at_once(void *ret, struct ac_queue *queue,
                                             const void *item, size_t bytes) {
  if (AC_UNLIKELY(queue->kind == AC_PRIORITY || queue->count >= queue->room ||
                  queue->getters.first || queue->shut || ac_budget <= 0))
    return ac_queue_put_item__ac(ret, queue, item, bytes);
  ac_budget--;
  size_t at = queue->first + queue->count;
  if (at >= queue->room)
    at -= queue->room;
  memcpy(queue->items + at * bytes, item, bytes);
  queue->count++;
  queue->unfinished++;
  return NULL;
}
static inline ac_frame *ac_queue_get_at_once(void *ret, struct ac_queue *queue,
                                             void *item, size_t bytes) {
  if (AC_UNLIKELY(queue->kind != AC_FIFO || !queue->count || queue->promised ||
                  queue->putters.first || ac_budget <= 0))
    return ac_queue_get_item__ac(ret, queue, item, bytes);
  ac_budget--;
  memcpy(item, queue->items + queue->first * bytes, bytes);
  queue->first = queue->first + 1 == queue->room ? 0 : queue->first + 1;
  queue->count--;
  return NULL;
}
#define ac_queue_put_item__ac(ret, queue, item, bytes)                         \
  ac_queue_put_at_once(ret, queue, item, bytes)
#define ac_queue_get_item__ac(ret, queue, item, bytes)                         \
  ac_queue_get_at_once(ret, queue, item, bytes)

/* ---- channels between threads --------------------------------------------
 *
 *     static ac_channel(struct job) jobs = {{.capacity = 100}};
 *
 *     await ac_channel_send(&jobs, job);
 *     await ac_channel_receive(&jobs, &job);
 *
 * A queue, first in first out, whose users may be tasks of any loops and
 * threads without one. Each item reaches one receiver. Zeroed, it is ready for
 * use; when it goes, no thread is using it. */

struct aci_crossing;

/* The first two members are set by the program, before it is used. */
struct ac_channel {
  size_t capacity; /* items; 0: AC_QUEUE_CAPACITY; AC_UNBOUNDED */
  /* Called for each item that no one will receive any more: the channel was
   * closed at once, abandoned, or freed. On the thread that did so; NULL:
   * nothing. */
  void (*drop)(void *item);
  /* The rest is the library's. */
  pthread_mutex_t lock;
  struct ac_queue items;
  struct aci_crossing *receivers, *senders; /* that wait */
  size_t receiving, sending;                /* ends that have joined */
  int closed;
};

/* A type: name it (typedef ac_channel(int) int_channel) to pass it around. */
#define ac_channel(T)                                                          \
  union {                                                                      \
    struct ac_channel channel;                                                 \
    T *item_type;                                                              \
  }

/* From a task: waits while the channel is full. Raises AC_ECLOSED when it is
 * closed, then or meanwhile, and AC_ENOMEM. A send that is cancelled has not
 * sent anything; if the item had been taken before the cancellation came, it
 * succeeds, and the cancellation comes at the task's next await. */
#define ac_channel_send(c, ...)                                                \
  ac_channel_send_item(&(c)->channel,                                          \
                       (__typeof__(*(c)->item_type)[1]){__VA_ARGS__},          \
                       sizeof *(c)->item_type)
/* From a task: waits while it is empty. Raises AC_ECLOSED when it is empty and
 * closed. One that is cancelled has taken nothing; if it had been given an item
 * before the cancellation came, it succeeds, as a send does. */
#define ac_channel_receive(c, to)                                              \
  ac_channel_receive_item(&(c)->channel, AC_QUEUE_ITEM(c, to),                 \
                          sizeof *(c)->item_type)
/* From any thread, without waiting: 0, AC_EAGAIN when it is full or empty,
 * AC_ECLOSED, AC_ENOMEM. */
#define ac_channel_send_now(c, ...)                                            \
  ac_channel_send_item_now(&(c)->channel,                                      \
                           (__typeof__(*(c)->item_type)[1]){__VA_ARGS__},      \
                           sizeof *(c)->item_type)
#define ac_channel_receive_now(c, to)                                          \
  ac_channel_receive_item_now(&(c)->channel, AC_QUEUE_ITEM(c, to),             \
                              sizeof *(c)->item_type)
/* From a thread that runs no loop, which blocks: as long as it takes (seconds
 * < 0), or so long (AC_ETIMEDOUT). AC_EDEADLK on a loop's thread; the others as
 * above. */
#define ac_channel_send_blocking(c, seconds, ...)                              \
  ac_channel_send_item_blocking(&(c)->channel,                                 \
                                (__typeof__(*(c)->item_type)[1]){__VA_ARGS__}, \
                                sizeof *(c)->item_type, (seconds))
#define ac_channel_receive_blocking(c, to, seconds)                            \
  ac_channel_receive_item_blocking(&(c)->channel, AC_QUEUE_ITEM(c, to),        \
                                   sizeof *(c)->item_type, (seconds))
/* Items in it now. Any thread. */
#define ac_channel_count(c) ac_channel_item_count(&(c)->channel)
/* Nothing can be sent any more: senders that wait get AC_ECLOSED, receivers
 * what is left and then AC_ECLOSED. now: what is left is dropped. Any thread;
 * more than once, too. */
#define ac_channel_close(c, now)                                               \
  ac_channel_shut(&(c)->channel, sizeof *(c)->item_type, (now))

/* What the channel needs to know to close by itself: who is at its ends. */
enum { AC_RECEIVER = 1, AC_SENDER = 2 };
/* This thread's loop is one of the channel's receivers, or senders, or both,
 * until it leaves or ends; a thread without a loop, until it leaves. With the
 * last receiver gone what is in the channel is dropped, and senders get
 * AC_ECLOSED; with the last sender gone, receivers get what is left and then
 * AC_ECLOSED. Join before the first one of the other side can be gone. 0,
 * AC_ECLOSED, AC_ENOMEM, AC_EINVAL for other ends. */
#define ac_channel_join(c, ends)                                               \
  ac_channel_join_ends(&(c)->channel, sizeof *(c)->item_type, (ends))
/* AC_EINVAL: it has not joined so. */
#define ac_channel_leave(c, ends)                                              \
  ac_channel_leave_ends(&(c)->channel, sizeof *(c)->item_type, (ends))

/* Drops what is left and gives the memory back; the channel is as new but for
 * its first two members. Nobody is using it. */
#define ac_channel_free(c)                                                     \
  ac_channel_clear(&(c)->channel, sizeof *(c)->item_type)

/* What the macros call. */
_Async void ac_channel_send_item(struct ac_channel *channel, const void *item,
                                 size_t bytes);
_Async void ac_channel_receive_item(struct ac_channel *channel, void *item,
                                    size_t bytes);
AC_API int ac_channel_send_item_now(struct ac_channel *channel,
                                    const void *item, size_t bytes);
AC_API int ac_channel_receive_item_now(struct ac_channel *channel, void *item,
                                       size_t bytes);
AC_API int ac_channel_send_item_blocking(struct ac_channel *channel,
                                         const void *item, size_t bytes,
                                         double seconds);
AC_API int ac_channel_receive_item_blocking(struct ac_channel *channel,
                                            void *item, size_t bytes,
                                            double seconds);
AC_API size_t ac_channel_item_count(struct ac_channel *channel);
AC_API void ac_channel_shut(struct ac_channel *channel, size_t bytes, int now);
AC_API int ac_channel_join_ends(struct ac_channel *channel, size_t bytes,
                                int ends);
AC_API int ac_channel_leave_ends(struct ac_channel *channel, size_t bytes,
                                 int ends);
AC_API void ac_channel_clear(struct ac_channel *channel, size_t bytes);

#ifdef __cplusplus
}
#endif
#endif
