/* SPDX-License-Identifier: MIT */
#include "watched_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STAMP_STEP 2 /* seconds; the coarsest file system's, FAT's */

static const char out_of_memory[] = "out of memory";

struct watched_file {
  char *path;
  struct stat read; /* the file as it was when it was last read */
  bool is_known;    /* what has these stamps has what was read */
};

struct watched_file *watched_file_create(const char *path) {
  struct watched_file *file = calloc(1, sizeof(*file));
  if (file == NULL)
    return NULL;
  file->path = strdup(path);
  if (file->path == NULL) {
    free(file);
    return NULL;
  }
  return file;
}

void watched_file_free(struct watched_file *file) {
  if (file == NULL)
    return;
  free(file->path);
  free(file);
}

const char *watched_file_path(const struct watched_file *file) {
  return file->path;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b) {
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         a->st_size == b->st_size && a->st_mode == b->st_mode &&
         is_same_time(&a->st_mtim, &b->st_mtim) &&
         is_same_time(&a->st_ctim, &b->st_ctim);
}

/* Whether a change at now or later gets another stamp than this one. */
static bool is_past(const struct timespec *stamp, const struct timespec *now) {
  time_t last = now->tv_sec - STAMP_STEP;
  return stamp->tv_sec < last ||
         (stamp->tv_sec == last && stamp->tv_nsec <= now->tv_nsec);
}

/* Reads on to the end of the file, at most limit bytes. Returns NULL or what is
 * wrong; *text is unchanged then. */
static const char *read_bytes(int descriptor, uintmax_t expected, size_t limit,
                              char **text, size_t *size) {
  /* one more than expected, so that the end is met without more room */
  size_t capacity = expected < limit ? (size_t)expected + 1 : limit;
  size_t used = 0;
  char *bytes = malloc(capacity + 1);
  while (bytes != NULL) {
    ssize_t got =
        TEMP_FAILURE_RETRY(read(descriptor, bytes + used, capacity - used));
    if (got < 0) {
      const char *wrong = strerror(errno);
      free(bytes);
      return wrong;
    }
    used += (size_t)got;
    if (got == 0 || used == limit) {
      bytes[used] = '\0';
      *text = bytes;
      *size = used;
      return NULL;
    }
    if (used < capacity)
      continue;
    /* it has grown, or does not tell its size, as in /proc */
    capacity = capacity > limit / 2 ? limit : capacity * 2;
    char *larger = realloc(bytes, capacity + 1);
    if (larger == NULL)
      free(bytes);
    bytes = larger;
  }
  return out_of_memory;
}

/* Reads the open file if it may be another. Returns NULL or what is wrong. */
static const char *read_if_changed(struct watched_file *file, int descriptor,
                                   size_t limit, char **text, size_t *size) {
  struct timespec now;
  struct stat status;
  clock_gettime(CLOCK_REALTIME, &now);
  if (fstat(descriptor, &status) != 0)
    return strerror(errno);
  /* anything else could keep us waiting */
  if (!S_ISREG(status.st_mode))
    return "it is not a regular file";
  if (file->is_known && is_same_file(&file->read, &status))
    return NULL;
  const char *wrong =
      read_bytes(descriptor, (uintmax_t)status.st_size, limit, text, size);
  if (wrong != NULL)
    return wrong;
  file->read = status;
  /* Time stamps go in steps, so a second change may carry the same ones as the
   * first. What was changed so shortly before it was read is read again until
   * its stamps are old. */
  file->is_known =
      is_past(&status.st_mtim, &now) && is_past(&status.st_ctim, &now);
  return NULL;
}

const char *watched_file_read(struct watched_file *file, size_t limit,
                              char **text, size_t *size) {
  *text = NULL;
  *size = 0;
  const char *wrong;
  int descriptor =
      open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    wrong = strerror(errno);
  } else {
    wrong = read_if_changed(file, descriptor, limit, text, size);
    close(descriptor);
  }
  if (wrong != NULL)
    file->is_known = false;
  return wrong;
}

mode_t watched_file_mode(const struct watched_file *file) {
  return file->read.st_mode;
}

bool watched_file_is_settled(const struct watched_file *file) {
  return file->is_known;
}

void watched_file_expire(struct watched_file *file) { file->is_known = false; }
