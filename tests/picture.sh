#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Makes the README's picture from what a real collectd has seen of simulated
# setups. See usage below.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail

usage() {
  cat <<'END'
Usage: tests/picture.sh [--seconds NUMBER] [DIRECTORY]

Plays eight project setups in so many seconds (90), has a real collectd follow them
with examples/recipes/rrdtool.conf, draws that by examples/recipes/rrd-graph.sh, and
puts the pictures into DIRECTORY, or the README's one in its place. Needs rrdtool
and a build (README.md, "Contribute").

Environment:
  BUILD_DIR  where that build is; default: build/check, beside this directory
END
}

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=90
if [ "${1:-}" = --seconds ]; then
  seconds=${2:-}
  shift $(($# > 1 ? 2 : 1))
fi
if [ "$#" -gt 1 ] || [[ ${1:-} == -* ]] || ! [[ $seconds =~ ^[1-9][0-9]{0,4}$ ]]; then
  usage
  [[ ${1:-} =~ ^(-h|--help)$ ]]
  exit # by whether it was asked for
fi

build=$(realpath -m "${BUILD_DIR:-$top/build/check}")
export top_srcdir=${top_srcdir:-$top} top_builddir=${top_builddir:-$build}
export MODULE_DIR=${MODULE_DIR:-$build/src/.libs}
export SIMULATOR=${SIMULATOR:-$build/tests/camb_api_simulator}
if [ ! -x "$SIMULATOR" ] || [ ! -e "$MODULE_DIR/camb_task.so" ]; then
  echo "picture: there is no build in $build (README.md, \"Contribute\")" >&2
  exit 1
fi
. "$top/tests/e2e/lib.sh"
. "$top/tests/e2e/recipes.sh"

# Which second of 90 each is listed in, and its fate from then on. The first two
# are those of the recipe.
setups() {
  cat <<'END'
0 660945d2-6a54-4b8b-8295-aa08f3d432d7 trailer-fr pending=20 success=auto
0 0d9a3c1e-52b7-4e63-a1c8-7f5b2d90e4aa keynote-de pending=62 success=auto
4 94f6a2bd-3e08-4715-bc69-1d82f7e05b96 documentary-it pending=45 timeout
7 2a8d5e90-71fc-4b34-9e0d-f5c6138ab7d2 lecture-hi
12 7c2e81f4-19d3-4f0a-b6e5-c84d10a92f37 webinar-ja pending=18 error=SOURCE_TOO_LONG
18 e35b7d08-c4a1-4d96-8f12-60ab9e7d5c43 interview-pt pending=6 payment_required
26 b61f0c52-8f0e-4c2b-9d5a-3e7a4f0d9c11 podcast-es pending=30 success=auto
42 5f0c7a52-3c57-4c0e-9a0f-5f6a1f0b2c11 trailer-de pending=25 success=auto
END
}

# Lists each at its time. Returns when all is played.
list_setups() {
  local second id name begun=$EPOCHREALTIME
  while read -r second id name _; do
    sleep "$(awk -v begun="$begun" -v now="$EPOCHREALTIME" -v second="$second" \
      -v all="$seconds" 'BEGIN {
        rest = begun + second * all / 90 - now
        print (rest > 0 ? rest : 0)
      }')"
    [ "$second" -eq 0 ] || echo "$id $name" >>"$work/camb.tasks"
  done < <(setups; echo 90)
}

setups | awk -v all="$seconds" '
  BEGIN { print "start at=asked"; print "all latency=0.05" }
  {
    if (split($4, pending, "=") == 2) $4 = "pending=" pending[2] * all / 90
    $1 = "task"
    $3 = ""
    print
  }' >"$work/setups"
start_simulator <"$work/setups"
: >"$work/camb.tasks"
start=$(date +%s)
start_recipe studio rrdtool.conf \
  -e "s,/var/lib/collectd/camb.tasks,$work/camb.tasks," \
  -e "s,/var/lib/collectd/rrd,$work/rrd,"
list_setups
end_process "$recipe"
"$top/examples/recipes/rrd-graph.sh" --data "$work/rrd" --output "$work/pictures" \
  --start "$start" --end "$(($(date +%s) - 1))" --width 480 || exit
if [ "$#" -gt 0 ]; then
  mkdir -p "$1" && mv "$work/pictures"/*.svg "$1"
else
  mv "$work/pictures/camb-tasks.svg" "$top/examples/picture.svg"
fi
