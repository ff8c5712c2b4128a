/* SPDX-License-Identifier: MIT */
/* The key for the API, given directly or in a file. The key is never part of
 * any text that this module returns. */
#ifndef API_KEY_H
#define API_KEY_H

#include <stdbool.h>

#define API_KEY_MAX 4096         /* bytes of the key file's first line */
#define API_KEY_PROBLEM_SIZE 256 /* bytes with the terminator */

/* Whether value can be sent in an HTTP header: NULL, or what is wrong with it
 * (static text). */
const char *api_key_check(const char *value);

struct api_key;

/* A key by its value, or by the path of its file if value is NULL. The file is
 * not read yet. NULL when out of memory. */
struct api_key *api_key_create(const char *value, const char *path);
void api_key_free(struct api_key *key);

/* Reads the file if it may be another than the one read last, by its inode,
 * size, mode, and times of change; one that could not be used is read each
 * time. A key that was read stays valid while its file can't be read. Fills
 * problem with what is wrong, naming the file: that it can't be used, or that
 * others than its owner and group can read it; "" if nothing is. Returns true
 * if the key is another one now. */
bool api_key_refresh(struct api_key *key, char problem[API_KEY_PROBLEM_SIZE]);

/* Lets the next api_key_refresh read the file even if it seems unchanged, as
 * when the API has rejected the key. Does nothing to a key given directly. */
void api_key_expire(struct api_key *key);

/* The key, or NULL as long as none could be read. Valid until the next
 * api_key_refresh. */
const char *api_key_value(const struct api_key *key);

#endif
