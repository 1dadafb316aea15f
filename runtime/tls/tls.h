/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * tls.h - a configuration, for the files of this folder. */
#ifndef ACI_TLS_H
#define ACI_TLS_H

#include <stdatomic.h>

#include <ac/tls.h>

enum { ALPN_BYTES = 256 };

struct ac_tls {
  SSL_CTX *context;
  atomic_int holds; /* its owner, and every connection */
  int is_server, unverified;
  double handshake;
  unsigned char alpn[ALPN_BYTES]; /* as on the wire: length, name, ... */
  unsigned alpn_bytes;
  int (*setup)(SSL *ssl, void *arg);
  void *setup_arg;
};

#pragma GCC visibility push(hidden)

/* The earliest error of this thread's queue, which is emptied, as a code. */
int aci_tls_take_error(void);
void aci_tls_hold(ac_tls *tls);

#pragma GCC visibility pop

#endif
