/* SPDX-License-Identifier: MIT */
#include "outcome.h"

#include <stddef.h>

const struct outcome_info outcome_info[OUTCOME_COUNT] = {
#define X(symbol, counter, scope, limits_account, text)                        \
  {COUNTER_##counter, scope, limits_account, text},
    OUTCOMES(X)
#undef X
};

const char *const request_counter_name[REQUEST_COUNTER_COUNT] = {
#define X(symbol, name) name,
    REQUEST_COUNTERS(X)
#undef X
};

bool outcome_is_refusal(enum outcome outcome) {
  return outcome_info[outcome].counter == COUNTER_UNAUTHORIZED;
}

enum outcome outcome_of_http_status(long status) {
  static const struct {
    long first, last;
    enum outcome outcome;
  } ranges[] = {
      /* the first match counts */
      {200, 299, OUTCOME_OK},           {401, 401, OUTCOME_UNAUTHORIZED},
      {403, 403, OUTCOME_FORBIDDEN},    {404, 404, OUTCOME_NOT_FOUND},
      {408, 408, OUTCOME_TIMEOUT},      {429, 429, OUTCOME_RATE_LIMITED},
      {400, 499, OUTCOME_CLIENT_ERROR}, {503, 503, OUTCOME_UNAVAILABLE},
      {500, 599, OUTCOME_SERVER_ERROR},
  };
  for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
    if (status >= ranges[i].first && status <= ranges[i].last)
      return ranges[i].outcome;
  return OUTCOME_INVALID;
}
