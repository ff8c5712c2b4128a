/* SPDX-License-Identifier: MIT */
/* The lines of a state file on tasks and accounts: records to JSON and back, by
 * tables of their members. state_file.h shows what they look like. */
#ifndef STATE_LINE_H
#define STATE_LINE_H

#include "task_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define STATE_LINE_WRONG_SIZE 160 /* bytes of what is wrong */

struct json_object; /* json-c's */

/* How an account and its fields are called in the file, in valid UTF-8 without
 * control characters. */
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

/* The text of a string; NULL if it is none or holds a NUL. */
const char *state_line_get_text(struct json_object *value);

/* Write the record's line, with its end, to the stream. Its texts, and
 * the account's, are valid UTF-8 without control characters. An error shows in
 * the stream. */
void state_line_put_task(FILE *stream, const struct state_account *account,
                         const struct task_record *record);
void state_line_put_account(FILE *stream, const struct state_account *account,
                            const struct account_record *record);

/* The same for a line that has only a number, under a key that is fine in JSON
 * as it is. */
void state_line_put_number(FILE *stream, const char *key, int64_t number);

/* Whether the account's line would have anything but its name. */
bool state_line_says_anything(const struct account_record *record);

/* Sets a number under a key in a line that has been read from a text of *length
 * bytes. Returns the line's new text, which belongs to it, and its *length;
 * NULL when out of memory. */
const char *state_line_with_number(struct json_object *line, size_t *length,
                                   const char *key, int64_t number);

#endif
