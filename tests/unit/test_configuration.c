/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "collectd_mock.h"

#include "configuration.h"
#include "status_decoder.h"
#include "utf8.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Stands in each key, file name of a key, and password of the tests; may stand
 * in no log line. */
#define SECRET "s3cr3t"
#define KEY "APIKey \"" SECRET "\"\n"
#define KEY_FILE "APIKeyFile \"/" SECRET ".key\"\n"
#define TASK "Task \"id-1\" \"one\"\n"
#define IN_ACCOUNT(text) "<Account \"a\">\n" text TASK "</Account>\n"

static int setup(void **state) {
  (void)state;
  unsetenv(API_KEY_VARIABLE);
  mock_reset();
  return 0;
}

static int teardown(void **state) {
  (void)state;
  unsetenv(API_KEY_VARIABLE);
  mock_reset();
  return 0;
}

static int parse_more(struct configuration *configuration, const char *text) {
  oconfig_item_t *block = mock_config(text);
  int status = configuration_parse(configuration, block);
  mock_config_free(block);
  return status;
}

/* The configuration of a block without errors. */
static struct configuration *parse(const char *name, const char *text) {
  struct configuration *configuration = configuration_create();
  assert_non_null(configuration);
  mock_reset();
  int status = parse_more(configuration, text);
  if (status != 0 || mock_log_count() > 0)
    fail_msg("case \"%s\": %d, %s", name, status,
             mock_log_count() > 0 ? mock_log_line(0) : "nothing logged");
  return configuration;
}

static const struct account *find(const struct configuration *configuration,
                                  const char *name) {
  for (size_t i = 0; i < configuration->account_count; i++)
    if (strcmp(configuration->accounts[i].name, name) == 0)
      return &configuration->accounts[i];
  fail_msg("there is no account \"%s\"", name);
  return NULL;
}

/* --- Options -------------------------------------------------------------- */

enum kind { STRING, BOOLEAN, INTEGER, SECONDS };

#define AT(member) offsetof(struct account_options, member)

/* An option, and what it is by default and when set. */
static const struct {
  const char *name, *line;
  enum kind kind;
  size_t offset;
  const char *default_string, *string;
  int64_t default_number, number;
} settings[] = {
    {"URL", "URL \"http://x.example:81/api\"", STRING, AT(url),
     "https://client.camb.ai/apis", "http://x.example:81/api", 0, 0},
    {"URL with a slash", "URL \"http://x.example/\"", STRING, AT(url),
     "https://client.camb.ai/apis", "http://x.example/", 0, 0},
    {"MaxConcurrency, least", "MaxConcurrency 1", INTEGER, AT(max_concurrency),
     NULL, NULL, 16, 1},
    {"MaxConcurrency, most", "MaxConcurrency 1000", INTEGER,
     AT(max_concurrency), NULL, NULL, 16, 1000},
    {"Timeout", "Timeout 30", SECONDS, AT(timeout), NULL, NULL, 10000, 30000},
    {"Timeout, fraction", "Timeout 2.5", SECONDS, AT(timeout), NULL, NULL,
     10000, 2500},
    {"Timeout, most", "Timeout 3600", SECONDS, AT(timeout), NULL, NULL, 10000,
     3600000},
    {"Proxy", "Proxy \"http://proxy.example:3128\"", STRING, AT(proxy), NULL,
     "http://proxy.example:3128", 0, 0},
    {"Proxy, none", "Proxy \"\"", STRING, AT(proxy), NULL, "", 0, 0},
    {"Proxy, user", "Proxy \"socks5h://u:" SECRET "@proxy.example\"", STRING,
     AT(proxy), NULL, "socks5h://u:" SECRET "@proxy.example", 0, 0},
    {"CACert", "CACert \"/etc/ca.pem\"", STRING, AT(ca_cert), NULL,
     "/etc/ca.pem", 0, 0},
    {"VerifyPeer", "VerifyPeer false", BOOLEAN, AT(verify_peer), NULL, NULL, 1,
     0},
    {"VerifyHost", "VerifyHost false", BOOLEAN, AT(verify_host), NULL, NULL, 1,
     0},
    {"Host", "Host \"studio.example\"", STRING, AT(host), NULL,
     "studio.example", 0, 0},
    {"StateSet", "StateSet no", BOOLEAN, AT(state_set), NULL, NULL, 1, 0},
    {"Notify", "Notify off", BOOLEAN, AT(notify), NULL, NULL, 1, 0},
    {"Notify, as it is", "Notify true", BOOLEAN, AT(notify), NULL, NULL, 1, 1},
    {"MaxPollInterval", "MaxPollInterval 60", SECONDS, AT(max_poll_interval),
     NULL, NULL, 0, 60000},
    {"MaxPollInterval, least", "MaxPollInterval 0", SECONDS,
     AT(max_poll_interval), NULL, NULL, 0, 0},
    {"MaxPollInterval, most", "MaxPollInterval 86400", SECONDS,
     AT(max_poll_interval), NULL, NULL, 0, 86400000},
    {"MaxErrorInterval, least", "MaxErrorInterval 1", SECONDS,
     AT(max_error_interval), NULL, NULL, 300000, 1000},
    {"MaxErrorInterval, most", "MaxErrorInterval 86400", SECONDS,
     AT(max_error_interval), NULL, NULL, 300000, 86400000},
    {"StalledAfter", "StalledAfter 0.5", SECONDS, AT(stalled_after), NULL, NULL,
     0, 500},
    {"StalledAfter, most", "StalledAfter 31536000", SECONDS, AT(stalled_after),
     NULL, NULL, 0, 31536000000},
    {"ForgetAfter", "ForgetAfter 3600", SECONDS, AT(forget_after), NULL, NULL,
     0, 3600000},
    {"ForgetAfter, most", "ForgetAfter 31536000", SECONDS, AT(forget_after),
     NULL, NULL, 0, 31536000000},
    {"ForgetAfter, never", "ForgetAfter 5\nForgetAfter 0", SECONDS,
     AT(forget_after), NULL, NULL, 0, 0},
    {"FetchResult", "FetchResult true", BOOLEAN, AT(fetch_result), NULL, NULL,
     0, 1},
    {"StateFile", "StateFile \"/var/lib/x/y.state\"", STRING, AT(state_file),
     "camb_task.state", "/var/lib/x/y.state", 0, 0},
    {"StateFile, none", "StateFile \"\"", STRING, AT(state_file),
     "camb_task.state", "", 0, 0},
    {"any case", "mAXcONCURRENCY 7", INTEGER, AT(max_concurrency), NULL, NULL,
     16, 7},
    {"the last one counts", "Timeout 7\nTimeout 8", SECONDS, AT(timeout), NULL,
     NULL, 10000, 8000},
};
#define SETTING_COUNT (COUNT(settings))

static void assert_setting(size_t i, const struct account_options *options,
                           bool is_set) {
  const char *at = (const char *)options + settings[i].offset;
  const char *string = is_set ? settings[i].string : settings[i].default_string;
  int64_t number = is_set ? settings[i].number : settings[i].default_number;
  const char *found = NULL;
  if (settings[i].kind == INTEGER) {
    long value;
    memcpy(&value, at, sizeof(value));
    ASSERT_CASE(settings[i].name, value == number);
  } else if (settings[i].kind == SECONDS) {
    int64_t value;
    memcpy(&value, at, sizeof(value));
    ASSERT_CASE(settings[i].name, value == number);
  } else if (settings[i].kind == BOOLEAN) {
    bool value;
    memcpy(&value, at, sizeof(value));
    ASSERT_CASE(settings[i].name, value == (number != 0));
  } else {
    memcpy(&found, at, sizeof(found));
    ASSERT_CASE(settings[i].name, (found == NULL) == (string == NULL));
    if (found != NULL && string != NULL)
      ASSERT_CASE(settings[i].name, strcmp(found, string) == 0);
  }
}

static void test_default_of_each_option(void **state) {
  (void)state;
  struct configuration *configuration = parse("defaults", KEY TASK);
  for (size_t i = 0; i < SETTING_COUNT; i++)
    assert_setting(i, &find(configuration, "default")->options, false);
  configuration_free(configuration);
}

/* Each option in each place where it may stand: whom does it reach? */
static void test_option_in_each_place(void **state) {
  static const struct {
    const char *format;
    bool default_set, account_set;
  } places[] = {
      {KEY "%s\n" TASK "<Account \"a\">\n" TASK "</Account>", true, true},
      {KEY TASK "%s\n<Account \"a\">\n" TASK "</Account>", true, true},
      {KEY TASK "<Account \"a\">\n%s\n" TASK "</Account>", false, true},
      {KEY TASK "<Account \"a\">\n" TASK "%s\n</Account>", false, true},
      {KEY TASK "<Account \"a\">\n" TASK "</Account>\n%s", true, false},
      {KEY "<Account \"a\">\n" TASK "</Account>\n%s\n" TASK, true, false},
  };
  (void)state;
  for (size_t i = 0; i < SETTING_COUNT; i++)
    for (size_t k = 0; k < COUNT(places); k++) {
      const char *before = places[k].format;
      const char *after = strstr(before, "%s");
      char text[1024];
      snprintf(text, sizeof(text), "%.*s%s%s", (int)(after - before), before,
               settings[i].line, after + 2);
      struct configuration *configuration = parse(text, text);
      assert_setting(i, &find(configuration, "default")->options,
                     places[k].default_set);
      assert_setting(i, &find(configuration, "a")->options,
                     places[k].account_set);
      configuration_free(configuration);
    }
}

/* --- Errors --------------------------------------------------------------- */

struct error_case {
  const char *name, *text;
  const char *parts[3]; /* of the line, all of them; NULL: no more */
};

/* One line, which says the parts and no secret. */
static void assert_one_error(const struct error_case *error) {
  for (size_t i = 0; i < mock_log_count(); i++)
    if (mock_log_count() != 1)
      print_error("logged: %s\n", mock_log_line(i));
  ASSERT_CASE(error->name, mock_log_count() == 1);
  ASSERT_CASE(error->name, mock_log_level(0) == LOG_ERR);
  const char *line = mock_log_line(0);
  for (size_t i = 0; i < 3 && error->parts[i] != NULL; i++)
    if (strstr(line, error->parts[i]) == NULL)
      fail_msg("case \"%s\": no \"%s\" in: %s", error->name, error->parts[i],
               line);
  if (strstr(line, SECRET) != NULL)
    fail_msg("case \"%s\": a secret in: %s", error->name, line);
  if (!utf8_is_valid(line, strlen(line)) || utf8_has_control(line))
    fail_msg("case \"%s\": not printable: %s", error->name, line);
}

static void assert_errors(const struct error_case *errors, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct configuration *configuration = configuration_create();
    assert_non_null(configuration);
    mock_reset();
    int status = parse_more(configuration, errors[i].text);
    configuration_free(configuration);
    ASSERT_CASE(errors[i].name, status == -1);
    assert_one_error(&errors[i]);
  }
}

#define ASSERT_ERRORS(errors) assert_errors(errors, COUNT(errors))

static void test_unknown_options(void **state) {
  static const struct error_case errors[] = {
      {"misspelt", KEY "Interwal 10\n" TASK, {"Interwal"}},
      {"misspelt key", "APIKei \"" SECRET "\"\n" TASK, {"APIKei"}},
      {"in an account",
       KEY "<Account \"acme\">\nNonsense 1\n</Account>",
       {"acme", "Nonsense"}},
      {"an account in an account",
       KEY "<Account \"acme\">\n<Account \"b\">\n</Account>\n</Account>",
       {"acme", "Account"}},
      {"in a task",
       KEY "<Task \"id-1\">\nColour \"red\"\n</Task>",
       {"id-1", "Colour"}},
      {"an option of accounts in a task",
       KEY "<Task \"id-1\">\nTimeout 3\n</Task>",
       {"id-1", "Timeout"}},
      {"in a task of an account",
       KEY "<Account \"acme\">\n<Task \"id-1\">\nX 1\n</Task>\n</Account>",
       {"acme", "id-1", "X"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

/* Values that no option of the kind takes. */
static void test_wrong_values(void **state) {
  static const struct {
    const char *option, *wrong[12];
  } options[] = {
      {"URL", {"", "\"\"", "5", "true", "\"http://a\" \"http://b\""}},
      {"APIKey",
       {"", "\"\"", "5", "true", "\"" SECRET "\" \"b\"", "\"" SECRET "\x7F\"",
        "\"" SECRET "\n\"", "\"\t" SECRET "\""}},
      {"APIKeyFile", {"", "\"\"", "5", "true", "\"" SECRET "\" \"b\""}},
      {"MaxConcurrency",
       {"", "\"16\"", "true", "0", "-1", "1001", "1.5", "1 2", "1e30", "nan",
        "inf"}},
      {"Timeout",
       {"", "\"10\"", "true", "0", "-1", "0.05", "3601", "1 2", "1e30", "nan",
        "inf"}},
      {"MaxPollInterval",
       {"", "\"10\"", "true", "-1", "86400.001", "1 2", "nan", "inf"}},
      {"MaxErrorInterval",
       {"", "\"10\"", "true", "0", "0.999", "86401", "1 2", "nan", "inf"}},
      {"StalledAfter",
       {"", "\"10\"", "true", "-0.001", "31536001", "1 2", "nan", "inf"}},
      {"ForgetAfter",
       {"", "\"10\"", "true", "-0.001", "31536001", "1 2", "nan", "inf"}},
      {"FetchResult", {"", "\"true\"", "1", "true false", "maybe"}},
      {"StateFile", {"", "5", "true", "\"a\" \"b\""}},
      {"TaskFile", {"", "\"\"", "5", "true", "\"a\" \"b\""}},
      {"StateSet", {"", "\"true\"", "1", "true false", "maybe"}},
      {"Notify", {"", "\"true\"", "1", "true false", "maybe"}},
      {"VerifyPeer", {"", "\"false\"", "0", "true false", "maybe"}},
      {"VerifyHost", {"", "\"false\"", "0", "true false", "maybe"}},
      {"Host",
       {"", "\"\"", "5", "true", "\"a\" \"b\"", "\"a/b\"", "\"a\nb\"",
        "\"a\xFF\""}},
      {"Proxy",
       {"", "5", "true", "\"a\" \"b\"", "\"http://u:" SECRET "@[::\""}},
      {"CACert", {"", "\"\"", "5", "true", "\"a\" \"b\""}},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(options); i++)
    for (size_t k = 0; k < 12 && options[i].wrong[k] != NULL; k++) {
      char text[256];
      bool is_key = strncmp(options[i].option, "APIKey", 6) == 0;
      struct error_case error = {text, text, {options[i].option}};
      snprintf(text, sizeof(text), "%s%s %s\n%s", is_key ? "" : KEY,
               options[i].option, options[i].wrong[k], TASK);
      assert_errors(&error, 1);
      error.parts[1] = "acme";
      snprintf(text, sizeof(text),
               KEY "<Account \"acme\">\n%s %s\n</Account>\n" TASK,
               options[i].option, options[i].wrong[k]);
      assert_errors(&error, 1);
    }
}

static void test_option_as_a_block(void **state) {
  static const struct error_case errors[] = {
      {"a number", KEY "<Timeout 3>\nX 1\n</Timeout>\n" TASK, {"Timeout"}},
      {"a file of tasks",
       KEY "<TaskFile \"f\">\nX 1\n</TaskFile>",
       {"TaskFile"}},
      {"a field",
       KEY "<Field \"/a\" \"gauge\" \"a\">\nX 1\n</Field>\n" TASK,
       {"Field"}},
      {"a key", "<APIKey \"" SECRET "\">\nX 1\n</APIKey>\n" TASK, {"APIKey"}},
      {"a name of a task",
       KEY "<Task \"id-1\">\n<Name \"n\">\nX 1\n</Name>\n</Task>",
       {"id-1", "Name"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

/* A line as a user sees it, of each kind of trouble with options that take
 * numbers and with those that are lists. */
static void test_exact_lines(void **state) {
  static const struct error_case errors[] = {
      {"seconds",
       KEY "StalledAfter -1\n" TASK,
       {"StalledAfter: exactly one number of seconds from 0 to 31536000 is "
        "expected"}},
      {"seconds, in an account",
       KEY "<Account \"a\">\nMaxErrorInterval 0\n</Account>",
       {"Account \"a\": MaxErrorInterval: exactly one number of seconds "
        "from 1 to 86400 is expected"}},
      {"seconds, in another case",
       KEY "tIMEOUT 0\n" TASK,
       {"Timeout: exactly one number of seconds from 0.1 to 3600 is "
        "expected"}},
      {"a file, no string",
       KEY "TaskFile 5",
       {"TaskFile: exactly one string is expected (in quotes)"}},
      {"a file, empty",
       KEY "<Account \"a\">\nTaskFile \"\"\n</Account>",
       {"Account \"a\": TaskFile: it is empty"}},
      {"a file, twice",
       KEY "TaskFile \"f\"\ntaskfile \"f\"",
       {"TaskFile: it is listed twice"}},
      {"a field, no string",
       KEY "Field \"/a\" \"gauge\" 5",
       {"Field: exactly three strings, a pointer, a type, and an instance, "
        "are expected (in quotes)"}},
      {"a field, twice",
       KEY "field \"/a\" \"gauge\" \"a\"\n<Account \"a\">\n"
           "field \"/b\" \"gauge\" \"a\"\n</Account>",
       {"Account \"a\": Field: another field has the same type and "
        "instance"}},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(errors); i++) {
    assert_errors(&errors[i], 1);
    assert_string_equal(mock_log_line(0), errors[i].parts[0]);
  }
}

static void test_bad_urls(void **state) {
  static const char *const urls[] = {
      "client.camb.ai/apis",
      "/apis",
      "ftp://x.example",
      "file:///etc/passwd",
      "http://",
      "http://x.example:99999/",
      "http://x.example:port/",
      "http://[::1",
      "http://u@x.example",
      "http://u:" SECRET "@x.example",
      "http://x.example?a=1",
      "http://x.example/#top",
      "http://x.example/a b",
      "http://x.example/\n",
      "httpx://x.example",
      "http//x.example",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(urls); i++) {
    char text[256];
    struct error_case error = {urls[i], text, {"URL"}};
    snprintf(text, sizeof(text), KEY "URL \"%s\"\n" TASK, urls[i]);
    assert_errors(&error, 1);
  }
}

/* --- Tasks ---------------------------------------------------------------- */

static void test_task_forms(void **state) {
  static const struct {
    const char *name, *text;
    const char *task_name, *type;
    int64_t started;
  } cases[] = {
      {"ID", "Task \"id-1\"", "id-1", "project-setup", 0},
      {"ID and name", "Task \"id-1\" \"one\"", "one", "project-setup", 0},
      {"empty block", "<Task \"id-1\">\n</Task>", "id-1", "project-setup", 0},
      {"Name", "<Task \"id-1\">\nName \"one\"\n</Task>", "one", "project-setup",
       0},
      {"name in the head", "<Task \"id-1\" \"one\">\nType \"dub\"\n</Task>",
       "one", "dub", 0},
      {"Type", "<Task \"id-1\">\nType \"dub\"\n</Task>", "id-1", "dub", 0},
      {"Type, a path", "<Task \"id-1\">\nType \"v2/a-b/9\"\n</Task>", "id-1",
       "v2/a-b/9", 0},
      {"Started, RFC 3339",
       "<Task \"id-1\">\nStarted \"2001-09-09T01:46:40Z\"\n</Task>", "id-1",
       "project-setup", 1000000000000},
      {"Started, offset",
       "<Task \"id-1\">\nStarted \"2001-09-09T03:46:40+02:00\"\n</Task>",
       "id-1", "project-setup", 1000000000000},
      {"Started, a number", "<Task \"id-1\">\nStarted 1000000000\n</Task>",
       "id-1", "project-setup", 1000000000000},
      {"Started, a number in quotes",
       "<Task \"id-1\">\nStarted \"1000000000.5\"\n</Task>", "id-1",
       "project-setup", 1000000000500},
      {"all, in any case",
       "<task \"id-1\">\nstarted 1\ntype \"tts\"\nname \"one\"\n</task>", "one",
       "tts", 1000},
      {"name with other characters", "Task \"id-1\" \"Schön & neu 日本\"",
       "Schön & neu 日本", "project-setup", 0},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[256];
    snprintf(text, sizeof(text), KEY "%s\n", cases[i].text);
    struct configuration *configuration = parse(cases[i].name, text);
    ASSERT_CASE(cases[i].name, task_list_count(configuration->tasks) == 1);
    const struct task_definition *task = task_list_get(configuration->tasks, 0);
    ASSERT_CASE(cases[i].name, task->account == 0);
    ASSERT_CASE(cases[i].name, strcmp(task->id, "id-1") == 0);
    ASSERT_CASE(cases[i].name, strcmp(task->name, cases[i].task_name) == 0);
    ASSERT_CASE(cases[i].name, strcmp(task->type, cases[i].type) == 0);
    ASSERT_CASE(cases[i].name, task->started == cases[i].started);
    configuration_free(configuration);
  }
}

static void test_bad_tasks(void **state) {
  static const struct error_case errors[] = {
      {"no ID", KEY "Task", {"Task"}},
      {"empty ID", KEY "Task \"\"", {"Task"}},
      {"empty ID and a name", KEY "Task \"\" \"one\"", {"Task"}},
      {"a number", KEY "Task 5", {"Task"}},
      {"a boolean", KEY "Task true", {"Task"}},
      {"empty name", KEY "Task \"id-1\" \"\"", {"Task", "id-1", "name"}},
      {"dot", KEY "Task \".\" \"one\"", {"Task", "ID"}},
      {"dots", KEY "Task \"..\" \"one\"", {"Task", "ID"}},
      {"white space", KEY "Task \"id 1\"", {"Task", "id 1"}},
      {"slash in a name", KEY "Task \"id-1\" \"a/b\"", {"Task", "id-1"}},
      {"slash in an ID that is the name",
       KEY "Task \"id/1\"",
       {"Task", "id/1"}},
      {"control character in a name",
       KEY "Task \"id-1\" \"a\nb\"",
       {"Task", "id-1"}},
      {"C1 control in a name",
       KEY "Task \"id-1\" \"a\xC2\x85"
           "b\"",
       {"Task", "id-1"}},
      {"invalid UTF-8 in a name",
       KEY "Task \"id-1\" \"a\xC3\"",
       {"Task", "id-1"}},
      {"type of another kind",
       KEY "<Task \"id-1\">\nType 5\n</Task>",
       {"id-1", "Type"}},
      {"empty type",
       KEY "<Task \"id-1\">\nType \"\"\n</Task>",
       {"id-1", "Type"}},
      {"capitals",
       KEY "<Task \"id-1\">\nType \"Dub\"\n</Task>",
       {"id-1", "Type"}},
      {"climbing type",
       KEY "<Task \"id-1\">\nType \"../x\"\n</Task>",
       {"id-1", "Type"}},
      {"two types",
       KEY "<Task \"id-1\">\nType \"a\" \"b\"\n</Task>",
       {"id-1", "Type"}},
      {"two names",
       KEY "<Task \"id-1\">\nName \"a\" \"b\"\n</Task>",
       {"id-1", "Name"}},
      {"name of another kind",
       KEY "<Task \"id-1\">\nName 5\n</Task>",
       {"id-1", "Name"}},
      {"empty Name",
       KEY "<Task \"id-1\">\nName \"\"\n</Task>",
       {"id-1", "name"}},
      {"no time", KEY "<Task \"id-1\">\nStarted\n</Task>", {"id-1", "Started"}},
      {"two times",
       KEY "<Task \"id-1\">\nStarted 1 2\n</Task>",
       {"id-1", "Started"}},
      {"a boolean time",
       KEY "<Task \"id-1\">\nStarted true\n</Task>",
       {"id-1", "Started"}},
      {"another time",
       KEY "<Task \"id-1\">\nStarted \"today\"\n</Task>",
       {"id-1", "Started"}},
      {"no such day",
       KEY "<Task \"id-1\">\nStarted \"2026-02-30T08:00:00Z\"\n</Task>",
       {"id-1", "Started"}},
      {"before the epoch",
       KEY "<Task \"id-1\">\nStarted -5\n</Task>",
       {"id-1", "Started"}},
      {"no time at all",
       KEY "<Task \"id-1\">\nStarted nan\n</Task>",
       {"id-1", "Started"}},
      {"far away",
       KEY "<Task \"id-1\">\nStarted 1e300\n</Task>",
       {"id-1", "Started"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

/* The task's ID is in the line too. */
static void test_bad_values_of_a_task(void **state) {
  static const struct error_case errors[] = {
      {"a number for a name", KEY "Task \"id-1\" 5", {"Task", "id-1"}},
      {"a boolean for a name", KEY "Task \"id-1\" true", {"Task", "id-1"}},
      {"three values", KEY "Task \"id-1\" \"b\" \"c\"", {"Task", "id-1"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

/* Their bytes may not get into the log as they are: a line feed makes two lines
 * of one, an escape sequence gets to somebody's terminal. */
static void test_bad_bytes_are_not_logged(void **state) {
  static const struct error_case errors[] = {
      {"line feed in an ID", KEY "Task \"id-1\nERROR\" \"one\"", {"Task"}},
      {"escape in an ID", KEY "Task \"id-1\x1B[31m\" \"one\"", {"Task"}},
      {"invalid UTF-8 in an ID", KEY "Task \"id-1\xFF\" \"one\"", {"Task"}},
      {"line feed in an account",
       KEY "<Account \"acme\nERROR\">\n" TASK "</Account>",
       {"Account"}},
      {"invalid UTF-8 in an account",
       KEY "<Account \"acme\xC3\">\n" TASK "</Account>",
       {"Account"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

/* "x" as often as count says. */
static void fill(char *buffer, size_t count) {
  memset(buffer, 'x', count);
  buffer[count] = '\0';
}

static void test_lengths(void **state) {
  static const struct {
    const char *name, *before, *after;
    size_t length;
    bool fits;
  } cases[] = {
      {"longest ID", KEY "Task \"", "\" \"one\"", 256, true},
      {"too long an ID", KEY "Task \"", "\" \"one\"", 257, false},
      {"longest name", KEY "Task \"id-1\" \"", "\"", 127, true},
      {"too long a name", KEY "Task \"id-1\" \"", "\"", 128, false},
      {"ID too long for a name", KEY "Task \"", "\"", 128, false},
      {"longest name with a prefix", KEY "<Account \"acme\">\nTask \"id-1\" \"",
       "\"\n</Account>", 122, true},
      {"too long a name with a prefix",
       KEY "<Account \"acme\">\nTask \"id-1\" \"", "\"\n</Account>", 123,
       false},
      {"longest type of a field", KEY TASK "Field \"/a\" \"", "\" \"a\"", 127,
       true},
      {"too long a type of a field", KEY TASK "Field \"/a\" \"", "\" \"a\"",
       128, false},
      {"longest instance of a field", KEY TASK "Field \"/a\" \"gauge\" \"",
       "\"", 127, true},
      {"too long an instance of a field", KEY TASK "Field \"/a\" \"gauge\" \"",
       "\"", 128, false},
      {"longest account", KEY "<Account \"", "\">\nTask \"1\"\n</Account>", 125,
       true},
      {"too long an account for its task", KEY "<Account \"",
       "\">\nTask \"1\"\n</Account>", 126, false},
      {"too long an account", KEY "<Account \"", "\">\n</Account>", 128, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[1024], middle[512];
    fill(middle, cases[i].length);
    snprintf(text, sizeof(text), "%s%s%s", cases[i].before, middle,
             cases[i].after);
    struct error_case error = {cases[i].name, text, {NULL}};
    if (cases[i].fits)
      configuration_free(parse(cases[i].name, text));
    else
      assert_errors(&error, 1);
  }
}

static void test_duplicates(void **state) {
  static const struct error_case errors[] = {
      {"name", KEY "Task \"id-1\" \"n\"\nTask \"id-2\" \"n\"", {"id-2"}},
      {"name and ID", KEY "Task \"id-1\"\nTask \"id-2\" \"id-1\"", {"id-2"}},
      {"long and short form",
       KEY "Task \"id-1\" \"n\"\n<Task \"id-2\">\nName \"n\"\n</Task>",
       {"id-2"}},
      {"ID", KEY "Task \"id-1\" \"a\"\nTask \"id-1\" \"b\"", {"id-1"}},
      {"ID of another type",
       KEY "Task \"id-1\" \"a\"\n<Task \"id-1\" \"b\">\nType \"dub\"\n</Task>",
       {"id-1"}},
      {"ID in an account",
       KEY "<Account \"acme\">\nTask \"id-1\" \"a\"\nTask \"id-1\" \"b\"\n"
           "</Account>",
       {"acme", "id-1"}},
      {"the prefix makes it so",
       KEY "Task \"id-1\" \"acme-n\"\n"
           "<Account \"acme\">\nTask \"id-2\" \"n\"\n</Account>",
       {"acme", "id-2"}},
      {"the prefix makes it so, later",
       KEY "<Account \"acme\">\nTask \"id-2\" \"n\"\n</Account>\n"
           "Task \"id-1\" \"acme-n\"",
       {"id-1"}},
      {"two prefixes",
       KEY "<Account \"a\">\nTask \"id-1\" \"b-n\"\n</Account>\n"
           "<Account \"a-b\">\nTask \"id-2\" \"n\"\n</Account>",
       {"a-b", "id-2"}},
      {"account",
       KEY "<Account \"acme\">\nTask \"id-1\"\n</Account>\n"
           "<Account \"acme\">\nTask \"id-2\"\n</Account>",
       {"Account", "acme"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

static void test_duplicate_in_a_later_block(void **state) {
  static const struct error_case error = {
      "later block", "Task \"id-1\" \"other\"", {"id-1"}};
  (void)state;
  struct configuration *configuration = parse("first block", KEY TASK);
  assert_int_equal(parse_more(configuration, error.text), -1);
  assert_one_error(&error);
  configuration_free(configuration);
}

static void test_same_id_in_two_accounts(void **state) {
  (void)state;
  struct configuration *configuration =
      parse("same ID", KEY "Task \"id-1\" \"n\"\n"
                           "<Account \"a\">\nTask \"id-1\" \"n\"\n</Account>\n"
                           "<Account \"b\">\nTask \"id-1\" \"n\"\n</Account>");
  static const char *const names[] = {"n", "a-n", "b-n"};
  assert_int_equal(task_list_count(configuration->tasks), 3);
  for (size_t i = 0; i < 3; i++) {
    const struct task_definition *task = task_list_get(configuration->tasks, i);
    assert_string_equal(task->id, "id-1");
    assert_string_equal(task->name, names[i]);
  }
  assert_string_equal(configuration->accounts[1].name, "a");
  assert_int_equal(task_list_get(configuration->tasks, 1)->account, 1);
  configuration_free(configuration);
}

/* --- Files of tasks ------------------------------------------------------- */

static void test_task_files(void **state) {
  static const struct {
    const char *account, *path;
  } expected[] = {
      {"default", "f"},
      {"a", "f"},
      {"a", "/g"},
      {"default", "/g"},
  };
  (void)state;
  struct configuration *configuration =
      parse("files", KEY "TaskFile \"f\"\n"
                         "<Account \"a\">\nTaskFile \"f\"\n"
                         "TASKFILE \"/g\"\n</Account>\n"
                         "<Account \"b\">\n" TASK "</Account>");
  assert_int_equal(parse_more(configuration, "TaskFile \"/g\""), 0);
  assert_int_equal(configuration->account_count, 3);
  assert_int_equal(configuration->task_file_count, 4);
  for (size_t i = 0; i < configuration->task_file_count; i++) {
    const struct task_file_option *file = &configuration->task_files[i];
    assert_string_equal(configuration->accounts[file->account].name,
                        expected[i].account);
    assert_string_equal(file->path, expected[i].path);
  }
  configuration_free(configuration);
}

static void test_bad_task_files(void **state) {
  static const struct error_case errors[] = {
      {"twice", KEY "TaskFile \"f\"\nTaskFile \"f\"", {"TaskFile", "twice"}},
      {"twice, apart",
       KEY "TaskFile \"f\"\nTaskFile \"g\"\n" TASK "TaskFile \"f\"",
       {"TaskFile", "twice"}},
      {"twice in an account",
       KEY "<Account \"acme\">\nTaskFile \"f\"\nTaskFile \"f\"\n</Account>",
       {"acme", "TaskFile", "twice"}},
      {"in a task",
       KEY "<Task \"id-1\">\nTaskFile \"f\"\n</Task>",
       {"id-1", "TaskFile"}},
      {"without a key", "TaskFile \"f\"", {"APIKey: there is no key"}},
      {"without a key in an account",
       "<Account \"acme\">\nTaskFile \"f\"\n</Account>",
       {"acme", "APIKey: there is no key"}},
      {"without a key outside any account",
       IN_ACCOUNT(KEY) "TaskFile \"f\"",
       {"APIKey: there is no key"}},
  };
  static const struct error_case later = {
      "later block", "TaskFile \"f\"", {"TaskFile", "twice"}};
  (void)state;
  ASSERT_ERRORS(errors);
  struct configuration *configuration =
      parse("first block", KEY "TaskFile \"f\"");
  assert_int_equal(parse_more(configuration, later.text), -1);
  assert_one_error(&later);
  configuration_free(configuration);
}

/* --- Fields --------------------------------------------------------------- */

/* Is the account's list "POINTER TYPE INSTANCE" of each field, in turn? */
static void assert_fields(const char *name, const struct account *account,
                          const char *const *expected, size_t count) {
  const struct account_options *options = &account->options;
  ASSERT_CASE(name, options->field_count == count);
  for (size_t i = 0; i < count; i++) {
    char text[1024];
    snprintf(text, sizeof(text), "%s %s %s", options->fields[i].pointer,
             options->fields[i].type, options->fields[i].instance);
    assert_string_equal(text, expected[i]);
  }
}

static void test_good_fields(void **state) {
  static const char *const values[] = {
      "\"\" \"gauge\" \"a\"",
      "\"/\" \"gauge\" \"a\"",
      "\"/a/0/b c//\" \"gauge\" \"\"",
      "\"/~0~1/~01\" \"gauge\" \"a\"",
      "\"/größe/日本\" \"größe\" \"日本 & mehr\"",
      /* as the plugin's own, but for one letter or the other half */
      "\"/a\" \"gauge\" \"State_error\"",
      "\"/a\" \"gauge\" \"elapsed\"",
      "\"/a\" \"gauge\" \"state_\"",
      "\"/a\" \"duration\" \"status\"",
      "\"/a\" \"duration\" \"\"",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(values); i++) {
    char text[256];
    snprintf(text, sizeof(text), KEY "Field %s\n" TASK, values[i]);
    struct configuration *configuration = parse(values[i], text);
    ASSERT_CASE(values[i],
                find(configuration, "default")->options.field_count == 1);
    configuration_free(configuration);
  }
}

static void test_bad_fields(void **state) {
  static const struct {
    const char *values, *problem;
  } cases[] = {
      {"", "three strings"},
      {"\"/a\"", "three strings"},
      {"\"/a\" \"gauge\"", "three strings"},
      {"\"/a\" \"gauge\" \"a\" \"b\"", "three strings"},
      {"1 \"gauge\" \"a\"", "three strings"},
      {"\"/a\" true \"a\"", "three strings"},
      {"\"/a\" \"gauge\" 1", "three strings"},
      {"\"a\" \"gauge\" \"a\"", "the pointer does not begin"},
      {"\"a/b\" \"gauge\" \"a\"", "the pointer does not begin"},
      {"\"#/a\" \"gauge\" \"a\"", "the pointer does not begin"},
      {"\"/a~\" \"gauge\" \"a\"", "the pointer holds a ~"},
      {"\"/~2\" \"gauge\" \"a\"", "the pointer holds a ~"},
      {"\"/~0~~1\" \"gauge\" \"a\"", "the pointer holds a ~"},
      {"\"/a\xC3\" \"gauge\" \"a\"", "the pointer is not valid"},
      {"\"/a\n\" \"gauge\" \"a\"", "the pointer holds a control"},
      {"\"/a\" \"\" \"a\"", "the type is not 1 to 127"},
      {"\"/a\" \"a/b\" \"a\"", "the type is not 1 to 127"},
      {"\"/a\" \"a\x7F\" \"a\"", "the type is not 1 to 127"},
      {"\"/a\" \"a\xFF\" \"a\"", "the type is not 1 to 127"},
      {"\"/a\" \"gauge\" \"a/b\"", "the instance is not up to 127"},
      {"\"/a\" \"gauge\" \"a\xC2\x85\"", "the instance is not up to 127"},
      {"\"/a\" \"gauge\" \"\xED\xA0\x80\"", "the instance is not up to 127"},
      {"\"/a\" \"gauge\" \"status\"", "the plugin's own"},
      {"\"/a\" \"gauge\" \"state_unknown\"", "the plugin's own"},
      {"\"/a\" \"gauge\" \"state_pending\"", "the plugin's own"},
      {"\"/a\" \"gauge\" \"state_success\"", "the plugin's own"},
      {"\"/a\" \"gauge\" \"state_error\"", "the plugin's own"},
      {"\"/a\" \"gauge\" \"state_timeout\"", "the plugin's own"},
      {"\"/a\" \"gauge\" \"state_payment_required\"", "the plugin's own"},
      {"\"/a\" \"duration\" \"elapsed\"", "the plugin's own"},
      {"\"/a\" \"duration\" \"status_age\"", "the plugin's own"},
      {"\"/a\" \"duration\" \"media\"", "the plugin's own"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[256];
    struct error_case error = {text, text, {"Field: ", cases[i].problem}};
    snprintf(text, sizeof(text), KEY "Field %s\n" TASK, cases[i].values);
    assert_errors(&error, 1);
    error.parts[2] = "Account \"acme\": ";
    snprintf(text, sizeof(text),
             KEY "StateSet false\n<Account \"acme\">\nField %s\n</Account>",
             cases[i].values);
    assert_errors(&error, 1);
  }
}

static void test_duplicate_fields(void **state) {
  static const struct error_case errors[] = {
      {"same in all",
       KEY "Field \"/a\" \"gauge\" \"a\"\nField \"/a\" \"gauge\" \"a\"",
       {"Field: another field"}},
      {"other pointer, apart",
       KEY "Field \"/a\" \"gauge\" \"\"\nField \"/a\" \"gauge\" \"b\"\n" TASK
           "Field \"/b\" \"gauge\" \"\"",
       {"Field: another field"}},
      {"inherited",
       KEY "Field \"/a\" \"gauge\" \"a\"\n" IN_ACCOUNT(
           "Field \"/b\" \"gauge\" \"a\"\n"),
       {"Account \"a\": Field: another field"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

static void test_inherited_fields(void **state) {
  static const char *const first[] = {"/1 gauge 1"};
  static const char *const second[] = {"/1 gauge 1", "/2 gauge 2",
                                       "/3 gauge x"};
  static const char *const outside[] = {"/1 gauge 1", "/2 gauge 2",
                                        "/4 gauge x", " gauge "};
  (void)state;
  struct configuration *configuration = parse(
      "inherited", KEY TASK
      "Field \"/1\" \"gauge\" \"1\"\n"
      "<Account \"first\">\n" TASK "</Account>\n"
      "Field \"/2\" \"gauge\" \"2\"\n"
      "<Account \"second\">\nField \"/3\" \"gauge\" \"x\"\n" TASK "</Account>\n"
      "Field \"/4\" \"gauge\" \"x\"");
  assert_fields("default", find(configuration, "default"), outside, 3);
  assert_int_equal(parse_more(configuration,
                              "Field \"\" \"gauge\" \"\"\n"
                              "<Account \"third\">\n" TASK "</Account>"),
                   0);
  assert_fields("first", find(configuration, "first"), first, 1);
  assert_fields("second", find(configuration, "second"), second, 3);
  assert_fields("third", find(configuration, "third"), outside, 4);
  assert_fields("default", find(configuration, "default"), outside, 4);
  configuration_free(configuration);
}

static void append_fields(char *text, size_t size, size_t first, size_t count) {
  for (size_t i = first; i < first + count; i++) {
    size_t length = strlen(text);
    snprintf(text + length, size - length, "Field \"/a\" \"gauge\" \"%zu\"\n",
             i);
  }
}

/* The text has as many fields outside any account, and in one after that. */
static void write_fields(char *text, size_t size, size_t outside,
                         size_t inside) {
  snprintf(text, size, "%s", KEY TASK);
  append_fields(text, size, 0, outside);
  strncat(text, "<Account \"a\">\n", size - strlen(text) - 1);
  append_fields(text, size, outside, inside);
  strncat(text, "</Account>\n", size - strlen(text) - 1);
}

static void test_count_of_fields(void **state) {
  char text[4096];
  struct error_case error = {
      text, text, {"Field: an account has at most 32 of them"}};
  (void)state;
  assert_int_equal(STATUS_FIELDS_MAX, 32);
  write_fields(text, sizeof(text), STATUS_FIELDS_MAX, 0);
  configuration_free(parse("all outside", text));
  write_fields(text, sizeof(text), 0, STATUS_FIELDS_MAX);
  configuration_free(parse("all inside", text));
  write_fields(text, sizeof(text), STATUS_FIELDS_MAX - 1, 1);
  configuration_free(parse("one inside", text));
  write_fields(text, sizeof(text), STATUS_FIELDS_MAX + 1, 0);
  assert_errors(&error, 1);
  error.parts[0] = "Account \"a\": Field: an account has at most 32 of them";
  write_fields(text, sizeof(text), STATUS_FIELDS_MAX, 1);
  assert_errors(&error, 1);
  write_fields(text, sizeof(text), 1, STATUS_FIELDS_MAX);
  assert_errors(&error, 1);
}

/* --- Accounts and keys ---------------------------------------------------- */

static void test_bad_accounts(void **state) {
  static const struct error_case errors[] = {
      {"no name", KEY "<Account>\n" TASK "</Account>", {"Account"}},
      {"two names",
       KEY "<Account \"a\" \"b\">\n" TASK "</Account>",
       {"Account"}},
      {"a number", KEY "<Account 5>\n" TASK "</Account>", {"Account"}},
      {"empty", KEY "<Account \"\">\n" TASK "</Account>", {"Account"}},
      {"slash", KEY "<Account \"a/b\">\n" TASK "</Account>", {"Account"}},
      {"default",
       KEY "<Account \"default\">\n" TASK "</Account>",
       {"Account", "default"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

static void test_default_account_only_if_needed(void **state) {
  static const struct {
    const char *name, *text;
    size_t accounts;
  } cases[] = {
      {"nothing", "", 0},
      {"a key only", KEY, 0},
      {"a field only", KEY "Field \"/a\" \"gauge\" \"a\"", 0},
      {"a task", KEY TASK, 1},
      {"a file of tasks", KEY "TaskFile \"f\"", 1},
      {"a file of tasks, the key later", "TaskFile \"f\"\n" KEY, 1},
      {"a task and a file", KEY TASK "TaskFile \"f\"", 1},
      {"a file in an account", IN_ACCOUNT(KEY "TaskFile \"f\"\n"), 1},
      {"an account", KEY "<Account \"a\">\n" TASK "</Account>", 1},
      {"both", KEY "<Account \"a\">\n" TASK "</Account>\n" TASK, 2},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct configuration *configuration = parse(cases[i].name, cases[i].text);
    ASSERT_CASE(cases[i].name,
                configuration->account_count == cases[i].accounts);
    configuration_free(configuration);
  }
}

/* Whose key is it in the end? */
static void test_keys(void **state) {
  static const struct {
    const char *name, *environment, *text;
    const char *default_key, *default_file; /* both NULL: no such account */
    const char *key, *file;                 /* the same of account a */
  } cases[] = {
      {"key", NULL, "APIKey \"k\"\n" TASK, "k", NULL, NULL, NULL},
      {"file", NULL, "APIKeyFile \"f\"\n" TASK, NULL, "f", NULL, NULL},
      {"after the task", NULL, TASK "APIKey \"k\"", "k", NULL, NULL, NULL},
      {"environment", "e", TASK, "e", NULL, NULL, NULL},
      {"environment, overridden by a key", "e", "APIKey \"k\"\n" TASK, "k",
       NULL, NULL, NULL},
      {"environment, overridden by a file", "e", "APIKeyFile \"f\"\n" TASK,
       NULL, "f", NULL, NULL},
      {"bad environment, overridden by a file", "e\n",
       "APIKeyFile \"f\"\n" TASK, NULL, "f", NULL, NULL},
      {"bad environment, overridden by a key", "\x7F", "APIKey \"k\"\n" TASK,
       "k", NULL, NULL, NULL},
      {"empty environment", "", "APIKey \"k\"\n" TASK, "k", NULL, NULL, NULL},
      {"inherited key", NULL, "APIKey \"k\"\n" IN_ACCOUNT(""), NULL, NULL, "k",
       NULL},
      {"inherited file", NULL, "APIKeyFile \"f\"\n" IN_ACCOUNT(""), NULL, NULL,
       NULL, "f"},
      {"inherited environment", "e", IN_ACCOUNT(""), NULL, NULL, "e", NULL},
      {"key by key", NULL, "APIKey \"k\"\n" IN_ACCOUNT("APIKey \"l\"\n") TASK,
       "k", NULL, "l", NULL},
      {"key by file", NULL,
       "APIKey \"k\"\n" IN_ACCOUNT("APIKeyFile \"f\"\n") TASK, "k", NULL, NULL,
       "f"},
      {"file by key", NULL,
       "APIKeyFile \"f\"\n" IN_ACCOUNT("APIKey \"k\"\n") TASK, NULL, "f", "k",
       NULL},
      {"file by file", NULL,
       "APIKeyFile \"f\"\n" IN_ACCOUNT("APIKeyFile \"g\"\n") TASK, NULL, "f",
       NULL, "g"},
      {"environment by file", "e", IN_ACCOUNT("APIKeyFile \"f\"\n") TASK, "e",
       NULL, NULL, "f"},
      {"own key only", NULL, IN_ACCOUNT("APIKey \"k\"\n"), NULL, NULL, "k",
       NULL},
      {"not inherited from below", "e", IN_ACCOUNT("") "APIKey \"k\"\n" TASK,
       "k", NULL, "e", NULL},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    unsetenv(API_KEY_VARIABLE);
    if (cases[i].environment != NULL)
      setenv(API_KEY_VARIABLE, cases[i].environment, 1);
    struct configuration *configuration = parse(cases[i].name, cases[i].text);
    const char *names[] = {"default", "a"};
    const char *keys[] = {cases[i].default_key, cases[i].key};
    const char *files[] = {cases[i].default_file, cases[i].file};
    size_t accounts = 0;
    for (size_t k = 0; k < 2; k++) {
      if (keys[k] == NULL && files[k] == NULL)
        continue;
      const struct account *account = find(configuration, names[k]);
      const char *key = account->options.api_key;
      const char *file = account->options.api_key_file;
      accounts++;
      ASSERT_CASE(cases[i].name, (key == NULL) == (keys[k] == NULL));
      ASSERT_CASE(cases[i].name, (file == NULL) == (files[k] == NULL));
      ASSERT_CASE(cases[i].name, key == NULL || strcmp(key, keys[k]) == 0);
      ASSERT_CASE(cases[i].name, file == NULL || strcmp(file, files[k]) == 0);
    }
    ASSERT_CASE(cases[i].name, configuration->account_count == accounts);
    configuration_free(configuration);
  }
}

static void test_bad_keys(void **state) {
  static const struct error_case errors[] = {
      {"none", TASK, {"APIKey"}},
      {"none in an account", IN_ACCOUNT(""), {"\"a\"", "APIKey"}},
      {"none for the tasks outside", IN_ACCOUNT(KEY) TASK, {"APIKey"}},
      {"none in the second account",
       IN_ACCOUNT(KEY) "<Account \"b\">\nTask \"2\"\n</Account>",
       {"\"b\"", "APIKey"}},
      {"given too late for an account",
       IN_ACCOUNT("") KEY,
       {"\"a\"", "APIKey"}},
      {"both", KEY KEY_FILE TASK, {"APIKey", "APIKeyFile"}},
      {"both, file first", KEY_FILE KEY TASK, {"APIKey", "APIKeyFile"}},
      {"both, apart", KEY TASK KEY_FILE, {"APIKey", "APIKeyFile"}},
      {"both in an account",
       KEY IN_ACCOUNT(KEY KEY_FILE),
       {"\"a\"", "APIKey", "APIKeyFile"}},
      {"both in an account, file first",
       KEY_FILE IN_ACCOUNT(KEY_FILE KEY),
       {"\"a\"", "APIKey", "APIKeyFile"}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

static void test_bad_key_in_environment(void **state) {
  static const char *const keys[] = {SECRET "\n", "\x7F" SECRET,
                                     SECRET "\r\nx-other: 1", "\t"};
  static const struct error_case errors[] = {
      {"default account", TASK, {API_KEY_VARIABLE}},
      {"account", IN_ACCOUNT(""), {API_KEY_VARIABLE}},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(keys); i++) {
    setenv(API_KEY_VARIABLE, keys[i], 1);
    ASSERT_ERRORS(errors);
  }
  setenv(API_KEY_VARIABLE, "", 1);
  static const struct error_case empty = {
      "empty", TASK, {"there is no key", API_KEY_VARIABLE}};
  assert_errors(&empty, 1);
}

/* --- Blocks --------------------------------------------------------------- */

static void test_blocks_add_up(void **state) {
  (void)state;
  struct configuration *configuration = parse("first", KEY TASK);
  assert_int_equal(parse_more(configuration, "Timeout 3\nTask \"id-2\""), 0);
  assert_int_equal(
      parse_more(configuration,
                 "<Account \"a\">\nNotify false\nTask \"id-3\"\n</Account>"),
      0);
  assert_int_equal(parse_more(configuration, "Timeout 4\n"), 0);
  assert_int_equal(mock_log_count(), 0);
  assert_int_equal(configuration->account_count, 2);
  assert_int_equal(task_list_count(configuration->tasks), 3);
  const struct account *outside = find(configuration, "default");
  const struct account *inside = find(configuration, "a");
  assert_int_equal(outside->options.timeout, 4000);
  assert_true(outside->options.notify);
  assert_string_equal(outside->options.api_key, SECRET);
  assert_int_equal(inside->options.timeout, 3000);
  assert_false(inside->options.notify);
  assert_string_equal(inside->options.api_key, SECRET);
  configuration_free(configuration);
}

static void test_empty_blocks(void **state) {
  (void)state;
  struct configuration *configuration = parse("empty", "");
  assert_int_equal(parse_more(configuration, ""), 0);
  assert_int_equal(parse_more(configuration, KEY TASK), 0);
  assert_int_equal(parse_more(configuration, ""), 0);
  assert_int_equal(mock_log_count(), 0);
  assert_int_equal(task_list_count(configuration->tasks), 1);
  configuration_free(configuration);
  configuration_free(NULL);
}

/* More than one thing is wrong: the first one is said, and nothing else. */
static void test_first_error_ends_it(void **state) {
  static const struct error_case errors[] = {
      {"options", KEY "First 1\nSecond 2\n" TASK, {"First"}},
      {"tasks", KEY "Task \"a b\"\nTask \"c d\"", {"a b"}},
      {"account",
       KEY "<Account \"a\">\nFirst 1\n</Account>\nSecond 2",
       {"First"}},
      {"no keys",
       "<Account \"a\">\n</Account>\n<Account \"b\">\n</Account>",
       {"\"a\""}},
  };
  (void)state;
  ASSERT_ERRORS(errors);
}

int main(void) {
#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_default_of_each_option),
      TEST(test_option_in_each_place),
      TEST(test_unknown_options),
      TEST(test_wrong_values),
      TEST(test_option_as_a_block),
      TEST(test_exact_lines),
      TEST(test_bad_urls),
      TEST(test_task_forms),
      TEST(test_bad_tasks),
      TEST(test_bad_values_of_a_task),
      TEST(test_bad_bytes_are_not_logged),
      TEST(test_lengths),
      TEST(test_duplicates),
      TEST(test_duplicate_in_a_later_block),
      TEST(test_same_id_in_two_accounts),
      TEST(test_task_files),
      TEST(test_bad_task_files),
      TEST(test_good_fields),
      TEST(test_bad_fields),
      TEST(test_duplicate_fields),
      TEST(test_inherited_fields),
      TEST(test_count_of_fields),
      TEST(test_bad_accounts),
      TEST(test_default_account_only_if_needed),
      TEST(test_keys),
      TEST(test_bad_keys),
      TEST(test_bad_key_in_environment),
      TEST(test_blocks_add_up),
      TEST(test_empty_blocks),
      TEST(test_first_error_ends_it),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
