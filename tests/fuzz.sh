#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Fuzzes what reads bytes that others have written, by clang's libFuzzer with
# AddressSanitizer and UndefinedBehaviorSanitizer.
set -uo pipefail

usage() {
  cat <<'EOF'
Usage: tests/fuzz.sh [OPTION]... [SECONDS]

Runs each harness of tests/fuzz for SECONDS (default: 60), one after the other,
from a copy of its corpus, and prints how often it ran, how much code it
covers, and what it found. Needs what ./configure needs, clang, and libFuzzer
(Debian package libclang-rt-dev).

  --only NAME   only the harness tests/fuzz/fuzz_NAME.c; may be repeated
  --merge       afterwards, add to tests/fuzz/corpus a few of the inputs found
                that together cover all the code that was covered
  --max-len N   inputs of at most N bytes (default: 4096)
  --probe       only say whether libFuzzer is there
  --help        this text

Environment:
  BUILD_DIR  where to build; default: build, beside this directory
  CLANG      the compiler; default: clang

Exit status: 0 nothing was found, 1 something was, or the build failed, 2 the
options are wrong, 77 libFuzzer is not there. What was found, and the inputs,
are in BUILD_DIR/fuzz/NAME.
EOF
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$top/build}")/fuzz
clang=${CLANG:-clang}
seconds=60 max_len=4096 merge=false probe=false
names=()

wrong() {
  echo "tests/fuzz.sh: $*" >&2
  usage >&2
  exit 2
}

is_number() { [[ $1 =~ ^[1-9][0-9]{0,6}$ ]]; }

read_options() {
  while [ "$#" -gt 0 ]; do
    case $1 in
    --help)
      usage
      exit 0
      ;;
    --merge) merge=true ;;
    --probe) probe=true ;;
    --only)
      [ -f "$top/tests/fuzz/fuzz_${2:-}.c" ] || wrong "--only: no such harness"
      names+=("$2")
      shift
      ;;
    --max-len)
      is_number "${2:-}" || wrong "--max-len: not a number of bytes"
      max_len=$2
      shift
      ;;
    *)
      is_number "$1" || wrong "what is '$1'?"
      seconds=$1
      ;;
    esac
    shift
  done
  [ "${#names[@]}" -eq 0 ] || return
  local file
  for file in "$top"/tests/fuzz/fuzz_*.c; do
    file=${file##*/fuzz_}
    names+=("${file%.c}")
  done
}

has_libfuzzer() {
  local directory
  directory=$(mktemp -d) || return
  echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n);
    int LLVMFuzzerTestOneInput(const char *d, unsigned long n) {
      return n > 9 && d[0] == 1 ? -1 : 0;
    }' >"$directory/probe.c"
  "$clang" -fsanitize=fuzzer,address,undefined -o "$directory/probe" \
    "$directory/probe.c" 2>/dev/null
  local status=$?
  rm -rf "$directory"
  return "$status"
}

# The flags are those of the user's, not of configure's --enable-sanitizers:
# what libFuzzer is to see needs one more.
build_harnesses() {
  local flags='-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined'
  flags+=' -fno-sanitize-recover=undefined'
  [ -x "$top/configure" ] || (cd "$top" && autoreconf -fi) || return
  mkdir -p "$build" && cd "$build" || return
  [ -f config.status ] ||
    "$top/configure" -q CC="$clang" \
      CFLAGS="$flags -fsanitize=fuzzer-no-link" LDFLAGS="$flags" || return
  make -s -j"$(nproc)" "${names[@]/#/tests/fuzz/fuzz_}"
}

# fuzz NAME: returns 1 if something was found.
fuzz() {
  local name=$1 directory=$build/$1 log=$build/$1.log status
  mkdir -p "$directory/corpus" "$directory/findings"
  cp "$top/tests/fuzz/corpus/$name"/* "$directory/corpus/"
  "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" \
    -max_len="$max_len" -timeout=25 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$directory/findings/" "$directory/corpus" >"$log" 2>&1
  status=$?
  awk -v name="$name" '
    /^#[0-9]+/ { for (i = 2; i < NF; i++) {
      if ($i == "cov:") cov = $(i + 1)
      if ($i == "ft:") features = $(i + 1)
      if ($i == "corp:") corpus = $(i + 1) } }
    /^stat::number_of_executed_units/ { runs = $2 }
    /^stat::average_exec_per_sec/ { rate = $2 }
    END { printf "%s: %d runs (%d/s), %d edges, %d features, corpus %s\n",
      name, runs, rate, cov, features, corpus }' "$log"
  [ "$status" -ne 0 ] || return 0
  tail -n 60 "$log"
  echo "$name: FOUND something (exit status $status): see $log and" \
    "$directory/findings"
  return 1
}

# Without counting how often code is run, which would add hundreds of files;
# each is named by its hash.
merge_corpus() {
  local name=$1
  "$build/tests/fuzz/fuzz_$name" -merge=1 -use_counters=0 \
    -max_len="$max_len" \
    "$top/tests/fuzz/corpus/$name" "$build/$name/corpus" \
    >"$build/$name.merge.log" 2>&1
}

main() {
  local name found=0
  read_options "$@"
  if ! has_libfuzzer; then
    echo "libFuzzer is not there (Debian package libclang-rt-dev)"
    exit 77
  fi
  if $probe; then
    echo "libFuzzer is there"
    exit 0
  fi
  build_harnesses || exit 1
  for name in "${names[@]}"; do
    fuzz "$name" || found=1
    if $merge; then merge_corpus "$name" || found=1; fi
  done
  exit "$found"
}

main "$@"
