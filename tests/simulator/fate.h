/* SPDX-License-Identifier: MIT */
/* What a line of the scenario says is to happen, to a task or to a request. */
#ifndef FATE_H
#define FATE_H

#include "misbehaviour.h"

#include <stdint.h>

/* When the phases of a task begin. */
enum fate_clock {
  CLOCK_UNSAID, /* as the scenario has it */
  CLOCK_LAUNCH, /* at once */
  CLOCK_ASKED,  /* with the first request that has a good key */
};

/* The tasks of a line share it. */
struct fate {
  unsigned holders;
  char *kind;
  char *name;      /* or NULL: the task's ID */
  double duration; /* of the media, seconds; negative: none */
  enum fate_clock clock;
  usec pending;   /* so long, and for ever without an end */
  char *end;      /* the final status, or NULL */
  char *reason;   /* then, or NULL */
  char *message;  /* then, or NULL */
  bool has_run;   /* then */
  int64_t run_id; /* of the line's first task; 0: a fresh one for each */
  struct misbehaviour misbehaviour;
};

/* Nothing in particular, with one holder. */
struct fate *fate_new(void);

/* One more holder, who is to put it back. */
struct fate *fate_hold(struct fate *fate);

/* Frees it with its last holder; NULL is fine. */
void fate_put(struct fate *fate);

/* Puts back what the field holds, and lets it hold this one, too. */
void fate_replace(struct fate **field, struct fate *fate);

#endif
