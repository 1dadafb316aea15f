/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * glib.h - tasks as guests of a GLib main context: component glib, acc::glib.
 */
#ifndef AC_GLIB_H
#define AC_GLIB_H

#include <glib.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The thread's loop, opened as a guest (ac_loop_open in adapt.h), and the
 * source that drives it from `context`, which is the thread's; NULL: the
 * default one. Callbacks of GLib create tasks and set futures as they like.
 * NULL: ac_run_error() tells. */
typedef struct ac_glib ac_glib;
AC_API ac_glib *ac_glib_open(GMainContext *context);
AC_API ac_loop *ac_glib_guest(const ac_glib *glib);
/* For g_source_set_priority and the like. */
AC_API GSource *ac_glib_source(const ac_glib *glib);

/* ac_loop_close, and destroys the source. Not from inside of a task:
 * AC_EBUSY. */
AC_API int ac_glib_close(ac_glib *glib);

#ifdef __cplusplus
}
#endif
#endif
