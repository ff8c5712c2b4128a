/* SPDX-License-Identifier: MIT */
/* How a request to the API can end. Every request ends in exactly one outcome,
 * or is cancelled by the plugin itself and then has none. */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>

/* X(symbol, name): the counters total_requests-NAME of an account. */
#define REQUEST_COUNTERS(X)                                                    \
  X(OK, "ok")                                                                  \
  X(UNAUTHORIZED, "unauthorized")                                              \
  X(NOT_FOUND, "not_found")                                                    \
  X(RATE_LIMITED, "rate_limited")                                              \
  X(CLIENT_ERROR, "client_error")                                              \
  X(SERVER_ERROR, "server_error")                                              \
  X(TIMEOUT, "timeout")                                                        \
  X(NETWORK, "network")                                                        \
  X(INVALID, "invalid")

enum request_counter {
#define X(symbol, name) COUNTER_##symbol,
  REQUEST_COUNTERS(X)
#undef X
      REQUEST_COUNTER_COUNT
};

/* Whom a trouble concerns, and so how it is logged: for the account as a whole
 * or for each task. */
enum outcome_scope { SCOPE_ACCOUNT, SCOPE_TASK };

/* X(symbol, counter, scope, limits_account, text): the outcomes, finer than the
 * counters where an operator has to do different things about them, or the
 * plugin has. limits_account: the API wants to be left alone, so all of the
 * account's tasks wait. */
#define OUTCOMES(X)                                                            \
  X(OK, OK, SCOPE_TASK, false, "the answers are good")                         \
  X(UNAUTHORIZED, UNAUTHORIZED, SCOPE_ACCOUNT, false,                          \
    "the API rejects the key")                                                 \
  X(FORBIDDEN, UNAUTHORIZED, SCOPE_TASK, false, "the key has no right to it")  \
  X(NOT_FOUND, NOT_FOUND, SCOPE_TASK, false, "the API does not know the task") \
  X(RATE_LIMITED, RATE_LIMITED, SCOPE_ACCOUNT, true,                           \
    "the API limits the rate")                                                 \
  X(CLIENT_ERROR, CLIENT_ERROR, SCOPE_TASK, false,                             \
    "the API refuses the request")                                             \
  X(SERVER_ERROR, SERVER_ERROR, SCOPE_ACCOUNT, false, "the API has an error")  \
  X(UNAVAILABLE, SERVER_ERROR, SCOPE_ACCOUNT, true,                            \
    "the API is not available")                                                \
  X(TIMEOUT, TIMEOUT, SCOPE_ACCOUNT, false, "requests time out")               \
  X(RESOLVE, NETWORK, SCOPE_ACCOUNT, false, "the host name is not found")      \
  X(CONNECT, NETWORK, SCOPE_ACCOUNT, false, "no connection can be made")       \
  X(TLS, NETWORK, SCOPE_ACCOUNT, false, "TLS fails")                           \
  X(NETWORK, NETWORK, SCOPE_ACCOUNT, false, "connections break")               \
  X(INVALID, INVALID, SCOPE_TASK, false, "the answer is not understood")

enum outcome {
#define X(symbol, counter, scope, limits_account, text) OUTCOME_##symbol,
  OUTCOMES(X)
#undef X
      OUTCOME_COUNT
};

struct outcome_info {
  enum request_counter counter; /* the one that it is counted by */
  enum outcome_scope scope;
  bool limits_account;
  const char *text; /* of the trouble, for the log */
};

/* By enum outcome. */
extern const struct outcome_info outcome_info[OUTCOME_COUNT];

/* Whether the API does not take the key, be it for the one request only. */
bool outcome_is_refusal(enum outcome outcome);

/* By enum request_counter: the type instances. */
extern const char *const request_counter_name[REQUEST_COUNTER_COUNT];

/* The outcome of a whole HTTP answer by its status alone. 2xx is OK here: only
 * the decoder can tell whether the answer is a valid one. 1xx and 3xx are
 * INVALID: the API documents neither, and redirects are not followed, since
 * the key would travel along. */
enum outcome outcome_of_http_status(long status);

#endif
