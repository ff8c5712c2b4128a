#!/bin/bash
# SPDX-License-Identifier: MIT
# The configurations in the README, the manual page and examples/ are loaded by
# collectd, and both documents name the metrics that it then has.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl awk

# Should one of them have a key, its requests end on this machine.
export http_proxy=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9

readme=$top_srcdir/README.md
pod=$top_srcdir/src/collectd-camb_task.pod

# configurations FILE INDENT NAME: the indented blocks of it that load the
# plugin, each into a file.
configurations() {
  awk -v indent="$2" -v name="$work/$3" '
    index($0, indent) != 1 { inside = inside && $0 ~ /^ *$/; next }
    { line = substr($0, length(indent) + 1) }
    line ~ /^<?LoadPlugin camb_task/ && !inside { inside = 1; n++ }
    inside { print line > (name "-" n ".conf") }
  ' "$1"
}
configurations "$readme" '    ' readme
configurations "$pod" '  ' manual
ok "the README has configurations" test -e "$work/readme-3.conf"
ok "the manual page has configurations" test -e "$work/manual-3.conf"

loads() {
  start_collectd <"$1"
  wait_for has_any_value
  local status=$?
  stop_collectd
  [ "$status" -eq 0 ] && ! log_has '\[error\] camb_task'
}
has_any_value() { identifiers | grep -q '^camb_api-'; }

for file in "$work"/readme-*.conf "$work"/manual-*.conf \
  "$top_srcdir"/examples/*.conf; do
  ok "collectd loads ${file##*/}" loads "$file"
done

# --- Metrics -------------------------------------------------------------------

# Whatever there is of them, of a task and of an account.
unset http_proxy https_proxy
start_simulator <<'EOF'
task pending
task done success=4711 duration=93.5 name="Trailer"
task failed error=SOURCE_TOO_LONG message="more than 4 hours"
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  FetchResult true
  Task "pending"
  Task "done"
  Task "failed"
</Plugin>
EOF
in_collectd() {
  identifiers | sed 's,^camb_task-[^/]*,camb_task-N,; s,^camb_api-[^/]*,camb_api-A,' |
    sort -u
}

# The tables' rows; a further name stands for its last part.
in_readme() {
  sed -n 's/^| \(`camb_[a-z]*-[NA]\/[^|]*\)|.*/\1/p' "$readme" |
    awk '{
      gsub(/[`,]/, "")
      print $1
      sub(/-[a-z_]*$/, "", $1)
      for (i = 2; i <= NF; i++) print $1 $i
    }' | sort -u
}
in_manual() {
  sed -n 's/^=item B<\(camb_[a-z]*-\)>I<\([NA]\)>B<\(.*\)>$/\1\2\3/p' "$pod" |
    sort -u
}
has_the_metrics_of() { [ "$(in_collectd)" = "$("$1")" ]; }
ok "the README has metrics" at_least 20 wc -l <<<"$(in_readme)"
wait_for has_the_metrics_of in_readme
is "the README's metrics are those of collectd" "$(in_readme)" "$(in_collectd)"
is "the manual page's are, too" "$(in_manual)" "$(in_collectd)"

# Wherever a text names one.
named() {
  grep -ohE '\<(count|duration|gauge|response_time|total_requests)-[a-z_]*[a-z]' \
    "$readme" "$pod" | sort -u
}
is "no other is named" \
  "$(named | grep -vxF "$(in_collectd | sed 's,.*/,,')")" ""
named_in_prometheus() { grep -ohE 'collectd_camb_[a-z_]*[a-z]' "$1" | sort -u; }
prometheus_names() {
  prometheus_all | sed -n 's/^\(collectd_camb_[a-z_]*\).*/\1/p' | sort -u
}
for file in "$readme" "$pod"; do
  is "${file##*/} names what Prometheus gets" \
    "$(named_in_prometheus "$file")" "$(prometheus_names)"
done

# --- The runbook ----------------------------------------------------------------

# Its command for what the API says of a failed task, here.
says_why=$(sed -n "s,^Look at the API's reason and message: \`\([^\`]*\)\`.*,\1,p" "$readme" |
  sed "s,NAME,failed,; s,/var/lib/collectd,$work,")
runbook_has() { bash -c "$says_why" | grep -q "$1"; }
ok "where the runbook looks is the reason" wait_for runbook_has SOURCE_TOO_LONG
ok "and the message" runbook_has "more than 4 hours"
stop_collectd

done_testing
