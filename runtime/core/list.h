/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * list.h - the node that everything the loop queues begins with or contains,
 * and the two containers for it: a queue (singly linked, FIFO) and a ring
 * (doubly linked, O(1) removal). No allocation, no knowledge of tasks. */
#ifndef ACI_LIST_H
#define ACI_LIST_H

#include <stddef.h>
#include <stdint.h>

struct ac_future;
struct ac_operation;
struct aci_group;

/* A node is in one container at a time. */
struct aci_node {
  uint32_t flags; /* ACI_*, internal.h */
  uint32_t extra; /* the owner's */
  struct aci_node *next, *prev;
  union {
    int64_t when_ns;                /* in the timer wheel */
    struct ac_future *future;       /* in the ring of those that wait for it */
    uintptr_t line;                 /* waiting in one: its address and kind */
    struct aci_group *group;        /* of an aci_member */
    struct ac_operation *operation; /* the task's, while it lasts */
    struct {
      int fd;            /* waiting for it ... */
      int receive_flags; /* ... to receive, with these */
    };
    int error;                      /* a code to wake with or to end with */
  };
};

/* The last node's next is indeterminate; an empty queue's anchor is its own. */
struct aci_queue {
  struct aci_node anchor; /* next: the first node */
  struct aci_node *last;  /* &anchor: the queue is empty */
};

static inline void aci_queue_init(struct aci_queue *queue) {
  queue->last = queue->anchor.next = &queue->anchor;
}

static inline int aci_queue_is_empty(const struct aci_queue *queue) {
  return queue->last == &queue->anchor;
}

static inline void aci_queue_push(struct aci_queue *queue,
                                  struct aci_node *node) {
  queue->last->next = node;
  queue->last = node;
}

/* Takes out the node in linear time. False when it is not there. */
static inline int aci_queue_remove(struct aci_queue *queue,
                                   struct aci_node *node) {
  for (struct aci_node *at = &queue->anchor; at != queue->last; at = at->next) {
    if (at->next != node)
      continue;
    if (queue->last == node) {
      queue->last = at;
      at->next = &queue->anchor;
    } else {
      at->next = node->next;
    }
    return 1;
  }
  return 0;
}

/* A ring is the address of its first node, whose prev is the last. */
static inline void aci_ring_append(struct aci_node **ring,
                                   struct aci_node *node) {
  struct aci_node *first = *ring;
  if (!first) {
    node->next = node->prev = node;
    *ring = node;
    return;
  }
  struct aci_node *last = first->prev;
  node->next = first;
  node->prev = last;
  last->next = node;
  first->prev = node;
}

static inline void aci_ring_remove(struct aci_node **ring,
                                   struct aci_node *node) {
  struct aci_node *next = node->next;
  if (next == node) {
    *ring = NULL;
    return;
  }
  next->prev = node->prev;
  node->prev->next = next;
  if (*ring == node)
    *ring = next;
}

#endif
