/* SPDX-License-Identifier: MIT */
#include "back_off.h"

int64_t back_off(unsigned failures, int64_t interval, int64_t maximum,
                 double dice) {
  int64_t wait = interval;
  while (--failures > 0 && wait < maximum)
    wait *= 2;
  if (wait > maximum)
    wait = maximum > interval ? maximum : interval;
  double part = BACK_OFF_LEAST + (BACK_OFF_MOST - BACK_OFF_LEAST) * dice;
  return (int64_t)((double)wait * part);
}
