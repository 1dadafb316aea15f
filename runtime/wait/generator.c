/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * generator.c - functions that hand values over, one at a time, to whoever asks
 * for the next, in whose task they run.
 *
 * A generator's frames are a chain of their own. ac_next runs the innermost of
 * them and, as the loop does for a task, outwards from there, until one
 * suspends. If that is for a value to be taken, the chain stays where it is
 * (hanging from generator->yield), and ac_next has not been suspended at all.
 * If the task has to wait, the generator's chain is put aside, and the task's
 * leaf is given a frame (generator->next) from which the consumer's chain goes
 * on:
 *
 *   handing over:  yield <- g <- ... <- outermost      (the consumer runs)
 *   waiting:       leaf <- next <- consumer <- ...
 *                  inner: g <- ... <- outermost
 *
 * When the task is woken, `next` runs the chain again. Neither the loop nor
 * other operations know of any of this.
 *
 * Asking and handing over stand in generator.h, as far as nothing else
 * happens. */
#include "internal.h"

/* BEGUN: running, waiting, or, while its yield has a parent, handing over. */
enum { NONE, NEW, BEGUN, ENDED };
enum { CLOSE = 1, EXIT }; /* generator->closing: what for */
/* generator->refusing: closing, and one for each scope that it is in. */
enum { REFUSE_CLOSING = 1 << 16 };

#undef ac_generator_next__ac
#undef ac_generator_yield__ac

/* The innermost that runs, for the task that is running. */
__thread struct ac_generator *ac_generating;

static ac_frame *go_on(ac_frame *self, ac_frame *status);

static const struct ac_desc next_desc = {.resume = go_on,
                                         .name = "ac_next",
                                         .frame_bytes = sizeof(ac_frame),
                                         .frame_align = _Alignof(ac_frame)};

static struct ac_generator *of_frame(ac_frame *next) {
  return (struct ac_generator *)(void *)((char *)next -
                                         offsetof(struct ac_generator, next));
}

const ac_frame *aci_generator_inner(const ac_frame *frame) {
  return frame->desc == &next_desc
             ? of_frame((ac_frame *)(uintptr_t)frame)->inner
             : NULL;
}

/* ---- running it ---------------------------------------------------------- */

static void enter(struct ac_generator *generator) {
  generator->below = ac_generating;
  ac_generating = generator;
}

/* From the frame that goes on with `status`, outwards. */
static ac_frame *run(ac_frame *frame, ac_frame *status) {
  while (frame) {
    ac_frame *parent = frame->parent;
    status = frame->desc->resume(frame, status);
    if (aci_suspended(status))
      break;
    frame = parent;
  }
  return status;
}

/* It has ended, and was to be closed. */
static ac_frame *closed(int *ret, struct ac_generator *generator,
                        ac_frame *status) {
  int code = status == AC_RAISED ? ac_take_error() : AC_OK;
  if (code == AC_ECLOSED)
    code = AC_OK;
  if (generator->closing == EXIT)
    *ret = code ? code : generator->error;
  else if (code)
    return aci_raise(code);
  return NULL;
}

/* What has become of it, as ac_next or the close returns it. */
static ac_frame *leave(int *ret, struct ac_generator *generator,
                       ac_frame *status) {
  ac_generating = generator->below;
  if (generator->yield.parent) {
    *ret = 1;
    return NULL;
  }
  if (aci_suspended(status)) {
    ac_frame *leaf = &ac_running->leaf;
    generator->inner = leaf->parent;
    leaf->parent = &generator->next;
    generator->next.desc = &next_desc;
    return &generator->next;
  }
  generator->state = ENDED;
  if (generator->closing)
    return closed(ret, generator, status);
  *ret = 0;
  return status;
}

/* The task that waited in it goes on. */
static ac_frame *go_on(ac_frame *self, ac_frame *status) {
  struct ac_generator *generator = of_frame(self);
  int *ret = self->ret;
  enter(generator);
  return leave(ret, generator, run(generator->inner, status));
}

static ac_frame *begin(struct ac_generator *generator) {
  struct ac_coro *coro = generator->coro;
  generator->coro = NULL;
  ac_frame *status = ac_await_coro(NULL, coro);
  if (aci_suspended(status)) { /* the outermost */
    status->parent = NULL;
    status->ret = NULL;
  }
  return status;
}

/* ---- the consumer -------------------------------------------------------- */

int(ac_generator_begin)(struct ac_generator *generator, AC_CORO_HANDLE coro) {
  memset(generator, 0, sizeof *generator);
  generator->state = NEW;
  generator->coro = (void *)(uintptr_t)coro;
  return coro ? AC_OK : AC_ENOMEM;
}

ac_frame *ac_generator_left(int *ret, struct ac_generator *generator,
                            ac_frame *parent, ac_frame *status) {
  if (!aci_suspended(status))
    status = run(parent, status);
  return leave(ret, generator, status);
}

ac_frame *ac_generator_next__ac(int *ret, struct ac_generator *generator,
                                void *to) {
  if (generator->yield.parent)
    return ac_generator_ask(ret, generator, to);
  if (generator->state == ENDED) {
    *ret = 0;
    return NULL;
  }
  if (generator->state != NEW)
    return aci_raise(generator->state == NONE ? AC_EINVAL : AC_EBUSY);
  generator->state = BEGUN;
  generator->to = to;
  enter(generator);
  return leave(ret, generator, begin(generator));
}

static ac_frame *shut(int *ret, struct ac_generator *generator, int how) {
  ac_frame *frame = generator->yield.parent;
  if (generator->state == BEGUN && !frame)
    return aci_raise(AC_EBUSY);
  generator->closing = how;
  if (frame) {
    generator->yield.parent = NULL;
    generator->refusing |= REFUSE_CLOSING;
    enter(generator);
    return leave(ret, generator, run(frame, aci_raise(AC_ECLOSED)));
  }
  if (generator->state == NEW) {
    (ac_coro_drop)(generator->coro);
    generator->state = ENDED;
  }
  return closed(ret, generator, NULL);
}

AC_API ac_frame *ac_generator_end__ac(void *ret,
                                      struct ac_generator *generator);
ac_frame *ac_generator_end__ac(void *ret, struct ac_generator *generator) {
  return shut(ret, generator, CLOSE);
}

int ac_generator_enter(struct ac_generator *generator) {
  return generator->state == NEW && !generator->coro ? AC_ENOMEM : AC_OK;
}

ac_frame *ac_generator_exit(int *ret, struct ac_generator *generator,
                            int error) {
  generator->error = error;
  ac_frame *status = shut(ret, generator, EXIT);
  if (status != AC_RAISED)
    return status;
  *ret = ac_take_error();
  return NULL;
}

/* ---- the generator ------------------------------------------------------- */

ac_frame *ac_generator_yield__ac(void *ret, const volatile void *out,
                                 const void *item, size_t bytes) {
  struct ac_generator *generator = (struct ac_generator *)(uintptr_t)out;
  if (generator != ac_generating)
    return aci_raise(AC_EINVAL);
  if (generator->refusing)
    return aci_raise(generator->closing ? AC_ECLOSED : AC_EINVAL);
  return ac_generator_hand(ret, out, item, bytes);
}

int aci_generator_unyield(const ac_frame *callee, ac_frame **innermost) {
  struct ac_generator *generator = ac_generating;
  if (!generator || (callee != &generator->yield && !generator->yield.parent))
    return 0;
  *innermost = generator->yield.parent;
  generator->yield.parent = NULL;
  return 1;
}
