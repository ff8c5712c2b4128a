/* SPDX-License-Identifier: MIT */
#include "task.h"

#include "utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct task *task_create(const struct task_definition *definition,
                         size_t field_count, struct moment now) {
  struct task_definition *own = task_definition_copy(definition);
  struct task *task =
      calloc(1, sizeof(*task) + field_count * sizeof(*task->fields));
  if (own == NULL || task == NULL) {
    free(own);
    free(task);
    return NULL;
  }
  task->field_count = field_count;
  for (size_t i = 0; i < field_count; i++)
    task->fields[i] = (double)NAN;
  task->run_id = STATUS_RUN_ID_NONE;
  task->media_duration = -1;
  task->listed = now.steady;
  task_define(task, own, now);
  return task;
}

void task_free(struct task *task) {
  if (task == NULL)
    return;
  free(task->definition);
  free(task->exception_reason);
  free(task->message);
  task_forget_project(task);
  free(task->trouble_detail);
  free(task);
}

static void set_started(struct task *task, struct moment now) {
  int64_t started = moment_to_steady(now, task->definition->started);
  task->started = task->listed;
  if (task->definition->started > 0 && started < task->listed)
    task->started = started; /* later than the listing it can't have been */
}

void task_define(struct task *task, struct task_definition *definition,
                 struct moment now) {
  free(task->definition);
  task->definition = definition;
  set_started(task, now);
}

bool task_is_final(const struct task *task) {
  return task_state_info[task->state].final;
}

bool task_is_refused(const struct task *task) {
  return outcome_is_refusal(task->trouble);
}

bool task_wants_request(const struct task *task) {
  return task->is_listed && (!task_is_final(task) || task->wants_result);
}

char *task_copy_text(const char *text) {
  return text[0] == '\0' ? NULL : strdup(text);
}

void task_forget_project(struct task *task) {
  free(task->project_name);
  free(task->studio_url);
  task->project_name = task->studio_url = NULL;
}

static void set_text(char **to, const char *text) {
  if (*to != NULL && strcmp(*to, text) == 0)
    return;
  free(*to);
  *to = task_copy_text(text);
}

void task_take_answer(struct task *task, const struct status_answer *status) {
  task->run_id = status->run_id;
  set_text(&task->exception_reason, status->exception_reason);
  set_text(&task->message, status->message);
  for (size_t i = 0; i < task->field_count; i++)
    task->fields[i] = status->fields[i];
}

static double seconds_between(int64_t from, int64_t to) {
  return to > from ? (double)(to - from) / 1000 : 0;
}

double task_elapsed(const struct task *task, int64_t now) {
  if (!task_is_final(task))
    return seconds_between(task->started, now);
  return task->saw_pending ? seconds_between(task->started, task->changed) : -1;
}

double task_status_age(const struct task *task, int64_t now) {
  if (task->state == TASK_UNKNOWN)
    return -1;
  return task_is_final(task) ? 0 : seconds_between(task->confirmed, now);
}

void task_get_values(const struct task *task, int64_t now,
                     struct task_values *values) {
  values->state = task->state;
  values->elapsed = task_elapsed(task, now);
  values->status_age = task_status_age(task, now);
  values->media_duration = task->media_duration;
}

static void copy_if_any(char *buffer, size_t size, const char *text) {
  if (text != NULL)
    utf8_copy(buffer, size, text);
}

void task_get_record(const struct task *task, struct moment now,
                     struct task_record *record) {
  const struct task_definition *definition = task->definition;
  *record = (struct task_record){
      .account = definition->account,
      .started = definition->started,
      .listed = moment_to_wall(now, task->listed),
      .unlisted = task->is_listed ? 0 : moment_to_wall(now, task->unlisted),
      .state = task->state,
      .saw_pending = task->saw_pending,
      .run_id = task->run_id,
      .media_duration = task->media_duration,
      .end_told = task->end_told,
      .stalled_told = task->stalled_told};
  utf8_copy(record->id, sizeof(record->id), definition->id);
  utf8_copy(record->name, sizeof(record->name), definition->name);
  utf8_copy(record->type, sizeof(record->type), definition->type);
  if (task->state != TASK_UNKNOWN) {
    record->changed = moment_to_wall(now, task->changed);
    record->confirmed = moment_to_wall(now, task->confirmed);
  }
  copy_if_any(record->exception_reason, sizeof(record->exception_reason),
              task->exception_reason);
  copy_if_any(record->message, sizeof(record->message), task->message);
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    record->fields[i] = i < task->field_count ? task->fields[i] : (double)NAN;
}

/* By the steady clock, and not in the future, unless the task is final: if the
 * clock was set back since, how long it took is still known. */
static int64_t restore_time(const struct task *task, struct moment now,
                            int64_t wall) {
  if (wall <= 0 || (wall > now.wall && !task_is_final(task)))
    return now.steady;
  return moment_to_steady(now, wall);
}

static bool restore_text(char **to, const char *text) {
  *to = task_copy_text(text);
  return *to != NULL || text[0] == '\0';
}

bool task_restore(struct task *task, const struct task_record *record,
                  struct moment now) {
  if (!restore_text(&task->exception_reason, record->exception_reason) ||
      !restore_text(&task->message, record->message))
    return false;
  task->state = record->state;
  task->saw_pending = record->saw_pending;
  task->listed = restore_time(task, now, record->listed);
  set_started(task, now);
  task->unlisted = restore_time(task, now, record->unlisted);
  if (task->unlisted > now.steady)
    task->unlisted = now.steady;
  task->changed = restore_time(task, now, record->changed);
  task->confirmed = restore_time(task, now, record->confirmed);
  task->run_id = record->run_id;
  task->media_duration = record->media_duration;
  for (size_t i = 0; i < task->field_count; i++)
    task->fields[i] = record->fields[i];
  task->was_refused = record->is_refused;
  task->end_told = record->end_told;
  task->stalled_told = record->stalled_told;
  return true;
}

void task_fill_event(const struct task *task, int64_t now, enum event_kind kind,
                     enum outcome outcome, struct event *event) {
  const struct task_definition *definition = task->definition;
  event->kind = kind;
  event->account = definition->account;
  event->outcome = outcome;
  event->state = task->state;
  event->elapsed = task_elapsed(task, now);
  event->run_id = task->run_id;
  utf8_copy(event->name, sizeof(event->name), definition->name);
  utf8_copy(event->id, sizeof(event->id), definition->id);
  utf8_copy(event->type, sizeof(event->type), definition->type);
  copy_if_any(event->exception_reason, sizeof(event->exception_reason),
              task->exception_reason);
  copy_if_any(event->message, sizeof(event->message), task->message);
  copy_if_any(event->project_name, sizeof(event->project_name),
              task->project_name);
  copy_if_any(event->studio_url, sizeof(event->studio_url), task->studio_url);
  if (kind == EVENT_TASK_TROUBLE)
    copy_if_any(event->detail, sizeof(event->detail), task->trouble_detail);
}
