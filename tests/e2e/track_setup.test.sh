#!/bin/bash
# SPDX-License-Identifier: MIT
# examples/track-setup.sh: creates a project setup and adds it to a task file,
# which a collectd reads again.
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq flock pgrep

key=Secret-of-track-$$/0123=456 # in no other process list
media=https://example.org/a.mp4
track_setup=$top_srcdir/examples/track-setup.sh
list=$work/tasks
out=$work/out
err=$work/err

# run [ARGUMENT...], by way of RUNNER, an array that is put before the command.
# Sets code.
run() {
  code=0
  ${RUNNER[@]+"${RUNNER[@]}"} "$track_setup" "$@" >"$out" 2>"$err" ||
    code=$?
  cat "$out" "$err" >>"$work/all-output"
  return "$code"
}

# track NAME [ARGUMENT...]: the same, as most would call it.
track() { run "$list" "$1" "$media" 1 76 "${@:2}"; }

# begin NAME [ARGUMENT...]: the same, and does not wait for its end. Sets begun.
begin() {
  # without the lock that this test may hold
  "$track_setup" "$list" "$1" "$media" 1 76 "${@:2}" >"$out.$1" 2>"$err.$1" 9>&- &
  begun=$!
  pids+=("$begun")
}

said() { grep -Eq -- "$1" "$err"; }
requests_made() { counted .requests; }
asked_for() { simulated "/tasks/$(cat "$out")" | jq -cS .request; }

# The time is not looked at, but that it is one.
time_regex='20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'
uuid_regex='[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
whole_lines() { grep -Ecx "$uuid_regex [!-~]+ started=$time_regex" "$1"; }

# keep, and later is_left WHAT: nothing was added to the task file since then.
keep() { cp "$list" "$work/kept"; }
is_left() { ok "$1: the task file is left alone" cmp -s "$list" "$work/kept"; }

start_simulator <<EOF
key $key
create
EOF
unset CAMB_API_KEY_FILE
export CAMB_API_URL=$api_url CAMB_API_KEY=$key

# --- A task is created -------------------------------------------------------

ok "--help helps" run --help
ok "a task is created" track trailer-fr
ok "standard output is the ID" grep -Eqx "$uuid_regex" "$out"
is "and only that" "$(wc -l <"$out")" 1
ok "the line is ID, name, time" \
  grep -Eqx "$(cat "$out") trailer-fr started=$time_regex" "$list"
is "the file has no other" "$(wc -l <"$list")" 1
is "its mode is the umask's" "$(stat -c %a "$list")" \
  "$(printf '%o' $((0666 & ~$(umask))))"
is "what was asked for" "$(asked_for)" \
  '{"media_url":"https://example.org/a.mp4","project_name":"trailer-fr","source_language":1,"target_languages":[76]}'
is "by one request" "$(requests_made)" 1
is "as JSON" "$(counted '.last_headers["Content-Type"]')" application/json

ok "with everything that can be said" run --project-name 'The "trailer"' "$list" \
  trailer-de "$media?a=1&b='2'" 1 76,54 3 --folder 9 --description=Två
is "it is asked for" "$(asked_for)" \
  '{"folder_id":9,"media_url":"https://example.org/a.mp4?a=1&b='\''2'\''","project_description":"Två","project_name":"The \"trailer\"","source_language":1,"target_languages":[76,54,3]}'

# What another editor may leave at the end.
for end in 'task-2' '# no line feed' $'\n' ' ' $'\r\n'; do
  printf 'task-1 first\n%s' "$end" >"$list"
  keep
  ok "after ${end@Q}: added" track next
  is "after ${end@Q}: a line of its own" "$(tail -n 1 "$list" | cut -d ' ' -f 1)" \
    "$(cat "$out")"
  ok "after ${end@Q}: the rest is as it was" \
    cmp -s -n "$(stat -c %s "$work/kept")" "$list" "$work/kept"
done
: >"$list"
ok "to an empty file" track next
is "one line, no other" "$(wc -l <"$list")" 1
ln -s tasks "$work/link"
ok "by a link" run "$work/link" linked "$media" 1 76
is "which stays one" "$(readlink "$work/link")" tasks
relative() (cd "$work" && run tasks relative "$media" 1 76)
ok "by a path from here" relative
is "all are in the file" "$(whole_lines "$list")" 3
ok "a name with other letters" track 'trailer-é_日本.1#2"'

# --- The key -----------------------------------------------------------------

printf ' \t%s \nsecond line\n' "$key" >"$work/file.key"
chmod 600 "$work/file.key"
unset CAMB_API_KEY
export CAMB_API_KEY_FILE=$work/file.key
ok "the key of a file" track by-file
ok "of which nothing is said" not said warning
chmod 644 "$work/file.key"
ok "of a file that others can read" track by-open-file
ok "which is warned about" said 'warning: others can read the key file'
CAMB_API_KEY_FILE=<(printf '%s' "$key") track by-pipe
is "of a pipe" "$code" 0
keep
before=$(requests_made)
for CAMB_API_KEY_FILE in "$work/missing.key" /dev/null "$work" ''; do
  track none
  is "key file '$CAMB_API_KEY_FILE': refused" "$code" 2
  ok "key file '$CAMB_API_KEY_FILE': why" said CAMB_API_KEY_FILE
done
CAMB_API_KEY_FILE=$work/file.key CAMB_API_KEY=$key track none
is "two keys: refused" "$code" 2
unset CAMB_API_KEY_FILE
CAMB_API_KEY=$key$'\n'x track none
is "a key of two lines: refused" "$code" 2
is "nothing was asked" "$(requests_made)" "$before"
is_left "without a key"
export CAMB_API_KEY=$key

# What it runs is ours here, and notes how it was called.
mkdir "$work/bin"
for program in curl jq flock dd stat tail date find wc dirname; do
  printf '#!/bin/bash\nprintf "%%s\\n" "$0" "$@" >>"%s"\nexec "%s" "$@"\n' \
    "$work/arguments" "$(command -v "$program")" >"$work/bin/$program"
done
chmod 755 "$work"/bin/*
RUNNER=(env "PATH=$work/bin:$PATH")
ok "with its programs watched" track watched
ok "curl is one" grep -q /bin/curl "$work/arguments"
is "none has the key for an argument" "$(grep -cF "$key" "$work/arguments")" 0
RUNNER=(env SHELLOPTS=xtrace)
ok "traced" track traced
ok "there is a trace" said '^\+'
# A .curlrc can have curl follow redirects, or send again.
printf 'location\nretry = 3\nheader = "x-curlrc: read"\n' >"$work/.curlrc"
RUNNER=(env "HOME=$work")
ok "with a .curlrc" track curlrc
is "which is not read" "$(counted '.last_headers["x-curlrc"]')" null
RUNNER=()

printf '%s\n' "$key" >"$work/pattern.key"
simulate <<<'next 1 latency=1'
before=$(requests_made)
begin slow
ok "a request is under way" wait_for requests_reach $((before + 1))
is "no process has the key for an argument" \
  "$(grep -alFf "$work/pattern.key" /proc/[0-9]*/cmdline 2>/dev/null)" ""
kill -TERM "$begun"
wait "$begun"
is "a signal loses no task that is being created" "$?" 0
is "it is listed" "$(grep -c "^$(cat "$out.slow") slow " "$list")" 1

# --- What is refused before any request ----------------------------------------

cat >"$list" <<'EOF'
task-1 taken # with a comment
  task-2 type=dub
# task-3 free
task-4 #free
EOF
printf 'task-5\ttabbed\tstarted=1\r\ntask-6' >>"$list"
keep
before=$(requests_made)
long=$(printf 'x%.0s' {1..128})
for name in '' 'a b' a/b '#a' type=dub started=1 "$long" $'a\tb' $'a\nb' $'a\n' \
  $'a\x01' $'a\xff' $'\xc0\xaf' $'a\xc2\xa0b' $'a\xc2\x85' \
  taken task-2 task-4 tabbed task-6; do
  track "$name"
  is "the name ${name@Q} is refused" "$code" 2
done
track taken
ok "who has a name is said" said "name 'taken' is taken, by the task task-1"
while read -r arguments; do
  # shellcheck disable=SC2086
  run "$list" $arguments
  is "'$arguments' is refused" "$code" 2
done <<EOF

x
x $media 1
x example 1 2
x $media x 1
x $media 1 x
x $media 1 1,,2
x $media 1 1,1
x $media 1 1 1
x $media 1 1.5
x $media 1 01
x $media 1 9999999999
x -- $media -1 1
x $media 1 2 --nonsense
x $media 1 2 --folder x
x $media 1 2 --folder
x $media 1 2 --timeout 0
EOF
run "$list" x "$media" 1 $'2\n3'
is "a language of two lines is refused" "$code" 2
for url in ftp://127.0.0.1 127.0.0.1 "$api_url?a" http://user:word@127.0.0.1 \
  'http:///apis' 'http://a b/'; do
  CAMB_API_URL=$url track x
  is "the URL '$url' is refused" "$code" 2
done
is_left "what is refused"

run "$work/none/tasks" x "$media" 1 76
is "a directory that is missing is refused" "$code" 2
run "$work" x "$media" 1 76
is "a directory for a task file, too" "$code" 2
run /dev/null x "$media" 1 76
is "a device, too" "$code" 2
mkdir "$work/few"
ln -s "$(command -v bash)" "$(command -v jq)" "$work/few"
RUNNER=(env "PATH=$work/few")
track x
is "without its programs it gives up" "$code" 2
ok "it says which" said 'missing: curl flock '

# Permissions stop anybody but root.
cp "$track_setup" "$work/track-setup"
chmod 755 "$work/track-setup"
mkdir "$work/closed"
: >"$work/closed/tasks"
chmod 444 "$work/closed/tasks"
chmod 555 "$work/closed"
RUNNER=()
if [ "$(id -u)" -ne 0 ] || {
  RUNNER=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  "${RUNNER[@]}" "$work/track-setup" --help >/dev/null 2>&1
}; then
  track_setup=$work/track-setup run "$work/closed/tasks" x "$media" 1 76
  is "a file that can't be written is refused" "$code" 2
  ok "it says why" said "can't be written: Permission denied"
  track_setup=$work/track-setup run "$work/closed/new" x "$media" 1 76
  is "a directory that can't, too" "$code" 2
fi
RUNNER=()
chmod 755 "$work/closed"
is "nothing was asked" "$(requests_made)" "$before"

# --- What the API makes of it --------------------------------------------------

# fails CODE MISBEHAVIOUR [REGEX]: how the API answers, how that ends, and what
# is said.
fails() {
  local before
  simulate <<<"next 1 $2"
  before=$(requests_made)
  track "failed" --timeout "$PATIENCE"
  is "$2: fails" "$code" "$1"
  ok "$2: is said" said "${3:-.}"
  is "$2: nothing on standard output" "$(cat "$out")" ""
  is "$2: was sent once" "$(requests_made)" $((before + 1))
}
not_created='o task has been created'
not_known='IT IS NOT KNOWN WHETHER'

keep
CAMB_API_KEY=wrong track failed
is "a wrong key fails" "$code" 1
ok "as the API says" said "HTTP 401: Invalid API key.*$not_created"
fails 1 "http=401 echo-key" "HTTP 401: the key was \*{8}; .*$not_created"
fails 1 "http=403 echo-key" "HTTP 403: the key was \*{8}; .*$not_created"
fails 1 "http=429" "HTTP 429: Too Many Requests; n$not_created"
fails 1 "http=422 body='{\"detail\":[{\"loc\":[\"body\",\"media_url\"],\"msg\":\"bad $key\",\"type\":\"t\"},{\"loc\":[\"body\",\"target_languages\",0],\"msg\":\"no\"}]}'" \
  'HTTP 422: body.media_url: bad \*{8}; body.target_languages.0: no; n'
fails 1 "http=400 body='{\"detail\":\"\\u0053${key#S}\\u0007\\n!\"}'" 'HTTP 400: \*{8}  !;'
fails 1 "http=400 body='{\"error\":{\"$key\":[\"$key\"]}}'" 'HTTP 400: \{"\*{8}":\["\*{8}"\]\};'
fails 1 "http=404 body='<html>$key</html>'" 'HTTP 404: the answer, of [0-9]+ bytes, is not JSON'
fails 1 "http=400 body=''" 'is not JSON'
fails 1 "http=400 body='{}'" 'no reason is given'
fails 1 "redirect=$simulator_url/elsewhere?$key" \
  "HTTP 302: the API redirects to $simulator_url, .*$not_created"
fails 4 "http=500 echo-key" "HTTP 500: the key was \*{8} .*$not_known"
fails 4 "http=503" "HTTP 503: Service Unavailable .*$not_known"
fails 4 "http=408" "$not_known"
fails 4 "cut=before" "$not_known"
fails 4 "cut=middle" "$not_known"
fails 4 "raw=\"\\x15\\x03 $key\"" "$not_known"
for body in '' garbage '"id"' '["id"]' '{}' '{"task_id":null}' '{"task_id":1}' \
  '{"task_id":""}' '{"task_id":"a b"}' '{"task_id":"a\n"}' '{"task_id":"é"}' \
  '{"task_id":"\u0000"}' '{"task_id":"#a"}' '{"task_id":".."}' \
  '{"task_id":"a"}{"task_id":"b"}' "{\"task_id\":\"$key\"}" \
  "{\"task_id\":\"$long$long.\"}"; do
  fails 4 "body='$body'" "no usable task ID.*$not_known"
done

simulate <<<'next 1 silence'
track failed --timeout 2
ok "an API that does not answer: fails" test "$code" -ne 0
ok "an API that does not answer: is said" said 'timed out'
CAMB_API_URL=http://127.0.0.1:$(free_port)/apis track failed
is "an API that is not there: fails" "$code" 1
ok "an API that is not there: is said" said "$not_created"
is_left "what failed"
track failed --timeout "$PATIENCE"
is "after all that, the name can be used" "$code" 0

# --- Created, but not listed ---------------------------------------------------

# left_over WHY: how it ends when the task can't be added any more.
left_over() {
  is "it fails" "$code" 3
  ok "it is said" said "TASK HAS BEEN CREATED, BUT NOBODY FOLLOWS IT: .*$1"
  ok "the line to add is there" \
    grep -Eqx "$(cat "$out") [!-~]+ started=$time_regex" "$err"
  is "the ID is there, too" "$(wc -l <"$out")" 1
}

note "the task file can't grow, but by a part of the line"
{
  printf 'task-1\n#'
  head -c 1000 /dev/zero | tr '\0' .
  echo
} >"$list"
keep
RUNNER=(bash -c 'ulimit -f 1 && exec "$@"' bash)
track full
RUNNER=()
left_over "can't be written"
is_left "a file that can't grow"

note "somebody holds the lock"
exec 9>>"$list"
flock 9
track locked --timeout 5
left_over "can't be locked"
is_left "a file that is locked"

note "the file is replaced while the lock is waited for"
begin replaced
ok "it waits" wait_for pgrep -x -P "$begun" flock
cp "$work/kept" "$work/other"
mv "$work/other" "$list"
exec 9>&-
wait "$begun"
is "it is added" "$?" 0
is "to the new file" "$(grep -c "^$(cat "$out.replaced") replaced " "$list")" 1

note "the API gives an ID again"
simulate <<<"next 2 body='{\"task_id\":\"same\"}'"
ok "once, that is fine" track same
keep
track other
left_over "task same is listed already, as 'same'"
is_left "an ID that is listed"

# --- Several at once -----------------------------------------------------------

note "ten at once, to a file that lacks its last line feed"
printf 'task-1 first' >"$list"
started=()
for i in {1..10}; do
  begin "at-once-$i"
  started+=("$begun")
done
for pid in "${started[@]}"; do
  wait "$pid"
  is "one of them ends well" "$?" 0
done
is "ten whole lines" "$(whole_lines "$list")" 10
is "and the first" "$(head -n 1 "$list")" "task-1 first"
is "no other" "$(wc -l <"$list")" 11
is "with the IDs that were printed" "$(sed 1d "$list" | cut -d ' ' -f 1 | sort)" \
  "$(cat "$out".at-once-* | sort)"

note "two at once under one name"
simulate <<<'next 1 latency=2'
before=$(requests_made)
begin one
ok "a request is under way" wait_for requests_reach $((before + 1))
track one # which has passed it, unless this machine is slow
wait "$begun"
ok "one of them succeeds" grep -Eqx '03|[23]0' <<<"$code$?"
is "the name is listed once" "$(grep -c ' one ' "$list")" 1

# --- A collectd follows ----------------------------------------------------------

cat "$out".* "$err".* >>"$work/all-output"
is "no key in all that was said" "$(grep -cF "$key" "$work/all-output")" 0
is "nor in any file" "$(grep -rlF "$key" "$work" --exclude='*.key' \
  --exclude=scenario)" ""

list=$work/followed
simulate <<<'task old success=1'
echo 'old' >"$list"
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKeyFile "$work/pattern.key"
  TaskFile "$list"
</Plugin>
EOF
ok "collectd follows the task file" wait_for value_is camb_task-old/gauge-status 0
ok "a task is added" track new
ok "collectd follows it" wait_for value_is camb_task-new/gauge-status 1
ok "since it was started" wait_for has_value camb_task-new/duration-elapsed
simulate <<<"task $(cat "$out") success=2"
ok "to its end" wait_for value_is camb_task-new/gauge-status 0
ok "which is notified" wait_for notified new
ok "the other task stays" value_is camb_task-old/gauge-status 0
ok "it is the same collectd" kill -0 "$daemon"
is "which finds nothing wrong with the file" "$(log_count '^.(warning|error).*followed')" 0

done_testing
