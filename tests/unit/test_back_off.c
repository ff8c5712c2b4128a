/* SPDX-License-Identifier: MIT */
#include "back_off.h"
#include "cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The whole times, of which the jitter leaves a part. */
static void test_back_off(void **state) {
  static const struct {
    unsigned failures;
    int64_t interval, maximum, whole;
  } cases[] = {
      {1, 10000, 300000, 10000},
      {2, 10000, 300000, 20000},
      {3, 10000, 300000, 40000},
      {5, 10000, 300000, 160000},
      {6, 10000, 300000, 300000},
      {7, 10000, 300000, 300000},
      {1000, 10000, 300000, 300000},
      {UINT32_MAX, 10000, 300000, 300000},
      {1, 10000, 0, 10000},
      {9, 10000, 0, 10000},
      {1, 10000, 9999, 10000},
      {9, 10000, 9999, 10000},
      {9, 10000, 10000, 10000},
      {2, 10000, 15000, 15000},
      {1, 1, INT32_MAX, 1},
      {200, 1, INT32_MAX, INT32_MAX},
      {1, 86400000, 300000, 86400000},
      {8, 1000, 128000, 128000},
      {9, 1000, 128000, 128000},
  };
  static const double dice[] = {0, 0.25, 0.5, 0.999999};
  (void)state;
  for (size_t i = 0; i < COUNT(cases) * COUNT(dice); i++) {
    size_t k = i / COUNT(dice);
    double die = dice[i % COUNT(dice)];
    int64_t wait =
        back_off(cases[k].failures, cases[k].interval, cases[k].maximum, die);
    double part = BACK_OFF_LEAST + (BACK_OFF_MOST - BACK_OFF_LEAST) * die;
    double off = (double)wait - part * (double)cases[k].whole;
    if (off > 0.001 || off <= -1.001)
      fail_msg("case %zu by %g: %lld", k + 1, die, (long long)wait);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_back_off)};
  return cmocka_run_group_tests_name("back_off", tests, NULL, NULL);
}
