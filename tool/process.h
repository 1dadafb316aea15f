/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * process.h - running the C compiler. */
#ifndef ACC_PROCESS_H
#define ACC_PROCESS_H

#include "buf.h"
#include "options.h"

/* Runs a command to its end. Its exit status, or 1 with a message when it
 * could not be started or was ended by a signal. */
int process_run(const struct strings *command);

/* The same, with standard error collected and standard output dropped; speaks
 * only through its status. */
int process_read_errors(const struct strings *command, struct buf *errors);

/* Prints it as a shell would take it. */
void process_print(const struct strings *command);

#endif
