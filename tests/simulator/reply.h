/* SPDX-License-Identifier: MIT */
/* What is answered, as long as nothing goes wrong. */
#ifndef REPLY_H
#define REPLY_H

#include <json-c/json.h>

struct reply {
  unsigned status;          /* of HTTP */
  struct json_object *json; /* an object, which is the reply's */
};

/* {} with the status 200. */
struct reply reply_new(void);

/* {"detail": "…"}, as the API's frame says it. */
struct reply reply_detail(unsigned status, const char *detail);

/* {"error": "…", "status": …}, as the API's gateway says it. */
struct reply reply_error(unsigned status, const char *error);

#endif
