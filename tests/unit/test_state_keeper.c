/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "collectd_mock.h"
#include "configured.h"

#include "file_contents.h"
#include "state_keeper.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT 60000 /* milliseconds; what the poller would wait */
#define HOUR 3600000

/* The clocks that the code under test sees, milliseconds since any time, and
 * how far they go on at each look. */
static int64_t clock_time, clock_step;

int clock_gettime(clockid_t clock, struct timespec *now) {
  (void)clock;
  clock_time += clock_step;
  *now = (struct timespec){.tv_sec = (time_t)(clock_time / 1000),
                           .tv_nsec = (long)(clock_time % 1000) * 1000000};
  return 0;
}

static char directory[] = "/tmp/test_state_keeper.XXXXXX";
static char state_path[sizeof(directory) + 32];
static char other_path[sizeof(directory) + 32];
static char missing_directory[sizeof(directory) + 32];
static char missing_path[sizeof(directory) + 48];

/* A keeper, what it keeps, and what tells it what to keep. */
struct house {
  struct configuration *configuration;
  struct state_account *names;
  struct shared_tracker shared;
  struct state_keeper *keeper;
};

/* --- The house ------------------------------------------------------------ */

static struct configuration *configure(const char *state_options,
                                       const char *tasks) {
  char block[1024];
  snprintf(block, sizeof(block), "APIKey \"k\"\n%s\n%s\n", state_options,
           tasks);
  return configured(block);
}

static struct moment moment(void) {
  return (struct moment){.wall = clock_time, .steady = clock_time};
}

/* A daemon that has just started. */
static void build_house(struct house *house, const char *state_options,
                        const char *tasks) {
  struct configuration *configuration = configure(state_options, tasks);
  size_t count = configuration->account_count;
  struct tracker_rules rules[4] = {{.error_interval_max = 300000},
                                   {.error_interval_max = 300000}};
  assert_true(count <= 4);
  struct state_account *names = calloc(count, sizeof(*names));
  assert_non_null(names);
  for (size_t i = 0; i < count; i++)
    names[i].name = configuration->accounts[i].name;
  *house = (struct house){.configuration = configuration, .names = names};
  shared_tracker_init(&house->shared, tracker_create(rules, count, 10000, 1));
  assert_non_null(house->shared.tracker);
  house->keeper = state_keeper_create(configuration, names);
  assert_non_null(house->keeper);
}

/* The same, having looked at its state files. */
static void open_house(struct house *house, const char *state_options,
                       const char *tasks) {
  build_house(house, state_options, tasks);
  state_keeper_restore(house->keeper, &house->shared);
}

/* The same, in its first round. */
static void start(struct house *house, const char *state_options,
                  const char *tasks) {
  open_house(house, state_options, tasks);
  assert_true(tracker_set_tasks(house->shared.tracker,
                                house->configuration->tasks, moment()));
  tracker_begin_round(house->shared.tracker, moment());
}

static void stop(struct house *house) {
  state_keeper_free(house->keeper);
  shared_tracker_destroy(&house->shared);
  configuration_free(house->configuration);
  free(house->names);
}

static int save(struct house *house) {
  return state_keeper_save(house->keeper, &house->shared, false, LIMIT);
}

static void save_last(struct house *house) {
  state_keeper_save(house->keeper, &house->shared, true, LIMIT);
}

/* Something to save: the account's next task has this state now. */
static void answer(struct house *house, size_t account, enum task_state state) {
  struct poll_answer answer = {.outcome = OUTCOME_OK,
                               .status = {.state = state, .run_id = 7}};
  struct task *task = tracker_take_due(house->shared.tracker, account);
  assert_non_null(task);
  tracker_answer(house->shared.tracker, task, &answer, moment());
}

/* --- Files ---------------------------------------------------------------- */

/* Takes the file away, so that the next save shows. Whether it was there. */
static bool take_away(const char *path) { return unlink(path) == 0; }

static bool holds(const char *path, const char *part) {
  return strstr(text_of(path), part) != NULL;
}

/* --- Problems ------------------------------------------------------------- */

/* The next thing to tell is of this kind and holds that part; tells it. */
static void tell(struct house *house, enum event_kind kind, const char *part) {
  struct event event = {.kind = EVENT_BLIND};
  assert_true(file_problems_next_event(&house->shared.problems, &event));
  assert_int_equal(event.kind, kind);
  if (strstr(event.detail, part) == NULL)
    fail_msg("no \"%s\" in: %s", part, event.detail);
  file_problems_event_done(&house->shared.problems, &event);
}

static void nothing_to_tell(struct house *house) {
  struct event event;
  assert_false(file_problems_next_event(&house->shared.problems, &event));
}

/* --- When ----------------------------------------------------------------- */

/* The option; until the next call. */
static const char *state_option(const char *path) {
  static char text[512];
  snprintf(text, sizeof(text), "StateFile \"%s\"", path);
  return text;
}

static void test_saved_when_changed(void **state) {
  (void)state;
  struct house house;
  start(&house, state_option(state_path), "Task \"1\"\nTask \"2\"");
  assert_int_equal(save(&house), LIMIT);
  assert_true(take_away(state_path));
  /* however long nothing happens */
  clock_time += HOUR;
  assert_int_equal(save(&house), LIMIT);
  assert_false(take_away(state_path));
  answer(&house, 0, TASK_PENDING);
  assert_int_equal(save(&house), LIMIT);
  assert_true(holds(state_path, "\"pending\""));
  assert_true(take_away(state_path));
  clock_time += HOUR;
  assert_int_equal(save(&house), LIMIT);
  assert_false(take_away(state_path));
  nothing_to_tell(&house);
  stop(&house);
}

static const char old_state[] = "{\"camb_task_state\":1}\n"
                                "{\"account\":\"default\",\"task\":\"1\","
                                "\"name\":\"one\",\"state\":\"success\"}\n"
                                "{\"end\":2}\n";

/* Before it is known which tasks there are, what the file holds must not be
 * lost; unless it is the last chance. */
static void test_not_saved_before_there_are_tasks(void **state) {
  (void)state;
  struct house house;
  write_text(state_path, old_state);
  open_house(&house, state_option(state_path), "Task \"1\" \"one\"");
  clock_time += HOUR;
  assert_int_equal(save(&house), LIMIT);
  assert_string_equal(text_of(state_path), old_state);
  save_last(&house);
  assert_string_not_equal(text_of(state_path), old_state);
  assert_true(holds(state_path, "\"success\""));
  stop(&house);
}

/* Nor then, as long as the file is still being read. */
static void test_not_saved_before_it_is_read(void **state) {
  (void)state;
  struct house house;
  write_text(state_path, old_state);
  build_house(&house, state_option(state_path), "Task \"1\" \"one\"");
  state_keeper_stop(house.keeper, &house.shared);
  state_keeper_run(house.keeper, &house.shared);
  assert_string_equal(text_of(state_path), old_state);
  stop(&house);
}

static void test_not_saved_too_often(void **state) {
  (void)state;
  struct house house;
  start(&house, state_option(state_path), "Task \"1\"\nTask \"2\"\nTask \"3\"");
  assert_int_equal(save(&house), LIMIT);
  assert_true(take_away(state_path));
  answer(&house, 0, TASK_PENDING);
  assert_int_equal(save(&house), STATE_SAVE_INTERVAL);
  clock_time += STATE_SAVE_INTERVAL / 4;
  answer(&house, 0, TASK_SUCCESS);
  assert_int_equal(save(&house), STATE_SAVE_INTERVAL * 3 / 4);
  /* the caller may have to do something else before */
  assert_int_equal(state_keeper_save(house.keeper, &house.shared, false, 5), 5);
  clock_time += STATE_SAVE_INTERVAL * 3 / 4 - 1;
  assert_int_equal(save(&house), 1);
  assert_false(take_away(state_path));
  clock_time += 1;
  assert_int_equal(save(&house), LIMIT);
  assert_true(holds(state_path, "\"pending\""));
  assert_true(holds(state_path, "\"success\""));
  stop(&house);
}

/* What takes long is done less often. */
static void test_slow_disk(void **state) {
  (void)state;
  struct house house;
  start(&house, state_option(state_path), "Task \"1\"");
  clock_step = 2000; /* the disk takes this at least */
  assert_int_equal(save(&house), LIMIT);
  clock_step = 0;
  answer(&house, 0, TASK_PENDING);
  assert_true(save(&house) > 5 * STATE_SAVE_INTERVAL);
  stop(&house);
}

static void test_last_save(void **state) {
  (void)state;
  struct house house;
  start(&house, state_option(state_path), "Task \"1\"");
  save(&house);
  assert_true(take_away(state_path));
  answer(&house, 0, TASK_ERROR); /* not due yet */
  save_last(&house);
  assert_true(holds(state_path, "\"error\""));
  assert_true(take_away(state_path));
  save_last(&house); /* for the ages */
  assert_true(holds(state_path, "\"error\""));
  stop(&house);
}

/* --- Failure -------------------------------------------------------------- */

static void test_failure_is_told_once(void **state) {
  (void)state;
  struct house house;
  start(&house, state_option(missing_path), "Task \"1\"\nTask \"2\"");
  nothing_to_tell(&house);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(save(&house), STATE_RETRY_INTERVAL);
    if (i == 0)
      tell(&house, EVENT_FILE_PROBLEM, missing_path);
    nothing_to_tell(&house);
    /* a change makes no difference */
    clock_time += STATE_RETRY_INTERVAL - 1;
    if (i < 2)
      answer(&house, 0, TASK_PENDING);
    assert_int_equal(save(&house), 1);
    clock_time += 1;
  }
  assert_int_equal(mkdir(missing_directory, 0700), 0);
  clock_time -= 1;
  save(&house);
  assert_false(take_away(missing_path));
  clock_time += 1;
  assert_int_equal(save(&house), LIMIT);
  assert_true(holds(missing_path, "\"pending\""));
  tell(&house, EVENT_FILE_PROBLEM_OVER, missing_path);
  nothing_to_tell(&house);
  clock_time += HOUR;
  save(&house);
  nothing_to_tell(&house);
  stop(&house);
}

/* One that was good before keeps what it holds. */
static void test_failure_later_on(void **state) {
  char path[sizeof(missing_path) + 16];
  (void)state;
  struct house house;
  snprintf(path, sizeof(path), "%s.new", state_path);
  start(&house, state_option(state_path), "Task \"1\"");
  assert_int_equal(save(&house), LIMIT);
  assert_int_equal(mkdir(path, 0700), 0); /* in the way of the new one */
  clock_time += HOUR;
  answer(&house, 0, TASK_SUCCESS);
  assert_int_equal(save(&house), STATE_RETRY_INTERVAL);
  tell(&house, EVENT_FILE_PROBLEM, state_path);
  assert_true(holds(state_path, "\"task\":\"1\""));
  assert_false(holds(state_path, "\"success\""));
  assert_int_equal(rmdir(path), 0);
  clock_time += STATE_RETRY_INTERVAL;
  assert_int_equal(save(&house), LIMIT);
  tell(&house, EVENT_FILE_PROBLEM_OVER, state_path);
  assert_true(holds(state_path, "\"success\""));
  stop(&house);
}

/* A file that fails does not hold up the other one. */
static void test_one_of_two_fails(void **state) {
  char tasks[256];
  (void)state;
  struct house house;
  snprintf(tasks, sizeof(tasks),
           "Task \"1\"\n<Account \"a\">\nStateFile \"%s\"\nTask \"2\"\n"
           "</Account>",
           state_path);
  start(&house, state_option(missing_path), tasks);
  assert_int_equal(save(&house), STATE_RETRY_INTERVAL);
  tell(&house, EVENT_FILE_PROBLEM, missing_path);
  assert_true(holds(state_path, "\"task\":\"2\""));
  answer(&house, 1, TASK_SUCCESS);
  assert_int_equal(save(&house), STATE_SAVE_INTERVAL);
  clock_time += STATE_SAVE_INTERVAL;
  assert_int_equal(save(&house), STATE_RETRY_INTERVAL - STATE_SAVE_INTERVAL);
  assert_true(holds(state_path, "\"success\""));
  nothing_to_tell(&house);
  stop(&house);
}

/* --- Restoring ------------------------------------------------------------ */

/* All that is known of the only task. */
static struct task_record record_of(struct house *house) {
  struct task_record record;
  assert_int_equal(tracker_task_count(house->shared.tracker), 1);
  tracker_record_task(house->shared.tracker, 0, moment(), &record);
  return record;
}

static void test_restored(void **state) {
  (void)state;
  struct house house;
  struct event event;
  int64_t began = clock_time;
  start(&house, state_option(state_path), "Task \"1\" \"one\"");
  answer(&house, 0, TASK_ERROR);
  assert_true(tracker_next_event(house.shared.tracker, moment(), &event));
  tracker_event_done(house.shared.tracker, &event);
  save_last(&house);
  stop(&house);
  clock_time += HOUR / 2; /* without a daemon */
  start(&house, state_option(state_path), "Task \"1\" \"one\"");
  struct task_record record = record_of(&house);
  assert_string_equal(record.name, "one");
  assert_int_equal(record.state, TASK_ERROR);
  assert_int_equal(record.run_id, 7);
  assert_true(record.end_told);
  assert_int_equal(record.listed, began);
  assert_int_equal(record.changed, began);
  assert_int_equal(record.unlisted, 0); /* it is listed again */
  assert_null(tracker_take_due(house.shared.tracker, 0));
  nothing_to_tell(&house);
  stop(&house);
}

static void test_damaged_file(void **state) {
  char damaged_path[sizeof(state_path) + 16];
  (void)state;
  struct house house;
  snprintf(damaged_path, sizeof(damaged_path), "%s.damaged", state_path);
  write_text(state_path, "{\"camb_task_state\":1}\n"
                         "{\"account\":\"default\",\"task\":\"1\","
                         "\"name\":\"one\",\"state\":\"success\"}\n{\"acc");
  start(&house, state_option(state_path), "Task \"1\" \"one\"");
  tell(&house, EVENT_FILE_PROBLEM, damaged_path);
  assert_int_equal(record_of(&house).state, TASK_SUCCESS);
  assert_false(take_away(state_path));
  assert_true(holds(damaged_path, "{\"acc"));
  /* written anew, though nothing has changed since; it stays said */
  assert_int_equal(save(&house), LIMIT);
  assert_true(holds(state_path, "\"success\""));
  nothing_to_tell(&house);
  stop(&house);
  start(&house, state_option(state_path), "Task \"1\" \"one\"");
  nothing_to_tell(&house);
  assert_int_equal(record_of(&house).state, TASK_SUCCESS);
  stop(&house);
}

/* --- Several accounts ----------------------------------------------------- */

static void test_accounts_and_files(void **state) {
  static const struct {
    const char *name, *first, *second; /* their files */
  } cases[] = {
      {"one for both", state_path, state_path},
      {"one each", state_path, other_path},
      {"one each, of one name", state_path, missing_path},
      {"the first only", state_path, ""},
      {"the second only", "", other_path},
      {"none", "", ""},
  };
  (void)state;
  assert_int_equal(mkdir(missing_directory, 0700), 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    char tasks[256];
    const char *first = cases[i].first, *second = cases[i].second;
    struct house house;
    take_away(state_path);
    take_away(other_path);
    take_away(missing_path);
    snprintf(tasks, sizeof(tasks),
             "Task \"1\"\n<Account \"a\">\nStateFile \"%s\"\nTask \"2\"\n"
             "</Account>",
             second);
    start(&house, state_option(first), tasks);
    assert_int_equal(save(&house), LIMIT);
    answer(&house, 1, TASK_SUCCESS);
    assert_int_equal(save(&house),
                     second[0] != '\0' ? STATE_SAVE_INTERVAL : LIMIT);
    save_last(&house);
    stop(&house);
    const char *const paths[] = {state_path, other_path, missing_path};
    for (size_t k = 0; k < COUNT(paths); k++)
      if (holds(paths[k], "\"task\":\"1\"") != (first == paths[k]) ||
          holds(paths[k], "\"task\":\"2\"") != (second == paths[k]))
        fail_msg("case \"%s\": %s holds %s", cases[i].name, paths[k],
                 text_of(paths[k]));
    start(&house, state_option(first), tasks);
    assert_int_equal(tracker_take_due(house.shared.tracker, 1) == NULL,
                     second[0] != '\0');
    stop(&house);
  }
  state_keeper_free(NULL);
}

/* However the path is spelled, what one account saves is not lost when another
 * one does. */
static void test_spellings_of_a_path(void **state) {
  static char link_path[sizeof(directory) + 48];
  static const char *const cases[][2] = {
      {"state", "./state"},    {"state", state_path},
      {state_path, link_path}, {link_path, "././state"},
      {"link/state", "state"},
  };
  char link[sizeof(directory) + 32], before[512];
  (void)state;
  assert_non_null(getcwd(before, sizeof(before)));
  assert_int_equal(chdir(directory), 0);
  snprintf(link, sizeof(link), "%s/link", directory);
  snprintf(link_path, sizeof(link_path), "%s/state", link);
  assert_int_equal(symlink(directory, link), 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    char tasks[256];
    struct house house;
    take_away(state_path);
    snprintf(tasks, sizeof(tasks),
             "Task \"1\"\n<Account \"a\">\nStateFile \"%s\"\nTask \"2\"\n"
             "</Account>",
             cases[i][1]);
    start(&house, state_option(cases[i][0]), tasks);
    for (size_t account = 0; account < 2; account++) {
      answer(&house, account, TASK_SUCCESS);
      clock_time += HOUR;
      assert_int_equal(save(&house), LIMIT);
      if (!holds(state_path, "\"task\":\"1\"") ||
          !holds(state_path, "\"task\":\"2\""))
        fail_msg("%s and %s: %s", cases[i][0], cases[i][1],
                 text_of(state_path));
    }
    save_last(&house);
    nothing_to_tell(&house);
    stop(&house);
    start(&house, state_option(cases[i][0]), tasks);
    for (size_t account = 0; account < 2; account++)
      assert_null(tracker_take_due(house.shared.tracker, account));
    stop(&house);
  }
  assert_int_equal(unlink(link), 0);
  assert_int_equal(chdir(before), 0);
}

/* --- Running -------------------------------------------------------------- */

static int setup_all(void **state) {
  (void)state;
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(state_path, sizeof(state_path), "%s/state", directory);
  snprintf(other_path, sizeof(other_path), "%s/other", directory);
  snprintf(missing_directory, sizeof(missing_directory), "%s/missing",
           directory);
  snprintf(missing_path, sizeof(missing_path), "%s/missing/state", directory);
  return 0;
}

static void remove_files(const char *path) {
  DIR *entries = opendir(path);
  struct dirent *entry;
  while (entries != NULL && (entry = readdir(entries)) != NULL) {
    char file[512];
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    if (entry->d_name[0] != '.' && unlink(file) != 0)
      rmdir(file);
  }
  if (entries != NULL)
    closedir(entries);
}

static int setup(void **state) {
  (void)state;
  remove_files(missing_directory);
  remove_files(directory);
  clock_time = 1800000000000;
  clock_step = 0;
  return 0;
}

static int teardown_all(void **state) {
  setup(state);
  return rmdir(directory);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, setup)
  const struct CMUnitTest tests[] = {
      TEST(test_saved_when_changed),
      TEST(test_not_saved_before_there_are_tasks),
      TEST(test_not_saved_before_it_is_read),
      TEST(test_not_saved_too_often),
      TEST(test_slow_disk),
      TEST(test_last_save),
      TEST(test_failure_is_told_once),
      TEST(test_failure_later_on),
      TEST(test_one_of_two_fails),
      TEST(test_restored),
      TEST(test_damaged_file),
      TEST(test_accounts_and_files),
      TEST(test_spellings_of_a_path),
  };
  unsetenv(API_KEY_VARIABLE);
  return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
