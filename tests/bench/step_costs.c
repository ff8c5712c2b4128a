/* SPDX-License-Identifier: MIT */
/* Does one step of the plugin's work again and again, for step_costs.sh to
 * count what it costs, or shows what so many tasks take of the memory:
 *
 *     step_costs STEP TASKS REPETITIONS
 *     step_costs memory TASKS
 *
 * The first prints how many things were done, each of which is one answer, one
 * task or one line, as the table of steps says; the second, bytes a task. Of
 * collectd there is nothing here but stubs, so that only the plugin's own work
 * is seen. */
#include "collectd_headers.h"

#include "emitter.h"
#include "shared_tracker.h"
#include "state_keeper.h"
#include "status_decoder.h"
#include "task_file.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CHECK(condition)                                                       \
  ((condition) ? (void)0 : check_failed(__LINE__, #condition))

#define INTERVAL 10000 /* milliseconds */
#define SECRET "sk-3f1d0c58a7b94e6f9d27"
/* Of the tasks that are kept from before, all but one in so many have ended. */
#define PENDING_PART 10
#define MANY_ROUNDS 1000

__attribute__((noreturn)) static void check_failed(int line,
                                                   const char *condition) {
  fprintf(stderr, "step_costs, line %d: %s\n", line, condition);
  exit(EXIT_FAILURE);
}

/* --- collectd ------------------------------------------------------------- */

char *hostname_g;

int plugin_dispatch_values(value_list_t const *list) {
  return list->values_len == 1 ? 0 : -1;
}

int plugin_dispatch_notification(const notification_t *notification) {
  (void)notification;
  return 0;
}

int plugin_notification_meta_add_string(notification_t *notification,
                                        const char *name, const char *value) {
  (void)notification, (void)name, (void)value;
  return 0;
}

int plugin_notification_meta_add_double(notification_t *notification,
                                        const char *name, double value) {
  (void)notification, (void)name, (void)value;
  return 0;
}

int plugin_notification_meta_free(notification_meta_t *meta) {
  (void)meta;
  return 0;
}

void daemon_log(int level, const char *format, ...) {
  (void)level, (void)format;
}

const data_set_t *plugin_get_ds(const char *name) {
  (void)name;
  return NULL;
}

cdtime_t cdtime(void) { return 0; }

/* --- What the steps work on ----------------------------------------------- */

static const struct tracker_rules rules = {.error_interval_max = 300000};
static const struct state_account names[] = {{.name = "default"}};
static char directory[] = "/tmp/step_costs.XXXXXX";
static char state_path[64], list_path[64];
static char account_name[] = "default", no_text[] = "";
static struct account account = {
    .name = account_name,
    .name_prefix = no_text,
    .options = {.state_file = state_path},
};
static const struct configuration configuration = {.accounts = &account,
                                                   .account_count = 1};

static size_t task_count;
static struct moment now = {.wall = 1764000000000, .steady = 1000000};
static struct task_file *file;
static struct task_list *list;
static struct shared_tracker shared;
static struct state_keeper *keeper;
static struct snapshot snapshot;

static void remove_files(void) {
  unlink(state_path);
  unlink(list_path);
  rmdir(directory);
}

static void make_directory(void) {
  CHECK(mkdtemp(directory) != NULL);
  snprintf(state_path, sizeof(state_path), "%s/state", directory);
  snprintf(list_path, sizeof(list_path), "%s/tasks", directory);
  atexit(remove_files);
}

/* An ID like the API's; they come in no order. */
static void make_id(size_t index, char *id, size_t size) {
  snprintf(id, size, "%08x-6a54-4b8b-8295-aa08f3d432d7",
           (unsigned)index * 2654435761U);
}

static void make_name(size_t index, char *name, size_t size) {
  snprintf(name, size, "trailer-%zu", index);
}

static void write_list(void) {
  FILE *stream = fopen(list_path, "w");
  CHECK(stream != NULL);
  for (size_t i = 0; i < task_count; i++) {
    char id[TASK_ID_MAX + 1], name[TASK_NAME_MAX + 1];
    make_id(i, id, sizeof(id));
    make_name(i, name, sizeof(name));
    fprintf(stream, "%s %s started=2026-11-24T08:00:00Z\n", id, name);
  }
  CHECK(fclose(stream) == 0);
}

static void add_problem(void *context, const char *text) {
  (void)context;
  CHECK(text == NULL); /* all lines are good */
}

static void read_file(void) {
  char problem[TASK_FILE_PROBLEM_SIZE];
  file = task_file_create(list_path, 0, "");
  CHECK(file != NULL && task_file_refresh(file, problem));
}

static void list_file(void) {
  list = task_list_create();
  CHECK(list != NULL && task_file_list(file, list, add_problem, NULL));
  CHECK(task_list_count(list) == task_count);
}

/* As the polling thread does when the file has changed. */
static void read_list(void) {
  read_file();
  list_file();
  task_file_free(file);
}

static void create_tracker(void) {
  struct tracker *tracker = tracker_create(&rules, 1, INTERVAL, 1);
  CHECK(tracker != NULL);
  shared_tracker_init(&shared, tracker);
}

static void follow(void) {
  CHECK(tracker_set_tasks(shared.tracker, list, now));
}

static void create_keeper(void) {
  keeper = state_keeper_create(&configuration, names);
  CHECK(keeper != NULL);
}

static struct poll_answer answer_of(enum task_state state) {
  return (struct poll_answer){
      .outcome = OUTCOME_OK,
      .seconds = 0.05,
      .status = {.state = state,
                 .run_id = state == TASK_SUCCESS ? 17 : STATUS_RUN_ID_NONE}};
}

static void begin_round(void) {
  now.wall += INTERVAL;
  now.steady += INTERVAL;
  tracker_begin_round(shared.tracker, now);
}

/* A round in which of so many tasks all but one have ended. */
static size_t make_round(size_t pending_part) {
  const struct poll_answer pending = answer_of(TASK_PENDING),
                           ended = answer_of(TASK_SUCCESS);
  struct task *task;
  size_t count = 0;
  begin_round();
  while ((task = tracker_take_due(shared.tracker, 0)) != NULL)
    tracker_answer(shared.tracker, task,
                   ++count % pending_part == 0 ? &pending : &ended, now);
  return count;
}

static void tell_all(void) {
  struct event event;
  while (tracker_next_event(shared.tracker, now, &event))
    tracker_event_done(shared.tracker, &event);
}

/* --- The steps ------------------------------------------------------------ */

static size_t decode(const char *body, enum task_state state) {
  static struct json_reader reader;
  static struct status_answer answer;
  CHECK(status_decoder_decode(&reader, body, strlen(body), SECRET, NULL, 0,
                              &answer) == NULL);
  CHECK(answer.state == state);
  return 1;
}

static void start_nothing(void) {}

static size_t decode_pending(void) {
  return decode("{\"status\":\"PENDING\",\"run_id\":null,"
                "\"exception_reason\":null,\"message\":null}",
                TASK_PENDING);
}

static size_t decode_ended(void) {
  return decode("{\"status\":\"ERROR\",\"run_id\":17,"
                "\"exception_reason\":\"INTERNAL_ERROR\","
                "\"message\":\"The source media can't be read.\"}",
                TASK_ERROR);
}

static void start_list(void) { write_list(); }

static size_t list_tasks(void) {
  read_list();
  create_tracker();
  follow();
  shared_tracker_destroy(&shared);
  task_list_free(list);
  return task_count;
}

static void start_tasks(void) {
  write_list();
  read_list();
  create_tracker();
  follow();
}

static size_t list_again(void) {
  task_list_free(list);
  read_list();
  follow();
  return task_count;
}

static void start_track(void) {
  start_tasks();
  make_round(1);
}

static size_t track(void) { return make_round(1); }

static void start_ended(void) {
  start_tasks();
  make_round(PENDING_PART);
  tell_all();
}

static size_t take_snapshot(void) {
  begin_round();
  CHECK(tracker_snapshot(shared.tracker, now, &snapshot));
  return task_count;
}

static void start_emit(void) {
  start_ended();
  take_snapshot();
}

static void start_emit_state_set(void) {
  start_emit();
  account.options.state_set = true;
}

static size_t emit(void) {
  emitter_values(&configuration, &snapshot);
  return task_count;
}

static size_t save(void) {
  state_keeper_save(keeper, &shared, true, 0);
  return task_count;
}

static void start_save(void) {
  start_ended();
  create_keeper();
}

static void start_restore(void) {
  start_save();
  save();
  state_keeper_free(keeper);
  shared_tracker_destroy(&shared);
}

static size_t restore(void) {
  create_tracker();
  create_keeper();
  state_keeper_restore(keeper, &shared);
  CHECK(tracker_task_count(shared.tracker) == task_count);
  state_keeper_free(keeper);
  shared_tracker_destroy(&shared);
  return task_count;
}

static const struct step {
  const char *name, *what;
  void (*start)(void);
  size_t (*run)(void); /* returns how many things it did */
} steps[] = {
    {"decode", "an answer that says PENDING", start_nothing, decode_pending},
    {"decode-ended", "one that says ERROR and why", start_nothing,
     decode_ended},
    {"track", "a task is taken and answered, in rounds of all tasks",
     start_track, track},
    {"snapshot", "a task's values, as a round ends", start_ended,
     take_snapshot},
    {"emit", "a task's values are dispatched", start_emit, emit},
    {"emit-state-set", "the same with its state set", start_emit_state_set,
     emit},
    {"list", "a line of a task file is read and its task followed, and freed",
     start_list, list_tasks},
    {"list-again", "the same when that task is followed already", start_tasks,
     list_again},
    {"save", "a task is written to the state file", start_save, save},
    {"restore", "and read back at start, and freed", start_restore, restore},
};

/* --- Memory --------------------------------------------------------------- */

/* Prints by how many bytes a task the heap has grown since the part before. */
static void print_part(const char *name) {
  static size_t before;
  struct mallinfo2 info = mallinfo2();
  size_t in_use = info.uordblks + info.hblkhd;
  if (name != NULL)
    printf("%s %.0f\n", name, (double)(in_use - before) / (double)task_count);
  before = in_use;
}

/* What there is while tasks are listed, which is the most; the list goes then,
 * unless it is the configuration's. And what many rounds add to that. */
static void print_memory(void) {
  write_list();
  print_part(NULL);
  read_file();
  print_part("task-file");
  create_tracker();
  list_file();
  print_part("task-list");
  follow();
  make_round(PENDING_PART);
  tell_all();
  print_part("tracker");
  take_snapshot();
  print_part("snapshot");
  create_keeper();
  save();
  print_part("state-file");
  for (int i = 0; i < MANY_ROUNDS; i++) {
    make_round(1);
    take_snapshot();
    tell_all();
  }
  print_part("rounds");
}

/* -------------------------------------------------------------------------- */

static const struct step *find_step(const char *name) {
  for (size_t i = 0; i < COUNT(steps); i++)
    if (strcmp(steps[i].name, name) == 0)
      return &steps[i];
  return NULL;
}

static void usage(void) {
  fputs("Usage: step_costs STEP TASKS REPETITIONS\n"
        "       step_costs memory TASKS\n\n",
        stderr);
  for (size_t i = 0; i < COUNT(steps); i++)
    fprintf(stderr, "  %-14s %s\n", steps[i].name, steps[i].what);
}

/* Returns how many things were done. */
static size_t repeat(const struct step *step, size_t repetitions) {
  size_t done = 0;
  step->start();
  while (repetitions-- > 0)
    done += step->run();
  return done;
}

int main(int argc, char **argv) {
  const struct step *step = argc == 4 ? find_step(argv[1]) : NULL;
  bool is_memory = argc == 3 && strcmp(argv[1], "memory") == 0;
  if (step == NULL && !is_memory) {
    usage();
    return 2;
  }
  task_count = strtoul(argv[2], NULL, 10);
  make_directory();
  if (is_memory)
    print_memory();
  else
    printf("%zu\n", repeat(step, strtoul(argv[3], NULL, 10)));
  return EXIT_SUCCESS;
}
