/* SPDX-License-Identifier: MIT */
/* The API of tasks. */
#ifndef API_H
#define API_H

#include "reply.h"
#include "request.h"
#include "world.h"

/* The answer to a request. What else is to be done to it is laid over the
 * caller's misbehaviour. */
struct reply api_answer(struct world *world, const struct request *request,
                        struct misbehaviour *misbehaviour);

#endif
