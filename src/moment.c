/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include <time.h>

static int64_t clock_now(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct moment moment_now(void) {
  return (struct moment){.wall = clock_now(CLOCK_REALTIME),
                         .steady = clock_now(CLOCK_MONOTONIC)};
}
