// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// parser.h - one interface to llhttp, and to http_parser, which it came from,
// for distributions that have only one of them.
#ifndef PARSER_H
#define PARSER_H

#include <stddef.h>

#ifdef WITH_LLHTTP

#include <llhttp.h>

typedef llhttp_t http_parser;
typedef llhttp_settings_t http_parser_settings;

#define http_should_keep_alive llhttp_should_keep_alive

static inline void parser_begin(http_parser *parser, void *data,
                                const http_parser_settings *settings)
{
    llhttp_init(parser, HTTP_REQUEST, settings);
    parser->data = data;
}

// What is made use of; 0 at the end of the stream tells the parser so. After an
// error `*failed` is set.
static inline size_t parser_feed(http_parser *parser,
                                 const http_parser_settings *settings,
                                 const char *data, size_t length, int *failed)
{
    (void)settings;
    llhttp_errno_t code = length ? llhttp_execute(parser, data, length)
                                 : llhttp_finish(parser);
    *failed = code != HPE_OK && code != HPE_PAUSED;
    const char *end = llhttp_get_error_pos(parser);
    if (code == HPE_OK || length == 0)
        return length;
    return end ? (size_t)(end - data) : 0;
}

// In a callback that returns what this does: feed goes no further.
static inline int parser_pause(http_parser *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

#else

#include <http_parser.h>

static inline void parser_begin(http_parser *parser, void *data,
                                const http_parser_settings *settings)
{
    (void)settings;
    http_parser_init(parser, HTTP_REQUEST);
    parser->data = data;
}

static inline size_t parser_feed(http_parser *parser,
                                 const http_parser_settings *settings,
                                 const char *data, size_t length, int *failed)
{
    size_t used = http_parser_execute(parser, settings, data, length);
    enum http_errno code = HTTP_PARSER_ERRNO(parser);
    *failed = code != HPE_OK && code != HPE_PAUSED;
    return used;
}

static inline int parser_pause(http_parser *parser)
{
    http_parser_pause(parser, 1);
    return 0;
}

#endif
#endif
