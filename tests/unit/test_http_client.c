/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "http_client.h"

#include "moment.h"
#include "scripted_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY "k3y-of-the-test"
#define BODY_MAX 1000
#define REQUESTS_MAX 64
#define SERVERS_MAX 4 /* of a client */
#define GOOD_BODY "\"PENDING\""

/* How a request ended. */
struct ending {
  int calls;
  bool cancelled;
  enum outcome outcome;
  long status;
  char *body;
  size_t body_size;
  char error[HTTP_ERROR_SIZE];
  double seconds;
  long retry_after;
  char api_key[16];
};

/* An answer of the server's. */
struct plan {
  const char *bytes;
  enum scripted_end end;
  bool hold; /* afterwards */
};

/* The servers of the client that was made last, by their options. */
static struct {
  struct http_client *client;
  struct http_options options;
  struct http_server *server;
} known[SERVERS_MAX];
static size_t known_count;

struct fixture {
  struct http_client *client;
  struct scripted_server *server;
  char url[64];
};

static int64_t now(void) { return moment_now().steady; }

static const struct http_options plain = {
    .proxy = "", .verify_peer = true, .verify_host = true, .timeout = PATIENCE};

static void unset_proxies(void) {
  static const char *const names[] = {
      "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
      "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
  for (size_t i = 0; i < COUNT(names); i++)
    unsetenv(names[i]);
}

/* Answers by the plan that is the context; without one by GOOD_BODY. */
static void answer_by_plan(struct scripted_server *server,
                           const struct scripted_request *request,
                           struct scripted_answer *answer, void *context) {
  const struct plan *plan = context;
  (void)request;
  if (plan == NULL) {
    scripted_answer_http(answer, 200, "", GOOD_BODY);
    return;
  }
  scripted_answer_bytes(answer, plan->bytes, strlen(plan->bytes));
  answer->end = plan->end;
  if (plan->hold)
    scripted_server_hold(server);
}

static struct http_client *create_client(void) {
  struct http_client *client = http_client_create(REQUESTS_MAX, BODY_MAX);
  assert_non_null(client);
  known_count = 0;
  return client;
}

static bool same_options(const struct http_options *a,
                         const struct http_options *b) {
  return a->proxy == b->proxy && a->ca_cert == b->ca_cert &&
         a->verify_peer == b->verify_peer && a->verify_host == b->verify_host &&
         a->timeout == b->timeout;
}

/* The client's server with these options, which is added if there is none. */
static struct http_server *server_with(struct http_client *client,
                                       const struct http_options *options) {
  for (size_t i = 0; i < known_count; i++)
    if (known[i].client == client && same_options(&known[i].options, options))
      return known[i].server;
  struct http_server *server = http_client_add_server(client, options);
  assert_non_null(server);
  assert_true(known_count < SERVERS_MAX);
  known[known_count].client = client;
  known[known_count].options = *options;
  known[known_count++].server = server;
  return server;
}

static void start(struct fixture *fixture, scripted_script script,
                  void *context) {
  fixture->server = scripted_server_start(script, context);
  fixture->client = create_client();
  assert_non_null(fixture->server);
  snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u/x",
           scripted_server_port(fixture->server));
}

static void stop(struct fixture *fixture) {
  http_client_free(fixture->client);
  scripted_server_stop(fixture->server);
}

static void on_done(void *context, const struct http_result *result) {
  struct ending *ending = context;
  ending->calls++;
  ending->cancelled = result == NULL;
  if (result == NULL)
    return;
  ending->outcome = result->outcome;
  ending->status = result->status;
  ending->seconds = result->seconds;
  ending->retry_after = result->retry_after;
  snprintf(ending->api_key, sizeof(ending->api_key), "%s", result->api_key);
  ending->body_size = result->body_size;
  free(ending->body);
  ending->body = calloc(1, result->body_size + 1);
  if (ending->body == NULL)
    abort();
  if (result->body_size > 0)
    memcpy(ending->body, result->body, result->body_size);
  snprintf(ending->error, sizeof(ending->error), "%s", result->error);
}

static void clear(struct ending *endings, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(endings[i].body);
}

/* Runs the client until each of the requests has ended. */
static void run(struct http_client *client, const struct ending *endings,
                size_t count) {
  int64_t deadline = now() + 2 * PATIENCE;
  size_t ended = 0;
  while (ended < count && now() < deadline) {
    http_client_run(client, 1000);
    ended = 0;
    for (size_t i = 0; i < count; i++)
      ended += endings[i].calls > 0;
  }
  assert_int_equal(ended, count);
  http_client_run(client, 0);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(endings[i].calls, 1);
}

static void get(struct http_client *client, const char *url,
                const struct http_options *options, struct ending *ending) {
  assert_true(
      http_client_get(server_with(client, options), url, KEY, on_done, ending));
}

/* One request from its beginning to its end. */
static void ask(struct http_client *client, const char *url,
                const struct http_options *options, struct ending *ending) {
  clear(ending, 1);
  *ending = (struct ending){0};
  get(client, url, options, ending);
  run(client, ending, 1);
}

static void assert_outcome(const char *name, const struct ending *ending,
                           enum outcome outcome) {
  if (ending->outcome != outcome)
    fail_msg("case \"%s\": %s (HTTP %ld, %zu bytes, %s) instead of: %s", name,
             outcome_info[ending->outcome].text, ending->status,
             ending->body_size, ending->error, outcome_info[outcome].text);
}

/* --- What is sent --------------------------------------------------------- */

static size_t count_in(const char *text, const char *part) {
  size_t count = 0;
  for (; (text = strcasestr(text, part)) != NULL; text++)
    count++;
  return count;
}

static void test_request(void **state) {
  static const char *const lines[] = {
      "GET /x HTTP/1.1\r\n",
      "\r\nx-api-key: " KEY "\r\n",
      "\r\nAccept: application/json\r\n",
      "\r\nUser-Agent: camb_task/" CAMB_TASK_VERSION "\r\n",
  };
  static const char *const names[] = {
      "x-api-key:", "accept:", "user-agent:", "host:", KEY};
  (void)state;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_plan, NULL);
  ask(fixture.client, fixture.url, &plain, &ending);
  const char *head = scripted_server_head(fixture.server, 0);
  for (size_t i = 0; i < COUNT(lines); i++)
    if (strstr(head, lines[i]) == NULL)
      fail_msg("no %s in\n%s", lines[i], head);
  for (size_t i = 0; i < COUNT(names); i++)
    ASSERT_CASE(names[i], count_in(head, names[i]) == 1);
  assert_int_equal(count_in(head, "expect:"), 0);
  stop(&fixture);
  clear(&ending, 1);
}

/* Of a request's arguments only the context may be kept, of the options no more
 * than the strings. Each request has its key, though the handle is the same. */
static void test_arguments_are_not_kept(void **state) {
  static const char *const keys[] = {"key-0", "key-1", "key-1", "key-10",
                                     "key"};
  enum { COUNT = COUNT(keys) };
  (void)state;
  struct fixture fixture;
  struct ending endings[COUNT] = {{0}};
  struct http_options options = plain;
  start(&fixture, answer_by_plan, NULL);
  struct http_server *server = http_client_add_server(fixture.client, &options);
  assert_non_null(server);
  memset(&options, 0, sizeof(options));
  for (size_t i = 0; i < COUNT; i++) {
    char *url = strdup(fixture.url), *key = strdup(keys[i]), line[64];
    assert_non_null(url);
    assert_non_null(key);
    assert_true(http_client_get(server, url, key, on_done, &endings[i]));
    memset(url, 'z', strlen(url));
    memset(key, 'z', strlen(key));
    free(url);
    free(key);
    run(fixture.client, &endings[i], 1);
    assert_int_equal(endings[i].outcome, OUTCOME_OK);
    assert_string_equal(endings[i].api_key, keys[i]);
    const char *head = scripted_server_head(fixture.server, i);
    snprintf(line, sizeof(line), "\r\nx-api-key: %s\r\n", keys[i]);
    assert_non_null(strstr(head, line));
    assert_int_equal(count_in(head, "key"), 2); /* no other one's */
  }
  assert_int_equal(scripted_server_connections(fixture.server), 1);
  stop(&fixture);
  clear(endings, COUNT);
}

/* --- How requests end ----------------------------------------------------- */

static void answer_by_status(struct scripted_server *server,
                             const struct scripted_request *request,
                             struct scripted_answer *answer, void *context) {
  const int *status = context;
  bool has_body = *status >= 200 && *status != 204 && *status != 304;
  (void)server, (void)request;
  scripted_answer_http(answer, *status, "", has_body ? GOOD_BODY : "");
}

static void test_status_classes(void **state) {
  static const struct {
    int status;
    enum outcome outcome;
  } cases[] = {
      {200, OUTCOME_OK},           {201, OUTCOME_OK},
      {204, OUTCOME_OK},           {299, OUTCOME_OK},
      {300, OUTCOME_INVALID},      {301, OUTCOME_INVALID},
      {304, OUTCOME_INVALID},      {308, OUTCOME_INVALID},
      {399, OUTCOME_INVALID},      {400, OUTCOME_CLIENT_ERROR},
      {401, OUTCOME_UNAUTHORIZED}, {402, OUTCOME_CLIENT_ERROR},
      {403, OUTCOME_FORBIDDEN},    {404, OUTCOME_NOT_FOUND},
      {407, OUTCOME_CLIENT_ERROR}, {408, OUTCOME_TIMEOUT},
      {409, OUTCOME_CLIENT_ERROR}, {422, OUTCOME_CLIENT_ERROR},
      {429, OUTCOME_RATE_LIMITED}, {499, OUTCOME_CLIENT_ERROR},
      {500, OUTCOME_SERVER_ERROR}, {503, OUTCOME_UNAVAILABLE},
      {599, OUTCOME_SERVER_ERROR}, {600, OUTCOME_INVALID},
      {999, OUTCOME_INVALID},
  };
  (void)state;
  int status;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_status, &status);
  for (size_t i = 0; i < COUNT(cases); i++) {
    char name[16];
    status = cases[i].status;
    snprintf(name, sizeof(name), "%d", status);
    ask(fixture.client, fixture.url, &plain, &ending);
    assert_outcome(name, &ending, cases[i].outcome);
    ASSERT_CASE(name, ending.status == status);
    ASSERT_CASE(name, ending.error[0] == '\0');
    ASSERT_CASE(name, ending.seconds > 0 && ending.seconds < PATIENCE / 1000);
    ASSERT_CASE(name, status == 204 || status == 304 ||
                          strcmp(ending.body, GOOD_BODY) == 0);
  }
  assert_int_equal(scripted_server_requests(fixture.server), COUNT(cases));
  stop(&fixture);
  clear(&ending, 1);
}

/* Answers that are right, though unusual. */
static void test_forms_of_answers(void **state) {
  static const struct {
    const char *name;
    struct plan plan;
    enum outcome outcome;
    const char *body;
  } cases[] = {
      {"to the connection's end",
       {"HTTP/1.1 200 OK\r\n\r\nbody", SCRIPTED_CLOSE, false},
       OUTCOME_OK,
       "body"},
      {"HTTP/1.0",
       {"HTTP/1.0 200 OK\r\n\r\nbody", SCRIPTED_CLOSE, false},
       OUTCOME_OK,
       "body"},
      {"chunks",
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\n\r\n",
        SCRIPTED_KEEP, false},
       OUTCOME_OK,
       "body"},
      {"chunks and a trailer",
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\nbody\r\n0\r\nX-Trailer: x\r\n\r\n",
        SCRIPTED_KEEP, false},
       OUTCOME_OK,
       "body"},
      {"nothing",
       {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", SCRIPTED_KEEP, false},
       OUTCOME_OK,
       ""},
      {"continue first",
       {"HTTP/1.1 100 Continue\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        SCRIPTED_KEEP, false},
       OUTCOME_OK,
       "body"},
      {"early hints first",
       {"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
        "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody",
        SCRIPTED_KEEP, false},
       OUTCOME_NOT_FOUND,
       "body"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct plan plan = cases[i].plan;
    struct fixture fixture;
    struct ending ending = {0};
    start(&fixture, answer_by_plan, &plan);
    ask(fixture.client, fixture.url, &plain, &ending);
    stop(&fixture);
    assert_outcome(cases[i].name, &ending, cases[i].outcome);
    ASSERT_CASE(cases[i].name, strcmp(ending.body, cases[i].body) == 0);
    ASSERT_CASE(cases[i].name, ending.body_size == strlen(cases[i].body));
    clear(&ending, 1);
  }
}

#define HALF_HEAD "HTTP/1.1 200 OK\r\nContent-"
#define HALF_BODY "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\"PEN"

static void test_faults(void **state) {
  static const struct {
    const char *name;
    struct plan plan;
    enum outcome outcome;
    long timeout;
  } cases[] = {
      {"closed", {"", SCRIPTED_CLOSE, false}, OUTCOME_NETWORK, PATIENCE},
      {"reset", {"", SCRIPTED_RESET, false}, OUTCOME_NETWORK, PATIENCE},
      {"closed in the body",
       {HALF_BODY, SCRIPTED_CLOSE, false},
       OUTCOME_NETWORK,
       PATIENCE},
      {"reset in the body",
       {HALF_BODY, SCRIPTED_RESET, false},
       OUTCOME_NETWORK,
       PATIENCE},
      {"closed in the chunks",
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nbo",
        SCRIPTED_CLOSE, false},
       OUTCOME_NETWORK,
       PATIENCE},
      {"no HTTP",
       {"SSH-2.0-OpenSSH_9.2\r\n", SCRIPTED_CLOSE, false},
       OUTCOME_NETWORK,
       PATIENCE},
      {"silent", {"", SCRIPTED_KEEP, true}, OUTCOME_TIMEOUT, 200},
      {"silent from the body on",
       {HALF_BODY, SCRIPTED_KEEP, false},
       OUTCOME_TIMEOUT,
       200},
      {"silent from the head on",
       {HALF_HEAD, SCRIPTED_KEEP, false},
       OUTCOME_TIMEOUT,
       200},
      {"interim answers only",
       {"HTTP/1.1 103 Early Hints\r\n\r\n", SCRIPTED_KEEP, false},
       OUTCOME_TIMEOUT,
       200},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct plan plan = cases[i].plan;
    struct http_options options = plain;
    struct fixture fixture;
    struct ending ending = {0};
    options.timeout = cases[i].timeout;
    start(&fixture, answer_by_plan, &plan);
    ask(fixture.client, fixture.url, &options, &ending);
    size_t requests = scripted_server_requests(fixture.server);
    stop(&fixture);
    assert_outcome(cases[i].name, &ending, cases[i].outcome);
    ASSERT_CASE(cases[i].name, ending.status == 0);
    ASSERT_CASE(cases[i].name, ending.body_size == 0);
    ASSERT_CASE(cases[i].name, ending.error[0] != '\0');
    ASSERT_CASE(cases[i].name, strstr(ending.error, KEY) == NULL);
    ASSERT_CASE(cases[i].name, requests == 1);
    ASSERT_CASE(cases[i].name,
                cases[i].outcome != OUTCOME_TIMEOUT || ending.seconds >= 0.15);
    clear(&ending, 1);
  }
}

/* An answer that breaks off in its head is none, and 1xx is none that the API
 * gives, so it is no good one if nothing follows. */
static void test_half_answers(void **state) {
  static const struct {
    const char *name, *bytes;
    enum request_counter counter;
  } cases[] = {
      {"in a header line", HALF_HEAD, COUNTER_NETWORK},
      {"behind a header line", "HTTP/1.1 200 OK\r\n", COUNTER_NETWORK},
      {"in the first line", "HTTP/1.1 20", COUNTER_NETWORK},
      {"101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
       COUNTER_INVALID},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct plan plan = {cases[i].bytes, SCRIPTED_CLOSE, false};
    struct fixture fixture;
    struct ending ending = {0};
    start(&fixture, answer_by_plan, &plan);
    ask(fixture.client, fixture.url, &plain, &ending);
    stop(&fixture);
    clear(&ending, 1);
    enum request_counter counter = outcome_info[ending.outcome].counter;
    if (counter != cases[i].counter)
      fail_msg("case \"%s\": counted as %s", cases[i].name,
               request_counter_name[counter]);
  }
}

/* --- Retry-After ---------------------------------------------------------- */

/* The time that RFC 9110 has in its examples: Sun, 06 Nov 1994 08:49:37 GMT. */
#define RFC_TIME 784111777

static const struct {
  const char *value;
  int64_t now;
  long expected;
} retry_after_values[] = {
    {"120", RFC_TIME, 120},
    {"1", RFC_TIME, 1},
    {" \t7 \t", RFC_TIME, 7},
    {"007", RFC_TIME, 7},
    {"3599", RFC_TIME, 3599},
    {"3600", RFC_TIME, 3600},
    {"3601", RFC_TIME, 3600},
    {"20301231", RFC_TIME, 3600}, /* which curl_getdate takes for a day */
    {"4294967297", RFC_TIME, 3600},
    {"18446744073709551617", RFC_TIME, 3600},
    {"000000000000000000000000000000000000000000000000009", RFC_TIME, 9},
    {"99999999999999999999999999999999999999999999999999", RFC_TIME, 3600},
    {"0", RFC_TIME, 0},
    {"000", RFC_TIME, 0},

    {"Sun, 06 Nov 1994 08:49:37 GMT", RFC_TIME - 1, 1},
    {"Sun, 06 Nov 1994 08:49:37 GMT", RFC_TIME - 90, 90},
    {"Sun, 06 Nov 1994 08:49:37 GMT", RFC_TIME - 3600, 3600},
    {"Sun, 06 Nov 1994 08:49:37 GMT", RFC_TIME - 3601, 3600},
    {"Sun, 06 Nov 1994 08:49:37 GMT", 0, 3600},
    {"Sun, 06 Nov 1994 08:49:37 GMT", RFC_TIME, 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT", RFC_TIME + 1, 0},
    {"Sun, 06 Nov 1994 08:49:37 GMT", INT64_MAX, 0},
    {" \tSun, 06 Nov 1994 08:49:37 GMT ", RFC_TIME - 90, 90},
    {"sun, 06 nov 1994 08:49:37 gmt", RFC_TIME - 90, 90},
    {"Sunday, 06-Nov-94 08:49:37 GMT", RFC_TIME - 90, 90},
    {"Sunday, 06-Nov-94 08:49:37 GMT", RFC_TIME, 0},
    {"Sun Nov  6 08:49:37 1994", RFC_TIME - 90, 90},
    {"Sun Nov  6 08:49:37 1994", RFC_TIME, 0},
    {"Tue, 19 Jan 2038 03:14:08 GMT", INT32_MAX, 1},
    {"Fri, 31 Dec 9999 23:59:59 GMT", RFC_TIME, 3600},

    {"", 0, 0},
    {" ", 0, 0},
    {"-1", 0, 0},
    {"+1", 0, 0},
    {"-20301231", 0, 0},
    {"1.5", 0, 0},
    {"1,5", 0, 0},
    {"1e3", 0, 0},
    {"0x10", 0, 0},
    {"10 s", 0, 0},
    {"10 20", 0, 0},
    {"10, 20301231", 0, 0},
    {"soon", 0, 0},
    {"GMT", 0, 0},
    {"Sunday", 0, 0},
    {"Sun, 06 Nov", 0, 0},
    {"Sun, 06 Nov 1994 25:00:00 GMT", 0, 0},
    {"\xC3\xA9", 0, 0},
    {"\xFF", 0, 0},
};

static void test_retry_after(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(retry_after_values); i++) {
    long seconds = http_retry_after(retry_after_values[i].value,
                                    retry_after_values[i].now);
    if (seconds != retry_after_values[i].expected)
      fail_msg("case %zu, \"%s\": %ld", i, retry_after_values[i].value,
               seconds);
  }
}

#define ZEROS_20 "00000000000000000000"
#define ZEROS_100 ZEROS_20 ZEROS_20 ZEROS_20 ZEROS_20 ZEROS_20
#define HEAD_429 "HTTP/1.1 429 Too Many Requests\r\n"
#define NO_BODY "Content-Length: 0\r\n\r\n"

static const struct {
  const char *name, *bytes;
  long expected;
  enum scripted_end end;
} retry_after_answers[] = {
    {"seconds", HEAD_429 "Retry-After: 30\r\n" NO_BODY, 30, SCRIPTED_KEEP},
    {"date that is far",
     HEAD_429 "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n" NO_BODY,
     HTTP_RETRY_AFTER_MAX, SCRIPTED_KEEP},
    {"date that is past",
     HEAD_429 "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n" NO_BODY, 0,
     SCRIPTED_KEEP},
    {"lower case", HEAD_429 "retry-after:30\r\n" NO_BODY, 30, SCRIPTED_KEEP},
    {"capitals", HEAD_429 "RETRY-AFTER: 30 \t\r\n" NO_BODY, 30, SCRIPTED_KEEP},
    {"bare line feeds", HEAD_429 "Retry-After: 30\nContent-Length: 0\n\n", 30,
     SCRIPTED_KEEP},
    {"of 503", "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\n" NO_BODY, 5,
     SCRIPTED_KEEP},
    {"of 200", "HTTP/1.1 200 OK\r\nRetry-After: 5\r\n" NO_BODY, 5,
     SCRIPTED_KEEP},
    {"with a body too large",
     HEAD_429 "Retry-After: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
              "3e9\r\n" ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100
                  ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100
              "0\r\n0\r\n\r\n",
     5, SCRIPTED_KEEP},
    {"behind 100",
     "HTTP/1.1 100 Continue\r\n\r\n" HEAD_429 "Retry-After: 30\r\n" NO_BODY, 30,
     SCRIPTED_KEEP},
    {"of 103 only",
     "HTTP/1.1 103 Early Hints\r\nRetry-After: 30\r\n\r\n" HEAD_429 NO_BODY, 0,
     SCRIPTED_KEEP},
    {"absent", HEAD_429 NO_BODY, 0, SCRIPTED_KEEP},
    {"empty", HEAD_429 "Retry-After:\r\n" NO_BODY, 0, SCRIPTED_KEEP},
    {"garbage", HEAD_429 "Retry-After: soon\r\n" NO_BODY, 0, SCRIPTED_KEEP},
    {"longer name", HEAD_429 "Retry-After-All: 30\r\n" NO_BODY, 0,
     SCRIPTED_KEEP},
    {"other name", HEAD_429 "X-Retry-After: 30\r\n" NO_BODY, 0, SCRIPTED_KEEP},
    {"long value",
     HEAD_429 "Retry-After:" ZEROS_100 ZEROS_20 "00000030\r\n" NO_BODY, 30,
     SCRIPTED_KEEP},
    {"too long value",
     HEAD_429 "Retry-After:" ZEROS_100 ZEROS_20 "000000030\r\n" NO_BODY, 0,
     SCRIPTED_KEEP},
    {"very long value",
     HEAD_429 "Retry-After: " ZEROS_100 ZEROS_100 ZEROS_100 ZEROS_100
              "30\r\n" NO_BODY,
     0, SCRIPTED_KEEP},
    {"in a trailer",
     HEAD_429 "Transfer-Encoding: chunked\r\n\r\n"
              "1\r\nx\r\n0\r\nRetry-After: 30\r\n\r\n",
     0, SCRIPTED_KEEP},
    {"in half a head", HEAD_429 "Retry-After: 30\r\nContent-", 0,
     SCRIPTED_CLOSE},
    {"with half a body",
     HEAD_429 "Retry-After: 30\r\nContent-Length: 9\r\n\r\nbod", 0,
     SCRIPTED_CLOSE},
};

/* All from one client, so that none leaves anything to the next. */
static void test_retry_after_of_answers(void **state) {
  (void)state;
  struct plan plan;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_plan, &plan);
  for (size_t i = 0; i < COUNT(retry_after_answers); i++) {
    plan = (struct plan){retry_after_answers[i].bytes,
                         retry_after_answers[i].end, false};
    ask(fixture.client, fixture.url, &plain, &ending);
    if (ending.retry_after != retry_after_answers[i].expected)
      fail_msg("case \"%s\": %ld (HTTP %ld, %s)", retry_after_answers[i].name,
               ending.retry_after, ending.status, ending.error);
  }
  stop(&fixture);
  clear(&ending, 1);
}

/* A date is counted from the answer on. */
static void test_retry_after_date(void **state) {
  (void)state;
  time_t date = time(NULL) + 600;
  struct tm parts;
  char when[64], head[256];
  struct fixture fixture;
  struct ending ending = {0};
  gmtime_r(&date, &parts);
  strftime(when, sizeof(when), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  snprintf(head, sizeof(head), HEAD_429 "Retry-After: %s\r\n" NO_BODY, when);
  struct plan plan = {head, SCRIPTED_KEEP, false};
  start(&fixture, answer_by_plan, &plan);
  ask(fixture.client, fixture.url, &plain, &ending);
  assert_outcome("date", &ending, OUTCOME_RATE_LIMITED);
  assert_in_range(ending.retry_after, 600 - PATIENCE / 1000, 600);
  stop(&fixture);
  clear(&ending, 1);
}

/* --- No connection -------------------------------------------------------- */

/* Faults before there is a connection. The host's name has too long a label, so
 * that no look-up leaves this machine. */
static void test_no_connection(void **state) {
  static const struct {
    const char *name, *format;
    enum outcome outcome;
  } cases[] = {
      {"refused", "http://127.0.0.1:%u/x", OUTCOME_CONNECT},
      {"refused, TLS", "https://127.0.0.1:%u/x", OUTCOME_CONNECT},
      {"not found",
       "http://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
       ".invalid:%u/x",
       OUTCOME_RESOLVE},
  };
  (void)state;
  struct http_client *client = create_client();
  struct ending ending = {0};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *port = strstr(cases[i].format, "%u");
    char url[256];
    snprintf(url, sizeof(url), "%.*s%u%s", (int)(port - cases[i].format),
             cases[i].format, scripted_refusing_port(), port + 2);
    ask(client, url, &plain, &ending);
    assert_outcome(cases[i].name, &ending, cases[i].outcome);
    ASSERT_CASE(cases[i].name, ending.status == 0);
    ASSERT_CASE(cases[i].name, ending.error[0] != '\0');
  }
  http_client_free(client);
  clear(&ending, 1);
}

static void test_tls_faults(void **state) {
  static const struct {
    const char *name, *ca_cert;
    bool verify;
  } cases[] = {
      {"plain port", NULL, true},
      {"plain port, not verified", NULL, false},
      {"no such file of certificates", "/nonexistent/ca.pem", true},
  };
  (void)state;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_plan, NULL);
  snprintf(fixture.url, sizeof(fixture.url), "https://127.0.0.1:%u/x",
           scripted_server_port(fixture.server));
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct http_options options = plain;
    options.ca_cert = cases[i].ca_cert;
    options.verify_peer = options.verify_host = cases[i].verify;
    ask(fixture.client, fixture.url, &options, &ending);
    ASSERT_CASE(cases[i].name, ending.outcome == OUTCOME_TLS);
    ASSERT_CASE(cases[i].name, ending.error[0] != '\0');
  }
  assert_int_equal(scripted_server_requests(fixture.server), 0);
  stop(&fixture);
  clear(&ending, 1);
}

/* --- The body's size ------------------------------------------------------ */

struct size_plan {
  int status;
  size_t size;
  bool chunked;
};

static void answer_by_size(struct scripted_server *server,
                           const struct scripted_request *request,
                           struct scripted_answer *answer, void *context) {
  const struct size_plan *plan = context;
  (void)server, (void)request;
  char *body = malloc(plan->size + 1);
  assert_non_null(body);
  memset(body, 'b', plan->size);
  body[plan->size] = '\0';
  if (plan->chunked) {
    int size = asprintf(&answer->bytes,
                        "HTTP/1.1 %d Scripted\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n"
                        "%zx\r\n%s\r\n0\r\n\r\n",
                        plan->status, plan->size, body);
    answer->size = (size_t)size;
  } else {
    scripted_answer_http(answer, plan->status, "", body);
  }
  free(body);
}

static void test_body_size(void **state) {
  static const struct {
    const char *name;
    struct size_plan plan;
    enum outcome outcome;
    bool fits;
  } cases[] = {
      {"just fits", {200, BODY_MAX, false}, OUTCOME_OK, true},
      {"just fits, in chunks", {200, BODY_MAX, true}, OUTCOME_OK, true},
      {"one more", {200, BODY_MAX + 1, false}, OUTCOME_INVALID, false},
      {"one more, in chunks",
       {200, BODY_MAX + 1, true},
       OUTCOME_INVALID,
       false},
      {"many more", {200, 3000 * BODY_MAX, false}, OUTCOME_INVALID, false},
      {"many more, in chunks",
       {200, 3000 * BODY_MAX, true},
       OUTCOME_INVALID,
       false},
      {"fits, of an error", {500, BODY_MAX, false}, OUTCOME_SERVER_ERROR, true},
      {"one more, of an error",
       {500, BODY_MAX + 1, false},
       OUTCOME_SERVER_ERROR,
       false},
      {"one more, of 401",
       {401, BODY_MAX + 1, true},
       OUTCOME_UNAUTHORIZED,
       false},
      {"one more, of 302", {302, BODY_MAX + 1, false}, OUTCOME_INVALID, false},
      {"fits after all", {200, BODY_MAX, false}, OUTCOME_OK, true},
  };
  (void)state;
  struct size_plan plan;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_size, &plan);
  for (size_t i = 0; i < COUNT(cases); i++) {
    plan = cases[i].plan;
    ask(fixture.client, fixture.url, &plain, &ending);
    assert_outcome(cases[i].name, &ending, cases[i].outcome);
    ASSERT_CASE(cases[i].name, ending.status == plan.status);
    ASSERT_CASE(cases[i].name, (ending.error[0] == '\0') == cases[i].fits);
    ASSERT_CASE(cases[i].name, ending.body_size <= BODY_MAX);
    ASSERT_CASE(cases[i].name, !cases[i].fits || ending.body_size == BODY_MAX);
    ASSERT_CASE(cases[i].name, strspn(ending.body, "b") == ending.body_size);
  }
  stop(&fixture);
  clear(&ending, 1);
}

/* --- Redirects and proxies ------------------------------------------------ */

static void test_redirects_are_not_followed(void **state) {
  static const int status[] = {301, 302, 303, 307, 308};
  (void)state;
  for (size_t i = 0; i < COUNT(status); i++) {
    struct fixture from, to;
    struct ending ending = {0};
    char bytes[256];
    struct plan plan = {bytes, SCRIPTED_KEEP, false};
    start(&to, answer_by_plan, NULL);
    start(&from, answer_by_plan, &plan);
    snprintf(bytes, sizeof(bytes),
             "HTTP/1.1 %d Scripted\r\nLocation: %s\r\n"
             "Content-Length: 9\r\n\r\n" GOOD_BODY,
             status[i], to.url);
    ask(from.client, from.url, &plain, &ending);
    assert_int_equal(ending.outcome, OUTCOME_INVALID);
    assert_int_equal(ending.status, status[i]);
    assert_int_equal(scripted_server_requests(from.server), 1);
    stop(&from);
    assert_int_equal(scripted_server_connections(to.server), 0);
    stop(&to);
    clear(&ending, 1);
  }
}

static void test_proxy(void **state) {
  static const char url[] = "http://api.camb.invalid/x";
  (void)state;
  struct fixture proxy;
  struct ending ending = {0};
  struct http_options options = plain;
  char address[64];
  start(&proxy, answer_by_plan, NULL);
  snprintf(address, sizeof(address), "http://127.0.0.1:%u",
           scripted_server_port(proxy.server));
  options.proxy = address;
  ask(proxy.client, url, &options, &ending);
  assert_int_equal(ending.outcome, OUTCOME_OK);
  const char *head = scripted_server_head(proxy.server, 0);
  assert_memory_equal(head, "GET http://api.camb.invalid/x HTTP/1.1\r\n", 40);
  assert_non_null(strstr(head, "x-api-key: " KEY "\r\n"));
  stop(&proxy);
  clear(&ending, 1);
}

static void test_proxy_of_the_environment(void **state) {
  static const struct {
    const char *name, *option;
    bool by_proxy;
  } cases[] = {{"by the environment", NULL, true}, {"none", "", false}};
  (void)state;
  struct fixture proxy, api;
  struct ending ending = {0};
  start(&proxy, answer_by_plan, NULL);
  start(&api, answer_by_plan, NULL);
  setenv("http_proxy", proxy.url, 1);
  for (size_t i = 0; i < 2; i++) {
    size_t before = scripted_server_requests(proxy.server);
    struct http_options options = plain;
    options.proxy = cases[i].option;
    ask(api.client, api.url, &options, &ending);
    ASSERT_CASE(cases[i].name, ending.outcome == OUTCOME_OK);
    ASSERT_CASE(cases[i].name, scripted_server_requests(proxy.server) ==
                                   before + cases[i].by_proxy);
  }
  assert_int_equal(scripted_server_requests(api.server), 1);
  unset_proxies();
  stop(&api);
  stop(&proxy);
  clear(&ending, 1);
}

/* Each server has its options, whatever others have been used in between. */
static void test_servers_in_turn(void **state) {
  enum { TURNS = 3 };
  (void)state;
  struct fixture proxy, api;
  struct ending ending = {0};
  struct http_options by_proxy = plain;
  start(&proxy, answer_by_plan, NULL);
  start(&api, answer_by_plan, NULL);
  by_proxy.proxy = proxy.url;
  for (size_t i = 1; i <= TURNS; i++) {
    ask(api.client, api.url, &plain, &ending);
    assert_int_equal(ending.outcome, OUTCOME_OK);
    assert_int_equal(scripted_server_requests(api.server), i);
    assert_int_equal(scripted_server_requests(proxy.server), i - 1);
    ask(api.client, api.url, &by_proxy, &ending);
    assert_int_equal(ending.outcome, OUTCOME_OK);
    assert_int_equal(scripted_server_requests(api.server), i);
    assert_int_equal(scripted_server_requests(proxy.server), i);
  }
  stop(&api);
  stop(&proxy);
  clear(&ending, 1);
}

/* A server that no request is made to costs nothing and needs no care. */
static void test_add_server(void **state) {
  (void)state;
  struct http_client *client = create_client();
  struct http_server *first = http_client_add_server(client, &plain);
  struct http_server *second = http_client_add_server(client, &plain);
  assert_non_null(first);
  assert_non_null(second);
  assert_ptr_not_equal(first, second);
  assert_true(http_client_has_room(first, 0));
  assert_false(http_client_has_room(first, 1000000));
  http_client_free(client);
}

/* A proxy that tunnels TLS may not see the key. */
static void test_tunnel_gets_no_key(void **state) {
  static const char url[] = "https://api.camb.invalid/x";
  (void)state;
  struct plan plan = {"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n",
                      SCRIPTED_KEEP, false};
  struct fixture proxy;
  struct ending ending = {0};
  struct http_options options = plain;
  start(&proxy, answer_by_plan, &plan);
  options.proxy = proxy.url;
  ask(proxy.client, url, &options, &ending);
  const char *head = scripted_server_head(proxy.server, 0);
  assert_memory_equal(head, "CONNECT api.camb.invalid:443 ", 29);
  assert_null(strcasestr(head, "x-api-key"));
  assert_null(strstr(head, KEY));
  /* and its refusal is none of the API's */
  assert_int_equal(outcome_info[ending.outcome].counter, COUNTER_NETWORK);
  stop(&proxy);
  clear(&ending, 1);
}

static void test_proxy_that_is_not_there(void **state) {
  (void)state;
  struct fixture api;
  struct ending ending = {0};
  struct http_options options = plain;
  char address[64];
  start(&api, answer_by_plan, NULL);
  snprintf(address, sizeof(address), "http://127.0.0.1:%u",
           scripted_refusing_port());
  options.proxy = address;
  ask(api.client, api.url, &options, &ending);
  assert_int_equal(ending.outcome, OUTCOME_CONNECT);
  assert_int_equal(scripted_server_requests(api.server), 0);
  stop(&api);
  clear(&ending, 1);
}

/* --- Connections that are used again -------------------------------------- */

/* At first so many connections are made and used; then comes what is tried. */
struct reuse_plan {
  size_t warm;
  struct plan reused, fresh;
};

/* Of a request by itself, that shows the client what server this is, and of one
 * on each connection. */
static size_t warm_requests(const struct reuse_plan *plan) {
  return plan->warm == 0 ? 0 : plan->warm + 1;
}

static void answer_by_reuse(struct scripted_server *server,
                            const struct scripted_request *request,
                            struct scripted_answer *answer, void *context) {
  const struct reuse_plan *plan = context;
  if (request->number < warm_requests(plan)) {
    if (request->number > 0)
      scripted_server_await(server, warm_requests(plan));
    scripted_answer_http(answer, 200, "", GOOD_BODY);
    return;
  }
  struct plan now_plan = request->nth > 0 ? plan->reused : plan->fresh;
  answer_by_plan(server, request, answer, &now_plan);
}

static void warm_up(struct fixture *fixture, size_t count) {
  struct ending endings[REQUESTS_MAX] = {{0}};
  if (count == 0)
    return;
  ask(fixture->client, fixture->url, &plain, &endings[count]);
  for (size_t i = 0; i < count; i++)
    get(fixture->client, fixture->url, &plain, &endings[i]);
  run(fixture->client, endings, count);
  for (size_t i = 0; i <= count; i++)
    assert_int_equal(endings[i].outcome, OUTCOME_OK);
  assert_int_equal(scripted_server_connections(fixture->server), count);
  clear(endings, count + 1);
}

#define GOOD_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" GOOD_BODY

struct reuse_case {
  const char *name;
  struct reuse_plan plan;
  long timeout;
  size_t requests;      /* that the server gets for the one that is tried */
  enum outcome outcome; /* OUTCOME_COUNT: any */
};

static void assert_reuse_cases(const struct reuse_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct reuse_plan plan = cases[i].plan;
    struct http_options options = plain;
    struct fixture fixture;
    struct ending ending = {0};
    options.timeout = cases[i].timeout;
    start(&fixture, answer_by_reuse, &plan);
    warm_up(&fixture, plan.warm);
    ask(fixture.client, fixture.url, &options, &ending);
    size_t requests =
        scripted_server_requests(fixture.server) - warm_requests(&plan);
    stop(&fixture);
    clear(&ending, 1);
    if (requests != cases[i].requests)
      fail_msg("case \"%s\": sent %zu times instead of %zu", cases[i].name,
               requests, cases[i].requests);
    if (cases[i].outcome != OUTCOME_COUNT)
      assert_outcome(cases[i].name, &ending, cases[i].outcome);
  }
}

#define ASSERT_REUSE_CASES(cases) assert_reuse_cases(cases, COUNT(cases))

#define CLOSED                                                                 \
  { "", SCRIPTED_CLOSE, false }
#define RESET                                                                  \
  { "", SCRIPTED_RESET, false }
#define GOOD                                                                   \
  { GOOD_ANSWER, SCRIPTED_KEEP, false }

static void test_sent_again_once(void **state) {
  static const struct reuse_case cases[] = {
      {"good", {1, GOOD, CLOSED}, PATIENCE, 1, OUTCOME_OK},
      {"closed, then good", {1, CLOSED, GOOD}, PATIENCE, 2, OUTCOME_OK},
      {"reset, then good", {1, RESET, GOOD}, PATIENCE, 2, OUTCOME_OK},
      {"closed twice", {1, CLOSED, CLOSED}, PATIENCE, 2, OUTCOME_NETWORK},
      {"reset twice", {1, RESET, RESET}, PATIENCE, 2, OUTCOME_NETWORK},
      {"reset, then closed", {1, RESET, CLOSED}, PATIENCE, 2, OUTCOME_NETWORK},
      {"closed, then silence",
       {1, CLOSED, {"", SCRIPTED_KEEP, true}},
       200,
       2,
       OUTCOME_TIMEOUT},
  };
  (void)state;
  ASSERT_REUSE_CASES(cases);
}

static void test_not_sent_again(void **state) {
  static const struct reuse_case cases[] = {
      {"new connection, closed",
       {0, GOOD, CLOSED},
       PATIENCE,
       1,
       OUTCOME_NETWORK},
      {"new connection, reset", {0, GOOD, RESET}, PATIENCE, 1, OUTCOME_NETWORK},
      {"silence",
       {1, {"", SCRIPTED_KEEP, true}, GOOD},
       200,
       1,
       OUTCOME_TIMEOUT},
      {"an error",
       {1,
        {"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", SCRIPTED_CLOSE, false},
        GOOD},
       PATIENCE,
       1,
       OUTCOME_UNAVAILABLE},
      {"408",
       {1,
        {"HTTP/1.1 408 Slow\r\nConnection: close\r\n"
         "Content-Length: 0\r\n\r\n",
         SCRIPTED_CLOSE, false},
        GOOD},
       PATIENCE,
       1,
       OUTCOME_TIMEOUT},
      {"closed in the head",
       {1, {HALF_HEAD, SCRIPTED_CLOSE, false}, GOOD},
       PATIENCE,
       1,
       OUTCOME_COUNT},
      {"closed in the body",
       {1, {HALF_BODY, SCRIPTED_CLOSE, false}, GOOD},
       PATIENCE,
       1,
       OUTCOME_NETWORK},
      {"closed after an interim answer",
       {1, {"HTTP/1.1 103 Early Hints\r\n\r\n", SCRIPTED_CLOSE, false}, GOOD},
       PATIENCE,
       1,
       OUTCOME_COUNT},
  };
  (void)state;
  ASSERT_REUSE_CASES(cases);
}

/* libcurl does not tell of a part of the first line, and sends again itself. */
static void test_sent_again_after_half_a_line(void **state) {
  static const struct reuse_case cases[] = {
      {"a byte",
       {1, {"H", SCRIPTED_CLOSE, false}, GOOD},
       PATIENCE,
       2,
       OUTCOME_OK},
      {"half a line",
       {1, {"HTTP/1.1 20", SCRIPTED_CLOSE, false}, GOOD},
       PATIENCE,
       2,
       OUTCOME_OK},
  };
  (void)state;
  ASSERT_REUSE_CASES(cases);
}

/* With many idle connections, all of which the server is about to close, the
 * request may not go down each of them. */
static void test_sent_again_once_with_many_connections(void **state) {
  static const struct reuse_case cases[] = {
      {"closed", {6, CLOSED, GOOD}, PATIENCE, 2, OUTCOME_COUNT},
      {"reset", {6, RESET, GOOD}, PATIENCE, 2, OUTCOME_COUNT},
  };
  (void)state;
  ASSERT_REUSE_CASES(cases);
}

static void test_idle_connections_are_closed(void **state) {
  (void)state;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_plan, NULL);
  for (size_t i = 1; i <= 3; i++) {
    ask(fixture.client, fixture.url, &plain, &ending);
    assert_int_equal(ending.outcome, OUTCOME_OK);
    assert_int_equal(scripted_server_requests(fixture.server), i);
    assert_int_equal(scripted_server_connections(fixture.server), i);
    scripted_server_close_idle(fixture.server);
  }
  stop(&fixture);
  clear(&ending, 1);
}

static void test_connections_are_reused(void **state) {
  (void)state;
  int status = 200;
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_status, &status);
  for (int i = 0; i < 20; i++) {
    status = i % 3 == 2 ? 500 : 200;
    ask(fixture.client, fixture.url, &plain, &ending);
  }
  assert_int_equal(scripted_server_requests(fixture.server), 20);
  assert_int_equal(scripted_server_connections(fixture.server), 1);
  stop(&fixture);
  clear(&ending, 1);
}

static void test_many_at_once(void **state) {
  enum { AT_ONCE = 10, TIMES = 5 };
  (void)state;
  struct reuse_plan plan = {AT_ONCE, GOOD, GOOD};
  struct fixture fixture;
  start(&fixture, answer_by_reuse, &plan);
  warm_up(&fixture, AT_ONCE);
  assert_int_equal(scripted_server_peak(fixture.server), AT_ONCE);
  for (int k = 0; k < TIMES; k++) {
    struct ending endings[AT_ONCE] = {{0}};
    for (size_t i = 0; i < AT_ONCE; i++)
      get(fixture.client, fixture.url, &plain, &endings[i]);
    run(fixture.client, endings, AT_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++)
      assert_int_equal(endings[i].outcome, OUTCOME_OK);
    clear(endings, AT_ONCE);
  }
  assert_int_equal(scripted_server_requests(fixture.server),
                   warm_requests(&plan) + AT_ONCE * TIMES);
  assert_int_equal(scripted_server_connections(fixture.server), AT_ONCE);
  stop(&fixture);
}

/* A server that keeps no connections, and answers the first request when all
 * have come: no request may wait for another one's answer, since its time is
 * running. */
static void answer_when_all_came(struct scripted_server *server,
                                 const struct scripted_request *request,
                                 struct scripted_answer *answer,
                                 void *context) {
  const size_t *count = context;
  (void)request;
  scripted_server_await(server, *count);
  scripted_answer_http(answer, 200, "Connection: close\r\n", GOOD_BODY);
  answer->end = SCRIPTED_CLOSE;
}

static void test_no_request_waits_for_another(void **state) {
  enum { AT_ONCE = 5 };
  (void)state;
  size_t count = AT_ONCE, ok = 0;
  struct http_options options = plain;
  struct fixture fixture;
  struct ending endings[AT_ONCE] = {{0}};
  options.timeout = 2000;
  start(&fixture, answer_when_all_came, &count);
  for (size_t i = 0; i < AT_ONCE; i++)
    get(fixture.client, fixture.url, &options, &endings[i]);
  run(fixture.client, endings, AT_ONCE);
  for (size_t i = 0; i < AT_ONCE; i++)
    ok += endings[i].outcome == OUTCOME_OK;
  stop(&fixture);
  clear(endings, AT_ONCE);
  assert_int_equal(ok, AT_ONCE);
}

/* --- Cancelling and waking ------------------------------------------------ */

static void test_free_cancels(void **state) {
  enum { COUNT = 20 };
  (void)state;
  struct plan plan = {"", SCRIPTED_KEEP, true};
  struct fixture fixture;
  struct ending endings[COUNT] = {{0}};
  start(&fixture, answer_by_plan, &plan);
  for (size_t i = 0; i < COUNT; i++) {
    get(fixture.client, fixture.url, &plain, &endings[i]);
    if (i < COUNT / 2) /* the others have not even begun */
      http_client_run(fixture.client, 0);
  }
  http_client_free(fixture.client);
  for (size_t i = 0; i < COUNT; i++) {
    assert_int_equal(endings[i].calls, 1);
    assert_true(endings[i].cancelled);
  }
  scripted_server_stop(fixture.server);
  http_client_free(NULL);
}

static void test_free_cancels_the_unfinished_only(void **state) {
  (void)state;
  struct plan plan = {"", SCRIPTED_KEEP, true};
  struct fixture good, silent;
  struct ending done = {0}, waiting = {0};
  start(&good, answer_by_plan, NULL);
  start(&silent, answer_by_plan, &plan);
  get(good.client, silent.url, &plain, &waiting);
  ask(good.client, good.url, &plain, &done);
  assert_int_equal(waiting.calls, 0);
  http_client_free(good.client);
  assert_int_equal(waiting.calls, 1);
  assert_true(waiting.cancelled);
  assert_int_equal(done.calls, 1);
  assert_false(done.cancelled);
  scripted_server_stop(good.server);
  stop(&silent);
  clear(&done, 1);
}

/* What can't work either is refused, without a callback, or ends with one. */
static void test_requests_that_cannot_work(void **state) {
  static const char *const urls[] = {"", "http://", "nonsense://x", "http://[",
                                     "http://127.0.0.1:99999/"};
  (void)state;
  struct http_client *client = create_client();
  for (size_t i = 0; i < COUNT(urls); i++) {
    struct ending ending = {0};
    if (http_client_get(server_with(client, &plain), urls[i], KEY, on_done,
                        &ending)) {
      run(client, &ending, 1);
      ASSERT_CASE(urls[i], ending.outcome != OUTCOME_OK);
    } else {
      http_client_run(client, 0);
      ASSERT_CASE(urls[i], ending.calls == 0);
    }
    clear(&ending, 1);
  }
  http_client_free(client);
}

static void *wake_main(void *client) {
  http_client_wake(client);
  return NULL;
}

static void test_wake(void **state) {
  (void)state;
  struct plan plan = {"", SCRIPTED_KEEP, true};
  struct fixture fixture;
  struct ending ending = {0};
  start(&fixture, answer_by_plan, &plan);
  for (int i = 0; i < 20; i++) {
    int64_t begin = now();
    pthread_t thread;
    if (i == 10) /* from now on with a request under way */
      get(fixture.client, fixture.url, &plain, &ending);
    while (i == 10 && scripted_server_requests(fixture.server) == 0 &&
           now() < begin + PATIENCE / 2)
      http_client_run(fixture.client, 10);
    assert_int_equal(pthread_create(&thread, NULL, wake_main, fixture.client),
                     0);
    http_client_run(fixture.client, PATIENCE);
    pthread_join(thread, NULL);
    assert_true(now() - begin < PATIENCE);
  }
  assert_int_equal(ending.calls, 0);
  stop(&fixture);
  assert_true(ending.cancelled);
}

static void test_wake_before_run(void **state) {
  (void)state;
  struct http_client *client = create_client();
  int64_t begin = now();
  http_client_wake(client);
  http_client_wake(client);
  http_client_run(client, PATIENCE);
  assert_true(now() - begin < PATIENCE);
  http_client_free(client);
}

static int setup_all(void **state) {
  (void)state;
  unset_proxies();
  return http_client_global_init() ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request),
      cmocka_unit_test(test_arguments_are_not_kept),
      cmocka_unit_test(test_status_classes),
      cmocka_unit_test(test_forms_of_answers),
      cmocka_unit_test(test_faults),
      cmocka_unit_test(test_half_answers),
      cmocka_unit_test(test_retry_after),
      cmocka_unit_test(test_retry_after_of_answers),
      cmocka_unit_test(test_retry_after_date),
      cmocka_unit_test(test_no_connection),
      cmocka_unit_test(test_tls_faults),
      cmocka_unit_test(test_body_size),
      cmocka_unit_test(test_redirects_are_not_followed),
      cmocka_unit_test(test_proxy),
      cmocka_unit_test(test_proxy_of_the_environment),
      cmocka_unit_test(test_servers_in_turn),
      cmocka_unit_test(test_add_server),
      cmocka_unit_test(test_tunnel_gets_no_key),
      cmocka_unit_test(test_proxy_that_is_not_there),
      cmocka_unit_test(test_sent_again_once),
      cmocka_unit_test(test_not_sent_again),
      cmocka_unit_test(test_sent_again_after_half_a_line),
      cmocka_unit_test(test_sent_again_once_with_many_connections),
      cmocka_unit_test(test_idle_connections_are_closed),
      cmocka_unit_test(test_connections_are_reused),
      cmocka_unit_test(test_many_at_once),
      cmocka_unit_test(test_no_request_waits_for_another),
      cmocka_unit_test(test_free_cancels),
      cmocka_unit_test(test_free_cancels_the_unfinished_only),
      cmocka_unit_test(test_requests_that_cannot_work),
      cmocka_unit_test(test_wake),
      cmocka_unit_test(test_wake_before_run),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, setup_all, NULL);
}
