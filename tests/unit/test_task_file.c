/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "task_file.h"

#include "temporary_files.h"
#include "utf8.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ACCOUNT 7       /* of each file of the tests */
#define SECRET "s3cr3t" /* may stand in no problem */

/* How far the clock that the code under test sees is ahead, in seconds. */
static time_t ahead;

int clock_gettime(clockid_t clock, struct timespec *now) {
  (void)clock;
  *now = (struct timespec){.tv_sec = time(NULL) + ahead};
  return 0;
}

static int start_without_files(void **state) {
  (void)state;
  remove_files();
  ahead = 0;
  return 0;
}

static void write_bytes(const char *bytes, size_t size, const char *mode) {
  FILE *file = fopen(path, mode);
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, size, file), size);
  assert_int_equal(fclose(file), 0);
}

static void write_file(const char *text) {
  write_bytes(text, strlen(text), "w");
}

static void append(const char *text) { write_bytes(text, strlen(text), "a"); }

static struct task_file *open_file(const char *prefix) {
  struct task_file *file = task_file_create(path, ACCOUNT, prefix);
  assert_non_null(file);
  return file;
}

/* Refreshes the file, and checks what comes of it. problem "": none, else a
 * part of it. */
static void refresh(const char *name, struct task_file *file, bool changed,
                    const char *problem) {
  char said[TASK_FILE_PROBLEM_SIZE];
  memset(said, 'x', sizeof(said));
  bool did_change = task_file_refresh(file, said);
  ASSERT_CASE(name, memchr(said, '\0', sizeof(said)) != NULL);
  if ((said[0] == '\0') != (problem[0] == '\0') ||
      strstr(said, problem) == NULL)
    fail_msg("case \"%s\": \"%s\" instead of \"%s\"", name, said, problem);
  ASSERT_CASE(name, said[0] == '\0' || strstr(said, path) != NULL);
  if (did_change != changed)
    fail_msg("case \"%s\": %s", name, changed ? "unchanged" : "changed");
}

/* What was told of a file: the texts without "task file PATH", one a line. */
struct problems {
  char text[8192];
  size_t count;
};

static void keep_problem(void *context, const char *text) {
  struct problems *problems = context;
  char start[sizeof(path) + 16];
  size_t used = strlen(problems->text);
  snprintf(start, sizeof(start), "task file %s", path);
  assert_memory_equal(text, start, strlen(start));
  assert_in_range(strlen(text), 1, TASK_FILE_PROBLEM_SIZE - 1);
  assert_null(strstr(text, SECRET));
  assert_true(utf8_is_valid(text, strlen(text)));
  assert_false(utf8_has_control(text));
  snprintf(problems->text + used, sizeof(problems->text) - used, "%s\n",
           text + strlen(start));
  problems->count++;
}

/* Lists the file's tasks, one a line: "ID NAME TYPE STARTED". To be freed. */
static char *list(struct task_file *file, struct problems *problems) {
  char *text = NULL;
  size_t size;
  FILE *stream = open_memstream(&text, &size);
  struct task_list *tasks = task_list_create();
  assert_non_null(stream);
  assert_non_null(tasks);
  *problems = (struct problems){0};
  assert_true(task_file_list(file, tasks, keep_problem, problems));
  for (size_t i = 0; i < task_list_count(tasks); i++) {
    const struct task_definition *task = task_list_get(tasks, i);
    assert_int_equal(task->account, ACCOUNT);
    fprintf(stream, "%s %s %s %jd\n", task->id, task->name, task->type,
            (intmax_t)task->started);
  }
  assert_int_equal(fclose(stream), 0);
  task_list_free(tasks);
  return text;
}

/* Expects these tasks, as list gives them, and nothing wrong with a line. */
static void expect(const char *name, struct task_file *file,
                   const char *expected) {
  struct problems problems;
  char *tasks = list(file, &problems);
  if (strcmp(tasks, expected) != 0)
    fail_msg("case \"%s\": the tasks are \"%s\"", name, tasks);
  if (problems.count > 0)
    fail_msg("case \"%s\": %s", name, problems.text);
  free(tasks);
}

static void test_free_null(void **state) {
  (void)state;
  task_file_free(NULL);
}

static void test_before_the_first_look(void **state) {
  (void)state;
  write_file("a\n");
  struct task_file *file = open_file("");
  expect("not read", file, "");
  task_file_free(file);
}

static void test_copies(void **state) {
  char copied[sizeof(path)], prefix[] = "team-";
  (void)state;
  write_file("a\nb name\n");
  strcpy(copied, path);
  struct task_file *file = task_file_create(copied, ACCOUNT, prefix);
  assert_non_null(file);
  copied[0] = prefix[0] = 'x';
  refresh("first", file, true, "");
  expect("prefix", file,
         "a team-a project-setup 0\nb team-name project-setup 0\n");
  task_file_free(file);
}

/* One line, which is the second of three. tasks NULL: as problem says. */
static void test_lines(void **state) {
#define ID_256                                                                 \
  "0123456789012345678901234567890123456789012345678901234567890123"           \
  "0123456789012345678901234567890123456789012345678901234567890123"           \
  "0123456789012345678901234567890123456789012345678901234567890123"           \
  "0123456789012345678901234567890123456789012345678901234567890123"
#define NAME_127                                                               \
  "0123456789012345678901234567890123456789012345678901234567890123"           \
  "012345678901234567890123456789012345678901234567890123456789012"
  static const struct {
    const char *name, *line;
    size_t size;
    const char *task, *problem;
  } cases[] = {
      {"empty", BYTES(""), "", NULL},
      {"white space", BYTES(" \t\r\v\f"), "", NULL},
      {"CR", BYTES("\r"), "", NULL},
      {"comment", BYTES("# a comment"), "", NULL},
      {"comment behind white space", BYTES(" \t# a comment"), "", NULL},
      {"comment of one character", BYTES("#"), "", NULL},
      {"comment without a space", BYTES("#id name type=dub"), "", NULL},
      {"comment in any bytes", BYTES("# \xFF\x01 type= type="), "", NULL},

      {"ID", BYTES("id"), "id id project-setup 0", NULL},
      {"ID and name", BYTES("id name"), "id name project-setup 0", NULL},
      {"CRLF", BYTES("id name\r"), "id name project-setup 0", NULL},
      {"white space", BYTES("\t id\v\fname \r \t"), "id name project-setup 0",
       NULL},
      {"type", BYTES("id type=dub"), "id id dub 0", NULL},
      {"type of two parts", BYTES("id type=a/b"), "id id a/b 0", NULL},
      {"time", BYTES("id started=2026-11-24T08:00:00Z"),
       "id id project-setup 1795507200000", NULL},
      {"seconds", BYTES("id started=12.5"), "id id project-setup 12500", NULL},
      {"all", BYTES("id name type=tts started=1"), "id name tts 1000", NULL},
      {"another order", BYTES("id started=1 type=tts name"), "id name tts 1000",
       NULL},
      {"name between", BYTES("id started=1 name type=tts"), "id name tts 1000",
       NULL},
      {"comment behind an ID", BYTES("id # name"), "id id project-setup 0",
       NULL},
      {"comment behind a name", BYTES("id name #x type=dub"),
       "id name project-setup 0", NULL},
      {"comment behind an option", BYTES("id type=dub # type=tts"),
       "id id dub 0", NULL},
      {"# inside words", BYTES("i#d n#me#"), "i#d n#me# project-setup 0", NULL},
      {"name like an option", BYTES("id Type=dub"),
       "id Type=dub project-setup 0", NULL},
      {"name like another option", BYTES("id name=x"),
       "id name=x project-setup 0", NULL},
      {"name like a part of an option", BYTES("id type"),
       "id type project-setup 0", NULL},
      {"name with an option inside", BYTES("id xtype=dub"),
       "id xtype=dub project-setup 0", NULL},
      {"ID like a type", BYTES("type=dub"), "type=dub type=dub project-setup 0",
       NULL},
      {"ID like a time", BYTES("started=1 started=2"),
       "started=1 started=1 project-setup 2000", NULL},
      {"ID like a type, and a type", BYTES("type= name type=dub"),
       "type= name dub 0", NULL},
      {"quotes are nothing special", BYTES("\"id\" 'n"),
       "\"id\" 'n project-setup 0", NULL},
      {"name in UTF-8", BYTES("id \xC3\xA9t\xC3\xA9"),
       "id \xC3\xA9t\xC3\xA9 project-setup 0", NULL},
      {"longest ID", BYTES(ID_256 " name"), ID_256 " name project-setup 0",
       NULL},
      {"longest name", BYTES("id " NAME_127), "id " NAME_127 " project-setup 0",
       NULL},

      {"second name", BYTES("id " SECRET " " SECRET), NULL, "a word too many"},
      {"second name behind options", BYTES("id a type=dub started=1 b"), NULL,
       "a word too many"},
      {"type twice", BYTES("id type=dub type=dub"), NULL,
       "the type is given twice"},
      {"empty type twice", BYTES("id type= type="), NULL,
       "the type is given twice"},
      {"start twice", BYTES("id started=1 name started=1"), NULL,
       "the start is given twice"},
      {"NUL in an ID", BYTES("i\0d name"), NULL, "NUL byte"},
      {"NUL in a name", BYTES("id na\0me"), NULL, "NUL byte"},
      {"NUL at the end", BYTES("id name\0"), NULL, "NUL byte"},
      {"NUL at the start", BYTES("\0id name"), NULL, "NUL byte"},
      {"NUL only", BYTES("\0"), NULL, "NUL byte"},
      {"NUL in a comment", BYTES("id # \0"), NULL, "NUL byte"},
      {"ID not ASCII", BYTES("\xC3\xA9" SECRET " name"), NULL,
       "the task ID is not printable ASCII"},
      {"ID with a control character", BYTES(SECRET "\x01"), NULL,
       "the task ID is not printable ASCII"},
      {"ID of dots", BYTES(".. name"), NULL, "the task ID is a relative path"},
      {"ID too long", BYTES(ID_256 "x name"), NULL,
       "the task ID is longer than 256 bytes"},
      {"ID too long for a name", BYTES(NAME_127 "x"), NULL,
       "is longer than 127 bytes"},
      {"name too long", BYTES("id " NAME_127 "x"), NULL,
       "is longer than 127 bytes"},
      {"name far too long", BYTES("id " ID_256 ID_256), NULL,
       "is longer than 127 bytes"},
      {"name too long, cut in a character", BYTES("id " NAME_127 "\xC3\xA9"),
       NULL, "is longer than 127 bytes"},
      {"name not UTF-8", BYTES("id " SECRET "\xFF"), NULL,
       "the name is not valid UTF-8"},
      {"name with a control character", BYTES("id " SECRET "\x01"), NULL,
       "the name holds a control character"},
      {"name with a slash", BYTES("id " SECRET "/"), NULL,
       "the name holds a slash"},
      {"ID with a slash, without a name", BYTES(SECRET "/"), NULL,
       "the name holds a slash"},
      {"no type", BYTES("id type="), NULL, "the type is not"},
      {"type in capitals", BYTES("id type=S3CR3T"), NULL, "the type is not"},
      {"no time", BYTES("id started="), NULL, "the time is neither"},
      {"bad time", BYTES("id started=" SECRET), NULL, "the time is neither"},
      {"time with a space", BYTES("id started=2026-11-24 08:00:00Z"), NULL,
       "the time is neither"},
      {"time out of range", BYTES("id started=0"), NULL,
       "the time is out of range"},
      {"ID twice", BYTES("first other"), NULL, "stands twice in its account"},
      {"name twice", BYTES("id first"), NULL, "another task has the same name"},
      {"byte order mark inside", BYTES("\xEF\xBB\xBF"), NULL,
       "the task ID is not printable ASCII"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char expected[1024], place[] = ", line 2: ";
    struct problems problems;
    write_file("first\n");
    write_bytes(cases[i].line, cases[i].size, "a");
    append("\nlast\n");
    struct task_file *file = open_file("");
    refresh(cases[i].name, file, true, "");
    char *tasks = list(file, &problems);
    const char *task = cases[i].task == NULL ? "" : cases[i].task;
    snprintf(expected, sizeof(expected),
             "first first project-setup 0\n%s%s"
             "last last project-setup 0\n",
             task, task[0] == '\0' ? "" : "\n");
    if (strcmp(tasks, expected) != 0)
      fail_msg("case \"%s\": the tasks are \"%s\"", cases[i].name, tasks);
    ASSERT_CASE(cases[i].name,
                problems.count == (cases[i].problem == NULL ? 0 : 1));
    if (cases[i].problem != NULL &&
        (strncmp(problems.text, place, strlen(place)) != 0 ||
         strstr(problems.text, cases[i].problem) == NULL))
      fail_msg("case \"%s\": %s", cases[i].name, problems.text);
    free(tasks);
    task_file_free(file);
  }
}

static void test_files(void **state) {
  static const struct {
    const char *name, *bytes;
    size_t size;
    const char *tasks;
  } cases[] = {
      {"line feeds only", BYTES("\n\n\n"), ""},
      {"comments only", BYTES("# a\n# b\n"), ""},
      {"byte order mark",
       BYTES("\xEF\xBB\xBF"
             "a\nb\n"),
       "a a project-setup 0\nb b project-setup 0\n"},
      {"byte order mark before a comment", BYTES("\xEF\xBB\xBF#a\nb\n"),
       "b b project-setup 0\n"},
      {"byte order mark before nothing", BYTES("\xEF\xBB\xBF\n"), ""},
      {"CRLF", BYTES("a x\r\n\r\nb\r\n"),
       "a x project-setup 0\nb b project-setup 0\n"},
      {"the order of the file", BYTES("c\na\n\nb\n"),
       "c c project-setup 0\na a project-setup 0\nb b project-setup 0\n"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    write_bytes(cases[i].bytes, cases[i].size, "w");
    struct task_file *file = open_file("");
    refresh(cases[i].name, file, true, "");
    expect(cases[i].name, file, cases[i].tasks);
    refresh(cases[i].name, file, false, "");
    expect(cases[i].name, file, cases[i].tasks);
    task_file_free(file);
  }
}

static void test_empty_file(void **state) {
  (void)state;
  write_file("");
  struct task_file *file = open_file("");
  refresh("empty", file, false, "");
  refresh("empty still", file, false, "");
  expect("empty", file, "");
  append("a\n");
  refresh("first task", file, true, "");
  expect("first task", file, "a a project-setup 0\n");
  write_file("");
  refresh("emptied", file, true, "");
  expect("emptied", file, "");
  task_file_free(file);
}

/* The prefix counts for the length of the name, and for duplicates. */
static void test_prefix(void **state) {
  struct problems problems;
  (void)state;
  write_file("a 0123456789012345678901234567890123456789012345678901234567"
             "890123456789012345678901234567890123456789012345678901234567"
             "89\n" /* 120 bytes */
             "b 0123456789012345678901234567890123456789012345678901234567"
             "890123456789012345678901234567890123456789012345678901234567"
             "8901234\n"
             "c a\nd team-a\n");
  struct task_file *file = open_file("team-");
  refresh("first", file, true, "");
  char *tasks = list(file, &problems);
  assert_int_equal(problems.count, 1);
  assert_non_null(strstr(problems.text, ", line 2: the name, with its"));
  assert_non_null(strstr(tasks, "a team-0123456789"));
  assert_non_null(strstr(tasks, "c team-a project-setup 0\n"
                                "d team-team-a project-setup 0\n"));
  free(tasks);
  task_file_free(file);
}

/* What the list has already is not added a second time. */
static void test_several_files(void **state) {
  struct task_definition configured = {.account = ACCOUNT,
                                       .id = (char[]){"a"},
                                       .name = (char[]){"x"},
                                       .type = (char[]){"dub"}};
  struct task_list *tasks = task_list_create();
  struct problems problems = {0};
  (void)state;
  assert_non_null(tasks);
  assert_null(task_list_add(tasks, &configured));
  write_file("a\nb x\nc\n");
  struct task_file *file = open_file("");
  refresh("first", file, true, "");
  assert_true(task_file_list(file, tasks, keep_problem, &problems));
  assert_int_equal(problems.count, 2);
  assert_int_equal(task_list_count(tasks), 2);
  assert_string_equal(task_list_get(tasks, 0)->type, "dub");
  assert_string_equal(task_list_get(tasks, 1)->id, "c");
  task_file_free(file);
  task_list_free(tasks);
}

/* Not more than so many bad lines are told, but all good ones are taken. */
static void test_many_bad_lines(void **state) {
  static const struct {
    size_t bad, told;
  } cases[] = {
      {0, 0},
      {1, 1},
      {TASK_FILE_PROBLEMS_MAX - 1, TASK_FILE_PROBLEMS_MAX - 1},
      {TASK_FILE_PROBLEMS_MAX, TASK_FILE_PROBLEMS_MAX},
      {TASK_FILE_PROBLEMS_MAX + 1, TASK_FILE_PROBLEMS_MAX + 1},
      {1000, TASK_FILE_PROBLEMS_MAX + 1},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct problems problems;
    char last[32];
    write_file("first\n");
    FILE *stream = fopen(path, "a");
    assert_non_null(stream);
    for (size_t bad = 0; bad < cases[i].bad; bad++)
      fprintf(stream, "..\n");
    fprintf(stream, "last\n");
    assert_int_equal(fclose(stream), 0);
    struct task_file *file = open_file("");
    refresh("bad lines", file, true, "");
    char *tasks = list(file, &problems);
    assert_string_equal(
        tasks, "first first project-setup 0\nlast last project-setup 0\n");
    assert_int_equal(problems.count, cases[i].told);
    bool more = cases[i].bad > TASK_FILE_PROBLEMS_MAX;
    assert_true(more ==
                (strstr(problems.text,
                        "\n: there are more bad lines than these\n") != NULL));
    snprintf(last, sizeof(last), ", line %zu: ", cases[i].told + 1);
    assert_true((cases[i].told > 0 && !more) ==
                (strstr(problems.text, last) != NULL));
    free(tasks);
    task_file_free(file);
  }
}

static void test_changes(void **state) {
  (void)state;
  write_file("a\n");
  struct task_file *file = open_file("");
  refresh("first", file, true, "");
  refresh("unchanged", file, false, "");
  write_file("a\n");
  refresh("written again", file, false, "");
  expect("written again", file, "a a project-setup 0\n");
  write_file("b\n");
  refresh("same size", file, true, "");
  expect("same size", file, "b b project-setup 0\n");
  append("c\n");
  refresh("appended", file, true, "");
  expect("appended", file, "b b project-setup 0\nc c project-setup 0\n");
  write_file("b\n");
  refresh("shorter", file, true, "");
  expect("shorter", file, "b b project-setup 0\n");
  ahead = 1000;
  refresh("much later", file, false, "");
  refresh("later still", file, false, "");
  expect("later", file, "b b project-setup 0\n");
  task_file_free(file);
}

static void make_a_large_file(void) {
  write_file("large\n");
  assert_int_equal(truncate(path, (off_t)TASK_FILE_MAX + 1), 0);
}

/* While a file can't be read, its last good list goes on. */
static void test_unreadable(void **state) {
  static const struct {
    const char *name;
    void (*make)(void);
    const char *problem;
  } cases[] = {
      {"missing", make_nothing, ": No such file or directory"},
      {"directory", make_a_directory, ": it is not a regular file"},
      {"FIFO", make_a_fifo, ": it is not a regular file"},
      {"too large", make_a_large_file, ": it is larger than 64 MiB"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    remove_files();
    cases[i].make();
    struct task_file *file = open_file("");
    refresh(cases[i].name, file, false, cases[i].problem);
    refresh(cases[i].name, file, false, cases[i].problem);
    expect(cases[i].name, file, "");
    remove_files();
    write_file("a\n");
    refresh(cases[i].name, file, true, "");
    remove_files();
    cases[i].make();
    refresh(cases[i].name, file, false, cases[i].problem);
    ahead = 1000; /* the same file, which is not even read again */
    refresh(cases[i].name, file, false, cases[i].problem);
    refresh(cases[i].name, file, false, cases[i].problem);
    ahead = 0;
    expect(cases[i].name, file, "a a project-setup 0\n");
    remove_files();
    write_file("a\n");
    refresh(cases[i].name, file, false, "");
    write_file("b\n");
    refresh(cases[i].name, file, true, "");
    expect(cases[i].name, file, "b b project-setup 0\n");
    task_file_free(file);
  }
}

/* A bad line that only moves is told as before; one that goes and comes back,
 * or another one in its place, is told anew. */
static void test_moving_bad_line(void **state) {
#define RELATIVE(line) ", line " line ": the task ID is a relative path\n"
  static const struct {
    const char *content, *problems;
  } steps[] = {
      {"a\n..\nb x y\n", ", line 2: the task ID is a relative path\n"
                         ", line 3: there is a word too many; a name has no "
                         "white space\n"},
      {"new\na\n..\nb x y\n",
       ", line 2: the task ID is a relative path\n"
       ", line 3: there is a word too many; a name has no white space\n"},
      {"a\nb x y\n", ", line 3: there is a word too many; a name has no white "
                     "space\n"},
      {"a\nb\nc\n..\n", ", line 4: the task ID is a relative path\n"},
      {"a\nb\nc\n.\n", ", line 4: the task ID is a relative path\n"},
      {".\na\n", ", line 4: the task ID is a relative path\n"},
      /* the same one some times: each as it was */
      {"a\n", ""},
      {"..\na\n..\n..\n", RELATIVE("1") RELATIVE("3") RELATIVE("4")},
      {"b\n..\na\n..\nc\n..\n", RELATIVE("1") RELATIVE("3") RELATIVE("4")},
      {"b\n..\na\n..\nc\n..\nd\n..\n",
       RELATIVE("1") RELATIVE("3") RELATIVE("4") RELATIVE("8")},
      {"..\n..\n..\n..\n",
       RELATIVE("1") RELATIVE("3") RELATIVE("4") RELATIVE("8")},
  };
#undef RELATIVE
  (void)state;
  struct task_file *file = open_file("");
  for (size_t i = 0; i < COUNT(steps); i++) {
    struct problems problems;
    write_file(steps[i].content);
    refresh(steps[i].content, file, true, "");
    free(list(file, &problems));
    if (strcmp(problems.text, steps[i].problems) != 0)
      fail_msg("case \"%s\": %s", steps[i].content, problems.text);
  }
  task_file_free(file);
}

static void test_largest_file(void **state) {
  (void)state;
  write_file("a\n");
  assert_int_equal(truncate(path, (off_t)TASK_FILE_MAX), 0);
  struct task_file *file = open_file("");
  refresh("largest", file, true, "");
  expect("largest", file, "a a project-setup 0\n");
  task_file_free(file);
}

/* A last line that does not end counts at once in a file that has been left
 * alone for some time. */
static void test_settled_last_line(void **state) {
  (void)state;
  ahead = 1000;
  write_file("a\nb");
  struct task_file *file = open_file("");
  refresh("first look", file, true, "");
  expect("first look", file, "a a project-setup 0\nb b project-setup 0\n");
  refresh("second look", file, false, "");
  append("c");
  refresh("appended to", file, true, "");
  expect("appended to", file, "a a project-setup 0\nbc bc project-setup 0\n");
  ahead = 0; /* somebody is writing it now */
  append("d");
  refresh("being written", file, true, "");
  expect("being written", file, "a a project-setup 0\n");
  task_file_free(file);
}

/* In one that is being written, it counts at the second of two like looks. */
static void test_last_line(void **state) {
  (void)state;
  write_file("a");
  struct task_file *file = open_file("");
  refresh("first look", file, false, "");
  expect("first look", file, "");
  refresh("second look", file, true, "");
  expect("second look", file, "a a project-setup 0\n");
  refresh("third look", file, false, "");
  append("b\nc");
  refresh("more of it", file, true, "");
  expect("more of it", file, "ab ab project-setup 0\n");
  append("d");
  refresh("being written", file, false, "");
  append("e");
  refresh("still being written", file, false, "");
  expect("still being written", file, "ab ab project-setup 0\n");
  write_file("ab\ncde");
  refresh("written again", file, true, "");
  expect("written again", file,
         "ab ab project-setup 0\ncde cde project-setup 0\n");
  write_file("ab\ncde");
  refresh("written once more", file, false, "");
  expect("written once more", file,
         "ab ab project-setup 0\ncde cde project-setup 0\n");
  write_file("ab\ncdef");
  refresh("changed at the end", file, true, "");
  expect("changed at the end", file, "ab ab project-setup 0\n");
  refresh("settled", file, true, "");
  expect("settled", file, "ab ab project-setup 0\ncdef cdef project-setup 0\n");
  write_file("ab\n");
  refresh("without the last line", file, true, "");
  expect("without the last line", file, "ab ab project-setup 0\n");
  task_file_free(file);
}

/* Bad or not, it is not looked into before. */
static void test_bad_last_line(void **state) {
  struct problems problems;
  (void)state;
  write_file("a\n..");
  struct task_file *file = open_file("");
  refresh("first look", file, true, "");
  expect("first look", file, "a a project-setup 0\n");
  refresh("second look", file, true, "");
  char *tasks = list(file, &problems);
  assert_string_equal(tasks, "a a project-setup 0\n");
  assert_string_equal(problems.text,
                      ", line 2: the task ID is a relative path\n");
  free(tasks);
  task_file_free(file);
}

/* A failure between two looks: they are not two in a row. */
static void test_last_line_and_failures(void **state) {
  static const struct {
    const char *name;
    void (*make)(void);
  } cases[] = {
      {"missing", make_nothing},
      {"too large", make_a_large_file},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    remove_files();
    write_file("a\nb");
    struct task_file *file = open_file("");
    refresh("first look", file, true, "");
    assert_int_equal(rename(path, other_path), 0);
    cases[i].make();
    refresh(cases[i].name, file, false, "task file");
    remove(path);
    assert_int_equal(rename(other_path, path), 0);
    refresh("back", file, false, "");
    expect("back", file, "a a project-setup 0\n");
    refresh("second look", file, true, "");
    expect("second look", file, "a a project-setup 0\nb b project-setup 0\n");
    assert_int_equal(rename(path, other_path), 0);
    cases[i].make();
    refresh(cases[i].name, file, false, "task file");
    expect(cases[i].name, file, "a a project-setup 0\nb b project-setup 0\n");
    remove(path);
    assert_int_equal(rename(other_path, path), 0);
    refresh("back again", file, false, "");
    expect("back again", file, "a a project-setup 0\nb b project-setup 0\n");
    task_file_free(file);
  }
}

static void keep_last(void *context, const char *text) {
  snprintf(context, TASK_FILE_PROBLEM_SIZE, "%s", text);
}

/* Whatever the path, what is wrong is told, in characters that can be shown. */
static void test_strange_paths(void **state) {
  static const char *const ends[] = {
      "/missing",
      "/\xFF\xFE",
      "/line\nfeed",
      "/\xC3\xA9\xE2\x82\xAC",
  };
  (void)state;
  for (size_t i = 0; i < COUNT(ends) * 2; i++) {
    char strange[1024], problem[TASK_FILE_PROBLEM_SIZE];
    memset(strange, '/', sizeof(strange));
    memcpy(strange, directory, strlen(directory));
    strcpy(strange + (i % 2 == 0 ? strlen(directory) : 600), ends[i / 2]);
    struct task_file *file = task_file_create(strange, ACCOUNT, "");
    assert_non_null(file);
    assert_false(task_file_refresh(file, problem));
    assert_in_range(strlen(problem), 1, TASK_FILE_PROBLEM_SIZE - 1);
    assert_non_null(strstr(problem, directory));
    assert_non_null(strstr(problem, ": No such file or directory"));
    assert_true(utf8_is_valid(problem, strlen(problem)));
    assert_false(utf8_has_control(problem));
    task_file_free(file);
  }
}

static void test_long_path(void **state) {
  char slashes[1024], told[TASK_FILE_PROBLEM_SIZE] = "";
  struct task_list *tasks = task_list_create();
  (void)state;
  assert_non_null(tasks);
  write_file("a started=yesterday\n"); /* the longest text */
  memset(slashes, '/', sizeof(slashes));
  memcpy(slashes, directory, strlen(directory));
  strcpy(slashes + 600, strrchr(path, '/') + 1);
  struct task_file *file = task_file_create(slashes, ACCOUNT, "");
  assert_non_null(file);
  assert_true(task_file_refresh(file, told));
  assert_true(task_file_list(file, tasks, keep_last, told));
  assert_non_null(strstr(told, ", line 1: the time is neither"));
  assert_non_null(strstr(told, "which it follows"));
  task_file_free(file);
  task_list_free(tasks);
}

/* Neither many lines nor long ones take more than their time: with anything
 * quadratic, this would not end. */
static void test_many_lines(void **state) {
  enum { MANY = 100000 };
  struct task_list *tasks = task_list_create();
  struct problems problems = {0};
  (void)state;
  assert_non_null(tasks);
  FILE *stream = fopen(path, "w");
  assert_non_null(stream);
  for (int i = 0; i < MANY; i++)
    fprintf(stream, "660945d2-6a54-4b8b-8295-%012d name-%d type=dub\n", i, i);
  for (int i = 0; i < MANY; i++)
    fprintf(stream, "..\n#\n");
  for (int i = 0; i < MANY; i++)
    fprintf(stream, "# # # type= ");
  fprintf(stream, "\nlong");
  for (int i = 0; i < 10 * MANY; i++)
    fputc(' ', stream);
  fprintf(stream, "name\n");
  assert_int_equal(fclose(stream), 0);
  struct task_file *file = open_file("");
  refresh("many", file, true, "");
  assert_true(task_file_list(file, tasks, keep_problem, &problems));
  assert_int_equal(task_list_count(tasks), MANY + 1);
  assert_int_equal(problems.count, TASK_FILE_PROBLEMS_MAX + 1);
  assert_string_equal(task_list_get(tasks, MANY)->name, "name");
  task_file_free(file);
  task_list_free(tasks);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, start_without_files)
  const struct CMUnitTest tests[] = {
      TEST(test_free_null),
      TEST(test_before_the_first_look),
      TEST(test_copies),
      TEST(test_lines),
      TEST(test_files),
      TEST(test_empty_file),
      TEST(test_prefix),
      TEST(test_several_files),
      TEST(test_many_bad_lines),
      TEST(test_changes),
      TEST(test_unreadable),
      TEST(test_moving_bad_line),
      TEST(test_largest_file),
      TEST(test_settled_last_line),
      TEST(test_last_line),
      TEST(test_bad_last_line),
      TEST(test_last_line_and_failures),
      TEST(test_strange_paths),
      TEST(test_long_path),
      TEST(test_many_lines),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
