/* SPDX-License-Identifier: MIT */
/* When a task is asked again, and how an account waits as a whole. */
#include "tracker_world.h"

#include "back_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ERROR_INTERVAL_MAX 300000
#define LIMIT (4 * 3600000L)

static const struct tracker_rules rules = {.error_interval_max =
                                               ERROR_INTERVAL_MAX};

static void answer_after(struct world *world, size_t number, char letter,
                         int64_t retry_after) {
  struct poll_answer poll = answer_of_letter(number, letter);
  poll.retry_after = retry_after;
  answer_with(world, number, &poll);
}

static void begin(struct world *world) {
  tracker_begin_round(world->tracker, world->now);
}

/* Takes all tasks of the account that are due, which are so many. */
static void take_some(struct world *world, size_t account, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (take(world, account) < 0)
      fail_msg("%s: %zu due, not %zu", world->name, i, count);
  if (take(world, account) >= 0)
    fail_msg("%s: more than %zu due", world->name, count);
}

/* What was waited is the whole but for the jitter. */
static void check_wait(const struct world *world, int64_t wait, int64_t whole) {
  if (wait < (int64_t)((double)whole * BACK_OFF_LEAST) ||
      wait > (int64_t)((double)whole * BACK_OFF_MOST) + STEP)
    fail_msg("%s: asked after %lld ms", world->name, (long long)wait);
}

/* The n-th wait in a row, in intervals. */
static const int64_t wholes[] = {1, 2, 4, 8, 16, 30, 30, 30};

/* The task, or the account for its only task, waits ever longer; one good
 * answer ends it. */
static void test_doubling(void **state) {
  (void)state;
  for (size_t k = 0; k < LETTER_COUNT; k++) {
    struct world world = world_create_by("0", rules);
    char name[] = {letters[k].letter, '\0'};
    world.name = name;
    begin(&world);
    for (size_t i = 0; i < 2 * COUNT(wholes) + 1; i++) {
      if (letters[k].outcome == OUTCOME_OK)
        break;
      take_some(&world, 0, 1);
      bool good = i == COUNT(wholes);
      answer(&world, 0, good ? 'P' : name[0]);
      world_look(&world);
      int64_t wait = time_until_due(&world, LIMIT);
      if (good)
        assert_int_equal(wait, INTERVAL / 2);
      else
        check_wait(&world, wait, wholes[i % (COUNT(wholes) + 1)] * INTERVAL);
    }
    world_free(&world);
  }
}

/* Different kinds of failure are one back-off. */
static void test_mixed_failures(void **state) {
  struct world world = world_create_by("0", rules);
  (void)state;
  begin(&world);
  for (size_t i = 0; i < 7; i++) {
    take_some(&world, 0, 1);
    answer(&world, 0, "swtinco"[i]);
    world_look(&world);
    check_wait(&world, time_until_due(&world, LIMIT), wholes[i] * INTERVAL);
  }
  world_free(&world);
}

/* By the cap; one that is less than the interval is the interval. */
static void test_cap(void **state) {
  static const struct {
    int64_t most;
    int64_t wholes[4]; /* milliseconds */
  } cases[] = {
      {0, {10000, 10000, 10000, 10000}},
      {5000, {10000, 10000, 10000, 10000}},
      {10000, {10000, 10000, 10000, 10000}},
      {15000, {10000, 15000, 15000, 15000}},
      {40000, {10000, 20000, 40000, 40000}},
  };
  (void)state;
  for (size_t i = 0; i < 2 * COUNT(cases); i++) {
    struct world world = world_create_by(
        "0", (struct tracker_rules){.error_interval_max = cases[i / 2].most});
    begin(&world);
    for (size_t k = 0; k < 4; k++) {
      take_some(&world, 0, 1);
      answer(&world, 0, "sr"[i % 2]);
      check_wait(&world, time_until_due(&world, LIMIT), cases[i / 2].wholes[k]);
    }
    world_free(&world);
  }
}

/* Tasks that failed together are not asked together again. */
static void test_jitter(void **state) {
  struct world world = world_create_by("000000000000", rules);
  size_t times = 0;
  (void)state;
  for (int round = 0; round < 5; round++) {
    begin(&world);
    for (int number; (number = take(&world, 0)) >= 0;)
      answer(&world, (size_t)number, 's');
    pass(&world, ERROR_INTERVAL_MAX);
  }
  pass(&world, -ERROR_INTERVAL_MAX);
  for (size_t left = world.task_count; left > 0; times++) {
    assert_true(time_until_due(&world, LIMIT) >= 0);
    for (; take(&world, 0) >= 0; left--)
      ;
    for (size_t i = 0; i < world.task_count; i++)
      if (world.flying[i] != NULL)
        answer(&world, i, 'S');
  }
  assert_true(times > 6);
  world_free(&world);
}

/* A task in trouble waits its own time, however often another is asked. */
static void test_no_overtaking(void **state) {
  struct world world = world_create_by("00", rules);
  (void)state;
  for (size_t failure = 0; failure < COUNT(wholes); failure++) {
    int64_t begun = world.now.steady;
    begin(&world);
    for (bool asked = false; !asked;) {
      for (int number; (number = take(&world, 0)) >= 0;) {
        answer(&world, (size_t)number, number == 0 ? 's' : 'P');
        asked = asked || number == 0;
      }
      if (asked && failure > 0) {
        int64_t whole = wholes[failure - 1] * INTERVAL;
        assert_in_range(world.now.steady - begun,
                        (int64_t)((double)whole * BACK_OFF_LEAST),
                        (int64_t)((double)whole * BACK_OFF_MOST) + INTERVAL);
      }
      if (asked)
        break;
      pass(&world, 1000);
      begin(&world);
    }
  }
  world_free(&world);
}

/* The times between the polls of a pending task, in intervals. */
static void test_poll_gaps(void **state) {
  static const struct {
    int64_t most; /* milliseconds */
    const char *rounds;
  } cases[] = {
      {0, "PPPPPP"},
      {INTERVAL / 2, "PPPPPP"},
      {INTERVAL, "PPPPPP"},
      {2 * INTERVAL, "PP.P.P.P.P"},
      {4 * INTERVAL, "PP.P...P...P...P"},
      {3 * INTERVAL, "PP.P..P..P"},
      {600000, "PP.P...P.......P...............P"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create_by(
        "0", (struct tracker_rules){.error_interval_max = ERROR_INTERVAL_MAX,
                                    .poll_interval_max = cases[i].most});
    world.name = cases[i].rounds;
    for (const char *c = cases[i].rounds; *c != '\0'; c++)
      play_round(&world, (const char[]){*c, '\0'});
    world_free(&world);
  }
}

/* The gap goes on after a failure, and after the task has been unlisted. */
static void test_poll_gap_and_failure(void **state) {
  struct world world = world_create_by(
      "0", (struct tracker_rules){.error_interval_max = INTERVAL,
                                  .poll_interval_max = 600000});
  (void)state;
  static const char *const rounds[] = {"P", "P", ".", "s", "s",
                                       "P", ".", ".", ".", "P"};
  for (size_t i = 0; i < COUNT(rounds); i++)
    play_round(&world, rounds[i]);
  world_set_listed(&world, 0, false);
  play_round(&world, ".");
  world_set_listed(&world, 0, true);
  for (int i = 0; i < 6; i++)
    play_round(&world, ".");
  play_round(&world, "P");
  world_free(&world);
}

/* --- 429 and 503 ---------------------------------------------------------- */

/* The account as a whole waits, others don't; what the API says counts. */
static void test_limit(void **state) {
  static const struct {
    int64_t retry_after;
    bool is_exact;
  } cases[] = {{0, false}, {1000, true}, {30000, true}, {3600000, true}};
  (void)state;
  for (size_t i = 0; i < 2 * COUNT(cases); i++) {
    struct world world = world_create_by("0001", rules);
    char letter = "rv"[i % 2];
    int64_t retry_after = cases[i / 2].retry_after;
    begin(&world);
    take_some(&world, 0, 3);
    take_some(&world, 1, 1);
    answer(&world, 0, 'P');
    answer_after(&world, 1, letter, retry_after);
    answer(&world, 2, 'P');
    answer(&world, 3, 'S');
    int64_t wait = time_until_due(&world, LIMIT);
    if (!cases[i / 2].is_exact)
      check_wait(&world, wait, INTERVAL);
    else if (retry_after > INTERVAL)
      assert_in_range(wait, retry_after, retry_after + STEP);
    else /* its tasks are due with the next round only */
      assert_in_range(wait, INTERVAL / 2, INTERVAL / 2 + STEP);
    world_free(&world);
  }
}

static void test_limit_of_one_account(void **state) {
  struct world world = world_create_by("01", rules);
  (void)state;
  begin(&world);
  take_some(&world, 0, 1);
  take_some(&world, 1, 1);
  answer_after(&world, 0, 'r', 35000);
  answer(&world, 1, 'P');
  end_round(&world);
  play_round(&world, ".P");
  play_round(&world, ".P");
  play_round(&world, ".P");
  play_round(&world, "PP");
  world_free(&world);
}

/* Answers to what was asked together are one failure, and a longer time that is
 * said counts, in whatever order they come. */
static void test_limit_in_a_burst(void **state) {
  static const struct {
    const char *letters;
    int64_t retry_after[4];
    int64_t least, most; /* 0: by the back-off */
  } cases[] = {
      {"rrrr", {0, 0, 0, 0}, 0, INTERVAL},
      {"vrvr", {0, 0, 0, 0}, 0, INTERVAL},
      {"rPPP", {0, 0, 0, 0}, 0, INTERVAL},
      {"PrPP", {0, 0, 0, 0}, 0, INTERVAL},
      {"PPPr", {0, 0, 0, 0}, 0, INTERVAL},
      {"rrrr", {20000, 0, 0, 0}, 20000, 0},
      {"rrrr", {20000, 60000, 30000, 0}, 60000, 0},
      {"rrrr", {0, 60000, 0, 0}, 60000, 0},
      {"rPrP", {60000, 0, 20000, 0}, 60000, 0},
      {"rsnw", {60000, 0, 0, 0}, 60000, 0},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create_by("0000", rules);
    world.name = cases[i].letters;
    begin(&world);
    take_some(&world, 0, 4);
    for (size_t k = 0; k < 4; k++)
      answer_after(&world, k, cases[i].letters[k], cases[i].retry_after[k]);
    world_look(&world);
    int64_t wait = time_until_due(&world, LIMIT);
    if (cases[i].least == 0)
      check_wait(&world, wait, cases[i].most);
    else
      assert_in_range(wait, cases[i].least, cases[i].least + STEP);
    world_free(&world);
  }
}

/* Late answers to what was asked before the limit neither end nor lengthen it;
 * a second one, after it, doubles it. */
static void test_limit_and_late_answers(void **state) {
  struct world world = world_create_by("0000", rules);
  (void)state;
  world.name = "late answers";
  begin(&world);
  take_some(&world, 0, 4);
  answer(&world, 0, 'r');
  pass(&world, 3000);
  answer(&world, 1, 'P');
  answer(&world, 2, 'r');
  take_some(&world, 0, 0);
  check_wait(&world, time_until_due(&world, LIMIT) + 3000, INTERVAL);
  take_some(&world, 0, 3);
  answer(&world, 3, 'r'); /* very late */
  answer(&world, 0, 'v');
  answer(&world, 1, 'r');
  answer(&world, 2, 'P');
  check_wait(&world, time_until_due(&world, LIMIT), 2L * INTERVAL);
  take_some(&world, 0, 4);
  answer(&world, 0, 'P'); /* that ends it */
  for (size_t i = 1; i < 4; i++)
    answer(&world, i, 'P');
  assert_int_equal(time_until_due(&world, LIMIT), INTERVAL / 2);
  take_some(&world, 0, 4);
  answer(&world, 0, 'r');
  for (size_t i = 1; i < 4; i++)
    answer(&world, i, 'P');
  check_wait(&world, time_until_due(&world, LIMIT), INTERVAL);
  world_free(&world);
}

/* What is said outlives the daemon; a back-off of its own does not. */
static void test_limit_restored(void **state) {
  static const struct {
    int64_t retry_after[2], held_until; /* after the start; 0: not */
  } cases[] = {{{0, 0}, 0},
               {{40000, 0}, 40000},
               {{40000, 90000}, 90000},
               {{40000, -1}, 0}}; /* -1: a new limit, nothing said */
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create_by("00", rules);
    struct account_record record;
    begin(&world);
    take_some(&world, 0, 2);
    answer_after(&world, 0, 'r', cases[i].retry_after[0]);
    if (cases[i].retry_after[1] >= 0) {
      answer_after(&world, 1, 'r', cases[i].retry_after[1]);
    } else {
      answer(&world, 1, 'P');
      assert_true(time_until_due(&world, LIMIT) >= 0);
      take_some(&world, 0, 2);
      answer(&world, 1, 'r');
      answer(&world, 0, 'r');
    }
    tracker_record_account(world.tracker, 0, world.now, &record);
    assert_true(record.held_until ==
                (cases[i].held_until == 0
                     ? 0
                     : world_start.wall + cases[i].held_until));
    world_restart(&world);
    assert_in_range(time_until_due(&world, LIMIT), cases[i].held_until,
                    cases[i].held_until + STEP);
    world_free(&world);
  }
}

/* --- 401 and 403 ---------------------------------------------------------- */

/* Lets an account's probes be answered, each after its wait, and writes down
 * whom they ask. */
static void probe(struct world *world, size_t first, const char *script,
                  char asked[16]) {
  size_t count = 0;
  for (; script[count] != '\0'; count++) {
    int64_t wait = time_until_due(world, LIMIT);
    check_wait(world, wait, wholes[first + count] * INTERVAL);
    int number = take(world, 0);
    if (number < 0 || take(world, 0) >= 0)
      fail_msg("%s: not one probe", world->name);
    asked[count] = (char)('0' + number);
    answer(world, (size_t)number, script[count]);
    world_look(world);
  }
  asked[count] = '\0';
}

static void burst(struct world *world, const char *script) {
  begin(world);
  take_some(world, 0, strlen(script));
  for (size_t i = 0; script[i] != '\0'; i++)
    answer(world, i, script[i]);
  world_look(world);
}

/* One probe at a time, another task each time, on one back-off. */
static void test_probes(void **state) {
  static const struct {
    const char *first, *probes, *asked;
    size_t good; /* how many are asked after a good answer */
  } cases[] = {
      {"uuuu", "uuuuuP", "012301", 3},
      {"uuuu", "P", "0", 3},
      {"uPuP", "uuP", "012", 3}, /* 401 once is enough */
      {"PPPu", "uuP", "012", 3},
      {"uuuu", "uswiP", "01230", 0}, /* other failures prove nothing */
      {"u", "uuuP", "0000", 0},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world =
        world_create_by(&"0000"[4 - strlen(cases[i].first)], rules);
    char asked[16];
    world.name = cases[i].probes;
    burst(&world, cases[i].first);
    probe(&world, 0, cases[i].probes, asked);
    if (strcmp(asked, cases[i].asked) != 0)
      fail_msg("%s: asks %s", world.name, asked);
    if (cases[i].good > 0)
      take_some(&world, 0, cases[i].good);
    world_free(&world);
  }
}

/* A probe that is under way is the only one, however long it takes. */
static void test_slow_probe(void **state) {
  struct world world = world_create_by("000", rules);
  (void)state;
  play_round(&world, "uuu");
  play_round(&world, "~..");
  for (int i = 0; i < 50; i++)
    play_round(&world, "...");
  answer(&world, 0, 'P');
  play_round(&world, "PPP");
  world_free(&world);
}

/* Another key is tried at once, by one probe; so for 403. */
static void test_new_key(void **state) {
  static const struct {
    const char *first, *probes;
  } cases[] = {{"uuu", "uuuuu"}, {"fff", ""}, {"fff", "f"}, {"uuu", ""}};
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create_by("000", rules);
    char asked[16];
    world.name = cases[i].first;
    burst(&world, cases[i].first);
    probe(&world, 0, cases[i].probes, asked);
    pass(&world, INTERVAL / 2); /* a round is no sooner */
    tracker_set_key(world.tracker, 0, true, true);
    begin(&world);
    take_some(&world, 0, 1);
    for (size_t k = 0; k < 3; k++)
      if (world.flying[k] != NULL)
        answer(&world, k, 'u'); /* nor does this one work */
    world_look(&world);
    check_wait(&world, time_until_due(&world, LIMIT), INTERVAL);
    tracker_set_key(world.tracker, 0, true, true);
    begin(&world);
    int number = take(&world, 0);
    assert_true(number >= 0 && take(&world, 0) < 0);
    answer(&world, (size_t)number, 'P');
    take_some(&world, 0, 2);
    world_free(&world);
  }
}

/* The only task has been answered 403 for long; the new key is tried at once.
 */
static void test_new_key_after_403(void **state) {
  struct world world = world_create_by("0", rules);
  char asked[16];
  (void)state;
  burst(&world, "f");
  world.name = "403";
  for (int i = 0; i < 5; i++) {
    assert_true(time_until_due(&world, LIMIT) > 0);
    take_some(&world, 0, 1);
    answer(&world, 0, 'f');
    world_look(&world);
  }
  pass(&world, 1000);
  tracker_set_key(world.tracker, 0, true, true);
  begin(&world);
  take_some(&world, 0, 1);
  answer(&world, 0, 'f');
  world_look(&world);
  probe(&world, 0, "f", asked);
  world_free(&world);
}

/* The answers of requests with the key before say nothing of the new one. */
static void test_new_key_and_late_answers(void **state) {
  struct world world = world_create_by("000", rules);
  (void)state;
  play_round(&world, "u~~");
  tracker_set_key(world.tracker, 0, true, true);
  answer(&world, 1, 'u');
  answer(&world, 2, 'u');
  tracker_begin_round(world.tracker, world.now);
  take_some(&world, 0, 1);
  world_free(&world);
}

/* So for a probe that was under way when the key was changed. */
static void test_new_key_and_late_probe(void **state) {
  struct world world = world_create_by("000", rules);
  (void)state;
  play_round(&world, "uuu");
  begin(&world);
  take_some(&world, 0, 1);
  tracker_set_key(world.tracker, 0, true, true);
  answer(&world, 0, 'u');
  pass(&world, INTERVAL / 2);
  begin(&world);
  take_some(&world, 0, 1);
  world_free(&world);
}

/* A task that the key is not taken for, while it is for others, backs off by
 * itself from its second 401 on, and the account goes on. */
static void test_unauthorized_task(void **state) {
  struct world world = world_create_by("00", rules);
  char asked[16], text[TEXT_SIZE];
  (void)state;
  world.name = "401 for one";
  burst(&world, "Pu");
  probe(&world, 0, "P", asked);
  assert_string_equal(asked, "0");
  take_some(&world, 0, 1);
  answer(&world, 1, 'u');
  int64_t last[] = {world.now.steady, world.now.steady};
  for (size_t failures = 1; failures < 6;) {
    pass(&world, 1000);
    begin(&world);
    for (int number; (number = take(&world, 0)) >= 0;) {
      int64_t wait = world.now.steady - last[number];
      int64_t whole = wholes[failures - 1] * INTERVAL;
      last[number] = world.now.steady;
      answer(&world, (size_t)number, "Pu"[number]);
      if (number == 0)
        assert_in_range(wait, INTERVAL / 2, INTERVAL / 2 + 1000);
      else
        assert_in_range(wait, (int64_t)((double)whole * BACK_OFF_LEAST),
                        (int64_t)((double)whole * BACK_OFF_MOST) + 1000);
      failures += number == 1;
    }
    world_look(&world);
    describe_told_of_rounds(&world, text);
    assert_string_equal(text, "");
  }
  /* with a new key, at once */
  tracker_set_key(world.tracker, 0, true, true);
  begin(&world);
  assert_int_equal(take(&world, 0), 1);
  answer(&world, 1, 'P');
  world_free(&world);
}

/* 403 in a round without a good answer is about the key, else about the task;
 * which stays so in rounds in which that task alone is asked. */
static void test_forbidden(void **state) {
  static const struct script scripts[] = {
      {"all of them", "00", {"ff rejected:0"}},
      {"beside a good one", "00", {"fP", "fP", "PP"}},
      {"beside another failure", "00", {"fs rejected:0"}},
      {"first beside a good one, then alone",
       "00",
       {"fS", "f.", "f.", "f. blind:0", "P. blind_over:0"}},
      {"first alone", "0", {"f rejected:0", "f", "P accepted:0"}},
      {"a new one alone", "00", {"PS", "f. rejected:0", "P. accepted:0"}},
      {"once good, forbidden anew",
       "00",
       {"fS", "P.", "f. rejected:0", "P. accepted:0"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_told_of_rounds);
}

/* After the restart of a daemon that has told of its key's rejection. */
static void test_rejected_restored(void **state) {
  struct world world = world_create_by("000", rules);
  (void)state;
  play_round(&world, "uuu");
  check_told(&world, "account:0:u rejected:0");
  world_restart(&world);
  play_round(&world, "u..");
  check_told(&world, "account:0:u");
  world_restart(&world);
  play_round(&world, "P..");
  check_told(&world, "accepted:0");
  play_round(&world, "PPP");
  world_restart(&world);
  play_round(&world, "PPP");
  check_told(&world, "");
  world_free(&world);
}

/* After a restart, what was refused for a task while the key was good for
 * others concerns that task alone, though it is the only one that is asked. */
static void test_refused_restored(void **state) {
  static const struct {
    const char *before[4], *after; /* after: the second task's answers */
  } cases[] = {
      {{"Pf", "Sf"}, "fff"},
      {{"Pu", "P.", "Su"}, "uuu"},
      {{"Pu", "P.", "Su"}, "fff"},
      {{"Pf", "Sf"}, "uuu"},
  };
  (void)state;
  /* as often as it is restarted, asked in between or not */
  for (size_t i = 0; i < 2 * COUNT(cases); i++) {
    struct world world = world_create("00");
    struct task_record record;
    char text[TEXT_SIZE], round[] = "..";
    world.name = cases[i / 2].after;
    for (size_t k = 0; k < 4 && cases[i / 2].before[k] != NULL; k++)
      play_round(&world, cases[i / 2].before[k]);
    describe_told_of_rounds(&world, text);
    assert_string_equal(text, "");
    for (size_t k = 0; k < 3; k++) {
      tracker_record_task(world.tracker, 1, world.now, &record);
      assert_true(record.is_refused);
      world_restart(&world);
      round[1] = cases[i / 2].after[k];
      if (i % 2 == 1)
        play_round(&world, round);
      describe_told_of_rounds(&world, text);
      assert_string_equal(text, "");
    }
    if (i % 2 == 0) {
      play_round(&world, round);
      play_round(&world, round);
      describe_told_of_rounds(&world, text);
      assert_string_equal(text, "");
    }
    /* a good answer ends it */
    play_round(&world, ".P");
    tracker_record_task(world.tracker, 1, world.now, &record);
    assert_false(record.is_refused);
    world_free(&world);
  }
}

/* Only as long as it is refused in the same way. */
static void test_refused_otherwise(void **state) {
  static const char *const cases[][3] = {
      {".f", ".u"}, {".u", ".f"}, {".f", ".s", ".f"}, {".f", ".P", ".f"}};
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create("00");
    char text[TEXT_SIZE];
    world.name = cases[i][1];
    play_round(&world, "Pf");
    play_round(&world, "Sf");
    world_restart(&world);
    for (size_t k = 0; k < 3 && cases[i][k] != NULL; k++) {
      bool is_last = k == 2 || cases[i][k + 1] == NULL;
      play_round(&world, cases[i][k]);
      describe_told_of_rounds(&world, text);
      if (strcmp(text, is_last ? "rejected:0" : "") != 0)
        fail_msg("case %zu, %s: %s", i + 1, cases[i][k], text);
    }
    world_free(&world);
  }
}

/* But a rejection that the daemon was killed before it could tell is told by
 * the next one. */
static void test_rejected_untold(void **state) {
  static const char *const cases[][4] = {
      {"0", "f"},   {"0", "u"},         {"0", "P", "f"},    {"0", "P", "u"},
      {"00", "ff"}, {"00", "PS", "u."}, {"00", "PS", "f."},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create(cases[i][0]);
    struct task_record record;
    char text[TEXT_SIZE];
    size_t last = 1;
    world.name = cases[i][1];
    for (size_t k = 1; k < 4 && cases[i][k] != NULL; k++) {
      play_round(&world, cases[i][k]);
      last = k;
    }
    tracker_record_task(world.tracker, 0, world.now, &record);
    assert_false(record.is_refused);
    world_restart(&world);
    play_round(&world, cases[i][last]);
    describe_told_of_rounds(&world, text);
    if (strcmp(text, "rejected:0") != 0)
      fail_msg("case %zu: %s", i + 1, text);
    world_free(&world);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_doubling),
      cmocka_unit_test(test_mixed_failures),
      cmocka_unit_test(test_cap),
      cmocka_unit_test(test_jitter),
      cmocka_unit_test(test_no_overtaking),
      cmocka_unit_test(test_poll_gaps),
      cmocka_unit_test(test_poll_gap_and_failure),
      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_limit_of_one_account),
      cmocka_unit_test(test_limit_in_a_burst),
      cmocka_unit_test(test_limit_and_late_answers),
      cmocka_unit_test(test_limit_restored),
      cmocka_unit_test(test_probes),
      cmocka_unit_test(test_slow_probe),
      cmocka_unit_test(test_new_key),
      cmocka_unit_test(test_new_key_after_403),
      cmocka_unit_test(test_new_key_and_late_answers),
      cmocka_unit_test(test_new_key_and_late_probe),
      cmocka_unit_test(test_unauthorized_task),
      cmocka_unit_test(test_forbidden),
      cmocka_unit_test(test_rejected_restored),
      cmocka_unit_test(test_refused_restored),
      cmocka_unit_test(test_refused_otherwise),
      cmocka_unit_test(test_rejected_untold),
  };
  return cmocka_run_group_tests_name("tracker_back_off", tests, NULL, NULL);
}
