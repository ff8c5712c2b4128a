#!/bin/bash
# SPDX-License-Identifier: MIT
# Twenty restarts, by SIGTERM and by kill -9 in turn, while tasks end: each end
# is notified, and none twice but around a kill -9.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" collectdctl curl jq

export VALUE_TIMEOUT=40 INTERVAL=0.2

# So many tasks, of which each sixth one stays pending; they end one by one, all
# along.
tasks=60
scenario() {
  local i end
  for ((i = 1; i <= tasks; i++)); do
    case $((i % 6)) in
    0) end= ;;
    1 | 2) end="success=$i" ;;
    3) end="error=UNKNOWN_ERROR" ;;
    4) end=timeout ;;
    5) end=payment_required ;;
    esac
    echo "task t$i pending=$((i * 4 / 10)).$((i * 4 % 10)) $end"
  done
}
# expected: "NAME SEVERITY" of all ends
expected() {
  local i
  for ((i = 1; i <= tasks; i++)); do
    case $((i % 6)) in
    0) ;;
    1 | 2) echo "t$i OKAY" ;;
    *) echo "t$i FAILURE" ;;
    esac
  done | sort
}
# notified_now: the same of those in the log of the collectd that runs
notified_now() {
  sed -n 's/.*Notification: severity = \([A-Z]*\), .*plugin = camb_task, plugin_instance = \([^,]*\),.*/\2 \1/p' \
    "$work/collectd.log"
}
# has_begun: it has made a round, and all values of it are there. Whether it is
# then killed in the middle of the next one is left to chance.
has_begun() { has_value "camb_task-t$tasks/gauge-status"; }

start_simulator < <(scenario)
: >"$work/told"    # "RUN HOW NAME SEVERITY" of all notifications
: >"$work/settled" # "NAME REQUESTS" of those that a SIGTERM found told
how=SIGTERM
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  $(seq -f 'Task "t%g"' "$tasks")
</Plugin>
EOF

# ends RUN HOW: it ends so; what it has told is noted.
ends() {
  local name
  if [ "$2" = SIGTERM ]; then
    stop_collectd
    log_has 'Exiting normally' || disorderly=$((disorderly + 1))
  else
    kill_collectd
  fi
  notified_now | sed "s/^/$1 $2 /" >>"$work/told"
  grep -E '^\[(error|warning)\] camb_task' "$work/collectd.log" >>"$work/complaints"
  [ "$2" = SIGTERM ] || return 0
  counted '.tasks | to_entries[] | "\(.key) \(.value.requests)"' | sort >"$work/asked"
  # what was told up to now is known to the next one, which need not ask
  awk '{ print $3 }' "$work/told" | sort -u | join - "$work/asked" >>"$work/settled"
}

disorderly=0
: >"$work/complaints"
for run in {1..20}; do
  wait_for has_begun || ok "run $run begins" false
  sleep "0.$((RANDOM % 10))"
  how=$([ $((run % 2)) -eq 0 ] && echo KILL || echo SIGTERM)
  ends "$run" "$how"
  restart_collectd
done
ok "all ends come" wait_for prints $((tasks / 6)) value camb_api-default/count-pending
# all_told: each end was notified at least once.
all_told() {
  [ "$({
    awk '{ print $3, $4 }' "$work/told"
    notified_now
  } | sort -u)" = "$(expected)" ]
}
ok "each of $(expected | wc -l) ends was notified, none otherwise" wait_for all_told
ends 21 SIGTERM

# A repetition is in order if all before it were told in runs that were killed.
repetitions() {
  awk '{ key = $3; if (key in how && how[key] != "KILL") print; how[key] = $2 }' \
    "$work/told"
}
note "$(wc -l <"$work/told") notifications, $(awk '{ print $3 }' "$work/told" |
  sort | uniq -d | wc -l) of them twice around a kill -9"
is "none was repeated but after a kill -9" "$(repetitions)" ""
ok "and of those few" test "$(wc -l <"$work/told")" -le \
  $(($(expected | wc -l) + $(grep -c ' KILL ' "$work/told")))
is "each SIGTERM ended it in good order" "$disorderly" 0

# asked_again: those for which the simulator had more requests at the end than
# when they were settled
asked_again() {
  join <(sort "$work/settled") "$work/asked" | awk '$2 != $3'
}
ok "many were settled before the end" test "$(cut -d ' ' -f 1 "$work/settled" | sort -u | wc -l)" -ge 25
is "what had ended was not asked again by a later one" "$(asked_again)" ""
is "no complaint, all the time" "$(cat "$work/complaints")" ""

done_testing
