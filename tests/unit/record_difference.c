/* SPDX-License-Identifier: MIT */
#include "record_difference.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static bool is_same_number(double a, double b) {
  return a == b || (isnan(a) && isnan(b));
}

const char *record_difference(const struct task_record *a,
                              const struct task_record *b) {
#define COMPARE(member, is_same)                                               \
  do {                                                                         \
    if (!(is_same))                                                            \
      return #member;                                                          \
  } while (0)
#define COMPARE_VALUE(member) COMPARE(member, a->member == b->member)
#define COMPARE_TEXT(member) COMPARE(member, strcmp(a->member, b->member) == 0)
#define COMPARE_NUMBER(member)                                                 \
  COMPARE(member, is_same_number(a->member, b->member))
  COMPARE_VALUE(account);
  COMPARE_TEXT(id);
  COMPARE_TEXT(name);
  COMPARE_TEXT(type);
  COMPARE_VALUE(started);
  COMPARE_VALUE(listed);
  COMPARE_VALUE(unlisted);
  COMPARE_VALUE(state);
  COMPARE_VALUE(saw_pending);
  COMPARE_VALUE(changed);
  COMPARE_VALUE(confirmed);
  COMPARE_VALUE(run_id);
  COMPARE_TEXT(exception_reason);
  COMPARE_TEXT(message);
  COMPARE_NUMBER(media_duration);
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    COMPARE_NUMBER(fields[i]);
  COMPARE_VALUE(end_told);
  COMPARE_VALUE(stalled_told);
  return NULL;
}
