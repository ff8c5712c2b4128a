#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck source-path=SCRIPTDIR/.. disable=SC2317 # functions called by name
#
# Passes all tests: installs what they need (Debian, Ubuntu), builds out of tree,
# runs everything, and ends with one line "N passed, N failed, N skipped".
set -uo pipefail

usage() {
  cat <<'EOF'
Usage: tests/run.sh [--soak MINUTES]

  --soak MINUTES  only the soak, tests/e2e/soak.test.sh, for so long instead of
                  the short time that it has among all tests

Environment:
  BUILD_DIR  where to build; default: build, beside this directory
EOF
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$top/tests/packages.sh"
build=$(realpath -m "${BUILD_DIR:-$top/build}")
logs=$build/logs
jobs=$(nproc)
passed=0 failed=0 skipped=0

packages=(
  # to build
  autoconf automake libtool pkg-config make gcc libc6-dev
  collectd-core collectd-dev libcurl4-openssl-dev libjson-c-dev
  # to test: unit tests and simulator; collectd with write_prometheus
  libcmocka-dev libmicrohttpd-dev collectd-utils libprotobuf-c1
  ca-certificates curl jq openssl nginx-light procps valgrind libc6-dbg
  # what values and alerts go to
  prometheus prometheus-alertmanager influxdb rrdtool graphite-carbon
  python3-minimal python3-aiosmtpd libesmtp6 libgcrypt20
  # to run collectd as a service
  systemd systemd-container
  # to try the benchmark
  nghttp2-client libcurl3-gnutls libyajl2
  # to make packages and releases, and to check them
  build-essential debhelper lintian rpm git
  # to check the manual (and make it, by perl's pod2man) and the sources
  mandoc perl
  clang clang-format clang-tidy cppcheck shellcheck
)

# Where there is such a package: elsewhere libFuzzer comes with clang.
fuzzing_package=libclang-rt-dev
fuzzing_seconds=5 # of each harness; more by tests/fuzz.sh

# What runs several threads at once.
threaded_tests='tests/unit/test_http_client tests/unit/test_poller'

say() { printf '\n==> %s\n' "$*"; }

end() {
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" -eq 0 ]
  exit
}

# Nothing else makes sense without these.
require() {
  local name=$1
  shift
  if ! "$@" >"$logs/$name.log" 2>&1; then
    tail -n 30 "$logs/$name.log"
    echo "$name: failed; the log is $logs/$name.log"
    failed=$((failed + 1))
    end
  fi
}

# check NAME COMMAND...: a test of its own.
check() {
  local name=$1
  shift
  if "$@" >"$logs/$name.log" 2>&1; then
    echo "PASS: $name"
    passed=$((passed + 1))
  else
    tail -n 30 "$logs/$name.log"
    echo "FAIL: $name"
    failed=$((failed + 1))
  fi
}

install_packages() {
  local missing
  mapfile -t missing < <(missing_packages "${packages[@]}" "$(python_package)")
  if ! is_installed "$fuzzing_package" &&
    apt-cache show "$fuzzing_package" >/dev/null 2>&1; then
    missing+=("$fuzzing_package")
  fi
  [ "${#missing[@]}" -gt 0 ] || return 0
  say "Installing ${missing[*]}"
  require apt-install apt_install "${missing[@]}"
}

# How many of automake's results were so: count LOG RESULT...
count() {
  local log=$1 IFS='|'
  shift
  sed -nE "s/^# ($*): *([0-9]+)\$/\2/p" "$log" |
    awk '{ sum += $1 } END { print sum + 0 }'
}

# make_check NAME COMMAND...: a make that runs tests by automake's harness; its
# single results count.
make_check() {
  local name=$1 log=$logs/$1.log status total
  shift
  "$@" >"$log" 2>&1 &
  # what is being done, as it is done
  tail -n +1 -s 0.2 -F --pid=$! "$log" 2>/dev/null |
    grep --line-buffered -E '^(PASS|FAIL|SKIP|ERROR|XFAIL|XPASS): ' |
    sed -u 's/\(.\{100\}\).*/\1…/'
  wait $!
  status=$?
  total=$(count "$log" TOTAL)
  passed=$((passed + $(count "$log" PASS XFAIL)))
  failed=$((failed + $(count "$log" FAIL ERROR XPASS)))
  skipped=$((skipped + $(count "$log" SKIP)))
  echo "$name: $total results"
  if [ "$status" -ne 0 ] || [ "$total" -eq 0 ]; then
    grep -v '^PASS: ' "$log" | tail -n 100
    echo "FAIL: $name (exit status $status); the log is $log"
    failed=$((failed + 1))
  fi
}

configured() {
  local directory=$build/$1
  shift
  mkdir -p "$directory" && cd "$directory" &&
    "$top/configure" -q --enable-werror "$@"
}

# Flags for the tools that read the sources.
source_flags() {
  printf '%s\n' -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
    -DCAMB_TASK_VERSION='"0"' "-I$top/src" -isystem /usr/include/collectd
  pkg-config --cflags json-c libcurl cmocka libmicrohttpd | tr ' ' '\n'
}

check_sources() {
  local directory flags sources=() units=()
  for directory in src tests/bench tests/fuzz tests/simulator tests/unit; do
    sources+=("$top/$directory"/*.[ch])
    units+=("$top/$directory"/*.c)
  done
  mapfile -t flags < <(source_flags)
  check clang-format clang-format --dry-run -Werror "${sources[@]}"
  check cppcheck cppcheck -q --enable=warning,performance,portability \
    --inline-suppr --error-exitcode=1 --std=c11 -D_GNU_SOURCE \
    "-I$top/src" "${units[@]}"
  check clang-tidy tidy "${units[@]}" -- "${flags[@]}"
  check shellcheck shellcheck -x "$top"/tests/*.sh "$top"/tests/bench/*.sh \
    "$top"/tests/bench/peers/*.sh "$top"/tests/e2e/*.sh "$top"/examples/*.sh \
    "$top"/examples/*/*.sh "$top"/packaging/*.sh \
    "$top"/packaging/debian/{postrm,preinst} "$top"/.ci/run
}

# clang-tidy over each file, several at once: tidy FILE... -- FLAG...
tidy() {
  local files=()
  while [ "$1" != -- ]; do
    files+=("$1")
    shift
  done
  printf '%s\0' "${files[@]}" |
    xargs -0 -P "$jobs" -I{} clang-tidy --quiet {} "$@"
}

check_threads() {
  local without_aslr=()
  # gcc's ThreadSanitizer (12) knows only some of the layouts that Linux makes
  ! setarch -R true 2>/dev/null || without_aslr=(setarch -R)
  require configure-thread-sanitizer \
    configured thread-sanitizer --enable-thread-sanitizer
  make_check thread-sanitizer "${without_aslr[@]}" \
    make -O -j"$jobs" -C "$build/thread-sanitizer" check \
    "check_PROGRAMS=$threaded_tests" "TESTS=$threaded_tests"
}

fuzz() {
  if ! "$top/tests/fuzz.sh" --probe; then
    echo "SKIP: fuzz"
    skipped=$((skipped + 1))
    return
  fi
  check fuzz env "BUILD_DIR=$build" "$top/tests/fuzz.sh" "$fuzzing_seconds"
  grep ' runs ' "$logs/fuzz.log"
}

coverage() {
  check coverage env "BUILD_DIR=$build" "$top/tests/coverage.sh"
  cat "$logs/coverage.log"
}

# Builds, and runs the soak for so many minutes, with its figures as they come.
soak() {
  local log=$logs/soak.log status
  say "Building"
  cd "$top" && require autoreconf autoreconf -fi
  require configure-soak configured soak
  require build-soak make -j"$jobs" -C "$build/soak" \
    src/camb_task.la tests/camb_api_simulator

  say "The soak, for $1 minutes"
  SOAK_SECONDS=$((10#$1 * 60)) COLLECTD=${COLLECTD:-/usr/sbin/collectd} \
    top_srcdir=$top top_builddir=$build/soak \
    MODULE_DIR=$build/soak/src/.libs \
    SIMULATOR=$build/soak/tests/camb_api_simulator \
    bash "$top/tests/e2e/soak.test.sh" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  passed=$(grep -c '^ok ' "$log")
  failed=$(grep -c '^not ok ' "$log")
  skipped=$(grep -c '^1\.\.0 # SKIP' "$log")
  [ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
}

main() {
  local minutes=
  if [ "$#" -eq 2 ] && [ "$1" = --soak ] && [[ $2 =~ ^[0-9]+$ ]]; then
    minutes=$2
  elif [ "$#" -gt 0 ]; then
    usage
    exit 2
  fi
  if [ -e "$top/config.status" ]; then
    echo "The source directory itself is configured; run 'make distclean' there first."
    exit 1
  fi
  mkdir -p "$logs"
  install_packages
  if [ -n "$minutes" ]; then
    soak "$minutes"
    say "Results"
    end
  fi

  say "Checking the sources"
  check_sources

  say "Building with clang"
  cd "$top" && require autoreconf autoreconf -fi
  require configure-clang configured clang CC=clang
  check build-clang make -s -j"$jobs" -C "$build/clang"

  say "Unit tests with AddressSanitizer and UndefinedBehaviorSanitizer"
  require configure-sanitizers configured sanitizers --enable-sanitizers
  make_check sanitizers make -O -j"$jobs" -C "$build/sanitizers" check

  say "The tests of threads with ThreadSanitizer"
  check_threads

  say "Fuzzing for $fuzzing_seconds seconds each"
  fuzz

  say "Which lines of src/ the tests run"
  coverage

  say "All tests, from the tarball that 'make dist' makes"
  require configure configured check
  make_check distcheck make -O -j"$jobs" -C "$build/check" distcheck \
    DISTCHECK_CONFIGURE_FLAGS=--enable-werror

  say "Results"
  end
}

main "$@"
