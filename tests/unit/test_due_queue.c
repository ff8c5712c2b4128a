/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "due_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t next_random(uint32_t *random) {
  *random = *random * 1664525 + 1013904223;
  return *random >> 16;
}

static void test_empty(void **state) {
  struct due_queue queue = {0};
  (void)state;
  assert_null(due_queue_first(&queue));
  assert_null(due_queue_pop(&queue));
  due_queue_clear(&queue);

  assert_true(due_queue_reserve(&queue, 0));
  assert_true(due_queue_reserve(&queue, 4));
  assert_null(due_queue_first(&queue));
  assert_null(due_queue_pop(&queue));
  due_queue_clear(&queue);
}

static void test_single(void **state) {
  struct due_queue queue = {0};
  struct due_entry entry;
  (void)state;
  assert_true(due_queue_reserve(&queue, 1));
  due_queue_push(&queue, &entry, 42);
  assert_int_equal(entry.due, 42);
  assert_ptr_equal(due_queue_first(&queue), &entry);
  assert_ptr_equal(due_queue_first(&queue), &entry); /* still in it */
  assert_ptr_equal(due_queue_pop(&queue), &entry);
  assert_null(due_queue_first(&queue));
  assert_null(due_queue_pop(&queue));
  due_queue_clear(&queue);
}

#define ORDER_MAX 9

static void test_order(void **state) {
  static const struct {
    const char *name;
    size_t count;
    int64_t due[ORDER_MAX];
    size_t order[ORDER_MAX]; /* indices into due, as they come out */
  } cases[] = {
      {"rising", 4, {1, 2, 3, 4}, {0, 1, 2, 3}},
      {"falling", 4, {4, 3, 2, 1}, {3, 2, 1, 0}},
      {"all at once", 5, {7, 7, 7, 7, 7}, {0, 1, 2, 3, 4}},
      {"two at once, last", 3, {1, 5, 5}, {0, 1, 2}},
      {"two at once, first", 4, {5, 1, 5, 1}, {1, 3, 0, 2}},
      {"mixed", 9, {5, 3, 8, 3, 1, 5, 8, 1, 3}, {4, 7, 1, 3, 8, 0, 5, 2, 6}},
      {"negative", 4, {0, -1, 1, -2}, {3, 1, 0, 2}},
      {"extremes", 3, {INT64_MAX, 0, INT64_MIN}, {2, 1, 0}},
      {"beyond 32 bits",
       3,
       {INT64_C(0x300000001), INT64_C(0x200000002), INT64_C(0x100000003)},
       {2, 1, 0}},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    struct due_queue queue = {0};
    struct due_entry entries[ORDER_MAX];
    assert_true(due_queue_reserve(&queue, cases[i].count));
    for (size_t k = 0; k < cases[i].count; k++)
      due_queue_push(&queue, &entries[k], cases[i].due[k]);
    for (size_t k = 0; k < cases[i].count; k++) {
      struct due_entry *first = due_queue_first(&queue);
      if (first != &entries[cases[i].order[k]] ||
          due_queue_pop(&queue) != first)
        fail_msg("%s: wrong at %zu", cases[i].name, k);
    }
    assert_null(due_queue_pop(&queue));
    due_queue_clear(&queue);
  }
}

/* What comes in again stands behind what was there before. */
static void test_turn_taking(void **state) {
  struct due_queue queue = {0};
  struct due_entry entries[3];
  (void)state;
  assert_true(due_queue_reserve(&queue, 3));
  for (size_t i = 0; i < 3; i++)
    due_queue_push(&queue, &entries[i], 0);
  for (size_t turn = 0; turn < 30; turn++) {
    struct due_entry *entry = due_queue_pop(&queue);
    assert_ptr_equal(entry, &entries[turn % 3]);
    due_queue_push(&queue, entry, 0);
  }
  due_queue_clear(&queue);
}

/* The naive queue: entries in the order of their coming in. */
struct model {
  struct due_entry *entries[256];
  size_t count;
};

static void model_push(struct model *model, struct due_entry *entry) {
  model->entries[model->count++] = entry;
}

static struct due_entry *model_pop(struct model *model) {
  size_t best = 0;
  if (model->count == 0)
    return NULL;
  for (size_t i = 1; i < model->count; i++)
    if (model->entries[i]->due < model->entries[best]->due)
      best = i;
  struct due_entry *entry = model->entries[best];
  model->count--;
  for (size_t i = best; i < model->count; i++)
    model->entries[i] = model->entries[i + 1];
  return entry;
}

/* Pushes and pops at random, due times out of so few. */
static void run_against_model(uint32_t seed, uint32_t times) {
  struct due_queue queue = {0};
  struct model model = {.count = 0};
  struct due_entry entries[COUNT(model.entries)], *idle[COUNT(model.entries)];
  size_t idle_count = 0;
  uint32_t random = seed;
  for (size_t i = 0; i < COUNT(entries); i++)
    idle[idle_count++] = &entries[i];
  for (int step = 0; step < 4000; step++) {
    /* fuller and emptier by turns */
    bool pushes = next_random(&random) % 8 < (step / 500 % 2 == 0 ? 6U : 2U);
    if (pushes && idle_count > 0) {
      struct due_entry *entry = idle[--idle_count];
      assert_true(due_queue_reserve(&queue, model.count + 1));
      due_queue_push(&queue, entry, next_random(&random) % times);
      model_push(&model, entry);
    } else {
      struct due_entry *expected = model_pop(&model);
      if (due_queue_first(&queue) != expected ||
          due_queue_pop(&queue) != expected)
        fail_msg("seed %u, step %d: another entry", seed, step);
      if (expected != NULL)
        idle[idle_count++] = expected;
    }
  }
  due_queue_clear(&queue);
}

static void test_against_model(void **state) {
  (void)state;
  for (uint32_t seed = 1; seed <= 5; seed++) {
    run_against_model(seed, 1);
    run_against_model(seed, 4);
    run_against_model(seed, 50000);
  }
}

/* Room grows under what is in the queue, and asking for less changes
 * nothing. */
static void test_reserve(void **state) {
  enum { ENTRIES = 1000 };
  static const size_t rooms[] = {1, 2, 3, 7, 7, 1, 64, 65, 500, 2, ENTRIES};
  static struct due_entry entries[ENTRIES];
  struct due_queue queue = {0};
  size_t pushed = 0;
  (void)state;
  for (size_t i = 0; i < COUNT(rooms); i++) {
    assert_true(due_queue_reserve(&queue, rooms[i]));
    for (; pushed < rooms[i]; pushed++)
      due_queue_push(&queue, &entries[pushed], ENTRIES - (int64_t)pushed);
  }
  assert_int_equal(pushed, ENTRIES);
  while (pushed > 0)
    assert_ptr_equal(due_queue_pop(&queue), &entries[--pushed]);
  assert_null(due_queue_pop(&queue));
  due_queue_clear(&queue);
}

static void test_clear(void **state) {
  struct due_queue queue = {0};
  struct due_entry entries[2];
  (void)state;
  assert_true(due_queue_reserve(&queue, 2));
  due_queue_push(&queue, &entries[0], 1);
  due_queue_push(&queue, &entries[1], 2);
  due_queue_clear(&queue);
  assert_null(due_queue_first(&queue));
  assert_true(due_queue_reserve(&queue, 1));
  due_queue_push(&queue, &entries[1], 9);
  assert_ptr_equal(due_queue_pop(&queue), &entries[1]);
  assert_null(due_queue_pop(&queue));
  due_queue_clear(&queue);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty),         cmocka_unit_test(test_single),
      cmocka_unit_test(test_order),         cmocka_unit_test(test_turn_taking),
      cmocka_unit_test(test_against_model), cmocka_unit_test(test_reserve),
      cmocka_unit_test(test_clear),
  };
  return cmocka_run_group_tests_name("due_queue", tests, NULL, NULL);
}
