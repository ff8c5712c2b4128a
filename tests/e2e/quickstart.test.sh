#!/bin/bash
# SPDX-License-Identifier: MIT
# examples/quickstart.sh: both of its ways, and what it leaves behind.
# shellcheck source-path=SCRIPTDIR
. "${0%/*}/lib.sh"
need "$collectd" curl jq dpkg-query pgrep

export TMPDIR=$work/tmp
mkdir "$TMPDIR"
# As it builds, but from what is built already; not as a part of this make.
unset MAKEFLAGS MFLAGS MAKELEVEL
export BUILD_DIR=$top_builddir
quickstart=$top_srcdir/examples/quickstart.sh
out=$work/out

started_processes() { pgrep -f "$TMPDIR" | wc -l; }

# Ctrl-C reaches it as SIGINT; a shell's background jobs ignore that, so this
# one is started by env.
run_until() {
  local regex=$1
  shift
  env --default-signal=INT "$quickstart" "$@" >"$out" 2>&1 &
  local pid=$!
  pids+=("$pid")
  wait_for grep -Eq "$regex" "$out"
  kill -INT "$pid"
  wait "$pid"
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
unset CAMB_API_KEY

done_testing
