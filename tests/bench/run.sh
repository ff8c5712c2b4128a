#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317,SC2034 # called, and read, by lib.sh or by name
#
# Measures camb_task beside what a user would pick instead, on the same work in
# the same run. Nothing here is a test: what is a matter of time is only printed.
set -uo pipefail

usage() {
  cat <<'END'
Usage: tests/bench/run.sh [PART]...

Starts the API simulator, nginx in front of it (TLS, HTTP/2), and collectd, one
after the other with camb_task and with each of its peers; prints tables, and
writes them to BUILD_DIR/bench/*.csv. Times are medians over the rounds after the
first, as nginx saw them; CPU is that of all threads and child processes. To be
run on a machine that has nothing else to do. Parts; default: all of them:

  peers      1,000 pending tasks at 50 ms latency: camb_task, curl_json, exec with
             shell scripts of curl and jq, python, and h2load, the least that the
             requests cost
  scale      camb_task with 100 to 100,000 tasks: time, CPU, memory
  start      how long from collectd's start to the first values; what it costs
             to start with 100,000 tasks, nine tenths of them final
  writers    what collectd and its writers cost beside the plugin
  steps      counts of instructions of single steps, by callgrind

Environment:
  BUILD_DIR       where to build, and to write results; default: build, beside
                  tests
  top_builddir    where all is built already: nothing is installed and built then
  ROUNDS          how many rounds are measured after the first; default: 5
  TASKS           of the peers' work; default: 1000
  SCALES          the numbers of tasks of scale; default: "100 1000 10000 100000"
  START_TASKS     of start; default: 100000
  WRITER_TASKS    the numbers of tasks of writers; default: "100 1000 10000"
  BENCH_INTERVAL  collectd's interval; default: what suits each part
END
}

top_srcdir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$top_srcdir/build}")
results=$build/bench
built=${top_builddir:-}
top_builddir=${built:-$build/release}
MODULE_DIR=$top_builddir/src/.libs
SIMULATOR=$top_builddir/tests/camb_api_simulator
COLLECTD=${COLLECTD:-/usr/sbin/collectd}
PATIENCE=${PATIENCE:-300}
rounds=${ROUNDS:-5}
peer_tasks=${TASKS:-1000}
scales=${SCALES:-100 1000 10000 100000}
start_tasks=${START_TASKS:-100000}
writer_tasks=${WRITER_TASKS:-100 1000 10000}
latency=0.05
writer_patience=120

packages=(
  autoconf automake libtool pkg-config make gcc libc6-dev
  collectd-core collectd-dev collectd-utils libcurl4-openssl-dev libjson-c-dev
  libcmocka-dev libmicrohttpd-dev
  curl jq openssl nginx-light nghttp2-client libprotobuf-c1
  libcurl3-gnutls libyajl2
  valgrind libc6-dbg
)

# shellcheck source-path=SCRIPTDIR/../..
. "$top_srcdir/tests/packages.sh"
# shellcheck source-path=SCRIPTDIR/../..
. "$top_srcdir/tests/e2e/lib.sh"

say() { printf '\n==> %s\n' "$*"; }
fail() {
  echo "tests/bench/run.sh: $*" >&2
  exit 1
}

# --- Preparation -------------------------------------------------------------

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "${packages[@]}" "$(python_package)")
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "Installing ${missing[*]}"
  apt_install "${missing[@]}" >"$results/apt.log" 2>&1 || fail "see $results/apt.log"
}

build_module() {
  say "Building"
  mkdir -p "$top_builddir"
  (
    cd "$top_srcdir" && { [ -x configure ] || autoreconf -fi; } &&
      cd "$top_builddir" && "$top_srcdir/configure" -q && make -s -j"$(nproc)" &&
      make -s tests/camb_api_simulator tests/bench/step_costs
  ) >"$results/build.log" 2>&1 || fail "see $results/build.log"
}

# The API that is asked: the simulator, and nginx, which logs each request.
start_api() {
  make_certificates
  start_simulator <<<"all latency=$latency"
  api_port=$(free_port)
  http1_port=$(free_port)
  local server="listen 127.0.0.1:$api_port ssl http2; listen 127.0.0.1:$http1_port ssl;"
  nginx_conf warn 1024 <<END
  log_format request '\$msec \$request_time \$connection \$request_uri';
  server {
    $server
    keepalive_requests 10000000;
    access_log $work/requests request;
    location / {
      proxy_pass http://simulator;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
END
  sed -i 's/worker_connections .*;/worker_connections 8192;/' "$work/nginx.conf"
  start_nginx "$api_port"
  base=https://127.0.0.1:$api_port/apis
}

# --- Measuring ---------------------------------------------------------------

children_of() { cat "/proc/$1"/task/*/children 2>/dev/null; }

# CPU seconds of a process, all its threads and children, ended ones included.
cpu_of() {
  local directory=/proc/$1 child seconds
  seconds=$(cat "$directory"/task/*/schedstat 2>/dev/null |
    awk '{ sum += $1 } END { printf "%.6f", sum / 1e9 }')
  # of ended children, in ticks
  seconds+=" $(sed 's/.*) //' "$directory/stat" 2>/dev/null |
    awk -v tick="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / tick }')"
  for child in $(children_of "$1"); do
    seconds+=" $(cpu_of "$child")"
  done
  echo "$seconds" | awk '{ for (i = 1; i <= NF; i++) sum += $i
    printf "%.6f", sum }'
}

# threads PID PATTERN: CPU seconds of the threads whose names match.
threads() {
  local thread
  for thread in "/proc/$1"/task/*; do
    [[ $(cat "$thread/comm") =~ $2 ]] && cat "$thread/schedstat"
  done 2>/dev/null | awk '{ sum += $1 } END { printf "%.6f", sum / 1e9 }'
}

# Resident memory of a process and its children, KiB.
memory_of() {
  local child sum
  sum=$(awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null)
  for child in $(children_of "$1"); do
    sum=$((${sum:-0} + $(memory_of "$child")))
  done
  echo "${sum:-0}"
}

logged_requests() { [ "$(wc -l <"$work/requests")" -ge "$1" ]; }

# Waits until the process does next to nothing any more.
settle() {
  local before now i
  now=$(cpu_of "$1")
  for i in {1..100}; do
    sleep 0.1
    before=$now
    now=$(cpu_of "$1")
    awk -v a="$before" -v b="$now" 'BEGIN { exit !(b - a < 0.002) }' && return
  done
}

# every SECONDS COMMAND...: with that interval of collectd's
every() {
  interval=${BENCH_INTERVAL:-$1}
  INTERVAL=$interval "${@:2}"
}

# What a process has used so far: all its CPU, that of the polling thread, that of
# the reading threads, that of the writing threads, and its memory.
sample() {
  echo "$(cpu_of "$1") $(threads "$1" '^camb_task#poll') $(threads "$1" '^reader') \
$(threads "$1" '^writer|^MHD') $(memory_of "$1")"
}

# measure PID TASKS: waits for $rounds rounds after the next, and keeps samples.
measure() {
  local round over
  over=$(($(wc -l <"$work/requests") / $2))
  : >"$work/samples"
  for ((round = over + 1; round <= over + rounds + 1; round++)); do
    wait_for logged_requests $((round * $2)) ||
      fail "round $round did not end: $(tail -n 3 "$work/collectd.log")"
    settle "$1"
    sample "$1" >>"$work/samples"
  done
}

median() { sort -g | awk '{ a[NR] = $1 } END { print NR ? a[int((NR + 1) / 2)] : 0 }'; }

# growth N: how much that column of the samples grew in each round
growth() {
  awk -v n="$1" 'NR > 1 { printf "%.6f\n", $n - last } { last = $n }' "$work/samples"
}

# round_times TASKS: the seconds of each round, from its first request to its last
# answer. The Nth request for a task belongs to the Nth round.
round_times() {
  awk -v tasks="$1" '
    { round = ++asked[$4]; count[round]++; begin = $1 - $2
      if (!(round in first) || begin < first[round]) first[round] = begin
      if ($1 > last[round]) last[round] = $1 }
    END { for (round = 1; count[round] == tasks; round++)
      printf "%.3f\n", last[round] - first[round] }' "$work/requests"
}

connections() { cut -d ' ' -f 3 "$work/requests" | sort -u | wc -l; }

calculate() { awk "BEGIN { printf \"%.${2:-3}f\", $1 }"; }

# --- Tables ------------------------------------------------------------------

# table NAME HEADER: begins a table, of which each row is written and printed.
table() {
  csv=$results/$1.csv
  echo "$2" >"$csv"
}

row() {
  local IFS=,
  echo "$*" >>"$csv"
}

# Prints the table as columns.
show() {
  awk -F, '{ for (i = 1; i <= NF; i++) { cell[NR, i] = $i
        if (length($i) > width[i]) width[i] = length($i) } }
    END { for (r = 1; r <= NR; r++) { line = sprintf("%-" width[1] "s", cell[r, 1])
        for (i = 2; i <= NF; i++) line = line sprintf("  %" width[i] "s", cell[r, i])
        print line } }' "$csv"
  echo "(in $csv)"
}

# --- camb_task ---------------------------------------------------------------

# list_tasks COUNT: simulates that many pending tasks, and lists them in a file.
list_tasks() {
  simulate <<<"many task $1"
  seq -f 'task-%.0f' 1 "$1" >"$work/tasks"
}

# camb_task [LINE...]: the plugin's configuration, with more lines.
camb_task() {
  cat <<END
LoadPlugin camb_task
<Plugin camb_task>
  URL "$base"
  APIKey "test-key"
  CACert "$work/tls/ca.pem"
  TaskFile "$work/tasks"
$(printf '  %s\n' "$@")
</Plugin>
END
}

# begin_log: what is logged from now on is of the next run
begin_log() { : >"$work/requests"; }

# What the daemon complains of, but for what this benchmark brings about itself.
complaints() {
  grep -E '^\[(warning|error)\]' "$work/collectd.log" |
    grep -Evc 'unixsock plugin: No such group|No write callback'
}

# --- Peers -------------------------------------------------------------------

# peer NAME TASKS CONCURRENCY: the row of what was measured
peer() {
  local name=$1 tasks=$2 time cpu polling
  time=$(round_times "$tasks" | tail -n +2 | median)
  cpu=$(calculate "$(growth 1 | median) / $tasks * 1e6" 0)
  polling=$(calculate "$(growth 2 | median) / $tasks * 1e6" 0)
  if [ -z "${first_time:-}" ]; then
    first_time=$(calculate "$time / $tasks" 9) first_cpu=$cpu
  fi
  row "$name" "$tasks" "$3" "$time" "$(round_times "$tasks" | head -n 1)" "$cpu" \
    "$polling" "$(connections)" \
    "$(calculate "$(tail -n 1 "$work/samples" | cut -d ' ' -f 5) / 1024" 0)" \
    "$(calculate "$time / $tasks / $first_time" 1)" \
    "$(calculate "$cpu / $first_cpu" 1)"
  echo "$name: measured"
}

# collectd's own plugins, since lib.sh has it look for those of the build tree.
installed_plugins() {
  "$collectd" -h | sed -n 's/^ *Plugin directory *\(.*\)/PluginDir "\1"/p'
}

# daemon NAME TASKS CONCURRENCY <CONFIGURATION: measures it in a collectd.
daemon() {
  begin_log
  start_collectd
  measure "$daemon" "$2"
  stop_collectd
  peer "$@"
}

curl_json() {
  local task
  installed_plugins
  echo 'LoadPlugin curl_json'
  echo '<Plugin curl_json>'
  while read -r task; do
    cat <<END
  <URL "$base/project-setup/$task">
    Instance "$task"
    Header "x-api-key: test-key"
    CACert "$work/tls/ca.pem"
    VerifyPeer true
    VerifyHost true
    <Key "run_id">
      Type "gauge"
    </Key>
  </URL>
END
  done <"$work/tasks"
  echo '</Plugin>'
}

# exec_script SCRIPT
exec_script() {
  local user
  user=$(id -un)
  [ "$user" != root ] || user=nobody # exec runs nothing as root
  cp "$top_srcdir/tests/bench/peers/$1" "$work/"
  installed_plugins
  cat <<END
LoadPlugin exec
<Plugin exec>
  Exec "$user" "$work/$1" "$base" "$work/tls/ca.pem" "$work/tasks"
</Plugin>
END
}

python_plugin() {
  cp "$top_srcdir/tests/bench/peers/camb_poll.py" "$work/"
  installed_plugins
  cat <<END
<LoadPlugin python>
  Globals true
</LoadPlugin>
<Plugin python>
  ModulePath "$work"
  Import "camb_poll"
  <Module camb_poll>
    URL "$base"
    CACert "$work/tls/ca.pem"
    Tasks "$work/tasks"
    Threads 100
  </Module>
</Plugin>
END
}

# The least that the requests can cost: the rounds follow on each other.
floor() {
  local tasks=$1 count=$((rounds + 1)) cpu TIMEFORMAT='%3U %3S'
  begin_log
  sed "s,^,$base/project-setup/," "$work/tasks" >"$work/urls"
  cpu=$( { time h2load -n $((count * tasks)) -c 1 -m 100 -H 'x-api-key: test-key' \
    -i "$work/urls" >"$work/h2load.log" 2>&1; } 2>&1 | awk '{ print $1 + $2 }')
  # as one that used as much in each round, and no memory worth mentioning
  awk -v count="$count" -v cpu="$cpu" 'BEGIN { for (i = 0; i < count; i++)
    print i * cpu / count, i * cpu / count, 0, 0, 0 }' >"$work/samples"
  peer h2load "$tasks" 100
}

part_peers() {
  say "$peer_tasks pending tasks, HTTPS, $latency s latency"
  table peers "contender,tasks,at once,round s,first round s,CPU us/poll,polling thread us/poll,connections,RSS MiB,times the time,times the CPU"
  list_tasks "$peer_tasks"
  export WRITER=cache
  every 2 daemon camb_task "$peer_tasks" 100 < <(camb_task "MaxConcurrency 100")
  every 2 daemon "camb_task (StateSet false)" "$peer_tasks" 100 \
    < <(camb_task "MaxConcurrency 100" "StateSet false")
  every 2 daemon "camb_task (256 at once)" "$peer_tasks" 256 \
    < <(camb_task "MaxConcurrency 256")
  every 8 daemon "camb_task (defaults)" "$peer_tasks" 16 < <(camb_task)
  base=https://127.0.0.1:$http1_port/apis
  every 2 daemon "camb_task (HTTP/1.1)" "$peer_tasks" 100 \
    < <(camb_task "MaxConcurrency 100")
  base=https://127.0.0.1:$api_port/apis
  floor "$peer_tasks"
  every 5 daemon "python (100 threads)" "$peer_tasks" 100 < <(python_plugin)
  every 5 daemon "exec (one curl --parallel)" "$peer_tasks" 100 \
    < <(exec_script poll-in-parallel.sh)
  every 20 daemon curl_json "$peer_tasks" 5 < <(curl_json)
  list_tasks $((peer_tasks < 100 ? peer_tasks : 100)) # each task takes its time
  every 15 daemon "exec (curl and jq a task)" "$(wc -l <"$work/tasks")" 1 \
    < <(exec_script poll-each.sh)
  show
}

# --- Scale -------------------------------------------------------------------

part_scale() {
  local tasks memory_before='' tasks_before=''
  say "camb_task as the number of tasks grows (StateSet false, MaxConcurrency 1000)"
  table scale "tasks,interval s,round s,polling thread us/poll,reading and writing us/task,share of a core %,connections,RSS MiB,bytes/task,complaints"
  for tasks in $scales; do
    list_tasks "$tasks"
    begin_log
    # values go nowhere: collectd's cache would be larger than the plugin
    WRITER=nowhere every $((tasks > 10000 ? 30 : 10)) start_collectd \
      < <(camb_task "StateSet false" "MaxConcurrency 1000")
    measure "$daemon" "$tasks"
    scale_row "$tasks"
    stop_collectd
  done
  show
}

# With the memory that each task takes beyond those of the row before.
scale_row() {
  local memory bytes=-
  memory=$(tail -n 1 "$work/samples" | cut -d ' ' -f 5)
  [ -z "$memory_before" ] ||
    bytes=$(calculate "($memory - $memory_before) * 1024 / ($1 - $tasks_before)" 0)
  memory_before=$memory tasks_before=$1
  row "$1" "$interval" "$(round_times "$1" | tail -n +2 | median)" \
    "$(calculate "$(growth 2 | median) / $1 * 1e6" 1)" \
    "$(calculate "($(growth 3 | median) + $(growth 4 | median)) / $1 * 1e6" 1)" \
    "$(calculate "$(growth 2 | median) / $interval * 100" 2)" "$(connections)" \
    "$(calculate "$memory / 1024" 1)" "$bytes" "$(complaints)"
  echo "$1 tasks: measured"
}

# --- Start -------------------------------------------------------------------

# milliseconds from collectd's start until it has a task's value
first_value() {
  local begin=$EPOCHREALTIME
  "$collectd" -f -C "$work/collectd.conf" >/dev/null 2>&1 &
  daemon=$!
  pids+=("$daemon")
  until value_is camb_task-task-1/gauge-status 1; do
    kill -0 "$daemon" || fail "collectd has ended"
    sleep 0.01
  done
  calculate "($EPOCHREALTIME - $begin) * 1000" 0
  echo
  stop_collectd >/dev/null 2>&1
}

part_start() {
  local i time pending=$((start_tasks / 10))
  say "Start"
  table start "what,figure,unit"
  list_tasks 10
  begin_log
  WRITER=cache every 10 start_collectd < <(camb_task)
  stop_collectd
  for ((i = 0; i < rounds; i++)); do first_value; done >"$work/times"
  row "from collectd's start to the first values of ten tasks" "$(median <"$work/times")" ms

  simulate <<<"many done $((start_tasks - pending)) success=1"
  list_tasks "$pending"
  seq -f 'done-%.0f' 1 $((start_tasks - pending)) >>"$work/tasks"
  begin_log
  WRITER=nowhere every 10 start_collectd \
    < <(camb_task "StateSet false" "MaxConcurrency 1000" "Notify false")
  wait_for logged_requests "$start_tasks" || fail "the tasks were not polled"
  settle "$daemon"
  measure_final "$pending"
  stop_collectd
  # without a key nothing is asked, so that only the start is left
  sed -i "s,APIKey .*,APIKeyFile \"$work/no-key\"," "$work/collectd.conf"
  restart_collectd
  settle "$daemon"
  row "start with $start_tasks tasks in task file and state file" \
    "$(calculate "$(threads "$daemon" '^camb_task#poll') * 1000" 0)" "ms of CPU"
  stop_collectd
  show
}

# step_time STEP: milliseconds of CPU of a step with all tasks, beside collectd.
step_time() {
  local TIMEFORMAT=%U few many
  few=$( { time "$top_builddir/tests/bench/step_costs" "$1" "$start_tasks" 10 >/dev/null; } 2>&1)
  many=$( { time "$top_builddir/tests/bench/step_costs" "$1" "$start_tasks" 30 >/dev/null; } 2>&1)
  calculate "($many - $few) / 20 * 1000" 1
}

# What a round takes with most tasks final, by the threads.
measure_final() {
  local already i
  already=$(wc -l <"$work/requests")
  : >"$work/samples"
  for ((i = 0; i <= rounds; i++)); do
    wait_for logged_requests $((already + i * $1)) || fail "no round $i"
    settle "$daemon"
    sample "$daemon" >>"$work/samples"
  done
  row "a poll with $1 of $start_tasks tasks pending: polling thread" \
    "$(calculate "$(growth 2 | median) / $1 * 1e6" 1)" "us of CPU"
  row "a round of these: read thread with collectd's dispatch" \
    "$(calculate "$(growth 3 | median) * 1000" 0)" "ms of CPU"
  row "of that the plugin's own: snapshot" "$(step_time snapshot)" "ms of CPU"
  row "of that the plugin's own: values made ready" "$(step_time emit)" "ms of CPU"
}

# --- Writers -----------------------------------------------------------------

part_writers() {
  local tasks set writer
  say "What collectd and its writers cost beside the plugin, each interval"
  table writers "writer,tasks,StateSet,values,polling thread ms,reading ms,writing ms,RSS MiB,all values out s"
  for tasks in $writer_tasks; do
    list_tasks "$tasks"
    for set in false true; do
      for writer in cache csv prometheus; do
        writer_row "$writer" "$tasks" "$set"
      done
    done
  done
  show
}

# How long from the start until the writer has all tasks' values.
all_written() {
  case $1 in
  prometheus) [ "$(prometheus_all | grep -c '^collectd_camb_task_gauge{.*type="status"')" -ge "$2" ] ;;
  csv) [ "$(find "$work/csv" -name 'gauge-status-*' 2>/dev/null | wc -l)" -ge "$2" ] ;;
  *) [ "$(identifiers | grep -c '/gauge-status$')" -ge "$2" ] ;;
  esac
}

writer_row() {
  local begin series=3 out
  [ "$3" = false ] || series=9
  begin_log
  rm -rf "$work/csv"
  begin=$EPOCHREALTIME
  WRITER=$1 every 10 start_collectd \
    < <(camb_task "StateSet $3" "MaxConcurrency 1000")
  if PATIENCE=$writer_patience wait_for all_written "$1" "$2"; then
    out=$(calculate "$EPOCHREALTIME - $begin" 1)
  else
    out="more than $writer_patience"
  fi
  measure "$daemon" "$2"
  row "$1" "$2" "$3" $(($2 * series)) "$(calculate "$(growth 2 | median) * 1e3" 0)" \
    "$(calculate "$(growth 3 | median) * 1e3" 0)" \
    "$(calculate "$(growth 4 | median) * 1e3" 0)" \
    "$(calculate "$(tail -n 1 "$work/samples" | cut -d ' ' -f 5) / 1024" 0)" "$out"
  stop_collectd
  echo "$1, $2 tasks, StateSet $3: measured"
}

# --- Steps -------------------------------------------------------------------

part_steps() {
  say "Instructions of single steps"
  top_builddir=$top_builddir bash "$top_srcdir/tests/bench/step_costs.sh" \
    "$results/steps.csv" "$results/memory.csv"
}

main() {
  local part parts=(peers scale start writers steps)
  for part in "$@"; do
    if ! declare -F "part_$part" >/dev/null; then
      usage
      exit 2
    fi
  done
  [ "$#" -eq 0 ] || parts=("$@")
  mkdir -p "$results"
  if [ -z "$built" ]; then
    install_packages
    build_module
  fi
  start_api
  for part in "${parts[@]}"; do
    "part_$part"
  done
}

main "$@"
