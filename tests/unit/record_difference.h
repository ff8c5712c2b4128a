/* SPDX-License-Identifier: MIT */
/* For tests of what is kept of a task. */
#ifndef RECORD_DIFFERENCE_H
#define RECORD_DIFFERENCE_H

#include "task_record.h"

/* The name of a member that the two do not have alike, NULL if there is none.
 * Numbers that are not known (NAN) are alike. Allocates nothing. */
const char *record_difference(const struct task_record *a,
                              const struct task_record *b);

#endif
