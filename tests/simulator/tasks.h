/* SPDX-License-Identifier: MIT */
/* The tasks, and how far they are. */
#ifndef TASKS_H
#define TASKS_H

#include "fate.h"

#include <json-c/json.h>

struct tasks;

struct task {
  char *id;
  struct fate *fate;
  const char *kind;  /* the fate's, or for a task that POST made, its own */
  uint64_t index;    /* among the tasks of its line, from 0 */
  uint64_t requests; /* that named it */
  usec clock;        /* when its phases began, or USEC_UNSET */
  usec first_asked;  /* with a good key, or USEC_UNSET */
  time_t created;
  int64_t run_id;              /* which it has from the start; 0: none */
  char run_key[24];            /* the same in decimal */
  struct json_object *request; /* the body of the POST that made it, or NULL */
};

struct tasks *tasks_new(void);
void tasks_free(struct tasks *tasks);

/* Adds a task, or gives one a new fate and starts its clock anew; its counts
 * stay then. The task is the table's, until it is forgotten. */
struct task *tasks_set(struct tasks *tasks, const char *id, struct fate *fate,
                       uint64_t index);

void tasks_forget(struct tasks *tasks, const char *id);

/* NULL if there is none. */
struct task *tasks_find(struct tasks *tasks, const char *id);

/* The task that has, or will have, this run, by its ID in decimal. Of several,
 * the one that claimed it last; NULL if there is none. */
struct task *tasks_find_run(struct tasks *tasks, const char *run_id);

/* A request with a good key has come for it. */
void tasks_ask(struct task *task);

bool tasks_has_ended(const struct task *task);

/* As the API would say it. */
const char *tasks_status(const struct task *task);

/* A task's counters; first_asked is in seconds from "launched". */
struct json_object *tasks_report(const struct task *task, usec launched);

/* Those of all tasks, by their IDs. */
struct json_object *tasks_report_all(struct tasks *tasks, usec launched);

/* Zeroes them. */
void tasks_reset(struct tasks *tasks);

#endif
