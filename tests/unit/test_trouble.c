/* SPDX-License-Identifier: MIT */
/* Spells of trouble, written as scripts of intervals. */
#include "cases.h"
#include "trouble.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INTERVAL 10000 /* milliseconds */
#define START 5000

/* One interval: whether any task has the trouble in it, by x. Returns whether
 * there is a spell at its end. */
static bool play(struct trouble *trouble, bool is_there, int64_t now) {
  if (is_there && trouble->tasks == 0)
    trouble_enter(trouble, "name", "detail", now, INTERVAL);
  else if (!is_there && trouble->tasks > 0)
    trouble_leave(trouble);
  trouble_judge(trouble, now);
  return trouble_is_active(trouble, SCOPE_ACCOUNT);
}

/* x: a task has it; and what there is of spells then. It is over at once at
 * first, and after each further one, twice as long has to be quiet. */
static void test_spells(void **state) {
  static const struct {
    const char *name, *script, *spells;
  } cases[] = {
      {"none", ".....", "....."},
      {"one", ".xxx..", ".xxx.."},
      {"two", "x..x...", "x..x..."},
      {"that comes and goes", "x.x.x.x.x...", "x.x.xxxxxx.."},
      {"the third", "x.x..x....", "x.x..xx..."},
      {"the fourth", "x.x..x...x.......", "x.x..xx..xxxx...."},
      {"within the quiet time is the same", "x.x..x.x.x.x.....",
       "x.x..xxxxxxxx...."},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct trouble trouble = {0};
    char spells[32] = "";
    for (size_t k = 0; cases[i].script[k] != '\0'; k++)
      spells[k] = play(&trouble, cases[i].script[k] == 'x',
                       START + (int64_t)k * INTERVAL)
                      ? 'x'
                      : '.';
    if (strcmp(spells, cases[i].spells) != 0)
      fail_msg("%s: %s", cases[i].name, spells);
  }
}

/* After an hour of quiet, the next one is like the first. */
static void test_forgiven(void **state) {
  struct trouble trouble = {0};
  int64_t now = START;
  (void)state;
  for (int i = 0; i < 40; i++, now += INTERVAL)
    play(&trouble, i % 7 == 0, now);
  now += TROUBLE_QUIET_MAX;
  assert_false(play(&trouble, false, now));
  assert_true(play(&trouble, true, now + INTERVAL));
  assert_false(play(&trouble, false, now + 2L * INTERVAL));
}

/* Each spell begins as soon as the one before is over: what has to be quiet
 * doubles up to the most that it can be. */
static void test_quiet_max(void **state) {
  struct trouble trouble = {0};
  int64_t now = START, most = 0;
  (void)state;
  for (int i = 0; i < 40; i++) {
    assert_true(play(&trouble, true, now));
    assert_true(trouble.quiet <= TROUBLE_QUIET_MAX);
    if (trouble.quiet > most)
      most = trouble.quiet;
    now += trouble.quiet;
    assert_false(play(&trouble, false, now));
  }
  assert_int_equal(most, TROUBLE_QUIET_MAX);
}

/* One that lasts for hours is one, and over at once. */
static void test_long(void **state) {
  struct trouble trouble = {0};
  int64_t now = START;
  (void)state;
  for (int i = 0; i < 10000; i++, now += INTERVAL)
    assert_true(play(&trouble, true, now));
  assert_false(play(&trouble, false, now));
}

/* The first that has it in a spell is remembered. */
static void test_first_name(void **state) {
  struct trouble trouble = {0};
  char detail[2 * EVENT_DETAIL_SIZE];
  (void)state;
  trouble_enter(&trouble, "one", "first", START, INTERVAL);
  trouble_enter(&trouble, "two", "second", START, INTERVAL);
  trouble_leave(&trouble);
  trouble_judge(&trouble, START);
  assert_string_equal(trouble.name, "one");
  trouble_leave(&trouble);
  trouble_judge(&trouble, START);
  assert_string_equal(trouble.detail, "first");
  memset(detail, 'x', sizeof(detail) - 1);
  detail[sizeof(detail) - 1] = '\0';
  trouble_enter(&trouble, "three", detail, START + INTERVAL, INTERVAL);
  assert_string_equal(trouble.name, "three");
  assert_int_equal(strlen(trouble.detail), EVENT_DETAIL_SIZE - 1);
}

/* Ten are named in a spell; then there are many, until it is over. */
static void test_names(void **state) {
  struct trouble trouble = {0};
  (void)state;
  for (int spell = 0; spell < 3; spell++) {
    int64_t now = START + spell * 10L * TROUBLE_QUIET_MAX;
    for (int i = 0; i < TROUBLE_TASKS_NAMED; i++) {
      trouble_enter(&trouble, "name", "detail", now, INTERVAL);
      assert_true(trouble_may_name(&trouble));
      assert_true(trouble_may_name(&trouble)); /* asking costs nothing */
      trouble_name_told(&trouble);
      assert_false(trouble_is_active(&trouble, SCOPE_TASK));
      trouble_leave(&trouble);
    }
    trouble_enter(&trouble, "name", "detail", now, INTERVAL);
    assert_false(trouble_may_name(&trouble));
    assert_true(trouble_is_active(&trouble, SCOPE_TASK));
    trouble_judge(&trouble, now);
    assert_false(trouble_may_name(&trouble));
    trouble_leave(&trouble);
    assert_true(trouble_is_active(&trouble, SCOPE_TASK));
    trouble_judge(&trouble, now);
    assert_false(trouble_is_active(&trouble, SCOPE_TASK));
  }
}

/* How often it is told that it begins or is over in a day of random faults, by
 * how likely there is one in an interval. */
static void test_flapping(void **state) {
  static const double likely[] = {0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99};
  (void)state;
  for (size_t i = 0; i < COUNT(likely); i++) {
    unsigned short dice[3] = {1, 2, 3};
    struct trouble trouble = {0};
    int told = 0;
    bool before = false;
    for (int64_t now = START; now < START + INT64_C(86400000);
         now += INTERVAL) {
      bool active = play(&trouble, erand48(dice) < likely[i], now);
      told += active != before;
      before = active;
    }
    /* of each pair, one begins it and one ends it */
    if (told > 100)
      fail_msg("%g: told %d times", likely[i], told);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spells),     cmocka_unit_test(test_forgiven),
      cmocka_unit_test(test_quiet_max),  cmocka_unit_test(test_long),
      cmocka_unit_test(test_first_name), cmocka_unit_test(test_names),
      cmocka_unit_test(test_flapping),
  };
  return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
