/* SPDX-License-Identifier: MIT */
/* The plugin's entry: connects its rooms with collectd's callbacks. */
#include "collectd_headers.h"

#include "configuration.h"
#include "emitter.h"
#include "http_client.h"
#include "http_url.h"
#include "notifier.h"
#include "poller.h"

#define PLUGIN_NAME "camb_task"

/* How long collectd's threads are kept waiting at most, milliseconds. */
#define READ_WAIT_MAX 1000
#define FLUSH_WAIT_MAX 200
/* in all, and of that for a receiver of notifications that blocks; the rest is
 * for saving the state */
#define SHUTDOWN_WAIT_MAX 700
#define TELLING_WAIT_MAX 500

static struct configuration *configuration;
static struct poller *poller;
static struct snapshot snapshot; /* of the read callback, which never overlaps
                                    itself */
static pthread_t polling_thread, saving_thread, telling_thread;
/* Held while flushing: the unixsock plugin's FLUSH can come during shutdown. */
static pthread_mutex_t flush_mutex = PTHREAD_MUTEX_INITIALIZER;

static int camb_task_config(oconfig_item_t *block) {
  if (configuration == NULL)
    configuration = configuration_create();
  if (configuration == NULL) {
    P_ERROR("out of memory");
    return -1;
  }
  return configuration_parse(configuration, block);
}

static int camb_task_read(void) {
  int64_t wait = (int64_t)CDTIME_T_TO_MS(plugin_get_interval()) / 2;
  if (wait > READ_WAIT_MAX)
    wait = READ_WAIT_MAX;
  if (poller_round(poller, wait, &snapshot))
    emitter_values(configuration, &snapshot);
  else
    P_ERROR("out of memory: no values in this interval");
  /* An error would make collectd ask less and less often, for up to a day. */
  return 0;
}

/* Tells what happens. A thread of its own, since collectd runs the receivers of
 * notifications in the thread that sends them, for as long as they like. */
static void *telling_main(void *unused) {
  struct event event;
  (void)unused;
  while (poller_wait_event(poller, &event)) {
    notifier_tell(configuration, &event);
    poller_event_done(poller, &event);
  }
  return NULL;
}

/* collectd flushes when it ends, while all plugins are still there: the last
 * chance to tell what the last round brought (with collectd -T, the only
 * one). */
static int camb_task_flush(cdtime_t timeout, const char *identifier,
                           user_data_t *user_data) {
  (void)timeout, (void)identifier, (void)user_data;
  pthread_mutex_lock(&flush_mutex);
  if (poller != NULL)
    poller_flush_events(poller, FLUSH_WAIT_MAX);
  pthread_mutex_unlock(&flush_mutex);
  return 0;
}

static struct timespec after(struct timespec time, long milliseconds) {
  time.tv_nsec += milliseconds * 1000000L;
  time.tv_sec += time.tv_nsec / 1000000000;
  time.tv_nsec %= 1000000000;
  return time;
}

/* Waits for a thread to end, but not for ever: it may be stuck in somebody
 * else's code. */
static bool join(pthread_t thread, struct timespec deadline) {
  return pthread_timedjoin_np(thread, NULL, &deadline) == 0;
}

static void free_all(void) {
  poller_free(poller);
  poller = NULL;
  snapshot_clear(&snapshot);
  configuration_free(configuration);
  configuration = NULL;
}

static int camb_task_shutdown(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  /* in this order, so that what has been told is saved */
  poller_stop_events(poller);
  bool telling_ended = join(telling_thread, after(now, TELLING_WAIT_MAX));
  poller_stop(poller);
  bool polling_ended = join(polling_thread, after(now, SHUTDOWN_WAIT_MAX));
  poller_stop_saving(poller);
  bool saving_ended = join(saving_thread, after(now, SHUTDOWN_WAIT_MAX));
  if (!polling_ended || !saving_ended || !telling_ended)
    return 0; /* what a thread still uses is left to the end of the process */
  for (size_t i = 0; i < configuration->account_count; i++)
    if (poller_unanswered(poller, i) > 0)
      P_WARNING("account \"%s\": stopped before the API's first answer came",
                configuration->accounts[i].name);
  pthread_mutex_lock(&flush_mutex);
  free_all();
  pthread_mutex_unlock(&flush_mutex);
  return 0;
}

/* Says, once, what is allowed but seldom meant. */
static void warn(void) {
  if (task_list_count(configuration->tasks) == 0 &&
      configuration->task_file_count == 0)
    P_WARNING("there is no Task or TaskFile to follow");
  for (size_t i = 0; i < configuration->account_count; i++) {
    const struct account *account = &configuration->accounts[i];
    if (http_url_is_exposed(account->options.url))
      P_WARNING("account \"%s\": URL: http to another machine sends the key "
                "in clear text",
                account->name);
  }
}

static bool start_threads(void) {
  if (plugin_thread_create(&polling_thread, poller_main, poller,
                           PLUGIN_NAME "#poll") != 0)
    return false;
  if (plugin_thread_create(&saving_thread, poller_saving_main, poller,
                           PLUGIN_NAME "#save") != 0)
    goto stop_polling;
  if (plugin_thread_create(&telling_thread, telling_main, NULL,
                           PLUGIN_NAME "#tell") == 0)
    return true;
  poller_stop_saving(poller);
  pthread_join(saving_thread, NULL);
stop_polling:
  poller_stop(poller);
  pthread_join(polling_thread, NULL);
  return false;
}

/* collectd has forked by now, so threads can be started, and has started none
 * itself yet, as libcurl's initialisation wants it. */
static int camb_task_init(void) {
  if (configuration == NULL) {
    P_ERROR("there is no <Plugin camb_task> block, so nothing to follow");
    return -1;
  }
  warn();
  emitter_find_types(configuration);
  if (http_client_global_init())
    poller = poller_create(configuration,
                           (int64_t)CDTIME_T_TO_MS(plugin_get_interval()));
  if (poller == NULL || !start_threads()) {
    P_ERROR("out of memory, or libcurl or a thread can't be started");
    free_all();
    return -1;
  }
  plugin_register_read(PLUGIN_NAME, camb_task_read);
  plugin_register_flush(PLUGIN_NAME, camb_task_flush, NULL);
  plugin_register_shutdown(PLUGIN_NAME, camb_task_shutdown);
  return 0;
}

void module_register(void) {
  plugin_register_complex_config(PLUGIN_NAME, camb_task_config);
  plugin_register_init(PLUGIN_NAME, camb_task_init);
}
