/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "collectd_mock.h"
#include "configured.h"
#include "text_checks.h"

#include "notifier.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int reset(void **state) {
  (void)state;
  mock_reset();
  return 0;
}

/* Meta data as text, "" if there is none of that name. */
static const char *meta(const notification_t *notification, const char *name,
                        char buffer[1024]) {
  const notification_meta_t *found = mock_meta(notification, name);
  buffer[0] = '\0';
  if (found == NULL)
    return buffer;
  if (found->type == NM_TYPE_STRING)
    snprintf(buffer, 1024, "%s", found->nm_value.nm_string);
  else if (found->type == NM_TYPE_SIGNED_INT)
    snprintf(buffer, 1024, "%lld", (long long)found->nm_value.nm_signed_int);
  else if (found->type == NM_TYPE_DOUBLE)
    snprintf(buffer, 1024, "%g", found->nm_value.nm_double);
  else
    fail_msg("meta data %s is of type %d", name, (int)found->type);
  return buffer;
}

static size_t meta_count(const notification_t *notification) {
  size_t count = 0;
  const notification_meta_t *next = notification->meta;
  for (; next != NULL; next = next->next)
    count++;
  return count;
}

static void assert_identity(const char *name, const notification_t *told,
                            const char *host, const char *plugin,
                            const char *instance) {
  ASSERT_CASE(name, strcmp(told->host, host) == 0);
  ASSERT_CASE(name, strcmp(told->plugin, plugin) == 0);
  ASSERT_CASE(name, strcmp(told->plugin_instance, instance) == 0);
  ASSERT_CASE(name, strcmp(told->type, "gauge") == 0);
  ASSERT_CASE(name, strcmp(told->type_instance, "status") == 0);
  ASSERT_CASE(name, told->time == MOCK_TIME);
}

static struct event ended(enum task_state state, double elapsed, int64_t run_id,
                          const char *reason, const char *message) {
  struct event event = {.kind = EVENT_TASK_ENDED,
                        .name = "one",
                        .id = "id-1",
                        .state = state,
                        .elapsed = elapsed,
                        .run_id = run_id};
  snprintf(event.exception_reason, sizeof(event.exception_reason), "%s",
           reason);
  snprintf(event.message, sizeof(event.message), "%s", message);
  return event;
}

/* The one notification that comes of an event, which logs nothing. */
static const notification_t *
notification_of(const char *name, const struct configuration *configuration,
                const struct event *event) {
  mock_reset();
  notifier_tell(configuration, event);
  ASSERT_CASE(name, mock_notification_count() == 1);
  return mock_notification(0);
}

static void test_task_ended(void **state) {
  static const struct {
    const char *name;
    enum task_state state;
    double elapsed;
    int64_t run_id;
    const char *reason, *message;
    int severity;
    const char *status, *run_id_text, *elapsed_text;
    size_t meta_count;
  } cases[] = {
      {"success", TASK_SUCCESS, 12.5, 4711, "", "", NOTIF_OKAY, "SUCCESS",
       "4711", "12.5", 4},
      {"all that there can be", TASK_ERROR, 7260, -5, "SOURCE_TOO_LONG",
       "Wähle ein kürzeres", NOTIF_FAILURE, "ERROR", "-5", "7260", 6},
      {"as little as there can be", TASK_TIMEOUT, -1, STATUS_RUN_ID_NONE, "",
       "", NOTIF_FAILURE, "TIMEOUT", "", "", 2},
      {"at once", TASK_PAYMENT_REQUIRED, 0, 0, "PAYMENT_REQUIRED", "",
       NOTIF_FAILURE, "PAYMENT_REQUIRED", "0", "0", 5},
      {"run ID of most digits", TASK_SUCCESS, 1e9, INT64_MAX, "", "m",
       NOTIF_OKAY, "SUCCESS", "9223372036854775807", "1e+09", 5},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *name = cases[i].name;
    struct event event =
        ended(cases[i].state, cases[i].elapsed, cases[i].run_id,
              cases[i].reason, cases[i].message);
    const notification_t *told = notification_of(name, configuration, &event);
    char text[1024];
    assert_identity(name, told, MOCK_HOST, "camb_task", "one");
    ASSERT_CASE(name, told->severity == cases[i].severity);
    assert_clean(name, told->message);
    assert_contains(name, told->message, "one");
    assert_contains(name, told->message, "id-1");
    assert_contains(name, told->message, cases[i].status);
    assert_contains(name, told->message, cases[i].reason);
    assert_contains(name, told->message, cases[i].message);
    assert_contains(name, told->message, cases[i].run_id_text);
#define META(key, value)                                                       \
  ASSERT_CASE(name, strcmp(meta(told, key, text), value) == 0)
    META("task_id", "id-1");
    META("status", cases[i].status);
    META("run_id", cases[i].run_id_text);
    META("exception_reason", cases[i].reason);
    META("message", cases[i].message);
    META("elapsed", cases[i].elapsed_text);
    ASSERT_CASE(name, meta_count(told) == cases[i].meta_count);
    ASSERT_CASE(name, mock_log_count() == 0);
  }
  configuration_free(configuration);
}

static void test_result(void **state) {
  static const struct {
    const char *name, *project, *url;
    size_t meta_count; /* four without a result */
  } cases[] = {
      {"none", "", "", 4},
      {"both", "Größe – Trailer", "https://studio.example/p/1?a=b", 6},
      {"a name", "Trailer", "", 5},
      {"a URL", "", "https://studio.example/p/1", 5},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *name = cases[i].name;
    char text[1024];
    struct event event = ended(TASK_SUCCESS, 12.5, 4711, "", "");
    strcpy(event.project_name, cases[i].project);
    strcpy(event.studio_url, cases[i].url);
    const notification_t *told = notification_of(name, configuration, &event);
    ASSERT_CASE(name, told->severity == NOTIF_OKAY);
    assert_clean(name, told->message);
    assert_contains(name, told->message, cases[i].project);
    assert_contains(name, told->message, cases[i].url);
    ASSERT_CASE(name, (strstr(told->message, "project") != NULL) ==
                          (cases[i].project[0] != '\0'));
    META("project_name", cases[i].project);
    META("studio_url", cases[i].url);
    ASSERT_CASE(name, meta_count(told) == cases[i].meta_count);
  }
  configuration_free(configuration);
}

/* A task that is pending for too long. */
static struct event stalled(void) {
  return (struct event){.kind = EVENT_TASK_STALLED,
                        .name = "one",
                        .id = "id-1",
                        .state = TASK_PENDING,
                        .elapsed = 5400,
                        .run_id = STATUS_RUN_ID_NONE};
}

static void test_task_stalled(void **state) {
  static const char name[] = "stalled";
  (void)state;
  char text[1024];
  struct configuration *configuration = configured_two("");
  struct event event = stalled();
  const notification_t *told = notification_of(name, configuration, &event);
  assert_identity(name, told, MOCK_HOST, "camb_task", "one");
  assert_int_equal(told->severity, NOTIF_WARNING);
  assert_string_equal(told->message,
                      "Task one is still PENDING after 1 h 30 min, longer than "
                      "StalledAfter, ID id-1");
  META("task_id", "id-1");
  META("status", "PENDING");
  META("elapsed", "5400");
  assert_int_equal(meta_count(told), 3);
  assert_int_equal(mock_log_count(), 0);
  /* with all that the API says of it */
  event.run_id = 4711;
  strcpy(event.exception_reason, "IN_QUEUE");
  strcpy(event.message, "the ETA is 5 min");
  told = notification_of(name, configuration, &event);
  assert_string_equal(told->message,
                      "Task one is still PENDING after 1 h 30 min, longer than "
                      "StalledAfter, run 4711, reason IN_QUEUE, ID id-1: the "
                      "ETA is 5 min");
  META("run_id", "4711");
  META("exception_reason", "IN_QUEUE");
  META("message", "the ETA is 5 min");
  assert_int_equal(meta_count(told), 6);
  configuration_free(configuration);
}

static void test_elapsed_time_in_words(void **state) {
  static const struct {
    double seconds;
    const char *text;
  } cases[] = {
      {0, "after 0.0 s"},        {59.94, "after 59.9 s"},
      {60, "after 1 min 0 s"},   {3599.9, "after 59 min 59 s"},
      {3600, "after 1 h 0 min"}, {90061, "after 25 h 1 min"},
  };
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct event event = ended(TASK_SUCCESS, cases[i].seconds, 1, "", "");
    const notification_t *told =
        notification_of(cases[i].text, configuration, &event);
    assert_contains(cases[i].text, told->message, cases[i].text);
  }
  configuration_free(configuration);
}

static void test_id_that_is_the_name_stands_once(void **state) {
  (void)state;
  struct configuration *configuration = configured_two("");
  struct event event = ended(TASK_SUCCESS, 1, 1, "", "");
  strcpy(event.name, event.id);
  const notification_t *told = notification_of("same", configuration, &event);
  const char *first = strstr(told->message, "id-1");
  assert_non_null(first);
  assert_null(strstr(first + 1, "id-1"));
  configuration_free(configuration);
}

/* Characters until size bytes can't hold one more. */
static void fill(char *buffer, size_t size, const char *character) {
  size_t length = 0, more = strlen(character);
  for (; length + more < size; length += more)
    memcpy(buffer + length, character, more);
  buffer[length] = '\0';
}

static void assert_fits(const char *name, const struct event *event,
                        const notification_t *told) {
  char text[1024];
  size_t length = strnlen(told->message, sizeof(told->message));
  ASSERT_CASE(name, length < NOTIF_MAX_MSG_LEN);
  assert_clean(name, told->message);
  assert_contains(name, told->message, event->name);
  assert_identity(name, told, MOCK_HOST, "camb_task", event->name);
  ASSERT_CASE(name, strcmp(meta(told, "task_id", text), event->id) == 0);
  ASSERT_CASE(name, strcmp(meta(told, "exception_reason", text),
                           event->exception_reason) == 0);
  ASSERT_CASE(name, strcmp(meta(told, "message", text), event->message) == 0);
  assert_clean(name, text);
}

/* All lengths of the texts, of characters of each length: whatever does not fit
 * is cut at the end of a character. */
static void test_lengths(void **state) {
  static const char *const characters[] = {"x", "é", "日", "😀"};
  static const size_t sizes[] = {2, 17, 66, 101, 128, 131, 200, 257, 511, 512};
  enum { SIZES = COUNT(sizes) };
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < 4 * SIZES * SIZES * SIZES; i++) {
    const char *character = characters[i % 4];
    size_t name_size = sizes[i / 4 % SIZES];
    size_t id_size = sizes[i / 4 / SIZES % SIZES];
    size_t message_size = sizes[i / 4 / SIZES / SIZES];
    struct event event = ended(TASK_ERROR, 5000, INT64_MAX, "", "");
    char name[128];
    if (name_size > sizeof(event.name) || id_size > sizeof(event.id))
      continue;
    snprintf(name, sizeof(name), "%s, sizes %zu, %zu, %zu", character,
             name_size, id_size, message_size);
    fill(event.name, name_size < 5 ? 5 : name_size, character);
    fill(event.id, id_size, "i");
    fill(event.exception_reason, sizeof(event.exception_reason), character);
    fill(event.message, message_size, character);
    assert_fits(name, &event, notification_of(name, configuration, &event));
  }
  configuration_free(configuration);
}

/* The longest of everything there can be. */
static void test_longest(void **state) {
  static const char *const characters[] = {"x", "é", "日", "😀"};
  static const enum event_kind kinds_of_task[] = {EVENT_TASK_ENDED,
                                                  EVENT_TASK_STALLED};
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < 4 * 2; i++) {
    const char *name = characters[i / 2];
    char text[1024];
    struct event event =
        ended(TASK_PAYMENT_REQUIRED, 1e15, INT64_MIN + 1, "", "");
    event.kind = kinds_of_task[i % 2];
    fill(event.name, sizeof(event.name), name);
    fill(event.id, sizeof(event.id), "i");
    fill(event.exception_reason, sizeof(event.exception_reason), name);
    fill(event.message, sizeof(event.message), name);
    fill(event.project_name, sizeof(event.project_name), name);
    fill(event.studio_url, sizeof(event.studio_url), "u");
    const notification_t *told = notification_of(name, configuration, &event);
    assert_fits(name, &event, told);
    assert_contains(name, told->message, "PAYMENT_REQUIRED");
    META("project_name", event.project_name);
    META("studio_url", event.studio_url);
    META("run_id", "-9223372036854775807");
    ASSERT_CASE(name, meta_count(told) == 8);
  }
  configuration_free(configuration);
}

/* A link is there as a whole, or not at all. */
static void test_no_half_link(void **state) {
  (void)state;
  struct configuration *configuration = configured_two("");
  size_t longest = 0;
  for (size_t length = 1; length < NOTIF_MAX_MSG_LEN; length++) {
    struct event event = ended(TASK_SUCCESS, 12.5, 4711, "", "");
    fill(event.studio_url, length + 1, "z");
    const notification_t *told = notification_of("link", configuration, &event);
    size_t shown = strspn(strchrnul(told->message, 'z'), "z");
    assert_true(shown == length || shown == 0);
    if (shown > 0)
      longest = strlen(told->message);
  }
  assert_int_equal(longest, NOTIF_MAX_MSG_LEN - 1);
  configuration_free(configuration);
}

/* A file's problem is logged as it is, whatever its length. */
static void test_file_problems(void **state) {
  static const char *const characters[] = {"%", "é", "日", "😀"};
  (void)state;
  struct configuration *configuration = configured_two("Notify false");
  for (size_t i = 0; i < 4; i++) {
    struct event event = {.kind = EVENT_FILE_PROBLEM};
    char over[EVENT_DETAIL_SIZE + 16];
    fill(event.detail, sizeof(event.detail), characters[i]);
    mock_reset();
    notifier_tell(configuration, &event);
    assert_int_equal(mock_log_count(), 1);
    assert_int_equal(mock_log_level(0), LOG_WARNING);
    assert_contains(characters[i], mock_log_line(0), event.detail);
    event.kind = EVENT_FILE_PROBLEM_OVER;
    notifier_tell(configuration, &event);
    assert_int_equal(mock_log_count(), 2);
    assert_int_equal(mock_log_level(1), LOG_NOTICE);
    snprintf(over, sizeof(over), "over: %s", event.detail);
    assert_contains(characters[i], mock_log_line(1), over);
    assert_int_equal(mock_notification_count(), 0);
  }
  configuration_free(configuration);
}

static void test_long_message_is_cut_late(void **state) {
  static const char *const characters[] = {"x", "é", "日", "😀"};
  (void)state;
  struct configuration *configuration = configured_two("");
  for (size_t i = 0; i < 4; i++) {
    struct event event = ended(TASK_ERROR, 5, 7, "", "");
    fill(event.message, sizeof(event.message), characters[i]);
    const notification_t *told =
        notification_of(characters[i], configuration, &event);
    size_t room = sizeof(told->message) - 1 - strlen(told->message);
    const char *tail = strstr(told->message, characters[i]);
    ASSERT_CASE(characters[i], room < strlen(characters[i]));
    ASSERT_CASE(characters[i], tail != NULL);
    ASSERT_CASE(characters[i], strncmp(event.message, tail, strlen(tail)) == 0);
  }
  configuration_free(configuration);
}

/* What each kind of event tells, but for those that notify of a task. */
static const struct {
  const char *name;
  enum event_kind kind;
  enum outcome outcome;
  int severity; /* of the notification; 0: there is none */
  int level;    /* of the log line; 0: there is none */
  const char *parts[4];
} kinds[] = {
    {"task's trouble",
     EVENT_TASK_TROUBLE,
     OUTCOME_NOT_FOUND,
     0,
     LOG_WARNING,
     {"acme-two", "id-2", "the API does not know the task",
      "HTTP 404: no such task"}},
    {"task's trouble, over",
     EVENT_TASK_TROUBLE_OVER,
     OUTCOME_NOT_FOUND,
     0,
     LOG_NOTICE,
     {"acme-two", "id-2", "the API does not know the task"}},
    {"many tasks' trouble",
     EVENT_MANY_TASKS_TROUBLE,
     OUTCOME_INVALID,
     0,
     LOG_WARNING,
     {"\"acme\"", "the answer is not understood"}},
    {"many tasks' trouble, over",
     EVENT_MANY_TASKS_OVER,
     OUTCOME_INVALID,
     0,
     LOG_NOTICE,
     {"\"acme\"", "the answer is not understood"}},
    {"account's trouble",
     EVENT_ACCOUNT_TROUBLE,
     OUTCOME_TIMEOUT,
     0,
     LOG_WARNING,
     {"\"acme\"", "acme-two", "requests time out", "HTTP 404: no such task"}},
    {"account's trouble, over",
     EVENT_ACCOUNT_TROUBLE_OVER,
     OUTCOME_TIMEOUT,
     0,
     LOG_NOTICE,
     {"\"acme\"", "requests time out"}},
    {"file",
     EVENT_FILE_PROBLEM,
     OUTCOME_OK,
     0,
     LOG_WARNING,
     {"HTTP 404: no such task"}},
    {"file, over",
     EVENT_FILE_PROBLEM_OVER,
     OUTCOME_OK,
     0,
     LOG_NOTICE,
     {"over: HTTP 404: no such task"}},
    {"key rejected",
     EVENT_KEY_REJECTED,
     OUTCOME_OK,
     NOTIF_FAILURE,
     0,
     {"acme", "key"}},
    {"key accepted",
     EVENT_KEY_ACCEPTED,
     OUTCOME_OK,
     NOTIF_OKAY,
     0,
     {"acme", "key"}},
    {"blind", EVENT_BLIND, OUTCOME_OK, NOTIF_WARNING, 0, {"acme"}},
    {"blind, over", EVENT_BLIND_OVER, OUTCOME_OK, NOTIF_OKAY, 0, {"acme"}},
};
#define KIND_COUNT (COUNT(kinds))

/* The account's trouble is no task's. */
static void test_account_trouble_without_a_name(void **state) {
  (void)state;
  struct configuration *configuration = configured_two("");
  struct event event = {.kind = EVENT_ACCOUNT_TROUBLE,
                        .account = 1,
                        .outcome = OUTCOME_RATE_LIMITED,
                        .detail = "so it said before",
                        .run_id = STATUS_RUN_ID_NONE};
  mock_reset();
  notifier_tell(configuration, &event);
  assert_int_equal(mock_log_count(), 1);
  assert_int_equal(mock_log_level(0), LOG_WARNING);
  assert_non_null(strstr(mock_log_line(0), "\"acme\""));
  assert_non_null(strstr(mock_log_line(0), " (so it said before)"));
  assert_null(strstr(mock_log_line(0), "for task"));
  configuration_free(configuration);
}

static void emit_kind(const struct configuration *configuration, size_t i) {
  struct event event = {.kind = kinds[i].kind,
                        .account = 1,
                        .outcome = kinds[i].outcome,
                        .detail = "HTTP 404: no such task",
                        .name = "acme-two",
                        .id = "id-2",
                        .run_id = STATUS_RUN_ID_NONE};
  mock_reset();
  notifier_tell(configuration, &event);
}

static void test_other_events(void **state) {
  (void)state;
  struct configuration *configuration =
      configured_two("Host \"studio.example\"");
  for (size_t i = 0; i < KIND_COUNT; i++) {
    const char *name = kinds[i].name, *text = NULL;
    emit_kind(configuration, i);
    ASSERT_CASE(name, mock_log_count() == (kinds[i].level != 0));
    ASSERT_CASE(name, mock_notification_count() == (kinds[i].severity != 0));
    if (mock_log_count() == 1) {
      ASSERT_CASE(name, mock_log_level(0) == kinds[i].level);
      text = mock_log_line(0);
    } else {
      const notification_t *told = mock_notification(0);
      assert_identity(name, told, "studio.example", "camb_api", "acme");
      ASSERT_CASE(name, told->severity == kinds[i].severity);
      text = told->message;
    }
    assert_clean(name, text);
    for (size_t k = 0; k < 4; k++)
      assert_contains(name, text, kinds[i].parts[k]);
  }
  configuration_free(configuration);
}

/* Troubles are logged all the same. */
static void test_notify_off(void **state) {
  (void)state;
  struct configuration *configuration = configured_two("Notify false");
  for (size_t i = 0; i < KIND_COUNT; i++) {
    emit_kind(configuration, i);
    ASSERT_CASE(kinds[i].name, mock_notification_count() == 0);
    ASSERT_CASE(kinds[i].name, mock_log_count() == (kinds[i].level != 0));
  }
  for (int i = 0; i < TASK_STATE_COUNT; i++) {
    struct event event = ended((enum task_state)i, 1, 1, "R", "m");
    if (!task_state_info[i].final)
      continue;
    mock_reset();
    notifier_tell(configuration, &event);
    ASSERT_CASE(task_state_info[i].name, mock_notification_count() == 0);
  }
  struct event event = stalled();
  notifier_tell(configuration, &event);
  assert_int_equal(mock_notification_count(), 0);
  configuration_free(configuration);
}

/* Notify and Host are those of the event's account. */
static void test_options_of_the_account(void **state) {
  (void)state;
  struct configuration *configuration =
      configured("APIKey \"k\"\nNotify false\nTask \"id-1\" \"one\"\n"
                 "<Account \"acme\">\nNotify true\nHost \"acme.example\"\n"
                 "Task \"id-2\" \"two\"\n</Account>");
  struct event event = ended(TASK_SUCCESS, 1, 1, "", "");
  notifier_tell(configuration, &event);
  assert_int_equal(mock_notification_count(), 0);
  event.account = 1;
  const notification_t *told = notification_of("acme", configuration, &event);
  assert_identity("acme", told, "acme.example", "camb_task", "one");
  configuration_free(configuration);
}

static void test_account_of_the_longest_name(void **state) {
  static const char *const characters[] = {"x", "é", "日"};
  (void)state;
  for (size_t i = 0; i < 3; i++) {
    char name[TASK_NAME_MAX + 1], text[512];
    fill(name, sizeof(name), characters[i]);
    snprintf(text, sizeof(text), "APIKey \"k\"\n<Account \"%s\">\n</Account>\n",
             name);
    struct configuration *configuration = configured(text);
    struct event event = {.kind = EVENT_BLIND};
    const notification_t *told = notification_of(name, configuration, &event);
    assert_identity(name, told, MOCK_HOST, "camb_api", name);
    assert_clean(name, told->message);
    assert_contains(name, told->message, name);
    configuration_free(configuration);
  }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, reset, reset)
  const struct CMUnitTest tests[] = {
      TEST(test_task_ended),
      TEST(test_result),
      TEST(test_task_stalled),
      TEST(test_elapsed_time_in_words),
      TEST(test_id_that_is_the_name_stands_once),
      TEST(test_lengths),
      TEST(test_longest),
      TEST(test_no_half_link),
      TEST(test_file_problems),
      TEST(test_long_message_is_cut_late),
      TEST(test_other_events),
      TEST(test_account_trouble_without_a_name),
      TEST(test_notify_off),
      TEST(test_options_of_the_account),
      TEST(test_account_of_the_longest_name),
  };
  signal(SIGPIPE, SIG_IGN);
  unsetenv(API_KEY_VARIABLE);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
