/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#ifndef SHARED_H
#define SHARED_H
#include <ac/ac.h>
_Async int client(int n);
_Async int made(int n);
_Async int count_to(int n);
_Async int listed(int n);
int plain(void);
#endif
