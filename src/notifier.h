/* SPDX-License-Identifier: MIT */
/* Tells people what happens: by notifications, and by lines in collectd's
 * log. */
#ifndef NOTIFIER_H
#define NOTIFIER_H

#include "configuration.h"
#include "event.h"

/* Tells one event, by the options of its account, whose index is one of the
 * configuration's. Out of memory, a notification has less meta data. Blocks for
 * as long as a notification's receiver does: collectd runs them in the calling
 * thread. */
void notifier_tell(const struct configuration *configuration,
                   const struct event *event);

#endif
