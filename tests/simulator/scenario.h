/* SPDX-License-Identifier: MIT */
/* The scenario language, which is described at the head of
 * camb_api_simulator.c: one table has its commands, and option.c its words. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "world.h"

/* Applies all lines of a text, or none when one is bad. source: whose text it
 * is, for errors. directory: where its relative file names start; NULL: in our
 * own. Returns NULL, or the error, to be freed. */
char *scenario_apply(struct world *world, const char *source,
                     const char *directory, const char *text, size_t size);

#endif
