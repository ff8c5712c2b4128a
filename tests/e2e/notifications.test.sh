#!/bin/bash
# SPDX-License-Identifier: MIT
# Notifications as those get them who receive them.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq iconv mkfifo

export VALUE_TIMEOUT=40 INTERVAL=0.25

# --- What is in them ---------------------------------------------------------

make_receiver
many=$(printf '€%.0s' {1..1000})
start_simulator <<EOF
task id-ends clock=asked pending=1.5 success=4711
task id-fails body='{"status":"PENDING"}'
task done success=4712 message="all done"
task slow timeout
task broke payment_required
task plain error=NONE
task long error=UNKNOWN_ERROR message="first\nsecond\r\n\n\tthird: $many"
task umlaut error=UNKNOWN_ERROR message="xyz$many"
task sly body='{"status":"ERROR","run_id":"12","exception_reason":"A\nSeverity: OKAY\n\nB","message":{"detail":["C\n\nD","\u0085\u0000E"]}}'
task endless
EOF

# settled NAME: its notification, without what differs each time
settled() {
  sed -e '/^Time: [0-9.]*$/d' -e 's/^\(elapsed: \)[0-9.e+-]*$/\1N/' \
    -e 's/ after [0-9.]* s\([,:]\|$\)/ after N s\1/' "$(receipts "$1")"
}
message_of() { tail -n 1 "$(receipts "$1")"; }
meta_of() { sed -n "s/^$2: //p" "$(receipts "$1")"; }

MORE_CONF=$receiver_conf start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  Task "id-ends" "ends"
  Task "id-fails" "fails"
  Task "done"
  Task "slow"
  Task "broke"
  Task "plain"
  Task "long"
  Task "umlaut" "größe"
  <Account "acme">
    Host "acme.example"
    Task "sly"
  </Account>
  Task "endless"
</Plugin>
EOF
ok "a pending task" wait_for value_is camb_task-fails/gauge-status 1
simulate <<'EOF'
task id-fails body='{"status":"ERROR","run_id":4713,"exception_reason":"SOURCE_TOO_LONG","message":"more than 4 hours"}'
EOF

ok "an end is notified" wait_for received ends
is "with severity, identifier, text and meta data" "$(settled ends)" \
  "Severity: OKAY
Host: e2e
Plugin: camb_task
PluginInstance: ends
Type: gauge
TypeInstance: status
task_id: id-ends
status: SUCCESS
run_id: 4711
elapsed: N

Task ends is SUCCESS after N s, run 4711, ID id-ends"
ok "a failure is notified" wait_for received fails
is "with all of that, and why" "$(settled fails)" \
  "Severity: FAILURE
Host: e2e
Plugin: camb_task
PluginInstance: fails
Type: gauge
TypeInstance: status
task_id: id-fails
status: ERROR
run_id: 4713
exception_reason: SOURCE_TOO_LONG
message: more than 4 hours
elapsed: N

Task fails is ERROR after N s, run 4713, reason SOURCE_TOO_LONG, ID id-fails: more than 4 hours"
ok "the time of the notification is now" \
  test "$(sed -n 's/^Time: \([0-9]*\).*/\1/p' "$(receipts ends)")" -gt \
  $(($(date +%s) - 300))
ok "elapsed is in seconds" awk '{ exit !($1 >= 0.9 && $1 < 300) }' \
  <<<"$(meta_of ends elapsed)"

ok "an end at first sight is notified" wait_for received 'done'
is "without an elapsed time" "$(settled 'done')" \
  "Severity: OKAY
Host: e2e
Plugin: camb_task
PluginInstance: done
Type: gauge
TypeInstance: status
task_id: done
status: SUCCESS
run_id: 4712
message: all done

Task done is SUCCESS, run 4712: all done"
ok "TIMEOUT is notified" wait_for received slow
is "as a FAILURE" "$(head -n 1 "$(receipts slow)") $(meta_of slow status)" \
  "Severity: FAILURE TIMEOUT"
ok "PAYMENT_REQUIRED is notified" wait_for received broke
is "as a FAILURE" "$(head -n 1 "$(receipts broke)") $(meta_of broke status)" \
  "Severity: FAILURE PAYMENT_REQUIRED"
ok "a failure without a reason is notified" wait_for received plain
is "without one" "$(message_of plain)" "Task plain is ERROR"
is "nor in the meta data" "$(meta_of plain exception_reason)" ""

# --- Long and strange texts --------------------------------------------------

is_utf8() { iconv -f UTF-8 -t UTF-8 <<<"$1" >/dev/null; }
# has_shape FILE: header lines, an empty line, one line of text
has_shape() {
  grep -Evn '^[A-Za-z_]+: ' "$1" | tr '\n' ' ' |
    grep -Eq "^$(($(wc -l <"$1") - 1)): $(wc -l <"$1"):[^ ]+ .*$"
}
for name in long größe acme-sly; do
  ok "a strange text is notified ($name)" wait_for received "$name"
  ok "it stays one line" has_shape "$(receipts "$name")"
  ok "of at most 255 bytes" test "$(message_of "$name" | tr -d '\n' | wc -c)" -le 255
  ok "in valid UTF-8" is_utf8 "$(cat "$(receipts "$name")")"
  ok "without control characters" \
    not env LC_ALL=C grep -aPq '[\x00-\x1f\x7f]|\xc2[\x80-\x9f]' "$(receipts "$name")"
  is "with a severity only" "$(grep -c '^Severity: ' "$(receipts "$name")")" 1
done
ok "a long text is cut, not left out" \
  test "$(message_of long | tr -d '\n' | wc -c)" -ge 250
ok "its beginning is there" \
  grep -Eq '^Task long is ERROR.*: first second +third: (€)+$' <<<"$(message_of long)"
ok "the meta data have more of it" \
  test "$(meta_of long message | wc -c)" -gt 300
ok "a text cut inside a character is cut before it" \
  grep -Eq '^xyz(€)+$' <<<"$(meta_of größe message)"
is "what would be lines is not" "$(meta_of acme-sly exception_reason)" \
  "A Severity: OKAY  B"
is "Host is the account's" "$(sed -n 's/^Host: //p' "$(receipts acme-sly)")" acme.example

# --- How often ---------------------------------------------------------------

names="ends fails done slow broke plain long größe acme-sly"
ok "many rounds" rounds_pass 12
for name in $names; do
  is "$name is notified once" "$(receipts "$name" | wc -l)" 1
done
is "a pending task is not notified" "$(receipts endless)" ""
is "nor is anything else" "$(find "$received" -type f | wc -l)" "$(wc -w <<<"$names")"

simulate <<<'key another-key'
ok "a rejected key is notified" wait_for received default
is "as a FAILURE of the account" "$(settled default)" \
  "Severity: FAILURE
Host: e2e
Plugin: camb_api
PluginInstance: default
Type: gauge
TypeInstance: status

Account default: the API rejects the key"
simulate <<<'key test-key'
ok "a good one too" wait_for prints 2 eval 'receipts default | wc -l'
ok "as an OKAY" wait_for log_has 'severity = OKAY, .*plugin = camb_api, '
simulate <<<'all http=500'
ok "an API in trouble is notified" wait_for log_has \
  'severity = WARNING, host = e2e, plugin = camb_api, plugin_instance = default, type = gauge, type_instance = status,'
simulate <<<'all'
ok "and that it is over" wait_for prints 4 eval 'receipts default | wc -l'
ok "rounds go on" rounds_pass 4
is "each once" "$(receipts default | wc -l)" 4
is "collectd has nothing to say against them" \
  "$(grep '^\[error\] plugin_' "$work/collectd.log" | sort -u)" ""
stop_collectd

# --- A receiver that blocks --------------------------------------------------

# notify_nagios opens its command file, and so waits for a reader of the FIFO, in
# the thread that sends the notification.
plugins=$("$collectd" -h | sed -n 's,^ *Plugin directory *\(/.*\),\1,p')
if ! [ -e "$plugins/notify_nagios.so" ]; then
  note "no receiver that blocks: there is no $plugins/notify_nagios.so"
  done_testing
fi
mkfifo "$work/fifo"
nagios_conf="LoadPlugin notify_nagios
<Plugin notify_nagios>
  CommandFile \"$work/fifo\"
</Plugin>"

has_ended() {
  ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null
}

start_simulator <<'EOF'
task done success=1
task later
task endless
EOF
start_blocked() {
  MORE_CONF=$nagios_conf start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "done"
  Task "later"
  Task "endless"
</Plugin>
EOF
}
start_blocked
ok "a notification" wait_for notified 'done'
ok "rounds go on while its receiver blocks" rounds_pass 8
simulate <<<'task later error=UNKNOWN_ERROR'
ok "values come" wait_for value_is camb_task-later/gauge-status 2
ok "all of them" value_within camb_task-endless/duration-status_age 0 20
ok "rounds still go on" rounds_pass 4
ok "the receiver does block" not notified later
exec 7<>"$work/fifo"
ok "what waited is notified when it does not any more" wait_for notified later
ok "rounds go on" rounds_pass 4
is "once" "$(notifications later | wc -l)" 1
is "the one that blocked once, too" "$(notifications 'done' | wc -l)" 1
stop_collectd
exec 7>&-

simulate <<<'task later'
start_blocked
ok "a receiver blocks again" wait_for notified 'done'
ok "for some rounds" rounds_pass 4
kill "$daemon"
ok "SIGTERM ends collectd all the same" wait_for has_ended "$daemon"
has_ended "$daemon" || kill -9 "$daemon"

done_testing
