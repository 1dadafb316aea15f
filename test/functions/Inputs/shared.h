/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * An ordinary header with async declarations, for .ac and .c files alike. */
#ifndef SHARED_H
#define SHARED_H

#include <ac/ac.h>

struct point {
  int x, y;
};
typedef _Async int (*shared_callback)(int);
struct shared_service {
  shared_callback run;
};

_Async int ping(int n);
_Async int pong(int n);
_Async struct point shift(struct point p, int by);
_Async int call_back(shared_callback f, int n);
extern shared_callback shared_pointer;
int plain_function(int n);

#endif
