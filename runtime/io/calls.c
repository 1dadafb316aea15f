/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * calls.c - whether system calls may be made straight; see calls.h. */
#define _GNU_SOURCE
#include "calls.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <sys/auxv.h>

/* In a library of its own with older C libraries: then it is not known. */
#pragma weak dladdr

typedef void function(void);

/* Where what the function is part of is loaded; NULL: not known. */
static const void *place(function *function_) {
  union {
    function *function_;
    const void *address;
  } as = {.function_ = function_};
  Dl_info info;
  return dladdr && dladdr(as.address, &info) ? info.dli_fbase : NULL;
}

int aci_calls_may_be_straight(void) {
  enum { UNKNOWN, YES, NO };
  static atomic_int known;
  int answer = atomic_load_explicit(&known, memory_order_relaxed);
  if (answer == UNKNOWN) {
    /* One that nobody has a reason to replace. */
    const void *library = place((function *)getauxval);
    answer = library && place((function *)recv) == library &&
                     place((function *)send) == library
                 ? YES
                 : NO;
    atomic_store_explicit(&known, answer, memory_order_relaxed);
  }
  return answer == YES;
}
