/* SPDX-License-Identifier: MIT */
#include "result_decoder.h"

#include <json-c/json.h>

#include <string.h>

/* The first of two members that is of this type, or NULL. */
static struct json_object *member_of(struct json_object *object,
                                     const char *key, const char *other_key,
                                     enum json_type type) {
  struct json_object *member = json_object_object_get(object, key);
  if (json_object_is_type(member, type))
    return member;
  member = json_object_object_get(object, other_key);
  return json_object_is_type(member, type) ? member : NULL;
}

/* Half a link leads nowhere, so one that does not fit, or that holds a NUL, is
 * left out. */
static void copy_url(struct json_object *value, const char *secret,
                     char url[RESULT_URL_SIZE]) {
  if (!json_object_is_type(value, json_type_string))
    return;
  size_t length = (size_t)json_object_get_string_len(value);
  if (length < RESULT_URL_SIZE &&
      length == strlen(json_object_get_string(value)))
    json_reader_text(value, secret, url, RESULT_URL_SIZE);
}

static const char *decode_value(struct json_object *value, const char *secret,
                                struct project_result *result) {
  if (!json_object_is_type(value, json_type_object))
    return "it is not an object";
  struct json_object *details =
      member_of(value, "project_details", "run_details", json_type_object);
  if (details == NULL)
    return "it has no project_details";
  json_reader_text(member_of(details, "project_name", "name", json_type_string),
                   secret, result->name, sizeof(result->name));
  copy_url(json_object_object_get(details, "studio_url"), secret,
           result->studio_url);
  double duration =
      json_reader_number(json_object_object_get(details, "duration"));
  if (duration >= 0) /* NAN is not */
    result->duration = duration;
  return NULL;
}

const char *result_decoder_decode(struct json_reader *reader, const char *body,
                                  size_t size, const char *secret,
                                  struct project_result *result) {
  struct json_object *value;
  *result = (struct project_result){.duration = -1};
  const char *problem = json_reader_parse(reader, body, size, &value);
  if (problem == NULL)
    problem = decode_value(value, secret, result);
  json_object_put(value);
  return problem;
}
