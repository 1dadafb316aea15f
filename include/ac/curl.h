/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * curl.h - libcurl's transfers, awaited: component curl, acc::curl. */
#ifndef AC_CURL_H
#define AC_CURL_H

#include <curl/curl.h>

#include <ac/ac.h>

#ifdef __cplusplus
extern "C" {
#endif

/* curl_easy_perform, while other tasks run. Returns what that returns: its
 * text is that of curl_easy_strerror, or in the CURLOPT_ERRORBUFFER. The
 * handle is the caller's again afterwards. All transfers of a loop share one
 * multi handle, and so connections, DNS answers and TLS sessions.
 * Raises AC_EBUSY when the handle is being performed already, AC_ENOMEM, and
 * AC_ECANCELED: the transfer has been taken out then and its connection
 * closed, as by curl_multi_remove_handle. What has been sent by then, was. */
_Async CURLcode ac_curl_perform(CURL *easy);

/* The loop's multi handle, for curl_multi_setopt: CURLMOPT_MAX_HOST_CONNECTIONS
 * and the like. It belongs to the loop; its socket and timer functions stay as
 * they are. NULL when out of memory or outside of a loop. */
AC_API CURLM *ac_curl_multi(void);

#ifdef __cplusplus
}
#endif
#endif
