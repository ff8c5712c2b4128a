#!/bin/bash
# SPDX-License-Identifier: MIT
# examples/quickstart.sh: both of its ways, and what it leaves behind.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
need "$collectd" curl jq dpkg-query pgrep

export TMPDIR=$work/tmp
mkdir "$TMPDIR"
# As it builds, but from what is built already.
export BUILD_DIR=$top_builddir
quickstart=$top_srcdir/examples/quickstart.sh
out=$work/out

started_processes() { pgrep -f "$TMPDIR" | wc -l; }

# Ctrl-C reaches it as SIGINT; a shell's background jobs ignore that, so this
# one is started by env. Sets run, its process ID.
run_to() {
  local regex=$1
  shift
  env --default-signal=INT "$quickstart" "$@" >"$out" 2>&1 &
  run=$!
  pids+=("$run")
  wait_for grep -Eq "$regex" "$out"
}
interrupt() {
  kill -INT "$run"
  wait "$run"
}
run_until() {
  run_to "$@"
  interrupt
}

is "an unknown option is refused" "$("$quickstart" --nonsense >/dev/null 2>&1; echo $?)" 2
run() { "$quickstart" "$@" >"$out" 2>&1; }
ok "--help helps" run --help

ok "the simulated setups run, until Ctrl-C" run_until '^FAILURE: Task interview-pt is PAYMENT_REQUIRED'
ok "a table has the tasks" grep -Eq '^trailer-fr +PENDING +[0-9.]+ s +[0-9.]+ s' "$out"
ok "the notification of the one done came" grep -q '^OKAY: Task podcast-es is SUCCESS' "$out"
ok "it says where to go on" grep -q 'Where to go on' "$out"
is "nothing is left running" "$(started_processes)" 0
is "nothing is left lying about" "$(ls -A "$TMPDIR")" ""

export QUICKSTART_SECONDS=1
ok "a second time too, to its end" run
is "nothing is left running again" "$(started_processes)" 0

start_simulator <<'EOF'
task real-1 success=1
task real-2 error=FORBIDDEN
EOF
export CAMB_API_URL=$api_url
ok "without a key, real tasks are refused" not run real-1
ok "and what to do is said" grep -q 'set CAMB_API_KEY' "$out"
unset QUICKSTART_SECONDS
export CAMB_API_KEY=test-key
ok "with a key, they are followed" run_until '^FAILURE: Task real-2 is ERROR' real-1 real-2
ok "the table has them" grep -Eq '^real-1 +SUCCESS' "$out"
unset CAMB_API_KEY CAMB_API_URL

# As by "Install" in README.md, which does without what only the simulator needs.
mkdir "$work/build" "$work/without"
cat >"$work/without/pkg-config" <<EOF
#!/bin/sh
case "\$*" in *libmicrohttpd*) exit 1 ;; esac
exec $(command -v pkg-config) "\$@"
EOF
chmod +x "$work/without/pkg-config"
installed_before() {
  (cd "$work/build" && PATH=$work/without:$PATH \
    "$(realpath "$top_srcdir")/configure" -q CFLAGS=-O0 >"$work/configure.log" 2>&1) &&
    BUILD_DIR=$work/build QUICKSTART_SECONDS=1 run
}
ok "it runs where the plugin was built without the simulator" installed_before

# --- Prometheus --------------------------------------------------------------

page() { sed -n "s/^  $1: *//p" "$out"; }
# has_pages: its addresses lead to pages that are whole: what they are made of is
# there, too.
has_pages() {
  local part parts base
  base=$(page alerts)
  base=${base%/alerts}
  prometheus_url=${base%/classic}
  answers "$(page statuses)" >/dev/null || return 1
  parts=$(answers "$(page alerts)" | grep -oE '(src|href)="[^"?]*/static/[^"?]*') || return 1
  while IFS='"' read -r _ part; do
    [[ $part = /* ]] || part=/${part#./}
    answers "$prometheus_url$part" >/dev/null || return 1
  done <<<"$parts"
}
firing() { query 'ALERTS{alertstate="firing"}' | jq -r '.[].metric | "\(.alertname) \(.camb_task)"'; }

what="with --prometheus, its pages can be looked at"
if type -P prometheus >/dev/null; then # no function
  ok "--prometheus runs" run_to '^FAILURE: Task interview-pt' --prometheus
  ok "$what" has_pages
  ok "from this machine alone" grep -q '^http://127\.0\.0\.1:' <<<"$(page alerts)"
  ok "the alert on the failed task fires" wait_for prints "CambTaskFailed interview-pt" firing
  is "all rules are loaded" "$(answers "$prometheus_url/api/v1/rules" |
    jq '[.data.groups[].rules[] | select(.type == "alerting")] | length')" \
    "$(grep -c -e '- alert:' "$top_srcdir/examples/prometheus/camb_task.rules.yml")"
  ok "Ctrl-C ends it" interrupt
  is "no Prometheus is left running" "$(started_processes)" 0
  is "nothing of it is left lying about" "$(ls -A "$TMPDIR")" ""
else
  not_tested "$what" "prometheus is not installed"
fi

# The same on a machine that has all but that program.
what="where Prometheus is not installed, its package serves"
mkdir "$work/programs" "$work/download"
for program in /usr/sbin/* /sbin/* /usr/bin/* /bin/*; do
  ln -s "$program" "$work/programs" 2>/dev/null
done
rm -f "$work/programs/prometheus"
if [ -e "$top_builddir/prometheus" ]; then
  not_tested "$what" "it has been fetched already"
elif (cd "$work/download" && timeout 30 apt-get download -q libjs-mustache) >/dev/null 2>&1; then
  PATH=$work/programs run_to '^trailer-fr' --prometheus
  ok "it is fetched" grep -q '^==> Fetching' "$out"
  ok "$what" has_pages
  ok "Ctrl-C ends that, too" interrupt
  is "and nothing of it is left running" "$(started_processes)" 0
  rm -rf "$top_builddir/prometheus"
else
  not_tested "$what" "there is no mirror to fetch it from"
fi

done_testing
