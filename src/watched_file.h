/* SPDX-License-Identifier: MIT */
/* A file that is read again when it has changed. */
#ifndef WATCHED_FILE_H
#define WATCHED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct watched_file;

/* Copies path. The file is not looked at yet. NULL when out of memory. */
struct watched_file *watched_file_create(const char *path);
void watched_file_free(struct watched_file *file);

/* The path as it was given. Valid as long as the file. */
const char *watched_file_path(const struct watched_file *file);

/* Looks at the file and, if it may be another than the one read last, reads its
 * first limit bytes (limit is less than SIZE_MAX). Only regular files are read,
 * so that nothing keeps the caller waiting. Returns NULL, or what is wrong, to
 * stand behind the path and a colon (static, or strerror's); the next call
 * reads the file whatever it looks like then.
 * *text: the bytes and a NUL behind them, the caller's to free; NULL if they
 * need not be read again or can't be. That they were read does not say that
 * they are others than before. *size: how many, without the NUL. */
const char *watched_file_read(struct watched_file *file, size_t limit,
                              char **text, size_t *size);

/* The mode, with the file type, of the file as it was read last; 0 before. */
mode_t watched_file_mode(const struct watched_file *file);

/* Whether the file as it was read last had been left alone for some time
 * (seconds) by then, so that nobody seems to be writing it. */
bool watched_file_is_settled(const struct watched_file *file);

/* Lets the next call read the file even if it seems unchanged. */
void watched_file_expire(struct watched_file *file);

#endif
