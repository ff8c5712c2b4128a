/* SPDX-License-Identifier: MIT */
/* The values of all accounts and tasks at one moment, on their way from the
 * tracker to the emitter. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "outcome.h"
#include "task_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values of one task. */
struct task_values {
  size_t account;   /* its index in the configuration */
  const char *name; /* in the snapshot's texts */
  enum task_state state;
  double elapsed;        /* seconds; negative: not known */
  double status_age;     /* seconds; negative: no valid answer yet */
  double media_duration; /* as the API gives it; negative: not known */
  size_t first_field;    /* in the snapshot's fields; the account's rules say
                            how many */
};

/* The values of one account. */
struct account_values {
  size_t states[TASK_STATE_COUNT]; /* how many tasks are in each */
  int up;                          /* 1, 0, or -1: nothing known yet */
  /* over the requests that ended since the last snapshot, in seconds;
   * negative: none ended */
  double response_average, response_maximum;
  int64_t requests[REQUEST_COUNTER_COUNT]; /* since the start */
};

/* All zero is an empty one. */
struct snapshot {
  struct account_values *accounts;
  struct task_values *tasks; /* in the order of their listing */
  double *fields;            /* NAN: there is none */
  char *texts;
  size_t account_count, account_capacity;
  size_t task_count, task_capacity;
  size_t field_count, field_capacity;
  size_t text_size, text_capacity;
};

/* What a snapshot is to hold: so many, and bytes of texts, each with its
 * terminator. */
struct snapshot_room {
  size_t accounts, tasks, fields, text_size;
};

/* Empties the snapshot and makes room in it, in the memory that it has if that
 * does. Returns false when out of memory. */
bool snapshot_start(struct snapshot *snapshot,
                    const struct snapshot_room *room);

/* Adds a task, for which there is room, with copies of its name and fields. Its
 * other values are for the caller to fill in. */
struct task_values *snapshot_add_task(struct snapshot *snapshot, size_t account,
                                      const char *name, const double *fields,
                                      size_t field_count);

/* Frees its memory. */
void snapshot_clear(struct snapshot *snapshot);

#endif
