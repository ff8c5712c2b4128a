/* SPDX-License-Identifier: MIT */
#include "task_file.h"

#include "utf8.h"
#include "watched_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SHOWN_MAX 320 /* bytes of a path in a message */
#define WHITE_SPACE " \t\r\v\f"
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"
#define TYPE_OPTION "type="
#define STARTED_OPTION "started="

static const char too_large[] = "it is larger than 64 MiB";

/* A bad line, and how it was told. */
struct bad_line {
  char *line; /* NULL when out of memory */
  const char *wrong;
  char text[TASK_FILE_PROBLEM_SIZE];
};

struct task_file {
  struct watched_file *file;
  size_t account;
  char *prefix;
  char *text;           /* as it was last read well; NULL: not yet */
  size_t size, counted; /* bytes of text, and those of the lines that count */
  bool is_too_large;    /* the file as read last, which is not text then */
  bool was_read;        /* the last look found text in the file */
  struct bad_line bad_lines[TASK_FILE_PROBLEMS_MAX]; /* of the last listing */
  size_t bad_count;
};

struct task_file *task_file_create(const char *path, size_t account,
                                   const char *prefix) {
  struct task_file *file = calloc(1, sizeof(*file));
  if (file == NULL)
    return NULL;
  file->account = account;
  file->file = watched_file_create(path);
  file->prefix = strdup(prefix);
  if (file->file == NULL || file->prefix == NULL) {
    task_file_free(file);
    return NULL;
  }
  return file;
}

static void free_bad_lines(struct bad_line *lines, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(lines[i].line);
}

void task_file_free(struct task_file *file) {
  if (file == NULL)
    return;
  free_bad_lines(file->bad_lines, file->bad_count);
  watched_file_free(file->file);
  free(file->prefix);
  free(file->text);
  free(file);
}

/* Looks at the file. Returns NULL, with its new text, the caller's, or NULL for
 * the same as before; or what is wrong. */
static const char *look(struct task_file *file, char **text, size_t *size) {
  const char *wrong =
      watched_file_read(file->file, TASK_FILE_MAX + 1, text, size);
  if (wrong != NULL)
    return wrong;
  if (*text != NULL)
    file->is_too_large = *size > TASK_FILE_MAX;
  if (file->is_too_large ||
      (*text != NULL && file->text != NULL && *size == file->size &&
       memcmp(*text, file->text, *size) == 0)) {
    free(*text);
    *text = NULL;
  }
  return file->is_too_large ? too_large : NULL;
}

/* Takes the new text, without its last line if that does not end: a pipeline
 * that appends to the file, or an editor that writes it, may have come to the
 * middle of an ID, and a task that never was would leave its series behind in
 * RRD files or Prometheus. Returns whether other lines count now. */
static bool take_text(struct task_file *file, char *text, size_t size) {
  const char *end = memrchr(text, '\n', size);
  size_t counted = end == NULL ? 0 : (size_t)(end + 1 - text);
  bool changed = counted != file->counted ||
                 (counted > 0 && memcmp(text, file->text, counted) != 0);
  free(file->text);
  file->text = text;
  file->size = size;
  file->counted = counted;
  return changed;
}

/* Takes the last line, which was left out, now that nobody seems to be writing
 * any more. Returns whether there is one. */
static bool take_last_line(struct task_file *file) {
  bool changed = file->counted < file->size;
  file->counted = file->size;
  return changed;
}

/* What is wrong with the file or, if it is more than 0, with a line of it. */
static void describe(const struct task_file *file, size_t line,
                     const char *wrong, char problem[TASK_FILE_PROBLEM_SIZE]) {
  char text[TASK_FILE_PROBLEM_SIZE], where[32] = "";
  if (line > 0)
    snprintf(where, sizeof(where), ", line %zu", line);
  snprintf(text, sizeof(text), "task file %.*s%s: %s", PATH_SHOWN_MAX,
           watched_file_path(file->file), where, wrong);
  utf8_copy_any(problem, TASK_FILE_PROBLEM_SIZE, text);
}

bool task_file_refresh(struct task_file *file,
                       char problem[TASK_FILE_PROBLEM_SIZE]) {
  bool changed = false;
  char *text;
  size_t size;
  const char *wrong = look(file, &text, &size);
  problem[0] = '\0';
  if (wrong != NULL)
    describe(file, 0, wrong, problem);
  else if (text != NULL)
    changed = take_text(file, text, size);
  if (wrong == NULL &&
      (watched_file_is_settled(file->file) || (text == NULL && file->was_read)))
    changed = take_last_line(file) || changed;
  file->was_read = wrong == NULL;
  return changed;
}

/* The value of the option in the word, NULL if it is not that option. */
static char *option_value(char *word, const char *option) {
  size_t length = strlen(option);
  return strncmp(word, option, length) == 0 ? word + length : NULL;
}

/* The words of a line; NULL for what is not there. */
struct words {
  char *id, *name, *type, *started;
};

/* Cuts the line into its words. Returns NULL or what is wrong. */
static const char *split_line(char *line, struct words *words) {
  char *rest, *value;
  words->id = strtok_r(line, WHITE_SPACE, &rest);
  if (words->id == NULL || words->id[0] == '#') {
    words->id = NULL;
    return NULL;
  }
  for (char *word = strtok_r(NULL, WHITE_SPACE, &rest);
       word != NULL && word[0] != '#';
       word = strtok_r(NULL, WHITE_SPACE, &rest)) {
    if ((value = option_value(word, TYPE_OPTION)) != NULL) {
      if (words->type != NULL)
        return "the type is given twice";
      words->type = value;
    } else if ((value = option_value(word, STARTED_OPTION)) != NULL) {
      if (words->started != NULL)
        return "the start is given twice";
      words->started = value;
    } else if (words->name != NULL) {
      return "there is a word too many; a name has no white space";
    } else {
      words->name = word;
    }
  }
  return NULL;
}

/* Adds the task of the line, if there is one; the line is taken to pieces.
 * Returns NULL or what is wrong. */
static const char *add_task(const struct task_file *file, char *line,
                            struct task_list *list) {
  struct words words = {0};
  const char *wrong = split_line(line, &words);
  if (wrong != NULL || words.id == NULL)
    return wrong;

  /* a name that does not fit is still too long when it is cut */
  char name[TASK_NAME_MAX + 2];
  snprintf(name, sizeof(name), "%s%s", file->prefix,
           words.name != NULL ? words.name : words.id);
  struct task_definition definition = {
      .account = file->account,
      .id = words.id,
      .name = name,
      .type = words.type != NULL ? words.type : TASK_TYPE_DEFAULT,
  };
  if (words.started != NULL)
    wrong = task_time_parse(words.started, &definition.started);
  return wrong != NULL ? wrong : task_list_add(list, &definition);
}

/* The same for a line of size bytes of the file's text. */
static const char *add_line(const struct task_file *file, const char *line,
                            size_t size, struct task_list *list) {
  if (memchr(line, '\0', size) != NULL)
    return "there is a NUL byte in it";
  char *copy = strndup(line, size);
  const char *wrong =
      copy == NULL ? task_list_out_of_memory : add_task(file, copy, list);
  free(copy);
  return wrong;
}

/* What is being listed. */
struct listing {
  const struct task_file *file;
  struct task_list *list;
  struct bad_line bad_lines[TASK_FILE_PROBLEMS_MAX];
  size_t bad_count;
  bool has_more;                         /* bad lines */
  bool is_found[TASK_FILE_PROBLEMS_MAX]; /* again, of those before */
};

/* Notes a bad line of size bytes. One that only stands elsewhere than at the
 * listing before is told as it was then, so that it counts as told. */
static void note_bad_line(struct listing *listing, const char *line,
                          size_t size, size_t number, const char *wrong) {
  if (listing->bad_count == TASK_FILE_PROBLEMS_MAX) {
    listing->has_more = true;
    return;
  }
  struct bad_line *bad = &listing->bad_lines[listing->bad_count++];
  bad->line = strndup(line, size);
  bad->wrong = wrong;
  describe(listing->file, number, wrong, bad->text);
  for (size_t i = 0; i < listing->file->bad_count; i++) {
    const struct bad_line *before = &listing->file->bad_lines[i];
    if (!listing->is_found[i] && before->wrong == wrong && bad->line != NULL &&
        before->line != NULL && strcmp(before->line, bad->line) == 0) {
      memcpy(bad->text, before->text, sizeof(bad->text));
      listing->is_found[i] = true;
      return;
    }
  }
}

/* Adds the tasks of the file. Returns false when out of memory. */
static bool add_lines(struct listing *listing) {
  const char *text = listing->file->text;
  size_t end = listing->file->counted, at = 0, mark = strlen(BYTE_ORDER_MARK);
  if (end >= mark && memcmp(text, BYTE_ORDER_MARK, mark) == 0)
    at = mark;
  for (size_t number = 1; at < end; number++) {
    const char *line = text + at, *line_end = memchr(line, '\n', end - at);
    size_t size = line_end == NULL ? end - at : (size_t)(line_end - line);
    const char *wrong = add_line(listing->file, line, size, listing->list);
    if (wrong == task_list_out_of_memory)
      return false;
    if (wrong != NULL)
      note_bad_line(listing, line, size, number, wrong);
    at += size + 1;
  }
  return true;
}

bool task_file_list(struct task_file *file, struct task_list *list,
                    void (*on_problem)(void *context, const char *text),
                    void *context) {
  struct listing listing = {.file = file, .list = list};
  if (!add_lines(&listing)) {
    free_bad_lines(listing.bad_lines, listing.bad_count);
    return false;
  }
  free_bad_lines(file->bad_lines, file->bad_count);
  memcpy(file->bad_lines, listing.bad_lines, sizeof(file->bad_lines));
  file->bad_count = listing.bad_count;
  for (size_t i = 0; i < file->bad_count; i++)
    on_problem(context, file->bad_lines[i].text);
  if (listing.has_more) {
    char problem[TASK_FILE_PROBLEM_SIZE];
    describe(file, 0, "there are more bad lines than these", problem);
    on_problem(context, problem);
  }
  return true;
}
