/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stack.c - recursion that would overflow the C stack suspends itself: see
 * ac_stack_limit in ac/abi.h. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "internal.h"

#include <pthread.h>
#include <sys/resource.h>

enum { RESERVE_BYTES = 256 * 1024, ASSUMED_BYTES = 8 * 1024 * 1024 };

__thread uintptr_t ac_stack_limit;

/* What plain C functions called from tasks may use below the limit: a quarter
 * of a small stack, RESERVE_BYTES of a large one. */
static uintptr_t limit_of(uintptr_t low, size_t bytes) {
  size_t reserve = bytes / 4 < RESERVE_BYTES ? bytes / 4 : RESERVE_BYTES;
  return low + reserve;
}

#if defined(__linux__)
static uintptr_t measure(void) {
  pthread_attr_t attributes;
  void *low;
  size_t bytes;
  struct rlimit limit;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0)
    return 0;
  int failed = pthread_attr_getstack(&attributes, &low, &bytes);
  pthread_attr_destroy(&attributes);
  if (failed)
    return 0;
  /* An unlimited stack is given as all the room below it. */
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY &&
      here - (uintptr_t)low > ASSUMED_BYTES)
    return limit_of(here - ASSUMED_BYTES, ASSUMED_BYTES);
  return limit_of((uintptr_t)low, bytes);
}
#elif defined(__APPLE__)
static uintptr_t measure(void) {
  pthread_t self = pthread_self();
  size_t bytes = pthread_get_stacksize_np(self);
  return limit_of((uintptr_t)pthread_get_stackaddr_np(self) - bytes, bytes);
}
#else
static uintptr_t measure(void) { return 0; }
#endif

void aci_stack_begin(void) {
  static _Thread_local uintptr_t measured;
  if (!measured)
    measured = measure();
  ac_stack_limit = measured;
}

void aci_stack_end(void) { ac_stack_limit = 0; }

ac_frame *ac_frame_restart(ac_frame *frame) {
  return ac_suspend(frame, 0, (ac_yield__ac)(NULL), NULL);
}
