/* SPDX-License-Identifier: MIT */
#include "task_sources.h"

#include "task_file.h"
#include "utf8.h"

#include <stdlib.h>

struct task_sources {
  const struct configuration *configuration;
  struct task_file **files; /* as in the configuration */
  bool must_list;           /* the tracker has not what is listed */
};

struct task_sources *
task_sources_create(const struct configuration *configuration) {
  size_t count = configuration->task_file_count;
  struct task_sources *sources = calloc(1, sizeof(*sources));
  if (sources == NULL)
    return NULL;
  sources->configuration = configuration;
  sources->must_list = true;
  /* calloc(0) may be NULL */
  sources->files = calloc(count + 1, sizeof(struct task_file *));
  bool ok = sources->files != NULL;
  for (size_t i = 0; i < count && ok; i++) {
    const struct task_file_option *option = &configuration->task_files[i];
    sources->files[i] =
        task_file_create(option->path, option->account,
                         configuration->accounts[option->account].name_prefix);
    ok = sources->files[i] != NULL;
  }
  if (ok)
    return sources;
  task_sources_free(sources);
  return NULL;
}

void task_sources_free(struct task_sources *sources) {
  if (sources == NULL)
    return;
  for (size_t i = 0;
       i < sources->configuration->task_file_count && sources->files != NULL;
       i++)
    task_file_free(sources->files[i]);
  free(sources->files);
  free(sources);
}

/* Looks at the task files. Returns whether they list other tasks now. */
static bool refresh_files(struct task_sources *sources,
                          struct shared_tracker *shared) {
  char problem[TASK_FILE_PROBLEM_SIZE];
  bool changed = false;
  for (size_t i = 0; i < sources->configuration->task_file_count; i++) {
    changed = task_file_refresh(sources->files[i], problem) || changed;
    shared_tracker_set_problem(shared, sources->files[i], problem);
  }
  return changed;
}

/* The bad lines of a task file. */
struct bad_lines {
  char texts[TASK_FILE_PROBLEMS_MAX + 1][EVENT_DETAIL_SIZE];
  size_t count;
};

static void add_bad_line(void *context, const char *text) {
  struct bad_lines *lines = context;
  utf8_copy(lines->texts[lines->count++], EVENT_DETAIL_SIZE, text);
}

static bool list_file(struct task_sources *sources, size_t index,
                      struct task_list *list, struct shared_tracker *shared) {
  struct bad_lines lines = {.count = 0};
  if (!task_file_list(sources->files[index], list, add_bad_line, &lines))
    return false;
  shared_tracker_lock(shared);
  /* the file's place is the owner: the file itself owns why it can't be read */
  file_problems_set(&shared->problems, &sources->files[index],
                    (const char(*)[EVENT_DETAIL_SIZE])lines.texts, lines.count);
  shared_tracker_unlock_changed(shared);
  return true;
}

/* Lists the tasks of the configuration and of the files. Returns false when out
 * of memory. */
static bool list_all(struct task_sources *sources, struct task_list *list,
                     struct shared_tracker *shared) {
  const struct task_list *configured = sources->configuration->tasks;
  for (size_t i = 0; i < task_list_count(configured); i++)
    if (task_list_add(list, task_list_get(configured, i)) != NULL)
      return false;
  for (size_t i = 0; i < sources->configuration->task_file_count; i++)
    if (!list_file(sources, i, list, shared))
      return false;
  return true;
}

/* Has the tracker follow what is listed now, if that can be done. */
static void list_tasks(struct task_sources *sources,
                       struct shared_tracker *shared) {
  struct task_list *list = task_list_create();
  bool ok = list != NULL && list_all(sources, list, shared);
  bool is_pinned = false;
  if (ok) {
    shared_tracker_lock(shared);
    is_pinned = tracker_is_pinned(shared->tracker);
    if (!is_pinned)
      ok = tracker_set_tasks(shared->tracker, list, moment_now());
    shared_tracker_unlock_changed(shared);
  }
  task_list_free(list);
  sources->must_list = !ok || is_pinned;
  shared_tracker_set_problem(shared, sources,
                             ok ? ""
                                : "out of memory: the tasks are listed as "
                                  "before");
}

void task_sources_update(struct task_sources *sources,
                         struct shared_tracker *shared) {
  if (refresh_files(sources, shared) || sources->must_list)
    list_tasks(sources, shared);
}
