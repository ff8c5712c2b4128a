/* SPDX-License-Identifier: MIT */
#include "state_file.h"

#include "json_reader.h"
#include "utf8.h"

#include <json-c/json.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
#define PATH_SHOWN_MAX 160          /* bytes of a path in a message */
#define WRONG_SIZE 160              /* bytes of what is wrong */
#define TIME_LAST 253402300799999LL /* of the year 9999 */
#define ESCAPED_MAX 6               /* bytes for one byte, as \u00XX */
#define MEMBER_ROOM 64              /* bytes of a member but for its text */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char out_of_memory[] = "out of memory";
static const char not_a_regular_file[] = "it is not a regular file";

/* --- The members of a line, for writing and reading ----------------------- */

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
refuse(char wrong[WRONG_SIZE], const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(wrong, WRONG_SIZE, format, arguments);
  va_end(arguments);
  return false;
}

/* The text of a string, NULL if it is none or holds a NUL. */
static const char *text_of(struct json_object *value) {
  if (!json_object_is_type(value, json_type_string))
    return NULL;
  const char *text = json_object_get_string(value);
  size_t length = (size_t)json_object_get_string_len(value);
  return strlen(text) == length ? text : NULL;
}

static bool load_text(const struct member *member, struct json_object *value,
                      char *to, char wrong[WRONG_SIZE]) {
  const char *text = text_of(value);
  if (text == NULL)
    return refuse(wrong, "\"%s\" is not a text", member->key);
  const char *problem = member->check == NULL ? NULL : member->check(text);
  if (problem != NULL)
    return refuse(wrong, "%s", problem);
  utf8_copy_any(to, member->size, text);
  return true;
}

static bool load_time(const struct member *member, struct json_object *value,
                      int64_t *to, char wrong[WRONG_SIZE]) {
  *to = json_object_get_int64(value);
  if (!json_object_is_type(value, json_type_int) || *to < 0 || *to > TIME_LAST)
    return refuse(wrong, "\"%s\" is not a time", member->key);
  return true;
}

static bool load_flag(const struct member *member, struct json_object *value,
                      bool *to, char wrong[WRONG_SIZE]) {
  if (!json_object_is_type(value, json_type_boolean))
    return refuse(wrong, "\"%s\" is neither true nor false", member->key);
  *to = json_object_get_boolean(value);
  return true;
}

static bool load_state(const struct member *member, struct json_object *value,
                       enum task_state *to, char wrong[WRONG_SIZE]) {
  const char *text = text_of(value);
  for (int i = 0; text != NULL && i < TASK_STATE_COUNT; i++)
    if (strcmp(text, task_state_info[i].name) == 0) {
      *to = (enum task_state)i;
      return true;
    }
  return refuse(wrong, "\"%s\" is not a state", member->key);
}

static bool load_run_id(const struct member *member, struct json_object *value,
                        int64_t *to, char wrong[WRONG_SIZE]) {
  *to = json_object_get_int64(value);
  /* json-c gives the nearest number for one that is too large */
  if (!json_object_is_type(value, json_type_int) ||
      (*to == INT64_MAX && json_object_get_uint64(value) != INT64_MAX))
    return refuse(wrong, "\"%s\" is not a whole number", member->key);
  return true;
}

/* The value of a number, NAN if it is none. */
static double number_of(struct json_object *value) {
  if (!json_object_is_type(value, json_type_double) &&
      !json_object_is_type(value, json_type_int))
    return (double)NAN;
  double number = json_object_get_double(value);
  return isfinite(number) ? number : (double)NAN;
}

static bool load_duration(const struct member *member,
                          struct json_object *value, double *to,
                          char wrong[WRONG_SIZE]) {
  *to = number_of(value);
  if (!(*to >= 0))
    return refuse(wrong, "\"%s\" is not a duration", member->key);
  return true;
}

static bool load_member(const struct member *member, struct json_object *value,
                        void *record, char wrong[WRONG_SIZE]) {
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
                         char wrong[WRONG_SIZE]) {
  struct json_object *value;
  for (size_t i = 0; i < count; i++)
    if (json_object_object_get_ex(line, members[i].key, &value) &&
        !load_member(&members[i], value, record, wrong))
      return false;
  return true;
}

/* --- The state file ------------------------------------------------------- */

/* A line on a task whose account is not configured. */
struct kept_line {
  char *text;
  int64_t unlisted;
};

struct state_file {
  char *path, *new_path, *damaged_path;
  const struct state_account *accounts;
  size_t account_count;
  struct kept_line *kept;
  size_t kept_count, kept_capacity;

  struct json_object *line; /* empty, or the one that is being put together */
  FILE *stream;             /* the file at new_path; NULL: no write began */
  size_t lines;             /* written to it */
  char wrong[WRONG_SIZE];   /* the first error since the write began, or "" */
};

static const char *line_text(struct json_object *line, size_t *length) {
  return json_object_to_json_string_length(
      line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, length);
}

/* Gives the line's text room for size bytes beside its other members, by a
 * member under key that is so long. json-c keeps the room, but would not say
 * if there were none, and leave out what does not fit. */
static bool make_room(struct json_object *line, const char *key, size_t size) {
  char *filler = malloc(size);
  if (filler == NULL)
    return false;
  memset(filler, 'x', size);
  struct json_object *value = json_object_new_string_len(filler, (int)size);
  free(filler);
  if (value == NULL)
    return false;
  if (json_object_object_add(line, key, value) != 0) {
    json_object_put(value);
    return false;
  }
  size_t length = 0;
  return line_text(line, &length) != NULL && length > size;
}

/* No less than the length of the longest line that can be put. */
static size_t longest_line(const struct state_file *file) {
  size_t longest = 0;
  for (size_t i = 0; i < file->account_count; i++) {
    const struct state_account *account = &file->accounts[i];
    size_t texts = strlen(account->name) + sizeof(struct task_record);
    for (size_t k = 0; k < account->pointer_count; k++)
      texts += strlen(account->pointers[k]);
    longest = texts > longest ? texts : longest;
  }
  return ESCAPED_MAX * longest +
         MEMBER_ROOM * (COUNT(task_members) + STATUS_FIELDS_MAX + 2);
}

/* A copy of path with the suffix, NULL when out of memory. */
static char *with_suffix(const char *path, const char *suffix) {
  char *copy;
  return asprintf(&copy, "%s%s", path, suffix) < 0 ? NULL : copy;
}

struct state_file *state_file_create(const char *path,
                                     const struct state_account *accounts,
                                     size_t account_count) {
  struct state_file *file = calloc(1, sizeof(*file));
  if (file == NULL)
    return NULL;
  file->accounts = accounts;
  file->account_count = account_count;
  file->path = with_suffix(path, "");
  file->new_path = with_suffix(path, ".new");
  file->damaged_path = with_suffix(path, ".damaged");
  file->line = json_object_new_object();
  if (file->path == NULL || file->new_path == NULL ||
      file->damaged_path == NULL || file->line == NULL ||
      !make_room(file->line, "room", longest_line(file))) {
    state_file_free(file);
    return NULL;
  }
  json_object_object_del(file->line, "room");
  return file;
}

static void drop_kept(struct state_file *file) {
  for (size_t i = 0; i < file->kept_count; i++)
    free(file->kept[i].text);
  file->kept_count = 0;
}

/* Ends a write that has begun, without the file. */
static void give_up(struct state_file *file) {
  if (file->stream == NULL)
    return;
  fclose(file->stream);
  file->stream = NULL;
  unlink(file->new_path);
}

void state_file_free(struct state_file *file) {
  if (file == NULL)
    return;
  give_up(file);
  drop_kept(file);
  free(file->kept);
  json_object_put(file->line);
  free(file->path);
  free(file->new_path);
  free(file->damaged_path);
  free(file);
}

/* --- Reading -------------------------------------------------------------- */

struct reading {
  struct state_file *file;
  const struct state_reader *reader;
  int64_t now;
  char *line; /* JSON_READER_MAX bytes, and one that is too much */
  size_t length, number;
  bool is_ours, has_end;  /* there was a good head, an end */
  char wrong[WRONG_SIZE]; /* what was found first, or "" */
  size_t wrong_number;    /* the line it was found in, 0: none */
};

static void note(struct reading *reading, size_t number, const char *wrong) {
  if (reading->wrong[0] != '\0')
    return;
  snprintf(reading->wrong, WRONG_SIZE, "%s", wrong);
  reading->wrong_number = number;
}

static void note_line(struct reading *reading, const char *wrong) {
  note(reading, reading->number, wrong);
}

static void take_head(struct reading *reading, struct json_object *line) {
  struct json_object *value;
  if (!json_object_object_get_ex(line, "camb_task_state", &value) ||
      !json_object_is_type(value, json_type_int))
    note_line(reading, "it is not the head of a state file");
  else if (json_object_get_int64(value) != VERSION)
    note_line(reading, "the file is of another version");
  else
    reading->is_ours = true;
}

static void take_end(struct reading *reading, struct json_object *line) {
  struct json_object *value;
  if (!json_object_object_get_ex(line, "end", &value))
    note_line(reading, "it is neither a task nor an account");
  else if (!json_object_is_type(value, json_type_int) ||
           json_object_get_int64(value) != (int64_t)reading->number - 1)
    note_line(reading, "the number of lines is not what it says");
  reading->has_end = reading->has_end || value != NULL;
}

/* The index of the account of that name; the count of accounts if there is
 * none. */
static size_t find_account(const struct state_file *file, const char *name) {
  size_t i = 0;
  while (i < file->account_count && strcmp(file->accounts[i].name, name) != 0)
    i++;
  return i;
}

static bool take_account(struct reading *reading, struct json_object *line,
                         size_t account) {
  struct account_record record = {.account = account};
  char wrong[WRONG_SIZE];
  if (!load_members(account_members, COUNT(account_members), line, &record,
                    wrong)) {
    note_line(reading, wrong);
    return true;
  }
  return account == reading->file->account_count ||
         reading->reader->account(reading->reader->context, &record);
}

/* Fills the record with the numbers of the account's fields. */
static bool load_fields(const struct state_account *account,
                        struct json_object *line, struct task_record *record,
                        char wrong[WRONG_SIZE]) {
  struct json_object *fields, *value;
  if (!json_object_object_get_ex(line, "fields", &fields))
    return true;
  if (!json_object_is_type(fields, json_type_object))
    return refuse(wrong, "\"fields\" is not an object");
  for (size_t i = 0; i < account->pointer_count; i++) {
    if (!json_object_object_get_ex(fields, account->pointers[i], &value))
      continue;
    record->fields[i] = number_of(value);
    if (isnan(record->fields[i]))
      return refuse(wrong, "one of \"fields\" is not a number");
  }
  return true;
}

static bool make_room_to_keep(struct state_file *file) {
  if (file->kept_count < file->kept_capacity)
    return true;
  size_t capacity = file->kept_capacity == 0 ? 16 : file->kept_capacity * 2;
  struct kept_line *kept = realloc(file->kept, capacity * sizeof(*kept));
  if (kept == NULL)
    return false;
  file->kept = kept;
  file->kept_capacity = capacity;
  return true;
}

/* Keeps the line, of a task whose account is not configured. */
static bool keep(struct reading *reading, struct json_object *line,
                 const struct task_record *record) {
  static const char key[] = "unlisted";
  struct state_file *file = reading->file;
  int64_t unlisted = record->unlisted;
  const char *text = reading->line;
  size_t length = reading->length;
  /* a time to come is from a clock that was wrong, and could be far away */
  if (unlisted == 0 || unlisted > reading->now) {
    unlisted = reading->now;
    if (!make_room(line, key, ESCAPED_MAX * length + MEMBER_ROOM))
      return false;
    struct json_object *value = json_object_new_int64(unlisted);
    if (value == NULL)
      return false;
    if (json_object_object_add(line, key, value) != 0) {
      json_object_put(value);
      return false;
    }
    text = line_text(line, &length);
  }
  if (text == NULL || !make_room_to_keep(file))
    return false;
  char *copy = strndup(text, length);
  if (copy == NULL)
    return false;
  file->kept[file->kept_count++] =
      (struct kept_line){.text = copy, .unlisted = unlisted};
  return true;
}

static bool take_task(struct reading *reading, struct json_object *line,
                      size_t account) {
  static const struct state_account not_configured;
  struct state_file *file = reading->file;
  bool is_configured = account < file->account_count;
  struct task_record record = {.account = account,
                               .type = TASK_TYPE_DEFAULT,
                               .run_id = STATUS_RUN_ID_NONE,
                               .media_duration = -1};
  for (size_t i = 0; i < STATUS_FIELDS_MAX; i++)
    record.fields[i] = (double)NAN;
  char wrong[WRONG_SIZE];
  if (!load_members(task_members, COUNT(task_members), line, &record, wrong) ||
      !load_fields(is_configured ? &file->accounts[account] : &not_configured,
                   line, &record, wrong)) {
    note_line(reading, wrong);
    return true;
  }
  return is_configured
             ? reading->reader->task(reading->reader->context, &record)
             : keep(reading, line, &record);
}

/* Takes a line behind the head. Returns false when out of memory. */
static bool take_entry(struct reading *reading, struct json_object *line) {
  struct json_object *value;
  if (reading->has_end)
    note_line(reading, "it stands behind the end");
  if (!json_object_object_get_ex(line, "account", &value)) {
    take_end(reading, line);
    return true;
  }
  const char *name = text_of(value);
  if (name == NULL) {
    note_line(reading, "\"account\" is not a text");
    return true;
  }
  size_t account = find_account(reading->file, name);
  return json_object_object_get_ex(line, "task", NULL)
             ? take_task(reading, line, account)
             : take_account(reading, line, account);
}

/* The same for any line. */
static bool take_line(struct reading *reading) {
  struct json_object *line;
  bool has_memory = true;
  const char *wrong = json_reader_parse(reading->line, reading->length, &line);
  if (wrong != NULL) {
    has_memory = strcmp(wrong, out_of_memory) != 0;
    note_line(reading, wrong);
  } else if (!json_object_is_type(line, json_type_object)) {
    note_line(reading, "it is not an object");
  } else if (reading->number == 1) {
    take_head(reading, line);
  } else {
    has_memory = take_entry(reading, line);
  }
  json_object_put(line);
  return has_memory;
}

/* Reads a line without its end, and of one that is too long no more than shows
 * that. Returns false at the end of the file, or after an error. */
static bool read_line(struct reading *reading, FILE *stream) {
  int c;
  reading->length = 0;
  while ((c = getc_unlocked(stream)) != EOF && c != '\n')
    if (reading->length <= JSON_READER_MAX)
      reading->line[reading->length++] = (char)c;
  if (c == EOF && (reading->length == 0 || ferror(stream)))
    return false;
  reading->number++;
  return true;
}

/* Returns false when out of memory. */
static bool read_lines(struct reading *reading, FILE *stream) {
  while (read_line(reading, stream)) {
    if (!take_line(reading))
      return false;
    if (!reading->is_ours)
      return true;
  }
  if (ferror(stream)) {
    int error = errno;
    note(reading, reading->number + 1, strerror(error));
    return error != ENOMEM;
  }
  if (reading->number == 0)
    note(reading, 0, "it is empty");
  else if (!reading->has_end)
    note(reading, reading->number + 1, "the end is missing");
  return true;
}

/* Reads the open file, which is closed then. Returns false when out of
 * memory. */
static bool read_stream(struct reading *reading, int descriptor) {
  FILE *stream = fdopen(descriptor, "r");
  if (stream == NULL) {
    close(descriptor);
    return false;
  }
  reading->line = malloc(JSON_READER_MAX + 1);
  bool has_memory = reading->line != NULL && read_lines(reading, stream);
  free(reading->line);
  fclose(stream);
  return has_memory;
}

/* Moves the file out of the way of the next write, and says why. */
static void put_aside(struct reading *reading, const char *consequence,
                      char problem[STATE_FILE_PROBLEM_SIZE]) {
  struct state_file *file = reading->file;
  const char *failure = "";
  char place[32] = "";
  if (reading->wrong_number > 0)
    snprintf(place, sizeof(place), ", line %zu", reading->wrong_number);
  bool is_kept = rename(file->path, file->damaged_path) == 0;
  if (!is_kept)
    failure = strerror(errno);
  snprintf(problem, STATE_FILE_PROBLEM_SIZE,
           "state file %.*s%s: %s; %s as %.*s.damaged%s%s%s", PATH_SHOWN_MAX,
           file->path, place, reading->wrong,
           is_kept ? "kept" : "it can't be kept", PATH_SHOWN_MAX, file->path,
           is_kept ? "" : ": ", failure, consequence);
}

static bool is_regular(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

bool state_file_read(struct state_file *file, int64_t now,
                     const struct state_reader *reader,
                     char problem[STATE_FILE_PROBLEM_SIZE]) {
  struct reading reading = {.file = file, .reader = reader, .now = now};
  problem[0] = '\0';
  drop_kept(file);
  int descriptor =
      open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) {
    int error = errno;
    note(&reading, 0, strerror(error));
    if (error != ENOENT && error != ENOMEM)
      put_aside(&reading, "", problem);
    return error != ENOMEM;
  }
  if (!is_regular(descriptor)) {
    close(descriptor);
    /* a device of the system's or a directory of all collectd's data that is
     * renamed does more harm than one that is named here by mistake */
    snprintf(problem, STATE_FILE_PROBLEM_SIZE,
             "state file %.*s: %s; it is left alone, and no state is kept",
             PATH_SHOWN_MAX, file->path, not_a_regular_file);
    return true;
  }
  if (!read_stream(&reading, descriptor))
    return false;
  if (reading.wrong[0] != '\0')
    put_aside(&reading,
              reading.is_ours ? ", what is good in it goes on"
                              : ", nothing of it is used",
              problem);
  return true;
}

/* --- Writing -------------------------------------------------------------- */

/* Notes the first error since the write began, an errno. */
static void fail(struct state_file *file, int error) {
  if (file->wrong[0] == '\0')
    snprintf(file->wrong, WRONG_SIZE, "%s",
             error == ENOMEM ? out_of_memory : strerror(error));
}

static bool is_writing(const struct state_file *file) {
  return file->stream != NULL && file->wrong[0] == '\0';
}

static void write_text(struct state_file *file, const char *text,
                       size_t length) {
  if (fwrite(text, 1, length, file->stream) != length ||
      putc('\n', file->stream) == EOF)
    fail(file, errno);
  file->lines++;
}

/* Adds a member, unless that is NULL for being out of memory, to an object. The
 * key is not copied. */
static void add(struct state_file *file, struct json_object *object,
                const char *key, struct json_object *value, unsigned options) {
  if (value != NULL &&
      json_object_object_add_ex(object, key, value,
                                JSON_C_OBJECT_ADD_CONSTANT_KEY | options) == 0)
    return;
  json_object_put(value);
  fail(file, ENOMEM);
}

static void add_to_line(struct state_file *file, const char *key,
                        struct json_object *value) {
  add(file, file->line, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW);
}

static void add_members(struct state_file *file, const struct member *members,
                        size_t count, const void *record) {
  for (size_t i = 0; i < count; i++)
    if (!says_nothing(&members[i], record))
      add_to_line(file, members[i].key, to_json(&members[i], record));
}

static void add_fields(struct state_file *file,
                       const struct task_record *record) {
  const struct state_account *account = &file->accounts[record->account];
  struct json_object *fields = NULL;
  for (size_t i = 0; i < account->pointer_count; i++) {
    if (!isfinite(record->fields[i]))
      continue;
    if (fields == NULL) {
      fields = json_object_new_object();
      add_to_line(file, "fields", fields);
    }
    /* a pointer may be there twice, for two types, but then with one value */
    if (is_writing(file))
      add(file, fields, account->pointers[i],
          json_object_new_double(record->fields[i]), 0);
  }
}

/* Writes the line that has been put together, if it has in whole, and starts
 * over. */
static void write_line(struct state_file *file) {
  size_t length = 0;
  const char *text = line_text(file->line, &length);
  if (text == NULL)
    fail(file, ENOMEM);
  else if (is_writing(file))
    write_text(file, text, length);
  json_object_object_foreach(file->line, key, value) {
    (void)value;
    json_object_object_del(file->line, key);
  }
}

static void write_number(struct state_file *file, const char *key,
                         int64_t number) {
  add_to_line(file, key, json_object_new_int64(number));
  write_line(file);
}

/* Opens the file that is to replace the one at the path. */
static void open_new(struct state_file *file) {
  struct stat status;
  if (stat(file->path, &status) == 0 && !S_ISREG(status.st_mode)) {
    snprintf(file->wrong, WRONG_SIZE, "%s", not_a_regular_file);
    return;
  }
  unlink(file->new_path); /* what a daemon that was killed has left */
  int descriptor =
      open(file->new_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
           0600);
  if (descriptor < 0) {
    fail(file, errno);
    return;
  }
  /* the umask may have taken too much */
  if (fchmod(descriptor, 0600) != 0)
    fail(file, errno);
  file->stream = fdopen(descriptor, "w");
  if (file->stream == NULL) {
    fail(file, errno);
    close(descriptor);
    unlink(file->new_path);
  }
}

/* Writes the kept lines, but for those whose time is over. */
static void write_kept(struct state_file *file, int64_t now) {
  size_t kept = 0;
  for (size_t i = 0; i < file->kept_count; i++) {
    struct kept_line line = file->kept[i];
    if (now - line.unlisted >= STATE_KEPT_UNLISTED) {
      free(line.text);
      continue;
    }
    write_text(file, line.text, strlen(line.text));
    file->kept[kept++] = line;
  }
  file->kept_count = kept;
}

bool state_file_begin(struct state_file *file, int64_t now) {
  give_up(file);
  file->lines = 0;
  file->wrong[0] = '\0';
  open_new(file);
  if (!is_writing(file))
    return false;
  write_number(file, "camb_task_state", VERSION);
  write_kept(file, now);
  return is_writing(file);
}

void state_file_put_account(struct state_file *file,
                            const struct account_record *record) {
  bool says_anything = false;
  for (size_t i = 0; i < COUNT(account_members); i++)
    says_anything = says_anything || !says_nothing(&account_members[i], record);
  if (!says_anything || !is_writing(file))
    return;
  add_to_line(file, "account",
              json_object_new_string(file->accounts[record->account].name));
  add_members(file, account_members, COUNT(account_members), record);
  write_line(file);
}

void state_file_put_task(struct state_file *file,
                         const struct task_record *record) {
  if (!is_writing(file))
    return;
  add_to_line(file, "account",
              json_object_new_string(file->accounts[record->account].name));
  add_members(file, task_members, COUNT(task_members), record);
  add_fields(file, record);
  write_line(file);
}

/* Makes a rename in the file's directory last. That not all file systems can do
 * so, nor all users open the directory, is no reason to call the file bad. */
static void sync_directory(const struct state_file *file) {
  const char *slash = strrchr(file->path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - file->path) + 1;
  char *directory =
      strndup(length == 0 ? "." : file->path, length == 0 ? 1 : length);
  if (directory == NULL)
    return;
  int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor >= 0) {
    fsync(descriptor);
    close(descriptor);
  }
  free(directory);
}

/* Puts what was written on the disk, and in place. */
static void replace(struct state_file *file) {
  if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0)
    fail(file, errno);
  if (fclose(file->stream) != 0)
    fail(file, errno);
  file->stream = NULL;
  if (file->wrong[0] == '\0' && rename(file->new_path, file->path) != 0)
    fail(file, errno);
  if (file->wrong[0] == '\0')
    sync_directory(file);
  else
    unlink(file->new_path);
}

bool state_file_commit(struct state_file *file,
                       char problem[STATE_FILE_PROBLEM_SIZE]) {
  problem[0] = '\0';
  if (is_writing(file))
    write_number(file, "end", (int64_t)file->lines);
  if (is_writing(file))
    replace(file);
  give_up(file);
  if (file->wrong[0] == '\0')
    return true;
  snprintf(problem, STATE_FILE_PROBLEM_SIZE, "state file %.*s: %s",
           PATH_SHOWN_MAX, file->path, file->wrong);
  return false;
}
