/* SPDX-License-Identifier: MIT */
#include "control.h"

#include "memory.h"
#include "object.h"
#include "scenario.h"

#include <stdlib.h>
#include <string.h>

#define CONTROL_PATH "/simulator"

/* A request for control. */
struct order {
  struct world *world;
  const struct request *request;
  char *rest; /* of the path, behind what the table has */
};

static struct json_object *keys_report(const struct world *world) {
  struct json_object *report = object_new_array();
  const struct key *key;
  for (key = STAILQ_FIRST(&world->keys); key != NULL;
       key = STAILQ_NEXT(key, next))
    object_append(report, object_number((int64_t)key->seen));
  return report;
}

static struct reply show_counters(const struct order *order) {
  struct reply reply = reply_new();
  const char *query = strchr(order->request->uri, '?');
  counters_report(&order->world->counters, reply.json);
  object_set(reply.json, "keys_seen", keys_report(order->world));
  if (query != NULL && strcmp(query, "?tasks") == 0)
    object_set(reply.json, "tasks",
               tasks_report_all(order->world->tasks, order->world->launched));
  return reply;
}

static struct reply show_task(const struct order *order) {
  const struct task *task = request_unescape(order->rest)
                                ? tasks_find(order->world->tasks, order->rest)
                                : NULL;
  if (task == NULL)
    return reply_detail(MHD_HTTP_NOT_FOUND, "Task not found");
  struct reply reply = {MHD_HTTP_OK,
                        tasks_report(task, order->world->launched)};
  object_set(reply.json, "request", json_object_get(task->request));
  return reply;
}

static struct reply reply_done(void) {
  struct reply reply = reply_new();
  object_set(reply.json, "ok", memory_must(json_object_new_boolean(true)));
  return reply;
}

static struct reply change_scenario(const struct order *order) {
  const struct blob *text = order->request->upload;
  char *error =
      scenario_apply(order->world, "scenario", NULL, text->data, text->size);
  if (error == NULL)
    return reply_done();
  struct reply reply = reply_error(MHD_HTTP_BAD_REQUEST, error);
  free(error);
  return reply;
}

static struct reply reset_counters(const struct order *order) {
  struct key *key;
  for (key = STAILQ_FIRST(&order->world->keys); key != NULL;
       key = STAILQ_NEXT(key, next))
    key->seen = 0;
  tasks_reset(order->world->tasks);
  counters_reset(&order->world->counters);
  return reply_done();
}

static const struct control {
  const char *method, *path;
  bool has_rest;
  struct reply (*answer)(const struct order *order);
} controls[] = {
    {MHD_HTTP_METHOD_GET, CONTROL_PATH, false, show_counters},
    {MHD_HTTP_METHOD_GET, CONTROL_PATH "/tasks/", true, show_task},
    {MHD_HTTP_METHOD_POST, CONTROL_PATH "/scenario", false, change_scenario},
    {MHD_HTTP_METHOD_POST, CONTROL_PATH "/reset", false, reset_counters},
};

static bool is_for(const struct control *control, const char *path) {
  size_t length = strlen(control->path);
  return strncmp(control->path, path, length) == 0 &&
         (control->has_rest || path[length] == '\0');
}

bool control_is_meant(const char *uri) {
  size_t length = strlen(CONTROL_PATH);
  return strncmp(uri, CONTROL_PATH, length) == 0 &&
         strchr("/?", uri[length]) != NULL;
}

struct reply control_answer(struct world *world,
                            const struct request *request) {
  char *path = memory_text(request->uri);
  const struct control *control = NULL;
  path[strcspn(path, "?")] = '\0';
  for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
    if (request_is(request, controls[i].method) && is_for(&controls[i], path))
      control = &controls[i];
  struct order order = {world, request, path};
  if (control != NULL)
    order.rest += strlen(control->path);
  struct reply reply = control != NULL
                           ? control->answer(&order)
                           : reply_error(MHD_HTTP_NOT_FOUND, "no such control");
  free(path);
  return reply;
}
