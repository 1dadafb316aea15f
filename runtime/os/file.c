/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * file.c - operations on files, carried out by the thread that calls. */
#define _GNU_SOURCE
#include "file.h"

#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

typedef ssize_t operation(struct aci_file_request *r);

static ssize_t run_open(struct aci_file_request *r) {
  return open(r->path, r->flags | O_CLOEXEC, r->mode);
}

static ssize_t run_close(struct aci_file_request *r) {
  /* After EINTR it is closed all the same. */
  return close(r->fd) < 0 && errno != EINTR ? -1 : 0;
}

static ssize_t run_read(struct aci_file_request *r) {
  return r->offset < 0 ? read(r->fd, r->buffer, r->bytes)
                       : pread(r->fd, r->buffer, r->bytes, r->offset);
}

static ssize_t run_write(struct aci_file_request *r) {
  return r->offset < 0 ? write(r->fd, r->data, r->bytes)
                       : pwrite(r->fd, r->data, r->bytes, r->offset);
}

static ssize_t run_write_all(struct aci_file_request *r) {
  while (r->bytes) {
    ssize_t written = write(r->fd, r->data, r->bytes);
    if (written < 0)
      return -1; /* after EINTR it goes on with what is left */
    r->data = (const char *)r->data + written;
    r->bytes -= (size_t)written;
  }
  return 0;
}

static ssize_t run_fsync(struct aci_file_request *r) {
  return r->flags ? fdatasync(r->fd) : fsync(r->fd);
}

static ssize_t run_truncate(struct aci_file_request *r) {
  return ftruncate(r->fd, r->offset);
}

static ssize_t run_stat(struct aci_file_request *r) {
  return r->path ? fstatat(AT_FDCWD, r->path, r->status, r->flags)
                 : fstat(r->fd, r->status);
}

static ssize_t run_rename(struct aci_file_request *r) {
  return rename(r->path, r->to);
}

static ssize_t run_link(struct aci_file_request *r) {
  return link(r->path, r->to);
}

static ssize_t run_unlink(struct aci_file_request *r) {
  return unlinkat(AT_FDCWD, r->path, r->flags);
}

static ssize_t run_mkdir(struct aci_file_request *r) {
  return mkdir(r->path, r->mode);
}

static ssize_t run_list(struct aci_file_request *r) {
  return getdents64(r->fd, r->buffer, r->bytes);
}

static ssize_t run_watch(struct aci_file_request *r) {
  return inotify_add_watch(r->fd, r->path, r->mode);
}

/* Each returns what its system call does: -1 and errno where it fails. The
 * whole-file ones return -errno. */
static const struct {
  operation *run;
  int whole;
} operations[] = {
    [ACI_FILE_OPEN] = {run_open, 0},
    [ACI_FILE_CLOSE] = {run_close, 0},
    [ACI_FILE_READ] = {run_read, 0},
    [ACI_FILE_WRITE] = {run_write, 0},
    [ACI_FILE_WRITE_ALL] = {run_write_all, 0},
    [ACI_FILE_FSYNC] = {run_fsync, 0},
    [ACI_FILE_TRUNCATE] = {run_truncate, 0},
    [ACI_FILE_STAT] = {run_stat, 0},
    [ACI_FILE_RENAME] = {run_rename, 0},
    [ACI_FILE_LINK] = {run_link, 0},
    [ACI_FILE_UNLINK] = {run_unlink, 0},
    [ACI_FILE_MKDIR] = {run_mkdir, 0},
    [ACI_FILE_LOAD] = {aci_file_load, 1},
    [ACI_FILE_SAVE] = {aci_file_save, 1},
    [ACI_FILE_LIST] = {run_list, 0},
    [ACI_FILE_WATCH] = {run_watch, 0},
};

int aci_file_run(void *request) {
  struct aci_file_request *r = request;
  do
    r->result = operations[r->kind].run(r);
  while (r->result == -1 && !operations[r->kind].whole && errno == EINTR);
  if (r->result == -1 && !operations[r->kind].whole)
    r->result = -errno;
  return 0;
}

void aci_fd_is_new(int fd) { aci_fd_forget(aci_thread.loop, fd); }
