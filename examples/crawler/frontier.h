// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// frontier.h - the pages that are known and not fetched yet, in Redis, where
// any number of crawlers on any machines share them. A crawler claims a page
// for some time, its lease; a page whose lease has run out, since the crawler
// was killed, is claimed again. A page is marked as done in the same step in
// which the pages that it links to are added: so none is lost.
#ifndef FRONTIER_H
#define FRONTIER_H

#include <ac/redis.h>

struct frontier {
    ac_redis *redis;
    const char *name; // what its keys begin with
    int lease_ms;     // longer than fetching a page may take
    int host_limit;   // pages of a host that are claimed at a time, by anybody
    int delay_ms;     // between two claims of pages of a host
};

// What the claim of a page gives: the page, which is the caller's to free; or
// NULL, and how long to wait before the next attempt, 0 when all is done.
struct claim {
    char *url;
    int wait_ms;
};

struct totals {
    long long done, failed, taken_over, twice;
};

// All raise -ECONNRESET when Redis goes, -EPROTO when it refuses.

// Adds the pages, one a line, that are not known yet.
_Async void frontier_add(struct frontier *frontier, const char *urls,
                         size_t bytes);
_Async struct claim frontier_claim(struct frontier *frontier);
// The page has been dealt with, and links to those pages, one a line.
_Async void frontier_done(struct frontier *frontier, const char *url,
                          const char *links, size_t bytes);
// Fetching it has failed: it will be tried again, three times in all.
_Async void frontier_failed(struct frontier *frontier, const char *url);
// Until this is known of a host, its pages are claimed one at a time.
_Async void frontier_set_delay(struct frontier *frontier, const char *host,
                               int delay_ms);
_Async struct totals frontier_totals(struct frontier *frontier);

#endif
