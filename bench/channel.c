/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What channel.ac does, by hand: two threads, a ring of numbers under a mutex,
 * and a condition for either side. */
#include <pthread.h>

#include "bench.h"

enum { CAPACITY_LIMIT = 64 };

struct numbers {
  pthread_mutex_t mutex;
  pthread_cond_t not_full, not_empty;
  long items[CAPACITY_LIMIT];
  size_t capacity, first, held;
};

#define EMPTY                                                                  \
  {                                                                            \
    .mutex = PTHREAD_MUTEX_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER,  \
    .not_empty = PTHREAD_COND_INITIALIZER, .capacity = 1                       \
  }

static struct numbers there = EMPTY, back = EMPTY;
static int answered;
static long count;

static void put(struct numbers *numbers, long number) {
  pthread_mutex_lock(&numbers->mutex);
  while (numbers->held == numbers->capacity)
    pthread_cond_wait(&numbers->not_full, &numbers->mutex);
  numbers->items[(numbers->first + numbers->held++) % CAPACITY_LIMIT] = number;
  pthread_cond_signal(&numbers->not_empty);
  pthread_mutex_unlock(&numbers->mutex);
}

static long get(struct numbers *numbers) {
  pthread_mutex_lock(&numbers->mutex);
  while (!numbers->held)
    pthread_cond_wait(&numbers->not_empty, &numbers->mutex);
  long number = numbers->items[numbers->first];
  numbers->first = (numbers->first + 1) % CAPACITY_LIMIT;
  numbers->held--;
  pthread_cond_signal(&numbers->not_full);
  pthread_mutex_unlock(&numbers->mutex);
  return number;
}

static void *producer(void *arg) {
  long number = 0;
  for (long i = 1; i <= count; i++) {
    put(&there, number + i);
    if (answered)
      number = get(&back);
  }
  return arg;
}

int main(int argc, char **argv) {
  bench_check(argc);
  count = atol(argv[2]);
  answered = bench_is(argv, "turns");
  if (!answered && !bench_is(argv, "many"))
    return bench_unknown(argv);
  there.capacity = answered ? 1 : CAPACITY_LIMIT;
  pthread_t thread;
  pthread_create(&thread, NULL, producer, NULL);
  long sum = 0;
  for (long i = 0; i < count; i++) {
    sum += get(&there);
    if (answered)
      put(&back, 0);
  }
  pthread_join(thread, NULL);
  return bench_show(sum);
}
