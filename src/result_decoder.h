/* SPDX-License-Identifier: MIT */
/* Decodes the body of the answer of GET /project-setup-result/{run_id}.
 *
 * The API's SDK types it as an object with project_details, an object
 * {project_name, studio_url, duration} and more; the documentation
 * (docs.camb.ai, get-project-setup-result) calls that run_details, with name:
 * both are understood. */
#ifndef RESULT_DECODER_H
#define RESULT_DECODER_H

#include "json_reader.h"

#include <stddef.h>

#define RESULT_NAME_SIZE 256 /* bytes with the terminator */
#define RESULT_URL_SIZE 512  /* bytes with the terminator */

/* The texts are valid UTF-8 without control characters, "" where the API gives
 * none. */
struct project_result {
  char name[RESULT_NAME_SIZE];      /* cut where it is longer */
  char studio_url[RESULT_URL_SIZE]; /* "" where it is longer */
  double duration; /* of the media, as the API gives it, which does not say in
                      which unit; negative: not given */
};

/* Decodes the size bytes of body. What of the result is absent, null or of
 * another type is left out. Where secret, not NULL, stands in a text of the
 * result, it is blanked. Returns NULL and fills the result, or returns why the
 * body is not a valid answer (static text); then the result says nothing. */
const char *result_decoder_decode(struct json_reader *reader, const char *body,
                                  size_t size, const char *secret,
                                  struct project_result *result);

#endif
