/* SPDX-License-Identifier: MIT */
/* Lets each allocation fail in turn, by a malloc of its own: each scenario is
 * run again and again, the first time its first allocation failing, then its
 * second, and so on, until none is left; and once more so that all allocations
 * behind that one fail too. None may crash, leak, or leave anything half
 * changed. */
#include "cases.h"
#include "collectd_mock.h"
#include "configured.h"

#include "api_key.h"
#include "configuration.h"
#include "file_problems.h"
#include "http_client.h"
#include "poller.h"
#include "record_difference.h"
#include "result_decoder.h"
#include "scripted_server.h"
#include "state_file.h"
#include "state_keeper.h"
#include "status_decoder.h"
#include "task_file.h"
#include "tracker.h"
#include "watched_file.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1764000000000
#define FRAMES_MAX 64

/* --- Memory --------------------------------------------------------------- */

/* glibc's own. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static struct {
  const char *scenario;
  size_t failing;      /* the number of the allocation that fails; 0: none */
  bool all_after;      /* and all behind it */
  atomic_bool is_back; /* for all */
  size_t count;        /* of the allocations of the thread that is armed */
  atomic_long live;    /* allocations that are not freed, of all threads */
} memory;

/* One thread at a time is. */
static _Thread_local bool is_armed;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      disarm();                                                                \
      fail_msg("%s, allocation %zu%s: %s", memory.scenario, memory.failing,    \
               memory.all_after ? " and all behind it" : "", #condition);      \
    }                                                                          \
  } while (0)

static void arm(void) { is_armed = true; }

static void disarm(void) { is_armed = false; }

static bool is_one_of(const char *symbol, const char *const *names,
                      size_t count) {
  for (size_t i = 0; symbol != NULL && i < count; i++)
    if (strcmp(symbol, names[i]) == 0)
      return true;
  return false;
}

/* Whether json-c cannot do without this allocation. In its parser,
 * - the key of a member is copied by a strdup whose result is not looked at,
 *   and NULL makes it crash (0.16; mended in 0.17);
 * - that a member could not be added to its object is not looked at either
 *   (0.16; mended in 0.18), and neither that nor an array that can't grow ends
 *   without a leak of the value.
 * Everything else that goes wrong in json-c, ours has to cope with. */
static bool is_defect_of_json_c(void) {
  static const char *const copying[] = {"strdup", "__strdup"};
  /* one of them is there, even if some call the next by a jump */
  static const char *const adding[] = {
      "json_object_object_add", "json_object_object_add_ex",
      "lh_table_insert_w_hash", "json_object_array_add"};
  void *frames[FRAMES_MAX];
  Dl_info info;
  int count = backtrace(frames, FRAMES_MAX);
  bool is_adding = false, is_copying = false;
  for (int i = 0; i < count; i++) {
    if (dladdr(frames[i], &info) == 0)
      continue;
    if (info.dli_sname != NULL &&
        strcmp(info.dli_sname, "json_tokener_parse_ex") == 0)
      return is_adding || is_copying;
    is_copying = is_one_of(info.dli_sname, copying, COUNT(copying));
    is_adding = is_adding || is_one_of(info.dli_sname, adding, COUNT(adding));
  }
  return false;
}

static bool may_allocate(void) {
  if (!is_armed || memory.is_back)
    return true;
  size_t number = ++memory.count;
  if (memory.failing == 0 || number < memory.failing ||
      (number > memory.failing && !memory.all_after))
    return true;
  disarm(); /* what looks at the stack may allocate */
  bool is_defect = is_defect_of_json_c();
  arm();
  if (!is_defect)
    errno = ENOMEM;
  return is_defect;
}

void *malloc(size_t size) {
  void *result = may_allocate() ? __libc_malloc(size) : NULL;
  memory.live += result != NULL;
  return result;
}

void *calloc(size_t count, size_t size) {
  void *result = may_allocate() ? __libc_calloc(count, size) : NULL;
  memory.live += result != NULL;
  return result;
}

void *realloc(void *old, size_t size) {
  void *result = may_allocate() ? __libc_realloc(old, size) : NULL;
  memory.live += old == NULL && result != NULL;
  return result;
}

void free(void *old) {
  memory.live -= old != NULL;
  __libc_free(old);
}

/* Whether no more is allocated than before. libcurl, when it has no memory for
 * an address, looks it up in a thread, which it leaves to end by itself. */
static bool comes_back_to(long live) {
  struct timespec time = {.tv_nsec = 1000000};
  for (int waited = 0; memory.live != live && waited < PATIENCE; waited++)
    nanosleep(&time, NULL);
  return memory.live == live;
}

/* Runs the scenario with its failing allocations. It arms them for what it
 * tries, and checks what came of that. */
static void run(const char *name, void (*scenario)(const void *argument),
                const void *argument) {
  memory.scenario = name;
  for (int mode = 0; mode < 2; mode++) {
    memory.all_after = mode == 1;
    memory.failing = 0;
    memory.count = 0;
    scenario(argument); /* what is allocated once and for all */
    CHECK(memory.count > 0);
    do {
      long live = memory.live;
      memory.failing++;
      memory.count = 0;
      scenario(argument);
      CHECK(comes_back_to(live));
    } while (memory.count >= memory.failing);
  }
}

/* Whether nothing has failed. */
static bool was_spared(void) {
  return memory.failing == 0 || memory.count < memory.failing;
}

/* --- collectd's log, which the mock keeps in memory ----------------------- */

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __real_plugin_log(int level, const char *format, ...);
void __wrap_plugin_log(int level, const char *format, ...);
void __wrap_daemon_log(int level, const char *format, ...);
int __wrap_plugin_dispatch_values(value_list_t const *list);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

__attribute__((format(printf, 2, 0))) static void
log_line(int level, const char *format, va_list arguments) {
  char line[4096];
  bool was_armed = is_armed;
  disarm();
  vsnprintf(line, sizeof(line), format, arguments);
  __real_plugin_log(level, "%s", line);
  is_armed = was_armed;
}

void __wrap_plugin_log(int level, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_line(level, format, arguments);
  va_end(arguments);
}

void __wrap_daemon_log(int level, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  log_line(level, format, arguments);
  va_end(arguments);
}

/* In place of the mock, which would keep them. */
static size_t values;
int __wrap_plugin_dispatch_values(value_list_t const *list) {
  values += list->values_len;
  return 0;
}

/* --- Files ---------------------------------------------------------------- */

static char directory[] = "/tmp/test_out_of_memory.XXXXXX";
static char path[sizeof(directory) + 16], new_path[sizeof(directory) + 16],
    damaged_path[sizeof(directory) + 16];

static int make_directory(void **state) {
  (void)state;
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(path, sizeof(path), "%s/file", directory);
  snprintf(new_path, sizeof(new_path), "%s/file.new", directory);
  snprintf(damaged_path, sizeof(damaged_path), "%s/file.damaged", directory);
  return 0;
}

static int remove_directory(void **state) {
  (void)state;
  unlink(path);
  unlink(new_path);
  unlink(damaged_path);
  return rmdir(directory);
}

static void write_file(const char *text) {
  FILE *stream = fopen(path, "w");
  assert_non_null(stream);
  assert_int_equal(fputs(text, stream) >= 0, true);
  assert_int_equal(fclose(stream), 0);
}

static bool exists(const char *file) { return access(file, F_OK) == 0; }

static ino_t inode(void) {
  struct stat status;
  return stat(path, &status) == 0 ? status.st_ino : 0;
}

/* --- Decoders ------------------------------------------------------------- */

/* Long enough for json-c to need more memory for it, and other in JSON. */
#define SECRET "key \"0123456789012345678901234567890123456789\" \\"
#define SECRET_IN_JSON                                                         \
  "key \\\"0123456789012345678901234567890123456789\\\" \\\\"
#define TEXT "0123456789 0123456789 0123456789 0123456789"

static const char *const bodies[] = {
    "{\"status\":\"PENDING\"}",
    "\"PENDING\"",
    "{\"status\":\"SUCCESS\",\"run_id\":4711,\"message\":\"" TEXT TEXT "\"}",
    "{\"status\":\"ERROR\",\"exception_reason\":\"PAYMENT_REQUIRED\",\"run_id\""
    ":\"12\",\"message\":null,\"detail\":\"" SECRET_IN_JSON " " TEXT "\"}",
    "{\"status\":\"ERROR\",\"message\":{\"" SECRET_IN_JSON "\":[1,2.5,\"" TEXT
    "\",null,true,\"" SECRET_IN_JSON "\"]}}",
    "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,"
    "\"j\":10,\"k\":11,\"progress\":99.5,\"deep\":[0,{\"er\":-1}],\"status\":"
    "\"TIMEOUT\"}",
    "[{\"run_id\":1},{\"run_id\":2}]",
    "{\"status\":\"" SECRET_IN_JSON "\"}",
    "{\"message\":\"" TEXT "\"}",
    "{\"error\":{\"" TEXT "\":\"" SECRET_IN_JSON "\"}}",
    "12345",
    "null",
    "{\"status\":\"PENDING\"",
};
static const char *const pointers[] = {"/progress", "/deep/1/er", "/k", "/x"};

static bool is_same_or_empty(const char *text, const char *expected) {
  return text[0] == '\0' ||
         (!was_spared() && strstr(text, SECRET) == NULL &&
          strcmp(text, expected) == 0) ||
         strcmp(text, expected) == 0;
}

static struct json_reader json;
static bool json_is_kept; /* from the text before, or else a new one */

static const char *decode_body(const char *body, struct status_answer *answer) {
  return status_decoder_decode(&json, body, strlen(body), SECRET, pointers,
                               COUNT(pointers), answer);
}

static void begin_reading(void) {
  if (!json_is_kept)
    json_reader_clear(&json);
  arm();
}

static void end_reading(void) {
  disarm();
  json_reader_clear(&json);
}

static void decode_status(const void *argument) {
  const char *body = argument;
  struct status_answer expected, answer, again;
  const char *expected_problem = decode_body(body, &expected);
  begin_reading();
  const char *problem = decode_body(body, &answer);
  disarm();
  CHECK(decode_body(body, &again) == expected_problem);
  CHECK(strcmp(again.message, expected.message) == 0);
  end_reading();
  CHECK(is_same_or_empty(answer.message, expected.message) || problem != NULL);
  CHECK(strstr(answer.message, TEXT) != NULL ||
        strstr(answer.message, "0123456789") == NULL);
  if (problem != NULL) {
    CHECK(problem == expected_problem || strcmp(problem, "out of memory") == 0);
    return;
  }
  CHECK(expected_problem == NULL);
  CHECK(answer.state == expected.state);
  CHECK(answer.run_id == expected.run_id);
  CHECK(is_same_or_empty(answer.exception_reason, expected.exception_reason));
  for (size_t i = 0; i < COUNT(pointers); i++)
    CHECK(isnan(answer.fields[i]) || answer.fields[i] == expected.fields[i]);
}

static void decode_error(const void *argument) {
  const char *body = argument;
  char expected[STATUS_MESSAGE_SIZE], text[STATUS_MESSAGE_SIZE];
  status_decoder_error_text(&json, body, strlen(body), SECRET, expected);
  begin_reading();
  status_decoder_error_text(&json, body, strlen(body), SECRET, text);
  end_reading();
  CHECK(is_same_or_empty(text, expected));
}

static void test_status_decoder(void **state) {
  (void)state;
  for (size_t i = 0; i < 2 * COUNT(bodies); i++) {
    const char *body = bodies[i / 2];
    json_is_kept = i % 2 == 1;
    run(body, decode_status, body);
    run(body, decode_error, body);
  }
}

static void decode_result(const void *argument) {
  const char *body = argument;
  struct project_result expected, result;
  const char *expected_problem =
      result_decoder_decode(&json, body, strlen(body), SECRET, &expected);
  begin_reading();
  const char *problem =
      result_decoder_decode(&json, body, strlen(body), SECRET, &result);
  end_reading();
  if (problem != NULL) {
    CHECK(problem == expected_problem || strcmp(problem, "out of memory") == 0);
    return;
  }
  CHECK(expected_problem == NULL);
  CHECK(is_same_or_empty(result.name, expected.name));
  CHECK(is_same_or_empty(result.studio_url, expected.studio_url));
  CHECK(result.duration == expected.duration);
}

static void test_result_decoder(void **state) {
  static const char *const results[] = {
      "{\"project_details\":{\"project_name\":\"" SECRET_IN_JSON TEXT
      "\",\"studio_url\":\"https://" TEXT "\",\"duration\":61.5}}",
      "{\"run_details\":{\"name\":\"" TEXT "\",\"duration\":61}}",
      "{\"run_details\":[]}",
  };
  (void)state;
  for (size_t i = 0; i < 2 * COUNT(results); i++) {
    json_is_kept = i % 2 == 1;
    run(results[i / 2], decode_result, results[i / 2]);
  }
}

/* --- Task lists ----------------------------------------------------------- */

static void fill_definition(struct task_definition *definition, char id[16],
                            char name[16], size_t number) {
  snprintf(id, 16, "id-%zu", number);
  snprintf(name, 16, "name-%zu", number);
  *definition = (struct task_definition){
      .id = id, .name = name, .type = TASK_TYPE_DEFAULT};
}

static const char *add_task(struct task_list *list, size_t number) {
  struct task_definition definition;
  char id[16], name[16];
  fill_definition(&definition, id, name, number);
  return task_list_add(list, &definition);
}

/* A list with the tasks from first to last. */
static struct task_list *list_of(size_t first, size_t last) {
  struct task_list *list = task_list_create();
  assert_non_null(list);
  for (size_t i = first; i <= last; i++)
    assert_null(add_task(list, i));
  return list;
}

static void add_to_list(const void *argument) {
  size_t count = *(const size_t *)argument;
  struct task_list *list = list_of(1, count);
  arm();
  const char *problem = add_task(list, count + 1);
  disarm();
  CHECK(problem == NULL || problem == task_list_out_of_memory);
  if (problem != NULL) {
    CHECK(task_list_count(list) == count);
    CHECK(add_task(list, count + 1) == NULL);
  }
  CHECK(task_list_count(list) == count + 1);
  problem = add_task(list, count + 1);
  CHECK(problem != NULL && problem != task_list_out_of_memory);
  task_list_free(list);
}

static void copy_definition(const void *argument) {
  struct task_definition definition;
  char id[16], name[16];
  (void)argument;
  fill_definition(&definition, id, name, 1);
  arm();
  struct task_definition *copy = task_definition_copy(&definition);
  struct task_list *list = task_list_create();
  disarm();
  CHECK(copy == NULL || strcmp(copy->id, id) == 0);
  free(copy);
  task_list_free(list);
}

static void test_task_list(void **state) {
  static const size_t counts[] = {0, 1, 5, 16};
  (void)state;
  for (size_t i = 0; i < COUNT(counts); i++)
    run("task_list_add", add_to_list, &counts[i]);
  run("task_definition_copy", copy_definition, NULL);
}

/* --- Task files ----------------------------------------------------------- */

static void count_problem(void *context, const char *text) {
  (void)text;
  ++*(size_t *)context;
}

static size_t list_file(struct task_file *file) {
  size_t problems = 0;
  struct task_list *list = list_of(1, 0);
  CHECK(task_file_list(file, list, count_problem, &problems));
  CHECK(problems == 1);
  size_t count = task_list_count(list);
  task_list_free(list);
  return count;
}

static void read_task_file(const void *argument) {
  char problem[TASK_FILE_PROBLEM_SIZE];
  size_t problems = 0;
  (void)argument;
  struct task_list *list = list_of(1, 0);
  arm();
  struct task_file *file = task_file_create(path, 0, "");
  bool changed = file != NULL && task_file_refresh(file, problem);
  bool done =
      file != NULL && task_file_list(file, list, count_problem, &problems);
  disarm();
  CHECK(!was_spared() || (changed && done));
  if (file != NULL) {
    CHECK(changed == (problem[0] == '\0'));
    CHECK(changed || strstr(problem, "memory") != NULL);
    CHECK(!done || !changed || (task_list_count(list) == 3 && problems == 1));
    CHECK(task_file_refresh(file, problem) == !changed);
    CHECK(problem[0] == '\0');
    CHECK(list_file(file) == 3);
  }
  task_file_free(file);
  task_list_free(list);
}

/* A file that was read, and can't be read again, keeps its tasks. */
static void read_task_file_again(const void *argument) {
  char problem[TASK_FILE_PROBLEM_SIZE];
  (void)argument;
  write_file("a\nb\n.\n");
  struct task_file *file = task_file_create(path, 0, "");
  CHECK(file != NULL && task_file_refresh(file, problem));
  write_file("a\nb\nc\nd\n.\n");
  arm();
  bool changed = task_file_refresh(file, problem);
  disarm();
  CHECK(changed == (problem[0] == '\0'));
  CHECK(list_file(file) == (changed ? 4 : 2));
  CHECK(task_file_refresh(file, problem) == !changed);
  CHECK(list_file(file) == 4);
  task_file_free(file);
}

/* One that does not tell its size, so that more room is needed again and
 * again. */
static void read_growing_file(const void *argument) {
  char *text;
  size_t size;
  struct watched_file *file = watched_file_create(argument);
  CHECK(file != NULL);
  arm();
  const char *wrong = watched_file_read(file, 4096, &text, &size);
  disarm();
  CHECK(wrong == NULL || !was_spared());
  CHECK(wrong == NULL || strcmp(wrong, "out of memory") == 0);
  CHECK(wrong == NULL ? size > 8 && text[size] == '\0' : text == NULL);
  free(text);
  watched_file_free(file);
}

static void test_task_file(void **state) {
  (void)state;
  run("watched_file", read_growing_file, "/proc/version");
  write_file("a one type=tts started=2026-11-24T08:00:00Z\nb\n..\nc three\n");
  run("task_file", read_task_file, NULL);
  run("task_file, again", read_task_file_again, NULL);
}

/* --- The tracker ---------------------------------------------------------- */

#define INTERVAL 10000
#define LONG_AGO (-10000000) /* by the steady clock */

static const struct tracker_rules rules[] = {
    {.error_interval_max = 300000, .fetches_results = true, .field_count = 2},
};
static const struct moment now = {.wall = NOW, .steady = 1000000};

static struct tracker *new_tracker(void) {
  struct tracker *tracker = tracker_create(rules, COUNT(rules), INTERVAL, 1);
  assert_non_null(tracker);
  return tracker;
}

/* What is known of all tasks. */
struct known {
  struct task_record tasks[32];
  size_t count;
  uint64_t changes;
  struct snapshot snapshot;
};

static void look(struct tracker *tracker, struct known *known) {
  memset(known, 0, sizeof(*known));
  known->count = tracker_task_count(tracker);
  assert_true(known->count <= COUNT(known->tasks));
  for (size_t i = 0; i < known->count; i++)
    tracker_record_task(tracker, i, now, &known->tasks[i]);
  known->changes = tracker_changes(tracker, 0);
  assert_true(tracker_snapshot(tracker, now, &known->snapshot));
}

static void check_same_values(const struct snapshot *a,
                              const struct snapshot *b) {
  CHECK(a->task_count == b->task_count);
  for (size_t i = 0; i < a->task_count; i++)
    CHECK(strcmp(a->tasks[i].name, b->tasks[i].name) == 0 &&
          a->tasks[i].state == b->tasks[i].state &&
          a->tasks[i].elapsed == b->tasks[i].elapsed &&
          a->tasks[i].status_age == b->tasks[i].status_age);
  CHECK(a->account_count == b->account_count);
  CHECK(a->account_count == 0 ||
        memcmp(a->accounts[0].states, b->accounts[0].states,
               sizeof(a->accounts[0].states)) == 0);
}

/* Looks at the tracker again: nothing has changed. */
static void check_unchanged(struct tracker *tracker,
                            const struct known *before) {
  static struct known after;
  look(tracker, &after);
  CHECK(after.count == before->count);
  CHECK(after.changes == before->changes);
  for (size_t i = 0; i < after.count; i++)
    CHECK(record_difference(&after.tasks[i], &before->tasks[i]) == NULL);
  check_same_values(&after.snapshot, &before->snapshot);
  snapshot_clear(&after.snapshot);
}

static void create_tracker(const void *argument) {
  (void)argument;
  arm();
  struct tracker *tracker = tracker_create(rules, COUNT(rules), INTERVAL, 1);
  disarm();
  CHECK(tracker != NULL || !was_spared());
  tracker_free(tracker);
}

static void fill_record(struct task_record *record, size_t number) {
  *record = (struct task_record){.type = TASK_TYPE_DEFAULT,
                                 .listed = NOW - 1000,
                                 .unlisted = NOW - 500,
                                 .state = TASK_ERROR,
                                 .saw_pending = true,
                                 .changed = NOW - 700,
                                 .confirmed = NOW - 700,
                                 .run_id = STATUS_RUN_ID_NONE,
                                 .exception_reason = "REASON",
                                 .message = TEXT,
                                 .media_duration = -1};
  snprintf(record->id, sizeof(record->id), "id-%zu", number);
  snprintf(record->name, sizeof(record->name), "name-%zu", number);
  record->fields[0] = 0.5;
  for (size_t i = 1; i < STATUS_FIELDS_MAX; i++)
    record->fields[i] = NAN;
}

static void restore_tasks(const void *argument) {
  static struct known before;
  struct task_record record, got;
  size_t count = *(const size_t *)argument;
  struct tracker *tracker = new_tracker();
  for (size_t i = 0; i < count; i++) {
    fill_record(&record, i);
    CHECK(tracker_restore_task(tracker, &record, now));
  }
  look(tracker, &before);
  fill_record(&record, count);
  arm();
  bool done = tracker_restore_task(tracker, &record, now);
  disarm();
  CHECK(done || !was_spared());
  if (!done) {
    check_unchanged(tracker, &before);
    CHECK(tracker_restore_task(tracker, &record, now));
  }
  CHECK(tracker_task_count(tracker) == count + 1);
  tracker_record_task(tracker, count, now, &got);
  CHECK(record_difference(&got, &record) == NULL);
  snapshot_clear(&before.snapshot);
  tracker_free(tracker);
}

/* Begins a round, and answers all tasks that are due, by their numbers. */
static void answer_all(struct tracker *tracker,
                       const struct poll_answer *answers, struct moment at) {
  struct task *tasks[32];
  size_t count = 0;
  tracker_begin_round(tracker, at);
  while ((tasks[count] = tracker_take_due(tracker, 0)) != NULL)
    assert_true(++count < COUNT(tasks));
  for (size_t i = 0; i < count; i++) {
    const char *id = tracker_task_definition(tasks[i])->id;
    size_t number = strtoul(id + strlen("id-"), NULL, 10);
    tracker_answer(tracker, tasks[i], &answers[number], at);
  }
}

static struct poll_answer good_answer(enum task_state state) {
  struct poll_answer answer = {
      .outcome = OUTCOME_OK,
      .status = {.state = state,
                 .run_id = 4711,
                 .exception_reason = "REASON",
                 .message = TEXT,
                 .fields = {[0 ... STATUS_FIELDS_MAX - 1] = NAN}},
      .seconds = 0.5};
  answer.status.fields[1] = 1.5;
  return answer;
}

/* A tracker of tasks 1 to 4, pending, and 5, which is not listed any more, and
 * 6, which was restored. */
static struct tracker *tracker_with_tasks(void) {
  struct task_record record;
  struct poll_answer answers[8];
  struct tracker *tracker = new_tracker();
  struct task_list *all = list_of(1, 5), *list = list_of(1, 4);
  for (size_t i = 0; i < COUNT(answers); i++)
    answers[i] = good_answer(TASK_PENDING);
  fill_record(&record, 6);
  assert_true(tracker_restore_task(tracker, &record, now));
  assert_true(tracker_set_tasks(tracker, all, now));
  answer_all(tracker, answers, now);
  assert_true(tracker_set_tasks(tracker, list, now));
  task_list_free(all);
  task_list_free(list);
  return tracker;
}

/* 1 goes on, 2 has a new name, 3 and 4 are removed, 5 and 6 are listed again,
 * and 7 to 24 are new. */
static struct task_list *other_list(void) {
  struct task_definition definition;
  char id[16], name[16];
  struct task_list *list = list_of(1, 1);
  fill_definition(&definition, id, name, 2);
  snprintf(name, sizeof(name), "renamed");
  assert_null(task_list_add(list, &definition));
  for (size_t i = 5; i <= 24; i++)
    assert_null(add_task(list, i));
  return list;
}

static void set_tasks(const void *argument) {
  static struct known before, after;
  (void)argument;
  struct tracker *tracker = tracker_with_tasks();
  struct task_list *list = other_list();
  look(tracker, &before);
  arm();
  bool done = tracker_set_tasks(tracker, list, now);
  disarm();
  CHECK(done || !was_spared());
  if (!done) {
    check_unchanged(tracker, &before);
    CHECK(tracker_set_tasks(tracker, list, now));
  }
  look(tracker, &after);
  CHECK(after.count == 24);
  CHECK(after.snapshot.task_count == task_list_count(list));
  for (size_t i = 0; i < task_list_count(list); i++) {
    CHECK(strcmp(after.snapshot.tasks[i].name, task_list_get(list, i)->name) ==
          0);
    CHECK(strcmp(after.tasks[i].id, task_list_get(list, i)->id) == 0);
  }
  CHECK(after.snapshot.accounts[0].states[TASK_PENDING] == 3);
  CHECK(after.snapshot.accounts[0].states[TASK_ERROR] == 1);
  snapshot_clear(&before.snapshot);
  snapshot_clear(&after.snapshot);
  task_list_free(list);
  tracker_free(tracker);
}

/* Of a list that is given up, nothing stays. */
static void give_up_tasks(const void *argument) {
  (void)argument;
  struct tracker *tracker = tracker_with_tasks();
  struct task_list *list = other_list();
  arm();
  bool done = tracker_set_tasks(tracker, list, now);
  disarm();
  CHECK(done || !was_spared());
  task_list_free(list);
  tracker_free(tracker);
}

static void take_snapshot(const void *argument) {
  struct snapshot snapshot = {0};
  (void)argument;
  struct tracker *tracker = tracker_with_tasks();
  arm();
  bool done = tracker_snapshot(tracker, now, &snapshot);
  disarm();
  CHECK(done || !was_spared());
  if (!done) {
    CHECK(snapshot.account_count == 0 && snapshot.task_count == 0);
    CHECK(tracker_snapshot(tracker, now, &snapshot));
  }
  CHECK(snapshot.account_count == 1 && snapshot.task_count == 4);
  CHECK(snapshot.accounts[0].up == 1);
  CHECK(snapshot.accounts[0].response_average == 0.5);
  CHECK(snapshot.fields[snapshot.tasks[3].first_field + 1] == 1.5);
  snapshot_clear(&snapshot);
  tracker_free(tracker);
}

/* Tells all there is to tell, and returns how many ends of tasks that were. */
static size_t tell_all(struct tracker *tracker, struct moment at) {
  size_t ends = 0;
  struct event event;
  while (tracker_next_event(tracker, at, &event)) {
    if (event.kind == EVENT_TASK_ENDED) {
      ends++;
      CHECK(is_same_or_empty(event.exception_reason, "REASON"));
      CHECK(is_same_or_empty(event.message, TEXT));
      CHECK(is_same_or_empty(event.project_name, TEXT));
      CHECK(is_same_or_empty(event.studio_url, "https://" TEXT));
    }
    CHECK(is_same_or_empty(event.detail, TEXT));
    tracker_event_done(tracker, &event);
  }
  return ends;
}

/* All kinds of answers to four tasks, and the result of the first of them. The
 * texts may get lost, but nothing else. */
static void answer_tasks(const void *argument) {
  struct moment later = now;
  struct snapshot snapshot = {0};
  struct poll_answer answers[8] = {{0}};
  (void)argument;
  struct tracker *tracker = tracker_with_tasks();
  CHECK(tell_all(tracker, now) == 1); /* of the restored one */
  answers[1] = good_answer(TASK_SUCCESS);
  answers[2] = good_answer(TASK_PAYMENT_REQUIRED);
  answers[3] =
      (struct poll_answer){.outcome = OUTCOME_NOT_FOUND, .detail = TEXT};
  answers[4] = (struct poll_answer){
      .outcome = OUTCOME_RATE_LIMITED, .retry_after = 1000, .detail = TEXT};
  later.wall += INTERVAL, later.steady += INTERVAL;
  arm();
  answer_all(tracker, answers, later);
  disarm();
  answers[1] = (struct poll_answer){
      .outcome = OUTCOME_OK,
      .result = {.name = TEXT, .studio_url = "https://" TEXT, .duration = 61}};
  later.wall += INTERVAL, later.steady += INTERVAL;
  arm();
  answer_all(tracker, answers, later);
  size_t ends = tell_all(tracker, later);
  disarm();
  CHECK(ends == 2);
  CHECK(tracker_snapshot(tracker, later, &snapshot));
  CHECK(snapshot.tasks[0].state == TASK_SUCCESS);
  CHECK(snapshot.tasks[0].media_duration == 61);
  CHECK(snapshot.tasks[1].state == TASK_PAYMENT_REQUIRED);
  CHECK(snapshot.tasks[2].state == TASK_PENDING);
  CHECK(snapshot.accounts[0].requests[COUNTER_NOT_FOUND] >= 1);
  CHECK(snapshot.accounts[0].requests[COUNTER_RATE_LIMITED] >= 1);
  snapshot_clear(&snapshot);
  tracker_free(tracker);
}

static void test_tracker(void **state) {
  static const size_t counts[] = {0, 3, 16};
  (void)state;
  run("tracker_create", create_tracker, NULL);
  for (size_t i = 0; i < COUNT(counts); i++)
    run("tracker_restore_task", restore_tasks, &counts[i]);
  run("tracker_set_tasks", set_tasks, NULL);
  run("tracker_set_tasks, once", give_up_tasks, NULL);
  run("tracker_snapshot", take_snapshot, NULL);
  run("tracker_answer", answer_tasks, NULL);
}

/* --- The state file ------------------------------------------------------- */

static const struct state_account accounts[] = {
    {.name = "default", .pointers = pointers, .pointer_count = COUNT(pointers)},
    {.name = "other"},
};
static const struct account_record account_record = {
    .account = 1, .key_rejected = true, .held_until = NOW};

/* With a member of each kind, and more of them than json-c has room for at
 * first. */
static void fill_whole_record(struct task_record *record, size_t number) {
  fill_record(record, number);
  snprintf(record->id, sizeof(record->id),
           "660945d2-6a54-4b8b-8295-%012zu-and-longer", number);
  strcpy(record->type, "tts");
  record->started = 1;
  record->run_id = 4711;
  record->media_duration = 61.5;
  record->end_told = record->stalled_told = true;
  record->fields[1] = -1.5;
}

struct found {
  struct task_record tasks[4];
  struct account_record accounts[2];
  size_t task_count, account_count;
};

static bool take_task(void *context, const struct task_record *record) {
  struct found *found = context;
  if (found->task_count == COUNT(found->tasks))
    return false;
  found->tasks[found->task_count++] = *record;
  return true;
}

static bool take_account(void *context, const struct account_record *record) {
  struct found *found = context;
  if (found->account_count == COUNT(found->accounts))
    return false;
  found->accounts[found->account_count++] = *record;
  return true;
}

static bool read_state_at(int64_t time, struct state_file *file,
                          struct found *found,
                          char problem[STATE_FILE_PROBLEM_SIZE]) {
  const struct state_reader reader = {found, take_task, take_account};
  memset(found, 0, sizeof(*found));
  return state_file_read(file, time, &reader, problem);
}

static bool read_state(struct state_file *file, struct found *found,
                       char problem[STATE_FILE_PROBLEM_SIZE]) {
  return read_state_at(NOW, file, found, problem);
}

/* Writes so many tasks. */
static bool write_state(struct state_file *file, size_t count,
                        char problem[STATE_FILE_PROBLEM_SIZE]) {
  struct task_record record;
  state_file_begin(file, NOW);
  state_file_put_account(file, &account_record);
  for (size_t i = 0; i < count; i++) {
    fill_whole_record(&record, i);
    state_file_put_task(file, &record);
  }
  return state_file_commit(file, problem);
}

static void check_found(const struct found *found, size_t count) {
  CHECK(found->task_count == count);
  for (size_t i = 0; i < count; i++) {
    struct task_record record;
    fill_whole_record(&record, i);
    CHECK(record_difference(&found->tasks[i], &record) == NULL);
  }
  CHECK(found->account_count == 1);
  CHECK(found->accounts[0].account == 1 && found->accounts[0].key_rejected &&
        !found->accounts[0].blind && found->accounts[0].held_until == NOW);
}

/* The file at the path is a whole one with so many tasks. */
static void check_file(size_t count) {
  char problem[STATE_FILE_PROBLEM_SIZE];
  struct found found = {0};
  struct state_file *file = state_file_create(path, accounts, COUNT(accounts));
  CHECK(file != NULL);
  CHECK(read_state(file, &found, problem));
  CHECK(problem[0] == '\0');
  check_found(&found, count);
  state_file_free(file);
}

static void write_good_state(size_t count) {
  char problem[STATE_FILE_PROBLEM_SIZE];
  struct state_file *file = state_file_create(path, accounts, COUNT(accounts));
  assert_non_null(file);
  CHECK(write_state(file, count, problem));
  state_file_free(file);
}

/* A file that can't be read for want of memory is not one that is damaged. */
static void read_state_file(const void *argument) {
  char problem[STATE_FILE_PROBLEM_SIZE] = "";
  struct found found = {0};
  (void)argument;
  ino_t before = inode();
  arm();
  struct state_file *file = state_file_create(path, accounts, COUNT(accounts));
  bool done = file != NULL && read_state(file, &found, problem);
  disarm();
  CHECK(done || !was_spared());
  CHECK(problem[0] == '\0');
  CHECK(inode() == before && !exists(damaged_path));
  if (done)
    check_found(&found, 2);
  state_file_free(file);
}

/* The lines of accounts that are not configured are kept; changed, if they seem
 * to be of a time to come. */
static void keep_lines(const void *argument) {
  int64_t time = *(const int64_t *)argument;
  static const struct state_account another[] = {{.name = "another"}};
  char problem[STATE_FILE_PROBLEM_SIZE] = "";
  struct found found = {0};
  write_good_state(2);
  arm();
  struct state_file *file = state_file_create(path, another, COUNT(another));
  bool done = file != NULL && read_state_at(time, file, &found, problem);
  bool written =
      done && state_file_begin(file, NOW) && state_file_commit(file, problem);
  disarm();
  CHECK(written || !was_spared());
  state_file_free(file);
  CHECK(!exists(new_path) && !exists(damaged_path));
  file = state_file_create(path, accounts, COUNT(accounts));
  CHECK(file != NULL && read_state(file, &found, problem));
  CHECK(problem[0] == '\0');
  CHECK(found.task_count == 2);
  CHECK(found.account_count == (written ? 0 : 1));
  state_file_free(file);
}

static void write_state_file(const void *argument) {
  char problem[STATE_FILE_PROBLEM_SIZE] = "";
  (void)argument;
  write_good_state(1);
  struct state_file *file = state_file_create(path, accounts, COUNT(accounts));
  CHECK(file != NULL);
  ino_t before = inode();
  arm();
  bool done = write_state(file, 3, problem);
  disarm();
  CHECK(done || !was_spared());
  CHECK(done == (problem[0] == '\0'));
  CHECK(!exists(new_path));
  CHECK(done == (inode() != before));
  check_file(done ? 3 : 1);
  CHECK(write_state(file, 2, problem));
  check_file(2);
  state_file_free(file);
}

static void test_state_file(void **state) {
  static const int64_t times[] = {NOW, NOW - 10000};
  (void)state;
  write_good_state(2);
  run("state file, reading", read_state_file, NULL);
  for (size_t i = 0; i < COUNT(times); i++)
    run("state file, keeping", keep_lines, &times[i]);
  run("state file, writing", write_state_file, NULL);
}

/* --- The state keeper ----------------------------------------------------- */

/* Two accounts that share a state file, which they spell differently. */
static struct configuration *configure_keeper(void) {
  char text[512];
  snprintf(text, sizeof(text),
           "APIKey \"k\"\nStateFile \"%s\"\nTask \"id-1\"\n"
           "<Account \"other\">\nStateFile \"%s/./file\"\n"
           "Task \"id-2\"\n</Account>\n",
           path, directory);
  return configured(text);
}

static struct shared_tracker *share_tracker(struct shared_tracker *shared) {
  static const struct tracker_rules both[2] = {{.error_interval_max = 1000},
                                               {.error_interval_max = 1000}};
  shared_tracker_init(shared, tracker_create(both, 2, INTERVAL, 1));
  assert_non_null(shared->tracker);
  return shared;
}

static size_t lines_of_file(void) {
  size_t lines = 0;
  FILE *stream = fopen(path, "r");
  assert_non_null(stream);
  for (int c; (c = getc(stream)) != EOF;)
    lines += c == '\n';
  fclose(stream);
  return lines;
}

/* If it is made at all, the tasks of both accounts are saved. */
static void create_keeper(const void *argument) {
  const struct configuration *configuration = argument;
  struct shared_tracker shared;
  arm();
  struct state_keeper *keeper = state_keeper_create(configuration, accounts);
  disarm();
  CHECK(keeper != NULL || !was_spared());
  if (keeper != NULL) {
    share_tracker(&shared);
    CHECK(tracker_set_tasks(shared.tracker, configuration->tasks, now));
    state_keeper_save(keeper, &shared, true, 0);
    CHECK(lines_of_file() == 4); /* two tasks between head and end */
    shared_tracker_destroy(&shared);
  }
  state_keeper_free(keeper);
}

/* A file that can't be read for want of memory is never replaced. */
static void restore_state(const void *argument) {
  struct shared_tracker shared;
  struct event event;
  write_good_state(2);
  ino_t before = inode();
  struct state_keeper *keeper = state_keeper_create(argument, accounts);
  assert_non_null(keeper);
  share_tracker(&shared);
  arm();
  state_keeper_restore(keeper, &shared);
  disarm();
  while (file_problems_next_event(&shared.problems, &event)) {
    CHECK(strstr(event.detail, "out of memory: a state file") != NULL);
    CHECK(!was_spared());
    file_problems_event_done(&shared.problems, &event);
  }
  state_keeper_save(keeper, &shared, true, 0);
  bool is_replaced = inode() != before;
  CHECK(is_replaced || !was_spared());
  if (is_replaced)
    CHECK(tracker_task_count(shared.tracker) == 2);
  else
    check_file(2);
  shared_tracker_destroy(&shared);
  state_keeper_free(keeper);
}

static void test_state_keeper(void **state) {
  (void)state;
  struct configuration *configuration = configure_keeper();
  run("state_keeper_create", create_keeper, configuration);
  run("state_keeper_restore", restore_state, configuration);
  configuration_free(configuration);
}

/* --- The HTTP client ------------------------------------------------------ */

/* More than libcurl waits for without more memory. */
#define REQUESTS 12

static void answer_pending(struct scripted_server *server,
                           const struct scripted_request *request,
                           struct scripted_answer *answer, void *context) {
  (void)request;
  if (context != NULL)
    scripted_server_hold(server);
  scripted_answer_http(answer, 200, "", bodies[0]);
}

static void count_end(void *context, const struct http_result *result) {
  size_t *ends = context;
  ++*ends;
  CHECK(result != NULL &&
        (result->outcome != OUTCOME_OK ||
         (result->body_size == strlen(bodies[0]) &&
          memcmp(result->body, bodies[0], result->body_size) == 0)));
}

/* Many answers come while there is no memory: each request ends, once. */
static void take_answers(const void *argument) {
  static const struct http_options options = {.proxy = "", .timeout = PATIENCE};
  char url[64];
  size_t ends = 0;
  (void)argument;
  struct scripted_server *api = scripted_server_start(answer_pending, &ends);
  struct http_client *client = http_client_create(REQUESTS, 1000);
  CHECK(api != NULL && client != NULL);
  struct http_server *server = http_client_add_server(client, &options);
  snprintf(url, sizeof(url), "http://127.0.0.1:%u/x",
           scripted_server_port(api));
  for (size_t i = 0; i < REQUESTS; i++)
    CHECK(http_client_get(server, url, "k", count_end, &ends));
  while (scripted_server_requests(api) < REQUESTS)
    http_client_run(client, 1);
  CHECK(ends == 0);
  scripted_server_release(api);
  arm();
  http_client_run(client, PATIENCE);
  disarm();
  while (ends < REQUESTS)
    http_client_run(client, PATIENCE);
  http_client_run(client, 0);
  CHECK(ends == REQUESTS);
  http_client_free(client);
  scripted_server_stop(api);
}

static void test_http_client(void **state) {
  (void)state;
  run("http_client_run", take_answers, NULL);
}

/* --- The poller ----------------------------------------------------------- */

#define SHORT_INTERVAL 2 /* so that a task is due in nearly each round */

/* Three tasks, two of which are in the task file. */
static struct configuration *configure_poller(unsigned port) {
  char text[1024];
  snprintf(text, sizeof(text),
           "APIKey \"k\"\nProxy \"\"\nURL \"http://127.0.0.1:%u\"\n"
           "StateFile \"\"\nField \"/a\" \"gauge\" \"a\"\n"
           "Task \"id-1\"\nTaskFile \"%s\"\n",
           port, path);
  return configured(text);
}

static void create_poller(const void *argument) {
  arm();
  struct poller *poller = poller_create(argument, INTERVAL);
  disarm();
  CHECK(poller != NULL || !was_spared());
  poller_free(poller);
}

static void *armed_poller_main(void *poller) {
  arm();
  poller_main(poller);
  disarm();
  return NULL;
}

/* Makes rounds until all three tasks are known to be pending. */
static void await_pending(struct poller *poller, struct snapshot *snapshot) {
  int rounds = 0;
  while (snapshot->account_count == 0 ||
         snapshot->accounts[0].states[TASK_PENDING] < 3) {
    CHECK(rounds++ < PATIENCE / SHORT_INTERVAL);
    CHECK(poller_round(poller, PATIENCE, snapshot));
  }
  CHECK(snapshot->task_count == 3);
}

/* The polling thread has no memory in its first round, which ends all the same.
 * When there is memory again, all is well. */
static void poll_tasks(const void *argument) {
  struct snapshot snapshot = {0};
  pthread_t thread;
  struct scripted_server *api = scripted_server_start(answer_pending, NULL);
  CHECK(api != NULL);
  struct configuration *configuration =
      configure_poller(scripted_server_port(api));
  struct poller *poller = poller_create(configuration, SHORT_INTERVAL);
  (void)argument;
  CHECK(poller != NULL);
  CHECK(pthread_create(&thread, NULL, armed_poller_main, poller) == 0);
  CHECK(poller_round(poller, PATIENCE, &snapshot));
  memory.is_back = true;
  await_pending(poller, &snapshot);
  poller_stop(poller);
  pthread_join(thread, NULL);
  memory.is_back = false;
  snapshot_clear(&snapshot);
  poller_free(poller);
  configuration_free(configuration);
  scripted_server_stop(api);
}

static void test_poller(void **state) {
  (void)state;
  write_file("id-2\nid-3\n");
  struct configuration *configuration =
      configure_poller(scripted_refusing_port());
  run("poller_create", create_poller, configuration);
  configuration_free(configuration);
  run("poller_main", poll_tasks, NULL);
}

/* --- The configuration, the key, problems --------------------------------- */

static void parse_configuration(const void *argument) {
  oconfig_item_t *block = mock_config(argument);
  mock_reset();
  arm();
  struct configuration *configuration = configuration_create();
  int status =
      configuration == NULL ? -1 : configuration_parse(configuration, block);
  disarm();
  CHECK(status == 0 || !was_spared());
  CHECK(mock_log_count() == (configuration != NULL && status != 0));
  if (status == 0) {
    CHECK(configuration->account_count == 2);
    CHECK(task_list_count(configuration->tasks) == 3);
    CHECK(configuration->task_file_count == 2);
    CHECK(configuration->accounts[0].options.field_count == 2);
    CHECK(configuration->accounts[1].options.field_count == 2);
    CHECK(strcmp(configuration->accounts[1].options.api_key_file, "/f") == 0);
    CHECK(configuration->accounts[1].options.api_key == NULL);
  }
  configuration_free(configuration);
  mock_config_free(block);
  mock_reset();
}

static void test_configuration(void **state) {
  static const char text[] = "APIKey \"k\"\n"
                             "URL \"https://api.example/x\"\n"
                             "Proxy \"http://proxy.example:3128\"\n"
                             "Host \"h\"\n"
                             "MaxConcurrency 3\n"
                             "StateFile \"s\"\n"
                             "Field \"/a\" \"gauge\" \"a\"\n"
                             "Task \"id-1\" \"one\"\n"
                             "Field \"/b\" \"gauge\" \"b\"\n"
                             "TaskFile \"/t\"\n"
                             "<Task \"id-2\">\n"
                             "Name \"two\"\n"
                             "Type \"tts\"\n"
                             "Started \"2026-11-24T08:00:00Z\"\n"
                             "</Task>\n"
                             "<Account \"a\">\n"
                             "APIKeyFile \"/f\"\n"
                             "Task \"id-1\"\n"
                             "TaskFile \"/t\"\n"
                             "</Account>\n";
  (void)state;
  run("configuration", parse_configuration, text);
}

static void refresh_key(const void *argument) {
  char problem[API_KEY_PROBLEM_SIZE] = "";
  (void)argument;
  write_file("old\n");
  chmod(path, 0600);
  arm();
  struct api_key *given = api_key_create("given", NULL);
  struct api_key *key = api_key_create(NULL, path);
  disarm();
  CHECK(given == NULL || strcmp(api_key_value(given), "given") == 0);
  CHECK((given != NULL && key != NULL) || !was_spared());
  if (key != NULL) {
    CHECK(api_key_refresh(key, problem) && problem[0] == '\0');
    write_file("new\n");
    arm();
    bool changed = api_key_refresh(key, problem);
    disarm();
    CHECK(changed || !was_spared());
    CHECK(changed == (problem[0] == '\0'));
    CHECK(strcmp(api_key_value(key), changed ? "new" : "old") == 0);
    CHECK(api_key_refresh(key, problem) == !changed);
    CHECK(strcmp(api_key_value(key), "new") == 0);
  }
  api_key_free(given);
  api_key_free(key);
}

static void test_api_key(void **state) {
  (void)state;
  run("api_key", refresh_key, NULL);
}

/* Tells all problems; returns how many came up, and how many are over. */
static void tell_problems(struct file_problems *problems, size_t *new_ones,
                          size_t *over) {
  struct event event;
  *new_ones = *over = 0;
  while (file_problems_next_event(problems, &event)) {
    CHECK(strncmp(event.detail, "file ", 5) == 0);
    if (event.kind == EVENT_FILE_PROBLEM)
      ++*new_ones;
    else
      ++*over;
    file_problems_event_done(problems, &event);
  }
}

static void set_problems(const void *argument) {
  static const char first[][EVENT_DETAIL_SIZE] = {"file a", "file b"};
  static const char second[][EVENT_DETAIL_SIZE] = {"file b", "file c",
                                                   "file d"};
  struct file_problems problems = {NULL};
  size_t new_ones, over, more, none;
  (void)argument;
  file_problems_set(&problems, &problems, first, COUNT(first));
  tell_problems(&problems, &new_ones, &over);
  CHECK(new_ones == 2 && over == 0);
  arm();
  file_problems_set(&problems, &problems, second, COUNT(second));
  disarm();
  tell_problems(&problems, &new_ones, &over);
  CHECK(over == 1);
  file_problems_set(&problems, &problems, second, COUNT(second));
  tell_problems(&problems, &more, &none);
  CHECK(new_ones + more == 2 && none == 0);
  file_problems_clear(&problems);
}

static void test_file_problems(void **state) {
  (void)state;
  run("file_problems", set_problems, NULL);
}

/* --- The plugin ----------------------------------------------------------- */

static bool has_logged(const char *part) {
  for (size_t i = 0; i < mock_log_count(); i++)
    if (strstr(mock_log_line(i), part) != NULL)
      return true;
  return false;
}

/* The first read, which makes room for the values, and later ones. To fail
 * would make collectd read less often. */
static void read_values(void) {
  arm();
  CHECK(mock_callbacks()->read() == 0);
  disarm();
  CHECK(!has_logged("no values") || (values == 0 && !was_spared()));
  for (int reads = 0; values == 0; reads++) {
    CHECK(reads < PATIENCE / 1000);
    CHECK(mock_callbacks()->read() == 0);
  }
}

/* collectd's own threads have no memory; those of the plugin have. The first
 * block is empty; how one fails in its middle, test_configuration shows. */
static void live(const void *argument) {
  oconfig_item_t *empty = mock_config(""), *block = mock_config(argument);
  values = 0;
  module_register();
  arm();
  bool is_created = mock_callbacks()->config(empty) == 0;
  disarm();
  CHECK(is_created || has_logged("out of memory"));
  CHECK(mock_callbacks()->config(block) == 0);
  arm();
  bool is_started = mock_callbacks()->init() == 0;
  disarm();
  CHECK(is_started || has_logged("out of memory"));
  CHECK((is_created && is_started) || !was_spared());
  if (is_started) {
    read_values();
    CHECK(mock_callbacks()->shutdown() == 0);
  }
  mock_config_free(empty);
  mock_config_free(block);
  mock_reset();
}

static void test_plugin(void **state) {
  char text[256];
  (void)state;
  snprintf(text, sizeof(text),
           "APIKey \"k\"\nProxy \"\"\nStateFile \"\"\n"
           "URL \"http://127.0.0.1:%u\"\nTask \"id-1\"\n",
           scripted_refusing_port());
  run("the plugin", live, text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_status_decoder),
      cmocka_unit_test(test_result_decoder),
      cmocka_unit_test(test_task_list),
      cmocka_unit_test(test_task_file),
      cmocka_unit_test(test_tracker),
      cmocka_unit_test(test_state_file),
      cmocka_unit_test(test_state_keeper),
      cmocka_unit_test(test_http_client),
      cmocka_unit_test(test_poller),
      cmocka_unit_test(test_configuration),
      cmocka_unit_test(test_api_key),
      cmocka_unit_test(test_file_problems),
      cmocka_unit_test(test_plugin),
  };
  void *frames[1];
  backtrace(frames, 1); /* loads a library the first time */
  unsetenv(API_KEY_VARIABLE);
  signal(SIGPIPE, SIG_IGN);
  if (!http_client_global_init())
    return 1;
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
