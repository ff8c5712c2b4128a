/* SPDX-License-Identifier: MIT */
#include "fate.h"

#include "memory.h"

#include <stdlib.h>

struct fate *fate_new(void) {
  struct fate *fate = memory_zeroed(sizeof(*fate));
  fate->holders = 1;
  fate->kind = memory_text("project-setup");
  fate->duration = -1;
  misbehaviour_init(&fate->misbehaviour);
  return fate;
}

struct fate *fate_hold(struct fate *fate) {
  fate->holders++;
  return fate;
}

void fate_put(struct fate *fate) {
  if (fate == NULL || --fate->holders > 0)
    return;
  free(fate->kind);
  free(fate->name);
  free(fate->end);
  free(fate->reason);
  free(fate->message);
  misbehaviour_clear(&fate->misbehaviour);
  free(fate);
}

void fate_replace(struct fate **field, struct fate *fate) {
  struct fate *old = *field;
  *field = fate_hold(fate);
  fate_put(old);
}
