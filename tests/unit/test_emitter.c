/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "collectd_mock.h"
#include "configured.h"
#include "text_checks.h"

#include "emitter.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOST MOCK_HOST "/"

static int reset(void **state) {
  (void)state;
  mock_reset();
  return 0;
}

/* --- Values --------------------------------------------------------------- */

struct expected_value {
  const char *identifier;
  double value;
};

static bool is_derive(const value_list_t *list) {
  return strcmp(list->type, "total_requests") == 0;
}

/* These were dispatched, each once, and no others. */
static void assert_values(const struct expected_value *expected, size_t count) {
  for (size_t i = 0; i < mock_value_count(); i++) {
    const value_list_t *list = mock_value(i);
    double value = is_derive(list) ? (double)list->values[0].derive
                                   : list->values[0].gauge;
    char identifier[1024];
    size_t found = 0;
    mock_identify(list, identifier, sizeof(identifier));
    for (size_t k = 0; k < count; k++)
      if (strcmp(expected[k].identifier, identifier) == 0) {
        found++;
        if (fabs(expected[k].value - value) > 1e-9 || isnan(value))
          fail_msg("%s is %g instead of %g", identifier, value,
                   expected[k].value);
      }
    if (found != 1)
      fail_msg("%s is expected %zu times", identifier, found);
    assert_int_equal(list->time, 0);
    assert_true(list->interval == 0 || list->interval == MOCK_INTERVAL);
    assert_null(list->meta);
  }
  assert_int_equal(mock_value_count(), count);
}

#define ASSERT_VALUES(expected) assert_values(expected, COUNT(expected))

static struct task_values task_values(size_t account, const char *name,
                                      enum task_state state, double elapsed,
                                      double status_age) {
  return (struct task_values){.account = account,
                              .name = name,
                              .state = state,
                              .elapsed = elapsed,
                              .status_age = status_age,
                              .media_duration = -1};
}

/* Emits the values of one task of the default account, and of no account. */
static void emit_task(const struct configuration *configuration,
                      struct task_values task) {
  struct snapshot snapshot = {.tasks = &task, .task_count = 1};
  mock_reset();
  emitter_values(configuration, &snapshot);
}

static void test_values_of_a_task(void **state) {
  static const struct expected_value expected[] = {
      {HOST "camb_task-one/gauge-status", 1},
      {HOST "camb_task-one/gauge-state_unknown", 0},
      {HOST "camb_task-one/gauge-state_pending", 1},
      {HOST "camb_task-one/gauge-state_success", 0},
      {HOST "camb_task-one/gauge-state_error", 0},
      {HOST "camb_task-one/gauge-state_timeout", 0},
      {HOST "camb_task-one/gauge-state_payment_required", 0},
      {HOST "camb_task-one/duration-elapsed", 12.5},
      {HOST "camb_task-one/duration-status_age", 0.25},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  emit_task(configuration, task_values(0, "one", TASK_PENDING, 12.5, 0.25));
  ASSERT_VALUES(expected);
  configuration_free(configuration);
}

static void test_state_codes(void **state) {
  static const struct {
    const char *name;
    enum task_state state;
    double code;
  } cases[] = {
      {"state_unknown", TASK_UNKNOWN, -1},
      {"state_pending", TASK_PENDING, 1},
      {"state_success", TASK_SUCCESS, 0},
      {"state_error", TASK_ERROR, 2},
      {"state_timeout", TASK_TIMEOUT, 3},
      {"state_payment_required", TASK_PAYMENT_REQUIRED, 4},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < COUNT(cases); i++) {
    size_t in_set = 0;
    emit_task(configuration, task_values(0, "one", cases[i].state, -1, -1));
    for (size_t k = 0; k < mock_value_count(); k++) {
      const value_list_t *list = mock_value(k);
      const char *instance = list->type_instance;
      bool is_state = strcmp(instance, cases[i].name) == 0;
      if (strcmp(instance, "status") == 0)
        ASSERT_CASE(cases[i].name, list->values[0].gauge == cases[i].code);
      else
        ASSERT_CASE(cases[i].name, list->values[0].gauge == is_state);
      in_set += is_state;
    }
    ASSERT_CASE(cases[i].name, in_set == 1);
    ASSERT_CASE(cases[i].name, mock_value_count() == 7);
  }
  configuration_free(configuration);
}

static void test_state_set_off(void **state) {
  static const struct expected_value expected[] = {
      {HOST "camb_task-one/gauge-status", 0},
      {HOST "camb_task-one/duration-elapsed", 90},
      {HOST "camb_task-one/duration-status_age", 0},
  };
  (void)state;
  struct configuration *configuration = configured_two("StateSet false");
  emit_task(configuration, task_values(0, "one", TASK_SUCCESS, 90, 0));
  ASSERT_VALUES(expected);
  configuration_free(configuration);
}

static void test_values_left_out(void **state) {
  static const struct {
    const char *name;
    double elapsed, status_age;
    struct expected_value expected[3];
    size_t count;
  } cases[] = {
      {"neither", -1, -1, {{HOST "camb_task-one/gauge-status", -1}}, 1},
      {"no age",
       0,
       -1,
       {{HOST "camb_task-one/gauge-status", -1},
        {HOST "camb_task-one/duration-elapsed", 0}},
       2},
      {"no elapsed time",
       -1,
       0,
       {{HOST "camb_task-one/gauge-status", -1},
        {HOST "camb_task-one/duration-status_age", 0}},
       2},
      {"not a number", NAN, NAN, {{HOST "camb_task-one/gauge-status", -1}}, 1},
  };
  (void)state;
  struct configuration *configuration = configured_two("StateSet false");
  for (size_t i = 0; i < COUNT(cases); i++) {
    emit_task(configuration,
              task_values(0, "one", TASK_UNKNOWN, cases[i].elapsed,
                          cases[i].status_age));
    ASSERT_CASE(cases[i].name, mock_value_count() == cases[i].count);
    assert_values(cases[i].expected, cases[i].count);
  }
  configuration_free(configuration);
}

static void test_media_duration(void **state) {
  static const struct {
    const char *name;
    double duration;
    bool is_there;
  } cases[] = {{"not known", -1, false},
               {"not a number", NAN, false},
               {"nothing", 0, true},
               {"with a fraction", 63.5, true}};
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct task_values task = task_values(0, "one", TASK_SUCCESS, -1, -1);
    task.media_duration = cases[i].duration;
    emit_task(configuration, task);
    ASSERT_CASE(cases[i].name, mock_value_count() == 7u + cases[i].is_there);
    for (size_t k = 0; k < mock_value_count(); k++)
      if (strcmp(mock_value(k)->type_instance, "media") == 0)
        ASSERT_CASE(cases[i].name,
                    strcmp(mock_value(k)->type, "duration") == 0 &&
                        mock_value(k)->values[0].gauge == cases[i].duration);
  }
  configuration_free(configuration);
}

static const struct account_values busy_account = {
    .states = {[TASK_UNKNOWN] = 1,
               [TASK_PENDING] = 2,
               [TASK_SUCCESS] = 3,
               [TASK_ERROR] = 4,
               [TASK_TIMEOUT] = 5,
               [TASK_PAYMENT_REQUIRED] = 6},
    .up = 1,
    .response_average = 0.125,
    .response_maximum = 2,
    .requests = {[COUNTER_OK] = 4294967297,
                 [COUNTER_UNAUTHORIZED] = 12,
                 [COUNTER_NOT_FOUND] = 13,
                 [COUNTER_RATE_LIMITED] = 14,
                 [COUNTER_CLIENT_ERROR] = 15,
                 [COUNTER_SERVER_ERROR] = 16,
                 [COUNTER_TIMEOUT] = 17,
                 [COUNTER_NETWORK] = 18,
                 [COUNTER_INVALID] = 19},
};

/* Emits the values of the default account, and of no task. */
static void emit_account(const struct configuration *configuration,
                         struct account_values account) {
  struct snapshot snapshot = {.accounts = &account, .account_count = 1};
  mock_reset();
  emitter_values(configuration, &snapshot);
}

static void test_values_of_an_account(void **state) {
  static const struct expected_value expected[] = {
      {HOST "camb_api-default/count-unknown", 1},
      {HOST "camb_api-default/count-pending", 2},
      {HOST "camb_api-default/count-success", 3},
      {HOST "camb_api-default/count-error", 4},
      {HOST "camb_api-default/count-timeout", 5},
      {HOST "camb_api-default/count-payment_required", 6},
      {HOST "camb_api-default/gauge-up", 1},
      {HOST "camb_api-default/response_time-average", 0.125},
      {HOST "camb_api-default/response_time-maximum", 2},
      {HOST "camb_api-default/total_requests-ok", 4294967297},
      {HOST "camb_api-default/total_requests-unauthorized", 12},
      {HOST "camb_api-default/total_requests-not_found", 13},
      {HOST "camb_api-default/total_requests-rate_limited", 14},
      {HOST "camb_api-default/total_requests-client_error", 15},
      {HOST "camb_api-default/total_requests-server_error", 16},
      {HOST "camb_api-default/total_requests-timeout", 17},
      {HOST "camb_api-default/total_requests-network", 18},
      {HOST "camb_api-default/total_requests-invalid", 19},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  emit_account(configuration, busy_account);
  ASSERT_VALUES(expected);
  configuration_free(configuration);
}

static size_t count_values(const char *type, const char *type_instance) {
  size_t count = 0;
  for (size_t i = 0; i < mock_value_count(); i++)
    count += strcmp(mock_value(i)->type, type) == 0 &&
             strcmp(mock_value(i)->type_instance, type_instance) == 0;
  return count;
}

static void test_account_values_left_out(void **state) {
  static const struct {
    const char *name;
    int up;
    double average, maximum;
    size_t count_up, count_average, count_maximum;
  } cases[] = {
      {"before the first answer", -1, -1, -1, 0, 0, 0},
      {"none ended, up", 1, -1, -1, 1, 0, 0},
      {"none ended, down", 0, -1, -1, 1, 0, 0},
      {"at once", 1, 0, 0, 1, 1, 1},
      {"not a number", 1, NAN, NAN, 1, 0, 0},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account_values values = {.up = cases[i].up,
                                    .response_average = cases[i].average,
                                    .response_maximum = cases[i].maximum};
    emit_account(configuration, values);
    ASSERT_CASE(cases[i].name,
                count_values("gauge", "up") == cases[i].count_up);
    ASSERT_CASE(cases[i].name, count_values("response_time", "average") ==
                                   cases[i].count_average);
    ASSERT_CASE(cases[i].name, count_values("response_time", "maximum") ==
                                   cases[i].count_maximum);
    /* counts and counters always come, zeros included */
    ASSERT_CASE(cases[i].name,
                mock_value_count() == TASK_STATE_COUNT + REQUEST_COUNTER_COUNT +
                                          cases[i].count_up +
                                          cases[i].count_average +
                                          cases[i].count_maximum);
  }
  configuration_free(configuration);
}

/* Each account's options are for its own tasks. */
static void test_hosts(void **state) {
  static const char *const expected[] = {
      "studio.example/camb_api-default/gauge-up",
      "acme.example/camb_api-acme/gauge-up",
      "studio.example/camb_task-one/gauge-status",
      "studio.example/camb_task-one/gauge-state_error",
      "acme.example/camb_task-acme-two/gauge-status",
  };
  (void)state;
  struct configuration *configuration = configured(
      "APIKey \"k\"\nHost \"studio.example\"\nTask \"id-1\" \"one\"\n"
      "<Account \"acme\">\nHost \"acme.example\"\nStateSet false\n"
      "Task \"id-2\" \"two\"\n</Account>");
  struct account_values accounts[2] = {{.up = 1}, {.up = 0}};
  struct task_values tasks[2] = {
      task_values(0, "one", TASK_ERROR, -1, -1),
      task_values(1, "acme-two", TASK_PENDING, -1, -1)};
  struct snapshot snapshot = {.accounts = accounts,
                              .account_count = 2,
                              .tasks = tasks,
                              .task_count = 2};
  emitter_values(configuration, &snapshot);
  for (size_t i = 0; i < COUNT(expected); i++) {
    size_t found = 0;
    for (size_t k = 0; k < mock_value_count(); k++) {
      char identifier[1024];
      mock_identify(mock_value(k), identifier, sizeof(identifier));
      found += strcmp(identifier, expected[i]) == 0;
    }
    ASSERT_CASE(expected[i], found == 1);
  }
  assert_int_equal(count_values("gauge", "state_error"), 1);
  configuration_free(configuration);
}

static void test_empty_snapshot(void **state) {
  (void)state;
  struct configuration *configuration = configured_two("");
  struct snapshot snapshot = {0};
  emitter_values(configuration, &snapshot);
  assert_int_equal(mock_value_count(), 0);
  assert_int_equal(mock_log_count(), 0);
  configuration_free(configuration);
}

/* --- Fields --------------------------------------------------------------- */

/* A field of each kind of data source. */
#define KINDS_OF_FIELDS                                                        \
  "Field \"/g\" \"gauge\" \"g\"\nField \"/d\" \"total_requests\" \"d\"\n"      \
  "Field \"/c\" \"mock_counter\" \"c\"\nField \"/a\" \"mock_absolute\" "       \
  "\"a\"\n"

static const value_list_t *find_value(const char *identifier) {
  for (size_t i = 0; i < mock_value_count(); i++) {
    char found[1024];
    mock_identify(mock_value(i), found, sizeof(found));
    if (strcmp(found, identifier) == 0)
      return mock_value(i);
  }
  return NULL;
}

/* Emits a task with these numbers for fields. */
static void emit_fields(const struct configuration *configuration,
                        double *numbers) {
  struct task_values task = task_values(0, "one", TASK_PENDING, -1, -1);
  struct snapshot snapshot = {
      .tasks = &task, .task_count = 1, .fields = numbers};
  mock_reset();
  emitter_values(configuration, &snapshot);
}

/* Numbers are cut to what the data source holds, and left out where it can't
 * hold them. */
static void test_fields(void **state) {
  static const struct {
    const char *name;
    double number;
    bool gauge, derive, unsigned_ones;
    int64_t cut; /* of the last two */
  } cases[] = {
      {"none", NAN, false, false, false, 0},
      {"zero", 0, true, true, true, 0},
      {"negative zero", -0.0, true, true, true, 0},
      {"a fraction", 42.9, true, true, true, 42},
      {"negative", -7.5, true, true, false, -7},
      {"a small negative", -0.25, true, true, false, 0},
      {"the largest", 0x1.fffffffffffffp62, true, true, true, INT64_MAX - 1023},
      {"too large", 0x1p63, true, false, false, 0},
      {"far too large", 1e300, true, false, false, 0},
      {"far too small", -1e300, true, false, false, 0},
  };
  (void)state;
  struct configuration *configuration =
      configured("APIKey \"k\"\n" KINDS_OF_FIELDS "StateSet false\n"
                 "Task \"id-1\" \"one\"");
  emitter_find_types(configuration);
  assert_int_equal(mock_log_count(), 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    double number = cases[i].number;
    double numbers[] = {number, number, number, number};
    emit_fields(configuration, numbers);
    const value_list_t *gauge = find_value(HOST "camb_task-one/gauge-g");
    const value_list_t *derive =
        find_value(HOST "camb_task-one/total_requests-d");
    const value_list_t *counter =
        find_value(HOST "camb_task-one/mock_counter-c");
    const value_list_t *absolute =
        find_value(HOST "camb_task-one/mock_absolute-a");
    ASSERT_CASE(cases[i].name, (gauge != NULL) == cases[i].gauge);
    ASSERT_CASE(cases[i].name, (derive != NULL) == cases[i].derive);
    ASSERT_CASE(cases[i].name, (counter != NULL) == cases[i].unsigned_ones);
    ASSERT_CASE(cases[i].name, (absolute != NULL) == cases[i].unsigned_ones);
    if (gauge != NULL)
      ASSERT_CASE(cases[i].name, gauge->values[0].gauge == number);
    if (derive != NULL)
      ASSERT_CASE(cases[i].name, derive->values[0].derive == cases[i].cut);
    if (counter != NULL)
      ASSERT_CASE(cases[i].name,
                  counter->values[0].counter == (counter_t)cases[i].cut);
    if (absolute != NULL)
      ASSERT_CASE(cases[i].name,
                  absolute->values[0].absolute == (absolute_t)cases[i].cut);
    ASSERT_CASE(cases[i].name, mock_log_count() == 0);
  }
  configuration_free(configuration);
}

/* Each task has its numbers, and each account its fields. */
static void test_fields_of_several_tasks(void **state) {
  static const struct expected_value expected[] = {
      {HOST "camb_task-one/gauge-status", 1},
      {HOST "camb_task-one/percent-done", 10},
      {HOST "camb_task-acme-two/gauge-status", 1},
      {HOST "camb_task-acme-two/percent-done", 20},
      {HOST "camb_task-acme-two/count", 21},
      {HOST "camb_task-three/gauge-status", 1},
      {HOST "camb_task-three/percent-done", 30},
  };
  (void)state;
  struct configuration *configuration =
      configured("APIKey \"k\"\nStateSet false\n"
                 "Field \"/done\" \"percent\" \"done\"\n"
                 "Task \"id-1\" \"one\"\nTask \"id-3\" \"three\"\n"
                 "<Account \"acme\">\nField \"/n\" \"count\" \"\"\n"
                 "Task \"id-2\" \"two\"\n</Account>");
  struct task_values tasks[] = {
      task_values(0, "one", TASK_PENDING, -1, -1),
      task_values(1, "acme-two", TASK_PENDING, -1, -1),
      task_values(0, "three", TASK_PENDING, -1, -1)};
  double numbers[] = {10, 20, 21, 30};
  tasks[1].first_field = 1;
  tasks[2].first_field = 3;
  struct snapshot snapshot = {
      .tasks = tasks, .task_count = 3, .fields = numbers};
  emitter_find_types(configuration);
  emitter_values(configuration, &snapshot);
  ASSERT_VALUES(expected);
  configuration_free(configuration);
}

/* One error, and the other values come all the same. */
static void test_types_that_are_no_good(void **state) {
  static const char *const types[] = {"no_such_type", "if_octets", "Gauge"};
  (void)state;
  for (size_t i = 0; i < COUNT(types); i++) {
    char text[256];
    double numbers[] = {1, 2};
    snprintf(text, sizeof(text),
             "APIKey \"" CONFIGURED_KEY "\"\nStateSet false\n"
             "Field \"/bad/one\" \"%s\" \"b\"\n"
             "Field \"/good\" \"count\" \"g\"\nTask \"id-1\" \"one\"",
             types[i]);
    struct configuration *configuration = configured(text);
    emitter_find_types(configuration);
    ASSERT_CASE(types[i], mock_log_count() == 1);
    ASSERT_CASE(types[i], mock_log_level(0) == LOG_ERR);
    assert_contains(types[i], mock_log_line(0), types[i]);
    assert_contains(types[i], mock_log_line(0), "/bad/one");
    assert_contains(types[i], mock_log_line(0), "\"default\"");
    assert_clean(types[i], mock_log_line(0));
    emit_fields(configuration, numbers);
    ASSERT_CASE(types[i], mock_value_count() == 2);
    ASSERT_CASE(types[i], find_value(HOST "camb_task-one/count-g") != NULL);
    ASSERT_CASE(types[i], mock_log_count() == 0);
    configuration_free(configuration);
  }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, reset, reset)
  const struct CMUnitTest tests[] = {
      TEST(test_values_of_a_task),
      TEST(test_state_codes),
      TEST(test_state_set_off),
      TEST(test_values_left_out),
      TEST(test_media_duration),
      TEST(test_fields),
      TEST(test_fields_of_several_tasks),
      TEST(test_types_that_are_no_good),
      TEST(test_values_of_an_account),
      TEST(test_account_values_left_out),
      TEST(test_hosts),
      TEST(test_empty_snapshot),
  };
  signal(SIGPIPE, SIG_IGN);
  unsetenv(API_KEY_VARIABLE);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
