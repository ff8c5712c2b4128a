/* SPDX-License-Identifier: MIT */
/* A daemon is killed, or stopped, after every single step of a run of changing
 * tasks, and another goes on from what was saved last: each transition is told
 * at least once, and twice only if the daemon was killed after it was told and
 * before that was saved. */
#include "tracker_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 36

/* The steps of each round, one a letter: the Round begins, a task is taken, the
 * one that was taken first is answered, the Values are looked at, the Next
 * event is looked for, Told, and said to be Done; what is known is Saved; the
 * Clock goes on. */
static const char round_steps[] = "Rttattaatatattaaattaaa"
                                  "V"
                                  "NTD"
                                  "S"
                                  "NTDNTSDNTD"
                                  "S"
                                  "NTDNTD"
                                  "SC";
#define STEPS ((sizeof(round_steps) - 1) * ROUNDS)

/* What the API says of each task, by the time in rounds: pending, but something
 * bad from one round up to another, until its end. Not listed from one round up
 * to another. */
static const struct fate {
  char account;
  char end;
  int ends;
  char bad;
  int bad_from, bad_to;
  int unlisted_from, unlisted_to;
} fates[] = {
    {'0', 'S', 5, 0, 0, 0, 0, 0},     {'0', 'E', 9, 's', 6, 8, 0, 0},
    {'0', '$', 3, 'n', 1, 2, 0, 0},   {'0', 'S', 0, 0, 0, 0, 0, 0},
    {'0', 'P', 0, 'r', 10, 11, 0, 0}, {'0', 'T', 8, 0, 0, 0, 6, 12},
    {'0', 'E', 4, 0, 0, 0, 5, 15},    {'1', 'S', 20, 'u', 5, 15, 0, 0},
    {'1', 'E', 24, 'u', 5, 15, 0, 0}, {'2', 'E', 25, 'w', 4, 18, 0, 0},
};
#define NEW_KEY_ROUND 15 /* of account 1 */
#define RETRY_AFTER 20000

/* Each transition of it. */
static const char *const transitions[] = {
    "ended:t0:S", "ended:t1:E",  "ended:t2:$", "ended:t3:S", "ended:t5:T",
    "ended:t6:E", "ended:t7:S",  "ended:t8:E", "ended:t9:E", "stalled:t4",
    "stalled:t7", "stalled:t8",  "stalled:t9", "rejected:1", "accepted:1",
    "blind:2",    "blind_over:2"};

struct run {
  struct world world;
  struct world_records saved;
  size_t flying[TASKS_MAX], flying_count; /* in the order of their taking */
  struct event event;
  enum { NO_EVENT, EVENT_FOUND, EVENT_TOLD } event_state;
  int told[COUNT(transitions)];
  bool unsaved[COUNT(transitions)]; /* told since, as far as is saved */
  bool may_repeat[COUNT(transitions)];
  char name[64];
};

static int round_of(const struct run *run) {
  return (int)((run->world.now.steady - world_start.steady) / INTERVAL);
}

/* Lists what is listed at the time. Returns whether that has changed. */
static bool set_listed(struct run *run) {
  int round = round_of(run);
  bool changed = false;
  for (size_t i = 0; i < COUNT(fates); i++) {
    bool is_listed =
        round < fates[i].unlisted_from || round >= fates[i].unlisted_to;
    changed = changed || is_listed != run->world.tasks[i].is_listed;
    run->world.tasks[i].is_listed = is_listed;
  }
  return changed;
}

static void begin_round(struct run *run) {
  if (set_listed(run))
    world_list(&run->world);
  if (round_of(run) == NEW_KEY_ROUND)
    tracker_set_key(run->world.tracker, 1, true, true);
  tracker_begin_round(run->world.tracker, run->world.now);
}

static void take_one(struct run *run) {
  int number = -1;
  for (size_t i = 0; i < run->world.account_count && number < 0; i++)
    number = take(&run->world, i);
  if (number >= 0)
    run->flying[run->flying_count++] = (size_t)number;
}

static void answer_result(struct run *run, size_t number) {
  const struct poll_answer poll = {.outcome = OUTCOME_OK,
                                   .result = {.name = "Film", .duration = 60}};
  answer_with(&run->world, number, &poll);
}

static void answer_status(struct run *run, size_t number) {
  const struct fate *fate = &fates[number];
  int round = round_of(run);
  char letter = round < fate->ends ? 'P' : fate->end;
  if (round >= fate->bad_from && round < fate->bad_to)
    letter = fate->bad;
  struct poll_answer poll = answer_of_letter(number, letter);
  poll.retry_after = letter == 'r' ? RETRY_AFTER : 0;
  poll.status.run_id = number == 0 ? 4711 : STATUS_RUN_ID_NONE;
  answer_with(&run->world, number, &poll);
}

static void answer_one(struct run *run) {
  if (run->flying_count == 0)
    return;
  size_t number = run->flying[0];
  memmove(run->flying, &run->flying[1],
          --run->flying_count * sizeof(run->flying[0]));
  if (tracker_request_kind(run->world.flying[number]) == REQUEST_RESULT)
    answer_result(run, number);
  else
    answer_status(run, number);
}

/* Which transition an event tells of; COUNT(transitions) for a trouble, which
 * is for the log, and is told by each daemon. */
static size_t transition_of(const struct run *run, const struct event *event) {
  char word[WORD_SIZE];
  size_t i = 0;
  word_of(event, word);
  while (i < COUNT(transitions) && strcmp(transitions[i], word) != 0)
    i++;
  if (i == COUNT(transitions) && strstr(word, "account") != word &&
      strstr(word, "trouble") != word && strstr(word, "over") != word)
    fail_msg("%s: told %s", run->name, word);
  return i;
}

static void tell(struct run *run) {
  if (run->event_state != EVENT_FOUND)
    return;
  run->event_state = EVENT_TOLD;
  size_t i = transition_of(run, &run->event);
  if (i == COUNT(transitions))
    return;
  run->told[i]++;
  run->unsaved[i] = true;
  if (strcmp(transitions[i], "ended:t0:S") == 0)
    assert_string_equal(run->event.project_name, "Film");
}

static void done(struct run *run) {
  if (run->event_state == EVENT_TOLD)
    tracker_event_done(run->world.tracker, &run->event);
  run->event_state = NO_EVENT;
}

static void save(struct run *run) {
  size_t telling = run->event_state == EVENT_TOLD
                       ? transition_of(run, &run->event)
                       : COUNT(transitions);
  world_save(&run->world, &run->saved);
  for (size_t i = 0; i < COUNT(transitions); i++)
    run->unsaved[i] = run->unsaved[i] && i == telling;
}

static void step(struct run *run, char letter) {
  struct world *world = &run->world;
  switch (letter) {
  case 'R':
    begin_round(run);
    break;
  case 't':
    take_one(run);
    break;
  case 'a':
    answer_one(run);
    break;
  case 'V':
    assert_true(tracker_snapshot(world->tracker, world->now, &world->snapshot));
    break;
  case 'N':
    run->event_state =
        tracker_next_event(world->tracker, world->now, &run->event)
            ? EVENT_FOUND
            : NO_EVENT;
    break;
  case 'T':
    tell(run);
    break;
  case 'D':
    done(run);
    break;
  case 'S':
    save(run);
    break;
  default:
    pass(world, INTERVAL);
  }
}

static struct run *begin_run(void) {
  struct run *run = calloc(1, sizeof(*run));
  char accounts[COUNT(fates) + 1] = "";
  assert_non_null(run);
  for (size_t i = 0; i < COUNT(fates); i++)
    accounts[i] = fates[i].account;
  run->world = world_create_by(
      accounts, (struct tracker_rules){.error_interval_max = 4L * INTERVAL,
                                       .stalled_after = 125000,
                                       .fetches_results = true});
  run->world.name = run->name;
  world_save(&run->world, &run->saved);
  return run;
}

static void end_run(struct run *run) {
  world_free(&run->world);
  free(run);
}

/* Another daemon starts after so many rounds' time. */
static void start_again(struct run *run, int rounds_later) {
  pass(&run->world, (int64_t)rounds_later * INTERVAL);
  set_listed(run);
  world_start_again(&run->world, &run->saved);
  run->flying_count = 0;
  run->event_state = NO_EVENT;
}

static void kill_daemon(struct run *run) {
  for (size_t i = 0; i < COUNT(transitions); i++) {
    run->may_repeat[i] = run->may_repeat[i] || run->unsaved[i];
    run->unsaved[i] = false;
  }
}

/* A clean stop waits for what is being told, and saves. */
static void stop_daemon(struct run *run) {
  done(run);
  save(run);
}

static void check_run(const struct run *run) {
  for (size_t i = 0; i < COUNT(transitions); i++)
    if (run->told[i] < 1 || (run->told[i] > 1 && !run->may_repeat[i]))
      fail_msg("%s: %s told %d times", run->name, transitions[i], run->told[i]);
}

static void play(struct run *run, size_t from, size_t to) {
  for (size_t i = from; i < to; i++)
    step(run, round_steps[i % (sizeof(round_steps) - 1)]);
}

static void test_undisturbed(void **state) {
  struct run *run = begin_run();
  (void)state;
  strcpy(run->name, "undisturbed");
  play(run, 0, STEPS);
  check_run(run);
  for (size_t i = 0; i < COUNT(transitions); i++)
    assert_int_equal(run->told[i], 1);
  end_run(run);
}

static void check_killed(size_t at, int rounds_later) {
  struct run *run = begin_run();
  snprintf(run->name, sizeof(run->name), "killed after step %zu, + %d", at,
           rounds_later);
  play(run, 0, at);
  kill_daemon(run);
  start_again(run, rounds_later);
  play(run, at, STEPS);
  check_run(run);
  end_run(run);
}

static void test_killed(void **state) {
  (void)state;
  for (size_t at = 0; at <= STEPS - sizeof(round_steps); at++)
    check_killed(at, 0);
}

/* Meanwhile, things happen. */
static void test_killed_for_some_time(void **state) {
  (void)state;
  for (size_t at = 0; at <= STEPS - sizeof(round_steps); at++)
    check_killed(at, 2);
}

static void test_killed_twice(void **state) {
  (void)state;
  for (size_t first = 0; first < STEPS; first += 17)
    for (size_t second = first; second < STEPS - sizeof(round_steps);
         second += second < first + 40 ? 3 : 31) {
      struct run *run = begin_run();
      snprintf(run->name, sizeof(run->name), "killed after steps %zu and %zu",
               first, second);
      play(run, 0, first);
      kill_daemon(run);
      start_again(run, 0);
      play(run, first, second);
      kill_daemon(run);
      start_again(run, 0);
      play(run, second, STEPS);
      check_run(run);
      end_run(run);
    }
}

/* None is told twice then. */
static void test_stopped(void **state) {
  (void)state;
  for (int later = 0; later < 3; later += 2)
    for (size_t at = 0; at <= STEPS - sizeof(round_steps); at++) {
      struct run *run = begin_run();
      snprintf(run->name, sizeof(run->name), "stopped after step %zu, + %d", at,
               later);
      play(run, 0, at);
      stop_daemon(run);
      start_again(run, later);
      play(run, at, STEPS);
      check_run(run);
      end_run(run);
    }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_undisturbed),
      cmocka_unit_test(test_killed),
      cmocka_unit_test(test_killed_for_some_time),
      cmocka_unit_test(test_killed_twice),
      cmocka_unit_test(test_stopped),
  };
  return cmocka_run_group_tests_name("tracker_crash", tests, NULL, NULL);
}
