/* SPDX-License-Identifier: MIT */
/* The options of an account, as far as they are not tasks or lists of them: a
 * part of the configuration. Those with one value are in one table, at the head
 * of account_options.c: to add one, add its line there and its member here. */
#ifndef ACCOUNT_OPTIONS_H
#define ACCOUNT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oconfig_value_s; /* collectd's, liboconfig/oconfig.h */

#define ONE_STRING_EXPECTED "exactly one string is expected (in quotes)"

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

/* Times are in milliseconds. */
struct account_options {
  char *url;
  char *api_key;              /* NULL, or what api_key_check finds good */
  char *api_key_file;         /* NULL if there is an api_key */
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

/* Fills options with the defaults; there is none for the key. Returns false
 * when out of memory: they are only good for being cleared then. */
bool account_options_init(struct account_options *options);

/* Frees what options hold, but not options themselves. */
void account_options_clear(struct account_options *options);

/* Makes target, which holds nothing, inherit from source all but the key, by
 * copies. Returns false when out of memory: target is only good for being
 * cleared then. */
bool account_options_inherit(struct account_options *target,
                             const struct account_options *source);

/* The same for the key, unless target has one, of either kind. */
bool account_options_inherit_key(struct account_options *target,
                                 const struct account_options *source);

/* Sets the option of that name, in any case, to a copy of the value, which is
 * NULL if there is not exactly one. *name becomes the name as it is documented,
 * if there is such an option. Returns NULL, or what is wrong (static text); the
 * option may have changed all the same then. */
const char *account_options_set(struct account_options *options,
                                const char **name,
                                const struct oconfig_value_s *value);

/* Adds a copy of the field, but for its source type. Returns NULL, or what is
 * wrong (static text); nothing is added then. */
const char *account_options_add_field(struct account_options *options,
                                      const struct field *field);

#endif
