/* SPDX-License-Identifier: MIT */
#include "reply.h"

#include "object.h"

#include <microhttpd.h>

struct reply reply_new(void) {
  return (struct reply){MHD_HTTP_OK, object_new()};
}

struct reply reply_detail(unsigned status, const char *detail) {
  struct reply reply = {status, object_new()};
  object_set_text(reply.json, "detail", detail);
  return reply;
}

struct reply reply_error(unsigned status, const char *error) {
  struct reply reply = {status, object_new()};
  object_set_text(reply.json, "error", error);
  object_set_count(reply.json, "status", status);
  return reply;
}
