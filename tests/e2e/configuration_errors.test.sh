#!/bin/bash
# SPDX-License-Identifier: MIT
# Configurations that collectd refuses to start with, each by one line that says
# which option of which task is wrong; and what is no error though it may look
# like one.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl timeout

unset CAMB_API_KEY
secret=hunter2 # stands in all keys and passwords here

# run_collectd [OPTION...] <CONFIGURATION, from LoadPlugin on: runs collectd to
# its end. Sets exit_status.
run_collectd() {
  collectd_conf
  : >"$work/collectd.log"
  timeout 10 "$collectd" -f "$@" -C "$work/collectd.conf" \
    >"$work/collectd.out.log" 2>&1
  exit_status=$?
}

# was_refused REGEX: collectd did not start, and the log has one line on why,
# which matches.
was_refused() {
  local lines
  if [ "$exit_status" -eq 0 ] || [ "$exit_status" -ge 124 ]; then
    note "exit status $exit_status"
    return 1
  fi
  # lines of collectd itself begin with [info], or with the time
  lines=$(LC_ALL=C grep -aEv '^\[(info\] |2)' "$work/collectd.log")
  if [ "$(wc -l <<<"$lines")" -ne 1 ] ||
    ! LC_ALL=C grep -aEq -- "^\[error\] camb_task plugin: $1" <<<"$lines"; then
    note "expected one line: $1"
    note "got: $lines"
    return 1
  fi
  if grep -q "$secret" "$work/collectd.log" "$work/collectd.out.log"; then
    note "a key or password is in there: $lines"
    return 1
  fi
  ! grep -q camb_task "$work/collectd.out.log"
}

# refused DESCRIPTION REGEX BLOCK: the content of the <Plugin> block, the key
# included, is refused.
refused() {
  run_collectd <<<"LoadPlugin camb_task
<Plugin camb_task>
$3
</Plugin>"
  ok "$1" was_refused "$2"
}

# The same, with a good key.
bad() { refused "$1" "$2" "APIKey \"$secret-good\"
$3"; }

# bad_id DESCRIPTION REGEX ID, as it stands between quotes
bad_id() { bad "ID: $1" "Task \".*\": .*ID $2" "Task \"$3\""; }

# bad_name DESCRIPTION REGEX NAME: in both forms of a task
bad_name() {
  bad "name: $1" "Task \"t7\": .*name$2" "Task \"t7\" \"$3\""
  bad "<Task> Name: $1" "Task \"t7\": .*name$2" "<Task \"t7\">
Name \"$3\"
</Task>"
}

# bad_task_option DESCRIPTION OPTION REGEX VALUE
bad_task_option() {
  bad "$2: $1" "Task \"t7\": $2: $3" "<Task \"t7\">
$2 $4
</Task>"
}

repeat() { printf "%.0s$1" $(seq "$2"); }

# collectd itself demands a value of an option, and drops an empty block, so an
# option without a value can only be a block with something in it.

# --- Options -----------------------------------------------------------------

bad "unknown option" 'Frobnicate: there is no such option' 'Frobnicate 1'
bad "unknown option of an account" \
  'Account "a": Frobnicate: there is no such option' '<Account "a">
Frobnicate 1
</Account>'
bad_task_option "unknown" Frobnicate 'there is no such option' 1
bad "an option of a task, outside any" 'Started: there is no such option' \
  'Started 1767225600'
bad_task_option "an option of accounts" Timeout 'there is no such option' 5
bad "an account in an account" 'Account "a": Account: ' '<Account "a">
<Account "b">
</Account>
</Account>'

for option in APIKeyFile CACert Host Proxy StateFile TaskFile URL; do
  bad "$option: a number" "$option: .*string" "$option 5"
  bad "$option: a boolean" "$option: .*string" "$option true"
  bad "$option: two values" "$option: .*one string" "$option \"http://a/\" \"http://b/\""
  bad "$option: no value" "$option: .*one string" "<$option>
Value 5
</$option>"
done
for value in 5 true '"hunter2" "hunter2"'; do
  refused "APIKey $value" 'APIKey: .*one string' "APIKey $value
Task \"t\""
done
for option in VerifyPeer VerifyHost StateSet Notify FetchResult; do
  bad "$option: a number" "$option: .*true and false" "$option 1"
  bad "$option: a string" "$option: .*true and false" "$option \"maybe\""
  bad "$option: two values" "$option: .*one of" "$option true false"
  bad "$option: no value" "$option: .*one of" "<$option>
Value 5
</$option>"
done
for value in 0 -1 1001 1.5 '"16"' true '1 2'; do
  bad "MaxConcurrency $value" 'MaxConcurrency: .*whole number from 1 to 1000' \
    "MaxConcurrency $value"
done
for value in 0 0.05 -5 3601 '"10"' true '1 2'; do
  bad "Timeout $value" 'Timeout: .*seconds from 0.1 to 3600' "Timeout $value"
done
for value in -1 86400.5 '"10"' true '1 2'; do
  bad "MaxPollInterval $value" 'MaxPollInterval: .*seconds from 0 to 86400' \
    "MaxPollInterval $value"
done
for value in 0 0.9 86401; do
  bad "MaxErrorInterval $value" 'MaxErrorInterval: .*seconds from 1 to 86400' \
    "MaxErrorInterval $value"
done
for option in StalledAfter ForgetAfter; do
  for value in -1 31536001; do
    bad "$option $value" "$option: .*seconds from 0 to 31536000 is" \
      "$option $value"
  done
done
bad "an option in an account" 'Account "a": Timeout: ' '<Account "a">
Timeout 0
</Account>'
bad "Host: empty" 'Host: .*1 to 127 bytes' 'Host ""'
bad "Host: a slash" 'Host: .*slash' 'Host "a/b"'
bad "CACert: empty" 'CACert: .*empty' 'CACert ""'

# --- URLs --------------------------------------------------------------------

for url in ftp://host/apis file:///etc/passwd '' host/apis 'http://' \
  'http://a b/' "http://user:$secret@host/apis" "http://user@host/" \
  'https://host/apis?a=b' 'https://host/apis#part' 'https://host:99999/'; do
  bad "URL \"$url\"" 'URL: it ' "URL \"$url\""
done
bad "URL of an account" 'Account "a": URL: it ' '<Account "a">
URL "ftp://host/"
</Account>'
for proxy in 'http://' 'http://a b/' "http://user:$secret@host:port/"; do
  bad "Proxy \"$proxy\"" 'Proxy: it ' "Proxy \"$proxy\""
done

# --- Tasks -------------------------------------------------------------------

bad "Task: no ID" 'Task.*: .*ID' '<Task>
Name "a"
</Task>'
bad "Task: three values" 'Task.*: .*ID' 'Task "a" "b" "c"'
bad "Task: a number" 'Task.*: .*string' 'Task 5'
bad "Task: a number for a name" 'Task.*: .*string' 'Task "t7" 5'
bad_id "empty" "is empty" ''
bad_id "dot" "is a relative path" .
bad_id "two dots" "is a relative path" ..
bad_id "white space" "is not printable ASCII" 'a b'
bad_id "a tab" "is not printable ASCII" $'a\tb'
bad_id "a line break" "is not printable ASCII" $'a\nb'
bad_id "not ASCII" "is not printable ASCII" 'größe'
bad_id "257 bytes" "is longer than 256 bytes" "$(repeat x 257)"
bad_name "empty" ' is empty' ''
bad_name "a slash" ' holds a slash' 'a/b'
bad_name "a control character" ' holds a control character' $'a\tb'
bad_name "a line break" ' holds a control character' $'a\nb'
bad_name "a C1 control character" ' holds a control character' $'a\xc2\x85b'
bad_name "invalid UTF-8" ' is not valid UTF-8' $'a\xffb'
bad_name "half a character" ' is not valid UTF-8' $'a\xc3'
bad_name "a surrogate" ' is not valid UTF-8' $'\xed\xa0\x80'
bad_name "128 bytes" '.* is longer than 127 bytes' "$(repeat x 128)"
bad "name: 128 bytes with the account's prefix" \
  'Account "a": Task "t7": .*name.* is longer than 127 bytes' "<Account \"a\">
Task \"t7\" \"$(repeat x 126)\"
</Account>"
bad "an ID that is no name" 'Task "a/b": .*name holds a slash' 'Task "a/b"'
bad_task_option "a number" Name '.*string' 5
bad_task_option "two values" Name '.*one string' '"a" "b"'

for type in '""' '"Dub"' '"/dub"' '"dub/"' '"a//b"' '"a b"' '"../dub"' \
  '"dub?a"' "\"$(repeat x 300)\"" 5; do
  bad_task_option "$type" Type '' "$type"
done
for time in '"yesterday"' '""' '"2026-02-30T00:00:00Z"' '"2026-01-01T00:00:00"' \
  '"2026-01-01"' '"2026-13-01T00:00:00Z"' '"2026-01-01T25:00:00Z"' \
  '"2026-01-01T00:00:00+2"' '"12x"' '"1.2.3"' 0 -5 '"0"' true '1 2' \
  999999999999999; do
  bad_task_option "$time" Started '' "$time"
done

bad "duplicate name" 'Task "t7": .*another task has the same name' 'Task "t6" "n"
Task "t7" "n"'
bad "an ID for a name that there is" 'Task "t7": .*same name' 'Task "t6" "t7"
Task "t7"'
bad "duplicate ID" 'Task "t7": .*the task ID stands twice' 'Task "t7" "a"
Task "t7" "b"'
bad "duplicate ID in an account" 'Account "a": Task "t7": .*ID stands twice' \
  '<Account "a">
Task "t7" "a"
<Task "t7">
Name "b"
</Task>
</Account>'
bad "duplicate name by an account's prefix" \
  'Account "a": Task "t7": .*another task has the same name' 'Task "t6" "a-b"
<Account "a">
Task "t7" "b"
</Account>'
bad "duplicate name by the prefixes of two accounts" \
  'Account "a-b": Task "t7": .*another task has the same name' '<Account "a">
Task "t6" "b-c"
</Account>
<Account "a-b">
Task "t7" "c"
</Account>'
bad "duplicate ID in two blocks" 'Task "t7": .*ID stands twice' 'Task "t7" "a"
</Plugin>
<Plugin camb_task>
Task "t7" "b"'

# --- Files of tasks and fields -----------------------------------------------

bad "TaskFile: empty" 'TaskFile: it is empty' 'TaskFile ""'
bad "TaskFile: twice" 'TaskFile: it is listed twice' 'TaskFile "/dev/null"
</Plugin>
<Plugin camb_task>
TaskFile "/dev/null"'
bad "TaskFile: twice in an account" \
  'Account "a": TaskFile: it is listed twice' '<Account "a">
TaskFile "/dev/null"
TaskFile "/dev/null"
</Account>'

bad "Field: two values" 'Field: .*three strings' 'Field "/a" "gauge"'
bad "Field: a number" 'Field: .*three strings' 'Field "/a" "gauge" 5'
bad "Field: no pointer" 'Field: .*slash' 'Field "a" "gauge" "a"'
bad "Field: a tilde" 'Field: .*~' 'Field "/a~b" "gauge" "a"'
bad "Field: no type" 'Field: the type .*1 to 127 bytes' 'Field "/a" "" "a"'
bad "Field: a slash" 'Field: the instance .*slash' 'Field "/a" "gauge" "a/b"'
bad "Field: a value of the plugin" "Field: the plugin's own" \
  'Field "/a" "gauge" "state_error"'
bad "Field: an inherited one again" 'Account "a": Field: another field' \
  'Field "/a" "gauge" "a"
<Account "a">
Field "/b" "gauge" "a"
</Account>'
fields() { for i in $(seq "$1"); do echo "Field \"/$i\" \"gauge\" \"$i\""; done; }
bad "33 fields" 'Field: an account has at most 32' "$(fields 33)"

# --- Accounts ----------------------------------------------------------------

bad "Account: no name" 'Account: .*one name' '<Account>
Task "t"
</Account>'
bad "Account: two names" 'Account: .*one name' '<Account "a" "b">
</Account>'
bad "Account: a number" 'Account: .*one name' '<Account 5>
</Account>'
bad "Account: empty" 'Account "": .*empty' '<Account "">
</Account>'
bad "Account: default" 'Account "default": ' '<Account "default">
</Account>'
bad "Account: a slash" 'Account "a/b": .*slash' '<Account "a/b">
</Account>'
bad "Account: a line break" 'Account ".*": .*control character' $'<Account "a\nb">
</Account>'
bad "Account: invalid UTF-8" 'Account ".*": .*UTF-8' $'<Account "a\xff">
</Account>'
bad "Account: duplicate name" 'Account "a": .*another account' '<Account "a">
</Account>
<Account "a">
</Account>'

# --- Keys --------------------------------------------------------------------

no_key='APIKey: there is no key.*APIKeyFile.*CAMB_API_KEY'
refused "no key" "$no_key" 'Task "t"'
CAMB_API_KEY='' refused "an empty CAMB_API_KEY is none" "$no_key" 'Task "t"'
refused "no key for an account" "Account \"b\": $no_key" "<Account \"a\">
APIKey \"$secret\"
Task \"t\"
</Account>
<Account \"b\">
Task \"t\"
</Account>"
refused "no key for the tasks outside any account" "$no_key" "<Account \"a\">
APIKey \"$secret\"
</Account>
Task \"t\""
refused "no key for a file of tasks" "$no_key" 'TaskFile "/dev/null"'
both='APIKey and APIKeyFile exclude each other'
refused "both kinds of key" "APIKeyFile: $both" "APIKey \"$secret\"
APIKeyFile \"/dev/null\""
refused "both kinds of key, the other way round" "APIKey: $both" \
  "APIKeyFile \"/dev/null\"
APIKey \"$secret\""
bad "both kinds of key in an account" "Account \"a\": APIKeyFile: $both" "<Account \"a\">
APIKey \"$secret\"
APIKeyFile \"/dev/null\"
</Account>"
refused "an empty key" 'APIKey: .*empty' 'APIKey ""'
refused "an empty path of a key file" 'APIKeyFile: .*empty' 'APIKeyFile ""'
refused "a key with a tab" 'APIKey: .*control character' "APIKey \"$secret	x\""
refused "a key with a line break" 'APIKey: .*control character' "APIKey \"$secret
x-injected: 1\""
refused "a key with DEL" 'APIKey: .*control character' "APIKey \"$secret"$'\x7f"'
CAMB_API_KEY="$secret"$'\r\nx-injected: 1' refused \
  "CAMB_API_KEY with a line break" '.*CAMB_API_KEY: .*control character' 'Task "t"'

# --- No errors ---------------------------------------------------------------

run_collectd -T <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  apikey "$secret"
  URL "HTTP://127.0.0.1:$(free_port)/"
  Proxy ""
  MaxConcurrency 1000
  Timeout 3600
  MaxPollInterval 86400
  MaxErrorInterval 86400
  StalledAfter 31536000
  ForgetAfter 31536000
  FetchResult true
  StateFile ""
  $(fields 31)
  Task "$(repeat x 256)" "$(repeat y 127)"
  TASK "!#\$%&'()*+,-./:;<=>?@[\\\\]^_\`{|}~\"" "größe, €, 𝄞 <&>"
  <Task "...">
    type "a-b/c1"
    started 1767225600.5
  </Task>
  <Account "$(repeat z 100)">
    MaxConcurrency 1
    Timeout 0.1
    MaxPollInterval 0
    MaxErrorInterval 1
    StalledAfter 0
    ForgetAfter 0
    Field "" "$(repeat a 127)" "$(repeat b 127)"
    Task "$(repeat x 256)" "$(repeat y 26)"
  </Account>
</Plugin>
EOF
is "the limits themselves are allowed" "$exit_status" 0
is "and nothing is said against them, but that a type is not known" \
  "$(grep '^\[error\] camb_task plugin' "$work/collectd.log" | grep -cv 'types.db')" 0

MORE_CONF='LoadPlugin uptime' start_collectd <<'EOF'
LoadPlugin camb_task
EOF
ok "without a block the plugin says so" \
  logged 1 'camb_task plugin: there is no <Plugin camb_task> block'
ok "and is unloaded" log_has 'camb_task.*Plugin will be unloaded'
ok "while collectd goes on" wait_for has_value uptime/uptime
is "without values of the plugin" "$(identifiers)" ""
stop_collectd

MORE_CONF='LoadPlugin uptime' start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  <Account "a">
    APIKey "$secret"
  </Account>
</Plugin>
EOF
ok "without tasks it says so" wait_for log_has 'camb_task plugin: there is no Task'
ok "and goes on" wait_for value_is camb_api-a/count-pending 0
ok "as does collectd" wait_for has_value uptime/uptime
ok "up is not known" not has_value camb_api-a/gauge-up

done_testing
