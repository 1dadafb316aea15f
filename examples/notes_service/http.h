// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// http.h - HTTP/1.1 of a server: requests from a stream, responses to it.
#ifndef HTTP_H
#define HTTP_H

#include <ac/ac.h>
#include "parser.h"

enum {
    HTTP_MAX_URL = 1024,
    HTTP_MAX_HEAD = 16 * 1024, // all header fields
    HTTP_MAX_BODY = 64 * 1024
};

struct http_request {
    http_parser parser; // .method: HTTP_GET, ...
    char url[HTTP_MAX_URL + 1];
    size_t url_length;
    size_t head_length;
    char *body; // with a 0 after it; NULL: none
    size_t body_length;
    int keep_alive;
    int complete;
    int error; // the status to answer with, or 0
};

// Waits for the next request; a zeroed struct, or the one before. 1; 0: the
// client has nothing more to ask. What cannot be understood has `error` set.
_Async int http_read(ac_stream *stream, struct http_request *request);
void http_request_free(struct http_request *request);

// Queues a response whose body is JSON. 0 or an error of the stream.
int http_respond(ac_stream *stream, int status, const char *body,
                 int keep_alive);

#endif
