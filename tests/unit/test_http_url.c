/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "http_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_check(void **state) {
  static const struct {
    const char *url;
    bool fine;
  } cases[] = {
      {"https://client.camb.ai/apis", true},
      {"https://client.camb.ai", true},
      {"https://client.camb.ai/apis/", true},
      {"HTTPS://CLIENT.CAMB.AI/apis", true},
      {"http://127.0.0.1:8080", true},
      {"http://[::1]:8080/a/b", true},
      {"http://localhost/", true},
      {"", false},
      {"client.camb.ai", false},
      {"//client.camb.ai", false},
      {"ftp://client.camb.ai", false},
      {"file:///etc/passwd", false},
      {"gopher://x", false},
      {"socks5://x", false},
      {"http://", false},
      {"http://x:0x50/", false},
      {"http://x:65536/", false},
      {"http://[::1/", false},
      {"http://a@x/", false},
      {"http://a:b@x/", false},
      {"http://:b@x/", false},
      {"http://x/?", false},
      {"http://x/?a=b", false},
      {"http://x/#a", false},
      {"http://x/a b", false},
      {"http://x y/", false},
      {"http://x/\r\nx-other: 1", false},
      {"http://x/\x7F", false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++)
    ASSERT_CASE(cases[i].url,
                (http_url_check(cases[i].url) == NULL) == cases[i].fine);
}

static void test_check_proxy(void **state) {
  static const struct {
    const char *proxy;
    bool fine;
  } cases[] = {
      {"", true},
      {"http://proxy.example:3128", true},
      {"proxy.example:3128", true},
      {"proxy.example", true},
      {"http://u:p@proxy.example:3128/", true},
      {"socks5h://127.0.0.1:1080", true},
      {"http://", false},
      {"http://proxy.example:99999", false},
      {"http://[::1", false},
      {"a b", false},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++)
    ASSERT_CASE(cases[i].proxy, (http_url_check_proxy(cases[i].proxy) ==
                                 NULL) == cases[i].fine);
}

static void test_is_exposed(void **state) {
  static const struct {
    const char *url;
    bool exposed;
  } cases[] = {
      {"https://client.camb.ai/apis", false},
      {"HTTPS://client.camb.ai/apis", false},
      {"http://client.camb.ai/apis", true},
      {"HTTP://client.camb.ai/apis", true},
      {"http://localhost:8080/", false},
      {"http://LOCALHOST/", false},
      {"http://127.0.0.1:8080/", false},
      {"http://127.255.0.9/", false},
      {"http://[::1]:8080/", false},
      {"http://128.0.0.1/", true},
      {"http://10.127.0.0/", true},
      {"http://127.0.0.1.example/", true},
      {"http://localhost.example/", true},
      {"http://[::2]/", true},
      {"http://0.0.0.0/", true},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++)
    ASSERT_CASE(cases[i].url,
                http_url_is_exposed(cases[i].url) == cases[i].exposed);
}

static void test_join(void **state) {
  static const struct {
    const char *base, *path, *id, *url;
  } cases[] = {
      {"https://x/apis", "project-setup", "a-1",
       "https://x/apis/project-setup/a-1"},
      {"https://x/apis/", "dub", "a", "https://x/apis/dub/a"},
      {"https://x/apis///", "dub", "a", "https://x/apis/dub/a"},
      {"https://x", "v2/dub", "a", "https://x/v2/dub/a"},
      {"https://x/", "dub", "a/b", "https://x/dub/a%2Fb"},
      {"https://x", "dub", "../../y", "https://x/dub/..%2F..%2Fy"},
      {"https://x", "dub", "a?b#c", "https://x/dub/a%3Fb%23c"},
      {"https://x", "dub", "%2e%2e", "https://x/dub/%252e%252e"},
      {"https://x", "dub", "A-Z_a.z~09", "https://x/dub/A-Z_a.z~09"},
      {"https://x", "dub", "!\"$&'()*+,:;<=>@[\\]^`{|}",
       "https://x/dub/%21%22%24%26%27%28%29%2A%2B%2C%3A%3B%3C%3D%3E%40%5B%5C"
       "%5D%5E%60%7B%7C%7D"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT(cases); i++) {
    char *url = http_url_join(cases[i].base, cases[i].path, cases[i].id);
    assert_non_null(url);
    assert_string_equal(url, cases[i].url);
    free(url);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_check),
      cmocka_unit_test(test_check_proxy),
      cmocka_unit_test(test_is_exposed),
      cmocka_unit_test(test_join),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
