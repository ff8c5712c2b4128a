/* SPDX-License-Identifier: MIT */
/* What is known of each task, and when it is asked next: plain data and pure
 * functions. The tracker has no clock, no thread, no network, no disk and no
 * collectd in it; answers and the time are handed in, and what there is to tell
 * is handed out. It is not thread-safe: the poller guards it by its mutex.
 *
 * What is to be told is not queued but follows from the state: an event is
 * offered by tracker_next_event for as long as what it says is true and
 * tracker_event_done has not been called for it. So an event can be repeated
 * but not lost, and nothing grows while nobody takes events. */
#ifndef TRACKER_H
#define TRACKER_H

#include "outcome.h"
#include "status_decoder.h"
#include "task_list.h"
#include "task_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACKER_DETAIL_SIZE 256 /* bytes with the terminator */
/* Bad rounds in a row after which an account counts as out of reach. */
#define TRACKER_ROUNDS_UNTIL_BLIND 3
/* Tasks of an account that are logged by name for each kind of trouble. */
#define TRACKER_TASKS_LOGGED 10

/* A moment, in milliseconds: of the wall clock (since the epoch), by which
 * users say when a task was started, and of a steady clock, by which all is
 * measured. */
struct moment {
  int64_t wall, steady;
};

struct tracker;
struct task; /* what is known of one task; belongs to the tracker */

/* A tracker of so many accounts, whose tasks are asked every interval
 * (milliseconds). NULL when out of memory. */
struct tracker *tracker_create(size_t accounts, int64_t interval);
void tracker_free(struct tracker *tracker);

/* Follows one more task, by a copy of the definition. Returns false when out of
 * memory; nothing has changed then. */
bool tracker_add_task(struct tracker *tracker,
                      const struct task_definition *definition,
                      struct moment now);

/* Whether there is a key to ask with for the account; there is at first. While
 * there is none, none of its tasks is due and the account is not up. problem
 * says what is wrong with the key's file, "" if nothing is; it is told as an
 * event when it changes. */
void tracker_set_key(struct tracker *tracker, size_t account, bool available,
                     const char *problem);

/* A new round begins: the tasks that are due by now may be taken. */
void tracker_begin_round(struct tracker *tracker, struct moment now);

/* Takes the account's task that is due first in this round, NULL if there is
 * none. It is not due again until it is answered or given back. */
struct task *tracker_take_due(struct tracker *tracker, size_t account);

/* Whether any task that was taken in this round is not answered yet, or any
 * that is due is not taken yet. */
bool tracker_round_is_open(const struct tracker *tracker);

/* The definition of a task, the same for as long as there is the task. */
const struct task_definition *tracker_task_definition(const struct task *task);

/* What came of asking for a task. */
struct poll_answer {
  enum outcome outcome;
  struct status_answer status;      /* when the outcome is OUTCOME_OK */
  double seconds;                   /* how long the request took */
  char detail[TRACKER_DETAIL_SIZE]; /* of a trouble, for the log; else "" */
};

/* The answer to a taken task. Whatever it is, the task is due again in the
 * next round unless its state is final; only a valid answer changes its
 * state. */
void tracker_answer(struct tracker *tracker, struct task *task,
                    const struct poll_answer *answer, struct moment now);

/* Whether any request for the account has ended so far. */
bool tracker_was_answered(const struct tracker *tracker, size_t account);

/* The taken task was not asked after all. */
void tracker_give_back(struct tracker *tracker, struct task *task);

/* The values of one task. */
struct task_values {
  size_t account;
  char name[TASK_NAME_MAX + 1];
  enum task_state state;
  double elapsed;    /* seconds; negative: not known */
  double status_age; /* seconds; negative: no valid answer yet */
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

/* All values at one moment. All zero is an empty one. */
struct snapshot {
  struct account_values *accounts;
  size_t account_count;
  struct task_values *tasks; /* in the order of their listing */
  size_t task_count;
  size_t task_capacity;
};

/* Ends the interval: judges how the account did in it and fills snapshot, whose
 * memory is reused. Returns false when out of memory; the snapshot then has
 * nothing in it, and the interval goes on. */
bool tracker_snapshot(struct tracker *tracker, struct moment now,
                      struct snapshot *snapshot);

void snapshot_clear(struct snapshot *snapshot);

enum tracker_event_kind {
  EVENT_TASK_ENDED,           /* the task has reached a final state */
  EVENT_TASK_TROUBLE,         /* asking for this task goes wrong */
  EVENT_TASK_TROUBLE_OVER,    /* it does not any more */
  EVENT_MANY_TASKS_TROUBLE,   /* so many tasks that no more are named */
  EVENT_MANY_TASKS_OVER,      /* for none of them any more */
  EVENT_ACCOUNT_TROUBLE,      /* asking for the account's tasks goes wrong */
  EVENT_ACCOUNT_TROUBLE_OVER, /* it does not any more */
  EVENT_KEY_PROBLEM,          /* what is wrong with the key's file */
  EVENT_KEY_PROBLEM_OVER,     /* nothing any more */
  EVENT_KEY_REJECTED,         /* a round with no good answer, but 401 or 403 */
  EVENT_KEY_ACCEPTED,         /* good answers again */
  EVENT_BLIND,                /* several rounds without any good answer */
  EVENT_BLIND_OVER            /* good answers again */
};

/* One thing to tell. A copy: nothing in it changes or goes away. */
struct tracker_event {
  enum tracker_event_kind kind;
  size_t account;
  enum outcome outcome; /* of a trouble */
  char detail[TRACKER_DETAIL_SIZE];
  struct task *task;            /* of events on a task, else NULL */
  char name[TASK_NAME_MAX + 1]; /* of the task, or of the first one that had
                                   the account's trouble */
  /* of events on a task: */
  char id[TASK_ID_MAX + 1];
  enum task_state state;
  double elapsed; /* seconds; negative: not known */
  int64_t run_id; /* or STATUS_RUN_ID_NONE */
  char exception_reason[STATUS_REASON_SIZE];
  char message[STATUS_MESSAGE_SIZE];
};

/* Fills event with what is to be told next; false if there is nothing. */
bool tracker_next_event(struct tracker *tracker, struct moment now,
                        struct tracker_event *event);

/* The event has been told, and is not offered again. */
void tracker_event_done(struct tracker *tracker,
                        const struct tracker_event *event);

#endif
