/* SPDX-License-Identifier: MIT */
/* Time in microseconds; a moment is one of the steady clock. */
#ifndef USEC_H
#define USEC_H

#include <stdint.h>
#include <time.h>

typedef int64_t usec;

#define USEC_SECOND ((usec)1000000)
#define USEC_NEVER INT64_MAX
#define USEC_UNSET ((usec)-1)

static inline usec usec_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (usec)time.tv_sec * USEC_SECOND + time.tv_nsec / 1000;
}

#endif
