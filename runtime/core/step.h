/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * step.h - one step of whatever was in the ready queue, for the loop (loop.c)
 * and for the loop that is traced (trace.c): each compiles it into itself. */
#ifndef ACI_STEP_H
#define ACI_STEP_H

#include "internal.h"

/* A task begins, or ends without having begun. */
static inline void aci_step_begin(ac_loop *loop, struct ac_future *task) {
  const struct ac_thunk *thunk = task->thunk;
  uint32_t flags = task->node.flags;
  void *payload = (char *)task + aci_payload_offset(flags);
  task->node.flags = flags & ~(ACI_NEW | ACI_CANCEL);
  ac_running = task;
  ac_frame *status = AC_LIKELY(!(flags & ACI_CANCEL))
                         ? thunk->start(payload, payload)
                         : aci_raise(AC_ECANCELED);
  aci_task_begun(loop, task, status, payload, thunk);
}

/* A step of a task that goes on with a value. running: &ac_running. */
static inline void aci_step(ac_loop *loop, struct aci_node *node,
                            struct ac_future **running) {
  ac_frame *frame = aci_of_node(node)->leaf.parent;
  *running = aci_of_node(node);
  ac_frame *parent = frame->parent;
  const struct ac_desc *desc = frame->desc;
  ac_frame *status = desc->resume(frame, NULL);
  if (AC_UNLIKELY(!aci_suspended(status)))
    aci_run_outwards(loop, *running, parent, status, desc);
  else if (!(node->flags & ACI_WAIT))
    aci_ready(loop, node);
  else
    aci_note_since(loop, aci_of_node(node));
}

static inline void aci_step_receive(ac_loop *loop, struct aci_node *node) {
  ssize_t got = ACI_TRY;
  if (AC_LIKELY((node->flags & ACI_SLOW) == ACI_READER))
    got = aci_receive_swiftly(loop, aci_of_node(node));
  if (AC_LIKELY(got >= 0)) {
    aci_step(loop, node, &ac_running);
    return;
  }
  if (!aci_receive_resume(loop, aci_of_node(node), got))
    return;
  if (AC_LIKELY(!(node->flags & ACI_SLOW)))
    aci_step(loop, node, &ac_running);
  else
    aci_task_resume(aci_of_node(node));
}

/* A task goes on with what it has been handed. */
static inline void aci_step_granted(ac_loop *loop, struct aci_node *node) {
  node->flags &= ~ACI_GRANTED;
  aci_step(loop, node, &ac_running);
}

static inline void aci_special_step(ac_loop *loop, struct aci_node *node) {
  if (AC_LIKELY(node->flags & ACI_READER))
    aci_step_receive(loop, node);
  else if (AC_LIKELY(node->flags & ACI_NEW))
    aci_step_begin(loop, aci_of_node(node));
  else if ((node->flags & ACI_SLOW) == ACI_GRANTED)
    aci_step_granted(loop, node);
  else if (node->flags & ACI_SPECIAL)
    aci_call_run(node);
  else
    aci_task_resume(aci_of_node(node));
}

#endif
