/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * statx.h - what Linux's statx() fills in, statx(2). Not every C library has a
 * type for it. */
#ifndef ACI_STATX_H
#define ACI_STATX_H

#include <stdint.h>

struct aci_statx_time {
  int64_t tv_sec;
  uint32_t tv_nsec;
  int32_t reserved;
};

struct aci_statx {
  uint32_t stx_mask;
  uint32_t stx_blksize;
  uint64_t stx_attributes;
  uint32_t stx_nlink;
  uint32_t stx_uid;
  uint32_t stx_gid;
  uint16_t stx_mode;
  uint16_t reserved;
  uint64_t stx_ino;
  uint64_t stx_size;
  uint64_t stx_blocks;
  uint64_t stx_attributes_mask;
  struct aci_statx_time stx_atime, stx_btime, stx_ctime, stx_mtime;
  uint32_t stx_rdev_major, stx_rdev_minor;
  uint32_t stx_dev_major, stx_dev_minor;
  uint64_t more[14]; /* of later kernels */
};

#endif
