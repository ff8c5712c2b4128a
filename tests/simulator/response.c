/* SPDX-License-Identifier: MIT */
#include "response.h"

#include "memory.h"
#include "object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { STREAM_BLOCK = 64 * 1024 };

/* --- A body that is dripped or cut ---------------------------------------- */

struct stream {
  struct delay *delay;
  struct blob *body;
  size_t stop; /* cut here */
  usec gap;    /* between two bytes; 0: none */
  usec next_byte;
};

static ssize_t read_stream(void *context, uint64_t position, char *to,
                           size_t size_max) {
  struct stream *stream = context;
  usec now = usec_now();
  if (stream->delay->client_left || position >= stream->stop)
    return MHD_CONTENT_READER_END_WITH_ERROR;
  size_t size = stream->stop - (size_t)position;
  if (size > size_max)
    size = size_max;
  if (stream->gap > 0) {
    if (position > 0 && now < stream->next_byte) {
      delay_start(stream->delay, stream->next_byte);
      return 0;
    }
    stream->next_byte = now + stream->gap;
    size = 1;
  }
  memcpy(to, stream->body->data + position, size);
  return (ssize_t)size;
}

static void free_stream(void *context) {
  struct stream *stream = context;
  blob_put(stream->body);
  free(stream);
}

static struct MHD_Response *make_stream(struct blob *body, usec gap, bool cut,
                                        struct delay *delay) {
  struct stream *stream = memory_zeroed(sizeof(*stream));
  stream->delay = delay;
  stream->body = blob_hold(body);
  stream->gap = gap;
  stream->stop = cut ? body->size / 2 : body->size;
  /* an empty body can be cut only if it is promised not to be empty */
  size_t promised = cut && body->size == 0 ? 1 : body->size;
  return memory_must(MHD_create_response_from_callback(
      promised, STREAM_BLOCK, read_stream, stream, free_stream));
}

/* --- Any answer ----------------------------------------------------------- */

static void put_body(void *body) { blob_put(body); }

static void add_header(const struct response *response, const char *name,
                       const char *value) {
  if (MHD_add_response_header(response->http, name, value) != MHD_YES)
    fprintf(stderr, "camb_api_simulator: header %s was refused\n", name);
}

void response_make(struct response *response, struct reply reply,
                   const struct misbehaviour *misbehaviour,
                   struct delay *delay) {
  const struct header *header;
  bool cut = misbehaviour->ending == ENDING_CUT_MIDDLE;
  response->status = reply.status;
  response->ending = misbehaviour->ending;
  response->body = misbehaviour->body != NULL ? blob_hold(misbehaviour->body)
                                              : object_to_blob(reply.json);
  json_object_put(reply.json);
  if (cut || misbehaviour->drip > 0)
    response->http =
        make_stream(response->body, misbehaviour->drip, cut, delay);
  else
    response->http =
        memory_must(MHD_create_response_from_buffer_with_free_callback_cls(
            response->body->size, response->body->data, put_body,
            blob_hold(response->body)));
  add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
             misbehaviour->content_type != NULL ? misbehaviour->content_type
                                                : "application/json");
  if (misbehaviour->redirect != NULL)
    add_header(response, MHD_HTTP_HEADER_LOCATION, misbehaviour->redirect);
  for (header = STAILQ_FIRST(&misbehaviour->headers); header != NULL;
       header = STAILQ_NEXT(header, next))
    add_header(response, header->name, header->value);
}

/* Past the library, so that an answer may be no HTTP at all. */
static void send_raw(const struct blob *body, int socket) {
  if (send(socket, body->data, body->size, MSG_NOSIGNAL | MSG_DONTWAIT) !=
      (ssize_t)body->size)
    perror("camb_api_simulator: raw");
}

enum MHD_Result response_send(const struct response *response,
                              const struct delay *delay) {
  if (response->ending == ENDING_CUT_BEFORE)
    return MHD_NO;
  if (response->ending != ENDING_RAW)
    return MHD_queue_response(delay->connection, response->status,
                              response->http);
  send_raw(response->body, delay_socket(delay));
  return MHD_NO;
}

void response_clear(struct response *response) {
  if (response->http != NULL)
    MHD_destroy_response(response->http);
  blob_put(response->body);
}
