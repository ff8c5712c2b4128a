/* SPDX-License-Identifier: MIT */
/* What is known of each task, and when it is asked next: plain data and pure
 * functions. The tracker has no clock, no thread, no network, no disk and no
 * collectd in it; answers and the time are handed in, and what there is to tell
 * or to save is handed out. It is not thread-safe: shared_tracker.h
 * guards it.
 *
 * What is to be told is not queued but follows from the state: an event is
 * offered by tracker_next_event for as long as what it says is true and
 * tracker_event_done has not been called for it. So an event can be repeated
 * but not lost, and nothing grows while nobody takes events. */
#ifndef TRACKER_H
#define TRACKER_H

#include "event.h"
#include "moment.h"
#include "outcome.h"
#include "result_decoder.h"
#include "snapshot.h"
#include "status_decoder.h"
#include "task_list.h"
#include "task_record.h"
#include "task_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long a task's end is kept back until its result may be asked for,
 * milliseconds; the request itself takes its own time. */
#define TRACKER_RESULT_WAIT 60000

/* The rules for an account's tasks; times in milliseconds. */
struct tracker_rules {
  int64_t poll_interval_max;  /* of a pending task; 0: every interval */
  int64_t error_interval_max; /* of the back-off */
  int64_t stalled_after;      /* 0: never */
  int64_t forget_after;       /* 0: never */
  bool fetches_results;
  size_t field_count; /* at most STATUS_FIELDS_MAX */
};

struct tracker;
struct task; /* what is known of one task; belongs to the tracker, and stays as
                long as it is taken */

/* A tracker of so many accounts, each with its rules, which are copied, whose
 * tasks are asked every interval (milliseconds). The seed is that of the
 * back-off's jitter. NULL when out of memory. */
struct tracker *tracker_create(const struct tracker_rules *rules,
                               size_t accounts, int64_t interval,
                               uint32_t seed);
void tracker_free(struct tracker *tracker);

/* Follows the tasks of the list from now on, by copies, and no others. What is
 * known of a task, which is one by its account, type and ID, goes on with its
 * new name or start. One that is no longer listed is no longer asked and has no
 * values, but is remembered for TASK_UNLISTED_KEPT. Returns false when out
 * of memory; nothing has changed then. */
bool tracker_set_tasks(struct tracker *tracker, const struct task_list *list,
                       struct moment now);

/* Takes back what tracker_record_task gave out in an earlier life: as a task
 * that is not listed. One that is known already stays as it is. Returns false
 * when out of memory; nothing has changed then. */
bool tracker_restore_task(struct tracker *tracker,
                          const struct task_record *record, struct moment now);

/* The same of tracker_record_account, which needs no memory. */
void tracker_restore_account(struct tracker *tracker,
                             const struct account_record *record,
                             struct moment now);

/* Whether a list of tasks was given. */
bool tracker_has_list(const struct tracker *tracker);

/* While the tasks are pinned, none comes or goes, so each keeps its index:
 * tracker_set_tasks must not be called, and old tasks are remembered longer. */
void tracker_pin(struct tracker *tracker, bool is_pinned);
bool tracker_is_pinned(const struct tracker *tracker);

/* Counts the changes of what is to be saved of an account and its tasks. */
uint64_t tracker_changes(const struct tracker *tracker, size_t account);

/* How many tasks are known, listed or not. */
size_t tracker_task_count(const struct tracker *tracker);

/* Fill the record with what is to be saved of a task, by an index below that
 * count, and of an account. */
void tracker_record_task(const struct tracker *tracker, size_t index,
                         struct moment now, struct task_record *record);
void tracker_record_account(const struct tracker *tracker, size_t account,
                            struct moment now, struct account_record *record);

/* Whether there is a key to ask with for the account; there is at first. While
 * there is none, none of its tasks is due and the account is not up. is_new:
 * it is another one than before. */
void tracker_set_key(struct tracker *tracker, size_t account, bool available,
                     bool is_new);

/* A new round begins: the tasks that are due by now may be taken. */
void tracker_begin_round(struct tracker *tracker, struct moment now);

/* Takes the account's task that is due first in this round, NULL if there is
 * none that may be asked. It is not due again until it is answered or given
 * back. */
struct task *tracker_take_due(struct tracker *tracker, size_t account);

/* What a taken task is to be asked. */
enum request_kind {
  REQUEST_STATUS, /* its status */
  REQUEST_RESULT  /* the result of its run, by tracker_run_id */
};
enum request_kind tracker_request_kind(const struct task *task);
int64_t tracker_run_id(const struct task *task);

/* Whether any task that was taken in this round is not answered yet, or any
 * that is due is not taken yet. */
bool tracker_round_is_open(const struct tracker *tracker);

/* The definition of a task, until tracker_set_tasks changes it. */
const struct task_definition *tracker_task_definition(const struct task *task);

/* What came of asking for a task. */
struct poll_answer {
  enum outcome outcome;
  struct status_answer status;    /* of REQUEST_STATUS, if OUTCOME_OK */
  struct project_result result;   /* of REQUEST_RESULT, if OUTCOME_OK */
  double seconds;                 /* how long the request took */
  int64_t retry_after;            /* milliseconds; 0: not said */
  char detail[EVENT_DETAIL_SIZE]; /* of a trouble, for the log; else "" */
};

/* The answer to a taken task. Only a valid answer changes its state. */
void tracker_answer(struct tracker *tracker, struct task *task,
                    const struct poll_answer *answer, struct moment now);

/* Whether any request for the account has ended so far. */
bool tracker_was_answered(const struct tracker *tracker, size_t account);

/* The taken task was not asked after all. */
void tracker_give_back(struct tracker *tracker, struct task *task);

/* Ends the interval: judges how the accounts did in it and fills snapshot,
 * whose memory is reused, and which is empty as long as no list of tasks was
 * given. Returns false when out of memory; the snapshot then has nothing in it,
 * and the interval goes on. */
bool tracker_snapshot(struct tracker *tracker, struct moment now,
                      struct snapshot *snapshot);

/* Fills event with what is to be told next; false if there is nothing, or no
 * list of tasks was given yet: what was restored goes by its definition there.
 */
bool tracker_next_event(struct tracker *tracker, struct moment now,
                        struct event *event);

/* The event has been told, and is not offered again. */
void tracker_event_done(struct tracker *tracker, const struct event *event);

#endif
