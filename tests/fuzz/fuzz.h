/* SPDX-License-Identifier: MIT */
/* What the fuzzing harnesses share. Each harness takes any bytes by
 * LLVMFuzzerTestOneInput, and aborts where the code that it tries breaks its
 * word. It is run by libFuzzer (tests/fuzz.sh), and over its corpus by replay.c
 * at each "make check". */
#ifndef FUZZ_H
#define FUZZ_H

#include "../unit/fine_text.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A harness's, whose corpus is in tests/fuzz/corpus/NAME. */
extern const char fuzz_name[];
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition)                                                       \
  ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

__attribute__((noreturn)) static inline void
check_failed(const char *file, int line, const char *condition) {
  fprintf(stderr, "%s:%d: %s\n", file, line, condition);
  abort();
}

/* The text in a buffer of size bytes is terminated, and valid UTF-8 without
 * control characters. */
static inline void check_text(const char *text, size_t size) {
  CHECK(fine_text(text, size));
}

/* The same, and a secret, "" for none, does not stand in it. One with an
 * asterisk or a space in it may come about by the blanking itself, of secrets
 * and of control characters. */
static inline void check_secret_text(const char *text, size_t size,
                                     const char *secret) {
  check_text(text, size);
  CHECK(secret[0] == '\0' || strpbrk(secret, "* ") != NULL ||
        strstr(text, secret) == NULL);
}

/* Takes a line of the input, without its end, as a text, which ends at a NUL;
 * to be freed. The rest of the input is what follows the line. */
static inline char *take_line(const uint8_t **data, size_t *size) {
  const uint8_t *end = *size == 0 ? NULL : memchr(*data, '\n', *size);
  size_t length = end == NULL ? *size : (size_t)(end - *data);
  char *line = malloc(length + 1);
  CHECK(line != NULL);
  if (length > 0)
    memcpy(line, *data, length);
  line[length] = '\0';
  size_t taken = end == NULL ? length : length + 1;
  *data += taken;
  *size -= taken;
  return line;
}

#endif
