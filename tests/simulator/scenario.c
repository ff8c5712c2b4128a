/* SPDX-License-Identifier: MIT */
#include "scenario.h"

#include "line.h"
#include "memory.h"
#include "number.h"
#include "option.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
  TASKS_MAX = 10000000, /* of a line */
  OPTIONS_OF_TASKS = OPTION_PROJECT | OPTION_PHASE | OPTION_MISBEHAVIOUR,
};

/* A line that has been read, to be applied when all have been. */
struct command {
  STAILQ_ENTRY(command) next;
  const struct verb *verb;
  char *id;
  uint64_t count;
  struct fate *fate;
};

STAILQ_HEAD(commands, command);

/* --- What the commands do ------------------------------------------------- */

static void apply_task(struct world *world, const struct command *command) {
  tasks_set(world->tasks, command->id, command->fate, 0);
}

static void apply_many(struct world *world, const struct command *command) {
  for (uint64_t i = 0; i < command->count; i++) {
    char *id = memory_format("%s-%" PRIu64, command->id, i + 1);
    tasks_set(world->tasks, id, command->fate, i);
    free(id);
  }
}

static void apply_create(struct world *world, const struct command *command) {
  fate_replace(&world->create, command->fate);
}

static void apply_all(struct world *world, const struct command *command) {
  fate_replace(&world->layers[LAYER_ALL], command->fate);
}

static void apply_results(struct world *world, const struct command *command) {
  fate_replace(&world->layers[LAYER_RESULTS], command->fate);
}

static void apply_next(struct world *world, const struct command *command) {
  if (command->count > 0)
    world_add_next(world, command->count, command->fate);
  else
    world_drop_nexts(world);
}

static void apply_forget(struct world *world, const struct command *command) {
  tasks_forget(world->tasks, command->id);
}

static void apply_key(struct world *world, const struct command *command) {
  world_add_key(world, command->id);
}

static void apply_seed(struct world *world, const struct command *command) {
  world->dice = command->count;
}

static void apply_start(struct world *world, const struct command *command) {
  world->clock = command->fate->clock;
}

static const struct verb {
  const char *name;
  const char *id;     /* what its first argument is, if it is a text */
  uint64_t count_max; /* its next argument is a number up to this */
  unsigned groups;    /* of the options that may follow */
  void (*apply)(struct world *world, const struct command *command);
} verbs[] = {
    {"task", "ID", 0, OPTIONS_OF_TASKS, apply_task},
    {"many", "PREFIX", TASKS_MAX, OPTIONS_OF_TASKS, apply_many},
    {"create", NULL, 0, OPTIONS_OF_TASKS, apply_create},
    {"all", NULL, 0, OPTION_MISBEHAVIOUR, apply_all},
    {"results", NULL, 0, OPTION_MISBEHAVIOUR, apply_results},
    {"next", NULL, UINT64_MAX, OPTION_MISBEHAVIOUR, apply_next},
    {"forget", "ID", 0, 0, apply_forget},
    {"key", "KEY", 0, 0, apply_key},
    {"seed", NULL, UINT64_MAX, 0, apply_seed},
    {"start", NULL, 0, OPTION_START, apply_start},
};

/* --- Reading -------------------------------------------------------------- */

static const struct verb *find_verb(const char *name) {
  for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
    if (strcmp(verbs[i].name, name) == 0)
      return &verbs[i];
  return NULL;
}

static bool read_id(struct line *line, struct command *command) {
  struct blob *word = line_next_word(line);
  bool good = word != NULL && word->size > 0 &&
              memchr(word->data, '\0', word->size) == NULL;
  if (good)
    command->id = memory_text(word->data);
  else
    line_fail(line, "%s needs %s", command->verb->name, command->verb->id);
  blob_put(word);
  return good;
}

static bool read_count(struct line *line, struct command *command) {
  struct blob *word = line_next_word(line);
  const char *text = word != NULL ? word->data : "";
  bool good =
      number_parse_integer(text, command->verb->count_max, &command->count) ||
      line_fail(line, "%s needs a number, not \"%s\"", command->verb->name,
                text);
  blob_put(word);
  return good;
}

static void read_options(struct line *line, const struct command *command) {
  struct blob *word;
  while ((word = line_next_word(line)) != NULL) {
    option_apply(line, command->fate, word, command->verb->groups);
    blob_put(word);
  }
}

/* Reads what is behind a command's name. */
static void read_arguments(struct line *line, struct command *command) {
  if ((command->verb->id == NULL || read_id(line, command)) &&
      (command->verb->count_max == 0 || read_count(line, command)))
    read_options(line, command);
}

/* Adds the line's command, if it has one. */
static void read_line(struct line *line, struct commands *commands) {
  struct blob *name = line_next_word(line);
  const struct verb *verb = name != NULL ? find_verb(name->data) : NULL;
  if (verb != NULL) {
    struct command *command = memory_zeroed(sizeof(*command));
    command->verb = verb;
    command->fate = fate_new();
    STAILQ_INSERT_TAIL(commands, command, next);
    read_arguments(line, command);
  } else if (name != NULL) {
    line_fail(line, "unknown command \"%s\"", name->data);
  }
  blob_put(name);
}

static void apply(struct world *world, const struct commands *commands) {
  const struct command *command;
  bool has_keys = false;
  for (command = STAILQ_FIRST(commands); command != NULL;
       command = STAILQ_NEXT(command, next)) {
    if (command->verb->apply == apply_key && !has_keys) {
      world_drop_keys(world);
      has_keys = true;
    }
    if (command->fate->clock == CLOCK_UNSAID)
      command->fate->clock = world->clock;
    command->verb->apply(world, command);
  }
}

static void free_commands(struct commands *commands) {
  struct command *command;
  while ((command = STAILQ_FIRST(commands)) != NULL) {
    STAILQ_REMOVE_HEAD(commands, next);
    fate_put(command->fate);
    free(command->id);
    free(command);
  }
}

char *scenario_apply(struct world *world, const char *source,
                     const char *directory, const char *text, size_t size) {
  struct commands commands = STAILQ_HEAD_INITIALIZER(commands);
  struct line line = {.source = source, .directory = directory};
  const char *end = text + size;
  while (line.error == NULL && text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    line.number++;
    line.at = text;
    line.end = newline != NULL ? newline : end;
    read_line(&line, &commands);
    text = line.end + 1;
  }
  if (line.error == NULL)
    apply(world, &commands);
  free_commands(&commands);
  return line.error;
}
