/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include "memory.h"
#include "object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void counters_rise(struct gauge *gauge) {
  if (++gauge->now > gauge->peak)
    gauge->peak = gauge->now;
}

void counters_request(struct counters *counters, const char *method,
                      const char *uri, struct json_object *headers) {
  counters->requests++;
  counters_rise(&counters->in_flight);
  counters_clear(counters);
  counters->last_request = memory_format("%s %s", method, uri);
  counters->last_headers = headers;
}

static struct json_object *gauge_report(const struct gauge *gauge,
                                        const char *now) {
  struct json_object *report = object_new();
  object_set_count(report, now, gauge->now);
  object_set_count(report, "peak", gauge->peak);
  return report;
}

static struct json_object *statuses_report(const uint64_t *statuses) {
  struct json_object *report = object_new();
  for (unsigned status = 0; status <= COUNTERS_STATUS_MAX; status++) {
    char key[16];
    if (statuses[status] == 0)
      continue;
    snprintf(key, sizeof(key), "%u", status);
    object_set_count(report, key, statuses[status]);
  }
  return report;
}

void counters_report(const struct counters *counters,
                     struct json_object *report) {
  struct json_object *connections = gauge_report(&counters->open, "open");
  object_set_count(connections, "total", counters->connections);
  object_set_count(report, "requests", counters->requests);
  object_set(report, "connections", connections);
  object_set(report, "in_flight", gauge_report(&counters->in_flight, "now"));
  object_set(report, "statuses", statuses_report(counters->statuses));
  object_set_count(report, "unauthorized", counters->unauthorized);
  object_set_count(report, "unanswered", counters->unanswered);
  object_set_text(report, "last_request", counters->last_request);
  object_set(report, "last_headers", json_object_get(counters->last_headers));
}

void counters_reset(struct counters *counters) {
  memset(counters->statuses, 0, sizeof(counters->statuses));
  counters->requests = counters->unauthorized = counters->unanswered = 0;
  counters->connections = 0;
  counters->in_flight.peak = counters->in_flight.now;
  counters->open.peak = counters->open.now;
}

void counters_clear(struct counters *counters) {
  free(counters->last_request);
  json_object_put(counters->last_headers);
}
