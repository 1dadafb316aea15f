/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sys.h - the one seam to the system's memory and clock, so that a test can
 * make the nth allocation fail. Free lists lie above it, so it is off every
 * hot path. */
#ifndef ACI_SYS_H
#define ACI_SYS_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* align: a power of two. NULL when out of memory. */
void *aci_sys_alloc(size_t bytes, size_t align);
/* Zeroed, aligned as malloc's; what is never touched takes no memory. */
void *aci_sys_alloc_zeroed(size_t bytes);
void aci_sys_free(void *memory);
/* What was allocated without more alignment than malloc's belongs to the
 * program now, which frees it with free(). */
void *aci_sys_give(void *memory);

/* Memory that is aligned to its size may be one huge page, where the system
 * has such. */
void aci_sys_huge_page(void *memory, size_t bytes);

/* CLOCK_MONOTONIC in nanoseconds. */
int64_t aci_sys_now(void);

/* Makes the nth allocation from now fail, once (from 1; 0: none), as the
 * environment's AC_FAIL_ALLOC=n does from the program's start; negative ends
 * the mode. In this mode the free lists are off for loops made from then on,
 * so that every frame and task is an allocation. Tests only. */
void aci_sys_fail_alloc(long nth);
/* True in that mode. */
int aci_sys_fails(void);
/* Allocations since the mode began, and those not yet freed. */
long aci_sys_alloc_count(void);
long aci_sys_alloc_live(void);

/* Threads of this process that may have to do with a loop, those that idle in
 * a pool left out; 2 when that cannot be found out. */
int aci_sys_thread_count(void);
/* A thread begins or ends to idle: by 1 or -1. */
void aci_sys_idle(int by);

#pragma GCC visibility pop
#endif
