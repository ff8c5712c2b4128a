/* SPDX-License-Identifier: MIT */
/* All tasks that the tracker knows, the listed ones and others: a part of the
 * tracker, which says what being listed means. A task is one by its account,
 * type and ID. */
#ifndef KNOWN_TASKS_H
#define KNOWN_TASKS_H

#include "moment.h"
#include "task.h"
#include "task_list.h"

#include <stdbool.h>
#include <stddef.h>

/* Owns the tasks. */
struct known_tasks {
  struct task **tasks;  /* the listed ones in their order, then the others */
  size_t count;         /* of all */
  size_t listed_count;  /* at most that */
  size_t capacity;      /* of tasks */
  void *by_identity;    /* tsearch tree over the tasks */
  size_t *field_counts; /* how many fields a task has, by its account */
};

/* No task, and for so many accounts no fields, which is for the caller to
 * change before the first task comes. Returns false when out of memory; there
 * is nothing to be cleared then. */
bool known_tasks_init(struct known_tasks *known, size_t accounts);

/* Frees the tasks, too. */
void known_tasks_clear(struct known_tasks *known);

/* NULL if it is not known. */
struct task *known_tasks_find(const struct known_tasks *known, size_t account,
                              const char *type, const char *id);

/* Adds a task that is not known yet, as one of those that are not listed, by a
 * copy of its definition. NULL when out of memory. */
struct task *known_tasks_add(struct known_tasks *known,
                             const struct task_definition *definition,
                             struct moment now);

/* Lists the tasks of the list, by copies of their definitions, and no others.
 * One that is not known yet, or has another name or start than before, is_new:
 * the caller sets that back, and its is_listed to what it is then. Returns
 * false when out of memory; nothing has changed then. */
bool known_tasks_list(struct known_tasks *known, const struct task_list *list,
                      struct moment now);

/* Frees the task at an index from listed_count on, where another one of these
 * may be then. */
void known_tasks_forget(struct known_tasks *known, size_t index);

#endif
