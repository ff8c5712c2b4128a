/* SPDX-License-Identifier: MIT */
#include "tasks.h"

#include "memory.h"
#include "object.h"

#include <inttypes.h>
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_FRESH_RUN = 900001, TABLE_SIZE = 1024 };

struct tasks {
  struct lh_table *by_id; /* which owns them */
  struct lh_table *by_run;
  int64_t fresh_run;
};

static void free_task(struct lh_entry *entry) {
  struct task *task = lh_entry_v(entry);
  json_object_put(task->request);
  fate_put(task->fate);
  free(task->id);
  free(task);
}

struct tasks *tasks_new(void) {
  struct tasks *tasks = memory_zeroed(sizeof(*tasks));
  tasks->by_id = memory_must(lh_kchar_table_new(TABLE_SIZE, free_task));
  tasks->by_run = memory_must(lh_kchar_table_new(TABLE_SIZE, NULL));
  tasks->fresh_run = FIRST_FRESH_RUN;
  return tasks;
}

void tasks_free(struct tasks *tasks) {
  lh_table_free(tasks->by_run);
  lh_table_free(tasks->by_id);
  free(tasks);
}

static struct task *find(struct lh_table *table, const char *key) {
  struct lh_entry *entry = lh_table_lookup_entry(table, key);
  return entry != NULL ? lh_entry_v(entry) : NULL;
}

static void insert(struct lh_table *table, const char *key, struct task *task) {
  if (lh_table_insert(table, key, task) != 0)
    memory_must(NULL);
}

struct task *tasks_find(struct tasks *tasks, const char *id) {
  return find(tasks->by_id, id);
}

struct task *tasks_find_run(struct tasks *tasks, const char *run_id) {
  return find(tasks->by_run, run_id);
}

static void leave_run(struct tasks *tasks, struct task *task) {
  if (tasks_find_run(tasks, task->run_key) == task)
    lh_table_delete(tasks->by_run, task->run_key);
  task->run_key[0] = '\0';
  task->run_id = 0;
}

/* 0: a fresh one. */
static void claim_run(struct tasks *tasks, struct task *task, int64_t run_id) {
  do {
    task->run_id = run_id > 0 ? run_id : tasks->fresh_run++;
    snprintf(task->run_key, sizeof(task->run_key), "%" PRId64, task->run_id);
  } while (run_id == 0 && tasks_find_run(tasks, task->run_key) != NULL);
  lh_table_delete(tasks->by_run, task->run_key);
  insert(tasks->by_run, task->run_key, task);
}

struct task *tasks_set(struct tasks *tasks, const char *id, struct fate *fate,
                       uint64_t index) {
  struct task *task = tasks_find(tasks, id);
  if (task == NULL) {
    task = memory_zeroed(sizeof(*task));
    task->id = memory_text(id);
    task->first_asked = USEC_UNSET;
    insert(tasks->by_id, task->id, task);
  }
  leave_run(tasks, task);
  fate_replace(&task->fate, fate);
  task->kind = fate->kind;
  task->index = index;
  task->clock = fate->clock == CLOCK_ASKED ? USEC_UNSET : usec_now();
  task->created = time(NULL);
  if (fate->has_run)
    claim_run(tasks, task,
              fate->run_id > 0 ? fate->run_id + (int64_t)index : 0);
  return task;
}

void tasks_forget(struct tasks *tasks, const char *id) {
  struct task *task = tasks_find(tasks, id);
  if (task == NULL)
    return;
  leave_run(tasks, task);
  lh_table_delete(tasks->by_id, task->id);
}

void tasks_ask(struct task *task) {
  usec now = usec_now();
  if (task->first_asked == USEC_UNSET)
    task->first_asked = now;
  if (task->clock == USEC_UNSET)
    task->clock = now;
}

bool tasks_has_ended(const struct task *task) {
  return task->fate->end != NULL && task->clock != USEC_UNSET &&
         usec_now() - task->clock >= task->fate->pending;
}

const char *tasks_status(const struct task *task) {
  return tasks_has_ended(task) ? task->fate->end : "PENDING";
}

struct json_object *tasks_report(const struct task *task, usec launched) {
  struct json_object *report = object_new();
  object_set_count(report, "requests", task->requests);
  object_set_text(report, "state", tasks_status(task));
  object_set_text(report, "kind", task->kind);
  object_set(report, "run_id",
             task->run_id > 0 ? object_number(task->run_id) : NULL);
  object_set(
      report, "first_asked",
      task->first_asked != USEC_UNSET
          ? json_object_new_double((double)(task->first_asked - launched) /
                                   (double)USEC_SECOND)
          : NULL);
  return report;
}

struct json_object *tasks_report_all(struct tasks *tasks, usec launched) {
  struct json_object *report = object_new();
  struct lh_entry *entry;
  lh_foreach(tasks->by_id, entry) {
    const struct task *task = lh_entry_v(entry);
    object_set(report, task->id, tasks_report(task, launched));
  }
  return report;
}

void tasks_reset(struct tasks *tasks) {
  struct lh_entry *entry;
  lh_foreach(tasks->by_id, entry) {
    struct task *task = lh_entry_v(entry);
    task->requests = 0;
    task->first_asked = USEC_UNSET;
  }
}
