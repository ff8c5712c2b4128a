/* SPDX-License-Identifier: MIT */
/* An HTTP/1.1 server on the loopback interface whose every byte the test
 * decides: each connection has a thread of its own, which reads a request, asks
 * the test's script for the answer, and keeps, closes or breaks the connection
 * afterwards. What was asked is recorded. */
#ifndef SCRIPTED_SERVER_H
#define SCRIPTED_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* How long the tests wait for what has to come, milliseconds. */
#define PATIENCE 20000

struct scripted_server;

struct scripted_request {
  size_t number;     /* of the request, from 0, over all connections */
  size_t connection; /* its number, from 0 */
  size_t nth;        /* of the request on its connection, from 0 */
  const char *head;  /* the request line and headers, to the empty line */
};

enum scripted_end { SCRIPTED_KEEP, SCRIPTED_CLOSE, SCRIPTED_RESET };

/* What is to be sent, and what becomes of the connection then. */
struct scripted_answer {
  char *bytes; /* on the heap; NULL: nothing */
  size_t size;
  enum scripted_end end;
};

/* A script is called in the connections' threads, several at once. The answer
 * is empty, with SCRIPTED_KEEP, at first. */
typedef void (*scripted_script)(struct scripted_server *server,
                                const struct scripted_request *request,
                                struct scripted_answer *answer, void *context);

/* NULL on failure. */
struct scripted_server *scripted_server_start(scripted_script script,
                                              void *context);

/* Breaks all connections and ends all threads. */
void scripted_server_stop(struct scripted_server *server);

unsigned scripted_server_port(const struct scripted_server *server);

/* --- For scripts ---------------------------------------------------------- */

/* A whole answer with the length of its body. headers: further lines, each with
 * its CRLF. */
void scripted_answer_http(struct scripted_answer *answer, int status,
                          const char *headers, const char *body);

/* These bytes. */
void scripted_answer_bytes(struct scripted_answer *answer, const char *bytes,
                           size_t size);

/* Waits for scripted_server_release, or for the server's end. */
void scripted_server_hold(struct scripted_server *server);

/* --- For the test's own thread -------------------------------------------- */

/* Lets all go that hold, now and ever after. */
void scripted_server_release(struct scripted_server *server);

/* Closes the connections that no request is under way on, by a server's own
 * decision, and waits until they are closed. */
void scripted_server_close_idle(struct scripted_server *server);

/* How many there were, and how many requests at most were under way at once. */
size_t scripted_server_requests(struct scripted_server *server);
size_t scripted_server_connections(struct scripted_server *server);
size_t scripted_server_peak(struct scripted_server *server);

/* Waits with patience until so many requests have come. */
bool scripted_server_await(struct scripted_server *server, size_t requests);

/* The head of a request that has come; valid until the server is stopped. */
const char *scripted_server_head(struct scripted_server *server, size_t number);

/* --- Ports ---------------------------------------------------------------- */

/* A port where nobody listens: a connection to it is refused. */
unsigned scripted_refusing_port(void);

#endif
