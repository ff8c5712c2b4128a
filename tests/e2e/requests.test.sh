#!/bin/bash
# SPDX-License-Identifier: MIT
# How requests are made, and what each way for them to end leads to.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=40 INTERVAL=0.25

# counted_at URL JQ-EXPRESSION: what that simulator counted.
counted_at() { simulator_url=$1 counted "$2"; }

# --- Each way to fail --------------------------------------------------------

# Each is an account with one task, all in one collectd. They are good at first,
# then bad for a while, then good again. A line has the account's name (and its
# task's ID); the counter; the text of the trouble; what is said of its cause (a
# regular expression); and the simulator's misbehaviour.
cases() {
  cat <<EOF
s400|client_error|the API refuses the request|HTTP 400|http=400
s401|unauthorized|the API rejects the key|HTTP 401|http=401
s403|unauthorized|the key has no right to it|HTTP 403|http=403
s404|not_found|the API does not know the task|HTTP 404|http=404
s408|timeout|requests time out|HTTP 408|http=408
s418|client_error|the API refuses the request|HTTP 418: a teapot|http=418 body='{"message":"a teapot"}'
s422|client_error|the API refuses the request|HTTP 422: .*not a UUID|http=422 body='{"detail":[{"loc":["path"],"msg":"not a UUID"}]}'
s429|rate_limited|the API limits the rate|HTTP 429|http=429
s500|server_error|the API has an error|HTTP 500|http=500 body='{"status":"SUCCESS","run_id":1}'
s503|server_error|the API is not available|HTTP 503: maintenance|http=503 body='{"error":"maintenance"}'
s504|server_error|the API has an error|HTTP 504|http=504 body='<html>nginx</html>'
s302|invalid|the answer is not understood|HTTP 302|redirect=$elsewhere/apis/project-setup/s302
s308|invalid|the answer is not understood|HTTP 308|http=308 redirect=$elsewhere/apis/project-setup/s308
s304|invalid|the answer is not understood|HTTP 304|http=304
s204|invalid|the answer is not understood|empty|http=204 body=""
empty|invalid|the answer is not understood|empty|body=""
html|invalid|the answer is not understood|not JSON|body='<html>Please log in</html>'
tail|invalid|the answer is not understood|not JSON|body='{"status":"SUCCESS"} {}'
half|invalid|the answer is not understood|not JSON|body='{"status":"SUCCESS"'
latin1|invalid|the answer is not understood|UTF-8|body="{\"status\":\"SUCCESS\",\"message\":\"gr\\xf6\\xdfe\"}"
nul|invalid|the answer is not understood|NUL|body="{\"status\":\"SUCCESS\"}\\0"
deep|invalid|the answer is not understood|nested|body-file=$work/deep.json
large|invalid|the answer is not understood|large|body-file=$work/large.json
new|invalid|the answer is not understood|status is not a known one: PAUSED|body='{"status":"PAUSED"}'
none|invalid|the answer is not understood|no status|body='{"run_id":1}'
null|invalid|the answer is not understood|no status|body='null'
number|invalid|the answer is not understood|no status|body='0'
word|invalid|the answer is not understood|status is not a known one: Task not found|body='"Task not found"'
nolist|invalid|the answer is not understood|empty list|body='[]'
list|invalid|the answer is not understood|list|body='["SUCCESS"]'
before|network|connections break|.|cut=before
middle|network|connections break|.|cut=middle
raw|network|connections break|.|raw="SSH-2.0-OpenSSH_9.2\r\n"
silent|timeout|requests time out|.|silence
refused|network|no connection can be made|.|-
EOF
}

{ printf '{"status":"SUCCESS","a":' && printf '[%.0s' {1..40} &&
  printf ']%.0s' {1..40} && echo '}'; } >"$work/deep.json"
{ printf '{"status":"SUCCESS","a":"' && head -c 1050000 /dev/zero | tr '\0' x &&
  echo '"}'; } >"$work/large.json"

start_simulator <<'EOF'
all http=200 body='{"status":"SUCCESS","run_id":666}'
EOF
elsewhere=$simulator_url
refused_port=$(free_port)
start_refused() {
  start_simulator --port "$refused_port" <<<'task refused'
  refused=$simulator refused_url=$simulator_url
}
start_refused
start_simulator <<EOF
$(cases | while IFS='|' read -r name _; do echo "task $name"; done)
task bare body='"success"'
task results body='[{"run_id":5},{"run_id":6}]'
task words body='{"status":"Processing","run_id":null,"message":null,"new_key":{}}'
EOF

start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  Task "bare"
  Task "results"
  Task "words"
  $(cases | while IFS='|' read -r name _; do
  printf '<Account "%s">\n' "$name"
  [ "$name" != refused ] || printf 'URL "%s/apis"\n' "$refused_url"
  [ "$name" != silent ] || echo 'Timeout 0.5'
  printf 'Task "%s"\n</Account>\n' "$name"
done)
</Plugin>
EOF

ok "a bare string is an answer" wait_for value_is camb_task-bare/gauge-status 0
ok "a list of results is SUCCESS" wait_for value_is camb_task-results/gauge-status 0
ok "with the first run ID" wait_for prints "OKAY Task results is SUCCESS, run 5" \
  notifications results
ok "another word in another case, and null" \
  wait_for value_is camb_task-words/gauge-status 1

# all_are IDENTIFIER VALUE: of all accounts, "NAME" standing for the account's.
all_are() {
  local name
  for name in $names; do
    value_is "${1//NAME/$name}" "$2" || return 1
  done
}
names=$(cases | cut -d '|' -f 1)
ok "all are good at first" wait_for all_are camb_api-NAME/gauge-up 1
ok "all tasks are pending" wait_for all_are camb_task-NAME-NAME/gauge-status 1

end_process "$refused"
simulate <<<"$(cases | while IFS='|' read -r name _ _ _ misbehaviour; do
  [ "$misbehaviour" = - ] || echo "task $name $misbehaviour"
done)"

# totals: how all requests ended, "ACCOUNT COUNTER NUMBER" on each line
totals() {
  prometheus_all | sed -n 's/^collectd_camb_api_total_requests_total{camb_api="\([^"]*\)",type="\([^"]*\)".* \([0-9]*\) [0-9]*$/\1 \2 \3/p'
}
# Three rounds, and one more
all_failed() {
  local name counter totals
  totals=$(totals)
  while IFS='|' read -r name counter _; do
    grep -Eq "^$name $counter ([4-9]|[1-9][0-9]+)$" <<<"$totals" || return 1
  done < <(cases)
}
ok "all fail" wait_for all_failed
ok "none is up" wait_for all_are camb_api-NAME/gauge-up 0
ok "the last known status is held" all_are camb_task-NAME-NAME/gauge-status 1
declare -A age
for name in $names; do
  age[$name]=$(value "camb_task-$name-$name/duration-status_age")
done
ok "rounds go on" rounds_pass 150

# other_counters NAME COUNTER: what else than good and such requests there were,
# in $totals
other_counters() {
  grep "^$1 " <<<"$totals" | grep -Ev "^$1 ($2|ok) | 0$"
}
grows() { value "$1" | awk -v before="$2" '{ ok = $1 > before } END { exit !ok }'; }

totals=$(totals)
while IFS='|' read -r name counter text cause _; do
  is "$name: counted as $counter alone" "$(other_counters "$name" "$counter")" ""
  ok "$name: the trouble and its cause are logged" \
    logged 1 "(account|task) \"$name(-$name)?\".*: $text.* \(.*$cause"
  ok "$name: once" logged 1 "(account|task) \"$name(-$name)?\""
  ok "$name: the status gets older" \
    grows "camb_task-$name-$name/duration-status_age" "${age[$name]}"
  if [ "$counter" = unauthorized ]; then
    is "$name: FAILURE, once" "$(notifications "$name")" \
      "FAILURE Account $name: the API rejects the key"
  else
    is "$name: WARNING after three rounds, once" "$(notifications "$name")" \
      "WARNING Account $name: no useful answer from the API in three rounds in a row"
  fi
  is "$name: no notification of the task" "$(notifications "$name-$name")" ""
done < <(cases)
is "redirects are not followed" "$(counted_at "$elsewhere" .requests)" 0
is "the account beside them is up" "$(value camb_api-default/gauge-up)" 1
is "and has counted none of it" "$(other_counters default none)" ""

simulator_url_of_all=$simulator_url
start_refused
simulator_url=$simulator_url_of_all
simulate <<<"$(cases | while IFS='|' read -r name _; do echo "task $name"; done)"
ok "all are good again" wait_for all_are camb_api-NAME/gauge-up 1
is_over() {
  local name text
  while IFS='|' read -r name _ text _; do
    logged 1 "(account|task) \"$name(-$name)?\".*: over: $text" &&
      notifications "$name" | grep -q '^OKAY ' || return 1
  done < <(cases)
}
ok "each end is logged and notified" wait_for is_over
ok "rounds go on" rounds_pass 150
while IFS='|' read -r name counter text _; do
  ok "$name: the end is logged once" \
    logged 1 "(account|task) \"$name(-$name)?\".*: over: $text"
  ok "$name: nothing else is" logged 2 "(account|task) \"$name(-$name)?\""
  is "$name: OKAY, once" "$(notifications "$name" | grep -c '^OKAY ')" 1
  is "$name: two notifications in all" "$(notifications "$name" | wc -l)" 2
  ok "$name: the status is fresh again" value_within \
    "camb_task-$name-$name/duration-status_age" 0 "${age[$name]}"
done < <(cases)

# every_request_counts: each task's requests as the simulator had them are those
# that its account has counted, but for those that had no or another simulator,
# or were sent again.
every_request_counts() {
  diff <(counted '.tasks | to_entries[] | "\(.key) \(.value.requests)"' |
    grep -Ev '^(refused|before|bare|results|words) ' | sort) \
    <(totals | awk '{ n[$1] += $3 } END { for (a in n) print a, n[a] }' |
      grep -Ev '^(refused|before|default) ' | sort)
}
ok "every request is counted once" wait_for every_request_counts
stop_collectd

# --- A task alone ------------------------------------------------------------

start_simulator <<'EOF'
task good
task forbidden http=403
task ill http=500
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  Task "good"
  Task "forbidden"
  Task "ill"
</Plugin>
EOF
ok "a 403 beside good answers" wait_for at_least 5 requests unauthorized
is "is no rejected key" "$(notifications default)" ""
is "the account is up" "$(value camb_api-default/gauge-up)" 1
is "the task's status is unknown" "$(value camb_task-forbidden/gauge-status)" -1
is "and has no age" "$(value camb_task-forbidden/duration-status_age)" ""
ok "one trouble is logged" wait_for logged 1 '"forbidden".*\(HTTP 403'
ok "and another one" wait_for logged 1 '"ill".*\(HTTP 500'
stop_collectd

# --- IDs ---------------------------------------------------------------------

# As they stand between single quotes in the scenario
ids=('a/b' 'a%2Fb' '%' 'a?b=c' 'a#b' 'a+b' 'a&b;c' '~t.i_l-d!e' 'a"b' "\\" '<>' '...'
  '/a' 'a/' '/' '../../x' "{a,b}[1-3]" 'a:b@c' '$(x)`y`' '|^*')
start_simulator <<EOF
$(printf "task '%s'\n" "${ids[@]}")
EOF
quoted() { sed 's/[\\"]/\\&/g' <<<"$1"; }
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  $(for i in "${!ids[@]}"; do
  printf 'Task "%s" "id-%d"\n' "$(quoted "${ids[i]}")" "$i"
done)
</Plugin>
EOF
for i in "${!ids[@]}"; do
  ok "ID ${ids[i]/\#/(hash)} arrives as it is" \
    wait_for value_is "camb_task-id-$i/gauge-status" 1
done
is "no other ID arrives" "$(requests not_found)" 0
stop_collectd

# --- Connections and requests under way --------------------------------------

start_simulator <<<'many task 12'
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxConcurrency 3
  $(for i in {1..12}; do echo "Task \"task-$i\""; done)
</Plugin>
EOF
ok "many rounds" rounds_pass 120
ok "connections are kept" not at_least 4 counted .connections.total
is "User-Agent" "$(counted '.last_headers["User-Agent"]')" "camb_task/$(newest_version)"
is "Accept" "$(counted .last_headers.Accept)" application/json
ok "the key is sent" test -n "$(counted '.last_headers["x-api-key"]')"
is "the request" "$(counted .last_request | sed 's/[0-9]*$//')" \
  "GET /apis/project-setup/task-"
stop_collectd

# One connection that is kept, and eight of them; the API closes whichever the
# request comes by.
for kept in 1 8; do
  start_simulator <<<'many task 8 latency=0.05'
  start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxConcurrency $kept
  $(for i in {1..8}; do echo "Task \"task-$i\""; done)
</Plugin>
EOF
  ok "some rounds" rounds_pass 24
  simulate <<<"$(for i in {2..8}; do echo "task task-$i success=$i"; done)"
  ok "the other tasks end" wait_for value_is camb_api-default/count-success 7
  is "connections that are kept" "$(counted .connections.open)" "$kept"
  before=$(counted '.tasks["task-1"].requests')
  simulate <<<'task task-1 cut=before'
  ok "one of them breaks" wait_for at_least 1 requests network
  sent=$(($(counted '.tasks["task-1"].requests') - before))
  # so that all that is sent is counted
  ok "another time" wait_for at_least $(($(requests network) + 1)) requests network
  broken=$(requests network)
  ok "the request is sent again once ($kept connections)" \
    test "$sent" -le $((2 * broken + 1))
  note "sent $sent times, $broken of them failed in the end"
  stop_collectd
done

start_simulator <<'EOF'
task quick
task late latency=1.5
task silent silence
EOF
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Timeout 60
  Task "quick"
  Task "late"
  Task "silent"
</Plugin>
EOF
ok "others are asked while one gives no answer" \
  wait_for at_least 12 counted .tasks.quick.requests
is "a request under way is not sent twice" "$(counted .tasks.silent.requests)" 1
ok "nor is one that is answered late" not at_least 4 counted .in_flight.peak
ok "an answer that is late for its round counts in a later one" \
  wait_for value_is camb_task-late/gauge-status 1
ok "values come without an answer too" value_is camb_task-silent/gauge-status -1
is "nothing is wrong so far" "$(log_count 'camb_task plugin: ')" 0

done_testing
