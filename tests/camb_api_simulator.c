/* SPDX-License-Identifier: MIT */
/*
 * camb_api_simulator: a stand-in for the CAMB.AI task API, for tests.
 *
 * It listens on 127.0.0.1, plays the tasks of a scenario, misbehaves where the
 * scenario says so, and counts what it was asked. One thread and one event
 * loop; a delayed answer is a suspended connection and an entry in a heap.
 *
 * THE SCENARIO LANGUAGE
 *
 * One command a line. Words are separated by white space; '#' at the start of
 * a word starts a comment. Double quotes keep spaces and know the escapes
 * \" \\ \' \n \r \t \0 \xHH (so does unquoted text); single quotes keep
 * everything as it is, which suits JSON: body='{"status":"SUCCESS"}'.
 *
 *   task ID [PROJECT…] [PHASE…] [MISBEHAVIOUR…]
 *       A task. A second line for the same ID replaces its fate and its
 *       misbehaviour and starts its clock anew; its counts stay.
 *   many PREFIX COUNT [PROJECT…] [PHASE…] [MISBEHAVIOUR…]
 *       The tasks PREFIX-1 to PREFIX-COUNT; with success=N their run IDs are
 *       N, N+1, …
 *   create [PROJECT…] [PHASE…] [MISBEHAVIOUR…]
 *       The fate of the tasks that POST makes (pending=5 success=auto).
 *   all [MISBEHAVIOUR…]      for every API request; alone, it ends that
 *   results [MISBEHAVIOUR…]  for every project-setup-result request
 *   next COUNT [MISBEHAVIOUR…]
 *       For the next COUNT API requests. Several lines queue up; COUNT 0
 *       empties the queue.
 *   forget ID                removes a task
 *   key KEY                  replaces the accepted keys; repeat it for several
 *   seed N                   seeds the dice that chance= throws
 *   start at=launch|asked    the clock of the task lines that follow
 *
 * PROJECT: kind=KIND (the path prefix, project-setup by default), name="TEXT",
 *   duration=SECONDS (both for project-setup-result), clock=launch|asked (the
 *   phases start when the line is applied, or with the first request that has
 *   a good key).
 *
 * PHASE: pending=SECONDS (several add up), then at most one of success=RUN_ID
 *   (or auto), error=REASON, timeout, payment_required, status=TEXT (a status
 *   the documentation does not know). Without one it is pending for ever.
 *   message="TEXT" goes with the final phase.
 *
 * MISBEHAVIOUR, which changes the usual answer, 401 and 404 included:
 *   latency=SECONDS          answers later
 *   http=CODE                this code; unless it is 2xx, with an error body
 *   header="NAME: VALUE"     one more header; repeatable
 *   body="BYTES"             these bytes instead of the usual body
 *   body-file=PATH           the same from a file, relative to the scenario's
 *   content-type=TYPE        instead of application/json
 *   redirect=URL             302 and Location (another code with http=)
 *   cut=before               closes the connection without an answer
 *   cut=middle               promises the whole body, closes half-way
 *   raw="BYTES"              these bytes instead of HTTP, then closes (no TLS)
 *   silence                  never answers
 *   drip=SECONDS             sends the body byte by byte with these gaps
 *   echo-key                 the answer's message (or error) holds the key
 *   chance=FRACTION          does the line's misbehaviour only that often
 * Lines are laid over each other: all, results, the task's, next. The later
 * one wins, headers add up. The answer is made up when the request arrives.
 *
 * CONTROL, without a key and uncounted:
 *   GET /simulator[?tasks]         the counters, with every task if asked
 *   GET /simulator/tasks/ID        one task's counters, and as "request" the
 *                                  body of the POST that made it, or null
 *   POST /simulator/scenario       applies the lines of the body, all or none
 *   POST /simulator/reset          zeroes the counters
 */

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <json-c/linkhash.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

typedef int64_t usec; /* microseconds, of the monotonic clock if a moment */

#define SECOND ((usec)1000000)
#define NEVER INT64_MAX
#define UNSET ((usec)-1)

enum {
  MAX_UPLOAD = 64 * 1024 * 1024,
  MAX_SECONDS = 1000000000,
  MAX_TASKS = 10000000,
  MAX_STATUS = 999,
  MAX_LAYERS = 4, /* all, results, task, next */
  LISTEN_BACKLOG = 4096,
  SPARE_DESCRIPTORS = 64,
  STREAM_BLOCK = 64 * 1024,
  EVENTS_AT_ONCE = 256,
  FIRST_AUTO_RUN = 900001,
  EXIT_USAGE = 2,
};

/* ---- memory ----------------------------------------------------------- */

/* A test program has nothing better to do when memory is out. */
static void *must(void *memory) {
  if (memory == NULL) {
    fputs("camb_api_simulator: out of memory\n", stderr);
    abort();
  }
  return memory;
}

static void *new_zeroed(size_t size) { return must(calloc(1, size)); }

static char *copy_text(const char *text) { return must(strdup(text)); }

static void set_text(char **field, const char *text) {
  free(*field);
  *field = copy_text(text);
}

static char *format_text(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static char *format_text(const char *format, ...) {
  va_list arguments;
  char *text = NULL;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) < 0)
    text = NULL;
  va_end(arguments);
  return must(text);
}

/* Makes room for one more item in an array that doubles. */
static void *grow(void *items, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity)
    return items;
  *capacity = *capacity > 0 ? *capacity * 2 : 16;
  return must(realloc(items, *capacity * size));
}

/* Shared bytes: a body of MiBs is kept once, however many requests send it. */
struct blob {
  unsigned refs;
  size_t len;
  char data[]; /* a NUL follows the bytes */
};

static struct blob *blob_new(const char *data, size_t len) {
  struct blob *blob = must(malloc(sizeof(*blob) + len + 1));
  blob->refs = 1;
  blob->len = len;
  if (len > 0)
    memcpy(blob->data, data, len);
  blob->data[len] = '\0';
  return blob;
}

static struct blob *blob_ref(struct blob *blob) {
  blob->refs++;
  return blob;
}

static void blob_unref(void *pointer) {
  struct blob *blob = pointer;
  if (blob != NULL && --blob->refs == 0)
    free(blob);
}

struct buffer {
  char *data;
  size_t len, capacity;
};

static void buffer_add(struct buffer *buffer, const char *data, size_t len) {
  if (buffer->capacity - buffer->len < len) {
    buffer->capacity = (buffer->len + len) * 2;
    buffer->data = must(realloc(buffer->data, buffer->capacity));
  }
  if (len > 0)
    memcpy(buffer->data + buffer->len, data, len);
  buffer->len += len;
}

static void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  *buffer = (struct buffer){0};
}

/* NULL with errno set when the file can't be read. */
static struct blob *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return NULL;
  struct buffer buffer = {0};
  char chunk[16384];
  size_t count;
  while ((count = fread(chunk, 1, sizeof(chunk), file)) > 0)
    buffer_add(&buffer, chunk, count);
  struct blob *blob = ferror(file) ? NULL : blob_new(buffer.data, buffer.len);
  int saved = errno;
  fclose(file);
  buffer_free(&buffer);
  errno = saved;
  return blob;
}

/* ---- what is simulated ------------------------------------------------- */

enum outcome { PENDING, SUCCESS, ERROR, TIMEOUT, PAYMENT_REQUIRED, OTHER };

static const char *const outcome_status[] = {
    [PENDING] = "PENDING", [SUCCESS] = "SUCCESS",
    [ERROR] = "ERROR",     [TIMEOUT] = "TIMEOUT",
    [OTHER] = NULL,        [PAYMENT_REQUIRED] = "PAYMENT_REQUIRED",
};

enum ending { ANSWER, CUT_BEFORE, CUT_MIDDLE, RAW, SILENCE };

struct header {
  char *name, *value;
};

/* Every field has an "unset" value, so that layers can be merged. */
struct misbehaviour {
  double chance;
  usec latency, drip;
  unsigned http;
  enum ending ending;
  bool echo_key;
  struct blob *body;
  char *content_type, *redirect;
  struct header *headers;
  size_t header_count, header_capacity;
};

/* The words of one scenario line. The tasks of `many` share one. */
struct spec {
  unsigned refs;
  char *kind, *name;
  double duration; /* negative: none */
  bool clock_asked;
  usec pending;
  enum outcome outcome;
  char *text; /* the reason of ERROR, the status of OTHER */
  char *message;
  int64_t run_id; /* 0: a fresh one */
  struct misbehaviour misbehaviour;
};

struct task {
  char *id;
  struct spec *spec;
  const char *kind; /* the spec's, or for a task that POST made one of kinds */
  uint64_t index;   /* in its `many` line, from 0 */
  uint64_t requests;
  usec clock;       /* when its phases started, or UNSET */
  usec first_asked; /* or UNSET */
  time_t created;
  int64_t run_id;
  char run_key[24];
  struct json_object *request; /* the body of the POST that made it */
};

struct next {
  struct next *next;
  uint64_t left;
  struct spec *spec;
};

struct key {
  char *text;
  uint64_t seen;
};

struct request;

static struct simulator {
  struct MHD_Daemon *daemon;
  int epoll, signals;
  bool starting, stopping;

  struct lh_table *tasks; /* ID → task, which it owns */
  struct lh_table *runs;  /* run ID in decimal → task */
  int64_t next_run;
  struct spec *create, *all, *results;
  struct next *next, **next_tail;
  bool clock_asked;
  uint64_t dice;

  struct key *keys;
  size_t key_count, key_capacity;

  struct request **heap; /* the suspended requests, by due time */
  size_t heap_count, heap_capacity;

  usec launched;
  uint64_t requests, unauthorized, unanswered, statuses[MAX_STATUS + 1];
  uint64_t in_flight, in_flight_peak;
  uint64_t connections, connections_open, connections_peak;
  char *last_request;
  struct json_object *last_headers;
} sim;

static usec now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (usec)time.tv_sec * SECOND + time.tv_nsec / 1000;
}

/* splitmix64: the same seed gives the same misfortunes on every machine. */
static double throw_dice(void) {
  uint64_t z = (sim.dice += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return (double)(z >> 11) / 9007199254740992.0; /* 2^53 */
}

static struct spec *spec_new(void) {
  struct spec *spec = new_zeroed(sizeof(*spec));
  spec->refs = 1;
  spec->kind = copy_text("project-setup");
  spec->duration = -1;
  spec->misbehaviour.chance = 1;
  spec->misbehaviour.latency = UNSET;
  spec->misbehaviour.drip = UNSET;
  return spec;
}

static struct spec *spec_ref(struct spec *spec) {
  spec->refs++;
  return spec;
}

static void misbehaviour_clear(struct misbehaviour *m) {
  for (size_t i = 0; i < m->header_count; i++) {
    free(m->headers[i].name);
    free(m->headers[i].value);
  }
  free(m->headers);
  free(m->content_type);
  free(m->redirect);
  blob_unref(m->body);
}

static void spec_unref(struct spec *spec) {
  if (spec == NULL || --spec->refs > 0)
    return;
  free(spec->kind);
  free(spec->name);
  free(spec->text);
  free(spec->message);
  misbehaviour_clear(&spec->misbehaviour);
  free(spec);
}

static void replace_spec(struct spec **field, struct spec *spec) {
  struct spec *old = *field;
  *field = spec_ref(spec);
  spec_unref(old);
}

/* ---- tasks ------------------------------------------------------------- */

static struct task *find_task(struct lh_table *table, const char *key) {
  struct lh_entry *entry = lh_table_lookup_entry(table, key);
  return entry != NULL ? lh_entry_v(entry) : NULL;
}

static void insert_task(struct lh_table *table, const char *key,
                        struct task *task) {
  if (lh_table_insert(table, key, task) != 0)
    must(NULL);
}

static void task_leave_run(struct task *task) {
  struct lh_entry *entry = lh_table_lookup_entry(sim.runs, task->run_key);
  if (entry != NULL && lh_entry_v(entry) == task)
    lh_table_delete_entry(sim.runs, entry);
  task->run_key[0] = '\0';
  task->run_id = 0;
}

static void task_take_run(struct task *task, int64_t run_id) {
  do {
    task->run_id = run_id > 0 ? run_id : sim.next_run++;
    snprintf(task->run_key, sizeof(task->run_key), "%" PRId64, task->run_id);
  } while (run_id <= 0 && find_task(sim.runs, task->run_key) != NULL);
  /* The last task that claims a run has it. */
  lh_table_delete(sim.runs, task->run_key);
  insert_task(sim.runs, task->run_key, task);
}

static void free_task_entry(struct lh_entry *entry) {
  struct task *task = lh_entry_v(entry);
  task_leave_run(task);
  json_object_put(task->request);
  spec_unref(task->spec);
  free(task->id);
  free(task);
}

static struct task *set_task(const char *id, struct spec *spec,
                             uint64_t index) {
  struct task *task = find_task(sim.tasks, id);
  if (task == NULL) {
    task = new_zeroed(sizeof(*task));
    task->id = copy_text(id);
    task->first_asked = UNSET;
    insert_task(sim.tasks, task->id, task);
  }
  task_leave_run(task);
  replace_spec(&task->spec, spec);
  task->kind = spec->kind;
  task->index = index;
  task->clock = spec->clock_asked ? UNSET : now();
  task->created = time(NULL);
  if (spec->outcome == SUCCESS)
    task_take_run(task, spec->run_id > 0 ? spec->run_id + (int64_t)index : 0);
  return task;
}

static enum outcome task_outcome(const struct task *task) {
  if (task->clock == UNSET || now() - task->clock < task->spec->pending)
    return PENDING;
  return task->spec->outcome;
}

static const char *task_status(const struct task *task) {
  enum outcome outcome = task_outcome(task);
  return outcome == OTHER ? task->spec->text : outcome_status[outcome];
}

/* ---- scenario: words --------------------------------------------------- */

struct command;

struct parser {
  const char *source;    /* named in errors */
  const char *directory; /* what body-file is relative to; NULL: our own */
  unsigned line;
  bool clock_asked;
  char *error;
  struct blob **words;
  size_t word_count, word_capacity;
  struct command *first, **tail;
};

static bool fail(struct parser *parser, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool fail(struct parser *parser, const char *format, ...) {
  va_list arguments;
  char *text = NULL;
  va_start(arguments, format);
  if (vasprintf(&text, format, arguments) < 0)
    text = NULL;
  va_end(arguments);
  must(text);
  free(parser->error);
  parser->error = format_text("%s:%u: %s", parser->source, parser->line, text);
  free(text);
  return false;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const struct {
  char letter, meaning;
} escapes[] = {{'n', '\n'}, {'r', '\r'},  {'t', '\t'},  {'0', '\0'}, {'"', '"'},
               {'#', '#'},  {'\\', '\\'}, {'\'', '\''}, {' ', ' '}};

/* Reads what follows a backslash; returns where to go on, or NULL. */
static const char *read_escape(struct parser *parser, const char *at,
                               const char *end, char *meaning) {
  if (end - at >= 3 && *at == 'x' && hex_digit(at[1]) >= 0 &&
      hex_digit(at[2]) >= 0) {
    *meaning = (char)(hex_digit(at[1]) * 16 + hex_digit(at[2]));
    return at + 3;
  }
  for (size_t i = 0; at < end && i < sizeof(escapes) / sizeof(*escapes); i++)
    if (escapes[i].letter == *at) {
      *meaning = escapes[i].meaning;
      return at + 1;
    }
  fail(parser, "unknown escape \\%.*s", at < end ? 1 : 0, at);
  return NULL;
}

/* Reads one word from its first character; returns its end, or NULL. */
static const char *read_word(struct parser *parser, const char *at,
                             const char *end) {
  struct buffer buffer = {0};
  char quote = '\0';
  while (at != NULL && at < end && (quote || !isspace((unsigned char)*at))) {
    char c = *at++;
    if (c == quote) {
      quote = '\0';
    } else if (!quote && (c == '"' || c == '\'')) {
      quote = c;
    } else {
      if (c == '\\' && quote != '\'')
        at = read_escape(parser, at, end, &c);
      buffer_add(&buffer, &c, 1);
    }
  }
  if (at != NULL && quote) {
    fail(parser, "unterminated %c", quote);
    at = NULL;
  }
  if (at != NULL) {
    parser->words = grow(parser->words, parser->word_count,
                         &parser->word_capacity, sizeof(*parser->words));
    parser->words[parser->word_count++] = blob_new(buffer.data, buffer.len);
  }
  buffer_free(&buffer);
  return at;
}

static void drop_words(struct parser *parser) {
  for (size_t i = 0; i < parser->word_count; i++)
    blob_unref(parser->words[i]);
  parser->word_count = 0;
}

static bool split_line(struct parser *parser, const char *at, size_t len) {
  const char *end = at + len;
  drop_words(parser);
  for (;;) {
    while (at < end && isspace((unsigned char)*at))
      at++;
    if (at == end || *at == '#')
      return true;
    at = read_word(parser, at, end);
    if (at == NULL)
      return false;
  }
}

/* ---- scenario: options ------------------------------------------------- */

static bool parse_number(const char *text, double max, double *number) {
  char *end;
  errno = 0;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || errno != 0 ||
      !(value >= 0 && value <= max))
    return false;
  *number = value;
  return true;
}

static bool parse_integer(const char *text, uint64_t max, uint64_t *number) {
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 ||
      value > max)
    return false;
  *number = value;
  return true;
}

static bool parse_seconds(struct parser *parser, const char *text, usec *time) {
  double seconds;
  if (!parse_number(text, MAX_SECONDS, &seconds))
    return fail(parser, "\"%s\" is no number of seconds", text);
  *time = (usec)(seconds * (double)SECOND);
  return true;
}

static bool parse_clock(struct parser *parser, const char *text, bool *asked) {
  *asked = strcmp(text, "asked") == 0;
  if (!*asked && strcmp(text, "launch") != 0)
    return fail(parser, "the clock is \"launch\" or \"asked\", not \"%s\"",
                text);
  return true;
}

/* Every setter gets the text after '=', "" for a word that has none. */
#define SETTER(name)                                                           \
  static bool name(struct parser *parser, struct spec *spec,                   \
                   const struct blob *value)

static bool set_final(struct parser *parser, struct spec *spec,
                      enum outcome outcome) {
  if (spec->outcome != PENDING)
    return fail(parser, "a second final phase");
  spec->outcome = outcome;
  return true;
}

SETTER(set_pending) {
  usec time = 0;
  if (spec->outcome != PENDING)
    return fail(parser, "pending after the final phase");
  if (!parse_seconds(parser, value->data, &time))
    return false;
  spec->pending += time;
  return true;
}

SETTER(set_success) {
  uint64_t run_id = 0;
  if (strcmp(value->data, "auto") != 0 &&
      (!parse_integer(value->data, INT64_MAX / 2, &run_id) || run_id == 0))
    return fail(parser, "\"%s\" is no run ID (a number or \"auto\")",
                value->data);
  spec->run_id = (int64_t)run_id;
  return set_final(parser, spec, SUCCESS);
}

SETTER(set_error) {
  set_text(&spec->text, value->data);
  return set_final(parser, spec, ERROR);
}

SETTER(set_status) {
  set_text(&spec->text, value->data);
  return set_final(parser, spec, OTHER);
}

SETTER(set_timeout) {
  (void)value;
  return set_final(parser, spec, TIMEOUT);
}

SETTER(set_payment_required) {
  (void)value;
  return set_final(parser, spec, PAYMENT_REQUIRED);
}

SETTER(set_message) {
  (void)parser;
  set_text(&spec->message, value->data);
  return true;
}

SETTER(set_kind) {
  if (value->len == 0 || value->data[0] == '/' ||
      value->data[value->len - 1] == '/')
    return fail(parser, "\"%s\" is no kind of task", value->data);
  set_text(&spec->kind, value->data);
  return true;
}

SETTER(set_name) {
  (void)parser;
  set_text(&spec->name, value->data);
  return true;
}

SETTER(set_duration) {
  if (!parse_number(value->data, MAX_SECONDS, &spec->duration))
    return fail(parser, "\"%s\" is no number of seconds", value->data);
  return true;
}

SETTER(set_clock) {
  return parse_clock(parser, value->data, &spec->clock_asked);
}

SETTER(set_start) {
  (void)spec;
  return parse_clock(parser, value->data, &parser->clock_asked);
}

SETTER(set_latency) {
  return parse_seconds(parser, value->data, &spec->misbehaviour.latency);
}

SETTER(set_drip) {
  return parse_seconds(parser, value->data, &spec->misbehaviour.drip);
}

SETTER(set_http) {
  uint64_t code;
  if (!parse_integer(value->data, MAX_STATUS, &code) || code < 200)
    return fail(parser, "\"%s\" is no HTTP status (200 to %d)", value->data,
                MAX_STATUS);
  spec->misbehaviour.http = (unsigned)code;
  return true;
}

/* Asks the HTTP library itself, which refuses some names and characters. */
static bool header_is_usable(const char *name, const char *value) {
  struct MHD_Response *scratch =
      must(MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
  bool usable = MHD_add_response_header(scratch, name, value) == MHD_YES;
  MHD_destroy_response(scratch);
  return usable;
}

SETTER(set_header) {
  struct misbehaviour *m = &spec->misbehaviour;
  const char *colon = strchr(value->data, ':');
  if (colon == NULL)
    return fail(parser, "header \"%s\" has no colon", value->data);
  struct header header = {
      .name = must(strndup(value->data, (size_t)(colon - value->data)))};
  header.value = copy_text(colon + 1 + strspn(colon + 1, " \t"));
  if (!header_is_usable(header.name, header.value)) {
    free(header.name);
    free(header.value);
    return fail(parser, "header \"%s\" can't be sent", value->data);
  }
  m->headers = grow(m->headers, m->header_count, &m->header_capacity,
                    sizeof(*m->headers));
  m->headers[m->header_count++] = header;
  return true;
}

SETTER(set_body) {
  (void)parser;
  blob_unref(spec->misbehaviour.body);
  spec->misbehaviour.body = blob_new(value->data, value->len);
  return true;
}

SETTER(set_raw) {
  spec->misbehaviour.ending = RAW;
  return set_body(parser, spec, value);
}

SETTER(set_body_file) {
  char *path = value->data[0] != '/' && parser->directory != NULL
                   ? format_text("%s/%s", parser->directory, value->data)
                   : copy_text(value->data);
  struct blob *body = read_file(path);
  if (body == NULL)
    fail(parser, "%s: %s", path, strerror(errno));
  free(path);
  if (body == NULL)
    return false;
  blob_unref(spec->misbehaviour.body);
  spec->misbehaviour.body = body;
  return true;
}

SETTER(set_content_type) {
  if (!header_is_usable(MHD_HTTP_HEADER_CONTENT_TYPE, value->data))
    return fail(parser, "content-type \"%s\" can't be sent", value->data);
  set_text(&spec->misbehaviour.content_type, value->data);
  return true;
}

SETTER(set_redirect) {
  if (!header_is_usable(MHD_HTTP_HEADER_LOCATION, value->data))
    return fail(parser, "redirect \"%s\" can't be sent", value->data);
  set_text(&spec->misbehaviour.redirect, value->data);
  return true;
}

SETTER(set_cut) {
  bool before = strcmp(value->data, "before") == 0;
  if (!before && strcmp(value->data, "middle") != 0)
    return fail(parser, "cut is \"before\" or \"middle\", not \"%s\"",
                value->data);
  spec->misbehaviour.ending = before ? CUT_BEFORE : CUT_MIDDLE;
  return true;
}

SETTER(set_silence) {
  (void)parser;
  (void)value;
  spec->misbehaviour.ending = SILENCE;
  return true;
}

SETTER(set_echo_key) {
  (void)parser;
  (void)value;
  spec->misbehaviour.echo_key = true;
  return true;
}

SETTER(set_chance) {
  if (!parse_number(value->data, 1, &spec->misbehaviour.chance))
    return fail(parser, "\"%s\" is no chance (0 to 1)", value->data);
  return true;
}

enum group { PROJECT = 1, PHASE = 2, MISBEHAVIOUR = 4, START = 8 };
enum value { NO_VALUE, TEXT, BYTES };

static const struct option_word {
  const char *name;
  enum group group;
  enum value value;
  bool (*set)(struct parser *, struct spec *, const struct blob *);
} option_words[] = {
    {"kind", PROJECT, TEXT, set_kind},
    {"name", PROJECT, TEXT, set_name},
    {"duration", PROJECT, TEXT, set_duration},
    {"clock", PROJECT, TEXT, set_clock},
    {"pending", PHASE, TEXT, set_pending},
    {"success", PHASE, TEXT, set_success},
    {"error", PHASE, TEXT, set_error},
    {"timeout", PHASE, NO_VALUE, set_timeout},
    {"payment_required", PHASE, NO_VALUE, set_payment_required},
    {"status", PHASE, TEXT, set_status},
    {"message", PHASE, TEXT, set_message},
    {"latency", MISBEHAVIOUR, TEXT, set_latency},
    {"http", MISBEHAVIOUR, TEXT, set_http},
    {"header", MISBEHAVIOUR, TEXT, set_header},
    {"body", MISBEHAVIOUR, BYTES, set_body},
    {"body-file", MISBEHAVIOUR, TEXT, set_body_file},
    {"content-type", MISBEHAVIOUR, TEXT, set_content_type},
    {"redirect", MISBEHAVIOUR, TEXT, set_redirect},
    {"cut", MISBEHAVIOUR, TEXT, set_cut},
    {"raw", MISBEHAVIOUR, BYTES, set_raw},
    {"silence", MISBEHAVIOUR, NO_VALUE, set_silence},
    {"drip", MISBEHAVIOUR, TEXT, set_drip},
    {"echo-key", MISBEHAVIOUR, NO_VALUE, set_echo_key},
    {"chance", MISBEHAVIOUR, TEXT, set_chance},
    {"at", START, TEXT, set_start},
};

static const struct option_word *find_option(const char *name, size_t len,
                                             unsigned groups) {
  for (size_t i = 0; i < sizeof(option_words) / sizeof(*option_words); i++) {
    const struct option_word *option = &option_words[i];
    if (((unsigned)option->group & groups) != 0 &&
        strncmp(option->name, name, len) == 0 && option->name[len] == '\0')
      return option;
  }
  return NULL;
}

static bool parse_option(struct parser *parser, struct spec *spec,
                         const struct blob *word, unsigned groups) {
  const char *equals = memchr(word->data, '=', word->len);
  size_t len = equals ? (size_t)(equals - word->data) : word->len;
  const struct option_word *option = find_option(word->data, len, groups);
  if (option == NULL)
    return fail(parser, "unknown word \"%.*s\"", (int)len, word->data);
  if ((equals != NULL) != (option->value != NO_VALUE))
    return fail(parser, "\"%s\" %s", option->name,
                equals ? "takes no value" : "needs a value");
  const char *text = equals ? equals + 1 : "";
  size_t text_len = equals ? word->len - len - 1 : 0;
  if (option->value != BYTES && memchr(text, '\0', text_len) != NULL)
    return fail(parser, "\"%s\" can't hold a NUL", option->name);
  struct blob *value = blob_new(text, text_len);
  bool good = option->set(parser, spec, value);
  blob_unref(value);
  return good;
}

/* ---- scenario: commands ------------------------------------------------ */

struct command {
  struct command *next;
  const struct verb *verb;
  char *id;
  uint64_t count;
  struct spec *spec;
};

static void apply_task(const struct command *command) {
  set_task(command->id, command->spec, 0);
}

static void apply_many(const struct command *command) {
  for (uint64_t i = 0; i < command->count; i++) {
    char *id = format_text("%s-%" PRIu64, command->id, i + 1);
    set_task(id, command->spec, i);
    free(id);
  }
}

static void apply_create(const struct command *command) {
  replace_spec(&sim.create, command->spec);
}

static void apply_all(const struct command *command) {
  replace_spec(&sim.all, command->spec);
}

static void apply_results(const struct command *command) {
  replace_spec(&sim.results, command->spec);
}

static void drop_next(void) {
  struct next *next = sim.next;
  sim.next = next->next;
  if (sim.next == NULL)
    sim.next_tail = &sim.next;
  spec_unref(next->spec);
  free(next);
}

static void apply_next(const struct command *command) {
  if (command->count == 0) {
    while (sim.next != NULL)
      drop_next();
    return;
  }
  struct next *next = new_zeroed(sizeof(*next));
  next->left = command->count;
  next->spec = spec_ref(command->spec);
  *sim.next_tail = next;
  sim.next_tail = &next->next;
}

static void apply_forget(const struct command *command) {
  lh_table_delete(sim.tasks, command->id);
}

static void drop_keys(void) {
  for (size_t i = 0; i < sim.key_count; i++)
    free(sim.keys[i].text);
  sim.key_count = 0;
}

static void add_key(const char *text) {
  sim.keys =
      grow(sim.keys, sim.key_count, &sim.key_capacity, sizeof(*sim.keys));
  sim.keys[sim.key_count++] = (struct key){.text = copy_text(text)};
}

static void apply_key(const struct command *command) { add_key(command->id); }

static void apply_seed(const struct command *command) {
  sim.dice = command->count;
}

static void apply_start(const struct command *command) {
  (void)command; /* the parser has kept it */
}

static const struct verb {
  const char *name;
  const char *id;     /* what its first argument is, if it is a text */
  uint64_t max_count; /* its next argument is a number up to this */
  unsigned groups;    /* of the words that may follow */
  void (*apply)(const struct command *);
} verbs[] = {
    {"task", "ID", 0, PROJECT | PHASE | MISBEHAVIOUR, apply_task},
    {"many", "PREFIX", MAX_TASKS, PROJECT | PHASE | MISBEHAVIOUR, apply_many},
    {"create", NULL, 0, PROJECT | PHASE | MISBEHAVIOUR, apply_create},
    {"all", NULL, 0, MISBEHAVIOUR, apply_all},
    {"results", NULL, 0, MISBEHAVIOUR, apply_results},
    {"next", NULL, UINT64_MAX, MISBEHAVIOUR, apply_next},
    {"forget", "ID", 0, 0, apply_forget},
    {"key", "KEY", 0, 0, apply_key},
    {"seed", NULL, UINT64_MAX, 0, apply_seed},
    {"start", NULL, 0, START, apply_start},
};

static const struct verb *find_verb(const char *name) {
  for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
    if (strcmp(verbs[i].name, name) == 0)
      return &verbs[i];
  return NULL;
}

static void command_free(struct command *command) {
  spec_unref(command->spec);
  free(command->id);
  free(command);
}

/* Fills a command from the words of its line. */
static bool read_arguments(struct parser *parser, struct command *command) {
  const struct verb *verb = command->verb;
  size_t at = 1;
  if (verb->id != NULL) {
    const struct blob *word =
        at < parser->word_count ? parser->words[at++] : NULL;
    if (word == NULL || word->len == 0 || strlen(word->data) != word->len)
      return fail(parser, "%s needs %s", verb->name, verb->id);
    command->id = copy_text(word->data);
  }
  if (verb->max_count > 0) {
    const char *word = at < parser->word_count ? parser->words[at++]->data : "";
    if (!parse_integer(word, verb->max_count, &command->count))
      return fail(parser, "%s needs a number, not \"%s\"", verb->name, word);
  }
  while (at < parser->word_count)
    if (!parse_option(parser, command->spec, parser->words[at++], verb->groups))
      return false;
  return true;
}

static bool parse_line(struct parser *parser, const char *line, size_t len) {
  if (!split_line(parser, line, len))
    return false;
  if (parser->word_count == 0)
    return true;
  const struct verb *verb = find_verb(parser->words[0]->data);
  if (verb == NULL)
    return fail(parser, "unknown command \"%s\"", parser->words[0]->data);
  struct command *command = new_zeroed(sizeof(*command));
  command->verb = verb;
  command->spec = spec_new();
  command->spec->clock_asked = parser->clock_asked;
  *parser->tail = command;
  parser->tail = &command->next;
  return read_arguments(parser, command);
}

static void apply_commands(const struct parser *parser) {
  bool keys_replaced = false;
  for (const struct command *command = parser->first; command != NULL;
       command = command->next) {
    if (command->verb->apply == apply_key && !keys_replaced) {
      drop_keys();
      keys_replaced = true;
    }
    command->verb->apply(command);
  }
  sim.clock_asked = parser->clock_asked;
}

/* Applies all lines or none. Returns NULL, or the error's text to free. */
static char *apply_scenario(const char *source, const char *directory,
                            const char *text, size_t len) {
  struct parser parser = {
      .source = source, .directory = directory, .clock_asked = sim.clock_asked};
  const char *end = text + len;
  bool good = true;
  parser.tail = &parser.first;
  while (good && text < end) {
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    const char *stop = newline != NULL ? newline : end;
    parser.line++;
    good = parse_line(&parser, text, (size_t)(stop - text));
    text = stop + 1;
  }
  if (good)
    apply_commands(&parser);
  while (parser.first != NULL) {
    struct command *next = parser.first->next;
    command_free(parser.first);
    parser.first = next;
  }
  drop_words(&parser);
  free(parser.words);
  return parser.error;
}

/* ---- requests and their timers ----------------------------------------- */

/* What MHD keeps for us with a connection. */
struct peer {
  bool counted; /* an API request came over it */
};

struct request {
  struct MHD_Connection *connection;
  char *uri; /* as sent: MHD's own is decoded, and %2F has become / */
  char *method;
  bool begun, api, decided, gone;
  struct buffer upload;

  struct MHD_Response *response;
  struct blob *raw;
  unsigned status;
  enum ending ending;
  usec due;         /* when it goes on; NEVER for silence */
  size_t heap_slot; /* from 1; 0: not suspended */
};

static void heap_put(size_t slot, struct request *request) {
  sim.heap[slot - 1] = request;
  request->heap_slot = slot;
}

static struct request *heap_at(size_t slot) { return sim.heap[slot - 1]; }

static void heap_up(struct request *request, size_t slot) {
  while (slot > 1 && heap_at(slot / 2)->due > request->due) {
    heap_put(slot, heap_at(slot / 2));
    slot /= 2;
  }
  heap_put(slot, request);
}

static void heap_down(struct request *request, size_t slot) {
  for (;;) {
    size_t child = slot * 2;
    if (child < sim.heap_count && heap_at(child + 1)->due < heap_at(child)->due)
      child++;
    if (child > sim.heap_count || heap_at(child)->due >= request->due)
      break;
    heap_put(slot, heap_at(child));
    slot = child;
  }
  heap_put(slot, request);
}

static void heap_add(struct request *request) {
  sim.heap =
      grow(sim.heap, sim.heap_count, &sim.heap_capacity, sizeof(*sim.heap));
  heap_up(request, ++sim.heap_count);
}

static void heap_remove(struct request *request) {
  size_t slot = request->heap_slot;
  struct request *last = heap_at(sim.heap_count--);
  request->heap_slot = 0;
  if (last == request)
    return;
  if (slot > 1 && heap_at(slot / 2)->due > last->due)
    heap_up(last, slot);
  else
    heap_down(last, slot);
}

static int request_socket(const struct request *request) {
  return MHD_get_connection_info(request->connection,
                                 MHD_CONNECTION_INFO_CONNECTION_FD)
      ->connect_fd;
}

/* MHD does not look at a suspended connection, so we watch for its end. */
static void request_suspend(struct request *request, usec due) {
  struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = request};
  request->due = due;
  heap_add(request);
  if (epoll_ctl(sim.epoll, EPOLL_CTL_ADD, request_socket(request), &event) != 0)
    perror("camb_api_simulator: epoll_ctl");
  MHD_suspend_connection(request->connection);
}

static void request_resume(struct request *request) {
  if (request->heap_slot == 0)
    return;
  heap_remove(request);
  epoll_ctl(sim.epoll, EPOLL_CTL_DEL, request_socket(request), NULL);
  MHD_resume_connection(request->connection);
}

static void resume_due(void) {
  usec time = now();
  while (sim.heap_count > 0 && heap_at(1)->due <= time)
    request_resume(heap_at(1));
}

/* ---- sending ----------------------------------------------------------- */

/* A body that is dripped or cut. */
struct stream {
  struct request *request;
  struct blob *body;
  size_t stop; /* cut here */
  usec gap, next_byte;
};

static ssize_t stream_read(void *cls, uint64_t position, char *to, size_t max) {
  struct stream *stream = cls;
  usec time = now();
  if (stream->request->gone || position >= stream->stop)
    return MHD_CONTENT_READER_END_WITH_ERROR;
  size_t count = stream->stop - (size_t)position;
  if (count > max)
    count = max;
  if (stream->gap > 0) {
    if (position > 0 && time < stream->next_byte) {
      request_suspend(stream->request, stream->next_byte);
      return 0;
    }
    stream->next_byte = time + stream->gap;
    count = 1;
  }
  memcpy(to, stream->body->data + position, count);
  return (ssize_t)count;
}

static void stream_free(void *cls) {
  struct stream *stream = cls;
  blob_unref(stream->body);
  free(stream);
}

/* Takes over the body. */
static struct MHD_Response *make_response(struct request *request,
                                          struct blob *body, usec gap) {
  bool cut = request->ending == CUT_MIDDLE;
  if (!cut && gap <= 0)
    return must(MHD_create_response_from_buffer_with_free_callback_cls(
        body->len, body->data, blob_unref, body));
  struct stream *stream = new_zeroed(sizeof(*stream));
  stream->request = request;
  stream->body = body;
  stream->gap = gap;
  stream->stop = cut ? body->len / 2 : body->len;
  /* An empty body can be cut only if it is promised not to be empty. */
  size_t promised = cut && body->len == 0 ? 1 : body->len;
  return must(MHD_create_response_from_callback(
      promised, STREAM_BLOCK, stream_read, stream, stream_free));
}

/* Past the library, so that an answer may be no HTTP at all. */
static void send_raw(const struct request *request) {
  const struct blob *raw = request->raw;
  if (send(request_socket(request), raw->data, raw->len,
           MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)raw->len)
    perror("camb_api_simulator: raw");
}

static enum MHD_Result send_response(struct request *request) {
  if (request->ending == RAW)
    send_raw(request);
  if (request->ending == RAW || request->ending == CUT_BEFORE)
    return MHD_NO;
  if (request->api)
    sim.statuses[request->status]++;
  return MHD_queue_response(request->connection, request->status,
                            request->response);
}

/* ---- answers ----------------------------------------------------------- */

struct reply {
  unsigned status;
  struct json_object *json;
};

static struct json_object *json_text(const char *text) {
  return text != NULL ? must(json_object_new_string(text)) : NULL;
}

static struct json_object *json_count(uint64_t count) {
  return must(json_object_new_int64((int64_t)count));
}

static struct json_object *json_new(void) {
  return must(json_object_new_object());
}

static void json_set(struct json_object *object, const char *key,
                     struct json_object *value) {
  if (json_object_object_add(object, key, value) != 0)
    must(NULL);
}

static void json_append(struct json_object *array, struct json_object *value) {
  if (json_object_array_add(array, value) != 0)
    must(NULL);
}

static struct reply reply_detail(unsigned status, const char *detail) {
  struct reply reply = {status, json_new()};
  json_set(reply.json, "detail", json_text(detail));
  return reply;
}

static struct reply reply_error(unsigned status, const char *error) {
  struct reply reply = {status, json_new()};
  json_set(reply.json, "error", json_text(error));
  json_set(reply.json, "status", json_count(status));
  return reply;
}

static struct blob *json_blob(struct json_object *json) {
  size_t len;
  const char *text = json_object_to_json_string_length(
      json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
  if (text == NULL)
    must(NULL);
  return blob_new(text, len);
}

static struct reply status_reply(const struct task *task) {
  enum outcome outcome = task_outcome(task);
  struct reply reply = {MHD_HTTP_OK, json_new()};
  json_set(reply.json, "status", json_text(task_status(task)));
  json_set(reply.json, "run_id",
           outcome == SUCCESS ? json_object_new_int64(task->run_id) : NULL);
  json_set(reply.json, "exception_reason",
           json_text(outcome == ERROR ? task->spec->text : NULL));
  json_set(reply.json, "message",
           json_text(outcome == PENDING ? NULL : task->spec->message));
  return reply;
}

/* A field of the POST that made the task, or NULL. */
static struct json_object *requested(const struct task *task,
                                     const char *field) {
  return json_object_get(json_object_object_get(task->request, field));
}

static struct json_object *project_name(const struct task *task) {
  struct json_object *json = requested(task, "project_name");
  if (json != NULL)
    return json;
  if (task->spec->name == NULL)
    return json_text(task->id);
  if (task->index == 0)
    return json_text(task->spec->name);
  char *name = format_text("%s-%" PRIu64, task->spec->name, task->index + 1);
  json = json_text(name);
  free(name);
  return json;
}

static struct json_object *project_languages(const struct task *task) {
  struct json_object *json = requested(task, "target_languages");
  if (json != NULL)
    return json;
  json = must(json_object_new_array());
  json_append(json, json_count(76));
  return json;
}

static struct json_object *project_details(const struct task *task) {
  struct json_object *details = json_new();
  struct json_object *language = requested(task, "source_language");
  char created[32], url[64];
  struct tm tm;
  strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ",
           gmtime_r(&task->created, &tm));
  snprintf(url, sizeof(url), "https://studio.camb.ai/projects/%s",
           task->run_key);
  json_set(details, "project_name", project_name(task));
  json_set(details, "project_description",
           requested(task, "project_description"));
  json_set(details, "created_at", json_text(created));
  json_set(details, "source_language", language ? language : json_count(1));
  json_set(details, "target_languages", project_languages(task));
  json_set(details, "duration",
           task->spec->duration >= 0
               ? json_object_new_double(task->spec->duration)
               : NULL);
  json_set(details, "folder_id", requested(task, "folder_id"));
  json_set(details, "studio_url", json_text(url));
  return details;
}

static struct reply result_reply(const char *run_id) {
  const struct task *task = find_task(sim.runs, run_id);
  if (task == NULL || task_outcome(task) != SUCCESS)
    return reply_detail(MHD_HTTP_NOT_FOUND, "Run not found");
  if (strcmp(task->kind, "project-setup") != 0)
    return reply_detail(MHD_HTTP_BAD_REQUEST, "Run is not a project setup");
  struct reply reply = {MHD_HTTP_OK, json_new()};
  json_set(reply.json, "run_id", json_object_new_int64(task->run_id));
  json_set(reply.json, "project_details", project_details(task));
  return reply;
}

/* ---- creating tasks ---------------------------------------------------- */

static const char *const kinds[] = {
    "project-setup",  "dub",
    "dub-alt-format", "tts",
    "translated-tts", "translate",
    "transcribe",     "text-to-sound",
    "text-to-voice",  "audio-separation",
    "story",          "translated-story",
};

static const struct field {
  const char *name;
  enum json_type type;
  const char *complaint, *code;
} setup_fields[] = {
    {"media_url", json_type_string, "str type expected", "type_error.str"},
    {"source_language", json_type_int, "value is not a valid integer",
     "type_error.integer"},
    {"target_languages", json_type_array, "value is not a valid list",
     "type_error.list"},
};

/* Adds one entry in FastAPI's shape; `name` may be NULL, `index` negative. */
static void complain(struct json_object *detail, const char *name, int index,
                     const char *message, const char *type) {
  struct json_object *entry = json_new();
  struct json_object *place = must(json_object_new_array());
  json_append(place, json_text("body"));
  if (name != NULL)
    json_append(place, json_text(name));
  if (index >= 0)
    json_append(place, json_count((uint64_t)index));
  json_set(entry, "loc", place);
  json_set(entry, "msg", json_text(message));
  json_set(entry, "type", json_text(type));
  json_append(detail, entry);
}

static void check_field(const struct field *field, struct json_object *body,
                        struct json_object *detail) {
  struct json_object *value;
  if (!json_object_object_get_ex(body, field->name, &value)) {
    complain(detail, field->name, -1, "field required", "value_error.missing");
    return;
  }
  if (!json_object_is_type(value, field->type)) {
    complain(detail, field->name, -1, field->complaint, field->code);
    return;
  }
  if (field->type != json_type_array)
    return;
  for (size_t i = 0; i < json_object_array_length(value); i++)
    if (!json_object_is_type(json_object_array_get_idx(value, i),
                             json_type_int))
      complain(detail, field->name, (int)i, "value is not a valid integer",
               "type_error.integer");
}

/* Returns the list of complaints, empty for a good body. */
static struct json_object *check_creation(const char *kind,
                                          struct json_object *body) {
  struct json_object *detail = must(json_object_new_array());
  if (!json_object_is_type(body, json_type_object))
    complain(detail, NULL, -1, "value is not a valid dict", "type_error.dict");
  else if (strcmp(kind, "project-setup") == 0)
    for (size_t i = 0; i < sizeof(setup_fields) / sizeof(*setup_fields); i++)
      check_field(&setup_fields[i], body, detail);
  return detail;
}

static struct json_object *parse_json(const struct buffer *buffer) {
  struct json_tokener *tokener = must(json_tokener_new());
  struct json_object *json = NULL;
  if (buffer->len > 0)
    json = json_tokener_parse_ex(tokener, buffer->data, (int)buffer->len);
  json_tokener_free(tokener);
  return json;
}

static void make_uuid(char uuid[37]) {
  unsigned char b[16];
  if (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
    abort();
  b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
  b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  snprintf(uuid, 37,
           "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
           "%02x",
           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
           b[11], b[12], b[13], b[14], b[15]);
}

static const char *documented_kind(const char *kind) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
    if (strcmp(kinds[i], kind) == 0)
      return kinds[i];
  return NULL;
}

static struct reply creation_reply(const char *kind,
                                   const struct buffer *upload) {
  struct json_object *body = parse_json(upload);
  struct json_object *detail = check_creation(kind, body);
  struct reply reply = {MHD_HTTP_OK, json_new()};
  if (json_object_array_length(detail) > 0) {
    json_object_put(body);
    json_set(reply.json, "detail", detail);
    reply.status = MHD_HTTP_UNPROCESSABLE_CONTENT;
    return reply;
  }
  json_object_put(detail);
  char id[37];
  make_uuid(id);
  struct task *task = set_task(id, sim.create, 0);
  task->kind = kind;
  task->request = body;
  json_set(reply.json, "task_id", json_text(id));
  return reply;
}

/* ---- the API ----------------------------------------------------------- */

/* Decodes in place. False when the text holds a NUL, which nothing does. */
static bool percent_decode(char *text) {
  char *to = text;
  for (const char *from = text; *from != '\0'; from++, to++) {
    *to = *from;
    if (*from == '%' && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
      *to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
      if (*to == '\0')
        return false;
      from += 2;
    }
  }
  *to = '\0';
  return true;
}

/* Where a request goes: /KIND/ID or /KIND, decoded; "" where there is none. */
struct target {
  char *path; /* owns the text that the others point to */
  const char *kind, *id;
};

/* What follows the last raw slash is the ID: a kind may hold slashes. */
static struct target target_new(const char *uri, bool has_id) {
  struct target target = {copy_text(uri), "", ""};
  target.path[strcspn(target.path, "?")] = '\0';
  char *kind = target.path;
  if (strncmp(kind, "/apis/", 6) == 0)
    kind += 5;
  if (*kind != '/')
    return target;
  char *slash = has_id ? strrchr(++kind, '/') : NULL;
  if (!has_id)
    kind++;
  if (slash != NULL) {
    *slash = '\0';
    if (percent_decode(slash + 1))
      target.id = slash + 1;
  }
  if (percent_decode(kind))
    target.kind = kind;
  return target;
}

/* What happens to one answer: the layers of misbehaviour, merged. */
struct plan {
  const struct misbehaviour *layers[MAX_LAYERS];
  size_t layer_count;
  struct misbehaviour merged; /* borrows; its headers are in the layers */
};

static void plan_add(struct plan *plan, const struct spec *spec) {
  if (spec == NULL)
    return;
  const struct misbehaviour *m = &spec->misbehaviour;
  struct misbehaviour *merged = &plan->merged;
  if (m->chance < 1 && throw_dice() >= m->chance)
    return;
  plan->layers[plan->layer_count++] = m;
  merged->latency = m->latency != UNSET ? m->latency : merged->latency;
  merged->drip = m->drip != UNSET ? m->drip : merged->drip;
  merged->http = m->http != 0 ? m->http : merged->http;
  merged->ending = m->ending != ANSWER ? m->ending : merged->ending;
  merged->echo_key = m->echo_key || merged->echo_key;
  merged->body = m->body != NULL ? m->body : merged->body;
  merged->content_type =
      m->content_type != NULL ? m->content_type : merged->content_type;
  merged->redirect = m->redirect != NULL ? m->redirect : merged->redirect;
}

static struct next *take_next(void) {
  if (sim.next != NULL && sim.next->left == 0)
    drop_next();
  if (sim.next != NULL)
    sim.next->left--;
  return sim.next;
}

static bool key_is_good(const char *key) {
  for (size_t i = 0; key != NULL && i < sim.key_count; i++)
    if (strcmp(sim.keys[i].text, key) == 0) {
      sim.keys[i].seen++;
      return true;
    }
  sim.unauthorized++;
  return false;
}

/* The usual answer to a request with a good key. */
static struct reply route(const struct request *request,
                          const struct target *target, struct task *task) {
  bool is_get = strcmp(request->method, MHD_HTTP_METHOD_GET) == 0;
  bool is_post = strcmp(request->method, MHD_HTTP_METHOD_POST) == 0;
  const char *kind = documented_kind(target->kind);
  if (is_post && kind != NULL)
    return creation_reply(kind, &request->upload);
  if (!is_get)
    return reply_detail(MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed");
  if (*target->id == '\0')
    return reply_detail(MHD_HTTP_NOT_FOUND, "Not Found");
  if (strcmp(target->kind, "project-setup-result") == 0)
    return result_reply(target->id);
  if (task == NULL)
    return reply_detail(MHD_HTTP_NOT_FOUND, "Task not found");
  usec time = now();
  if (task->first_asked == UNSET)
    task->first_asked = time;
  if (task->clock == UNSET)
    task->clock = time;
  return status_reply(task);
}

/* Puts the key where a careless server would: into the text people log. */
static void echo_key(struct json_object *json, const char *key) {
  const char *field =
      json_object_object_get_ex(json, "error", NULL) ? "error" : "message";
  char *text = format_text("the key was %s", key != NULL ? key : "missing");
  json_set(json, field, json_text(text));
  free(text);
}

static void apply_plan_to_reply(const struct plan *plan, const char *key,
                                struct reply *reply) {
  unsigned code = plan->merged.http;
  if (code == 0 && plan->merged.redirect != NULL)
    code = MHD_HTTP_FOUND;
  if (code >= 300) {
    json_object_put(reply->json);
    *reply = reply_error(code, MHD_get_reason_phrase_for(code));
  } else if (code != 0) {
    reply->status = code;
  }
  if (plan->merged.echo_key)
    echo_key(reply->json, key);
}

static void add_header(struct request *request, const char *name,
                       const char *value) {
  if (MHD_add_response_header(request->response, name, value) != MHD_YES)
    fprintf(stderr, "camb_api_simulator: header %s was refused\n", name);
}

/* Takes over the reply's JSON. */
static void prepare_answer(struct request *request, const struct plan *plan,
                           struct reply reply) {
  const struct misbehaviour *m = &plan->merged;
  struct blob *body = m->body ? blob_ref(m->body) : json_blob(reply.json);
  json_object_put(reply.json);
  request->status = reply.status;
  request->ending = m->ending;
  request->due = m->ending == SILENCE ? NEVER
                 : m->latency > 0     ? now() + m->latency
                                      : 0;
  if (m->ending == RAW)
    request->raw = blob_ref(body);
  request->response = make_response(request, body, m->drip);
  add_header(request, MHD_HTTP_HEADER_CONTENT_TYPE,
             m->content_type ? m->content_type : "application/json");
  if (m->redirect != NULL)
    add_header(request, MHD_HTTP_HEADER_LOCATION, m->redirect);
  for (size_t i = 0; i < plan->layer_count; i++)
    for (size_t k = 0; k < plan->layers[i]->header_count; k++)
      add_header(request, plan->layers[i]->headers[k].name,
                 plan->layers[i]->headers[k].value);
}

static const struct plan no_plan = {
    .merged = {.chance = 1, .latency = UNSET, .drip = UNSET}};

static void answer_api(struct request *request) {
  bool is_post = strcmp(request->method, MHD_HTTP_METHOD_POST) == 0;
  struct target target = target_new(request->uri, !is_post);
  const char *key = MHD_lookup_connection_value(request->connection,
                                                MHD_HEADER_KIND, "x-api-key");
  struct task *task = find_task(sim.tasks, target.id);
  if (task != NULL && strcmp(task->kind, target.kind) != 0)
    task = NULL;
  if (task != NULL)
    task->requests++;

  struct plan plan = no_plan;
  struct next *next = take_next();
  plan_add(&plan, sim.all);
  if (strcmp(target.kind, "project-setup-result") == 0)
    plan_add(&plan, sim.results);
  plan_add(&plan, task != NULL ? task->spec : NULL);
  plan_add(&plan, next != NULL ? next->spec : NULL);

  struct reply reply =
      key_is_good(key) ? route(request, &target, task)
                       : reply_error(MHD_HTTP_UNAUTHORIZED, "Invalid API key");
  apply_plan_to_reply(&plan, key, &reply);
  prepare_answer(request, &plan, reply);
  free(target.path);
}

/* ---- control ----------------------------------------------------------- */

static struct json_object *task_report(const struct task *task) {
  struct json_object *report = json_new();
  json_set(report, "requests", json_count(task->requests));
  json_set(report, "state", json_text(task_status(task)));
  json_set(report, "kind", json_text(task->kind));
  json_set(report, "run_id",
           task->run_id > 0 ? json_object_new_int64(task->run_id) : NULL);
  json_set(
      report, "first_asked",
      task->first_asked != UNSET
          ? json_object_new_double((double)(task->first_asked - sim.launched) /
                                   (double)SECOND)
          : NULL);
  return report;
}

static struct json_object *gauge_report(uint64_t now_value, const char *name,
                                        uint64_t peak) {
  struct json_object *report = json_new();
  json_set(report, name, json_count(now_value));
  json_set(report, "peak", json_count(peak));
  return report;
}

static struct json_object *statuses_report(void) {
  struct json_object *report = json_new();
  for (unsigned code = 0; code <= MAX_STATUS; code++) {
    char text[16];
    if (sim.statuses[code] == 0)
      continue;
    snprintf(text, sizeof(text), "%u", code);
    json_set(report, text, json_count(sim.statuses[code]));
  }
  return report;
}

static struct json_object *keys_report(void) {
  struct json_object *report = must(json_object_new_array());
  for (size_t i = 0; i < sim.key_count; i++)
    json_append(report, json_count(sim.keys[i].seen));
  return report;
}

static struct json_object *tasks_report(void) {
  struct json_object *report = json_new();
  struct lh_entry *entry;
  lh_foreach(sim.tasks, entry) {
    const struct task *task = lh_entry_v(entry);
    json_set(report, task->id, task_report(task));
  }
  return report;
}

static struct reply show_counters(struct request *request, const char *path) {
  struct reply reply = {MHD_HTTP_OK, json_new()};
  struct json_object *connections =
      gauge_report(sim.connections_open, "open", sim.connections_peak);
  const char *query = strchr(request->uri, '?');
  (void)path;
  json_set(connections, "total", json_count(sim.connections));
  json_set(reply.json, "requests", json_count(sim.requests));
  json_set(reply.json, "connections", connections);
  json_set(reply.json, "in_flight",
           gauge_report(sim.in_flight, "now", sim.in_flight_peak));
  json_set(reply.json, "statuses", statuses_report());
  json_set(reply.json, "unauthorized", json_count(sim.unauthorized));
  json_set(reply.json, "unanswered", json_count(sim.unanswered));
  json_set(reply.json, "keys_seen", keys_report());
  json_set(reply.json, "last_request", json_text(sim.last_request));
  json_set(reply.json, "last_headers", json_object_get(sim.last_headers));
  if (query != NULL && strcmp(query, "?tasks") == 0)
    json_set(reply.json, "tasks", tasks_report());
  return reply;
}

static struct reply show_task(struct request *request, const char *path) {
  char *id = copy_text(path);
  const struct task *task =
      percent_decode(id) ? find_task(sim.tasks, id) : NULL;
  struct reply reply = {MHD_HTTP_OK, NULL};
  (void)request;
  free(id);
  if (task == NULL)
    return reply_detail(MHD_HTTP_NOT_FOUND, "Task not found");
  reply.json = task_report(task);
  json_set(reply.json, "request", json_object_get(task->request));
  return reply;
}

static struct reply reply_done(void) {
  struct reply reply = {MHD_HTTP_OK, json_new()};
  json_set(reply.json, "ok", must(json_object_new_boolean(true)));
  return reply;
}

static struct reply change_scenario(struct request *request, const char *path) {
  char *error = apply_scenario("scenario", NULL, request->upload.data,
                               request->upload.len);
  (void)path;
  if (error == NULL)
    return reply_done();
  struct reply reply = reply_error(MHD_HTTP_BAD_REQUEST, error);
  free(error);
  return reply;
}

/* What is going on now stays: open connections, requests under way, fates. */
static struct reply reset_counters(struct request *request, const char *path) {
  struct lh_entry *entry;
  (void)request;
  (void)path;
  lh_foreach(sim.tasks, entry) {
    struct task *task = lh_entry_v(entry);
    task->requests = 0;
    task->first_asked = UNSET;
  }
  for (size_t i = 0; i < sim.key_count; i++)
    sim.keys[i].seen = 0;
  memset(sim.statuses, 0, sizeof(sim.statuses));
  sim.requests = sim.unauthorized = sim.unanswered = 0;
  sim.in_flight_peak = sim.in_flight;
  sim.connections = 0;
  sim.connections_peak = sim.connections_open;
  return reply_done();
}

static const struct control {
  const char *method, *path;
  bool prefix; /* the rest of the path is handed over */
  struct reply (*answer)(struct request *, const char *rest);
} controls[] = {
    {MHD_HTTP_METHOD_GET, "/simulator", false, show_counters},
    {MHD_HTTP_METHOD_GET, "/simulator/tasks/", true, show_task},
    {MHD_HTTP_METHOD_POST, "/simulator/scenario", false, change_scenario},
    {MHD_HTTP_METHOD_POST, "/simulator/reset", false, reset_counters},
};

static struct reply control_reply(struct request *request, const char *path) {
  for (size_t i = 0; i < sizeof(controls) / sizeof(*controls); i++) {
    const struct control *control = &controls[i];
    size_t len = strlen(control->path);
    if (strcmp(control->method, request->method) == 0 &&
        strncmp(control->path, path, len) == 0 &&
        (control->prefix || path[len] == '\0'))
      return control->answer(request, path + len);
  }
  return reply_error(MHD_HTTP_NOT_FOUND, "no such control");
}

static void answer_control(struct request *request) {
  char *path = copy_text(request->uri);
  path[strcspn(path, "?")] = '\0';
  prepare_answer(request, &no_plan, control_reply(request, path));
  free(path);
}

/* ---- what the HTTP library calls --------------------------------------- */

static bool is_control(const char *uri) {
  static const char prefix[] = "/simulator";
  size_t len = sizeof(prefix) - 1;
  return strncmp(uri, prefix, len) == 0 && strchr("/?", uri[len]) != NULL;
}

/* Called first of all, with the only sight of the URI as it was sent. */
static void *on_uri(void *cls, const char *uri,
                    struct MHD_Connection *connection) {
  struct request *request = new_zeroed(sizeof(*request));
  (void)cls;
  request->connection = connection;
  request->uri = copy_text(uri);
  return request;
}

static enum MHD_Result keep_header(void *cls, enum MHD_ValueKind kind,
                                   const char *name, const char *value) {
  struct json_object *headers = cls, *old;
  (void)kind;
  if (strcasecmp(name, "x-api-key") == 0)
    value = "present";
  if (value == NULL)
    value = "";
  if (!json_object_object_get_ex(headers, name, &old)) {
    json_set(headers, name, json_text(value));
    return MHD_YES;
  }
  char *both = format_text("%s, %s", json_object_get_string(old), value);
  json_set(headers, name, json_text(both));
  free(both);
  return MHD_YES;
}

static void count_connection(struct MHD_Connection *connection) {
  struct peer *peer =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
          ->socket_context;
  if (peer == NULL || peer->counted)
    return;
  peer->counted = true;
  sim.connections++;
  if (++sim.connections_open > sim.connections_peak)
    sim.connections_peak = sim.connections_open;
}

static void request_begin(struct request *request, const char *method) {
  request->begun = true;
  request->method = copy_text(method);
  request->api = !is_control(request->uri);
  if (!request->api)
    return;
  count_connection(request->connection);
  sim.requests++;
  if (++sim.in_flight > sim.in_flight_peak)
    sim.in_flight_peak = sim.in_flight;
  free(sim.last_request);
  sim.last_request = format_text("%s %s", method, request->uri);
  json_object_put(sim.last_headers);
  sim.last_headers = json_new();
  MHD_get_connection_values(request->connection, MHD_HEADER_KIND, keep_header,
                            sim.last_headers);
}

/* Called with the headers, with each part of the body, at its end, and again
   after each suspension. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_len, void **context) {
  struct request *request = *context;
  (void)cls;
  (void)connection;
  (void)url;
  (void)version;
  if (!request->begun) {
    request_begin(request, method);
    return MHD_YES;
  }
  if (*upload_len > 0) {
    if (request->upload.len + *upload_len > MAX_UPLOAD)
      return MHD_NO;
    buffer_add(&request->upload, upload, *upload_len);
    *upload_len = 0;
    return MHD_YES;
  }
  if (!request->decided) {
    request->decided = true;
    (request->api ? answer_api : answer_control)(request);
  }
  if (request->gone || sim.stopping)
    return MHD_NO;
  if (request->due > now()) {
    request_suspend(request, request->due);
    return MHD_YES;
  }
  return send_response(request);
}

static void on_completed(void *cls, struct MHD_Connection *connection,
                         void **context, enum MHD_RequestTerminationCode code) {
  struct request *request = *context;
  (void)cls;
  (void)connection;
  if (request == NULL)
    return;
  *context = NULL;
  if (request->begun && request->api) {
    sim.in_flight--;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
      sim.unanswered++;
  }
  if (request->response != NULL)
    MHD_destroy_response(request->response);
  blob_unref(request->raw);
  buffer_free(&request->upload);
  free(request->method);
  free(request->uri);
  free(request);
}

static void on_connection(void *cls, struct MHD_Connection *connection,
                          void **context,
                          enum MHD_ConnectionNotificationCode code) {
  struct peer *peer = *context;
  (void)cls;
  (void)connection;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = new_zeroed(sizeof(*peer));
    return;
  }
  if (peer != NULL && peer->counted)
    sim.connections_open--;
  free(peer);
  *context = NULL;
}

/* While running, the library complains of what the scenario made us do. */
static void on_log(void *cls, const char *format, va_list arguments) {
  (void)cls;
  if (sim.starting) {
    fputs("camb_api_simulator: ", stderr);
    vfprintf(stderr, format, arguments);
  }
}

/* ---- the program ------------------------------------------------------- */

struct options {
  uint16_t port;
  const char *port_file, *scenario, *tls_cert, *tls_key;
};

static const char help[] =
    "usage: camb_api_simulator [OPTION…]\n"
    "Plays the CAMB.AI task API on 127.0.0.1, for tests.\n"
    "\n"
    "  --port N            0, the default, takes a free one\n"
    "  --port-file FILE    gets the port number once it listens\n"
    "  --scenario FILE     the tasks and what goes wrong\n"
    "  --key KEY           an accepted key, repeatable (test-key)\n"
    "  --tls-cert FILE --tls-key FILE   HTTPS, when both are given\n"
    "  --help              this text\n"
    "\n"
    "A scenario has one command a line, '#' starts a comment:\n"
    "  task ID [PROJECT…] [PHASE…] [MISBEHAVIOUR…]\n"
    "  many PREFIX COUNT [PROJECT…] [PHASE…] [MISBEHAVIOUR…]\n"
    "  create [PROJECT…] [PHASE…] [MISBEHAVIOUR…]    what POST makes\n"
    "  all | results | next COUNT [MISBEHAVIOUR…]\n"
    "  forget ID | key KEY | seed N | start at=launch|asked\n"
    "PROJECT: kind=KIND name=TEXT duration=SECONDS clock=launch|asked\n"
    "PHASE: pending=SECONDS, then one of success=RUN_ID|auto error=REASON\n"
    "  timeout payment_required status=TEXT, with message=TEXT\n"
    "MISBEHAVIOUR: latency=SECONDS http=CODE header=\"NAME: VALUE\" "
    "body=BYTES\n"
    "  body-file=PATH content-type=TYPE redirect=URL cut=before|middle\n"
    "  silence raw=BYTES drip=SECONDS echo-key chance=FRACTION\n"
    "Control: GET /simulator[?tasks], GET /simulator/tasks/ID,\n"
    "  POST /simulator/scenario (lines), POST /simulator/reset\n";

static int complain_usage(const char *text) {
  fprintf(stderr, "camb_api_simulator: %s (see --help)\n", text);
  return EXIT_USAGE;
}

enum option_code {
  PORT = 1,
  PORT_FILE,
  SCENARIO,
  KEY,
  TLS_CERT,
  TLS_KEY,
  HELP
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, PORT},
    {"port-file", required_argument, NULL, PORT_FILE},
    {"scenario", required_argument, NULL, SCENARIO},
    {"key", required_argument, NULL, KEY},
    {"tls-cert", required_argument, NULL, TLS_CERT},
    {"tls-key", required_argument, NULL, TLS_KEY},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0}};

/* Returns an exit status, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *options) {
  uint64_t port;
  int option;
  while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
    switch (option) {
    case PORT:
      if (!parse_integer(optarg, UINT16_MAX, &port))
        return complain_usage("--port needs a number from 0 to 65535");
      options->port = (uint16_t)port;
      break;
    case PORT_FILE:
      options->port_file = optarg;
      break;
    case SCENARIO:
      options->scenario = optarg;
      break;
    case KEY:
      add_key(optarg);
      break;
    case TLS_CERT:
      options->tls_cert = optarg;
      break;
    case TLS_KEY:
      options->tls_key = optarg;
      break;
    case HELP:
      fputs(help, stdout);
      return EXIT_SUCCESS;
    default:
      return EXIT_USAGE; /* getopt has said it */
    }
  if (optind < argc)
    return complain_usage("too many arguments");
  if ((options->tls_cert == NULL) != (options->tls_key == NULL))
    return complain_usage("--tls-cert and --tls-key go together");
  return -1;
}

static bool complain_file(const char *path) {
  fprintf(stderr, "camb_api_simulator: %s: %s\n", path, strerror(errno));
  return false;
}

static bool load_scenario(const char *path) {
  struct blob *text = read_file(path);
  if (text == NULL)
    return complain_file(path);
  const char *slash = strrchr(path, '/');
  char *directory =
      slash != NULL ? must(strndup(path, (size_t)(slash - path) + 1)) : NULL;
  char *error = apply_scenario(path, directory, text->data, text->len);
  if (error != NULL)
    fprintf(stderr, "%s\n", error);
  bool good = error == NULL;
  free(error);
  free(directory);
  blob_unref(text);
  return good;
}

static void sim_init(void) {
  sim.epoll = sim.signals = -1;
  sim.tasks = must(lh_kchar_table_new(1024, free_task_entry));
  sim.runs = must(lh_kchar_table_new(1024, NULL));
  sim.next_run = FIRST_AUTO_RUN;
  sim.next_tail = &sim.next;
  sim.launched = now();
  sim.create = spec_new();
  sim.create->pending = 5 * SECOND;
  sim.create->outcome = SUCCESS;
}

static void sim_free(void) {
  if (sim.tasks != NULL)
    lh_table_free(sim.tasks); /* its entries leave the runs */
  if (sim.runs != NULL)
    lh_table_free(sim.runs);
  while (sim.next != NULL)
    drop_next();
  spec_unref(sim.create);
  spec_unref(sim.all);
  spec_unref(sim.results);
  drop_keys();
  free(sim.keys);
  free(sim.heap);
  free(sim.last_request);
  json_object_put(sim.last_headers);
  if (sim.epoll >= 0)
    close(sim.epoll);
  if (sim.signals >= 0)
    close(sim.signals);
}

static bool watch(int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
  return epoll_ctl(sim.epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Signals come as events, so that none is lost between a test and a wait. */
static bool watch_signals(void) {
  sigset_t set;
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sim.epoll = epoll_create1(EPOLL_CLOEXEC);
  if (sim.epoll < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
    return false;
  sim.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  return sim.signals >= 0 && watch(sim.signals, &sim.signals);
}

/* As many connections as descriptors: a test may open thousands. */
static unsigned connection_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 512;
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_cur > 65536)
    limit.rlim_cur = 65536;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > (rlim_t)2 * SPARE_DESCRIPTORS
             ? (unsigned)limit.rlim_cur - SPARE_DESCRIPTORS
             : SPARE_DESCRIPTORS;
}

static struct MHD_Daemon *start_daemon(uint16_t port, char *cert, char *key) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, cert},
                                 {MHD_OPTION_HTTPS_MEM_KEY, 0, key},
                                 {MHD_OPTION_END, 0, NULL}};
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  if (cert != NULL)
    flags |= MHD_USE_TLS;
  else
    tls[0].option = MHD_OPTION_END;
  sim.starting = true;
  errno = 0;
  struct MHD_Daemon *daemon = MHD_start_daemon(
      flags, port, NULL, NULL, on_request, NULL, /* first of the options: */
      MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_SOCK_ADDR, &address,
      MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
      MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)LISTEN_BACKLOG,
      MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED,
      on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
      MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
  sim.starting = false;
  if (daemon == NULL)
    fprintf(stderr, "camb_api_simulator: can't listen on 127.0.0.1:%u%s%s\n",
            port, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
  return daemon;
}

static bool start_listening(const struct options *options) {
  struct blob *cert = NULL, *key = NULL;
  bool good = true;
  if (options->tls_cert != NULL) {
    cert = read_file(options->tls_cert);
    if (cert == NULL)
      good = complain_file(options->tls_cert);
    key = good ? read_file(options->tls_key) : NULL;
    if (good && key == NULL)
      good = complain_file(options->tls_key);
  }
  if (good)
    sim.daemon = start_daemon(options->port, cert ? cert->data : NULL,
                              key ? key->data : NULL);
  blob_unref(cert);
  blob_unref(key);
  if (sim.daemon == NULL)
    return false;
  int fd = MHD_get_daemon_info(sim.daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  return watch(fd, sim.daemon);
}

/* Renamed into place, so that who sees the file sees all of it. */
static bool write_port_file(const char *path, unsigned port) {
  char *temporary = format_text("%s.tmp", path);
  FILE *file = fopen(temporary, "w");
  bool good = file != NULL && fprintf(file, "%u\n", port) > 0;
  if (file != NULL && fclose(file) != 0)
    good = false;
  if (good && rename(temporary, path) != 0)
    good = false;
  if (!good)
    complain_file(path);
  free(temporary);
  return good;
}

static bool announce(const struct options *options) {
  unsigned port =
      MHD_get_daemon_info(sim.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
  printf("listening on http%s://127.0.0.1:%u\n",
         options->tls_cert != NULL ? "s" : "", port);
  fflush(stdout);
  return options->port_file == NULL ||
         write_port_file(options->port_file, port);
}

/* Milliseconds until something is due, rounded up; -1 for ever. */
static int wait_time(void) {
  MHD_UNSIGNED_LONG_LONG library;
  int64_t wait = INT32_MAX;
  if (MHD_get_timeout(sim.daemon, &library) == MHD_YES &&
      library < (MHD_UNSIGNED_LONG_LONG)wait)
    wait = (int64_t)library;
  if (sim.heap_count > 0 && heap_at(1)->due != NEVER) {
    usec left = heap_at(1)->due - now();
    int64_t ms = left > 0 ? (left + 999) / 1000 : 0;
    wait = ms < wait ? ms : wait;
  }
  return wait == INT32_MAX ? -1 : (int)wait;
}

static void on_event(const struct epoll_event *event) {
  void *what = event->data.ptr;
  if (what == &sim.signals) {
    sim.stopping = true;
  } else if (what != sim.daemon) {
    struct request *request = what; /* its client has gone away */
    request->gone = true;
    request_resume(request);
  }
}

static void run(void) {
  struct epoll_event events[EVENTS_AT_ONCE];
  while (!sim.stopping) {
    int count = epoll_wait(sim.epoll, events, EVENTS_AT_ONCE, wait_time());
    for (int i = 0; i < count; i++)
      on_event(&events[i]);
    resume_due();
    MHD_run(sim.daemon);
  }
}

static void stop_daemon(void) {
  sim.stopping = true;
  while (sim.heap_count > 0)
    request_resume(heap_at(1)); /* the library can't stop suspended ones */
  MHD_stop_daemon(sim.daemon);
}

int main(int argc, char **argv) {
  struct options options = {0};
  sim_init();
  int status = read_options(argc, argv, &options);
  if (sim.key_count == 0)
    add_key("test-key");
  if (status < 0) {
    status = EXIT_FAILURE;
    if ((options.scenario == NULL || load_scenario(options.scenario)) &&
        watch_signals() && start_listening(&options)) {
      if (announce(&options)) {
        status = EXIT_SUCCESS;
        run();
      }
      stop_daemon();
    }
  }
  sim_free();
  return status;
}
