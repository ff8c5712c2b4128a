#!/bin/bash
# SPDX-License-Identifier: MIT
# The alert rules on what the plugin really has in each kind of trouble. So that
# it does not take an hour, a minute in the rules is a second here, and so is the
# back-off; prometheus_rules.test.sh has the times.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq prometheus

export INTERVAL=0.5 VALUE_TIMEOUT=10

start_simulator --key test-key <<'EOF'
task well
task refused http=403
task allowed
task limited http=429
task let-through
task lost
task misspelt http=404
task ended success=1
EOF
account() { # account NAME KEY URL TASK...
  printf '<Account "%s">\nAPIKey "%s"\nURL "%s"\n' "$1" "$2" "$3"
  printf 'Task "%s"\n' "${@:4}"
  echo '</Account>'
}
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 5
  StateSet false
  Task "well"
  $(account ended test-key "$api_url" ended)
  $(account rejected wrong-key "$api_url" any)
  $(account down test-key "http://127.0.0.1:$(free_port)/apis" any)
  $(account keyless test-key "$api_url" any | sed "s,^APIKey .*,APIKeyFile \"$work/no.key\",")
  $(account partly test-key "$api_url" refused allowed)
  $(account limited test-key "$api_url" limited let-through)
  $(account lost test-key "$api_url" lost)
  $(account misspelt test-key "$api_url" misspelt)
</Plugin>
EOF
ok "the lost one has been found at first" wait_for value_is camb_task-lost-lost/gauge-status 1
simulate <<<'task lost http=404'

# Only what waits for the first values is not that short, as Prometheus' own
# start takes its time.
sed -e '/alert: CambNoValues/,$s/for: 5m/for: 20s/' \
  -e '/^ *#/!s/\([0-9]\)m\(]\|$\)/\1s\2/g' \
  -e 's/> 1800$/> 10/' -e 's/6 \* 3600/20/' \
  "$top_srcdir/examples/prometheus/camb_task.rules.yml" >"$work/camb_task.rules.yml"
is "all times are another here" "$(grep -v '^ *#' "$work/camb_task.rules.yml" | grep -cE '[0-9]m(]|$)')" 0
start_prometheus "$prometheus_port"

# ever: "ALERT ACCOUNT-OR-TASK" of all that have fired up to now
ever() {
  query 'count_over_time(ALERTS{alertstate="firing"}[1h])' | jq -r '.[].metric
    | "\(.alertname) \(.camb_api // .camb_task // .instance)"' | LC_ALL=C sort
}

expected="CambApiDown down
CambApiDown keyless
CambKeyRejected rejected
CambRateLimited limited
CambTaskStatusStale lost-lost
CambTaskStatusUnknown down-any
CambTaskStatusUnknown keyless-any
CambTaskStatusUnknown limited-limited
CambTaskStatusUnknown misspelt-misspelt
CambTaskStatusUnknown partly-refused
CambTaskStatusUnknown rejected-any
CambTaskStuck limited-let-through
CambTaskStuck partly-allowed
CambTaskStuck well"
fired() { ever | grep -qx "$1" || { sleep 0.5 && false; }; }
PATIENCE=90
while read -r alert; do
  ok "it fires: $alert" wait_for fired "$alert"
done <<<"$expected"
is "and none beside these has" "$(ever)" "$expected"

done_testing
