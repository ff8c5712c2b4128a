/* SPDX-License-Identifier: MIT */
#include "status_decoder.h"

#include "utf8.h"

#include <json-c/json.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 32 /* of arrays and objects in each other */

/* Other words for a state, seen in clients of the API. */
static const struct {
  const char *name;
  enum task_state state;
} aliases[] = {{"failed", TASK_ERROR}, {"processing", TASK_PENDING}};

/* How deep arrays and objects are nested in value. The parser has limited how
 * deep this calls itself. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static int depth_of(struct json_object *value) {
  int deepest = 0;
  if (json_object_is_type(value, json_type_array)) {
    for (size_t i = json_object_array_length(value); i-- > 0;) {
      int depth = depth_of(json_object_array_get_idx(value, i));
      deepest = depth > deepest ? depth : deepest;
    }
  } else if (json_object_is_type(value, json_type_object)) {
    json_object_object_foreach(value, key, member) {
      (void)key;
      int depth = depth_of(member);
      deepest = depth > deepest ? depth : deepest;
    }
  } else {
    return 0;
  }
  return deepest + 1;
}

/* Parses the whole body as one JSON value into *value, which JSON null leaves
 * NULL. Returns NULL or what is wrong. */
static const char *parse(const char *body, size_t size,
                         struct json_object **value) {
  *value = NULL;
  if (size > STATUS_BODY_MAX)
    return "it is larger than 1 MiB";
  if (size == 0)
    return "it is empty";
  if (memchr(body, '\0', size) != NULL)
    return "it holds a NUL byte";
  /* json-c lets overlong forms and surrogates through */
  if (!utf8_is_valid(body, size))
    return "it is not valid UTF-8";
  /* json-c counts what is in the innermost array too, but for an empty one */
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX + 2);
  if (tokener == NULL)
    return "out of memory";
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
  *value = json_tokener_parse_ex(tokener, body, (int)size);
  /* a bare number or word only ends with what follows it */
  if (json_tokener_get_error(tokener) == json_tokener_continue)
    *value = json_tokener_parse_ex(tokener, "", 1);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  json_tokener_free(tokener);
  bool is_too_deep =
      error == json_tokener_error_depth || depth_of(*value) > DEPTH_MAX;
  if (error == json_tokener_success && !is_too_deep)
    return NULL;
  json_object_put(*value);
  *value = NULL;
  return is_too_deep ? "it is nested too deeply" : "it is not JSON";
}

/* Replaces each secret in text by asterisks. */
static void blank_secret(char *text, const char *secret) {
  size_t length = secret == NULL ? 0 : strlen(secret);
  if (length == 0)
    return;
  for (char *at = text; (at = strstr(at, secret)) != NULL; at += length)
    memset(at, '*', length);
}

static const char *to_json(struct json_object *value) {
  return json_object_to_json_string_ext(
      value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* The same in a text that is JSON, where the secret stands as it does in a JSON
 * string. */
static bool blank_secret_in_json(char *text, const char *secret) {
  if (secret == NULL)
    return true;
  struct json_object *string = json_object_new_string(secret);
  char *escaped = string == NULL ? NULL : strdup(to_json(string));
  json_object_put(string);
  if (escaped == NULL)
    return false;
  escaped[strlen(escaped) - 1] = '\0'; /* the quotes */
  blank_secret(text, escaped + 1);
  free(escaped);
  return true;
}

/* Copies a JSON value of any type as text; null is "". Strings are taken as
 * they are, anything else as JSON. */
static void copy_text(struct json_object *value, const char *secret,
                      char *buffer, size_t size) {
  bool is_string = json_object_is_type(value, json_type_string);
  buffer[0] = '\0';
  if (value == NULL)
    return;
  const char *source =
      is_string ? json_object_get_string(value) : to_json(value);
  char *text = source == NULL ? NULL : strdup(source);
  if (text == NULL)
    return;
  blank_secret(text, secret);
  bool is_blanked = is_string || blank_secret_in_json(text, secret);
  /* not so if json-c took a \u escape, or we a secret, for what it is not */
  if (is_blanked && utf8_is_valid(text, strlen(text))) {
    utf8_blank_control(text);
    utf8_copy(buffer, size, text);
  }
  free(text);
}

static void copy_message(struct json_object *object, const char *secret,
                         char text[STATUS_MESSAGE_SIZE]) {
  static const char *const keys[] = {"message", "detail", "error"};
  text[0] = '\0';
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && text[0] == '\0'; i++)
    copy_text(json_object_object_get(object, keys[i]), secret, text,
              STATUS_MESSAGE_SIZE);
}

static int64_t run_id_of_string(struct json_object *value) {
  const char *text = json_object_get_string(value);
  char *end;
  errno = 0;
  long long number = strtoll(text, &end, 10);
  bool is_whole =
      end != text && end == text + json_object_get_string_len(value);
  return errno == 0 && is_whole ? number : STATUS_RUN_ID_NONE;
}

/* A run ID may be a whole number or a string of one; anything else is no run
 * ID. */
static int64_t run_id_of(struct json_object *value) {
  double number;
  switch (json_object_get_type(value)) {
  case json_type_int: /* up to the unsigned range, and clamped to that */
    return json_object_get_uint64(value) > INT64_MAX
               ? STATUS_RUN_ID_NONE
               : json_object_get_int64(value);
  case json_type_double:
    number = json_object_get_double(value);
    return fabs(number) < 0x1p53 && number == trunc(number)
               ? (int64_t)number
               : STATUS_RUN_ID_NONE;
  case json_type_string:
    return run_id_of_string(value);
  default:
    return STATUS_RUN_ID_NONE;
  }
}

static bool find_state(const char *name, enum task_state *state) {
  for (int i = 0; i < TASK_STATE_COUNT; i++)
    if (i != TASK_UNKNOWN && strcasecmp(name, task_state_info[i].name) == 0) {
      *state = (enum task_state)i;
      return true;
    }
  for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
    if (strcasecmp(name, aliases[i].name) == 0) {
      *state = aliases[i].state;
      return true;
    }
  return false;
}

static const char *decode_state(struct json_object *status, const char *secret,
                                struct status_answer *answer) {
  if (!json_object_is_type(status, json_type_string))
    return "it has no status";
  const char *name = json_object_get_string(status);
  if (strlen(name) == (size_t)json_object_get_string_len(status) &&
      find_state(name, &answer->state))
    return NULL;
  copy_text(status, secret, answer->message, sizeof(answer->message));
  return "its status is not a known one";
}

static const char *decode_object(struct json_object *object, const char *secret,
                                 struct status_answer *answer) {
  const char *problem =
      decode_state(json_object_object_get(object, "status"), secret, answer);
  if (problem != NULL)
    return problem;
  answer->run_id = run_id_of(json_object_object_get(object, "run_id"));
  copy_text(json_object_object_get(object, "exception_reason"), secret,
            answer->exception_reason, sizeof(answer->exception_reason));
  if (strcasecmp(answer->exception_reason, "NONE") == 0)
    answer->exception_reason[0] = '\0';
  copy_message(object, secret, answer->message);
  if (answer->state == TASK_ERROR &&
      strcasecmp(answer->exception_reason, "PAYMENT_REQUIRED") == 0)
    answer->state = TASK_PAYMENT_REQUIRED;
  return NULL;
}

/* A list of results, each with its run ID, is what the SDK expects of a
 * finished setup. The first run ID stands for all. */
static const char *decode_list(struct json_object *list,
                               struct status_answer *answer) {
  size_t count = json_object_array_length(list);
  if (count == 0)
    return "it is an empty list";
  for (size_t i = count; i-- > 0;) {
    struct json_object *result = json_object_array_get_idx(list, i);
    if (!json_object_is_type(result, json_type_object))
      return "it is a list of other things than results";
    answer->run_id = run_id_of(json_object_object_get(result, "run_id"));
    if (answer->run_id == STATUS_RUN_ID_NONE)
      return "it is a list of results without a run_id";
  }
  answer->state = TASK_SUCCESS;
  return NULL;
}

static const char *decode_value(struct json_object *value, const char *secret,
                                struct status_answer *answer) {
  switch (json_object_get_type(value)) {
  case json_type_object:
    return decode_object(value, secret, answer);
  case json_type_array:
    return decode_list(value, answer);
  case json_type_string:
    return decode_state(value, secret, answer);
  default:
    return "it has no status";
  }
}

const char *status_decoder_decode(const char *body, size_t size,
                                  const char *secret,
                                  struct status_answer *answer) {
  struct json_object *value;
  *answer = (struct status_answer){.run_id = STATUS_RUN_ID_NONE};
  const char *problem = parse(body, size, &value);
  if (problem == NULL)
    problem = decode_value(value, secret, answer);
  json_object_put(value);
  return problem;
}

void status_decoder_error_text(const char *body, size_t size,
                               const char *secret,
                               char text[STATUS_MESSAGE_SIZE]) {
  struct json_object *value;
  text[0] = '\0';
  if (parse(body, size, &value) == NULL &&
      json_object_is_type(value, json_type_object))
    copy_message(value, secret, text);
  json_object_put(value);
}
