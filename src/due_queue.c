/* SPDX-License-Identifier: MIT */
#include "due_queue.h"

#include <stdlib.h>
#include <string.h>

bool due_queue_reserve(struct due_queue *queue, size_t capacity) {
  if (capacity <= queue->capacity)
    return true;
  size_t doubled = queue->capacity * 2;
  if (capacity < doubled)
    capacity = doubled;
  struct due_entry **entries =
      realloc(queue->entries, capacity * sizeof(*entries));
  if (entries == NULL)
    return false;
  queue->entries = entries;
  queue->capacity = capacity;
  return true;
}

static bool is_before(const struct due_entry *a, const struct due_entry *b) {
  return a->due != b->due ? a->due < b->due : a->order < b->order;
}

void due_queue_push(struct due_queue *queue, struct due_entry *entry,
                    int64_t due) {
  entry->due = due;
  entry->order = queue->pushed++;
  size_t child = queue->count++;
  while (child > 0) {
    size_t parent = (child - 1) / 2;
    if (!is_before(entry, queue->entries[parent]))
      break;
    queue->entries[child] = queue->entries[parent];
    child = parent;
  }
  queue->entries[child] = entry;
}

struct due_entry *due_queue_first(const struct due_queue *queue) {
  return queue->count > 0 ? queue->entries[0] : NULL;
}

struct due_entry *due_queue_pop(struct due_queue *queue) {
  struct due_entry *first = due_queue_first(queue);
  if (first == NULL)
    return NULL;
  struct due_entry *moved = queue->entries[--queue->count];
  size_t parent = 0;
  for (size_t child; (child = 2 * parent + 1) < queue->count; parent = child) {
    if (child + 1 < queue->count &&
        is_before(queue->entries[child + 1], queue->entries[child]))
      child++;
    if (!is_before(queue->entries[child], moved))
      break;
    queue->entries[parent] = queue->entries[child];
  }
  queue->entries[parent] = moved;
  return first;
}

void due_queue_clear(struct due_queue *queue) {
  free(queue->entries);
  memset(queue, 0, sizeof(*queue));
}
