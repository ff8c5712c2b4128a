/* SPDX-License-Identifier: MIT */
/* For tests of what reads and writes files. What fails here fails the test. */
#ifndef FILE_CONTENTS_H
#define FILE_CONTENTS_H

#include <stddef.h>

/* Makes this what is in the file, in place if there is one. */
void write_bytes(const char *file, const char *bytes, size_t size);
void write_text(const char *file, const char *text);

/* What is in the file, "" if there is none; until the next call. */
const char *text_of(const char *file);

#endif
