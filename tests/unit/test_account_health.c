/* SPDX-License-Identifier: MIT */
/* How an account is doing, by scripts of answers; that its tasks wait is tested
 * with the tracker. */
#include "account_health.h"
#include "cases.h"

#include "back_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INTERVAL 10000
#define ERROR_INTERVAL_MAX 300000
#define START 5000

struct account {
  struct account_health health;
  uint64_t asked; /* the number of the last request */
  int64_t now;
};

static struct account create_by(int64_t poll_interval_max) {
  struct account account = {.now = START};
  account_health_start(&account.health, INTERVAL, poll_interval_max,
                       ERROR_INTERVAL_MAX);
  return account;
}

static struct account create(void) { return create_by(0); }

static enum outcome outcome_of(char letter) {
  switch (letter) {
  case 'u':
  case 'U': /* as before, for the same task */
    return OUTCOME_UNAUTHORIZED;
  case 'f':
  case 'F': /* so, too */
    return OUTCOME_FORBIDDEN;
  case 'r':
    return OUTCOME_RATE_LIMITED;
  case 'v':
    return OUTCOME_UNAVAILABLE;
  case 's':
    return OUTCOME_SERVER_ERROR;
  case 'n':
    return OUTCOME_NOT_FOUND;
  default:
    return OUTCOME_OK;
  }
}

/* An answer to the request of that number; a capital X is a failed one for what
 * is nice to have. Returns whether the account as a whole waits on it. */
static bool answer_to(struct account *account, char letter, uint64_t asked,
                      int64_t retry_after) {
  const struct account_answer answer = {
      .outcome = letter == 'X' ? OUTCOME_SERVER_ERROR : outcome_of(letter),
      .asked = asked,
      .is_extra = letter == 'X',
      .is_known = letter == 'F' || letter == 'U',
      .seconds = 0.5,
      .retry_after = retry_after,
      .dice = 0};
  return account_health_answer(&account->health, &answer,
                               &(struct round){account->now, account->asked},
                               account->now);
}

/* An interval in which this is answered, all of it asked at once; ~ is still
 * awaited at its end. */
static void play(struct account *account, const char *letters) {
  uint64_t first = account->asked + 1;
  size_t under_way = 0;
  account->asked += strlen(letters);
  for (size_t i = 0; letters[i] != '\0'; i++)
    if (letters[i] == '~')
      under_way++;
    else
      answer_to(account, letters[i], first + i, 0);
  account_health_judge(&account->health, under_way, 0,
                       &(struct round){account->now, account->asked},
                       account->now);
  account_health_begin_interval(&account->health);
  account->now += INTERVAL;
}

/* Tells all; writes it down: R and r for rejected and accepted, B and b for
 * blind and not, A and a for an account's trouble and its end. */
static void tell_all(struct account *account, char text[16]) {
  static const char letters[] = {
      [EVENT_KEY_REJECTED] = 'R',    [EVENT_KEY_ACCEPTED] = 'r',
      [EVENT_BLIND] = 'B',           [EVENT_BLIND_OVER] = 'b',
      [EVENT_ACCOUNT_TROUBLE] = 'A', [EVENT_ACCOUNT_TROUBLE_OVER] = 'a'};
  struct event event = {0};
  size_t length = 0;
  while (account_health_next_event(&account->health, &event)) {
    assert_true(length < 15);
    text[length++] = letters[event.kind];
    account_health_event_done(&account->health, &event);
  }
  text[length] = '\0';
}

/* Rounds, what is told after each, and whether the account is up then. */
static void test_rounds(void **state) {
  static const struct {
    const char *rounds[10];
    const char *told; /* one letter for each round, . for nothing */
    const char *up;
  } cases[] = {
      {{"P", "s", "P", "", "s", ""}, "......", "101100"},
      {{"", "", "P"}, "...", "--1"},
      {{"s", "s", "s", "s", "P", "s", "s", "s"}, "..B.b..B", "00001000"},
      {{"s", "", "s", "", "n", "P"}, "....Bb", "000001"},
      {{"ss", "sP", "ss", "ss", "sP"}, ".....", "01001"},
      {{"r", "v", "r", "P"}, "..Bb", "0001"},
      {{"u", "u", "P"}, "R.r", "001"},
      {{"us", "us", "us", "us"}, "R...", "0000"},
      {{"s", "s", "u", "s", "s", "s", "P"}, "..R..Bb", "0000001"},
      {{"uP", "uP"}, "..", "11"},
      {{"f", "P"}, "Rr", "01"},
      {{"f", "F", "F", "F", "P"}, "R...r", "00001"},
      {{"fP", "F", "F", "F", "P"}, "...Bb", "10001"},
      {{"fs", "Fs", "P"}, "R.r", "001"},
      {{"X", "X", "X", "X", "P", "X"}, "......", "----11"},
      {{"P", "sX", "sX", "sX"}, "...B", "1000"},
      {{"P", "", "u", "", "", "P"}, "..R..r", "110001"},
      /* what is known of a task is not about the key, but while it is tried */
      {{"uP", "P", "U", "U", "U", "P"}, "....Bb", "110001"},
      {{"uP", "U", "P"}, ".Rr", "101"},
      {{"P", "U", "u", "P"}, "..Rr", "1001"},
      /* 403 only, and there may still be a good answer */
      {{"f~", "P", "f"}, "..R", "010"},
      {{"f~", "f~", "P", "f~", "f~", "P"}, "......", "001001"},
      {{"f~", "f~", "f~", "P"}, "..Rr", "0001"},
      {{"f~", "F~", "F~"}, "..R", "000"},
      {{"f~", "s", "P"}, ".Rr", "001"},
      {{"f~", "", "s"}, "..R", "000"},
      {{"fu~", "P"}, "Rr", "01"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account account = create();
    for (size_t k = 0; cases[i].told[k] != '\0'; k++) {
      char text[16];
      play(&account, cases[i].rounds[k]);
      tell_all(&account, text);
      /* the end of one may come with the beginning of another */
      const char expected[] = {
          cases[i].told[k] == '.' ? '\0' : cases[i].told[k], '\0'};
      if (strcmp(text, expected) != 0 &&
          !(expected[0] == 'b' && strcmp(text, "rb") == 0))
        fail_msg("case %zu, round %zu: %s", i + 1, k + 1, text);
      if ("-01"[account.health.up + 1] != cases[i].up[k])
        fail_msg("case %zu, round %zu: up %d", i + 1, k + 1, account.health.up);
    }
  }
}

/* With tasks that are seldom asked, bad rounds alone say little. One letter for
 * each round, B where it is told that the account is blind. */
static void test_blind_with_poll_interval(void **state) {
  static const struct {
    int64_t poll_interval_max;
    const char *rounds, *told;
  } cases[] = {
      {0, "Pssss", "...B."},
      {INTERVAL, "Pssss", "...B."},
      {2L * INTERVAL, "Pssss", "....B"},
      {5L * INTERVAL, "Psssssss", ".......B"},
      {5L * INTERVAL, "PsssPssssssssP", "...........B.b"},
      {5L * INTERVAL, "ssss", "..B."},
      {5L * INTERVAL, "Pu", ".R"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account account = create_by(cases[i].poll_interval_max);
    for (size_t k = 0; cases[i].rounds[k] != '\0'; k++) {
      char text[16];
      play(&account, (const char[]){cases[i].rounds[k], '\0'});
      tell_all(&account, text);
      if (strcmp(text[0] == '\0' ? "." : text,
                 (const char[]){cases[i].told[k], '\0'}) != 0)
        fail_msg("case %zu, round %zu: %s", i + 1, k + 1, text);
    }
  }
}

/* Whether it is for the account to wait, by the answers before. */
static void test_account_waits(void **state) {
  static const struct {
    const char *before;
    char letter;
    bool expected;
  } cases[] = {
      {"P", 'P', false}, {"P", 's', false}, {"P", 'r', true},
      {"P", 'u', true},  {"P", 'U', false}, {"u", 'U', true},
      {"P", 'f', false}, {"P", 'F', false}, {"P", 'X', false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account account = create();
    play(&account, cases[i].before);
    if (answer_to(&account, cases[i].letter, ++account.asked, 0) !=
        cases[i].expected)
      fail_msg("%s, then %c", cases[i].before, cases[i].letter);
  }
}

/* Whether it may be asked, with none and with one under way. */
static void test_may_ask(void **state) {
  static const struct {
    const char *round;
    bool has_key;
    int64_t later; /* milliseconds after the round's begin */
    bool none, one;
  } cases[] = {
      {"P", true, 0, true, true},      {"s", true, 0, true, true},
      {"P", false, 0, false, false},   {"r", true, 0, false, false},
      {"r", true, 7499, false, false}, {"r", true, 7500, true, true},
      {"u", true, 0, false, false},    {"u", true, 7499, false, false},
      {"u", true, 7500, true, false},  {"uP", true, 7500, true, false},
      {"f", true, 7499, false, false}, {"f", true, 7500, true, false},
      {"fP", true, 0, true, true},     {"rP", true, 7499, false, false},
      {"ur", true, 7500, true, false}, {"u", false, 999999, false, false},
      {"U", true, 0, true, true},      {"uU", true, 7500, true, false},
      {"f~", true, 0, true, true},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account account = create();
    int64_t at = account.now + cases[i].later;
    play(&account, cases[i].round);
    account.health.key_available = cases[i].has_key;
    if (account_health_may_ask(&account.health, 0, at) != cases[i].none ||
        account_health_may_ask(&account.health, 1, at) != cases[i].one)
      fail_msg("%s, %lld ms later", cases[i].round, (long long)cases[i].later);
  }
}

static void test_is_held(void **state) {
  struct account account = create();
  (void)state;
  assert_false(account_health_is_held(&account.health, account.now, 60000));
  account.asked = 1;
  answer_to(&account, 'r', 1, 59999);
  assert_false(account_health_is_held(&account.health, account.now, 60000));
  answer_to(&account, 'r', 1, 60000);
  assert_true(account_health_is_held(&account.health, account.now, 60000));
  assert_false(account_health_is_held(&account.health, account.now + 1, 60000));
  account.health.key_available = false;
  assert_true(account_health_is_held(&account.health, account.now + 1, 60000));
}

static void test_record(void **state) {
  static const struct {
    const char *rounds[4];
    bool is_told, rejected, blind;
  } cases[] = {
      {{"P"}, true, false, false},
      {{"u"}, true, true, false},
      {{"u"}, false, false, false},
      {{"s", "s", "s"}, true, false, true},
      {{"s", "s", "s"}, false, false, false},
      {{"s", "s", "s", "u"}, true, true, true},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account account = create(), next = create();
    struct account_record record = {0};
    struct moment now = {.wall = 1795507200000, .steady = START};
    char text[16];
    for (size_t k = 0; k < 4 && cases[i].rounds[k] != NULL; k++)
      play(&account, cases[i].rounds[k]);
    if (cases[i].is_told)
      tell_all(&account, text);
    account_health_record(&account.health, now, &record);
    assert_int_equal(record.key_rejected, cases[i].rejected);
    assert_int_equal(record.blind, cases[i].blind);
    assert_true(record.held_until == 0);
    account_health_restore(&next.health, &record, now);
    tell_all(&next, text);
    assert_string_equal(text, "");
    /* tried at once, but by one request at a time */
    assert_true(account_health_may_ask(&next.health, 0, START));
    assert_int_equal(account_health_may_ask(&next.health, 1, START),
                     !cases[i].rejected);
    play(&next, "P");
    tell_all(&next, text);
    const char *expected = cases[i].rejected ? "rb" : "b";
    if (strncmp(text, expected, strlen(text)) != 0 ||
        strlen(text) != (size_t)cases[i].rejected + cases[i].blind)
      fail_msg("case %zu: %s", i + 1, text);
  }
}

/* A time that is past is none, and one far away, as after the clock was set
 * back, is an hour. */
static void test_restored_hold(void **state) {
  static const int64_t cases[][2] = {{-1, 0},
                                     {0, 0},
                                     {1, 1},
                                     {5000, 5000},
                                     {3600000, 3600000},
                                     {INT64_C(200000000000000), 3600000}};
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account next = create();
    struct moment now = {.wall = 1795507200000, .steady = START};
    struct account_record record = {.held_until = now.wall + cases[i][0]};
    account_health_restore(&next.health, &record, now);
    assert_true(account_health_may_ask(&next.health, 0, START + cases[i][1]));
    if (cases[i][1] > 0)
      assert_false(
          account_health_may_ask(&next.health, 0, START + cases[i][1] - 1));
  }
}

/* It is a trouble that no task has, told once, and over with the hold. */
static void test_restored_hold_is_told(void **state) {
  static const struct {
    int64_t wait;
    const char *rounds[4];
    const char *told; /* at once, and after each round */
  } cases[] = {
      {0, {"", "", "", ""}, "....."},
      {2L * INTERVAL, {"", "", "", ""}, "A..a."},
      {15000, {"", "", "P", "P"}, "A..a."},
      {2L * INTERVAL, {"P", "P", "P", "P"}, "Aa..."},
      {3600000, {"", "s", "", ""}, "A...."},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct account next = create();
    struct moment now = {.wall = 1795507200000, .steady = START};
    struct account_record record = {.held_until = now.wall + cases[i].wait};
    struct event event = {.name = "none"};
    account_health_restore(&next.health, &record, now);
    if (account_health_next_event(&next.health, &event)) {
      assert_int_equal(event.outcome, OUTCOME_RATE_LIMITED);
      assert_string_equal(event.name, "");
      assert_true(event.detail[0] != '\0');
    }
    for (size_t k = 0; k < 5; k++) {
      char text[16];
      if (k > 0)
        play(&next, cases[i].rounds[k - 1]);
      tell_all(&next, text);
      if (strcmp(text[0] == '\0' ? "." : text,
                 (const char[]){cases[i].told[k], '\0'}) != 0)
        fail_msg("case %zu, round %zu: %s", i + 1, k, text);
    }
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rounds),
      cmocka_unit_test(test_blind_with_poll_interval),
      cmocka_unit_test(test_account_waits),
      cmocka_unit_test(test_may_ask),
      cmocka_unit_test(test_is_held),
      cmocka_unit_test(test_record),
      cmocka_unit_test(test_restored_hold),
      cmocka_unit_test(test_restored_hold_is_told),
  };
  return cmocka_run_group_tests_name("account_health", tests, NULL, NULL);
}
