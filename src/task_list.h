/* SPDX-License-Identifier: MIT */
/* The tasks to follow, as the user lists them: checked, in their order, and
 * without duplicates. */
#ifndef TASK_LIST_H
#define TASK_LIST_H

#include <stddef.h>
#include <stdint.h>

#define TASK_ID_MAX 256 /* bytes */
/* Bytes of a name with its account prefix: collectd's name fields hold 128
 * with the terminator (DATA_MAX_NAME_LEN). */
#define TASK_NAME_MAX 127
#define TASK_TYPE_MAX 64 /* bytes */
#define TASK_TYPE_DEFAULT "project-setup"

struct task_definition {
  size_t account;   /* index of the account it belongs to */
  const char *id;   /* the API's task ID, printable ASCII */
  const char *name; /* plugin instance, with the account's prefix */
  const char *type; /* the API's path prefix */
  int64_t started;  /* when the task was created, milliseconds since the epoch;
                       0: not said */
};

/* A copy, in one piece of memory, to be freed as such; NULL when out of
 * memory. */
struct task_definition *
task_definition_copy(const struct task_definition *definition);

/* Each check returns NULL if the text is fine, or else what is wrong with it
 * (static text, to stand behind a colon). */
const char *task_id_check(const char *id);
const char *task_name_check(const char *name);
const char *task_type_check(const char *type);

/* Reads RFC 3339 ("2026-11-24T08:00:00Z", fractions and offsets allowed, leap
 * seconds not) or seconds since the epoch into milliseconds since the epoch,
 * more than 0. Returns NULL, or what is wrong; *milliseconds is unchanged
 * then. */
const char *task_time_parse(const char *text, int64_t *milliseconds);

/* The same for a number of seconds since the epoch. */
const char *task_time_from_seconds(double seconds, int64_t *milliseconds);

struct task_list;

/* NULL when out of memory. */
struct task_list *task_list_create(void);
void task_list_free(struct task_list *list);

/* What task_list_add returns, this very text, when out of memory. */
extern const char task_list_out_of_memory[];

/* Checks and appends a copy of the definition. A name may stand in the list
 * once, an ID once in an account. Returns NULL, or what is wrong; nothing is
 * added then. */
const char *task_list_add(struct task_list *list,
                          const struct task_definition *definition);

size_t task_list_count(const struct task_list *list);

/* The definition at index, less than the count. Belongs to the list. */
const struct task_definition *task_list_get(const struct task_list *list,
                                            size_t index);

#endif
