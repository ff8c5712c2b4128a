/* SPDX-License-Identifier: MIT */
/* What is kept of tasks and accounts from one run of the daemon to the next:
 * what the tracker hands out to be saved, and takes back. Times are of the wall
 * clock, in milliseconds since the epoch; 0 says that there is none. */
#ifndef TASK_RECORD_H
#define TASK_RECORD_H

#include "status_decoder.h"
#include "task_list.h"
#include "task_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a task that is no longer listed is remembered, milliseconds: a list
 * that is empty for a moment costs nothing. */
#define TASK_UNLISTED_KEPT 3600000

struct task_record {
  size_t account; /* its index in the configuration */
  char id[TASK_ID_MAX + 1];
  char name[TASK_NAME_MAX + 1];
  char type[TASK_TYPE_MAX + 1];
  int64_t started;  /* as the user says */
  int64_t listed;   /* when it was first listed */
  int64_t unlisted; /* when it was last found to be listed no more */

  enum task_state state;
  bool saw_pending;  /* at any time, so its end is known */
  int64_t changed;   /* when the state became what it is */
  int64_t confirmed; /* when a valid answer last said so */
  int64_t run_id;    /* or STATUS_RUN_ID_NONE */
  char exception_reason[STATUS_REASON_SIZE];
  char message[STATUS_MESSAGE_SIZE];
  double media_duration; /* negative: not known */
  /* by the account's fields; NAN: none */
  double fields[STATUS_FIELDS_MAX];

  bool is_refused;   /* by 401 or 403, while the key was good for others */
  bool end_told;     /* it has been notified that the task has ended */
  bool stalled_told; /* it has been notified that the task is stuck */
};

struct account_record {
  size_t account;     /* its index in the configuration */
  bool key_rejected;  /* it has been notified, and not yet that this is over */
  bool blind;         /* likewise */
  int64_t held_until; /* no request before, since the API said so */
};

#endif
