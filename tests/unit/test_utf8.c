/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Judges a copy that is not one byte longer, for the sanitizer to see. */
static bool is_valid(const void *bytes, size_t size) {
  char *copy = malloc(size > 0 ? size : 1);
  assert_non_null(copy);
  memcpy(copy, bytes, size);
  bool valid = utf8_is_valid(copy, size);
  free(copy);
  return valid;
}

static void test_forms(void **state) {
  static const struct {
    const char *name, *bytes;
    size_t size;
    bool valid;
  } cases[] = {
      {"empty", BYTES(""), true},
      {"ASCII", BYTES("trailer-fr"), true},
      {"NUL, U+0000", BYTES("\0"), true},
      {"NUL between", BYTES("a\0b"), true},
      {"U+007F, last of one byte", BYTES("\x7F"), true},
      {"U+0080, first of two bytes", BYTES("\xC2\x80"), true},
      {"U+07FF, last of two bytes", BYTES("\xDF\xBF"), true},
      {"U+0800, first of three bytes", BYTES("\xE0\xA0\x80"), true},
      {"U+0FFF, last behind E0", BYTES("\xE0\xBF\xBF"), true},
      {"U+1000, first behind E1", BYTES("\xE1\x80\x80"), true},
      {"U+CFFF, last behind EC", BYTES("\xEC\xBF\xBF"), true},
      {"U+D000, first behind ED", BYTES("\xED\x80\x80"), true},
      {"U+D7FF, last before surrogates", BYTES("\xED\x9F\xBF"), true},
      {"U+E000, first after surrogates", BYTES("\xEE\x80\x80"), true},
      {"U+FEFF, byte order mark", BYTES("\xEF\xBB\xBF"), true},
      {"U+FFFF, last of three bytes", BYTES("\xEF\xBF\xBF"), true},
      {"U+10000, first of four bytes", BYTES("\xF0\x90\x80\x80"), true},
      {"U+3FFFF, last behind F0", BYTES("\xF0\xBF\xBF\xBF"), true},
      {"U+40000, first behind F1", BYTES("\xF1\x80\x80\x80"), true},
      {"U+FFFFF, last behind F3", BYTES("\xF3\xBF\xBF\xBF"), true},
      {"U+100000, first behind F4", BYTES("\xF4\x80\x80\x80"), true},
      {"U+10FFFF, last of all", BYTES("\xF4\x8F\xBF\xBF"), true},
      {"one of each length", BYTES("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"),
       true},

      {"overlong NUL", BYTES("\xC0\x80"), false},
      {"overlong slash", BYTES("\xC0\xAF"), false},
      {"overlong U+007F", BYTES("\xC1\xBF"), false},
      {"overlong slash in three", BYTES("\xE0\x80\xAF"), false},
      {"overlong U+07FF", BYTES("\xE0\x9F\xBF"), false},
      {"overlong slash in four", BYTES("\xF0\x80\x80\xAF"), false},
      {"overlong U+FFFF", BYTES("\xF0\x8F\xBF\xBF"), false},
      {"first surrogate", BYTES("\xED\xA0\x80"), false},
      {"last surrogate", BYTES("\xED\xBF\xBF"), false},
      {"pair of surrogates", BYTES("\xED\xA0\xBD\xED\xB8\x80"), false},
      {"U+110000", BYTES("\xF4\x90\x80\x80"), false},
      {"U+140000", BYTES("\xF5\x80\x80\x80"), false},
      {"five bytes", BYTES("\xF8\x88\x80\x80\x80"), false},
      {"six bytes", BYTES("\xFC\x84\x80\x80\x80\x80"), false},
      {"FE", BYTES("\xFE"), false},
      {"FF", BYTES("\xFF"), false},
      {"one of two", BYTES("\xC3"), false},
      {"one of three", BYTES("\xE2"), false},
      {"two of three", BYTES("\xE2\x82"), false},
      {"one of four", BYTES("\xF0"), false},
      {"two of four", BYTES("\xF0\x9F"), false},
      {"three of four", BYTES("\xF0\x9F\x98"), false},
      {"truncated behind good text", BYTES("abc\xE2\x82"), false},
      {"cut short by ASCII in two", BYTES("\xC3z"), false},
      {"cut short by ASCII in three", BYTES("\xE2\x82z"), false},
      {"cut short by ASCII in four", BYTES("\xF0\x9F\x98z"), false},
      {"cut short by NUL", BYTES("\xE2\x82\0"), false},
      {"lead behind lead", BYTES("\xC3\xC3\xA9"), false},
      {"stray 80", BYTES("\x80"), false},
      {"stray BF", BYTES("\xBF"), false},
      {"stray behind a character", BYTES("\xC3\xA9\xA9"), false},
      {"Latin-1", BYTES("caf\xE9"), false},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++)
    if (is_valid(cases[i].bytes, cases[i].size) != cases[i].valid) {
      print_error("%s: not %s\n", cases[i].name,
                  cases[i].valid ? "valid" : "invalid");
      failed++;
    }
  assert_int_equal(failed, 0);
}

/* Of all strings of two bytes, 128 * 128 are two characters and 1920 are one,
 * U+0080 to U+07FF. */
static void test_all_of_two_bytes(void **state) {
  (void)state;
  size_t valid = 0;
  for (unsigned pair = 0; pair <= 0xFFFF; pair++) {
    char bytes[] = {(char)(pair >> 8), (char)pair};
    valid += utf8_is_valid(bytes, sizeof(bytes));
  }
  assert_int_equal(valid, 128 * 128 + 0x800 - 0x80);
}

/* What begins with E0 to EF is one character of U+0800 to U+FFFF, without the
 * 2048 surrogates. */
static void test_all_of_three_bytes(void **state) {
  (void)state;
  size_t valid = 0;
  for (unsigned triple = 0xE00000; triple <= 0xEFFFFF; triple++) {
    char bytes[] = {(char)(triple >> 16), (char)(triple >> 8), (char)triple};
    valid += utf8_is_valid(bytes, sizeof(bytes));
  }
  assert_int_equal(valid, 0x10000 - 0x800 - 2048);
}

/* Each character above U+FFFF stands for a pair of lead and second byte with
 * 64 * 64 others; two out of 64 are tried, and two beside them. */
static void test_edges_of_four_bytes(void **state) {
  static const unsigned char edges[] = {0x7F, 0x80, 0xBF, 0xC0};
  (void)state;
  size_t valid = 0;
  for (unsigned pair = 0xF000; pair <= 0xFFFF; pair++)
    for (size_t i = 0; i < COUNT(edges) * COUNT(edges); i++) {
      char bytes[] = {(char)(pair >> 8), (char)pair, (char)edges[i / 4],
                      (char)edges[i % 4]};
      valid += utf8_is_valid(bytes, sizeof(bytes));
    }
  assert_int_equal(valid, (0x110000 - 0x10000) / (64 * 64) * 2 * 2);
}

static void test_control(void **state) {
  static const struct {
    const char *name, *text, *blanked; /* blanked NULL: no control character */
  } cases[] = {
      {"empty", "", NULL},
      {"ASCII", "trailer fr~", NULL},
      {"line feed", "a\nb", "a b"},
      {"carriage return and line feed", "a\r\nb", "a  b"},
      {"tab at the start", "\tb", " b"},
      {"escape at the end", "a\x1B", "a "},
      {"DEL",
       "a\x7F"
       "b",
       "a b"},
      {"NEL, U+0085",
       "a\xC2\x85"
       "b",
       "a b"},
      {"nothing else", "\x01\xC2\x9F\x7F", "   "},
      {"U+00A0 is none",
       "a\xC2\xA0"
       "b",
       NULL},
      {"U+00C0 ends in a C1 byte", "\xC3\x80", NULL},
      {"U+0440 ends in a C1 byte", "\xD1\x80", NULL},
      {"U+2019 holds C1 bytes", "\xE2\x80\x99", NULL},
      {"U+1F600 holds C1 bytes", "\xF0\x9F\x98\x80", NULL},
      {"between characters", "\xC3\x80\xC2\x80\xE2\x80\x99\n",
       "\xC3\x80 \xE2\x80\x99 "},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *blanked = cases[i].blanked;
    char *text = strdup(cases[i].text);
    assert_non_null(text);
    bool ok = utf8_has_control(text) == (blanked != NULL);
    utf8_blank_control(text);
    ok = ok && strcmp(text, blanked != NULL ? blanked : cases[i].text) == 0;
    if (!ok) {
      print_error("%s: blanked to \"%s\"\n", cases[i].name, text);
      failed++;
    }
    free(text);
  }
  assert_int_equal(failed, 0);
}

/* Every character below U+0100 has or has not a control character's number. */
static void test_every_control(void **state) {
  (void)state;
  for (unsigned number = 1; number < 0x100; number++) {
    bool control =
        number < 0x20 || number == 0x7F || (number >= 0x80 && number < 0xA0);
    char one[] = {(char)number, '\0'};
    char two[] = {(char)(0xC0 | number >> 6), (char)(0x80 | (number & 0x3F)),
                  '\0'};
    char *text = number < 0x80 ? one : two;
    if (utf8_has_control(text) != control)
      fail_msg("U+%04X is %sa control character", number,
               control ? "" : "not ");
    utf8_blank_control(text);
    if ((strcmp(text, " ") == 0) != (control || number == ' '))
      fail_msg("U+%04X became \"%s\"", number, text);
  }
}

/* One character of each length: where a cut at each limit falls. */
static const char each_length[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
static const size_t cut_at[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11};

static void test_cut(void **state) {
  (void)state;
  for (size_t limit = 0; limit < COUNT(cut_at); limit++)
    if (utf8_cut(each_length, limit) != cut_at[limit])
      fail_msg("at %zu: %zu, not %zu", limit, utf8_cut(each_length, limit),
               cut_at[limit]);
  assert_int_equal(utf8_cut("", 0), 0);
  assert_int_equal(utf8_cut("", 5), 0);
}

/* The cut looks no further than it has to: there is no terminator there. */
static void test_cut_of_unterminated(void **state) {
  (void)state;
  char *text = malloc(4);
  assert_non_null(text);
  memcpy(text, "ab\xC3\xA9", 4);
  assert_int_equal(utf8_cut(text, 3), 2);
  assert_int_equal(utf8_cut(text, 2), 2);
  free(text);
}

static void test_copy(void **state) {
  (void)state;
  for (size_t size = 1; size <= COUNT(cut_at); size++) {
    char *buffer = malloc(size); /* exactly, for the sanitizer to see */
    assert_non_null(buffer);
    memset(buffer, '#', size);
    utf8_copy(buffer, size, each_length);
    size_t length = cut_at[size - 1];
    if (memcmp(buffer, each_length, length) != 0 || buffer[length] != '\0')
      fail_msg("size %zu: \"%.*s\"", size, (int)size, buffer);
    free(buffer);
  }
}

static void test_copy_any(void **state) {
  static const struct {
    const char *name, *text, *expected;
  } cases[] = {
      {"empty", "", ""},
      {"ASCII", "HTTP 404: no", "HTTP 404: no"},
      {"one of each length", each_length, each_length},
      {"line feed", "a\nb", "a b"},
      {"C1", "a\xC2\x85z", "a z"},
      {"stray bytes", "a\x80\xBFz", "a??z"},
      {"Latin-1", "caf\xE9", "caf?"},
      {"overlong", "\xC0\xAF", "??"},
      {"surrogate", "\xED\xA0\x80", "???"},
      {"above U+10FFFF", "\xF4\x90\x80\x80", "????"},
      {"FE and FF", "\xFE\xFF", "??"},
      {"truncated at the end", "a\xE2\x82", "a??"},
      {"truncated before a character", "\xE2\x82\xC3\xA9", "??\xC3\xA9"},
      {"truncated before ASCII", "\xF0\x9F\x98x", "???x"},
      {"control behind a stray byte", "\xC2\n", "? "},
  };
  (void)state;
  size_t failed = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char buffer[64];
    utf8_copy_any(buffer, sizeof(buffer), cases[i].text);
    if (strcmp(buffer, cases[i].expected) != 0) {
      print_error("%s: \"%s\"\n", cases[i].name, buffer);
      failed++;
    }
  }
  assert_int_equal(failed, 0);
}

/* Whether a copy into a buffer of size bytes is fine text, and the beginning of
 * the whole copy. */
static bool fits(const char *text, const char *whole, size_t size) {
  char *buffer = malloc(size);
  assert_non_null(buffer);
  memset(buffer, '#', size);
  utf8_copy_any(buffer, size, text);
  size_t length = strnlen(buffer, size);
  bool ok = length < size && utf8_is_valid(buffer, length) &&
            !utf8_has_control(buffer) && strncmp(buffer, whole, length) == 0;
  free(buffer);
  return ok;
}

static void test_copy_any_cut(void **state) {
  static const char mixed[] =
      "a\xC3\xA9\x80\xE2\x82\xAC\xF0\x9F\x98\x80\xC2\x85\n\xE2\x82z";
  static const char whole[] = "a\xC3\xA9?\xE2\x82\xAC\xF0\x9F\x98\x80  ??z";
  static const size_t room_for_all = sizeof(mixed);
  (void)state;
  for (size_t size = 1; size <= room_for_all; size++)
    if (!fits(mixed, whole, size))
      fail_msg("size %zu", size);
}

/* Whatever the bytes, the copy is fine text. */
static void test_copy_any_of_noise(void **state) {
  (void)state;
  uint32_t random = 20261124; /* a fixed seed */
  for (int round = 0; round < 2000; round++) {
    char noise[48], buffer[sizeof(noise)];
    for (size_t i = 0; i + 1 < sizeof(noise); i++) {
      random = random * 1664525 + 1013904223;
      noise[i] = (char)(random >> 24);
    }
    noise[sizeof(noise) - 1] = '\0';
    utf8_copy_any(buffer, sizeof(buffer), noise);
    assert_true(utf8_is_valid(buffer, strlen(buffer)));
    assert_false(utf8_has_control(buffer));
    assert_true(fits(noise, buffer, 1 + (size_t)round % sizeof(buffer)));
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms),
      cmocka_unit_test(test_all_of_two_bytes),
      cmocka_unit_test(test_all_of_three_bytes),
      cmocka_unit_test(test_edges_of_four_bytes),
      cmocka_unit_test(test_control),
      cmocka_unit_test(test_every_control),
      cmocka_unit_test(test_cut),
      cmocka_unit_test(test_cut_of_unterminated),
      cmocka_unit_test(test_copy),
      cmocka_unit_test(test_copy_any),
      cmocka_unit_test(test_copy_any_cut),
      cmocka_unit_test(test_copy_any_of_noise),
  };
  return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
