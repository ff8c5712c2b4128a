#!/bin/bash
# SPDX-License-Identifier: MIT
# Tasks that take long, that get stuck, that ended long ago, and what more is
# taken from the answers.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=12 INTERVAL=0.25

asked() { counted ".tasks[\"$1\"].requests"; }
at_most() { [ "$("${@:2}")" -le "$1" ]; }
status_is() { value_is "camb_task-$1/gauge-status" "$2"; }
rounds() { wait_for at_least $(($(asked steady) + $1)) asked steady; }
message_of() { tail -n 1 "$(receipts "$1")"; }
meta_of() { sed -n "s/^$2: //p" "$(receipts "$1")"; }
told_stalled() {
  jq 'select(.task == "stuck").stalled_told' "$work/camb_task.state"
}

# stored NAME: the state of a task in the state file
stored() { jq -r "select(.task == \"$1\").state" "$work/camb_task.state"; }

make_receiver
start_simulator <<'EOF'
task steady
task long
task ends
task stuck
task starts-late
task old success=4710
task old-failure timeout
task film kind=project-setup success=4711 duration=93.5 name="The \"Trailer\""
task dubbed kind=dub success=4712
task unlucky success=4713
task counting body='{"status":"PENDING","progress":{"percent":42.5,"a/b":[1,7]},"eta":"soon","big":-3}'
EOF
MORE_CONF=$receiver_conf start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "steady"
  <Account "slow">
    MaxPollInterval 2
    Task "long"
    Task "ends"
  </Account>
  <Account "stall">
    StalledAfter 2
    Task "stuck"
    <Task "starts-late">
      Started "2999-01-01T00:00:00Z"
    </Task>
  </Account>
  <Account "forget">
    ForgetAfter 2
    Task "old"
    Task "old-failure"
    Task "steady"
  </Account>
  <Account "field">
    Field "/progress/percent" "percent" "progress"
    Field "/progress/a~1b/1" "gauge" "second"
    Field "/eta" "gauge" "eta"
    Field "/none" "gauge" "none"
    Field "/big" "counter" "negative"
    Task "counting"
    Task "steady"
  </Account>
</Plugin>
EOF

# --- MaxPollInterval ---------------------------------------------------------

ok "a task is asked soon after it was first" wait_for at_least 3 asked long
began=$(asked steady)
first=$(asked long)
ok "values begin" wait_for has_value camb_task-slow-long/duration-elapsed
before=$(value camb_task-slow-long/duration-elapsed)
rounds 6
ok "values come all the time" awk -v a="$before" \
  -v b="$(value camb_task-slow-long/duration-elapsed)" 'BEGIN { exit !(b >= a + 0.4) }'
# up to its start are 1 + 2 + 4 intervals
rounds 34
now=$(asked steady)
note "asked $(asked long) times in some $now rounds of another's"
ok "but asked less and less often" test \
  $((($(asked long) - first) * 3)) -le $((now - began))
ok "up to MaxPollInterval" test "$(asked long)" -gt "$first"
ok "the age of the status says so" wait_for \
  value_within camb_task-slow-long/duration-status_age 0.9 60
simulate <<<'task ends success=9'
ok "an end is seen in the end" wait_for status_is slow-ends 0
is "as the account is up" "$(value camb_api-slow/gauge-up)" 1

# --- StalledAfter ------------------------------------------------------------

ok "a task that is pending for too long is notified" wait_for received stall-stuck
is "as a WARNING" "$(head -n 1 "$(receipts stall-stuck)")" "Severity: WARNING"
ok "which says why" grep -Eq \
  '^Task stall-stuck is still PENDING after [0-9.]+ s, longer than StalledAfter, ID stuck$' \
  <<<"$(message_of stall-stuck)"
is "once" "$(receipts stall-stuck | wc -l)" 1
ok "its value is that of a pending one" status_is stall-stuck 1

# --- ForgetAfter -------------------------------------------------------------

is_gone() { ! has_value "$1"; }
ok "what ended is notified" wait_for received forget-old
ok "after ForgetAfter it has no values" wait_for is_gone camb_task-forget-old/gauge-status
ok "nor has what failed" wait_for is_gone camb_task-forget-old-failure/gauge-state_timeout
is "it is counted still" "$(value camb_api-forget/count-success)$(value camb_api-forget/count-timeout)" 11
is "it was asked once" "$(asked old) $(asked old-failure)" "1 1"
ok "others go on" status_is forget-steady 1
is "where it is 0 values stay" "$(value camb_task-slow-ends/gauge-status)" 0

# --- Field -------------------------------------------------------------------

ok "a field is there" wait_for value_is camb_task-field-counting/percent-progress 42.5
ok "one of a list, by an escaped key" value_is camb_task-field-counting/gauge-second 7
ok "no number, no value" not has_value camb_task-field-counting/gauge-eta
ok "nothing, no value" not has_value camb_task-field-counting/gauge-none
ok "nothing that the type can't hold" not has_value camb_task-field-counting/counter-negative
ok "nothing of a task that has none" not has_value camb_task-field-steady/percent-progress
simulate <<<"task counting body='{\"status\":\"SUCCESS\",\"progress\":{\"percent\":100}}'"
ok "it follows" wait_for value_is camb_task-field-counting/percent-progress 100
ok "what is not there any more ends" wait_for is_gone camb_task-field-counting/gauge-second

# --- A restart ---------------------------------------------------------------

ok "that it was notified is in the state file" wait_for prints true told_stalled
stop_collectd
before=$(asked old)
restart_collectd
ok "after a restart: all goes on" wait_for status_is stall-stuck 1
ok "after a restart: a field comes back" \
  wait_for value_is camb_task-field-counting/percent-progress 100
rounds 12
is "after a restart: nobody is warned again" "$(receipts stall-stuck | wc -l)" 1
ok "after a restart: what was forgotten is" not has_value camb_task-forget-old/gauge-status
is "after a restart: nor asked for" "$(asked old)" "$before"
is "after a restart: but counted" "$(value camb_api-forget/count-success)" 1
simulate <<<'task stuck error=UNKNOWN_ERROR'
ok "its end is notified, too" wait_for prints 2 eval 'receipts stall-stuck | wc -l'
ok "one that starts late was not stuck before" test "$(receipts stall-starts-late | wc -l)" -le 1
stop_collectd

# --- FetchResult -------------------------------------------------------------

simulate <<'EOF'
task late-result clock=asked pending=1 success=4714 duration=5 name="späť"
task silent-result success=4715 name="never said"
EOF
MORE_CONF=$receiver_conf start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "steady"
  <Account "result">
    FetchResult true
    Task "film"
    Task "late-result"
    <Task "dubbed">
      Type "dub"
    </Task>
  </Account>
  <Account "none">
    Task "film"
  </Account>
</Plugin>
EOF
url=https://studio.camb.ai/projects/4711
ok "the end of a project setup is notified" wait_for received result-film
is "as OKAY" "$(head -n 1 "$(receipts result-film)")" "Severity: OKAY"
is "with name and URL" "$(message_of result-film)" \
  "Task result-film is SUCCESS, run 4711, ID film, $url, project The \"Trailer\""
is "in the meta data, too" \
  "$(meta_of result-film project_name), $(meta_of result-film studio_url)" \
  "The \"Trailer\", $url"
ok "with the media's duration as a value" wait_for value_is camb_task-result-film/duration-media 93.5
ok "one that ends later" wait_for received result-late-result
is "has its own" "$(meta_of result-late-result project_name)" "späť"
ok "another kind of task is notified" wait_for received result-dubbed
is "without" "$(meta_of result-dubbed studio_url)" ""
ok "without FetchResult it is notified" wait_for received none-film
is "without" "$(message_of none-film)" "Task none-film is SUCCESS, run 4711, ID film"
ok "and has no such value" not has_value camb_task-none-film/duration-media
is "each was asked for once" "$(requests ok result)" $((2 + $(asked dubbed) + $(asked late-result) + 1))
is "nothing failed" "$(requests not_found result)$(requests invalid result)" 00

# A failing request costs nothing but its count.
simulate <<'EOF'
results http=500
task film success=4711
EOF
MORE_CONF=$receiver_conf
rm -f "$received"/*
stop_collectd
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Timeout 1
  FetchResult true
  Task "steady"
  Task "unlucky"
  <Account "one">
    Task "unlucky"
  </Account>
</Plugin>
EOF
ok "without the result the end is notified" wait_for received unlucky
is "as OKAY" "$(message_of unlucky)" "Task unlucky is SUCCESS, run 4713"
is "with no name" "$(meta_of unlucky project_name)" ""
ok "it is counted" wait_for prints 1 requests server_error
rounds 6
is "and not asked for again" "$(requests server_error)" 1
is "it is no trouble" "$(log_count '^.(warning|error)] camb_task')" 0
ok "nor does the account suffer" value_is camb_api-one/gauge-up 1
is "nor is anybody told" "$(notifications one)$(notifications default)" ""
is "the task is notified once" "$(receipts unlucky | wc -l)" 1

simulate <<'EOF'
results silence
EOF
stop_collectd
rm -f "$received"/*
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Timeout 1
  FetchResult true
  Task "steady"
  Task "silent-result"
</Plugin>
EOF
ok "a result that does not come" wait_for status_is silent-result 0
ok "holds the notification up only so long" wait_for received silent-result
ok "it is counted" wait_for prints 1 requests timeout
is "nobody waits for it" "$(log_count '^.(warning|error)] camb_task')" 0
stop_collectd

# A restart between the end and its result
simulate <<'EOF'
task interrupted success=4716 name="Interrupted" duration=3
task unlisted success=4717
EOF
rm -f "$received"/*
echo unlisted >"$work/tasks"
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  FetchResult true
  TaskFile "$work/tasks"
  Task "interrupted"
</Plugin>
EOF
ok "a task ends" wait_for status_is interrupted 0
ok "another one" wait_for status_is unlisted 0
stop_collectd
is "and waits for its result up to the end of collectd" \
  "$(ls "$received") $(stored interrupted) $(stored unlisted)" " success success"
: >"$work/tasks"
simulate <<<'results'
restart_collectd
ok "after a restart: it is notified" wait_for received interrupted
is "after a restart: with its result" "$(meta_of interrupted project_name)" Interrupted
ok "after a restart: its value is there, too" \
  wait_for value_is camb_task-interrupted/duration-media 3
ok "after a restart: one that is listed no more is notified" wait_for received unlisted
is "after a restart: once each" \
  "$(receipts interrupted | wc -l)$(receipts unlisted | wc -l)" 11
stop_collectd
restart_collectd
ok "after one more: the value is there" \
  wait_for value_is camb_task-interrupted/duration-media 3
is "after one more: nobody is notified again" "$(log_count 'Notification: ')" 0

done_testing
