/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * file.h - an operation on files as data: what file.ac makes of a call, and
 * what carries it out. The table in file.c has a row for each, and so has the
 * one in file_driver.c if a driver (io_uring's) can do it. */
#ifndef ACI_FILE_H
#define ACI_FILE_H

#include <sys/stat.h>

#include <ac/ac.h>

#include "request.h"
#include "statx.h"

enum aci_file_kind {
  ACI_FILE_OPEN,      /* path flags mode -> descriptor */
  ACI_FILE_CLOSE,     /* fd */
  ACI_FILE_READ,      /* fd buffer bytes; offset, -1: where the file stands */
  ACI_FILE_WRITE,     /* fd data bytes; offset, likewise */
  ACI_FILE_WRITE_ALL, /* fd data bytes */
  ACI_FILE_FSYNC,     /* fd; flags 1: the data alone */
  ACI_FILE_TRUNCATE,  /* fd offset */
  ACI_FILE_STAT,      /* fd, or path; flags as fstatat's; status */
  ACI_FILE_RENAME,    /* path to */
  ACI_FILE_LINK,      /* path to */
  ACI_FILE_UNLINK,    /* path; flags AT_REMOVEDIR */
  ACI_FILE_MKDIR,     /* path mode */
  ACI_FILE_LOAD,      /* path, bytes: the limit -> buffer, bytes */
  ACI_FILE_SAVE,      /* path data bytes mode */
  ACI_FILE_LIST,      /* fd buffer bytes -> bytes of directory entries */
  ACI_FILE_WATCH      /* fd path mode (the events) -> watch descriptor */
};

struct aci_file_request {
  enum aci_file_kind kind;
  int fd;
  int flags;
  mode_t mode;
  const char *path, *to;
  union {
    void *buffer;
    const void *data;
    struct stat *status;
  };
  size_t bytes;
  off_t offset;
  ssize_t before; /* ACI_FILE_READ: has been read, and this is the rest */
  ssize_t result; /* or -errno */
};

#pragma GCC visibility push(hidden)

/* Carries it out on this thread, whatever time that takes; for the pool.
 * Returns 0: the result is in the request. */
int aci_file_run(void *request);
/* Whole files: file_whole.c. */
ssize_t aci_file_load(struct aci_file_request *request);
ssize_t aci_file_save(struct aci_file_request *request);

/* Reads what is there already. True: that is all; else `before` has come. */
int aci_file_read_now(struct aci_file_request *request);
/* What the driver is asked, in pieces for ACI_FILE_WRITE_ALL. more: it may not
 * be told of a cancellation. True: it has been. */
int aci_file_submit(const struct aci_file_request *request,
                    struct aci_submission *submission, struct aci_statx *status,
                    int more);
/* What that has come to. 0: it is done, and the result is in the request; 1:
 * there is more to be written; -1: it is to be done otherwise. */
int aci_file_answer(struct aci_file_request *request,
                    const struct aci_submission *submission);

struct ac_dir *aci_dir_new(int fd);
/* The next entry of what was read; NULL: there is none. */
const struct ac_dir_entry *aci_dir_take(struct ac_dir *dir);
/* What is to be read next. */
void aci_dir_request(struct ac_dir *dir, struct aci_file_request *request);
void aci_dir_fill(struct ac_dir *dir, size_t bytes);

/* The kernel has given out the number: what the loop knew of it is old. */
void aci_fd_is_new(int fd);

#pragma GCC visibility pop

/* Awaits the request by the means there are, and gives its result; raises what
 * is negative. */
_Async ssize_t aci_file_await(struct aci_file_request *request);

#endif
