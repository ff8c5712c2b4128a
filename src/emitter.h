/* SPDX-License-Identifier: MIT */
/* Hands collectd what the plugin has to say: values, notifications and log
 * lines. The metrics' names are a contract with the users' dashboards. */
#ifndef EMITTER_H
#define EMITTER_H

#include "configuration.h"
#include "event.h"
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

/* Tells one event: sends a notification, writes a log line, or both. Blocks for
 * as long as a notification's receiver does: collectd runs them in the calling
 * thread. */
void emitter_event(const struct configuration *configuration,
                   const struct event *event);

#endif
