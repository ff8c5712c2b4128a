/* SPDX-License-Identifier: MIT */
/* An answer on its way through the HTTP library, or past it. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "delay.h"
#include "misbehaviour.h"
#include "reply.h"

#include <microhttpd.h>

/* All zero until it is made. */
struct response {
  struct MHD_Response *http; /* NULL until then */
  unsigned status;
  enum ending ending;
  struct blob *body;
};

/* Makes it of what is answered, which is taken over, and of what is done to it.
 * The delay is the request's, for a body that is dripped. */
void response_make(struct response *response, struct reply reply,
                   const struct misbehaviour *misbehaviour,
                   struct delay *delay);

/* Sends it. MHD_NO, for a library that is to close the connection, when it has
 * sent something else than HTTP, or nothing. */
enum MHD_Result response_send(const struct response *response,
                              const struct delay *delay);

/* Frees what it holds. */
void response_clear(struct response *response);

#endif
