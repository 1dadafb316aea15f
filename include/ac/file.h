/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * file.h - files and directories, included by ac.h. They are always "ready",
 * and block all the same: these functions do it elsewhere (on io_uring, or on
 * the pool's threads, class ac_file_threads: docs/runtime.md), so that a slow
 * disk stalls nobody; a read of what is in memory may be made at once. Names
 * and arguments are POSIX's; what fails raises -errno; EINTR is never seen.
 *
 * An operation that has begun is not taken back: cancelled then, it completes,
 * gives its result, and the cancellation comes at the task's next await. So no
 * descriptor and no byte is lost. One that has not begun, or that io_uring
 * waits with (a FIFO without a peer), is cancelled at once, and has not
 * happened. */
#ifndef AC_FILE_H
#define AC_FILE_H

#include <sys/types.h>

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stat;

/* open(2), close-on-exec. Opening a FIFO waits for the other end: use
 * O_NONBLOCK. */
_Async int ac_file_open(const char *path, int flags, mode_t mode);
/* close(2) where that may take long; the descriptor is closed even if it
 * raises. ac_close is good enough for files that were only read. */
_Async void ac_file_close(int fd);

/* As read, write, pread, pwrite: may transfer less than was asked for. */
_Async ssize_t ac_file_read(int fd, void *buffer, size_t bytes);
_Async ssize_t ac_file_write(int fd, const void *data, size_t bytes);
_Async ssize_t ac_file_pread(int fd, void *buffer, size_t bytes, off_t offset);
_Async ssize_t ac_file_pwrite(int fd, const void *data, size_t bytes,
                              off_t offset);
/* Until all bytes are written; where an error raises, some may have been. */
_Async void ac_file_write_all(int fd, const void *data, size_t bytes);

_Async void ac_file_fsync(int fd);
_Async void ac_file_fdatasync(int fd);
_Async void ac_file_truncate(int fd, off_t bytes);

_Async void ac_file_stat(const char *path, struct stat *status);
_Async void ac_file_lstat(const char *path, struct stat *status);
_Async void ac_file_fstat(int fd, struct stat *status);
_Async void ac_file_rename(const char *from, const char *to);
_Async void ac_file_link(const char *from, const char *to);
_Async void ac_file_unlink(const char *path);
_Async void ac_file_mkdir(const char *path, mode_t mode);
_Async void ac_file_rmdir(const char *path);

/* The whole file, with a NUL after it, to be freed with free(). bytes: its
 * length; may be NULL. Raises -EFBIG when it is longer than limit. */
_Async char *ac_read_file(const char *path, size_t limit, size_t *bytes);
/* Replaces the file by one with that content, or makes it; others see the old
 * one or the new one, also after a crash. The mode is that of the file that is
 * replaced, or else the argument less the umask. On an error nothing has
 * changed, unless the disk fails when all is written. */
_Async void ac_write_file(const char *path, const void *data, size_t bytes,
                          mode_t mode);

/* ---- directories --------------------------------------------------------- */

struct ac_dir;
struct ac_dir_entry {
  uint64_t inode;
  unsigned char type; /* DT_REG, DT_DIR, DT_UNKNOWN ... of <dirent.h> */
  const char *name;
};

_Async struct ac_dir *ac_dir_open(const char *path);
/* The next entry, "." and ".." left out; NULL at the end. It holds until the
 * next call. One task at a time. */
_Async const struct ac_dir_entry *ac_dir_next(struct ac_dir *dir);
/* NULL is allowed. */
AC_API void ac_dir_close(struct ac_dir *dir);

#ifdef __cplusplus
}
#endif
#endif
