/* SPDX-License-Identifier: MIT */
/* Stand-ins for the functions of collectd that the plugin calls, for programs
 * without a daemon. They record what they are given; all that was recorded
 * stays valid until mock_reset. Recording may be done by any thread. */
#ifndef COLLECTD_MOCK_H
#define COLLECTD_MOCK_H

#include "collectd_headers.h"

#include <stddef.h>

/* What hostname_g, cdtime and plugin_get_interval say. */
#define MOCK_HOST "mock.example"
#define MOCK_TIME TIME_T_TO_CDTIME_T(1800000000)
#define MOCK_INTERVAL TIME_T_TO_CDTIME_T(10)

/* types.db, as far as plugin_get_ds knows it: gauge, duration, count, percent;
 * total_requests, a DERIVE; mock_counter and mock_absolute, which stock types
 * are none of; if_octets, which has two data sources. */

/* Forgets all that was recorded. */
void mock_reset(void);

/* The value lists that were dispatched, with copies of their values, and with
 * MOCK_HOST where the host was left to collectd. */
size_t mock_value_count(void);
const value_list_t *mock_value(size_t index);

/* "host/plugin-instance/type-instance" as collectd writes it, a part that is
 * empty left out with its dash. */
void mock_identify(const value_list_t *list, char *buffer, size_t size);

/* The notifications that were dispatched, with copies of their meta data. */
size_t mock_notification_count(void);
const notification_t *mock_notification(size_t index);

/* The meta data of that name, NULL if there is none. */
const notification_meta_t *mock_meta(const notification_t *notification,
                                     const char *name);

/* The lines that were logged. */
size_t mock_log_count(void);
int mock_log_level(size_t index);
const char *mock_log_line(size_t index);

/* The callbacks that were registered, NULL where none was. */
struct mock_callbacks {
  int (*config)(oconfig_item_t *);
  plugin_init_cb init;
  int (*read)(void);
  plugin_flush_cb flush;
  plugin_shutdown_cb shutdown;
};
const struct mock_callbacks *mock_callbacks(void);

/* Lets the thread of that number, from 1, of those that are started from now on
 * fail to start; 0: none. mock_reset ends that. */
void mock_fail_thread(size_t number);

/* Reads the inside of a block of collectd.conf, as liboconfig would, into the
 * item that a callback of collectd's gets. Aborts if text is no such thing. To
 * be freed by mock_config_free. */
oconfig_item_t *mock_config(const char *text);
void mock_config_free(oconfig_item_t *block);

#endif
