# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For the end-to-end tests: TAP, the simulator, a real collectd with the built
# module, and what collectd has of it. A test is a bash script that sources this
# file, calls these functions, and ends with "done_testing".
#
# From Makefile.am: MODULE_DIR, SIMULATOR, COLLECTD, top_srcdir, top_builddir.

set -uo pipefail
unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY CAMB_API_KEY
# A make that a test runs is no part of the make that runs the test.
unset MAKEFLAGS MFLAGS MAKELEVEL

# Conditions are waited for this long, in seconds, before a test fails. The
# time is never the thing tested, so this is generous, for slow machines.
PATIENCE=${PATIENCE:-30}

tests=0
failures=0
pids=()
work=$(mktemp -d)
chmod 755 "$work"
collectd=${COLLECTD:-/usr/sbin/collectd}

# --- TAP ---------------------------------------------------------------------

skip_all() {
  echo "1..0 # SKIP $*"
  exit 0
}

note() { sed 's/^/# /' <<<"$*"; }

# ok DESCRIPTION COMMAND...: a test that passes if the command succeeds.
ok() {
  local description=$1
  shift
  tests=$((tests + 1))
  if "$@"; then
    echo "ok $tests - $description"
  else
    failures=$((failures + 1))
    echo "not ok $tests - $description"
    note "failed: $*"
  fi
}

not() { ! "$@"; }

# not_tested DESCRIPTION WHY: a test that can't be made here
not_tested() {
  tests=$((tests + 1))
  echo "ok $tests - $1 # SKIP $2"
}

# is DESCRIPTION GOT EXPECTED
is() {
  ok "$1" test "$2" = "$3" || true
  [ "$2" = "$3" ] || note "got '$2', expected '$3'"
}

done_testing() {
  echo "1..$tests"
  if [ "$failures" -gt 0 ]; then
    tail -n 40 "$work"/*.log 2>/dev/null | sed 's/^/# /'
  fi
  [ "$failures" -eq 0 ]
  exit
}

# prints EXPECTED COMMAND...: the command prints just that.
prints() { [ "$("${@:2}")" = "$1" ]; }

# at_least NUMBER COMMAND...: the command prints that whole number or a larger.
at_least() { [ "$("${@:2}")" -ge "$1" ]; }

# Succeeds as soon as the command does, fails after PATIENCE seconds.
wait_for() {
  local deadline=$((SECONDS + PATIENCE))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.05
  done
}

# distributed_tree DIRECTORY: makes it, with the sources as a tarball has them, to
# be configured whether or not this tree is.
distributed_tree() {
  make -s -C "$top_builddir" distdir "distdir=$1" && chmod -R u+w "$1"
}

# What configure was given as --with-collectd-source.
collectd_source() {
  sed -n 's/^with_collectd_source = //p' "$top_builddir/Makefile"
}

# Of these sources.
newest_version() { grep -Eom1 '^[0-9]+(\.[0-9]+)+' "$top_srcdir/NEWS"; }
newest_date() { sed -n "s/^$(newest_version) (\(.*\))$/\1/p" "$top_srcdir/NEWS"; }

# files_below DIRECTORY FIND-ARGUMENT...: their names there, sorted
files_below() { (cd "$1" && find "${@:2}" -type f | sort); }

# alerts_link_to DOCUMENTS: the page that the alerts of installed examples link to
alerts_link_to() {
  grep -ho 'file://[^#,]*' "$1/examples/prometheus/camb_task.rules.yml" | sort -u
}

# broken_links PAGE: what it links to, or shows, that there is not beside it
broken_links() {
  local target
  grep -oE '\]\([^)]+\)|(src|srcset|href)="[^"]+"' "$1" |
    sed -E 's/^(\]\(|[a-z]*=")//; s/[ ")#].*//' | grep -v -e : -e '^$' |
    while read -r target; do
      [ -e "${1%/*}/$target" ] || echo "$target"
    done
}

# --- Processes ---------------------------------------------------------------

# Ends a process that this test started, and waits for it. Its ID may be
# somebody else's from then on.
end_process() {
  local i
  kill "$1" 2>/dev/null
  kill -CONT "$1" 2>/dev/null # a test may have stopped it
  wait "$1" 2>/dev/null
  for i in "${!pids[@]}"; do
    [ "${pids[i]}" != "$1" ] || unset "pids[i]"
  done
}

clean_up() {
  local pid
  trap - EXIT
  for pid in "${pids[@]}"; do
    end_process "$pid"
  done
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

need() {
  local program
  for program in "$@"; do
    # not what is a function here, as prometheus is
    type -P "$program" >/dev/null || skip_all "$program is not installed"
  done
}

# Below 32768, where the system takes the ports for outgoing connections from: a
# server can't have the port of one, not even some time after its end.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12768)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

# --- The simulator -----------------------------------------------------------

# start_simulator [OPTION...] <SCENARIO: sets simulator_url, its base, and
# api_url.
start_simulator() {
  local scheme=http option
  for option in "$@"; do
    [ "$option" != --tls-cert ] || scheme=https
  done
  cat >"$work/scenario"
  rm -f "$work/port"
  "$SIMULATOR" --port-file "$work/port" --scenario "$work/scenario" "$@" \
    >"$work/simulator.log" 2>&1 &
  pids+=($!)
  simulator=$!
  wait_for test -s "$work/port" || {
    note "$(cat "$work/simulator.log")"
    skip_or_bail "the simulator did not start"
  }
  simulator_url=$scheme://127.0.0.1:$(cat "$work/port")
  api_url=$simulator_url/apis
}

skip_or_bail() {
  echo "Bail out! $*"
  exit 1
}

# Asks the simulator itself: simulated PATH [CURL-OPTION...]
simulated() {
  local path=$1
  shift
  curl -ksS --fail --noproxy '*' --max-time 20 "$@" "$simulator_url/simulator$path"
}

# Gives the running simulator more lines of scenario, from standard input.
simulate() { simulated /scenario --data-binary @- >/dev/null; }

# counted JQ-EXPRESSION: what the simulator counted.
counted() { simulated '?tasks' | jq -r "$1"; }

# --- nginx -------------------------------------------------------------------

# nginx_conf LOG-LEVEL CONNECTIONS <SERVERS: makes $work/nginx.conf, with these
# lines in its http block, the test's certificate, and the simulator as
# "upstream simulator", to which it keeps so many connections open.
nginx_conf() {
  mkdir "$work/nginx"
  {
    cat <<EOF
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log $work/nginx.log $1;
$([ "$(id -u)" -ne 0 ] || echo "user $(id -un) $(id -gn);")
events {
  worker_connections 2048;
}
http {
  client_body_temp_path $work/nginx/body;
  proxy_temp_path $work/nginx/proxy;
  fastcgi_temp_path $work/nginx/fastcgi;
  uwsgi_temp_path $work/nginx/uwsgi;
  scgi_temp_path $work/nginx/scgi;
  ssl_certificate $work/tls/good.pem;
  ssl_certificate_key $work/tls/good.key;
  upstream simulator {
    server ${simulator_url#http://};
    keepalive $2;
  }
EOF
    cat
    echo "}"
  } >"$work/nginx.conf"
}

# start_nginx PORT: with that configuration, which is to make it listen there.
# Sets nginx, its process ID.
start_nginx() {
  nginx -p "$work/nginx" -c "$work/nginx.conf" -e "$work/nginx.log" \
    >"$work/nginx.out.log" 2>&1 &
  nginx=$!
  pids+=("$nginx")
  wait_for listening "$1" || {
    note "$(cat "$work"/nginx*.log)"
    skip_or_bail "nginx did not start"
  }
}
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# --- Certificates ------------------------------------------------------------

# Makes in $work/tls a certificate authority, ca.pem, and what it has signed,
# each NAME.pem with its NAME.key: good, for 127.0.0.1; other, for another host;
# expired, for 127.0.0.1 in the year 2020.
make_certificates() {
  mkdir "$work/tls"
  (
    cd "$work/tls" || exit
    : >index
    cat >ca.conf <<'END'
[ca]
default_ca = ca
certificate = ca.pem
private_key = ca.key
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
[policy]
commonName = supplied
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[good]
subjectAltName = IP:127.0.0.1
[other]
subjectAltName = DNS:other.example
[expired]
subjectAltName = IP:127.0.0.1
END
    new_key() {
      openssl req -config ca.conf -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
        -nodes -keyout "$1.key" -subj "/CN=$1" "${@:2}"
    }
    sign() {
      new_key "$1" -new -out "$1.csr" &&
        openssl ca -config ca.conf -batch -notext -extensions "$1" \
          -in "$1.csr" -out "$1.pem" "${@:2}"
    }
    new_key ca -x509 -extensions authority -days 2 -out ca.pem &&
      sign good -days 1 && sign other -days 1 &&
      sign expired -startdate 200101000000Z -enddate 201231000000Z
  ) >"$work/openssl.out" 2>&1 || {
    note "$(cat "$work/openssl.out")"
    skip_or_bail "openssl made no certificates"
  }
}

# --- collectd ----------------------------------------------------------------

# Where values go, by WRITER: "prometheus", unless it says otherwise;
# write_prometheus can't cope with many series. "cache": no further than
# collectd's cache; "nowhere": not even there; "csv": files in $work/csv.
writer_conf() {
  case ${WRITER:-prometheus} in
  prometheus)
    printf '%s\n' 'LoadPlugin write_prometheus' '<Plugin write_prometheus>' \
      'Host "127.0.0.1"' "Port \"$prometheus_port\"" '</Plugin>'
    ;;
  csv)
    printf '%s\n' 'LoadPlugin csv' '<Plugin csv>' "DataDir \"$work/csv\"" \
      '</Plugin>'
    ;;
  cache) stop_chain PostCacheChain ;;
  nowhere) stop_chain PreCacheChain ;;
  esac
}
stop_chain() {
  printf '%s\n' "$1 \"stop\"" '<Chain "stop">' 'Target "stop"' '</Chain>'
}

# The configuration around the plugin's: collectd_conf <PLUGIN-CONFIGURATION.
collectd_conf() {
  prometheus_port=$(free_port)
  {
    cat <<EOF
Hostname "e2e"
FQDNLookup false
BaseDir "$work"
PIDFile "$work/collectd.pid"
Interval ${INTERVAL:-1}
Timeout ${VALUE_TIMEOUT:-2}

LoadPlugin logfile
<Plugin logfile>
  File "$work/collectd.log"
  LogLevel debug
  Timestamp false
  PrintSeverity true
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "$work/socket"
</Plugin>
$(writer_conf)
${MORE_CONF:-}
PluginDir "$MODULE_DIR"
EOF
    cat
  } >"$work/collectd.conf"
}

# start_collectd <PLUGIN-CONFIGURATION, from LoadPlugin on. COLLECTD_WRAPPER, an
# array, is put before the command. It knows nothing of what an earlier one has
# left in the default state file, unless KEEP_STATE=1. Sets daemon, its process
# ID.
start_collectd() {
  collectd_conf
  [ "${KEEP_STATE:-0}" = 1 ] || rm -f "$work"/camb_task.state*
  restart_collectd
}

# The same configuration again, and what is in the state file. The log begins
# anew.
restart_collectd() {
  : >"$work/collectd.log"
  ${COLLECTD_WRAPPER[@]+"${COLLECTD_WRAPPER[@]}"} "$collectd" -f \
    -C "$work/collectd.conf" >"$work/collectd.out.log" 2>&1 &
  daemon=$!
  pids+=("$daemon")
  wait_for is_up_or_gone
}

is_up_or_gone() {
  grep -q 'Initialization complete' "$work/collectd.log" ||
    ! kill -0 "$daemon" 2>/dev/null
}

# Ends collectd by SIGTERM and waits for its end.
stop_collectd() { end_process "$daemon"; }

# Ends it by kill -9. The socket that this leaves would be in the next one's way.
kill_collectd() {
  kill -9 "$daemon"
  end_process "$daemon"
  rm -f "$work/socket"
}

# The value of an identifier such as camb_task-a/gauge-status, without trailing
# zeros; fails if collectd does not have it.
value() {
  collectdctl -s "$work/socket" getval "e2e/$1" 2>/dev/null |
    sed -n 's/^[a-z]*=//p' | awk '{ printf "%.10g\n", $1; found = 1 }
      END { exit !found }'
}

has_value() { value "$1" >/dev/null; }

# value_is IDENTIFIER NUMBER
value_is() { [ "$(value "$1")" = "$2" ]; }

# value_within IDENTIFIER LEAST MOST
value_within() {
  value "$1" | awk -v least="$2" -v most="$3" \
    '{ ok = $1 >= least && $1 <= most } END { exit !ok }'
}

# All identifiers that collectd has of the plugin, sorted, without the host.
identifiers() {
  collectdctl -s "$work/socket" listval |
    sed -n 's,^[^/]*/\(camb_.*\),\1,p' | sort
}

# All that write_prometheus has.
prometheus_all() {
  curl -fsS --noproxy '*' "http://127.0.0.1:$prometheus_port/metrics"
}

# prometheus REGEX: the value of the first line that begins with the regular
# expression; counters are seen here as they are, not as rates.
prometheus() {
  prometheus_all | sed -n "s/^$1[^ ]* \([^ ]*\).*/\1/p" | head -n 1
}

# requests OUTCOME [ACCOUNT]: a counter total_requests as collectd has it.
requests() {
  prometheus "collectd_camb_api_total_requests_total{camb_api=\"${2:-default}\",type=\"$1\""
}

# example FILE [SED-ARGUMENT...]: a configuration of examples/ as a user would
# have it, but for the keys (test-key, unless $work has the key file already), the
# API's URL and the plugin of this test; the arguments are to change what else
# can't be the same here (ports, paths). For start_collectd. Sets nothing.
example() {
  local file=$top_srcdir/examples/$1 plugins key
  plugins=$("$collectd" -h | sed -n 's/^ *Plugin directory *//p')
  while read -r key; do
    [ -e "$work/$key" ] || (umask 077 && echo test-key >"$work/$key")
  done < <(grep -o 'camb[a-z-]*\.key' "$file")
  sed -e "s,/etc/collectd/\(camb[a-z-]*\\.key\),$work/\1," \
    -e "/^<Plugin camb_task>/a\\  URL \"$api_url\"" \
    -e "/^<*LoadPlugin /{/camb_task/i PluginDir \"$MODULE_DIR\"" \
    -e "/camb_task/!i PluginDir \"$plugins\"" -e '}' "${@:2}" "$file"
}

# --- Where values and alerts go ----------------------------------------------

# start_prometheus PORT...: a real Prometheus, with nothing in it yet, that asks
# collectds at these ports. Its configuration is that of examples/prometheus but
# for addresses and intervals; so are the rules, if $work has no others. It knows
# the Alertmanager, if one was started before. Sets prometheus_url, and prometheus,
# its process ID. (Its program has the name of a function above.)
start_prometheus() {
  local files=$top_srcdir/examples/prometheus targets
  local alerting='/^alerting:/,/^$/d'
  [ -z "${alertmanager_url:-}" ] ||
    alerting="s/127.0.0.1:9093/${alertmanager_url#http://}/"
  targets=$(printf ', 127.0.0.1:%s' "$@")
  sed -e "s/127.0.0.1:9103/${targets#, }/" -e 's/_interval: 15s/_interval: 1s/' \
    -e "$alerting" "$files/prometheus.yml" >"$work/prometheus.yml"
  [ -e "$work/camb_task.rules.yml" ] || cp "$files/camb_task.rules.yml" "$work"
  rm -rf "$work/prometheus.data"
  prometheus_url=http://127.0.0.1:$(free_port)
  command prometheus --config.file="$work/prometheus.yml" \
    --storage.tsdb.path="$work/prometheus.data" \
    --web.listen-address="${prometheus_url#http://}" >"$work/prometheus.log" 2>&1 &
  prometheus=$!
  pids+=("$prometheus")
  wait_for answers "$prometheus_url/-/ready" ||
    skip_or_bail "Prometheus did not start"
}
answers() { curl -fsS --noproxy '*' --max-time 5 "$1"; }

# query EXPRESSION: what Prometheus has, a JSON array of its results.
query() {
  curl -fsS --noproxy '*' --max-time 20 --data-urlencode "query=$1" \
    "$prometheus_url/api/v1/query" | jq -c .data.result
}

# start_alertmanager CONFIGURATION-FILE [OPTION...]: a real Alertmanager. Sets
# alertmanager_url.
start_alertmanager() {
  alertmanager_url=http://127.0.0.1:$(free_port)
  prometheus-alertmanager --config.file="$1" \
    --storage.path="$work/alertmanager.data" --cluster.listen-address= \
    --web.listen-address="${alertmanager_url#http://}" "${@:2}" \
    >"$work/alertmanager.log" 2>&1 &
  pids+=($!)
  wait_for answers "$alertmanager_url/-/ready" ||
    skip_or_bail "Alertmanager did not start"
}

# start_influxdb [LISTENER]: a real InfluxDB 1.x with its collectd listener; with
# another one on influxdb_collectd_port if there is a file with its configuration.
# Sets influxdb_url, and influxdb_collectd_port for the network plugin; its values
# go to the database "collectd".
start_influxdb() {
  influxdb_url=http://127.0.0.1:$(free_port)
  [ "$#" -gt 0 ] || influxdb_collectd_port=$(free_port)
  cat >"$work/influxdb.conf" <<END
reporting-disabled = true
bind-address = "127.0.0.1:$(free_port)"
[meta]
  dir = "$work/influxdb/meta"
[data]
  dir = "$work/influxdb/data"
  wal-dir = "$work/influxdb/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "${influxdb_url#http://}"
$(
    cat "${1:--}" <<LISTENER
[[collectd]]
  enabled = true
  bind-address = "127.0.0.1:$influxdb_collectd_port"
  database = "collectd"
  typesdb = "/usr/share/collectd/types.db"
  batch-timeout = "200ms"
LISTENER
  )
END
  ( # by itself it takes half a minute to end
    trap 'kill -9 $!' TERM
    influxd -config "$work/influxdb.conf" >"$work/influxdb.log" 2>&1 &
    wait
  ) &
  pids+=($!)
  wait_for answers "$influxdb_url/ping" || skip_or_bail "InfluxDB did not start"
}

# influxql STATEMENT: what InfluxDB has, a JSON array of its series.
influxql() {
  curl -fsS --noproxy '*' --max-time 20 -G --data-urlencode "q=$1" \
    -d db=collectd -d epoch=ms "$influxdb_url/query" |
    jq -c 'if .error then error(.error) else . end
      | [.results[] | if .error then error(.error) else .series // [] end] | add'
}

# start_http_receiver: a server that keeps each POST that it gets as a JSON object
# {path, headers, body} in a file of its own in $http_received, in their order,
# and answers 200 {}, or as http_receiver.py says. Sets http_receiver_url.
start_http_receiver() {
  local port
  port=$(free_port)
  http_received=$work/http_received
  mkdir "$http_received"
  http_receiver_url=http://127.0.0.1:$port
  python3 "$top_srcdir/tests/e2e/http_receiver.py" "$port" "$http_received" \
    >"$work/http_receiver.log" 2>&1 &
  pids+=($!)
  wait_for listening "$port" || skip_or_bail "the HTTP receiver did not start"
}

# --- Log and notifications ---------------------------------------------------

# log_has REGEX, and how often
log_has() { grep -Eq -- "$1" "$work/collectd.log"; }
log_count() { grep -Ec -- "$1" "$work/collectd.log"; }

# logged N REGEX: the log has exactly N such lines.
logged() { [ "$(log_count "$2")" -eq "$1" ]; }

# notifications NAME: those of a task (or of an account), "SEVERITY message" on
# each line.
notifications() {
  sed -n "s/.*Notification: severity = \([A-Z]*\), host = [^,]*, plugin = camb_[a-z]*, plugin_instance = $1, .*message = /\1 /p" \
    "$work/collectd.log"
}

notified() { [ "$(notifications "$1" | wc -l)" -ge 1 ]; }

# make_receiver: a program that collectd's exec plugin runs for each notification
# and that keeps it in a file of its own in $received. Sets receiver_conf, for
# MORE_CONF.
make_receiver() {
  local user
  user=$(id -un) || skip_all "this user has no name, which the exec plugin wants"
  [ "$user" != root ] || user=nobody # exec runs nothing as root
  received=$work/received
  mkdir "$received"
  [ "$user" != nobody ] || chown nobody "$received"
  cat >"$work/receive" <<EOF
#!/bin/sh
file=\$(mktemp "$received/.XXXXXXXX") && cat >"\$file" &&
  mv "\$file" "$received/\${file##*/.}"
EOF
  chmod 755 "$work/receive"
  receiver_conf="LoadPlugin exec
<Plugin exec>
  NotificationExec \"$user\" \"$work/receive\"
</Plugin>"
}

# receipts NAME: the files of those of a task, or of an account
receipts() { grep -lx "PluginInstance: $1" "$received"/*; }
received() { receipts "$1" >/dev/null; }

# put_notification PLUGIN INSTANCE WORD: as another plugin sends one.
put_notification() {
  python3 -c '
import socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
client.sendall(b"PUTNOTIF severity=failure time=%d host=e2e plugin=%s "
    b"plugin_instance=%s message=%s\n"
    % (int(sys.argv[2]), *(word.encode() for word in sys.argv[3:])))
sys.exit(not client.recv(200).startswith(b"0 "))
  ' "$work/socket" "$(date +%s)" "$@"
}

# has_polled N: so many more rounds have been polled since this was called.
# Other than waiting for so many seconds, it can't be wrong on a slow machine.
rounds_pass() {
  local target=$(($(counted .requests) + $1))
  wait_for requests_reach "$target"
}
requests_reach() { [ "$(counted .requests)" -ge "$1" ]; }
