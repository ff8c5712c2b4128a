/* SPDX-License-Identifier: MIT */
/* The lines of a state file on tasks and accounts: records to JSON objects and
 * back, by tables of their members. state_file.h shows what they look like. */
#ifndef STATE_LINE_H
#define STATE_LINE_H

#include "task_record.h"

#include <stdbool.h>
#include <stddef.h>

#define STATE_LINE_WRONG_SIZE 160 /* bytes with the terminator */

struct json_object; /* json-c's */

/* How an account and its fields are called in the file, in valid UTF-8. */
struct state_account {
  const char *name;
  const char *const *pointers; /* of its fields, in the order of the records' */
  size_t pointer_count;        /* at most STATUS_FIELDS_MAX */
};

/* Fills the record, but for its account, with what the line has, and the other
 * members with nothing. account: NULL for one that is not configured, whose
 * fields are not read. Returns false and says in wrong what is the matter. */
bool state_line_get_task(struct json_object *line,
                         const struct state_account *account,
                         struct task_record *record,
                         char wrong[STATE_LINE_WRONG_SIZE]);
bool state_line_get_account(struct json_object *line,
                            struct account_record *record,
                            char wrong[STATE_LINE_WRONG_SIZE]);

/* The text of a string, which belongs to it; NULL if it is none or holds a
 * NUL. */
const char *state_line_get_text(struct json_object *value);

/* Add the record's members to an empty line. Return false when out of memory,
 * with some of them added. */
bool state_line_add_task(struct json_object *line,
                         const struct state_account *account,
                         const struct task_record *record);
bool state_line_add_account(struct json_object *line,
                            const struct state_account *account,
                            const struct account_record *record);

/* Adds a number under a key that the line has not, and that stays where it is.
 * Returns false when out of memory. */
bool state_line_add_number(struct json_object *line, const char *key,
                           int64_t number);

/* Whether the account's line would have anything but its name. */
bool state_line_says_anything(const struct account_record *record);

/* The line as text of *length bytes, which belongs to it; NULL when out of
 * memory. There has to be room for it. */
const char *state_line_format(struct json_object *line, size_t *length);

/* Gives the text of an empty line room for any line of these accounts: json-c
 * (0.16) keeps the room, but would not say if there were none, and leave out
 * what does not fit. Returns false when out of memory. */
bool state_line_make_room(struct json_object *line,
                          const struct state_account *accounts,
                          size_t account_count);

/* Sets a number under a key in a line that has been read from a text of length
 * bytes, and gives that line's text room. Returns false when out of memory. */
bool state_line_replace_number(struct json_object *line, size_t length,
                               const char *key, int64_t number);

#endif
