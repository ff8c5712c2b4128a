/* SPDX-License-Identifier: MIT */
/* What the tests of the decoders do not see of the reader. */
#include "cases.h"
#include "json_reader.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <cmocka.h>

/* One for all tests: nothing of a text may show in the next one. */
static struct json_reader reader;

/* Parses a copy that is not one byte longer, for the sanitizer to see. */
static const char *parse(const char *text, struct json_object **value) {
  static char at_first; /* what *value is not to be left at */
  size_t size = strlen(text);
  char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, text, size);
  *value = (struct json_object *)(void *)&at_first;
  const char *problem = json_reader_parse(&reader, copy, size, value);
  free(copy);
  return problem;
}

/* A value of any type is one, also where only the text's end ends it. */
static void test_values(void **state) {
  static const struct {
    const char *text;
    enum json_type type;
  } cases[] = {
      {"null", json_type_null},
      {" null ", json_type_null},
      {"true", json_type_boolean},
      {"false\n", json_type_boolean},
      {"0", json_type_int},
      {"-12", json_type_int},
      {"12 ", json_type_int},
      {"1.5", json_type_double},
      {"1e3", json_type_double},
      {"\"\"", json_type_string},
      {" \"x\"", json_type_string},
      {"[]", json_type_array},
      {"[null]", json_type_array},
      {"{}", json_type_object},
      {"{\"a\":1}", json_type_object},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct json_object *value;
    const char *problem = parse(cases[i].text, &value);
    if (problem != NULL || json_object_get_type(value) != cases[i].type)
      fail_msg("%s: %s, type %d", cases[i].text, problem ? problem : "valid",
               (int)json_object_get_type(value));
    json_object_put(value);
  }
}

static void test_no_values(void **state) {
  static const char *const texts[] = {
      "",    " ",    "nul",          "nulll",     "null null", "-",
      "1 2", "1e",   "\"",           "[",         "{\"a\":1",  "[1,]",
      "[}",  "\xFF", "\"\xC0\xAF\"", "{\"a\" 1}", "truth",     "\x01",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(texts); i++) {
    struct json_object *value;
    const char *problem = parse(texts[i], &value);
    if (problem == NULL || problem[0] == '\0' || value != NULL)
      fail_msg("\"%s\": %s", texts[i], problem ? problem : "valid");
  }
}

static void test_number(void **state) {
  static const struct {
    const char *text;
    double expected;
  } cases[] = {
      {"0", 0},
      {"-0.0", 0},
      {"1.5", 1.5},
      {"-7", -7},
      {"9007199254740993", 0x1p53},
      {"18446744073709551614", 0x1p64},
      {"18446744073709551615", NAN},
      {"123456789012345678901234567890", NAN},
      {"-9223372036854775807", -0x1p63},
      {"-9223372036854775808", NAN},
      {"1.7976931348623157e308", 1.7976931348623157e308},
      {"1e309", NAN},
      {"NaN", NAN},
      {"Infinity", NAN},
      {"-Infinity", NAN},
      {"null", NAN},
      {"true", NAN},
      {"\"1\"", NAN},
      {"[1]", NAN},
      {"{\"a\":1}", NAN},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct json_object *value;
    assert_null(parse(cases[i].text, &value));
    double number = json_reader_number(value);
    if (isnan(cases[i].expected) ? !isnan(number) : number != cases[i].expected)
      fail_msg("%s: %.17g", cases[i].text, number);
    json_object_put(value);
  }
}

/* Texts into buffers of all sizes, down to that of "" alone. */
static void test_text(void **state) {
  static const struct {
    const char *text, *secret;
    size_t size;
    const char *expected;
  } cases[] = {
      {"\"caf\xC3\xA9\"", NULL, 6, "caf\xC3\xA9"},
      {"\"caf\xC3\xA9\"", NULL, 5, "caf"},
      {"\"caf\xC3\xA9\"", NULL, 1, ""},
      {"\"a\\tb\"", NULL, 8, "a b"},
      {"null", NULL, 8, ""},
      {"true", NULL, 8, "true"},
      {"17", NULL, 8, "17"},
      {"17", NULL, 2, "1"},
      {"{ \"a\" : [ 1 , null ] }", NULL, 32, "{\"a\":[1,null]}"},
      {"{\"a\":\"s3cret\"}", "s3cret", 32, "{\"a\":\"******\"}"},
      {"\"<s3cret>\"", "s3cret", 5, "<***"},
      {"{\"a\":\"s3\\/t\"}", "s3/t", 32, "{\"a\":\"****\"}"},
      {"{\"a\":\"s3\\\"\\/t\"}", "s3\"/t", 32, "{\"a\":\"******\"}"},
      /* a text that holds JSON */
      {"\"{\\\"a\\\":\\\"s3/t\\\"}\"", "s3/t", 32, "{\"a\":\"****\"}"},
      {"\"{\\\"a\\\":\\\"s3\\\\/t\\\"}\"", "s3/t", 32, "{\"a\":\"*****\"}"},
      {"\"{\\\"a\\\":\\\"s3\\\\\\\"t\\\"}\"", "s3\"t", 32, "{\"a\":\"*****\"}"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct json_object *value;
    char *buffer = malloc(cases[i].size);
    assert_non_null(buffer);
    memset(buffer, '#', cases[i].size);
    assert_null(parse(cases[i].text, &value));
    json_reader_text(value, cases[i].secret, buffer, cases[i].size);
    assert_string_equal(buffer, cases[i].expected);
    json_object_put(value);
    free(buffer);
  }
}

/* The text as json-c writes it, which is to be freed. */
static char *read_and_write(const char *text) {
  struct json_object *value;
  assert_null(parse(text, &value));
  char *written = strdup(json_object_to_json_string(value));
  assert_non_null(written);
  json_object_put(value);
  return written;
}

/* Whatever a text is, and wherever it is cut, the next one is read as the first
 * one would be. */
static void test_next_text(void **state) {
  static const char *const texts[] = {
      "{\"a\":[1,-2.5e3,true,null,{\"b\":\"\\ud83d\\ude00 \\n\"},[[]]]}",
      "\"\\udc00\\ud800\"", "\"\\ud83d\\u0041\"", "{\"\\ud83d\":'x'}"};
  static const char next[] = "{\"\\ude00\":[\"\\ude00\\u0042\",1,null]}";
  (void)state;
  json_reader_clear(&reader);
  char *expected = read_and_write(next);
  for (size_t i = 0; i < COUNT(texts); i++)
    for (size_t length = strlen(texts[i]); length > 0; length--) {
      struct json_object *value;
      char *cut = strndup(texts[i], length);
      assert_non_null(cut);
      parse(cut, &value);
      json_object_put(value);
      char *written = read_and_write(next);
      if (strcmp(written, expected) != 0)
        fail_msg("after %s: %s", cut, written);
      free(written);
      free(cut);
    }
  free(expected);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),    cmocka_unit_test(test_no_values),
      cmocka_unit_test(test_number),    cmocka_unit_test(test_text),
      cmocka_unit_test(test_next_text),
  };
  int failed = cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
  json_reader_clear(&reader);
  return failed;
}
