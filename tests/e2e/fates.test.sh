#!/bin/bash
# SPDX-License-Identifier: MIT
# The fates of tasks, from the API to collectd's values and notifications.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

start_simulator <<'EOF'
task done success=4711
task ends pending=2.5 success=4712
task fails pending=2.5 error=SOURCE_TOO_LONG message="more than 4 hours"
task slow pending=2.5 timeout
task broke payment_required
task endless
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "done"
  Task "ends" "the name"
  <Task "fails">
    Name "failing"
  </Task>
  Task "slow"
  Task "broke"
  <Task "endless">
    Started "2026-01-01T00:00:00Z"
  </Task>
  Task "missing"
</Plugin>
EOF

ok "SUCCESS at first sight is 0" wait_for value_is camb_task-done/gauge-status 0
ok "a pending task is 1" wait_for value_is "camb_task-the name/gauge-status" 1
ok "its state set says pending" value_is "camb_task-the name/gauge-state_pending" 1
ok "its elapsed time is there" value_within "camb_task-the name/duration-elapsed" 0 60
ok "a task that never was answered for is -1" value_is camb_task-missing/gauge-status -1
ok "it is elapsing" has_value camb_task-missing/duration-elapsed
ok "its status has no age" not has_value camb_task-missing/duration-status_age
ok "SUCCESS after PENDING" wait_for value_is "camb_task-the name/gauge-status" 0
ok "ERROR is 2" wait_for value_is camb_task-failing/gauge-status 2
ok "TIMEOUT is 3" wait_for value_is camb_task-slow/gauge-status 3
ok "PAYMENT_REQUIRED is 4" wait_for value_is camb_task-broke/gauge-status 4

for state in unknown pending success timeout payment_required; do
  is "a failed task is not $state" "$(value "camb_task-failing/gauge-state_$state")" 0
done
is "but error" "$(value camb_task-failing/gauge-state_error)" 1

elapsed=$(value camb_task-failing/duration-elapsed)
asked=$(counted .tasks.fails.requests)
ok "rounds go on" rounds_pass 6
is "elapsed time stands still from the end on" \
  "$(value camb_task-failing/duration-elapsed)" "$elapsed"
is "an ended task is not asked for again" "$(counted .tasks.fails.requests)" "$asked"
is "one that had ended at first sight was asked for once" \
  "$(counted .tasks.done.requests)" 1
is "the status of an ended task has no age" "$(value camb_task-failing/duration-status_age)" 0
ok "a pending one's is small" value_within camb_task-endless/duration-status_age 0 10
ok "Started counts" value_within camb_task-endless/duration-elapsed 1000000 1000000000
ok "a task that had ended at first sight has no elapsed time" \
  not has_value camb_task-done/duration-elapsed

while read -r state count; do
  is "the account has $count $state" "$(value "camb_api-default/count-$state")" "$count"
done <<'EOF'
unknown 1
pending 1
success 2
error 1
timeout 1
payment_required 1
EOF
is "the API is up" "$(value camb_api-default/gauge-up)" 1
ok "the average response time is there" \
  value_within camb_api-default/response_time-average 0.00001 10
ok "and the longest" value_within camb_api-default/response_time-maximum 0.00001 10
ok "good answers are counted" test "$(requests ok)" -ge 10
ok "unknown tasks too" test "$(requests not_found)" -ge 3
is "nothing else is" "$(requests invalid)$(requests network)$(requests timeout)" 000
ok "every request is counted once" wait_for eval \
  '[ $(($(requests ok) + $(requests not_found))) -eq "$(counted .requests)" ]'

is "OKAY, once" "$(notifications 'the name' | grep -c '^OKAY Task the name is SUCCESS after .*, run 4712, ID ends$')" 1
is "OKAY at first sight, once" "$(notifications 'done')" "OKAY Task done is SUCCESS, run 4711"
is "FAILURE with reason and message, once" "$(notifications failing | grep -c \
  '^FAILURE Task failing is ERROR after .*, reason SOURCE_TOO_LONG, ID fails: more than 4 hours$')" 1
is "FAILURE of a time-out, once" "$(notifications slow | grep -c '^FAILURE Task slow is TIMEOUT after')" 1
is "FAILURE for want of money, once" "$(notifications broke)" \
  "FAILURE Task broke is PAYMENT_REQUIRED"
is "nothing more" "$(log_count 'Notification: ')" 5
is "the unknown task is logged once" "$(log_count 'task "missing" \(ID missing\): the API does not know')" 1
ok "write_prometheus has the documented name" \
  test "$(prometheus 'collectd_camb_task_gauge{camb_task="the name",type="status"')" = 0

done_testing
