#!/bin/bash
# SPDX-License-Identifier: MIT
# Memory: a whole daemon under valgrind, while everything goes wrong that the
# simulator can do.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq openssl valgrind

PATIENCE=60 # valgrind is slow

# --- What goes wrong ---------------------------------------------------------

make_certificates
start_simulator --tls-cert "$work/tls/good.pem" --tls-key "$work/tls/good.key" \
  <<<'many task 3'
tls_url=$api_url
head -c 1200000 /dev/zero | tr '\0' ' ' >"$work/large"
start_simulator --key test-key --key new-key <<'EOF'
task endless
task created kind=dub
task success pending=3 success=4711
task error pending=3 error=SOURCE_TOO_LONG message="more than 4 hours\nlong"
task timeout pending=4 timeout
task broke payment_required message="\xe2\x82\xac 10"
task odd status=HALF_DONE
task late latency=1.5
task http500 http=500
task http502 http=502 body="<html>"
task http403 http=403
task http404 http=404
task http418 http=418 body='{"detail":["a teapot"]}'
task http408 http=408
task redirected redirect=http://127.0.0.1:1/
task garbage body="\x00\xff{"
task empty body=""
task bare body='"success"'
task list body='[{"run_id":1},{"run_id":2}]'
task wrong body='{"status":[],"message":{"a":[1]},"run_id":"x"}'
task deep body='[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]'
task large body-file=large
task before cut=before
task middle cut=middle
task raw raw="HTTP/1.1 banana\r\n\r\n"
task silent silence
task drips drip=0.01
task echoes error=NONE echo-key
task fickle chance=0.5 cut=before
many some 20 chance=0.3 http=500
many listed 20 pending=2 success=auto
task limited http=429 header="Retry-After: 1"
task counting body='{"status":"PENDING","progress":{"percent":42.5}}'
EOF
plain_url=$api_url

echo wrong-key >"$work/key"
chmod 600 "$work/key"

# tasks NAME...
tasks() { printf 'Task "%s"\n' "$@"; }

# What an earlier life may have left: not all of it is good.
{
  echo '{"camb_task_state":1}'
  echo '{"account":"default","key_rejected":true,"held_until":"never"}'
  echo '{"account":"default","task":"endless","name":"endless","listed":1700000000000,"state":"pending","saw_pending":true,"changed":1700000000000,"message":"m","exception_reason":"r","fields":{"/progress/percent":1}}'
  echo '{"account":"nobody","task":"t","name":"t","listed":1700000000000}'
  echo '{"account":"default","task":"unlisted","name":"u","state":"success","end_told":true}'
  echo '{"account":"default","task":'
} >"$work/camb_task.state"
# lists FIRST LAST: the task file has these now, and some bad lines.
lists() {
  {
    seq -f 'listed-%g started=1700000000' "$1" "$2"
    printf 'two words too many\nendless\n'
  } >"$work/tasks.new"
  mv "$work/tasks.new" "$work/tasks"
}
lists 1 10

# --- The run -----------------------------------------------------------------

# collectd unloads no module before its end, so all functions have their names.
COLLECTD_WRAPPER=(valgrind --tool=memcheck --leak-check=full --show-leak-kinds=all
  --num-callers=50 --track-origins=no --xml=yes "--xml-file=$work/valgrind.xml")
INTERVAL=1
VALUE_TIMEOUT=10
KEEP_STATE=1 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$plain_url"
  APIKey "test-key"
  Timeout 2
  MaxErrorInterval 1
  MaxConcurrency 30
  Host "elsewhere"
  Notify true
  StateSet true
  VerifyPeer true
  VerifyHost true
  Proxy ""
  MaxPollInterval 2
  StalledAfter 3
  ForgetAfter 2
  FetchResult true
  Field "/progress/percent" "percent" "progress"
  TaskFile "$work/tasks"
  TaskFile "$work/no-tasks"
  $(tasks counting)
  $(tasks endless)
  <Task "created">
    Name "mise en scène"
    Type "dub"
    Started "2026-01-01T00:00:00Z"
  </Task>
  <Task "success">
    Started 1700000000
  </Task>
  $(tasks error timeout broke odd late http500 http502 http403 http404 http408 http418)
  $(tasks redirected garbage empty bare list wrong deep large before middle raw)
  $(tasks silent drips echoes fickle unheard-of)
  $(seq -f 'Task "some-%g"' 20)
  <Account "keyfile">
    APIKeyFile "$work/key"
    StateSet false
    $(tasks endless late)
  </Account>
  <Account "limited">
    $(tasks limited endless)
  </Account>
  <Account "no_keyfile">
    APIKeyFile "$work/missing"
    $(tasks endless)
  </Account>
  <Account "tls">
    URL "$tls_url"
    CACert "$work/tls/ca.pem"
    $(tasks task-1 task-2)
  </Account>
  <Account "unverified">
    URL "$tls_url"
    VerifyPeer false
    VerifyHost false
    Notify false
    $(tasks task-1 task-2)
  </Account>
  <Account "untrusted">
    URL "$tls_url"
    CACert "$work/tls/other.pem"
    $(tasks task-1)
  </Account>
  <Account "down">
    URL "http://localhost:1"
    $(tasks endless)
  </Account>
  <Account "proxied">
    Proxy "$plain_url"
    $(tasks endless)
  </Account>
  <Account "no_proxy">
    Proxy "http://127.0.0.1:1"
    $(tasks endless)
  </Account>
</Plugin>
EOF

rounds() { [ "$(counted .tasks.endless.requests)" -ge "$1" ]; }
ok "seven rounds" wait_for rounds 7
ok "the wrong key was refused" at_least 1 requests unauthorized keyfile
echo new-key >"$work/key"
ok "another key is good" wait_for at_least 3 requests ok keyfile
lists 6 15
ok "the task file changes" wait_for notified listed-15
rm "$work/tasks"
ok "it goes" wait_for log_has "task file $work/tasks: No such file"
lists 12 20
ok "it comes back" wait_for notified listed-20
ok "fifteen rounds" wait_for at_least 15 requests ok tls
for outcome in ok not_found client_error server_error timeout network invalid; do
  ok "$outcome was among it" at_least 1 requests "$outcome"
done
ok "tasks ended" at_least 5 log_count 'Notification: .*camb_task'
stop_collectd
ok "SIGTERM ended the daemon in good order" log_has 'Exiting normally'

# --- What valgrind saw -------------------------------------------------------

# Each error or leak on a line: its kind, a tab, and the functions of its stacks,
# with "camb_task:" before those of the module. (Functions of collectd and of
# libraries that were called by the module have one of its functions in their
# stacks, too, and so count as its own.)
awk -v RS='</error>' '
  match($0, /<kind>[^<]*/) {
    line = substr($0, RSTART + 6, RLENGTH - 6) "\t"
    count = split($0, frames, "<frame>")
    for (i = 2; i <= count; i++) {
      called = "?"
      if (match(frames[i], /<fn>[^<]*/))
        called = substr(frames[i], RSTART + 4, RLENGTH - 4)
      line = line (frames[i] ~ /\/camb_task\.so</ ? "camb_task:" : "") called " "
    }
    print line
  }' "$work/valgrind.xml" >"$work/records"

# ours KINDS: no record of these kinds has the module in its stacks, but for
# what collectd itself keeps of a module that registers.
none_of_ours() {
  ! grep -E "^($1)[[:space:]]" "$work/records" | grep camb_task: |
    grep -Ev ' cf_register_complex camb_task:module_register ' | sed 's/^/# /' |
    grep .
}

ok "valgrind finished" grep -q '</valgrindoutput>' "$work/valgrind.xml"
ok "it saw the module" grep -q camb_task:module_register "$work/records"
ok "no error" none_of_ours '[^L].*|L[^e].*'
ok "nothing is lost" none_of_ours 'Leak_(Definitely|Indirectly|Possibly)Lost'
ok "nothing is kept that should have been freed" none_of_ours Leak_StillReachable
note "all that valgrind saw, collectd's and the libraries' included:"
cut -f 1 "$work/records" | sort | uniq -c | sed 's/^/# /'

done_testing
