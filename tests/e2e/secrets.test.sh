#!/bin/bash
# SPDX-License-Identifier: MIT
# The key is nowhere to be seen, whatever the API makes of it.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=40 INTERVAL=0.25

key=Secret-of-e2e/0123=456
old_key=Retired-key-of-e2e
# JSON has other ways to write this one.
odd_key='Odd"secret\of e2e'

# seen REGEX: the files in which it stands, but those that the test made.
seen() {
  find "$work" -type f ! -name '*.key' ! -name collectd.conf ! -name scenario \
    -exec grep -alE "$1" {} +
}

# --- A key that the API echoes -----------------------------------------------

make_receiver
long=$(printf 'x%.0s' {1..495}) # so that a key behind it does not fit
# an account for each, as only the first trouble of a kind is logged with its
# cause
start_simulator --key "$key" --key "$odd_key" --key "$old_key" <<EOF
task success success=1 echo-key
task error error=UNKNOWN_ERROR echo-key
task reason error="$key"
task twice error=UNKNOWN_ERROR message="$key,$key$key"
task cut error=UNKNOWN_ERROR message="$long$key"
task escaped error=UNKNOWN_ERROR body='{"status":"ERROR","message":"\u0053ecret-of-e2e\/0123=456"}'
task object error=UNKNOWN_ERROR body='{"status":"ERROR","message":{"x-api-key":"$key"}}'
task s400 http=400 body='{"detail":[{"msg":"bad","input":"$key"}]}'
task s401 http=401 echo-key
task s403 http=403 echo-key
task s404 http=404 echo-key
task s429 http=429 echo-key
task s500 http=500 echo-key
task s302 redirect="http://127.0.0.1:9/?key=$key"
task html body='<html>$key</html>'
task status status="$key"
task text body='"$key"'
task raw raw="$key\r\n\r\n"
task header http=500 header="x-echo: $key"
task named success=4711 name="my $key film"
task odd error=UNKNOWN_ERROR echo-key
task oddobject error=UNKNOWN_ERROR body='{"status":"ERROR","message":{"key":"Odd\"secret\\\\of e2e"}}'
EOF
tasks="success error reason twice cut escaped object s400 s401 s403 s404 s429
  s500 s302 html status text raw header"
printf '%s\n' "$key" >"$work/file.key"
printf '%s\n' "$key" >"$work/open.key"
chmod 600 "$work/file.key"
chmod 644 "$work/open.key"

COLLECTD_WRAPPER=(env "CAMB_API_KEY=$key")
MORE_CONF=$receiver_conf start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  MaxErrorInterval 1
  $(for task in $tasks; do
  printf '<Account "%s">\nTask "%s"\n</Account>\n' "$task" "$task"
done)
  <Account "result">
    FetchResult true
    Task "named"
  </Account>
  <Account "direct">
    APIKey "$key"
    Task "success"
    Task "s500"
  </Account>
  <Account "file">
    APIKeyFile "$work/file.key"
    Task "error"
    Task "s401"
  </Account>
  <Account "open">
    APIKeyFile "$work/open.key"
    Task "error"
  </Account>
  <Account "odd">
    APIKey "$(sed 's/[\\"]/\\&/g' <<<"$odd_key")"
    Task "odd"
    Task "oddobject"
  </Account>
</Plugin>
EOF

for task in success error reason twice cut escaped object; do
  ok "$task: a notification" wait_for received "$task-$task"
done
for task in s400 s401 s403 s404 s429 s500 s302 html status text raw header; do
  ok "$task: a log line" wait_for log_has "\"$task(-$task)?\".*: .* \("
done
for task in direct-success file-error open-error odd-odd odd-oddobject; do
  ok "$task: a notification" wait_for received "$task"
done
ok "more rounds" rounds_pass 100

stars='\*{20,}'
ok "SUCCESS: the text is blanked" log_has "Task success-success .*the key was $stars"
ok "ERROR: the text is blanked" log_has "Task error-error .*the key was $stars"
ok "the reason is blanked" log_has "reason $stars"
ok "each place is blanked" log_has "twice: $stars,$stars"
ok "an escaped key is blanked" log_has "Task escaped-escaped .*: $stars$"
ok "a structured text is blanked" log_has "\"x-api-key\":\"$stars\""
for status in 401 403 404 429 500; do
  ok "HTTP $status: the text is blanked" log_has "HTTP $status: the key was $stars"
done
ok "a detail of validation is blanked" log_has "HTTP 400: .*$stars"
ok "the meta data are blanked" grep -Eqr "message: the key was $stars" "$received"
ok "a key with quotes is blanked" log_has "Task odd-odd .*the key was \*{10,}"

# What the API has for the project's name goes into texts and meta data, too.
ok "a project's name is notified" wait_for received result-named
ok "the key in it is blanked" grep -Eq "^project_name: my $stars film\$" \
  "$(receipts result-named)"
ok "in the text, too" log_has "Task result-named is SUCCESS.*project my $stars film"
ok "the state is in a file" wait_for grep -q '"task":"named"' "$work/camb_task.state"
ok "with the texts, blanked" wait_for grep -Eq "the key was $stars" "$work/camb_task.state"
is "no key in the log, the notifications, the output, any file" "$(seen "$key")" ""
is "nor one with quotes, even in a structured text" "$(seen 'secret.+of e2e')" ""
is "none in the process list" \
  "$(grep -alF "$key" "/proc/$daemon/cmdline" "/proc/$daemon"/task/*/comm)" ""
is "none in the values" "$({
  prometheus_all
  identifiers
} | grep -cF "$key")" 0

# --- A key that is rotated while a request is under way -----------------------

# An old key that the API still echoes is nobody else's business either; it may
# well be valid for some time.
printf '%s\n' "$old_key" >"$work/rotated.key"
chmod 600 "$work/rotated.key"
stop_collectd
start_simulator --key "$old_key" --key "$key" <<'EOF'
task late error=UNKNOWN_ERROR echo-key latency=2
task quick
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  <Account "rotated">
    APIKeyFile "$work/rotated.key"
    Task "late"
    Task "quick"
  </Account>
</Plugin>
EOF
ok "a request is under way" wait_for prints 1 counted .tasks.late.requests
printf '%s\n' "$key" >"$work/rotated.key"
ok "the key is rotated" wait_for at_least 2 counted '.keys_seen[1]'
ok "the answer comes" wait_for notified rotated-late
ok "the old key is blanked, too" not log_has "$old_key"
stop_collectd

# --- Errors ------------------------------------------------------------------

# An API that is not there, and a proxy with a password
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "http://127.0.0.1:$(free_port)/apis"
  APIKey "$key"
  Task "t"
  <Account "proxied">
    Proxy "http://user:Secret-of-e2e@127.0.0.1:$(free_port)"
    Task "t"
  </Account>
</Plugin>
EOF
ok "an API that is not there is logged" \
  wait_for log_has 'account "default": no connection can be made'
ok "a proxy too" wait_for log_has 'account "proxied": no connection can be made'
is "no key, no password in any file" "$(seen Secret-of-e2e)" ""

done_testing
