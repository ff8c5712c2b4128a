# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For the tests of examples/recipes, besides lib.sh: any number of collectds, each
# with a recipe and, but for a name and a directory, nothing else.

# start_recipe HOST FILE [SED-ARGUMENT...]: a collectd of that host name which has
# the recipe as a drop-in; the arguments as for "example". Its directory is
# $work/HOST, its log $work/HOST.log. Sets recipe, its process ID.
start_recipe() {
  local host=$1 file=recipes/$2 directory=$work/$1
  shift 2
  mkdir -p "$directory/drop-ins"
  example "$file" -e 's/^  Interval .*/  Interval 1/' "$@" \
    >"$directory/drop-ins/recipe.conf"
  cat >"$directory/collectd.conf" <<END
Hostname "$host"
FQDNLookup false
BaseDir "$directory"
PIDFile "$directory/pid"
Interval 1
LoadPlugin logfile
<Plugin logfile>
  File "$work/$host.log"
  LogLevel info
  Timestamp false
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "$directory/socket"
</Plugin>
Include "$directory/drop-ins/*.conf"
END
  "$collectd" -f -C "$directory/collectd.conf" >"$work/$host.out" 2>&1 &
  recipe=$!
  pids+=("$recipe")
  wait_for grep -q 'Initialization complete' "$work/$host.log" || {
    note "$(cat "$work/$host.out" "$work/$host.log")"
    skip_or_bail "collectd did not start with $file"
  }
}

# value_at HOST IDENTIFIER: what that collectd has, without trailing zeros; of
# another host than its own: value_at HOST IDENTIFIER THE-OTHER-HOST
value_at() {
  collectdctl -s "$work/$1/socket" getval "${3:-$1}/$2" 2>/dev/null |
    sed -n 's/^[a-z]*=//p' | awk '{ printf "%.10g\n", $1 }'
}

# How many identifiers that match a regular expression that collectd has:
# identifiers_at HOST REGEX
identifiers_at() {
  collectdctl -s "$work/$1/socket" listval | grep -Ec -- "$2"
}

not_at() { [ "$(identifiers_at "$1" "/$2/")" -eq 0 ]; }

# What a recipe's comments say that another program's configuration needs.
said_in() { sed -n 's/^#     //p' "$top_srcdir/examples/recipes/$1"; }
