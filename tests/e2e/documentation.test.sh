#!/bin/bash
# SPDX-License-Identifier: MIT
# The configurations in the README and in examples/ are loaded by collectd, and
# the README names what there is.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
need "$collectd" collectdctl awk

# Should one of them have a key, its requests end on this machine.
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9

readme=$top_srcdir/README.md

# The blocks of the README that load the plugin, each into a file.
awk -v work="$work" '
  /^    (<LoadPlugin|LoadPlugin) camb_task/ && !inside { inside = 1; n++ }
  inside && /^    / { sub(/^    /, ""); print > (work "/readme-" n ".conf"); next }
  !/^ *$/ { inside = 0 }
' "$readme"
ok "the README has configurations" test -e "$work/readme-3.conf"

loads() {
  start_collectd <"$1"
  wait_for has_any_value
  local status=$?
  stop_collectd
  [ "$status" -eq 0 ] && ! log_has '\[error\] camb_task'
}
has_any_value() { identifiers | grep -q '^camb_api-'; }

for file in "$work"/readme-*.conf "$top_srcdir"/examples/*.conf; do
  ok "collectd loads ${file##*/}" loads "$file"
done

# Each option of the tables is in the README, and the other way round.
in_source() {
  sed -n -e 's/^ *OPTION("\([A-Za-z]*\)".*/\1/p' \
    -e 's/^ *{"\([A-Za-z]*\)", parse_[a-z_]*},*$/\1/p' \
    "$top_srcdir/src/configuration.c"
  echo Account
}
in_readme() {
  sed -n 's/^| `<*\([A-Z][A-Za-z]*\) ["A-Zt\\].*/\1/p' "$readme"
}
is "the README's options are those of the source" \
  "$(in_readme | sort -u | tr '\n' ' ')" "$(in_source | sort -u | tr '\n' ' ')"

# Each metric that collectd gets is in the README.
missing_metrics() {
  local name
  {
    sed -n 's/^ *X([A-Z_]*, "\([a-z_]*\)", -*[0-9].*/gauge-state_\1 count-\1/p' "$top_srcdir/src/task_state.h"
    sed -n 's/^ *X([A-Z_]*, "\([a-z_]*\)") *\\*$/total_requests-\1/p' "$top_srcdir/src/outcome.h"
    echo gauge-status gauge-up duration-elapsed duration-status_age response_time-average response_time-maximum
  } | tr ' ' '\n' | while read -r name; do
    grep -q -e "[/\`]$name\`" -e "\`-${name#*-}\`" "$readme" || echo "$name"
  done
}
is "the README has every metric" "$(missing_metrics)" ""

done_testing
