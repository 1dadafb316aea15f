/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * glib.c - a guest loop as a source of a main context. */
#include <ac/glib.h>

/* GLib allocates it, with its own part first. */
struct source {
  GSource source;
  ac_loop *guest;
  gpointer fd;
};

struct ac_glib {
  struct source *source;
};

static gboolean prepare(GSource *source, gint *timeout_ms) {
  int64_t timeout_ns = ac_loop_timeout(((struct source *)source)->guest);
  int64_t ms = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000;
  *timeout_ms = ms > G_MAXINT ? G_MAXINT : (gint)ms;
  return timeout_ns == 0;
}

static gboolean check(GSource *source) {
  struct source *self = (struct source *)source;
  return g_source_query_unix_fd(source, self->fd) ||
         ac_loop_timeout(self->guest) == 0;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer data) {
  (void)callback;
  (void)data;
  ac_loop_step(((struct source *)source)->guest);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {
    .prepare = prepare, .check = check, .dispatch = dispatch};

ac_glib *ac_glib_open(GMainContext *context) {
  ac_loop *guest = ac_loop_open();
  if (!guest)
    return NULL;
  ac_glib *glib = g_new0(ac_glib, 1);
  GSource *source = g_source_new(&functions, sizeof(struct source));
  glib->source = (struct source *)source;
  glib->source->guest = guest;
  glib->source->fd = g_source_add_unix_fd(source, ac_loop_fd(guest), G_IO_IN);
  g_source_set_name(source, "acc's tasks");
  g_source_attach(source, context);
  return glib;
}

ac_loop *ac_glib_guest(const ac_glib *glib) { return glib->source->guest; }

GSource *ac_glib_source(const ac_glib *glib) { return &glib->source->source; }

int ac_glib_close(ac_glib *glib) {
  int code = ac_loop_close(glib->source->guest);
  if (code)
    return code;
  g_source_destroy(&glib->source->source);
  g_source_unref(&glib->source->source);
  g_free(glib);
  return AC_OK;
}
