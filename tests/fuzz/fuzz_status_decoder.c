/* SPDX-License-Identifier: MIT */
/* The input: a line that is the secret, a line of JSON Pointers with tabs
 * between them, and then the body of an answer. */
#include "fuzz.h"

#include "status_decoder.h"

#include <math.h>

const char fuzz_name[] = "status_decoder";

/* Cuts the line into pointers that a configuration may have. */
static size_t split_pointers(char *line, const char *pointers[]) {
  size_t count = 0;
  char *next = line;
  for (char *pointer;
       count < STATUS_FIELDS_MAX && (pointer = strsep(&next, "\t")) != NULL;)
    if (status_decoder_check_pointer(pointer) == NULL)
      pointers[count++] = pointer;
  return count;
}

static void check_answer(const struct status_answer *answer,
                         const char *problem, const char *secret,
                         size_t pointer_count) {
  check_secret_text(answer->message, sizeof(answer->message), secret);
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    CHECK(isnan(answer->fields[i]) || (problem == NULL && i < pointer_count &&
                                       isfinite(answer->fields[i])));
  if (problem != NULL) {
    CHECK(problem[0] != '\0');
    return;
  }
  CHECK(answer->state > TASK_UNKNOWN && answer->state < TASK_STATE_COUNT);
  check_secret_text(answer->exception_reason, sizeof(answer->exception_reason),
                    secret);
}

/* What the answer says does not depend on the secret and on the pointers. */
static void check_plain_answer(struct json_reader *reader, const uint8_t *body,
                               size_t size, const struct status_answer *answer,
                               const char *problem) {
  struct status_answer plain;
  CHECK(status_decoder_decode(reader, (const char *)body, size, NULL, NULL, 0,
                              &plain) == problem);
  check_answer(&plain, problem, "", 0);
  CHECK(problem != NULL ||
        (answer->state == plain.state && answer->run_id == plain.run_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *pointers[STATUS_FIELDS_MAX];
  struct json_reader reader = {0};
  struct status_answer answer;
  char text[STATUS_MESSAGE_SIZE];
  char *secret = take_line(&data, &size);
  char *line = take_line(&data, &size);
  size_t pointer_count = split_pointers(line, pointers);
  const char *problem =
      status_decoder_decode(&reader, (const char *)data, size, secret, pointers,
                            pointer_count, &answer);
  check_answer(&answer, problem, secret, pointer_count);
  check_plain_answer(&reader, data, size, &answer, problem);
  memset(text, 'x', sizeof(text));
  status_decoder_error_text(&reader, (const char *)data, size, secret, text);
  check_secret_text(text, sizeof(text), secret);
  json_reader_clear(&reader);
  free(line);
  free(secret);
  return 0;
}
