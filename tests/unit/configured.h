/* SPDX-License-Identifier: MIT */
/* The configuration that a <Plugin camb_task> block makes. */
#ifndef CONFIGURED_H
#define CONFIGURED_H

#include "configuration.h"

/* That of a block of this inside, which has no errors. Fails the test
 * otherwise. To be freed by configuration_free. */
struct configuration *configured(const char *text);

/* That of the account "default" with the task "one" ("id-1") and these options,
 * which "acme" with the task "two" ("id-2") inherits. The key is
 * CONFIGURED_KEY. */
#define CONFIGURED_KEY "s3cr3t"
struct configuration *configured_two(const char *options);

#endif
