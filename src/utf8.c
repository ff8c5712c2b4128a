/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <string.h>

#define ASCII_LAST 0x7F
#define C1_LEAD 0xC2 /* lead byte of U+0080 to U+00BF */

/* The forms of RFC 3629, section 4, but for ASCII: what the lead byte says of
 * the length and of the second byte; all further bytes are 0x80 to 0xBF. */
static const struct form {
  unsigned char lead_first, lead_last, second_first, second_last;
  size_t length;
} forms[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3},
    {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

static bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

static size_t long_character_length(const unsigned char *text, size_t size) {
  for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
    const struct form *form = &forms[i];
    if (text[0] < form->lead_first || text[0] > form->lead_last)
      continue;
    if (size < form->length || text[1] < form->second_first ||
        text[1] > form->second_last)
      return 0;
    for (size_t k = 2; k < form->length; k++)
      if (!is_continuation(text[k]))
        return 0;
    return form->length;
  }
  return 0;
}

/* The length of the character at text, 0 if it is not well-formed. */
static size_t character_length(const unsigned char *text, size_t size) {
  return text[0] <= ASCII_LAST ? 1 : long_character_length(text, size);
}

bool utf8_is_valid(const char *text, size_t size) {
  const unsigned char *bytes = (const unsigned char *)text;
  for (size_t i = 0; i < size;) {
    size_t length = character_length(bytes + i, size - i);
    if (length == 0)
      return false;
    i += length;
  }
  return true;
}

/* The length of the control character at text, 0 if there is none. */
static size_t control_length(const char *text) {
  const unsigned char *bytes = (const unsigned char *)text;
  if ((bytes[0] < 0x20 && bytes[0] != 0) || bytes[0] == 0x7F)
    return 1;
  if (bytes[0] == C1_LEAD && bytes[1] >= 0x80 && bytes[1] <= 0x9F)
    return 2;
  return 0;
}

bool utf8_has_control(const char *text) {
  for (; *text != '\0'; text++)
    if (control_length(text) > 0)
      return true;
  return false;
}

void utf8_blank_control(char *text) {
  char *to = text;
  while (*text != '\0') {
    size_t length = control_length(text);
    if (length > 0)
      *to++ = ' ';
    else
      *to++ = *text;
    text += length > 0 ? length : 1;
  }
  *to = '\0';
}

size_t utf8_cut(const char *text, size_t limit) {
  size_t length = strnlen(text, limit + 1);
  if (length <= limit)
    return length;
  length = limit;
  while (length > 0 && is_continuation((unsigned char)text[length]))
    length--;
  return length;
}

void utf8_copy(char *buffer, size_t size, const char *text) {
  size_t length = utf8_cut(text, size - 1);
  memcpy(buffer, text, length);
  buffer[length] = '\0';
}

void utf8_copy_any(char *buffer, size_t size, const char *text) {
  const unsigned char *bytes = (const unsigned char *)text;
  size_t left = strlen(text), to = 0;
  while (left > 0) {
    size_t length = character_length(bytes, left);
    size_t taken = length > 0 ? length : 1;
    if (to + taken > size - 1)
      break;
    if (length > 0)
      memcpy(buffer + to, bytes, length);
    else
      buffer[to] = '?';
    to += taken;
    bytes += taken;
    left -= taken;
  }
  buffer[to] = '\0';
  utf8_blank_control(buffer);
}
