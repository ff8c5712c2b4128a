/* SPDX-License-Identifier: MIT */
#include "collectd_headers.h"

#include "notifier.h"

#include "metrics.h"
#include "trouble.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>

static const struct account *
account_of(const struct configuration *configuration,
           const struct event *event) {
  return &configuration->accounts[event->account];
}

/* A text of at most a notification's length, put together piece by piece; what
 * does not fit is cut at the end of a character. */
struct message {
  char text[NOTIF_MAX_MSG_LEN];
};

static void append(struct message *message, const char *before,
                   const char *text) {
  if (text[0] == '\0')
    return;
  const char *pieces[] = {before, text};
  for (size_t i = 0; i < 2; i++) {
    size_t length = strlen(message->text);
    utf8_copy(message->text + length, sizeof(message->text) - length,
              pieces[i]);
  }
}

static void format_elapsed(double seconds, char *buffer, size_t size) {
  long whole = (long)seconds;
  if (seconds < 0)
    buffer[0] = '\0';
  else if (whole < 60)
    snprintf(buffer, size, "%.1f s", seconds);
  else if (whole < 3600)
    snprintf(buffer, size, "%ld min %ld s", whole / 60, whole % 60);
  else
    snprintf(buffer, size, "%ld h %ld min", whole / 3600, whole / 60 % 60);
}

static void format_run_id(int64_t run_id, char *buffer, size_t size) {
  buffer[0] = '\0';
  if (run_id != STATUS_RUN_ID_NONE)
    snprintf(buffer, size, "%lld", (long long)run_id);
}

/* The state by the API's name, in capitals. */
static void format_state(enum task_state state, char *buffer, size_t size) {
  utf8_copy(buffer, size, task_state_info[state].name);
  for (char *c = buffer; *c != '\0'; c++)
    if (*c >= 'a' && *c <= 'z')
      *c = (char)(*c - 'a' + 'A');
}

static int notification_severity(enum severity severity) {
  switch (severity) {
  case SEVERITY_FAILURE:
    return NOTIF_FAILURE;
  case SEVERITY_WARNING:
    return NOTIF_WARNING;
  default:
    return NOTIF_OKAY;
  }
}

static void start_notification(notification_t *notification,
                               const struct configuration *configuration,
                               const struct event *event, const char *plugin,
                               const char *instance, enum severity severity) {
  const char *host = account_of(configuration, event)->options.host;
  memset(notification, 0, sizeof(*notification));
  notification->severity = notification_severity(severity);
  notification->time = cdtime();
  utf8_copy(notification->host, sizeof(notification->host),
            host != NULL ? host : hostname_g);
  utf8_copy(notification->plugin, sizeof(notification->plugin), plugin);
  utf8_copy(notification->plugin_instance,
            sizeof(notification->plugin_instance), instance);
  utf8_copy(notification->type, sizeof(notification->type), STATUS_TYPE);
  utf8_copy(notification->type_instance, sizeof(notification->type_instance),
            STATUS_TYPE_INSTANCE);
}

static void send_notification(notification_t *notification) {
  /* -1 only says that no plugin receives notifications */
  plugin_dispatch_notification(notification);
  if (notification->meta != NULL) /* collectd complains of NULL */
    plugin_notification_meta_free(notification->meta);
}

/* Adds meta data, which must not be empty; when out of memory, there is less
 * of it. */
static void add_meta(notification_t *notification, const char *name,
                     const char *value) {
  if (value[0] != '\0')
    plugin_notification_meta_add_string(notification, name, value);
}

/* What is known of a task, as text; "" for what is not. */
struct task_texts {
  char state[32], elapsed[64], run_id[32];
};

static void format_task(const struct event *event, struct task_texts *texts) {
  format_state(event->state, texts->state, sizeof(texts->state));
  format_elapsed(event->elapsed, texts->elapsed, sizeof(texts->elapsed));
  format_run_id(event->run_id, texts->run_id, sizeof(texts->run_id));
}

static void add_task_meta(notification_t *notification,
                          const struct event *event,
                          const struct task_texts *texts) {
  add_meta(notification, "task_id", event->id);
  add_meta(notification, "status", texts->state);
  add_meta(notification, "run_id", texts->run_id);
  add_meta(notification, "exception_reason", event->exception_reason);
  add_meta(notification, "message", event->message);
  add_meta(notification, "project_name", event->project_name);
  add_meta(notification, "studio_url", event->studio_url);
  if (event->elapsed >= 0)
    plugin_notification_meta_add_double(notification, "elapsed",
                                        event->elapsed);
}

static void notify_task(const struct configuration *configuration,
                        const struct event *event) {
  bool has_ended = event->kind == EVENT_TASK_ENDED;
  struct message message = {""};
  struct task_texts texts;
  notification_t notification;
  if (!account_of(configuration, event)->options.notify)
    return;
  start_notification(
      &notification, configuration, event, TASK_PLUGIN, event->name,
      has_ended ? task_state_info[event->state].severity : SEVERITY_WARNING);
  format_task(event, &texts);
  append(&message, "Task ", event->name);
  append(&message, has_ended ? " is " : " is still ", texts.state);
  append(&message, " after ", texts.elapsed);
  append(&message, ", ", has_ended ? "" : "longer than StalledAfter");
  append(&message, ", run ", texts.run_id);
  append(&message, ", reason ", event->exception_reason);
  append(&message, ", ID ",
         strcmp(event->id, event->name) == 0 ? "" : event->id);
  if (strlen(message.text) + strlen(", ") + strlen(event->studio_url) <
      sizeof(message.text)) /* half a link leads nowhere */
    append(&message, ", ", event->studio_url);
  append(&message, ", project ", event->project_name);
  append(&message, ": ", event->message);
  memcpy(notification.message, message.text, sizeof(message.text));
  add_task_meta(&notification, event, &texts);
  send_notification(&notification);
}

static void notify_account(const struct configuration *configuration,
                           const struct event *event, enum severity severity,
                           const char *text) {
  const struct account *account = account_of(configuration, event);
  notification_t notification;
  if (!account->options.notify)
    return;
  start_notification(&notification, configuration, event, ACCOUNT_PLUGIN,
                     account->name, severity);
  snprintf(notification.message, sizeof(notification.message), "Account %s: %s",
           account->name, text);
  send_notification(&notification);
}

static void log_task(const struct event *event) {
  const char *trouble = outcome_info[event->outcome].text;
  if (event->kind == EVENT_TASK_TROUBLE)
    P_WARNING("task \"%s\" (ID %s): %s (%s)", event->name, event->id, trouble,
              event->detail);
  else
    P_NOTICE("task \"%s\" (ID %s): over: %s", event->name, event->id, trouble);
}

static void log_account(const struct configuration *configuration,
                        const struct event *event) {
  const char *account = account_of(configuration, event)->name;
  const char *trouble = outcome_info[event->outcome].text;
  if (event->kind == EVENT_MANY_TASKS_TROUBLE)
    P_WARNING("account \"%s\": %s, for more tasks or more often than the %d "
              "times above; no more of it is logged until it is over",
              account, trouble, TROUBLE_TASKS_NAMED);
  else if (event->kind == EVENT_ACCOUNT_TROUBLE && event->name[0] == '\0')
    P_WARNING("account \"%s\": %s (%s)", account, trouble, event->detail);
  else if (event->kind == EVENT_ACCOUNT_TROUBLE)
    P_WARNING("account \"%s\": %s, at first for task \"%s\" (%s)", account,
              trouble, event->name, event->detail);
  else
    P_NOTICE("account \"%s\": over: %s", account, trouble);
}

static void log_file(const struct event *event) {
  if (event->kind == EVENT_FILE_PROBLEM)
    P_WARNING("%s", event->detail);
  else
    P_NOTICE("over: %s", event->detail);
}

void notifier_tell(const struct configuration *configuration,
                   const struct event *event) {
  switch (event->kind) {
  case EVENT_TASK_ENDED:
  case EVENT_TASK_STALLED:
    notify_task(configuration, event);
    break;
  case EVENT_TASK_TROUBLE:
  case EVENT_TASK_TROUBLE_OVER:
    log_task(event);
    break;
  case EVENT_MANY_TASKS_TROUBLE:
  case EVENT_MANY_TASKS_OVER:
  case EVENT_ACCOUNT_TROUBLE:
  case EVENT_ACCOUNT_TROUBLE_OVER:
    log_account(configuration, event);
    break;
  case EVENT_FILE_PROBLEM:
  case EVENT_FILE_PROBLEM_OVER:
    log_file(event);
    break;
  case EVENT_KEY_REJECTED:
    notify_account(configuration, event, SEVERITY_FAILURE,
                   "the API rejects the key");
    break;
  case EVENT_KEY_ACCEPTED:
    notify_account(configuration, event, SEVERITY_OKAY,
                   "the API accepts the key again");
    break;
  case EVENT_BLIND:
    notify_account(configuration, event, SEVERITY_WARNING,
                   "no useful answer from the API in three rounds in a row");
    break;
  case EVENT_BLIND_OVER:
    notify_account(configuration, event, SEVERITY_OKAY,
                   "useful answers from the API again");
    break;
  }
}
