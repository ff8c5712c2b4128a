#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Counts the instructions that one step of the plugin's work takes, its libraries'
# among them, by callgrind, and the bytes that a task takes: the same on each run
# and, nearly, on each machine, so that what has become dearer shows where times
# would not.
#
#     tests/bench/step_costs.sh [CSV-FILE [MEMORY-CSV-FILE]]
#
# Prints two tables, and writes them to the files. Each step is done N and 2 N
# times: what the second run takes more is the step's own. top_builddir: the
# directory in which the plugin is configured; default: the working directory.
set -euo pipefail

top_builddir=${top_builddir:-.}
program=$top_builddir/tests/bench/step_costs
csv=${1:-/dev/null} memory_csv=${2:-/dev/null}

# How often each step is done, and with how many tasks: few and many, where a
# step's cost could grow with their number.
runs='
decode         1     1000
decode-ended   1     1000
track          100   20
track          10000 1
snapshot       100   20
snapshot       10000 1
emit           1000  1
emit-state-set 1000  1
list           100   5
list           10000 1
list-again     10000 1
save           100   5
save           10000 1
restore        100   5
restore        10000 1
'

fail() {
  echo "step_costs.sh: $*" >&2
  exit 1
}

# count STEP TASKS REPETITIONS: the instructions, and how many things were done.
count() {
  local log things
  log=$(mktemp)
  things=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    --log-file="$log" "$program" "$@") || fail "$*: $(cat "$log")"
  sed -n "s/.*Collected : *\([0-9]*\).*/\1 $things/p" "$log"
  rm -f "$log"
}

# cost STEP TASKS REPETITIONS: the instructions for one thing.
cost() {
  local once twice
  once=$(count "$1" "$2" "$3")
  twice=$(count "$1" "$2" $((2 * $3)))
  awk '{ print int(($3 - $1) / ($4 - $2)) }' <<<"$once $twice"
}

instructions() {
  local step tasks repetitions cost
  echo step,tasks,instructions
  while read -r step tasks repetitions; do
    cost=$(cost "$step" "$tasks" "$repetitions")
    echo "$step,$tasks,$cost"
  done < <(grep . <<<"$runs")
}

# What there is for each task, with few of them and with many.
memory() {
  local tasks
  echo part,tasks,bytes
  for tasks in 1000 100000; do
    "$program" memory "$tasks" | sed "s/ /,$tasks,/"
  done
}

# table CSV-FILE: shows what comes in as CSV, and writes it to the file.
table() {
  tee "$1" | awk -F, '{ printf "%-16s %8s %14s\n", $1, $2, $3; fflush() }'
}

command -v valgrind >/dev/null || fail "missing: valgrind"
make -s -C "$top_builddir" tests/bench/step_costs >&2
instructions | table "$csv"
echo
memory | table "$memory_csv"
