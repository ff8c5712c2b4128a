/* SPDX-License-Identifier: MIT */
#include "api.h"

#include "creation.h"
#include "memory.h"
#include "object.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_PATH "/apis"
#define RESULT_KIND "project-setup-result"

enum { ENGLISH = 1, FRENCH = 76 }; /* the languages of a task of the scenario */

/* --- Where a request goes ------------------------------------------------- */

/* /KIND/ID, or /KIND for a POST; "" where there is none. */
struct target {
  char *path; /* owns the text that the others point to */
  const char *kind, *id;
};

/* What follows the last slash is the ID: a kind may have slashes, too. */
static struct target target_new(const struct request *request) {
  struct target target = {memory_text(request->uri), "", ""};
  char *kind = target.path;
  kind[strcspn(kind, "?")] = '\0';
  if (strncmp(kind, BASE_PATH "/", strlen(BASE_PATH "/")) == 0)
    kind += strlen(BASE_PATH);
  if (*kind != '/')
    return target;
  kind++;
  char *slash =
      request_is(request, MHD_HTTP_METHOD_POST) ? NULL : strrchr(kind, '/');
  if (slash != NULL) {
    *slash = '\0';
    if (request_unescape(slash + 1))
      target.id = slash + 1;
  }
  if (request_unescape(kind))
    target.kind = kind;
  return target;
}

static struct task *find_task(const struct world *world,
                              const struct target *target) {
  struct task *task = tasks_find(world->tasks, target->id);
  return task != NULL && strcmp(task->kind, target->kind) == 0 ? task : NULL;
}

/* --- A task's status ------------------------------------------------------ */

static struct reply status_reply(const struct task *task) {
  const struct fate *fate = task->fate;
  bool ended = tasks_has_ended(task);
  struct reply reply = reply_new();
  object_set_text(reply.json, "status", tasks_status(task));
  object_set(reply.json, "run_id",
             ended && fate->has_run ? object_number(task->run_id) : NULL);
  object_set_text(reply.json, "exception_reason", ended ? fate->reason : NULL);
  object_set_text(reply.json, "message", ended ? fate->message : NULL);
  return reply;
}

/* --- A run's result ------------------------------------------------------- */

/* A member of the POST that made the task, or else this. */
static struct json_object *requested(const struct task *task, const char *key,
                                     struct json_object *otherwise) {
  struct json_object *value = json_object_object_get(task->request, key);
  if (value == NULL)
    return otherwise;
  json_object_put(otherwise);
  return json_object_get(value);
}

static struct json_object *project_name(const struct task *task) {
  const char *name = task->fate->name;
  if (name == NULL || task->index == 0)
    return object_text(name != NULL ? name : task->id);
  char *numbered = memory_format("%s-%" PRIu64, name, task->index + 1);
  struct json_object *json = object_text(numbered);
  free(numbered);
  return json;
}

static struct json_object *project_details(const struct task *task) {
  struct json_object *details = object_new(), *languages = object_new_array();
  double duration = task->fate->duration;
  char created[32], url[64];
  struct tm tm;
  strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ",
           gmtime_r(&task->created, &tm));
  snprintf(url, sizeof(url), "https://studio.camb.ai/projects/%s",
           task->run_key);
  object_append(languages, object_number(FRENCH));
  object_set(details, "project_name",
             requested(task, "project_name", project_name(task)));
  object_set(details, "project_description",
             requested(task, "project_description", NULL));
  object_set_text(details, "created_at", created);
  object_set(details, "source_language",
             requested(task, "source_language", object_number(ENGLISH)));
  object_set(details, "target_languages",
             requested(task, "target_languages", languages));
  object_set(details, "duration",
             duration >= 0 ? json_object_new_double(duration) : NULL);
  object_set(details, "folder_id", requested(task, "folder_id", NULL));
  object_set_text(details, "studio_url", url);
  return details;
}

static struct reply result_reply(const struct task *task) {
  if (task == NULL || !tasks_has_ended(task))
    return reply_detail(MHD_HTTP_NOT_FOUND, "Run not found");
  if (strcmp(task->kind, "project-setup") != 0)
    return reply_detail(MHD_HTTP_BAD_REQUEST, "Run is not a project setup");
  struct reply reply = reply_new();
  object_set(reply.json, "run_id", object_number(task->run_id));
  object_set(reply.json, "project_details", project_details(task));
  return reply;
}

/* --- All requests --------------------------------------------------------- */

/* The usual answer to a request with a good key. */
static struct reply route(struct world *world, const struct request *request,
                          const struct target *target, struct task *task) {
  const char *kind = creation_kind(target->kind);
  if (request_is(request, MHD_HTTP_METHOD_POST) && kind != NULL)
    return creation_reply(world, kind, request->upload);
  if (!request_is(request, MHD_HTTP_METHOD_GET))
    return reply_detail(MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed");
  if (target->id[0] == '\0')
    return reply_detail(MHD_HTTP_NOT_FOUND, "Not Found");
  if (strcmp(target->kind, RESULT_KIND) == 0)
    return result_reply(tasks_find_run(world->tasks, target->id));
  if (task == NULL)
    return reply_detail(MHD_HTTP_NOT_FOUND, "Task not found");
  tasks_ask(task);
  return status_reply(task);
}

/* Puts the key where a careless server would: into the text people log. */
static void echo_key(struct reply *reply, const char *key) {
  const char *member = json_object_object_get_ex(reply->json, "error", NULL)
                           ? "error"
                           : "message";
  char *text = memory_format("the key was %s", key != NULL ? key : "missing");
  object_set_text(reply->json, member, text);
  free(text);
}

static void set_status(struct reply *reply, unsigned status) {
  if (status >= MHD_HTTP_MULTIPLE_CHOICES) {
    json_object_put(reply->json);
    *reply = reply_error(status, MHD_get_reason_phrase_for(status));
  }
  reply->status = status;
}

struct reply api_answer(struct world *world, const struct request *request,
                        struct misbehaviour *misbehaviour) {
  struct target target = target_new(request);
  struct task *task = find_task(world, &target);
  struct reply reply;
  if (task != NULL)
    task->requests++;
  world_misbehave(world, strcmp(target.kind, RESULT_KIND) == 0, task,
                  misbehaviour);
  if (world_accepts_key(world, request->key)) {
    reply = route(world, request, &target, task);
  } else {
    world->counters.unauthorized++;
    reply = reply_error(MHD_HTTP_UNAUTHORIZED, "Invalid API key");
  }
  if (misbehaviour->http != 0)
    set_status(&reply, misbehaviour->http);
  else if (misbehaviour->redirect != NULL)
    set_status(&reply, MHD_HTTP_FOUND);
  if (misbehaviour->echo_key)
    echo_key(&reply, request->key);
  free(target.path);
  return reply;
}
