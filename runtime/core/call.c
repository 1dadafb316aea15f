/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * call.c - callbacks: soon, later, when a handle is done, and from other
 * threads. They run in the loop like tasks do, in the same queue. */
#include "internal.h"

/* ---- on this thread ------------------------------------------------------ */

static struct aci_call *call_new(void (*fn)(void *), void *arg) {
  struct aci_call *call = aci_block_new(sizeof *call);
  if (!call)
    return NULL;
  call->node.flags = ACI_CALL | ACI_SPECIAL;
  call->node.future = NULL;
  call->fn = fn;
  call->arg = arg;
  call->dropped = NULL;
  return call;
}

int ac_call_soon(void (*fn)(void *arg), void *arg) {
  ac_loop *loop = aci_thread.loop;
  if (!loop)
    return AC_EINVAL;
  struct aci_call *call = call_new(fn, arg);
  if (!call)
    return AC_ENOMEM;
  aci_ready(loop, &call->node);
  return AC_OK;
}

int aci_on_done(struct ac_future *object, void (*fn)(void *arg),
                void (*dropped)(void *arg), void *arg) {
  ac_loop *loop = aci_thread.loop;
  if (!loop || !object ||
      (aci_kind(&object->node) != ACI_TASK &&
       aci_kind(&object->node) != ACI_FUTURE))
    return AC_EINVAL;
  struct aci_call *call = call_new(fn, arg);
  if (!call)
    return AC_ENOMEM;
  call->node.future = object;
  call->dropped = dropped;
  aci_pin(object);
  if (object->node.flags & ACI_DONE)
    aci_ready(loop, &call->node);
  else
    aci_ring_append(&object->waiters, &call->node);
  return AC_OK;
}

int(ac_on_done)(AC_HANDLE handle, void (*fn)(void *arg), void *arg) {
  return aci_on_done((struct ac_future *)(uintptr_t)handle, fn, NULL, arg);
}

static ac_timer *timer_new(int64_t when_ns, int due, void (*fn)(void *),
                           void *arg) {
  ac_loop *loop = aci_thread.loop;
  struct ac_timer *timer = aci_block_new(sizeof *timer);
  if (!timer)
    return NULL;
  timer->node.flags = ACI_TIMER | ACI_SPECIAL;
  timer->node.when_ns = when_ns;
  timer->fn = fn;
  timer->arg = arg;
  if (due) {
    aci_ready(loop, &timer->node);
  } else {
    timer->node.flags |= ACI_TIMED;
    aci_wheel_add(&loop->wheel, &timer->node);
  }
  return timer;
}

ac_timer *ac_call_later(double seconds, void (*fn)(void *arg), void *arg) {
  ac_loop *loop = aci_thread.loop;
  if (!loop)
    return NULL;
  return timer_new(aci_deadline(loop, seconds), !(seconds > 0), fn, arg);
}

ac_timer *ac_call_at(int64_t when_ns, void (*fn)(void *arg), void *arg) {
  ac_loop *loop = aci_thread.loop;
  if (!loop)
    return NULL;
  return timer_new(when_ns, when_ns <= aci_clock(loop), fn, arg);
}

void ac_timer_cancel(ac_timer *timer) {
  if (!timer)
    return;
  if (timer->node.flags & ACI_TIMED) {
    aci_wheel_remove(&aci_thread.loop->wheel, &timer->node);
    aci_block_free(timer, sizeof *timer);
  } else {
    timer->fn = NULL; /* it is in the ready queue, which frees it */
  }
}

static void run_posted(struct aci_call *call) {
  void (*fn)(void *) = call->fn;
  void *arg = call->arg;
  aci_sys_free(call);
  fn(arg);
}

static void run_call(struct aci_call *call) {
  struct ac_future *object = call->node.future;
  void (*fn)(void *) = call->fn;
  void *arg = call->arg;
  aci_block_free(call, sizeof *call);
  fn(arg);
  if (!object)
    return;
  aci_unpin(object);
  aci_settle(object);
}

static void run_timer(struct ac_timer *timer) {
  void (*fn)(void *) = timer->fn;
  void *arg = timer->arg;
  aci_block_free(timer, sizeof *timer);
  if (fn)
    fn(arg);
}

void aci_call_run(struct aci_node *node) {
  if (aci_kind(node) == ACI_TASK) { /* in a cancelled scope */
    aci_task_resume(aci_of_node(node));
    return;
  }
  ac_running = NULL;
  if (aci_kind(node) == ACI_TIMER)
    run_timer((struct ac_timer *)(void *)node);
  else if (aci_kind(node) == ACI_WATCH)
    aci_watch_run(node);
  else if (node->flags & ACI_BIG)
    run_posted((struct aci_call *)(void *)node);
  else
    run_call((struct aci_call *)(void *)node);
}

/* ---- at the loop's end --------------------------------------------------- */

struct aci_end {
  struct aci_end *next;
  void (*fn)(void *arg);
  void *arg;
};

int ac_on_loop_end(void (*fn)(void *arg), void *arg) {
  ac_loop *loop = aci_thread.loop;
  if (!loop)
    return AC_EINVAL;
  struct aci_end *end = aci_block_new(sizeof *end);
  if (!end)
    return AC_ENOMEM;
  *end = (struct aci_end){loop->ends, fn, arg};
  loop->ends = end;
  return AC_OK;
}

void aci_call_ends(ac_loop *loop) {
  for (struct aci_end *end; (end = loop->ends);) {
    loop->ends = end->next;
    end->fn(end->arg);
    aci_block_free(end, sizeof *end);
  }
}

/* ---- from other threads -------------------------------------------------- */

/* Guards the list of loops and every loop's `posted`. A loop is looked up in
 * the list before it is touched, for it may have closed. */
static pthread_mutex_t loops_lock = PTHREAD_MUTEX_INITIALIZER;
ac_loop *aci_loops; /* a debugger begins here */

void aci_call_open(ac_loop *loop) {
  pthread_mutex_lock(&loops_lock);
  loop->next_loop = aci_loops;
  loop->layout = aci_layout;
  aci_loops = loop;
  pthread_mutex_unlock(&loops_lock);
}

static int is_open(const ac_loop *loop) {
  const ac_loop *open = aci_loops;
  while (open && open != loop)
    open = open->next_loop;
  return open != NULL;
}

static void drop_call(struct aci_call *call) {
  void (*dropped)(void *) = call->dropped;
  void *arg = call->arg;
  if (call->node.flags & ACI_BIG)
    aci_sys_free(call);
  if (dropped)
    dropped(arg);
}

static void free_posted(struct aci_queue *queue) {
  struct aci_node *node = queue->anchor.next;
  for (int more = !aci_queue_is_empty(queue); more;) {
    struct aci_node *next = node->next;
    more = node != queue->last;
    if (aci_kind(node) == ACI_CALL)
      drop_call((struct aci_call *)(void *)node);
    node = next;
  }
}

void aci_call_close(ac_loop *loop) {
  pthread_mutex_lock(&loops_lock);
  ac_loop **link = &aci_loops;
  while (*link && *link != loop)
    link = &(*link)->next_loop;
  if (*link)
    *link = loop->next_loop;
  pthread_mutex_unlock(&loops_lock);
  free_posted(&loop->posted);
  free_posted(&loop->ready);
}

int aci_post(ac_loop *loop, void (*fn)(void *arg), void (*dropped)(void *arg),
             void *arg) {
  struct aci_call *call =
      aci_sys_alloc(sizeof *call, _Alignof(struct aci_call));
  if (!call)
    return AC_ENOMEM;
  call->node.flags = ACI_CALL | ACI_SPECIAL | ACI_BIG;
  call->fn = fn;
  call->arg = arg;
  call->dropped = dropped;
  pthread_mutex_lock(&loops_lock);
  int open = is_open(loop);
  if (open) {
    aci_queue_push(&loop->posted, &call->node);
    aci_loop_attend(loop, ACI_POSTED);
  }
  pthread_mutex_unlock(&loops_lock);
  if (open)
    return AC_OK;
  aci_sys_free(call);
  return AC_EINVAL;
}

int ac_call_soon_threadsafe(ac_loop *loop, void (*fn)(void *arg), void *arg) {
  return aci_post(loop, fn, NULL, arg);
}

void aci_call_collect(ac_loop *loop) {
  pthread_mutex_lock(&loops_lock);
  if (!aci_queue_is_empty(&loop->posted)) {
    loop->ready.last->next = loop->posted.anchor.next;
    loop->ready.last = loop->posted.last;
    aci_queue_init(&loop->posted);
  }
  pthread_mutex_unlock(&loops_lock);
}

ac_loop *ac_current_loop(void) {
  ac_loop *loop = aci_thread.loop;
  if (loop)
    loop->exposed = 1;
  return loop;
}

int ac_hold(ac_loop *loop) {
  pthread_mutex_lock(&loops_lock);
  int open = is_open(loop);
  if (open)
    atomic_fetch_add(&loop->holds, 1);
  pthread_mutex_unlock(&loops_lock);
  return open ? AC_OK : AC_EINVAL;
}

void ac_unhold(ac_loop *loop) {
  pthread_mutex_lock(&loops_lock);
  if (is_open(loop)) {
    atomic_fetch_sub(&loop->holds, 1);
    /* It may have nothing left to wait for now. */
    aci_loop_attend(loop, ACI_POSTED);
  }
  pthread_mutex_unlock(&loops_lock);
}
