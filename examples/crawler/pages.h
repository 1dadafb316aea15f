// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// pages.h - text that grows, and the links in a page.
#ifndef PAGES_H
#define PAGES_H

#include <stddef.h>

struct text {
    char *data; // with a 0 after it, once something was added
    size_t length, room;
};

// False: out of memory, and nothing was added.
int text_add(struct text *text, const void *data, size_t length);
void text_clear(struct text *text); // keeps the memory

// Adds what a page of that address links to, one absolute address a line,
// without fragments. False: out of memory.
int pages_links(struct text *links, const char *url, const char *html);

// "http://host:port" of an address, normalised; NULL: it is none, or of another
// kind than http and https. To be freed with free().
char *pages_host(const char *url);
// An address in the form in which it is compared; like pages_host.
char *pages_normal(const char *url);
// Its path and query. Within url.
const char *pages_path(const char *url);

#endif
