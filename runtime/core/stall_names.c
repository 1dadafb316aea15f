/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * stall_names.c - names of code, from the symbol tables of the files that are
 * loaded: dladdr(3) knows only what a program exports, and static functions are
 * most of what there is. */
#define _GNU_SOURCE
#include "stall_names.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEGMENT_LIMIT = 512 };

struct segment {
  uintptr_t begin, end, base;
  int is_code;
  const char *path; /* the loader's; "": the program */
};

static struct segment segments[SEGMENT_LIMIT];
static int segment_count;

static int take_object(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  (void)arg;
  for (int i = 0; i < info->dlpi_phnum && segment_count < SEGMENT_LIMIT; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_LOAD)
      continue;
    uintptr_t begin = info->dlpi_addr + header->p_vaddr;
    segments[segment_count++] =
        (struct segment){begin, begin + header->p_memsz, info->dlpi_addr,
                         (header->p_flags & PF_X) != 0, info->dlpi_name};
  }
  return 0;
}

void aci_names_open(void) {
  segment_count = 0;
  dl_iterate_phdr(take_object, NULL);
}

void aci_names_close(void) { segment_count = 0; }

static const struct segment *segment_of(uintptr_t address) {
  for (int i = 0; i < segment_count; i++)
    if (address >= segments[i].begin && address < segments[i].end)
      return &segments[i];
  return NULL;
}

int aci_is_code(uintptr_t address) {
  const struct segment *segment = segment_of(address);
  return segment && segment->is_code;
}

int aci_is_constant(uintptr_t address) { return segment_of(address) != NULL; }

/* ---- symbols ------------------------------------------------------------- */

struct image {
  const char *bytes;
  size_t count;
};

static const void *part(const struct image *image, size_t at, size_t bytes) {
  return at <= image->count && bytes <= image->count - at ? image->bytes + at
                                                          : NULL;
}

static void look_in_table(const struct image *image,
                          const ElfW(Shdr) * sections, size_t section_count,
                          const ElfW(Shdr) * table, size_t offset,
                          struct aci_code_name *name) {
  if (table->sh_link >= section_count || !table->sh_entsize)
    return;
  const ElfW(Shdr) *texts = &sections[table->sh_link];
  const ElfW(Sym) *symbols = part(image, table->sh_offset, table->sh_size);
  const char *text = part(image, texts->sh_offset, texts->sh_size);
  if (!symbols || !text || !texts->sh_size || text[texts->sh_size - 1])
    return;
  for (size_t i = 0; i < table->sh_size / sizeof *symbols; i++) {
    const ElfW(Sym) *symbol = &symbols[i];
    if ((symbol->st_info & 0xf) != STT_FUNC || offset < symbol->st_value ||
        offset - symbol->st_value >= symbol->st_size ||
        symbol->st_name >= texts->sh_size)
      continue;
    snprintf(name->function, sizeof name->function, "%s+0x%zx",
             text + symbol->st_name, (size_t)(offset - symbol->st_value));
    return;
  }
}

static void look_in_image(const struct image *image, size_t offset,
                          struct aci_code_name *name) {
  const ElfW(Ehdr) *header = part(image, 0, sizeof *header);
  if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return;
  size_t count = header->e_shnum;
  const ElfW(Shdr) *sections =
      part(image, header->e_shoff, count * sizeof *sections);
  for (size_t i = 0; sections && i < count && !name->function[0]; i++)
    if (sections[i].sh_type == SHT_SYMTAB || sections[i].sh_type == SHT_DYNSYM)
      look_in_table(image, sections, count, &sections[i], offset, name);
}

static void look_in_file(const char *path, size_t offset,
                         struct aci_code_name *name) {
  struct stat status;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return;
  if (fstat(fd, &status) == 0 && status.st_size > 0) {
    struct image image = {.count = (size_t)status.st_size};
    void *bytes = mmap(NULL, image.count, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes != MAP_FAILED) {
      image.bytes = bytes;
      look_in_image(&image, offset, name);
      munmap(bytes, image.count);
    }
  }
  close(fd);
}

static void name_object(struct aci_code_name *name, const char *path) {
  char program[4096];
  if (!*path) {
    ssize_t got = readlink("/proc/self/exe", program, sizeof program - 1);
    program[got > 0 ? got : 0] = 0;
    path = program;
  }
  const char *slash = strrchr(path, '/');
  snprintf(name->object, sizeof name->object, "%.95s", slash ? slash + 1 : path);
}

void aci_code_name(struct aci_code_name *name, uintptr_t address) {
  const struct segment *segment = segment_of(address);
  memset(name, 0, sizeof *name);
  if (!segment) {
    name->offset = address;
    return;
  }
  name->offset = address - segment->base;
  name_object(name, segment->path);
  look_in_file(*segment->path ? segment->path : "/proc/self/exe", name->offset,
               name);
}
