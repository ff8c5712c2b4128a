/* SPDX-License-Identifier: MIT */
/* The input: what a state file holds. What is read of it is written, read
 * again, and written again. */
#include "fuzz.h"

#include "../unit/cases.h"
#include "../unit/record_difference.h"
#include "state_file.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOW 1764000000000
#define TIME_LAST 253402300799999

const char fuzz_name[] = "state_file";

static const char *const pointers[] = {"/progress", "/a~1\"b\\", "/\xC3\xA4"};
static const struct state_account accounts[] = {
    {.name = "default", .pointers = pointers, .pointer_count = COUNT(pointers)},
    {.name = "a"},
};

/* What was read. */
struct records {
  struct task_record *tasks;
  struct account_record *accounts;
  size_t task_count, account_count;
};

/* --- The directory -------------------------------------------------------- */

static char directory[64];
static char path[sizeof(directory) + 16], new_path[sizeof(directory) + 16],
    damaged_path[sizeof(directory) + 16];

static void remove_directory(void) {
  unlink(path);
  unlink(new_path);
  unlink(damaged_path);
  rmdir(directory);
}

static bool make_directory(const char *where) {
  snprintf(directory, sizeof(directory), "%s/fuzz_state_file.XXXXXX", where);
  return mkdtemp(directory) != NULL;
}

/* In memory if that can be, since the file is synced again and again. */
static void start(void) {
  if (directory[0] != '\0')
    return;
  CHECK(make_directory("/dev/shm") || make_directory("/tmp"));
  snprintf(path, sizeof(path), "%s/state", directory);
  snprintf(new_path, sizeof(new_path), "%s/state.new", directory);
  snprintf(damaged_path, sizeof(damaged_path), "%s/state.damaged", directory);
  atexit(remove_directory);
}

static bool exists(const char *file_path) {
  return access(file_path, F_OK) == 0;
}

static void write_bytes(const uint8_t *bytes, size_t size) {
  FILE *stream = fopen(path, "w");
  CHECK(stream != NULL);
  CHECK(fwrite(bytes, 1, size, stream) == size);
  CHECK(fclose(stream) == 0);
}

/* To be freed. */
static char *read_bytes(size_t *size) {
  struct stat status;
  FILE *stream = fopen(path, "r");
  CHECK(stream != NULL && fstat(fileno(stream), &status) == 0);
  *size = (size_t)status.st_size;
  char *bytes = malloc(*size + 1);
  CHECK(bytes != NULL && fread(bytes, 1, *size, stream) == *size);
  fclose(stream);
  return bytes;
}

/* --- Records -------------------------------------------------------------- */

static void check_time(int64_t time) { CHECK(time >= 0 && time <= TIME_LAST); }

static void check_task(const struct task_record *record) {
  CHECK(record->account < COUNT(accounts));
  check_text(record->id, sizeof(record->id));
  check_text(record->name, sizeof(record->name));
  check_text(record->type, sizeof(record->type));
  check_text(record->exception_reason, sizeof(record->exception_reason));
  check_text(record->message, sizeof(record->message));
  CHECK(task_id_check(record->id) == NULL);
  CHECK(record->name[0] == '\0' || task_name_check(record->name) == NULL);
  CHECK(task_type_check(record->type) == NULL);
  CHECK(record->state >= TASK_UNKNOWN && record->state < TASK_STATE_COUNT);
  check_time(record->started);
  check_time(record->listed);
  check_time(record->unlisted);
  check_time(record->changed);
  check_time(record->confirmed);
  CHECK(isfinite(record->media_duration));
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    CHECK(i < accounts[record->account].pointer_count
              ? !isinf(record->fields[i])
              : isnan(record->fields[i]));
}

static bool take_task(void *context, const struct task_record *record) {
  struct records *records = context;
  check_task(record);
  records->tasks = reallocarray(records->tasks, records->task_count + 1,
                                sizeof(*records->tasks));
  CHECK(records->tasks != NULL);
  records->tasks[records->task_count++] = *record;
  return true;
}

static bool take_account(void *context, const struct account_record *record) {
  struct records *records = context;
  CHECK(record->account < COUNT(accounts));
  check_time(record->held_until);
  /* one that says nothing is not written again */
  if (!record->key_rejected && !record->blind && record->held_until == 0)
    return true;
  records->accounts =
      reallocarray(records->accounts, records->account_count + 1,
                   sizeof(*records->accounts));
  CHECK(records->accounts != NULL);
  records->accounts[records->account_count++] = *record;
  return true;
}

static void clear_records(struct records *records) {
  free(records->tasks);
  free(records->accounts);
}

static void check_same(const struct records *a, const struct records *b) {
  CHECK(a->task_count == b->task_count);
  CHECK(a->account_count == b->account_count);
  for (size_t i = 0; i < a->task_count; i++)
    CHECK(record_difference(&a->tasks[i], &b->tasks[i]) == NULL);
  for (size_t i = 0; i < a->account_count; i++)
    CHECK(a->accounts[i].account == b->accounts[i].account &&
          a->accounts[i].key_rejected == b->accounts[i].key_rejected &&
          a->accounts[i].blind == b->accounts[i].blind &&
          a->accounts[i].held_until == b->accounts[i].held_until);
}

/* --- Reading and writing -------------------------------------------------- */

/* Returns whether the file is whole. */
static bool read_state(struct state_file *file, struct records *records) {
  char problem[STATE_FILE_PROBLEM_SIZE];
  const struct state_reader reader = {
      .context = records, .task = take_task, .account = take_account};
  *records = (struct records){0};
  memset(problem, 'x', sizeof(problem));
  CHECK(state_file_read(file, NOW, &reader, problem));
  check_text(problem, sizeof(problem));
  CHECK(problem[0] == '\0' || strstr(problem, path) != NULL);
  CHECK(exists(path) == (problem[0] == '\0'));
  CHECK(exists(damaged_path) == (problem[0] != '\0'));
  return problem[0] == '\0';
}

/* Returns the bytes of the file, to be freed. */
static char *write_state(struct state_file *file, const struct records *records,
                         size_t *size) {
  char problem[STATE_FILE_PROBLEM_SIZE] = "x";
  CHECK(state_file_begin(file, NOW));
  for (size_t i = 0; i < records->account_count; i++)
    state_file_put_account(file, &records->accounts[i]);
  for (size_t i = 0; i < records->task_count; i++)
    state_file_put_task(file, &records->tasks[i]);
  CHECK(state_file_commit(file, problem));
  CHECK(problem[0] == '\0');
  CHECK(!exists(new_path));
  return read_bytes(size);
}

static struct state_file *create_file(void) {
  struct state_file *file = state_file_create(path, accounts, COUNT(accounts));
  CHECK(file != NULL);
  return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct records records, again;
  size_t first_size, second_size;
  start();
  unlink(damaged_path);
  write_bytes(data, size);

  struct state_file *file = create_file();
  read_state(file, &records);
  char *first = write_state(file, &records, &first_size);
  state_file_free(file);

  unlink(damaged_path);
  file = create_file();
  CHECK(read_state(file, &again));
  check_same(&records, &again);
  /* what is kept of accounts that are not there shows here only */
  char *second = write_state(file, &again, &second_size);
  CHECK(first_size == second_size && memcmp(first, second, first_size) == 0);
  state_file_free(file);

  free(first);
  free(second);
  clear_records(&records);
  clear_records(&again);
  return 0;
}
