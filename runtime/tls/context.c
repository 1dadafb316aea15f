/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * context.c - configurations, and OpenSSL's errors as codes. */
#include "tls.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include <openssl/err.h>

/* ---- errors -------------------------------------------------------------- */

/* OpenSSL's library 1 is "none": its place is for results of verification. */
static const char *name_error(int code) {
  unsigned packed = 0u - (unsigned)code;
  if (packed >> 23 == 1)
    return X509_verify_cert_error_string((long)(packed & 0x7fffff));
  return ERR_reason_error_string(packed);
}

static struct ac_error_names names = {
    .first = -INT_MAX, .last = -(1 << 23), .name = name_error};

static void add_names(void) { ac_add_error_names(&names); }

int aci_tls_take_error(void) {
  unsigned long error = ERR_peek_error();
  ERR_clear_error();
  if (!error)
    return AC_EINVAL;
  if (ERR_SYSTEM_ERROR(error))
    return -ERR_GET_REASON(error);
  if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
    return AC_ENOMEM;
  return -(int)(error & INT_MAX);
}

/* ---- protocols ----------------------------------------------------------- */

static int set_alpn(ac_tls *tls, const char *list) {
  while (*list) {
    size_t bytes = strcspn(list, ",");
    if (!bytes || bytes > 255 || tls->alpn_bytes + 1 + bytes > ALPN_BYTES)
      return AC_EINVAL;
    tls->alpn[tls->alpn_bytes++] = (unsigned char)bytes;
    memcpy(tls->alpn + tls->alpn_bytes, list, bytes);
    tls->alpn_bytes += (unsigned)bytes;
    list += bytes + (list[bytes] == ',');
  }
  if (tls->alpn_bytes && !tls->is_server &&
      SSL_CTX_set_alpn_protos(tls->context, tls->alpn, tls->alpn_bytes))
    return AC_ENOMEM;
  return AC_OK;
}

static int select_alpn(SSL *ssl, const unsigned char **chosen,
                       unsigned char *bytes, const unsigned char *offered,
                       unsigned offered_bytes, void *arg) {
  const ac_tls *tls = arg;
  (void)ssl;
  unsigned char *found;
  if (SSL_select_next_proto(&found, bytes, tls->alpn, tls->alpn_bytes, offered,
                            offered_bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

/* ---- files --------------------------------------------------------------- */

/* A terminal is never asked. */
static int give_password(char *buffer, int bytes, int writing, void *arg) {
  const char *password = arg;
  (void)writing;
  size_t length = password ? strlen(password) : 0;
  if (!password || length > (size_t)bytes)
    return -1;
  memcpy(buffer, password, length);
  return (int)length;
}

static int load_own(SSL_CTX *context, const struct ac_tls_options *options) {
  const char *key = options->key_file ? options->key_file : options->cert_file;
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(
      context, (void *)(uintptr_t)options->key_password);
  int good =
      SSL_CTX_use_certificate_chain_file(context, options->cert_file) == 1 &&
      SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_check_private_key(context) == 1;
  SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
  return good ? AC_OK : aci_tls_take_error();
}

static int load_trusted(const ac_tls *tls, const char *file) {
  if (!file && tls->is_server)
    return AC_OK;
  if (!(file ? SSL_CTX_load_verify_file(tls->context, file)
             : SSL_CTX_set_default_verify_paths(tls->context)))
    return aci_tls_take_error();
  if (!tls->is_server)
    return AC_OK;
  /* Which ones clients may choose from. */
  STACK_OF(X509_NAME) *subjects = SSL_load_client_CA_file(file);
  if (!subjects)
    return aci_tls_take_error();
  SSL_CTX_set_client_CA_list(tls->context, subjects);
  return AC_OK;
}

/* ---- making one ---------------------------------------------------------- */

static int check(int is_server, const struct ac_tls_options *options) {
  if (options->key_file && !options->cert_file)
    return AC_EINVAL;
  if (!is_server)
    return options->client_cert ? AC_EINVAL : AC_OK;
  if (!options->cert_file || options->unverified ||
      (options->client_cert && !options->ca_file))
    return AC_EINVAL;
  return AC_OK;
}

static int verify_mode(const ac_tls *tls,
                       const struct ac_tls_options *options) {
  if (!tls->is_server)
    return options->unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
  switch (options->client_cert) {
  case AC_TLS_CLIENT_CERT:
    return SSL_VERIFY_PEER;
  case AC_TLS_CLIENT_CERT_REQUIRED:
    return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  default:
    return SSL_VERIFY_NONE;
  }
}

static int configure(ac_tls *tls, const struct ac_tls_options *options) {
  SSL_CTX *context = tls->context;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  /* A server's sessions are in its tickets; a client's, setup may set. */
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (tls->is_server)
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"acc", 3);
  SSL_CTX_set_verify(context, verify_mode(tls, options), NULL);
  int error = load_trusted(tls, options->ca_file);
  if (!error && options->cert_file)
    error = load_own(context, options);
  if (!error && options->alpn)
    error = set_alpn(tls, options->alpn);
  if (tls->is_server && tls->alpn_bytes)
    SSL_CTX_set_alpn_select_cb(context, select_alpn, tls);
  return error;
}

static int make(ac_tls **made, int is_server,
                const struct ac_tls_options *options) {
  static const struct ac_tls_options defaults;
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, add_names);
  *made = NULL;
  if (!options)
    options = &defaults;
  int error = check(is_server, options);
  if (error)
    return error;
  ac_tls *tls = OPENSSL_zalloc(sizeof *tls);
  if (!tls)
    return AC_ENOMEM;
  tls->holds = 1;
  tls->is_server = is_server;
  tls->unverified = options->unverified;
  tls->handshake = options->handshake == 0 ? 30 : options->handshake;
  tls->setup = options->setup;
  tls->setup_arg = options->setup_arg;
  ERR_clear_error();
  tls->context =
      SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  error = tls->context ? configure(tls, options) : AC_ENOMEM;
  ERR_clear_error();
  if (error)
    ac_tls_free(tls);
  else
    *made = tls;
  return error;
}

int ac_tls_client_new(ac_tls **tls, const struct ac_tls_options *options) {
  return make(tls, 0, options);
}

int ac_tls_server_new(ac_tls **tls, const struct ac_tls_options *options) {
  return make(tls, 1, options);
}

void aci_tls_hold(ac_tls *tls) { tls->holds++; }

void ac_tls_free(ac_tls *tls) {
  if (!tls || --tls->holds)
    return;
  SSL_CTX_free(tls->context);
  OPENSSL_free(tls);
}

SSL_CTX *ac_tls_context(const ac_tls *tls) { return tls->context; }
