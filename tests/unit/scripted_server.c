/* SPDX-License-Identifier: MIT */
#include "scripted_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define CONNECTIONS_MAX 1024

struct connection {
  struct scripted_server *server;
  size_t number;
  int socket;
  pthread_t thread;
  bool busy, closed; /* a request is under way; there is no socket any more */
};

struct scripted_server {
  scripted_script script;
  void *context;
  int socket;
  unsigned port;
  pthread_t thread;

  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool stopping, released;
  struct connection connections[CONNECTIONS_MAX];
  size_t connection_count;
  char **heads;
  size_t request_count;
  size_t under_way, peak;
};

static void lock(struct scripted_server *server) {
  pthread_mutex_lock(&server->mutex);
}

static void unlock(struct scripted_server *server) {
  pthread_cond_broadcast(&server->changed);
  pthread_mutex_unlock(&server->mutex);
}

/* --- Connections ---------------------------------------------------------- */

/* Reads up to the empty line that ends a request. Returns false at the
 * connection's end. What is no HTTP at all counts as a whole request of size
 * 0. */
static bool read_head(int socket, char head[HEAD_MAX + 1]) {
  size_t size = 0;
  head[0] = '\0';
  while (strstr(head, "\r\n\r\n") == NULL) {
    ssize_t got = recv(socket, head + size, HEAD_MAX - size, 0);
    if (got <= 0)
      return false;
    size += (size_t)got;
    head[size] = '\0';
    if (head[0] < 'A' || head[0] > 'Z') {
      head[0] = '\0';
      return true;
    }
  }
  return true;
}

static void send_all(int socket, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = send(socket, bytes, size, MSG_NOSIGNAL);
    if (sent <= 0)
      return;
    bytes += sent;
    size -= (size_t)sent;
  }
}

static size_t record(struct scripted_server *server, const char *head) {
  lock(server);
  size_t number = server->request_count;
  char **heads = realloc(server->heads, (number + 1) * sizeof(*server->heads));
  char *copy = strdup(head);
  if (heads == NULL || copy == NULL)
    abort();
  heads[number] = copy;
  server->heads = heads;
  server->request_count++;
  if (++server->under_way > server->peak)
    server->peak = server->under_way;
  unlock(server);
  return number;
}

/* Answers one request. Returns what becomes of the connection. */
static enum scripted_end answer_request(struct connection *connection,
                                        size_t nth, const char *head) {
  struct scripted_server *server = connection->server;
  struct scripted_answer answer = {NULL, 0, SCRIPTED_KEEP};
  struct scripted_request request = {.number = record(server, head),
                                     .connection = connection->number,
                                     .nth = nth,
                                     .head = head};
  server->script(server, &request, &answer, server->context);
  lock(server);
  server->under_way--;
  unlock(server);
  if (answer.size > 0)
    send_all(connection->socket, answer.bytes, answer.size);
  free(answer.bytes);
  return answer.end;
}

static void set_busy(struct connection *connection, bool busy) {
  lock(connection->server);
  connection->busy = busy;
  unlock(connection->server);
}

static void close_connection(struct connection *connection, bool reset) {
  static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (reset)
    setsockopt(connection->socket, SOL_SOCKET, SO_LINGER, &at_once,
               sizeof(at_once));
  lock(connection->server);
  close(connection->socket);
  connection->closed = true;
  unlock(connection->server);
}

static void *connection_main(void *argument) {
  static const char not_http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
  struct connection *connection = argument;
  char head[HEAD_MAX + 1];
  enum scripted_end end = SCRIPTED_KEEP;
  for (size_t nth = 0;
       end == SCRIPTED_KEEP && read_head(connection->socket, head); nth++) {
    if (head[0] == '\0') {
      send_all(connection->socket, not_http, strlen(not_http));
      break;
    }
    set_busy(connection, true);
    end = answer_request(connection, nth, head);
    set_busy(connection, false);
  }
  close_connection(connection, end == SCRIPTED_RESET);
  return NULL;
}

/* --- The server ----------------------------------------------------------- */

static void start_connection(struct scripted_server *server, int socket) {
  lock(server);
  if (server->connection_count == CONNECTIONS_MAX)
    abort();
  struct connection *connection =
      &server->connections[server->connection_count];
  *connection = (struct connection){
      .server = server, .number = server->connection_count++, .socket = socket};
  if (pthread_create(&connection->thread, NULL, connection_main, connection) !=
      0)
    abort();
  unlock(server);
}

static void *server_main(void *argument) {
  struct scripted_server *server = argument;
  for (;;) {
    int socket = accept(server->socket, NULL, NULL);
    if (socket >= 0)
      start_connection(server, socket);
    else if (errno != ECONNABORTED && errno != EINTR)
      return NULL; /* it was shut down */
  }
}

/* A socket bound to a free port of the loopback interface, -1 on failure. */
static int bind_socket(unsigned *port) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bound < 0)
    return -1;
  if (bind(bound, (struct sockaddr *)&address, sizeof(address)) != 0 ||
      getsockname(bound, (struct sockaddr *)&address, &size) != 0) {
    close(bound);
    return -1;
  }
  *port = ntohs(address.sin_port);
  return bound;
}

struct scripted_server *scripted_server_start(scripted_script script,
                                              void *context) {
  struct scripted_server *server = calloc(1, sizeof(*server));
  pthread_condattr_t attributes;
  if (server == NULL)
    return NULL;
  server->script = script;
  server->context = context;
  pthread_mutex_init(&server->mutex, NULL);
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&server->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  server->socket = bind_socket(&server->port);
  if (server->socket < 0 || listen(server->socket, 128) != 0 ||
      pthread_create(&server->thread, NULL, server_main, server) != 0)
    abort();
  return server;
}

void scripted_server_stop(struct scripted_server *server) {
  if (server == NULL)
    return;
  lock(server);
  server->stopping = true;
  unlock(server);
  shutdown(server->socket, SHUT_RDWR);
  pthread_join(server->thread, NULL);
  lock(server);
  for (size_t i = 0; i < server->connection_count; i++)
    if (!server->connections[i].closed)
      shutdown(server->connections[i].socket, SHUT_RDWR);
  unlock(server);
  for (size_t i = 0; i < server->connection_count; i++)
    pthread_join(server->connections[i].thread, NULL);
  close(server->socket);
  for (size_t i = 0; i < server->request_count; i++)
    free(server->heads[i]);
  free(server->heads);
  pthread_cond_destroy(&server->changed);
  pthread_mutex_destroy(&server->mutex);
  free(server);
}

unsigned scripted_server_port(const struct scripted_server *server) {
  return server->port;
}

/* --- For scripts ---------------------------------------------------------- */

void scripted_answer_bytes(struct scripted_answer *answer, const char *bytes,
                           size_t size) {
  free(answer->bytes);
  answer->bytes = malloc(size + 1);
  if (answer->bytes == NULL)
    abort();
  memcpy(answer->bytes, bytes, size);
  answer->size = size;
}

void scripted_answer_http(struct scripted_answer *answer, int status,
                          const char *headers, const char *body) {
  free(answer->bytes);
  int size = asprintf(&answer->bytes,
                      "HTTP/1.1 %d Scripted\r\nContent-Length: %zu\r\n"
                      "Content-Type: application/json\r\n%s\r\n%s",
                      status, strlen(body), headers, body);
  if (size < 0)
    abort();
  answer->size = (size_t)size;
}

void scripted_server_hold(struct scripted_server *server) {
  lock(server);
  while (!server->stopping && !server->released)
    pthread_cond_wait(&server->changed, &server->mutex);
  unlock(server);
}

/* --- For the test's own thread -------------------------------------------- */

void scripted_server_release(struct scripted_server *server) {
  lock(server);
  server->released = true;
  unlock(server);
}

void scripted_server_close_idle(struct scripted_server *server) {
  lock(server);
  for (size_t i = 0; i < server->connection_count; i++) {
    struct connection *connection = &server->connections[i];
    while (connection->busy)
      pthread_cond_wait(&server->changed, &server->mutex);
    if (!connection->closed)
      shutdown(connection->socket, SHUT_RDWR);
    while (!connection->closed)
      pthread_cond_wait(&server->changed, &server->mutex);
  }
  unlock(server);
}

size_t scripted_server_requests(struct scripted_server *server) {
  lock(server);
  size_t count = server->request_count;
  unlock(server);
  return count;
}

size_t scripted_server_connections(struct scripted_server *server) {
  lock(server);
  size_t count = server->connection_count;
  unlock(server);
  return count;
}

size_t scripted_server_peak(struct scripted_server *server) {
  lock(server);
  size_t peak = server->peak;
  unlock(server);
  return peak;
}

bool scripted_server_await(struct scripted_server *server, size_t requests) {
  struct timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += PATIENCE / 1000;
  lock(server);
  while (server->request_count < requests && !server->stopping &&
         pthread_cond_timedwait(&server->changed, &server->mutex, &deadline) ==
             0)
    ;
  bool came = server->request_count >= requests;
  unlock(server);
  return came;
}

const char *scripted_server_head(struct scripted_server *server,
                                 size_t number) {
  lock(server);
  const char *head =
      number < server->request_count ? server->heads[number] : "";
  unlock(server);
  return head;
}

/* The port is bound by us, and stays so until the process ends, but nobody
 * listens at it. */
unsigned scripted_refusing_port(void) {
  static unsigned port;
  if (port == 0 && bind_socket(&port) < 0)
    abort();
  return port;
}
