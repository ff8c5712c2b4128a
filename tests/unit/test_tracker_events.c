/* SPDX-License-Identifier: MIT */
/* What the tracker has to tell. */
#include "tracker_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- Events --------------------------------------------------------------- */

static void test_told_ends(void **state) {
  static const struct script scripts[] = {
      {"pending is no news", "0", {"P", "P", "P"}},
      {"success", "0", {"P", "S ended:t0:S", ".", "."}},
      {"error", "0", {"P", "E ended:t0:E", "."}},
      {"time-out", "0", {"P", "T ended:t0:T", "."}},
      {"no payment", "0", {"P", "$ ended:t0:$", "."}},
      {"first seen so",
       "0011",
       {"SET$ ended:t0:S ended:t1:E ended:t2:T ended:t3:$", "...."}},
      {"late", "0", {"~", ".", "S ended:t0:S", "."}},
      {"nobody listens for a while",
       "00",
       {"PP *", "SP *", ".P *", ".P ended:t0:S"}},
      {"end of a task in trouble",
       "00",
       {"nP trouble:t0:n", "EP ended:t0:E over:t0:n", ".P"}},
      {"end of an account's trouble",
       "0",
       {"s account:0:s", "S account_over:0:s ended:t0:S", "."}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_told);
}

static void test_told_task_trouble(void **state) {
  static const struct script scripts[] = {
      {"once", "00", {"nP trouble:t0:n", "nP", "nP", "PP over:t0:n", "PP"}},
      {"every kind",
       "0000",
       {"nciP trouble:t0:n trouble:t1:c trouble:t2:i", "nciP",
        "PPPP over:t0:n over:t1:c over:t2:i"}},
      {"each task for itself",
       "010",
       {"nnP trouble:t0:n trouble:t1:n", "Pnn over:t0:n trouble:t2:n",
        "PSP ended:t1:S over:t1:n over:t2:n"}},
      {"again",
       "00",
       {"nP trouble:t0:n", "PP over:t0:n", "nP trouble:t0:n", "PP over:t0:n"}},
      {"while in flight",
       "00",
       {"nP trouble:t0:n", "~P", ".P", "nP", "PP over:t0:n"}},
      {"from one to another",
       "00",
       {"nP trouble:t0:n", "iP over:t0:n trouble:t0:i",
        "sP account:0:s over:t0:i", "wP account:0:w account_over:0:s",
        "cP account_over:0:w trouble:t0:c", "PP over:t0:c"}},
      {"came and went unheard",
       "00",
       {"nP *", "PP", "cP *", "iP trouble:t0:i"}},
      {"went and came again unheard",
       "00",
       {"nP trouble:t0:n", "PP *", "nP", "iP *", "nP", "PP over:t0:n"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_told);
}

static void test_told_account_trouble(void **state) {
  static const struct script scripts[] = {
      {"once for all its tasks",
       "0000",
       {"sssP account:0:s", "sssP", "PPPP account_over:0:s", "PPPP"}},
      {"every kind",
       "00000000",
       {"rstholwP account:0:h account:0:l account:0:o account:0:r account:0:s "
        "account:0:t account:0:w",
        "rstholwP",
        "PPPPPPPP account_over:0:h account_over:0:l account_over:0:o "
        "account_over:0:r account_over:0:s account_over:0:t account_over:0:w"}},
      {"the key",
       "00",
       {"uu account:0:u rejected:0", "u.", ".u", "P. accepted:0",
        "PP account_over:0:u"}},
      {"as long as any task has it",
       "0000",
       {"sPPP account:0:s", "ssPP", "PsPP", "PssP", "sPsP", "PPsP", "ssPP",
        "PPPP account_over:0:s"}},
      {"while in flight",
       "00",
       {"tP account:0:t", "~P", ".P", "tP", "PP account_over:0:t"}},
      {"each account for itself",
       "011",
       {"ssP account:0:s account:1:s", "sPP account_over:1:s",
        "PPw account:1:w account_over:0:s"}},
      {"two kinds at once",
       "000",
       {"swP account:0:s account:0:w", "wwP account_over:0:s", "wPP",
        "PPP account_over:0:w"}},
      {"came and went unheard", "00", {"sP *", "PP", "sP *", "wP account:0:w"}},
      {"went and came again unheard", "00", {"sP account:0:s", "PP *", "sP"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_told);
}

static void test_told_rejected(void **state) {
  static const struct script scripts[] = {
      {"no good answer",
       "00",
       {"uu rejected:0", "u.", ".u", "u.", ".P accepted:0", "PP"}},
      {"one good answer", "000", {"uuP", "P..", "uPu", "P..", "PPP"}},
      {"beside other troubles", "000", {"usw rejected:0"}},
      {"one good answer is enough",
       "00",
       {"uu rejected:0", "P. accepted:0", "uP"}},
      {"errors do not end it", "0", {"u rejected:0", "s", "n", "P accepted:0"}},
      {"nor do intervals without an end",
       "0",
       {"u rejected:0", "~", ".", "P accepted:0"}},
      {"late answers, asked before, do not end it",
       "00",
       {"u~ rejected:0", ".P", "P. accepted:0"}},
      {"a final answer is good", "0", {"u rejected:0", "E accepted:0"}},
      {"again",
       "0",
       {"u rejected:0", "P accepted:0", "u rejected:0", "P accepted:0"}},
      {"each account for itself",
       "01",
       {"uP rejected:0", "Pu accepted:0 rejected:1", "PS accepted:1"}},
      {"came and went unheard", "0", {"u *", "P"}},
      {"went and came again unheard", "0", {"u rejected:0", "P *", "u"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_told_of_rounds);
}

static void test_told_blind(void **state) {
  static const struct script scripts[] = {
      {"three bad rounds, once",
       "00",
       {"ss", "ss", "ss blind:0", "ss", "ss", "ss", "sP blind_over:0", "sP"}},
      {"two bad rounds", "0", {"s", "s", "P", "s", "s", "P"}},
      {"one good task", "00", {"sP", "sP", "sP", "sP"}},
      {"another good task each time", "000", {"sPs", "Pss", "ssP", "sPs"}},
      {"three kinds", "0", {"s", "w", "t blind:0", "P blind_over:0"}},
      {"the tasks' troubles too",
       "00",
       {"ni", "ci", "in blind:0", "PP blind_over:0"}},
      {"a final answer ends it",
       "0",
       {"r", "r", "r blind:0", "S blind_over:0", "."}},
      {"never for the key", "0", {"u rejected:0", "u", "u", "u", "u"}},
      {"nor for the key beside others",
       "00",
       {"us rejected:0", "u.", ".s", "u.", ".s"}},
      {"a round of the key counts anew",
       "0",
       {"s", "s", "u rejected:0", "s", "s"}},
      {"intervals without an end are no rounds",
       "0",
       {"s", "s", "~", ".", ".", "s blind:0", "~", "P blind_over:0"}},
      {"again",
       "0",
       {"w", "w", "w blind:0", "P blind_over:0", "w", "w", "w blind:0"}},
      {"each account for itself",
       "01",
       {"sP", "ss", "ss blind:0", "Ps blind:1 blind_over:0",
        "PP blind_over:1"}},
      {"came and went unheard", "0", {"s", "s", "s *", "P"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_told_of_rounds);
}

/* So many tasks of an account have a trouble that the rest is not named. */
static void test_told_many(void **state) {
  static const struct script scripts[] = {
      {"ten are named",
       "000000000000",
       {"nnnnnnnnnnPP trouble*10", "nnnnnnnnnnPP", "PPPPPPPPPPPP over*10"}},
      {"of eleven, ten",
       "000000000000",
       {"nnnnnnnnnnnP trouble*10 many*1", "nnnnnnnnnnnP",
        "PPPPPPPPPPPP over*10 many_over*1", "PPPPPPPPPPPP"}},
      {"more to come",
       "000000000000",
       {"nnnnnnnnnnPP trouble*10", "nnnnnnnnnnnP many*1", "nnnnnnnnnnnn",
        "PPPPPPPPPPPP over*10 many_over*1"}},
      {"over with the last of them",
       "000000000000",
       {"nnnnnnnnnnnn trouble*10 many*1", "nPPPPPPPPPPP over*9", "nPPPPPPPPPPP",
        "PPPPPPPPPPPP over*1 many_over*1"}},
      {"over with the last that was not named",
       "000000000000",
       {"nnnnnnnnnnPP trouble*10", "nnnnnnnnnnnn many*1",
        "PPPPPPPPPPPn over*10", "PPPPPPPPPPPP many_over*1"}},
      {"again",
       "000000000000",
       {"nnnnnnnnnnnn trouble*10 many*1", "PPPPPPPPPPPP over*10 many_over*1",
        "nnnnnnnnnnnn trouble*10 many*1"}},
      {"each kind for itself",
       "0000000000000000000000",
       {"nnnnnnnnnniiiiiiiiiiiP trouble*20 many*1",
        "nnnnnnnnnnPPPPPPPPPPPP over*10 many_over*1"}},
      {"each account for itself",
       "0000000000111111111111",
       {"nnnnnnnnnnnnnnnnnnnnnP trouble*20 many*1",
        "PPPPPPPPPPnnnnnnnnnnnP over*10",
        "PPPPPPPPPPPPPPPPPPPPPP over*10 many_over*1"}},
      {"one kind becomes another",
       "000000000000",
       {"nnnnnnnnnnnP trouble*10 many*1",
        "iiiiiiiiiiiP trouble*10 over*10 many*1 many_over*1",
        "sssssssssssP over*10 many_over*1 account*1",
        "PPPPPPPPPPPP account_over*1"}},
      {"ten names in all",
       "000000000000",
       {"nnnnnnnnnnPP trouble*10", "PPnnnnnnnnPP over*2", "PPnnnnnnnnnn many*1",
        "PPPPPPPPPPPP over*8 many_over*1"}},
      {"one after ten",
       "00000000000",
       {"Pnnnnnnnnnn trouble*10", "nPPPPPPPPPP over*10 many*1",
        "PPPPPPPPPPP many_over*1"}},
      {"one in place of one",
       "00000000000",
       {"Pnnnnnnnnnn trouble*10", "nnnnnnnnnnP over*1 many*1"}},
      {"ends are told of all",
       "000000000000",
       {"nnnnnnnnnnnn trouble*10 many*1",
        "SSSSSSSSSSSS ended*12 over*10 many_over*1"}},
      {"the limit is for the tasks' own troubles",
       "000000000000",
       {"ssssssssssss account*1", "PPPPPPPPPPPP account_over*1"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_kinds);
}

/* While nobody takes events, the first task comes out of its trouble and into
 * it again, time after time: that uses up nobody's place among the named. */
static void test_told_after_a_long_silence(void **state) {
  struct world world = world_create("00");
  char text[TEXT_SIZE];
  (void)state;
  play_round(&world, "nP");
  describe_told(&world, text);
  assert_string_equal(text, "trouble:t0:n");
  play_round(&world, "PP");
  play_round(&world, "nP");
  play_round(&world, "PP");
  describe_told(&world, text);
  assert_string_equal(text, "over:t0:n");
  play_round(&world, "Pn");
  describe_told(&world, text);
  assert_string_equal(text, "trouble:t1:n");
  world_free(&world);
}

/* Events are taken at once, as by a thread of its own, after each answer: the
 * trouble goes from task to task and so is there in every round. */
static void test_account_trouble_that_wanders(void **state) {
  static const char *const rounds[] = {"sP", "Ps", "sP", "Ps", "sP", "Ps"};
  struct world world = world_create("00");
  char text[TEXT_SIZE], all[TEXT_SIZE] = "";
  (void)state;
  for (size_t i = 0; i < COUNT(rounds); i++) {
    tracker_begin_round(world.tracker, world.now);
    for (size_t k = 0; k < 2; k++)
      assert_true(take(&world, 0) >= 0);
    for (size_t k = 0; k < 2; k++) {
      answer(&world, k, rounds[i][k]);
      describe_told(&world, text);
      strcat(strcat(all, text), text[0] != '\0' ? " " : "");
    }
    end_round(&world);
  }
  world_free(&world);
  assert_string_equal(all, "account:0:s ");
}

/* What changes while an event is under way is told after it. */
static void test_change_while_telling(void **state) {
  static const struct {
    const char *name, *first, *told, *second, *then;
  } cases[] = {
      {"task's trouble over", "nP", "trouble:t0:n", "PP", "over:t0:n"},
      {"task's trouble changes", "nP", "trouble:t0:n", "iP",
       "over:t0:n trouble:t0:i"},
      {"task ends", "nP", "trouble:t0:n", "SP", "ended:t0:S over:t0:n"},
      {"account's trouble over", "sP", "account:0:s", "PP", "account_over:0:s"},
      {"account's trouble changes", "sP", "account:0:s", "wP",
       "account:0:w account_over:0:s"},
      {"end", "SP", "ended:t0:S", ".P", ""},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create("00");
    struct event event;
    char text[TEXT_SIZE];
    play_round(&world, cases[i].first);
    assert_true(tracker_next_event(world.tracker, world.now, &event));
    word_of(&event, text);
    if (strcmp(text, cases[i].told) != 0)
      fail_msg("%s: at first %s", cases[i].name, text);
    play_round(&world, cases[i].second);
    tracker_event_done(world.tracker, &event);
    describe_told(&world, text);
    if (strcmp(text, cases[i].then) != 0)
      fail_msg("%s: then %s", cases[i].name, text);
    world_free(&world);
  }
}

/* A day in which so many answers in a hundred are faults, of all kinds: what is
 * told of them is for people to read. */
static size_t events_of_a_day(long percent) {
  struct world world =
      world_create_by("00000000000000000000000000000000000000000000000000",
                      (struct tracker_rules){.error_interval_max = 300000});
  static const char faults[] = "nncissvtrholw";
  unsigned short dice[3] = {1, 2, (unsigned short)percent};
  struct event event;
  size_t told = 0;
  for (int round = 0; round < 8640; round++) {
    tracker_begin_round(world.tracker, world.now);
    for (int number; (number = take(&world, 0)) >= 0;)
      answer(&world, (size_t)number,
             nrand48(dice) % 100 < percent
                 ? faults[nrand48(dice) % (long)(sizeof(faults) - 1)]
                 : 'P');
    end_round(&world);
    while (tell_next(&world, &event))
      told++;
  }
  world_free(&world);
  return told;
}

static void test_flapping(void **state) {
  static const long percents[] = {1, 10, 50, 100};
  (void)state;
  for (size_t i = 0; i < COUNT(percents); i++) {
    size_t told = events_of_a_day(percents[i]);
    if (told > 1000)
      fail_msg("%ld %%: %zu events", percents[i], told);
  }
}

/* --- What an event says --------------------------------------------------- */

static void test_end_event(void **state) {
  struct world world = world_create("001");
  struct poll_answer poll = {.outcome = OUTCOME_OK,
                             .status = {.state = TASK_ERROR,
                                        .run_id = 4711,
                                        .exception_reason = "SOURCE_TOO_LONG",
                                        .message = "too long"}};
  struct event event;
  (void)state;
  play_round(&world, "PP~");
  play_round(&world, "PP.");
  tracker_begin_round(world.tracker, world.now);
  tracker_answer(world.tracker, world.flying[2], &poll, world.now); /* late */
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_TASK_ENDED);
  assert_int_equal(event.account, 1);
  assert_string_equal(event.name, "t2");
  assert_string_equal(event.id, "id-2");
  assert_int_equal(event.state, TASK_ERROR);
  assert_int_equal(event.run_id, 4711);
  assert_string_equal(event.exception_reason, "SOURCE_TOO_LONG");
  assert_string_equal(event.message, "too long");
  assert_true(event.elapsed < 0); /* first seen so */
  assert_string_equal(event.type, TASK_TYPE_DEFAULT);
  assert_false(tell_next(&world, &event));
  world_free(&world);
}

/* The time that a task took is that of its end, whenever it is told, and what
 * the API did not say is not there. */
static void test_end_event_told_late(void **state) {
  struct world world = world_create("0");
  struct event event;
  (void)state;
  play_round(&world, "P");
  play_round(&world, "S");
  for (int i = 0; i < 5; i++)
    play_round(&world, ".");
  assert_true(tell_next(&world, &event));
  assert_true(is_time(event.elapsed, 10));
  assert_int_equal(event.state, TASK_SUCCESS);
  assert_true(event.run_id == STATUS_RUN_ID_NONE);
  assert_string_equal(event.exception_reason, "");
  assert_string_equal(event.message, "");
  assert_string_equal(event.detail, "");
  world_free(&world);
}

static void test_trouble_event(void **state) {
  struct world world = world_create("10");
  struct event event;
  (void)state;
  play_round(&world, "nP");
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_TASK_TROUBLE);
  assert_int_equal(event.outcome, OUTCOME_NOT_FOUND);
  assert_int_equal(event.account, 1);
  assert_string_equal(event.name, "t0");
  assert_string_equal(event.id, "id-0");
  assert_string_equal(event.detail, "detail n of t0");
  assert_int_equal(event.state, TASK_UNKNOWN);
  play_round(&world, "PP");
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_TASK_TROUBLE_OVER);
  assert_int_equal(event.outcome, OUTCOME_NOT_FOUND);
  assert_int_equal(event.account, 1);
  assert_string_equal(event.name, "t0");
  assert_string_equal(event.id, "id-0");
  assert_int_equal(event.state, TASK_PENDING);
  world_free(&world);
}

/* An account's trouble names the task that had it first. */
static void test_account_trouble_event(void **state) {
  struct world world = world_create("0111");
  struct event event;
  (void)state;
  play_round(&world, "PPss");
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_ACCOUNT_TROUBLE);
  assert_int_equal(event.outcome, OUTCOME_SERVER_ERROR);
  assert_int_equal(event.account, 1);
  assert_string_equal(event.id, "");
  assert_string_equal(event.name, "t2");
  assert_string_equal(event.detail, "detail s of t2");
  play_round(&world, "PPPP");
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_ACCOUNT_TROUBLE_OVER);
  assert_int_equal(event.outcome, OUTCOME_SERVER_ERROR);
  assert_int_equal(event.account, 1);
  assert_string_equal(event.id, "");
  play_round(&world, "PsPP");
  assert_true(tell_next(&world, &event));
  assert_string_equal(event.name, "t1");
  assert_string_equal(event.detail, "detail s of t1");
  assert_false(tell_next(&world, &event));
  world_free(&world);
}
int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_told_ends),
      cmocka_unit_test(test_told_task_trouble),
      cmocka_unit_test(test_told_account_trouble),
      cmocka_unit_test(test_told_rejected),
      cmocka_unit_test(test_told_blind),
      cmocka_unit_test(test_told_many),
      cmocka_unit_test(test_told_after_a_long_silence),
      cmocka_unit_test(test_account_trouble_that_wanders),
      cmocka_unit_test(test_change_while_telling),
      cmocka_unit_test(test_flapping),
      cmocka_unit_test(test_end_event),
      cmocka_unit_test(test_end_event_told_late),
      cmocka_unit_test(test_trouble_event),
      cmocka_unit_test(test_account_trouble_event),
  };
  return cmocka_run_group_tests_name("tracker_events", tests, NULL, NULL);
}
