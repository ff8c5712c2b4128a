#!/bin/bash
# SPDX-License-Identifier: MIT
# A soak: a whole daemon with 500 tasks at 1 s, whose lists keep changing and a
# tenth of whose answers are faulty. No transition may be missed or told twice,
# and nothing may grow: neither memory, descriptors and threads, nor the log.
#
# SOAK_SECONDS says how long, SOAK_SEED makes the dice fall as before (the times
# differ, so it is still not quite the same run).
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq shuf

SOAK_SECONDS=${SOAK_SECONDS:-40}
SOAK_SEED=${SOAK_SEED:-$RANDOM}
RANDOM=$SOAK_SEED

TASKS=500
# Tasks that stay pending to the end; the others end and make room for new ones.
LONG_TASKS=300
# How long a task that has ended stays listed at least, ms. At worst it is asked
# every MaxErrorInterval and Timeout, and each answer is bad by CHANCE.
GRACE=25000
[ "$SOAK_SECONDS" -lt 120 ] || GRACE=45000
# The others are pending up to so long, ms.
PENDING_MOST=$((SOAK_SECONDS * 1000))
[ "$PENDING_MOST" -le 240000 ] || PENDING_MOST=240000
# Some of the faults end well: what is slow but in time, what is sent again. So
# this makes a tenth of bad answers.
CHANCE=0.14
MAX_CONCURRENCY=50
STALLED_AFTER=15 # seconds
END_WITHIN=2     # seconds from SIGTERM, as the README promises

# What may be lost and what may grow
VALUE_AGE_MAX=3000  # ms; an interval, half of one for the answers, and some
LATE_VALUES_MAX=0.5 # percent of values that may be older, for slow machines
# Of the process, with what collectd and the allocator do in its 15 threads; what
# is really in use, seen by heaptrack, was the same after 60 s and 290 s.
RSS_GROWTH_KIB=1024 # or
RSS_GROWTH_PERCENT=3
TASK_KIB=1 # what is remembered of a task for an hour after it was listed
# Lines of the log that are no notifications, however long it takes: in all, and
# in the last third of the time. A trouble that comes and goes is told in spells
# of about 20 lines, with twice the quiet after each, and there are some ten kinds
# of it. (To tell each bad answer would take 60 lines a second.)
LOG_LINES_MAX=1000
LAST_LOG_LINES_MAX=250

# --- The tasks ---------------------------------------------------------------

# By the task's number, for tasks that are listed or away:
account=()      # main or limited; set while the task is listed
name=()         # changes now and then
revision=()     # of the name
since=()        # when it was listed, ms
named=()        # when it got its name
ends=()         # when it ends by the simulator; 0: at the end of the soak
line=()         # in the task file
away=()         # when it was taken away, to come back later
expected=()     # tasks that were listed for long enough after their end
was_away=()     # and so may be said to be stalled later than others
tasks_created=0 # all there ever were
faults=(
  'http=404' 'http=422' 'http=500' 'body="{\"status\":"' 'cut=before'
  'cut=middle' 'drip=0.1' 'latency=1.2' 'silence' 'http=502 body="<html>"'
  'drip=0.003' 'http=403'
)
# Those that concern the whole account, which else would ask for nothing most of
# the time.
limits=('http=429 header="Retry-After: 1"' 'http=503' 'http=404'
  'http=503 header="Retry-After: 1"' 'cut=middle')

clock() { now=$((${EPOCHREALTIME/[.,]/} / 1000)); }

account_of() {
  if [ $(($1 % 5)) -eq 0 ]; then echo limited; else echo main; fi
}

kind_of() { [ $(($1 % 10)) -ne 3 ] || echo dub; }

fate_of() {
  case $(($1 % 7)) in
  0 | 1 | 2 | 3) echo "success=$((1000000 + $1)) message=\"all is well\"" ;;
  4) printf %s 'error=SOURCE_TOO_LONG message="more than 4 hours\nlong"' ;;
  5) echo 'timeout' ;;
  6) printf %s 'payment_required message="\xe2\x82\xac 10"' ;;
  esac
}

fault_of() {
  if [ $(($1 % 5)) -eq 0 ]; then
    echo "${limits[$1 / 5 % ${#limits[@]}]}"
  else
    echo "${faults[$1 / 7 % ${#faults[@]}]}"
  fi
}

# scenario_line NUMBER [PENDING [FAULT]]
scenario_line() {
  local kind
  kind=$(kind_of "$1")
  echo "task t-$1 ${kind:+kind=$kind} duration=$1.5 ${2:-} $(
    [ "${2:-}" = pending=86400 ] || fate_of "$1"
  ) ${3:+chance=$CHANCE $3}"
}

# set_line NUMBER: after a change of its name. The comment and some options are
# for the reader of the file.
set_line() {
  local kind
  kind=$(kind_of "$1")
  name[$1]=n$1-r${revision[$1]}
  named[$1]=$now
  line[$1]="t-$1 ${name[$1]}${kind:+ type=$kind}"
  [ $(($1 % 9)) -ne 0 ] || line[$1]+=" started=$((since[$1] / 1000))"
  [ $(($1 % 11)) -ne 0 ] || line[$1]+=" # number $1"
}

# create COUNT SECONDS...: new tasks that are pending so long; "forever" is until
# the end of the soak. Their lines are in $created.
create() {
  local pending n first=$((tasks_created + 1))
  created=()
  for pending in "$@"; do
    n=$((++tasks_created))
    if [ "$pending" = forever ]; then
      scenario_line "$n" pending=86400 "$(fault_of "$n")"
    else
      scenario_line "$n" "pending=$((pending / 1000)).$((pending % 1000 / 100))" \
        "$(fault_of "$n")"
    fi
  done >"$work/lines"
  [ "$#" -gt 0 ] || return
  # first the simulator, so that no task is unknown to it
  simulate <"$work/lines" || skip_or_bail "the simulator takes no more tasks"
  clock
  for ((n = first; n <= tasks_created; n++)); do
    pending=$1
    shift
    account[n]=$(account_of "$n")
    revision[n]=0
    since[n]=$now
    ends[n]=0
    [ "$pending" = forever ] || ends[n]=$((now + pending))
    set_line "$n"
    created+=("$n")
  done
}

random_pending() { echo $((1000 + (RANDOM * 32768 + RANDOM) % PENDING_MOST)); }

# A task that is listed: sets $n.
pick() {
  local keys=("${!account[@]}")
  n=${keys[RANDOM % ${#keys[@]}]}
}

# --- The task files ----------------------------------------------------------

# listing ACCOUNT: the lines
listing() {
  local n
  for n in "${!account[@]}"; do
    [ "${account[n]}" != "$1" ] || echo "${line[n]}"
  done
}

edit_in_place() {
  local file
  for file in main limited; do
    listing "$file" >"$work/$file.new"
    cat "$work/$file.new" >"$work/$file.tasks"
  done
}

# replace COMMAND: by what the command makes of it
replace() {
  local file
  for file in main limited; do
    listing "$file" | "$@" >"$work/$file.new"
    mv "$work/$file.new" "$work/$file.tasks"
  done
}

# New tasks, until there are as many as there should be.
append() {
  local n lives=()
  for ((n = ${#account[@]} + ${#away[@]}; n < TASKS; n++)); do
    lives+=("$(random_pending)")
  done
  create "${lives[@]}"
  for n in "${created[@]}"; do
    echo "${line[n]}" >>"$work/${account[n]}.tasks"
  done
}

rename() {
  local i n
  for i in {1..5}; do
    pick
    revision[n]=$((revision[n] + 1))
    set_line "$n"
  done
  replace cat
}

# Takes tasks away for some time, and brings back others. A task may end while it
# is away.
take_away() {
  local i n
  for n in "${!away[@]}"; do
    [ $((now - away[n])) -lt $((5000 + n % 7 * 3000)) ] || bring_back "$n"
  done
  for i in {1..5}; do
    pick
    unset "account[n]"
    away[n]=$now
    was_away[n]=1
  done
  edit_in_place
}

bring_back() {
  unset "away[$1]"
  account[$1]=$(account_of "$1")
  since[$1]=$now
  named[$1]=$now
}

# Takes tasks out of the list for good: those that ended some time ago and have
# been listed since, and now and then one that is still pending.
retire() {
  local n
  for n in "${!account[@]}"; do
    [ "${ends[n]}" -gt 0 ] || continue
    if [ $((now - ends[n])) -gt "$GRACE" ] && [ $((now - since[n])) -gt "$GRACE" ]; then
      expected[n]=1
      unset "account[n]"
    fi
  done
  pick
  if [ "${ends[n]}" -gt "$now" ]; then
    unset "account[n]"
  fi
  edit_in_place
}

bad_line() { echo "t-bad a name" >>"$work/main.tasks"; }

change_the_lists() {
  clock
  case $((ticks % 6)) in
  0) append ;;
  1) rename ;;
  2) take_away ;;
  3) [ "$ticks" -ne 9 ] || bad_line ;;
  4) replace shuf ;;
  5) retire ;;
  esac
}

# --- Figures -----------------------------------------------------------------

# Once a second: seconds, RSS in KiB, descriptors that are no sockets, sockets,
# threads, tasks that there ever were, lines in the log
record() {
  local rss threads kinds
  rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status") || return
  threads=$(awk '/^Threads/ { print $2 }' "/proc/$daemon/status")
  kinds=$(find "/proc/$daemon/fd" -type l -printf '%l\n' 2>/dev/null |
    awk '/^socket:/ { sockets++; next } { others++ }
      END { print others + 0, sockets + 0 }')
  echo "$elapsed $rss $kinds $threads $tasks_created $(log_lines)" >>"$work/figures"
}

# figure COLUMN THIRD: its values in a third of the time, 2 or 3
figure() {
  awk -v column="$1" -v third="$2" -v seconds="$SOAK_SECONDS" \
    '$1 >= seconds * (third - 1) / 3 && $1 <= seconds * third / 3 { print $column }' \
    "$work/figures"
}
median() { figure "$@" | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }
most() { figure "$@" | sort -n | tail -n 1; }

# Every few seconds: whether collectd has fresh values of all tasks that have
# been listed for some time. In $work/samples: how many, how many are late, how
# many are missing, and the age of the oldest one.
sample() {
  local n
  clock
  for n in "${!account[@]}"; do
    [ $((now - named[n])) -lt 6000 ] || echo "${account[n]}-${name[n]}"
  done >"$work/named"
  clock
  prometheus_all >"$work/metrics" || return
  awk -v now="$now" -v most="$VALUE_AGE_MAX" '
    NR == FNR { wanted[$1]; next }
    /^collectd_camb_task_gauge\{.*type="status"/ {
      match($0, /camb_task="[^"]*/)
      seen[substr($0, RSTART + 11, RLENGTH - 11)] = now - $NF
    }
    END {
      for (name in wanted) {
        if (!(name in seen)) missing++
        else if (seen[name] > most) late++
        if (seen[name] > oldest) oldest = seen[name]
        count++
      }
      print count + 0, late + 0, missing + 0, oldest + 0
    }' "$work/named" "$work/metrics" >>"$work/samples"
}

# sampled COLUMN: the sum over all samples
sampled() { awk -v column="$1" '{ sum += $column } END { print sum + 0 }' "$work/samples"; }

# Requests, and the percentage of those that ended badly, by the last sample
request_counts() {
  awk '/^collectd_camb_api_total_requests_total/ {
      sum += $(NF - 1)
      if ($0 !~ /type="ok"/) bad += $(NF - 1)
    }
    END { printf "%d %.1f\n", sum, (sum > 0 ? 100 * bad / sum : 0) }' "$work/metrics"
}

log_lines() { grep -vc 'Notification: ' "$work/collectd.log"; }

report() {
  local rss others sockets threads requests share
  read -r _ rss others sockets threads _ < <(tail -n 1 "$work/figures")
  read -r requests share < <(request_counts)
  note "$elapsed s: RSS $rss KiB, $((others + sockets)) descriptors," \
    "$threads threads, $requests requests, $share % bad," \
    "$tasks_created tasks so far, $(grep -c 'Notification: ' "$work/collectd.log")" \
    "notifications, $(log_lines) other log lines"
}

# --- What is told ------------------------------------------------------------

# "SEVERITY STATUS NUMBER" for each notification of a task
told() {
  sed -nE 's/.*Notification: severity = ([A-Z]*),.* plugin = camb_task,.*, message = Task [^ ]* is (still )?([A-Z_]*).* ID t-([0-9]*).*/\1 \3 \4/p' \
    "${1:-$work/collectd.log}"
}
ends_told() { told | grep -v '^WARNING '; }

# How the tasks ended by the simulator, which has been asked for them, as told
# should have it
ended() {
  counted '.tasks | to_entries[] |
    select(.value.state != "PENDING" and .value.first_asked != null) |
    (if .value.state == "SUCCESS" then "OKAY" else "FAILURE" end) +
      " \(.value.state) \(.key[2:])"'
}

# Those that should have been told and were not
missed() {
  local n
  join -v 1 \
    <(for n in "${!expected[@]}"; do echo "$n"; done | sort) \
    <(ends_told | awk '{ print $3 }' | sort -u)
}
none_missed() { [ -z "$(missed)" ]; }

# twice: numbers of tasks that are told more than once, from standard input
twice() { awk '{ print $3 }' | sort | uniq -d; }

# Told, but not what the simulator said
untrue() { join -v 1 -j 1 <(ends_told | sort | tr ' ' : ) <(ended | sort | tr ' ' :); }

unstalled() {
  local n
  join -v 1 \
    <(for ((n = 1; n <= LONG_TASKS; n++)); do
      [ -n "${was_away[n]:-}" ] || echo "$n"
    done | sort) \
    <(told | awk '$1 == "WARNING" { print $3 }' | sort -u)
}

# --- The soak ----------------------------------------------------------------

start_simulator <<END
seed $SOAK_SEED
results chance=0.1 http=500
END
note "SOAK_SEED=$SOAK_SEED SOAK_SECONDS=$SOAK_SECONDS"
lives=()
for ((i = 0; i < TASKS; i++)); do
  if [ "$i" -lt "$LONG_TASKS" ]; then
    lives+=(forever)
  else
    lives+=("$(random_pending)")
  fi
done
create "${lives[@]}"
replace cat

plugin_conf="LoadPlugin camb_task
<Plugin camb_task>
  URL \"$api_url\"
  APIKey \"test-key\"
  Timeout 2
  MaxConcurrency $MAX_CONCURRENCY
  MaxErrorInterval 5
  StalledAfter $STALLED_AFTER
  FetchResult true
  StateFile \"$work/state\"
  <Account \"limited\">
    TaskFile \"$work/limited.tasks\"
  </Account>
  <Account \"main\">
    StateSet false
    TaskFile \"$work/main.tasks\"
  </Account>
</Plugin>"
VALUE_TIMEOUT=10
start_collectd <<<"$plugin_conf"

: >"$work/figures"
: >"$work/samples"
report_every=30
[ "$SOAK_SECONDS" -ge 120 ] || report_every=10
clock
began=$now
for ((ticks = 0, elapsed = 0; elapsed < SOAK_SECONDS; ticks++)); do
  change_the_lists
  record
  [ $((ticks % 5)) -ne 4 ] || [ "$ticks" -lt 9 ] || sample
  [ $((ticks % report_every)) -ne $((report_every - 1)) ] || report
  kill -0 "$daemon" 2>/dev/null || break
  clock
  left=$((began + (ticks + 1) * 1000 - now))
  [ "$left" -le 0 ] || sleep "$((left / 1000)).$(printf %03d $((left % 1000)))"
  clock
  elapsed=$(((now - began) / 1000))
done
ok "the daemon runs to the end" kill -0 "$daemon"

# All tasks are listed again and end, and nothing goes wrong any more.
clock
for n in "${!away[@]}"; do
  bring_back "$n"
done
{
  echo results
  for n in "${!account[@]}"; do
    scenario_line "$n"
    expected[n]=1
  done
} >"$work/lines"
ok "the faults end, and so do all tasks" simulate <"$work/lines"
replace cat

# --- What came of it ---------------------------------------------------------

wait_for none_missed
is "no transition was missed" "$(missed | tr '\n' ' ')" ""
pending() { echo "$(value camb_api-main/count-pending) $(value camb_api-limited/count-pending)"; }
ok "no task is pending in the values" wait_for prints "0 0" pending
is "none was notified twice" "$(ends_told | twice | tr '\n' ' ')" ""
is "what was notified is what the simulator says" "$(untrue | tr '\n' ' ')" ""
note "${#expected[@]} of $tasks_created tasks had to be told," \
  "$(ends_told | wc -l) were: $(ends_told | cut -d ' ' -f 2 | sort | uniq -c | tr -s '\n ' ' ')"
is "each task that was stuck was told" "$(unstalled | tr '\n' ' ')" ""
is "once" "$(told | grep '^WARNING' | twice | tr '\n' ' ')" ""
note "$(told | grep -c '^WARNING') tasks were stuck"
is "the accounts had nothing to notify" "$(grep -c 'plugin = camb_api,' "$work/collectd.log")" 0
ok "results were fetched" \
  at_least 1 grep -c 'ID t-[0-9]*, https://studio.camb.ai/projects/' "$work/collectd.log"

sample
read -r all_requests share < <(request_counts)
for outcome in ok unauthorized not_found rate_limited client_error server_error \
  timeout network invalid; do
  echo "$outcome $(($(requests "$outcome" main) + $(requests "$outcome" limited)))"
done >"$work/outcomes"
note "$all_requests requests: $(tr '\n' ' ' <"$work/outcomes")"
is "each kind of fault was among them" "$(grep ' 0$' "$work/outcomes")" ""
between() { awk -v x="$1" -v least="$2" -v most="$3" 'BEGIN { exit !(x >= least && x <= most) }'; }
ok "about a tenth of the answers was faulty: $share %" between "$share" 7 14

note "$(sampled 1) values were looked at, $(sampled 2) were older than" \
  "$VALUE_AGE_MAX ms, the oldest $(awk '{ print $4 }' "$work/samples" | sort -n | tail -n 1) ms"
ok "values were looked at" at_least $((SOAK_SECONDS * 20)) sampled 1
is "every task had values" "$(sampled 3)" 0
ok "fresh ones" between "$(sampled 2)" 0 \
  "$(awk -v all="$(sampled 1)" -v most="$LATE_VALUES_MAX" 'BEGIN { print all * most / 100 }')"

rss=$(median 2 2)
growth=$(($(median 2 3) - rss))
new_tasks=$(($(median 6 3) - $(median 6 2)))
allowed=$((rss * RSS_GROWTH_PERCENT / 100))
[ "$allowed" -ge "$RSS_GROWTH_KIB" ] || allowed=$RSS_GROWTH_KIB
allowed=$((allowed + new_tasks * TASK_KIB))
note "RSS: $rss KiB in the second third of the time, $growth KiB more in the" \
  "last one, with $new_tasks more tasks; at most $(most 2 3)"
ok "memory does not grow" test "$growth" -le "$allowed"
note "descriptors, but for sockets: at most $(most 3 2), then $(most 3 3);" \
  "sockets: at most $(most 4 2), then $(most 4 3); threads: $(most 5 2), then $(most 5 3)"
# a state file that is being written, and its directory
ok "descriptors do not become more" test "$(most 3 3)" -le "$(($(most 3 2) + 2))"
ok "nor sockets, of which each request has one" \
  test "$(most 4 3)" -le $((2 * MAX_CONCURRENCY + 10))
ok "nor threads" test "$(most 5 3)" -le "$(most 5 2)"

lines=$(log_lines)
last_lines=$((lines - $(most 7 2)))
note "$lines log lines beside the notifications, $last_lines of them in the last" \
  "third of the time and after; all:"
grep -v 'Notification: ' "$work/collectd.log" |
  sed -E 's/task "[^"]*" \(ID [^)]*\)/task …/; s/ \([^)]*\)$//; s/(at first) for .*/\1/' |
  sort | uniq -c | sort -rn | sed 's/^/# /' | cut -c 1-120
ok "the log does not fill" test "$lines" -le "$LOG_LINES_MAX"
ok "least of all in the end" test "$last_lines" -le "$LAST_LOG_LINES_MAX"

# --- The end, and after it ---------------------------------------------------

clock
stopping=$now
stop_collectd
clock
note "collectd ended after $((now - stopping)) ms"
ok "SIGTERM ends the daemon in time" test $((now - stopping)) -le $((END_WITHIN * 1000))
ok "in good order" log_has 'Exiting normally'
before=$(counted .requests)
start_collectd <<<"$plugin_conf"
known() {
  prometheus_all | grep -Ec '^collectd_camb_task_gauge\{.*type="status".*\} (0|2|3|4) '
}
ok "another one knows how all tasks ended" wait_for at_least ${#account[@]} known
sleep 2 # some rounds
ok "which goes on" prints "${#account[@]}" known
is "it asks for none of them" "$(counted .requests)" "$before"
is "and notifies of none" "$(grep -c 'Notification: ' "$work/collectd.log")" 0

done_testing
