#!/bin/bash
# SPDX-License-Identifier: MIT
# From failures to messages and back: the plugin in a collectd, a Prometheus with
# the alert rules, an Alertmanager, and a server that gets what it has to tell.
# Their files are those of examples/prometheus but for addresses and intervals;
# the rules are as they are.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq prometheus prometheus-alertmanager amtool python3

# What is off its list is to be gone soon, but a slow machine is no reason.
export VALUE_TIMEOUT=5
examples=$top_srcdir/examples/prometheus

# Forty that fail, together, one of each kind by name; and one that goes well.
failing=40
list() { # list ID-PREFIX: the failing tasks, under names that stay the same
  echo "good good"
  echo "$1-1 interview-pt"
  echo "$1-2 webinar-ja"
  echo "$1-3 documentary-it"
  seq 4 "$failing" | sed "s/.*/$1-& other-&/"
}
start_simulator <<EOF
task good
many bad $failing payment_required
task bad-2 error=SOURCE_TOO_LONG
task bad-3 timeout
many new $failing
task extra timeout
EOF
start_http_receiver
echo "good good" >"$work/tasks"
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxConcurrency 100
  TaskFile "$work/tasks"
</Plugin>
EOF

# Long enough for all forty to be in one message; the repetition is as it is.
sed -e "s,http://127.0.0.1:9099/,$http_receiver_url/alerts," \
  -e 's/group_wait: 30s/group_wait: 6s/' -e 's/group_interval: 5m/group_interval: 2s/' \
  "$examples/alertmanager.yml" >"$work/alertmanager.yml"
start_alertmanager "$work/alertmanager.yml"
start_prometheus "$prometheus_port"

# messages JQ-EXPRESSION: of all messages up to now, an array of what
# Alertmanager sent
messages() { cat "$http_received"/*.json 2>/dev/null | jq -rs "map(.body | fromjson) | $1"; }
# told STATUS JQ-CONDITION: how many such alerts were in messages
told() { messages "[.[].alerts[] | select(.status == \"$1\" and ($2))] | length"; }
# firing: how many alerts of failed tasks Prometheus has
firing() { query 'count(ALERTS{alertname="CambTaskFailed",alertstate="firing"}) or vector(0)' | jq -r '.[0].value[1]'; }
series() { query "count($1) or vector(0)" | jq -r '.[0].value[1]'; }
evaluations() {
  answers "$prometheus_url/metrics" |
    sed -n 's/^prometheus_rule_group_iterations_total{.*} //p'
}
evaluations_pass() { wait_for at_least $(($(evaluations) + $1)) evaluations; }

# --- Before ------------------------------------------------------------------

ok "Prometheus has the values" wait_for prints 1 series 'collectd_camb_task_gauge{camb_task="good",type="status"} == 1'
answers "$prometheus_url/api/v1/rules" >"$work/rules.json"
is "and rules that are healthy, as often as there are alerts" \
  "$(jq '[.data.groups[].rules[] | select(.health == "ok")] | length' "$work/rules.json")" \
  "$(grep -c -e '- alert:' "$examples/camb_task.rules.yml")"
evaluations_pass 3
is "nothing is told of what goes well" "$(messages length)" 0
is "nothing fires" "$(query ALERTS)" "[]"

# --- Failures ----------------------------------------------------------------

list bad >"$work/tasks"
ok "all failed tasks are told of" wait_for prints "$failing" told firing true
is "in one message" "$(messages length)" 1
is "of which none is of another kind" "$(told firing '.labels.alertname != "CambTaskFailed"')" 0
is "as critical" "$(told firing '.labels.severity == "critical"')" "$failing"
is "each names its host" "$(told firing '.labels.instance == "e2e"')" "$failing"
is "each names its task" "$(told firing '.labels.camb_task as $task
  | .annotations.summary | startswith("Task \($task) has failed: ")')" "$failing"
is "each leads to the runbook" "$(told firing '.annotations.runbook_url
  == "file:///usr/local/share/doc/camb_task/README.md#cambtaskfailed"')" "$failing"
is "in words" "$(messages '[.[].alerts[].annotations.summary
  | select(test("-(pt|ja|it) "))] | sort | .[]')" \
  "Task documentary-it has failed: TIMEOUT
Task interview-pt has failed: PAYMENT_REQUIRED
Task webinar-ja has failed: ERROR"
is "the message says which kind it is of" "$(messages '.[0].groupLabels.alertname')" CambTaskFailed

# --- A restart ---------------------------------------------------------------

stop_collectd
ok "Prometheus sees that collectd is not there" wait_for prints 1 series 'up{job="collectd"} == 0'
is "the values are gone" "$(series collectd_camb_task_gauge)" 0
evaluations_pass 2
is "the alerts are not" "$(firing)" "$failing"
restart_collectd
ok "it is there again" wait_for prints $((failing + 1)) series 'collectd_camb_task_gauge{type="status"}'
evaluations_pass 5
is "the alerts still are" "$(firing)" "$failing"
is "nothing is told again, nor as over" "$(messages length)" 1

# --- The end of it -----------------------------------------------------------

# A task that is taken off its list: no more values, at once. (Its alert lasts
# for the ten minutes that a restart may take; see prometheus_rules.test.yml.)
echo "extra extra" >>"$work/tasks"
ok "another one fails, and is told of" wait_for prints 1 told firing '.labels.camb_task == "extra"'
sed -i '/extra/d' "$work/tasks"
ok "off the list, it has no more values" wait_for prints 0 series 'collectd_camb_task_gauge{camb_task="extra"}'

# Submitted again, under the same names.
list new >"$work/tasks"
ok "all that were submitted again are told as over" wait_for prints "$failing" told resolved true
is "each once" "$(messages '[.[].alerts[] | select(.status == "resolved") | .labels.camb_task] | unique | length')" "$failing"
evaluations_pass 3
is "and no more" "$(told resolved true)" "$failing"
is "only what is off the list stays for a while" "$(firing)" 1

# --- Muting ------------------------------------------------------------------

# state INSTANCE NAME: of an alert, in Alertmanager: active or suppressed
state() {
  answers "$alertmanager_url/api/v2/alerts" |
    jq -r ".[] | select(.labels.alertname == \"$2\" and .labels.instance == \"$1\").status.state"
}
states() { state "$@" | sort; }
post() { amtool --alertmanager.url="$alertmanager_url" alert add "$@"; }
post CambTaskStatusStale instance=a camb_task=x
post CambTaskStatusUnknown instance=b camb_task=x
post CambTaskStatusStale instance=c camb_task=x
post CambRateLimited instance=a camb_api=default
post CambRateLimited instance=a camb_api=other
post CambRateLimited instance=b camb_api=default
post CambTaskFailed instance=d camb_task=x
post CambApiDown instance=a camb_api=default
post CambKeyRejected instance=b camb_api=default
post CambNoValues instance=d
ok "an API that is down mutes stale tasks of its host" wait_for prints suppressed state a CambTaskStatusStale
ok "a rejected key mutes unknown ones" wait_for prints suppressed state b CambTaskStatusUnknown
ok "not those of other hosts" wait_for prints active state c CambTaskStatusStale
ok "an API that is down is why its rate is limited, not that of another account" \
  wait_for prints $'active\nsuppressed' states a CambRateLimited
ok "not that of other hosts" wait_for prints active state b CambRateLimited
ok "no values at all mute the rest of the host" wait_for prints suppressed state d CambTaskFailed
for name in a:CambApiDown b:CambKeyRejected d:CambNoValues; do
  ok "${name#*:} is told itself" wait_for prints active state "${name%:*}" "${name#*:}"
done

done_testing
