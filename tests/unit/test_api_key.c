/* SPDX-License-Identifier: MIT */
#include "api_key.h"
#include "cases.h"

#include "temporary_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands in each key of the tests; may stand in no problem. */
#define SECRET "s3cr3t"

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

/* Writes the file in place. It then has another time of change than before: the
 * clock of the file system is a coarse one, so this may take more than one
 * attempt. */
static void write_bytes(const char *file_path, const char *bytes, size_t size) {
  struct stat before = {0}, after;
  bool existed = stat(file_path, &before) == 0;
  do {
    FILE *file = fopen(file_path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(file_path, 0600), 0);
    assert_int_equal(stat(file_path, &after), 0);
  } while (existed && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
           before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

static void write_file(const char *text) {
  write_bytes(path, text, strlen(text));
}

static struct api_key *key_in_file(void) {
  struct api_key *key = api_key_create(NULL, path);
  assert_non_null(key);
  assert_null(api_key_value(key));
  return key;
}

/* Refreshes the key, and checks all that comes of it. value NULL: there is no
 * key; problem "": none, else a part of it. */
static void refresh(const char *name, struct api_key *key, bool changed,
                    const char *value, const char *problem) {
  char said[API_KEY_PROBLEM_SIZE];
  memset(said, 'x', sizeof(said));
  bool did_change = api_key_refresh(key, said);
  const char *found = api_key_value(key);
  if ((found == NULL) != (value == NULL) ||
      (found != NULL && value != NULL && strcmp(found, value) != 0))
    fail_msg("case \"%s\": the key is %s", name,
             found == NULL ? "none" : found);
  ASSERT_CASE(name, did_change == changed);
  ASSERT_CASE(name, memchr(said, '\0', sizeof(said)) != NULL);
  if ((said[0] == '\0') != (problem[0] == '\0') ||
      strstr(said, problem) == NULL)
    fail_msg("case \"%s\": \"%s\" instead of \"%s\"", name, said, problem);
  ASSERT_CASE(name, strstr(said, SECRET) == NULL);
  ASSERT_CASE(name, said[0] == '\0' || strstr(said, path) != NULL);
}

static void test_check(void **state) {
  static const struct {
    const char *name, *value;
    bool fine;
  } cases[] = {
      {"plain", "abc-DEF_123", true},
      {"punctuation", "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~", true},
      {"space inside", "a b", true},
      {"empty", "", false},
      {"line feed", "a\nb", false},
      {"carriage return", "ab\r", false},
      {"tab", "\tab", false},
      {"unit separator", "a\x1F", false},
      {"delete", "a\x7F", false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++)
    ASSERT_CASE(cases[i].name,
                (api_key_check(cases[i].value) == NULL) == cases[i].fine);
}

static void test_value(void **state) {
  (void)state;
  struct api_key *key = api_key_create(SECRET, NULL);
  assert_non_null(key);
  assert_string_equal(api_key_value(key), SECRET);
  refresh("value", key, false, SECRET, "");
  api_key_free(key);
  api_key_free(NULL);
}

static void test_value_goes_before_path(void **state) {
  (void)state;
  write_file("other\n");
  struct api_key *key = api_key_create(SECRET, path);
  refresh("value", key, false, SECRET, "");
  api_key_free(key);
}

static void test_contents(void **state) {
  static const struct {
    const char *name, *bytes;
    size_t size;
    const char *value, *problem;
  } cases[] = {
      {"a line", BYTES("key\n"), "key", ""},
      {"no line feed", BYTES("key"), "key", ""},
      {"CRLF", BYTES("key\r\n"), "key", ""},
      {"CR at the end", BYTES("key\r"), "key", ""},
      {"white space around", BYTES(" \t key \t \n"), "key", ""},
      {"white space inside", BYTES("a key\n"), "a key", ""},
      {"more lines", BYTES("key\nother\n# more\n"), "key", ""},
      {"bad bytes in other lines", BYTES("key\n\x01\0\xFF\n"), "key", ""},
      {"byte order mark",
       BYTES("\xEF\xBB\xBF"
             "key\r\n"),
       "key", ""},
      {"byte order mark only", BYTES("\xEF\xBB\xBF\n" SECRET "\n"), NULL,
       "empty"},
      {"empty file", BYTES(""), NULL, "empty"},
      {"empty line", BYTES("\n" SECRET "\n"), NULL, "empty"},
      {"white space only", BYTES(" \t\r\n" SECRET "\n"), NULL, "empty"},
      {"control character", BYTES(SECRET "\x01" SECRET "\n"), NULL, "control"},
      {"tab inside", BYTES(SECRET "\t" SECRET "\n"), NULL, "control"},
      {"CR inside", BYTES(SECRET "\rx: y\n"), NULL, "control"},
      {"delete", BYTES(SECRET "\x7F\n"), NULL, "control"},
  };
  (void)state;
  ahead = 1000; /* time stamps are believed, but not of what is wrong */
  for (size_t i = 0; i < COUNT(cases); i++) {
    write_bytes(path, cases[i].bytes, cases[i].size);
    struct api_key *key = key_in_file();
    refresh(cases[i].name, key, cases[i].value != NULL, cases[i].value,
            cases[i].problem);
    /* it is said again each time, and the key is another one once only */
    refresh(cases[i].name, key, false, cases[i].value, cases[i].problem);
    api_key_free(key);
  }
}

/* NUL is a control character, and what stands behind it is a part of the line:
 * half a key is not the key. */
static void test_nul_bytes(void **state) {
  static const struct {
    const char *name, *bytes;
    size_t size;
  } cases[] = {
      {"inside", BYTES(SECRET "\0" SECRET "\n")},
      {"at the end", BYTES(SECRET "\0\n")},
      {"UTF-16", BYTES("k\0e\0y\0\n\0")},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    write_bytes(path, cases[i].bytes, cases[i].size);
    struct api_key *key = key_in_file();
    refresh(cases[i].name, key, false, NULL, "control");
    api_key_free(key);
  }
}

static void test_length(void **state) {
  static const struct {
    const char *name, *end;
    size_t length;
    bool fits;
  } cases[] = {
      {"long", "\n", API_KEY_MAX - 1, true},
      {"long, without an end", "", API_KEY_MAX - 1, true},
      {"too long", "\n", API_KEY_MAX + 1, false},
      {"too long, without an end", "", API_KEY_MAX + 1, false},
      {"far too long", "\n", 20 * API_KEY_MAX, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *text = malloc(cases[i].length + 2);
    assert_non_null(text);
    memset(text, 'k', cases[i].length);
    strcpy(text + cases[i].length, cases[i].end);
    write_file(text);
    text[cases[i].length] = '\0';
    struct api_key *key = key_in_file();
    refresh(cases[i].name, key, cases[i].fits, cases[i].fits ? text : NULL,
            cases[i].fits ? "" : "too long");
    api_key_free(key);
    free(text);
  }
}

static void test_long_file_with_a_short_line(void **state) {
  (void)state;
  char text[3 * API_KEY_MAX];
  memset(text, 'x', sizeof(text));
  memcpy(text, "key\n", 4);
  write_bytes(path, text, sizeof(text));
  struct api_key *key = key_in_file();
  refresh("long file", key, true, "key", "");
  api_key_free(key);
}

/* What is no readable file neither ends nor holds up anything, and is tried
 * again each time. */
static void test_unreadable(void **state) {
  static const struct {
    const char *name;
    void (*make)(void);
  } cases[] = {
      {"missing", make_nothing},
      {"directory", make_a_directory},
      {"FIFO without a writer", make_a_fifo},
      {"dangling link", make_a_dangling_link},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    remove_files();
    cases[i].make();
    struct api_key *key = key_in_file();
    refresh(cases[i].name, key, false, NULL, "key file");
    refresh(cases[i].name, key, false, NULL, "key file");
    remove_files();
    write_file(SECRET "\n");
    refresh(cases[i].name, key, true, SECRET, "");
    remove_files();
    cases[i].make();
    refresh(cases[i].name, key, false, SECRET, "key file");
    refresh(cases[i].name, key, false, SECRET, "key file");
    api_key_free(key);
  }
}

/* root reads everything, so that to him nothing is forbidden. */
static void test_forbidden(void **state) {
  (void)state;
  write_file(SECRET "\n");
  struct api_key *key = key_in_file();
  assert_int_equal(chmod(path, 0), 0);
  if (access(path, R_OK) == 0)
    refresh("root", key, true, SECRET, "");
  else
    refresh("forbidden", key, false, NULL, "ermission");
  assert_int_equal(chmod(path, 0600), 0);
  char problem[API_KEY_PROBLEM_SIZE];
  api_key_refresh(key, problem);
  assert_string_equal(problem, "");
  assert_string_equal(api_key_value(key), SECRET);
  api_key_free(key);
}

static void test_symbolic_link(void **state) {
  (void)state;
  write_bytes(other_path, "one", 3);
  assert_int_equal(symlink("other", path), 0);
  struct api_key *key = key_in_file();
  refresh("link", key, true, "one", "");
  write_bytes(other_path, "two", 3);
  refresh("its target edited", key, true, "two", "");
  api_key_free(key);
}

static void test_refresh_after_changes(void **state) {
  (void)state;
  write_file("one\n");
  struct api_key *key = key_in_file();
  refresh("first", key, true, "one", "");
  refresh("unchanged", key, false, "one", "");
  write_file("two\n");
  refresh("edited in place, same size", key, true, "two", "");
  write_file("three\n");
  refresh("edited in place, other size", key, true, "three", "");
  write_file("three\nmore\n");
  refresh("edited behind the first line", key, false, "three", "");
  write_bytes(other_path, "seven\nmore\n", 11);
  assert_int_equal(rename(other_path, path), 0);
  refresh("replaced", key, true, "seven", "");
  write_bytes(other_path, "seven\nmore\n", 11);
  assert_int_equal(rename(other_path, path), 0);
  refresh("replaced by the same", key, false, "seven", "");
  write_file("");
  refresh("emptied", key, false, "seven", "empty");
  write_file("seven\n");
  refresh("as before", key, false, "seven", "");
  write_file(SECRET "\x01\n");
  refresh("spoilt", key, false, "seven", "control");
  remove_files();
  refresh("removed", key, false, "seven", "No such file");
  write_file("eight\n");
  refresh("back with another key", key, true, "eight", "");
  api_key_free(key);
}

/* A file of another time, as a backup or cp -p brings it, counts too. */
static void test_older_file(void **state) {
  static const struct timespec long_ago[2] = {{.tv_sec = 1000000000},
                                              {.tv_sec = 1000000000}};
  (void)state;
  write_file("one\n");
  struct api_key *key = key_in_file();
  refresh("first", key, true, "one", "");
  write_bytes(other_path, "two\n", 4);
  assert_int_equal(utimensat(AT_FDCWD, other_path, long_ago, 0), 0);
  assert_int_equal(rename(other_path, path), 0);
  refresh("older", key, true, "two", "");
  api_key_free(key);
}

static void test_mode(void **state) {
  static const struct {
    const char *name;
    mode_t mode;
    bool exposed;
  } cases[] = {
      {"0400", 0400, false}, {"0440", 0440, false}, {"0600", 0600, false},
      {"0640", 0640, false}, {"0660", 0660, false}, {"0644", 0644, true},
      {"0604", 0604, true},  {"0666", 0666, true},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    write_file(SECRET "\n");
    assert_int_equal(chmod(path, cases[i].mode), 0);
    struct api_key *key = key_in_file();
    /* it is usable in any case */
    refresh(cases[i].name, key, true, SECRET,
            cases[i].exposed ? cases[i].name : "");
    refresh(cases[i].name, key, false, SECRET,
            cases[i].exposed ? "others can read it" : "");
    assert_int_equal(chmod(path, 0600), 0);
    refresh(cases[i].name, key, false, SECRET, "");
    assert_int_equal(chmod(path, 0644), 0);
    refresh(cases[i].name, key, false, SECRET, "0644");
    api_key_free(key);
  }
}

/* Changes the mapped file. Returns whether its time stamps are as before: those
 * of a mapped file are set when a page turns dirty, not at each change. */
static bool change_without_a_trace(char *mapped, const char *text) {
  struct stat before, after;
  assert_int_equal(stat(path, &before), 0);
  memcpy(mapped, text, strlen(text));
  assert_int_equal(stat(path, &after), 0);
  return before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
         before.st_ctim.tv_nsec == after.st_ctim.tv_nsec;
}

static void test_expire(void **state) {
  (void)state;
  write_file("one\n");
  int file = open(path, O_RDWR | O_CLOEXEC);
  assert_true(file >= 0);
  char *mapped = mmap(NULL, 4, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  assert_true(mapped != MAP_FAILED);
  struct api_key *key = key_in_file();
  ahead = 1000; /* an old file, of which the time stamps are believed */
  do {          /* until the page stays dirty, that is */
    char problem[API_KEY_PROBLEM_SIZE];
    memcpy(mapped, "one", 3);
    api_key_expire(key);
    api_key_refresh(key, problem);
    refresh("read", key, false, "one", "");
  } while (!change_without_a_trace(mapped, "two"));
  refresh("seems unchanged", key, false, "one", "");
  api_key_expire(key);
  refresh("expired", key, true, "two", "");
  api_key_expire(key);
  refresh("expired for nothing", key, false, "two", "");
  assert_int_equal(munmap(mapped, 4), 0);
  close(file);
  remove_files();
  api_key_expire(key);
  refresh("expired and removed", key, false, "two", "No such file");
  api_key_free(key);
}

static void test_expire_value(void **state) {
  (void)state;
  struct api_key *key = api_key_create(SECRET, NULL);
  assert_non_null(key);
  api_key_expire(key);
  refresh("value", key, false, SECRET, "");
  api_key_free(key);
}

/* Whatever the path's length, what is wrong must be told. */
static void test_long_path(void **state) {
  (void)state;
  char long_path[1024], problem[API_KEY_PROBLEM_SIZE];
  memset(long_path, '/', sizeof(long_path));
  memcpy(long_path, directory, strlen(directory));
  strcpy(long_path + 600, "missing");
  struct api_key *key = api_key_create(NULL, long_path);
  assert_non_null(key);
  assert_false(api_key_refresh(key, problem));
  assert_in_range(strlen(problem), 1, API_KEY_PROBLEM_SIZE - 1);
  assert_non_null(strstr(problem, directory));
  assert_non_null(strstr(problem, "No such file"));
  api_key_free(key);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, start_without_files)
  const struct CMUnitTest tests[] = {
      TEST(test_check),
      TEST(test_value),
      TEST(test_value_goes_before_path),
      TEST(test_contents),
      TEST(test_nul_bytes),
      TEST(test_length),
      TEST(test_long_file_with_a_short_line),
      TEST(test_unreadable),
      TEST(test_forbidden),
      TEST(test_symbolic_link),
      TEST(test_refresh_after_changes),
      TEST(test_older_file),
      TEST(test_mode),
      TEST(test_expire),
      TEST(test_expire_value),
      TEST(test_long_path),
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
