/* SPDX-License-Identifier: MIT */
#include "state_file.h"

#include "json_reader.h"

#include <json-c/json.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION 1
#define PATH_SHOWN_MAX 160 /* bytes of a path in a message */

static const char not_a_regular_file[] = "it is not a regular file";

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
  char wrong[STATE_LINE_WRONG_SIZE]; /* the first error since the write began,
                                        or "" */
};

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
      !state_line_make_room(file->line, accounts, account_count)) {
    state_file_free(file);
    return NULL;
  }
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
  struct json_reader *json;
  int64_t now;
  char *line; /* JSON_READER_MAX bytes, and one that is too much */
  size_t length, number;
  bool is_ours, has_end;             /* there was a good head, an end */
  char wrong[STATE_LINE_WRONG_SIZE]; /* what was found first, or "" */
  size_t wrong_number;               /* the line it was found in, 0: none */
};

static void note(struct reading *reading, size_t number, const char *wrong) {
  if (reading->wrong[0] != '\0')
    return;
  snprintf(reading->wrong, STATE_LINE_WRONG_SIZE, "%s", wrong);
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
  char wrong[STATE_LINE_WRONG_SIZE];
  if (!state_line_get_account(line, &record, wrong)) {
    note_line(reading, wrong);
    return true;
  }
  return account == reading->file->account_count ||
         reading->reader->account(reading->reader->context, &record);
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
  struct state_file *file = reading->file;
  int64_t unlisted = record->unlisted;
  const char *text = reading->line;
  size_t length = reading->length;
  /* a time to come is from a clock that was wrong, and could be far away */
  if (unlisted == 0 || unlisted > reading->now) {
    unlisted = reading->now;
    if (!state_line_replace_number(line, length, "unlisted", unlisted))
      return false;
    text = state_line_format(line, &length);
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
  struct state_file *file = reading->file;
  bool is_configured = account < file->account_count;
  struct task_record record = {.account = account};
  char wrong[STATE_LINE_WRONG_SIZE];
  if (!state_line_get_task(line,
                           is_configured ? &file->accounts[account] : NULL,
                           &record, wrong)) {
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
  const char *name = state_line_get_text(value);
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
  const char *wrong =
      json_reader_parse(reading->json, reading->line, reading->length, &line);
  if (wrong != NULL) {
    has_memory = wrong != json_reader_out_of_memory;
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

/* Moves the file out of the way of the next write, and says why. Returns
 * whether that could be done. */
static bool put_aside(struct reading *reading, const char *consequence,
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
  return is_kept;
}

static bool is_regular(int descriptor) {
  struct stat status;
  return fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

bool state_file_read(struct state_file *file, int64_t now,
                     const struct state_reader *reader,
                     char problem[STATE_FILE_PROBLEM_SIZE]) {
  struct json_reader json = {0};
  struct reading reading = {
      .file = file, .reader = reader, .json = &json, .now = now};
  problem[0] = '\0';
  drop_kept(file);
  int descriptor =
      open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (descriptor < 0) {
    int error = errno;
    note(&reading, 0, strerror(error));
    /* where there is nothing, the first write says whether that is wrong */
    if (error != ENOENT && error != ENOMEM && !put_aside(&reading, "", problem))
      problem[0] = '\0';
    return error != ENOMEM;
  }
  /* a device of the system's or a directory of all collectd's data that is
   * renamed does more harm than one that is named here by mistake; the first
   * write says what it is */
  if (!is_regular(descriptor)) {
    close(descriptor);
    return true;
  }
  bool has_memory = read_stream(&reading, descriptor);
  json_reader_clear(&json);
  if (!has_memory)
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
    snprintf(file->wrong, STATE_LINE_WRONG_SIZE, "%s",
             error == ENOMEM ? json_reader_out_of_memory : strerror(error));
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

/* Writes the line that has been put together, unless that has failed for want
 * of memory, and starts over. */
static void write_line(struct state_file *file, bool has_memory) {
  size_t length = 0;
  const char *text = has_memory ? state_line_format(file->line, &length) : NULL;
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
  write_line(file, state_line_add_number(file->line, key, number));
}

/* Opens the file that is to replace the one at the path. */
static void open_new(struct state_file *file) {
  struct stat status;
  if (stat(file->path, &status) == 0 && !S_ISREG(status.st_mode)) {
    snprintf(file->wrong, STATE_LINE_WRONG_SIZE, "%s", not_a_regular_file);
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
    if (now - line.unlisted >= TASK_UNLISTED_KEPT) {
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
  if (is_writing(file) && state_line_says_anything(record))
    write_line(file, state_line_add_account(
                         file->line, &file->accounts[record->account], record));
}

void state_file_put_task(struct state_file *file,
                         const struct task_record *record) {
  if (is_writing(file))
    write_line(file, state_line_add_task(
                         file->line, &file->accounts[record->account], record));
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
