/* SPDX-License-Identifier: MIT */
#include "collectd_headers.h"

#include "account_options.h"

#include "api_key.h"
#include "http_url.h"
#include "metrics.h"
#include "status_decoder.h"
#include "task_list.h"
#include "task_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char out_of_memory[] = "out of memory";

static const char *check_host(const char *value) {
  return task_name_check(value) == NULL
             ? NULL
             : "it is not 1 to 127 bytes of UTF-8 without slashes and control "
               "characters";
}

static const char *check_not_empty(const char *value) {
  return value[0] == '\0' ? "it is empty" : NULL;
}

/* --- The table ------------------------------------------------------------ */

enum option_kind {
  OPTION_STRING,
  OPTION_BOOLEAN,
  OPTION_INTEGER,
  OPTION_SECONDS
};

struct option {
  const char *name;
  enum option_kind kind;
  size_t offset; /* in struct account_options: of a char * for a string, a bool
                    for a boolean, a long for an integer, an int64_t for
                    seconds, which are kept in milliseconds */
  const char *expected; /* what is wrong if anything else is given */
  const char *text;     /* default of a string; NULL: there is none */
  const char *(*check)(const char *); /* of a string: returns NULL or what is
                                         wrong; NULL: any string will do */
  double number;                      /* default of all others */
  double least, most;                 /* of a number */
};

#define DAY 86400     /* seconds */
#define YEAR 31536000 /* seconds */

#define OPTION(kind, name, member, expected, ...)                              \
  {                                                                            \
    name, OPTION_##kind, offsetof(struct account_options, member), expected,   \
        __VA_ARGS__                                                            \
  }
#define STRING(name, member, preset, check)                                    \
  OPTION(STRING, name, member, ONE_STRING_EXPECTED, preset, check, 0, 0, 0)
#define BOOLEAN(name, member, preset)                                          \
  OPTION(BOOLEAN, name, member,                                                \
         "exactly one of true and false is expected (without quotes)", NULL,   \
         NULL, preset, 0, 0)
#define NUMBER(kind, what, name, member, preset, least, most)                  \
  OPTION(kind, name, member,                                                   \
         "exactly one " what " from " #least " to " #most " is expected",      \
         NULL, NULL, preset, least, most)
#define INTEGER(...) NUMBER(INTEGER, "whole number", __VA_ARGS__)
#define SECONDS(...) NUMBER(SECONDS, "number of seconds", __VA_ARGS__)

/* Each option's name, member, default, and check or range. Of what is given
 * more than once, the last counts; what adds up is in configuration.c. */
static const struct option option_table[] = {
    STRING("APIKey", api_key, NULL, api_key_check),
    STRING("APIKeyFile", api_key_file, NULL, check_not_empty),
    STRING("CACert", ca_cert, NULL, check_not_empty),
    BOOLEAN("FetchResult", fetch_result, false),
    SECONDS("ForgetAfter", forget_after, 0, 0, YEAR),
    STRING("Host", host, NULL, check_host),
    INTEGER("MaxConcurrency", max_concurrency, 16, 1, 1000),
    SECONDS("MaxErrorInterval", max_error_interval, 300, 1, DAY),
    SECONDS("MaxPollInterval", max_poll_interval, 0, 0, DAY),
    BOOLEAN("Notify", notify, true),
    STRING("Proxy", proxy, NULL, http_url_check_proxy),
    SECONDS("StalledAfter", stalled_after, 0, 0, YEAR),
    STRING("StateFile", state_file, "camb_task.state", NULL),
    BOOLEAN("StateSet", state_set, true),
    SECONDS("Timeout", timeout, 10, 0.1, 3600),
    STRING("URL", url, "https://client.camb.ai/apis", http_url_check),
    BOOLEAN("VerifyHost", verify_host, true),
    BOOLEAN("VerifyPeer", verify_peer, true),
};
#define OPTION_COUNT (sizeof(option_table) / sizeof(option_table[0]))

/* --- Fields --------------------------------------------------------------- */

static void free_field(struct field *field) {
  free(field->pointer);
  free(field->type);
  free(field->instance);
}

/* Appends a copy. Returns false when out of memory; nothing is added then. */
static bool append_field(struct account_options *options,
                         const struct field *field) {
  struct field copy = {.pointer = strdup(field->pointer),
                       .type = strdup(field->type),
                       .instance = strdup(field->instance),
                       .source_type = FIELD_NOT_EMITTED};
  struct field *fields =
      realloc(options->fields, (options->field_count + 1) * sizeof(*fields));
  if (fields != NULL)
    options->fields = fields;
  if (fields == NULL || copy.pointer == NULL || copy.type == NULL ||
      copy.instance == NULL) {
    free_field(&copy);
    return false;
  }
  fields[options->field_count++] = copy;
  return true;
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

const char *account_options_add_field(struct account_options *options,
                                      const struct field *field) {
  const char *problem = check_field(field);
  if (problem != NULL)
    return problem;
  if (is_own_value(field))
    return "the plugin's own values have that type and instance";
  for (size_t i = 0; i < options->field_count; i++)
    if (is_same_value(field, options->fields[i].type,
                      options->fields[i].instance))
      return "another field has the same type and instance";
  _Static_assert(STATUS_FIELDS_MAX == 32, "the text below says so");
  if (options->field_count == STATUS_FIELDS_MAX)
    return "an account has at most 32 of them, inherited ones included";
  return append_field(options, field) ? NULL : out_of_memory;
}

/* --- Options with one value ----------------------------------------------- */

static void *member_of(struct account_options *options,
                       const struct option *option) {
  return (char *)options + option->offset;
}

/* Replaces the string by a copy of text, which may be NULL. Returns false when
 * out of memory; nothing has changed then. */
static bool set_string(char **string, const char *text) {
  char *copy = text == NULL ? NULL : strdup(text);
  if (text != NULL && copy == NULL)
    return false;
  free(*string);
  *string = copy;
  return true;
}

static void set_number(struct account_options *options,
                       const struct option *option, double number) {
  void *member = member_of(options, option);
  if (option->kind == OPTION_BOOLEAN)
    *(bool *)member = number != 0;
  else if (option->kind == OPTION_INTEGER)
    *(long *)member = lround(number);
  else
    *(int64_t *)member = llround(number * 1000);
}

bool account_options_init(struct account_options *options) {
  bool ok = true;
  memset(options, 0, sizeof(*options));
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (option_table[i].kind == OPTION_STRING)
      ok = set_string(member_of(options, &option_table[i]),
                      option_table[i].text) &&
           ok;
    else
      set_number(options, &option_table[i], option_table[i].number);
  return ok;
}

bool account_options_inherit(struct account_options *target,
                             const struct account_options *source) {
  bool ok = true;
  *target = *source;
  target->api_key = target->api_key_file = NULL;
  target->fields = NULL;
  target->field_count = 0;
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    if (option_table[i].kind != OPTION_STRING)
      continue;
    char **string = member_of(target, &option_table[i]), *inherited = *string;
    *string = NULL;
    ok = set_string(string, inherited) && ok;
  }
  for (size_t i = 0; ok && i < source->field_count; i++)
    ok = append_field(target, &source->fields[i]);
  return ok;
}

bool account_options_inherit_key(struct account_options *target,
                                 const struct account_options *source) {
  if (target->api_key != NULL || target->api_key_file != NULL)
    return true;
  return set_string(&target->api_key, source->api_key) &&
         set_string(&target->api_key_file, source->api_key_file);
}

void account_options_clear(struct account_options *options) {
  for (size_t i = 0; i < OPTION_COUNT; i++)
    if (option_table[i].kind == OPTION_STRING)
      free(*(char **)member_of(options, &option_table[i]));
  for (size_t i = 0; i < options->field_count; i++)
    free_field(&options->fields[i]);
  free(options->fields);
}

/* Whether the value is of the option's kind and in its range. */
static bool is_expected(const struct option *option,
                        const oconfig_value_t *value) {
  static const int types[] = {[OPTION_STRING] = OCONFIG_TYPE_STRING,
                              [OPTION_BOOLEAN] = OCONFIG_TYPE_BOOLEAN,
                              [OPTION_INTEGER] = OCONFIG_TYPE_NUMBER,
                              [OPTION_SECONDS] = OCONFIG_TYPE_NUMBER};
  if (value == NULL || value->type != types[option->kind])
    return false;
  if (value->type != OCONFIG_TYPE_NUMBER)
    return true;
  double number = value->value.number;
  return number >= option->least && number <= option->most &&
         (option->kind == OPTION_SECONDS || number == trunc(number));
}

static const char *set(struct account_options *options,
                       const struct option *option,
                       const oconfig_value_t *value) {
  if (!is_expected(option, value))
    return option->expected;
  if (option->kind != OPTION_STRING) {
    set_number(options, option,
               option->kind == OPTION_BOOLEAN ? value->value.boolean
                                              : value->value.number);
    return NULL;
  }
  const char *problem =
      option->check == NULL ? NULL : option->check(value->value.string);
  if (problem == NULL &&
      !set_string(member_of(options, option), value->value.string))
    problem = out_of_memory;
  return problem;
}

const char *account_options_set(struct account_options *options,
                                const char **name,
                                const oconfig_value_t *value) {
  for (size_t i = 0; i < OPTION_COUNT; i++) {
    if (strcasecmp(option_table[i].name, *name) != 0)
      continue;
    *name = option_table[i].name;
    const char *problem = set(options, &option_table[i], value);
    if (problem == NULL && options->api_key != NULL &&
        options->api_key_file != NULL)
      problem = "APIKey and APIKeyFile exclude each other";
    return problem;
  }
  return "there is no such option";
}
