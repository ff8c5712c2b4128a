/* SPDX-License-Identifier: MIT */
/* What the API was asked, all tasks together. */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <json-c/json.h>
#include <stdint.h>

enum { COUNTERS_STATUS_MAX = 999 };

/* How many there are, and the most that there were at once. */
struct gauge {
  uint64_t now, peak;
};

void counters_rise(struct gauge *gauge);

/* All zero at first. What ends is counted by whoever sees it end. */
struct counters {
  uint64_t requests;
  uint64_t unauthorized; /* of them, those without a good key */
  uint64_t unanswered;   /* and those that got no whole answer */
  uint64_t statuses[COUNTERS_STATUS_MAX + 1];
  struct gauge in_flight;
  uint64_t connections;             /* over which requests came */
  struct gauge open;                /* of them */
  char *last_request;               /* its method and URI, or NULL */
  struct json_object *last_headers; /* or NULL */
};

/* A request comes in: its headers are taken over. */
void counters_request(struct counters *counters, const char *method,
                      const char *uri, struct json_object *headers);

/* Sets them in an object. */
void counters_report(const struct counters *counters,
                     struct json_object *report);

/* Zeroes what counts; what is going on now stays, and so does the last
 * request. */
void counters_reset(struct counters *counters);

/* Frees what they hold. */
void counters_clear(struct counters *counters);

#endif
