/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * signals.c - streams of signals. The handler walks a list of all streams, sets
 * a bit in those that listen, and wakes their loops. A stream that has been
 * taken off the list goes only when no handler runs that may have come to it
 * before (`entered`). */
#define _GNU_SOURCE
#include "signals.h"

#include "internal.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>

enum { SIGNAL_COUNT = 65 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct aci_signal_stream *streams; /* atomic */
static atomic_int entered;
/* What is to be restored, and how many streams listen. */
static struct {
  int listeners;
  struct sigaction before;
} signals[SIGNAL_COUNT];

static uint64_t bit(int signal_number) {
  return (uint64_t)1 << (signal_number - 1);
}

/* ---- the handler --------------------------------------------------------- */

static struct aci_signal_stream *follow(struct aci_signal_stream **link) {
  return __atomic_load_n(link, __ATOMIC_SEQ_CST);
}

static void on_signal(int signal_number) {
  int saved = errno;
  atomic_fetch_add(&entered, 1);
  for (struct aci_signal_stream *at = follow(&streams); at;
       at = follow(&at->next)) {
    if (!(__atomic_load_n(&at->listens, __ATOMIC_SEQ_CST) & bit(signal_number)))
      continue;
    __atomic_fetch_or(&at->arrived, bit(signal_number), __ATOMIC_SEQ_CST);
    aci_loop_attend(at->loop, ACI_PARTS);
  }
  atomic_fetch_sub(&entered, 1);
  errno = saved;
}

/* ---- installing ---------------------------------------------------------- */

static int can_be_caught(int signal_number) {
  switch (signal_number) {
  case SIGKILL:
  case SIGSTOP:
  case SIGSEGV: /* the instruction would be repeated for ever */
  case SIGBUS:
  case SIGILL:
  case SIGFPE:
    return 0;
  default:
    return signal_number > 0 && signal_number < SIGNAL_COUNT;
  }
}

static int install(int signal_number) {
  if (signals[signal_number].listeners++)
    return 0;
  struct sigaction action = {.sa_handler = on_signal,
                             .sa_flags = SA_RESTART | SA_ONSTACK};
  sigemptyset(&action.sa_mask);
  if (sigaction(signal_number, &action, &signals[signal_number].before) == 0)
    return 0;
  signals[signal_number].listeners--;
  return -errno;
}

/* Unless somebody else has taken the signal over. */
static void uninstall(int signal_number) {
  if (--signals[signal_number].listeners)
    return;
  struct sigaction *before = &signals[signal_number].before;
  struct sigaction now;
  if (sigaction(signal_number, NULL, &now) < 0 ||
      now.sa_flags & (int)SA_SIGINFO || now.sa_handler != on_signal)
    return;
  if (aci_signal_is_stale(signal_number, before)) {
    *before = (struct sigaction){.sa_handler = SIG_DFL};
    sigemptyset(&before->sa_mask);
  }
  sigaction(signal_number, before, NULL);
}

/* ---- streams ------------------------------------------------------------- */

static void attend(struct aci_part *part) {
  pthread_mutex_lock(&lock);
  for (struct aci_signal_stream *at = streams; at; at = at->next)
    if (at->loop == part->loop &&
        __atomic_load_n(&at->arrived, __ATOMIC_SEQ_CST))
      ac_lot_wake(&at->waiters);
  pthread_mutex_unlock(&lock);
}

static void take_off(struct aci_signal_stream *stream) {
  struct aci_signal_stream **link = &streams;
  while (*link != stream)
    link = &(*link)->next;
  __atomic_store_n(link, stream->next, __ATOMIC_SEQ_CST);
  for (int i = 1; i < SIGNAL_COUNT; i++)
    if (stream->listens & bit(i))
      uninstall(i);
}

static void free_stream(struct aci_signal_stream *stream) {
  pthread_mutex_lock(&lock);
  take_off(stream);
  pthread_mutex_unlock(&lock);
  while (atomic_load(&entered))
    sched_yield();
  aci_sys_free(stream);
}

static struct aci_signal_stream *find_of(const ac_loop *loop) {
  pthread_mutex_lock(&lock);
  struct aci_signal_stream *at = streams;
  while (at && at->loop != loop)
    at = at->next;
  pthread_mutex_unlock(&lock);
  return at;
}

/* Those that nobody has closed. */
static void close_all(struct aci_part *part) {
  for (struct aci_signal_stream *stream; (stream = find_of(part->loop));)
    free_stream(stream);
}

static const struct aci_part_class signals_class = {
    .bytes = sizeof(struct aci_part), .attend = attend, .close = close_all};

static struct aci_signal_stream *stream_new(ac_loop *loop) {
  if (!aci_part_get(loop, &signals_class))
    return NULL;
  struct aci_signal_stream *stream =
      aci_sys_alloc(sizeof *stream, _Alignof(struct aci_signal_stream));
  if (!stream)
    return NULL;
  *stream = (struct aci_signal_stream){.loop = loop};
  pthread_mutex_lock(&lock);
  stream->next = streams;
  __atomic_store_n(&streams, stream, __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&lock);
  return stream;
}

int aci_signals_take(struct aci_signal_stream *stream) {
  uint64_t arrived = __atomic_load_n(&stream->arrived, __ATOMIC_SEQ_CST);
  if (!arrived)
    return 0;
  int signal_number = __builtin_ctzll(arrived) + 1;
  __atomic_fetch_and(&stream->arrived, ~bit(signal_number), __ATOMIC_SEQ_CST);
  return signal_number;
}

int ac_signals_add(struct ac_signals *set, int signal_number) {
  ac_loop *loop = aci_thread.loop;
  if (!loop || !can_be_caught(signal_number))
    return AC_EINVAL;
  if (!set->stream)
    set->stream = stream_new(loop);
  struct aci_signal_stream *stream = set->stream;
  if (!stream)
    return AC_ENOMEM;
  if (stream->listens & bit(signal_number))
    return AC_OK;
  pthread_mutex_lock(&lock);
  /* First the bit: from the moment that the handler is there none is lost. */
  __atomic_fetch_or(&stream->listens, bit(signal_number), __ATOMIC_SEQ_CST);
  int code = install(signal_number);
  if (code)
    __atomic_fetch_and(&stream->listens, ~bit(signal_number), __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&lock);
  return code;
}

int ac_signals_remove(struct ac_signals *set, int signal_number) {
  struct aci_signal_stream *stream = set->stream;
  if (!stream || signal_number < 1 || signal_number >= SIGNAL_COUNT ||
      !(stream->listens & bit(signal_number)))
    return AC_EINVAL;
  pthread_mutex_lock(&lock);
  uninstall(signal_number);
  __atomic_fetch_and(&stream->listens, ~bit(signal_number), __ATOMIC_SEQ_CST);
  __atomic_fetch_and(&stream->arrived, ~bit(signal_number), __ATOMIC_SEQ_CST);
  pthread_mutex_unlock(&lock);
  return AC_OK;
}

void ac_signals_close(struct ac_signals *set) {
  struct aci_signal_stream *stream = set->stream;
  if (!stream)
    return;
  set->stream = NULL;
  ac_lot_fail(&stream->waiters, AC_EBADF);
  free_stream(stream);
}
