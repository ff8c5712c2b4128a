/* SPDX-License-Identifier: MIT */
/* GET requests to the API, many at once, over one pool of connections shared by
 * all of them: HTTP/2 streams where the server has HTTP/2, else HTTP/1.1 with
 * keep-alive. All functions belong to one thread, but for http_client_wake. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ERROR_SIZE 256        /* bytes with the terminator */
#define HTTP_RETRY_AFTER_MAX 3600L /* seconds */

/* Initialises libcurl. To be called once, while the process still has a single
 * thread (collectd: in the init callback); never undone, since other plugins
 * use libcurl too. Returns false on failure. */
bool http_client_global_init(void);

/* What the value of a Retry-After header (RFC 9110 section 10.2.3) asks for:
 * how many seconds to wait, 1 to HTTP_RETRY_AFTER_MAX, to which more is cut. 0
 * if it asks for nothing: no time at all, a date that is past, or neither
 * seconds nor a date. now: seconds since the epoch. */
long http_retry_after(const char *value, int64_t now);

/* Options of the requests to a server; the strings belong to the caller and
 * outlive the client. */
struct http_options {
  const char *proxy;   /* NULL: by the environment; "": none */
  const char *ca_cert; /* file of trusted certificates; NULL: the system's */
  bool verify_peer, verify_host;
  long timeout; /* milliseconds, connecting included, but not waiting for a
                   connection or stream that other requests use */
};

/* How a request ended. Valid during the callback only. */
struct http_result {
  const char *api_key; /* that the request was sent with */
  /* OUTCOME_OK for a whole 2xx answer, whatever is in it */
  enum outcome outcome;
  long status;      /* the HTTP status, 0 if no whole answer came */
  const char *body; /* its bytes, not terminated */
  size_t body_size;
  const char *error; /* what went wrong below HTTP, "" if nothing */
  double seconds;    /* from the sending, connecting included, to the end */
  /* what the answer asks for by Retry-After, whatever its status: seconds, 1 to
   * HTTP_RETRY_AFTER_MAX; 0: nothing, or no whole answer came */
  long retry_after;
};

/* Called exactly once for each accepted request; result is NULL when the
 * request was cancelled by http_client_free. The callback must not call the
 * client. */
typedef void (*http_done)(void *context, const struct http_result *result);

/* A server that requests are made to, and what its answers have shown of it.
 * Belongs to its client. */
struct http_server;

struct http_client;

/* A client with at most so many requests at once, whose answers may be of at
 * most so many bytes; a larger one is cut off and is OUTCOME_INVALID. Servers
 * of HTTP/2 get a connection for each 100 requests, and more while their
 * streams do not suffice, as long as no server speaks HTTP/1.1, which needs one
 * for each request. NULL on failure. */
struct http_client *http_client_create(size_t requests_max, size_t body_max);

/* Cancels what is under way, with its callbacks; frees the servers. */
void http_client_free(struct http_client *client);

/* Adds a server with the options of all requests to it, the first of which
 * shows what it speaks. NULL when out of memory. */
struct http_server *http_client_add_server(struct http_client *client,
                                           const struct http_options *options);

/* Whether another request to a server should be started that has so many under
 * way: until its first answer has shown what it speaks, only so many are
 * started as one connection of HTTP/2 takes, since libcurl would open one more
 * connection for each above that. */
bool http_client_has_room(const struct http_server *server, long under_way);

/* Starts a request, with the key in the header x-api-key. Nothing is kept of
 * the arguments but the context. Redirects are not followed: the key would
 * travel along. A request that fails on a connection that had been used before,
 * without a line of its answer, is sent once more, at once: servers close idle
 * connections, and may do so just then. Requests to a server that has become
 * silent use connections of their own, until one of them is answered: the one
 * of HTTP/2 that all share may be dead without either end's knowing. Returns
 * false when the request could not be started, and then there is no callback.
 */
bool http_client_get(struct http_server *server, const char *url,
                     const char *api_key, http_done done, void *context);

/* Does what there is to do, waiting for it at most so many milliseconds or
 * until http_client_wake; calls the callbacks of the requests that ended. */
void http_client_run(struct http_client *client, int timeout);

/* Ends the waiting of http_client_run, or of the next one. From any thread. */
void http_client_wake(struct http_client *client);

#endif
