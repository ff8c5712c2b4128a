/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "task_list.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The text so many times, to be freed. */
static char *repeat(const char *text, size_t times) {
  size_t length = strlen(text);
  char *repeated = malloc(length * times + 1);
  assert_non_null(repeated);
  for (size_t i = 0; i < times; i++)
    memcpy(repeated + i * length, text, length);
  repeated[length * times] = '\0';
  return repeated;
}

/* Whether a check's answer is the expected one: NULL, or a text with this word
 * in it. */
static bool says(const char *problem, const char *expected) {
  if (expected == NULL || problem == NULL)
    return problem == expected;
  return strstr(problem, expected) != NULL;
}

/* A text, made of a unit so many times, and what is wrong with it. */
struct text_case {
  const char *name, *unit;
  size_t times;
  const char *problem;
};

static void run_text_cases(const char *(*check)(const char *),
                           const struct text_case *cases, size_t count) {
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    char *text = repeat(cases[i].unit, cases[i].times);
    const char *problem = check(text);
    if (!says(problem, cases[i].problem)) {
      print_error("%s: %s\n", cases[i].name, problem ? problem : "is fine");
      failed++;
    }
    free(text);
  }
  assert_int_equal(failed, 0);
}

static void test_id(void **state) {
  static const struct text_case cases[] = {
      {"UUID", "660945d2-6a54-4b8b-8295-aa08f3d432d7", 1, NULL},
      {"one byte", "7", 1, NULL},
      {"exclamation mark, first printable", "!", 1, NULL},
      {"tilde, last printable", "~", 1, NULL},
      {"URL's special characters", "a/b?c=d&e#f%25+;:@", 1, NULL},
      {"quotes and backslash", "\"'\\`", 1, NULL},
      {"dot in it", "a.b", 1, NULL},
      {"three dots", ".", 3, NULL},
      {"dot behind", "a.", 1, NULL},
      {"256 bytes", "x", 256, NULL},

      {"empty", "", 1, "empty"},
      {"257 bytes", "x", 257, "256"},
      {"dot", ".", 1, "relative path"},
      {"two dots", ".", 2, "relative path"},
      {"space", " ", 1, "printable"},
      {"space in it", "a b", 1, "printable"},
      {"space behind", "a ", 1, "printable"},
      {"tab", "a\tb", 1, "printable"},
      {"line feed", "a\n", 1, "printable"},
      {"escape", "\x1B[m", 1, "printable"},
      {"DEL", "a\x7F", 1, "printable"},
      {"UTF-8", "caf\xC3\xA9", 1, "printable"},
      {"Latin-1", "caf\xE9", 1, "printable"},
      {"FF", "\xFF", 1, "printable"},
  };
  (void)state;
  run_text_cases(task_id_check, cases, COUNT(cases));
}

static void test_name(void **state) {
  static const struct text_case cases[] = {
      {"plain", "trailer-fr", 1, NULL},
      {"one byte", "x", 1, NULL},
      {"space", "trailer fr", 1, NULL},
      {"dot", ".", 1, NULL},
      {"UTF-8", "caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", 1, NULL},
      {"no-break space, behind C1", "\xC2\xA0", 1, NULL},
      {"punctuation", "a\\b\"c=d{e}", 1, NULL},
      {"127 bytes", "x", 127, NULL},
      {"126 bytes, 63 characters", "\xC3\xA9", 63, NULL},

      {"empty", "", 1, "empty"},
      {"128 bytes", "x", 128, "127"},
      {"128 bytes, 64 characters", "\xC3\xA9", 64, "127"},
      {"slash", "a/b", 1, "slash"},
      {"slash alone", "/", 1, "slash"},
      {"slash behind", "a/", 1, "slash"},
      {"line feed", "a\nb", 1, "control"},
      {"tab", "\t", 1, "control"},
      {"DEL", "\x7F", 1, "control"},
      {"C1", "a\xC2\x85", 1, "control"},
      {"Latin-1", "caf\xE9", 1, "UTF-8"},
      {"overlong slash", "a\xC0\xAF", 1, "UTF-8"},
      {"surrogate", "\xED\xA0\x80", 1, "UTF-8"},
      {"truncated", "caf\xC3", 1, "UTF-8"},
  };
  (void)state;
  run_text_cases(task_name_check, cases, COUNT(cases));
}

static void test_type(void **state) {
  static const struct text_case cases[] = {
      {"default", TASK_TYPE_DEFAULT, 1, NULL},
      {"dub", "dub", 1, NULL},
      {"dub-alt-format", "dub-alt-format", 1, NULL},
      {"story", "story", 1, NULL},
      {"translated-tts", "translated-tts", 1, NULL},
      {"audio-separation", "audio-separation", 1, NULL},
      {"text-to-sound", "text-to-sound", 1, NULL},
      {"path with digits", "v2/dub/3", 1, NULL},
      {"64 bytes", "x", 64, NULL},

      {"empty", "", 1, "type"},
      {"65 bytes", "x", 65, "type"},
      {"upper case", "Dub", 1, "type"},
      {"space", "dub ", 1, "type"},
      {"line feed", "dub\n", 1, "type"},
      {"dots", "../dub", 1, "type"},
      {"underscore", "project_setup", 1, "type"},
      {"query", "dub?a=b", 1, "type"},
      {"percent", "dub%2f", 1, "type"},
      {"UTF-8", "dub\xC3\xA9", 1, "type"},
      {"slash before", "/dub", 1, "type"},
      {"slash behind", "dub/", 1, "type"},
      {"slash twice", "a//b", 1, "type"},
      {"slash alone", "/", 1, "type"},
  };
  (void)state;
  run_text_cases(task_type_check, cases, COUNT(cases));
}

#define REFUSED (-1)                   /* in place of a time */
#define MORNING INT64_C(1795507200000) /* 2026-11-24T08:00:00Z */
#define HOUR INT64_C(3600000)
#define MINUTE INT64_C(60000)

struct time_case {
  const char *text;
  int64_t expected; /* milliseconds */
};

static void run_time_cases(const struct time_case *cases, size_t count) {
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    int64_t milliseconds = REFUSED;
    if (task_time_parse(cases[i].text, &milliseconds) != NULL)
      milliseconds = REFUSED;
    if (milliseconds != cases[i].expected) {
      print_error("\"%s\": %lld, not %lld\n", cases[i].text,
                  (long long)milliseconds, (long long)cases[i].expected);
      failed++;
    }
  }
  assert_int_equal(failed, 0);
}

static void test_rfc3339(void **state) {
  static const struct time_case cases[] = {
      {"2026-11-24T08:00:00Z", MORNING},
      {"2026-11-24T08:00:00z", MORNING},
      {"2026-11-24t08:00:00Z", MORNING},
      {"2026-11-24 08:00:00Z", MORNING},
      {"2026-11-24T08:00:00+00:00", MORNING},
      {"2026-11-24T08:00:00-00:00", MORNING},
      {"2026-11-24T08:00:00+01:00", MORNING - HOUR},
      {"2026-11-24T08:00:00-08:00", MORNING + 8 * HOUR},
      {"2026-11-24T08:00:00+05:30", MORNING - 5 * HOUR - 30 * MINUTE},
      {"2026-11-24T08:00:00-03:30", MORNING + 3 * HOUR + 30 * MINUTE},
      {"2026-11-24T08:00:00+14:00", MORNING - 14 * HOUR},
      {"2026-11-24T08:00:00-23:59", MORNING + 23 * HOUR + 59 * MINUTE},
      {"2026-11-25T01:00:00+17:00", MORNING},
      {"2026-11-24T08:00:00.5Z", MORNING + 500},
      {"2026-11-24T08:00:00.25Z", MORNING + 250},
      {"2026-11-24T08:00:00.007z", MORNING + 7},
      {"2026-11-24T08:00:00.000000Z", MORNING},
      {"2026-11-24T08:00:00.123456789Z", MORNING + 123},
      {"2026-11-24T08:00:00.1234567890123456789012345678901234Z",
       MORNING + 123},
      {"2026-11-24T08:00:00.250+01:00", MORNING - HOUR + 250},
      {"2026-11-24T23:59:59Z", MORNING + 16 * HOUR - 1000},
      {"2024-02-29T12:00:00Z", INT64_C(1709208000000)},
      {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
      {"1970-01-01T00:00:01Z", 1000},
      {"2038-01-19T03:14:08Z", INT64_C(2147483648000)},
      {"9999-12-31T23:59:59Z", INT64_C(253402300799000)},
  };
  (void)state;
  run_time_cases(cases, COUNT(cases));
}

static void test_bad_rfc3339(void **state) {
  static const struct time_case cases[] = {
      {"", REFUSED},
      {"yesterday", REFUSED},
      {"2026", 2026000}, /* seconds, not a year */
      {"2026-11", REFUSED},
      {"2026-11-24", REFUSED},
      {"2026-11-24T", REFUSED},
      {"2026-11-24T08:00", REFUSED},
      {"2026-11-24T08:00Z", REFUSED},
      {"2026-11-24T08:00:00", REFUSED},
      {"2026-11-24T08:00:00.5", REFUSED},
      {"2026-11-24_08:00:00Z", REFUSED},
      {"2026-11-24T08:00:00 Z", REFUSED},
      {"2026-11-24T08:00:00Zulu", REFUSED},
      {"2026-11-24T08:00:00Z ", REFUSED},
      {" 2026-11-24T08:00:00Z", REFUSED},
      {"2026-11-24T08:00:00Z\n", REFUSED},
      {"2026-11-24T08:00:00UTC", REFUSED},
      {"2026-11-24T08:00:00,5Z", REFUSED},
      {"2026-11-24T08:00:00.5.5Z", REFUSED},
      {"2026-11-24T08:00:00.-5Z", REFUSED},
      {"2026-11-24T08:00:00+01", REFUSED},
      {"2026-11-24T08:00:00+0100", REFUSED},
      {"2026-11-24T08:00:00+1:00", REFUSED},
      {"2026-11-24T08:00:00+01:0", REFUSED},
      {"2026-11-24T08:00:00+01:60", REFUSED},
      {"2026-11-24T08:00:00+01:00x", REFUSED},
      {"2026-11-24T08:00:00+01:00:00", REFUSED},
      {"2026-11-24T08:00:00 01:00", REFUSED},
      {"2026-11-24T08:00:00++1:00", REFUSED},
      {"2026-11-24T08:00:00 +0100", REFUSED},
      {"2026-11-24T08:00:00   +01", REFUSED},
      {"2026-11-24T08:00:00+aa:bb", REFUSED},
      {"2026-11-24T24:00:00Z", REFUSED},
      {"2026-11-24T08:60:00Z", REFUSED},
      {"2026-11-24T08:00:61Z", REFUSED},
      {"2026-11-24T8:00:00Z", REFUSED},
      {"2026-11-24T 8:00:00Z", REFUSED},
      {"26-11-24T08:00:00Z", REFUSED},
      {"12026-11-24T08:00:00Z", REFUSED},
      {"2026-13-01T08:00:00Z", REFUSED},
      {"2026-00-01T08:00:00Z", REFUSED},
      {"2026-1-24T08:00:00Z", REFUSED},
      {"2026-11-00T08:00:00Z", REFUSED},
      {"2026-11-31T08:00:00Z", REFUSED},
      {"2026-02-30T08:00:00Z", REFUSED},
      {"2026-02-29T08:00:00Z", REFUSED},
      {"2100-02-29T08:00:00Z", REFUSED},
      {"2024-02-30T08:00:00Z", REFUSED},
      {"2026/11/24T08:00:00Z", REFUSED},
      {"20261124T080000Z", REFUSED},
      {"2026-W48-2T08:00:00Z", REFUSED},
      {"2026-11-24T08:00:00\xC2\xA0Z", REFUSED},
      {"1970-01-01T00:00:00Z", REFUSED}, /* 0 is "not said" */
      {"1969-12-31T23:59:59Z", REFUSED},
      {"1970-01-01T00:30:00+01:00", REFUSED},
      {"0001-01-01T00:00:00Z", REFUSED},
  };
  (void)state;
  run_time_cases(cases, COUNT(cases));
}

/* RFC 3339, section 5.6: time-secfrac = "." 1*DIGIT, and an offset's hours are
 * a time-hour, 00 to 23. */
static void test_rfc3339_syntax(void **state) {
  static const struct time_case cases[] = {
      {"2026-11-24T08:00:00.Z", REFUSED},
      {"2026-11-24T08:00:00.+01:00", REFUSED},
      {"2026-11-24T08:00:00+24:00", REFUSED},
      {"2026-11-24T08:00:00-99:59", REFUSED},
  };
  (void)state;
  run_time_cases(cases, COUNT(cases));
}

/* RFC 3339, section 5.8, has this very example, but seconds since the epoch
 * have no number for it. */
static void test_leap_second(void **state) {
  static const struct time_case cases[] = {
      {"1990-12-31T23:59:60Z", REFUSED},
      {"1990-12-31T15:59:60-08:00", REFUSED},
  };
  (void)state;
  run_time_cases(cases, COUNT(cases));
}

static void test_epoch_seconds(void **state) {
  static const struct time_case cases[] = {
      {"1795507200", MORNING},
      {"1795507200.0", MORNING},
      {"1795507200.5", MORNING + 500},
      {"1795507200.125", MORNING + 125},
      {"1795507200.0625", MORNING + 63}, /* rounded */
      {"01795507200", MORNING},
      {"1", 1000},
      {"0.001", 1},
      {"253402300799", INT64_C(253402300799000)}, /* the last RFC 3339 has */

      {"0", REFUSED},
      {"0.0", REFUSED},
      {"-1", REFUSED},
      {"-1795507200", REFUSED},
      {"253402300800", REFUSED},
      {"99999999999999999999999999", REFUSED},
      {"1795507200 ", REFUSED},
      {" 1795507200", REFUSED},
      {"+1795507200", REFUSED},
      {"1795507200s", REFUSED},
      {"1795507200,5", REFUSED},
      {"1795507200.5.5", REFUSED},
      {"0x6B05", REFUSED},
      {".", REFUSED},
      {"..", REFUSED},
      {"inf", REFUSED},
      {"nan", REFUSED},
  };
  (void)state;
  run_time_cases(cases, COUNT(cases));
}

static void test_time_from_seconds(void **state) {
  static const struct {
    const char *name;
    double seconds;
    int64_t expected;
  } cases[] = {
      {"a morning", 1795507200, MORNING},
      {"with a fraction", 1795507200.25, MORNING + 250},
      {"a millisecond", 0.001, 1},
      {"the last second", 253402300799.0, INT64_C(253402300799000)},
      {"zero", 0, REFUSED},
      {"minus zero", -0.0, REFUSED},
      {"negative", -1, REFUSED},
      {"past the last", 253402300800.0, REFUSED},
      {"huge", 1e300, REFUSED},
      {"infinite", INFINITY, REFUSED},
      {"minus infinite", -INFINITY, REFUSED},
      {"not a number", NAN, REFUSED},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    int64_t milliseconds = REFUSED;
    if (task_time_from_seconds(cases[i].seconds, &milliseconds) != NULL)
      milliseconds = REFUSED;
    if (milliseconds != cases[i].expected)
      fail_msg("%s: %lld", cases[i].name, (long long)milliseconds);
  }
}

/* A time that is taken is never 0, which would mean that none was given. */
static void test_tiny_time(void **state) {
  int64_t milliseconds = 7;
  (void)state;
  assert_true(task_time_from_seconds(0.0004, &milliseconds) != NULL ||
              milliseconds > 0);
  assert_true(task_time_parse("0.0004", &milliseconds) != NULL ||
              milliseconds > 0);
}

/* One list, to which all of these are added in turn. */
static struct addition {
  const char *name;
  size_t account;
  char id[8], task_name[16], type[16];
  int64_t started;
  const char *problem;
} additions[] = {
    {"first", 0, "id-1", "zebra", "project-setup", MORNING, NULL},
    {"second", 0, "id-2", "ape", "dub", 0, NULL},
    {"same again", 0, "id-1", "zebra", "project-setup", MORNING, "twice"},
    {"same ID", 0, "id-1", "other", "project-setup", 0, "twice"},
    {"same ID of another type", 0, "id-1", "other", "dub", 0, "twice"},
    {"same name", 0, "id-3", "ape", "project-setup", 0, "name"},
    {"same name, other account", 1, "id-3", "ape", "tts", 0, "name"},
    {"same ID, other account", 1, "id-1", "acc-zebra", "tts", 0, NULL},
    {"the same there", 1, "id-1", "acc-other", "tts", 0, "twice"},
    {"name in capitals", 0, "id-4", "Zebra", "tts", 0, NULL},
    {"ID in capitals", 0, "ID-1", "capitals", "tts", 0, NULL},
    {"bad ID", 0, "a b", "bad-id", "tts", 0, "printable"},
    {"bad name", 0, "id-5", "a/b", "tts", 0, "slash"},
    {"bad type", 0, "id-5", "bad-type", "T", 0, "type"},
    {"what was refused, made good", 0, "id-5", "other", "tts", 0, NULL},
    {"an ID that is a name", 0, "zebra", "id-1", "tts", 0, NULL},
    {"far account", 9999, "id-1", "far", "tts", 1, NULL},
};

/* Whether the list is made of exactly those additions, in their order. */
static bool list_is(const struct task_list *list,
                    const struct addition *const *expected, size_t count) {
  if (task_list_count(list) != count)
    return false;
  for (size_t i = 0; i < count; i++) {
    const struct task_definition *definition = task_list_get(list, i);
    if (definition->account != expected[i]->account ||
        definition->started != expected[i]->started ||
        strcmp(definition->id, expected[i]->id) != 0 ||
        strcmp(definition->name, expected[i]->task_name) != 0 ||
        strcmp(definition->type, expected[i]->type) != 0)
      return false;
  }
  return true;
}

static void test_add(void **state) {
  const struct addition *expected[COUNT(additions)];
  size_t count = 0;
  struct task_list *list = task_list_create();
  (void)state;
  assert_non_null(list);
  assert_int_equal(task_list_count(list), 0);
  for (size_t i = 0; i < COUNT(additions); i++) {
    struct addition *addition = &additions[i];
    struct task_definition definition = {addition->account, addition->id,
                                         addition->task_name, addition->type,
                                         addition->started};
    const char *problem = task_list_add(list, &definition);
    if (!says(problem, addition->problem))
      fail_msg("%s: %s", addition->name, problem ? problem : "was added");
    if (problem == NULL)
      expected[count++] = addition;
    if (!list_is(list, expected, count))
      fail_msg("%s: the list is not as it should be", addition->name);
  }
  task_list_free(list);
}

/* The list keeps copies, and its definitions stay where they are. */
static void test_add_copies(void **state) {
  char id[] = "id-1", name[] = "name-1", type[] = "dub";
  struct task_definition definition = {3, id, name, type, 5};
  struct task_list *list = task_list_create();
  (void)state;
  assert_non_null(list);
  assert_null(task_list_add(list, &definition));
  const struct task_definition *kept = task_list_get(list, 0);
  for (size_t i = 2; i < 50; i++) {
    snprintf(id, sizeof(id), "%zu", i);
    snprintf(name, sizeof(name), "%zu", i);
    assert_null(task_list_add(list, &definition));
  }
  memset(type, 'x', sizeof(type) - 1);
  assert_ptr_equal(task_list_get(list, 0), kept);
  assert_string_equal(kept->id, "id-1");
  assert_string_equal(kept->name, "name-1");
  assert_string_equal(kept->type, "dub");
  assert_string_equal(task_list_get(list, 48)->type, "dub");
  assert_int_equal(kept->account, 3);
  assert_int_equal(kept->started, 5);
  task_list_free(list);
}

static void test_many(void **state) {
  enum { MANY = 100000 };
  char id[32], name[32], type[] = "tts";
  struct task_definition definition = {0, id, name, type, 0};
  struct task_list *list = task_list_create();
  (void)state;
  assert_non_null(list);
  for (int i = 0; i < MANY; i++) { /* sorted, the worst for a plain tree */
    snprintf(id, sizeof(id), "id-%06d", i);
    snprintf(name, sizeof(name), "name-%06d", i);
    if (task_list_add(list, &definition) != NULL)
      fail_msg("%s is refused", name);
  }
  assert_int_equal(task_list_count(list), MANY);
  for (int i = 0; i < MANY; i += 997) {
    snprintf(id, sizeof(id), "id-%06d", i);
    snprintf(name, sizeof(name), "name-%06d", i);
    assert_string_equal(task_list_get(list, (size_t)i)->id, id);
    assert_string_equal(task_list_get(list, (size_t)i)->name, name);
    assert_non_null(task_list_add(list, &definition));
    id[0] = 'x'; /* another ID, but the same name */
    assert_non_null(task_list_add(list, &definition));
  }
  assert_int_equal(task_list_count(list), MANY);
  task_list_free(list);
}

static void test_definition_copy(void **state) {
  char id[] = "id", name[] = "name", type[] = "dub";
  struct task_definition definition = {2, id, name, type, MORNING};
  struct task_definition *copy = task_definition_copy(&definition);
  (void)state;
  assert_non_null(copy);
  id[0] = name[0] = type[0] = '#';
  assert_int_equal(copy->account, 2);
  assert_string_equal(copy->id, "id");
  assert_string_equal(copy->name, "name");
  assert_string_equal(copy->type, "dub");
  assert_int_equal(copy->started, MORNING);
  free(copy);
}

/* Freeing nothing is fine; the sanitizer sees if it is not. */
static void test_free_null(void **state) {
  struct task_list *list = task_list_create();
  (void)state;
  assert_non_null(list);
  task_list_free(list);
  task_list_free(NULL);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_id),
      cmocka_unit_test(test_name),
      cmocka_unit_test(test_type),
      cmocka_unit_test(test_rfc3339),
      cmocka_unit_test(test_bad_rfc3339),
      cmocka_unit_test(test_rfc3339_syntax),
      cmocka_unit_test(test_leap_second),
      cmocka_unit_test(test_epoch_seconds),
      cmocka_unit_test(test_time_from_seconds),
      cmocka_unit_test(test_tiny_time),
      cmocka_unit_test(test_add),
      cmocka_unit_test(test_add_copies),
      cmocka_unit_test(test_many),
      cmocka_unit_test(test_definition_copy),
      cmocka_unit_test(test_free_null),
  };
  setenv("TZ", "XXX-05:45", 1); /* far from UTC, which times must not see */
  return cmocka_run_group_tests_name("task_list", tests, NULL, NULL);
}
