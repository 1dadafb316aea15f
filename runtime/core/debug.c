/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * debug.c - the listing of all tasks: for each its state and what it waits
 * for, then its chain of awaits, innermost first, as `function file:line`,
 * from the descriptors of its frames. */
#include "internal.h"

#include <time.h>

/* ---- listing ------------------------------------------------------------- */

struct listing {
  FILE *out;
  ac_loop *loop;
  size_t count;
};

static void print_seconds(FILE *out, const ac_loop *loop, int64_t when_ns) {
  if (when_ns == INT64_MAX) {
    fputs("sleeps for ever", out);
    return;
  }
  int64_t left_ns = when_ns - aci_clock(loop);
  fprintf(out, "sleeps for another %.3f s",
          left_ns > 0 ? (double)left_ns / 1e9 : 0.0);
}

static void print_future(const struct listing *listing, const char *how,
                         const struct ac_future *future) {
  const char *kind = aci_kind(&future->node) == ACI_TASK ? "task" : "future";
  fprintf(listing->out, "%s %s %zu", how, kind,
          aci_object_number(listing->loop, future));
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

static void print_operation(const struct listing *listing,
                            struct ac_operation *operation) {
  const struct ac_operation_class *class = operation->class;
  fputs(class->what, listing->out);
  if (class->describe) {
    fputc(' ', listing->out);
    class->describe(operation, listing->out);
  }
  const struct ac_future *blocker =
      class->blocker ? class->blocker(operation) : NULL;
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
  case ACI_WAIT_EVENT:
    fputs("waits for an event", out);
    break;
  case ACI_WAIT_OPERATION:
    print_operation(listing, task->node.operation);
    break;
  }
  if (flags & (ACI_CANCEL | ACI_FAILURE) && !(flags & ACI_NEW))
    fputs(flags & ACI_CANCEL || task->node.error == AC_ECANCELED
              ? ", being cancelled"
              : ", about to receive an error",
          out);
  else if (flags & ACI_CANCEL)
    fputs(", cancelled", out);
  print_cancellation(out, task);
}

static void print_frame(FILE *out, const ac_frame *frame) {
  const struct ac_desc *desc = frame->desc;
  fprintf(out, "  %s", desc->name);
  if (desc->file && desc->points && frame->state &&
      frame->state <= desc->point_count)
    fprintf(out, " %s:%u", desc->file,
            (unsigned)desc->points[frame->state ? frame->state - 1 : 0].line);
  fputc('\n', out);
}

static void print_task(struct ac_future *task, void *arg) {
  struct listing *listing = arg;
  FILE *out = listing->out;
  if (aci_kind(&task->node) != ACI_TASK || (task->node.flags & ACI_DONE))
    return;
  listing->count++;
  const struct aci_extra *extra = aci_extra(task);
  fprintf(out, "task %zu", aci_object_number(listing->loop, task));
  if (extra && extra->name)
    fprintf(out, " '%s'", extra->name);
  if (task == listing->loop->main)
    fputs(" (main)", out);
  fputs(": ", out);
  print_wait(listing, task);
  fputc('\n', out);
  if (task->node.flags & ACI_NEW) {
    fprintf(out, "  %s\n", task->thunk->name);
    return;
  }
  /* While a task runs its frames are not linked together. */
  if (!is_running(task) && !(task->node.flags & ACI_BARE))
    for (const ac_frame *frame = task->leaf.parent; frame;
         frame = frame->parent)
      print_frame(out, frame);
}

void ac_dump_tasks(FILE *out) {
  ac_loop *loop = aci_thread.loop;
  if (!loop) {
    fputs("no loop is running on this thread\n", out);
    return;
  }
  struct listing listing = {.out = out, .loop = loop};
  aci_each_object(loop, print_task, &listing);
  fprintf(out, "%zu task%s\n", listing.count, listing.count == 1 ? "" : "s");
  fflush(out);
}
