/* SPDX-License-Identifier: MIT */
/* The plugin's part of collectd.conf: <Plugin camb_task> blocks. */
#ifndef CONFIGURATION_H
#define CONFIGURATION_H

#include "status_decoder.h"
#include "task_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oconfig_item_s; /* collectd's, liboconfig/oconfig.h */

#define ACCOUNT_DEFAULT "default"
#define API_KEY_VARIABLE "CAMB_API_KEY"
#define STATE_FILE_DEFAULT "camb_task.state"

#define FIELD_NOT_EMITTED (-1)

/* A number of the status answer that is emitted as a value. No two of an
 * account, and none of the plugin's own values, have the same type and
 * instance. */
struct field {
  char *pointer;   /* RFC 6901, "" for the whole answer */
  char *type;      /* 1 to 127 bytes; may not be in types.db */
  int source_type; /* collectd's DS_TYPE_*, or FIELD_NOT_EMITTED; the emitter
                      finds it out when types.db has been read */
  char *instance;  /* at most 127 bytes, may be "" */
};

/* The options of an account, as far as they are not tasks or lists of them.
 * Times are in milliseconds. */
struct account_options {
  char *url;
  char *api_key; /* never both of these; neither only where no task is */
  char *api_key_file;
  bool has_own_key;           /* the key was given here, not inherited */
  long max_concurrency;       /* 1 to 1000 */
  int64_t timeout;            /* 100 to 3600000 */
  int64_t max_poll_interval;  /* up to a day; 0: ask every interval */
  int64_t max_error_interval; /* a second to a day */
  int64_t stalled_after;      /* up to a year; 0: never */
  int64_t forget_after;       /* up to a year; 0: never */
  char *proxy;                /* NULL: by the environment */
  char *ca_cert;              /* NULL: the system's */
  bool verify_peer, verify_host;
  char *host; /* NULL: collectd's host name */
  bool state_set;
  bool notify;
  bool fetch_result;
  char *state_file; /* "": none; may be relative to collectd's BaseDir, its
                       working directory from before init on */
  struct field *fields;
  size_t field_count; /* at most STATUS_FIELDS_MAX */
};

struct account {
  char *name;
  char *name_prefix; /* of its tasks' names: "NAME-", "" for "default" */
  struct account_options options;
};

/* A file that lists tasks. An account has each path once. */
struct task_file_option {
  char *path;     /* as it was given, not empty; may be relative, as above */
  size_t account; /* index of the account its tasks belong to */
};

/* What all blocks add up to. Whole after each successful parse. */
struct configuration {
  struct account_options defaults; /* given outside any <Account> so far */
  struct account *accounts;
  size_t account_count;
  struct task_list *tasks; /* of all accounts, by the accounts' index */
  struct task_file_option *task_files; /* of all accounts */
  size_t task_file_count;
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
