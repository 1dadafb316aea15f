/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * dir.c - reading directories: many entries at a time, given out one by one.
 */
#define _GNU_SOURCE
#include "file.h"

#include "internal.h"

#include <dirent.h>
#include <unistd.h>

struct ac_dir {
  int fd;
  size_t at, end;
  struct ac_dir_entry entry;
  _Alignas(struct dirent64) char buffer[32768];
};

struct ac_dir *aci_dir_new(int fd) {
  struct ac_dir *dir = aci_sys_alloc(sizeof *dir, _Alignof(struct ac_dir));
  if (!dir)
    return NULL;
  dir->fd = fd;
  dir->at = dir->end = 0;
  return dir;
}

static int is_dots(const char *name) {
  return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

const struct ac_dir_entry *aci_dir_take(struct ac_dir *dir) {
  while (dir->at < dir->end) {
    const struct dirent64 *entry =
        (const struct dirent64 *)(const void *)(dir->buffer + dir->at);
    dir->at += entry->d_reclen;
    if (is_dots(entry->d_name))
      continue;
    dir->entry = (struct ac_dir_entry){
        .inode = entry->d_ino, .type = entry->d_type, .name = entry->d_name};
    return &dir->entry;
  }
  return NULL;
}

void aci_dir_request(struct ac_dir *dir, struct aci_file_request *request) {
  *request = (struct aci_file_request){.kind = ACI_FILE_LIST,
                                       .fd = dir->fd,
                                       .buffer = dir->buffer,
                                       .bytes = sizeof dir->buffer};
}

void aci_dir_fill(struct ac_dir *dir, size_t bytes) {
  dir->at = 0;
  dir->end = bytes;
}

void ac_dir_close(struct ac_dir *dir) {
  if (!dir)
    return;
  ac_close(dir->fd);
  aci_sys_free(dir);
}
