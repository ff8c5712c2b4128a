/* SPDX-License-Identifier: MIT */
/* Runs a fuzzing harness without libFuzzer over the files of its corpus, and
 * over what is left of each when it is cut at any length (but for large files,
 * where not each is tried). Prints TAP; what a harness has against a file ends
 * it.
 *
 *     replay_NAME [FILE...]
 *
 * The corpus is that of $top_srcdir, without it of the working directory. */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

#define CUTS_MAX 512 /* of a file */

/* The bytes of a file, in memory of just their size, so that a sanitizer sees
 * what is read behind them; to be freed. */
static uint8_t *read_file(const char *path, size_t *size) {
  struct stat status;
  FILE *stream = fopen(path, "r");
  CHECK(stream != NULL && fstat(fileno(stream), &status) == 0);
  *size = (size_t)status.st_size;
  uint8_t *bytes = malloc(*size > 0 ? *size : 1);
  CHECK(bytes != NULL && fread(bytes, 1, *size, stream) == *size);
  fclose(stream);
  return bytes;
}

static void try_bytes(const uint8_t *bytes, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1);
  CHECK(copy != NULL);
  memcpy(copy, bytes, size);
  LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void replay(const char *path) {
  static int number;
  size_t size;
  printf("# %s\n", path); /* told before, should it end here */
  fflush(stdout);
  uint8_t *bytes = read_file(path, &size);
  size_t step = size / CUTS_MAX + 1;
  for (size_t length = 0; length < size; length += step)
    try_bytes(bytes, length);
  try_bytes(bytes, size);
  free(bytes);
  const char *slash = strrchr(path, '/');
  printf("ok %d - %s %s\n", ++number, fuzz_name,
         slash == NULL ? path : slash + 1);
}

static int is_visible(const struct dirent *entry) {
  return entry->d_name[0] != '.';
}

/* Returns how many files there are. */
static int replay_directory(const char *directory) {
  struct dirent **entries;
  int count = scandir(directory, &entries, is_visible, alphasort);
  for (int i = 0; i < count; i++) {
    char path[4096 + 256];
    snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
    replay(path);
    free(entries[i]);
  }
  if (count >= 0)
    free(entries);
  return count;
}

int main(int argc, char **argv) {
  const char *top = getenv("top_srcdir");
  char directory[4096];
  int count = argc - 1;
  for (int i = 1; i < argc; i++)
    replay(argv[i]);
  snprintf(directory, sizeof(directory), "%s/tests/fuzz/corpus/%s",
           top == NULL ? "." : top, fuzz_name);
  if (argc == 1)
    count = replay_directory(directory);
  if (count <= 0) {
    printf("Bail out! there is nothing in %s\n", directory);
    return 1;
  }
  printf("1..%d\n", count);
  return 0;
}
