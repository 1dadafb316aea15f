/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * completed.c - handles in the order in which they end. Each has a member in
 * its future's ring of waiters from the first wait on, whether somebody waits
 * or not; so the order is that in which they ended, and the cost of each does
 * not depend on their number. A handle is given when the waiter runs, not when
 * it is woken: one that is cancelled in between has taken nothing. */
#include "internal.h"

struct completion {
  struct aci_node node;     /* in the ring of the future's waiters */
  struct ac_future *future; /* NULL: not in it */
  struct ac_completions *completions;
};

struct aci_completions {
  size_t pending;     /* in rings */
  size_t done, given; /* in the order of ending */
  int awaited;        /* a task waits, or has been woken and has not run */
  size_t bytes;
  size_t *order; /* places, `done` of them */
  struct completion members[];
};

static struct ac_future *handle(const struct ac_completions *completions,
                                size_t i) {
  return ((struct ac_future *const *)completions->handles)[i];
}

static int check(const struct ac_completions *completions) {
  for (size_t i = 0; i < completions->count; i++) {
    const struct ac_future *future = handle(completions, i);
    if (!future)
      return AC_ENOMEM;
    if (future == ac_running)
      return AC_EDEADLK;
    enum aci_kind kind = aci_kind(&future->node);
    if (kind != ACI_TASK && kind != ACI_FUTURE)
      return AC_EINVAL;
  }
  return AC_OK;
}

static struct aci_completions *state_new(size_t count) {
  struct aci_completions *state;
  size_t each = sizeof *state->members + sizeof *state->order;
  if (count > (PTRDIFF_MAX - sizeof *state) / each)
    return NULL;
  size_t bytes = sizeof *state + count * each;
  state = aci_block_new(bytes);
  if (!state)
    return NULL;
  *state = (struct aci_completions){
      .bytes = bytes, .order = (size_t *)(void *)(state->members + count)};
  return state;
}

static void leave(struct completion *member) {
  aci_ring_remove(&member->future->waiters, &member->node);
  member->future = NULL;
}

/* Every future gets its member, a done one too, at the ring's end: where a
 * second one of the same future finds it. */
static void link_all(struct ac_completions *completions) {
  struct aci_completions *state = completions->state;
  for (size_t i = 0; i < completions->count; i++) {
    struct completion *member = &state->members[i];
    struct ac_future *future = handle(completions, i);
    struct aci_node *last = future->waiters ? future->waiters->prev : NULL;
    member->node.flags = ACI_COMPLETION;
    member->completions = completions;
    member->future = NULL;
    if (last && aci_kind(last) == ACI_COMPLETION &&
        ((struct completion *)(void *)last)->completions == completions)
      continue;
    member->future = future;
    aci_ring_append(&future->waiters, &member->node);
  }
}

static void begin(struct ac_completions *completions) {
  struct aci_completions *state = completions->state;
  link_all(completions);
  for (size_t i = 0; i < completions->count; i++) {
    struct completion *member = &state->members[i];
    if (!member->future)
      continue;
    if (member->future->node.flags & ACI_DONE) {
      leave(member);
      state->order[state->done++] = i;
    } else {
      state->pending++;
    }
  }
}

void aci_completion_done(struct aci_node *node) {
  struct completion *member = (struct completion *)(void *)node;
  struct ac_completions *completions = member->completions;
  struct aci_completions *state = completions->state;
  member->future = NULL;
  state->pending--;
  state->order[state->done++] = (size_t)(member - state->members);
  if (completions->waiting.task)
    ac_operation_wake(&completions->waiting, AC_OK);
}

/* ---- waiting ------------------------------------------------------------- */

static int withdraw(struct ac_operation *operation) {
  (void)operation;
  return 1;
}

static void describe(const struct ac_operation *operation, FILE *out) {
  const struct ac_completions *completions =
      (const struct ac_completions *)(const void *)operation;
  fprintf(out, "%zu", completions->state->pending);
}

static const struct ac_operation_class next_class = {
    .what = "waits for the next to end of",
    .withdraw = withdraw,
    .describe = describe};

static ac_frame *give(size_t *ret, struct ac_completions *completions) {
  struct aci_completions *state = completions->state;
  *ret = state->given < state->done ? state->order[state->given++] : SIZE_MAX;
  return NULL;
}

static ac_frame *resume(ac_frame *self, ac_frame *status) {
  struct ac_completions *completions =
      *(struct ac_completions **)(void *)(self + 1);
  completions->state->awaited = 0;
  if (status != AC_RAISED)
    status = give(self->ret, completions);
  ac_frame_free(self);
  return status;
}

static const struct ac_desc next_desc = {.resume = resume,
                                         .name = "ac_completions_next",
                                         .frame_bytes =
                                             sizeof(ac_frame) + sizeof(void *),
                                         .frame_align = _Alignof(ac_frame)};

AC_API ac_frame *ac_completions_next__ac(size_t *ret,
                                         struct ac_completions *completions);
ac_frame *ac_completions_next__ac(size_t *ret,
                                  struct ac_completions *completions) {
  if (!completions->state) {
    int code = check(completions);
    if (!code && !(completions->state = state_new(completions->count)))
      code = AC_ENOMEM;
    if (code)
      return aci_raise(code);
    begin(completions);
  }
  struct aci_completions *state = completions->state;
  if (state->awaited)
    return aci_raise(AC_EBUSY);
  if (state->given < state->done || !state->pending)
    return give(ret, completions);
  ac_frame *frame = ac_frame_new(&next_desc);
  if (!frame)
    return aci_raise(AC_ENOMEM);
  *(struct ac_completions **)(void *)(frame + 1) = completions;
  completions->waiting.kind = &next_class;
  state->awaited = 1;
  return ac_suspend(frame, 1, ac_operation_suspend(&completions->waiting),
                    NULL);
}

void ac_completions_end(struct ac_completions *completions) {
  struct aci_completions *state = completions->state;
  if (!state)
    return;
  for (size_t i = 0; state->pending; i++) {
    struct ac_future *future = state->members[i].future;
    if (!future)
      continue;
    leave(&state->members[i]);
    state->pending--;
    aci_settle(future);
  }
  completions->state = NULL;
  aci_block_free(state, state->bytes);
}
