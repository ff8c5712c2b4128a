/* SPDX-License-Identifier: MIT */
#include "state_line.h"

#include "json_reader.h"
#include "utf8.h"

#include <json-c/json.h>

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_LAST 253402300799999LL /* of the year 9999 */
#define ESCAPED_MAX 6               /* bytes for one byte, as \u00XX */
#define MEMBER_ROOM 64              /* bytes of a member but for its text */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- The members ---------------------------------------------------------- */

enum member_kind {
  MEMBER_TEXT,
  MEMBER_TIME,
  MEMBER_FLAG,
  MEMBER_STATE,
  MEMBER_RUN_ID,
  MEMBER_DURATION
};

struct member {
  const char *key;
  enum member_kind kind;
  size_t offset, size;                /* in the record */
  const char *nothing;                /* the text that is left out */
  const char *(*check)(const char *); /* NULL: any text will do */
};

#define MEMBER(record, key, kind, member, ...)                                 \
  {                                                                            \
    key, MEMBER_##kind, offsetof(struct record, member),                       \
        sizeof(((struct record *)NULL)->member), __VA_ARGS__                   \
  }

static const struct member task_members[] = {
#define TASK(key, kind, member, ...)                                           \
  MEMBER(task_record, key, kind, member, __VA_ARGS__)
    TASK("task", TEXT, id, "", task_id_check),
    TASK("type", TEXT, type, TASK_TYPE_DEFAULT, task_type_check),
    TASK("name", TEXT, name, "", task_name_check),
    TASK("started", TIME, started, "", NULL),
    TASK("listed", TIME, listed, "", NULL),
    TASK("unlisted", TIME, unlisted, "", NULL),
    TASK("state", STATE, state, "", NULL),
    TASK("saw_pending", FLAG, saw_pending, "", NULL),
    TASK("changed", TIME, changed, "", NULL),
    TASK("confirmed", TIME, confirmed, "", NULL),
    TASK("run_id", RUN_ID, run_id, "", NULL),
    TASK("exception_reason", TEXT, exception_reason, "", NULL),
    TASK("message", TEXT, message, "", NULL),
    TASK("media_duration", DURATION, media_duration, "", NULL),
    TASK("refused", FLAG, is_refused, "", NULL),
    TASK("end_told", FLAG, end_told, "", NULL),
    TASK("stalled_told", FLAG, stalled_told, "", NULL),
#undef TASK
};

static const struct member account_members[] = {
#define ACCOUNT(key, kind, member)                                             \
  MEMBER(account_record, key, kind, member, "", NULL)
    ACCOUNT("key_rejected", FLAG, key_rejected),
    ACCOUNT("blind", FLAG, blind),
    ACCOUNT("held_until", TIME, held_until),
#undef ACCOUNT
};

/* What a record holds of a member, by the member's kind. */
union member_value {
  const void *any;
  const char *text;
  const int64_t *number;
  const bool *flag;
  const enum task_state *state;
  const double *duration;
};

static union member_value member_of(const struct member *member,
                                    const void *record) {
  return (union member_value){.any = (const char *)record + member->offset};
}

static bool says_nothing(const struct member *member, const void *record) {
  union member_value value = member_of(member, record);
  switch (member->kind) {
  case MEMBER_TEXT:
    return strcmp(value.text, member->nothing) == 0;
  case MEMBER_TIME:
    return *value.number == 0;
  case MEMBER_FLAG:
    return !*value.flag;
  case MEMBER_STATE:
    return *value.state == TASK_UNKNOWN;
  case MEMBER_RUN_ID:
    return *value.number == STATUS_RUN_ID_NONE;
  case MEMBER_DURATION:
    return !(*value.duration >= 0 && isfinite(*value.duration));
  }
  return true;
}

/* The member as JSON, NULL when out of memory. */
static struct json_object *to_json(const struct member *member,
                                   const void *record) {
  union member_value value = member_of(member, record);
  switch (member->kind) {
  case MEMBER_TEXT:
    return json_object_new_string(value.text);
  case MEMBER_TIME:
  case MEMBER_RUN_ID:
    return json_object_new_int64(*value.number);
  case MEMBER_FLAG:
    return json_object_new_boolean(*value.flag);
  case MEMBER_STATE:
    return json_object_new_string(task_state_info[*value.state].name);
  case MEMBER_DURATION:
    return json_object_new_double(*value.duration);
  }
  return NULL;
}

/* Says in wrong what is the matter with a line. Returns false. */
__attribute__((format(printf, 2, 3))) static bool
refuse(char wrong[STATE_LINE_WRONG_SIZE], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(wrong, STATE_LINE_WRONG_SIZE, format, arguments);
  va_end(arguments);
  return false;
}

const char *state_line_get_text(struct json_object *value) {
  if (!json_object_is_type(value, json_type_string))
    return NULL;
  const char *text = json_object_get_string(value);
  size_t length = (size_t)json_object_get_string_len(value);
  return strlen(text) == length ? text : NULL;
}

static bool load_text(const struct member *member, struct json_object *value,
                      char *to, char wrong[STATE_LINE_WRONG_SIZE]) {
  const char *text = state_line_get_text(value);
  if (text == NULL)
    return refuse(wrong, "\"%s\" is not a text", member->key);
  const char *problem = member->check == NULL ? NULL : member->check(text);
  if (problem != NULL)
    return refuse(wrong, "%s", problem);
  utf8_copy_any(to, member->size, text);
  return true;
}

static bool load_time(const struct member *member, struct json_object *value,
                      int64_t *to, char wrong[STATE_LINE_WRONG_SIZE]) {
  *to = json_object_get_int64(value);
  if (!json_object_is_type(value, json_type_int) || *to < 0 || *to > TIME_LAST)
    return refuse(wrong, "\"%s\" is not a time", member->key);
  return true;
}

static bool load_flag(const struct member *member, struct json_object *value,
                      bool *to, char wrong[STATE_LINE_WRONG_SIZE]) {
  if (!json_object_is_type(value, json_type_boolean))
    return refuse(wrong, "\"%s\" is neither true nor false", member->key);
  *to = json_object_get_boolean(value);
  return true;
}

static bool load_state(const struct member *member, struct json_object *value,
                       enum task_state *to, char wrong[STATE_LINE_WRONG_SIZE]) {
  const char *text = state_line_get_text(value);
  for (int i = 0; text != NULL && i < TASK_STATE_COUNT; i++)
    if (strcmp(text, task_state_info[i].name) == 0) {
      *to = (enum task_state)i;
      return true;
    }
  return refuse(wrong, "\"%s\" is not a state", member->key);
}

static bool load_run_id(const struct member *member, struct json_object *value,
                        int64_t *to, char wrong[STATE_LINE_WRONG_SIZE]) {
  *to = json_object_get_int64(value);
  /* json-c gives the nearest number for one that is too large */
  if (!json_object_is_type(value, json_type_int) ||
      (*to == INT64_MAX && json_object_get_uint64(value) != INT64_MAX))
    return refuse(wrong, "\"%s\" is not a whole number", member->key);
  return true;
}

static bool load_duration(const struct member *member,
                          struct json_object *value, double *to,
                          char wrong[STATE_LINE_WRONG_SIZE]) {
  *to = json_reader_number(value);
  if (!(*to >= 0))
    return refuse(wrong, "\"%s\" is not a duration", member->key);
  return true;
}

static bool load_member(const struct member *member, struct json_object *value,
                        void *record, char wrong[STATE_LINE_WRONG_SIZE]) {
  void *to = (char *)record + member->offset;
  switch (member->kind) {
  case MEMBER_TEXT:
    return load_text(member, value, to, wrong);
  case MEMBER_TIME:
    return load_time(member, value, to, wrong);
  case MEMBER_FLAG:
    return load_flag(member, value, to, wrong);
  case MEMBER_STATE:
    return load_state(member, value, to, wrong);
  case MEMBER_RUN_ID:
    return load_run_id(member, value, to, wrong);
  case MEMBER_DURATION:
    return load_duration(member, value, to, wrong);
  }
  return false;
}

/* Fills the record with those members that the line has. */
static bool load_members(const struct member *members, size_t count,
                         struct json_object *line, void *record,
                         char wrong[STATE_LINE_WRONG_SIZE]) {
  struct json_object *value;
  for (size_t i = 0; i < count; i++)
    if (json_object_object_get_ex(line, members[i].key, &value) &&
        !load_member(&members[i], value, record, wrong))
      return false;
  return true;
}

/* --- Reading -------------------------------------------------------------- */

/* Fills the record with the numbers of the account's fields. */
static bool load_fields(const struct state_account *account,
                        struct json_object *line, struct task_record *record,
                        char wrong[STATE_LINE_WRONG_SIZE]) {
  struct json_object *fields, *value;
  if (account == NULL || !json_object_object_get_ex(line, "fields", &fields))
    return true;
  if (!json_object_is_type(fields, json_type_object))
    return refuse(wrong, "\"fields\" is not an object");
  for (size_t i = 0; i < account->pointer_count; i++) {
    if (!json_object_object_get_ex(fields, account->pointers[i], &value))
      continue;
    record->fields[i] = json_reader_number(value);
    if (isnan(record->fields[i]))
      return refuse(wrong, "one of \"fields\" is not a number");
  }
  return true;
}

bool state_line_get_task(struct json_object *line,
                         const struct state_account *account,
                         struct task_record *record,
                         char wrong[STATE_LINE_WRONG_SIZE]) {
  *record = (struct task_record){.account = record->account,
                                 .type = TASK_TYPE_DEFAULT,
                                 .run_id = STATUS_RUN_ID_NONE,
                                 .media_duration = -1};
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    record->fields[i] = (double)NAN;
  return load_members(task_members, COUNT(task_members), line, record, wrong) &&
         load_fields(account, line, record, wrong);
}

bool state_line_get_account(struct json_object *line,
                            struct account_record *record,
                            char wrong[STATE_LINE_WRONG_SIZE]) {
  *record = (struct account_record){.account = record->account};
  return load_members(account_members, COUNT(account_members), line, record,
                      wrong);
}

/* --- Writing -------------------------------------------------------------- */

/* Adds a member, unless that is NULL for being out of memory, to an object. The
 * key is not copied. */
static bool add(struct json_object *object, const char *key,
                struct json_object *value, unsigned options) {
  if (value != NULL &&
      json_object_object_add_ex(object, key, value,
                                JSON_C_OBJECT_ADD_CONSTANT_KEY | options) == 0)
    return true;
  json_object_put(value);
  return false;
}

static bool add_new(struct json_object *object, const char *key,
                    struct json_object *value) {
  return add(object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW);
}

static bool add_members(struct json_object *line, const struct member *members,
                        size_t count, const void *record) {
  for (size_t i = 0; i < count; i++)
    if (!says_nothing(&members[i], record) &&
        !add_new(line, members[i].key, to_json(&members[i], record)))
      return false;
  return true;
}

static bool add_fields(struct json_object *line,
                       const struct state_account *account,
                       const struct task_record *record) {
  struct json_object *fields = NULL;
  for (size_t i = 0; i < account->pointer_count; i++) {
    if (!isfinite(record->fields[i]))
      continue;
    if (fields == NULL) {
      fields = json_object_new_object();
      if (!add_new(line, "fields", fields))
        return false;
    }
    /* a pointer may be there twice, for two types, but then with one value */
    if (!add(fields, account->pointers[i],
             json_object_new_double(record->fields[i]), 0))
      return false;
  }
  return true;
}

static bool add_name(struct json_object *line,
                     const struct state_account *account) {
  return add_new(line, "account", json_object_new_string(account->name));
}

bool state_line_add_task(struct json_object *line,
                         const struct state_account *account,
                         const struct task_record *record) {
  return add_name(line, account) &&
         add_members(line, task_members, COUNT(task_members), record) &&
         add_fields(line, account, record);
}

bool state_line_add_account(struct json_object *line,
                            const struct state_account *account,
                            const struct account_record *record) {
  return add_name(line, account) &&
         add_members(line, account_members, COUNT(account_members), record);
}

bool state_line_add_number(struct json_object *line, const char *key,
                           int64_t number) {
  return add_new(line, key, json_object_new_int64(number));
}

bool state_line_says_anything(const struct account_record *record) {
  for (size_t i = 0; i < COUNT(account_members); i++)
    if (!says_nothing(&account_members[i], record))
      return true;
  return false;
}

const char *state_line_format(struct json_object *line, size_t *length) {
  return json_object_to_json_string_length(
      line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, length);
}

/* Gives the line's text room for size bytes beside its other members, by a
 * member under key that is so long. */
static bool make_room(struct json_object *line, const char *key, size_t size) {
  size_t length = 0;
  char *filler = malloc(size);
  if (filler == NULL)
    return false;
  memset(filler, 'x', size);
  struct json_object *value = json_object_new_string_len(filler, (int)size);
  free(filler);
  return add(line, key, value, 0) && state_line_format(line, &length) != NULL &&
         length > size;
}

/* No less than the length of the longest line of the account. */
static size_t longest_line(const struct state_account *account) {
  size_t texts = strlen(account->name) + sizeof(struct task_record);
  for (size_t i = 0; i < account->pointer_count; i++)
    texts += strlen(account->pointers[i]);
  return ESCAPED_MAX * texts +
         MEMBER_ROOM * (COUNT(task_members) + STATUS_FIELDS_MAX + 2);
}

bool state_line_make_room(struct json_object *line,
                          const struct state_account *accounts,
                          size_t account_count) {
  static const char key[] = "room";
  size_t longest = MEMBER_ROOM;
  for (size_t i = 0; i < account_count; i++) {
    size_t length = longest_line(&accounts[i]);
    longest = length > longest ? length : longest;
  }
  bool ok = make_room(line, key, longest);
  json_object_object_del(line, key);
  return ok;
}

bool state_line_replace_number(struct json_object *line, size_t length,
                               const char *key, int64_t number) {
  return make_room(line, key, ESCAPED_MAX * length + MEMBER_ROOM) &&
         add(line, key, json_object_new_int64(number), 0);
}
