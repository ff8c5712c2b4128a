/* SPDX-License-Identifier: MIT */
#include "option.h"

#include "memory.h"
#include "number.h"

#include <errno.h>
#include <microhttpd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
  SECONDS_MAX = 1000000000,
  HTTP_STATUS_MIN = 200,
  HTTP_STATUS_MAX = 999,
};

struct setting;

/* What may stand behind a name. */
enum value { VALUE_NONE, VALUE_TEXT, VALUE_BYTES };

struct option {
  const char *name;
  unsigned group;
  enum value value;
  bool (*set)(const struct setting *setting);
  size_t member;    /* of struct fate, which the setter sets */
  const char *text; /* what else the setter has to know */
};

/* An option of a line. */
struct setting {
  const struct option *option;
  struct line *line;
  struct fate *fate;
  struct blob *value; /* "" for an option without one */
};

static void *member(const struct setting *setting) {
  return (char *)setting->fate + setting->option->member;
}

/* --- Texts and times ------------------------------------------------------ */

static bool set_text(const struct setting *setting) {
  memory_replace(member(setting), setting->value->data);
  return true;
}

static bool parse_seconds(const struct setting *setting, double *seconds) {
  return number_parse(setting->value->data, SECONDS_MAX, seconds) ||
         line_fail(setting->line, "\"%s\" is no number of seconds",
                   setting->value->data);
}

static bool set_duration(const struct setting *setting) {
  return parse_seconds(setting, &setting->fate->duration);
}

static bool parse_time(const struct setting *setting, usec *time) {
  double seconds;
  if (!parse_seconds(setting, &seconds))
    return false;
  *time = (usec)(seconds * (double)USEC_SECOND);
  return true;
}

static bool set_time(const struct setting *setting) {
  return parse_time(setting, member(setting));
}

/* --- The task ------------------------------------------------------------- */

static bool set_kind(const struct setting *setting) {
  const struct blob *kind = setting->value;
  if (kind->size == 0 || kind->data[0] == '/' ||
      kind->data[kind->size - 1] == '/')
    return line_fail(setting->line, "\"%s\" is no kind of task", kind->data);
  return set_text(setting);
}

static bool set_clock(const struct setting *setting) {
  bool asked = strcmp(setting->value->data, "asked") == 0;
  if (!asked && strcmp(setting->value->data, "launch") != 0)
    return line_fail(setting->line,
                     "the clock is \"launch\" or \"asked\", not \"%s\"",
                     setting->value->data);
  setting->fate->clock = asked ? CLOCK_ASKED : CLOCK_LAUNCH;
  return true;
}

static bool add_pending(const struct setting *setting) {
  usec time;
  if (setting->fate->end != NULL)
    return line_fail(setting->line, "pending after the final phase");
  if (!parse_time(setting, &time))
    return false;
  setting->fate->pending += time;
  return true;
}

static bool end_as(const struct setting *setting, const char *status) {
  if (setting->fate->end != NULL)
    return line_fail(setting->line, "a second final phase");
  setting->fate->end = memory_text(status);
  return true;
}

static bool end_as_named(const struct setting *setting) {
  return end_as(setting, setting->option->text);
}

static bool end_as_said(const struct setting *setting) {
  return end_as(setting, setting->value->data);
}

static bool end_with_reason(const struct setting *setting) {
  memory_replace(&setting->fate->reason, setting->value->data);
  return end_as_named(setting);
}

static bool end_with_run(const struct setting *setting) {
  const char *text = setting->value->data;
  uint64_t run_id = 0;
  if (strcmp(text, "auto") != 0 &&
      (!number_parse_integer(text, INT64_MAX / 2, &run_id) || run_id == 0))
    return line_fail(setting->line,
                     "\"%s\" is no run ID (a number or \"auto\")", text);
  setting->fate->has_run = true;
  setting->fate->run_id = (int64_t)run_id;
  return end_as_named(setting);
}

/* --- Misbehaviour --------------------------------------------------------- */

static bool set_http(const struct setting *setting) {
  uint64_t code;
  if (!number_parse_integer(setting->value->data, HTTP_STATUS_MAX, &code) ||
      code < HTTP_STATUS_MIN)
    return line_fail(setting->line, "\"%s\" is no HTTP status (%d to %d)",
                     setting->value->data, HTTP_STATUS_MIN, HTTP_STATUS_MAX);
  setting->fate->misbehaviour.http = (unsigned)code;
  return true;
}

/* Asks the HTTP library itself, which refuses some names and characters. */
static bool can_be_sent(const char *name, const char *value) {
  struct MHD_Response *scratch = memory_must(
      MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
  bool usable = MHD_add_response_header(scratch, name, value) == MHD_YES;
  MHD_destroy_response(scratch);
  return usable;
}

static bool add_header(const struct setting *setting) {
  const char *line = setting->value->data, *colon = strchr(line, ':');
  if (colon == NULL)
    return line_fail(setting->line, "header \"%s\" has no colon", line);
  char *name = memory_must(strndup(line, (size_t)(colon - line)));
  const char *value = colon + 1 + strspn(colon + 1, " \t");
  bool good = can_be_sent(name, value);
  if (good)
    misbehaviour_add_header(&setting->fate->misbehaviour, name, value);
  else
    line_fail(setting->line, "header \"%s\" can't be sent", line);
  free(name);
  return good;
}

static bool set_header_value(const struct setting *setting) {
  if (!can_be_sent(setting->option->text, setting->value->data))
    return line_fail(setting->line, "%s \"%s\" can't be sent",
                     setting->option->name, setting->value->data);
  return set_text(setting);
}

static bool set_body(const struct setting *setting) {
  blob_replace(&setting->fate->misbehaviour.body, setting->value);
  return true;
}

static bool set_raw(const struct setting *setting) {
  setting->fate->misbehaviour.ending = ENDING_RAW;
  return set_body(setting);
}

static bool set_body_file(const struct setting *setting) {
  const char *directory = setting->line->directory;
  const char *name = setting->value->data;
  char *path = name[0] != '/' && directory != NULL
                   ? memory_format("%s/%s", directory, name)
                   : memory_text(name);
  struct blob *body = blob_read_file(path);
  if (body != NULL)
    blob_replace(&setting->fate->misbehaviour.body, body);
  else
    line_fail(setting->line, "%s: %s", path, strerror(errno));
  free(path);
  blob_put(body);
  return setting->line->error == NULL;
}

static bool set_cut(const struct setting *setting) {
  bool before = strcmp(setting->value->data, "before") == 0;
  if (!before && strcmp(setting->value->data, "middle") != 0)
    return line_fail(setting->line,
                     "cut is \"before\" or \"middle\", not \"%s\"",
                     setting->value->data);
  setting->fate->misbehaviour.ending =
      before ? ENDING_CUT_BEFORE : ENDING_CUT_MIDDLE;
  return true;
}

static bool set_silence(const struct setting *setting) {
  setting->fate->misbehaviour.ending = ENDING_SILENCE;
  return true;
}

static bool set_echo_key(const struct setting *setting) {
  setting->fate->misbehaviour.echo_key = true;
  return true;
}

static bool set_chance(const struct setting *setting) {
  return number_parse(setting->value->data, 1,
                      &setting->fate->misbehaviour.chance) ||
         line_fail(setting->line, "\"%s\" is no chance (0 to 1)",
                   setting->value->data);
}

/* --- All of them ---------------------------------------------------------- */

#define PROJECT(name, ...)                                                     \
  { name, OPTION_PROJECT, VALUE_TEXT, __VA_ARGS__ }
#define PHASE(name, value, ...)                                                \
  { name, OPTION_PHASE, value, __VA_ARGS__ }
#define MISBEHAVIOUR(name, value, ...)                                         \
  { name, OPTION_MISBEHAVIOUR, value, __VA_ARGS__ }
#define MEMBER(member) offsetof(struct fate, member)

static const struct option options[] = {
    PROJECT("kind", set_kind, MEMBER(kind), NULL),
    PROJECT("name", set_text, MEMBER(name), NULL),
    PROJECT("duration", set_duration, 0, NULL),
    PROJECT("clock", set_clock, 0, NULL),
    PHASE("pending", VALUE_TEXT, add_pending, 0, NULL),
    PHASE("success", VALUE_TEXT, end_with_run, 0, "SUCCESS"),
    PHASE("error", VALUE_TEXT, end_with_reason, 0, "ERROR"),
    PHASE("timeout", VALUE_NONE, end_as_named, 0, "TIMEOUT"),
    PHASE("payment_required", VALUE_NONE, end_as_named, 0, "PAYMENT_REQUIRED"),
    PHASE("status", VALUE_TEXT, end_as_said, 0, NULL),
    PHASE("message", VALUE_TEXT, set_text, MEMBER(message), NULL),
    MISBEHAVIOUR("latency", VALUE_TEXT, set_time, MEMBER(misbehaviour.latency),
                 NULL),
    MISBEHAVIOUR("http", VALUE_TEXT, set_http, 0, NULL),
    MISBEHAVIOUR("header", VALUE_TEXT, add_header, 0, NULL),
    MISBEHAVIOUR("body", VALUE_BYTES, set_body, 0, NULL),
    MISBEHAVIOUR("body-file", VALUE_TEXT, set_body_file, 0, NULL),
    MISBEHAVIOUR("content-type", VALUE_TEXT, set_header_value,
                 MEMBER(misbehaviour.content_type),
                 MHD_HTTP_HEADER_CONTENT_TYPE),
    MISBEHAVIOUR("redirect", VALUE_TEXT, set_header_value,
                 MEMBER(misbehaviour.redirect), MHD_HTTP_HEADER_LOCATION),
    MISBEHAVIOUR("cut", VALUE_TEXT, set_cut, 0, NULL),
    MISBEHAVIOUR("raw", VALUE_BYTES, set_raw, 0, NULL),
    MISBEHAVIOUR("silence", VALUE_NONE, set_silence, 0, NULL),
    MISBEHAVIOUR("drip", VALUE_TEXT, set_time, MEMBER(misbehaviour.drip), NULL),
    MISBEHAVIOUR("echo-key", VALUE_NONE, set_echo_key, 0, NULL),
    MISBEHAVIOUR("chance", VALUE_TEXT, set_chance, 0, NULL),
    {"at", OPTION_START, VALUE_TEXT, set_clock, 0, NULL},
};

static const struct option *find_option(const char *name, size_t size,
                                        unsigned groups) {
  for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
    if ((options[i].group & groups) != 0 && strlen(options[i].name) == size &&
        memcmp(options[i].name, name, size) == 0)
      return &options[i];
  return NULL;
}

bool option_apply(struct line *line, struct fate *fate, const struct blob *word,
                  unsigned groups) {
  const char *equals = memchr(word->data, '=', word->size);
  size_t name_size = equals ? (size_t)(equals - word->data) : word->size;
  const struct option *option = find_option(word->data, name_size, groups);
  if (option == NULL)
    return line_fail(line, "unknown word \"%.*s\"", (int)name_size, word->data);
  if ((equals != NULL) != (option->value != VALUE_NONE))
    return line_fail(line, "\"%s\" %s", option->name,
                     equals ? "takes no value" : "needs a value");
  const char *text = equals ? equals + 1 : "";
  size_t size = equals ? word->size - name_size - 1 : 0;
  if (option->value != VALUE_BYTES && memchr(text, '\0', size) != NULL)
    return line_fail(line, "\"%s\" can't hold a NUL", option->name);
  struct setting setting = {option, line, fate, blob_new(text, size)};
  bool good = option->set(&setting);
  blob_put(setting.value);
  return good;
}
