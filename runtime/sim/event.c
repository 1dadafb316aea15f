/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * event.c - what is under way in the simulated network: a binary heap by time
 * of arrival, and what cut wires hold up. */
#include "sim.h"

#include <stdlib.h>

/* ---- the heap ------------------------------------------------------------ */

static int is_before(const struct sim_event *a, const struct sim_event *b) {
  return a->when_ns != b->when_ns ? a->when_ns < b->when_ns
                                  : a->order < b->order;
}

static void heap_push(struct sim_world *world, struct sim_event *event) {
  size_t at = world->heap_count++;
  for (; at && is_before(event, world->heap[(at - 1) / 2]); at = (at - 1) / 2)
    world->heap[at] = world->heap[(at - 1) / 2];
  world->heap[at] = event;
}

static struct sim_event *heap_pop(struct sim_world *world) {
  struct sim_event **heap = world->heap;
  struct sim_event *first = heap[0];
  size_t count = --world->heap_count;
  struct sim_event *moved = heap[count];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && is_before(heap[child + 1], heap[child]))
      child++;
    if (!is_before(heap[child], moved))
      break;
    heap[at] = heap[child];
  }
  heap[at] = moved;
  return first;
}

/* ---- events -------------------------------------------------------------- */

/* Room for one more, wherever it will be. */
static int reserve(struct sim_world *world) {
  if (world->event_count < world->event_size)
    return 1;
  size_t size = world->event_size ? world->event_size * 2 : 64;
  struct sim_event **heap = realloc(world->heap, size * sizeof *heap);
  if (!heap)
    return 0;
  world->heap = heap;
  struct sim_event **held = realloc(world->held, size * sizeof *held);
  if (!held)
    return 0;
  world->held = held;
  world->event_size = size;
  return 1;
}

struct sim_event *sim_event_new(struct sim_world *world,
                                enum sim_event_kind kind,
                                struct sim_socket *from,
                                struct sim_socket *to) {
  struct sim_event *event = reserve(world) ? calloc(1, sizeof *event) : NULL;
  if (!event)
    return NULL;
  world->event_count++;
  event->kind = kind;
  event->from = from;
  event->to = to;
  if (from) {
    event->from_host = from->host;
    sim_socket_hold(from);
  }
  if (to) {
    event->to_host = to->host;
    sim_socket_hold(to);
  }
  return event;
}

void sim_event_free(struct sim_world *world, struct sim_event *event) {
  if (event->from)
    sim_socket_release(event->from);
  if (event->to)
    sim_socket_release(event->to);
  free(event->piece);
  free(event);
  world->event_count--;
}

void sim_event_add(struct sim_world *world, struct sim_event *event,
                   int64_t when_ns) {
  event->when_ns = when_ns;
  event->order = ++world->event_order;
  heap_push(world, event);
}

/* ---- arriving ------------------------------------------------------------ */

static int is_timeout(const struct sim_event *event) {
  return event->kind == SIM_CONNECT_TIMEOUT || event->kind == SIM_SEND_TIMEOUT;
}

static int is_datagram(const struct sim_event *event) {
  return event->kind == SIM_MESSAGE || event->kind == SIM_NOT_THERE;
}

static void arrive(struct sim_world *world, struct sim_event *event) {
  world->report.events++;
  world->report.time_ns = event->when_ns;
  if (is_datagram(event))
    sim_datagram_arrive(world, event);
  else
    sim_stream_arrive(world, event);
  sim_event_free(world, event);
}

static void hold_up(struct sim_world *world, struct sim_event *event) {
  if (is_datagram(event)) {
    world->report.losses++;
    sim_event_free(world, event);
    return;
  }
  world->held[world->held_count++] = event;
  if (event->from && event->kind != SIM_CONNECT)
    sim_stream_watch(world, event->from);
}

void sim_events_run(struct sim_world *world) {
  int64_t now_ns = sim_now(world);
  while (world->heap_count && world->heap[0]->when_ns <= now_ns) {
    struct sim_event *event = heap_pop(world);
    if (!is_timeout(event) && event->from_host && event->to_host &&
        sim_is_cut(world, event->from_host, event->to_host))
      hold_up(world, event);
    else
      arrive(world, event);
  }
}

int64_t sim_event_next(const struct sim_world *world) {
  return world->heap_count ? world->heap[0]->when_ns : -1;
}

/* In the order in which they were held up, which each direction of a
 * connection has to keep: so the next never arrives before the last. */
void sim_events_release(struct sim_world *world) {
  size_t count = world->held_count, kept = 0;
  int64_t when_ns = sim_arrival(world);
  for (size_t i = 0; i < count; i++) {
    struct sim_event *event = world->held[i];
    if (sim_is_cut(world, event->from_host, event->to_host)) {
      world->held[kept++] = event;
      continue;
    }
    if (event->from) {
      event->from->held_up = 0;
      if (event->from->last_when_ns < when_ns)
        event->from->last_when_ns = when_ns;
    }
    sim_event_add(world, event, when_ns);
  }
  world->held_count = kept;
}

void sim_events_end(struct sim_world *world) {
  while (world->heap_count)
    sim_event_free(world, world->heap[--world->heap_count]);
  while (world->held_count)
    sim_event_free(world, world->held[--world->held_count]);
  free(world->heap);
  free(world->held);
}
