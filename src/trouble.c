/* SPDX-License-Identifier: MIT */
#include "trouble.h"

#include "utf8.h"

static void begin_spell(struct trouble *trouble, int64_t now,
                        int64_t interval) {
  trouble->is_open = true;
  if (trouble->seen == 0 || now - trouble->seen >= TROUBLE_QUIET_MAX)
    trouble->quiet = 0;
  else if (trouble->quiet == 0)
    trouble->quiet = interval;
  else if (trouble->quiet < TROUBLE_QUIET_MAX / 2)
    trouble->quiet *= 2;
  else
    trouble->quiet = TROUBLE_QUIET_MAX;
}

void trouble_enter(struct trouble *trouble, const char *name,
                   const char *detail, int64_t now, int64_t interval) {
  trouble->tasks++;
  if (!trouble->is_open) {
    begin_spell(trouble, now, interval);
    utf8_copy(trouble->name, sizeof(trouble->name), name);
    utf8_copy(trouble->detail, sizeof(trouble->detail), detail);
  }
  trouble->seen = now;
}

void trouble_leave(struct trouble *trouble) { trouble->tasks--; }

bool trouble_may_name(struct trouble *trouble) {
  if (trouble->named >= TROUBLE_TASKS_NAMED)
    trouble->crowded = true;
  return !trouble->crowded;
}

void trouble_name_told(struct trouble *trouble) { trouble->named++; }

void trouble_judge(struct trouble *trouble, int64_t now) {
  if (trouble->tasks > 0) {
    trouble->seen = now;
  } else if (now - trouble->seen >= trouble->quiet) {
    trouble->is_open = trouble->crowded = false;
    trouble->named = 0;
  }
}

bool trouble_is_active(const struct trouble *trouble,
                       enum outcome_scope scope) {
  return scope == SCOPE_ACCOUNT ? trouble->is_open : trouble->crowded;
}
