/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * dns.c - lookups by the system's resolver. */
#define _GNU_SOURCE
#include "dns.h"

#include "internal.h"

#include <ctype.h>
#include <errno.h>
#include <netdb.h>

struct lookup {
  struct addrinfo hints;
  const char *host, *service;
  struct addrinfo *list;
  int code; /* 0, or as it is to be raised */
  char text[];
};

static int code_of(int error) {
  switch (error) {
  case 0:
    return 0;
  case EAI_SYSTEM:
    return errno ? -errno : AC_EAI(EAI_FAIL);
  case EAI_MEMORY:
    return AC_ENOMEM;
  default:
    return AC_EAI(error);
  }
}

static int is_number(const char *service) {
  if (!service)
    return 1;
  const char *at = service;
  while (isdigit((unsigned char)*at))
    at++;
  return at != service && !*at;
}

int aci_lookup_now(const char *host, const char *service,
                   const struct addrinfo *hints, struct addrinfo **list,
                   int *code) {
  struct addrinfo numeric = {.ai_flags = 0};
  if (!is_number(service))
    return 0;
  if (hints)
    numeric = *hints;
  numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
  /* A number is no name to be found out. */
#ifdef AI_IDN /* glibc's */
  numeric.ai_flags &= ~(AI_CANONIDN | AI_IDN);
#endif
  *list = NULL;
  int error = getaddrinfo(host, service, &numeric, list);
  if (error == EAI_NONAME && host &&
      !(hints && hints->ai_flags & AI_NUMERICHOST))
    return 0;
  *code = code_of(error);
  return 1;
}

static const char *copy(char **at, const char *text) {
  if (!text)
    return NULL;
  size_t bytes = strlen(text) + 1;
  const char *result = memcpy(*at, text, bytes);
  *at += bytes;
  return result;
}

void *aci_lookup_new(const char *host, const char *service,
                     const struct addrinfo *hints) {
  size_t bytes =
      (host ? strlen(host) + 1 : 0) + (service ? strlen(service) + 1 : 0);
  struct lookup *lookup =
      aci_sys_alloc(sizeof *lookup + bytes, _Alignof(struct lookup));
  if (!lookup)
    return NULL;
  char *at = lookup->text;
  *lookup = (struct lookup){.list = NULL}; /* perhaps the text's begin too */
  lookup->host = copy(&at, host);
  lookup->service = copy(&at, service);
  /* The flags that getaddrinfo takes for granted without hints. */
  lookup->hints.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG;
  if (hints) {
    lookup->hints.ai_flags = hints->ai_flags;
    lookup->hints.ai_family = hints->ai_family;
    lookup->hints.ai_socktype = hints->ai_socktype;
    lookup->hints.ai_protocol = hints->ai_protocol;
  }
  return lookup;
}

int aci_lookup_run(void *arg) {
  struct lookup *lookup = arg;
  int error =
      getaddrinfo(lookup->host, lookup->service, &lookup->hints, &lookup->list);
  lookup->code = code_of(error);
  return 0;
}

struct addrinfo *aci_lookup_take(void *arg, int *code) {
  struct lookup *lookup = arg;
  struct addrinfo *list = lookup->list;
  lookup->list = NULL;
  *code = lookup->code;
  return list;
}

void aci_lookup_free(void *arg) {
  struct lookup *lookup = arg;
  if (!lookup)
    return;
  if (lookup->list)
    freeaddrinfo(lookup->list);
  aci_sys_free(lookup);
}
