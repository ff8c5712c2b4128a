/* SPDX-License-Identifier: MIT */
#include "configured.h"

#include "collectd_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct configuration *configured(const char *text) {
  struct configuration *configuration = configuration_create();
  oconfig_item_t *block = mock_config(text);
  assert_non_null(configuration);
  assert_int_equal(configuration_parse(configuration, block), 0);
  mock_config_free(block);
  return configuration;
}

struct configuration *configured_two(const char *options) {
  char text[1024];
  snprintf(text, sizeof(text),
           "APIKey \"" CONFIGURED_KEY "\"\nTask \"id-1\" \"one\"\n%s\n"
           "<Account \"acme\">\nTask \"id-2\" \"two\"\n</Account>\n",
           options);
  return configured(text);
}
