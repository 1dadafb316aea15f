/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * trace.c - a loop's part of a trace: it is a process, a track of its own is
 * for callbacks, polls and timers, and each task has a track, with a slice for
 * each of its steps and for each of its waits, and an arrow to each step from
 * what made the task ready.
 *
 * Nothing is told by whoever wakes a task: what was appended to the ready queue
 * in a step, or between turns, was made ready there. Tasks are known by their
 * addresses, from when they are first seen until their last step. A task that
 * is begun at once, on the C stack of another one (by gather), is a part of
 * that one's step, and is seen when it is first made ready. */
#define _GNU_SOURCE
#include "trace.h"
#include "step.h"
#include "trace_file.h"

#include <errno.h>
#include <unistd.h>

/* What is known of a task. */
struct track {
  const struct ac_future *task; /* NULL: free */
  uint64_t id;                  /* of its track */
  uint64_t arrow;               /* leads to its next step; 0: none */
  int64_t waits_since_ns;       /* 0: it is ready, or runs */
  const char *name;             /* ac_set_name's, which was told */
  char wait[100];               /* what for */
  char place[200];              /* where */
};

struct aci_trace {
  ac_loop *loop;
  struct aci_trace_piece piece;
  int process;
  uint64_t own_track;
  int failed;
  struct track *tracks; /* a hash table of 1 << track_bits places */
  unsigned track_bits;
  size_t track_count;
  /* Of the step, or of what is done between turns. */
  uint64_t running;        /* the track */
  struct ac_future *task;  /* or NULL */
  struct aci_node *newest; /* the ready queue's last before it */
};

/* Of all loops. */
static atomic_int process_count;
static atomic_ullong id_count;

static uint64_t next_id(void) { return atomic_fetch_add(&id_count, 1) + 1; }

/* ---- the tracks' table --------------------------------------------------- */

static size_t place_of(const struct aci_trace *trace, const void *task) {
  uint64_t hash = (uint64_t)(uintptr_t)task * UINT64_C(0x9e3779b97f4a7c15);
  return (size_t)(hash >> (64 - trace->track_bits));
}

/* The task's place, or the free one where it would be. */
static struct track *look_up(const struct aci_trace *trace,
                             const struct ac_future *task) {
  size_t mask = ((size_t)1 << trace->track_bits) - 1;
  size_t place = place_of(trace, task);
  while (trace->tracks[place].task && trace->tracks[place].task != task)
    place = (place + 1) & mask;
  return &trace->tracks[place];
}

static int make_table(struct aci_trace *trace, unsigned bits) {
  struct track *old = trace->tracks;
  size_t old_size = old ? (size_t)1 << trace->track_bits : 0;
  size_t bytes = sizeof *old << bits;
  struct track *tracks = aci_sys_alloc(bytes, _Alignof(struct track));
  if (!tracks)
    return 0;
  memset(tracks, 0, bytes);
  trace->tracks = tracks;
  trace->track_bits = bits;
  for (size_t i = 0; i < old_size; i++)
    if (old[i].task)
      *look_up(trace, old[i].task) = old[i];
  aci_sys_free(old);
  return 1;
}

/* Moves those behind it that had to give way to it. */
static void remove_track(struct aci_trace *trace, struct track *track) {
  size_t mask = ((size_t)1 << trace->track_bits) - 1;
  size_t hole = (size_t)(track - trace->tracks);
  for (size_t at = (hole + 1) & mask; trace->tracks[at].task;
       at = (at + 1) & mask) {
    size_t wanted = place_of(trace, trace->tracks[at].task);
    if (((at - wanted) & mask) < ((at - hole) & mask))
      continue;
    trace->tracks[hole] = trace->tracks[at];
    hole = at;
  }
  trace->tracks[hole].task = NULL;
  trace->track_count--;
}

/* ---- names --------------------------------------------------------------- */

static int is_bare(const struct ac_future *task) {
  return (task->node.flags & ACI_BARE) != 0;
}

/* What the task was made of; before or between its steps. */
static const char *outermost_function(const struct ac_future *task) {
  if (task->node.flags & ACI_NEW)
    return task->thunk->name;
  if (is_bare(task))
    return "(operation)";
  const ac_frame *frame = task->leaf.parent;
  while (frame->parent)
    frame = frame->parent;
  return frame->desc->name;
}

static const char *innermost_function(const struct ac_future *task) {
  if (task->node.flags & ACI_NEW)
    return task->thunk->name;
  return is_bare(task) ? "(operation)" : task->leaf.parent->desc->name;
}

static const char *given_name(const struct ac_future *task) {
  const struct aci_extra *extra = aci_extra(task);
  return extra ? extra->name : NULL;
}

static void tell_thread(struct aci_trace *trace, uint64_t id,
                        const char *name) {
  struct aci_trace_event event;
  aci_event_begin(&event, 'M', "thread_name", NULL, trace->process, id, -1);
  aci_event_args(&event);
  aci_event_text(&event, "name", name);
  trace->failed |= !aci_event_end(&event, &trace->piece);
}

static void tell_name(struct aci_trace *trace, struct track *track,
                      const char *function) {
  char name[200];
  track->name = given_name(track->task);
  if (track->name)
    snprintf(name, sizeof name, "%s (%s %llu)", track->name, function,
             (unsigned long long)track->id);
  else
    snprintf(name, sizeof name, "%s %llu", function,
             (unsigned long long)track->id);
  tell_thread(trace, track->id, name);
}

/* NULL: out of memory, and the trace ends here. */
static struct track *track_of(struct aci_trace *trace,
                              const struct ac_future *task) {
  struct track *track = look_up(trace, task);
  if (track->task)
    return track;
  if (trace->track_count >= (size_t)3 << trace->track_bits >> 2) {
    if (!make_table(trace, trace->track_bits + 1)) {
      trace->failed = 1;
      return NULL;
    }
    track = look_up(trace, task);
  }
  memset(track, 0, sizeof *track);
  trace->track_count++;
  track->task = task;
  track->id = next_id();
  tell_name(trace, track, outermost_function(task));
  return track;
}

/* ---- waits --------------------------------------------------------------- */

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* The chain of awaits from the innermost outwards, as far as there is room. */
static void note_place(struct track *track) {
  const ac_frame *frame =
      is_bare(track->task) ? NULL : track->task->leaf.parent;
  size_t used = 0;
  track->place[0] = 0;
  for (; frame; frame = frame->parent) {
    const struct ac_desc *desc = frame->desc;
    if (!desc->file || !frame->state || frame->state > desc->point_count)
      continue; /* an operation */
    size_t room = sizeof track->place - used;
    int length = snprintf(track->place + used, room, "%s%s %s:%u",
                          used ? " < " : "", desc->name, base_name(desc->file),
                          (unsigned)desc->points[frame->state - 1].line);
    if (length < 0 || (size_t)length >= room)
      return;
    used += (size_t)length;
  }
}

static void name_awaited(const struct aci_trace *trace, struct track *track,
                         const struct ac_future *object) {
  const struct track *awaited = look_up(trace, object);
  if (aci_kind(&object->node) != ACI_TASK)
    snprintf(track->wait, sizeof track->wait, "awaits a future");
  else if (awaited->task)
    snprintf(track->wait, sizeof track->wait, "awaits task %s%s%llu",
             awaited->name ? awaited->name : "", awaited->name ? " " : "",
             (unsigned long long)awaited->id);
  else
    snprintf(track->wait, sizeof track->wait, "awaits a task");
}

static void note_wait(const struct aci_trace *trace, struct track *track) {
  const struct ac_future *task = track->task;
  char *text = track->wait;
  size_t bytes = sizeof track->wait;
  note_place(track);
  switch (aci_wait(&task->node)) {
  case ACI_WAIT_NONE:
    snprintf(text, bytes, "yields");
    break;
  case ACI_WAIT_TIMER:
    snprintf(text, bytes, "sleeps");
    break;
  case ACI_WAIT_FUTURE:
  case ACI_WAIT_SHIELDED:
    name_awaited(trace, track, task->node.future);
    break;
  case ACI_WAIT_FD:
    snprintf(text, bytes, "waits for descriptor %d to be %s", task->node.fd,
             task->node.flags & ACI_READER ? "readable" : "writable");
    break;
  case ACI_WAIT_GROUP:
    snprintf(text, bytes, "waits for %zu of %zu tasks",
             task->node.group->pending, task->node.group->count);
    break;
  case ACI_WAIT_LINE:
    snprintf(text, bytes, "%s", aci_line_class(&task->node)->what);
    break;
  case ACI_WAIT_OPERATION:
    snprintf(text, bytes, "%s", task->node.operation->kind->what);
    break;
  }
}

static void tell_wait(struct aci_trace *trace, struct track *track,
                      int64_t until_ns) {
  struct aci_trace_event event;
  if (!track->waits_since_ns)
    return;
  aci_event_begin(&event, 'X', track->wait, "wait", trace->process, track->id,
                  track->waits_since_ns);
  aci_event_time(&event, "dur", until_ns - track->waits_since_ns);
  if (track->place[0]) {
    aci_event_args(&event);
    aci_event_text(&event, "in", track->place);
  }
  trace->failed |= !aci_event_end(&event, &trace->piece);
  track->waits_since_ns = 0;
}

/* ---- arrows -------------------------------------------------------------- */

static void tell_arrow(struct aci_trace *trace, char ph, uint64_t arrow,
                       uint64_t track, int64_t when_ns) {
  struct aci_trace_event event;
  aci_event_begin(&event, ph, "wake", "wake", trace->process, track, when_ns);
  aci_event_number(&event, "id", arrow);
  if (ph == 'f')
    aci_event_text(&event, "bp", "e");
  trace->failed |= !aci_event_end(&event, &trace->piece);
}

static void tell_ready(struct aci_trace *trace, const struct ac_future *task,
                       int64_t now_ns) {
  struct track *track = track_of(trace, task);
  if (!track)
    return;
  tell_wait(trace, track, now_ns);
  if (track->arrow)
    return;
  track->arrow = next_id();
  tell_arrow(trace, 's', track->arrow, trace->running, now_ns);
}

/* Everything that has become ready since `newest` was the last of the queue. */
static void tell_all_ready(struct aci_trace *trace, int64_t now_ns) {
  const struct aci_node *last = trace->loop->ready.last;
  for (struct aci_node *node = trace->newest; node != last;) {
    node = node->next;
    if (aci_kind(node) == ACI_TASK && aci_of_node(node) != trace->task)
      tell_ready(trace, aci_of_node(node), now_ns);
  }
}

/* ---- steps --------------------------------------------------------------- */

static void tell_slice(struct aci_trace *trace, char ph, const char *name,
                       const char *category, int64_t now_ns) {
  struct aci_trace_event event;
  aci_event_begin(&event, ph, name, category, trace->process, trace->running,
                  now_ns);
  trace->failed |= !aci_event_end(&event, &trace->piece);
}

static void begin_task(struct aci_trace *trace, struct ac_future *task,
                       int64_t now_ns) {
  struct track *track = track_of(trace, task);
  if (!track)
    return;
  /* Kept until the end of its step has been told. */
  aci_pin(task);
  trace->task = task;
  trace->running = track->id;
  /* Woken where nobody saw it. */
  tell_wait(trace, track, now_ns);
  tell_slice(trace, 'B', innermost_function(task), "run", now_ns);
  if (track->arrow)
    tell_arrow(trace, 'f', track->arrow, track->id, now_ns);
  track->arrow = 0;
}

static void begin_step(struct aci_trace *trace, struct aci_node *node) {
  trace->task = NULL;
  if (trace->failed)
    return;
  int64_t now_ns = aci_sys_now();
  trace->newest = trace->loop->ready.last;
  if (aci_kind(node) == ACI_TASK) {
    begin_task(trace, aci_of_node(node), now_ns);
    return;
  }
  trace->running = trace->own_track;
  tell_slice(trace, 'B',
             aci_kind(node) == ACI_TIMER   ? "timer's callback"
             : aci_kind(node) == ACI_WATCH ? "descriptor's callback"
                                           : "callback",
             "callback", now_ns);
}

static void describe_end(const struct ac_future *task, char *text,
                         size_t bytes) {
  if (task->node.flags & ACI_FAILED)
    snprintf(text, bytes, "ends with error %d (%s)", task->node.error,
             ac_strerror(task->node.error));
  else
    snprintf(text, bytes, "ends");
}

static void tell_step_end(struct aci_trace *trace, struct track *track,
                          int64_t now_ns) {
  struct aci_trace_event event;
  char end[100];
  int done = (track->task->node.flags & ACI_DONE) != 0;
  if (done)
    describe_end(track->task, end, sizeof end);
  else
    note_wait(trace, track);
  aci_event_begin(&event, 'E', NULL, NULL, trace->process, track->id, now_ns);
  aci_event_args(&event);
  aci_event_text(&event, "then", done ? end : track->wait);
  if (!done && track->place[0])
    aci_event_text(&event, "in", track->place);
  trace->failed |= !aci_event_end(&event, &trace->piece);
}

static void end_task(struct aci_trace *trace, int64_t now_ns) {
  struct ac_future *task = trace->task;
  struct track *track = look_up(trace, task);
  tell_step_end(trace, track, now_ns);
  if (task->node.flags & ACI_DONE) {
    remove_track(trace, track);
  } else {
    track->waits_since_ns = aci_wait(&task->node) ? now_ns : 0;
    if (given_name(task) != track->name)
      tell_name(trace, track, outermost_function(task));
  }
}

static void end_step(struct aci_trace *trace) {
  if (!trace->failed) {
    int64_t now_ns = aci_sys_now();
    tell_all_ready(trace, now_ns);
    if (trace->task)
      end_task(trace, now_ns);
    else
      tell_slice(trace, 'E', NULL, NULL, now_ns);
  }
  if (trace->task) {
    aci_unpin(trace->task);
    aci_settle(trace->task);
  }
}

/* The loop of loop.c, without the way round the queue for a task that is alone.
 */
void aci_trace_run_ready(ac_loop *loop) {
  while (!aci_queue_is_empty(&loop->ready)) {
    struct aci_node *node = loop->ready.anchor.next;
    struct aci_node *last = loop->ready.last;
    aci_queue_init(&loop->ready);
    for (int more = 1; more;) {
      struct aci_node *next = node->next;
      more = node != last;
      loop->budget--;
      begin_step(loop->trace, node);
      if (node->flags & ACI_SLOW)
        aci_special_step(loop, node);
      else
        aci_step(loop, node, &ac_running);
      end_step(loop->trace);
      node = next;
    }
    if (loop->budget <= ACI_HURRY)
      return;
  }
}

/* ---- between turns ------------------------------------------------------- */

void aci_trace_between_begin(struct aci_trace *trace, const char *what) {
  trace->task = NULL;
  if (trace->failed)
    return;
  trace->newest = trace->loop->ready.last;
  trace->running = trace->own_track;
  tell_slice(trace, 'B', what, "loop", aci_sys_now());
}

void aci_trace_between_end(struct aci_trace *trace) {
  if (trace->failed)
    return;
  int64_t now_ns = aci_sys_now();
  tell_all_ready(trace, now_ns);
  tell_slice(trace, 'E', NULL, NULL, now_ns);
}

/* ---- from beginning to end ----------------------------------------------- */

static void tell_loop(struct aci_trace *trace) {
  struct aci_trace_event event;
  char name[200];
  snprintf(name, sizeof name, "loop %d of %s, process %ld", trace->process,
           program_invocation_short_name, (long)getpid());
  aci_event_begin(&event, 'M', "process_name", NULL, trace->process,
                  trace->own_track, -1);
  aci_event_args(&event);
  aci_event_text(&event, "name", name);
  trace->failed |= !aci_event_end(&event, &trace->piece);
  tell_thread(trace, trace->own_track, "the loop itself");
}

struct aci_trace *aci_trace_open(ac_loop *loop) {
  enum { FIRST_BITS = 6 };
  if (!aci_trace_file_open())
    return NULL;
  struct aci_trace *trace =
      aci_sys_alloc(sizeof *trace, _Alignof(struct aci_trace));
  if (!trace)
    return NULL;
  memset(trace, 0, sizeof *trace);
  trace->loop = loop;
  if (!make_table(trace, FIRST_BITS)) {
    aci_sys_free(trace);
    return NULL;
  }
  trace->process = atomic_fetch_add(&process_count, 1) + 1;
  trace->own_track = next_id();
  tell_loop(trace);
  return trace;
}

void aci_trace_close(struct aci_trace *trace) {
  if (!trace)
    return;
  aci_trace_piece_close(&trace->piece);
  aci_sys_free(trace->tracks);
  aci_sys_free(trace);
}
