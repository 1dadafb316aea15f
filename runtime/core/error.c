/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * error.c - names of errors, and the handler for those that nobody else can
 * receive. */
#define _GNU_SOURCE
#include "internal.h"

#include <netdb.h>
#include <stdatomic.h>

/* Added at the head, by any thread, and never taken out. */
static struct ac_error_names *_Atomic libraries;

void ac_add_error_names(struct ac_error_names *names) {
  names->next = libraries;
  while (!atomic_compare_exchange_weak(&libraries, &names->next, names))
    ;
}

static const char *library_name(int code) {
  for (const struct ac_error_names *names = libraries; names;
       names = names->next) {
    const char *text =
        code >= names->first && code <= names->last ? names->name(code) : NULL;
    if (text)
      return text;
  }
  return NULL;
}

const char *ac_strerror(int code) {
  switch (code) {
  case AC_OK:
    return "no error";
  case AC_ECANCELED:
    return "cancelled";
  case AC_ETIMEDOUT:
    return "timed out";
  case AC_EDEADLK:
    return "would wait for ever";
  case AC_ENOMEM:
    return "out of memory";
  case AC_ECLOSED:
    return "closed";
  case AC_EABORTED:
    return "called off";
  default:
    break;
  }
  if (code < 0 && code > -4096) {
#if defined(__GLIBC__)
    const char *text = strerrordesc_np(-code);
#else
    const char *text = strerror(-code);
#endif
    if (text)
      return text;
  }
  if (code < AC_EAI(0) && code > AC_EAI(-1000))
    return gai_strerror(code - AC_EAI(0));
  const char *text = library_name(code);
  return text ? text : "error of the program's own";
}

void ac_set_error_handler(ac_error_handler *handler, void *arg) {
  aci_thread.error_handler = handler;
  aci_thread.error_arg = arg;
}

void aci_report(const char *what, const char *task_name, int code) {
  if (aci_thread.error_handler) {
    aci_thread.error_handler(what, task_name, code, aci_thread.error_arg);
    return;
  }
  fprintf(stderr, "%s%s%s: error %d (%s)\n", task_name ? task_name : "",
          task_name ? ": " : "", what, code, ac_strerror(code));
  if (code == AC_EDEADLK && aci_thread.loop)
    ac_dump_tasks(stderr);
}

void aci_report_unseen(struct ac_future *object) {
  if ((object->node.flags & ACI_SEEN) || object->node.error == AC_ECANCELED)
    return;
  object->node.flags |= ACI_SEEN;
  aci_report(aci_kind(&object->node) == ACI_TASK
                 ? "a task ended with an error that nobody received"
                 : "a future ended with an error that nobody received",
             aci_task_name(object), object->node.error);
}
