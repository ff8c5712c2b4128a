/* SPDX-License-Identifier: MIT */
/* The input: the value of a Retry-After header. */
#include "fuzz.h"

#include "http_client.h"

#include <ctype.h>

#define NOW 1764000000 /* 2025-11-24T16:00:00Z */

const char fuzz_name[] = "retry_after";

static long retry_after(const char *value, int64_t now) {
  long seconds = http_retry_after(value, now);
  CHECK(seconds >= 0 && seconds <= HTTP_RETRY_AFTER_MAX);
  return seconds;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const int64_t moments[] = {0, NOW, UINT32_MAX, 253402300799};
  char *value = take_line(&data, &size);
  bool is_date = isalpha((unsigned char)value[strspn(value, " \t")]);
  for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
    long now = retry_after(value, moments[i]);
    long later = retry_after(value, moments[i] + 1);
    /* a date comes nearer, a number of seconds stays */
    CHECK(later == now || (is_date && later == now - 1));
    CHECK(!is_date || later < now || now == 0 || now == HTTP_RETRY_AFTER_MAX);
  }
  free(value);
  return 0;
}
