/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_must(void *memory) {
  if (memory == NULL) {
    fputs("camb_api_simulator: out of memory\n", stderr);
    abort();
  }
  return memory;
}

void *memory_zeroed(size_t size) { return memory_must(calloc(1, size)); }

char *memory_text(const char *text) { return memory_must(strdup(text)); }

void memory_replace(char **field, const char *text) {
  free(*field);
  *field = memory_text(text);
}

char *memory_format_arguments(const char *format, va_list arguments) {
  char *text;
  return memory_must(vasprintf(&text, format, arguments) < 0 ? NULL : text);
}

char *memory_format(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = memory_format_arguments(format, arguments);
  va_end(arguments);
  return text;
}
