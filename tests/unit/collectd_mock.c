/* SPDX-License-Identifier: MIT */
#include "collectd_mock.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
  void **items;
  size_t count;
};

struct dispatched_value {
  value_list_t list;
  value_t value;
};

struct log_line {
  int level;
  char text[4096];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct list values, notifications, lines;
static struct mock_callbacks callbacks;
static size_t threads_to_failure; /* 0: none fails */
static char host[] = MOCK_HOST;

char *hostname_g = host;

/* --- Recording ----------------------------------------------------------- */

static void *check_memory(void *memory) {
  if (memory == NULL)
    abort();
  return memory;
}

static void add(struct list *list, void *item) {
  pthread_mutex_lock(&mutex);
  list->items = check_memory(
      realloc(list->items, (list->count + 1) * sizeof(*list->items)));
  list->items[list->count++] = item;
  pthread_mutex_unlock(&mutex);
}

static size_t count_of(const struct list *list) {
  pthread_mutex_lock(&mutex);
  size_t count = list->count;
  pthread_mutex_unlock(&mutex);
  return count;
}

static void *get(const struct list *list, size_t index) {
  pthread_mutex_lock(&mutex);
  if (index >= list->count)
    abort();
  void *item = list->items[index];
  pthread_mutex_unlock(&mutex);
  return item;
}

static void forget(struct list *list) {
  for (size_t i = 0; i < list->count; i++)
    free(list->items[i]);
  free(list->items);
  *list = (struct list){NULL, 0};
}

void mock_reset(void) {
  pthread_mutex_lock(&mutex);
  for (size_t i = 0; i < notifications.count; i++) {
    notification_t *notification = notifications.items[i];
    plugin_notification_meta_free(notification->meta);
  }
  forget(&values);
  forget(&notifications);
  forget(&lines);
  memset(&callbacks, 0, sizeof(callbacks));
  threads_to_failure = 0;
  pthread_mutex_unlock(&mutex);
}

size_t mock_value_count(void) { return count_of(&values); }

const value_list_t *mock_value(size_t index) {
  const struct dispatched_value *value = get(&values, index);
  return &value->list;
}

void mock_identify(const value_list_t *list, char *buffer, size_t size) {
  snprintf(buffer, size, "%s/%s%s%s/%s%s%s", list->host, list->plugin,
           list->plugin_instance[0] == '\0' ? "" : "-", list->plugin_instance,
           list->type, list->type_instance[0] == '\0' ? "" : "-",
           list->type_instance);
}

size_t mock_notification_count(void) { return count_of(&notifications); }

const notification_t *mock_notification(size_t index) {
  return get(&notifications, index);
}

const notification_meta_t *mock_meta(const notification_t *notification,
                                     const char *name) {
  const notification_meta_t *meta = notification->meta;
  while (meta != NULL && strcmp(meta->name, name) != 0)
    meta = meta->next;
  return meta;
}

size_t mock_log_count(void) { return count_of(&lines); }

int mock_log_level(size_t index) {
  const struct log_line *line = get(&lines, index);
  return line->level;
}

const char *mock_log_line(size_t index) {
  const struct log_line *line = get(&lines, index);
  return line->text;
}

const struct mock_callbacks *mock_callbacks(void) { return &callbacks; }

void mock_fail_thread(size_t number) { threads_to_failure = number; }

/* --- What the plugin calls ------------------------------------------------ */

int plugin_dispatch_values(value_list_t const *list) {
  struct dispatched_value *copy = check_memory(malloc(sizeof(*copy)));
  if (list->values_len != 1)
    abort(); /* no type that the plugin uses has more */
  copy->list = *list;
  copy->value = list->values[0];
  copy->list.values = &copy->value;
  if (copy->list.host[0] == '\0') /* as collectd does */
    snprintf(copy->list.host, sizeof(copy->list.host), "%s", hostname_g);
  add(&values, copy);
  return 0;
}

/* Like collectd without a receiver of notifications. */
int plugin_dispatch_notification(const notification_t *notification) {
  notification_t *copy = check_memory(malloc(sizeof(*copy)));
  *copy = *notification;
  copy->meta = NULL;
  notification_meta_t **end = &copy->meta;
  for (const notification_meta_t *meta = notification->meta; meta != NULL;
       meta = meta->next) {
    *end = check_memory(malloc(sizeof(**end)));
    **end = *meta;
    if (meta->type == NM_TYPE_STRING)
      (*end)->nm_value.nm_string =
          check_memory(strdup(meta->nm_value.nm_string));
    end = &(*end)->next;
  }
  *end = NULL;
  add(&notifications, copy);
  return -1;
}

static int add_meta(notification_t *notification, const char *name,
                    const notification_meta_t *template) {
  notification_meta_t *meta = check_memory(malloc(sizeof(*meta)));
  *meta = *template;
  snprintf(meta->name, sizeof(meta->name), "%s", name);
  meta->next = NULL;
  notification_meta_t **end = &notification->meta;
  while (*end != NULL)
    end = &(*end)->next;
  *end = meta;
  return 0;
}

int plugin_notification_meta_add_string(notification_t *notification,
                                        const char *name, const char *value) {
  notification_meta_t meta = {.type = NM_TYPE_STRING};
  meta.nm_value.nm_string = check_memory(strdup(value));
  return add_meta(notification, name, &meta);
}

int plugin_notification_meta_add_signed_int(notification_t *notification,
                                            const char *name, int64_t value) {
  notification_meta_t meta = {.type = NM_TYPE_SIGNED_INT};
  meta.nm_value.nm_signed_int = value;
  return add_meta(notification, name, &meta);
}

int plugin_notification_meta_add_unsigned_int(notification_t *notification,
                                              const char *name,
                                              uint64_t value) {
  notification_meta_t meta = {.type = NM_TYPE_UNSIGNED_INT};
  meta.nm_value.nm_unsigned_int = value;
  return add_meta(notification, name, &meta);
}

int plugin_notification_meta_add_double(notification_t *notification,
                                        const char *name, double value) {
  notification_meta_t meta = {.type = NM_TYPE_DOUBLE};
  meta.nm_value.nm_double = value;
  return add_meta(notification, name, &meta);
}

int plugin_notification_meta_add_boolean(notification_t *notification,
                                         const char *name, bool value) {
  notification_meta_t meta = {.type = NM_TYPE_BOOLEAN};
  meta.nm_value.nm_boolean = value;
  return add_meta(notification, name, &meta);
}

int plugin_notification_meta_free(notification_meta_t *meta) {
  while (meta != NULL) {
    notification_meta_t *next = meta->next;
    if (meta->type == NM_TYPE_STRING) {
      union {
        const char *constant;
        char *text;
      } string = {.constant = meta->nm_value.nm_string};
      free(string.text);
    }
    free(meta);
    meta = next;
  }
  return 0;
}

__attribute__((format(printf, 2, 0))) static void
record_line(int level, const char *format, va_list arguments) {
  struct log_line *line = check_memory(malloc(sizeof(*line)));
  line->level = level;
  vsnprintf(line->text, sizeof(line->text), format, arguments);
  add(&lines, line);
}

void plugin_log(int level, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  record_line(level, format, arguments);
  va_end(arguments);
}

void daemon_log(int level, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  record_line(level, format, arguments);
  va_end(arguments);
}

const data_set_t *plugin_get_ds(const char *name) {
  static data_source_t gauge[] = {{"value", DS_TYPE_GAUGE, NAN, NAN}};
  static data_source_t derive[] = {{"value", DS_TYPE_DERIVE, 0, NAN}};
  static data_source_t counter[] = {{"value", DS_TYPE_COUNTER, NAN, NAN}};
  static data_source_t absolute[] = {{"value", DS_TYPE_ABSOLUTE, 0, NAN}};
  static data_source_t octets[] = {{"rx", DS_TYPE_DERIVE, 0, NAN},
                                   {"tx", DS_TYPE_DERIVE, 0, NAN}};
  static const data_set_t sets[] = {
      {"gauge", 1, gauge},
      {"duration", 1, gauge},
      {"count", 1, gauge},
      {"percent", 1, gauge},
      {"total_requests", 1, derive},
      {"mock_counter", 1, counter},
      {"mock_absolute", 1, absolute},
      {"if_octets", 2, octets},
  };
  for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
    if (strcmp(sets[i].type, name) == 0)
      return &sets[i];
  return NULL;
}

cdtime_t cdtime(void) { return MOCK_TIME; }

cdtime_t plugin_get_interval(void) { return MOCK_INTERVAL; }

int plugin_register_complex_config(const char *name,
                                   int (*callback)(oconfig_item_t *)) {
  (void)name;
  callbacks.config = callback;
  return 0;
}

int plugin_register_init(const char *name, plugin_init_cb callback) {
  (void)name;
  callbacks.init = callback;
  return 0;
}

int plugin_register_read(const char *name, int (*callback)(void)) {
  (void)name;
  callbacks.read = callback;
  return 0;
}

int plugin_register_flush(const char *name, plugin_flush_cb callback,
                          user_data_t const *user_data) {
  (void)name, (void)user_data;
  callbacks.flush = callback;
  return 0;
}

int plugin_register_shutdown(const char *name, plugin_shutdown_cb callback) {
  (void)name;
  callbacks.shutdown = callback;
  return 0;
}

int plugin_thread_create(pthread_t *thread, void *(*start_routine)(void *),
                         void *argument, char const *name) {
  (void)name;
  if (threads_to_failure > 0 && --threads_to_failure == 0)
    return EAGAIN;
  return pthread_create(thread, NULL, start_routine, argument);
}

/* --- collectd.conf -------------------------------------------------------- */

/* Takes what stands in quotes at *text, a backslash before a character
 * removed. */
static char *take_quoted(const char **text) {
  char *string = check_memory(malloc(strlen(*text) + 1)), *to = string;
  for ((*text)++; **text != '"'; (*text)++) {
    if (**text == '\\')
      (*text)++;
    if (**text == '\0')
      abort();
    *to++ = **text;
  }
  (*text)++;
  *to = '\0';
  return string;
}

static char *take_word(const char **text) {
  size_t length = strcspn(*text, " \t\n>");
  if (length == 0)
    abort();
  char *word = check_memory(strndup(*text, length));
  *text += length;
  return word;
}

static bool is_one_of(const char *word, const char *const *words) {
  while (*words != NULL && strcmp(word, *words) != 0)
    words++;
  return *words != NULL;
}

static oconfig_value_t take_value(const char **text) {
  static const char *const yes[] = {"true", "yes", "on", NULL};
  static const char *const no[] = {"false", "no", "off", NULL};
  oconfig_value_t value = {.type = OCONFIG_TYPE_STRING};
  if (**text == '"') {
    value.value.string = take_quoted(text);
    return value;
  }
  char *word = take_word(text), *end;
  double number = strtod(word, &end);
  if (is_one_of(word, yes) || is_one_of(word, no)) {
    value.type = OCONFIG_TYPE_BOOLEAN;
    value.value.boolean = is_one_of(word, yes);
  } else if (*end == '\0') {
    value.type = OCONFIG_TYPE_NUMBER;
    value.value.number = number;
  } else {
    value.value.string = word;
    return value;
  }
  free(word);
  return value;
}

/* Takes the key and the values of an item. */
static void take_item(const char **text, oconfig_item_t *item) {
  item->key = take_word(text);
  for (;;) {
    *text += strspn(*text, " \t");
    if (**text == '\n' || **text == '\0' || **text == '>')
      return;
    item->values = check_memory(realloc(
        item->values, (size_t)(item->values_num + 1) * sizeof(*item->values)));
    item->values[item->values_num++] = take_value(text);
  }
}

/* Takes the children of an item, up to its end tag or the end of the text. */
static void take_children(const char **text, oconfig_item_t *parent) {
  for (;;) {
    oconfig_item_t child = {0};
    *text += strspn(*text, " \t\n");
    if (**text == '\0')
      return;
    if (strncmp(*text, "</", 2) == 0) {
      *text += strcspn(*text, ">") + 1;
      return;
    }
    bool is_block = **text == '<';
    *text += is_block;
    take_item(text, &child);
    *text += **text == '>';
    if (is_block)
      take_children(text, &child);
    parent->children = check_memory(realloc(
        parent->children, (size_t)(parent->children_num + 1) * sizeof(child)));
    parent->children[parent->children_num++] = child;
  }
}

static void set_parents(oconfig_item_t *item) {
  for (int i = 0; i < item->children_num; i++) {
    item->children[i].parent = item;
    set_parents(&item->children[i]);
  }
}

oconfig_item_t *mock_config(const char *text) {
  oconfig_item_t *block = check_memory(calloc(1, sizeof(*block)));
  const char *head = "Plugin camb_task";
  take_item(&head, block);
  take_children(&text, block);
  set_parents(block);
  return block;
}

static void clear_item(oconfig_item_t *item) {
  for (int i = 0; i < item->children_num; i++)
    clear_item(&item->children[i]);
  for (int i = 0; i < item->values_num; i++)
    if (item->values[i].type == OCONFIG_TYPE_STRING)
      free(item->values[i].value.string);
  free(item->children);
  free(item->values);
  free(item->key);
}

void mock_config_free(oconfig_item_t *block) {
  if (block == NULL)
    return;
  clear_item(block);
  free(block);
}
