/* SPDX-License-Identifier: MIT */
#include "tracker.h"

#include "due_queue.h"
#include "utf8.h"

#include <stdlib.h>
#include <string.h>

struct task {
  struct due_entry due;
  struct task_definition *definition;

  enum task_state state;
  bool saw_pending; /* so its end, when it comes, is known */
  /* steady clock: the wall clock may be set at any time */
  int64_t started;
  int64_t confirmed; /* when a valid answer last came */
  int64_t ended;     /* when the final one came */
  int64_t run_id;
  char *exception_reason, *message; /* NULL: none */

  uint64_t round; /* in which it was taken */

  enum outcome trouble; /* OUTCOME_OK: none */
  char *trouble_detail; /* NULL: none */

  /* what has been told */
  bool end_told;
  enum outcome trouble_told;
  bool reporting; /* it is in the list of those that may have something to tell
                   */
  struct task *next_reporting;
};

/* A kind of trouble in an account. */
struct trouble {
  size_t tasks; /* that have it now */
  size_t named; /* of them, that were told by name: trouble_told is it, too */
  bool active;  /* it is to be told for the account */
  bool told;    /* it was */
  char name[TASK_NAME_MAX + 1]; /* of the task that had it first */
  char detail[TRACKER_DETAIL_SIZE];
};

struct account {
  struct due_queue due;
  size_t task_count;
  size_t states[TASK_STATE_COUNT];

  bool key_available;
  char key_problem[TRACKER_DETAIL_SIZE];
  char key_problem_told[TRACKER_DETAIL_SIZE];

  /* of the requests that ended since the last snapshot */
  size_t ended, good, unauthorized;
  double seconds_sum, seconds_maximum;

  int up;
  int64_t requests[REQUEST_COUNTER_COUNT];
  unsigned bad_rounds;
  bool rejected, rejected_told;
  bool blind, blind_told;
  struct trouble troubles[OUTCOME_COUNT];
};

struct tracker {
  int64_t interval;
  struct account *accounts;
  size_t account_count;
  struct task **tasks; /* in the order of their listing */
  size_t task_count, task_capacity;
  struct task *first_reporting, *last_reporting;

  int64_t round_at; /* steady clock */
  uint64_t round;
  size_t round_open; /* taken in this round and not answered */
};

static void task_free(struct task *task) {
  if (task == NULL)
    return;
  task_definition_free(task->definition);
  free(task->exception_reason);
  free(task->message);
  free(task->trouble_detail);
  free(task);
}

static struct account *account_of(const struct tracker *tracker,
                                  const struct task *task) {
  return &tracker->accounts[task->definition->account];
}

struct tracker *tracker_create(size_t accounts, int64_t interval) {
  struct tracker *tracker = calloc(1, sizeof(*tracker));
  if (tracker == NULL)
    return NULL;
  tracker->interval = interval;
  tracker->accounts = calloc(accounts, sizeof(*tracker->accounts));
  if (tracker->accounts == NULL && accounts > 0) {
    free(tracker);
    return NULL;
  }
  tracker->account_count = accounts;
  for (size_t i = 0; i < accounts; i++) {
    tracker->accounts[i].key_available = true;
    tracker->accounts[i].up = -1;
  }
  return tracker;
}

void tracker_free(struct tracker *tracker) {
  if (tracker == NULL)
    return;
  for (size_t i = 0; i < tracker->task_count; i++)
    task_free(tracker->tasks[i]);
  for (size_t i = 0; i < tracker->account_count; i++)
    due_queue_clear(&tracker->accounts[i].due);
  free(tracker->tasks);
  free(tracker->accounts);
  free(tracker);
}

static bool make_room(struct tracker *tracker) {
  if (tracker->task_count < tracker->task_capacity)
    return true;
  size_t capacity =
      tracker->task_capacity == 0 ? 16 : tracker->task_capacity * 2;
  struct task **tasks =
      realloc(tracker->tasks, capacity * sizeof(*tracker->tasks));
  if (tasks == NULL)
    return false;
  tracker->tasks = tasks;
  tracker->task_capacity = capacity;
  return true;
}

bool tracker_add_task(struct tracker *tracker,
                      const struct task_definition *definition,
                      struct moment now) {
  struct account *account = &tracker->accounts[definition->account];
  if (!make_room(tracker) ||
      !due_queue_reserve(&account->due, account->task_count + 1))
    return false;
  struct task *task = calloc(1, sizeof(*task));
  if (task == NULL)
    return false;
  task->definition = task_definition_copy(definition);
  if (task->definition == NULL) {
    free(task);
    return false;
  }
  task->started = now.steady;
  if (definition->started > 0 && definition->started < now.wall)
    task->started -= now.wall - definition->started;
  task->run_id = STATUS_RUN_ID_NONE;
  tracker->tasks[tracker->task_count++] = task;
  account->task_count++;
  account->states[task->state]++;
  due_queue_push(&account->due, &task->due, now.steady);
  return true;
}

void tracker_set_key(struct tracker *tracker, size_t account, bool available,
                     const char *problem) {
  tracker->accounts[account].key_available = available;
  utf8_copy(tracker->accounts[account].key_problem, TRACKER_DETAIL_SIZE,
            problem);
}

void tracker_begin_round(struct tracker *tracker, struct moment now) {
  tracker->round++;
  tracker->round_at = now.steady;
  tracker->round_open = 0;
}

static bool has_due(const struct tracker *tracker,
                    const struct account *account) {
  const struct due_entry *first = due_queue_first(&account->due);
  return account->key_available && first != NULL &&
         first->due <= tracker->round_at;
}

struct task *tracker_take_due(struct tracker *tracker, size_t account) {
  if (!has_due(tracker, &tracker->accounts[account]))
    return NULL;
  _Static_assert(offsetof(struct task, due) == 0, "an entry is its task");
  struct task *task =
      (struct task *)due_queue_pop(&tracker->accounts[account].due);
  task->round = tracker->round;
  tracker->round_open++;
  return task;
}

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

/* Puts a taken task back into its account's queue. */
static void queue_again(struct tracker *tracker, struct task *task,
                        int64_t due) {
  due_queue_push(&account_of(tracker, task)->due, &task->due, due);
}

static void leave_round(struct tracker *tracker, const struct task *task) {
  if (task->round == tracker->round)
    tracker->round_open--;
}

void tracker_give_back(struct tracker *tracker, struct task *task) {
  leave_round(tracker, task);
  queue_again(tracker, task, task->due.due);
}

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
  struct trouble *trouble = &account_of(tracker, task)->troubles[task->trouble];
  trouble->tasks--;
  if (task->trouble_told == task->trouble)
    trouble->named--;
  task->trouble = OUTCOME_OK;
  report(tracker, task);
}

static void enter_trouble(struct tracker *tracker, struct task *task,
                          enum outcome outcome, const char *detail) {
  struct trouble *trouble = &account_of(tracker, task)->troubles[outcome];
  task->trouble = outcome;
  free(task->trouble_detail);
  task->trouble_detail = strdup(detail); /* out of memory: no detail */
  if (task->trouble_told == outcome)
    trouble->named++;
  if (++trouble->tasks == 1) {
    utf8_copy(trouble->name, sizeof(trouble->name), task->definition->name);
    utf8_copy(trouble->detail, sizeof(trouble->detail), detail);
  }
  report(tracker, task);
}

static void set_trouble(struct tracker *tracker, struct task *task,
                        enum outcome outcome, const char *detail) {
  if (task->trouble == outcome)
    return;
  leave_trouble(tracker, task);
  if (outcome != OUTCOME_OK)
    enter_trouble(tracker, task, outcome, detail);
}

/* A copy of text, NULL if it is empty. */
static char *copy_or_null(const char *text) {
  return text[0] == '\0' ? NULL : strdup(text);
}

static void set_status(struct tracker *tracker, struct task *task,
                       const struct status_answer *status, struct moment now) {
  struct account *account = account_of(tracker, task);
  account->states[task->state]--;
  account->states[status->state]++;
  task->state = status->state;
  task->confirmed = now.steady;
  if (!task_state_info[status->state].final) {
    task->saw_pending = true;
    return;
  }
  task->ended = now.steady;
  task->run_id = status->run_id;
  task->exception_reason = copy_or_null(status->exception_reason);
  task->message = copy_or_null(status->message);
  report(tracker, task);
}

static void count_request(struct account *account,
                          const struct poll_answer *answer) {
  account->requests[outcome_info[answer->outcome].counter]++;
  account->ended++;
  if (answer->outcome == OUTCOME_OK)
    account->good++;
  if (outcome_info[answer->outcome].counter == COUNTER_UNAUTHORIZED)
    account->unauthorized++;
  account->seconds_sum += answer->seconds;
  if (answer->seconds > account->seconds_maximum)
    account->seconds_maximum = answer->seconds;
}

void tracker_answer(struct tracker *tracker, struct task *task,
                    const struct poll_answer *answer, struct moment now) {
  leave_round(tracker, task);
  count_request(account_of(tracker, task), answer);
  set_trouble(tracker, task, answer->outcome, answer->detail);
  if (answer->outcome == OUTCOME_OK)
    set_status(tracker, task, &answer->status, now);
  /* due in the next round, even if that begins a little early */
  if (!task_state_info[task->state].final)
    queue_again(tracker, task, tracker->round_at + tracker->interval / 2);
}

bool tracker_was_answered(const struct tracker *tracker, size_t account) {
  for (int i = 0; i < REQUEST_COUNTER_COUNT; i++)
    if (tracker->accounts[account].requests[i] > 0)
      return true;
  return false;
}

static double seconds_between(int64_t from, int64_t to) {
  return (double)(to - from) / 1000;
}

static double elapsed(const struct task *task, struct moment now) {
  if (!task_state_info[task->state].final)
    return seconds_between(task->started, now.steady);
  return task->saw_pending ? seconds_between(task->started, task->ended) : -1;
}

static double status_age(const struct task *task, struct moment now) {
  if (task->state == TASK_UNKNOWN)
    return -1;
  if (task_state_info[task->state].final)
    return 0;
  return seconds_between(task->confirmed, now.steady);
}

/* Judges the account by the requests that ended in the interval, if any did. */
static void judge_interval(struct account *account) {
  if (account->ended == 0)
    return;
  account->up = account->good > 0;
  if (account->good > 0) {
    account->rejected = false;
    account->blind = false;
    account->bad_rounds = 0;
  } else if (account->unauthorized > 0) {
    account->rejected = true;
    account->bad_rounds = 0;
  } else if (++account->bad_rounds >= TRACKER_ROUNDS_UNTIL_BLIND) {
    account->blind = true;
  }
}

/* What troubles the account as a whole is judged here too, not by each answer:
 * while the answers of a round come in, it may seem to be over. */
static void judge_troubles(struct account *account) {
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    struct trouble *trouble = &account->troubles[i];
    if (trouble->tasks == 0)
      trouble->active = false;
    else if (outcome_info[i].scope == SCOPE_ACCOUNT)
      trouble->active = true;
  }
}

static void fill_account(const struct account *account,
                         struct account_values *values) {
  memcpy(values->states, account->states, sizeof(values->states));
  memcpy(values->requests, account->requests, sizeof(values->requests));
  values->up = account->key_available ? account->up : 0;
  values->response_average =
      account->ended > 0 ? account->seconds_sum / (double)account->ended : -1;
  values->response_maximum = account->ended > 0 ? account->seconds_maximum : -1;
}

static void begin_interval(struct account *account) {
  account->ended = account->good = account->unauthorized = 0;
  account->seconds_sum = account->seconds_maximum = 0;
}

static bool snapshot_make_room(const struct tracker *tracker,
                               struct snapshot *snapshot) {
  if (snapshot->accounts == NULL)
    snapshot->accounts =
        calloc(tracker->account_count, sizeof(*snapshot->accounts));
  if (snapshot->accounts == NULL && tracker->account_count > 0)
    return false;
  if (tracker->task_count <= snapshot->task_capacity)
    return true;
  struct task_values *tasks =
      realloc(snapshot->tasks, tracker->task_capacity * sizeof(*tasks));
  if (tasks == NULL)
    return false;
  snapshot->tasks = tasks;
  snapshot->task_capacity = tracker->task_capacity;
  return true;
}

bool tracker_snapshot(struct tracker *tracker, struct moment now,
                      struct snapshot *snapshot) {
  snapshot->account_count = snapshot->task_count = 0;
  if (!snapshot_make_room(tracker, snapshot))
    return false;
  for (size_t i = 0; i < tracker->account_count; i++) {
    struct account *account = &tracker->accounts[i];
    judge_interval(account);
    judge_troubles(account);
    fill_account(account, &snapshot->accounts[snapshot->account_count++]);
    begin_interval(account);
  }
  for (size_t i = 0; i < tracker->task_count; i++) {
    const struct task *task = tracker->tasks[i];
    struct task_values *values = &snapshot->tasks[snapshot->task_count++];
    values->account = task->definition->account;
    utf8_copy(values->name, sizeof(values->name), task->definition->name);
    values->state = task->state;
    values->elapsed = elapsed(task, now);
    values->status_age = status_age(task, now);
  }
  return true;
}

void snapshot_clear(struct snapshot *snapshot) {
  free(snapshot->accounts);
  free(snapshot->tasks);
  memset(snapshot, 0, sizeof(*snapshot));
}

static void fill_task_event(const struct task *task, struct moment now,
                            enum tracker_event_kind kind, enum outcome outcome,
                            struct tracker_event *event) {
  event->kind = kind;
  event->account = task->definition->account;
  event->outcome = outcome;
  event->state = task->state;
  event->elapsed = elapsed(task, now);
  event->run_id = task->run_id;
  utf8_copy(event->name, sizeof(event->name), task->definition->name);
  utf8_copy(event->id, sizeof(event->id), task->definition->id);
  if (task->exception_reason != NULL)
    utf8_copy(event->exception_reason, sizeof(event->exception_reason),
              task->exception_reason);
  if (task->message != NULL)
    utf8_copy(event->message, sizeof(event->message), task->message);
  if (kind == EVENT_TASK_TROUBLE && task->trouble_detail != NULL)
    utf8_copy(event->detail, sizeof(event->detail), task->trouble_detail);
}

/* What one task has to tell next. */
static bool task_event(struct tracker *tracker, struct task *task,
                       struct moment now, struct tracker_event *event) {
  enum tracker_event_kind kind;
  enum outcome outcome = OUTCOME_OK;
  if (task_state_info[task->state].final && !task->end_told) {
    kind = EVENT_TASK_ENDED;
  } else if (task->trouble_told != OUTCOME_OK &&
             task->trouble_told != task->trouble) {
    kind = EVENT_TASK_TROUBLE_OVER;
    outcome = task->trouble_told;
  } else if (task->trouble != task->trouble_told &&
             outcome_info[task->trouble].scope == SCOPE_TASK) {
    kind = EVENT_TASK_TROUBLE;
    outcome = task->trouble;
    struct trouble *trouble = &account_of(tracker, task)->troubles[outcome];
    if (trouble->named >= TRACKER_TASKS_LOGGED) {
      trouble->active = true;
      return false;
    }
  } else {
    return false;
  }
  fill_task_event(task, now, kind, outcome, event);
  event->task = task;
  return true;
}

/* A trouble of the account that has begun, or else one that is over. In this
 * order, since the end of one kind may be the beginning of a worse one. */
static bool trouble_event(const struct account *account, bool begun,
                          struct tracker_event *event) {
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    const struct trouble *trouble = &account->troubles[i];
    if (trouble->active == trouble->told || trouble->active != begun)
      continue;
    event->outcome = (enum outcome)i;
    if (outcome_info[i].scope == SCOPE_ACCOUNT)
      event->kind =
          trouble->active ? EVENT_ACCOUNT_TROUBLE : EVENT_ACCOUNT_TROUBLE_OVER;
    else
      event->kind =
          trouble->active ? EVENT_MANY_TASKS_TROUBLE : EVENT_MANY_TASKS_OVER;
    utf8_copy(event->name, sizeof(event->name), trouble->name);
    utf8_copy(event->detail, sizeof(event->detail), trouble->detail);
    return true;
  }
  return false;
}

/* What one account has to tell next. */
static bool account_event(const struct account *account,
                          struct tracker_event *event) {
  if (strcmp(account->key_problem, account->key_problem_told) != 0) {
    event->kind = account->key_problem[0] != '\0' ? EVENT_KEY_PROBLEM
                                                  : EVENT_KEY_PROBLEM_OVER;
    utf8_copy(event->detail, sizeof(event->detail), account->key_problem);
  } else if (account->rejected != account->rejected_told) {
    event->kind = account->rejected ? EVENT_KEY_REJECTED : EVENT_KEY_ACCEPTED;
  } else if (account->blind != account->blind_told) {
    event->kind = account->blind ? EVENT_BLIND : EVENT_BLIND_OVER;
  } else {
    return trouble_event(account, true, event) ||
           trouble_event(account, false, event);
  }
  return true;
}

bool tracker_next_event(struct tracker *tracker, struct moment now,
                        struct tracker_event *event) {
  *event = (struct tracker_event){.run_id = STATUS_RUN_ID_NONE};
  while (tracker->first_reporting != NULL) {
    if (task_event(tracker, tracker->first_reporting, now, event))
      return true;
    end_report(tracker);
  }
  for (size_t i = 0; i < tracker->account_count; i++) {
    event->account = i;
    if (account_event(&tracker->accounts[i], event))
      return true;
  }
  return false;
}

void tracker_event_done(struct tracker *tracker,
                        const struct tracker_event *event) {
  struct account *account = &tracker->accounts[event->account];
  struct trouble *trouble = &account->troubles[event->outcome];
  switch (event->kind) {
  case EVENT_TASK_ENDED:
    event->task->end_told = true;
    break;
  case EVENT_TASK_TROUBLE:
    event->task->trouble_told = event->outcome;
    if (event->task->trouble == event->outcome)
      trouble->named++;
    break;
  case EVENT_TASK_TROUBLE_OVER:
    if (event->task->trouble == event->outcome)
      trouble->named--;
    event->task->trouble_told = OUTCOME_OK;
    break;
  case EVENT_ACCOUNT_TROUBLE:
  case EVENT_MANY_TASKS_TROUBLE:
    trouble->told = true;
    break;
  case EVENT_ACCOUNT_TROUBLE_OVER:
  case EVENT_MANY_TASKS_OVER:
    trouble->told = false;
    break;
  case EVENT_KEY_PROBLEM:
  case EVENT_KEY_PROBLEM_OVER:
    utf8_copy(account->key_problem_told, sizeof(account->key_problem_told),
              event->detail);
    break;
  case EVENT_KEY_REJECTED:
  case EVENT_KEY_ACCEPTED:
    account->rejected_told = event->kind == EVENT_KEY_REJECTED;
    break;
  case EVENT_BLIND:
  case EVENT_BLIND_OVER:
    account->blind_told = event->kind == EVENT_BLIND;
    break;
  }
}
