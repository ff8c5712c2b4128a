/* SPDX-License-Identifier: MIT */
/* What the tracker is had to follow; how files come, change and break is tested
 * with the poller. */
#include "configured.h"

#include "file_contents.h"
#include "task_sources.h"
#include "temporary_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct house {
  struct configuration *configuration;
  struct shared_tracker shared;
  struct task_sources *sources;
  struct snapshot snapshot;
};

/* With a task of the configuration's own, and one file. */
static void open_house(struct house *house) {
  static const struct tracker_rules rules = {.error_interval_max = 1000};
  char text[256];
  snprintf(text, sizeof(text), "APIKey \"k\"\nTaskFile \"%s\"\nTask \"own\"",
           path);
  *house = (struct house){.configuration = configured(text)};
  shared_tracker_init(&house->shared, tracker_create(&rules, 1, 1000, 1));
  house->sources = task_sources_create(house->configuration);
  assert_non_null(house->shared.tracker);
  assert_non_null(house->sources);
}

static void close_house(struct house *house) {
  task_sources_free(house->sources);
  shared_tracker_destroy(&house->shared);
  snapshot_clear(&house->snapshot);
  configuration_free(house->configuration);
  remove_files();
}

/* The names of what the tracker follows, each with a space behind it. */
static void check_follows(struct house *house, const char *expected) {
  char text[256] = "";
  size_t length = 0;
  task_sources_update(house->sources, &house->shared);
  assert_true(
      tracker_snapshot(house->shared.tracker, moment_now(), &house->snapshot));
  for (size_t i = 0; i < house->snapshot.task_count; i++)
    length += (size_t)snprintf(text + length, sizeof(text) - length, "%s ",
                               house->snapshot.tasks[i].name);
  assert_string_equal(text, expected);
}

static void test_order(void **state) {
  (void)state;
  struct house house;
  open_house(&house);
  write_text(path, "b\na\n");
  check_follows(&house, "own b a ");
  close_house(&house);
}

/* What can't be listed while the tasks are pinned is listed later. */
static void test_pinned(void **state) {
  (void)state;
  struct house house;
  open_house(&house);
  write_text(path, "a\n");
  tracker_pin(house.shared.tracker, true);
  check_follows(&house, "");
  assert_false(tracker_has_list(house.shared.tracker));
  tracker_pin(house.shared.tracker, false);
  check_follows(&house, "own a ");
  write_text(path, "a\nb\n");
  tracker_pin(house.shared.tracker, true);
  for (int rounds = 0; rounds < 2; rounds++)
    check_follows(&house, "own a ");
  tracker_pin(house.shared.tracker, false);
  check_follows(&house, "own a b ");
  close_house(&house);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order),
      cmocka_unit_test(test_pinned),
  };
  unsetenv(API_KEY_VARIABLE);
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
