/* SPDX-License-Identifier: MIT */
/* The tasks' states and values, and whom a round asks. */
#include "tracker_world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "average/maximum" of the first account, - if there is none. */
static void describe_response(struct world *world, char text[TEXT_SIZE]) {
  const struct account_values *values = &world->snapshot.accounts[0];
  if (values->response_average < 0 && values->response_maximum < 0)
    snprintf(text, TEXT_SIZE, "-");
  else
    snprintf(text, TEXT_SIZE, "%.2f/%.2f", values->response_average,
             values->response_maximum);
}

/* "0:ok=1 1:network=2": the counters that are not 0. */
static void describe_requests(struct world *world, char text[TEXT_SIZE]) {
  size_t length = 0;
  text[0] = '\0';
  for (size_t i = 0; i < world->account_count; i++)
    for (int k = 0; k < REQUEST_COUNTER_COUNT; k++) {
      int64_t count = world->snapshot.accounts[i].requests[k];
      if (count != 0)
        length += (size_t)snprintf(text + length, TEXT_SIZE - length,
                                   "%s%zu:%s=%lld", length > 0 ? " " : "", i,
                                   request_counter_name[k], (long long)count);
    }
}

/* --- States --------------------------------------------------------------- */

/* The codes that users' dashboards go by, and which of them is good news. */
static void test_state_list(void **state) {
  static const struct {
    enum task_state state;
    const char *name;
    int code;
    enum severity severity;
    bool final;
  } cases[] = {
      {TASK_UNKNOWN, "unknown", -1, SEVERITY_NONE, false},
      {TASK_SUCCESS, "success", 0, SEVERITY_OKAY, true},
      {TASK_PENDING, "pending", 1, SEVERITY_NONE, false},
      {TASK_ERROR, "error", 2, SEVERITY_FAILURE, true},
      {TASK_TIMEOUT, "timeout", 3, SEVERITY_FAILURE, true},
      {TASK_PAYMENT_REQUIRED, "payment_required", 4, SEVERITY_FAILURE, true},
  };
  (void)state;
  assert_int_equal(COUNT(cases), TASK_STATE_COUNT);
  for (size_t i = 0; i < COUNT(cases); i++) {
    const struct task_state_info *info = &task_state_info[cases[i].state];
    if (strcmp(info->name, cases[i].name) != 0 || info->code != cases[i].code ||
        info->severity != cases[i].severity || info->final != cases[i].final)
      fail_msg("%s", cases[i].name);
  }
}

/* Each state that is asked for meets each outcome: only a valid answer changes
 * it, and only a final one ends the asking. */
static void test_states_and_outcomes(void **state) {
  static const char before[] = {'?', 'P'};
  (void)state;
  for (size_t i = 0; i < COUNT(before) * COUNT(letters); i++) {
    char first = before[i % COUNT(before)];
    char letter = letters[i / COUNT(before)].letter;
    char held =
        letters[i / COUNT(before)].outcome == OUTCOME_OK ? letter : first;
    struct world world = world_create("0");
    char text[TEXT_SIZE];
    if (first != '?')
      play_round(&world, (const char[]){first, '\0'});
    play_round(&world, (const char[]){letter, '\0'});
    describe_states(&world, text);
    if (text[0] != held)
      fail_msg("%c, answered %c: %s", first, letter, text);
    play_round(&world, is_final_letter(letter) ? "." : "P");
    world_free(&world);
  }
}

/* What is final stays so, and is not asked again, whatever happens to others of
 * its account. */
static void test_final_states(void **state) {
  static const char finals[] = {'S', 'E', 'T', '$'};
  (void)state;
  for (size_t i = 0; i < COUNT(finals) * COUNT(letters); i++) {
    char final = finals[i % COUNT(finals)];
    char letter = letters[i / COUNT(finals)].letter;
    struct world world = world_create("00");
    char text[TEXT_SIZE];
    play_round(&world, (const char[]){final, letter, '\0'});
    for (int round = 0; round < 4; round++) {
      play_round(
          &world,
          (const char[]){'.', is_final_letter(letter) ? '.' : letter, '\0'});
      describe_states(&world, text);
      if (text[0] != final)
        fail_msg("%c beside %c: %s", final, letter, text);
    }
    world_free(&world);
  }
}

static void test_states_of_accounts(void **state) {
  static const struct script scripts[] = {
      {"none", "", {"", ""}},
      {"unknown at first", "00", {"~~ ??", ".. ??"}},
      {"all states, two accounts",
       "0101010",
       {"PSET$ns PSET$??", "S....PP SSET$PP", ".....$E SSET$$E"}},
      {"held through errors",
       "012",
       {"PPP PPP", "nsw PPP", "uti PPP", "hrl PPP"}},
      {"back and forth", "0", {"s ?", "P P", "s P", "E E"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_states);
}

/* --- Rounds --------------------------------------------------------------- */

static void test_due(void **state) {
  static const struct {
    const char *name, *accounts, *rounds;
  } cases[] = {
      {"pending, every round", "0", "P P P P"},
      {"errors, every round", "0", "u n r c s t h o l w i P"},
      {"never in flight", "0", "~ . . ."},
      {"late answer", "0", "~ P P P"},
      {"very late answer", "0", "~ . . P P"},
      {"late error", "0", "~ s ~ . w P"},
      {"late and final", "0", "~ S . ."},
      {"one in flight, one not", "00", "~P .P PP P~ PP"},
      {"other accounts", "0123", "~PSs .P.s PP.P PS.E"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create(cases[i].accounts);
    char rounds[64], *rest = rounds, *round;
    world.name = cases[i].name;
    snprintf(rounds, sizeof(rounds), "%s", cases[i].rounds);
    while ((round = strsep(&rest, " ")) != NULL)
      play_round(&world, round);
    world_free(&world);
  }
}

/* A round that begins earlier than it ought to, after answers at any time. */
static void test_early_round(void **state) {
  static const struct {
    int64_t answered, next; /* milliseconds after the first round's begin */
  } cases[] = {{0, INTERVAL},        {0, INTERVAL - 1},
               {0, INTERVAL - 1000}, {3000, INTERVAL - 100},
               {9800, INTERVAL},     {9800, INTERVAL - 100},
               {9999, INTERVAL},     {0, 5 * INTERVAL}};
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create("0");
    tracker_begin_round(world.tracker, world.now);
    assert_int_equal(take(&world, 0), 0);
    world.now.steady = world_start.steady + cases[i].answered;
    answer(&world, 0, "Ps"[i % 2]);
    assert_int_equal(take(&world, 0), -1); /* not twice in a round */
    world.now.steady = world_start.steady + cases[i].next;
    tracker_begin_round(world.tracker, world.now);
    if (take(&world, 0) != 0)
      fail_msg("answered at %lld, not due at %lld",
               (long long)cases[i].answered, (long long)cases[i].next);
    answer(&world, 0, 'P');
    world_free(&world);
  }
}

/* The wall clock has no say in what is due. */
static void test_wall_clock_jumps(void **state) {
  static const int64_t jumps[] = {-1000000, 1000000, -5 * INTERVAL, 0};
  struct world world = world_create("0");
  (void)state;
  for (size_t i = 0; i < COUNT(jumps); i++) {
    world.now.wall += jumps[i];
    play_round(&world, "P");
  }
  assert_int_equal(world.snapshot.accounts[0].requests[COUNTER_OK],
                   COUNT(jumps));
  world_free(&world);
}

static void test_round_is_open(void **state) {
  struct world world = world_create("001");
  struct tracker *tracker = world.tracker;
  (void)state;
  tracker_begin_round(tracker, world.now);
  assert_true(tracker_round_is_open(tracker)); /* due */
  assert_int_equal(take(&world, 0), 0);
  assert_int_equal(take(&world, 0), 1);
  assert_int_equal(take(&world, 1), 2);
  assert_true(tracker_round_is_open(tracker)); /* taken */
  answer(&world, 1, 's');
  answer(&world, 2, 'S');
  assert_true(tracker_round_is_open(tracker)); /* one is in flight */
  end_round(&world);

  tracker_begin_round(tracker, world.now);
  assert_true(tracker_round_is_open(tracker));
  assert_int_equal(take(&world, 0), 1);
  answer(&world, 0, 'P'); /* late: this round is not about it */
  assert_true(tracker_round_is_open(tracker));
  answer(&world, 1, 'P');
  assert_false(tracker_round_is_open(tracker));
  end_round(&world);

  play_round(&world, "S~.");
  tracker_begin_round(tracker, world.now);
  assert_false(tracker_round_is_open(tracker)); /* all is final or in flight */
  answer(&world, 1, 'P');
  assert_false(tracker_round_is_open(tracker));
  world_free(&world);
}

/* What is asked in each round when it has room for so many only. */
static void test_fairness(void **state) {
  static const struct {
    const char *name, *accounts;
    int slots;
    const char *expected;
  } cases[] = {
      {"room for all", "000", 3, "012 012 012"},
      {"room for more", "000", 9, "012 012 012"},
      {"room for one", "000", 1, "0 1 2 0 1 2 0"},
      {"room for two of five", "00000", 2, "01 23 40 12 34 01"},
      {"room for two of three", "000", 2, "01 20 12 01"},
      {"two accounts, one slot each", "0101", 1, "01 23 01 23"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct world world = world_create(cases[i].accounts);
    char text[TEXT_SIZE] = "";
    size_t length = 0;
    while (length < strlen(cases[i].expected)) {
      tracker_begin_round(world.tracker, world.now);
      for (size_t account = 0; account < world.account_count; account++)
        for (int slot = 0, number;
             slot < cases[i].slots && (number = take(&world, account)) >= 0;
             slot++) {
          text[length++] = (char)('0' + number);
          answer(&world, (size_t)number, 'P');
        }
      end_round(&world);
      text[length++] = ' ';
    }
    text[length - 1] = '\0';
    if (strcmp(text, cases[i].expected) != 0)
      fail_msg("%s: %s", cases[i].name, text);
    world_free(&world);
  }
}

/* A task that is added is due from the next round on. */
static void test_added_later(void **state) {
  struct world world = world_create("0");
  (void)state;
  play_round(&world, "P");
  world_add_task(&world, 0, 0);
  play_round(&world, "PP");
  play_round(&world, "S~");
  world_add_task(&world, 0, 0);
  play_round(&world, "..P");
  world_free(&world);
}

static void test_give_back(void **state) {
  struct world world = world_create("00");
  (void)state;
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 0);
  assert_int_equal(take(&world, 0), 1);
  give_back(&world, 0);
  answer(&world, 1, 'P');
  assert_true(tracker_round_is_open(world.tracker)); /* it is due again */
  assert_int_equal(take(&world, 0), 0);
  assert_int_equal(take(&world, 0), -1);
  answer(&world, 0, 'P');
  assert_false(tracker_round_is_open(world.tracker));
  end_round(&world);

  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 1);
  give_back(&world, 1);
  end_round(&world);
  play_round(&world, "PP"); /* each once again */
  world_free(&world);
}

/* A task of an earlier round is given back into this one. */
static void test_give_back_late(void **state) {
  struct world world = world_create("00");
  (void)state;
  play_round(&world, "~S");
  tracker_begin_round(world.tracker, world.now);
  assert_false(tracker_round_is_open(world.tracker));
  give_back(&world, 0);
  assert_true(tracker_round_is_open(world.tracker));
  assert_int_equal(take(&world, 0), 0);
  answer(&world, 0, 'P');
  assert_false(tracker_round_is_open(world.tracker));
  end_round(&world);
  play_round(&world, "S.");
  play_round(&world, "..");
  world_free(&world);
}

/* What is given back was no request: no counter, no verdict, no time. */
static void test_give_back_counts_nothing(void **state) {
  struct world world = world_create("0");
  char text[TEXT_SIZE];
  (void)state;
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 0);
  give_back(&world, 0);
  end_round(&world);
  assert_false(tracker_was_answered(world.tracker, 0));
  describe_requests(&world, text);
  assert_string_equal(text, "");
  describe_up(&world, text);
  assert_string_equal(text, "-");
  describe_response(&world, text);
  assert_string_equal(text, "-");
  describe_told(&world, text);
  assert_string_equal(text, "");
  world_free(&world);
}

/* --- Times ---------------------------------------------------------------- */

#define CLOCK_STEPS_MAX 6

/* A task's times, while the wall clock goes as it likes; all in seconds after
 * it was first listed. */
static const struct {
  const char *name;
  double started; /* 0: not said */
  struct {
    double at;
    char answer;
    double elapsed, status_age;
    double wall; /* how far the wall clock is off by then */
  } steps[CLOCK_STEPS_MAX];
} times[] = {
    {"no valid answer",
     0,
     {{0, 's', 0, NOT_KNOWN, 0},
      {10, 'n', 10, NOT_KNOWN, 0},
      {20, 'w', 20, -1, 0}}},
    {"pending, held through errors",
     0,
     {{0, 'P', 0, 0, 0},
      {10, 'P', 10, 0, 0},
      {20, 's', 20, 10, 0},
      {30.25, 'w', 30.25, 20.25, 0},
      {40, 'P', 40, 0, 0}}},
    {"first valid answer after errors",
     0,
     {{0, 's', 0, NOT_KNOWN, 0}, {10, 'P', 10, 0, 0}, {20, 's', 20, 10, 0}}},
    {"frozen at the end",
     0,
     {{0, 'P', 0, 0, 0},
      {10, 's', 10, 10, 0},
      {20, 'S', 20, 0, 0},
      {30, '.', 20, 0, 0},
      {100000, '.', 20, 0, 0}}},
    {"Started",
     -3600,
     {{0, 'P', 3600, 0, 0},
      {10, 's', 3610, 10, 0},
      {20, 'E', 3620, 0, 0},
      {30, '.', 3620, 0, 0}}},
    {"Started, no valid answer", -60, {{0, 's', 60, NOT_KNOWN, 0}}},
    {"Started long ago", -1795507199.0, {{0, 'P', 1795507199.0, 0, 0}}},
    {"Started in the future",
     3600,
     {{0, 'P', 0, 0, 0},
      {10, 'P', 10, 0, 0},
      {7200, 'T', 7200, 0, 0},
      {7210, '.', 7200, 0, 0}}},
    {"first answer final",
     0,
     {{0, 'S', NOT_KNOWN, 0, 0}, {10, '.', NOT_KNOWN, 0, 0}}},
    {"first valid answer final",
     0,
     {{0, 's', 0, NOT_KNOWN, 0},
      {10, '$', NOT_KNOWN, 0, 0},
      {20, '.', -1, 0, 0}}},
    {"Started, first answer final",
     -3600,
     {{0, 'E', NOT_KNOWN, 0, 0}, {10, '.', NOT_KNOWN, 0, 0}}},
    {"clock set back",
     0,
     {{0, 'P', 0, 0, 0},
      {10, 'P', 10, 0, -7200},
      {20, 's', 20, 10, -7200},
      {30, 'S', 30, 0, -10000},
      {40, '.', 30, 0, -20000}}},
    {"clock set forward",
     0,
     {{0, 'P', 0, 0, 0},
      {10, 's', 10, 10, 3600},
      {20, 'P', 20, 0, 3600},
      {30, 'E', 30, 0, 1e9},
      {40, '.', 30, 0, 1e9}}},
    {"clock set without an answer",
     0,
     {{0, 's', 0, NOT_KNOWN, 0}, {10, 's', 10, NOT_KNOWN, -100}}},
    {"clock set back behind Started",
     -60,
     {{0, 'P', 60, 0, 0}, {10, 'P', 70, 0, -1000}}},
};

static void check_times(size_t which) {
  struct world world = world_create("");
  world_add_task(&world, 0,
                 times[which].started == 0
                     ? 0
                     : world_start.wall + llround(times[which].started * 1000));
  for (size_t i = 0; i < CLOCK_STEPS_MAX; i++) {
    char answer_letter = times[which].steps[i].answer;
    if (answer_letter == '\0')
      break;
    int64_t passed = llround(times[which].steps[i].at * 1000);
    world.now.steady = world_start.steady + passed;
    world.now.wall =
        world_start.wall + passed + llround(times[which].steps[i].wall * 1000);
    play_round(&world, (const char[]){answer_letter, '\0'});
    const struct task_values *values = &world.snapshot.tasks[0];
    if (!is_time(values->elapsed, times[which].steps[i].elapsed) ||
        !is_time(values->status_age, times[which].steps[i].status_age))
      fail_msg("%s, step %zu: elapsed %g, status age %g", times[which].name,
               i + 1, values->elapsed, values->status_age);
  }
  world_free(&world);
}

static void test_times(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(times); i++)
    check_times(i);
}

/* Values are those of the moment of the snapshot, not of the answer. */
static void test_times_between(void **state) {
  struct world world = world_create("00");
  (void)state;
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), 0);
  assert_int_equal(take(&world, 0), 1);
  world.now.steady += 250;
  answer(&world, 0, 'P');
  world.now.steady += 500;
  end_round(&world);
  assert_true(is_time(world.snapshot.tasks[0].elapsed, 0.75));
  assert_true(is_time(world.snapshot.tasks[0].status_age, 0.5));
  assert_true(is_time(world.snapshot.tasks[1].elapsed, 0.75));
  answer(&world, 1, 'P'); /* one interval later */
  end_round(&world);
  assert_true(is_time(world.snapshot.tasks[0].status_age, 10.5));
  assert_true(is_time(world.snapshot.tasks[1].elapsed, 10.75));
  assert_true(is_time(world.snapshot.tasks[1].status_age, 0));
  world_free(&world);
}

/* --- Accounts' values ----------------------------------------------------- */

static void test_up(void **state) {
  static const struct script scripts[] = {
      {"no task", "", {" -", " -"}},
      {"no answer yet", "0", {"~ -", ". -", "P 1"}},
      {"good", "0", {"P 1", "P 1"}},
      {"final is good", "0000", {"SET$ 1", ".... 1"}},
      {"one good of many", "0000", {"snPu 1"}},
      {"unauthorized", "0", {"u 0"}},
      {"not found", "0", {"n 0"}},
      {"rate limited", "0", {"r 0"}},
      {"client error", "0", {"c 0"}},
      {"server error", "0", {"s 0"}},
      {"time-out", "0", {"t 0"}},
      {"network", "0000", {"holw 0"}},
      {"invalid", "0", {"i 0"}},
      {"each interval for itself", "0", {"P 1", "s 0", "P 1", "i 0", "S 1"}},
      {"kept while nothing is due", "0", {"S 1", ". 1", ". 1"}},
      {"1 kept while nothing ends", "0", {"P 1", "~ 1", ". 1", "s 0"}},
      {"0 kept while nothing ends", "0", {"s 0", "~ 0", ". 0", "P 1"}},
      {"accounts for themselves",
       "0112",
       {"PsP~ 11-", "sss. 00-", "sPss 010", "PSsP 111"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_up);
}

/* The requests for the first four tasks take 2, 1.5, 1 and 0.5 seconds. */
static void test_response_times(void **state) {
  static const struct script scripts[] = {
      {"none", "0", {"~ -", ". -"}},
      {"one", "0", {"P 2.00/2.00"}},
      {"two", "00", {"PP 1.75/2.00"}},
      {"four, whatever their end", "0000", {"PsnS 1.25/2.00"}},
      {"each interval for itself",
       "000",
       {"PPP 1.50/2.00", "PS~ 1.75/2.00", "~.. -", "..t 1.00/1.00",
        "P.~ 2.00/2.00"}},
      {"not those of another account", "0100", {"PP~P 1.25/2.00"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_response);
}

/* In whatever order they come. */
static void test_response_maximum(void **state) {
  struct world world = world_create("0000");
  char text[TEXT_SIZE];
  (void)state;
  play_round(&world, "~~~~");
  for (size_t i = 0; i < 4; i++)
    answer(&world, (const size_t[]){3, 0, 2, 1}[i], 'P');
  end_round(&world);
  describe_response(&world, text);
  assert_string_equal(text, "1.25/2.00");
  world_free(&world);
}

static void test_counters(void **state) {
  static const struct script scripts[] = {
      {"none", "0", {"~"}},
      {"pending", "0", {"P 0:ok=1", "P 0:ok=2"}},
      {"final", "0000", {"SET$ 0:ok=4", ".... 0:ok=4"}},
      {"unauthorized", "0", {"u 0:unauthorized=1"}},
      {"not found", "0", {"n 0:not_found=1"}},
      {"rate limited", "0", {"r 0:rate_limited=1"}},
      {"client error", "0", {"c 0:client_error=1"}},
      {"server error", "0", {"s 0:server_error=1"}},
      {"time-out", "0", {"t 0:timeout=1"}},
      {"host name", "0", {"h 0:network=1"}},
      {"connection", "0", {"o 0:network=1"}},
      {"TLS", "0", {"l 0:network=1"}},
      {"broken connection", "0", {"w 0:network=1"}},
      {"invalid", "0", {"i 0:invalid=1"}},
      {"late, once", "0", {"~", ".", "s 0:server_error=1"}},
      {"accounts for themselves",
       "0110",
       {"Psn~ 0:ok=1 1:not_found=1 1:server_error=1",
        "PPsS 0:ok=3 1:ok=1 1:not_found=1 1:server_error=2"}},
  };
  (void)state;
  run_scripts(scripts, COUNT(scripts), describe_requests);
}

static void test_http_status(void **state) {
  static const struct {
    long first, last;
    const char *counter;
  } cases[] = {
      {200, 299, "ok"},           {100, 199, "invalid"},
      {300, 399, "invalid"},      {401, 401, "unauthorized"},
      {403, 403, "unauthorized"}, {404, 404, "not_found"},
      {429, 429, "rate_limited"}, {408, 408, "timeout"},
      {400, 400, "client_error"}, {402, 402, "client_error"},
      {405, 407, "client_error"}, {409, 428, "client_error"},
      {430, 499, "client_error"}, {500, 599, "server_error"},
      {0, 99, "invalid"},         {600, 999, "invalid"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++)
    for (long status = cases[i].first; status <= cases[i].last; status++) {
      enum outcome outcome = outcome_of_http_status(status);
      const char *counter = request_counter_name[outcome_info[outcome].counter];
      if (strcmp(counter, cases[i].counter) != 0)
        fail_msg("%ld: %s", status, counter);
    }
}

static void test_was_answered(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(letters); i++) {
    struct world world = world_create("01");
    assert_false(tracker_was_answered(world.tracker, 0));
    play_round(&world, "~~");
    assert_false(tracker_was_answered(world.tracker, 0));
    play_round(&world, (const char[]){letters[i].letter, '.', '\0'});
    if (!tracker_was_answered(world.tracker, 0))
      fail_msg("not by %c", letters[i].letter);
    assert_false(tracker_was_answered(world.tracker, 1));
    world_free(&world);
  }
}

/* --- The key -------------------------------------------------------------- */

static void test_no_key(void **state) {
  struct world world = world_create("01");
  char text[TEXT_SIZE];
  (void)state;
  tracker_set_key(world.tracker, 0, false, false);
  tracker_begin_round(world.tracker, world.now);
  assert_int_equal(take(&world, 0), -1);
  assert_int_equal(take(&world, 1), 1); /* not its fault */
  answer(&world, 1, 'P');
  assert_false(tracker_round_is_open(world.tracker));
  end_round(&world);
  describe_up(&world, text);
  assert_string_equal(text, "01");
  for (int i = 0; i < 5; i++)
    play_round(&world, ".P");
  describe_told(&world, text); /* not blind: the key is the reason */
  assert_string_equal(text, "");
  tracker_set_key(world.tracker, 0, true, false);
  play_round(&world, "PP");
  describe_up(&world, text);
  assert_string_equal(text, "11");
  world_free(&world);
}

/* The key goes away while requests are under way. */
static void test_key_lost(void **state) {
  struct world world = world_create("000");
  char text[TEXT_SIZE];
  (void)state;
  play_round(&world, "P~~");
  tracker_set_key(world.tracker, 0, false, false);
  tracker_begin_round(world.tracker, world.now);
  assert_false(tracker_round_is_open(world.tracker));
  answer(&world, 1, 'P');
  give_back(&world, 2);
  assert_false(tracker_round_is_open(world.tracker));
  assert_int_equal(take(&world, 0), -1);
  end_round(&world);
  describe_up(&world, text);
  assert_string_equal(text, "0");
  describe_states(&world, text); /* but the answer counts */
  assert_string_equal(text, "PP?");
  play_round(&world, "...");
  tracker_set_key(world.tracker, 0, true, false);
  play_round(&world, "PPP");
  world_free(&world);
}

/* --- Snapshots ------------------------------------------------------------ */

/* The tasks are in the order of their listing, and more of them fit. */
static void test_snapshot_order(void **state) {
  struct world world = world_create("20");
  char name[WORD_SIZE];
  (void)state;
  while (world.task_count < TASKS_MAX) {
    assert_true(tracker_snapshot(world.tracker, world.now, &world.snapshot));
    assert_int_equal(world.snapshot.account_count, 3);
    assert_int_equal(world.snapshot.task_count, world.task_count);
    for (size_t i = 0; i < world.task_count; i++) {
      snprintf(name, sizeof(name), "t%zu", i);
      assert_string_equal(world.snapshot.tasks[i].name, name);
      assert_int_equal(world.snapshot.tasks[i].account, i == 0   ? 2
                                                        : i == 1 ? 0
                                                                 : i % 3);
    }
    world_add_task(&world, world.task_count % 3, 0);
  }
  world_free(&world);
}

/* Another snapshot, or none for a while, makes no difference to what it says,
 * but for what is of the interval. */
static void test_snapshot_twice(void **state) {
  struct world world = world_create("00");
  struct snapshot other = {0};
  (void)state;
  play_round(&world, "Ps");
  world.now = world_start;
  assert_true(tracker_snapshot(world.tracker, world.now, &other));
  assert_int_equal(other.task_count, 2);
  assert_int_equal(other.tasks[0].state, TASK_PENDING);
  assert_int_equal(other.tasks[1].state, TASK_UNKNOWN);
  assert_int_equal(other.accounts[0].up, 1);
  assert_int_equal(other.accounts[0].requests[COUNTER_OK], 1);
  assert_true(other.accounts[0].response_average < 0);
  snapshot_clear(&other);
  assert_int_equal(other.task_count, 0);
  assert_int_equal(other.account_count, 0);
  snapshot_clear(&other); /* an empty one */
  world_free(&world);
}

/* A tracker keeps its own copy of a definition. */
static void test_definition(void **state) {
  char id[] = "id-0", name[TASK_NAME_MAX + 1], type[] = "dub";
  struct task_definition definition = {0, id, name, type, 0};
  struct world world = world_create("");
  struct task_list *list = task_list_create();
  (void)state;
  memset(name, 'x', TASK_NAME_MAX);
  name[TASK_NAME_MAX] = '\0';
  assert_null(task_list_add(list, &definition));
  assert_true(tracker_set_tasks(world.tracker, list, world.now));
  task_list_free(list);
  tracker_begin_round(world.tracker, world.now);
  struct task *task = tracker_take_due(world.tracker, 0);
  assert_non_null(task);
  assert_string_equal(tracker_task_definition(task)->id, "id-0");
  assert_string_equal(tracker_task_definition(task)->type, "dub");
  assert_true(tracker_snapshot(world.tracker, world.now, &world.snapshot));
  assert_int_equal(strspn(world.snapshot.tasks[0].name, "x"), TASK_NAME_MAX);
  tracker_free(NULL); /* is fine */
  world_free(&world);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_state_list),
      cmocka_unit_test(test_states_and_outcomes),
      cmocka_unit_test(test_final_states),
      cmocka_unit_test(test_states_of_accounts),
      cmocka_unit_test(test_due),
      cmocka_unit_test(test_early_round),
      cmocka_unit_test(test_wall_clock_jumps),
      cmocka_unit_test(test_round_is_open),
      cmocka_unit_test(test_fairness),
      cmocka_unit_test(test_added_later),
      cmocka_unit_test(test_give_back),
      cmocka_unit_test(test_give_back_late),
      cmocka_unit_test(test_give_back_counts_nothing),
      cmocka_unit_test(test_times),
      cmocka_unit_test(test_times_between),
      cmocka_unit_test(test_up),
      cmocka_unit_test(test_response_times),
      cmocka_unit_test(test_response_maximum),
      cmocka_unit_test(test_counters),
      cmocka_unit_test(test_http_status),
      cmocka_unit_test(test_was_answered),
      cmocka_unit_test(test_no_key),
      cmocka_unit_test(test_key_lost),
      cmocka_unit_test(test_snapshot_order),
      cmocka_unit_test(test_snapshot_twice),
      cmocka_unit_test(test_definition),
  };
  return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
