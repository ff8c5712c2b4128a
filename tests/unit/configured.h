/* SPDX-License-Identifier: MIT */
/* The configuration that a <Plugin camb_task> block makes. */
#ifndef CONFIGURED_H
#define CONFIGURED_H

#include "configuration.h"

/* That of a block of this inside, which has no errors. Fails the test
 * otherwise. To be freed by configuration_free. */
struct configuration *configured(const char *text);

#endif
