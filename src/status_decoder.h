/* SPDX-License-Identifier: MIT */
/* Decodes the body of a status answer, GET /{type}/{task_id}.
 *
 * The API documents an object {status, run_id, exception_reason, message}
 * (docs.camb.ai, get-project-setup-status), shows a bare string for some kinds
 * of task, and its SDK types the answer as a list of result objects: all three
 * are understood. What is not understood is said to be so and never guessed. */
#ifndef STATUS_DECODER_H
#define STATUS_DECODER_H

#include "json_reader.h"
#include "task_state.h"

#include <stddef.h>
#include <stdint.h>

#define STATUS_BODY_MAX JSON_READER_MAX /* bytes; a larger body is invalid */
#define STATUS_REASON_SIZE 128          /* bytes with the terminator */
#define STATUS_MESSAGE_SIZE 512         /* bytes with the terminator */
#define STATUS_RUN_ID_NONE INT64_MIN
#define STATUS_FIELDS_MAX 32 /* fields of one answer */

/* The texts are valid UTF-8 without control characters, empty where the API
 * gives none, cut where they are longer. */
struct status_answer {
  enum task_state state; /* never TASK_UNKNOWN */
  int64_t run_id;        /* or STATUS_RUN_ID_NONE */
  char exception_reason[STATUS_REASON_SIZE];
  char message[STATUS_MESSAGE_SIZE];
  double fields[STATUS_FIELDS_MAX]; /* in the order asked for; NAN: none */
};

/* Whether this is a JSON Pointer (RFC 6901) that status_decoder_decode takes:
 * "", which is the whole answer, or reference tokens with a "/" before each,
 * where "~0" stands for "~" and "~1" for "/", of valid UTF-8 without control
 * characters. Returns NULL or what is wrong (static text). */
const char *status_decoder_check_pointer(const char *pointer);

/* Decodes the size bytes of body. Where secret, not NULL, stands in a text of
 * the answer, it is blanked, also as JSON escapes it. The answer's fields are
 * the numbers that the pointers find, at most STATUS_FIELDS_MAX, which may be
 * NULL if there are none; the API documents no number but run_id, so what they
 * mean is for the user to know. Returns NULL and fills the answer, or returns
 * why the body is not a valid answer (static text). Then the answer's fields
 * are all NAN, and its message is the status if that is not a known one, or
 * else ""; the rest is not defined. */
const char *status_decoder_decode(struct json_reader *reader, const char *body,
                                  size_t size, const char *secret,
                                  const char *const *pointers,
                                  size_t pointer_count,
                                  struct status_answer *answer);

/* Fills text, as above, with what an error answer says of its cause, in the
 * first of "message", "detail" and "error" that says anything; "" if none
 * does. */
void status_decoder_error_text(struct json_reader *reader, const char *body,
                               size_t size, const char *secret,
                               char text[STATUS_MESSAGE_SIZE]);

#endif
