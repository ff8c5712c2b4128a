/* SPDX-License-Identifier: MIT */
#include "object.h"

#include "memory.h"

struct json_object *object_new(void) {
  return memory_must(json_object_new_object());
}

struct json_object *object_new_array(void) {
  return memory_must(json_object_new_array());
}

struct json_object *object_text(const char *text) {
  return text != NULL ? memory_must(json_object_new_string(text)) : NULL;
}

struct json_object *object_number(int64_t number) {
  return memory_must(json_object_new_int64(number));
}

void object_append(struct json_object *array, struct json_object *value) {
  if (json_object_array_add(array, value) != 0)
    memory_must(NULL);
}

void object_set(struct json_object *object, const char *key,
                struct json_object *value) {
  if (json_object_object_add(object, key, value) != 0)
    memory_must(NULL);
}

void object_set_text(struct json_object *object, const char *key,
                     const char *text) {
  object_set(object, key, object_text(text));
}

void object_set_count(struct json_object *object, const char *key,
                      uint64_t count) {
  object_set(object, key, object_number((int64_t)count));
}

struct blob *object_to_blob(struct json_object *object) {
  size_t size;
  const char *text = json_object_to_json_string_length(
      object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &size);
  return text != NULL ? blob_new(text, size) : memory_must(NULL);
}
