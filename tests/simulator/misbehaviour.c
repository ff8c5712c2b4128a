/* SPDX-License-Identifier: MIT */
#include "misbehaviour.h"

#include "memory.h"

#include <stdlib.h>

void misbehaviour_init(struct misbehaviour *misbehaviour) {
  *misbehaviour = (struct misbehaviour){
      .chance = 1, .latency = USEC_UNSET, .drip = USEC_UNSET};
  STAILQ_INIT(&misbehaviour->headers);
}

void misbehaviour_clear(struct misbehaviour *misbehaviour) {
  struct header *header;
  while ((header = STAILQ_FIRST(&misbehaviour->headers)) != NULL) {
    STAILQ_REMOVE_HEAD(&misbehaviour->headers, next);
    free(header->name);
    free(header->value);
    free(header);
  }
  free(misbehaviour->content_type);
  free(misbehaviour->redirect);
  blob_put(misbehaviour->body);
}

void misbehaviour_add_header(struct misbehaviour *misbehaviour,
                             const char *name, const char *value) {
  struct header *header = memory_zeroed(sizeof(*header));
  header->name = memory_text(name);
  header->value = memory_text(value);
  STAILQ_INSERT_TAIL(&misbehaviour->headers, header, next);
}

void misbehaviour_lay_over(struct misbehaviour *under,
                           const struct misbehaviour *over) {
  const struct header *header;
  if (over->latency != USEC_UNSET)
    under->latency = over->latency;
  if (over->drip != USEC_UNSET)
    under->drip = over->drip;
  if (over->http != 0)
    under->http = over->http;
  if (over->ending != ENDING_USUAL)
    under->ending = over->ending;
  if (over->echo_key)
    under->echo_key = true;
  if (over->body != NULL)
    blob_replace(&under->body, over->body);
  if (over->content_type != NULL)
    memory_replace(&under->content_type, over->content_type);
  if (over->redirect != NULL)
    memory_replace(&under->redirect, over->redirect);
  for (header = STAILQ_FIRST(&over->headers); header != NULL;
       header = STAILQ_NEXT(header, next))
    misbehaviour_add_header(under, header->name, header->value);
}
