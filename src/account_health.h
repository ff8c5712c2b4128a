/* SPDX-License-Identifier: MIT */
/* How an account is doing: whether its tasks may be asked for just now, what is
 * to be told of it, and the values of it. Plain data and pure functions, as in
 * the tracker, whose part this is. Times are milliseconds of a steady clock. */
#ifndef ACCOUNT_HEALTH_H
#define ACCOUNT_HEALTH_H

#include "event.h"
#include "moment.h"
#include "outcome.h"
#include "snapshot.h"
#include "task_record.h"
#include "trouble.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bad rounds in a row after which an account counts as out of reach. */
#define ACCOUNT_ROUNDS_UNTIL_BLIND 3

/* The longest that the API may ask to wait by Retry-After, milliseconds. */
#define ACCOUNT_HOLD_MAX 3600000

/* A time in which nothing is asked, longer with each failure in a row. */
struct hold {
  unsigned failures;
  int64_t until;
};

struct account_health {
  int64_t interval, error_interval_max, poll_interval_max;

  bool key_available;
  struct hold limit; /* after 429 and 503 */
  struct hold probe; /* between two of the requests that try the key */
  bool is_probing;   /* the key does not work: one request at a time */
  /* Requests are numbered as they are asked; those up to this one were asked
   * before what happened last, and say nothing of how it is now. */
  uint64_t outdated;
  bool limit_is_said;     /* by the API, which goes for the next daemon, too */
  bool limit_is_restored; /* and this is that one */
  uint64_t changes;       /* counts those of what outlives the daemon */

  /* of the requests that ended since the last judgement */
  size_t ended, good, bad, unauthorized;
  /* by 403; in the rounds before too, while it was not known what else would
   * come */
  size_t forbidden;
  unsigned rounds_forbidden; /* such rounds */
  bool works; /* a good one was asked after the account last went wrong */
  double seconds_sum, seconds_maximum;

  int up;                                  /* 1, 0, or -1: nothing known yet */
  bool was_good;                           /* ever */
  int64_t last_good;                       /* when an answer last was */
  int64_t requests[REQUEST_COUNTER_COUNT]; /* since the start */
  unsigned bad_rounds;                     /* in a row */
  bool rejected, rejected_told;            /* the key is, by the API */
  bool blind, blind_told;                  /* the API is out of reach */
  struct trouble troubles[OUTCOME_COUNT];
};

/* The round of polling that is under way. */
struct round {
  int64_t began;
  uint64_t asked; /* the number of the latest request, of any account */
};

/* Of one request that has ended. */
struct account_answer {
  enum outcome outcome;
  uint64_t asked; /* its number */
  bool is_extra;  /* for what is nice to have: its failing means nothing */
  bool is_known;  /* it has failed in the same way before, for the same task */
  double seconds; /* how long it took */
  int64_t retry_after; /* milliseconds; 0: not said */
  double dice;         /* for the jitter, from 0 to below 1 */
};

/* An account that nothing is known of, with a key, whose tasks are asked every
 * interval, or at least every poll_interval_max, and after errors at least
 * every error_interval_max; every interval, if that is longer. */
void account_health_start(struct account_health *health, int64_t interval,
                          int64_t poll_interval_max,
                          int64_t error_interval_max);

/* Whether one more request may be asked, with so many under way. */
bool account_health_may_ask(const struct account_health *health,
                            size_t under_way, int64_t now);

/* Whether nothing may be asked for at least so long. */
bool account_health_is_held(const struct account_health *health, int64_t now,
                            int64_t time);

/* Takes in how a request has ended. Returns whether that is for the account as
 * a whole to wait on, not for the task. */
bool account_health_answer(struct account_health *health,
                           const struct account_answer *answer,
                           const struct round *round, int64_t now);

/* There is another key: what was found out about the one before is void. */
void account_health_key_changed(struct account_health *health,
                                const struct round *round);

/* Judges the account at the end of an interval, by the requests that ended in
 * it, if any did, while so many are still under way. dice is for the jitter, as
 * above. */
void account_health_judge(struct account_health *health, size_t under_way,
                          double dice, const struct round *round, int64_t now);

/* Fills the values, but for how many tasks are in each state: 0. */
void account_health_get_values(const struct account_health *health,
                               struct account_values *values);

/* Begins the next interval: forgets the requests that have been judged. */
void account_health_begin_interval(struct account_health *health);

/* Fills the record with what outlives the daemon, but for its account. */
void account_health_record(const struct account_health *health,
                           struct moment now, struct account_record *record);

/* Takes back what the function above gave out in an earlier life. */
void account_health_restore(struct account_health *health,
                            const struct account_record *record,
                            struct moment now);

/* Fills kind, outcome, name and detail of an event with what is to be told
 * next; false if there is nothing. */
bool account_health_next_event(const struct account_health *health,
                               struct event *event);

/* The event, one of those that the function above gives, has been told. */
void account_health_event_done(struct account_health *health,
                               const struct event *event);

#endif
