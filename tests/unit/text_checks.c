/* SPDX-License-Identifier: MIT */
#include "text_checks.h"

#include "cases.h"
#include "configured.h"
#include "utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void assert_clean(const char *name, const char *text) {
  if (!utf8_is_valid(text, strlen(text)) || utf8_has_control(text))
    fail_msg("case \"%s\": not clean: %s", name, text);
  ASSERT_CASE(name, strstr(text, CONFIGURED_KEY) == NULL);
}

void assert_contains(const char *name, const char *text, const char *part) {
  if (part != NULL && strstr(text, part) == NULL)
    fail_msg("case \"%s\": no \"%s\" in: %s", name, part, text);
}
