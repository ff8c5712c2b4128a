/* SPDX-License-Identifier: MIT */
/* One kind of trouble in one account: how many tasks have it, and what of it is
 * told, so that each trouble is told once when it starts and once when it is
 * over, and one that comes and goes does not fill the log.
 *
 * A spell of trouble begins with the first task that has it, and is over when
 * no task has had it for some time: at once at first, but for longer with each
 * further spell. Tasks are told by name only so often in a spell. */
#ifndef TROUBLE_H
#define TROUBLE_H

#include "event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many tasks are told by name in a spell. */
#define TROUBLE_TASKS_NAMED 10
/* How long there has to be quiet at most until a spell is over, and for the
 * next one to be like the first; milliseconds. */
#define TROUBLE_QUIET_MAX 3600000

/* All zero is none. */
struct trouble {
  size_t tasks;   /* that have it now */
  bool is_open;   /* there is a spell */
  unsigned named; /* how many tasks have been told by name in it */
  bool crowded;   /* there were more to be told */
  bool told;      /* what is told for the account as a whole */
  int64_t seen;   /* when a task last had it */
  int64_t quiet;  /* how long there has to be quiet until the spell is over */
  /* of the first one: */
  char name[TASK_NAME_MAX + 1];
  char detail[EVENT_DETAIL_SIZE];
};

/* One more task has it now; begins a spell if there is none. Times are
 * milliseconds of a steady clock. */
void trouble_enter(struct trouble *trouble, const char *name,
                   const char *detail, int64_t now, int64_t interval);

/* One task has it no more. */
void trouble_leave(struct trouble *trouble);

/* Whether a task that has it may be told by name, which counts by
 * trouble_name_told. If not, it is remembered that there were more. */
bool trouble_may_name(struct trouble *trouble);
void trouble_name_told(struct trouble *trouble);

/* Judges at the end of an interval whether the spell is over: while the answers
 * of a round come in, it may only seem so. */
void trouble_judge(struct trouble *trouble, int64_t now);

/* Whether the trouble is to be told for the account as a whole now, by its
 * scope. */
bool trouble_is_active(const struct trouble *trouble, enum outcome_scope scope);

#endif
