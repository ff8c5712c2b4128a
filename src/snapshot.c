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

bool snapshot_start(struct snapshot *snapshot,
                    const struct snapshot_room *room) {
  void *memory[] = {snapshot->accounts, snapshot->tasks, snapshot->fields,
                    snapshot->texts};
  snapshot->account_count = snapshot->task_count = 0;
  snapshot->field_count = snapshot->text_size = 0;
  bool ok = make_room(&memory[0], &snapshot->account_capacity, room->accounts,
                      sizeof(*snapshot->accounts)) &&
            make_room(&memory[1], &snapshot->task_capacity, room->tasks,
                      sizeof(*snapshot->tasks)) &&
            make_room(&memory[2], &snapshot->field_capacity, room->fields,
                      sizeof(*snapshot->fields)) &&
            make_room(&memory[3], &snapshot->text_capacity, room->text_size,
                      sizeof(*snapshot->texts));
  snapshot->accounts = memory[0];
  snapshot->tasks = memory[1];
  snapshot->fields = memory[2];
  snapshot->texts = memory[3];
  return ok;
}

struct task_values *snapshot_add_task(struct snapshot *snapshot, size_t account,
                                      const char *name, const double *fields,
                                      size_t field_count) {
  struct task_values *values = &snapshot->tasks[snapshot->task_count++];
  size_t name_size = strlen(name) + 1;
  values->account = account;
  values->name = memcpy(snapshot->texts + snapshot->text_size, name, name_size);
  values->first_field = snapshot->field_count;
  snapshot->text_size += name_size;
  for (size_t i = 0; i < field_count; i++)
    snapshot->fields[snapshot->field_count++] = fields[i];
  return values;
}

void snapshot_clear(struct snapshot *snapshot) {
  free(snapshot->accounts);
  free(snapshot->tasks);
  free(snapshot->fields);
  free(snapshot->texts);
  memset(snapshot, 0, sizeof(*snapshot));
}
