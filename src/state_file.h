/* SPDX-License-Identifier: MIT */
/* What must survive a restart, in a file of JSON lines: a damaged line costs
 * itself only, and it is never in memory as a whole.
 *
 *   {"camb_task_state":1}
 *   {"account":"NAME","key_rejected":true,"blind":true,"held_until":TIME}
 *   {"account":"NAME","task":"ID","type":"TYPE","name":"NAME","started":TIME,
 *    "listed":TIME,"unlisted":TIME,"state":"STATE","saw_pending":true,
 *    "changed":TIME,"confirmed":TIME,"run_id":NUMBER,
 *    "exception_reason":"TEXT","message":"TEXT","media_duration":SECONDS,
 *    "refused":true,"end_told":true,"stalled_told":true,
 *    "fields":{"POINTER":NUMBER}}
 *   {"end":LINES}
 *
 * (each on one line). The members are those of task_record.h. A TIME is in
 * milliseconds since the epoch, up to the year 9999; a STATE is a name of
 * task_state.h. A member that has nothing to say (0, false, "", no number, the
 * state "unknown", the default type) is left out, and so is the line of an
 * account that has nothing else; readers ignore members that they do not know.
 * The head is the first line, and the end, which counts the lines before it,
 * the last one.
 *
 * The file is replaced as a whole, by renaming PATH.new; where PATH is a
 * symbolic link, the link is replaced. The API's key is never in it. Nothing
 * here is thread-safe. */
#ifndef STATE_FILE_H
#define STATE_FILE_H

#include "state_line.h"
#include "task_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_FILE_PROBLEM_SIZE 768 /* bytes with the terminator */

struct state_file;

/* The state file at path, where a relative path is one to the working directory
 * of each call. Neither read nor written yet. The accounts, which the records
 * name by their index, belong to the caller and outlive the state file. NULL
 * when out of memory. */
struct state_file *state_file_create(const char *path,
                                     const struct state_account *accounts,
                                     size_t account_count);

/* A write that was begun and not committed is given up. */
void state_file_free(struct state_file *file);

/* Takes what the file holds, in the order of the lines. A record is valid
 * during the call; its texts are valid UTF-8 without control characters, its
 * numbers finite, its ID, name and type such as task_list.h demands, but for a
 * name that is not there, "". The same task may come twice from a damaged file.
 * Returning false (out of memory) ends the reading. */
struct state_reader {
  void *context;
  bool (*task)(void *context, const struct task_record *record);
  bool (*account)(void *context, const struct account_record *record);
};

/* Reads the file at the time now (milliseconds since the epoch). That there is
 * none is no problem. One that is not whole is renamed to PATH.damaged, in
 * place of an older one, and its good lines are taken, unless its first line
 * does not say that they can be understood; so is one that can't be read. What
 * is no regular file is left alone, and the write says so. Fills problem with
 * one line that says so, naming the path, or "". A write should follow then,
 * since what was read is no longer at the path.
 *
 * The tasks of accounts that are not configured are kept in memory, and are in
 * each file that is written within TASK_UNLISTED_KEPT of "unlisted", which is
 * now for those that do not say.
 *
 * Returns false when out of memory; the file is left alone then, and nothing
 * more should be made of what was taken. */
bool state_file_read(struct state_file *file, int64_t now,
                     const struct state_reader *reader,
                     char problem[STATE_FILE_PROBLEM_SIZE]);

/* Begins to write the file anew, at the time now; a write that was begun before
 * is given up. Returns false if that can't be done: then nothing need be put,
 * and state_file_commit says why. */
bool state_file_begin(struct state_file *file, int64_t now);

/* Add a record to the write that has begun, if it has; an account's only if
 * there is something to say. Its texts are valid UTF-8. An error shows at the
 * commit. */
void state_file_put_account(struct state_file *file,
                            const struct account_record *record);
void state_file_put_task(struct state_file *file,
                         const struct task_record *record);

/* Ends what state_file_begin began: what was put is on the disk, in place of
 * the old file, with mode 0600. After any error since then, out of memory
 * included, the old file stays as it is and false is returned; problem says
 * why, naming the path, and is "" otherwise. */
bool state_file_commit(struct state_file *file,
                       char problem[STATE_FILE_PROBLEM_SIZE]);

#endif
