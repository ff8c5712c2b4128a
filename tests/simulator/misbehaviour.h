/* SPDX-License-Identifier: MIT */
/* What is done to an answer beside giving it. */
#ifndef MISBEHAVIOUR_H
#define MISBEHAVIOUR_H

#include "blob.h"
#include "usec.h"

#include <stdbool.h>
#include <sys/queue.h>

/* How the sending ends. */
enum ending {
  ENDING_USUAL,
  ENDING_CUT_BEFORE, /* the answer */
  ENDING_CUT_MIDDLE, /* in its body */
  ENDING_RAW,        /* the body alone, without HTTP */
  ENDING_SILENCE,
};

struct header {
  STAILQ_ENTRY(header) next;
  char *name, *value;
};

/* Each member has a value for "not said", so that one can be laid over another.
 * Owns what it points to. */
struct misbehaviour {
  double chance;      /* 0 to 1, which is "not said" */
  usec latency, drip; /* or USEC_UNSET */
  unsigned http;      /* the status, or 0 */
  enum ending ending;
  bool echo_key;
  struct blob *body;             /* or NULL */
  char *content_type, *redirect; /* or NULL */
  STAILQ_HEAD(headers, header) headers;
};

/* One that does nothing. */
void misbehaviour_init(struct misbehaviour *misbehaviour);

/* Frees what it owns. */
void misbehaviour_clear(struct misbehaviour *misbehaviour);

/* Copies the texts. */
void misbehaviour_add_header(struct misbehaviour *misbehaviour,
                             const char *name, const char *value);

/* What "over" says, chance excepted, holds for "under", too; headers add up. */
void misbehaviour_lay_over(struct misbehaviour *under,
                           const struct misbehaviour *over);

#endif
