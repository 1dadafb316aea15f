/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * tls.h - TLS through OpenSSL (3.0 or newer), as streams: component tls,
 * acc::tls.
 *
 * A TLS stream lies on top of another stream, as a rule one of a socket, and is
 * read, written, half-closed and closed like any other. The end of the stream
 * is the peer's close_notify; an end without one, which anybody on the way can
 * bring about, raises AC_ETRUNCATED. ac_stream_abort sends no close_notify. */
#ifndef AC_TLS_H
#define AC_TLS_H

#include <openssl/ssl.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- errors -------------------------------------------------------------- */

/* What OpenSSL calls a reason (SSL_R_WRONG_VERSION_NUMBER), or gives as the
 * result of a verification (X509_V_ERR_CERT_HAS_EXPIRED), as the code that is
 * raised. ac_strerror has OpenSSL's words for them, and for the errors of its
 * other libraries: -(int)ERR_PACK(lib, 0, reason). The connection's own errors
 * are -ECONNRESET and so on, as everywhere. */
#define AC_TLS_ERROR(reason) (-(int)((20u << 23) | (unsigned)(reason)))
#define AC_TLS_VERIFY(result) (-(int)((1u << 23) | (unsigned)(result)))

/* The connection ended without a close_notify. */
#define AC_ETRUNCATED AC_TLS_ERROR(SSL_R_UNEXPECTED_EOF_WHILE_READING)

/* ---- configurations ------------------------------------------------------ */

/* What connections have in common: certificates and rules. */
typedef struct ac_tls ac_tls;

/* Of a server, what its clients show. */
enum { AC_TLS_NO_CLIENT_CERT, AC_TLS_CLIENT_CERT, AC_TLS_CLIENT_CERT_REQUIRED };

struct ac_tls_options {
  /* PEM: certificates to trust, and no others. NULL: a client trusts what the
   * system does (OpenSSL's SSL_CERT_FILE and SSL_CERT_DIR are heeded), a server
   * no client. */
  const char *ca_file;
  /* PEM: one's own certificate, and those up to one that the peer trusts; and
   * its key, NULL: in the same file. A server has to have them. */
  const char *cert_file, *key_file;
  const char *key_password; /* NULL: a key that has one is refused */
  /* Protocols to agree upon, with commas, the best first: "h2,http/1.1". NULL:
   * none. A server refuses clients that offer none of them, but not those that
   * offer nothing. */
  const char *alpn;
  /* Seconds for the handshake, then AC_ETIMEDOUT is raised. 0: 30; negative:
   * as long as it takes. */
  double handshake;
  int client_cert; /* a server's: one of the above */
  /* A client that takes any certificate of anybody: for tests. */
  int unverified;
  /* For what else OpenSSL can do: called for each connection before its
   * handshake. Returns 0, or an error to raise. */
  int (*setup)(SSL *ssl, void *arg);
  void *setup_arg;
};

/* Reads the files. 0 and *tls, which is the caller's to drop; or why not:
 * -ENOENT, an error of OpenSSL's, AC_EINVAL for options that make no sense.
 * options may be NULL for a client. Any thread; and what they make is never
 * changed, and may be used by loops of any threads. */
AC_API int ac_tls_client_new(ac_tls **tls,
                             const struct ac_tls_options *options);
AC_API int ac_tls_server_new(ac_tls **tls,
                             const struct ac_tls_options *options);
/* Drops it; connections keep what they need. NULL is allowed. */
AC_API void ac_tls_free(ac_tls *tls);
/* Its context, to be changed before the first connection (SNI callbacks, cipher
 * lists): TLS 1.2 or newer, no renegotiation. */
AC_API SSL_CTX *ac_tls_context(const ac_tls *tls);

/* ---- connections --------------------------------------------------------- */

/* A connection to a port of a host, whose certificate has to be for that name,
 * or that address. options as for ac_stream_connect. Raises what connecting and
 * the handshake may. */
_Async ac_stream *ac_tls_connect(const char *host, unsigned port, ac_tls *tls,
                                 const struct ac_connect_options *options);

/* TLS on top of a stream that is there (STARTTLS, proxies), which belongs to
 * the new one from then on, as do bytes that it has buffered; where the
 * handshake fails it is gone, and the peer has been told why. (A call that is
 * never begun, as that of a task that is cancelled at once, has not taken it.)
 * host: whom the certificate is to be for. */
_Async ac_stream *ac_tls_client(ac_stream *below, const char *host,
                                ac_tls *tls);
_Async ac_stream *ac_tls_server(ac_stream *below, ac_tls *tls);

/* For ac_server_options: .open = ac_tls_open, .open_arg = tls. The handshake is
 * part of the connection's task; where it fails, on_error has its code. */
_Async ac_stream *ac_tls_open(int fd, void *tls);

/* OpenSSL's object of a stream, for SSL_get_version, SSL_get0_peer_certificate
 * and the like; not for reading and writing. NULL: it is no TLS stream. */
AC_API SSL *ac_tls_ssl(const ac_stream *stream);
/* The protocol that was agreed upon, "" for none. The stream's. */
AC_API const char *ac_tls_alpn(const ac_stream *stream);

#ifdef __cplusplus
}
#endif
#endif
