/* SPDX-License-Identifier: MIT */
/* Reads JSON that others have written, by json-c, and is stricter than that is:
 * one whole value, valid UTF-8, no NUL byte, of bounded size and depth. */
#ifndef JSON_READER_H
#define JSON_READER_H

#include <stddef.h>

#define JSON_READER_MAX 1048576UL /* bytes */
/* Arrays and objects may be nested in each other 32 deep. */

struct json_object; /* json-c's */
struct json_tokener;

/* What reading takes, kept from one text to the next. All zero is a new one. */
struct json_reader {
  struct json_tokener *tokener; /* NULL: not made yet */
  size_t room;                  /* bytes of the longest text it has room for */
};

/* Frees its memory. */
void json_reader_clear(struct json_reader *reader);

/* What json_reader_parse returns, this very text, when out of memory. */
extern const char json_reader_out_of_memory[];

/* Parses the size bytes of text as one JSON value into *value, which is to be
 * released by json_object_put, and which JSON null leaves NULL. Returns NULL or
 * what is wrong (static text). */
const char *json_reader_parse(struct json_reader *reader, const char *text,
                              size_t size, struct json_object **value);

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
