#!/bin/bash
# SPDX-License-Identifier: MIT
# The recipes for InfluxDB and Graphite, with real ones that are configured as the
# recipes' comments say.
# shellcheck source-path=SCRIPTDIR disable=SC2317
. "${0%/*}/lib.sh"
. "${0%/*}/recipes.sh"
need "$collectd" collectdctl curl jq

start_simulator <<'END'
task 660945d2-6a54-4b8b-8295-aa08f3d432d7
task 0d9a3c1e-52b7-4e63-a1c8-7f5b2d90e4aa error=SOURCE_TOO_LONG
task accents timeout
END

# --- influxdb.conf -----------------------------------------------------------

# The statuses that InfluxDB has, as "HOST NAME STATUS" lines; as the recipe says.
statement=$(sed -n '/^# A first look:/,/^$/s/^#   //p' \
  "$top_srcdir/examples/recipes/influxdb.conf" | tr '\n' ' ')
influx_statuses() {
  influxql "$statement" | jq -r '
    .[] | "\(.tags.host) \(.tags.instance) \(.values[0][1])"' | sort
}

test_influxdb() {
  influxdb_collectd_port=$(free_port)
  echo 'camb: a-long-password' >"$work/collectd.users"
  said_in influxdb.conf | sed \
    -e "s/\":25826\"/\"127.0.0.1:$influxdb_collectd_port\"/" \
    -e "s,/etc/influxdb/,$work/," -e '$a\  batch-timeout = "200ms"' \
    >"$work/listener.conf"
  start_influxdb "$work/listener.conf"
  start_recipe studio influxdb.conf -e "s/\"25826\"/\"$influxdb_collectd_port\"/"
  # their host names would show, if their values did
  start_recipe nobody influxdb.conf -e "s/\"25826\"/\"$influxdb_collectd_port\"/" \
    -e '/SecurityLevel/d' -e '/Username/d' -e '/Password/d'
  start_recipe stranger influxdb.conf -e "s/\"25826\"/\"$influxdb_collectd_port\"/" \
    -e 's/a-long-password/another-password/'
  for host in nobody stranger; do
    ok "$host has values" wait_for prints 2 \
      value_at "$host" camb_task-keynote-de/gauge-status
  done
  ok "InfluxDB has the statuses, of who has the password" \
    wait_for prints $'studio keynote-de 2\nstudio trailer-fr 1' influx_statuses
  newest() { influxql "SELECT last(value) FROM camb_api_value" | jq '.[0].values[0][0]'; }
  before=$(newest)
  newer() { [ "$(newest)" -gt "$before" ]; }
  ok "values go on" wait_for newer
  is "and still nothing of the others" "$(influx_statuses)" \
    $'studio keynote-de 2\nstudio trailer-fr 1'
}
if command -v influxd >/dev/null; then
  test_influxdb
else
  not_tested "InfluxDB has the statuses" "influxd is not installed"
fi

# --- graphite.conf -----------------------------------------------------------

# A carbon-cache in $work alone, with the sections of the recipe's comments. Sets
# carbon_port.
start_carbon() {
  local directory=$work/carbon
  carbon_port=$(free_port)
  mkdir -p "$directory/log" "$directory/whisper"
  cat >"$directory/carbon.conf" <<END
[cache]
STORAGE_DIR = $directory
CONF_DIR = $directory
LOG_DIR = $directory/log
PID_DIR = $directory
LOCAL_DATA_DIR = $directory/whisper
MAX_CREATES_PER_MINUTE = inf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = $carbon_port
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = $(free_port)
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = $(free_port)
END
  said_in graphite.conf | sed 's/= 30s:/= 1s:1h,30s:/' | awk -v directory="$directory" '
    /^\[/ { file = "storage-schemas.conf" }
    /^\[camb_status/ { file = "storage-aggregation.conf" }
    { print > (directory "/" file) }'
  carbon-cache --config="$directory/carbon.conf" --nodaemon start \
    >"$work/carbon.log" 2>&1 &
  pids+=($!)
  wait_for listening "$carbon_port" || {
    note "$(cat "$work/carbon.log")"
    skip_or_bail "carbon did not start"
  }
}

# The newest value of a file of Graphite's
graphite() {
  whisper-fetch --from="$(($(date +%s) - 600))" \
    "$work/carbon/whisper/collectd/$1.wsp" | awk '$2 != "None" { value = $2 }
      END { printf "%g\n", value }'
}

# between MORE-THAN LESS-THAN COMMAND...: the command prints such a number.
between() {
  "${@:3}" | awk -v least="$1" -v most="$2" '
    { ok = $1 > least && $1 < most } END { exit !ok }'
}

test_graphite() {
  start_carbon
  start_recipe studio.example graphite.conf -e "s/\"2003\"/\"$carbon_port\"/" \
    -e '/^  Task .*keynote/Ia\  Task "accents" "Übersicht 日本"'
  ok "Graphite has a status" wait_for prints 1 \
    graphite studio_example/camb_task/trailer-fr/gauge/status
  ok "of a name with dots and spaces, too" wait_for prints 2 \
    graphite studio_example/camb_task/Keynote_v2_1_de/gauge/status
  ok "and of one that is not ASCII" wait_for prints 3 \
    graphite studio_example/camb_task/Übersicht_日本/gauge/status
  ok "the account's counts" wait_for prints 1 \
    graphite studio_example/camb_api/default/count/timeout
  ok "requests are one a second, not so many up to now" wait_for between 0 2.5 \
    graphite studio_example/camb_api/default/total_requests/ok
  is "nothing else is made of the names" "$(
    cd "$work/carbon/whisper/collectd" && echo * */camb_task/*
  )" "studio_example $(LC_ALL=C.UTF-8 printf 'studio_example/camb_task/%s ' \
    Keynote_v2_1_de trailer-fr Übersicht_日本 | sed 's/ $//')"
  local status=$work/carbon/whisper/collectd/studio_example/camb_task/trailer-fr
  ok "a status is not averaged" grep -q 'aggregationMethod: last' \
    <(whisper-info "$status/gauge/status.wsp")
  is "both are kept as the recipe says" "$(
    whisper-info "$status/gauge/status.wsp" | sed -n 's/^retention: //p' | tail -n 2 |
      tr '\n' ' '
  )" "$((7 * 86400)) $((90 * 86400)) "
}
if command -v carbon-cache >/dev/null; then
  test_graphite
else
  not_tested "Graphite has the statuses" "graphite-carbon is not installed"
fi

done_testing
