#!/bin/bash
# SPDX-License-Identifier: MIT
# The API goes away and comes back: one line at the start, one at the end, and no
# status changes.
# shellcheck source-path=SCRIPTDIR disable=SC2317,SC2119
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

port=$(free_port)
start_simulator --port "$port" <<'EOF'
many task 90
many done 10 success=1
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxConcurrency 100
  MaxErrorInterval 1
  StateSet false
  $(seq -f 'Task "task-%g"' 90)
  $(seq -f 'Task "done-%g"' 10)
</Plugin>
EOF

# statuses: how many tasks have which
statuses() {
  prometheus_all | sed -n 's/^collectd_camb_task_gauge{.*type="status".*} \([-0-9.]*\) .*/\1/p' |
    sort | uniq -c | awk '{ printf "%d:%d ", $2, $1 }'
}
at_first="0:10 1:90 "
asked() { [ "$(counted '[.tasks[].requests] | max')" -ge "$1" ]; }
asked_again() { [ "$(counted '[.tasks[] | select(.state == "PENDING").requests] | min')" -ge 1 ]; }
# plugin_log SEVERITY: the plugin's lines in the log
plugin_log() { grep -E "^\[$1\] camb_task plugin: " "$work/collectd.log"; }

ok "all tasks are known" wait_for prints "$at_first" statuses
ok "the API is up" wait_for value_is camb_api-default/gauge-up 1

# It goes away between two rounds: one has just had all its answers.
before=$(counted '[.tasks[].requests] | max')
ok "a round has passed" wait_for asked $((before + 1))
wait_for prints 0 counted .in_flight.now
end_process "$simulator"
ok "gone: the API is not up" wait_for value_is camb_api-default/gauge-up 0
ok "a notification says that nothing is seen" wait_for notified default
ok "the status ages" wait_for value_within camb_task-task-1/duration-status_age 3 1000
is "the statuses are held" "$(statuses)" "$at_first"
is "the log has one line of it" "$(plugin_log warning | grep -c .)" 1
ok "about what and whom" log_has \
  '^\[warning\] camb_task plugin: account "default": no connection can be made, at first for task "'
is "nothing is over yet" "$(plugin_log notice | grep -c .)" 0

start_simulator --port "$port" <<'EOF'
many task 90
many done 10 success=1
EOF
ok "back: the API is up" wait_for value_is camb_api-default/gauge-up 1
ok "every pending task is asked for again" wait_for asked_again
ok "the status is fresh again" wait_for value_within camb_task-task-1/duration-status_age 0 2
ok "its end is in the log" wait_for log_has 'over: no connection can be made'
is "the statuses are what they were" "$(statuses)" "$at_first"
ok "rounds go on" rounds_pass 200
is "the end was one line" "$(plugin_log notice | grep -c .)" 1
is "the start was one" "$(plugin_log warning | grep -c .)" 1
is "no error of the plugin's, or about it" \
  "$(grep -E '^\[error\] (camb_task|plugin_)' "$work/collectd.log")" ""
is "one WARNING, one OKAY" "$(notifications default | sed 's/ .*//' | tr '\n' ' ')" \
  "WARNING OKAY "
is "no task was notified of twice" "$(log_count 'Notification: .*plugin = camb_task,')" 10
is "what had ended was not asked for again" "$(counted '.tasks["done-1"].requests')" 0

done_testing
