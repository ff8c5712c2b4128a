/* SPDX-License-Identifier: MIT */
#include "shared_tracker.h"

#include "utf8.h"

void shared_tracker_init_condition(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
}

void shared_tracker_init(struct shared_tracker *shared,
                         struct tracker *tracker) {
  *shared = (struct shared_tracker){.tracker = tracker};
  pthread_mutex_init(&shared->mutex, NULL);
  shared_tracker_init_condition(&shared->changed);
}

void shared_tracker_destroy(struct shared_tracker *shared) {
  tracker_free(shared->tracker);
  file_problems_clear(&shared->problems);
  pthread_cond_destroy(&shared->changed);
  pthread_mutex_destroy(&shared->mutex);
}

void shared_tracker_lock(struct shared_tracker *shared) {
  pthread_mutex_lock(&shared->mutex);
}

void shared_tracker_unlock(struct shared_tracker *shared) {
  pthread_mutex_unlock(&shared->mutex);
}

void shared_tracker_unlock_changed(struct shared_tracker *shared) {
  pthread_cond_broadcast(&shared->changed);
  pthread_mutex_unlock(&shared->mutex);
}

void shared_tracker_set_problem(struct shared_tracker *shared,
                                const void *owner, const char *text) {
  char line[1][EVENT_DETAIL_SIZE];
  utf8_copy_any(line[0], sizeof(line[0]), text);
  shared_tracker_lock(shared);
  file_problems_set(&shared->problems, owner, line, text[0] != '\0' ? 1 : 0);
  shared_tracker_unlock_changed(shared);
}

struct timespec shared_tracker_deadline(int64_t wait) {
  int64_t deadline = moment_now().steady + wait;
  return (struct timespec){.tv_sec = (time_t)(deadline / 1000),
                           .tv_nsec = (long)(deadline % 1000) * 1000000};
}

bool shared_tracker_wait(struct shared_tracker *shared,
                         const struct timespec *deadline) {
  return pthread_cond_timedwait(&shared->changed, &shared->mutex, deadline) ==
         0;
}
