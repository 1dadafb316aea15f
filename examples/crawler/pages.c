// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// pages.c - addresses are taken apart and put together by libcurl.
#define _GNU_SOURCE // strcasestr
#include "pages.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int text_add(struct text *text, const void *data, size_t length)
{
    if (length >= text->room - text->length || text->room == 0) {
        size_t room = (text->length + length + 1) * 2;
        char *grown = realloc(text->data, room);
        if (grown == NULL)
            return 0;
        text->data = grown;
        text->room = room;
    }
    if (length > 0)
        memcpy(text->data + text->length, data, length);
    text->length += length;
    text->data[text->length] = 0;
    return 1;
}

void text_clear(struct text *text)
{
    text->length = 0;
    if (text->data)
        text->data[0] = 0;
}

// The part of an address, to be freed with free().
static char *part_of(CURLU *parts, CURLUPart part, unsigned flags)
{
    char *value = NULL;
    if (curl_url_get(parts, part, &value, flags))
        return NULL;
    char *copy = strdup(value);
    curl_free(value);
    return copy;
}

static int is_web(CURLU *parts)
{
    char *scheme = part_of(parts, CURLUPART_SCHEME, 0);
    int good = scheme && (strcmp(scheme, "http") == 0 ||
                          strcmp(scheme, "https") == 0);
    free(scheme);
    return good;
}

static char *normal(CURLU *parts)
{
    if (!is_web(parts) || curl_url_set(parts, CURLUPART_FRAGMENT, NULL, 0))
        return NULL;
    return part_of(parts, CURLUPART_URL, CURLU_NO_DEFAULT_PORT);
}

char *pages_normal(const char *url)
{
    CURLU *parts = curl_url();
    char *text = NULL;
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
        text = normal(parts);
    curl_url_cleanup(parts);
    return text;
}

const char *pages_path(const char *url)
{
    const char *begin = strstr(url, "//");
    begin = begin ? strchr(begin + 2, '/') : NULL;
    return begin ? begin : "/";
}

char *pages_host(const char *url)
{
    char *text = pages_normal(url);
    if (text)
        text[(size_t)(pages_path(text) - text)] = 0;
    return text;
}

// An address as it stands in an attribute.
static void unescape(char *value)
{
    char *to = value;
    for (const char *from = value; *from; from++) {
        *to++ = *from;
        if (strncasecmp(from, "&amp;", 5) == 0)
            from += 4;
    }
    *to = 0;
}

static int add_link(struct text *links, const char *base, const char *begin,
                    size_t length)
{
    char *value = strndup(begin, length);
    CURLU *parts = curl_url();
    int good = value && parts;
    char *link = NULL;
    if (good) {
        unescape(value);
        if (curl_url_set(parts, CURLUPART_URL, base, 0) == CURLUE_OK &&
            curl_url_set(parts, CURLUPART_URL, value, 0) == CURLUE_OK)
            link = normal(parts);
    }
    // What is no address is no link.
    if (link && !strchr(link, '\n'))
        good = text_add(links, link, strlen(link)) && text_add(links, "\n", 1);
    free(link);
    curl_url_cleanup(parts);
    free(value);
    return good;
}

int pages_links(struct text *links, const char *url, const char *html)
{
    int good = 1;
    const char *at = html;
    while (good && (at = strcasestr(at, "href")) != NULL) {
        at += 4;
        at += strspn(at, " \t\r\n");
        if (*at != '=')
            continue;
        at++;
        at += strspn(at, " \t\r\n");
        const char *end = at;
        if (*at == '"' || *at == '\'') {
            end = strchr(at + 1, *at);
            if (end == NULL)
                break;
            at++;
        } else {
            end += strcspn(at, " \t\r\n>");
        }
        // An empty one is the page itself.
        if (end > at)
            good = add_link(links, url, at, (size_t)(end - at));
        at = end;
    }
    return good;
}
