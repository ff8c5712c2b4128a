/* SPDX-License-Identifier: MIT */
#include "poller.h"

#include "api_key.h"
#include "http_client.h"
#include "http_url.h"
#include "result_decoder.h"
#include "shared_tracker.h"
#include "state_keeper.h"
#include "status_decoder.h"
#include "task_sources.h"
#include "tracker.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In the URL, where tasks have their type. */
#define RESULT_TYPE "project-setup-result"
/* How long the polling thread sleeps when nothing wakes it, milliseconds. */
#define IDLE_WAIT 60000

/* What the polling thread has of an account. */
struct polled_account {
  struct api_key *key;
  struct http_server *server;
  long in_flight;        /* requests */
  const char **pointers; /* of its fields, for names */
};

struct poller {
  const struct configuration *configuration;

  /* the polling thread's own */
  struct http_client *client;
  struct polled_account *accounts;
  struct state_account *names; /* of the accounts and their fields */
  struct task_sources *sources;
  struct json_reader json;

  /* its own until it has restored, and then the saving thread's */
  struct state_keeper *keeper;

  struct shared_tracker shared;
  /* by its mutex: */
  bool round_wanted;
  bool stopping;
  bool events_stopped;
};

/* What a request is for. */
struct request {
  struct poller *poller;
  struct task *task;
};

/* --- Creation ------------------------------------------------------------- */

static bool create_names(struct poller *poller) {
  const struct configuration *configuration = poller->configuration;
  poller->names =
      calloc(configuration->account_count + 1, sizeof(*poller->names));
  for (size_t i = 0; i < configuration->account_count && poller->names != NULL;
       i++) {
    const struct account *account = &configuration->accounts[i];
    const char **pointers =
        calloc(account->options.field_count + 1, sizeof(*pointers));
    if (pointers == NULL)
      return false;
    poller->accounts[i].pointers = pointers;
    for (size_t k = 0; k < account->options.field_count; k++)
      pointers[k] = account->options.fields[k].pointer;
    poller->names[i] =
        (struct state_account){.name = account->name,
                               .pointers = pointers,
                               .pointer_count = account->options.field_count};
  }
  return poller->names != NULL;
}

static bool create_account(struct poller *poller, size_t index) {
  const struct account_options *options =
      &poller->configuration->accounts[index].options;
  const struct http_options http_options = {.proxy = options->proxy,
                                            .ca_cert = options->ca_cert,
                                            .verify_peer = options->verify_peer,
                                            .verify_host = options->verify_host,
                                            .timeout = options->timeout};
  struct polled_account *account = &poller->accounts[index];
  account->key = api_key_create(options->api_key, options->api_key_file);
  account->server = http_client_add_server(poller->client, &http_options);
  return account->key != NULL && account->server != NULL;
}

static bool create_accounts(struct poller *poller) {
  const struct configuration *configuration = poller->configuration;
  size_t requests_max = 0;
  for (size_t i = 0; i < configuration->account_count; i++)
    requests_max += (size_t)configuration->accounts[i].options.max_concurrency;
  poller->client = http_client_create(requests_max, STATUS_BODY_MAX);
  poller->accounts =
      calloc(configuration->account_count + 1, sizeof(*poller->accounts));
  if (poller->client == NULL || poller->accounts == NULL)
    return false;
  for (size_t i = 0; i < configuration->account_count; i++)
    if (!create_account(poller, i))
      return false;
  return true;
}

static bool create_parts(struct poller *poller) {
  poller->sources = task_sources_create(poller->configuration);
  poller->keeper = state_keeper_create(poller->configuration, poller->names);
  return poller->sources != NULL && poller->keeper != NULL;
}

static struct tracker *create_tracker(const struct configuration *configuration,
                                      int64_t interval) {
  size_t count = configuration->account_count;
  struct tracker_rules *rules = calloc(count + 1, sizeof(*rules));
  if (rules == NULL)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    const struct account_options *options = &configuration->accounts[i].options;
    rules[i] = (struct tracker_rules){
        .poll_interval_max = options->max_poll_interval,
        .error_interval_max = options->max_error_interval,
        .stalled_after = options->stalled_after,
        .forget_after = options->forget_after,
        .fetches_results = options->fetch_result,
        .field_count = options->field_count};
  }
  /* another one in each daemon, so that those on one API spread, too */
  uint32_t seed = (uint32_t)moment_now().wall ^ (uint32_t)getpid();
  struct tracker *tracker = tracker_create(rules, count, interval, seed);
  free(rules);
  return tracker;
}

struct poller *poller_create(const struct configuration *configuration,
                             int64_t interval) {
  struct poller *poller = calloc(1, sizeof(*poller));
  if (poller == NULL)
    return NULL;
  poller->configuration = configuration;
  shared_tracker_init(&poller->shared, create_tracker(configuration, interval));
  if (poller->shared.tracker != NULL && create_accounts(poller) &&
      create_names(poller) && create_parts(poller))
    return poller;
  poller_free(poller);
  return NULL;
}

void poller_free(struct poller *poller) {
  if (poller == NULL)
    return;
  const struct configuration *configuration = poller->configuration;
  http_client_free(poller->client);
  for (size_t i = 0; i < configuration->account_count; i++) {
    if (poller->accounts == NULL)
      break;
    api_key_free(poller->accounts[i].key);
    free(poller->accounts[i].pointers);
  }
  free(poller->accounts);
  free(poller->names);
  task_sources_free(poller->sources);
  state_keeper_free(poller->keeper);
  json_reader_clear(&poller->json);
  shared_tracker_destroy(&poller->shared);
  free(poller);
}

static void lock(struct poller *poller) {
  shared_tracker_lock(&poller->shared);
}

static void unlock(struct poller *poller) {
  shared_tracker_unlock(&poller->shared);
}

static void unlock_changed(struct poller *poller) {
  shared_tracker_unlock_changed(&poller->shared);
}

/* --- Requests ------------------------------------------------------------- */

static void set_detail(struct poll_answer *answer, const char *text) {
  utf8_copy_any(answer->detail, sizeof(answer->detail), text);
}

/* What is wrong, and more of it, which may be "". */
static void set_details(struct poll_answer *answer, const char *text,
                        const char *more) {
  char line[STATUS_MESSAGE_SIZE + 64];
  snprintf(line, sizeof(line), "%s%s%s", text, more[0] == '\0' ? "" : ": ",
           more);
  set_detail(answer, line);
}

/* "HTTP 404: Task not found": what an answer with an error says. */
static void describe_error(struct poller *poller,
                           const struct http_result *result,
                           struct poll_answer *answer) {
  char text[STATUS_MESSAGE_SIZE], status[32];
  status_decoder_error_text(&poller->json, result->body, result->body_size,
                            result->api_key, text);
  snprintf(status, sizeof(status), "HTTP %ld", result->status);
  set_details(answer, status, text);
}

/* Decodes the answer to a request for the task. Returns NULL or what is
 * wrong. */
static const char *decode(struct poller *poller, const struct task *task,
                          const struct http_result *result,
                          struct poll_answer *answer) {
  size_t account = tracker_task_definition(task)->account;
  const struct state_account *names = &poller->names[account];
  if (tracker_request_kind(task) == REQUEST_RESULT)
    return result_decoder_decode(&poller->json, result->body, result->body_size,
                                 result->api_key, &answer->result);
  return status_decoder_decode(&poller->json, result->body, result->body_size,
                               result->api_key, names->pointers,
                               names->pointer_count, &answer->status);
}

/* Makes of a request's end the answer for the tracker. */
static void judge(struct poller *poller, const struct task *task,
                  const struct http_result *result,
                  struct poll_answer *answer) {
  const char *problem = NULL;
  *answer =
      (struct poll_answer){.outcome = result->outcome,
                           .seconds = result->seconds,
                           .retry_after = (int64_t)result->retry_after * 1000};
  if (result->error[0] != '\0')
    set_detail(answer, result->error);
  else if (result->outcome != OUTCOME_OK)
    describe_error(poller, result, answer);
  else
    problem = decode(poller, task, result, answer);
  if (problem != NULL) {
    answer->outcome = OUTCOME_INVALID;
    set_details(answer, problem, answer->status.message);
  }
}

static void answer_task(struct poller *poller, struct task *task,
                        const struct poll_answer *answer) {
  lock(poller);
  tracker_answer(poller->shared.tracker, task, answer, moment_now());
  unlock(poller);
}

static void on_done(void *context, const struct http_result *result) {
  struct request request = *(struct request *)context;
  struct poller *poller = request.poller;
  struct polled_account *account =
      &poller->accounts[tracker_task_definition(request.task)->account];
  free(context);
  account->in_flight--;
  if (result == NULL) {
    lock(poller);
    tracker_give_back(poller->shared.tracker, request.task);
    unlock(poller);
    return;
  }
  struct poll_answer answer;
  judge(poller, request.task, result, &answer);
  if (outcome_is_refusal(answer.outcome))
    api_key_expire(account->key);
  answer_task(poller, request.task, &answer);
}

/* The URL to ask for the task, to be freed; NULL when out of memory. */
static char *request_url(const char *base, const struct task *task) {
  const struct task_definition *definition = tracker_task_definition(task);
  char run_id[32];
  if (tracker_request_kind(task) == REQUEST_STATUS)
    return http_url_join(base, definition->type, definition->id);
  snprintf(run_id, sizeof(run_id), "%lld", (long long)tracker_run_id(task));
  return http_url_join(base, RESULT_TYPE, run_id);
}

/* Starts the request for a task. Returns false when out of memory. */
static bool start_request(struct poller *poller, struct task *task) {
  const struct task_definition *definition = tracker_task_definition(task);
  const struct account_options *options =
      &poller->configuration->accounts[definition->account].options;
  struct polled_account *account = &poller->accounts[definition->account];
  struct request *request = malloc(sizeof(*request));
  char *url = request_url(options->url, task);
  bool ok = false;
  if (request != NULL && url != NULL) {
    *request = (struct request){.poller = poller, .task = task};
    ok = http_client_get(account->server, url, api_key_value(account->key),
                         on_done, request);
  }
  free(url);
  if (ok)
    account->in_flight++;
  else
    free(request);
  return ok;
}

/* Asks for the account's next due task. Returns false if there is none. */
static bool poll_next(struct poller *poller, size_t account) {
  lock(poller);
  struct task *task = tracker_take_due(poller->shared.tracker, account);
  unlock(poller);
  if (task == NULL)
    return false;
  if (!start_request(poller, task)) {
    struct poll_answer answer = {.outcome = OUTCOME_NETWORK,
                                 .detail = "libcurl can't start the request"};
    answer_task(poller, task, &answer);
  }
  return true;
}

static void poll_due(struct poller *poller) {
  for (size_t i = 0; i < poller->configuration->account_count; i++) {
    long limit = poller->configuration->accounts[i].options.max_concurrency;
    const struct polled_account *account = &poller->accounts[i];
    while (account->in_flight < limit &&
           http_client_has_room(account->server, account->in_flight) &&
           poll_next(poller, i))
      ;
  }
}

/* --- Rounds --------------------------------------------------------------- */

/* Looks at the key files, which are read again when they have changed. */
static void refresh_keys(struct poller *poller) {
  char problem[API_KEY_PROBLEM_SIZE];
  for (size_t i = 0; i < poller->configuration->account_count; i++) {
    struct api_key *key = poller->accounts[i].key;
    bool is_new = api_key_refresh(key, problem);
    shared_tracker_set_problem(&poller->shared, key, problem);
    lock(poller);
    tracker_set_key(poller->shared.tracker, i, api_key_value(key) != NULL,
                    is_new);
    unlock(poller);
  }
}

static bool next_event(struct poller *poller, struct event *event) {
  return tracker_next_event(poller->shared.tracker, moment_now(), event) ||
         file_problems_next_event(&poller->shared.problems, event);
}

/* Wakes who waits for the round's end or for something to tell, if there is
 * any: to wake them at each answer would cost as much as the answer itself. */
static void announce(struct poller *poller) {
  struct event event;
  lock(poller);
  if (!tracker_round_is_open(poller->shared.tracker) ||
      next_event(poller, &event))
    unlock_changed(poller);
  else
    unlock(poller);
}

static bool begin_round_if_wanted(struct poller *poller) {
  lock(poller);
  bool wanted = poller->round_wanted;
  bool stopping = poller->stopping;
  unlock(poller);
  if (wanted && !stopping) {
    refresh_keys(poller);
    task_sources_update(poller->sources, &poller->shared);
    lock(poller);
    poller->round_wanted = false;
    tracker_begin_round(poller->shared.tracker, moment_now());
    unlock_changed(poller);
  }
  return !stopping;
}

void *poller_main(void *argument) {
  struct poller *poller = argument;
  state_keeper_restore(poller->keeper, &poller->shared);
  while (begin_round_if_wanted(poller)) {
    poll_due(poller);
    announce(poller);
    http_client_run(poller->client, IDLE_WAIT);
  }
  return NULL;
}

void *poller_saving_main(void *argument) {
  struct poller *poller = argument;
  state_keeper_run(poller->keeper, &poller->shared);
  return NULL;
}

void poller_stop_saving(struct poller *poller) {
  state_keeper_stop(poller->keeper, &poller->shared);
}

void poller_stop(struct poller *poller) {
  lock(poller);
  poller->stopping = true;
  unlock_changed(poller);
  http_client_wake(poller->client);
}

bool poller_round(struct poller *poller, int64_t wait,
                  struct snapshot *snapshot) {
  struct timespec deadline = shared_tracker_deadline(wait);
  struct tracker *tracker = poller->shared.tracker;
  lock(poller);
  poller->round_wanted = true;
  unlock(poller);
  http_client_wake(poller->client);
  lock(poller);
  while ((poller->round_wanted || tracker_round_is_open(tracker)) &&
         shared_tracker_wait(&poller->shared, &deadline))
    ;
  bool ok = tracker_snapshot(tracker, moment_now(), snapshot);
  unlock_changed(poller);
  return ok;
}

/* --- Events --------------------------------------------------------------- */

bool poller_wait_event(struct poller *poller, struct event *event) {
  bool found = false;
  lock(poller);
  while (!poller->events_stopped && !(found = next_event(poller, event)))
    pthread_cond_wait(&poller->shared.changed, &poller->shared.mutex);
  unlock(poller);
  return found;
}

void poller_event_done(struct poller *poller, const struct event *event) {
  lock(poller);
  if (event->kind == EVENT_FILE_PROBLEM ||
      event->kind == EVENT_FILE_PROBLEM_OVER)
    file_problems_event_done(&poller->shared.problems, event);
  else
    tracker_event_done(poller->shared.tracker, event);
  unlock_changed(poller);
}

void poller_flush_events(struct poller *poller, int64_t wait) {
  struct timespec deadline = shared_tracker_deadline(wait);
  struct event event;
  lock(poller);
  while (next_event(poller, &event) &&
         shared_tracker_wait(&poller->shared, &deadline))
    ;
  unlock(poller);
}

void poller_stop_events(struct poller *poller) {
  lock(poller);
  poller->events_stopped = true;
  unlock_changed(poller);
}

long poller_unanswered(const struct poller *poller, size_t account) {
  return tracker_was_answered(poller->shared.tracker, account)
             ? 0
             : poller->accounts[account].in_flight;
}
