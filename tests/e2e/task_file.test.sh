#!/bin/bash
# SPDX-License-Identifier: MIT
# Task files: lists that change while collectd runs.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=12 INTERVAL=0.25

is_gone() { ! has_value "$1"; }
# status_is NAME NUMBER
status_is() { value_is "camb_task-$1/gauge-status" "$2"; }
asked() { counted ".tasks[\"$1\"].requests"; }
# lists FILE: replaces it by what is on standard input, at once
lists() {
  cat >"$1.new"
  mv "$1.new" "$1"
}
# larger A B: as numbers with fractions
larger() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

start_simulator <<'EOF'
task p1
task p2
task p3
task p4
task p5
task conf
task other
task dubbed kind=dub
task done success=4711
task fails error=UNKNOWN_ERROR
EOF

list=$work/tasks
second=$work/second
acme=$work/acme
late=$work/late
cat >"$list" <<'EOF'
# The setups of today
p1
p2 the-second   # a comment
dubbed type=dub
p3 started=2026-01-01T00:00:00Z
done finished started=1767225600

EOF
printf 'other\n' >"$second"
printf 'p1\np2 two\n' >"$acme"

start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  Task "conf"
  TaskFile "$list"
  TaskFile "$second"
  TaskFile "$late"
  <Account "acme">
    TaskFile "$acme"
  </Account>
</Plugin>
EOF

# --- What is in a file -------------------------------------------------------

ok "a line is a task" wait_for status_is p1 1
ok "with a name, and a comment" wait_for status_is the-second 1
ok "with a type" wait_for status_is dubbed 1
ok "with a start" wait_for value_within camb_task-p3/duration-elapsed 1000000 1000000000
ok "one that has ended" wait_for status_is finished 0
ok "a second file" wait_for status_is other 1
ok "beside collectd.conf's own" wait_for status_is conf 1
ok "in an account the names have its prefix" wait_for status_is acme-p1 1
ok "given ones, too" wait_for status_is acme-two 1
ok "no name without it" is_gone camb_task-two/gauge-status
ok "all are counted" wait_for value_is camb_api-default/count-pending 6
ok "a file that is missing at the start is said" \
  wait_for logged 1 "^\[warning\] .*task file $late: No such file"

# --- Changes -----------------------------------------------------------------

printf 'p4\nfails\n' >>"$list"
ok "lines are added" wait_for status_is p4 1
ok "both" wait_for status_is fails 2
ok "what has ended is notified" wait_for notified fails

sed '/^p4/d; /^dubbed/d' "$list" | lists "$list"
ok "lines are removed, by a new file" wait_for value_is camb_api-default/count-pending 5
before=$(asked p4)
ok "their values end" wait_for is_gone camb_task-p4/gauge-status
ok "all of them" wait_for is_gone camb_task-dubbed/duration-elapsed
ok "rounds go on" rounds_pass 20
ok "they are not asked for any more" test "$(asked p4)" -le $((before + 1))

before=$(value camb_task-the-second/duration-elapsed)
{
  sed 's/the-second/renamed/; s/finished/ended/' "$list"
  echo 'p5'
} >"$work/copy"
cat "$work/copy" >"$list"
ok "a task is renamed, in place" wait_for status_is renamed 1
ok "its time goes on" larger "$(value camb_task-renamed/duration-elapsed)" "$before"
ok "the old name's values end" wait_for is_gone camb_task-the-second/gauge-status
ok "one that has ended is renamed" wait_for status_is ended 0
is "it is not asked again for that" "$(asked 'done')" 1
ok "rounds go on" rounds_pass 20
is "nor notified again" "$(notifications ended | wc -l)" 0
is "it was notified under its first name, once" "$(notifications finished | wc -l)" 1
ok "a task is added in the same change" wait_for status_is p5 1

sed -i 's/^p5$/p5 started=1767225600/' "$list"
ok "a start is given later" \
  wait_for value_within camb_task-p5/duration-elapsed 1000000 1000000000
sed -i 's/^p5.*/p5 type=dub/' "$list"
ok "another type is another task" wait_for status_is p5 -1
ok "of which the API knows nothing" wait_for log_has '"p5" \(ID p5\): the API does not know'
sed -i 's/^p5.*/p5/' "$list"
ok "the first type again" wait_for status_is p5 1

# --- A list that is empty for a moment ---------------------------------------

ok "the list is as it was" wait_for value_is camb_api-default/count-pending 6
before=$(value camb_task-p1/duration-elapsed)
notified_before=$(log_count 'Notification: ')
cp "$list" "$work/copy"
: >"$list"
ok "an empty list" wait_for value_is camb_api-default/count-pending 2
ok "has no values" wait_for is_gone camb_task-ended/gauge-status
cat "$work/copy" >"$list"
ok "it is filled again" wait_for status_is p1 1
ok "a time goes on" larger "$(value camb_task-p1/duration-elapsed)" "$before"
ok "an end comes back" wait_for status_is ended 0
ok "a failure, too" wait_for status_is fails 2
ok "rounds go on" rounds_pass 20
is "what has ended is not asked again" "$(asked 'done') $(asked fails)" "1 1"
is "nobody is notified again" "$(log_count 'Notification: ')" "$notified_before"

# --- Bad lines ---------------------------------------------------------------

cat >"$second" <<'EOF'
other
two words here are-too-many
a/b a/b
p9 type=UPPER
good-id conf
p1 again
p9 started=yesterday
EOF
for line in 2 3 4 5 6 7; do
  ok "bad line $line is said" \
    wait_for logged 1 "^\[warning\] camb_task plugin: task file $second, line $line: "
done
ok "a name that collectd.conf has" log_has "$second, line 5: .*name"
ok "an ID that another file has" log_has "$second, line 6: .*ID"
ok "the good line goes on" status_is other 1
simulate <<<'task late'
echo late-one >>"$second"
echo p5 p5-again >>"$acme"
ok "an unrelated change" wait_for status_is acme-p5-again 1
ok "is taken" wait_for status_is late-one -1
ok "rounds go on" rounds_pass 20
is "nothing is said again" \
  "$(log_count "task file $second, line [0-9]+: ")" 6
printf 'other\n' >"$second"
ok "what was bad is over" wait_for logged 6 "over: task file $second, line "
{ echo other && seq -f '%g a b' 200; } >"$second"
ok "of many bad lines ten are said" \
  wait_for log_has "task file $second: there are more bad lines"
ok "rounds go on" rounds_pass 20
is "and no more" "$(grep -c "^\[warning\] .*task file $second, line .*" "$work/collectd.log")" 16
printf 'other\n' >"$second"

# --- Files that can't be read ------------------------------------------------

printf 'late\n' >"$late"
ok "a file that comes later is read" wait_for status_is late 1
ok "and it is said" wait_for logged 1 "^\[notice\] .*over: task file $late: No such file"

mv "$late" "$work/away"
ok "a file that goes is said" wait_for logged 2 "^\[warning\] .*task file $late: No such file"
ok "rounds go on" rounds_pass 30
ok "its list is kept" status_is late 1
before=$(asked late)
ok "and followed" wait_for at_least $((before + 3)) asked late
mkdir "$late"
ok "something else in its place is said" \
  wait_for logged 1 "^\[warning\] .*task file $late: it is not a regular file"
ok "rounds go on" rounds_pass 20
rmdir "$late"
printf 'late\np4 late-four\n' | lists "$late"
ok "it comes back with more" wait_for status_is late-four 1
is "each was said once" "$(grep -Ec "^\[warning\] .*task file $late" "$work/collectd.log")" \
  "$(grep -Ec "^\[notice\] .*over: task file $late" "$work/collectd.log")"
if [ "$(id -u)" -ne 0 ]; then
  chmod 000 "$late"
  ok "a file without permission is said" \
    wait_for logged 1 "^\[warning\] .*task file $late: Permission denied"
  chmod 644 "$late"
  ok "and over" wait_for logged 1 "over: task file $late: Permission denied"
else
  not_tested "a file without permission" "root may read all"
fi
is "nobody was notified again, all the time" "$(log_count 'Notification: ')" \
  "$notified_before"
is "nor was a list's end taken for that of a task" \
  "$(asked 'done') $(asked fails)" "1 1"
stop_collectd

# --- A line that is being written --------------------------------------------

start_simulator <<'EOF'
task whole
task 660945d2-6a54-4b8b-8295-aa08f3d432d7
EOF
echo whole >"$list"
INTERVAL=1 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  TaskFile "$list"
</Plugin>
EOF
ok "a whole line" wait_for status_is whole 1
id=660945d2-6a54-4b8b-8295-aa08f3d432d7
for ((i = 0; i < ${#id}; i++)); do
  printf %s "${id:i:1}" >>"$list"
  sleep 0.1
done
printf '\n' >>"$list"
ok "a line that is written slowly" wait_for status_is "$id" 1
is "is followed when it is whole" "$(identifiers | grep -c gauge-status)" 2
is "and not before" "$(requests not_found)" 0
printf 'whole-not-ended' >"$list"
ok "a last line without an end counts after some time" \
  wait_for has_value camb_task-whole-not-ended/gauge-status
stop_collectd

# --- Many tasks --------------------------------------------------------------

# The API is slow, so that it is not this that loads the machine.
start_simulator <<'EOF'
all latency=0.05
many task 100
many end 100 success=1
EOF
awk 'BEGIN {
  for (i = 1; i <= 100; i++)
    printf "end-%d\ntask-%d name-%d\n", i, i, i
  for (i = 1; i <= 99800; i++)
    printf "%08x-6a54-4b8b-8295-aa08f3d432d7 setup-%d\n", i, i
}' >"$list"
sum() {
  local state total=0
  for state in unknown pending success error timeout payment_required; do
    total=$((total + $(value "camb_api-default/count-$state")))
  done
  echo "$total"
}
began=$SECONDS
WRITER=cache INTERVAL=5 start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  StateSet false
  MaxConcurrency 8
  Notify false
  TaskFile "$list"
</Plugin>
EOF
ok "100,000 lines are listed" wait_for prints 100000 sum
note "after $((SECONDS - began)) s"
ok "all tasks have values" wait_for has_value camb_task-setup-99800/gauge-status
ok "the first ones are asked for" wait_for value_is camb_api-default/count-success 100
ok "nothing is said against the file" not log_has 'task file'
echo 'task-1 too-late' >>"$list"
ok "the daemon answers: a bad line is said" wait_for log_has 'line 100001: '
sed -i '2001,2050d' "$list"
ok "and fewer lines are listed" wait_for prints 99950 sum
began=${EPOCHREALTIME/[.,]/}
stop_collectd
took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
note "SIGTERM to the end: $took ms"
ok "SIGTERM ends it in good order" log_has 'Exiting normally'
is "the state file is whole" "$(tail -n 1 "$work/camb_task.state" | jq .end)" \
  "$(($(wc -l <"$work/camb_task.state") - 1))"

done_testing
