/* SPDX-License-Identifier: MIT */
/* A tracker and what is around it, for tests that are written as scripts:
 * rounds of polling in which each task's answer is a letter, and what is to
 * come of it. Whatever does not go as the script says fails the test. */
#ifndef TRACKER_WORLD_H
#define TRACKER_WORLD_H

#include "cases.h"
#include "tracker.h"

#define INTERVAL 10000 /* milliseconds */
#define TASKS_MAX 64
#define TEXT_SIZE 1024
#define WORD_SIZE 40

/* The letters for what a task can be answered. */
struct letter {
  char letter;
  enum outcome outcome;
  enum task_state state; /* when the outcome is OK */
};
#define LETTER_COUNT 18
extern const struct letter letters[LETTER_COUNT];

size_t index_of_letter(char letter);
char letter_of_state(enum task_state state);
bool is_final_letter(char letter);

/* A task that the world knows of: its number is in its ID, whatever its name.
 */
struct world_task {
  size_t account;
  char name[32];
  const char *type;
  int64_t started;
  bool is_listed;
};

struct world {
  const char *name; /* of the case, for what fails */
  struct tracker_rules rules;
  struct tracker *tracker;
  struct moment now;
  struct snapshot snapshot;
  size_t account_count, task_count;
  struct world_task tasks[TASKS_MAX];
  struct task *flying[TASKS_MAX]; /* taken, and not yet answered; by number */
};

extern const struct moment world_start;

/* A world with a task for each digit, which is that of its account; the tasks
 * are named t0, t1 and so on. What fails is asked again each interval, but by
 * other rules. */
struct world world_create(const char *accounts);
struct world world_create_by(const char *accounts, struct tracker_rules rules);
void world_free(struct world *world);

/* One more task, which is listed at once. */
void world_add_task(struct world *world, size_t account, int64_t started);

/* Lists those of the world's tasks that are to be. */
void world_list(struct world *world);
void world_set_listed(struct world *world, size_t number, bool is_listed);

/* What outlives the daemon. */
struct world_records {
  struct task_record tasks[TASKS_MAX];
  struct account_record accounts[4];
  size_t task_count, account_count;
};
void world_save(const struct world *world, struct world_records *records);

/* Another daemon takes the place of this one, with what was saved, and lists
 * its tasks. */
void world_start_again(struct world *world,
                       const struct world_records *records);

/* Saves and starts again. */
void world_restart(struct world *world);

void pass(struct world *world, int64_t milliseconds);

/* Takes the task that is due first in an account; returns its number, or -1 if
 * there is none. It must be neither in flight nor another account's. */
int take(struct world *world, size_t account);

/* What a letter says. The requests for the first four tasks take 2, 1.5, 1 and
 * 0.5 seconds, and so on. */
struct poll_answer answer_of_letter(size_t number, char letter);

/* Answers a task that is in flight. */
void answer_with(struct world *world, size_t number,
                 const struct poll_answer *poll);
void answer(struct world *world, size_t number, char letter);
void give_back(struct world *world, size_t number);

/* Ends the interval; the clock stays. */
void world_look(struct world *world);

/* Ends the interval and waits for the next one. */
void end_round(struct world *world);

/* Plays an interval. For each task, the script has a letter: its answer, in
 * this round or late; ~ if it is taken but not yet answered; . if nothing
 * happens to it, so it is not due or already in flight. */
void play_round(struct world *world, const char *script);

/* Lets the time pass until any task may be asked; returns how long it took, in
 * milliseconds, to within STEP, or -1 if it takes longer than limit. Nothing is
 * in flight meanwhile. */
#define STEP 20
int64_t time_until_due(struct world *world, int64_t limit);

/* Takes the next event, which must be offered until it has been told, and
 * tells it. */
bool tell_next(struct world *world, struct event *event);

/* "ended:t0:S", "stalled:t0", "trouble:t0:n", "account:0:s", "blind:0". */
void word_of(const struct event *event, char word[WORD_SIZE]);

/* All events, which are told, as words in the order of the alphabet, since that
 * of events is not promised; or those only that are a judgement on a round; or
 * how many there are of each kind: "trouble*10 many*1". */
void describe_told(struct world *world, char text[TEXT_SIZE]);
void describe_told_of_rounds(struct world *world, char text[TEXT_SIZE]);
void describe_kinds(struct world *world, char text[TEXT_SIZE]);

/* All of the above is told: what it says, or the test fails. */
void check_told(struct world *world, const char *expected);

/* Each listed task's state by its letter; the accounts' counts agree. */
void describe_states(struct world *world, char text[TEXT_SIZE]);

/* Each account's up as a character, - if it is not known. */
void describe_up(struct world *world, char text[TEXT_SIZE]);

/* Each step is a round and, behind a space, what it is described by. * there
 * means that nobody looks. */
#define STEPS_MAX 12
struct script {
  const char *name, *accounts;
  const char *steps[STEPS_MAX];
};

void run_scripts(const struct script *scripts, size_t count,
                 void (*describe)(struct world *, char *));
void run_scripts_by(struct tracker_rules rules, const struct script *scripts,
                    size_t count, void (*describe)(struct world *, char *));

#define NOT_KNOWN (-1.0)

bool is_time(double value, double expected);

#endif
