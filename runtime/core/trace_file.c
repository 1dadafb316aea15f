/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * trace_file.c - the trace's file. Each thread has a piece of it mapped into
 * memory, so that what it has written is in the file whatever becomes of the
 * program. What is free of a piece is spaces, which JSON does not mind; each
 * event brings the comma in front of it, and the file's last byte is the
 * closing bracket: so the file is whole at any time.
 *
 *   [{first} ,{event} ,{event}      | ,{event}           | ,{event}          ]
 *   piece of one thread             | of another one     | the newest
 */
#define _GNU_SOURCE
#include "trace_file.h"
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 16, TEXT_LIMIT = 200 };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int file = -1;
static off_t file_bytes;
static struct aci_trace_piece first_piece; /* nobody's yet */
static atomic_int failed;

/* ---- pieces -------------------------------------------------------------- */

static void fail(const char *path, int code) {
  if (!atomic_exchange(&failed, 1))
    fprintf(stderr, "AC_TRACE: cannot write %s%s%s: %s\n", path ? "'" : "",
            path ? path : "the trace any more", path ? "'" : "",
            strerror(code));
}

static int write_all(const char *bytes, size_t count, off_t at) {
  while (count) {
    ssize_t written = pwrite(file, bytes, count, at);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return written ? errno : ENOSPC;
    bytes += written;
    count -= (size_t)written;
    at += written;
  }
  return 0;
}

/* Makes the file longer by a piece of spaces; the lock is held. */
static int lengthen(off_t *at) {
  char blank[4096];
  memset(blank, ' ', sizeof blank);
  for (off_t done = 0; done < PIECE_BYTES; done += (off_t)sizeof blank) {
    if (done + (off_t)sizeof blank == PIECE_BYTES)
      blank[sizeof blank - 1] = ']';
    int code = write_all(blank, sizeof blank, file_bytes + done);
    if (code)
      return code;
  }
  if (file_bytes && write_all(" ", 1, file_bytes - 1))
    return errno;
  *at = file_bytes;
  file_bytes += PIECE_BYTES;
  return 0;
}

void aci_trace_piece_close(struct aci_trace_piece *piece) {
  if (piece->begin)
    munmap(piece->begin, PIECE_BYTES);
  *piece = (struct aci_trace_piece){NULL, NULL, NULL};
}

static int next_piece(struct aci_trace_piece *piece) {
  off_t at = 0;
  aci_trace_piece_close(piece);
  pthread_mutex_lock(&lock);
  *piece = first_piece;
  first_piece = (struct aci_trace_piece){NULL, NULL, NULL};
  int code = piece->begin ? 0 : lengthen(&at);
  pthread_mutex_unlock(&lock);
  if (code || piece->begin)
    return code;
  char *begin =
      mmap(NULL, PIECE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, at);
  if (begin == MAP_FAILED)
    return errno;
  piece->begin = piece->at = begin;
  piece->end = begin + PIECE_BYTES - 1; /* the bracket's place */
  return 0;
}

static int put(struct aci_trace_piece *piece, const char *text, size_t bytes) {
  if (atomic_load_explicit(&failed, memory_order_relaxed))
    return 0;
  if ((size_t)(piece->end - piece->at) < bytes) {
    int code = next_piece(piece);
    if (code) {
      fail(NULL, code);
      return 0;
    }
  }
  memcpy(piece->at, text, bytes);
  piece->at += bytes;
  return 1;
}

/* ---- opening ------------------------------------------------------------- */

/* A child has the mapping too, and is not to write into it. */
static void in_child(void) { atomic_store(&failed, 1); }

/* %p is the process. NULL: out of memory. */
static char *path_of(const char *pattern) {
  const char *mark = strstr(pattern, "%p");
  size_t bytes = strlen(pattern) + 24;
  char *path = malloc(bytes);
  if (!path)
    return NULL;
  if (mark)
    snprintf(path, bytes, "%.*s%ld%s", (int)(mark - pattern), pattern,
             (long)getpid(), mark + 2);
  else
    memcpy(path, pattern, strlen(pattern) + 1);
  return path;
}

/* Whoever has it open writes through a mapping, which must not be cut short. */
static int open_unused(const char *path) {
  char other[4096];
  int flags = O_RDWR | O_CREAT | O_CLOEXEC;
  file = open(path, flags, 0666);
  if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
    close(file);
    snprintf(other, sizeof other, "%s.%ld", path, (long)getpid());
    file = open(other, flags | O_TRUNC, 0666);
  }
  return file < 0 ? errno : 0;
}

static int begin_file(const char *path) {
  static const char first[] =
      "[{\"ph\":\"M\",\"name\":\"trace_format\",\"pid\":0,\"args\":{\"of\":"
      "\"acc\"}}";
  struct aci_trace_piece piece = {NULL, NULL, NULL};
  int code = open_unused(path);
  if (!code)
    code = ftruncate(file, 0) < 0 ? errno : next_piece(&piece);
  if (code)
    return code;
  memcpy(piece.at, first, sizeof first - 1);
  piece.at += sizeof first - 1;
  first_piece = piece;
  return pthread_atfork(NULL, NULL, in_child);
}

static void open_file(void) {
  const char *pattern = getenv("AC_TRACE");
  if (!pattern || !*pattern) {
    atomic_store(&failed, 1);
    return;
  }
  char *path = path_of(pattern);
  int code = path ? begin_file(path) : ENOMEM;
  if (code)
    fail(path ? path : pattern, code);
  free(path);
}

int aci_trace_file_open(void) {
  pthread_once(&once, open_file);
  return !atomic_load(&failed);
}

/* ---- events -------------------------------------------------------------- */

static void add_bytes(struct aci_trace_event *event, const char *bytes,
                      size_t count) {
  memcpy(event->text + event->bytes, bytes, count);
  event->bytes += count;
}

static void add(struct aci_trace_event *event, const char *text) {
  add_bytes(event, text, strlen(text));
}

static void add_digits(struct aci_trace_event *event, uint64_t value,
                       int at_least) {
  char digits[24];
  int count = 0;
  do
    digits[sizeof digits - 1 - (size_t)count++] = (char)('0' + value % 10);
  while ((value /= 10) || count < at_least);
  add_bytes(event, digits + sizeof digits - (size_t)count, (size_t)count);
}

/* Microseconds, as the format has it. */
static void add_time(struct aci_trace_event *event, int64_t time_ns) {
  uint64_t ns = time_ns > 0 ? (uint64_t)time_ns : 0;
  add_digits(event, ns / 1000, 1);
  add(event, ".");
  add_digits(event, ns % 1000, 3);
}

/* How many bytes at text are one character of UTF-8; 0: none. */
static size_t character_bytes(const unsigned char *text) {
  size_t bytes = *text < 0x80                     ? 1
                 : *text >= 0xc2 && *text <= 0xdf ? 2
                 : *text >= 0xe0 && *text <= 0xef ? 3
                 : *text >= 0xf0 && *text <= 0xf4 ? 4
                                                  : 0;
  for (size_t i = 1; i < bytes; i++)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  /* Overlong, a surrogate, or beyond the last. */
  if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] > 0x9f) ||
      (*text == 0xf0 && text[1] < 0x90) || (*text == 0xf4 && text[1] > 0x8f))
    return 0;
  return bytes;
}

static void add_string(struct aci_trace_event *event, const char *text) {
  const unsigned char *at = (const unsigned char *)text;
  size_t limit = event->bytes + TEXT_LIMIT;
  add(event, "\"");
  while (*at && event->bytes < limit) {
    size_t bytes = character_bytes(at);
    if (!bytes || *at < 0x20)
      add(event, "?");
    else if (*at == '"' || *at == '\\')
      add(event, *at == '"' ? "\\\"" : "\\\\");
    else
      add_bytes(event, (const char *)at, bytes);
    at += bytes ? bytes : 1;
  }
  add(event, "\"");
}

static void add_key(struct aci_trace_event *event, const char *key) {
  if (event->text[event->bytes - 1] != '{')
    add(event, ",");
  add(event, "\"");
  add(event, key);
  add(event, "\":");
}

void aci_event_begin(struct aci_trace_event *event, char ph, const char *name,
                     const char *category, int process, uint64_t thread,
                     int64_t when_ns) {
  const char kind[2] = {ph, 0};
  event->bytes = 0;
  event->has_args = 0;
  add(event, ",\n{");
  aci_event_text(event, "ph", kind);
  if (name)
    aci_event_text(event, "name", name);
  if (category)
    aci_event_text(event, "cat", category);
  aci_event_number(event, "pid", (uint64_t)process);
  aci_event_number(event, "tid", thread);
  if (when_ns >= 0)
    aci_event_time(event, "ts", when_ns);
}

void aci_event_args(struct aci_trace_event *event) {
  add_key(event, "args");
  add(event, "{");
  event->has_args = 1;
}

void aci_event_text(struct aci_trace_event *event, const char *key,
                    const char *value) {
  add_key(event, key);
  add_string(event, value);
}

void aci_event_number(struct aci_trace_event *event, const char *key,
                      uint64_t value) {
  add_key(event, key);
  add_digits(event, value, 1);
}

void aci_event_time(struct aci_trace_event *event, const char *key,
                    int64_t time_ns) {
  add_key(event, key);
  add_time(event, time_ns);
}

/* There is room for a name, a category and three more texts of TEXT_LIMIT. */
int aci_event_end(struct aci_trace_event *event,
                  struct aci_trace_piece *piece) {
  add(event, event->has_args ? "}}" : "}");
  return put(piece, event->text, event->bytes);
}
