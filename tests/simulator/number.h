/* SPDX-License-Identifier: MIT */
/* Numbers in texts, which hold nothing else. Each returns false, and leaves the
 * number alone, for what is none or is not from 0 to max. */
#ifndef NUMBER_H
#define NUMBER_H

#include <stdbool.h>
#include <stdint.h>

bool number_parse(const char *text, double max, double *number);

/* Of decimal digits alone. */
bool number_parse_integer(const char *text, uint64_t max, uint64_t *number);

#endif
