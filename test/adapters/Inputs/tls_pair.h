// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the tests of TLS share: the two ends of a connection in one process, and
// a transport that moves one byte at a time.
#ifndef TLS_PAIR_H
#define TLS_PAIR_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <ac/tls.h>

struct ends {
    ac_stream *client, *server;
    ac_stream *client_below, *server_below; // until a handshake has begun
    int client_error, server_error;
};

// A file in the directory of certificates.
static inline const char *pem(const char *name)
{
    static char paths[8][200];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, 200, "%s/%s", getenv("AC_TEST_TLS"), name);
    return path;
}

static inline ac_tls *client_tls(const struct ac_tls_options *options)
{
    ac_tls *tls;
    int error = ac_tls_client_new(&tls, options);
    if (error)
        printf("client: %s\n", ac_strerror(error));
    return tls;
}

static inline ac_tls *server_tls(const struct ac_tls_options *options)
{
    ac_tls *tls;
    int error = ac_tls_server_new(&tls, options);
    if (error)
        printf("server: %s\n", ac_strerror(error));
    return tls;
}

static inline ac_tls *trusting_client(void)
{
    return client_tls(&(struct ac_tls_options){.ca_file = pem("ca.pem")});
}

static inline ac_tls *good_server(void)
{
    return server_tls(&(struct ac_tls_options){.cert_file = pem("good.pem")});
}

static inline void pair_of(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        abort();
}

// Owns the descriptor, and moves one byte at a time.
ac_stream *drip_open(int fd);

// Both handshakes at once.
_Async void shake(struct ends *ends, ac_stream *client, ac_stream *server,
                  const char *host, ac_tls *client_tls, ac_tls *server_tls);
_Async void meet(struct ends *ends, const char *host, ac_tls *client_tls,
                 ac_tls *server_tls);
// Closes both.
_Async void part(struct ends *ends);

#endif
