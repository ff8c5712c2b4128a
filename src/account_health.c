/* SPDX-License-Identifier: MIT */
#include "account_health.h"

#include "back_off.h"
#include "utf8.h"

#include <string.h>

void account_health_start(struct account_health *health, int64_t interval,
                          int64_t poll_interval_max,
                          int64_t error_interval_max) {
  memset(health, 0, sizeof(*health));
  health->interval = interval;
  health->poll_interval_max = poll_interval_max;
  health->error_interval_max = error_interval_max;
  health->key_available = true;
  health->up = -1;
}

bool account_health_may_ask(const struct account_health *health,
                            size_t under_way, int64_t now) {
  if (!health->key_available || now < health->limit.until)
    return false;
  return !health->is_probing || (under_way == 0 && now >= health->probe.until);
}

bool account_health_is_held(const struct account_health *health, int64_t now,
                            int64_t time) {
  return !health->key_available || health->is_probing ||
         health->limit.until - now >= time;
}

static void begin_hold(const struct account_health *health, struct hold *hold,
                       double dice, const struct round *round) {
  hold->failures++;
  hold->until = round->began + back_off(hold->failures, health->interval,
                                        health->error_interval_max, dice);
}

/* Whether the answer speaks against the key. Where it has been good for others,
 * what the API refuses for a task concerns that task alone, and goes on to. */
static bool is_about_key(const struct account_health *health,
                         const struct account_answer *answer) {
  return outcome_is_refusal(answer->outcome) && !answer->is_extra &&
         (health->is_probing || !answer->is_known);
}

static void count(struct account_health *health,
                  const struct account_answer *answer) {
  enum outcome outcome = answer->outcome;
  health->requests[outcome_info[outcome].counter]++;
  health->ended++;
  health->seconds_sum += answer->seconds;
  if (answer->seconds > health->seconds_maximum)
    health->seconds_maximum = answer->seconds;
  if (outcome == OUTCOME_OK)
    health->good++;
  else if (!answer->is_extra)
    health->bad++;
  if (!is_about_key(health, answer))
    return;
  if (outcome == OUTCOME_UNAUTHORIZED)
    health->unauthorized++;
  else
    health->forbidden++;
}

/* The API wants to be left alone. Of what was asked together, the first answer
 * to say so counts; a later one can only make the time longer. */
static void limit(struct account_health *health,
                  const struct account_answer *answer, bool is_news,
                  const struct round *round, int64_t now) {
  if (is_news) {
    begin_hold(health, &health->limit, answer->dice, round);
    if (health->limit_is_said)
      health->changes++;
    health->limit_is_said = false;
  }
  if (answer->retry_after == 0)
    return;
  int64_t until = now + answer->retry_after;
  if (until < round->began + health->interval / 2)
    until = round->began + health->interval / 2; /* not in the same round */
  if (is_news || until > health->limit.until)
    health->limit.until = until;
  health->limit_is_said = true;
  health->changes++;
}

/* A limit of an earlier life is a trouble that no task has. */
static void end_restored_limit(struct account_health *health) {
  if (health->limit_is_restored)
    trouble_leave(&health->troubles[OUTCOME_RATE_LIMITED]);
  health->limit_is_restored = false;
}

static void end_holds(struct account_health *health) {
  if (health->limit_is_said)
    health->changes++;
  health->limit = health->probe = (struct hold){0};
  health->is_probing = health->limit_is_said = false;
}

bool account_health_answer(struct account_health *health,
                           const struct account_answer *answer,
                           const struct round *round, int64_t now) {
  enum outcome outcome = answer->outcome;
  bool is_news = answer->asked > health->outdated;
  bool is_limit = outcome_info[outcome].limits_account;
  bool is_rejection =
      outcome == OUTCOME_UNAUTHORIZED && is_about_key(health, answer);
  bool is_failed_probe =
      is_rejection || (health->is_probing && outcome != OUTCOME_OK);
  count(health, answer);
  if (is_limit) {
    limit(health, answer, is_news, round, now);
  } else if (is_news && is_failed_probe) {
    health->is_probing = true;
    begin_hold(health, &health->probe, answer->dice, round);
  } else if (is_news && outcome == OUTCOME_OK) {
    health->works = true;
    end_holds(health);
  }
  if (is_news && (is_limit || is_failed_probe))
    health->outdated = round->asked;
  return is_limit || is_rejection;
}

void account_health_key_changed(struct account_health *health,
                                const struct round *round) {
  health->probe = (struct hold){0};
  health->outdated = round->asked;
}

/* Whether tasks that are seldom asked may be the reason that no good answer has
 * come. */
static bool may_be_unasked(const struct account_health *health, int64_t now) {
  return health->was_good && now - health->last_good <=
                                 health->poll_interval_max + health->interval;
}

/* The round had a good answer. */
static void judge_good(struct account_health *health, int64_t now) {
  /* one that was asked before does not say that the key works again */
  health->rejected = health->rejected && !health->works;
  health->blind = false;
  health->bad_rounds = health->rounds_forbidden = 0;
  health->forbidden = 0;
  health->was_good = true;
  health->last_good = now;
}

/* Whether the key may be good after all: only 403 speaks against it, and
 * answers are still awaited. That is not waited for for long. */
static bool is_key_open(struct account_health *health, size_t under_way) {
  return health->unauthorized == 0 && under_way > 0 &&
         ++health->rounds_forbidden < ACCOUNT_ROUNDS_UNTIL_BLIND;
}

/* The round had none. */
static void judge_bad(struct account_health *health, size_t under_way,
                      int64_t now) {
  if (health->unauthorized + health->forbidden > 0) {
    health->bad_rounds = 0;
    if (!is_key_open(health, under_way))
      health->rejected = true;
  } else if (++health->bad_rounds >= ACCOUNT_ROUNDS_UNTIL_BLIND &&
             !may_be_unasked(health, now)) {
    health->blind = true;
  }
}

static void judge_round(struct account_health *health, size_t under_way,
                        int64_t now) {
  health->up = health->good > 0;
  if (health->good > 0)
    judge_good(health, now);
  else
    judge_bad(health, under_way, now);
}

void account_health_judge(struct account_health *health, size_t under_way,
                          double dice, const struct round *round, int64_t now) {
  if (health->good + health->bad > 0)
    judge_round(health, under_way, now);
  /* by 403 only: by 401 it is so already */
  if (health->rejected && health->forbidden > 0 && !health->is_probing) {
    health->is_probing = true;
    begin_hold(health, &health->probe, dice, round);
    health->outdated = round->asked;
  }
  if (health->rejected)
    health->forbidden = health->rounds_forbidden = 0;
  if (now >= health->limit.until)
    end_restored_limit(health);
  for (int i = 0; i < OUTCOME_COUNT; i++)
    trouble_judge(&health->troubles[i], now);
}

void account_health_get_values(const struct account_health *health,
                               struct account_values *values) {
  double ended = (double)health->ended;
  *values = (struct account_values){
      .up = health->key_available ? health->up : 0,
      .response_average = ended > 0 ? health->seconds_sum / ended : -1,
      .response_maximum = ended > 0 ? health->seconds_maximum : -1};
  memcpy(values->requests, health->requests, sizeof(values->requests));
}

void account_health_begin_interval(struct account_health *health) {
  health->ended = health->good = health->bad = health->unauthorized = 0;
  health->works = false;
  health->seconds_sum = health->seconds_maximum = 0;
}

void account_health_record(const struct account_health *health,
                           struct moment now, struct account_record *record) {
  record->key_rejected = health->rejected_told;
  record->blind = health->blind_told;
  record->held_until = health->limit_is_said && health->limit.until > now.steady
                           ? moment_to_wall(now, health->limit.until)
                           : 0;
}

void account_health_restore(struct account_health *health,
                            const struct account_record *record,
                            struct moment now) {
  health->rejected = health->rejected_told = record->key_rejected;
  health->is_probing = record->key_rejected;
  health->blind = health->blind_told = record->blind;
  if (record->held_until <= now.wall)
    return;
  /* the clock may have been set back since */
  int64_t wait = record->held_until - now.wall;
  health->limit.until =
      now.steady + (wait < ACCOUNT_HOLD_MAX ? wait : ACCOUNT_HOLD_MAX);
  health->limit_is_said = health->limit_is_restored = true;
  trouble_enter(&health->troubles[OUTCOME_RATE_LIMITED], "",
                "so it said before the restart, and how long to wait",
                now.steady, health->interval);
}

/* A trouble of the account that has begun, or else one that is over. In this
 * order, since the end of one kind may be the beginning of a worse one. */
static bool trouble_event(const struct account_health *health, bool begun,
                          struct event *event) {
  for (int i = 0; i < OUTCOME_COUNT; i++) {
    const struct trouble *trouble = &health->troubles[i];
    enum outcome_scope scope = outcome_info[i].scope;
    bool is_active = trouble_is_active(trouble, scope);
    if (is_active == trouble->told || is_active != begun)
      continue;
    event->outcome = (enum outcome)i;
    if (scope == SCOPE_ACCOUNT)
      event->kind = begun ? EVENT_ACCOUNT_TROUBLE : EVENT_ACCOUNT_TROUBLE_OVER;
    else
      event->kind = begun ? EVENT_MANY_TASKS_TROUBLE : EVENT_MANY_TASKS_OVER;
    utf8_copy(event->name, sizeof(event->name), trouble->name);
    utf8_copy(event->detail, sizeof(event->detail), trouble->detail);
    return true;
  }
  return false;
}

bool account_health_next_event(const struct account_health *health,
                               struct event *event) {
  if (health->rejected != health->rejected_told)
    event->kind = health->rejected ? EVENT_KEY_REJECTED : EVENT_KEY_ACCEPTED;
  else if (health->blind != health->blind_told)
    event->kind = health->blind ? EVENT_BLIND : EVENT_BLIND_OVER;
  else
    return trouble_event(health, true, event) ||
           trouble_event(health, false, event);
  return true;
}

void account_health_event_done(struct account_health *health,
                               const struct event *event) {
  struct trouble *trouble = &health->troubles[event->outcome];
  switch (event->kind) {
  case EVENT_ACCOUNT_TROUBLE:
  case EVENT_MANY_TASKS_TROUBLE:
  case EVENT_ACCOUNT_TROUBLE_OVER:
  case EVENT_MANY_TASKS_OVER:
    trouble->told = event->kind == EVENT_ACCOUNT_TROUBLE ||
                    event->kind == EVENT_MANY_TASKS_TROUBLE;
    break;
  case EVENT_KEY_REJECTED:
  case EVENT_KEY_ACCEPTED:
    health->rejected_told = event->kind == EVENT_KEY_REJECTED;
    health->changes++;
    break;
  case EVENT_BLIND:
  case EVENT_BLIND_OVER:
    health->blind_told = event->kind == EVENT_BLIND;
    health->changes++;
    break;
  default:
    break;
  }
}
