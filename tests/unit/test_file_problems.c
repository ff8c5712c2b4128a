/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "file_problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define STEPS_MAX 8

/* What is wrong with a file, a text for each letter. */
static void set(struct file_problems *problems, const void *owner,
                const char *letters) {
  char texts[8][EVENT_DETAIL_SIZE];
  size_t count = strlen(letters);
  assert_true(count <= COUNT(texts));
  for (size_t i = 0; i < count; i++)
    snprintf(texts[i], sizeof(texts[i]), "%c", letters[i]);
  file_problems_set(problems, owner, (const char(*)[EVENT_DETAIL_SIZE])texts,
                    count);
}

/* Tells all there is: "+a -b". */
static void tell_all(struct file_problems *problems, char text[128]) {
  struct event event, again;
  text[0] = '\0';
  while (file_problems_next_event(problems, &event)) {
    assert_true(file_problems_next_event(problems, &again));
    assert_string_equal(again.detail, event.detail);
    assert_true(strlen(text) < 100); /* else there is no end to it */
    strcat(text, text[0] != '\0' ? " " : "");
    strcat(text, event.kind == EVENT_FILE_PROBLEM ? "+" : "-");
    strcat(text, event.detail);
    file_problems_event_done(problems, &event);
  }
}

/* Each step: the file, its problems, and what is told; * if nobody looks. */
static void test_told(void **state) {
  static const struct {
    const char *name;
    struct {
      char file;
      const char *problems, *told;
    } steps[STEPS_MAX];
  } cases[] = {
      {"none", {{'1', "", ""}, {'1', "", ""}}},
      {"once",
       {{'1', "a", "+a"}, {'1', "a", ""}, {'1', "", "-a"}, {'1', "", ""}}},
      {"another one", {{'1', "a", "+a"}, {'1', "b", "+b -a"}, {'1', "", "-b"}}},
      {"more and less",
       {{'1', "ab", "+a +b"},
        {'1', "bc", "+c -a"},
        {'1', "c", "-b"},
        {'1', "abc", "+a +b"},
        {'1', "", "-c -a -b"}}},
      {"again", {{'1', "a", "+a"}, {'1', "", "-a"}, {'1', "a", "+a"}}},
      {"each file for itself",
       {{'1', "a", "+a"},
        {'2', "b", "+b"},
        {'1', "", "-a"},
        {'2', "b", ""},
        {'2', "", "-b"}}},
      {"came and went unheard",
       {{'1', "a", "*"}, {'1', "", ""}, {'1', "a", "*"}, {'1', "b", "+b"}}},
      {"went and came again unheard",
       {{'1', "a", "+a"}, {'1', "", "*"}, {'1', "a", ""}, {'1', "", "-a"}}},
      {"the same line twice",
       {{'1', "aa", "+a"}, {'1', "a", ""}, {'1', "", "-a"}}},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct file_problems problems = {0};
    char text[128];
    for (size_t k = 0; k < STEPS_MAX && cases[i].steps[k].file != 0; k++) {
      set(&problems, &cases[cases[i].steps[k].file - '1'],
          cases[i].steps[k].problems);
      if (strcmp(cases[i].steps[k].told, "*") == 0)
        continue;
      tell_all(&problems, text);
      if (strcmp(text, cases[i].steps[k].told) != 0)
        fail_msg("%s, step %zu: %s", cases[i].name, k + 1, text);
    }
    file_problems_clear(&problems);
  }
}

/* It is over, or back, while it is being told. */
static void test_change_while_telling(void **state) {
  struct file_problems problems = {0};
  struct event event;
  char text[128];
  (void)state;
  set(&problems, &problems, "a");
  assert_true(file_problems_next_event(&problems, &event));
  set(&problems, &problems, "");
  file_problems_event_done(&problems, &event);
  tell_all(&problems, text);
  assert_string_equal(text, "-a");
  set(&problems, &problems, "a");
  tell_all(&problems, text);
  set(&problems, &problems, "");
  assert_true(file_problems_next_event(&problems, &event));
  set(&problems, &problems, "a");
  file_problems_event_done(&problems, &event);
  tell_all(&problems, text);
  assert_string_equal(text, "+a");
  file_problems_clear(&problems);
}

static void test_long_text(void **state) {
  struct file_problems problems = {0};
  char texts[1][EVENT_DETAIL_SIZE];
  struct event event;
  (void)state;
  memset(texts[0], 'x', sizeof(texts[0]) - 1);
  texts[0][sizeof(texts[0]) - 1] = '\0';
  file_problems_set(&problems, texts, (const char(*)[EVENT_DETAIL_SIZE])texts,
                    1);
  assert_true(file_problems_next_event(&problems, &event));
  assert_string_equal(event.detail, texts[0]);
  file_problems_clear(&problems);
  file_problems_clear(&problems);
  assert_false(file_problems_next_event(&problems, &event));
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_told),
      cmocka_unit_test(test_change_while_telling),
      cmocka_unit_test(test_long_text),
  };
  return cmocka_run_group_tests_name("file_problems", tests, NULL, NULL);
}
