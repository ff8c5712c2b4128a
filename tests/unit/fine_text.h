/* SPDX-License-Identifier: MIT */
#ifndef FINE_TEXT_H
#define FINE_TEXT_H

#include "utf8.h"

#include <stdbool.h>
#include <string.h>

/* Whether the text in a buffer of so many bytes ends in it, and is valid UTF-8
 * without control characters. */
static inline bool fine_text(const char *text, size_t size) {
  size_t length = strnlen(text, size);
  return length < size && utf8_is_valid(text, length) &&
         !utf8_has_control(text);
}

#endif
