/* SPDX-License-Identifier: MIT */
/* The plugin as a whole, from collectd's side. */
#include "collectd_mock.h"

#include "configuration.h"
#include "moment.h"
#include "scripted_server.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* In how long the daemon has to end, milliseconds. */
#define STOP_TIME_MAX 2000

static char directory[] = "/tmp/test_camb_task.XXXXXX";
static char state_path[sizeof(directory) + 16];

/* A disk that hangs, while it is locked. */
static pthread_mutex_t disk = PTHREAD_MUTEX_INITIALIZER;

/* In place of libc's. */
int fsync(int file) {
  pthread_mutex_lock(&disk);
  pthread_mutex_unlock(&disk);
  return fdatasync(file);
}

static int64_t now(void) { return moment_now().steady; }

static void wait_a_little(void) {
  struct timespec time = {.tv_nsec = 10000000};
  nanosleep(&time, NULL);
}

/* --- The daemon's life ---------------------------------------------------- */

static int configure(const char *text) {
  oconfig_item_t *block = mock_config(text);
  int status = mock_callbacks()->config(block);
  mock_config_free(block);
  return status;
}

/* The least configuration, with these lines, of an API at that port. */
static void configure_api(unsigned port, const char *lines) {
  char text[1024];
  snprintf(text, sizeof(text),
           "APIKey \"k\"\nProxy \"\"\nURL \"http://127.0.0.1:%u\"\n"
           "StateFile \"\"\n%s\n",
           port, lines);
  assert_int_equal(configure(text), 0);
}

static int init(void) { return mock_callbacks()->init(); }

static void shut_down(void) {
  assert_int_equal(mock_callbacks()->shutdown(), 0);
}

static size_t logged(int level, const char *part) {
  size_t count = 0;
  for (size_t i = 0; i < mock_log_count(); i++)
    count += mock_log_level(i) == level && strstr(mock_log_line(i), part);
  return count;
}

/* How many values have that identifier, but for the host. */
static size_t dispatched(const char *identifier) {
  size_t count = 0;
  for (size_t i = 0; i < mock_value_count(); i++) {
    char name[6 * DATA_MAX_NAME_LEN];
    mock_identify(mock_value(i), name, sizeof(name));
    count += strcmp(name + strlen(MOCK_HOST "/"), identifier) == 0;
  }
  return count;
}

static void answer_success(struct scripted_server *server,
                           const struct scripted_request *request,
                           struct scripted_answer *answer, void *context) {
  (void)server, (void)request, (void)context;
  scripted_answer_http(answer, 200, "", "{\"status\":\"SUCCESS\"}");
}

/* Reads once, and tells what there is to tell. */
static void read_and_flush(void) {
  int64_t deadline = now() + PATIENCE;
  assert_int_equal(mock_callbacks()->read(), 0);
  do
    assert_int_equal(mock_callbacks()->flush(0, NULL, NULL), 0);
  while (mock_notification_count() == 0 && now() < deadline);
}

/* --- Tests ---------------------------------------------------------------- */

static void test_life(void **state) {
  (void)state;
  struct scripted_server *api = scripted_server_start(answer_success, NULL);
  assert_non_null(api);
  for (int life = 0; life < 2; life++) {
    mock_reset();
    module_register();
    assert_null(mock_callbacks()->read); /* there may be nothing to read */
    configure_api(scripted_server_port(api), "Task \"1\" \"one\"");
    assert_int_equal(init(), 0);
    read_and_flush();
    assert_int_equal(dispatched("camb_task-one/gauge-status"), 1);
    assert_int_equal(dispatched("camb_api-default/gauge-up"), 1);
    assert_int_equal(mock_notification_count(), 1);
    assert_int_equal(mock_notification(0)->severity, NOTIF_OKAY);
    shut_down();
    /* the unixsock plugin's FLUSH can still come */
    assert_int_equal(mock_callbacks()->flush(0, NULL, NULL), 0);
    assert_int_equal(mock_log_count(), 0); /* all is well */
  }
  scripted_server_stop(api);
}

static void answer_later(struct scripted_server *server,
                         const struct scripted_request *request,
                         struct scripted_answer *answer, void *context) {
  (void)request, (void)answer, (void)context;
  scripted_server_hold(server);
}

/* As with collectd -T, which reads once. */
static void test_end_before_the_first_answer(void **state) {
  (void)state;
  struct scripted_server *api = scripted_server_start(answer_later, NULL);
  assert_non_null(api);
  module_register();
  configure_api(scripted_server_port(api), "Task \"1\"");
  assert_int_equal(init(), 0);
  assert_int_equal(mock_callbacks()->read(), 0);
  assert_true(scripted_server_await(api, 1));
  shut_down();
  assert_int_equal(logged(LOG_WARNING, "before the API's first answer"), 1);
  scripted_server_stop(api);
}

static void test_no_block(void **state) {
  (void)state;
  module_register();
  assert_int_not_equal(init(), 0);
  assert_int_equal(logged(LOG_ERR, "no <Plugin camb_task> block"), 1);
  assert_null(mock_callbacks()->read);
}

static void test_nothing_to_follow(void **state) {
  (void)state;
  module_register();
  configure_api(scripted_refusing_port(), "");
  assert_int_equal(init(), 0);
  assert_int_equal(logged(LOG_WARNING, "no Task or TaskFile to follow"), 1);
  assert_int_equal(mock_callbacks()->read(), 0);
  assert_int_equal(mock_value_count(), 0);
  shut_down();
}

/* A task file may be empty now, and list something later. */
static void test_exposed_key(void **state) {
  (void)state;
  module_register();
  assert_int_equal(configure("APIKey \"k\"\nStateFile \"\"\n"
                             "URL \"http://camb.example/apis\"\n"
                             "TaskFile \"/nonexistent\"\n"),
                   0);
  assert_int_equal(init(), 0);
  assert_int_equal(logged(LOG_WARNING, "in clear text"), 1);
  assert_int_equal(logged(LOG_WARNING, "to follow"), 0);
  shut_down();
}

/* Of the three threads, those that were started before end again, and nothing
 * stays: the next attempt is a whole one. */
static void test_threads_that_cannot_be_started(void **state) {
  (void)state;
  struct scripted_server *api = scripted_server_start(answer_success, NULL);
  assert_non_null(api);
  for (size_t number = 1; number <= 3; number++) {
    mock_reset();
    module_register();
    configure_api(scripted_server_port(api), "Task \"1\" \"one\"");
    mock_fail_thread(number);
    assert_int_not_equal(init(), 0);
    assert_int_equal(logged(LOG_ERR, "a thread can't be started"), 1);
    assert_null(mock_callbacks()->read);
    assert_null(mock_callbacks()->shutdown);
    assert_int_not_equal(init(), 0);
    assert_int_equal(logged(LOG_ERR, "no <Plugin camb_task> block"), 1);
    configure_api(scripted_server_port(api), "Task \"1\" \"one\"");
    assert_int_equal(init(), 0);
    read_and_flush();
    assert_int_equal(dispatched("camb_task-one/gauge-status"), 1);
    shut_down();
  }
  scripted_server_stop(api);
}

/* What the thread still uses is left to the process's end, so this is the last
 * test. */
static void test_shutdown_while_the_disk_hangs(void **state) {
  char option[sizeof(state_path) + 64];
  (void)state;
  snprintf(option, sizeof(option), "StateFile \"%s\"\nTask \"1\"", state_path);
  module_register();
  configure_api(scripted_refusing_port(), option);
  assert_int_equal(init(), 0);
  assert_int_equal(mock_callbacks()->read(), 0);
  pthread_mutex_lock(&disk);
  int64_t begun = now();
  shut_down();
  assert_true(now() - begun < STOP_TIME_MAX);
  assert_int_not_equal(access(state_path, F_OK), 0);
  pthread_mutex_unlock(&disk);
  while (access(state_path, F_OK) != 0 && now() < begun + PATIENCE)
    wait_a_little();
  assert_int_equal(access(state_path, F_OK), 0);
}

/* --- Running -------------------------------------------------------------- */

static int reset(void **state) {
  (void)state;
  mock_reset();
  return 0;
}

static int set_up_all(void **state) {
  (void)state;
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(state_path, sizeof(state_path), "%s/state", directory);
  return 0;
}

static int tear_down_all(void **state) {
  int64_t deadline = now() + PATIENCE;
  (void)state;
  mock_reset();
  unlink(state_path);
  while (rmdir(directory) != 0) {
    if (now() > deadline)
      return -1;
    wait_a_little(); /* the thread may be saving once more */
    unlink(state_path);
  }
  return 0;
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, reset)
  const struct CMUnitTest tests[] = {
      TEST(test_life),
      TEST(test_end_before_the_first_answer),
      TEST(test_no_block),
      TEST(test_nothing_to_follow),
      TEST(test_exposed_key),
      TEST(test_threads_that_cannot_be_started),
      TEST(test_shutdown_while_the_disk_hangs),
  };
  unsetenv(API_KEY_VARIABLE);
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
