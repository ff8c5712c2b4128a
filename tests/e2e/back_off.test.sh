#!/bin/bash
# SPDX-License-Identifier: MIT
# Errors: what is asked less and less often, what waits as a whole, and what
# goes on beside it. Time is counted in rounds of a task that is well.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=40 INTERVAL=0.2

asked() { counted ".tasks[\"$1\"].requests"; }
at_most() { [ "$("${@:2}")" -le "$1" ]; }
between() { [ "$3" -ge "$1" ] && [ "$3" -le "$2" ]; }
# rounds N: so many rounds of the task "steady", since the last call
rounds() { wait_for at_least $(($(asked steady) + $1)) asked steady; }
account_notifications() { notifications "$1" | grep -c "^$2 "; }

# --- Tasks that fail ---------------------------------------------------------

# Each beside tasks that are well: the name; the text of the trouble; whose it
# is; and the simulator's misbehaviour.
cases() {
  cat <<'EOF'
s404|the API does not know the task|task|http=404
s422|the API refuses the request|task|http=422 body='{"detail":"no"}'
s500|the API has an error|account|http=500
s408|requests time out|account|http=408
invalid|the answer is not understood|task|body='{"status":"SUCCESS"'
reset|connections break|account|cut=middle
drip|requests time out|account|drip=0.5
silent|requests time out|account|silence
EOF
}
names=$(cases | cut -d '|' -f 1)
# well: scenario in which all of them are
well() { cases | sed 's/^\([^|]*\)|.*/task \1/'; }
refused_port=$(free_port)
start_simulator --port "$refused_port" <<<'task refused'
refused=$simulator refused_url=$api_url
start_simulator <<EOF
task steady
$(well)
EOF
# An account for each trouble that is an account's, so that each is seen; a
# second task in it is well.
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 2
  Timeout 0.5
  Task "steady"
  $(for name in $names; do
  printf '<Account "%s">\nTask "%s"\nTask "steady"\n</Account>\n' "$name" "$name"
done)
  <Account "refused">
    URL "$refused_url"
    Task "refused"
  </Account>
</Plugin>
EOF
# all_are IDENTIFIER VALUE: of all, "NAME" standing for the name.
all_are() {
  local name
  for name in $names refused; do
    value_is "${1//NAME/$name}" "$2" || return 1
  done
}
# Each round has a "steady" for each account; this one's are counted by collectd.
own() { requests ok; }
own_rounds() { wait_for at_least $(($(own) + $1)) own; }
ok "all are well at first" wait_for all_are camb_task-NAME-NAME/gauge-status 1
own_rounds 3

declare -A first early middle late
# snapshot ARRAY: how often each has been asked up to now
snapshot() {
  local -n into=$1 # an associative array
  local name all
  all=$(counted '.tasks | to_entries[] | "\(.key) \(.value.requests)"')
  for name in $names; do
    # shellcheck disable=SC2004 # as the name is its key
    into[$name]=$(sed -n "s/^$name //p" <<<"$all")
  done
  # shellcheck disable=SC2034 # the array is the caller's
  into[refused]=$(requests network refused)
}
simulate <<<"$(cases | while IFS='|' read -r name _ _ misbehaviour; do
  echo "task $name $misbehaviour"
done)"
end_process "$refused"
snapshot first
began=$(own)
own_rounds 16
snapshot early
early_at=$(own)
own_rounds 24
snapshot middle
middle_at=$(own)
own_rounds 26
snapshot late
late_at=$(own)
note "rounds: $((early_at - began)), $((middle_at - early_at)), $((late_at - middle_at))"
for name in $names refused; do
  e=$((early[$name] - first[$name])) l=$((late[$name] - middle[$name]))
  note "$name: $e requests at first, $l later"
  ok "$name: is asked again soon" test "$e" -ge 3
  ok "$name: but not in each round" test "$e" -le $(((early_at - began) / 2))
  # By the cap it is every 2 s, or a little sooner, so each 7 to 10 rounds; on a
  # slow machine a round may take longer than that.
  ok "$name: it is asked up to the end" test "$l" -ge 1
  ok "$name: less often than at first" test \
    $((l * (early_at - began))) -lt $((e * (late_at - middle_at)))
  ok "$name: the status is held" value_is "camb_task-$name-$name/gauge-status" 1
  ok "$name: and is old" value_within "camb_task-$name-$name/duration-status_age" 4 1000
  if [ "$name" = refused ]; then
    ok "$name: the API is not up" value_is camb_api-refused/gauge-up 0
    is "$name: which is notified, once" "$(notifications refused)" \
      "WARNING Account refused: no useful answer from the API in three rounds in a row"
  else
    ok "$name: the API is up" value_is "camb_api-$name/gauge-up" 1
    ok "$name: the other task's status is fresh" \
      value_within "camb_task-$name-steady/duration-status_age" 0 3.9
    is "$name: nobody is notified" "$(notifications "$name")" ""
  fi
done
while IFS='|' read -r name text whose _; do
  [ "$whose" = account ] && where="account \"$name\"" || where="task \"$name-$name\""
  ok "$name: the trouble is said" log_has "\[warning\] .*$where.*: $text"
  ok "$name: once" logged 1 "\[warning\] .*\"$name(-$name)?\""
  ok "$name: nothing is over" logged 0 "\"$name(-$name)?\".*over:"
done < <(cases)
is "the task that is well was asked in each round" "$(value camb_api-default/gauge-up)" 1

# One good answer ends it.
simulate <<<"$(well)"
simulator_of_all=$simulator_url api_of_all=$api_url
start_simulator --port "$refused_port" <<<'task refused'
simulator_url=$simulator_of_all api_url=$api_of_all
young() {
  local name
  for name in $names refused; do
    value_within "camb_task-$name-$name/duration-status_age" 0 1.5 || return 1
  done
}
ok "all are well again" wait_for young
own_rounds 1
snapshot first
began=$(own)
own_rounds 20
snapshot late
now=$(own)
for name in $names; do
  ok "$name: is asked in each round again" test \
    $((late[$name] - first[$name])) -ge $(((now - began) * 7 / 10))
  ok "$name: the end is said, once" logged 1 "\"$name(-$name)?\".*over:"
  is "$name: nothing more is said" "$(log_count "camb_task plugin: .*\"$name(-$name)?\"")" 2
done
ok "the API is up again" value_is camb_api-refused/gauge-up 1
is "which is notified" "$(notifications refused | tail -n +2)" \
  "OKAY Account refused: useful answers from the API again"
stop_collectd

# --- An account that waits ---------------------------------------------------

printf 'key-A\n' >"$work/A.key"
chmod 600 "$work/A.key"
start_simulator --key key-A --key key-B <<'EOF'
many a 4
many b 4
task steady
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  MaxErrorInterval 2
  <Account "A">
    APIKeyFile "$work/A.key"
    $(seq -f 'Task "a-%g"' 4)
  </Account>
  <Account "B">
    APIKey "key-B"
    Task "steady"
    $(seq -f 'Task "b-%g"' 4)
  </Account>
</Plugin>
EOF
asked_A() { counted '[.tasks | to_entries[] | select(.key | startswith("a-")).value.requests] | add'; }
all_A_well() { value_is camb_api-A/count-pending 4 && value_is camb_api-A/gauge-up 1; }
ok "both accounts are well" wait_for all_A_well

# held WHAT MISBEHAVIOUR TEXT: A obeys Retry-After, of about four seconds.
held() {
  local before
  simulate <<<"task a-1 $2"
  ok "$1: it is said" wait_for log_has "account \"A\": $3"
  rounds 1
  before=$(asked_A)
  rounds 8
  is "$1: the account waits as a whole" "$(asked_A)" "$before"
  is "$1: what is known is held" "$(value camb_api-A/count-pending)" 4
  ok "$1: the other account goes on" value_within camb_task-B-b-1/duration-status_age 0 1.5
  simulate <<<'task a-1'
  ok "$1: it goes on when the time is over" wait_for at_least $((before + 8)) asked_A
  ok "$1: all are asked" wait_for value_within camb_task-A-a-1/duration-status_age 0 1
  ok "$1: the end is said" wait_for log_has "account \"A\": over: $3"
}
http_date() { LC_ALL=C date -u -d "+$1 seconds" '+%a, %d %b %Y %H:%M:%S GMT'; }
limit='the API limits the rate'
held "429, seconds" 'http=429 header="Retry-After: 4"' "$limit"
held "429, a date" "http=429 header=\"Retry-After: $(http_date 6)\"" "$limit"
held "503, seconds" 'http=503 header="Retry-After: 4"' 'the API is not available'
is "nothing of it concerns the other account" "$(log_count 'account "B"')" 0
is "nobody is notified: there were good answers in between" \
  "$(account_notifications A WARNING)" "$(account_notifications A OKAY)"

# Without Retry-After it backs off as a whole.
simulate <<<"$(seq -f 'task a-%g http=503' 4)"
rounds 12
before=$(asked_A)
began=$(asked steady)
rounds 30
ok "503 alone: the account is asked less and less" \
  test $(($(asked_A) - before)) -le $((($(asked steady) - began) * 4 / 3))
ok "503 alone: but asked" test "$(asked_A)" -gt "$before"
is "503 alone: it is said" "$(log_count 'account "A": the API is not available')" 2
ok "503 alone: the account is not up" value_is camb_api-A/gauge-up 0
ok "503 alone: WARNING" wait_for prints "$(($(account_notifications A OKAY) + 1))" \
  account_notifications A WARNING
simulate <<<'many a 4'
ok "503 alone: over" wait_for all_A_well
ok "503 alone: OKAY" wait_for prints "$(account_notifications A WARNING)" \
  account_notifications A OKAY

# --- A key that is rejected, and rotated -------------------------------------

failures_before=$(account_notifications A FAILURE)
okays_before=$(account_notifications A OKAY)
simulate <<'EOF'
key key-B
key key-new
EOF
ok "401: FAILURE" wait_for prints $((failures_before + 1)) account_notifications A FAILURE
rounds 2
before=$(asked_A)
began=$(asked steady)
# spread: how often each of A's tasks was, least and most
spread() {
  counted '[.tasks | to_entries[] | select(.key | startswith("a-")).value.requests] | max - min'
}
rounds 30
asked=$(($(asked_A) - before))
note "401: $asked requests in $(($(asked steady) - began)) rounds"
ok "401: the key is tried" test "$asked" -ge 2
ok "401: by one request at a time, less and less often" \
  test "$asked" -le $((($(asked steady) - began) / 3))
ok "401: the account is not up" value_is camb_api-A/gauge-up 0
is "401: what is known is held" "$(value camb_api-A/count-pending)" 4
ok "401: the other account goes on" value_within camb_task-B-b-1/duration-status_age 0 1.5
printf 'key-new\n' >"$work/A.key"
ok "a key that is rotated works, without a restart" wait_for all_A_well
ok "OKAY" wait_for prints $((okays_before + 1)) account_notifications A OKAY
rounds 10
is "FAILURE came once" "$(account_notifications A FAILURE)" $((failures_before + 1))
is "OKAY, too" "$(account_notifications A OKAY)" $((okays_before + 1))
is "it was said once" "$(log_count 'warning.*account "A": the API rejects the key')" 1
is "and its end" "$(log_count 'account "A": over: the API rejects the key')" 1
is "no key is in the log" "$(log_count 'key-(A|B|new)')" 0

# A 403 beside good answers concerns its task alone.
simulate <<<'task a-2 http=403'
ok "403: it is said of its task" wait_for logged 1 'task "A-a-2" \(ID a-2\): the key has no right to it'
began=$(asked steady)
first_good=$(asked a-1)
first_bad=$(asked a-2)
rounds 30
now=$(asked steady)
ok "403: the others are asked in each round" \
  test $(($(asked a-1) - first_good)) -ge $(((now - began) * 7 / 10))
ok "403: the task is asked less" \
  test $(($(asked a-2) - first_bad)) -le $(((now - began) / 2))
is "403: nobody is notified" "$(account_notifications A FAILURE)" $((failures_before + 1))
ok "403: the account is up" value_is camb_api-A/gauge-up 1

done_testing
