/* SPDX-License-Identifier: MIT */
/* Memory, and texts in it. Without any the program ends: a test has nothing
 * better to do then. What these functions return is the caller's to free. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdarg.h>
#include <stddef.h>

/* The same, which may not be NULL: what an allocation has returned. */
void *memory_must(void *memory);

void *memory_zeroed(size_t size);

char *memory_text(const char *text);

/* Frees the field's text, and puts a copy of this one there. */
void memory_replace(char **field, const char *text);

char *memory_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
char *memory_format_arguments(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

#endif
