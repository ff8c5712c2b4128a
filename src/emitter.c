/* SPDX-License-Identifier: MIT */
#include "collectd_headers.h"

#include "emitter.h"

#include "metrics.h"
#include "utf8.h"

#include <math.h>

_Static_assert(TASK_NAME_MAX < DATA_MAX_NAME_LEN,
               "a task's name fits collectd's field");

/* The list's host is left empty for collectd's own: it fills that in. */
static void start_list(value_list_t *list, const char *host, const char *plugin,
                       const char *instance) {
  if (host != NULL)
    utf8_copy(list->host, sizeof(list->host), host);
  utf8_copy(list->plugin, sizeof(list->plugin), plugin);
  utf8_copy(list->plugin_instance, sizeof(list->plugin_instance), instance);
}

static void dispatch(value_list_t *list, const char *type,
                     const char *type_instance, value_t value) {
  utf8_copy(list->type, sizeof(list->type), type);
  utf8_copy(list->type_instance, sizeof(list->type_instance), type_instance);
  list->values = &value;
  list->values_len = 1;
  plugin_dispatch_values(list);
  list->values = NULL;
}

static void dispatch_gauge(value_list_t *list, const char *type,
                           const char *type_instance, double value) {
  dispatch(list, type, type_instance, (value_t){.gauge = value});
}

static void dispatch_if_known(value_list_t *list, const char *type,
                              const char *type_instance, double value) {
  if (value >= 0)
    dispatch_gauge(list, type, type_instance, value);
}

static void dispatch_state_set(value_list_t *list, enum task_state state) {
  static const char *const type_instance[TASK_STATE_COUNT] = {
#define X(symbol, name, code, severity, final) STATE_SET_PREFIX name,
      TASK_STATES(X)
#undef X
  };
  for (int i = 0; i < TASK_STATE_COUNT; i++)
    dispatch_gauge(list, STATE_SET_TYPE, type_instance[i], i == (int)state);
}

/* Converts a number to what the type's data source holds. Returns false if it
 * can't hold it. */
static bool convert(double number, int source_type, value_t *value) {
  bool is_signed = source_type == DS_TYPE_DERIVE;
  if (source_type == DS_TYPE_GAUGE) {
    value->gauge = number;
    return true;
  }
  if (!(fabs(number) < 0x1p63) || (number < 0 && !is_signed))
    return false;
  if (is_signed)
    value->derive = (derive_t)number;
  else if (source_type == DS_TYPE_COUNTER)
    value->counter = (counter_t)number;
  else
    value->absolute = (absolute_t)number;
  return true;
}

static void dispatch_fields(value_list_t *list,
                            const struct account_options *options,
                            const double *numbers) {
  for (size_t i = 0; i < options->field_count; i++) {
    const struct field *field = &options->fields[i];
    value_t value;
    if (field->source_type != FIELD_NOT_EMITTED && !isnan(numbers[i]) &&
        convert(numbers[i], field->source_type, &value))
      dispatch(list, field->type, field->instance, value);
  }
}

static void dispatch_task(const struct account_options *options,
                          const struct task_values *task,
                          const double *numbers) {
  value_list_t list = VALUE_LIST_INIT;
  start_list(&list, options->host, TASK_PLUGIN, task->name);
  dispatch_gauge(&list, STATUS_TYPE, STATUS_TYPE_INSTANCE,
                 task_state_info[task->state].code);
  if (options->state_set)
    dispatch_state_set(&list, task->state);
#define X(type, type_instance, member)                                         \
  dispatch_if_known(&list, type, type_instance, task->member);
  TASK_GAUGES(X)
#undef X
  dispatch_fields(&list, options, numbers);
}

static void dispatch_account(const struct account *account,
                             const struct account_values *values) {
  value_list_t list = VALUE_LIST_INIT;
  start_list(&list, account->options.host, ACCOUNT_PLUGIN, account->name);
  for (int i = 0; i < TASK_STATE_COUNT; i++)
    dispatch_gauge(&list, STATE_COUNT_TYPE, task_state_info[i].name,
                   (double)values->states[i]);
#define X(type, type_instance, member)                                         \
  dispatch_if_known(&list, type, type_instance, values->member);
  ACCOUNT_GAUGES(X)
#undef X
  for (int i = 0; i < REQUEST_COUNTER_COUNT; i++)
    dispatch(&list, REQUESTS_TYPE, request_counter_name[i],
             (value_t){.derive = values->requests[i]});
}

void emitter_find_types(struct configuration *configuration) {
  for (size_t i = 0; i < configuration->account_count; i++) {
    struct account *account = &configuration->accounts[i];
    for (size_t k = 0; k < account->options.field_count; k++) {
      struct field *field = &account->options.fields[k];
      const data_set_t *set = plugin_get_ds(field->type);
      field->source_type =
          set != NULL && set->ds_num == 1 ? set->ds[0].type : FIELD_NOT_EMITTED;
      if (field->source_type == FIELD_NOT_EMITTED)
        P_ERROR("account \"%s\": Field \"%s\": the type \"%s\" is not in "
                "types.db, or has not exactly one data source; it is left out",
                account->name, field->pointer, field->type);
    }
  }
}

void emitter_values(const struct configuration *configuration,
                    const struct snapshot *snapshot) {
  for (size_t i = 0; i < snapshot->account_count; i++)
    dispatch_account(&configuration->accounts[i], &snapshot->accounts[i]);
  for (size_t i = 0; i < snapshot->task_count; i++) {
    const struct task_values *task = &snapshot->tasks[i];
    dispatch_task(&configuration->accounts[task->account].options, task,
                  snapshot->fields + task->first_field);
  }
}
