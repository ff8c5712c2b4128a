/* SPDX-License-Identifier: MIT */
/* How long to wait before asking again what has failed. */
#ifndef BACK_OFF_H
#define BACK_OFF_H

#include <stdint.h>

/* What is less than this is not waited for: as parts of the whole time. */
#define BACK_OFF_LEAST 0.75
#define BACK_OFF_MOST 0.95

/* The time to wait after so many failures in a row (at least 1): the interval
 * after the first, twice as long after each further one, at most maximum, but
 * never less than the interval; all in milliseconds. Less a jitter, so that
 * what failed together is not asked together again: dice, from 0 to below 1,
 * picks from BACK_OFF_LEAST to BACK_OFF_MOST of it. Since the polling goes in
 * rounds of an interval each, that makes the next round after the first
 * failure, even if it begins a little early. */
int64_t back_off(unsigned failures, int64_t interval, int64_t maximum,
                 double dice);

#endif
