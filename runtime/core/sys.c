/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * sys.c - memory and clock from the system; see sys.h. */
#define _GNU_SOURCE
#include "sys.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

/* Allocations left until one fails; 0: none will. */
static atomic_long fail_in;
static atomic_long alloc_count;
static atomic_long alloc_live;
static atomic_int idle_threads;

enum { UNREAD, OFF, ON };
static atomic_int fail_mode = UNREAD;

static int read_mode(void) {
  const char *text = getenv("AC_FAIL_ALLOC");
  if (!text || !*text) {
    atomic_store(&fail_mode, OFF);
    return OFF;
  }
  aci_sys_fail_alloc(strtol(text, NULL, 10));
  return ON;
}

static int mode(void) {
  int now = atomic_load_explicit(&fail_mode, memory_order_relaxed);
  return now != UNREAD ? now : read_mode();
}

void aci_sys_fail_alloc(long nth) {
  atomic_store(&fail_in, nth > 0 ? nth : 0);
  atomic_store(&alloc_count, 0);
  atomic_store(&fail_mode, nth >= 0 ? ON : OFF);
}

int aci_sys_fails(void) { return mode() == ON; }

long aci_sys_alloc_count(void) { return atomic_load(&alloc_count); }

long aci_sys_alloc_live(void) { return atomic_load(&alloc_live); }

static int is_to_fail(void) {
  if (mode() != ON)
    return 0;
  atomic_fetch_add(&alloc_count, 1);
  return atomic_load(&fail_in) > 0 && atomic_fetch_sub(&fail_in, 1) == 1;
}

/* Counts what has been allocated, unless it is NULL. */
static void *counted(void *memory) {
  if (memory)
    atomic_fetch_add_explicit(&alloc_live, 1, memory_order_relaxed);
  return memory;
}

void *aci_sys_alloc_zeroed(size_t bytes) {
  return is_to_fail() ? NULL : counted(calloc(1, bytes));
}

void *aci_sys_alloc(size_t bytes, size_t align) {
  if (is_to_fail())
    return NULL;
  if (bytes > (size_t)PTRDIFF_MAX - align)
    return NULL;
  void *memory = NULL;
  if (align <= _Alignof(max_align_t))
    memory = malloc(bytes);
  else if (posix_memalign(&memory, align, bytes) != 0)
    memory = NULL;
  return counted(memory);
}

void aci_sys_free(void *memory) {
  if (!memory)
    return;
  atomic_fetch_sub_explicit(&alloc_live, 1, memory_order_relaxed);
  free(memory);
}

void *aci_sys_give(void *memory) {
  if (memory)
    atomic_fetch_sub_explicit(&alloc_live, 1, memory_order_relaxed);
  return memory;
}

void aci_sys_huge_page(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
  madvise(memory, bytes, MADV_HUGEPAGE); /* it is memory without, too */
#else
  (void)memory;
  (void)bytes;
#endif
}

int64_t aci_sys_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int aci_sys_thread_count(void) {
  /* A directory has one link for itself, one for its name, and one for each
   * directory in it. */
  struct stat status;
  if (stat("/proc/self/task", &status) != 0 || status.st_nlink < 3)
    return 2;
  int count = (int)status.st_nlink - 2 - atomic_load(&idle_threads);
  return count > 1 ? count : 1;
}

void aci_sys_idle(int by) { atomic_fetch_add(&idle_threads, by); }
