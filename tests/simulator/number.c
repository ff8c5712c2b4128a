/* SPDX-License-Identifier: MIT */
#include "number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

bool number_parse(const char *text, double max, double *number) {
  char *end;
  errno = 0;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || errno != 0 ||
      !(value >= 0 && value <= max))
    return false;
  *number = value;
  return true;
}

bool number_parse_integer(const char *text, uint64_t max, uint64_t *number) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 ||
      value > max)
    return false;
  *number = value;
  return true;
}
