/* SPDX-License-Identifier: MIT */
/* For tests of what reads files: two paths in a directory of the test program's
 * own. */
#ifndef TEMPORARY_FILES_H
#define TEMPORARY_FILES_H

#define DIRECTORY_TEMPLATE "/tmp/camb_task.XXXXXX"

extern char directory[sizeof(DIRECTORY_TEMPLATE)];
extern char path[sizeof(DIRECTORY_TEMPLATE) + 16];
extern char other_path[sizeof(DIRECTORY_TEMPLATE) + 16];

/* cmocka's set-up and tear-down of a group of tests. */
int make_directory(void **state);
int remove_directory(void **state);

/* Removes what is at the paths, if anything is. */
void remove_files(void);

/* Make what is not a readable file of "path", where nothing is before. */
void make_nothing(void);
void make_a_directory(void);
void make_a_fifo(void);
void make_a_dangling_link(void);

#endif
