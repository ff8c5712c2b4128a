/* SPDX-License-Identifier: MIT */
#include "task_list.h"

#include "utf8.h"

#include <math.h>
#include <search.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* 9999-12-31T23:59:59Z, the last second that RFC 3339 can say. */
#define LAST_SECOND 253402300799.0
#define DATE_TIME_LENGTH 19 /* of 2026-11-24T08:00:00 */

const char task_list_out_of_memory[] = "out of memory";

struct task_list {
  struct task_definition **definitions;
  size_t count, capacity;
  void *by_name, *by_id; /* tsearch trees over definitions */
};

const char *task_id_check(const char *id) {
  size_t length = strlen(id);
  if (length == 0)
    return "the task ID is empty";
  if (length > TASK_ID_MAX)
    return "the task ID is longer than 256 bytes";
  /* they would climb in the URL's path, percent-encoded or not */
  if (strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
    return "the task ID is a relative path";
  for (const char *c = id; *c != '\0'; c++)
    if (*c <= ' ' || *c > '~')
      return "the task ID is not printable ASCII without white space";
  return NULL;
}

const char *task_name_check(const char *name) {
  size_t length = strlen(name);
  if (length == 0)
    return "the name is empty";
  if (length > TASK_NAME_MAX)
    return "the name, with its account's prefix, is longer than 127 bytes";
  if (!utf8_is_valid(name, length))
    return "the name is not valid UTF-8";
  if (utf8_has_control(name))
    return "the name holds a control character";
  /* collectd would turn it into an underscore, behind the user's back */
  if (strchr(name, '/') != NULL)
    return "the name holds a slash";
  return NULL;
}

const char *task_type_check(const char *type) {
  static const char wrong[] =
      "the type is not a path of at most 64 lower-case letters, digits, '-' "
      "and '/'";
  size_t length = strlen(type);
  if (length == 0 || length > TASK_TYPE_MAX ||
      strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789-/") != length)
    return wrong;
  if (type[0] == '/' || type[length - 1] == '/' || strstr(type, "//") != NULL)
    return wrong;
  return NULL;
}

const char *task_time_from_seconds(double seconds, int64_t *milliseconds) {
  if (!(seconds >= 0.001 && seconds <= LAST_SECOND))
    return "the time is out of range";
  *milliseconds = llround(seconds * 1000);
  return NULL;
}

/* The fraction behind the seconds, ".25", in milliseconds, and in *text what
 * follows it. */
static int64_t parse_fraction(const char **text) {
  int64_t milliseconds = 0, unit = 100;
  size_t digits = **text == '.' ? strspn(*text + 1, "0123456789") : 0;
  if (digits == 0)
    return 0;
  for (size_t i = 1; i <= digits; i++, unit /= 10)
    milliseconds += ((*text)[i] - '0') * unit;
  *text += digits + 1;
  return milliseconds;
}

/* An offset from UTC, "Z" or "+01:00", in seconds. */
static bool parse_offset(const char *text, long *seconds) {
  struct tm zone = {0};
  if (strcasecmp(text, "Z") == 0) {
    *seconds = 0;
    return true;
  }
  const char *end = strptime(text, "%z", &zone);
  *seconds = zone.tm_gmtoff;
  /* strptime takes other forms too, and offsets of days */
  return end != NULL && *end == '\0' && strlen(text) == strlen("+01:00") &&
         text[3] == ':' && labs(zone.tm_gmtoff) < 24L * 60 * 60;
}

static bool parse_rfc3339(const char *text, int64_t *milliseconds) {
  char start[DATE_TIME_LENGTH + 1] = "", again[DATE_TIME_LENGTH + 1];
  struct tm date = {0};
  long offset;
  strncpy(start, text, DATE_TIME_LENGTH);
  if (strlen(start) < DATE_TIME_LENGTH || strchr("Tt ", start[10]) == NULL)
    return false;
  start[10] = 'T';
  const char *end = strptime(start, "%Y-%m-%dT%H:%M:%S", &date);
  if (end == NULL || *end != '\0')
    return false;
  time_t seconds = timegm(&date);
  /* strptime takes 30 February and single digits, RFC 3339 does not; both take
   * leap seconds, which the epoch's seconds cannot tell, so we do not */
  if (strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%S", &date) == 0 ||
      strcmp(start, again) != 0)
    return false;

  const char *rest = text + DATE_TIME_LENGTH;
  int64_t fraction = parse_fraction(&rest);
  if (!parse_offset(rest, &offset))
    return false;
  int64_t time = ((int64_t)seconds - offset) * 1000 + fraction;
  if (time <= 0)
    return false;
  *milliseconds = time;
  return true;
}

const char *task_time_parse(const char *text, int64_t *milliseconds) {
  if (text[0] != '\0' && strspn(text, "0123456789.") == strlen(text)) {
    char *end;
    double seconds = strtod(text, &end);
    if (*end == '\0')
      return task_time_from_seconds(seconds, milliseconds);
  }
  if (!parse_rfc3339(text, milliseconds))
    return "the time is neither RFC 3339 (2026-11-24T08:00:00Z) nor seconds "
           "since the epoch, which it follows";
  return NULL;
}

static int compare_names(const void *left, const void *right) {
  const struct task_definition *a = left, *b = right;
  return strcmp(a->name, b->name);
}

static int compare_ids(const void *left, const void *right) {
  const struct task_definition *a = left, *b = right;
  if (a->account != b->account)
    return a->account < b->account ? -1 : 1;
  return strcmp(a->id, b->id);
}

struct task_definition *
task_definition_copy(const struct task_definition *definition) {
  size_t id_size = strlen(definition->id) + 1;
  size_t name_size = strlen(definition->name) + 1;
  size_t type_size = strlen(definition->type) + 1;
  struct task_definition *copy =
      malloc(sizeof(*copy) + id_size + name_size + type_size);
  if (copy == NULL)
    return NULL;
  char *texts = (char *)(copy + 1);
  *copy = *definition;
  copy->id = memcpy(texts, definition->id, id_size);
  copy->name = memcpy(texts + id_size, definition->name, name_size);
  copy->type = memcpy(texts + id_size + name_size, definition->type, type_size);
  return copy;
}

struct task_list *task_list_create(void) {
  return calloc(1, sizeof(struct task_list));
}

static void keep(void *node) { (void)node; }

void task_list_free(struct task_list *list) {
  if (list == NULL)
    return;
  tdestroy(list->by_name, keep);
  tdestroy(list->by_id, keep);
  for (size_t i = 0; i < list->count; i++)
    free(list->definitions[i]);
  free(list->definitions);
  free(list);
}

static bool make_room(struct task_list *list) {
  if (list->count < list->capacity)
    return true;
  size_t capacity = list->capacity == 0 ? 16 : list->capacity * 2;
  struct task_definition **definitions =
      realloc(list->definitions, capacity * sizeof(*definitions));
  if (definitions == NULL)
    return false;
  list->definitions = definitions;
  list->capacity = capacity;
  return true;
}

static const char *check(const struct task_list *list,
                         const struct task_definition *definition) {
  const char *problem;
  if ((problem = task_id_check(definition->id)) != NULL ||
      (problem = task_name_check(definition->name)) != NULL ||
      (problem = task_type_check(definition->type)) != NULL)
    return problem;
  if (tfind(definition, &list->by_id, compare_ids) != NULL)
    return "the task ID stands twice in its account";
  if (tfind(definition, &list->by_name, compare_names) != NULL)
    return "another task has the same name";
  return NULL;
}

const char *task_list_add(struct task_list *list,
                          const struct task_definition *definition) {
  const char *problem = check(list, definition);
  if (problem != NULL)
    return problem;
  struct task_definition *copy = task_definition_copy(definition);
  if (copy == NULL || !make_room(list))
    goto fail;
  if (tsearch(copy, &list->by_name, compare_names) == NULL)
    goto fail;
  if (tsearch(copy, &list->by_id, compare_ids) == NULL) {
    tdelete(copy, &list->by_name, compare_names);
    goto fail;
  }
  list->definitions[list->count++] = copy;
  return NULL;

fail:
  free(copy);
  return task_list_out_of_memory;
}

size_t task_list_count(const struct task_list *list) { return list->count; }

const struct task_definition *task_list_get(const struct task_list *list,
                                            size_t index) {
  return list->definitions[index];
}
