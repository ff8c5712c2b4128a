#!/bin/bash
# SPDX-License-Identifier: MIT
# Each query of the Grafana dashboards, asked of a real Prometheus and a real
# InfluxDB that have their values from a real collectd.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
need "$collectd" prometheus influxd curl jq python3

# look DASHBOARD [VARIABLE=VALUE...]: keeps what it asks, and the answers, of the
# last $span seconds, or else since the start of this test.
look() {
  local url=prometheus_url
  [ "$1" = prometheus ] || url=influxdb_url
  python3 "$top_srcdir/tests/e2e/dashboard_queries.py" \
    "$top_srcdir/examples/grafana/camb_task-$1.json" "${!url}" \
    "${span:-$((SECONDS + 10))}" "${@:2}" >"$work/seen.json"
}

# seen JQ-FILTER: something of it; the filter has a few functions, which know the
# names that each data source has.
seen() {
  jq -rc "
    def last: .values[-1][1] | tonumber;
    def task: .labels | .camb_task // .instance;
    def account: .labels | .camb_api // .instance;
    def type: .labels | .type_instance // .type;
    $1" "$work/seen.json"
}

# The numbers of tasks that have failed, are pending, done, unknown
numbers() {
  seen '[.panels | .Failed, .Pending, .Done, .Unknown | .A[0] | last | tostring]
    | join(" ")'
}
has_numbers() { look "${@:2}" && prints "$1" numbers; }

# A name with what is special in a regular expression and in a string.
odd='ends (v1.0) [a|b]+ "c" \d'

# --- What there is to see ----------------------------------------------------

start_influxdb
start_simulator <<'EOF'
task done success=1
task ends pending=3 success=2
task fails
task slow pending=2 timeout
task broke payment_required
task endless
task limited http=429
many early 20 error=UNKNOWN_ERROR
many late 5
many pending 30
many good 245 success=100
EOF
many() {
  local i
  for ((i = 1; i <= $2; i++)); do echo "Task \"$1-$i\""; done
}
export VALUE_TIMEOUT=10
MORE_CONF="LoadPlugin network
<Plugin network>
  Server \"127.0.0.1\" \"$influxdb_collectd_port\"
</Plugin>"
start_collectd <<EOF
LoadPlugin camb_task
<Plugin camb_task>
  URL "$api_url"
  APIKey "test-key"
  MaxErrorInterval 1
  Task "done"
  Task "ends" "ends (v1.0) [a|b]+ \\"c\\" \\\\d"
  Task "fails"
  Task "endless"
  Task "missing"
  <Account "emea">
    Task "slow"
    Task "broke"
    Task "fails"
    Task "endless"
  </Account>
  <Account "apac">
    Task "limited"
  </Account>
  <Account "solo">
    Host "single"
    Task "endless"
  </Account>
  <Account "solo-2">
    Host "single"
    Task "endless"
  </Account>
  <Account "bulk">
    Host "many"
    StateSet false
    Notify false
    $(many early 20)
    $(many late 5)
    $(many pending 30)
    $(many good 245)
  </Account>
</Plugin>
EOF
start_prometheus "$prometheus_port"

# Some fail later than others, after it has been seen that they were pending, and
# for longer than a dashboard's step.
for dashboard in prometheus influxdb; do
  ok "$dashboard has all tasks" wait_for has_numbers "22 41 247 2" "$dashboard"
done
seconds_of() {
  query "min(count_over_time(($1)[1h:1s]))" | jq -r '.[0].value[1] // 0'
}
ok "one is pending for some seconds" wait_for at_least 5 \
  seconds_of 'collectd_camb_task_gauge{type="status",camb_task="fails"} == 1'
ok "the first failures are some seconds old" wait_for at_least 5 \
  seconds_of 'collectd_camb_task_gauge{type="status",camb_task=~"bulk-early-.*"} >= 2'
simulate <<'EOF'
task fails error=SOURCE_TOO_LONG
many late 5 error=UNKNOWN_ERROR
EOF
for dashboard in prometheus influxdb; do
  ok "$dashboard has all failures" wait_for has_numbers "29 34 247 2" "$dashboard"
done
ok "some rounds go on" rounds_pass 200

for dashboard in prometheus influxdb; do
  # --- Each query, with several tasks of all fates ---------------------------

  ok "$dashboard answers" look "$dashboard" host=e2e
  while read -r query; do
    ok "$dashboard: ${query% *} has an answer" test "${query##* }" -gt 0
  done < <(seen '.panels | to_entries[] | .key as $panel | .value | to_entries[]
    | "\($panel), \(.key) \(.value | length)"')

  is "$dashboard: hosts" "$(seen '.variables.host | sort | join(" ")')" "e2e many single"
  is "$dashboard: accounts of the host" \
    "$(seen '.variables.account | sort | join(" ")')" "apac default emea"
  is "$dashboard: tasks of the host" "$(seen '.variables.task | sort | join(", ")')" \
    "apac-limited, done, emea-broke, emea-endless, emea-fails, emea-slow, endless, $odd, fails, missing"
  is "$dashboard: a timeline of those that have failed" \
    "$(seen '[.panels.States.A[] | task] | sort | join(" ")')" \
    "emea-broke emea-fails emea-slow fails"
  is "$dashboard: and one of the others" \
    "$(seen '[.panels.States.B[] | task] | sort | join(", ")')" \
    "apac-limited, done, emea-endless, endless, $odd, missing"
  is "$dashboard: with every status" "$(seen '[.panels.States[][].values[][1] | tonumber]
    | unique | join(" ")')" "-1 0 1 2 3 4"
  is "$dashboard: the one after the other" \
    "$(seen '.panels.States.A[] | select(task == "fails")
      | reduce (.values[][1] | tonumber) as $v ([]; if .[-1] == $v then . else . + [$v] end)
      | map(select(. >= 0)) | join(" ")')" "1 2"
  is "$dashboard: the table has the states" \
    "$(seen '[.panels.Tasks.A | sort_by(task)[] | "\(task) \(last)"] | join(", ")')" \
    "apac-limited -1, done 0, emea-broke 4, emea-endless 1, emea-fails 2, emea-slow 3, endless 1, $odd 0, fails 2, missing -1"
  is "$dashboard: elapsed times, but of what had ended before" \
    "$(seen '[.panels.Tasks.B[] | task] | sort | join(", ")')" \
    "apac-limited, emea-endless, emea-fails, emea-slow, endless, $odd, fails, missing"
  ok "$dashboard: which are those of the tasks" prints true \
    seen '.panels.Tasks.B | map({(task): last}) | add
      | .fails > 0 and .["emea-endless"] > .fails'
  is "$dashboard: ages, but of what was never answered" \
    "$(seen '[.panels.Tasks.C[] | task] | sort | join(", ")')" \
    "done, emea-broke, emea-endless, emea-fails, emea-slow, endless, $odd, fails"
  elapsed='.panels["Elapsed: waiting tasks against ended ones"]'
  is "$dashboard: those that wait" "$(seen "[$elapsed.A[] | task] | sort | join(\" \")")" \
    "apac-limited emea-endless endless missing"
  ok "$dashboard: longer than the ended ones" prints true seen "$elapsed
    | ([.A[] | last] | min) > (.C[0] | last) and (.C[0] | last) * 0.9 > (.B[0] | last)
      and (.B[0] | last) >= 1"
  is "$dashboard: which account is up" \
    "$(seen '[.panels["Does the API answer?"].A | sort_by(account)[] | "\(account) \(last)"]
      | join(", ")')" "apac 0, default 1, emea 1"
  is "$dashboard: how requests ended" \
    "$(seen '[.panels["Requests by outcome"].A[] | type] | sort | join(" ")')" \
    "not_found ok rate_limited"
  ok "$dashboard: about how many a minute" prints true \
    seen '.panels["Requests by outcome"].A[] | select(type == "not_found")
      | last | . > 5 and . < 100'
  is "$dashboard: response times" \
    "$(seen '[.panels["Response time"].A[] | "\(account) \(type)"] | sort | join(", ")')" \
    "apac average, apac maximum, default average, default maximum, emea average, emea maximum"
  is "$dashboard: which account is limited" \
    "$(seen '[.panels["Rate limiting"].A[] | select([.values[][1] | tonumber] | max > 0)
      | account] | join(" ")')" "apac"
  ok "$dashboard: the oldest status is young" prints true \
    seen '.panels["Oldest status"].A[0] | last | . >= 0 and . < 30'

  # --- The variables ---------------------------------------------------------

  while IFS='|' read -r expected what; do
    IFS=, read -ra chosen <<<"$what"
    ok "$dashboard answers for $what" look "$dashboard" "${chosen[@]}"
    is "$dashboard: numbers of $what" "$(numbers)" "$expected"
  done <<'EOF'
4 2 2 2|host=e2e
4 4 2 2|host=e2e,host=single
1 1 2 1|host=e2e,account=default
3 1 0 0|host=e2e,account=emea
1 1 2 2|host=e2e,account=default,account=apac
28 32 245 0|account=emea,account=bulk,account=solo-2
1 0 0 0|task=fails
1 0 1 0|task=fails,task=ends (v1.0) [a|b]+ "c" \d
EOF
  is "$dashboard: which are in the table" \
    "$(seen '[.panels.Tasks.A[] | task] | sort | join(", ")')" "$odd, fails"
  ok "$dashboard answers for an account" look "$dashboard" host=e2e account=default
  is "$dashboard: its tasks alone are to be chosen" \
    "$(seen '.variables.task | sort | join(", ")')" "done, endless, $odd, fails, missing"
  is "$dashboard: its health alone is seen" \
    "$(seen '[.panels["Does the API answer?"].A[] | account] | join(" ")')" default

  # --- A month ---------------------------------------------------------------
  # (whose steps are longer than the whole test)

  span=2592000 ok "$dashboard answers for a month" look "$dashboard" host=e2e
  is "$dashboard: what has just failed is on the timeline" \
    "$(seen '[.panels.States.A[] | task] | sort | join(" ")')" \
    "emea-broke emea-fails emea-slow fails"

  # --- One task, many tasks --------------------------------------------------

  ok "$dashboard answers for a single task" look "$dashboard" account=solo-2
  is "$dashboard: no panel is empty but the row's" \
    "$(seen '[.panels | to_entries[] | select([.value[] | length] | add < 1) | .key] | join(", ")')" \
    "The API's health"
  ok "$dashboard answers for 300 tasks" look "$dashboard" host=many
  is "$dashboard: a timeline of ten failed ones" "$(seen '.panels.States.A | length')" 10
  is "$dashboard: the latest are among them" \
    "$(seen '[.panels.States.A[] | task | select(test("-late-"))] | length')" 5
  is "$dashboard: then of fifteen that are pending" \
    "$(seen '.panels.States.B | "\(length) \([.[] | last] | unique[])"')" "15 1"
  is "$dashboard: ten that wait" "$(seen "$elapsed | \"\\(.A | length) \\(.B | length) \\(.C | length)\"")" \
    "10 1 1"
  is "$dashboard: all of them in the table" "$(seen '.panels.Tasks.A | length')" 300
  is "$dashboard: few lines elsewhere" \
    "$(seen '[.panels | del(.Tasks) | .[][] | length] | max')" 15
done

done_testing
