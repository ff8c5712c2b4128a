/* SPDX-License-Identifier: MIT */
/* Tasks that are made by POST. */
#ifndef CREATION_H
#define CREATION_H

#include "reply.h"
#include "request.h"
#include "world.h"

/* The same text, which lives for ever, if the API documents such a kind of
 * task; else NULL. */
const char *creation_kind(const char *kind);

/* Makes a task of such a kind, unless what was uploaded is wrong. */
struct reply creation_reply(struct world *world, const char *kind,
                            const struct blob *upload);

#endif
