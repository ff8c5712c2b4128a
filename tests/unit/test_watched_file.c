/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "watched_file.h"

#include "file_contents.h"
#include "temporary_files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT 4096

/* The clock that the code under test sees stands still where a test puts it. */
static struct timespec now;

int clock_gettime(clockid_t clock, struct timespec *time) {
  (void)clock;
  *time = now;
  return 0;
}

static int start_without_files(void **state) {
  (void)state;
  remove_files();
  return 0;
}

static void write_file(const char *text) { write_text(path, text); }

/* Sets the clock to so long after the file's last change. */
static void set_clock_after_change(time_t seconds, long nanoseconds) {
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  now = status.st_ctim;
  now.tv_sec += seconds;
  now.tv_nsec += nanoseconds;
  while (now.tv_nsec >= 1000000000) {
    now.tv_nsec -= 1000000000;
    now.tv_sec++;
  }
  while (now.tv_nsec < 0) {
    now.tv_nsec += 1000000000;
    now.tv_sec--;
  }
}

/* As if nobody had touched the file for a long time. */
static void let_time_pass(void) { set_clock_after_change(1000, 0); }

static void set_modified(time_t seconds) {
  struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
  assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static struct watched_file *watch(void) {
  struct watched_file *file = watched_file_create(path);
  assert_non_null(file);
  return file;
}

/* Looks at the file, and expects this text; NULL: nothing to read. */
static void look(const char *name, struct watched_file *file,
                 const char *expected) {
  char *text = path;
  size_t size = 12345;
  const char *wrong = watched_file_read(file, LIMIT, &text, &size);
  if (wrong != NULL)
    fail_msg("case \"%s\": %s", name, wrong);
  if ((text == NULL) != (expected == NULL) ||
      (text != NULL && expected != NULL && strcmp(text, expected) != 0))
    fail_msg("case \"%s\": it is %s", name, text == NULL ? "none" : text);
  ASSERT_CASE(name, size == (expected == NULL ? 0 : strlen(expected)));
  free(text);
}

/* Looks at the file, and expects that it can't be read. */
static void look_in_vain(const char *name, struct watched_file *file,
                         const char *expected) {
  char *text = path;
  size_t size = 12345;
  const char *wrong = watched_file_read(file, LIMIT, &text, &size);
  if (wrong == NULL || strstr(wrong, expected) == NULL)
    fail_msg("case \"%s\": %s", name, wrong == NULL ? "can be read" : wrong);
  ASSERT_CASE(name, text == NULL && size == 0);
}

static void test_create(void **state) {
  char copied[sizeof(path)];
  (void)state;
  strcpy(copied, path);
  struct watched_file *file = watched_file_create(copied);
  assert_non_null(file);
  copied[0] = 'x';
  assert_string_equal(watched_file_path(file), path);
  assert_int_equal(watched_file_mode(file), 0);
  watched_file_free(file);
  watched_file_free(NULL);
}

/* All bytes come as they are, and a NUL behind them. */
static void test_contents(void **state) {
  static const struct {
    const char *name, *bytes;
    size_t size;
  } cases[] = {
      {"empty", "", 0},
      {"one byte", "a", 1},
      {"line", "line\n", 5},
      {"NUL bytes", "a\0b\0", 4},
      {"high bytes", "\xFF\x80", 2},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *text;
    size_t size;
    write_bytes(path, cases[i].bytes, cases[i].size);
    let_time_pass();
    struct watched_file *file = watch();
    ASSERT_CASE(cases[i].name,
                watched_file_read(file, LIMIT, &text, &size) == NULL);
    ASSERT_CASE(cases[i].name, text != NULL && size == cases[i].size);
    ASSERT_CASE(cases[i].name, memcmp(text, cases[i].bytes, size) == 0);
    ASSERT_CASE(cases[i].name, text[size] == '\0');
    free(text);
    look(cases[i].name, file, NULL);
    watched_file_free(file);
  }
}

static void test_limit(void **state) {
  static const size_t limits[] = {0,    1,     2,     4095,        4096,
                                  9999, 10000, 10001, SIZE_MAX / 2};
  static char bytes[10000];
  (void)state;
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (char)(i % 251);
  write_bytes(path, bytes, sizeof(bytes));
  let_time_pass();
  for (size_t i = 0; i < COUNT(limits); i++) {
    char *text;
    size_t size,
        expected = limits[i] < sizeof(bytes) ? limits[i] : sizeof(bytes);
    struct watched_file *file = watch();
    assert_null(watched_file_read(file, limits[i], &text, &size));
    assert_non_null(text);
    assert_int_equal(size, expected);
    assert_memory_equal(text, bytes, size);
    assert_int_equal(text[size], 0);
    free(text);
    assert_null(watched_file_read(file, limits[i], &text, &size));
    assert_null(text);
    watched_file_free(file);
  }
}

/* A file system like /proc says 0 bytes of every file. */
static void test_file_without_a_size(void **state) {
  static const char proc[] = "/proc/self/environ";
  static char bytes[100000];
  static const size_t limits[] = {1, 2, 3, 100, 50000, sizeof(bytes)};
  struct stat status;
  (void)state;
  FILE *stream = fopen(proc, "r");
  if (stream == NULL || fstat(fileno(stream), &status) != 0 ||
      status.st_size != 0) {
    print_message("no such file system here\n");
    return;
  }
  size_t total = fread(bytes, 1, sizeof(bytes), stream);
  fclose(stream);
  for (size_t i = 0; i < COUNT(limits); i++) {
    char *text;
    size_t size;
    struct watched_file *file = watched_file_create(proc);
    assert_non_null(file);
    assert_null(watched_file_read(file, limits[i], &text, &size));
    assert_int_equal(size, limits[i] < total ? limits[i] : total);
    assert_memory_equal(text, bytes, size);
    free(text);
    watched_file_free(file);
  }
}

static void test_changes(void **state) {
  (void)state;
  write_file("one");
  let_time_pass();
  struct watched_file *file = watch();
  look("first", file, "one");
  look("unchanged", file, NULL);
  look("still unchanged", file, NULL);
  write_file("three");
  let_time_pass();
  look("another size", file, "three");
  look("unchanged since", file, NULL);
  set_modified(1000000000);
  let_time_pass();
  look("another time", file, "three");
  look("unchanged since", file, NULL);
  assert_int_equal(chmod(path, 0640), 0);
  let_time_pass();
  look("another mode", file, "three");
  look("unchanged since", file, NULL);
  write_bytes(other_path, "THREE", 5);
  assert_int_equal(rename(other_path, path), 0);
  set_modified(1000000000);
  let_time_pass();
  look("another inode", file, "THREE");
  look("unchanged since", file, NULL);
  watched_file_free(file);
}

/* A link is followed each time, so that ..data of Kubernetes works. */
static void test_symbolic_link(void **state) {
  (void)state;
  write_bytes(other_path, "target", 6);
  assert_int_equal(symlink("other", path), 0);
  let_time_pass();
  struct watched_file *file = watch();
  look("link", file, "target");
  look("unchanged", file, NULL);
  remove(path);
  write_file("file");
  let_time_pass();
  look("no link any more", file, "file");
  watched_file_free(file);
}

/* How old the stamps must be for a file to be read once only. */
static void test_recent_changes(void **state) {
  static const struct {
    const char *name;
    time_t modified, seconds; /* after the change of the inode */
    long nanoseconds;
    bool is_recent;
  } cases[] = {
      {"at once", 0, 0, 0, true},
      {"a moment ago", 0, 0, 1, true},
      {"a second ago", 0, 1, 0, true},
      {"nearly two seconds ago", 0, 2, -1, true},
      {"two seconds ago", 0, 2, 0, false},
      {"more than two seconds ago", 0, 2, 1, false},
      {"an hour ago", 0, 3600, 0, false},
      {"in the future", 0, -1, 0, true},
      {"far in the future", 0, -1000000, 0, true},
      {"modified long ago, changed at once", -1000, 0, 0, true},
      {"modified long ago, changed a second ago", -1000, 1, 0, true},
      {"modified long ago, changed before", -1000, 2, 0, false},
      {"modified in the future", 1000, 500, 0, true},
      {"modified in the future, just so", 501, 500, 0, true},
      {"modified two seconds before", 498, 501, 0, false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct stat status;
    remove_files();
    write_file("text");
    assert_int_equal(stat(path, &status), 0);
    struct timespec times[2] = {status.st_ctim, status.st_ctim};
    times[1].tv_sec += cases[i].modified;
    if (cases[i].modified != 0)
      assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    set_clock_after_change(cases[i].seconds, cases[i].nanoseconds);
    struct watched_file *file = watch();
    look(cases[i].name, file, "text");
    look(cases[i].name, file, cases[i].is_recent ? "text" : NULL);
    look(cases[i].name, file, cases[i].is_recent ? "text" : NULL);
    now.tv_sec += 2000000;
    look(cases[i].name, file, cases[i].is_recent ? "text" : NULL);
    look(cases[i].name, file, NULL);
    watched_file_free(file);
  }
}

/* Stamps that no clock reaches: nothing may overflow. */
static void test_absurd_stamps(void **state) {
  static const time_t stamps[] = {0, 1, -1, INT32_MAX, INT32_MIN};
  (void)state;
  for (size_t i = 0; i < COUNT(stamps); i++) {
    write_file("text");
    set_modified(stamps[i]);
    let_time_pass();
    struct watched_file *file = watch();
    look("first", file, "text");
    now.tv_sec = 0;
    look("clock at 0", file, stamps[i] == INT32_MAX ? "text" : NULL);
    watched_file_free(file);
  }
}

static void make_a_loop(void) { assert_int_equal(symlink("file", path), 0); }
static void make_a_device(void) {
  assert_int_equal(symlink("/dev/zero", path), 0);
}
/* Of a process's memory, the first page can't be read. */
static void make_a_failing_file(void) {
  assert_int_equal(symlink("/proc/self/mem", path), 0);
}

/* After whatever was no file, the file is read even if it is the same. */
static void test_unreadable(void **state) {
  static const struct {
    const char *name;
    void (*make)(void);
    const char *problem;
  } cases[] = {
      {"missing", make_nothing, "No such file"},
      {"directory", make_a_directory, "it is not a regular file"},
      {"FIFO without a writer", make_a_fifo, "it is not a regular file"},
      {"dangling link", make_a_dangling_link, "No such file"},
      {"loop of links", make_a_loop, "symbolic links"},
      {"device", make_a_device, "it is not a regular file"},
      {"disk that fails", make_a_failing_file, "Input/output error"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    remove_files();
    cases[i].make();
    struct watched_file *file = watch();
    look_in_vain(cases[i].name, file, cases[i].problem);
    look_in_vain(cases[i].name, file, cases[i].problem);
    assert_int_equal(watched_file_mode(file), 0);
    remove_files();
    write_file("text");
    let_time_pass();
    look(cases[i].name, file, "text");
    look(cases[i].name, file, NULL);
    assert_int_equal(rename(path, other_path), 0);
    cases[i].make();
    look_in_vain(cases[i].name, file, cases[i].problem);
    look_in_vain(cases[i].name, file, cases[i].problem);
    remove(path);
    assert_int_equal(rename(other_path, path), 0);
    let_time_pass();
    look(cases[i].name, file, "text");
    look(cases[i].name, file, NULL);
    watched_file_free(file);
  }
}

/* The file never changes, only the way to it does. */
static void test_same_file_after_a_failure(void **state) {
  (void)state;
  write_bytes(other_path, "text", 4);
  assert_int_equal(symlink("other", path), 0);
  let_time_pass();
  struct watched_file *file = watch();
  look("first", file, "text");
  look("unchanged", file, NULL);
  remove(path);
  look_in_vain("no way", file, "No such file");
  assert_int_equal(symlink("other", path), 0);
  look("as before", file, "text");
  look("unchanged", file, NULL);
  watched_file_free(file);
}

/* A file that claims to be larger than all memory is read up to the limit. */
static void test_sparse_file(void **state) {
  char *text;
  size_t size;
  (void)state;
  write_file("start");
  if (truncate(path, (off_t)1 << 40) != 0) {
    print_message("no sparse files of that size here\n");
    return;
  }
  let_time_pass();
  struct watched_file *file = watch();
  assert_null(watched_file_read(file, LIMIT, &text, &size));
  assert_int_equal(size, LIMIT);
  assert_string_equal(text, "start");
  free(text);
  watched_file_free(file);
}

/* AddressSanitizer ends the program where malloc returns NULL. */
#ifndef __SANITIZE_ADDRESS__
static void test_out_of_memory(void **state) {
  static const off_t size_of_file = (off_t)1 << 40;
  struct rlimit usual, little;
  (void)state;
  write_file("start");
  let_time_pass();
  struct watched_file *file = watch();
  look("first", file, "start");
  if (truncate(path, size_of_file) != 0) {
    print_message("no sparse files of that size here\n");
  } else {
    char *text;
    size_t size;
    let_time_pass();
    assert_int_equal(getrlimit(RLIMIT_AS, &usual), 0);
    little = usual;
    little.rlim_cur = 1 << 30;
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    const char *wrong = watched_file_read(file, SIZE_MAX / 2, &text, &size);
    assert_int_equal(setrlimit(RLIMIT_AS, &usual), 0);
    assert_non_null(wrong);
    assert_string_equal(wrong, "out of memory");
    assert_null(text);
    assert_int_equal(size, 0);
    /* it is still to be read */
    assert_null(watched_file_read(file, LIMIT, &text, &size));
    assert_non_null(text);
    free(text);
  }
  watched_file_free(file);
}
#endif

static void test_expire(void **state) {
  (void)state;
  write_file("text");
  let_time_pass();
  struct watched_file *file = watch();
  watched_file_expire(file);
  look("first", file, "text");
  look("unchanged", file, NULL);
  watched_file_expire(file);
  watched_file_expire(file);
  look("expired", file, "text");
  look("once only", file, NULL);
  watched_file_free(file);
}

static void test_mode(void **state) {
  static const mode_t modes[] = {0600, 0400, 0640, 0644, 0666, 0604};
  (void)state;
  write_file("text");
  struct watched_file *file = watch();
  for (size_t i = 0; i < COUNT(modes); i++) {
    assert_int_equal(chmod(path, modes[i]), 0);
    let_time_pass();
    look("mode", file, "text");
    assert_int_equal(watched_file_mode(file), S_IFREG | modes[i]);
    look("unchanged", file, NULL);
    assert_int_equal(watched_file_mode(file), S_IFREG | modes[i]);
  }
  remove_files();
  look_in_vain("missing", file, "No such file");
  assert_int_equal(watched_file_mode(file), S_IFREG | 0604);
  watched_file_free(file);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup(function, start_without_files)
  const struct CMUnitTest tests[] = {
      TEST(test_create),         TEST(test_contents),
      TEST(test_limit),          TEST(test_file_without_a_size),
      TEST(test_changes),        TEST(test_symbolic_link),
      TEST(test_recent_changes), TEST(test_absurd_stamps),
      TEST(test_unreadable),     TEST(test_same_file_after_a_failure),
      TEST(test_sparse_file),    TEST(test_expire),
      TEST(test_mode),
#ifndef __SANITIZE_ADDRESS__
      TEST(test_out_of_memory),
#endif
  };
  signal(SIGPIPE, SIG_IGN);
  return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
