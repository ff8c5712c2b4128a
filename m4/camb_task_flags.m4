# Copyright (c) 2026 the camb_task authors
# SPDX-License-Identifier: MIT

# CAMB_TASK_WARNINGS(FLAGS)
# Sets WARNING_CFLAGS to those of FLAGS that the compiler knows, and to
# -Werror with --enable-werror. Apart from the user's CFLAGS, which come later
# on the command line and so have the last word.
AC_DEFUN([CAMB_TASK_WARNINGS],
[AC_ARG_ENABLE([werror],
  [AS_HELP_STRING([--enable-werror],[take warnings for errors (for CI)])])
AC_MSG_CHECKING([which warnings $CC knows])
WARNING_CFLAGS=
camb_task_save_CFLAGS=$CFLAGS
for flag in $1; do
  # clang only warns of an unknown warning, hence -Werror.
  CFLAGS="$camb_task_save_CFLAGS -Werror $flag"
  AC_COMPILE_IFELSE([AC_LANG_SOURCE([[int x;]])],
    [AS_VAR_APPEND([WARNING_CFLAGS],["${WARNING_CFLAGS:+ }$flag"])])
done
CFLAGS=$camb_task_save_CFLAGS
AC_MSG_RESULT([$WARNING_CFLAGS])
AS_IF([test "x$enable_werror" = xyes],
  [AS_VAR_APPEND([WARNING_CFLAGS],[" -Werror"])])
AC_SUBST([WARNING_CFLAGS])
])

# CAMB_TASK_INSTRUMENTATION
# Sets INSTRUMENT_FLAGS, for compiling and linking, from the options for
# sanitizers and coverage. A module with a sanitizer does not load in a daemon
# without: the conditional SANITIZED leaves out the tests that do so.
# Comes before AC_PROG_CC, to choose the default CFLAGS.
AC_DEFUN([CAMB_TASK_INSTRUMENTATION],
[AC_ARG_ENABLE([sanitizers],
  [AS_HELP_STRING([--enable-sanitizers],
    [build with AddressSanitizer and UBSan, for the unit tests only])])
AC_ARG_ENABLE([thread-sanitizer],
  [AS_HELP_STRING([--enable-thread-sanitizer],
    [build with ThreadSanitizer, for the unit tests only])])
AC_ARG_ENABLE([coverage],
  [AS_HELP_STRING([--enable-coverage],[build for gcov])])
INSTRUMENT_FLAGS=
AS_CASE([x$enable_sanitizers/x$enable_thread_sanitizer],
  [xyes/xyes],
    [AC_MSG_ERROR([--enable-sanitizers and --enable-thread-sanitizer exclude each other])],
  [xyes/*],
    [INSTRUMENT_FLAGS="-fsanitize=address,undefined dnl
-fno-sanitize-recover=undefined -fno-omit-frame-pointer"],
  [*/xyes],[INSTRUMENT_FLAGS="-fsanitize=thread -fno-omit-frame-pointer"])
AM_CONDITIONAL([SANITIZED],[test -n "$INSTRUMENT_FLAGS"])
AS_IF([test "x$enable_coverage" = xyes],[
  AS_VAR_APPEND([INSTRUMENT_FLAGS],[" --coverage"])
  # Optimised code counts lines that are not there. The user's CFLAGS stand.
  : ${CFLAGS=-g -O0}
])
AC_SUBST([INSTRUMENT_FLAGS])
])
