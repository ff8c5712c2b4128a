/* SPDX-License-Identifier: MIT */
#include "collectd_headers.h"

#include "configuration.h"

#include "api_key.h"
#include "utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of the text that says where something stands: of an account, of a task. */
#define ACCOUNT_PLACE_SIZE 256
#define TASK_PLACE_SIZE 1024
#define LINE_SIZE 2048 /* of a log line; collectd cuts it at 1024 */

static const char out_of_memory[] = "out of memory";

/* Where options and tasks are being read: in a <Plugin> block, or in an
 * <Account> block inside it. */
struct level {
  struct configuration *configuration;
  struct account_options *options;
  const char *account; /* name, NULL outside any <Account> */
  size_t index;        /* of the account, if there is one */
  char place[ACCOUNT_PLACE_SIZE];
};

/* Logs what is wrong in one line, and returns -1. Values are not logged, but
 * for the names of accounts and IDs of tasks in place: one may be a key, or
 * hold a password. */
static int refuse(const char *place, const char *option, const char *problem) {
  char line[LINE_SIZE], clean[LINE_SIZE];
  snprintf(line, sizeof(line), "%s%s: %s", place, option, problem);
  utf8_copy_any(clean, sizeof(clean), line); /* names are not checked yet */
  P_ERROR("%s", clean);
  return -1;
}

/* The one value of an item, NULL if there are more or less of them. */
static const oconfig_value_t *value_of(const oconfig_item_t *item) {
  return item->values_num == 1 && item->children_num == 0 ? &item->values[0]
                                                          : NULL;
}

static int set_option(struct level *level, const oconfig_item_t *item) {
  const char *name = item->key;
  const char *problem =
      account_options_set(level->options, &name, value_of(item));
  return problem == NULL ? 0 : refuse(level->place, name, problem);
}

/* Adds an account with what it inherits. Returns its index in *index, and NULL
 * or what is wrong. */
static const char *add_account(struct configuration *configuration,
                               const char *name, size_t *index) {
  for (size_t i = 0; i < configuration->account_count; i++)
    if (strcmp(configuration->accounts[i].name, name) == 0)
      return "there is another account of that name";
  struct account *accounts =
      realloc(configuration->accounts,
              (configuration->account_count + 1) * sizeof(*accounts));
  if (accounts == NULL)
    return out_of_memory;
  configuration->accounts = accounts;
  struct account *account = &accounts[configuration->account_count];
  memset(account, 0, sizeof(*account));
  *index = configuration->account_count++;
  account->name = strdup(name);
  bool is_default = strcmp(name, ACCOUNT_DEFAULT) == 0;
  if (asprintf(&account->name_prefix, "%s%s", is_default ? "" : name,
               is_default ? "" : "-") < 0)
    account->name_prefix = NULL;
  if (!account_options_inherit(&account->options, &configuration->defaults) ||
      account->name == NULL || account->name_prefix == NULL)
    return out_of_memory;
  return NULL;
}

/* Finds, or adds, the account that the level's tasks belong to. */
static const char *find_account(struct level *level) {
  struct configuration *configuration = level->configuration;
  if (level->account != NULL)
    return NULL;
  for (size_t i = 0; i < configuration->account_count; i++)
    if (strcmp(configuration->accounts[i].name, ACCOUNT_DEFAULT) == 0) {
      level->index = i;
      return NULL;
    }
  return add_account(configuration, ACCOUNT_DEFAULT, &level->index);
}

static const char *set_started(const oconfig_value_t *value,
                               int64_t *milliseconds) {
  if (value != NULL && value->type == OCONFIG_TYPE_NUMBER)
    return task_time_from_seconds(value->value.number, milliseconds);
  if (value != NULL && value->type == OCONFIG_TYPE_STRING)
    return task_time_parse(value->value.string, milliseconds);
  return "exactly one time is expected";
}

/* Reads an option of the long form of a task into definition, whose strings
 * stay the configuration's. */
static int parse_task_option(const oconfig_item_t *item, const char *place,
                             struct task_definition *definition) {
  const oconfig_value_t *value = value_of(item);
  bool is_name = strcasecmp(item->key, "Name") == 0;
  const char *problem = NULL;
  if (strcasecmp(item->key, "Started") == 0) {
    problem = set_started(value, &definition->started);
  } else if (!is_name && strcasecmp(item->key, "Type") != 0) {
    problem = "there is no such option";
  } else if (value == NULL || value->type != OCONFIG_TYPE_STRING) {
    problem = ONE_STRING_EXPECTED;
  } else if (is_name) {
    definition->name = value->value.string;
  } else {
    definition->type = value->value.string;
    problem = task_type_check(definition->type);
  }
  return problem == NULL ? 0 : refuse(place, item->key, problem);
}

/* Adds the task to the list, under its name with the account's prefix. */
static const char *list_task(struct level *level,
                             struct task_definition definition) {
  const char *problem = find_account(level);
  if (problem != NULL)
    return problem;
  definition.account = level->index;
  char *name;
  if (asprintf(&name, "%s%s",
               level->configuration->accounts[level->index].name_prefix,
               definition.name) < 0)
    return out_of_memory;
  definition.name = name;
  problem = task_list_add(level->configuration->tasks, &definition);
  free(name);
  return problem;
}

/* The ID and the name of a task, from the values of its item. */
static const char *set_id_and_name(const oconfig_item_t *item,
                                   struct task_definition *definition) {
  if (item->values_num < 1 || item->values_num > 2)
    return "an ID, and a name or none, are expected";
  for (int i = 0; i < item->values_num; i++)
    if (item->values[i].type != OCONFIG_TYPE_STRING)
      return "the ID and the name are strings (in quotes)";
  definition->id = item->values[0].value.string;
  definition->name = item->values[item->values_num - 1].value.string;
  return NULL;
}

static int parse_task(struct level *level, const oconfig_item_t *item) {
  struct task_definition definition = {.type = TASK_TYPE_DEFAULT};
  bool has_id =
      item->values_num > 0 && item->values[0].type == OCONFIG_TYPE_STRING;
  char place[TASK_PLACE_SIZE];
  snprintf(place, sizeof(place), "%sTask \"%.*s\": ", level->place, TASK_ID_MAX,
           has_id ? item->values[0].value.string : "");
  const char *problem = set_id_and_name(item, &definition);
  if (problem != NULL)
    return refuse(place, "ID or name", problem);
  for (int i = 0; i < item->children_num; i++)
    if (parse_task_option(&item->children[i], place, &definition) != 0)
      return -1;
  problem = list_task(level, definition);
  if (problem == NULL)
    return 0;
  char name[TASK_ID_MAX + sizeof("name \"\"")];
  snprintf(name, sizeof(name), "name \"%.*s\"", TASK_ID_MAX, definition.name);
  return refuse(place, name, problem);
}

/* Adds a file to those of the account at index. */
static const char *list_task_file(struct configuration *configuration,
                                  size_t index, const char *path) {
  size_t count = configuration->task_file_count;
  for (size_t i = 0; i < count; i++)
    if (configuration->task_files[i].account == index &&
        strcmp(configuration->task_files[i].path, path) == 0)
      return "it is listed twice";
  struct task_file_option *files =
      realloc(configuration->task_files, (count + 1) * sizeof(*files));
  if (files == NULL)
    return out_of_memory;
  configuration->task_files = files;
  char *copy = strdup(path);
  if (copy == NULL)
    return out_of_memory;
  files[count] = (struct task_file_option){.path = copy, .account = index};
  configuration->task_file_count++;
  return NULL;
}

static int parse_task_file(struct level *level, const oconfig_item_t *item) {
  const oconfig_value_t *value = value_of(item);
  const char *problem = NULL;
  if (value == NULL || value->type != OCONFIG_TYPE_STRING)
    problem = ONE_STRING_EXPECTED;
  else if (value->value.string[0] == '\0')
    problem = "it is empty";
  if (problem == NULL)
    problem = find_account(level);
  if (problem == NULL)
    problem =
        list_task_file(level->configuration, level->index, value->value.string);
  return problem == NULL ? 0 : refuse(level->place, "TaskFile", problem);
}

static int parse_field(struct level *level, const oconfig_item_t *item) {
  bool is_good = item->values_num == 3 && item->children_num == 0;
  for (int i = 0; is_good && i < 3; i++)
    is_good = item->values[i].type == OCONFIG_TYPE_STRING;
  if (!is_good)
    return refuse(level->place, "Field",
                  "exactly three strings, a pointer, a type, and an instance, "
                  "are expected (in quotes)");
  const struct field field = {.pointer = item->values[0].value.string,
                              .type = item->values[1].value.string,
                              .instance = item->values[2].value.string};
  const char *problem = account_options_add_field(level->options, &field);
  return problem == NULL ? 0 : refuse(level->place, "Field", problem);
}

/* What may stand any number of times in a level, each adding to what is there:
 * add a line, with the function that reads one, to have one more. The function
 * logs what is wrong and returns -1, or returns 0. */
static const struct {
  const char *name;
  int (*parse)(struct level *level, const oconfig_item_t *item);
} items[] = {
    {"Field", parse_field},
    {"Task", parse_task},
    {"TaskFile", parse_task_file},
};

static int parse_item(struct level *level, const oconfig_item_t *item) {
  for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++)
    if (strcasecmp(item->key, items[i].name) == 0)
      return items[i].parse(level, item);
  return set_option(level, item);
}

static int parse_account(struct configuration *configuration,
                         const oconfig_item_t *item) {
  if (item->values_num != 1 || item->values[0].type != OCONFIG_TYPE_STRING)
    return refuse("", "Account", "exactly one name is expected (in quotes)");
  struct level level = {.configuration = configuration,
                        .account = item->values[0].value.string};
  snprintf(level.place, sizeof(level.place),
           "Account \"%.*s\": ", TASK_NAME_MAX, level.account);
  const char *problem = task_name_check(level.account);
  if (problem == NULL && strcmp(level.account, ACCOUNT_DEFAULT) == 0)
    problem = "that is the name of the tasks outside any account";
  if (problem == NULL)
    problem = add_account(configuration, level.account, &level.index);
  if (problem != NULL)
    return refuse(level.place, "name", problem);
  level.options = &configuration->accounts[level.index].options;
  for (int i = 0; i < item->children_num; i++)
    if (parse_item(&level, &item->children[i]) != 0)
      return -1;
  if (!account_options_inherit_key(level.options, &configuration->defaults))
    return refuse(level.place, "APIKey", out_of_memory);
  return 0;
}

/* Sees that an account has a key, be it the one in the environment. */
static int settle_key(struct account_options *at, const char *place) {
  const char *key = getenv(API_KEY_VARIABLE);
  if (at->api_key != NULL || at->api_key_file != NULL)
    return 0;
  if (key == NULL || key[0] == '\0')
    return refuse(place, "APIKey",
                  "there is no key: give APIKeyFile or APIKey, no later than "
                  "in the block of the tasks, or the environment "
                  "variable " API_KEY_VARIABLE);
  const char *problem = api_key_check(key);
  if (problem == NULL && (at->api_key = strdup(key)) == NULL)
    problem = out_of_memory;
  return problem == NULL
             ? 0
             : refuse("environment variable ", API_KEY_VARIABLE, problem);
}

/* Gives the default account the options outside any account, which may have
 * come after its tasks, and sees that each account has a key. */
static int settle(struct configuration *configuration) {
  const struct account_options *defaults = &configuration->defaults;
  for (size_t i = 0; i < configuration->account_count; i++) {
    struct account *account = &configuration->accounts[i];
    char place[ACCOUNT_PLACE_SIZE] = "";
    if (strcmp(account->name, ACCOUNT_DEFAULT) == 0) {
      account_options_clear(&account->options);
      if (!account_options_inherit(&account->options, defaults) ||
          !account_options_inherit_key(&account->options, defaults))
        return refuse("", "Task", out_of_memory);
    } else {
      snprintf(place, sizeof(place), "Account \"%s\": ", account->name);
    }
    if (settle_key(&account->options, place) != 0)
      return -1;
  }
  return 0;
}

int configuration_parse(struct configuration *configuration,
                        const struct oconfig_item_s *block) {
  struct level level = {.configuration = configuration,
                        .options = &configuration->defaults};
  for (int i = 0; i < block->children_num; i++) {
    const oconfig_item_t *item = &block->children[i];
    int status = strcasecmp(item->key, "Account") == 0
                     ? parse_account(configuration, item)
                     : parse_item(&level, item);
    if (status != 0)
      return -1;
  }
  return settle(configuration);
}

struct configuration *configuration_create(void) {
  struct configuration *configuration = calloc(1, sizeof(*configuration));
  if (configuration == NULL)
    return NULL;
  configuration->tasks = task_list_create();
  if (!account_options_init(&configuration->defaults) ||
      configuration->tasks == NULL) {
    configuration_free(configuration);
    return NULL;
  }
  return configuration;
}

void configuration_free(struct configuration *configuration) {
  if (configuration == NULL)
    return;
  account_options_clear(&configuration->defaults);
  for (size_t i = 0; i < configuration->account_count; i++) {
    account_options_clear(&configuration->accounts[i].options);
    free(configuration->accounts[i].name);
    free(configuration->accounts[i].name_prefix);
  }
  free(configuration->accounts);
  task_list_free(configuration->tasks);
  for (size_t i = 0; i < configuration->task_file_count; i++)
    free(configuration->task_files[i].path);
  free(configuration->task_files);
  free(configuration);
}
