/* SPDX-License-Identifier: MIT */
/* Text as collectd and its writers can bear it: valid UTF-8 without control
 * characters. One invalid byte in a name makes Prometheus reject the whole
 * scrape, and a line feed in a notification's meta data adds a header line to
 * what the exec plugin's programs read. */
#ifndef UTF8_H
#define UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the size bytes at text are well-formed UTF-8 (RFC 3629: no overlong
 * form, no surrogate, nothing above U+10FFFF). A NUL byte counts as a
 * character. */
bool utf8_is_valid(const char *text, size_t size);

/* Whether valid UTF-8 text holds a control character (C0, DEL or C1). */
bool utf8_has_control(const char *text);

/* Puts a space in place of each control character of valid UTF-8 text. */
void utf8_blank_control(char *text);

/* Copies text of any bytes to a buffer of size bytes (at least 1) as valid
 * UTF-8 without control characters: a question mark stands for each byte that
 * is not well-formed, a space for a control character. */
void utf8_copy_any(char *buffer, size_t size, const char *text);

/* The length, at most limit, to which valid UTF-8 text can be cut without
 * cutting a character in two. */
size_t utf8_cut(const char *text, size_t limit);

/* Copies valid UTF-8 text to a buffer of size bytes (at least 1), cut at the
 * end of a character where it does not fit, and always terminated. */
void utf8_copy(char *buffer, size_t size, const char *text);

#endif
