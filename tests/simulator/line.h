/* SPDX-License-Identifier: MIT */
/* A line of a scenario: its words, and what is wrong with it. */
#ifndef LINE_H
#define LINE_H

#include "blob.h"

#include <stdbool.h>

struct line {
  const char *source;    /* whose line it is, for the error */
  unsigned number;       /* of the line, from 1, for the error */
  const char *directory; /* of relative file names; NULL: our own */
  const char *at, *end;  /* what is not read yet */
  char *error;           /* "SOURCE:NUMBER: what is wrong", or NULL; to free */
};

/* The next word, without its quotes and escapes, to be put back by the caller.
 * NULL at the end of the line, and when there is an error. */
struct blob *line_next_word(struct line *line);

/* Says what is wrong, if nothing has been before. Returns false. */
bool line_fail(struct line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
