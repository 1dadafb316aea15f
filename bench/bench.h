/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * bench.h - what the programs share. Each is called as
 *
 *     program VARIANT N [DEPTH]
 *
 * does N operations, and prints one number that depends on all of them: plain
 * C, acc and C++ must print the same. They measure nothing themselves:
 * scripts/bench does that from outside. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A function that the compiler neither inlines nor looks through. */
#if defined(__clang__)
#define BENCH_APART __attribute__((noinline))
#else
#define BENCH_APART __attribute__((noipa))
#endif

static inline int bench_is(char **argv, const char *variant) {
  return strcmp(argv[1], variant) == 0;
}

static inline void bench_check(int argc) {
  if (argc >= 3)
    return;
  fputs("arguments: VARIANT N [DEPTH]\n", stderr);
  exit(2);
}

static inline int bench_show(long result) {
  printf("%ld\n", result);
  return 0;
}

static inline int bench_unknown(char **argv) {
  fprintf(stderr, "unknown variant '%s'\n", argv[1]);
  return 2;
}

static inline uint64_t bench_random(uint64_t x) {
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return x;
}

#endif
