/* SPDX-License-Identifier: MIT */
#include "collectd_mock.h"

#include "http_client.h"
#include "poller.h"
#include "scripted_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
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
/* What contract.md gives the daemon to end, milliseconds. */
#define STOP_TIME_MAX 2000

#define PENDING "{\"status\":\"PENDING\"}"
#define SUCCESS "{\"status\":\"SUCCESS\",\"run_id\":7}"

#define ASSERT_CASE(name, condition)                                           \
  do {                                                                         \
    if (!(condition))                                                          \
      fail_msg("case \"%s\": %s", name, #condition);                           \
  } while (0)

/* A poller with its thread, and the API that it asks. */
struct house {
  struct scripted_server *server;
  struct configuration *configuration;
  struct poller *poller;
  pthread_t thread;
  struct snapshot snapshot;
};

static char directory[] = "/tmp/test_poller.XXXXXX";
static char key_path[sizeof(directory) + 16];

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* --- The house ------------------------------------------------------------ */

static struct configuration *configure(unsigned port, const char *text) {
  char block[4096];
  snprintf(block, sizeof(block),
           "Proxy \"\"\nURL \"http://127.0.0.1:%u\"\n%s\n", port, text);
  struct configuration *configuration = configuration_create();
  oconfig_item_t *item = mock_config(block);
  assert_non_null(configuration);
  assert_int_equal(configuration_parse(configuration, item), 0);
  mock_config_free(item);
  return configuration;
}

static void start(struct house *house, const char *text, scripted_script script,
                  void *context) {
  memset(house, 0, sizeof(*house));
  house->server = scripted_server_start(script, context);
  assert_non_null(house->server);
  house->configuration = configure(scripted_server_port(house->server), text);
  house->poller = poller_create(house->configuration, INTERVAL);
  assert_non_null(house->poller);
  assert_int_equal(
      pthread_create(&house->thread, NULL, poller_main, house->poller), 0);
}

static void stop_poller(struct house *house) {
  void *result = house;
  poller_stop(house->poller);
  pthread_join(house->thread, &result);
  assert_null(result);
}

static void clear(struct house *house) {
  poller_free(house->poller);
  snapshot_clear(&house->snapshot);
  configuration_free(house->configuration);
  scripted_server_stop(house->server);
}

static void stop(struct house *house) {
  stop_poller(house);
  clear(house);
}

static void round_of(struct house *house, int64_t wait) {
  assert_true(poller_round(house->poller, wait, &house->snapshot));
}

static int64_t ended(const struct house *house, size_t account,
                     enum request_counter counter) {
  return house->snapshot.accounts[account].requests[counter];
}

/* Makes rounds until so many requests of the first account have ended so. */
static void rounds_until(struct house *house, enum request_counter counter,
                         int64_t count) {
  int64_t deadline = now() + PATIENCE;
  do
    round_of(house, 100);
  while (ended(house, 0, counter) < count && now() < deadline);
  if (ended(house, 0, counter) < count)
    fail_msg("%lld instead of %lld: %s", (long long)ended(house, 0, counter),
             (long long)count, request_counter_name[counter]);
}

static enum task_state state_of(const struct house *house, size_t task) {
  assert_true(task < house->snapshot.task_count);
  return house->snapshot.tasks[task].state;
}

/* Takes events until there is one of that kind. */
static void await_event(struct house *house, enum tracker_event_kind kind,
                        struct tracker_event *event) {
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
  for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
    struct house house;
    start(&house, "APIKey \"" KEY "\"\nTask \"held-1\"", answer_by_id, NULL);
    int64_t begin = now();
    round_of(&house, waits[i]);
    int64_t took = now() - begin;
    assert_true(took >= waits[i] - 1);
    assert_true(took < waits[i] + PATIENCE / 4);
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
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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
  /* a round without the thread still has its bound and its values */
  int64_t begin = now();
  round_of(&house, 50);
  assert_true(now() - begin < PATIENCE);
  assert_int_equal(house.snapshot.task_count, 1);
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
  char block[1024];
  snprintf(block, sizeof(block), "APIKeyFile \"%s\"\n%s", key_path, text);
  start(house, block, script, context);
}

static void test_key_file_that_appears_later(void **state) {
  (void)state;
  struct house house;
  struct tracker_event event;
  start_with_key_file(&house, "Task \"pending-1\"", answer_by_id, NULL);
  for (int i = 0; i < 3; i++) {
    int64_t begin = now();
    round_of(&house, PATIENCE); /* there is nothing to wait for */
    assert_true(now() - begin < PATIENCE);
    assert_int_equal(house.snapshot.accounts[0].up, 0);
    assert_int_equal(state_of(&house, 0), TASK_UNKNOWN);
  }
  assert_int_equal(scripted_server_connections(house.server), 0);
  await_event(&house, EVENT_KEY_PROBLEM, &event);
  assert_non_null(strstr(event.detail, key_path));
  write_key(KEY);
  rounds_until(&house, COUNTER_OK, 1);
  assert_int_equal(house.snapshot.accounts[0].up, 1);
  assert_true(has_key(scripted_server_head(house.server, 0), KEY));
  await_event(&house, EVENT_KEY_PROBLEM_OVER, &event);
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
  struct tracker_event event;
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
#define BAD_COUNT (sizeof(bad_answers) / sizeof(bad_answers[0]))

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
    ASSERT_CASE(bad.name, total == 2 && ended(&house, 0, COUNTER_OK) == 1);
    ASSERT_CASE(bad.name, ended(&house, 0, bad.counter) == 1);
    rounds_until(&house, COUNTER_OK, 2);
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

static bool is_in_event(const char *key, const struct tracker_event *event) {
  return strstr(event->detail, key) != NULL ||
         strstr(event->message, key) != NULL ||
         strstr(event->exception_reason, key) != NULL;
}

static void test_echoed_key_is_blanked(void **state) {
  static const struct {
    const char *name;
    int status;
    enum tracker_event_kind kind;
  } cases[] = {
      {"200", 200, EVENT_TASK_ENDED},      {"401", 401, EVENT_ACCOUNT_TROUBLE},
      {"404", 404, EVENT_TASK_TROUBLE},    {"422", 422, EVENT_TASK_TROUBLE},
      {"500", 500, EVENT_ACCOUNT_TROUBLE},
  };
  (void)state;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    int status = cases[i].status;
    struct house house;
    struct tracker_event event;
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
  struct tracker_event event;
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
  struct tracker_event event;
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
  struct tracker_event event, again;
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

/* Tells events as the plugin's thread does. Counts them. */
struct teller {
  struct poller *poller;
  size_t told;
};

static void *teller_main(void *argument) {
  struct teller *teller = argument;
  struct tracker_event event;
  while (poller_wait_event(teller->poller, &event)) {
    teller->told++;
    poller_event_done(teller->poller, &event);
  }
  return NULL;
}

static void test_teller(void **state) {
  (void)state;
  struct house house;
  pthread_t thread;
  start(&house,
        "APIKey \"" KEY "\"\nTask \"error-1\"\nTask \"success-1\"\n"
        "Task \"success-2\"\nTask \"pending-1\"",
        answer_by_id, NULL);
  struct teller teller = {house.poller, 0};
  assert_int_equal(pthread_create(&thread, NULL, teller_main, &teller), 0);
  round_of(&house, PATIENCE);
  int64_t begin = now();
  poller_flush_events(house.poller, PATIENCE);
  assert_true(now() - begin < PATIENCE);
  /* the thread is waiting for more, or about to */
  poller_stop_events(house.poller);
  pthread_join(thread, NULL);
  assert_int_equal(teller.told, 3);
  stop(&house);
}

static void test_stopped_events_stay_so(void **state) {
  (void)state;
  struct house house;
  struct tracker_event event;
  start(&house, "APIKey \"" KEY "\"\nTask \"error-1\"", answer_by_id, NULL);
  poller_stop_events(house.poller);
  round_of(&house, PATIENCE);
  assert_int_equal(state_of(&house, 0), TASK_ERROR);
  assert_false(poller_wait_event(house.poller, &event));
  assert_false(poller_wait_event(house.poller, &event));
  stop(&house);
}

/* --- Running -------------------------------------------------------------- */

static int setup_all(void **state) {
  (void)state;
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(key_path, sizeof(key_path), "%s/key", directory);
  return http_client_global_init() ? 0 : -1;
}

static int teardown_all(void **state) {
  (void)state;
  unlink(key_path);
  return rmdir(directory);
}

static int setup(void **state) {
  (void)state;
  unlink(key_path);
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
      TEST(test_key_is_rotated),
      TEST(test_bad_answers_hold_the_status),
      TEST(test_echoed_key_is_blanked),
      TEST(test_key_echoed_in_json_is_blanked),
      TEST(test_echoed_old_key_is_blanked),
      TEST(test_event_comes_once),
      TEST(test_flush_has_a_bound),
      TEST(test_teller),
      TEST(test_stopped_events_stay_so),
  };
  signal(SIGPIPE, SIG_IGN);
  unsetenv(API_KEY_VARIABLE);
  return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
