/* SPDX-License-Identifier: MIT */
/* The plugin's part of collectd.conf: <Plugin camb_task> blocks. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "account_options.h"
#include "task_list.h"

#include <stddef.h>

struct oconfig_item_s; /* collectd's, liboconfig/oconfig.h */

#define ACCOUNT_DEFAULT "default"
#define API_KEY_VARIABLE "CAMB_API_KEY"

struct account {
  char *name;        /* 1 to 127 bytes, as task_name_check has it */
  char *name_prefix; /* of its tasks' names: "NAME-", "" for "default" */
  struct account_options options;
};

/* A file that lists tasks. An account has each path once. */
struct task_file_option {
  char *path;     /* as it was given, not empty; may be relative, as the
                     option state_file */
  size_t account; /* index of the account its tasks belong to */
};

/* What all blocks add up to. After each successful parse it is whole: each
 * account has a key, if no other is given that in the environment. */
struct configuration {
  struct account_options defaults; /* given outside any <Account> so far */
  struct account *accounts;
  size_t account_count;
  struct task_list *tasks; /* of all accounts, by the accounts' index */
  struct task_file_option *task_files; /* of all accounts */
  size_t task_file_count;
};

/* A configuration with nothing but the defaults. NULL when out of memory. */
struct configuration *configuration_create(void);
void configuration_free(struct configuration *configuration);

/* Adds one <Plugin camb_task> block. An error is logged by collectd's log in
 * one line that names the option and, for a task, the task, and -1 is returned:
 * the callback of collectd that passes it on makes the daemon refuse to start.
 * The configuration is then only good for being freed. Returns 0 otherwise. */
int configuration_parse(struct configuration *configuration,
                        const struct oconfig_item_s *block);

#endif
