/* SPDX-License-Identifier: MIT */
/* Hands collectd the values of the accounts and tasks, called as metrics.h
 * says. */
#ifndef EMITTER_H
#define EMITTER_H

#include "configuration.h"
#include "snapshot.h"

/* Finds out of which kind the fields' types are, once types.db has been read
 * (collectd: from the init callback on). A field whose type is not there, or
 * has not exactly one data source, is said in an error, and not emitted. */
void emitter_find_types(struct configuration *configuration);

/* Dispatches all values of the snapshot, whose accounts are those of the
 * configuration. To be called in the context of the read callback, from which
 * collectd takes the interval. */
void emitter_values(const struct configuration *configuration,
                    const struct snapshot *snapshot);

#endif
