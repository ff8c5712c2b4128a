/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "collectd_mock.h"
#include "configured.h"

#include "file_contents.h"
#include "http_client.h"
#include "moment.h"
#include "poller.h"
#include "scripted_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Of the host, milliseconds: so short that a task is due in nearly each
 * round. */
#define INTERVAL 2
#define KEY "s3cr3t"
/* After so many seconds a test hangs, and is ended. */
#define TEST_TIME_MAX 120
/* In how long the daemon has to end, milliseconds. */
#define STOP_TIME_MAX 2000

#define PENDING "{\"status\":\"PENDING\"}"
#define SUCCESS "{\"status\":\"SUCCESS\",\"run_id\":7}"

/* A poller with its thread, and the API that it asks. */
struct house {
  struct scripted_server *server;
  struct configuration *configuration;
  struct poller *poller;
  pthread_t thread, saving_thread;
  struct snapshot snapshot;
};

static char directory[] = "/tmp/test_poller.XXXXXX";
static char key_path[sizeof(directory) + 16];
static char tasks_path[sizeof(directory) + 16];
static char state_path[sizeof(directory) + 16];
static char other_path[sizeof(directory) + 16]; /* of another state file */

/* Whether all files seem to be as old, as if by a tool that keeps the times. */
static atomic_bool times_are_kept;

/* In place of libc's. */
int fstat(int file, struct stat *status) {
  int result = fstatat(file, "", status, AT_EMPTY_PATH);
  if (result == 0 && times_are_kept)
    status->st_mtim = status->st_ctim = (struct timespec){.tv_sec = 1000000000};
  return result;
}

/* A disk that hangs: whoever waits for it waits until the test lets it go. */
static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool hangs;
  size_t waiting;
} disk = {.mutex = PTHREAD_MUTEX_INITIALIZER,
          .changed = PTHREAD_COND_INITIALIZER};

/* In place of libc's. */
int fsync(int file) {
  pthread_mutex_lock(&disk.mutex);
  disk.waiting++;
  while (disk.hangs)
    pthread_cond_wait(&disk.changed, &disk.mutex);
  disk.waiting--;
  pthread_mutex_unlock(&disk.mutex);
  return fdatasync(file);
}

static void let_disk_hang(bool hangs) {
  pthread_mutex_lock(&disk.mutex);
  disk.hangs = hangs;
  pthread_cond_broadcast(&disk.changed);
  pthread_mutex_unlock(&disk.mutex);
}

static size_t waiting_for_disk(void) {
  pthread_mutex_lock(&disk.mutex);
  size_t waiting = disk.hangs ? disk.waiting : 0;
  pthread_mutex_unlock(&disk.mutex);
  return waiting;
}

static int64_t now(void) { return moment_now().steady; }

static int setup(void **state);

static void wait_a_little(void) {
  struct timespec time = {.tv_nsec = 10000000};
  nanosleep(&time, NULL);
}

/* --- The house ------------------------------------------------------------ */

static struct configuration *configure(unsigned port, const char *text) {
  char block[4096];
  snprintf(block, sizeof(block),
           "Proxy \"\"\nStateFile \"\"\nURL \"http://127.0.0.1:%u\"\n%s\n",
           port, text);
  return configured(block);
}

static void start_poller(struct house *house, const char *text) {
  house->configuration = configure(scripted_server_port(house->server), text);
  house->poller = poller_create(house->configuration, INTERVAL);
  assert_non_null(house->poller);
  assert_int_equal(
      pthread_create(&house->thread, NULL, poller_main, house->poller), 0);
  assert_int_equal(pthread_create(&house->saving_thread, NULL,
                                  poller_saving_main, house->poller),
                   0);
}

static void start(struct house *house, const char *text, scripted_script script,
                  void *context) {
  memset(house, 0, sizeof(*house));
  house->server = scripted_server_start(script, context);
  assert_non_null(house->server);
  start_poller(house, text);
}

static void stop_poller(struct house *house) {
  void *result = house;
  poller_stop(house->poller);
  pthread_join(house->thread, &result);
  poller_stop_saving(house->poller);
  pthread_join(house->saving_thread, NULL);
  assert_null(result);
}

static void clear_poller(struct house *house) {
  poller_free(house->poller);
  snapshot_clear(&house->snapshot);
  configuration_free(house->configuration);
}

static void clear(struct house *house) {
  clear_poller(house);
  scripted_server_stop(house->server);
}

static void stop(struct house *house) {
  stop_poller(house);
  clear(house);
}

/* The daemon ends and begins again, with this configuration; the API stays. */
static void restart(struct house *house, const char *text) {
  stop_poller(house);
  clear_poller(house);
  start_poller(house, text);
}

static void round_of(struct house *house, int64_t wait) {
  assert_true(poller_round(house->poller, wait, &house->snapshot));
}

static int64_t ended(const struct house *house, size_t account,
                     enum request_counter counter) {
  return house->snapshot.accounts[account].requests[counter];
}

/* Makes rounds until so many requests of the account have ended so. */
static void rounds_until_of(struct house *house, size_t account,
                            enum request_counter counter, int64_t count) {
  int64_t deadline = now() + PATIENCE;
  int64_t found;
  do {
    round_of(house, 100);
    /* none before it is known which tasks there are */
    found = house->snapshot.account_count > account
                ? ended(house, account, counter)
                : 0;
  } while (found < count && now() < deadline);
  if (found < count)
    fail_msg("%lld instead of %lld: %s", (long long)found, (long long)count,
             request_counter_name[counter]);
}

static void rounds_until(struct house *house, enum request_counter counter,
                         int64_t count) {
  rounds_until_of(house, 0, counter, count);
}

/* Makes rounds, which hardly wait, until there are so many tasks. */
static void rounds_until_listed(struct house *house, size_t tasks) {
  int64_t deadline = now() + PATIENCE;
  do
    round_of(house, 1);
  while ((house->snapshot.account_count == 0 ||
          house->snapshot.task_count != tasks) &&
         now() < deadline);
  assert_int_equal(house->snapshot.task_count, tasks);
}

static enum task_state state_of(const struct house *house, size_t task) {
  assert_true(task < house->snapshot.task_count);
  return house->snapshot.tasks[task].state;
}

/* Makes rounds until the task is in that state. */
static void rounds_until_state(struct house *house, size_t task,
                               enum task_state state) {
  int64_t deadline = now() + PATIENCE;
  do
    round_of(house, 100);
  while (state_of(house, task) != state && now() < deadline);
  assert_int_equal(state_of(house, task), state);
}

/* Takes events until there is one of that kind. */
static void await_event(struct house *house, enum event_kind kind,
                        struct event *event) {
  do {
    assert_true(poller_wait_event(house->poller, event));
    poller_event_done(house->poller, event);
  } while (event->kind != kind);
}

static bool asks_for(const char *head, const char *id) {
  char part[300];
  snprintf(part, sizeof(part), "/project-setup/%s HTTP/1.1\r\n", id);
  return strstr(head, part) != NULL;
}

static size_t requests_for(const struct house *house, const char *id) {
  size_t count = 0;
  for (size_t i = 0; i < scripted_server_requests(house->server); i++)
    count += asks_for(scripted_server_head(house->server, i), id);
  return count;
}

/* Writes the key's file in place, so that its time of change is another one
 * than before. */
static void write_key(const char *key) {
  struct stat before = {0}, after;
  bool existed = stat(key_path, &before) == 0;
  do {
    FILE *file = fopen(key_path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", key);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(key_path, 0600), 0);
    assert_int_equal(stat(key_path, &after), 0);
  } while (existed && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
           before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

/* Replaces the file as a whole, so that it is never seen half written. */
static void replace_text(const char *path, const char *text) {
  char new_path[sizeof(directory) + 32];
  snprintf(new_path, sizeof(new_path), "%s.next", path);
  write_text(new_path, text);
  assert_int_equal(rename(new_path, path), 0);
}

/* The options with the paths; until the next call. */
static const char *with_paths(const char *options) {
  static char text[2048];
  snprintf(text, sizeof(text), "APIKey \"" KEY "\"\n%s", options);
  const struct {
    const char *word, *path;
  } words[] = {{"@tasks", tasks_path},
               {"@state", state_path},
               {"@other", other_path},
               {"@dir", directory}};
  for (size_t i = 0; i < COUNT(words); i++)
    for (char *at; (at = strstr(text, words[i].word)) != NULL;) {
      char rest[2048];
      strcpy(rest, at + strlen(words[i].word));
      snprintf(at, sizeof(text) - (size_t)(at - text), "%s%s", words[i].path,
               rest);
    }
  return text;
}

/* --- Telling -------------------------------------------------------------- */

#define TOLD_MAX 64

/* Tells events as the plugin's thread does, and keeps the first of them. */
struct teller {
  struct poller *poller;
  pthread_t thread;
  size_t count;
  struct event told[TOLD_MAX];
};

static void *teller_main(void *argument) {
  struct teller *teller = argument;
  struct event event;
  while (poller_wait_event(teller->poller, &event)) {
    if (teller->count < TOLD_MAX)
      teller->told[teller->count] = event;
    teller->count++;
    poller_event_done(teller->poller, &event);
  }
  return NULL;
}

static void start_teller(struct teller *teller, struct house *house) {
  teller->poller = house->poller;
  teller->count = 0;
  assert_int_equal(pthread_create(&teller->thread, NULL, teller_main, teller),
                   0);
}

/* Waits until there is nothing to tell. */
static void flush_teller(const struct teller *teller) {
  int64_t begin = now();
  poller_flush_events(teller->poller, PATIENCE);
  assert_true(now() - begin < PATIENCE);
}

static void stop_teller(struct teller *teller) {
  flush_teller(teller);
  poller_stop_events(teller->poller);
  pthread_join(teller->thread, NULL);
}

/* How many events of that kind were told, with that part in the name or the
 * detail. After a flush. */
static size_t told_count(const struct teller *teller, enum event_kind kind,
                         const char *part) {
  size_t count = 0;
  assert_true(teller->count <= TOLD_MAX);
  for (size_t i = 0; i < teller->count; i++)
    count += teller->told[i].kind == kind &&
             (strstr(teller->told[i].name, part) != NULL ||
              strstr(teller->told[i].detail, part) != NULL);
  return count;
}

/* Makes rounds until that many were told, and some more in which there could be
 * too many. */
static void rounds_until_told(struct house *house, const struct teller *teller,
                              enum event_kind kind, const char *part,
                              size_t count) {
  int64_t deadline = now() + PATIENCE;
  do {
    round_of(house, 100);
    flush_teller(teller);
  } while (told_count(teller, kind, part) < count && now() < deadline);
  for (int i = 0; i < 5; i++)
    round_of(house, 100);
  flush_teller(teller);
  if (told_count(teller, kind, part) != count)
    fail_msg("\"%s\" was told %zu times instead of %zu", part,
             told_count(teller, kind, part), count);
}

/* --- Scripts -------------------------------------------------------------- */

/* Tasks are pending, but those whose ID begins with another word. The answers
 * for "held-" wait until the test releases them. */
static void answer_by_id(struct scripted_server *server,
                         const struct scripted_request *request,
                         struct scripted_answer *answer, void *context) {
  (void)context;
  if (strstr(request->head, "/held-") != NULL)
    scripted_server_hold(server);
  if (strstr(request->head, "/success-") != NULL)
    scripted_answer_http(answer, 200, "", SUCCESS);
  else if (strstr(request->head, "/error-") != NULL)
    scripted_answer_http(answer, 200, "",
                         "{\"status\":\"ERROR\",\"exception_reason\":"
                         "\"SOURCE_TOO_LONG\",\"message\":\"too long\"}");
  else if (strstr(request->head, "/broken-") != NULL)
    scripted_answer_http(answer, 500, "", "{\"detail\":\"oops\"}");
  else
    scripted_answer_http(answer, 200, "", PENDING);
}

/* --- Rounds --------------------------------------------------------------- */

static void test_round_delivers_values(void **state) {
  (void)state;
  struct house house;
  start(&house,
        "APIKey \"" KEY "\"\nTask \"pending-1\" \"a\"\n"
        "Task \"success-1\" \"b\"\nTask \"error-1\" \"c\"",
        answer_by_id, NULL);
  int64_t begin = now();
  round_of(&house, PATIENCE);
  assert_true(now() - begin < PATIENCE);
  assert_int_equal(house.snapshot.account_count, 1);
  assert_int_equal(house.snapshot.task_count, 3);
  assert_string_equal(house.snapshot.tasks[1].name, "b");
  assert_int_equal(state_of(&house, 0), TASK_PENDING);
  assert_int_equal(state_of(&house, 1), TASK_SUCCESS);
  assert_int_equal(state_of(&house, 2), TASK_ERROR);
  const struct account_values *account = &house.snapshot.accounts[0];
  assert_int_equal(account->up, 1);
  assert_int_equal(account->requests[COUNTER_OK], 3);
  assert_int_equal(account->states[TASK_PENDING], 1);
  assert_true(account->response_average > 0);
  assert_true(account->response_maximum >= account->response_average);
  stop(&house);
}

static void test_final_tasks_are_not_asked_again(void **state) {
  (void)state;
  struct house house;
  start(&house,
        "APIKey \"" KEY "\"\nTask \"pending-1\"\nTask \"success-1\"\n"
        "Task \"error-1\"",
        answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 3 + 4);
  assert_true(requests_for(&house, "pending-1") >= 5);
  assert_int_equal(requests_for(&house, "success-1"), 1);
  assert_int_equal(requests_for(&house, "error-1"), 1);
  stop(&house);
}

static void test_nothing_due_is_not_waited_for(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nTask \"success-1\"", answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 1);
  int64_t begin = now();
  round_of(&house, PATIENCE);
  assert_true(now() - begin < PATIENCE);
  assert_int_equal(house.snapshot.accounts[0].up, 1);
  assert_true(house.snapshot.accounts[0].response_average < 0);
  stop(&house);
}

static void assert_nothing_known(const struct house *house) {
  assert_int_equal(state_of(house, 0), TASK_UNKNOWN);
  assert_true(house->snapshot.tasks[0].elapsed >= 0);
  assert_true(house->snapshot.tasks[0].status_age < 0);
  assert_int_equal(house->snapshot.accounts[0].up, -1);
  assert_true(house->snapshot.accounts[0].response_average < 0);
  for (int i = 0; i < REQUEST_COUNTER_COUNT; i++)
    assert_int_equal(ended(house, 0, (enum request_counter)i), 0);
}

static void test_round_waits_no_longer_than_it_may(void **state) {
  static const int64_t waits[] = {0, 1, 300};
  (void)state;
  for (size_t i = 0; i < COUNT(waits); i++) {
    struct house house;
    start(&house, "APIKey \"" KEY "\"\nTask \"held-1\"", answer_by_id, NULL);
    int64_t begin = now();
    round_of(&house, waits[i]);
    int64_t took = now() - begin;
    assert_true(took >= waits[i] - 1);
    assert_true(took < waits[i] + PATIENCE / 4);
    rounds_until_listed(&house, 1); /* in no time the list is not read */
    assert_nothing_known(&house);
    /* it goes on hanging */
    begin = now();
    round_of(&house, waits[i]);
    assert_true(now() - begin < waits[i] + PATIENCE / 4);
    assert_nothing_known(&house);
    stop(&house);
  }
}

static void test_hanging_request_is_not_sent_twice(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nTask \"pending-1\"\nTask \"held-1\"",
        answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 5);
  assert_int_equal(requests_for(&house, "held-1"), 1);
  assert_int_equal(state_of(&house, 1), TASK_UNKNOWN);
  scripted_server_release(house.server);
  int64_t deadline = now() + PATIENCE;
  do
    round_of(&house, 100);
  while (state_of(&house, 1) == TASK_UNKNOWN && now() < deadline);
  assert_int_equal(state_of(&house, 1), TASK_PENDING);
  stop(&house);
}

static void test_no_good_answer(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nTask \"broken-1\"", answer_by_id, NULL);
  rounds_until(&house, COUNTER_SERVER_ERROR, 1);
  assert_int_equal(house.snapshot.accounts[0].up, 0);
  assert_int_equal(state_of(&house, 0), TASK_UNKNOWN);
  assert_int_equal(ended(&house, 0, COUNTER_OK), 0);
  stop(&house);
}

static void test_timeout_of_a_request(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nTimeout 0.2\nTask \"held-1\"",
        answer_by_id, NULL);
  rounds_until(&house, COUNTER_TIMEOUT, 1);
  assert_int_equal(house.snapshot.accounts[0].up, 0);
  assert_true(house.snapshot.accounts[0].response_maximum >= 0.15);
  stop(&house);
}

static void test_nothing_to_do(void **state) {
  static const struct {
    const char *text;
    size_t accounts;
  } cases[] = {{"", 0}, {"<Account \"a\">\nAPIKey \"" KEY "\"\n</Account>", 1}};
  (void)state;
  for (size_t i = 0; i < 2; i++) {
    struct house house;
    start(&house, cases[i].text, answer_by_id, NULL);
    int64_t begin = now();
    round_of(&house, PATIENCE);
    assert_true(now() - begin < PATIENCE);
    assert_int_equal(house.snapshot.account_count, cases[i].accounts);
    assert_int_equal(house.snapshot.task_count, 0);
    assert_int_equal(scripted_server_connections(house.server), 0);
    stop(&house);
  }
  poller_free(NULL);
}

/* --- Concurrency ---------------------------------------------------------- */

/* A task that is answered at once, so that the client knows the server, and
 * many that are not. */
#define MANY_HELD                                                              \
  "Task \"success-0\"\nTask \"held-1\"\nTask \"held-2\"\nTask \"held-3\"\n"    \
  "Task \"held-4\"\nTask \"held-5\"\nTask \"held-6\"\nTask \"held-7\"\n"       \
  "Task \"held-8\"\nTask \"held-9\"\n"

static void test_max_concurrency(void **state) {
  static const struct {
    const char *name, *text;
    size_t at_once;
  } cases[] = {
      {"1", "APIKey \"" KEY "\"\nMaxConcurrency 1\n" MANY_HELD, 1},
      {"3", "APIKey \"" KEY "\"\nMaxConcurrency 3\n" MANY_HELD, 3},
      {"default", "APIKey \"" KEY "\"\n" MANY_HELD, 9},
      {"each account its own",
       "APIKey \"" KEY "\"\nMaxConcurrency 3\n" MANY_HELD
       "<Account \"a\">\nMaxConcurrency 2\n"
       "Task \"held-a\"\nTask \"held-b\"\nTask \"held-c\"\n</Account>",
       5},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct house house;
    start(&house, cases[i].text, answer_by_id, NULL);
    round_of(&house, 100);
    ASSERT_CASE(cases[i].name,
                scripted_server_await(house.server, 1 + cases[i].at_once));
    /* time in which too many would come */
    round_of(&house, 200);
    ASSERT_CASE(cases[i].name,
                scripted_server_requests(house.server) == 1 + cases[i].at_once);
    scripted_server_release(house.server);
    rounds_until(&house, COUNTER_OK, 10);
    /* and one that the server has just answered, and still counts */
    ASSERT_CASE(cases[i].name,
                scripted_server_peak(house.server) <= cases[i].at_once + 1);
    stop(&house);
  }
}

static void test_one_round_asks_more_than_fit_at_once(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nMaxConcurrency 2\n" MANY_HELD,
        answer_by_id, NULL);
  scripted_server_release(house.server);
  round_of(&house, PATIENCE);
  assert_int_equal(ended(&house, 0, COUNTER_OK), 10);
  assert_true(scripted_server_peak(house.server) <= 2);
  assert_true(scripted_server_connections(house.server) <= 2);
  stop(&house);
}

static void answer_when_three_came(struct scripted_server *server,
                                   const struct scripted_request *request,
                                   struct scripted_answer *answer,
                                   void *context) {
  (void)request, (void)context;
  scripted_server_await(server, 3);
  scripted_answer_http(answer, 200, "", SUCCESS);
}

/* One request that is slow holds up no other one, from the first round on. */
static void test_slow_request_holds_up_no_other(void **state) {
  (void)state;
  struct house house;
  start(&house,
        "APIKey \"" KEY "\"\nTimeout 2\nTask \"1\"\nTask \"2\"\nTask \"3\"",
        answer_when_three_came, NULL);
  round_of(&house, PATIENCE);
  int64_t ok = ended(&house, 0, COUNTER_OK);
  int64_t timeouts = ended(&house, 0, COUNTER_TIMEOUT);
  stop(&house);
  assert_int_equal(timeouts, 0);
  assert_int_equal(ok, 3);
}

/* --- Stopping ------------------------------------------------------------- */

static void test_stop_while_requests_hang(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\n" MANY_HELD, answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 1);
  assert_true(scripted_server_await(house.server, 10));
  int64_t begin = now();
  stop_poller(&house);
  assert_true(now() - begin < STOP_TIME_MAX);
  /* one was answered */
  assert_int_equal(poller_unanswered(house.poller, 0), 0);
  begin = now();
  clear(&house);
  assert_true(now() - begin < STOP_TIME_MAX);
}

static void test_unanswered(void **state) {
  (void)state;
  struct house house;
  start(&house,
        "<Account \"silent\">\nAPIKey \"" KEY "\"\nTask \"held-1\"\n"
        "</Account>\n<Account \"good\">\nAPIKey \"" KEY
        "\"\nTask \"pending-1\"\n</Account>\n"
        "<Account \"idle\">\nAPIKey \"" KEY "\"\n</Account>",
        answer_by_id, NULL);
  int64_t deadline = now() + PATIENCE;
  do /* the first answer may have to show the client what server this is */
    round_of(&house, 50);
  while (scripted_server_requests(house.server) < 1 && now() < deadline);
  stop_poller(&house);
  assert_int_equal(poller_unanswered(house.poller, 0), 1);
  assert_int_equal(poller_unanswered(house.poller, 2), 0);
  clear(&house);
}

static void test_stop_before_the_first_round(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nTask \"pending-1\"", answer_by_id, NULL);
  stop_poller(&house);
  assert_int_equal(scripted_server_connections(house.server), 0);
  /* a round without the thread still has its bound, but nothing to show */
  int64_t begin = now();
  round_of(&house, 50);
  assert_true(now() - begin < PATIENCE);
  assert_int_equal(house.snapshot.account_count, 0);
  assert_int_equal(house.snapshot.task_count, 0);
  clear(&house);
}

/* --- Keys ----------------------------------------------------------------- */

static bool has_key(const char *head, const char *key) {
  char line[300];
  snprintf(line, sizeof(line), "\r\nx-api-key: %s\r\n", key);
  return strstr(head, line) != NULL;
}

static void test_each_account_has_its_key(void **state) {
  (void)state;
  struct house house;
  start(&house,
        "APIKey \"key-0\"\nTask \"of-0\"\n"
        "<Account \"a\">\nAPIKey \"key-1\"\nTask \"of-1\"\n</Account>\n"
        "<Account \"b\">\nTask \"of-2\"\n</Account>",
        answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 3);
  for (size_t i = 0; i < 3; i++)
    assert_true(ended(&house, i, COUNTER_OK) > 0);
  for (size_t i = 0; i < scripted_server_requests(house.server); i++) {
    const char *head = scripted_server_head(house.server, i);
    bool is_a = asks_for(head, "of-1");
    assert_true(is_a || asks_for(head, "of-0") || asks_for(head, "of-2"));
    assert_true(has_key(head, is_a ? "key-1" : "key-0"));
    assert_false(has_key(head, is_a ? "key-0" : "key-1"));
  }
  stop(&house);
}

static void start_with_key_file(struct house *house, const char *text,
                                scripted_script script, void *context) {
  char block[2048];
  snprintf(block, sizeof(block), "APIKeyFile \"%s\"\n%s", key_path, text);
  start(house, block, script, context);
}

static void test_key_file_that_appears_later(void **state) {
  (void)state;
  struct house house;
  struct event event;
  start_with_key_file(&house, "Task \"pending-1\"", answer_by_id, NULL);
  for (int i = 0; i < 3; i++) {
    int64_t begin = now();
    round_of(&house, PATIENCE); /* there is nothing to wait for */
    assert_true(now() - begin < PATIENCE);
    assert_int_equal(house.snapshot.accounts[0].up, 0);
    assert_int_equal(state_of(&house, 0), TASK_UNKNOWN);
  }
  assert_int_equal(scripted_server_connections(house.server), 0);
  await_event(&house, EVENT_FILE_PROBLEM, &event);
  assert_non_null(strstr(event.detail, key_path));
  write_key(KEY);
  rounds_until(&house, COUNTER_OK, 1);
  assert_int_equal(house.snapshot.accounts[0].up, 1);
  assert_true(has_key(scripted_server_head(house.server, 0), KEY));
  await_event(&house, EVENT_FILE_PROBLEM_OVER, &event);
  stop(&house);
}

/* What is wrong with a file that two accounts share is one thing to tell. */
static void test_key_file_of_two_accounts(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  start_with_key_file(&house,
                      "Task \"pending-1\"\n<Account \"x\">\n"
                      "Task \"pending-2\"\n</Account>",
                      answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, key_path, 1);
  write_key(KEY);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM_OVER, key_path, 1);
  stop_teller(&teller);
  assert_int_equal(teller.count, 2);
  stop(&house);
}

/* Takes "new" for the key, and no other. */
static void answer_by_key(struct scripted_server *server,
                          const struct scripted_request *request,
                          struct scripted_answer *answer, void *context) {
  (void)server, (void)context;
  if (has_key(request->head, "new"))
    scripted_answer_http(answer, 200, "", PENDING);
  else
    scripted_answer_http(answer, 401, "", "{\"error\":\"Invalid API key\"}");
}

static void test_key_is_rotated(void **state) {
  (void)state;
  struct house house;
  struct event event;
  write_key("old");
  start_with_key_file(&house, "Task \"pending-1\"", answer_by_key, NULL);
  rounds_until(&house, COUNTER_UNAUTHORIZED, 2);
  assert_int_equal(house.snapshot.accounts[0].up, 0);
  await_event(&house, EVENT_KEY_REJECTED, &event);
  write_key("new");
  rounds_until(&house, COUNTER_OK, 1);
  await_event(&house, EVENT_KEY_ACCEPTED, &event);
  stop(&house);
}

/* --- Answers -------------------------------------------------------------- */

struct bad_answer {
  const char *name;
  int status; /* 0: the connection is closed */
  const char *body;
  enum request_counter counter;
};

static const struct bad_answer bad_answers[] = {
    {"empty", 200, "", COUNTER_INVALID},
    {"no JSON", 200, "<html>SUCCESS</html>", COUNTER_INVALID},
    {"another status", 200, "{\"status\":\"WEIRD\"}", COUNTER_INVALID},
    {"no status", 200, "{\"run_id\":7}", COUNTER_INVALID},
    {"empty list", 200, "[]", COUNTER_INVALID},
    {"trailing bytes", 200, SUCCESS "x", COUNTER_INVALID},
    {"invalid UTF-8", 200, "{\"status\":\"SUCCESS\",\"x\":\"\xFF\"}",
     COUNTER_INVALID},
    {"SUCCESS in a redirect", 302, SUCCESS, COUNTER_INVALID},
    {"SUCCESS in a 404", 404, SUCCESS, COUNTER_NOT_FOUND},
    {"SUCCESS in a 422", 422, SUCCESS, COUNTER_CLIENT_ERROR},
    {"SUCCESS in a 500", 500, SUCCESS, COUNTER_SERVER_ERROR},
    {"SUCCESS in a 408", 408, SUCCESS, COUNTER_TIMEOUT},
    {"too large", 200, NULL, COUNTER_INVALID},
    {"closed", 0, "", COUNTER_NETWORK},
};
#define BAD_COUNT (COUNT(bad_answers))

/* SUCCESS in more than 1 MiB. */
static char *large_body(void) {
  size_t size = STATUS_BODY_MAX + 1;
  char *body = malloc(size + 1);
  assert_non_null(body);
  memset(body, ' ', size);
  memcpy(body, SUCCESS, strlen(SUCCESS));
  body[size] = '\0';
  return body;
}

/* A good answer before each bad one. */
static void answer_badly(struct scripted_server *server,
                         const struct scripted_request *request,
                         struct scripted_answer *answer, void *context) {
  const struct bad_answer *bad = context;
  (void)server;
  if (request->number % 2 == 0) {
    scripted_answer_http(answer, 200, "", PENDING);
  } else if (bad->status == 0) {
    answer->end = SCRIPTED_RESET;
    scripted_answer_bytes(answer,
                          "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", 38);
  } else if (bad->body == NULL) {
    char *body = large_body();
    scripted_answer_http(answer, bad->status, "", body);
    free(body);
  } else {
    scripted_answer_http(answer, bad->status, "", bad->body);
  }
}

static void test_bad_answers_hold_the_status(void **state) {
  (void)state;
  for (size_t i = 0; i < BAD_COUNT; i++) {
    struct bad_answer bad = bad_answers[i];
    struct house house;
    start(&house, "APIKey \"" KEY "\"\nTask \"1\"", answer_badly, &bad);
    rounds_until(&house, bad.counter, 1);
    int64_t total = 0;
    for (int k = 0; k < REQUEST_COUNTER_COUNT; k++)
      total += ended(&house, 0, (enum request_counter)k);
    ASSERT_CASE(bad.name, state_of(&house, 0) == TASK_PENDING);
    ASSERT_CASE(bad.name, house.snapshot.tasks[0].status_age >= 0);
    /* each is counted once; on a slow machine there are more of them */
    int64_t good = ended(&house, 0, COUNTER_OK);
    ASSERT_CASE(bad.name, total == good + ended(&house, 0, bad.counter));
    ASSERT_CASE(bad.name, good == total - total / 2);
    rounds_until(&house, COUNTER_OK, good + 1);
    ASSERT_CASE(bad.name, state_of(&house, 0) == TASK_PENDING);
    ASSERT_CASE(bad.name, house.snapshot.accounts[0].up == 1);
    stop(&house);
  }
}

/* The key of a request. */
static void copy_key(const char *head, char key[64]) {
  const char *line = strstr(head, "x-api-key: ");
  assert_non_null(line);
  line += strlen("x-api-key: ");
  snprintf(key, 64, "%.*s", (int)strcspn(line, "\r"), line);
}

/* Puts the key of the request into each text of the answer. The context is the
 * HTTP status. */
static void answer_with_echo(struct scripted_server *server,
                             const struct scripted_request *request,
                             struct scripted_answer *answer, void *context) {
  const int *status = context;
  char key[64], body[512];
  copy_key(request->head, key);
  if (strstr(request->head, "/held-") != NULL)
    scripted_server_hold(server);
  snprintf(body, sizeof(body),
           "{\"status\":\"ERROR\",\"exception_reason\":\"BAD_%s\","
           "\"message\":\"before %s after %s%s\"}",
           key, key, key, key);
  scripted_answer_http(answer, *status, "", body);
}

static bool is_in_event(const char *key, const struct event *event) {
  return strstr(event->detail, key) != NULL ||
         strstr(event->message, key) != NULL ||
         strstr(event->exception_reason, key) != NULL;
}

static void test_echoed_key_is_blanked(void **state) {
  static const struct {
    const char *name;
    int status;
    enum event_kind kind;
  } cases[] = {
      {"200", 200, EVENT_TASK_ENDED},      {"401", 401, EVENT_ACCOUNT_TROUBLE},
      {"404", 404, EVENT_TASK_TROUBLE},    {"422", 422, EVENT_TASK_TROUBLE},
      {"500", 500, EVENT_ACCOUNT_TROUBLE},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    int status = cases[i].status;
    struct house house;
    struct event event;
    start(&house, "APIKey \"" KEY "\"\nTask \"1\"", answer_with_echo, &status);
    round_of(&house, PATIENCE);
    await_event(&house, cases[i].kind, &event);
    stop(&house);
    ASSERT_CASE(cases[i].name, !is_in_event(KEY, &event));
    const char *text = status == 200 ? event.message : event.detail;
    ASSERT_CASE(cases[i].name, strstr(text, "before ") != NULL);
    ASSERT_CASE(cases[i].name, strstr(text, " after ") != NULL);
  }
}

/* As FastAPI's 422 does it: the detail is no text but JSON, in which some of
 * the key's characters are written otherwise. */
static void answer_with_echo_in_json(struct scripted_server *server,
                                     const struct scripted_request *request,
                                     struct scripted_answer *answer,
                                     void *context) {
  (void)server, (void)request, (void)context;
  scripted_answer_http(answer, 422, "",
                       "{\"detail\":[{\"loc\":[\"header\",\"x-api-key\"],"
                       "\"input\":\"a\\\"b\\\\" KEY "\"}]}");
}

static void test_key_echoed_in_json_is_blanked(void **state) {
  (void)state;
  struct house house;
  struct event event;
  start(&house, "APIKey \"a\\\"b\\\\" KEY "\"\nTask \"1\"",
        answer_with_echo_in_json, NULL);
  round_of(&house, PATIENCE);
  assert_true(has_key(scripted_server_head(house.server, 0), "a\"b\\" KEY));
  await_event(&house, EVENT_TASK_TROUBLE, &event);
  stop(&house);
  if (is_in_event(KEY, &event))
    fail_msg("the key is in: %s", event.detail);
}

/* The key is changed while a request with the old one, which may still be a
 * good one elsewhere, is under way. */
static void test_echoed_old_key_is_blanked(void **state) {
  (void)state;
  int status = 200;
  struct house house;
  struct event event;
  write_key("old-" KEY);
  start_with_key_file(&house, "Task \"held-1\"", answer_with_echo, &status);
  round_of(&house, 50);
  assert_true(scripted_server_await(house.server, 1));
  write_key("new-" KEY);
  round_of(&house, 2000); /* in which the file is read */
  scripted_server_release(house.server);
  await_event(&house, EVENT_TASK_ENDED, &event);
  stop(&house);
  if (is_in_event("old-" KEY, &event))
    fail_msg("the key is in: %s", event.message);
}

/* --- Events --------------------------------------------------------------- */

static void test_event_comes_once(void **state) {
  (void)state;
  struct house house;
  struct event event, again;
  start(&house, "APIKey \"" KEY "\"\nTask \"error-1\" \"one\"", answer_by_id,
        NULL);
  round_of(&house, PATIENCE);
  /* it is offered until it has been told */
  assert_true(poller_wait_event(house.poller, &event));
  assert_true(poller_wait_event(house.poller, &again));
  assert_int_equal(event.kind, EVENT_TASK_ENDED);
  assert_int_equal(again.kind, EVENT_TASK_ENDED);
  assert_string_equal(event.name, "one");
  assert_string_equal(event.id, "error-1");
  assert_int_equal(event.state, TASK_ERROR);
  assert_string_equal(event.exception_reason, "SOURCE_TOO_LONG");
  assert_string_equal(event.message, "too long");
  poller_event_done(house.poller, &event);
  /* now there is none, so that this takes no time */
  int64_t begin = now();
  poller_flush_events(house.poller, PATIENCE);
  assert_true(now() - begin < PATIENCE);
  stop(&house);
}

static void test_flush_has_a_bound(void **state) {
  (void)state;
  struct house house;
  start(&house, "APIKey \"" KEY "\"\nTask \"error-1\"", answer_by_id, NULL);
  round_of(&house, PATIENCE);
  int64_t begin = now();
  poller_flush_events(house.poller, 200); /* nobody tells */
  int64_t took = now() - begin;
  stop(&house);
  assert_true(took >= 199);
  assert_true(took < PATIENCE);
}

static void test_teller(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  start(&house,
        "APIKey \"" KEY "\"\nTask \"error-1\"\nTask \"success-1\"\n"
        "Task \"success-2\"\nTask \"pending-1\"",
        answer_by_id, NULL);
  start_teller(&teller, &house);
  round_of(&house, PATIENCE);
  flush_teller(&teller);
  stop_teller(&teller); /* it is waiting for more, or about to */
  assert_int_equal(teller.count, 3);
  stop(&house);
}

static void answer_404_first(struct scripted_server *server,
                             const struct scripted_request *request,
                             struct scripted_answer *answer, void *context) {
  (void)server, (void)context;
  scripted_answer_http(answer, request->number == 0 ? 404 : 200, "", PENDING);
}

/* A trouble that is over, and found to be so by a flush, while somebody tells
 * that it has begun. */
static void test_trouble_is_over_while_it_is_told(void **state) {
  (void)state;
  struct house house;
  struct event event;
  start(&house, "APIKey \"" KEY "\"\nTask \"1\"", answer_404_first, NULL);
  rounds_until(&house, COUNTER_NOT_FOUND, 1);
  assert_true(poller_wait_event(house.poller, &event));
  assert_int_equal(event.kind, EVENT_TASK_TROUBLE);
  rounds_until(&house, COUNTER_OK, 1);
  poller_flush_events(house.poller, 0);
  poller_event_done(house.poller, &event);
  assert_true(poller_wait_event(house.poller, &event));
  assert_int_equal(event.kind, EVENT_TASK_TROUBLE_OVER);
  stop(&house);
}

static void test_stopped_events_stay_so(void **state) {
  (void)state;
  struct house house;
  struct event event;
  start(&house, "APIKey \"" KEY "\"\nTask \"error-1\"", answer_by_id, NULL);
  poller_stop_events(house.poller);
  round_of(&house, PATIENCE);
  assert_int_equal(state_of(&house, 0), TASK_ERROR);
  assert_false(poller_wait_event(house.poller, &event));
  assert_false(poller_wait_event(house.poller, &event));
  stop(&house);
}

/* --- More of the answers -------------------------------------------------- */

#define RESULT                                                                 \
  "{\"project_details\":{\"project_name\":\"Größe\",\"studio_url\":"         \
  "\"https://studio.example/p/7\",\"duration\":63.5}}"

/* The answer to a request for a result. */
struct result_answer {
  const char *name;
  int status; /* 0: the connection is closed */
  const char *body;
  enum request_counter counter;
  const char *project, *url; /* that are told */
};

static void answer_with_result(struct scripted_server *server,
                               const struct scripted_request *request,
                               struct scripted_answer *answer, void *context) {
  const struct result_answer *result = context;
  if (strstr(request->head, "/project-setup-result/") == NULL)
    answer_by_id(server, request, answer, NULL);
  else if (result->status == 0)
    answer->end = SCRIPTED_RESET;
  else
    scripted_answer_http(answer, result->status, "Retry-After: 3600\r\n",
                         result->body);
}

/* One round asks for the status and then for the result; whatever comes of
 * that, the task's end is told, and the result is not asked for again. */
static void test_result_is_fetched(void **state) {
  static const struct result_answer cases[] = {
      {"good", 200, RESULT, COUNTER_OK, "Größe", "https://studio.example/p/7"},
      {"without a URL", 200, "{\"run_details\":{\"name\":\"x\"}}", COUNTER_OK,
       "x", ""},
      {"not understood", 200, "[]", COUNTER_INVALID, "", ""},
      {"404", 404, RESULT, COUNTER_NOT_FOUND, "", ""},
      {"401", 401, RESULT, COUNTER_UNAUTHORIZED, "", ""},
      {"429", 429, RESULT, COUNTER_RATE_LIMITED, "", ""},
      {"500", 500, RESULT, COUNTER_SERVER_ERROR, "", ""},
      {"503", 503, RESULT, COUNTER_SERVER_ERROR, "", ""},
      {"closed", 0, "", COUNTER_NETWORK, "", ""},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct result_answer result = cases[i];
    const char *name = result.name;
    struct house house;
    struct event event;
    start(&house,
          "APIKey \"" KEY "\"\nFetchResult true\nTask \"success-1\" \"a\"",
          answer_with_result, &result);
    rounds_until(&house, result.counter, result.counter == COUNTER_OK ? 2 : 1);
    ASSERT_CASE(name, ended(&house, 0, COUNTER_OK) ==
                          1 + (result.counter == COUNTER_OK));
    ASSERT_CASE(name, house.snapshot.accounts[0].up == 1);
    ASSERT_CASE(name, state_of(&house, 0) == TASK_SUCCESS);
    double media = house.snapshot.tasks[0].media_duration;
    ASSERT_CASE(name, i == 0 ? media == 63.5 : media < 0);
    assert_true(poller_wait_event(house.poller, &event));
    ASSERT_CASE(name, event.kind == EVENT_TASK_ENDED);
    ASSERT_CASE(name, strcmp(event.name, "a") == 0 && event.run_id == 7);
    ASSERT_CASE(name, strcmp(event.project_name, result.project) == 0);
    ASSERT_CASE(name, strcmp(event.studio_url, result.url) == 0);
    poller_event_done(house.poller, &event);
    for (int k = 0; k < 5; k++)
      round_of(&house, 100);
    ASSERT_CASE(name, requests_for(&house, "success-1") == 1);
    const char *head = scripted_server_head(house.server, 1);
    ASSERT_CASE(name, strncmp(head, "GET /project-setup-result/7 HTTP/1.1\r\n",
                              strlen("GET /project-setup-result/7 ")) == 0);
    ASSERT_CASE(name, has_key(head, KEY));
    /* one that is cut off before its answer came is sent once more */
    ASSERT_CASE(name, scripted_server_requests(house.server) ==
                          (result.status == 0 ? 3 : 2));
    stop(&house);
  }
}

static void test_result_is_fetched_where_there_is_one(void **state) {
  (void)state;
  struct result_answer result = {"", 200, RESULT, COUNTER_OK, "", ""};
  struct house house;
  start(&house,
        "APIKey \"" KEY "\"\nFetchResult true\nTask \"error-1\"\n"
        "<Task \"success-2\">\nType \"dub\"\n</Task>\n"
        "<Account \"a\">\nFetchResult false\nTask \"success-1\"\n</Account>",
        answer_with_result, &result);
  rounds_until(&house, COUNTER_OK, 2);
  rounds_until_of(&house, 1, COUNTER_OK, 1);
  for (int i = 0; i < 5; i++)
    round_of(&house, 100);
  assert_int_equal(scripted_server_requests(house.server), 3);
  stop(&house);
}

static void answer_with_numbers(struct scripted_server *server,
                                const struct scripted_request *request,
                                struct scripted_answer *answer, void *context) {
  (void)server, (void)context;
  bool is_b = asks_for(request->head, "b");
  scripted_answer_http(answer, 200, "",
                       is_b ? "{\"status\":\"PENDING\",\"n\":[1,-2.5]}"
                            : "{\"status\":\"PENDING\",\"n\":[7]}");
}

static void test_fields(void **state) {
  (void)state;
  struct house house;
  start(&house,
        "APIKey \"" KEY "\"\nTask \"a\"\nField \"/n/0\" \"gauge\" \"0\"\n"
        "Field \"/n/1\" \"gauge\" \"1\"\n<Account \"x\">\nTask \"b\"\n"
        "Field \"/status\" \"gauge\" \"2\"\n</Account>",
        answer_with_numbers, NULL);
  rounds_until(&house, COUNTER_OK, 1);
  rounds_until_of(&house, 1, COUNTER_OK, 1);
  const struct snapshot *snapshot = &house.snapshot;
  const double *a = snapshot->fields + snapshot->tasks[0].first_field;
  const double *b = snapshot->fields + snapshot->tasks[1].first_field;
  assert_true(a[0] == 7 && isnan(a[1]));
  assert_true(b[0] == 1 && b[1] == -2.5 && isnan(b[2]));
  stop(&house);
}

/* --- Limits --------------------------------------------------------------- */

/* How the API answers the first request for a task of the first account. */
struct limit_answer {
  const char *name;
  int status;
  const char *headers;
  bool is_said; /* for how long */
};

static const struct limit_answer limits[] = {
    {"429, seconds", 429, "Retry-After: 3600\r\n", true},
    {"503, seconds", 503, "Retry-After: 3600\r\n", true},
    {"429, date", 429, "Retry-After: Fri, 31 Dec 2199 23:59:59 GMT\r\n", true},
    {"429", 429, "", false},
    {"503", 503, "", false},
};
#define LIMIT_COUNT (COUNT(limits))

static void answer_with_limit(struct scripted_server *server,
                              const struct scripted_request *request,
                              struct scripted_answer *answer, void *context) {
  const struct limit_answer *limit = context;
  (void)server;
  if (request->number == 0)
    scripted_answer_http(answer, limit->status, limit->headers, "{}");
  else
    scripted_answer_http(answer, 200, "", PENDING);
}

/* The other account's task is not asked before this one has been. */
static const char limited_text[] =
    "StateFile \"@state\"\nMaxConcurrency 1\nMaxErrorInterval 1\n"
    "Task \"a-1\"\nTask \"a-2\"\nTask \"a-3\"\n"
    "<Account \"x\">\nStateFile \"\"\nTaskFile \"@tasks\"\n</Account>";

/* The account as a whole waits, and another one goes on. */
static void test_limits(void **state) {
  (void)state;
  for (size_t i = 0; i < LIMIT_COUNT; i++) {
    struct limit_answer limit = limits[i];
    struct house house;
    setup(NULL);
    start(&house, with_paths(limited_text), answer_with_limit, &limit);
    rounds_until(
        &house,
        limit.status == 429 ? COUNTER_RATE_LIMITED : COUNTER_SERVER_ERROR, 1);
    replace_text(tasks_path, "b\n");
    if (limit.is_said) {
      rounds_until_of(&house, 1, COUNTER_OK, 10);
      /* and so after a restart */
      restart(&house, with_paths(limited_text));
      rounds_until_of(&house, 1, COUNTER_OK, 10);
      ASSERT_CASE(limit.name, requests_for(&house, "a-1") +
                                      requests_for(&house, "a-2") +
                                      requests_for(&house, "a-3") ==
                                  1);
      ASSERT_CASE(limit.name, ended(&house, 0, COUNTER_OK) == 0);
    } else {
      rounds_until(&house, COUNTER_OK, 3);
    }
    stop(&house);
  }
}

/* --- Keys that seem the same ---------------------------------------------- */

struct key_check {
  atomic_bool takes_old;
};

static void answer_by_checked_key(struct scripted_server *server,
                                  const struct scripted_request *request,
                                  struct scripted_answer *answer,
                                  void *context) {
  struct key_check *check = context;
  (void)server;
  bool is_old = has_key(request->head, "key-old");
  if (!is_old || check->takes_old)
    scripted_answer_http(answer, 200, "", PENDING);
  else
    scripted_answer_http(answer, 401, "", "{}");
}

/* A file of the same size and times is only read again after a 401. */
static void test_key_file_is_read_again_after_401(void **state) {
  (void)state;
  struct key_check check = {.takes_old = true};
  struct house house;
  times_are_kept = true;
  write_key("key-old");
  start_with_key_file(&house, "Task \"1\"", answer_by_checked_key, &check);
  rounds_until(&house, COUNTER_OK, 1);
  write_key("key-new");
  rounds_until(&house, COUNTER_OK, 5);
  for (size_t i = 0; i < scripted_server_requests(house.server); i++)
    assert_true(has_key(scripted_server_head(house.server, i), "key-old"));
  check.takes_old = false;
  rounds_until(&house, COUNTER_UNAUTHORIZED, 1);
  int64_t ok = ended(&house, 0, COUNTER_OK);
  rounds_until(&house, COUNTER_OK, ok + 1);
  assert_int_equal(ended(&house, 0, COUNTER_UNAUTHORIZED), 1);
  stop(&house);
}

/* --- Task files ----------------------------------------------------------- */

static void test_task_file_comes_and_changes(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  start(&house,
        with_paths("TaskFile \"@tasks\"\n<Account \"x\">\n"
                   "TaskFile \"@other\"\n</Account>"),
        answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, tasks_path, 1);
  assert_int_equal(house.snapshot.account_count, 2);
  assert_int_equal(house.snapshot.task_count, 0);
  replace_text(other_path, "pending-1\n");
  replace_text(tasks_path, "pending-1 a\nsuccess-1 b\n");
  rounds_until_listed(&house, 3);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM_OVER, tasks_path, 1);
  rounds_until_state(&house, 0, TASK_PENDING);
  rounds_until_state(&house, 1, TASK_SUCCESS);
  assert_string_equal(house.snapshot.tasks[0].name, "a");
  assert_string_equal(house.snapshot.tasks[1].name, "b");
  assert_string_equal(house.snapshot.tasks[2].name, "x-pending-1");
  /* written in place, with another order and another name; none is lost */
  write_text(tasks_path, "success-1 c\nerror-1\npending-1 a\n");
  rounds_until_listed(&house, 4);
  assert_string_equal(house.snapshot.tasks[0].name, "c");
  assert_int_equal(state_of(&house, 0), TASK_SUCCESS);
  assert_int_equal(state_of(&house, 2), TASK_PENDING);
  rounds_until_told(&house, &teller, EVENT_TASK_ENDED, "error-1", 1);
  assert_int_equal(requests_for(&house, "success-1"), 1);
  /* empty for a moment */
  write_text(tasks_path, "");
  rounds_until_listed(&house, 1);
  write_text(tasks_path, "error-1\n");
  rounds_until_listed(&house, 2);
  assert_int_equal(state_of(&house, 0), TASK_ERROR);
  assert_int_equal(requests_for(&house, "error-1"), 1);
  stop_teller(&teller);
  assert_int_equal(told_count(&teller, EVENT_TASK_ENDED, ""), 2);
  stop(&house);
}

/* Whatever is wrong with the file is told once, and costs nothing else. */
static void test_task_file_breaks(void **state) {
  char line_2[sizeof(tasks_path) + 16];
  (void)state;
  struct house house;
  struct teller teller;
  snprintf(line_2, sizeof(line_2), "%s, line 2", tasks_path);
  replace_text(tasks_path, "pending-1\n..\npending-2\npending-1 again\n");
  start(&house, with_paths("TaskFile \"@tasks\""), answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, line_2, 1);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, "line 4", 1);
  assert_int_equal(house.snapshot.task_count, 2);
  /* it has changed, and the line is still bad */
  replace_text(tasks_path, "pending-1\n..\npending-2\npending-3\n");
  rounds_until_listed(&house, 3);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM_OVER, "line 4", 1);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, line_2, 1);
  /* while it is not there, its tasks are asked all the same */
  assert_int_equal(unlink(tasks_path), 0);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, "No such file", 1);
  rounds_until(&house, COUNTER_OK, ended(&house, 0, COUNTER_OK) + 6);
  assert_int_equal(house.snapshot.task_count, 3);
  replace_text(tasks_path, "pending-1\n");
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM_OVER, "No such", 1);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM_OVER, line_2, 1);
  rounds_until_listed(&house, 1);
  stop_teller(&teller);
  assert_int_equal(teller.count, 6);
  stop(&house);
}

/* --- State files ---------------------------------------------------------- */

static const char state_text[] =
    "StateFile \"@state\"\nTask \"error-1\" \"e\"\nTask \"success-1\" \"s\"\n"
    "Task \"pending-1\" \"p\"";

/* Makes a round with a new daemon, tells what there is to tell, and ends. */
static void live(struct house *house, const char *text, struct teller *teller) {
  start_poller(house, text);
  start_teller(teller, house);
  rounds_until(house, COUNTER_OK, 1);
  stop_teller(teller);
  stop_poller(house);
}

static void test_state_is_kept(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  struct stat status;
  start(&house, with_paths(state_text), answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 3);
  stop_poller(&house); /* without telling */
  clear_poller(&house);
  assert_int_equal(stat(state_path, &status), 0);
  assert_int_equal(status.st_mode & 07777, 0600);
  assert_null(strstr(text_of(state_path), KEY));

  /* what was not told is told now, though it is not asked again */
  live(&house, with_paths(state_text), &teller);
  assert_int_equal(told_count(&teller, EVENT_TASK_ENDED, ""), 2);
  assert_int_equal(told_count(&teller, EVENT_TASK_ENDED, "e"), 1);
  assert_int_equal(state_of(&house, 0), TASK_ERROR);
  assert_int_equal(state_of(&house, 1), TASK_SUCCESS);
  assert_int_equal(state_of(&house, 2), TASK_PENDING);
  clear_poller(&house);

  /* and not again by the next one */
  live(&house, with_paths(state_text), &teller);
  assert_int_equal(teller.count, 0);
  assert_int_equal(state_of(&house, 0), TASK_ERROR);
  assert_int_equal(requests_for(&house, "error-1"), 1);
  assert_int_equal(requests_for(&house, "success-1"), 1);
  clear(&house);
}

/* The wall clock, milliseconds. */
static long long wall_ago(int64_t milliseconds) {
  return moment_now().wall - milliseconds;
}

/* An hour before, by an earlier daemon. */
static void write_old_state(const char *more) {
  char text[1024];
  snprintf(text, sizeof(text),
           "{\"camb_task_state\":1}\n"
           "{\"account\":\"default\",\"task\":\"pending-1\",\"name\":\"p\","
           "\"listed\":%lld,\"state\":\"pending\",\"saw_pending\":true,"
           "\"changed\":%lld,\"confirmed\":%lld}\n%s{\"end\":%d}\n",
           wall_ago(3600000), wall_ago(3600000), wall_ago(1000), more,
           more[0] == '\0' ? 2 : 3);
  write_text(state_path, text);
}

static void test_elapsed_goes_on(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  write_old_state("");
  start(&house, with_paths("StateFile \"@state\"\nTask \"pending-1\" \"p\""),
        answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until(&house, COUNTER_OK, 1);
  assert_true(house.snapshot.tasks[0].elapsed >= 3600);
  assert_true(house.snapshot.tasks[0].elapsed < 3600 + 1000);
  stop_teller(&teller);
  assert_int_equal(teller.count, 0);
  stop(&house);
}

/* It ended while there was no daemon. */
static void test_end_between_two_lives(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  char text[256];
  const char *options = "StateFile \"@state\"\nTask \"success-9\" \"p\"";
  snprintf(text, sizeof(text),
           "{\"account\":\"default\",\"task\":\"success-9\",\"listed\":%lld,"
           "\"state\":\"pending\",\"saw_pending\":true}\n",
           wall_ago(60000));
  write_old_state(text);
  start(&house, with_paths(options), answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until_told(&house, &teller, EVENT_TASK_ENDED, "p", 1);
  assert_true(teller.told[0].elapsed >= 60);
  stop_teller(&teller);
  stop_poller(&house);
  clear_poller(&house);
  start_poller(&house, with_paths(options));
  start_teller(&teller, &house);
  for (int i = 0; i < 5; i++)
    round_of(&house, 100);
  stop_teller(&teller);
  assert_int_equal(teller.count, 0);
  stop(&house);
}

static void test_damaged_state_file(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  char damaged_path[sizeof(state_path) + 16];
  write_old_state("damage\n");
  start(&house, with_paths("StateFile \"@state\"\nTask \"pending-1\" \"p\""),
        answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until(&house, COUNTER_OK, 5);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, state_path, 1);
  assert_true(house.snapshot.tasks[0].elapsed >= 3600);
  stop_teller(&teller);
  assert_int_equal(teller.count, 1);
  stop(&house);
  snprintf(damaged_path, sizeof(damaged_path), "%s.damaged", state_path);
  assert_non_null(strstr(text_of(damaged_path), "damage"));
  assert_null(strstr(text_of(state_path), "damage"));
  assert_non_null(strstr(text_of(state_path), "pending-1"));
}

static void test_state_file_without_a_directory(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  char path[sizeof(directory) + 32];
  snprintf(path, sizeof(path), "%s/missing/state", directory);
  start(&house,
        with_paths("StateFile \"@dir/missing/state\"\nTask \"pending-1\""),
        answer_by_id, NULL);
  start_teller(&teller, &house);
  rounds_until_told(&house, &teller, EVENT_FILE_PROBLEM, path, 1);
  rounds_until(&house, COUNTER_OK, 20);
  stop_teller(&teller);
  assert_int_equal(teller.count, 1);
  *strrchr(path, '/') = '\0';
  assert_int_equal(mkdir(path, 0700), 0);
  stop(&house); /* tries once more */
  path[strlen(path)] = '/';
  assert_non_null(strstr(text_of(path), "pending-1"));
}

/* Each account's tasks are in its own file, and in no other. */
static void test_state_files_of_accounts(void **state) {
  static const struct {
    const char *name, *text;
    bool first_in_state, second_in_state, second_in_other;
  } cases[] = {
      {"one file",
       "StateFile \"@state\"\nTask \"success-1\"\n<Account \"x\">\n"
       "Task \"success-2\"\n</Account>",
       true, true, false},
      {"two files",
       "StateFile \"@state\"\nTask \"success-1\"\n<Account \"x\">\n"
       "StateFile \"@other\"\nTask \"success-2\"\n</Account>",
       true, false, true},
      {"the first off",
       "Task \"success-1\"\n<Account \"x\">\nStateFile \"@state\"\n"
       "Task \"success-2\"\n</Account>",
       false, true, false},
      {"the second off",
       "StateFile \"@state\"\nTask \"success-1\"\n<Account \"x\">\n"
       "StateFile \"\"\nTask \"success-2\"\n</Account>",
       true, false, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *name = cases[i].name;
    const bool is_kept[] = {cases[i].first_in_state,
                            cases[i].second_in_state ||
                                cases[i].second_in_other};
    struct house house;
    setup(NULL);
    start(&house, with_paths(cases[i].text), answer_by_id, NULL);
    rounds_until(&house, COUNTER_OK, 1);
    rounds_until_of(&house, 1, COUNTER_OK, 1);
    restart(&house, with_paths(cases[i].text));
    for (size_t k = 0; k < 2; k++)
      if (!is_kept[k])
        rounds_until_of(&house, k, COUNTER_OK, 1);
    for (int k = 0; k < 5; k++)
      round_of(&house, 100);
    ASSERT_CASE(name,
                requests_for(&house, "success-1") == (is_kept[0] ? 1 : 2));
    ASSERT_CASE(name,
                requests_for(&house, "success-2") == (is_kept[1] ? 1 : 2));
    stop(&house);
    const char *text = text_of(state_path);
    ASSERT_CASE(name,
                (strstr(text, "success-1") != NULL) == cases[i].first_in_state);
    ASSERT_CASE(name, (strstr(text, "success-2") != NULL) ==
                          cases[i].second_in_state);
    text = text_of(other_path);
    ASSERT_CASE(name, strstr(text, "success-1") == NULL);
    ASSERT_CASE(name, (strstr(text, "success-2") != NULL) ==
                          cases[i].second_in_other);
  }
}

/* The file was written just now, so the change must wait; but not for the
 * daemon's end. */
static void test_stop_while_a_save_is_due(void **state) {
  (void)state;
  struct house house;
  struct stat status;
  start(&house,
        with_paths("StateFile \"@state\"\nTask \"pending-1\"\n"
                   "Task \"held-1\"\n"),
        answer_by_id, NULL);
  int64_t deadline = now() + PATIENCE;
  do
    round_of(&house, 10);
  while (stat(state_path, &status) != 0 && now() < deadline);
  assert_non_null(strstr(text_of(state_path), "held-1"));
  rounds_until(&house, COUNTER_OK, 1);
  scripted_server_release(house.server);
  deadline = now() + PATIENCE;
  do
    round_of(&house, 10);
  while (state_of(&house, 1) == TASK_UNKNOWN && now() < deadline);
  stop(&house);
  const char *line = strstr(text_of(state_path), "held-1");
  assert_non_null(line);
  assert_non_null(strstr(line, "\"pending\""));
}

/* What was told is saved without a further round: were the daemon killed before
 * that, it would be told again. */
static void test_told_is_saved_soon(void **state) {
  (void)state;
  struct house house;
  struct event event;
  start(&house, with_paths("StateFile \"@state\"\nTask \"error-1\""),
        answer_by_id, NULL);
  rounds_until(&house, COUNTER_OK, 1);
  int64_t deadline = now() + PATIENCE;
  while (strstr(text_of(state_path), "\"error\"") == NULL && now() < deadline)
    wait_a_little();
  assert_null(strstr(text_of(state_path), "end_told"));
  await_event(&house, EVENT_TASK_ENDED, &event);
  while (strstr(text_of(state_path), "end_told") == NULL && now() < deadline)
    wait_a_little();
  assert_non_null(strstr(text_of(state_path), "end_told"));
  stop(&house);
}

/* Polling, values and events go on while a save takes ever so long, and polling
 * can be stopped. */
static void test_hanging_disk(void **state) {
  (void)state;
  struct house house;
  struct event event;
  write_text(tasks_path, "pending-1\nerror-1\n");
  start(&house, with_paths("StateFile \"@state\"\nTaskFile \"@tasks\""),
        answer_by_id, NULL);
  rounds_until_listed(&house, 2);
  let_disk_hang(true);
  await_event(&house, EVENT_TASK_ENDED, &event);
  int64_t deadline = now() + PATIENCE;
  while (waiting_for_disk() == 0 && now() < deadline)
    round_of(&house, 10);
  assert_int_equal(waiting_for_disk(), 1);
  rounds_until(&house, COUNTER_OK, ended(&house, 0, COUNTER_OK) + 20);
  replace_text(tasks_path, "pending-1\nerror-2\npending-2\n");
  rounds_until_listed(&house, 3);
  await_event(&house, EVENT_TASK_ENDED, &event);
  assert_string_equal(event.id, "error-2");
  rounds_until_state(&house, 2, TASK_PENDING);
  poller_stop(house.poller);
  pthread_join(house.thread, NULL);
  poller_stop_saving(house.poller);
  assert_int_equal(waiting_for_disk(), 1);
  let_disk_hang(false);
  pthread_join(house.saving_thread, NULL);
  clear(&house);
  static const char *const parts[] = {"pending-1", "pending-2", "error-1",
                                      "error-2", "{\"end\":5}\n"};
  for (size_t i = 0; i < COUNT(parts); i++)
    if (strstr(text_of(state_path), parts[i]) == NULL)
      fail_msg("no %s in: %s", parts[i], text_of(state_path));
}

static void test_key_is_not_in_the_state_file(void **state) {
  (void)state;
  int status = 200;
  struct house house;
  struct event event;
  start(&house, with_paths("StateFile \"@state\"\nTask \"1\""),
        answer_with_echo, &status);
  rounds_until(&house, COUNTER_OK, 1);
  await_event(&house, EVENT_TASK_ENDED, &event);
  stop(&house);
  assert_non_null(strstr(text_of(state_path), "before "));
  assert_null(strstr(text_of(state_path), KEY));
}

/* --- Idleness ------------------------------------------------------------- */

/* How long the polling thread has worked, milliseconds. */
static int64_t work_of(const struct house *house) {
  clockid_t clock;
  struct timespec time;
  assert_int_equal(pthread_getcpuclockid(house->thread, &clock), 0);
  assert_int_equal(clock_gettime(clock, &time), 0);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* However little there is to do, the thread does not run in circles. */
static void test_no_spinning(void **state) {
  static const struct limit_answer limit = {"", 429, "Retry-After: 3600\r\n",
                                            true};
  static const struct {
    const char *name, *text;
    scripted_script script;
  } cases[] = {
      {"idle", "Task \"success-1\"", answer_by_id},
      {"a request is under way", "Task \"held-1\"", answer_by_id},
      {"no more requests may be under way",
       "MaxConcurrency 1\nTask \"held-1\"\nTask \"held-2\"", answer_by_id},
      {"held", "Task \"1\"\nTask \"2\"", answer_with_limit},
      {"a save is due", "StateFile \"@state\"\nTask \"success-1\"",
       answer_by_id},
      {"a save fails", "StateFile \"@dir/no/state\"\nTask \"success-1\"",
       answer_by_id},
      {"a file is missing", "TaskFile \"@tasks\"\nTask \"success-1\"",
       answer_by_id},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct limit_answer context = limit;
    struct house house;
    setup(NULL);
    start(&house, with_paths(cases[i].text), cases[i].script, &context);
    for (int k = 0; k < 3; k++)
      round_of(&house, 100);
    int64_t before = work_of(&house);
    struct timespec time = {.tv_nsec = 400000000};
    nanosleep(&time, NULL);
    /* some milliseconds at most; in circles, all of the machine's it gets */
    ASSERT_CASE(cases[i].name, work_of(&house) - before < 40);
    stop(&house);
  }
}

/* --- Everything at once --------------------------------------------------- */

/* Every fifth answer is bad in some way; the tasks end one after the other. */
static void answer_with_faults(struct scripted_server *server,
                               const struct scripted_request *request,
                               struct scripted_answer *answer, void *context) {
  (void)context;
  size_t number = request->number;
  if (strstr(request->head, "/project-setup-result/") != NULL)
    scripted_answer_http(answer, 200, "", RESULT);
  else if (number % 5 != 0)
    answer_by_id(server, request, answer, NULL);
  else if (number % 3 == 0)
    scripted_answer_http(answer, number % 2 == 0 ? 401 : 429, "", "{}");
  else if (number % 3 == 1)
    scripted_answer_http(answer, 200, "", "{");
  else
    answer->end = SCRIPTED_RESET;
}

/* What the threads beside the poller's are given. */
struct bustle {
  struct house *house;
  atomic_bool is_over;
  size_t changes;
};

/* Changes the files, as users do. */
static void *changing_main(void *argument) {
  static const char *const lists[] = {
      "pending-1 a\nsuccess-1 b\n", "",
      "success-1 b\npending-1 c\nerror-1\n..\n",
      "pending-1 a\nerror-1\nsuccess-2\nsuccess-3 type=dub\nsuccess-1\n"};
  struct bustle *bustle = argument;
  for (size_t i = 0; !bustle->is_over; i++, bustle->changes++) {
    struct timespec time = {.tv_nsec = 3000000};
    replace_text(tasks_path, lists[i % 4]);
    if (i % 7 == 0)
      unlink(tasks_path);
    write_key(i % 2 == 0 ? "key-1" : "key-2");
    poller_flush_events(bustle->house->poller, 1);
    nanosleep(&time, NULL);
  }
  return NULL;
}

static ino_t state_inode(void) {
  struct stat status;
  return stat(state_path, &status) == 0 ? status.st_ino : 0;
}

/* The threads of the plugin and the files, all at it, until the state has been
 * saved some times. ThreadSanitizer looks on, in a build with it. */
static void test_everything_at_once(void **state) {
  (void)state;
  struct house house;
  struct teller teller;
  struct bustle bustle = {.house = &house};
  pthread_t changing;
  char text[1024];
  snprintf(text, sizeof(text),
           "MaxErrorInterval 1\nMaxConcurrency 4\nFetchResult true\n"
           "StalledAfter 0.05\nField \"/run_id\" \"gauge\" \"r\"\n"
           "StateFile \"%s\"\nTaskFile \"%s\"\nTask \"pending-0\"\n"
           "<Account \"x\">\nStateFile \"%s\"\nMaxPollInterval 1\n"
           "TaskFile \"%s\"\nTask \"broken-0\"\n</Account>",
           state_path, tasks_path, other_path, tasks_path);
  write_key("key-0");
  start_with_key_file(&house, text, answer_with_faults, NULL);
  start_teller(&teller, &house);
  assert_int_equal(pthread_create(&changing, NULL, changing_main, &bustle), 0);
  int64_t deadline = now() + PATIENCE;
  size_t saves = 0, rounds = 0;
  for (ino_t last = 0; saves < 2 && now() < deadline; rounds++) {
    ino_t inode = state_inode();
    saves += inode != last;
    last = inode;
    round_of(&house, (int64_t)(rounds % 4));
  }
  bustle.is_over = true;
  pthread_join(changing, NULL);
  poller_stop_events(house.poller);
  pthread_join(teller.thread, NULL);
  stop(&house);
  assert_true(saves >= 2);
  assert_true(rounds > 10);
  assert_true(bustle.changes > 10);
  assert_true(teller.count > 0);
}

/* --- Running -------------------------------------------------------------- */

static int setup_all(void **state) {
  (void)state;
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(key_path, sizeof(key_path), "%s/key", directory);
  snprintf(tasks_path, sizeof(tasks_path), "%s/tasks", directory);
  snprintf(state_path, sizeof(state_path), "%s/state", directory);
  snprintf(other_path, sizeof(other_path), "%s/other", directory);
  return http_client_global_init() ? 0 : -1;
}

/* Removes what is in a directory. */
static void empty(const char *path) {
  DIR *entries = opendir(path);
  struct dirent *entry;
  while (entries != NULL && (entry = readdir(entries)) != NULL) {
    char file[sizeof(directory) + 256];
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    if (entry->d_name[0] == '.' || unlink(file) == 0)
      continue;
    empty(file);
    rmdir(file);
  }
  if (entries != NULL)
    closedir(entries);
}

static int teardown_all(void **state) {
  (void)state;
  empty(directory);
  return rmdir(directory);
}

static int setup(void **state) {
  (void)state;
  empty(directory);
  times_are_kept = false;
  let_disk_hang(false);
  mock_reset();
  alarm(TEST_TIME_MAX);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  alarm(0);
  mock_reset();
  return 0;
}

int main(void) {
#define TEST(function)                                                         \
  cmocka_unit_test_setup_teardown(function, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(test_round_delivers_values),
      TEST(test_final_tasks_are_not_asked_again),
      TEST(test_nothing_due_is_not_waited_for),
      TEST(test_round_waits_no_longer_than_it_may),
      TEST(test_hanging_request_is_not_sent_twice),
      TEST(test_no_good_answer),
      TEST(test_timeout_of_a_request),
      TEST(test_nothing_to_do),
      TEST(test_max_concurrency),
      TEST(test_one_round_asks_more_than_fit_at_once),
      TEST(test_slow_request_holds_up_no_other),
      TEST(test_stop_while_requests_hang),
      TEST(test_unanswered),
      TEST(test_stop_before_the_first_round),
      TEST(test_each_account_has_its_key),
      TEST(test_key_file_that_appears_later),
      TEST(test_key_file_of_two_accounts),
      TEST(test_key_is_rotated),
      TEST(test_bad_answers_hold_the_status),
      TEST(test_echoed_key_is_blanked),
      TEST(test_key_echoed_in_json_is_blanked),
      TEST(test_echoed_old_key_is_blanked),
      TEST(test_event_comes_once),
      TEST(test_flush_has_a_bound),
      TEST(test_teller),
      TEST(test_trouble_is_over_while_it_is_told),
      TEST(test_stopped_events_stay_so),
      TEST(test_result_is_fetched),
      TEST(test_result_is_fetched_where_there_is_one),
      TEST(test_fields),
      TEST(test_limits),
      TEST(test_key_file_is_read_again_after_401),
      TEST(test_task_file_comes_and_changes),
      TEST(test_task_file_breaks),
      TEST(test_state_is_kept),
      TEST(test_elapsed_goes_on),
      TEST(test_end_between_two_lives),
      TEST(test_damaged_state_file),
      TEST(test_state_file_without_a_directory),
      TEST(test_state_files_of_accounts),
      TEST(test_stop_while_a_save_is_due),
      TEST(test_told_is_saved_soon),
      TEST(test_hanging_disk),
      TEST(test_key_is_not_in_the_state_file),
      TEST(test_no_spinning),
      TEST(test_everything_at_once),
  };
  signal(SIGPIPE, SIG_IGN);
  unsetenv(API_KEY_VARIABLE);
  return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
