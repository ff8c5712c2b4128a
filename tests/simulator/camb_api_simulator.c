/* SPDX-License-Identifier: MIT */
/*
 * camb_api_simulator: a stand-in for the CAMB.AI task API, for tests.
 *
 * It listens on 127.0.0.1, plays the tasks of a scenario, misbehaves where the
 * scenario says so, and counts what it was asked.
 *
 * A scenario's text is read by scenario (line, option) and changes the world
 * (tasks, each with its fate and misbehaviour; counters). A request comes by
 * server, which gets the answer from api (creation) or control, and sends it by
 * response, later by delay. The rest is tools: memory, blob, object, number.
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

#include "memory.h"
#include "number.h"
#include "scenario.h"
#include "server.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define USUAL_KEY "test-key"

enum { EXIT_USAGE = 2 };

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

/* --- The command line ----------------------------------------------------- */

enum option_code {
  PORT,
  PORT_FILE,
  SCENARIO,
  TLS_CERT,
  TLS_KEY,
  TEXT_COUNT, /* of those above, which are kept as texts */
  KEY,
  HELP,
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, PORT},
    {"port-file", required_argument, NULL, PORT_FILE},
    {"scenario", required_argument, NULL, SCENARIO},
    {"tls-cert", required_argument, NULL, TLS_CERT},
    {"tls-key", required_argument, NULL, TLS_KEY},
    {"key", required_argument, NULL, KEY},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0}};

struct options {
  const char *text[TEXT_COUNT]; /* by enum option_code, or NULL */
  uint16_t port;
};

static int complain_usage(const char *text) {
  fprintf(stderr, "camb_api_simulator: %s (see --help)\n", text);
  return EXIT_USAGE;
}

static int check_options(struct options *options) {
  uint64_t port = 0;
  if (options->text[PORT] != NULL &&
      !number_parse_integer(options->text[PORT], UINT16_MAX, &port))
    return complain_usage("--port needs a number from 0 to 65535");
  if ((options->text[TLS_CERT] == NULL) != (options->text[TLS_KEY] == NULL))
    return complain_usage("--tls-cert and --tls-key go together");
  options->port = (uint16_t)port;
  return -1;
}

/* Returns an exit status, or -1 to go on. Keys go to the world. */
static int read_options(int argc, char **argv, struct world *world,
                        struct options *options) {
  int code;
  while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    if (code == '?')
      return EXIT_USAGE; /* getopt has said it */
    if (code == HELP) {
      fputs(help, stdout);
      return EXIT_SUCCESS;
    }
    if (code == KEY)
      world_add_key(world, optarg);
    else
      options->text[code] = optarg;
  }
  return optind < argc ? complain_usage("too many arguments")
                       : check_options(options);
}

/* --- Files ---------------------------------------------------------------- */

static bool complain_file(const char *path) {
  fprintf(stderr, "camb_api_simulator: %s: %s\n", path, strerror(errno));
  return false;
}

static bool load_scenario(struct world *world, const char *path) {
  struct blob *text = blob_read_file(path);
  if (text == NULL)
    return complain_file(path);
  const char *slash = strrchr(path, '/');
  char *directory = slash != NULL
                        ? memory_must(strndup(path, (size_t)(slash - path) + 1))
                        : NULL;
  char *error = scenario_apply(world, path, directory, text->data, text->size);
  bool good = error == NULL;
  if (!good)
    fprintf(stderr, "%s\n", error);
  free(error);
  free(directory);
  blob_put(text);
  return good;
}

/* Renamed into place, so that who sees the file sees all of it. */
static bool write_port_file(const char *path, unsigned port) {
  char *temporary = memory_format("%s.tmp", path);
  FILE *file = fopen(temporary, "w");
  bool good = file != NULL && fprintf(file, "%u\n", port) > 0;
  if (file != NULL && fclose(file) != 0)
    good = false;
  if (!good || rename(temporary, path) != 0)
    good = complain_file(path);
  free(temporary);
  return good;
}

/* --- The server's life ---------------------------------------------------- */

/* Signals come as events, so that none is lost between a test and a wait.
 * Returns where. */
static int catch_signals(void) {
  sigset_t set;
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool announce(const struct server *server,
                     const struct options *options) {
  unsigned port = server_port(server);
  printf("listening on http%s://127.0.0.1:%u\n",
         options->text[TLS_CERT] != NULL ? "s" : "", port);
  fflush(stdout);
  return options->text[PORT_FILE] == NULL ||
         write_port_file(options->text[PORT_FILE], port);
}

/* No path is no TLS. */
static bool read_for_tls(const char *path, struct blob **bytes) {
  *bytes = path != NULL ? blob_read_file(path) : NULL;
  return path == NULL || *bytes != NULL || complain_file(path);
}

/* Returns the exit status. */
static int serve(struct world *world, const struct options *options) {
  int status = EXIT_FAILURE, signals = catch_signals();
  struct server *server = NULL;
  struct blob *certificate = NULL, *key = NULL;
  if (read_for_tls(options->text[TLS_CERT], &certificate) &&
      read_for_tls(options->text[TLS_KEY], &key))
    server = server_start(world, options->port, certificate, key);
  if (server != NULL && announce(server, options) &&
      server_run(server, signals))
    status = EXIT_SUCCESS;
  server_free(server);
  blob_put(certificate);
  blob_put(key);
  close(signals);
  return status;
}

int main(int argc, char **argv) {
  struct options options = {0};
  struct world world;
  world_init(&world);
  int status = read_options(argc, argv, &world, &options);
  if (STAILQ_EMPTY(&world.keys))
    world_add_key(&world, USUAL_KEY);
  if (status < 0)
    status = options.text[SCENARIO] == NULL ||
                     load_scenario(&world, options.text[SCENARIO])
                 ? serve(&world, &options)
                 : EXIT_FAILURE;
  world_clear(&world);
  return status;
}
