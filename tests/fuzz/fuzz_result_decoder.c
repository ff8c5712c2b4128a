/* SPDX-License-Identifier: MIT */
/* The input: a line that is the secret, and then the body of an answer. */
#include "fuzz.h"

#include "result_decoder.h"

#include <math.h>

const char fuzz_name[] = "result_decoder";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct json_reader reader = {0};
  struct project_result result;
  char *secret = take_line(&data, &size);
  const char *problem =
      result_decoder_decode(&reader, (const char *)data, size, secret, &result);
  check_secret_text(result.name, sizeof(result.name), secret);
  check_secret_text(result.studio_url, sizeof(result.studio_url), secret);
  CHECK(isfinite(result.duration));
  if (problem != NULL) {
    CHECK(problem[0] != '\0');
    CHECK(result.name[0] == '\0' && result.studio_url[0] == '\0');
    CHECK(result.duration < 0);
  }
  json_reader_clear(&reader);
  free(secret);
  return 0;
}
