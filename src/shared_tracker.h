/* SPDX-License-Identifier: MIT */
/* The tracker and the files' problems behind one mutex: all that the plugin's
 * threads share. The mutex is never held while the disk, the network or the
 * host is waited for. */
#ifndef SHARED_TRACKER_H
#define SHARED_TRACKER_H

#include "file_problems.h"
#include "tracker.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct shared_tracker {
  pthread_mutex_t mutex;
  pthread_cond_t changed; /* anything that somebody may wait for */
  struct tracker *tracker;
  struct file_problems problems;
};

/* Takes over the tracker, which may be NULL. */
void shared_tracker_init(struct shared_tracker *shared,
                         struct tracker *tracker);

/* Frees the tracker, too. */
void shared_tracker_destroy(struct shared_tracker *shared);

/* Makes a condition that can be waited for until a shared_tracker_deadline. To
 * be destroyed by the caller. */
void shared_tracker_init_condition(pthread_cond_t *condition);

void shared_tracker_lock(struct shared_tracker *shared);
void shared_tracker_unlock(struct shared_tracker *shared);

/* Unlocks after a change that somebody may wait for. */
void shared_tracker_unlock_changed(struct shared_tracker *shared);

/* Locks, and sets the one problem of a file's owner; "" for none. text may
 * be of any bytes, and is cut to EVENT_DETAIL_SIZE. */
void shared_tracker_set_problem(struct shared_tracker *shared,
                                const void *owner, const char *text);

/* The steady clock's time in so many milliseconds. */
struct timespec shared_tracker_deadline(int64_t wait);

/* Waits, locked, for a change, which may be none that the caller waits for.
 * Returns false when the deadline is past. */
bool shared_tracker_wait(struct shared_tracker *shared,
                         const struct timespec *deadline);

#endif
