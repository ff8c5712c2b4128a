/* SPDX-License-Identifier: MIT */
/* What is wrong with the files that the plugin reads and writes: each problem
 * is told once when it comes up, and once when it is over, whatever the number
 * of owners who have it. Plain data; shared_tracker.h guards it. */
#ifndef FILE_PROBLEMS_H
#define FILE_PROBLEMS_H

#include "event.h"

#include <stdbool.h>
#include <stddef.h>

struct file_problem;

/* All zero is none. */
struct file_problems {
  struct file_problem *first;
};

/* Frees its memory. */
void file_problems_clear(struct file_problems *problems);

/* A file, known by its owner, whatever that is, has been looked at, and these
 * are its problems now, by texts that name the file. Those that it had before
 * and has no more are over. When out of memory, a new one goes untold. */
void file_problems_set(struct file_problems *problems, const void *owner,
                       const char (*texts)[EVENT_DETAIL_SIZE], size_t count);

/* Fills kind and detail of an event with what is to be told next, first those
 * that have come up; false if there is nothing. */
bool file_problems_next_event(const struct file_problems *problems,
                              struct event *event);

/* The event has been told. */
void file_problems_event_done(struct file_problems *problems,
                              const struct event *event);

#endif
