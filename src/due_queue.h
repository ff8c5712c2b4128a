/* SPDX-License-Identifier: MIT */
/* A queue by time: what is due first comes out first, and of what is due at
 * the same time, what came in first. A binary heap over entries that live in
 * their owners' structures. */
#ifndef DUE_QUEUE_H
#define DUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due_entry {
  int64_t due;    /* milliseconds of any one clock; set by due_queue_push */
  uint64_t order; /* of its coming in */
};

/* All zero is an empty queue. */
struct due_queue {
  struct due_entry **entries;
  size_t count, capacity;
  uint64_t pushed; /* entries so far, which is the order of the next */
};

/* Makes room for so many entries, so that pushing them cannot fail. Returns
 * false when out of memory; the queue is unchanged then. */
bool due_queue_reserve(struct due_queue *queue, size_t capacity);

/* Puts in an entry, which is in no queue and outlives its stay in this one.
 * Room for it was reserved. */
void due_queue_push(struct due_queue *queue, struct due_entry *entry,
                    int64_t due);

/* The entry that is due first, NULL if the queue is empty. */
struct due_entry *due_queue_first(const struct due_queue *queue);

/* Takes out what due_queue_first shows. */
struct due_entry *due_queue_pop(struct due_queue *queue);

/* Frees the queue's own memory, not the entries. */
void due_queue_clear(struct due_queue *queue);

#endif
