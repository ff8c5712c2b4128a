/* SPDX-License-Identifier: MIT */
/* The states of a task: the one list of their names, codes and severities. To
 * add a state, add its line. */
#ifndef TASK_STATE_H
#define TASK_STATE_H

#include <stdbool.h>

/* How a state's arrival is told to people, as collectd's notifications have
 * it. */
enum severity {
  SEVERITY_NONE,
  SEVERITY_OKAY,
  SEVERITY_WARNING,
  SEVERITY_FAILURE
};

/* X(symbol, name, code, severity, final)
 *
 * name: the type instance of the metrics; the API's name is the same in
 *   capitals (docs.camb.ai, "Tasks and runs"), but for "unknown", which is
 *   this plugin's word for "no valid answer yet".
 * code: the value of gauge-status. From 2 on, the setup has failed: collectd's
 *   thresholds need every bad code above every good one.
 * final: the API never changes such a state again, so nobody asks. */
#define TASK_STATES(X)                                                         \
  X(UNKNOWN, "unknown", -1, SEVERITY_NONE, false)                              \
  X(PENDING, "pending", 1, SEVERITY_NONE, false)                               \
  X(SUCCESS, "success", 0, SEVERITY_OKAY, true)                                \
  X(ERROR, "error", 2, SEVERITY_FAILURE, true)                                 \
  X(TIMEOUT, "timeout", 3, SEVERITY_FAILURE, true)                             \
  X(PAYMENT_REQUIRED, "payment_required", 4, SEVERITY_FAILURE, true)

enum task_state {
#define X(symbol, name, code, severity, final) TASK_##symbol,
  TASK_STATES(X)
#undef X
      TASK_STATE_COUNT
};

struct task_state_info {
  const char *name;
  int code;
  enum severity severity;
  bool final;
};

/* What the list says of each state, by its enum task_state. */
extern const struct task_state_info task_state_info[TASK_STATE_COUNT];

#endif
