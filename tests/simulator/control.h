/* SPDX-License-Identifier: MIT */
/* What tests ask of the simulator itself: one table has it. */
#ifndef CONTROL_H
#define CONTROL_H

#include "reply.h"
#include "request.h"
#include "world.h"

bool control_is_meant(const char *uri);

/* The answer to a request by which control is meant. */
struct reply control_answer(struct world *world, const struct request *request);

#endif
