/* SPDX-License-Identifier: MIT */
/* The problems of files that several owners have in common. */
#include "file_problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Owners. */
static const char a[] = "a", b[] = "b";

static struct file_problems problems;

static int reset(void **state) {
  (void)state;
  file_problems_clear(&problems);
  return 0;
}

/* The owner has this problem now, "" for none. */
static void set(const void *owner, const char *text) {
  char texts[1][EVENT_DETAIL_SIZE] = {""};
  snprintf(texts[0], sizeof(texts[0]), "%s", text);
  file_problems_set(&problems, owner, (const char(*)[EVENT_DETAIL_SIZE])texts,
                    text[0] != '\0');
}

/* What is to be told next is this, and nothing for "". */
static struct event expect(const char *text) {
  struct event event = {0};
  bool is_over = strncmp(text, "over: ", 6) == 0;
  assert_int_equal(file_problems_next_event(&problems, &event),
                   text[0] != '\0');
  if (text[0] == '\0')
    return event;
  assert_int_equal(event.kind,
                   is_over ? EVENT_FILE_PROBLEM_OVER : EVENT_FILE_PROBLEM);
  if (is_over)
    text = strchr(text, ' ') + 1;
  assert_string_equal(event.detail, text);
  return event;
}

static void tell(const char *text) {
  struct event event = expect(text);
  file_problems_event_done(&problems, &event);
}

/* One file of two accounts: its problem is one. */
static void test_two_owners(void **state) {
  (void)state;
  set(a, "x");
  set(b, "x");
  tell("x");
  expect("");
  set(a, "");
  expect("");
  set(b, "");
  tell("over: x");
  expect("");
}

/* They look at the file one after the other, and somebody tells meanwhile. */
static void test_two_owners_and_a_quick_teller(void **state) {
  (void)state;
  set(a, "x");
  tell("x");
  set(b, "x");
  expect("");
  set(a, "");
  expect("");
  set(a, "x");
  expect("");
  set(b, "");
  expect("");
  set(a, "");
  tell("over: x");
  expect("");
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, reset, reset)
  const struct CMUnitTest tests[] = {
      TEST(test_two_owners),
      TEST(test_two_owners_and_a_quick_teller),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
