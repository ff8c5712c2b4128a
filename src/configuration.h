/* SPDX-License-Identifier: MIT */
/* The plugin's part of collectd.conf: <Plugin camb_task> blocks. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "task_list.h"

#include <stdbool.h>
#include <stddef.h>

struct oconfig_item_s; /* collectd's, liboconfig/oconfig.h */

#define ACCOUNT_DEFAULT "default"
#define API_KEY_VARIABLE "CAMB_API_KEY"

/* The options of an account, as far as they are not tasks. */
struct account_options {
  char *url;
  char *api_key; /* never both of these; neither only where no task is */
  char *api_key_file;
  bool has_own_key;     /* the key was given here, not inherited */
  long max_concurrency; /* 1 to 1000 */
  long timeout;         /* milliseconds, 100 to 3600000 */
  char *proxy;          /* NULL: by the environment */
  char *ca_cert;        /* NULL: the system's */
  bool verify_peer, verify_host;
  char *host; /* NULL: collectd's host name */
  bool state_set;
  bool notify;
};

struct account {
  char *name;
  struct account_options options;
};

/* What all blocks add up to. Whole after each successful parse. */
struct configuration {
  struct account_options defaults; /* given outside any <Account> so far */
  struct account *accounts;
  size_t account_count;
  struct task_list *tasks; /* of all accounts, by the accounts' index */
};

/* A configuration with nothing but the defaults, the key in the environment
 * among them. NULL when out of memory. */
struct configuration *configuration_create(void);
void configuration_free(struct configuration *configuration);

/* Adds one <Plugin camb_task> block. An error is logged by collectd's log in
 * one line that names the option and, for a task, the task, and -1 is returned:
 * the callback of collectd that passes it on makes the daemon refuse to start.
 * The configuration is then only good for being freed. Returns 0 otherwise. */
int configuration_parse(struct configuration *configuration,
                        const struct oconfig_item_s *block);

#endif
