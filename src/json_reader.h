/* SPDX-License-Identifier: MIT */
/* Reads JSON that others have written, by json-c, and is stricter than that is:
 * one whole value, valid UTF-8, no NUL byte, of bounded size and depth. */
#ifndef JSON_READER_H
#define JSON_READER_H

#include <stddef.h>

#define JSON_READER_MAX 1048576UL /* bytes */
/* Arrays and objects may be nested in each other 32 deep. */

struct json_object; /* json-c's */

extern const char json_reader_out_of_memory[];

/* Parses the size bytes of text as one JSON value into *value, which is to be
 * released by json_object_put, and which JSON null leaves NULL. Returns NULL or
 * what is wrong (static text), json_reader_out_of_memory for one. */
const char *json_reader_parse(const char *text, size_t size,
                              struct json_object **value);

/* Copies a value of any type to a buffer of size bytes as valid UTF-8 without
 * control characters, cut where it is longer: a string as it is, null as "",
 * anything else as JSON. Where secret, not NULL, stands in it, it is blanked,
 * also as JSON escapes it. When out of memory, the text is "". */
void json_reader_text(struct json_object *value, const char *secret,
                      char *buffer, size_t size);

/* The finite number that the value is, or NAN where it is anything else: a
 * string, a boolean, or what json-c takes beyond JSON, NaN and Infinity. An
 * integer becomes the nearest double; one that is not between INT64_MIN and
 * UINT64_MAX, or is one of these, is NAN, since json-c clamps it. */
double json_reader_number(struct json_object *value);

#endif
