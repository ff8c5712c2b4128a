/* SPDX-License-Identifier: MIT */
/* What is known of one task: a part of the tracker, which alone changes it and
 * says when. Times are milliseconds of a steady clock. */
#ifndef TASK_H
#define TASK_H

#include "due_queue.h"
#include "event.h"
#include "moment.h"
#include "outcome.h"
#include "snapshot.h"
#include "task_list.h"
#include "task_record.h"
#include "task_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct task {
  struct due_entry due; /* first, so that an entry is its task */
  struct task_definition *definition;

  int64_t listed;      /* when it was first listed */
  int64_t unlisted;    /* when it was last found to be listed no more */
  int64_t started;     /* by its definition, or else when it was first listed */
  bool is_new;         /* or has a new definition, by the last listing */
  bool is_listed_next; /* by a listing that is being put in force */
  bool is_listed;

  bool saw_pending; /* so its end, when it comes, is known */
  enum task_state state;
  int64_t changed;                  /* when the state became what it is */
  int64_t confirmed;                /* when a valid answer last came */
  int64_t run_id;                   /* or STATUS_RUN_ID_NONE */
  char *exception_reason, *message; /* NULL: none */

  char *project_name, *studio_url; /* NULL: none */
  double media_duration;           /* negative: not known */
  bool wants_result;               /* before its end is told */

  bool is_taken;     /* a request for it is under way */
  unsigned failures; /* in a row */
  uint64_t round;    /* the number of the one in which it was taken */
  uint64_t asked;    /* the number of its request */
  int64_t gap;       /* between its last poll and the next */

  char *trouble_detail; /* NULL: none */
  int64_t trouble_since;
  enum outcome trouble; /* OUTCOME_OK: none */
  bool was_refused;     /* in an earlier life, and ever since */

  /* what has been told */
  bool end_told, stalled_told;
  bool reporting; /* in the list of those that may have something to tell */
  enum outcome trouble_told;
  struct task *next_reporting;

  size_t field_count;
  double fields[]; /* NAN: there is none */
};

/* A task of which nothing is known but a copy of its definition. NULL when out
 * of memory. */
struct task *task_create(const struct task_definition *definition,
                         size_t field_count, struct moment now);
void task_free(struct task *task);

/* Gives the task a definition of the same account, type and ID, which becomes
 * its own, to be freed by it. */
void task_define(struct task *task, struct task_definition *definition,
                 struct moment now);

bool task_is_final(const struct task *task);

/* Whether there is anything to ask for the task, now or later. */
bool task_wants_request(const struct task *task);

/* A copy of text, NULL if it is empty or when out of memory: what a task has no
 * text of is left out where it is told. */
char *task_copy_text(const char *text);

/* Takes over what a valid answer says beside the state, by copies; out of
 * memory, without the texts. */
void task_take_answer(struct task *task, const struct status_answer *status);

/* Frees what is known of the task's project only to be told with its end. */
void task_forget_project(struct task *task);

/* Values, in seconds; negative: not known. */
double task_elapsed(const struct task *task, int64_t now);
double task_status_age(const struct task *task, int64_t now);

/* Fills the values, but for which task they are of and its fields. */
void task_get_values(const struct task *task, int64_t now,
                     struct task_values *values);

/* Whether the trouble is that the API does not take the key for it. */
bool task_is_refused(const struct task *task);

/* Fills the record with what outlives the daemon, but for is_refused, which
 * takes the account to know. */
void task_get_record(const struct task *task, struct moment now,
                     struct task_record *record);

/* Takes it back into a new task. Returns false when out of memory: the task is
 * only good for being freed then. */
bool task_restore(struct task *task, const struct task_record *record,
                  struct moment now);

/* Fills an event on the task, by copies; the outcome is that of a trouble. */
void task_fill_event(const struct task *task, int64_t now, enum event_kind kind,
                     enum outcome outcome, struct event *event);

#endif
