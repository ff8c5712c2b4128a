/* SPDX-License-Identifier: MIT */
/* Keeps what must survive a restart: takes it from the state files when the
 * daemon starts, and has it written there when it has changed. Accounts with
 * the same StateFile share one. One thread restores, and one saves, which does
 * nothing before that is done. */
#ifndef STATE_KEEPER_H
#define STATE_KEEPER_H

#include "configuration.h"
#include "shared_tracker.h"
#include "state_file.h"

#include <stdbool.h>
#include <stdint.h>

/* How often a file is written at most, and how soon another attempt is made
 * after one that has failed; milliseconds. */
#define STATE_SAVE_INTERVAL 1000
#define STATE_RETRY_INTERVAL 10000

struct state_keeper;

/* For the accounts of the configuration, named in the same order. Both outlive
 * the keeper. NULL when out of memory. */
struct state_keeper *
state_keeper_create(const struct configuration *configuration,
                    const struct state_account *accounts);
void state_keeper_free(struct state_keeper *keeper);

/* Gives the tracker, which has no tasks and no list of any yet, what the files
 * hold. What is wrong with a file is one of the shared problems from then on.
 */
void state_keeper_restore(struct state_keeper *keeper,
                          struct shared_tracker *shared);

/* Writes the files that are due: where something has changed since, and not
 * too often; all of them if is_last, for the ages that only pass. Nothing as
 * long as no list of tasks was given, unless is_last. Returns in how many
 * milliseconds, at most limit, the next one is due. */
int state_keeper_save(struct state_keeper *keeper,
                      struct shared_tracker *shared, bool is_last, int limit);

/* What the saving thread does: saves again and again what is due, and all for
 * the last time when state_keeper_stop is called, from any thread. */
void state_keeper_run(struct state_keeper *keeper,
                      struct shared_tracker *shared);
void state_keeper_stop(struct state_keeper *keeper,
                       struct shared_tracker *shared);

#endif
