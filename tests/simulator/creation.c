/* SPDX-License-Identifier: MIT */
#include "creation.h"

#include "object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID_PATH "/proc/sys/kernel/random/uuid"

enum { UUID_LENGTH = 36 };

static const char *const kinds[] = {
    "project-setup",  "dub",
    "dub-alt-format", "tts",
    "translated-tts", "translate",
    "transcribe",     "text-to-sound",
    "text-to-voice",  "audio-separation",
    "story",          "translated-story",
};

const char *creation_kind(const char *kind) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
    if (strcmp(kinds[i], kind) == 0)
      return kinds[i];
  return NULL;
}

/* --- What a project setup needs ------------------------------------------- */

static const struct member {
  const char *name;
  enum json_type type;
  const char *message, *code; /* of the complaint about another type */
} members[] = {
    {"media_url", json_type_string, "str type expected", "type_error.str"},
    {"source_language", json_type_int, "value is not a valid integer",
     "type_error.integer"},
    {"target_languages", json_type_array, "value is not a valid list",
     "type_error.list"},
};

/* Adds a complaint in FastAPI's shape. member: NULL for the body as a whole.
 * index: in the member's list; negative: of the member as a whole. */
static void complain(struct json_object *complaints, const char *member,
                     int index, const char *message, const char *code) {
  struct json_object *complaint = object_new(), *place = object_new_array();
  object_append(place, object_text("body"));
  if (member != NULL)
    object_append(place, object_text(member));
  if (index >= 0)
    object_append(place, object_number(index));
  object_set(complaint, "loc", place);
  object_set_text(complaint, "msg", message);
  object_set_text(complaint, "type", code);
  object_append(complaints, complaint);
}

static void check_integers(const char *name, struct json_object *list,
                           struct json_object *complaints) {
  for (size_t i = 0; i < json_object_array_length(list); i++)
    if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_int))
      complain(complaints, name, (int)i, "value is not a valid integer",
               "type_error.integer");
}

static void check_member(const struct member *member, struct json_object *body,
                         struct json_object *complaints) {
  struct json_object *value;
  if (!json_object_object_get_ex(body, member->name, &value))
    complain(complaints, member->name, -1, "field required",
             "value_error.missing");
  else if (!json_object_is_type(value, member->type))
    complain(complaints, member->name, -1, member->message, member->code);
  else if (member->type == json_type_array)
    check_integers(member->name, value, complaints);
}

/* The list of complaints, which is empty for a good body. */
static struct json_object *check(const char *kind, struct json_object *body) {
  struct json_object *complaints = object_new_array();
  if (!json_object_is_type(body, json_type_object))
    complain(complaints, NULL, -1, "value is not a valid dict",
             "type_error.dict");
  else if (strcmp(kind, "project-setup") == 0)
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
      check_member(&members[i], body, complaints);
  return complaints;
}

/* --- The task ------------------------------------------------------------- */

/* The system has a new one each time it is read. */
static void make_uuid(char uuid[UUID_LENGTH + 1]) {
  FILE *file = fopen(UUID_PATH, "r");
  if (file == NULL || fgets(uuid, UUID_LENGTH + 1, file) == NULL) {
    perror("camb_api_simulator: " UUID_PATH);
    abort();
  }
  fclose(file);
}

struct reply creation_reply(struct world *world, const char *kind,
                            const struct blob *upload) {
  struct json_object *body = json_tokener_parse(upload->data);
  struct json_object *complaints = check(kind, body);
  struct reply reply = reply_new();
  if (json_object_array_length(complaints) > 0) {
    json_object_put(body);
    object_set(reply.json, "detail", complaints);
    reply.status = MHD_HTTP_UNPROCESSABLE_CONTENT;
    return reply;
  }
  json_object_put(complaints);
  char id[UUID_LENGTH + 1];
  make_uuid(id);
  struct task *task = tasks_set(world->tasks, id, world->create, 0);
  task->kind = kind;
  task->request = body;
  object_set_text(reply.json, "task_id", id);
  return reply;
}
