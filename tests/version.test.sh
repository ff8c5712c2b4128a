#!/bin/bash
# SPDX-License-Identifier: MIT
# Everything that has a version has the one that NEWS begins with. (What is sent
# as User-Agent is in e2e/requests.test.sh.)
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/e2e/lib.sh"
need date

version=$(newest_version)
date=$(newest_date)
page=$top_builddir/src/collectd-camb_task.5
[ -e "$page" ] || page=$top_srcdir/src/collectd-camb_task.5 # a tarball's

is "the date is one" "$(date -u -d "$date" +%F 2>&1)" "$date"
is "configure --version" \
  "$("$top_srcdir/configure" --version | head -n 1)" "camb_task configure $version"
is "the manual page" "$(grep '^\.TH ' "$page" | tr -d '"')" \
  ".TH COLLECTD-CAMB_TASK 5 $date $version camb_task"
is "the RPM's specification" \
  "$(sed -n 's/^Version: //p' "$top_builddir/packaging/collectd-camb_task.spec")" "$version"
is "the plugin" "$(grep -aoE 'camb_task/[0-9.]+' "$MODULE_DIR/camb_task.so")" \
  "camb_task/$version"

done_testing
