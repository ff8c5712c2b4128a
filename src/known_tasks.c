/* SPDX-License-Identifier: MIT */
#include "known_tasks.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

bool known_tasks_init(struct known_tasks *known, size_t accounts) {
  *known = (struct known_tasks){0};
  /* calloc(0) may be NULL */
  known->field_counts = calloc(accounts + 1, sizeof(*known->field_counts));
  return known->field_counts != NULL;
}

static void keep(void *node) { (void)node; }

void known_tasks_clear(struct known_tasks *known) {
  tdestroy(known->by_identity, keep);
  for (size_t i = 0; i < known->count; i++)
    task_free(known->tasks[i]);
  free(known->tasks);
  free(known->field_counts);
}

static int compare_identities(const void *left, const void *right) {
  const struct task *task = left, *other = right;
  const struct task_definition *a = task->definition, *b = other->definition;
  if (a->account != b->account)
    return a->account < b->account ? -1 : 1;
  int order = strcmp(a->id, b->id);
  return order != 0 ? order : strcmp(a->type, b->type);
}

struct task *known_tasks_find(const struct known_tasks *known, size_t account,
                              const char *type, const char *id) {
  struct task_definition definition = {
      .account = account, .id = id, .type = type};
  const struct task key = {.definition = &definition};
  void *node = tfind(&key, &known->by_identity, compare_identities);
  return node == NULL ? NULL : *(struct task **)node;
}

/* A new task, which can be found from now on, but is in no order yet. */
static struct task *remember(struct known_tasks *known,
                             const struct task_definition *definition,
                             struct moment now) {
  struct task *task =
      task_create(definition, known->field_counts[definition->account], now);
  if (task != NULL &&
      tsearch(task, &known->by_identity, compare_identities) != NULL)
    return task;
  task_free(task);
  return NULL;
}

static void forget(struct known_tasks *known, struct task *task) {
  tdelete(task, &known->by_identity, compare_identities);
  task_free(task);
}

static bool make_room(struct known_tasks *known) {
  if (known->count < known->capacity)
    return true;
  size_t capacity = 2 * known->capacity + 16;
  struct task **tasks = realloc(known->tasks, capacity * sizeof(*tasks));
  if (tasks == NULL)
    return false;
  known->tasks = tasks;
  known->capacity = capacity;
  return true;
}

struct task *known_tasks_add(struct known_tasks *known,
                             const struct task_definition *definition,
                             struct moment now) {
  struct task *task =
      make_room(known) ? remember(known, definition, now) : NULL;
  if (task != NULL)
    known->tasks[known->count++] = task;
  return task;
}

void known_tasks_forget(struct known_tasks *known, size_t index) {
  forget(known, known->tasks[index]);
  known->tasks[index] = known->tasks[--known->count];
}

/* --- Listing -------------------------------------------------------------- */

/* What a listing needs memory for, got before anything is changed. */
struct listing {
  struct task **tasks; /* with room for those that are listed no more */
  struct task_definition **definitions; /* the new one of each, or NULL */
  size_t count, capacity;
};

/* Of two definitions of a task. */
static bool is_same(const struct task_definition *a,
                    const struct task_definition *b) {
  return strcmp(a->name, b->name) == 0 && a->started == b->started;
}

static bool add(struct known_tasks *known, struct listing *listing,
                const struct task_definition *definition, struct moment now) {
  struct task_definition *changed = NULL;
  struct task *task = known_tasks_find(known, definition->account,
                                       definition->type, definition->id);
  if (task == NULL) {
    task = remember(known, definition, now);
    if (task == NULL)
      return false;
    task->is_new = true;
  } else if (!is_same(task->definition, definition)) {
    changed = task_definition_copy(definition);
    if (changed == NULL)
      return false;
  }
  listing->tasks[listing->count] = task;
  listing->definitions[listing->count++] = changed;
  return true;
}

static void undo(struct known_tasks *known, struct listing *listing) {
  for (size_t i = 0; i < listing->count; i++) {
    free(listing->definitions[i]);
    if (listing->tasks[i]->is_new)
      forget(known, listing->tasks[i]);
  }
  free(listing->tasks);
  free(listing->definitions);
}

static bool prepare(struct known_tasks *known, const struct task_list *list,
                    struct moment now, struct listing *listing) {
  size_t count = task_list_count(list);
  size_t room = count + known->count + 1; /* calloc(0) may be NULL */
  *listing = (struct listing){.tasks = calloc(room, sizeof(*listing->tasks)),
                              .definitions =
                                  calloc(room, sizeof(*listing->definitions)),
                              .capacity = room};
  bool ok = listing->tasks != NULL && listing->definitions != NULL;
  for (size_t i = 0; i < count && ok; i++)
    ok = add(known, listing, task_list_get(list, i), now);
  if (!ok)
    undo(known, listing);
  return ok;
}

/* Puts the listing in force: its tasks first, then all others. */
static void commit(struct known_tasks *known, struct listing *listing,
                   struct moment now) {
  size_t count = listing->count;
  for (size_t i = 0; i < listing->count; i++) {
    struct task *task = listing->tasks[i];
    task->is_listed_next = true;
    if (listing->definitions[i] == NULL)
      continue;
    task->is_new = true;
    task_define(task, listing->definitions[i], now);
  }
  for (size_t i = 0; i < known->count; i++)
    if (!known->tasks[i]->is_listed_next)
      listing->tasks[count++] = known->tasks[i];
  for (size_t i = 0; i < listing->count; i++)
    listing->tasks[i]->is_listed_next = false;
  free(known->tasks);
  free(listing->definitions);
  known->tasks = listing->tasks;
  known->count = count;
  known->capacity = listing->capacity;
  known->listed_count = listing->count;
}

bool known_tasks_list(struct known_tasks *known, const struct task_list *list,
                      struct moment now) {
  struct listing listing;
  if (!prepare(known, list, now, &listing))
    return false;
  commit(known, &listing, now);
  return true;
}
