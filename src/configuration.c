/* SPDX-License-Identifier: MIT */
#include "collectd_headers.h"

#include "configuration.h"

#include "api_key.h"
#include "http_client.h"
#include "metrics.h"
#include "task_state.h"
#include "utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define URL_DEFAULT "https://client.camb.ai/apis"
#define DAY 86400     /* seconds */
#define YEAR 31536000 /* seconds */
/* Of the text that says where something stands: of an account, of a task. */
#define ACCOUNT_PLACE_SIZE 256
#define TASK_PLACE_SIZE 1024
#define LINE_SIZE 2048 /* of a log line; collectd cuts it at 1024 */

static const char out_of_memory[] = "out of memory";
static const char one_string_expected[] =
    "exactly one string is expected (in quotes)";

enum option_kind {
  OPTION_STRING,
  OPTION_BOOLEAN,
  OPTION_INTEGER,
  OPTION_SECONDS
};

/* An option of an account with one value, of which the last one given counts:
 * add a line to the table to have one more. What can be given any number of
 * times is in the table of items, further down. */
struct option {
  const char *name;
  enum option_kind kind;
  size_t offset; /* in struct account_options: of a char * for a string, a bool
                    for a boolean, a long for an integer, an int64_t for
                    seconds, which are kept in milliseconds */
  double minimum, maximum;            /* of a number */
  const char *(*check)(const char *); /* of a string: returns NULL or what is
                                         wrong; NULL: any string will do */
};

static const char *check_host(const char *value) {
  return task_name_check(value) == NULL
             ? NULL
             : "it is not 1 to 127 bytes of UTF-8 without slashes and control "
               "characters";
}

static const char *check_not_empty(const char *value) {
  return value[0] == '\0' ? "it is empty" : NULL;
}

#define OPTION(name, kind, member, ...)                                        \
  { name, kind, offsetof(struct account_options, member), __VA_ARGS__ }

static const struct option options[] = {
    OPTION("APIKey", OPTION_STRING, api_key, 0, 0, api_key_check),
    OPTION("APIKeyFile", OPTION_STRING, api_key_file, 0, 0, check_not_empty),
    OPTION("CACert", OPTION_STRING, ca_cert, 0, 0, check_not_empty),
    OPTION("FetchResult", OPTION_BOOLEAN, fetch_result, 0, 0, NULL),
    OPTION("ForgetAfter", OPTION_SECONDS, forget_after, 0, YEAR, NULL),
    OPTION("Host", OPTION_STRING, host, 0, 0, check_host),
    OPTION("MaxConcurrency", OPTION_INTEGER, max_concurrency, 1, 1000, NULL),
    OPTION("MaxErrorInterval", OPTION_SECONDS, max_error_interval, 1, DAY,
           NULL),
    OPTION("MaxPollInterval", OPTION_SECONDS, max_poll_interval, 0, DAY, NULL),
    OPTION("Notify", OPTION_BOOLEAN, notify, 0, 0, NULL),
    OPTION("Proxy", OPTION_STRING, proxy, 0, 0, http_proxy_check),
    OPTION("StalledAfter", OPTION_SECONDS, stalled_after, 0, YEAR, NULL),
    OPTION("StateFile", OPTION_STRING, state_file, 0, 0, NULL),
    OPTION("StateSet", OPTION_BOOLEAN, state_set, 0, 0, NULL),
    OPTION("Timeout", OPTION_SECONDS, timeout, 0.1, 3600, NULL),
    OPTION("URL", OPTION_STRING, url, 0, 0, http_url_check),
    OPTION("VerifyHost", OPTION_BOOLEAN, verify_host, 0, 0, NULL),
    OPTION("VerifyPeer", OPTION_BOOLEAN, verify_peer, 0, 0, NULL),
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

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

static char **string_at(struct account_options *at,
                        const struct option *option) {
  return (char **)(void *)((char *)at + option->offset);
}

static void free_field(struct field *field) {
  free(field->pointer);
  free(field->type);
  free(field->instance);
}

/* Appends a copy. Returns false when out of memory; nothing is added then. */
static bool append_field(struct account_options *at,
                         const struct field *field) {
  struct field copy = {.pointer = strdup(field->pointer),
                       .type = strdup(field->type),
                       .instance = strdup(field->instance),
                       .source_type = FIELD_NOT_EMITTED};
  struct field *fields =
      realloc(at->fields, (at->field_count + 1) * sizeof(*fields));
  if (fields != NULL)
    at->fields = fields;
  if (fields == NULL || copy.pointer == NULL || copy.type == NULL ||
      copy.instance == NULL) {
    free_field(&copy);
    return false;
  }
  fields[at->field_count++] = copy;
  return true;
}

static void free_options(struct account_options *at) {
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (options[i].kind == OPTION_STRING)
      free(*string_at(at, &options[i]));
  for (size_t i = 0; i < at->field_count; i++)
    free_field(&at->fields[i]);
  free(at->fields);
}

/* Makes target, which holds nothing, inherit from source. */
static bool inherit_options(struct account_options *target,
                            const struct account_options *source) {
  *target = *source;
  target->has_own_key = false;
  target->fields = NULL;
  target->field_count = 0;
  bool ok = true;
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    if (options[i].kind != OPTION_STRING)
      continue;
    char **string = string_at(target, &options[i]);
    if (*string != NULL) {
      *string = strdup(*string);
      ok = ok && *string != NULL;
    }
  }
  for (size_t i = 0; ok && i < source->field_count; i++)
    ok = append_field(target, &source->fields[i]);
  return ok;
}

/* The one value of an item, NULL if there are more or less of them. */
static const oconfig_value_t *value_of(const oconfig_item_t *item) {
  return item->values_num == 1 && item->children_num == 0 ? &item->values[0]
                                                          : NULL;
}

/* A key of either kind takes the place of an inherited one of either kind. */
static const char *make_way_for_key(struct account_options *at, char **other) {
  if (at->has_own_key && *other != NULL)
    return "APIKey and APIKeyFile exclude each other";
  free(*other);
  *other = NULL;
  at->has_own_key = true;
  return NULL;
}

static const char *set_string(struct account_options *at,
                              const struct option *option,
                              const oconfig_value_t *value) {
  if (value == NULL || value->type != OCONFIG_TYPE_STRING)
    return one_string_expected;
  const char *problem =
      option->check != NULL ? option->check(value->value.string) : NULL;
  char **string = string_at(at, option);
  if (problem == NULL && string == &at->api_key)
    problem = make_way_for_key(at, &at->api_key_file);
  if (problem == NULL && string == &at->api_key_file)
    problem = make_way_for_key(at, &at->api_key);
  if (problem != NULL)
    return problem;
  char *copy = strdup(value->value.string);
  if (copy == NULL)
    return out_of_memory;
  free(*string);
  *string = copy;
  return NULL;
}

static const char *set_boolean(struct account_options *at,
                               const struct option *option,
                               const oconfig_value_t *value) {
  if (value == NULL || value->type != OCONFIG_TYPE_BOOLEAN)
    return "exactly one of true and false is expected (without quotes)";
  *(bool *)((char *)at + option->offset) = value->value.boolean != 0;
  return NULL;
}

/* Logs by itself, since it names the range. */
static int set_number(struct account_options *at, const struct option *option,
                      const oconfig_value_t *value, const char *place) {
  bool is_integer = option->kind == OPTION_INTEGER;
  double number = value != NULL && value->type == OCONFIG_TYPE_NUMBER
                      ? value->value.number
                      : NAN;
  if (!(number >= option->minimum && number <= option->maximum) ||
      (is_integer && number != trunc(number))) {
    char problem[128];
    snprintf(problem, sizeof(problem),
             "exactly one %s from %.9g to %.9g is expected",
             is_integer ? "whole number" : "number of seconds", option->minimum,
             option->maximum);
    return refuse(place, option->name, problem);
  }
  void *target = (char *)at + option->offset;
  if (is_integer)
    *(long *)target = lround(number);
  else
    *(int64_t *)target = llround(number * 1000);
  return 0;
}

static int set_option(struct level *level, const oconfig_item_t *item) {
  const struct option *option = options;
  while (option < options + OPTION_COUNT &&
         strcasecmp(option->name, item->key) != 0)
    option++;
  if (option == options + OPTION_COUNT)
    return refuse(level->place, item->key, "there is no such option");
  const char *problem = NULL;
  if (option->kind == OPTION_STRING)
    problem = set_string(level->options, option, value_of(item));
  else if (option->kind == OPTION_BOOLEAN)
    problem = set_boolean(level->options, option, value_of(item));
  else
    return set_number(level->options, option, value_of(item), level->place);
  return problem == NULL ? 0 : refuse(level->place, option->name, problem);
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
  if (!inherit_options(&account->options, &configuration->defaults) ||
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
    problem = one_string_expected;
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
  const char *problem = value == NULL || value->type != OCONFIG_TYPE_STRING
                            ? one_string_expected
                            : check_not_empty(value->value.string);
  if (problem == NULL)
    problem = find_account(level);
  if (problem == NULL)
    problem =
        list_task_file(level->configuration, level->index, value->value.string);
  return problem == NULL ? 0 : refuse(level->place, "TaskFile", problem);
}

static const char *check_field(const struct field *field) {
  const char *problem = status_decoder_check_pointer(field->pointer);
  if (problem != NULL)
    return problem;
  if (task_name_check(field->type) != NULL)
    return "the type is not 1 to 127 bytes of UTF-8 without slashes and "
           "control characters";
  if (field->instance[0] != '\0' && task_name_check(field->instance) != NULL)
    return "the instance is not up to 127 bytes of UTF-8 without slashes and "
           "control characters";
  return NULL;
}

static bool is_same_value(const struct field *field, const char *type,
                          const char *instance) {
  return strcmp(field->type, type) == 0 &&
         strcmp(field->instance, instance) == 0;
}

/* Whether every task has such a value anyway, or may have it with other
 * options. */
static bool is_own_value(const struct field *field) {
  static const struct {
    const char *type, *instance;
  } own[] = {{STATUS_TYPE, STATUS_TYPE_INSTANCE},
#define X(symbol, name, code, severity, final)                                 \
  {STATE_SET_TYPE, STATE_SET_PREFIX name},
             TASK_STATES(X)
#undef X
#define X(type, type_instance, member) {type, type_instance},
                 TASK_GAUGES(X)
#undef X
  };
  for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
    if (is_same_value(field, own[i].type, own[i].instance))
      return true;
  return false;
}

static const char *add_field(struct account_options *at,
                             const struct field *field) {
  const char *problem = check_field(field);
  if (problem != NULL)
    return problem;
  if (is_own_value(field))
    return "the plugin's own values have that type and instance";
  for (size_t i = 0; i < at->field_count; i++)
    if (is_same_value(field, at->fields[i].type, at->fields[i].instance))
      return "another field has the same type and instance";
  _Static_assert(STATUS_FIELDS_MAX == 32, "the text below says so");
  if (at->field_count == STATUS_FIELDS_MAX)
    return "an account has at most 32 of them, inherited ones included";
  return append_field(at, field) ? NULL : out_of_memory;
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
  const char *problem = add_field(level->options, &field);
  return problem == NULL ? 0 : refuse(level->place, "Field", problem);
}

/* What may stand any number of times in a level, each adding to what is there:
 * add a line, with the function that reads one, to have one more. The function
 * logs what is wrong and returns -1, or returns 0. What it adds to the options
 * of an account, inherit_options and free_options have to know. */
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
  return 0;
}

/* Gives the default account the options outside any account, which may have
 * come after its tasks, and sees that each account has a key. */
static int settle(struct configuration *configuration) {
  for (size_t i = 0; i < configuration->account_count; i++) {
    struct account *account = &configuration->accounts[i];
    struct account_options *at = &account->options;
    bool is_default = strcmp(account->name, ACCOUNT_DEFAULT) == 0;
    char place[ACCOUNT_PLACE_SIZE] = "";
    if (is_default) {
      free_options(at);
      if (!inherit_options(at, &configuration->defaults))
        return refuse("", "Task", out_of_memory);
    } else {
      snprintf(place, sizeof(place), "Account \"%s\": ", account->name);
    }
    if (at->api_key_file != NULL)
      continue;
    if (at->api_key == NULL)
      return refuse(place, "APIKey",
                    "there is no key: give APIKeyFile or APIKey, no later than "
                    "in the block of the tasks, or the environment "
                    "variable " API_KEY_VARIABLE);
    const char *problem = api_key_check(at->api_key);
    if (problem != NULL)
      return refuse("environment variable ", API_KEY_VARIABLE, problem);
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
  struct account_options *defaults = &configuration->defaults;
  const char *key = getenv(API_KEY_VARIABLE);
  bool has_key = key != NULL && key[0] != '\0';
  *defaults = (struct account_options){
      .url = strdup(URL_DEFAULT),
      .api_key = has_key ? strdup(key) : NULL,
      .max_concurrency = 16,
      .timeout = 10000,
      .max_error_interval = 300000,
      .verify_peer = true,
      .verify_host = true,
      .state_set = true,
      .notify = true,
      .state_file = strdup(STATE_FILE_DEFAULT),
  };
  configuration->tasks = task_list_create();
  if (defaults->url == NULL || defaults->state_file == NULL ||
      configuration->tasks == NULL || (has_key && defaults->api_key == NULL)) {
    configuration_free(configuration);
    return NULL;
  }
  return configuration;
}

void configuration_free(struct configuration *configuration) {
  if (configuration == NULL)
    return;
  free_options(&configuration->defaults);
  for (size_t i = 0; i < configuration->account_count; i++) {
    free_options(&configuration->accounts[i].options);
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
