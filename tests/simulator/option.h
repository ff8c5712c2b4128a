/* SPDX-License-Identifier: MIT */
/* The words by which a line of a scenario says what is to happen: kind=dub,
 * pending=3, silence. One table has them all. */
#ifndef OPTION_H
#define OPTION_H

#include "fate.h"
#include "line.h"

/* The groups of the language, of which a command takes some. */
enum {
  OPTION_PROJECT = 1,
  OPTION_PHASE = 2,
  OPTION_MISBEHAVIOUR = 4,
  OPTION_START = 8,
};

/* Lets the fate be what a word of the line says, which is of one of these
 * groups. Returns false with the line's error. */
bool option_apply(struct line *line, struct fate *fate, const struct blob *word,
                  unsigned groups);

#endif
