/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "fine_text.h"
#include "status_decoder.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NONE STATUS_RUN_ID_NONE

static struct json_reader reader; /* of all tests */

/* Decodes a copy that is not one byte longer, for the sanitizer to see. */
static const char *decode_fields(const char *body, size_t size,
                                 const char *secret,
                                 const char *const *pointers, size_t count,
                                 struct status_answer *answer) {
  char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, body, size);
  memset(answer, 0x55, sizeof(*answer)); /* what it is not to be left at */
  const char *problem = status_decoder_decode(&reader, copy, size, secret,
                                              pointers, count, answer);
  free(copy);
  return problem;
}

static const char *decode(const char *body, size_t size, const char *secret,
                          struct status_answer *answer) {
  return decode_fields(body, size, secret, NULL, 0, answer);
}

static bool is_invalid(const char *body, size_t size) {
  struct status_answer answer;
  const char *problem = decode(body, size, NULL, &answer);
  return problem != NULL && problem[0] != '\0';
}

static void error_text(const char *body, const char *secret,
                       char text[STATUS_MESSAGE_SIZE]) {
  memset(text, '#', STATUS_MESSAGE_SIZE);
  status_decoder_error_text(&reader, body, strlen(body), secret, text);
}

/* --- The status ----------------------------------------------------------- */

static const struct {
  const char *word;
  enum task_state state;
} words[] = {
    {"PENDING", TASK_PENDING},   {"SUCCESS", TASK_SUCCESS},
    {"ERROR", TASK_ERROR},       {"TIMEOUT", TASK_TIMEOUT},
    {"FAILED", TASK_ERROR},      {"PAYMENT_REQUIRED", TASK_PAYMENT_REQUIRED},
    {"PROCESSING", TASK_PENDING}};

/* Writes the word in one of four cases: as it is, lower, Capitalised, mIxEd. */
static void change_case(const char *word, int way, char *changed) {
  size_t i = 0;
  for (; word[i] != '\0'; i++) {
    bool lower = way == 1 || (way == 2 && i > 0) || (way == 3 && i % 2 == 0);
    changed[i] = (char)(lower ? tolower(word[i]) : word[i]);
  }
  changed[i] = '\0';
}

static void test_states(void **state) {
  static const struct {
    const char *before, *behind;
  } forms[] = {{"\"", "\""},
               {"{\"status\":\"", "\"}"},
               {"{\"status\":\"", "\",\"run_id\":null,\"message\":null}"}};
  (void)state;
  for (size_t i = 0; i < COUNT(words) * COUNT(forms) * 4; i++) {
    size_t word = i / 4 % COUNT(words), form = i / 4 / COUNT(words);
    char status[32], body[256];
    struct status_answer answer;
    change_case(words[word].word, (int)(i % 4), status);
    snprintf(body, sizeof(body), "%s%s%s", forms[form].before, status,
             forms[form].behind);
    const char *problem = decode(body, strlen(body), NULL, &answer);
    if (problem != NULL || answer.state != words[word].state ||
        answer.run_id != NONE || answer.exception_reason[0] != '\0' ||
        answer.message[0] != '\0')
      fail_msg("%s: %s, state %d", body, problem ? problem : "valid",
               (int)answer.state);
  }
}

struct expected {
  enum task_state state;
  int64_t run_id;
  const char *exception_reason, *message;
};

static const struct {
  const char *name, *body;
  struct expected expected;
} answers[] = {
    {"the documentation's sample",
     "{\"status\":\"SUCCESS\",\"run_id\":123}",
     {TASK_SUCCESS, 123, "", ""}},
    {"all fields",
     "{\"status\":\"ERROR\",\"run_id\":5,\"exception_reason\":"
     "\"SOURCE_TOO_LONG\",\"message\":\"too long\"}",
     {TASK_ERROR, 5, "SOURCE_TOO_LONG", "too long"}},
    {"more keys, of all types",
     "{\"a\":[{}],\"status\":\"PENDING\",\"b\":{\"status\":\"ERROR\"},\"c\":"
     "null,\"d\":1.5e3,\"e\":true}",
     {TASK_PENDING, NONE, "", ""}},
    {"nulls",
     "{\"status\":\"PENDING\",\"run_id\":null,\"exception_reason\":null,"
     "\"message\":null,\"detail\":null,\"error\":null}",
     {TASK_PENDING, NONE, "", ""}},
    {"white space all around",
     " \t\r\n{ \"status\" : \"PENDING\" }\r\n \t",
     {TASK_PENDING, NONE, "", ""}},
    {"bare string with white space",
     " \"SUCCESS\" \n",
     {TASK_SUCCESS, NONE, "", ""}},
    {"escaped status",
     "{\"\\u0073tatus\":\"SUC\\u0043ESS\"}",
     {TASK_SUCCESS, NONE, "", ""}},

    {"reason NONE",
     "{\"status\":\"SUCCESS\",\"exception_reason\":\"NONE\"}",
     {TASK_SUCCESS, NONE, "", ""}},
    {"reason NONE of an error",
     "{\"status\":\"ERROR\",\"exception_reason\":\"NONE\"}",
     {TASK_ERROR, NONE, "", ""}},
    {"reason that begins with NONE",
     "{\"status\":\"ERROR\",\"exception_reason\":\"NONEXISTENT\"}",
     {TASK_ERROR, NONE, "NONEXISTENT", ""}},
    {"error for want of payment",
     "{\"status\":\"ERROR\",\"exception_reason\":\"PAYMENT_REQUIRED\"}",
     {TASK_PAYMENT_REQUIRED, NONE, "PAYMENT_REQUIRED", ""}},
    {"failed for want of payment",
     "{\"status\":\"failed\",\"exception_reason\":\"PAYMENT_REQUIRED\","
     "\"message\":\"top up\"}",
     {TASK_PAYMENT_REQUIRED, NONE, "PAYMENT_REQUIRED", "top up"}},
    {"pending with that reason",
     "{\"status\":\"PENDING\",\"exception_reason\":\"PAYMENT_REQUIRED\"}",
     {TASK_PENDING, NONE, "PAYMENT_REQUIRED", ""}},
    {"time-out with that reason",
     "{\"status\":\"TIMEOUT\",\"exception_reason\":\"PAYMENT_REQUIRED\"}",
     {TASK_TIMEOUT, NONE, "PAYMENT_REQUIRED", ""}},
    {"unknown reason",
     "{\"status\":\"ERROR\",\"exception_reason\":\"MOON_PHASE\"}",
     {TASK_ERROR, NONE, "MOON_PHASE", ""}},
    {"reason of another type",
     "{\"status\":\"ERROR\",\"exception_reason\":7}",
     {TASK_ERROR, NONE, "7", ""}},
    {"reason with a control character",
     "{\"status\":\"ERROR\",\"exception_reason\":\"A\\nB\"}",
     {TASK_ERROR, NONE, "A B", ""}},

    {"list of one result", "[{\"run_id\":7}]", {TASK_SUCCESS, 7, "", ""}},
    {"list of results",
     "[{\"run_id\":7,\"x\":null},{\"run_id\":8},{\"run_id\":9}]",
     {TASK_SUCCESS, 7, "", ""}},
    {"list with a numeric string",
     "[{\"run_id\":\"41\"}]",
     {TASK_SUCCESS, 41, "", ""}},
};

static void test_answers(void **state) {
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(answers); i++) {
    const struct expected *expected = &answers[i].expected;
    struct status_answer answer;
    const char *problem =
        decode(answers[i].body, strlen(answers[i].body), NULL, &answer);
    if (problem == NULL && answer.state == expected->state &&
        answer.run_id == expected->run_id &&
        strcmp(answer.exception_reason, expected->exception_reason) == 0 &&
        strcmp(answer.message, expected->message) == 0)
      continue;
    print_error("%s: %s, state %d, run %lld, \"%s\", \"%s\"\n", answers[i].name,
                problem ? problem : "valid", (int)answer.state,
                (long long)answer.run_id, answer.exception_reason,
                answer.message);
    failed++;
  }
  assert_int_equal(failed, 0);
}

static void test_invalid(void **state) {
  static const struct {
    const char *name, *body;
    size_t size;
  } cases[] = {
      {"no bytes", BYTES("")},
      {"white space", BYTES(" \n")},
      {"no status", BYTES("{\"run_id\":123}")},
      {"empty object", BYTES("{}")},
      {"status null", BYTES("{\"status\":null}")},
      {"status a number", BYTES("{\"status\":200}")},
      {"status a boolean", BYTES("{\"status\":true}")},
      {"status an object", BYTES("{\"status\":{\"status\":\"PENDING\"}}")},
      {"status a list", BYTES("{\"status\":[\"PENDING\"]}")},
      {"status empty", BYTES("{\"status\":\"\"}")},
      {"status of another name", BYTES("{\"Status\":\"PENDING\"}")},
      {"an error body", BYTES("{\"error\":\"no key\",\"status\":401}")},
      {"unknown status", BYTES("{\"status\":\"SLEEPING\"}")},
      {"this plugin's own word", BYTES("{\"status\":\"unknown\"}")},
      {"more than a status", BYTES("{\"status\":\"SUCCESSFUL\"}")},
      {"less than a status", BYTES("{\"status\":\"SUCCES\"}")},
      {"white space in a status", BYTES("{\"status\":\" SUCCESS\"}")},
      {"NUL behind a status", BYTES("{\"status\":\"SUCCESS\\u0000\"}")},
      {"unknown bare string", BYTES("\"SLEEPING\"")},
      {"empty bare string", BYTES("\"\"")},
      {"bare unknown", BYTES("\"UNKNOWN\"")},
      {"null", BYTES("null")},
      {"number", BYTES("1")},
      {"boolean", BYTES("true")},

      {"empty list", BYTES("[]")},
      {"list of strings", BYTES("[\"SUCCESS\"]")},
      {"list of numbers", BYTES("[123]")},
      {"list of lists", BYTES("[[{\"run_id\":1}]]")},
      {"list of null", BYTES("[null]")},
      {"list of empty objects", BYTES("[{}]")},
      {"list without run IDs", BYTES("[{\"status\":\"SUCCESS\"}]")},
      {"list with a null run ID", BYTES("[{\"run_id\":null}]")},
      {"list with one other", BYTES("[{\"run_id\":1},{\"run_id\":2},3]")},
      {"list with one of no run ID", BYTES("[{\"run_id\":1},{\"x\":2}]")},

      {"a word", BYTES("SUCCESS")},
      {"HTML", BYTES("<html>502 Bad Gateway</html>")},
      {"single quotes", BYTES("{'status':'PENDING'}")},
      {"comment", BYTES("/* */{\"status\":\"PENDING\"}")},
      {"trailing comma", BYTES("{\"status\":\"PENDING\",}")},
      {"missing comma", BYTES("{\"status\":\"PENDING\" \"a\":1}")},
      {"unquoted key", BYTES("{status:\"PENDING\"}")},
      {"literal in capitals", BYTES("{\"status\":\"PENDING\",\"a\":TRUE}")},
      {"leading zero", BYTES("{\"status\":\"PENDING\",\"a\":01}")},
      {"bad escape", BYTES("{\"status\":\"PENDING\",\"a\":\"\\q\"}")},
      {"bad \\u escape", BYTES("{\"status\":\"PENDING\",\"a\":\"\\u00g0\"}")},
      {"byte order mark", BYTES("\xEF\xBB\xBF{\"status\":\"PENDING\"}")},
      {"trailing bytes", BYTES("{\"status\":\"PENDING\"}x")},
      {"trailing bytes behind space", BYTES("{\"status\":\"PENDING\"} x")},
      {"two values", BYTES("{\"status\":\"PENDING\"}{}")},
      {"trailing brace", BYTES("{\"status\":\"PENDING\"}}")},
      {"behind a bare string", BYTES("\"PENDING\",")},
      {"behind a list", BYTES("[{\"run_id\":1}]]")},
      {"NUL at the end", BYTES("{\"status\":\"PENDING\"}\0")},
      {"NUL at the start", BYTES("\0{\"status\":\"PENDING\"}")},
      {"NUL between", BYTES("{\"status\":\"PENDING\",\0\"a\":1}")},
      {"NUL in a string", BYTES("{\"status\":\"PENDING\",\"a\":\"\0\"}")},
      {"NUL behind a bare string", BYTES("\"PENDING\"\0")},
      {"NUL alone", BYTES("\0")},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++)
    if (!is_invalid(cases[i].body, cases[i].size)) {
      print_error("%s: is valid\n", cases[i].name);
      failed++;
    }
  assert_int_equal(failed, 0);
}

/* An answer that breaks off, wherever that is, is no answer. */
static void test_truncated(void **state) {
  static const char *const bodies[] = {
      "{\"status\":\"ERROR\",\"message\":{\"a\":[true,\"\\u00e9\",1.5]}}",
      "\"SUCCESS\"", "[{\"run_id\":1},{\"run_id\":2}]"};
  (void)state;
  for (size_t i = 0; i < COUNT(bodies); i++) {
    assert_false(is_invalid(bodies[i], strlen(bodies[i])));
    for (size_t size = 0; size < strlen(bodies[i]); size++)
      if (!is_invalid(bodies[i], size))
        fail_msg("%.*s: is valid", (int)size, bodies[i]);
  }
}

static void test_invalid_utf8(void **state) {
  static const struct {
    const char *name, *bytes;
    bool valid;
  } cases[] = {
      {"two bytes", "\xC3\xA9", true},
      {"three bytes", "\xE2\x82\xAC", true},
      {"four bytes", "\xF0\x9F\x98\x80", true},
      {"overlong slash", "\xC0\xAF", false},
      {"overlong in three", "\xE0\x80\xAF", false},
      {"overlong in four", "\xF0\x80\x80\xAF", false},
      {"surrogate", "\xED\xA0\x80", false},
      {"pair of surrogates", "\xED\xA0\xBD\xED\xB8\x80", false},
      {"above U+10FFFF", "\xF4\x90\x80\x80", false},
      {"stray continuation", "\x80", false},
      {"truncated", "\xE2\x82", false},
      {"Latin-1", "\xE9", false},
      {"FF", "\xFF", false},
  };
  static const struct {
    const char *before, *behind;
  } places[] = {{"{\"status\":\"PENDING\",\"message\":\"", "\"}"},
                {"{\"status\":\"PENDING\",\"other\":\"", "\"}"},
                {"{\"status\":\"PENDING\",\"", "\":1}"}};
  (void)state;
  for (size_t i = 0; i < COUNT(cases) * COUNT(places); i++) {
    size_t which = i / COUNT(places), place = i % COUNT(places);
    char body[128];
    snprintf(body, sizeof(body), "%s%s%s", places[place].before,
             cases[which].bytes, places[place].behind);
    if (is_invalid(body, strlen(body)) == cases[which].valid)
      fail_msg("%s, in place %zu", cases[which].name, place);
  }
}

/* --- Its size ------------------------------------------------------------- */

/* A valid body of so many bytes: white space behind, or a long string. */
static char *make_large(size_t size, bool in_string) {
  static const char head[] = "{\"status\":\"SUCCESS\",\"x\":\"", tail[] = "\"}";
  size_t end = size - strlen(tail);
  char *body = malloc(size);
  assert_non_null(body);
  memset(body, in_string ? 'x' : ' ', size);
  memcpy(body, head, strlen(head));
  memcpy(in_string ? body + end : body + strlen(head), tail, strlen(tail));
  return body;
}

static void test_size(void **state) {
  static const struct {
    const char *name;
    size_t size;
    bool in_string, valid;
  } cases[] = {
      {"1 MiB with white space", 1048576, false, true},
      {"1 MiB with a string", 1048576, true, true},
      {"one byte more, white space", 1048577, false, false},
      {"one byte more, string", 1048577, true, false},
      {"2 MiB", 2097152, true, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *body = make_large(cases[i].size, cases[i].in_string);
    bool invalid = is_invalid(body, cases[i].size);
    free(body);
    if (invalid == cases[i].valid)
      fail_msg("%s: %s", cases[i].name, invalid ? "invalid" : "valid");
  }
}

/* A status object whose "x" nests so that there are so many levels of
 * containers in all, with leaf in the innermost. */
static char *make_nested(size_t levels, const char *open, const char *close,
                         const char *leaf) {
  static const char head[] = "{\"status\":\"PENDING\",\"x\":";
  char *body = calloc(1, sizeof(head) + levels * 8 + strlen(leaf) + 2);
  assert_non_null(body);
  strcat(body, head);
  for (size_t i = 1; i < levels; i++)
    strcat(body, open);
  strcat(body, leaf);
  for (size_t i = 1; i < levels; i++)
    strcat(body, close);
  return strcat(body, "}");
}

struct nesting_case {
  const char *name;
  size_t levels;
  const char *open, *close, *leaf;
  bool valid;
};

static void run_nesting_cases(const struct nesting_case *cases, size_t count) {
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    char *body = make_nested(cases[i].levels, cases[i].open, cases[i].close,
                             cases[i].leaf);
    if (is_invalid(body, strlen(body)) == cases[i].valid) {
      print_error("%s: not %s\n", cases[i].name,
                  cases[i].valid ? "valid" : "invalid");
      failed++;
    }
    free(body);
  }
  assert_int_equal(failed, 0);
}

static void test_nesting(void **state) {
  static const struct nesting_case cases[] = {
      {"2 lists", 2, "[", "]", "1", true},
      {"31 lists, empty", 31, "[", "]", "", true},
      {"31 lists with a number", 31, "[", "]", "1", true},
      {"31 objects with a number", 31, "{\"a\":", "}", "1", true},
      {"32 lists, empty", 32, "[", "]", "", true},
      {"33 lists, empty", 33, "[", "]", "", false},
      {"33 lists with a number", 33, "[", "]", "1", false},
      {"33 objects with a number", 33, "{\"a\":", "}", "1", false},
      {"34 lists, empty", 34, "[", "]", "", false},
      {"1000 lists", 1000, "[", "]", "", false},
  };
  (void)state;
  run_nesting_cases(cases, COUNT(cases));
}

/* A number or a string in the innermost is no level of its own. */
static void test_nesting_of_32_levels(void **state) {
  static const struct nesting_case cases[] = {
      {"lists with a number", 32, "[", "]", "1", true},
      {"lists with a string", 32, "[", "]", "\"a\"", true},
      {"lists with two nulls", 32, "[", "]", "null,null", true},
      {"objects with a number", 32, "{\"a\":", "}", "1", true},
  };
  (void)state;
  run_nesting_cases(cases, COUNT(cases));
}

/* --- The run ID ----------------------------------------------------------- */

struct run_id_case {
  const char *json;
  int64_t expected;
};

static void run_run_id_cases(const struct run_id_case *cases, size_t count) {
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    char body[128];
    struct status_answer answer;
    snprintf(body, sizeof(body), "{\"status\":\"SUCCESS\",\"run_id\":%s}",
             cases[i].json);
    const char *problem = decode(body, strlen(body), NULL, &answer);
    if (problem != NULL || answer.run_id != cases[i].expected) {
      print_error("%s: %s, %lld\n", cases[i].json, problem ? problem : "valid",
                  (long long)answer.run_id);
      failed++;
    }
  }
  assert_int_equal(failed, 0);
}

static void test_run_id(void **state) {
  static const struct run_id_case cases[] = {
      {"123", 123},
      {"0", 0},
      {"-1", -1},
      {"4294967296", INT64_C(4294967296)},
      {"9007199254740993", INT64_C(9007199254740993)}, /* no double */
      {"9223372036854775806", INT64_MAX - 1},
      {"\"123\"", 123},
      {"\"0\"", 0},
      {"\"-1\"", -1},
      {"\"9007199254740993\"", INT64_C(9007199254740993)},
      {"\"9223372036854775807\"", INT64_MAX},
      {"123.0", 123},
      {"1e3", 1000},
      {"-2.0", -2},

      {"null", NONE},
      {"true", NONE},
      {"{}", NONE},
      {"[123]", NONE},
      {"1.5", NONE},
      {"1e-3", NONE},
      {"1e300", NONE},
      {"-1e300", NONE},
      {"1e999", NONE},
      {"9223372036854775808", NONE},
      {"18446744073709551615", NONE},
      {"18446744073709551616", NONE},
      {"99999999999999999999999999", NONE},
      {"-9223372036854775809", NONE},
      {"\"9223372036854775808\"", NONE},
      {"\"-9223372036854775809\"", NONE},
      {"\"\"", NONE},
      {"\" \"", NONE},
      {"\"-\"", NONE},
      {"\"garbage\"", NONE},
      {"\"123abc\"", NONE},
      {"\"123 \"", NONE},
      {"\"1.5\"", NONE},
      {"\"0x10\"", NONE},
      {"\"660945d2-6a54\"", NONE},
  };
  (void)state;
  run_run_id_cases(cases, COUNT(cases));
}

/* What fits is a run ID in either form, and a NUL is not a numeric string's
 * end. */
static void test_run_id_edges(void **state) {
  static const struct run_id_case cases[] = {
      {"9223372036854775807", INT64_MAX},
      {"\"123\\u0000abc\"", NONE},
  };
  (void)state;
  run_run_id_cases(cases, COUNT(cases));
}

/* --- Texts ---------------------------------------------------------------- */

struct text_case {
  const char *name, *secret;
  const char *fields; /* of an answer, without braces */
  const char *expected;
};

/* The text is the same in an answer's message and in an error's text. */
static size_t check_text(const struct text_case *text_case) {
  char body[1024], text[STATUS_MESSAGE_SIZE];
  struct status_answer answer;
  snprintf(body, sizeof(body), "{%s}", text_case->fields);
  error_text(body, text_case->secret, text);
  snprintf(body, sizeof(body), "{\"status\":\"ERROR\",%s}", text_case->fields);
  const char *problem = decode(body, strlen(body), text_case->secret, &answer);
  if (problem == NULL && strcmp(answer.message, text_case->expected) == 0 &&
      strcmp(text, text_case->expected) == 0)
    return 0;
  print_error("%s: %s, \"%s\" and \"%s\", not \"%s\"\n", text_case->name,
              problem ? problem : "valid", answer.message, text,
              text_case->expected);
  return 1;
}

static void test_message(void **state) {
  static const struct text_case cases[] = {
      {"string", NULL, "\"message\":\"no such task\"", "no such task"},
      {"empty", NULL, "\"message\":\"\"", ""},
      {"null", NULL, "\"message\":null", ""},
      {"number", NULL, "\"message\":42", "42"},
      {"double", NULL, "\"message\":1.50", "1.50"},
      {"true", NULL, "\"message\":true", "true"},
      {"false", NULL, "\"message\":false", "false"},
      {"list", NULL, "\"message\":[1, \"a\", null]", "[1,\"a\",null]"},
      {"object", NULL, "\"message\":{\"a\": {\"b\": 1}}", "{\"a\":{\"b\":1}}"},
      {"slash in an object", NULL, "\"message\":{\"a\":\"b/c\"}",
       "{\"a\":\"b/c\"}"},
      {"detail", NULL, "\"detail\":\"Not Found\"", "Not Found"},
      {"error", NULL, "\"error\":\"Invalid API key\"", "Invalid API key"},
      {"a 422's detail", NULL,
       "\"detail\":[{\"loc\":[\"path\",0],\"msg\":\"bad\",\"type\":\"v\"}]",
       "[{\"loc\":[\"path\",0],\"msg\":\"bad\",\"type\":\"v\"}]"},
      {"error an object", NULL, "\"error\":{\"code\":5}", "{\"code\":5}"},
      {"detail behind a null message", NULL,
       "\"message\":null,\"detail\":\"d\"", "d"},
      {"message before detail", NULL, "\"detail\":\"d\",\"message\":\"m\"",
       "m"},
      {"other keys", NULL, "\"msg\":\"a\",\"title\":\"b\"", ""},
      {"UTF-8", NULL, "\"message\":\"caf\xC3\xA9 \xF0\x9F\x98\x80\"",
       "caf\xC3\xA9 \xF0\x9F\x98\x80"},
      {"UTF-8 in an object", NULL, "\"message\":{\"\xC3\xA9\":\"\xC3\xA9\"}",
       "{\"\xC3\xA9\":\"\xC3\xA9\"}"},
      {"escapes", NULL, "\"message\":\"caf\\u00e9 \\ud83d\\ude00 \\/\\\"\"",
       "caf\xC3\xA9 \xF0\x9F\x98\x80 /\""},
      {"line feed", NULL, "\"message\":\"a\\nb\\r\\nc\"", "a b  c"},
      {"every kind of control", NULL,
       "\"message\":\"\\u0001\\u001f\\u007f\\u0080\\u009f.\"", "     ."},
      {"raw DEL and C1", NULL, "\"message\":\"a\x7F\xC2\x85.\"", "a  ."},
      {"C1 in an object", NULL, "\"message\":{\"a\":\"\\u0085\"}",
       "{\"a\":\" \"}"},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++)
    failed += check_text(&cases[i]);
  assert_int_equal(failed, 0);
}

/* What a \u escape may not say makes no text that is not fine. */
static void test_odd_escapes(void **state) {
  static const char *const odd[] = {
      "\\ud800",        "\\udc00", "\\ud800\\ud800", "\\udc00\\ud800",
      "\\ud83d\\u0041", "\\u0000", "a\\u0000b",      "\\uffff",
      "\\ud800\\n",     "\\ufeff", "\\u0000\\u0085", "\\udbff\\udfff"};
  static const struct {
    const char *before, *behind;
  } places[] = {{"{\"status\":\"ERROR\",\"message\":\"", "\"}"},
                {"{\"status\":\"ERROR\",\"message\":[\"", "\"]}"},
                {"{\"status\":\"ERROR\",\"exception_reason\":\"", "\"}"}};
  (void)state;
  for (size_t i = 0; i < COUNT(odd) * COUNT(places); i++) {
    char body[128], text[STATUS_MESSAGE_SIZE];
    struct status_answer answer;
    size_t place = i % COUNT(places);
    snprintf(body, sizeof(body), "%s%s%s", places[place].before,
             odd[i / COUNT(places)], places[place].behind);
    error_text(body, NULL, text);
    if (!fine_text(text, sizeof(text)))
      fail_msg("%s: bad error text", body);
    if (decode(body, strlen(body), NULL, &answer) == NULL &&
        (!fine_text(answer.message, sizeof(answer.message)) ||
         !fine_text(answer.exception_reason, sizeof(answer.exception_reason))))
      fail_msg("%s: bad text", body);
  }
}

/* --- Secrets -------------------------------------------------------------- */

static void test_secret(void **state) {
  static const struct text_case cases[] = {
      {"alone", "s3cret", "\"message\":\"s3cret\"", "******"},
      {"in a text", "s3cret", "\"message\":\"key s3cret is bad\"",
       "key ****** is bad"},
      {"in a word", "s3cret", "\"message\":\"xs3cretx\"", "x******x"},
      {"twice", "s3cret", "\"message\":\"s3crets3cret s3cret\"",
       "************ ******"},
      {"in detail", "s3cret", "\"detail\":\"<s3cret>\"", "<******>"},
      {"in error", "s3cret", "\"error\":\"<s3cret>\"", "<******>"},
      {"in an object", "s3cret", "\"detail\":{\"key\":\"s3cret\"}",
       "{\"key\":\"******\"}"},
      {"as an object's key", "s3cret", "\"detail\":{\"s3cret\":1}",
       "{\"******\":1}"},
      {"in a list", "s3cret", "\"detail\":[{\"msg\":\"is s3cret\"}]",
       "[{\"msg\":\"is ******\"}]"},
      {"escaped", "s3cret",
       "\"message\":\"\\u0073\\u0033\\u0063\\u0072\\u0065\\u0074\"", "******"},
      {"escaped in part, in a list", "s3cret", "\"detail\":[\"s\\u0033cret\"]",
       "[\"******\"]"},
      {"a number", "12345", "\"message\":12345", "*****"},
      {"a number in a list", "12345", "\"message\":[12345]", "[*****]"},
      {"with a slash, escaped", "a/b", "\"message\":\"a\\/b\"", "***"},
      {"with a slash, in an object", "a/b", "\"message\":[\"a\\/b\"]",
       "[\"***\"]"},
      {"with a quotation mark", "a\"b", "\"message\":\"<a\\\"b>\"", "<***>"},
      {"with a space", "a b", "\"message\":\"a b\"", "***"},
      {"of UTF-8", "\xC3\xA9\xC3\xA9", "\"message\":\"<\\u00e9\xC3\xA9>\"",
       "<****>"},
      {"of one byte", "s", "\"message\":\"less\"", "le**"},
      {"of stars", "**", "\"message\":\"****\"", "****"},
      {"behind a half of it", "aab", "\"message\":\"aaab\"", "a***"},
      {"in other case", "s3cret", "\"message\":\"S3CRET\"", "S3CRET"},
      {"half of it", "s3cret", "\"message\":\"s3cre\"", "s3cre"},
      {"empty", "", "\"message\":\"as it is\"", "as it is"},
      {"none", NULL, "\"message\":\"as it is\"", "as it is"},
      {"empty, in a list", "", "\"message\":[\"as it is\"]", "[\"as it is\"]"},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++)
    failed += check_text(&cases[i]);
  assert_int_equal(failed, 0);
}

/* A value that is not a string is shown as JSON: what of the secret JSON
 * escapes must not let it through. What stands for it is not said here. */
static void test_secret_that_json_escapes(void **state) {
  static const struct {
    const char *name, *secret, *body, *leak;
  } cases[] = {
      {"quotation mark", "pa\"ss",
       "{\"status\":\"ERROR\",\"message\":{\"key\":\"pa\\\"ss\"}}", "ss"},
      {"quotation mark, in a list", "pa\"ss",
       "{\"status\":\"ERROR\",\"detail\":[\"pa\\\"ss\"]}", "ss"},
      {"backslash", "pa\\ss",
       "{\"status\":\"ERROR\",\"message\":{\"key\":\"pa\\\\ss\"}}", "ss"},
      {"as a key", "pa\"ss",
       "{\"status\":\"ERROR\",\"error\":{\"pa\\\"ss\":1}}", "ss"},
      {"in a reason", "pa\"ss",
       "{\"status\":\"ERROR\",\"exception_reason\":[\"pa\\\"ss\"]}", "ss"},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[STATUS_MESSAGE_SIZE];
    struct status_answer answer;
    const char *body = cases[i].body;
    error_text(body, cases[i].secret, text);
    if (decode(body, strlen(body), cases[i].secret, &answer) != NULL ||
        strstr(answer.message, cases[i].leak) != NULL ||
        strstr(answer.exception_reason, cases[i].leak) != NULL ||
        strstr(text, cases[i].leak) != NULL) {
      print_error("%s: \"%s\", \"%s\" and \"%s\"\n", cases[i].name,
                  answer.message, answer.exception_reason, text);
      failed++;
    }
  }
  assert_int_equal(failed, 0);
}

/* A secret of any bytes leaves fine text behind, whatever that is. */
static void test_secret_of_half_a_character(void **state) {
  static const char body[] =
      "{\"status\":\"ERROR\",\"exception_reason\":\"\xC3\xA9\","
      "\"message\":[\"caf\xC3\xA9\"]}";
  static const char *const secrets[] = {"\xA9", "\xC3", "f\xC3", "\xFF"};
  (void)state;
  for (size_t i = 0; i < COUNT(secrets); i++) {
    char text[STATUS_MESSAGE_SIZE];
    struct status_answer answer;
    error_text(body, secrets[i], text);
    assert_null(decode(BYTES(body), secrets[i], &answer));
    assert_true(fine_text(text, sizeof(text)));
    assert_true(fine_text(answer.message, sizeof(answer.message)));
    assert_true(
        fine_text(answer.exception_reason, sizeof(answer.exception_reason)));
    assert_null(strstr(text, secrets[i]));
    assert_null(strstr(answer.message, secrets[i]));
    assert_null(strstr(answer.exception_reason, secrets[i]));
  }
}

static void test_secret_in_reason(void **state) {
  static const char body[] =
      "{\"status\":\"ERROR\",\"exception_reason\":\"KEY_s3cret_BAD\"}";
  struct status_answer answer;
  (void)state;
  assert_null(decode(BYTES(body), "s3cret", &answer));
  assert_string_equal(answer.exception_reason, "KEY_******_BAD");
  assert_null(decode(BYTES(body), "", &answer));
  assert_string_equal(answer.exception_reason, "KEY_s3cret_BAD");
  assert_null(decode(BYTES(body), NULL, &answer));
  assert_string_equal(answer.exception_reason, "KEY_s3cret_BAD");
}

/* --- Long texts ----------------------------------------------------------- */

/* An answer whose field is padding of so many dots and then the text. */
static void decode_padded(const char *field, size_t padding, const char *text,
                          const char *secret, struct status_answer *answer) {
  char body[2048], dots[1024];
  assert_true(padding < sizeof(dots));
  memset(dots, '.', padding);
  dots[padding] = '\0';
  snprintf(body, sizeof(body), "{\"status\":\"ERROR\",\"%s\":\"%s%s\"}", field,
           dots, text);
  assert_null(decode(body, strlen(body), secret, answer));
}

/* Whether a text of this size is so many dots and as much of tail as fits, at
 * most less bytes short. */
static bool is_cut(const char *text, size_t size, size_t dots, const char *tail,
                   size_t less) {
  size_t length = strlen(text);
  size_t begin = dots < length ? dots : length;
  return fine_text(text, size) && strspn(text, ".") == begin &&
         strncmp(text + begin, tail, length - begin) == 0 &&
         (length == dots + strlen(tail) || length + less >= size - 1);
}

/* Texts are cut between characters, wherever the limit falls, and no shorter
 * than that takes. */
static void test_cut(void **state) {
  static const char tail[] = "\xF0\x9F\x98\x80\xE2\x82\xAC\xC3\xA9z\xF0\x9F\x98"
                             "\x80\xF0\x9F\x98\x80";
  struct status_answer answer;
  (void)state;
  for (size_t i = 0; i < 24; i++) {
    size_t padding = STATUS_MESSAGE_SIZE - i;
    decode_padded("message", padding, tail, NULL, &answer);
    if (!is_cut(answer.message, STATUS_MESSAGE_SIZE, padding, tail, 3))
      fail_msg("behind %zu: \"%s\"", padding, answer.message);
    padding = STATUS_REASON_SIZE - i;
    decode_padded("exception_reason", padding, tail, NULL, &answer);
    if (!is_cut(answer.exception_reason, STATUS_REASON_SIZE, padding, tail, 3))
      fail_msg("behind %zu: \"%s\"", padding, answer.exception_reason);
  }
}

static void test_length(void **state) {
  struct status_answer answer;
  (void)state;
  decode_padded("message", STATUS_MESSAGE_SIZE - 1, "", NULL, &answer);
  assert_int_equal(strlen(answer.message), STATUS_MESSAGE_SIZE - 1);
  decode_padded("message", STATUS_MESSAGE_SIZE - 1, "x", NULL, &answer);
  assert_int_equal(strlen(answer.message), STATUS_MESSAGE_SIZE - 1);
  assert_null(strchr(answer.message, 'x'));
  decode_padded("exception_reason", STATUS_REASON_SIZE - 1, "x", NULL, &answer);
  assert_int_equal(strlen(answer.exception_reason), STATUS_REASON_SIZE - 1);
  assert_null(strchr(answer.exception_reason, 'x'));
}

/* A secret is blanked before the text is cut: no half of it stays. */
static void test_secret_at_the_cut(void **state) {
  static const char secret[] = "s3cret", blank[] = "******";
  struct status_answer answer;
  (void)state;
  for (size_t i = 0; i <= sizeof(secret); i++) {
    size_t padding = STATUS_MESSAGE_SIZE - i;
    decode_padded("message", padding, secret, secret, &answer);
    if (!is_cut(answer.message, STATUS_MESSAGE_SIZE, padding, blank, 0))
      fail_msg("message behind %zu: \"%s\"", padding, answer.message);
    padding = STATUS_REASON_SIZE - i;
    decode_padded("exception_reason", padding, secret, secret, &answer);
    if (!is_cut(answer.exception_reason, STATUS_REASON_SIZE, padding, blank, 0))
      fail_msg("reason behind %zu: \"%s\"", padding, answer.exception_reason);
  }
}

/* --- Error texts ---------------------------------------------------------- */

static void test_error_text(void **state) {
  static const struct {
    const char *name, *body, *expected;
  } cases[] = {
      {"401 as documented", "{\"error\":\"Invalid API key\",\"status\":401}",
       "Invalid API key"},
      {"detail", "{\"detail\":\"Not Found\"}", "Not Found"},
      {"white space around", " {\"detail\":\"Not Found\"}\n", "Not Found"},
      {"a status answer", "{\"status\":\"ERROR\",\"message\":\"m\"}", "m"},
      {"empty", "", ""},
      {"HTML", "<html>502 Bad Gateway</html>", ""},
      {"bare word", "Unauthorized", ""},
      {"empty object", "{}", ""},
      {"null", "null", ""},
      {"number", "5", ""},
      {"list", "[]", ""},
      {"broken off", "{\"detail\":\"Not Found\"", ""},
      {"trailing bytes", "{\"detail\":\"Not Found\"}x", ""},
      {"invalid UTF-8", "{\"detail\":\"\xED\xA0\x80\"}", ""},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char text[STATUS_MESSAGE_SIZE];
    error_text(cases[i].body, NULL, text);
    if (strcmp(text, cases[i].expected) != 0) {
      print_error("%s: \"%s\"\n", cases[i].name, text);
      failed++;
    }
  }
  assert_int_equal(failed, 0);
}

/* The limit on a body is that of an answer, whatever of it is shown. */
static void test_error_text_of_a_large_body(void **state) {
  static const char head[] = "{\"detail\":\"", tail[] = "\"} ";
  char text[STATUS_MESSAGE_SIZE];
  char *body = malloc(STATUS_BODY_MAX + 1);
  (void)state;
  assert_non_null(body);
  memset(body, 'x', STATUS_BODY_MAX + 1);
  memcpy(body, head, strlen(head));
  memcpy(body + STATUS_BODY_MAX - 2, tail, strlen(tail));
  status_decoder_error_text(&reader, body, STATUS_BODY_MAX, NULL, text);
  assert_int_equal(strspn(text, "x"), STATUS_MESSAGE_SIZE - 1);
  status_decoder_error_text(&reader, body, STATUS_BODY_MAX + 1, NULL, text);
  free(body);
  assert_string_equal(text, "");
}

/* What a new state of the API's would be called is worth knowing. */
static void test_unknown_status_is_told(void **state) {
  static const struct {
    const char *body, *message;
  } cases[] = {
      {"{\"status\":\"HALF_DONE\"}", "HALF_DONE"},
      {"\"HALF_DONE\"", "HALF_DONE"},
      {"{\"status\":\"key:pass\"}", "key:****"},
      {"{\"status\":1,\"message\":\"m\"}", ""},
      {"{\"message\":\"m\"}", ""},
      {"{", ""},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct status_answer answer;
    assert_non_null(status_decoder_decode(&reader, cases[i].body,
                                          strlen(cases[i].body), "pass", NULL,
                                          0, &answer));
    assert_string_equal(answer.message, cases[i].message);
  }
}

/* --- Fields --------------------------------------------------------------- */

static void test_check_pointer(void **state) {
  static const struct {
    const char *pointer;
    bool fine;
  } cases[] = {
      {"", true},        {"/", true},
      {"//", true},      {"/progress", true},
      {"/a/0/b", true},  {"/~0", true},
      {"/~1", true},     {"/~01~10", true},
      {"/a b", true},    {"/caf\xC3\xA9", true},
      {"/%s", true},     {"/\"\\", true},
      {"/-", true},      {"a", false},
      {"#/a", false},    {" /a", false},
      {"~1a", false},    {"/~", false},
      {"/~/a", false},   {"/~2", false},
      {"/a~", false},    {"/~~1", false},
      {"/~0~", false},   {"/\n", false},
      {"/a\x7F", false}, {"/\xC2\x85", false},
      {"/\xFF", false},  {"/\xC0\xAF", false},
      {"\xFF", false},   {"/\xED\xA0\x80", false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *problem = status_decoder_check_pointer(cases[i].pointer);
    if ((problem == NULL) != cases[i].fine ||
        (problem != NULL && problem[0] == '\0'))
      fail_msg("%s: %s", cases[i].pointer, problem ? problem : "fine");
  }
}

#define STATUS "\"status\":\"PENDING\","

static const struct {
  const char *pointer, *body;
  double expected;
} fields[] = {
    /* numbers */
    {"/p", "{" STATUS "\"p\":0}", 0},
    {"/p", "{" STATUS "\"p\":42}", 42},
    {"/p", "{" STATUS "\"p\":-1.5}", -1.5},
    {"/p", "{" STATUS "\"p\":25e-2}", 0.25},
    {"/p", "{" STATUS "\"p\":1e308}", 1e308},
    {"/p", "{" STATUS "\"p\":1e400}", NAN},
    {"/p", "{" STATUS "\"p\":-1e400}", NAN},
    {"/p", "{" STATUS "\"p\":9007199254740993}", 0x1p53},
    {"/p", "{" STATUS "\"p\":9223372036854775807}", 0x1p63},
    {"/p", "{" STATUS "\"p\":9223372036854775808}", 0x1p63},
    {"/p", "{" STATUS "\"p\":12297829382473034410}", 12297829382473034410.0},
    {"/p", "{" STATUS "\"p\":18446744073709551615}", NAN},
    {"/p", "{" STATUS "\"p\":-9223372036854775808}", NAN},
    /* anything else */
    {"/p", "{" STATUS "\"p\":NaN}", NAN},
    {"/p", "{" STATUS "\"p\":Infinity}", NAN},
    {"/p", "{" STATUS "\"p\":-Infinity}", NAN},
    {"/p", "{" STATUS "\"p\":\"42\"}", NAN},
    {"/p", "{" STATUS "\"p\":\"\"}", NAN},
    {"/p", "{" STATUS "\"p\":true}", NAN},
    {"/p", "{" STATUS "\"p\":false}", NAN},
    {"/p", "{" STATUS "\"p\":null}", NAN},
    {"/p", "{" STATUS "\"p\":[42]}", NAN},
    {"/p", "{" STATUS "\"p\":{\"p\":42}}", NAN},
    {"/p", "{" STATUS "\"q\":42}", NAN},
    {"/p", "{" STATUS "\"P\":42}", NAN},
    /* names */
    {"/run_id", "{" STATUS "\"run_id\":7}", 7},
    {"/a/b/c", "{" STATUS "\"a\":{\"b\":{\"c\":3}}}", 3},
    {"/a/b/c", "{" STATUS "\"a\":{\"b\":3}}", NAN},
    {"/a/b/c", "{" STATUS "\"a\":null}", NAN},
    {"/a/0", "{" STATUS "\"a\":\"123\"}", NAN},
    {"/a~1b", "{" STATUS "\"a/b\":1,\"a\":{\"b\":2}}", 1},
    {"/a/b", "{" STATUS "\"a/b\":1,\"a\":{\"b\":2}}", 2},
    {"/m~0n", "{" STATUS "\"m~n\":1}", 1},
    {"/~01", "{" STATUS "\"~1\":1,\"/\":2}", 1},
    {"/~00", "{" STATUS "\"~0\":1,\"~\":2}", 1},
    {"/~10", "{" STATUS "\"/0\":1}", 1},
    {"/%d%s%n", "{" STATUS "\"%d%s%n\":1}", 1},
    {"/caf\xC3\xA9", "{" STATUS "\"caf\\u00e9\":1}", 1},
    {"/ ", "{" STATUS "\" \":1}", 1},
    {"/01", "{" STATUS "\"01\":1}", 1},
    {"/4294967296", "{" STATUS "\"4294967296\":1}", 1},
    {"/", "{" STATUS "\"\":1}", 1},
    {"/a/", "{" STATUS "\"a\":{\"\":1}}", 1},
    {"//a", "{" STATUS "\"\":{\"a\":1}}", 1},
    {"//", "{" STATUS "\"\":{\"\":1}}", 1},
    /* indices */
    {"/a/0", "{" STATUS "\"a\":[5,6,7]}", 5},
    {"/a/2", "{" STATUS "\"a\":[5,6,7]}", 7},
    {"/a/10", "{" STATUS "\"a\":[0,1,2,3,4,5,6,7,8,9,10]}", 10},
    {"/a/1/0/x", "{" STATUS "\"a\":[0,[{\"x\":8}]]}", 8},
    {"/a/3", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/-", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/-1", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/+1", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/ 1", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/1.0", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/00", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/01", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a//", "{" STATUS "\"a\":[[5]]}", NAN},
    {"/a//x", "{" STATUS "\"a\":[{\"x\":5}]}", NAN},
    {"/a/4294967296", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/4294967297/x", "{" STATUS "\"a\":[5,{\"x\":5}]}", NAN},
    {"/a/18446744073709551616", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/length", "{" STATUS "\"a\":[5,6,7]}", NAN},
    {"/a/0", "{" STATUS "\"a\":[null]}", NAN},
    /* the whole answer, and the other kinds of it */
    {"", "{" STATUS "\"p\":42}", NAN},
    {"", "\"PENDING\"", NAN},
    {"/p", "\"PENDING\"", NAN},
    {"/0", "\"PENDING\"", NAN},
    {"/0/run_id", "[{\"run_id\":7},{\"run_id\":8}]", 7},
    {"/1/run_id", "[{\"run_id\":7},{\"run_id\":8}]", 8},
    {"/2/run_id", "[{\"run_id\":7},{\"run_id\":8}]", NAN},
    {"//run_id", "[{\"run_id\":7},{\"run_id\":8}]", NAN},
    {"", "[{\"run_id\":7}]", NAN},
};

static bool is_same(double number, double expected) {
  return isnan(expected) ? isnan(number) : number == expected;
}

static void test_fields(void **state) {
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(fields); i++) {
    const char *pointer = fields[i].pointer, *body = fields[i].body;
    struct status_answer answer;
    assert_null(status_decoder_check_pointer(pointer));
    const char *problem =
        decode_fields(body, strlen(body), NULL, &pointer, 1, &answer);
    if (problem == NULL && is_same(answer.fields[0], fields[i].expected) &&
        isnan(answer.fields[1]))
      continue;
    print_error("\"%s\" of %s: %s, %.17g\n", pointer, body,
                problem ? problem : "valid", answer.fields[0]);
    failed++;
  }
  assert_int_equal(failed, 0);
}

/* Each field is found by its own pointer, and those behind are NAN. */
static void test_many_fields(void **state) {
  static const char body[] =
      "{" STATUS "\"a\":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,"
      "21,22,23,24,25,26,27,28,29,30,31,32]}";
  char texts[STATUS_FIELDS_MAX][16];
  const char *pointers[STATUS_FIELDS_MAX];
  (void)state;
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++) {
    snprintf(texts[i], sizeof(texts[i]), "/%s/%zu", i % 5 == 3 ? "b" : "a",
             STATUS_FIELDS_MAX - i);
    pointers[i] = texts[i];
  }
  for (size_t count = 0; count <= STATUS_FIELDS_MAX; count++) {
    struct status_answer answer;
    assert_null(decode_fields(BYTES(body), NULL, pointers, count, &answer));
    for (size_t i = 0; i < STATUS_FIELDS_MAX; i++) {
      bool is_there = i < count && i % 5 != 3;
      double expected = is_there ? (double)(STATUS_FIELDS_MAX - i) : NAN;
      if (!is_same(answer.fields[i], expected))
        fail_msg("field %zu of %zu: %g", i, count, answer.fields[i]);
    }
  }
}

/* An answer that is not valid has no fields. */
static void test_fields_of_invalid_answers(void **state) {
  static const char *const bodies[] = {
      "{\"p\":1}",
      "{\"status\":\"SLEEPING\",\"p\":1}",
      "{" STATUS "\"p\":1",
      "{" STATUS "\"p\":1}x",
      "[{\"p\":1}]",
      "1",
      "null",
      "",
  };
  static const char *const pointers[] = {"/p", "", "/0/p"};
  (void)state;
  for (size_t i = 0; i < COUNT(bodies); i++) {
    struct status_answer answer;
    assert_non_null(decode_fields(bodies[i], strlen(bodies[i]), NULL, pointers,
                                  COUNT(pointers), &answer));
    for (size_t k = 0; k < STATUS_FIELDS_MAX; k++)
      assert_true(isnan(answer.fields[k]));
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_states),
      cmocka_unit_test(test_unknown_status_is_told),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_invalid),
      cmocka_unit_test(test_truncated),
      cmocka_unit_test(test_invalid_utf8),
      cmocka_unit_test(test_size),
      cmocka_unit_test(test_nesting),
      cmocka_unit_test(test_nesting_of_32_levels),
      cmocka_unit_test(test_run_id),
      cmocka_unit_test(test_run_id_edges),
      cmocka_unit_test(test_message),
      cmocka_unit_test(test_odd_escapes),
      cmocka_unit_test(test_secret),
      cmocka_unit_test(test_secret_that_json_escapes),
      cmocka_unit_test(test_secret_of_half_a_character),
      cmocka_unit_test(test_secret_in_reason),
      cmocka_unit_test(test_cut),
      cmocka_unit_test(test_length),
      cmocka_unit_test(test_secret_at_the_cut),
      cmocka_unit_test(test_error_text),
      cmocka_unit_test(test_error_text_of_a_large_body),
      cmocka_unit_test(test_check_pointer),
      cmocka_unit_test(test_fields),
      cmocka_unit_test(test_many_fields),
      cmocka_unit_test(test_fields_of_invalid_answers),
  };
  int failed = cmocka_run_group_tests_name("status_decoder", tests, NULL, NULL);
  json_reader_clear(&reader);
  return failed;
}
