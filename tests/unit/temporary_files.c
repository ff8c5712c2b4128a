/* SPDX-License-Identifier: MIT */
#include "temporary_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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
