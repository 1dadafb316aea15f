/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * dns.h - a lookup that may outlive who asked for it. */
#ifndef ACI_DNS_H
#define ACI_DNS_H

#include <ac/ac.h>

#pragma GCC visibility push(hidden)

/* True when the answer needs no lookup: *list, or the error *code. */
int aci_lookup_now(const char *host, const char *service,
                   const struct addrinfo *hints, struct addrinfo **list,
                   int *code);
/* With copies of all that it needs; NULL: out of memory. */
void *aci_lookup_new(const char *host, const char *service,
                     const struct addrinfo *hints);
/* For a thread. */
int aci_lookup_run(void *lookup);
/* The list, which is the caller's then, or NULL and *code. */
struct addrinfo *aci_lookup_take(void *lookup, int *code);
/* With its list, unless that was taken. NULL is allowed. */
void aci_lookup_free(void *lookup);

#pragma GCC visibility pop
#endif
