/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

void world_init(struct world *world) {
  *world = (struct world){.launched = usec_now(), .clock = CLOCK_LAUNCH};
  world->tasks = tasks_new();
  world->create = fate_new();
  world->create->pending = 5 * USEC_SECOND;
  world->create->end = memory_text("SUCCESS");
  world->create->has_run = true;
  STAILQ_INIT(&world->keys);
  STAILQ_INIT(&world->nexts);
}

void world_clear(struct world *world) {
  tasks_free(world->tasks);
  fate_put(world->create);
  for (int layer = 0; layer < LAYER_COUNT; layer++)
    fate_put(world->layers[layer]);
  world_drop_keys(world);
  world_drop_nexts(world);
  counters_clear(&world->counters);
}

/* --- Keys ----------------------------------------------------------------- */

void world_add_key(struct world *world, const char *text) {
  struct key *key = memory_zeroed(sizeof(*key));
  key->text = memory_text(text);
  STAILQ_INSERT_TAIL(&world->keys, key, next);
}

void world_drop_keys(struct world *world) {
  struct key *key;
  while ((key = STAILQ_FIRST(&world->keys)) != NULL) {
    STAILQ_REMOVE_HEAD(&world->keys, next);
    free(key->text);
    free(key);
  }
}

bool world_accepts_key(struct world *world, const char *text) {
  struct key *key;
  for (key = STAILQ_FIRST(&world->keys); key != NULL;
       key = STAILQ_NEXT(key, next))
    if (text != NULL && strcmp(key->text, text) == 0) {
      key->seen++;
      return true;
    }
  return false;
}

/* --- The next requests ---------------------------------------------------- */

void world_add_next(struct world *world, uint64_t count, struct fate *fate) {
  struct next *next = memory_zeroed(sizeof(*next));
  next->left = count;
  next->fate = fate_hold(fate);
  STAILQ_INSERT_TAIL(&world->nexts, next, next);
}

static void drop_next(struct world *world) {
  struct next *next = STAILQ_FIRST(&world->nexts);
  STAILQ_REMOVE_HEAD(&world->nexts, next);
  fate_put(next->fate);
  free(next);
}

void world_drop_nexts(struct world *world) {
  while (!STAILQ_EMPTY(&world->nexts))
    drop_next(world);
}

/* --- Misbehaviour --------------------------------------------------------- */

/* From 0 to 1, without it. splitmix64: the same seed gives the same misfortunes
 * on every machine. */
static double throw_dice(struct world *world) {
  uint64_t z = (world->dice += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  z ^= z >> 31;
  return (double)(z >> 11) / 9007199254740992.0; /* 2^53 */
}

static void lay_over(struct world *world, struct misbehaviour *under,
                     const struct fate *fate) {
  if (fate != NULL && (fate->misbehaviour.chance >= 1 ||
                       throw_dice(world) < fate->misbehaviour.chance))
    misbehaviour_lay_over(under, &fate->misbehaviour);
}

void world_misbehave(struct world *world, bool is_result,
                     const struct task *task,
                     struct misbehaviour *misbehaviour) {
  struct next *next = STAILQ_FIRST(&world->nexts);
  lay_over(world, misbehaviour, world->layers[LAYER_ALL]);
  if (is_result)
    lay_over(world, misbehaviour, world->layers[LAYER_RESULTS]);
  lay_over(world, misbehaviour, task != NULL ? task->fate : NULL);
  if (next == NULL)
    return;
  lay_over(world, misbehaviour, next->fate);
  if (--next->left == 0)
    drop_next(world);
}
