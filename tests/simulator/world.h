/* SPDX-License-Identifier: MIT */
/* The API as the scenario has it at the moment: its tasks, its keys, and what
 * goes wrong. */
#ifndef WORLD_H
#define WORLD_H

#include "counters.h"
#include "tasks.h"

/* Of requests without regard to a task. */
enum world_layer { LAYER_ALL, LAYER_RESULTS, LAYER_COUNT };

struct key {
  STAILQ_ENTRY(key) next;
  char *text;
  uint64_t seen;
};

/* The fate of the next requests. */
struct next {
  STAILQ_ENTRY(next) next;
  uint64_t left; /* so many of them */
  struct fate *fate;
};

struct world {
  usec launched;
  struct tasks *tasks;
  struct fate *create;              /* of the tasks that POST makes */
  struct fate *layers[LAYER_COUNT]; /* or NULL */
  enum fate_clock clock;            /* of fates that say none */
  uint64_t dice;                    /* their seed, and then their state */
  STAILQ_HEAD(keys, key) keys;
  STAILQ_HEAD(nexts, next) nexts;
  struct counters counters;
};

void world_init(struct world *world);

/* Frees what is in it. */
void world_clear(struct world *world);

void world_add_key(struct world *world, const char *text);
void world_drop_keys(struct world *world);

/* Counts it as seen. NULL is no good key. */
bool world_accepts_key(struct world *world, const char *text);

/* The next requests, behind those for which that was said before. */
void world_add_next(struct world *world, uint64_t count, struct fate *fate);
void world_drop_nexts(struct world *world);

/* What goes wrong with a request, which is one of the next, for the result of a
 * run or not, for this task or for none (NULL): it is laid over the caller's
 * misbehaviour. */
void world_misbehave(struct world *world, bool is_result,
                     const struct task *task,
                     struct misbehaviour *misbehaviour);

#endif
