#!/bin/bash
# SPDX-License-Identifier: MIT
# "collectd -T" polls once and says what is wrong.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" curl jq timeout

unset CAMB_API_KEY

# run_once <CONFIGURATION, from LoadPlugin on: runs collectd -T to its end. Sets
# exit_status.
run_once() {
  INTERVAL=10 collectd_conf
  : >"$work/collectd.log"
  rm -f "$work/camb_task.state"
  timeout "$PATIENCE" "$collectd" -T -C "$work/collectd.conf" \
    >"$work/collectd.out.log" 2>&1
  exit_status=$?
}

# complaints: what the plugin has to say that is more than information
complaints() {
  sed -n 's/^\[\(warning\|error\)\] camb_task plugin: //p' "$work/collectd.log"
}

start_simulator <<'EOF'
task pending
task done success=1
task failed error=UNKNOWN_ERROR
many crowd 20
EOF
run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "pending"
  Task "done"
  Task "failed"
  <Account "crowd">
    MaxConcurrency 5
    $(for i in {1..20}; do echo "Task \"crowd-$i\""; done)
  </Account>
</Plugin>
EOF
is "all is well" "$exit_status" 0
is "nothing is wrong" "$(complaints)" ""
is "each task was asked for once" \
  "$(counted '[.tasks[].requests] | map(tostring) | unique | join(" ")')" 1
is "all of them" "$(counted .requests)" 23
is "an end is notified, once" "$(notifications 'done')" "OKAY Task done is SUCCESS, run 1"
is "a failure too" "$(notifications failed)" "FAILURE Task failed is ERROR, reason UNKNOWN_ERROR"

run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "another-key"
  Task "pending"
</Plugin>
EOF
is "a wrong key is no error of collectd's" "$exit_status" 0
is "but it is said" "$(complaints)" \
  'account "default": the API rejects the key, at first for task "pending" (HTTP 401: Invalid API key)'
is "and notified" "$(notifications default)" "FAILURE Account default: the API rejects the key"

run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKeyFile "$work/missing.key"
  Task "pending"
</Plugin>
EOF
is "a key file that is missing is none" "$exit_status" 0
is "but it is said" "$(complaints)" \
  "key file $work/missing.key: No such file or directory"

run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "pendign" "typo"
</Plugin>
EOF
is "a task that there is not is none" "$exit_status" 0
is "but it is said" "$(complaints)" \
  'task "typo" (ID pendign): the API does not know the task (HTTP 404: Task not found)'

run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "http://127.0.0.1:$(free_port)/apis"
  APIKey "test-key"
  Task "pending"
</Plugin>
EOF
is "an API that can't be reached is none" "$exit_status" 0
ok "but it is said" grep -q \
  '^account "default": no connection can be made, at first for task "pending"' \
  <<<"$(complaints)"
is "once" "$(complaints | wc -l)" 1

simulate <<<'all silence'
run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Timeout 3600
  Task "pending"
</Plugin>
EOF
is "nor is one that does not answer in time" "$exit_status" 0
is "but it is said" "$(complaints)" \
  "account \"default\": stopped before the API's first answer came"

requests=$(counted .requests)
run_once <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "pending"
  Task "done" "pending"
</Plugin>
EOF
ok "a wrong configuration is an error" test "$exit_status" -ne 0
ok "which did not take too long" test "$exit_status" -lt 124
is "it is said" "$(complaints)" \
  'Task "done": name "pending": another task has the same name'
is "and nothing is asked" "$(counted .requests)" "$requests"

run_once <<<'LoadPlugin camb_task'
ok "so is a missing block" test "$exit_status" -ne 0
is "it is said" "$(complaints)" \
  'there is no <Plugin camb_task> block, so nothing to follow'

done_testing
