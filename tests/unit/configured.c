/* SPDX-License-Identifier: MIT */
#include "configured.h"

#include "collectd_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct configuration *configured(const char *text) {
  struct configuration *configuration = configuration_create();
  oconfig_item_t *block = mock_config(text);
  assert_non_null(configuration);
  assert_int_equal(configuration_parse(configuration, block), 0);
  mock_config_free(block);
  return configuration;
}
