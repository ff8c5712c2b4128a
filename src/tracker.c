/* SPDX-License-Identifier: MIT */
#include "tracker.h"

#include "account_health.h"
#include "back_off.h"
#include "due_queue.h"
#include "known_tasks.h"
#include "task.h"

#include <stdlib.h>
#include <string.h>

struct tracked_account {
  struct tracker_rules rules;
  struct account_health health;
  struct due_queue due;
  size_t under_way; /* tasks that are taken */
  size_t to_list;   /* tasks in a list that is about to be set */
  uint64_t changes;
};

struct tracker {
  int64_t interval;
  unsigned short dice[3]; /* of erand48 */
  struct tracked_account *accounts;
  size_t account_count;
  struct known_tasks known;
  bool has_list; /* it is known by now what is listed */
  bool is_pinned;
  struct snapshot_room room; /* for what is listed */
  struct task *first_reporting, *last_reporting;

  struct round round;
  uint64_t round_number;
  size_t round_open; /* tasks taken in this round and not answered */
};

static struct tracked_account *account_of(const struct tracker *tracker,
                                          const struct task *task) {
  return &tracker->accounts[task->definition->account];
}

/* --- The tracker ---------------------------------------------------------- */

struct tracker *tracker_create(const struct tracker_rules *rules,
                               size_t accounts, int64_t interval,
                               uint32_t seed) {
  struct tracker *tracker = calloc(1, sizeof(*tracker));
  if (tracker == NULL)
    return NULL;
  tracker->interval = interval;
  tracker->dice[0] = (unsigned short)seed;
  tracker->dice[1] = (unsigned short)(seed >> 16);
  tracker->accounts = calloc(accounts + 1, sizeof(*tracker->accounts));
  if (tracker->accounts == NULL ||
      !known_tasks_init(&tracker->known, accounts)) {
    free(tracker->accounts);
    free(tracker);
    return NULL;
  }
  tracker->account_count = accounts;
  for (size_t i = 0; i < accounts; i++) {
    tracker->known.field_counts[i] = rules[i].field_count;
    tracker->accounts[i].rules = rules[i];
    account_health_start(&tracker->accounts[i].health, interval,
                         rules[i].poll_interval_max,
                         rules[i].error_interval_max);
  }
  return tracker;
}

void tracker_free(struct tracker *tracker) {
  if (tracker == NULL)
    return;
  known_tasks_clear(&tracker->known);
  for (size_t i = 0; i < tracker->account_count; i++)
    due_queue_clear(&tracker->accounts[i].due);
  free(tracker->accounts);
  free(tracker);
}

/* --- What a task has to tell ---------------------------------------------- */

/* Puts the task at the end of the list of those that may have to tell. */
static void report(struct tracker *tracker, struct task *task) {
  if (task->reporting)
    return;
  task->reporting = true;
  task->next_reporting = NULL;
  if (tracker->first_reporting == NULL)
    tracker->first_reporting = task;
  else
    tracker->last_reporting->next_reporting = task;
  tracker->last_reporting = task;
}

static void end_report(struct tracker *tracker) {
  struct task *task = tracker->first_reporting;
  tracker->first_reporting = task->next_reporting;
  task->reporting = false;
}

static void leave_trouble(struct tracker *tracker, struct task *task) {
  if (task->trouble == OUTCOME_OK)
    return;
  trouble_leave(&account_of(tracker, task)->health.troubles[task->trouble]);
  task->trouble = OUTCOME_OK;
  free(task->trouble_detail);
  task->trouble_detail = NULL;
  if (task->trouble_told != OUTCOME_OK)
    report(tracker, task);
}

static void set_trouble(struct tracker *tracker, struct task *task,
                        const struct poll_answer *answer, int64_t now) {
  enum outcome outcome = answer->outcome;
  task->was_refused = task->was_refused && outcome_is_refusal(outcome);
  if (task->trouble == outcome || !task->is_listed)
    return;
  leave_trouble(tracker, task);
  if (outcome == OUTCOME_OK)
    return;
  task->trouble = outcome;
  task->trouble_since = now;
  task->trouble_detail = strdup(answer->detail); /* NULL: less is said */
  trouble_enter(&account_of(tracker, task)->health.troubles[outcome],
                task->definition->name, answer->detail, now, tracker->interval);
  report(tracker, task);
}

/* --- The listing ---------------------------------------------------------- */

static void queue_again(struct tracker *tracker, struct task *task,
                        int64_t due) {
  task->due.due = due; /* also if it is not listed now: it may be again */
  if (task_wants_request(task))
    due_queue_push(&account_of(tracker, task)->due, &task->due, due);
}

/* The task is listed no more. What it has to tell is told still. */
static void end_listed(struct tracker *tracker, struct task *task,
                       int64_t now) {
  task->is_listed = false;
  task->unlisted = now;
  if (task->wants_result) /* which has kept its end back */
    report(tracker, task);
  task->wants_result = false;
  leave_trouble(tracker, task);
  account_of(tracker, task)->changes++;
}

static bool is_result_wanted(const struct tracker *tracker,
                             const struct task *task) {
  return account_of(tracker, task)->rules.fetches_results && task->is_listed &&
         task->state == TASK_SUCCESS && !task->end_told &&
         task->run_id != STATUS_RUN_ID_NONE &&
         strcmp(task->definition->type, TASK_TYPE_DEFAULT) == 0;
}

/* The task is listed, for the first time, again, or still. */
static void begin_listed(struct tracker *tracker, struct task *task) {
  bool is_back = !task->is_listed;
  if (is_back || task->is_new)
    account_of(tracker, task)->changes++;
  task->is_listed = true;
  task->is_new = false;
  tracker->room.tasks++;
  tracker->room.fields += task->field_count;
  tracker->room.text_size += strlen(task->definition->name) + 1;
  if (is_back) /* its end may have come while the daemon before went */
    task->wants_result = is_result_wanted(tracker, task);
}

static void rebuild_queues(struct tracker *tracker) {
  for (size_t i = 0; i < tracker->account_count; i++)
    tracker->accounts[i].due.count = 0;
  for (size_t i = 0; i < tracker->known.listed_count; i++)
    if (!tracker->known.tasks[i]->is_taken)
      queue_again(tracker, tracker->known.tasks[i],
                  tracker->known.tasks[i]->due.due);
}

/* Makes room in the queues for the tasks of the list. */
static bool reserve_queues(struct tracker *tracker,
                           const struct task_list *list) {
  for (size_t i = 0; i < tracker->account_count; i++)
    tracker->accounts[i].to_list = 0;
  for (size_t i = 0; i < task_list_count(list); i++) {
    struct tracked_account *account =
        &tracker->accounts[task_list_get(list, i)->account];
    if (!due_queue_reserve(&account->due, ++account->to_list))
      return false;
  }
  return true;
}

bool tracker_set_tasks(struct tracker *tracker, const struct task_list *list,
                       struct moment now) {
  struct known_tasks *known = &tracker->known;
  if (!reserve_queues(tracker, list) || !known_tasks_list(known, list, now))
    return false;
  tracker->room = (struct snapshot_room){.accounts = tracker->account_count};
  for (size_t i = 0; i < known->listed_count; i++)
    begin_listed(tracker, known->tasks[i]);
  for (size_t i = known->listed_count; i < known->count; i++)
    if (known->tasks[i]->is_listed)
      end_listed(tracker, known->tasks[i], now.steady);
  rebuild_queues(tracker);
  tracker->has_list = true;
  return true;
}

/* Forgets the tasks that have not been listed for long enough, but for those
 * that somebody still has to do with. */
static void forget_unlisted(struct tracker *tracker, int64_t now) {
  struct known_tasks *known = &tracker->known;
  for (size_t i = known->count; i-- > known->listed_count;) {
    const struct task *task = known->tasks[i];
    if (now - task->unlisted < TASK_UNLISTED_KEPT || task->is_taken ||
        task->reporting)
      continue;
    account_of(tracker, task)->changes++;
    known_tasks_forget(known, i);
  }
}

/* --- What outlives the daemon --------------------------------------------- */

bool tracker_restore_task(struct tracker *tracker,
                          const struct task_record *record, struct moment now) {
  const struct task_definition definition = {.account = record->account,
                                             .id = record->id,
                                             .name = record->name,
                                             .type = record->type,
                                             .started = record->started};
  struct known_tasks *known = &tracker->known;
  if (known_tasks_find(known, record->account, record->type, record->id) !=
      NULL)
    return true;
  struct task *task = known_tasks_add(known, &definition, now);
  if (task == NULL)
    return false;
  if (!task_restore(task, record, now)) {
    known_tasks_forget(known, known->count - 1);
    return false;
  }
  report(tracker, task);
  return true;
}

void tracker_restore_account(struct tracker *tracker,
                             const struct account_record *record,
                             struct moment now) {
  account_health_restore(&tracker->accounts[record->account].health, record,
                         now);
}

uint64_t tracker_changes(const struct tracker *tracker, size_t account) {
  return tracker->accounts[account].changes +
         tracker->accounts[account].health.changes;
}

bool tracker_has_list(const struct tracker *tracker) {
  return tracker->has_list;
}

void tracker_pin(struct tracker *tracker, bool is_pinned) {
  tracker->is_pinned = is_pinned;
}

bool tracker_is_pinned(const struct tracker *tracker) {
  return tracker->is_pinned;
}

size_t tracker_task_count(const struct tracker *tracker) {
  return tracker->known.count;
}

void tracker_record_task(const struct tracker *tracker, size_t index,
                         struct moment now, struct task_record *record) {
  const struct task *task = tracker->known.tasks[index];
  const struct account_health *health = &account_of(tracker, task)->health;
  task_get_record(task, now, record);
  record->is_refused =
      (task->was_refused && (!health->rejected || health->rejected_told)) ||
      (task_is_refused(task) && health->was_good &&
       health->last_good >= task->trouble_since);
}

void tracker_record_account(const struct tracker *tracker, size_t account,
                            struct moment now, struct account_record *record) {
  record->account = account;
  account_health_record(&tracker->accounts[account].health, now, record);
}

/* --- Asking --------------------------------------------------------------- */

/* What the API refused for the key before may be asked with another one at
 * once. */
static void end_refused(struct tracker *tracker, size_t account) {
  for (size_t i = 0; i < tracker->known.listed_count; i++) {
    struct task *task = tracker->known.tasks[i];
    if (task->definition->account != account || !task_is_refused(task))
      continue;
    task->failures = 0;
    task->due.due = tracker->round.began;
  }
  rebuild_queues(tracker);
}

void tracker_set_key(struct tracker *tracker, size_t account, bool available,
                     bool is_new) {
  struct account_health *health = &tracker->accounts[account].health;
  health->key_available = available;
  if (is_new) {
    account_health_key_changed(health, &tracker->round);
    end_refused(tracker, account);
  }
}

void tracker_begin_round(struct tracker *tracker, struct moment now) {
  tracker->round_number++;
  tracker->round.began = now.steady;
  tracker->round_open = 0;
  if (!tracker->is_pinned)
    forget_unlisted(tracker, now.steady);
}

static bool has_due(const struct tracker *tracker,
                    const struct tracked_account *account) {
  const struct due_entry *first = due_queue_first(&account->due);
  return first != NULL && first->due <= tracker->round.began &&
         account_health_may_ask(&account->health, account->under_way,
                                tracker->round.began);
}

static void mark_taken(struct tracker *tracker, struct task *task) {
  task->is_taken = true;
  task->round = tracker->round_number;
  task->asked = ++tracker->round.asked;
  tracker->round_open++;
  account_of(tracker, task)->under_way++;
}

struct task *tracker_take_due(struct tracker *tracker, size_t account) {
  _Static_assert(offsetof(struct task, due) == 0, "an entry is its task");
  while (has_due(tracker, &tracker->accounts[account])) {
    struct task *task =
        (struct task *)due_queue_pop(&tracker->accounts[account].due);
    if (!task_wants_request(task)) /* its result is not waited for any more */
      continue;
    mark_taken(tracker, task);
    return task;
  }
  return NULL;
}

enum request_kind tracker_request_kind(const struct task *task) {
  return task_is_final(task) ? REQUEST_RESULT : REQUEST_STATUS;
}

int64_t tracker_run_id(const struct task *task) { return task->run_id; }

bool tracker_round_is_open(const struct tracker *tracker) {
  if (tracker->round_open > 0)
    return true;
  for (size_t i = 0; i < tracker->account_count; i++)
    if (has_due(tracker, &tracker->accounts[i]))
      return true;
  return false;
}

const struct task_definition *tracker_task_definition(const struct task *task) {
  return task->definition;
}

static void end_taken(struct tracker *tracker, struct task *task) {
  task->is_taken = false;
  account_of(tracker, task)->under_way--;
  if (task->round == tracker->round_number)
    tracker->round_open--;
}

void tracker_give_back(struct tracker *tracker, struct task *task) {
  end_taken(tracker, task);
  queue_again(tracker, task, task->due.due);
}

/* --- Answers -------------------------------------------------------------- */

/* Returns whether the account as a whole waits on the answer. */
static bool judge_account(struct tracker *tracker, const struct task *task,
                          const struct poll_answer *answer, bool is_extra,
                          int64_t now) {
  const struct account_answer account_answer = {
      .outcome = answer->outcome,
      .asked = task->asked,
      .is_extra = is_extra,
      .is_known = task->trouble == answer->outcome ||
                  (task->was_refused && task->trouble == OUTCOME_OK),
      .seconds = answer->seconds,
      .retry_after = answer->retry_after,
      .dice = erand48(tracker->dice)};
  return account_health_answer(&account_of(tracker, task)->health,
                               &account_answer, &tracker->round, now);
}

static void set_status(struct tracker *tracker, struct task *task,
                       const struct status_answer *status, int64_t now) {
  struct tracked_account *account = account_of(tracker, task);
  if (task->state != status->state) {
    task->state = status->state;
    task->changed = now;
    account->changes++;
  }
  task->confirmed = now;
  task_take_answer(task, status);
  if (task_is_final(task)) {
    task->wants_result = is_result_wanted(tracker, task);
    report(tracker, task);
  } else {
    task->saw_pending = true;
  }
}

/* How long to wait with the next poll of a task that has been answered. The
 * rounds come every interval, but may begin a little early. */
static int64_t poll_gap(const struct tracker *tracker, struct task *task) {
  int64_t most = account_of(tracker, task)->rules.poll_interval_max;
  int64_t gap = task->gap == 0 ? tracker->interval : 2 * task->gap;
  if (gap > most)
    gap = most > tracker->interval ? most : tracker->interval;
  task->gap = gap;
  return gap - tracker->interval / 2;
}

/* How long to wait with it after an answer, on which the account may wait as a
 * whole: the task comes after the others then. */
static int64_t wait_after(struct tracker *tracker, struct task *task,
                          enum outcome outcome, bool account_waits) {
  if (outcome == OUTCOME_OK) {
    task->failures = 0;
    return poll_gap(tracker, task);
  }
  if (account_waits)
    return tracker->interval / 2;
  return back_off(++task->failures, tracker->interval,
                  account_of(tracker, task)->rules.error_interval_max,
                  erand48(tracker->dice));
}

static void take_status(struct tracker *tracker, struct task *task,
                        const struct poll_answer *answer, bool account_waits,
                        int64_t now) {
  set_trouble(tracker, task, answer, now);
  if (answer->outcome == OUTCOME_OK)
    set_status(tracker, task, &answer->status, now);
  int64_t wait = wait_after(tracker, task, answer->outcome, account_waits);
  /* that the API limits the rate says nothing of the task */
  bool keeps_turn =
      task->wants_result || answer->outcome == OUTCOME_RATE_LIMITED;
  queue_again(tracker, task,
              keeps_turn ? task->due.due : tracker->round.began + wait);
}

/* Whatever came of it, the result is not asked for again. */
static void take_result(struct tracker *tracker, struct task *task,
                        const struct poll_answer *answer) {
  task->wants_result = false;
  if (answer->outcome == OUTCOME_OK) {
    task->project_name = task_copy_text(answer->result.name);
    task->studio_url = task_copy_text(answer->result.studio_url);
    task->media_duration = answer->result.duration;
    account_of(tracker, task)->changes++;
  }
  report(tracker, task);
}

void tracker_answer(struct tracker *tracker, struct task *task,
                    const struct poll_answer *answer, struct moment now) {
  bool is_result = tracker_request_kind(task) == REQUEST_RESULT;
  end_taken(tracker, task);
  bool account_waits =
      judge_account(tracker, task, answer, is_result, now.steady);
  if (is_result)
    take_result(tracker, task, answer);
  else
    take_status(tracker, task, answer, account_waits, now.steady);
}

bool tracker_was_answered(const struct tracker *tracker, size_t account) {
  for (int i = 0; i < REQUEST_COUNTER_COUNT; i++)
    if (tracker->accounts[account].health.requests[i] > 0)
      return true;
  return false;
}

/* --- Values --------------------------------------------------------------- */

static void end_interval(struct tracker *tracker, int64_t now,
                         struct snapshot *snapshot) {
  for (size_t i = 0; i < tracker->account_count; i++) {
    const size_t under_way = tracker->accounts[i].under_way;
    struct account_health *health = &tracker->accounts[i].health;
    account_health_judge(health, under_way, erand48(tracker->dice),
                         &tracker->round, now);
    account_health_get_values(health,
                              &snapshot->accounts[snapshot->account_count++]);
    account_health_begin_interval(health);
  }
}

/* Whether it is time to say that the task is stuck, if it is listed still.
 * While it can't be asked for, or has not been yet, only the time up to its
 * last good answer counts. */
static bool is_stalled(const struct tracker *tracker, const struct task *task,
                       int64_t now) {
  int64_t limit = account_of(tracker, task)->rules.stalled_after;
  bool is_current = task->trouble == OUTCOME_OK &&
                    now - task->confirmed <= task->gap + tracker->interval;
  int64_t known = is_current ? now : task->confirmed;
  return limit > 0 && task->is_listed && task->state == TASK_PENDING &&
         !task->stalled_told && known - task->started >= limit;
}

/* Does what time alone brings about. */
static void pass_time(struct tracker *tracker, struct task *task, int64_t now) {
  if (task->wants_result && !task->is_taken &&
      account_health_is_held(&account_of(tracker, task)->health, now,
                             TRACKER_RESULT_WAIT)) {
    task->wants_result = false;
    report(tracker, task);
  }
  if (is_stalled(tracker, task, now))
    report(tracker, task);
}

static bool is_forgotten(const struct tracker *tracker, const struct task *task,
                         int64_t now) {
  int64_t limit = account_of(tracker, task)->rules.forget_after;
  return limit > 0 && task_is_final(task) && now - task->changed >= limit;
}

bool tracker_snapshot(struct tracker *tracker, struct moment now,
                      struct snapshot *snapshot) {
  if (!snapshot_start(snapshot, &tracker->room))
    return false;
  if (!tracker->has_list)
    return true;
  end_interval(tracker, now.steady, snapshot);
  for (size_t i = 0; i < tracker->known.listed_count; i++) {
    struct task *task = tracker->known.tasks[i];
    pass_time(tracker, task, now.steady);
    snapshot->accounts[task->definition->account].states[task->state]++;
    if (!is_forgotten(tracker, task, now.steady))
      task_get_values(task, now.steady,
                      snapshot_add_task(snapshot, task->definition->account,
                                        task->definition->name, task->fields,
                                        task->field_count));
  }
  return true;
}

/* --- Events --------------------------------------------------------------- */

/* Whether the task's own trouble is to be told now. */
static bool has_trouble_to_tell(struct tracker *tracker,
                                const struct task *task) {
  return task->trouble != task->trouble_told &&
         outcome_info[task->trouble].scope == SCOPE_TASK &&
         trouble_may_name(
             &account_of(tracker, task)->health.troubles[task->trouble]);
}

/* What one task has to tell next. */
static bool task_event(struct tracker *tracker, const struct task *task,
                       int64_t now, struct event *event) {
  enum event_kind kind;
  enum outcome outcome = OUTCOME_OK;
  if (task_is_final(task) && !task->end_told && !task->wants_result) {
    kind = EVENT_TASK_ENDED;
  } else if (is_stalled(tracker, task, now)) {
    kind = EVENT_TASK_STALLED;
  } else if (task->trouble_told != OUTCOME_OK &&
             task->trouble_told != task->trouble) {
    kind = EVENT_TASK_TROUBLE_OVER;
    outcome = task->trouble_told;
  } else if (has_trouble_to_tell(tracker, task)) {
    kind = EVENT_TASK_TROUBLE;
    outcome = task->trouble;
  } else {
    return false;
  }
  task_fill_event(task, now, kind, outcome, event);
  return true;
}

bool tracker_next_event(struct tracker *tracker, struct moment now,
                        struct event *event) {
  *event = (struct event){.run_id = STATUS_RUN_ID_NONE};
  if (!tracker->has_list)
    return false;
  while (tracker->first_reporting != NULL) {
    if (task_event(tracker, tracker->first_reporting, now.steady, event))
      return true;
    end_report(tracker);
  }
  for (size_t i = 0; i < tracker->account_count; i++) {
    event->account = i;
    if (account_health_next_event(&tracker->accounts[i].health, event))
      return true;
  }
  return false;
}

/* Marks what has been told of a task. */
static void task_event_done(struct tracker *tracker, struct task *task,
                            const struct event *event) {
  struct tracked_account *account = account_of(tracker, task);
  switch (event->kind) {
  case EVENT_TASK_ENDED:
    task->end_told = true;
    task_forget_project(task);
    account->changes++;
    break;
  case EVENT_TASK_STALLED:
    task->stalled_told = true;
    account->changes++;
    break;
  case EVENT_TASK_TROUBLE:
    task->trouble_told = event->outcome;
    trouble_name_told(&account->health.troubles[event->outcome]);
    report(tracker, task); /* it may have been over before it was told */
    break;
  case EVENT_TASK_TROUBLE_OVER:
    task->trouble_told = OUTCOME_OK;
    break;
  default:
    break;
  }
}

void tracker_event_done(struct tracker *tracker, const struct event *event) {
  struct task *task =
      known_tasks_find(&tracker->known, event->account, event->type, event->id);
  if (task != NULL)
    task_event_done(tracker, task, event);
  account_health_event_done(&tracker->accounts[event->account].health, event);
}
