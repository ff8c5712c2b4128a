/* SPDX-License-Identifier: MIT */
#include "tracker_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const struct moment world_start = {.wall = INT64_C(1795507200000),
                                   .steady = 5000};

const struct letter letters[LETTER_COUNT] = {
    {'P', OUTCOME_OK, TASK_PENDING},
    {'S', OUTCOME_OK, TASK_SUCCESS},
    {'E', OUTCOME_OK, TASK_ERROR},
    {'T', OUTCOME_OK, TASK_TIMEOUT},
    {'$', OUTCOME_OK, TASK_PAYMENT_REQUIRED},
    {'u', OUTCOME_UNAUTHORIZED, TASK_UNKNOWN},
    {'f', OUTCOME_FORBIDDEN, TASK_UNKNOWN},
    {'n', OUTCOME_NOT_FOUND, TASK_UNKNOWN},
    {'r', OUTCOME_RATE_LIMITED, TASK_UNKNOWN},
    {'c', OUTCOME_CLIENT_ERROR, TASK_UNKNOWN},
    {'s', OUTCOME_SERVER_ERROR, TASK_UNKNOWN},
    {'v', OUTCOME_UNAVAILABLE, TASK_UNKNOWN},
    {'t', OUTCOME_TIMEOUT, TASK_UNKNOWN},
    {'h', OUTCOME_RESOLVE, TASK_UNKNOWN}, /* host */
    {'o', OUTCOME_CONNECT, TASK_UNKNOWN},
    {'l', OUTCOME_TLS, TASK_UNKNOWN},
    {'w', OUTCOME_NETWORK, TASK_UNKNOWN}, /* wire */
    {'i', OUTCOME_INVALID, TASK_UNKNOWN},
};

size_t index_of_letter(char letter) {
  size_t i = 0;
  while (i < COUNT(letters) && letters[i].letter != letter)
    i++;
  if (i == COUNT(letters))
    fail_msg("no such letter: %c", letter);
  return i;
}

char letter_of_state(enum task_state state) {
  for (size_t i = 0; i < COUNT(letters); i++)
    if (letters[i].outcome == OUTCOME_OK && letters[i].state == state)
      return letters[i].letter;
  return '?';
}

static char letter_of_outcome(enum outcome outcome) {
  size_t i = 0;
  while (letters[i].outcome != outcome)
    i++;
  return letters[i].letter;
}

bool is_final_letter(char letter) {
  return letter != '\0' && strchr("SET$", letter) != NULL;
}

/* --- The world ------------------------------------------------------------ */

static struct tracker *create_tracker(const struct world *world) {
  struct tracker_rules rules[4];
  assert_true(world->account_count <= COUNT(rules));
  for (size_t i = 0; i < world->account_count; i++)
    rules[i] = world->rules;
  struct tracker *tracker =
      tracker_create(rules, world->account_count, INTERVAL, 20261124);
  assert_non_null(tracker);
  return tracker;
}

struct world world_create_by(const char *accounts, struct tracker_rules rules) {
  struct world world = {
      .name = accounts, .rules = rules, .now = world_start, .account_count = 1};
  for (const char *c = accounts; *c != '\0'; c++)
    if ((size_t)(*c - '0') >= world.account_count)
      world.account_count = (size_t)(*c - '0') + 1;
  world.tracker = create_tracker(&world);
  for (const char *c = accounts; *c != '\0'; c++)
    world_add_task(&world, (size_t)(*c - '0'), 0);
  world_list(&world);
  return world;
}

struct world world_create(const char *accounts) {
  return world_create_by(
      accounts, (struct tracker_rules){.error_interval_max = INTERVAL});
}

void world_free(struct world *world) {
  snapshot_clear(&world->snapshot);
  tracker_free(world->tracker);
}

void world_list(struct world *world) {
  struct task_list *list = task_list_create();
  assert_non_null(list);
  for (size_t i = 0; i < world->task_count; i++) {
    struct world_task *task = &world->tasks[i];
    char id[32];
    snprintf(id, sizeof(id), "id-%zu", i);
    const struct task_definition definition = {.account = task->account,
                                               .id = id,
                                               .name = task->name,
                                               .type = task->type,
                                               .started = task->started};
    if (task->is_listed)
      assert_null(task_list_add(list, &definition));
  }
  assert_true(tracker_set_tasks(world->tracker, list, world->now));
  task_list_free(list);
}

void world_add_task(struct world *world, size_t account, int64_t started) {
  assert_true(world->task_count < TASKS_MAX);
  struct world_task *task = &world->tasks[world->task_count];
  *task = (struct world_task){.account = account,
                              .type = TASK_TYPE_DEFAULT,
                              .started = started,
                              .is_listed = true};
  snprintf(task->name, sizeof(task->name), "t%zu", world->task_count++);
  world_list(world);
}

void world_set_listed(struct world *world, size_t number, bool is_listed) {
  world->tasks[number].is_listed = is_listed;
  world_list(world);
}

void world_save(const struct world *world, struct world_records *records) {
  records->task_count = tracker_task_count(world->tracker);
  records->account_count = world->account_count;
  assert_true(records->task_count <= TASKS_MAX);
  for (size_t i = 0; i < records->task_count; i++)
    tracker_record_task(world->tracker, i, world->now, &records->tasks[i]);
  for (size_t i = 0; i < records->account_count; i++)
    tracker_record_account(world->tracker, i, world->now,
                           &records->accounts[i]);
}

void world_start_again(struct world *world,
                       const struct world_records *records) {
  struct event event;
  tracker_free(world->tracker);
  memset(world->flying, 0, sizeof(world->flying));
  world->tracker = create_tracker(world);
  for (size_t i = 0; i < records->account_count; i++)
    tracker_restore_account(world->tracker, &records->accounts[i], world->now);
  for (size_t i = 0; i < records->task_count; i++)
    assert_true(
        tracker_restore_task(world->tracker, &records->tasks[i], world->now));
  assert_false(tracker_next_event(world->tracker, world->now, &event));
  world_list(world);
}

void world_restart(struct world *world) {
  struct world_records *records = calloc(1, sizeof(*records));
  assert_non_null(records);
  world_save(world, records);
  world_start_again(world, records);
  free(records);
}

void pass(struct world *world, int64_t milliseconds) {
  world->now.wall += milliseconds;
  world->now.steady += milliseconds;
}

/* --- Rounds --------------------------------------------------------------- */

int take(struct world *world, size_t account) {
  struct task *task = tracker_take_due(world->tracker, account);
  if (task == NULL)
    return -1;
  const struct task_definition *definition = tracker_task_definition(task);
  size_t number = strtoul(definition->id + 3, NULL, 10);
  assert_int_equal(definition->account, account);
  assert_null(world->flying[number]);
  world->flying[number] = task;
  return (int)number;
}

/* Takes all that is due. */
static void take_all(struct world *world, bool taken[TASKS_MAX]) {
  for (size_t i = 0; i < world->account_count; i++)
    for (int number; (number = take(world, i)) >= 0;)
      taken[number] = true;
}

struct poll_answer answer_of_letter(size_t number, char letter) {
  size_t i = index_of_letter(letter);
  struct poll_answer poll = {
      .outcome = letters[i].outcome,
      .status = {.state = letters[i].state, .run_id = STATUS_RUN_ID_NONE},
      .result = {.duration = -1},
      .seconds = (double)(4 - number % 4) / 2};
  for (size_t k = 0; k < STATUS_FIELDS_MAX; k++)
    poll.status.fields[k] = NAN;
  if (poll.outcome != OUTCOME_OK)
    snprintf(poll.detail, sizeof(poll.detail), "detail %c of t%zu", letter,
             number);
  return poll;
}

void answer_with(struct world *world, size_t number,
                 const struct poll_answer *poll) {
  struct task *task = world->flying[number];
  assert_non_null(task);
  world->flying[number] = NULL;
  tracker_answer(world->tracker, task, poll, world->now);
}

void answer(struct world *world, size_t number, char letter) {
  const struct poll_answer poll = answer_of_letter(number, letter);
  answer_with(world, number, &poll);
}

void give_back(struct world *world, size_t number) {
  struct task *task = world->flying[number];
  assert_non_null(task);
  world->flying[number] = NULL;
  tracker_give_back(world->tracker, task);
}

/* What the script says of one task comes true, or the test fails. */
static void play_task(struct world *world, const char *script, size_t number,
                      bool taken) {
  char letter = script[number];
  if (letter == '.' && taken)
    fail_msg("%s: round %s: task %zu is due", world->name, script, number);
  if (letter != '.' && world->flying[number] == NULL)
    fail_msg("%s: round %s: task %zu is not due", world->name, script, number);
  if (letter != '.' && letter != '~')
    answer(world, number, letter);
}

void world_look(struct world *world) {
  assert_true(tracker_snapshot(world->tracker, world->now, &world->snapshot));
}

void end_round(struct world *world) {
  world_look(world);
  pass(world, INTERVAL);
}

void play_round(struct world *world, const char *script) {
  bool taken[TASKS_MAX] = {false};
  assert_int_equal(strlen(script), world->task_count);
  tracker_begin_round(world->tracker, world->now);
  take_all(world, taken);
  for (size_t i = 0; i < world->task_count; i++)
    play_task(world, script, i, taken[i]);
  end_round(world);
}

int64_t time_until_due(struct world *world, int64_t limit) {
  int64_t begun = world->now.steady;
  tracker_begin_round(world->tracker, world->now);
  while (!tracker_round_is_open(world->tracker)) {
    if (world->now.steady - begun > limit)
      return -1;
    pass(world, STEP);
    tracker_begin_round(world->tracker, world->now);
  }
  return world->now.steady - begun;
}

/* --- Events --------------------------------------------------------------- */

/* By kind: the word for it, and what that goes on with. */
static const struct {
  const char *word;
  enum { OF_TASK, OF_TASK_TROUBLE, OF_ACCOUNT_TROUBLE, OF_ROUND } scope;
} kinds[] = {
    [EVENT_TASK_ENDED] = {"ended", OF_TASK},
    [EVENT_TASK_STALLED] = {"stalled", OF_TASK},
    [EVENT_TASK_TROUBLE] = {"trouble", OF_TASK_TROUBLE},
    [EVENT_TASK_TROUBLE_OVER] = {"over", OF_TASK_TROUBLE},
    [EVENT_MANY_TASKS_TROUBLE] = {"many", OF_ACCOUNT_TROUBLE},
    [EVENT_MANY_TASKS_OVER] = {"many_over", OF_ACCOUNT_TROUBLE},
    [EVENT_ACCOUNT_TROUBLE] = {"account", OF_ACCOUNT_TROUBLE},
    [EVENT_ACCOUNT_TROUBLE_OVER] = {"account_over", OF_ACCOUNT_TROUBLE},
    [EVENT_KEY_REJECTED] = {"rejected", OF_ROUND},
    [EVENT_KEY_ACCEPTED] = {"accepted", OF_ROUND},
    [EVENT_BLIND] = {"blind", OF_ROUND},
    [EVENT_BLIND_OVER] = {"blind_over", OF_ROUND},
};

void word_of(const struct event *event, char word[WORD_SIZE]) {
  const char *kind = kinds[event->kind].word;
  switch (kinds[event->kind].scope) {
  case OF_TASK:
    snprintf(word, WORD_SIZE, "%s:%.15s%s%c", kind, event->name,
             event->kind == EVENT_TASK_ENDED ? ":" : "",
             event->kind == EVENT_TASK_ENDED ? letter_of_state(event->state)
                                             : '\0');
    break;
  case OF_TASK_TROUBLE:
    snprintf(word, WORD_SIZE, "%s:%.15s:%c", kind, event->name,
             letter_of_outcome(event->outcome));
    break;
  case OF_ACCOUNT_TROUBLE:
    snprintf(word, WORD_SIZE, "%s:%zu:%c", kind, event->account,
             letter_of_outcome(event->outcome));
    break;
  case OF_ROUND:
    snprintf(word, WORD_SIZE, "%s:%zu", kind, event->account);
  }
}

bool tell_next(struct world *world, struct event *event) {
  struct event again;
  char word[WORD_SIZE], word_again[WORD_SIZE];
  if (!tracker_next_event(world->tracker, world->now, event))
    return false;
  word_of(event, word);
  for (int i = 0; i < 2; i++) {
    assert_true(tracker_next_event(world->tracker, world->now, &again));
    word_of(&again, word_again);
    assert_string_equal(word_again, word);
  }
  tracker_event_done(world->tracker, event);
  return true;
}

static int compare_words(const void *left, const void *right) {
  return strcmp(left, right);
}

static void tell_all(struct world *world, bool of_round_only,
                     char text[TEXT_SIZE]) {
  struct event event;
  char words[TASKS_MAX][WORD_SIZE];
  size_t count = 0;
  while (tell_next(world, &event)) {
    assert_true(count < COUNT(words)); /* else there is no end to it */
    if (kinds[event.kind].scope == OF_ROUND || !of_round_only)
      word_of(&event, words[count++]);
  }
  qsort(words, count, sizeof(words[0]), compare_words);
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    strcat(text, i > 0 ? " " : "");
    strcat(text, words[i]);
  }
}

void describe_told(struct world *world, char text[TEXT_SIZE]) {
  tell_all(world, false, text);
}

void describe_told_of_rounds(struct world *world, char text[TEXT_SIZE]) {
  tell_all(world, true, text);
}

void describe_kinds(struct world *world, char text[TEXT_SIZE]) {
  struct event event;
  size_t counts[COUNT(kinds)] = {0}, count = 0;
  while (tell_next(world, &event)) {
    assert_true(count++ < TASKS_MAX);
    counts[event.kind]++;
  }
  text[0] = '\0';
  for (size_t i = 0, length = 0; i < COUNT(kinds); i++)
    if (counts[i] > 0)
      length +=
          (size_t)snprintf(text + length, TEXT_SIZE - length, "%s%s*%zu",
                           length > 0 ? " " : "", kinds[i].word, counts[i]);
}

void check_told(struct world *world, const char *expected) {
  char text[TEXT_SIZE];
  describe_told(world, text);
  if (strcmp(text, expected) != 0)
    fail_msg("%s: told \"%s\", not \"%s\"", world->name, text, expected);
}

/* --- Values --------------------------------------------------------------- */

void describe_states(struct world *world, char text[TEXT_SIZE]) {
  const struct snapshot *snapshot = &world->snapshot;
  for (size_t i = 0; i < snapshot->task_count; i++)
    text[i] = letter_of_state(snapshot->tasks[i].state);
  text[snapshot->task_count] = '\0';
  for (size_t i = 0; i < snapshot->account_count; i++)
    for (int state = 0; state < TASK_STATE_COUNT; state++) {
      size_t count = 0;
      for (size_t k = 0; k < snapshot->task_count; k++)
        count += snapshot->tasks[k].account == i &&
                 snapshot->tasks[k].state == (enum task_state)state;
      assert_int_equal(snapshot->accounts[i].states[state], count);
    }
}

void describe_up(struct world *world, char text[TEXT_SIZE]) {
  assert_int_equal(world->snapshot.account_count, world->account_count);
  for (size_t i = 0; i < world->account_count; i++)
    text[i] = "-01"[world->snapshot.accounts[i].up + 1];
  text[world->account_count] = '\0';
}

bool is_time(double value, double expected) {
  return expected < 0 ? value < 0 : fabs(value - expected) < 1e-6;
}

/* --- Scripts -------------------------------------------------------------- */

/* Plays a step; returns whether its description is as it says. */
static bool play_step(struct world *world, const char *step,
                      void (*describe)(struct world *, char *)) {
  char round[TASKS_MAX + 1], text[TEXT_SIZE] = "";
  size_t length = strcspn(step, " ");
  const char *expected = step[length] == '\0' ? "" : step + length + 1;
  assert_true(length < sizeof(round));
  memcpy(round, step, length);
  round[length] = '\0';
  play_round(world, round);
  if (strcmp(expected, "*") == 0)
    return true;
  describe(world, text);
  if (strcmp(text, expected) == 0)
    return true;
  print_error("%s, round %s: \"%s\", not \"%s\"\n", world->name, round, text,
              expected);
  return false;
}

void run_scripts_by(struct tracker_rules rules, const struct script *scripts,
                    size_t count, void (*describe)(struct world *, char *)) {
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    struct world world = world_create_by(scripts[i].accounts, rules);
    world.name = scripts[i].name;
    for (size_t k = 0; k < STEPS_MAX && scripts[i].steps[k] != NULL; k++)
      if (!play_step(&world, scripts[i].steps[k], describe)) {
        failed++;
        break; /* what follows would only follow from it */
      }
    world_free(&world);
  }
  assert_int_equal(failed, 0);
}

void run_scripts(const struct script *scripts, size_t count,
                 void (*describe)(struct world *, char *)) {
  run_scripts_by((struct tracker_rules){.error_interval_max = INTERVAL},
                 scripts, count, describe);
}
