/* SPDX-License-Identifier: MIT */
/* A moment, by two clocks in milliseconds: the wall clock (since the epoch), by
 * which users say when a task was started and by which the state file goes, and
 * a steady one, by which all is measured: the wall clock may be set at any
 * time. */
#ifndef MOMENT_H
#define MOMENT_H

#include <stdint.h>

struct moment {
  int64_t wall, steady;
};

/* By the system's clocks. The tracker and its parts have no clock: they are
 * told the time. */
struct moment moment_now(void);

/* The same moment by the other clock, judged from now. */
static inline int64_t moment_to_steady(struct moment now, int64_t wall) {
  return now.steady - (now.wall - wall);
}

static inline int64_t moment_to_wall(struct moment now, int64_t steady) {
  return now.wall - (now.steady - steady);
}

#endif
