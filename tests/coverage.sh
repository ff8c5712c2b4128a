#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Measures which lines of src/ the tests run, by gcc's gcov.
set -uo pipefail

least=95 # percent of all lines

usage() {
  cat <<'EOF'
Usage: tests/coverage.sh

Builds with --enable-coverage, runs the unit tests and those end-to-end tests
that run lines of src/ which no unit test can, prints how many lines of each
file were run, and then those that were not. Needs what ./configure needs, and
gcc, which has gcov.

Environment:
  BUILD_DIR  where to build; default: build, beside this directory

Exit status: 0 enough lines were run, 1 they were not, or the build or a test
failed, 2 the options are wrong. What the build and the tests say is in
BUILD_DIR/coverage/log.
EOF
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(realpath -m "${BUILD_DIR:-$top/build}")/coverage

# Variables of the Makefile's; http2 has a server of HTTP/2.
# shellcheck disable=SC2016
tests='$(unit_tests) $(unsanitized_tests) tests/e2e/http2.test.sh'

build_all() {
  [ -x "$top/configure" ] || (cd "$top" && autoreconf -fi) || return
  [ -f config.status ] ||
    "$top/configure" -q CC=gcc --enable-coverage || return
  make -j"$(nproc)" check TESTS=
}

# What an earlier run has counted does not count.
run_tests() {
  find . -name '*.gcda' -delete
  make -O -j"$(nproc)" check TESTS="$tests"
}

# All of src/ as gcov sees it, "COUNT:LINE:TEXT", what was not run as "#####",
# what is no code as "-". A file that no test has run is among it: gcov knows
# from the build's .gcno what there is to run.
annotate() {
  gcov -t -r -s "$top" src/.libs/*.gcno 2>>log
}

# Sums that up. Fails if less than the least was run, or nothing was there.
report() {
  awk -F: -v least="$least" '
    function row(name, lines, missed) {
      printf "%-28s %6d %6d %6.1f %%\n", name, lines, lines - missed,
        100 * (lines - missed) / lines
    }
    function end_of_file() {
      if (lines > 0) row(file, lines, missed)
      if (missed > 0) not_run = not_run "\n" file "\n" texts
      all_lines += lines; all_missed += missed
      lines = missed = 0; texts = ""
    }
    BEGIN { printf "%-28s %6s %6s\n", "file", "lines", "run" }
    $2 == 0 { if ($3 == "Source") { end_of_file(); file = $4 }; next }
    $1 ~ /-$/ { next }
    { lines++ }
    $1 ~ /#/ {
      missed++
      text = $0
      sub(/^[^:]*:[^:]*:/, "", text)
      texts = texts $2 " " text "\n"
    }
    END {
      end_of_file()
      if (all_lines == 0) { print "nothing was measured"; exit 1 }
      row("total", all_lines, all_missed)
      printf "\nNot run:\n%s", not_run
      if (100 * (all_lines - all_missed) < least * all_lines) {
        printf "\nLess than %d %% were run.\n", least
        exit 1
      }
    }'
}

main() {
  case ${1:-} in
  "") ;;
  --help)
    usage
    exit 0
    ;;
  *)
    usage >&2
    exit 2
    ;;
  esac
  mkdir -p "$build" && cd "$build" || exit 1
  { build_all && run_tests; } >log 2>&1 || {
    grep -v '^PASS: ' log | tail -n 30
    exit 1
  }
  annotate | report
}

main "$@"
