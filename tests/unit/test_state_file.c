/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "state_file.h"

#include "file_contents.h"
#include "json_reader.h"
#include "record_difference.h"
#include "temporary_files.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1764000000000
#define HEAD "{\"camb_task_state\":1}\n"
#define TASKS_MAX 8

/* What the state file at "path" makes beside itself. */
static char new_path[sizeof(path) + 16], damaged_path[sizeof(path) + 16];

static void remove_state(void) {
  remove_files();
  remove(new_path);
  remove(damaged_path);
}

static int set_up(void **state) {
  if (make_directory(state) != 0)
    return -1;
  snprintf(new_path, sizeof(new_path), "%s.new", path);
  snprintf(damaged_path, sizeof(damaged_path), "%s.damaged", path);
  return 0;
}

static int tear_down(void **state) {
  remove_state();
  return remove_directory(state);
}

static int start_without_files(void **state) {
  (void)state;
  remove_state();
  return 0;
}

static void write_state(const char *text) { write_text(path, text); }

static bool exists(const char *file_path) {
  struct stat status;
  return lstat(file_path, &status) == 0;
}

/* What the file holds, to be freed. */
static char *read_bytes(const char *file_path, size_t *size) {
  FILE *file = fopen(file_path, "r");
  assert_non_null(file);
  assert_int_equal(fseek(file, 0, SEEK_END), 0);
  *size = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*size + 1);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, file), *size);
  bytes[*size] = '\0';
  fclose(file);
  return bytes;
}

static void assert_holds(const char *name, const char *file_path,
                         const char *bytes, size_t size) {
  ASSERT_CASE(name, exists(file_path));
  size_t found_size;
  char *found = read_bytes(file_path, &found_size);
  if (found_size != size || memcmp(found, bytes, size) != 0)
    fail_msg("case \"%s\": %s holds\n%s\ninstead of\n%s", name, file_path,
             found, bytes);
  free(found);
}

static const char *const pointers[] = {"/progress", "/a~1\"b\\", "/progress",
                                       "/ä"};
static const struct state_account accounts[] = {
    {.name = "default", .pointers = pointers, .pointer_count = COUNT(pointers)},
    {.name = "other"},
};

static struct state_file *state_file(void) {
  struct state_file *file = state_file_create(path, accounts, COUNT(accounts));
  assert_non_null(file);
  return file;
}

/* What came of a file. */
struct found {
  struct task_record tasks[TASKS_MAX];
  struct account_record accounts[TASKS_MAX];
  size_t task_count, account_count;
  size_t limit; /* of records, behind which there is no memory */
  char ids[TASKS_MAX * (TASK_ID_MAX + 1)]; /* of the tasks, one by one */
  char problem[STATE_FILE_PROBLEM_SIZE];
};

static bool take_task(void *context, const struct task_record *record) {
  struct found *found = context;
  if (found->task_count + found->account_count == found->limit)
    return false;
  found->tasks[found->task_count++] = *record;
  strcat(found->ids, record->id);
  return true;
}

static bool take_account(void *context, const struct account_record *record) {
  struct found *found = context;
  if (found->task_count + found->account_count == found->limit)
    return false;
  found->accounts[found->account_count++] = *record;
  return true;
}

static bool read_some(struct state_file *file, int64_t now, size_t limit,
                      struct found *found) {
  memset(found, 0, sizeof(*found));
  memset(found->problem, 'x', sizeof(found->problem));
  found->limit = limit;
  struct state_reader reader = {found, take_task, take_account};
  bool done = state_file_read(file, now, &reader, found->problem);
  assert_non_null(memchr(found->problem, '\0', sizeof(found->problem)));
  assert_null(strchr(found->problem, '\n'));
  return done;
}

static void read_all(struct state_file *file, struct found *found) {
  assert_true(read_some(file, NOW, TASKS_MAX, found));
}

/* Reads the file at the path by itself. */
static void read_path(struct found *found) {
  struct state_file *file = state_file();
  read_all(file, found);
  state_file_free(file);
}

static void commit(const char *name, struct state_file *file) {
  char problem[STATE_FILE_PROBLEM_SIZE] = "x";
  bool done = state_file_commit(file, problem);
  if (!done || problem[0] != '\0')
    fail_msg("case \"%s\": %s", name, problem);
  ASSERT_CASE(name, !exists(new_path));
}

/* The commit fails and says so by that text. */
static void fail_to_commit(const char *name, struct state_file *file,
                           const char *text) {
  char problem[STATE_FILE_PROBLEM_SIZE] = "";
  ASSERT_CASE(name, !state_file_commit(file, problem));
  ASSERT_CASE(name, strncmp(problem, "state file /", 12) == 0);
  if (strstr(problem, text) == NULL)
    fail_msg("case \"%s\": \"%s\" instead of \"%s\"", name, problem, text);
}

static const struct task_record nothing_known = {
    .id = "a",
    .type = TASK_TYPE_DEFAULT,
    .run_id = STATUS_RUN_ID_NONE,
    .media_duration = -1,
    .fields = {[0 ... STATUS_FIELDS_MAX - 1] = NAN}};

static const struct task_record all_known = {
    .id = "660945d2/\"\\~!",
    .name = "Vorspann \"ä\" \\ 預告片",
    .type = "tts/v2",
    .started = 1,
    .listed = NOW - 3,
    .unlisted = 253402300799999,
    .state = TASK_PENDING,
    .saw_pending = true,
    .changed = NOW - 2,
    .confirmed = NOW - 1,
    .run_id = 4711,
    .exception_reason = "SOME/REASON",
    .message = "it's \"bad\"\\/ ß 🎬",
    .media_duration = 12.1,
    .fields = {0.1, -1e300, 0.1, 0, [4 ... STATUS_FIELDS_MAX - 1] = NAN},
    .end_told = true,
    .stalled_told = true};

static void assert_same_task(const char *name, const struct task_record *a,
                             const struct task_record *b) {
  const char *difference = record_difference(a, b);
  if (difference != NULL)
    fail_msg("case \"%s\": another %s", name, difference);
}

/* Writes the task and reads it again. */
static void go_round(const char *name, const struct task_record *record) {
  static struct found found;
  struct state_file *file = state_file();
  ASSERT_CASE(name, state_file_begin(file, NOW));
  state_file_put_task(file, record);
  commit(name, file);
  read_all(file, &found);
  if (found.problem[0] != '\0')
    fail_msg("case \"%s\": %s", name, found.problem);
  ASSERT_CASE(name, found.account_count == 0);
  ASSERT_CASE(name, found.task_count == 1);
  assert_same_task(name, &found.tasks[0], record);
  state_file_free(file);
}

static void test_every_state(void **state) {
  (void)state;
  for (int i = 0; i < TASK_STATE_COUNT; i++) {
    struct task_record record = all_known;
    record.state = (enum task_state)i;
    go_round(task_state_info[i].name, &record);
    record = nothing_known;
    record.state = (enum task_state)i;
    go_round(task_state_info[i].name, &record);
  }
}

static void test_every_member_alone(void **state) {
  (void)state;
  struct task_record record;
#define ALONE(member)                                                          \
  record = nothing_known;                                                      \
  record.member = all_known.member;                                            \
  go_round(#member, &record);                                                  \
  record = all_known;                                                          \
  record.member = nothing_known.member;                                        \
  go_round("all but " #member, &record)
#define ALONE_TEXT(member)                                                     \
  record = nothing_known;                                                      \
  memcpy(record.member, all_known.member, sizeof(record.member));              \
  go_round(#member, &record);                                                  \
  record = all_known;                                                          \
  memcpy(record.member, nothing_known.member, sizeof(record.member));          \
  go_round("all but " #member, &record)
  ALONE_TEXT(id);
  ALONE_TEXT(name);
  ALONE_TEXT(type);
  ALONE(started);
  ALONE(listed);
  ALONE(unlisted);
  ALONE(saw_pending);
  ALONE(changed);
  ALONE(confirmed);
  ALONE(run_id);
  ALONE_TEXT(exception_reason);
  ALONE_TEXT(message);
  ALONE(media_duration);
  ALONE(fields[1]);
  ALONE(fields[3]);
  ALONE(end_told);
  ALONE(stalled_told);
  record = nothing_known;
  record.account = 1;
  go_round("account", &record);
}

static void test_extreme_numbers(void **state) {
  static const int64_t run_ids[] = {0, -1, INT64_MAX, INT64_MIN + 1};
  static const double numbers[] = {0.0,     1.0 / 3,      1e300,
                                   5e-324,  1e15,         9007199254740993.0,
                                   1.7e308, 123456789.125};
  (void)state;
  for (size_t i = 0; i < COUNT(run_ids); i++) {
    struct task_record record = nothing_known;
    record.run_id = run_ids[i];
    go_round("run ID", &record);
  }
  for (size_t i = 0; i < COUNT(numbers); i++) {
    struct task_record record = nothing_known;
    record.media_duration = numbers[i];
    record.fields[1] = -numbers[i];
    go_round("number", &record);
  }
}

static void fill(char *text, size_t size, const char *with) {
  text[0] = '\0';
  while (strlen(text) + strlen(with) < size)
    strcat(text, with);
}

/* The line that takes most room. */
static void test_longest_texts(void **state) {
  (void)state;
  static const char *const fillers[] = {"x", "\"", "\\", "/"};
  for (size_t i = 0; i < COUNT(fillers); i++) {
    struct task_record record = all_known;
    fill(record.id, sizeof(record.id), fillers[i]);
    fill(record.name, sizeof(record.name),
         fillers[i][0] == '/' ? "\u2028" : fillers[i]);
    fill(record.type, sizeof(record.type), "x");
    fill(record.exception_reason, sizeof(record.exception_reason), fillers[i]);
    fill(record.message, sizeof(record.message), fillers[i]);
    record.media_duration = 1.0 / 3 * 1e-300;
    go_round(fillers[i], &record);
  }
}

/* What can't be said in JSON is left out. */
static void test_numbers_that_are_none(void **state) {
  static const double numbers[] = {NAN, INFINITY, -INFINITY};
  (void)state;
  for (size_t i = 0; i < COUNT(numbers); i++) {
    struct task_record record = nothing_known;
    struct state_file *file = state_file();
    record.media_duration = record.fields[0] = numbers[i];
    assert_true(state_file_begin(file, NOW));
    state_file_put_task(file, &record);
    commit("no number", file);
    static const char text[] =
        HEAD "{\"account\":\"default\",\"task\":\"a\"}\n{\"end\":2}\n";
    assert_holds("no number", path, text, strlen(text));
    state_file_free(file);
  }
}

/* The file as the header describes it. */
static void test_text(void **state) {
  static const char text[] =
      HEAD "{\"account\":\"other\",\"key_rejected\":true,\"blind\":true,"
           "\"held_until\":1764000000000}\n"
           "{\"account\":\"default\",\"task\":\"660945d2/\\\"\\\\~!\","
           "\"type\":\"tts/v2\",\"name\":\"Vorspann \\\"ä\\\" \\\\ 預告片\","
           "\"started\":1,\"listed\":1763999999997,"
           "\"unlisted\":253402300799999,\"state\":\"pending\","
           "\"saw_pending\":true,\"changed\":1763999999998,"
           "\"confirmed\":1763999999999,\"run_id\":4711,"
           "\"exception_reason\":\"SOME/REASON\","
           "\"message\":\"it's \\\"bad\\\"\\\\/ ß 🎬\","
           "\"media_duration\":12.5,\"end_told\":true,\"stalled_told\":true,"
           "\"fields\":{\"/progress\":0.5,\"/a~1\\\"b\\\\\":-1.5,"
           "\"/ä\":0.0}}\n"
           "{\"account\":\"other\",\"task\":\"a\"}\n"
           "{\"end\":4}\n";
  static const struct account_record quiet = {.account = 0},
                                     loud = {1, true, true, NOW};
  (void)state;
  struct task_record record = all_known, other = nothing_known;
  record.media_duration = 12.5;
  record.fields[0] = record.fields[2] = 0.5;
  record.fields[1] = -1.5;
  other.account = 1;
  struct state_file *file = state_file();
  assert_true(state_file_begin(file, NOW));
  state_file_put_account(file, &quiet);
  state_file_put_account(file, &loud);
  state_file_put_task(file, &record);
  state_file_put_task(file, &other);
  commit("all", file);
  assert_holds("all", path, text, strlen(text));
  state_file_free(file);
}

static void test_accounts(void **state) {
  static const struct account_record records[] = {
      {0, true, false, 0},
      {1, false, true, 0},
      {0, false, false, 1},
      {1, true, true, 253402300799999},
  };
  (void)state;
  static struct found found;
  struct state_file *file = state_file();
  assert_true(state_file_begin(file, NOW));
  for (size_t i = 0; i < COUNT(records); i++)
    state_file_put_account(file, &records[i]);
  commit("accounts", file);
  read_all(file, &found);
  assert_string_equal(found.problem, "");
  assert_int_equal(found.task_count, 0);
  assert_int_equal(found.account_count, COUNT(records));
  for (size_t i = 0; i < COUNT(records); i++) {
    assert_int_equal(found.accounts[i].account, records[i].account);
    assert_int_equal(found.accounts[i].key_rejected, records[i].key_rejected);
    assert_int_equal(found.accounts[i].blind, records[i].blind);
    assert_int_equal(found.accounts[i].held_until, records[i].held_until);
  }
  state_file_free(file);
}

static void test_nothing_to_save(void **state) {
  (void)state;
  static struct found found;
  struct state_file *file = state_file_create(path, NULL, 0);
  read_all(file, &found); /* there is none yet */
  assert_string_equal(found.problem, "");
  assert_false(exists(damaged_path));
  assert_true(state_file_begin(file, NOW));
  commit("nothing", file);
  assert_holds("nothing", path, HEAD "{\"end\":1}\n",
               strlen(HEAD "{\"end\":1}\n"));
  read_all(file, &found);
  assert_string_equal(found.problem, "");
  assert_int_equal(found.task_count + found.account_count, 0);
  state_file_free(file);
  state_file_free(NULL);
}

#define TASK(id) "{\"account\":\"default\",\"task\":\"" id "\"}\n"
#define TASK_WITH(members)                                                     \
  "{\"account\":\"default\",\"task\":\"b\"," members "}\n"

/* Nothing is wrong with these. */
static void test_whole_files(void **state) {
  static const struct {
    const char *name, *text, *ids;
    size_t accounts;
  } cases[] = {
      {"plain", HEAD TASK("a") TASK("b") "{\"end\":3}\n", "ab", 0},
      {"no line feed at the end", HEAD TASK("a") "{\"end\":2}", "a", 0},
      {"CRLF", "{\"camb_task_state\":1}\r\n{\"end\":1}\r\n", "", 0},
      {"spaces", " { \"camb_task_state\" : 1 } \n\t{ \"end\" : 1 }\n", "", 0},
      {"unknown members",
       "{\"camb_task_state\":1,\"by\":[2]}\n" TASK_WITH(
           "\"new\":{\"a\":[null]},\"fields\":{\"/gone\":\"x\"}") "{\"account\""
                                                                  ":\"default\""
                                                                  ",\"new\":"
                                                                  "null}\n{"
                                                                  "\"end\":3,"
                                                                  "\"of\":3}\n",
       "b", 1},
      {"accounts behind their tasks",
       HEAD TASK("a") "{\"account\":\"default\",\"blind\":true}\n{\"end\":3}\n",
       "a", 1},
      {"another order of members",
       HEAD "{\"listed\":1,\"task\":\"a\",\"account\":\"default\"}\n"
            "{\"end\":2}\n",
       "a", 0},
      {"twice the same", HEAD TASK("a") TASK("a") "{\"end\":3}\n", "aa", 0},
      {"other accounts",
       HEAD "{\"account\":\"gone\",\"blind\":true}\n"
            "{\"account\":\"gone\",\"task\":\"b\"}\n" TASK("a") "{\"end\":4}\n",
       "a", 0},
      {"last time", HEAD TASK_WITH("\"changed\":253402300799999") "{\"end\":2}",
       "b", 0},
      {"whole numbers",
       HEAD TASK_WITH(
           "\"media_duration\":3,\"fields\":{\"/progress\":-1}") "{\"end\":2}",
       "b", 0},
  };
  (void)state;
  static struct found found;
  for (size_t i = 0; i < COUNT(cases); i++) {
    write_state(cases[i].text);
    read_path(&found);
    if (found.problem[0] != '\0')
      fail_msg("case \"%s\": %s", cases[i].name, found.problem);
    ASSERT_CASE(cases[i].name, strcmp(found.ids, cases[i].ids) == 0);
    ASSERT_CASE(cases[i].name, found.account_count == cases[i].accounts);
    assert_holds(cases[i].name, path, cases[i].text, strlen(cases[i].text));
    ASSERT_CASE(cases[i].name, !exists(damaged_path));
  }
}

/* Reads a damaged file, which goes aside. wrong: with the place. */
static void read_damaged(const char *name, const char *bytes, size_t size,
                         const char *wrong, bool is_used, struct found *found) {
  char problem[STATE_FILE_PROBLEM_SIZE];
  snprintf(problem, sizeof(problem), "state file %s%s; kept as %s, %s", path,
           wrong, damaged_path,
           is_used ? "what is good in it goes on" : "nothing of it is used");
  write_bytes(path, bytes, size);
  read_path(found);
  if (strcmp(found->problem, problem) != 0)
    fail_msg("case \"%s\": \"%s\" instead of \"%s\"", name, found->problem,
             problem);
  ASSERT_CASE(name, !exists(path));
  ASSERT_CASE(name, !exists(new_path));
  assert_holds(name, damaged_path, bytes, size);
}

static void test_bad_head(void **state) {
  static const struct {
    const char *name, *bytes;
    size_t size;
    const char *wrong;
  } cases[] = {
      {"empty", BYTES(""), ": it is empty"},
      {"empty line", BYTES("\n" TASK("a")), ", line 1: it is empty"},
      {"zeros", BYTES("\0\0\0\0\0\0\0\0"), ", line 1: it holds a NUL byte"},
      {"not JSON", BYTES("#!/bin/sh\n"), ", line 1: it is not JSON"},
      {"not UTF-8", BYTES("\xFF\n"), ", line 1: it is not valid UTF-8"},
      {"null", BYTES("null\n"), ", line 1: it is not an object"},
      {"list", BYTES("[1]\n"), ", line 1: it is not an object"},
      {"task", BYTES(TASK("a") "{\"end\":1}\n"),
       ", line 1: it is not the head of a state file"},
      {"end", BYTES("{\"end\":0}\n"),
       ", line 1: it is not the head of a state file"},
      {"version as a text",
       BYTES("{\"camb_task_state\":\"1\"}\n" TASK("a") "{\"end\":2}\n"),
       ", line 1: it is not the head of a state file"},
      {"newer version",
       BYTES("{\"camb_task_state\":2}\n" TASK("a") "{\"end\":2}\n"),
       ", line 1: the file is of another version"},
      {"older version",
       BYTES("{\"camb_task_state\":0}\n" TASK("a") "{\"end\":2}\n"),
       ", line 1: the file is of another version"},
  };
  (void)state;
  static struct found found;
  for (size_t i = 0; i < COUNT(cases); i++) {
    read_damaged(cases[i].name, cases[i].bytes, cases[i].size, cases[i].wrong,
                 false, &found);
    ASSERT_CASE(cases[i].name, found.task_count + found.account_count == 0);
  }
}

/* What can be wrong with the third line of a file. */
static const struct {
  const char *name, *line, *wrong;
  size_t size;
} bad_lines[] = {
#define LINE(name, line, wrong)                                                \
  { name, line "\n", wrong, sizeof(line) }
#define MEMBER(name, members, wrong)                                           \
  { name, TASK_WITH(members), wrong, sizeof(TASK_WITH(members)) - 1 }
    LINE("empty", "", "it is empty"),
    LINE("not JSON", "{\"account\":\"default\",\"task\":\"b", "it is not JSON"),
    LINE("two on a line", "{\"account\":\"default\"}{}", "it is not JSON"),
    LINE("NUL", "{\"account\":\"default\",\"task\":\"b\"}\0",
         "it holds a NUL byte"),
    LINE("not UTF-8", "{\"account\":\"default\",\"task\":\"b\",\"x\":\"\xC3\"}",
         "it is not valid UTF-8"),
    LINE("list", "[]", "it is not an object"),
    LINE("null", "null", "it is not an object"),
    LINE("text", "\"b\"", "it is not an object"),
    LINE("no account", "{\"task\":\"b\"}",
         "it is neither a task nor an account"),
    LINE("no members", "{}", "it is neither a task nor an account"),
    LINE("account", "{\"account\":1,\"task\":\"b\"}",
         "\"account\" is not a text"),
    LINE("null account", "{\"account\":null,\"task\":\"b\"}",
         "\"account\" is not a text"),
    LINE("NUL in the account", "{\"account\":\"default\\u0000\"}",
         "\"account\" is not a text"),
    LINE("flag", "{\"account\":\"default\",\"blind\":1}",
         "\"blind\" is neither true nor false"),
    LINE("other flag", "{\"account\":\"gone\",\"key_rejected\":\"true\"}",
         "\"key_rejected\" is neither true nor false"),
    LINE("hold", "{\"account\":\"default\",\"held_until\":-1}",
         "\"held_until\" is not a time"),
    LINE("ID", "{\"account\":\"default\",\"task\":7}",
         "\"task\" is not a text"),
    LINE("null ID", "{\"account\":\"default\",\"task\":null}",
         "\"task\" is not a text"),
    LINE("NUL in the ID", "{\"account\":\"default\",\"task\":\"b\\u0000c\"}",
         "\"task\" is not a text"),
    LINE("empty ID", "{\"account\":\"default\",\"task\":\"\"}",
         "the task ID is empty"),
    LINE("bad ID", "{\"account\":\"default\",\"task\":\"..\"}",
         "the task ID is a relative path"),
    LINE("bad ID elsewhere", "{\"account\":\"gone\",\"task\":\"b c\"}",
         "the task ID is not printable ASCII without white space"),
    MEMBER("name", "\"name\":true", "\"name\" is not a text"),
    MEMBER("empty name", "\"name\":\"\"", "the name is empty"),
    MEMBER("slash", "\"name\":\"a/b\"", "the name holds a slash"),
    MEMBER("control character", "\"name\":\"a\\u0007b\"",
           "the name holds a control character"),
    MEMBER("type", "\"type\":[]", "\"type\" is not a text"),
    MEMBER("bad type", "\"type\":\"Dub\"",
           "the type is not a path of at most 64 lower-case letters, digits, "
           "'-' and '/'"),
    MEMBER("time", "\"started\":\"2026\"", "\"started\" is not a time"),
    MEMBER("fraction", "\"listed\":1.5", "\"listed\" is not a time"),
    MEMBER("null time", "\"unlisted\":null", "\"unlisted\" is not a time"),
    MEMBER("negative", "\"changed\":-1", "\"changed\" is not a time"),
    MEMBER("far", "\"confirmed\":253402300800000",
           "\"confirmed\" is not a time"),
    MEMBER("very far", "\"confirmed\":18446744073709551615",
           "\"confirmed\" is not a time"),
    MEMBER("state", "\"state\":1", "\"state\" is not a state"),
    MEMBER("unknown state", "\"state\":\"Pending\"",
           "\"state\" is not a state"),
    MEMBER("saw pending", "\"saw_pending\":null",
           "\"saw_pending\" is neither true nor false"),
    MEMBER("run ID", "\"run_id\":\"1\"", "\"run_id\" is not a whole number"),
    MEMBER("fractional run ID", "\"run_id\":1.0",
           "\"run_id\" is not a whole number"),
    MEMBER("large run ID", "\"run_id\":9223372036854775808",
           "\"run_id\" is not a whole number"),
    MEMBER("reason", "\"exception_reason\":{}",
           "\"exception_reason\" is not a text"),
    MEMBER("NUL in the reason", "\"exception_reason\":\"a\\u0000b\"",
           "\"exception_reason\" is not a text"),
    MEMBER("message", "\"message\":null", "\"message\" is not a text"),
    MEMBER("duration", "\"media_duration\":\"1\"",
           "\"media_duration\" is not a duration"),
    MEMBER("negative duration", "\"media_duration\":-1",
           "\"media_duration\" is not a duration"),
    MEMBER("endless duration", "\"media_duration\":1e999",
           "\"media_duration\" is not a duration"),
    MEMBER("told", "\"end_told\":0", "\"end_told\" is neither true nor false"),
    MEMBER("told stalled", "\"stalled_told\":\"\"",
           "\"stalled_told\" is neither true nor false"),
    MEMBER("fields", "\"fields\":[1]", "\"fields\" is not an object"),
    MEMBER("field", "\"fields\":{\"/progress\":\"1\"}",
           "one of \"fields\" is not a number"),
    MEMBER("null field", "\"fields\":{\"/progress\":null}",
           "one of \"fields\" is not a number"),
    MEMBER("endless field", "\"fields\":{\"/progress\":-1e999}",
           "one of \"fields\" is not a number"),
    LINE("early end", "{\"end\":2}", "it stands behind the end"),
    LINE("wrong end", "{\"end\":3}", "the number of lines is not what it says"),
};

/* The lines around it are fine. */
static void test_bad_line(void **state) {
  (void)state;
  static struct found found;
  for (size_t i = 0; i < COUNT(bad_lines); i++) {
    char bytes[1024], wrong[256];
    size_t size = 0, number = 3;
    if (strstr(bad_lines[i].wrong, "behind the end") != NULL)
      number = 4; /* the next line is what is wrong */
    snprintf(wrong, sizeof(wrong), ", line %zu: %s", number,
             bad_lines[i].wrong);
    memcpy(bytes, BYTES(HEAD TASK("a")));
    size += strlen(HEAD TASK("a"));
    memcpy(bytes + size, bad_lines[i].line, bad_lines[i].size);
    size += bad_lines[i].size;
    memcpy(bytes + size, BYTES(TASK("c") "{\"end\":4}\n"));
    size += strlen(TASK("c") "{\"end\":4}\n");
    read_damaged(bad_lines[i].name, bytes, size, wrong, true, &found);
    ASSERT_CASE(bad_lines[i].name, strcmp(found.ids, "ac") == 0);
    ASSERT_CASE(bad_lines[i].name, found.account_count == 0);
  }
}

static void test_bad_end(void **state) {
  static const struct {
    const char *name, *text, *wrong, *ids;
  } cases[] = {
      {"none", HEAD TASK("a"), ", line 3: the end is missing", "a"},
      {"head only", HEAD, ", line 2: the end is missing", ""},
      {"a line is missing", HEAD TASK("a") "{\"end\":3}\n",
       ", line 3: the number of lines is not what it says", "a"},
      {"a line too many", HEAD TASK("a") TASK("b") "{\"end\":2}\n",
       ", line 4: the number of lines is not what it says", "ab"},
      {"a text", HEAD "{\"end\":\"1\"}\n",
       ", line 2: the number of lines is not what it says", ""},
      {"null", HEAD "{\"end\":null}\n",
       ", line 2: the number of lines is not what it says", ""},
      {"task behind it", HEAD "{\"end\":1}\n" TASK("a"),
       ", line 3: it stands behind the end", "a"},
      {"twice", HEAD "{\"end\":1}\n{\"end\":2}\n",
       ", line 3: it stands behind the end", ""},
      {"zeros behind it", HEAD "{\"end\":1}\n\n", ", line 3: it is empty", ""},
      {"the first of several", HEAD "1\n2\n" TASK("a"),
       ", line 2: it is not an object", "a"},
  };
  (void)state;
  static struct found found;
  for (size_t i = 0; i < COUNT(cases); i++) {
    read_damaged(cases[i].name, cases[i].text, strlen(cases[i].text),
                 cases[i].wrong, true, &found);
    ASSERT_CASE(cases[i].name, strcmp(found.ids, cases[i].ids) == 0);
  }
}

/* Texts that others wrote into the file come out as collectd can bear them. */
static void test_texts_of_others(void **state) {
  static const struct {
    const char *name, *json, *text;
  } cases[] = {
      {"plain", "a b", "a b"},
      {"controls", "a\\n\\tb\\u0085c\\u007F", "a  b c "},
      {"surrogate", "a\\ud800b", "a\uFFFDb"},
  };
  (void)state;
  static struct found found;
  char text[4 * STATUS_MESSAGE_SIZE];
  for (size_t i = 0; i < COUNT(cases); i++) {
    snprintf(
        text, sizeof(text),
        HEAD TASK_WITH(
            "\"message\":\"%s\",\"exception_reason\":\"%s\"") "{\"end\":2}\n",
        cases[i].json, cases[i].json);
    write_state(text);
    read_path(&found);
    assert_string_equal(found.problem, "");
    assert_string_equal(found.tasks[0].message, cases[i].text);
    assert_string_equal(found.tasks[0].exception_reason, cases[i].text);
  }
  char message[2 * STATUS_MESSAGE_SIZE];
  fill(message, sizeof(message), "ä");
  snprintf(text, sizeof(text),
           HEAD TASK_WITH("\"message\":\"x%s\"") "{\"end\":2}", message);
  write_state(text);
  read_path(&found);
  message[STATUS_MESSAGE_SIZE - 2] = '\0';
  assert_string_equal(found.tasks[0].message + 1, message);
}

/* A line may be as long as JSON_READER_MAX, and a longer one takes no more
 * memory than that. */
static void test_long_lines(void **state) {
  static const size_t lengths[] = {JSON_READER_MAX, JSON_READER_MAX + 1,
                                   20 * JSON_READER_MAX};
  static const char start[] =
      "{\"account\":\"default\",\"task\":\"b\",\"x\":\"";
  (void)state;
  static struct found found;
  for (size_t i = 0; i < COUNT(lengths); i++) {
    bool fits = lengths[i] <= JSON_READER_MAX;
    size_t size = lengths[i] + 128;
    char *text = malloc(size), *at = text;
    assert_non_null(text);
    at = stpcpy(at, HEAD TASK("a"));
    char *end = at + lengths[i] - 2;
    memset(stpcpy(at, start), 'x', lengths[i]);
    strcpy(end, "\"}\n" TASK("c") "{\"end\":4}\n");
    if (fits) {
      write_state(text);
      read_path(&found);
      assert_string_equal(found.problem, "");
    } else {
      read_damaged("long", text, strlen(text),
                   ", line 3: it is larger than 1 MiB", true, &found);
    }
    assert_string_equal(found.ids, fits ? "abc" : "ac");
    free(text);
  }
}

/* A file that ends anywhere is whole or is said not to be, and what is whole of
 * it comes through. */
static void test_truncation(void **state) {
  static const char text[] =
      HEAD "{\"account\":\"other\",\"blind\":true}\n" TASK("a")
          TASK_WITH("\"name\":\"ä\",\"fields\":{\"/ä\":12.5}")
              TASK("c") "{\"end\":5}\n";
  (void)state;
  static struct found found;
  size_t size = strlen(text);
  for (size_t i = 0; i <= size; i++) {
    write_bytes(path, text, i);
    read_path(&found);
    assert_int_equal(found.problem[0] == '\0', i >= size - 1);
    assert_int_equal(exists(path), i >= size - 1);
    if (i < size - 1)
      assert_holds("truncated", damaged_path, text, i);
    /* each line ends with the brace before the line feed */
    size_t lines = 0;
    for (size_t k = 0; k < i; k++)
      lines += text[k] == '}' && text[k + 1] == '\n';
    static const char *const ids[] = {"", "", "", "a", "ab", "abc", "abc"};
    assert_string_equal(found.ids, ids[lines]);
    assert_int_equal(found.account_count, lines >= 2);
    remove_files();
  }
}

/* A newer damaged file takes the older one's place. */
static void test_damaged_again(void **state) {
  (void)state;
  static struct found found;
  write_bytes(damaged_path, "old", 3);
  read_damaged("again", "new", 3, ", line 1: it is not JSON", false, &found);
}

/* Where the damaged file can't be put aside, it is still read. */
static void test_damaged_stays(void **state) {
  (void)state;
  static struct found found;
  char problem[STATE_FILE_PROBLEM_SIZE];
  assert_int_equal(mkdir(damaged_path, 0700), 0);
  write_state(HEAD TASK("a"));
  read_path(&found);
  snprintf(problem, sizeof(problem),
           "state file %s, line 3: the end is missing; it can't be kept as "
           "%s: Is a directory, what is good in it goes on",
           path, damaged_path);
  assert_string_equal(found.problem, problem);
  assert_string_equal(found.ids, "a");
  assert_true(exists(path));
}

static void make_a_link_to_a_device(void) {
  assert_int_equal(symlink("/dev/null", path), 0);
}

/* What is not a file is neither moved nor replaced: it is another's, named by
 * mistake. */
static void test_not_a_file(void **state) {
  static const struct {
    const char *name;
    void (*make)(void);
  } cases[] = {
      {"directory", make_a_directory},
      {"FIFO without a writer", make_a_fifo},
      {"link to a device", make_a_link_to_a_device},
  };
  (void)state;
  static struct found found;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct stat before, after;
    remove_files();
    cases[i].make();
    assert_int_equal(lstat(path, &before), 0);
    struct state_file *file = state_file();
    read_all(file, &found);
    ASSERT_CASE(cases[i].name, found.problem[0] == '\0');
    ASSERT_CASE(cases[i].name, !state_file_begin(file, NOW));
    state_file_put_task(file, &all_known);
    fail_to_commit(cases[i].name, file, "it is not a regular file");
    ASSERT_CASE(cases[i].name, !exists(new_path));
    ASSERT_CASE(cases[i].name, !exists(damaged_path));
    assert_int_equal(lstat(path, &after), 0);
    ASSERT_CASE(cases[i].name, before.st_ino == after.st_ino);
    state_file_free(file);
  }
}

/* What can't be opened is put aside. root reads everything, so that to him
 * nothing is forbidden. */
static void test_forbidden(void **state) {
  (void)state;
  static struct found found;
  write_state(HEAD TASK("a") "{\"end\":2}\n");
  assert_int_equal(chmod(path, 0), 0);
  bool is_root = access(path, R_OK) == 0;
  read_path(&found);
  assert_int_equal(exists(path), is_root);
  assert_int_equal(exists(damaged_path), !is_root);
  if (!is_root)
    assert_non_null(strstr(found.problem, ": Permission denied; kept as /"));
  assert_string_equal(found.ids, is_root ? "a" : "");
}

/* A disk that fails: of a process's memory, the first page can't be read. */
static void test_failing_read(void **state) {
  (void)state;
  static struct found found;
  assert_int_equal(symlink("/proc/self/mem", path), 0);
  read_path(&found);
  assert_non_null(
      strstr(found.problem, "line 1: Input/output error; kept as "));
  assert_string_equal(found.ids, "");
  assert_false(exists(path));
  assert_true(exists(damaged_path));
}

static void test_link_loop(void **state) {
  (void)state;
  static struct found found;
  assert_int_equal(symlink("file", path), 0);
  read_path(&found);
  assert_non_null(strstr(found.problem, "symbolic links; kept as "));
  assert_false(exists(path));
  assert_true(exists(damaged_path));
}

/* Paths at which no file can be: that it is missing is no problem, only writing
 * it is. */
static void test_bad_paths(void **state) {
  static const struct {
    const char *name, *path, *writing;
  } cases[] = {
      {"under a file", "other/state", "Not a directory"},
      {"missing directory", "missing/state", "No such file"},
      {"/proc", "/proc/camb_task.state", "state file /proc/"},
  };
  (void)state;
  static struct found found;
  write_bytes(other_path, "", 0);
  for (size_t i = 0; i < COUNT(cases); i++) {
    char bad[sizeof(path)];
    snprintf(bad, sizeof(bad), "%s/%s", directory, cases[i].path);
    if (cases[i].path[0] == '/')
      strcpy(bad, cases[i].path);
    struct state_file *file = state_file_create(bad, accounts, 2);
    read_all(file, &found);
    ASSERT_CASE(cases[i].name, found.problem[0] == '\0');
    for (int attempt = 0; attempt < 2; attempt++) {
      ASSERT_CASE(cases[i].name, !state_file_begin(file, NOW));
      state_file_put_task(file, &all_known);
      fail_to_commit(cases[i].name, file, cases[i].writing);
    }
    state_file_free(file);
  }
}

/* Whatever the path's length, what is wrong must be told. */
static void test_long_path(void **state) {
  (void)state;
  static struct found found;
  char long_path[1024];
  memset(long_path, '/', sizeof(long_path));
  memcpy(long_path, directory, strlen(directory));
  strcpy(long_path + 600, "file");
  write_state("{");
  struct state_file *file = state_file_create(long_path, accounts, 2);
  read_all(file, &found);
  assert_non_null(strstr(found.problem, "line 1: it is not JSON; kept as /"));
  assert_non_null(strstr(found.problem, ", nothing of it is used"));
  assert_true(exists(damaged_path));
  state_file_free(file);
}

static void test_relative_path(void **state) {
  (void)state;
  static struct found found;
  char before[4096];
  assert_non_null(getcwd(before, sizeof(before)));
  struct state_file *file = state_file_create("file", accounts, 2);
  assert_int_equal(chdir(directory), 0);
  assert_true(state_file_begin(file, NOW));
  state_file_put_task(file, &nothing_known);
  commit("relative", file);
  read_all(file, &found);
  assert_string_equal(found.ids, "a");
  write_state("");
  read_all(file, &found);
  assert_true(exists(damaged_path));
  assert_int_equal(chdir(before), 0);
  state_file_free(file);
}

/* When there is no memory for a record, nothing is done to the file, damaged or
 * not. */
static void test_no_memory(void **state) {
  static const char text[] =
      HEAD "{\"account\":\"other\",\"blind\":true}\n1\n" TASK("a") TASK("b");
  (void)state;
  static struct found found;
  write_state(text);
  struct state_file *file = state_file();
  for (size_t limit = 0; limit < 3; limit++) {
    assert_false(read_some(file, NOW, limit, &found));
    assert_string_equal(found.problem, "");
    assert_holds("no memory", path, text, strlen(text));
    assert_false(exists(damaged_path));
  }
  state_file_free(file);
}

static mode_t mode_of(const char *file_path) {
  struct stat status;
  assert_int_equal(lstat(file_path, &status), 0);
  return status.st_mode & 07777;
}

static void test_mode(void **state) {
  static const mode_t masks[] = {0, 0022, 0777};
  (void)state;
  struct state_file *file = state_file();
  for (size_t i = 0; i < COUNT(masks); i++) {
    mode_t before = umask(masks[i]);
    bool has_begun = state_file_begin(file, NOW);
    umask(before);
    assert_true(has_begun);
    assert_int_equal(mode_of(new_path), 0600);
    commit("mode", file);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(chmod(path, 0666), 0); /* the next one is 0600 again */
  }
  state_file_free(file);
}

/* What stands at PATH.new is never written to. */
static void test_left_over(void **state) {
  (void)state;
  struct state_file *file = state_file();
  write_bytes(new_path, "left over", 9);
  assert_int_equal(chmod(new_path, 0666), 0);
  assert_int_equal(link(new_path, other_path), 0);
  assert_true(state_file_begin(file, NOW));
  commit("left over", file);
  assert_int_equal(mode_of(path), 0600);
  assert_holds("left over", other_path, "left over", 9);

  assert_int_equal(symlink("other", new_path), 0);
  assert_true(state_file_begin(file, NOW));
  commit("link", file);
  assert_holds("link", other_path, "left over", 9);
  assert_holds("link", path, HEAD "{\"end\":1}\n",
               strlen(HEAD "{\"end\":1}\n"));

  assert_int_equal(mkdir(new_path, 0700), 0);
  assert_false(state_file_begin(file, NOW));
  fail_to_commit("directory", file, "File exists");
  assert_true(exists(new_path));
  state_file_free(file);
}

/* A link at the path is replaced, and what it names stays. */
static void test_link(void **state) {
  (void)state;
  static struct found found;
  static const char text[] = HEAD TASK("a") "{\"end\":2}\n";
  write_bytes(other_path, text, strlen(text));
  assert_int_equal(symlink("other", path), 0);
  struct state_file *file = state_file();
  read_all(file, &found);
  assert_string_equal(found.ids, "a");
  assert_true(state_file_begin(file, NOW));
  commit("link", file);
  assert_holds("link", other_path, text, strlen(text));
  assert_int_equal(mode_of(path), 0600);
  state_file_free(file);
}

/* Begins a write, and puts so many tasks. */
static void put_tasks(struct state_file *file, int count) {
  assert_true(state_file_begin(file, NOW));
  for (int i = 0; i < count; i++)
    state_file_put_task(file, &all_known);
}

/* A full disk, whenever it shows. */
static void test_failing_write(void **state) {
  static const char text[] = HEAD TASK("a") "{\"end\":2}\n";
  static const struct {
    rlim_t limit;
    int tasks; /* a few wait in memory until the file is committed */
  } cases[] = {{0, 1000}, {1, 1000}, {4096, 1000}, {50000, 1000}, {1, 1}};
  (void)state;
  struct rlimit before, limit;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct state_file *file = state_file();
  write_state(text);
  for (size_t i = 0; i < COUNT(cases); i++) {
    limit = before;
    limit.rlim_cur = cases[i].limit;
    char problem[STATE_FILE_PROBLEM_SIZE];
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool has_begun = state_file_begin(file, NOW);
    for (int k = 0; k < cases[i].tasks; k++)
      state_file_put_task(file, &all_known);
    bool has_worked = state_file_commit(file, problem);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_true(has_begun);
    assert_false(has_worked);
    assert_non_null(strstr(problem, "/file: File too large"));
    assert_holds("full", path, text, strlen(text));
    assert_false(exists(new_path));
  }
  put_tasks(file, 1); /* there is room again */
  commit("room", file);
  state_file_free(file);
}

/* What came to stand at the path since the write began stays there. */
static void test_failing_rename(void **state) {
  (void)state;
  struct state_file *file = state_file();
  put_tasks(file, 1);
  make_a_directory();
  fail_to_commit("directory", file, "/file: Is a directory");
  assert_false(exists(new_path));
  assert_int_equal(rmdir(path), 0);
  put_tasks(file, 1);
  commit("no directory", file);
  state_file_free(file);
}

static void test_given_up(void **state) {
  static const char text[] = HEAD TASK("a") "{\"end\":2}\n";
  (void)state;
  write_state(text);
  struct state_file *file = state_file();
  put_tasks(file, 100);
  assert_true(exists(new_path));
  state_file_free(file);
  assert_false(exists(new_path));
  assert_holds("freed", path, text, strlen(text));

  file = state_file();
  put_tasks(file, 100);
  assert_true(state_file_begin(file, NOW));
  commit("begun twice", file);
  assert_holds("begun twice", path, HEAD "{\"end\":1}\n",
               strlen(HEAD "{\"end\":1}\n"));
  state_file_free(file);
}

/* Writes at the time now, and checks what comes of it but for head and end. */
static void write_and_check(struct state_file *file, int64_t now,
                            const char *lines, int end) {
  char text[2048];
  snprintf(text, sizeof(text), HEAD "%s{\"end\":%d}\n", lines, end);
  assert_true(state_file_begin(file, now));
  commit(lines, file);
  assert_holds(lines, path, text, strlen(text));
}

/* Tasks of an account that is out for a while are not lost at once. */
static void test_kept_accounts(void **state) {
#define LISTED "{\"account\":\"gone\",\"task\":\"l\",\"new\":[1.50,\"\\u001f\"]"
#define UNLISTED                                                               \
  "{ \"account\":\"gone\",\"unlisted\":1763999000000,\"task\":\"u\"}\n"
#define TO_COME                                                                \
  "{\"account\":\"far\",\"task\":\"t\",\"unlisted\":1764000000001}\n"
#define KEPT_LISTED LISTED ",\"unlisted\":1764000000000}\n"
#define KEPT_TO_COME                                                           \
  "{\"account\":\"far\",\"task\":\"t\",\"unlisted\":1764000000000}\n"
#define HOUR TASK_UNLISTED_KEPT
  (void)state;
  static struct found found;
  write_state(HEAD LISTED "}\n" UNLISTED TO_COME
                          "{\"account\":\"gone\",\"blind\":true}\n"
                          "{\"end\":5}\n");
  struct state_file *file = state_file();
  read_all(file, &found);
  assert_string_equal(found.problem, "");
  assert_int_equal(found.task_count + found.account_count, 0);
  write_and_check(file, NOW, KEPT_LISTED UNLISTED KEPT_TO_COME, 4);
  write_and_check(file, 1763999000000 + HOUR - 1,
                  KEPT_LISTED UNLISTED KEPT_TO_COME, 4);
  /* the next daemon knows how long they have been kept */
  assert_true(read_some(file, NOW + HOUR / 2, TASKS_MAX, &found));
  write_and_check(file, NOW + HOUR / 2, KEPT_LISTED UNLISTED KEPT_TO_COME, 4);
  write_and_check(file, 1763999000000 + HOUR, KEPT_LISTED KEPT_TO_COME, 3);
  write_and_check(file, NOW + HOUR - 1, KEPT_LISTED KEPT_TO_COME, 3);
  write_and_check(file, NOW + HOUR, "", 1);
  state_file_free(file);
}

/* They are back with their account. */
static void test_kept_account_returns(void **state) {
  static const struct state_account gone[] = {
      {.name = "gone", .pointers = pointers, .pointer_count = 1}};
  (void)state;
  static struct found found;
  write_state(HEAD "{\"account\":\"gone\",\"task\":\"a\",\"state\":\"success\","
                   "\"fields\":{\"/progress\":0.5}}\n{\"end\":2}\n");
  struct state_file *file = state_file();
  read_all(file, &found);
  assert_true(state_file_begin(file, NOW));
  state_file_put_task(file, &nothing_known);
  commit("out", file);
  state_file_free(file);
  file = state_file_create(path, gone, 1);
  read_all(file, &found);
  assert_int_equal(found.task_count, 1);
  struct task_record expected = nothing_known;
  expected.state = TASK_SUCCESS;
  expected.unlisted = NOW;
  expected.fields[0] = 0.5;
  assert_same_task("back", &found.tasks[0], &expected);
  state_file_free(file);
}

/* What is good of a damaged file is kept likewise. */
static void test_kept_of_a_damaged_file(void **state) {
  (void)state;
  static struct found found;
  write_state(HEAD "{\"account\":\"gone\",\"task\":\"a\"}\n"
                   "{\"account\":\"gone\",\"task\":\"b\",\"state\":1}\n");
  struct state_file *file = state_file();
  read_all(file, &found);
  assert_non_null(strstr(found.problem, "line 3: \"state\" is not a state"));
  write_and_check(file, NOW,
                  "{\"account\":\"gone\",\"task\":\"a\","
                  "\"unlisted\":1764000000000}\n",
                  2);
  state_file_free(file);
}

/* Many of each: lines of memory that grows, and of a file beyond a buffer. */
static void test_many(void **state) {
  (void)state;
  static struct found found;
  struct state_file *file =
      state_file_create(path, (struct state_account[]){{.name = "gone"}}, 1);
  assert_true(state_file_begin(file, NOW));
  for (int i = 0; i < 5000; i++) {
    struct task_record record = nothing_known;
    snprintf(record.id, sizeof(record.id), "%d", i);
    record.unlisted = NOW;
    state_file_put_task(file, &record);
  }
  commit("many", file);
  state_file_free(file);
  size_t size;
  char *text = read_bytes(path, &size);
  file = state_file();
  read_all(file, &found);
  assert_string_equal(found.problem, "");
  assert_true(state_file_begin(file, NOW));
  commit("many", file);
  assert_holds("many", path, text, size);
  state_file_free(file);
  free(text);
}

int main(void) {
#define CASE(function) cmocka_unit_test_setup(function, start_without_files)
  const struct CMUnitTest tests[] = {
      CASE(test_every_state),
      CASE(test_every_member_alone),
      CASE(test_extreme_numbers),
      CASE(test_longest_texts),
      CASE(test_numbers_that_are_none),
      CASE(test_text),
      CASE(test_accounts),
      CASE(test_nothing_to_save),
      CASE(test_whole_files),
      CASE(test_bad_head),
      CASE(test_bad_line),
      CASE(test_bad_end),
      CASE(test_texts_of_others),
      CASE(test_long_lines),
      CASE(test_truncation),
      CASE(test_damaged_again),
      CASE(test_damaged_stays),
      CASE(test_not_a_file),
      CASE(test_forbidden),
      CASE(test_failing_read),
      CASE(test_link_loop),
      CASE(test_bad_paths),
      CASE(test_long_path),
      CASE(test_relative_path),
      CASE(test_no_memory),
      CASE(test_mode),
      CASE(test_left_over),
      CASE(test_link),
      CASE(test_failing_write),
      CASE(test_failing_rename),
      CASE(test_given_up),
      CASE(test_kept_accounts),
      CASE(test_kept_account_returns),
      CASE(test_kept_of_a_damaged_file),
      CASE(test_many),
  };
  signal(SIGXFSZ, SIG_IGN);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
