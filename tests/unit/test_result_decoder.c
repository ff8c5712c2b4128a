/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fine_text.h"
#include "result_decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define URL "https://studio.camb.ai/project/42"

static struct json_reader reader; /* of all tests */

/* Decodes a copy that is not one byte longer, for the sanitizer to see. */
static const char *decode(const char *body, size_t size, const char *secret,
                          struct project_result *result) {
  char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, body, size);
  memset(result, 0x55, sizeof(*result)); /* what it is not to be left at */
  const char *problem =
      result_decoder_decode(&reader, copy, size, secret, result);
  free(copy);
  return problem;
}

static const struct {
  const char *label, *body, *name, *studio_url;
  double duration; /* negative: not given */
} answers[] = {
    {"as the SDK has it",
     "{\"run_id\":42,\"project_details\":{\"project_name\":\"Trailer\","
     "\"project_description\":null,\"created_at\":\"2023-11-07T05:31:56Z\","
     "\"source_language\":1,\"target_languages\":[2,3],\"duration\":61.5,"
     "\"folder_id\":null,\"studio_url\":\"" URL "\"}}",
     "Trailer", URL, 61.5},
    {"as the documentation has it",
     "{\"run_id\":42,\"run_details\":{\"name\":\"Trailer\",\"desc\":\"d\","
     "\"duration\":61.5,\"studio_url\":\"" URL "\"}}",
     "Trailer", URL, 61.5},
    {"names mixed", "{\"project_details\":{\"name\":\"Trailer\"}}", "Trailer",
     "", -1},
    {"names mixed otherwise",
     "{\"run_details\":{\"project_name\":\"Trailer\"}}", "Trailer", "", -1},
    {"without run_id", " {\"project_details\":{\"studio_url\":\"" URL "\"}}\n",
     "", URL, -1},

    {"both objects",
     "{\"run_details\":{\"name\":\"b\",\"duration\":2},"
     "\"project_details\":{\"name\":\"a\",\"duration\":1}}",
     "a", "", 1},
    {"first object null",
     "{\"project_details\":null,\"run_details\":{\"name\":\"b\"}}", "b", "",
     -1},
    {"first object a string",
     "{\"project_details\":\"a\",\"run_details\":{\"name\":\"b\"}}", "b", "",
     -1},
    {"second object null",
     "{\"project_details\":{\"name\":\"a\"},\"run_details\":null}", "a", "",
     -1},
    {"both names",
     "{\"project_details\":{\"name\":\"b\",\"project_name\":\"a\"}}", "a", "",
     -1},
    {"first name null",
     "{\"project_details\":{\"project_name\":null,\"name\":\"b\"}}", "b", "",
     -1},
    {"first name a number",
     "{\"project_details\":{\"project_name\":1,\"name\":\"b\"}}", "b", "", -1},
    {"names outside",
     "{\"name\":\"a\",\"duration\":1,\"studio_url\":\"u\",\"run_details\":{}}",
     "", "", -1},

    {"nothing in it", "{\"project_details\":{}}", "", "", -1},
    {"nulls",
     "{\"project_details\":{\"project_name\":null,\"name\":null,\"studio_url\":"
     "null,\"duration\":null}}",
     "", "", -1},
    {"numbers", "{\"project_details\":{\"project_name\":1,\"studio_url\":2}}",
     "", "", -1},
    {"booleans",
     "{\"project_details\":{\"project_name\":true,\"studio_url\":false,"
     "\"duration\":true}}",
     "", "", -1},
    {"objects",
     "{\"project_details\":{\"project_name\":{\"name\":\"a\"},\"studio_url\":"
     "{},\"duration\":{}}}",
     "", "", -1},
    {"lists",
     "{\"project_details\":{\"project_name\":[\"a\"],\"studio_url\":[\"u\"],"
     "\"duration\":[1]}}",
     "", "", -1},
    {"strings", "{\"project_details\":{\"duration\":\"61.5\"}}", "", "", -1},
    {"empty strings",
     "{\"project_details\":{\"project_name\":\"\",\"studio_url\":\"\"}}", "",
     "", -1},

    {"duration 0", "{\"project_details\":{\"duration\":0}}", "", "", 0},
    {"duration 0.0", "{\"project_details\":{\"duration\":0.0}}", "", "", 0},
    {"duration small", "{\"project_details\":{\"duration\":1e-3}}", "", "",
     1e-3},
    {"duration large",
     "{\"project_details\":{\"duration\":18446744073709551614}}", "", "",
     0x1p64},
    {"duration negative", "{\"project_details\":{\"duration\":-0.5}}", "", "",
     -1},
    {"duration a negative integer", "{\"project_details\":{\"duration\":-7}}",
     "", "", -1},
    {"duration NaN", "{\"project_details\":{\"duration\":NaN}}", "", "", -1},
    {"duration Infinity", "{\"project_details\":{\"duration\":Infinity}}", "",
     "", -1},
    {"duration too large", "{\"project_details\":{\"duration\":1e400}}", "", "",
     -1},
    {"duration wrong, the rest right",
     "{\"project_details\":{\"name\":\"a\",\"duration\":\"x\",\"studio_url\":"
     "\"" URL "\"}}",
     "a", URL, -1},

    {"UTF-8", "{\"run_details\":{\"name\":\"caf\xC3\xA9 \\u20ac\"}}",
     "caf\xC3\xA9 \xE2\x82\xAC", "", -1},
    {"control characters", "{\"run_details\":{\"name\":\"a\\r\\nb\\u0085c\"}}",
     "a  b c", "", -1},
    {"slashes escaped",
     "{\"run_details\":{\"studio_url\":\"https:\\/\\/x\\/y\"}}", "",
     "https://x/y", -1},
    {"NUL in the URL",
     "{\"run_details\":{\"studio_url\":\"https://x\\u0000\"}}", "", "", -1},
};

static void test_answers(void **state) {
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(answers); i++) {
    const char *body = answers[i].body;
    struct project_result result;
    const char *problem = decode(body, strlen(body), NULL, &result);
    bool is_given = answers[i].duration >= 0;
    if (problem == NULL && strcmp(result.name, answers[i].name) == 0 &&
        strcmp(result.studio_url, answers[i].studio_url) == 0 &&
        (is_given ? result.duration == answers[i].duration
                  : result.duration < 0))
      continue;
    print_error("%s: %s, \"%s\", \"%s\", %.17g\n", answers[i].label,
                problem ? problem : "valid", result.name, result.studio_url,
                result.duration);
    failed++;
  }
  assert_int_equal(failed, 0);
}

static void test_invalid(void **state) {
  static const char *const bodies[] = {
      "",
      " ",
      "null",
      "1",
      "true",
      "\"Trailer\"",
      "[]",
      "[{\"project_details\":{\"name\":\"a\",\"duration\":1}}]",
      "{}",
      "{\"run_id\":42}",
      "{\"name\":\"a\",\"studio_url\":\"u\",\"duration\":1}",
      "{\"project_details\":null}",
      "{\"project_details\":null,\"run_details\":null}",
      "{\"project_details\":\"Trailer\"}",
      "{\"project_details\":[{\"name\":\"a\"}]}",
      "{\"run_details\":1}",
      "{\"Project_Details\":{\"name\":\"a\"}}",
      "{\"detail\":\"Not Found\"}",
      "{\"project_details\":{\"name\":\"a\"}",
      "{\"project_details\":{\"name\":\"a\"}}x",
      "{\"project_details\":{\"name\":\"\xED\xA0\x80\"}}",
      "<html>502 Bad Gateway</html>",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(bodies); i++) {
    struct project_result result;
    const char *problem = decode(bodies[i], strlen(bodies[i]), NULL, &result);
    if (problem == NULL || problem[0] == '\0')
      fail_msg("%s: is valid", bodies[i]);
    if (result.name[0] != '\0' || result.studio_url[0] != '\0' ||
        result.duration >= 0)
      fail_msg("%s: says something", bodies[i]);
  }
}

/* An answer that breaks off, wherever that is, is no answer. */
static void test_truncated(void **state) {
  static const char body[] =
      "{\"project_details\":{\"name\":\"\\u00e9\",\"duration\":1.5}}";
  struct project_result result;
  (void)state;
  for (size_t size = 0; size < strlen(body); size++)
    if (decode(body, size, NULL, &result) == NULL)
      fail_msg("%.*s: is valid", (int)size, body);
  assert_null(decode(body, strlen(body), NULL, &result));
}

static void test_size(void **state) {
  static const char head[] = "{\"project_details\":{}}";
  struct project_result result;
  char *body = malloc(JSON_READER_MAX + 1);
  (void)state;
  assert_non_null(body);
  memset(body, ' ', JSON_READER_MAX + 1);
  memcpy(body, head, strlen(head));
  assert_null(decode(body, JSON_READER_MAX, NULL, &result));
  assert_non_null(decode(body, JSON_READER_MAX + 1, NULL, &result));
  free(body);
}

/* Decodes a name and a URL that are so many dots and then a tail. */
static void decode_padded(size_t dots, const char *tail, const char *secret,
                          struct project_result *result) {
  char body[4096], text[1024];
  assert_true(dots + strlen(tail) < sizeof(text));
  memset(text, '.', dots);
  memcpy(text + dots, tail, strlen(tail) + 1);
  snprintf(body, sizeof(body),
           "{\"run_details\":{\"name\":\"%s\",\"studio_url\":\"%s\"}}", text,
           text);
  assert_null(decode(body, strlen(body), secret, result));
}

/* A name is cut between characters; a URL is there as a whole or not. */
static void test_length(void **state) {
  static const char tail[] = "\xF0\x9F\x98\x80\xC3\xA9z";
  struct project_result result;
  (void)state;
  for (size_t dots = RESULT_NAME_SIZE - 12; dots < RESULT_NAME_SIZE + 4;
       dots++) {
    decode_padded(dots, tail, NULL, &result);
    size_t length = strlen(result.name);
    assert_true(fine_text(result.name, sizeof(result.name)));
    assert_true(length == dots + strlen(tail) ||
                length >= RESULT_NAME_SIZE - 4);
    assert_memory_equal(result.name, result.studio_url, length);
  }
  for (size_t dots = RESULT_URL_SIZE - 12; dots < RESULT_URL_SIZE + 4; dots++) {
    size_t length = dots + strlen(tail);
    decode_padded(dots, tail, NULL, &result);
    assert_int_equal(strlen(result.studio_url),
                     length < RESULT_URL_SIZE ? length : 0);
  }
}

static void test_secret(void **state) {
  static const char body[] =
      "{\"project_details\":{\"project_name\":\"a s3cret b\",\"studio_url\":"
      "\"https://x/?key=s3\\u0063ret\"}}";
  struct project_result result;
  (void)state;
  assert_null(decode(body, strlen(body), "s3cret", &result));
  assert_string_equal(result.name, "a ****** b");
  assert_string_equal(result.studio_url, "https://x/?key=******");
  assert_null(decode(body, strlen(body), "", &result));
  assert_string_equal(result.name, "a s3cret b");
  for (size_t dots = RESULT_NAME_SIZE - 8; dots < RESULT_NAME_SIZE; dots++) {
    decode_padded(dots, "s3cret", "s3cret", &result);
    assert_null(strchr(result.name, 's')); /* nor a half of it at the cut */
    assert_null(strchr(result.studio_url, 's'));
  }
}

/* What a \u escape may not say makes no text that is not fine. */
static void test_odd_escapes(void **state) {
  static const char *const odd[] = {"\\ud800",   "\\udc00\\ud800", "\\u0000",
                                    "a\\u0000b", "\\ud83d\\u0041", "\\uffff"};
  (void)state;
  for (size_t i = 0; i < COUNT(odd); i++) {
    struct project_result result;
    decode_padded(0, odd[i], NULL, &result);
    assert_true(fine_text(result.name, sizeof(result.name)));
    assert_true(fine_text(result.studio_url, sizeof(result.studio_url)));
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_answers),     cmocka_unit_test(test_invalid),
      cmocka_unit_test(test_truncated),   cmocka_unit_test(test_size),
      cmocka_unit_test(test_length),      cmocka_unit_test(test_secret),
      cmocka_unit_test(test_odd_escapes),
  };
  int failed = cmocka_run_group_tests_name("result_decoder", tests, NULL, NULL);
  json_reader_clear(&reader);
  return failed;
}
