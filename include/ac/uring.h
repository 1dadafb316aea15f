/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * uring.h - the component `uring`: the I/O driver on io_uring. A program that
 * links it needs nothing from here: its loops take the driver by themselves,
 * where the kernel can run it, unless AC_DRIVER or ac_use_driver says
 * otherwise. */
#ifndef AC_URING_H
#define AC_URING_H

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True when this kernel lets the process run it. Any thread. */
AC_API int ac_uring_is_usable(void);

#ifdef __cplusplus
}
#endif
#endif
