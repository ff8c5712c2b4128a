/* SPDX-License-Identifier: MIT */
/* Polls the API in a thread of its own, and stands between that thread and the
 * host's: the shared tracker is all they have in common.
 *
 * Four threads meet here. The polling thread runs poller_main; it also reads
 * the files. The saving thread runs poller_saving_main, since a disk may keep a
 * writer waiting for long. The host's read callback calls poller_round. The
 * telling thread takes events by poller_wait_event, so that a notification's
 * receiver who blocks, which collectd lets him do, holds up neither polling nor
 * values. */
#ifndef POLLER_H
#define POLLER_H

#include "configuration.h"
#include "event.h"
#include "snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct poller;

/* A poller for all tasks of the configuration, which must outlive it. interval
 * (milliseconds) is that of the host. NULL on failure. */
struct poller *poller_create(const struct configuration *configuration,
                             int64_t interval);

/* Cancels the requests that are under way. No thread may be in here any
 * more. */
void poller_free(struct poller *poller);

/* The polling thread's start routine, to be given the poller; returns NULL
 * after poller_stop. */
void *poller_main(void *poller);

/* Makes poller_main return. From any thread. */
void poller_stop(struct poller *poller);

/* The saving thread's start routine, to be given the poller; returns NULL after
 * poller_stop_saving, having saved for the last time. */
void *poller_saving_main(void *poller);

/* Makes poller_saving_main return. From any thread, when the others have ended
 * or won't be waited for any more, so that the last is saved. */
void poller_stop_saving(struct poller *poller);

/* Begins a round of polling, waits for its answers, but at most so many
 * milliseconds, and fills snapshot with the values, which is empty as long as
 * it is not known which tasks there are. Returns false when out of memory. */
bool poller_round(struct poller *poller, int64_t wait,
                  struct snapshot *snapshot);

/* Waits for something to tell, and fills event with it; returns false after
 * poller_stop_events. */
bool poller_wait_event(struct poller *poller, struct event *event);

/* The event has been told. */
void poller_event_done(struct poller *poller, const struct event *event);

/* Waits until there is nothing to tell, but at most so many milliseconds. */
void poller_flush_events(struct poller *poller, int64_t wait);

/* Makes poller_wait_event return false, now and ever after. */
void poller_stop_events(struct poller *poller);

/* How many requests of the account are under way if none of them has ended yet;
 * 0 otherwise. For when the polling thread has ended. */
long poller_unanswered(const struct poller *poller, size_t account);

#endif
