/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
int other(void);
int other(void) { return 11; }
