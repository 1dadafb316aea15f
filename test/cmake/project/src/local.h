/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 * Not that of the directory above: a quoted include begins beside the file. */
#define LOCAL 100
