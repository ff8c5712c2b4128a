/* SPDX-License-Identifier: MIT */
/* A list of tasks in a file, one a line, which is read again when it changes:
 *
 *     ID [NAME] [type=TYPE] [started=TIME]   # comment
 *
 * Words stand between white space; a # at the start of a word makes the rest of
 * the line a comment. The options may stand before the name. A byte order mark
 * at the start of the file is ignored. */
#ifndef TASK_FILE_H
#define TASK_FILE_H

#include "task_list.h"

#include <stdbool.h>
#include <stddef.h>

#define TASK_FILE_MAX ((size_t)64 * 1024 * 1024) /* bytes of a file */
#define TASK_FILE_PROBLEMS_MAX 10  /* bad lines of a file that are told */
#define TASK_FILE_PROBLEM_SIZE 512 /* bytes with the terminator */

struct task_file;

/* A file whose tasks belong to the account of this index, and whose names start
 * with prefix ("" or "ACCOUNT-"). Copies both texts. The file is not read yet.
 * NULL when out of memory. */
struct task_file *task_file_create(const char *path, size_t account,
                                   const char *prefix);
void task_file_free(struct task_file *file);

/* Looks at the file, and returns true if the lines that count are others than
 * before. While it can't be read, or is larger than TASK_FILE_MAX, those that
 * were read last go on. A last line without a line feed counts as soon as the
 * file was left alone for two seconds, or two looks in a row, without a failure
 * between them, found it the same.
 * Fills problem with why the file can't be used, naming it ("task file PATH: No
 * such file or directory"; valid UTF-8), the same at each look; "" if it can.
 */
bool task_file_refresh(struct task_file *file,
                       char problem[TASK_FILE_PROBLEM_SIZE]);

/* Adds the tasks of the file, as task_file_refresh read it last, to the list.
 * Tells on_problem of each bad line, which is left out, naming file and line
 * ("task file PATH, line 12: the task ID stands twice in its account"), after
 * TASK_FILE_PROBLEMS_MAX of them only that there are more. A bad line that only
 * stands elsewhere than at the call before keeps its text. The text is valid
 * UTF-8, shorter than TASK_FILE_PROBLEM_SIZE, without anything that stands in
 * the file, which could be a key; it is valid during the call. Returns false
 * when out of memory: the list then has some of the tasks. */
bool task_file_list(struct task_file *file, struct task_list *list,
                    void (*on_problem)(void *context, const char *text),
                    void *context);

#endif
