/* SPDX-License-Identifier: MIT */
#include "state_keeper.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NO_FILE SIZE_MAX
/* What part of the time may go into writing: one in so many. */
#define SAVE_TIME_PART 10

struct kept_file {
  struct state_file *file;
  const char *path; /* the configuration's */
  bool is_unread;   /* for want of memory: it must not be replaced */
  bool is_saved;    /* ever */
  uint64_t changes; /* of its accounts, when it was saved last */
  int64_t due;      /* not to be written before; steady clock */
};

struct state_keeper {
  size_t account_count;
  size_t *file_of_account; /* index, or NO_FILE */
  struct kept_file *files;
  size_t file_count;

  /* by the mutex of the shared tracker: */
  bool is_restored; /* the files are the saving thread's from then on */
  bool is_stopped;
  pthread_cond_t stops;
};

static const char *name_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* Finds the directory that the path's last part is in. */
static bool find_directory(const char *path, struct stat *status) {
  char directory[PATH_MAX];
  int size = snprintf(directory, sizeof(directory), "%.*s.",
                      (int)(name_of(path) - path), path);
  return size < (int)sizeof(directory) && stat(directory, status) == 0;
}

/* Whether both paths are of one file, that need not be there. */
static bool is_same_path(const char *a, const char *b) {
  struct stat in_a, in_b;
  if (strcmp(a, b) == 0)
    return true;
  return strcmp(name_of(a), name_of(b)) == 0 && find_directory(a, &in_a) &&
         find_directory(b, &in_b) && in_a.st_dev == in_b.st_dev &&
         in_a.st_ino == in_b.st_ino;
}

/* The file at path, which is added if it is another one than those before. */
static size_t add_file(struct state_keeper *keeper, const char *path,
                       const struct state_account *accounts) {
  for (size_t i = 0; i < keeper->file_count; i++)
    if (is_same_path(keeper->files[i].path, path))
      return i;
  struct kept_file *file = &keeper->files[keeper->file_count];
  file->path = path;
  file->file = state_file_create(path, accounts, keeper->account_count);
  return file->file == NULL ? NO_FILE : keeper->file_count++;
}

/* Frees the keeper, all but its condition. */
static void free_memory(struct state_keeper *keeper) {
  for (size_t i = 0; i < keeper->file_count; i++)
    state_file_free(keeper->files[i].file);
  free(keeper->files);
  free(keeper->file_of_account);
  free(keeper);
}

struct state_keeper *
state_keeper_create(const struct configuration *configuration,
                    const struct state_account *accounts) {
  size_t count = configuration->account_count;
  struct state_keeper *keeper = calloc(1, sizeof(*keeper));
  if (keeper == NULL)
    return NULL;
  keeper->account_count = count;
  keeper->files = calloc(count + 1, sizeof(*keeper->files));
  keeper->file_of_account = calloc(count + 1, sizeof(*keeper->file_of_account));
  bool ok = keeper->files != NULL && keeper->file_of_account != NULL;
  for (size_t i = 0; i < count && ok; i++) {
    const char *path = configuration->accounts[i].options.state_file;
    keeper->file_of_account[i] = NO_FILE;
    if (path[0] == '\0')
      continue;
    keeper->file_of_account[i] = add_file(keeper, path, accounts);
    ok = keeper->file_of_account[i] != NO_FILE;
  }
  if (!ok) {
    free_memory(keeper);
    return NULL;
  }
  shared_tracker_init_condition(&keeper->stops);
  return keeper;
}

void state_keeper_free(struct state_keeper *keeper) {
  if (keeper == NULL)
    return;
  pthread_cond_destroy(&keeper->stops);
  free_memory(keeper);
}

static bool restore_task(void *context, const struct task_record *record) {
  struct shared_tracker *shared = context;
  shared_tracker_lock(shared);
  bool ok = tracker_restore_task(shared->tracker, record, moment_now());
  shared_tracker_unlock(shared);
  return ok;
}

static bool restore_account(void *context,
                            const struct account_record *record) {
  struct shared_tracker *shared = context;
  shared_tracker_lock(shared);
  tracker_restore_account(shared->tracker, record, moment_now());
  shared_tracker_unlock(shared);
  return true;
}

void state_keeper_restore(struct state_keeper *keeper,
                          struct shared_tracker *shared) {
  const struct state_reader reader = {
      .context = shared, .task = restore_task, .account = restore_account};
  for (size_t i = 0; i < keeper->file_count; i++) {
    struct kept_file *file = &keeper->files[i];
    char problem[STATE_FILE_PROBLEM_SIZE];
    file->is_unread =
        !state_file_read(file->file, moment_now().wall, &reader, problem);
    if (file->is_unread)
      strcpy(problem, "out of memory: a state file could not be read, and is "
                      "left as it is");
    /* never over: it says what was done */
    shared_tracker_set_problem(shared, file->path, problem);
  }
  shared_tracker_lock(shared);
  keeper->is_restored = true;
  shared_tracker_unlock(shared);
}

static uint64_t changes_of(const struct state_keeper *keeper, size_t file,
                           struct shared_tracker *shared) {
  uint64_t changes = 0;
  shared_tracker_lock(shared);
  for (size_t i = 0; i < keeper->account_count; i++)
    if (keeper->file_of_account[i] == file)
      changes += tracker_changes(shared->tracker, i);
  shared_tracker_unlock(shared);
  return changes;
}

static void put_accounts(const struct state_keeper *keeper, size_t file,
                         struct shared_tracker *shared) {
  for (size_t i = 0; i < keeper->account_count; i++) {
    struct account_record record;
    if (keeper->file_of_account[i] != file)
      continue;
    shared_tracker_lock(shared);
    tracker_record_account(shared->tracker, i, moment_now(), &record);
    shared_tracker_unlock(shared);
    state_file_put_account(keeper->files[file].file, &record);
  }
}

/* Pins the tasks or not. Returns how many there are. */
static size_t pin(struct shared_tracker *shared, bool is_pinned) {
  shared_tracker_lock(shared);
  tracker_pin(shared->tracker, is_pinned);
  size_t count = tracker_task_count(shared->tracker);
  shared_tracker_unlock(shared);
  return count;
}

/* Puts the tasks one by one, so that nobody waits for long. */
static void put_tasks(const struct state_keeper *keeper, size_t file,
                      struct shared_tracker *shared) {
  size_t count = pin(shared, true);
  for (size_t i = 0; i < count; i++) {
    struct task_record record;
    shared_tracker_lock(shared);
    tracker_record_task(shared->tracker, i, moment_now(), &record);
    shared_tracker_unlock(shared);
    if (keeper->file_of_account[record.account] == file)
      state_file_put_task(keeper->files[file].file, &record);
  }
  pin(shared, false);
}

static bool has_list(struct shared_tracker *shared) {
  shared_tracker_lock(shared);
  bool has_list = tracker_has_list(shared->tracker);
  shared_tracker_unlock(shared);
  return has_list;
}

static void save(struct state_keeper *keeper, size_t index,
                 struct shared_tracker *shared, uint64_t changes) {
  struct kept_file *file = &keeper->files[index];
  char problem[STATE_FILE_PROBLEM_SIZE];
  int64_t begun = moment_now().steady;
  if (state_file_begin(file->file, moment_now().wall)) {
    put_accounts(keeper, index, shared);
    put_tasks(keeper, index, shared);
  }
  bool ok = state_file_commit(file->file, problem);
  shared_tracker_set_problem(shared, file, problem);
  int64_t now = moment_now().steady;
  int64_t pause = (now - begun) * SAVE_TIME_PART;
  if (!ok) {
    file->due = now + STATE_RETRY_INTERVAL;
    return;
  }
  file->is_saved = true;
  file->changes = changes;
  file->due = now + (pause > STATE_SAVE_INTERVAL ? pause : STATE_SAVE_INTERVAL);
}

static bool is_behind(const struct kept_file *file, uint64_t changes) {
  return !file->is_saved || file->changes != changes;
}

int state_keeper_save(struct state_keeper *keeper,
                      struct shared_tracker *shared, bool is_last, int limit) {
  if (!is_last && !has_list(shared))
    return limit;
  for (size_t i = 0; i < keeper->file_count; i++) {
    const struct kept_file *file = &keeper->files[i];
    uint64_t changes = changes_of(keeper, i, shared);
    if (file->is_unread || (!is_last && !is_behind(file, changes)))
      continue;
    if (file->due <= moment_now().steady || is_last)
      save(keeper, i, shared, changes);
    int64_t wait = file->due - moment_now().steady;
    if (is_behind(file, changes) && wait < limit)
      limit = wait > 0 ? (int)wait : 0;
  }
  return limit;
}

/* Waits so many milliseconds, or until it is time to save for the last time.
 * Returns false then. */
static bool wait_to_save(struct state_keeper *keeper,
                         struct shared_tracker *shared, int64_t wait) {
  struct timespec deadline = shared_tracker_deadline(wait);
  shared_tracker_lock(shared);
  while (!keeper->is_stopped &&
         pthread_cond_timedwait(&keeper->stops, &shared->mutex, &deadline) == 0)
    ;
  bool is_stopped = keeper->is_stopped;
  shared_tracker_unlock(shared);
  return !is_stopped;
}

static bool is_restored(const struct state_keeper *keeper,
                        struct shared_tracker *shared) {
  shared_tracker_lock(shared);
  bool is_restored = keeper->is_restored;
  shared_tracker_unlock(shared);
  return is_restored;
}

void state_keeper_run(struct state_keeper *keeper,
                      struct shared_tracker *shared) {
  int wait = STATE_SAVE_INTERVAL;
  while (wait_to_save(keeper, shared, wait)) /* no list before it is restored */
    wait = state_keeper_save(keeper, shared, false, STATE_SAVE_INTERVAL);
  if (is_restored(keeper, shared))
    state_keeper_save(keeper, shared, true, 0);
}

void state_keeper_stop(struct state_keeper *keeper,
                       struct shared_tracker *shared) {
  shared_tracker_lock(shared);
  keeper->is_stopped = true;
  pthread_cond_signal(&keeper->stops);
  shared_tracker_unlock(shared);
}
