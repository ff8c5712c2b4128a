/* SPDX-License-Identifier: MIT */
#include "file_contents.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void write_bytes(const char *file, const char *bytes, size_t size) {
  FILE *stream = fopen(file, "w");
  assert_non_null(stream);
  assert_int_equal(fwrite(bytes, 1, size, stream), size);
  assert_int_equal(fclose(stream), 0);
}

void write_text(const char *file, const char *text) {
  write_bytes(file, text, strlen(text));
}

const char *text_of(const char *file) {
  static char text[65536];
  FILE *stream = fopen(file, "r");
  size_t size = stream == NULL ? 0 : fread(text, 1, sizeof(text) - 1, stream);
  if (stream != NULL)
    fclose(stream);
  text[size] = '\0';
  return text;
}
