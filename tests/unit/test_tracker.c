/* SPDX-License-Identifier: MIT */
/* Most of what is tested here is written as scripts: rounds of polling in which
 * each task's answer is a letter, and what is to come of it. */
#include "tracker.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define INTERVAL 10000 /* milliseconds */
#define TASKS_MAX 64
#define TEXT_SIZE 1024

static const struct moment start = {.wall = INT64_C(1795507200000),
                                    .steady = 5000};

/* The letters for what a task can be answered. */
static const struct {
  char letter;
  enum outcome outcome;
  enum task_state state; /* when the outcome is OK */
} letters[] = {
    {'P', OUTCOME_OK, TASK_PENDING},
    {'S', OUTCOME_OK, TASK_SUCCESS},
    {'E', OUTCOME_OK, TASK_ERROR},
    {'T', OUTCOME_OK, TASK_TIMEOUT},
    {'$', OUTCOME_OK, TASK_PAYMENT_REQUIRED},
    {'u', OUTCOME_UNAUTHORIZED, TASK_UNKNOWN},
    {'n', OUTCOME_NOT_FOUND, TASK_UNKNOWN},
    {'r', OUTCOME_RATE_LIMITED, TASK_UNKNOWN},
    {'c', OUTCOME_CLIENT_ERROR, TASK_UNKNOWN},
    {'s', OUTCOME_SERVER_ERROR, TASK_UNKNOWN},
    {'t', OUTCOME_TIMEOUT, TASK_UNKNOWN},
    {'h', OUTCOME_RESOLVE, TASK_UNKNOWN}, /* host */
    {'o', OUTCOME_CONNECT, TASK_UNKNOWN},
    {'l', OUTCOME_TLS, TASK_UNKNOWN},
    {'w', OUTCOME_NETWORK, TASK_UNKNOWN}, /* wire */
    {'i', OUTCOME_INVALID, TASK_UNKNOWN},
};

static size_t index_of_letter(char letter) {
  size_t i = 0;
  while (i < COUNT(letters) && letters[i].letter != letter)
    i++;
  if (i == COUNT(letters))
    fail_msg("no such letter: %c", letter);
  return i;
}

static char letter_of_state(enum task_state state) {
  for (size_t i = 0; i < COUNT(letters); i++)
    if (letters[i].outcome == OUTCOME_OK && letters[i].state == state)
      return letters[i].letter;
  return '?';
}

static char letter_of_outcome(enum outcome outcome) {
  size_t i = 0;
  while (letters[i].outcome != outcome)
    i++;
  return letters[i].letter;
}

static bool is_final(char letter) {
  return letter != '\0' && strchr("SET$", letter) != NULL;
}

/* --- A tracker and what is around it -------------------------------------- */

struct world {
  const char *name; /* of the case, for what fails */
  struct tracker *tracker;
  struct moment now;
  struct snapshot snapshot;
  size_t account_count, task_count;
  struct task *flying[TASKS_MAX]; /* taken, and not yet answered; by number */
};

/* One more task, named t0, t1 and so on. */
static void add_task(struct world *world, size_t account, int64_t started) {
  char id[32], name[32], type[] = "dub";
  struct task_definition definition = {account, id, name, type, started};
  assert_true(world->task_count < TASKS_MAX);
  snprintf(id, sizeof(id), "id-%zu", world->task_count);
  snprintf(name, sizeof(name), "t%zu", world->task_count);
  world->task_count++;
  assert_true(tracker_add_task(world->tracker, &definition, world->now));
}

/* A world with a task for each digit, which is that of its account. */
static struct world world_create(const char *accounts) {
  struct world world = {.name = accounts, .now = start, .account_count = 1};
  for (const char *c = accounts; *c != '\0'; c++)
    if ((size_t)(*c - '0') >= world.account_count)
      world.account_count = (size_t)(*c - '0') + 1;
  world.tracker = tracker_create(world.account_count, INTERVAL);
  assert_non_null(world.tracker);
  for (const char *c = accounts; *c != '\0'; c++)
    add_task(&world, (size_t)(*c - '0'), 0);
  return world;
}

static void world_free(struct world *world) {
  snapshot_clear(&world->snapshot);
  tracker_free(world->tracker);
}

static size_t number_of(const struct task *task) {
  return strtoul(tracker_task_definition(task)->name + 1, NULL, 10);
}

/* Takes the task that is due first in an account; returns its number, or -1 if
 * there is none. It must be neither in flight nor another account's. */
static int take(struct world *world, size_t account) {
  struct task *task = tracker_take_due(world->tracker, account);
  if (task == NULL)
    return -1;
  size_t number = number_of(task);
  assert_int_equal(tracker_task_definition(task)->account, account);
  assert_null(world->flying[number]);
  world->flying[number] = task;
  return (int)number;
}

/* Takes all that is due. */
static void take_all(struct world *world, bool taken[TASKS_MAX]) {
  for (size_t i = 0; i < world->account_count; i++)
    for (int number; (number = take(world, i)) >= 0;)
      taken[number] = true;
}

/* Answers a task that is in flight. The requests for the first four tasks take
 * 2, 1.5, 1 and 0.5 seconds, and so on. */
static void answer(struct world *world, size_t number, char letter) {
  size_t i = index_of_letter(letter);
  struct poll_answer poll = {
      .outcome = letters[i].outcome,
      .status = {.state = letters[i].state, .run_id = STATUS_RUN_ID_NONE},
      .seconds = (double)(4 - number % 4) / 2};
  if (poll.outcome != OUTCOME_OK)
    snprintf(poll.detail, sizeof(poll.detail), "detail %c of t%zu", letter,
             number);
  struct task *task = world->flying[number];
  world->flying[number] = NULL;
  tracker_answer(world->tracker, task, &poll, world->now);
}

/* What the script says of one task comes true, or the test fails. */
static void play_task(struct world *world, const char *script, size_t number,
                      bool taken) {
  char letter = script[number];
  if (letter == '.' && taken)
    fail_msg("%s: round %s: task %zu is due", world->name, script, number);
  if (letter != '.' && world->flying[number] == NULL)
    fail_msg("%s: round %s: task %zu is not due", world->name, script, number);
  if (letter != '.' && letter != '~')
    answer(world, number, letter);
}

static void end_round(struct world *world) {
  assert_true(tracker_snapshot(world->tracker, world->now, &world->snapshot));
  world->now.wall += INTERVAL;
  world->now.steady += INTERVAL;
}

/* Plays an interval. For each task, the script has a letter: its answer, in
 * this round or late; ~ if it is taken but not yet answered; . if nothing
 * happens to it, so it is not due or already in flight. */
static void play_round(struct world *world, const char *script) {
  bool taken[TASKS_MAX] = {false};
  assert_int_equal(strlen(script), world->task_count);
  tracker_begin_round(world->tracker, world->now);
  take_all(world, taken);
  for (size_t i = 0; i < world->task_count; i++)
    play_task(world, script, i, taken[i]);
  end_round(world);
}

/* --- What comes of it, as text -------------------------------------------- */

/* By kind: the word for it, whether it is about a trouble, and whether it is a
 * judgement on a whole round. */
static const struct {
  const char *word;
  bool of_trouble, of_round;
} kinds[] = {
    [EVENT_TASK_ENDED] = {"ended", false, false},
    [EVENT_TASK_TROUBLE] = {"trouble", true, false},
    [EVENT_TASK_TROUBLE_OVER] = {"over", true, false},
    [EVENT_MANY_TASKS_TROUBLE] = {"many", true, false},
    [EVENT_MANY_TASKS_OVER] = {"many_over", true, false},
    [EVENT_ACCOUNT_TROUBLE] = {"account", true, false},
    [EVENT_ACCOUNT_TROUBLE_OVER] = {"account_over", true, false},
    [EVENT_KEY_PROBLEM] = {"key", false, false},
    [EVENT_KEY_PROBLEM_OVER] = {"key_over", false, false},
    [EVENT_KEY_REJECTED] = {"rejected", false, true},
    [EVENT_KEY_ACCEPTED] = {"accepted", false, true},
    [EVENT_BLIND] = {"blind", false, true},
    [EVENT_BLIND_OVER] = {"blind_over", false, true},
};

#define WORD_SIZE 32

/* "ended:t0:S", "trouble:t0:n", "account:0:s", "blind:0". */
static void word_of(const struct tracker_event *event, char word[WORD_SIZE]) {
  const char *kind = kinds[event->kind].word;
  if (event->kind == EVENT_TASK_ENDED)
    snprintf(word, WORD_SIZE, "%s:%.8s:%c", kind, event->name,
             letter_of_state(event->state));
  else if (event->task != NULL)
    snprintf(word, WORD_SIZE, "%s:%.8s:%c", kind, event->name,
             letter_of_outcome(event->outcome));
  else if (kinds[event->kind].of_trouble)
    snprintf(word, WORD_SIZE, "%s:%zu:%c", kind, event->account,
             letter_of_outcome(event->outcome));
  else
    snprintf(word, WORD_SIZE, "%s:%zu", kind, event->account);
}

/* Takes the next event, which must be offered until it has been told, and
 * tells it. */
static bool tell_next(struct world *world, struct tracker_event *event) {
  struct tracker_event again;
  char word[WORD_SIZE], word_again[WORD_SIZE];
  if (!tracker_next_event(world->tracker, world->now, event))
    return false;
  word_of(event, word);
  for (int i = 0; i < 2; i++) {
    assert_true(tracker_next_event(world->tracker, world->now, &again));
    word_of(&again, word_again);
    assert_string_equal(word_again, word);
  }
  tracker_event_done(world->tracker, event);
  return true;
}

static int compare_words(const void *left, const void *right) {
  return strcmp(left, right);
}

/* Tells all there is, and writes it down in the order of the alphabet, since
 * that of events is not promised: everything, or what is of a round only. */
static void tell_all(struct world *world, bool of_round_only,
                     char text[TEXT_SIZE]) {
  struct tracker_event event;
  char words[TASKS_MAX][WORD_SIZE];
  size_t count = 0;
  while (tell_next(world, &event)) {
    assert_true(count < COUNT(words)); /* else there is no end to it */
    if (kinds[event.kind].of_round || !of_round_only)
      word_of(&event, words[count++]);
  }
  qsort(words, count, sizeof(words[0]), compare_words);
  text[0] = '\0';
  for (size_t i = 0; i < count; i++) {
    strcat(text, i > 0 ? " " : "");
    strcat(text, words[i]);
  }
}

static void describe_told(struct world *world, char text[TEXT_SIZE]) {
  tell_all(world, false, text);
}

static void describe_told_of_rounds(struct world *world, char text[TEXT_SIZE]) {
  tell_all(world, true, text);
}

/* How many events there are of each kind: "trouble*10 many*1". */
static void describe_kinds(struct world *world, char text[TEXT_SIZE]) {
  struct tracker_event event;
  size_t counts[COUNT(kinds)] = {0}, count = 0;
  while (tell_next(world, &event)) {
    assert_true(count++ < TASKS_MAX);
    counts[event.kind]++;
  }
  text[0] = '\0';
  for (size_t i = 0, length = 0; i < COUNT(kinds); i++)
    if (counts[i] > 0)
      length +=
          (size_t)snprintf(text + length, TEXT_SIZE - length, "%s%s*%zu",
                           length > 0 ? " " : "", kinds[i].word, counts[i]);
}

/* Each task's state by its letter; the accounts' counts agree with them. */
static void describe_states(struct world *world, char text[TEXT_SIZE]) {
  const struct snapshot *snapshot = &world->snapshot;
  assert_int_equal(snapshot->task_count, world->task_count);
  for (size_t i = 0; i < snapshot->task_count; i++)
    text[i] = letter_of_state(snapshot->tasks[i].state);
  text[snapshot->task_count] = '\0';
  for (size_t i = 0; i < snapshot->account_count; i++)
    for (int state = 0; state < TASK_STATE_COUNT; state++) {
      size_t count = 0;
      for (size_t k = 0; k < snapshot->task_count; k++)
        count += snapshot->tasks[k].account == i &&
                 snapshot->tasks[k].state == (enum task_state)state;
      assert_int_equal(snapshot->accounts[i].states[state], count);
    }
}

/* Each account's up as a character, - if it is not known. */
static void describe_up(struct world *world, char text[TEXT_SIZE]) {
  assert_int_equal(world->snapshot.account_count, world->account_count);
  for (size_t i = 0; i < world->account_count; i++)
    text[i] = "-01"[world->snapshot.accounts[i].up + 1];
  text[world->account_count] = '\0';
}

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

/* --- Scripts -------------------------------------------------------------- */

#define STEPS_MAX 10

/* Each step is a round and, behind a space, what it is described by. * there
 * means that nobody looks. */
struct script {
  const char *name, *accounts;
  const char *steps[STEPS_MAX];
};

/* Plays a step; returns whether its description is as it says. */
static bool play_step(struct world *world, const char *step,
                      void (*describe)(struct world *, char *)) {
  char round[TASKS_MAX + 1], text[TEXT_SIZE] = "";
  size_t length = strcspn(step, " ");
  const char *expected = step[length] == '\0' ? "" : step + length + 1;
  assert_true(length < sizeof(round));
  memcpy(round, step, length);
  round[length] = '\0';
  play_round(world, round);
  if (strcmp(expected, "*") == 0)
    return true;
  describe(world, text);
  if (strcmp(text, expected) == 0)
    return true;
  print_error("%s, round %s: \"%s\", not \"%s\"\n", world->name, round, text,
              expected);
  return false;
}

static void run_scripts(const struct script *scripts, size_t count,
                        void (*describe)(struct world *, char *)) {
  size_t failed = 0;
  for (size_t i = 0; i < count; i++) {
    struct world world = world_create(scripts[i].accounts);
    world.name = scripts[i].name;
    for (size_t k = 0; k < STEPS_MAX && scripts[i].steps[k] != NULL; k++)
      if (!play_step(&world, scripts[i].steps[k], describe)) {
        failed++;
        break; /* what follows would only follow from it */
      }
    world_free(&world);
  }
  assert_int_equal(failed, 0);
}

/* --- States --------------------------------------------------------------- */

/* The contract's table of codes, and which of them is good news. */
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
    play_round(&world, is_final(letter) ? "." : "P");
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
      play_round(&world,
                 (const char[]){'.', is_final(letter) ? '.' : letter, '\0'});
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
    world.now.steady = start.steady + cases[i].answered;
    answer(&world, 0, "Ps"[i % 2]);
    assert_int_equal(take(&world, 0), -1); /* not twice in a round */
    world.now.steady = start.steady + cases[i].next;
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
  add_task(&world, 0, 0);
  play_round(&world, "PP");
  play_round(&world, "S~");
  add_task(&world, 0, 0);
  play_round(&world, "..P");
  world_free(&world);
}

static void give_back(struct world *world, size_t number) {
  struct task *task = world->flying[number];
  world->flying[number] = NULL;
  tracker_give_back(world->tracker, task);
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

#define NOT_KNOWN (-1.0)
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

static bool is_time(double value, double expected) {
  return expected < 0 ? value < 0 : fabs(value - expected) < 1e-6;
}

static void check_times(size_t which) {
  struct world world = world_create("");
  add_task(&world, 0,
           times[which].started == 0
               ? 0
               : start.wall + llround(times[which].started * 1000));
  for (size_t i = 0; i < CLOCK_STEPS_MAX; i++) {
    char answer_letter = times[which].steps[i].answer;
    if (answer_letter == '\0')
      break;
    int64_t passed = llround(times[which].steps[i].at * 1000);
    world.now.steady = start.steady + passed;
    world.now.wall =
        start.wall + passed + llround(times[which].steps[i].wall * 1000);
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
  tracker_set_key(world.tracker, 0, false, "");
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
  tracker_set_key(world.tracker, 0, true, "");
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
  tracker_set_key(world.tracker, 0, false, "");
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
  tracker_set_key(world.tracker, 0, true, "");
  play_round(&world, "PPP");
  world_free(&world);
}

/* A problem with the key's file is told when it changes, key or no key. */
static void test_key_problem(void **state) {
  static const struct {
    bool available;
    const char *problem, *told, *detail;
  } steps[] = {
      {true, "", "", ""},
      {false, "k: no such file", "key:0", "k: no such file"},
      {false, "k: no such file", "", ""},
      {false, "k: permission denied", "key:0", "k: permission denied"},
      {true, "k: others can read it", "key:0", "k: others can read it"},
      {true, "k: others can read it", "", ""},
      {true, "", "key_over:0", ""},
      {true, "", "", ""},
      {false, "k: is empty", "key:0", "k: is empty"},
      {true, "", "key_over:0", ""},
  };
  struct world world = world_create("");
  (void)state;
  for (size_t i = 0; i < COUNT(steps); i++) {
    struct tracker_event event;
    char word[WORD_SIZE] = "";
    tracker_set_key(world.tracker, 0, steps[i].available, steps[i].problem);
    bool any = tell_next(&world, &event);
    if (any)
      word_of(&event, word);
    if (strcmp(word, steps[i].told) != 0 ||
        (any && strcmp(event.detail, steps[i].detail) != 0))
      fail_msg("step %zu: \"%s\"", i + 1, word);
    assert_false(tell_next(&world, &event));
  }
  world_free(&world);
}

/* A problem that nobody heard of need not be told any more. */
static void test_key_problem_untold(void **state) {
  struct world world = world_create("");
  struct tracker_event event;
  (void)state;
  tracker_set_key(world.tracker, 0, false, "one");
  tracker_set_key(world.tracker, 0, true, "");
  assert_false(tracker_next_event(world.tracker, world.now, &event));
  tracker_set_key(world.tracker, 0, false, "one");
  tracker_set_key(world.tracker, 0, false, "two");
  assert_true(tell_next(&world, &event));
  assert_string_equal(event.detail, "two");
  assert_false(tell_next(&world, &event));
  world_free(&world);
}

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
       {"uu account:0:u rejected:0", "uu", "PP accepted:0 account_over:0:u"}},
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
       {"uu rejected:0", "uu", "uu", "uu", "PP accepted:0", "PP"}},
      {"one good answer", "000", {"uuP", "uPu", "Puu"}},
      {"beside other troubles", "000", {"usw rejected:0"}},
      {"one good answer is enough",
       "00",
       {"uu rejected:0", "uP accepted:0", "uP"}},
      {"errors do not end it", "0", {"u rejected:0", "s", "n", "P accepted:0"}},
      {"nor do intervals without an end",
       "0",
       {"u rejected:0", "~", ".", "P accepted:0"}},
      {"late answers are of their interval",
       "00",
       {"u~ rejected:0", "uP accepted:0"}},
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
       {"us rejected:0", "su", "us", "su"}},
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
      {"a few make room for a few",
       "000000000000",
       {"nnnnnnnnnnPP trouble*10", "PPnnnnnnnnPP over*2",
        "PPnnnnnnnnnn trouble*2"}},
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

/* A task is named as long as there are not that many, even if it comes into
 * trouble a moment before the others come out of it. */
static void test_told_many_only_if_many(void **state) {
  static const struct script scripts[] = {
      {"one after ten",
       "00000000000",
       {"Pnnnnnnnnnn trouble*10", "nPPPPPPPPPP trouble*1 over*10"}},
      {"one in place of one",
       "00000000000",
       {"Pnnnnnnnnnn trouble*10", "nnnnnnnnnnP trouble*1 over*1"}},
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
    struct tracker_event event;
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

/* --- What an event says --------------------------------------------------- */

static void test_end_event(void **state) {
  struct world world = world_create("001");
  struct poll_answer poll = {.outcome = OUTCOME_OK,
                             .status = {.state = TASK_ERROR,
                                        .run_id = 4711,
                                        .exception_reason = "SOURCE_TOO_LONG",
                                        .message = "too long"}};
  struct tracker_event event;
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
  assert_ptr_equal(event.task, world.flying[2]);
  assert_false(tell_next(&world, &event));
  world_free(&world);
}

/* The time that a task took is that of its end, whenever it is told, and what
 * the API did not say is not there. */
static void test_end_event_told_late(void **state) {
  struct world world = world_create("0");
  struct tracker_event event;
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
  struct tracker_event event;
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
  struct tracker_event event;
  (void)state;
  play_round(&world, "PPss");
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_ACCOUNT_TROUBLE);
  assert_int_equal(event.outcome, OUTCOME_SERVER_ERROR);
  assert_int_equal(event.account, 1);
  assert_null(event.task);
  assert_string_equal(event.name, "t2");
  assert_string_equal(event.detail, "detail s of t2");
  play_round(&world, "PPPP");
  assert_true(tell_next(&world, &event));
  assert_int_equal(event.kind, EVENT_ACCOUNT_TROUBLE_OVER);
  assert_int_equal(event.outcome, OUTCOME_SERVER_ERROR);
  assert_int_equal(event.account, 1);
  assert_null(event.task);
  play_round(&world, "PsPP");
  assert_true(tell_next(&world, &event));
  assert_string_equal(event.name, "t1");
  assert_string_equal(event.detail, "detail s of t1");
  assert_false(tell_next(&world, &event));
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
    add_task(&world, world.task_count % 3, 0);
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
  world.now = start;
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

/* A tracker keeps its own copy of a definition, in the same place. */
static void test_definition(void **state) {
  char id[] = "id-0", name[TASK_NAME_MAX + 1], type[] = "dub";
  struct task_definition definition = {0, id, name, type, 0};
  struct world world = world_create("");
  (void)state;
  memset(name, 'x', TASK_NAME_MAX);
  name[TASK_NAME_MAX] = '\0';
  assert_true(tracker_add_task(world.tracker, &definition, world.now));
  id[0] = name[0] = type[0] = '#';
  tracker_begin_round(world.tracker, world.now);
  struct task *task = tracker_take_due(world.tracker, 0);
  assert_non_null(task);
  const struct task_definition *kept = tracker_task_definition(task);
  for (int i = 0; i < 40; i++)
    add_task(&world, 0, 0);
  assert_ptr_equal(tracker_task_definition(task), kept);
  assert_string_equal(kept->id, "id-0");
  assert_string_equal(kept->type, "dub");
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
      cmocka_unit_test(test_key_problem),
      cmocka_unit_test(test_key_problem_untold),
      cmocka_unit_test(test_told_ends),
      cmocka_unit_test(test_told_task_trouble),
      cmocka_unit_test(test_told_account_trouble),
      cmocka_unit_test(test_told_rejected),
      cmocka_unit_test(test_told_blind),
      cmocka_unit_test(test_told_many),
      cmocka_unit_test(test_told_many_only_if_many),
      cmocka_unit_test(test_told_after_a_long_silence),
      cmocka_unit_test(test_account_trouble_that_wanders),
      cmocka_unit_test(test_change_while_telling),
      cmocka_unit_test(test_end_event),
      cmocka_unit_test(test_end_event_told_late),
      cmocka_unit_test(test_trouble_event),
      cmocka_unit_test(test_account_trouble_event),
      cmocka_unit_test(test_snapshot_order),
      cmocka_unit_test(test_snapshot_twice),
      cmocka_unit_test(test_definition),
  };
  return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
