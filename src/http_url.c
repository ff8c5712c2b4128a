/* SPDX-License-Identifier: MIT */
#include "http_url.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A part of the URL, NULL if it has none; to be freed by curl_free. */
static char *url_part(const char *url, CURLUPart part, unsigned flags) {
  char *value = NULL;
  CURLU *handle = curl_url();
  if (handle != NULL && curl_url_set(handle, CURLUPART_URL, url, flags) == 0)
    curl_url_get(handle, part, &value, 0);
  curl_url_cleanup(handle);
  return value;
}

static bool url_has(const char *url, CURLUPart part) {
  char *value = url_part(url, part, 0);
  curl_free(value);
  return value != NULL;
}

const char *http_url_check(const char *url) {
  char *scheme = url_part(url, CURLUPART_SCHEME, CURLU_NON_SUPPORT_SCHEME);
  bool is_url = scheme != NULL;
  bool is_http = is_url && (strcasecmp(scheme, "http") == 0 ||
                            strcasecmp(scheme, "https") == 0);
  curl_free(scheme);
  if (!is_url)
    return "it is not a URL";
  if (!is_http)
    return "it is neither an http nor an https URL";
  if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
    return "it holds a user or password";
  if (strchr(url, '?') != NULL || strchr(url, '#') != NULL)
    return "it has a query or a fragment";
  return NULL;
}

const char *http_url_check_proxy(const char *proxy) {
  if (proxy[0] == '\0')
    return NULL;
  char *host = url_part(proxy, CURLUPART_HOST,
                        CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME);
  bool is_url = host != NULL;
  curl_free(host);
  return is_url ? NULL : "it is not a URL";
}

static bool is_loopback(const char *host) {
  struct in_addr address;
  if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
    return true;
  return inet_pton(AF_INET, host, &address) == 1 &&
         ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool http_url_is_exposed(const char *url) {
  char *scheme = url_part(url, CURLUPART_SCHEME, 0);
  char *host = url_part(url, CURLUPART_HOST, 0);
  bool exposed = scheme != NULL && host != NULL &&
                 strcasecmp(scheme, "http") == 0 && !is_loopback(host);
  curl_free(scheme);
  curl_free(host);
  return exposed;
}

char *http_url_join(const char *base, const char *path, const char *id) {
  size_t length = strlen(base);
  while (length > 0 && base[length - 1] == '/')
    length--;
  char *escaped = curl_easy_escape(NULL, id, 0);
  char *url = NULL;
  if (escaped != NULL &&
      asprintf(&url, "%.*s/%s/%s", (int)length, base, path, escaped) < 0)
    url = NULL;
  curl_free(escaped);
  return url;
}
