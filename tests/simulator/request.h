/* SPDX-License-Identifier: MIT */
/* What is asked. */
#ifndef REQUEST_H
#define REQUEST_H

#include "blob.h"

#include <microhttpd.h>
#include <stdbool.h>
#include <string.h>

struct request {
  const char *method;
  const char *uri; /* as sent: /path?query, percent-encoded */
  const char *key; /* of the header x-api-key, or NULL */
  struct blob *upload;
};

static inline bool request_is(const struct request *request,
                              const char *method) {
  return strcmp(request->method, method) == 0;
}

/* Undoes percent-encoding in place. Returns false for a text with a NUL in it,
 * which nothing that can be asked for has. */
static inline bool request_unescape(char *text) {
  return MHD_http_unescape(text) == strlen(text);
}

#endif
