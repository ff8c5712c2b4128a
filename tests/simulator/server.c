/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "api.h"
#include "control.h"
#include "memory.h"
#include "object.h"
#include "response.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
  UPLOAD_MAX = 64 * 1024 * 1024,
  LISTEN_BACKLOG = 4096,
  DESCRIPTORS_MAX = 65536,
  SPARE_DESCRIPTORS = 64,
  EVENTS_AT_ONCE = 256,
};

struct server {
  struct world *world;
  struct MHD_Daemon *daemon; /* NULL while it is being started */
  struct delays delays;
  int epoll;
};

/* A request and its answer, from the request's first line to the answer's last
 * byte. */
struct exchange {
  struct request request; /* without a method until its headers are there */
  char *uri;
  bool is_api;
  struct delay delay;
  struct response response;
  usec due; /* when the answer is to be sent */
};

/* --- A request comes in --------------------------------------------------- */

/* Called first of all, with the only sight of the URI as it was sent: later it
 * is decoded, and %2F has become a slash. */
static void *on_uri(void *context, const char *uri,
                    struct MHD_Connection *connection) {
  struct server *server = context;
  struct exchange *exchange = memory_zeroed(sizeof(*exchange));
  exchange->uri = memory_text(uri);
  exchange->request.uri = exchange->uri;
  exchange->request.upload = blob_new(NULL, 0);
  delay_init(&exchange->delay, &server->delays, connection);
  return exchange;
}

/* Keys are not shown; what comes twice is joined. */
static enum MHD_Result keep_header(void *context, enum MHD_ValueKind kind,
                                   const char *name, const char *value) {
  struct json_object *headers = context, *old;
  (void)kind;
  if (strcasecmp(name, "x-api-key") == 0)
    value = "present";
  if (value == NULL)
    value = "";
  if (!json_object_object_get_ex(headers, name, &old)) {
    object_set_text(headers, name, value);
    return MHD_YES;
  }
  char *both = memory_format("%s, %s", json_object_get_string(old), value);
  object_set_text(headers, name, both);
  free(both);
  return MHD_YES;
}

/* A connection counts from its first request to the API on. */
static void count_connection(struct counters *counters,
                             struct MHD_Connection *connection) {
  bool *is_counted =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
          ->socket_context;
  if (is_counted == NULL || *is_counted)
    return;
  *is_counted = true;
  counters->connections++;
  counters_rise(&counters->open);
}

/* The headers are there. */
static void begin(struct server *server, struct exchange *exchange,
                  struct MHD_Connection *connection, const char *method) {
  struct request *request = &exchange->request;
  request->method = method;
  request->key =
      MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "x-api-key");
  exchange->is_api = !control_is_meant(request->uri);
  if (!exchange->is_api)
    return;
  struct json_object *headers = object_new();
  MHD_get_connection_values(connection, MHD_HEADER_KIND, keep_header, headers);
  count_connection(&server->world->counters, connection);
  counters_request(&server->world->counters, method, request->uri, headers);
}

/* --- and is answered ------------------------------------------------------ */

static usec due_time(const struct misbehaviour *misbehaviour) {
  if (misbehaviour->ending == ENDING_SILENCE)
    return USEC_NEVER;
  return misbehaviour->latency > 0 ? usec_now() + misbehaviour->latency : 0;
}

/* The request is there as a whole. */
static void answer(struct server *server, struct exchange *exchange) {
  struct misbehaviour misbehaviour;
  struct reply reply;
  misbehaviour_init(&misbehaviour);
  if (exchange->is_api)
    reply = api_answer(server->world, &exchange->request, &misbehaviour);
  else
    reply = control_answer(server->world, &exchange->request);
  exchange->due = due_time(&misbehaviour);
  response_make(&exchange->response, reply, &misbehaviour, &exchange->delay);
  misbehaviour_clear(&misbehaviour);
}

static enum MHD_Result send_when_due(struct server *server,
                                     struct exchange *exchange) {
  if (exchange->delay.client_left)
    return MHD_NO;
  if (exchange->due > usec_now()) {
    delay_start(&exchange->delay, exchange->due);
    return MHD_YES;
  }
  enum MHD_Result result = response_send(&exchange->response, &exchange->delay);
  if (result == MHD_YES && exchange->is_api)
    server->world->counters.statuses[exchange->response.status]++;
  return result;
}

/* Called with the headers, with each part of the body, at its end, and again
 * after each delay. */
static enum MHD_Result on_request(void *context,
                                  struct MHD_Connection *connection,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_size, void **request_context) {
  struct server *server = context;
  struct exchange *exchange = *request_context;
  struct request *request = &exchange->request;
  (void)url;
  (void)version;
  if (request->method == NULL) {
    begin(server, exchange, connection, method);
    return MHD_YES;
  }
  if (*upload_size > 0) {
    if (request->upload->size + *upload_size > UPLOAD_MAX)
      return MHD_NO;
    request->upload = blob_append(request->upload, upload, *upload_size);
    *upload_size = 0;
    return MHD_YES;
  }
  if (exchange->response.http == NULL)
    answer(server, exchange);
  return send_when_due(server, exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection,
                         void **request_context,
                         enum MHD_RequestTerminationCode code) {
  struct server *server = context;
  struct exchange *exchange = *request_context;
  (void)connection;
  if (exchange == NULL)
    return;
  *request_context = NULL;
  if (exchange->is_api) {
    server->world->counters.in_flight.now--;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK)
      server->world->counters.unanswered++;
  }
  response_clear(&exchange->response);
  blob_put(exchange->request.upload);
  free(exchange->uri);
  free(exchange);
}

/* The context says whether the connection is counted. */
static void on_connection(void *context, struct MHD_Connection *connection,
                          void **is_counted,
                          enum MHD_ConnectionNotificationCode code) {
  struct server *server = context;
  (void)connection;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    *is_counted = memory_zeroed(sizeof(bool));
    return;
  }
  if (*is_counted != NULL && *(bool *)*is_counted)
    server->world->counters.open.now--;
  free(*is_counted);
  *is_counted = NULL;
}

/* Later on, the library complains of what the scenario makes us do. */
__attribute__((format(printf, 2, 0))) static void
on_log(void *context, const char *format, va_list arguments) {
  const struct server *server = context;
  if (server->daemon != NULL)
    return;
  fputs("camb_api_simulator: ", stderr);
  vfprintf(stderr, format, arguments);
}

/* --- The server ----------------------------------------------------------- */

/* As many connections as descriptors: a test may open thousands. */
static unsigned connection_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return SPARE_DESCRIPTORS;
  limit.rlim_cur = limit.rlim_max;
  if (limit.rlim_cur > DESCRIPTORS_MAX)
    limit.rlim_cur = DESCRIPTORS_MAX;
  setrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > (rlim_t)2 * SPARE_DESCRIPTORS
             ? (unsigned)limit.rlim_cur - SPARE_DESCRIPTORS
             : SPARE_DESCRIPTORS;
}

static struct MHD_Daemon *start_daemon(struct server *server, uint16_t port,
                                       struct blob *certificate,
                                       struct blob *key) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons(port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct MHD_OptionItem tls[3] = {{MHD_OPTION_END, 0, NULL}};
  unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  if (certificate != NULL) {
    flags |= MHD_USE_TLS;
    tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                     certificate->data};
    tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, key->data};
    tls[2].option = MHD_OPTION_END;
  }
  return MHD_start_daemon(
      flags, port, NULL, NULL, on_request, server, /* first of the options: */
      MHD_OPTION_EXTERNAL_LOGGER, on_log, server, MHD_OPTION_SOCK_ADDR,
      &address, MHD_OPTION_CONNECTION_LIMIT, connection_limit(),
      MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned)LISTEN_BACKLOG,
      MHD_OPTION_URI_LOG_CALLBACK, on_uri, server, MHD_OPTION_NOTIFY_COMPLETED,
      on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
      MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

/* The events are known by the address. */
static bool watch(const struct server *server, int descriptor, void *address) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = address};
  return epoll_ctl(server->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

struct server *server_start(struct world *world, uint16_t port,
                            struct blob *certificate, struct blob *key) {
  struct server *server = memory_zeroed(sizeof(*server));
  server->world = world;
  server->epoll = epoll_create1(EPOLL_CLOEXEC);
  delays_init(&server->delays, server->epoll);
  errno = 0;
  server->daemon = start_daemon(server, port, certificate, key);
  if (server->daemon != NULL &&
      watch(server,
            MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)
                ->epoll_fd,
            server))
    return server;
  fprintf(stderr, "camb_api_simulator: can't listen on 127.0.0.1:%u%s%s\n",
          port, errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
  server_free(server);
  return NULL;
}

unsigned server_port(const struct server *server) {
  return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

/* Milliseconds until something is due, rounded up; -1 for ever. */
static int wait_time(const struct server *server) {
  MHD_UNSIGNED_LONG_LONG library;
  int64_t wait = INT32_MAX;
  usec due = delays_next_due(&server->delays);
  if (MHD_get_timeout(server->daemon, &library) == MHD_YES &&
      library < (MHD_UNSIGNED_LONG_LONG)wait)
    wait = (int64_t)library;
  if (due != USEC_NEVER) {
    usec left = due - usec_now();
    int64_t milliseconds = left > 0 ? (left + 999) / 1000 : 0;
    wait = milliseconds < wait ? milliseconds : wait;
  }
  return wait == INT32_MAX ? -1 : (int)wait;
}

bool server_run(struct server *server, int stop) {
  struct epoll_event events[EVENTS_AT_ONCE];
  if (!watch(server, stop, NULL))
    return false;
  for (;;) {
    int count =
        epoll_wait(server->epoll, events, EVENTS_AT_ONCE, wait_time(server));
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL)
        return true;
      if (events[i].data.ptr != server)
        delay_end_without_client(events[i].data.ptr);
    }
    delays_end_due(&server->delays);
    MHD_run(server->daemon);
  }
}

void server_free(struct server *server) {
  if (server == NULL)
    return;
  if (server->daemon != NULL) {
    delays_end_all(&server->delays); /* which the library can't stop */
    MHD_stop_daemon(server->daemon);
  }
  close(server->epoll);
  free(server);
}
