/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * scratch.h - files that must not outlive the program, whichever way it ends:
 * also by SIGINT, SIGTERM or SIGHUP. */
#ifndef ACC_SCRATCH_H
#define ACC_SCRATCH_H

#include <stdbool.h>
#include <sys/types.h>

/* Notes a file or an empty directory for removal; the path is copied. Those
 * noted later are removed first. False: too many, or out of memory. */
bool scratch_add(const char *path);

/* Removes those noted since, in the past, scratch_mark gave this mark. */
unsigned scratch_mark(void);
void scratch_remove_to(unsigned mark);

/* The file has become a result, under this or another name: it stays. */
void scratch_keep(const char *path);

/* The child to be ended by the same signal; 0: none. */
void scratch_set_child(pid_t child);

#endif
