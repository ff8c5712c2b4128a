/* SPDX-License-Identifier: MIT */
#include "json_reader.h"

#include "utf8.h"

#include <json-c/json.h>

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32 /* of arrays and objects in each other */

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

const char *json_reader_parse(const char *text, size_t size,
                              struct json_object **value) {
  *value = NULL;
  if (size > JSON_READER_MAX)
    return "it is larger than 1 MiB";
  if (size == 0)
    return "it is empty";
  if (memchr(text, '\0', size) != NULL)
    return "it holds a NUL byte";
  /* json-c lets overlong forms and surrogates through */
  if (!utf8_is_valid(text, size))
    return "it is not valid UTF-8";
  /* json-c counts what is in the innermost array too, but for an empty one */
  struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX + 2);
  if (tokener == NULL)
    return "out of memory";
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
  *value = json_tokener_parse_ex(tokener, text, (int)size);
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

void json_reader_text(struct json_object *value, const char *secret,
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

double json_reader_number(struct json_object *value) {
  if (!json_object_is_type(value, json_type_int) &&
      !json_object_is_type(value, json_type_double))
    return NAN;
  double number = json_object_get_double(value);
  return isfinite(number) ? number : NAN;
}
