/* SPDX-License-Identifier: MIT */
/* Checks of texts that collectd is given; each fails by the name of the case.
 */
#ifndef TEXT_CHECKS_H
#define TEXT_CHECKS_H

/* Text that collectd and its plugins can bear, without CONFIGURED_KEY. */
void assert_clean(const char *name, const char *text);

/* A part that is NULL is in every text. */
void assert_contains(const char *name, const char *text, const char *part);

#endif
