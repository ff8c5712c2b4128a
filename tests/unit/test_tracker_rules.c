/* SPDX-License-Identifier: MIT */
/* Every state that a task can be in meets every kind of answer: fresh, backing
 * off after failures, and restored from what was saved. */
#include "tracker_world.h"

#include "back_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ERROR_INTERVAL_MAX 300000
#define FAILURES_BEFORE 3

enum past { FRESH, BACKING_OFF, RESTORED, PAST_COUNT };
static const char *const past_name[] = {"fresh", "backing off", "restored"};

static const char states[] = {'?', 'P', 'S', 'E', 'T', '$'};

struct situation {
  struct world world;
  char state;
  enum past past;
  char letter;
  char name[64];
  struct moment confirmed, asked;
};

static void ask(struct world *world, char letter) {
  assert_true(time_until_due(world, 2L * ERROR_INTERVAL_MAX) >= 0);
  assert_int_equal(take(world, 0), 0);
  answer(world, 0, letter);
}

/* A task in that state, with that past, of which all is told so far; it has
 * been pending for 10 seconds before its end. */
static void set_up(struct situation *situation) {
  struct world *world = &situation->world;
  *world = world_create_by(
      "0", (struct tracker_rules){.error_interval_max = ERROR_INTERVAL_MAX});
  snprintf(situation->name, sizeof(situation->name), "%c, %s, answered %c",
           situation->state, past_name[situation->past], situation->letter);
  world->name = situation->name;
  if (situation->state != '?')
    ask(world, 'P');
  world_look(world);
  situation->confirmed = world->now;
  if (is_final_letter(situation->state)) {
    world->now = world_start;
    pass(world, INTERVAL);
    ask(world, situation->state);
    situation->confirmed = world->now;
  }
  for (int i = 0; i < FAILURES_BEFORE && situation->past == BACKING_OFF; i++) {
    ask(world, 's');
    world_look(world);
  }
  char text[TEXT_SIZE];
  describe_told(world, text);
  if (situation->past == RESTORED) {
    pass(world, 2500);
    world_restart(world);
  }
}

/* How many milliseconds it takes at least and at most until the task is asked
 * again; a good answer makes it the next round, which may begin early. */
static void expect_wait(const struct situation *situation, int64_t wait[2]) {
  const struct letter *letter = &letters[index_of_letter(situation->letter)];
  bool of_account = outcome_info[letter->outcome].limits_account ||
                    letter->outcome == OUTCOME_UNAUTHORIZED;
  int64_t whole = INTERVAL;
  if (letter->outcome == OUTCOME_OK) {
    wait[0] = wait[1] = INTERVAL / 2;
    return;
  }
  /* the account has had no failure of its own before */
  if (situation->past == BACKING_OFF && !of_account)
    whole <<= FAILURES_BEFORE;
  wait[0] = (int64_t)((double)whole * BACK_OFF_LEAST);
  wait[1] = (int64_t)((double)whole * BACK_OFF_MOST);
}

static void check_wait(struct situation *situation) {
  int64_t expected[2];
  int64_t wait = time_until_due(&situation->world, 2L * ERROR_INTERVAL_MAX);
  if (is_final_letter(situation->letter)) {
    if (wait >= 0)
      fail_msg("%s: is asked again", situation->name);
    return;
  }
  expect_wait(situation, expected);
  if (wait < expected[0] || wait > expected[1] + STEP)
    fail_msg("%s: is asked after %lld ms", situation->name, (long long)wait);
}

static void check_values(struct situation *situation) {
  const struct task_values *values = &situation->world.snapshot.tasks[0];
  bool good = letters[index_of_letter(situation->letter)].outcome == OUTCOME_OK;
  char state = good ? situation->letter : situation->state;
  double elapsed =
      (double)(situation->asked.steady - world_start.steady) / 1000;
  double age =
      (double)(situation->asked.steady - situation->confirmed.steady) / 1000;
  if (is_final_letter(state) && situation->state == '?')
    elapsed = NOT_KNOWN;
  if (state == '?')
    age = NOT_KNOWN;
  if (good)
    age = 0;
  if (letter_of_state(values->state) != state ||
      !is_time(values->elapsed, elapsed) || !is_time(values->status_age, age))
    fail_msg("%s: %c, elapsed %g, status age %g", situation->name,
             letter_of_state(values->state), values->elapsed,
             values->status_age);
}

/* What is told of an answer, in the order of the alphabet. */
static void check_events(struct situation *situation) {
  enum outcome outcome = letters[index_of_letter(situation->letter)].outcome;
  char letter = situation->letter, text[TEXT_SIZE] = "";
  bool good = outcome == OUTCOME_OK, was_bad = situation->past == BACKING_OFF;
  size_t length = 0;
#define WORD(condition, ...)                                                   \
  if (condition)                                                               \
  length += (size_t)snprintf(text + length, TEXT_SIZE - length, __VA_ARGS__)
  WORD(!good && !(was_bad && letter == 's') &&
           outcome_info[outcome].scope == SCOPE_ACCOUNT,
       "account:0:%c ", letter);
  WORD(was_bad && letter != 's', "account_over:0:s ");
  WORD(was_bad && good, "blind_over:0 ");
  WORD(is_final_letter(letter), "ended:t0:%c ", letter);
  WORD(letter == 'u' || letter == 'f', "rejected:0 ");
  WORD(!good && outcome_info[outcome].scope == SCOPE_TASK, "trouble:t0:%c ",
       letter);
#undef WORD
  text[length > 0 ? length - 1 : 0] = '\0';
  check_told(&situation->world, text);
}

static void test_asked(void **unused) {
  (void)unused;
  for (size_t i = 0; i < 2; i++)
    for (int past = FRESH; past < PAST_COUNT; past++)
      for (size_t k = 0; k < LETTER_COUNT; k++) {
        struct situation situation = {.state = states[i],
                                      .past = (enum past)past,
                                      .letter = letters[k].letter};
        set_up(&situation);
        ask(&situation.world, situation.letter);
        situation.asked = situation.world.now;
        world_look(&situation.world);
        check_values(&situation);
        check_events(&situation);
        check_wait(&situation);
        world_free(&situation.world);
      }
}

/* What is final is not asked, keeps its values and tells no more; beside it is
 * a task that has all kinds of answers. */
static void test_final(void **unused) {
  (void)unused;
  for (size_t i = 2; i < COUNT(states); i++)
    for (int past = FRESH; past < PAST_COUNT; past += RESTORED)
      for (size_t k = 0; k < LETTER_COUNT; k++) {
        struct situation situation = {.state = states[i],
                                      .past = (enum past)past,
                                      .letter = letters[k].letter};
        struct event event;
        set_up(&situation);
        assert_int_equal(
            time_until_due(&situation.world, 2L * ERROR_INTERVAL_MAX), -1);
        world_add_task(&situation.world, 0, 0);
        tracker_begin_round(situation.world.tracker, situation.world.now);
        assert_int_equal(take(&situation.world, 0), 1);
        answer(&situation.world, 1, situation.letter);
        world_look(&situation.world);
        const struct task_values *values = &situation.world.snapshot.tasks[0];
        if (letter_of_state(values->state) != situation.state ||
            !is_time(values->elapsed, 10) || !is_time(values->status_age, 0))
          fail_msg("%s: %c, %g", situation.name, letter_of_state(values->state),
                   values->elapsed);
        while (tell_next(&situation.world, &event))
          if (strcmp(event.name, "t0") == 0)
            fail_msg("%s: an event", situation.name);
        world_free(&situation.world);
      }
}

/* A final state that was saved untold is told by the next daemon, once. */
static void test_untold(void **unused) {
  (void)unused;
  for (size_t i = 2; i < COUNT(states); i++)
    for (int first = 0; first < 2; first++) {
      struct world world = world_create("0");
      char expected[WORD_SIZE];
      world.name = first ? "first seen so" : "seen pending";
      play_round(&world, first ? "s" : "P");
      play_round(&world, (const char[]){states[i], '\0'});
      world_restart(&world);
      snprintf(expected, sizeof(expected), "ended:t0:%c", states[i]);
      check_told(&world, expected);
      world_look(&world);
      assert_true(is_time(world.snapshot.tasks[0].elapsed, first ? -1 : 10));
      world_restart(&world);
      check_told(&world, "");
      world_free(&world);
    }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_asked),
      cmocka_unit_test(test_final),
      cmocka_unit_test(test_untold),
  };
  return cmocka_run_group_tests_name("tracker_rules", tests, NULL, NULL);
}
