#!/bin/bash
# SPDX-License-Identifier: MIT
# Tests camb_api_simulator itself. TAP on standard output.

set -u
export no_proxy='*' # everything here is on this machine

simulator=${SIMULATOR:-./camb_api_simulator}
tests_dir=$(cd "$(dirname "$0")" && pwd)
count=0
failures=0
pids=()

for tool in curl jq openssl; do
  if ! command -v "$tool" >/dev/null; then
    echo "1..0 # SKIP $tool is missing"
    exit 0
  fi
done

work=$(mktemp -d) || exit 1
clean_up() {
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null
  done
  wait
  rm -rf "$work"
}
trap clean_up EXIT

# ---- TAP --------------------------------------------------------------------

ok() { # ok STATUS DESCRIPTION
  count=$((count + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $count - $2"
  else
    echo "not ok $count - $2"
    failures=$((failures + 1))
  fi
}

is() { # is GOT WANTED DESCRIPTION
  [ "$1" = "$2" ]
  local status=$?
  ok "$status" "$3"
  [ "$status" -eq 0 ] || printf '#    got: %s\n# wanted: %s\n' \
    "${1//$'\n'/$'\n#   '}" "${2//$'\n'/$'\n#   '}"
}

like() { # like GOT PATTERN DESCRIPTION
  # shellcheck disable=SC2053 # the pattern is meant to be one
  [[ $1 == $2 ]]
  local status=$?
  ok "$status" "$3"
  [ "$status" -eq 0 ] || printf '#     got: %s\n# pattern: %s\n' \
    "${1//$'\n'/$'\n#   '}" "$2"
}

# ---- the program under test --------------------------------------------------

until_true() { # until_true COMMAND…: within 20 seconds
  local deadline=$((SECONDS + 20))
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.02
  done
}

launch() { # launch NAME ARGUMENT…: sets $pid, $port
  local name=$1
  shift
  "$simulator" --port-file "$work/$name.port" "$@" \
    >"$work/$name.out" 2>"$work/$name.err" &
  pid=$!
  pids+=("$pid")
  until_true test -s "$work/$name.port"
  port=$(cat "$work/$name.port" 2>/dev/null)
}

call() { # call PATH [CURL ARGUMENT…]: an API request with the good key
  local path=$1
  shift
  curl -s --max-time 20 -H 'x-api-key: test-key' "$@" "$url$path"
}

status_of() { # the HTTP status of the same
  call "$@" -o /dev/null -w '%{http_code}'
}

state_of() { call "/project-setup/$1" | jq -r .status; }

change() { # change LINE…: applies scenario lines
  printf '%s\n' "$@" |
    curl -s --data-binary @- "$url/simulator/scenario"
}

counters() { curl -s "$url/simulator$1" | jq -c "$2"; }

counter_is() { [ "$(counters '' "$1")" = "$2" ]; }

has_state() { [ "$(state_of "$1")" = "$2" ]; }

elapsed() { # elapsed COMMAND…: milliseconds
  local start
  start=$(date +%s%N)
  "$@" >/dev/null
  echo $((($(date +%s%N) - start) / 1000000))
}

# ---- tests ------------------------------------------------------------------

test_tasks() {
  is "$(call /project-setup/pending | jq -c .)" \
    '{"status":"PENDING","run_id":null,"exception_reason":null,"message":null}' \
    'a task without a final phase is pending'
  is "$(call /apis/project-setup/done | jq -c .)" \
    '{"status":"SUCCESS","run_id":4711,"exception_reason":null,"message":null}' \
    'success, under the base path'
  is "$(call /project-setup/error | jq -c '[.exception_reason, .message]')" \
    '["SOURCE_TOO_LONG","too \"long\""]' 'error has its reason and message'
  is "$(state_of timeout) $(state_of payment) $(state_of odd)" \
    'TIMEOUT PAYMENT_REQUIRED FROBNICATED' 'the other final phases'
  is "$(call /project-setup/auto | jq -c '.run_id > 900000')" true \
    'success=auto makes a run ID'
  is "$(call /tts/voice | jq -r .status)" SUCCESS 'a task of another kind'
  is "$(call /my/kind/odd-kind | jq -r .status)" PENDING 'a kind with a slash'
  is "$(call /project-setup/voice)" '{"detail":"Task not found"}' \
    'the wrong kind is 404'
  is "$(status_of /project-setup/none)" 404 'an unknown task is 404'
  is "$(status_of /project-setup) $(status_of /) $(status_of /apis)" \
    '404 404 404' 'no task is 404'
  is "$(status_of /project-setup/done -X DELETE)" 405 'DELETE is 405'
  is "$(call '/project-setup/a%2Fb%25c%3Fd%23e%20f' | jq -r .status)" TIMEOUT \
    'a percent-encoded ID'
  is "$(call '/project-setup/a%252Fb' | jq -r .status)" SUCCESS \
    'an ID that looks encoded'
  is "$(status_of '/project-setup/done%00')" 404 'a NUL in an ID is 404'
  is "$(call /project-setup/load-1 | jq .run_id),$(call \
    /project-setup/load-500 | jq .run_id)" '1000,1499' 'many makes its tasks'
  is "$(status_of /project-setup/load-501)" 404 'and no more'
}

test_clocks() {
  is "$(state_of asked)" PENDING 'clock=asked starts with the first request'
  until_true has_state asked SUCCESS
  ok $? 'and goes on from there'
  is "$(counters /tasks/late-clock .state)" '"PENDING"' \
    'start at=asked sets the clock of the tasks that follow'
  curl -s "$url/project-setup/late-clock" >/dev/null
  is "$(counters /tasks/late-clock .first_asked)" null \
    'a request without a key starts no clock'
  until_true has_state soon SUCCESS
  ok $? 'clock=launch needs no request'
}

test_results() {
  is "$(call /project-setup-result/4711 |
    jq -c '[.run_id, (.project_details | (.project_name, .duration))]')" \
    '[4711,"My project",12.5]' 'the result of a run'
  is "$(call /project-setup-result/4711 |
    jq -c '.project_details | keys_unsorted | sort')" \
    '["created_at","duration","folder_id","project_description","project_name","source_language","studio_url","target_languages"]' \
    'has all documented keys'
  like "$(call /project-setup-result/4711 | jq -r .project_details.created_at)" \
    '????-??-??T??:??:??Z' 'created_at is a date'
  is "$(status_of /project-setup-result/1)" 404 'an unknown run is 404'
  is "$(status_of /project-setup-result/77777)" 404 'so is one still pending'
  is "$(status_of /project-setup-result/6)" 400 'a run of another kind is 400'
  is "$(call /project-setup-result/1001 | jq -r .project_details.project_name)" \
    load-2 'a nameless project has its ID for a name'
  change 'results http=500' >/dev/null
  is "$(status_of /project-setup-result/4711) $(status_of \
    /project-setup/done)" '500 200' 'results misbehaves for results only'
  change 'results' >/dev/null
}

test_creation() {
  local body='{"media_url":"https://example.org/a.mp4","source_language":1,
    "target_languages":[76,54],"project_name":"Made","folder_id":9}'
  local id
  change 'create success=auto' >/dev/null
  id=$(call /apis/project-setup -d "$body" | jq -r .task_id)
  like "$id" '????????-????-4???-????-????????????' 'POST answers a UUID'
  is "$(state_of "$id")" SUCCESS 'the task follows the create line'
  is "$(call "/project-setup-result/$(call "/project-setup/$id" |
    jq .run_id)" | jq -c '.project_details |
    [.project_name, .target_languages, .folder_id]')" '["Made",[76,54],9]' \
    'the result has what was asked for'
  change 'create pending=100 success=auto latency=0' >/dev/null
  id=$(call /dub -d '{}' | jq -r .task_id)
  is "$(call "/dub/$id" | jq -r .status)" PENDING 'POST of another kind'
  is "$(call /project-setup -d '{"media_url":1,"target_languages":["x"]}' |
    jq -c '[.detail[] | [.loc, .type]]')" \
    '[[["body","media_url"],"type_error.str"],[["body","source_language"],"value_error.missing"],[["body","target_languages",0],"type_error.integer"]]' \
    '422 says what is wrong'
  is "$(status_of /project-setup -d '{') $(status_of /project-setup -d '')" \
    '422 422' 'no JSON is 422'
  is "$(status_of /nonsense -d '{}')" 405 'POST of an unknown kind is 405'
}

test_keys() {
  is "$(curl -s "$url/project-setup/done")" \
    '{"error":"Invalid API key","status":401}' 'no key is 401'
  is "$(curl -s -o /dev/null -w '%{http_code}' -H 'x-api-key: TEST-KEY' \
    "$url/project-setup/done")" 401 'a wrong key is 401'
  is "$(curl -s -d '{}' -o /dev/null -w '%{http_code}' \
    "$url/project-setup")" 401 'for POST too'
  change 'key new' 'key "second key"' >/dev/null
  is "$(status_of /project-setup/done)" 401 'key replaces the accepted keys'
  is "$(curl -s -o /dev/null -w '%{http_code}' -H 'x-api-key: second key' \
    "$url/project-setup/done")" 200 'by all of its lines'
  is "$(counters '' .keys_seen)" '[0,1]' 'keys are counted by their place'
  change 'key test-key' >/dev/null
  is "$(status_of /project-setup/done)" 200 'and back'
}

test_answers() {
  is "$(call /project-setup/http -w ' %{http_code}')" \
    '{"error":"Service Unavailable","status":503} 503' 'http='
  is "$(call /project-setup/accepted -w ' %{http_code}' | jq -c .)" \
    $'{"status":"SUCCESS","run_id":7,"exception_reason":null,"message":null}\n202' \
    'http=2xx keeps the body'
  like "$(call /project-setup/headers -D - -o /dev/null)" \
    $'HTTP*Retry-After: 7\r\n*X-Two: b c\r\n*' 'header=, twice'
  is "$(call /project-setup/body)" '{"status": "SUCCESS"}' 'body='
  is "$(call /project-setup/escapes | od -An -tx1 | tr -d ' \n')" \
    '22275c0a0d0900ff2023' 'escapes in body='
  is "$(call /project-setup/file | cksum)" "$(cksum <"$work/big")" \
    'body-file=, with NULs and MiBs, relative to the scenario'
  is "$(call /project-setup/type -o /dev/null -w '%{content_type}')" \
    'text/plain; charset=utf-8' 'content-type='
  is "$(call /project-setup/done -o /dev/null -w '%{content_type}')" \
    application/json 'application/json otherwise'
  is "$(call /project-setup/redirect -o /dev/null \
    -w '%{http_code} %{redirect_url}')" '302 http://127.0.0.1:9/x' 'redirect='
  is "$(status_of /project-setup/moved)" 308 'redirect= with http='
  is "$(call /project-setup/echo | jq -r .message)" 'the key was test-key' \
    'echo-key in a status'
  is "$(curl -s -H 'x-api-key: lost' "$url/project-setup/echo" |
    jq -r .error)" 'the key was lost' 'echo-key in an error'
}

test_endings() {
  call /project-setup/cut-before >/dev/null
  is $? 52 'cut=before'
  call /project-setup/cut-middle >"$work/cut"
  is "$? $(jq . "$work/cut" >/dev/null 2>&1 || echo broken)" '18 broken' \
    'cut=middle'
  call /project-setup/cut-empty >/dev/null
  is $? 18 'cut=middle of nothing'
  is "$(printf '%s' "$(call /project-setup/raw --http0.9)")" junk 'raw='
  curl -s --max-time 0.3 -H 'x-api-key: test-key' \
    "$url/project-setup/silent"
  is $? 28 'silence'
  until_true counter_is .in_flight.now 0
  ok $? 'a client that leaves a silence is noticed'
  until_true counter_is .connections.open 0
  ok $? 'and its connection counted out'
}

test_times() {
  local order
  curl -s -X POST "$url/simulator/reset" >/dev/null
  call /project-setup/slow -o /dev/null -w 'slow ' >>"$work/order" &
  local slow=$!
  until_true counter_is .in_flight.now 1
  call /project-setup/slower -o /dev/null -w 'slower ' >>"$work/order" &
  local slower=$!
  until_true counter_is .in_flight.now 2
  call /project-setup/done -o /dev/null -w 'quick ' >>"$work/order"
  is "$(counters '' .in_flight.peak)" 3 'requests in flight are counted'
  wait "$slow" "$slower"
  order=$(cat "$work/order")
  is "$order" 'quick slow slower ' 'latency='
  [ "$(elapsed call /project-setup/late)" -ge 500 ]
  ok $? 'and it is long enough'
  [ "$(elapsed call /project-setup/drip)" -ge 400 ]
  ok $? 'drip= takes its time'
  is "$(call /project-setup/drip)" '0123456789' 'and sends everything'
  curl -s --max-time 0.2 -H 'x-api-key: test-key' \
    "$url/project-setup/trickle" >"$work/drip"
  is $? 28 'a client may leave a drip'
  until_true counter_is .in_flight.now 0
  ok $? 'which is noticed'
}

throw() { # throw: twenty throws of the dice
  change 'seed 42' 'all http=500 chance=0.5' >/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    status_of /project-setup/done
  done
  change all >/dev/null
}

test_layers() {
  local first
  change 'all http=500' >/dev/null
  is "$(status_of /project-setup/done) $(status_of /project-setup/none)" \
    '500 500' 'all misbehaves for every request'
  is "$(status_of /project-setup/http)" 503 'a task is stronger than all'
  is "$(curl -s -o /dev/null -w '%{http_code}' "$url/x")" 500 \
    'and all stronger than the key'
  change all >/dev/null
  is "$(status_of /project-setup/done)" 200 'all alone ends it'
  change 'next 2 http=429 header="Retry-After: 3"' 'next 1 cut=before' \
    >/dev/null
  is "$(for _ in 1 2 3 4; do status_of /project-setup/http; echo; done |
    tr '\n' ' ')" '429 429 000 503 ' 'next is the strongest and queues up'
  change 'next 5 http=418' 'next 0' >/dev/null
  is "$(status_of /project-setup/done)" 200 'next 0 empties the queue'
  first=$(throw)
  like "$first" '*200*' 'chance= lets some requests through'
  like "$first" '*500*' 'and others not'
  is "$(throw)" "$first" 'and the same ones for the same seed'
}

test_changes() {
  change 'task changing http=500 pending=100' >/dev/null
  is "$(status_of /project-setup/changing)" 500 'a task may be added'
  change 'task changing success=5' >/dev/null
  is "$(call /project-setup/changing | jq -c '[.status, .run_id]')" \
    '["SUCCESS",5]' 'a task line replaces fate and misbehaviour'
  is "$(counters /tasks/changing .requests)" 2 'its counts stay'
  change 'forget changing' >/dev/null
  is "$(status_of /project-setup/changing) $(status_of \
    /project-setup-result/5)" '404 404' 'forget removes it'
  change 'forget changing' 'key test-key' 'task new # comment' '# comment' '' \
    >/dev/null
  is "$(state_of new)" PENDING 'comments and empty lines'
}

bad() { # bad LINE MESSAGE
  is "$(change '# fine' "$1" 'task later' | jq -r .error)" "scenario:2: $2" \
    "says: $2"
}

test_bad_lines() {
  bad 'tusk a' 'unknown command "tusk"'
  bad 'task' 'task needs ID'
  bad 'many a b' 'many needs a number, not "b"'
  bad 'many a 10000001' 'many needs a number, not "10000001"'
  bad 'next' 'next needs a number, not ""'
  bad 'task a colour=red' 'unknown word "colour"'
  bad 'all pending=3' 'unknown word "pending"'
  bad 'task a timeout=3' '"timeout" takes no value'
  bad 'task a pending' '"pending" needs a value'
  bad 'task a pending=soon' '"soon" is no number of seconds'
  bad 'task a latency=-1' '"-1" is no number of seconds'
  bad 'task a timeout pending=3' 'pending after the final phase'
  bad 'task a timeout success=3' 'a second final phase'
  bad 'task a success=x' '"x" is no run ID (a number or "auto")'
  bad 'task a clock=tick' 'the clock is "launch" or "asked", not "tick"'
  bad 'task a kind=/x' '"/x" is no kind of task'
  bad 'all http=99' '"99" is no HTTP status (200 to 999)'
  bad 'all header=none' 'header "none" has no colon'
  bad 'all header="Content-Length: 3"' \
    'header "Content-Length: 3" can'\''t be sent'
  bad 'all cut=end' 'cut is "before" or "middle", not "end"'
  bad 'all chance=2' '"2" is no chance (0 to 1)'
  bad 'all body-file=/no/such' '/no/such: No such file or directory'
  bad 'all body="open' 'unterminated "'
  bad 'all body="\q"' 'unknown escape \q'
  bad 'task a name="\0"' '"name" can'\''t hold a NUL'
  bad 'tusk "open' 'unknown command "tusk"'
  bad 'key' 'key needs KEY'
  bad 'seed x' 'seed needs a number, not "x"'
  is "$(change 'tusk' | jq .status),$(status_of /project-setup/later)" \
    '400,404' 'a bad line is 400 and nothing is applied'
}

test_control() {
  curl -s -X POST "$url/simulator/reset" >/dev/null
  is "$(counters '?tasks' '[.requests, .statuses, .unauthorized, .keys_seen,
    .connections.total, .tasks.done.requests]')" '[0,{},0,[0],0,0]' \
    'reset zeroes the counters'
  call /project-setup/done -A 'agent/1' -H 'Accept: a/b' >/dev/null
  curl -s "$url/project-setup/done" >/dev/null
  status_of /project-setup/none >/dev/null
  is "$(counters '' '[.requests, .statuses, .unauthorized, .keys_seen]')" \
    '[3,{"200":1,"401":1,"404":1},1,[2]]' 'requests are counted'
  call /project-setup/done '-#' -A 'agent/1' -H 'Accept: a/b' \
    "$url/project-setup/pending" >/dev/null 2>&1
  is "$(counters '' '.connections.total')" 4 'connections are kept alive'
  is "$(counters '' '.last_headers | [."User-Agent", .Accept,
    ."x-api-key"]')" '["agent/1","a/b","present"]' 'the last headers are kept'
  is "$(counters '' .last_request)" '"GET /project-setup/done"' \
    'and the last request'
  is "$(curl -s "$url/simulator" | grep -c test-key)" 0 'no key is shown'
  is "$(counters /tasks/done '[.requests, .state]')" '[3,"SUCCESS"]' \
    "a task's own counters"
  is "$(counters '/tasks/a%2Fb%25c%3Fd%23e%20f' .state)" '"TIMEOUT"' \
    'with a percent-encoded ID'
  is "$(counters /tasks/done '.first_asked > 0')" true 'first_asked'
  is "$(counters /tasks/none .detail)" '"Task not found"' 'an unknown task'
  is "$(counters '' .tasks) $(counters '?tasks' '.tasks | length > 500')" \
    'null true' 'all tasks only when asked for'
  is "$(counters /x .error)" '"no such control"' 'an unknown control is 404'
}

test_tls() {
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext 'subjectAltName=IP:127.0.0.1' -keyout "$work/key.pem" \
    -out "$work/cert.pem" 2>/dev/null
  launch tls --tls-cert "$work/cert.pem" --tls-key "$work/key.pem" \
    --scenario "$work/main.scenario"
  url=https://127.0.0.1:$port
  is "$(cat "$work/tls.out")" "listening on $url" 'HTTPS is announced'
  is "$(call /project-setup/done --cacert "$work/cert.pem" |
    jq -r .status)" SUCCESS 'HTTPS works'
  call /project-setup/done >/dev/null
  is $? 60 'its certificate is not trusted by default'
  ! call /project-setup/cut-middle --cacert "$work/cert.pem" >/dev/null
  ok $? 'cut=middle in HTTPS'
  is "$(call /project-setup/late --cacert "$work/cert.pem" |
    jq -r .status)" PENDING 'latency= in HTTPS'
  is "$(call /project-setup/drip --cacert "$work/cert.pem")" 0123456789 \
    'drip= in HTTPS'
  kill "$pid"
  wait "$pid"
  is $? 0 'HTTPS ends on SIGTERM'
}

usage() { # usage DESCRIPTION ARGUMENT…
  local description=$1
  shift
  "$simulator" "$@" >/dev/null 2>"$work/usage"
  is "$? $(wc -l <"$work/usage")" '2 1' "$description"
}

test_command_line() {
  usage 'an unknown option is a usage error' --colour
  usage 'so is a bad port' --port 70000
  usage 'a certificate without a key' --tls-cert x
  usage 'an argument' x
  like "$("$simulator" --help)" 'usage: *task ID*' '--help'
  printf 'task a\ntask b pending=x\n' >"$work/bad.scenario"
  is "$("$simulator" --scenario "$work/bad.scenario" 2>&1) $?" \
    "$work/bad.scenario:2: \"x\" is no number of seconds 1" \
    'a bad scenario is named with its line'
  like "$("$simulator" --scenario "$work/none" 2>&1) $?" \
    '*none: No such file or directory 1' 'a missing scenario'
  like "$("$simulator" --port "$port" 2>&1) $?" \
    "*can't listen on 127.0.0.1:$port*1" 'a port that is taken'
  like "$("$simulator" --tls-cert "$work/none" --tls-key "$work/none" 2>&1) $?" \
    '*none: No such file or directory 1' 'a missing certificate'
}

test_many_keys_and_quickstart() {
  launch quick --key one --key two \
    --scenario "$tests_dir/../examples/quickstart.scenario"
  url=http://127.0.0.1:$port
  is "$(for key in one two test-key; do
    curl -s -o /dev/null -w '%{http_code} ' -H "x-api-key: $key" \
      "$url/project-setup/660945d2-6a54-4b8b-8295-aa08f3d432d7"
  done)" '200 200 401 ' '--key, twice'
  is "$(counters '?tasks' '[.tasks[].state] |
    [length, (index("PENDING") != null), (index("SUCCESS") != null)]')" \
    '[7,true,true]' 'quickstart.scenario begins'
  until_true pays
  ok $? 'and goes on'
  kill -INT "$pid"
  wait "$pid"
  is $? 0 'SIGINT ends it'
}

pays() {
  counters '?tasks' '[.tasks[].state]' | grep -q PAYMENT_REQUIRED
}

test_end() {
  call /project-setup/silent >/dev/null &
  local silent=$!
  call /project-setup/trickle >/dev/null &
  local drip=$!
  until_true counter_is .in_flight.now 2
  kill "$main_pid"
  wait "$main_pid"
  is $? 0 'SIGTERM ends it with requests under way'
  wait "$silent" "$drip"
  is "$(cat "$work/main.err")" '' 'nothing was complained of'
}

# ---- the scenario -------------------------------------------------------------

head -c 3000000 /dev/zero >"$work/big"
printf 'end\0\377' >>"$work/big"
cat >"$work/main.scenario" <<'END'
# A comment, and an empty line.

task pending
task done name="My project" duration=12.5 success=4711   # a comment
task error error=SOURCE_TOO_LONG message="too \"long\""
task timeout timeout
task payment payment_required
task odd status=FROBNICATED
task auto success=auto
task voice kind=tts success=6
task odd-kind kind=my/kind
task "a/b%c?d#e f" timeout
task a%2Fb success=8
task soon pending=0.1 pending=0.1 success=9
task unfinished pending=1000 success=77777
task asked clock=asked pending=0.5 success=10
many load 500 success=1000

task http http=503
task accepted http=202 success=7
task headers header="Retry-After: 7" header="X-Two: b c"
task body body='{"status": "SUCCESS"}'
task escapes body="\"\'\\\n\r\t\0\xff \#"
task file body-file=big
task type content-type="text/plain; charset=utf-8"
task redirect redirect=http://127.0.0.1:9/x
task moved redirect=http://127.0.0.1:9/x http=308
task echo echo-key success=11
task cut-before cut=before
task cut-middle cut=middle
task cut-empty cut=middle body=
task raw raw="junk\n"
task silent silence
task late latency=0.5
task slow latency=1.5
task slower latency=2
task drip drip=0.05 body=0123456789
task trickle drip=30

start at=asked
task late-clock success=12
END

launch main --scenario "$work/main.scenario"
main_pid=$pid
url=http://127.0.0.1:$port
is "$(cat "$work/main.out")" "listening on $url" 'the first line has the URL'

test_tasks
test_clocks
test_results
test_creation
test_keys
test_answers
test_endings
test_times
test_layers
test_changes
test_bad_lines
test_control
test_command_line
test_end
test_tls
test_many_keys_and_quickstart

echo "1..$count"
[ "$failures" -eq 0 ]
