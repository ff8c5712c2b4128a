/* SPDX-License-Identifier: MIT */
/* Lists of tasks that change, and what is kept from one daemon to the next. */
#include "tracker_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR 3600000L

static void check_states(struct world *world, const char *expected) {
  char text[TEXT_SIZE];
  world_look(world);
  describe_states(world, text);
  if (strcmp(text, expected) != 0)
    fail_msg("%s: states %s, not %s", world->name, text, expected);
}

static void check_known(const struct world *world, size_t count) {
  assert_int_equal(tracker_task_count(world->tracker), count);
}

static void set_type(struct world *world, size_t number, const char *type) {
  world->tasks[number].type = type;
  world_list(world);
}

static void rename_task(struct world *world, size_t number, const char *name) {
  strcpy(world->tasks[number].name, name);
  world_list(world);
}

/* --- Lists that change ---------------------------------------------------- */

static void test_rename(void **state) {
  struct world world = world_create("000");
  (void)state;
  play_round(&world, "PnS");
  check_told(&world, "ended:t2:S trouble:t1:n");
  rename_task(&world, 0, "a");
  rename_task(&world, 1, "b");
  rename_task(&world, 2, "c");
  check_known(&world, 3);
  play_round(&world, "EP.");
  check_told(&world, "ended:a:E over:b:n");
  assert_string_equal(world.snapshot.tasks[0].name, "a");
  assert_true(is_time(world.snapshot.tasks[0].elapsed, 10));
  assert_string_equal(world.snapshot.tasks[2].name, "c");
  assert_int_equal(world.snapshot.tasks[2].state, TASK_SUCCESS);
  world_free(&world);
}

/* Two tasks swap their names; and a task is renamed while in flight. */
static void test_swap_names(void **state) {
  struct world world = world_create("00");
  (void)state;
  play_round(&world, "~P");
  strcpy(world.tasks[0].name, "t1");
  rename_task(&world, 1, "t0");
  answer(&world, 0, 'S');
  check_told(&world, "ended:t1:S");
  check_states(&world, "SP");
  assert_string_equal(world.snapshot.tasks[0].name, "t1");
  world_free(&world);
}

/* When a task was started may be said later, or no more; it can't have been
 * later than its listing. */
static void test_started_changes(void **state) {
  static const struct {
    int64_t started; /* seconds after it was listed; 0: not said */
    double elapsed;  /* 20 seconds after that */
  } cases[] = {{-3600, 3620}, {-5, 25}, {0, 20}, {3600, 20}};
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create("0");
    play_round(&world, "P");
    play_round(&world, "P");
    world.tasks[0].started =
        cases[i].started == 0 ? 0 : world_start.wall + cases[i].started * 1000;
    world_list(&world);
    world_look(&world);
    assert_true(is_time(world.snapshot.tasks[0].elapsed, cases[i].elapsed));
    world_free(&world);
  }
}

/* So after a restart, before or after that time has come, also if the task has
 * ended. */
static void test_started_in_the_future_restored(void **state) {
  static const int64_t later[] = {0, 2 * HOUR};
  (void)state;
  for (size_t i = 0; i < 2 * COUNT(later); i++) {
    struct world world = world_create("0");
    bool is_final = i % 2 == 1;
    world.tasks[0].started = world_start.wall + HOUR;
    world_list(&world);
    play_round(&world, "P");
    play_round(&world, is_final ? "S" : "P");
    pass(&world, later[i / 2]);
    for (int restarts = 0; restarts < 3; restarts++) {
      world_look(&world);
      assert_true(is_time(world.snapshot.tasks[0].elapsed,
                          is_final ? 10 : 20 + (double)later[i / 2] / 1000));
      world_restart(&world);
    }
    world_free(&world);
  }
}

/* Another type is another task, though it has the name and the ID. */
static void test_type_changes(void **state) {
  struct world world = world_create("0");
  (void)state;
  play_round(&world, "S");
  check_told(&world, "ended:t0:S");
  set_type(&world, 0, "dub");
  check_states(&world, "?");
  check_known(&world, 2);
  play_round(&world, "E");
  check_told(&world, "ended:t0:E");
  set_type(&world, 0, TASK_TYPE_DEFAULT);
  check_states(&world, "S");
  play_round(&world, ".");
  check_told(&world, "");
  world_free(&world);
}

/* The same ID in two accounts is two tasks. */
static void test_same_id(void **state) {
  struct world world = world_create("");
  struct task_list *list = task_list_create();
  char id[] = "x", name[] = "a", other[] = "b", type[] = "dub";
  struct tracker_rules rules[2] = {{0}, {0}};
  struct tracker *tracker = tracker_create(rules, 2, INTERVAL, 1);
  (void)state;
  assert_null(
      task_list_add(list, &(struct task_definition){1, id, name, type, 0}));
  assert_null(
      task_list_add(list, &(struct task_definition){0, id, other, type, 0}));
  assert_true(tracker_set_tasks(tracker, list, world.now));
  tracker_begin_round(tracker, world.now);
  struct poll_answer poll = answer_of_letter(0, 'E');
  tracker_answer(tracker, tracker_take_due(tracker, 0), &poll, world.now);
  assert_true(tracker_snapshot(tracker, world.now, &world.snapshot));
  assert_int_equal(world.snapshot.tasks[0].state, TASK_UNKNOWN);
  assert_int_equal(world.snapshot.tasks[1].state, TASK_ERROR);
  task_list_free(list);
  tracker_free(tracker);
  world_free(&world);
}

/* What is not listed has no values and is not asked; within an hour it goes on
 * as if nothing had been. */
static void test_unlisted_and_back(void **state) {
  struct world world = world_create("0000");
  (void)state;
  play_round(&world, "PSEs");
  check_told(&world, "account:0:s ended:t1:S ended:t2:E");
  for (size_t i = 0; i < 4; i++)
    world_set_listed(&world, i, false);
  check_states(&world, "");
  check_told(&world, "account_over:0:s");
  assert_int_equal(time_until_due(&world, 3500000), -1);
  for (size_t i = 0; i < 4; i++)
    world_set_listed(&world, 3 - i, true);
  check_states(&world, "PSE?");
  assert_true(world.snapshot.tasks[0].elapsed > 3500);
  assert_true(world.snapshot.tasks[0].status_age > 3500);
  play_round(&world, "P..P");
  check_told(&world, "");
  world_free(&world);
}

static void test_forgotten(void **state) {
  struct world world = world_create("00");
  (void)state;
  play_round(&world, "SP");
  check_told(&world, "ended:t0:S");
  world_set_listed(&world, 0, false);
  check_told(&world, "");
  pass(&world, HOUR - 1);
  play_round(&world, ".P");
  check_known(&world, 2);
  play_round(&world, ".P");
  check_known(&world, 1);
  world_set_listed(&world, 0, true);
  play_round(&world, "SP"); /* as if it were new */
  check_told(&world, "ended:t0:S");
  world_free(&world);
}

/* With nothing to tell, also though nobody takes events. */
static void test_forgotten_untold(void **state) {
  struct world world = world_create("000");
  (void)state;
  play_round(&world, "P~P");
  world_set_listed(&world, 0, false);
  world_set_listed(&world, 1, false);
  answer(&world, 1, 'P');
  pass(&world, HOUR);
  play_round(&world, "..P");
  check_known(&world, 1);
  world_free(&world);
}

/* While they are pinned, tasks keep their indexes. */
static void test_pinned(void **state) {
  struct world world = world_create("00");
  struct task_record record;
  (void)state;
  assert_false(tracker_is_pinned(world.tracker));
  play_round(&world, "PP");
  world_set_listed(&world, 0, false);
  tracker_pin(world.tracker, true);
  assert_true(tracker_is_pinned(world.tracker));
  pass(&world, 2 * HOUR);
  play_round(&world, ".P");
  check_known(&world, 2);
  tracker_record_task(world.tracker, 1, world.now, &record);
  assert_string_equal(record.id, "id-0");
  tracker_pin(world.tracker, false);
  assert_false(tracker_is_pinned(world.tracker));
  play_round(&world, ".P");
  check_known(&world, 1);
  world_free(&world);
}

/* Before any list is given, there are no values, whatever was restored. */
static void test_not_listed_yet(void **state) {
  struct world world = world_create("0");
  struct tracker_rules rules = {.error_interval_max = INTERVAL};
  struct task_list *list = task_list_create();
  struct tracker *tracker = tracker_create(&rules, 1, INTERVAL, 1);
  struct task_record record;
  (void)state;
  assert_non_null(list);
  assert_non_null(tracker);
  play_round(&world, "P");
  tracker_record_task(world.tracker, 0, world.now, &record);
  assert_true(tracker_restore_task(tracker, &record, world.now));
  assert_false(tracker_has_list(tracker));
  assert_true(tracker_snapshot(tracker, world.now, &world.snapshot));
  assert_int_equal(world.snapshot.account_count, 0);
  assert_int_equal(world.snapshot.task_count, 0);
  assert_true(tracker_set_tasks(tracker, list, world.now));
  assert_true(tracker_has_list(tracker));
  assert_true(tracker_snapshot(tracker, world.now, &world.snapshot));
  assert_int_equal(world.snapshot.account_count, 1);
  assert_int_equal(world.snapshot.task_count, 0);
  task_list_free(list);
  tracker_free(tracker);
  world_free(&world);
}

/* Each time that it is unlisted, the hour begins anew. */
static void test_hour_begins_anew(void **state) {
  struct world world = world_create("0");
  (void)state;
  play_round(&world, "S");
  check_told(&world, "ended:t0:S");
  for (int i = 0; i < 5; i++) {
    world_set_listed(&world, 0, false);
    pass(&world, HOUR - INTERVAL);
    play_round(&world, ".");
    world_set_listed(&world, 0, true);
    check_states(&world, "S");
  }
  check_told(&world, "");
  world_free(&world);
}

/* Not while it is in flight or has something to tell. */
static void test_forgotten_later(void **state) {
  struct world world = world_create("00");
  (void)state;
  play_round(&world, "~S");
  world_set_listed(&world, 0, false);
  world_set_listed(&world, 1, false);
  pass(&world, 2 * HOUR);
  play_round(&world, "..");
  check_known(&world, 2);
  answer(&world, 0, 'E');
  play_round(&world, "..");
  check_known(&world, 2);
  check_told(&world, "ended:t0:E ended:t1:S");
  play_round(&world, "..");
  check_known(&world, 0);
  world_free(&world);
}

/* Nor while it is in flight with nothing to tell. */
static void test_forgotten_in_flight(void **state) {
  struct world world = world_create("0");
  (void)state;
  play_round(&world, "~");
  world_set_listed(&world, 0, false);
  check_told(&world, "");
  pass(&world, 2 * HOUR);
  play_round(&world, ".");
  check_known(&world, 1);
  answer(&world, 0, 'P');
  play_round(&world, ".");
  check_known(&world, 0);
  world_free(&world);
}

/* Nor does it go when one goes that was unlisted after it. */
static void test_forgotten_before_another(void **state) {
  struct world world = world_create("000");
  struct task_record record;
  (void)state;
  play_round(&world, "~PP");
  world_set_listed(&world, 0, false);
  world_set_listed(&world, 1, false);
  pass(&world, HOUR);
  play_round(&world, "..P");
  check_known(&world, 2);
  tracker_record_task(world.tracker, 1, world.now, &record);
  assert_string_equal(record.id, "id-0");
  answer(&world, 0, 'P');
  play_round(&world, "..P");
  check_known(&world, 1);
  world_free(&world);
}

/* An answer that comes for an unlisted task counts, but its trouble does not:
 * nobody would see its end. Relisted, it keeps to its back-off. */
static void test_answer_to_unlisted(void **state) {
  static const struct {
    char letter;
    const char *told, *states;
    int64_t wait;
  } cases[] = {
      {'P', "", "P", INTERVAL / 2},
      {'S', "ended:t0:S", "S", -1},
      {'s', "", "?", INTERVAL * 3 / 4},
      {'n', "", "?", INTERVAL * 3 / 4},
      {'u', "rejected:0", "?", INTERVAL * 3 / 4},
      {'r', "", "?", INTERVAL * 3 / 4},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create("0");
    world.name = cases[i].told;
    tracker_begin_round(world.tracker, world.now);
    assert_int_equal(take(&world, 0), 0);
    world_set_listed(&world, 0, false);
    answer(&world, 0, cases[i].letter);
    world_look(&world);
    check_told(&world, cases[i].told);
    world_set_listed(&world, 0, true);
    check_states(&world, cases[i].states);
    int64_t wait = time_until_due(&world, HOUR / 2);
    if (wait < cases[i].wait || (cases[i].wait < 0 && wait >= 0))
      fail_msg("%c: due after %lld ms", cases[i].letter, (long long)wait);
    world_free(&world);
  }
}

/* Relisted while still in flight, it is not taken twice. */
static void test_relisted_in_flight(void **state) {
  struct world world = world_create("00");
  (void)state;
  play_round(&world, "~P");
  world_set_listed(&world, 0, false);
  play_round(&world, ".P");
  world_set_listed(&world, 0, true);
  play_round(&world, ".P");
  play_round(&world, "PP");
  play_round(&world, "PP");
  world_set_listed(&world, 0, false);
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 1);
  give_back(&world, 1);
  assert_int_equal(take(&world, 0), 1);
  world_set_listed(&world, 1, false);
  give_back(&world, 1);
  assert_false(tracker_round_is_open(world.tracker));
  world_set_listed(&world, 1, true);
  assert_int_equal(take(&world, 0), 1);
  answer(&world, 1, 'P');
  world_free(&world);
}

/* The values come in the order of the list, whatever it was before. */
static void test_order(void **state) {
  struct world world = world_create("0101");
  struct task_list *list = task_list_create();
  static const size_t order[] = {2, 0, 3};
  (void)state;
  play_round(&world, "PSET");
  for (size_t i = 0; i < COUNT(order); i++) {
    char id[32], type[] = TASK_TYPE_DEFAULT;
    snprintf(id, sizeof(id), "id-%zu", order[i]);
    assert_null(task_list_add(
        list, &(struct task_definition){order[i] % 2, id,
                                        world.tasks[order[i]].name, type, 0}));
  }
  for (int i = 0; i < 2; i++) {
    assert_true(tracker_set_tasks(world.tracker, list, world.now));
    check_states(&world, "EPT");
    assert_string_equal(world.snapshot.tasks[0].name, "t2");
  }
  task_list_free(list);
  world_free(&world);
}

/* A task that is listed later is due at once, and as others wait for theirs. */
static void test_listed_again_and_again(void **state) {
  struct world world = world_create_by(
      "00", (struct tracker_rules){.error_interval_max = 300000});
  (void)state;
  play_round(&world, "sP");
  play_round(&world, "sP");
  for (int i = 0; i < 5; i++)
    world_list(&world); /* nobody overtakes by that */
  play_round(&world, ".P");
  world_add_task(&world, 0, 0);
  play_round(&world, "sPP");
  world_free(&world);
}

/* --- Records -------------------------------------------------------------- */

static void compare_records(const struct task_record *a,
                            const struct task_record *b) {
  assert_int_equal(a->account, b->account);
  assert_string_equal(a->id, b->id);
  assert_string_equal(a->name, b->name);
  assert_string_equal(a->type, b->type);
  assert_true(a->started == b->started && a->listed == b->listed);
  assert_true(a->unlisted == b->unlisted);
  assert_int_equal(a->state, b->state);
  assert_int_equal(a->saw_pending, b->saw_pending);
  assert_true(a->changed == b->changed && a->confirmed == b->confirmed);
  assert_true(a->run_id == b->run_id);
  assert_string_equal(a->exception_reason, b->exception_reason);
  assert_string_equal(a->message, b->message);
  assert_true(is_time(a->media_duration, b->media_duration));
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    assert_true(isnan(a->fields[i]) ? isnan(b->fields[i])
                                    : a->fields[i] == b->fields[i]);
  assert_int_equal(a->end_told, b->end_told);
  assert_int_equal(a->stalled_told, b->stalled_told);
}

/* All there is of tasks with all kinds of pasts. */
static void play_a_life(struct world *world) {
  struct poll_answer poll;
  play_round(world, "PPPP~s");
  tracker_begin_round(world->tracker, world->now);
  for (int i = 0; i < 4; i++)
    assert_int_equal(take(world, 0), i);
  poll = answer_of_letter(0, 'E');
  poll.status.run_id = INT64_C(4711000000000);
  poll.status.fields[0] = 0.5;
  strcpy(poll.status.exception_reason, "SOURCE_TOO_LONG");
  strcpy(poll.status.message, "much too long");
  answer_with(world, 0, &poll);
  answer(world, 1, 'n');
  poll = answer_of_letter(2, 'P');
  poll.status.fields[1] = -7;
  answer_with(world, 2, &poll);
  answer(world, 3, 'T');
  answer(world, 4, '$');
  end_round(world);
}

static struct world live(void) {
  struct world world = world_create_by(
      "000000", (struct tracker_rules){.error_interval_max = INTERVAL,
                                       .stalled_after = 25000,
                                       .field_count = 2});
  world.tasks[3].started = world_start.wall - 1000000;
  world_list(&world);
  play_a_life(&world);
  return world;
}

static void test_records(void **state) {
  struct world world = live();
  struct world_records *before = calloc(2, sizeof(*before));
  struct world_records *after = &before[1];
  (void)state;
  assert_non_null(before);
  for (int told = 0; told < 2; told++) {
    world_save(&world, before);
    assert_int_equal(before->task_count, 6);
    world_start_again(&world, before);
    world_save(&world, after);
    for (size_t i = 0; i < 6; i++)
      compare_records(&before->tasks[i], &after->tasks[i]);
    check_told(&world, told ? "" : "ended:t0:E ended:t3:T ended:t4:$");
  }
  assert_string_equal(after->tasks[0].message, "much too long");
  assert_true(after->tasks[0].run_id == INT64_C(4711000000000));
  assert_true(after->tasks[2].fields[1] == -7);
  free(before);
  world_free(&world);
}

/* The values go on: 90 seconds later, while the wall clock was set. */
static void test_values_restored(void **state) {
  static const int64_t steps[] = {0, 3600000, -5000, -3600000, -86400000};
  (void)state;
  for (size_t i = 0; i < COUNT(steps); i++) {
    struct world world = live();
    struct world_records *records = calloc(1, sizeof(*records));
    assert_non_null(records);
    world_save(&world, records);
    pass(&world, 90000);
    world.now.steady = 77; /* of another boot */
    world.now.wall += steps[i];
    world_start_again(&world, records);
    free(records);
    check_states(&world, "EPPT$?");
    const struct task_values *tasks = world.snapshot.tasks;
    double late = (double)(90000 + steps[i]) / 1000;
    double age = late + 20 > 0 ? late + 20 : 0;
    assert_true(is_time(tasks[0].elapsed, 10));
    assert_true(is_time(tasks[0].status_age, 0));
    assert_true(is_time(tasks[1].elapsed, age));
    assert_true(is_time(tasks[1].status_age, age));
    assert_true(is_time(tasks[2].elapsed, age));
    assert_true(is_time(tasks[2].status_age, age > 10 ? age - 10 : 0));
    assert_true(is_time(tasks[3].elapsed, 1010));
    assert_true(is_time(tasks[4].elapsed, NOT_KNOWN));
    assert_true(is_time(tasks[5].elapsed, age));
    assert_true(is_time(tasks[5].status_age, NOT_KNOWN));
    assert_true(world.snapshot.fields[tasks[0].first_field] == 0.5);
    world_free(&world);
  }
}

/* By rules that have changed since, too. */
static void test_other_rules(void **state) {
  struct world world = live();
  (void)state;
  world.rules.field_count = 5;
  world_restart(&world);
  check_states(&world, "EPPT$?");
  assert_true(isnan(world.snapshot.fields[4]));
  world.rules.field_count = 0;
  world_restart(&world);
  check_states(&world, "EPPT$?");
  world_free(&world);
}

/* What was saved of a task that is listed no more is kept for an hour in all,
 * through restarts, and is told still. */
static void test_unlisted_restored(void **state) {
  struct world world = world_create("000");
  (void)state;
  play_round(&world, "SPE");
  world_set_listed(&world, 0, false);
  world.tasks[1].is_listed = false; /* while there is no daemon */
  world_restart(&world);
  check_states(&world, "E");
  check_told(&world, "ended:t0:S ended:t2:E");
  pass(&world, HOUR / 2);
  world_restart(&world);
  check_told(&world, "");
  check_known(&world, 3);
  pass(&world, HOUR / 2);
  play_round(&world, "...");
  check_known(&world, 1);
  check_told(&world, "");
  world_free(&world);
}

/* The wall clock was set back by a day while there was no daemon: an hour is
 * an hour. */
static void test_unlisted_and_clock_set_back(void **state) {
  struct world world = world_create("0");
  struct world_records *records = calloc(1, sizeof(*records));
  (void)state;
  assert_non_null(records);
  play_round(&world, "S");
  world_set_listed(&world, 0, false);
  world_save(&world, records);
  world.now.wall -= 24 * HOUR;
  world_start_again(&world, records);
  free(records);
  check_told(&world, "ended:t0:S");
  pass(&world, HOUR);
  play_round(&world, ".");
  check_known(&world, 0);
  world_free(&world);
}

/* One that is known already stays as it is. */
static void test_restored_late(void **state) {
  struct world world = world_create("0");
  struct task_record record;
  (void)state;
  play_round(&world, "P");
  tracker_record_task(world.tracker, 0, world.now, &record);
  play_round(&world, "S");
  check_told(&world, "ended:t0:S");
  assert_true(tracker_restore_task(world.tracker, &record, world.now));
  check_known(&world, 1);
  check_states(&world, "S");
  check_told(&world, "");
  world_free(&world);
}

/* --- What counts as a change ---------------------------------------------- */

static void test_changes(void **state) {
  static const struct {
    const char *name, *first, *then;
    bool is_told, changes;
  } cases[] = {
      {"confirmed", "P", "P", false, false},
      {"first answer", "s", "P", false, true},
      {"failures", "P", "s", false, false},
      {"failures of the task", "P", "n", false, false},
      {"failures again", "s", "w", false, false},
      {"end", "P", "S", false, true},
      {"in flight", "P", "~", false, false},
      {"nothing due", "S", ".", false, false},
      {"end told", "S", ".", true, true},
      {"trouble told", "s", "s", true, false},
      {"trouble of the task told", "P", "n", true, false},
      {"rejection found", "P", "u", false, false},
      {"rejection told", "u", "u", true, true},
      {"limit, nothing said", "P", "r", false, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create("01");
    char text[TEXT_SIZE];
    play_round(&world, (const char[]){cases[i].first[0], 'P', '\0'});
    uint64_t before = tracker_changes(world.tracker, 0);
    uint64_t other = tracker_changes(world.tracker, 1);
    play_round(&world, (const char[]){cases[i].then[0], 'P', '\0'});
    if (cases[i].is_told)
      describe_told(&world, text);
    if ((tracker_changes(world.tracker, 0) != before) != cases[i].changes ||
        tracker_changes(world.tracker, 1) != other)
      fail_msg("%s", cases[i].name);
    world_free(&world);
  }
}

static void test_changes_of_lists(void **state) {
  struct world world = world_create("01");
  struct poll_answer poll = answer_of_letter(0, 'r');
  (void)state;
  play_round(&world, "~P");
  uint64_t before = tracker_changes(world.tracker, 0);
#define CHANGES(expected)                                                      \
  assert_int_equal(tracker_changes(world.tracker, 0) != before, expected);     \
  before = tracker_changes(world.tracker, 0)
  world_list(&world);
  CHANGES(false);
  rename_task(&world, 1, "other");
  CHANGES(false);
  rename_task(&world, 0, "a");
  CHANGES(true);
  world.tasks[0].started = world_start.wall;
  world_list(&world);
  CHANGES(true);
  poll.retry_after = 20000;
  answer_with(&world, 0, &poll);
  CHANGES(true);
  world_set_listed(&world, 0, false);
  CHANGES(true);
  world_set_listed(&world, 0, true);
  CHANGES(true);
  world_set_listed(&world, 0, false);
  before = tracker_changes(world.tracker, 0);
  world_look(&world);
  check_told(&world, "");
  pass(&world, HOUR);
  play_round(&world, ".P");
  check_known(&world, 1);
  CHANGES(true);
#undef CHANGES
  world_free(&world);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rename),
      cmocka_unit_test(test_swap_names),
      cmocka_unit_test(test_started_changes),
      cmocka_unit_test(test_started_in_the_future_restored),
      cmocka_unit_test(test_type_changes),
      cmocka_unit_test(test_same_id),
      cmocka_unit_test(test_unlisted_and_back),
      cmocka_unit_test(test_forgotten),
      cmocka_unit_test(test_forgotten_untold),
      cmocka_unit_test(test_pinned),
      cmocka_unit_test(test_not_listed_yet),
      cmocka_unit_test(test_hour_begins_anew),
      cmocka_unit_test(test_forgotten_later),
      cmocka_unit_test(test_forgotten_in_flight),
      cmocka_unit_test(test_forgotten_before_another),
      cmocka_unit_test(test_answer_to_unlisted),
      cmocka_unit_test(test_relisted_in_flight),
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_listed_again_and_again),
      cmocka_unit_test(test_records),
      cmocka_unit_test(test_values_restored),
      cmocka_unit_test(test_other_rules),
      cmocka_unit_test(test_unlisted_restored),
      cmocka_unit_test(test_unlisted_and_clock_set_back),
      cmocka_unit_test(test_restored_late),
      cmocka_unit_test(test_changes),
      cmocka_unit_test(test_changes_of_lists),
  };
  return cmocka_run_group_tests_name("tracker_listing", tests, NULL, NULL);
}
