/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * debug.c - the listing of all tasks, as a tree: below each task those that it
 * waits for. For each its state and what it waits for, then its chain of
 * awaits, innermost first, as `function file:line`, from the descriptors of its
 * frames; and in the end the circles of tasks that wait for each other. */
#include "internal.h"
#include "waits.h"

#include <time.h>

/* ---- one task ------------------------------------------------------------ */

struct listing {
  FILE *out;
  ac_loop *loop;
  size_t count;
  size_t depth; /* in the tree */
};

static double seconds_until(const ac_loop *loop, int64_t when_ns) {
  int64_t left_ns = when_ns - aci_clock(loop);
  return left_ns > 0 ? (double)left_ns / 1e9 : 0.0;
}

static void print_seconds(FILE *out, const ac_loop *loop, int64_t when_ns) {
  if (when_ns == INT64_MAX)
    fputs("sleeps for ever", out);
  else
    fprintf(out, "sleeps for another %.3f s", seconds_until(loop, when_ns));
}

static void print_future(const struct listing *listing, const char *how,
                         const struct ac_future *future) {
  const char *kind = aci_kind(&future->node) == ACI_TASK ? "task" : "future";
  fprintf(listing->out, "%s%s%s %zu", how, *how ? " " : "", kind,
          aci_object_number(listing->loop, future));
  const struct aci_extra *extra = aci_extra(future);
  if (extra && extra->name)
    fprintf(listing->out, " '%s'", extra->name);
}

static void print_group(const struct listing *listing,
                        const struct aci_group *group) {
  static const char *const what[] = {[ACI_GATHER_HANDLES] = "gathers",
                                     [ACI_GATHER_CHILDREN] = "gathers",
                                     [ACI_WAIT_MANY] = "waits for",
                                     [ACI_WAIT_FOR] = "waits for",
                                     [ACI_SELECT] = "waits for one of"};
  enum { SHOWN = 8 };
  size_t shown = 0;
  for (size_t i = 0; i < group->count && shown < SHOWN; i++)
    if (group->members[i].node.next)
      print_future(listing, shown++ ? "," : what[group->mode],
                   group->members[i].future);
  if (group->pending > shown)
    fprintf(listing->out, " and %zu more", group->pending - shown);
  if (group->timer.flags & ACI_TIMED)
    fprintf(listing->out, ", for another %.3f s at most",
            seconds_until(listing->loop, group->timer.when_ns));
}

static int is_running(const struct ac_future *task) {
  return task == ac_running || (task->node.flags & ACI_BELOW);
}

static void print_cancellation(FILE *out, const struct ac_future *task) {
  struct ac_cancellation why;
  if (!(ac_cancellation)((struct ac_future *)(uintptr_t)task, &why))
    return;
  fputs(" (cancelled", out);
  if (why.by)
    fprintf(out, " by task %zu", why.by);
  if (why.file)
    fprintf(out, " at %s:%d", why.file, why.line);
  fprintf(out, "%s%s)", why.why ? ": " : "", why.why ? why.why : "");
}

/* The earliest deadline of the scopes around the task. */
static void print_deadline(const struct listing *listing,
                           const struct ac_future *task) {
  const struct aci_extra *extra = aci_extra(task);
  int64_t when_ns = INT64_MAX;
  for (const struct ac_scope *scope = extra ? extra->scope : NULL; scope;
       scope = scope->shield ? NULL : scope->outer)
    if (scope->deadline_ns && scope->deadline_ns < when_ns &&
        !ac_scope_cancelled(scope))
      when_ns = scope->deadline_ns;
  if (when_ns != INT64_MAX)
    fprintf(listing->out, ", in a scope that ends in %.3f s",
            seconds_until(listing->loop, when_ns));
}

/* For how long the task, which waits, has done so. */
static int64_t waited_ns(const ac_loop *loop, const struct ac_future *task) {
  uint32_t since =
      task->node.flags & ACI_BARE ? task->bare_since : task->leaf.parent->since;
  uint32_t lasted = aci_moment(aci_clock(loop)) - since;
  return (int64_t)lasted << ACI_MOMENT_SHIFT;
}

/* What has just begun to wait does so since no time worth telling. */
static void print_since(const struct listing *listing,
                        const struct ac_future *task) {
  enum { SHOWN_NS = 100000000 };
  if (!aci_wait(&task->node))
    return;
  int64_t ns = waited_ns(listing->loop, task);
  if (ns >= SHOWN_NS)
    fprintf(listing->out, ", since %.1f s", (double)ns / 1e9);
}

static void print_operation(const struct listing *listing,
                            struct ac_operation *operation) {
  const struct ac_operation_class *kind = operation->kind;
  fputs(kind->what, listing->out);
  if (kind->describe) {
    fputc(' ', listing->out);
    kind->describe(operation, listing->out);
  }
  const struct ac_future *blocker =
      kind->blocker ? kind->blocker(operation) : NULL;
  if (blocker)
    print_future(listing, ", held by", blocker);
}

static void print_line(const struct listing *listing,
                       const struct aci_node *node) {
  const struct aci_line_class *class = aci_line_class(node);
  fputs(class->what, listing->out);
  const struct ac_future *blocker =
      class->blocker ? class->blocker(aci_line_ring(node)) : NULL;
  if (blocker)
    print_future(listing, ", held by", blocker);
}

static void print_wait(const struct listing *listing,
                       const struct ac_future *task) {
  FILE *out = listing->out;
  uint32_t flags = task->node.flags;
  switch (aci_wait(&task->node)) {
  case ACI_WAIT_NONE:
    fputs(is_running(task)  ? "running"
          : flags & ACI_NEW ? "not begun"
                            : "ready",
          out);
    break;
  case ACI_WAIT_TIMER:
    print_seconds(out, listing->loop, task->node.when_ns);
    break;
  case ACI_WAIT_FUTURE:
    print_future(listing, "awaits", task->node.future);
    break;
  case ACI_WAIT_SHIELDED:
    print_future(listing, "awaits, shielded,", task->node.future);
    break;
  case ACI_WAIT_FD:
    fprintf(out, "waits for descriptor %d to be %s", task->node.fd,
            (flags & (ACI_READER | ACI_WRITER)) == (ACI_READER | ACI_WRITER)
                ? "readable or writable"
            : flags & ACI_READER ? "readable"
                                 : "writable");
    break;
  case ACI_WAIT_GROUP:
    print_group(listing, task->node.group);
    break;
  case ACI_WAIT_LINE:
    print_line(listing, &task->node);
    break;
  case ACI_WAIT_OPERATION:
    print_operation(listing, task->node.operation);
    break;
  }
  print_since(listing, task);
  if (flags & (ACI_CANCEL | ACI_FAILURE) && !(flags & ACI_NEW))
    fputs(flags & ACI_CANCEL || task->node.error == AC_ECANCELED
              ? ", being cancelled"
              : ", about to receive an error",
          out);
  else if (flags & ACI_CANCEL)
    fputs(", cancelled", out);
  print_cancellation(out, task);
  print_deadline(listing, task);
}

static void indent(const struct listing *listing, size_t by) {
  /* What is deeper than that is not read by its indentation. */
  enum { SHOWN_DEPTH = 20 };
  size_t depth = listing->depth < SHOWN_DEPTH ? listing->depth : SHOWN_DEPTH;
  fprintf(listing->out, "%*s", (int)(2 * depth + by), "");
}

static void print_frame(const struct listing *listing, const ac_frame *frame) {
  const struct ac_desc *desc = frame->desc;
  indent(listing, 4);
  fputs(desc->name, listing->out);
  if (desc->file && desc->points && frame->state &&
      frame->state <= desc->point_count)
    fprintf(listing->out, " %s:%u", desc->file,
            (unsigned)desc->points[frame->state - 1].line);
  fputc('\n', listing->out);
}

/* The frame, and before it those of a generator that it waits for. */
static void print_frames(const struct listing *listing, const ac_frame *frame) {
  for (const ac_frame *inner = aci_generator_inner(frame); inner;
       inner = inner->parent)
    print_frames(listing, inner);
  print_frame(listing, frame);
}

static void print_title(const struct listing *listing,
                        const struct ac_future *task) {
  indent(listing, 0);
  print_future(listing, "", task);
  if (task == listing->loop->main)
    fputs(" (main)", listing->out);
  fputs(": ", listing->out);
  print_wait(listing, task);
  fputc('\n', listing->out);
}

static void print_task(struct listing *listing, const struct ac_future *task) {
  listing->count++;
  print_title(listing, task);
  if (task->node.flags & ACI_NEW) {
    indent(listing, 4);
    fprintf(listing->out, "%s\n", task->thunk->name);
    return;
  }
  /* While a task runs its frames are not linked together. */
  if (!is_running(task) && !(task->node.flags & ACI_BARE))
    for (const ac_frame *frame = task->leaf.parent; frame;
         frame = frame->parent)
      print_frames(listing, frame);
}

/* ---- all of them --------------------------------------------------------- */

static void list_task(const struct ac_future *task, size_t depth, void *arg) {
  struct listing *listing = arg;
  listing->depth = depth;
  print_task(listing, task);
}

static void list_circle(const struct ac_future *const *tasks, size_t count,
                        void *arg) {
  struct listing *listing = arg;
  fputs(count > 1 ? "these wait for each other:\n"
                  : "this one waits for itself:\n",
        listing->out);
  listing->depth = 1;
  for (size_t i = 0; i < count; i++)
    print_title(listing, tasks[i]);
}

static void list_flat(struct ac_future *object, void *arg) {
  if (aci_kind(&object->node) == ACI_TASK && !(object->node.flags & ACI_DONE))
    list_task(object, 0, arg);
}

void ac_dump_tasks(FILE *out) {
  ac_loop *loop = aci_thread.loop;
  if (!loop) {
    fputs("no loop is running on this thread\n", out);
    return;
  }
  struct listing listing = {.out = out, .loop = loop};
  struct aci_waits *waits = aci_waits_new(loop);
  if (waits)
    aci_waits_tree(waits, list_task, &listing);
  else /* out of memory */
    aci_each_object(loop, list_flat, &listing);
  fprintf(out, "%zu task%s\n", listing.count, listing.count == 1 ? "" : "s");
  if (waits)
    aci_waits_circles(waits, list_circle, &listing);
  aci_waits_free(waits);
  fflush(out);
}
