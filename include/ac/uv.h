/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * uv.h - tasks as guests of a libuv loop: component uv, acc::uv. */
#ifndef AC_UV_H
#define AC_UV_H

#include <uv.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The thread's loop, opened as a guest of `host` (ac_loop_open in adapt.h), and
 * the handles that drive it from there. Callbacks of libuv create tasks and set
 * futures as they like. The host runs on while a task is left. NULL:
 * ac_run_error() tells. */
typedef struct ac_uv ac_uv;
AC_API ac_uv *ac_uv_open(uv_loop_t *host);
AC_API ac_loop *ac_uv_guest(const ac_uv *uv);

/* uv_run, which also heeds tasks that were created while the host stood
 * still; uv_run by itself returns at once when nothing but those is left. */
AC_API int ac_uv_run(ac_uv *uv, uv_run_mode mode);

/* ac_loop_close, and closes the handles; the host lets go of them in its next
 * turn. Not from inside of a task: AC_EBUSY. */
AC_API int ac_uv_close(ac_uv *uv);

#ifdef __cplusplus
}
#endif
#endif
