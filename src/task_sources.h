/* SPDX-License-Identifier: MIT */
/* Where the tasks to follow are named, the configuration and the task files:
 * has the tracker follow what stands there. For one thread. */
#ifndef TASK_SOURCES_H
#define TASK_SOURCES_H

#include "configuration.h"
#include "shared_tracker.h"

struct task_sources;

/* The sources of a configuration, which outlives them. No file is read yet.
 * NULL when out of memory. */
struct task_sources *
task_sources_create(const struct configuration *configuration);
void task_sources_free(struct task_sources *sources);

/* Looks at the files, and lists the tasks of all sources to the tracker if they
 * are others than before. When out of memory, or while the tasks are pinned,
 * the tracker goes on with what it has, and the next call tries again. What is
 * wrong with the files is among the shared problems from then on. */
void task_sources_update(struct task_sources *sources,
                         struct shared_tracker *shared);

#endif
