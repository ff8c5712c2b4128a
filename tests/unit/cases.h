/* SPDX-License-Identifier: MIT */
/* For tests that go through tables of cases. */
#ifndef CASES_H
#define CASES_H

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The arguments for a literal that may have a NUL in it, and its size. */
#define BYTES(literal) (literal), sizeof(literal) - 1

/* Fails the test by the name of the case; for what includes cmocka.h. */
#define ASSERT_CASE(name, condition)                                           \
  do {                                                                         \
    if (!(condition))                                                          \
      fail_msg("case \"%s\": %s", name, #condition);                           \
  } while (0)

#endif
