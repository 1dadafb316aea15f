/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * file_driver.c - operations on files without a thread of the pool: reads of
 * what the system has in memory, by the call itself; and requests to the loop's
 * driver, where that takes them. What it cannot do, and what it refuses for a
 * reason that may be its own, is left to the pool, whose word counts. */
#define _GNU_SOURCE
#include "file.h"

#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

/* A turn of the loop may copy that much at a time. */
enum { NOW_BYTES = 65536 };

/* ---- at once ------------------------------------------------------------- */

/* Some of it came: because the file ends, or because what follows is not in
 * memory? Only files are read on for that; what else there is may be short. */
static int is_all(const struct aci_file_request *r, ssize_t got) {
  struct stat status;
  if (got == 0 || (size_t)got == r->bytes || fstat(r->fd, &status) < 0 ||
      !S_ISREG(status.st_mode))
    return 1;
  off_t end = r->offset < 0 ? lseek(r->fd, 0, SEEK_CUR) : r->offset + got;
  return end < 0 || end >= status.st_size;
}

/* What of it is in memory; less than 0: nothing, or one cannot ask. */
static ssize_t read_from_memory(const struct aci_file_request *request) {
#if defined(RWF_NOWAIT)
  const struct iovec piece = {request->buffer, request->bytes};
  return preadv2(request->fd, &piece, 1, request->offset, RWF_NOWAIT);
#else
  (void)request;
  return -1;
#endif
}

int aci_file_read_now(struct aci_file_request *request) {
  if (request->bytes > NOW_BYTES || ac_cancel_is_due() ||
      aci_is_simulated(aci_thread.loop))
    return 0;
  if (request->offset >= 0 && aci_thread.loop->driver.class->submit)
    return 0; /* that is cheaper where there are several */
  /* What passes memory by is waited for in spite of RWF_NOWAIT. */
  int flags = fcntl(request->fd, F_GETFL);
  if (flags < 0 || flags & O_DIRECT)
    return 0;
  ssize_t got = read_from_memory(request);
  if (got < 0)
    return 0;
  request->result = got;
  if (is_all(request, got))
    return 1;
  request->before = got;
  request->buffer = (char *)request->buffer + got;
  request->bytes -= (size_t)got;
  if (request->offset >= 0)
    request->offset += got;
  return 0;
}

/* ---- asking -------------------------------------------------------------- */

/* 0: no driver does it. */
static const enum aci_request_kind kinds[] = {[ACI_FILE_OPEN] = ACI_OPEN,
                                              [ACI_FILE_CLOSE] = ACI_CLOSE,
                                              [ACI_FILE_READ] = ACI_READ,
                                              [ACI_FILE_WRITE] = ACI_WRITE,
                                              [ACI_FILE_WRITE_ALL] = ACI_WRITE,
                                              [ACI_FILE_FSYNC] = ACI_FSYNC,
                                              [ACI_FILE_TRUNCATE] =
                                                  ACI_TRUNCATE,
                                              [ACI_FILE_STAT] = ACI_STAT,
                                              [ACI_FILE_RENAME] = ACI_RENAME,
                                              [ACI_FILE_LINK] = ACI_LINK,
                                              [ACI_FILE_UNLINK] = ACI_UNLINK,
                                              [ACI_FILE_MKDIR] = ACI_MKDIR,
                                              [ACI_FILE_WATCH] = 0};

_Static_assert(ACI_SEND == 0, "no file is sent");

static struct aci_request translate(const struct aci_file_request *r,
                                    struct aci_statx *status) {
  struct aci_request request = {.kind = kinds[r->kind],
                                .fd = r->fd,
                                .flags = r->flags,
                                .mode = r->mode,
                                .bytes = r->bytes,
                                .offset = r->offset};
  if (r->path)
    request.path = r->path;
  else
    request.data = r->data;
  switch (r->kind) {
  case ACI_FILE_OPEN:
    request.flags |= O_CLOEXEC;
    break;
  case ACI_FILE_WRITE_ALL:
    request.offset = -1;
    break;
  case ACI_FILE_STAT:
    request.path = r->path; /* data is where the answer goes */
    request.status = status;
    break;
  case ACI_FILE_RENAME:
  case ACI_FILE_LINK:
    request.to = r->to;
    break;
  default:
    break;
  }
  return request;
}

/* Where the file stands is for the system call to keep: a ring does not lock
 * it, and two that read or write there would get in each other's way. What has
 * no such place, or whose writes go to its end, can do without. */
static int is_at_position(const struct aci_file_request *r) {
  switch (r->kind) {
  case ACI_FILE_READ:
    return r->offset < 0 && lseek(r->fd, 0, SEEK_CUR) >= 0;
  case ACI_FILE_WRITE:
  case ACI_FILE_WRITE_ALL:
    if (r->kind == ACI_FILE_WRITE && r->offset >= 0)
      return 0;
    int flags = fcntl(r->fd, F_GETFL);
    return flags >= 0 && !(flags & O_APPEND) && lseek(r->fd, 0, SEEK_CUR) >= 0;
  default:
    return 0;
  }
}

int aci_file_submit(const struct aci_file_request *request,
                    struct aci_submission *submission, struct aci_statx *status,
                    int more) {
  if (!aci_thread.loop->driver.class->submit || !kinds[request->kind])
    return 0;
  if (request->kind == ACI_FILE_WRITE_ALL && !request->bytes)
    return 0;
  if (!more && is_at_position(request))
    return 0;
  submission->request = translate(request, status);
  int begun = aci_submission_begin(submission);
  submission->unstopped = more;
  return begun;
}

/* ---- the answer ---------------------------------------------------------- */

/* Errors that may be the driver's, and not the system call's. */
static int is_refusal(ssize_t result) {
  return result == -EAGAIN || result == -EINVAL || result == -EOPNOTSUPP ||
         result == -ENOSYS;
}

static void copy_status(struct stat *to, const struct aci_statx *from) {
  *to = (struct stat){
      .st_dev = makedev(from->stx_dev_major, from->stx_dev_minor),
      .st_ino = from->stx_ino,
      .st_mode = from->stx_mode,
      .st_nlink = from->stx_nlink,
      .st_uid = from->stx_uid,
      .st_gid = from->stx_gid,
      .st_rdev = makedev(from->stx_rdev_major, from->stx_rdev_minor),
      .st_size = (off_t)from->stx_size,
      .st_blksize = (blksize_t)from->stx_blksize,
      .st_blocks = (blkcnt_t)from->stx_blocks,
      .st_atim = {.tv_sec = from->stx_atime.tv_sec,
                  .tv_nsec = from->stx_atime.tv_nsec},
      .st_mtim = {.tv_sec = from->stx_mtime.tv_sec,
                  .tv_nsec = from->stx_mtime.tv_nsec},
      .st_ctim = {.tv_sec = from->stx_ctime.tv_sec,
                  .tv_nsec = from->stx_ctime.tv_nsec}};
}

/* Some of it is written: on with the rest. */
static int advance(struct aci_file_request *request, size_t written) {
  request->data = (const char *)request->data + written;
  request->bytes -= written;
  return request->bytes != 0;
}

int aci_file_answer(struct aci_file_request *request,
                    const struct aci_submission *submission) {
  request->result = submission->result;
  if (is_refusal(submission->result))
    return -1;
  if (submission->result < 0)
    return 0;
  if (request->kind == ACI_FILE_STAT)
    copy_status(request->status, submission->request.status);
  if (request->kind != ACI_FILE_WRITE_ALL)
    return 0;
  int more = advance(request, (size_t)submission->result);
  request->result = 0;
  return more;
}
