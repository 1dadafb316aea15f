// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Preloaded, counts what a program allocates and prints, at its end, calls and
// bytes to the descriptor that BENCH_COUNT_FD names.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned long calls, bytes;

static void count(size_t size) {
  __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
  __atomic_fetch_add(&bytes, size, __ATOMIC_RELAXED);
}

/* glibc's own names for the real ones. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  count(size);
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count(number * size);
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count(size);
  return __libc_realloc(old, size);
}

void *memalign(size_t align, size_t size) {
  count(size);
  return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size) {
  count(size);
  return __libc_memalign(align, size);
}

int posix_memalign(void **result, size_t align, size_t size) {
  count(size);
  *result = __libc_memalign(align, size);
  return *result ? 0 : 12;
}

void *mmap(void *address, size_t size, int prot, int flags, int fd,
           off_t offset) {
  static void *(*real)(void *, size_t, int, int, int, off_t);
  if (!real)
    *(void **)&real = dlsym(RTLD_NEXT, "mmap");
  if (flags & MAP_ANONYMOUS)
    count(size);
  return real(address, size, prot, flags, fd, offset);
}

__attribute__((destructor)) static void show(void) {
  const char *fd = getenv("BENCH_COUNT_FD");
  char text[64];
  int length = snprintf(text, sizeof text, "%lu %lu\n", calls, bytes);
  if (fd && write(atoi(fd), text, (size_t)length) != length)
    _exit(3);
}
