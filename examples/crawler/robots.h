// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// robots.h - what a site's robots.txt lets a crawler do (RFC 9309).
#ifndef ROBOTS_H
#define ROBOTS_H

#include <stddef.h>

struct robots_rule {
    char *path; // a beginning, with * and $ as the RFC has them
    int allow;
};

struct robots {
    struct robots_rule *rules;
    size_t count;
    double delay; // seconds, Crawl-delay
};

// What the text says to `agent`, or, if it has nothing for that, to everybody.
void robots_read(struct robots *robots, const char *text, const char *agent);
void robots_free(struct robots *robots);

// The longest rule that fits decides; of two as long the one that allows.
int robots_allow(const struct robots *robots, const char *path);

#endif
