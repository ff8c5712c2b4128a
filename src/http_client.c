/* SPDX-License-Identifier: MIT */
#include "http_client.h"

#include <curl/curl.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* libcurl's own default for a server that has not said how many streams it
 * allows (CURLMOPT_MAX_CONCURRENT_STREAMS), and what RFC 9113 recommends as the
 * least. */
#define STREAMS_PER_CONNECTION 100
/* How exactly time-outs are kept, milliseconds, and how often a connection may
 * be added. */
#define TIME_RESOLUTION 100L
/* How long answers gather, milliseconds: libcurl looks at all transfers each
 * time that it does anything for one. */
#define GATHERING_TIME 1L
#define SENDS_MAX 2 /* of a request, whether libcurl or we send it again */
#define KEY_HEADER "x-api-key: "
#define RETRY_AFTER_HEADER "Retry-After:"
#define RETRY_AFTER_SIZE 129   /* bytes of its value, with the terminator */
#define BODY_SIZE_KEPT 65536UL /* of a transfer's buffer, between requests */

/* A request and the handle it is made with, which is used again and again for
 * the same server, so that all but the URL is set once. */
struct transfer {
  CURL *easy;
  struct http_server *server;
  struct transfer *next, *previous; /* previous: of the active ones only */
  struct curl_slist *headers;       /* the key's first */
  char error[CURL_ERROR_SIZE];
  char *body;
  size_t body_size, body_capacity;
  bool head_is_whole; /* of the answer */
  long retry_after;   /* of the same head; seconds */
  bool body_too_large;
  int sends;       /* how often the request was sent */
  int64_t started; /* steady clock, microseconds; 0: not sent yet */
  http_done done;
  void *context;
};

struct http_server {
  struct http_client *client;
  struct http_options options;
  struct http_server *next;
  struct transfer *idle; /* a stack */
  bool speaks_http1, speaks_http2;
  int64_t answered; /* when it last did: steady clock, microseconds */
  bool is_silent;   /* a request has timed out since */
};

struct http_client {
  CURLM *multi;
  size_t requests_max, body_max;
  struct http_server *servers;
  struct transfer *active; /* doubly linked, taken out anywhere */
  int64_t times_looked_at; /* steady clock, microseconds */
  bool saw_http1;          /* of any server */
  size_t connections;      /* that a server of HTTP/2 needs for its streams */
};

bool http_client_global_init(void) {
  return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static void add_active(struct transfer *transfer) {
  struct transfer **list = &transfer->server->client->active;
  transfer->previous = NULL;
  transfer->next = *list;
  if (*list != NULL)
    (*list)->previous = transfer;
  *list = transfer;
}

static void remove_active(struct transfer *transfer) {
  if (transfer->next != NULL)
    transfer->next->previous = transfer->previous;
  if (transfer->previous != NULL)
    transfer->previous->next = transfer->next;
  else
    transfer->server->client->active = transfer->next;
}

static void transfer_free(struct transfer *transfer) {
  curl_easy_cleanup(transfer->easy);
  curl_slist_free_all(transfer->headers);
  free(transfer->body);
  free(transfer);
}

/* libcurl's write callback: keeps the body, as far as it may go. */
static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  size *= count;
  size_t wanted = transfer->body_size + size;
  if (wanted > transfer->server->client->body_max) {
    transfer->body_too_large = true;
    return 0;
  }
  if (wanted > transfer->body_capacity) {
    size_t capacity = wanted < 2 * transfer->body_capacity
                          ? 2 * transfer->body_capacity
                          : wanted;
    char *body = realloc(transfer->body, capacity);
    if (body == NULL)
      return 0;
    transfer->body = body;
    transfer->body_capacity = capacity;
  }
  memcpy(transfer->body + transfer->body_size, bytes, size);
  transfer->body_size = wanted;
  return size;
}

long http_retry_after(const char *value, int64_t now) {
  static const char space[] = " \t";
  int64_t seconds = 0;
  value += strspn(value, space);
  size_t digits = strspn(value, "0123456789");
  if (digits > 0 && value[digits + strspn(value + digits, space)] == '\0')
    seconds = strtoll(value, NULL, 10);      /* LLONG_MAX if it is more */
  else if (isalpha((unsigned char)value[0])) /* each form has the day first */
    seconds = curl_getdate(value, NULL) - now;
  if (seconds < 0)
    return 0;
  return seconds < HTTP_RETRY_AFTER_MAX ? (long)seconds : HTTP_RETRY_AFTER_MAX;
}

/* Takes the size bytes of a header's value, with the line's end. */
static void take_retry_after(struct transfer *transfer, const char *value,
                             size_t size) {
  char text[RETRY_AFTER_SIZE] = "";
  while (size > 0 && (value[size - 1] == '\r' || value[size - 1] == '\n'))
    size--;
  if (size < sizeof(text))
    memcpy(text, value, size);
  transfer->retry_after = http_retry_after(text, time(NULL));
}

/* Whether the line of size bytes, not terminated, begins with a text, in any
 * case. */
static bool begins_with(const char *line, size_t size, const char *text) {
  return size >= strlen(text) && strncasecmp(line, text, strlen(text)) == 0;
}

/* libcurl's header callback: notes the empty line that ends a head, be it that
 * of an interim answer, or the last one, which trailers may follow. libcurl
 * itself takes an answer that breaks off in its head for a whole one. */
static size_t take_header(char *bytes, size_t size, size_t count,
                          void *context) {
  struct transfer *transfer = context;
  size *= count;
  if (begins_with(bytes, size, "HTTP/")) {
    transfer->head_is_whole = false;
    transfer->retry_after = 0;
  } else if (size > 0 && (bytes[0] == '\r' || bytes[0] == '\n')) {
    transfer->head_is_whole = true;
  } else if (!transfer->head_is_whole &&
             begins_with(bytes, size, RETRY_AFTER_HEADER)) {
    take_retry_after(transfer, bytes + strlen(RETRY_AFTER_HEADER),
                     size - strlen(RETRY_AFTER_HEADER));
  }
  return size;
}

static int64_t now_microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* How long the transfer has been connecting by itself; 0 on a connection that
 * was there. */
static int64_t connecting_time(CURL *easy) {
  curl_off_t connected = 0, secured = 0;
  curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
  curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &secured);
  return secured > connected ? secured : connected;
}

/* libcurl's callback before it sends. From here on the time-out runs: libcurl's
 * own would also run while the request waits for a stream of HTTP/2. And
 * libcurl would send again on each connection in turn that the server has
 * closed. */
static int count_send(void *context, char *remote_address, char *local_address,
                      int remote_port, int local_port) {
  struct transfer *transfer = context;
  (void)remote_address, (void)local_address, (void)remote_port,
      (void)local_port;
  if (transfer->sends == SENDS_MAX)
    return CURL_PREREQFUNC_ABORT;
  transfer->sends++;
  transfer->started = now_microseconds() - connecting_time(transfer->easy);
  return CURL_PREREQFUNC_OK;
}

/* Sets what is the same for all requests to the server. */
static bool set_up(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  const struct http_options *options = &transfer->server->options;
  bool ok =
      curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, count_send) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error) ==
          CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_USERAGENT,
                       "camb_task/" CAMB_TASK_VERSION) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
                       options->verify_peer ? 1L : 0L) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
                       options->verify_host ? 2L : 0L) == CURLE_OK &&
      curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, options->timeout) ==
          CURLE_OK;
  /* NULL would not be libcurl's own default */
  if (options->ca_cert != NULL)
    ok = ok &&
         curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_cert) == CURLE_OK;
  /* without HTTP/2 in libcurl this fails, and HTTP/1.1 does as well */
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
  /* else a look-up that hangs would hold up the daemon's shutdown */
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
  return ok;
}

static struct transfer *transfer_create(struct http_server *server) {
  struct transfer *transfer = calloc(1, sizeof(*transfer));
  if (transfer == NULL)
    return NULL;
  transfer->server = server;
  transfer->easy = curl_easy_init();
  if (transfer->easy == NULL || !set_up(transfer)) {
    transfer_free(transfer);
    return NULL;
  }
  return transfer;
}

/* A transfer that is in no list: an idle one, or else a new one. */
static struct transfer *transfer_take(struct http_server *server) {
  struct transfer *transfer = server->idle;
  if (transfer == NULL)
    return transfer_create(server);
  server->idle = transfer->next;
  return transfer;
}

/* Puts a transfer, which is in no list, to the idle ones. */
static void transfer_put(struct transfer *transfer) {
  transfer->body_size = 0;
  if (transfer->body_capacity > BODY_SIZE_KEPT) {
    free(transfer->body);
    transfer->body = NULL;
    transfer->body_capacity = 0;
  }
  transfer->next = transfer->server->idle;
  transfer->server->idle = transfer;
}

static const char *key_of(const struct transfer *transfer) {
  return transfer->headers->data + strlen(KEY_HEADER);
}

/* The headers of a request, the key's first; NULL when out of memory. */
static struct curl_slist *create_headers(const char *api_key) {
  char *line;
  if (asprintf(&line, KEY_HEADER "%s", api_key) < 0)
    return NULL;
  struct curl_slist *headers = curl_slist_append(NULL, line);
  free(line);
  if (headers != NULL &&
      curl_slist_append(headers, "Accept: application/json") != NULL)
    return headers;
  curl_slist_free_all(headers);
  return NULL;
}

/* Gives the transfer the key, unless it has it from the request before. libcurl
 * does not send the headers to a proxy that tunnels (CURLHEADER_SEPARATE is its
 * default). */
static bool set_key(struct transfer *transfer, const char *api_key) {
  if (transfer->headers != NULL && strcmp(key_of(transfer), api_key) == 0)
    return true;
  struct curl_slist *headers = create_headers(api_key);
  if (headers == NULL || curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER,
                                          headers) != CURLE_OK) {
    curl_slist_free_all(headers);
    return false;
  }
  curl_slist_free_all(transfer->headers);
  transfer->headers = headers;
  return true;
}

/* Sets what this request is. */
static bool prepare(struct transfer *transfer, const char *url,
                    const char *api_key) {
  CURL *easy = transfer->easy;
  transfer->error[0] = '\0';
  transfer->body_too_large = transfer->head_is_whole = false;
  transfer->retry_after = 0;
  transfer->sends = 0;
  transfer->started = 0;
  /* Wait for a connection that turns out to have HTTP/2, which TLS says at its
   * start. Without TLS, libcurl would wait for the first answer. */
  bool may_multiplex = strncasecmp(url, "https:", strlen("https:")) == 0;
  bool needs_connection = transfer->server->is_silent;
  return set_key(transfer, api_key) &&
         curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT,
                          needs_connection ? 1L : 0L) == CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_PIPEWAIT, may_multiplex ? 1L : 0L) ==
             CURLE_OK &&
         curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

bool http_client_get(struct http_server *server, const char *url,
                     const char *api_key, http_done done, void *context) {
  struct transfer *transfer = transfer_take(server);
  if (transfer == NULL)
    return false;
  transfer->done = done;
  transfer->context = context;
  if (!prepare(transfer, url, api_key) ||
      curl_multi_add_handle(server->client->multi, transfer->easy) !=
          CURLM_OK) {
    transfer_put(transfer);
    return false;
  }
  add_active(transfer);
  return true;
}

static enum outcome outcome_of_failure(CURLcode code) {
  switch (code) {
  case CURLE_OPERATION_TIMEDOUT:
    return OUTCOME_TIMEOUT;
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
    return OUTCOME_RESOLVE;
  case CURLE_COULDNT_CONNECT:
    return OUTCOME_CONNECT;
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_USE_SSL_FAILED:
    return OUTCOME_TLS;
  default:
    return OUTCOME_NETWORK;
  }
}

/* Whether a server that closes an idle connection can be the reason. */
static bool should_send_again(const struct transfer *transfer, CURLcode code) {
  long connects = 0, header_size = 0;
  if (transfer->sends >= SENDS_MAX ||
      (code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR &&
       code != CURLE_GOT_NOTHING && code != CURLE_HTTP2 &&
       code != CURLE_HTTP2_STREAM))
    return false;
  return curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &connects) ==
             CURLE_OK &&
         curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE,
                           &header_size) == CURLE_OK &&
         connects == 0 && header_size == 0;
}

/* Learns from the transfer, which has ended by code, what its server speaks and
 * whether it does. */
static void learn(struct transfer *transfer, CURLcode code) {
  struct http_server *server = transfer->server;
  long version = CURL_HTTP_VERSION_NONE;
  curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_VERSION, &version);
  if (version != CURL_HTTP_VERSION_NONE) {
    server->speaks_http1 = version < CURL_HTTP_VERSION_2_0;
    server->speaks_http2 = !server->speaks_http1;
  }
  if (transfer->head_is_whole) {
    server->answered = now_microseconds();
    server->is_silent = false;
  } else if (code == CURLE_OPERATION_TIMEDOUT && transfer->started > 0 &&
             server->answered < transfer->started) {
    server->is_silent = true;
  }
}

/* Whether the connections to a server can be capped to what its streams need:
 * libcurl's cap is one for all servers, and HTTP/1.1 needs one a request. */
static bool can_cap(const struct http_server *server) {
  return server->speaks_http2 && !server->client->saw_http1;
}

/* Caps the connections to each host, all alike. Without the cap libcurl opens
 * one more connection for each request above the streams of one. */
static void cap_connections(const struct http_server *server) {
  struct http_client *client = server->client;
  client->saw_http1 = client->saw_http1 || server->speaks_http1;
  curl_multi_setopt(
      client->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
      (long)(can_cap(server) ? client->connections : client->requests_max));
}

/* What went wrong below HTTP. */
static const char *error_text(const struct transfer *transfer, CURLcode code) {
  if (transfer->body_too_large)
    return "the answer is too large";
  if (code == CURLE_OPERATION_TIMEDOUT && transfer->started > 0)
    return "no answer within Timeout";
  if (code == CURLE_ABORTED_BY_CALLBACK)
    return "connections were closed before the answer came";
  if (code == CURLE_OK)
    return "the connection was closed in the head of the answer";
  return transfer->error[0] != '\0' ? transfer->error
                                    : curl_easy_strerror(code);
}

/* 101 ends HTTP, and libcurl's transfer in an error; it is an answer still. */
static bool is_answered(const struct transfer *transfer, CURLcode code,
                        long status) {
  return transfer->head_is_whole &&
         (code == CURLE_OK || transfer->body_too_large || status == 101);
}

static void fill_result(const struct transfer *transfer, CURLcode code,
                        struct http_result *result) {
  curl_off_t microseconds = 0;
  long status = 0;
  if (transfer->started > 0)
    microseconds = now_microseconds() - transfer->started;
  else
    curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
  curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
  *result = (struct http_result){.api_key = key_of(transfer),
                                 .body = transfer->body,
                                 .error = "",
                                 .seconds = (double)microseconds / 1e6};
  if (!is_answered(transfer, code, status)) {
    result->outcome = outcome_of_failure(code);
    result->error = error_text(transfer, code);
    return;
  }
  result->status = status;
  result->outcome = outcome_of_http_status(status);
  result->body_size = transfer->body_size;
  result->retry_after = transfer->retry_after;
  if (!transfer->body_too_large)
    return;
  result->error = error_text(transfer, code);
  if (result->outcome == OUTCOME_OK)
    result->outcome = OUTCOME_INVALID;
}

/* The transfer, which is active, has ended by code. */
static void finish(struct transfer *transfer, CURLcode code) {
  struct http_client *client = transfer->server->client;
  curl_multi_remove_handle(client->multi, transfer->easy);
  if (should_send_again(transfer, code)) {
    transfer->error[0] = '\0';
    if (curl_multi_add_handle(client->multi, transfer->easy) == CURLM_OK)
      return;
  }
  struct http_result result;
  learn(transfer, code);
  cap_connections(transfer->server);
  fill_result(transfer, code, &result);
  remove_active(transfer);
  transfer->done(transfer->context, &result);
  transfer_put(transfer);
}

bool http_client_has_room(const struct http_server *server, long under_way) {
  return server->speaks_http1 || can_cap(server) ||
         under_way < STREAMS_PER_CONNECTION;
}

/* Whether the transfer waits for a stream of HTTP/2, and not for the server,
 * which has answered since. */
static bool lacks_stream(const struct transfer *transfer, int64_t since) {
  return transfer->started == 0 && can_cap(transfer->server) &&
         transfer->server->answered > since;
}

static bool is_overdue(const struct transfer *transfer, int64_t now) {
  return transfer->started > 0 &&
         now - transfer->started >=
             transfer->server->options.timeout * (int64_t)1000;
}

/* Looks now and then at how long the transfers take: ends the overdue ones, and
 * grants one more connection while some lack a stream, since their server may
 * allow fewer streams than expected. */
static void look_at_times(struct http_client *client) {
  int64_t now = now_microseconds(), before = client->times_looked_at;
  bool some_lack_stream = false;
  if (now - before < TIME_RESOLUTION * 1000)
    return;
  client->times_looked_at = now;
  for (struct transfer *next, *transfer = client->active; transfer != NULL;
       transfer = next) {
    next = transfer->next;
    some_lack_stream = some_lack_stream || lacks_stream(transfer, before);
    if (is_overdue(transfer, now))
      finish(transfer, CURLE_OPERATION_TIMEDOUT);
  }
  if (some_lack_stream && client->connections < client->requests_max)
    client->connections++;
}

static void sleep_milliseconds(long milliseconds) {
  struct timespec time = {.tv_nsec = milliseconds * 1000000};
  nanosleep(&time, NULL);
}

/* Waits until there is something to do for libcurl, and does it. */
static CURLMcode wait_and_perform(CURLM *multi, int timeout) {
  int ready, running;
  CURLMcode code = curl_multi_poll(multi, NULL, 0, timeout, &ready);
  if (code != CURLM_OK)
    return code;
  if (ready > 0)
    sleep_milliseconds(GATHERING_TIME);
  return curl_multi_perform(multi, &running);
}

void http_client_run(struct http_client *client, int timeout) {
  int left;
  struct CURLMsg *message;
  if (client->active != NULL && timeout > TIME_RESOLUTION)
    timeout = (int)TIME_RESOLUTION;
  /* when libcurl fails, say out of memory, the caller must not spin */
  if (wait_and_perform(client->multi, timeout) != CURLM_OK)
    sleep_milliseconds(TIME_RESOLUTION);
  while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
    struct transfer *transfer;
    CURLcode code = message->data.result;
    if (message->msg == CURLMSG_DONE &&
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer) ==
            CURLE_OK)
      finish(transfer, code);
  }
  look_at_times(client);
}

void http_client_wake(struct http_client *client) {
  curl_multi_wakeup(client->multi);
}

struct http_client *http_client_create(size_t requests_max, size_t body_max) {
  struct http_client *client = calloc(1, sizeof(*client));
  if (client == NULL)
    return NULL;
  client->requests_max = requests_max;
  client->connections =
      (requests_max + STREAMS_PER_CONNECTION - 1) / STREAMS_PER_CONNECTION;
  client->body_max = body_max;
  client->multi = curl_multi_init();
  if (client->multi == NULL) {
    free(client);
    return NULL;
  }
  curl_multi_setopt(client->multi, CURLMOPT_PIPELINING,
                    (long)CURLPIPE_MULTIPLEX);
  curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)requests_max);
  curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    (long)requests_max);
  return client;
}

struct http_server *http_client_add_server(struct http_client *client,
                                           const struct http_options *options) {
  struct http_server *server = calloc(1, sizeof(*server));
  if (server == NULL)
    return NULL;
  server->client = client;
  server->options = *options;
  server->next = client->servers;
  client->servers = server;
  return server;
}

static void server_free(struct http_server *server) {
  while (server->idle != NULL) {
    struct transfer *next = server->idle->next;
    transfer_free(server->idle);
    server->idle = next;
  }
  free(server);
}

void http_client_free(struct http_client *client) {
  if (client == NULL)
    return;
  while (client->active != NULL) {
    struct transfer *transfer = client->active;
    curl_multi_remove_handle(client->multi, transfer->easy);
    remove_active(transfer);
    transfer->done(transfer->context, NULL);
    transfer_put(transfer);
  }
  while (client->servers != NULL) {
    struct http_server *next = client->servers->next;
    server_free(client->servers);
    client->servers = next;
  }
  curl_multi_cleanup(client->multi);
  free(client);
}
