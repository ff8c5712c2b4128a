/* SPDX-License-Identifier: MIT */
/* Bytes of any kind, which several may hold: a body of MiBs is kept once,
 * however many requests send it. */
#ifndef BLOB_H
#define BLOB_H

#include <stddef.h>

struct blob {
  size_t holders;
  size_t size;
  char data[]; /* a NUL follows the bytes */
};

/* A copy of these bytes, with one holder. */
struct blob *blob_new(const void *bytes, size_t size);

/* The same with more bytes at its end, in place of the one that is given, which
 * has one holder. */
struct blob *blob_append(struct blob *blob, const void *bytes, size_t size);

/* What the file holds, or NULL with errno. */
struct blob *blob_read_file(const char *path);

/* One more holder, who is to put it back. */
struct blob *blob_hold(struct blob *blob);

/* Frees it with its last holder; NULL is fine. */
void blob_put(struct blob *blob);

/* Puts back what the field holds, and lets it hold this one, too. */
void blob_replace(struct blob **field, struct blob *blob);

#endif
