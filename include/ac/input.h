/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * input.h - standard input, whatever it is, included by ac.h. The terminal or
 * pipe may be shared with other processes (a shell), for which O_NONBLOCK would
 * stay set after this one's end: so it is never set on what was inherited. A
 * terminal or a pipe is opened a second time, and that is read; files are read
 * on the pool's threads; sockets need no flag. */
#ifndef AC_INPUT_H
#define AC_INPUT_H

#include <stddef.h>
#include <sys/types.h>

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Some bytes of standard input, 0 at its end. As for all reads, one task at a
 * time, of all loops (AC_EBUSY); cancelled, it has taken nothing. */
_Async ssize_t ac_stdin_read(void *buffer, size_t bytes);

/* The next line, without its newline, to be freed with free(); NULL at the end.
 * What follows the line is kept for the next call. A line of more than limit
 * bytes raises -EMSGSIZE, and is kept too. */
_Async char *ac_stdin_line(size_t limit);

/* Another descriptor for the same terminal, pipe or device, with flags of its
 * own: non-blocking, close-on-exec; or -errno, e.g. for sockets (which need
 * none). For standard output and error:
 *
 *   int out = ac_reopen(STDOUT_FILENO);
 *   await ac_write_all(out >= 0 ? out : STDOUT_FILENO, text, bytes); */
AC_API int ac_reopen(int fd);

#ifdef __cplusplus
}
#endif
#endif
