/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stall_stack.c - what a stalled thread is doing: the chain of awaits of the
 * task that it runs, from its frames, and its C stack.
 *
 * The thread may go on at any moment, and frames that have ended are reused. So
 * nothing of it is read in place: each piece is copied by the kernel, which
 * says when there is none, and has to look like what it should be. While its
 * thread is in the handler of the signal nothing moves; then nothing is printed
 * either, or allocated, for the thread may hold the lock for that. */
#define _GNU_SOURCE
#include "stall_stack.h"
#include "stall_names.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

/* Not in every C library. Without it the stack is searched, as that of a thread
 * that is not asked. */
#if __has_include(<execinfo.h>)
#include <execinfo.h>
enum { HAS_BACKTRACE = 1 };
#else
enum { HAS_BACKTRACE = 0 };
static int backtrace(void **frames, int limit) {
  (void)frames;
  (void)limit;
  return 0;
}
#endif

enum { CHAIN_LIMIT = 32, STACK_LIMIT = 48, NAME_BYTES = 64 };

/* ---- memory of the other thread ------------------------------------------ */

static int copy_from(uintptr_t address, void *to, size_t bytes) {
  struct iovec local = {to, bytes};
  struct iovec remote = {(void *)address, bytes};
  return address &&
         process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)bytes;
}

/* As much of a string as there is room for; false: it is not a name. A page at
 * the end of what is mapped may cut the copy short: byte by byte then. */
static int copy_name(uintptr_t address, char *to, size_t bytes) {
  size_t got = 0;
  while (got + 1 < bytes && copy_from(address + got, to + got, 1) && to[got]) {
    if (!isprint((unsigned char)to[got]))
      return 0;
    got++;
  }
  to[got] = 0;
  return got > 0;
}

struct place {
  char name[NAME_BYTES], file[NAME_BYTES];
  unsigned line; /* 0: unknown */
};

/* An async function's descriptor is a constant, and its name and code are
 * somewhere in a library or the program. */
static int read_place(uintptr_t address, uint32_t state, struct place *place) {
  struct ac_desc desc;
  struct ac_point point;
  memset(place, 0, sizeof *place);
  if (!aci_is_constant(address) || !copy_from(address, &desc, sizeof desc) ||
      !aci_is_code((uintptr_t)desc.resume) ||
      !copy_name((uintptr_t)desc.name, place->name, sizeof place->name))
    return 0;
  if (desc.file && state && state <= desc.point_count &&
      copy_name((uintptr_t)desc.file, place->file, sizeof place->file) &&
      copy_from((uintptr_t)(desc.points + state - 1), &point, sizeof point))
    place->line = point.line;
  return 1;
}

/* ---- the task ------------------------------------------------------------ */

struct sight {
  char name[NAME_BYTES]; /* ac_set_name's */
  struct place chain[CHAIN_LIMIT];
  size_t count;
  int runs_task;
};

/* A task that runs for the first time has its thunk where its result's place
 * will be. */
static int see_beginning(struct sight *sight, const struct ac_future *task) {
  struct ac_thunk thunk;
  uintptr_t address = (uintptr_t)task->thunk;
  return aci_is_constant(address) && copy_from(address, &thunk, sizeof thunk) &&
         aci_is_code((uintptr_t)thunk.start) &&
         copy_name((uintptr_t)thunk.name, sight->chain[0].name, NAME_BYTES);
}

static void see_chain(struct sight *sight, uintptr_t address) {
  ac_frame frame;
  for (int first = 1; address && sight->count < CHAIN_LIMIT; first = 0) {
    if (!copy_from(address, &frame, sizeof frame))
      return;
    if (read_place((uintptr_t)frame.desc, frame.state,
                   &sight->chain[sight->count]))
      sight->count++;
    else if (!first) /* that with which its step began has ended, maybe */
      return;
    address = (uintptr_t)frame.parent;
  }
}

static void see_name(struct sight *sight, const struct ac_future *task) {
  struct aci_extra extra;
  if (copy_from((uintptr_t)task->waiters, &extra, sizeof extra) &&
      aci_kind(&extra.node) == ACI_EXTRA && extra.name)
    copy_name((uintptr_t)extra.name, sight->name, sizeof sight->name);
}

static void see_task(struct sight *sight, const struct aci_stall *stall) {
  struct ac_future task;
  uintptr_t address;
  if (!copy_from((uintptr_t)stall->running, &address, sizeof address) ||
      !copy_from(address, &task, sizeof task))
    return;
  sight->runs_task = 1;
  see_name(sight, &task);
  if (see_beginning(sight, &task))
    sight->count = 1;
  else
    see_chain(sight, (uintptr_t)task.leaf.parent);
}

/* ---- its C stack ----------------------------------------------------------
 */

static struct {
  atomic_int stage;
  int thread_id;
  int count;
  void *frames[STACK_LIMIT];
  uintptr_t code, stack; /* where it was interrupted */
} asked;
enum { NOT_ASKED, ASKED, ANSWERING, ANSWERED };

/* True when the address follows a call. */
static int follows_call(uintptr_t address) {
#if defined(__x86_64__)
  unsigned char before[7];
  if (!copy_from(address - sizeof before, before, sizeof before))
    return 0;
  /* call rel32; call *(...) with its operand's 0 to 5 bytes */
  if (before[2] == 0xe8)
    return 1;
  for (size_t i = 0; i < 6; i++)
    if (before[i] == 0xff && (before[i + 1] & 0x38) == 0x10)
      return 1;
  return 0;
#elif defined(__aarch64__)
  uint32_t before;
  return copy_from(address - 4, &before, sizeof before) &&
         ((before & 0xfc000000u) == 0x94000000u ||
          (before & 0xfffffc1fu) == 0xd63f0000u);
#else
  return 1;
#endif
}

/* Whatever looks like a return address: some of them are leftovers. code,
 * stack: where the thread is. */
static int search_stack(const struct aci_stall *stall, uintptr_t code,
                        uintptr_t stack) {
  enum { WORDS = 512, BYTES_LIMIT = 64 * 1024 };
  uintptr_t words[WORDS];
  int count = 0;
  asked.frames[count++] = (void *)code;
  stack &= ~(uintptr_t)(sizeof *words - 1);
  uintptr_t end = stack + BYTES_LIMIT;
  if (stall->stack > stack && stall->stack < end)
    end = stall->stack;
  for (uintptr_t at = stack; at < end; at += sizeof words) {
    size_t bytes = end - at < sizeof words ? end - at : sizeof words;
    if (!copy_from(at, words, bytes))
      break;
    for (size_t i = 0; i < bytes / sizeof *words && count < STACK_LIMIT; i++)
      if (aci_is_code(words[i]) && follows_call(words[i]))
        asked.frames[count++] = (void *)words[i];
  }
  return count;
}

/* ---- ... from a handler -------------------------------------------------- */

static void note_interruption(const ucontext_t *context) {
#if defined(__x86_64__)
  asked.code = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
  asked.stack = (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
  asked.code = (uintptr_t)context->uc_mcontext.pc;
  asked.stack = (uintptr_t)context->uc_mcontext.sp;
#else
  (void)context;
  asked.code = asked.stack = 0;
#endif
}

static void rest(long ns) {
  const struct timespec time = {.tv_nsec = ns};
  nanosleep(&time, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context) {
  enum { MILLISECOND = 1000000, PATIENCE = 100 };
  int stage = ASKED;
  int error = errno;
  (void)number;
  (void)info;
  if (syscall(SYS_gettid) == asked.thread_id &&
      atomic_compare_exchange_strong(&asked.stage, &stage, ANSWERING)) {
    asked.count = backtrace(asked.frames, STACK_LIMIT);
    note_interruption(context);
    atomic_store(&asked.stage, ANSWERED);
    for (int i = 0; i < PATIENCE && atomic_load(&asked.stage) == ANSWERED; i++)
      rest(MILLISECOND / 10);
  }
  errno = error;
}

/* True when the thread is to be asked: the signal ends no system call, and is
 * not the program's. */
static int may_ask(const struct aci_thread_state *state) {
  struct sigaction action;
  if (sigaction(SIGURG, NULL, &action) < 0 || (action.sa_flags & SA_SIGINFO) ||
      (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN))
    return 0;
  if (!state->sleeps)
    return 1;
  switch (state->call) {
  case SYS_futex:
    return !state->third; /* without a timeout */
  case SYS_read:
  case SYS_write:
  case SYS_readv:
  case SYS_writev:
  case SYS_pread64:
  case SYS_pwrite64:
  case SYS_openat:
  case SYS_fsync:
  case SYS_fdatasync:
  case SYS_flock:
  case SYS_wait4:
  case -1: /* memory */
    return 1;
  default:
    return 0;
  }
}

/* The handler is gone afterwards; a signal that comes too late, because it was
 * blocked, has its default effect, which is none. */
static int ask(const struct aci_stall *stall, struct sight *sight) {
  enum { PATIENCE = 200 };
  struct sigaction before,
      action = {.sa_sigaction = on_signal,
                .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
  void *nothing[1];
  backtrace(nothing, 1); /* loads what it needs */
  sigemptyset(&action.sa_mask);
  asked.thread_id = stall->thread_id;
  atomic_store(&asked.stage, ASKED);
  if (sigaction(SIGURG, &action, &before) < 0)
    return 0;
  syscall(SYS_tgkill, getpid(), stall->thread_id, SIGURG);
  for (int i = 0; i < PATIENCE && atomic_load(&asked.stage) != ANSWERED; i++)
    rest(100000);
  int stage = ASKED;
  int answered =
      !atomic_compare_exchange_strong(&asked.stage, &stage, NOT_ASKED) &&
      stage == ANSWERED;
  see_task(sight, stall);
  if (answered && !asked.count)
    asked.count = search_stack(stall, asked.code, asked.stack);
  atomic_store(&asked.stage, NOT_ASKED);
  sigaction(SIGURG, &before, NULL);
  return answered;
}

/* ---- ... from outside ---------------------------------------------------- */

void aci_thread_state_read(struct aci_thread_state *state, int thread_id) {
  char path[64], text[256];
  unsigned long long values[9] = {0};
  memset(state, 0, sizeof *state);
  state->call = -1;
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", thread_id);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0)
    close(fd);
  if (got <= 0 || text[0] == 'r') /* running */
    return;
  text[got] = 0;
  char *at = text;
  state->sleeps = 1;
  state->call = strtol(at, &at, 10);
  /* -1, stack pointer, place; or six arguments before these. */
  int count = state->call < 0 ? 2 : 8;
  for (int i = 0; i < count; i++)
    values[i] = strtoull(at, &at, 16);
  state->third = (uintptr_t)(count == 8 ? values[3] : 0);
  state->stack = (uintptr_t)values[count - 2];
  state->code = (uintptr_t)values[count - 1];
}

/* ---- telling ------------------------------------------------------------- */

static void make_title(struct aci_stall *stall, const struct sight *sight) {
  const char *function =
      sight->count ? sight->chain[sight->count - 1].name : NULL;
  if (!sight->runs_task)
    snprintf(stall->title, sizeof stall->title, "a callback");
  else
    snprintf(stall->title, sizeof stall->title, "task%s%s%s%s%s%s",
             sight->name[0] ? " '" : "", sight->name, sight->name[0] ? "'" : "",
             function ? " (" : "", function ? function : "",
             function ? ")" : "");
}

static void print_sight(const struct sight *sight) {
  for (size_t i = 0; i < sight->count; i++) {
    const struct place *place = &sight->chain[i];
    if (place->line)
      dprintf(STDERR_FILENO, "    %s %s:%u\n", place->name, place->file,
              place->line);
    else
      dprintf(STDERR_FILENO, "    %s\n", place->name);
  }
}

/* Those of the handler are left out, and those of the loop. */
static void print_stack(int first, int count, const char *how) {
  dprintf(STDERR_FILENO, "  its C stack%s:\n", how);
  for (int i = first; i < count; i++) {
    struct aci_code_name name;
    /* A return address may be behind its function's end. */
    uintptr_t address = (uintptr_t)asked.frames[i];
    aci_code_name(&name, i > first ? address - 1 : address);
    if (strncmp(name.function, "run_ready+", 10) == 0 ||
        strncmp(name.function, "aci_loop_run", 12) == 0 ||
        strncmp(name.function, "aci_trace_run_ready", 19) == 0)
      break;
    dprintf(STDERR_FILENO, "    %s (%s+0x%zx)\n",
            name.function[0] ? name.function : "?", name.object, name.offset);
  }
}

static int first_frame(void) {
  for (int i = 0; i < asked.count; i++)
    if ((uintptr_t)asked.frames[i] == asked.code)
      return i;
  return asked.count > 2 ? 2 : 0;
}

void aci_stall_report(struct aci_stall *stall,
                      const struct aci_thread_state *state, int64_t ns) {
  static struct sight sight;
  memset(&sight, 0, sizeof sight);
  aci_names_open();
  int answered = may_ask(state) && ask(stall, &sight);
  if (!sight.runs_task)
    see_task(&sight, stall);
  make_title(stall, &sight);
  dprintf(STDERR_FILENO,
          "stall: %s has kept its loop from going on for %.3f s\n",
          stall->title, (double)ns / 1e9);
  print_sight(&sight);
  if (answered)
    print_stack(first_frame(), asked.count,
                HAS_BACKTRACE ? "" : ", as far as it can be seen");
  else if (state->sleeps)
    print_stack(0, search_stack(stall, state->code, state->stack),
                ", as far as it can be seen while it sleeps");
  aci_names_close();
}

void aci_stall_report_end(struct aci_stall *stall, int64_t ns) {
  dprintf(STDERR_FILENO, "stall: %s went on after %.3f s\n", stall->title,
          (double)ns / 1e9);
}
