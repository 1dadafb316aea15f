/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * calls.h - recv(2) and send(2) made straight to the kernel, without the C
 * library. Its own are points at which a thread may be cancelled: in a process
 * that has several threads, and one with a watchdog does, each of them takes
 * that up and puts it down again by atomic operations, which is more than all
 * else that a program does for a message.
 *
 * Somebody may have put themselves before the C library's functions: a
 * simulation, a sanitizer, a library that brings sockets of its own. They are
 * to be asked, then, and nothing here is called. */
#ifndef ACI_CALLS_H
#define ACI_CALLS_H

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

/* True when recv and send are the C library's. */
int aci_calls_may_be_straight(void);

#pragma GCC visibility pop

#if defined(__x86_64__) && !defined(__ILP32__)

static inline long aci_call(long number, int fd, const void *data, size_t bytes,
                            int flags) {
  register int r10 __asm__("r10") = flags;
  register long r8 __asm__("r8") = 0;
  register long r9 __asm__("r9") = 0;
  long result;
  __asm__ __volatile__("syscall"
                       : "=a"(result)
                       : "0"(number), "D"(fd), "S"(data), "d"(bytes), "r"(r10),
                         "r"(r8), "r"(r9)
                       : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__) && !defined(__ILP32__)

static inline long aci_call(long number, int fd, const void *data, size_t bytes,
                            int flags) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = fd;
  register const void *x1 __asm__("x1") = data;
  register size_t x2 __asm__("x2") = bytes;
  register long x3 __asm__("x3") = flags;
  register long x4 __asm__("x4") = 0;
  register long x5 __asm__("x5") = 0;
  __asm__ __volatile__("svc #0"
                       : "+r"(x0)
                       : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                       : "memory");
  return x0;
}

#else
#define ACI_CALLS_BY_LIBRARY
#endif

/* The number of bytes, or -errno. */
static inline ssize_t aci_call_recv(int fd, void *buffer, size_t bytes,
                                    int flags) {
#ifdef ACI_CALLS_BY_LIBRARY
  ssize_t got = recv(fd, buffer, bytes, flags);
  return got < 0 ? -errno : got;
#else
  return aci_call(SYS_recvfrom, fd, buffer, bytes, flags);
#endif
}

static inline ssize_t aci_call_send(int fd, const void *data, size_t bytes,
                                    int flags) {
#ifdef ACI_CALLS_BY_LIBRARY
  ssize_t sent = send(fd, data, bytes, flags);
  return sent < 0 ? -errno : sent;
#else
  return aci_call(SYS_sendto, fd, data, bytes, flags);
#endif
}

#endif
