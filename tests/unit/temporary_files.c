/* SPDX-License-Identifier: MIT */
#include "temporary_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char directory[] = DIRECTORY_TEMPLATE;
char path[sizeof(directory) + 16], other_path[sizeof(directory) + 16];

void remove_files(void) {
  remove(path);
  remove(other_path);
}

int make_directory(void **state) {
  (void)state;
  if (mkdtemp(directory) == NULL)
    return -1;
  snprintf(path, sizeof(path), "%s/file", directory);
  snprintf(other_path, sizeof(other_path), "%s/other", directory);
  return 0;
}

int remove_directory(void **state) {
  (void)state;
  remove_files();
  return rmdir(directory);
}

void make_nothing(void) {}

void make_a_directory(void) { assert_int_equal(mkdir(path, 0700), 0); }

void make_a_fifo(void) { assert_int_equal(mkfifo(path, 0600), 0); }

void make_a_dangling_link(void) {
  assert_int_equal(symlink("nowhere", path), 0);
}
