/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * uv.c - a guest loop driven by libuv's handles: one that looks at the guest's
 * timeout before the host blocks, a timer for that, and one for the guest's
 * descriptor. */
#include <ac/uv.h>

#include <stdlib.h>

enum { HANDLES = 3 };

struct ac_uv {
  uv_loop_t *host;
  ac_loop *guest;
  uv_prepare_t prepare;
  uv_timer_t timer;
  uv_poll_t poll;
  int open; /* handles */
};

static void on_closed(uv_handle_t *handle) {
  ac_uv *uv = handle->data;
  if (!--uv->open)
    free(uv);
}

static void close_handles(ac_uv *uv) {
  uv_handle_t *handles[HANDLES] = {(uv_handle_t *)&uv->prepare,
                                   (uv_handle_t *)&uv->timer,
                                   (uv_handle_t *)&uv->poll};
  for (int i = 0; i < HANDLES; i++) {
    if (!handles[i]->data)
      continue; /* was not made */
    uv->open++;
    uv_close(handles[i], on_closed);
  }
  if (!uv->open)
    free(uv);
}

static void on_timer(uv_timer_t *timer) {
  ac_loop_step(((ac_uv *)timer->data)->guest);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  ac_loop_step(((ac_uv *)poll->data)->guest);
}

/* The host is about to block. */
static void on_prepare(uv_prepare_t *prepare) {
  ac_uv *uv = prepare->data;
  int64_t timeout_ns = ac_loop_timeout(uv->guest);
  if (timeout_ns < 0)
    uv_timer_stop(&uv->timer);
  else
    uv_timer_start(&uv->timer, on_timer,
                   (uint64_t)(timeout_ns + 999999) / 1000000, 0);
  if (ac_loop_tasks(uv->guest))
    uv_ref((uv_handle_t *)&uv->poll);
  else
    uv_unref((uv_handle_t *)&uv->poll);
}

static int open_handles(ac_uv *uv) {
  if (uv_prepare_init(uv->host, &uv->prepare))
    return AC_ENOMEM;
  uv->prepare.data = uv;
  if (uv_timer_init(uv->host, &uv->timer))
    return AC_ENOMEM;
  uv->timer.data = uv;
  int code = uv_poll_init(uv->host, &uv->poll, ac_loop_fd(uv->guest));
  if (code)
    return code;
  uv->poll.data = uv;
  /* The descriptor stands for the tasks, which keep the host running. */
  uv_unref((uv_handle_t *)&uv->prepare);
  uv_unref((uv_handle_t *)&uv->timer);
  code = uv_prepare_start(&uv->prepare, on_prepare);
  return code ? code : uv_poll_start(&uv->poll, UV_READABLE, on_poll);
}

ac_uv *ac_uv_open(uv_loop_t *host) {
  ac_loop *guest = ac_loop_open();
  if (!guest)
    return NULL;
  ac_uv *uv = calloc(1, sizeof *uv);
  if (!uv) {
    ac_loop_close(guest);
    return NULL;
  }
  uv->host = host;
  uv->guest = guest;
  if (open_handles(uv)) {
    close_handles(uv);
    ac_loop_close(guest);
    return NULL;
  }
  return uv;
}

ac_loop *ac_uv_guest(const ac_uv *uv) { return uv->guest; }

int ac_uv_run(ac_uv *uv, uv_run_mode mode) {
  uv_ref((uv_handle_t *)&uv->poll);
  return uv_run(uv->host, mode);
}

int ac_uv_close(ac_uv *uv) {
  /* libuv is to let go of the descriptor before it is closed. */
  uv_poll_stop(&uv->poll);
  int code = ac_loop_close(uv->guest);
  if (code) {
    uv_poll_start(&uv->poll, UV_READABLE, on_poll);
    return code;
  }
  close_handles(uv);
  return AC_OK;
}
