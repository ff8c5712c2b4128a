/* SPDX-License-Identifier: MIT */
#include "blob.h"

#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct blob *resize(struct blob *blob, size_t size) {
  blob = memory_must(realloc(blob, sizeof(*blob) + size + 1));
  blob->size = size;
  blob->data[size] = '\0';
  return blob;
}

struct blob *blob_new(const void *bytes, size_t size) {
  struct blob *blob = resize(NULL, size);
  blob->holders = 1;
  if (size > 0)
    memcpy(blob->data, bytes, size);
  return blob;
}

struct blob *blob_append(struct blob *blob, const void *bytes, size_t size) {
  size_t old_size = blob->size;
  blob = resize(blob, old_size + size);
  memcpy(blob->data + old_size, bytes, size);
  return blob;
}

struct blob *blob_read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return NULL;
  struct blob *blob = blob_new(NULL, 0);
  char part[16384];
  size_t size;
  while ((size = fread(part, 1, sizeof(part), file)) > 0)
    blob = blob_append(blob, part, size);
  int error = ferror(file) ? errno : 0;
  fclose(file);
  if (error == 0)
    return blob;
  blob_put(blob);
  errno = error;
  return NULL;
}

struct blob *blob_hold(struct blob *blob) {
  blob->holders++;
  return blob;
}

void blob_put(struct blob *blob) {
  if (blob != NULL && --blob->holders == 0)
    free(blob);
}

void blob_replace(struct blob **field, struct blob *blob) {
  struct blob *old = *field;
  *field = blob_hold(blob);
  blob_put(old);
}
