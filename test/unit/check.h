/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * check.h - for tests of the runtime in plain C: CHECK, and macros that spell
 * async functions in their lowered form. Each makes its frame on every call,
 * which the ABI allows as much as making it on suspension.
 *
 *   struct twice {            locals; `arg` is the one parameter
 *     ac_frame frame;
 *     int arg, y;
 *   };
 *   ASYNC(twice, int, int) {                      int twice(int arg)
 *     BEGIN(twice);
 *     AWAIT(1, once__ac(&f->y, f->arg), &f->y);   f->y = await once(f->arg)
 *     RETURN(int, 2 * f->y);
 *     END;
 *   }
 *
 * The number of an await is its state; no two of a function are the same. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__,         \
              #condition);                                                     \
      abort();                                                                 \
    }                                                                          \
  } while (0)

/* No argument, or no result: 0 bytes, for the runtime. */
typedef struct none {
  char nothing[1];
} none;
#define NONE ((none){{0}})
#define BYTES_OF(T) (_Generic((T *)0, none * : 0, default : sizeof(T)))

#define ASYNC(function, R, A)                                                  \
  static ac_frame *function##_resume(ac_frame *self, ac_frame *status);        \
  static const struct ac_point function##_points[] = {                         \
      {101}, {102}, {103}, {104}, {105}, {106}, {107}, {108}, {109}};          \
  static const struct ac_desc function##_desc = {                              \
      function##_resume,        #function, "test.ac",                          \
      function##_points,        9,         sizeof(struct function),            \
      _Alignof(struct function)};                                              \
  __attribute__((unused)) static ac_frame *function##__ac(void *ret, A arg) {  \
    struct function *f = (void *)ac_frame_new(&function##_desc);               \
    if (!f)                                                                    \
      return ac_raise_error(AC_ENOMEM);                                        \
    f->arg = arg;                                                              \
    f->frame.ret = ret;                                                        \
    return function##_resume(&f->frame, NULL);                                 \
  }                                                                            \
  __attribute__((unused)) static ac_frame *function##_start(void *ret,         \
                                                            void *args) {      \
    A arg;                                                                     \
    memset(&arg, 0, sizeof arg);                                               \
    memcpy(&arg, args, BYTES_OF(A));                                           \
    return function##__ac(ret, arg);                                           \
  }                                                                            \
  __attribute__((unused)) static const struct ac_thunk function##_thunk = {    \
      function##_start, #function, BYTES_OF(A), BYTES_OF(R),                   \
      _Alignof(A) > _Alignof(R) ? _Alignof(A) : _Alignof(R)};                  \
  __attribute__((unused)) static struct ac_future *function##_spawn(A arg) {   \
    return ac_spawn(&function##_thunk, &arg);                                  \
  }                                                                            \
  static ac_frame *function##_resume(ac_frame *self, ac_frame *status)

#define BEGIN(function)                                                        \
  struct function *f = (void *)self;                                           \
  (void)f;                                                                     \
  (void)status;                                                                \
  switch (self->state) {                                                       \
  case 0:

#define END                                                                    \
  }                                                                            \
  ac_frame_free(self);                                                         \
  return NULL

/* Leaves status as the callee ended. */
#define SUSPEND(number, call, result)                                          \
  status = (call);                                                             \
  if (aci_suspended(status))                                                   \
    return ac_suspend(self, number, status, result);                           \
  __attribute__((fallthrough));                                                \
  case number:

#define AWAIT(number, call, result)                                            \
  SUSPEND(number, call, result)                                                \
  if (status == AC_RAISED) {                                                   \
    ac_frame_free(self);                                                       \
    return AC_RAISED;                                                          \
  }

/* error = ac_try(await call) */
#define TRY(error, number, call, result)                                       \
  SUSPEND(number, call, result)                                                \
  (error) = status == AC_RAISED ? ac_take_error() : 0;

#define RETURN(R, value)                                                       \
  do {                                                                         \
    *(R *)self->ret = (value);                                                 \
    ac_frame_free(self);                                                       \
    return NULL;                                                               \
  } while (0)

#define RAISE(code)                                                            \
  do {                                                                         \
    int raised = (code);                                                       \
    ac_frame_free(self);                                                       \
    return ac_raise_error(raised);                                             \
  } while (0)

/* Runs `function(arg)` to its end. */
#define RUN(function, arg, result) ac_run_thunk(&function##_thunk, arg, result)

/* What happened, in order: "a b c". */
static char log_text[4096];
__attribute__((unused)) static void log_clear(void) { log_text[0] = 0; }
__attribute__((unused)) static void log_add(const char *word) {
  size_t used = strlen(log_text);
  CHECK(used + strlen(word) + 2 < sizeof log_text);
  if (used)
    log_text[used++] = ' ';
  strcpy(log_text + used, word);
}
__attribute__((unused)) static void log_number(long number) {
  char word[32];
  snprintf(word, sizeof word, "%ld", number);
  log_add(word);
}
#define CHECK_LOG(expected)                                                    \
  do {                                                                         \
    if (strcmp(log_text, expected) != 0) {                                     \
      fprintf(stderr, "%s:%d: log is '%s', expected '%s'\n", __FILE__,         \
              __LINE__, log_text, expected);                                   \
      abort();                                                                 \
    }                                                                          \
    log_clear();                                                               \
  } while (0)

/* Errors that nobody received. */
static int reported_count;
static int reported_code;
__attribute__((unused)) static void
on_report(const char *what, const char *task_name, int code, void *arg) {
  (void)what;
  (void)task_name;
  (void)arg;
  reported_count++;
  reported_code = code;
}

#endif
