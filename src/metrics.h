/* SPDX-License-Identifier: MIT */
/* What the values are called, which users' dashboards and alerts go by: the one
 * list of it. Names that there is one of for each state, or for each way for a
 * request to end, follow from task_state.h and outcome.h. */
#ifndef METRICS_H
#define METRICS_H

/* collectd's plugin of a task's values and notifications, and of an account's;
 * the plugin instance is the task's or account's name. */
#define TASK_PLUGIN "camb_task"
#define ACCOUNT_PLUGIN "camb_api"

/* A task's state as its code; this also identifies all notifications. */
#define STATUS_TYPE "gauge"
#define STATUS_TYPE_INSTANCE "status"

/* Gauges, one for each state, by this before its name: 1 for the state that the
 * task is in. */
#define STATE_SET_TYPE "gauge"
#define STATE_SET_PREFIX "state_"

/* X(type, type instance, member): the gauges of a task, by the member of struct
 * task_values; one that is negative is not known, and left out. To add one, add
 * a line here and the member in snapshot.h, and fill it in task_get_values. */
#define TASK_GAUGES(X)                                                         \
  X("duration", "elapsed", elapsed)                                            \
  X("duration", "status_age", status_age)                                      \
  X("duration", "media", media_duration)

/* How many tasks of an account are in each state, by the state's name. */
#define STATE_COUNT_TYPE "count"

/* The same as TASK_GAUGES for an account, by struct account_values and
 * account_health_get_values. */
#define ACCOUNT_GAUGES(X)                                                      \
  X("gauge", "up", up)                                                         \
  X("response_time", "average", response_average)                              \
  X("response_time", "maximum", response_maximum)

/* How the account's requests ended, a DERIVE by each counter's name. */
#define REQUESTS_TYPE "total_requests"

#endif
