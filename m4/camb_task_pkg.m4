# Copyright (c) 2026 the camb_task authors
# SPDX-License-Identifier: MIT

# CAMB_TASK_MISSING(LIST, WHAT, DEBIAN-PACKAGE)
# Adds "WHAT (Debian package DEBIAN-PACKAGE)" to the shell variable LIST.
AC_DEFUN([CAMB_TASK_MISSING],
[AS_VAR_APPEND([$1],["${$1:+, }$2 (Debian package $3)"])])

# CAMB_TASK_PKG(PREFIX, MODULE, DEBIAN-PACKAGE, LIST)
# Sets PREFIX_CFLAGS and PREFIX_LIBS by pkg-config, or adds MODULE to LIST.
# Its headers are taken as system headers: our warnings are not meant for them.
AC_DEFUN([CAMB_TASK_PKG],
[PKG_CHECK_MODULES([$1],[$2],
  [$1_CFLAGS=$(AS_ECHO(["$$1_CFLAGS"]) |
     sed 's/^-I/-isystem /; s/ -I/ -isystem /g')],
  [CAMB_TASK_MISSING([$4],[$2],[$3])])])
