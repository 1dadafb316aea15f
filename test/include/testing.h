/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * testing.h - what the language tests share. A test defines
 *
 *     async void scenario(void) { ... }
 *
 * and this header gives it things to await, a trace, counted resources, and
 * main. Whether an awaited leaf suspends is decided by AC_TEST_MODE:
 *
 *   0  ready      leaves return at once
 *   1  pending    every leaf really suspends, by a yield
 *   2  mixed      ready, yield and a timer, by turns
 *   3  cancelled  every leaf suspends. The scenario runs once as it is, and
 *                 then once for each of its suspensions, cancelled there:
 *                 silently, but each run must release all that it acquired
 *
 * What a scenario prints is the same in every mode. With AC_TEST_ERASED (or
 * erased.h included first) the file is plain C, its twin.
 *
 * The leaves are written against the ABI by hand: so they work in a header,
 * and a defect of the compiler cannot hide in them. */
#ifndef AC_TESTING_H
#define AC_TESTING_H

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef AC_TEST_MODE
#define AC_TEST_MODE test_mode()
#endif

#if defined(AC_TEST_ERASED)
#include "erased.h"
#else
#include <ac/ac.h>
#endif

/* Tests of several files share these definitions. */
#define TEST_SHARED __attribute__((weak))

/* The mode is the environment's, so that one program serves all of them. */
static inline int test_mode(void) {
  static int mode = -1;
  if (mode < 0) {
    const char *text = getenv("AC_TEST_MODE");
    mode = text ? atoi(text) : 0;
  }
  return mode;
}

/* ---- values to await ---------------------------------------------------- */

enum color { RED, GREEN = 5, BLUE = -3 };
struct pair {
  int x, y;
};
struct big {
  int a[24];
};
union number {
  int i;
  float f;
};
__extension__ typedef __int128 int128;
typedef double _Complex complex_double;
typedef int vector4 __attribute__((vector_size(16)));

/* Every leaf: its name, and its type of argument and result. */
#define TEST_LEAVES(X)                                                         \
  X(val, int)                                                                  \
  X(val_char, char)                                                            \
  X(val_uchar, unsigned char)                                                  \
  X(val_short, short)                                                          \
  X(val_unsigned, unsigned)                                                    \
  X(val_long, long)                                                            \
  X(val_ull, unsigned long long)                                               \
  X(val_size, size_t)                                                          \
  X(val_float, float)                                                          \
  X(val_double, double)                                                        \
  X(val_ldouble, long double)                                                  \
  X(val_complex, complex_double)                                               \
  X(val_int128, int128)                                                        \
  X(val_bool, _Bool)                                                           \
  X(val_color, enum color)                                                     \
  X(val_pair, struct pair)                                                     \
  X(val_big, struct big)                                                       \
  X(val_number, union number)                                                  \
  X(val_vector, vector4)                                                       \
  X(val_ptr, void *)                                                           \
  X(val_intp, int *)                                                           \
  X(val_pairp, struct pair *)                                                  \
  X(val_str, const char *)

/* Gives its argument back, perhaps after a suspension. val(n) leaves " an" in
 * the trace; the others leave nothing. */
#define TEST_DECLARE(name, T) _Async T name(T value);
TEST_LEAVES(TEST_DECLARE)
#undef TEST_DECLARE

/* Leaves " tn" in the trace. */
_Async void tick(int n);
/* Counts up *p by n after the suspension, and gives the new value. */
_Async int bump(int *p, int n);
/* Leaves " an", then sets *p to n before it ends. */
_Async int put(int *p, int n);

#if !defined(AC_TEST_ERASED)
/* Ends with the error. */
_Async int fail(int code);
#endif

/* Gives its argument back; leaves " sn" in the trace. */
int side(int n);
/* The same for a pointer, naming it in the trace. */
void *side_ptr(void *p, const char *name);

/* ---- trace -------------------------------------------------------------- */

/* Appends a space and the text to the trace. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define TRACE(...) note(__VA_ARGS__)
/* Prints `name:trace = value`, or `name:trace`, and empties the trace. */
void show(const char *name, long long value);
void show_trace(const char *name);
/* printf that is silent while the test is being cancelled. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Compares; prints both and fails the test when they differ. */
#define EXPECT(condition)                                                      \
  ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, #condition))
void test_fail(const char *file, int line, const char *what);

/* ---- resources ---------------------------------------------------------- */

/* Counted: what is acquired has to be released, once, in every run. Both
 * leave their name in the trace, as " +name" and " -name". */
void *acquire(const char *name);
void release(void *resource);
/* For __attribute__((cleanup(release_var))). */
void release_var(void *pointer_to_resource);
#define RESOURCE __attribute__((cleanup(release_var))) void *

/* ---- definitions, for the C compiler alone ------------------------------ */

#if !defined(__ACC__)

struct test_resource {
  char name[32];
  int live;
};

struct test_state {
  char trace[8192];
  size_t trace_length;
  int silent;
  int failed;
  int live; /* resources acquired and not released */
  unsigned suspensions, cancel_at;
  struct ac_future *root;
};
TEST_SHARED struct test_state test_state;

TEST_SHARED void test_fail(const char *file, int line, const char *what) {
  test_state.failed = 1;
  fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
}

TEST_SHARED void note(const char *format, ...) {
  struct test_state *s = &test_state;
  size_t room = sizeof s->trace - s->trace_length;
  va_list args;
  va_start(args, format);
  if (room > 2) {
    s->trace[s->trace_length++] = ' ';
    int n = vsnprintf(s->trace + s->trace_length, room - 1, format, args);
    if (n > 0)
      s->trace_length += (size_t)n < room - 2 ? (size_t)n : room - 2;
  }
  va_end(args);
}

TEST_SHARED void say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (!test_state.silent)
    vprintf(format, args);
  va_end(args);
}

TEST_SHARED void show_trace(const char *name) {
  test_state.trace[test_state.trace_length] = 0;
  test_state.trace_length = 0;
  say("%s:%s\n", name, test_state.trace);
}

TEST_SHARED void show(const char *name, long long value) {
  test_state.trace[test_state.trace_length] = 0;
  test_state.trace_length = 0;
  say("%s:%s = %lld\n", name, test_state.trace, value);
}

TEST_SHARED int side(int n) {
  note("s%d", n);
  return n;
}

TEST_SHARED void *side_ptr(void *p, const char *name) {
  note("%s", name);
  return p;
}

TEST_SHARED void *acquire(const char *name) {
  struct test_resource *r = malloc(sizeof *r);
  if (!r)
    abort();
  snprintf(r->name, sizeof r->name, "%s", name);
  r->live = 1;
  test_state.live++;
  note("+%s", name);
  return r;
}

TEST_SHARED void release(void *resource) {
  struct test_resource *r = (struct test_resource *)resource;
  if (!r)
    return;
  note("-%s", r->name);
  test_state.live--;
  free(r); /* a second release is for the address sanitizer to find */
}

TEST_SHARED void release_var(void *pointer_to_resource) {
  release(*(void **)pointer_to_resource);
}

static inline int test_int_at(const void *value) {
  int number;
  memcpy(&number, value, sizeof number);
  return number;
}

#define TEST_TRACE_LEAF(name, value)                                           \
  (sizeof #name == sizeof "val" ? note("a%d", test_int_at(&(value)))           \
                                : (void)0)

#if defined(AC_TEST_ERASED)

#define TEST_DEFINE(name, T)                                                   \
  TEST_SHARED T name(T value) {                                                \
    TEST_TRACE_LEAF(name, value);                                              \
    return value;                                                              \
  }
TEST_LEAVES(TEST_DEFINE)

TEST_SHARED void tick(int n) { note("t%d", n); }
TEST_SHARED int bump(int *p, int n) { return *p += n; }
TEST_SHARED int put(int *p, int n) {
  note("a%d", n);
  return *p = n;
}

#else

ac_frame *ac_yield__ac(void *ret);
ac_frame *ac_sleep__ac(void *ret, double seconds);

TEST_SHARED void test_cancel(void *unused) {
  (void)unused;
  if (test_state.root)
    (ac_cancel)(test_state.root);
}

/* Suspends, or not: the result of a lowered call. */
TEST_SHARED ac_frame *test_suspend(void) {
  unsigned n = ++test_state.suspensions;
  if (AC_TEST_MODE == 0 || (AC_TEST_MODE == 2 && n % 3 == 0))
    return NULL;
  if (n == test_state.cancel_at && ac_call_soon(test_cancel, NULL) != 0)
    abort();
  return n % 2 == 0 && AC_TEST_MODE > 1 ? ac_sleep__ac(NULL, 0.001)
                                        : ac_yield__ac(NULL);
}

/* A leaf named `name`: suspends, and then runs `finish`, where `ret` is the
 * result slot and `self` holds what `begin` stored of the arguments. */
#define TEST_LEAF(name, T, parameters, fields, begin, finish)                  \
  struct name##__frame {                                                       \
    ac_frame header;                                                           \
    struct name##__args fields args;                                           \
  };                                                                           \
  static inline ac_frame *name##__finish(T *ret, struct name##__args *self) {  \
    (void)ret, (void)self;                                                     \
    finish;                                                                    \
    return NULL;                                                               \
  }                                                                            \
  static ac_frame *name##__resume(ac_frame *header, ac_frame *status) {        \
    struct name##__frame *frame = (struct name##__frame *)(void *)header;      \
    if (status == NULL)                                                        \
      status = name##__finish((T *)header->ret, &frame->args);                 \
    ac_frame_free(header);                                                     \
    return status;                                                             \
  }                                                                            \
  static const struct ac_point name##__points[] = {{__LINE__}};                \
  static const struct ac_desc name##__desc = {                                 \
      name##__resume,                                                          \
      #name,                                                                   \
      "testing.h",                                                             \
      name##__points,                                                          \
      1,                                                                       \
      sizeof(struct name##__frame),                                            \
      _Alignof(struct name##__frame)};                                         \
  TEST_SHARED ac_frame *name##__ac parameters {                                \
    struct name##__args args;                                                  \
    struct name##__args *self = &args;                                         \
    begin;                                                                     \
    ac_frame *callee = test_suspend();                                         \
    if (callee == NULL)                                                        \
      return name##__finish(ret, self);                                        \
    if (callee == AC_RAISED)                                                   \
      return AC_RAISED;                                                        \
    ac_frame *header = ac_frame_suspend(&name##__desc, &callee, NULL);         \
    if (header == NULL)                                                        \
      return callee == AC_RAISED ? AC_RAISED : name##__finish(ret, self);      \
    ((struct name##__frame *)(void *)header)->args = args;                     \
    return ac_suspend(header, 1, callee, NULL);                                \
  }

#define TEST_DEFINE(name, T)                                                   \
  TEST_LEAF(                                                                   \
      name, T, (T * ret, T value), {T value;}, TEST_TRACE_LEAF(name, value);   \
      self->value = value, *ret = self->value)
TEST_LEAVES(TEST_DEFINE)

TEST_LEAF(
    tick, void, (void *ret, int n), {int n;}, note("t%d", n);
    self->n = n, (void)0)
TEST_LEAF(
    bump, int, (int *ret, int *p, int n),
    {
      int *p;
      int n;
    },
    self->p = p;
    self->n = n, *ret = *self->p += self->n)
TEST_LEAF(
    put, int, (int *ret, int *p, int n),
    {
      int *p;
      int n;
    },
    note("a%d", n);
    self->p = p; self->n = n, *ret = *self->p = self->n)
TEST_LEAF(
    fail, int, (int *ret, int code), {int code;}, self->code = code,
    return ac_raise_error(self->code))

#endif

#if !defined(TEST_OWN_MAIN)
#if defined(AC_TEST_ERASED)

void scenario(void);

int main(void) {
  scenario();
  return test_state.failed || test_state.live != 0;
}

#else

ac_frame *scenario__ac(void *ret);

static ac_frame *test_start(void *ret, void *args) {
  (void)args;
  test_state.root = ac_current_task();
  ac_use_virtual_clock();
  return scenario__ac(ret);
}

/* One run of the scenario in a loop of its own, cancelled at its suspension
 * number cancel_at (0: never). */
static int test_run(unsigned cancel_at) {
  static const struct ac_thunk thunk = {test_start, "scenario", 0, 0, 1};
  test_state.suspensions = 0;
  test_state.cancel_at = cancel_at;
  int error = ac_run_thunk(&thunk, NULL, NULL);
  test_state.root = NULL;
  test_state.trace_length = 0;
  if (test_state.live != 0) {
    fprintf(stderr, "cancelled at suspension %u: %d resources left\n",
            cancel_at, test_state.live);
    test_state.failed = 1;
    test_state.live = 0;
  }
  if (error != 0 && (cancel_at == 0 || error != AC_ECANCELED)) {
    fprintf(stderr, "cancelled at suspension %u: ended with error %d (%s)\n",
            cancel_at, error, ac_strerror(error));
    test_state.failed = 1;
  }
  return error;
}

int main(void) {
  test_run(0);
  if (AC_TEST_MODE == 3) {
    unsigned total = test_state.suspensions;
    unsigned step = total / 200 + 1;
    test_state.silent = 1;
    for (unsigned n = 1; n <= total; n += step)
      test_run(n);
  }
  return test_state.failed;
}

#endif
#endif /* TEST_OWN_MAIN */
#endif /* __ACC__ */

_Async void scenario(void);

#if !defined(AC_TEST_ERASED)
#include <ac/async.h>
#endif

#endif
