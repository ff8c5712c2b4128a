/* SPDX-License-Identifier: MIT */
/* The URLs that requests are made to and by, as libcurl takes them: a part of
 * the HTTP client that the configuration needs, too. */
#ifndef HTTP_URL_H
#define HTTP_URL_H

#include <stdbool.h>

/* Each check returns NULL if the text is fine, or what is wrong with it (static
 * text). A base URL is http or https, without a user, a query and a fragment. A
 * proxy is given by URL, of which the host is enough, or by "": none. */
const char *http_url_check(const char *url);
const char *http_url_check_proxy(const char *proxy);

/* Whether a request to this base URL would carry the key over a network in
 * clear text: http to a host that is not loopback. */
bool http_url_is_exposed(const char *url);

/* Joins a base URL, with or without a slash at its end, a path and an ID, which
 * is percent-encoded. To be freed; NULL when out of memory. */
char *http_url_join(const char *base, const char *path, const char *id);

#endif
