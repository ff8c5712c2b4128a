/* SPDX-License-Identifier: MIT */
/* JSON in the making. What these functions return is the caller's to put back
 * or to give away; what they are given as a value, they take over. */
#ifndef OBJECT_H
#define OBJECT_H

#include "blob.h"

#include <json-c/json.h>
#include <stdint.h>

/* {} and [] */
struct json_object *object_new(void);
struct json_object *object_new_array(void);

/* null for NULL */
struct json_object *object_text(const char *text);
struct json_object *object_number(int64_t number);

void object_append(struct json_object *array, struct json_object *value);
void object_set(struct json_object *object, const char *key,
                struct json_object *value);
void object_set_text(struct json_object *object, const char *key,
                     const char *text);
void object_set_count(struct json_object *object, const char *key,
                      uint64_t count);

/* As it is sent; the object stays the caller's. */
struct blob *object_to_blob(struct json_object *object);

#endif
