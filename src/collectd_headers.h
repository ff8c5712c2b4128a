/* SPDX-License-Identifier: MIT */
/* collectd's plugin interface, from Debian's collectd-dev or from a source
 * tree; configure chooses. The only file to name collectd's headers. */
#ifndef CAMB_TASK_COLLECTD_HEADERS_H
#define CAMB_TASK_COLLECTD_HEADERS_H

#ifdef CAMB_TASK_COLLECTD_SOURCE_TREE
/* A tree that was not configured has no config.h: name what it would say. */
#define FP_LAYOUT_NEED_NOTHING 1
#define NAN_STATIC_DEFAULT 1
#define HAVE_DIRENT_H 1
#define HAVE_SYS_TYPES_H 1
#include "plugin.h"
#else
#define HAVE_CONFIG_H 1
#include "collectd/core/daemon/plugin.h"
#endif

#endif
