/* SPDX-License-Identifier: MIT */
#include "status_decoder.h"

#include "json_reader.h"
#include "utf8.h"

#include <json-c/json.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INDEX_DIGITS_MAX 9 /* 32 bits hold them */

/* Other words for a state, seen in clients of the API. */
static const struct {
  const char *name;
  enum task_state state;
} aliases[] = {{"failed", TASK_ERROR}, {"processing", TASK_PENDING}};

static void copy_message(struct json_object *object, const char *secret,
                         char text[STATUS_MESSAGE_SIZE]) {
  static const char *const keys[] = {"message", "detail", "error"};
  text[0] = '\0';
  for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && text[0] == '\0'; i++)
    json_reader_text(json_object_object_get(object, keys[i]), secret, text,
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
  json_reader_text(status, secret, answer->message, sizeof(answer->message));
  return "its status is not a known one";
}

static bool is_word(struct json_object *value, const char *word) {
  return json_object_is_type(value, json_type_string) &&
         strcasecmp(json_object_get_string(value), word) == 0;
}

static const char *decode_object(struct json_object *object, const char *secret,
                                 struct status_answer *answer) {
  const char *problem =
      decode_state(json_object_object_get(object, "status"), secret, answer);
  if (problem != NULL)
    return problem;
  answer->run_id = run_id_of(json_object_object_get(object, "run_id"));
  struct json_object *reason =
      json_object_object_get(object, "exception_reason");
  if (!is_word(reason, "NONE"))
    json_reader_text(reason, secret, answer->exception_reason,
                     sizeof(answer->exception_reason));
  copy_message(object, secret, answer->message);
  /* not by the text, which is "" when out of memory */
  if (answer->state == TASK_ERROR && is_word(reason, "PAYMENT_REQUIRED"))
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

const char *status_decoder_check_pointer(const char *pointer) {
  if (!utf8_is_valid(pointer, strlen(pointer)))
    return "the pointer is not valid UTF-8";
  if (utf8_has_control(pointer))
    return "the pointer holds a control character";
  if (pointer[0] != '\0' && pointer[0] != '/')
    return "the pointer does not begin with a slash";
  for (const char *at = pointer; (at = strchr(at, '~')) != NULL; at++)
    if (at[1] != '0' && at[1] != '1')
      return "the pointer holds a ~ that is neither ~0 nor ~1";
  return NULL;
}

/* Whether a token of the pointer that json-c takes for the index of an array is
 * none: json-c (0.15, 0.16) reads "" as 0, and cuts an index to 32 bits. No
 * array that fits into an answer has an index of more digits than these. */
static bool is_misread(struct json_object *root, const char *pointer) {
  for (const char *slash = strchr(pointer, '/'); slash != NULL;
       slash = strchr(slash + 1, '/')) {
    struct json_object *parent;
    size_t length = strcspn(slash + 1, "/");
    if (length > 0 && length <= INDEX_DIGITS_MAX)
      continue;
    char *before = strndup(pointer, (size_t)(slash - pointer));
    bool is_index =
        before == NULL || (json_pointer_get(root, before, &parent) == 0 &&
                           json_object_is_type(parent, json_type_array));
    free(before);
    if (is_index)
      return true;
  }
  return false;
}

static double find_number(struct json_object *root, const char *pointer) {
  struct json_object *value;
  if (json_pointer_get(root, pointer, &value) != 0 || is_misread(root, pointer))
    return NAN;
  return json_reader_number(value);
}

const char *status_decoder_decode(struct json_reader *reader, const char *body,
                                  size_t size, const char *secret,
                                  const char *const *pointers,
                                  size_t pointer_count,
                                  struct status_answer *answer) {
  struct json_object *value;
  *answer = (struct status_answer){.run_id = STATUS_RUN_ID_NONE};
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    answer->fields[i] = NAN;
  const char *problem = json_reader_parse(reader, body, size, &value);
  if (problem == NULL)
    problem = decode_value(value, secret, answer);
  for (size_t i = 0; problem == NULL && i < pointer_count; i++)
    answer->fields[i] = find_number(value, pointers[i]);
  json_object_put(value);
  return problem;
}

void status_decoder_error_text(struct json_reader *reader, const char *body,
                               size_t size, const char *secret,
                               char text[STATUS_MESSAGE_SIZE]) {
  struct json_object *value;
  text[0] = '\0';
  if (json_reader_parse(reader, body, size, &value) == NULL &&
      json_object_is_type(value, json_type_object))
    copy_message(value, secret, text);
  json_object_put(value);
}
