/* SPDX-License-Identifier: MIT */
#include "api_key.h"

#include "watched_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WHITE_SPACE " \t\r\v\f"
#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* which some editors write */
#define PATH_SHOWN_MAX 160             /* bytes of a path in a message */

struct api_key {
  char *value;               /* NULL: none yet */
  struct watched_file *file; /* NULL: the value was given directly */
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
    key->file = watched_file_create(path);
  if (key->value == NULL && key->file == NULL) {
    free(key);
    return NULL;
  }
  return key;
}

void api_key_free(struct api_key *key) {
  if (key == NULL)
    return;
  free(key->value);
  watched_file_free(key->file);
  free(key);
}

/* Finds the first line, without white space around it, in what was read of the
 * file, and ends it there. Returns NULL or what is wrong. */
static const char *first_line(char *text, size_t size, char **line) {
  char *end = memchr(text, '\n', size);
  if (end == NULL && size == API_KEY_MAX)
    return "its first line is too long";
  if (end == NULL)
    end = text + size;
  if (memchr(text, '\0', (size_t)(end - text)) != NULL)
    return control_character;
  while (end > text && strchr(WHITE_SPACE, end[-1]) != NULL)
    end--;
  *end = '\0';
  if (strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
    text += strlen(BYTE_ORDER_MARK);
  *line = text + strspn(text, WHITE_SPACE);
  return api_key_check(*line);
}

/* Takes the key from what was read of its file. Returns NULL or what is
 * wrong. */
static const char *take(struct api_key *key, char *text, size_t size,
                        bool *changed) {
  char *line;
  const char *wrong = first_line(text, size, &line);
  if (wrong != NULL)
    return wrong;
  if (key->value != NULL && strcmp(key->value, line) == 0)
    return NULL;
  char *value = strdup(line);
  if (value == NULL)
    return "out of memory";
  free(key->value);
  key->value = value;
  *changed = true;
  return NULL;
}

bool api_key_refresh(struct api_key *key, char problem[API_KEY_PROBLEM_SIZE]) {
  bool changed = false;
  char *text;
  size_t size;
  problem[0] = '\0';
  if (key->file == NULL)
    return false;
  const char *wrong = watched_file_read(key->file, API_KEY_MAX, &text, &size);
  if (text != NULL)
    wrong = take(key, text, size, &changed);
  free(text);
  mode_t mode = watched_file_mode(key->file);
  if (wrong != NULL) {
    /* so that it is said again as long as it is so */
    watched_file_expire(key->file);
    snprintf(problem, API_KEY_PROBLEM_SIZE, "key file %.*s: %s", PATH_SHOWN_MAX,
             watched_file_path(key->file), wrong);
  } else if ((mode & S_IROTH) != 0) {
    snprintf(problem, API_KEY_PROBLEM_SIZE,
             "key file %.*s: others can read it (mode %04o)", PATH_SHOWN_MAX,
             watched_file_path(key->file), (unsigned)mode & 07777);
  }
  return changed;
}

void api_key_expire(struct api_key *key) {
  if (key->file != NULL)
    watched_file_expire(key->file);
}

const char *api_key_value(const struct api_key *key) { return key->value; }
