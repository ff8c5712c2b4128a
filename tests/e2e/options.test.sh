#!/bin/bash
# SPDX-License-Identifier: MIT
# Options, each turned once to see what it does, but for those that have a test
# of their own (files, errors, long tasks, TLS, what a notification tells).
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

# Rounds follow each other quickly here; values stay for long enough.
export VALUE_TIMEOUT=40

# counted_at URL JQ-EXPRESSION: what that simulator counted.
counted_at() { simulator_url=$1 counted "$2"; }

# value_at HOST IDENTIFIER: like "value", of any host.
value_at() {
  collectdctl -s "$work/socket" getval "$1/$2" 2>/dev/null |
    sed -n 's/^[a-z]*=\([-0-9]*\).*/\1/p'
}

# elapsed_is_since NAME EPOCH: the elapsed time of the task began then.
elapsed_is_since() {
  local since=$(($(date +%s) - $2))
  value_within "camb_task-$1/duration-elapsed" $((since - 60)) $((since + 60))
}

kinds="project-setup dub tts translate transcribe story text-to-sound
  text-to-voice translated-tts translated-story audio-separation dub-alt-format
  some-day/v2"

# --- Options of an account ---------------------------------------------------

start_simulator <<<'many crowd 12 latency=0.2'
narrow_url=$simulator_url narrow_api=$api_url
# What it is asked for as a proxy is no path to the simulator, so it answers the
# same to all.
start_simulator <<'EOF'
all http=200 body='{"status":"PENDING"}'
EOF
proxy_url=$simulator_url
start_simulator <<EOF
task plain
task slash
task unset
task done success=1
task endless
task elsewhere success=2
task unwelcome
task silent silence
$(for kind in $kinds; do echo "task a-${kind//\//-} kind=$kind"; done)
EOF

# A global interval in which no test would ever end.
INTERVAL=1000 start_collectd <<EOF
<LoadPlugin camb_task>
  Interval 0.25
</LoadPlugin>
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "plain"
  Task "endless" "the name"
  <Account "slash">
    URL "$api_url/"
    Task "slash"
  </Account>
  <Account "narrow">
    URL "$narrow_api"
    MaxConcurrency 3
    $(for i in {1..12}; do echo "Task \"crowd-$i\""; done)
  </Account>
  <Account "through">
    URL "http://192.0.2.1.invalid/apis"
    Proxy "$proxy_url"
    Task "proxied"
  </Account>
  <Account "dead">
    URL "http://192.0.2.1.invalid/apis"
    Proxy "http://127.0.0.1:$(free_port)"
    Task "lost"
  </Account>
  <Account "short">
    StateSet false
    Task "unset"
  </Account>
  <Account "quiet">
    Notify false
    Task "done"
  </Account>
  <Account "wrong">
    APIKey "another-key"
    Notify false
    Task "unwelcome"
  </Account>
  <Account "moved">
    Host "other.example"
    Task "elsewhere"
  </Account>
  <Account "impatient">
    Timeout 0.4
    Task "silent"
  </Account>
  <Account "kinds">
    $(for kind in $kinds; do
  printf '<Task "a-%s">\nType "%s"\n</Task>\n' "${kind//\//-}" "$kind"
done)
  </Account>
</Plugin>
<Plugin camb_task>
  <Task "id-rfc3339">
    Name "rfc3339"
    Started "2026-01-01T00:00:00Z"
  </Task>
  <Task "id-offset">
    Name "offset"
    Started "2026-01-01T02:30:00.5+02:30"
  </Task>
  <Task "id-number">
    Name "number"
    Started 1767225600
  </Task>
  <Task "id-digits">
    Name "digits"
    Started "1767225600"
  </Task>
  <Task "id-future">
    Name "future"
    Started "2999-01-01T00:00:00Z"
  </Task>
  <Account "more">
    Task "plain"
  </Account>
</Plugin>
EOF

ok "URL and APIKey: the task is found" wait_for value_is camb_task-plain/gauge-status 1
ok "a slash at the URL's end makes no difference" \
  wait_for value_is camb_task-slash-slash/gauge-status 1
ok "Task with a name has it" wait_for value_is "camb_task-the name/gauge-status" 1
ok "and not its ID" not has_value camb_task-endless/gauge-status
ok "Interval counts in <LoadPlugin>" rounds_pass 200

for kind in $kinds; do
  ok "Type $kind" wait_for value_is "camb_task-kinds-a-${kind//\//-}/gauge-status" 1
done

for name in rfc3339 offset number digits; do
  ok "Started: $name" elapsed_is_since "$name" 1767225600
done
ok "Started in the future counts as now" \
  wait_for value_within camb_task-future/duration-elapsed 0.2 300
ok "without Started, elapsed time starts now" \
  value_within camb_task-plain/duration-elapsed 0 300

ok "MaxConcurrency is made use of" \
  wait_for prints 3 counted_at "$narrow_url" .in_flight.peak
ok "all tasks get their turn" \
  wait_for value_is camb_task-narrow-crowd-12/gauge-status 1
is "MaxConcurrency is kept" "$(counted_at "$narrow_url" .in_flight.peak)" 3

ok "Timeout may be a fraction" \
  wait_for at_least 3 requests timeout impatient
ok "Timeout is when the request ends" \
  value_within camb_api-impatient/response_time-maximum 0.39 30
is "the API is not up then" "$(value camb_api-impatient/gauge-up)" 0
ok "a time-out is logged once" logged 1 'account "impatient": requests time out'
is "the others have none" "$(requests timeout)" 0

ok "Proxy: the answers come through it" \
  wait_for value_is camb_task-through-proxied/gauge-status 1
is "Proxy: it was asked for the whole URL" "$(counted_at "$proxy_url" .last_request)" \
  "GET http://192.0.2.1.invalid/apis/project-setup/proxied"
ok "Proxy: without it there is no way" wait_for value_is camb_api-dead/gauge-up 0
ok "that is logged once" logged 1 'account "dead": no connection can be made'

clear_text='http to another machine sends the key in clear text'
for account in through dead; do
  ok "http to another machine is warned of once ($account)" \
    logged 1 "account \"$account\": URL: $clear_text"
done
ok "http to this machine is not" logged 2 "$clear_text"

ok "StateSet false: the status is there" \
  wait_for value_is camb_task-short-unset/gauge-status 1
is "StateSet false: the state set is not" \
  "$(identifiers | grep -c camb_task-short-unset/gauge-state)" 0
is "StateSet is true by default" \
  "$(identifiers | grep -c camb_task-plain/gauge-state)" 6

ok "Host is that of a task's values" \
  wait_for prints 0 value_at other.example camb_task-moved-elsewhere/gauge-status
is "and of the account's" "$(value_at other.example camb_api-moved/gauge-up)" 1
ok "the default host has none of them" not has_value camb_api-moved/gauge-up
ok "Host is that of notifications" wait_for log_has \
  'Notification: .*host = other.example, plugin = camb_task, plugin_instance = moved-elsewhere,'

ok "Notify false: the status is there" value_is camb_task-quiet-done/gauge-status 0
ok "Notify false: a rejected key is logged" \
  wait_for log_has 'account "wrong": the API rejects the key'
ok "Notify false: nobody is notified" \
  not log_has 'Notification: .*plugin_instance = (quiet-done|wrong)'

ok "several <Plugin> blocks add up" \
  wait_for value_is camb_task-more-plain/gauge-status 1
ok "nothing is logged twice" test -z "$(grep 'camb_task plugin: ' \
  "$work/collectd.log" | sort | uniq -d)"

simulate <<<'key other-key'
ok "APIKey is what the API goes by" wait_for value_is camb_api-default/gauge-up 0
stop_collectd

# --- The same options outside any account ------------------------------------

start_simulator <<'EOF'
task t
task done success=3
EOF
INTERVAL=0.25 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  APIKey "wrong"
  Task "t"
  Task "done"
  Host "another.example"
  StateSet false
  Notify false
  MaxConcurrency 1
  Timeout 5
  APIKey "test-key"
  URL "$api_url"
</Plugin>
EOF
ok "options may come after the tasks" \
  wait_for prints 1 value_at another.example camb_task-t/gauge-status
is "the last value counts" "$(counted .unauthorized)" 0
is "Host, outside any account" "$(value_at another.example camb_api-default/gauge-up)" 1
is "StateSet, outside any account" "$(identifiers | grep -c state_)" 0
ok "rounds go on" rounds_pass 4
is "Notify, outside any account" "$(log_count 'Notification: ')" 0
is "MaxConcurrency, outside any account" "$(counted .in_flight.peak)" 1
is "one connection is enough for that" "$(counted .connections.total)" 1
stop_collectd

# --- The environment ---------------------------------------------------------

start_simulator --key key-of-environment <<<'task t'
COLLECTD_WRAPPER=(env -u no_proxy -u NO_PROXY "CAMB_API_KEY=key-of-environment"
  "http_proxy=http://127.0.0.1:$(free_port)")
INTERVAL=0.25 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  <Account "proxied">
    Task "t"
  </Account>
  <Account "direct">
    Proxy ""
    Task "t"
  </Account>
  <Account "keyed">
    Proxy ""
    APIKey "another"
    Task "t"
  </Account>
</Plugin>
EOF
ok "CAMB_API_KEY is the key if no other is given" \
  wait_for value_is camb_task-direct-t/gauge-status 1
ok "Proxy \"\" is none, whatever the environment says" \
  value_is camb_api-direct/gauge-up 1
ok "else the environment's proxy is used" \
  wait_for value_is camb_api-proxied/gauge-up 0
ok "which is not there" wait_for log_has 'account "proxied": no connection can be made'
ok "APIKey comes before CAMB_API_KEY" \
  wait_for log_has 'account "keyed": the API rejects the key'
stop_collectd
COLLECTD_WRAPPER=()

# --- The key file ------------------------------------------------------------

start_simulator <<'EOF'
task file
task late
task open
EOF
printf ' \t test-key \t\r\nsecond line\n' >"$work/file.key"
printf 'test-key' >"$work/open.key"
chmod 600 "$work/file.key"
chmod 644 "$work/open.key"
CAMB_API_KEY=of-no-use INTERVAL=0.25 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  <Account "file">
    APIKeyFile "$work/file.key"
    Task "file"
  </Account>
  <Account "late">
    APIKeyFile "$work/late.key"
    Task "late"
  </Account>
  <Account "open">
    APIKeyFile "$work/open.key"
    Task "open"
  </Account>
</Plugin>
EOF
ok "APIKeyFile: its first line, trimmed, is the key" \
  wait_for value_is camb_task-file-file/gauge-status 1
ok "a file without a newline will do" \
  wait_for value_is camb_task-open-open/gauge-status 1
ok "but others can read it, which is said" \
  wait_for log_has "key file $work/open.key: .*0644"
ok "a missing file is said" \
  wait_for log_has "key file $work/late.key: No such file"
ok "the API is not up for that account" wait_for value_is camb_api-late/gauge-up 0
is "the task's status is unknown" "$(value camb_task-late-late/gauge-status)" -1
ok "rounds go on without it" rounds_pass 8
is "nothing is asked without a key" "$(counted .tasks.late.requests)" 0
is "nor is it a rejected key" "$(counted .unauthorized)" 0
ok "both are said once" logged 2 'plugin: key file'

printf 'test-key\n' >"$work/new.key"
chmod 600 "$work/new.key"
mv "$work/new.key" "$work/late.key"
ok "a key file that comes later is read" \
  wait_for value_is camb_task-late-late/gauge-status 1
ok "the API is up then" wait_for value_is camb_api-late/gauge-up 1
ok "and it is said" wait_for logged 1 "over: key file $work/late.key"

# Rotate the key: in place, by a new file, and by nothing at first.
simulate <<<'key fresh-key'
ok "a key that is not valid any more" wait_for value_is camb_api-file/gauge-up 0
printf 'fresh-key\n' >"$work/file.key"
ok "a changed key file is taken up" wait_for value_is camb_api-file/gauge-up 1
printf 'fresh-key\n' >"$work/new.key"
chmod 600 "$work/new.key"
mv "$work/new.key" "$work/open.key"
ok "a replaced one too" wait_for value_is camb_api-open/gauge-up 1
ok "which others can't read any more" \
  wait_for logged 1 "over: key file $work/open.key"
rm "$work/late.key"
ok "one that is missing now is said" \
  wait_for logged 2 "key file $work/late.key: No such file"
printf '\nfresh-key\n' >"$work/late.key"
chmod 600 "$work/late.key"
ok "an empty first line is no key" \
  wait_for log_has "key file $work/late.key: the key is empty"
printf 'fresh-key\n' >"$work/late.key"
ok "and the key comes back" wait_for value_is camb_api-late/gauge-up 1
ok "its tasks are as they were" value_is camb_task-late-late/gauge-status 1
is "no key is in the log" "$(log_count '(test|fresh)-key')" 0

done_testing
