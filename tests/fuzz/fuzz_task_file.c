/* SPDX-License-Identifier: MIT */
/* The input: what a task file holds, one time after the other, with a byte 0x1E
 * between them; of no more than VERSIONS_MAX, each of which takes its time. */
#include "fuzz.h"

#include "task_file.h"

#include <sys/mman.h>
#include <unistd.h>

#define SEPARATOR 0x1E
#define VERSIONS_MAX 3
#define PREFIX "account-"
#define LINE_SIZE (TASK_ID_MAX + TASK_NAME_MAX + TASK_TYPE_MAX + 64)

const char fuzz_name[] = "task_file";

/* A file in memory, and its path. */
static int descriptor = -1;
static char path[64];

static void open_file(void) {
  if (descriptor >= 0)
    return;
  descriptor = memfd_create("fuzz_task_file", MFD_CLOEXEC);
  CHECK(descriptor >= 0);
  snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
}

static void write_file(const void *bytes, size_t size) {
  CHECK(ftruncate(descriptor, 0) == 0);
  CHECK(size == 0 || pwrite(descriptor, bytes, size, 0) == (ssize_t)size);
}

static struct task_file *create_file(size_t account, const char *prefix) {
  struct task_file *file = task_file_create(path, account, prefix);
  CHECK(file != NULL);
  return file;
}

static bool refresh(struct task_file *file) {
  char problem[TASK_FILE_PROBLEM_SIZE];
  memset(problem, 'x', sizeof(problem));
  bool changed = task_file_refresh(file, problem);
  CHECK(problem[0] == '\0'); /* nothing is wrong with the file as such */
  return changed;
}

static void take_problem(void *context, const char *text) {
  size_t *problems = context;
  CHECK(++*problems <= TASK_FILE_PROBLEMS_MAX + 1);
  check_text(text, TASK_FILE_PROBLEM_SIZE);
  CHECK(strncmp(text, "task file ", strlen("task file ")) == 0);
  CHECK(strstr(text, path) != NULL);
}

static void check_definition(const struct task_definition *definition) {
  const char *prefix = definition->account == 0 ? "" : PREFIX;
  CHECK(definition->account <= 1);
  CHECK(task_id_check(definition->id) == NULL);
  CHECK(task_name_check(definition->name) == NULL);
  CHECK(task_type_check(definition->type) == NULL);
  CHECK(definition->started >= 0);
  CHECK(strncmp(definition->name, prefix, strlen(prefix)) == 0);
}

/* Returns how many tasks and bad lines, those that are told, there are. */
static size_t list_file(struct task_file *file, struct task_list *list) {
  size_t problems = 0, before = task_list_count(list);
  CHECK(task_file_list(file, list, take_problem, &problems));
  for (size_t i = before; i < task_list_count(list); i++)
    check_definition(task_list_get(list, i));
  return task_list_count(list) - before + problems;
}

static struct task_list *create_list(void) {
  struct task_list *list = task_list_create();
  CHECK(list != NULL);
  return list;
}

static size_t count_lines(const uint8_t *bytes, size_t size) {
  size_t lines = 1;
  for (size_t i = 0; i < size; i++)
    lines += bytes[i] == '\n';
  return lines;
}

static void check_same(const struct task_list *list,
                       const struct task_list *other) {
  CHECK(task_list_count(list) == task_list_count(other));
  for (size_t i = 0; i < task_list_count(list); i++) {
    const struct task_definition *a = task_list_get(list, i);
    const struct task_definition *b = task_list_get(other, i);
    CHECK(strcmp(a->id, b->id) == 0 && strcmp(a->name, b->name) == 0 &&
          strcmp(a->type, b->type) == 0 && a->started == b->started);
  }
}

/* A task's line, with all that can be said of it. */
static int print_line(char *line, const struct task_definition *definition) {
  /* an ID that looks like an option can be a name by default only */
  bool has_name = strcmp(definition->id, definition->name) != 0;
  int length = snprintf(line, LINE_SIZE, "%s %s type=%s", definition->id,
                        has_name ? definition->name : "", definition->type);
  if (definition->started > 0)
    length +=
        snprintf(line + length, LINE_SIZE - (size_t)length,
                 " started=%lld.%03d", (long long)(definition->started / 1000),
                 (int)(definition->started % 1000));
  line[length++] = '\n';
  return length;
}

/* What was listed, written as a file, is listed again. */
static void check_round(const struct task_list *list) {
  size_t size = 0, problems = 0;
  char *text = malloc(task_list_count(list) * LINE_SIZE + 1);
  CHECK(text != NULL);
  for (size_t i = 0; i < task_list_count(list); i++)
    size += (size_t)print_line(text + size, task_list_get(list, i));
  write_file(text, size);
  free(text);
  struct task_file *file = create_file(0, "");
  struct task_list *again = create_list();
  CHECK(refresh(file) == (size > 0));
  CHECK(task_file_list(file, again, take_problem, &problems));
  CHECK(problems == 0);
  check_same(list, again);
  task_list_free(again);
  task_file_free(file);
}

/* Both files are at the path. */
static void try_version(struct task_file *file, struct task_file *other,
                        const uint8_t *bytes, size_t size) {
  struct task_list *list = create_list(), *both = create_list();
  write_file(bytes, size);
  refresh(file);
  CHECK(list_file(file, list) <= count_lines(bytes, size));
  task_list_free(list);
  /* at the second look, an unfinished last line counts too */
  refresh(file);
  CHECK(!refresh(file));
  refresh(other);
  refresh(other);
  list = create_list();
  CHECK(list_file(file, list) <= count_lines(bytes, size));
  list_file(file, both);
  check_same(list, both);
  list_file(other, both);
  check_round(list);
  task_list_free(list);
  task_list_free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  open_file();
  struct task_file *file = create_file(0, "");
  struct task_file *other = create_file(1, PREFIX);
  const uint8_t *end = data + size, *next;
  for (int i = 1; data <= end; i++, data = next + 1) {
    next = i == VERSIONS_MAX || data == end
               ? NULL
               : memchr(data, SEPARATOR, (size_t)(end - data));
    if (next == NULL)
      next = end;
    try_version(file, other, data, (size_t)(next - data));
  }
  task_file_free(file);
  task_file_free(other);
  return 0;
}
