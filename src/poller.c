/* SPDX-License-Identifier: MIT */
#include "poller.h"

#include "api_key.h"
#include "http_client.h"
#include "utf8.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How long the polling thread sleeps when nothing wakes it, milliseconds. */
#define IDLE_WAIT 60000

/* What the polling thread has of an account. */
struct polled_account {
  struct api_key *key;
  struct http_server server;
  long in_flight; /* requests */
};

struct poller {
  const struct configuration *configuration;

  /* the polling thread's own */
  struct http_client *client;
  struct polled_account *accounts;

  pthread_mutex_t mutex;
  pthread_cond_t changed; /* anything of what follows */
  struct tracker *tracker;
  bool round_wanted;
  bool stopping;
  bool events_stopped;
};

/* What a request is for. */
struct request {
  struct poller *poller;
  struct task *task;
};

static int64_t clock_now(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct moment moment_now(void) {
  return (struct moment){.wall = clock_now(CLOCK_REALTIME),
                         .steady = clock_now(CLOCK_MONOTONIC)};
}

static void lock(struct poller *poller) { pthread_mutex_lock(&poller->mutex); }

static void unlock(struct poller *poller) {
  pthread_mutex_unlock(&poller->mutex);
}

/* Unlocks after a change that somebody may wait for. */
static void unlock_changed(struct poller *poller) {
  pthread_cond_broadcast(&poller->changed);
  pthread_mutex_unlock(&poller->mutex);
}

static bool create_tracker(struct poller *poller, int64_t interval) {
  const struct configuration *configuration = poller->configuration;
  struct moment now = moment_now();
  poller->tracker = tracker_create(configuration->account_count, interval);
  if (poller->tracker == NULL)
    return false;
  for (size_t i = 0; i < task_list_count(configuration->tasks); i++)
    if (!tracker_add_task(poller->tracker,
                          task_list_get(configuration->tasks, i), now))
      return false;
  return true;
}

static bool create_accounts(struct poller *poller) {
  const struct configuration *configuration = poller->configuration;
  size_t requests_max = 0;
  poller->accounts =
      calloc(configuration->account_count, sizeof(*poller->accounts));
  if (poller->accounts == NULL)
    return false;
  for (size_t i = 0; i < configuration->account_count; i++) {
    const struct account_options *options = &configuration->accounts[i].options;
    requests_max += (size_t)options->max_concurrency;
    poller->accounts[i].key =
        api_key_create(options->api_key, options->api_key_file);
    if (poller->accounts[i].key == NULL)
      return false;
  }
  poller->client = http_client_create(requests_max, STATUS_BODY_MAX);
  return poller->client != NULL;
}

struct poller *poller_create(const struct configuration *configuration,
                             int64_t interval) {
  struct poller *poller = calloc(1, sizeof(*poller));
  pthread_condattr_t attributes;
  if (poller == NULL)
    return NULL;
  poller->configuration = configuration;
  pthread_mutex_init(&poller->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&poller->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  if (!create_accounts(poller) || !create_tracker(poller, interval)) {
    poller_free(poller);
    return NULL;
  }
  return poller;
}

void poller_free(struct poller *poller) {
  if (poller == NULL)
    return;
  http_client_free(poller->client);
  if (poller->accounts != NULL)
    for (size_t i = 0; i < poller->configuration->account_count; i++)
      api_key_free(poller->accounts[i].key);
  free(poller->accounts);
  tracker_free(poller->tracker);
  pthread_cond_destroy(&poller->changed);
  pthread_mutex_destroy(&poller->mutex);
  free(poller);
}

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
static void describe_error(const struct http_result *result,
                           struct poll_answer *answer) {
  char text[STATUS_MESSAGE_SIZE], status[32];
  status_decoder_error_text(result->body, result->body_size, result->api_key,
                            text);
  snprintf(status, sizeof(status), "HTTP %ld", result->status);
  set_details(answer, status, text);
}

/* Makes of a request's end the answer for the tracker. */
static void judge(const struct http_result *result,
                  struct poll_answer *answer) {
  const char *problem = NULL;
  *answer = (struct poll_answer){.outcome = result->outcome,
                                 .seconds = result->seconds};
  if (result->error[0] != '\0')
    set_detail(answer, result->error);
  else if (result->outcome != OUTCOME_OK)
    describe_error(result, answer);
  else
    problem = status_decoder_decode(result->body, result->body_size,
                                    result->api_key, NULL, 0, &answer->status);
  if (problem != NULL) {
    answer->outcome = OUTCOME_INVALID;
    set_details(answer, problem, answer->status.message);
  }
}

static void answer_task(struct poller *poller, struct task *task,
                        const struct poll_answer *answer) {
  lock(poller);
  tracker_answer(poller->tracker, task, answer, moment_now());
  unlock_changed(poller);
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
    tracker_give_back(poller->tracker, request.task);
    unlock(poller);
    return;
  }
  struct poll_answer answer;
  judge(result, &answer);
  answer_task(poller, request.task, &answer);
}

/* Starts the request for a task. Returns false when out of memory. */
static bool start_request(struct poller *poller, struct task *task) {
  const struct task_definition *definition = tracker_task_definition(task);
  const struct account_options *options =
      &poller->configuration->accounts[definition->account].options;
  struct polled_account *account = &poller->accounts[definition->account];
  struct http_options http_options = {.proxy = options->proxy,
                                      .ca_cert = options->ca_cert,
                                      .verify_peer = options->verify_peer,
                                      .verify_host = options->verify_host,
                                      .timeout = options->timeout};
  struct request *request = malloc(sizeof(*request));
  char *url = http_url_join(options->url, definition->type, definition->id);
  bool ok = false;
  if (request != NULL && url != NULL) {
    *request = (struct request){.poller = poller, .task = task};
    ok = http_client_get(poller->client, &account->server, url,
                         api_key_value(account->key), &http_options, on_done,
                         request);
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
  struct task *task = tracker_take_due(poller->tracker, account);
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
           http_client_has_room(poller->client, &account->server,
                                account->in_flight) &&
           poll_next(poller, i))
      ;
  }
}

/* Looks at the key files, which are read again when they have changed. */
static void refresh_keys(struct poller *poller) {
  char problem[API_KEY_PROBLEM_SIZE], text[API_KEY_PROBLEM_SIZE];
  for (size_t i = 0; i < poller->configuration->account_count; i++) {
    struct api_key *key = poller->accounts[i].key;
    api_key_refresh(key, problem);
    utf8_copy_any(text, sizeof(text), problem);
    lock(poller);
    tracker_set_key(poller->tracker, i, api_key_value(key) != NULL, text);
    unlock(poller);
  }
}

static bool begin_round_if_wanted(struct poller *poller) {
  lock(poller);
  bool wanted = poller->round_wanted;
  bool stopping = poller->stopping;
  unlock(poller);
  if (wanted && !stopping) {
    refresh_keys(poller);
    lock(poller);
    poller->round_wanted = false;
    tracker_begin_round(poller->tracker, moment_now());
    unlock_changed(poller);
  }
  return !stopping;
}

void *poller_main(void *argument) {
  struct poller *poller = argument;
  while (begin_round_if_wanted(poller)) {
    poll_due(poller);
    http_client_run(poller->client, IDLE_WAIT);
  }
  return NULL;
}

void poller_stop(struct poller *poller) {
  lock(poller);
  poller->stopping = true;
  unlock_changed(poller);
  http_client_wake(poller->client);
}

/* The time of the steady clock in so many milliseconds. */
static struct timespec deadline_in(int64_t wait) {
  int64_t deadline = clock_now(CLOCK_MONOTONIC) + wait;
  return (struct timespec){.tv_sec = (time_t)(deadline / 1000),
                           .tv_nsec = (long)(deadline % 1000) * 1000000};
}

bool poller_round(struct poller *poller, int64_t wait,
                  struct snapshot *snapshot) {
  struct timespec deadline = deadline_in(wait);
  lock(poller);
  poller->round_wanted = true;
  unlock(poller);
  http_client_wake(poller->client);
  lock(poller);
  while ((poller->round_wanted || tracker_round_is_open(poller->tracker)) &&
         pthread_cond_timedwait(&poller->changed, &poller->mutex, &deadline) ==
             0)
    ;
  bool ok = tracker_snapshot(poller->tracker, moment_now(), snapshot);
  unlock_changed(poller);
  return ok;
}

bool poller_wait_event(struct poller *poller, struct tracker_event *event) {
  bool found = false;
  lock(poller);
  while (!poller->events_stopped &&
         !(found = tracker_next_event(poller->tracker, moment_now(), event)))
    pthread_cond_wait(&poller->changed, &poller->mutex);
  unlock(poller);
  return found;
}

void poller_event_done(struct poller *poller,
                       const struct tracker_event *event) {
  lock(poller);
  tracker_event_done(poller->tracker, event);
  unlock_changed(poller);
}

void poller_flush_events(struct poller *poller, int64_t wait) {
  struct timespec deadline = deadline_in(wait);
  struct tracker_event event;
  lock(poller);
  while (tracker_next_event(poller->tracker, moment_now(), &event) &&
         pthread_cond_timedwait(&poller->changed, &poller->mutex, &deadline) ==
             0)
    ;
  unlock(poller);
}

void poller_stop_events(struct poller *poller) {
  lock(poller);
  poller->events_stopped = true;
  unlock_changed(poller);
}

long poller_unanswered(const struct poller *poller, size_t account) {
  return tracker_was_answered(poller->tracker, account)
             ? 0
             : poller->accounts[account].in_flight;
}
