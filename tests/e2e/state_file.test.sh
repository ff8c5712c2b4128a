#!/bin/bash
# SPDX-License-Identifier: MIT
# The state file: what survives a restart, and what happens when the file does
# not.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=40 INTERVAL=0.25

trap 'umount "$work/full" 2>/dev/null; clean_up' EXIT

status_is() { value_is "camb_task-$1/gauge-status" "$2"; }
asked() { counted ".tasks[\"$1\"].requests"; }
larger() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }
# stored FILTER: what a jq filter finds in the lines of the state file
stored() { jq -r "$1" "$state"; }
# told NAME...: the state file says that their ends have been notified.
told() {
  local name
  for name in "$@"; do
    [ "$(stored "select(.task == \"$name\").end_told")" = true ] || return 1
  done
}
# all_notifications: those of tasks since the start of this script, NAME and
# SEVERITY on each line
all_notifications() {
  cat "$work/past.log" "$work/collectd.log" |
    sed -n 's/.*Notification: severity = \([A-Z]*\), .*plugin = camb_task, plugin_instance = \([^,]*\),.*/\2 \1/p'
}
how_often() { all_notifications | grep -c "^$1 "; }
: >"$work/past.log"
# again HOW: collectd ends in that way, and starts with the same configuration.
down() {
  "$1"
  cat "$work/collectd.log" >>"$work/past.log"
}
again() {
  down "$1"
  restart_collectd
}

# --- A restart ---------------------------------------------------------------

mkdir "$work/states"
state=$work/states/state
start_simulator --key test-key <<'EOF'
task endless
task done success=4711
task fails error=SOURCE_TOO_LONG message="more than 4 hours"
task pending
task later
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  StateFile "$state"
  Task "endless"
  Task "done"
  Task "fails"
  Task "pending"
  Task "later"
</Plugin>
EOF
ok "a pending task" wait_for status_is pending 1
simulate <<<'task pending success=4712'
ok "ends" wait_for status_is pending 0
ok "all that has ended is notified" wait_for eval \
  'notified "done" && notified fails && notified pending'
ok "that is in the file" wait_for told 'done' fails pending
is "its mode is 0600" "$(stat -c %a "$state")" 600
is "the key is not in it" "$(grep -c test-key "$state")" 0
is "nor anything else in the directory" "$(ls -A "$work/states")" state
elapsed=$(value camb_task-pending/duration-elapsed)
before=$(value camb_task-endless/duration-elapsed)

# nothing_lost: after a restart
nothing_lost() {
  ok "$1: what has ended is there" wait_for status_is fails 2
  ok "$1: all of it" wait_for eval 'status_is "done" 0 && status_is pending 0'
  ok "$1: a time goes on" wait_for larger \
    "$(wait_for has_value camb_task-endless/duration-elapsed
    value camb_task-endless/duration-elapsed)" "$before"
  before=$(value camb_task-endless/duration-elapsed)
  ok "$1: the frozen one is as it was" awk -v a="$elapsed" \
    -v b="$(value camb_task-pending/duration-elapsed)" \
    'BEGIN { exit !(a - b < 0.01 && b - a < 0.01) }'
  ok "$1: what had ended at first sight still has none" \
    not has_value camb_task-done/duration-elapsed
  ok "$1: rounds go on" rounds_pass 5
  is "$1: what has ended is not asked again" "$(asked 'done') $(asked fails)" "1 1"
  is "$1: nobody is notified again" \
    "$(how_often 'done') $(how_often fails) $(how_often pending)" "1 1 1"
  is "$1: nothing is said against the file" "$(log_count 'state file')" 0
}
again stop_collectd
nothing_lost SIGTERM
again kill_collectd
nothing_lost "kill -9"

# What happens while collectd is down
down stop_collectd
simulate <<<'task later error=UNKNOWN_ERROR'
restart_collectd
ok "what ended while collectd was down" wait_for status_is later 2
ok "is notified" wait_for notified later
ok "rounds go on" rounds_pass 4
is "once" "$(how_often later)" 1
ok "its time is known, as it was seen pending" has_value camb_task-later/duration-elapsed
ok "that is in the file" wait_for told later
simulate <<<'task endless timeout'
down kill_collectd
restart_collectd
ok "what ended around a kill -9" wait_for status_is endless 3
ok "is notified" wait_for eval '[ "$(how_often endless)" -ge 1 ]'
ok "that is in the file" wait_for told endless
again stop_collectd
ok "the end of all" wait_for status_is endless 3
is "is notified once each, all in all" \
  "$(all_notifications | grep -v '^endless' | sort | tr '\n' ' ')" \
  "done OKAY fails FAILURE later FAILURE pending OKAY "
requests=$(counted .requests)
ok "values go on" wait_for value_is camb_api-default/count-timeout 1
sleep 1
is "without any request" "$(counted .requests)" "$requests"
stop_collectd

# --- An account's troubles ---------------------------------------------------

simulate <<'EOF'
task endless
key another-key
EOF
rm "$state"
restart_collectd
ok "a rejected key is notified" wait_for notified default
ok "that is in the file" wait_for prints true stored 'select(.key_rejected).key_rejected'
again stop_collectd
ok "after a restart it is still rejected" wait_for value_is camb_api-default/gauge-up 0
sleep 1
is "which nobody is told again" "$(notifications default)" ""
simulate <<<'key test-key'
ok "that it is good again, they are" wait_for prints \
  "OKAY Account default: the API accepts the key again" notifications default
stop_collectd

# What the API said of when it may be asked again goes for the next daemon, too.
restart_collectd
ok "the account is well" wait_for status_is endless 1
simulate <<<'task endless http=429 header="Retry-After: 5"'
ok "it is to wait" wait_for log_has 'account "default": the API limits the rate'
ok "that is in the file" wait_for at_least 1 stored 'select(.held_until).held_until'
simulate <<<'task endless'
down stop_collectd
requests=$(counted .requests)
restart_collectd
ok "after a restart: values come" wait_for status_is endless 1
is "after a restart: nothing is asked yet" "$(counted .requests)" "$requests"
ok "after a restart: but when the time is over" rounds_pass 2
stop_collectd

# --- Damage ------------------------------------------------------------------

# damaged HOW: what the plugin does with the file that is there now
damaged() {
  rm -f "$state.damaged"
  cp "$state" "$work/damaged.copy"
  restart_collectd
  ok "$1: one line says so" wait_for logged 1 "^\[warning\] .*state file $state"
  ok "$1: the file is kept" cmp -s "$work/damaged.copy" "$state.damaged"
  ok "$1: values come" wait_for status_is endless 1
  ok "$1: rounds go on" rounds_pass 4
  ok "$1: a new one is written" wait_for stored .end
  is "$1: nothing more is said" "$(log_count 'state file')" 1
  stop_collectd
}
restart_collectd
ok "all is known" wait_for told 'done' fails
stop_collectd
cp "$state" "$work/good.state"

asked_before=$(asked 'done')
head -n -1 "$work/good.state" >"$state"
damaged "without its end"
is "without its end: what it has is used" "$(asked 'done')" "$asked_before"
head -c "$(($(stat -c %s "$work/good.state") * 2 / 3))" "$work/good.state" >"$state"
damaged "truncated"
: >"$state"
damaged "empty"
ok "empty: what is lost is asked again" test "$(asked 'done')" -gt "$asked_before"
head -c 5000 /dev/urandom >"$state"
damaged "garbage"
printf '{"camb_task_state":99}\n{"end":1}\n' >"$state"
damaged "of another version"
sed '3s/.*/not JSON/' "$work/good.state" >"$state"
damaged "with a bad line"

# no_file WHAT REGEX: values go on without one, and one line says why.
no_file() {
  restart_collectd
  ok "$1: one line says so" wait_for log_has "^\[warning\] .*state file .*: $2"
  ok "$1: values come" wait_for status_is endless 1
  ok "$1: of what has ended, too" wait_for status_is 'done' 0
  ok "$1: rounds go on" rounds_pass 12
  is "$1: nothing more is said" "$(log_count 'state file')" 1
}

rm -f "$state"
mkdir "$state"
no_file "a directory in its place" "it is not a regular file"
ok "it is left alone" test -d "$state"
stop_collectd
rmdir "$state"

# --- Where nothing can be written --------------------------------------------

# at PATH: the configuration's state file is there from now on.
at() { sed -i "s,^  StateFile .*,  StateFile \"$1\"," "$work/collectd.conf"; }

at "$work/missing/state"
no_file "a missing directory" 'No such file or directory'
mkdir "$work/missing"
stop_collectd
ok "a missing directory: it is written when there is one" \
  test -s "$work/missing/state"
at "$work/damaged.copy/state"
no_file "a path under a file" 'Not a directory'
stop_collectd
if [ "$(id -u)" -ne 0 ]; then
  mkdir -m 555 "$work/closed"
  at "$work/closed/state"
  no_file "a directory without permission" 'Permission denied'
  stop_collectd
else
  not_tested "a directory without permission" "root may write to all"
fi

at ""
restart_collectd
ok "StateFile \"\": values come" wait_for status_is endless 1
ok "rounds go on" rounds_pass 8
stop_collectd
is "nothing is written" \
  "$(find "$work" -newer "$work/collectd.conf" -name '*state*' -type f)" ""
sed -i '/^  StateFile/d' "$work/collectd.conf"
restart_collectd
ok "without StateFile it is in collectd's BaseDir" \
  wait_for test -s "$work/camb_task.state"
stop_collectd

# --- A full disk -------------------------------------------------------------

mkdir "$work/full"
if ! mount -t tmpfs -o size=64k,mode=755 tmpfs "$work/full" 2>/dev/null; then
  not_tested "a full disk" "this user may not mount a small one"
  done_testing
fi
state=$work/full/state
sed -i "s,^  APIKey .*,&\n  StateFile \"$state\"," "$work/collectd.conf"
simulate <<'EOF'
task endless
task later
EOF
restart_collectd
ok "there is room: the file is written" wait_for told 'done' fails
cp "$state" "$work/first.state"
cat /dev/zero >"$work/full/filler" 2>/dev/null
simulate <<<'task later error=UNKNOWN_ERROR'
ok "no room: values go on" wait_for status_is later 2
ok "one line says so" \
  wait_for logged 1 "^\[warning\] .*state file $state: No space left"
ok "the file is as it was" cmp -s "$state" "$work/first.state"
ok "the end is notified" wait_for notified later
ok "rounds go on" rounds_pass 8
is "once" "$(notifications later | wc -l)" 1
rm "$work/full/filler"
ok "there is room again: it is written" wait_for told later
ok "which one line says" \
  wait_for logged 1 "^\[notice\] .*over: state file $state: No space left"
is "nothing more is said" "$(log_count 'state file')" 2
is "no other file is left" "$(ls -A "$work/full")" state
again stop_collectd
ok "a restart has it all" wait_for status_is later 2
ok "rounds go on" rounds_pass 4
is "nobody is notified again" "$(log_count 'Notification: ')" 0
stop_collectd

# It is full when collectd ends, too.
cat /dev/zero >"$work/full/filler" 2>/dev/null
restart_collectd
ok "full from the start: values come" wait_for status_is later 2
stop_collectd
ok "it ends in good order" log_has 'Exiting normally'
ok "the file is still whole" told later

done_testing
