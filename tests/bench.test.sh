#!/bin/bash
# SPDX-License-Identifier: MIT
# The benchmark works: tests/bench/run.sh with so little to do that its figures
# mean nothing, and the steps that are counted.
# shellcheck source-path=SCRIPTDIR/.. disable=SC2317
. "${0%/*}/e2e/lib.sh"
need "$collectd" collectdctl curl jq openssl nginx h2load

plugins=$("$collectd" -h | sed -n 's/^ *Plugin directory *//p')
for plugin in python curl_json; do
  ldd "$plugins/$plugin.so" 2>&1 | grep -q 'not found' &&
    skip_all "a library that collectd's plugin $plugin needs is not installed"
done

tasks=20
BUILD_DIR=$work PATIENCE=60 ROUNDS=1 TASKS=$tasks SCALES="20 40" START_TASKS=50 \
  WRITER_TASKS=20 BENCH_INTERVAL=1 "$top_srcdir/tests/bench/run.sh" \
  peers scale start writers >"$work/bench.log" 2>&1
is "the benchmark passes" $? 0
[ -s "$work/bench/writers.csv" ] || note "$(tail -n 5 "$work/bench.log")"

# has_rows TABLE NUMBER: so many rows below the header, each as wide as that
has_rows() {
  awk -F, -v rows="$2" 'NR == 1 { wide = NF } NF != wide { bad = 1 }
    END { exit bad || NR != rows + 1 }' "$work/bench/$1.csv"
}
ok "each contender has its row" has_rows peers 10
ok "so has each number of tasks" has_rows scale 2
ok "the start has its figures" has_rows start 6
ok "so has each writer, with and without StateSet" has_rows writers 6

# cell TABLE ROW COLUMN
cell() { awk -F, -v row="$2" -v column="$3" '$1 == row { print $column }' "$work/bench/$1.csv"; }

unmeasured() { awk -F, 'NR > 1 && !($4 > 0) { print $1 }' "$work/bench/peers.csv"; }
is "the rounds of each were seen" "$(unmeasured)" ""
is "camb_task needs one connection" "$(cell peers camb_task 8)" 1
is "and as many as requests at once by HTTP/1.1" \
  "$(cell peers 'camb_task (HTTP/1.1)' 8)" "$tasks"
is "the daemon complains of nothing" "$(cell scale 40 10)" 0

while read -r step; do
  ok "step: $step" at_least 1 "$top_builddir/tests/bench/step_costs" "$step" 10 1
done < <(sed -n "/^runs='/,/^'/s/^\([a-z-]*\) .*/\1/p" \
  "$top_srcdir/tests/bench/step_costs.sh" | sort -u)

done_testing
