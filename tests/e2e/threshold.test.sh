#!/bin/bash
# SPDX-License-Identifier: MIT
# The two configurations for collectd's threshold plugin, with fewer values to
# wait for.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq python3

export VALUE_TIMEOUT=40 INTERVAL=0.25

files=$top_srcdir/examples/notifications
# thresholds FILE [SED-ARGUMENT...]
thresholds() {
  MORE_CONF=$(sed -e 's/Hits [0-9]*$/Hits 4/' "${@:2}" \
    "$files/$1")
  export MORE_CONF
}

# told IDENTIFIER: what the threshold plugin has notified on a value, as
# "SEVERITY VALUE" or "SEVERITY missing". The plugin itself does not name a host.
told() {
  local plugin=${1%%-*} rest=${1#*-} name type instance
  name=${rest%%/*} type=${rest##*/}
  instance=${type#*-} type=${type%%-*}
  sed -n "s/.*Notification: severity = \([A-Z]*\), host = ${2:-e2e}, plugin = $plugin, plugin_instance = $name, type = $type, type_instance = $instance, message = \(.*\)/\1 \2/p" \
    "$work/collectd.log" |
    sed -n -e 's/^\([A-Z]*\) .* has not been updated for .*/\1 missing/p' \
      -e 's/^\([A-Z]*\) Host .*\(is currently\|"[a-z]*" is\) \(-*[0-9]*\)\..*/\1 \3/p'
}
was_told() { told "$2" "${3-}" | grep -qxe "$1"; }
put_value() {
  python3 -c '
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(("PUTVAL %s interval=0.05 N:%s\n" % (sys.argv[2], sys.argv[3])).encode())
sys.exit(not client.recv(200).startswith(b"0 "))
  ' "$work/socket" "$@"
}

# --- Beside the plugin's own notifications -----------------------------------

is "of five values, it is what has been so for an hour, at an interval of 30 s" \
  "$(grep -c "^ *Hits $((3600 / 30 - 2))$" "$files/threshold.conf")" 5

start_simulator <<'EOF'
task broken error=SOURCE_TOO_LONG
task slow timeout
task poor payment_required
task mistyped http=404
task endless
EOF
thresholds threshold.conf
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  Task "broken"
  Task "slow"
  Task "poor"
  Task "mistyped"
  Task "endless"
</Plugin>
EOF
ok "the plugin tells of a failure" wait_for notified broken
errors=camb_api-default/count-error
ok "a failure that stays is reminded of" wait_for was_told 'FAILURE 1' $errors
since=$(counted .requests)
ok "again and again" wait_for at_least 3 eval "told $errors | wc -l"
ok "but not in each interval" test $(($(counted .requests) - since)) -ge 5
for what in timeout payment_required; do
  ok "so is one by $what" wait_for was_told 'FAILURE 1' "camb_api-default/count-$what"
done
ok "and a task that was never answered" wait_for was_told 'WARNING 1' \
  camb_api-default/count-unknown
is "the failure itself is told once" "$(notifications broken | wc -l)" 1
ok "good values are an OKAY at the start" was_told 'OKAY 1' camb_api-default/gauge-up
simulate <<<'next 2 http=500' # of which one may be the mistyped one's
ok "a bad round" rounds_pass 10
is "is no alarm" "$(told camb_api-default/gauge-up)" "OKAY 1"
simulate <<<'all http=500'
ok "an API that gives no answers is one" wait_for was_told 'FAILURE 0' camb_api-default/gauge-up
ok "which is repeated" wait_for at_least 3 eval "told camb_api-default/gauge-up | wc -l"
simulate <<<'all'
ok "until it is over" wait_for eval "told camb_api-default/gauge-up | tail -n 1 | grep OKAY"
ok "a value of another collectd" put_value central/camb_api-x/count-error 0
ok "and another, later" put_value central/camb_api-x/gauge-up 1
ok "its end is a FAILURE" wait_for was_told 'FAILURE missing' camb_api-x/gauge-up central
is "for one of the two" "$(told camb_api-x/count-error central)" "OKAY 0"
stop_collectd

# --- Instead of them ---------------------------------------------------------

is "slow is six hours, at an interval of 30 s" \
  "$(grep -c "^ *Hits $((6 * 3600 / 30 - 2))$" "$files/threshold-tasks.conf")" 1
is "blind is ten minutes" \
  "$(grep -c "^ *Hits $((600 / 30 - 2))$" "$files/threshold-tasks.conf")" 1

start_simulator <<'EOF'
task broken error=SOURCE_TOO_LONG
task done success=4711
task slow
task stale
task endless
task mistyped http=404
EOF
printf '%s\n' broken 'done' slow stale endless mistyped >"$work/tasks"
thresholds threshold-tasks.conf -e 's/WarningMax 900/WarningMax 3/' \
  -e '/^ *#\(<Type "duration">\|  Instance "status_age"\|  WarningMax\|  Interesting\|<.Type>\)/s/#//'
VALUE_TIMEOUT=24
is "status_age is watched" "$(grep -c '^ *Instance "status_age"' <<<"$MORE_CONF")" 1
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  TaskFile "$work/tasks"
  Notify false
</Plugin>
EOF
ok "a failure is told" wait_for was_told 'FAILURE 2' camb_task-broken/gauge-status
ok "SUCCESS is told" wait_for was_told 'OKAY 0' camb_task-done/gauge-status
ok "what is slow is told" wait_for was_told 'WARNING 1' camb_task-slow/gauge-status
ok "after some time" at_least 5 eval "simulated /tasks/slow | jq .requests"
ok "what was never answered is told" \
  wait_for was_told 'WARNING -1' camb_task-mistyped/gauge-status
simulate <<'EOF'
task slow success=4712
task stale http=500
EOF
ok "the end of a slow one is told" wait_for was_told 'OKAY 0' camb_task-slow/gauge-status
ok "what is not answered any more is told" \
  wait_for was_told 'WARNING [0-9]*' camb_task-stale/duration-status_age
is "while others are" "$(told camb_task-endless/duration-status_age)" "OKAY 0"
sed -i '/^done$/d' "$work/tasks"
ok "a task is off the list" wait_for not has_value camb_task-done/gauge-status
simulate <<<'all http=500'
ok "an API that gives no answers is told" \
  wait_for was_told 'FAILURE 0' camb_api-default/gauge-up
simulate <<<'all'
ok "and the end of that" wait_for eval \
  "told camb_api-default/gauge-up | tail -n 1 | grep OKAY"
# What the threshold plugin knows of a name is gone when its values are.
simulate <<<'task again error=UNKNOWN_ERROR'
sed -i 's/^broken$/again broken/' "$work/tasks"
ok "a name goes to another task" wait_for eval "simulated /tasks/again | jq -e '.requests > 0'"
ok "which fails, too" wait_for value_is camb_task-broken/gauge-status 2
ok "and is not told of, as the file says" eval \
  "rounds_pass 10 && test \"\$(told camb_task-broken/gauge-status)\" = 'FAILURE 2'"
sed -i '/^again /d' "$work/tasks"
ok "the name is off the list" wait_for not has_value camb_task-broken/gauge-status
echo 'more broken' >>"$work/tasks"
simulate <<<'task more error=UNKNOWN_ERROR'
ok "its next failure is told" wait_for eval \
  "test \"\$(told camb_task-broken/gauge-status | paste -sd ' ')\" = 'FAILURE 2 FAILURE 2'"
is "each once" "$(
  for name in broken 'done' slow stale endless mistyped; do
    told "camb_task-$name/gauge-status" | paste -sd ' ' | sed "s/^/$name: /"
  done
  told camb_api-default/gauge-up | paste -sd ' ' | sed "s/^/up: /"
)" "broken: FAILURE 2 FAILURE 2
done: OKAY 0
slow: WARNING 1 OKAY 0
stale: WARNING 1
endless: WARNING 1
mistyped: WARNING -1
up: OKAY 1 FAILURE 0 OKAY 1"
is "the plugin itself tells nothing" \
  "$(grep -c 'message = \(Task\|Account\)' "$work/collectd.log")" 0
stop_collectd

done_testing
