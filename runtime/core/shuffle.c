/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * shuffle.c - the order in which a simulated loop runs what is ready: any that
 * a program has to cope with, drawn from a seed. */
#include "internal.h"

static uint64_t draw(uint64_t *state) {
  uint64_t x = *state;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  *state = x;
  return x >> 16;
}

static struct aci_node *queue_take(struct aci_queue *queue) {
  struct aci_node *node = queue->anchor.next;
  if (node == queue->last)
    aci_queue_init(queue);
  else
    queue->anchor.next = node->next;
  return node;
}

/* Distributes the nodes over heaps at random, some times over: a radix sort by
 * random keys, which needs no memory. */
static void shuffle_queue(struct aci_queue *queue, uint64_t *state) {
  enum { HEAPS = 16, ROUNDS = 3 };
  struct aci_queue heaps[HEAPS];
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < HEAPS; i++)
      aci_queue_init(&heaps[i]);
    while (!aci_queue_is_empty(queue))
      aci_queue_push(&heaps[draw(state) % HEAPS], queue_take(queue));
    for (int i = 0; i < HEAPS; i++)
      while (!aci_queue_is_empty(&heaps[i]))
        aci_queue_push(queue, queue_take(&heaps[i]));
  }
}

/* Tasks in any order, callbacks in theirs among them: that is promised. */
void aci_shuffle(struct aci_queue *ready, uint64_t *state) {
  struct aci_queue tasks, calls;
  uint64_t task_count = 0, call_count = 0;
  aci_queue_init(&tasks);
  aci_queue_init(&calls);
  while (!aci_queue_is_empty(ready)) {
    struct aci_node *node = queue_take(ready);
    unsigned is_task = aci_kind(node) == ACI_TASK;
    aci_queue_push(is_task ? &tasks : &calls, node);
    task_count += is_task;
    call_count += !is_task;
  }
  if (task_count > 1)
    shuffle_queue(&tasks, state);
  while (task_count + call_count) {
    unsigned from_tasks = draw(state) % (task_count + call_count) < task_count;
    aci_queue_push(ready, queue_take(from_tasks ? &tasks : &calls));
    task_count -= from_tasks;
    call_count -= !from_tasks;
  }
}
