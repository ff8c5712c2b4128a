/* SPDX-License-Identifier: MIT */
/* What the tracker does by options: StalledAfter, ForgetAfter, FetchResult and
 * Field. */
#include "tracker_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- StalledAfter --------------------------------------------------------- */

static const struct tracker_rules stall_rules = {.error_interval_max = INTERVAL,
                                                 .stalled_after = 25000};

/* Rounds at 0, 10, 20 seconds and so on. */
static void test_stalled(void **state) {
  static const struct script scripts[] = {
      {"once",
       "0",
       {"P", "P", "P", "P stalled:t0", "P", "P", "s account:0:s",
        "P account_over:0:s", "S ended:t0:S"}},
      {"ended before", "0", {"P", "P", "P", "S ended:t0:S", "."}},
      {"never a valid answer",
       "0",
       {"n trouble:t0:n", "n", "n blind:0", "n", "n", "n"}},
      {"the first one is late",
       "0",
       {"n trouble:t0:n", "n", "n blind:0", "n",
        "P blind_over:0 over:t0:n stalled:t0", "P"}},
      {"not while it can't be confirmed",
       "00",
       {"PS ended:t1:S", "P.", "P.", "n. trouble:t0:n", "n.", "n. blind:0",
        "P. blind_over:0 over:t0:n stalled:t0", "P."}},
      {"but if it was so before",
       "0",
       {"P", "P", "P", "P *", "n stalled:t0 trouble:t0:n", "n"}},
      {"ended while nobody could ask",
       "0",
       {"P", "P", "P", "s account:0:s", "E account_over:0:s ended:t0:E"}},
      {"ended before it was told", "0", {"P", "P", "P", "P *", "E ended:t0:E"}},
      {"in flight for long",
       "0",
       {"P", "~", ".", ".", ".", "S ended:t0:S", "."}},
      {"each for itself",
       "01",
       {"PP", "PS ended:t1:S", "P.", "P. stalled:t0", "P."}},
  };
  (void)state;
  run_scripts_by(stall_rules, scripts, COUNT(scripts), describe_told);
}

static void test_stalled_off(void **state) {
  struct world world = world_create("0");
  (void)state;
  for (int i = 0; i < 100; i++)
    play_round(&world, "P");
  check_told(&world, "");
  world_free(&world);
}

/* By Started; once also if that, or the name, changes. */
static void test_stalled_since_started(void **state) {
  struct world world = world_create_by("", stall_rules);
  (void)state;
  world_add_task(&world, 0, world_start.wall - 25000);
  play_round(&world, "P");
  check_told(&world, "stalled:t0");
  world.tasks[0].started = 0;
  strcpy(world.tasks[0].name, "a");
  world_list(&world);
  for (int i = 0; i < 10; i++)
    play_round(&world, "P");
  check_told(&world, "");
  world_free(&world);
}

/* With a long gap between two polls, it is told between them. */
static void test_stalled_between_polls(void **state) {
  static const char rounds[] = "PP.P...P";
  struct tracker_rules rules = stall_rules;
  rules.poll_interval_max = 600000;
  rules.stalled_after = 55000;
  struct world world = world_create_by("0", rules);
  (void)state;
  for (size_t i = 0; rounds[i] != '\0'; i++) {
    world.name = &rounds[i];
    play_round(&world, (const char[]){rounds[i], '\0'});
    pass(&world, -1); /* when it is told, the interval is not over yet */
    check_told(&world, i == 6 ? "stalled:t0" : "");
    pass(&world, 1);
  }
  world_free(&world);
}

/* A held account: what can't be asked is not known to be stuck. */
static void test_stalled_while_held(void **state) {
  struct world world = world_create_by("00", stall_rules);
  struct poll_answer poll = answer_of_letter(1, 'r');
  (void)state;
  poll.retry_after = 60000;
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 0);
  assert_int_equal(take(&world, 0), 1);
  answer(&world, 0, 'P');
  answer_with(&world, 1, &poll);
  end_round(&world);
  for (int i = 0; i < 5; i++)
    play_round(&world, "..");
  check_told(&world, "account:0:r");
  play_round(&world, "PP");
  check_told(&world, "account_over:0:r stalled:t0 stalled:t1");
  world_free(&world);
}

/* Told, it is not told again by the next daemon; untold, it is told when it is
 * sure. */
static void test_stalled_restored(void **state) {
  (void)state;
  for (int told = 0; told < 2; told++) {
    struct world world = world_create_by("0", stall_rules);
    world.name = told ? "told" : "untold";
    for (int i = 0; i < 3; i++)
      play_round(&world, "P");
    if (told) {
      play_round(&world, "P");
      check_told(&world, "stalled:t0");
    }
    pass(&world, 3600000);
    world_restart(&world);
    world_look(&world);
    check_told(&world, ""); /* it may have ended since */
    play_round(&world, "P");
    check_told(&world, told ? "" : "stalled:t0");
    world_restart(&world);
    play_round(&world, "P");
    check_told(&world, "");
    world_free(&world);
  }
}

static void test_stalled_unlisted(void **state) {
  struct world world = world_create_by("0", stall_rules);
  (void)state;
  play_round(&world, "P");
  world_set_listed(&world, 0, false);
  pass(&world, 60000);
  world_look(&world);
  check_told(&world, "");
  world_set_listed(&world, 0, true);
  world_look(&world);
  check_told(&world, "");
  play_round(&world, "P");
  check_told(&world, "stalled:t0");
  world_set_listed(&world, 0, false);
  world_set_listed(&world, 0, true);
  play_round(&world, "P");
  check_told(&world, "");
  world_free(&world);
}

/* It leaves the list before its time, and is heard of after it. */
static void test_stalled_and_unlisted(void **state) {
  struct world world = world_create_by("0", stall_rules);
  (void)state;
  play_round(&world, "P");
  play_round(&world, "P");
  world_set_listed(&world, 0, false);
  pass(&world, 6000);
  check_told(&world, "");
  world_free(&world);
}

/* --- ForgetAfter ---------------------------------------------------------- */

static void test_forget_after(void **state) {
  struct world world = world_create_by(
      "000", (struct tracker_rules){.error_interval_max = INTERVAL,
                                    .forget_after = 30000});
  char text[TEXT_SIZE];
  static const struct {
    const char *round, *states;
  } steps[] = {{"PSs", "PS?"}, {"E.P", "ESP"}, {"..P", "ESP"},
               {"..P", "EP"},  {"..P", "P"},   {"..P", "P"}};
  (void)state;
  for (size_t i = 0; i < COUNT(steps); i++) {
    play_round(&world, steps[i].round);
    size_t count = world.snapshot.task_count;
    for (size_t k = 0; k < count; k++)
      text[k] = letter_of_state(world.snapshot.tasks[k].state);
    text[count] = '\0';
    assert_string_equal(text, steps[i].states);
    /* the account's counts are of all that are listed */
    assert_int_equal(world.snapshot.accounts[0].states[TASK_SUCCESS], 1);
  }
  check_told(&world, "ended:t0:E ended:t1:S");
  world_restart(&world); /* for the next daemon, too */
  world_look(&world);
  assert_int_equal(world.snapshot.task_count, 1);
  check_told(&world, "");
  world_free(&world);
}

/* --- Field ---------------------------------------------------------------- */

static void answer_fields(struct world *world, size_t number, char letter,
                          double first, double second) {
  struct poll_answer poll = answer_of_letter(number, letter);
  poll.status.fields[0] = first;
  poll.status.fields[1] = second;
  answer_with(world, number, &poll);
}

static void check_fields(struct world *world, size_t number, double first,
                         double second) {
  world_look(world);
  const double *fields =
      world->snapshot.fields + world->snapshot.tasks[number].first_field;
  if (!(isnan(first) ? isnan(fields[0]) : fields[0] == first) ||
      !(isnan(second) ? isnan(fields[1]) : fields[1] == second))
    fail_msg("task %zu: %g, %g", number, fields[0], fields[1]);
}

/* Held through errors, absent when an answer lacks them, kept at the end. */
static void test_fields(void **state) {
  struct world world = world_create_by(
      "00",
      (struct tracker_rules){.error_interval_max = INTERVAL, .field_count = 2});
  static const struct {
    char letter;
    double answered[2], expected[2];
  } steps[] = {
      {'s', {5, 6}, {NAN, NAN}}, {'P', {1, -2.5}, {1, -2.5}},
      {'s', {5, 6}, {1, -2.5}},  {'i', {NAN, NAN}, {1, -2.5}},
      {'P', {NAN, 0}, {NAN, 0}}, {'P', {NAN, NAN}, {NAN, NAN}},
      {'P', {3, NAN}, {3, NAN}}, {'S', {4, 1e300}, {4, 1e300}},
  };
  (void)state;
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 0);
  assert_int_equal(take(&world, 0), 1); /* and is never answered */
  give_back(&world, 0);
  for (size_t i = 0; i < COUNT(steps); i++) {
    tracker_begin_round(world.tracker, world.now);
    assert_int_equal(take(&world, 0), 0);
    answer_fields(&world, 0, steps[i].letter, steps[i].answered[0],
                  steps[i].answered[1]);
    check_fields(&world, 0, steps[i].expected[0], steps[i].expected[1]);
    check_fields(&world, 1, NAN, NAN);
    pass(&world, INTERVAL);
  }
  world_restart(&world);
  check_fields(&world, 0, 4, 1e300);
  world_free(&world);
}

/* --- FetchResult ---------------------------------------------------------- */

static const struct tracker_rules result_rules = {.error_interval_max = 300000,
                                                  .fetches_results = true};

static void take_kind(struct world *world, int number, enum request_kind kind) {
  assert_int_equal(take(world, 0), number);
  assert_int_equal(tracker_request_kind(world->flying[number]), kind);
}

/* The task is answered in a final state, with a run ID. */
static void end_task(struct world *world, size_t number, char letter) {
  struct poll_answer poll = answer_of_letter(number, letter);
  poll.status.run_id = 4711;
  answer_with(world, number, &poll);
}

static struct world world_with_success(void) {
  struct world world = world_create_by("0", result_rules);
  tracker_begin_round(world.tracker, world.now);
  take_kind(&world, 0, REQUEST_STATUS);
  end_task(&world, 0, 'S');
  return world;
}

/* In the same round, and the end is told with it. */
static void test_result(void **state) {
  struct world world = world_with_success();
  struct event event;
  (void)state;
  assert_true(tracker_round_is_open(world.tracker));
  world_look(&world);
  assert_int_equal(world.snapshot.tasks[0].state, TASK_SUCCESS);
  assert_true(world.snapshot.tasks[0].media_duration < 0);
  check_told(&world, "");
  take_kind(&world, 0, REQUEST_RESULT);
  assert_true(tracker_run_id(world.flying[0]) == 4711);
  check_told(&world, "");
  uint64_t changes = tracker_changes(world.tracker, 0);
  struct poll_answer poll = {
      .outcome = OUTCOME_OK,
      .result = {.name = "Film", .studio_url = "https://x", .duration = 61.5}};
  answer_with(&world, 0, &poll);
  assert_true(tracker_changes(world.tracker, 0) != changes);
  assert_false(tracker_round_is_open(world.tracker));
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_TASK_ENDED);
  assert_string_equal(event.project_name, "Film");
  assert_string_equal(event.studio_url, "https://x");
  for (int i = 0; i < 2; i++) {
    world_look(&world);
    assert_true(is_time(world.snapshot.tasks[0].media_duration, 61.5));
    assert_int_equal(time_until_due(&world, 3600000), -1);
    check_told(&world, "");
    world_restart(&world);
  }
  world_free(&world);
}

/* A result that fails, however, costs its count. */
static void test_result_fails(void **state) {
  (void)state;
  for (size_t i = 0; i < LETTER_COUNT; i++) {
    struct world world = world_with_success();
    struct event event;
    if (letters[i].outcome == OUTCOME_OK)
      goto next;
    end_round(&world);
    for (int k = 0; k < 5; k++) { /* as if it were the only one for long */
      tracker_begin_round(world.tracker, world.now);
      if (k == 0) {
        take_kind(&world, 0, REQUEST_RESULT);
        answer(&world, 0, letters[i].letter);
      }
      end_round(&world);
    }
    assert_int_equal(world.snapshot.accounts[0].up, 1);
    assert_true(tell_next(&world, &event));
    assert_int_equal(event.kind, EVENT_TASK_ENDED);
    assert_string_equal(event.project_name, "");
    check_told(&world, "");
    assert_int_equal(world.snapshot.accounts[0]
                         .requests[outcome_info[letters[i].outcome].counter],
                     1);
    assert_int_equal(time_until_due(&world, 3600000), -1);
  next:
    world_free(&world);
  }
}

/* A forbidden result beside a failure does not speak for the key. */
static void test_result_forbidden(void **state) {
  struct world world = world_create_by("00", result_rules);
  (void)state;
  tracker_begin_round(world.tracker, world.now);
  take_kind(&world, 0, REQUEST_STATUS);
  take_kind(&world, 1, REQUEST_STATUS);
  end_task(&world, 0, 'S');
  take_kind(&world, 0, REQUEST_RESULT);
  world_look(&world);
  answer(&world, 0, 'f');
  answer(&world, 1, 's');
  world_look(&world);
  check_told(&world, "account:0:s ended:t0:S");
  world_free(&world);
}

/* For what there is none. */
static void test_no_result(void **state) {
  static const struct {
    const char *type;
    char letter;
    bool fetches, has_run_id, asks;
  } cases[] = {
      {TASK_TYPE_DEFAULT, 'S', true, true, true},
      {TASK_TYPE_DEFAULT, 'S', true, false, false},
      {TASK_TYPE_DEFAULT, 'S', false, true, false},
      {TASK_TYPE_DEFAULT, 'E', true, true, false},
      {TASK_TYPE_DEFAULT, 'T', true, true, false},
      {TASK_TYPE_DEFAULT, '$', true, true, false},
      {"dub", 'S', true, true, false},
      {"project-setups", 'S', true, true, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create_by(
        "0", (struct tracker_rules){.fetches_results = cases[i].fetches});
    world.tasks[0].type = cases[i].type;
    world_list(&world);
    tracker_begin_round(world.tracker, world.now);
    take_kind(&world, 0, REQUEST_STATUS);
    if (cases[i].has_run_id)
      end_task(&world, 0, cases[i].letter);
    else
      answer(&world, 0, cases[i].letter);
    if ((take(&world, 0) == 0) != cases[i].asks)
      fail_msg("case %zu", i + 1);
    world_free(&world);
  }
}

/* Given back, it is asked later; the end waits. */
static void test_result_given_back(void **state) {
  struct world world = world_with_success();
  (void)state;
  take_kind(&world, 0, REQUEST_RESULT);
  give_back(&world, 0);
  end_round(&world);
  check_told(&world, "");
  tracker_begin_round(world.tracker, world.now);
  take_kind(&world, 0, REQUEST_RESULT);
  end_round(&world);
  end_round(&world);
  check_told(&world, ""); /* in flight, which ends by itself */
  answer(&world, 0, 't');
  check_told(&world, "ended:t0:S");
  world_free(&world);
}

/* The account can't be asked: the end does not wait for long. */
static void test_result_given_up(void **state) {
  static const struct {
    const char *name;
    char other;          /* the other task's answer */
    int64_t retry_after; /* milliseconds */
    bool has_key, waits;
  } cases[] = {
      {"nothing wrong", 'P', 0, true, true},
      {"held for a moment", 'r', 30000, true, true},
      {"held for longer", 'v', 90000, true, false},
      {"the key is rejected", 'u', 0, true, false},
      {"no key", 'P', 0, false, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create_by("00", result_rules);
    world.name = cases[i].name;
    tracker_begin_round(world.tracker, world.now);
    take_kind(&world, 0, REQUEST_STATUS);
    take_kind(&world, 1, REQUEST_STATUS);
    end_task(&world, 0, 'S');
    struct poll_answer poll = answer_of_letter(1, cases[i].other);
    poll.retry_after = cases[i].retry_after;
    answer_with(&world, 1, &poll);
    tracker_set_key(world.tracker, 0, cases[i].has_key, false);
    world_look(&world);
    char text[TEXT_SIZE];
    describe_told(&world, text);
    if ((strstr(text, "ended:t0:S") == NULL) != cases[i].waits)
      fail_msg("%s: told %s", world.name, text);
    tracker_set_key(world.tracker, 0, true, false);
    pass(&world, 100000);
    tracker_begin_round(world.tracker, world.now);
    int number = take(&world, 0);
    if (number != (cases[i].waits ? 0 : 1))
      fail_msg("%s: asks %d", world.name, number);
    world_free(&world);
  }
}

/* Unlisted while the result is waited for or in flight: the end is told. */
static void test_result_unlisted(void **state) {
  (void)state;
  for (int in_flight = 0; in_flight < 2; in_flight++) {
    struct world world = world_with_success();
    if (in_flight)
      take_kind(&world, 0, REQUEST_RESULT);
    world_set_listed(&world, 0, false);
    check_told(&world, "ended:t0:S");
    if (in_flight)
      answer(&world, 0, 'S');
    check_told(&world, "");
    world_set_listed(&world, 0, true);
    assert_int_equal(time_until_due(&world, 60000), -1);
    world_free(&world);
  }
}

/* The daemon ended while the result was waited for: the next one asks. */
static void test_result_restored(void **state) {
  struct world world = world_with_success();
  (void)state;
  world_restart(&world);
  check_told(&world, "");
  tracker_begin_round(world.tracker, world.now);
  take_kind(&world, 0, REQUEST_RESULT);
  assert_true(tracker_run_id(world.flying[0]) == 4711);
  answer(&world, 0, 's');
  check_told(&world, "ended:t0:S");
  world_restart(&world);
  assert_int_equal(time_until_due(&world, 60000), -1);
  check_told(&world, "");
  world_free(&world);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_stalled),
      cmocka_unit_test(test_stalled_off),
      cmocka_unit_test(test_stalled_since_started),
      cmocka_unit_test(test_stalled_between_polls),
      cmocka_unit_test(test_stalled_while_held),
      cmocka_unit_test(test_stalled_restored),
      cmocka_unit_test(test_stalled_unlisted),
      cmocka_unit_test(test_stalled_and_unlisted),
      cmocka_unit_test(test_forget_after),
      cmocka_unit_test(test_fields),
      cmocka_unit_test(test_result),
      cmocka_unit_test(test_result_fails),
      cmocka_unit_test(test_result_forbidden),
      cmocka_unit_test(test_no_result),
      cmocka_unit_test(test_result_given_back),
      cmocka_unit_test(test_result_given_up),
      cmocka_unit_test(test_result_unlisted),
      cmocka_unit_test(test_result_restored),
  };
  return cmocka_run_group_tests_name("tracker_options", tests, NULL, NULL);
}
