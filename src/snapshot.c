/* SPDX-License-Identifier: MIT */
#include "snapshot.h"

#include <stdlib.h>
#include <string.h>

/* Makes room for count items; what was in them is lost. */
static bool make_room(void **items, size_t *capacity, size_t count,
                      size_t size) {
  if (count <= *capacity)
    return true;
  free(*items);
  *items = calloc(count, size);
  *capacity = *items != NULL ? count : 0;
  return *items != NULL;
}

bool snapshot_start(struct snapshot *snapshot, size_t accounts, size_t tasks,
                    size_t fields) {
  void *memory[] = {snapshot->accounts, snapshot->tasks, snapshot->fields};
  snapshot->account_count = snapshot->task_count = snapshot->field_count = 0;
  bool ok = make_room(&memory[0], &snapshot->account_capacity, accounts,
                      sizeof(*snapshot->accounts)) &&
            make_room(&memory[1], &snapshot->task_capacity, tasks,
                      sizeof(*snapshot->tasks)) &&
            make_room(&memory[2], &snapshot->field_capacity, fields,
                      sizeof(*snapshot->fields));
  snapshot->accounts = memory[0];
  snapshot->tasks = memory[1];
  snapshot->fields = memory[2];
  return ok;
}

void snapshot_clear(struct snapshot *snapshot) {
  free(snapshot->accounts);
  free(snapshot->tasks);
  free(snapshot->fields);
  memset(snapshot, 0, sizeof(*snapshot));
}
