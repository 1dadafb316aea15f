/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * dns.h - names and addresses, included by ac.h: the system's resolver, on the
 * pool's threads (class ac_dns_threads), so that all of /etc/nsswitch.conf
 * counts. */
#ifndef AC_DNS_H
#define AC_DNS_H

#include <ac/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo;

/* What is raised for getaddrinfo's EAI_* codes, as AC_EAI(EAI_NONAME);
 * EAI_SYSTEM is raised as -errno, EAI_MEMORY as AC_ENOMEM. */
#define AC_EAI(code) (-10000 + (code))

/* getaddrinfo(3): the list is to be freed with freeaddrinfo. Numeric hosts and
 * ports are answered at once. Cancelled, it ends at once, and what the resolver
 * still finds is dropped. */
_Async struct addrinfo *ac_getaddrinfo(const char *host, const char *service,
                                       const struct addrinfo *hints);

#ifdef __cplusplus
}
#endif
#endif
