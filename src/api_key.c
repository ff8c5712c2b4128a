/* SPDX-License-Identifier: MIT */
#include "api_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SHOWN_MAX 160 /* bytes of a path in a message */

struct api_key {
  char *value;      /* NULL: none yet */
  char *path;       /* NULL: the value was given directly */
  struct stat read; /* the file as it was when it was last read */
  bool is_read;     /* the file in read holds value */
};

static const char control_character[] = "the key holds a control character";

const char *api_key_check(const char *value) {
  /* libcurl sends no header at all for a value without anything in it */
  if (value[strspn(value, " ")] == '\0')
    return "the key is empty";
  for (const unsigned char *c = (const unsigned char *)value; *c != '\0'; c++)
    if (*c < 0x20 || *c == 0x7F)
      return control_character;
  return NULL;
}

struct api_key *api_key_create(const char *value, const char *path) {
  struct api_key *key = calloc(1, sizeof(*key));
  if (key == NULL)
    return NULL;
  if (value != NULL)
    key->value = strdup(value);
  else
    key->path = strdup(path);
  if (key->value == NULL && key->path == NULL) {
    free(key);
    return NULL;
  }
  return key;
}

void api_key_free(struct api_key *key) {
  if (key == NULL)
    return;
  free(key->value);
  free(key->path);
  free(key);
}

/* Reads the first line of the file, without white space around it, into line.
 * Returns NULL or what is wrong. */
static const char *read_line(int file, char line[API_KEY_MAX + 1]) {
  size_t size = 0;
  ssize_t got;
  while (size < API_KEY_MAX &&
         (got = read(file, line + size, API_KEY_MAX - size)) != 0) {
    if (got < 0)
      return strerror(errno);
    size += (size_t)got;
  }
  line[size] = '\0';
  char *end = memchr(line, '\n', size);
  if (end == NULL && size == API_KEY_MAX)
    return "its first line is too long";
  if (end == NULL)
    end = line + size;
  if (memchr(line, '\0', (size_t)(end - line)) != NULL)
    return control_character;
  while (end > line && strchr(" \t\r\v\f", end[-1]) != NULL)
    end--;
  *end = '\0';
  char *start = line + strspn(line, " \t\r\v\f");
  memmove(line, start, strlen(start) + 1);
  return api_key_check(line);
}

static bool is_same_file(const struct stat *a, const struct stat *b) {
  return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
         a->st_size == b->st_size && a->st_mode == b->st_mode &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
         a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Takes line as the key. Returns false if it is the same as before, or when out
 * of memory. */
static bool take(struct api_key *key, const char *line) {
  if (key->value != NULL && strcmp(key->value, line) == 0)
    return false;
  char *value = strdup(line);
  if (value == NULL)
    return false;
  free(key->value);
  key->value = value;
  return true;
}

/* Reads the key from the open file. Returns NULL or what is wrong. */
static const char *read_key(struct api_key *key, int file, bool *changed) {
  struct stat status;
  if (fstat(file, &status) != 0)
    return strerror(errno);
  /* anything else could keep us waiting */
  if (!S_ISREG(status.st_mode))
    return "it is not a regular file";
  if (key->is_read && is_same_file(&key->read, &status))
    return NULL;
  char line[API_KEY_MAX + 1];
  const char *wrong = read_line(file, line);
  if (wrong == NULL) {
    *changed = take(key, line);
    key->read = status;
  }
  key->is_read = wrong == NULL;
  return wrong;
}

bool api_key_refresh(struct api_key *key, char problem[API_KEY_PROBLEM_SIZE]) {
  bool changed = false;
  problem[0] = '\0';
  if (key->path == NULL)
    return false;
  int file = open(key->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  const char *wrong =
      file < 0 ? strerror(errno) : read_key(key, file, &changed);
  if (wrong != NULL)
    snprintf(problem, API_KEY_PROBLEM_SIZE, "key file %.*s: %s", PATH_SHOWN_MAX,
             key->path, wrong);
  else if ((key->read.st_mode & S_IROTH) != 0)
    snprintf(problem, API_KEY_PROBLEM_SIZE,
             "key file %.*s: others can read it (mode %04o)", PATH_SHOWN_MAX,
             key->path, (unsigned)key->read.st_mode & 07777);
  if (file >= 0)
    close(file);
  return changed;
}

const char *api_key_value(const struct api_key *key) { return key->value; }
