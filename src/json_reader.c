/* SPDX-License-Identifier: MIT */
#include "json_reader.h"

#include "utf8.h"

#include <json-c/json.h>

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32 /* of arrays and objects in each other */

const char json_reader_out_of_memory[] = "out of memory";

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

void json_reader_clear(struct json_reader *reader) {
  if (reader->tokener != NULL)
    json_tokener_free(reader->tokener);
  *reader = (struct json_reader){0};
}

static bool make_tokener(struct json_reader *reader) {
  if (reader->tokener != NULL)
    return true;
  /* json-c counts what is in the innermost array too, but for an empty one */
  reader->tokener = json_tokener_new_ex(DEPTH_MAX + 2);
  if (reader->tokener == NULL)
    return false;
  json_tokener_set_flags(reader->tokener, JSON_TOKENER_STRICT);
  return true;
}

/* Gives the tokener room for a token of size bytes, by such a token. json-c
 * (0.16) keeps the room, but would not say if there were none later on, and
 * leave out what does not fit. */
static bool make_room(struct json_reader *reader, size_t size) {
  if (size <= reader->room)
    return true;
  char *filler = malloc(size + 2);
  if (filler == NULL)
    return false;
  memset(filler, 'x', size + 2);
  filler[0] = filler[size + 1] = '"';
  struct json_object *value =
      json_tokener_parse_ex(reader->tokener, filler, (int)size + 2);
  if (value != NULL && json_object_get_string_len(value) == (int)size)
    reader->room = size;
  json_object_put(value);
  free(filler);
  return size <= reader->room;
}

/* Parses text into *value. For want of memory json-c (0.16) stops somewhere and
 * says that all is well, or leaves out a member of an object. The latter shows
 * in errno only, and not if a number comes behind it, for which json-c resets
 * that; json-c 0.18 says it. Nor can anything be done about its crash (0.16,
 * not 0.17) when there is no memory for the key of a member. */
static enum json_tokener_error parse(struct json_tokener *tokener,
                                     const char *text, size_t size,
                                     struct json_object **value,
                                     bool *has_memory) {
  errno = 0;
  *value = json_tokener_parse_ex(tokener, text, (int)size);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  *has_memory =
      errno != ENOMEM && (error != json_tokener_success ||
                          json_tokener_get_parse_end(tokener) == size);
  if (error != json_tokener_continue || !*has_memory)
    return error;
  /* a bare number or word only ends with what follows it */
  *value = json_tokener_parse_ex(tokener, "", 1);
  *has_memory = errno != ENOMEM;
  return json_tokener_get_error(tokener);
}

const char *json_reader_parse(struct json_reader *reader, const char *text,
                              size_t size, struct json_object **value) {
  enum json_tokener_error error = json_tokener_success;
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
  bool has_memory = make_tokener(reader) && make_room(reader, size);
  if (has_memory)
    error = parse(reader->tokener, text, size, value, &has_memory);
  /* json-c (0.16) would take half of a surrogate pair along to the next text */
  if (!has_memory || error != json_tokener_success)
    json_reader_clear(reader);
  bool is_too_deep =
      error == json_tokener_error_depth || depth_of(*value) > DEPTH_MAX;
  if (has_memory && error == json_tokener_success && !is_too_deep)
    return NULL;
  json_object_put(*value);
  *value = NULL;
  if (!has_memory)
    return json_reader_out_of_memory;
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

/* The value as JSON, on which slashes are escaped or not. NULL when out of
 * memory: json-c (0.16) itself would leave out what does not fit. */
static const char *to_json(struct json_object *value, bool escapes_slashes) {
  int slashes = escapes_slashes ? 0 : JSON_C_TO_STRING_NOSLASHESCAPE;
  errno = 0;
  const char *text =
      json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | slashes);
  return errno == ENOMEM ? NULL : text;
}

/* The same where the secret stands as it does in a JSON string: in JSON, and in
 * a text that holds some. */
static bool blank_escaped_secret(char *text, const char *secret,
                                 bool escapes_slashes) {
  if (secret == NULL)
    return true;
  struct json_object *string = json_object_new_string(secret);
  const char *json = string == NULL ? NULL : to_json(string, escapes_slashes);
  char *escaped = json == NULL ? NULL : strdup(json);
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
      is_string ? json_object_get_string(value) : to_json(value, false);
  char *text = source == NULL ? NULL : strdup(source);
  if (text == NULL)
    return;
  blank_secret(text, secret);
  bool is_blanked = blank_escaped_secret(text, secret, false) &&
                    blank_escaped_secret(text, secret, true);
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
  /* what json-c makes of any integer that it can't hold */
  if (json_object_is_type(value, json_type_int) &&
      (json_object_get_uint64(value) == UINT64_MAX ||
       json_object_get_int64(value) == INT64_MIN))
    return NAN;
  double number = json_object_get_double(value);
  return isfinite(number) ? number : NAN;
}
