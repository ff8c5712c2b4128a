# Copyright (c) 2026 the camb_task authors
# SPDX-License-Identifier: MIT

# CAMB_TASK_COLLECTD_HEADERS(MISSING-LIST)
# Finds the headers for plugins, those installed by Debian's collectd-dev or
# those of an unpacked source tree, and sets COLLECTD_CPPFLAGS for them.
# src/collectd_headers.h knows how each of the two is included; it is compiled
# here, because a header that exists may still be one that does not fit.
AC_DEFUN([CAMB_TASK_COLLECTD_HEADERS],
[AC_ARG_WITH([collectd-source],
  [AS_HELP_STRING([--with-collectd-source=DIR],
    [use the headers of the collectd source tree DIR, not the installed ones])],
  [],[with_collectd_source=no])
AS_CASE([$with_collectd_source],
  [yes|''],[AC_MSG_ERROR([--with-collectd-source needs a directory])],
  [no],[
    collectd_headers=installed
    COLLECTD_CPPFLAGS='-isystem /usr/include/collectd'],
  [
    collectd_headers=$(cd "$with_collectd_source" 2>/dev/null && pwd) ||
      AC_MSG_ERROR([--with-collectd-source: no directory $with_collectd_source])
    # Absolute, for distcheck, which passes it on from a directory of its own.
    with_collectd_source=$collectd_headers
    COLLECTD_CPPFLAGS="-DCAMB_TASK_COLLECTD_SOURCE_TREE=1 dnl
-isystem $collectd_headers/src -isystem $collectd_headers/src/daemon"])
AC_SUBST([COLLECTD_CPPFLAGS])
AC_SUBST([with_collectd_source])

AC_MSG_CHECKING([for collectd's plugin headers ($collectd_headers)])
camb_task_save_CPPFLAGS=$CPPFLAGS
CPPFLAGS="-D_GNU_SOURCE -I$srcdir/src $COLLECTD_CPPFLAGS $CPPFLAGS"
AC_COMPILE_IFELSE(
  [AC_LANG_SOURCE([[
    #include "collectd_headers.h"
    int use(const oconfig_item_t *ci, value_list_t *vl, notification_t *n,
            int (*read)(user_data_t *), user_data_t *ud);
    int use(const oconfig_item_t *ci, value_list_t *vl, notification_t *n,
            int (*read)(user_data_t *), user_data_t *ud) {
      vl->values_len = (size_t)ci->values_num;
      return plugin_register_complex_read(NULL, "x", read,
                                          DOUBLE_TO_CDTIME_T(10.0), ud) ||
             plugin_dispatch_values(vl) || plugin_dispatch_notification(n);
    }]])],
  [AC_MSG_RESULT([yes])],
  [AC_MSG_RESULT([no])
  AS_IF([test "$collectd_headers" = installed],
    [CAMB_TASK_MISSING([$1],[collectd's plugin headers],
      [collectd-dev, or --with-collectd-source=DIR])],
    [AC_MSG_ERROR([$collectd_headers is not a source tree of collectd 5.12 or a later 5.x (see config.log)])])])
CPPFLAGS=$camb_task_save_CPPFLAGS
])

# CAMB_TASK_COLLECTD_PLUGIN_DIR
# Sets plugindir, where collectd looks for its plugins: the daemon is asked,
# as there is no pkg-config file. COLLECTD is the daemon, empty if none.
AC_DEFUN([CAMB_TASK_COLLECTD_PLUGIN_DIR],
[AC_ARG_VAR([COLLECTD],[the collectd daemon])
AC_PATH_PROG([COLLECTD],[collectd],[],
  [$PATH$PATH_SEPARATOR/usr/sbin$PATH_SEPARATOR/usr/local/sbin])
AC_ARG_WITH([collectd-plugin-dir],
  [AS_HELP_STRING([--with-collectd-plugin-dir=DIR],
    [install the plugin in DIR @<:@what "collectd -h" says@:>@])],
  [],[with_collectd_plugin_dir=no])
AC_MSG_CHECKING([for collectd's plugin directory])
AS_CASE([$with_collectd_plugin_dir],
  [no],[
    plugindir=
    AS_IF([test -n "$COLLECTD" && test "$cross_compiling" = no],
      [plugindir=$("$COLLECTD" -h 2>/dev/null |
         sed -n 's/^ *Plugin directory *//p')])],
  [/*|'$'*],[plugindir=$with_collectd_plugin_dir],
  [AC_MSG_ERROR([--with-collectd-plugin-dir needs an absolute directory])])
AC_MSG_RESULT([${plugindir:-not known}])
AS_IF([test -z "$plugindir"],[
  plugindir='${libdir}/collectd'
  AC_MSG_NOTICE([no collectd daemon to ask (Debian package collectd-core), so dnl
the plugin directory is $plugindir; --with-collectd-plugin-dir=DIR sets another])])
AC_SUBST([plugindir])
])
