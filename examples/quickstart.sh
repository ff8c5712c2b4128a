#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Shows camb_task at work: a real collectd with the plugin, in this terminal.
# See usage below. Nothing is touched but a temporary directory and the build
# directory; packages that are missing are installed by apt.
set -euo pipefail

usage() {
  cat <<'EOF'
Usage: examples/quickstart.sh [--prometheus] [TASK_ID ...]

Without task IDs, follows a handful of simulated project setups. With
CAMB_API_KEY set and task IDs as arguments, follows those tasks on the real API.
Ctrl-C ends it and leaves nothing running.

  --prometheus  also starts a Prometheus with the alert rules of
                examples/prometheus, says at which addresses to look at them in a
                browser on this machine, and goes on until Ctrl-C. Where there is
                no program "prometheus", the Debian package is fetched and
                unpacked in the build directory; it is not installed, since that
                would start a service of its own on port 9090.

Environment:
  CAMB_API_KEY        the key for the real API
  CAMB_API_URL        another base URL than https://client.camb.ai/apis
  QUICKSTART_SECONDS  how long to run; default: until every simulated setup but
                      the endless one has ended, or for ever with real tasks
                      or --prometheus
  BUILD_DIR           where to build; default: build, beside this directory
EOF
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$top/build}")
packages=(autoconf automake libtool pkg-config gcc make libc6-dev
  collectd-core collectd-dev libcurl4-openssl-dev libjson-c-dev
  ca-certificates libmicrohttpd-dev libcmocka-dev libprotobuf-c1 curl)
pids=()
work=
with_prometheus=no
pages= # of Prometheus, to look at

fail() {
  printf 'quickstart: %s\n' "$*" >&2
  exit 1
}

say() { printf '==> %s\n' "$*"; }

# Ends what was started here, by its process ID, and waits for it.
clean_up() {
  trap - EXIT
  trap '' INT TERM HUP # the terminal may be closed, too
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ -n "$work" ]; then
    rm -rf "$work"
  fi
}

install_packages() {
  local package missing=() sudo=()
  command -v dpkg-query >/dev/null ||
    fail "this script installs packages by apt; elsewhere, see the README on how to build"
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
      grep -q '^installed$' || missing+=("$package")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "packages are missing; as root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  say "Installing ${missing[*]}"
  { "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${missing[@]}"; } >"$work/apt.log" 2>&1 || {
    tail -n 20 "$work/apt.log" >&2
    fail "apt-get failed (see above); install these by hand: ${missing[*]}"
  }
}

# Sets prometheus, the command. As a package that is only unpacked, it needs those
# with what its pages need beside it, to which it has relative links.
find_prometheus() {
  local unpacked=$build/prometheus sudo=()
  prometheus=(prometheus)
  ! command -v prometheus >/dev/null || return 0
  prometheus=("$unpacked/usr/bin/prometheus"
    --web.local-assets="$unpacked/usr/share/prometheus/web/")
  [ ! -e "$unpacked" ] || return 0
  say "Fetching the package prometheus to $unpacked"
  mkdir -p "$build" "$work/packages" "$work/unpacked"
  if ! fetch_packages >"$work/apt.log" 2>&1; then
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    # what apt knows of packages may be too old
    { "${sudo[@]}" apt-get update -qq && fetch_packages; } >>"$work/apt.log" 2>&1 || {
      tail -n 20 "$work/apt.log" >&2
      fail "the package prometheus can't be fetched (see above)"
    }
  fi
  for package in "$work"/packages/*.deb; do
    # without 200 MB of old time zones
    dpkg-deb --fsys-tarfile "$package" |
      tar -x -C "$work/unpacked" --exclude='./usr/share/javascript/*/data/*'
  done
  mv "$work/unpacked" "$unpacked"
}

fetch_packages() (
  cd "$work/packages" || return
  scripts=$(apt-cache depends --recurse --important prometheus |
    grep -E '^(libjs|fonts)-' | sort -u)
  # shellcheck disable=SC2086 # several packages
  apt-get download prometheus $scripts
)

build_plugin() {
  [ ! -e "$top/config.status" ] ||
    fail "the source directory itself is configured; run 'make distclean' there first"
  say "Building in $build"
  {
    mkdir -p "$build" &&
      { [ -e "$top/configure" ] || (cd "$top" && autoreconf -fi); } &&
      cd "$build" &&
      if [ ! -e Makefile ]; then
        "$top/configure" -q
      # configured before the package was there, as "Install" in README.md does
      elif ! grep -q '^MICROHTTPD_LIBS = *-' Makefile; then
        ./config.status --recheck && ./config.status
      fi &&
      make -s src/camb_task.la tests/camb_api_simulator
  } >"$work/build.log" 2>&1 || {
    tail -n 20 "$work/build.log" >&2
    fail "the build failed (see above); try again with an empty $build"
  }
  cd "$work"
}

# Waits until a command succeeds, for at most so many seconds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

start_simulator() {
  "$build/tests/camb_api_simulator" --port-file "$work/port" --key simulated \
    --scenario "$top/examples/quickstart.scenario" >"$work/simulator.log" 2>&1 &
  pids+=($!)
  wait_for 10 test -s "$work/port" || {
    cat "$work/simulator.log" >&2
    fail "the simulator did not start (see above)"
  }
  CAMB_API_KEY=simulated
  # the simulator is on this machine, so no proxy can reach it
  unset http_proxy all_proxy ALL_PROXY
  CAMB_API_URL=http://127.0.0.1:$(cat "$work/port")/apis
}

# The Task lines of the configuration: of the simulated setups, each under its
# project's name, or of the task IDs in the arguments.
task_lines() {
  local id
  if [ "$#" -eq 0 ]; then
    sed -n 's/^task \([^ ]*\) .*name="\([^"]*\)".*/  Task "\1" "\2"/p' \
      "$top/examples/quickstart.scenario"
    return
  fi
  for id in "$@"; do
    id=${id//\\/\\\\}
    printf '  Task "%s"\n' "${id//\"/\\\"}"
  done
}

free_port() {
  local port
  while port=$((10000 + RANDOM % 20000)); do # below those of outgoing connections
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

start_collectd() {
  port=$(free_port)
  cat >"$work/collectd.conf" <<EOF
Hostname "quickstart"
FQDNLookup false
BaseDir "$work"
PIDFile "$work/collectd.pid"
Interval 1

LoadPlugin logfile
<Plugin logfile>
  File "$work/collectd.log"
  LogLevel info
  Timestamp false
</Plugin>
LoadPlugin write_prometheus
<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "$port"
</Plugin>

PluginDir "$build/src/.libs"
LoadPlugin camb_task
<Plugin camb_task>
${CAMB_API_URL:+  URL \"$CAMB_API_URL\"}
$(task_lines "$@")
</Plugin>
EOF
  # The key goes by the environment: a configuration file would keep it.
  CAMB_API_KEY=$CAMB_API_KEY "$(command -v collectd || echo /usr/sbin/collectd)" \
    -f -C "$work/collectd.conf" >"$work/collectd.out" 2>&1 &
  collectd=$!
  pids+=("$collectd")
  wait_for 10 metrics || {
    cat "$work/collectd.out" "$work/collectd.log" >&2 2>/dev/null || true
    fail "collectd did not start (see above)"
  }
}

# As README.md says, "Be alerted", but for the addresses, and without an
# Alertmanager.
start_prometheus() {
  local url
  url=127.0.0.1:$(free_port)
  cp "$top/examples/prometheus/camb_task.rules.yml" "$work"
  sed -e "s/127.0.0.1:9103/127.0.0.1:$port/" -e 's/_interval: 15s/_interval: 1s/' \
    -e '/^alerting:/,/^$/d' "$top/examples/prometheus/prometheus.yml" \
    >"$work/prometheus.yml"
  "${prometheus[@]}" --config.file="$work/prometheus.yml" \
    --storage.tsdb.path="$work/prometheus" --web.listen-address="$url" \
    >"$work/prometheus.log" 2>&1 &
  pids+=($!)
  url=http://$url
  wait_for 20 get "$url/-/ready" || {
    tail -n 5 "$work/prometheus.log" >&2
    fail "Prometheus, which has to be 2.42 or later, did not start (see above)"
  }
  # Debian's has pages of its own, and at another place
  get "$url/alerts" 2>/dev/null || url=$url/classic
  pages="Prometheus, in a browser on this machine:
  alerts:   $url/alerts
  statuses: $url/graph?g0.tab=0&g0.range_input=5m&g0.expr=collectd_camb_task_gauge%7Btype%3D%22status%22%7D"
}

# get URL [FILE]
get() { curl -fsS --noproxy '*' -o "${2:-$work/got}" "$1"; }

# Fetches what collectd has for Prometheus; fails while there is nothing of
# camb_task in it.
metrics() {
  get "http://127.0.0.1:$port/metrics" "$work/metrics" &&
    grep -q '^collectd_camb_task_' "$work/metrics"
}

# The table of the tasks, from the metrics. A dash stands for what is not known.
table() {
  awk '
    function label(name,   rest) {
      rest = $0
      if (!sub(".*[{,]" name "=\"", "", rest)) return ""
      sub(/".*/, "", rest)
      return rest
    }
    function seconds(task, type) {
      if (!((task, type) in duration)) return "-"
      return sprintf("%.1f s", duration[task, type])
    }
    BEGIN {
      split("SUCCESS PENDING ERROR TIMEOUT PAYMENT_REQUIRED", words, " ")
    }
    !/^collectd_camb_task_/ { next }
    { task = label("camb_task"); type = label("type"); value = $(NF - 1) }
    /^collectd_camb_task_gauge[{]/ && type == "status" {
      status[task] = value < 0 ? "unknown" : words[value + 1]
      order[++count] = task
    }
    /^collectd_camb_task_duration/ { duration[task, type] = value }
    END {
      printf "%-38s %-17s %10s %10s\n", "TASK", "STATUS", "ELAPSED", "AGE"
      for (i = 1; i <= count; i++) {
        task = order[i]
        printf "%-38s %-17s %10s %10s\n", task, status[task],
          seconds(task, "elapsed"), seconds(task, "status_age")
      }
    }' "$work/metrics"
}

# What collectd logged of the plugin and of its notifications, readably.
news() {
  sed -n 's/^Notification: severity = \([A-Z]*\),.*, message = /\1: /p
    s/^\(\[[a-z]*\] \)\{0,1\}camb_task plugin: /log: /p' "$work/collectd.log" \
    2>/dev/null || true
}

show() {
  if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ]; then
    printf '\033[H\033[2J'
    printf 'camb_task in collectd, from %s (Ctrl-C ends)\n\n' \
      "${CAMB_API_URL:-https://client.camb.ai/apis}"
    table
    [ -z "$pages" ] || printf '\n%s\n' "$pages"
    printf '\nNotifications and log:\n'
    news | tail -n 15
  else
    # Not a terminal: the table when a status has changed, news as they come.
    local statuses
    statuses=$(table | awk '{print $1, $2}')
    if [ "$statuses" != "${shown:-}" ]; then
      table
      shown=$statuses
    fi
    news | tail -n "+$((${told:-0} + 1))"
  fi
  told=$(news | wc -l)
}

has_ended() {
  if [ -n "${QUICKSTART_SECONDS:-}" ]; then
    [ $((SECONDS - started)) -ge "$QUICKSTART_SECONDS" ]
  else
    [ "$simulated" = yes ] && [ "$with_prometheus" = no ] &&
      [ "$(table | grep -Ec ' (PENDING|unknown) ')" -le 1 ]
  fi
}

go_on() {
  cat <<EOF

Where to go on:
  - Your own tasks:  CAMB_API_KEY=... examples/quickstart.sh TASK_ID ...
  - Install it:      make -C $build install
  - Configure it:    README.md, "Configure"
  - Be alerted:      README.md, "Be alerted", and examples/prometheus
EOF
}

# Ctrl-C is a way to end it, not a failure.
on_interrupt() {
  go_on
  clean_up
  exit 0
}

main() {
  case "${1:-}" in
  -h | --help)
    usage
    exit 0
    ;;
  --prometheus)
    with_prometheus=yes
    shift
    ;;
  esac
  case "${1:-}" in
  -*)
    usage >&2
    exit 2
    ;;
  esac
  simulated=yes
  if [ "$#" -gt 0 ]; then
    simulated=no
    [ -n "${CAMB_API_KEY:-}" ] ||
      fail "to follow real tasks, set CAMB_API_KEY to your key (CAMB.AI Studio shows it)"
  fi
  work=$(mktemp -d)
  trap clean_up EXIT
  trap on_interrupt INT TERM HUP
  install_packages
  if [ "$with_prometheus" = yes ]; then
    find_prometheus
  fi
  build_plugin
  if [ "$simulated" = yes ]; then
    start_simulator
  fi
  start_collectd "$@"
  if [ "$with_prometheus" = yes ]; then
    start_prometheus
    say "$pages"
  fi
  started=$SECONDS
  until has_ended; do
    kill -0 "$collectd" 2>/dev/null || {
      tail -n 5 "$work/collectd.log" >&2
      fail "collectd has ended (see above)"
    }
    metrics && show
    sleep 1
  done
  show
  go_on
}

main "$@"
