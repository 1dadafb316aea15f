/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * watch_file.h - between watch_file.c and watch_file.ac. */
#ifndef ACI_WATCH_FILE_H
#define ACI_WATCH_FILE_H

#include <ac/ac.h>

#pragma GCC visibility push(hidden)
/* The next event of what was read; NULL: there is none. */
const struct ac_file_event *aci_watch_take(struct ac_file_watch *watch);
#pragma GCC visibility pop

#endif
